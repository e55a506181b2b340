"""Copy what is written once: `make heads`, which runs no lesson, and the beginning of `make notebooks`.

| what | stands in | is copied to |
|---|---|---|
| a lesson's question | the head of its notebook, its first cell | the maps in README.md and lesson 00 |
| a lesson's minutes | all that it holds, by the formula of `tools.pace` | its first cell, the maps, docs/teaching.md |
| an assignment's hours | all that it asks for, likewise | its first cell, coursework/README.md, docs/teaching.md |
| the public address | pyproject.toml, `Repository` | the first code cell of lessons and assignments, CITATION.cff |
| the version | pyproject.toml, `version` | CITATION.cff |

A map stands between the two comments of MAP.
"""

import re
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat

from tools import pace

ROOT = Path(__file__).resolve().parent.parent
MAP = ("<!-- the map: `make heads` writes it from the lessons' heads -->\n\n", "\n<!-- end of the map -->")
BOOTSTRAP = """\
# On Colab this fetches the course; anywhere else it does nothing.
import os
import sys

if "google.colab" in sys.modules and not os.path.isdir("../course_utils"):
    import subprocess

    source = os.environ.get("COURSE_SOURCE", "{address}")
    if not os.path.isdir("course"):
        subprocess.run(["git", "clone", "--quiet", "--depth=1", source, "course"], check=True)
    os.chdir("course/notebooks")
    sys.path.insert(0, os.path.dirname(os.getcwd()))"""


@dataclass(frozen=True)
class Head:
    """What a lesson says of itself in its first cell: "# 04 · The gated cell: what does each gate do to a memory?"."""

    number: str
    question: str
    minutes: int


def project(root: Path = ROOT) -> dict:
    """The table [project] of pyproject.toml."""
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def bootstrap(root: Path = ROOT) -> str:
    """The first code cell of every lesson and of every assignment."""
    return BOOTSTRAP.format(address=project(root)["urls"]["Repository"])


def lessons(root: Path = ROOT) -> list[Path]:
    """The lessons' notebooks, in their order."""
    return sorted((root / "notebooks").glob("[0-9][0-9]_*.ipynb"))


def head_of(path: Path) -> Head:
    """The head of the lesson at `path`. Raises ValueError if its first cell doesn't begin and end as heads do."""
    text = nbformat.read(path, as_version=4).cells[0].source
    title = re.match(r"# (\d\d) · (\S.*)\n", text)
    minutes = re.search(r"^\*(\d+) minutes\. Builds on: .+\*$", text, re.M)
    if not title or not minutes or title[1] != path.name[:2]:
        raise ValueError(
            f"{path.name}: wants a first cell that begins with '# {path.name[:2]} · Question?' and has a line "
            f"'*30 minutes. Builds on: ...*', got {text[:60]!r}..."
        )
    return Head(title[1], title[2].strip(), int(minutes[1]))


def with_minutes(text: str, minutes: int) -> str:
    """The first cell of a lesson with its minutes."""
    return re.sub(r"^\*\d+ minutes\.", f"*{minutes} minutes.", text, flags=re.M)


def with_hours(text: str, time: float) -> str:
    """The first cell of an assignment with its hours."""
    return re.sub(r"^(\*\d+ points, )about [\d½]+ hours?", rf"\g<1>{pace.in_words(time)}", text, flags=re.M)


def with_times(text: str, minutes: dict[str, int]) -> str:
    """A plan for teaching with its times: the cell after one like "03, 04, ps2" holds the sum of theirs.

    minutes  of each lesson by its number, and of each assignment by its name.
    """

    def timed(row: re.Match) -> str:
        work = row[2].split(", ")
        total = sum(minutes[name] for name in work)
        only_assignments = all(name.startswith("ps") for name in work)
        words = f"{total / 60:g} h".replace(".5", "½") if only_assignments else f"{total} min"
        return f"{row[1]}{row[2]} | {words} |"

    return re.sub(r"^(\| [^|]* \| )((?:\d\d|ps\d)(?:, (?:\d\d|ps\d))*) \| [^|]* \|", timed, text, flags=re.M)


def course_map(paths: list[Path], folder: str = "") -> str:
    """The table of these lessons, as Markdown; links go into `folder`."""
    rows = ["| lesson | its question | minutes |", "|---|---|---|"]
    for path in paths:
        head = replace(head_of(path), minutes=pace.minutes(nbformat.read(path, as_version=4)))
        rows.append(f"| [{head.number}]({folder}{path.name}) | {head.question} | {head.minutes} |")
    return "\n".join(rows) + "\n"


def with_map(text: str, table: str) -> str:
    """`text` with `table` between the comments of MAP. Raises ValueError if they aren't there, once each."""
    (begin, end), counts = MAP, [text.count(comment) for comment in MAP]
    if counts != [1, 1]:
        raise ValueError(f"map: got the comments {counts} times, wants each once: {begin.strip()} {end.strip()}")
    return text[: text.index(begin)] + begin + table + text[text.index(end) :]


def copies(root: Path = ROOT) -> dict[Path, str]:
    """{file: what it should hold} for every file of the course at `root` that holds a copy. Writes nothing."""
    about, paths = project(root), lessons(root)
    texts, hours, minutes = {}, {}, {}
    for path in [*paths, *sorted((root / "coursework").glob("ps*/*.ipynb"))]:
        notebook = nbformat.read(path, as_version=4)
        first = next(cell for cell in notebook.cells if cell.cell_type == "code")
        first.source = bootstrap(root)
        if path in paths:
            minutes[path.name[:2]] = pace.minutes(notebook)
            notebook.cells[0].source = with_minutes(notebook.cells[0].source, minutes[path.name[:2]])
        elif path.stem == path.parent.name:  # not a worked example beside it
            hours[path.stem] = pace.hours(notebook)
            minutes[path.stem] = round(60 * hours[path.stem])
            notebook.cells[0].source = with_hours(notebook.cells[0].source, hours[path.stem])
        if path == paths[0]:
            place = next((cell for cell in notebook.cells if MAP[1] in cell.source), notebook.cells[-1])
            place.source = with_map(place.source, course_map(paths[1:]))
        texts[path] = nbformat.writes(notebook) + "\n"
    guide = root / "coursework" / "README.md"
    if guide.is_file():
        texts[guide] = guide.read_text(encoding="utf-8")
        for name, time in hours.items():
            row = rf"^(\| {name} [^|]*\| )[^|]*( \|)"
            texts[guide] = re.sub(row, rf"\g<1>{time:g} h\g<2>".replace(".5", "½"), texts[guide], flags=re.M)
    plans = root / "docs" / "teaching.md"
    if plans.is_file():
        texts[plans] = with_times(plans.read_text(encoding="utf-8"), minutes)
    readme, citation = root / "README.md", root / "CITATION.cff"
    texts[readme] = with_map(readme.read_text(encoding="utf-8"), course_map(paths, "notebooks/"))
    text = re.sub(r"^version: .*$", f"version: {about['version']}", citation.read_text(encoding="utf-8"), flags=re.M)
    texts[citation] = re.sub(r"^(repository-code: ).*$", rf'\1"{about["urls"]["Repository"]}"', text, flags=re.M)
    return texts


def write(root: Path = ROOT) -> list[Path]:
    """Bring all copies up to date. Returns the files that were not."""
    changed = [(path, text) for path, text in copies(root).items() if path.read_text(encoding="utf-8") != text]
    for path, text in changed:
        path.write_text(text, encoding="utf-8", newline="\n")
    return [path for path, _ in changed]


if __name__ == "__main__":
    for path in write():
        print(f"written: {path.relative_to(ROOT)}")
