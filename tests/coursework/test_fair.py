"""Fair marks: float32, parts, boundary cases, derivations; and what the instructor is told of the class."""

import csv
import random
import re
import time
from functools import partial

import mpmath
import numpy as np
import pytest
import torch

from course_utils.cells import sigmoid
from course_utils.checks.exercise import SINGLE, USE_FLOAT64, Exercise, difference, is_single, parts_right, verdict
from coursework import evidence, plain
from coursework.grader import __main__ as command
from coursework.grader import alike, borrowed, classes, items, report
from coursework.grader import assignment as assignments
from coursework.grader.assignment import load, names
from coursework.grader.marking import Mark, Marker
from coursework.grader.notebook import BEGIN
from coursework.grader.question import DERIVATION, rounded_to
from coursework.grader.question import SINGLE as AS_SINGLE
from coursework.grader.report import Result
from tests.coursework import solutions_ps1
from tests.coursework.generate_class import REGION
from tests.coursework.material import (
    IMPORT,
    RIGHT,
    STEP,
    TOTAL,
    WRONG_STEP,
    graded_here,
    reply_of,
    submit,
    write_assignment,
)
from tests.coursework.styles_ps1 import STYLES, answers
from tests.notebook import ROOT

QUESTIONS = {q: question for name in names() for q, question in load(name).questions.items()}

# ---------------------------------------------------------------------------------------------------------------------
# float32


def _step(W, h):
    return np.tanh(W @ h)


STEPS = Exercise(
    right=_step,
    draw=lambda rng: (rng.normal(size=(3, 3)), rng.uniform(-1, 1, 3)),
    mistakes={"W is transposed.": lambda W, h: np.tanh(W.T @ h)},
)


@pytest.mark.parametrize(
    "answer",
    [
        lambda W, h: np.tanh(W.astype(np.float32) @ h.astype(np.float32)),
        lambda W, h: torch.tanh(torch.tensor(W, dtype=torch.float32) @ torch.tensor(h, dtype=torch.float32)),
        lambda W, h: _step(W, h).astype(np.float32),
    ],
    ids=["numpy", "torch", "rounded"],
)
def test_float32_is_right_and_told_to_use_float64(answer):
    assert verdict(STEPS, answer) == f"Right, on every random input tried. {USE_FLOAT64}"


def test_float32_is_no_way_past_a_mistake():
    assert verdict(STEPS, lambda W, h: np.tanh(W.T @ h).astype(np.float32)) == "Not yet: W is transposed."
    assert verdict(STEPS, lambda W, h: (_step(W, h) * (1 + 1e-4)).astype(np.float32)).startswith("Not yet")
    assert verdict(STEPS, lambda W, h: _step(W, h) * (1 + 1e-6)).startswith("Not yet: it agrees to about")
    assert SINGLE < 1e-4


def test_float32_is_told_by_its_values_too():
    """What became of float32 numbers on their way: Python's numbers, or an array that begins with a 1.0."""
    numbers = np.random.default_rng(0).normal(size=5)
    single = np.float32(numbers)
    for given in (single, single.tolist(), list(single), single[0].item(), np.append(1.0, single), [1.0, *single]):
        assert is_single(given)
    mixed = [single, numbers]
    for given in (
        numbers,
        numbers.tolist(),
        0.1,
        mixed,
        3,
        3.0,
        0.25,
        np.zeros(3),
        np.eye(2),
        True,
        [True],
        "text",
        None,
    ):
        assert not is_single(given)
    assert not is_single([[1.0], [1.0, 2.0]]) and not is_single(np.array([np.nan, 0.1]))
    exercise = Exercise(right=lambda h: np.append(1.0, np.tanh(h)), draw=lambda rng: (rng.normal(size=3),))
    answers = [lambda h: [1.0, *np.tanh(np.float32(h)).tolist()], lambda h: np.append(1.0, np.tanh(np.float32(h)))]
    for answer in answers:
        assert verdict(exercise, answer) == f"Right, on every random input tried. {USE_FLOAT64}"


def test_one_part_in_float32_loosens_no_other():
    name = "ps5_trained"
    question = QUESTIONS[name]

    def off(by, *single):
        def answer(*net):
            found = {part: value * (1 + by) for part, value in question.right(*net).items()}
            return {part: np.float32(value) if part in single else value for part, value in found.items()}

        return answer

    everything = ("loss", "Wx", "Wh", "b", "V", "c")
    assert _marked(name, off(8e-6, "c")).points == 0
    assert _marked(name, off(2e-6, "c")).points == question.points / 6, "c alone is right, as float32"
    assert _marked(name, off(8e-6, *everything)).points == 0
    assert _marked(name, off(0.0, "c")).points == question.points
    fair = _marked(name, off(0.0, *everything))
    assert fair.points == question.points and fair.hint == USE_FLOAT64
    rows = [np.float32([0.1, 0.2]), np.array([0.3, 0.4]) * (1 + 1e-6)]
    assert difference(rows, np.array([[0.1, 0.2], [0.3, 0.4]]), 1e-8, (), SINGLE), "nor does one row of an array"


def _t32(array):
    return torch.tensor(array, dtype=torch.float32)


def _forward_by_torch(Wx, Wh, b, x, h0):
    out, h = [h0], _t32(h0)
    for t in range(x.shape[1]):
        h = torch.tanh(_t32(x[:, t]) @ _t32(Wx).T + h @ _t32(Wh).T + _t32(b))
        out.append(h.numpy())
    return np.stack(out, 1)


