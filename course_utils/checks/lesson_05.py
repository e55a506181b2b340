"""05 · gates."""

from functools import partial

import numpy as np

from course_utils.checks.exercise import Exercise
from course_utils.checks.gru import draw_stack, draw_step, right_step, rows, sigmoid_candidate, wrong_step


def _one_minus(W):
    r, z, n = np.split(np.asarray(W), 3)
    return np.concatenate([r, 1 - z, n])


def _bias(n, left=0.5):
    z = left ** (1 / n)
    return np.log(z / (1 - z))


EXERCISES = {
    "05 GRU step": Exercise(
        right=right_step,
        draw=draw_step,
        mistakes={
            "z and 1 - z are swapped. Here z keeps: it multiplies the old state.": (
                partial(wrong_step, "z and 1-z swapped")
            ),
            "the reset gate is never used. It decides what the candidate hears of h_prev.": (
                partial(wrong_step, "reset never used")
            ),
            "the reset gate is applied before the product, as in the papers. Here it comes after.": (
                partial(right_step, reset="before")
            ),
            "the candidate's part of bh is added after the reset. The gate multiplies it, too.": (
                partial(wrong_step, "bias past the reset")
            ),
            "the candidate went through a sigmoid. A gate is a share; a candidate may be negative.": sigmoid_candidate,
            "the row blocks of r and z are swapped. Their order is r, z, n.": partial(wrong_step, "r and z swapped"),
            "the bias bh is missing.": partial(wrong_step, "no bh"),
        },
    ),
    "05 other convention": Exercise(
        right=lambda W: rows(W, negate=(1,)),
        draw=draw_stack,
        mistakes={
            "all rows are negated, the candidate's and the reset gate's too. Only z changes its meaning.": (
                lambda W: rows(W, negate=(0, 1, 2))
            ),
            "the wrong block: these are r's rows. The order is r, z, n.": lambda W: rows(W, negate=(0,)),
            "the wrong block: these are the candidate's rows. The order is r, z, n.": lambda W: rows(W, negate=(2,)),
            "1 - z is taken of the weights. It holds for the gate; what does it mean for the sigmoid's argument?": (
                _one_minus
            ),
            "nothing is changed. With the same weights, the two conventions are different networks.": lambda W: W,
        },
    ),
    "05 bias for a half-life": Exercise(
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
