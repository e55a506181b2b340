"""How long a lesson takes, by a stated formula, and how much of its code draws: `python -m tools.pace [lesson ...]`.

A lesson takes the sum of MINUTES times what is counted in it. What stands in a folded solution isn't counted, since
only who is stuck reads it. A repair, an exercise whose name says so ("14 repair weights"), replaces one line of code
that the lesson shows, so it takes less than an exercise that is written from nothing. The formula is an estimate for
someone who reads all of it, guesses and writes; nobody's time was measured. `make heads` writes the result, in steps of
five minutes, into the lesson's first cell.

An assignment takes the reading of what students get, by the same formula, and WRITING times what the right answers and
model answers hold. Its hours come in halves, and stand in its first cell.
"""

import ast
import re
import sys
from collections import Counter
from pathlib import Path

import nbformat
from nbformat import NotebookNode

MINUTES = {  # of each
    "words": 1 / 180,
    "equations": 1 / 2,  # displayed ones, by their lines
    "code lines": 1 / 10,
    "figures": 1 / 2,
    "predictions": 1,
    "explorers": 2,
    "exercises": 5,
    "repairs": 2,
}
WRITING = {  # minutes of each, for someone who has taken the lessons it builds on
    "answers": 5,  # a question to understand, to check and to mend
    "lines of answers": 2,
    "words of essays": 1 / 8,
    "own runs": 90,  # to plan, to wait for and to do again
}
REPAIR = r'^check\("\d\d repair '  # how the cell of a repair begins its last statement
LONGEST = 60  # minutes of one lesson
IN_CLASS = 5 / 4  # of the minutes that the formula gives: with questions, a quarter more
DRAWING = {"figures", "widgets", "scenes", "diagrams", "cell_view", "ax", "axes", "fig"}  # names that draw
MOST_DRAWING = 1 / 4  # of a lesson's code lines
ANSWER = re.compile(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", re.S)
OWN_RUNS = re.compile(r'show_numbers\("[^"]*", (\w+)\)')  # the cell that shows a student what is handed in
HIDDEN = re.compile(r"### BEGIN HIDDEN TESTS\n.*?### END HIDDEN TESTS", re.S)
ROADS = re.compile(r"^Run it: .*$", re.M)  # links of a published lesson, which nobody reads as prose
SOLUTION = re.compile(r"<details>\s*<summary>(?:(?!</summary>).)*[Ss]olution.*?</details>", re.S)


def counts(notebook: NotebookNode) -> Counter:
    """How many of each thing in MINUTES a lesson holds."""
    found: Counter = Counter()
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            text = ROADS.sub("", SOLUTION.sub("", cell.source))
            displayed = re.findall(r"\$\$(.*?)\$\$", text, re.S)
            found["equations"] += sum(1 + formula.count(r"\\") for formula in displayed)
            found["words"] += len(re.sub(r"\$\$.*?\$\$|```.*?```|<[^>]+>", " ", text, flags=re.S).split())
            continue
        found["code lines"] += sum(bool(line.strip()) for line in cell.source.splitlines())
        found["predictions"] += cell.source.count("widgets.predict(")
        repairs = len(re.findall(REPAIR, cell.source, re.M))
        found["repairs"] += repairs
        found["exercises"] += len(re.findall(r"^check\(", cell.source, re.M)) - repairs
        found["explorers"] += any(_is_explorer(output) for output in cell.get("outputs", []))
        found["figures"] += any(_is_figure(output) for output in cell.get("outputs", []))
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if code:
        found["code lines"] -= sum(bool(line.strip()) for line in code[0].source.splitlines())  # nobody reads the first
    return found


def estimate(notebook: NotebookNode) -> float:
    """How many minutes a lesson takes by the formula, unrounded: this is what LONGEST bounds."""
    found = counts(notebook)
    return sum(each * found[what] for what, each in MINUTES.items())


def sections(notebook: NotebookNode) -> dict[str, float]:
    """{heading: minutes by the formula, unrounded} of a lesson's sections, in their order; the head's is ""."""
    pieces: dict[str, list[NotebookNode]] = {}
    heading, unread = "", True
    for cell in notebook.cells:
        text = cell.cell_type == "markdown"
        if unread and not text:  # its first cell of code
            unread = False
            continue
        for part in re.split(r"^(?=## )", cell.source, flags=re.M) if text else [cell.source]:
            if text and part.startswith("## "):
                heading = part.partition("\n")[0].removeprefix("## ")
            pieces.setdefault(heading, []).append(NotebookNode({**cell, "source": part}))
    unread_cell = nbformat.v4.new_code_cell()
    return {name: estimate(NotebookNode(cells=[unread_cell, *cells])) for name, cells in pieces.items()}


def in_class(notebook: NotebookNode, first: str, last: str) -> float:
    """How many minutes of a class a lesson's sections take, from the heading `first` to the end of `last`.

    Raises ValueError if the lesson has no such headings in this order.
    """
    found = sections(notebook)
    names = list(found)
    for argument, heading in (("first", first), ("last", last)):
        if heading not in names:
            raise ValueError(f"{argument}: got {heading!r}, wants a heading of the lesson, one of {names[1:]}")
    begin, end = names.index(first), names.index(last)
    if end < begin:
        raise ValueError(f"last: got {last!r}, which stands before {first!r}")
    return IN_CLASS * sum(found[name] for name in names[begin : end + 1])


def minutes(notebook: NotebookNode) -> int:
    """How long a lesson takes, in steps of five minutes."""
    return max(5, 5 * round(estimate(notebook) / 5))


def assignment_counts(notebook: NotebookNode) -> Counter:
    """How many of each thing in MINUTES and WRITING an assignment holds, from its notebook with the solutions."""
    found: Counter = Counter()
    cells = []
    for cell in notebook.cells:
        (answer,) = ANSWER.findall(cell.source) or [""]
        found += _asked(cell, answer)
        cells.append(NotebookNode({**cell, "source": HIDDEN.sub("", ANSWER.sub("...", cell.source))}))
    read = counts(NotebookNode({**notebook, "cells": cells}))
    read["exercises"] = 0  # they are the answers
    return found + read


def parts(notebook: NotebookNode) -> dict[str, float]:
    """{"ps2_growth_curve": 17.0, ...}: the minutes of WRITING for each question and essay of an assignment.

    Own runs are handed in by one question and told of in all essays beside it, so their minutes are shared equally.
    """
    found: dict[str, float] = {}
    report, runs = [], 0.0
    for cell in notebook.cells:
        (answer,) = ANSWER.findall(cell.source) or [""]
        asked = _asked(cell, answer)
        part = cell.metadata.nbgrader.grade_id.removesuffix("_answer")
        if answer:
            found[part] = sum(WRITING[what] * count for what, count in asked.items())
        if asked["words of essays"]:
            report.append(part)
        if handed_in := OWN_RUNS.match(cell.source):
            runs += WRITING["own runs"]
            report += [name for name in found if name.endswith(f"_{handed_in[1]}")]
    return {part: time + runs * (part in report) / max(1, len(report)) for part, time in found.items()}


def _asked(cell: NotebookNode, answer: str) -> Counter:
    """How many of each thing in WRITING a cell asks for, whose solution is `answer`."""
    code = cell.cell_type == "code"
    return Counter(
        {
            "answers": int(bool(answer)),
            "lines of answers": sum(bool(line.strip()) for line in answer.splitlines()) if code else 0,
            "words of essays": 0 if code else len(answer.split()),
            "own runs": int(bool(OWN_RUNS.match(cell.source))),
        }
    )


def hours(notebook: NotebookNode) -> float:
    """How long an assignment takes, in halves of an hour."""
    found = assignment_counts(notebook)
    total = sum(each * found[what] for what, each in (MINUTES | WRITING).items())
    return max(0.5, round(total / 30) / 2)


def in_words(time: float) -> str:
    """Hours as they are written, "about 2½ hours"."""
    whole, half = int(time), "½" if time % 1 else ""
    return f"about {whole or ''}{half} hour{'s' if time > 1 else ''}"


def drawing_share(notebook: NotebookNode) -> float:
    """The share of a lesson's code lines that draw: statements that use a name of DRAWING, predictions apart."""
    lines = drawn = 0
    for cell in [cell for cell in notebook.cells if cell.cell_type == "code"][1:]:
        for statement in ast.parse(cell.source).body:
            if isinstance(statement, ast.Import | ast.ImportFrom):
                continue
            text = ast.get_source_segment(cell.source, statement) or ""
            length = sum(bool(line.strip()) for line in text.splitlines())
            lines += length
            drawn += length * _draws(statement, text)
    return drawn / max(lines, 1)


def _draws(statement: ast.stmt, text: str) -> bool:
    """Whether a statement draws."""
    used = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
    return bool(used & DRAWING) and "widgets.predict(" not in text


def _is_figure(output: NotebookNode) -> bool:
    data = output.get("data", {})
    return ("image/png" in data or "<img" in str(data.get("text/html", ""))) and not _is_explorer(output)


def _is_explorer(output: NotebookNode) -> bool:
    return str(output.get("data", {}).get("text/plain", "")).endswith("to move the figure.")


def table(paths: list[Path]) -> str:
    """One line per lesson: its minutes, the share that draws, and what was counted."""
    lines = [f"{'lesson':26} minutes  draws  " + "  ".join(MINUTES)]
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        found = counts(notebook)
        numbers = "  ".join(f"{found[what]:{len(what)}}" for what in MINUTES)
        lines.append(f"{path.stem:26} {estimate(notebook):7.1f}  {drawing_share(notebook):5.0%}  {numbers}")
    return "\n".join(lines)


def assignments_table(paths: list[Path]) -> str:
    """One line per assignment: its hours, and what was counted."""
    names = [*MINUTES, *WRITING]
    names.remove("exercises")
    lines = [f"{'assignment':26} hours  " + "  ".join(names)]
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        found = assignment_counts(notebook)
        lines.append(
            f"{path.stem:26} {hours(notebook):5}  " + "  ".join(f"{found[what]:{len(what)}}" for what in names)
        )
    return "\n".join(lines)


def main() -> None:
    """Print the table of the lessons named on the command line; of all, and of the assignments, by default."""
    root = Path(__file__).resolve().parent.parent
    named = [Path(name) for name in sys.argv[1:]]
    print(table(named or sorted(root.glob("notebooks/[0-9][0-9]_*.ipynb"))))
    if not named:
        print()
        print(assignments_table(sorted(root.glob("coursework/ps[0-9]/ps[0-9].ipynb"))))


if __name__ == "__main__":
    main()
