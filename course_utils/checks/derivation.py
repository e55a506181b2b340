"""Debugging a derivation: which factor of a gradient is wrong, and along which axis, without giving it away."""

import numpy as np

from course_utils.checks.coursework import ASSIGNMENTS
from course_utils.checks.exercise import verdict

# {derivation: {exercise: what its axes mean}}, in the order of the chain
DERIVATIONS = {
    "ps1": {
        "ps1 slopes": ("step", "unit"),
        "ps1 step jacobian": ("new unit", "old unit"),
        "ps1 requests": ("step", "unit"),
        "ps1 share": ("unit that the weight leads to", "what the weight meets"),
    },
    "ps3": {
        "ps3 gate by state": ("unit of the gate", "old unit"),
        "ps3 state by gate": ("new unit", "unit of the gate"),
        "ps3 reset by state": ("unit that is reset", "old unit"),
        "ps3 candidate by state": ("unit of the candidate", "old unit"),
    },
}


def debug(name, *factors):
    """Print one line for each factor of a derivation: right, or what is wrong and along which axis.

    name     "ps1" or "ps3". Raises ValueError on another.
    factors  the functions handed in, in the order of the chain. Raises ValueError if there are too few or too many.
    """
    if name not in DERIVATIONS:
        raise ValueError(f"name: got {name!r}, wants one of {', '.join(map(repr, DERIVATIONS))}")
    wanted = DERIVATIONS[name]
    if len(factors) != len(wanted):
        raise ValueError(f"factors: got {len(factors)}, wants {len(wanted)}: {', '.join(wanted)}")
    for n, (exercise, factor) in enumerate(zip(wanted, factors, strict=True), start=1):
        print(f"factor {n} of {len(wanted)}, {exercise.removeprefix(name + ' ')}: {factor_verdict(exercise, factor)}")


def factor_verdict(exercise, factor):
    """The line of `verdict`, followed by the axis along which the factor is wrong, if there is one."""
    line = verdict(ASSIGNMENTS[exercise], factor)
    axes = next(axes[exercise] for axes in DERIVATIONS.values() if exercise in axes)
    if not line.startswith("Not yet") or not callable(factor):
        return line
    for seed in range(4):
        arguments = (ASSIGNMENTS[exercise].draw(np.random.default_rng(seed)) for _ in range(2))
        try:
            got = np.asarray(factor(*next(arguments)), dtype=float)
        except Exception:  # verdict has told what it raised
            return line
        where = axis_of(got, np.asarray(ASSIGNMENTS[exercise].right(*next(arguments)), dtype=float), axes)
        if where:
            return f"{line} [{where}]"
    return line


def axis_of(got, wanted, names, rtol=1e-8):
    """Along which axis two arrays differ, in words, or None where they agree or differ all over.

    names  what each axis of `wanted` stands for.
    """
    called = [f"axis {i} ({name})" for i, name in enumerate(names)]
    if got.ndim != wanted.ndim:
        return f"it has {got.ndim} axes and should have {wanted.ndim}: {', '.join(called)}"
    if got.shape != wanted.shape:
        if got.shape == wanted.shape[::-1]:
            return f"{' and '.join(called)} are swapped"
        i = next(i for i in range(wanted.ndim) if got.shape[i] != wanted.shape[i])
        return f"{called[i]} has length {got.shape[i]} and should have {wanted.shape[i]}"

    def close(a, b):
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


def _scaled(got, wanted, called, close):
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


def _partly_right(got, wanted, called, rtol):
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
