"""Explorers without a browser: the table that travels to the page, and what is refused."""

import base64
import html
import io
import itertools
import re

import numpy as np
import pytest
from PIL import Image

from course_utils import _page, widgets
from tests import explorers


def line(a=1.0, b=0.0):
    x = np.linspace(0, 1, 5)
    return (
        widgets.curves({"state": a * x + b, "gradient": np.exp(a * x)}, title="Lines", x=x, marks={"here": (0.5, b)}),
        widgets.heatmap(np.outer(x, x) * a, title="Map"),
        widgets.bars({"r": abs(a) / 9, "z": 0.5}, title="Gates"),
        widgets.stacked({"direct": x, "update": x * abs(b)}, title="Paths"),
        f"a is {a:g} and b is {b:g}.",
    )


GRID = {"a": np.linspace(-3, 3, 7), "b": np.linspace(-2, 2, 5)}


def read(explorer):
    """(positions, numbers), (positions, shades), sentences."""
    frames, positions = explorer.frames, len(explorer.frames["words"])
    numbers = np.frombuffer(frames["numbers"], "<f4").reshape(positions, -1)
    return numbers, np.frombuffer(frames["shades"], "u1").reshape(positions, -1), frames["words"]


def test_table_agrees_with_the_function_at_every_position():
    explorer = widgets.explore(line, **GRID)
    numbers, shades, words = read(explorer)
    low, high = explorer.spec["panels"][1]["limits"]
    for i, (a, b) in enumerate(itertools.product(*GRID.values())):
        *panels, sentence = line(a, b)
        assert words[i] == sentence
        np.testing.assert_allclose(numbers[i], np.concatenate([panel.numbers for panel in panels]), rtol=1e-6)
        seen = low + shades[i].astype(float) / 254 * (high - low)
        np.testing.assert_allclose(seen, panels[1].shades.ravel(), atol=0.51 * (high - low) / 254)


def test_numbers_are_laid_out_as_the_page_reads_them():
    panel = line(2.0, 1.0)[0]
    x = np.linspace(0, 1, 5)
    np.testing.assert_array_equal(panel.numbers, np.concatenate([2 * x + 1, np.exp(2 * x), [0.5, 1.0]]))


def test_a_path_travels_as_its_x_then_its_y():
    panel = widgets.heatmap([[1.0]], title="Map", xlabel="w", path=[[1, 2], [3, np.nan], [5, 6]], marks={"end": (5, 6)})
    np.testing.assert_array_equal(panel.numbers, [1, 3, 5, 2, np.nan, 6, 5, 6])
    assert panel.look["names"] == ["w", "y"] and panel.look["length"] == 3


def test_log_axis_holds_decades_and_zero_is_a_gap():
    panel = widgets.curves({"GRU": [1e-200, 0.0, 100.0]}, title="Norms", log=True, reference=1, ylim=(1e-3, 10))
    np.testing.assert_allclose(panel.numbers, [-200, np.nan, 2])
    assert panel.look["reference"] == [0]
    assert panel.look["limits"] == [-3, 1]


def test_axes_hold_every_frame():
    explorer = widgets.explore(line, **GRID)
    low, high = explorer.spec["panels"][0]["limits"]
    lines = read(explorer)[0][:, :10]
    assert low < lines.min() and lines.max() < high


def test_nan_in_a_heatmap_has_its_own_shade():
    def triangle(a=1.0):
        return widgets.heatmap(np.where(np.tri(3) > 0, a, np.nan), title="Pairs"), "Three by three."

    _, shades, _ = read(widgets.explore(triangle, a=[1.0, 2.0]))
    assert (shades == widgets.NOTHING).sum() == 2 * 3
    assert set(shades[0]) == {0, widgets.NOTHING} and set(shades[1]) == {254, widgets.NOTHING}


def test_sliders_begin_at_the_defaults_and_at_the_middle_without():
    assert widgets.explore(line, **GRID).values == {"a": 1.0, "b": 0.0}
    assert widgets.explore(lambda a: line(a), a=GRID["a"]).values == {"a": 0.0}


def test_words_become_a_menu():
    def reset(reset="after"):
        return widgets.bars({"r": 0.5}, title="Gate"), f"Reset {reset}."

    explorer = widgets.explore(reset, reset=["before", "after"])
    assert explorer.spec["controls"] == [{"label": "reset", "menu": True, "texts": ["before", "after"]}]
    assert explorer.values == {"reset": "after"}


