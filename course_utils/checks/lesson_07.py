"""07 · how far back."""

import numpy as np

from course_utils.checks.exercise import Exercise


def _log_norm(J, k, log=np.log10, ord=2):
    product, scale = np.eye(J.shape[1]), 0.0
    for step in J[k:]:
        product = step @ product
        size = np.linalg.norm(product, ord)
        product, scale = product / size, scale + log(size)
    return scale


def _underflown(J, k):
    """The plain product of such factors is zero, and its logarithm -inf."""
    with np.errstate(divide="ignore"):
        return np.log10(np.linalg.norm(np.linalg.multi_dot([np.eye(J.shape[1]), *J[k:][::-1]]), 2))


def _tiny_jacobians(rng, T=None):
    """A chain of factors of about 1e-45 each. From 8 of them on the plain product is zero in float64."""
    T, H = int(rng.integers(12, 18)) if T is None else T, int(rng.integers(2, 5))
    return 1e-45 * rng.normal(size=(T, H, H)), min(T - 1, int(rng.integers(1, 5)))


def _tiny_chain(rng, T=None):
    return _tiny_jacobians(rng, T)[:1]


def _row(J, log=np.log10, ord=2):
    """One product a step, from the end: entry k is the logarithm of the norm of ∂h_T/∂h_k."""
    product, logs = np.eye(J.shape[1]), [0.0]
    for step in J[::-1]:
        product = product @ step
        size = np.linalg.norm(product, ord)
        product = product / size
        logs.append(logs[-1] + log(size))
    return np.array(logs[::-1])


def _chain(W, b, T, jacobian=lambda W, h, h_prev: np.diag(1 - h**2) @ W, backwards=False, ord=2):
    h, product = np.zeros(len(W)), np.eye(len(W))
    for _ in range(T):
        h_prev, h = h, np.tanh(W @ h + b)
        J = jacobian(W, h, h_prev)
        product = product @ J if backwards else J @ product
    return np.linalg.norm(product, ord)


def _entry_by_entry(W, b, T):
    """The lab's second bug: * between matrices."""
    h, product = np.zeros(len(W)), np.ones_like(W)
    for _ in range(T):
        h = np.tanh(W @ h + b)
        product = product * (np.diag(1 - h**2) @ W)
    return np.linalg.norm(product, 2)


def _broadcast(W, b, T):
    """The lesson's bug: b (H,) plus h (H, 1) is (H, H)."""
    h, product = np.zeros((len(W), 1)), np.eye(len(W))
    for _ in range(T):
        h = np.tanh(np.dot(W, h) + b)
        product = np.dot(np.dot(np.diag(1 - h**2), W), product)
    return np.linalg.norm(np.atleast_1d(product))


def _small_net(rng, T=None):
    H = int(rng.integers(3, 7))
    return rng.normal(0, 0.8 / np.sqrt(H), (H, H)), rng.normal(size=H), int(rng.integers(3, 9)) if T is None else T


EXERCISES = {
    "07 log norm": Exercise(
        right=_log_norm,
        draw=_tiny_jacobians,
        mistakes={
            "the product has underflowed to zero, and the logarithm of 0 is -inf. Divide it by its size at every step "
            "(every tenth is too late for factors as small as these) and add up the logarithms.": _underflown,
            "these are natural logarithms. The exercise asks for powers of ten.": (
                lambda J, k: _log_norm(J, k, log=np.log)
            ),
            "the norms of the steps are multiplied. That is only a bound: multiply the matrices, then take the norm.": (
                lambda J, k: sum(np.log10(np.linalg.norm(step, 2)) for step in J[k:])
            ),
            "this is the whole chain, from h_0. The exercise starts at h_k.": lambda J, k: _log_norm(J, 0),
            "off by one: J[k] is the step from h_k to h_{k+1}, and it belongs to the chain.": (
                lambda J, k: _log_norm(J, k + 1)
            ),
            "this begins one step too early: J[k] is the first factor, J[k - 1] leads to h_k.": (
                lambda J, k: _log_norm(J, max(k - 1, 0))
            ),
            "this is the chain up to h_k, from h_0. The exercise asks for the part after it.": (
                lambda J, k: _log_norm(J[:k], 0)
            ),
            "the factors stand in the wrong order. A later step multiplies from the left.": (
                lambda J, k: _log_norm(J[k:][::-1], 0)
            ),
            "this is the Frobenius norm. The exercise asks for the largest singular value, norm(..., 2).": (
                lambda J, k: _log_norm(J, k, ord="fro")
            ),
        },
    ),
    "07 row of norms": Exercise(
        right=_row,
        draw=_tiny_chain,
        size="T",
        sizes=(1, 2, 13, 16),
        mistakes={
            "the row runs from lag 0 on. Entry k belongs to h_k, so the 0 of the identity comes last.": (
                lambda J: _row(J)[::-1]
            ),
            "this row looks forward from h_0: entry t is the norm of ∂h_t/∂h_0. Stand at the last step, look back.": (
                lambda J: np.array([_log_norm(J[:t], 0) for t in range(len(J) + 1)])
            ),
            "each entry is the size of one step's factor. Add up the logarithms as you go.": (
                lambda J: np.append(-np.diff(_row(J)), 0.0)
            ),
            "the norms of the steps are multiplied. That is only a bound: multiply the matrices, then take the norm.": (
                lambda J: np.append(np.cumsum(np.log10(np.linalg.norm(J, 2, axis=(1, 2)))[::-1])[::-1], 0.0)
            ),
            "the last entry is missing. It is the norm of the identity, whose logarithm is 0.": lambda J: _row(J)[:-1],
            "these are natural logarithms. The exercise asks for powers of ten.": lambda J: _row(J, log=np.log),
            "the factors stand in the wrong order. Looking back, an earlier step multiplies from the right.": (
                lambda J: _row(J.transpose(0, 2, 1))
            ),
            "this is the Frobenius norm. The exercise asks for the largest singular value, norm(..., 2).": (
                lambda J: _row(J, ord="fro")
            ),
        },
    ),
    "07 repaired chain": Exercise(
        right=_chain,
        draw=_small_net,
        size="T",
        mistakes={
            "the bug is still there. Print the shape of h after one step: how many states do H units have?": (
                _broadcast
            ),
            "this is the Frobenius norm, as in `plotted`. Asked for is the largest singular value, norm(..., 2).": (
                lambda W, b, T: _chain(W, b, T, ord="fro")
            ),
            "the steps are multiplied entry by entry: * is not the product of matrices, @ is.": _entry_by_entry,
            "h is a column now, and np.diag of a column (H, 1) picks out its first entry. Give it a vector (H,).": (
                lambda W, b, T: _chain(W, b, T, lambda W, h, h_prev: (1 - h[0] ** 2) * W)
            ),
            "the slope is taken at the previous state. Step first, then use 1 - h².": (
                lambda W, b, T: _chain(W, b, T, lambda W, h, h_prev: np.diag(1 - h_prev**2) @ W)
            ),
            "the slopes scale the columns of W here. Unit i's slope belongs to row i.": (
                lambda W, b, T: _chain(W, b, T, lambda W, h, h_prev: W * (1 - h**2))
            ),
            "the slopes are missing: this is a product of W alone.": (
                lambda W, b, T: _chain(W, b, T, lambda W, h, h_prev: W)
            ),
            "the factors stand in the wrong order. A later step multiplies from the left.": (
                lambda W, b, T: _chain(W, b, T, backwards=True)
            ),
        },
        rtol=1e-6,
    ),
}
