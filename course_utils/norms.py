"""How large products of Jacobians are: one row of ‖∂h_t/∂h_k‖, all pairs, and mean growth rates.

Products over hundreds of steps leave the range of floats, so every one is kept near 1 as mantissa * 2^exponent.
A power of two rounds nothing. All sums are taken in float64, also of a float32 J.
"""

from functools import cache
from itertools import chain, islice

import numpy as np

from course_utils import _validate

EPS = np.finfo(np.float64).eps
LEAF = 8  # steps whose pairs are multiplied out before the halving takes over
ROWS = 16  # rows of a Gram matrix that one matrix product makes
CACHE = 2**16  # numbers worked on at a time: half a megabyte, which a core's own cache holds
BOUND = 1e-9  # a pair whose error could be larger than this part of its square is multiplied out instead
SPREAD = 1e5  # the QR interval grows while products stretch their directions less unequally, up to 10 times that


def norms_to_past(J, ord=2, log=False):
    """‖∂h_T/∂h_k‖ for k = 0..T: how much the last state still feels each earlier one. O(T H³), one product a step.

    J    (T, H, H), from `jacobians`; or its pieces, the last one first, `jacobian_pieces(trace, backwards=True)`,
         so that J is never stored.
    ord  any matrix norm of numpy.linalg.norm: 2 (largest singular value), "fro", 1, inf, ...
    log  True: natural logarithms, which neither under- nor overflow at any T.

    Returns (T+1,); the last entry is the norm of the identity. A product that is exactly zero has norm 0, log -inf.
    """
    try:
        np.linalg.norm(np.eye(2), ord)
    except (ValueError, TypeError):
        raise ValueError(f"ord: got {ord!r}, wants a matrix norm of numpy.linalg.norm: 2, 'fro', 1, inf, ...") from None
    mantissa, exponent, product, scale = [], [], None, 0
    for piece in _pieces(J, backwards=True):
        if product is None:
            product = np.eye(piece.shape[1])
            mantissa.append([_norms(product, ord)])
            exponent.append([0])
        products, scales = np.empty(piece.shape), np.empty(len(piece), np.int64)
        with np.errstate(over="ignore", invalid="ignore"):
            for k in reversed(range(len(piece))):
                scale += _times(product, piece[k], out=products[k])
                product, scales[k] = products[k], scale
        mantissa.append(_norms(products, ord)[::-1])
        exponent.append(scales[::-1])
    return _from_scale(np.concatenate(mantissa)[::-1], np.concatenate(exponent)[::-1], log, piece.dtype)


def _times(product, step, out):
    """product @ step up to a power of two, whose exponent it returns: 0 while the entries are far from floats' ends."""
    np.matmul(product, step, out=out)
    if 1e-200 < np.vdot(out, out) < 1e200:
        return 0
    step, shift = _rescale(step.astype(np.float64))
    return shift + _rescale(product @ step, out=out)[1]


