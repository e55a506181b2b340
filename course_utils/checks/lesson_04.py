"""04 · gates."""

import numpy as np

from course_utils.cells import sigmoid
from course_utils.checks.exercise import Exercise


def _step(Wx, Wh, bx, bh, x, h_prev, *, order=(0, 1, 2), squash=np.tanh, reset="after", swap=False):
    """One GRU step, with the options that make it wrong. order: which blocks r, z and the candidate are taken from."""
    from_x, W, b = np.split(Wx @ x + bx, 3), np.split(Wh, 3), np.split(bh, 3)
    r, z = (sigmoid(from_x[i] + W[i] @ h_prev + b[i]) for i in order[:2])
    n = order[2]
    from_h = {
        "after": lambda: r * (W[n] @ h_prev + b[n]),
        "before": lambda: W[n] @ (r * h_prev) + b[n],
        "never": lambda: W[n] @ h_prev + b[n],
        "not the bias": lambda: r * (W[n] @ h_prev) + b[n],
    }[reset]()
    h_tilde = squash(from_x[n] + from_h)
    if swap:
        z = 1 - z
    return z * h_prev + (1 - z) * h_tilde


def _draw_step(rng):
    D, H = (int(n) for n in rng.integers(2, 6, 2))
    return (
        rng.normal(size=(3 * H, D)),
        rng.normal(size=(3 * H, H)),
        rng.normal(size=3 * H),
        rng.normal(size=3 * H),
        rng.normal(size=D),
        rng.uniform(-1, 1, H),
    )


def _draw_stack(rng):
    H = int(rng.integers(2, 6))
    shape = (3 * H, int(rng.integers(2, 6))) if rng.uniform() < 0.5 else (3 * H,)
    return (rng.normal(size=shape),)


def _negated(W, *blocks):
    parts = np.split(np.asarray(W), 3)
    return np.concatenate([-part if i in blocks else part for i, part in enumerate(parts)])


def _one_minus(W):
    r, z, n = np.split(np.asarray(W), 3)
    return np.concatenate([r, 1 - z, n])


def _bias(n, left=0.5):
    z = left ** (1 / n)
    return np.log(z / (1 - z))


EXERCISES = {
    "04 GRU step": Exercise(
        right=_step,
        draw=_draw_step,
        mistakes={
            "z and 1 - z are swapped. Here z keeps: it multiplies the old state.": (
                lambda *args: _step(*args, swap=True)
            ),
            "the reset gate is never used. It decides what the candidate hears of h_prev.": (
                lambda *args: _step(*args, reset="never")
            ),
            "the reset gate is applied before the product, as in the papers. Here it comes after.": (
                lambda *args: _step(*args, reset="before")
            ),
            "the candidate's part of bh is added after the reset. The gate multiplies it, too.": (
                lambda *args: _step(*args, reset="not the bias")
            ),
            "the candidate went through a sigmoid. A gate is a share; a candidate may be negative.": (
                lambda *args: _step(*args, squash=sigmoid)
            ),
            "the row blocks of r and z are swapped. Their order is r, z, n.": (
                lambda *args: _step(*args, order=(1, 0, 2))
            ),
            "the bias bh is missing.": lambda Wx, Wh, bx, bh, x, h: _step(Wx, Wh, bx, 0 * bh, x, h),
        },
    ),
    "04 other convention": Exercise(
        right=lambda W: _negated(W, 1),
        draw=_draw_stack,
        mistakes={
            "all rows are negated, the candidate's and the reset gate's too. Only z changes its meaning.": (
                lambda W: _negated(W, 0, 1, 2)
            ),
            "the wrong block: these are r's rows. The order is r, z, n.": lambda W: _negated(W, 0),
            "the wrong block: these are the candidate's rows. The order is r, z, n.": lambda W: _negated(W, 2),
            "1 - z is taken of the weights. It holds for the gate; what does it mean for the sigmoid's argument?": (
                _one_minus
            ),
            "nothing is changed. With the same weights, the two conventions are different networks.": lambda W: W,
        },
    ),
    "04 bias for a half-life": Exercise(
        right=_bias,
        draw=lambda rng: (int(rng.integers(2, 100)),),
        mistakes={
            "this is the gate z. Which bias brings the sigmoid to it?": lambda n: 0.5 ** (1 / n),
            "this bias is right for a gate that writes. Here z keeps.": lambda n: -_bias(n),
            "with this bias, 1/e of the memory is left after n steps. The question is about one half.": (
                lambda n: _bias(n, left=np.exp(-1))
            ),
            "log n is an estimate of the bias that leaves 1/e. Solve for one half, exactly.": np.log,
            "this is the estimate for large n. Solve for b exactly.": lambda n: np.log(n / np.log(2)),
            "this leaves half after one step, at every n. Half is left when z^n, not z, is 1/2.": lambda n: 0.0,
        },
    ),
}
