"""Slides from the lessons' own titles, drawings, guesses, equations and figures: `make slides`. Nothing is fetched.

A lesson becomes one HTML page that works from a folder, a memory stick or a server. Its slides stand in the order of
the lesson: the title and what you will do; of each section its boxes, lists, tables and equations, then guesses and
figures as they come; what we have done; and the questions of *Check yourself*, without their answers. The code right
below a box belongs to it and stands there, too. Where no figure answers a guess, what was measured has a slide of its
own. What stands in folds is left out, and so is running text, which is for reading, but for what a guess is about. The
notebooks are read as they are: `make notebooks` comes first.
"""

import argparse
import html
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import nbformat
from nbformat import NotebookNode

from tools import formulas
from tools.heads import head_of, lessons

ROOT = Path(__file__).resolve().parent.parent
PAGE = Path(__file__).resolve().parent / "slides.html"
FOLD = re.compile(r"<details>.*?</details>", re.S)
SUMMARY = re.compile(r"<details>\s*<summary>(.*?)</summary>", re.S)
PICTURE = re.compile(r'<img alt="([^"]*)"[^>]*src="(data:image/png;base64,[^"]+)"')
GUESS = re.compile(r"<div><p><strong>(.*?)</strong></p>(.*?)<p><em>Run this cell", re.S)
LIST = re.compile(r"^(?:- |\d+\. )(?:.+\n?(?:[ ]{2,}\S.*\n?)*)", re.M)
EQUATION = re.compile(r"\$\$.+?\$\$", re.S)
BOX = re.compile(r"<div[^>]*>\n.*?</div>", re.S)
TABLE = re.compile(r"^(\|.*\n\|[ :|-]+\n)((?:\|.*\n?)+)", re.M)
PRINTED = re.compile(r"<details><summary>Uncover what was measured</summary><pre>(.*?)</pre>", re.S)
MEASURED = re.compile(r"<p[^>]*>(Measured: (?!a curve).*?)</p>")  # a curve is drawn into a figure
SET_APART = re.compile(rf"^#[^\n]*$|{BOX.pattern}|{EQUATION.pattern}|{FOLD.pattern}", re.S | re.M)
LEFT_OUT = ("When this fails", "Your turn", "Sources", "The lessons")
EQUATIONS, ITEMS, ROWS, CONTEXT = 3, 6, 7, 60  # at most so many on a slide; words before a guess


@dataclass(frozen=True)
class Slide:
    """One slide. text: Markdown; picture: a data URL, alt its words.

    kind: title, box, code, list, table, equations, guess, figure or answer.
    """

    kind: str
    heading: str
    text: str = ""
    picture: str = ""
    alt: str = ""


def slides(notebook: NotebookNode) -> list[Slide]:
    """A lesson's slides, in its order."""
    found: list[Slide] = []
    heading = before = ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            if not found:
                title, _, rest = cell.source.partition("\n")
                found.append(Slide("title", title.removeprefix("# "), _without_links("\n".join(_items(rest)))))
                continue
            for part in re.split(r"^(?=## )", cell.source, flags=re.M):
                if part.startswith("## "):
                    heading = part.partition("\n")[0].removeprefix("## ")
                if heading not in LEFT_OUT:
                    found += _from_text(heading, part)
            before = _last_words(cell.source)
        elif heading not in LEFT_OUT:
            shown = [slide for output in cell.get("outputs", []) for slide in _from_output(heading, output, before)]
            if not shown and found and found[-1].kind == "box":
                shown = [Slide("code", heading, _code(cell))]
            found += shown or _answer(heading, cell)
    return found


def _from_text(heading: str, source: str) -> list[Slide]:
    """What a text sets apart: boxes, lists, tables and equations; or the questions of *Check yourself*."""
    if heading == "Check yourself":
        questions = [f"- {_words(words)}" for words in SUMMARY.findall(source)]
        return [Slide("list", heading, "\n".join(part)) for part in _parts(questions, ITEMS)]
    text = FOLD.sub("", source)
    found = [
        Slide("box", heading, re.sub("</?div[^>]*>", "", _without_links(box)).strip()) for box in BOX.findall(text)
    ]
    text = BOX.sub("", text)
    found += [Slide("list", heading, _without_links("\n".join(part))) for part in _parts(_items(text), ITEMS)]
    for head, rows in TABLE.findall(text):
        parts = _parts(rows.splitlines(), ROWS)
        found += [Slide("table", heading, _without_links(head + "\n".join(part))) for part in parts]
    equations = EQUATION.findall(text)
    return found + [Slide("equations", heading, "\n\n".join(part)) for part in _parts(equations, EQUATIONS)]


def _items(text: str) -> list[str]:
    """The items of a text's lists, each on one line. A line of a paragraph may begin with a number and a full stop."""
    found, number = [], 0
    for item in LIST.findall(FOLD.sub("", text)):
        counted = re.match(r"\d+", item)
        if counted is None or int(counted[0]) in (1, number + 1):
            found.append(" ".join(item.split()))
            number = int(counted[0]) if counted else 0
    return found


def _parts(items: list[str], most: int) -> list[list[str]]:
    return [items[i : i + most] for i in range(0, len(items), most)]


