"""The exam bank: every number worked out another way, papers of equal weight, pages and Moodle's file."""

import re
import xml.etree.ElementTree as xml
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest
import torch

from course_utils import norms
from course_utils.cells import Params, forward, init_params, sigmoid
from course_utils.gradients import backward, jacobians
from course_utils.training import clip_gradients, wilson
from tests import oracles
from tests.notebook import ROOT
from tools import exam
from tools.heads import lessons

SLOTS = exam.load()
QUESTIONS = {question["id"]: (slot, question) for slot in SLOTS for question in slot.questions}
NUMBERS = [name for name, (slot, _) in QUESTIONS.items() if slot.kind == "number"]


def rnn(w, inputs, h0, b=0.0, activation="tanh"):
    """States of one unit with input weight 1, by the course's own cell."""
    p = Params("RNN", np.ones((1, 1)), np.full((1, 1), w), np.full(1, b), np.zeros(1), activation=activation)
    return forward(p, np.reshape(inputs, (-1, 1)), np.array([h0])).h[:, 0]


def derivative(function, at):
    """By a complex step, exact to rounding."""
    return np.imag(function(at + 1e-30j)) / 1e-30


def linear(w, x, h0=0.0):
    h = [h0]
    for x_t in x:
        h.append(w * h[-1] + x_t)
    return h


def by_torch(function, *values):
    """Derivative of a function of torch numbers by its first argument."""
    at = torch.tensor(values[0], dtype=torch.float64, requires_grad=True)
    return float(torch.autograd.grad(function(at, *values[1:]), at)[0])


def first(condition, start=0):
    """The first whole number for which a condition holds."""
    return next(n for n in range(start, 1000) if condition(n))


def gru(h_prev, Wr, Wz, Wn, br, bz, xn):
    """One unit's step, reset after the product, in torch. Its input is 0; xn is the candidate's part of bx."""
    p = Params("GRU", np.zeros((3, 1)), [[Wr], [Wz], [Wn]], [br, bz, xn], np.zeros(3), reset="after")
    return oracles.step(p, np.zeros(1), h_prev[None]).h[0]


def logit(share):
    return float(np.log(share / (1 - share)))


def two_paths():
    """Gates that read no state, and an input with which the candidate is -.5 at h_prev = 0.3."""
    xn = np.arctanh(-0.5) - 0.5 * 2 * 0.3
    return by_torch(gru, 0.3, 0.0, 0.0, 2.0, logit(0.5), logit(0.8), xn)


def path_by_gate(gate):
    """The derivative with one gate reading the state less the one with that gate held where it is."""
    if gate == "z":  # Wn = 0, so nothing else reads the state
        held = by_torch(gru, 0.5, 0.0, 0.0, 0.0, 0.0, logit(0.8), np.arctanh(-0.5))
        return by_torch(gru, 0.5, 0.0, 0.5, 0.0, 0.0, logit(0.8) - 0.5 * 0.5, np.arctanh(-0.5)) - held
    xn = -0.5 * 2 * 0.5  # so that the candidate is 0
    held = by_torch(gru, 0.5, 0.0, 0.0, 2.0, 0.0, 0.0, xn)
    return by_torch(gru, 0.5, 4.0, 0.0, 2.0, -4.0 * 0.5, 0.0, xn) - held


def open_gru():
    p = init_params("GRU", 2, 3, seed=0, gain=0)
    p = p.changed("z", Wx=0, Wh=0, bx=logit(0.95), bh=0)
    return norms.norms_to_past(jacobians(forward(p, np.zeros((50, 2)))))[0]


def clipped(rows, limit, by="norm"):
    grad = np.array(rows, dtype=float)
    clip_gradients(grad, limit, by)
    return grad


def turned():
    a, b = np.array([3.0, 4.0]), clipped([[3, 4]], 2, "value")[0]
    return np.cos(np.arctan2(a[1], a[0]) - np.arctan2(b[1], b[0]))


def kept(z, steps, candidate=0.0, start=1.0):
    h = start
    for _ in range(steps):
        h = z * h + (1 - z) * candidate
    return h / start if candidate == 0 else h


