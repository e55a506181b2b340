"""Whether an answer that should be derived was computed by a tool for derivatives instead. Reads Python, runs none.

The sandbox computes such answers in a room that has neither the package's gradients nor a library that differentiates
(`TOOLS`), so no way of writing a call gets at them. What is left are numbers: complex steps and quotients of
differences. The room also looks for complex numbers in the variables of the notebook's functions. Central differences
of float64 numbers don't reach the tolerance; those of numbers with more digits do (np.longdouble on many machines), and
so do differences of a high order. Here the code is read as well, from the answer on through all functions of the
notebook that it calls, and a derivation has to be written so that it can be read. Who hides a difference in yet another
way has understood enough to be told apart by `alike`, and by whoever reads the notebook.
"""

import abc
import ast
import bisect
import collections
import contextlib
import enum
import functools
import symtable
import types
import typing
from collections import ChainMap
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from coursework.grader.magics import as_python
from coursework.grader.needed import all_tables, bare, read_in, set_in
from coursework.grader.quotient import DEEPEST, Quotients, TooMuchWorkError, Work, dotted

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
BY_TEXT = {"operator.attrgetter", "operator.methodcaller"}  # these take attributes' names, as getattr does
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
PARTS = {"imag", "emath"}  # attributes alone: as a text, such a word is a word
WIDE = {"longdouble", "longfloat", "float96", "float128", "Decimal", "Fraction"}
LETTERS_OF_COMPLEX, LETTERS_OF_WIDE = {"c8", "c16", "D", "F", "G"}, {"g", "f12", "f16"}  # types in texts alone
ARITHMETIC = {f"__{side}{name}__" for side in ("", "r") for name in ("add", "sub", "mul", "truediv", "matmul", "pow")}
WHOLE = {"__array_ufunc__", "__array_function__"}  # one of these is all of NumPy's arithmetic
LISTS_METHODS = {"vars", "dir", "inspect", ".__dict__"}  # by these, a method is found by any name
OWN_DECORATORS = {
    "property",
    "staticmethod",
    "classmethod",
    "cached_property",
    "lru_cache",
    "cache",
    "setter",
    "no_grad",
}
BUILTIN = (dict, list, tuple, set, frozenset, int, float, str, bytes, Exception, ValueError, RuntimeError)
QUIET = {each.__name__: {*dir(each)} for each in BUILTIN}  # {base of a class: names of methods that it may call}
QUIET |= {
    f"{module.__name__}.{name}": {*dir(getattr(module, name))}
    for module, names in (
        (abc, ("ABC",)),
        (types, ("SimpleNamespace",)),
        (enum, ("Enum", "IntEnum", "StrEnum")),
        (typing, ("NamedTuple", "Generic", "Protocol", "TypedDict")),
        (collections, ("namedtuple", "UserDict", "UserList", "OrderedDict", "defaultdict", "Counter", "deque")),
    )
    for name in names
}
FILLING = {"append", "appendleft", "extend", "insert", "add", "setdefault", "update"}
WANTED = "This question asks for your own derivation."
TOO_LONG = "Your notebook holds code that is too long to be followed. Leave out what this answer doesn't need."
IN_COMPLEX = (
    "it computes with complex numbers. A complex step differentiates by these, so a derivation may hold none. Where "
    "np.linalg.eigvals or a root gave them to you, find a way in real numbers."
)
IN_DIGITS = (
    "it computes with more digits than float64 has (np.longdouble, Decimal, Fraction). Differences of such numbers are "
    "as exact as a derivation, so a derivation may hold none. Compute in float64."
)
IN_NO_CELL = (
    "it runs code that stands in no cell of your notebook: in a text, in bytes, or in a file that is no library's. "
    "Nobody reads it there. Write the code itself in a cell."
)


