"""A trial hub that runs, with three students on it: `make test-hub`. A whole class is `make hub-load`."""

import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from course_utils import machine
from tests.notebook import LESSONS, ROOT
from tools import heads, hub
from tools.hub_load import Student, Watch, psutil

COURSE = heads.project()["name"]
MISSING = [name for name in ("node", "npm", "git") if shutil.which(name) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not on this machine: {', '.join(MISSING)}")


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A hub, and its three students, who are logged in, each with a server and the student edition."""
    state = tmp_path_factory.mktemp("hub")
    with hub.trial(state, log=state / "log") as (process, settings):
        names = ("ann", "bob", "cem")
        students = [Student(settings["HUB_ADDRESS"], name, settings["COURSE_SOURCE"]) for name in names]
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(begin, students))
        yield SimpleNamespace(state=state, process=process, settings=settings, students=students)


def begin(student):
    student.log_in()
    student.start()
    student.pull(f"notebooks/{LESSONS[1].name}")


def home(running, student):
    return running.state / "homes" / student.name


def test_every_setting_is_known(running):
    log = (running.state / "log").read_text()
    assert "JupyterHub is now running" in log
    assert re.findall(r".*(?:not recognized|Unrecognized|deprecated).*", log) == []


def test_three_students_run_a_lesson_at_once(running):
    watch = Watch(psutil.Process(running.process.pid))
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda student: student.run(f"{COURSE}/notebooks/{LESSONS[1].name}"), running.students))
    watch.look()
    assert set(watch.most) == {"", "ann", "bob", "cem"}
    assert all(50 < watch.most[name] < 1000 and watch.seconds[name] > 1 for name in ("ann", "bob", "cem"))


def test_a_cell_that_fails_is_seen(running):
    path = f"{COURSE}/notebooks/{LESSONS[1].name}"
    with pytest.raises(RuntimeError, match="ann: ZeroDivisionError"):
        running.students[0].run(path, lambda source: "1 / 0")


def test_a_server_gets_its_threads_and_no_tools_of_teachers(running):
    student = running.students[0]
    said = f"""import os, pathlib
pathlib.Path("said").write_text(os.environ["OMP_NUM_THREADS"])
assert pathlib.Path({str(home(running, student))!r}) in pathlib.Path.cwd().parents"""
    student.run(f"{COURSE}/notebooks/{LESSONS[1].name}", lambda source: said)
    (written,) = home(running, student).rglob("said")
    share = min(1, machine.quota() or machine.processors())
    assert written.read_text() == str(machine.threads(share))
    page = student.session.get(f"{student.home}/lab").text
    off = json.loads(re.search(r'<script id="jupyter-config-data"[^>]*>(.*?)</script>', page, re.S)[1])
    assert "@jupyter/nbgrader:formgrader" in str(off["disabledExtensions"])
    assert student.session.get(f"{student.home}/formgrader").status_code == 404


def test_a_pull_brings_what_is_new_and_keeps_what_is_the_students(running, tmp_path):
    student, (mine, other) = running.students[1], LESSONS[1:3]
    notebooks = home(running, student) / COURSE / "notebooks"
    work = (notebooks / mine.name).read_text().replace("Three numbers by hand", "My own title")
    (notebooks / mine.name).write_text(work)
    git = ["git", "-c", "user.name=teacher", "-c", "user.email=teacher@example.org", "-C", str(tmp_path / "work")]
    clone = ["clone", "--quiet", f"--branch={heads.EDITION}", running.settings["COURSE_SOURCE"], tmp_path / "work"]
    subprocess.run(["git", *clone], check=True)
    lesson = tmp_path / "work" / "notebooks" / other.name
    new = lesson.read_text().replace("Backpropagation through time", "A better title")
    lesson.write_text(new)
    subprocess.run([*git, "commit", "--quiet", "--all", "--message=A better title"], check=True)
    subprocess.run([*git, "push", "--quiet"], check=True)
    student.pull(f"notebooks/{other.name}")
    assert "A better title" in (notebooks / other.name).read_text()
    assert "My own title" in (notebooks / mine.name).read_text()


def test_an_assignment_goes_out_and_comes_back(running, tmp_path):
    """Released by a teacher, fetched and submitted by two students in their servers, and collected."""
    clone = ["git", "clone", "--quiet", f"--branch={heads.EDITION}", running.settings["COURSE_SOURCE"], "edition"]
    subprocess.run(clone, cwd=tmp_path, check=True)
    (tmp_path / "release").symlink_to("edition/coursework")
    exchange = {"HUB_EXCHANGE": running.settings["HUB_EXCHANGE"], "JUPYTER_CONFIG_PATH": str(ROOT / "hub" / "jupyter")}
    exchange["PATH"] = os.pathsep.join([str(Path(sys.prefix, "bin")), os.environ["PATH"]])  # nbgrader calls alembic

    def nbgrader(*arguments):
        command = [sys.executable, "-m", "nbgrader", *arguments]
        subprocess.run(command, cwd=tmp_path, env=os.environ | exchange, check=True)

    nbgrader("release_assignment", "ps1")
    wanted = {"course_id": "gradients", "assignment_id": "ps1"}
    for student in running.students[:2]:
        listed = student.post("assignments/fetch", wanted)["value"]
        assert [(each["assignment_id"], each["status"]) for each in listed] == [("ps1", "fetched")]
        work = home(running, student) / "ps1" / "ps1.ipynb"
        work.write_text(work.read_text().replace("# Assignment 1", f"# {student.name}"))
        assert student.post("assignments/submit", wanted)["success"]
    nbgrader("collect", "ps1")
    for student in running.students[:2]:
        folder = tmp_path / "submitted" / student.name / "ps1"
        assert f"# {student.name} · By hand" in (folder / "ps1.ipynb").read_text()
        assert (folder / "timestamp.txt").is_file()
