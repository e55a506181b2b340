"""08 · learning to remember."""

import numpy as np

from course_utils.checks.exercise import Exercise


def _norms(rng):
    T = int(rng.integers(5, 30))
    return np.exp(np.r_[np.cumsum(rng.uniform(-0.6, 0.1, T))[::-1], 0.0])


EXERCISES = {
    "08 lost per step": Exercise(
        right=lambda norms: -np.log(norms[0]) / (len(norms) - 1),
        draw=lambda rng: (_norms(rng),),
        mistakes={
            "the sign: where the gradient fades, the loss per step is positive.": (
                lambda norms: np.log(norms[0]) / (len(norms) - 1)
            ),
            "there are T + 1 norms, but only T steps between them.": lambda norms: -np.log(norms[0]) / len(norms),
            "these are powers of ten. The exercise asks for natural logarithms.": (
                lambda norms: -np.log10(norms[0]) / (len(norms) - 1)
            ),
            "this is the whole loss. Divide it by the number of steps.": lambda norms: -np.log(norms[0]),
            "this is the loss of one step alone. Take the average over all steps.": (
                lambda norms: np.log(norms[-1] / norms[-2])
            ),
            "this is the factor per step. Its logarithm is asked for.": (
                lambda norms: norms[0] ** (1 / (len(norms) - 1))
            ),
            "this averages the norms before the logarithm. Logarithms add along the chain, norms don't.": (
                lambda norms: -np.log(norms.mean())
            ),
        },
    ),
}
