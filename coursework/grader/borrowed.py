"""Whether an answer that should be derived was computed by a tool for derivatives instead. Reads Python, runs none.

The sandbox computes such answers in a room that has neither the package's gradients nor a library that differentiates
(`TOOLS`), so no way of writing a call gets at them. What is left are numbers: complex steps and quotients of
differences. The room also looks for complex numbers in the variables of the notebook's functions. Central differences
of float64 numbers don't reach the tolerance; those of numbers with more digits do (np.longdouble on many machines), and
so do differences of a high order. Here the code is read as well, from the answer on through all functions of the
notebook that it calls, and a derivation has to be written so that it can be read. Who hides a difference in yet another
way has understood enough to be told apart by `alike`, and by whoever reads the notebook.
"""

import ast
import builtins
import contextlib
import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from coursework.grader.magics import as_python
from coursework.grader.needed import bare, names_read, names_set
from coursework.grader.quotient import Quotients

PACKAGE = tuple(
    f"course_utils.{name}"
    for name in (
        "gradients",
        "norms",
        "_kernels",
        "training",
        "torch_bridge",
        "probe",
        "_record",
        "_replay",
        "_report",
        "scenes",
    )
)
LIBRARIES = ("torch", "functorch", "jax", "jaxlib", "autograd", "tensorflow", "tinygrad", "sympy", "mpmath", "scipy")
TOOLS = (*PACKAGE, *LIBRARIES)
IN_TEXT = "runs code that stands in a text, where nobody reads it. Write the code itself."
BY_NAME = "finds functions by names that only a run can tell. Call each by its name."
INSIDE = "leads to what Python keeps inside of objects, where anything may come from. "
HIDING = dict.fromkeys(("exec", "eval", "compile"), IN_TEXT)
HIDING |= dict.fromkeys(("globals", "locals", "vars", "__import__", "__builtins__"), BY_NAME)
HIDING |= {"getattr": "takes a name that only a run can tell. Write the attribute itself, as in np.tanh."}
FUNCTIONS_OWN = {"locals", "vars"}  # in a function they hold its variables, which are read there
HIDDEN_BY = dict.fromkeys(("__main__", "builtins", "importlib", "runpy"), BY_NAME)
HIDDEN_BY |= dict.fromkeys(("ctypes", "subprocess"), "computes outside of this Python, where nobody can follow it.")
HIDDEN_BY |= dict.fromkeys(
    ("pickle", "marshal"), "makes functions out of bytes, which nobody can read. Copy an array by its method copy()."
)
DUNDER = dict.fromkeys(("__import__", "__builtins__", "__globals__", "__loader__", "__spec__"), BY_NAME)
DUNDER |= {"__dict__": "of a module " + BY_NAME, "__class__": INSIDE + "Write type(x) for the class of x."}
DUNDER |= dict.fromkeys(("__subclasses__", "__getattribute__", "__code__"), INSIDE + "A derivation needs none of it.")
COMPLEX = {"complex", "complex64", "complex128", "cdouble", "csingle", "clongdouble", "emath", "imag"}
WIDE = {"longdouble", "longfloat", "float96", "float128", "Decimal", "Fraction"}
LETTERS_OF_COMPLEX, LETTERS_OF_WIDE = {"c8", "c16", "D", "F", "G"}, {"g", "f12", "f16"}  # types in texts alone
ARITHMETIC = {f"__{side}{name}__" for side in ("", "r") for name in ("add", "sub", "mul", "truediv", "matmul", "pow")}
WHOLE = {"__array_ufunc__", "__array_function__"}  # one of these is all of NumPy's arithmetic
FILLING = {"append", "appendleft", "extend", "insert", "add", "setdefault", "update"}
WANTED = "This question asks for your own derivation."
IN_COMPLEX = (
    "it computes with complex numbers. A complex step differentiates by these, so a derivation may hold none. Where "
    "np.linalg.eigvals or a root gave them to you, find a way in real numbers."
)
IN_DIGITS = (
    "it computes with more digits than float64 has (np.longdouble, Decimal, Fraction). Differences of such numbers are "
    "as exact as a derivation, so a derivation may hold none. Compute in float64."
)


@dataclass(frozen=True)
class Piece:
    """A statement at the top of a cell, or several that share a line.

    nodes    all of its code
    sets     names that the notebook has by it; not what is a function's or a comprehension's own
    reads    names of the notebook that it reads
    imports  {name: what was imported by it}
    """

    nodes: list[ast.AST]
    sets: set[str]
    reads: set[str]
    imports: dict[str, str]


