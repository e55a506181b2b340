"""Guesses without a browser: what the page may send, what is said beside the measurement, and what is refused."""

import itertools
import re
import subprocess
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

from course_utils import _page, figures, predictions, widgets
from tests.browser import test_explorer_js as explorer_js

X = np.linspace(0, 200, 8)
LAG = np.arange(201.0)


@pytest.fixture(autouse=True)
def nothing_committed(monkeypatch):
    monkeypatch.setattr(predictions, "_committed", {})


@pytest.fixture
def shown(monkeypatch):
    """What is displayed, one mimebundle after the other."""
    bundles = []
    monkeypatch.setattr(predictions, "display", lambda data, metadata=None, raw=False: bundles.append(data))
    return bundles


def choice(**changes):
    return widgets.predict(**{"question": "Which one?", "choices": ["RNN", "GRU", "GRU, open gate"]} | changes)


def number(**changes):
    return widgets.predict(**{"question": "How many?", "number": (1, 1000), "unit": "steps", "log": True} | changes)


def count(**changes):
    return number(**{"number": (0, 41), "unit": "", "log": False, "whole": True} | changes)


def curve(**changes):
    axes = {"x": (0, 200), "y": (1e-60, 1e3)}
    return widgets.predict(**{"question": "Draw it", "curve": axes, "log": True, "ylabel": "norm"} | changes)


KINDS = {"choice": (choice, "GRU"), "number": (number, 40), "curve": (curve, [1.0] * 8)}
MEASURED = {"choice": "RNN", "number": 38, "curve": LAG * 0 + 0.1}
every_kind = pytest.mark.parametrize("kind", KINDS)


def send(guess, value, why="", **more):
    """A message as the page sends it; returns what the page is told."""
    told = []
    guess.send = told.append
    guess._handle_custom_msg({"kind": "commit", "value": value, "why": why} | more, [])
    return told


def guessed(kind, why=""):
    make, value = KINDS[kind]
    guess = make()
    assert send(guess, value, why) == [{"kind": "taken"}]
    return guess


def compared(shown, guess, *arguments, **options):
    """The words of what `compare` displays."""
    shown.clear()
    guess.compare(*arguments, **options)
    (bundle,) = shown
    assert set(bundle) == {"text/html", "text/plain"}
    return bundle["text/plain"]


# ---------------------------------------------------------------- what the page may send


@every_kind
def test_a_guess_arrives(kind):
    make, value = KINDS[kind]
    guess = make()
    assert guess.value is None and guess.why == ""
    assert send(guess, value, "  since it\n keeps \x00 ") == [{"kind": "taken"}]
    np.testing.assert_array_equal(guess.value, value)
    assert guess.why == "since it keeps"
    assert type(guess.value) is {"choice": str, "number": float, "curve": np.ndarray}[kind]
    assert guess.state["value"] == value and guess.state["words"]


@pytest.mark.parametrize(
    "kind, value",
    [
        *(("choice", value) for value in [None, "LSTM", "", 0, True, ["GRU"], {"GRU": 1}, float("nan")]),
        *(
            ("number", value)
            for value in [None, "40", 0, 0.999, 1001, -5, True, [40], [], {}, float("nan"), float("inf")]
        ),
        ("number", 10**400),
        *(("curve", value) for value in [None, 1.0, [], [1.0] * 7, [1.0] * 9, [1.0] * 7 + [None], ["1"] * 8, {}]),
        *(("curve", [1.0] * 7 + [value]) for value in [0.0, 1e-61, 1001.0, float("nan"), float("inf"), True, 10**400]),
        ("curve", [[1.0] * 8]),
    ],
)
def test_what_is_no_answer_is_refused_and_the_page_is_told(kind, value):
    guess = KINDS[kind][0]()
    (told,) = send(guess, value)
    assert told["kind"] == "refused" and told["says"].startswith("Please ") and told["says"].endswith(".")
    assert guess.value is None and guess.state["value"] is None


def test_a_count_is_a_whole_number(shown):
    guess = count()
    assert "a whole number from 0 to 41" in shown[0]["text/html"]
    for value in (3.7, 0.5, 40.999999):
        (told,) = send(guess, value)
        assert told == {"kind": "refused", "says": "Please give a whole number: it is a count."}
    assert send(guess, 41.5)[0]["says"].startswith("Please stay within")
    assert guess.value is None
    for value in (0, 41.0, 4):
        assert send(guess, value) == [{"kind": "taken"}] and guess.value == value
    assert send(number(), 3.7) == [{"kind": "taken"}]  # others may lie between


