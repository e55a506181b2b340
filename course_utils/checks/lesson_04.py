"""04 · cliffs and clipping."""

import numpy as np

from course_utils.cells import sigmoid
from course_utils.checks.exercise import Exercise

START = sigmoid(0.5)  # the unit's first state


def _error(w, b, T):
    """L = (h_T - 0.7)², also for complex w and b."""
    h = 1 / (1 + np.exp(-0.5))
    for _ in range(T):
        h = 1 / (1 + np.exp(-(w * h + b)))
    return (h - 0.7) ** 2


def _by_complex_steps(w, b, T, eps=1e-30):
    gradient = [_error(w + 1j * eps, b, T).imag / eps, _error(w, b + 1j * eps, T).imag / eps]
    return {"L": _error(w, b, T), "gradient": np.array(gradient)}


def _forward_walk(
    w,
    b,
    T,
    slope=lambda h, h_prev: h * (1 - h),
    enters=lambda h, h_prev: h_prev,
    carry=lambda w: w,
    outer=lambda h: 2 * (h - 0.7),
    first=START,
):
    """L and its gradient by derivatives that go forwards with the state, with one thing wrong if asked."""
    h, dh_dw, dh_db = first, 0.0, 0.0
    for _ in range(T):
        h_prev, h = h, sigmoid(w * h + b)
        dh_dw = slope(h, h_prev) * (enters(h, h_prev) + carry(w) * dh_dw)
        dh_db = slope(h, h_prev) * (1.0 + carry(w) * dh_db)
    return {"L": (h - 0.7) ** 2, "gradient": outer(h) * np.array([dh_dw, dh_db])}


def _slope_forgotten_on_the_way(w, b, T):
    h, dh_dw, dh_db = sigmoid(0.5), 0.0, 0.0
    for _ in range(T):
        h_prev, h = h, sigmoid(w * h + b)
        slope = h * (1 - h)
        dh_dw, dh_db = slope * h_prev + w * dh_dw, slope + w * dh_db
    return {"L": (h - 0.7) ** 2, "gradient": 2 * (h - 0.7) * np.array([dh_dw, dh_db])}


def _draw_unit(rng):
    return float(rng.uniform(2, 5)), float(rng.uniform(-3, -1)), int(rng.integers(2, 9))


def _clipped(g, c):
    return g * min(1.0, c / np.linalg.norm(g))


def _draw_step(rng):
    """A gradient with a threshold below its norm and above it in turns, and a rate that isn't 1."""
    theta, g = rng.normal(size=(2, int(rng.integers(3, 7))))
    rate = float(rng.choice([0.3, 2.0]))
    return theta, g, float(rng.choice([0.4, 2.5]) * np.linalg.norm(g)), rate


def _norm(dWh, dbh):
    return np.sqrt(np.sum(dWh**2) + np.sum(dbh**2))


def _draw_gradients(rng):
    """Gradients with a threshold below their norm and above it in turns, and never between the known mistakes.

    Now the weights' gradient is the larger one and now the biases'.
    """
    H = int(rng.integers(2, 6))
    dWh, dbh = rng.normal(size=(H, H)), rng.normal(size=H) * rng.choice([0.5, 5.0])
    return dWh, dbh, float(rng.choice([0.3, 3.0]) * _norm(dWh, dbh))


