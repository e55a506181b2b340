"""06 · the four paths of a GRU's gradient."""

import numpy as np

from course_utils.cells import sigmoid
from course_utils.checks.exercise import Exercise


def _update(Wz, h_prev, z, h_tilde):
    return np.diag((h_prev - h_tilde) * z * (1 - z)) @ Wz


def _direct_and_update(Wz, h_prev, z, h_tilde):
    return np.diag(z) + _update(Wz, h_prev, z, h_tilde)


def _draw_step(rng):
    H = int(rng.integers(2, 6))
    return rng.normal(size=(H, H)), rng.normal(size=H), rng.uniform(0.1, 0.9, H), rng.uniform(-1, 1, H)


def _bias_gradient(b, h0, T):
    z = sigmoid(b)
    return T * z**T * (1 - z) * h0


def _best_bias_of_the_loss(T):
    """Where the gradient of ½(σ(b)^T - 1)² is largest: the slope of the state times what is still missing."""
    b = np.linspace(0, 10, 100_001)
    return float(b[np.argmax((1 - sigmoid(b) ** T) * _bias_gradient(b, 1.0, T))])


EXERCISES = {
    "06 direct and update": Exercise(
        right=_direct_and_update,
        draw=_draw_step,
        mistakes={
            "z and 1-z are swapped. In this course z keeps: the direct path is the factor of h_prev.": (
                lambda Wz, h_prev, z, h_tilde: np.diag(1 - z) + _update(Wz, h_prev, z, h_tilde)
            ),
            "the update path has the wrong sign. Differentiate z h_prev + (1-z) h_tilde by z once more.": (
                lambda Wz, h_prev, z, h_tilde: np.diag(z) - _update(Wz, h_prev, z, h_tilde)
            ),
            "this is the transpose. Rows belong to the new state, columns to the old one.": (
                lambda Wz, h_prev, z, h_tilde: _direct_and_update(Wz, h_prev, z, h_tilde).T
            ),
            "Wz is transposed. Going forward, z meets Wz as it is.": (
                lambda Wz, h_prev, z, h_tilde: _direct_and_update(Wz.T, h_prev, z, h_tilde)
            ),
            "the diagonal stands on the wrong side of Wz. The gate comes after the product with Wz.": (
                lambda Wz, h_prev, z, h_tilde: np.diag(z) + _update(Wz.T, h_prev, z, h_tilde).T
            ),
            "the slope of the sigmoid is missing from the update path.": (
                lambda Wz, h_prev, z, h_tilde: np.diag(z) + np.diag(h_prev - h_tilde) @ Wz
            ),
            "1 - z² is the slope of tanh. The gate is a sigmoid.": (
                lambda Wz, h_prev, z, h_tilde: np.diag(z) + np.diag((h_prev - h_tilde) * (1 - z**2)) @ Wz
            ),
            "h_tilde is missing from the update path: raising z also takes something away.": (
                lambda Wz, h_prev, z, h_tilde: _direct_and_update(Wz, h_prev, z, 0 * h_tilde)
            ),
            "z was added to every row. The direct path is a diagonal matrix.": (
                lambda Wz, h_prev, z, h_tilde: z + _update(Wz, h_prev, z, h_tilde)
            ),
            "this is the direct path alone.": lambda Wz, h_prev, z, h_tilde: np.diag(z),
            "this is the update path alone.": _update,
        },
    ),
    "06 bias gradient": Exercise(
        right=_bias_gradient,
        draw=lambda rng: (rng.uniform(-1, 3), rng.normal(), int(rng.integers(2, 9))),
        mistakes={
            "T is missing: b acts at every one of the T steps, and the shares add up.": (
                lambda b, h0, T: _bias_gradient(b, h0, T) / T
            ),
            "this is the derivative by z. The chain rule goes on, from z to b.": (
                lambda b, h0, T: T * sigmoid(b) ** (T - 1) * h0
            ),
            "half of the sigmoid's slope is missing: it falls to 0 where the gate is open, too.": (
                lambda b, h0, T: T * sigmoid(b) ** T * h0
            ),
            "one factor z too few: the power rule takes one away, the sigmoid's slope brings one back.": (
                lambda b, h0, T: _bias_gradient(b, h0, T) / sigmoid(b)
            ),
            "one factor z too many: the power rule takes one away.": (
                lambda b, h0, T: _bias_gradient(b, h0, T) * sigmoid(b)
            ),
            "h_0 is missing.": lambda b, h0, T: _bias_gradient(b, 1.0, T),
            "this is h_T itself, not its derivative.": lambda b, h0, T: sigmoid(b) ** T * h0,
            "z and 1-z are swapped. Here z keeps.": lambda b, h0, T: -_bias_gradient(-b, h0, T),
        },
    ),
    "06 best bias": Exercise(
        right=float(np.log(200)),
        rtol=2e-3,
        mistakes={
            "that is where the loss ½(h_T - 1)² has its largest gradient: it has a factor 1 - h_T, which falls as b "
            "rises. Asked for is the slope of h_T alone.": _best_bias_of_the_loss(200),
            "that is the best bias for 100 steps.": float(np.log(100)),
            "that is the best z, not its bias. Which b has σ(b) equal to it?": 200 / 201,
            "that is the decimal logarithm. The sigmoid is made of powers of e.": float(np.log10(200)),
            "that is a fresh gate's bias. See how small the gradient is there.": 0.0,
            "that is the lag. A gate with this bias is saturated, and its slope is 0.": 200.0,
            "the sign is wrong: that gate is shut.": float(-np.log(200)),
        },
    ),
}