@dataclass(frozen=True, eq=False)
class Piece:
    """A statement at the top of a cell, or several that share a line; or a method of a class, by itself.

    nodes    all of its code, from without to within
    sets     names that the notebook has by it; not what is a function's or a comprehension's own. `.loss` is a method
    reads    names of the notebook that it reads, and `.loss` for an attribute loss
    imports  {name: what was imported by it}
    whole    the code of its class, where it is a method
    anew     names that it sets whatever they were before: by a definition, an assignment or an import of its own
    first    names that it reads where it stands, not only when it is called
    filled   names of what it puts something into, which has the name already
    cell     the number of its cell, from 1 on
    """

    nodes: list[ast.AST]
    sets: set[str]
    reads: set[str]
    imports: dict[str, str]
    whole: list[ast.AST] = field(default_factory=list)
    anew: set[str] = field(default_factory=set)
    first: set[str] = field(default_factory=set)
    filled: set[str] = field(default_factory=set)
    cell: int = 0


def complaint(
    cells: Sequence[str],
    answer: str,
    handed_out: Iterable[str] = (),
    work: Work | None = None,
    failed: Collection[int] = (),
) -> str | None:
    """A sentence on the tool that the answer uses, or None.

    cells       the notebook's code cells
    answer      the name of its function
    handed_out  cells that are no student's work: unchanged ones are not read, but for what they import
    work        counts the steps of reading
    failed      numbers of the cells, from 1 on, that stopped with an error. What they set may never have been set
    """
    try:
        return _found(cells, answer, handed_out, work or Work(), failed)
    except (RecursionError, MemoryError):
        return f"{WANTED} Your notebook holds code that is nested so deeply that nobody can read it."
    except TooMuchWorkError:
        return f"{WANTED} {TOO_LONG}"


def _found(
    cells: Sequence[str], answer: str, handed_out: Iterable[str], work: Work, failed: Collection[int]
) -> str | None:
    pieces, own = _taken_apart(tuple(cells), tuple(handed_out))
    reached = _reached(pieces, own, answer, work, failed)
    there = {id(piece) for piece in pieces} - {id(piece) for piece in own} | {id(piece) for piece in reached}
    imported = _imported(piece for piece in pieces if id(piece) in there)
    ours = set[str]().union(*(piece.sets for piece in own)) - set(imported)
    known = imported | dict(_aliases(own, imported))
    settings = _Settings(own, failed)
    quotients: dict[int, Quotients] = {}
    for piece in reached:
        modules = {name: imported[name] for name in piece.reads if name in imported} | piece.imports
        whole = piece.whole or piece.nodes
        if id(whole) not in quotients:
            quotients[id(whole)] = Quotients(whole, ChainMap(piece.imports, known), ours, work)
        readable = set(_readable(piece.nodes, modules))
        reads = {name for name in piece.reads if not settings.are_own(name, piece)}
        for node in piece.nodes:
            work.spend()
            words = _complaint(node, reads, modules, quotients[id(whole)], readable)
            if words:
                return f"{WANTED} {words}"
    return None


def _imported(pieces: Iterable[Piece]) -> dict[str, str]:
    """{name: what was imported by it} of what the notebook has by these pieces."""
    return {name: full for piece in pieces for name, full in piece.imports.items() if name in piece.sets}