@every_kind
@pytest.mark.parametrize("why", [None, 3, ["a"], "a" * 501])
def test_a_sentence_that_is_none_is_refused(kind, why):
    make, value = KINDS[kind]
    guess = make()
    assert send(guess, value, why)[0]["kind"] == "refused"
    assert guess.value is None


@every_kind
def test_other_messages_are_ignored(kind):
    guess = KINDS[kind][0]()
    for content in (None, "commit", [], {}, {"kind": "reveal"}, {"value": KINDS[kind][1]}):
        guess._handle_custom_msg(content, [])
    assert guess.value is None


@every_kind
def test_what_the_page_writes_into_the_state_is_no_guess(kind):
    guess = KINDS[kind][0]()
    guess.set_state({"state": {"value": "RNN", "why": "x", "words": "RNN", "revealed": False}, "spec": {}})
    assert guess.value is None and guess.why == ""
    assert send(guess, KINDS[kind][1]) == [{"kind": "taken"}]


@every_kind
def test_a_guess_can_change_until_the_measurement_is_shown(kind, shown):
    guess = guessed(kind)
    assert send(guess, KINDS[kind][1], "second thoughts") == [{"kind": "taken"}]
    assert guess.why == "second thoughts" and not guess.state["revealed"]
    guess.compare(MEASURED[kind])
    assert guess.state["revealed"]
    assert send(guess, KINDS[kind][1], "third")[0]["kind"] == "refused"
    assert guess.why == "second thoughts"


def test_who_has_not_guessed_can_guess_after_run_all(shown):
    guess = number()
    guess.compare(38)
    guess.draw(plt.figure().subplots())
    assert send(guess, 40) == [{"kind": "taken"}]
    plt.close("all")


@every_kind
def test_a_cell_that_is_run_again_keeps_its_guess_and_another_question_does_not_get_it(kind):
    guess, make = guessed(kind, "since"), KINDS[kind][0]
    again = make()
    np.testing.assert_array_equal(again.value, guess.value)
    assert again.why == "since" and not again.state["revealed"]
    assert make(question="Another one?").value is None


def test_nobody_changes_a_curve_from_outside():
    guess = guessed("curve")
    guess.value[:] = 7
    np.testing.assert_array_equal(guess.value, 1)
    np.testing.assert_allclose(guess.x, X)
    assert number().x is None


def test_ends_of_an_axis_can_be_reached():
    guess = curve()
    assert send(guess, [1e-60 * (1 - 1e-12)] * 4 + [1e3 * (1 + 1e-12)] * 4) == [{"kind": "taken"}]
    assert guess.value.min() == 1e-60 and guess.value.max() == 1e3


# ---------------------------------------------------------------- what is stored


@every_kind
def test_what_is_stored_is_the_same_in_any_run_and_says_what_is_asked(kind, shown):
    make = KINDS[kind][0]
    first, second = make(question="Is h_t < 1 & why?"), make(question="Is h_t < 1 & why?")
    one, two = ({**bundle} for bundle in shown)
    view = "application/vnd.jupyter.widget-view+json"
    assert one.pop(view) != two.pop(view)  # a widget's address, which is not stored
    assert one == two and set(one) == {"text/html", "text/plain"}
    assert one["text/plain"] == "Is h_t < 1 & why?"
    assert "<strong>Is h<sub>t</sub> &lt; 1 &amp; why?</strong>" in one["text/html"]
    assert "Run this cell to make a guess." in one["text/html"]
    wants = {"choice": "<li>GRU, open gate</li>", "number": "from 1 to 1000 steps", "curve": "norm over x"}[kind]
    assert wants in one["text/html"]
    assert repr(first) == repr(second) == "Guess: Is h_t < 1 & why?"


@every_kind
def test_without_a_guess_only_the_measurement_is_said(kind, shown):
    guess = KINDS[kind][0]()
    meanings = {"choice": {"GRU": "Wrong."}, "number": {4: "Wrong."}, "curve": {"flat": (LAG * 0 + 1, "Wrong.")}}[kind]
    words = {"choice": "RNN", "number": "38 steps", "curve": "a curve from 0.1 to 0.1"}[kind]
    assert compared(shown, guess, MEASURED[kind], meanings=meanings) == f"Measured: {words}."
    assert "<p" in shown[0]["text/html"] and "Wrong" not in shown[0]["text/html"]


