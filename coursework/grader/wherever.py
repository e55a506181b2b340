"""Python wherever it stands in a text: a module, a cell with magics, a fold, a comment, a string, a sentence.

What is Python as a whole is read as a whole, and its comments and strings are texts again. Of any other text, every
function is read by itself, every block of code, the lines between magics, and every expression: "the slope is
`1 - h**2`, below one" has one. So a line that isn't Python hides no other. Reads code, runs none.
"""

import ast
import builtins
import html
import io
import itertools
import re
import textwrap
import tokenize
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

TOKEN = re.compile(
    r"""
    (?P<cut>\"{3}|'{3}|\.(?=\s|$))                                              # a docstring's edge, a sentence's
  | (?P<string>(?<!\w)[bfru]{0,2}(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'))    # an apostrophe follows a letter
  | (?P<comment>\#[^\n]*(?:\n[ \t]*\#[^\n]*)*)
  | (?P<operand>\.{3}|(?:\d[\d_]*\.?\d*|\.\d+)(?:e[-+]?\d+)?j?|[^\W\d]\w*)
  | (?P<open>[(\[{])
  | (?P<close>[)\]}])
  | (?P<line>\n)
  | (?P<space>[^\S\n]+|\\\n)
  | (?P<operator>\*\*|//|<<|>>|->|:=|[-+*/%@&|^<>=!]=|[-+*/%@&|^~<>=.,:;])
  | (?P<other>.)
    """,
    re.X | re.I,
)
PAIRS = {")": "(", "]": "[", "}": "{"}
SIGNS = {"-", "+", "~"}
LINKS = {"for", "in", "if", "else", "and", "or", "not", "is", "lambda", "async", "await"}  # words within expressions
WORDS = set("return def class import from as assert raise yield with while del global nonlocal pass".split())
BETWEEN = {"=", ":", ";", ",", "->", ":=", "==", "!=", "<", ">", "<=", ">=", "|"}  # also parts of a sentence
OPERATION = re.compile(r"[-+*/@%(=\[{<>|&^~]")
FUNCTION = re.compile(r"^([ \t]*)(?:async )?def .*(?:\n(?:\1[ \t].*|\1\).*:|[ \t]*)$)*", re.M)  # down to its own margin
TAG = re.compile(r"</[a-z][^<>\n]*>|(?<![\w)\]])<[a-z][^<>\n]*>", re.I)
ENTITY = re.compile(r"&#?\w+;")
INLINE = re.compile(r"`[^`\n]*`|`[^`\n]+\n[^`\n]+`")
MARGIN = re.compile(r"^[ \t]*(?://+|>>>|\.{3}|>) ?", re.M)  # of comments in other languages, examples and quotations
FENCE = re.compile(r"^( *)```\w*\n(.*?)^\1```", re.M | re.S)  # a block of code on a page
MAGIC = re.compile(r"^[ \t]*[%!].*$", re.M)
IMPORT = re.compile(
    r"\bimport\s+numpy[\w.]*\s+as\s+\w+|\bfrom\s+numpy[\w.]*\s+import\s+"
    r"(?:\([^)]*\)|\w+(?: as \w+)?(?:, *\w+(?: as \w+)?)*)"
)
NUMPY = {name for name, thing in vars(np).items() if callable(thing)} - {*dir(builtins)}
METHODS = {name for name, thing in vars(np).items() if callable(thing) and hasattr(np.ndarray, name)}


class Token(NamedTuple):
    """A piece of text: its kind, one of `TOKEN`'s groups, and how it is written."""

    kind: str
    text: str


def trees(texts: Iterable[str]) -> list[ast.Module]:
    """All Python in the texts of one file, as syntax trees: statements, and expressions with an operation or a call.

    NumPy's functions are `np.something` in them, also where the file writes `numpy.something`, or imports them under
    other names, or calls them without an import, as a line of a page does. What an array can do itself it does itself:
    `np.sum(a)` and `sum(a)` are `a.sum()`.
    """
    texts = list(texts)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on odd escapes in what was never meant to be Python
        found = [tree for text in texts for tree in _trees(text)]
    naming = _InNumpy(_imported("\n".join(texts)))
    for tree in found:
        naming.visit(tree)
    return found


def in_numpy(tree: ast.Module) -> ast.Module:
    """The tree, changed in place: NumPy's functions and an array's methods have one spelling each, as in `trees`."""
    _InNumpy({"numpy": "np"}).visit(tree)
    return tree


def _trees(text: str) -> Iterator[ast.Module]:
    if not OPERATION.search(text):
        return
    text = textwrap.dedent(text)
    whole = _parsed(text)
    if whole is not None:
        yield whole
        inner = [node.value for node in ast.walk(whole) if isinstance(node, ast.Constant) and type(node.value) is str]
        inner.append(_comments(text))
    else:
        text = ENTITY.sub(lambda entity: html.unescape(entity[0]), TAG.sub("\n", MARGIN.sub("", text)))
        text = INLINE.sub(lambda code: code[0].replace("\n", " "), text)
        pieces = [match[0] for match in FUNCTION.finditer(text)] + [match[2] for match in FENCE.finditer(text)]
        pieces += [MAGIC.sub("", text)] if MAGIC.search(text) else []
        yield from filter(None, (_parsed(textwrap.dedent(piece)) for piece in pieces))
        tokens = [Token(str(match.lastgroup), match[0]) for match in TOKEN.finditer(text)]
        for run in _runs(tokens):
            yield from _expressions(run)
        inner = [_inside(token) for token in tokens if token.kind in ("string", "comment")]
    for words in inner:
        if len(words) < len(text):
            yield from _trees(words)


