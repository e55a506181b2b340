"""The machine under a lesson. The first cell of every notebook calls `prepare`, before NumPy is imported.

A container on a shared computer may use, say, 2 of its 16 processors. NumPy and torch see all 16 and start 16 threads,
which then wait for each other. The share stands in the container's control group ("cgroup"), and `follow_quota` tells
it to both libraries.
"""

import importlib.util
import os
import re
import shutil
import sys
from pathlib import Path

from course_utils import __version__

NEEDED = {"numpy": "numpy", "matplotlib": "matplotlib", "IPython": "ipython", "anywidget": "anywidget", "tqdm": "tqdm"}
TORCH = """\
This lesson holds its results against PyTorch, which is not installed here. Run `%pip install torch` in a cell of its \
own, then run this one again. Where pip finds no PyTorch, the page docs/platforms.md of the course says what to do."""
CGROUPS, OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def quota(cgroups: Path = CGROUPS, own: Path = OWN) -> float | None:
    """How many processors the control groups of this process grant to it, such as 1.5; None if they set no limit.

    cgroups  where the control groups are mounted.
    own      the file that names those of this process, a line "number:controllers:path" for each hierarchy.

    Both versions are read, and all groups above the own one, since the smallest share holds.
    """
    shares = []
    for line in _text(own).splitlines():
        _, controllers, path = line.split(":", 2)
        root = cgroups / "cpu" if controllers else cgroups
        group = root / path.strip("/")
        for folder in [group, *group.parents]:
            if not folder.is_relative_to(root):
                break
            if controllers:  # version 1: the quota is -1 if there is none
                share = _text(folder / "cpu.cfs_quota_us").split() + _text(folder / "cpu.cfs_period_us").split()
            else:  # version 2: "150000 100000", or "max 100000"
                share = _text(folder / "cpu.max").split()
            if len(share) == 2 and share[0] not in ("max", "-1"):
                shares.append(int(share[0]) / int(share[1]))
    return min(shares, default=None)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:  # another system, or a folder that this container can't see
        return ""


def processors() -> int:
    """On how many processors this process may run, whatever its quota."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def follow_quota(cgroups: Path = CGROUPS, own: Path = OWN) -> None:
    """Give NumPy and torch one thread for each whole processor of the quota, unless OMP_NUM_THREADS is set already.

    Both read that variable once, when they are imported; afterwards this changes nothing for them.
    """
    share = quota(cgroups, own)
    if share is not None and share < processors():
        os.environ.setdefault("OMP_NUM_THREADS", str(threads(share)))


def threads(share: float) -> int:
    """How many threads NumPy and torch get of a share of processors, such as 1.5: one for each whole processor."""
    return max(1, int(share))


def prepare(version: str, torch: bool = False) -> None:
    """Make ready for a notebook of this version of the course.

    version  the notebook's.
    torch    whether it needs PyTorch, too.

    Raises ModuleNotFoundError if a package is missing, and says how to install it. Says in some sentences if the
    notebook and the course are of different versions: a copy that a student works in stays older than the course.
    """
    follow_quota()
    missing = [name for module, name in NEEDED.items() if importlib.util.find_spec(module) is None]
    if missing:
        install = f"%pip install {' '.join(missing)}"
        raise ModuleNotFoundError(
            f"The lessons need {', '.join(missing)}. Run `{install}` in a cell of its own, then run this one again."
        )
    if torch and importlib.util.find_spec("torch") is None:
        raise ModuleNotFoundError(TORCH)
    folder = Path(__file__).resolve().parent.parent
    if _numbers(version) < _numbers(__version__):
        again = f"rename yours, run `python -m tools.working_copies` in {folder}, and a new one comes"
        elsewhere = "take the lesson or assignment of that version"
        print(
            f"This notebook is of version {version}, and the course in {folder} is newer, {__version__}.",
            "It stays as it is, and so does your work. If a cell fails, look for a newer copy beside it with a number,",
            "such as 05_gru_gates-2.ipynb. If there is none,",
            f"{again if (folder / 'tools' / 'working_copies.py').exists() else elsewhere}.",
        )
    elif version != __version__:
        has_make = (folder / "Makefile").exists() and shutil.which("make")  # no student edition has one, nor Windows
        newest = "make update" if has_make else "git pull"
        print(
            f"This notebook is of version {version} of the course. The course in {folder} is of version {__version__}.",
            f"If a cell fails, get both in the same version: `{newest}` in your clone of the course; on Colab, open "
            "the lesson anew, or remove that folder.",
            file=sys.stderr,
        )


def _numbers(version: str) -> list[int]:
    """A version as numbers, since 0.10.0 is newer than 0.9.0."""
    return [int(number) for number in re.findall(r"\d+", version)]
