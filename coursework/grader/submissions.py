"""Finding submissions and reading them, on the trusted side: nothing is executed, extracted or followed.

What can't be read becomes that one student's `problem`; the others don't notice.
"""

import errno
import hashlib
import io
import json
import os
import re
import stat
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, TypedDict

from coursework.grader.files import write

LARGEST = 20_000_000  # bytes of a notebook
MOST_ENTRIES = 100_000  # files in a zip
MOST_STUDENTS = 10_000  # in one zip
MOST_CELLS = 2_000
MOST_ESSAY = 20_000  # signs of one essay that are shown to who marks
MOST_TEXT = 500_000  # signs of all text cells that are kept in memory
OURS = {errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.ESTALE, errno.ETIMEDOUT}
MOST_CODE = 500_000  # signs in all code cells: who marks parses them
MOST_BRACES = 5_000  # of these, "{": an f-string can be made to take for ever
NOTEBOOK = re.compile(r"\.ipynb(?:\.txt|\.json)?$", re.I)  # browsers and Windows add an ending, or change letters
MOODLE = re.compile(r"(.+?)_(\d+)_assignsubmission_[a-z]+(?:_.*)?", re.S)  # Jane Doe_4711_assignsubmission_file_
CANVAS = re.compile(r"([^_]+)_(?:LATE_)?(\d+)_\d+_.+", re.S)  # doejane_4711_98765_ps3-1.ipynb; files alone
PICTURE = re.compile(r"data:image/[\w.+-]+;base64,[A-Za-z0-9+/=]+")  # Colab puts it into the text
NUMBERED = re.compile(r"_\d+$")  # ends a name with an LMS's number, which is one student's
Files = Mapping[str, Callable[[], bytes]]  # what one student handed in: the names, and how each is read


class Cell(TypedDict):
    """A notebook's cell, as far as it is read."""

    cell_type: str
    source: str
    grade_id: str | None


@dataclass
class Submission:
    """One student's notebook, or the reason why there is none. `cells` are as in the file, checked for their form.

    source   where it was found, in the folder of submissions: no two have the same.
    machine  why this machine couldn't read it, which is no fault of the student's.
    flag     a sentence for who marks, which the student isn't shown.
    """

    student: str
    cells: list[Cell] = field(default_factory=list)
    problem: str | None = None
    note: str = ""
    handed_in: datetime | None = None
    source: str = ""
    machine: str = ""
    flag: str = ""

    @property
    def code(self) -> list[str]:
        """Sources of the code cells, in the notebook's order."""
        return [cell["source"] for cell in self.cells if cell["cell_type"] == "code"]


class _ProblemError(Exception):
    """Why a submission can't be read, in words for the student."""


def find(path: Path, assignment: str, known: Mapping[str, str] | None = None) -> list[Submission]:
    """Every student's submission in a folder of nbgrader's layout, with LMS zips, or in one zip. Sorted by student.

    path        submitted/, with submitted/<student>/<assignment>/<assignment>.ipynb or zips in it, or one zip
    assignment  "ps3". A file may be renamed: `ps3 (1).ipynb`, `ps3-2.ipynb`, or be the only notebook there
    known       {source: student} of an earlier run, whose names stay, see `Names`
    """
    path = Path(path)
    if path.is_file() and zipfile.is_zipfile(path):
        found = _from_zip(path, assignment)
    elif path.is_dir():
        found, by_lms = [], dict[str, list[Path]]()
        for entry in sorted(path.iterdir()):
            if entry.name.startswith("."):
                continue
            try:
                folder = entry.is_dir() or entry.is_symlink()
                if student := _student(entry.name, folder):
                    by_lms.setdefault(student, []).append(entry)
                elif entry.suffix.lower() == ".zip":
                    found += _from_zip(entry, assignment)
                elif folder:
                    found.append(replace(_from_folder(entry, assignment), source=entry.name))
                elif NOTEBOOK.search(entry.name):
                    name = NOTEBOOK.sub("", entry.name)
                    found.append(replace(_read(name, partial(_bytes, entry)), source=entry.name))
            except (OSError, MemoryError) as error:
                found.append(Submission(_clean(entry.stem), source=entry.name, machine=_unread(error)))
        for student, entries in by_lms.items():
            found += _from_lms(student, entries, assignment)
    else:
        raise ValueError(f"submitted: {path} is neither a folder nor a zip")
    if not found:
        raise ValueError(f"submitted: there is nothing in {path}")
    return told_apart(sorted(found, key=lambda submission: (submission.student, submission.source)), known)