def complaint(cells: Sequence[str], answer: str, handed_out: Iterable[str] = ()) -> str | None:
    """A sentence on the tool that the answer uses, or None.

    cells       the notebook's code cells
    answer      the name of its function
    handed_out  cells that are no student's work: unchanged ones are not read, but for what they import
    """
    try:
        pieces, own = _taken_apart(tuple(cells), tuple(handed_out))
    except (RecursionError, MemoryError):
        return f"{WANTED} Your notebook holds code that is nested so deeply that nobody can read it."
    imported: dict[str, str] = {}
    for piece in pieces:
        imported |= {name: full for name, full in piece.imports.items() if name in piece.sets}
    brought = set(dir(builtins)).difference(*(piece.sets for piece in own))
    for piece in _reached(own, answer):
        modules = {name: imported[name] for name in piece.reads if name in imported} | piece.imports
        quotients = Quotients(piece.nodes, brought | set(modules))
        readable = set(_readable(piece.nodes, modules))
        for node in piece.nodes:
            if id(node) not in readable and (words := _complaint(node, piece.reads, modules, quotients)):
                return f"{WANTED} {words}"
    return None


def imported(cells: Sequence[str]) -> dict[str, str]:
    """{name: what was imported by it} of all cells, also within functions; nothing of what is nested too deeply."""
    with contextlib.suppress(RecursionError, MemoryError):
        return {name: full for cell in cells for piece in _pieces(cell) for name, full in piece.imports.items()}
    return {}


def arithmetic(cells: Sequence[str], answer: str, handed_out: Iterable[str] = ()) -> str:
    """A sentence on a class that the answer uses and that brings its own arithmetic, or an empty text.

    Numbers that carry their derivative along are such a class. So is a matrix of a student's own, and a net of nodes
    that hand their gradients back: no program can tell, so this is for who marks.
    """
    with contextlib.suppress(RecursionError, MemoryError):
        for piece in _reached(_taken_apart(tuple(cells), tuple(handed_out))[1], answer):
            for node in piece.nodes:
                if isinstance(node, ast.ClassDef):
                    names = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
                    names |= set(_results_of_class(node))
                    if len(names & ARITHMETIC) >= 2 or names & WHOLE:
                        return f"The class {node.name[:40]} has an arithmetic of its own: numbers with a derivative?"
    return ""


def _results_of_class(node: ast.ClassDef) -> Iterator[str]:
    """Names that a class's body assigns, as in `__radd__ = __add__`."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            yield part.id


@functools.lru_cache(maxsize=1)  # one notebook has several answers
def _taken_apart(cells: tuple[str, ...], handed_out: tuple[str, ...]) -> tuple[list[Piece], list[Piece]]:
    """(the pieces of all cells, those that are the student's own). Raises what `_pieces` raises."""
    ours = set(map(bare, handed_out))
    pieces = {cell: list(_pieces(cell)) for cell in cells}
    own = [piece for cell in cells if bare(cell) not in ours for piece in pieces[cell]]
    return [piece for cell in cells for piece in pieces[cell]], own


def _complaint(node: ast.AST, reads: set[str], modules: dict[str, str], quotients: Quotients) -> str | None:
    """What is wrong with one node of a piece."""
    full = _full_name(node, modules)
    if any(full == module or full.startswith(module + ".") for module in PACKAGE):
        return f"However right it is, {full} computes it, which the course's package brings."
    if hidden := _hides(node, full, reads, modules):
        return f"However right it is, it can't be read: {hidden}"
    if _names(node, full, COMPLEX, LETTERS_OF_COMPLEX, reads) or _is_imaginary(node):
        return f"However right it is, {IN_COMPLEX}"
    if _names(node, full, WIDE, LETTERS_OF_WIDE, reads):
        return f"However right it is, {IN_DIGITS}"
    if quotients.has(node):
        return "However right it is, it comes from a quotient of differences."
    return None


def _reached(pieces: Sequence[Piece], answer: str) -> list[Piece]:
    """The pieces that the answer's value is made by, found from its name on through all names that are read.

    A function that is handed to another one, by a decorator or in a call, may be put where that one puts things. Then
    whoever reads from there reads it.
    """
    setting: dict[str, list[Piece]] = {}
    filled: list[tuple[str, Piece]] = []
    for piece in pieces:
        for name in piece.sets:
            setting.setdefault(name, []).append(piece)
    defined = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    functions = {node.name for piece in pieces for node in piece.nodes if isinstance(node, defined)}
    for piece in pieces:
        for to in [to for name in _handed_to(piece, functions) for to in setting.get(name, [])]:
            for name in set(_names_filled(to.nodes)) & to.reads:
                filled.append((name, piece))
    for name, piece in filled:
        setting.setdefault(name, []).append(piece)
    todo, seen = [answer], set[str]()
    found: dict[int, Piece] = {}
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            for piece in setting.get(name, []):
                if id(piece) not in found:
                    found[id(piece)] = piece
                    todo += piece.reads
    return list(found.values())


def _handed_to(piece: Piece, functions: set[str]) -> Iterator[str]:
    """Names of what decorates a function or class of a piece, or is called with one of the notebook's functions."""
    for node in piece.nodes:
        to: list[ast.expr] = []
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            to = node.decorator_list
        elif isinstance(node, ast.Call):
            words = [*node.args, *(keyword.value for keyword in node.keywords)]
            given = any(isinstance(word, ast.Lambda) or getattr(word, "id", None) in functions for word in words)
            to = [node.func] if given else []
        yield from (name.id for each in to for name in ast.walk(each) if isinstance(name, ast.Name))


def _pieces(cell: str) -> Iterator[Piece]:
    """The statements of a cell, in the words that the sandbox gives to Python. One that isn't Python has none.

    Raises RecursionError or MemoryError where a cell is nested too deeply: what can't be read counts for nothing.
    """
    source = as_python(cell)
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError):
        return
    lines, end = source.split("\n"), 0
    shared: list[tuple[int, int, list[ast.stmt]]] = []
    for statement in body:
        start, end = end, statement.end_lineno or end
        if statement.lineno <= start and shared:  # it begins on the line on which the one before it ends
            start, _, others = shared.pop()
            others.append(statement)
            shared.append((start, end, others))
        else:
            shared.append((start, end, [statement]))
    for start, end, statements in shared:
        text = "\n".join(lines[start:end])
        nodes = [node for statement in statements for node in ast.walk(statement)]
        try:
            sets, reads = names_set(text), names_read(text)
        except (SyntaxError, ValueError):
            sets = reads = set(_any_names(nodes))
        yield Piece(nodes, sets | (set(_names_filled(nodes)) & reads), reads, dict(_imports(nodes)))


