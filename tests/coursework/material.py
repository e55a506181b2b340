"""A small assignment and submissions to it, made for the tests."""

import csv
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import nbformat

from coursework.grader import sandbox
from coursework.grader.assignment import draw, load
from coursework.grader.marking import Marker
from tests.notebook import ROOT

SECONDS = ["--cell-seconds", "4", "--answer-seconds", "2", "--seconds", "40"]

KEY = """
import numpy as np

from coursework.grader.question import Essay, Question

def _draw_step(rng):
    H = int(rng.integers(2, 6))
    return rng.normal(size=(H, H)), rng.uniform(-1, 1, H)

QUESTIONS = [
    Question(
        name="step",
        points=10,
        objective="Run one step.",
        right=lambda W, h: np.tanh(W @ h),
        draw=_draw_step,
        mistakes={
            "W is transposed.": lambda W, h: np.tanh(W.T @ h),
            "the tanh is missing.": lambda W, h: W @ h,
        },
    ),
    Question(
        name="total",
        points=5,
        objective="Sum over time.",
        right=lambda dh: dh.sum(axis=0),
        draw=lambda rng: (rng.normal(size=tuple(rng.integers(2, 7, 2))),),
        mistakes={"the gradient is not accumulated over time.": lambda dh: dh[-1]},
    ),
    Question(name="slope", points=2, objective="Know the slope.", right=0.25, mistakes={"that is tanh's.": 1.0}),
]
ESSAYS = [
    Essay(
        name="essay",
        points=4,
        prompt="Why?",
        rubric={"0: restates": "No reason.", "4: names the mechanism": "Products."},
        model="A product of many factors below one is next to nothing, as everybody can see.",
    ),
]
"""

STEP = "def step(W, h):\n    return np.tanh(W @ h)"
WRONG_STEP = "def step(W, h):\n    return np.tanh(W.T @ h)"
TOTAL = "def total(dh):\n    return dh.sum(axis=0)"
SLOPE = "slope = 0.25"
IMPORT = "import numpy as np\nfrom course_utils.checks import check"
ESSAY = "Because of *products*. <script>alert(1)</script>"
RIGHT = [IMPORT, STEP, TOTAL, SLOPE]


def _cell(kind, source, grade_id, **details):
    cell = nbformat.v4.new_code_cell(source) if kind == "code" else nbformat.v4.new_markdown_cell(source)
    flags = {"grade": False, "solution": False, "locked": False, "schema_version": 3, "task": False, **details}
    cell.metadata["nbgrader"] = {"grade_id": grade_id, **flags}
    return cell


def _solution(source):
    first, rest = source.split("\n", 1) if "\n" in source else ("", source)
    return f"{first}\n    ### BEGIN SOLUTION\n{rest}\n    ### END SOLUTION".lstrip("\n").replace(
        "    ### ", "    ### " if first else "### "
    )


def marker_of(folder, more, rounds):
    """A Marker of ps0 with further questions, `more` being what is written below its key; seed 7."""
    assignment = load("ps0", write_assignment(folder, KEY + more))
    return Marker(assignment, draw(assignment, 7, rounds))


def write_assignment(folder, key=KEY):
    """ps0 as an instructor writes it: folder/ps0/questions.py and ps0.ipynb."""
    place = folder / "ps0"
    place.mkdir(parents=True, exist_ok=True)
    (place / "questions.py").write_text(key, encoding="utf-8")
    cells = [_cell("code", IMPORT, "ps0_import", locked=True)]
    for name, source, points in (("step", STEP, 10), ("total", TOTAL, 5), ("slope", SLOPE, 2)):
        cells.append(_cell("markdown", f"## {name}", f"ps0_{name}_text", locked=True))
        cells.append(_cell("code", _solution(source), f"ps0_{name}_answer", solution=True))
        hidden = f"### BEGIN HIDDEN TESTS\nassert {name} is not None, 'hidden test of {name}'\n### END HIDDEN TESTS"
        cells.append(_cell("code", f"{name}\n{hidden}", f"ps0_{name}", grade=True, locked=True, points=points))
    cells.append(_cell("markdown", "## Why?", "ps0_essay_prompt", locked=True))
    model = "### BEGIN SOLUTION\nA product of many factors below one is next to nothing.\n### END SOLUTION"
    cells.append(_cell("markdown", model, "ps0_essay", grade=True, solution=True, points=4))
    nbformat.write(nbformat.v4.new_notebook(cells=cells), place / "ps0.ipynb")
    return folder


