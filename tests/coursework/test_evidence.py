"""A student's own runs as data: what is read, what is recomputed, and what who marks the report gets to see."""

import copy
import re

import nbformat
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils import tasks
from course_utils.cells import forward, init_params
from course_utils.checks.exercise import NOT_STARTED
from course_utils.gradients import jacobians
from coursework import plain
from coursework.evidence import ALIKE, FORMS, LATCH, NAMED, UNITS, UPDATES, Evidence, as_text, findings, show_numbers
from coursework.grader.assignment import draw, load
from coursework.grader.gradebook import _write_autograded
from coursework.grader.marking import Marker
from coursework.grader.submissions import Submission
from tests.coursework.material import reply_of
from tests.notebook import ROOT

H = 4


def weights(kind, seed, H=H):
    rng, k = np.random.default_rng(seed), 3 if kind == "GRU" else 1
    biases = {"b": rng.normal(size=H)} if kind == "RNN" else {name: rng.normal(size=3 * H) for name in ("bx", "bh")}
    wide = {"Wx": rng.normal(size=(k * H, 6)), "Wh": rng.normal(size=(k * H, H))}
    return {**wide, **biases, "V": rng.normal(size=(4, H)), "c": rng.normal(size=4)}


def by_torch(kind, theta):
    """(accuracy, median ‖dh_T/dh_0‖ of ten sequences, loss) of a net that torch runs, by autograd."""
    x, target = (torch.tensor(part) for part in LATCH.test)
    net = getattr(torch.nn, kind)(6, H, batch_first=True, dtype=torch.float64)
    bx, bh = (theta["b"], 0 * theta["b"]) if kind == "RNN" else (theta["bx"], theta["bh"])
    for name, W in (
        ("weight_ih_l0", theta["Wx"]),
        ("weight_hh_l0", theta["Wh"]),
        ("bias_ih_l0", bx),
        ("bias_hh_l0", bh),
    ):
        getattr(net, name).data = torch.tensor(W)
    last = net(x)[1][0].detach().numpy()
    logits = last @ theta["V"].T + theta["c"]
    hit = np.mean(logits.argmax(1) == target.numpy())
    loss = torch.nn.functional.cross_entropy(torch.tensor(logits), target).item()

    def final(h0, sequence):
        return net(sequence[None], h0[None, None])[1][0, 0]

    J = [torch.autograd.functional.jacobian(lambda h0, x=x: final(h0, x), torch.zeros(H).double()) for x in x[:10]]
    return hit, np.median([np.linalg.norm(part.numpy(), 2) for part in J]), loss


def run5(kind, seed):
    theta = weights(kind, seed)
    rng, accuracy = np.random.default_rng([seed, *map(ord, kind)]), by_torch(kind, theta)[0]
    return {
        "seed": seed,
        "loss": rng.uniform(1, 2, 50),
        "evaluated": [0, 25, 50],
        "score": [0.2, 0.3, accuracy],
        "weights": theta,
    }


def run6(label, seed):
    rng = np.random.default_rng([seed, *map(ord, label)])
    norms = np.r_[1, np.exp(-np.arange(1.0, 13))]
    return {
        "seed": seed,
        "loss": rng.uniform(1, 2, 20),
        "evaluated": [0, 20],
        "score": [0.2, 0.9 + 0.04 * seed],
        "before": norms,
        "after": norms**0.5,
    }


RUNS5 = {kind: [run5(kind, seed) for seed in range(3)] for kind in ("RNN", "GRU")}
RUNS6 = {
    "goal": 0.95,
    "higher": True,
    "control": "plain",
    "nets": {name: [run6(name, seed) for seed in range(3)] for name in ("plain", "leaky")},
}
RUNS = {"ps5 runs": RUNS5, "ps6 project": RUNS6}


def test_right_ones_are_read_and_recomputed():
    complaint, table = findings("ps5 runs", RUNS5)
    assert complaint is None and len(table) == 1 + 6 + 2
    head = table[0]
    for row in table[1:7]:
        accuracy, gradient, loss = by_torch(row[0], weights(row[0], int(row[1])))
        assert row[head.index("again")] == f"{accuracy:.2f}" and row[head.index("test loss")] == f"{loss:.2f}"
        assert np.isclose(float(row[head.index("dh_T/dh_0")]), gradient, rtol=0.06)
    complaint, table = findings("ps6 project", RUNS6)
    assert complaint is None
    assert table[1][:7] == ["plain (control)", "3", "20", "1/3", "0.06 to 0.79", "20", "12"]
    assert table[1][7:] == [f"{np.exp(-12):.1e}", f"{np.exp(-6):.1e}"]


