"""Derivations of one's own in unusual styles keep their points and aren't pointed at; ways around deriving are.

What no program can tell from a derivation costs nothing: who marks is told to open the notebook. So the signs that
they are told by have to be rare in honest work, and are tried on as many honest styles as there are here.
"""

import importlib
import json
import re
from pathlib import Path

import pytest

from coursework import plain
from coursework.grader import assignment as assignments
from coursework.grader import borrowed, sandbox
from coursework.grader.assignment import draw, handed_out, load
from coursework.grader.marking import Marker
from tests.coursework.generate_class import HIDDEN, REGION

IMPORTS = "import functools\nimport itertools\nimport math\nimport numpy as np\n"
IMPORTS += "from course_utils.cells import Params, forward\n"
GRADIENT = "ps1_gradient_of_Wh", "(Wx, Wh, b, x, y, h0)"
JACOBIAN = "ps3_gru_jacobian", "(Wx, Wh, bx, bh, x, h_prev)"
STATES = """
def states_of(Wx, Wh, b, x, h0):
    h = [h0]
    for x_t in x:
        h.append(np.tanh(Wx @ x_t + Wh @ h[-1] + b))
    return np.array(h)
"""
GATES = """
def gates_of(Wx, Wh, bx, bh, x, h):
    (Wr, Wz, Wn), (br, bz, bn), (xr, xz, xn) = np.split(Wh, 3), np.split(bh, 3), np.split(Wx @ x + bx, 3)
    r, z = (1 / (1 + np.exp(-part)) for part in (xr + Wr @ h + br, xz + Wz @ h + bz))
    return Wr, Wz, Wn, r, z, np.tanh(xn + Wn @ (r * h) + bn)
"""
STYLES = {  # name: (question and its arguments, cells above, body)
    "tensors forward in time": (
        GRADIENT,
        STATES,
        """H, h, total = len(b), states_of(Wx, Wh, b, x, h0), np.zeros(Wh.shape)
    P = np.zeros((H, H, H))
    for t in range(len(x)):
        direct = np.einsum("ik,l->ikl", np.eye(H), h[t])
        P = (1 - h[t + 1] ** 2)[:, None, None] * (np.einsum("ij,jkl->ikl", Wh, P) + direct)
        total += np.einsum("i,ikl->kl", h[t + 1] - y[t], P)
    return total""",
    ),
    "one direction after the other": (
        GRADIENT,
        STATES
        + """
def along(direction, Wh, h, y):
    moved, change = np.zeros(len(Wh)), 0.0
    for t in range(len(y)):
        moved = (1 - h[t + 1] ** 2) * (Wh @ moved + direction @ h[t])
        change += (h[t + 1] - y[t]) @ moved
    return change
""",
        """h, answer = states_of(Wx, Wh, b, x, h0), np.zeros(Wh.shape)
    for i, j in np.ndindex(*Wh.shape):
        unit = np.zeros(Wh.shape)
        unit[i, j] = 1.0
        answer[i, j] = along(unit, Wh, h, y)
    return answer""",
    ),
    "numbers and lists alone": (
        GRADIENT,
        "",
        """H, T = len(b), len(x)
    h = [[float(u) for u in h0]]
    for t in range(T):
        a = [sum(Wx[i][d] * x[t][d] for d in range(len(x[t]))) + b[i] for i in range(H)]
        h.append([math.tanh(a[i] + sum(Wh[i][j] * h[t][j] for j in range(H))) for i in range(H)])
    G, d = [[0.0] * H for _ in range(H)], [0.0] * H
    for t in range(T, 0, -1):
        d = [(d[i] + h[t][i] - y[t - 1][i]) * (1 - h[t][i] ** 2) for i in range(H)]
        for i, j in itertools.product(range(H), repeat=2):
            G[i][j] += float(d[i] * h[t - 1][j])
        d = [sum(Wh[i][j] * d[i] for i in range(H)) for j in range(H)]
    return G""",
    ),
    "one large system of equations": (
        GRADIENT,
        STATES,
        """H, T, h = len(b), len(x), states_of(Wx, Wh, b, x, h0)
    A = np.eye(T * H)
    for t in range(1, T):
        A[t * H : (t + 1) * H, (t - 1) * H : t * H] = -(1 - h[t + 1] ** 2)[:, None] * Wh
    adjoint = np.linalg.solve(A.T, (h[1:] - y).ravel()).reshape(T, H)
    return (adjoint * (1 - h[1:] ** 2)).T @ h[:-1]""",
    ),
    "functions that call themselves": (
        GRADIENT,
        STATES
        + """
def back(t, h, y, Wh):
    later = 0 if t == len(h) - 1 else Wh.T @ ((1 - h[t + 1] ** 2) * back(t + 1, h, y, Wh))
    return h[t] - y[t - 1] + later
""",
        """h = states_of(Wx, Wh, b, x, h0)
    return sum(np.outer((1 - h[t] ** 2) * back(t, h, y, Wh), h[t - 1]) for t in range(1, len(h)))""",
    ),
    "a tape of steps that hand back": (
        GRADIENT,
        """
class Step:
    def __init__(self, W, h):
        self.W, self.h, self.grad = W, h, np.zeros_like(W)
    def __call__(self, rest):
        self.out = np.tanh(self.W @ self.h + rest)
        return self.out
    def backward(self, d):
        d = d * (1 - self.out**2)
        self.grad += np.outer(d, self.h)
        return self.W.T @ d
""",
        """tape, h, d = [], h0, np.zeros(len(h0))
    for x_t in x:
        tape.append(Step(Wh, h))
        h = tape[-1](Wx @ x_t + b)
    for step, y_t in zip(tape[::-1], y[::-1]):
        d = step.backward(d + step.out - y_t)
    return sum(step.grad for step in tape)""",
    ),
    "all Jacobians between all pairs": (
        GRADIENT,
        STATES
        + """
def factor(Wh, h_t):
    return (1 - h_t**2)[:, None] * Wh
def between(Wh, h, k, t):
    return functools.reduce(lambda total, s: factor(Wh, h[s]) @ total, range(k + 1, t + 1), np.eye(len(Wh)))
""",
        """h, answer = states_of(Wx, Wh, b, x, h0), np.zeros_like(Wh)
    for t in range(1, len(h)):
        for k in range(1, t + 1):
            answer += np.outer((h[t] - y[t - 1]) @ between(Wh, h, k, t) * (1 - h[k] ** 2), h[k - 1])
    return answer""",
    ),
    "no gradient needed": (
        GRADIENT,
        "import torch\n@torch.no_grad()\ndef slope(h):\n    return 1 - h * h\n" + STATES,
        """h, d, answer = states_of(Wx, Wh, b, x, h0), 0, 0
    for t in range(len(x), 0, -1):
        d = (d + h[t] - y[t - 1]) * slope(h[t])
        answer = answer + d[:, None] * h[t - 1]
        d = d @ Wh
    return answer""",
    ),
    "by the package's forward pass": (
        JACOBIAN,
        "",
        """trace = forward(Params("GRU", Wx, Wh, bx, bh, reset="before"), x[None], h0=h_prev)
    r, z, n = (trace.gates[name][0] for name in ("r", "z", "h_tilde"))
    Wr, Wz, Wn = np.split(Wh, 3)
    inner = np.diag(r) + (h_prev * r * (1 - r))[:, None] * Wr
    return np.diag(z) + ((h_prev - n) * z * (1 - z))[:, None] * Wz + ((1 - z) * (1 - n**2))[:, None] * (Wn @ inner)""",
    ),
    "column by column": (
        JACOBIAN,
        GATES
        + """
def column(unit, net, h):
    Wr, Wz, Wn, r, z, n = net
    dr, dz = r * (1 - r) * (Wr @ unit), z * (1 - z) * (Wz @ unit)
    return dz * h + z * unit - dz * n + (1 - z) * (1 - n**2) * (Wn @ (dr * h + r * unit))
""",
        """net = gates_of(Wx, Wh, bx, bh, x, h_prev)
    return np.stack([column(unit, net, h_prev) for unit in np.eye(len(h_prev))], axis=1)""",
    ),
    "entry by entry": (
        JACOBIAN,
        GATES
        + """
def entry(i, j, h, Wr, Wz, Wn, r, z, n):
    inner = sum(Wn[i, k] * ((k == j) * r[k] + h[k] * r[k] * (1 - r[k]) * Wr[k, j]) for k in range(len(h)))
    return (i == j) * z[i] + (h[i] - n[i]) * z[i] * (1 - z[i]) * Wz[i, j] + (1 - z[i]) * (1 - n[i] ** 2) * inner
""",
        """net = gates_of(Wx, Wh, bx, bh, x, h_prev)
    return np.fromfunction(np.vectorize(lambda i, j: entry(int(i), int(j), h_prev, *net)), (len(h_prev),) * 2)""",
    ),
    "row by row, from a weight on one unit": (
        JACOBIAN,
        GATES
        + """
def pulled_back(d, net, h):
    Wr, Wz, Wn, r, z, n = net
    dn = Wn.T @ (d * (1 - z) * (1 - n**2))
    return d * z + Wz.T @ (d * (h - n) * z * (1 - z)) + dn * r + Wr.T @ (dn * h * r * (1 - r))
""",
        """net, rows = gates_of(Wx, Wh, bx, bh, x, h_prev), []
    for i in range(len(h_prev)):
        weight = np.zeros(len(h_prev))
        weight[i] = 0.25
        rows.append(4 * pulled_back(weight, net, h_prev))
    return np.array(rows)""",
    ),
}
LOSS = (
    STATES
    + """
def loss(Wh, Wx, b, x, y, h0):
    return 0.5 * np.sum((states_of(Wx, Wh, b, x, h0)[1:] - y) ** 2)
"""
)
SIXTH = """
def moved(f, W, i, j, step):
    W = W.copy()
    W[i, j] += step
    return f(W)
def sixth(f, W, i, j, e):
    side = [moved(f, W, i, j, n * e) - moved(f, W, i, j, -n * e) for n in (1, 2, 3, 4)]
    return (side[0] * 4 / 5 - side[1] / 5 + side[2] * 4 / 105 - side[3] / 280) / e
"""
DUAL = """
class Dual:
    def __init__(self, a, b=0.0):
        self.a, self.b = a, b
    def __add__(self, o):
        o = o if isinstance(o, Dual) else Dual(o)
        return Dual(self.a + o.a, self.b + o.b)
    __radd__ = __add__
    def __mul__(self, o):
        o = o if isinstance(o, Dual) else Dual(o)
        return Dual(self.a * o.a, self.a * o.b + self.b * o.a)
    __rmul__ = __mul__
    def tanh(self):
        t = math.tanh(self.a)
        return Dual(t, (1 - t * t) * self.b)
"""
BY_DUALS = """H, answer = len(b), np.zeros(Wh.shape)
    for i, j in np.ndindex(*Wh.shape):
        W = [[Dual(Wh[k, m], float((k, m) == (i, j))) for m in range(H)] for k in range(H)]
        h, E = [Dual(u) for u in h0], Dual(0.0)
        for x_t, y_t in zip(x, y):
            rest = Wx @ x_t + b
            h = [(sum(W[k][m] * h[m] for m in range(H)) + rest[k]).tanh() for k in range(H)]
            for k in range(H):
                E = E + 0.5 * ((h[k] + -y_t[k]) * (h[k] + -y_t[k]))
        answer[i, j] = E.b
    return answer"""
