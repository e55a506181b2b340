"""`make update`: nothing that a student has written is lost, and every refusal says what to do."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.notebook import ROOT
from tools import update

LESSON = "notebooks/00_a.ipynb"


def git(place, *arguments):
    command = ["git", "-C", str(place), "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def write(path, words):
    path.parent.mkdir(parents=True, exist_ok=True)
    cell = {"cell_type": "code", "source": words, "outputs": [], "execution_count": None, "metadata": {}}
    path.write_text(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))


def words(path):
    return json.loads(path.read_text())["cells"][0]["source"]


@pytest.fixture
def theirs(tmp_path):
    """The course as it is published: two lessons, an assignment, and what updates them."""
    place = tmp_path / "theirs"
    shutil.copytree(ROOT / "tools", place / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    for name in (LESSON, "notebooks/01_b.ipynb", "coursework/ps1/ps1.ipynb"):
        write(place / name, "one")
    (place / "README.md").write_text("one")
    (place / ".gitignore").write_text("my_lessons/\n__pycache__/\n")
    git(place, "init", "-q", "--initial-branch=main")
    published(place)
    return place


@pytest.fixture
def mine(theirs):
    """A student's clone of it, with copies."""
    place = theirs.with_name("mine")
    git(theirs.parent, "clone", "-q", str(theirs), str(place))
    subprocess.run([sys.executable, "-m", "tools.working_copies"], cwd=place, check=True, capture_output=True)
    return place


def published(place):
    git(place, "add", "--all")
    git(place, "commit", "-qm", "a version")