def told_apart(found: list[Submission], known: Mapping[str, str] | None = None) -> list[Submission]:
    """The same submissions, no two of one name, also where a file system folds letters or accents together.

    Whoever has a name from an earlier run keeps it. Of the others the first has its own name, where that is free; the
    next ones get a tag made of where they were found, and a note: one student may have handed in twice, or two students
    may be called alike, and only the instructor knows. So no name changes when a further zip or folder arrives, or when
    one goes; the note says which of the two it is.
    """
    known = known or {}
    alike = Counter(_folded(submission.student) for submission in found)
    before = {_folded(name): source for source, name in known.items()}
    taken: set[str] = set()
    for submission in sorted(found, key=lambda each: (each.source not in known, "/" in each.source)):  # zips come last
        name, tries = submission.student, 0
        submission.student = known.get(submission.source, name)
        while _folded(submission.student) in taken:
            tries += 1
            submission.student = f"{name[:70]} ({_tag(submission.source, tries)})"
        taken.add(_folded(submission.student))
        if submission.student != name:
            place = f", in {_shown(submission.source)}" if submission.source else ""
            stands = "stands there" if alike[_folded(name)] > 1 else "stood there, in an earlier run,"
            same = f"{name!r} {stands} more than once; this is {submission.student!r}{place}."
            submission.note = f"{same} {submission.note}".strip()
        elif submission.source not in known and _folded(name) in before and not NUMBERED.search(name):
            was = _shown(before[_folded(name)])
            submission.flag = f"{name!r} was graded before, from {was}, which is gone. Is it the same student?"
    return found


def _tag(source: str, tries: int) -> str:
    """Five signs that are the same every time for the same place."""
    return hashlib.sha256(f"{source}\0{tries}".encode("utf-8", "surrogatepass")).hexdigest()[:5]


def _shown(source: str) -> str:
    return "".join(sign if sign.isprintable() else "_" for sign in source)


class Names:
    """The file that remembers what each submission is called: points by hand are kept under these names."""

    def __init__(self, file: Path):
        """file: graded/names.json, made when it is first needed. ValueError where it can't be read."""
        self.file = Path(file)
        try:
            self.all = json.loads(self.file.read_text(encoding="utf-8")) if self.file.exists() else {}
            if not all(isinstance(name, str) for names in self.all.values() for name in names.values()):
                raise ValueError("it holds what isn't a name")
        except (ValueError, AttributeError, RecursionError) as error:
            raise ValueError(
                f"{self.file} can't be read ({error}). It says which student is which; bring it back from a copy, or "
                "remove it if nobody has given points by hand yet."
            ) from None

    def of(self, assignment: str) -> dict[str, str]:
        """{source: student} as an earlier run of an assignment has called them."""
        return dict(self.all.get(assignment, {}))

    def keep(self, assignment: str, found: Iterable[Submission]) -> None:
        """Remember the names of a run. Whose submission is gone keeps its name, unless somebody else has it now."""
        now = {submission.source: submission.student for submission in found}
        held = set(map(_folded, now.values()))
        gone = {source: name for source, name in self.of(assignment).items() if _folded(name) not in held}
        if (names := {**gone, **now}) != self.of(assignment):
            self.all[assignment] = names
            self.file.parent.mkdir(parents=True, exist_ok=True)
            write(self.file, json.dumps(self.all, indent=1))


