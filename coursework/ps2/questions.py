"""Assignment 2, what decides: its questions and the proof, for instructors only."""

from functools import partial

import numpy as np

from course_utils.norms import norms_to_past
from coursework.grader.question import Essay, Question


def _sigma_1(W):
    return np.linalg.norm(W, 2, axis=(-2, -1))


def _radius(W):
    return np.abs(np.linalg.eigvals(W)).max(-1)


def _steps(factor, share):
    """Smallest n with factor^n < share."""
    return float(np.floor(np.log(share) / np.log(factor)) + 1)


def _steps_at_most(factor, share):
    """Smallest n with factor^n <= share."""
    return float(np.ceil(np.log(share) / np.log(factor)))


def _products(J, of, multiply=np.matmul):
    """A figure of the product of the first t steps, t = 0..T."""
    product = np.eye(J.shape[1])
    figures = [of(product)]
    for step in J:
        product = multiply(step, product)
        figures.append(of(product))
    return np.array(figures)


def _curve(J, ord=2):
    """‖∂h_t/∂h_0‖ for t = 0..T: the norms to the past of the chain that ends at t."""
    start = np.linalg.norm(np.eye(J.shape[1]), ord)
    return np.array([start] + [norms_to_past(J[:t], ord)[0] for t in range(1, len(J) + 1)])


def _wrong_order(J):
    product, norms = np.eye(J.shape[1]), [1.0]
    for step in J:
        product = product @ step
        norms.append(np.linalg.norm(product, 2))
    return np.array(norms)


def _held(Wh, h):
    return np.diag(1 - h**2) @ Wh


def _sizes(Wh, h):
    """Absolute values of the eigenvalues at rest."""
    return np.abs(np.linalg.eigvals(_held(Wh, h)))


def _row_norms(g):
    return np.linalg.norm(g, axis=1, keepdims=True)


def _by_norm(g, c):
    return g / np.maximum(1, _row_norms(g) / c)


def _by_size(g, c, sizes):
    """Rows whose size, of another kind than the norm, is above c, shortened by it."""
    return g / np.maximum(1, sizes / c)


