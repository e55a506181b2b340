"""Marks into nbgrader's gradebook, and what a person gave by hand out of it. The trusted side's work alone."""

import contextlib
import copy
import json
import math
import os
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.api import Comment, Grade, Gradebook
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SAWarning

from coursework.evidence import as_text
from coursework.grader.assignment import HIDDEN, Assignment, fingerprint
from coursework.grader.files import write as write_file
from coursework.grader.report import Result
from coursework.grader.submissions import Cell, Submission, cut
from coursework.grader.tex import GAP, closed, type_alone

CONFIG = """\
# Formgrader reads the essays from here: `jupyter lab` in this folder, then Nbgrader > Formgrader.
c = get_config()  # noqa: F821
c.CourseDirectory.course_id = "course"
"""
MARKERS = " \t>*+-:.)0123456789"  # what lists, quotes and definitions begin a line with
HEADING = re.compile(r" {0,3}#{1,6}[ \t]+(.*)")


@contextlib.contextmanager
def _open(folder: Path) -> Iterator[Gradebook]:
    """The gradebook. A new one needs a program that pip put beside Python; and old warnings are not for instructors.

    nbgrader commits at every step, and waiting for the disk each time would take minutes. So it is waited for once, at
    the end: ending this program at any moment leaves a sound gradebook, a power cut in these seconds might not.
    """
    path = Path(folder).resolve() / "gradebook.db"
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    event.listen(Engine, "connect", _wait_for_no_disk)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SAWarning)
            with Gradebook(f"sqlite:///{path}") as book:
                yield book
    finally:
        event.remove(Engine, "connect", _wait_for_no_disk)
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _wait_for_no_disk(connection: Any, record: Any) -> None:
    connection.execute("PRAGMA synchronous = OFF")


def write(folder: Path, assignment: Assignment, results: list[Result], submissions: dict[str, Submission]) -> None:
    """Add the results to folder/gradebook.db, and lay out what formgrader shows.

    Points and comments given by hand stay with what they were given for, see `_stamps`. Where something else was handed
    in since, they are put aside: formgrader shows them in the comment's empty field, and the student's notes say so.
    """
    folder = Path(folder)
    config = folder / "nbgrader_config.py"
    if not config.exists():
        config.write_text(CONFIG, encoding="utf-8")
    (folder / "source" / assignment.name).mkdir(parents=True, exist_ok=True)  # formgrader lists what has a folder here
    with _open(folder) as book:
        _write_assignment(book, assignment)
        for result in results:
            try:
                _write_one(book, folder, assignment, result, submissions[result.student])
            except Exception as error:  # one student, one fence: the rest of the class is complete
                result.unread = True  # what is there by hand may be for something else
                words = f"It is not in the gradebook ({type(error).__name__})."
                result.flags.append(words)
                print(f"{result.student}: {words} {error}", file=sys.stderr)
                book.db.rollback()


def _write_one(book: Gradebook, folder: Path, assignment: Assignment, result: Result, submission: Submission) -> None:
    book.update_or_create_student(result.student)
    book.update_or_create_submission(
        assignment.name,
        result.student,
        timestamp=submission.handed_in and submission.handed_in.replace(tzinfo=None),
    )
    notebook = book.find_submission_notebook(assignment.name, assignment.name, result.student)
    grades = {grade.name: grade for grade in notebook.grades}
    place = folder / "autograded" / submission.student / assignment.name / f"{assignment.name}.ipynb"
    before, now = _laid_out(place), _stamps(assignment, result, submission)
    for mark in result.marks:
        grade = grades.get(mark.grade_id) or _new_grade(book, assignment.name, notebook, mark.grade_id)
        comment = _comment(notebook, mark.grade_id) or _new_comment(book, assignment, notebook, mark.grade_id)
        if submission.problem is None and not _same(before.get(mark.grade_id), now[mark.grade_id]):
            _put_aside(grade, comment)
        grade.auto_score = mark.points
        grade.needs_manual_grade = mark.points is None and grade.manual_score is None
    book.db.commit()
    if submission.problem is None:  # what can't be run can still be read
        numbers = {mark.grade_id: mark.numbers for mark in result.marks}
        _write_autograded(place, assignment, submission, numbers, now)


def _stamps(assignment: Assignment, result: Result, submission: Submission) -> dict[str, list[str]]:
    """{grade_id: fingerprints of an essay's text, all code and what came out}: what points by hand are given for."""
    given, code = answers(submission.cells, assignment), fingerprint(submission.code)
    texts = {grade_id: given.get(grade_id, "").split() for grade_id in assignment.essays}
    return {mark.grade_id: [fingerprint(texts.get(mark.grade_id)), code, mark.came_out] for mark in result.marks}


def _same(before: list[str] | None, now: list[str]) -> bool:
    """Whether points by hand still stand: the text is the same, and what was run or what came out of it, too.

    With another seed the same code gives other values, and code that was changed elsewhere gives the same ones. Where
    nothing was laid out before, nothing else was read.
    """
    return before is None or (before[0] == now[0] and (before[1] == now[1] or before[2] == now[2]))


