"""An exercise's answer in, a hint out.

An answer is run on random inputs and compared with the right one and with known wrong ones, so that a mistake is named
("z and 1-z are swapped") and not only found. The exercises of each lesson stand in a module of their own, lesson_NN,
and are found by name: "08 lost per step" is in lesson_08. The assignments' checks are not here, see coursework.hints.
"""

import pkgutil
from importlib import import_module
from typing import Any

from course_utils.checks.exercise import Exercise, verdict


def check(name: str, answer: Any) -> None:
    """Print whether `answer` solves exercise `name`, and if it doesn't, what is likely wrong.

    name    as in the notebook's cell, e.g. "01 step factor". Raises ValueError on an unknown one.
    answer  a function or a number, as the exercise asks; untouched (... or a function returning it) is "not started".

    Example:
    >>> check("01 smallest w", 4)
    Right.
    """
    known = exercises(name)
    if name not in known:
        raise ValueError(f"name: got {name!r}, wants one of {', '.join(map(repr, known))}")
    print(verdict(known[name], answer))


def exercises(lesson: str) -> dict[str, Exercise]:
    """A lesson's exercises by name; no other lesson's module is imported.

    lesson  its number, or anything that starts with it: "07". Raises ValueError if there is no such lesson.
    """
    number = str(lesson)[:2]
    lessons = {
        module.name.removeprefix("lesson_")
        for module in pkgutil.iter_modules(__path__)
        if module.name.startswith("lesson_")
    }
    if number not in lessons:
        there = ", ".join(sorted(lessons))
        raise ValueError(f"name: got {lesson!r}, wants a name that starts with its lesson's number, one of {there}")
    return import_module(f"{__name__}.lesson_{number}").EXERCISES
