"""06 · the four paths of a GRU's gradient: their sizes and reach, gates held anywhere, and what a bias can learn."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from course_utils import figures, widgets
from course_utils.cells import forward, init_params, sigmoid
from course_utils.gradients import jacobian_paths
from course_utils.norms import norms_to_past
from course_utils.predictions import Guess
from course_utils.tasks import noise

SLOPE_AXES: dict[str, Any] = {
    "curve": {"x": (0, 12), "y": (0, 0.5)},
    "xlabel": "bias b",
    "ylabel": "gradient of h_{100} in b",
}


def slope(b: np.ndarray | float, T: int) -> np.ndarray:
    """The gradient of h_T = σ(b)^T, what T steps with the same gate leave of h_0 = 1, in the gate's bias b."""
    z = sigmoid(b)
    return np.asarray(T * z**T * (1 - z))


def reach(fresh: Mapping[str, np.ndarray], opened: Mapping[str, np.ndarray]) -> None:
    """Norms (seeds, lags) by which paths are kept, of a fresh GRU and of an open one."""
    fig, (left, right) = figures.panels(2, sharey=True)
    for ax, norms, title in (
        (left, fresh, "Fresh, lag 50: 6e-10, without direct 4e-42"),
        (right, opened, "Open, lag 50: 0.2, direct alone 0.1"),
    ):
        lines = {f"GRU, {name}": norms[name] for name in ("all four", "direct alone", "without direct")}
        figures.curves(
            lines, title=title, xlabel="lag (5 nets, 32 units)", ylabel="", log=True, reference=1, names=False, ax=ax
        )
    figures.label_ends(left)
    left.set_ylabel(r"$\Vert\partial h_T/\partial h_k\Vert$")
    figures.show(
        fig,
        alt="Gradient norm against lag, log axis, five nets each. With all four paths a fresh GRU "
        "falls to 6e-10 at lag 50, with direct alone to 1e-11; an open one to 0.2 and 0.1. Without "
        "direct they fall to 4e-42 and 1e-89.",
    )


def turned_gates(r: float = 0.5, z: float = 0.5, weights: float = 1) -> tuple:
    """What the explorer shows: paths and reach of a small GRU with gates near r and z, and its Wh times `weights`."""
    b_z, b_r = np.log(z / (1 - z)), np.log(r / (1 - r))
    p = init_params("GRU", 8, 16, gain=weights, gate_bias=b_z).changed("r", bx=b_r, bh=0)
    paths = jacobian_paths(forward(p, noise(30, 8)))
    size = {name: np.linalg.norm(J, axis=(1, 2)) / 4 for name, J in paths.items()}
    largest = max(size, key=lambda name: size[name].mean())
    left = norms_to_past(sum(paths.values()))[::-1]
    now: dict[str, Any] = {"x": np.arange(1, 31), "xlabel": "step t", "ylabel": "size", "ylim": (0, 2)}
    lags: dict[str, Any] = {"xlabel": "lag in steps", "ylabel": "‖∂h_T/∂h_k‖", "ylim": (1e-12, 1e4)}
    return (
        widgets.stacked(size, title="Four paths through each step", **now),
        widgets.curves({"GRU": left}, title="What is left", log=True, reference={"1: nothing is lost": 1}, **lags),
        f"The {largest} path is largest. At lag 30, {left[30]:.2g} of the gradient is left.",
    )


def between(gate: np.ndarray, factor: np.ndarray) -> None:
    """The mean factor per step (r, z) of a net whose gates are held at every pair of the values `gate` (n,)."""
    ax = figures.heatmap(
        factor[::-1],
        title="Weights as drawn (one net, T = 40): only $z$ near 1 keeps a gradient",
        xlabel="update gate $z$",
        ylabel="reset gate $r$",
        label="factor per step",
        limits=(0, 1),
        extent=(0, 1, 0, 1),
    )
    levels = ax.contour(gate, gate, factor, [0.3, 0.5, 0.7, 0.9], colors="white", linewidths=1)
    ax.clabel(levels, fmt="%.1f")
    corners = {
        "clean cut, $J = 0$": ((0.02, 0.02), (6, 6)),
        "plain RNN": ((0.02, 0.98), (6, -14)),
        "fresh GRU": ((0.5, 0.5), (-6, 6)),
        "copy, $J = I$": ((0.99, 0.15), (-8, 8)),
    }
    for words, (spot, offset) in corners.items():
        figures.mark(ax, *spot, words, offset)
    figures.show(
        ax,
        alt="Map of the mean gradient factor per step of one net over both gates. It nears 1 only at the "
        "right edge, whatever r; at small z it rises with r, from 0 to about a half.",
    )


def shares(fresh: list, opened: list) -> None:
    """The size of each step's share in the gradient of W_hz by its lag (seeds, T): a fresh GRU's, an open one's."""
    lines = {"GRU, fresh": fresh, "GRU, update bias 3": opened}
    ax = figures.curves(
        lines,
        title="Fresh: 90 % of the shares lie in 5 steps; update bias 3: in 44",
        xlabel="lag $T - k$",
        ylabel="size of step $k$'s share in $W_{hz}$",
        log=True,
    )
    figures.show(
        ax,
        alt="Each step's share in the gradient of W_hz against lag, log axis, five seeds. Fresh "
        "begins higher and falls below 1e-12 by lag 70; update bias 3 is still above 1e-5 at 78.",
    )


