"""14 · the clinic: the line that each wrong explanation needs instead."""

from collections.abc import Callable
from math import comb, erfc, sqrt

import numpy as np

from course_utils.cells import sigmoid
from course_utils.checks.exercise import Exercise

# ---------------------------------------------------------------------------------------------------------------------
# 1, settled


def _draw_unit(rng):
    w, b, T = rng.uniform(1, 4), rng.uniform(-2, 0), int(rng.integers(2, 6))

    def run(h):
        for _ in range(T):
            h = sigmoid(w * h + b)
        return h

    return run, float(rng.uniform(0.2, 0.8))


def _share_left(run, h0):
    return np.imag(run(h0 + 1e-30j)) / 1e-30


# ---------------------------------------------------------------------------------------------------------------------
# 2, weights, and 3, eigenvalues


def _draw_weights(rng):
    H = int(rng.integers(2, 7))
    return rng.normal(size=(H, H)), float(rng.uniform(0.2, 0.9))


def _radius(W):
    return np.abs(np.linalg.eigvals(W)).max()


def _draw_period(rng, n=None):
    n, H = int(rng.integers(3, 6)) if n is None else n, int(rng.integers(2, 5))
    return (rng.normal(size=(n, H, H)),)


def _product(J):
    product = np.eye(J.shape[1])
    for step in J:
        product = step @ product
    return product


# ---------------------------------------------------------------------------------------------------------------------
# 4, clipped


def _draw_parts(rng, T=None):
    share = rng.choice([0.3, 0.6, 3.0])  # a gradient below the limit stays
    T, P = int(rng.integers(3, 7)) if T is None else T, int(rng.integers(2, 6))
    parts = rng.normal(size=(T, P))
    return parts, float(share * np.linalg.norm(parts.sum(axis=0)))


def _clipped(parts, c):
    return parts * min(1, c / np.linalg.norm(parts.sum(axis=0)))


# ---------------------------------------------------------------------------------------------------------------------
# 6, a profile


def _draw_step_back(rng):
    H = int(rng.integers(2, 7))
    return rng.normal(size=H), rng.normal(size=(H, H)), rng.normal(size=H)


# ---------------------------------------------------------------------------------------------------------------------
# 7, underflow


def _draw_format(rng):
    return float(rng.uniform(0.05, 0.5)), str(rng.choice(["float16", "float32", "float64"]))


def _lag_of_zero(power: str) -> Callable:
    """The lag at which a norm that loses `decades` powers of ten a step has come down to a number of the format."""

    def lag(decades, dtype):
        return -np.log10(float(getattr(np.finfo(dtype), power))) / decades

    return lag


# ---------------------------------------------------------------------------------------------------------------------
# 8, one seed, and 9, budgets


def _draw_wins(rng):
    n = 2 * int(rng.integers(3, 16))
    return n // 2 if rng.integers(2) else int(rng.integers(0, n + 1)), n  # a half is a case of its own


def _at_least(wins, n):
    return sum(comb(n, k) for k in range(wins, n + 1)) / 2**n


def _p_value(wins, n):
    return min(1, 2 * _at_least(max(wins, n - wins), n))


def _draw_errors(rng):
    """RNNs that stop after a few evaluations; GRUs that go on, are behind at first and ahead later."""
    S, E, more = int(rng.integers(5, 12)), int(rng.integers(3, 7)), int(rng.integers(2, 6))
    rnn = 4 - 0.1 * np.arange(E) + 0.3 * rng.normal(size=(S, E))
    gru = 4.1 - 0.1 * np.arange(E + more) + 0.3 * rng.normal(size=(S, E + more))
    return (rnn, gru) if rng.integers(2) else (gru, rnn)


def _ahead(rnn, gru):
    last = min(rnn.shape[1], gru.shape[1]) - 1
    return np.mean(gru[:, last] < rnn[:, last])


# ---------------------------------------------------------------------------------------------------------------------
# 10, a mean that ends today


