"""The course's own sentences as plain text: `python -m tools.prose` writes data/lessons_prose.txt, for lesson 12.

The file is frozen: its checksum stands in data/README.md, and lessons may change without it. Whoever writes it anew has
to measure again what lesson 12 states.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "data" / "lessons_prose.txt"
LEAST, MOST = 20, 100  # characters of a sentence
PLAIN = re.compile(r"[A-Za-z ,;:'-]+[.?]")  # no digits, formulas and names of code
NO_PROSE = re.compile(
    r"```.*?```|\$\$.*?\$\$"  # code and displayed formulas
    r"|<[^>]*>"  # tags
    r"|^(?:#|\||\s*[-*] |\d+\. )[^\n]*",  # headings, tables, lists
    re.S | re.M,
)


def sentences(markdown: str) -> Iterator[str]:
    """The plain sentences of a Markdown text in lower case, without what stands in round brackets."""
    if re.match(r"\s*#+ Sources", markdown):
        return
    text = NO_PROSE.sub("\n\n", markdown)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r" ?\([^()]*\)|[*_“”\"]", "", text).replace("’", "'")
    for paragraph in re.split(r"\n\s*\n", text):
        for sentence in re.split(r"(?<=[.?:]) +(?=[A-Z])", " ".join(paragraph.split())):
            if PLAIN.fullmatch(sentence) and LEAST <= len(sentence) <= MOST:
                yield sentence.lower()


def collect(notebooks: Iterable[Path]) -> list[str]:
    """The different sentences of some notebooks, in their order."""
    cells = (cell for path in notebooks for cell in nbformat.read(path, as_version=4).cells)
    texts = (cell.source for cell in cells if cell.cell_type == "markdown")
    return list(dict.fromkeys(sentence for text in texts for sentence in sentences(text)))


def main() -> None:
    """Write the file anew, from the lessons 00 to 11."""
    found = collect(sorted((ROOT / "notebooks").glob("*.ipynb"))[:12])
    FILE.write_text("".join(f"{sentence}\n" for sentence in found), encoding="ascii", newline="\n")
    print(f"{len(found)} sentences, {sum(map(len, found))} characters")


if __name__ == "__main__":
    main()
