"""The first cell of every notebook: it fetches the course where it isn't, mends what it finds, and installs nothing."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.notebook import ROOT
from tools import heads
from tools.heads import bootstrap, project

VERSION = project()["version"]
HOME = f"{project()['name']}-{VERSION}"
SKIPPED = shutil.ignore_patterns("__pycache__")
GIT = ("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main")
HIDDEN = """
import importlib.machinery, sys
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in str(finder)]
sys.path = [place for place in sys.path if not importlib.machinery.PathFinder.find_spec("course_utils", [place])]
"""
AFTER = "import course_utils.cells; print(course_utils.cells.__file__)"


@pytest.fixture(scope="module")
def public(tmp_path_factory):
    """A bare repository that stands for the public one, with a student edition as CI publishes it."""
    place = tmp_path_factory.mktemp("public")
    edition = place / "edition"
    for folder in ("course_utils", "data"):
        shutil.copytree(ROOT / folder, edition / folder, ignore=SKIPPED)
    shutil.copy(ROOT / "pyproject.toml", edition)
    publish(place, edition)
    return place / "course.git"


def publish(place, edition, version=VERSION):
    """Have the script of CI publish an edition in place/course.git."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (edition / "pyproject.toml").write_text(text.replace(f'version = "{VERSION}"', f'version = "{version}"', 1))
    bare, work = place / "course.git", place / "work"
    if not bare.exists():
        subprocess.run([*GIT, "init", "-q", "--bare", str(bare)], check=True)
        subprocess.run([*GIT, "init", "-q", str(work)], check=True)
    named = {f"GIT_{who}_{what}": "t@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    command = [str(ROOT / ".ci" / "publish_student"), str(edition), str(bare)]
    return subprocess.run(command, cwd=work, env=os.environ | named, check=True, capture_output=True, text=True)


def run(folder, source, *cells, path="", **variables):
    """Run cells in a fresh process that starts in `folder`, as a kernel does; the course is where `path` says."""
    code = "\n".join([HIDDEN, f"sys.path[:0] = ['', {str(path)!r}]", *(f"exec({cell!r}, globals())" for cell in cells)])
    settings = {**os.environ, "COURSE_SOURCE": source, "PYTHONPATH": "", **variables}
    command = [sys.executable, "-P", "-c", code]
    return subprocess.run(command, cwd=folder, env=settings, capture_output=True, text=True)


def fetched(folder, public, *cells):
    """Run the first cell, and these, in `folder`. Returns where the course then comes from."""
    done = run(folder, public.as_uri(), bootstrap(), *cells, AFTER)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


def test_it_fetches_the_version_of_the_notebook_and_leaves_nothing_else(public, tmp_path):
    assert fetched(tmp_path, public) == str(tmp_path / HOME / "course_utils" / "cells.py")
    assert [path.name for path in tmp_path.iterdir()] == [HOME]
    assert not (tmp_path / HOME / "notebooks").exists() and (tmp_path / HOME / "data").is_dir()


def test_it_works_twice_after_a_restart_and_without_a_network(public, tmp_path):
    first = fetched(tmp_path, public, bootstrap())  # the cell is run twice
    done = run(tmp_path, "file:///nowhere", bootstrap(), AFTER)  # a restart, and the network is down
    assert (done.stdout.strip(), done.stderr) == (first, "")


def test_where_the_course_is_installed_it_fetches_nothing(tmp_path):
    done = run(tmp_path, "file:///nowhere", bootstrap(), AFTER, path=ROOT)
    assert (done.stdout.strip(), done.stderr) == (str(ROOT / "course_utils" / "cells.py"), "")
    assert list(tmp_path.iterdir()) == []


def half(home):
    (home / ".git").mkdir(parents=True)
    (home / "course_utils").mkdir()
    (home / "course_utils" / "__init__.py").write_text("")


def without_its_modules(home):
    """What a copy that broke off early leaves: the file of the first cell, and not much else."""
    (home / "course_utils").mkdir(parents=True)
    for name in ("__init__.py", "cells.py", "machine.py"):
        shutil.copy(ROOT / "course_utils" / name, home / "course_utils")


def without_its_data(home):
    shutil.copytree(ROOT / "course_utils", home / "course_utils", ignore=SKIPPED)
    (home / "data").mkdir()


def foreign(home):
    home.mkdir()
    (home / "my essay.txt").write_text("mine")


@pytest.mark.parametrize(
    "found",
    [
        lambda home: home.mkdir(),
        half,
        without_its_modules,
        without_its_data,
        foreign,
        lambda home: home.write_text("a file"),
        lambda home: home.symlink_to("a folder that is gone"),
    ],
)
def test_what_is_in_the_way_is_kept_under_another_name(found, public, tmp_path):
    found(tmp_path / HOME)
    assert fetched(tmp_path, public) == str(tmp_path / HOME / "course_utils" / "cells.py")
    kept = [path for path in tmp_path.iterdir() if path.name.startswith(f"{HOME}-found-")]
    assert len(kept) == 1 and len(list(tmp_path.iterdir())) == 2
    if found is foreign:
        assert (kept[0] / "my essay.txt").read_text() == "mine"


def test_of_two_lessons_started_at_once_neither_takes_the_others_course(public, tmp_path):
    """The second clone ends when the first has arrived: it goes, and nothing is renamed away under the first's feet."""
    first = """
import os, shutil, subprocess
def slower(command, clone=subprocess.run):
    done = clone(command)
    shutil.copytree(command[-1], home)
    return done
subprocess.run = slower
"""
    done = run(tmp_path, public.as_uri(), first, bootstrap(), AFTER)
    assert (done.stdout.strip(), done.stderr) == (str(tmp_path / HOME / "course_utils" / "cells.py"), "")
    assert [path.name for path in tmp_path.iterdir()] == [HOME]


def own_folder(place):
    place.mkdir()
    (place / "my essay.txt").write_text("mine")
    return place


def own_package(place):
    own_folder(place)
    (place / "__init__.py").write_text("")
    return place / "__init__.py"


def own_module(place):
    place.with_suffix(".py").write_text("")
    return place.with_suffix(".py")


@pytest.mark.parametrize("other", [own_folder, own_package, own_module])
def test_something_else_of_its_name_is_named_and_left_alone(other, public, tmp_path):
    named = other(tmp_path / "course_utils")
    done = run(tmp_path, public.as_uri(), bootstrap())
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"ImportError: {named} is not the course, but has its name. Rename it")
    assert "During handling" not in done.stderr
    assert {path.name for path in tmp_path.iterdir()} <= {"course_utils", "course_utils.py", "__pycache__"}
    (tmp_path / "course_utils").with_suffix(named.suffix if other is own_module else "").rename(tmp_path / "mine")
    assert fetched(tmp_path, public) == str(tmp_path / HOME / "course_utils" / "cells.py")


