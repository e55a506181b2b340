"""Feedback for students and marks for a learning management system. Plain text in, files out."""

import csv
import html
import os
from dataclasses import dataclass, field
from pathlib import Path

from coursework.grader.marking import Mark

STYLE = "body{font:16px/1.5 sans-serif;max-width:44em;margin:2em auto;padding:0 1em}td,th{padding:.3em .8em;\
text-align:left;vertical-align:top;border-bottom:1px solid #ccc}"


@dataclass
class Result:
    """All that is known of one student's submission."""

    student: str
    marks: list[Mark]
    problem: str | None = None
    note: str = ""
    days_late: int = 0
    comments: dict[str, str] = field(default_factory=dict)
    penalty: float = 0.0

    @property
    def score(self) -> float:
        """Points so far, after the penalty for a late submission."""
        return round(sum(mark.points or 0 for mark in self.marks) * (1 - self.penalty), 2)

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
    def status(self) -> str:
        """In a few words, for the table."""
        if self.problem:
            return self.problem
        waiting = sum(mark.points is None for mark in self.marks)
        return f"{waiting} to be read" if waiting else "complete"


def markdown(result: Result, assignment: str) -> str:
    """One student's feedback as Markdown."""
    lines = [f"# {assignment}: {_plain(result.student)}", "", f"**{result.score:g} of {result.most:g} points**"]
    if result.late:
        lines += ["", result.late]
    lines += ["", *([_plain(words), ""] if (words := result.problem or result.note) else [])]
    lines += ["| question | points | what was asked | hint |", "|---|---|---|---|"]
    for mark in result.marks:
        lines.append("| " + " | ".join(_plain(cell) for cell in _row(mark, result)) + " |")
    return "\n".join(lines) + "\n"


def page(result: Result, assignment: str) -> str:
    """The same as an HTML page."""
    cells = [["question", "points", "what was asked", "hint"], *(_row(mark, result) for mark in result.marks)]
    rows = [
        "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row) + "</tr>"
        for tag, row in zip(["th"] + ["td"] * len(result.marks), cells, strict=True)
    ]
    words = [f"<p>{html.escape(word)}</p>" for word in (result.late, result.problem or result.note) if word]
    title = html.escape(f"{assignment}: {result.student}")
    head = f'<meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
    points = f"<p><strong>{result.score:g} of {result.most:g} points</strong></p>"
    body = f"<h1>{title}</h1>{points}{''.join(words)}<table>{''.join(rows)}</table>"
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n<body>{body}</body></html>\n'


def _row(mark: Mark, result: Result) -> list[str]:
    points = "to be read" if mark.points is None else f"{mark.points:g}"
    hint = result.comments.get(mark.grade_id) or mark.hint
    return [mark.grade_id, f"{points} of {mark.most:g}", mark.objective, hint]


def _plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    for sign in "\\`*_[]<>|":
        text = text.replace(sign, "\\" + sign)
    return " ".join(text.split())


def write_feedback(result: Result, assignment: str, folder: Path) -> None:
    """feedback/<student>/<assignment>/<assignment>.md and .html, where nbgrader keeps them, too."""
    place = Path(folder) / result.student / assignment
    place.mkdir(parents=True, exist_ok=True)
    write(place / f"{assignment}.md", markdown(result, assignment))
    write(place / f"{assignment}.html", page(result, assignment))


def write_marks(results: list[Result], path: Path) -> None:
    """A table that a LMS takes: student_id, score, max_score and the rest."""
    parts = [mark.grade_id for mark in results[0].marks] if results else []
    rows = [["student_id", "score", "max_score", "days_late", "status", *parts]]
    for result in results:
        points = ["" if mark.points is None else f"{mark.points:g}" for mark in result.marks]
        score, most = f"{result.score:g}", f"{result.most:g}"
        rows.append([_cell(result.student), score, most, str(result.days_late), _cell(result.status), *points])
    partly = Path(path).with_suffix(".partly")
    partly.parent.mkdir(parents=True, exist_ok=True)
    with open(partly, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    os.replace(partly, path)


def _cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return "'" + text if text.startswith(("=", "+", "-", "@", "\t")) else text


def write(path: Path, text: str) -> None:
    """Whole or not at all."""
    partly = path.with_name(f".{path.name}.partly")
    partly.write_text(text, encoding="utf-8")
    os.replace(partly, path)
