"""Whether an answer that should be derived was computed by a tool for derivatives instead. Reads Python, runs none.

The sandbox computes such answers in a room that has neither the package's gradients nor a library that differentiates
(`TOOLS`), so no way of writing a call gets at them. What is left are numbers: complex steps and quotients of
differences. Differences of nearby values don't reach the tolerance. Here the code is read as well, from the answer on
through all functions of the notebook that it calls, and a derivation has to be written so that it can be read. Who
hides a difference in yet another way has understood enough to be told apart by `alike`, and by whoever reads the
notebook.
"""

import ast
from collections.abc import Iterator, Sequence

from coursework.grader.likeness import READABLE, is_readable

PACKAGE = tuple(
    f"course_utils.{name}"
    for name in ("gradients", "norms", "_kernels", "training", "torch_bridge", "probe", "_replay", "_report", "scenes")
)
LIBRARIES = ("torch", "functorch", "jax", "jaxlib", "autograd", "tensorflow", "tinygrad", "sympy", "mpmath", "scipy")
TOOLS = (*PACKAGE, *LIBRARIES)
OPERATIONS = {"autograd", "backward", "grad", "gradient", "GradientTape", "value_and_grad", "func", "functional"}
OPERATIONS |= {"jacobian", "jacrev", "jacfwd", "hessian", "vjp", "jvp", "vmap", "requires_grad", "requires_grad_"}
OPERATIONS |= {"differentiate", "approx_fprime"}
HIDING = {"exec", "eval", "compile", "getattr", "globals", "locals", "vars", "__import__", "__builtins__"}
HIDDEN_BY = ("builtins", "importlib", "runpy", "ctypes", "subprocess", "pickle", "marshal")
COMPLEX = {"complex", "complex64", "complex128", "cdouble", "csingle", "clongdouble", "emath", "c8", "c16"}
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
        root, _, rest = full.partition(".")
        if root in LIBRARIES and any(part in OPERATIONS for part in rest.split(".")):
            return f"{WANTED} It is right, but {root} differentiates it."
        if isinstance(node, ast.Attribute) and node.attr in OPERATIONS and any(_is_of(modules, LIBRARIES)):
            return f"{WANTED} It is right, but a library differentiates it (.{node.attr})."
        if isinstance(node, ast.keyword) and node.arg == "requires_grad":
            return f"{WANTED} It is right, but a library differentiates it (requires_grad)."
        if hidden := _hides(node, full):
            return f"{WANTED} It is right, but {hidden} hides what it computes. Write it so that it can be read."
        if _is_complex(node):
            return f"{WANTED} It is right, but it comes from a complex step, which differentiates by numbers."
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


def _is_of(modules: dict[str, str], roots: Sequence[str]) -> Iterator[bool]:
    return (name.partition(".")[0] in roots for name in modules.values())


def _hides(node: ast.AST, full: str) -> str:
    """The name by which a call can be written so that nobody reads what it calls, or an empty text."""
    if isinstance(node, ast.Name) and node.id in HIDING:
        return node.id
    if isinstance(node, ast.Attribute) and node.attr.startswith("__"):
        return node.attr
    root = full.partition(".")[0]
    return root if root in HIDDEN_BY else ""


def _is_complex(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, complex) or (isinstance(node.value, str) and node.value in COMPLEX)
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
    return name in COMPLEX


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
    """(f(...) - f(...)) / ..., the two calls being of the same function; also where their results have names."""
    if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)):
        return False
    above = node.left
    if not (isinstance(above, ast.BinOp) and isinstance(above.op, ast.Sub)):
        return False
    first, second = (_called(side, called) for side in (above.left, above.right))
    return first is not None and first == second


def _called(node: ast.expr, called: dict[str, str]) -> str | None:
    """What a term calls, or what gave the name that it is."""
    if isinstance(node, ast.Call):
        return ast.dump(node.func)
    return called.get(node.id) if isinstance(node, ast.Name) else None