# ---------------------------------------------------------------- what is said


def test_a_choice(shown):
    guess = guessed("choice")
    meanings = {"GRU": "A plain gate forgets.", "RNN": "No gate at all."}
    said = compared(shown, guess, "GRU, open gate", meanings=meanings)
    assert said.splitlines() == [
        "Your guess: GRU. Measured: GRU, open gate.",
        "The measurement says otherwise. Being wrong here is how the lesson works.",
        "A plain gate forgets.",
    ]
    assert compared(shown, guess, "GRU", meanings=meanings).splitlines()[1:] == ["That is right."]


@pytest.mark.parametrize(
    "truth, says, meaning",
    [
        (40, "right, within 10 %", ""),
        (36.5, "right, within 10 %", ""),
        (43.9, "right, within 10 %", ""),
        (36, "near: it is too high by a factor of 1.1", ""),
        (79, "near: it is too low by a factor of 2", ""),
        (92, "That is too low by a factor of 2.3. Being wrong", ""),
        (2000, "That is too low by a factor of 50. Being wrong", "Four."),  # 40 is 10 times 4, 25 times less than 1000
        (1, "That is too high by a factor of 40. Being wrong", "Four."),
    ],
)
def test_a_number_on_a_log_scale(truth, says, meaning, shown):
    said = compared(shown, guessed("number"), truth, meanings={4: "Four.", 1000: "A thousand."}).splitlines()
    assert said[0] == f"Your guess: 40 steps. Measured: {truth} steps."
    assert says in said[1]
    assert said[2:] == ([meaning] if meaning else [])


@pytest.mark.parametrize(
    "value, truth, says",
    [
        (0.5, 0.52, "right, within 10 %"),
        (0.5, 0.58, "near: it is too low by 0.08"),
        (0.9, 0.5, "That is too high by 0.4. Being wrong"),
        (0.0, 0.0, "right"),
        (0.05, 0.0, "near: it is too high by 0.05"),
        (0.5, 0.0, "That is too high by 0.5. Being wrong"),
    ],
)
def test_a_number_on_a_plain_scale(value, truth, says, shown):
    guess = number(number=(0, 1), unit="", log=False)
    send(guess, value)
    assert says in compared(shown, guess, truth)


@pytest.mark.parametrize("base, says", [(10, "right"), (10 ** (1 / 4), "off by"), (10 ** (9 / 10), "near")])
def test_a_curve(base, says, shown):
    """A guess that falls by `base` every four steps, beside one that falls by 10: 50 decades in 200 steps."""
    guess = curve()
    send(guess, (base ** (-X / 4)).tolist())
    truth = 10 ** (-LAG / 4)
    said = compared(shown, guess, truth, x=LAG, meanings={"slower": 10 ** (-LAG / 20), "flat": (LAG * 0 + 1, "Flat.")})
    assert says in said.splitlines()[1]
    apart = np.median(np.abs(X / 4 - np.log10(base) * X / 4))  # in decades
    if says == "off by":
        assert f"off by {apart:.2g} decades or more" in said
        assert said.splitlines()[2] == "It lies nearer to “slower” than to what was measured."
    else:
        assert len(said.splitlines()) == 2


def test_a_curve_of_its_own_is_right_wherever_it_is_measured(shown):
    rng = np.random.default_rng(0)
    for _ in range(20):
        guess, heights = curve(question=str(rng.random())), 10 ** rng.uniform(-50, 2, 8)
        send(guess, heights.tolist())
        grid = np.sort(np.concatenate([X, rng.uniform(0, 200, 40)]))
        measured = 10 ** np.interp(grid, X, np.log10(heights))
        assert "That is right" in compared(shown, guess, measured, x=grid)


def test_zeros_gaps_and_what_lies_outside_the_axes_can_be_measured(shown):
    guess = curve()
    send(guess, [1e-60] * 8)
    zeros = np.where(LAG < 20, 1.0, 0.0)
    zeros[5] = np.nan
    assert "right" in compared(shown, guess, zeros, x=LAG)
    assert "right" in compared(shown, guess, np.array([1e-99, 1e-99]), x=[90, 120])  # one part of the axis


def test_a_plain_curve(shown):
    guess = curve(log=False, curve={"x": (0, 1), "y": (-1, 1)})
    send(guess, [0.5] * 8)
    said = compared(shown, guess, np.full(30, -0.5), meanings={"up": np.ones(30)})
    assert "half of your points are off by 1 or more" in said and "nearer to “up”" in said


