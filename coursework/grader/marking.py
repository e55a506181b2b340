"""What came out of a sandbox, held against the right answers. Runs outside, on plain data."""

import contextlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from course_utils.checks.exercise import NOT_STARTED, USE_FLOAT64, Verdict, Worked, judge
from coursework import plain
from coursework.grader import borrowed, told
from coursework.grader.assignment import Assignment, Inputs, cases, handed_out
from coursework.grader.collected import Collected, numbers
from coursework.grader.question import Question

SIGNS = {  # what a room may say of a derivation, beside its values
    "stepped": "A function is called for each entry of an array, with this entry moved a little: differences?",
    "searched": "The notebook looks through the objects or the frames of its process, where the grader's are, too.",
    "overrun": "A line is passed so often that the numbers of its function were not followed to the end.",
}


@dataclass
class Mark:
    """Points for one question, out of `most`. An essay's points are None until a person has given them.

    numbers  a table of what the student's own runs say, which an essay on them is held against.
    look     why whoever marks should open the notebook, where no program can tell.
    """

    grade_id: str
    points: float | None
    most: int
    objective: str
    hint: str = ""
    numbers: list[list[str]] = field(default_factory=list)
    look: str = ""


class Marker:
    """Marks submissions for one run: an assignment and its inputs."""

    def __init__(self, assignment: Assignment, inputs: Inputs):
        self.assignment, self.inputs = assignment, inputs
        self.handed_out = list(handed_out(assignment).values())
        self.cases = {
            grade_id: cases(question, inputs[grade_id]) for grade_id, question in assignment.questions.items()
        }

    def marks(self, text: str | None, problem: str | None = None, cells: Sequence[str] = ()) -> list[Mark]:
        """[Mark, ...] for the text from a sandbox, or for a submission that could not be run, and why.

        text   a line from each room; what a derivation gives stands in the second, and counts nowhere else
        cells  the submission's code, which is read where a derivation is asked for
        """
        rooms: list[tuple[dict[str, Any], dict[int, str]]] = []
        if problem is None:
            try:
                rooms = [read_report(line) for line in (text or "").split("\n")]
            except ValueError as error:
                problem = f"what came out of the notebook could not be read ({error})"
        rooms += [({}, {})] * 2
        marks = []
        for grade_id, question in self.assignment.questions.items():
            answers, failed = rooms[question.derive]
            answer = answers.get(grade_id)
            verdict = Verdict(False, problem) if problem else self._verdict(grade_id, answer, failed, cells)
            share = 1.0 if verdict.right else 0.0 if problem else self._share(grade_id, answer)
            if question.derive and share > 0:
                if borrows := borrowed.complaint(cells, question.name, self.handed_out):
                    verdict, share = Verdict(False, borrows), 0.0
            hint = verdict.words if not verdict.right else USE_FLOAT64 if USE_FLOAT64 in verdict.words else ""
            points = round(share * question.points, 1)
            look = self._look(question, answer, cells) if question.derive and points > 0 else ""
            marks.append(Mark(grade_id, points, question.points, question.objective, hint, look=look))
        table = numbers(self.assignment, self._collected(rooms[0][0])) if self.assignment.essays else []
        for grade_id, essay in self.assignment.essays.items():
            marks.append(Mark(grade_id, None, essay.points, essay.prompt, numbers=table))
        return marks

    def _look(self, question: Question, answer: dict[str, Any] | None, cells: Sequence[str]) -> str:
        """What in a derivation that earned points looks like a way around deriving. It took none."""
        said = [words for sign, words in SIGNS.items() if answer is not None and answer.get(sign) is True]
        return " ".join(filter(None, [*said, borrowed.arithmetic(cells, question.name, self.handed_out)]))

    def _collected(self, answers: dict[str, Any]) -> dict[str, Any]:
        """{grade_id: value} of what was handed in as the student's own runs, as far as it can be read."""
        values = {}
        for grade_id, question in self.assignment.questions.items():
            if isinstance(question, Collected):
                with contextlib.suppress(ValueError, LookupError, TypeError):
                    values[grade_id] = plain.decode(answers[grade_id]["values"][0])
        return values

    def _verdict(
        self, grade_id: str, answer: dict[str, Any] | None, failed: dict[int, str], cells: Sequence[str]
    ) -> Verdict:
        """Whether an answer is right, which nothing but its values can bring about, and why not."""
        if answer is None:
            return Verdict(False, "nothing came out of your notebook for this question.")
        calls = self.inputs[grade_id]
        raised = answer.get("raised")
        failure = told.exception(raised[0], raised[1], cells) if raised else ("", "")
        if raised and raised[0] == "NotImplementedError":
            return Verdict(False, NOT_STARTED)
        if "complaint" in answer or (raised and calls is None):
            words = (
                told.sentence(answer["complaint"], cells)
                if "complaint" in answer
                else f"your answer raised {failure[0]}: {failure[1]}"
            )
            return Verdict(False, without_numbers(words or told.UNREADABLE) + _cells_that_failed(failed, cells))
        if not raised and len(answer["values"]) != (1 if calls is None else len(calls)):
            return Verdict(False, "nothing came out of your notebook for some inputs.")
        try:
            values = [plain.decode(value) for value in answer["values"]]
        except ValueError:
            return Verdict(False, "what your answer returned could not be read.")
        given = values[0] if calls is None else replay(values, failure)
        verdict = judge(given, self.cases[grade_id], called=calls is not None)
        return Verdict(verdict.right, without_numbers(verdict.words))

    def _share(self, grade_id: str, answer: dict[str, Any] | None) -> float:
        """How many of a wrong answer's parts are right on every input, where the question has parts. 0 where not."""
        cases = self.cases[grade_id]
        if answer is None or len(answer["values"]) != len(cases):
            return 0.0
        try:
            found = [
                case.parts(plain.decode(value))
                for case, value in zip(cases, answer["values"], strict=True)
                if isinstance(case, Worked)
            ]
        except ValueError:
            return 0.0
        right = [name for name in (found[0] if found else {}) if all(parts.get(name) for parts in found)]
        return len(right) / len(found[0]) if right else 0.0