def test_colours_and_dashes_are_those_of_the_static_figures():
    styles = widgets.curves({name: [0, 1] for name in ["RNN", "GRU", "GRU, z bias", "LSTM"]}, title="All").look[
        "styles"
    ]
    assert [style["colour"] for style in styles] == ["#D55E00", "#0072B2", "#0072B2", "#333333"]
    assert [bool(style["dash"]) for style in styles] == [False, False, True, True]


def test_live_answers_with_one_frame():
    def alive(a=1.0):
        return widgets.curves({"state": a * np.arange(3.0)}, title="State", ylim=(0, 9)), f"a is {a:g}."

    explorer = widgets.explore(alive, live=True, a=[1.0, 2.0, 3.0])
    assert read(explorer)[2] == ["a is 1."]
    explorer.at = [2]
    numbers, _, words = read(explorer)
    np.testing.assert_array_equal(numbers, [[0, 3, 6]])
    assert words == ["a is 3."] and explorer.frames["at"] == [2]


def test_repr_is_the_same_on_every_run():
    assert repr(widgets.explore(line, **GRID)) == "Explorer of a, b: run this cell to move its figure"


# ---------------------------------------------------------------------------------------------------------------------
# The poster

VIEW = "application/vnd.jupyter.widget-view+json"


def bundle(explorer):
    """What Jupyter stores of it, without metadata."""
    return explorer._repr_mimebundle_()[0]


def alt_of(explorer):
    (alt,) = re.findall('<img alt="([^"]+)"', bundle(explorer)["text/html"])
    return html.unescape(alt)


def pixels(explorer):
    """(height, width, 3) of its poster."""
    image = Image.open(io.BytesIO(base64.b64decode(bundle(explorer)["image/png"])))
    return np.asarray(image.convert("RGB")).astype(int)


def test_a_poster_stands_beside_the_view_and_is_the_same_on_every_run():
    once, again = (bundle(widgets.explore(line, **GRID)) for _ in range(2))
    assert set(once) == {"text/plain", "text/html", "image/png", VIEW}
    assert once.pop(VIEW) != again.pop(VIEW)  # another widget, but
    assert once == again
    assert once["image/png"] in once["text/html"] and once["text/plain"].startswith("Figure: ")


def test_a_poster_says_in_words_what_it_shows_at_the_start():
    explorer = widgets.explore(line, **GRID, labels={"b": "offset <b>"})
    wants = "Lines; Map; Gates; Paths. At a = 1, offset <b> = 0: a is 1 and b is 0. Run this cell to move the figure."
    explorer.at = [0, 0]  # the reader has moved on, the poster hasn't
    assert alt_of(explorer) == wants
    assert bundle(explorer)["text/plain"] == f"Figure: {wants}"


def test_a_poster_draws_the_numbers_of_the_start():
    def panels(a=1.0):
        x = np.linspace(0, 1, 9)
        return widgets.curves({"state": a * x}, title="Line", ylim=(-9, 9)), "A sentence that never moves."

    def start(a):
        explorer = widgets.explore(lambda a=a: panels(a), a=[-8.0, 0.0, 8.0])
        picture = pixels(explorer)
        rows, _ = np.nonzero(np.abs(picture - [0x00, 0x9E, 0x73]).sum(axis=2) < 60)  # where the line is green
        return rows.min() / len(picture), rows.max() / len(picture)

    (up, flat), (_, down) = start(8.0), start(-8.0)
    assert up < 0.45 < flat < 0.75 < down
    assert np.diff(start(0.0)) < 0.1


@pytest.mark.parametrize("kind", ["curves", "heatmap", "bars", "stacked"])
def test_a_poster_has_every_kind_of_panel(kind):
    panels = dict(zip(["curves", "heatmap", "bars", "stacked"], line()[:-1], strict=True))
    explorer = widgets.explore(lambda a=1.0: (panels[kind], "A sentence."), a=[1, 2])
    assert pixels(explorer).std(axis=2).max() > 30  # something coloured is there


