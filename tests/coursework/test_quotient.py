"""Differences are told from the honest quotients that derivations and their checks have."""

import time

import pytest

from coursework.grader import borrowed
from coursework.grader.quotient import WORK, Work
from coursework.grader.submissions import MOST_CODE

HEAD = """
import numpy as np
from numpy import exp
def loss(W, *rest):
    return np.sum(np.tanh(W) ** 2)
def run(W):
    return np.tanh(W)
def norm(v):
    return np.sqrt(v @ v)
def bump(W, i, e):
    W = W.copy()
    W[i] += e
    return W
class Net:
    def __init__(self, W):
        self.W, self.e = W, 1e-5
    def loss(self):
        return np.sum(np.tanh(self.W) ** 2)
    def of(self, W):
        return np.sum(np.tanh(W) ** 2)
"""
HONEST = {
    "two losses over a number": "return (loss(W) - loss(V)) / n",
    "a mean of differences": "a, b = loss(W), loss(V)\n    return (a - b) / len(W)",
    "a mean over a named number": "B = len(W)\n    return (loss(W) - loss(V)) / B",
    "a relative change": "before, after = loss(W), loss(V)\n    return (after - before) / before",
    "a relative change by a call": "return (loss(V) - loss(W)) / loss(W)",
    "an odd part": "return (run(W) - run(-W)) / 2",
    "an odd part by names": "up, down = run(W), run(-W)\n    return (up - down) / 2",
    "a tangent by halves": "return (run(W) - run(-W)) / (run(W) + run(-W))",
    "a sine of NumPy's": "return (exp(W) - exp(-W)) / 2",
    "a drift per step": "h = np.zeros((T + 1, 3))\n    return (norm(h[T]) - norm(h[0])) / T",
    "a drift of a run": "first, last = run(W), run(V)\n    return (norm(last) - norm(first)) / T",
    "the next step's share": "return (loss(h[t + 1]) - loss(h[t])) / t",
    "a count and the next": "return (loss(k + 1) - loss(k)) / k",
    "a softmax less its hit": "p = run(W) / B\n    hit = run(V) / B\n    return (norm(p) - norm(hit)) / B",
    "a scale below": "s = norm(W)\n    return (run(W) - run(V)) / s",
    "a scale of both": "return (loss(T * W) - loss(T * V)) / T",
    "a rate that is small": "return (loss(W) - loss(V)) / 0.05",
    "a blend": "return (run(W) - run(V)) * (1 - z) / z",
    "a method's results": "return (net.of(W) - net.of(V)) / n",
    "a bound less another": "q = norm(W) / 4\n    return (loss(q) - loss(q * q)) / 4",
    "a sum of entries": "found = [loss(w) for w in (W, V)]\n    return (found[0] - found[1]) / n",
    "a share of the whole": "total = loss(W) + loss(V)\n    return (loss(W) - loss(V)) / total",
    "rows of two runs": "up, down = run(W)[0], run(V)[0]\n    return (up - down) / T",
    "a mean before a mean": "return (np.mean(run(W)) - np.mean(run(V))) / np.std(W)",
    "a mean of differences in place": "d = loss(W) - loss(V)\n    d /= n\n    return d",
    "a mean in NumPy's words": "return np.divide(loss(W) - loss(V), n)",
    "rates between steps": "losses = [loss(w) for w in (W, V)]\n    return np.diff(losses) / np.diff([k, t])",
    "a mean of changes": "losses = np.array([loss(w) for w in h])\n    return np.diff(losses).mean() / T",
    "a cotangent": "return 1 / np.tanh(W) - 1 / np.tanh(V)",
    "a ratio of tangents": "return np.tanh(W + e) / np.tanh(W - e)",
    "a normalised vector": "x = run(W) - run(V)\n    x /= np.linalg.norm(x)\n    return x",
    "a normalised change": "x = np.subtract(run(W), run(V))\n    return x / np.sqrt(x @ x)",
    "a tangent by exponents": "return (np.exp(W) - np.exp(-W)) / (np.exp(W) + np.exp(-W))",
    "a candidate from its blend": "n = np.tanh(W @ h + B)\n    s = z * h + (1 - z) * n\n"
    "    return (s - z * h) / (1 - z)",
    "gates and their blend": "r, z = exp(W @ h + B), exp(V @ h + B)\n    h = z * h + (1 - z) * np.tanh(W @ (r * h))\n"
    "    return (h - z * h) / z",
    "a reciprocal of a count": "scale = 1 / B\n    return scale * (loss(W) - loss(V))",
    "a batch's share": "p = exp(W - W.max())\n    p /= p.sum()\n    p[t] -= 1\n    p /= B\n    return p",
    "two sigmoids": "return (1 / (1 + np.exp(-W)) - 1 / (1 + np.exp(-V))) / B",
    "a scale of percents": "return (loss(W) - loss(V)) * 100 / loss(V)",
    "a moved mean": "return (np.mean(W + n) - np.mean(W)) / T",
    "a slope from values": "s = np.tanh(W)\n    d = 1 - s * s\n    return np.multiply(d, h) / np.power(B, 2)",
    "a reduced count": "d = loss(W) - loss(V)\n    d *= 1 / n\n    return d",
    "a decay to its end": "h = run(W)\n    return (loss(h[-1]) - loss(h[0])) / (T - 1)",
}
DIFFERENCES = {
    "central": "return (loss(W + e) - loss(W - e)) / (2 * e)",
    "forward": "return (loss(W + 1e-7) - loss(W)) / 1e-7",
    "backward": "return (loss(W) - loss(W - e)) / e",
    "a power of ten": "return (loss(W + 10**-6) - loss(W)) / 10**-6",
    "with a direction": "return (loss(W + e * U) - loss(W - e * U)) / (2 * e)",
    "by names": "up, down = loss(W + e), loss(W - e)\n    return (up - down) / (2 * e)",
    "by copies": "P, M = W.copy(), W.copy()\n    P[i] += e\n    M[i] -= e\n    return (loss(P) - loss(M)) / (2 * e)",
    "by one copy": "P = np.array(W)\n    P[i] = W[i] + e\n    return (loss(P) - loss(W)) / e",
    "by a step with a name": "d = e * U\n    return (loss(W + d) - loss(W - d)) / 2 / e",
    "in place": "W[i] += e\n    up = loss(W)\n    W[i] -= 2 * e\n    down = loss(W)\n    return (up - down) / (2 * e)",
    "in place, of globals": "V[i] = old + e\n    up = loss()\n    V[i] = old - e\n    return (up - loss()) / (2 * e)",
    "along a line": "g = lambda s: loss(W + s * U)\n    return (g(e) - g(-e)) / (2 * e)",
    "in one of many arguments": "return (loss(W, V + e, T) - loss(W, V - e, T)) / (2 * e)",
    "by keyword": "return (loss(W=W + e) - loss(W=W - e)) / (2 * e)",
    "of an inner function": "return (loss(run(W + e)) - loss(run(W - e))) / (2 * e)",
    "of a sum": "return (np.sum(run(W + e)) - np.sum(run(W - e))) / (2 * e)",
    "of a number": "return (float(loss(W + e)) - float(loss(W - e))) / (2 * e)",
    "of an entry": "return (run(W + e)[0] - run(W - e)[0]) / (2 * e)",
    "of a method": "return (run(W + e).sum() - run(W - e).sum()) / (2 * e)",
    "of an object's method": "return (net.of(W + net.e) - net.of(W - net.e)) / (2 * net.e)",
    "of a changed object": "net.W[i] += e\n    up = net.loss()\n    net.W[i] -= e\n    return (up - net.loss()) / e",
    "by a helper": "return (loss(bump(W, i, e)) - loss(bump(W, i, -e))) / (2 * e)",
    "in a list": "found = [loss(W + s * e) for s in (1, -1)]\n    return (found[0] - found[1]) / (2 * e)",
    "weighed": "return 0.5 * (loss(W + e) - loss(W - e)) / e",
    "weighed behind": "return (loss(W + e) - loss(W - e)) * 4 / 6 / e",
    "between two places": "return (loss(V) - loss(W)) / (V - W)",
    "divided in place": "d = loss(W + e) - loss(W - e)\n    d /= 2 * e\n    return d",
    "multiplied in place": "d = loss(W + e) - loss(W - e)\n    d *= 0.5 / e\n    return d",
    "subtracted in place": "d = loss(W + e)\n    d -= loss(W - e)\n    return d / (2 * e)",
    "a difference with a name": "d = loss(W + e) - loss(W - e)\n    return d / (2 * e)",
    "NumPy's quotient": "return np.divide(loss(W + e) - loss(W - e), 2 * e)",
    "NumPy's true quotient": "over = np.true_divide\n    return over(loss(W + e) - loss(W - e), 2 * e)",
    "a quotient's other name": "from numpy import divide as over\n    return over(loss(W + e) - loss(W - e), 2 * e)",
    "a reciprocal": "return (loss(W + e) - loss(W - e)) * (0.5 / e)",
    "a reciprocal by name": "r = 1 / (2 * e)\n    return r * (loss(W + e) - loss(W - e))",
    "a reciprocal of NumPy's": "return np.multiply(loss(W + e) - loss(W - e), np.reciprocal(2 * e))",
    "a negative power": "return (loss(W + e) - loss(W - e)) * (2 * e) ** -1",
    "a power of NumPy's": "return (loss(W + e) - loss(W - e)) * np.power(2.0 * e, -1.0)",
    "an operator's quotient": "import operator\n    return operator.truediv(loss(W + e) - loss(W - e), 2 * e)",
    "an operator's difference": "from operator import sub\n    return sub(loss(W + e), loss(W - e)) / (2 * e)",
    "a method of numbers": "return (loss(W + e) - loss(W - e)).__truediv__(2 * e)",
    "NumPy's difference": "return np.subtract(loss(W + e), loss(W - e)) / (2 * e)",
    "differences in a row": "return np.diff([loss(W - e), loss(W + e)], axis=0)[0] / (2 * e)",
    "differences of a list": "y = [loss(W + s * e) for s in (-1, 1)]\n    return np.diff(y)[0] / (2 * e)",
    "NumPy's own gradient": "return np.gradient([loss(W - e), loss(W), loss(W + e)], e, axis=0)[1]",
    "a negative added": "return (loss(W + e) + -loss(W - e)) / (2 * e)",
    "a negative factor": "return (loss(W + e) + -1 * loss(W - e)) / (2 * e)",
    "a list that is filled": "y = []\n    for s in (e, -e):\n        y.append(loss(W + s))\n"
    "    return (y[0] - y[1]) / (2 * e)",
    "of NumPy's tanh": "return (np.tanh(W + e) - np.tanh(W - e)) / (2 * e)",
    "of NumPy's tanh of halves": "return (np.tanh((W + e) / 2) - np.tanh((W - e) / 2)) / (4 * e)",
    "of a library's": "return (exp(W + e) - exp(W - e)) / (2 * e)",
    "of the course's sigmoid": "from course_utils.cells import sigmoid\n"
    "    return (sigmoid(W + e) - sigmoid(W - e)) / (2 * e)",
    "of a sigmoid in place": "up, down = 1 / (1 + np.exp(-(W + e))), 1 / (1 + np.exp(-(W - e)))\n"
    "    return (up - down) / (2 * e)",
    "of a sum of both": "d = np.sum(run(W + e) - run(W - e))\n    return d / (2 * e)",
    "by NumPy's sums": "return (loss(np.add(W, e)) - loss(np.subtract(W, e))) / (2 * e)",
    "over a number of NumPy's": "return (loss(W + e) - loss(W - e)) / np.float64(2 * e)",
    "over a width by name": "width = 2 * e\n    return (loss(W + e) - loss(W - e)) / width",
    "by a large number": "return (loss(W + 1e-7) - loss(W)) * 10_000_000",
    "Richardson's": "D = lambda e: (loss(W + e) - loss(W - e)) / (2 * e)\n    return (4 * D(e / 2) - D(e)) / 3",
}
CELL = "def f(W, V, U, h, i=0, e=1e-6, n=3, T=4, B=5, k=2, t=1, z=0.5, net=None, old=0.0):\n    {}"


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_quotient_is_left_alone(name):
    assert borrowed.complaint([HEAD, CELL.format(HONEST[name])], "f") is None