def _draw_days(rng):
    return rng.normal(size=int(rng.integers(9, 15))), int(rng.choice([3, 5]))


def _mean_of(first: Callable[[int, int], int], last: Callable[[int, int], int]) -> Callable:
    """Entry t is the mean of the days first(t, n) to last(t, n), as far as there are any."""

    def mean(x, n):
        days = [x[max(0, first(t, n)) : max(0, last(t, n) + 1)] for t in range(len(x))]
        return np.array([part.mean() if len(part) else 0.0 for part in days])

    return mean


_trailing = _mean_of(lambda t, n: t - n + 1, lambda t, n: t)


EXERCISES = {
    "14 repair settled": Exercise(
        right=_share_left,
        draw=_draw_unit,
        because="It asks what another start would have changed, and not how far the state has moved.",
        mistakes={
            "this is how far the state has come from its start. Ask what another start would have changed.": (
                lambda run, h0: run(h0) - h0
            ),
            "this is the imaginary part alone. Divide it by the size of the nudge.": lambda run, h0: np.imag(
                run(h0 + 1e-3j)
            ),
            "this is the imaginary part, not yet divided by the size of the nudge.": lambda run, h0: np.imag(
                run(h0 + 1e-30j)
            ),
            "a nudge of 1 is no small change. Nudge by an imaginary 1e-30.": lambda run, h0: run(h0 + 1) - run(h0),
            "a difference of two close numbers loses digits. Nudge by an imaginary 1e-30.": lambda run, h0: (
                (run(h0 + 1e-3) - run(h0)) / 1e-3
            ),
        },
        against="a complex step",
    ),
    "14 repair weights": Exercise(
        right=lambda Wh, gamma: 1 / (gamma * np.linalg.norm(Wh, 2)),
        draw=_draw_weights,
        because="Below this scale every step shortens every arrow, whatever the inputs are.",
        mistakes={
            "this looks at single weights. Many small ones add up, so it is σ₁ of the matrix that counts.": (
                lambda Wh, gamma: 1 / (gamma * np.abs(Wh).max())
            ),
            "this is the claim's own line: single weights, and no slope.": lambda Wh, gamma: 1 / np.abs(Wh).max(),
            "the spectral radius bounds no product of steps that differ. The norm does.": lambda Wh, gamma: (
                1 / (gamma * _radius(Wh))
            ),
            "the slope of the activation is missing.": lambda Wh, gamma: 1 / np.linalg.norm(Wh, 2),
            "upside down: γ s σ₁ = 1 has to be solved for s.": lambda Wh, gamma: gamma * np.linalg.norm(Wh, 2),
            "np.linalg.norm without a 2 is the root of all squares, which is larger than σ₁.": lambda Wh, gamma: (
                1 / (gamma * np.linalg.norm(Wh))
            ),
        },
    ),
    "14 repair radius": Exercise(
        right=lambda J: _radius(_product(J)) ** (1 / len(J)),
        draw=_draw_period,
        size="n",
        because="A period is one constant matrix, and of a constant matrix the radius gives the long run.",
        mistakes={
            "this is a mean of the steps' own radii. Multiply the steps first.": lambda J: np.mean(
                [_radius(step) for step in J]
            ),
            "this multiplies the steps' own radii. Radii don't multiply; multiply the matrices.": lambda J: (
                np.prod([_radius(step) for step in J]) ** (1 / len(J))
            ),
            "this is the largest of the steps' own radii, which bounds nothing here.": lambda J: max(
                _radius(step) for step in J
            ),
            "this is the factor of a whole period. Take its n-th root.": lambda J: _radius(_product(J)),
            "this divides by the number of steps. Factors multiply, so take the n-th root.": lambda J: (
                _radius(_product(J)) / len(J)
            ),
            "J[0] acts first, so it stands on the right of the product.": lambda J: (
                _radius(_product(J[::-1])) ** (1 / len(J))
            ),
            "the norm of one period bounds the long run from above. The long run itself is given by the radius.": (
                lambda J: np.linalg.norm(_product(J), 2) ** (1 / len(J))
            ),
        },
    ),
    "14 repair clipping": Exercise(
        right=_clipped,
        draw=_draw_parts,
        size="T",
        cases_of={"the gradient is longer than c": lambda parts, c: np.linalg.norm(parts.sum(axis=0)) > c},
        rtol=1e-5,  # torch divides by the norm plus 1e-6
        because="All parts get one factor, at most 1, so no lag gains on another one.",
        mistakes={
            "a gradient shorter than c must stay as it is. This one is made longer.": lambda parts, c: (
                parts * c / np.linalg.norm(parts.sum(axis=0))
            ),
            "this is the norm of the longest part. The gradient is the sum of all, with one norm.": lambda parts, c: (
                parts * min(1, c / max(np.linalg.norm(part) for part in parts))
            ),
            "this is the norm of all parts side by side. The gradient is their sum.": lambda parts, c: (
                parts * min(1, c / np.linalg.norm(parts))
            ),
            "this clips by value, entry by entry.": lambda parts, c: np.clip(parts, -c, c),
            "the shapes: all parts are wanted, (T, P), not their sum.": lambda parts, c: _clipped(parts, c).sum(axis=0),
        },
    ),
    "14 repair gates": Exercise(
        right=lambda z: {"f": z, "i": 1 - z},
        draw=lambda rng: (rng.uniform(size=(int(rng.integers(2, 6)), 3)),),
        because="c_t = z c_{t-1} + (1 - z) h̃_t is the GRU's own last line, so forget and input gate are one gate.",
        mistakes={
            "z keeps here, so it belongs to f.": lambda z: {"f": 1 - z, "i": z},
            "i lets in the share that isn't kept. z is the share that is.": lambda z: {"f": z, "i": z},
            "with i = 1 the memory would be a growing sum and no mean of old and new.": (
                lambda z: {"f": z, "i": np.ones_like(z)}
            ),
            "with f = 1 nothing would ever be dropped.": lambda z: {"f": np.ones_like(z), "i": 1 - z},
        },
    ),
    "14 repair profile": Exercise(
        right=lambda direct, J_next, total_next: direct + J_next.T @ total_next,
        draw=_draw_step_back,
        because="Later steps count, since the next state is computed from this one.",
        mistakes={
            "this is the direct gradient, which retain_grad on the output gives. Later states depend on h_t, too.": (
                lambda direct, J_next, total_next: direct
            ),
            "backwards, a Jacobian is transposed.": lambda direct, J_next, total_next: direct + J_next @ total_next,
            "the loss may read h_t itself: the direct gradient is missing.": lambda direct, J_next, total_next: (
                J_next.T @ total_next
            ),
            "the direct gradient has gone through the Jacobian, too. It is at h_t already.": (
                lambda direct, J_next, total_next: J_next.T @ (direct + total_next)
            ),
            "the Jacobian is missing: h_{t+1} isn't h_t.": lambda direct, J_next, total_next: direct + total_next,
            "two ways lead from h_t to the loss. Ways are added, not multiplied.": (
                lambda direct, J_next, total_next: direct * (J_next.T @ total_next)
            ),
        },
    ),
    "14 repair zero": Exercise(
        right=_lag_of_zero("smallest_subnormal"),
        draw=_draw_format,
        rtol=2e-3,  # NumPy computes with numbers of float16 in float16, unless they are made Python's first
        because="The lag at which a product becomes zero follows from its rate and the format alone.",
        mistakes={
            "eps is how finely numbers near 1 are told apart. Asked is the smallest number.": _lag_of_zero("eps"),
            "`tiny` is the smallest number with all its digits. There are smaller ones: `smallest_subnormal`.": (
                _lag_of_zero("tiny")
            ),
            "the sign: the logarithm of a number below 1 is negative.": lambda decades, dtype: (
                -_lag_of_zero("smallest_subnormal")(decades, dtype)
            ),
            "decades count powers of ten, so the logarithm has the base 10.": lambda decades, dtype: (
                _lag_of_zero("smallest_subnormal")(decades, dtype) * np.log(10)
            ),
            "divide by the decades a step: a faster loss comes to zero sooner.": lambda decades, dtype: (
                _lag_of_zero("smallest_subnormal")(decades, dtype) * decades**2
            ),
        },
    ),
    "14 repair seeds": Exercise(
        right=_p_value,
        draw=_draw_wins,
        because="It counts everything that a coin does at least as surprisingly, few wins and many.",
        mistakes={
            "this counts one side only. Few wins are as far from a half as many.": _at_least,
            "this is the chance of exactly so many wins. Add those that lie farther from a half.": lambda wins, n: (
                comb(n, wins) / 2**n
            ),
            "a chance isn't above 1. At exactly a half both sides hold the middle.": lambda wins, n: (
                2 * _at_least(max(wins, n - wins), n)
            ),
            "twice this side: it is right for many wins and above 1 for few.": lambda wins, n: 2 * _at_least(wins, n),
            "this is the normal curve. With so few seeds, count the coins themselves.": lambda wins, n: erfc(
                abs(2 * wins - n) / sqrt(2 * n)
            ),
            "this is the share of wins.": lambda wins, n: wins / n,
        },
    ),
    "14 repair budgets": Exercise(
        right=_ahead,
        draw=_draw_errors,
        because="Both kinds are read after the same number of updates.",
        mistakes={
            "each kind is read at its own end, so one has had more updates.": lambda rnn, gru: np.mean(
                gru[:, -1] < rnn[:, -1]
            ),
            "each net is read at its own best moment. The kind that was looked at more often has more chances.": (
                lambda rnn, gru: np.mean(gru.min(axis=1) < rnn.min(axis=1))
            ),
            "this is the share of seeds in which the RNN is ahead.": lambda rnn, gru: 1 - _ahead(rnn, gru),
            "before the first update nothing has been learned. Compare at the last common evaluation.": (
                lambda rnn, gru: np.mean(gru[:, 0] < rnn[:, 0])
            ),
            "this stops one evaluation too early: n columns end with index n - 1.": lambda rnn, gru: _ahead(
                rnn[:, :-1], gru[:, :-1]
            ),
        },
    ),
    "14 repair leak": Exercise(
        right=_trailing,
        draw=_draw_days,
        because="Entry t depends on day t and on days before it, and on no later day.",
        mistakes={
            "this mean is centred: it reads days after day t.": _mean_of(
                lambda t, n: t - n // 2, lambda t, n: t + n // 2
            ),
            'the claim\'s own line: mode="same" centres the window on day t.': lambda x, n: np.convolve(
                x, np.ones(n) / n, mode="same"
            ),
            "this window begins on day t and reads the days after it.": _mean_of(
                lambda t, n: t, lambda t, n: t + n - 1
            ),
            "this is the mean of n + 1 days. From t - n + 1 to t there are n.": _mean_of(
                lambda t, n: t - n, lambda t, n: t
            ),
            "this is the mean of n - 1 days. From t - n + 1 to t there are n.": _mean_of(
                lambda t, n: t - n + 2, lambda t, n: t
            ),
            "this window ends the day before. Today is known and belongs to it.": _mean_of(
                lambda t, n: t - n, lambda t, n: t - 1
            ),
            "the first days are divided by n, although fewer days are there.": lambda x, n: np.convolve(
                x, np.ones(n) / n
            )[: len(x)],
            'there is no mean for the first days here, or for the last ones: mode="valid" is too short.': lambda x, n: (
                np.convolve(x, np.ones(n) / n, mode="valid")
            ),
        },
    ),
}
