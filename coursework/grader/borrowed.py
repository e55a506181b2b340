"""Whether an answer that should be derived was computed by a tool for derivatives instead. Reads Python, runs none.

The sandbox computes such answers in a room that has neither the package's gradients nor a library that differentiates
(`TOOLS`), so no way of writing a call gets at them. What is left are numbers: complex steps and quotients of
differences. Central differences of float64 numbers don't reach the tolerance; those of numbers with more digits do
(np.longdouble on many machines), and so do differences of a high order. Here the code is read as well, from the answer
on through all functions of the notebook that it calls, and a derivation has to be written so that it can be read. Who
hides a difference in yet another way has understood enough to be told apart by `alike`, and by whoever reads the
notebook.
"""

import ast
from collections.abc import Iterator, Sequence

from coursework.grader.likeness import READABLE, is_readable

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
HIDING = {"exec", "eval", "compile", "getattr", "globals", "locals", "vars", "__import__", "__builtins__"}
HIDDEN_BY = ("builtins", "importlib", "runpy", "ctypes", "subprocess", "pickle", "marshal")
DUNDER = {"__import__", "__builtins__", "__globals__", "__dict__", "__class__", "__subclasses__", "__getattribute__"}
DUNDER |= {"__code__", "__loader__", "__spec__"}
COMPLEX = {"complex", "complex64", "complex128", "cdouble", "csingle", "clongdouble", "emath", "imag"}
WIDE = {"longdouble", "longfloat", "float96", "float128", "Decimal", "Fraction"}
LETTERS_OF_COMPLEX, LETTERS_OF_WIDE = {"c8", "c16", "D", "F", "G"}, {"g", "f12", "f16"}  # types in texts alone
WANTED = "This question asks for your own derivation."


def complaint(cells: Sequence[str], answer: str) -> str | None:
    """A sentence on the tool that the answer uses, or None.

    cells   the notebook's code cells
    answer  the name of its function
    """
    if not is_readable(cells):
        return f"{WANTED} Your notebook holds more than {READABLE:,} signs of code, and nobody can read that."
    modules, nodes = _reached(cells, answer)
    called = dict(_results(nodes))
    for node in nodes:
        full = _full_name(node, modules)
        if any(full == module or full.startswith(module + ".") for module in PACKAGE):
            return f"{WANTED} It is right, but {full} computes it, which the course's package brings."
        if hidden := _hides(node, full):
            return f"{WANTED} It is right, but {hidden} hides what it computes. Write it so that it can be read."
        if _names(node, full, COMPLEX, LETTERS_OF_COMPLEX) or _is_imaginary(node):
            return f"{WANTED} It is right, but it comes from a complex step, which differentiates by numbers."
        if _names(node, full, WIDE, LETTERS_OF_WIDE):
            return f"{WANTED} It is right, but it computes in more digits than float64, which only differences need."
        if _is_quotient(node, called):
            return f"{WANTED} It is right, but it comes from a quotient of differences."
    return None


def _reached(cells: Sequence[str], answer: str) -> tuple[dict[str, str], list[ast.AST]]:
    """({name: what was imported by it}, all nodes of the code that the answer's value is made by)."""
    modules: dict[str, str] = {}
    defined: dict[str, list[ast.stmt]] = {}
    for cell in cells:
        for statement in _statements(cell):
            for node in ast.walk(statement):
                if isinstance(node, ast.Import):
                    for alias in node.names:
                        root = alias.name.partition(".")[0]
                        modules[alias.asname or root] = alias.name if alias.asname else root
                elif isinstance(node, ast.ImportFrom):
                    modules |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            for name in _names_set_by(statement):
                defined.setdefault(name, []).append(statement)
    todo, seen, read = [answer], set[str](), set[int]()
    nodes: list[ast.AST] = []
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            for statement in defined.get(name, []):
                if id(statement) not in read:
                    read.add(id(statement))
                    for node in ast.walk(statement):
                        nodes.append(node)
                        if isinstance(node, ast.Name):
                            todo.append(node.id)
    return modules, nodes


def _statements(cell: str) -> list[ast.stmt]:
    lines = [line if line.lstrip()[:1] not in ("%", "!") else "" for line in cell.split("\n")]
    try:
        return ast.parse("\n".join(lines)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def _names_set_by(statement: ast.stmt) -> Iterator[str]:
    """Names that the notebook has after a statement: of functions and classes, and of what is assigned."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
        return
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def _full_name(node: ast.AST, modules: dict[str, str]) -> str:
    """`torch.autograd.grad` of a node that says so under whatever name it was imported, or an empty text."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name) and node.id in modules:
        return ".".join([modules[node.id], *reversed(parts)])
    return ""


def _hides(node: ast.AST, full: str) -> str:
    """The name by which a call can be written so that nobody reads what it calls, or an empty text."""
    if isinstance(node, ast.Name) and node.id in HIDING:
        return node.id
    if isinstance(node, ast.Attribute) and node.attr in DUNDER:
        return node.attr
    root = full.partition(".")[0]
    return root if root in HIDDEN_BY else ""


def _is_imaginary(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, complex)


def _names(node: ast.AST, full: str, types: set[str], letters: set[str]) -> bool:
    """Whether a node names one of these types of numbers: by name, as what it imports, in a text, or by letters.

    Letters count only where a type is asked for, as in dtype="D" and .astype("D"): order="F" is something else.
    """
    if isinstance(node, ast.keyword):
        return node.arg == "dtype" and _text(node.value) in letters
    if isinstance(node, ast.Call):
        asks = isinstance(node.func, ast.Attribute) and node.func.attr in ("astype", "dtype")
        return asks and any(_text(argument) in letters for argument in node.args)
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else _text(node)
    return name in types or full.rpartition(".")[2] in types


def _text(node: ast.AST) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _results(nodes: Sequence[ast.AST]) -> Iterator[tuple[str, str]]:
    """(name, what was called) of each name that holds the result of a function of the notebook."""
    for node in nodes:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                pairs = [(target, node.value)]
                if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    pairs = list(zip(target.elts, node.value.elts, strict=False))
                for name, value in pairs:
                    if isinstance(name, ast.Name) and isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
                        yield name.id, ast.dump(value.func)


def _is_quotient(node: ast.AST, called: dict[str, str]) -> bool:
    """(f(...) - f(...)) / step, both calls being of one function of the notebook; also where their results have names.

    A step calls nothing. So (run(x) - run(-x)) / (run(x) + run(-x)) is no such quotient.
    """
    if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)):
        return False
    if any(isinstance(part, ast.Call) for part in ast.walk(node.right)):
        return False
    above = node.left
    if not (isinstance(above, ast.BinOp) and isinstance(above.op, ast.Sub)):
        return False
    first, second = (_called(side, called) for side in (above.left, above.right))
    return first is not None and first == second


def _called(node: ast.expr, called: dict[str, str]) -> str | None:
    """The function of the notebook that a term calls, or that gave the name that it is."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return ast.dump(node.func)
    return called.get(node.id) if isinstance(node, ast.Name) else None