def test_without_git_it_says_what_to_do_and_leaves_nothing(public, tmp_path):
    done = run(tmp_path, public.as_uri(), bootstrap(), PATH="")
    assert done.returncode == 1
    advice = "Install it, or download the course as a ZIP and follow its README."  # a ZIP alone has to be installed
    assert done.stderr.splitlines()[-1] == f"FileNotFoundError: No git here. {advice}"
    assert list(tmp_path.iterdir()) == []


UNPRIVILEGED = """
import importlib.util, os, shutil, subprocess, tempfile  # before they are out of reach
if os.geteuid() == 0:  # for whom no folder is closed
    os.setgid(65534)
    os.setuid(65534)
"""
READ_ONLY = """
import os
def mkdir(*arguments):
    raise OSError(30, "Read-only file system")
os.mkdir = mkdir
"""


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such permissions")
@pytest.mark.parametrize("closed", [UNPRIVILEGED, READ_ONLY], ids=["folder", "disk"])
@pytest.mark.parametrize("network", [True, False])
def test_where_nothing_can_be_written_it_says_in_a_sentence_what_to_do(closed, network, public, tmp_path):
    tmp_path.chmod(0o555)
    done = run(tmp_path, public.as_uri() if network else "file:///nowhere", closed, bootstrap())
    tmp_path.chmod(0o755)
    assert done.returncode == 1 and list(tmp_path.iterdir()) == []
    advice = "Copy this notebook to a folder of your own, and run it there."
    last = f"PermissionError: Nothing can be written to {tmp_path}. {advice}"
    assert done.stderr.splitlines()[-1] == last, done.stderr
    assert done.stderr.count("Traceback") == 1


