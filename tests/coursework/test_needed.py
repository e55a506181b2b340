"""Cells that needn't run: nothing that is asked for may change by leaving them out."""

import re

import pytest

from coursework.grader.assignment import handed_out, load, names
from coursework.grader.needed import names_read, names_set, needed
from coursework.grader.notebook import BEGIN

IMPORTS = "import os\nimport numpy as np\nfrom course_utils import figures, tasks as jobs"
DRAW = "order = np.argsort(data)\nfigures.show(order)"
DATA = "data = load()"
LOAD = "def load():\n    return np.zeros(3)"
OURS = {"imports": IMPORTS, "draw": DRAW, "data": DATA, "load": LOAD}


@pytest.mark.parametrize(
    ("cells", "left"),
    [
        ([IMPORTS, DRAW, "def f(x):\n    return np.sum(x)"], [0, 2]),
        ([IMPORTS, DRAW, "def f(order):\n    return order + 1"], [2]),
        ([IMPORTS, DRAW, "def f(x):\n    return order + x"], [0, 1, 2]),
        ([IMPORTS, LOAD, DATA, DRAW, "f = lambda: data"], [0, 1, 2, 4]),
        ([IMPORTS, DRAW + "  ", "f = 1"], [2]),
        ([IMPORTS, DRAW + "  # mine", "f = 1"], [0, 1, 2]),
        ([DATA, "class A:\n    value = data"], [0, 1]),
        ([DATA, "def f():\n    def g():\n        return data\n    return g"], [0, 1]),
        ([DATA, "class A:\n    data = data"], [0, 1]),
        ([DATA, "print(f'{data}')"], [0, 1]),
        ([DATA, "def f():\n    global data\n    data = 3"], [1]),
        ([DATA, "x = [data for data in range(3)]"], [1]),
        ([DATA, DRAW, "from course_utils.cells import *"], [0, 1, 2]),
        ([DATA, DRAW, "x = eval('da' + 'ta')"], [0, 1, 2]),
        ([DATA, DRAW, "x = globals()['data']"], [0, 1, 2]),
        ([DATA, DRAW, "import sys\nx = sys.modules"], [0, 1, 2]),
        ([DATA, DRAW, "%matplotlib inline"], [0, 1, 2]),
        ([DATA, DRAW, "def (:"], [0, 1, 2]),
        ([DATA, DRAW, "\x00"], [0, 1, 2]),
        ([], []),
    ],
)
def test_what_runs(cells, left):
    found = needed(cells, OURS)
    assert len(found) == len(cells) and [i for i, cell in enumerate(found) if cell] == left


@pytest.mark.parametrize(
    ("cell", "runs"),
    [
        ("trial = 3.0\nruns = train(trial)", False),
        ("trial = 3.0\nruns = train(f)", True),
        ("g = 3", True),
        ("asked = 3", True),
        ("import random\nrandom.seed(3)", True),
        ("f.kept = 3", True),
        ("x = eval('f')", True),
        ("def (:", True),
    ],
)
def test_a_cell_to_try_numbers_in(cell, runs):
    """It was handed out to be changed: it runs if it may matter to what the student wrote."""
    cells = [cell, "def f(x):\n    return g + x"]
    found = needed(cells, {"try": "trial = 0.0\nruns = train(trial)"}, ["try", "answer"], ["f", "asked"])
    assert found == [cell if runs else "", cells[1]]
    assert needed(cells, {}, ["try", "answer"], ["f"]) == cells


def test_only_imports_that_are_read_are_left():
    found = needed([IMPORTS, "def f(x):\n    return jobs.run(np.sum(x))"], OURS)
    assert found[0] == "import numpy as np\nfrom course_utils import tasks as jobs"


def test_names_of_a_cell():
    source = "import a.b\nfrom c import d as e\nx = y\nfor z in w: pass\ndef f(p):\n    q = r\n    return p + q"
    assert names_set(source) == {"a", "e", "x", "z", "f"}
    assert names_read(source) == {"y", "w", "r"}


@pytest.mark.parametrize("name", names())
def test_answers_do_not_depend_on_what_is_left_out(name):
    """The instructor's solutions, by all cells and by those that are needed: what they set is the same."""
    assignment, solutions = load(name), re.compile(r"[ \t]*### (BEGIN|END) SOLUTION\n?")
    code = [cell for cell in assignment.notebook.cells if cell.cell_type == "code"]
    cells = [solutions.sub("", re.sub(r"(?s)### BEGIN HIDDEN.*", "", cell.source)) for cell in code]
    found = needed(cells, handed_out(assignment))
    assert sum(not cell for cell in found) >= 3, "figures, tests and training are left out"
    answers = [i for i, cell in enumerate(code) if BEGIN in cell.source]
    assert all(found[i] == cells[i] for i in answers), "no answer is"
    namespace: dict = {}
    for cell in found:
        exec(compile(cell, "cell", "exec"), namespace)
    assert set(question.name for question in assignment.questions.values()) <= set(namespace)
