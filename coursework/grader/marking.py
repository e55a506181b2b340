"""What came out of a sandbox, held against the key. Runs outside, on plain data."""

import json
import re
from dataclasses import asdict, dataclass

from course_utils.checks.exercise import NOT_STARTED, verdict
from coursework.grader import plain
from coursework.grader.assignment import oracle


@dataclass
class Mark:
    """Points for one question. An essay's points are None until a person has given them."""

    grade_id: str
    points: float | None
    most: int
    objective: str
    hint: str = ""


class Marker:
    """Marks submissions for one run: an assignment and its inputs."""

    def __init__(self, assignment, inputs):
        self.assignment, self.inputs = assignment, inputs
        self.oracles = {
            grade_id: oracle(question.exercise, inputs[grade_id]) for grade_id, question in assignment.questions.items()
        }

    def marks(self, text, problem=None):
        """[Mark, ...] for the text from a sandbox, or for a submission that could not be run, and why."""
        answers, cells = {}, {}
        if problem is None:
            try:
                answers, cells = read_report(text)
            except ValueError as error:
                problem = f"what came out of the notebook could not be read ({error})"
        marks = []
        for grade_id, question in self.assignment.questions.items():
            hint = problem or self._hint(grade_id, question, answers.get(grade_id), cells)
            points = 0 if hint else question.points
            marks.append(Mark(grade_id, points, question.points, question.objective, hint))
        for grade_id, essay in self.assignment.essays.items():
            marks.append(Mark(grade_id, None, essay.points, essay.prompt))
        return marks

    def _hint(self, grade_id, question, answer, cells):
        """Why an answer gets no points, or an empty string for a right one."""
        if answer is None:
            return "nothing came out of your notebook for this question."
        calls = self.inputs[grade_id]
        raised = answer.get("raised")
        if raised and raised[0] == "NotImplementedError":
            return NOT_STARTED
        if "complaint" in answer or (raised and calls is None):
            hint = answer.get("complaint") or f"{raised[0]}: {raised[1]}"
            return without_numbers(hint) + _cells_that_failed(cells)
        if not raised and len(answer["values"]) != (1 if calls is None else len(calls)):
            return "nothing came out of your notebook for some inputs."
        try:
            values = [plain.decode(value) for value in answer["values"]]
        except ValueError:
            return "what your answer returned could not be read."
        given = values[0] if calls is None else replay(values, raised)
        line = verdict(self.oracles[grade_id], given, trials=1 if calls is None else len(calls))
        return "" if line.startswith("Right") else without_numbers(line.removeprefix("Not yet: "))


def read_report(text):
    """(answers, cells) from a sandbox's text, or ValueError: it comes from a hostile side."""
    try:
        report = json.loads(text)
        answers, cells = report["answers"], report["cells"]
        cells = {int(number): str(error)[:400] for number, error in cells.items()}
        for answer in answers.values():
            fits = isinstance(answer["values"], list) and isinstance(answer.get("complaint", ""), str)
            name, words = answer.get("raised", ["Error", ""])
            if not fits or not isinstance(name, str) or not isinstance(words, str):
                raise ValueError("an answer of another form")
    except (AttributeError, KeyError, TypeError, RecursionError, json.JSONDecodeError) as error:
        raise ValueError(type(error).__name__) from None
    return answers, cells


def replay(values, raised):
    """A function that returns what the student's returned, one value per trial, and raises what it raised."""

    def given(trial):
        if trial < len(values):
            return values[trial]
        name, words = raised
        raise type(name if name.isidentifier() else "Exception", (Exception,), {})(words)

    return given


def without_numbers(words):
    """Words of the submission, or on it, on one line and without decimals: no input can be read from a hint."""
    words = re.sub(r"[-+]?\d*\.\d+(e[-+]?\d+)?|\d{5,}", "…", " ".join(words.split()))
    return words if len(words) <= 300 else words[:299] + "…"


def _cells_that_failed(cells):
    if not cells:
        return ""
    number, error = min(cells.items())
    return f" Code cell {number} of your notebook stopped first: {without_numbers(error)}"


def as_data(marks):
    """Marks as plain dicts."""
    return [asdict(mark) for mark in marks]
