"""Copy what is written once: `make heads`, which runs no lesson, and the beginning of `make notebooks`.

| what | stands in | is copied to |
|---|---|---|
| a lesson's question | the head of its notebook, its first cell | the maps in README.md and lesson 00 |
| how many lessons there are | notebooks/ | README.md |
| a lesson's minutes | all that it holds, by the formula of `tools.pace` | its first cell, the maps, docs/teaching.md |
| the minutes of a lesson's sections in class | what they hold, and a quarter more | docs/teaching.md, the workshop |
| an assignment's hours | all that it asks for, likewise | its first cell, coursework/README.md, docs/teaching.md |
| what a plan takes in all | its rows above | docs/teaching.md |
| the public address | pyproject.toml, `Repository` | first code cells, links to Colab, Binder, a hub, CITATION.cff |
| the version | pyproject.toml, `version` | first code cells, CITATION.cff, course_utils/__init__.py, the hub's image |
| the README's pictures | stored outputs of two lessons | docs/*.png |

A map stands between the two comments of MAP, and the README's roads between those of ROADS. As long as the address is
the placeholder `OWNER`, no road leads anywhere, and the copies say so. `make fork REPO=owner/name` changes the address
and says what is left to do until the roads lead somewhere: a version has to be published there.
"""

import argparse
import base64
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat

from tools import pace

ROOT = Path(__file__).resolve().parent.parent
MAP = ("<!-- the map: `make heads` writes it from the lessons' heads -->\n\n", "\n<!-- end of the map -->")
ROADS = (
    "<!-- the roads: `make heads` writes them from the address in pyproject.toml -->\n\n",
    "\n<!-- end of the roads -->",
)
EDITION = "student"  # the branch on which CI publishes the student edition; its versions have tags student-v0.1.0
REPOSITORY = re.compile(r"[\w-]+/(?!\.\.?$)[\w.-]+", re.ASCII)  # owner/name, as GitHub allows them
PLACEHOLDER = "/OWNER/"  # of a course that nobody has published
BOOTSTRAP = """\
# Where the course isn't installed, as on Colab, this fetches it once. Then it gets ready.
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile

version = "{version}"
{source}
home = os.path.abspath(f"{name}-{{version}}")


def whole():
    parts = ["cells.py", "machine.py", "widgets.py", "../data/seattle-weather.csv"]
    return all(os.path.exists(f"{{home}}/course_utils/{{part}}") for part in parts)


if not whole() and importlib.util.find_spec("course_utils") is None:
    if shutil.which("git") is None:
        advice = "Install it, or download the course as a ZIP and follow its README."
        raise FileNotFoundError(f"No git here. {{advice}}")
    try:
        place = tempfile.TemporaryDirectory(dir=".")
    except OSError:
        advice = "Copy this notebook to a folder of your own, and run it there."
        raise PermissionError(f"Nothing can be written to {{os.getcwd()}}. {{advice}}") from None
    with place as part:
        git = ["git", "-c", "advice.detachedHead=false", "clone", "--quiet", "--depth=1"]
        tag, new = f"--branch={edition}-v{{version}}", f"{{part}}/new"
        if subprocess.run([*git, tag, source, new]).returncode:
            raise ConnectionError({advice})
        if os.path.lexists(home) and not whole():  # half a course, or another thing: renamed
            os.rename(home, f"{{home}}-found-{{os.path.basename(part)}}")
        if not os.path.lexists(home):  # else another lesson was quicker
            os.rename(new, home)
sys.path.append(home)

try:
    from course_utils import machine
except ImportError:
    other = importlib.util.find_spec("course_utils")
    other = other.origin or next(iter(other.submodule_search_locations))
    advice = "Rename it, restart the kernel, and run this cell again."
    raise ImportError(f"{{other}} is not the course, but has its name. {{advice}}") from None

machine.prepare(version{needs})"""
PICTURES = {  # of the README: a lesson, and how the words of its figure begin
    "headline.png": ("00", "Figure: Gradient norm against lag"),
    "explorer.png": ("06", "Figure: A GRU cell of one unit"),
}
ADVICE = """
                f"No version {version} at {source}. Is the network off? (Kaggle: Settings) "
                "If not, that version isn't published yet: the README there says what to do."
            """
