"""Holding an answer against the right one and against known wrong ones."""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, Protocol

import numpy as np

NOT_STARTED = "Not started: replace the ... with your answer and run the cell again."
SINGLE = 2e-5  # relative: what an exact computation may lose where its numbers are float32
STRICT = (
    1e-10  # an exercise that is held to this or less tells exact answers from close ones, float32 from float64, too
)
SAME = 1e-9  # relative: factors or differences that are no further apart than this are the same
MORE = 24  # further inputs, on which a condition is tried before a hint says that it decides
NEAR = "it agrees to about"  # how the sentence on a near miss begins
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

    def in_single(self, got: Any) -> bool:
        """Whether a right result was computed in float32."""


@dataclass(frozen=True)
class Worked:
    """A case whose results are worked out when they are asked for: `right()` and `mistakes[hint]()`."""

    inputs: Callable[[], tuple]
    right: Callable[[], Any]
    mistakes: dict[str, Callable[[], Any]]
    rtol: float
    rows: tuple[str, ...] = ()
    read: Callable[[Any], Any] | None = None
    single: float = SINGLE

    @property
    def hints(self) -> tuple[str, ...]:
        """One for each known mistake."""
        return tuple(self.mistakes)

    def arguments(self) -> tuple:
        """The input, made anew."""
        return self.inputs()

    def complaint(self, got: Any) -> str | None:
        """None for a right result, else a sentence that doesn't reveal it."""
        got = self._read(got)
        words = difference(got, self.right(), self.rtol, self.rows, self._single)
        if words and not self._single and difference(got, self.right(), self.rtol, self.rows, self.single) is None:
            return f"the formula may be right, to more digits than you give it can't be told. {USE_FLOAT64}"
        return words

    def in_single(self, got: Any) -> bool:
        """Whether a right result was computed in float32. Right numbers that are as short, as 3/64 is, tell nothing."""
        return holds_single(got) and not holds_single(self.right())

    def fits(self, got: Any, hint: str) -> bool:
        """Whether a result is what the known mistake of this hint gives; of several, those that the mistake changes."""
        got, wrong, right = self._read(got), self.mistakes[hint](), self.right()
        differs = partial(difference, rtol=self.rtol, single=self._single)
        if isinstance(right, dict) and isinstance(wrong, dict) and differs(got, wrong) is not None:
            changed = [name for name in wrong if difference(wrong[name], right[name], self.rtol) is not None]
            only = {name: wrong[name] for name in changed}
            found = parts_right(_by_name(got, right), only, self.rtol, single=self._single)
            return bool(changed) and all(found.values())
        return differs(got, wrong) is None or _same_infinity(got, wrong) or _same_gaps(got, wrong, self.rtol)

    def parts(self, got: Any) -> dict[str, bool]:
        """Of a result that has parts, by name, which are right. Empty where it has none."""
        got = self._read(got)
        return parts_right(got, self.right(), self.rtol, self.rows, self._single)

    def _read(self, got: Any) -> Any:
        return got if self.read is None else self.read(got)

    @property
    def _single(self) -> float:
        return self.single if self.rtol > STRICT else 0.0