def _folded(name: str) -> str:
    """What is left of a name on a file system that tells neither case nor ways of writing an accent apart."""
    return unicodedata.normalize("NFKC", name).casefold().rstrip(". ")


def _student(name: str, folder: bool) -> str | None:
    """Name and number, as in "doejane_4711", where an LMS has named a folder or a file: there may be two of one name.

    Whatever the student called the file stands behind these, and none of it is read.
    """
    match = MOODLE.fullmatch(name) or (None if folder else CANVAS.fullmatch(name))
    return "_".join(match.groups()) if match else None


def _clean(name: str) -> str:
    """A student's id that can name a folder anywhere."""
    name = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode("utf-8"))
    name = re.sub(r"[^\w.@+\- ]", "_", name).strip(". ")[:80].rstrip(". ")
    while len(name.encode()) > 200:  # a file system counts bytes
        name = name[:-1]
    return name or "unnamed"


def _is_kept(name: str) -> bool:
    """Whether a path is one that Jupyter or macOS keeps for itself."""
    parts = PurePosixPath(name).parts
    return any(part == "__MACOSX" or (part[0] == "." and part not in (".", "..")) for part in parts)


def choose(names: list[str], assignment: str, all_names: Iterable[str] = ()) -> tuple[str, str]:
    """(the name to be graded, a note on the choice) among a student's notebooks. Raises _ProblemError on none.

    all_names  of whatever was handed in, to say it where there is no notebook
    """
    exact = f"{assignment}.ipynb"
    renamed = re.compile(rf"^(?:.*[_ ])?{re.escape(assignment)}\b", re.I)
    base = {name: PurePosixPath(name).name for name in names}
    for fits in (lambda name: base[name] == exact, lambda name: renamed.match(base[name]), lambda name: True):
        fitting = sorted(name for name in names if fits(name))
        if fitting:
            others = len(names) - 1
            return fitting[0], f"{_shown(base[fitting[0]])} was graded, {others} more lay beside it." if others else ""
    lies_there = [_shown(PurePosixPath(name).name) for name in sorted(all_names)]
    raise _ProblemError(f"there is no notebook{', only ' if lies_there else ''}{' and '.join(lies_there[:3])}")


def _chosen(files: Files, assignment: str, packed: bool = False) -> tuple[bytes, str]:
    """(the notebook's content, a note on the choice) of what a student handed in. Raises _ProblemError on none.

    packed  whether the files are from a zip. A zip that stands alone is opened, one within it isn't.
    """
    files = {name: read for name, read in files.items() if not _is_kept(name) and not name.endswith("/")}
    names = [name for name in files if NOTEBOOK.search(name)]
    zips = [name for name in files if name.lower().endswith(".zip")]
    if not names and len(zips) == 1 and not packed:
        try:
            archive = zipfile.ZipFile(io.BytesIO(files[zips[0]]()))
        except (_ProblemError, OSError, MemoryError):
            raise
        except Exception as error:  # a damaged list of its files raises this or that
            raise _ProblemError(f"the zip can't be opened ({error})") from None
        inside = {name: partial(_entry, archive, entry) for name, entry in _entries(archive)}
        if len({_owner(name) for name in inside} - {None}) > 1:  # or it could be the class's, under an unlucky name
            raise _ProblemError("it is a zip with files of several students, under a name that an LMS gives to one")
        return _chosen(inside, assignment, packed=True)
    name, note = choose([name for name in names if f"/{assignment}/" in f"/{name}"] or names, assignment, list(files))
    return files[name](), note


def _from_files(student: str, files: Files, assignment: str) -> Submission:
    note = ""

    def find_bytes() -> bytes:
        nonlocal note
        content, note = _chosen(files, assignment)
        return content

    return replace(_read(student, find_bytes), note=note)


