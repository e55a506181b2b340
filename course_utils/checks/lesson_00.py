"""00 · start here."""

import numpy as np

from course_utils.checks.exercise import Exercise

WORDS = ("convolutional", "exploding", "larger", "lstm", "recurrent", "sequential", "simpler", "vanishing")
BLANKS = ("1", "2", "3", "4", "5", "6")
SIX = tuple(map(WORDS.index, ("vanishing", "exploding", "lstm", "recurrent", "simpler", "sequential")))


def _swapped(one, other):
    """The six words, two of them in each other's place."""
    words = list(SIX)
    words[one], words[other] = words[other], words[one]
    return tuple(words)


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
        draw=lambda rng: (rng.uniform(0.2, 0.95), int(rng.integers(2, 30))),
        mistakes={
            "losses multiply, they don't add: each step keeps the share z of what is left.": (
                lambda z, lag: 1 - lag * (1 - z)
            ),
            "this is z times lag. How often does the factor z come in?": lambda z, lag: z * lag,
            "base and exponent are swapped.": lambda z, lag: float(lag) ** z,
            "this is what is lost, not what is left.": lambda z, lag: 1 - z**lag,
            "one factor is missing: `lag` steps have `lag` factors.": lambda z, lag: z ** (lag - 1),
            "this is the limit for many small losses. A step that keeps z multiplies by z, exactly.": (
                lambda z, lag: np.exp(-lag * (1 - z))
            ),
        },
    ),
    "00 six words": Exercise(
        right=dict(zip(BLANKS, SIX, strict=True)),
        mistakes={
            "the first two are swapped. What vanishes gets small, and what explodes gets large.": _swapped(0, 1),
            "the words of 4 and 6 are swapped: a network is recurrent, what it reads is sequential.": _swapped(3, 5),
            "the fifth is the other way round: two gates instead of three make the smaller cell.": (
                *SIX[:4],
                WORDS.index("larger"),
                SIX[5],
            ),
            "the third word names the cell with three gates and a memory of its own, four letters long.": (
                *SIX[:2],
                WORDS.index("convolutional"),
                *SIX[3:],
            ),
        },
    ),
}