def as_numpy(value):
    """The same runs as NumPy's functions give them: numbers and truth values without axes, words of arrays."""
    if isinstance(value, dict):
        return {np.str_(key): as_numpy(part) for key, part in value.items()}
    if isinstance(value, list):
        return [as_numpy(part) for part in value]
    return np.array(value)[()]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("way", [as_numpy, lambda value: np.array(value) if isinstance(value, int | float) else value])
def test_runs_may_hold_numbers_of_numpy(form, way):
    """Also as arrays without axes, which is what gets through the sandbox's edge."""
    value = copy.deepcopy(RUNS[form])
    for runs in (value.get("nets") or value).values():
        for run in runs:
            run["seed"] = way(run["seed"])
            run["score"] = [way(score) for score in run["score"]]
    if form == "ps6 project":
        value |= {name: way(value[name]) for name in ("goal", "higher")}
    assert findings(form, as_numpy(value) if way is as_numpy else value) == findings(form, RUNS[form])


def test_a_stated_accuracy_may_be_off_by_as_many_sequences_as_the_question_says():
    (text,) = [cell.source for cell in load("ps5").notebook.cells if "computes the last accuracy again" in cell.source]
    number, of = re.search(r"may differ by (two) of the (\d+) sequences", text).groups()
    units = int(re.search(r"A net may have up to (\d+)\s+units", text)[1])
    assert number == "two" and int(of) == len(LATCH.test[0]) and units == UNITS
    for off, right in ((2, True), (-2, True), (3, False), (-3, False)):
        value = copy.deepcopy(RUNS5)
        run = value["RNN"][0]
        run["score"] = [*run["score"][:2], run["score"][2] + off / int(of)]
        assert (findings("ps5 runs", value)[0] is None) == right, off


def test_scores_may_be_errors():
    value = copy.deepcopy(RUNS6)
    value["higher"], value["goal"] = False, 0.05
    value["nets"]["plain"][1]["score"] = [0.2, 0.01]
    assert findings("ps6 project", value)[1][1][3] == "1/3", "one error of three is below 0.05"


def changed(*path, to):
    """A change of one entry: changed("RNN", 0, "seed", to=-1)(value)."""

    def change(value):
        for key in path[:-1]:
            value = value[key]
        if to is KeyError:
            del value[path[-1]]
        else:
            value[path[-1]] = to

    return change


def one_net(noise=lambda rng, W: W):
    """One net under all seeds, with accuracies that it has, and losses of their own."""

    def change(value):
        for seed, run in enumerate(value["GRU"]):
            rng = np.random.default_rng(seed)
            run["weights"] = {name: noise(rng, W) for name, W in value["GRU"][0]["weights"].items()}
            run["score"][-1] = by_torch("GRU", run["weights"])[0]

    return change


def reordered(value):
    """The RNN's second run is its first, with the units in reverse order and one of them with the other sign."""
    (first, second), order = value["RNN"][:2], np.array([3, 2, 1, 0])
    P = np.eye(H)[order] * np.array([1, -1, 1, 1])
    W = first["weights"]
    new = {"Wx": P @ W["Wx"], "Wh": P @ W["Wh"] @ P.T, "b": P @ W["b"], "V": W["V"] @ P.T, "c": W["c"]}
    second["weights"], second["score"] = new, first["score"]


def shortened(updates, evaluated):
    def change(value):
        for run in [*value["RNN"], *value["GRU"]]:
            score = [0.2] * (len(evaluated) - 1)
            run.update(loss=run["loss"][:updates], evaluated=evaluated, score=[*score, run["score"][-1]])

    return change


