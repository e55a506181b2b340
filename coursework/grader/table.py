"""The table of values behind the hints of the student edition: psN/hints.json, made from psN/questions.py."""

import json
import math
import secrets
from typing import Any

import numpy as np

from coursework import plain
from coursework.grader.assignment import Assignment
from coursework.grader.collected import Collected
from coursework.grader.question import Question
from coursework.hints import TRIALS, hashed, in_words

LENGTH = 1024  # hashes that stand for one number, most of them of nothing: their count tells nothing either


def table(assignment: Assignment) -> str:
    """The text of hints.json: for each question inputs, the right results and each mistake's, and no code."""
    entries = {in_words(question.name): _entry(question) for question in assignment.questions.values()}
    return json.dumps(entries, indent=1, ensure_ascii=False) + "\n"


def _entry(question: Question) -> dict[str, Any]:
    if isinstance(question, Collected):
        form = {"evidence": question.evidence}
        return {"called": False, "axes": (), "rtol": None, "single": None, "hints": [], "cases": [form]}
    cases = question.cases(TRIALS)
    without_input = cases[0].arguments() == ()
    return {
        "called": question.draw is not None,
        "axes": question.axes,
        "rtol": None if without_input else question.rtol,
        "single": None if without_input else question.single,
        "hints": list(question.mistakes),
        "cases": [_sealed(question)]
        if without_input
        else [
            plain.encode([case.arguments(), case.right(), [wrong() for wrong in case.mistakes.values()]])
            for case in cases
        ],
    }


def _sealed(question: Question) -> dict[str, Any]:
    """The only case of a question without inputs: hashes of its right number and of each mistake's."""
    (case,) = question.cases(1)
    salt, digits = secrets.token_hex(16), math.ceil(-math.log10(question.rtol)) + 2
    numbers = {hint: wrong() for hint, wrong in case.mistakes.items()}

    def seal(value: Any) -> list[str]:
        known = {hashed(number, digits, salt) for number in close_to(value, question.rtol, digits)}
        return sorted(known | {secrets.token_hex(8) for _ in range(LENGTH - len(known))})

    return {
        "salt": salt,
        "digits": digits,
        "shape": np.shape(case.right()),
        "right": seal(case.right()),
        "mistakes": {hint: seal(value) for hint, value in numbers.items()},
    }


def close_to(value: Any, rtol: float, digits: int) -> list[Any]:
    """All numbers of so many significant digits that lie within rtol of `value`; an array of whole numbers alone.

    Raises ValueError on arrays of other numbers, which can't be told from what is close to them by a hash.
    """
    values = np.asarray(value, dtype=float)
    if values.ndim:
        if not np.array_equal(values, np.round(values)):
            raise ValueError("right: got an array of fractions, wants a number or whole numbers where nothing is drawn")
        return [values]
    number = float(values)
    if number == 0:
        return [0.0]
    low, high = sorted([number * (1 - rtol), number * (1 + rtol)])
    spacing = 10.0 ** (math.floor(math.log10(min(abs(low), abs(high)))) - digits + 1)
    rounded = {float(f"{low + i * spacing:.{digits - 1}e}") for i in range(int((high - low) / spacing) + 2)}
    return sorted(x for x in rounded if low <= x <= high)