def _cosine(a, b):
    return np.sum(a * b, axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


def _angle(g, c):
    """Between each row and the same clipped by value, in radians."""
    return np.arccos(np.minimum(1, _cosine(g, np.clip(g, -c, c))))


def _draw_sigmoid(rng):
    """Weights whose norm, radius, Frobenius norm and largest entry ask for different numbers of steps."""
    H = int(rng.integers(2, 6))
    while True:
        W, share = rng.normal(size=(H, H)), rng.uniform(0.001, 0.1)
        W = W * 4 * rng.uniform(0.3, 0.9) / _sigma_1(W)
        sizes = _sigma_1(W), _radius(W), np.linalg.norm(W), np.abs(W).max()
        if len({_steps(size / 4, share) for size in sizes}) == 4:
            return W, share


def _draw_met(rng):
    """A bound that is the share itself after n steps: of powers of two, without rounding, as are the logarithms.

    On the diagonal the norm is the largest entry; n is 1, 2 or 4, for which log(q^n) / log(q) is n to all digits.
    """
    norm, n, H = float(rng.choice([0.5, 2.0])), int(rng.choice([1, 2, 4])), int(rng.integers(1, 5))
    return np.diag(np.append(norm, norm * rng.uniform(-0.9, 0.9, H - 1))), (norm / 4) ** n


def _draw_small(rng):
    """A bound that is below the share after one step."""
    W, _ = _draw_sigmoid(rng)
    return 1.2 * W / _sigma_1(W), float(rng.uniform(0.4, 0.9))


def _draw_matrices(rng):
    """Matrices whose norm, spectral radius, Frobenius norm and largest entry lie on different sides of 1, or on 1.

    Diagonals have their largest entry as norm, without rounding: 1 itself proves nothing, and a little less does.
    """
    H = int(rng.integers(3, 6))
    stack = [np.eye(H), *(np.diag(np.append(most, rng.uniform(-0.9, 0.9, H - 1))) for most in (1.0, 1 - 2.0**-9))]
    for _ in range(4):
        orthogonal, _ = np.linalg.qr(rng.normal(size=(H, H)))
        Gaussian = rng.normal(size=(H, H))
        stack += [
            rng.uniform(0.7, 0.95) * orthogonal,  # vanishes, though its Frobenius norm exceeds 1
            np.triu(rng.uniform(0.6, 0.9, (H, H)), 1) * rng.choice([1, 3]),  # radius 0
            rng.uniform(0.5, 0.9, (H, H)),  # no entry above 1, norm above 1
            Gaussian * rng.uniform(0.5, 0.9) / _sigma_1(Gaussian),
            Gaussian * rng.uniform(1.1, 3) / _sigma_1(Gaussian),
        ]
    return (np.array(stack)[rng.permutation(len(stack))],)


def _draw_single(rng):
    """One matrix of one unit, with -1 as its only weight."""
    return (np.full((1, 1, 1), -1.0),)


def _draw_chain(rng, T=None, H=None):
    T, H = int(rng.integers(3, 7)) if T is None else T, int(rng.integers(2, 5)) if H is None else H
    return (rng.normal(size=(T, H, H)),)


def _draw_held(rng):
    """A net held at h, whose leading eigenvalue there is negative or complex."""
    H = int(rng.integers(3, 6))
    while True:
        W, h = rng.normal(size=(H, H)), rng.uniform(-0.9, 0.9, H)
        if np.linalg.eigvals(_held(W, h)).real.max() < 0.99 * _radius(_held(W, h)):
            return W, h


def _draw_near_flat(rng):
    """States near both ends, where tanh has almost no slope, and one at 0."""
    W, h = _draw_held(rng)
    return W, rng.permutation(np.append(rng.choice([-1, 1], len(h) - 1) * rng.uniform(0.94, 0.96, len(h) - 1), 0.0))


def _draw_one_unit(rng):
    """A single unit with a negative weight."""
    return np.full((1, 1), -rng.uniform(0.5, 2)), rng.uniform(-0.9, 0.9, 1)


def _draw_turning(rng):
    """A net whose leading eigenvalues at rest are a pair of complex ones, all others being small."""
    while True:
        W, h = _draw_held(rng)
        values = np.linalg.eigvals(_held(W, h))
        first = values[np.abs(values).argmax()]
        if abs(first.imag) > 0.2 * abs(first) and np.abs(values.real).max() < 0.98 * abs(first):
            return W, h


def _draw_scaled(rng, H=None, lag=None):
    H = int(rng.integers(2, 6)) if H is None else H
    return rng.normal(size=(H, H)), rng.uniform(0.05, 0.9), int(rng.integers(2, 40)) if lag is None else lag


def _draw_one_row(rng, share=0.5):
    """A single row, of a share of the threshold's length, and as many entries as it has."""
    g, c = rng.normal(size=(1, int(rng.integers(2, 7)))), rng.uniform(0.5, 2)
    return share * c * g / _row_norms(g), c


def _draw_unturned(rng):
    """A single row with no entry above the threshold."""
    g = rng.normal(size=(1, int(rng.integers(2, 7))))
    return g, float(2 * np.abs(g).max())


def _draw_rows(rng):
    """Rows whose norms lie on both sides of the threshold, and one row of zeros."""
    S, P, c = int(rng.integers(3, 6)), int(rng.integers(6, 9)), rng.uniform(0.5, 2)
    g = rng.normal(size=(S, P))
    sizes = c * np.array([rng.uniform(2, 4), rng.uniform(0.2, 0.5), *rng.uniform(0.3, 3, S - 2)])
    return np.insert(sizes[:, None] * g / _row_norms(g), 1, 0, axis=0), c


def _draw_turned(rng):
    S, P = int(rng.integers(3, 6)), int(rng.integers(6, 9))
    return rng.normal(size=(S, P)), float(rng.uniform(0.2, 0.6))


QUESTIONS = [
    Question(
        name="steps_until_gone",
        points=16,
        objective="Bound how long a gradient can last, by norm and slope.",
        right=lambda Wh, share: _steps(_sigma_1(Wh) / 4, share),
        draw=_draw_sigmoid,
        edges=(_draw_met, _draw_small),
        mistakes={
            "σ' is left out: each step multiplies by slope times weights. How steep is a sigmoid at most?": (
                lambda Wh, share: _steps(_sigma_1(Wh), share)
            ),
            "that is the spectral radius. It bounds no product; the norm does.": (
                lambda Wh, share: _steps(_radius(Wh) / 4, share)
            ),
            "that is the Frobenius norm: a bound as well, but a later one than asked for.": (
                lambda Wh, share: _steps(np.linalg.norm(Wh) / 4, share)
            ),
            "where the bound meets the share exactly, it is not below it yet: one more step is needed there.": (
                lambda Wh, share: _steps_at_most(_sigma_1(Wh) / 4, share)
            ),
            "one step too few: after this many, the bound is not below the share yet.": (
                lambda Wh, share: _steps(_sigma_1(Wh) / 4, share) - 1
            ),
            "steps are whole numbers. Which is the first one below the share?": (
                lambda Wh, share: np.log(share) / np.log(_sigma_1(Wh) / 4)
            ),
            "that is the largest single weight. Many weights act together.": (
                lambda Wh, share: _steps(np.abs(Wh).max() / 4, share)
            ),
            "one step too many: the bound is below the share before that.": (
                lambda Wh, share: _steps(_sigma_1(Wh) / 4, share) + 1
            ),
        },
    ),
    Question(
        name="must_vanish",
        points=7,
        objective="Choose the test that proves vanishing among several that do not.",
        right=lambda matrices: _sigma_1(matrices) < 1,
        draw=_draw_matrices,
        edges=(_draw_single,),
        mistakes={
            "that is the spectral radius. A matrix with radius 0 can belong to a net that explodes.": (
                lambda matrices: _radius(matrices) < 1
            ),
            "that is the Frobenius norm, which misses cases: the identity times 0.9 vanishes.": (
                lambda matrices: np.linalg.norm(matrices, axis=(1, 2)) < 1
            ),
            "that is the rule of thumb about single weights. Many small ones act together.": (
                lambda matrices: np.abs(matrices).max((1, 2)) < 1
            ),
            "4 is the sigmoid's border. How steep is tanh at most?": lambda matrices: _sigma_1(matrices) < 4,
            "yes and no are swapped.": lambda matrices: _sigma_1(matrices) >= 1,
            "at 1 itself the bound is 1 at every distance, and nothing is proved.": (
                lambda matrices: _sigma_1(matrices) <= 1
            ),
            "the norm was taken of the whole stack at once: one answer a matrix is asked for.": (
                lambda matrices: np.linalg.norm(matrices) < 1
            ),
            "that is the smallest singular value. The largest one bounds what may be left.": (
                lambda matrices: np.linalg.norm(matrices, -2, axis=(1, 2)) < 1
            ),
            "that is the determinant, the factor of the volume. One direction can explode while the volume shrinks.": (
                lambda matrices: np.abs(np.linalg.det(matrices)) < 1
            ),
            "that is the largest sum of a column, a bound as well, which misses cases. Take σ_1.": (
                lambda matrices: np.linalg.norm(matrices, 1, axis=(1, 2)) < 1
            ),
            "that is the largest sum of a row, a bound as well, which misses cases. Take σ_1.": (
                lambda matrices: np.linalg.norm(matrices, np.inf, axis=(1, 2)) < 1
            ),
            "this counts them. One answer a matrix is asked for.": lambda matrices: np.sum(_sigma_1(matrices) < 1),
        },
    ),
    Question(
        name="growth_curve",
        points=18,
        objective="Measure the norm of a product of Jacobians, instead of bounding it.",
        right=_curve,
        draw=_draw_chain,
        edges=(partial(_draw_chain, T=1), partial(_draw_chain, H=1)),
        mistakes={
            "the norms of the steps are multiplied, which is only a bound. Multiply the matrices first.": (
                lambda J: np.cumprod([1.0, *_sigma_1(J)])
            ),
            "the factors stand in the wrong order. A later step multiplies from the left.": _wrong_order,
            "the first entry is missing: at t = 0 nothing has happened yet, and the norm is 1.": (
                lambda J: _curve(J)[1:]
            ),
            "this looks back from the end, ∂h_T/∂h_k. Asked is ∂h_t/∂h_0.": lambda J: norms_to_past(J),
            "that is the Frobenius norm. The largest singular value is asked for.": lambda J: _curve(J, "fro"),
            "these are the norms of single steps. The product of all steps up to t is asked for.": (
                lambda J: np.array([1.0, *_sigma_1(J)])
            ),
            "this is the square of the largest singular value.": lambda J: _curve(J) ** 2,
            "this is the spectral radius of the product. The largest singular value is asked for.": (
                lambda J: _products(J, _radius)
            ),
            "this is the smallest singular value of the product. The largest one is asked for.": lambda J: _curve(
                J, -2
            ),
            "the steps are multiplied entry by entry. Along a chain matrices multiply by @.": (
                lambda J: _products(J, _sigma_1, np.multiply)
            ),
            "the steps are added. Along a chain they multiply.": lambda J: _products(J, _sigma_1, np.add),
            "this is the logarithm of the norm.": lambda J: np.log(_curve(J)),
            "this is the last norm alone. Those of all t are asked for, from 0 on.": lambda J: _curve(J)[-1],
        },
    ),
    Question(
        name="holding_bias",
        points=7,
        objective="Build a network with a known resting state.",
        right=lambda Wh, h: np.arctanh(h) - Wh @ h,
        draw=_draw_held,
        edges=(_draw_near_flat,),
        mistakes={
            "missing inverse: b stands inside the tanh, so h has to be brought there first.": lambda Wh, h: h - Wh @ h,
            "Wh is transposed.": lambda Wh, h: np.arctanh(h) - Wh.T @ h,
            "the feedback Wh h is missing: it is there, whatever the bias.": lambda Wh, h: np.arctanh(h),
            "the sign of the feedback is wrong.": lambda Wh, h: np.arctanh(h) + Wh @ h,
            "tanh is applied where its inverse is needed.": lambda Wh, h: np.tanh(h) - Wh @ h,
            "wrong broadcasting: a matrix meets a vector by @, not by *.": lambda Wh, h: np.arctanh(h) - Wh * h,
            "arctan is the inverse of the tangent of angles. The inverse of tanh is asked for.": (
                lambda Wh, h: np.arctan(h) - Wh @ h
            ),
            "the inverse of tanh is half of log((1 + h) / (1 - h)). The factor 1/2 is missing.": (
                lambda Wh, h: 2 * np.arctanh(h) - Wh @ h
            ),
            "Wh is missing: what feeds back is Wh h.": lambda Wh, h: np.arctanh(h) - h,
            "states near 1 or -1 are cut off before the inverse of tanh is taken.": (
                lambda Wh, h: np.arctanh(np.clip(h, -0.9, 0.9)) - Wh @ h
            ),
        },
    ),
    Question(
        name="rest_rate",
        points=9,
        objective="Say whose eigenvalues decide in the long run, and when.",
        right=lambda Wh, h: _radius(_held(Wh, h)),
        draw=_draw_held,
        edges=(_draw_turning, _draw_one_unit),
        mistakes={
            "this is the radius of Wh. What multiplies is J, and the slopes are in it.": lambda Wh, h: _radius(Wh),
            "this is the norm of J: what one step can do at most. In the long run its eigenvalues decide.": (
                lambda Wh, h: _sigma_1(_held(Wh, h))
            ),
            "this is the norm of Wh.": lambda Wh, h: _sigma_1(Wh),
            "eigenvalues can be complex or negative. Take absolute values before the largest.": (
                lambda Wh, h: np.linalg.eigvals(_held(Wh, h)).real.max()
            ),
            "h (1 - h) is the slope of a sigmoid. These units are tanh.": (
                lambda Wh, h: _radius(np.diag(h * (1 - h)) @ Wh)
            ),
            "this is the factor of the volume, over all directions. Asked is the direction that lasts longest.": (
                lambda Wh, h: np.abs(np.linalg.det(_held(Wh, h)))
            ),
            "this is the logarithm of the factor.": lambda Wh, h: np.log(_radius(_held(Wh, h))),
            "this is the smallest of the sizes. In the long run the largest is left.": lambda Wh, h: _sizes(
                Wh, h
            ).min(),
            "this is the mean of the sizes. In the long run the largest alone is left.": (
                lambda Wh, h: _sizes(Wh, h).mean()
            ),
            "the imaginary part is dropped: the size of a complex eigenvalue has both parts in it.": (
                lambda Wh, h: np.abs(np.linalg.eigvals(_held(Wh, h)).real).max()
            ),
            "the square is missing: the slope of tanh is 1 - h².": lambda Wh, h: _radius(np.diag(1 - h) @ Wh),
            "the sign in the slope is wrong: it is 1 - h², which is at most 1.": (
                lambda Wh, h: _radius(np.diag(1 + h**2) @ Wh)
            ),
            "Wh is left out: these are the slopes alone.": lambda Wh, h: np.max(1 - h**2),
            "one slope for all units, their mean. Each unit has its own.": (
                lambda Wh, h: _radius(Wh) * np.mean(1 - h**2)
            ),
        },
    ),
    Question(
        name="scaled",
        points=7,
        objective="Design weights for a wanted lag.",
        right=lambda Wh, share, lag: Wh * share ** (1 / lag) / _sigma_1(Wh),
        draw=_draw_scaled,
        edges=(partial(_draw_scaled, lag=1), partial(_draw_scaled, H=1)),
        mistakes={
            "that scales the spectral radius. The bound is made of the norm.": (
                lambda Wh, share, lag: Wh * share ** (1 / lag) / _radius(Wh)
            ),
            "that scales the Frobenius norm. The bound is made of the largest singular value.": (
                lambda Wh, share, lag: Wh * share ** (1 / lag) / np.linalg.norm(Wh)
            ),
            "the share is reached after one step. It is meant for all steps together.": (
                lambda Wh, share, lag: Wh * share / _sigma_1(Wh)
            ),
            "the share is divided by the number of steps. Along a chain, factors multiply.": (
                lambda Wh, share, lag: Wh * share / lag / _sigma_1(Wh)
            ),
            "1/4 is the sigmoid's slope. How steep is tanh at most?": (
                lambda Wh, share, lag: 4 * Wh * share ** (1 / lag) / _sigma_1(Wh)
            ),
            "this is the factor. Asked is the scaled matrix.": (
                lambda Wh, share, lag: share ** (1 / lag) / _sigma_1(Wh)
            ),
            "the weights are not divided by their own norm first.": lambda Wh, share, lag: Wh * share ** (1 / lag),
            "the weights are multiplied by their own norm. Divide by it.": (
                lambda Wh, share, lag: Wh * share ** (1 / lag) * _sigma_1(Wh)
            ),
            "the share is missing: with a norm of 1 nothing is proved to shrink.": (
                lambda Wh, share, lag: Wh / _sigma_1(Wh)
            ),
            "base and exponent: the norm is the lag-th root of the share, not its power.": (
                lambda Wh, share, lag: Wh * share**lag / _sigma_1(Wh)
            ),
            "the root is taken of the weights' own norm, too. The share alone is spread over the steps.": (
                lambda Wh, share, lag: Wh * (share / _sigma_1(Wh)) ** (1 / lag)
            ),
        },
    ),
    Question(
        name="clip_by_norm",
        points=9,
        objective="Clip the gradients of several networks by norm, each by its own.",
        right=_by_norm,
        draw=_draw_rows,
        edges=(_draw_one_row, partial(_draw_one_row, share=3.0)),
        rtol=1e-5,  # torch divides by the norm plus 1e-6
        mistakes={
            "wrong axis: each row is a gradient with a norm of its own.": (
                lambda g, c: g / np.maximum(1, np.linalg.norm(g, axis=0, keepdims=True) / c)
            ),
            "one norm for all rows together: each net has a norm of its own.": (
                lambda g, c: g / max(1, np.linalg.norm(g) / c)
            ),
            "this clips by value, which turns the gradient.": lambda g, c: np.clip(g, -c, c),
            "this clips always: a gradient below the threshold is to pass untouched.": (
                lambda g, c: g * (c / np.where(_row_norms(g) > 0, _row_norms(g), np.inf))
            ),
            "the condition is turned: small gradients are scaled up, large ones stay.": (
                lambda g, c: g * np.maximum(1, c / np.where(_row_norms(g) > 0, _row_norms(g), np.inf))
            ),
            "rows above the threshold are set to zero. They are to be shortened.": (
                lambda g, c: np.where(_row_norms(g) > c, 0, g)
            ),
            "the root is missing from the norm.": lambda g, c: g / np.maximum(1, _row_norms(g) ** 2 / c),
            "nothing is clipped.": lambda g, c: g,
            "rows above the threshold are shortened to length 1. They are to have length c.": (
                lambda g, c: np.where(_row_norms(g) > c, g / np.maximum(_row_norms(g), 1e-300), g)
            ),
            "this clips at 1. The threshold is c.": lambda g, c: _by_norm(g, 1.0),
            "that is the sum of the entries' sizes. The norm is the root of the sum of squares.": (
                lambda g, c: _by_size(g, c, np.abs(g).sum(1, keepdims=True))
            ),
            "that is the largest entry. The norm is the root of the sum of squares.": (
                lambda g, c: _by_size(g, c, np.abs(g).max(1, keepdims=True))
            ),
            "this clips always, and a row of zeros by 0/0. What is below the threshold is to pass untouched.": (
                lambda g, c: np.where(_row_norms(g) > 0, g * c / np.maximum(_row_norms(g), 1e-300), np.nan)
            ),
            "a row of zeros was divided by its own norm, and 0/0 is no number. It is to stay zero.": (
                lambda g, c: np.where(_row_norms(g) > 0, _by_norm(g, c), np.nan)
            ),
        },
    ),
    Question(
        name="turning",
        points=12,
        objective="Measure how far clipping by value turns a gradient.",
        right=lambda g, c: _cosine(g, np.clip(g, -c, c)),
        draw=_draw_turned,
        edges=(_draw_unturned,),
        mistakes={
            "nothing is turned: clipping by norm never turns, and a g changed in place is compared with itself.": (
                lambda g, c: np.ones(len(g))
            ),
            "this is the angle. Its cosine is asked for.": _angle,
            "only large positive entries are cut. Large negative ones are, too.": (
                lambda g, c: _cosine(g, np.minimum(g, c))
            ),
            "the dot products are not divided by both norms.": lambda g, c: np.sum(g * np.clip(g, -c, c), axis=1),
            "this is how much shorter the gradient got, not how far it turned.": (
                lambda g, c: np.linalg.norm(np.clip(g, -c, c), axis=1) / np.linalg.norm(g, axis=1)
            ),
            "wrong axis: each row is a gradient.": lambda g, c: _cosine(g.T, np.clip(g, -c, c).T),
            "this is the sign of each entry. Entries below the threshold keep their size.": (
                lambda g, c: _cosine(g, np.sign(g))
            ),
            "this is the angle in degrees. Its cosine is asked for.": lambda g, c: np.degrees(_angle(g, c)),
            "this is 1 less the cosine.": lambda g, c: 1 - _cosine(g, np.clip(g, -c, c)),
            "this is the sine of the angle.": lambda g, c: np.sin(_angle(g, c)),
            "the dot products are divided by the norm of the clipped gradient alone. Divide by both.": (
                lambda g, c: _cosine(g, np.clip(g, -c, c)) * np.linalg.norm(g, axis=1)
            ),
            "the dot products are divided by the norm before alone. Divide by both.": (
                lambda g, c: np.sum(g * np.clip(g, -c, c), axis=1) / np.linalg.norm(g, axis=1)
            ),
            "the dot products are divided by the squared norm before. Divide by both norms, before and after.": (
                lambda g, c: np.sum(g * np.clip(g, -c, c), axis=1) / np.linalg.norm(g, axis=1) ** 2
            ),
            "this is one number for all rows. Each row has its own.": (
                lambda g, c: np.mean(_cosine(g, np.clip(g, -c, c)))
            ),
        },
    ),
]
ESSAYS = [
    Essay(
        name="essay_proof",
        points=15,
        prompt=(
            "A sigmoid network $h_t = \\sigma(W_h h_{t-1} + W_x x_t + b)$ has weights with $\\sigma_1(W_h) < 4$. "
            "Prove that $\\lVert \\mathrm{d}h_T/\\mathrm{d}h_k \\rVert$ goes to 0 as $T - k$ grows, whatever the "
            "inputs are. Name each fact about norms and slopes where you use it. Then say what your proof does *not* "
            "say about a network with $\\sigma_1(W_h) \\ge 4$, and give one reason."
        ),
        rubric={
            "0: no argument": "Restates the claim, or argues with eigenvalues or with a single example.",
            "1: the step": "Writes the step's Jacobian as a product: a diagonal matrix, times W_h.",
            "2: the slopes": "Says that the slopes stand on this diagonal, h (1 - h) of each unit.",
            "3: the chain": "Writes dh_T/dh_k as a product of such Jacobians, by the chain rule.",
            "4: its factors": "Says that there are T - k of them.",
            "5: their order": "Has the latest step on the left, or says why the order doesn't matter for the bound.",
            "6: the product's norm": "Uses that the norm of a product is at most the product of the norms.",
            "7: which norm": "Says which norm is meant, the largest singular value, or another for which this holds.",
            "8: the diagonal": "Says that a diagonal matrix's norm is its largest entry in size, here a slope.",
            "9: the slope": "Says that a sigmoid's slope is at most 1/4.",
            "10: why a quarter": "Shows it: h (1 - h) is largest at h = 1/2.",
            "11: one step's bound": "Puts them together for one step: its norm is at most q = σ₁(W_h)/4.",
            "12: the limit": "Bounds all steps by q to the power T - k, which goes to 0, since q is below 1.",
            "13: whatever the inputs": "Says why inputs, bias and start don't matter: q holds at every state alike.",
            "14: no converse": "Says that with q of 1 or more the bound proves neither explosion nor vanishing.",
            "15: a reason": (
                "Gives a reason for that, such as slopes far below 1/4, or directions that the norm of one step "
                "doesn't share with the next."
            ),
        },
        model=(
            "One step has the Jacobian J_t = D_t W_h, where D_t is diagonal and holds the slopes h (1 - h) of the "
            "units. By the chain rule, dh_T/dh_k = J_T J_(T-1) ... J_(k+1), with T - k factors. The largest singular "
            "value of a product is at most the product of theirs, so each factor contributes at most ‖D_t‖ σ₁(W_h). "
            "The norm of a diagonal matrix is its largest entry in size. A slope h (1 - h) = 1/4 - (h - 1/2)² is at "
            "most 1/4, at every state. So ‖dh_T/dh_k‖ is at most q to the power T - k with q = σ₁(W_h)/4. Since q is "
            "below 1, this goes to 0. Nothing was assumed about inputs, bias or start: they only move the states, "
            "and the bound on the slope holds at every state. If q is 1 or more, the bound grows and says nothing. "
            "Such a network may still vanish, for instance because its units are saturated and their slopes are far "
            "below 1/4."
        ),
    ),
]
