"""The commands that write: outputs of lessons, copies of heads, a new lesson, copies to work in."""

import copy
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tests.notebook import LESSONS, ROOT, code_cells, read
from tools import heads, new_lesson, notebooks, pace, views, working_copies
from tools.bench_widgets import PEER
from tools.views import VIEW

ASSIGNMENTS = [path for path in sorted(ROOT.glob("coursework/*/*.ipynb")) if path.stem == path.parent.name]
NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv", ".*_cache", ".hypothesis", "__pycache__", "*.egg-info", "graded", "my_lessons", "build"
)


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


def test_a_new_cell_changes_no_other_ones_id(tmp_path):
    path = tmp_path / "lesson.ipynb"
    write(path, "1", "2", "3")
    notebook = notebooks.normalise(read(path))
    before = {cell.source: cell.id for cell in notebook.cells}
    assert list(before.values()) == [f"cell-{i}" for i in range(5)]
    pasted = copy.deepcopy(notebook.cells[-1])  # as a merge leaves it: the same id twice
    pasted.source = "4"
    notebook.cells = [*notebook.cells[:2], new_code_cell("0"), *notebook.cells[:1:-1], pasted]
    after = {cell.source: cell.id for cell in notebooks.normalise(notebook).cells}
    assert {source: after[source] for source in before} == before  # one was put between, three have changed places
    assert {after["0"], after["4"]} == {"cell-5", "cell-6"}


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
# Explorers and answers, as they are stored

PICTURES = """\
import numpy as np

from course_utils import figures, widgets

ax = figures.curves({"GRU": [1, 2]}, title="t", xlabel="x", ylabel="y")
figures.show(ax, alt="One two three four five six seven %s.")"""
EXPLORER = """\
from course_utils import widgets

widgets.explore(lambda a: (widgets.curves({"GRU": [0, a]}, title="Lines"), f"It ends at {a:g}."), a=[1, 2])"""
GUESS = 'widgets.predict("Which?", choices=["one", "two"]).compare("two")'
WORDS = "print('an answer\\nin words: 3 < 4')"
NBVAL = (
    f"--nbval --nbval-current-env --nbval-sanitize-with={ROOT}/tests/nbval_sanitize.cfg -p tests.nbval_stored".split()
)


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A lesson with an explorer, a figure, and both as answers, after its outputs were written."""
    path = tmp_path_factory.mktemp("stored") / "lesson.ipynb"
    write(path, EXPLORER, PICTURES % "eight", EXPLORER, PICTURES % "nine", WORDS, GUESS)
    notebook = read(path)
    for cell in code_cells(notebook)[3:]:
        cell.metadata["tags"] = ["answer"]
    nbformat.write(notebook, path)
    assert run(path).returncode == 0
    return path


def compared(path):
    """What nbval says to it."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *NBVAL, str(path)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_a_stored_explorer_is_its_poster(stored):
    (output,) = code_cells(read(stored))[1].outputs
    assert set(output.data) == {"text/plain", "image/png", VIEW}  # a view would be an error where nothing runs
    words = "Lines. At a = 2: It ends at 2. Run this cell to move the figure."
    assert output.metadata["image/png"]["alt"] == words and output.data["text/plain"] == f"Figure: {words}"
    kind, state = views.unpack(output.data[VIEW])
    assert kind == "course_utils.widgets.Explorer" and state["at"] == [1]
    assert np.frombuffer(state["frames"]["numbers"], "<f4").tolist() == [0, 1, 0, 2]
    before = stored.read_bytes()
    assert run(stored).returncode == 0
    assert stored.read_bytes() == before


def test_answers_are_stored_under_a_cover(stored):
    explorer, figure, covered_explorer, covered_figure, words, guess = code_cells(read(stored))[1:]
    cover = "<details><summary>Uncover what was measured</summary>"
    assert all(output.data["text/html"].startswith(cover) for output in guess.outputs)
    assert "Measured: two." in guess.outputs[-1].data["text/html"]
    for bare, covered in ((explorer, covered_explorer), (figure, covered_figure)):
        html = covered.outputs[0].data["text/html"]
        assert html.startswith("<details><summary>Uncover what was measured</summary><figure")
        assert html.endswith("</figure></details>") and "text/html" not in bare.outputs[0].data
        assert "image/png" in bare.outputs[0].data and "image/png" not in covered.outputs[0].data
        assert (VIEW in covered.outputs[0].data) == (VIEW in bare.outputs[0].data)
    assert [words.outputs[0].data] == [{"text/html": f"{cover}<pre>an answer\nin words: 3 &lt; 4\n</pre></details>"}]
    assert notebooks.printed(words.outputs[0]) == "an answer\nin words: 3 < 4\n"
    notebook = read(stored)
    assert notebooks.normalise(copy.deepcopy(notebook)) == notebook  # one cover is enough


