"""Figures and explorers of lesson 01."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from course_utils import diagrams, figures, widgets
from course_utils.predictions import Guess


def wirings() -> None:
    """Show many-to-one beside many-to-many."""
    diagrams.show(diagrams.wirings(3))


def step(x: ArrayLike, h_prev: ArrayLike, h: ArrayLike, s: ArrayLike) -> None:
    """Show one step in vectors. x (D,), h_prev and h (H,), s (k,)."""
    diagrams.show(diagrams.step_in_vectors(x, h_prev, h, s))


def differ(h: np.ndarray, guess: Guess) -> None:
    """Compare the guess whether three states differ. h (4,), h[0] the initial one."""
    guess.compare(
        "no" if np.ptp(h[1:]) < 0.1 else "yes",
        meanings={"yes": "That would need a steeper curve: between 1 and 1.5 the sigmoid goes from 0.73 to 0.82 only."},
    )


def fixed_point(w: float, b: float, states: Callable, h_star: float) -> None:
    """Show the step as a curve, and a staircase from 0 to its fixed point. states: the lesson's function."""
    grid = np.linspace(0, 1, 101)
    stairs = np.repeat(states(w, b, 0.0, T=4), 2)
    ax = figures.curves(
        {"next state": [states(w, b, h, T=1)[1] for h in grid], "same state": grid},
        x=grid,
        title="Every start is drawn to one fixed point, in very few steps",
        xlabel="state $h_{t-1}$",
        ylabel="state $h_t$",
    )
    ax.plot(stairs[:-1], stairs[1:], color=figures.RNN, linewidth=1.2)
    figures.mark(ax, h_star, h_star, "$h^* = 0.802$", offset=(-8, 8))
    figures.show(
        ax,
        alt="The step's curve, nearly flat, crosses the diagonal once, at 0.802; "
        "a staircase from 0 reaches the crossing in three steps.",
    )


def step_factors(w: float, h: np.ndarray) -> np.ndarray:
    """The factor of each step (T,): the sigmoid's slope, written in the new state, times the weight. h (T+1,)."""
    return np.asarray(w * h[1:] * (1 - h[1:]))


def one_factor(factors: np.ndarray, guess: Guess) -> None:
    """Compare the guess of a factor's size. factors (3,)."""
    guess.compare(
        float(np.median(factors)),
        meanings={
            1: "That would lose nothing from step to step.",
            0.5: "That is the weight alone. The chain rule multiplies it by the slope of the sigmoid.",
            0.25: "That is the steepest slope that a sigmoid has, at h = 1/2.",
            0.16: "That is the slope alone, h (1 - h) at h = 0.8. The chain rule multiplies it by the weight.",
        },
    )


def shrinking(gradient: np.ndarray, distance: np.ndarray) -> None:
    """Show the gradient and the state's distance to its fixed point, step by step. Both (T+1,)."""
    ax = figures.curves(
        {"gradient": gradient, "state's distance": distance},
        title="Here, state and gradient shrink at the same rate",
        xlabel="step $t$",
        ylabel=r"$|\partial h_t/\partial h_0|$ and $|h_t - h^*|$",
        log=True,
    )
    figures.show(
        ax,
        alt="On a log axis, the gradient and the state's distance to its fixed point "
        "fall along parallel straight lines for ten steps.",
    )


def resting(h: np.ndarray, gradient: np.ndarray, nudged: np.ndarray, guess: Guess) -> None:
    """Show a state that rests, its gradient, and how far a nudged state moves away. All (T+1,)."""
    ax = figures.curves(
        {
            "gradient": gradient,
            "state": h,
            "state, nudged: distance": np.abs(nudged - h),
        },
        title="The state rests, and the gradient grows by half at every step",
        xlabel="step $t$",
        ylabel="size",
        log=True,
    )
    figures.show(
        ax,
        alt="The state stays at one half while the gradient rises to 58 in ten steps; "
        "the distance of a nudged state grows in parallel to it.",
    )
    guess.compare(
        "it grows" if gradient[-1] > 1 else "it shrinks",
        meanings={
            "it shrinks": "This is what the first network did. Its slope was flat; here it is the steepest there is.",
            "it stays 1": "That would need slope times weight to be 1. At h = 1/2 the slope is 1/4.",
        },
    )


