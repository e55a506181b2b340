"""03 · what decides."""

from itertools import combinations

import numpy as np

from course_utils.checks.exercise import Exercise


def _sigma_1(W):
    return np.linalg.norm(W, 2)


def _draw_weights(rng, lag=None):
    H = int(rng.integers(2, 6))
    return rng.normal(size=(H, H)), float(rng.uniform(0.2, 0.9)), int(rng.integers(2, 9)) if lag is None else lag


def _falling(values):
    return np.sort(values)[::-1]


def _by_volumes(J):
    """The exponents from growing volumes, without any QR: arrows along the first i axes span a box, whose shadows on
    all i axes at a time are determinants. Its volume grows by μ_1 + ... + μ_i nats a step."""
    H, logs = J.shape[1], [0.0]
    for i in range(1, H + 1):
        faces = list(combinations(range(H), i))
        shadows, log = np.eye(len(faces))[0], 0.0
        for step in J:
            shadows = np.array([[np.linalg.det(step[np.ix_(to, at)]) for at in faces] for to in faces]) @ shadows
            size = np.linalg.norm(shadows)
            shadows, log = shadows / size, log + np.log(size)
        logs.append(log / len(J))
    return _falling(np.diff(logs))


def _by_qr(J, start_anew=False):
    """log|R_ii| of each step (T, H), with one thing wrong if asked."""
    Q, logs = np.eye(J.shape[1]), []
    for step in J:
        Q, R = np.linalg.qr(step if start_anew else step @ Q)
        logs.append(np.log(np.abs(np.diag(R))))
    return np.array(logs)


def _by_the_whole_product(J):
    product = np.eye(J.shape[1])
    for step in J:
        product = step @ product
    return np.log(np.linalg.svd(product, compute_uv=False)) / len(J)


def _each_arrow_alone(J):
    arrows, logs = np.eye(J.shape[1]), []
    for step in J:
        arrows = step @ arrows
        lengths = np.linalg.norm(arrows, axis=0)
        arrows = arrows / lengths
        logs.append(np.log(lengths))
    return _falling(np.mean(logs, axis=0))


def _draw_steps(rng, T=None):
    T, H = int(rng.integers(3, 8)) if T is None else T, int(rng.integers(3, 5))
    return (rng.normal(0, 0.8, (T, H, H)),)


EXERCISES = {
    "03 bound": Exercise(
        right=lambda Wh, gamma, lag: (gamma * _sigma_1(Wh)) ** lag,
        draw=_draw_weights,
        size="lag",
        mistakes={
            "that is the spectral radius, the largest eigenvalue. A bound on every product needs the norm.": (
                lambda Wh, gamma, lag: (gamma * np.abs(np.linalg.eigvals(Wh)).max()) ** lag
            ),
            "np.linalg.norm without ord is the Frobenius norm: a bound too, but not the one of this lesson.": (
                lambda Wh, gamma, lag: (gamma * np.linalg.norm(Wh)) ** lag
            ),
            "the slope is missing. Each step multiplies by slope times weights.": (
                lambda Wh, gamma, lag: _sigma_1(Wh) ** lag
            ),
            "the slope enters once. Each of the steps has its own.": lambda Wh, gamma, lag: gamma * _sigma_1(Wh) ** lag,
            "this bounds one step. How many are there?": lambda Wh, gamma, lag: gamma * _sigma_1(Wh),
            "one factor is missing: `lag` steps have `lag` factors.": (
                lambda Wh, gamma, lag: (gamma * _sigma_1(Wh)) ** (lag - 1)
            ),
            "one factor too many: `lag` steps have `lag` factors.": (
                lambda Wh, gamma, lag: (gamma * _sigma_1(Wh)) ** (lag + 1)
            ),
            "the bounds of the steps are added. Along a chain they multiply.": (
                lambda Wh, gamma, lag: lag * gamma * _sigma_1(Wh)
            ),
            "that is the largest single weight. Many small weights can act together.": (
                lambda Wh, gamma, lag: (gamma * np.abs(Wh).max()) ** lag
            ),
        },
    ),
    "03 rates by QR": Exercise(
        right=_by_volumes,
        draw=_draw_steps,
        size="T",
        against="the growth of volumes, computed without QR",
        mistakes={
            "this is what comes out if every step starts from the axes again. Carry Q along, as J_t @ Q.": (
                lambda J: _falling(_by_qr(J, start_anew=True).mean(axis=0))
            ),
            "this is the growth over all steps together. A rate is per step.": (
                lambda J: _falling(_by_qr(J).sum(axis=0))
            ),
            "the numbers are right, and their order isn't: largest first.": lambda J: _by_qr(J).mean(axis=0),
            "the numbers are right, and their order is turned round: largest first.": (
                lambda J: np.sort(_by_qr(J).mean(axis=0))
            ),
            "these are the rates of the last step alone. Take the mean over all steps.": (
                lambda J: _falling(_by_qr(J)[-1])
            ),
            "these are factors per step. Their logarithms are asked for.": (
                lambda J: np.exp(_falling(_by_qr(J).mean(axis=0)))
            ),
            "these are logarithms to base 10. A nat belongs to the natural logarithm.": (
                lambda J: _falling(_by_qr(J).mean(axis=0)) / np.log(10)
            ),
            "these are logarithms to base 2. A nat belongs to the natural logarithm.": (
                lambda J: _falling(_by_qr(J).mean(axis=0)) / np.log(2)
            ),
            "this begins with the last Jacobian. J[0], the first step, acts first.": (
                lambda J: _falling(_by_qr(J[::-1]).mean(axis=0))
            ),
            "each arrow gets length 1 again, but nothing keeps the arrows perpendicular. That is what Q is for.": (
                _each_arrow_alone
            ),
            "the Jacobians are transposed. J_t acts on the arrows as it is.": (
                lambda J: _falling(_by_qr(J.transpose(0, 2, 1)).mean(axis=0))
            ),
            "these come from the singular values of the whole product. They come near the same rates as T grows, but a "
            "long product overflows or underflows. Factorise at every step.": _by_the_whole_product,
            "these are the singular values of single steps. What one step stretches, the next may shrink.": (
                lambda J: np.log(np.linalg.svd(J, compute_uv=False)).mean(axis=0)
            ),
            "these are the eigenvalues of single steps. Steps with different eigenvectors don't multiply that way.": (
                lambda J: np.mean([_falling(np.log(np.abs(np.linalg.eigvals(step)))) for step in J], axis=0)
            ),
        },
    ),
    "03 largest w": Exercise(
        right=0.04,
        mistakes={
            "that is the bound on σ₁, and right for one unit. What is σ₁ if 100 units act together?": 4.0,
            "that would be so for tanh or relu. How steep is a sigmoid at most?": 0.01,
            "that is the rule for one linear unit. It knows neither the slope nor how many units there are.": 1.0,
            "this divides by √100. Multiply the matrix by a vector of ones: how much longer does it get?": 0.4,
        },
    ),
}
