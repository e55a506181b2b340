"""Where the course runs: `make matrix`, or `python -m tools.matrix [resolve | run SET ...]`. Writes docs/platforms.md.

`resolve` asks the package index, and installs nothing: for each system and each Python, is there a wheel of everything
that requirements.txt and pyproject.toml name?

`run` takes each lesson alone into an empty folder, as someone does who has downloaded just that notebook, and runs it
on a set of versions: its first cell fetches the course from a repository on this machine. Lessons that need torch are
left out where the set has none. `--kernel PATH` takes a Python that is there already instead of a new environment.
"""

import argparse
import datetime
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from tools import heads, notebooks

ROOT = heads.ROOT
PAGE = ROOT / "docs" / "platforms.md"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
SYSTEMS = {
    "Linux, x86-64": "x86_64-manylinux_2_28",
    "Linux, ARM": "aarch64-manylinux_2_28",
    "macOS 14, Apple chip": "aarch64-apple-darwin",
    "macOS 14, Intel chip": "x86_64-apple-darwin",
    "Windows, x86-64": "x86_64-pc-windows-msvc",
    "Windows, ARM": "aarch64-pc-windows-msvc",
}
MEMORY = """\
import resource, sys
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1 if sys.platform != "darwin" else 1024) // 1024)"""
SETS = {  # name: what it is, its Python
    "lowest": ("the lowest versions that pyproject.toml allows", "3.11"),
    "pins": ("the versions of requirements.txt", "3.11"),
    "newest": ("the newest of everything", "3.13"),
    "colab": ("what Colab has, .ci/colab.txt", "3.13"),
}


@dataclass(frozen=True)
class Ran:
    """How the lessons did on a set of versions: {lesson: seconds, or why not}, and the largest memory of a kernel."""

    name: str
    versions: dict[str, str]
    lessons: dict[str, str]
    megabytes: int
    differ: list[str]


def uv(*arguments: str, **options: Any) -> subprocess.CompletedProcess:
    """Run uv, quietly."""
    command = [sys.executable, "-m", "uv", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, **options)


# ---------------------------------------------------------------------------------------------------------------------
# Dry runs


def wheels(wanted: list[str], system: str, python: str, lowest: bool = False) -> str:
    """What has no wheel there, of `wanted` and all that these need in turn; "" if nothing is missing."""
    way = ["--resolution", "lowest-direct"] if lowest else []
    place = ["--python-platform", system, "--python-version", python, "--only-binary", ":all:"]
    here = os.environ | {"MACOSX_DEPLOYMENT_TARGET": "14.0"}  # for which torch is built
    done = uv("pip", "compile", "--quiet", "--no-header", *way, *place, "-", input="\n".join(wanted), env=here)
    if done.returncode == 0:
        return ""
    told = re.sub(r"\s+", " ", done.stderr)
    named = re.findall(r"(?:Because |And because |because )([A-Za-z0-9-]+)[=<>!]+", told)
    return named[0] if named else told.strip()[:80]


def bounds(*extras: str) -> list[str]:
    """What pyproject.toml asks for, with these extras."""
    about = heads.project()
    return about["dependencies"] + [line for extra in extras for line in about["optional-dependencies"][extra]]


def pins() -> list[str]:
    """The pins of requirements.txt, wherever they apply."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return [line.partition(" ;")[0] for line in lines if "==" in line]


def resolved() -> list[str]:
    """Lines of a table: which systems and Pythons have wheels."""
    lines = ["| system | what | " + " | ".join(PYTHONS) + " |", "|---|---|" + "---|" * len(PYTHONS)]
    for system, triple in SYSTEMS.items():
        for what, wanted, lowest in (
            ("pins, torch included", pins(), False),
            ("lowest versions, torch where there is one", bounds("lab", "torch"), True),
        ):
            cells = [wheels(wanted, triple, python, lowest) for python in PYTHONS]
            lines.append(f"| {system} | {what} | " + " | ".join(f"no {cell}" if cell else "✓" for cell in cells) + " |")
            print(lines[-1], flush=True)
    return lines


# ---------------------------------------------------------------------------------------------------------------------
# Runs


def environment(name: str, place: Path, python: str, torch: bool = True) -> Path:
    """A new environment with a set of versions. Returns its Python. Raises RuntimeError if it can't be made."""
    extras = ("lab", "torch") if torch else ("lab",)
    uv("venv", "--quiet", "--python", python, str(place), check=True)
    kernel = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    way = {
        "lowest": ["--resolution", "lowest-direct", *bounds(*extras)],
        "pins": ["-r", "requirements.txt"],
        "newest": ["--upgrade", *(re.split("[=<>;]", line)[0] for line in bounds(*extras))],
        "colab": ["-r", ".ci/colab.txt"],
    }[name]
    done = uv("pip", "install", "--quiet", "--python", str(kernel), *way)
    if done.returncode:
        raise RuntimeError(f"{name} can't be installed here: {done.stderr.strip()[-400:]}")
    uv("pip", "uninstall", "--quiet", "--python", str(kernel), heads.project()["name"])  # the first cell fetches it
    return kernel