def _aliases(pieces: Iterable[Piece], imported: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(name, full name) of what a cell calls otherwise, as in `over = np.divide`."""
    for piece in pieces:
        node = piece.nodes[0]
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            if full := _full_name(node.value, imported):
                yield node.targets[0].id, full


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
    with contextlib.suppress(RecursionError, MemoryError, TooMuchWorkError):
        for piece in _reached(*_taken_apart(tuple(cells), tuple(handed_out)), answer, Work()):
            for node in piece.nodes:
                if isinstance(node, ast.ClassDef):
                    names = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
                    names |= set(_results_of_class(node))
                    if len(names & ARITHMETIC) >= 2 or names & WHOLE:
                        return f"The class {node.name[:40]} has an arithmetic of its own: numbers with a derivative?"
    return ""


def _results_of_class(node: ast.ClassDef) -> Iterator[str]:
    """Names that a class's body assigns, as in `__radd__ = __add__`."""
    for part in node.body:
        for target in part.targets if isinstance(part, ast.Assign) else ():
            if isinstance(target, ast.Name):
                yield target.id


@functools.lru_cache(maxsize=1)  # one notebook has several answers
def _taken_apart(cells: tuple[str, ...], handed_out: tuple[str, ...]) -> tuple[list[Piece], list[Piece]]:
    """(the pieces of all cells, those that are the student's own). Raises what `_pieces` raises."""
    ours = set(map(bare, handed_out))
    pieces = [replace(piece, cell=number) for number, cell in enumerate(cells, 1) for piece in _pieces(cell)]
    own = {number for number, cell in enumerate(cells, 1) if bare(cell) not in ours}
    return pieces, [piece for piece in pieces if piece.cell in own]


def _complaint(
    node: ast.AST, reads: set[str], modules: dict[str, str], quotients: Quotients, readable: set[int]
) -> str | None:
    """What is wrong with one node of a piece. readable: ids of nodes that hide nothing."""
    if id(node) in readable:
        return None
    full = _full_name(node, modules)
    if full and any(full == module or full.startswith(module + ".") for module in PACKAGE):
        return f"However right it is, {full} computes it, which the course's package brings."
    if hidden := _hides(node, full, reads, modules):
        return f"However right it is, it can't be read: {hidden}"
    found = [part for name in _texts_of(node, modules) for part in name.split(".")] if type(node) is ast.Call else []
    if COMPLEX & set(found) or _names(node, full, COMPLEX, LETTERS_OF_COMPLEX, reads) or _is_imaginary(node):
        return f"However right it is, {IN_COMPLEX}"
    if WIDE & set(found) or _names(node, full, WIDE, LETTERS_OF_WIDE, reads):
        return f"However right it is, {IN_DIGITS}"
    if quotients.has(node):
        return "However right it is, it comes from a quotient of differences."
    return None


class _Settings:
    """Which pieces a name may have its value from, at which time. A piece's place is its time; the answer's is the end.

    Of two definitions of one name, the later one counts, whenever it is read below. What is read above it may have the
    earlier one, and keep it. A function may set a name by `global` at any time. So may a loop, a condition, `del`.
    """

    def __init__(self, own: Sequence[Piece], failed: Collection[int] = ()):
        self.place = {id(piece): place for place, piece in enumerate(own)}
        self.anew: dict[str, list[Piece]] = {}
        self.others: dict[str, list[Piece]] = {}
        for piece in own:
            for name in piece.sets:
                anew = name in piece.anew and piece.cell not in failed
                (self.anew if anew else self.others).setdefault(name, []).append(piece)
        self.former = {  # the code of classes, each of which another one of its name has replaced
            id(piece.whole): piece
            for pieces in self.anew.values()
            for piece in pieces[:-1]
            if piece.whole and _stands_alone(piece.nodes[0])
        }

    def of(self, name: str, time: int) -> Iterator[tuple[Piece, int]]:
        """(a piece that may have set a name that is read from this time on, the time from which on it may run)."""
        anew = self.anew.get(name, [])
        above = bisect.bisect_left(anew, time, key=lambda piece: self.place[id(piece)])
        yield from ((piece, time) for piece in anew[max(above - 1, 0) :])
        yield from ((piece, self.place[id(piece)]) for piece in self.others.get(name, []))

    def are_own(self, name: str, piece: Piece) -> bool:
        """Whether a name that a piece reads can only be the notebook's, though Python has one like it."""
        anew = self.anew.get(name, [])
        if not anew or any(name in each.imports for each in anew):
            return False
        if not all(name in each.filled for each in self.others.get(name, [])):
            return False
        return self.place[id(anew[0])] < self.place.get(id(piece), 0)


def _stands_alone(node: ast.AST) -> bool:
    return isinstance(node, ast.ClassDef) and not (node.bases or node.keywords or node.decorator_list)


def _reached(
    pieces: Sequence[Piece], own: Sequence[Piece], answer: str, work: Work, failed: Collection[int] = ()
) -> list[Piece]:
    """The student's own pieces that the answer's value is made by, found from its name on through all names read.

    A function that is handed to another one, by a decorator or in a call, may be put where that one puts things. Then
    whoever reads from there reads it. A method is reached by its name as an attribute of anything; all methods are
    where something looks for methods by itself. Those that Python calls (`__init__`, `__add__`) come with their class.
    """
    handing: dict[str, list[Piece]] = {}
    filling: dict[str, list[str]] = {}  # {what is filled: names of functions that fill it}
    settings, imports = _Settings(own, failed), _imported(pieces)
    defined = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    functions = {node.name for piece in own for node in piece.nodes if isinstance(node, defined)}
    classes = {piece.nodes[0].name for piece in own if isinstance(piece.nodes[0], ast.ClassDef)} | {"object"}
    changed = {name for piece in own for name in piece.sets if imports.get(name) != piece.imports.get(name, "")}
    for piece in own:
        work.spend(len(piece.nodes))
        classes -= set(piece.imports)
        for name in set(_handed_to(piece, functions)):
            handing.setdefault(name, []).append(piece)
    for to in handing:
        for piece in [*settings.anew.get(to, []), *settings.others.get(to, [])]:
            work.spend(1 + len(piece.filled))
            for name in piece.filled:
                filling.setdefault(name, []).append(to)
    todo, seen, gone = [(answer, len(own))], dict[str, int](), set[str]()
    found: dict[int, tuple[Piece, int]] = {}
    waiting: dict[int, list[tuple[Piece, int]]] = {}  # methods of classes that aren't there any more
    while todo:
        name, time = todo.pop()
        work.spend()
        if seen.get(name, len(own) + 1) <= time:
            continue
        seen[name] = time
        more = list(settings.of(name, time))
        for to in filling.get(name, []):
            more += [] if to in gone else [(piece, settings.place[id(piece)]) for piece in handing[to]]
            gone.add(to)
        if name in LISTS_METHODS:
            more += [(piece, settings.place[id(piece)]) for piece in own if piece.whole]
        while more:
            piece, time = more.pop()
            work.spend()
            if id(piece) in found and found[id(piece)][1] <= time:
                continue
            former = settings.former.get(id(piece.whole))
            if former not in (None, piece) and id(former) not in found:
                waiting.setdefault(id(piece.whole), []).append((piece, time))
                continue
            found[id(piece)] = piece, time
            if former is piece:
                more += waiting.pop(id(piece.whole), [])
            todo += [(name, time) for name in piece.reads - piece.first]
            todo += [(name, settings.place[id(piece)]) for name in piece.first]
            todo += [(name, time) for name in _called_by_others(piece.nodes[0], classes, imports, changed)]
    return [piece for piece, _ in found.values()]


def _called_by_others(
    node: ast.AST, classes: Collection[str], imports: Mapping[str, str], changed: Collection[str]
) -> Iterator[str]:
    """By which names a class that the notebook doesn't have may call methods of one that is made from it.

    What Python's own quiet classes know by name is what they have themselves. Others may look for any.
    """
    for word in node.keywords if isinstance(node, ast.ClassDef) else ():
        if _full_name(word.value, imports) != "abc.ABCMeta":
            yield from LISTS_METHODS
    for base in node.bases if isinstance(node, ast.ClassDef) else ():
        if _called(base) in classes:
            continue
        while isinstance(base, ast.Subscript | ast.Call):  # Generic[T], namedtuple("Net", "W b")
            base = base.value if isinstance(base, ast.Subscript) else base.func
        root = dotted(base).partition(".")[0]
        full = _full_name(base, imports) or dotted(base)
        if root in changed or full not in QUIET:
            yield from LISTS_METHODS if root in changed or full.partition(".")[0] not in LIBRARIES else ()
        else:
            yield from (f".{name}" for name in QUIET[full] if name[:2] != "__")


def _handed_to(piece: Piece, functions: set[str]) -> Iterator[str]:
    """Names of what decorates a function or class of a piece, or is called with one of the notebook's functions."""
    seen: set[int] = set()
    for node in piece.nodes:
        todo: list[ast.AST] = []
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            todo += node.decorator_list
        elif isinstance(node, ast.Call):
            words = [*node.args, *(keyword.value for keyword in node.keywords)]
            if any(isinstance(word, ast.Lambda) or _called(word) in functions for word in words):
                todo.append(node.func)
        while todo:
            each = todo.pop()
            if id(each) not in seen:
                seen.add(id(each))
                todo += ast.iter_child_nodes(each)
                if isinstance(each, ast.Name):
                    yield each.id


def _called(node: ast.AST) -> str:
    """`run` of run and of net.run, or an empty text."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


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
        apart = _methods(statements[0]) if len(statements) == 1 else []
        try:
            of_all, methods = _tables_of(text, apart)
            sets, reads = set_in(of_all), read_in(of_all)
            apart_tables = [(method, methods[method.name, method.lineno - start]) for method in apart]
        except (SyntaxError, ValueError, LookupError):
            sets = reads = set(_any_names(nodes))
            apart_tables = []
        own = _without(statements[0], apart) if apart_tables else nodes
        for method, tables in apart_tables:
            yield _piece(list(ast.walk(method)), set_in(tables) | {f".{method.name}"}, read_in(tables), nodes)
        used = {
            f".{method.name}" for method, _ in apart_tables if method.name in reads
        }  # by the class's own statements
        anew = set(_set_anew(statements[0])) if len(statements) == 1 else set[str]()
        yield _piece(own, sets, reads | used, nodes if apart_tables else [], anew)


def _set_anew(statement: ast.stmt) -> Iterator[str]:
    """Names that a statement sets in any case, if it runs."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Assign):
        yield from (target.id for target in statement.targets if isinstance(target, ast.Name))
    yield from (name for name, _ in _imports([statement]))


def _read_first(nodes: Sequence[ast.AST], reads: set[str]) -> set[str]:
    """Names that code reads where it stands. A function that nothing decorates reads those in its head alone."""
    function = nodes[0]
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) or function.decorator_list:
        return reads
    head = [function.args, *([function.returns] if function.returns else [])]
    return reads & {node.id for part in head for node in ast.walk(part) if isinstance(node, ast.Name)}