def updated(mine, *options, code=0, **variables):
    """What `make update` says, and whether it went well."""
    command = [sys.executable, "-m", "tools.update", *options]
    nobodys = {"JUPYTER_RUNTIME_DIR": str(mine.parent / "nobody's")}  # else a server of this machine might be met
    done = subprocess.run(command, cwd=mine, env=os.environ | nobodys | variables, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def contents(place):
    return {path: path.read_bytes() for path in place.rglob("*") if path.is_file() and ".git" not in path.parts}


def test_what_is_new_comes_and_the_copies_follow(theirs, mine):
    write(theirs / LESSON, "two")
    published(theirs)
    said = updated(mine)
    assert "copies of lessons and assignments are in my_lessons/" in said and "yours" not in said
    assert words(mine / LESSON) == words(mine / "my_lessons" / "00_a.ipynb") == "two"


def test_work_in_the_courses_own_notebooks_is_saved_beside_the_copies(theirs, mine):
    """Changed, staged, or a new file whose name the course takes later; what the course hasn't changed stays there."""
    write(mine / LESSON, "mine")
    write(mine / "coursework/ps1/ps1.ipynb", "mine, too")
    write(mine / "notebooks/02_c.ipynb", "my own lesson")
    write(mine / "notebooks/01_b.ipynb", "mine, not in the way")
    write(mine / "my_lessons" / "00_a-yours.ipynb", "saved before")
    git(mine, "add", "coursework")
    for name in (LESSON, "coursework/ps1/ps1.ipynb", "notebooks/02_c.ipynb"):
        write(theirs / name, "two")
    published(theirs)
    said = updated(mine)
    for name in (LESSON, "coursework/ps1/ps1.ipynb", "notebooks/02_c.ipynb"):
        assert words(mine / name) == "two" and f"You have worked in {name}" in said
    copies = mine / "my_lessons"
    assert "my_lessons/00_a-yours-2.ipynb" in said and words(copies / "00_a-yours-2.ipynb") == "mine"
    assert words(copies / "ps1-yours.ipynb") == "mine, too" and words(copies / "02_c-yours.ipynb") == "my own lesson"
    assert words(copies / "00_a-yours.ipynb") == "saved before"
    assert words(mine / "notebooks/01_b.ipynb") == "mine, not in the way"
    assert words(copies / "00_a.ipynb") == words(copies / "02_c.ipynb") == "two"
    assert git(mine, "rev-parse", "HEAD") == git(theirs, "rev-parse", "HEAD")
    before = contents(mine)
    assert "worked in" not in updated(mine)
    assert contents(mine) == before


def test_a_notebook_thrown_away_is_no_obstacle(theirs, mine):
    (mine / LESSON).unlink()
    write(theirs / LESSON, "two")
    published(theirs)
    updated(mine)
    assert words(mine / LESSON) == "two"


def other_file(theirs, mine):
    (mine / "README.md").write_text("mine")
    (theirs / "README.md").write_text("two")
    return "You have changed README.md, and so has the course", "`git checkout HEAD -- README.md`"


def own_commit(theirs, mine):
    published(mine)
    return "You have commits of your own", "`git pull --rebase`"


def no_network(theirs, mine):
    git(mine, "remote", "set-url", "origin", str(theirs.with_name("nowhere")))
    return "fatal:", "Is the network off?"


def no_branch(theirs, mine):
    git(mine, "switch", "-q", "--create", "own")
    return "no tracking information", "git says why"


def no_clone(theirs, mine):
    (mine / ".git").rename(theirs.with_name("elsewhere"))
    return "is no clone of the course", "copy your my_lessons/ into it"


def in_another_clone(theirs, mine):
    no_clone(theirs, mine)
    git(mine.parent, "init", "-q")
    return "is no clone of the course", "copy your my_lessons/ into it"


@pytest.mark.parametrize("why", [other_file, own_commit, no_network, no_branch, no_clone, in_another_clone])
def test_where_it_cannot_go_on_it_says_what_to_do_and_touches_nothing(why, theirs, mine):
    write(mine / LESSON, "mine")
    write(theirs / LESSON, "two")
    said = why(theirs, mine)
    published(theirs)
    before = contents(mine)
    heard = updated(mine, code=1)
    assert [part for part in said if part not in heard] == [], heard
    assert {path: content for path, content in contents(mine).items() if "__pycache__" not in path.parts} == {
        path: content for path, content in before.items() if "__pycache__" not in path.parts
    }


@contextlib.contextmanager
def server(runtime, place):
    """What a Jupyter server leaves while it runs."""
    pytest.importorskip("jupyter_server")
    runtime.mkdir(exist_ok=True)
    info = {"pid": os.getpid(), "root_dir": str(place), "url": "http://localhost:1/", "port": 1, "token": ""}
    path = runtime / f"jpserver-{os.getpid()}.json"
    path.write_text(json.dumps(info))
    yield
    path.unlink()


@pytest.mark.parametrize("where", ["mine", "mine/my_lessons", "."])
def test_while_notebooks_may_be_open_nothing_is_written_anew(where, theirs, mine, tmp_path):
    write(theirs / LESSON, "two")
    published(theirs)
    runtime = tmp_path / "runtime"
    with server(runtime, tmp_path / where):
        before = contents(mine / "my_lessons")
        said = updated(mine, code=1, JUPYTER_RUNTIME_DIR=str(runtime))
        assert "Save and close your notebooks first" in said and "`python -m tools.update --force`" in said
        assert words(mine / LESSON) == "one" and contents(mine / "my_lessons") == before
        updated(mine, "--force", JUPYTER_RUNTIME_DIR=str(runtime))
        assert words(mine / "my_lessons" / "00_a.ipynb") == "two"


def test_a_server_of_something_else_is_in_nobodys_way(theirs, mine, tmp_path):
    (tmp_path / "other").mkdir()
    with server(tmp_path / "runtime", tmp_path / "other"):
        updated(mine, JUPYTER_RUNTIME_DIR=str(tmp_path / "runtime"))


def test_where_jupyter_is_not_installed_nothing_of_it_runs(monkeypatch):
    monkeypatch.setitem(sys.modules, "jupyter_server.serverapp", None)
    assert update.running(Path("/")) is None


@pytest.mark.parametrize(("options", "last"), [((), "tools.update"), (("FORCE=1",), "tools.update --force")])
def test_make_update_is_its_own_module_and_then_what_is_newly_required(options, last):
    command = ["make", "--no-print-directory", "-n", "-o", ".venv/student", "update", *options]
    apart = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=apart)
    assert said.returncode == 0, said.stderr
    first, *rest = (line.rstrip() for line in said.stdout.splitlines())
    assert first.endswith(f"python -m {last}") and ".venv/student" in "".join(rest)
