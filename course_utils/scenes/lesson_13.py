"""13 · after the GRU: the cost of a scan, λ in the plane, three ways back, and parity."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from course_utils import figures, widgets
from course_utils.predictions import Guess
from course_utils.tasks import Task


class Counted:
    """A number that knows only how many products it had to wait for, one after the other."""

    made = 0  # products of all such numbers

    def __init__(self, chain: int = 0) -> None:
        self.chain = chain

    def __add__(self, other: "Counted") -> "Counted":
        return Counted(max(self.chain, other.chain))

    def __mul__(self, other: "Counted") -> "Counted":
        Counted.made += 1
        return Counted(max(self.chain, other.chain) + 1)


def cost(way: Callable, T: int) -> tuple[int, int]:
    """What `way(a, b)` does over T steps of one unit: its longest chain of products, and how many it makes."""
    Counted.made = 0
    states = way(*np.array([[Counted() for _ in range(T)] for _ in "ab"]))
    return max(state.chain for state in states), Counted.made


def costs(lengths: list[int], counts: Mapping[str, Sequence[tuple[int, int]]]) -> None:
    """Longest chain of products, and how many are made, {way: one pair per length}."""
    chains, products = ({name: [pair[i] for pair in pairs] for name, pairs in counts.items()} for i in (0, 1))
    fig, axes = figures.panels(2)
    panels = {
        "The loop waits 1,023 times, the scan 10 times": (chains, "products in the longest chain"),
        "... and it makes 18 times as many products": (products, "products for one unit"),
    }
    for ax, (title, (lines, ylabel)) in zip(axes, panels.items(), strict=True):
        figures.curves(lines, x=lengths, title=title, xlabel="steps $T$", ylabel=ylabel, log=True, ax=ax)
        ax.set_xscale("log")
        ax.set_xticks(lengths[::2], [f"{T:,}" for T in lengths[::2]])
        ax.minorticks_off()
    figures.show(
        fig,
        alt="Two panels against the number of steps up to 1,024, log axes. Left, the longest chain of products: 1,023 "
        "in the loop, 10 in the scan. Right, all products: 1,023 in the loop, about 18 times as many in the scan.",
    )


def in_the_plane(radius: float = 0.9, angle: float = 30.0) -> tuple:
    """What the explorer of λ shows: its powers in the plane, and what an impulse leaves in the state's real part.

    radius  |λ|, from 0 to 1.
    angle   of λ, in degrees.
    """
    side = np.linspace(-1.1, 1.1, 45)
    size = np.hypot(side, side[::-1, None])
    life = np.where(size < 1, size, np.nan)
    n = np.arange(41)
    powers = (radius * np.exp(1j * np.deg2rad(angle))) ** n
    half = "no step loses anything" if radius == 1 else f"half is left after {np.log(0.5) / np.log(radius):.1f} steps"
    turn = "it doesn't turn" if angle == 0 else f"one turn takes {360 / angle:.0f} steps"
    return (
        widgets.equation(f"λ = {radius:.2f}·e^{{{angle:.0f}°i}},  γ = √(1 − |λ|^2) = {np.sqrt(1 - radius**2):.2f}"),
        widgets.heatmap(
            life,
            title="λ^n in the plane",
            xlabel="real part",
            ylabel="imaginary part",
            label="|λ|",
            limits=(0, 1.3),
            extent=(-1.1, 1.1, -1.1, 1.1),
            path=np.column_stack([powers.real, powers.imag]),
            marks={"λ": (powers[1].real, powers[1].imag)},
        ),
        widgets.curves(
            {"state": powers.real},
            title="What an impulse leaves",
            xlabel="steps n later",
            ylabel="real part of λ^n",
            ylim=(-1.05, 1.05),
            reference=0,
            points=True,
        ),
        f"|λ| = {radius:.2f} at {angle:.0f}°: {half}, {turn}.",
    )


def reaches(lines: Mapping[str, np.ndarray]) -> None:
    """How much of the gradient at the last step reaches the first one, by length. lines: {way: (N,)} for T = 1..N."""
    longest = len(next(iter(lines.values())))
    ax = figures.curves(
        {name: np.where(share >= 1e-8, share, np.nan) for name, share in lines.items()},
        x=np.arange(1, longest + 1),
        title="Along a gate that is held it fades exponentially, through even attention as 1/T",
        xlabel="length $T$",
        ylabel="share that reaches step 1",
        log=True,
        reference=1,
    )
    ax.set_ylim(1e-8, 3)
    figures.show(
        ax,
        alt="Share of the gradient that reaches step 1 against length up to 200, log axis. Two gates give straight "
        "lines: z = 0.5 is below 1e-8 after 27 steps, z = 0.95 ends near 2e-6. Even attention bends and ends at 1/200.",
    )


def first_weights(seeds: Iterable[int], H: int) -> list[np.ndarray]:
    """Weights of minGRUs that lie side by side, one per seed, from U(-1, 1) / √H.

    Returns W (S, 2, 2H), bias (S, 1, 2H), the readout (S, H, 2) and its bias (S, 1, 2).
    """
    shapes, draws = [(2, 2 * H), (1, 2 * H), (H, 2), (1, 2)], map(np.random.default_rng, seeds)
    nets = [[rng.uniform(-1, 1, shape) / np.sqrt(H) for shape in shapes] for rng in draws]
    return [np.array(each) for each in zip(*nets, strict=True)]


def batch(task: Task, streams: Sequence[np.random.Generator]) -> tuple[np.ndarray, np.ndarray]:
    """32 sequences per net, each net's from its own stream: float32 inputs (T, S, 32, D), targets (T, S, 32)."""
    x, y = zip(*(task.sample(stream, 32) for stream in streams), strict=True)
    return np.array(x, dtype=np.float32).transpose(2, 0, 1, 3), np.array(y).transpose(2, 0, 1)


