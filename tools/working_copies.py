"""Copies of the lessons to work in: `python -m tools.working_copies [folder]`, my_lessons/ by default; in `make lab`.

A copy holds no outputs, so that no answer shows before its time. It is the student's from then on. When a lesson of the
course changes, a copy that nobody has run or changed is written anew; one that has been worked in stays as it is, and
the new version comes beside it under a numbered name. `.written.json` in that folder remembers what was written.
"""

import argparse
import hashlib
import json
import os
import re
import secrets
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = "my_lessons"
RECORD = ".written.json"  # {lesson: {"course": `_work` of what came last, "copies": {file: its `_work` as written}}}


def stripped(notebook: bytes) -> bytes:
    """A notebook's bytes without outputs and traces of a run."""
    content = json.loads(notebook)
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
            for key in ("execution", "collapsed", "scrolled"):
                cell["metadata"].pop(key, None)
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def refresh(source: Path, folder: Path) -> list[str]:
    """Bring the working copies in `folder` up to the lessons in `source`. Returns what the student should hear of, one
    line for each lesson of which there are two versions now."""
    folder.mkdir(exist_ok=True)
    record = _read(folder / RECORD)
    said = []
    lessons = {path.name: stripped(path.read_bytes()) for path in sorted(source.glob("*.ipynb"))}
    for name, lesson in lessons.items():
        entry = record.setdefault(name, {"course": "", "copies": {}})
        if entry["course"] == _work(lesson) and (folder / name).exists():
            continue
        place = _place(folder, name, lesson, entry["copies"])
        if not place.exists() or place.read_bytes() != lesson:
            _write(place, lesson)
        if place.name != name:
            said.append(f"{name} has changed since you got it. Yours is as it was, the new one is {place.name}.")
        entry["copies"][place.name] = entry["course"] = _work(lesson)
        _write(folder / RECORD, json.dumps(record, indent=1).encode())
    for name in [name for name in record if name not in lessons]:  # the course has dropped it or named it anew
        for copy, written in record.pop(name)["copies"].items():
            if (folder / copy).is_file() and _work((folder / copy).read_bytes()) == written:
                (folder / copy).unlink(missing_ok=True)
        _write(folder / RECORD, json.dumps(record, indent=1).encode())
    return said


def _place(folder: Path, name: str, lesson: bytes, copies: dict[str, str]) -> Path:
    """Where this version goes: the copy itself if nobody has worked in it, else a numbered one beside it."""
    if not (folder / name).exists():
        return folder / name
    stem, number = Path(name).stem, 1
    while (place := folder / (name if number == 1 else f"{stem}-{number}.ipynb")).exists():
        if _work(place.read_bytes()) in (copies.get(place.name), _work(lesson)):
            return place
        number += 1
    return place


def _read(path: Path) -> dict:
    """The record; without one that can be read, every copy counts as worked in."""
    try:
        record = json.loads(path.read_bytes())
        return {name: {"course": entry["course"], "copies": dict(entry["copies"])} for name, entry in record.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _write(path: Path, content: bytes) -> None:
    """All of it or nothing, whenever the machine stops, and whoever else writes the same file at this moment."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _work(notebook: bytes) -> str:
    """Hash of what people put into a notebook: cells and outputs, whatever the version that the first cell names.

    JupyterLab changes the rest by opening it.
    """
    try:
        cells = json.loads(notebook)["cells"]
        own = [[cell.get(key) for key in ("cell_type", "source", "attachments", "outputs")] for cell in cells]
    except (ValueError, KeyError, TypeError, AttributeError):
        return hashlib.sha256(notebook).hexdigest()
    for cell in own:
        cell[1] = re.sub(r'^version = ".*"$', "", "".join(cell[1] or ""), flags=re.M)  # a new one is no new lesson
    return hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()


def main() -> None:
    """Refresh the working copies and say of which lessons there are two versions now."""
    parser = argparse.ArgumentParser(prog="python -m tools.working_copies", description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / FOLDER)
    folder = parser.parse_args().folder
    try:
        said = refresh(ROOT / "notebooks", folder)
    except OSError as error:
        sys.exit(f"The lessons could not be copied to {folder}: {error}")
    print("\n".join(said or [f"Your copies of the lessons are in {folder.name}/."]))


if __name__ == "__main__":
    main()
