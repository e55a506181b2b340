"""Write the student edition: `python -m coursework.grader.student FOLDER`, or `make student OUT=FOLDER`.

Only what is named here goes in. Before anything is written to FOLDER, a gate looks for what must not leave the house;
if it finds any of it, nothing is written.
"""

import argparse
import copy
import json
import re
import shutil
import sys
import tempfile
from pathlib import Path

import nbformat
from nbgrader.preprocessors import ClearHiddenTests, ClearMarkScheme, ClearOutput, ClearSolutions, LockCells

from coursework.grader.assignment import load

ROOT = Path(__file__).resolve().parents[2]
FILES = (
    "LICENSE",
    "CITATION.cff",
    "constraints.txt",
    "environment.yml",
    "pyproject.toml",
    "requirements.txt",
    "course_utils/**/*",
    "data/*",
    "notebooks/*.ipynb",
)
STUB = {"python": "..."}  # what the notebooks ask to replace; unlike nbgrader's own, it lets all cells run
CLEANERS = (ClearSolutions(code_stub=STUB), LockCells(), ClearHiddenTests(), ClearMarkScheme(), ClearOutput())
MARKERS = tuple(f"{edge} {part}" for edge in ("BEGIN", "END") for part in ("SOLUTION", "HIDDEN TESTS", "MARK SCHEME"))
REGION = re.compile(r"### BEGIN (?:SOLUTION|HIDDEN TESTS|MARK SCHEME)\n(.*?)### END ", re.S)
FORBIDDEN = ("key.py", "gradebook.db", "nbgrader_config.py")
README = """\
# Gradients through time: student edition

```
python -m venv .venv
.venv\\Scripts\\activate            (Linux, macOS: source .venv/bin/activate)
pip install -r requirements.txt
jupyter lab notebooks/00_start_here.ipynb
```

The lessons are in `notebooks/`, the assignments in `coursework/`. Hand in the notebook of an assignment, `psN.ipynb`,
under its own name and with every cell where it was. The checks in it know the common mistakes; the points come from the
same questions with other numbers.
"""


class LeakError(ValueError):
    """Something would have left the house."""


def released(assignment):
    """An assignment's notebook without solutions, hidden tests and outputs."""
    notebook = copy.deepcopy(assignment.notebook)
    for cleaner in CLEANERS:
        notebook, _ = cleaner.preprocess(notebook, {})
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    return notebook


def build(out, root=ROOT):
    """Write the student edition of the course at `root` to a folder that is new or empty. Returns its files."""
    out, root = Path(out), Path(root)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"out: {out} is there already and is not an empty folder")
    names = sorted(path.parent.name for path in (root / "coursework").glob("*/key.py"))
    assignments = [load(name, root / "coursework") for name in names]
    with tempfile.TemporaryDirectory() as temporary:
        edition = Path(temporary) / "edition"
        for pattern in FILES:
            for path in sorted(root.glob(pattern)):
                if path.is_file() and not path.is_symlink() and "__pycache__" not in path.parts:
                    copy_to = edition / path.relative_to(root)
                    copy_to.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(path, copy_to)
        for assignment in assignments:
            place = edition / "coursework" / assignment.name / f"{assignment.name}.ipynb"
            place.parent.mkdir(parents=True)
            nbformat.write(released(assignment), place)
        (edition / "README.md").write_text(README, encoding="utf-8")
        found = leaks(edition, assignments)
        if found:
            raise LeakError("Nothing was written, this would leak:\n" + "\n".join(found))
        out.mkdir(parents=True, exist_ok=True)
        shutil.copytree(edition, out, dirs_exist_ok=True)
    return sorted(path.relative_to(out) for path in out.rglob("*") if path.is_file())


def leaks(edition, assignments):
    """Sentences on everything in a folder that students must not get; none if all is well."""
    secrets = {assignment.name: _secrets(assignment) for assignment in assignments}
    found = []
    for path in sorted(path for path in edition.rglob("*") if path.is_file()):
        name = str(path.relative_to(edition))
        if path.name in FORBIDDEN or {"grader", ".git"} & set(path.relative_to(edition).parts):
            found.append(f"{name}: a file for instructors")
        text = _text(path)
        found += [f"{name}: the marker {marker}" for marker in MARKERS if re.search(rf"#+ *{marker}", text)]
        if "coursework.grader" in text:
            found.append(f"{name}: a key, or code of the grader")
        squeezed = _squeeze(text)
        for assignment, (regions, lines, sentences) in secrets.items():
            own = path.name == f"{assignment}.ipynb"
            found += [f"{name}: a solution or hidden test: {region[:60]}" for region in regions if region in squeezed]
            found += [f"{name}: a model answer: {words[:60]}" for words in sentences if words in squeezed]
            if own:
                found += [f"{name}: a line of a solution: {line[:60]}" for line in lines if line in squeezed]
    return found


def _secrets(assignment):
    """(regions, single lines, sentences of model answers) of an assignment, squeezed.

    A region counts anywhere if it is long enough to be no coincidence; a single line counts in the assignment's own
    notebook, unless the notebook shows it elsewhere.
    """
    sources = [cell.source for cell in assignment.notebook.cells]
    hidden = [region for source in sources for region in REGION.findall(source)]
    shown = _squeeze("\n".join(REGION.sub("", source) for source in sources))
    regions = [_squeeze(region) for region in hidden if len([*filter(str.strip, region.split("\n"))]) >= 3]
    lines = {_squeeze(line) for region in hidden for line in region.split("\n")}
    models = [sentence for essay in assignment.essays.values() for sentence in re.split(r"(?<=[.!?:;])\s", essay.model)]
    sentences = {_squeeze(sentence) for sentence in models}
    lines = {line for line in lines if len(line) >= 8 and line not in shown}
    return regions, sorted(lines), sorted(words for words in sentences if len(words) >= 25 and words not in shown)


def _text(path):
    """A file's words. In a notebook those of cells and of outputs that are words, without pictures."""
    text = path.read_bytes().decode("utf-8", "replace")
    if path.suffix == ".ipynb":
        try:
            return "\n".join(_strings(json.loads(text)))
        except (ValueError, RecursionError):
            return text
    return text


def _strings(data):
    if isinstance(data, str):
        yield data
    elif isinstance(data, list) and all(isinstance(item, str) for item in data):
        yield "".join(data)
    elif isinstance(data, list):
        for item in data:
            yield from _strings(item)
    elif isinstance(data, dict):
        for key, item in data.items():
            if key != "image/png":
                yield from _strings(item)


def _squeeze(text):
    """Text without white space, so that neither indents nor line breaks hide anything."""
    return re.sub(r"\s+", "", text)


def main():
    """Write the edition, or say what would leak."""
    parser = argparse.ArgumentParser(prog="python -m coursework.grader.student", description=__doc__)
    parser.add_argument("out", type=Path, help="a folder that is new or empty")
    try:
        files = build(parser.parse_args().out)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{len(files)} files written, nothing leaks.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