def _piece(
    nodes: list[ast.AST], sets: set[str], reads: set[str], whole: list[ast.AST], anew: Collection[str] = ()
) -> Piece:
    filled = set(_names_filled(nodes)) & reads
    imports = dict(_imports(nodes))
    lists = {"inspect"} if any(full.startswith("inspect") for full in imports.values()) else set()
    reads = reads | lists | set(_attributes(nodes))
    first = _read_first(nodes, reads) if anew or whole else reads
    return Piece(nodes, sets | filled, reads, imports, whole, set(anew) - filled, first, filled)


def _attributes(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """`.loss` of all attributes of that name, and of texts that could be one: methodcaller("loss")."""
    for node in nodes:
        if isinstance(node, ast.Attribute):
            yield f".{node.attr}"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 200:
            yield from (f".{name}" for name in node.value.split(".") if name.isidentifier())
        elif isinstance(node, ast.MatchClass):
            yield from (f".{name}" for name in node.kwd_attrs)


def _methods(statement: ast.stmt) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The methods of a class that are reached by their names alone.

    Not those that Python calls by itself, nor those that a decorator may put anywhere.
    """
    if not isinstance(statement, ast.ClassDef):
        return []
    found = [each for each in statement.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
    dunder = {each.name for each in found if each.name.startswith("__") and each.name.endswith("__")}
    return [
        each
        for each in found
        if each.name not in dunder and all(_called(by) in OWN_DECORATORS for by in each.decorator_list)
    ]


def _tables_of(
    text: str, methods: Sequence[ast.FunctionDef | ast.AsyncFunctionDef]
) -> tuple[list[symtable.SymbolTable], dict[tuple[str, int], list[symtable.SymbolTable]]]:
    """(the names of a text, but for those of these methods, {(name, line) of a method: its names})."""
    names = {method.name for method in methods}
    top = symtable.symtable(text, "cell", "exec")
    rest, apart, todo = list[symtable.SymbolTable](), dict[tuple[str, int], list[symtable.SymbolTable]](), [top]
    while todo:
        table = todo.pop()
        rest.append(table)
        for child in table.get_children():
            key = child.get_name(), child.get_lineno()
            if names and table.get_type() == "class" and key[0] in names and child.get_type() == "function":
                apart[key] = list(all_tables(child))
            else:
                todo.append(child)
    return rest, apart


def _without(statement: ast.AST, methods: Sequence[ast.AST]) -> list[ast.AST]:
    """The code of a class, but for these methods."""
    left_out, todo, found = set(map(id, methods)), [statement], list[ast.AST]()
    for node in todo:
        found.append(node)
        todo += [child for child in ast.iter_child_nodes(node) if id(child) not in left_out]
    return found


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
    root: dict[int, str] = {}
    for node in reversed(nodes):  # what lies within comes first
        if isinstance(node, ast.Name):
            root[id(node)] = node.id
        elif isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
            name = root[id(node)] = root.get(id(node.func if isinstance(node, ast.Call) else node.value), "")
            if isinstance(node, ast.Call):
                fills = isinstance(node.func, ast.Attribute) and node.func.attr in FILLING
            else:
                fills = isinstance(node.ctx, ast.Store)
            if fills and name:
                yield name


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


def _full_name(node: ast.AST, modules: Mapping[str, str]) -> str:
    """`torch.autograd.grad` of a node that says so under whatever name it was imported, or an empty text."""
    parts: list[str] = []
    while len(parts) < DEEPEST and (isinstance(node, ast.Attribute) or _attribute_of(node)):
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
        if isinstance(node, ast.Attribute) and node.attr in ("__name__", "__qualname__"):
            if isinstance(node.value, ast.Attribute) and node.value.attr == "__class__":
                yield id(node.value)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            own = in_function and node.func.id in FUNCTIONS_OWN and not any(_full_name(a, modules) for a in node.args)
            if own or _attribute_of(node):
                yield id(node.func)
        if isinstance(node, ast.Call) and _texts_of(node, modules):
            yield id(node.func)


def _texts_of(node: ast.Call, modules: Mapping[str, str]) -> list[str]:
    """["tanh"] of attrgetter("tanh"), where all that it takes stands there."""
    names = [_text(word) for word in node.args] if _full_name(node.func, modules) in BY_TEXT else []
    return names if all(names) else []


def _hides(node: ast.AST, full: str, reads: set[str], modules: dict[str, str]) -> str:
    """What in a node makes code that nobody can read, and why, or an empty text."""
    if isinstance(node, ast.Name) and node.id in HIDING and node.id in reads:
        return f"{node.id} {HIDING[node.id]}"
    name = node.attr if isinstance(node, ast.Attribute) else _attribute_of(node)
    if name in DUNDER and (name != "__dict__" or full):  # that of an object has its own numbers
        return f"{name} {DUNDER[name]}"
    if full in BY_TEXT:
        return f"{full} {HIDING['getattr']}"
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
        return (asks and any(_text(argument) in letters for argument in node.args)) or _attribute_of(node) in types
    if isinstance(node, ast.Name):
        return node.id in types & reads or full.rpartition(".")[2] in types
    named = node.attr in types if isinstance(node, ast.Attribute) else _text(node) in types - PARTS
    return named or full.rpartition(".")[2] in types


def _text(node: ast.AST) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