def shutting(biases: np.ndarray, found: np.ndarray) -> None:
    """Sizes of J and of the gradients of W_xr, W_xz, W_xn, columns of `found` (n, 4), for biases (n,) of both gates."""
    J, reset, update, candidate = found.T
    ax = figures.curves(
        {
            "gradient of $W_{xn}$": candidate,
            "gradient of $h_{t-1}$, that is $J$": J,
            "gradient of $W_{xz}$": update,
            "gradient of $W_{xr}$": reset,
        },
        x=-biases,
        title="Shutting both gates shrinks $J$, $W_{xz}$ and $W_{xr}$ together, and spares $W_{xn}$",
        xlabel="how far the gates are shut: minus their bias",
        ylabel="size",
        log=True,
    )
    figures.show(
        ax,
        alt="Sizes on a log axis for gate biases 0 to minus 20. J and the gradients of W_xz and W_xr "
        "fall by more than seven orders of magnitude, soon in parallel; that of W_xn levels off.",
    )


def slopes(b: np.ndarray, found: Mapping[int, np.ndarray], guess: Guess) -> None:
    """The gradient of what is kept over T steps in the gate's bias b (n,), {T: (n,)}, and what was guessed at 100."""
    lines = {f"gradient, T = {T}": values for T, values in found.items()}
    fig, (left, right) = figures.panels(2)
    title = r"Each lag $T$ has its best bias, $\log T$ ..."
    label = r"$dh_T/db$, with $h_0 = 1$"
    figures.curves(lines, x=b, title=title, xlabel="bias $b$", ylabel=label, names=False, ax=left)
    title = "... and left of it, a cliff"
    figures.curves(lines, x=b, title=title, xlabel="bias $b$", ylabel="", names=False, log=True, ax=right)
    for T, values in found.items():
        figures.mark(left, np.log(T), float(np.interp(np.log(T), b, values)), f"$T = {T}$", offset=(5, 4))
    right.set_ylim(1e-40, 10)
    figures.mark(right, 0, float(np.interp(0, b, found[100])), "fresh gate, $T = 100$", offset=(8, -10))
    guess.draw(left)
    figures.show(
        fig,
        alt="Gradient of the kept value in the bias, for T = 10, 100, 1000. Left: bumps of nearly "
        "equal height, peaks at log T. Right, log axis: each falls off a cliff left of its peak.",
    )


def descent(kept: np.ndarray) -> None:
    """The share kept after 100 steps at every update (5, updates), of gates that began at biases 0, 1, 2, 3, 4."""
    ax = figures.curves(
        {f"GRU, from b = {start}": kept[start] for start in (4, 3, 2, 1, 0)},
        x=np.arange(1, 1 + kept.shape[1]),
        title="One lag of 100, plain descent, step 1, 3,000 updates: from b ≤ 1 nothing moves",
        xlabel="update",
        ylabel="kept of $h_0$ after 100 steps",
    )
    ax.set_xscale("log")
    figures.show(
        ax,
        alt="Share kept after 100 steps against updates. From bias 4 and 3 it rises within tens of "
        "updates, from 2 after more than two thousand; from 1 and 0 it stays at zero.",
    )


def both_gradients(w: np.ndarray, of_w: np.ndarray, b: np.ndarray, of_b: np.ndarray) -> None:
    """The size of the loss's gradient: in the weight w (n,) of a plain unit, and in the bias b (m,) of a gate."""
    fig, (left, right) = figures.panels(2, sharey=True)
    look: dict[str, Any] = {"ylabel": "size of the loss's gradient", "log": True, "names": False}
    title = "Plain unit, T = 100: a wall right of 1 ..."
    figures.curves({"RNN": of_w}, x=w, title=title, xlabel="weight $w$", ax=left, **look)
    title = f"... gate: at most {of_b.max():.2f}, at any bias"
    figures.curves({"GRU": of_b}, x=b, title=title, xlabel="bias $b$", ax=right, **look)
    left.set_ylim(1e-12, 1e12)
    right.set_ylabel("")
    figures.show(
        fig,
        alt="Size of the gradient of the loss, log axis. Left, against the weight of a plain unit: "
        "3e-3 at 0.9, 23 at 0.99, a narrow dip to zero at 1, then up to 1e10 at 1.1. Right, "
        "against the gate's bias: a hump that stays below 0.3.",
    )


def weigh_reach(guess: Guess) -> None:
    """What was guessed, beside what is measured."""
    shut_off = "An open gate helps the direct path alone. The others carry the factor 1 - z."
    guess.compare("open GRU", meanings={"fresh GRU": shut_off})


def weigh_alive(guess: Guess) -> None:
    """What was guessed, beside what is measured."""
    past = "J is 0, but this step's own candidate has a slope in its own input."
    flat = (
        "A gate that is shut has no slope: z(1 − z) and r(1 − r) are 0. So nothing reaches the weights of such a gate."
    )
    every, two = "W_{xr}, W_{xz} and W_{xn}", "W_{xz} and W_{xn}"
    guess.compare("W_{xn} alone", meanings={"none of them": past, every: flat, two: flat})


def weigh_slope(guess: Guess, slope: Callable, b: np.ndarray) -> None:
    """What was guessed, beside what is measured."""
    alone = sigmoid(b) * (1 - sigmoid(b)), "But 100 z^{99} multiplies the sigmoid's slope."
    guess.compare(slope(b, 100), x=b, meanings={"largest for a half-open gate": alone})


def weigh_starts(guess: Guess) -> None:
    """What was guessed, beside what is measured."""
    above = "From above 1 the first update is far too long, as the next figure shows."
    ends = "From 0.9 the gradient is next to nothing, and from above 1 the first update is far too long."
    between = "At 0.95 and 0.99 the gradient is neither lost nor too large for this step size."
    meanings = {"all but 0.9": above, "0.99 and 1.02": above, "all five": ends, "none": between}
    guess.compare("0.95 and 0.99", meanings=meanings)
