"""Fixtures of the lessons' tests."""

import pytest

from tests.notebook import Lesson


@pytest.fixture(scope="module")
def lesson(request: pytest.FixtureRequest) -> Lesson:
    """The lesson that a test module is about: test_lesson_06.py gets the notebook 06_*.

    `lesson.functions["name"]` is a function that the notebook defines, `lesson.printed` what it prints,
    `lesson.prose` its words, `lesson.titles` the strings of its code.
    """
    return Lesson(request.path.stem.removeprefix("test_lesson_"))
