"""00 · start here."""

import numpy as np

from course_utils.checks.exercise import Exercise

WORDS = ("convolutional", "exploding", "larger", "lstm", "recurrent", "sequential", "simpler", "vanishing")
BLANKS = ("1", "2", "3", "4", "5", "6")
SIX = dict(
    zip(BLANKS, map(WORDS.index, ("vanishing", "exploding", "lstm", "recurrent", "simpler", "sequential")), strict=True)
)
CLUES = {
    "1": "the word for what gets smaller and smaller, until nothing of it is left.",
    "2": "the word for what grows without end.",
    "3": "the cell's name, made of the first letters of its four words.",
    "4": "the word for a network that comes back to its own state at every step.",
    "5": "two gates instead of three, and no memory of its own. Is that more, or less?",
    "6": "the word for data that come one after the other.",
}


def _swapped(one, other):
    """Two of the six words, in each other's place."""
    return {one: SIX[other], other: SIX[one]}


def _other_words():
    """Every other word in every place, with the place's clue."""
    return {
        f"{blank} isn't {word!r}. Wanted is {clue}" if blank != "5" else f"{blank} isn't {word!r}: {clue}": {blank: n}
        for blank, clue in CLUES.items()
        for n, word in enumerate(WORDS)
        if n != SIX[blank] and (blank, word) != ("5", "larger")
    }


def _draw_decay(rng, lag=None):
    return rng.uniform(0.2, 0.95), int(rng.integers(2, 30)) if lag is None else lag


EXERCISES = {
    "00 what is left": Exercise(
        right=0.99**90,
        rtol=0.02,
        mistakes={
            "1 % of the *start* is not lost at every step: each step keeps 99 % of what is left.": 0.1,
            "this is what is lost, not what is left.": 1 - 0.99**90,
            "this is a percentage, the question asks for a fraction.": 100 * 0.99**90,
            "this is .99 times 90. The factor .99 comes in once for every step.": 0.99 * 90,
        },
    ),
    "00 decay": Exercise(
        right=lambda z, lag: z**lag,
        draw=_draw_decay,
        size="lag",
        sizes=(1, 2, 5, 20),
        mistakes={
            "losses multiply, they don't add: each step keeps the share z of what is left.": (
                lambda z, lag: 1 - lag * (1 - z)
            ),
            "this is z times lag. How often does the factor z come in?": lambda z, lag: z * lag,
            "base and exponent are swapped.": lambda z, lag: float(lag) ** z,
            "this is what is lost, not what is left.": lambda z, lag: 1 - z**lag,
            "one factor is missing: `lag` steps have `lag` factors.": lambda z, lag: z ** (lag - 1),
            "one factor too many: `lag` steps have `lag` factors.": lambda z, lag: z ** (lag + 1),
            "this is the limit for many small losses. A step that keeps z multiplies by z, exactly.": (
                lambda z, lag: np.exp(-lag * (1 - z))
            ),
        },
    ),
    "00 six words": Exercise(
        right=SIX,
        mistakes={
            "the first two are swapped. What vanishes gets small, and what explodes gets large.": _swapped("1", "2"),
            "the words of 4 and 6 are swapped: a network is recurrent, what it reads is sequential.": _swapped(
                "4", "6"
            ),
            "the fifth is the other way round: two gates instead of three make the smaller cell.": {
                "5": WORDS.index("larger")
            },
            **_other_words(),
        },
    ),
}