@dataclass(frozen=True)
class Exercise:
    """What an answer is held against.

    right     the right answer, a function of what `draw` returns.
    draw      draw(rng) -> tuple of arguments, of another shape or value at every call. An exercise that asks for a
              number instead of a function has draw None, and `right` and the mistakes are numbers.
              A function of several results has a `right` that returns {name: array}; an answer returns the arrays as
              a tuple in this order, or as such a dict.
    mistakes  {hint: wrong answer}: an answer equal to a wrong one gets its hint. Of several results, those have to be
              equal in which the wrong one differs from the right one, and it may leave out the others.
    rtol      relative tolerance, for answers read off a figure or rounded by hand.
    single    the same for numbers that are float32, and for results, or parts of them, most of whose numbers are: what
              an exact computation may lose there. A result that is held to 1e-10 or less has to be float64.
    rows      names of the row blocks of the result, such as ("r", "z", "n"), so that a hint can say which are right.
    against   what the right answers are made by or tested with, e.g. "complex steps", where the student should see it.
    because   why a right answer is right, in a sentence that is told once it is.
    size      what an input is drawn for, such as "T", where that can be 1. Then it is draw(rng, T=None), and a hint can
              say that an answer is right for T = 1 and wrong for T = 2 to 6.
    sizes     the values of `size` that an answer is tried with, one for each trial.
    cases_of  {words: condition}, such as "the gradient is longer than c", each a function of the arguments that a hint
              may name as what an answer fails for.
    read      what is compared of a result, a function of it, where it isn't plain numbers.

    Example:
    >>> print(verdict(Exercise(right=0.25, mistakes={"that is tanh's.": 1.0}), 1))
    Not yet: that is tanh's.
    """

    right: Any
    draw: Callable[[np.random.Generator], tuple] | None = None
    mistakes: dict[str, Any] = field(default_factory=dict)
    rtol: float = 1e-8
    single: float = SINGLE
    rows: tuple[str, ...] = ()
    against: str = ""
    because: str = ""
    size: str = ""
    sizes: tuple[int, ...] = (1, 2, 3, 6)
    cases_of: dict[str, Callable[..., bool]] = field(default_factory=dict)
    read: Callable[[Any], Any] | None = None

    def cases(self, trials: int) -> list[Worked]:
        """One for each of the seeds 0, 1, ..., trials - 1; a single one where the exercise asks for a number."""
        draw = self.draw
        if draw is None:
            return [self.worked(tuple, called=False)]
        sizes: list[int | None] = [*self.sizes[:trials]] if self.size else []
        sizes += [None] * (trials - len(sizes))
        return [self.worked(partial(_drawn, draw, seed, size)) for seed, size in enumerate(sizes)]

    def where(self, answer: Any, sometimes: bool) -> str:
        """A sentence on a wrong answer, tried on further inputs: by what a number is off, or, if it is sometimes right,
        where it fails. Empty if unclear."""
        assert self.draw is not None
        return self._edge(answer) if sometimes else self._always_off(answer)

    def _always_off(self, answer: Any) -> str:
        """What lies between an answer and the right one, if they are numbers and it is the same on every input."""
        try:
            drawn = [_drawn(self.draw, seed, None) for seed in range(10, 16)]
            pairs = [(float(answer(*arguments)), float(self.right(*arguments))) for arguments in drawn]
        except Exception:  # not numbers, or no answer there
            return ""
        got, right = np.array(pairs).T
        if not np.all(np.isfinite([got, right])) or len(set(right)) == 1:
            return ""
        if not np.any(got):
            return "It is 0 on every input tried."
        if np.all(right != 0) and np.ptp(got / right) <= SAME * np.abs(got / right).max():
            return f"On every input tried it is {got[0] / right[0]:.4g} times the right number."
        if np.ptp(got - right) <= SAME * np.abs(got - right).max():
            size, way = abs(got[0] - right[0]), "large" if got[0] > right[0] else "small"
            return f"On every input tried it is too {way} by {size:.4g}."
        return ""

    def _edge(self, answer: Any) -> str:
        if self.size:
            sizes = range(1, max(self.sizes) + 1)
            passed = {n: [self._passes(answer, seed, n) for seed in (10, 11, 12)] for n in sizes}
            good, bad = ([n for n, each in passed.items() if set(each) == {right}] for right in (True, False))
            if good and bad and len(good) + len(bad) == len(passed):
                if max(good) < min(bad):
                    return f"It is right {_range(self.size, good)} and wrong {_range(self.size, bad)}."
                if max(bad) < min(good):
                    return f"It is wrong {_range(self.size, bad)} and right {_range(self.size, good)}."
        seeds = range(10, 10 + MORE)
        right = [self._passes(answer, seed) for seed in seeds]
        for words, condition in self.cases_of.items():
            holds = [bool(condition(*_drawn(self.draw, seed, None))) for seed in seeds]
            if len(set(holds)) == 2 and right == holds:
                return f"It is right where {words}, and wrong elsewhere."
            if len(set(holds)) == 2 and right == [not held for held in holds]:
                return f"It is wrong where {words}, and right elsewhere."
        return ""

    def _passes(self, answer: Any, seed: int, size: int | None = None) -> bool:
        assert self.draw is not None
        case = self.worked(partial(_drawn, self.draw, seed, size))
        try:
            return case.complaint(answer(*case.arguments())) is None
        except Exception:
            return False

    def worked(self, inputs: Callable[[], tuple], called: bool = True) -> Worked:
        """The case of one input. called: whether right answer and mistakes are functions of it, or values."""

        def on_inputs(answer: Any) -> Callable[[], Any]:
            return (lambda: answer(*inputs())) if called else (lambda: answer)

        mistakes = {hint: on_inputs(wrong) for hint, wrong in self.mistakes.items()}
        return Worked(inputs, cache(on_inputs(self.right)), mistakes, self.rtol, self.rows, self.read, self.single)


