"""The student edition: all that students need, and a gate that nothing else passes."""

import os
import shutil
import subprocess
import sys

import nbformat
import pytest

from coursework.grader.student import LeakError, build
from tests.coursework.material import write_assignment
from tests.notebook import ROOT

MODEL = "A product of many factors below one is next to nothing, as everybody can see."


@pytest.fixture
def course(tmp_path):
    """A small course with the assignment ps0, to plant things in."""
    root = tmp_path / "course"
    shutil.copytree(ROOT / "course_utils", root / "course_utils")
    shutil.copytree(ROOT / "data", root / "data")
    for name in ("LICENSE", "pyproject.toml", "requirements.txt", "environment.yml"):
        shutil.copy(ROOT / name, root / name)
    (root / "notebooks").mkdir()
    shutil.copy(ROOT / "notebooks" / "01_sigmoid_rnn.ipynb", root / "notebooks")
    (root / ".git").mkdir()
    (root / ".git" / "HEAD").write_text("ref: refs/heads/main")
    (root / "tests").mkdir()
    write_assignment(root / "coursework")
    (root / "coursework" / "grader").mkdir()
    (root / "coursework" / "grader" / "sandbox.py").write_text("")
    return root


def change(path, edit):
    """Edit a notebook's cells in place."""
    notebook = nbformat.read(path, as_version=4)
    edit(notebook.cells)
    nbformat.write(notebook, path)


def test_what_is_in_it(course, tmp_path):
    files = {str(path) for path in build(tmp_path / "out", course)}
    assert {"README.md", "coursework/ps0/ps0.ipynb", "notebooks/01_sigmoid_rnn.ipynb", "requirements.txt"} <= files
    assert {path for path in files if path.startswith("coursework/")} == {"coursework/ps0/ps0.ipynb"}
    assert not any(path.startswith((".git", "tests")) or "__pycache__" in path for path in files)
    cells = nbformat.read(tmp_path / "out" / "coursework" / "ps0" / "ps0.ipynb", as_version=4).cells
    words = "\n".join(cell.source for cell in cells)
    assert "def step(W, h):\n    ..." in words and "NotImplementedError" not in words
    assert "YOUR ANSWER HERE" in words
    assert {cell.metadata.nbgrader.grade_id for cell in cells} >= {"ps0_step", "ps0_step_answer", "ps0_essay"}
    for secret in ("SOLUTION", "HIDDEN", "hidden test", "next to nothing", "np.tanh(W @ h)"):
        assert secret not in words


def test_the_edition_runs(course, tmp_path):
    build(tmp_path / "out", course)
    code = "from course_utils.checks import check; import course_utils; print(course_utils.__file__)"
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path / "out",
        env={**os.environ, "PYTHONPATH": str(tmp_path / "out")},
        capture_output=True,
        text=True,
    )
    assert run.stdout.startswith(str(tmp_path / "out")), run.stderr


def _in_lesson(words, kind="markdown"):
    def plant(course):
        make = nbformat.v4.new_markdown_cell if kind == "markdown" else nbformat.v4.new_code_cell
        change(course / "notebooks" / "01_sigmoid_rnn.ipynb", lambda cells: cells.append(make(words)))

    return plant


def _in_output(course):
    def edit(cells):
        cell = next(cell for cell in cells if cell.cell_type == "code")
        cell.outputs = [nbformat.v4.new_output("stream", text=MODEL)]

    change(course / "notebooks" / "01_sigmoid_rnn.ipynb", edit)


def _file(name, source=None):
    def plant(course):
        path = course / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source or (course / "coursework" / "ps0" / "key.py").read_text())

    return plant


PLANTED = {
    "solution marker": (_in_lesson("### BEGIN SOLUTION\nx\n### END SOLUTION"), "the marker BEGIN SOLUTION"),
    "hidden test marker": (_in_lesson("x\n### BEGIN HIDDEN TESTS", "code"), "the marker BEGIN HIDDEN TESTS"),
    "mark scheme": (_file("course_utils/notes.py", "### BEGIN MARK SCHEME\n"), "the marker BEGIN MARK SCHEME"),
    "model answer": (_in_lesson(f"Note to self: {MODEL}"), "a model answer"),
    "model answer in pieces": (_in_lesson(MODEL.replace(" ", "\n  ")), "a model answer"),
    "model answer in an output": (_in_output, "a model answer"),
    "model answer in data": (_file("data/notes.txt", MODEL), "a model answer"),
    "key file": (_file("course_utils/key.py"), "a file for instructors"),
    "key under another name": (_file("course_utils/helper.py"), "a key"),
    "grader": (_file("course_utils/grader/sandbox.py", "x = 1\n"), "a file for instructors"),
    "code of the grader": (_file("course_utils/x.py", "from coursework.grader import plain\n"), "code of the grader"),
    "gradebook": (_file("data/gradebook.db", "x"), "a file for instructors"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_the_gate_refuses(name, course, tmp_path):
    plant, words = PLANTED[name]
    plant(course)
    with pytest.raises(LeakError, match=words):
        build(tmp_path / "out", course)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("secret", ["assert step is not None, 'hidden test of step'", "    return dh.sum(axis=0)"])
def test_the_gate_knows_single_lines_in_the_assignment(secret, course, tmp_path):
    """A hidden test or a solution that was pasted where no marker is, after the cleaning."""
    from coursework.grader import student

    def careless(assignment, clean=student.released):
        notebook = clean(assignment)
        notebook.cells[0].source += "\n" + secret
        return notebook

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(student, "released", careless)
        with pytest.raises(LeakError, match="a line of a solution"):
            build(tmp_path / "out", course)


@pytest.mark.parametrize("cleaner", ["ClearSolutions", "ClearHiddenTests"])
def test_the_gate_notices_a_missing_cleaner(cleaner, course, tmp_path, monkeypatch):
    from coursework.grader import student

    rest = tuple(one for one in student.CLEANERS if type(one).__name__ != cleaner)
    assert len(rest) == len(student.CLEANERS) - 1
    monkeypatch.setattr(student, "CLEANERS", rest)
    with pytest.raises(LeakError, match="the marker BEGIN"):
        build(tmp_path / "out", course)


def test_it_overwrites_nothing(course, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("x")
    with pytest.raises(ValueError, match=r"out: .* not an empty folder"):
        build(tmp_path / "out", course)
