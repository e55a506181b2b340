"""How large products of Jacobians are: one row of ‖∂h_t/∂h_k‖, all pairs, and mean growth rates.

∂h_t/∂h_k = J[t-1] ... J[k], where J[t] = ∂h_{t+1}/∂h_t is from `gradients.jacobians`. Products over hundreds of steps
leave the range of floats, so every one is kept near 1 as mantissa * 2^exponent. A power of two rounds nothing. All sums
are taken in float64, also of a float32 J.

No way of computing is better than its data: where one part of time grows just the directions that another part shrinks,
by 1e6 a step and more, and neither lies along the axes, the rounding of J's own entries decides what is left.
"""

import warnings
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain, islice
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from course_utils import _validate

EPS = np.finfo(np.float64).eps
LEAF = 8  # steps whose pairs are multiplied out before the halving takes over
ROWS = 16  # rows of a Gram matrix that one matrix product makes
CACHE = 2**16  # numbers worked on at a time: half a megabyte, which a core's own cache holds
BOUND = 1e-9  # a pair whose error could be larger than this part of its square is multiplied out instead
SPREAD = 1e5  # the QR interval grows while products stretch their directions less unequally, up to 10 times that
UNSURE = 1e-8  # an exponent estimated to be off by more comes with a warning
DEPTH = 960  # factors whose entries span fewer powers of two than this together lose nothing to underflow
TINY = np.finfo(np.float64).smallest_subnormal
LOST = -50  # a product so many powers of two below its factors may hang on numbers that were too small for a float
ZERO = -(2**20)  # stands for the power of two of a number that is zero: below all others


def norms_to_past(J: ArrayLike | Iterable[np.ndarray], ord: int | float | str = 2, log: bool = False) -> np.ndarray:
    """‖∂h_T/∂h_k‖ for k = 0..T: how much the last state still feels each earlier one. O(T H³), one product a step.

    J    (T, H, H), from `jacobians`; or its pieces, the last one first, `jacobian_pieces(trace, backwards=True)`,
         so that J is never stored.
    ord  any matrix norm of numpy.linalg.norm: 2 (largest singular value), "fro", 1, inf, ...
    log  True: natural logarithms, which neither under- nor overflow at any T.

    Returns (T+1,); the last entry is the norm of the identity. A product that is exactly zero has norm 0, log -inf.

    Example: three steps, each of which halves one unit and keeps a tenth of the other.

    >>> norms_to_past(np.tile(np.diag([0.5, 0.1]), (3, 1, 1))).round(6).tolist()
    [0.125, 0.25, 0.5, 1.0]
    """
    try:
        _norms(np.eye(2)[None], ord)
    except (ValueError, TypeError):
        raise ValueError(f"ord: got {ord!r}, wants a matrix norm of numpy.linalg.norm: 2, 'fro', 1, inf, ...") from None
    mantissa: list[np.ndarray] = []
    exponent: list[np.ndarray] = []
    product: np.ndarray | None = None
    power: int | np.ndarray = 0
    for piece in _pieces(J, backwards=True):
        if product is None:
            product = np.eye(piece.shape[1])
            mantissa.append(_norms(product[None], ord))
            exponent.append(np.zeros(1, np.int64))
        products, powers, product, power = _prolong(product, power, piece)
        mantissa.append(_norms(products, ord)[::-1])
        exponent.append(powers[::-1])
    return _from_scale(np.concatenate(mantissa)[::-1], np.concatenate(exponent)[::-1], log, piece.dtype)


def _prolong(product, power, steps):
    """Backwards in time, ∂h_T/∂h_k = ∂h_T/∂h_{k+1} J[k]: one more factor on the right for every step k.

    Returns all products and their powers of two, then the last of both, from which to go on.
    """
    products, powers = np.empty(steps.shape), np.empty(len(steps), np.int64)
    if np.ndim(power) == 0:
        # The usual case: back to 1 whenever the norm comes near an end of floats.
        last, scale, size, abrupt = product, power, 1.0, False
        with np.errstate(over="ignore", invalid="ignore"):
            for k in reversed(range(len(steps))):
                last, before = np.matmul(last, steps[k], out=products[k]), size
                size = np.vdot(last, last)
                if not 1e-200 < size < 1e200:
                    abrupt |= not size > 1e-100 * before
                    scale, size = scale + _rescale(last, out=last)[1], 1.0
                powers[k] = scale
        # Was anything lost? Overflow would still be there, as infinity or NaN. A term that underflowed counts for
        # nothing in entries far above it. It might have been all there was only where one step wiped out nearly all of
        # the product, or where a zero or a tiny entry stands: such an entry stays for a while, so every 8th is read.
        some = products[::8]
        if not abrupt and np.all(np.isfinite(last)):
            if _moderate(some, zeros=False) or (_moderate(some, zeros=True) and _moderate(steps, zeros=True)):
                return products, powers, last, scale
    for k in reversed(range(len(steps))):
        product, power = _times(product, power, steps[k])
        products[k], powers[k] = _one_power(product, power)
    return products, powers, product, power


