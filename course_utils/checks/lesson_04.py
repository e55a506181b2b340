"""04 · cliffs and clipping."""

import numpy as np

from course_utils.checks.exercise import Exercise


def _norm(dWh, dbh):
    return np.sqrt(np.sum(dWh**2) + np.sum(dbh**2))


def _draw_gradients(rng):
    """Gradients with a threshold below their norm and above it in turns, and never between the known mistakes."""
    H = int(rng.integers(2, 6))
    dWh, dbh = rng.normal(size=(H, H)), rng.normal(size=H)
    return dWh, dbh, float(rng.choice([0.3, 3.0]) * _norm(dWh, dbh))


EXERCISES = {
    "04 clip factor": Exercise(
        right=lambda dWh, dbh, c: min(1.0, c / _norm(dWh, dbh)),
        draw=_draw_gradients,
        mistakes={
            "this clips always. A gradient that is below the threshold is to pass untouched.": (
                lambda dWh, dbh, c: c / _norm(dWh, dbh)
            ),
            "this scales the small gradients up and leaves the large ones: the condition is the wrong way round.": (
                lambda dWh, dbh, c: max(1.0, c / _norm(dWh, dbh))
            ),
            "this is what the gradient is divided by, not what it is multiplied by.": (
                lambda dWh, dbh, c: max(1.0, _norm(dWh, dbh) / c)
            ),
            "the bias is left out. The norm is that of all gradients together.": (
                lambda dWh, dbh, c: min(1.0, c / np.linalg.norm(dWh))
            ),
            "two norms are added. The norm of one long vector is the root of the sum of squares.": (
                lambda dWh, dbh, c: min(1.0, c / (np.linalg.norm(dWh) + np.linalg.norm(dbh)))
            ),
            "the square root is missing from the norm.": lambda dWh, dbh, c: min(1.0, c / _norm(dWh, dbh) ** 2),
            "this limits the largest entry, which is the idea of clipping by value.": (
                lambda dWh, dbh, c: min(1.0, c / max(np.abs(dWh).max(), np.abs(dbh).max()))
            ),
            "ord=2 of a matrix is its largest singular value. Here every entry counts, as in a vector.": (
                lambda dWh, dbh, c: min(1.0, c / np.hypot(np.linalg.norm(dWh, 2), np.linalg.norm(dbh)))
            ),
        },
    ),
}