WRONG5 = {
    "no GRU": (changed("GRU", to=KeyError), "wants the nets RNN and GRU"),
    "another net": (changed("LSTM", to=[]), "wants the nets RNN and GRU"),
    "not a list": (changed("GRU", to=3), "GRU: wants a list of runs"),
    "two seeds": (changed("RNN", slice(2, 3), to=[]), "RNN: wants at least 3 seeds"),
    "eleven seeds": (changed("RNN", to=[run5("RNN", 0)] * 11), "at most 10 runs"),
    "other seeds": (changed("RNN", 0, "seed", to=7), "the same seeds"),
    "a seed twice": (lambda value: [run.update(seed=1) for runs in value.values() for run in runs], "each seed"),
    "a seed with a fraction": (changed("RNN", 0, "seed", to=np.float64(0.5)), "RNN, run 1: seed"),
    "no number but yes": (changed("RNN", 0, "seed", to=np.True_), "RNN, run 1: seed"),
    "a list of a seed": (changed("RNN", 0, "seed", to=np.array([0])), "RNN, run 1: seed"),
    "a negative seed": (changed("RNN", 0, "seed", to=-1), "RNN, run 1: seed"),
    "no loss": (changed("GRU", 1, "loss", to=KeyError), "GRU, run 2: loss is missing"),
    "NaN": (changed("GRU", 1, "loss", to=[np.nan] * 20), "GRU, run 2: loss holds NaN"),
    "another budget": (
        lambda value: value["RNN"][0].update(loss=np.arange(30.0), evaluated=[0, 10, 30]),
        "the same number of updates",
    ),
    "a matrix of losses": (changed("RNN", 0, "loss", to=np.ones((4, 5))), "is to be a list of numbers"),
    "too long": (changed("RNN", 0, "loss", to=np.ones(30_000)), "is to be a list of numbers"),
    "no score at the end": (changed("RNN", 0, "evaluated", to=[0, 10, 15]), "the last score belongs after"),
    "not from the start": (changed("RNN", 0, "evaluated", to=[1, 10, 20]), "from 0 on and rising"),
    "scores missing": (changed("RNN", 0, "score", to=[0.2]), "score has 1 numbers, it should have 3"),
    "percent": (changed("RNN", 0, "score", to=[20, 30, 95]), "an accuracy lies between 0 and 1"),
    "copied run": (changed("RNN", 1, "loss", to=RUNS5["RNN"][0]["loss"]), "the same losses, or almost"),
    "embellished": (
        changed("GRU", 2, "score", to=[0.2, 0.6, 1.0]),
        "GRU, seed 2: these weights don't have the accuracy",
    ),
    "weights of another run": (changed("GRU", 2, "weights", to=weights("GRU", 77)), "don't have the accuracy"),
    "no weights": (changed("RNN", 0, "weights", to=KeyError), "weights is to be a dict of Wx, Wh, b, V, c"),
    "one array more": (changed("RNN", 0, "weights", "extra", to=1.0), "weights is to be a dict"),
    "another shape": (
        changed("RNN", 0, "weights", "Wx", to=np.ones((6, H))),
        "Wx has shape (6, 4), it should have (4, 6)",
    ),
    "infinite weights": (changed("RNN", 0, "weights", "c", to=np.full(4, np.inf)), "c holds NaN, inf"),
    "a giant": (changed("RNN", 0, "weights", to=weights("RNN", 0, H=65)), "1 to 64 units"),
    "words": (changed("RNN", 0, "loss", to=["a", "b"]), "a list of numbers"),
    "an object": (changed("RNN", 0, "loss", to=object()), "a list of numbers"),
    "an object in the weights": (changed("RNN", 0, "weights", "c", to=object()), "c is not an array of numbers"),
}
WRONG5 |= {
    "one net under three seeds": (one_net(), "same weights, or almost"),
    "one net with a little noise": (one_net(lambda rng, W: W * (1 + 0.03 * rng.normal(size=W.shape))), "same weights"),
    "one net, scaled a little": (one_net(lambda rng, W: W * 1.03), "same weights"),
    "one net with its units in another order": (reordered, "same weights, or almost"),
    "losses moved a little": (
        lambda value: value["GRU"][2].update(loss=np.add(value["RNN"][0]["loss"], 1e-9)),
        "the same losses, or almost",
    ),
    "losses off by a rounding": (
        lambda value: value["GRU"][2].update(loss=np.round(value["RNN"][0]["loss"], 3)),
        "the same losses, or almost",
    ),
    "solved before it began": (changed("RNN", 0, "score", 0, to=0.95), "An untrained net guesses"),
    "one update": (shortened(1, [0, 1]), "at least 50 updates"),
    "too few updates": (shortened(UPDATES - 1, [0, 9, UPDATES - 1]), "at least 50 updates"),
    "too few accuracies": (shortened(UPDATES, [0, UPDATES]), "at least 3 accuracies"),
}
WRONG6 = {
    "losses moved a little": (
        lambda value: value["nets"]["leaky"][2].update(loss=np.add(value["nets"]["plain"][0]["loss"], 1e-9)),
        "the same losses, or almost",
    ),
    "one net": (changed("nets", "leaky", to=KeyError), "two to 6 nets"),
    "seven nets": (lambda value: value["nets"].update({f"n{i}": value["nets"]["plain"] for i in range(6)}), "two to 6"),
    "no goal": (changed("goal", to=KeyError), "goal is missing"),
    "a goal in words": (changed("goal", to="high"), "goal is to be a number"),
    "higher as 1": (changed("higher", to=1), "higher is to be True or False"),
    "no such control": (changed("control", to="other"), "control is to be the name"),
    "control as a list": (changed("control", to=[1]), "control is to be the name"),
    "a name that does something": (
        lambda value: value["nets"].update({"<img src=x>": value["nets"].pop("leaky")}),
        "a net's name has 1 to 30 letters",
    ),
    "norms too short": (
        lambda value: [run.update(before=[1.0, 0.5]) for runs in value["nets"].values() for run in runs],
        "10 steps or more",
    ),
    "norms of two lengths": (changed("nets", "plain", 0, "after", to=[1.0] * 20), "after has 20 numbers"),
    "norms the wrong way round": (
        lambda value: [run.update(before=run["before"][::-1]) for runs in value["nets"].values() for run in runs],
        "before[0] belongs to lag 0",
    ),
    "negative norms": (
        lambda value: [run.update(after=-run["after"]) for runs in value["nets"].values() for run in runs],
        "a norm is not negative",
    ),
}


