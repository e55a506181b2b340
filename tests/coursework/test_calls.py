"""Which answer calls which, and that a mistake is named where it was made."""

import pytest

from coursework import plain
from coursework.grader import assignment as assignments
from coursework.grader import items, told
from coursework.grader.assignment import load
from coursework.grader.calls import calls, first_wrong
from coursework.grader.marking import Marker
from coursework.grader.notebook import BEGIN
from coursework.grader.report import Result
from tests.coursework.generate_class import HIDDEN, REGION
from tests.coursework.material import reply_of

F, G = "def f(x):\n    return x", "def g(x):\n    return f(x) + 1"


@pytest.mark.parametrize(
    ("cells", "called"),
    [
        ([F, G], "f"),
        ([F, "def g(x):\n    f = abs\n    return f(x)"], ""),
        ([F, "def g(f):\n    return f(1)"], ""),
        ([F, "def helper(x):\n    return f(x)", "g = lambda x: helper(x)"], "f"),
        ([F, G, "def g(x):\n    return x"], ""),
        ([F, "g = 3\ng += f(1)"], "f"),
        ([F, "g = []\nfor n in range(3):\n    g.append(f(n))"], "f"),
        ([F, "g = {}\ng['RNN'] = f(2)"], "f"),
        ([F, "import numpy as np\nnp.save('x', f(1))", "def g(x):\n    return np.sum(x)"], ""),
        ([F, "from elsewhere import f", "def g(x):\n    return f(x)"], "f"),
        ([F, "%time g = f(1)"], "f"),
        (["def (:", G], "f"),
        (["g = " + "(" * 5000 + ")" * 5000, "\x00"], ""),
        ([], ""),
        ([F, "x = 1\n" * 1900, G], "f"),
        ([F, G, "x = 1\n" * 40_000], ""),
    ],
)
def test_calls_are_read_from_the_code(cells, called):
    assert calls(cells, ["f", "g"]) == {"f": set(), "g": {called} - {""}}


def test_what_is_to_be_mended_first():
    called = {"f": set(), "g": {"f"}, "h": {"f", "g"}, "a": {"b"}, "b": {"a"}}
    assert first_wrong("h", called, ["f", "g", "h"]) == ["f"] and first_wrong("h", called, ["g", "h"]) == ["g"]
    assert first_wrong("h", called, ["h"]) == [] and first_wrong("a", called, ["a", "b"]) == ["b"]
    assert told.to_mend(["f", "g"], "not right yet") == ["It calls f and g, which are not right yet: mend these first."]
    assert told.to_mend(["f"], "not started") == ["It calls f, which is not started."] and told.to_mend([], "") == []


def marks(name, replies=None, **wrong):
    """{question: mark} of the model's own cells, where the answers in `wrong` and all that call them are off."""
    assignment = load(name)
    inputs, answers = assignments.draw(assignment, 7, 2), {}
    code = [cell.source for cell in assignment.notebook.cells if cell.cell_type == "code" and BEGIN in cell.source]
    cells = [REGION.sub(r"\1", HIDDEN.sub("", source)) for source in code]
    for q, question in assignment.questions.items():
        answer = wrong.get(question.name, getattr(question, "right", None))
        arguments = [()] if inputs[q] is None else map(plain.decode, inputs[q])
        values = [answer(*each) if callable(answer) else answer for each in arguments]
        answers[q] = {"values": list(map(plain.encode, values))}
    answers |= {f"{name}_{q}": reply for q, reply in (replies or {}).items()}
    marks = Marker(assignment, inputs).marks(reply_of(assignment, answers), None, cells)
    return {mark.grade_id.removeprefix(f"{name}_"): mark for mark in marks}


def right(name, question, by=1.0):
    answer = load(name).questions[f"{name}_{question}"].right
    return lambda *inputs: by * answer(*inputs)


def off(*names):
    return {name: right("ps3", name, 1.5) for name in names}


def test_a_mistake_is_named_where_it_was_made():
    found = marks("ps3", **off("gate_by_state", "reset_by_state", "gru_jacobian"))
    assert found["gate_by_state"].hint and not found["gate_by_state"].calls
    for name in ("reset_by_state", "gru_jacobian"):
        first = "It calls gate_by_state, which is not right yet: mend that first."
        assert found[name].points == 0 and found[name].hint.startswith(f"{first} As it stands: ")
        assert found[name].calls == first
    assert not any(mark.calls or mark.hint for mark in found.values() if mark.points == mark.most)
    found = marks("ps3", **off("gru_jacobian"))
    assert found["gru_jacobian"].hint and "It calls" not in found["gru_jacobian"].hint, "the mistake is its own"
    found = marks("ps3", **off("gate_by_state"))
    assert found["reset_by_state"].points == found["reset_by_state"].most, "what is right is right"


def test_a_question_that_calls_one_which_is_not_started():
    stub, fails = {"values": [], "raised": ["NotImplementedError", ""]}, {"values": [], "raised": ["TypeError", ""]}
    found = marks("ps3", {"gate_by_state": stub, "reset_by_state": fails, "gru_jacobian": stub})
    assert found["gate_by_state"].hint.startswith("Not started")
    sentence = "It calls gate_by_state, which is not started."
    assert found["reset_by_state"].hint.startswith(f"{sentence} As it stands: your answer raised an exception.")
    assert found["gru_jacobian"].hint == sentence, "it raised what the other one says of itself"


def test_what_earns_all_its_points_is_not_to_be_mended():
    """answer_loss gives one thing more than is asked for; trained, which calls it, is wrong by itself."""
    right = load("ps5").questions["ps5_answer_loss"].right
    wrong = load("ps5").questions["ps5_trained"].right
    trained = {"trained": lambda *net: {name: 2 * value for name, value in wrong(*net).items()}}
    found = marks("ps5", answer_loss=lambda *net: {**right(*net), "p": 1.0}, **trained)
    assert (found["answer_loss"].points, found["answer_loss"].hint) == (found["answer_loss"].most, "")
    assert found["trained"].points == 0 and "answer_loss" not in found["trained"].hint
    found = marks("ps5", answer_loss=lambda *net: {**right(*net), "dh": 1.0}, **trained)
    assert found["answer_loss"].points == 0.75 * found["answer_loss"].most
    assert found["trained"].hint.startswith("It calls answer_loss, which is not right yet")


def test_own_runs_whose_cell_stopped():
    gone = {"values": [], "complaint": "nothing called my_runs is defined when the notebook has run"}
    stub = {"values": [], "raised": ["NotImplementedError", ""]}
    found = marks("ps5", {"my_runs": gone, "gru_backward": stub})["my_runs"]
    start = "It calls gru_backward, which is not started. As it stands: nothing called my_runs is defined"
    assert found.hint.startswith(start)
    found = marks("ps5", {"my_runs": gone})["my_runs"]
    assert found.hint.startswith("nothing called my_runs is defined")


def test_the_class_page_counts_it_as_that():
    found = list(marks("ps3", **off("gate_by_state", "reset_by_state", "gru_jacobian")).values())
    counted = {item.grade_id: item.mistakes for item in items.summary([Result("ann", found)]).items}
    assert counted["ps3_gru_jacobian"] == [("It calls gate_by_state, which is not right yet: mend that first.", 1)]
    assert "It calls" not in counted["ps3_gate_by_state"][0][0]