@pytest.mark.parametrize("name", DIFFERENCES)
def test_a_quotient_of_differences_is_noticed(name):
    assert "quotient of differences" in (borrowed.complaint([HEAD, CELL.format(DIFFERENCES[name])], "f") or "nothing")


def test_words_of_arithmetic_mean_what_the_notebook_says():
    """A function of one's own that is called `gradient` or `divide` is no NumPy's."""
    own = [
        HEAD,
        "def gradient(h, s):\n    return h @ s",
        "def f(W, s):\n    return gradient([loss(W - s), loss(W + s)], s)",
    ]
    assert borrowed.complaint(own, "f") is None
    theirs = [HEAD, "from numpy import *", own[2]]
    assert "quotient" in borrowed.complaint(theirs, "f")
    other = [HEAD, "over = np.divide", "def f(W, e):\n    return over(loss(W + e) - loss(W), e)"]
    assert "quotient" in borrowed.complaint(other, "f")


TABLE = "[" + "a," * 20_000 + "]"
STALLS = {  # code that is made to hold up whoever reads it: (what stands first, what is repeated)
    "tables that are compared": (f"def f(h):\n    return h\n    c, d = g({TABLE}), g({TABLE})\n", "    (c - d) / q\n"),
    "functions handed to functions": ("def f(a):0\n" * 20_000, "f(f)\n"),
    "statements on one line": ("def f(h):\n    a", ";a"),
    "attributes of attributes": ("def f(a):\n", "    a" + ".b" * 2800 + "\n"),
    "lambdas of lambdas": ("def f(a):\n", "    b = " + "lambda: " * 900 + "a\n"),
    "targets of one value": ("def f(a):\n", "    " + "a=" * 100 + "+".join(f"b{i}" for i in range(500)) + "\n"),
    "arguments by name": (
        "def f(a, s):\n    y = g(s," + ",".join(f"a{i}=1" for i in range(9000)) + ")\n"
        "    z = g(t," + ",".join(f"a{i}=1" for i in range(9000)) + ")\n",
        "    (y - z) / s\n",
    ),
}