def failing(net, n, updates=30, **more):
    """A run that ended after so many updates, as one whose next loss is NaN; its last accuracy came before that."""

    def change(value):
        runs = (value.get("nets") or value)[net]
        run = {name: part for name, part in runs[n].items() if name not in ("weights", "after")}
        runs[n] = {**run, "loss": run["loss"][:updates], "evaluated": [0], "score": [0.2], "failed": True, **more}

    return change


def all_failed(value):
    for n in range(3):
        failing("RNN", n)(value)
        failing("GRU", n)(value)


WRONG5 |= {
    "failed in words": (failing("RNN", 0, failed="yes"), "failed is to be True or False"),
    "failed with more updates": (
        lambda value: value["RNN"][0].update(
            failed=True, loss=[*value["RNN"][0]["loss"], 1.0], evaluated=[0, 25, 51], score=[0.2, 0.3, 0.3]
        ),
        "no more updates than the others",
    ),
    "all failed": (all_failed, "all runs have failed"),
    "failed, with another's losses": (
        failing("RNN", 0, loss=RUNS5["GRU"][1]["loss"][:30]),
        "the same losses, or almost",
    ),
    "failed, with a score from later": (
        failing("RNN", 0, evaluated=[0, 40], score=[0.2, 0.3]),
        "the last score belongs",
    ),
    "failed, and NaN stands in it": (failing("RNN", 0, loss=[1.4, np.nan]), "add 'failed': True"),
}
CASES = [("ps5 runs", name, *case) for name, case in WRONG5.items()]
CASES += [("ps6 project", name, *case) for name, case in WRONG6.items()]


@pytest.mark.parametrize(
    ("form", "name", "change", "words"), CASES, ids=lambda case: case if isinstance(case, str) else ""
)
def test_what_is_not_of_the_form_is_named(form, name, change, words):
    value = copy.deepcopy(RUNS[form])
    change(value)
    complaint, table = findings(form, value)
    assert complaint is not None and words in complaint and table == []
    assert Evidence(form).complaint(value) == complaint


