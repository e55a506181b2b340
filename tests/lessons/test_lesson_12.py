"""Every figure that lesson 12 states, by another way, and its folded solutions."""

import pytest

from course_utils.checks import exercises
from course_utils.checks.exercise import verdict
from tests.notebook import Lesson


def after(steps: int, z: float) -> float:
    """What is left, by one product a step."""
    left = 1.0
    for _ in range(steps):
        left *= z
    return left


def test_what_is_left_of_a_state(lesson: Lesson) -> None:
    """The printed share, and those that the words state."""
    assert f"left after 50 steps: {after(50, 0.9):.4f}\n" in lesson.printed
    assert "half a percent is left" in lesson.prose
    assert after(50, 0.9) == pytest.approx(0.005, rel=0.1)
    assert after(50, 0.99) > 0.5


def test_folded_solutions_are_right(lesson: Lesson) -> None:
    """Every exercise has a fold that defines its name."""
    for asked, name in {"12 share left": "share_left", "12 steps to a half": "steps_to_a_half"}.items():
        assert verdict(exercises("12")[asked], lesson.solutions[name]).startswith("Right")
