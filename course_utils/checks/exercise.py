"""Holding an answer against the right one and against known wrong ones."""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import numpy as np

NOT_STARTED = "Not started: replace the ... with your answer and run the cell again."
SINGLE = 2e-5  # relative: what an exact computation may lose where its numbers are float32
STRICT = (
    1e-10  # an exercise that is held to this or less tells exact answers from close ones, float32 from float64, too
)
USE_FLOAT64 = "Your numbers are float32. Compute in float64, NumPy's own, which keeps twice as many digits."


@dataclass(frozen=True)
class Verdict:
    """What comes of holding an answer against the right one: whether it is right, and in words why not."""

    right: bool
    words: str

    @property
    def line(self) -> str:
        """The line that `check` prints."""
        return self.words if self.right or self.words == NOT_STARTED else f"Not yet: {self.words}"


class Trial(int):
    """The number of an input that lies elsewhere, in place of the input itself: nothing is said of it in a verdict."""


class Case(Protocol):
    """One input of an exercise, and how to tell right results from wrong ones. The first hint that fits is told."""

    @property
    def hints(self) -> tuple[str, ...]:
        """One for each known mistake."""

    def arguments(self) -> tuple:
        """The input, made anew for every call: an answer may change it in place."""

    def complaint(self, got: Any) -> str | None:
        """None for a right result, else a sentence that doesn't reveal it."""

    def fits(self, got: Any, hint: str) -> bool:
        """Whether a result is what the known mistake of this hint gives."""


@dataclass(frozen=True)
class Worked:
    """A case whose results are worked out when they are asked for: `right()` and `mistakes[hint]()`."""

    inputs: Callable[[], tuple]
    right: Callable[[], Any]
    mistakes: dict[str, Callable[[], Any]]
    rtol: float
    rows: tuple[str, ...] = ()

    @property
    def hints(self) -> tuple[str, ...]:
        """One for each known mistake."""
        return tuple(self.mistakes)

    def arguments(self) -> tuple:
        """The input, made anew."""
        return self.inputs()

    def complaint(self, got: Any) -> str | None:
        """None for a right result, else a sentence that doesn't reveal it."""
        words = difference(got, self.right(), self._rtol(got), self.rows)
        if words and is_single(got) and difference(got, self.right(), SINGLE) is None:
            return f"the formula may be right, to more digits than you give it can't be told. {USE_FLOAT64}"
        return words

    def fits(self, got: Any, hint: str) -> bool:
        """Whether a result is what the known mistake of this hint gives."""
        wrong = self.mistakes[hint]()
        return difference(got, wrong, self._rtol(got)) is None or _same_infinity(got, wrong)

    def parts(self, got: Any) -> dict[str, bool]:
        """Of a result that has parts, by name, which are right. Empty where it has none."""
        return parts_right(got, self.right(), self._rtol(got), self.rows)

    def _rtol(self, got: Any) -> float:
        return max(self.rtol, SINGLE) if self.rtol > STRICT and is_single(got) else self.rtol