def _from_folder(folder: Path, assignment: str) -> Submission:
    """submitted/<student>/, with the notebook in its folder <assignment> or right in it."""

    def find_bytes() -> bytes:
        for place in (folder, folder / assignment):
            if place.is_symlink():
                raise _ProblemError("this is a link, not a folder")
        place = folder / assignment if (folder / assignment).is_dir() else folder
        files = {entry.name: partial(_bytes, entry) for entry in place.iterdir()}
        try:
            said = _bytes(place / "timestamp.txt", 100).decode()
            seen["handed_in"] = datetime.fromisoformat(said.strip().removesuffix(" UTC").replace(" ", "T") + "+00:00")
        except (_ProblemError, ValueError, OSError):
            pass
        content, seen["note"] = _chosen(files, assignment)
        return content

    seen: dict[str, Any] = {"note": "", "handed_in": None}
    return replace(_read(_student(folder.name, True) or folder.name, find_bytes), **seen)


def _from_lms(student: str, entries: list[Path], assignment: str) -> list[Submission]:
    """What an LMS's download, unzipped, has of one student: files, which are one submission, and folders."""
    files = {entry.name: partial(_bytes, entry) for entry in entries if not (entry.is_dir() or entry.is_symlink())}
    found = [
        replace(_from_folder(entry, assignment), source=entry.name) for entry in entries if entry.name not in files
    ]
    if files:
        found.append(replace(_from_files(student, files, assignment), source=min(files)))
    return [each for each in found if each.problem is None] or found[:1]  # Moodle's folder of text has no notebook


def _bytes(path: Path, most: int = LARGEST) -> bytes:
    """A plain file's content. Follows no link and reads no more than `most` bytes."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        if error.errno in OURS:
            raise
        raise _ProblemError("it is a link or can't be opened") from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _ProblemError("it is a folder or something else, not a file")
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(most + 1)
        size = os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)
    if len(content) > most:
        raise _too_large(size)
    return content


def _too_large(size: int) -> _ProblemError:
    return _ProblemError(f"it has {-(-size // 10**6)} MB, and at most {LARGEST // 10**6} MB are read")


def _from_zip(path: Path, assignment: str) -> list[Submission]:
    """Submissions in a zip, read in memory: nothing is written, so no name in it can lead anywhere."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(path.read_bytes()))
    except (OSError, MemoryError) as error:
        return [Submission(_clean(path.stem), source=path.name, machine=_unread(error))]
    except Exception as error:  # a damaged list of its files raises this or that
        why = f"{_shown(path.name)} could not be read: {error}."
        return [Submission(_clean(path.stem), problem=why, source=path.name)]
    by_student: dict[str, dict[str, Callable[[], bytes]]] = {}
    for name, entry in _entries(archive):
        parts, student = PurePosixPath(name).parts, _owner(name)
        if student or ((NOTEBOOK.search(name) or parts[1:2] == (assignment,)) and not _is_kept(name)):
            student = student or (parts[0] if len(parts) > 1 else path.stem)
            if ".." in parts or name.startswith("/"):
                student = next((part for part in parts if part not in ("..", "/")), path.stem)
            by_student.setdefault(student, {})[name] = partial(_entry, archive, entry)
    for count, most, what in (
        (len(archive.infolist()), MOST_ENTRIES, "files"),
        (len(by_student), MOST_STUDENTS, "students' submissions"),
    ):
        if count > most:
            raise ValueError(f"submitted: {_shown(path.name)} holds {count:,} {what}, and at most {most:,} are read")
    why = f"{_shown(path.name)} could not be read: there is no notebook in it."
    return [
        replace(_from_files(student, files, assignment), source=f"{path.name}/{student}")
        for student, files in sorted(by_student.items())
    ] or [Submission(_clean(path.stem), problem=why, source=path.name)]


def _entries(archive: zipfile.ZipFile) -> list[tuple[str, zipfile.ZipInfo]]:
    return [(entry.filename.replace("\\", "/"), entry) for entry in archive.infolist()]


def _owner(name: str) -> str | None:
    """Whose a path in a zip is, where an LMS has written it."""
    first, *rest = PurePosixPath(name).parts or ("",)
    return _student(first, folder=bool(rest) or name.endswith("/"))


