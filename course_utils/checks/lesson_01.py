"""01 · three numbers by hand."""

import numpy as np

from course_utils.cells import sigmoid
from course_utils.checks.exercise import Exercise


def _factor(w, b, h_prev):
    h = sigmoid(w * h_prev + b)
    return h * (1 - h) * w


def _states(w, b, h0, T):
    h = [h0]
    for _ in range(T):
        h.append(sigmoid(w * h[-1] + b))
    return np.array(h)


def _product(w, b, h0, T, states=slice(1, None)):
    h = _states(w, b, h0, T)[states]
    return np.prod(h * (1 - h) * w)


def _draw_unit(rng, T=None):
    return rng.uniform(1, 6), rng.normal(), rng.uniform(0.1, 0.9), int(rng.integers(2, 7)) if T is None else T


EXERCISES = {
    "01 step factor": Exercise(
        right=_factor,
        draw=lambda rng: (rng.uniform(1, 6), rng.normal(), rng.uniform(0.1, 0.9)),
        mistakes={
            "the slope is there, the weight w is missing. The chain rule goes through a = w h + b.": (
                lambda w, b, h: _factor(w, b, h) / w
            ),
            "the slope is taken at the previous state. Step first, then use h_t (1 - h_t).": (
                lambda w, b, h: h * (1 - h) * w
            ),
            "this is the new state, not its derivative.": lambda w, b, h: sigmoid(w * h + b),
            "this is σ(a) w. The derivative of σ is σ (1 - σ).": lambda w, b, h: sigmoid(w * h + b) * w,
            "1 - h² is the slope of tanh. The sigmoid's is h (1 - h).": (
                lambda w, b, h: (1 - sigmoid(w * h + b) ** 2) * w
            ),
            "a (1 - a) is taken of the argument. The slope is h (1 - h), of the new state h = σ(a).": (
                lambda w, b, h: (w * h + b) * (1 - (w * h + b)) * w
            ),
            "the bias is missing from a = w h + b.": lambda w, b, h: _factor(w, 0.0, h),
            "this unit is a sigmoid, and not tanh.": lambda w, b, h: (1 - np.tanh(w * h + b) ** 2) * w,
            "this is the derivative by w, in which h_{t-1} is the last factor. By h_{t-1} it is w.": (
                lambda w, b, h: _factor(w, b, h) / w * h
            ),
        },
    ),
    "01 gradient to start": Exercise(
        right=_product,
        draw=_draw_unit,
        size="T",
        mistakes={
            "off by one: the factors of steps 1 to T use the states h_1 to h_T, not h_0 to h_{T-1}.": (
                lambda w, b, h0, T: _product(w, b, h0, T, slice(0, -1))
            ),
            "this is the last step's factor alone. The factors of all T steps multiply.": (
                lambda w, b, h0, T: _product(w, b, h0, T, slice(-1, None))
            ),
            "the factors are added. Along a chain they multiply.": (
                lambda w, b, h0, T: sum(_factor(w, b, h) for h in _states(w, b, h0, T)[:-1])
            ),
            "w is missing from every factor.": lambda w, b, h0, T: _product(w, b, h0, T) / w**T,
            "one factor too many: T steps have T factors, h_0 has none.": (
                lambda w, b, h0, T: _product(w, b, h0, T, slice(None))
            ),
            "one factor is missing, that of the last step, at h_T.": (
                lambda w, b, h0, T: _product(w, b, h0, T, slice(1, -1))
            ),
            "the last step's factor is taken T times. Each step has a factor of its own, at its own state.": (
                lambda w, b, h0, T: _product(w, b, h0, T, slice(-1, None)) ** T
            ),
            "this is the bound, with the steepest slope in every step. The states say which slope it is.": (
                lambda w, b, h0, T: (w / 4) ** T
            ),
            "the bias is missing from a = w h + b.": lambda w, b, h0, T: _product(w, 0.0, h0, T),
            "this is the first step's factor alone. Does `return` stand inside the loop?": (
                lambda w, b, h0, T: _factor(w, b, h0)
            ),
            "every factor is that of the first step. The state has to move on in every step.": (
                lambda w, b, h0, T: _factor(w, b, h0) ** T
            ),
            "this runs one step too many: T steps have T factors.": lambda w, b, h0, T: _product(w, b, h0, T + 1),
            "1 - h² is the slope of tanh. The sigmoid's is h (1 - h).": (
                lambda w, b, h0, T: np.prod((1 - _states(w, b, h0, T)[1:] ** 2) * w)
            ),
            "this is 0, whatever the factors are. A product begins with 1.": lambda w, b, h0, T: 0.0,
        },
    ),
    "01 smallest w": Exercise(
        right=4.0,
        mistakes={
            "that is the rule without a sigmoid. Multiply the weight by the slope at h = 1/2.": 1.0,
            "that is the slope at h = 1/2. Which w brings slope times w to 1?": 0.25,
        },
    ),
}
