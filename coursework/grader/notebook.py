"""Write into psN.ipynb all that follows from psN/questions.py: `python -m coursework.grader.notebook`.

By hand one writes text, figures and answer cells, which hold the solution between nbgrader's markers. From there come
each question's test cell, the points in headings, what derivations are held to, the essays' prompts and model answers,
every cell's id and metadata.
Answers and essays stand in the order of questions.py.
"""

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from coursework.grader.assignment import FOLDER, Assignment, grade_id, load, names
from coursework.grader.question import DERIVATION, Essay, Question
from coursework.hints import in_words

BEGIN, END = "### BEGIN SOLUTION\n", "\n### END SOLUTION"
TEST = """\
check({check!r}, {name})
### BEGIN HIDDEN TESTS
from coursework.hints import hints_for

assert hints_for({check!r}).verdict({name}).right
### END HIDDEN TESTS"""
DERIVE = "# Your own derivation is asked for, in NumPy: see How it works, above.\n"
PRECISE = (
    f"Answers to these questions are held to {DERIVATION:.0e} of their largest entry. float32 keeps too few\n"
    "digits for that, so compute them in float64."
)
COMPARE = re.compile(
    r"(Compare your answers with all of these as you like, in cells of your\s+own\.)"
    r"(?:\s+Answers to these questions are held .*? in float64\.)?",
    re.DOTALL,
)
HEADING = re.compile(r"^(### .* \*\()\d+( points\)\*)$", re.MULTILINE)


def complete(assignment: Assignment) -> NotebookNode:
    """The notebook as questions.py wants it. Raises ValueError where an answer, an essay or a heading is missing."""
    notebook = copy.deepcopy(assignment.notebook)
    notebook.cells = list(_cells(assignment, notebook.cells))
    _write_points(assignment, notebook.cells)
    if any(question.derive for question in assignment.questions.values()):
        _write_precision(assignment, notebook.cells[0])
    for i, cell in enumerate(notebook.cells):
        kind = "code" if cell.cell_type == "code" else "text"
        details = cell.metadata.setdefault("nbgrader", _details(grade_id(assignment.name, f"{kind}_{i}"), locked=True))
        own = details["grade_id"] == grade_id(assignment.name, f"{kind}_{i}")
        cell.id = f"cell-{i}" if own else details["grade_id"].replace("_", "-")
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def _cells(assignment: Assignment, cells: list[NotebookNode]) -> Iterator[NotebookNode]:
    """Answers followed by their tests, essays with their prompts, and all other cells without metadata."""
    questions, essays = list(assignment.questions.items()), list(assignment.essays.items())
    for cell, following in zip(cells, [*cells[1:], None], strict=True):
        cell.metadata = nbformat.from_dict({})
        if re.search(r"^check\(", cell.source, re.MULTILINE) and "### BEGIN HIDDEN TESTS" in cell.source:
            continue  # an old test
        if cell.cell_type == "code" and BEGIN in cell.source:
            name, question = _next(questions, "answer")
            if not re.search(rf"^(?:def {question.name}\(|{question.name} = )", cell.source, re.MULTILINE):
                raise ValueError(
                    f"{assignment.name}.ipynb: wants the answer {question.name} before {cell.source[:40]!r}"
                )
            cell.metadata["nbgrader"] = _details(f"{name}_answer", solution=True)
            yield cell
            yield _test(assignment, name, question)
        elif cell.cell_type == "markdown" and BEGIN in cell.source:
            name, essay = essays.pop(0)
            cell.source = BEGIN + essay.model + END
            cell.metadata["nbgrader"] = _details(name, grade=True, solution=True, points=essay.points)
            yield cell
        elif following is not None and following.cell_type == "markdown" and BEGIN in following.source:
            name, essay = essays[0] if essays else _next(essays, "essay")
            cell.source = cell.source.split("\n")[0] + "\n\n" + essay.text
            cell.metadata["nbgrader"] = _details(f"{name}_prompt", locked=True)
            yield cell
        else:
            yield cell
    if questions or essays:
        missing = ", ".join(name for name, _ in [*questions, *essays])
        raise ValueError(f"{assignment.name}.ipynb: wants answer cells for {missing}")


def _next(parts: list[tuple[str, Any]], kind: str) -> tuple[str, Any]:
    if not parts:
        raise ValueError(f"there is one {kind} more in the notebook than in questions.py")
    return parts.pop(0)


def _test(assignment: Assignment, name: str, question: Question) -> NotebookNode:
    """The cell that checks an answer, and says so where its derivation is asked for."""
    source = TEST.format(check=f"{assignment.name} {in_words(question.name)}", name=question.name).replace("'", '"')
    cell = nbformat.v4.new_code_cell((DERIVE if question.derive else "") + source)
    cell.metadata["nbgrader"] = _details(name, grade=True, locked=True, points=question.points)
    return cell


def _details(name: str, **flags: Any) -> NotebookNode:
    """nbgrader's metadata of a cell."""
    details = {"grade": False, "locked": False, "schema_version": 3, "solution": False, "task": False}
    return nbformat.from_dict(dict(sorted({**details, "grade_id": name, **flags}.items())))


def _write_points(assignment: Assignment, cells: list[NotebookNode]) -> None:
    """`### 1 · States *(10 points)*`: one such heading for each question and essay, in their order."""
    parts: list[Question | Essay] = list(assignment.parts.values())
    with_points = [cell for cell in cells if cell.cell_type == "markdown" and HEADING.search(cell.source)]
    if len(with_points) != len(parts):
        raise ValueError(f"{assignment.name}.ipynb: got {len(with_points)} headings with points, wants {len(parts)}")
    for cell, part in zip(with_points, parts, strict=True):
        cell.source = HEADING.sub(rf"\g<1>{part.points}\g<2>", cell.source)


def _write_precision(assignment: Assignment, head: NotebookNode) -> None:
    """What derivations are held to, where the head has said how they may be compared."""
    head.source, found = COMPARE.subn(rf"\1\n{PRECISE}", head.source)
    if found != 1:
        raise ValueError(
            f"{assignment.name}.ipynb: its head wants 'Compare your answers ...' once, got it {found} times"
        )


def write_all(folder: Path = FOLDER) -> list[Path]:
    """Complete every assignment's notebook in a folder. Returns those that were changed."""
    changed = []
    for name in names(folder):
        path = Path(folder) / name / f"{name}.ipynb"
        text = nbformat.writes(complete(load(name, folder))) + "\n"
        if text != path.read_text(encoding="utf-8"):
            path.write_text(text, encoding="utf-8")
            changed.append(path)
    return changed


if __name__ == "__main__":
    for path in write_all():
        print(f"{path} was written")