def _moderate(M, zeros):
    """Whether no entry of M (n, H, H), zeros aside or not, is so small that products of two such might underflow."""
    size = max(1, CACHE // 8 // M[0].size)
    for i in range(0, len(M), size):
        sizes = np.abs(M[i : i + size])
        if zeros:
            sizes[sizes == 0] = 1
        if sizes.min() < 1e-140:
            return False
    return True


def _times(product, power, step):
    """product 2^power @ step, as another product and its power.

    As a rule the power is one number. Where the entries of a product lie so far apart that one power can't hold them
    all, each entry has its own: the small ones are all that is left once a later factor wipes out the large ones.
    """
    if np.ndim(power) == 0:
        # Bring both factors to 1. If no term of the sums can underflow then, floats will do.
        if _depth(product) + _depth(step) < DEPTH:
            (product, shift), (step, scale) = _rescale(product), _rescale(step.astype(np.float64))
            product, last = _rescale(product @ step)
            return product, power + shift + scale + last
    # Each entry with its own power. A sum of terms is taken at the power of its largest term. Slow, but rarely needed.
    product, power = _own_powers(product, power)
    step, scale = _own_powers(step.astype(np.float64), 0)
    sums, tops = np.empty(product.shape), np.empty(product.shape, np.int64)
    for i in range(len(product)):
        terms, powers = product[i, :, None] * step, power[i, :, None] + scale
        tops[i] = powers.max(axis=0)
        sums[i] = np.ldexp(terms, np.maximum(powers - tops[i], -2000)).sum(axis=0)
    product, power = _own_powers(sums, tops)
    flat, top = _one_power(product, power)
    if np.array_equal(flat != 0, product != 0):  # one power can hold them again
        return flat, top
    return product, power


def _own_powers(M, power):
    """M 2^power with every entry in [1/2, 1) and a power of its own."""
    M, own = np.frexp(M)
    return M, np.where(M == 0, ZERO, power + own.astype(np.int64))


def _one_power(M, power):
    """M 2^power with one power for all entries. Those below the largest by more than 1e-270 become zero."""
    if np.ndim(power) == 0:
        return M, power
    top = power.max()
    return np.where(power - top < -900, 0, np.ldexp(M, np.maximum(power - top, -900))), top


def _depth(M):
    """How many powers of two the smallest entry of each M (..., H, H), zeros aside, lies below the largest."""
    zero, powers = M == 0, np.frexp(M)[1]
    return np.where(zero, -5000, powers).max((-2, -1)) - np.where(zero, 5000, powers).min((-2, -1))


def all_pairs_norms(J: ArrayLike, log: bool = False) -> np.ndarray:
    """‖∂h_t/∂h_k‖ in the Frobenius norm for every pair k ≤ t, by halving time: far below one product a pair.

    With m between k and t, A = ∂h_t/∂h_m and B = ∂h_m/∂h_k: ‖AB‖² = ⟨AᵀA, BBᵀ⟩, so all pairs across m are one product
    of two tables of Gram matrices. Then the same for either half: about 8H³T + 3H³T log2(T/8) + H²T²/2 multiplications
    against H³T²/2. Columns with a pair whose error bound exceeds 1e-9 are multiplied out instead, pair by pair. Below
    8 steps there is nothing to halve; from there on halving is quicker at every H. Peak memory: within 4 times that of
    a float64 J.

    J    (T, H, H), from `jacobians`.
    log  True: natural logarithms, which neither under- nor overflow at any T.

    Returns (T+1, T+1), entry [t, k]; the diagonal is the norm of the identity, √H; NaN above it, where k > t.

    Example: two steps of one unit, 0.5 and 3; ∂h_2/∂h_0 = 1.5 stands at [2, 0].

    >>> all_pairs_norms([[[0.5]], [[3.0]]]).tolist()
    [[1.0, nan, nan], [0.5, 1.0, nan], [1.5, 3.0, 1.0]]
    """
    J = _check_jacobians(J)
    T, H = len(J), J.shape[1]
    # The table is filled by halving, a whole number of leaves wide; what that can't be trusted with is done again.
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
    lost = np.zeros(len(columns), bool)
    for t in range(columns[0] + 1, len(J) + 1):
        k = columns[columns < t]
        now = products[: len(k)]
        lost[: len(k)] |= _depth(now) + _depth(J[t - 1]) > DEPTH  # a term of this product may underflow
        step, scale = _rescale(J[t - 1].astype(np.float64))
        products[: len(k)], shift = _rescale(step @ now)
        mantissa[t, k] = _norms(products[: len(k)], "fro")
        exponent[t, k] = exponent[t - 1, k] + scale + shift
    # Columns whose numbers lie too far apart for floats, with a power for every entry where it must be. `_times` has
    # the new factor on the right, so here everything is transposed.
    for k in columns[lost]:
        product, power = np.eye(J.shape[1]), 0
        for t in range(k + 1, len(J) + 1):
            product, power = _times(product, power, J[t - 1].T)
            flat, exponent[t, k] = _one_power(product, power)
            mantissa[t, k] = _norms(flat, "fro")


def _halve(J, mantissa, exponent):
    """Fill the table below the diagonal as `all_pairs_norms` says; return the columns that hold a doubtful pair.

    Of the segment (lo, hi) at hand, A[t-1] is ∂h_t/∂h_lo and B[k] is (∂h_hi/∂h_k)ᵀ, with exponents a and b. A join
    reads N² = ⟨AᵀA, BBᵀ⟩ of all pairs across mid, then multiplies what its neighbours will ask for by the other half.
    The error of N² is at most about eps H ‖AᵀA‖‖BBᵀ‖: large beside N² where A shrinks just the directions that B grows.
    """
    T, H = len(mantissa) - 1, J.shape[1]
    (A, B), (a, b) = np.empty((2, T, H, H)), np.empty((2, T), np.int64)
    grams, doubtful = np.empty((T, len(_gram_weights(H)))), np.zeros(T, bool)
    _leaves(J, A, B, a, b, mantissa, exponent, doubtful)

    for lo, mid, hi in _joins(0, T):
        # Every pair across mid is ∂h_t/∂h_mid ∂h_mid/∂h_k, with t in the right half and k in the left: powers add.
        exponent[mid + 1 : hi + 1, lo:mid] = a[mid:hi, None] + b[lo:mid]
        # Gram matrices AᵀA of the right half and BBᵀ of the left, one a row, and their norms m and g. On the way the
        # right half's products are prolonged back to lo, the left half's on to hi, if a later join will ask for them.
        whole = (A[mid - 1], a[mid - 1]) if lo > 0 else None
        M, m, lost_A = _grams_and_extend(A[mid:hi], a[mid:hi], grams[mid:hi], whole)
        whole = (B[mid], b[mid]) if hi < T else None
        G, g, lost_B = _grams_and_extend(B[lo:mid], b[lo:mid], grams[lo:mid], whole)
        # ‖AB‖² = ⟨AᵀA, BBᵀ⟩ of all these pairs at once: one matrix product of the two tables of Gram matrices.
        squares = M @ G.T
        mantissa[mid + 1 : hi + 1, lo:mid] = np.sqrt(np.maximum(squares, 0))
        # A column stays doubtful once one of its pairs was, in whatever join. NaN is doubtful as well.
        doubtful[lo:mid] |= ~np.all(squares >= np.outer(m, g * (EPS * H / BOUND)), axis=0)
        # Products that lost numbers below the smallest float enter the pairs of their own column and of all earlier.
        if lost_A.any() or lost_B.any():
            doubtful[: lo + np.max(np.flatnonzero(lost_B), initial=0) + 1] = True
    return np.flatnonzero(doubtful[: len(J)])


def _joins(lo, hi):
    """(lo, mid, hi) of every join of whole leaves between lo and hi, each after the two that make its halves."""
    if hi - lo > LEAF:
        mid = lo + (hi - lo) // LEAF // 2 * LEAF
        yield from _joins(lo, mid)
        yield from _joins(mid, hi)
        yield lo, mid, hi


def _leaves(J, A, B, a, b, mantissa, exponent, doubtful):
    """Cut time into leaves of LEAF steps, the last filled up with identities, and multiply out all pairs within each.

    The products of one lag are one batch, over many leaves at a time: ∂h_{k+lag}/∂h_k = J[k+lag-1] ∂h_{k+lag-1}/∂h_k.
    Of each leaf A gets the products from its first state on, B those up to its last: what the joins begin with.
    """
    T, H = len(A), J.shape[1]
    size = max(1, 2 * CACHE // (LEAF * H**2)) * LEAF
    for lo in range(0, T, size):
        steps = np.tile(np.eye(H), (min(size, T - lo), 1, 1))
        steps[: len(J) - lo] = J[lo : lo + size]
        steps, scale = _rescale(steps.reshape(-1, LEAF, H, H))
        products, power, start = steps, scale, np.arange(lo, lo + steps.shape[0] * LEAF, LEAF)
        for lag in range(1, LEAF + 1):
            k = start[:, None] + np.arange(LEAF - lag + 1)
            if lag > 1:
                products, shift = _rescale(steps[:, lag - 1 :] @ products[:, :-1])
                power = power[:, :-1] + scale[:, lag - 1 :] + shift
                if shift.min() < LOST:  # unless a factor was zero, numbers too small may be missing
                    lost = (shift < LOST) & (mantissa[k + lag - 1, k] > 0) & (mantissa[k + lag, k + lag - 1] > 0)
                    doubtful[: np.max(k[lost], initial=-1) + 1] = True
            mantissa[k + lag, k], exponent[k + lag, k] = _norms(products, "fro"), power
            A[start + lag - 1], a[start + lag - 1] = products[:, 0], power[:, 0]
            B[start + LEAF - lag], b[start + LEAF - lag] = np.swapaxes(products[:, -1], 1, 2), power[:, -1]


def _grams_and_extend(X, x, grams, whole=None):
    """`_grams` of X; then X[i] @= the other half's whole product, in place, its power added to x.

    Piece by piece, while the cache holds it. Returns grams, their norms, and which X[i] may have lost small numbers.
    """
    norms, lost, size = np.empty(len(X)), np.zeros(len(X), bool), max(1, CACHE // X[0].size)
    for i in range(0, len(X), size):
        now = slice(i, i + size)
        norms[now] = _grams(X[now], grams[now])
        if whole is not None:
            product, power = whole
            shift = _rescale(X[now] @ product, out=X[now])[1]
            if shift.min() < LOST:
                lost[now] = (shift < LOST) & (norms[now] > 0) & product.any()
            x[now] += shift + power
    return grams, norms, lost


def _grams(X, out):
    """XᵢᵀXᵢ of every i as a row of `out`, and their norms: only from the diagonal on, ROWS rows to a matrix product.

    Weighted so that the dot product of two rows is the inner product of the two symmetric matrices.
    """
    H, start = X.shape[1], 0
    # Rows i..i+ROWS of XᵀX, from column i on: left of it stands what earlier rows already have, mirrored.
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


def lyapunov_exponents(J: ArrayLike | Iterable[np.ndarray], interval: int | None = None) -> np.ndarray:
    """Mean growth rates of the H directions of state space, by QR (Benettin et al. 1980). O(H³) a step.

    J         (T, H, H), from `jacobians`; or its pieces in order of time, from `jacobian_pieces` or any generator: then
              memory does not grow with T.
    interval  steps between two QR factorisations. None: as many as keep |R|'s diagonal within 1e6 of each other, so
              that each log|R_ii| is good to about 1e6 H eps = 1e-8, and their mean to far less. At a fixed interval n
              the error of the i-th exponent is about H eps e^(n (λ_1 - λ_i)) / n: too long an interval loses the
              strongly shrinking directions, with a warning.

    Returns (H,) exponents in nats per step, largest first; they sum to the mean of log|det J|. -inf for every
    direction that dies: as many as the product's rank falls short of H.

    **What is promised.** Exponents good to 1e-8, or a UserWarning that names them and the step. A step that alone
    stretches its directions more unequally than 1e6 is taken by itself and with more care: it may make some units, as
    they hear or are heard, smaller than others by up to 1e140 without any loss (diag(1, 1e-20) is exact). What remains
    is a direction that shrinks across units: 1e-12 of the step's own numbers is known to four digits only. From about
    1e-15 on, where a step equal to rounding, entry by entry, has that direction die, it counts as dead.

    At finite T the exponents depend on the numbering of units, because the directions begin along the axes: those of
    chaotic tanh RNNs of 16 units by up to 0.2 at T=20, 0.05 at T=200 and 0.003 at T=2000.

    Example: one unit keeps 1/e of itself a step, the other is never heard again.

    >>> lyapunov_exponents(np.tile(np.diag([0.0, np.exp(-1)]), (50, 1, 1))).tolist()
    [-1.0, -inf]
    """
    n = 1 if interval is None else _validate.integer("interval", interval, 1)
    T, worst = 0, (0.0, "")
    for piece in _pieces(J):
        if T == 0:  # the directions still alive, one a column; what their log|R_ii| add up to; and the errors of that
            Q, logs, errors = np.eye(piece.shape[1]), np.zeros(piece.shape[1]), np.zeros(piece.shape[1])
        t, start, T = 0, T, T + len(piece)
        while t < len(piece) and Q.shape[1]:
            # n steps, then one QR. |R_ii| says how much the i-th direction grew, the earlier directions taken out.
            new_Q, stretch = _stretch(piece[t : t + n], Q)
            largest, smallest = stretch.max(), stretch.min()
            if largest / SPREAD / 10 < smallest:  # false for NaN and infinity
                logs += np.log(stretch)
            elif interval is None and n > 1:
                n //= 2  # too long: the shrinking directions are lost in rounding, so take these steps again
                continue
            elif n == 1:
                new_Q, log_stretch, error, alive = _careful_stretch(piece[t].astype(np.float64), Q)
                if _depth(piece[t]) > DEPTH / 2:  # directions may have lost parts that were too small for a float
                    error[:] = np.inf
                logs, errors = logs[alive] + log_stretch, errors[alive] + error
                worst = max(worst, (error.max(initial=0), f"step {start + t}"))
            elif not np.all(np.isfinite(stretch)):
                raise ValueError(f"interval: got {interval}, wants fewer steps: their product overflowed")
            else:
                with np.errstate(divide="ignore", invalid="ignore"):
                    logs += np.log(stretch)
                    error = np.nan_to_num(EPS * largest / stretch, nan=0, posinf=np.inf)  # 0 / 0: all are dead for sure
                errors += error
                worst = max(worst, (error.max(), f"steps {start + t} to {start + t + n - 1} (shorten the interval)"))
            Q, t = new_Q, t + n
            if interval is None and largest / SPREAD ** (n / (n + 1)) < smallest:
                n += 1
    exponents = np.full(piece.shape[1], -np.inf)  # of directions that died
    exponents[: len(logs)] = np.sort(logs / T)[::-1]
    unsure = np.flatnonzero(errors[np.argsort(-logs)] / T > UNSURE)
    if len(unsure):
        warnings.warn(
            f"exponents {', '.join(map(str, unsure))} (the largest is 0) may be off by {errors.max() / T:.0e}: their "
            f"directions shrink almost to rounding, most of all in {worst[1]}",
            stacklevel=2,
        )
    return exponents.astype(piece.dtype)


def _stretch(steps, Q):
    """Carry the orthogonal directions Q through the steps: the new directions, and by how much each was stretched."""
    with np.errstate(over="ignore", invalid="ignore"):
        for step in steps:
            Q = step @ Q
        Q, R = np.linalg.qr(Q)
    return Q, np.abs(np.diagonal(R))


def _careful_stretch(step, Q):
    """One step that stretches directions very unequally: new Q, log|R_ii|, their errors, and which directions live.

    The step is split into two factors, step = S D with D the sizes of its columns: units that are heard faintly. The
    sizes of rows, of units that hear faintly, are left to the QR, which is exact for them if large rows come first.
    """
    with np.errstate(under="ignore"):
        _, columns = np.frexp(np.abs(step).max(axis=0))
        top = columns.max()
        logs, errors, alive = np.full(Q.shape[1], (top - 1000) * np.log(2)), 0, np.arange(Q.shape[1])
        # Both factors' largest entries are 2^500, far up, so that small ones have room below.
        heard = np.where(step.any(axis=0), np.ldexp(1.0, np.maximum(columns - top + 500, -1074)), 0)
        for factor in (np.diag(heard), np.ldexp(step, 500 - columns)):
            Q, log_stretch, error, live = _careful_qr(factor @ Q, np.abs(factor) @ np.abs(Q))
            logs, errors, alive = logs[live] + log_stretch, (errors + np.zeros(len(logs)))[live] + error, alive[live]
    return Q, logs, errors, alive


def _careful_qr(B, sizes):
    """QR of B (H, r), computed from terms that add up to `sizes`, without columns that the earlier ones span.

    Rounding can't know an entry of B better than eps * sizes. To first order that makes an error of eps * condition in
    log|R_ii|, condition = (|Qᵀ| sizes |R⁻¹|)_ii (Higham 2002, ch. 19). From 1 / (H eps) on, some B equal to
    rounding has its i-th column spanned by the earlier ones: this direction is dead, and is left out from here on.

    Returns Q (H, number alive), log|R_ii|, their errors, and which columns are alive.
    """
    # Columns and rows are brought to size: columns by powers of two, rows by their order.
    _, powers = np.frexp(sizes.max(axis=0))
    B, sizes = np.ldexp(B, -powers), np.ldexp(sizes, -powers)
    order = np.argsort(-sizes.max(axis=1, initial=0), kind="stable")
    alive = np.flatnonzero(B.any(axis=0))
    Q, stretch, condition = np.empty((len(B), 0)), np.ones(0), np.zeros(0)
    while len(alive):
        Q = np.empty((len(B), len(alive)))
        Q[order], R = np.linalg.qr(B[np.ix_(order, alive)])
        stretch = np.abs(np.diagonal(R))
        if stretch.all():
            with np.errstate(over="ignore", invalid="ignore"):
                condition = np.sum((np.abs(Q).T @ sizes[:, alive]) * np.abs(np.linalg.inv(R)).T, axis=1)
            dead = ~(condition < 1 / (len(B) * EPS))
        else:
            dead = stretch == 0
        if not dead.any():
            break
        # The first dead one is spanned by those before it. What is behind it may live: it was measured against noise.
        alive = np.delete(alive, np.argmax(dead))
        Q, stretch, condition = Q[:, :0], stretch[:0], condition[:0]
    return Q, np.log(stretch) + powers[alive] * np.log(2), EPS * condition, alive


def _check_jacobians(J: ArrayLike) -> np.ndarray:
    """J as a finite array (T, H, H) of floats."""
    checked = _validate.array("J", J, ("T", "H", "H"))
    if checked.shape[1] != checked.shape[2]:
        raise ValueError(f"J: got shape {checked.shape}, wants (T, H, H) with square steps")
    return checked


def _pieces(J: ArrayLike | Iterable[np.ndarray], backwards: bool = False) -> Iterator[np.ndarray]:
    """J, an array or its pieces in the order they are wanted, as checked pieces of at most 256 steps; at least one."""
    arrays: Iterable[Any] = [J]
    if isinstance(J, Iterable) and not hasattr(J, "__array__"):
        rest = iter(J)
        first = list(islice(rest, 1))
        whole = first and np.ndim(first[0]) == 3
        arrays = chain(first, rest) if whole else [[*first, *rest]]
    size = None
    for array in map(_check_jacobians, arrays):
        if array.shape[1] != (size := size or array.shape[1]):
            raise ValueError(f"J: got pieces of {size} and {array.shape[1]} rows, wants the same H in all")
        starts = range(0, len(array), 256)
        for i in reversed(starts) if backwards else starts:
            yield array[i : i + 256]


def _norms(M: np.ndarray, ord: Any) -> np.ndarray:
    """Matrix norms of M (..., H, H); the two usual ones by a quicker way than numpy's."""
    if ord == "fro":
        flat = M.reshape(*M.shape[:-2], -1)
        return np.sqrt(np.vecdot(flat, flat))
    if ord == 2:  # σ_1² is the largest eigenvalue of MMᵀ, which has it to full precision
        return np.sqrt(np.maximum(np.linalg.eigvalsh(M @ np.swapaxes(M, -1, -2))[..., -1], 0))
    return np.linalg.norm(M, ord, axis=(-2, -1))


def _rescale(M, out=None):
    """M (..., H, H) with its largest entry brought to [1/2, 1) by a power of two, and that power's exponent (...).

    A zero matrix stays zero, with the exponent of the smallest float.
    """
    flat = M.reshape(*M.shape[:-2], -1)
    shift = np.frexp(np.maximum(np.maximum(flat.max(-1), -flat.min(-1)), TINY))[1]
    return np.ldexp(M, -shift[..., None, None], out=out), shift


def _from_scale(mantissa, exponent, log, dtype):
    """mantissa * 2^exponent, or its natural logarithm."""
    with np.errstate(divide="ignore", over="ignore", under="ignore"):
        if log:
            return (np.log(mantissa) + exponent * np.log(2)).astype(dtype)
        return np.ldexp(mantissa, exponent).astype(dtype)