def _any_names(nodes: Sequence[ast.AST]) -> Iterator[str]:
    """All names in a piece that is too odd to say which of them are the notebook's."""
    for node in nodes:
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
    yield from (name for name, _ in _imports(nodes))


def _names_filled(nodes: Sequence[ast.AST]) -> Iterator[str]:
    """Names of what something is put into: `tools` of tools.append(run), `T` of T.way = run."""
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in FILLING:
            inner: ast.AST = node.func
        elif isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
            inner = node
        else:
            continue
        while isinstance(inner, ast.Attribute | ast.Subscript | ast.Call):
            inner = inner.func if isinstance(inner, ast.Call) else inner.value
        if isinstance(inner, ast.Name):
            yield inner.id


def _imports(nodes: Sequence[ast.AST]) -> Iterator[tuple[str, str]]:
    """(name, what was imported by it), also within functions."""
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                root = alias.name.partition(".")[0]
                yield alias.asname or root, alias.name if alias.asname else root
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _full_name(node: ast.AST, modules: dict[str, str]) -> str:
    """`torch.autograd.grad` of a node that says so under whatever name it was imported, or an empty text."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute) or _attribute_of(node):
        parts.append(node.attr if isinstance(node, ast.Attribute) else _attribute_of(node))
        node = node.value if isinstance(node, ast.Attribute) else node.args[0]  # type: ignore[attr-defined]
    if isinstance(node, ast.Name) and node.id in modules:
        return ".".join([modules[node.id], *reversed(parts)])
    return ""


def _attribute_of(node: ast.AST) -> str:
    """`tanh` of getattr(np, "tanh"), which is np.tanh in other words. An empty text for all else."""
    gets = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr"
    return _text(node.args[1]) if gets and isinstance(node, ast.Call) and len(node.args) in (2, 3) else ""


def _readable(nodes: Sequence[ast.AST], modules: dict[str, str]) -> Iterator[int]:
    """Ids of the names in a piece that hide nothing there: getattr of a written name, a function's own variables."""
    in_function = isinstance(nodes[0], ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            own = in_function and node.func.id in FUNCTIONS_OWN and not any(_full_name(a, modules) for a in node.args)
            if own or _attribute_of(node):
                yield id(node.func)


def _hides(node: ast.AST, full: str, reads: set[str], modules: dict[str, str]) -> str:
    """What in a node makes code that nobody can read, and why, or an empty text."""
    if isinstance(node, ast.Name) and node.id in HIDING and node.id in reads:
        return f"{node.id} {HIDING[node.id]}"
    name = node.attr if isinstance(node, ast.Attribute) else _attribute_of(node)
    if name in DUNDER and (name != "__dict__" or full):  # that of an object has its own numbers
        return f"{name} {DUNDER[name]}"
    root = full.partition(".")[0]
    return f"{root} {HIDDEN_BY[root]}" if root in HIDDEN_BY else ""


def _is_imaginary(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, complex)


def _names(node: ast.AST, full: str, types: set[str], letters: set[str], reads: set[str]) -> bool:
    """Whether a node names one of these types of numbers: by name, as what it imports, in a text, or by letters.

    Letters count only where a type is asked for, as in dtype="D" and .astype("D"): order="F" is something else.
    """
    if isinstance(node, ast.keyword):
        return node.arg == "dtype" and _text(node.value) in letters
    if isinstance(node, ast.Call):
        asks = isinstance(node.func, ast.Attribute) and node.func.attr in ("astype", "dtype")
        return asks and any(_text(argument) in letters for argument in node.args)
    if isinstance(node, ast.Name):
        return node.id in types & reads or full.rpartition(".")[2] in types
    name = node.attr if isinstance(node, ast.Attribute) else _text(node)
    return name in types or full.rpartition(".")[2] in types


def _text(node: ast.AST) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
