"""NN · the subject."""

import numpy as np

from course_utils.checks.exercise import Exercise

EXERCISES = {
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