def _drawn(draw: Callable[..., tuple] | None, seed: int, size: int | None) -> tuple:
    assert draw is not None
    rng = np.random.default_rng(seed)
    return draw(rng) if size is None else draw(rng, size)


def _range(name: str, numbers: list[int]) -> str:
    """Whole numbers in a row, in words: "for T = 1", "for T = 2 to 6"."""
    return f"for {name} = {numbers[0]}" + (f" to {numbers[-1]}" if len(numbers) > 1 else "")


def verdict(exercise: Exercise, answer: Any, trials: int = 4) -> str:
    """The line that `check` prints: right, or not yet and why. Nothing that an answer raises gets through."""
    where = partial(exercise.where, answer) if exercise.draw else _nothing
    found = judge(answer, exercise.cases(trials), exercise.draw is not None, where, in_order=bool(exercise.size))
    if not found.right:
        return found.line
    words, single, _ = found.line.partition(f" {USE_FLOAT64}")
    if exercise.against:
        words = f"{words.rstrip('.')}: it agrees with {exercise.against}."
    return f"{words} {exercise.because}".rstrip() + single


def _nothing(_: bool) -> str:
    return ""


def _as_it_is(got: Any) -> Any:
    return got


def judge(
    answer: Any,
    cases: Iterable[Case],
    called: bool = True,
    where: Callable[[bool], str] = _nothing,
    in_order: bool = False,
    seen: Callable[[Any], Any] = _as_it_is,
) -> Verdict:
    """Hold an answer against all cases. Nothing that it raises gets through.

    called    whether the answer is a function of each case's arguments, or a value.
    where     what else is known of an answer that makes no known mistake, from further inputs: a sentence or nothing.
              It is told whether the answer is right on some of the cases.
    in_order  whether the cases come smallest first. Otherwise an input that holds fewer numbers is smaller.
    seen      what is judged of a result, a function of it. Its ValueError says why nothing can be.
    """
    if called and not callable(answer):
        return Verdict(False, "hand in the function itself, without calling it.")
    failures, passed, suspects, single = [], 0, None, False
    for case in cases:
        arguments = case.arguments() if called else ()
        size, described = _size(arguments), _described(answer, arguments) if called else ""
        try:
            got = answer(*arguments) if called else answer
        except NotImplementedError:
            return Verdict(False, NOT_STARTED)
        except Exception as error:
            shapes = " Print the shapes of what you multiply." if "matmul" in str(error) else ""
            return Verdict(False, f"your function raised {type(error).__name__}: {error}{shapes}")
        try:
            got = seen(got)
        except ValueError as error:
            return Verdict(False, f"{error}.")
        if got is None and called and not _is_empty(answer):
            return Verdict(False, "your function gives nothing back. Does it end with a line that begins with return?")
        if _is_blank(got) or (isinstance(got, tuple | list) and got and all(map(_is_blank, got))):
            return Verdict(False, NOT_STARTED)
        complaint = case.complaint(got)
        if complaint:
            failures.append((size, complaint, described))
            suspects = [hint for hint in (case.hints if suspects is None else suspects) if case.fits(got, hint)]
        else:
            passed += 1
            single = single or case.in_single(got)
    if not failures:
        words = "Right, on every random input tried." if called else "Right."
        return Verdict(True, f"{words} {USE_FLOAT64}" if single else words)
    if suspects:
        return Verdict(False, suspects[0])
    _, complaint, described = failures[0] if in_order else min(failures, key=lambda failure: failure[0])
    more = where(passed > 0) or (f"It is right on {passed} of {passed + len(failures)} inputs." if passed else "")
    complaint = f"{complaint} {more}".rstrip()
    return Verdict(False, f"{complaint} The smallest input that fails: {described}." if described else complaint)


def _is_blank(part: Any) -> bool:
    """Whether a result is not written yet."""
    return part is None or part is ...


def _is_empty(answer: Callable) -> bool:
    """Whether a function has no statement of its own, as a stub whose body is `...` or `pass`."""
    code = getattr(answer, "__code__", None)
    return code is not None and len(code.co_code) <= len(_stub.__code__.co_code)


