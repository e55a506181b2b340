"""08 · learning to remember: its figures, and one explorer."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from course_utils import figures, widgets
from course_utils.predictions import Guess
from course_utils.training import Run, roughly


def tiny(errors: ArrayLike, baseline: float) -> None:
    """Squared errors (N,) of a loop of training steps, averaged over hundreds, with always answering 1 beside them."""
    means = np.reshape(errors, (-1, 100)).mean(axis=1)
    middles = 50 + 100 * np.arange(len(means))
    ax = figures.curves(
        {"GRU": means},
        x=middles,
        title="Nothing for a while, then the loop learns",
        xlabel="updates (learning rate 0.2, one seed)",
        ylabel="squared error, mean of 100",
        names=False,
        reference=baseline,
    )
    ax.set_ylim(0, None)
    figures.mark(ax, middles[-1], baseline, "always 1", (-6, 6), dot=False)
    figures.show(
        ax,
        alt="Squared error against updates. It stays near the error of always answering 1 for some "
        "hundred updates, then falls to nearly zero.",
    )


def arrival(updates: ArrayLike, norms: ArrayLike, errors: ArrayLike, baseline: float, guess: Guess) -> None:
    """Above how much h_50 depends on h_0, below the error, (5, E) each at E evaluations; the guess is of the norm."""
    fig, (top, bottom) = figures.panels(1, rows=2, height=2.4, sharex=True)
    label = r"$\Vert\partial h_{50}/\partial h_0\Vert_2$"
    title = "First the last state depends on the first one ..."
    figures.curves({"GRU": norms}, x=updates, title=title, xlabel="", ylabel=label, log=True, ax=top, names=False)
    guess.draw(top)
    title, label = "... then the error falls", "error on the test"
    figures.curves(
        {"GRU": errors},
        x=updates,
        title=title,
        xlabel="updates (learning rate 3e-2, 5 seeds)",
        ylabel=label,
        reference=baseline,
        ax=bottom,
        names=False,
    )
    bottom.set_ylim(0, 0.4)
    figures.mark(bottom, 150, baseline, "always 1", dot=False)
    figures.show(
        fig,
        alt="Two curves over 200 updates, five seeds. The gradient norm climbs from 1e-9 to above "
        "1e-3 within 30 updates; the error stays at its baseline until about update 80, then "
        "falls to nearly zero.",
    )


def order(norm: np.ndarray, error: np.ndarray, baseline: float) -> None:
    """Print in how many of five nets the norm comes before the error; both (5, E), by evaluation."""
    halved = np.argmax(error < baseline / 2, axis=1)
    there = norm[np.arange(5), halved]
    early = np.any((error < 0.9 * baseline) & (norm < 1e-3), axis=1)
    print(f"norm above 0.05 when the error has halved: {roughly(np.sum(there > 0.05), 5)}")
    print(f"error below 90 % of always 1's at norm below 1e-3: {roughly(early.sum(), 5)}")


def before_and_after(before: ArrayLike, after: ArrayLike) -> None:
    """log10 of the norms of all pairs of steps (T+1, T+1), of one net before and after training."""
    figures.show(
        figures.pairs({"Before: it fades": before, "After: it reaches the very start": after}),
        alt="Two triangles of log gradient norms for all pairs of steps. Before training they "
        "fade from the diagonal to below 1e-8 in the corner; afterwards nearly all are bright.",
    )


def learning(
    updates: ArrayLike, norms: ArrayLike, errors: ArrayLike, share: ArrayLike, baseline: float, guessed: float
) -> widgets.Explorer:
    """Updates on a slider: the norm by lag, the error, and the share of answers right to within 0.1.

    updates (E,); norms (5, E, T+1) by k, errors (5, E); share (E,), the median of the nets.
    baseline, guessed  error and share of always answering 1.
    """
    updates, norms = np.asarray(updates), np.asarray(norms)
    typical, share = np.median(np.asarray(errors), axis=0), np.asarray(share)

    def at(update: int = 0) -> tuple:
        i = list(updates).index(update)
        low, middle, high = np.sort(norms[:, i, ::-1], axis=0)[[0, 2, 4]]  # by lag
        lines = {"GRU": middle, "lowest": low, "highest": high}
        size: dict[str, Any] = {"log": True, "reference": {"1: nothing is lost": 1}, "ylim": (1e-11, 10)}
        return (
            widgets.curves(lines, title="How far it reaches", xlabel="lag", ylabel="‖∂h_{50}/∂h_{50−lag}‖", **size),
            widgets.curves(
                {"GRU": typical},
                title="Error",
                x=updates,
                xlabel="updates",
                marks={"now": (update, typical[i])},
                ylim=(0, 0.4),
                reference={"always 1": baseline},
            ),
            widgets.curves(
                {"GRU": share},
                title="Right to 0.1",
                x=updates,
                xlabel="updates",
                marks={"now": (update, share[i])},
                ylim=(0, 1.1),
                reference={"always 1": guessed},
            ),
            f"After {update:.0f} updates the norm over fifty steps is {middle[50]:.2g}, the error "
            f"{typical[i]:.3f}; {share[i]:.0%} are right (medians of five nets).",
        )

    return widgets.explore(at, update=updates)


def cuts(in_reach: Mapping[int, Sequence[Run]], out_of_reach: Mapping[int, Sequence[Run]]) -> None:
    """The errors of {K: nets} whose backward pass stops after K steps: marks anywhere, and none near the end."""
    fig, axes = figures.panels(2, sharey=True)
    titles = ("Marks anywhere: K = 5 is enough", "Last 20 steps empty: K = 10 is not")
    for ax, nets, title in zip(axes, (in_reach, out_of_reach), titles, strict=True):
        errors = {f"GRU, K = {K}": [run.score for run in runs] for K, runs in nets.items()}
        label = "updates (learning rate 3e-2, 5 seeds)"
        ax.set_ylim(-0.02, 0.4)
        figures.curves(errors, x=range(0, 401, 25), title=title, xlabel=label, ylabel="", ax=ax)
    axes[0].set_ylabel("error on the test")
    figures.show(
        fig,
        alt="Error against updates. Left, marks anywhere: with backward passes of 50, 10 and 5 "
        "steps the error falls to nearly zero, later for the shorter ones. Right, no mark in the "
        "last 20 steps: with 30 steps it falls as well, with 10 it stays at the baseline.",
    )


def controls(ends: Mapping[str, ArrayLike]) -> None:
    """{name: (5,) norms over fifty steps}, fresh and after training on the task and on its two controls."""
    ax = figures.dots(
        ends,
        title="Shuffled answers: the norm rises too; no inputs: mostly not (3e-2)",
        xlabel=r"$\Vert\partial h_{50}/\partial h_0\Vert_2$, fresh and after 200 updates",
    )
    ax.set_xscale("log")
    figures.show(
        ax,
        alt="A dot per seed on a log axis. Fresh nets lie near 1e-9; after training on adding, and "
        "with shuffled answers, all lie above a tenth; without inputs most stay far below.",
    )


def by_step(profiles: Mapping[str, ArrayLike]) -> None:
    """{name: (T,) norms of dL/dh_k, k = 1..T}, as shares of the last one; zeros leave a gap."""
    sizes = {name: np.asarray(values, dtype=float) for name, values in profiles.items()}
    shares = {name: values / values[-1] for name, values in sizes.items()}
    steps = np.arange(1, 1 + len(next(iter(shares.values()))))
    ax = figures.curves(
        shares,
        x=steps,
        log=True,
        reference=1,
        title="In torch too: training carries the gradient, and detach ends it",
        xlabel="step $k$ (one net, 250 updates at 3e-2)",
        ylabel=r"$\Vert dL/dh_k\Vert$ / $\Vert dL/dh_{50}\Vert$",
        names=False,
    )
    for name, offset in zip(shares, ((6, 6), (6, -14), (-6, -16)), strict=True):
        first = np.flatnonzero(shares[name])[0]
        figures.mark(ax, steps[first], shares[name][first], name.removeprefix("GRU, "), offset)
    figures.show(
        ax,
        alt="The gradient's size by step, as a share of its size at step 50. In the fresh net it "
        "falls from step 50 back to step 1 by many powers of ten; in the trained net it stays "
        "near 1; with a detach before step 41 there is none at steps 1 to 40.",
    )


def weigh_arrival(guess: Guess, norm: np.ndarray, error: np.ndarray, baseline: float, updates: np.ndarray) -> None:
    """What was guessed, beside what is measured."""
    typical = 10.0 ** np.log10(np.median(norm, axis=0)).round()
    with_error = np.where(np.median(error, axis=0) > baseline / 2, typical[0], typical[-1])
    guess.compare(
        typical,
        x=updates,
        meanings={
            "it stays": (
                np.full(len(updates), typical[0]),
                "To add, a net needs large norms at the marked steps, and this one comes along.",
            ),
            "with the error": (
                with_error,
                "You let it rise when the error falls. It rises fifty updates or more before.",
            ),
        },
    )


def weigh_quality(guess: Guess) -> None:
    """What was guessed, beside what is measured."""
    guess.compare(
        "fewer than half",
        meanings={
            "half to three quarters": "The error is a squared one. A typical miss is the root of 1/12, which is 0.29.",
            "more than three quarters": "That comes later. A typical miss is still about 0.29, the root of 1/12.",
        },
    )


def weigh_cuts(guess: Guess) -> None:
    """What was guessed, beside what is measured."""
    guess.compare(
        "all three",
        meanings={
            "only K = 50": "So it would be if each distance had its own weights. They are shared.",
            "K = 50 and K = 10": "One sequence of five has a mark in its last five steps: enough.",
        },
    )


def weigh_late_cuts(guess: Guess) -> None:
    """What was guessed, beside what is measured."""
    guess.compare(
        "only K = 30",
        meanings={
            "both": "With K = 10 the gradient meets no marked number to learn from.",
            "neither": "With K = 30 the gradient meets the second mark. That is enough.",
        },
    )


def weigh_controls(guess: Guess) -> None:
    """What was guessed, beside what is measured."""
    guess.compare(
        "with right and shuffled answers",
        meanings={
            "only with right answers": "With shuffled answers nothing is to be remembered, and the gate opens too.",
            "in all three": "Without inputs nothing makes the state jump about, and most gates stay shut.",
        },
    )


def weigh_gates(guess: Guess) -> None:
    """What was guessed, beside what is measured."""
    guess.compare(
        "without reset gate",
        meanings={
            "without update gate": "With z = 0 nothing is kept as it is. It is much like an RNN.",
            "both": "With z = 0 the direct path is gone, and with it the memory.",
            "neither": "The reset gate helps to forget, and here there is little to forget.",
        },
    )
