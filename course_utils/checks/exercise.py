"""Holding an answer against the right one and against known wrong ones."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Exercise:
    """What an answer is held against.

    right     the right answer, a function of what `draw` returns.
    draw      draw(rng) -> tuple of arguments, of another shape or value at every call. An exercise that asks for a
              number instead of a function has draw None, and `right` and the mistakes are numbers.
    mistakes  {hint: wrong answer}: an answer equal to a wrong one gets its hint.
    rtol      relative tolerance, for answers read off a figure or rounded by hand.
    """

    right: object
    draw: Callable | None = None
    mistakes: dict = field(default_factory=dict)
    rtol: float = 1e-8


NOT_STARTED = "Not started: replace the ... with your answer and run the cell again."


def verdict(exercise, answer, trials=4):
    """The line that `check` prints: right, or not yet and why. Nothing that an answer raises gets through."""
    if exercise.draw is None:
        return _verdict_on_value(exercise, answer)
    if not callable(answer):
        return "Not yet: hand in the function itself, without calling it."
    suspects, failed = dict(exercise.mistakes), None
    for seed in range(trials):

        def arguments(seed=seed):  # drawn anew for every call: an answer may change them in place
            return exercise.draw(np.random.default_rng(seed))

        try:
            got = answer(*arguments())
        except Exception as error:
            return f"Not yet: your function raised {type(error).__name__}: {error}"
        if got is None or got is ...:
            return NOT_STARTED
        complaint = _difference(got, exercise.right(*arguments()), exercise.rtol)
        if complaint:
            failed = failed or complaint
            suspects = {
                hint: wrong
                for hint, wrong in suspects.items()
                if not _difference(got, wrong(*arguments()), exercise.rtol)
            }
    if failed is None:
        return "Right, on every random input tried."
    return f"Not yet: {next(iter(suspects), failed)}"


def _verdict_on_value(exercise, answer):
    if answer is None or answer is ...:
        return NOT_STARTED
    complaint = _difference(answer, exercise.right, exercise.rtol)
    if complaint is None:
        return "Right."
    for hint, wrong in exercise.mistakes.items():
        if _difference(answer, wrong, exercise.rtol) is None:
            return f"Not yet: {hint}"
    return f"Not yet: {complaint}"


def _difference(got, wanted, rtol):
    """None if `got` equals `wanted` up to rtol of its largest entry, else a sentence that doesn't reveal it."""
    try:
        got, wanted = np.asarray(got, dtype=float), np.asarray(wanted, dtype=float)
    except (TypeError, ValueError):
        return f"the answer is a {type(got).__name__}, not a number or an array of numbers."
    if got.shape != wanted.shape:
        return f"the shape is {got.shape}, it should be {wanted.shape}."
    if not np.all(np.isfinite(got)):
        return "the answer holds NaN or inf."
    if not np.all(np.isfinite(wanted)):  # a known mistake may divide by zero; it is then nobody's answer
        return "the numbers differ."
    scale = np.abs(wanted).max()
    wrong = np.abs(got - wanted) > rtol * max(scale, 1e-300)
    if not np.any(wrong):
        return None
    if np.allclose(got, -wanted, rtol=rtol, atol=0):
        return "the sign is wrong."
    if wanted.ndim == 2 and wanted.shape[0] == wanted.shape[1] and np.allclose(got, wanted.T, rtol=rtol, atol=0):
        return "this is the transpose of what is asked for."
    return f"{int(wrong.sum())} of {wanted.size} numbers differ." if wanted.size > 1 else "the number differs."