EXERCISES = {
    "04 forward walk": Exercise(
        right=_by_complex_steps,
        draw=_draw_unit,
        against="complex steps",
        mistakes={
            "the state has moved on too early: the immediate derivative in w is slope times the state before.": (
                lambda w, b, T: _forward_walk(w, b, T, enters=lambda h, h_prev: h)
            ),
            "the slope is taken at the state before. That of step t is h_t (1 - h_t).": (
                lambda w, b, T: _forward_walk(w, b, T, slope=lambda h, h_prev: h_prev * (1 - h_prev))
            ),
            "the slope is missing: both derivatives are multiplied by h_t (1 - h_t) in every step.": (
                lambda w, b, T: _forward_walk(w, b, T, slope=lambda h, h_prev: 1.0)
            ),
            "the slope stands at the immediate part only. What comes from the step before is multiplied by it too.": (
                _slope_forgotten_on_the_way
            ),
            "1 - h² is the slope of tanh. This unit is a sigmoid.": (
                lambda w, b, T: _forward_walk(w, b, T, slope=lambda h, h_prev: 1 - h**2)
            ),
            "w is missing: the step before comes in as w times its derivative.": (
                lambda w, b, T: _forward_walk(w, b, T, carry=lambda w: 1.0)
            ),
            "the derivatives aren't carried along: only the last step's immediate derivatives are left.": (
                lambda w, b, T: _forward_walk(w, b, T, carry=lambda w: 0.0)
            ),
            "this is the derivative of h_T. L is its squared distance from 0.7.": (
                lambda w, b, T: _forward_walk(w, b, T, outer=lambda h: 1.0)
            ),
            "the 2 of the square is missing.": (lambda w, b, T: _forward_walk(w, b, T, outer=lambda h: h - 0.7)),
            "the first state is σ(0.5), not 0.5.": lambda w, b, T: _forward_walk(w, b, T, first=0.5),
            "this runs one step too many: there are T steps after the first state.": (
                lambda w, b, T: _forward_walk(w, b, T + 1)
            ),
            "this runs one step too few: there are T steps after the first state.": (
                lambda w, b, T: _forward_walk(w, b, T - 1)
            ),
        },
    ),
    "04 clipped step": Exercise(
        right=lambda theta, g, c, rate: theta - rate * _clipped(g, c),
        draw=_draw_step,
        rtol=1e-5,  # torch divides by the norm plus 1e-6
        mistakes={
            "this goes uphill: a descent subtracts the gradient.": (
                lambda theta, g, c, rate: theta + rate * _clipped(g, c)
            ),
            "this clips always. A gradient that is below the threshold passes untouched.": (
                lambda theta, g, c, rate: theta - rate * c * g / np.linalg.norm(g)
            ),
            "this never clips.": lambda theta, g, c, rate: theta - rate * g,
            "this scales small gradients up and leaves large ones: the condition is the wrong way round.": (
                lambda theta, g, c, rate: theta - rate * g * max(1.0, c / np.linalg.norm(g))
            ),
            "this clips by value, every entry by itself. By norm, all entries get the same factor.": (
                lambda theta, g, c, rate: theta - rate * np.clip(g, -c, c)
            ),
            "this clips the step, rate times gradient. Clip the gradient first, then multiply by the rate.": (
                lambda theta, g, c, rate: theta - _clipped(rate * g, c)
            ),
            "the learning rate is missing.": lambda theta, g, c, rate: theta - _clipped(g, c),
            "this is the change. The new parameters are asked for.": lambda theta, g, c, rate: -rate * _clipped(g, c),
            "the gradient is made one long; its length should be c.": (
                lambda theta, g, c, rate: theta - rate * g / max(1.0, np.linalg.norm(g))
            ),
            "the threshold is held against the largest entry. By norm, it is held against the whole length.": (
                lambda theta, g, c, rate: theta - rate * g * min(1.0, c / np.abs(g).max())
            ),
        },
    ),
    "04 clip factor": Exercise(
        right=lambda dWh, dbh, c: min(1.0, c / _norm(dWh, dbh)),
        draw=_draw_gradients,
        rtol=1e-5,  # torch divides by the norm plus 1e-6
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
            "this is the threshold itself. The factor brings a longer gradient down to that length.": (
                lambda dWh, dbh, c: c
            ),
            "each array has a factor of its own here. That turns the gradient; one factor keeps its direction.": (
                lambda dWh, dbh, c: np.array([min(1.0, c / np.linalg.norm(g)) for g in (dWh, dbh)])
            ),
            "each array is held against c by itself, and the smaller factor taken. Both are one long vector.": (
                lambda dWh, dbh, c: min(1.0, c / np.linalg.norm(dWh), c / np.linalg.norm(dbh))
            ),
            "the bias is left out. The norm is that of all gradients together.": (
                lambda dWh, dbh, c: min(1.0, c / np.linalg.norm(dWh))
            ),
            "the weights are left out. The norm is that of all gradients together.": (
                lambda dWh, dbh, c: min(1.0, c / np.linalg.norm(dbh))
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
