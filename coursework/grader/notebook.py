"""Write into psN.ipynb all that follows from psN/questions.py: `python -m coursework.grader.notebook`.

By hand one writes text, figures and answer cells, which hold the solution between nbgrader's markers. From there come
each question's test cell, the points in headings, how exact an answer has to be, the essays' prompts and model answers,
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

from course_utils.checks.exercise import Exercise
from coursework.grader.assignment import FOLDER, Assignment, grade_id, load, names
from coursework.grader.question import DERIVATION, SINGLE, Essay, Question
from coursework.hints import in_words

BEGIN, END = "### BEGIN SOLUTION\n", "\n### END SOLUTION"
TEST = """\
check({check!r}, {name})
### BEGIN HIDDEN TESTS
from coursework.hints import hints_for

assert hints_for({check!r}).verdict({name}).right
### END HIDDEN TESTS"""
DERIVE = "# Your own derivation is asked for, in NumPy: see How it works, above.\n"
EXACT = re.compile(r"\n\n\*\*(?:How exact|What is read)\.\*\*.*?(?=\n\n|\Z)", re.DOTALL)
USUAL = """\
**How exact.** What you return may differ from the right numbers by {usual} of the largest of them in size, and by
{single} if your numbers are float32. Where a question says otherwise, that counts."""
PRECISE = """
A derivation of your own may differ by {derivation}. float32 keeps too few digits for that, so compute it in float64."""
READ = """

**What is read.** The code of a derivation is read by a program. Write each function and each attribute by its name, in
a cell of this notebook. Nobody can read what is found by `getattr` with a computed name or by `globals`, what `exec` or
`eval` runs, or what comes from a file that you wrote. Nobody can follow threads. Complex numbers and numbers of more
digits than float64 (`np.longdouble`, `Decimal`, `Fraction`) could hide a difference. So an answer that uses any of
these earns nothing, even where `check` says that it is right."""
HEADING = re.compile(r"^(### .* \*\()\d+( points\)\*)$", re.MULTILINE)


def complete(assignment: Assignment) -> NotebookNode:
    """The notebook as questions.py wants it. Raises ValueError where an answer, an essay or a heading is missing."""
    notebook = copy.deepcopy(assignment.notebook)
    notebook.cells = list(_cells(assignment, notebook.cells))
    _write_points(assignment, notebook.cells)
    _write_precision(list(assignment.questions.values()), notebook.cells[0])
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
    """`### 1 · States *(10 points)*`: one such heading for each question and essay, in their order; the sum above."""
    parts: list[Question | Essay] = list(assignment.parts.values())
    with_points = [cell for cell in cells if cell.cell_type == "markdown" and HEADING.search(cell.source)]
    if len(with_points) != len(parts):
        raise ValueError(f"{assignment.name}.ipynb: got {len(with_points)} headings with points, wants {len(parts)}")
    for cell, part in zip(with_points, parts, strict=True):
        cell.source = HEADING.sub(rf"\g<1>{part.points}\g<2>", cell.source)
    whole = sum(part.points for part in parts)
    cells[0].source = re.sub(r"^\*\d+ points, ", f"*{whole} points, ", cells[0].source, flags=re.MULTILINE)


def _write_precision(questions: list[Question], head: NotebookNode) -> None:
    """What answers are held to, and how derivations are read: the last paragraphs of an assignment's head."""
    head.source = EXACT.sub("", head.source)
    tolerances = {"usual": Exercise(right=0.0).rtol, "single": SINGLE, "derivation": DERIVATION}
    words = {name: f"{rtol:g}".replace("e-0", "e-") for name, rtol in tolerances.items()}
    if any(question.draw for question in questions):
        head.source += "\n\n" + USUAL.format(**words)
    if any(question.derive for question in questions):
        head.source += PRECISE.format(**words) + READ


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
