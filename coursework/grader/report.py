"""Feedback for students and marks for a learning management system. Plain text in, files out."""

import csv
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from coursework.grader.files import write
from coursework.grader.marking import Mark

FORMULA = re.compile(r"(?:^|[;|])(?=[\s\"]*[=+\-@＝＋－＠])")  # in half of Europe a semicolon parts columns
NUMBER = re.compile(r"-?[\d.]+(e[-+]?\d+)?")
HEAD = ["question", "points", "what was asked", "hint"]
NOT_YET = "This has not been graded yet: the machine that grades has failed. That costs you nothing."


def _plain(value: Any) -> str:
    """Text that Markdown shows as it is, on one line."""
    text = str(value)
    for sign in "\\`*_[]<>|&":
        text = text.replace(sign, "\\" + sign)
    return " ".join(text.split())


def _templates(**options: Any) -> Environment:
    """Templates in which every word that is filled in is escaped, without being told to."""
    folder = FileSystemLoader(Path(__file__).resolve().parent / "templates")
    return Environment(loader=folder, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, **options)


PAGES = _templates(autoescape=True, keep_trailing_newline=True)
TEXTS = _templates(finalize=_plain, keep_trailing_newline=True)


@dataclass
class Result:
    """All that is known of one student's submission.

    machine   why it was not graded, which was no fault of the student's: there are no points then, not even 0.
    flags     sentences for who marks, which students aren't shown.
    unread    whether there may be points by hand that could not be read.
    """

    student: str
    marks: list[Mark]
    problem: str | None = None
    note: str = ""
    days_late: int = 0
    comments: dict[str, str] = field(default_factory=dict)
    penalty: float = 0.0
    machine: str = ""
    flags: list[str] = field(default_factory=list)
    unread: bool = False

    @property
    def score(self) -> float:
        """Points so far, after the penalty for a late submission."""
        return self.score_of(range(len(self.marks)))

    def score_of(self, places: Iterable[int]) -> float:
        """The same of some of the marks, by their places."""
        return round(sum(self.marks[i].points or 0 for i in places) * (1 - self.penalty), 2)

    @property
    def most(self) -> int:
        """Points to be had."""
        return sum(mark.most for mark in self.marks)

    @property
    def late(self) -> str:
        """A sentence on what was taken off for being late, or an empty string."""
        days = f"{self.days_late} day{'s' if self.days_late > 1 else ''}"
        return f"{days} late: {self.penalty:.0%} were taken off." if self.penalty else ""

    @property
    def remarks(self) -> list[str]:
        """What is to be said of the submission as a whole, in sentences."""
        if self.machine:
            return [NOT_YET]
        return [words for words in (self.late, self.problem or self.note) if words]

    @property
    def notes(self) -> str:
        """All that who marks should know, in sentences."""
        looks = [mark.grade_id for mark in self.marks if mark.look]
        look = f"Open the notebook for {', '.join(looks)}, see the table of derivations to look at." if looks else ""
        return " ".join(filter(None, [self.machine and f"{self.machine}.", self.note, *self.flags, look]))

    @property
    def status(self) -> str:
        """In a few words, for the table."""
        if self.machine:
            return "not graded: machine"
        waiting = sum(mark.points is None for mark in self.marks)
        by_hand = "points by hand could not be read" if self.unread else f"{waiting} to be read" if waiting else ""
        if self.problem:
            return f"{self.problem} ({by_hand})" if by_hand else self.problem
        return by_hand or "complete"


def markdown(result: Result, assignment: str) -> str:
    """One student's feedback as Markdown."""
    return TEXTS.get_template("feedback.md").render(_filled_in(result, assignment))


def page(result: Result, assignment: str) -> str:
    """The same as an HTML page."""
    return PAGES.get_template("feedback.html").render(_filled_in(result, assignment))


def _filled_in(result: Result, assignment: str) -> dict[str, Any]:
    rows = [_row(mark, result) for mark in result.marks]
    return {"result": result, "assignment": assignment, "head": HEAD, "rows": rows}


def _row(mark: Mark, result: Result) -> list[str]:
    points = "not graded" if result.machine else "to be read" if mark.points is None else f"{mark.points:g}"
    worth = f"{points} of {mark.most:g}" if mark.most or mark.points else "not counted"
    comment = result.comments.get(mark.grade_id, "")
    hint = f"The program says: {mark.hint}" if comment and mark.hint else mark.hint
    return [mark.grade_id, worth, mark.objective, f"{comment} {hint}".strip()]


def write_feedback(result: Result, assignment: str, folder: Path) -> None:
    """feedback/<student>/<assignment>/<assignment>.md and .html, where nbgrader keeps them, too."""
    place = Path(folder) / result.student / assignment
    place.mkdir(parents=True, exist_ok=True)
    write(place / f"{assignment}.md", markdown(result, assignment))
    write(place / f"{assignment}.html", page(result, assignment))


def write_marks(results: list[Result], path: Path) -> None:
    """A table that a LMS takes: student_id, score, max_score and the rest, the notes for who marks at the end."""
    parts = [mark.grade_id for mark in results[0].marks] if results else []
    rows = [["student_id", "score", "max_score", "days_late", "status", *parts, "notes"]]
    for result in results:
        points = ["" if mark.points is None else f"{mark.points:g}" for mark in result.marks]
        score, most = "" if result.machine else f"{result.score:g}", f"{result.most:g}"
        rows.append([result.student, score, most, str(result.days_late), result.status, *points, result.notes])
    write_table(rows, path)


def write_table(rows: list[list[str]], path: Path) -> None:
    """Rows of text as CSV, whole or not at all, and no cell of them a formula."""
    partly = Path(path).with_suffix(".partly")
    partly.parent.mkdir(parents=True, exist_ok=True)
    with open(partly, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([_cell(cell) for cell in row] for row in rows)
    os.replace(partly, path)


def _cell(text: str) -> str:
    """A cell of signs that can be written, on one line, that no spreadsheet takes for a formula.

    A number is none, also below zero.
    """
    text = "".join(sign if sign.isprintable() else "�" if "\ud800" <= sign <= "\udfff" else " " for sign in text)
    return text if NUMBER.fullmatch(text) else FORMULA.sub(r"\g<0>'", text)