def _side_by_side(axes: Sequence[Axes], h: np.ndarray, gradient: np.ndarray, left: str, right: str) -> None:
    """A state left and a gradient right, with a title each."""
    options: dict[str, Any] = {"xlabel": "step $t$", "names": False}
    figures.curves({"state": h}, title=left, ylabel="state $h_t$", ax=axes[0], **options)
    figures.curves({"gradient": gradient}, title=right, ylabel="", log=True, ax=axes[1], **options)


def nudged(h: np.ndarray, gradient: np.ndarray, guess: Guess) -> None:
    """Show a nudged state that falls into a latch, and its gradient, and say where both end. Both (T+1,)."""
    peak = gradient.argmax()
    print(f"largest gradient: {gradient[peak]:.2g}, at step {peak}")
    print(f"after {len(h) - 1} steps:   {gradient[-1]:.2g}")
    print(f"the state rests at {h[-1]:.3f}, with factor {h[-1] * (1 - h[-1]) * 6:.2f} a step")
    fig, (left, right) = figures.panels(2)
    _side_by_side((left, right), h, gradient, "The state falls into a latch ...", "... and its gradient collapses")
    left.set_ylim(0, 1)
    right.axhline(1, color=figures.OTHER, linewidth=0.9, zorder=1)
    right.set(xlabel="step $t$", ylabel=r"$|\partial h_t/\partial h_0|$")
    guess.draw(right)
    figures.show(
        fig,
        alt="Left, a state that rests at one half for 25 steps, then rises to 0.929 and stays. "
        "Right, on a log axis, its gradient: up to 1.7e5 at step 31, then straight down to 2e-6.",
    )
    steps = np.arange(len(gradient))
    guess.compare(
        gradient,
        x=steps,
        meanings={
            "grows on": (1.5**steps, "This would be so if the state could stay where the slope is steep."),
            "stays": (np.ones(len(gradient)), "This would need slope times weight to be 1 all the time."),
            "shrinks": (
                0.39**steps,
                "The latch shrinks like this. But the state starts at 1/2, where the factor is 1.5.",
            ),
        },
    )


def dilemma(latch: np.ndarray, plain: np.ndarray, log10_gradient: np.ndarray, guess: Guess) -> None:
    """Show five runs of each memory under noise, and compare the guess which loses its bit.

    latch, plain, log10_gradient  (T+1, runs): the states of both, and the logarithm of the latch's gradient.
    """
    print(f"latch: {np.mean(latch[-1] < 0.5):.0%} lost", end=", ")
    print(f"largest gradient of 400 below 1e-60: {log10_gradient[-1].max() < -60}")
    print(f"plain: {np.mean(plain[-1] < 0.5):.0%} lost, gradient exactly 1")
    fig, (left, right) = figures.panels(2, sharey=True)
    for ax, memory in ((left, latch), (right, plain)):
        for one in memory.T[:5]:
            ax.plot(one, color=figures.RNN, linewidth=0.9)
        ax.axhline(0.5, color=figures.INK, linewidth=0.9, linestyle="--")
        ax.set(xlabel="step $t$", ylim=(-0.4, 2.2))
    left.set(title="Latch: bit safe, gradient gone", ylabel="state, five runs")
    right.set(title="Factor 1: gradient 1, bit at risk")
    figures.show(
        fig,
        alt="Five noisy runs each over 200 steps. Left, all stay close to 0.93. Right, they wander "
        "off in both directions; two of the five end below the dashed line at one half.",
    )
    lost = {"the latch": np.mean(latch[-1] < 0.5), "the plain memory": np.mean(plain[-1] < 0.5)}
    guess.compare(
        max(lost, key=lambda name: lost[name]),
        meanings={
            "the latch": "A latch forgets: but what it forgets are the disturbances.",
            "both equally": "The plain memory adds up all disturbances, the latch only the last few.",
        },
    )


def moving(h: np.ndarray, reach: np.ndarray) -> None:
    """Show a state that random inputs move, and its gradient over the lag. h (T+1,), reach (T+1,)."""
    fig, axes = figures.panels(2)
    _side_by_side(axes, h, reach, "The state never settles ...", "... and the gradient vanishes")
    axes[1].set(xlabel="lag in steps", ylabel=r"$|\partial h_{30}/\partial h_{30-\mathrm{lag}}|$")
    figures.show(
        fig,
        alt="Left, a state that jumps up and down for thirty steps. Right, on a log axis, "
        "its gradient falling below 1e-25 over the same number of steps.",
    )