def test_what_is_stored_holds_against_a_fresh_run_and_no_other_words_do(stored, tmp_path):
    result = compared(stored)
    assert result.returncode == 0, result.stdout
    text, other = stored.read_text(encoding="utf-8"), tmp_path / "lesson.ipynb"
    for before, after in (
        ('alt=\\"One two three four five six seven nine', 'alt=\\"Nine'),
        ("It ends at 2.", "It ends at 3."),
        ("in words: 3 &lt; 4", "in words: 3 &lt; 5"),
    ):
        assert before in text
        text = text[::-1].replace(before[::-1], after[::-1], 1)[::-1]  # the last one, which lies under the cover
    other.write_text(text, encoding="utf-8")
    assert re.search("^=+ 3 failed, 4 passed", compared(other).stdout, re.M)


# ---------------------------------------------------------------------------------------------------------------------
# Copies to work in


@pytest.fixture
def lessons(tmp_path):
    """A folder of two lessons with outputs, and an empty place for the copies."""
    source = tmp_path / "notebooks"
    source.mkdir()
    for name in ("00_a", "01_b"):
        lesson(source / f"{name}.ipynb", f"print('{name}')")
    return source, tmp_path / "my_lessons"


def lesson(path, source, **output):
    cell = new_code_cell(
        source,
        execution_count=3,
        metadata={"tags": ["answer"], "execution": {"iopub.status.idle": "2026-01-01T00:00:00Z"}},
    )
    cell.outputs = [nbformat.v4.new_output("stream", text=output.get("says", "the answer\n"))]
    nbformat.write(new_notebook(cells=[new_markdown_cell("# Title"), cell]), path)


def texts(folder):
    """{file: the source of its code cell}."""
    return {path.name: code_cells(read(path))[0].source for path in sorted(folder.glob("*.ipynb"))}


def work(path, source="mine = 1"):
    notebook = read(path)
    code_cells(notebook)[0].source = source
    nbformat.write(notebook, path)


def test_copies_hold_the_lesson_and_no_answer(lessons):
    source, folder = lessons
    assert working_copies.refresh(source.parent, folder) == []
    assert texts(folder) == {"00_a.ipynb": "print('00_a')", "01_b.ipynb": "print('01_b')"}
    for path in folder.glob("*.ipynb"):
        notebook = read(path)
        nbformat.validate(notebook)
        assert "the answer" not in path.read_text(encoding="utf-8")
        cell = code_cells(notebook)[0]
        assert (cell.outputs, cell.execution_count, cell.metadata) == ([], None, {"tags": ["answer"]})


def test_every_lesson_and_every_assignment_is_copied_without_outputs_and_answers(tmp_path):
    working_copies.refresh(ROOT, tmp_path)
    assert {path.name for path in tmp_path.glob("*.ipynb")} == {path.name for path in [*LESSONS, *ASSIGNMENTS]}
    assert len(ASSIGNMENTS) == 6
    for path in tmp_path.glob("*.ipynb"):
        assert not any(cell.outputs for cell in code_cells(read(path)))
        text = path.read_text(encoding="utf-8")
        assert "### BEGIN" not in text and "### END" not in text


def links(path):
    """Where a notebook or page leads, other than into the net, itself and its own pictures."""
    whole = path.suffix == ".md"
    text = path.read_text(encoding="utf-8") if whole else "\n".join(cell.source for cell in read(path).cells)
    found = re.findall(r"\]\(([^)\s]+)|(?:href|src)=[\"']?([^\"'\s>]+)", text)
    return [link for link in map("".join, found) if not re.match(r"https?:|#|data:|attachment:", link)]


def test_no_link_of_a_copy_leads_to_the_courses_own_notebooks(tmp_path):
    """Work there gets in the way of the next `git pull`. Pages are copied, too, and lead to the same headings."""
    working_copies.refresh(ROOT, tmp_path)
    found = {path.name: links(path) for path in tmp_path.iterdir() if path.suffix in (".ipynb", ".md")}
    assert {"questions.md", "probed.md"} <= set(found) and "questions.md" in found[LESSONS[0].name]
    assert [link for links in found.values() for link in links if link.split("#")[0] not in found] == []
    assert len(links(ROOT / "docs" / "questions.md")) == len(found["questions.md"]) > 20
    assert sum("#" in link for link in found["questions.md"]) > 20


def test_a_page_follows_the_course_and_keeps_what_a_student_wrote_into_it(lessons):
    source, folder = lessons
    lesson(source / "00_a.ipynb", "# [pages](../docs/a-page.md)")
    docs = source.parent / "docs"
    docs.mkdir()
    (docs / "a-page.md").write_text("See [b](../notebooks/01_b.ipynb#Title) and [the other](other.md).")
    (docs / "other.md").write_text("Back to [this](a-page.md); nobody copies [that](missing.md).")
    (docs / "unread.md").write_text("No lesson leads here.")

    def pages():
        return {path.name: path.read_text() for path in folder.glob("*.md")}

    assert working_copies.refresh(source.parent, folder) == []
    assert set(pages()) == {"a-page.md", "other.md"}
    assert pages()["a-page.md"] == "See [b](01_b.ipynb#Title) and [the other](other.md)."
    assert texts(folder)["00_a.ipynb"] == "# [pages](a-page.md)"
    (docs / "a-page.md").write_text("[The other](other.md), new.")
    assert working_copies.refresh(source.parent, folder) == []
    assert pages()["a-page.md"] == "[The other](other.md), new."
    (folder / "a-page.md").write_text("mine")
    (docs / "a-page.md").write_text("[The other](other.md), newer.")
    assert "a-page-2.md" in "".join(working_copies.refresh(source.parent, folder))
    assert (pages()["a-page.md"], pages()["a-page-2.md"]) == ("mine", "[The other](other.md), newer.")


