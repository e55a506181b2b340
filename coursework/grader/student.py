"""Write the student edition: `python -m coursework.grader.student FOLDER`, or `make student OUT=FOLDER`.

Only what is named here goes in. Before anything is written to FOLDER, the gate in `leaks` looks for what must not leave
the house; if it finds any of it, nothing is written.
"""

import argparse
import copy
import shutil
import sys
import tempfile
from pathlib import Path

import nbformat
from nbgrader.preprocessors import ClearHiddenTests, ClearMarkScheme, ClearOutput, ClearSolutions, LockCells

from coursework.grader.assignment import Assignment, load, names
from coursework.grader.leaks import leaks
from coursework.grader.notebook import write_all
from coursework.grader.table import table
from tools import heads
from tools.working_copies import stripped

ROOT = Path(__file__).resolve().parents[2]
FILES = (
    ".binder/*",
    ".gitignore",
    "LICENSE",
    "CITATION.cff",
    "constraints.txt",
    "environment.yml",
    "pyproject.toml",
    "requirements.txt",
    "course_utils/**/*",
    "coursework/*.py",
    "data/*",
    "docs/platforms.md",
    "docs/probed.md",
    "docs/questions.md",
    "hub/**/*",
    "notebooks/*.ipynb",
    "tools/lab/**/*",
    "tools/update.py",
    "tools/working_copies.py",
)
STUB = {"python": "..."}  # what the notebooks ask to replace; unlike nbgrader's own, it lets all cells run
CLEANERS = (ClearSolutions(code_stub=STUB), LockCells(), ClearHiddenTests(), ClearMarkScheme(), ClearOutput())
README = """\
# Gradients through time: student edition

```
python -m venv .venv
.venv\\Scripts\\activate            (Linux, macOS: source .venv/bin/activate)
pip install -r requirements.txt
python -m tools.lab
```

On Linux, pip's PyTorch brings GPU libraries that the course doesn't need, 2.7 GB to download. In place of the third
line, `pip install uv` and `uv pip install --torch-backend=cpu -r requirements.txt` leave them out.

The last line copies lessons and assignments to `my_lessons/` and opens the first lesson there. The copies are yours.
They hold no outputs, so that you can guess before you see. When a new version of the course is there, save and close
your notebooks, stop JupyterLab, and run `python -m tools.update`. It runs `git pull`. A notebook that you have worked
in stays as it is, and the new one comes beside it. Work in `my_lessons/` only: a notebook in another folder that both
you and the course have changed would stop `git pull`, so `tools.update` saves your version of it as
`my_lessons/...-yours.ipynb` first. If `requirements.txt` has changed, run the line with `pip` again. Then
`python -m tools.lab` opens the course.

The assignments are `my_lessons/ps1.ipynb` and so on. Hand in that file, with every cell where it was. If an assignment
has changed since you began, and `ps1-2.ipynb` lies beside `ps1.ipynb`, finish one of the two and hand in that one.
The checks in it know the common mistakes, from a table of numbers (`hints.json`); the points come from the same
questions with other numbers.

[Where the course runs](docs/platforms.md) says what to do where pip finds no PyTorch, and
[Where is my question answered?](docs/questions.md) leads from twenty questions to the lessons.
"""
ERRATA = """
[Errata]({address}/blob/HEAD/docs/errata.md) says which mistakes are known in versions that are out, and how to report
the next one.
"""


class LeakError(ValueError):
    """Something would have left the house."""


def released(assignment: Assignment) -> nbformat.NotebookNode:
    """An assignment's notebook without solutions, hidden tests and outputs."""
    notebook = copy.deepcopy(assignment.notebook)
    for cleaner in CLEANERS:
        notebook, _ = cleaner.preprocess(notebook, {})
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    return notebook


def build(out: Path, root: Path = ROOT) -> list[Path]:
    """Write the student edition of the course at `root` to a folder that is new or empty. Returns its files."""
    out, root = Path(out), Path(root)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"out: {out} is there already and is not an empty folder")
    assignments = [load(name, root / "coursework") for name in names(root / "coursework")]
    with tempfile.TemporaryDirectory() as temporary:
        edition = Path(temporary) / "edition"
        for pattern in FILES:
            for path in sorted(root.glob(pattern)):
                if path.is_file() and not path.is_symlink() and "__pycache__" not in path.parts:
                    copy_to = edition / path.relative_to(root)
                    copy_to.parent.mkdir(parents=True, exist_ok=True)
                    lesson = path.suffix == ".ipynb"  # its outputs would show answers before the reader has guessed
                    copy_to.write_bytes(stripped(path.read_bytes()) if lesson else path.read_bytes())
        for assignment in assignments:
            place = edition / "coursework" / assignment.name
            place.mkdir(parents=True)
            nbformat.write(released(assignment), place / f"{assignment.name}.ipynb")
            (place / "hints.json").write_text(table(assignment), encoding="utf-8")
        home = heads.address(root)
        errata = "" if heads.PLACEHOLDER in home else ERRATA.format(address=home)
        (edition / "README.md").write_text(README + errata, encoding="utf-8")
        found = leaks(edition, assignments)
        if found:
            raise LeakError("Nothing was written, this would leak:\n" + "\n".join(found))
        out.mkdir(parents=True, exist_ok=True)
        shutil.copytree(edition, out, dirs_exist_ok=True)
    return sorted(path.relative_to(out) for path in out.rglob("*") if path.is_file())


def main() -> int:
    """Write the edition, or say what would leak."""
    parser = argparse.ArgumentParser(prog="python -m coursework.grader.student", description=__doc__)
    parser.add_argument("out", type=Path, help="a folder that is new or empty")
    out = parser.parse_args().out
    write_all()
    try:
        files = build(out)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{len(files)} files written, nothing leaks.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