@pytest.mark.parametrize("name", STALLS)
def test_code_that_is_made_to_be_long_takes_steps_that_are_counted(name):
    """At the most signs that are read of a notebook: the steps end, and what they are counted by does, too."""
    first, again = STALLS[name]
    work, start = Work(), time.process_time()
    source = first + again * ((MOST_CODE - len(first)) // len(again))
    told = borrowed.complaint([source], "f", [], work)
    assert work.done < 1.1 * WORK and time.process_time() - start < 90
    assert told is None or "too long to be followed" in told or "quotient" in told or "nested" in told


def test_an_honest_notebook_takes_few_steps():
    table = "table = np.array([" + "[0.25, -1.5, 3.0]," * 20_000 + "])"
    work = Work()
    body = f"def f(W):\n    {table}\n    d = W - table\n    return d @ d / len(W)"
    assert borrowed.complaint([HEAD, body], "f", [], work) is None
    assert work.done < WORK / 3


CHECKED = """
class Net:
    def __init__(self, W):
        self.W, self.e = W, 1e-5
    def __repr__(self):
        return f"{self.__class__.__name__}({type(self).__name__})"
    def loss(self, W):
        return np.sum(np.tanh(W) ** 2)
    def gradient(self):
        return 2 * np.tanh(self.W) * (1 - np.tanh(self.W) ** 2)
    def numerical(self):
        return (self.loss(self.W + self.e) - self.loss(self.W - self.e)) / (2 * self.e)
    {more}
"""


@pytest.mark.parametrize(
    "use",
    [
        "Net(W).numerical()",
        "getattr(Net(W), 'numerical')()",
        "operator.methodcaller('numerical')(Net(W))",
        "[way(Net(W)) for name, way in vars(Net).items() if name[:3] == 'num'][0]",
        "[way for name, way in inspect.getmembers(Net(W)) if name[:3] == 'num'][0]()",
        "Net.__dict__['num' + 'erical'](Net(W))",
        "Net(W)()",
        "-Net(W)",
        "Net(W).other",
        "Sub(W).start()",
        "kept[0](Net(W))",
        "net.run()",
    ],
)
def test_a_method_is_read_where_it_is_reached(use):
    more = """def __call__(self):
        return self.numerical()
    __neg__ = numerical
    other = property(numerical)"""
    cells = [HEAD, "import inspect, operator, threading", CHECKED.replace("{more}", more)]
    if "()()" in use or use[0] == "-" or use in ("Net(W)()", "Net(W).other"):
        assert "quotient" in borrowed.complaint([*cells, f"def f(W):\n    return {use}"], "f")
        return
    cells[2] = CHECKED.replace("{more}", "pass")
    cells += ["class Sub(threading.Thread):\n    def run(self):\n        return Net(self.W).numerical()"]
    cells += ["kept = []\nkept.append(Net.numerical)", "net = Sub(1)"]
    assert "quotient" in borrowed.complaint([*cells, f"def f(W):\n    return {use}"], "f")


def test_a_check_beside_a_derivation_in_one_class_costs_nothing():
    cells = [HEAD, CHECKED.replace("{more}", "pass"), "def f(W):\n    return Net(W).gradient()"]
    assert borrowed.complaint(cells, "f") is None
    cells[1] = "class Base:\n    def half(self):\n        return 0.5\n" + cells[1].replace("Net:", "Net(Base):")
    assert borrowed.complaint(cells, "f") is None
    assert "quotient" in borrowed.complaint([*cells, "def g(W):\n    return Net(W).numerical()"], "g")
    assert "Write type(x)" in borrowed.complaint([*cells, "def g(W):\n    return W.__class__.__init__"], "g")


def test_code_that_is_made_to_be_long_holds_nobody_up():
    """A function of many quotients, each of names that are made from all others."""
    chain = "\n".join(f"    a{i} = a{i - 1} + a{i // 2}" for i in range(1, 1500))
    quotients = "\n".join(f"    b = (loss(a{i}) - loss(a{i - 1} + W)) / n" for i in range(1, 1500))
    sums = " + ".join(["loss(W)"] * 1500)
    start = time.process_time()
    borrowed.complaint([HEAD, f"def f(W, n):\n    a0 = W\n{chain}\n{quotients}\n    return b"], "f")
    borrowed.complaint([HEAD, f"def f(W, e):\n    return ({sums} - loss(W)) / e"], "f")
    assert time.process_time() - start < 20