@pytest.mark.parametrize("path", ASSIGNMENTS, ids=lambda path: path.stem)
def test_a_copy_of_an_assignment_is_what_the_student_edition_has(path):
    """nbgrader, which makes the edition, is the oracle; it isn't installed where students work in a clone."""
    pytest.importorskip("nbgrader")
    from coursework.grader.assignment import load
    from coursework.grader.student import released

    copied = nbformat.reads(working_copies.originals(ROOT)[path.name].decode(), as_version=4)
    assert copied == released(load(path.stem))
    once = nbformat.writes(released(load(path.stem))).encode()
    assert json.loads(working_copies.unsolved(once)) == json.loads(once)  # `make lab` in the edition itself


def test_a_student_who_works_in_a_clone_pulls_a_changed_assignment_and_keeps_the_work(tmp_path):
    """What `make lab` and `make update` do, with a clone of the course as it is, keys included."""
    theirs, mine = tmp_path / "theirs", tmp_path / "mine"

    def git(place, *arguments):
        command = ["git", "-C", str(place), "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def copied():
        command = [sys.executable, "-m", "tools.working_copies"]
        return subprocess.run(command, cwd=mine, check=True, capture_output=True, text=True).stdout

    shutil.copytree(ROOT / "coursework", theirs / "coursework", ignore=shutil.ignore_patterns("grader", "__pycache__"))
    shutil.copytree(ROOT / "tools", theirs / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".gitignore", theirs)
    git(theirs, "init", "-q", "--initial-branch=main")
    git(theirs, "add", "--all")
    git(theirs, "commit", "-qm", "one")
    git(tmp_path, "clone", "-q", str(theirs), str(mine))
    assert "assignments are in my_lessons/" in copied()
    work(mine / "my_lessons" / "ps1.ipynb", "mine = 1")
    for name in ("ps1", "ps2"):
        work(theirs / "coursework" / name / f"{name}.ipynb", "theirs = 1")
    git(theirs, "commit", "-qam", "two")
    assert git(mine, "status", "--porcelain") == ""
    git(mine, "pull", "-q", "--ff-only")
    said = copied()
    assert said == "ps1.ipynb has changed since you got it. Yours is as it was, the new one is ps1-2.ipynb.\n"
    held = texts(mine / "my_lessons")
    assert held == held | {"ps1.ipynb": "mine = 1", "ps1-2.ipynb": "theirs = 1", "ps2.ipynb": "theirs = 1"}
    assert git(mine, "status", "--porcelain") == "" and "ps2-2.ipynb" not in held


def test_a_second_time_changes_nothing(lessons):
    source, folder = lessons
    working_copies.refresh(source.parent, folder)
    work(folder / "00_a.ipynb")
    before = files(folder)
    assert working_copies.refresh(source.parent, folder) == []
    assert files(folder) == before


def test_a_copy_that_was_only_opened_follows_the_course(lessons):
    source, folder = lessons
    working_copies.refresh(source.parent, folder)
    notebook = read(folder / "00_a.ipynb")
    notebook.metadata["language_info"] = {"name": "python", "version": "3.13"}  # JupyterLab writes this by itself
    nbformat.write(notebook, folder / "00_a.ipynb")
    lesson(source / "00_a.ipynb", "print('new')")
    assert working_copies.refresh(source.parent, folder) == []
    assert texts(folder)["00_a.ipynb"] == "print('new')"


def test_a_new_version_of_the_course_is_no_new_lesson(lessons):
    """The first cell names the version. A copy that somebody works in gets no twin for that alone."""
    source, folder = lessons
    first = 'version = "{}"\nmachine.prepare(version)'
    for name in ("00_a", "01_b"):
        lesson(source / f"{name}.ipynb", first.format("0.1.0"))
    working_copies.refresh(source.parent, folder)
    notebook = read(folder / "00_a.ipynb")
    notebook.cells.append(new_code_cell("mine = 1"))
    nbformat.write(notebook, folder / "00_a.ipynb")
    for name in ("00_a", "01_b"):
        lesson(source / f"{name}.ipynb", first.format("0.2.0"))
    for _ in range(2):
        assert working_copies.refresh(source.parent, folder) == []
        assert texts(folder) == {"00_a.ipynb": first.format("0.1.0"), "01_b.ipynb": first.format("0.2.0")}
    assert code_cells(read(folder / "00_a.ipynb"))[-1].source == "mine = 1"
    lesson(source / "01_b.ipynb", first.format("0.3.0") + "\nprint(1)")  # an untouched one follows all the same
    lesson(source / "00_a.ipynb", "print('new')")
    assert "00_a-2.ipynb" in "".join(working_copies.refresh(source.parent, folder))
    assert texts(folder) == {
        "00_a.ipynb": first.format("0.1.0"),
        "00_a-2.ipynb": "print('new')",
        "01_b.ipynb": first.format("0.3.0") + "\nprint(1)",
    }


def test_what_a_student_adds_to_the_first_cell_stays(lessons):
    source, folder = lessons
    first = 'version = "{}"\nmachine.prepare(version)'
    lesson(source / "00_a.ipynb", first.format("0.1.0"))
    working_copies.refresh(source.parent, folder)
    work(folder / "00_a.ipynb", first.format("0.1.0") + "\nimport scipy")
    lesson(source / "00_a.ipynb", first.format("0.2.0"))
    assert working_copies.refresh(source.parent, folder) == []
    assert texts(folder)["00_a.ipynb"].endswith("import scipy") and len(texts(folder)) == 2


@pytest.mark.parametrize("how", ["changed", "run", "broken"])
def test_what_a_student_has_done_stays_and_the_new_version_comes_beside_it(lessons, how):
    source, folder = lessons
    working_copies.refresh(source.parent, folder)
    mine = folder / "00_a.ipynb"
    if how == "changed":
        work(mine)
    elif how == "run":
        lesson(mine, "print('00_a')", says="what I got")
    else:
        mine.write_text("{")
    kept = mine.read_bytes()
    lesson(source / "00_a.ipynb", "print('00_a')", says="another answer")  # the same lesson, measured anew
    assert working_copies.refresh(source.parent, folder) == []
    lesson(source / "00_a.ipynb", "print('new')")
    (said,) = working_copies.refresh(source.parent, folder)
    assert "00_a.ipynb" in said and "00_a-2.ipynb" in said and "\n" not in said
    assert mine.read_bytes() == kept
    assert code_cells(read(folder / "00_a-2.ipynb"))[0].source == "print('new')"
    assert working_copies.refresh(source.parent, folder) == [said]  # it waits there, until somebody works in it
    lesson(source / "00_a.ipynb", "print('newer')")  # nobody has touched the second one
    assert "00_a-2.ipynb" in working_copies.refresh(source.parent, folder)[0]
    assert code_cells(read(folder / "00_a-2.ipynb"))[0].source == "print('newer')"
    work(folder / "00_a-2.ipynb", "mine = 2")
    lesson(source / "00_a.ipynb", "print('newest')")
    assert "00_a-3.ipynb" in working_copies.refresh(source.parent, folder)[0]
    assert code_cells(read(folder / "00_a-2.ipynb"))[0].source == "mine = 2"
    assert mine.read_bytes() == kept
    work(folder / "00_a-3.ipynb", "mine = 3")
    assert working_copies.refresh(source.parent, folder) == []


def test_a_copy_thrown_away_comes_again(lessons):
    source, folder = lessons
    working_copies.refresh(source.parent, folder)
    (folder / "01_b.ipynb").unlink()
    assert working_copies.refresh(source.parent, folder) == []
    assert len(texts(folder)) == 2


def test_a_lesson_that_has_another_name_now_leaves_only_work_behind(lessons):
    source, folder = lessons
    working_copies.refresh(source.parent, folder)
    work(folder / "00_a.ipynb")
    for name in ("00_a", "01_b"):
        (source / f"{name}.ipynb").rename(source / f"{name}_anew.ipynb")
    working_copies.refresh(source.parent, folder)
    assert set(texts(folder)) == {"00_a.ipynb", "00_a_anew.ipynb", "01_b_anew.ipynb"}
    assert texts(folder)["00_a.ipynb"] == "mine = 1"


@pytest.mark.parametrize("record", [None, "", "[]", "{", '{"00_a.ipynb": 1}'])
def test_without_a_record_every_copy_counts_as_worked_in(lessons, record):
    source, folder = lessons
    working_copies.refresh(source.parent, folder)
    (folder / working_copies.RECORD).unlink()
    if record is not None:
        (folder / working_copies.RECORD).write_text(record)
    lesson(source / "00_a.ipynb", "print('new')")
    assert len(working_copies.refresh(source.parent, folder)) == 1
    assert texts(folder) == {
        "00_a.ipynb": "print('00_a')",
        "00_a-2.ipynb": "print('new')",
        "01_b.ipynb": "print('01_b')",
    }


@pytest.mark.parametrize("step", range(6))
@pytest.mark.parametrize("worked_in", [False, True])
def test_a_machine_that_stops_anywhere_loses_nothing(lessons, step, worked_in, monkeypatch):
    """Whatever write is the last one, half done, the next run brings everything up to date and keeps the work."""
    source, folder = lessons
    working_copies.refresh(source.parent, folder)
    if worked_in:
        work(folder / "00_a.ipynb")
    for name in ("00_a", "01_b"):
        lesson(source / f"{name}.ipynb", f"print('{name}, new')")
    calls, whole = [], os.replace

    def stops(temporary, path):
        calls.append(path)
        if len(calls) == step // 2 + 1:
            if step % 2:
                whole(temporary, path)
            raise KeyboardInterrupt
        whole(temporary, path)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(os, "replace", stops)
        working_copies.refresh(source.parent, folder)
    working_copies.refresh(source.parent, folder)
    new = {"00_a.ipynb": "print('00_a, new')", "01_b.ipynb": "print('01_b, new')"}
    if worked_in:
        new |= {"00_a.ipynb": "mine = 1", "00_a-2.ipynb": "print('00_a, new')"}
    assert texts(folder) == new
    assert len(working_copies.refresh(source.parent, folder)) == worked_in


def test_a_record_leads_to_no_file_elsewhere(lessons):
    """Not even one that somebody else has put there."""
    source, folder = lessons
    working_copies.refresh(source.parent, folder)
    elsewhere = source.parent / "mine.ipynb"
    lesson(elsewhere, "mine = 1")
    record = json.loads((folder / working_copies.RECORD).read_text())
    written = {name: working_copies._work(elsewhere.read_bytes()) for name in ("../mine.ipynb", str(elsewhere))}
    record["00_gone.ipynb"] = {"course": "", "copies": written}
    (folder / working_copies.RECORD).write_text(json.dumps(record))
    assert working_copies.refresh(source.parent, folder) == []
    assert elsewhere.exists()


def test_a_copy_is_whole_while_the_next_is_being_written(lessons, monkeypatch):
    source, folder = lessons
    working_copies.refresh(source.parent, folder)
    before = texts(folder)
    lesson(source / "00_a.ipynb", "print('new')")
    whole = Path.write_bytes

    def half(path, content):
        whole(path, content[: len(content) // 2])
        raise OSError("no space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="no space"):
        patch.setattr(Path, "write_bytes", half)
        working_copies.refresh(source.parent, folder)
    assert texts(folder) == before
    assert working_copies.refresh(source.parent, folder) == []
    assert texts(folder)["00_a.ipynb"] == "print('new')"


def test_two_at_once_do_not_take_each_others_files(lessons, monkeypatch):
    """`make lab` in two terminals: at every step of the one, the other goes through from its beginning to its end."""
    source, folder = lessons
    calm, both, whole = folder.with_name("calm"), [], os.replace
    working_copies.refresh(source.parent, calm)

    def meanwhile(temporary, path):
        if not both:
            both.append(path)
            working_copies.refresh(source.parent, folder)
            both.clear()
        whole(temporary, path)

    for words in ("as it came", "print('new')"):
        if words != "as it came":
            lesson(source / "00_a.ipynb", words)
            working_copies.refresh(source.parent, calm)
        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", meanwhile)
            assert working_copies.refresh(source.parent, folder) == []
        assert texts(folder) == texts(calm) and working_copies.refresh(source.parent, folder) == []
        assert {path.name for path in folder.iterdir()} == {path.name for path in calm.iterdir()}


def test_a_read_only_course_can_be_copied(lessons):
    source, folder = lessons
    for path in source.iterdir():
        path.chmod(0o444)
    source.chmod(0o555)
    try:
        working_copies.refresh(source.parent, folder)
        assert all(os.stat(path).st_mode & 0o200 for path in folder.iterdir())
    finally:
        source.chmod(0o755)


def test_make_lab_is_the_labs_own_module():
    command = ["make", "--no-print-directory", "-n", "-o", ".venv/student", "lab", "OPTIONS=--no-browser"]
    apart = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}  # of the make around it
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=apart)
    assert said.returncode == 0, said.stderr
    assert said.stdout.endswith("python -m tools.lab --no-browser\n") and len(said.stdout.splitlines()) == 1


def test_an_update_takes_the_build_of_torch_that_the_student_took(tmp_path):
    """Whoever asked for TORCH=cpu once never gets GPU libraries of gigabytes by `make update`."""
    for name in ("Makefile", "requirements.txt", "constraints.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    apart = {name: value for name, value in os.environ.items() if not name.startswith("MAKE") and name != "TORCH"}
    fake = tmp_path / "python"  # makes an environment whose pip and uv write what they are asked for
    fake.write_text(
        "#!/bin/sh\n[ $1 = -m ] || exit 0\nmkdir -p .venv/bin\nfor tool in pip uv; do\n"
        "  printf '#!/bin/sh\\necho $0 $@ >> asked\\n' > .venv/bin/$tool; chmod +x .venv/bin/$tool\ndone\n"
    )
    fake.chmod(0o755)

    def asked(*options):
        (tmp_path / "asked").unlink(missing_ok=True)
        os.utime(tmp_path / "requirements.txt", (2**32, 2**32))  # newer than what is there, as after a change
        command = ["make", "PYTHON=./python", ".venv/student", *options]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, env=apart)
        return (tmp_path / "asked").read_text()

    assert "torch-backend" not in asked() + asked()
    assert "--torch-backend=cpu" in asked("TORCH=cpu")
    assert "--torch-backend=cpu" in asked()
    assert "torch-backend" not in asked("TORCH=") + asked()


def test_the_lab_opens_a_copy():
    config = (ROOT / "tools" / "lab" / "jupyter_server_config.py").read_text(encoding="utf-8")
    assert f"/lab/tree/{working_copies.FOLDER}/{LESSONS[0].name}" in config
    assert f"{working_copies.FOLDER}/" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_the_lab_takes_the_course_as_its_root_and_keeps_what_the_user_has_set(tmp_path):
    """Our settings come before the user's own: theirs hold wherever we say nothing."""
    mine = "c = get_config()\nc.ServerApp.port = 9123\nc.ServerApp.root_dir = '/'\n"
    (tmp_path / "jupyter_server_config.py").write_text(mine)
    (tmp_path / "jupyter_server_config.json").write_text('{"IdentityProvider": {"token": "mine"}}')
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "jupyter_server_config.json").write_text('{"ServerApp": {"ip": "127.0.0.9"}}')
    command = [sys.executable, "-m", "tools.lab", "--show-config-json"]
    places = {"JUPYTER_CONFIG_PATH": str(tmp_path / "more"), "JUPYTER_CONFIG_DIR": str(tmp_path)}
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=os.environ | places)
    config = json.loads(said.stdout[said.stdout.index("\n{") :])  # the copies speak first
    assert config["ServerApp"]["root_dir"] == str(ROOT)
    assert config["ServerApp"]["allow_root"] == (os.geteuid() == 0)
    assert config["ServerApp"]["port"] == 9123 and config["ServerApp"]["ip"] == "127.0.0.9"
    assert config["IdentityProvider"]["token"] == "mine"
    settings = json.loads((ROOT / "tools" / "lab" / "settings" / "overrides.json").read_text(encoding="utf-8"))
    assert settings["@jupyterlab/apputils-extension:notification"] == {"fetchNews": "false"}
    assert settings["@jupyter-widgets/jupyterlab-manager:plugin"] == {"saveState": True}
    assert config["LabApp"]["app_settings_dir"] == str(ROOT / "tools" / "lab" / "settings")