def test_an_older_course_beside_it_is_not_taken(public, tmp_path):
    """Another version has another folder. One whose inside is older is named, and what to do."""
    (tmp_path / "gradients-through-time-0.0.9").mkdir()
    (tmp_path / "course").mkdir()
    assert fetched(tmp_path, public) == str(tmp_path / HOME / "course_utils" / "cells.py")
    init = tmp_path / HOME / "course_utils" / "__init__.py"
    init.write_text(init.read_text(encoding="utf-8").replace(VERSION, "0.0.9"), encoding="utf-8")
    done = run(tmp_path, public.as_uri(), bootstrap(), AFTER)
    assert done.returncode == 0
    assert f"of version {VERSION}" in done.stderr and "0.0.9" in done.stderr and str(tmp_path / HOME) in done.stderr
    assert (
        "`git pull` in your clone" in done.stderr and "make" not in done.stderr and "remove that folder" in done.stderr
    )


def test_a_version_stays_when_the_next_is_published(public, tmp_path):
    """A copy that a student keeps meets the course that it was written for; the branch has moved on."""
    place = tmp_path / "public"
    edition = place / "edition"
    shutil.copytree(public.parent / "edition", edition)
    publish(place, edition)
    (edition / "course_utils" / "cells.py").write_text("raise ValueError('another time')")
    said = publish(place, edition, "9.9.9").stdout
    assert "student-v9.9.9" in said
    fetched(tmp_path, place / "course.git")
    log = subprocess.run([*GIT, "-C", str(place / "course.git"), "log", "--oneline", "student"], capture_output=True)
    assert len(log.stdout.splitlines()) == 2  # pulls move forward
    run(tmp_path, (place / "course.git").as_uri(), bootstrap().replace(VERSION, "9.9.9"))
    folder = tmp_path / HOME.replace(VERSION, "9.9.9")
    log = subprocess.run([*GIT, "-C", str(folder), "log", "--oneline"], capture_output=True)
    assert len(log.stdout.splitlines()) == 1  # a shallow clone
    with pytest.raises(subprocess.CalledProcessError) as refused:
        publish(place, edition, "9.9.9")
    assert refused.value.stderr.count("\n") == 1 and "published already" in refused.value.stderr


@pytest.mark.parametrize("source", ["file:///nowhere", "http://localhost:9/course"])
def test_without_a_network_it_says_so_and_leaves_nothing(source, tmp_path):
    done = run(tmp_path, source, bootstrap())
    assert done.returncode == 1 and done.stderr.splitlines()[-1].startswith("ConnectionError: ")
    assert list(tmp_path.iterdir()) == []


def test_a_version_that_is_not_published_is_not_replaced_by_another(public, tmp_path):
    done = run(tmp_path, public.as_uri(), bootstrap().replace(VERSION, "7.7.7"))
    assert done.returncode == 1 and "student-v7.7.7 not found" in done.stderr and "ConnectionError" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_fork_that_has_published_nothing_yet_says_what_to_do(tmp_path, monkeypatch):
    """Its branch `main` is there, as a fork on GitHub has it, and neither the edition's branch nor its tag."""
    monkeypatch.setattr(heads, "address", lambda root=ROOT: "https://github.com/ada/course")
    fork, empty = tmp_path / "fork", tmp_path / "empty"
    subprocess.run([*GIT, "init", "-q", str(fork)], check=True)
    subprocess.run([*GIT, "-C", str(fork), "commit", "-q", "--allow-empty", "-m", "course"], check=True)
    empty.mkdir()
    done = run(empty, fork.as_uri(), bootstrap())
    assert done.returncode == 1 and f"student-v{VERSION} not found" in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"ConnectionError: No version {VERSION} at {fork.as_uri()}.")
    assert "If not, that version isn't published yet: the README there says what to do" in last
    assert list(empty.iterdir()) == []


def test_an_interrupted_clone_leaves_nothing(public, tmp_path):
    """Ctrl-C, or the button with the square, in the middle of it."""
    stop = """
import subprocess
def stopped(*arguments):
    raise KeyboardInterrupt
run, subprocess.run = subprocess.run, stopped
"""
    again = f"try:\n    exec({bootstrap()!r})\nexcept KeyboardInterrupt:\n    subprocess.run = run"
    done = run(tmp_path, public.as_uri(), stop, again, "import os; print(os.listdir('.'))", bootstrap(), AFTER)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["[]", str(tmp_path / HOME / "course_utils" / "cells.py")]
