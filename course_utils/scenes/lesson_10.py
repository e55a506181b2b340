"""10 · remedies: an IRNN clipped three ways, what keeping does, a scoreboard of remedies, and two learning rates."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from course_utils import figures, widgets
from course_utils.cells import forward, init_params
from course_utils.gradients import jacobians
from course_utils.norms import norms_to_past
from course_utils.predictions import Guess
from course_utils.training import Run

RATES = ["GRUs at both", "RNNs at both", "RNNs at .01, GRUs at .03", "GRUs at .01, RNNs at .03"]


def irnn(ways: Mapping[str, Sequence[Run]], baseline: float) -> None:
    """Errors of IRNNs by updates, {way of clipping: runs}, beside the error of always answering 1."""
    ax = figures.curves(
        {f"RNN, {name}": [run.score for run in runs] for name, runs in ways.items()},
        x=next(iter(ways.values()))[0].eval_steps,
        title="Clipped by norm the IRNN learns to add, otherwise it stays at the baseline",
        xlabel="updates (learning rate 3e-3, 5 seeds)",
        ylabel="mean squared error",
        log=True,
        reference={"always 1": baseline},
    )
    ax.set_ylim(3e-3, 30)
    figures.show(
        ax,
        alt="Error against updates on a log axis. Unclipped and clipped by value, the nets come down to the baseline "
        "and stay; clipped by norm, they fall far below it.",
    )


def maps(sizes: Mapping[float, np.ndarray]) -> None:
    """|∂h_50/∂w| over weights from -3 to 6 and biases from -3 to 3, {share kept: (biases, weights)}."""
    fig, axes = figures.panels(3, height=3.0, sharey=True)
    for ax, (z, size) in zip(axes, sizes.items(), strict=True):
        figures.heatmap(
            np.log10(np.maximum(size[::-1], 1e-3)),
            limits=(-3, 1),
            title=f"$z = {z:g}$: at most {size.max():.3g}",
            xlabel="weight $w$",
            ylabel="bias $b$" if z == 0 else "",
            label=r"$\log_{10}|dh_{50}/dw|$" if z == 0.9 else "",
            extent=(-3, 6, -3, 3),
            ax=ax,
        )
    figures.show(
        fig,
        alt="Three maps over weight and bias. Without keeping, a bright arc crosses the negative weights. With z = 0.5 "
        "and 0.9 it is gone, and the brightest spot, near bias 0, pales.",
    )


def scoreboard(counts: Mapping[str, Mapping[str, int]], at_start: Mapping[str, float]) -> None:
    """How many of five nets solve recall and adding, sorted by the gradient's norm at the start.

    counts    {remedy: {task: count}}.
    at_start  {remedy: log10 of the norm}.
    """
    fig, ax = figures.panels(1, height=3.8)
    fig.set_figwidth(7.0)  # fits a page of 800 pixels
    rows = {
        f"{name}   $10^{{{round(at_start[name])}}}$": counts[name]
        for name in sorted(at_start, key=lambda name: at_start[name])
    }
    figures.scoreboard(rows, 5, title="5 nets each: bias +3 and chrono do both, a default GRU adds", ax=ax)
    ax.set_xlabel("nets that solve it within 400 updates (left: norm at the start)")
    figures.show(
        ax,
        alt="Table: how many nets solve recall and adding, by remedy, sorted by the gradient's norm at the start. From "
        "1e-3 on, nearly all recall; below, some do, in no order. Gated nets add whatever their norm, except the LSTM "
        "with bias +1; those without don't.",
    )


def choose_remedy(remedies: Mapping[str, Mapping[str, Any]], noise: np.ndarray) -> Callable[..., tuple]:
    """An explorer's function: how much gradient a remedy leaves by lag, before any training; chrono is told the lag.

    remedies  {name: the lesson's options}, with "RNN" and "GRU" among them.
    noise     (T, 5) what the nets read.
    """
    trained = ("learning_rate", "frozen")  # these change nothing before training

    @functools.cache
    def of_five(name: str, chrono: int | None) -> np.ndarray:  # [seed, n]
        options = {key: value for key, value in remedies[name].items() if key not in trained}
        options["hidden_size"] = 32 if options["kind"] == "RNN" else 24
        if chrono:
            options["chrono"] = chrono
        nets = (init_params(input_size=5, seed=seed, **options) for seed in range(5))
        steps = (jacobians(forward(net, noise)) for net in nets)
        return np.array([norms_to_past(J[::-1].transpose(0, 2, 1))[::-1] for J in steps])  # a transposed product turns

    def choose(remedy: str = "GRU, update bias +3", lag: float = 100) -> tuple:
        now = of_five(remedy, int(lag) if "chrono" in remedies[remedy] else None)
        lines = {"gradient, remedied": np.median(now, axis=0)}
        lines |= {name: np.median(of_five(name, None), axis=0) for name in ("RNN", "GRU")}
        return _reach_panels(lines, now[:, int(lag)], remedy, int(lag))

    return choose


def _reach_panels(lines: Mapping[str, np.ndarray], at_lag: np.ndarray, remedy: str, lag: int) -> tuple:
    """What the explorer of remedies shows.

    lines   {name: (n,) norms by steps}, the chosen remedy first.
    at_lag  (5,) norms of the chosen remedy's five nets at the lag.
    """
    size: dict[str, Any] = {"log": True, "ylim": (1e-20, 10)}
    here = max(float(next(iter(lines.values()))[lag]), 1e-20)
    nets = {f"seed {seed}": norm for seed, norm in enumerate(at_lag)}
    return (
        widgets.curves(
            lines,
            title="What is left after n steps",
            xlabel="n",
            reference={"10^{−4}": 1e-4},
            marks={"at the lag": (lag, here)},
            **size,
        ),
        widgets.bars(nets, title="At the lag, five nets", colour=figures.GRADIENT, **size),
        f"{remedy}, lag {lag}: above 10^{{−4}} in {np.sum(at_lag > 1e-4)} of 5 untrained nets.",
    )


def two_rates(updates: np.ndarray, shares: Mapping[float, Mapping[str, np.ndarray]]) -> None:
    """Share of RNNs and GRUs that have solved the task by updates, {learning rate: {kind: (n,)}}."""
    fig, axes = figures.panels(2, sharey=True)
    titles = ("Learning rate .01: the RNN leads", "Learning rate .03: the GRU does")
    for ax, lines, title in zip(axes, shares.values(), titles, strict=True):
        figures.curves(lines, x=updates, title=title, xlabel="updates", ylabel="", ax=ax)
    axes[0].set_ylabel("share of nets that solve it")
    axes[0].set_ylim(-0.03, 1.03)
    figures.show(
        fig,
        alt="Share of nets that solve the task against updates, two panels. At learning rate .01 the RNN's line ends "
        "above the GRU's, at .03 the GRU's ends above the RNN's.",
    )


def largest(runs: Sequence[Run]) -> None:
    """Print whether the gradient of every net grew beyond 1,000 within 100 updates."""
    early = [run.grad_norm[:100].max() for run in runs]
    print(f"largest gradient norm of 100 updates above 1,000, all five nets: {min(early) > 1000}")


def moved(distances: Mapping[str, Sequence[float]]) -> None:
    """Print how far W_h went unclipped and clipped by norm, {way of clipping: distances of its nets}."""
    less = np.median(distances["unclipped"]) < np.median(distances["by norm"]) / 3
    print(f"unclipped, Wh moves less than a third as far as clipped by norm (medians): {less}")


def verdicts(counts: Mapping[str, Mapping[str, int]]) -> None:
    """Print which task more of five nets solve, for some remedies of {remedy: {task: count}}."""
    for name in ("RNN, orthogonal", "GRU", "GRU, update bias +3", "GRU, chrono"):
        solved = counts[name]
        more = "more nets recall" if solved["recall"] > solved["adding"] else "more nets add"
        print(f"{name:20} {'all do both' if min(solved.values()) == 5 else more}")


def weigh_norm(guess: Guess) -> None:
    """What was guessed of the largest gradient norm, beside what is measured."""
    one = "The Jacobians keep their size. But each step adds a term to the gradient of the weights."
    guess.compare("above 1,000", meanings={"about 1": one, "some tens": one})


def weigh_keep(guess: Guess) -> None:
    """What was guessed of keeping, beside what is measured."""
    mean = "A mean of 1 and m lies nearer to 1 than m, on either side."
    guess.compare("m is either of them", meanings={"m = 0.5": mean, "m = 1.5": mean})


def weigh_adds(guess: Guess) -> None:
    """What was guessed of who adds, beside what is measured."""
    keeps = "The orthogonal RNN keeps more of its gradient, but it has no gate to select with."
    opens = "The GRU's gates open while it learns, and then its gradient reaches back (lesson 08)."
    guess.compare("the default GRU", meanings={"the orthogonal RNN": keeps, "both": keeps, "neither": opens})


def weigh_share(guess: Guess, most: float) -> None:
    """What was guessed of an interval's end, beside what it is. most: in per cent."""
    certain = "Forty nets are too few to exclude every other share."
    guess.compare(most, meanings={0: certain})


def weigh_rates(guess: Guess) -> None:
    """What was guessed of two learning rates, beside what is measured."""
    both = "The order of the two kinds turns round with the learning rate."
    turned = "It is the other way round: it is the GRU that wants the higher rate here."
    meanings = {"GRUs at both": both, "RNNs at both": both, "GRUs at .01, RNNs at .03": turned}
    guess.compare("RNNs at .01, GRUs at .03", meanings=meanings)
