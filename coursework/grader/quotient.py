"""Whether code divides a change of a function by the step that made it, as differences do. Reads Python, runs none.

(f(W + e) - f(W - e)) / (2 * e) is such a quotient: f is called twice, e is what its arguments differ by, and e stands
below the line. (f(a) - f(b)) / n is none, nor is any other ratio whose divisor has moved no argument: a mean of
differences, a relative change of a loss, an odd part (f(x) - f(-x)) / 2.
"""

import ast
import itertools
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

SMALL = "a small number"  # stands for all fractions below LITTLE: 1e-5 above the line is 2e-5 below it
LITTLE = 0.1
COPIES = {"copy", "deepcopy", "array", "asarray", "float", "float64", "add", "subtract"}  # what they give is as given
COMPARED = 10_000  # pairs of calls in one function or statement; nobody writes as many but to hold us up
FOLLOWED = 20  # expressions that are followed from one value to the calls that gave it
FARTHEST = 300  # names that are followed from one argument


class Quotients:
    """Looks for quotients of differences in one function or statement.

    nodes    all of its code
    brought  names of what it didn't write: Python's own functions, and what is imported
    """

    def __init__(self, nodes: Sequence[ast.AST], brought: Collection[str] = ()):
        self.brought = {"", *brought}
        self.given: dict[str, list[ast.expr]] = {}  # what each name was set to, or what was added to it
        self.atoms: dict[str, set[str]] = {}  # the names in that
        self.compared = 0
        self.added: set[str] = set()  # what was added to anything in its place
        for node in nodes:
            for target, value, adds in _settings(node):
                name = _base(target)
                atoms = _atoms(value)
                self.given.setdefault(name, []).append(value)
                self.atoms.setdefault(name, set()).update(atoms)
                if adds or not isinstance(target, ast.Name):
                    self.added |= atoms

    def has(self, node: ast.AST) -> bool:
        """Whether a node is such a quotient."""
        if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)) or _calls_something(node.right):
            return False
        step = _atoms(node.right)
        for above in _factors(node.left):
            if isinstance(above, ast.BinOp) and isinstance(above.op, ast.Sub):
                for one, other in itertools.product(self._calls(above.left), self._calls(above.right)):
                    self.compared += 1
                    same = _dotted(one.func) == _dotted(other.func) and self.compared < COMPARED
                    if same and self._moved(one, other, step):
                        return True
        return False

    def _calls(self, node: ast.expr) -> Iterator[ast.Call]:
        """The calls of functions of the notebook that gave a value: also by its name, an entry, a sum or a method."""
        todo, followed = [node], 0
        while todo and followed < FOLLOWED:
            node, followed = todo.pop(0), followed + 1
            if isinstance(node, ast.Call):
                if _dotted(node.func).partition(".")[0] not in self.brought:
                    yield node
                else:
                    todo += [*node.args, *([node.func.value] if isinstance(node.func, ast.Attribute) else [])]
            elif isinstance(node, ast.Subscript | ast.Attribute):
                todo.append(node.value)
            elif isinstance(node, ast.List | ast.Tuple):
                todo += node.elts
            elif isinstance(node, ast.ListComp | ast.GeneratorExp):
                todo.append(node.elt)
            elif isinstance(node, ast.Name):
                todo += self.given.get(node.id, [])[:FOLLOWED]

    def _moved(self, one: ast.Call, other: ast.Call, step: set[str]) -> bool:
        """Whether the arguments of two calls of one function differ by what stands below the line."""
        here, there = _arguments(one), _arguments(other)
        pairs = [(here[key], there[key]) for key in here.keys() & there.keys()]
        differing = [(a, b) for a, b in pairs if ast.unparse(a) != ast.unparse(b)]
        if not differing:  # then something was changed in its place between the two, or they are one call in a loop
            return bool(step & self.added) or any(step & self._made_of(_atoms(a)) for a, _ in pairs)
        return any(self._differ_by(a, b, step) for a, b in differing)

    def _differ_by(self, a: ast.expr, b: ast.expr, step: set[str]) -> bool:
        """Whether the step is what one of two arguments has more than the other.

        Terms that both have cancel: of W + e and W - e, e is left. What is left are steps, or names that were made with
        the step, or what these were made from: of moved and W, where moved is a copy of W to which e was added.
        """
        if isinstance(a, ast.Call) and isinstance(b, ast.Call) and _dotted(a.func) == _dotted(b.func) != "":
            return self._moved(a, b, step)
        ones, others = Counter(_terms(a)), Counter(_terms(b))
        left = {text: node for (_, text), node in [*(_terms_of(a, ones - others)), *(_terms_of(b, others - ones))]}
        names = {text: _atoms(node) for text, node in left.items()}
        both = set.intersection(*names.values()) if len(names) > 1 else set()
        made = {text: atoms | self._made_of(atoms - both) for text, atoms in names.items()}
        moved = [text for text in names if step & made[text]]
        if not moved or any(not names[text] <= set().union(*(made[other] for other in moved)) for text in names):
            return False
        cancel, one_step = bool(ones & others), len(names) == 1  # of f(e) - f(-e)
        by_name = any(step & made[text] - names[text] for text in moved)
        secant = all(names[text] <= step for text in names)  # (f(b) - f(a)) / (b - a)
        return cancel or one_step or by_name or secant or len(moved) < len(names)

    def _made_of(self, names: set[str]) -> set[str]:
        """Names, and all that went into them by sums, products and calls."""
        found, todo = set[str](), list(names)
        while todo and len(found) < FARTHEST:
            name = todo.pop()
            if name not in found:
                found.add(name)
                todo += self.atoms.get(name, set()) - found
        return found