def held_rate():
    J = np.diag([1, 0.3]) @ np.array([[2.0, -2], [2, -2]])
    logs = norms.norms_to_past(np.tile(J, (60, 1, 1)), log=True)
    return np.exp((logs[0] - logs[40]) / 40)


def weight_gradient():
    """d(h_1 + ... + h_4)/dw at w = 1 of a linear unit."""
    return by_torch(lambda w: w + w**2 + w**3 + w**4, 1.0)


def truncated_share():
    whole = derivative(lambda w: linear(w, [1, 1, 1])[-1], 0.5)
    h_2 = linear(0.5, [1, 1])[-1]
    return derivative(lambda w: w * h_2 + 1, 0.5) / whole


def chain_tanh():
    """Inputs that lead through the three states; then the course's Jacobians."""
    states = [0.0, 0.5, -0.5, 0.8]
    x = [np.arctanh(after) - 2 * before for before, after in pairwise(states)]
    p = Params("RNN", np.ones((1, 1)), np.full((1, 1), 2.0), np.zeros(1), np.zeros(1))
    return np.prod(jacobians(forward(p, np.reshape(x, (3, 1)))))


def steepest(w):
    """The largest derivative of sigmoid(w h + b) by h over many biases."""
    return max(derivative(lambda h, b=b: 1 / (1 + np.exp(-(w * h + b))), 0.0) for b in np.linspace(-3, 3, 61))


