"""03 · what decides."""

import numpy as np

from course_utils.checks.exercise import Exercise


def _sigma_1(W):
    return np.linalg.norm(W, 2)


def _norm(dWh, dbh):
    return np.sqrt(np.sum(dWh**2) + np.sum(dbh**2))


def _draw_weights(rng):
    H = int(rng.integers(2, 6))
    return rng.normal(size=(H, H)), float(rng.uniform(0.2, 0.9)), int(rng.integers(2, 9))


def _draw_gradients(rng):
    """Gradients with a threshold below their norm and above it in turns, and never between the known mistakes."""
    H = int(rng.integers(2, 6))
    dWh, dbh = rng.normal(size=(H, H)), rng.normal(size=H)
    return dWh, dbh, float(rng.choice([0.3, 3.0]) * _norm(dWh, dbh))


EXERCISES = {
    "03 bound": Exercise(
        right=lambda Wh, gamma, lag: (gamma * _sigma_1(Wh)) ** lag,
        draw=_draw_weights,
        mistakes={
            "that is the spectral radius, the largest eigenvalue. A bound on every product needs the norm.": (
                lambda Wh, gamma, lag: (gamma * np.abs(np.linalg.eigvals(Wh)).max()) ** lag
            ),
            "np.linalg.norm without ord is the Frobenius norm: a bound too, but not the one of this lesson.": (
                lambda Wh, gamma, lag: (gamma * np.linalg.norm(Wh)) ** lag
            ),
            "the slope is missing. Each step multiplies by slope times weights.": (
                lambda Wh, gamma, lag: _sigma_1(Wh) ** lag
            ),
            "the slope enters once. Each of the steps has its own.": lambda Wh, gamma, lag: gamma * _sigma_1(Wh) ** lag,
            "this bounds one step. How many are there?": lambda Wh, gamma, lag: gamma * _sigma_1(Wh),
            "the bounds of the steps are added. Along a chain they multiply.": (
                lambda Wh, gamma, lag: lag * gamma * _sigma_1(Wh)
            ),
            "that is the largest single weight. Many small weights can act together.": (
                lambda Wh, gamma, lag: (gamma * np.abs(Wh).max()) ** lag
            ),
        },
    ),
    "03 clip factor": Exercise(
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
                lambda dWh, dbh, c: min(1.0, c / np.hypot(_sigma_1(dWh), np.linalg.norm(dbh)))
            ),
        },
    ),
    "03 largest w": Exercise(
        right=0.04,
        mistakes={
            "that is the bound on σ₁, and right for one unit. What is σ₁ if 100 units act together?": 4.0,
            "that would be so for tanh or relu. How steep is a sigmoid at most?": 0.01,
            "that is the rule for one linear unit. It knows neither the slope nor how many units there are.": 1.0,
            "this divides by √100. Multiply the matrix by a vector of ones: how much longer does it get?": 0.4,
        },
    ),
}