def _laid_out(place: Path) -> dict[str, list[str]]:
    """The stamps of what formgrader shows of a student, as the last run has laid it out."""
    if not place.exists():
        return {}
    stamps: dict[str, list[str]] = json.loads(place.read_text(encoding="utf-8"))["metadata"].get("stamps", {})
    return stamps


def _put_aside(grade: Grade, comment: Comment) -> None:
    """Take back what was given by hand for something else, and leave it as words where formgrader shows them."""
    comment.auto_comment = _earlier(grade, comment)
    comment.manual_comment = grade.manual_score = grade.extra_credit = None


def _earlier(grade: Grade, comment: Comment) -> str:
    """What a person gave, in words, and what was put aside before it; nothing if there is neither."""
    said = [f"{grade.manual_score:g} of {grade.max_score:g} points"] if grade.manual_score is not None else []
    said += [f"extra credit of {grade.extra_credit:g}"] if grade.extra_credit else []
    said += [f"the comment {comment.manual_comment!r}"] if comment.manual_comment else []
    words = f"Given for an earlier answer: {', '.join(said)}." if said else ""
    return " ".join(filter(None, [words, comment.auto_comment]))


def read_by_hand(
    folder: Path, assignment: Assignment, results: list[Result], submissions: dict[str, Submission]
) -> None:
    """Put points and comments that a person gave in formgrader into the results, once these are written.

    What was put aside doesn't count, nor does what was given before a notebook that can't be read, and the result's
    flags say so. Where a student's can't be read, the result is `unread` and says so.
    """
    with _open(folder) as book:
        for result in (result for result in results if not result.unread):
            try:
                _read_one(book, assignment, result, submissions[result.student])
            except Exception as error:  # one student, one fence
                result.unread = True
                words = f"What was given by hand could not be read ({type(error).__name__})."
                result.flags.append(words)
                print(f"{result.student}: {words} {error}", file=sys.stderr)
                book.db.rollback()


def _read_one(book: Gradebook, assignment: Assignment, result: Result, submission: Submission) -> None:
    """All of one student's points and comments by hand, or none of them. ValueError on points that are no number."""
    notebook = book.find_submission_notebook(assignment.name, assignment.name, result.student)
    grades = {grade.name: grade for grade in notebook.grades}
    given, said, flags = {}, {}, []
    for mark in result.marks:
        grade, comment = grades[mark.grade_id], _comment(notebook, mark.grade_id)
        if submission.problem is not None:
            aside = _earlier(grade, comment)
        else:
            aside = comment.auto_comment if grade.manual_score is None else ""
            points = mark.points if grade.manual_score is None else float(grade.manual_score)
            if points is not None:
                given[mark.grade_id] = points + float(grade.extra_credit or 0)
            if comment.manual_comment:
                said[mark.grade_id] = str(comment.manual_comment)
        if aside:
            flags.append(f"{mark.grade_id}, not counted: {aside}")
        if not math.isfinite(given.get(mark.grade_id, 0.0)):
            raise ValueError(f"{mark.grade_id}: got {given[mark.grade_id]} points, wants a number")
    for mark in result.marks:
        mark.points = given.get(mark.grade_id, mark.points)
    result.comments.update(said)
    result.flags += flags


def _write_assignment(book: Gradebook, assignment: Assignment) -> None:
    name = assignment.name
    book.update_or_create_assignment(name)
    book.update_or_create_notebook(name, name)
    for grade_id, part in assignment.parts.items():
        kind = "markdown" if grade_id in assignment.essays else "code"
        book.update_or_create_grade_cell(grade_id, name, name, max_score=part.points, cell_type=kind)
    for cell in assignment.notebook.cells:
        details = cell.metadata.get("nbgrader")
        if details and details.get("solution"):
            book.update_or_create_solution_cell(details["grade_id"], name, name)
        if details:
            locked = bool(details.get("locked"))
            book.update_or_create_source_cell(
                details["grade_id"], name, name, cell_type=cell.cell_type, source=cell.source, locked=locked
            )


def _new_grade(book: Gradebook, assignment: str, notebook: Any, grade_id: str) -> Grade:
    """A grade for a question that came in after the submission."""
    grade = Grade(cell=book.find_grade_cell(grade_id, assignment, assignment), notebook=notebook)
    book.db.add(grade)
    return grade


def _comment(notebook: Any, grade_id: str) -> Any:
    """The comment on a question or an essay, if there is one; on a question, it stands at the answer's own cell."""
    comments = {comment.name: comment for comment in notebook.comments}
    return comments.get(grade_id) or comments.get(f"{grade_id}_answer")


