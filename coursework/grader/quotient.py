"""Whether code divides a change of a function by the step that made it, as differences do. Reads Python, runs none.

(f(W + e) - f(W - e)) / (2 * e) is such a quotient: f is called twice, e is what its arguments differ by, and e stands
below the line. So are d = f(W + e) - f(W - e); d /= 2 * e and np.divide(np.subtract(...), 2 * e): what counts is the
arithmetic, however it is spelled, and f may be anybody's. (f(a) - f(b)) / n is none, nor is any other ratio whose
divisor has moved no argument: a mean of differences, a relative change of a loss, an odd part (f(x) - f(-x)) / 2.

What is read comes from a hostile side, so all work is counted, and ends where it is too much (`Work`).
"""

import ast
import itertools
from collections import Counter, deque
from collections.abc import Collection, Iterator, Mapping, Sequence

SMALL = "a small number"  # stands for all fractions below LITTLE: 1e-5 above the line is 2e-5 below it
LITTLE = 0.1
COPIES = {"copy", "deepcopy", "array", "asarray", "float", "float64", "add", "subtract"}  # what they give is as given
WORK = 3_000_000  # steps of reading for one answer, a few seconds; our own solutions take 1,300 to 6,000
FOLLOWED = 60  # expressions that are followed from one value to the calls that gave it
FARTHEST = 300  # names that are followed from one argument
DEEPEST = 30  # attributes of attributes; no library has as many
ARITHMETIC = {  # functions of Python's and NumPy's that are arithmetic in words
    **dict.fromkeys(("add", "iadd"), "+"),
    **dict.fromkeys(("subtract", "sub", "isub", "__sub__"), "-"),
    **dict.fromkeys(("multiply", "mul", "imul", "dot", "matmul", "__mul__"), "*"),
    **dict.fromkeys(("divide", "true_divide", "truediv", "itruediv", "__truediv__"), "/"),
    **dict.fromkeys(("power", "float_power", "pow", "__pow__"), "**"),
    **dict.fromkeys(("negative", "neg", "__neg__"), "negative"),
    **dict.fromkeys(("diff", "ediff1d", "ptp"), "differences"),
    "reciprocal": "reciprocal",
    "gradient": "gradient",
}
OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.MatMult: "*", ast.Div: "/", ast.Pow: "**"}
PRODUCTS = {"*", "/", "**", "reciprocal"}


class TooMuchWorkError(Exception):
    """Reading took more steps than anybody's honest code does."""


class Work:
    """Counts the steps of reading, and ends it by TooMuchWorkError where they are too many."""

    def __init__(self, most: int = WORK):
        self.done, self.most = 0, most

    def spend(self, steps: int = 1) -> None:
        """Count some more steps, before they are taken."""
        self.done += steps
        if self.done > self.most:
            raise TooMuchWorkError


