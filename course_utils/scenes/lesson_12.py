"""Figures of lesson 12: a language model before and after treatment."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from course_utils import diagrams, figures, widgets
from course_utils.cells import sigmoid
from course_utils.predictions import Guess

Scores = Mapping[str, Sequence[tuple[float, float]]]  # {model: (perplexity on words, share of right brackets) per seed}
BUDGET = "(160 updates, 3e-2, 2 seeds)"
CHANCE = 0.25  # of four brackets
PAIRS = ("()", "[]", "{}", "<>")
ENOUGH = 1e-4  # of a state: what lesson 10 asked for
BIAS_LABELS = {"bias": "bias of z", "lag": "lag of the labels"}
FAULTS = ("its gradient explodes", "its gradient vanishes", "neither: both norms are healthy")
OUTCOMES = ("brackets and words better", "brackets better, words worse", "words better, brackets as before")
HALF = ("at most the patients'", "between the two", "at least that of all units opened")
FITS = {True: ("fits", figures.STATE), False: ("doesn't fit", figures.RNN)}


def _panels(scores: Scores, titles: tuple[str, str], alt: str) -> None:
    """Two panels of dots, a row a model: perplexity on words, and the share of closing brackets that are right."""
    fig, axes = figures.panels(2, height=2.6, sharey=True)
    for ax, i, title, label in zip(
        axes, (0, 1), titles, ("perplexity on held-out words", f"share of right brackets {BUDGET}"), strict=True
    ):
        figures.dots(
            {name: [score[i] for score in of] for name, of in scores.items()}, title=title, xlabel=label, ax=ax
        )
    axes[0].set_xlim(0, None)
    axes[1].set_xlim(-0.03, 1.03)
    axes[1].axvline(CHANCE, color=figures.OTHER, linewidth=0.9, zorder=1)
    figures.mark(axes[1], CHANCE, -0.5, "chance", (5, -3), dot=False)
    figures.show(fig, alt=alt)


def by_counting(texts: np.ndarray, size: int) -> dict[str, np.ndarray]:
    """Unigram and bigram of texts (B, T) as places in an alphabet, 0 the padding; 1 is added to every count of pairs.

    Returns {"unigram": , "bigram": }, (size, size) each: row i holds the probabilities of what follows character i.
    """
    now, then = texts[:, :-1], texts[:, 1:]
    pairs = np.ones((size, size))
    np.add.at(pairs, (now[then > 0], then[then > 0]), 1)
    return {
        "unigram": np.tile(pairs.sum(0) / pairs.sum(), (size, 1)),
        "bigram": pairs / pairs.sum(1, keepdims=True),
    }


def symptoms(scores: Scores) -> None:
    """Show unigram, bigram and the patient."""
    _panels(
        scores,
        ("Words: below the bigram's perplexity", "Brackets: no better than chance"),
        "Two panels of dots, two seeds after 160 updates at 3e-2. On words the patient's perplexity is about half "
        "of the bigram's. Of the closing brackets it has about a quarter right, as unigram and bigram have.",
    )


def outcome(scores: Scores) -> None:
    """The same with the treated nets."""
    _panels(
        scores,
        ("The words pay, less in the last row", "The brackets come right"),
        "The same panels with two rows more, two seeds after 160 updates at 3e-2. With all units opened the "
        "brackets are right, and the words lie between the patient's and the bigram's. With half of them opened, "
        "and mixed lags, the brackets are right as well, and the words are nearer to the patient's.",
    )


def choose_bias(biases: np.ndarray, left: Callable[..., Mapping[str, np.ndarray]]) -> Callable[..., tuple]:
    """An explorer's function: what is left of a state in each layer, by lag and by the bias of z.

    left  the lesson's: (bias=...) or, for chrono, (lag=...) -> {"lower": (N,), "upper": (N,)}, shares above zero that
          are left after 0, 1, .. steps.
    """
    farthest = {
        f"GRU, {name}": [np.argmin(np.append(left(bias=bias)[name] >= ENOUGH, False)) - 1 for bias in biases]
        for name in left(bias=biases[0])
    }

    def shown(bias: float = 0.0, lag: float = 20) -> tuple:
        lag = int(lag)
        shares, z = left(bias=bias), float(sigmoid(bias))
        here = {name: share[lag] for name, share in shares.items()}
        told = [share[lag] for share in left(lag=lag).values()]
        enough = [name for name, share in here.items() if share >= ENOUGH]
        where = "both" if len(enough) == len(here) else f"the {enough[0]} one" if enough else "neither"
        lines = {f"GRU, {name}": share for name, share in shares.items()}
        lines["z^n"] = z ** np.arange(len(shares["lower"]))
        return (
            widgets.equation(f"z = σ({bias:g}) = {z:.2f},  z^{{{lag}}} = {_short(z**lag)}"),
            widgets.curves(
                {name: np.maximum(line, 1e-12) for name, line in lines.items()},
                title="What is left after n steps",
                xlabel="lag n in steps",
                ylabel="share of the state",
                log=True,
                ylim=(1e-10, 2),
                reference={"10^{−4}: enough": ENOUGH},
                marks={"your lag": (lag, max(min(here.values()), 1e-10))},
            ),
            widgets.curves(
                farthest,
                x=biases,
                title="How far back 10^{−4} is left",
                xlabel="bias of z",
                ylabel="lag in steps",
                ylim=(0, 44),
                reference={"all 40 steps": 40},
                marks={"you": (bias, lag)},
            ),
            f"Bias {bias:g}, lag {lag}: {_short(here['lower'])} is left in the lower layer and {_short(here['upper'])} "
            f"in the upper one, enough in {where}. Chrono for this lag: {' and '.join(map(_short, told))}.",
        )

    return shown


def _short(share: float) -> str:
    """One digit: 0.2, 3·10^{−9}."""
    if share >= 1e-3:
        return f"{share:.1g}"
    digit, power = f"{share:.0e}".split("e-")
    return f"{digit}·10^{{−{int(power)}}}"


def fits(text: str) -> bool:
    """Whether a text ends with the bracket that closes its first one."""
    return text[0] + text[-1] in PAIRS


def written(texts: Mapping[str, Sequence[str]]) -> None:
    """Show texts that models have written, and whether their last bracket fits the first. texts: {model: texts}."""
    fig, axes = figures.panels(1, rows=len(texts), height=1.5)
    for ax, (name, lines) in zip(axes, texts.items(), strict=True):
        ax.set(title=f"Written by the {name}", xlim=(0, 1), ylim=(len(lines) - 0.4, -0.6))
        ax.axis("off")
        for row, text in enumerate(lines):
            words, colour = FITS[fits(text)]
            ax.text(0, row, text, family="monospace", fontsize=9, va="center")
            ax.text(0.68, row, words, color=colour, fontsize="small", va="center")
    figures.show(
        fig,
        alt="Four texts by a patient and four by a treated net, each begun with another kind of bracket. Both are "
        "strings of letters that look like English and are none. Beside each stands whether its brackets fit.",
    )


def in_most(verdicts: Iterable[bool]) -> bool:
    """Whether more than half are true."""
    found = [bool(verdict) for verdict in verdicts]
    return sum(found) > len(found) / 2


def weigh_bigram(guess: Guess, perplexity: float) -> None:
    """What was guessed, beside what is measured."""
    guess.compare(
        perplexity,
        meanings={
            4.6: "At the closing brackets it is 4.6. Inside of words more can follow.",
            19.7: "The unigram has 19.7. It doesn't look back at all.",
            42: "It would be 42 if all characters were equally likely, whatever came before.",
        },
    )


def looks() -> None:
    """Draw the patient over four steps, and where the probe looks."""
    diagrams.show(diagrams.stacked(4))


def weigh_fault(guess: Guess) -> None:
    """What was guessed, beside what is measured."""
    guess.compare(
        FAULTS[1],
        meanings={
            FAULTS[0]: "No norm above 10 was seen in training. The brackets ask for a lag of 40.",
            FAULTS[2]: "The norm of the weights' gradient is. It says nothing of a single lag.",
        },
    )


def treated(scores: Scores, name: str, decades: Mapping[str, float] | None = None) -> None:
    """Print what the treatment of this name has done; with decades, {layer: log10 of its reach}, that and the words."""
    for layer, reach in (decades or {}).items():
        print(f"{layer}: above a hundredth is left at lag 40: {reach > -2}")
    perplexities, rights = zip(*scores[name], strict=True)
    print(f"more than 80 % of the brackets right in both nets: {min(rights) > 0.8}")
    if decades:
        worst = max(perplexity for perplexity, _ in scores["GRU, patient"])
        print(f"words: perplexity above every patient's: {min(perplexities) > worst}")


def weigh_opened(guess: Guess) -> None:
    """What was guessed, beside what is measured."""
    guess.compare(
        OUTCOMES[1],
        meanings={
            OUTCOMES[0]: "A unit that keeps .95 of its state lets little of each new letter in.",
            OUTCOMES[2]: "The gates now keep something over 40 steps, and letters need few.",
        },
    )


def weigh_half(guess: Guess, scores: Scores) -> None:
    """What was guessed of the half opened nets' perplexity on words, beside what is measured, means over seeds."""
    whole, half, patient = (
        np.mean([score[0] for score in scores[name]])
        for name in ("GRU, all units opened", "GRU, half opened, mixed lags", "GRU, patient")
    )
    guess.compare(
        HALF[int(half > patient) + int(half >= whole)],
        meanings={
            HALF[0]: "Only 24 of 48 units read the letters here, and the texts to learn from are cut.",
            HALF[2]: "That would be no dose at all. Here 24 quick units read the letters.",
        },
    )
