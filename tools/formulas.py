"""Markdown with formulas as HTML that needs no network and no script: every formula becomes a small drawing (SVG).

matplotlib sets them, which is a part of the course anyway. It knows most of the commands that the lessons use; the rest
is put in other words first (`PLAIN`), and of a matrix or an aligned block each row is set by itself.
"""

import functools
import html
import io
import re

import mistune
from matplotlib import mathtext
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

FORMULA = re.compile(r"\$\$(.+?)\$\$|(?<![\\$])\$(?!\s)([^$]+?)(?<!\s)\$", re.S)
ROWS = re.compile(r"\\begin\{(?:aligned|pmatrix|cases|array)\}(?:\{\w+\})?(.*?)\\end\{\w+\}", re.S)
PLAIN = {  # what matplotlib doesn't know, and the same in its words
    r"\\[td]?frac\s*(\d)\s*(\w)": r"\\frac{\1}{\2}",
    r"\\[td]frac": r"\\frac",
    r"\\sqrt\s*(\d)": r"\\sqrt{\1}",
    r"\\[lr]Vert": r"\\Vert ",
    r"\\[lr]vert": r"\\vert ",
    r"\\(?:big|Big|bigg|Bigg)[lr]?(?![a-z])": "",
    r"\\(?:text|mathit|operatorname)(?![a-z])": r"\\mathrm",
    r"\\[;,:! ]|~": r"\\ ",
    r"\\le(?![a-z])": r"\\leq ",
    r"\\ge(?![a-z])": r"\\geq ",
    r"\\ne(?![a-z])": r"\\neq ",
    r"\\to(?![a-z])": r"\\rightarrow ",
    r"\\top(?![a-z])": "T",
    r"\\qquad|\\quad": r"\\ \\ \\ ",
    r"\\ldots": r"\\dots ",
    r"(?<!\d)\.(\d)": r"0.\1",  # a point without a zero before it would stand apart, as a full stop
}
NEW_ROW = "\x04"  # stands for the two backslashes within a matrix until rows are parted
SIZE = 18  # points at which formulas are set; the page scales them with its text


def markdown(text: str) -> str:
    """Markdown as HTML, formulas as drawings. What isn't Markdown is escaped: no tag of the text gets through."""
    formulas: list[str] = []

    def keep(found: re.Match) -> str:
        formulas.append(formula(found[1] or found[2], displayed=bool(found[1])))
        return f"\x02{len(formulas) - 1}\x03"

    page = str(mistune.create_markdown(escape=True, plugins=["table"])(FORMULA.sub(keep, text)))
    return re.sub(r"\x02(\d+)\x03", lambda found: formulas[int(found[1])], page)


@functools.cache
def formula(source: str, displayed: bool = False) -> str:
    """One formula, given without its dollars, as an <img> whose text for those who can't see it is its source."""
    source = " ".join(source.split())
    rows = _rows(source)
    pictures = [_picture(row, source) for row in rows]
    if len(rows) > 1 or displayed:
        return '<span class="displayed">' + "<br>".join(pictures) + "</span>"
    return pictures[0]


def _rows(source: str) -> list[str]:
    """A formula of several rows in pieces, a matrix in one."""
    inner = ROWS.sub(lambda found: _matrix(found[1]) if "pmatrix" in found[0] else found[1], source)
    rows = [row.replace("&&", r" \quad ").replace("&", " ").strip() for row in re.split(r"\\\\", inner)]
    return [row.replace(NEW_ROW, r" \\ ") for row in rows if row] or [source]


def _matrix(inside: str) -> str:
    """The rows of a matrix on top of each other."""
    rows = [r"\ \ ".join(cell.strip() for cell in row.split("&")) for row in re.split(r"\\\\", inside)]
    return r"\left(\substack{" + NEW_ROW.join(rows) + r"}\right)"


def in_matplotlibs_words(source: str) -> str:
    """LaTeX in the words that matplotlib knows. A brace below a term is left out, with what stands below it."""
    while r"\underbrace{" in source:
        before, _, rest = source.partition(r"\underbrace{")
        inner, rest = _braced(rest)
        below = rest.startswith("_{")
        source = before + inner + (_braced(rest[2:])[1] if below else rest)
    source = re.sub(r"\\text\{[^{}]*\}", lambda found: found[0].replace(" ", r"\ "), source)
    for pattern, words in PLAIN.items():
        source = re.sub(pattern, words, source)
    return source


def _braced(text: str) -> tuple[str, str]:
    """(what stands before the brace that closes, what comes after it)."""
    depth = 1
    for i, sign in enumerate(text):
        depth += (sign == "{") - (sign == "}")
        if depth == 0:
            return text[:i], text[i + 1 :]
    return text, ""


def _picture(row: str, source: str) -> str:
    alt = html.escape(source, quote=True)
    try:
        svg, width, height, depth = _set(f"${in_matplotlibs_words(row)}$")
    except ValueError:
        return f'<code class="unset">{html.escape(row)}</code>'
    data = "".join(f"%{byte:02x}" if byte in b'%#"<>&' or byte > 126 or byte < 32 else chr(byte) for byte in svg)
    size = f"width:{width / SIZE:.3f}em;height:{height / SIZE:.3f}em;vertical-align:{-depth / SIZE:.3f}em"
    return f'<img class="formula" alt="{alt}" style="{size}" src="data:image/svg+xml,{data}">'


def _set(text: str) -> tuple[bytes, float, float, float]:
    """(SVG, width, height, depth below the line) of a formula, in points. Raises ValueError on unknown commands."""
    font = FontProperties(size=SIZE, math_fontfamily="cm")
    width, height, depth, *_ = mathtext.MathTextParser("path").parse(text, dpi=72, prop=font)
    figure = Figure(figsize=((width + 2) / 72, (height + 2) / 72))
    FigureCanvasAgg(figure)
    figure.text(1 / (width + 2), (depth + 1) / (height + 2), text, fontproperties=font)
    file = io.BytesIO()
    figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    svg = re.sub(rb"<\?xml.*?<svg", b"<svg", file.getvalue(), count=1, flags=re.S)
    svg = re.sub(rb"<metadata>.*?</metadata>\s*", b"", svg, flags=re.S)
    return re.sub(rb"\s+", b" ", svg), width + 2, height + 2, depth + 1