def growth_map(ws: np.ndarray, hs: np.ndarray, factor: np.ndarray, h_star: float, latched: float, guess: Guess) -> None:
    """Show the factor of one step for every weight and state. ws (W,), hs (S,), factor (S, W); two states to mark."""
    ax = figures.heatmap(
        np.log2(np.maximum(factor[::-1], 1e-9)),
        kind="signed",
        limits=(-6, 6),
        title="From $w = 0$ to 4 every gradient vanishes; above, those near state ½ grow",
        xlabel="weight $w$",
        ylabel="state $h$ where the unit is held",
        label=r"doublings per step, $\log_2 \lambda$",
        extent=(0, 10, 0, 1),
    )
    even = ax.contour(ws, hs, factor, levels=[0.1, 0.5, 2], colors=figures.INK, linewidths=0.5)
    ax.clabel(even, fmt="%g", fontsize=9, manual=[(0.4, 0.35), (2, 0.35), (8.4, 0.4)])
    ax.contour(ws, hs, factor, levels=[1.0], colors=figures.INK, linewidths=1.4)
    ax.axvline(1, color=figures.INK, linewidth=1, linestyle="--")
    figures.mark(ax, 1, 0.02, "$w = 1$", dot=False)
    figures.mark(ax, 0.5, h_star, "the exercise")
    figures.mark(ax, 6, 0.5, "the resting state")
    figures.mark(ax, 6, latched, "the latch", offset=(6, -12))
    figures.mark(ax, 4, 0.5, "$w = 4$", offset=(-8, 6))
    guess.draw(ax)
    figures.show(
        ax,
        alt="Map of weight and state. Blue, shrinking, everywhere left of weight 4, in smooth "
        "shades that run on across the dashed line at weight 1; a red wedge opens at weight 4 "
        "around one half, most of the height at weight 10. Thin lines join factors 0.1, 0.5, 2.",
    )
    guess.compare(
        float(ws[np.argmax(factor.max(axis=0) >= 1)]),
        meanings={
            1: "That is the border without a sigmoid. Nothing happens at w = 1 here.",
            2: "That would be the border if the steepest slope were 1/2. The sigmoid's is 1/4.",
        },
    )


def let_run(states: Callable) -> Callable[..., tuple]:
    """An explorer's function: a unit that runs free, its slope, its factors, and what is left of its gradient.

    states  the lesson's: (w, b, h0, T) in, (T+1,) out.
    """

    def run(w: float = 0.5, b: float = 1.0) -> tuple:
        h = states(w, b, h0=0.5, T=12)
        slope = h * (1 - h)
        factor = np.abs(slope[1:] * w)
        left = np.cumprod(np.r_[1.0, factor])
        lines = {"state h": h, "slope h(1−h)": slope}
        nothing_lost = {"1: nothing is lost": 1}
        equation = f"λ = w·h(1−h) = {w:g}·{slope[-1]:.2g} = {w * slope[-1]:.2g}".replace("-", "−")
        return (
            widgets.equation(f"last step: {equation}"),
            widgets.curves(lines, title="The state and its slope", xlabel="step t", ylim=(0, 1)),
            widgets.curves(
                {"gradient": left},
                title="What is left",
                xlabel="step t",
                ylabel="|∂h_t/∂h_0|",
                log=True,
                reference=nothing_lost,
                ylim=(1e-12, 1e5),  # wide enough to see growth; a line that leaves it says where it ends
            ),
            widgets.curves(
                {"gradient's factor": np.r_[np.nan, factor]},
                title="The factor of each step, |λ|",
                xlabel="step t",
                ylim=(0, 2.6),
                reference=nothing_lost,
            ),
            f"The state ends at {h[-1]:.3f}. After 12 steps {left[-1]:.2g} of a nudge of h_0 is left.".replace(
                "-", "−"
            ),
        )

    return run


def how_many(left: np.ndarray, guess: Guess) -> None:
    """Compare the guess for how many biases a gradient is left. left (B,), after twelve steps at w = 8."""
    count = int(np.sum(left > 1))
    guess.compare(
        count,
        meanings={
            20: "That would be half of the sliders' range. But the states soon leave the steep part of the curve.",
            41: "The weight is above 4, so the gradient may grow. Whether it does is up to the states.",
        },
    )