def _settings(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr, bool]]:
    """(what is set, to what, whether that is added to it) by a statement, a loop or a `:=`."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _pairs(target, node.value)
    elif isinstance(node, ast.For | ast.comprehension):
        yield from _pairs(node.target, node.iter)
    elif isinstance(node, ast.NamedExpr | ast.AnnAssign) and node.value is not None:
        yield node.target, node.value, False
    elif isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add | ast.Sub):
        yield node.target, node.value, True


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr, bool]]:
    """a, b = 1, 2 sets a to 1; a, b = f(x) sets both to what f gives."""
    if isinstance(target, ast.Tuple | ast.List):
        values = value.elts if isinstance(value, ast.Tuple | ast.List) else []
        alike = len(values) == len(target.elts)
        for i, each in enumerate(target.elts):
            yield from _pairs(each, values[i] if alike else value)
    else:
        yield target, value, False


def _base(node: ast.expr) -> str:
    """W of W[i, j], net.W of net.W[0], or an empty text."""
    while isinstance(node, ast.Subscript | ast.Starred):
        node = node.value
    return _dotted(node)


def _dotted(node: ast.expr) -> str:
    """`self.loss` of a node that says so, or an empty text."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def _last(node: ast.expr) -> str:
    """`copy` of np.copy, W[0].copy and copy."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _atoms(node: ast.expr) -> set[str]:
    """Names that an expression is a sum or a product of, or a copy or entries of, and SMALL for a small number.

    What a function makes of its arguments is another thing: `np.zeros(T)` is not made of T.
    """
    found, todo = set[str](), [node]
    while todo:
        node = todo.pop()
        if _dotted(node):
            found.add(_dotted(node))
        elif isinstance(node, ast.Constant):
            if type(node.value) is float and 0 < abs(node.value) < LITTLE:
                found.add(SMALL)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and isinstance(node.right, ast.UnaryOp):
            found.add(SMALL)  # 10**-5
        elif isinstance(node, ast.Call):
            if _last(node.func) in COPIES:
                todo += [*node.args, *([node.func.value] if isinstance(node.func, ast.Attribute) else [])]
        elif isinstance(node, ast.Subscript):
            todo.append(node.value)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            todo.append(node.left)
        else:
            todo += [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
    return found


def _terms(node: ast.expr) -> Iterator[tuple[int, str]]:
    """(sign, text) of all terms of a sum."""
    return (key for key, _ in _signed(node))


def _terms_of(node: ast.expr, wanted: Counter[tuple[int, str]]) -> Iterator[tuple[tuple[int, str], ast.expr]]:
    return ((key, term) for key, term in _signed(node) if wanted[key])


def _signed(node: ast.expr) -> Iterator[tuple[tuple[int, str], ast.expr]]:
    """((sign, text), node) of all terms of a sum."""
    todo = [(1, node)]
    while todo:
        sign, node = todo.pop()
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
            todo += [(sign, node.left), (sign if isinstance(node.op, ast.Add) else -sign, node.right)]
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            todo.append((-sign, node.operand))
        elif isinstance(node, ast.Starred):
            todo.append((sign, node.value))
        else:
            yield (sign, ast.unparse(node)), node


def _factors(node: ast.expr) -> Iterator[ast.expr]:
    """What a product is made of, a few factors deep: 0.5 * (a - b) has 0.5 and a - b."""
    todo = [(node, 3)]
    while todo:
        node, deep = todo.pop()
        yield node
        if deep and isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
            todo += [(node.left, deep - 1), (node.right, deep - 1)]


def _arguments(call: ast.Call) -> dict[int | str, ast.expr]:
    """A call's arguments by place and by name."""
    return {**dict(enumerate(call.args)), **{word.arg or "**": word.value for word in call.keywords}}


def _calls_something(node: ast.expr) -> bool:
    return any(isinstance(part, ast.Call) for part in ast.walk(node))
