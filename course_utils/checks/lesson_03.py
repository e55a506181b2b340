"""03 · what decides."""

import numpy as np

from course_utils.checks.exercise import Exercise


def _sigma_1(W):
    return np.linalg.norm(W, 2)


def _draw_weights(rng):
    H = int(rng.integers(2, 6))
    return rng.normal(size=(H, H)), float(rng.uniform(0.2, 0.9)), int(rng.integers(2, 9))


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
