"""02 · where every term of the gradient comes from."""

import numpy as np

from course_utils.checks.exercise import Exercise


def _terms(w, h, slope_at=slice(1, None), enters=slice(0, -1), skip=1):
    """∂⁺h_k/∂w times the factors of the steps after it, k = 1..T."""
    slope = 1 - h[slope_at] ** 2
    return np.array([slope[k] * h[enters][k] * np.prod(w * slope[k + skip :]) for k in range(len(slope))])


def _one_factor_short(w, h):
    slope = 1 - h[1:] ** 2
    return sum(slope[k] * h[k] * np.prod(slope[k + 1 :]) for k in range(len(slope)))


def _walk(Wh, h, dh, *, slope=lambda h, h_prev: h * (1 - h), send=None, pass_on=True, sum_up=True, enters=-1):
    """∂E/∂Wh of a sigmoid RNN, with one thing wrong at a time if asked."""
    send = Wh.T if send is None else send
    dWh, later = np.zeros_like(Wh), np.zeros(len(Wh))
    for t in range(len(dh), 0, -1):
        da = (dh[t - 1] + later) * slope(h[t], h[t - 1])
        term = np.outer(da, h[t + enters])
        dWh = dWh + term if sum_up else term
        later = send @ da if pass_on else later
    return dWh


def _softmax(s, axis=-1):
    e = np.exp(s - s.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def _draw_unit(rng):
    w, h = rng.uniform(0.6, 1.5), [rng.uniform(0.3, 0.9)]
    for x in rng.normal(0, 0.5, rng.integers(3, 7)):
        h.append(np.tanh(w * h[-1] + x))
    return w, np.array(h)


def _draw_walk(rng):
    T, H = rng.integers(3, 7), rng.integers(2, 6)
    return rng.normal(0, 2, (H, H)), rng.uniform(0.1, 0.9, (T + 1, H)), rng.standard_normal((T, H))


def _draw_scores(rng):
    T, C = rng.integers(2, 6), rng.integers(3, 7)
    return rng.normal(0, 2, (T, C)), np.eye(C)[rng.integers(0, C, T)]


EXERCISES = {
    "02 sum over k": Exercise(
        right=lambda w, h: _terms(w, h).sum(),
        draw=_draw_unit,
        mistakes={
            "this is the use in the last step alone. Earlier uses reach h_T too, through the steps between.": (
                lambda w, h: _terms(w, h)[-1]
            ),
            "this is the use in step 1 alone, one chain without the sum. Every step used w.": (
                lambda w, h: _terms(w, h)[0]
            ),
            "the immediate derivatives are added as they are. Each still has to travel from step k to step T.": (
                lambda w, h: np.sum((1 - h[1:] ** 2) * h[:-1])
            ),
            "off by one: the product for use k starts at step k + 1. Step k's slope is in the immediate derivative.": (
                lambda w, h: _terms(w, h, skip=0).sum()
            ),
            "the immediate derivative meets the wrong state: in step k, w multiplies h_{k-1}, not h_k.": (
                lambda w, h: _terms(w, h, enters=slice(1, None)).sum()
            ),
            "the slopes are taken at the previous states. tanh' at step k is 1 - h_k².": (
                lambda w, h: _terms(w, h, slope_at=slice(0, -1)).sum()
            ),
            "w is missing from the factors between: ∂h_i/∂h_{i-1} is slope times weight.": _one_factor_short,
            "this is dh_T/dh_0, the gradient of the start. The weight's is a sum over its uses.": (
                lambda w, h: np.prod(w * (1 - h[1:] ** 2))
            ),
        },
    ),
    "02 backward walk": Exercise(
        right=_walk,
        draw=_draw_walk,
        mistakes={
            "a transpose is missing on the way to the previous state. Unit i is felt by all j: sum over the rows.": (
                lambda Wh, h, dh: _walk(Wh, h, dh, send=Wh)
            ),
            "σ' is left out: between ∂E/∂h and ∂E/∂a stands the slope.": (
                lambda Wh, h, dh: _walk(Wh, h, dh, slope=lambda h, h_prev: 1)
            ),
            "1 - h² is the slope of tanh. These units are sigmoids.": (
                lambda Wh, h, dh: _walk(Wh, h, dh, slope=lambda h, h_prev: 1 - h**2)
            ),
            "the slope is taken at the previous state. Step t's is written in h_t.": (
                lambda Wh, h, dh: _walk(Wh, h, dh, slope=lambda h, h_prev: h_prev * (1 - h_prev))
            ),
            "the gradient isn't accumulated over time: each step replaces what the steps before it brought.": (
                lambda Wh, h, dh: _walk(Wh, h, dh, sum_up=False)
            ),
            "only the direct gradients are used. Each state is also asked for something by the step after it.": (
                lambda Wh, h, dh: _walk(Wh, h, dh, pass_on=False)
            ),
            "the outer product meets the wrong state: in step t, Wh multiplies h_{t-1}, not h_t.": (
                lambda Wh, h, dh: _walk(Wh, h, dh, enters=0)
            ),
            "the outer product is the wrong way round: row j, column i of Wh carries unit i into unit j.": (
                lambda Wh, h, dh: _walk(Wh, h, dh).T
            ),
        },
    ),
    "02 softmax cross-entropy": Exercise(
        right=lambda s, y: _softmax(s) - y,
        draw=_draw_scores,
        mistakes={
            "the sign is turned: a right word with too little probability must get a negative gradient.": (
                lambda s, y: y - _softmax(s)
            ),
            "this is averaged over the steps. E is the sum.": lambda s, y: (_softmax(s) - y) / len(s),
            "the softmax runs over the steps. Each step has a distribution of its own, over the classes.": (
                lambda s, y: _softmax(s, axis=0) - y
            ),
            "this is the gradient with respect to the probabilities. One step further back are the scores.": (
                lambda s, y: -y / _softmax(s)
            ),
            "these are the probabilities alone. The loss's first part, minus the right word's score, is missing.": (
                lambda s, y: _softmax(s)
            ),
            "only the right word gets a gradient. The others are in the softmax's sum.": (
                lambda s, y: y * (_softmax(s) - 1)
            ),
            "the scores themselves are compared with y. The softmax is missing.": lambda s, y: s - y,
        },
    ),
}