SOURCE = 'source = os.environ.get("COURSE_SOURCE", "{address}")'
LONG_SOURCE = 'source = os.environ.get(\n    "COURSE_SOURCE",\n    "{address}",\n)'
TIMED = (
    r"(?P<before>\| [^|]* \| )(?P<work>(?:\d\d|ps\d)(?:, (?:\d\d|ps\d))*|together|\d+ meetings of \d+ min) \| [^|]* \|"
)
PART = r'^(\| [^|]* \| (\d\d), from "([^"]+)" to "([^"]+)" )\| [^|]* \|'  # of a workshop, and its time
WIDTH = 96  # of a notebook's lines, see notebooks/.ruff.toml
UNPUBLISHED = '"Not published yet. The README says how to install it here."'
BADGES = {
    "Colab": "https://colab.research.google.com/assets/colab-badge.svg",
    "Binder": "https://mybinder.org/badge_logo.svg",
}
NOT_YET = """\
Nobody has published this copy of the course yet, so no link leads to Colab or Binder. Put it on GitHub, then
`make fork REPO=your-name/its-name` writes your address everywhere.
"""
PUBLISHED = """\
{badges} · [read it as a book]({book}), in which the figures move and nothing has to be installed

These open the newest version that is published here. Where they find nothing, none is published yet:
[four steps](docs/publishing.md) publish one.

Or `git clone {address}`, and start below.
"""
NEXT = """\
The course points at {address} now. Its links and first cells find nothing there until a version is published:
1. git commit --all --message "Point the course at its new address" && git push
2. On GitHub, once: enable the workflows under Actions; under Settings, Pages, Source, choose "GitHub Actions".
3. {tag}
The tag makes the branch `{edition}`, which links to Colab and Binder open, {edition}-v{version}, which first cells
fetch, and the book.
"""


@dataclass(frozen=True)
class Head:
    """What a lesson says of itself in its first cell: "# 04 · The gated cell: what does each gate do to a memory?"."""

    number: str
    question: str
    minutes: int


def project(root: Path = ROOT) -> dict:
    """The table [project] of pyproject.toml."""
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def address(root: Path = ROOT) -> str:
    """Where the course lives, such as https://github.com/owner/name."""
    return project(root)["urls"]["Repository"]


def needs_torch(notebook: nbformat.NotebookNode) -> bool:
    """Whether a code cell imports torch, itself or through the package."""
    imports = re.compile(r"^\s*(import torch|from torch|from course_utils.torch_bridge)", re.M)
    return any(cell.cell_type == "code" and imports.search(cell.source) for cell in notebook.cells)


def bootstrap(torch: bool = False, root: Path = ROOT, home: str | None = None) -> str:
    """The first code cell of every lesson and of every assignment; `torch` for those that need it.

    home  where the course lives, `address(root)` unless given.
    """
    home = home or address(root)
    about, source = project(root), SOURCE.format(address=home)
    return BOOTSTRAP.format(
        name=about["name"],
        version=about["version"],
        source=source if len(source) <= WIDTH else LONG_SOURCE.format(address=home),
        edition=EDITION,
        advice=UNPUBLISHED if PLACEHOLDER in home else ADVICE,
        needs=", torch=True" if torch else "",
    )


def roads(path: str, root: Path = ROOT, home: str | None = None) -> dict[str, str]:
    """{"Colab": link, "Binder": link} to the student edition's notebook at `path`; {} if nobody has published it.

    home  where the course lives, `address(root)` unless given.
    """
    home = home or address(root)
    if PLACEHOLDER in home:
        return {}
    repository = home.removeprefix("https://github.com/")
    return {
        "Colab": f"https://colab.research.google.com/github/{repository}/blob/{EDITION}/{path}",
        "Binder": f"https://mybinder.org/v2/gh/{repository}/{EDITION}?urlpath=lab/tree/{path}",
    }