def _stub() -> None: ...


def _size(arguments: tuple) -> tuple[int, float]:
    """What makes one input smaller than another: how many numbers it holds, and then how large its numbers are."""
    count, single = 0, 0.0
    for argument in arguments:
        if isinstance(argument, list | tuple):
            count += _size(tuple(argument))[0]
        else:
            count += np.asarray(argument).size
            single += abs(float(argument)) if _is_number(argument) else 0.0
    return count, single


def _described(answer: Callable, arguments: tuple) -> str:
    """An input in words, each argument by the name that the answer gives it: shapes of arrays, values of numbers."""
    words = []
    for name, argument in zip(_names(answer, len(arguments)), arguments, strict=True):
        if _is_number(argument):
            words.append(f"{name} = {float(argument):.4g}")
        elif isinstance(getattr(argument, "shape", None), tuple):  # an array, or a tensor
            words.append(f"{name} of shape {tuple(argument.shape)}")
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
    """Whether the numbers of a result are float32, most of them.

    By their type, or by their values: `.item()` and `.tolist()` turn float32 numbers into Python's, and an array that
    holds a start in float64 beside them is float64. Numbers that are short anyhow, such as 0.25 or 3, are no sign of
    either.

    Example:
    >>> is_single(np.float32(0.1).item()), is_single(0.1), is_single(0.25)
    (True, False, False)
    """
    try:
        numbers = np.asarray(got)
    except (TypeError, ValueError, RuntimeError):  # results of several shapes, a tensor with a gradient
        return False
    if numbers.dtype.kind != "f" or numbers.dtype == np.float32:
        return numbers.dtype == np.float32
    return bool(2 * np.sum(_held_by(numbers, np.float32) & ~_held_by(numbers)) > np.sum(~_held_by(numbers)))


def _held_by(numbers: np.ndarray, kind: type[np.floating] = np.float16) -> np.ndarray:
    """Which numbers a shorter kind holds with all their digits."""
    with np.errstate(over="ignore"):
        return numbers == numbers.astype(kind)


def _tolerances(got: Any, rtol: float, single: float, rows: tuple[str, ...] = ()) -> np.ndarray:
    """What each entry of an array may be off: `single`, if it is larger, where the entry is float32, else rtol.

    An entry of float64 may come from float32 numbers, as the product of both does. No digit of it tells. So a part, or
    a row block with a name of its own, is held to `single` altogether if most of its numbers are float32. That is no
    way past a mistake: whoever rounds all numbers to float32 is held to `single` in any case, and to no more than that.
    """
    numbers = np.asarray(got)
    if rows and numbers.ndim and len(numbers) % len(rows) == 0:
        return np.concatenate([_tolerances(block, rtol, single) for block in np.split(numbers, len(rows))])
    if is_single(numbers):
        wide = np.full(numbers.shape, True)
    elif numbers.dtype.kind == "f" and np.any(_held_by(numbers, np.float32) & ~_held_by(numbers)):
        wide = _held_by(numbers, np.float32)
    else:
        wide = np.full(numbers.shape, False)
    return np.where(wide, max(rtol, single), rtol)


def holds_single(got: Any) -> bool:
    """Whether the numbers of a result, or of one of several, are float32."""
    parts = got.values() if isinstance(got, dict) else got if isinstance(got, tuple | list) else ()
    return is_single(got) or any(map(is_single, parts))


def parts_right(got: Any, wanted: Any, rtol: float, rows: tuple[str, ...] = (), single: float = 0.0) -> dict[str, bool]:
    """{part: whether it is right}, for several results or an array of named row blocks; as in `difference`.

    Example:
    >>> parts_right((1.0, 2.0), {"dW": 1.0, "db": 3.0}, 1e-8)
    {'dW': True, 'db': False}
    """
    if isinstance(wanted, dict):
        got = _by_name(got, wanted)
        if not isinstance(got, dict):
            return dict.fromkeys(wanted, False)
        return {
            name: name in got and not _is_blank(got[name]) and difference(got[name], value, rtol, (), single) is None
            for name, value in wanted.items()
        }
    wanted = np.asarray(wanted)
    if not rows or not wanted.ndim or len(wanted) % len(rows):
        return {}
    counts = isinstance(got, list | tuple) or (isinstance(got, np.ndarray) and got.ndim)
    if not counts or len(got) != len(wanted):
        return dict.fromkeys(rows, False)
    height = len(wanted) // len(rows)  # each block by itself: another one may hold NaN, or no numbers at all
    starts = zip(rows, range(0, len(wanted), height), strict=True)
    return {
        name: difference(got[n : n + height], wanted[n : n + height], rtol, (), single) is None for name, n in starts
    }