def _new_comment(book: Gradebook, assignment: Assignment, notebook: Any, grade_id: str) -> Comment:
    """An empty comment on the same."""
    name = grade_id if grade_id in assignment.essays else f"{grade_id}_answer"
    cell = book.find_solution_cell(name, assignment.name, assignment.name)
    comment = Comment(cell=cell, notebook=notebook)
    book.db.add(comment)
    return comment


def _write_autograded(
    place: Path,
    assignment: Assignment,
    submission: Submission,
    numbers: dict[str, list[list[str]]],
    stamps: dict[str, list[str]],
) -> None:
    """Into a file: the instructor's notebook with the student's answers, for formgrader: no output, no HTML of theirs.

    numbers  {grade_id: what the student's own runs say, recomputed}, shown above the rubric.
    stamps   what points by hand will be given for, written into the metadata.
    """
    notebook = copy.deepcopy(assignment.notebook)
    given = answers(submission.cells, assignment)
    cells = []
    for cell in notebook.cells:
        details = cell.metadata.get("nbgrader") or {}
        grade_id = details.get("grade_id", "")
        cell.source = HIDDEN.sub("", cell.source)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        if details.get("solution"):
            cell.source = given.get(grade_id, "(this cell is not in the submission)")
            if cell.cell_type == "markdown":
                cell.source = harmless(cut(cell.source))
        cells.append(cell)
        if essay := assignment.essays.get(grade_id):
            if table := numbers.get(grade_id):
                cells.append(nbformat.v4.new_markdown_cell(f"**The student's own numbers**\n\n{_indented(table)}"))
            words = f"**Rubric**, of {essay.points} points\n\n{essay.levels}\n\n**Model answer**\n\n{essay.model}"
            cells.append(nbformat.v4.new_markdown_cell(words))
    notebook.cells, notebook.metadata["stamps"] = cells, stamps
    place.parent.mkdir(parents=True, exist_ok=True)
    write_file(place, nbformat.writes(notebook))


def _indented(table: list[list[str]]) -> str:
    """A table as a block of code, in which Markdown does nothing."""
    return "\n".join(f"    {line}" for line in as_text(table).splitlines())


def answers(cells: list[Cell], assignment: Assignment) -> dict[str, str]:
    """{grade_id: source} of the answer cells. Where metadata is lost, a cell is known by the one that stands before."""
    found: dict[str, str] = {}
    for cell in cells:
        if cell["grade_id"]:
            before = found.get(cell["grade_id"])
            found[cell["grade_id"]] = cell["source"] if before is None else f"{before}\n\n{cell['source']}"
    texts = [" ".join(cell["source"].split()) for cell in cells]
    text_before = ""
    for cell in assignment.notebook.cells:
        details = cell.metadata.get("nbgrader") or {}
        grade_id = details.get("grade_id", "")
        if details.get("solution") and grade_id not in found and text_before in texts[:-1]:
            found[grade_id] = cells[texts.index(text_before) + 1]["source"]
        text_before = " ".join(cell.source.split())
    return found


def harmless(text: str) -> str:
    """Markdown in which nothing leads anywhere: it is displayed in the instructor's browser, beside the gradebook.

    No element of HTML begins, no entity stands for a letter, no bracket becomes a link, a picture or the address of
    one, no words become the name of a heading, and MathJax gets no command but those that set type. Words, emphasis,
    lists, code and formulas stay, and code looks as it was written: what is put between two signs to part them has no
    width.
    """
    text = "".join(sign if sign.isprintable() or sign in "\n\t" else " " for sign in text)
    text = _without_headings(text)
    text = re.sub(r"<(?=[A-Za-z!/?])|&(?=#?\w)", rf"\g<0>{GAP}", text)  # a tag, a comment, an entity
    text = re.sub(r"\](?=[\s\\]*[(\[:])", f"]{GAP}", text)  # `](`, `][` and `]:` make links, also over a line's end
    text = re.sub(r"(?<=[A-Za-z]:)(?=//)|(?<=www)(?=\.)", GAP, text)  # an address in the open becomes a link, too
    return closed(type_alone(text))


def _without_headings(text: str) -> str:
    """Markdown in which no line makes a heading. Its words would name an element of the page, and formgrade finds the
    fields for points by their names.

    A heading becomes bold. Within code, lists and quotes, and where it is underlined, it is text, as it was written.
    """
    lines, before, in_code = [], "", False
    for line in text.split("\n"):
        rest = line.lstrip(MARKERS)
        in_code ^= rest.startswith(("```", "~~~"))
        over = line.rstrip(" \t").rstrip("=-")
        found = HEADING.fullmatch(line)
        if found and (title := found[1].strip(" \t#")) and not in_code:
            lines += ["", f"**{title}**", ""]
        elif rest.startswith("#"):
            lines.append(line.removesuffix(rest) + GAP + rest)
        elif not over.strip(MARKERS) and line[len(over) :].strip() and ("=" in line or before.strip()):
            lines.append(over + GAP + line[len(over) :])
        else:
            lines.append(line)
        before = line
    return "\n".join(lines)
