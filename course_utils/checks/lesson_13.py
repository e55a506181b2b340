"""13 · after the GRU."""

import numpy as np

from course_utils.cells import sigmoid
from course_utils.checks.exercise import Exercise


def _two_steps(rng):
    """Two steps of random size, each a pair (a, b) of (H,) arrays."""
    H = int(rng.integers(2, 6))
    first, second = ((rng.uniform(0.1, 0.9, H), rng.normal(size=H)) for _ in range(2))
    return first, second


def _joined(first, second):
    return {"a": second[0] * first[0], "b": second[0] * first[1] + second[1]}


def _selective(h_prev, x, s, m):
    keep = np.exp(-m * np.log1p(np.exp(s)))
    return keep * h_prev + (1 - keep) / m * x


def _draw_selective(rng, m=None):
    return rng.normal(), rng.normal(), rng.normal(), int(rng.integers(2, 9)) if m is None else m


def _draw_backward(rng, T=None):
    """Shares kept, states and direct gradients: a (T, H), h (T+1, H), g (T, H)."""
    length, H = (int(n) for n in rng.integers(3, 7, 2))
    T = length if T is None else T
    a, b, h = rng.uniform(0.1, 0.9, (T, H)), rng.normal(size=(T, H)), [np.zeros(H)]
    for a_t, b_t in zip(a, b, strict=True):
        h.append(a_t * h[-1] + b_t)
    return a, np.array(h), rng.normal(size=(T, H))


def _sent_back(a, h, g, factor=lambda a, t: a[t + 1], direct=True, state=lambda h, t: h[t]):
    """dL/da and dL/db; `factor` is what multiplies the later gradient, `state` the one that a_t multiplies."""
    T, later = len(a), np.zeros(a.shape[1])
    by_a, by_b = np.zeros_like(a), np.zeros_like(a)
    for t in reversed(range(T)):
        carried = factor(a, t) * later if t < T - 1 else 0 * later
        later = carried + (g[t] if direct or t == T - 1 else 0)
        by_a[t], by_b[t] = later * state(h, t), later
    return {"da": by_a, "db": by_b}


EXERCISES = {
    "13 two steps in one": Exercise(
        right=_joined,
        draw=_two_steps,
        mistakes={
            "the steps are in the wrong order: what the first one adds is multiplied by the second one's share.": (
                lambda first, second: _joined(second, first)
            ),
            "what the first step adds has passed the second step as well, so it is multiplied, too.": (
                lambda first, second: {**_joined(first, second), "b": first[1] + second[1]}
            ),
            "the shares are added. What is left after two steps is a share of a share.": (
                lambda first, second: {**_joined(first, second), "a": first[0] + second[0]}
            ),
            "both additions are multiplied by the second share. What the second step adds comes after it.": (
                lambda first, second: {**_joined(first, second), "b": second[0] * (first[1] + second[1])}
            ),
            "what the first step adds is lost.": lambda first, second: {**_joined(first, second), "b": second[1]},
        },
    ),
    "13 selective step": Exercise(
        right=_selective,
        draw=_draw_selective,
        size="m",
        mistakes={
            "the share kept and the share written are swapped: with a large s the step is long, and little is kept.": (
                lambda h_prev, x, s, m: sigmoid(s) ** m * h_prev + (1 - sigmoid(s) ** m) / m * x
            ),
            "m is missing from the share that is kept: the rate is m, so the exponent is -m times the step.": (
                lambda h_prev, x, s, m: sigmoid(-s) * h_prev + (1 - sigmoid(-s)) / m * x
            ),
            "the share kept is multiplied by m. The exponent is, so the share is raised to the power m.": (
                lambda h_prev, x, s, m: m * sigmoid(-s) * h_prev + (1 - m * sigmoid(-s)) / m * x
            ),
            "1/m is missing from what is written: a constant input settles at x / m.": (
                lambda h_prev, x, s, m: sigmoid(-s) ** m * h_prev + (1 - sigmoid(-s) ** m) * x
            ),
            "m is used nowhere: it is the rate, in the exponent, and 1/m is in what is written.": (
                lambda h_prev, x, s, m: sigmoid(-s) * h_prev + (1 - sigmoid(-s)) * x
            ),
            "the step's length is s itself here. It is softplus(s), so that it is positive.": (
                lambda h_prev, x, s, m: np.exp(-m * s) * h_prev + (1 - np.exp(-m * s)) / m * x
            ),
            "the input is multiplied by the step's length, as in Euler's method. Here it is held during the step.": (
                lambda h_prev, x, s, m: sigmoid(-s) ** m * h_prev + np.log1p(np.exp(s)) * x
            ),
        },
    ),
    "13 backward": Exercise(
        right=_sent_back,
        draw=_draw_backward,
        size="T",
        mistakes={
            "the share is one step off: from h_{t+1} to h_t the way back is multiplied by a_{t+1}, not by a_t.": (
                lambda a, h, g: _sent_back(a, h, g, factor=lambda a, t: a[t])
            ),
            "in dL/da the state is one step off: a_t multiplies h_{t-1}.": (
                lambda a, h, g: _sent_back(a, h, g, state=lambda h, t: h[t + 1])
            ),
            "only the last step's direct gradient goes back. Every step has one.": (
                lambda a, h, g: _sent_back(a, h, g, direct=False)
            ),
            "these are the direct gradients alone. A state acts through all later states as well.": (
                lambda a, h, g: _sent_back(a, h, g, factor=lambda a, t: 0 * a[t])
            ),
            "the later gradient comes back whole. On its way it is multiplied by the share that was kept.": (
                lambda a, h, g: _sent_back(a, h, g, factor=lambda a, t: 1 + 0 * a[t])
            ),
        },
    ),
}
