"""What stands in sight of a guess or a task, below it and above the next heading, tells nothing of the answer."""

import ast
import copy
import itertools
import re

import nbformat
import pytest

from tests.notebook import LESSONS, read

lessons = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
PROMPT = re.compile(r"\*\*(Predict|Write|Repair)\b")
COMPARES = r"more|less|fewer|larger|smaller|higher|lower|nearer|longer|shorter|better|worse|faster|slower|above|below"
MOVES = r"(?:grow|shrink|fall|ris|vanish|explod|win)(?:s|es|e|ing)?"
CLAIM = re.compile(rf"\b(?:{COMPARES}|{MOVES})\b", re.I)
TELLING = re.compile(rf"(?:^|_)(?:{COMPARES}|{MOVES}|moving|lost|hidden|hump)(?:_|$)")  # parts of a scene's name
SAID_TRUE = re.compile(r"^(.*?):? +True\b", re.M)


def opened(cell):
    """What a Markdown cell shows without a click."""
    return re.sub(r"<details>.*?</details>", "", cell.source, flags=re.S)


def below(cells, i, stops=()):
    """The cells in which the answer to cell i may stand: up to the next heading, of whose cell the part above it."""
    for cell in cells[i + 1 :]:
        if cell.cell_type == "markdown":
            before, heading, _ = f"\n{opened(cell)}".partition("\n## ")
            yield nbformat.v4.new_markdown_cell(before.strip())
            if heading:
                return
        elif any(stop in cell.source for stop in stops):
            return
        else:
            yield cell


def tells(text):
    """What open text below a guess says before the next prompt, unless it only leads on, with a question or a colon."""
    before = re.split(PROMPT, text, maxsplit=1)[0]
    parts = [part for part in re.split(r"\n\s*\n", before) if part.strip()]
    return [part for part in parts if not re.search(r"\?$" if CLAIM.search(part) else r"[?:]$", part.strip())]


def gives_away(cell, choices):
    """What the source of a cell below a guess says of its answer; `choices` are those of the guess."""
    names = [word for word in re.findall(r"\bscenes\.(\w+)", cell.source) if TELLING.search(word)]
    comments = [line for line in re.findall(r"# .*", cell.source) if CLAIM.search(line)]
    outputs = [str(out.get("text") or out.get("data", {}).get("text/html", "")) for out in cell.outputs]
    shown = re.sub(r"<[^>]*>", "\n", "\n".join(outputs))
    words = [str(node.value) for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Constant)]
    claims = [said for said in SAID_TRUE.findall(shown) for word in CLAIM.findall(said) if word in " ".join(words)]
    claims = [] if "False" in shown else claims  # what holds here and not there is measured, not claimed
    plain = re.sub(r"[\"'()\[\]]", "", cell.source)
    some = [choice for choice in choices if re.search(rf"(?<![\w-]){re.escape(choice)}(?![\w-])", plain)]
    return names + comments + claims + (some if len(some) < len(choices) else [])


def choices_of(source):
    """The choices of the guess that a cell asks for, where it writes them out in several words."""
    written = [node.value for node in ast.walk(ast.parse(source)) if getattr(node, "arg", None) == "choices"]
    return [
        node.value
        for node in itertools.chain(*(each.elts for each in written if isinstance(each, ast.List)))
        if isinstance(node, ast.Constant) and " " in node.value
    ]


@lessons
def test_nothing_in_sight_of_a_guess_tells(path):
    """Below a guess, up to the next heading, open text asks or leads on, and no source says what comes out."""
    cells, told = read(path).cells, {}
    for i, cell in enumerate(cells):
        if cell.cell_type == "code" and "widgets.predict(" in cell.source:
            for near in below(cells, i, stops=["widgets.predict("]):
                found = (
                    tells(near.source) if near.cell_type == "markdown" else gives_away(near, choices_of(cell.source))
                )
                if found:
                    told.setdefault(cell.source.splitlines()[0], []).extend(found)
    assert told == {}


class Nameless(ast.NodeTransformer):
    """Calls every value x, and leaves functions their names."""

    def visit_Call(self, node):
        return ast.Call(node.func, [self.visit(value) for value in node.args], [])

    def visit_Name(self, node):
        return ast.Name("x")

    visit_Attribute = visit_Subscript = visit_Name


def formulas(source):
    """Expressions of three operators or more in a source, up to their variables' names."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.BinOp):
            nameless = Nameless().visit(copy.deepcopy(node))
            if sum(isinstance(inner, ast.BinOp) for inner in ast.walk(nameless)) >= 3:
                found.add(ast.unparse(nameless))
    return found


def bare(tex):
    """TeX without indices and spaces."""
    return re.sub(r"_(?:\{[^}]*\}|\\?\w)|\s|\\[,;]", "", tex)


@lessons
def test_no_solution_stands_open_below_its_task(path):
    """Neither its expressions in a cell nor its equation in the text, up to the next heading."""
    cells, shown = read(path).cells, {}
    for i, cell in enumerate(cells):
        if cell.cell_type != "code" or "check(" not in cell.source or i + 1 == len(cells):
            continue
        fold = cells[i + 1].source
        solution = "\n".join(re.findall(r"```python\n(.*?)```", fold, re.S))
        equations = [tex.split("=")[-1] for tex in re.findall(r"\$\$(.*?)\$\$", fold, re.S)]
        for near in below(cells, i):
            if near.cell_type == "code":
                found = formulas(near.source) & formulas(solution)
            else:
                found = {tex for tex in map(bare, equations) if len(tex) > 4 and tex in bare(near.source)}
            if found:
                shown.setdefault(cell.source.splitlines()[0], []).extend(found)
    assert shown == {}
