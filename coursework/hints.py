"""`check` and `debug` in an assignment's notebook: an answer in, a hint out, offline.

In the instructor's repository they run the right answers and known mistakes of psN/questions.py. The student edition
has psN/hints.json in its place, a table of values that the same answers gave on the same inputs: nothing in it can be
called or handed in. The points don't come from here; the grader asks the same questions with other inputs.
"""

import functools
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from course_utils.checks.exercise import Case, Verdict, Worked, difference, holds_single, judge
from coursework import plain
from coursework.derivation import axis_of
from coursework.evidence import Evidence

HERE = Path(__file__).resolve().parent
TRIALS = 4  # inputs per question
ROUNDS = 2000  # of hashing, about a millisecond


@dataclass(frozen=True)
class Hints:
    """What is known of one question. called: whether it asks for a function; axes: what those of a derivative mean."""

    cases: Sequence[Case]
    called: bool = True
    axes: tuple[str, ...] = ()

    def verdict(self, answer: Any) -> Verdict:
        """What is to be said of an answer."""
        return judge(answer, self.cases, self.called, seen=plain.crossed)


def check(name: str, answer: Any) -> None:
    """Print whether `answer` solves a question, and if it doesn't, what is likely wrong.

    name    as in the notebook's cell, "ps1 gradients to past". Raises ValueError on an unknown one.
    answer  the function or number that is asked for; untouched (... or a function returning it) is "not started".
    """
    print(hints_for(name).verdict(answer).line)


def debug(assignment: str, *factors: Any) -> None:
    """Print one line for each factor of an assignment's derivation: right, or what is wrong and along which axis.

    assignment  "ps1" or another that has a derivation. Raises ValueError on others.
    factors     the functions handed in, in the order of the chain. Raises ValueError if there are too few or too many.
    """
    wanted = {name: hints for name, hints in questions(assignment).items() if hints.axes}
    if not wanted:
        raise ValueError(f"assignment: got {assignment!r}, wants one that has a derivation")
    if len(factors) != len(wanted):
        raise ValueError(f"factors: got {len(factors)}, wants {len(wanted)}: {', '.join(wanted)}")
    for n, (name, factor) in enumerate(zip(wanted, factors, strict=True), start=1):
        print(f"factor {n} of {len(wanted)}, {name}: {factor_verdict(f'{assignment} {name}', factor)}")


def factor_verdict(name: str, factor: Any) -> str:
    """The line that `check` prints, followed by the axis along which the factor is wrong, if there is one."""
    hints = hints_for(name)
    line = hints.verdict(factor).line
    if not line.startswith("Not yet") or not callable(factor):
        return line
    for case in hints.cases:
        assert isinstance(case, Worked)  # a derivative has inputs
        try:
            got = np.asarray(plain.crossed(factor(*case.arguments())), dtype=float)
        except Exception:  # the line has told what it raised
            return line
        where = axis_of(got, np.asarray(case.right(), dtype=float), hints.axes)
        if where:
            return f"{line} [{where}]"
    return line


def hints_for(name: str) -> Hints:
    """What is known of the question "ps1 gradients to past". Raises ValueError on an unknown one."""
    assignment, _, words = str(name).partition(" ")
    known = questions(assignment)
    if words not in known:
        names = ", ".join(repr(f"{assignment} {words}") for words in known)
        raise ValueError(f"name: got {name!r}, wants one of {names}")
    return known[words]


def questions(assignment: str) -> dict[str, Hints]:
    """An assignment's questions by name, in words: {"gradients to past": Hints}. Raises ValueError if there is none."""
    there = {path.parent.name: path for pattern in ("*/hints.json", "*/questions.py") for path in HERE.glob(pattern)}
    if assignment not in there:
        raise ValueError(f"name: got {assignment!r}, wants an assignment first, one of {', '.join(sorted(there))}")
    if there[assignment].suffix == ".json":
        return read_table(there[assignment].read_text(encoding="utf-8"))
    module = import_module(f"coursework.{assignment}.questions")
    return {
        in_words(question.name): Hints(question.cases(TRIALS), question.draw is not None, question.axes)
        for question in module.QUESTIONS
    }


def in_words(name: str) -> str:
    """A question's name as `check` takes it: gradients_to_past is "gradients to past"."""
    return name.replace("_", " ")


# ---------------------------------------------------------------------------------------------------------------------
# The table of the student edition


def read_table(text: str) -> dict[str, Hints]:
    """The questions of psN/hints.json, which `grader.table` writes."""
    return {
        name: Hints([_case(entry, case) for case in entry["cases"]], entry["called"], tuple(entry["axes"]))
        for name, entry in json.loads(text).items()
    }


def _case(entry: dict[str, Any], case: Any) -> Case:
    """One input with its results: [arguments, right result, [each mistake's]] as `plain` text, or a dict if sealed.

    Of own runs there is nothing to know in advance but their form, {"evidence": "ps5 runs"}.
    """
    if isinstance(case, dict) and "evidence" in case:
        return Evidence(case["evidence"])
    if isinstance(case, dict):
        return Sealed(case["salt"], case["digits"], tuple(case["shape"]), case["right"], case["mistakes"])
    part = functools.partial(_part, case)
    mistakes: dict[str, Callable[[], Any]] = {
        hint: functools.partial(part, 2, i) for i, hint in enumerate(entry["hints"])
    }
    return Worked(
        functools.partial(part, 0), functools.partial(part, 1), mistakes, entry["rtol"], single=entry["single"]
    )


def _part(text: str, *place: int) -> Any:
    """A part of a case, decoded anew at each call, since an answer may change its arguments."""
    value = plain.decode(text)
    for i in place:
        value = value[i]
    return value


@dataclass(frozen=True)
class Sealed:
    """A case without inputs, whose one right number must not be readable: only salted hashes of numbers are known.

    A number is rounded to a few digits, `digits`, before it is hashed, and all roundings of the numbers that are close
    enough to the right one are in `right`. Who tries numbers until one is right will find it; that is so with any
    check that tells right from wrong.
    """

    salt: str
    digits: int
    shape: tuple[int, ...]
    right: list[str]
    mistakes: dict[str, list[str]]

    @property
    def hints(self) -> tuple[str, ...]:
        """One for each known mistake."""
        return tuple(self.mistakes)

    def arguments(self) -> tuple:
        """None: the function asked for takes no argument."""
        return ()

    def complaint(self, got: Any) -> str | None:
        """None for a right result, else a sentence that doesn't reveal it."""
        form = difference(got, np.zeros(self.shape), rtol=np.inf)  # no number is too far from 0: of form alone
        if form is None and hashed(got, self.digits, self.salt) not in self.right:
            return "the number differs."
        return form

    def in_single(self, got: Any) -> bool:
        """Whether a right result was computed in float32."""
        return holds_single(got)

    def fits(self, got: Any, hint: str) -> bool:
        """Whether a result is what the known mistake of this hint gives."""
        form = difference(got, np.zeros(self.shape), rtol=np.inf)
        return form is None and hashed(got, self.digits, self.salt) in self.mistakes[hint]


def hashed(value: Any, digits: int, salt: str) -> str:
    """A slow, salted hash of numbers rounded to `digits` significant digits, 16 hexadecimal digits long."""
    rounded = ",".join(f"{x + 0.0:.{digits - 1}e}" for x in np.ravel(np.asarray(value, dtype=float)))
    return hashlib.pbkdf2_hmac("sha256", rounded.encode(), bytes.fromhex(salt), ROUNDS).hex()[:16]
