"""Figures and explorers of lesson 04."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike

from course_utils import figures, widgets
from course_utils.predictions import Guess

MAP = (3.4, 5.4, -3.0, 0.7)  # the part of the plane where descents are drawn: w from, to, b from, to
Surface = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def by_norm(g: np.ndarray, c: ArrayLike = 0.1) -> np.ndarray:
    """The gradient, clipped by norm at c (Pascanu et al. 2013): g (P,), or many side by side, (P, ...)."""
    return np.asarray(g / np.maximum(1, np.linalg.norm(g, axis=0) / c))


def cliff(ws: np.ndarray, bs: np.ndarray, size: np.ndarray, line: np.ndarray, on_line: np.ndarray) -> None:
    """Show the gradient's size over w and b; the wall is thinner than the grid, so what was found on it is put in.

    ws (N,), bs (M,), size (M, N)  the grid, and the gradient's norm on it.
    line, on_line (N,)             b of the wall at each w (NaN where there is none), and the gradient's norm there.
    """
    whole = size.copy()
    for column, (b, norm) in enumerate(zip(line, on_line, strict=True)):
        if np.isfinite(b) and bs[0] <= b <= bs[-1]:
            row = int(np.argmin(np.abs(bs - b)))
            whole[row, column] = max(whole[row, column], norm)
    rows, columns = (n // 5 * 5 for n in size.shape)
    blocks = whole[:rows, :columns].reshape(rows // 5, 5, columns // 5, 5).max(axis=(1, 3))  # a thin line stays visible
    ax = figures.heatmap(
        np.log10(blocks[::-1]),
        limits=(-3, 2),
        title="Flat nearly everywhere, except along one thin line",
        xlabel="weight $w$",
        ylabel="bias $b$",
        label=r"$\log_{10}\Vert\nabla L\Vert$",
        extent=(ws[0], ws[-1], bs[0], bs[-1]),
    )
    at = np.unravel_index(size.argmax(), size.shape)
    figures.mark(ax, ws[at[1]], bs[at[0]], f"largest on the grid: {size.max():.0f}", offset=(4, 14))
    figures.mark(ax, 6.0, np.interp(6.0, ws, line), "the cliff", offset=(8, 8), dot=False)
    figures.mark(ax, 2.45, np.log(0.7 / 0.3) - 0.7 * 2.45, "the valley: here $L = 0$", offset=(4, 4), dot=False)
    figures.show(
        ax,
        alt="Map of weight and bias. The gradient is small on two large plains. Between them a dark line, the valley "
        "where the error is zero, runs downwards to the right and becomes a bright thin line, the cliff.",
    )


def how_large(ratio: float, guess: Guess) -> None:
    """Compare the guess with the largest gradient over the median one."""
    guess.compare(
        ratio,
        meanings={
            1: "A guess near 1 would mean a surface that slopes everywhere alike.",
            10: "A guess near 10 would mean hills, and no wall.",
            100: "A guess near 100 would mean a steep slope. This is a wall.",
        },
    )


def two_descents(surface: Surface, paths: Mapping[str, np.ndarray], guess: Guess) -> None:
    """Show an unclipped and a clipped descent on the map of the error, and compare the guess.

    surface  the lesson's: w and b in, L and its gradient out.
    paths    {"unclipped" or "by norm": (steps + 1, 2)}, w and b of each step.
    """
    left, right, low, high = MAP
    ws, bs = np.linspace(left, right, 201), np.linspace(low, high, 201)
    ax = figures.heatmap(
        surface(ws[None, :], bs[:, None])[0][::-1],
        title="Without clipping, one step off the wall undoes all the others",
        xlabel="weight $w$",
        ylabel="bias $b$",
        label="loss $L$",
        extent=MAP,
    )
    for (name, path), colour in zip(paths.items(), (figures.RNN, "white"), strict=True):
        ax.plot(*path.T, ".-", color=colour, linewidth=1, markersize=3)
        figures.mark(ax, path[-1, 0], path[-1, 1], name)
    start = next(iter(paths.values()))[0]
    figures.mark(ax, start[0], start[1], "start", offset=(6, -4))
    figures.show(
        ax,
        alt="Two paths from the same start to the valley of low error. The unclipped one is thrown "
        "far up across the plain and creeps back; the clipped one follows the valley.",
    )
    ends = {name: float(surface(*path[-1])[0]) for name, path in paths.items()}
    guess.compare(
        {"unclipped": "the unclipped one", "by norm": "the clipped one"}[min(ends, key=lambda name: ends[name])],
        meanings={
            "the unclipped one": "It has the longer steps. One of them was so long that it left the valley for good.",
            "both the same": "This would be so if neither ever met the wall.",
        },
    )


def shares(thresholds: np.ndarray, arrived: np.ndarray, unclipped: float, guess: Guess) -> None:
    """Show the share of descents that arrive at each threshold, with the curve that was guessed.

    thresholds, arrived (N,)  increasing thresholds, shares in [0, 1].
    unclipped                 the share without clipping.
    """
    x = np.log10(thresholds)
    ax = figures.curves(
        {"clipped": arrived},
        x=x,
        title="Too low a threshold is worse than none",
        xlabel=r"$\log_{10}$ of the threshold $c$ (learning rate 1, 200 updates)",
        ylabel="share of 200 that arrives",
        reference={"unclipped": unclipped},
    )
    ax.set_ylim(0, 1.08)
    guess.draw(ax)
    figures.show(
        ax,
        alt="The share of descents that arrive rises from 0.07 at a threshold of 0.001 to 1 at 0.1, stays there "
        "up to 1, and falls to 0.49, the share without clipping, at 5.",
    )
    guess.compare(
        arrived,
        x=x,
        meanings={
            "falling": (
                np.linspace(1, unclipped, len(x)),
                "This is “lower is safer”. But 200 steps of at most c reach at most 200 c far.",
            ),
            "rising": (
                np.linspace(0, 1, len(x)),
                "This is “longer steps arrive sooner”. A step off the wall is too long.",
            ),
        },
    )


def threshold(surface: Surface, thresholds: np.ndarray, paths: np.ndarray, arrived: np.ndarray) -> Callable[..., tuple]:
    """An explorer's function: one descent on the map beside the share of all that arrive, by the threshold.

    paths  (steps + 1, 2, N), of one start at each of the N thresholds.
    """
    left, right, low, high = MAP
    L = surface(np.linspace(left, right, 101)[None, :], np.linspace(high, low, 101)[:, None])[0]

    def clipped_at(c: float = 0.1) -> tuple:
        i = int(np.argmin(np.abs(thresholds - c)))
        path = paths[:, :, i]
        longest = np.linalg.norm(np.diff(path, axis=0), axis=1).max()
        return (
            widgets.equation(f"longest step = 1 · min(‖g‖, c) = {longest:.2g}"),
            widgets.heatmap(
                L,
                title="One descent",
                xlabel="weight w",
                ylabel="bias b",
                label="L",
                extent=MAP,
                path=path,
                marks={"start": path[0], "end": path[-1]},
            ),
            widgets.curves(
                {"clipped": arrived},
                title="Share that arrives",
                x=np.log10(thresholds),
                xlabel="log_{10} c",
                ylim=(0, 1.1),
                points=True,
                marks={"here": (np.log10(c), arrived[i])},
            ),
            f"Of 200 starts, {arrived[i]:.0%} arrive.",
        )

    return clipped_at


def turned(cosine: float, guess: Guess) -> None:
    """Compare the guess with the cosine between a gradient of one large entry and what clipping by value leaves."""
    guess.compare(
        cosine,
        meanings={
            1: "That is clipping by norm, which keeps the direction.",
            0.7: "That is right for two entries, a large and a small one. Here there are 64.",
        },
    )