def _run_by_torch(Wx, Wh, bx, bh, x, h0):
    h = [h0]
    for x_t in x:
        h.append(np.float32(QUESTIONS["ps3_gru_steps"].right(Wx, Wh, bx, bh, x_t, h[-1]))[0])
    return np.array(h)


def _contributions_from_a_start(z, h_tilde, h0):
    """The first row is a product of float32 and float64, the others are float32."""
    k = np.float32(QUESTIONS["ps4_keeps"].right(z))
    out = np.empty((len(z) + 1, len(h0)))
    out[0] = k[0] * h0
    out[1:] = np.float32((1 - z) * h_tilde) * k[1:]
    return out


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("ps5_rnn_forward", _forward_by_torch),
        ("ps3_repaired_run", _run_by_torch),
        ("ps4_contributions", _contributions_from_a_start),
    ],
)
def test_float32_is_right_beside_a_row_of_float64(name, answer):
    found = _marked(name, answer)
    assert (found.points, found.hint) == (found.most, USE_FLOAT64)
    assert _marked(name, lambda *inputs: answer(*inputs) * (1 + 8e-6)).points == 0
    assert _marked(name, lambda *inputs: np.float64(QUESTIONS[name].right(*inputs)) * (1 + 1e-6)).points == 0


def test_each_number_is_held_to_what_its_kind_keeps():
    right = np.linspace(0.1, 1, 8).reshape(4, 2) ** 2
    near = np.float32(right * (1 + 2e-6)).astype(float)

    def wrong(places, off, **more):
        got = near.copy()
        got[places] = right[places] * (1 + off)
        return difference(got, right, 1e-8, single=5e-6, **more) is not None

    assert not wrong([0, 1, 2], 0.0), "three rows of four are exact, and one is float32"
    assert wrong([3], 8e-6) and wrong([2, 3], 1e-6) and wrong([1, 2, 3], 1e-6)
    assert not wrong([3], 1e-6), "most are float32, and what is computed from them has no more digits"
    assert wrong([3], 1e-6, rows=("a", "b", "c", "d")), "but a block with a name is a part by itself"
    assert not wrong([3], 0.0, rows=("a", "b", "c", "d"))
    short = np.array([[0.25, 0.5], [0.1, 0.2]])
    assert difference(short * (1 + 1e-6), short, 1e-8, single=5e-6), "a short number beside float64 is no float32"


def _marks_of(values, cells):
    """{question: mark} of ps4 where all other answers are right. values: {question: answer}."""
    assignment = load("ps4")
    inputs, answers = assignments.draw(assignment, 7, 4), {}
    for q, question in assignment.questions.items():
        answer = values.get(q, question.right)
        calls = [()] if inputs[q] is None else map(plain.decode, inputs[q])
        answers[q] = {"values": [plain.encode(answer(*call) if callable(answer) else answer) for call in calls]}
    return {
        mark.grade_id: mark for mark in Marker(assignment, inputs).marks(reply_of(assignment, answers), None, cells)
    }


def test_what_calls_an_answer_in_float32_is_held_to_the_same():
    """The model's contributions, with a keeps in float32: all its numbers are float64, with the digits of float32."""

    def keeps(by=0.0):
        return lambda z: np.float32(QUESTIONS["ps4_keeps"].right(z) * (1 + by))

    def contributions(by=0.0):
        return lambda z, h_tilde, h0: np.vstack([h0, (1 - z) * h_tilde]) * np.float64(keeps()(z)) * (1 + by)

    calls = ["def keeps(z): return z", "def contributions(z, h_tilde, h0): return keeps(z)"]
    name, callee = "ps4_contributions", "ps4_keeps"
    found = _marks_of({callee: keeps(), name: contributions()}, calls)
    assert (found[name].points, found[name].hint) == (found[name].most, USE_FLOAT64) and found[callee].points
    assert _marks_of({callee: keeps(), name: contributions(8e-6)}, calls)[name].points == 0
    assert _marks_of({callee: keeps(8e-6), name: contributions()}, calls)[name].points == 0, "keeps is wrong itself"
    assert _marks_of({name: contributions()}, calls)[name].points == 0, "keeps is float64"
    assert _marks_of({callee: keeps(), name: contributions()}, calls[:1])[name].points == 0, "keeps is not called"


def _in_single(value):
    return np.float32(value) if np.asarray(value).dtype.kind == "f" else value


class Single:
    """NumPy as far as solutions use it, where arrays are float32 that would be float64."""

    def __getattr__(self, name):
        thing = getattr(np, name)
        makes = name in ("zeros", "zeros_like", "ones", "eye", "array", "stack", "append", "log")
        return (lambda *given, **more: _in_single(thing(*given, **more))) if makes else thing


def _solutions(name):
    """{question: its solution in the notebook} of an assignment, where NumPy makes float32."""
    found = {"sigmoid": sigmoid, "np": Single()}
    for cell in load(name).notebook.cells:
        question = QUESTIONS.get(cell.metadata["nbgrader"]["grade_id"].removesuffix("_answer"))
        if question and question.draw and BEGIN in cell.source:
            exec(REGION.sub(r"\1", cell.source), found)
    return found


def _lost(question, answer):
    """What an answer loses in float32 at most, in 300 draws, as a part of the right one's largest entry."""
    worst, draws = 0.0, question.draws(1)
    for seed in range(300):
        inputs = draws[seed % len(draws)](np.random.default_rng(seed))
        wanted, got = question.right(*inputs), answer(*map(_in_single, inputs))
        for part, right in wanted.items() if isinstance(wanted, dict) else [("", wanted)]:
            each = np.asarray(got[part] if part else got)
            assert is_single(each) or each.dtype.kind in "bi", part
            worst = max(worst, np.abs(each.astype(float) - right).max() / (np.abs(right).max() or 1))
    return worst