def all_pairs_norms(J, log=False):
    """‖∂h_t/∂h_k‖ in the Frobenius norm for every pair k ≤ t, by halving time: far below one product a pair.

    With m between k and t, A = ∂h_t/∂h_m and B = ∂h_m/∂h_k: ‖AB‖² = ⟨AᵀA, BBᵀ⟩, so all pairs across m are one product
    of two tables of Gram matrices. Then the same for either half: about 8H³T + 3H³T log2(T/8) + H²T²/2 multiplications
    against H³T²/2. Columns with a pair whose error bound exceeds 1e-9 are multiplied out instead, pair by pair. Below
    8 steps there is nothing to halve; from there on halving is quicker at every H. Peak memory: within 4 times that of
    a float64 J.

    J    (T, H, H), from `jacobians`.
    log  True: natural logarithms, which neither under- nor overflow at any T.

    Returns (T+1, T+1), entry [t, k]; the diagonal is the norm of the identity, √H; NaN above it, where k > t.
    """
    J = _check_jacobians(J)
    T, H = len(J), J.shape[1]
    padded = -(-T // LEAF) * LEAF
    mantissa, exponent = np.full((padded + 1, padded + 1), np.nan), np.zeros((padded + 1, padded + 1), np.int32)
    np.fill_diagonal(mantissa, np.sqrt(H))
    columns, size = _halve(J, mantissa, exponent), max(1, CACHE // H**2)
    for i in range(0, len(columns), size):
        _multiply_out(J, columns[i : i + size], mantissa, exponent)
    return _from_scale(mantissa[: T + 1, : T + 1], exponent[: T + 1, : T + 1], log, J.dtype)


def _multiply_out(J, columns, mantissa, exponent):
    """Fill the given columns k of the table below the diagonal by one product a pair, 2H³ operations each."""
    products = np.tile(np.eye(J.shape[1]), (len(columns), 1, 1))  # products[i] = ∂h_t/∂h_k up to its power of two
    for t in range(columns[0] + 1, len(J) + 1):
        k = columns[columns < t]
        step, scale = _rescale(J[t - 1].astype(np.float64))
        products[: len(k)], shift = _rescale(step @ products[: len(k)])
        mantissa[t, k] = _norms(products[: len(k)], "fro")
        exponent[t, k] = exponent[t - 1, k] + scale + shift


def _halve(J, mantissa, exponent):
    """Fill the table below the diagonal as `all_pairs_norms` says; return the columns that hold a doubtful pair.

    Of the segment (lo, hi) at hand, A[t-1] is ∂h_t/∂h_lo and B[k] is (∂h_hi/∂h_k)ᵀ, with exponents a and b. A join
    reads N² = ⟨AᵀA, BBᵀ⟩ of all pairs across mid, then multiplies what its neighbours will ask for by the other half.
    The error of N² is at most about eps H ‖AᵀA‖‖BBᵀ‖: large beside N² where A shrinks just the directions that B grows.
    """
    T, H = len(mantissa) - 1, J.shape[1]
    (A, B), (a, b) = np.empty((2, T, H, H)), np.empty((2, T), np.int64)
    _leaves(J, A, B, a, b, mantissa, exponent)
    grams, doubtful = np.empty((T, len(_gram_weights(H)))), np.zeros(T, bool)

    for lo, mid, hi in _joins(0, T):
        exponent[mid + 1 : hi + 1, lo:mid] = a[mid:hi, None] + b[lo:mid]
        M, m = _grams_and_extend(A[mid:hi], a[mid:hi], grams[mid:hi], *((A[mid - 1], a[mid - 1]) if lo > 0 else ()))
        G, g = _grams_and_extend(B[lo:mid], b[lo:mid], grams[lo:mid], *((B[mid], b[mid]) if hi < T else ()))
        squares = M @ G.T
        mantissa[mid + 1 : hi + 1, lo:mid] = np.sqrt(np.maximum(squares, 0))
        doubtful[lo:mid] |= ~np.all(squares >= np.outer(m, g * (EPS * H / BOUND)), axis=0)  # NaN is doubtful as well
    return np.flatnonzero(doubtful[: len(J)])


def _joins(lo, hi):
    """(lo, mid, hi) of every join of whole leaves between lo and hi, each after the two that make its halves."""
    if hi - lo > LEAF:
        mid = lo + (hi - lo) // LEAF // 2 * LEAF
        yield from _joins(lo, mid)
        yield from _joins(mid, hi)
        yield lo, mid, hi


def _leaves(J, A, B, a, b, mantissa, exponent):
    """Cut time into leaves of LEAF steps, the last filled up with identities, and multiply out all pairs within each.

    The products of one lag are one batch, over many leaves at a time: ∂h_{k+lag}/∂h_k = J[k+lag-1] ∂h_{k+lag-1}/∂h_k.
    """
    T, H = len(A), J.shape[1]
    size = max(1, 2 * CACHE // (LEAF * H**2)) * LEAF
    for lo in range(0, T, size):
        steps = np.tile(np.eye(H), (min(size, T - lo), 1, 1))
        steps[: len(J) - lo] = J[lo : lo + size]
        steps, scale = _rescale(steps.reshape(-1, LEAF, H, H))
        products, power, start = steps, scale, np.arange(lo, lo + steps.shape[0] * LEAF, LEAF)
        for lag in range(1, LEAF + 1):
            if lag > 1:
                products, shift = _rescale(steps[:, lag - 1 :] @ products[:, :-1])
                power = power[:, :-1] + scale[:, lag - 1 :] + shift
            k = start[:, None] + np.arange(LEAF - lag + 1)
            mantissa[k + lag, k], exponent[k + lag, k] = _norms(products, "fro"), power
            A[start + lag - 1], a[start + lag - 1] = products[:, 0], power[:, 0]
            B[start + LEAF - lag], b[start + LEAF - lag] = np.swapaxes(products[:, -1], 1, 2), power[:, -1]


def _grams_and_extend(X, x, grams, whole=None, power=0):
    """`_grams` of X, then X[i] @= whole in place, scales carried in x: piece by piece, while the cache holds it."""
    norms, size = np.empty(len(X)), max(1, CACHE // X[0].size)
    for i in range(0, len(X), size):
        now = slice(i, i + size)
        norms[now] = _grams(X[now], grams[now])
        if whole is not None:
            x[now] += _rescale(X[now] @ whole, out=X[now])[1] + power
    return grams, norms


def _grams(X, out):
    """XᵢᵀXᵢ of every i as a row of `out`, and their norms: only from the diagonal on, ROWS rows to a matrix product.

    Weighted so that the dot product of two rows is the inner product of the two symmetric matrices.
    """
    H, start = X.shape[1], 0
    for i in range(0, H, ROWS):
        rows, width = min(ROWS, H - i), H - i
        block = out[:, start : start + rows * width].reshape(-1, rows, width)
        np.matmul(X[:, :, i : i + rows].transpose(0, 2, 1), X[:, :, i:], out=block)
        start += rows * width
    out *= _gram_weights(H)
    return np.sqrt(np.vecdot(out, out))


@cache
def _gram_weights(H):
    """√2 for what `_grams` leaves out of its other half, 1 for what it has twice."""
    rows = [np.where(np.arange(H - i) < ROWS, 1, np.sqrt(2)) for i in range(0, H, ROWS)]
    return np.concatenate([np.tile(row, min(ROWS, len(row))) for row in rows])


def lyapunov_exponents(J, interval=None):
    """Mean growth rates of the H directions of state space, by QR (Benettin et al. 1980). O(H³) a step.

    J         (T, H, H), from `jacobians`; or its pieces in order of time, from `jacobian_pieces` or any generator: then
              memory does not grow with T.
    interval  steps between two QR factorisations. None: as many as keep |R|'s diagonal within 1e6 of each other, so
              that each log|R_ii| is good to about 1e6 H eps = 1e-8, and their mean to far less. At a fixed interval n
              the error of the i-th exponent is about H eps e^(n (λ_1 - λ_i)) / n: too long an interval silently loses
              the strongly shrinking directions.

    Returns (H,) exponents in nats per step, largest first; they sum to the mean of log|det J|. -inf where a
    direction dies.
    """
    n = 1 if interval is None else _validate.integer("interval", interval, 1)
    Q, logs, T = None, 0.0, 0
    for piece in _pieces(J):
        Q, t = np.eye(piece.shape[1]) if Q is None else Q, 0
        T += len(piece)
        while t < len(piece):
            new_Q, stretch = _stretch(piece[t : t + n], Q)
            if interval is None and n > 1 and not stretch.max() < 10 * SPREAD * stretch.min():
                n //= 2  # too long: the shrinking directions are lost in rounding, so take these steps again
                continue
            if not np.all(np.isfinite(stretch)):
                raise ValueError(f"interval: got {interval}, wants fewer steps: their product overflowed")
            Q, t = new_Q, t + n
            with np.errstate(divide="ignore"):
                logs = logs + np.log(stretch)
            if interval is None and stretch.max() < SPREAD ** (n / (n + 1)) * stretch.min():
                n += 1
    return np.sort(logs / T)[::-1].astype(piece.dtype)


def _stretch(steps, Q):
    """Carry the orthogonal directions Q through the steps: the new directions, and by how much each was stretched."""
    with np.errstate(over="ignore", invalid="ignore"):
        for step in steps:
            Q = step @ Q
        Q, R = np.linalg.qr(Q)
    return Q, np.abs(np.diagonal(R))


def _check_jacobians(J):
    J = _validate.array("J", J, ("T", "H", "H"))
    if J.shape[1] != J.shape[2]:
        raise ValueError(f"J: got shape {J.shape}, wants (T, H, H) with square steps")
    return J


def _pieces(J, backwards=False):
    """J, an array or its pieces in the order they are wanted, as checked pieces of at most 256 steps; at least one."""
    if not hasattr(J, "__array__") and np.iterable(J):
        J = iter(J)
        first = list(islice(J, 1))
        whole = first and np.ndim(first[0]) == 3
        arrays = chain(first, J) if whole else [[*first, *J]]
    else:
        arrays = [J]
    size = None
    for array in map(_check_jacobians, arrays):
        if array.shape[1] != (size := size or array.shape[1]):
            raise ValueError(f"J: got pieces of {size} and {array.shape[1]} rows, wants the same H in all")
        starts = range(0, len(array), 256)
        for i in reversed(starts) if backwards else starts:
            yield array[i : i + 256]


def _norms(M, ord):
    """Matrix norms of M (..., H, H); the two usual ones by a quicker way than numpy's."""
    if ord == "fro":
        flat = M.reshape(*M.shape[:-2], -1)
        return np.sqrt(np.vecdot(flat, flat))
    if ord == 2:  # σ_1² is the largest eigenvalue of MMᵀ, which has it to full precision
        return np.sqrt(np.maximum(np.linalg.eigvalsh(M @ np.swapaxes(M, -1, -2))[..., -1], 0))
    return np.linalg.norm(M, ord, axis=(-2, -1))


def _rescale(M, out=None):
    """M (..., H, H) with its largest entry brought to [1/2, 1) by a power of two, and that power's exponent (...)."""
    flat = M.reshape(*M.shape[:-2], -1)
    shift = np.frexp(np.maximum(flat.max(-1), -flat.min(-1)))[1]
    return np.ldexp(M, -shift[..., None, None], out=out), shift


def _from_scale(mantissa, exponent, log, dtype):
    """mantissa * 2^exponent, or its natural logarithm."""
    with np.errstate(divide="ignore", over="ignore", under="ignore"):
        if log:
            return (np.log(mantissa) + exponent * np.log(2)).astype(dtype)
        return np.ldexp(mantissa, exponent).astype(dtype)
