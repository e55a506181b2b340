"""Figures and explorers of lesson 02."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from course_utils import diagrams, figures, widgets
from course_utils.predictions import Guess

AXES: dict[str, Any] = {
    "curve": {"x": (1, 30), "y": (1e-6, 10)},
    "log": True,
    "xlabel": "step t",
    "ylabel": "norm of dL/dh_t",
}


def way_back() -> None:
    """Show three steps unrolled, with every derivative on the arrow where it travels."""
    diagrams.show(diagrams.unrolled(3, gradients=True))


def three_ways_back() -> None:
    """Show the full walk back, a truncated one, and one in pieces."""
    diagrams.show(diagrams.truncation(6, 3))


def uses(terms: Sequence[float], guess: Guess) -> None:
    """Show what each use of the weight brings to dh_3/dw, beside the guess. terms: (3,), the use in step 1 first."""
    ax = figures.bars(
        {f"use in step {k}": terms[k - 1] for k in (1, 2, 3)},
        title="The last use brings 92 % of the gradient, the first 0.7 %",
        ylabel=r"contribution to $dh_3/dw$",
        colour=figures.GRADIENT,
    )
    figures.show(
        ax,
        alt="Three bars: the use of the weight in step 1 contributes 0.00093 "
        "to the gradient, in step 2 0.0102, in step 3 0.127.",
    )
    guess.compare(
        f"the use in step {1 + np.argmax(terms)}",
        meanings={
            "the use in step 1": "That would need factors above 1 between step 1 and the end.",
            "the use in step 2": "That would need a factor above 1 in step 3, and one far below 1 in step 2.",
            "all the same": "That would need factors of about 1, so that nothing is lost on the way.",
        },
    )


def losses_and_uses(table: np.ndarray) -> None:
    """Show what each pair of a loss and a use contributes. table (T+1, T+1), row and column 0 unused, NaN if empty."""
    T = len(table) - 1
    ax = figures.heatmap(
        table[1:, 1:],
        kind="signed",
        title="Every loss reaches back to every earlier use of the weight",
        xlabel="use of the weight in step $k$",
        ylabel="loss at step $t$",
        label="contribution to $dL/dw$",
        extent=(0.5, T + 0.5, T + 0.5, 0.5),
    )
    ax.axvline(1.5, color=figures.INK, linewidth=1.2)
    figures.mark(ax, 1.5, 1, "left of the line: all the repaired chain keeps", (6, -4), dot=False)
    figures.mark(ax, 6.5, 4, "empty: the use comes after the loss", dot=False)
    figures.show(
        ax,
        alt="A lower triangle of coloured squares, step of the loss against step of the use. "
        "Every row has one colour that pales to the left; above the diagonal is nothing.",
    )


def walk(fill_table: Callable[[float], np.ndarray]) -> Callable[..., tuple]:
    """An explorer's function: the table as a walk back meets it, and the sum so far.

    fill_table  the lesson's: a weight in, its table (T+1, T+1) out.
    """

    def walked(steps: float = 4, w: float = 1.05) -> tuple:
        table = fill_table(w)[1:, 1:]
        T = len(table)
        k = np.arange(1, T + 1)
        sums = np.cumsum(np.nansum(table, axis=0)[::-1])[::-1]
        met = k > T - steps
        lines = {"gradient so far": np.where(met, sums, np.nan), "whole": np.full(T, sums[0])}
        return (
            widgets.heatmap(
                np.where(met, table, np.nan),
                title="What the walk has met",
                kind="signed",
                xlabel="use in step k",
                ylabel="loss at step t",
                extent=(0.5, T + 0.5, T + 0.5, 0.5),
            ),
            widgets.curves(
                lines, title="The sum over k", xlabel="back at step k", ylabel="dL/dw", x=k, points=True, reference=0
            ),
            f"After {steps:.0f} of {T} uses: {sums[met][0]:.2f}. The whole gradient: {sums[0]:.2f}.",
        )

    return walked


def half_way(share: float, guess: Guess) -> None:
    """Hold the guess against what the later half of the uses brings. share: of dL/dw, at w = 0.3."""
    guess.compare(
        "less than half of it" if share < 0.5 else "nearly all of it",
        meanings={"nearly all of it": "This would be so if only the last step had a loss."},
    )


def direct_and_total(norms: np.ndarray, guess: Guess) -> None:
    """Show the norm of the total gradient at each step of several nets, whose loss is at the last. norms (S, T)."""
    T = norms.shape[1]
    ax = figures.curves(
        {"gradient, total": norms},
        x=np.arange(1, T + 1),
        title="Only the last state has a loss, and all thirty have a gradient",
        xlabel="step $t$",
        ylabel=r"norm of $dL/dh_t$",
        log=True,
    )
    figures.mark(ax, T, np.median(norms[:, -1]), "direct: step 30 only", offset=(-10, 12))
    guess.draw(ax)
    figures.show(
        ax,
        alt="On a log axis the total gradient falls from about 3 at step 30 to between "
        "5e-6 and 1e-2 at step 1; the direct gradient is a single dot at step 30.",
    )
    steps, median = np.arange(1, T + 1), np.median(norms, axis=0)
    guess.compare(
        median,
        x=steps,
        meanings={
            "direct": (np.where(steps < T, 0, median), "This is the direct gradient, which is zero before step 30."),
            "constant": (np.full(T, median[-1]), "This would need steps on which nothing is lost."),
        },
    )


def truncated(lengths: Sequence[int], errors: Mapping[float, np.ndarray], guess: Guess) -> None:
    """Show what truncation misses, and compare the guess.

    errors  {gain: (S, len(lengths), 2)}, relative: K steps back, and in pieces of K.
    """
    fig, axes = figures.panels(2, sharey=True, height=3.6)
    titles = ("Gain 0.5: ten steps back suffice", "Gain 1.4: ten steps back miss most")
    for ax, gain, title in zip(axes, errors, titles, strict=True):
        figures.curves(
            {"gradient, K back": errors[gain][..., 0], "in pieces": errors[gain][..., 1]},
            x=lengths,
            title=title,
            xlabel="truncation length $K$",
            ylabel=r"relative error of $dL/dW_h$" if ax is axes[0] else "",
            log=True,
            ax=ax,
        )
        ax.set_xticks([1, 5, 10, 15, 20])
    figures.show(
        fig,
        alt="Error against truncation length on a log axis. At gain 0.5 it falls in a straight "
        "line to below 1e-7 at 20 steps back, in pieces only to 8 %. "
        "At gain 1.4 both stay above 30 % in the median.",
    )
    back, pieces = np.median(errors[0.5], axis=0)[list(lengths).index(10)]
    guess.compare(
        "pieces of ten steps" if pieces > back else "ten uses back for every loss",
        meanings={
            "ten uses back for every loss": "But every loss reaches at least as far back there as it does in pieces.",
            "both equally": "Look at the drawing once more: how far does a loss right after a cut reach?",
        },
    )
