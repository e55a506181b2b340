"""Where two arrays differ, in words: which axis of a derivative is wrong, without giving the derivative away."""

from collections.abc import Callable

import numpy as np


def axis_of(got: np.ndarray, wanted: np.ndarray, names: tuple[str, ...], rtol: float = 1e-8) -> str | None:
    """Along which axis two arrays differ, in words, or None where they agree or differ all over.

    names  what each axis of `wanted` stands for, ("new unit", "old unit").

    Example:
    >>> axis_of(np.array([[1.0, 2.0]]), np.array([[2.0, 1.0]]), ("row", "column"))
    'axis 1 (column) runs backwards'
    """
    called = [f"axis {i} ({name})" for i, name in enumerate(names)]
    if got.ndim != wanted.ndim:
        return f"it has {got.ndim} axes and should have {wanted.ndim}: {', '.join(called)}"
    if got.shape != wanted.shape:
        if got.shape == wanted.shape[::-1]:
            return f"{' and '.join(called)} are swapped"
        i = next(i for i in range(wanted.ndim) if got.shape[i] != wanted.shape[i])
        return f"{called[i]} has length {got.shape[i]} and should have {wanted.shape[i]}"

    def close(a: np.ndarray, b: np.ndarray) -> bool:
        return np.allclose(a, b, rtol=rtol, atol=rtol * np.abs(wanted).max())

    if close(got, wanted) or not np.all(np.isfinite(got)):
        return None
    if wanted.ndim == 2 and wanted.shape[0] == wanted.shape[1] and close(got, wanted.T):
        return f"{' and '.join(called)} are swapped"
    for i, axis in enumerate(called):
        if close(np.flip(got, i), wanted):
            return f"{axis} runs backwards"
        if wanted.shape[i] > 1 and close(got, np.take(got, [0], i)):
            return f"all entries along {axis} are the same"
        a, b = np.moveaxis(got, i, 0), np.moveaxis(wanted, i, 0)
        if len(a) > 2 and (close(a[1:], b[:-1]) or close(a[:-1], b[1:])):
            return f"{axis} is off by one"
    return _scaled(got, wanted, called, close) or _partly_right(got, wanted, called, rtol)


def _scaled(
    got: np.ndarray, wanted: np.ndarray, called: list[str], close: Callable[[np.ndarray, np.ndarray], bool]
) -> str | None:
    """Whether `got` is `wanted` times something that depends on one axis alone."""
    if np.any(np.abs(wanted) < 1e-12 * np.abs(wanted).max()) or np.any(got == 0):
        return None
    ratio = got / wanted
    if close(wanted * ratio.flat[0], got):
        return "every entry is off by the same factor"
    for i, axis in enumerate(called):
        others = tuple(j for j in range(ratio.ndim) if j != i)
        if close(wanted * ratio.mean(others, keepdims=True), got):
            return f"{axis} is off: each of its entries is scaled by a factor of its own"
    if ratio.ndim == 2 and close(wanted * ratio[:, :1] * ratio[:1] / ratio[0, 0], got):
        return f"both {called[0]} and {called[1]} are scaled: something stands on the wrong side"
    return None


def _partly_right(got: np.ndarray, wanted: np.ndarray, called: list[str], rtol: float) -> str | None:
    """Where the right entries lie, if they lie together."""
    wrong = np.abs(got - wanted) > rtol * np.abs(wanted).max()
    if wrong.ndim == 2 and wrong.shape[0] == wrong.shape[1] > 1:
        diagonal = np.eye(len(wrong), dtype=bool)
        if not wrong[~diagonal].any():
            return "only the diagonal is wrong"
        if not wrong[diagonal].any():
            return "the diagonal is right, the rest is not"
    for i, axis in enumerate(called):
        right = ~np.moveaxis(wrong, i, 0).reshape(wrong.shape[i], -1).any(1)
        if right.any() and np.all(np.diff(right.astype(int)) >= 0):
            return f"right along {axis}: the last {right.sum()} of {len(right)}"
        if right.any() and np.all(np.diff(right.astype(int)) <= 0):
            return f"right along {axis}: the first {right.sum()} of {len(right)}"
    return None