def test_a_curve_that_follows_a_flat_part_and_misses_a_rise_is_not_right(shown):
    guess = curve(curve={"x": (0, 7), "y": (1e-9, 1)})
    late = np.where(np.arange(8) < 5, 1e-9, 1)
    send(guess, late.tolist())
    early = np.where(np.arange(8) < 2, 1e-9, 1)
    said = compared(shown, guess, early, meanings={"late": (late, "It rises earlier.")})
    assert "That is right" not in said and said.endswith("It rises earlier.")


@every_kind
def test_the_readers_sentence_is_quoted_and_never_read(kind, shown):
    why = '<script>alert("h_t")</script> & <b>'
    said = compared(shown, guessed(kind, why), MEASURED[kind])
    assert said.splitlines()[-1] == f"You wrote: “{why}” Does that sentence still hold?"
    page = shown[0]["text/html"]
    assert "<q>&lt;script&gt;alert(&quot;h_t&quot;)&lt;/script&gt; &amp; &lt;b&gt;</q>" in page
    assert "<script" not in page and "<b>" not in page


def test_what_authors_write_is_text_too(shown):
    guess = choice(choices=["a < b", "h_t"])
    assert "<li>a &lt; b</li><li>h<sub>t</sub></li>" in shown[0]["text/html"]
    send(guess, "a < b")
    compared(shown, guess, "h_t", meanings={"a < b": "<i> and 10^{-3}."})
    assert "&lt;i&gt; and 10<sup>-3</sup>." in shown[0]["text/html"]


@pytest.mark.parametrize(
    "value, text",
    [
        (0, "0"),
        (1, "1"),
        (1000, "1000"),
        (37.96, "38"),
        (0.0449, "0.0449"),
        (-2.5, "−2.5"),
        (1e6, "10⁶"),
        (2.5e-7, "2.5×10⁻⁷"),
    ],
)
def test_numbers_in_words(value, text):
    assert predictions._number(value) == text


# ---------------------------------------------------------------- in figures


@pytest.fixture
def ax():
    yield figures.curves(
        {"RNN": 10 ** (-LAG / 4), "GRU": 10 ** (-LAG / 9)}, title="Norms", xlabel="lag", ylabel="norm", log=True
    )
    plt.close("all")


def names(ax):
    return sorted(text.get_text() for text in ax.texts)


@pytest.mark.parametrize("make", [number, curve])
def test_no_guess_draws_nothing(make, ax):
    before = ax.get_children()
    limits = ax.get_xlim(), ax.get_ylim()
    assert make().draw(ax) is ax
    assert ax.get_children() == before and (ax.get_xlim(), ax.get_ylim()) == limits


def test_a_drawn_curve_has_its_name_and_no_name_stands_on_another(ax):
    guess = curve()
    send(guess, (10 ** (-X / 4.1)).tolist())
    assert guess.draw(ax) is ax
    line = ax.lines[-1]
    np.testing.assert_array_equal(line.get_xdata(), guess.x)
    np.testing.assert_array_equal(line.get_ydata(), guess.value)
    assert line.is_dashed() and line.get_color() == predictions.COLOUR
    assert names(ax) == ["GRU", "RNN", "your guess"]
    ax.figure.canvas.draw()
    boxes = sorted((text.get_window_extent() for text in ax.texts), key=lambda box: box.y0)
    assert all(low.y1 <= high.y0 + 1 for low, high in itertools.pairwise(boxes))
    assert guess.state["revealed"]


def test_lines_that_their_author_leaves_without_a_name_stay_so():
    ax = figures.curves({"RNN": [1, 2]}, title="Norms", xlabel="lag", ylabel="norm", names=False)
    guessed("curve").draw(ax)
    assert names(ax) == ["your guess"]
    assert [line.get_gid() for line in ax.lines] == ["RNN", "your guess"]
    plt.close("all")


@pytest.mark.parametrize("axis", ["x", "y"])
def test_a_drawn_number(axis, ax):
    guess = guessed("number")
    guess.draw(ax, axis=axis)
    line = ax.lines[-1]
    assert set(line.get_xdata() if axis == "x" else line.get_ydata()) == {40}
    assert line.is_dashed()
    assert "your guess: 40 steps" in names(ax)
    ax.figure.canvas.draw()
    (note,) = (text for text in ax.texts if text.get_text().startswith("your guess"))
    seen, frame = note.get_window_extent(), ax.get_window_extent()
    assert frame.x0 <= seen.x0 and seen.x1 <= frame.x1 and seen.y1 <= frame.y1