def edition(place: Path) -> Path:
    """A bare repository with the course as it lies here, under the tag that first cells fetch."""
    work, bare = place / "work", place / "course.git"
    for folder in ("course_utils", "data"):
        shutil.copytree(ROOT / folder, work / folder, ignore=shutil.ignore_patterns("__pycache__"))
    git = ["git", "-c", "user.name=course", "-c", "user.email=course@example.org", "-C", str(work)]
    tag = f"{heads.EDITION}-v{heads.project()['version']}"
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "course"], ["tag", tag]):
        subprocess.run([*git, *arguments], check=True)
    subprocess.run(["git", "clone", "-q", "--bare", str(work), str(bare)], check=True)
    return bare


def alone(lesson: Path, kernel: Path, source: Path) -> tuple[str, int, bool]:
    """Run a lesson alone in an empty folder. Returns (seconds or the error, MB, whether it printed what is stored)."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        spec = Path(folder, "jupyter", "kernels", "alone", "kernel.json")
        spec.parent.mkdir(parents=True)
        argv = [str(kernel), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        settings = {"COURSE_SOURCE": source.as_uri(), "OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1", "PYTHONPATH": ""}
        settings |= {"MPLBACKEND": "module://matplotlib_inline.backend_inline", "PYTHONWARNINGS": "ignore"}
        spec.write_text(json.dumps({"argv": argv, "display_name": "alone", "language": "python", "env": settings}))
        os.environ["JUPYTER_PATH"] = str(Path(folder, "jupyter"))
        notebook = nbformat.read(lesson, as_version=4)
        stored = printed(notebook)
        notebook.cells.append(nbformat.v4.new_code_cell(MEMORY if os.name == "posix" else "print(0)"))
        empty, start = Path(folder, "empty"), time.monotonic()
        empty.mkdir()
        resources = {"metadata": {"path": str(empty)}}
        try:
            NotebookClient(notebook, timeout=900, kernel_name="alone", resources=resources).execute()
        except CellExecutionError as error:
            return f"{error.ename}: {error.evalue}".splitlines()[0][:200], 0, False
        used = int(notebook.cells.pop().outputs[0].text)
        return f"{time.monotonic() - start:.0f} s", used, printed(notebook) == stored


def printed(notebook: nbformat.NotebookNode) -> list[str]:
    """What each code cell prints."""
    outputs = [cell.get("outputs", []) for cell in notebook.cells if cell.cell_type == "code"]
    return ["".join(notebooks.printed(output) for output in cell if output.get("name") != "stderr") for cell in outputs]


def run(name: str, kernel: Path, lessons: Iterable[Path]) -> Ran:
    """Run lessons alone on this Python; those that need torch only if it is there."""
    modules = ["numpy", "matplotlib", "IPython", "ipykernel", "ipywidgets", "anywidget", "torch"]
    code = f"""
import importlib.metadata as m, json, platform
found = {{"Python": platform.python_version()}}
for name in {modules}:
    try: found[name] = m.version(name)
    except m.PackageNotFoundError: pass