def test_a_run_that_diverges_stays_in_and_counts_as_not_solved():
    """With all that the question asks of it: fewer updates, `failed`, and neither weights nor norms after training."""
    value = copy.deepcopy(RUNS5)
    failing("RNN", 1)(value)
    failing("GRU", 0, updates=1, score=[0.99])(value)
    failing("GRU", 2, updates=1)(value)
    complaint, table = findings("ps5 runs", value)
    assert complaint is None or "untrained net" in complaint
    value["GRU"][0]["score"] = [0.25]
    complaint, table = findings("ps5 runs", value)
    assert complaint is None
    row = dict(zip(table[0], table[2], strict=True))
    assert (row["seed"], row["updates"], row["again"], row["solved at"]) == ("1", "30", "", "failed")
    words = [row[0] for row in table if len(row) == 1]
    assert words[0].startswith("RNN: solved 0/3, 95 % interval 0.00") and words[0].endswith(
        "1 of 3 failed and ended early"
    )
    assert words[1].endswith("2 of 3 failed and ended early") and "0/3; 2 of 3" in words[1]
    value = copy.deepcopy(RUNS6)
    failing("leaky", 2, updates=5)(value)
    complaint, table = findings("ps6 project", value)
    assert complaint is None and table[2][3] == "0/3" and table[2][2] == "20"
    assert table[3] == ["leaky; 1 of 3 failed and ended early"]
    for n in range(3):
        failing("leaky", n, updates=5)(value)
    assert findings("ps6 project", value)[1][2][-1] == "none"


@pytest.mark.parametrize("form", FORMS)
def test_the_questions_say_what_a_run_that_failed_is_like(form):
    text = " ".join(" ".join(cell.source for cell in load(form[:3]).notebook.cells).split())
    for words in ("NaN", "`failed`", "counts among the seeds", "fewer updates"):
        assert words in text, words


def test_the_nets_may_stand_in_any_order():
    value = {"GRU": RUNS5["GRU"], "RNN": RUNS5["RNN"]}
    assert findings("ps5 runs", value) == findings("ps5 runs", RUNS5)


@pytest.mark.parametrize("name", ["GRU (lag 40)", "a/b", "Ä", "z = .95", "50 % kept", "Noah's net", "h_t: 循环", "2^4"])
def test_a_net_may_have_a_name_with_the_usual_signs(name):
    value = copy.deepcopy(RUNS6)
    value["nets"][name] = value["nets"].pop("leaky")
    complaint, table = findings("ps6 project", value)
    assert complaint is None and table[2][0] == name


@pytest.mark.parametrize("name", ["", "<b>", "a|b", "`x`", "a\nb", "&amp;", "x" * 31, "$x$", "[a](b)", "\u202eb", '"'])
def test_a_name_that_could_be_more_than_a_name_is_told_which_signs_it_may_have(name):
    value = copy.deepcopy(RUNS6)
    value["nets"][name] = value["nets"].pop("leaky")
    complaint, _ = findings("ps6 project", value)
    assert complaint == f"a net's name has {NAMED}."
    text = " ".join(" ".join(cell.source for cell in load("ps6").notebook.cells).replace("`", "").split())
    assert NAMED in text


def test_an_empty_stub_is_not_started():
    assert findings("ps5 runs", {"RNN": [None] * 3, "GRU": [None] * 3})[0] == NOT_STARTED
    assert findings("ps6 project", {"nets": None})[0] == NOT_STARTED


SMALL = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["RNN", "GRU", "nets", "seed", "loss"]), inner)
    ),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None)
@given(form=st.sampled_from(sorted(FORMS)), value=SMALL)
def test_nothing_else_is_read_and_nothing_breaks(form, value):
    complaint, table = findings(form, value)
    assert complaint and table == []


def test_the_question_says_which_runs_are_read():
    (text,) = [cell.source for cell in load("ps5").notebook.cells if "computes the last accuracy again" in cell.source]
    text = " ".join(text.split())
    for words in (f"at least {UPDATES} updates", "at least three accuracies", "below .95", f"{ALIKE:.0%} or less"):
        assert words.replace("%", " %").replace("  ", " ") in text, words
    assert "a thousandth of the largest" in text


def test_runs_of_the_least_length_are_read():
    value = copy.deepcopy(RUNS5)
    shortened(UPDATES, [0, 1, UPDATES])(value)
    value["RNN"][0]["score"][0] = 0.945
    assert findings("ps5 runs", value)[0] is None


def test_what_solved_on_the_way_and_not_at_the_end_is_told_apart():
    value = copy.deepcopy(RUNS5)
    for run in value["RNN"]:
        run["score"][1] = 1.0
    words = next(row[0] for row in findings("ps5 runs", value)[1] if len(row) == 1)
    assert words.startswith("RNN: solved 3/3") and words.endswith("by its weights at the end 0/3")


