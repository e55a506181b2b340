"""What came out of a sandbox, held against the right answers. Runs outside, on plain data."""

import contextlib
import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from course_utils.checks.exercise import NOT_STARTED, USE_FLOAT64, Verdict, Worked, judge
from coursework import plain
from coursework.grader import borrowed, told
from coursework.grader.assignment import Assignment, Inputs, cases, fingerprint, handed_out
from coursework.grader.calls import calls, first_wrong
from coursework.grader.collected import Collected, numbers
from coursework.grader.question import Question

SIGNS = {  # what a room may say of a derivation, beside its values
    "stepped": "A function is called for each entry of an array, with this entry moved a little: differences?",
    "searched": "The notebook looks through the objects or the frames of its process, where the grader's are, too.",
    "overrun": "A line is passed so often that the numbers of its function were not followed to the end.",
    "unread": "Code runs that a library has made from a text, or that is compiled: it stands in no cell to be read.",
}
Rooms = list[tuple[dict[str, Any], dict[int, str]]]  # of each room: answers, and what failed by cell


@dataclass
class Mark:
    """Points for one question, out of `most`. An essay's points are None until a person has given them.

    numbers  a table of what the student's own runs say, which an essay on them is held against.
    look     why whoever marks should open the notebook, where no program can tell.
    error    what failed and where, for whoever marks alone: hidden inputs could be read from it.
    calls    which wrong answer this one calls. The hint begins with it, and who counts mistakes counts it alone.
    share    how much of a question is right, by program: what it would earn is this part of its points, if it had any.
    came_out a fingerprint of what came out of the answer, or of an essay's numbers: for these, points are given.
    """

    grade_id: str
    points: float | None
    most: int
    objective: str
    hint: str = ""
    numbers: list[list[str]] = field(default_factory=list)
    look: str = ""
    error: str = ""
    calls: str = ""
    share: float | None = None
    came_out: str = ""


@dataclass(frozen=True)
class _Found:
    """What is known of one answer: whether it is right, its share of the points; error and calls as in `Mark`."""

    verdict: Verdict
    share: float
    error: str
    calls: str = ""

    @property
    def hint(self) -> str:
        """What the student is told."""
        words = self.verdict.words
        if self.verdict.right:
            return USE_FLOAT64 if USE_FLOAT64 in words else ""
        return f"{self.calls} As it stands: {words}" if self.calls and words != NOT_STARTED else self.calls or words