OVER_ENTRIES = """f, answer = lambda W: loss(W, Wx, b, x, y, h0), np.zeros(Wh.shape)
    for i, j in np.ndindex(*Wh.shape):
        answer[i, j] = {}
    return answer"""
TURNED = (
    GATES
    + """
def cell(Wx, Wh, bx, bh, x, h):
    *_, r, z, n = gates_of(Wx, Wh, bx, bh, x, h)
    return z * h + (1 - z) * n
def slope_along(f, h, q):
    T = []
    for i in range(8):
        s = 0.2 / 2**i
        T.append([weigh(f, h, q, s)])
        for k in range(1, i + 1):
            T[i].append((4**k * T[i][k - 1] - T[i - 1][k - 1]) / (4**k - 1))
    return T[7][7]
def weigh(f, h, q, s):
    total = 0
    for side in (1, -1):
        total = total + side * f(h + side * s * q)
    return total / (2 * s)
"""
)
AROUND = {  # right, without deriving: (question, cells above, body, the sign that who marks is told)
    "differences of high order": (
        GRADIENT,
        LOSS + SIXTH,
        OVER_ENTRIES.format("sixth(f, Wh, i, j, 2e-3)"),
        "differences",
    ),
    "in place": (
        GRADIENT,
        LOSS,
        """W, answer, e = Wh.copy(), np.zeros(Wh.shape), 2e-3
    weigh = {1: 4 / 5, 2: -1 / 5, 3: 4 / 105, 4: -1 / 280}
    for i, j in np.ndindex(*Wh.shape):
        for n, weight in weigh.items():
            for side in (1, -1):
                W[i, j] = Wh[i, j] + side * n * e
                answer[i, j] += side * weight * loss(W, Wx, b, x, y, h0) / e
        W[i, j] = Wh[i, j]
    return answer""",
        "differences",
    ),
    "a batch of moved states": (
        JACOBIAN,
        """
def step(Wx, Wh, bx, bh, x, h):
    Wr, Wz, Wn = np.split(Wh, 3)
    (xr, xz, xn), (br, bz, bn) = np.split(Wx @ x + bx, 3), np.split(bh, 3)
    r, z = (1 / (1 + np.exp(-part)) for part in (xr + h @ Wr.T + br, xz + h @ Wz.T + bz))
    return z * h + (1 - z) * np.tanh(xn + (r * h) @ Wn.T + bn)
""",
        """e, net = 2e-3, (Wx, Wh, bx, bh, x)
    weigh = {1: 4 / 5, 2: -1 / 5, 3: 4 / 105, 4: -1 / 280}
    one = np.eye(len(h_prev)) * e
    total = 0
    for n, w in weigh.items():
        for side in (1, -1):
            total = total + side * w * step(*net, h_prev + side * n * one)
    return total.T / e""",
        "differences",
    ),
    "along axes that were turned": (
        JACOBIAN,
        TURNED,
        """f = lambda h: cell(Wx, Wh, bx, bh, x, h)
    Q = np.linalg.qr(np.random.default_rng(0).normal(size=(len(h_prev),) * 2))[0]
    return np.array([slope_along(f, h_prev, q) for q in Q]).T @ Q""",
        "differences",
    ),
    "many nodes for each entry": (
        JACOBIAN,
        TURNED,
        """f = lambda h: cell(Wx, Wh, bx, bh, x, h)
    s = 0.25 * np.cos(np.pi * (np.arange(61) + 0.5) / 61)
    fit = np.polynomial.chebyshev.Chebyshev.fit
    columns = []
    for e in np.eye(len(h_prev)):
        y = np.array([f(h_prev + each * e) for each in s])
        columns.append([fit(s, of, 24, domain=[-0.25, 0.25]).deriv()(0.0) for of in y.T])
    return np.array(columns).T""",
        "differences",
    ),
    "numbers with a derivative": (GRADIENT, DUAL, BY_DUALS, "Dual has an arithmetic of its own"),
    "a whole arithmetic": (
        GRADIENT,
        DUAL + "class Dual(Dual):\n    def __array_ufunc__(self, *_):\n        return self\n",
        BY_DUALS,
        "arithmetic of its own",
    ),
}


