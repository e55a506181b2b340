"""The first cell of every lesson: nothing anywhere but on Colab, where it fetches the course once."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.notebook import ROOT
from tools.heads import bootstrap

COLAB = "import sys, types; sys.modules['google'] = sys.modules['google.colab'] = types.ModuleType('colab')\n"
REPORT = """
import json
before = list(sys.path)
exec(cell)
exec(cell)  # students run cells twice
import course_utils.cells
print(json.dumps([os.getcwd(), course_utils.cells.__file__, len(sys.path) - len(before)]))
"""


@pytest.fixture(scope="module")
def public(tmp_path_factory):
    """A local bare repository that stands for the public one."""
    work = tmp_path_factory.mktemp("source")
    for folder in ("course_utils", "notebooks"):
        shutil.copytree(ROOT / folder, work / folder, ignore=shutil.ignore_patterns("__pycache__"))
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-C", str(work)]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "course"]):
        subprocess.run([*git, *command], check=True)
    bare = tmp_path_factory.mktemp("public") / "course.git"
    subprocess.run(["git", "clone", "-q", "--bare", str(work), str(bare)], check=True)
    return bare


def run_cell(folder, prelude, source):
    code = f"{prelude}cell = {bootstrap()!r}\nimport os, sys\n{REPORT}"
    path = {"PYTHONPATH": ""} if prelude else {"PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=folder,
        env={**os.environ, **path, "COURSE_SOURCE": source},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_on_colab_it_clones_once_and_sets_the_path(public, tmp_path):
    cwd, module, added = run_cell(tmp_path, COLAB, public.as_uri())
    assert cwd == str(tmp_path / "course" / "notebooks")
    assert module == str(tmp_path / "course" / "course_utils" / "cells.py")
    assert added == 1
    again, _, _ = run_cell(tmp_path, COLAB, "file:///nowhere")  # another lesson, same machine: no second clone
    assert again == cwd


def test_on_colab_a_failed_clone_stops(tmp_path):
    with pytest.raises(AssertionError, match="CalledProcessError"):
        run_cell(tmp_path, COLAB, (tmp_path / "missing.git").as_uri())


def test_elsewhere_it_does_nothing(tmp_path):
    cwd, module, added = run_cell(tmp_path, "", "file:///nowhere")
    assert (cwd, module, added) == (str(tmp_path), str(ROOT / "course_utils" / "cells.py"), 0)
    assert list(tmp_path.iterdir()) == []