@pytest.fixture
def course(tmp_path):
    """A copy of the course, to write in."""
    return shutil.copytree(ROOT, tmp_path / "course", ignore=NOT_COPIED)


def test_where_nothing_can_be_copied_the_lab_says_why_and_ends(course):
    (course / working_copies.FOLDER).write_text("a file of mine")
    said = subprocess.run([sys.executable, "-m", "tools.lab", "--version"], cwd=course, capture_output=True, text=True)
    assert said.returncode == 1 and said.stdout == ""
    (line,) = said.stderr.splitlines()
    assert line.startswith(f"Lessons and assignments could not be copied to {course / working_copies.FOLDER}: ")


@pytest.mark.parametrize("name", ["notebooks/01_b.ipynb", "coursework/ps1/ps1.ipynb"])
@pytest.mark.parametrize("text", ["<<<<<<< HEAD\n{\n=======\n}\n", "[]", "{}", '{"cells": [{}]}'])
def test_a_notebook_that_a_merge_has_broken_is_named(lessons, name, text):
    source, folder = lessons
    path = source.parent / name
    path.parent.mkdir(parents=True, exist_ok=True)
    lesson(path, "print(1)")
    working_copies.refresh(source.parent, folder)
    before = files(folder)
    path.write_text(text)
    with pytest.raises(ValueError, match=f"^{name} is no notebook. `git checkout HEAD -- {name}` brings"):
        working_copies.refresh(source.parent, folder)
    assert files(folder) == before and path.name in before


