"""Figures and explorers of lesson 00."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from course_utils import figures, widgets
from course_utils.cells import sigmoid
from course_utils.predictions import Guess


def reach(lines: Mapping[str, Sequence[np.ndarray]], guess: Guess) -> None:
    """Show how much of a nudge reaches the last state, by lag, and compare the guess of the fresh GRU's line.

    lines  {"RNN", "GRU" and "GRU, open gate": five seeds of (T+1,)}.
    """
    ax = figures.curves(
        lines,
        title="Fresh, both RNN and GRU lose the gradient; an open gate keeps it (5 seeds)",
        xlabel="lag in steps",
        ylabel=r"$\|\partial h_{200} / \partial h_{200-\mathrm{lag}}\|$",
        log=True,
        reference=1,
    )
    guess.draw(ax)
    figures.show(
        ax,
        alt="Gradient norm against lag on a log axis, five seeds each. In 200 steps the RNN falls "
        "by about 47 powers of ten, the fresh GRU by about 38; the open GRU stays near one.",
    )
    median = {name: np.median(norms, axis=0) for name, norms in lines.items()}
    guess.compare(
        median["GRU"],
        meanings={
            "the open gate": (median["GRU, open gate"], "This is what the GRU with the open gate does."),
            "the RNN": (median["RNN"], "This is nearer to the RNN's line. The GRU falls a little more slowly."),
            "nothing lost": (np.ones_like(median["GRU"]), "This would need a fresh gate that keeps everything."),
        },
    )


def halving(lines: Mapping[str, Sequence[np.ndarray]]) -> None:
    """Say after how many steps a fresh gradient halves, and what the open gate leaves. lines: as for `reach`."""
    last = {name: np.median(norms, axis=0)[-1] for name, norms in lines.items()}
    for name in ("RNN", "GRU"):
        print(f"fresh {name}: the gradient halves every {200 / -np.log2(last[name]):.1f} steps")
    print("open GRU, 200 steps back, above 1/10:", last["GRU, open gate"] > 0.1)


def open_the_gate(left: Mapping[float, ArrayLike], rnn: ArrayLike) -> Callable[..., tuple]:
    """An explorer's function: what is left of a nudge at one bias of the update gate.

    left  {bias: (T+1,) of a GRU by lag}; rnn (T+1,), the plain network beside it.
    """

    def opened(bias: float = 0.0) -> tuple:
        keeps, now = float(sigmoid(bias)), np.asarray(left[bias])
        size: dict[str, Any] = {"ylabel": "norm of the gradient", "log": True, "reference": {"1: nothing is lost": 1}}
        return (
            widgets.bars({"GRU": keeps}, title="What the gate keeps, σ(bias)", ylabel="share per step"),
            widgets.curves({"GRU": now, "RNN": rnn}, title="What is left of a nudge", xlabel="lag in steps", **size),
            f"With a bias of {bias:g} the gate keeps about {keeps:.3f} of the state at each step. "
            f"Of a nudge, {now[50]:.2g} is left after 50 steps, and {now[-1]:.2g} after {len(now) - 1}.".replace(
                "-", "−"
            ),
        )

    return opened


def enough(left: Mapping[float, ArrayLike], guess: Guess) -> None:
    """Compare the guess of the smallest bias of the slider at which a fifth of a nudge is left in the end."""
    guess.compare(
        min(bias for bias, norms in left.items() if np.asarray(norms)[-1] > 0.2),
        meanings={
            0: "At 0 the gate keeps a half. What is a half, multiplied 200 times?",
            2: "At 2 the gate keeps 0.88. That sounds like much, but 0.88 multiplied 200 times is about 10^{-11}.",
            3: "At 3 the gate keeps 0.95. That sounds like much, but 200 steps leave 0.002 of a nudge.",
        },
    )