def test_a_poster_is_drawn_once():
    calls = []

    def counted(a=1.0):
        calls.append(a)
        return one(a)

    explorer = widgets.explore(counted, a=[1, 2])
    bundle(explorer)
    before = len(calls)
    bundle(explorer)
    assert len(calls) == before


def test_a_poster_is_not_laid_out_by_matplotlib(monkeypatch):
    """That takes longer than everything else, and the first picture waits for it."""
    explorer = widgets.explore(line, **GRID)
    monkeypatch.setattr("matplotlib.layout_engine.ConstrainedLayoutEngine.execute", None)
    assert "image/png" in bundle(explorer)


def test_plain_text_becomes_indices_and_powers():
    assert widgets._mathtext("h_t is 10^{-3}·h_{t-1}") == (
        r"h$_{\mathregular{t}}$ is 10$^{\mathregular{-3}}$·h$_{\mathregular{t-1}}$"
    )


# ---------------------------------------------------------------------------------------------------------------------
# Equations, play, names of references


def test_an_equation_follows_the_sliders():
    def product(w=1.0, s=0.5):
        return widgets.equation(f"λ = w·s = {w:g}·{s:g} = {w * s:.2f}"), *one(w)

    explorer = widgets.explore(product, w=[1.0, 2.0], s=[0.25, 0.5])
    assert explorer.frames["equations"] == [[f"λ = w·s = {w}·{s} = {w * s:.2f}"] for w in (1, 2) for s in (0.25, 0.5)]
    assert "λ = w·s = 1·0.5 = 0.50." in alt_of(explorer)
    assert widgets.explore(one, a=[1, 2]).frames["equations"] == [[], []]


def test_the_page_learns_where_sliders_start_and_which_one_plays():
    spec = widgets.explore(line, **GRID, play="b").spec
    assert (spec["start"], spec["play"]) == ([4, 2], 1)
    assert widgets.explore(line, **GRID).spec["play"] is None


def test_references_may_have_names():
    named = widgets.curves({"GRU": [1, 2]}, title="Norms", log=True, reference={"1: nothing is lost": 1, "h_t": 100})
    assert (named.look["reference"], named.look["called"]) == ([0, 2], ["1: nothing is lost", "h_t"])
    bare = widgets.curves({"GRU": [1, 2]}, title="Norms", reference=5).look
    assert (bare["reference"], bare["called"]) == ([5], [""])
    far = widgets.explore(lambda a: (widgets.curves({"GRU": [0, a]}, title="Far", reference={"x": 9}), "On."), a=[1, 2])
    assert far.spec["panels"][0]["limits"][1] > 9


def test_a_heatmap_tells_whether_numbers_lie_beyond_its_colours():
    def beyond(limits):
        look = widgets.explore(lambda a: (widgets.heatmap([[a, 1.0]], title="Map", limits=limits), "On."), a=[0, 3])
        return look.spec["panels"][0]["beyond"]

    assert beyond(None) == [False, False]
    assert beyond((0.5, 3)) == [True, False] and beyond((-1, 2)) == [False, True]


def test_slider_passes_through_zero():
    assert 0.0 in widgets._grid("offer", np.linspace(-0.9, 0.9, 7))


def test_words_at_the_x_axis():
    panel = widgets.curves({"state": [1.0, 2.0]}, title="Words", ticks=["cat", "which"])
    assert panel.look["ticks"] == ["cat", "which"]


def test_a_lessons_explorer_takes_along_what_it_needs_and_no_more():
    before = "import numpy as np\na = 1\nb = a\na = 2\ndef f():\n    c = 0\n    return np.sin(a + c)\nc = 5"
    assert explorers.with_what_it_needs(before, "f()") == (
        "import numpy as np\n\na = 2\n\ndef f():\n    c = 0\n    return np.sin(a + c)\n\nf()"
    )


def one(a=1.0, **changes):
    options = {"lines": {"state": [a, a]}, "title": "Title"} | changes
    return widgets.curves(**options), "A sentence."