# ---------------------------------------------------------------------------------------------------------------------
# Heads and their copies


def change(path, before, after):
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")


def held(folder, word):
    """Names of the files of a course that hold a word."""
    return {name for name, content in files(folder).items() if word.encode() in content}


def test_one_command_points_the_whole_course_at_a_fork(course):
    """The address stands in one place: with it, every file changes that held the old one, and no other."""
    heads.move("OWNER/gradients-through-time", course)  # a fork's own tests begin elsewhere
    old, before = heads.address(course), files(course)
    written = heads.move("Ada-L/my.course", course)
    notebooks = {str(path.relative_to(course)) for path in course.glob("notebooks/*.ipynb")}
    notebooks |= {str(path.relative_to(course)) for path in course.glob("coursework/ps*/*.ipynb")}
    copies = {*notebooks, "README.md", "CITATION.cff", "pyproject.toml", "hub/z2jh.yaml"}
    assert len(notebooks) >= 16 and {str(path.relative_to(course)) for path in written} == copies
    assert held(course, old) == set() and held(course, "https://github.com/Ada-L/my.course") >= copies - {"README.md"}
    assert heads.write(course) == []
    assert heads.move("OWNER/gradients-through-time", course)
    assert files(course) == before  # and back


def test_a_new_version_reaches_the_image_that_a_hub_is_told_to_take(course):
    """Whoever builds and pushes the image by the page has the one that Kubernetes then asks for."""
    change(course / "pyproject.toml", f'version = "{heads.project()["version"]}"', 'version = "9.8.7"')
    heads.write(course)
    (page, *pushed), (image,) = (
        re.findall(r"/gradients-through-time:(\S+)", (course / name).read_text(encoding="utf-8"))
        for name in ("docs/hub.md", "hub/Dockerfile")
    )
    (tag,) = re.findall(r'^ +tag: "(.*)"', (course / "hub" / "z2jh.yaml").read_text(encoding="utf-8"), re.M)
    assert {page, *pushed, image, tag} == {"9.8.7"} and len(pushed) == 1