def places(value, path=()):
    """All paths into a nested value."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        yield from places(part, (*path, key))


@settings(max_examples=400, deadline=None)
@given(form=st.sampled_from(sorted(FORMS)), data=st.data(), value=SMALL)
def test_one_entry_replaced_by_anything_breaks_nothing(form, data, value):
    """Whatever stands in one place: a sentence or a table of short, printable cells, and never an exception."""
    whole = copy.deepcopy(RUNS[form])
    path = data.draw(st.sampled_from([path for path in places(whole) if path]))
    changed(*path, to=value)(whole)
    complaint, table = findings(form, whole)
    assert (complaint is None) == bool(table)
    assert all(cell.isprintable() and len(cell) < 120 for row in table for cell in row)


# ---------------------------------------------------------------------------------------------------------------------
# In the grader


def reply(assignment, value):
    """What the sandbox says of a submission whose only answer are its own runs."""
    (name,) = [q for q, question in assignment.questions.items() if hasattr(question, "evidence")]
    return reply_of(assignment, {name: {"values": [plain.encode(value)]}}), name


@pytest.mark.parametrize(("name", "form"), [("ps5", "ps5 runs"), ("ps6", "ps6 project")])
def test_points_come_from_what_can_be_read(name, form):
    assignment = load(name)
    marker = Marker(assignment, draw(assignment, 7, 1))
    text, question = reply(assignment, RUNS[form])
    marks = {mark.grade_id: mark for mark in marker.marks(text)}
    assert marks[question].points == marks[question].most > 0
    essays = [marks[essay] for essay in assignment.essays]
    assert all(mark.numbers == findings(form, RUNS[form])[1] for mark in essays)
    text, _ = reply(assignment, {"RNN": 1})
    marks = {mark.grade_id: mark for mark in marker.marks(text)}
    assert marks[question].points == 0 and marks[question].hint
    assert all("could not be read" in mark.numbers[0][0] for mark in (marks[essay] for essay in assignment.essays))
    for broken in ('{"cells": {}, "answers": {}}', "", None):
        assert all(mark.points in (0, None) for mark in marker.marks(broken))


def test_who_marks_the_report_sees_the_numbers(tmp_path):
    """In formgrader's notebook, the student's own table stands between the essay and its rubric, as code."""
    assignment = load("ps5")
    marks = Marker(assignment, draw(assignment, 7, 1)).marks(reply(assignment, RUNS5)[0])
    submission = Submission("ann")
    place = tmp_path / "ps5.ipynb"
    _write_autograded(place, assignment, submission, {mark.grade_id: mark.numbers for mark in marks}, {})
    cells = nbformat.read(place, as_version=4).cells
    ids = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in cells]
    table, rubric = cells[ids.index("ps5_essay_outcome") + 1 :][:2]
    assert table.source.startswith("**The student's own numbers**")
    lines = table.source.split("\n\n", 1)[1].splitlines()
    assert all(line.startswith("    ") for line in lines) and len(lines) == 9
    assert rubric.source.startswith("**Rubric**") and "- **6: a claim of its size**" in rubric.source


def test_show_numbers_prints_the_table_or_the_reason(capsys):
    show_numbers("ps6 project", RUNS6)
    show_numbers("ps6 project", None)
    printed = capsys.readouterr().out
    assert as_text(findings("ps6 project", RUNS6)[1]) in printed and printed.endswith("nets.\n")
    assert as_text([["a", "bb"], ["ccc", "d"], ["alone"]]) == "a    bb\nccc  d\nalone"


# ---------------------------------------------------------------------------------------------------------------------
# The worked examples


def evidence_of(path, name):
    """What a notebook's own cells hand in."""
    namespace = {}
    for cell in nbformat.read(ROOT / "coursework" / path, as_version=4).cells:
        if cell.cell_type == "code" and not cell.source.startswith(("check(", "show_numbers(", "# On Colab", "if ")):
            exec(cell.source, namespace)
    return namespace[name]


def rows(form, value):
    complaint, table = findings(form, value)
    assert complaint is None, complaint
    return {row[0]: dict(zip(table[0], row, strict=True)) for row in table[1:] if len(row) > 1}


