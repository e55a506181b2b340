"""The roads to the course: a wheel, Binder, the workflows, and what they promise."""

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from tests import conftest
from tests.notebook import LESSONS, ROOT, read
from tools import heads, matrix

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
workflows = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def load(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


# ---------------------------------------------------------------------------------------------------------------------
# A wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The course as a wheel, unpacked: what `pip install .` puts into an environment."""
    place = tmp_path_factory.mktemp("wheel")
    code = f"from setuptools.build_meta import build_wheel; print(build_wheel({str(place)!r}))"
    source = place / "source"
    source.mkdir()
    for name in ("course_utils", "coursework", "data", "pyproject.toml", "README.md", "LICENSE"):
        (source / name).symlink_to(ROOT / name)
    subprocess.run([sys.executable, "-c", code], cwd=source, check=True, capture_output=True)
    (built,) = place.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        archive.extractall(place / "unpacked")
    return place / "unpacked"


def test_a_wheel_holds_all_that_the_package_reads(wheel):
    for path in (ROOT / "course_utils").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert (wheel / path.relative_to(ROOT)).is_file(), path
    for path in (ROOT / "data").iterdir():
        assert (wheel / "course_utils" / "data" / path.name).read_bytes() == path.read_bytes()
    assert not list(wheel.rglob("questions.py"))  # keys stay in the house


def test_a_wheel_works_from_any_folder(wheel, tmp_path):
    code = f"""
import importlib.machinery, sys
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in str(finder)]
sys.path = [{str(wheel)!r}] + [place for place in sys.path if place != {str(ROOT)!r}]
from course_utils import cell_view, figures, machine, predictions, tasks, widgets
machine.prepare({heads.project()["version"]!r})
print(tasks.__file__, len(tasks.weather()[0]))
"""
    run = subprocess.run([sys.executable, "-P", "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == [str(wheel / "course_utils" / "tasks.py"), "1461"]


# ---------------------------------------------------------------------------------------------------------------------
# Binder


def test_binder_builds_its_environment_before_it_sees_the_course():
    """repo2docker copies the course first as soon as a pip line is "-r file", "-e ." or a path; then every commit would
    download everything anew. There is no pip line at all."""
    environment = load(ROOT / ".binder" / "environment.yml")
    assert all(isinstance(line, str) for line in environment["dependencies"])
    names = {re.split("[=<>]", line)[0] for line in environment["dependencies"]}
    assert {"python", "numpy", "matplotlib-base", "anywidget", "tqdm", "pytorch-cpu"} <= names
    assert not names & {"jupyterlab", "notebook", "jupyter_server", "jupyterhub", "pytorch", "pip"}  # repo2docker's own
    assert {path.name for path in (ROOT / ".binder").iterdir()} == {"environment.yml", "postBuild"}
    assert os.access(ROOT / ".binder" / "postBuild", os.X_OK)


def test_binder_has_the_bounds_of_the_package():
    lines = load(ROOT / ".binder" / "environment.yml")["dependencies"]
    ours = {re.split(">=", line)[0]: line for line in matrix.bounds()}
    for name in ("numpy", "anywidget", "tqdm"):
        assert ours[name] in lines
    assert ours["matplotlib"].replace("matplotlib", "matplotlib-base") in lines
    (torch,) = (line.partition(" ;")[0] for line in matrix.bounds("torch") if line.startswith("torch>="))
    assert torch.replace("torch", "pytorch-cpu") in lines


def test_torch_is_new_enough_for_the_probe():
    """Hooks for all modules are given keywords from torch 2.6 on; where 2.5 stands, every `probe` is a TypeError."""
    assert "register_module_forward_hook(self._called, with_kwargs=True)" in (
        ROOT / "course_utils" / "_record.py"
    ).read_text(encoding="utf-8")
    bounds = [line for line in matrix.bounds("torch") if line.startswith("torch>=")]
    bounds += [line for line in load(ROOT / ".binder" / "environment.yml")["dependencies"] if "torch" in line]
    lowest = [tuple(map(int, re.search(r">=(\d+)\.(\d+)", line).groups())) for line in bounds]
    assert len(lowest) == 2 and min(lowest) >= (2, 6)


# ---------------------------------------------------------------------------------------------------------------------
# Workflows


@workflows
def test_a_workflow_says_how_long_and_what_it_may(path):
    flow = load(path)
    assert flow["permissions"] and "write-all" not in str(flow["permissions"])
    assert "group" in flow["concurrency"]
    for name, job in flow["jobs"].items():
        assert job["timeout-minutes"] <= 90, name
        for step in job["steps"]:
            assert re.fullmatch(r"[\w/-]+@(v\d+|[0-9a-f]{40})", step.get("uses", "a/b@v1")), step


def test_the_workflows_run_all_sets_each_week_on_three_systems():
    flow = load(ROOT / ".github" / "workflows" / "test.yml")
    assert flow[True]["schedule"] and "pull_request" in flow[True]  # YAML reads the word "on" as true
    runs = flow["jobs"]["lessons"]["strategy"]["matrix"]["include"]
    assert {run["set"] for run in runs} == set(matrix.SETS)
    assert {run["system"].split("-")[0] for run in runs} == {"ubuntu", "macos", "windows"}
    assert {run["python"] for run in runs} == set(matrix.PYTHONS)


GIT = ("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main")


def git(place, *arguments):
    return subprocess.run([*GIT, "-C", str(place), *arguments], check=True, capture_output=True, text=True).stdout


def course(place, version, text):
    """Write a course of one lesson: its first cell names the version that it fetches."""
    (place / "notebooks").mkdir(exist_ok=True)
    (place / "pyproject.toml").write_text(f'[project]\nversion = "{version}"\n')
    (place / "notebooks" / "00_a.ipynb").write_text(f'version = "{version}"; {text}')


def written(place):
    """What a reader gets from a folder: a lesson and the version."""
    return [(place / name).read_text() for name in ("pyproject.toml", "notebooks/00_a.ipynb")]


def test_the_book_its_downloads_and_the_edition_are_one_version(tmp_path):
    """The workflow's own lines, with a repository that has three versions, and a `main` that has moved on since."""
    made = load(ROOT / ".github" / "workflows" / "book.yml")["jobs"]["make"]["steps"]
    assert made[0]["with"] == {"fetch-depth": 0}  # all tags
    lines = [step["run"] for step in made if "run" in step]
    choose, errata, make = lines
    assert "newest_edition" in choose and make.startswith("make site")
    work, bare, edition = (tmp_path / name for name in ("work", "course.git", "edition"))
    subprocess.run([*GIT, "init", "-q", "--bare", str(bare)], check=True)
    subprocess.run([*GIT, "init", "-q", str(work)], check=True)
    (work / ".ci").mkdir()
    for name in ("newest_edition", "publish_student"):
        (work / ".ci" / name).symlink_to(ROOT / ".ci" / name)

    def pushed(version, text, *refs):
        course(work, version, text)
        (work / "docs").mkdir(exist_ok=True)
        (work / "docs" / "errata.md").write_text(f"Known by now: {text}.")
        git(work, "add", "-A")
        git(work, "commit", "-qm", text)
        for tag in refs:
            git(work, "tag", tag)
        git(work, "push", "-q", str(bare), "main", *refs)

    def what_the_workflow_makes_the_book_of(name):
        git(tmp_path, "clone", "-q", str(bare), name)
        pushed_now = os.environ | {"GITHUB_SHA": git(tmp_path / name, "rev-parse", "HEAD").strip()}
        for line in (choose, errata):
            step = ["bash", "-ec", line]
            done = subprocess.run(step, cwd=tmp_path / name, env=pushed_now, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
        return tmp_path / name

    pushed("0.9.0", "nothing is published")
    assert written(what_the_workflow_makes_the_book_of("first")) == written(work)
    for version in ("0.9.0", "0.10.0", "0.11.0"):  # the newest is neither the first nor the last by the alphabet
        pushed(version, f"as published in {version}", f"v{version}")
        edition.mkdir(exist_ok=True)
        course(edition, version, f"as published in {version}")
        named = {f"GIT_{who}_{what}": "t@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        publish = [".ci/publish_student", str(edition), str(bare)]
        subprocess.run(publish, cwd=work, env=os.environ | named, check=True, capture_output=True)
    for stray in ("vtry", "v9", "v1.0.0-b", "v1.0.0rc1", "v1.0.x", "0.99.0"):  # no version of ours
        git(work, "tag", f"student-{stray}")
    git(work, "push", "-q", str(bare), "--tags")
    pushed("0.11.0", "newer than the edition")
    pushed("0.12.0", "tagged, and its edition failed", "v0.12.0")
    pages = what_the_workflow_makes_the_book_of("second")
    git(tmp_path, "clone", "-q", "--branch=student", str(bare), "opened")
    git(tmp_path, "clone", "-q", "--branch=student-v0.11.0", str(bare), "fetched")
    assert written(pages) == written(tmp_path / "opened") == written(tmp_path / "fetched")
    assert "0.11.0" in written(pages)[1]
    known = "Known by now: tagged, and its edition failed."  # of mistakes in that version, a reader hears the newest
    assert (pages / "docs" / "errata.md").read_text() == known


@pytest.mark.parametrize("version", ["0.2", "0.2.0rc1", "v0.2.0", "0.2.0-b", "", "0.2.0.1", "try"])
def test_only_three_numbers_are_published(version, tmp_path):
    """The book follows such versions alone, so an edition of another kind would leave it behind."""
    course(tmp_path, version, "")
    command = [str(ROOT / ".ci" / "publish_student"), str(tmp_path), str(tmp_path / "nowhere.git")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == f"The version in pyproject.toml is '{version}'. It has to be three numbers, such as 0.2.0.\n"


def test_the_book_follows_the_edition_and_may_write_pages():
    """GitHub lets only the default branch write Pages; a run after another one is a run on that branch."""
    book, edition = (load(ROOT / ".github" / "workflows" / f"{name}.yml") for name in ("book", "student"))
    assert book[True]["workflow_run"] == {"workflows": [edition["name"]], "types": ["completed"]}
    assert "tags" not in book[True]["push"] and edition[True] == {"push": {"tags": ["v*"]}}


@workflows
def test_a_workflow_wants_no_branch_of_a_certain_name(path):
    """Whose default branch has another name has tests and a book as well; the edition's own branch has neither."""
    flow = load(path)
    pushed = flow[True].get("push", {})
    assert "branches" not in pushed and "student" in pushed.get("branches-ignore", ["student"])
    if path.stem == "book":
        condition = "github.event_name != 'push' || github.ref_name == github.event.repository.default_branch"
        assert flow["jobs"]["make"]["if"] == condition
        assert flow["jobs"]["publish"]["needs"] == "make"  # so it waits for the same condition
        assert "github.ref" in flow["concurrency"]["group"]  # else a push elsewhere would stop a book that is made


@pytest.mark.parametrize(
    ("ci", "reason", "outcome"),
    [
        ("", "node 20.19 or newer is not on this machine", "skipped"),
        ("1", "node 20.19 or newer is not on this machine", "failed"),
        ("1", "a Mac has no such thing", "skipped"),
    ],
)
def test_tests_that_cannot_run_fail_in_ci(ci, reason, outcome, monkeypatch):
    """A program that is missing is a reason to skip here, and a failure there. Other reasons stay reasons."""
    monkeypatch.setenv("CI", ci)
    report = SimpleNamespace(outcome="skipped", skipped=True, longrepr=("test_x.py", 7, f"Skipped: {reason}"))
    hook = conftest.pytest_runtest_makereport(None, None)
    next(hook)
    with pytest.raises(StopIteration) as result:
        hook.send(report)
    assert result.value.value is report and report.outcome == outcome and reason in str(report.longrepr)


TEXTS = ("*.yml", "*.yaml", "*.toml", "*.txt", "*.md", "*.json", "Makefile", ".ci/*", ".binder/*", "tools/**/*.py")


def test_no_package_index_is_named():
    """Whoever has a mirror uses it; pip and uv know where to look."""
    hosts = re.compile(r"(pypi\.org|pythonhosted|whl/cpu|registry\.npmjs|conda\.anaconda|index-url)")
    found = []
    for pattern in TEXTS:
        for path in ROOT.rglob(pattern) if "/" not in pattern else ROOT.glob(pattern):
            hidden = {".venv", ".git", "my_lessons"} & set(path.relative_to(ROOT).parts)
            if path.is_file() and not hidden and hosts.search(path.read_text(encoding="utf-8")):
                found.append(path.name)
    assert found == []


# ---------------------------------------------------------------------------------------------------------------------
# Platforms


def test_torch_is_left_out_where_it_has_no_wheel():
    """Both lists have the same condition, and the rest of the course installs without torch."""
    (extra,) = heads.project()["optional-dependencies"]["torch"]
    (pin,) = (line for line in (ROOT / "requirements.txt").read_text().splitlines() if line.startswith("torch=="))
    assert extra.partition(" ; ")[2].replace("'", '"') == pin.partition("  #")[0].partition(" ; ")[2]
    assert not any("torch" in line for line in matrix.bounds("lab"))


def test_lessons_say_in_their_first_cell_whether_they_need_torch():
    needing = [path.stem[:2] for path in LESSONS if heads.needs_torch(read(path))]
    assert {"02", "05", "06", "07", "08"} <= set(needing) and not {"00", "01", "03", "04"} & set(needing)
    for path in LESSONS:
        first = next(cell for cell in read(path).cells if cell.cell_type == "code").source
        assert first.endswith("machine.prepare(version, torch=True)") == (path.stem[:2] in needing)


def test_the_page_keeps_the_lines_of_other_sets_systems_and_pythons():
    def line(name, system, python, good):
        return f"| {name} | {system} | Python {python}, numpy 2 | {good} of 15 |"

    others = [
        line("pins", "Linux x86_64", "3.12.1", 1),
        line("pins", "Darwin arm64", "3.11.7", 2),
        line("colab", "Linux x86_64", "3.11.7", 3),
    ]
    old = "\n".join(["| h |", "|---|", line("pins", "Linux x86_64", "3.11.7", 4), *others])
    page = f"a<!-- runs: `make matrix` writes it -->\n\n{old}\n\n<!-- end of runs -->b"
    new = matrix.section(page, "runs", [line("pins", "Linux x86_64", "3.11.9", 5)])
    assert new.splitlines()[2:-2] == ["| h |", "|---|", *others, line("pins", "Linux x86_64", "3.11.9", 5)]
    assert new.startswith("a<!--") and new.endswith("-->b")


def test_a_missing_wheel_is_named(monkeypatch):
    """uv's own words, shortened to the package that is at fault."""
    told = (
        "  × No solution found when resolving dependencies:\n  ╰─▶ Because torch==2.13.0 has no wheels with a matching"
    )
    answer = subprocess.CompletedProcess([], 1, "", told)
    monkeypatch.setattr(matrix, "uv", lambda *arguments, **options: answer)
    assert matrix.wheels(["torch==2.13.0"], "x86_64-apple-darwin", "3.11") == "torch"


@pytest.mark.parametrize(
    "path", sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("[!c]*.yml")), ids=lambda path: path.stem
)
def test_an_issue_form_is_whole(path):
    form = load(path)
    assert form["name"] and form["description"]
    for part in form["body"]:
        assert part["type"] in ("input", "textarea", "dropdown") and part["attributes"]["label"] and part["id"]


def test_the_container_for_editors_installs_by_make():
    text = (ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8")
    settings = json.loads(re.sub(r"^//.*$", "", text, flags=re.M))
    assert "make .venv/student TORCH=cpu" in settings["postCreateCommand"]
    assert Path(".venv/bin/python") == Path(
        *Path(settings["customizations"]["vscode"]["settings"]["python.defaultInterpreterPath"]).parts[1:]
    )