def _by_name(got: Any, wanted: dict[str, Any]) -> Any:
    """Several results by their names, if there are as many of them as are wanted."""
    if isinstance(got, tuple | list) and len(got) == len(wanted):
        return dict(zip(wanted, got, strict=True))
    return got


def _same_infinity(got: Any, wrong: Any) -> bool:
    """Whether both are the same infinite number: the logarithm of a product that has underflowed."""
    return isinstance(got, int | float | np.floating) and bool(np.isinf(got)) and got == wrong


def _same_gaps(got: Any, wrong: Any, rtol: float) -> bool:
    """Whether two arrays hold NaN and infinities in the same places, and the same numbers in all others, of which there
    are some.
    """
    try:
        got, wrong = np.asarray(got, dtype=float), np.asarray(wrong, dtype=float)
    except (TypeError, ValueError, RuntimeError):
        return False
    kept = np.isfinite(wrong)
    if got.shape != wrong.shape or kept.all() or not kept.any():
        return False
    return np.array_equal(got[~kept], wrong[~kept], equal_nan=True) and _close(got[kept], wrong[kept], rtol)


def difference(got: Any, wanted: Any, rtol: float, rows: tuple[str, ...] = (), single: float = 0.0) -> str | None:
    """None if `got` equals `wanted` up to rtol of its largest entry, else a sentence that doesn't reveal it.

    wanted  a number, an array, or {name: array} for several results; then `got` is such a dict or a tuple.
    rows    names of the row blocks of an array, of equal heights.
    single  rtol of numbers that are float32, if it is larger. Each number has the rtol of its own kind, and of several
            results, or of several row blocks, each has one altogether if most of its numbers are float32.
    """
    if isinstance(wanted, dict):
        return _difference_of_parts(got, wanted, rtol, rows, single)
    kept = partial(_rows_kept, got, wanted, rtol, rows, single)
    try:
        numbers = np.asarray(got)
        if numbers.dtype.kind in "US":
            raise TypeError("words, even if they spell a number")
        if numbers.dtype.kind == "c" and np.any(numbers.imag):
            return "the answer holds complex numbers, and real numbers are asked for."
        each = _tolerances(numbers.real, rtol, single, rows)
        rtol = float(each.max(initial=rtol))
        got, wanted = np.asarray(numbers.real, dtype=float), np.asarray(wanted, dtype=float)
    except (TypeError, ValueError, RuntimeError, OverflowError):  # also a torch tensor with a gradient, a huge integer
        name = type(got).__name__
        kind = "text in quotes" if isinstance(got, str) else f"an {name}" if name[0] in "aeio" else f"a {name}"
        return f"the answer is {kind}, not a number or an array of numbers.{kept()}"
    if got.shape != wanted.shape:
        if got.ndim == 2 and got.T.shape == wanted.shape and _close(got.T, wanted, rtol):
            return "this is the transpose of what is asked for."
        asked = f"it should be {wanted.shape}" if wanted.ndim else "a single number is asked for"
        return f"the shape is {got.shape}, {asked}."
    if np.any(np.isnan(got)):
        words = "the answer holds NaN, which comes from 0/0, or from the logarithm or the root of a negative number."
        return words + kept()
    if np.any(np.isinf(got)):
        return (
            "the answer holds inf: an overflow gives it, a division by 0, or the logarithm of 0. A product of many "
            "small factors underflows to 0."
        ) + kept()
    if not np.all(np.isfinite(wanted)):  # a known mistake may divide by zero; it is then nobody's answer
        return "the numbers differ."
    scale = max(np.abs(wanted).max(), 1e-300)
    wrong = np.abs(got - wanted) > each * scale
    if not np.any(wrong):
        return None
    if np.abs(got - wanted).max() < 1e-4 * scale:
        digits = int(-np.log10(np.abs(got - wanted).max() / scale))
        doubt = "Is something estimated, rounded, left out, computed in float32, or added, such as a small 1e-12?"
        return f"{NEAR} {digits} digits only. {doubt} In float64 more agree."
    if _close(got, -wanted, rtol):
        return "the sign is wrong."
    if wanted.ndim == 2 and wanted.shape[0] == wanted.shape[1] and _close(got, wanted.T, rtol):
        return "this is the transpose of what is asked for."
    if rows and wanted.ndim and len(wanted) % len(rows) == 0:
        good = [name for name, block in zip(rows, np.split(wrong, len(rows)), strict=True) if not block.any()]
        if good:
            bad = [name for name in rows if name not in good]
            return f"the rows of {_and(good)} are right, the rows of {_and(bad)} are not."
    if wanted.size == 1:
        return "the number differs."
    return f"{int(wrong.sum())} of {wanted.size} numbers differ.{_pattern(got, wanted, wrong, rtol)}"


