"""An exercise's answer in, a hint out.

An answer is run on random inputs and compared with the right one and with known wrong ones, so that a mistake is named
("z and 1-z are swapped") and not only found. Each lesson's exercises stand in a module of their own.
"""

from course_utils.checks import (
    lesson_00,
    lesson_01,
    lesson_02,
    lesson_03,
    lesson_04,
    lesson_05,
    lesson_06,
    lesson_07,
    lesson_08,
    lesson_09,
)
from course_utils.checks.exercise import verdict

LESSONS = (
    lesson_00,
    lesson_01,
    lesson_02,
    lesson_03,
    lesson_04,
    lesson_05,
    lesson_06,
    lesson_07,
    lesson_08,
    lesson_09,
)
EXERCISES = {name: exercise for lesson in LESSONS for name, exercise in lesson.EXERCISES.items()}


def check(name, answer):
    """Print whether `answer` solves exercise `name`, and if it doesn't, what is likely wrong.

    name    as in the lesson's cell, e.g. "01 step factor". Raises ValueError on an unknown one.
    answer  a function or a number, as the exercise asks; untouched (... or a function returning it) is "not started".
    """
    if name not in EXERCISES:
        raise ValueError(f"name: got {name!r}, wants one of {', '.join(map(repr, EXERCISES))}")
    print(verdict(EXERCISES[name], answer))
