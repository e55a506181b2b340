"""The course as a book of static pages: `make site`, or `python -m tools.book [--out site]`.

The pages are made from the lessons' stored outputs; nothing is run. Explorers, guesses and the cell's drawing move
without a kernel, by the scripts of `course_utils` and the numbers that the notebooks hold (`tools.views`). Formulas are
set here, by KaTeX, and the search's index is written here, too. So a page asks nobody outside for anything, and works
from a disk as well as from a server.

| what | where |
|---|---|
| lessons, in their order | notebooks/ |
| pages beside them, which lessons link to | docs/*.md |
| how a page looks, and what it does | tools/book_theme/ |
| where the course is published, for Colab and Binder | GITHUB_REPOSITORY, else git's `origin`, else pyproject.toml |

Links to Colab and Binder stand only where the student edition of this very version is published. The workflow `book`
makes the newest published version, whatever the default branch is today: so a lesson that is downloaded from the book
fetches the course that it was written for.
"""

import argparse
import ast
import base64
import hashlib
import html
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import jinja2
import nbformat
from bs4 import BeautifulSoup
from nbconvert.filters import strip_ansi
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from PIL import Image
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from course_utils import _page
from tools import heads, npm, views, working_copies
from tools.heads import ROOT
from tools.notebooks import COVER, printed

THEME = Path(__file__).with_name("book_theme")
KATEX, MINISEARCH = "katex@0.19.1", "minisearch@7.2.0"
FORMULA = "\ue000{}\ue001"  # stands for a formula until all are set, at once
EXPORTS = re.compile(r"^export \{[^}]*\};\n", re.M)


@dataclass
class Page:
    """One page of the book.

    source  the file that it is made from, relative to the course; None for the first page.
    name    its file in the book.
    """

    source: Path | None
    name: str
    title: str
    number: str = ""
    minutes: int = 0
    body: str = ""
    contents: list[tuple[str, str]] = field(default_factory=list)  # (anchor, words) of its headings


def published(root: Path = ROOT) -> str | None:
    """Where the course is published, "https://github.com/owner/name", as far as this copy of it knows."""
    origin = subprocess.run(
        ["git", "-C", str(root), "config", "--get", "remote.origin.url"], capture_output=True, text=True, check=False
    ).stdout
    name = os.environ.get("GITHUB_REPOSITORY", "")
    for given in (f"https://github.com/{name}", origin.strip(), heads.address(root)):
        found = re.fullmatch(r"(?:https://|git@|ssh://git@)github\.com[:/](.+?)(?:\.git)?/?", given)
        if found and heads.REPOSITORY.fullmatch(found[1]) and heads.PLACEHOLDER not in given:
            return f"https://github.com/{found[1]}"
    return None


# ---------------------------------------------------------------------------------------------------------------------
# From Markdown


class Renderer(IPythonRenderer):
    """Markdown to HTML. Keeps the formulas that it met, and a page's headings."""

    def __init__(self, book: "Book", page: Page) -> None:
        super().__init__(escape=False, exclude_anchor_links=True)
        self._book, self._page = book, page

    def inline_math(self, body: str) -> str:
        """A formula within a line."""
        return self._book.formula(False, body)

    def block_math(self, body: str) -> str:
        """A formula of its own."""
        return self._book.formula(True, body)

    def latex_environment(self, name: str, body: str) -> str:
        """The same, without $$."""
        return self._book.formula(True, f"\\begin{{{name}}}{body}\\end{{{name}}}")

    def block_html(self, html: str) -> str:
        """HTML as it is written, with the formulas in it: a question stands in its <summary>."""
        return re.sub(r"\$([^$\n]+)\$", lambda found: self.inline_math(found[1]), super().block_html(html))

    def block_code(self, code: str, info: str | None = None) -> str:
        """A fenced block."""
        return coloured(code) if (info or "").startswith("python") else f"<pre><code>{html.escape(code)}</code></pre>"

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        """A heading with the anchor that JupyterLab gives it, so that links are the same in both."""
        words = re.sub("\ue000.*?\ue001|<[^>]+>", "", text).strip()
        anchor = html.escape(html.unescape(words).replace(" ", "-"))
        if level == 2:
            self._page.contents.append((anchor, words))
        return f'<h{level} id="{anchor}">{text}</h{level}>\n'

    def table(self, text: str) -> str:
        """A table, which a phone can scroll."""
        return f'<div class="scroll"><table>\n{text}</table></div>\n'

    def link(self, text: str, url: str, title: str | None = None) -> str:
        """A link; those to other files of the course lead to their pages."""
        target = self._book.leads_to(self._page, url)
        if target:
            return f'<a href="{html.escape(target)}">{text}</a>'
        path = self._book.path_of(self._page, url)
        return text if path in re.sub("<[^>]+>", "", text) else f"{text} (<code>{html.escape(path)}</code>)"