def _rows_kept(got: Any, wanted: Any, rtol: float, rows: tuple[str, ...], single: float) -> str:
    """A sentence on the row blocks that are right beside others that hold no numbers. It begins with a space."""
    good = [name for name, right in parts_right(got, wanted, rtol, rows, single).items() if right]
    return f" The rows of {_and(good)} are right." if good else ""


def _close(got: np.ndarray, wanted: np.ndarray, rtol: float) -> bool:
    """Whether all entries agree up to rtol of the largest one."""
    return bool(np.all(np.abs(got - wanted) <= min(rtol, 1.0) * max(np.abs(wanted).max(initial=0), 1e-300)))


def _pattern(got: np.ndarray, wanted: np.ndarray, wrong: np.ndarray, rtol: float) -> str:
    """A sentence on numbers that differ in a way that is easily seen. It begins with a space, or is empty."""
    if not np.any(got):
        return " All of yours are 0."
    if wrong.all() and np.all(wanted != 0) and got.size > 1:
        factors = got / wanted
        if np.ptp(factors) <= rtol * np.abs(factors).max():
            return f" Each of them is {factors.flat[0]:.4g} times the right one."
    if len(wanted) > 1 and _close(got[::-1], wanted, rtol):
        return " They are the right ones in reverse order: the first comes last."
    bad = [n for n, entry in enumerate(wrong) if np.any(entry)]
    entry = "row" if wanted.ndim > 1 else "entry"
    if len(wanted) > 2 and len(bad) == 1:
        return f" Only {entry} {bad[0]}, counted from 0, is wrong."
    good = [n for n in range(len(wanted)) if n not in bad]
    if len(wanted) > 2 and len(good) == 1:
        return f" Only {entry} {good[0]} is right, counted from 0."
    return ""


def _difference_of_parts(
    got: Any, wanted: dict[str, Any], rtol: float, rows: tuple[str, ...], single: float
) -> str | None:
    """The same for several results: which are right, and what is off in the first that isn't."""
    if isinstance(got, tuple | list):
        if len(got) != len(wanted):
            return f"{len(got)} results came back, wanted are {len(wanted)}: {', '.join(wanted)}."
        got = _by_name(got, wanted)
    if not isinstance(got, dict) or not set(wanted) <= set(got):
        return f"the answer should hold {len(wanted)} results: {', '.join(wanted)}."
    got = {name: got[name] for name in wanted}  # what else it holds nobody asked for
    found = {
        name: "this is not written yet." if _is_blank(got[name]) else difference(got[name], value, rtol, rows, single)
        for name, value in wanted.items()
    }
    good = [name for name, complaint in found.items() if complaint is None]
    bad = {name: complaint for name, complaint in found.items() if complaint is not None}
    if not bad:
        return None
    order = _other_order(list(got.values()), list(wanted.values()), partial(difference, rtol=rtol, single=single))
    if order:
        return f"the right results are there, but exchanged. Their order is {', '.join(wanted)}."
    first, complaint = min(bad.items(), key=lambda part: part[1].startswith(NEAR))  # a near miss may follow from others
    return (
        f"{_and(good)} {'are' if len(good) > 1 else 'is'} right. {first}: {complaint}"
        if good
        else f"{first}: {complaint}"
    )


def _other_order(got: list[Any], wanted: list[Any], differs: Callable[..., str | None]) -> bool:
    """Whether each result is one of those that are wanted, and each of these is among them."""

    def same(one: Any, other: Any) -> bool:
        return not _is_blank(one) and differs(one, other) is None

    return all(any(same(a, b) for b in wanted) for a in got) and all(any(same(a, b) for a in got) for b in wanted)


def _and(names: list[str]) -> str:
    """Names in one phrase: r, z and n."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