def cells_of(question, above, body):
    name, arguments = question
    return [IMPORTS, above, f"def {name.partition('_')[2]}{arguments}:\n    {body}"]


@pytest.fixture(scope="module")
def marked(sandbox_kind):
    """marked(question's name, cells): the mark of one derivation, from the bare room and its reading."""

    def mark(name, cells):
        assignment = load(name.partition("_")[0])
        inputs = draw(assignment, 7, 4)
        asked = {"name": name, "answer": assignment.questions[name].name, "calls": inputs[name], "derive": True}
        text, problem = sandbox.execute(
            {"cells": cells, "questions": [asked], "seed": 7}, sandbox_kind, sandbox.Limits()
        )
        assert problem is None, problem
        return {each.grade_id: each for each in Marker(assignment, inputs).marks(text, None, cells)}[name]

    return mark


@pytest.mark.parametrize("style", STYLES)
def test_a_derivation_in_any_style_is_right_and_not_pointed_at(marked, style):
    question, above, body = STYLES[style]
    mark = marked(question[0], cells_of(question, above, body))
    assert (mark.points, mark.hint, mark.look) == (mark.most, "", "")


@pytest.mark.parametrize("way", AROUND)
def test_a_way_around_deriving_is_pointed_at_and_costs_nothing(marked, way):
    question, above, body, sign = AROUND[way]
    mark = marked(question[0], cells_of(question, above, body))
    assert mark.points == mark.most and sign in mark.look, (mark.hint, mark.look)