def test_an_unpublished_course_says_so_and_links_into_nothing(course):
    heads.move("OWNER/gradients-through-time", course)
    readme = (course / "README.md").read_text(encoding="utf-8")
    assert "Nobody has published this copy" in readme and "make fork" in readme
    for word in ("colab.research.google.com", "mybinder.org"):
        assert {name for name in held(course, word) if name.endswith((".md", ".ipynb"))} == set()
    assert "Not published yet" in heads.bootstrap(root=course)


def test_a_published_course_opens_the_student_edition(course):
    heads.move("ada/course", course)
    readme = (course / "README.md").read_text(encoding="utf-8")
    assert "Nobody has published" not in readme and "Not published" not in heads.bootstrap(root=course)
    colab = "https://colab.research.google.com/github/ada/course/blob/student/notebooks/{}"
    binder = "https://mybinder.org/v2/gh/ada/course/student?urlpath=lab/tree/notebooks/{}"
    for path in LESSONS:
        links = f"[Colab]({colab.format(path.name)}) · [Binder]({binder.format(path.name)})"
        assert f"| {links} |" in readme
        head = read(course / "notebooks" / path.name).cells[0].source
        assert head.endswith(f"\n\nRun it: {links}") and heads.head_of(course / "notebooks" / path.name)
        start = "".join(cell.source for cell in read(course / "notebooks" / LESSONS[0].name).cells)
        assert path == LESSONS[0] or links in start
    top = readme.split("## Three doors")[0]
    assert "(https://ada.github.io/course/)" in top
    assert "none is published yet" in top and "(docs/publishing.md)" in top
    assert f"]({colab.format(LESSONS[0].name)})" in top and "`git clone https://github.com/ada/course`" in top


