"""Every figure that lesson NN states, by another way."""

from tests.notebook import Lesson


def test_what_is_left_of_a_state(lesson: Lesson) -> None:
    """By one product a step."""
    left = 1.0
    for _ in range(50):
        left *= 0.9
    assert f"left after 50 steps: {left:.4f}\n" in lesson.printed