def read_report(text: str | None) -> tuple[dict[str, Any], dict[int, str]]:
    """(answers, errors of cells by number) from a sandbox's text, or ValueError: it comes from a hostile side."""
    try:
        report = json.loads(text or "")
        answers, cells = report["answers"], report["cells"]
        failed = {int(number): str(error)[:100] for number, error in cells.items()}
        for answer in answers.values():
            fits = isinstance(answer["values"], list) and isinstance(answer.get("complaint", ""), str)
            raised = answer.get("raised", ["Error", ""])
            name, where = raised
            if not fits or not isinstance(raised, list) or not isinstance(name, str) or not isinstance(where, str):
                raise ValueError("an answer of another form")
    except (AttributeError, KeyError, IndexError, TypeError, RecursionError, OverflowError, ValueError) as error:
        raise ValueError(type(error).__name__) from None
    return answers, failed


def replay(values: list, failure: tuple[str, str]) -> Callable[[int], Any]:
    """A function that returns what the student's returned, one value per trial, and then fails as it did."""

    def given(trial: int) -> Any:
        if trial < len(values):
            return values[trial]
        name, words = failure
        raise type(name, (Exception,), {})(words)

    return given


def without_numbers(words: str) -> str:
    """Words on a submission, on one line, without decimals and long shapes: no input can be read from a hint."""
    words = "".join(sign if sign.isprintable() else " " for sign in words)  # no surrogate, no change of direction
    words = re.sub(r"[-+]?\d*\.\d+(e[-+]?\d+)?|\d{5,}", "…", " ".join(words.split()))
    words = re.sub(r"\((?=[\d, ]{11})\d+(, \d+)*,?\)", "(…)", words)  # a shape like (12, 34, 56) may stay
    return words if len(words) <= 300 else words[:299] + "…"


def _cells_that_failed(failed: dict[int, str], cells: Sequence[str]) -> str:
    known = [number for number in failed if 1 <= number <= len(cells)]
    if not known:
        return ""
    words = without_numbers(told.failure(failed[min(known)], cells))
    return f" Code cell {min(known)} of your notebook stopped first: {words}"