@dataclass(frozen=True)
class Exercise:
    """What an answer is held against.

    right     the right answer, a function of what `draw` returns.
    draw      draw(rng) -> tuple of arguments, of another shape or value at every call. An exercise that asks for a
              number instead of a function has draw None, and `right` and the mistakes are numbers.
              A function of several results has a `right` that returns {name: array}; an answer returns the arrays as
              a tuple in this order, or as such a dict.
    mistakes  {hint: wrong answer}: an answer equal to a wrong one gets its hint.
    rtol      relative tolerance, for answers read off a figure or rounded by hand.
    rows      names of the row blocks of the result, such as ("r", "z", "n"), so that a hint can say which are right.
    against   what the right answers are made by or tested with, e.g. "complex steps", where the student should see it.
    because   why a right answer is right, in a sentence that is told once it is.

    Example:
    >>> print(verdict(Exercise(right=0.25, mistakes={"that is tanh's.": 1.0}), 1))
    Not yet: that is tanh's.
    """

    right: Any
    draw: Callable[[np.random.Generator], tuple] | None = None
    mistakes: dict[str, Any] = field(default_factory=dict)
    rtol: float = 1e-8
    rows: tuple[str, ...] = ()
    against: str = ""
    because: str = ""

    def cases(self, trials: int) -> list[Worked]:
        """One for each of the seeds 0, 1, ..., trials - 1; a single one where the exercise asks for a number."""
        draw = self.draw
        if draw is None:
            return [self.worked(tuple, called=False)]
        return [self.worked(partial(_drawn, draw, seed)) for seed in range(trials)]

    def worked(self, inputs: Callable[[], tuple], called: bool = True) -> Worked:
        """The case of one input. called: whether right answer and mistakes are functions of it, or values."""

        def on_inputs(answer: Any) -> Callable[[], Any]:
            return (lambda: answer(*inputs())) if called else (lambda: answer)

        mistakes = {hint: on_inputs(wrong) for hint, wrong in self.mistakes.items()}
        return Worked(inputs, on_inputs(self.right), mistakes, self.rtol, self.rows)


def _drawn(draw: Callable[[np.random.Generator], tuple], seed: int) -> tuple:
    return draw(np.random.default_rng(seed))


def verdict(exercise: Exercise, answer: Any, trials: int = 4) -> str:
    """The line that `check` prints: right, or not yet and why. Nothing that an answer raises gets through."""
    found = judge(answer, exercise.cases(trials), called=exercise.draw is not None)
    if not found.right:
        return found.line
    words, single, _ = found.line.partition(f" {USE_FLOAT64}")
    if exercise.against:
        words = f"{words.rstrip('.')}: it agrees with {exercise.against}."
    return f"{words} {exercise.because}".rstrip() + single


def judge(answer: Any, cases: Iterable[Case], called: bool = True) -> Verdict:
    """Hold an answer against all cases. Nothing that it raises gets through.

    called  whether the answer is a function of each case's arguments, or a value.
    """
    if called and not callable(answer):
        return Verdict(False, "hand in the function itself, without calling it.")
    tried, failures, passed, suspects, single = 0, [], [], None, False
    for case in cases:
        arguments, tried = case.arguments() if called else (), tried + 1
        size, described = _size(arguments), _described(answer, arguments) if called else ""
        measures = _measures(answer, arguments) if called else {}
        try:
            got = answer(*arguments) if called else answer
        except NotImplementedError:
            return Verdict(False, NOT_STARTED)
        except Exception as error:
            shapes = " Print the shapes of what you multiply." if "matmul" in str(error) else ""
            return Verdict(False, f"your function raised {type(error).__name__}: {error}{shapes}")
        if got is None and called and not _is_empty(answer):
            return Verdict(False, "your function gives nothing back. Does it end with a line that begins with return?")
        if got is None or got is ... or (isinstance(got, tuple | list) and got and all(part is ... for part in got)):
            return Verdict(False, NOT_STARTED)
        complaint = case.complaint(got)
        if complaint:
            failures.append((size, complaint, described, measures))
            suspects = [hint for hint in (case.hints if suspects is None else suspects) if case.fits(got, hint)]
        else:
            passed.append(measures)
            single = single or is_single(got)
    if not failures:
        words = "Right, on every random input tried." if called else "Right."
        return Verdict(True, f"{words} {USE_FLOAT64}" if single else words)
    if suspects:
        return Verdict(False, suspects[0])
    _, complaint, described, _ = min(failures, key=lambda failure: failure[0])
    if passed:
        complaint += _edge(passed, [measures for *_, measures in failures])
    return Verdict(False, f"{complaint} The smallest input that fails: {described}." if described else complaint)


def _is_empty(answer: Callable) -> bool:
    """Whether a function has no statement of its own, as a stub whose body is `...` or `pass`."""
    code = getattr(answer, "__code__", None)
    return code is not None and len(code.co_code) <= len(_stub.__code__.co_code)


def _stub() -> None: ...


