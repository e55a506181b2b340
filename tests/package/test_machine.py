"""The machine under a lesson: threads follow the share of the processors that a container has, packages are there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from course_utils import __version__, machine
from tests.notebook import ROOT

REAL = Path("/sys/fs/cgroup/cpu")  # version 1, where this machine has it


def groups(tmp_path, own, files):
    """A tree of control groups that holds these files, and the list of a process's own groups."""
    for name, text in files.items():
        path = tmp_path / "cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "own").write_text(own)
    return tmp_path / "cgroup", tmp_path / "own"


def one(quota, period=100_000, folder="cpu"):
    return {f"{folder}/cpu.cfs_quota_us": f"{quota}\n", f"{folder}/cpu.cfs_period_us": f"{period}\n"}


@pytest.mark.parametrize(
    ("own", "files", "share"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("0::/\n", {}, None),
        (
            "0::/pod/box\n",
            {"cpu.max": "max 100000\n", "pod/cpu.max": "200000 100000\n", "pod/box/cpu.max": "max 1\n"},
            2,
        ),
        ("0::/pod/box\n", {"pod/cpu.max": "400000 100000\n", "pod/box/cpu.max": "100000 200000\n"}, 0.5),
        ("0::/hidden/from/a/container\n", {"cpu.max": "300000 100000\n"}, 3),
        ("0::/../outside\n", {"cpu.max": "300000 100000\n"}, 3),
        ("3:cpu,cpuacct:/docker/1\n2:memory:/docker/1\n", one(250_000), 2.5),
        ("3:cpu,cpuacct:/docker/1\n", one(-1) | one(50_000, folder="cpu/docker/1"), 0.5),
        ("4:cpuset:/\n1:cpu:/\n0::/\n", one(-1), None),
        ("", {}, None),
    ],
)
def test_the_smallest_share_of_all_groups_holds(own, files, share, tmp_path):
    assert machine.quota(*groups(tmp_path, own, files)) == share


@pytest.mark.parametrize(
    ("quota", "set_before", "threads"),
    [
        ("150000", None, "1"),
        ("50000", None, "1"),
        ("350000", None, "3"),
        ("max", None, None),
        ("800000", None, None),
        ("150000", "5", "5"),
    ],
)
def test_there_is_a_thread_for_each_whole_processor(quota, set_before, threads, tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "processors", lambda: 8)
    monkeypatch.setattr(os, "environ", {"OMP_NUM_THREADS": set_before} if set_before else {})
    machine.follow_quota(*groups(tmp_path, "0::/\n", {"cpu.max": f"{quota} 100000\n"}))
    assert os.environ.get("OMP_NUM_THREADS") == threads


def threads(path):
    """How many threads OpenBLAS and torch start in a fresh process that imports the course first."""
    code = f"""
from pathlib import Path
from course_utils import machine
machine.processors = lambda: 8
machine.follow_quota(Path({str(path / "cgroup")!r}), Path({str(path / "own")!r}))
import numpy, torch, ctypes, glob, os
(blas,) = glob.glob(os.path.dirname(numpy.__file__) + ".libs/libscipy_openblas*")
print(ctypes.CDLL(blas).scipy_openblas_get_num_threads64_(), torch.get_num_threads())
"""
    clean = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=clean, capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.skipif(sys.platform != "linux" or machine.processors() < 2, reason="one processor has one thread anyway")
def test_numpy_and_torch_obey(tmp_path):
    groups(tmp_path, "0::/\n", {"cpu.max": "100000 100000\n"})
    assert threads(tmp_path) == ["1", "1"]
    groups(tmp_path, "0::/\n", {"cpu.max": "max 100000\n"})
    assert "1" not in threads(tmp_path)


@pytest.mark.skipif(not os.access(REAL, os.W_OK), reason="only root makes a control group, and only of version 1")
def test_a_real_quota_is_read(tmp_path):
    """A process in a group that has been granted one processor and a half."""
    group = REAL / f"course-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"this machine makes no control group: {error}")
    try:
        (group / "cpu.cfs_period_us").write_text("100000")
        (group / "cpu.cfs_quota_us").write_text("150000")
        code = f"open('{group}/cgroup.procs', 'w').write('0')\nfrom course_utils import machine\nprint(machine.quota())"
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
        assert done.stdout == "1.5\n"
    finally:
        group.rmdir()


# ---------------------------------------------------------------------------------------------------------------------
# What `prepare` says


def test_where_all_is_there_it_says_nothing(capsys):
    machine.prepare(__version__, torch=True)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("missing", "named"), [({"anywidget"}, "anywidget"), ({"tqdm", "IPython"}, "ipython tqdm")])
def test_missing_packages_are_named_and_how_to_get_them(missing, named, monkeypatch):
    find = machine.importlib.util.find_spec
    monkeypatch.setattr(machine.importlib.util, "find_spec", lambda name: None if name in missing else find(name))
    with pytest.raises(ModuleNotFoundError, match=rf"`%pip install {named}`"):
        machine.prepare(__version__)


def test_torch_is_missed_only_where_it_is_needed(monkeypatch):
    find = machine.importlib.util.find_spec
    monkeypatch.setattr(machine.importlib.util, "find_spec", lambda name: None if name == "torch" else find(name))
    machine.prepare(__version__)
    with pytest.raises(ModuleNotFoundError, match=r"PyTorch, which is not installed here.*%pip install torch"):
        machine.prepare(__version__, torch=True)


def test_another_version_is_said_and_stops_nobody(capsys, monkeypatch):
    machine.prepare("99.0.1")
    out, err = capsys.readouterr()
    assert out == "" and "version 99.0.1" in err and __version__ in err and str(ROOT) in err
    assert "`make update` in your clone" in err
    monkeypatch.setattr(machine.shutil, "which", lambda name: None)  # as on Windows
    machine.prepare("99.0.1")
    assert "`git pull` in your clone" in capsys.readouterr().err


@pytest.mark.parametrize(("course", "notebook"), [("0.10.0", "0.9.0"), ("0.2.0", "0.1.0"), ("1.0.0", "0.10.10")])
def test_an_older_notebook_stays_and_one_that_is_newer_wants_a_pull(course, notebook, capsys, monkeypatch):
    """Who has just pulled hears of no pull: a copy that was worked in is older than the course from then on."""
    monkeypatch.setattr(machine, "__version__", course)
    machine.prepare(notebook)
    out, err = capsys.readouterr()
    assert err == "" and notebook in out and f"is newer, {course}" in out and "stays as it is" in out
    assert "pull" not in out and "update" not in out and "05_gru_gates-2.ipynb" in out
    assert f"`python -m tools.working_copies` in {ROOT}" in out
    monkeypatch.setattr(machine, "__version__", notebook)
    machine.prepare(course)
    out, err = capsys.readouterr()
    assert out == "" and f"This notebook is of version {course}" in err and "in your clone" in err
