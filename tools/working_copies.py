"""Copies to work in, of lessons and assignments: `python -m tools.working_copies [folder]`, my_lessons/ by default.

`make lab` and `make update` run it. A copy holds no outputs, so that no answer shows before its time, and one of an
assignment is as students get it, without solutions. It is the student's from then on. When a notebook of the course
changes, a copy that nobody has run or changed is written anew; one that has been worked in stays as it is, and the new
version comes beside it under a numbered name. `.written.json` in that folder remembers what was written.

The pages that lessons link to are copied with them. So no link leads from a copy to the course's own notebooks, in
which a student's work would be in the way of the next `git pull`.
"""

import argparse
import hashlib
import json
import os
import re
import secrets
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = "my_lessons"
RECORD = (
    ".written.json"  # {notebook or page: {"course": `_lesson` of what came last, "copies": {file: `_work` as written}}}
)
EDGE = re.compile(r"(\s*).*(BEGIN|END) (SOLUTION|HIDDEN TESTS|MARK SCHEME)")  # of what students don't get
STUB = {"code": "...", "markdown": "YOUR ANSWER HERE"}  # what the assignments ask to replace
PAGE = re.compile(rb"\]\(([\w-]+\.md)\b")  # a link to a page, as copies have it


def stripped(notebook: bytes) -> bytes:
    """A notebook's bytes without outputs and traces of a run."""
    content = json.loads(notebook)
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
            for key in ("execution", "collapsed", "scrolled"):
                cell["metadata"].pop(key, None)
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def unsolved(assignment: bytes) -> bytes:
    """An assignment's bytes as the student edition has them: no solutions, no hidden tests, and what is given stays."""
    content = json.loads(assignment)
    for cell in content["cells"]:
        kept, inside = [], False
        for line in "".join(cell["source"]).split("\n"):
            edge = EDGE.match(line)
            if edge and edge[2] == "BEGIN" and edge[3] == "SOLUTION":
                kept.append(edge[1] + STUB[cell["cell_type"]])
            if edge:
                inside = edge[2] == "BEGIN"
            elif not inside:
                kept.append(line)
        cell["source"] = "\n".join(kept).splitlines(keepends=True)
        part = cell["metadata"].get("nbgrader", {})
        if part:
            cell["metadata"]["deletable"] = False
        if part and not part.get("solution"):
            cell["metadata"]["editable"] = False
    return json.dumps(content).encode()


def originals(course: Path) -> dict[str, bytes]:
    """{name: what is copied} of the lessons and the assignments in the folder `course`, and of the pages they lead to.

    Raises ValueError if a notebook can't be read.
    """
    found = {}
    for path in [*sorted(course.glob("notebooks/*.ipynb")), *sorted(course.glob("coursework/*/*.ipynb"))]:
        name = path.relative_to(course).as_posix()
        assignment = name.startswith("coursework/")
        if assignment and path.stem != path.parent.name:  # a worked example beside it
            continue
        try:
            found[path.name] = stripped(unsolved(path.read_bytes()) if assignment else path.read_bytes())
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ValueError(f"{name} is no notebook. `git checkout HEAD -- {name}` brings the course's own.") from None
    found = {name: _within(notebook) for name, notebook in found.items()}
    unread = list(found.values())
    while unread:
        for link in PAGE.findall(unread.pop()):
            page = course / "docs" / link.decode()
            if page.name not in found and page.is_file():
                found[page.name] = _within(page.read_bytes())
                unread.append(found[page.name])
    return found


def _within(content: bytes) -> bytes:
    """A notebook or page with the links that hold in one folder of lessons, assignments and pages."""
    return content.replace(b"](../docs/", b"](").replace(b"](../notebooks/", b"](")


def refresh(course: Path, folder: Path) -> list[str]:
    """Bring the working copies in `folder` up to the lessons and assignments of the course in the folder `course`.
    Returns what the student should hear of, a line for each file that was worked in and has a newer one beside it."""
    folder.mkdir(exist_ok=True)
    record = _read(folder / RECORD)
    said = []
    lessons = originals(course)
    for name, lesson in lessons.items():
        entry = record.setdefault(name, {"course": "", "copies": {}})
        if entry["course"] == _lesson(lesson) and (folder / name).exists():
            _bring_first_cells(folder, lesson, entry["copies"])
            said += [_newer(name, copy) for copy in _unread(folder, name, lesson, entry["copies"])]
            _write_changed(folder / RECORD, json.dumps(record, indent=1).encode())
            continue
        place = _place(folder, name, lesson, entry["copies"])
        _write_changed(place, lesson)
        if place.name != name:
            said.append(_newer(name, place.name))
        entry["course"], entry["copies"][place.name] = _lesson(lesson), _work(lesson)
        _write(folder / RECORD, json.dumps(record, indent=1).encode())
    for name in [name for name in record if name not in lessons]:  # the course has dropped it or named it anew
        for copy, written in record.pop(name)["copies"].items():
            if (folder / copy).is_file() and _work((folder / copy).read_bytes()) == written:
                (folder / copy).unlink(missing_ok=True)
        _write(folder / RECORD, json.dumps(record, indent=1).encode())
    return said