def test_the_stronger_project_says_what_its_runs_say():
    found = rows("ps6 project", evidence_of("ps6/ps6.ipynb", "evidence"))
    solved = {name: row["solved"] for name, row in found.items()}
    assert solved["leaky .95"] == solved["GRU, bias 3"] == "5/5" and solved["GRU"] == solved["RNN"] == "0/5"
    assert solved["leaky .5 (control)"] == "1/5"
    assert float(found["GRU, bias 3"]["median"]) < float(found["leaky .95"]["median"])
    before = {name: float(row["before"]) for name, row in found.items()}
    for name, stated in (
        ("RNN", 1e-9),
        ("GRU", 1e-7),
        ("leaky .5 (control)", 1e-5),
        ("leaky .95", 0.5),
        ("GRU, bias 3", 0.3),
    ):
        assert 0.3 < before[name] / stated < 3, name
    assert float(found["leaky .95"]["after"]) > 1 and float(found["GRU"]["after"]) < 1e-5
    intervals = " ".join(row["95 % interval"] for row in found.values())
    for stated in ("0.57 to 1.00", "0.00 to 0.43", "0.04 to 0.62"):
        assert stated in intervals


def test_the_weaker_project_has_numbers_that_contradict_it():
    """The text says that the RNN does not learn. Its table says that two of three did, and that the LSTM explodes."""
    found = rows("ps6 project", evidence_of("ps6/example_weaker.ipynb", "evidence"))
    assert (found["RNN (control)"]["solved"], found["LSTM"]["solved"]) == ("2/3", "3/3")
    assert float(found["LSTM"]["median"]) == 75 and 20 < float(found["LSTM"]["after"]) < 45
    assert 1e-7 < float(found["RNN (control)"]["before"]) < 6e-7 and 4 < float(found["LSTM"]["before"]) < 9
    page = (ROOT / "coursework" / "ps6" / "examples.md").read_text(encoding="utf-8")
    points = [[int(n) for n in row] for row in re.findall(r"^\| [\w ]+ \| (\d+) \| (\d+) \|", page, re.M)]
    totals = re.search(r"\*\*total\*\* \| \*\*(\d+)\*\* \| \*\*(\d+)\*\*", page)
    assert [sum(column) for column in zip(*points, strict=True)] == [int(total) for total in totals.groups()]
    most = [part.points for part in load("ps6").parts.values()]
    assert all(a <= n and b <= n for (a, b), n in zip(points, most, strict=True))


def test_the_report_of_ps5_says_what_its_runs_say():
    found = findings("ps5 runs", evidence_of("ps5/ps5.ipynb", "my_runs"))
    assert found[0] is None
    table, words = [row for row in found[1][1:] if len(row) > 1], [row[0] for row in found[1] if len(row) == 1]
    assert words[0].startswith("RNN: solved 3/5, 95 % interval 0.23 to 0.88, median updates 75")
    assert words[1].startswith("GRU: solved 5/5, 95 % interval 0.57 to 1.00, median updates 150")
    solved, gradient_at = (found[1][0].index(name) for name in ("solved at", "dh_T/dh_0"))
    last = {(row[0], row[1]): (row[solved], float(row[gradient_at])) for row in table}
    failed = [gradient for at, gradient in last.values() if at == "never"]
    assert len(failed) == 2 and max(failed) < 1e-9
    assert all(0.1 < gradient < 2 for (kind, _), (_, gradient) in last.items() if kind == "GRU")
    assert last["RNN", "1"][0] == "25" and 1e-5 < last["RNN", "2"][1] < 1e-4 and last["RNN", "2"][0] == "75"


def test_the_fixed_share_leaves_its_power():
    """k I + (1 - k) diag(1 - n²) W_h is the leaky net's Jacobian, as the stronger project says: by autograd."""
    k = 0.95
    p = init_params("GRU", 6, 16, seed=0)
    p = p.changed("z", Wx=0, Wh=0, bx=np.log(k / (1 - k)), bh=0).changed("r", Wx=0, Wh=0, bx=1000, bh=0)
    trace = forward(p, tasks.latch(40).test[0][0])
    n, W = trace.gates["h_tilde"], p.Wh[32:]
    mine = np.array([k * np.eye(16) + (1 - k) * np.diag(1 - n_t**2) @ W for n_t in n])
    assert np.abs(mine - jacobians(trace)).max() < 1e-15
    assert f"{0.95**40:.2f}" == "0.13" and 0.5**40 < 1e-12