def test_the_colour_of_a_guess_means_nothing_else():
    assert predictions.COLOUR not in {*figures.COLOURS.values(), *figures.PATH_COLOURS.values()}


# ---------------------------------------------------------------- what authors may not give


@pytest.mark.parametrize(
    "says, call",
    {
        "question: got ''": lambda: choice(question=""),
        "question: got 3": lambda: choice(question=3),
        "choices, number, curve: got none": lambda: widgets.predict("Which?"),
        "choices, number, curve: got choices and number": lambda: choice(number=(1, 2)),
        "choices: got 'RNN'": lambda: choice(choices="RNN"),
        "choices: got ['RNN']": lambda: choice(choices=["RNN"]),
        "choices: got ['RNN', 'RNN']": lambda: choice(choices=["RNN", "RNN"]),
        "choices: got ['RNN', 3]": lambda: choice(choices=["RNN", 3]),
        "number: got shape (3,)": lambda: number(number=(1, 2, 3)),
        "number: got (2, 1)": lambda: number(number=(2, 1)),
        "number: got (0, 1), wants (lowest, highest), both above 0": lambda: number(number=(0, 1)),
        "number: got NaN": lambda: number(number=(1, np.inf)),
        "number: got (0, 2.5), wants whole limits": lambda: count(number=(0, 2.5)),
        "whole: got True with choices, wants it with a number only": lambda: choice(whole=True),
        "curve: got": lambda: curve(curve={"x": (0, 1)}),
        "curve: got (0, 1)": lambda: curve(curve=(0, 1)),
        'curve["y"]: got (0, 1)': lambda: curve(curve={"x": (0, 1), "y": (0, 1)}),
        'curve["x"]: got (1, 0)': lambda: curve(curve={"x": (1, 0), "y": (1, 2)}),
        "unit: got None": lambda: number(unit=None),
        "measured: got 'LSTM'": lambda: choice().compare("LSTM"),
        "meanings: got 'LSTM'": lambda: choice().compare("RNN", meanings={"LSTM": "No."}),
        "meanings: got '' for 'GRU'": lambda: choice().compare("RNN", meanings={"GRU": ""}),
        "x: got one": lambda: choice().compare("RNN", x=[1]),
        "measured: got 0": lambda: number().compare(0),
        "measured: got '38'": lambda: number().compare("38"),
        "measured: got nan": lambda: number().compare(np.nan),
        "meanings: got -4": lambda: number().compare(38, meanings={-4: "No."}),
        "measured: got shape ()": lambda: curve().compare(3),
        "measured: got a negative number": lambda: curve().compare([1.0, -1.0]),
        "measured: got inf": lambda: curve().compare([1.0, np.inf]),
        "measured: got no number where": lambda: curve().compare([1.0, 2.0], x=[201, 202]),
        "x: got shape (3,)": lambda: curve().compare([1.0, 2.0], x=[1, 2, 3]),
        "x: got values that don't increase": lambda: curve().compare([1.0, 2.0], x=[1, 1]),
        "meanings['flat']: got shape (3,), wants (2,)": lambda: curve().compare([1, 2], meanings={"flat": [1, 2, 3]}),
        "draw: got a guess among choices": lambda: choice().draw(None),
        "axis: got 'z'": lambda: number().draw(None, axis="z"),
    }.items(),
)
def test_bad_input_is_refused_by_name(says, call, shown):
    with pytest.raises(ValueError) as refused:
        call()
    assert says in str(refused.value)


# ---------------------------------------------------------------- in node


@pytest.mark.skipif(explorer_js.version() < explorer_js.WANTS, reason="node 20.19 or newer is not on this machine")
def test_predict_js():
    file = Path(explorer_js.__file__).parent / "predict.test.mjs"
    run = subprocess.run([explorer_js.NODE, "--test", "--test-reporter=spec", file], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_page_is_one_file_and_loads_nothing():
    for kind in ("js", "css"):
        path = Path(predictions.__file__).with_name(f"predict.{kind}")
        source = _page.script("predict") if kind == "js" else path.read_text(encoding="utf-8")
        assert not re.search(r"^\s*import\b|\bfetch\(|url\(|@import", source, re.M)
        assert re.findall(r"https?://\S+", source.replace("http://www.w3.org/2000/svg", "")) == []
