"""Figures and explorers of lesson 12."""

from collections.abc import Callable

import numpy as np

from course_utils import figures, widgets
from course_utils.predictions import Guess


def left(shares: dict[str, np.ndarray], guess: Guess) -> None:
    """Show what is left of a state by lag, and compare the guess of the first line. shares: {name: (51,)}."""
    ax = figures.curves(
        shares,
        title="A title states the finding: one more nine, ten times the memory",
        xlabel="lag in steps",
        ylabel="share that is left",
        log=True,
        reference={"1: nothing is lost": 1},
    )
    guess.draw(ax)
    figures.show(
        ax,
        alt="The share that is left against lag, on a log axis, two straight lines from 1. "
        "After 50 steps z = 0.9 has half a percent left, z = 0.99 still more than a half.",
    )
    guess.compare(
        next(iter(shares.values())),
        meanings={"a sum": (np.linspace(1, 1e-3, 51), "Then each step would lose the same amount.")},
    )


def kept(share_left: Callable[[float, int], np.ndarray]) -> Callable[..., tuple]:
    """An explorer's function: what is left of a state that keeps the share z of itself. share_left: the lesson's."""

    def shown(z: float = 0.9) -> tuple:
        now = share_left(z, 50)
        return (
            widgets.equation(f"z^{{50}} = {z:.3g}^{{50}} = {now[-1]:.3f}"),
            widgets.curves(
                {"GRU": now},
                title="What is left",
                xlabel="lag in steps",
                ylabel="share",
                log=True,
                reference={"1: nothing is lost": 1},
                ylim=(1e-3, 2),
            ),
            f"After 50 steps {now[-1]:.3f} is left.",
        )

    return shown
