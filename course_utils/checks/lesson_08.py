"""08 · learning to remember."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from course_utils.cells import Params, forward, init_params, run
from course_utils.checks.exercise import Exercise, judge
from course_utils.gradients import backward

PARTS = ("loss", "norm", "Wx", "Wh", "bx", "bh", "v", "c")  # what a training step returns
TINY = 1e-30  # the complex step


def training_step(
    p: Params, v: np.ndarray, c: float, x: np.ndarray, y: float, rate: float, limit: float
) -> tuple[Any, ...]:
    """One update, as lesson 08 writes it: forward, loss, backward, clipping by norm, and a step downhill.

    p     Params of the cell; v (H,) and c, its readout: the answer to x (T, D) is v · h_T + c.
    y     the right answer. The loss is half of the squared error.
    rate  learning rate; limit, the largest norm of all gradients together.

    Returns the loss, the norm before clipping, and the new Wx, Wh, bx, bh, v and c.
    """
    trace = forward(p, x)
    h_T = trace.h[-1]
    error = v @ h_T + c - y
    dh = np.zeros((len(x), p.hidden_size))
    dh[-1] = error * v
    g = backward(trace, dh)
    grads = [g.Wx, g.Wh, g.bx, g.bh, error * h_T, error]
    norm = np.sqrt(sum(np.sum(grad**2) for grad in grads))
    shorter = min(1, limit / norm)
    weights = (p.Wx, p.Wh, p.bx, p.bh, v, c)
    moved = [w - rate * shorter * grad for w, grad in zip(weights, grads, strict=True)]
    return error**2 / 2, norm, *moved


def yours_or_ours(answer: Callable) -> Callable:
    """The reader's training step if it is right, and the one above if it isn't written yet. Prints which."""
    right = judge(answer, EXERCISES["08 training step"].cases(4)).right
    print(f"This loop runs on {'your' if right else 'our'} training step.")
    return answer if right else training_step


# ---------------------------------------------------------------------------------------------------------------------
# The training step, by complex steps


def _loss(weights: list[np.ndarray], kind: str, reset: str, x: np.ndarray, y: float) -> Any:
    """Half of the squared error, for complex weights as well."""
    Wx, Wh, bx, bh, v, c = weights
    blocks = {"Wh_blocks": np.split(Wh, 3), "bh_blocks": np.split(bh, 3)}
    cell: Any = SimpleNamespace(kind=kind, Wx=Wx, Wh=Wh, bx=bx, bh=bh, reset=reset, **blocks)
    h = run(cell, x, np.zeros(Wh.shape[1]), np.zeros(0)).h
    return (v @ h[-1] + c - y) ** 2 / 2


def _gradients(p: Params, v: np.ndarray, c: float, x: np.ndarray, y: float) -> list[np.ndarray]:
    """∂L/∂ each of Wx, Wh, bx, bh, v, c: one complex step for every number in them."""
    weights = [np.array(w, complex) for w in (p.Wx, p.Wh, p.bx, p.bh, v, c)]
    grads = [np.zeros(w.shape) for w in weights]
    for w, grad in zip(weights, grads, strict=True):
        for at in np.ndindex(w.shape):
            w[at] += 1j * TINY
            grad[at] = _loss(weights, p.kind, p.reset, x, y).imag / TINY
            w[at] -= 1j * TINY
    return grads


def _right_step(p, v, c, x, y, rate, limit):
    grads = _gradients(p, v, c, x, y)
    norm = np.linalg.norm(np.concatenate([grad.ravel() for grad in grads]))
    factor = limit / norm if norm > limit else 1.0
    loss = _loss([p.Wx, p.Wh, p.bx, p.bh, v, np.array(c)], p.kind, p.reset, x, y)
    weights = (p.Wx, p.Wh, p.bx, p.bh, v, c)
    moved = [w - rate * factor * grad for w, grad in zip(weights, grads, strict=True)]
    return dict(zip(PARTS, (loss, norm, *moved), strict=True))


def _step_with(mistake: str) -> Callable:
    """The training step with one thing wrong."""

    def step(p, v, c, x, y, rate, limit):
        trace, H = forward(p, x), p.hidden_size
        h_T = trace.h[-2 if mistake == "last but one" else -1]
        error = v @ h_T + c - y
        dh = np.zeros((len(x), H))
        if mistake == "every step":
            dh[:] = error * v
        else:
            dh[-1] = v if mistake == "no error" else error * v
        g = backward(trace, dh)
        cell, readout = [g.Wx, g.Wh, g.bx, g.bh], [error * h_T, error]
        if mistake == "frozen readout":
            readout = [np.zeros(H), 0.0]
        if mistake == "error alone":
            readout[0] = np.full(H, error)
        grads = cell + readout
        norms = [np.linalg.norm(grad) for grad in grads]
        norm = np.linalg.norm(norms[:4] if mistake == "cell's norm" else norms)
        factors = [min(1, limit / norm)] * 6
        if mistake == "each alone":
            factors = [min(1, limit / max(one, 1e-300)) for one in norms]  # at T = 1 that of W_h is 0
        if mistake == "never clipped":
            factors = [1.0] * 6
        if mistake == "always clipped":
            factors = [limit / norm] * 6
        rate = -rate if mistake == "uphill" else rate
        if mistake == "by value":
            grads, factors = [np.clip(grad, -limit, limit) for grad in grads], [1.0] * 6
        if mistake == "gradients":
            moved = [factor * grad for factor, grad in zip(factors, grads, strict=True)]
        else:
            each = zip((p.Wx, p.Wh, p.bx, p.bh, v, c), factors, grads, strict=True)
            moved = [w - rate * factor * grad for w, factor, grad in each]
        loss = error**2 if mistake == "no half" else error**2 / 2
        return loss, min(norm, limit) if mistake == "clipped norm" else norm, *moved

    return lambda *arguments: dict(zip(PARTS, step(*arguments), strict=True))


def _draw_training(rng, T=None):
    D, H, T = (int(n) for n in (rng.integers(2, 4), rng.integers(2, 4), rng.integers(3, 6) if T is None else T))
    p = init_params("GRU", D, H, seed=int(rng.integers(1000)))
    v, c, y = rng.normal(size=H), float(rng.normal()), float(rng.normal(2, 1))
    limit = 0.3 if rng.uniform() < 0.5 else 50.0
    return p, v, c, rng.normal(size=(T, D)), y, float(rng.uniform(0.05, 0.3)), limit


def _is_clipped(p, v, c, x, y, rate, limit):
    return _right_step(p, v, c, x, y, rate, limit)["norm"] > limit


# ---------------------------------------------------------------------------------------------------------------------
# Adam, and the loss per step


def _adam(
    w,
    g,
    m,
    s,
    t,
    rate,
    *,
    corrected=True,
    later=False,
    root=True,
    swapped=False,
    added=True,
    eps=(1e-8, 0),
):
    a, b = (0.999, 0.9) if swapped else (0.9, 0.999)
    new_m, new_s = a * m + (1 - a) * g, b * s + (1 - b) * g**2
    if not added:
        new_m, new_s = a * m + g, b * s + g**2
    age = t - 1 if later else t
    m_hat, s_hat = (new_m / (1 - a**age), new_s / (1 - b**age)) if corrected else (new_m, new_s)
    scale = np.sqrt(s_hat + eps[1]) if root else s_hat
    return {"w": w - rate * m_hat / (scale + eps[0]), "m": new_m, "s": new_s}


def _draw_adam(rng, t=None):
    n, t = int(rng.integers(2, 6)), int(rng.integers(2, 20)) if t is None else t
    w, g, m, s = rng.normal(size=n), rng.normal(size=n), rng.normal(size=n), rng.uniform(0.5, 2, n)
    g[0], m[0], s[0] = 1e-6 * g[0], 1e-6 * m[0], 1e-12 * s[0]  # so small that the 1e-8 counts
    return w, g, m, s, t, 0.03


def _norms(rng, T=None):
    T = int(rng.integers(5, 30)) if T is None else T
    return (np.exp(np.r_[np.cumsum(rng.uniform(-0.6, 0.1, T))[::-1], 0.0]),)


EXERCISES = {
    "08 training step": Exercise(
        right=_right_step,
        draw=_draw_training,
        size="T",
        sizes=(1, 2, 3, 4),
        cases_of={"the gradient is longer than limit": _is_clipped},
        against="complex steps",
        rtol=1e-5,  # torch divides by norm + 1e-6
        mistakes={
            "the loss is half of the squared error. The half is missing; the gradients know it already.": (
                _step_with("no half")
            ),
            "dL/dh_T has a factor missing: the error. By the chain rule it is (answer - y) times v.": (
                _step_with("no error")
            ),
            "your dh has numbers in every row. The answer is read from h_T alone, so only its last row is not 0.": (
                _step_with("every step")
            ),
            "the answer is read one step too early. trace.h has T + 1 rows, and h_T is the last one, h[-1].": (
                _step_with("last but one")
            ),
            "the readout doesn't learn. v and c have gradients too: error times h_T, and the error.": (
                _step_with("frozen readout")
            ),
            "the gradient of v is the error times h_T. The state is missing.": _step_with("error alone"),
            "the norm leaves the readout out. It is that of all six gradients together.": _step_with("cell's norm"),
            "each gradient is clipped by its own norm. One norm of all six together keeps their direction.": (
                _step_with("each alone")
            ),
            "this clips by value, every entry by itself. By norm, all entries get the same factor.": (
                _step_with("by value")
            ),
            "nothing is clipped: where the norm is above the limit, all gradients shrink by limit/norm.": (
                _step_with("never clipped")
            ),
            "this scales small gradients up as well. Where the norm is below the limit, they stay as they are.": (
                _step_with("always clipped")
            ),
            "the sign: this goes uphill. A step downhill subtracts the gradient.": _step_with("uphill"),
            "these are the gradients. The weights after the step are asked for: weight minus rate times gradient.": (
                _step_with("gradients")
            ),
            "the norm is asked for as it was before clipping.": _step_with("clipped norm"),
        },
    ),
    "08 adam step": Exercise(
        right=_adam,
        draw=_draw_adam,
        size="t",
        sizes=(2, 3, 5, 12),
        mistakes={
            "without the corrections 1 - 0.9^t and 1 - 0.999^t, the first updates are off: both means begin at 0.": (
                lambda *args: _adam(*args, corrected=False)
            ),
            "off by one: t counts this update as well, so that it is 1 at the first one.": (
                lambda *args: _adam(*args, later=True)
            ),
            "the root is missing below: s is a mean of squares, and its root has the unit of a gradient.": (
                lambda *args: _adam(*args, root=False)
            ),
            "0.9 and 0.999 are swapped: the mean of the squares is the slower one.": (
                lambda *args: _adam(*args, swapped=True)
            ),
            "s is the running mean of the squares g². Here it has taken in g itself.": (
                lambda w, g, m, s, t, rate: {"s": 0.999 * s + 0.001 * g}
            ),
            "these are sums. In a mean the new gradient has the weight 0.1, and its square 0.001.": (
                lambda *args: _adam(*args, added=False)
            ),
            "the 1e-8 stands inside the root. It is added to the root.": lambda *args: _adam(*args, eps=(0, 1e-8)),
            "the 1e-8 is missing: a weight that never had a gradient would divide 0 by 0.": (
                lambda *args: _adam(*args, eps=(0, 0))
            ),
            "m and s are given back as they came. The next update needs the new ones.": (
                lambda w, g, m, s, t, rate: _adam(w, g, m, s, t, rate) | {"m": m, "s": s}
            ),
            "m and s come back corrected. The correction is for this update only, it isn't remembered.": (
                lambda w, g, m, s, t, rate: (
                    _adam(w, g, m, s, t, rate)
                    | {"m": (0.9 * m + 0.1 * g) / (1 - 0.9**t), "s": (0.999 * s + 0.001 * g**2) / (1 - 0.999**t)}
                )
            ),
        },
    ),
    "08 lost per step": Exercise(
        right=lambda norms: -np.log(norms[0]) / (len(norms) - 1),
        draw=_norms,
        size="T",
        sizes=(1, 2, 5, 20),
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
            "this is the mean of all logarithms. A step loses the T-th part of what lies between last and first.": (
                lambda norms: -np.log(norms).mean()
            ),
        },
    ),
}
