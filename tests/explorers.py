"""Explorers as lesson cells hold them, for the tests and the benchmark: {name: source of one cell}."""

CELL = """\
import numpy as np

from course_utils import widgets
from course_utils.cells import Params, forward
from course_utils.gradients import jacobians, norms_to_past


def sigmoid_cell(w=0.5, b=1.0):
    unit = Params("RNN", [[1.0]], [[w]], [0.0], [0.0], activation="sigmoid")
    trace = forward(unit, np.full((12, 1), b), h0=[1.0])
    h, factors = trace.h[:, 0], jacobians(trace)[:, 0, 0]
    share = np.cumprod(np.r_[1.0, np.abs(factors)])
    return (
        widgets.curves({"state": h}, title="The state", xlabel="step t", ylabel="h_t", ylim=(0, 1)),
        widgets.curves({"gradient": share}, title="The gradient that reaches h_0", xlabel="step t",
                       ylabel="|∂h_t/∂h_0|", log=True, reference=1, ylim=(1e-12, 1e3)),
        widgets.bars({"slope h(1−h)": h[-1] * (1 - h[-1])}, title="The slope at the end", ylim=(0, 0.25)),
        f"The state ends at {h[-1]:.3f}; {share[-1]:.1e} of a change of h_0 is left after 12 steps.",
    )


widgets.explore(sigmoid_cell, w=np.linspace(-10, 10, 41), b=np.linspace(-5, 5, 21))
"""

BIAS = """\
import numpy as np

from course_utils import widgets
from course_utils.cells import forward, init_params
from course_utils.gradients import all_pairs_norms, jacobians, norms_to_past

x = np.random.default_rng(0).standard_normal((50, 4))


def update_bias(bias=0.0):
    J = jacobians(forward(init_params("GRU", 4, 16, gate_bias=bias), x))
    norms, pairs = norms_to_past(J)[::-1], all_pairs_norms(J, log=True) / np.log(10)
    return (
        widgets.curves({"GRU": norms}, title="How much the last state feels the past", xlabel="lag in steps",
                       ylabel="‖∂h_T/∂h_{T-lag}‖", log=True, reference=1, ylim=(1e-20, 10)),
        widgets.heatmap(pairs, title="Every pair of steps", xlabel="from step k", ylabel="to step t",
                        label="log_{10} ‖∂h_t/∂h_k‖", limits=(-20, 1)),
        f"With a bias of {bias:.1f} on the update gate, {norms[50]:.1e} is left after 50 steps.",
    )


widgets.explore(update_bias, labels={"bias": "update bias"}, bias=np.linspace(-2, 6, 101))
"""

PATHS = """\
import numpy as np

from course_utils import widgets
from course_utils.cells import forward, init_params
from course_utils.gradients import jacobian_paths

x = np.random.default_rng(0).standard_normal((30, 4))


def paths(bias=0.0, reset="before"):
    trace = forward(init_params("GRU", 4, 16, gate_bias=bias, reset=reset), x)
    sizes = {name: np.linalg.norm(J, axis=(1, 2)) for name, J in jacobian_paths(trace).items()}
    gates = {"r": trace.gates["r"].mean(), "z": trace.gates["z"].mean()}
    largest = max(sizes, key=lambda name: sizes[name].mean())
    return (
        widgets.stacked(sizes, title="Four paths through a step", xlabel="step t", ylabel="Frobenius norm",
                        x=np.arange(1, 31), ylim=(0, 8)),
        widgets.bars(gates, title="Mean gates"),
        f"Reset {reset} the product, bias {bias:.1f}: the {largest} path is the largest.",
    )


widgets.explore(paths, bias=np.linspace(-4, 4, 33), reset=["before", "after"])
"""

KINDS = """\
import numpy as np

from course_utils import widgets

x = np.linspace(0, 1, 9)


def kinds(a=1.0):
    map = np.where(np.tri(9) > 0, np.outer(x, x) * a, np.nan)
    return (
        widgets.heatmap(map, title="Signed", kind="signed", extent=(0, 1, 1, 0), marks={"here": (0.5, 0.25)}),
        widgets.curves({"RNN": a * x, "LSTM, forget bias 1, a long name": -a * x}, title="Lines", x=x, points=True,
                       marks={"now": (0.5, a / 2)}),
        widgets.heatmap(np.abs(map.T) / 3, title="Gates", kind="gate", label="z"),
        f"a is {a:g}.",
    )


widgets.explore(kinds, a=np.linspace(-3, 3, 13))
"""

LIVE = BIAS.replace("bias=np.linspace(-2, 6, 101))", "bias=np.linspace(-2, 6, 101), live=True)")