def _last_words(source: str) -> str:
    """The last paragraphs of a text, which say what a guess is about: as many as fit, below what is set apart."""
    words: list[str] = []
    for paragraph in reversed(re.split(r"\n\s*\n", SET_APART.split(source)[-1].strip())):
        words.insert(0, " ".join(paragraph.split()).removeprefix("**Predict.** "))
        if re.match(r"\||- |\d+\. |```", paragraph) or len(" ".join(words).split()) > CONTEXT:
            words.pop(0)
            break
    return _without_links("\n\n".join(words))


def _from_output(heading: str, output: Any, before: str) -> list[Slide]:
    """The guess, below the words that stand before it, or the pictures of a cell's output."""
    data = output.get("data", {})
    page = str(data.get("text/html", ""))
    if guess := GUESS.search(page):
        choices = [f"- {_words(item)}" for item in re.findall(r"<li>(.*?)</li>", guess[2])]
        return [Slide("guess", heading, "\n".join([before, "", f"**{_words(guess[1])}**", "", *choices]).strip())]
    pictures = [(html.unescape(words), url) for words, url in PICTURE.findall(page)]
    if not pictures and "image/png" in data:
        url = "data:image/png;base64," + "".join(data["image/png"].split())
        pictures = [(str(data.get("text/plain", "")).removeprefix("Figure: "), url)]
    return [Slide("figure", heading, "", url, words) for words, url in pictures]


def _code(cell: NotebookNode) -> str:
    """A cell of code and what it prints, as Markdown."""
    printed = "".join(output.get("text", "") for output in cell.get("outputs", []))
    return f"```python\n{cell.source}\n```\n\n```\n{printed}```"


def _answer(heading: str, cell: NotebookNode) -> list[Slide]:
    """What was measured, where a cell without a figure holds guesses against it: what it prints, and the right ones."""
    page = "".join(str(output.get("data", {}).get("text/html", "")) for output in cell.get("outputs", []))
    printed = [f"```\n{html.unescape(text).rstrip()}\n```" for text in PRINTED.findall(page)]
    right = [f"**{_words(text)}**" for text in MEASURED.findall(page)]
    return [Slide("answer", heading, "\n\n".join([*printed, *right]))] if right else []


def _words(page: str) -> str:
    """A piece of HTML as Markdown that shows the same words, with subscripts as formulas."""
    page = re.sub(r"(log|[A-Za-zσ])<(sub|sup)>([^<]+)</\2>", _script, page)
    return html.unescape(re.sub("<[^>]+>", "", page)).replace("*", r"\*")


def _script(found: re.Match) -> str:
    """A letter with what stands below or above it, as a formula: of e<sup>−n</sup> $e^{-n}$."""
    letter = found[1].replace("σ", r"\sigma").replace("log", r"\log")
    inside = html.unescape(found[3]).replace("−", "-").replace("σ", r"\sigma ")
    inside = re.sub(r"(?<!\\)\b[A-Za-z]{2,}", r"\\mathrm{\g<0>}", inside)
    return f"${letter}{'_' if found[2] == 'sub' else '^'}{{{inside}}}$"


def _without_links(text: str) -> str:
    """Markdown whose links are their words."""
    return re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", text)


def page(title: str, shown: list[Slide], index: list[dict[str, Any]] | None = None) -> str:
    """A whole HTML page: slides, or with `index` the list of all lessons."""
    words = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    words.filters["md"] = lambda text: jinja2.utils.markupsafe.Markup(_inline(formulas.markdown(text)))
    return words.from_string(PAGE.read_text(encoding="utf-8")).render(title=title, slides=shown, index=index)


def _inline(paragraph: str) -> str:
    """A single paragraph without its <p>, so that it may stand in a heading."""
    alone = re.fullmatch(r"<p>(.*)</p>\s*", paragraph, re.S)
    return alone[1] if alone and "<p>" not in alone[1] else paragraph


def write(paths: list[Path], out: Path) -> list[Path]:
    """Write the slides of these lessons and an index. Returns the files."""
    out.mkdir(parents=True, exist_ok=True)
    index, files = [], []
    for path in paths:
        head, shown = head_of(path), slides(nbformat.read(path, as_version=4))
        title, file = f"{head.number} · {head.question}", out / f"{path.stem}.html"
        file.write_text(page(title, shown), encoding="utf-8")
        index.append({"file": file.name, "title": head.question, "count": len(shown)})
        files.append(file)
    (out / "index.html").write_text(page("Gradients through time: slides", [], index), encoding="utf-8")
    return [*files, out / "index.html"]


def main() -> None:
    """Write slides of all lessons, or of those that are named."""
    parser = argparse.ArgumentParser(prog="python -m tools.slides", description=__doc__.splitlines()[0])
    parser.add_argument("lessons", type=Path, nargs="*", help="notebooks (all)")
    parser.add_argument("--out", type=Path, default=ROOT / "slides", help="a folder (slides)")
    options = parser.parse_args()
    for file in write(options.lessons or lessons(), options.out):
        print(file)


if __name__ == "__main__":
    main()