def _parsed(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _comments(source: str) -> str:
    """All comments of a module or cell, without their signs."""
    if "#" not in source:
        return ""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return "\n".join(token.string.lstrip("#") for token in tokens if token.type == tokenize.COMMENT)


def _inside(token: Token) -> str:
    """What a string or a comment says."""
    if token.kind == "comment":
        return re.sub(r"(?m)^[ \t]*#+", "", token.text)
    return re.sub(r"\\(.)", lambda escape: "\n" if escape[1] == "n" else escape[1], token.text.lstrip("bfruBFRU")[1:-1])


def _runs(tokens: Iterable[Token]) -> Iterator[list[Token]]:
    """The longest pieces that could be code: two words in a row are a sentence, and a bracket has its other half."""
    run: list[Token] = []
    last, spaced = None, False
    for token in tokens:
        if token.kind in ("comment", "space"):
            spaced = True
            continue
        ends = token.kind in ("cut", "other") or token.text in WORDS
        if ends or (last is not None and token.kind != "line" and _apart(last, token, spaced)):
            yield from _balanced(run)
            run, last = [], None
        if not ends:
            run.append(token)
            last = token if token.kind != "line" else last
        spaced = False
    yield from _balanced(run)


def _apart(one: Token, other: Token, spaced: bool) -> bool:
    """Whether nobody writes Python with one right after the other: two operands, two operations, `f (x)` for `f(x)`."""
    if one.kind == "operator":
        return other.kind == "operator" and one.text not in BETWEEN and other.text not in SIGNS
    begins = other.kind in ("operand", "string") or other.text == "{" or (other.kind == "open" and spaced)
    return begins and one.kind != "open" and other.text not in LINKS and one.text not in LINKS


def _balanced(run: Sequence[Token]) -> Iterator[list[Token]]:
    """A run, cut at the brackets that have no other half and, outside of all brackets, at the ends of lines."""
    matched: set[int] = set()
    opened: list[int] = []
    for place, token in enumerate(run):
        if token.kind == "open":
            opened.append(place)
        elif token.kind == "close" and opened and run[opened[-1]].text == PAIRS[token.text]:
            matched |= {opened.pop(), place}
    piece: list[Token] = []
    depth = 0
    for place, token in enumerate(run):
        bracket = token.kind in ("open", "close")
        if (bracket and place not in matched) or (token.kind == "line" and not depth):
            yield piece
            piece = []
        elif token.kind != "line":
            piece.append(token)
            depth += (token.kind == "open") - (token.kind == "close")
    yield piece


def _expressions(run: Sequence[Token]) -> Iterator[ast.Module]:
    """The code in a run, whose brackets match: all of it, or else what stands between words, commas or brackets.

    What stands between words is read by itself in any case: "it is h < 1" is Python, a chain of two comparisons.
    """
    start, end = 0, len(run)
    while start < end and _is_loose(run[start]) and run[start].text not in {*SIGNS, "not", "lambda", "await"}:
        start += 1
    while start < end and _is_loose(run[end - 1]):
        end -= 1
    run = run[start:end]
    if len(run) < 3:
        return
    tree = _parsed(" ".join(token.text for token in run))
    depths = [*_depths(run)]
    parting = [not depth and token.text in LINKS for token, depth in zip(run, depths, strict=True)]
    if tree is not None:
        yield tree
    elif not any(parting):
        parting = [not depth and token.text in BETWEEN for token, depth in zip(run, depths, strict=True)]
        if not any(parting):  # then the outermost brackets
            sides = [(token.kind, depth) for token, depth in zip(run, depths, strict=True)]
            parting = [side in (("open", 1), ("close", 0)) for side in sides]
    if any(parting):
        cuts = [-1, *(place for place, parts in enumerate(parting) if parts), len(run)]
        for before, after in itertools.pairwise(cuts):
            yield from _expressions(run[before + 1 : after])


def _is_loose(token: Token) -> bool:
    """Whether no expression ends with it, and only few begin with it."""
    return token.kind == "operator" or token.text in LINKS


def _depths(run: Iterable[Token]) -> Iterator[int]:
    """In how many brackets we are after each token."""
    depth = 0
    for token in run:
        depth += (token.kind == "open") - (token.kind == "close")
        yield depth


class _InNumpy(ast.NodeTransformer):
    """Calls NumPy's functions `np.something`, or `array.something()`. names: {what the file calls it: what we do}."""

    def __init__(self, names: dict[str, str]):
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in self.names and isinstance(node.ctx, ast.Load):
            return ast.copy_location(ast.parse(self.names[node.id], mode="eval").body, node)
        return node

    def visit_Call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in NUMPY:
            node.func = ast.Attribute(ast.Name("np", ast.Load()), node.func.id, ast.Load())
        function, alone = ast.unparse(node.func), len(node.args) == 1 and not node.keywords
        name = function.removeprefix("np.")
        if function in ("np.abs", "np.absolute"):
            node.func = ast.Name("abs", ast.Load())
        elif node.args and name in METHODS and (function != name or alone):
            node.func = ast.Attribute(node.args.pop(0), name, ast.Load())
        return node


def _imported(text: str) -> dict[str, str]:
    """{name in a text: `np.something`} of all that it imports from NumPy."""
    names = {"numpy": "np"}
    for line in IMPORT.findall(text):
        tree = _parsed(re.sub(r"\s+", " ", line))
        for node in tree.body if tree else ():
            origin = node.module if isinstance(node, ast.ImportFrom) else ""
            for alias in node.names if isinstance(node, ast.Import | ast.ImportFrom) else ():
                full = f"{origin}.{alias.name}" if origin else alias.name
                if full.startswith("numpy") and full.split(".")[0] == "numpy":
                    names[alias.asname or alias.name] = full.replace("numpy", "np", 1)
    return names