def _newer(name: str, copy: str) -> str:
    return f"{name} has changed since you got it. Yours is as it was, the new one is {copy}."


def _unread(folder: Path, name: str, lesson: bytes, copies: dict[str, str]) -> list[str]:
    """The copy of this version that nobody has touched yet, where it lies beside one of an older version."""
    if copies.get(name) == _work(lesson):
        return []
    beside = [copy for copy in copies if copy != name and (folder / copy).is_file()]
    return [copy for copy in beside if _work((folder / copy).read_bytes()) == copies[copy] == _work(lesson)]


def _place(folder: Path, name: str, lesson: bytes, copies: dict[str, str]) -> Path:
    """Where this version goes: the copy itself if nobody has worked in it, else a numbered one beside it."""
    if not (folder / name).exists():
        return folder / name
    stem, kind, number = Path(name).stem, Path(name).suffix, 1
    while (place := folder / (name if number == 1 else f"{stem}-{number}{kind}")).exists():
        if _work(place.read_bytes()) in (copies.get(place.name), _work(lesson)):
            return place
        number += 1
    return place


def _bring_first_cells(folder: Path, lesson: bytes, copies: dict[str, str]) -> None:
    """Where only the first cell is newer, as it is with each version, write the copies anew that nobody has touched."""
    for name in copies:
        content = (folder / name).read_bytes() if (folder / name).is_file() else b""
        if _lesson(content) == _lesson(lesson) and _work(content) in (copies[name], _work(lesson)):
            if _work(content) != _work(lesson):
                _write(folder / name, lesson)
            copies[name] = _work(lesson)


def _read(path: Path) -> dict:
    """The record; without one that can be read, every copy counts as worked in. What lies elsewhere is no copy."""
    record = {}
    try:
        for name, entry in json.loads(path.read_bytes()).items():
            copies = {copy: written for copy, written in entry["copies"].items() if Path(copy).name == copy}
            record[name] = {"course": entry["course"], "copies": copies}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    return record


def _write(path: Path, content: bytes) -> None:
    """All of it or nothing, whenever the machine stops, and whoever else writes the same file at this moment."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _write_changed(path: Path, content: bytes) -> None:
    if not path.exists() or path.read_bytes() != content:
        _write(path, content)


def _work(notebook: bytes) -> str:
    """Hash of what people put into a notebook, its cells and outputs. JupyterLab changes the rest by opening it."""
    return _hash(notebook, lambda source: source)


def _lesson(notebook: bytes) -> str:
    """The same, whatever the cell says that fetches the course: with a new version alone comes no new lesson."""
    return _hash(notebook, lambda source: "" if re.search(r"^machine\.prepare\(version", source, re.M) else source)


def _hash(notebook: bytes, read: Callable[[str], str]) -> str:
    try:
        cells = json.loads(notebook)["cells"]
        own = [[cell.get(key) for key in ("cell_type", "attachments", "outputs")] for cell in cells]
        sources = [read("".join(cell.get("source") or "")) for cell in cells]
    except (ValueError, KeyError, TypeError, AttributeError):
        return hashlib.sha256(notebook).hexdigest()
    return hashlib.sha256(json.dumps([own, sources], sort_keys=True).encode()).hexdigest()


def main() -> None:
    """Refresh the working copies and say which newer versions wait beside what was worked in."""
    parser = argparse.ArgumentParser(prog="python -m tools.working_copies", description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / FOLDER)
    folder = parser.parse_args().folder
    try:
        said = refresh(ROOT, folder)
    except (OSError, ValueError) as error:
        sys.exit(f"Lessons and assignments could not be copied to {folder}: {error}")
    print("\n".join(said or [f"Your copies of lessons and assignments are in {folder.name}/."]))


if __name__ == "__main__":
    main()
