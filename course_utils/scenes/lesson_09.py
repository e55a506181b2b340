"""09 · agreement: its figures, and one explorer."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from course_utils import figures, widgets
from course_utils.cells import Trace
from course_utils.predictions import Guess
from course_utils.training import roughly


def distance_and_dose(
    clauses: Sequence[int],
    far: Mapping[str, ArrayLike],
    attractors: Sequence[int],
    dose: Mapping[str, ArrayLike],
    guess: Guess,
) -> None:
    """Accuracy by {net: (5, N)}: against the clauses, each with an attractor, and against the attractors among twelve.

    guess  of the RNN's curve on the right.
    """
    fig, (left, right) = figures.panels(2, sharey=True)
    title, label = "GRU: right at all distances tried", "clauses, each with an attractor"
    figures.curves(far, x=clauses, title=title, xlabel=label, ylabel="accuracy (RNN at 3e-3, GRU at 1e-2)", ax=left)
    left.axvline(12, color=figures.OTHER, linewidth=0.9, linestyle="--")
    figures.mark(left, 12, 0.6, "never seen\nin training", dot=False)
    title, label = "RNN: led astray by the dose", "attractors among 12 clauses"
    figures.curves(dose, x=attractors, title=title, xlabel=label, ylabel="", ax=right)
    guess.draw(right)
    figures.show(
        fig,
        alt="Accuracy of five seeds each after 200 updates. Left, against the number of clauses: the GRU stays at 1 "
        "up to 24 clauses, the RNN falls from 1 to nearly 0 within 3. Right, against the number of "
        "attractors: the RNN, and the GRU after 75 updates, fall from 1 to 0 as the last-noun "
        "guesser does.",
    )


def attraction(
    updates: Sequence[int],
    attractors: Sequence[int],
    scored: Mapping[str, ArrayLike],
    trusted: Mapping[str, ArrayLike],
) -> widgets.Explorer:
    """Updates and attractors on sliders: the accuracy, and what the nets would say after each noun of one sentence.

    scored   {net: (updates, attractors)}, means of five nets.
    trusted  {net: (updates, attractors, nouns)}, the share for the right verb.
    """

    def at(update: int = 0, count: int = 4) -> tuple:
        i, k = list(updates).index(update), list(attractors).index(count)
        scores = {name: np.asarray(values)[i] for name, values in scored.items()}
        trusts = {name: np.asarray(values)[i, k] for name, values in trusted.items()}
        title, label = "Share for the right verb", "nouns read after the subject"
        return (
            widgets.curves(
                scores,
                x=attractors,
                title="Accuracy",
                xlabel="attractors",
                ylim=(0, 1.05),
                points=True,
                marks={"here": (count, scores["GRU"][k])},
            ),
            widgets.curves(
                trusts, title=title, xlabel=label, reference={"undecided": 0.5}, ylim=(0, 1.05), points=True
            ),
            f"After {update:.0f} updates, with {count:.0f} attractors of 12: accuracy RNN "
            f"{scores['RNN'][k]:.2f}, GRU {scores['GRU'][k]:.2f}. At the end of the one sentence "
            f"{trusts['RNN'][-1]:.2f} and {trusts['GRU'][-1]:.2f} for the right verb.",
        )

    return widgets.explore(at, labels={"count": "attractors"}, update=updates, count=attractors)


def word_by_word(words: Sequence[str], pushes: ArrayLike, swaps: ArrayLike, nouns: ArrayLike) -> None:
    """How much each word pushes towards were, five RNNs above five GRUs: by gradient (10, T), by swapping (10, N)."""
    fig, axes = figures.panels(1, rows=2, height=2.6, sharex=True)
    effects = np.zeros(np.shape(pushes))
    effects[:, np.asarray(nouns)] = swaps
    titles = (
        "Gradient: the GRU looks at its subject, the RNN at later nouns as well",
        "Swapping one noun: in the GRU, every other noun weighs less than a tenth (1e-2, 200 updates)",
    )
    for ax, rows, title in zip(axes, (np.asarray(pushes), effects), titles, strict=True):
        shares = rows / np.abs(rows).max(axis=1, keepdims=True)
        label = "share of row's largest"
        figures.heatmap(shares, kind="signed", title=title, xlabel="", ylabel="", label=label, ax=ax)
        ax.axhline(4.5, color=figures.INK, linewidth=0.9)
        ax.set_yticks([2, 7], ["RNN, 5 seeds", "GRU, 5 seeds"])
    axes[-1].set_xticks(range(len(words)), words, rotation=60)
    figures.show(
        fig,
        alt="For every word of a sentence with five nouns, how much it pushes towards were, in "
        "five RNNs and five GRUs. In the GRUs the subject cats stands out; in the RNNs "
        "several nouns or only the last one do. Swapping nouns confirms it.",
    )


def ignored(rnns: ArrayLike, grus: ArrayLike) -> None:
    """Print in how many nets no attractor weighs a tenth of the subject; both (5, nouns), what each swap changes."""
    for name, effects in {"RNN": np.abs(rnns), "GRU": np.abs(grus)}.items():
        count = int(np.sum(effects[:, 1:].max(axis=1) < 0.1 * effects[:, 0]))
        print(f"{name}: every attractor below a tenth of the subject: {roughly(count, 5)}")


def by_witness(attractors: Sequence[int], dose: ArrayLike, swaps: ArrayLike) -> None:
    """The accuracy of five RNNs (5, N) by dose, one line each: apart those that depend on the last noun.

    swaps  (5, nouns) what a swap of each noun changes; the last one counts alone if it is over twice any other.
    """
    fig, axes = figures.panels(2, sharey=True)
    effects, k = np.asarray(swaps), np.asarray(attractors)
    chosen = effects[:, -1] > 2 * np.abs(effects[:, :-1]).max(axis=1)
    sides = ((chosen, "The last noun decides: a straight line"), (~chosen, "All nouns vote: safe until outvoted"))
    for ax, (these, title) in zip(axes, sides, strict=True):
        ax.plot(k, np.asarray(dose)[these].T, color=figures.line_styles(["RNN"])[0][0], linewidth=1.4)
        guesser, label = {"last-noun guesser": 1 - k / 12}, "attractors among 12 clauses"
        figures.curves(guesser, x=k, title=title, xlabel=label, ylabel="", ax=ax, names=False)
        figures.mark(ax, 2.2, 0.72, "last-noun\nguesser", (-8, -24), dot=False)
    axes[0].set_ylabel("accuracy, a line per RNN (3e-3)")
    figures.show(
        fig,
        alt="Accuracy of each RNN against the number of attractors. On the left, nets follow the "
        "straight line of the last-noun guesser; on the right, they stay near 1 up to about five "
        "attractors and then fall steeply.",
    )


def gates(words: Sequence[str], trace: Trace, nouns: ArrayLike) -> None:
    """Both gates of a GRU over a sentence, a row a unit, sorted by z at the nouns after the subject."""
    order = np.argsort(trace.gates["z"][np.asarray(nouns)[1:]].mean(axis=0))[::-1]
    fig, axes = figures.panels(2, height=3.8, sharey=True)
    titles = ("Update gate z: lower at the subject", "Reset gate r: a little higher later")
    for ax, gate, title in zip(axes, ("z", "r"), titles, strict=True):
        picture = trace.gates[gate][:, order].T
        figures.heatmap(picture, kind="gate", title=title, xlabel="", ylabel="", ax=ax)
        ax.set_xticks(range(len(words)), words, rotation=75)
    axes[0].set_ylabel("unit, by z at the attractors")
    figures.show(
        fig,
        alt="Gates of the 32 units of one net over one sentence. The update gate is about two thirds at the "
        "subject and close to 1 for most units afterwards; the reset gate differs from unit to unit, and its mean "
        "is a little higher at the attractors than at the subject.",
    )


def unit_groups(gates: Mapping[str, Sequence[ArrayLike]], long: Sequence[ArrayLike]) -> None:
    """{gate: five arrays (H,)}, means at the nouns, and five masks (H,) of the units that hold the subject."""
    groups, holds = {}, np.hstack(long)
    for gate, values in gates.items():
        groups[f"GRU, {gate}: units of the subject"] = np.hstack(values)[holds]
        groups[f"GRU, {gate}: units of the last noun"] = np.hstack(values)[~holds]
    ax = figures.dots(
        groups,
        title="Long-term units have the larger z; r doesn't follow the rule",
        xlabel="mean gate at the nouns after the subject (200 updates at 1e-2, 5 seeds)",
    )
    figures.show(
        ax,
        alt="A dot per unit of five nets. Update gates of units that hold the subject spread "
        "from 0 to 1; those of units that hold the last noun crowd near 0. "
        "Reset gates of both groups overlap, and those of the last noun are no higher in the mean.",
    )


def at_nouns(gate: str, subject: Sequence[float], attractors: Sequence[float]) -> None:
    """Print in how many of five nets the mean of a gate is higher at the attractors than at the subject, (5,) each."""
    more = sum(later > first for first, later in zip(subject, attractors, strict=True))
    print(f"mean {gate} higher at the attractors than at the subject: {roughly(more, 5)}")


def rule(gates: Mapping[str, Sequence[np.ndarray]], long: Sequence[np.ndarray]) -> None:
    """Print in how many nets each gate follows the rule; arguments as of unit_groups."""
    of_z = sum(z[u].mean() > 2 * z[~u].mean() for z, u in zip(gates["z"], long, strict=True))
    of_r = sum(r[~u].mean() > r[u].mean() for r, u in zip(gates["r"], long, strict=True))
    print(f"mean z of long-term units over twice the others': {roughly(of_z, 5)}")
    print(f"mean r higher in short-term units: {roughly(of_r, 5)}")


def weigh_dose(guess: Guess, last_noun: np.ndarray, dose: Mapping[str, ArrayLike]) -> None:
    """What was guessed, beside what is measured."""
    guess.compare(
        np.median(np.asarray(dose["RNN"], float), axis=0).round(1),
        meanings={
            "a coin": (np.full(7, 0.5), "A net that has learned nothing would score one half."),
            "the subject": (np.ones(7), "A net that keeps the subject would be here. The GRU is."),
            "last noun": (
                last_noun,
                "So it is for nets that depend on the last noun alone. Some do, not all.",
            ),
        },
    )


def weigh_far(guess: Guess) -> None:
    """What was guessed, beside what is measured."""
    guess.compare(
        "nearly 1",
        meanings={
            "nearly 0": "So the RNN does. The GRU holds the subject up to the 24 clauses tried.",
            "about a half": "Then it would depend on neither the subject nor the attractors. A net that loses "
            "the subject and follows the attractors scores near 0.",
        },
    )


def weigh_fading(guess: Guess) -> None:
    """What was guessed, beside what is measured."""
    guess.compare(
        "each one takes a little",
        meanings={
            "the first one takes nearly all": "So it is for a net that depends on the last noun alone.",
            "none of them takes any": "With four, most nets are still right, but each attractor takes a little.",
        },
    )


def weigh_pushes(guess: Guess) -> None:
    """What was guessed, beside what is measured."""
    guess.compare(
        "in some nets the last, in others all",
        meanings={
            "none": "Then they would answer like a coin. They are wrong far more reliably.",
            "the last one only": "In some it is so. In the others earlier nouns push as well.",
            "all of them": "In some it is so. In the others the last noun pushes alone.",
        },
    )


def weigh_gates(guess: Guess) -> None:
    """What was guessed, beside what is measured."""
    guess.compare(
        "at the attractors",
        meanings={
            "at the subject": "A high z keeps the old state, and would shut the subject out.",
            "about the same": "Then an attractor would get in as easily as the subject.",
        },
    )


def weigh_rule(guess: Guess) -> None:
    """What was guessed, beside what is measured."""
    guess.compare(
        "z only",
        meanings={
            "r only": "In most nets r is lower in units of the last noun. The rule wants it higher.",
            "both": "A unit that is overwritten anyway needs no past, so its r is free.",
            "neither": "Look at z: units of the last noun crowd near 0.",
        },
    )