def learning(updates: np.ndarray, scores: Mapping[str, np.ndarray]) -> None:
    """Accuracy on parity by updates. scores: {net: (seeds, evaluations)}."""
    ax = figures.curves(
        scores,
        x=updates,
        title="Parity on 16 steps (12 units, rate 1e-2, 5 seeds): the minGRU stays near chance",
        xlabel="updates",
        ylabel="share of right answers",
        reference={"a guess": 0.5},
    )
    ax.set_ylim(0.4, 1.03)
    figures.show(
        ax,
        alt="Share of right answers against updates, five seeds each. GRUs reach 1 within 200 updates and most RNNs "
        "within 400, with a wide band; minGRUs stay between 0.5 and 0.65.",
    )


def run_of_ones(n: np.ndarray, units: np.ndarray, answer: np.ndarray) -> None:
    """States of a minGRU whose input is 1 at every step, beside the right answer.

    n, units, answer  (N,) steps; (H, N) states, started at 0; (N,) signs.
    """
    fig, (top, bottom) = figures.panels(1, rows=2, height=1.9, sharex=True)
    lines = {f"state {i + 1}": unit for i, unit in enumerate(units)}
    title = "On a run of ones no unit ever turns back ..."
    figures.curves(lines, x=n, title=title, xlabel="", ylabel="state", ax=top, names=False)
    title = "... and the answer has to change at every step"
    figures.curves({"right": answer}, x=n, title=title, xlabel="ones read", ylabel="parity", ax=bottom, names=False)
    bottom.lines[0].set(marker="o", markersize=4)
    bottom.set_yticks([0, 1], ["even", "odd"])
    bottom.set_ylim(-0.3, 1.3)
    figures.show(
        fig,
        alt="Above, twelve states of a minGRU on a run of sixteen ones: each goes one way, ever more slowly, and none "
        "turns back. Below, the right answer jumps between odd and even at every step.",
    )


def on_160_steps(steps: np.ndarray, scores: Mapping[str, np.ndarray], guess: Guess) -> None:
    """Accuracy on parity by step, on sequences ten times as long as in training. scores: {net: (seeds, T)}."""
    ax = figures.curves(
        scores,
        x=steps,
        title="Trained on 16 steps: RNN and GRU go on, the sign fades away",
        xlabel="step $t$ (12 units, rate 1e-2, 600 updates, 5 seeds)",
        ylabel="share of right answers",
        reference={"a guess": 0.5},
    )
    ax.set_ylim(0.2, 1.03)
    ax.axvline(16, color=figures.OTHER, linewidth=0.9)
    figures.mark(ax, 16, 0.23, "end of training", dot=False, offset=(4, 0))
    figures.show(
        ax,
        alt="Share of right answers at each of 160 steps. GRU and the median RNN stay at 1. The minGRU whose factor "
        "may be negative is right up to step 16 and beyond, and then falls to chance. The minGRU is near chance after "
        "a few steps.",
    )
    weigh_longer(guess)


def weigh_rounds(guess: Guess) -> None:
    """What was guessed, beside what is measured."""
    half = "Each round joins every box with another one, not only pairs of neighbours, so the reach doubles."
    guess.compare("10", meanings={"32": half, "512": half})


def weigh_gate(guess: Guess) -> None:
    """What was guessed, beside what is measured."""
    upside = "That is 1 + e^s, the wrong way up: a share that is kept lies below 1."
    mirrored = "Nearly: σ(s) is the share that is written. What is kept is the rest."
    guess.compare("1 − σ(s)", meanings={"σ(s)": mirrored, "1 + e^s": upside})


def weigh_parity(guess: Guess) -> None:
    """What was guessed, beside what is measured."""
    one_way = "On a run of ones each unit of a minGRU goes one way, and the answer has to go back and forth."
    gates = "A gate isn't what parity takes. An RNN can turn its state round, and that is enough."
    guess.compare(
        "RNN and GRU", meanings={"GRU and minGRU": one_way, "all three": one_way, "only the GRU": gates, "none": gates}
    )


def weigh_longer(guess: Guess) -> None:
    """What was guessed, beside what is measured."""
    fades = "A factor of −.95 flips the sign and also loses a twentieth. Nothing brings the size back."
    guess.compare("RNN and GRU", meanings={"all of these three": fades, "minGRU with 2z − 1": fades, "none": fades})
