"""One question of an assignment, all of it in one object, and one essay.

The function's name in the student's notebook is the question's only name. All others follow from it: of gate_by_state
in ps3, the grade is called ps3_gate_by_state, and the notebook's cell says `check("ps3 gate by state", gate_by_state)`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from course_utils.checks.exercise import Exercise, Worked

DERIVATION = 1e-11  # relative: central differences of float64 numbers reach about 1e-10
SINGLE = 5e-6  # relative: three times what right answers to the assignments' questions lose in float32


def rounded_to(digits: int) -> float:
    """The rtol of a question whose text says that so many significant digits suffice.

    Example:
    >>> abs(1.23456 - 1.234564999) <= rounded_to(6) * 1.23456
    True
    """
    return 5.000001 * 10.0**-digits


def by_slip(function: Callable, hints: dict[str, str]) -> dict[str, Callable]:
    """Known mistakes {hint: wrong answer} of a function that makes one mistake at a time, named by its `slip`.

    Example:
    >>> by_slip(lambda x, slip: -x if slip == "sign" else x, {"sign": "the sign is wrong."})["the sign is wrong."](2)
    -2
    """
    return {hint: partial(function, slip=slip) for slip, hint in hints.items()}


@dataclass(frozen=True, kw_only=True)
class Question(Exercise):
    """A question that the grader marks: an Exercise (right answer, inputs to draw, known mistakes) that earns points.

    name       of the function or variable in the student's notebook.
    points     what a right answer earns.
    objective  the learning objective that it measures.
    single     the tolerance of answers in float32. It is wider than SINGLE only where the question's text says so.
    derive     whether the student's own derivation is asked for: the grader computes the answer where there are neither
               torch nor the package's gradients, and reads its code for differences and complex steps. Its rtol is
               DERIVATION, which differences of float64 numbers don't reach.
    axes       of a factor of the assignment's derivation, what its axes mean: `debug` holds all that have some against
               what it is given, in this order.
    edges      draws of the boundary cases that its text has, such as a single step or a negative weight. Every marking
               has one of each, beside its other inputs, and so has every check.
    """

    name: str
    points: int
    objective: str
    edges: tuple[Callable[[np.random.Generator], tuple], ...] = ()
    single: float = SINGLE
    derive: bool = False
    axes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.derive:
            object.__setattr__(self, "rtol", DERIVATION)

    def draws(self, trials: int) -> list[Callable[[np.random.Generator], tuple]]:
        """What draws the inputs of one marking, in order: `trials` times `draw`, and each boundary case once."""
        return [*([self.draw] * trials if self.draw else []), *self.edges]

    def cases(self, trials: int) -> list[Worked]:
        """One for each input of a marking, from the seeds 0, 1, ...; a single one where a number is asked for."""
        if self.draw is None:
            return super().cases(trials)
        return [self.worked(partial(_seeded, draw, seed)) for seed, draw in enumerate(self.draws(trials))]


def _seeded(draw: Callable[[np.random.Generator], tuple], seed: int) -> tuple:
    return draw(np.random.default_rng(seed))


@dataclass(frozen=True, kw_only=True)
class Essay:
    """A question that a person marks.

    name    as in the grade's name: essay_weather of ps4 is ps4_essay_weather.
    points  what the best level earns.
    prompt  as it stands in the notebook.
    rubric  {"2: names the mechanism": what an answer of this level says}: points, a colon, the level's name.
    model   a model answer, never shown to students before the deadline.
    shown   whether the rubric stands below the prompt, for students to see.
    """

    name: str
    points: int
    prompt: str
    rubric: dict[str, str]
    model: str
    shown: bool = False

    @property
    def text(self) -> str:
        """What students read: the prompt, and the rubric if it is shown."""
        return self.prompt + (f"\n\n{self.levels}" if self.shown else "")

    @property
    def levels(self) -> str:
        """The rubric as a list, one line for each level."""
        return "\n".join(f"- **{level}** {words}" for level, words in self.rubric.items())