class Marker:
    """Marks submissions for one run: an assignment and its inputs."""

    def __init__(self, assignment: Assignment, inputs: Inputs):
        self.assignment, self.inputs = assignment, inputs
        self.handed_out = list(handed_out(assignment).values())
        self.cases = {
            grade_id: cases(question, inputs[grade_id]) for grade_id, question in assignment.questions.items()
        }
        self.hides = any(calls is not None for calls in inputs.values())  # is there an input that a student could want?

    def marks(self, text: str | None, problem: str | None = None, cells: Sequence[str] = ()) -> list[Mark]:
        """[Mark, ...] for the text from a sandbox, or for a submission that could not be run, and why.

        text   a line from each room; what a derivation gives stands in the second, and counts nowhere else
        cells  the submission's code, which is read where a derivation is asked for
        """
        rooms: Rooms = [({}, {})] * 2
        if problem is None:
            try:
                rooms = self._rooms(text)
            except ValueError:
                problem = "what came out of the notebook could not be read"
        found = {grade_id: self._found(grade_id, rooms, cells, problem) for grade_id in self.assignment.questions}
        if problem is None and not all(each.share == 1 for each in found.values()):
            found = self._with_calls(found, rooms, cells)
        marks = []
        for grade_id, question in self.assignment.questions.items():
            each, answer = found[grade_id], rooms[question.derive][0].get(grade_id)
            points = round(each.share * question.points, 1)
            look = self._look(question, answer, cells) if question.derive and points > 0 else ""
            mark = Mark(grade_id, points, question.points, question.objective, each.hint)
            mark = replace(mark, look=look, error=each.error, calls=each.calls)
            marks.append(replace(mark, share=each.share, came_out=fingerprint(answer)))
        table = numbers(self.assignment, self._collected(rooms[0][0])) if self.assignment.essays else []
        for grade_id, essay in self.assignment.essays.items():
            nothing = None if essay.points else 0.0  # what is worth nothing waits for nobody
            mark = Mark(grade_id, nothing, essay.points, essay.prompt, numbers=table)
            marks.append(replace(mark, came_out=fingerprint(table)))
        return marks

    def _found(
        self, grade_id: str, rooms: Rooms, cells: Sequence[str], problem: str | None, single: bool = False
    ) -> _Found:
        """What an answer is worth by itself. single: whether it is held to what float32 may lose, whatever its type."""
        question, cases = self.assignment.questions[grade_id], self.cases[grade_id]
        answers, failed = rooms[question.derive]
        answer = answers.get(grade_id)
        error = self._error(grade_id, answer, failed, cells)
        if problem is not None:
            return _Found(Verdict(False, problem), 0.0, error)
        if single:
            cases = [replace(case, rtol=max(case.rtol, case.single)) for case in cases if isinstance(case, Worked)]
        verdict = self._verdict(grade_id, answer, failed, cells, error, cases)
        share = 1.0 if verdict.right else self._share(answer, cases)
        if question.derive and share > 0:
            if borrows := borrowed.complaint(cells, question.name, self.handed_out, failed=failed):
                verdict, share = Verdict(False, borrows), 0.0
        return _Found(verdict, share, error)

    def _with_calls(self, found: dict[str, _Found], rooms: Rooms, cells: Sequence[str]) -> dict[str, _Found]:
        """The same, with what follows from answers that an answer calls, which its code tells.

        Where one that it calls is right, and in float32, its own numbers have no more digits, though nothing in them
        tells: they are held to the same. Where one that it calls is wrong, it is told to mend that one first.
        """
        questions, found = self.assignment.questions, dict(found)
        names = {question.name: grade_id for grade_id, question in questions.items()}
        called = {names[name]: {names[each] for each in others} for name, others in calls(cells, list(names)).items()}
        single = {grade_id for grade_id, each in found.items() if each.hint == USE_FLOAT64}
        for grade_id, others in called.items():
            own = found[grade_id]
            if others & single and not own.verdict.right and not questions[grade_id].derive:
                again = self._found(grade_id, rooms, cells, None, single=True)
                if again.verdict.right:
                    again = replace(again, verdict=Verdict(True, f"{again.verdict.words} {USE_FLOAT64}"))
                found[grade_id] = again if again.share > own.share else own
        wrong = [grade_id for grade_id, each in found.items() if each.share < 1]
        for grade_id in wrong:
            first = first_wrong(grade_id, called, wrong)
            stubs = [each for each in first if found[each].verdict.words == NOT_STARTED]
            words = told.to_mend([questions[each].name for each in first if each not in stubs], "not right yet")
            words += told.to_mend([questions[each].name for each in stubs], "not started")
            found[grade_id] = replace(found[grade_id], calls=" ".join(words))
        return found

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

    def _rooms(self, text: str | None) -> Rooms:
        """What came out of the room and of the bare one, or ValueError: a line each, with its own questions alone."""
        derived = {grade_id for grade_id, question in self.assignment.questions.items() if question.derive}
        lines = (text or "").split("\n")
        if len(lines) != (2 if derived else 1):
            raise ValueError(f"text: got {len(lines)} lines, wants one for each room")
        rooms = [read_report(lines[0], set(self.assignment.questions) - derived)]
        return [*rooms, read_report(lines[1], derived, SIGNS) if derived else ({}, {})]

    def _verdict(
        self,
        grade_id: str,
        answer: dict[str, Any] | None,
        failed: dict[int, str],
        cells: Sequence[str],
        error: str,
        cases: Sequence[Worked],
    ) -> Verdict:
        """Whether an answer is right, which nothing but its values can bring about, and why not."""
        if answer is None:
            return Verdict(False, "nothing came out of your notebook for this question.")
        question, calls = self.assignment.questions[grade_id], self.inputs[grade_id]
        if _is_not_started(answer):
            return Verdict(False, NOT_STARTED)
        if "complaint" in answer or "raised" in answer:
            return Verdict(False, self._hint(question, answer, failed, cells) if self.hides else error)
        if len(answer["values"]) != (1 if calls is None else len(calls)):
            return Verdict(False, "nothing came out of your notebook for some inputs.")
        try:
            values = [plain.decode(value) for value in answer["values"]]
        except ValueError:
            return Verdict(False, "what your answer returned could not be read.")
        given = values[0] if calls is None else values.__getitem__
        verdict = judge(given, cases, called=calls is not None)
        if verdict.right or verdict.words in question.mistakes:
            return verdict
        return Verdict(False, told.without_numbers(verdict.words) if self.hides else told.shown(verdict.words))

    def _hint(self, question: Question, answer: dict[str, Any], failed: dict[int, str], cells: Sequence[str]) -> str:
        """What the student is told of an answer that failed: sentences in which nothing can be chosen."""
        if answer.get("raised", [""])[0] == "NotHereError":
            return told.absent(cells)
        brings = told.not_run(cells)
        if "raised" in answer:
            words = f"{told.RAISES} {brings or told.TRY}"
        else:
            words = told.sentence(answer["complaint"], question.name) or told.UNREADABLE
        stopped = told.not_python(cells) or brings or told.STOPPED
        if ("complaint" in answer or not question.derive) and _known(failed, cells) and stopped not in words:
            words = f"{words} {stopped}"
        return words

    def _error(self, grade_id: str, answer: dict[str, Any] | None, failed: dict[int, str], cells: Sequence[str]) -> str:
        """The same for who marks: kind and place of the exception, and the first cell that failed."""
        if answer is None or not ("complaint" in answer or "raised" in answer) or _is_not_started(answer):
            return ""
        if "raised" in answer:
            thing = "answer" if self.inputs[grade_id] is None else "function"
            kind, place = answer["raised"]
            words = f"your {thing} raised {told.exception(kind, place, cells)}"
        else:
            words = answer["complaint"] if told.known(answer["complaint"]) else told.UNREADABLE
        if ("complaint" in answer or self.inputs[grade_id] is None) and (known := _known(failed, cells)):
            words += f" Code cell {min(known)} of your notebook stopped first: {told.failure(known[min(known)], cells)}"
        return told.shown(words)

    def _share(self, answer: dict[str, Any] | None, cases: Sequence[Worked]) -> float:
        """How many of a wrong answer's parts are right on every input, where the question has parts. 0 where not."""
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


