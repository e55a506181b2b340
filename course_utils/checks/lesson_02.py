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


def _scalar_walk(
    w,
    h,
    error,
    *,
    send=None,
    carry=1,
    slope_at=slice(1, None),
    enters=slice(0, -1),
    with_slope=True,
    through=True,
    until=0,
    share=lambda total, da: da,
):
    """dL/dw of one tanh unit by one walk back, with one thing wrong at a time if asked."""
    slope, h_prev = 1 - h[slope_at] ** 2, h[enters]
    later, dw = 0.0, 0.0
    for k in range(len(error) - 1, until - 1, -1):
        total = error[k] + later
        da = total * (slope[k] if with_slope else 1)
        dw = dw + share(total, da) * h_prev[k]
        later = carry * (da if through else total) * (w if send is None else send)
    return dw


def _walk_of_a_sigmoid(w, h, error):
    later, dw = 0.0, 0.0
    for k in range(len(error), 0, -1):
        da = (error[k - 1] + later) * h[k] * (1 - h[k])
        dw, later = dw + da * h[k - 1], da * w
    return dw


def _walk(
    Wh,
    x,
    h,
    dh,
    *,
    slope=lambda h, h_prev: 1 - h**2,
    send=None,
    through=True,
    pass_on=True,
    sum_up=True,
    enters=-1,
    at_h0=True,
):
    """All gradients of a tanh RNN by one walk back, with one thing wrong at a time if asked."""
    send = Wh.T if send is None else send
    dWx, dWh, db = np.zeros((len(Wh), x.shape[1])), np.zeros_like(Wh), np.zeros(len(Wh))
    total, later = np.zeros_like(h), np.zeros(len(Wh))
    for t in range(len(dh), 0, -1):
        total[t] = dh[t - 1] + later
        da = total[t] * slope(h[t], h[t - 1])
        terms = np.outer(da, x[t - 1]), np.outer(da, h[t + enters]), da
        dWx, dWh, db = (old * sum_up + term for old, term in zip((dWx, dWh, db), terms, strict=True))
        later = send @ (da if through else total[t]) if pass_on else later
    total[0] = later if at_h0 else 0
    return {"dWx": dWx, "dWh": dWh, "db": db, "total": total}


def _forwards(Wh, x, h, dh):
    """The loop from t = 1 to T, everything else as it should be."""
    total, later = np.zeros_like(h), np.zeros(len(Wh))
    for t in range(1, len(dh) + 1):
        total[t] = dh[t - 1] + later
        later = Wh.T @ (total[t] * (1 - h[t] ** 2))
    total[0], da = later, total[1:] * (1 - h[1:] ** 2)
    return {"dWx": da.T @ x, "dWh": da.T @ h[:-1], "db": da.sum(0), "total": total}


def _turned(gradients, name):
    return gradients | {name: gradients[name].T}


def _by_complex_steps(Wh, x, h, dh, eps=1e-30):
    """The same for L = Σ dh_t · h_t: nudge one number by iε, run all steps in complex numbers, read L's imaginary part.

    What x and biases send into a step follows from the states: arctanh(h_t) - Wh h_{t-1}.
    """
    given = np.arctanh(h[1:]) - h[:-1] @ Wh.T

    def change_of_L(name, place):
        nudge = {
            "dWx": np.zeros((len(Wh), x.shape[1]), complex),
            "dWh": np.zeros(Wh.shape, complex),
            "db": np.zeros(len(Wh), complex),
            "total": np.zeros(h.shape, complex),
        }
        nudge[name][place] = 1j * eps
        state, L = h[0] + nudge["total"][0], 0.0
        for t in range(1, len(h)):
            a = given[t - 1] + nudge["dWx"] @ x[t - 1] + nudge["db"] + (Wh + nudge["dWh"]) @ state
            state = np.tanh(a) + nudge["total"][t]
            L = L + dh[t - 1] @ state
        return L.imag / eps

    shapes = {"dWx": (len(Wh), x.shape[1]), "dWh": Wh.shape, "db": (len(Wh),), "total": h.shape}
    return {
        name: np.array([change_of_L(name, place) for place in np.ndindex(shape)]).reshape(shape)
        for name, shape in shapes.items()
    }


