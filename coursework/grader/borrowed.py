"""Whether an answer that should be derived was computed by a tool for derivatives instead. Reads Python, runs none.

It follows the notebook's own names from the answer on, through all the functions that it calls. Who hides a call from
it has understood enough to be told apart by `alike`, and by whoever reads the notebook.
"""

import ast
from collections.abc import Iterator, Sequence

PACKAGE = {"course_utils.gradients", "course_utils.torch_bridge", "course_utils.norms", "course_utils.training"}
LIBRARIES = ("torch", "jax", "autograd", "tensorflow")
OPERATIONS = {"autograd", "backward", "grad", "gradient", "GradientTape", "value_and_grad", "func", "functional"}
OPERATIONS |= {"jacobian", "jacrev", "jacfwd", "hessian", "vjp", "jvp", "vmap", "requires_grad", "requires_grad_"}
WANTED = "This question asks for your own derivation."


def complaint(cells: Sequence[str], answer: str) -> str | None:
    """A sentence on the tool that the answer uses, or None.

    cells   the notebook's code cells
    answer  the name of its function
    """
    modules, nodes = _reached(cells, answer)
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
        if _is_complex(node):
            return f"{WANTED} It is right, but it comes from a complex step, which differentiates by numbers."
        if _is_quotient(node):
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


def _is_complex(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, complex)
    return isinstance(node, ast.Name) and node.id == "complex"


def _is_quotient(node: ast.AST) -> bool:
    """(f(...) - f(...)) / ..., the two calls being of the same function."""
    if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)):
        return False
    above = node.left
    if not (isinstance(above, ast.BinOp) and isinstance(above.op, ast.Sub)):
        return False
    calls = (above.left, above.right)
    if not all(isinstance(call, ast.Call) for call in calls):
        return False
    first, second = (ast.dump(call.func) for call in calls if isinstance(call, ast.Call))
    return first == second