def _entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    name = entry.filename.replace("\\", "/")
    if ".." in PurePosixPath(name).parts or name.startswith("/"):
        raise _ProblemError("its name in the zip leads out of the folder")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise _ProblemError("it is a link")
    try:
        with archive.open(entry) as file:
            content = file.read(LARGEST + 1)
    except MemoryError:
        raise
    except Exception as error:  # each way of packing has errors of its own
        raise _ProblemError(f"it can't be unpacked ({error})") from None
    if len(content) > LARGEST:
        raise _too_large(max(entry.file_size, len(content)))
    return content


def _unread(error: BaseException) -> str:
    return f"its file could not be read on this machine ({getattr(error, 'strerror', None) or type(error).__name__})"


def _read(student: str, find_bytes: Callable[[], bytes]) -> Submission:
    try:
        return Submission(_clean(student), cells=parse(find_bytes()))
    except _ProblemError as problem:
        why = str(problem)
    except MemoryError as error:
        return Submission(_clean(student), machine=_unread(error))
    except OSError as error:
        if error.errno in OURS:
            return Submission(_clean(student), machine=_unread(error))
        why = f"its folder can't be opened ({error.strerror})"
    except Exception as error:  # one student, one fence
        why = f"it is of no form that can be read ({type(error).__name__})"
    return Submission(_clean(student), problem=f"The notebook could not be read: {why}.")


def parse(content: bytes) -> list[Cell]:
    """The cells of a notebook as it lies on disk: [{"cell_type", "source", "grade_id"}, ...]. Metadata may be lost."""
    try:
        notebook = json.loads(content.decode("utf-8-sig"))
        cells = notebook["cells"] if "cells" in notebook else notebook["worksheets"][0]["cells"]
        if len(cells) > MOST_CELLS:
            raise _ProblemError(f"it has {len(cells):,} cells, and at most {MOST_CELLS:,} are read")
        read = [_cell(cell) for cell in cells]
    except UnicodeDecodeError:
        raise _ProblemError("it is not UTF-8 text") from None
    except json.JSONDecodeError:
        raise _ProblemError("it is not a notebook") from None
    except (KeyError, TypeError, IndexError, AttributeError, ValueError, RecursionError):
        raise _ProblemError("it is not a notebook of a form that Jupyter writes") from None
    code = [cell["source"] for cell in read if cell["cell_type"] == "code"]
    for number, most, what in (
        (sum(map(len, code)), MOST_CODE, "signs"),
        (sum(source.count("{") for source in code), MOST_BRACES, "braces {"),
    ):
        if number > most:
            raise _ProblemError(f"its code cells hold {number:,} {what}, and at most {most:,} are read")
    left = MOST_TEXT
    for cell in read:
        if cell["cell_type"] != "code":
            cell["source"] = cut(PICTURE.sub("(a picture)", cell["source"]), min(MOST_ESSAY, left))
            left = max(0, left - len(cell["source"]))
    return read


def cut(text: str, most: int = MOST_ESSAY) -> str:
    """The beginning of a text that is too long, and a sentence on the rest for who marks: `most` signs together."""
    if len(text) <= most:
        return text
    kept = text[: max(0, most - 200)]
    more = f"{len(text) - len(kept):,} more signs are left out here"
    return f"{kept}\n\n({more}. They stand in the notebook that was handed in.)"


def _cell(cell: dict[str, Any]) -> Cell:
    source = cell.get("source", cell.get("input", ""))
    source = source if isinstance(source, str) else "".join(source)
    details = cell.get("metadata")
    details = details.get("nbgrader") if isinstance(details, dict) else None
    grade_id = details.get("grade_id") if isinstance(details, dict) else None
    kind = cell.get("cell_type")
    return {
        "cell_type": "code" if kind == "code" else "markdown",
        "source": source.encode("utf-8", "replace").decode("utf-8"),
        "grade_id": grade_id if isinstance(grade_id, str) else None,
    }