ANOTHER_WAY = {
    "states_tanh": lambda: rnn(0.5, [1.0, 0.0], 0.0)[-1],
    "states_sigmoid": lambda: rnn(2.0, [0.0, 0.0], 1.0, b=-1.0, activation="sigmoid")[-1],
    "states_linear": lambda: linear(0.5, [1] * 4)[-1],
    "states_turning": lambda: (np.linalg.matrix_power(np.array([[0, 1], [-1, 0]]), 3) @ [1, 0])[1],
    "states_relu": lambda: rnn(-1.0, [0.0] * 3, 0.25, b=1.0, activation="relu")[-1],
    "chain_rest": lambda: derivative(lambda h: 1 / (1 + np.exp(-(3 * h - 1.5))), 0.5),
    "chain_tanh": chain_tanh,
    "chain_bound": lambda: steepest(4.0) ** 10,
    "chain_linear": lambda: derivative(lambda h: linear(0.9, [0] * 20, h)[-1], 1.0),
    "chain_steps": lambda: first(
        lambda n: derivative(lambda h: np.tanh(1.5 * h + np.arctanh(0.6) - 0.9), 0.6) ** n < 0.5
    ),
    "sum_power": lambda: derivative(lambda w: linear(w, [0] * 3, 1.0)[-1], 0.5),
    "sum_loss": lambda: derivative(lambda w: linear(w, [0] * 2, 1.0)[-1] ** 2 / 2, 0.5),
    "sum_inputs": lambda: derivative(lambda w: linear(w, [1] * 3)[-1], 0.5),
    "sum_truncated": truncated_share,
    "sum_losses": weight_gradient,
    "bound_sigmoid": lambda: first(lambda n: (2 * 0.25) ** n < 0.01),
    "bound_tanh": lambda: first(lambda n: 0.9**n < 0.1),
    "bound_sigma": lambda: max(
        np.linalg.norm(np.array([[3, 0], [4, 0]]) @ [np.cos(a), np.sin(a)]) for a in np.linspace(0, np.pi, 10_001)
    ),
    "bound_held": held_rate,
    "bound_exponent": lambda: np.prod(np.full(30, np.exp(-0.1))),
    "clip_norm": lambda: clipped([[3, 4]], 1)[0, 0],
    "clip_value": turned,
    "clip_step": lambda: 0.1 * np.linalg.norm(clipped([[440.0, 0.0]], 1)),
    "clip_short": lambda: np.linalg.norm(clipped([[0.003, 0.004]], 1)),
    "clip_each": lambda: np.linalg.norm(clipped([[0.5, 0], [0, 2], [8, 0]], 1), axis=1).sum(),
    "gate_share": lambda: kept(0.9, 22),
    "gate_half": lambda: np.interp(np.log(2), [-np.log(kept(sigmoid(3), n)) for n in (14, 15)], [14, 15]),
    "gate_bias": lambda: np.linspace(0, 3, 30_001)[
        np.argmin(np.abs(sigmoid(np.linspace(0, 3, 30_001)) ** 4 - np.exp(-1)))
    ],
    "gate_mix": lambda: kept(0.9, 2, candidate=0.9, start=0.72),
    "gate_writes": lambda: kept(1 - 0.1, 10),
    "paths_two": two_paths,
    "paths_update": lambda: path_by_gate("z"),
    "paths_open": open_gru,
    "paths_fresh": lambda: kept(0.5, 20),
    "paths_reset": lambda: path_by_gate("r"),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_every_number_is_what_another_way_gives(name):
    _, question = QUESTIONS[name]
    assert np.isclose(float(ANOTHER_WAY[name]()), question["answer"], rtol=2e-4, atol=0), ANOTHER_WAY[name]()


@pytest.mark.parametrize("name", NUMBERS)
def test_three_digits_are_enough_and_mistakes_are_not(name):
    _, question = QUESTIONS[name]
    assert exam.is_right(question, float(f"{question['answer']:.3g}"))
    wrong = [number for number, _ in question["mistakes"]]
    assert len(wrong) >= 2 and len(set(wrong)) == len(wrong)
    assert not any(exam.is_right(question, number) for number in wrong)


def test_what_choices_and_texts_state():
    """Figures in questions that ask for no number."""
    low, high = wilson(3, 3)
    assert f"{low:.2f} to {high:.0f}" == "0.44 to 1"
    assert first(lambda n: wilson(n, n)[0] >= 0.95, 1) == 73  # "about seventy successes in a row"
    assert round(np.log10(0.5**50)) == -15 and f"{np.log(50):.1f}" == "3.9" and f"{1 - np.exp(-1 / 50):.2f}" == "0.02"
    W, h = np.array([[2.0, -2], [2, -2]]), np.array([0, np.sqrt(0.7)])  # rho = 0, and held there it explodes
    assert np.abs(np.linalg.eigvals(W)).max() < 1e-7 and np.abs(np.linalg.eigvals(np.diag(1 - h**2) @ W)).max() > 1.3
    logits, right = torch.randn(5, dtype=torch.float64, requires_grad=True), 2
    torch.nn.functional.cross_entropy(logits, torch.tensor(right)).backward()
    wanted = torch.softmax(logits.detach(), 0) - torch.eye(5, dtype=torch.float64)[right]
    assert torch.allclose(logits.grad, wanted)
    p = init_params("RNN", 2, 3, seed=1)
    trace = forward(p, np.random.default_rng(0).normal(size=(3, 2)))
    J = jacobians(trace)
    dh = np.zeros_like(trace.h[1:])
    dh[-1] = [1.0, 0, 0]
    assert np.allclose(backward(trace, dh).h[0], (J[2] @ J[1] @ J[0])[0])


def test_the_bank_is_large_enough_and_every_question_says_what_goes_wrong():
    assert len(QUESTIONS) >= 60 and set(ANOTHER_WAY) == set(NUMBERS)
    there = {path.name[:2] for path in lessons()}
    for slot in SLOTS:
        assert len(slot.questions) >= 5 and set(slot.lessons) <= there and slot.objective.endswith(".")
        for question in slot.questions:
            assert len(question["solution"].split()) >= 1
            assert all(why and why[-1] != "." for _, why in question["mistakes"])
            if slot.kind == "words":
                assert all(len(said.split()) > 4 and len(why.split()) > 4 for said, why in question["mistakes"])
            if slot.kind == "choice":
                assert len(question["mistakes"]) == 3 and all(why for _, why in question["mistakes"])
                assert len({question["right"], *(wrong for wrong, _ in question["mistakes"])}) == 4


def test_papers_differ_and_weigh_the_same():
    papers = [exam.draw(SLOTS, seed) for seed in range(50)]
    assert exam.draw(SLOTS, 7) == papers[7]
    assert {sum(drawn.slot.points for drawn in paper) for paper in papers} == {60}
    assert {tuple(drawn.slot.objective for drawn in paper) for paper in papers} == {
        tuple(slot.objective for slot in SLOTS)
    }
    assert len({tuple(drawn.question["id"] for drawn in paper) for paper in papers}) == 50
    asked = {drawn.question["id"] for paper in papers for drawn in paper}
    assert asked == set(QUESTIONS), "fifty papers ask everything"
    places = [drawn.options.index(drawn.question["right"]) for paper in papers for drawn in paper if drawn.options]
    assert min(np.bincount(places, minlength=4)) > 25, "the right answer stands anywhere"


@pytest.mark.parametrize("last", range(1, 10))
def test_papers_of_the_lessons_taught_ask_nothing_else_and_weigh_the_same(last):
    """Questions of lessons 01 to `last`: a paper for a module that ends there."""
    lessons_taught = {f"{i:02}" for i in range(last + 1)}
    slots = exam.taught(SLOTS, lessons_taught)
    papers = [exam.draw(slots, seed) for seed in range(40)]
    assert {drawn.question["lesson"] for paper in papers for drawn in paper} <= lessons_taught
    assert len({tuple((drawn.slot.name, drawn.slot.points) for drawn in paper) for paper in papers}) == 1
    asked = {question["id"] for slot in slots for question in slot.questions}
    assert asked == {name for name, (_, question) in QUESTIONS.items() if question["lesson"] in lessons_taught}
    assert len({tuple(drawn.question["id"] for drawn in paper) for paper in papers}) > 10


def test_a_slots_lessons_are_those_of_its_questions():
    assert all({question["lesson"] for question in slot.questions} == set(slot.lessons) for slot in SLOTS)


def test_the_modules_paper_asks_what_the_module_has_taught(tmp_path):
    """docs/teaching.md gives the command for it: its lessons are those of the plan, and no slot is empty."""
    text = (ROOT / "docs" / "teaching.md").read_text(encoding="utf-8")
    plan = re.search(r"^## A module of four weeks\n(.*?)^## ", text, re.M | re.S)[1]
    in_plan = set(re.findall(r"\b\d\d\b", " ".join(re.findall(r"^\| \d \| ([\d, ]+) \|", plan, re.M))))
    named = re.search(r'make exam LESSONS="([\d ]+)"', plan)[1].split()
    assert set(named) == in_plan and len(in_plan) == 9
    slots = exam.taught(SLOTS, in_plan)
    assert sum(slot.points for slot in slots) == 60 and min(len(slot.questions) for slot in slots) >= 3
    assert exam.main(["--lessons", *named, "--seed", "123456789012", "--out", str(tmp_path)]) == 0
    key = (tmp_path / "key-123456789012.html").read_text(encoding="utf-8")
    asked = re.findall(r"Lesson (\d\d)\. \w+", key)
    assert len(asked) == len(SLOTS) and set(asked) <= in_plan and "lessons 00, 01, 02" in key


def test_lessons_that_the_bank_does_not_ask_about_are_named(tmp_path, capsys):
    assert exam.main(["--lessons", "12", "13", "--out", str(tmp_path)]) == 2
    assert "--lessons: got 12 13, wants some of 01 02" in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_without_a_seed_one_of_twelve_digits_is_drawn(tmp_path, capsys):
    """The bank is public: a seed that can be guessed gives the paper away. The same seed gives the same paper."""
    assert exam.main(["--out", str(tmp_path)]) == exam.main(["--out", str(tmp_path)]) == 0
    seeds = {path.stem.split("-")[1] for path in tmp_path.glob("*.html")}
    assert len(seeds) == 2 and all(re.fullmatch(r"[1-9]\d{11}", seed) for seed in seeds)
    assert "guessed" not in capsys.readouterr().err
    paper = tmp_path / f"paper-{min(seeds)}.html"
    before = paper.read_text(encoding="utf-8")
    assert (
        exam.main(["--seed", min(seeds), "--out", str(tmp_path)]) == 0 and paper.read_text(encoding="utf-8") == before
    )
    assert exam.main(["--seed", "7", "--out", str(tmp_path)]) == 0
    assert "--seed 7 can be guessed" in capsys.readouterr().err and (tmp_path / "key-7.html").exists()


def test_a_paper_shows_no_answer_and_its_key_all_of_them():
    slots = [exam.Slot(**{**vars(slot), "questions": slot.questions[:1]}) for slot in SLOTS[:4]] + SLOTS[-1:]
    drawn = exam.draw(slots, 3)
    paper, key = exam.page(drawn, "Paper"), exam.page(drawn, "Paper", key=True)
    for one in drawn:
        words = max(re.split(r"[$&<>\"']", one.question["solution"]), key=len)
        assert words in key and words not in paper
        why = max((re.split(r"[$&<>\"']", why)[0] for _, why in one.question["mistakes"]), key=len)
        assert why in key and why not in paper
    for text in (paper, key):
        assert not re.search(r"<script|https?://(?!www\.w3\.org)|class=\"unset\"", text)
    assert paper.count('class="room"') == 3 + 1 and key.count('class="room"') == 0


BAD = {
    "an unknown kind": ('kind = "number"', 'kind = "essay"', "wants one of number, choice, words"),
    "no solution": ('solution = "s"', "", "wants an id of its own and exactly"),
    "a lesson of another slot": ('solution = "s"', 'solution = "s"\nlesson = "02"', "wants one of its slot's"),
    "no lesson": ('["01"]', '["01", "02"]', "wants an id of its own and exactly"),
    "no mistake": ('[[2.0, "why"]]', "[]", "wants a usual mistake or more"),
    "a mistake that is right": ("[2.0,", "[1.001,", "within the tolerance"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bank_that_is_not_of_the_form_is_refused(name, tmp_path):
    text = """
[[slot]]
name = "x"
lessons = ["01"]
kind = "number"
points = 4
objective = "O."
[[slot.question]]
id = "a"
text = "t"
answer = 1.0
tolerance = 0.01
mistakes = [[2.0, "why"]]
solution = "s"
"""
    old, new, words = BAD[name]
    (tmp_path / "bank.toml").write_text(text)
    assert len(exam.load(tmp_path / "bank.toml")) == 1
    (tmp_path / "bank.toml").write_text(text.replace(old, new))
    with pytest.raises(ValueError, match=words):
        exam.load(tmp_path / "bank.toml")


def test_moodles_file_is_what_its_importer_reads():
    """Every question with the fields that Moodle's format asks of its type, fractions that sum up, and plain XML."""
    quiz = xml.fromstring(exam.moodle(SLOTS))
    entries = quiz.findall("question")
    assert quiz.tag == "quiz" and [entry.get("type") for entry in entries].count("category") == len(SLOTS)
    found, place = {}, None
    for entry in entries:
        if entry.get("type") == "category":
            place = entry.findtext("category/text")
            assert re.fullmatch(r"\$course\$/top/Gradients through time/\w+", place)
            continue
        name = entry.findtext("name/text")
        slot, question = QUESTIONS[name]
        found[name] = entry
        assert place.endswith(slot.name) and entry.findtext("idnumber") == name
        assert float(entry.findtext("defaultgrade")) == slot.points
        assert entry.find("questiontext").get("format") == "html" and entry.findtext("questiontext/text").strip()
        fractions = [float(answer.get("fraction")) for answer in entry.findall("answer")]
        if slot.kind == "words":
            assert entry.get("type") == "essay" and fractions == [0] and len(entry.findtext("graderinfo/text")) > 200
            assert entry.findtext("responseformat") == "editor"
            assert all(why[:9] in entry.findtext("graderinfo/text") for _, why in question["mistakes"])
            continue
        assert sorted(fractions) == [0] * len(question["mistakes"]) + [100]
        if slot.kind == "choice":
            assert entry.get("type") == "multichoice" and entry.findtext("single") == "true"
        else:
            assert entry.get("type") == "numerical"
            ranges = [
                (float(answer.findtext("text")), float(answer.findtext("tolerance")))
                for answer in entry.findall("answer")
            ]
            right, others = ranges[0], ranges[1:]
            assert np.isclose(right[0], question["answer"])
            assert all(abs(number - right[0]) > width + right[1] - 1e-12 for number, width in others)
    assert set(found) == set(QUESTIONS)
    text = found["time_order"].findtext("questiontext/text")
    assert r"\(J_t = \partial^+ h_t/\partial h_{t-1}\)" in text and "$" not in text
    assert "&lt; 1" in found["verdict_tanh"].findtext("answer/text"), "HTML inside XML"


READ = {  # what Moodle's importer (question/format/xml/format.php) reads of each type; it takes no notice of others
    "category": {"category", "info", "idnumber"},
    "all": {"name", "questiontext", "generalfeedback", "defaultgrade", "penalty", "hidden", "idnumber", "tags"},
    "numerical": {"answer", "units", "unitgradingtype", "unitpenalty", "showunits", "unitsleft"},
    "multichoice": {"answer", "single", "shuffleanswers", "answernumbering", "correctfeedback", "incorrectfeedback"},
    "essay": {"answer", "responseformat", "responserequired", "responsefieldlines", "attachments", "graderinfo"}
    | {"responsetemplate", "attachmentsrequired"},
}
FORMATS = {"html", "moodle_auto_format", "plain_text", "markdown"}
ONE_OF = {
    "single": {"true", "false"},
    "shuffleanswers": {"true", "false"},
    "answernumbering": {"abc", "ABCD", "123", "iii", "IIII", "none"},
    "responseformat": {"editor", "editorfilepicker", "plain", "monospaced", "noinline"},
    "responserequired": {"0", "1"},
    "hidden": {"0", "1"},
}


class Tags(HTMLParser):
    """The tags that a text of HTML opens and closes."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def handle_starttag(self, tag, attributes):
        self.seen.append(tag)

    def handle_endtag(self, tag):
        self.seen.append(f"/{tag}")


def test_moodles_importer_finds_each_field_where_it_looks():
    """Well-formed UTF-8, no unknown field, ids of their own, numbers that are numbers, text that is text in HTML."""
    text = exam.moodle(SLOTS)
    quiz = xml.fromstring(text.encode("utf-8"))
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<quiz>')
    ids = []
    for entry in quiz:
        assert entry.tag == "question"
        kind = entry.get("type")
        known = READ[kind] if kind == "category" else READ["all"] | READ[kind]
        fields = [field.tag for field in entry]
        assert set(fields) <= known, (set(fields) - known, kind)
        assert [tag for tag in set(fields) if fields.count(tag) > 1] in ([], ["answer"])
        if kind == "category":
            continue
        ids.append(entry.findtext("idnumber"))
        assert 0 < len(entry.findtext("name/text")) <= 255 and len(ids[-1]) <= 100
        assert float(entry.findtext("defaultgrade")) > 0 and 0 <= float(entry.findtext("penalty")) <= 1
        for name, values in ONE_OF.items():
            assert entry.findtext(name, default=next(iter(values))) in values
        for field in entry.iter():
            assert field.get("format", "html") in FORMATS
            if field.get("format") == "html" and field.find("text") is not None:
                shown = Tags()
                shown.feed(field.findtext("text") or "")
                assert shown.seen == [], "formulas and words alone: nothing in a text is taken for a tag"
                assert (field.findtext("text") or "").count(r"\(") == (field.findtext("text") or "").count(r"\)")
        for answer in entry.findall("answer"):
            assert {part.tag for part in answer} <= {"text", "feedback", "tolerance"}
            assert answer.get("fraction") in ("0", "100"), "other shares have to be among those that Moodle knows"
            if kind == "numerical":
                assert np.isfinite(float(answer.findtext("text"))) and float(answer.findtext("tolerance")) >= 0
        if kind != "essay":
            assert [answer.get("fraction") for answer in entry.findall("answer")].count("100") == 1
    assert len(set(ids)) == len(ids) == len(QUESTIONS)
