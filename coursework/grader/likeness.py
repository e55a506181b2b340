"""Whether the same expression stands in two places, whatever its variables are called. Reads Python, runs none."""

import ast
import builtins
import copy
from collections.abc import Callable, Iterator
from typing import Any

KEPT = {*dir(builtins), "np"}  # names that are no variables
COMMUTE = (ast.Add, ast.Mult)
LONGEST = 3000  # names, numbers and operations: where writing out ends, and no answer is as long
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


def results(code: ast.AST) -> Iterator[ast.expr]:
    """The same without what only gives a name to something that is used further on."""
    used = {node.id for node in ast.walk(code) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    steps = set()
    for node in ast.walk(code):
        if isinstance(node, ast.Assign):
            named = {name for target in node.targets for name, _ in _pairs(target, node.value)}
            if named <= used and named == set().union(*map(_bound, node.targets)) != set():
                steps.add(id(node.value))
    yield from (expression for expression in statements(code) if id(expression) not in steps)


def written_out(code: ast.AST) -> Iterator[list[ast.expr]]:
    """Each expression of all statements, then the same with the names in it written out, once, twice, ..., to the end.

    A name stands for what it was last set to above, as one of several too, or added to; not where a loop sets it.

    Example:
    >>> code = ast.parse("d, rest = h - n, 1 - z\\nwhole = d * rest\\nprint(whole)")
    >>> [ast.unparse(version) for version in [*written_out(code)][-1]]
    ['print(whole)', 'print(d * rest)', 'print((h - n) * (1 - z))']
    """
    return _written(code, {})


Meanings = dict[str, list[ast.expr]]  # a name's value as it stands there, and with names written out, once, twice, ...


def _written(node: ast.AST, known: Meanings) -> Iterator[list[ast.expr]]:
    """The same of a statement, which adds to what is known."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        bound = _bound(node.args) if not isinstance(node, ast.ClassDef) else set()
        known = {name: meaning for name, meaning in known.items() if name not in bound}
    if isinstance(node, ast.For | ast.AsyncFor):
        _forget(known, node.target)
    elif isinstance(node, ast.withitem) and node.optional_vars is not None:
        _forget(known, node.optional_vars)
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.expr):
            yield from _written(child, known)
        else:
            yield [child, *_versions(child, known)]
    if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            _learn(target, node.value, known)
    elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        name = ast.Name(node.target.id, ast.Load())
        _learn(node.target, ast.copy_location(ast.BinOp(name, node.op, node.value), node), known)


def _learn(target: ast.expr, value: ast.expr, known: Meanings) -> None:
    """Remembers what names stand for; numbers and functions are left to their names."""
    new = {
        name: [meaning, *_versions(meaning, known)]
        for name, meaning in _pairs(target, value)
        if not isinstance(meaning, ast.Constant | ast.Lambda)
    }
    _forget(known, target)
    known |= new


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """(name, value) of an assignment, also of each in `a, b = 1 - z, h - n`."""
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List):
        if len(target.elts) == len(value.elts):
            for part, meaning in zip(target.elts, value.elts, strict=True):
                yield from _pairs(part, meaning)


def _forget(known: Meanings, target: ast.AST) -> None:
    for name in _bound(target):
        known.pop(name, None)


def _bound(node: ast.AST) -> set[str]:
    """The names that a target or a list of arguments sets."""
    stored = {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
    return stored | {part.arg for part in ast.walk(node) if isinstance(part, ast.arg)}


def _versions(expression: ast.expr, known: Meanings) -> Iterator[ast.expr]:
    """The expression with names written out, once, twice, ..., as long as that makes a difference."""
    names = {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)} & set(known)
    for times in range(max((len(known[name]) for name in names), default=0)):
        meanings = {name: known[name][min(times, len(known[name]) - 1)] for name in names}
        written = _Put(meanings).visit(copy.deepcopy(expression))
        if size(written) > LONGEST:
            return
        yield written


class _Put(ast.NodeTransformer):
    """Puts what names stand for in their places, but for names that an expression sets itself, as lambdas do."""

    def __init__(self, meanings: dict[str, ast.expr]):
        self.meanings = meanings

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.meanings.get(node.id, node) if isinstance(node.ctx, ast.Load) else node

    def _with_own_names(self, node: ast.AST) -> ast.AST:
        outer, own = self.meanings, _bound(node)
        self.meanings = {name: meaning for name, meaning in outer.items() if name not in own}
        self.generic_visit(node)
        self.meanings = outer
        return node

    visit_Lambda = visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _with_own_names


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