def _softmax(s, axis=-1):
    e = np.exp(s - s.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def _draw_unit(rng, T=None):
    w, h = rng.uniform(0.6, 1.5), [rng.uniform(0.3, 0.9)]
    for x in rng.normal(0, 0.5, rng.integers(3, 7) if T is None else T):
        h.append(np.tanh(w * h[-1] + x))
    return w, np.array(h)


def _draw_scalar_walk(rng, T=None):
    w, h = _draw_unit(rng, T)
    return w, h, rng.standard_normal(len(h) - 1)


def _draw_walk(rng, T=None):
    T = rng.integers(3, 7) if T is None else T
    D, H = rng.integers(2, 5), rng.integers(2, 6)
    h = rng.uniform(-0.9, 0.9, (T + 1, H))
    return rng.normal(0, 1, (H, H)), rng.standard_normal((T, D)), h, rng.standard_normal((T, H))


def _draw_scores(rng):
    T, C = rng.integers(2, 6), rng.integers(3, 7)
    return rng.normal(0, 2, (T, C)), np.eye(C)[rng.integers(0, C, T)]


EXERCISES = {
    "02 sum over k": Exercise(
        right=lambda w, h: _terms(w, h).sum(),
        draw=_draw_unit,
        size="T",
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
    "02 scalar walk": Exercise(
        right=_scalar_walk,
        draw=_draw_scalar_walk,
        size="T",
        mistakes={
            "only the direct gradients are used. Each state also reaches L through the step after it: add `later`.": (
                lambda w, h, error: _scalar_walk(w, h, error, carry=0)
            ),
            "the factor back to h_{k-1} is slope times w. The w is missing.": (
                lambda w, h, error: _scalar_walk(w, h, error, send=1)
            ),
            "the slope is missing: between dL/dh_k and the argument of tanh stands 1 - h_k².": (
                lambda w, h, error: _scalar_walk(w, h, error, with_slope=False)
            ),
            "the slope is missing on the way to h_{k-1}: `later` is da times w, not the total gradient times w.": (
                lambda w, h, error: _scalar_walk(w, h, error, through=False)
            ),
            "the slope is taken at the previous state. Step k's is 1 - h_k².": (
                lambda w, h, error: _scalar_walk(w, h, error, slope_at=slice(0, -1))
            ),
            "the immediate derivative meets the wrong state: in step k, w multiplies h_{k-1}, not h_k.": (
                lambda w, h, error: _scalar_walk(w, h, error, enters=slice(1, None))
            ),
            "only the last loss goes back. Each step's own error is added when the walk comes by.": (
                lambda w, h, error: _scalar_walk(w, h, np.r_[0 * error[:-1], error[-1]])
            ),
            "the walk stops one step too early: w is used in step 1, too.": (
                lambda w, h, error: _scalar_walk(w, h, error, until=1)
            ),
            "h (1 - h) is the slope of the sigmoid. This unit is tanh.": _walk_of_a_sigmoid,
            "the slope is missing from the weight's share: it is da times h_{k-1}.": (
                lambda w, h, error: _scalar_walk(w, h, error, share=lambda total, da: total)
            ),
            "this is dL/dh_0, what is left at the start of the sequence. Add up the weight's share of every step.": (
                lambda w, h, error: sum(error[t] * np.prod(w * (1 - h[1 : t + 2] ** 2)) for t in range(len(error)))
            ),
        },
    ),
    "02 backward walk": Exercise(
        right=_by_complex_steps,
        draw=_draw_walk,
        size="T",
        against="complex steps",
        mistakes={
            "a transpose is missing on the way to h_{t-1}: its unit i reaches all units j, so sum over the rows.": (
                lambda Wh, x, h, dh: _walk(Wh, x, h, dh, send=Wh)
            ),
            "tanh' is left out: between dL/dh and da stands the slope 1 - h_t².": (
                lambda Wh, x, h, dh: _walk(Wh, x, h, dh, slope=lambda h, h_prev: 1)
            ),
            "h (1 - h) is the slope of the sigmoid. These units are tanh.": (
                lambda Wh, x, h, dh: _walk(Wh, x, h, dh, slope=lambda h, h_prev: h * (1 - h))
            ),
            "the slope is taken at the previous state. Step t's is written in h_t.": (
                lambda Wh, x, h, dh: _walk(Wh, x, h, dh, slope=lambda h, h_prev: 1 - h_prev**2)
            ),
            "the gradients aren't accumulated over time: each step replaces what the steps before it brought.": (
                lambda Wh, x, h, dh: _walk(Wh, x, h, dh, sum_up=False)
            ),
            "only the direct gradients are used. Each state also reaches L through the step after it.": (
                lambda Wh, x, h, dh: _walk(Wh, x, h, dh, pass_on=False)
            ),
            "the way to h_{t-1} leaves out the slope: Wh sends da back, not the total gradient of h_t.": (
                lambda Wh, x, h, dh: _walk(Wh, x, h, dh, through=False)
            ),
            "only the last loss goes back. Each step's own dh is added when the walk comes by.": (
                lambda Wh, x, h, dh: _walk(Wh, x, h, np.vstack([0 * dh[:-1], dh[-1:]]))
            ),
            "dh is read one row off: row t - 1 belongs to h_t.": (
                lambda Wh, x, h, dh: _walk(Wh, x, h, dh[np.maximum(np.arange(len(dh)) - 1, 0)])
            ),
            "dWh meets the wrong state: in step t, Wh multiplies h_{t-1}, not h_t.": (
                lambda Wh, x, h, dh: _walk(Wh, x, h, dh, enters=0)
            ),
            "total[0] is missing: what is left after step 1 is dL/dh_0.": (
                lambda Wh, x, h, dh: _walk(Wh, x, h, dh, at_h0=False)
            ),
            "dWx is the wrong way round: its row j, column i carries input i into unit j.": (
                lambda Wh, x, h, dh: _turned(_walk(Wh, x, h, dh), "dWx")
            ),
            "dWh is the wrong way round: its row j, column i carries unit i into unit j.": (
                lambda Wh, x, h, dh: _turned(_walk(Wh, x, h, dh), "dWh")
            ),
            "the walk goes forwards. The total gradient of h_t needs that of h_{t+1} first.": (
                lambda Wh, x, h, dh: _forwards(Wh, x, h, dh)
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
            "this is averaged over the steps. L is the sum.": lambda s, y: (_softmax(s) - y) / len(s),
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
            "the exponentials aren't divided by their sum.": lambda s, y: np.exp(s) - y,
            "divided by the sum over all steps and classes. Each step's probabilities add up to 1.": (
                lambda s, y: np.exp(s) / np.exp(s).sum() - y
            ),
            "the scores themselves are compared with y. The softmax is missing.": lambda s, y: s - y,
            "these are logarithms of the probabilities. The gradient has the probabilities themselves.": (
                lambda s, y: np.log(_softmax(s)) - y
            ),
            "this is the loss of each step. Asked for is its gradient, a number for every score.": (
                lambda s, y: -np.sum(y * np.log(_softmax(s)), axis=1)
            ),
        },
    ),
}