def test_a_book_has_the_address_that_github_pages_gives():
    assert heads.book("https://github.com/Ada-L/my.Course") == "https://ada-l.github.io/my.Course/"
    assert heads.book("https://github.com/Ada-L/ada-l.github.io") == "https://ada-l.github.io/"


GIT = ("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main")


@pytest.fixture
def fork(tmp_path):
    """A repository that has a branch `main`, and nothing else: what GitHub copies."""
    place = tmp_path / "fork"
    subprocess.run([*GIT, "init", "-q", str(place)], check=True)
    git(place, "commit", "-q", "--allow-empty", "-m", "course")
    return place


def git(place, *arguments):
    return subprocess.run([*GIT, "-C", str(place), *arguments], check=True, capture_output=True, text=True).stdout


def test_an_edition_is_its_branch_and_the_tag_of_this_version(fork, tmp_path):
    here, tag = fork.as_uri(), f"student-v{heads.project()['version']}"
    assert not heads.has_edition((tmp_path / "nowhere").as_uri())
    assert not heads.has_edition("http://localhost:9/course")
    assert not heads.has_edition(here)
    git(fork, "branch", "student")
    git(fork, "tag", "student-v0.0.1")
    git(fork, "branch", f"not-{tag}")
    assert not heads.has_edition(here)  # an older version
    git(fork, "tag", "--annotate", tag, "-m", "this one")
    assert heads.has_edition(here)
    git(fork, "branch", "--delete", "student")
    assert not heads.has_edition(here)


def test_make_fork_says_what_is_left_to_do(fork, course, monkeypatch):
    heads.move("ada/course", course)
    said = heads.next_steps(course)
    version = heads.project()["version"]
    for words in (
        "find nothing there until",
        "enable the workflows",
        f"git push origin v{version}",
        "branch `student`",
    ):
        assert words in said
    subprocess.run([*GIT, "init", "-q", str(course)], check=True)
    git(course, "commit", "-q", "--allow-empty", "-m", "course")
    git(course, "tag", f"v{version}")  # as a clone of a published course brings it
    said = heads.next_steps(course)
    assert f"v{version} is taken: raise `version`" in said and "git push origin" not in said
    monkeypatch.setattr(heads, "address", lambda root: fork.as_uri())
    git(fork, "branch", "student")
    git(fork, "tag", f"student-v{version}")
    assert (
        heads.next_steps(course) == f"The course points at {fork.as_uri()} now, where version {version} is published.\n"
    )