def _solved(name):
    """{answer of the notebook: its cells up to there} of an assignment."""
    found, cells = {}, []
    for cell in load(name).notebook.cells:
        if cell.cell_type == "code":
            cells.append(REGION.sub(r"\1", HIDDEN.sub("", cell.source)))
            found[cell.metadata["nbgrader"]["grade_id"].removesuffix("_answer")] = list(cells)
    return found


TOOLS = re.compile("by_torch|by_complex|by_autograd")
WRITTEN = [
    (name, answer.__name__, f"tests/coursework/solutions_{name.partition('_')[0]}.py")
    for module in ("solutions_ps1", "solutions_ps3", "solutions_ps5")
    for name, answer in importlib.import_module(f"tests.coursework.{module}").RIGHT
    if load(name.partition("_")[0]).questions[name].derive and not TOOLS.search(answer.__name__)
]


@pytest.mark.parametrize(("name", "answer", "file"), WRITTEN)
def test_the_tests_own_right_answers_are_not_pointed_at(marked, name, answer, file):
    cells = [Path(file).read_text(encoding="utf-8"), f"{name.partition('_')[2]} = {answer}"]
    mark = marked(name, cells)
    assert (mark.points, mark.hint, mark.look) == (mark.most, "", "")


@pytest.mark.parametrize("name", ["ps1", "ps3", "ps5"])
def test_the_instructors_answers_are_not_pointed_at(name, sandbox_kind):
    assignment = load(name)
    inputs, cells = draw(assignment, 7, 3), _solved(name)
    last = [q for q, question in assignment.questions.items() if question.derive][-1]
    job = assignments.job_of(assignment, inputs, cells[last])
    job["questions"] = [question for question in job["questions"] if question["derive"]]
    text, problem = sandbox.execute(job, sandbox_kind, sandbox.Limits())
    assert problem is None, problem
    marks = {mark.grade_id: mark for mark in Marker(assignment, inputs).marks(text, None, cells[last])}
    for q, question in assignment.questions.items():
        if question.derive:
            assert (marks[q].points, marks[q].look) == (question.points, ""), marks[q]


