"""Checks of what users hand in. Every complaint is a ValueError: which argument, what it got, what it wants."""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import ArrayLike


def array(name: str, value: ArrayLike, shape: Sequence[int | str] | None = None) -> np.ndarray:
    """`value` as a finite float array: float32 stays, everything else real becomes float64. Not copied if it is one.

    `shape` holds one entry per axis: a number is wanted exactly, a letter stands for any length of at least 1.

    >>> array("x", [[1, 2], [3, 4]], ("T", 2))
    array([[1., 2.],
           [3., 4.]])
    >>> array("x", [[1, 2], [3, 4]], ("T", 3))
    Traceback (most recent call last):
    ValueError: x: got shape (2, 2), wants (T, 3)
    """
    try:
        got = np.asarray(value)
    except ValueError:
        raise ValueError(f"{name}: got a ragged nest of lists, wants an array") from None
    if got.dtype.kind not in "fiub":
        raise ValueError(f"{name}: got dtype {got.dtype}, wants real numbers (float64 or float32)")
    if shape is not None:
        fits = len(got.shape) == len(shape) and all(
            n == want if isinstance(want, int) else n >= 1 for n, want in zip(got.shape, shape, strict=True)
        )
        if not fits:
            wants = "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"
            raise ValueError(f"{name}: got shape {got.shape}, wants {wants}")
    with np.errstate(over="ignore", invalid="ignore"):
        surely_finite = np.isfinite(got.sum())  # one quick pass: NaN and inf never leave a sum finite
    if not surely_finite and not np.all(np.isfinite(got)):
        raise ValueError(
            f"{name}: got NaN or inf at index {tuple(np.argwhere(~np.isfinite(got))[0].tolist())}, wants finite numbers"
        )
    return got if got.dtype == np.float32 else got.astype(np.float64, copy=False)


def choice(name: str, value: object, allowed: Collection[str]) -> str:
    """`value` if it is one of `allowed`."""
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name}: got {value!r}, wants one of {', '.join(map(repr, allowed))}")
    return value


def floating(name: str, value: object) -> np.dtype:
    """`value`, a dtype by itself or by name, if it is float64 or float32."""
    for allowed in (np.dtype(np.float64), np.dtype(np.float32)):
        if isinstance(value, str | type | np.dtype) and allowed == value:
            return allowed
    raise ValueError(f"{name}: got {value!r}, wants float64 or float32")


def integer(name: str, value: object, at_least: int) -> int:
    """`value` as an int of at least `at_least`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < at_least:
        raise ValueError(f"{name}: got {value!r}, wants an integer of at least {at_least}")
    return int(value)


def number(name: str, value: object, at_least: float = -np.inf) -> float:
    """`value` as a finite float of at least `at_least`."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise ValueError(f"{name}: got {value!r}, wants a number")
    if not np.isfinite(value) or value < at_least:
        wants = "a finite number" if at_least == -np.inf else f"a finite number of at least {at_least:g}"
        raise ValueError(f"{name}: got {value!r}, wants {wants}")
    return float(value)