def read_report(
    text: str | None, asked: Collection[str], signs: Collection[str] = ()
) -> tuple[dict[str, Any], dict[int, str]]:
    """(answers, errors of cells by number) from a room's text, or ValueError: it comes from a hostile side.

    A report holds these fields and no others. What isn't of this form, in any part of it, makes all of it nothing.

        answers   {question: answer} of questions that the room was asked, `asked`. An answer holds
            values      a list of texts; `plain.decode` reads them
            complaint   a text, why there is no value, or
            raised      [kind of the exception, place], two texts; not beside a complaint
            `signs`     True or absent, each: what the bare room alone may say of a derivation
        cells     {number of a code cell, from 1 on: text}: what failed
    """
    try:
        report = json.loads(text or "", object_pairs_hook=_each_once)
        _wants(type(report) is dict and set(report) == {"answers", "cells"})
        answers, cells = report["answers"], report["cells"]
        _wants(type(answers) is dict and type(cells) is dict and set(answers) <= set(asked))
        for answer in answers.values():
            _wants(type(answer) is dict and {"values"} <= set(answer) <= {"values", "complaint", "raised", *signs})
            _wants(_texts(answer["values"]) and type(answer.get("complaint", "")) is str)
            _wants("raised" not in answer or (_texts(answer["raised"]) and len(answer["raised"]) == 2))
            _wants(not {"complaint", "raised"} <= set(answer) and all(answer.get(sign, True) is True for sign in signs))
        _wants(all(re.fullmatch("[1-9][0-9]{0,4}", number) for number in cells) and _texts(list(cells.values())))
    except (RecursionError, ValueError) as error:
        raise ValueError(f"text: not a report ({type(error).__name__})") from None
    return answers, {int(number): error[:100] for number, error in cells.items()}


def _wants(condition: bool) -> None:
    if not condition:
        raise ValueError("of another form")


def _texts(value: Any) -> bool:
    return type(value) is list and all(type(each) is str for each in value)


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, in which no name stands twice."""
    _wants(len(dict(pairs)) == len(pairs))
    return dict(pairs)


def _is_not_started(answer: dict[str, Any]) -> bool:
    """Whether an answer is as it was handed out. A function that says so itself is no failure either."""
    return bool(answer.get("raised", [""])[0] == "NotImplementedError")


def _known(failed: dict[int, str], cells: Sequence[str]) -> dict[int, str]:
    """The cells that failed, of those that there are."""
    return {number: words for number, words in failed.items() if number <= len(cells)}
