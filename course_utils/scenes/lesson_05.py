"""05 · gates: what a bias keeps, a cat in a sentence, each gate alone, reset before and after, LSTM beside GRU."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from course_utils import figures, widgets
from course_utils.cells import Params
from course_utils.predictions import Guess

HALF_LIFE_AXES: dict[str, Any] = {
    "curve": {"x": (-2, 6), "y": (0.1, 1000)},
    "log": True,
    "xlabel": "gate bias b",
    "ylabel": "steps until half is left",
}
CAT_LABELS = {"at_cat": "Γ_u at cat", "later": "Γ_u later", "offer": "later candidates"}


def half_life(b: np.ndarray, steps: np.ndarray, guess: Guess) -> None:
    """After how many steps a constant gate σ(b) has lost half of a memory, and what was guessed.

    b, steps  (N,) gate biases, and for each the steps until half is left.
    """
    ax = figures.curves(
        {"half is left": steps},
        x=b,
        title="Above b = 2, each unit of bias makes a memory last about e times as long",
        xlabel="gate bias $b$",
        ylabel="steps until half is left",
        log=True,
        names=False,
    )
    ax.set_ylim(0.1, 1000)
    for at in (0, 4):
        count = float(np.interp(at, b, steps))
        unit = "step" if round(count) == 1 else "steps"
        figures.mark(ax, at, count, f"$b = {at}$: {count:.0f} {unit}", offset=(8, -10))
    guess.draw(ax)
    figures.show(
        ax,
        alt="Steps until half of a memory is left against the gate's bias, log axis. The line rises from a third of a "
        "step at bias minus 2 through 1 step at 0 and 38 at 4 to 280 at 6, and is straight from about 2 on.",
    )


def cat(runs: Mapping[str, np.ndarray], sentence: list[str], guess: Guess) -> None:
    """The state after each word, for several candidates of the later words.

    runs      {name: (5,)} states.
    sentence  its five words.
    """
    ax = figures.curves(
        runs,
        title="Of the .78 at “full”, only .47 comes from “cat”",
        xlabel="word just read",
        ylabel="state of the unit",
    )
    ax.set_xticks(range(len(sentence)), sentence)
    guess.draw(ax, axis="y")
    figures.show(
        ax,
        alt="Three lines start at 0.72 at the word cat. With later candidates of 0.9 the state "
        "drifts up to 0.78, with 0 it falls to 0.47, with minus 0.9 to 0.16.",
    )


def cat_cell(later: float, writes: float = 0.8, leaks: float = 0.1) -> Params:
    """A GRU of one unit for six words in one-hot code, "cat" the first, whose gate and candidate are set by hand.

    later   the candidate at every other word; at "cat" it is .9.
    writes  1 - z at "cat".
    leaks   1 - z at every other word.
    """
    elsewhere = np.array([0.0, np.log((1 - leaks) / leaks), np.arctanh(later)])  # arguments of r, z and the candidate
    at_cat = np.array([0.0, np.log((1 - writes) / writes), np.arctanh(0.9)])
    Wx = np.zeros((3, 6))
    Wx[:, 0] = at_cat - elsewhere
    return Params("GRU", Wx, np.zeros((3, 1)), elsewhere, np.zeros(3))


def cat_panels(state: np.ndarray, at_cat: float, later: float, offer: float, sentence: list[str]) -> tuple:
    """What the explorer of the cat shows: the state (5,), and the share of its end that each word has brought.

    at_cat, later  Γ_u at "cat" and at the words after it.
    offer          the candidate of the words after it; that of "cat" is .9.
    """
    written = np.array([at_cat * 0.9, *[later * offer] * 4])
    left = written * (1 - later) ** np.arange(4, -1, -1)
    shares = dict(zip(sentence, left, strict=True))
    return (
        widgets.curves({"state": state}, title="State after each word", ylim=(-1, 1), ticks=sentence, points=True),
        widgets.bars(shares, title="Where its end comes from", ylim=(-1, 1), colour=figures.STATE),
        f"The state at “full” is {state[-1]:.2f}; “cat” brings {left[0]:.2f} of it.",
    )


def each_gate(past: np.ndarray, candidates: Mapping[str, np.ndarray], states: Mapping[str, np.ndarray]) -> None:
    """What each gate does on its own: candidates for several r and new states for several z, against the old state.

    past                (N,) old states.
    candidates, states  {name: (N,)}.
    """
    fig, (left, right) = figures.panels(2)
    old: dict[str, Any] = {"x": past, "xlabel": "old state $h_{t-1}$"}
    title = "r = 0: the candidate doesn't read the past"
    figures.curves(candidates, title=title, ylabel=r"candidate $\tilde h_t$", ax=left, **old)
    title = "z = 0: the new state doesn't keep it"
    figures.curves(states, title=title, ylabel="new state $h_t$ (with r = 0)", ax=right, **old)
    figures.show(
        fig,
        alt="Left, the candidate against the old state: flat for r = 0, steepest for r = 1. Right, "
        "the new state against the old: flat for z = 0, the diagonal for z = 1.",
    )


def columns_or_rows(before: np.ndarray, after: np.ndarray) -> None:
    """W_hn (6, 6) as the candidate meets it if r = 0 in the third unit: the reset before, and after the product."""
    fig, axes = figures.panels(2)
    titles = "Before: no candidate reads unit 3", "After: unit 3 reads no unit"
    for ax, W, title in zip(axes, (before, after), titles, strict=True):
        figures.heatmap(
            W,
            kind="signed",
            title=title,
            xlabel="from unit",
            ylabel="to the candidate of unit",
            limits=(-0.4, 0.4),
            extent=(0.5, 6.5, 6.5, 0.5),
            ax=ax,
        )
    figures.show(
        fig,
        alt="Two signed 6 by 6 weight matrices. On the left the third column is zero, on the right the third row.",
    )


def tilde(good: np.ndarray, bad: np.ndarray) -> None:
    """The share of a nudge that is left, (seeds, steps): with the right last line, and with one tilde too many."""
    ax = figures.curves(
        {"GRU, correct": good, "GRU, as printed": bad},
        title="One tilde too many, and the nudge is gone",
        xlabel="steps after the nudge",
        ylabel="share of the nudge left",
        log=True,
        reference=1,
    )
    figures.show(
        ax,
        alt="On a log axis, median and range of ten nets. The correct cell falls slowly, to about "
        "a third after 59 steps; the cell as printed zigzags down to about 1e-10.",
    )


def two_memories(h_gru: np.ndarray, h_lstm: np.ndarray) -> None:
    """States (21,) of a GRU whose z was 0 for ten steps, and of an LSTM whose output gate was."""
    ax = figures.curves(
        {"GRU, z was 0": h_gru, "LSTM, output gate was 0": h_lstm},
        title="An output gate hides a memory; an update gate loses it",
        xlabel="step $t$",
        ylabel="state $h_t$",
    )
    ax.set_xticks(range(0, 21, 5))
    figures.show(
        ax,
        alt="Both states are 0.8, then drop to 0 at step 5. At step 15 the LSTM's jumps back to "
        "0.8; the GRU's stays at 0.",
    )


def weigh_half_life(guess: Guess, half_life: np.ndarray, b: np.ndarray) -> None:
    """What was guessed, beside what is measured."""
    same_steps = np.clip(1 + 5 * b, 0.1, None), "Each unit brings a factor, not five more steps."
    guess.compare(half_life, x=b, meanings={"five steps for each unit of bias": same_steps})


def weigh_cat(guess: Guess, runs: Mapping[str, np.ndarray]) -> None:
    """What was guessed, beside what is measured."""
    nothing_lost = "That would mean that nothing is lost. But z = .9 multiplies “cat” four times."
    guess.compare(runs["state, later candidates 0"][-1], meanings={0.72: nothing_lost})


def weigh_order(guess: Guess) -> None:
    """What was guessed, beside what is measured."""
    drawn = "That is what the picture shows. With b_n kept from the gate, it is all that differs."
    guess.compare("the bias b_n, gated or not", meanings={"columns or rows of W_{hn}": drawn})


def weigh_flip(guess: Guess) -> None:
    """What was guessed, beside what is measured."""
    all_rows = "That turns r and the candidate around as well. Only z has changed its meaning."
    swapped = "That gives each gate the other one's weights. It doesn't turn a gate that keeps into one that writes."
    guess.compare("negate the rows of z", meanings={"negate all rows": all_rows, "swap the rows of r and z": swapped})


def weigh_memory(guess: Guess) -> None:
    """What was guessed, beside what is measured."""
    copied = "A shut z does not hide the state. It replaces it by the candidate."
    shut_out = "The LSTM's output gate only shut the way out. Its cell kept what it held."
    guess.compare("the LSTM", meanings={"both": copied, "the GRU": copied, "neither": shut_out})
