"""10 · remedies."""

import numpy as np

from course_utils.cells import sigmoid
from course_utils.checks.exercise import Exercise


def _norms(grads):
    return [np.linalg.norm(g) for g in grads]


def _factor(grads, limit, norm=lambda grads: np.linalg.norm(_norms(grads))):
    return min(1.0, limit / norm(grads))


def _grads(rng):
    """Two to four arrays whose norm together is up to ten times above the limit, as far below, or little above it."""
    kind = rng.choice(["long", "between", "short", "short", "between", "long"])
    grads = [rng.normal(size=rng.integers(2, 6, size=2)) for _ in range(rng.integers(2, 5))]
    norm, longest = np.linalg.norm(_norms(grads)), max(_norms(grads))
    factor = 10 ** rng.uniform(0.3, 1)
    return grads, {"long": norm / factor, "between": np.sqrt(norm * longest), "short": norm * factor}[kind]


def _reach(Wxz, bz, x, gate=sigmoid, kept=lambda z: z, over_steps=np.prod, over_units=np.max):
    return over_units(over_steps(kept(gate(x @ Wxz.T + bz)), axis=0))


def _gates(rng, T=None):
    length, H, D = rng.integers(3, 9, size=3)
    T = length if T is None else T
    return rng.normal(size=(H, D)), rng.normal(size=H), rng.normal(size=(T, D))


EXERCISES = {
    "10 clip factor": Exercise(
        right=_factor,
        draw=_grads,
        cases_of={"the gradient is longer than the limit": lambda grads, limit: np.linalg.norm(_norms(grads)) > limit},
        rtol=1e-5,  # torch divides by the norm plus 1e-6
        mistakes={
            "a gradient is longer than the limit here although no array is. It is the norm of all that counts.": (
                lambda grads, limit: 1.0 if max(_norms(grads)) < limit else _factor(grads, limit)
            ),
            "a gradient shorter than the limit becomes longer. Clipping leaves it as it is.": (
                lambda grads, limit: limit / np.linalg.norm(_norms(grads))
            ),
            "this is the norm of the longest array alone. One limit holds for all arrays together.": (
                lambda grads, limit: _factor(grads, limit, lambda grads: max(_norms(grads)))
            ),
            "the norms of the arrays are added. Add their squares, then take the root.": (
                lambda grads, limit: _factor(grads, limit, lambda grads: sum(_norms(grads)))
            ),
            "the square root is missing from the norm.": (
                lambda grads, limit: _factor(grads, limit, lambda grads: sum(np.square(_norms(grads))))
            ),
            "this is the largest entry. Clipping by norm asks for the length of the whole gradient.": (
                lambda grads, limit: _factor(grads, limit, lambda grads: max(np.abs(g).max() for g in grads))
            ),
            "this enlarges where it should shrink: the factor is upside down.": (
                lambda grads, limit: max(1.0, np.linalg.norm(_norms(grads)) / limit)
            ),
        },
    ),
    "10 minGRU reach": Exercise(
        right=_reach,
        draw=_gates,
        size="T",
        mistakes={
            "z and 1 - z are swapped. Here z keeps, and 1 - z is the share of the candidate.": (
                lambda Wxz, bz, x: _reach(Wxz, bz, x, kept=lambda z: 1 - z)
            ),
            "the largest factor of every step is taken first. Follow one unit through all steps, then compare units.": (
                lambda Wxz, bz, x: np.prod(sigmoid(x @ Wxz.T + bz).max(axis=1))
            ),
            "this is the unit that forgets most. The norm of a diagonal matrix is its largest entry.": (
                lambda Wxz, bz, x: _reach(Wxz, bz, x, over_units=np.min)
            ),
            "this is the mean over units. The norm of a diagonal matrix is its largest entry.": (
                lambda Wxz, bz, x: _reach(Wxz, bz, x, over_units=np.mean)
            ),
            "this is the Frobenius norm. The exercise asks for the largest singular value.": (
                lambda Wxz, bz, x: _reach(Wxz, bz, x, over_units=np.linalg.norm)
            ),
            "the factors of all units are multiplied. Each unit has its own product.": (
                lambda Wxz, bz, x: _reach(Wxz, bz, x, over_units=np.prod)
            ),
            "the factors are added over the steps. Along a chain they multiply.": (
                lambda Wxz, bz, x: _reach(Wxz, bz, x, over_steps=np.sum)
            ),
            "the bias is missing from the gate.": lambda Wxz, bz, x: _reach(Wxz, 0, x),
            "the gate is a sigmoid, not tanh.": lambda Wxz, bz, x: _reach(Wxz, bz, x, gate=np.tanh),
        },
    ),
    "10 choose": Exercise(
        right={"A": 2, "B": 1, "C": 3, "D": 4},
        mistakes={
            "A: clipping never makes a gradient longer.": {"A": 1},
            "A: this net has gates. What state are they in?": {"A": 3},
            "A: this gradient has vanished, so the data have not had their chance yet. What brings it back?": {"A": 4},
            "B: a net without gates has no gate's bias to raise.": {"B": 2},
            "B: a gradient norm of 6,000 is a fault with a quick remedy of its own. Try that first.": {"B": 3},
            "B: something is wrong with the gradient itself, and a quick remedy is at hand.": {"B": 4},
            "C: the gradient's norm is small and harmless, so there is nothing to clip.": {"C": 1},
            "C: a net without gates has no gate's bias to raise.": {"C": 2},
            "C: the memory is kept, but the task asks for more. What can this net not do?": {"C": 4},
            "D: two fifths of the gradient are left. Is the past the problem?": {"D": 2},
            "D: this net has gates already.": {"D": 3},
            "D: nothing here says that a gradient is too long.": {"D": 1},
        },
    ),
}