def book(home: str) -> str:
    """Where GitHub Pages shows the book of the repository at `home`."""
    owner, name = home.removeprefix("https://github.com/").split("/")
    host = f"{owner.lower()}.github.io"
    return f"https://{host}/" if name.lower() == host else f"https://{host}/{name}/"


def has_edition(home: str, root: Path = ROOT) -> bool:
    """Whether the student edition of this version is published: its branch, which links open, and its tag.

    home  address of a git repository.

    False where there is no such repository, or no network to ask.
    """
    wanted = {f"refs/heads/{EDITION}", f"refs/tags/{EDITION}-v{project(root)['version']}"}
    return wanted <= set(_git(root, "ls-remote", home, *wanted).split())


def next_steps(root: Path = ROOT) -> str:
    """What is left to do after `make fork`."""
    version, home = project(root)["version"], address(root)
    if has_edition(home, root):
        return f"The course points at {home} now, where version {version} is published.\n"
    tag = f"git tag v{version} && git push origin v{version}"
    if f"v{version}" in _git(root, "tag").split():
        tag = f"v{version} is taken: raise `version` in pyproject.toml, run make heads, commit, tag it, push the tag."
    return NEXT.format(address=home, tag=tag, edition=EDITION, version=version)


def _git(root: Path, *arguments: str) -> str:
    """What git says in the folder `root`; "" where it can't."""
    silent = os.environ | {"GIT_TERMINAL_PROMPT": "0", "GCM_INTERACTIVE": "never"}  # no password for what isn't there
    command = ["git", "-C", str(root), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, env=silent, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


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

    After "8 meetings of 90 min" it holds what they take, and after "together" the sum of all rows above in the table.

    minutes  of each lesson by its number, and of each assignment by its name.
    """
    lines, so_far = [], 0
    for line in text.split("\n"):
        row, so_far = re.match(TIMED, line), so_far if line.startswith("|") else 0
        if row:
            work = row["work"].split(", ")
            total = so_far if work == ["together"] else _minutes(work, minutes)
            so_far += 0 if work == ["together"] else total
            line = f"{row['before']}{row['work']} | {_as_time(work, total)} |{line[row.end() :]}"
        lines.append(line)
    return "\n".join(lines)


def _minutes(work: list[str], minutes: dict[str, int]) -> int:
    """What lessons, assignments or meetings take."""
    if meetings := re.fullmatch(r"(\d+) meetings of (\d+) min", work[0]):
        return int(meetings[1]) * int(meetings[2])
    return sum(minutes[name] for name in work)


def _as_time(work: list[str], total: int) -> str:
    """Minutes as a plan writes them: "105 min" of lessons, "1½ h" of assignments, "17 h 45 min" of all together."""
    if all(name.startswith("ps") for name in work):
        return f"{total / 60:g} h".replace(".5", "½")
    if re.match(r"together|\d+ meetings", work[0]):
        return f"{total // 60} h {total % 60} min".removesuffix(" 0 min")
    return f"{total} min"


def with_parts(text: str, notebooks: dict[str, nbformat.NotebookNode]) -> str:
    """A plan for a workshop with its times: the cell after `01, from "One step" to "A trap"` holds their minutes.

    They are those of a class, in steps of five. notebooks: each lesson by its number.
    """

    def timed(row: re.Match) -> str:
        time = pace.in_class(notebooks[row[2]], row[3], row[4])
        return f"{row[1]}| {5 * round(time / 5)} min |"

    return re.sub(PART, timed, text, flags=re.M)


def with_roads(text: str, links: dict[str, str]) -> str:
    """The first cell of a lesson with a last line that links to where it can be run, if there is such a place."""
    text = re.sub(r"\n\nRun it: .*$", "", text, flags=re.M)
    return f"{text}\n\nRun it: {_written(links)}" if links else text


def _written(links: dict[str, str]) -> str:
    return " · ".join(f"[{name}]({link})" for name, link in links.items())


def course_map(
    paths: list[Path], folder: str = "", root: Path = ROOT, home: str | None = None, edition: bool = True
) -> str:
    """The table of these lessons, as Markdown; links go into `folder`, and to where each can be run.

    home     where the course lives, `address(root)` unless given.
    edition  whether to link to where each can be run, if the course is published.
    """
    published = edition and PLACEHOLDER not in (home or address(root))
    rows = ["| lesson | its question | minutes |", "|---|---|---|"]
    if published:
        rows = [rows[0] + " run it |", rows[1] + "---|"]
    for path in paths:
        head = replace(head_of(path), minutes=pace.minutes(nbformat.read(path, as_version=4)))
        row = f"| [{head.number}]({folder}{path.name}) | {head.question} | {head.minutes} |"
        rows.append(row + (f" {_written(roads(f'notebooks/{path.name}', root, home))} |" if published else ""))
    return "\n".join(rows) + "\n"


def pointed(path: Path, root: Path = ROOT, home: str | None = None, edition: bool = True) -> nbformat.NotebookNode:
    """The notebook at `path`, with all that follows from where the course lives: first code cell, roads, and the map.

    home     where the course lives, `address(root)` unless given.
    edition  whether to link to Colab and Binder, if the course is published.
    """
    notebook, paths = nbformat.read(path, as_version=4), lessons(root)
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    first.source = bootstrap(needs_torch(notebook), root, home)
    if path in paths:
        links = roads(f"notebooks/{path.name}", root, home) if edition else {}
        notebook.cells[0].source = with_roads(notebook.cells[0].source, links)
    if path == paths[0]:
        place = next((cell for cell in notebook.cells if MAP[1] in cell.source), notebook.cells[-1])
        place.source = between(place.source, MAP, course_map(paths[1:], root=root, home=home, edition=edition))
    return notebook


def badges(root: Path = ROOT) -> str:
    """The README's links to lesson 00 and to the book, and its clone line, or that nobody has published the course."""
    links = roads(f"notebooks/{lessons(root)[0].name}", root)
    if not links:
        return NOT_YET
    pictures = " ".join(f"[![Open lesson 00 on {name}]({BADGES[name]})]({link})" for name, link in links.items())
    return PUBLISHED.format(badges=pictures, book=book(address(root)), address=address(root))


def between(text: str, comments: tuple[str, str], content: str) -> str:
    """`text` with `content` between two comments. Raises ValueError if they aren't there, once each."""
    (begin, end), counts = comments, [text.count(comment) for comment in comments]
    if counts != [1, 1]:
        raise ValueError(f"map: got the comments {counts} times, wants each once: {begin.strip()} {end.strip()}")
    return text[: text.index(begin)] + begin + content + text[text.index(end) :]


def copies(root: Path = ROOT) -> dict[Path, str]:
    """{file: what it should hold} for every file of the course at `root` that holds a copy. Writes nothing."""
    about, paths = project(root), lessons(root)
    texts, hours, minutes = {}, {}, {}
    for path in [*paths, *sorted((root / "coursework").glob("ps*/*.ipynb"))]:
        notebook = pointed(path, root)
        if path in paths:
            minutes[path.name[:2]] = pace.minutes(notebook)
            notebook.cells[0].source = with_minutes(notebook.cells[0].source, minutes[path.name[:2]])
        elif path.stem == path.parent.name:  # not a worked example beside it
            hours[path.stem] = pace.hours(notebook)
            minutes[path.stem] = round(60 * hours[path.stem])
            notebook.cells[0].source = with_hours(notebook.cells[0].source, hours[path.stem])
        texts[path] = nbformat.writes(notebook) + "\n"
    guide = root / "coursework" / "README.md"
    if guide.is_file():
        texts[guide] = guide.read_text(encoding="utf-8")
        for name, time in hours.items():
            row = rf"^(\| {name} [^|]*\| )[^|]*( \|)"
            texts[guide] = re.sub(row, rf"\g<1>{time:g} h\g<2>".replace(".5", "½"), texts[guide], count=1, flags=re.M)
    plans = root / "docs" / "teaching.md"
    if plans.is_file():
        texts[plans] = with_times(plans.read_text(encoding="utf-8"), minutes)
        numbered = {path.name[:2]: nbformat.read(path, as_version=4) for path in paths}
        texts[plans] = with_parts(texts[plans], numbered)
    readme = root / "README.md"
    text = between(readme.read_text(encoding="utf-8"), MAP, course_map(paths, "notebooks/", root))
    texts[readme] = between(text, ROADS, badges(root))
    for name, pattern, value in (
        ("README.md", r"(There are )(\d+)(?= lessons)", str(len(paths))),
        ("CITATION.cff", r"^(version: )(.*)$", about["version"]),
        ("CITATION.cff", r'^(repository-code: ")([^"]*)(?=")', address(root)),
        ("course_utils/__init__.py", r'^(__version__ = ")([^"]*)(?=")', about["version"]),
        ("hub/z2jh.yaml", r"^(  defaultUrl: /git-pull\?repo=)([^&]*)", address(root)),
        ("hub/z2jh.yaml", r'^(    tag: ")([^"]*)(?=")', about["version"]),
        ("hub/Dockerfile", r"^(#.* -t [\w./-]+:)(\S+)", about["version"]),
        ("docs/hub.md", r"^(docker .*[\w./-]+/[\w.-]+:)(\S+)", about["version"]),
    ):
        text = texts.get(root / name) or (root / name).read_text(encoding="utf-8")
        texts[root / name] = re.sub(pattern, rf"\g<1>{value}", text, flags=re.M)
    return texts


def pictures(root: Path = ROOT) -> dict[Path, bytes]:
    """{file: the PNG that it should hold} for the README's pictures. Raises ValueError if a lesson lacks its figure."""
    found = {}
    for name, (number, words) in PICTURES.items():
        for path in (path for path in lessons(root) if path.name.startswith(number)):
            cells = nbformat.read(path, as_version=4).cells
            shown = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
            data = next((data for data in shown if data.get("text/plain", "").startswith(words)), None)
            if data is None:
                raise ValueError(f"{path.name}: wants the README's picture, a figure whose words begin with {words!r}")
            png = data.get("image/png") or re.findall('base64,([^"]+)', data["text/html"])[0]
            found[root / "docs" / name] = base64.b64decode(png)
    return found


def write(root: Path = ROOT) -> list[Path]:
    """Bring all copies up to date. Returns the files that were not."""
    wanted = {path: text.encode() for path, text in copies(root).items()} | pictures(root)
    changed = [path for path, content in wanted.items() if not path.exists() or path.read_bytes() != content]
    for path in changed:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(wanted[path])
    return changed


def move(repository: str, root: Path = ROOT) -> list[Path]:
    """Point the whole course at github.com/`repository`. Returns the files that were changed.

    repository  "owner/name", or its whole address as a browser or GitHub's button for cloning gives it.

    Raises ValueError if it is neither.
    """
    given, repository = repository, repository.removeprefix("https://github.com/").rstrip("/").removesuffix(".git")
    if not REPOSITORY.fullmatch(repository):
        raise ValueError(f"repository: got {given!r}, wants owner/name as on GitHub")
    place = root / "pyproject.toml"
    before = place.read_text(encoding="utf-8")
    text = re.sub(r'^(Repository = ").*(?=")', rf"\g<1>https://github.com/{repository}", before, flags=re.M)
    place.write_text(text, encoding="utf-8", newline="\n")
    return ([place] if text != before else []) + write(root)


def main() -> None:
    """Write all copies; with an argument owner/name, after a change of the address."""
    parser = argparse.ArgumentParser(prog="python -m tools.heads", description=__doc__.splitlines()[0])
    parser.add_argument("repository", nargs="?", help="owner/name: the new address of the course on GitHub")
    repository = parser.parse_args().repository
    try:
        changed = move(repository) if repository else write()
    except ValueError as error:
        sys.exit(str(error))
    for path in changed:
        print(f"written: {path.relative_to(ROOT)}")
    if repository:
        print(next_steps(), end="")


if __name__ == "__main__":
    main()
