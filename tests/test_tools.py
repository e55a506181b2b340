"""The commands that write: outputs of lessons, copies of heads, a new lesson."""

import copy
import os
import re
import shutil
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tests.notebook import LESSONS, ROOT, code_cells, read
from tools import heads, new_lesson, pace

NOT_COPIED = shutil.ignore_patterns(".git", ".venv", ".*_cache", ".hypothesis", "__pycache__", "*.egg-info", "graded")


def write(path, *sources):
    notebook = new_notebook(cells=[new_markdown_cell("# Title"), *map(new_code_cell, ["pass", *sources])])
    notebook.metadata = {"volatile": 1}
    nbformat.write(notebook, path)


def run(*paths):
    command = [sys.executable, "-m", "tools.notebooks", *map(str, paths)]
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


# ---------------------------------------------------------------------------------------------------------------------
# Heads and their copies


@pytest.fixture
def course(tmp_path):
    """A copy of the course, to write in."""
    return shutil.copytree(ROOT, tmp_path / "course", ignore=NOT_COPIED)


def change(path, before, after):
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")


def test_a_fork_changes_the_address_once(course):
    change(course / "pyproject.toml", heads.project()["urls"]["Repository"], "https://example.org/fork")
    written = heads.write(course)
    notebooks = [*course.glob("notebooks/*.ipynb"), *course.glob("coursework/ps*/*.ipynb")]
    assert len(notebooks) >= 14 and set(written) == {*notebooks, course / "CITATION.cff"}
    assert all("https://example.org/fork" in code_cells(read(path))[0].source for path in notebooks)
    assert 'repository-code: "https://example.org/fork"' in (course / "CITATION.cff").read_text(encoding="utf-8")
    assert heads.write(course) == []


def test_a_changed_head_reaches_both_maps_and_nothing_else(course):
    path = course / "notebooks" / LESSONS[3].name
    question, minutes = heads.head_of(path).question, heads.head_of(path).minutes
    change(path, question, "Is this new?")
    change(path, f"*{minutes} minutes.", "*99 minutes.")
    assert {file.name for file in heads.write(course)} == {"README.md", LESSONS[0].name, path.name}
    assert heads.head_of(path).minutes == minutes
    row = rf"^\| \[03\]\((notebooks/)?{path.name}\) \| Is this new\? \| {minutes} \|$"
    start = "\n".join(cell.source for cell in read(course / "notebooks" / LESSONS[0].name).cells)
    for text in ((course / "README.md").read_text(encoding="utf-8"), start):
        assert len(re.findall(row, text, re.M)) == 1


def test_minutes_follow_what_a_lesson_holds():
    """Ten more exercises are fifty more minutes; what is folded as a solution is none."""
    notebook = copy.deepcopy(read(LESSONS[3]))
    before = pace.minutes(notebook)
    notebook.cells.append(new_markdown_cell("<details><summary>A solution</summary>\n" + 2000 * "word "))
    notebook.cells[-1].source += "\n</details>"
    assert pace.minutes(notebook) == before
    for n in range(10):
        notebook.cells.append(new_code_cell(f'check("{n}", ...)'))
    assert pace.minutes(notebook) - before in (50, 55)  # the lines of code count as well


def test_drawing_is_told_from_computing():
    cells = [
        "first = 1",
        "a = 1\nb = 2\nc = 3",
        "figures.curves(\n    a\n)",
        "guess = widgets.predict('?', number=(0, 1))",
    ]
    notebook = new_notebook(cells=[new_code_cell(source) for source in cells])
    assert pace.drawing_share(notebook) == pytest.approx(3 / 7)


@pytest.mark.parametrize(("before", "after"), [("# 03 · ", "# 3: "), ("Builds on", "After"), ("# 03", "# 04")])
def test_a_head_without_its_parts_is_named(course, before, after):
    path = course / "notebooks" / LESSONS[3].name
    change(path, before, after)
    with pytest.raises(ValueError, match=path.name):
        heads.write(course)


def test_a_lost_map_is_named(course):
    change(course / "README.md", heads.MAP[0], "")
    with pytest.raises(ValueError, match="map"):
        heads.write(course)


# ---------------------------------------------------------------------------------------------------------------------
# A new lesson


def files(folder):
    """{path: bytes} of all files of a course."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.relative_to(folder).parts[0].startswith(".")
    }


def test_a_new_lesson_passes_from_the_start_and_needs_no_list(course):
    """Three new files, two maps that `make heads` writes, and no other file touched."""
    number = f"{max(int(path.name[:2]) for path in LESSONS) + 1:02d}"
    name, before = f"{number}_example", files(course)
    environment = {**os.environ, "PYTHONPATH": str(course)}

    def python(*arguments):
        run = subprocess.run(
            [sys.executable, "-m", *arguments], cwd=course, env=environment, capture_output=True, text=True
        )
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout

    python("tools.new_lesson", name)
    after = files(course)
    new = set(after) - set(before)
    assert new == {
        f"notebooks/{name}.ipynb",
        f"course_utils/checks/lesson_{number}.py",
        f"tests/lessons/test_lesson_{number}.py",
    }
    changed = {path for path in before if after[path] != before[path]}
    assert changed == {"README.md", f"notebooks/{LESSONS[0].name}"}
    python("ruff", "check", *new)
    python("ruff", "format", "--check", *new)
    chosen = f"lesson_{number} or {name} or ({number} and half)"
    tests = f"tests/lessons/test_lesson_{number}.py", "tests/lessons/test_checks.py", "tests/test_house.py"
    said = python("pytest", "-p", "no:cacheprovider", "-k", chosen, *tests)
    assert int(re.search(r"(\d+) passed", said)[1]) >= 15, said


@pytest.mark.parametrize("name", ["example", "10", "10-example", "10_Example", "../10_example"])
def test_a_lesson_has_two_digits_and_small_letters(name, tmp_path):
    with pytest.raises(ValueError, match="10_example"):
        new_lesson.create(name, tmp_path)


def test_a_taken_number_is_left_alone():
    before = files(ROOT / "notebooks")
    with pytest.raises(ValueError, match="there already"):
        new_lesson.create("03_again")
    assert files(ROOT / "notebooks") == before