def coloured(code: str) -> str:
    """Python as HTML, its parts marked by class."""
    return highlight(code, PythonLexer(), HtmlFormatter(cssclass="code"))


# ---------------------------------------------------------------------------------------------------------------------
# The book


class Book:
    """All pages, while they are made. `write` is the whole of it.

    root     of the course.
    home     where it lives, None if nowhere that others reach.
    edition  whether the student edition of this version is published there, which Colab and Binder open.
    """

    def __init__(self, root: Path = ROOT, home: str | None = None, edition: bool = True) -> None:
        self._root, self._home, self._edition = root, home, edition
        self._formulas: dict[tuple[bool, str], int] = {}
        self._pictures: dict[str, bytes] = {}
        self.pages = [Page(None, "index.html", heads.project(root)["name"].replace("-", " ").capitalize())]
        for path in heads.lessons(root):
            head = heads.head_of(path)
            self.pages.append(
                Page(path.relative_to(root), f"{path.stem}.html", head.question, head.number, head.minutes)
            )
        for path in sorted((root / "docs").glob("*.md")):
            title = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
            self.pages.append(Page(path.relative_to(root), f"{path.stem}.html", title))

    @property
    def lessons(self) -> list[Page]:
        """The pages of the lessons, in their order."""
        return [page for page in self.pages if page.number]

    def formula(self, displayed: bool, tex: str) -> str:
        """What stands for a formula until all are set."""
        return FORMULA.format(self._formulas.setdefault((displayed, tex.strip()), len(self._formulas)))

    def path_of(self, page: Page, url: str) -> str:
        """The file that a link of a page names, relative to the course; "" outside it."""
        assert page.source is not None
        target = (self._root / page.source.parent / unquote(url.partition("#")[0])).resolve()
        root = self._root.resolve()
        return target.relative_to(root).as_posix() if target.is_relative_to(root) else ""

    def leads_to(self, page: Page, url: str) -> str | None:
        """Where a link of a page leads: another page of the book, or the course's own address; None if nowhere."""
        if re.match(r"[a-z]+:|#", url) or page.source is None:
            return url
        path, anchor = self.path_of(page, url), url.partition("#")[2]
        for other in self.pages:
            if other.source and path == other.source.as_posix():
                return f"{other.name}#{anchor}" if anchor else other.name
        return f"{self._home}/blob/HEAD/{quote(path)}" if self._home and path else None

    def write(self, out: Path) -> None:
        """Make all pages and what they need in the folder `out`, which is emptied first."""
        if out.exists() and any(out.iterdir()) and not (out / "static" / "book.js").exists():
            raise RuntimeError(
                f"{out} holds other things than a book. The book's folder is emptied before it is written."
            )
        node = shutil.which("node")
        if node is None:
            raise RuntimeError("node isn't installed. It sets the formulas; it comes with npm, from nodejs.org.")
        katex, minisearch = npm.package(KATEX), npm.package(MINISEARCH)
        for page in self.pages:
            if page.source and page.source.suffix == ".ipynb":
                page.body = self._lesson(page, self._notebook(page))
            elif page.source:
                text = (self._root / page.source).read_text(encoding="utf-8")
                page.body = f'<div class="words">{self._words(page, text)}</div>'
        said = json.dumps(list(self._formulas))
        command = [node, str(THEME / "maths.js"), str(katex)]
        made = subprocess.run(command, input=said, capture_output=True, text=True, encoding="utf-8", check=False)
        if made.returncode:
            raise RuntimeError(f"A formula can't be set: {made.stderr.strip()[:2000]}")
        formulas = json.loads(made.stdout)
        shutil.rmtree(out, ignore_errors=True)
        (out / "static" / "fonts").mkdir(parents=True)
        for page in self.pages:
            place = re.compile("\ue000(\\d+)\ue001")
            page.body = place.sub(lambda found: formulas[int(found[1])], page.body)
            (out / page.name).write_text(self._around(page), encoding="utf-8")
        for page in self.lessons:
            assert page.source is not None
            (out / page.source.name).write_bytes(self._download(page))
        for name, picture in self._pictures.items():
            (out / "static" / name).write_bytes(picture)
        _write_static(out / "static", katex, minisearch)
        sections = [section for page in self.pages for section in _sections(page)]
        text = json.dumps(sections, ensure_ascii=False, separators=(",", ":"))
        (out / "static" / "sections.js").write_text(f"window.bookSections = {text};\n", encoding="utf-8")

    def _words(self, page: Page, text: str) -> str:
        return MarkdownWithMath(renderer=Renderer(self, page)).render(text)

    def _around(self, page: Page) -> str:
        """A whole page: its body with all that stands on every page."""
        loader = jinja2.Environment(loader=jinja2.FileSystemLoader(THEME), autoescape=True, trim_blocks=True)
        place = self.lessons.index(page) if page.number else None
        roads = {}
        if page.source and self._home and self._edition:
            roads = heads.roads(page.source.as_posix(), self._root, self._home)
        return loader.get_template("page.html").render(
            page=page,
            book=self.pages[0],
            lessons=self.lessons,
            others=[other for other in self.pages[1:] if not other.number],
            before=self.lessons[place - 1] if place else None,
            after=self.lessons[place + 1] if place is not None and place + 1 < len(self.lessons) else None,
            about=heads.project(self._root),
            home=self._home,
            roads=roads,
        )

    # ------------------------------------------------------------ a lesson

    def _notebook(self, page: Page) -> NotebookNode:
        """A lesson that points at where this book's course lives, whatever address stands in the notebook."""
        assert page.source is not None
        edition = self._edition and self._home is not None
        return heads.pointed(self._root / page.source, self._root, self._home, edition)

    def _download(self, page: Page) -> bytes:
        """The same as a file to work in, without outputs."""
        return working_copies.stripped(f"{nbformat.writes(self._notebook(page))}\n".encode())

    def _lesson(self, page: Page, notebook: NotebookNode) -> str:
        """All cells of a lesson but the one that fetches the course on Colab."""
        parts: list[str] = []
        guesses: dict[str, str] = {}  # {name of a guess in the lesson: its anchor}
        boot = next(i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code")
        for i, cell in enumerate(notebook.cells):
            if i == boot:
                continue
            if cell.cell_type == "markdown":
                text = heads.with_roads(cell.source, {})  # the page has its own
                parts.append(f'<div class="words">{self._words(page, text)}</div>')
            elif cell.cell_type == "code":
                parts.append(coloured(cell.source))
                used = _names(cell.source)
                shown = [self._output(output, f"guess-{i}") for output in cell.outputs]
                asked = [guesses[name] for name in used if name in guesses]
                if asked and any("Measured: " in each for each in shown):
                    shown.append(f'<p class="your-guess" data-guess="{asked[0]}" hidden></p>')
                together = "".join(shown)
                if "answer" in cell.metadata.get("tags", []) and shown:
                    summary = COVER.partition("{}")[0]
                    together = f"{summary.replace('<details>', '<details class=answer>')}{together}</details>"
                if shown:
                    parts.append(f'<div class="output">{together}</div>')
                for name in re.findall(r"^(\w+) = widgets\.predict\(", cell.source, re.M):
                    guesses[name] = f"guess-{i}"
        return "\n".join(parts)

    def _output(self, output: NotebookNode, anchor: str) -> str:
        """One output; what was covered is bare here, since its cell is covered as a whole."""
        if text := printed(output):
            return f'<pre class="printed">{html.escape(strip_ansi(text))}</pre>'
        data = output.data
        if "image/png" in data:
            shown = self._figure(base64.b64decode(data["image/png"]), data["text/plain"].removeprefix("Figure: "))
        elif "text/html" in data:
            begin, end = COVER.split("{}")
            shown = data["text/html"].removeprefix(begin)
            shown = shown.removesuffix(end) if shown != data["text/html"] else shown
            shown = re.sub(
                r'<figure[^>]*><img alt="([^"]*)"[^>]*src="data:image/png;base64,([^"]+)"></figure>',
                lambda found: self._figure(base64.b64decode(found[2]), html.unescape(found[1])),
                shown,
            )
        else:
            shown = f'<pre class="printed">{html.escape(data["text/plain"])}</pre>'
        if views.VIEW not in data:
            return shown
        kind = json.dumps(views.KINDS[views.unpack(data[views.VIEW])[0]][0])
        packed = f'<script type="text/plain">{data[views.VIEW]}</script>'
        return f'<div class="view" id="{anchor}" data-kind={kind}>{packed}<div class="still">{shown}</div></div>'

    def _figure(self, png: bytes, alt: str) -> str:
        """A picture, as WebP without loss: half as many bytes."""
        name = f"{hashlib.sha256(png).hexdigest()[:16]}.webp"
        picture = Image.open(io.BytesIO(png))
        if name not in self._pictures:
            written = io.BytesIO()
            picture.convert("RGB").save(written, "WEBP", lossless=True, method=3)
            self._pictures[name] = written.getvalue()
        width, height = picture.size
        size = f'width="{width}" height="{height}" style="--width: {width}px" decoding="async"'
        return f'<figure><img src="static/{name}" alt="{html.escape(alt)}" {size}></figure>'


def _names(source: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}


def _sections(page: Page) -> Iterator[dict[str, str]]:
    """What the search knows of a page: the words below each of its headings, and the names in the code there."""
    soup = BeautifulSoup(page.body, "html.parser")
    for hidden in soup.select("script, .output, .katex-html, annotation"):
        hidden.decompose()
    found: list[dict[str, Any]] = [{"id": page.name, "title": page.title, "text": [], "code": {}}]
    for part in soup.select("h1, h2, h3, p, li, td, summary, .code"):
        if part.name in ("h1", "h2", "h3"):
            title = part.get_text(" ", strip=True)
            found.append({"id": f"{page.name}#{part.get('id')}", "title": title, "text": [], "code": {}})
        elif "code" in part.get_attribute_list("class"):
            found[-1]["code"] |= dict.fromkeys(re.findall(r"[A-Za-z_]\w{3,}", part.get_text()))
        elif not part.find(["p", "li"]):
            found[-1]["text"].append(" ".join(part.get_text(" ", strip=True).split()))
    for section in found:
        yield section | {"page": page.title, "text": " ".join(section["text"]), "code": " ".join(section["code"])}


def _write_static(static: Path, katex: Path, minisearch: Path) -> None:
    """Scripts, styles and fonts of all pages."""
    style = (katex / "dist" / "katex.min.css").read_text(encoding="utf-8")
    style = re.sub(r",url\([^)]*\.(?:woff|ttf)\) format\([^)]*\)", "", style)  # every browser takes woff2
    (static / "katex.css").write_text(style, encoding="utf-8")
    for font in re.findall(r"fonts/([\w-]+\.woff2)", style):
        shutil.copy(katex / "dist" / "fonts" / font, static / "fonts")
    shutil.copy(minisearch / "dist" / "umd" / "index.js", static / "minisearch.js")
    for package in (katex, minisearch):
        for licence in package.glob("LICENSE*"):
            shutil.copy(licence, static / f"{package.name.split('@')[0]}-licence.txt")
    styles = dict.fromkeys(style for _, style in views.KINDS.values())
    texts = [(_page.HERE / f"{name}.css").read_text(encoding="utf-8") for name in styles]
    texts.append((THEME / "book.css").read_text(encoding="utf-8"))
    (static / "book.css").write_text("\n".join(texts), encoding="utf-8")
    scripts = dict.fromkeys(script for script, _ in views.KINDS.values())
    made = [f"bookViews.{name} = (() => {{\n{_classic(_page.script(name))}}})();\n" for name in scripts]
    text = (THEME / "book.js").read_text(encoding="utf-8")
    (static / "book.js").write_text("".join(["const bookViews = {};\n", *made, text]), encoding="utf-8")


def _classic(module: str) -> str:
    """A widget's module as the body of a function: a page on a disk may not load modules."""
    return EXPORTS.sub("", module).replace("export default ", "return ")


def main() -> None:
    """Make the book."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "site", help="its folder, site/ by default; emptied first")
    out = parser.parse_args().out.resolve()
    home = published()
    edition = home is not None and heads.has_edition(home)
    try:
        Book(home=home, edition=edition).write(out)
    except RuntimeError as error:
        sys.exit(str(error))
    print(f"Written: {out / 'index.html'}")
    if home is None:
        print("This copy isn't published, so its pages don't link to Colab and Binder.")
    elif not edition:
        version = heads.project()["version"]
        print(f"{home} shows no student edition of version {version}, so the pages don't link to Colab and Binder.")


if __name__ == "__main__":
    main()