def test_a_reply_may_only_say_that_something_was_stepped(marked):
    """What it says otherwise is nothing, and it says nothing of an answer that earned no points."""
    name = "ps1_gradient_of_Wh"
    assignment = load("ps1")
    inputs = draw(assignment, 7, 2)
    marker = Marker(assignment, inputs)
    right = [plain.encode(assignment.questions[name].right(*plain.decode(call))) for call in inputs[name]]
    for values, stepped, look in ((right, True, True), (right, "x" * 99, False), (right, 1, False), ([], True, False)):
        nothing = {"answers": {}, "cells": {}}
        reply = {"answers": {name: {"values": values, "stepped": stepped}}, "cells": {}}
        text = f"{json.dumps(nothing)}\n{json.dumps(reply)}"
        mark = {each.grade_id: each for each in marker.marks(text)}[name]
        assert bool(mark.look) == look


def test_one_arithmetic_method_is_no_arithmetic():
    cells = ["class Step:\n    def __matmul__(self, d):\n        return d\ndef f(W):\n    return Step() @ W"]
    assert borrowed.arithmetic(cells, "f") == ""
    more = [cells[0].replace("class Step:", "class Step:\n    __rmatmul__ = None\n")]
    assert "Step has an arithmetic" in borrowed.arithmetic(more, "f")
    assert borrowed.arithmetic([*more, "def g(W):\n    return W"], "g") == "", "what the answer doesn't use is nobody's"
    assert borrowed.arithmetic(more, "f", more) == ""


def test_what_was_handed_out_is_not_pointed_at():
    for name in assignments.names():
        assignment = load(name)
        ours = list(handed_out(assignment).values())
        for question in assignment.questions.values():
            assert borrowed.arithmetic(ours, question.name) == ""