class Quotients:
    """Looks for quotients of differences in one function, class or statement. Raises TooMuchWorkError.

    nodes    all of its code
    brought  {name: full name} of what the notebook imports
    own      names that the notebook sets
    work     counts the steps
    """

    def __init__(
        self,
        nodes: Sequence[ast.AST],
        brought: Mapping[str, str] | None = None,
        own: Collection[str] = (),
        work: Work | None = None,
    ):
        self.brought, self.own, self.work = brought or {}, own, work or Work()
        self.given: dict[str, list[ast.AST]] = {}  # what each name was set to, or what was added to it
        self.less: dict[str, list[ast.AST]] = {}  # what was subtracted from it
        self.made: dict[str, set[str]] = {}  # the names in all that
        self.added: set[str] = set()  # what was added to anything in its place
        self.local: set[str] = set()  # names of what the code itself defines or is handed
        self.part_of_product: set[int] = set()  # ids of factors that are products: the whole is looked at
        self.many: set[int] = set()  # ids of what is put into a list, time after time
        self._atoms_of: dict[int, set[str]] = {}
        self._form_of: dict[int, int] = {}
        self._forms: dict[tuple, int] = {}
        self._reach_of: dict[int, set[str]] = {}
        self.live: set[int] = set()  # ids of what holds a name or a call: a table of numbers holds none
        self.work.spend(100 + 2 * len(nodes))
        for node in reversed(nodes):  # what lies within comes after what it lies in
            if isinstance(node, ast.Name | ast.Call) or any(id(each) in self.live for each in _children(node)):
                self.live.add(id(node))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                self.local.add(node.name)
            elif isinstance(node, ast.arg):
                self.local.add(node.arg)
        for node in nodes:
            for target, value, adds in self._settings(node):
                self._set(target, value, adds)

    def _set(self, target: ast.expr, value: ast.expr, adds: str) -> None:
        name, atoms = _base(target), self._atoms(value)
        self.work.spend(1 + len(atoms))
        self.local.add(name)
        self.given.setdefault(name, []).append(value)
        self.made.setdefault(name, set()).update(atoms)
        if adds == "-":
            self.less.setdefault(name, []).append(value)
        if adds in ("+", "-") or not isinstance(target, ast.Name):
            self.added |= atoms
        if adds == "many":
            self.many.add(id(value))

    def has(self, node: ast.AST) -> bool:
        """Whether a node is such a quotient. Nodes have to come from without to within, as ast.walk has them."""
        self.work.spend()
        kind, parts = self._parts(node)
        if kind == "gradient":
            above, below = [node], parts[1:]
        elif kind in PRODUCTS and id(node) not in self.part_of_product:
            above, below = self._factors(node)
        else:
            return False
        step = set[str]().union(*map(self._atoms, below), {SMALL} if any(map(_is_large, above)) else ())
        return bool(step) and any(
            self._by_step(plus, minus, step) for plus, minus in self._differences(above) if plus and minus
        )

    def _by_step(self, plus: Sequence[ast.AST], minus: Sequence[ast.AST], step: set[str]) -> bool:
        """Whether what is added calls the same function as what is subtracted, moved by the step."""
        ones: dict[str, list[tuple[ast.Call, bool]]] = {}
        for call, many in itertools.chain.from_iterable(map(self._calls, plus)):
            ones.setdefault(dotted(call.func), []).append((call, many))
        for other, _ in itertools.chain.from_iterable(map(self._calls, minus)):
            for one, many in ones.get(dotted(other.func), []):
                self.work.spend()
                if one is other and not many:
                    continue
                if (step & (self._reach(one) | self._reach(other) | self.added)) and self._moved(one, other, step):
                    return True
        return False

    def _parts(self, node: ast.AST) -> tuple[str, list[ast.expr]]:
        """(which arithmetic a node is, of what), as an operator, in words or in place; ("", []) of all else."""
        if isinstance(node, ast.BinOp):
            return OPERATORS.get(type(node.op), ""), [node.left, node.right]
        if isinstance(node, ast.AugAssign):
            return OPERATORS.get(type(node.op), ""), [node.target, node.value]
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return "negative", [node.operand]
        if isinstance(node, ast.Call):
            kind = ARITHMETIC.get(self._tool(node.func), "")
            method = isinstance(node.func, ast.Attribute) and node.func.attr.startswith("__")
            words = [word.value for word in node.keywords if word.arg in ("a", "f", "ary", "x1", "x2", "varargs")]
            parts = [*([node.func.value] if method else []), *node.args[:DEEPEST], *words]  # type: ignore[attr-defined]
            wanted = 1 if kind in ("negative", "differences", "gradient", "reciprocal") else 2
            return (kind, parts) if len(parts) >= wanted else ("", [])
        return "", []

    def _tool(self, func: ast.expr) -> str:
        """`divide` of np.divide, under whatever name; an empty text for what the notebook itself has."""
        name = dotted(func)
        if name in self.given and len(self.given[name]) == 1:
            name = dotted(self.given[name][0]) or name
        root, _, rest = name.partition(".")
        if root in self.brought:
            return f"{self.brought[root]}.{rest}".rstrip(".").rpartition(".")[2]
        if rest or not root:
            return func.attr if isinstance(func, ast.Attribute) and func.attr.startswith("__") else ""
        return "" if root in self.own or root in self.local else root

    def _factors(self, node: ast.AST) -> tuple[list[ast.AST], list[ast.expr]]:
        """(what stands above the line of a product, what below), also by names: d * r, where r = 1 / s, is over s."""
        above: list[ast.AST] = []
        below: list[ast.expr] = []
        todo, seen = [(node, True, True)], set[int]()
        while todo:
            node, up, whole = todo.pop()
            self.work.spend()
            if id(node) in seen:
                continue
            seen.add(id(node))
            kind, parts = self._parts(node)
            if kind in PRODUCTS and whole:
                self.part_of_product.add(id(node))
            if kind in ("*", "/"):
                todo += [(parts[0], up, whole), (parts[1], up if kind == "*" else not up, whole)]
            elif kind == "negative":
                todo.append((parts[0], up, whole))
            elif kind == "reciprocal" or (kind == "**" and _is_negative(parts[1]) and self._holds(parts[0])):
                todo.append((parts[0], not up, whole))
            else:
                above += [node] if up else []
                below += [node] if not up and isinstance(node, ast.expr) else []
                if isinstance(node, ast.Name):
                    values = self.given.get(node.id, [])[:FOLLOWED]
                    alike = (each for each in values if isinstance(each, ast.Name) or self._parts(each)[0] in PRODUCTS)
                    todo += [(each, up, False) for each in alike]
        return above, below

    def _differences(self, above: Sequence[ast.AST]) -> Iterator[tuple[Sequence[ast.AST], Sequence[ast.AST]]]:
        """(what is added, what is subtracted) of all differences that a value was made by."""
        todo, seen = deque(above), set[int]()
        while todo:
            node = todo.popleft()
            self.work.spend()
            if id(node) in seen or not self._holds(node):
                continue
            seen.add(id(node))
            kind, parts = self._parts(node)
            if kind in ("+", "-", "negative"):
                terms = list(self._signed(node))
                sides = {sign: [term for each, term in terms if each == sign] for sign in (1, -1)}
                yield sides[1], sides[-1]
                todo += [term for _, term in terms]
            elif kind in ("differences", "gradient"):
                yield parts[:1], parts[:1]
                todo += parts[:1]
            elif kind in PRODUCTS:
                todo += parts if kind == "*" else parts[:1]
            elif isinstance(node, ast.Name):
                if node.id in self.less:
                    yield self.given[node.id], self.less[node.id]
                todo += self.given.get(node.id, [])
            else:
                todo += self._within(node)

    def _within(self, node: ast.AST) -> list[ast.AST]:
        """What a value's entries, its sum or its copy come from."""
        if isinstance(node, ast.Subscript | ast.Attribute | ast.Starred | ast.NamedExpr):
            return [*self.given.get(dotted(node), []), node.value]
        if isinstance(node, ast.List | ast.Tuple):
            self.work.spend(len(node.elts))
            return [each for each in node.elts if self._holds(each)]
        if isinstance(node, ast.ListComp | ast.GeneratorExp):
            return [node.elt]
        if isinstance(node, ast.IfExp):
            return [node.body, node.orelse]
        if isinstance(node, ast.Call):
            self.work.spend(len(node.args))
            return [*node.args, *([node.func.value] if isinstance(node.func, ast.Attribute) else [])]
        return []

    def _holds(self, node: ast.AST) -> bool:
        return id(node) in self.live

    def _calls(self, node: ast.AST) -> Iterator[tuple[ast.Call, bool]]:
        """(call of a function, whether it is made time after time): those that gave a value, also by its name, an
        entry, a sum or a method."""
        todo, seen = deque([(node, False, False, False)]), set[int]()
        while todo and len(seen) < FOLLOWED:
            node, many, named, product = todo.popleft()
            self.work.spend()
            if id(node) in seen or not self._holds(node):
                continue
            seen.add(id(node))
            kind, parts = self._parts(node)
            many |= id(node) in self.many or isinstance(node, ast.ListComp | ast.GeneratorExp)
            if isinstance(node, ast.Call) and not kind:
                yield node, many
            if kind in PRODUCTS or kind == "negative":
                numbers = sum(self._holds(part) for part in parts) < 2
                todo += [(part, many, named, product or not numbers or kind == "/") for part in parts]
            elif kind in ("+", "-") and isinstance(node, ast.BinOp):  # of 1 / (1 + np.exp(-a)), and none by a name
                todo += [(part, many, named, True) for part in parts if product or not named]
            elif isinstance(node, ast.Name):
                found = self.given.get(node.id, [])[:FOLLOWED] if not product else []
                todo += [(each, many, True, product) for each in found]
            else:
                todo += [(each, many, named, product) for each in self._within(node)[:FOLLOWED]]

    def _moved(self, one: ast.Call, other: ast.Call, step: set[str]) -> bool:
        """Whether the arguments of two calls of one function differ by what stands below the line."""
        here, there = _arguments(one), _arguments(other)
        self.work.spend(len(here) + len(there))
        pairs = [(here[key], there[key]) for key in here.keys() & there.keys()]
        differing = [(a, b) for a, b in pairs if self._form(a) != self._form(b)]
        if not differing:  # then something was changed in its place between the two, or they are one call in a loop
            return bool(step & self.added) or any(step & self._made_of(self._atoms(a)) for a, _ in pairs)
        return any(self._differ_by(a, b, step) for a, b in differing)

    def _differ_by(self, a: ast.expr, b: ast.expr, step: set[str]) -> bool:
        """Whether the step is what one of two arguments has more than the other.

        Terms that both have cancel: of W + e and W - e, e is left. So do factors. What is left are steps, or names that
        were made with the step, or what these were made from: of moved and W, where moved is a copy of W to which e was
        added.
        """
        self.work.spend()
        if isinstance(a, ast.Call) and isinstance(b, ast.Call) and dotted(a.func) == dotted(b.func) != "":
            if self._parts(a)[0] == "":
                return self._moved(a, b, step)
        factors = self._factors_that_differ(a, b)
        if factors is not None:
            return self._differ_by(*factors, step)
        ones, others = list(self._keyed(a)), list(self._keyed(b))
        mine, theirs = Counter(key for key, _ in ones), Counter(key for key, _ in others)
        more, less = mine - theirs, theirs - mine
        left = [each for each in ones if more[each[0]]] + [each for each in others if less[each[0]]]
        names = {form: self._atoms(node) for (_, form), node in left}
        both = set.intersection(*names.values()) if len(names) > 1 else set()
        made = {form: atoms | self._made_of(atoms - both) for form, atoms in names.items()}
        self.work.spend(sum(map(len, made.values())))
        moved = [form for form in names if step & made[form]]
        all_moved = set[str]().union(*(made[form] for form in moved))
        if not moved or any(not names[form] <= all_moved for form in names):
            return False
        cancel, one_step = bool(mine & theirs), len(names) == 1  # of f(e) - f(-e)
        by_name = any(step & made[form] - names[form] for form in moved)
        secant = all(names[form] <= step for form in names)  # (f(b) - f(a)) / (b - a)
        return cancel or one_step or by_name or secant or len(moved) < len(names)

    def _factors_that_differ(self, a: ast.expr, b: ast.expr) -> tuple[ast.expr, ast.expr] | None:
        """The one factor in which two products differ: a + s and a - s of (a + s) / 2 and (a - s) / 2."""
        here, there = self._parts(a), self._parts(b)
        if here[0] != there[0] or here[0] not in {*PRODUCTS, "negative"} or len(here[1]) != len(there[1]):
            return None
        differing = [(x, y) for x, y in zip(here[1], there[1], strict=True) if self._form(x) != self._form(y)]
        return differing[0] if len(differing) == 1 else None

    def _keyed(self, node: ast.expr) -> Iterator[tuple[tuple[int, int], ast.expr]]:
        """((sign, form), node) of all terms of a sum."""
        return (((sign, self._form(term)), term) for sign, term in self._signed(node))

    def _signed(self, node: ast.AST) -> Iterator[tuple[int, ast.expr]]:
        """(sign, node) of all terms of a sum."""
        todo: list[tuple[int, ast.AST]] = [(1, node)]
        while todo:
            sign, node = todo.pop()
            self.work.spend()
            kind, parts = self._parts(node)
            if kind in ("+", "-"):
                todo += [(sign, parts[0]), (sign if kind == "+" else -sign, parts[1])]
            elif kind == "negative":
                todo.append((-sign, parts[0]))
            elif kind == "*" and any(map(_is_negative, parts)):  # f(a) * -1
                todo.append((-sign, parts[_is_negative(parts[0])]))
            elif isinstance(node, ast.Starred):
                todo.append((sign, node.value))
            elif isinstance(node, ast.expr):
                yield sign, node

    def _reach(self, call: ast.Call) -> set[str]:
        """All names in the arguments of a call, and all that went into them."""
        if id(call) not in self._reach_of:
            found, todo = {SMALL}, [*call.args, *(word.value for word in call.keywords)]
            while todo:
                node = todo.pop()
                self.work.spend()
                found.add(dotted(node))
                todo += [each for each in _children(node) if isinstance(each, ast.expr | ast.comprehension)]  # type: ignore[misc]
            self._reach_of[id(call)] = found | self._made_of(found)
        return self._reach_of[id(call)]

    def _made_of(self, names: set[str]) -> set[str]:
        """Names, and all that went into them by sums, products and calls."""
        found, todo = set[str](), list(names)
        while todo and len(found) < FARTHEST:
            name = todo.pop()
            if name not in found:
                found.add(name)
                made = self.made.get(name, set())
                self.work.spend(1 + len(made))
                todo += made - found
        return found

    def _form(self, node: ast.AST) -> int:
        """A number for code: the same one for the same code."""
        todo = [(node, False)] if id(node) not in self._form_of else []
        while todo:
            each, ready = todo.pop()
            if id(each) in self._form_of:
                continue
            if not ready:
                self.work.spend()
                todo += [(each, True), *((child, False) for child in _children(each))]
                continue
            key = (type(each), *(self._field(value) for name, value in ast.iter_fields(each) if name != "ctx"))
            self._form_of[id(each)] = self._forms.setdefault(key, len(self._forms))
        return self._form_of[id(node)]

    def _field(self, value: object) -> object:
        if isinstance(value, list):
            return tuple(map(self._field, value))
        return self._form_of.get(id(value)) if isinstance(value, ast.AST) else (type(value), value)

    def _atoms(self, node: ast.AST) -> set[str]:
        """Names that an expression is a sum or a product of, or a copy or entries of, and SMALL for a small number.

        What a function makes of its arguments is another thing: `np.zeros(T)` is not made of T.
        """
        if id(node) in self._atoms_of:
            return self._atoms_of[id(node)]
        found, todo, first = set[str](), [node], node
        while todo:
            node = todo.pop()
            self.work.spend()
            if name := dotted(node):
                found.add(name)
            elif isinstance(node, ast.Constant):
                if type(node.value) is float and 0 < abs(node.value) < LITTLE:
                    found.add(SMALL)
            elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and isinstance(node.right, ast.UnaryOp):
                found.add(SMALL)  # 10**-5
            elif isinstance(node, ast.Call):
                if self._parts(node)[0] in ("+", "-", "*", "/", "**", "negative"):
                    todo += self._parts(node)[1]
                elif _last(node.func) in COPIES:
                    todo += [*node.args, *([node.func.value] if isinstance(node.func, ast.Attribute) else [])]
            elif isinstance(node, ast.Subscript):
                todo.append(node.value)
            elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
                todo.append(node.left)
            else:
                todo += [child for child in _children(node) if isinstance(child, ast.expr)]
        self._atoms_of[id(first)] = found
        return found

    def _settings(self, node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr, str]]:
        """(what is set, to what, "+", "-" or "many" where that comes to what it was) by a statement, a loop or `:=`."""
        if isinstance(node, ast.Assign):
            for target in node.targets:
                yield from _pairs(target, node.value)
        elif isinstance(node, ast.For | ast.comprehension):
            yield from _pairs(node.target, node.iter)
        elif isinstance(node, ast.NamedExpr | ast.AnnAssign) and node.value is not None:
            yield node.target, node.value, ""
        elif isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add | ast.Sub):
            yield node.target, node.value, OPERATORS[type(node.op)]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in ("append", "appendleft", "insert") and node.args:
                yield node.func.value, node.args[-1], "many"


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr, str]]:
    """a, b = 1, 2 sets a to 1; a, b = f(x) sets both to what f gives."""
    if isinstance(target, ast.Tuple | ast.List):
        values = value.elts if isinstance(value, ast.Tuple | ast.List) else []
        alike = len(values) == len(target.elts)
        for i, each in enumerate(target.elts):
            yield from _pairs(each, values[i] if alike else value)
    else:
        yield target, value, ""


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """What lies directly within a node, without the marks of reading and writing."""
    return (each for each in ast.iter_child_nodes(node) if not isinstance(each, ast.expr_context))


def _base(node: ast.expr) -> str:
    """W of W[i, j], net.W of net.W[0], or an empty text."""
    for _ in range(DEEPEST):
        if not isinstance(node, ast.Subscript | ast.Starred):
            break
        node = node.value
    return dotted(node)


def dotted(node: ast.AST) -> str:
    """`self.loss` of a node that says so, or an empty text."""
    if isinstance(node, ast.Name):
        return node.id
    parts: list[str] = []
    while isinstance(node, ast.Attribute) and len(parts) < DEEPEST:
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def _last(node: ast.expr) -> str:
    """`copy` of np.copy, W[0].copy and copy."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _is_negative(node: ast.AST) -> bool:
    """Whether a node is a number below 0 as it stands."""
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant)


def _is_large(node: ast.AST) -> bool:
    """Whether a node is a number by which one multiplies in place of dividing by a small one."""
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float) and abs(node.value) > 1 / LITTLE


def _arguments(call: ast.Call) -> dict[int | str, ast.expr]:
    """A call's arguments by place and by name."""
    return {**dict(enumerate(call.args)), **{word.arg or "**": word.value for word in call.keywords}}