print(json.dumps(found))"""
    versions = json.loads(subprocess.run([str(kernel), "-c", code], capture_output=True, check=True).stdout)
    outcomes, megabytes, differ = {}, 0, []
    with tempfile.TemporaryDirectory() as place:
        source = edition(Path(place))
        for lesson in lessons:
            if "torch" not in versions and heads.needs_torch(nbformat.read(lesson, as_version=4)):
                outcomes[lesson.stem] = "needs torch"
                continue
            outcomes[lesson.stem], used, same = alone(lesson, kernel, source)
            megabytes = max(megabytes, used)
            differ += [] if same else [lesson.stem[:2]]
            print(f"{name}: {lesson.stem}: {outcomes[lesson.stem]}, {used} MB, as stored: {same}", flush=True)
    return Ran(name, versions, outcomes, megabytes, differ)


def row(ran: Ran) -> str:
    """A line of the table of runs."""
    good = sum(outcome.endswith(" s") for outcome in ran.lessons.values())
    out = [name[:2] for name, outcome in ran.lessons.items() if outcome == "needs torch"]
    versions = ", ".join(f"{name} {version}" for name, version in ran.versions.items())
    left = f"; {', '.join(out)} need torch" if out else ""
    print_else = f"; other words in {', '.join(ran.differ)}" if ran.differ else ""
    system = f"{platform.system()} {platform.machine()}"
    today = datetime.date.today()
    return (
        f"| {ran.name} | {system} | {versions} | {good} of {len(ran.lessons)}{left}{print_else} | {ran.megabytes} MB "
        f"| {today} |"
    )


# ---------------------------------------------------------------------------------------------------------------------
# The page


def section(text: str, name: str, lines: list[str]) -> str:
    """The page with the part between two comments written anew. In a table of runs, those of other sets, systems and
    Pythons keep their lines."""
    begin, end = f"<!-- {name}: `make matrix` writes it -->\n\n", f"\n<!-- end of {name} -->"
    before, rest = text.split(begin)
    old, after = rest.split(end)
    if name == "runs":
        written = {_what_ran(line) for line in lines}
        kept = old.splitlines()
        lines = kept[:2] + [line for line in kept[2:] if _what_ran(line) not in written] + lines
    return before + begin + "\n".join(lines) + "\n" + end + after


def _what_ran(line: str) -> tuple[str, ...]:
    """(set, system, Python without its last number) of a line of `row`."""
    name, system, versions = line.split("|")[1:4]
    return name.strip(), system.strip(), *re.findall(r"Python (\d+\.\d+)", versions)


def write(name: str, lines: list[str], check: bool) -> None:
    """Write a section of the page, or only say what it would hold."""
    print("\n".join(lines))
    if not check:
        PAGE.write_text(section(PAGE.read_text(encoding="utf-8"), name, lines), encoding="utf-8", newline="\n")


def main() -> None:
    """Resolve, run, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m tools.matrix", description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", choices=["resolve", "run", "all"], default="all")
    parser.add_argument("sets", nargs="*", help=f"of {', '.join(SETS)}; all by default")
    parser.add_argument("--python", help="its version, if not the set's own")
    parser.add_argument("--kernel", type=Path, help="a Python that is there already, for one set")
    parser.add_argument("--without-torch", action="store_true", help="of the sets lowest and newest: quick to download")
    parser.add_argument("--lessons", nargs="*", type=Path, default=heads.lessons())
    parser.add_argument("--check", action="store_true", help="write no page")
    wanted, failed = parser.parse_args(), False
    if wanted.what in ("resolve", "all"):
        write("wheels", [f"Asked on {datetime.date.today()}.", "", *resolved()], wanted.check)
    for name in (wanted.sets or SETS) if wanted.what in ("run", "all") else ():
        with tempfile.TemporaryDirectory() as place:
            try:
                kernel = (
                    wanted.kernel.absolute()
                    if wanted.kernel
                    else environment(
                        name, Path(place, "venv"), wanted.python or SETS[name][1], not wanted.without_torch
                    )
                )
            except (RuntimeError, subprocess.CalledProcessError) as error:
                print(f"{name}: {error}", file=sys.stderr)
                failed = True
                continue
            ran = run(name, kernel, wanted.lessons)
        failed |= not all(outcome.endswith((" s", "needs torch")) for outcome in ran.lessons.values())
        write("runs", [row(ran)], wanted.check)
    sys.exit(failed)


if __name__ == "__main__":
    main()
