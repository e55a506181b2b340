"""Figures of lesson 12: a language model before and after treatment."""

from collections.abc import Iterable, Mapping, Sequence

from course_utils import figures
from course_utils.predictions import Guess

Scores = Mapping[str, Sequence[tuple[float, float]]]  # {model: (perplexity on words, share of right brackets) per seed}
BUDGET = "(160 updates, 3e-2, 2 seeds)"
CHANCE = 0.25  # of four brackets
PAIRS = ("()", "[]", "{}", "<>")
FITS = {True: ("fits", figures.STATE), False: ("doesn't fit", figures.RNN)}


def _panels(scores: Scores, titles: tuple[str, str], alt: str) -> None:
    """Two panels of dots, a row a model: perplexity on words, and the share of closing brackets that are right."""
    fig, axes = figures.panels(2, height=2.6, sharey=True)
    for ax, i, title, label in zip(
        axes, (0, 1), titles, (f"perplexity on held-out words {BUDGET}", "share of right closing brackets"), strict=True
    ):
        figures.dots(
            {name: [score[i] for score in of] for name, of in scores.items()}, title=title, xlabel=label, ax=ax
        )
    axes[0].set_xlim(0, None)
    axes[1].set_xlim(-0.03, 1.03)
    axes[1].axvline(CHANCE, color=figures.OTHER, linewidth=0.9, zorder=1)
    figures.mark(axes[1], CHANCE, -0.5, "chance", (5, -3), dot=False)
    figures.show(fig, alt=alt)


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
        ("The words pay, less with half opened", "The brackets come right"),
        "The same panels with two rows more, two seeds after 160 updates at 3e-2. With all units opened the "
        "brackets are right, and the words lie between the patient's and the bigram's. With half of them opened, "
        "and mixed lags, the brackets are right as well, and the words are nearer to the patient's.",
    )


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


def weigh_fault(guess: Guess) -> None:
    """What was guessed, beside what is measured."""
    guess.compare(
        "its gradient vanishes",
        meanings={
            "its gradient explodes": "No norm above 10 was seen in training. The brackets ask for a lag of 40.",
            "neither: both norms are healthy": "The norm of the weights' gradient is. It says nothing of a single lag.",
        },
    )


def weigh_price(guess: Guess) -> None:
    """What was guessed, beside what is measured."""
    guess.compare(
        "brackets better, words worse",
        meanings={
            "brackets and words better": "A unit that keeps .95 of its state lets little of each new letter in.",
            "words better, brackets as before": "The gates now keep something over 40 steps, and letters need few.",
        },
    )


def weigh_dose(guess: Guess, perplexity: float) -> None:
    """What was guessed, beside what is measured."""
    guess.compare(
        "below 6" if perplexity < 6 else "from 6 to 8" if perplexity <= 8 else "above 8",
        meanings={
            "below 6": "That is where the patients are. Here 24 of 48 units read the letters, and texts are cut.",
            "above 8": "That is nearer to the price of opening all units. Here 24 quick ones read the letters.",
        },
    )


def weigh_retain(guess: Guess) -> None:
    """What was guessed, beside what is measured."""
    guess.compare(
        "exactly 0",
        meanings={
            "less than at step 10": "So it would be for the state itself. The output is a copy of it (lesson 08).",
            "about as much as at step 10": "No later step is computed from the output, which is a copy of the states.",
        },
    )