def _measures(answer: Callable, arguments: tuple) -> dict[str, float]:
    """What an input can be ordered by: its numbers by their names, and lengths of its arrays."""
    measures = {}
    for name, argument in zip(_names(answer, len(arguments)), arguments, strict=True):
        if _is_number(argument):
            measures[name] = float(argument)
        elif isinstance(argument, np.ndarray) and argument.ndim:
            measures[f"len({name})"] = float(len(argument))
    return measures


def _edge(passed: list[dict[str, float]], failed: list[dict[str, float]]) -> str:
    """A sentence on where an answer that is sometimes right stops being so."""
    for name in failed[0]:
        right, wrong = [of[name] for of in passed if name in of], [of[name] for of in failed if name in of]
        if right and wrong and max(right) < min(wrong):
            return f" It is right up to {name} = {max(right):.4g} and wrong from {name} = {min(wrong):.4g} on."
        if right and wrong and max(wrong) < min(right):
            return f" It is wrong up to {name} = {max(wrong):.4g} and right from {name} = {min(right):.4g} on."
    return f" It is right on {len(passed)} of {len(passed) + len(failed)} inputs."


def _size(arguments: tuple) -> tuple[int, float]:
    """What makes one input smaller than another: how many numbers it holds, and then how large its numbers are."""
    count, single = 0, 0.0
    for argument in arguments:
        if isinstance(argument, list | tuple):
            count += _size(tuple(argument))[0]
        else:
            count += np.size(argument)
            single += abs(float(argument)) if _is_number(argument) else 0.0
    return count, single


def _described(answer: Callable, arguments: tuple) -> str:
    """An input in words, each argument by the name that the answer gives it: shapes of arrays, values of numbers."""
    words = []
    for name, argument in zip(_names(answer, len(arguments)), arguments, strict=True):
        if _is_number(argument):
            words.append(f"{name} = {float(argument):.4g}")
        elif isinstance(argument, np.ndarray):
            words.append(f"{name} of shape {argument.shape}")
        elif isinstance(argument, list | tuple):
            words.append(f"{name} of length {len(argument)}")
    return ", ".join(words)


def _names(answer: Callable, count: int) -> list[str]:
    """What an answer calls its first `count` arguments."""
    try:
        names = list(inspect.signature(answer).parameters)
    except (TypeError, ValueError):  # some built-in functions don't tell
        names = []
    return [names[n] if n < len(names) else f"argument {n + 1}" for n in range(count)]


def _is_number(argument: Any) -> bool:
    return isinstance(argument, int | float | np.integer | np.floating) and not isinstance(argument, bool | Trial)


def is_single(got: Any) -> bool:
    """Whether a result, or a part of it, is of NumPy's or torch's float32."""
    parts = got.values() if isinstance(got, dict) else got if isinstance(got, tuple | list) else [got]
    return any(str(getattr(part, "dtype", "")).endswith("float32") for part in parts)


def parts_right(got: Any, wanted: Any, rtol: float, rows: tuple[str, ...] = ()) -> dict[str, bool]:
    """{part: whether it is right}, for several results or an array of named row blocks; as in `difference`.

    Example:
    >>> parts_right((1.0, 2.0), {"dW": 1.0, "db": 3.0}, 1e-8)
    {'dW': True, 'db': False}
    """
    if isinstance(wanted, dict):
        if isinstance(got, tuple | list) and len(got) == len(wanted):
            got = dict(zip(wanted, got, strict=True))
        if not isinstance(got, dict):
            return dict.fromkeys(wanted, False)
        return {
            name: name in got and got[name] is not ... and difference(got[name], value, rtol) is None
            for name, value in wanted.items()
        }
    wanted = np.asarray(wanted)
    if not rows or not wanted.ndim or len(wanted) % len(rows):
        return {}
    if difference(got, wanted, np.inf) is not None:  # of another shape, or no numbers
        return dict.fromkeys(rows, False)
    blocks = zip(rows, np.split(np.asarray(got, dtype=float), len(rows)), np.split(wanted, len(rows)), strict=True)
    return {name: difference(block, right, rtol) is None for name, block, right in blocks}


