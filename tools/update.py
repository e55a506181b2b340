"""Get the newest course: `python -m tools.update`, which is what `make update` does; `--force` while JupyterLab runs.

It is `git pull`, and then `tools.working_copies`. Where somebody has worked in the course's own notebooks, and the
course has changed these too, git refuses. Then their work is saved in my_lessons/ under a new name, and the pull goes
on.
"""

import argparse
import contextlib
import subprocess
import sys
from pathlib import Path

from tools.working_copies import FOLDER, ROOT

OPEN = """\
JupyterLab is running in {place}. A notebook that is open there might be written anew under your hands.
Save and close your notebooks first. Then stop JupyterLab, or go on with `{force}`."""
SAVED = "You have worked in {path}, and the course has changed it. Your work is {copy} now. Work on there."
FOREIGN = """\
You have changed {paths}, and so has the course. Nothing was touched, and your course is as it was.
Save your version under another name outside this folder. `git checkout HEAD -- {path}` brings the course's own back,
and you can update again."""
DIVERGED = """\
You have commits of your own here, so the course can't simply move on. Nothing was touched. `git log --oneline @{u}..`
lists them, and `git pull --rebase` puts them behind what is new."""
NO_NEWS = """\
Nothing new could be had, and git says why. Is the network off? Nothing was touched, and your work is as it was."""
NO_CLONE = """\
{root} is no clone of the course, so there is nothing to pull. Download the new version, and
copy your {folder}/ into it."""


def running(root: Path = ROOT) -> Path | None:
    """The folder of a Jupyter server that runs now and serves files of the course at `root`; None if there is none."""
    try:
        from jupyter_server.serverapp import list_running_servers
    except ImportError:
        return None
    root = root.resolve()
    for server in list_running_servers():
        place = Path(server["root_dir"]).resolve()
        if place.is_relative_to(root) or root.is_relative_to(place):
            return place
    return None


def pull(root: Path = ROOT) -> list[str]:
    """`git pull` in the clone at `root`, after what is in its way has been saved in my_lessons/.

    Returns what the student should hear of, a line for each notebook that was saved.

    Raises ValueError if the pull can't be made, and says why, or what to do.
    """
    inside = _git(root, "rev-parse", "--show-prefix")  # where in a clone this folder is: "" at its top
    if inside is None or inside.strip():
        raise ValueError(NO_CLONE.format(root=root, folder=FOLDER))
    done = subprocess.run(["git", "-C", str(root), "pull", "--ff-only"], capture_output=True, text=True)
    if not done.returncode:
        print(done.stdout, end="")
        return []
    if _git(root, "merge-base", "HEAD", "@{u}") is None:  # the branch that this one follows, as just fetched
        raise ValueError(done.stderr + NO_NEWS)
    if _git(root, "merge-base", "--is-ancestor", "HEAD", "@{u}") is None:
        raise ValueError(done.stderr + DIVERGED)
    tracked = _names(root, "diff", "--name-only", "HEAD")
    own = {*tracked, *_names(root, "ls-files", "--others", "--exclude-standard")}
    paths = [path for path in _names(root, "diff", "--name-only", "--no-renames", "HEAD", "@{u}") if path in own]
    others = [path for path in paths if not path.endswith(".ipynb")]
    if others:
        raise ValueError(FOREIGN.format(paths=", ".join(others), path=others[0]))
    if not paths:
        raise ValueError(done.stderr + NO_NEWS)
    said = []
    for path in paths:
        if (root / path).exists():
            copy = _saved(root / path, root / FOLDER)
            said.append(SAVED.format(path=path, copy=copy.relative_to(root).as_posix()))
        if path in tracked:
            _git(root, "checkout", "HEAD", "--", path)
        else:  # a file of the student's own, of a name that the course has now
            (root / path).unlink()
    again = subprocess.run(["git", "-C", str(root), "merge", "--ff-only", "@{u}"], capture_output=True, text=True)
    if again.returncode:
        raise ValueError("\n".join([again.stderr + "The rest of the update could not be done; git says why.", *said]))
    print(again.stdout, end="")
    return said


def _saved(path: Path, folder: Path) -> Path:
    """A copy of the file at `path` under a name that is free in `folder`, such as 05_gru_gates-yours.ipynb."""
    folder.mkdir(exist_ok=True)
    content, number = path.read_bytes(), 1
    while True:
        copy = folder / f"{path.stem}-yours{'' if number == 1 else f'-{number}'}{path.suffix}"
        with contextlib.suppress(FileExistsError), copy.open("xb") as file:
            file.write(content)
            return copy
        number += 1


def _git(root: Path, *arguments: str) -> str | None:
    """What git says in the clone at `root`, None where it fails."""
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True)
    except FileNotFoundError:
        raise ValueError("No git here. Install it, and try again.") from None
    return None if done.returncode else done.stdout


def _names(root: Path, *arguments: str) -> list[str]:
    """The files that git lists, whatever letters their names have."""
    return [name for name in (_git(root, *arguments, "-z") or "").split("\0") if name]


def main() -> None:
    """Pull, and refresh the copies, unless notebooks may be open."""
    parser = argparse.ArgumentParser(prog="python -m tools.update", description=__doc__.splitlines()[0])
    parser.add_argument("--force", action="store_true", help="also while JupyterLab runs")
    force = parser.parse_args().force
    place = None if force else running()
    try:
        if place:
            again = "make update FORCE=1" if (ROOT / "Makefile").exists() else "python -m tools.update --force"
            raise ValueError(OPEN.format(place=place, force=again))
        said = pull()
    except ValueError as error:
        sys.exit(str(error))
    print("".join(f"{line}\n" for line in said), end="", flush=True)
    copied = subprocess.run([sys.executable, "-m", "tools.working_copies"], cwd=ROOT, check=False)  # the new one
    sys.exit(copied.returncode)


if __name__ == "__main__":
    main()