def test_a_forks_own_tests_are_as_green_as_ours(course):
    """Those that say what an unpublished course says, or that read a map, run in a course with an address, too."""
    heads.move("Ada-L/my.course", course)
    chosen = "without_a_network or points_the_whole_course or changed_head or unpublished_course"
    tests = [f"tests/{name}.py" for name in ("test_bootstrap", "test_tools")]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", chosen, *tests]
    done = subprocess.run(command, cwd=course, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.parametrize("name", ["c", "a-course-with-quite-a-long-name", 80 * "n"])
def test_a_fork_is_still_in_our_style(name, course):
    """What `make fork` writes into notebooks is as `make test` wants it."""
    heads.move(f"ada/{name}", course)
    for command in (["format", "--check"], ["check"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--no-cache", "notebooks", "coursework"]
        done = subprocess.run(ruff, cwd=course, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "given", ["ada/course.git", "https://github.com/ada/course", "https://github.com/ada/course.git"]
)
def test_a_forks_address_is_taken_as_github_gives_it(given, course):
    written = heads.move(given, course)
    assert heads.address(course) == "https://github.com/ada/course"
    assert len(written) > len(LESSONS) and not any(b"course.git" in path.read_bytes() for path in written)


@pytest.mark.parametrize(
    "repository",
    [
        "",
        "ada",
        "ada/.git",
        "ada/.",
        "ada/..",
        "ädä/c",
        "ada/course/x",
        "a b/c",
        "https://example.org/ada/course",
        "http://ada/course",
    ],
)
def test_an_address_is_an_owner_and_a_name(repository, course):
    with pytest.raises(ValueError, match="owner/name"):
        heads.move(repository, course)


def test_a_changed_head_reaches_both_maps_and_nothing_else(course):
    path = course / "notebooks" / LESSONS[3].name
    question, minutes = heads.head_of(path).question, heads.head_of(path).minutes
    change(path, question, "Is this new?")
    change(path, f"*{minutes} minutes.", "*99 minutes.")
    assert {file.name for file in heads.write(course)} == {"README.md", LESSONS[0].name, path.name}
    assert heads.head_of(path).minutes == minutes
    row = rf"^\| \[03\]\((notebooks/)?{path.name}\) \| Is this new\? \| {minutes} \|( \[Colab\].* \|)?$"
    start = "\n".join(cell.source for cell in read(course / "notebooks" / LESSONS[0].name).cells)
    for text in ((course / "README.md").read_text(encoding="utf-8"), start):
        assert len(re.findall(row, text, re.M)) == 1


def test_minutes_follow_what_a_lesson_holds():
    """Ten more exercises are fifty more minutes, ten repairs twenty; what is folded as a solution is none."""
    notebook = copy.deepcopy(read(LESSONS[3]))
    before = pace.minutes(notebook)
    notebook.cells.append(new_markdown_cell("<details><summary>A solution</summary>\n" + 2000 * "word "))
    notebook.cells[-1].source += "\n</details>"
    assert pace.minutes(notebook) == before
    for n in range(10):
        notebook.cells.append(new_code_cell(f'check("{n}", ...)'))
    assert pace.minutes(notebook) - before in (50, 55)  # the lines of code count as well
    after = pace.minutes(notebook)
    for n in range(10):
        notebook.cells.append(new_code_cell(f'check("14 repair {n}", ...)'))
    assert pace.minutes(notebook) - after in (20, 25)


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
    """Four new files, two maps that `make heads` writes, and no other file touched."""
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
        f"course_utils/scenes/lesson_{number}.py",
        f"course_utils/checks/lesson_{number}.py",
        f"tests/lessons/test_lesson_{number}.py",
    }
    changed = {path for path in before if after[path] != before[path]}
    assert changed == {"README.md", f"notebooks/{LESSONS[0].name}"}
    python("ruff", "check", *new)
    python("ruff", "format", "--check", *new)
    notebook = read(course / "notebooks" / f"{name}.ipynb")
    found = pace.counts(notebook)
    assert found["predictions"] == found["figures"] == found["explorers"] == 1 and found["exercises"] == 2
    assert pace.drawing_share(notebook) <= pace.MOST_DRAWING and pace.minutes(notebook) <= pace.LONGEST
    chosen = f"lesson_{number} or {name} or ({number} and (half or share)) or twice or written_once or counts_the"
    of_lessons = [f"tests/lessons/test_{name}.py" for name in (f"lesson_{number}", "checks", "in_sight")]
    said = python("pytest", "-p", "no:cacheprovider", "-k", chosen, *of_lessons, "tests/test_house.py")
    assert int(re.search(r"(\d+) passed", said)[1]) >= 15, said


@pytest.mark.parametrize("name", ["example", "10", "10-example", "10_Example", "../15_example"])
def test_a_lesson_has_two_digits_and_small_letters(name, tmp_path):
    with pytest.raises(ValueError, match="15_example"):
        new_lesson.create(name, tmp_path)


def test_a_taken_number_is_left_alone():
    before = files(ROOT / "notebooks")
    with pytest.raises(ValueError, match="there already"):
        new_lesson.create("03_again")
    assert files(ROOT / "notebooks") == before


# ---------------------------------------------------------------------------------------------------------------------
# What the explorers are measured against


def test_the_inline_figure_of_the_benchmark_is_drawn():
    """Its first lines are a lesson's, which change with the lesson."""
    environment = {**os.environ, "MPLBACKEND": "agg"}
    code = [sys.executable, "-c", f"{PEER}\ndraw(0.0)"]
    run = subprocess.run(code, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