def test_float32_has_the_tolerance_that_it_needs_and_no_more():
    """Right answers in float32 stay within half of what they may lose. Some come near a tenth of it."""
    lost = {}
    for name in sorted({q.partition("_")[0] for q in QUESTIONS}):
        answers = _solutions(name)
        for q, question in load(name).questions.items():
            if question.name in answers and not question.derive and question.rtol < 1e-3:
                answer = answers[question.name]
                if q == "ps4_biases":  # whole lags would make float64 of it
                    answer = partial(lambda lags, share, answer: answer(np.float32(lags), share), answer=answer)
                lost[q] = _lost(question, answer)
                assert lost[q] < max(question.rtol, question.single / 2), q
    assert len(lost) >= 18 and lost["ps4_biases"] > QUESTIONS["ps4_biases"].single / 10
    assert {QUESTIONS[q].single for q in lost} == {AS_SINGLE, QUESTIONS["ps4_biases"].single}
    usual = [q for q in lost if QUESTIONS[q].single == AS_SINGLE and QUESTIONS[q].rtol < 1e-7]
    assert max(lost[q] for q in usual) > AS_SINGLE / 10


# ---------------------------------------------------------------------------------------------------------------------
# Parts


def test_parts_of_several_results_and_of_rows():
    wanted = {"dW": np.eye(2), "db": np.ones(2)}
    assert parts_right((np.eye(2), np.zeros(2)), wanted, 1e-8) == {"dW": True, "db": False}
    assert parts_right({"dW": np.eye(2)}, wanted, 1e-8) == {"dW": True, "db": False}
    assert parts_right((np.eye(2),), wanted, 1e-8) == {"dW": False, "db": False}
    assert parts_right("text", wanted, 1e-8) == {"dW": False, "db": False}
    rows = np.arange(6.0).reshape(3, 2)
    assert parts_right(rows * [[1], [2], [1]], rows, 1e-8, ("r", "z", "n")) == {"r": True, "z": False, "n": True}
    assert parts_right(rows[:2], rows, 1e-8, ("r", "z", "n")) == {"r": False, "z": False, "n": False}
    assert parts_right(rows, rows, 1e-8) == {}


def _marked(name, answer, **options):
    """The mark of one answer to a question, through the grader's own marking of encoded values."""
    assignment = load(name.partition("_")[0])
    inputs = assignments.draw(assignment, 7, 4)
    values = [plain.encode(answer(*plain.decode(call))) for call in inputs[name]]
    text = reply_of(assignment, {name: {"values": values}})
    (mark,) = [mark for mark in Marker(assignment, inputs).marks(text, **options) if mark.grade_id == name]
    return mark


def test_one_right_row_of_two_earns_half():
    right = QUESTIONS["ps3_gru_steps"].right
    assert _marked("ps3_gru_steps", right).points == QUESTIONS["ps3_gru_steps"].points
    half = _marked("ps3_gru_steps", lambda *net: right(*net) * [[1], [1.5]])
    assert half.points == QUESTIONS["ps3_gru_steps"].points / 2 and "the reset before" in half.hint
    assert _marked("ps3_gru_steps", lambda *net: right(*net) * 1.5).points == 0
    seen = []

    def right_at_times(*net):
        seen.append(net)
        return right(*net) * [[1.5], [1]] if len(seen) % 2 else right(*net) * [[1], [1.5]]

    assert _marked("ps3_gru_steps", right_at_times).points == 0, "a part counts if it is right on every input"


# ---------------------------------------------------------------------------------------------------------------------
# Boundary cases and tolerances


def test_a_norm_of_exactly_one_is_among_the_matrices():
    question = QUESTIONS["ps2_must_vanish"]
    for seed in range(60):
        (matrices,) = question.draw(np.random.default_rng(seed))
        norms = np.linalg.norm(matrices, 2, axis=(1, 2))
        assert np.sum(norms == 1.0) >= 2
        again = np.sqrt(np.linalg.eigvalsh(np.swapaxes(matrices, 1, 2) @ matrices).max(-1))
        assert np.array_equal(again < 1, norms < 1), "another way to the norm gives the same verdicts"
        assert np.abs(norms[norms != 1] - 1).min() > 1e-3
    line = verdict(question, lambda matrices: np.linalg.norm(matrices, 2, axis=(1, 2)) <= 1)
    assert line.startswith("Not yet: at 1 itself")
    line = verdict(question, lambda matrices: np.linalg.norm(matrices, 2, axis=(1, 2)).round(2) < 1)
    assert line.startswith("Not yet"), "0.998 is below 1"


def _texts(name):
    """{grade_id: the text of a question}: all that stands between its heading and its answer."""
    found, text = {}, []
    for cell in load(name).notebook.cells:
        grade_id = cell.metadata["nbgrader"]["grade_id"]
        if cell.cell_type == "markdown":
            text.append(cell.source)
        elif grade_id.endswith("_answer"):
            found[grade_id.removesuffix("_answer")] = " ".join(" ".join(text).rpartition("### ")[2].split())
            text = []
    return found


