"""NN · the subject."""

import numpy as np

from course_utils.checks.exercise import Exercise

EXERCISES = {
    "NN share left": Exercise(
        right=lambda z, steps: z ** np.arange(steps + 1),
        draw=lambda rng: (rng.uniform(0.1, 0.9), int(rng.integers(2, 9))),
        mistakes={
            "the start is missing: after 0 steps all of it is left.": (lambda z, steps: z ** np.arange(1, steps + 1)),
            "this is the share that is lost by then.": lambda z, steps: 1 - z ** np.arange(steps + 1),
            "each step keeps z of what is left, and not z of the start once more: a product, not a sum.": (
                lambda z, steps: 1 - (1 - z) * np.arange(steps + 1)
            ),
        },
    ),
    "NN steps to a half": Exercise(
        right=lambda z: np.log(0.5) / np.log(z),
        draw=lambda rng: (rng.uniform(0.1, 0.9),),
        mistakes={
            "the sign: both logarithms are negative, their quotient isn't.": lambda z: np.log(2) / np.log(z),
            "upside down: divide by the logarithm of z.": lambda z: np.log(z) / np.log(0.5),
            "half of the steps is not half of the state: solve z to the power n = 1/2 for n.": lambda z: 0.5 / z,
        },
    ),
}
