"""The command that writes the lessons' outputs."""

import subprocess
import sys

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tests.notebook import ROOT, code_cells, read


def write(path, *sources):
    notebook = new_notebook(cells=[new_markdown_cell("# Title"), *map(new_code_cell, ["pass", *sources])])
    notebook.metadata = {"volatile": 1}
    nbformat.write(notebook, path)


def run(*paths):
    command = [sys.executable, str(ROOT / "tools" / "notebooks.py"), *map(str, paths)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


def test_two_runs_write_the_same_bytes(tmp_path):
    path = tmp_path / "lesson.ipynb"
    write(path, "print(6 * 7)", "import random\nrandom.random() < 2")
    assert run(path).returncode == 0
    first = path.read_bytes()
    assert code_cells(read(path))[1].outputs[0].text == "42\n"
    assert run(path).returncode == 0
    assert path.read_bytes() == first
    assert b"volatile" not in first and b'execution"' not in first


def test_what_a_cell_prints_is_one_output_however_long_it_takes(tmp_path):
    path = tmp_path / "lesson.ipynb"
    write(path, "import time\nfor i in range(3):\n    print(i, flush=True)\n    time.sleep(0.3)")
    assert run(path).returncode == 0
    assert [output.text for output in code_cells(read(path))[1].outputs] == ["0\n1\n2\n"]


def test_a_failing_lesson_is_named_and_left_as_it_was(tmp_path):
    good, bad = tmp_path / "good.ipynb", tmp_path / "bad.ipynb"
    write(good, "1 + 1")
    write(bad, "1 / 0")
    before = bad.read_bytes()
    result = run(good, bad)
    assert result.returncode == 1
    assert "bad.ipynb" in result.stderr and "ZeroDivisionError" in result.stderr
    assert bad.read_bytes() == before
    assert code_cells(read(good))[1].outputs
