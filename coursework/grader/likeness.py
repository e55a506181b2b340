"""Whether the same expression stands in two places, whatever its variables are called. Reads Python, runs none."""

import ast
import builtins
from collections.abc import Callable, Iterator
from typing import Any

KEPT = {*dir(builtins), "np"}  # names that are no variables
COMMUTE = (ast.Add, ast.Mult)
COUNTED = (ast.Name, ast.Constant, ast.operator, ast.unaryop, ast.cmpop, ast.Call, ast.Attribute, ast.Subscript)


def shape(expression: ast.expr) -> str:
    """The expression as text, the same for all spellings that differ by spaces, variables' names or operands' order.

    Example:
    >>> of = lambda code: shape(ast.parse(code, mode="eval").body)
    >>> of("h * (1 - h)") == of("(1 - gate) * gate"), of("h * (1 - h)") == of("h * (1 - g)")
    (True, False)
    """
    numbers: dict[str, str] = {}
    return _text(expression, lambda name: numbers.setdefault(name, f"${len(numbers)}"), {})


def size(expression: ast.expr) -> int:
    """How much an expression says: its names, numbers, operations and calls, `1 - h**2` 5 and `f(g(h))` 3."""
    return sum(map(_counts, ast.walk(expression)))


def _counts(node: ast.AST) -> int:
    made_up = isinstance(node, ast.Call) and _is_variable(node.func)  # called anything
    return isinstance(node, COUNTED) - made_up


def _is_variable(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id not in KEPT


def _text(node: ast.AST, called: Callable[[str], str], nameless: dict[int, str]) -> str:
    """A node as text. called: what a variable is called there; nameless: texts without names, worked out before."""
    if isinstance(node, ast.Name):
        return node.id if node.id in KEPT else called(node.id)
    if isinstance(node, ast.Constant):
        value: Any = node.value
        return repr(float(value) if type(value) is int else value)
    if isinstance(node, ast.BinOp) and isinstance(node.op, COMMUTE):
        parts = sorted(_operands(node, type(node.op)), key=lambda part: -len(_nameless(part, nameless)))
        words = [_text(part, called, nameless) for part in parts]  # the longest one's variables get the first numbers
        return f"{type(node.op).__name__}({','.join(sorted(words))})"
    if isinstance(node, ast.Slice):
        return ":".join(_text(part, called, nameless) if part else "" for part in (node.lower, node.upper, node.step))
    children = (child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.expr_context))
    inner = [_text(child, called, nameless) for child in children]
    words = [str(value) for name in ("attr", "arg") if (value := getattr(node, name, None)) is not None]
    return f"{type(node).__name__}({','.join([*words, *inner])})"


def _nameless(node: ast.AST, known: dict[int, str]) -> str:
    """A node as text in which all variables are called alike, each node once: code may be nested on purpose."""
    if id(node) not in known:
        known[id(node)] = _text(node, lambda name: "$", known)
    return known[id(node)]


def _operands(node: ast.expr, operation: type) -> Iterator[ast.expr]:
    """All that a sum or a product is made of: a + b + c has three."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, operation):
        yield from _operands(node.left, operation)
        yield from _operands(node.right, operation)
    else:
        yield node


def statements(code: ast.AST) -> Iterator[ast.expr]:
    """What each statement computes: what it returns, assigns, adds or calls."""
    for node in ast.walk(code):
        if isinstance(node, ast.Return | ast.Assign | ast.Expr | ast.AugAssign) and node.value is not None:
            yield node.value


def shapes(code: ast.AST, least: int) -> set[str]:
    """The shapes of all expressions of at least this size, also within others."""
    found = set()

    def measure(node: ast.AST) -> int:
        """`size`, of all nodes in one walk."""
        much = _counts(node) + sum(map(measure, ast.iter_child_nodes(node)))
        if much >= least and isinstance(node, ast.expr):
            found.add(shape(node))
        return much

    measure(code)
    return found