TEXTS = {q: text for name in names() for q, text in _texts(name).items()}
NUMBERS = {"three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8}
DIGITS = re.compile(r"(\w+) significant digits suffice")
SHARES = re.compile(r"at least (\S+) % of a memory is left after (\d+) steps.*1 - z \\ge (\S+?)\$")
OTHERS = re.compile(r"(?i)\bdigits?\b|\bdecimals?\b|toleran|at least|to about|rounded|differ by|\de-\d")
COLLECTED = {  # what is said of own runs that are no answer to inputs: tests of its own hold the code against it
    "ps5_my_runs": {
        "at least three seeds",
        "may differ by two of the 200 sequences",
        "at least 50 updates",
        "at least three accuracies",
    },
    "ps6_evidence": {"at least three seeds", "at least up to 10", "six digits of each number"},
}
EXACT = re.compile(r"may differ from the right numbers by (\S+) of the largest of them in size, and by (\S+) if your")
DERIVED = re.compile(r"A derivation of your own may differ by (\S+)\.")
ASKED = re.compile(r"Questions ([\d, andto]+) ask for your own derivation")
WIDER = re.compile(r"Your numbers may differ by (\S+) of the largest")
WIDER_SINGLE = re.compile(r"numbers that are float32 may differ by (\S+) of the largest")


def _numbers(words):
    """{3, 4, 5} of "3 to 5", {2, 3, 5} of "2, 3 and 5"."""
    found = re.findall(r"(\d+)(?: to (\d+))?", words)
    return {n for first, last in found for n in range(int(first), int(last or first) + 1)}


def _stated(name):
    """(rtol, single) of a question, read from its own words and those at the head of its assignment, and no code."""
    assignment = load(name.partition("_")[0])
    head, text = " ".join(assignment.notebook.cells[0].source.split()), TEXTS[name]
    usual, single = map(float, EXACT.search(head).groups())
    number = int(re.match(r"(\d+) · ", text)[1])
    if asked := ASKED.search(head):
        if number in _numbers(asked[1]):
            return float(DERIVED.search(head)[1]), None  # in float32 it is nothing
    if wider := WIDER_SINGLE.search(text):
        single = float(wider[1].rstrip("."))
    if digits := DIGITS.search(text):
        usual = rounded_to(NUMBERS[digits[1].lower()])
    elif wider := WIDER.search(text):
        usual = float(wider[1].rstrip(":"))
    elif SHARES.search(text):
        usual = QUESTIONS[name].rtol  # between two bounds, which a test of its own tries
    return usual, single


@pytest.mark.parametrize("name", [name for name in QUESTIONS if name not in COLLECTED])
def test_the_tolerance_that_is_stated_is_the_one_that_is_used(name):
    """Numbers a little inside of what the words say are right, and a little outside wrong, on the grader's inputs."""
    question, (rtol, single) = QUESTIONS[name], _stated(name)
    assert question.rtol == rtol and question.derive == (single is None)
    assert single is None or question.single == single
    if SHARES.search(TEXTS[name]):
        return

    def off(by):
        def moved(right):
            right = np.array(right, dtype=float)
            place = np.unravel_index(np.abs(right).argmax(), right.shape)
            right[place] *= 1 + by
            return right

        def answer(*net):
            right = question.right(*net)
            return {part: moved(each) for part, each in right.items()} if isinstance(right, dict) else moved(right)

        return answer

    whole = np.asarray(question.right(*question.draw(np.random.default_rng(0)))).dtype.kind in "bi"
    assert _marked(name, off(0.0 if whole else 0.9 * rtol)).points == question.points
    assert _marked(name, off(1.1 * rtol)).points < question.points
    if single is not None:
        assert _marked(name, lambda *net: _single(off(0.8 * single)(*net))).points == question.points
        assert _marked(name, lambda *net: _single(off(1.2 * max(rtol, single))(*net))).points < question.points


def test_no_tolerance_is_stated_in_words_that_are_not_read():
    assert set(TEXTS) == set(QUESTIONS)
    for name, text in TEXTS.items():
        for read in (DIGITS, SHARES, WIDER, WIDER_SINGLE):
            text = read.sub("", text)
        for words in COLLECTED.get(name, ()):
            assert words in text, name
            text = text.replace(words, "")
        for known in ("has few digits of", "plus 1e-6", "about 1e-6", "a 1e-12 that is added"):
            text = text.replace(known, "")
        assert not OTHERS.search(text), (name, OTHERS.search(text))
    assert {name for name in TEXTS if DIGITS.search(TEXTS[name])} == {"ps1_rate"}
    assert {name for name in TEXTS if SHARES.search(TEXTS[name])} == {"ps4_gate_bias"}
    assert {name for name in TEXTS if WIDER.search(TEXTS[name])} == {"ps2_clip_by_norm"}
    assert {name for name in TEXTS if WIDER_SINGLE.search(TEXTS[name])} == {"ps4_biases"}


def test_why_a_small_number_is_not_to_be_added():
    """What ps5 says of an epsilon in a logarithm is so. Torch's own, in its clipping, is let through by ps2."""
    loss = QUESTIONS["ps5_answer_loss"]

    def with_epsilon(V, c, h, target):
        logits = h @ V.T + c
        p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        return {**loss.right(V, c, h, target), "loss": -np.mean(np.log(p[np.arange(len(h)), target] + 1e-12))}

    told = [case.complaint(with_epsilon(*case.arguments())) for case in loss.cases(100)]
    assert 30 < sum("loss" in words and "or added" in words for words in told if words) < 60, "six inputs will do"

    def by_torch(g, c):
        rows = [torch.nn.Parameter(torch.tensor(row)) for row in g]
        for row in rows:
            row.grad = row.detach().clone()
            torch.nn.utils.clip_grad_norm_([row], c)
        return torch.stack([row.grad for row in rows])

    assert _marked("ps2_clip_by_norm", by_torch).points == QUESTIONS["ps2_clip_by_norm"].points


@pytest.mark.parametrize("name", [name for name in TEXTS if DIGITS.search(TEXTS[name])])
def test_as_many_digits_suffice_as_the_question_says(name):
    """Whichever right number is rounded to them is right, and a number with one digit less mostly isn't."""
    question, digits = QUESTIONS[name], NUMBERS[DIGITS.search(TEXTS[name])[1].lower()]
    fewer = 0
    for seed in range(300):
        inputs = question.draw(np.random.default_rng(seed))
        case = question.worked(lambda inputs=inputs: inputs)
        wanted = question.right(*inputs)
        assert case.complaint(float(f"{wanted:.{digits - 1}e}")) is None, (seed, wanted)
        fewer += case.complaint(float(f"{wanted:.{digits - 2}e}")) is None
        for hint, wrong in case.mistakes.items():
            if difference(wrong(), wanted, 10 * question.rtol) is not None:  # else this mistake is none here
                assert not case.fits(float(f"{wanted:.{digits - 1}e}"), hint)
    assert fewer < 100
    for hardest in (1.0000005, 1.5000005, 9.9999995, 1.00000499999):  # a rounding is off by most where 1... begins
        assert difference(float(f"{hardest:.{digits - 1}e}"), hardest, question.rtol) is None


def test_the_gate_bias_is_right_between_the_bounds_that_the_question_states():
    """The two bounds are worked out from the question's own words, and numbers a millionth inside and outside tried."""
    percent, steps, share = map(float, SHARES.search(TEXTS["ps4_gate_bias"]).groups())
    keeps = (percent / 100) ** (1 / steps)
    low, high = np.log(keeps / (1 - keeps)), np.log((1 - share) / share)
    assert low < high
    question = QUESTIONS["ps4_gate_bias"]
    for inside in (low + 1e-6, high - 1e-6, (low + high) / 2, 4.0, 5.0, 6.0):
        assert _marked("ps4_gate_bias", lambda inside=inside: inside).points == question.points, inside
    for outside in (low - 1e-6, high + 1e-6, 3.0, 7.0, -low, 0.0):
        assert _marked("ps4_gate_bias", lambda outside=outside: outside).points == 0, outside


def test_the_guide_states_the_tolerances_and_trials_that_are_used():
    guide = " ".join((ROOT / "coursework" / "README.md").read_text(encoding="utf-8").split())
    usual = re.search(r"within (1e-\d+) of the right one's largest entry, on (\w+) random inputs", guide)
    assert float(usual[1]) == Exercise(right=0.0).rtol
    assert NUMBERS[usual[2]] == command.parser().parse_args(["submitted", "ps3", "--seed", "7"]).trials
    assert float(re.search(r"A derivation is held to (1e-\d+)", guide)[1]) == DERIVATION
    assert {question.rtol for question in QUESTIONS.values() if question.derive} == {DERIVATION}
    assert float(re.search(r"computed in float32 \| nothing: it is held to (1e-\d+)", guide)[1]) == DERIVATION


@pytest.mark.parametrize("name", [name for name, question in QUESTIONS.items() if question.derive])
def test_a_derivation_in_float32_earns_nothing_and_is_told_why(name):
    mark = _marked(name, lambda *net: _single(QUESTIONS[name].right(*net)))
    assert mark.points == 0 and "float64" in mark.hint


def _single(found):
    """The same numbers in float32."""
    if isinstance(found, dict):
        return {part: np.float32(value) for part, value in found.items()}
    return np.float32(found)


def test_what_counts_as_solved_is_what_ps5_says():
    stated = float(re.search(r"An accuracy of (\.\d+) counts as solved", TEXTS["ps5_my_runs"])[1])

    def run(best):
        return {"seed": 0, "loss": [1.0] * 9, "evaluated": [0, 9], "score": [0.25, best]}

    for best, solved in ((stated, 9), (stated - 1e-9, None)):
        assert evidence._run(run(best), "here").solved_at(evidence.SOLVED) == solved


# ---------------------------------------------------------------------------------------------------------------------
# Derivations

MAGICS = (
    "print?",
    "?print",
    "np.tanh??",
    "!ls",
    "files = !ls",
    "%time x = 2",
    "x = %who_ls",
    "%%time",
    "%%capture out",
)
BY_PACKAGE = "from course_utils.gradients import jacobian_paths\ndef f(W):\n    return sum(jacobian_paths(W).values())"
BORROWED = {
    "package": [BY_PACKAGE],
    "package renamed": ["import course_utils.gradients as g\nway = g.jacobian_paths", "def f(W):\n    return way(W)"],
    "package in a helper": [BY_PACKAGE.replace("def f", "def helper"), "def f(W):\n    return helper(W)"],
    "package within": ["def f(W):\n    from course_utils import gradients\n    return gradients.jacobian_paths(W)"],
    "complex step": ["def f(W):\n    return run(W + 1e-20j).imag / 1e-20"],
    "complex by name": ["def f(W):\n    return run(W.astype(complex))"],
    "central": ["def f(W):\n    e = 1e-5\n    return (run(W + e) - run(W - e)) / (2 * e)"],
    "forward": ["def f(W):\n    return (run(W + 1e-7) - run(W)) / 1e-7"],
    "with magics": ["%matplotlib inline\n!ls\n" + BY_PACKAGE],
    **{f"beside {line}": [f"{line}\n{BY_PACKAGE}"] for line in MAGICS},
    **{f"below {line}": [f"{BY_PACKAGE}\n{line}"] for line in MAGICS if line[:2] != "%%"},
    "below an empty line and %%time": ["\n%%time\n" + BY_PACKAGE],
    "in a line that is timed": ["%time from course_utils.gradients import jacobian_paths as way", "f = way"],
    "beside an await": ["import asyncio\nawait asyncio.sleep(0)\n" + BY_PACKAGE],
    "beside an error in an indented magic": ["if True:\n    %time x = 2\n" + BY_PACKAGE],
    "beside what is nested too deeply": [BY_PACKAGE, "z = " + "-" * 20_000 + "1"],
}
OWN = {
    "matrices": ["def f(W):\n    return np.diag(1 - h**2) @ W"],
    "torch to multiply": ["import torch\ndef f(W):\n    return torch.tensor(W) @ torch.tensor(W)"],
    "names": ["def f(W):\n    grad = W\n    gradient = grad - W\n    return gradient / 2"],
    "package to run": ["from course_utils.cells import sigmoid\ndef f(W):\n    return sigmoid(W)"],
    "checked by torch": [
        "def f(W):\n    return 2 * W",
        "import torch\ndef test():\n    return torch.autograd.functional.jacobian(f, W)",
    ],
    "compared by differences": ["def f(W):\n    return 2 * W", "print((f(1.0 + 1e-6) - f(1.0)) / 1e-6)"],
    "not Python": ["def f(:", "%%bash\nls"],
    "package in a cell of another language": ["%%writefile own.py\n" + BY_PACKAGE, "def f(W):\n    return 2 * W"],
}


@pytest.mark.parametrize("name", BORROWED)
def test_a_borrowed_derivative_is_noticed(name):
    assert borrowed.complaint(BORROWED[name], "f").startswith(borrowed.WANTED)


@pytest.mark.parametrize("name", OWN)
def test_ones_own_derivative_is_left_alone(name):
    assert borrowed.complaint(OWN[name], "f") is None


def test_a_right_derivative_by_a_tool_earns_nothing_and_is_told():
    name = "ps1_gradient_of_Wh"
    cells = ["from course_utils.gradients import backward\ndef gradient_of_Wh(*net):\n    return backward(*net)"]
    by_package = _marked(name, solutions_ps1.gradient_by_torch, cells=cells)
    assert by_package.points == 0 and "gradients.backward computes it" in by_package.hint
    own = _marked(name, QUESTIONS[name].right, cells=["def gradient_of_Wh(*net):\n    return share(net)"])
    assert own.points == QUESTIONS[name].points and own.hint == ""


def test_a_tool_earns_no_part_of_a_derivative_either():
    """One spoilt part of six doesn't keep the code from being read; nor does it cost one's own parts their share."""
    name = "ps5_gru_step_backward"
    question = QUESTIONS[name]

    def spoilt(*net):
        found = question.right(*net)
        return {**found, "dbx": 2 * found["dbx"]}

    code = "def gru_step_backward(*net):\n    return {}"
    own = _marked(name, spoilt, cells=[code.format("parts(net)")])
    assert own.points == round(question.points * 5 / 6, 1)
    stepped = _marked(name, spoilt, cells=[code.format("parts(net, 1e-20j)")])
    assert stepped.points == 0 and "complex step" in stepped.hint and "It is right" not in stepped.hint
    wrong = _marked(name, lambda *net: None, cells=[code.format("parts(net, 1e-20j)")])
    assert wrong.points == 0 and "complex step" not in wrong.hint


# ---------------------------------------------------------------------------------------------------------------------
# Alike


def _own(i):
    """A step of a student's own: no two have the same structure."""
    terms = " + ".join(["W @ h * 1.0"] * (i % 7 + 1))
    return f"def step(W, h):\n    a{i} = {terms}\n    b = a{i} * {i} + {i + 1}\n    return b"


def test_equal_structure_is_found_whatever_it_is_called():
    code = {f"student{i}": [IMPORT, _own(i), TOTAL] for i in range(30)}
    work = "def step(W, h):\n    total = W @ h + 3 * h\n    for n in range(7, 9):\n        total = total - n * 17\n"
    work += "    rest = np.tanh(total) * 41 + h\n    return rest / 43 - total"
    code["ann"] = [IMPORT, work, TOTAL]
    copied = work.replace("total", "summe").replace("3 * h", "h * 3").replace("rest", "r") + "  # mine"
    code["bob"] = ["x = 1", copied, "# nothing else"]
    found = alike.pairs(code, [IMPORT, TOTAL])
    assert [set(pair.students) for pair in found] == [{"ann", "bob"}]
    assert found[0].alike > 0.9 and found[0].shared >= 3 and "41" in found[0].example


def _disguised(cells):
    """A copy under other names, in another order, with a line of its own that says little."""
    renamed = [re.sub(r"\b(h|x_t|total|out|factors|da|slope)\b", r"\1_2", cell) for cell in reversed(cells)]
    return ["# my own work", *renamed, "x = 1"]


@pytest.mark.parametrize("number", [2, 3, 12, 40])
def test_a_copy_is_wholly_alike_in_every_class(number):
    """Also one of short answers that many others gave: what was left out of one sum is left out of the other."""
    rng = random.Random(number)
    code = {f"student{i}": answers(rng, 0.9) for i in range(number)}
    for student in list(code)[:20]:
        found = alike.pairs({**code, "copycat": _disguised(code[student])})
        assert [pair.alike for pair in found if set(pair.students) == {student, "copycat"}] == [1.0]


def test_a_copy_with_something_of_ones_own_is_listed():
    rng = random.Random(5)
    code = {f"student{i}": answers(rng) for i in range(40)}
    own = [f"def helper{i}(a):\n    return [a * {i + 3} + k % {i + 5} for k in range({i + 7})]" for i in range(12)]
    listed = 0
    for student in code:
        found = alike.pairs({**code, "copycat": [*own, *_disguised(code[student])]})
        listed += any(set(pair.students) == {student, "copycat"} for pair in found)
    assert listed >= 36


def test_the_whole_class_with_one_solution_is_listed():
    """Each statement weighs nothing then, and yet such notebooks are one."""
    whole = answers(random.Random(3))
    assert len(alike.pairs({f"student{i}": whole for i in range(5)})) == 5 * 4 / 2
    assert alike.pairs({f"student{i}": whole for i in range(5)}, whole) == [], "handed out"
    assert alike.pairs({f"student{i}": whole[3:6] for i in range(5)}) == [], "too little to be a copy"


@pytest.mark.parametrize(("number", "times"), [(12, 40), (40, 12), (120, 2)])
def test_right_answers_of_many_are_hardly_ever_listed(number, times):
    """In classes whose students never saw each other's work: the guide says about one pair of two thousand."""
    listed = 0
    for seed in range(times):
        rng = random.Random(seed)
        listed += len(alike.pairs({f"student{i}": answers(rng, 0.9) for i in range(number)}))
    assert listed <= times * number * (number - 1) / 2 / 1000


@pytest.mark.parametrize("name", STYLES)
def test_the_styles_of_such_a_class_are_right(name):
    rng, question = random.Random(1), QUESTIONS[f"ps1_{name}"]
    for _ in range(15):
        scope = {"np": np, "sigmoid": sigmoid}
        for cell in answers(rng):
            exec(cell, scope)
        assert verdict(question, scope[name]).startswith("Right"), scope[name]


def test_what_all_write_is_no_likeness():
    assert alike.pairs({f"student{i}": [IMPORT, STEP, TOTAL] for i in range(30)}) == []
    assert alike.pairs({"ann": [STEP], "bob": [STEP]}) == []
    assert alike.pairs({}) == [] and alike.pairs({"ann": ["def (:"]}) == []


def test_code_that_is_nested_on_purpose_holds_nobody_up():
    """The instructor's side reads it, too: neither time nor memory may grow without end."""
    nested = "x"
    for i in range(60):
        nested = f"({nested} * {i} + y)"
    many = " = ".join(f"a{i}" for i in range(5000))
    hostile = [f"z = {nested}", "z = " + "(" * 150 + "1" + ")" * 150, "z = " + "-" * 20_000 + "1", "z = " + "9" * 5000]
    hostile += [f"{many} = f(" + " + ".join(f"a{i}" for i in range(2000)) + ")", "\x00", "f" * 10**6, "(" * 10**5]
    deep = "".join(" " * i + "if 1:\n" for i in range(90)) + " " * 90 + "x"
    hostile += ["z = " + " + ".join(["x"] * 3000), deep]
    start = time.process_time()
    assert alike.pairs({f"student{i}": hostile for i in range(12)}) == []
    for cell in hostile:
        assert "nested so deeply" in (borrowed.complaint([cell], "z") or "nested so deeply")
    assert time.process_time() - start < 20


# ---------------------------------------------------------------------------------------------------------------------
# The class


def test_a_share_has_its_band():
    """The bounds are the shares at which the observed one is 1.96 standard errors away."""
    for right, of in ((0, 10), (3, 10), (10, 10), (77, 300)):
        band = items.share(right, of)
        assert 0 <= band.low <= band.value <= band.high <= 1
        for bound in (band.low, band.high):
            if 1e-9 < bound < 1 - 1e-9:
                assert abs(right / of - bound) == pytest.approx(1.96 * np.sqrt(bound * (1 - bound) / of), rel=1e-3)
    assert items.share(0, 0).low == 0 and items.share(0, 0).high == 1


@pytest.mark.parametrize("n", [2, 3, 5, 9, 30])
def test_the_bands_cover_what_they_should(n):
    """Scores of 0 to 100, of classes of all sizes: the mean of all students is in 95 % of the bands, or nearly."""
    rng = np.random.default_rng(n)
    everybody = np.clip(rng.normal(60, 20, 100_000), 0, 100)
    samples = rng.choice(everybody, (1500, n))
    bands = [items.mean(sample, 100) for sample in samples]
    covered = np.mean([band.low <= everybody.mean() <= band.high for band in bands])
    assert 0.93 < covered < 0.98
    told = [band for band in bands if band.low == band.low]
    assert all(0 <= band.low <= band.value <= band.high <= 100 for band in told) and len(told) > 1400
    middle = [items.median(sample) for sample in samples]
    if n < 6:
        assert np.isnan([[band.low, band.high] for band in middle]).all(), "so few tell nothing of a median"
    else:
        assert np.mean([band.low <= np.median(everybody) <= band.high for band in middle]) > 0.94


def test_quantiles_of_students_t():
    for df in (1, 2, 4, 8, 29, 500):
        upper = mpmath.betainc(df / 2, 0.5, 0, df / (df + items.student_t(df) ** 2), regularized=True) / 2
        assert float(upper) == pytest.approx(0.025, rel=1e-5)


def test_where_nothing_can_be_said_there_is_no_band():
    for values in ([], [40.0], [50.0, 50.0, 50.0]):
        band = items.mean(np.array(values), 100)
        assert np.isnan([band.low, band.high]).all() and np.isnan(band.value) == (not values)


def test_a_mean_is_of_what_everybody_has_points_for(tmp_path):
    """Essays that nobody has read are no zeros."""

    def result(name, points, essay):
        return Result(name, [Mark("q_a", points, 43, ""), Mark("q_essay", essay, 57, "")], penalty=0.0)

    found = items.summary([result("ann", 43, None), result("bob", 33, 57), result("cem", 40, None)])
    assert (found.most, found.to_come, found.mean.value) == (43, 57, pytest.approx(116 / 3))
    classes.write_class(found, [], "q", tmp_path)
    page = " ".join((tmp_path / "q_class.html").read_text(encoding="utf-8").split())
    assert "Mean 38.7 of 43 points, 95 % band" in page and "Another 57 are still to be given." in page
    assert "median 40 (too few, or all alike, for a band)" in page
    found = items.summary([result("ann", 43, 10), result("bob", 33, 57)])
    assert (found.most, found.to_come, found.mean.value) == (100, 0, 71.5)
    classes.write_class(found, [], "q", tmp_path)
    assert "still to be given" not in (tmp_path / "q_class.html").read_text(encoding="utf-8")


def test_hints_of_one_kind_are_counted_together():
    assert items.kind("your function raised KeyError: 'dh'") == items.kind("your function raised KeyError: 3")
    assert items.kind("W is transposed.") == "W is transposed."
    first = "3 of 9 numbers differ. The smallest input that fails: W of shape (3, 3)."
    assert items.kind(first) == "3 of 9 numbers differ."
    assert items.kind("wrong. It is right on 3 of 6 inputs. The smallest input that fails: x.") == "wrong."


def test_the_items_of_a_class():
    def result(name, a, b, hint="", problem=None):
        both = [Mark("q_a", a, 10, "", hint if a < 10 else ""), Mark("q_b", b, 5, "")]
        return Result(name, both, problem)

    class_ = [result(f"s{i}", 10, 5) for i in range(6)]
    class_ += [result("t", 0, 0, "W is transposed."), result("u", 5, 0, "W is transposed."), result("v", 0, 0, "y")]
    class_.append(result("w", 0, 0, "not read", problem="not read"))
    found = items.summary(class_)
    assert (found.students, found.unread, found.mean.value) == (10, 1, pytest.approx((6 * 15 + 5) / 9))
    first, second = found.items
    assert first.right.value == pytest.approx(6 / 9) and first.mistakes == [("W is transposed.", 2), ("y", 1)]
    assert first.tells == pytest.approx(np.corrcoef([10] * 6 + [0, 5, 0], [5] * 6 + [0] * 3)[0, 1])
    assert second.points.value == pytest.approx(30 / 9)
    with pytest.raises(ValueError, match="results: got none"):
        items.summary([])


def test_page_and_tables_of_a_class(tmp_path):
    key = write_assignment(tmp_path / "key")
    hostile = "def step(W, h):\n    raise ValueError('<script>alert(1)</script>' + '=cmd()')"
    for student, cells in {"ann": RIGHT, "bob": [IMPORT, WRONG_STEP, *RIGHT[2:]], "cem": [IMPORT, hostile]}.items():
        submit(tmp_path / "submitted", student, cells)
    submit(tmp_path / "submitted", "dan", "no notebook")
    graded_here(tmp_path / "submitted", tmp_path / "out", key)
    page = (tmp_path / "out" / "marks" / "ps0_class.html").read_text(encoding="utf-8")
    assert "4 submissions, 1 of them could not be read" in page and "1 × W is transposed." in page
    assert "<script" not in page and "33 % of 3" in page
    with open(tmp_path / "out" / "marks" / "ps0_items.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["question"] == "all" and rows[0]["marked"] == "3"
    steps = [row for row in rows if row["question"] == "ps0_step"]
    assert {row["mistake"] for row in steps} == {"W is transposed.", "your function raised ValueError"}
    assert all(float(row["low"]) <= 1 / 3 + 1e-3 <= float(row["high"]) for row in steps)
    assert (tmp_path / "out" / "marks" / "ps0_alike.csv").read_text().startswith("one,other,alike")
    assert "To be opened" not in page, "nobody was asked to derive anything"
    guide = (ROOT / "coursework" / "README.md").read_text(encoding="utf-8")
    told = {name.replace("ps3", "ps0") for name in re.findall(r"`(?:marks/)?(ps3(?:_\w+)?[.](?:csv|html))`", guide)}
    assert {path.name for path in (tmp_path / "out" / "marks").iterdir()} == told, "what the guide promises is there"
    assert (tmp_path / "out" / "marks" / "ps0_look.csv").read_text().split() == ["student,question,why"]


def test_the_page_says_which_notebooks_to_open(tmp_path):
    """A line for each answer that could not be told, and none of it is a script or a formula."""
    marks = [Mark("q_a", 10, 10, "Derive.", look="The class <script> has an arithmetic."), Mark("q_b", 5, 5, "")]
    results = [Result("=ann", marks), Result("bob", [Mark("q_a", 10, 10, "Derive."), marks[1]])]
    classes.write_class(items.summary(results), [], "q", tmp_path, results)
    page = (tmp_path / "q_class.html").read_text(encoding="utf-8")
    assert "To be opened" in page and "The class &lt;script&gt; has" in page and "bob" not in page
    assert "arithmetic" not in report.page(results[0], "q") + report.markdown(results[0], "q"), "for who marks alone"
    with open(tmp_path / "q_look.csv", newline="", encoding="utf-8") as file:
        assert list(csv.reader(file))[1:] == [["'=ann", "q_a", "The class <script> has an arithmetic."]]
