"""A class of generated submissions, to time the grader: `python -m tests.coursework.generate_class ps3 500 FOLDER`.

Each student has some of the instructor's answers, and left the others empty.
"""

import argparse
import copy
import random
import re
from pathlib import Path

import nbformat

from coursework.grader.assignment import FOLDER, load
from coursework.grader.student import released

REGION = re.compile(r"[ \t]*### BEGIN SOLUTION\n(.*?)[ \t]*### END SOLUTION", re.S)
HIDDEN = re.compile(r"### BEGIN HIDDEN TESTS\n.*?### END HIDDEN TESTS", re.S)


def generate(name, number, folder, source=FOLDER):
    """Write `number` submissions in nbgrader's layout."""
    assignment = load(name, source)
    empty = released(assignment)
    for i in range(number):
        rng, notebook = random.Random(i), copy.deepcopy(assignment.notebook)
        for cell, unanswered in zip(notebook.cells, empty.cells, strict=True):
            cell.source = REGION.sub(r"\1", HIDDEN.sub("", cell.source))
            if cell.metadata.get("nbgrader", {}).get("solution") and rng.random() < 0.25:
                cell.source = unanswered.source
        notebook.cells.append(nbformat.v4.new_code_cell(f"# student {i}"))
        place = Path(folder) / f"student{i:04}" / name
        place.mkdir(parents=True)
        nbformat.write(notebook, place / f"{name}.ipynb")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("assignment")
    parser.add_argument("number", type=int)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    generate(options.assignment, options.number, options.folder)