def _same_infinity(got: Any, wrong: Any) -> bool:
    """Whether both are the same infinite number: the logarithm of a product that has underflowed."""
    return isinstance(got, int | float | np.floating) and bool(np.isinf(got)) and got == wrong


def difference(got: Any, wanted: Any, rtol: float, rows: tuple[str, ...] = ()) -> str | None:
    """None if `got` equals `wanted` up to rtol of its largest entry, else a sentence that doesn't reveal it.

    wanted  a number, an array, or {name: array} for several results; then `got` is such a dict or a tuple.
    rows    names of the row blocks of an array, of equal heights.
    """
    if isinstance(wanted, dict):
        return _difference_of_parts(got, wanted, rtol, rows)
    try:
        if np.asarray(got).dtype.kind in "US":
            raise TypeError("words, even if they spell a number")
        got, wanted = np.asarray(got, dtype=float), np.asarray(wanted, dtype=float)
    except (TypeError, ValueError, RuntimeError, OverflowError):  # also a torch tensor with a gradient, a huge integer
        return f"the answer is a {type(got).__name__}, not a number or an array of numbers."
    if got.shape != wanted.shape:
        return f"the shape is {got.shape}, it should be {wanted.shape}."
    if not np.all(np.isfinite(got)):
        return "the answer holds NaN or inf. A product that underflows to 0 has no logarithm, and 0/0 is NaN."
    if not np.all(np.isfinite(wanted)):  # a known mistake may divide by zero; it is then nobody's answer
        return "the numbers differ."
    scale = max(np.abs(wanted).max(), 1e-300)
    wrong = np.abs(got - wanted) > rtol * scale
    if not np.any(wrong):
        return None
    if np.abs(got - wanted).max() < 1e-4 * scale:
        digits = int(-np.log10(np.abs(got - wanted).max() / scale))
        return f"it agrees to about {digits} digits only. Compute exactly, in float64, without rounding on the way."
    if np.allclose(got, -wanted, rtol=rtol, atol=0):
        return "the sign is wrong."
    if wanted.ndim == 2 and wanted.shape[0] == wanted.shape[1] and np.allclose(got, wanted.T, rtol=rtol, atol=0):
        return "this is the transpose of what is asked for."
    if rows and wanted.ndim and len(wanted) % len(rows) == 0:
        good = [name for name, block in zip(rows, np.split(wrong, len(rows)), strict=True) if not block.any()]
        if good:
            bad = [name for name in rows if name not in good]
            return f"the rows of {_and(good)} are right, the rows of {_and(bad)} are not."
    return f"{int(wrong.sum())} of {wanted.size} numbers differ." if wanted.size > 1 else "the number differs."


def _difference_of_parts(got: Any, wanted: dict[str, Any], rtol: float, rows: tuple[str, ...]) -> str | None:
    """The same for several results: which are right, and what is off in the first that isn't."""
    if isinstance(got, tuple | list):
        if len(got) != len(wanted):
            return f"{len(got)} results came back, wanted are {len(wanted)}: {', '.join(wanted)}."
        got = dict(zip(wanted, got, strict=True))
    if not isinstance(got, dict) or set(got) != set(wanted):
        return f"the answer should hold {len(wanted)} results: {', '.join(wanted)}."
    found = {
        name: "this is not written yet." if got[name] is ... else difference(got[name], value, rtol, rows)
        for name, value in wanted.items()
    }
    good = [name for name, complaint in found.items() if complaint is None]
    bad = {name: complaint for name, complaint in found.items() if complaint is not None}
    if not bad:
        return None
    first, complaint = next(iter(bad.items()))
    return (
        f"{_and(good)} {'are' if len(good) > 1 else 'is'} right. {first}: {complaint}"
        if good
        else f"{first}: {complaint}"
    )


def _and(names: list[str]) -> str:
    """Names in one phrase: r, z and n."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