def notebook_of(sources, essay=ESSAY, metadata=None):
    """A submission as text: code cells without any of nbgrader's metadata, and the essay with it."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    cells += [
        nbformat.v4.new_markdown_cell("## Why?"),
        _cell("markdown", essay, "ps0_essay", grade=True, solution=True),
    ]
    return nbformat.writes(nbformat.v4.new_notebook(cells=cells, metadata=metadata or {}))


def submit(folder, student, sources, name="ps0.ipynb", **options):
    """Lay a submission into nbgrader's layout. `sources` is a list of code cells, or the file's text or bytes."""
    place = folder / student / "ps0"
    place.mkdir(parents=True, exist_ok=True)
    content = notebook_of(sources, **options) if isinstance(sources, list) else sources
    (place / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return place / name


def grader(submitted, out, key, *more, workers=0, seed=7):
    """The grader's command line."""
    words = [sys.executable, "-m", "coursework.grader", submitted, "ps0", "--key", key, "--out", out, "--seed", seed]
    return [str(word) for word in [*words, "--workers", workers, *SECONDS, *more]]


def graded_here(*arguments, **options):
    """Run the grader in this process, where the submissions are harmless."""
    from coursework.grader import __main__ as command

    assert command.main(grader(*arguments, **options)[3:]) == 0


def guarded(command, seconds=200, **options):
    """Run a command under a guard of its own: should every cap of the grader fail, this machine still stands.

    The guard caps the size of files and of each process, ends everything after `seconds`, and at once if there are more
    than 400 processes or little memory is left. Returns the finished process, with its output as text.
    """
    caps = ["prlimit", "--fsize=1000000000", "--as=17179869184", "--core=0"]
    process = subprocess.Popen(
        [*caps, *command],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", **options.pop("env", {})},
    )
    barked = []

    def watch():
        end = time.monotonic() + seconds
        while process.poll() is None:
            alive = sandbox.descendants(process.pid)
            if len(alive) > 400 or sandbox.available() < 0.1 or time.monotonic() > end:
                barked.append(f"the guard ended it: {len(alive)} processes, {sandbox.available():.0%} memory free")
                for pid in [process.pid, *alive]:
                    try:
                        os.kill(pid, 9)
                    except ProcessLookupError:
                        pass
            time.sleep(0.1)

    guard = threading.Thread(target=watch)
    guard.start()
    output, errors = process.communicate()
    guard.join()
    assert not barked, [*barked, errors]
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


def reply_of(assignment, answers):
    """What comes out of the sandbox: a line for each room, with the answers to its questions."""
    derived = [name for name, question in assignment.questions.items() if question.derive]
    lines = [{"answers": {name: answer for name, answer in answers.items() if name not in derived}, "cells": {}}]
    if derived:
        lines.append({"answers": {name: answer for name, answer in answers.items() if name in derived}, "cells": {}})
    return "\n".join(map(json.dumps, lines))


def marks(out):
    """{student: row of the marks' table}."""
    with open(Path(out) / "marks" / "ps0.csv", newline="", encoding="utf-8") as file:
        return {row["student_id"]: row for row in csv.DictReader(file)}


def points(row):
    """(step, total, slope) of a row, as numbers."""
    return tuple(float(row[name]) for name in ("ps0_step", "ps0_total", "ps0_slope"))


def feedback(out, student):
    """A student's feedback in Markdown, without its escapes."""
    return (Path(out) / "feedback" / student / "ps0" / "ps0.md").read_text(encoding="utf-8").replace("\\", "")


def errors(out, student):
    """What the instructor's table says of a student's failures, which the feedback leaves out."""
    with open(Path(out) / "marks" / "ps0_errors.csv", newline="", encoding="utf-8") as file:
        return "\n".join(row["error"] for row in csv.DictReader(file) if row["student"] == student)


def runs(out):
    """{file: when it was written} of the stored runs."""
    return {path.name: path.stat().st_mtime_ns for path in (Path(out) / "runs" / "ps0").glob("*.json")}


def edited(text, change):
    """A notebook's text after change(notebook as data)."""
    data = json.loads(text)
    change(data)
    return json.dumps(data)