@pytest.mark.parametrize(
    "says, call",
    {
        "sliders: got none": lambda: widgets.explore(one),
        "ticks: got 3 words": lambda: one(ticks=["cat", "which", "ate"]),
        "a: got a grid of 0 values": lambda: widgets.explore(one, a=[]),
        "a: got a grid of 1 values": lambda: widgets.explore(one, a=[1.0]),
        "a: got NaN or inf": lambda: widgets.explore(one, a=[1.0, np.nan]),
        "a: got values that don't increase": lambda: widgets.explore(one, a=[1.0, 1.0]),
        "function: can't be called": lambda: widgets.explore(lambda a: one(a), z=[1, 2]),
        "play: got 'z'": lambda: widgets.explore(one, a=[1, 2], play="z"),
        "equation: got ''": lambda: widgets.equation(""),
        "equation: got '$x$', wants plain text": lambda: widgets.equation("$x$"),
        "function: returned 1 equations, wants 0": lambda: widgets.explore(
            lambda a: (widgets.equation("a = 2"), *one(a)) if a > 1 else one(a), a=[1, 2]
        ),
        "reference: got '$1$', wants plain text": lambda: one(reference={"$1$": 1}),
        "labels: got": lambda: widgets.explore(one, a=[1, 2], labels={"z": "bias"}),
        "default of a: got 'nowhere'": lambda: widgets.explore(lambda a="nowhere": one(), a=["here", "there"]),
        "function: returned": lambda: widgets.explore(lambda a: one(a)[0], a=[1, 2]),
        "function: returned 1 panels": lambda: widgets.explore(
            lambda a: one(a) if a > 1 else (*one(a)[:1], *one(a)), a=[1, 2]
        ),
        "function: title of panel 0": lambda: widgets.explore(lambda a: one(a, title=str(a)), a=[1, 2]),
        "function: x of panel 0": lambda: widgets.explore(lambda a: one(lines={"state": [1.0] * int(a)}), a=[1, 2]),
        "ylim or limits: got None": lambda: widgets.explore(one, a=[1, 2], live=True),
        "ylim or limits: wants two": lambda: one(ylim=(1, 0)),
        "wants at most 1 MB": lambda: widgets.explore(
            lambda a, b: one(lines={"state": np.zeros(400)}), a=np.arange(30), b=np.arange(30)
        ),
        "lines['state']: got nothing but NaN": lambda: one(np.nan),
        "lines['state']: got inf": lambda: one(np.inf),
        "lines['b']: got shape (3,), wants (2,)": lambda: one(lines={"a": [1, 2], "b": [1, 2, 3]}),
        "lines: got nothing": lambda: one(lines={}),
        "lines: got a negative number": lambda: one(-1.0, log=True),
        "x: got shape": lambda: one(x=[1, 2, 3]),
        "title: got ''": lambda: one(title=""),
        "xlabel: got '$t$', wants plain text": lambda: one(xlabel="$t$"),
        "marks['here']: got shape": lambda: one(marks={"here": (1, 2, 3)}),
        "values: got shape (2,), wants (rows, columns)": lambda: widgets.heatmap([1, 2], title="Map"),
        "values: got nothing but NaN": lambda: widgets.heatmap([[np.nan]], title="Map"),
        "path: got shape (3,), wants (N, 2)": lambda: widgets.heatmap([[1.0]], title="Map", path=[1, 2, 3]),
        "path: got inf": lambda: widgets.heatmap([[1.0]], title="Map", path=[[1, np.inf]]),
        "kind: got 'rainbow'": lambda: widgets.heatmap([[1.0]], title="Map", kind="rainbow"),
        "parts: got a negative share": lambda: widgets.stacked({"a": [-1.0]}, title="Parts"),
        "values['z']: got nothing but NaN": lambda: widgets.bars({"z": np.nan}, title="Gates"),
    }.items(),
)
def test_bad_input_is_refused_by_name(says, call):
    with pytest.raises(ValueError) as refused:
        call()
    assert says in str(refused.value)


def test_a_complaint_says_at_which_values():
    with pytest.raises(ValueError) as refused:
        widgets.explore(lambda a: one(np.nan if a > 1 else a), a=[1, 2])
    assert refused.value.__notes__ == ["at {'a': 2.0}"]


def test_a_script_in_the_page_is_one_file():
    for name in ("explorer", "predict"):
        text = _page.script(name)
        assert "import {" not in text and text.count("export default") == 1 and "function ticks(" in text
        assert len(re.findall(r"^export", text, re.M)) == 2  # what anywidget takes, and the names for the tests
    with pytest.raises(FileNotFoundError):
        _page.script("nothing")
