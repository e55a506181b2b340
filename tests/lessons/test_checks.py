"""The hints of the exercises: right answers pass, each known mistake is named, nothing raises."""

import numpy as np
import pytest

from course_utils.checks import EXERCISES, check
from course_utils.checks.exercise import NOT_STARTED, Exercise, verdict
from tests.notebook import LESSONS, code_cells, read

every = pytest.mark.parametrize("name", EXERCISES)


@every
def test_right_answers_pass_and_known_mistakes_get_their_own_hint(name):
    exercise = EXERCISES[name]
    assert verdict(exercise, exercise.right).startswith("Right")
    assert len(exercise.mistakes) >= (2 if exercise.draw is None else 3)
    for hint, wrong in exercise.mistakes.items():
        assert verdict(exercise, wrong) == f"Not yet: {hint}"


@every
def test_untouched_and_nonsense_answers_get_a_sentence(name):
    exercise = EXERCISES[name]
    if exercise.draw is None:
        assert verdict(exercise, ...) == verdict(exercise, None) == NOT_STARTED
        nonsense = ["text", [1, 2, 3], np.nan, object()]
    else:
        assert verdict(exercise, lambda *_: ...) == NOT_STARTED
        nonsense = [3.0, lambda: 1, lambda *_: "text", lambda *_: np.nan, lambda *_: 1 / 0, lambda *_: np.ones(77)]
    for answer in nonsense:
        assert verdict(exercise, answer).startswith("Not yet: ")


@every
def test_every_exercise_is_asked_in_its_lesson_and_not_solved_there(name, capsys):
    (path,) = [path for path in LESSONS if path.stem.startswith(name[:2])]
    (cell,) = [cell for cell in code_cells(read(path)) if f'check("{name}"' in cell.source]
    assert cell.outputs[0].text.strip() == NOT_STARTED


def test_answers_that_change_their_arguments_cannot_fool_the_check():
    def in_place(a):
        a *= 2
        return a

    assert verdict(Exercise(lambda a: 2 * a, lambda rng: (rng.normal(size=3),)), in_place).startswith("Right")
    assert verdict(Exercise(lambda a: a, lambda rng: (rng.normal(size=3),)), in_place).startswith("Not yet")


def test_general_hints():
    exercise = Exercise(lambda a: a @ a.T @ a, lambda rng: (rng.normal(size=(3, 3)),))
    assert "sign" in verdict(exercise, lambda a: -a @ a.T @ a)
    assert "transpose" in verdict(exercise, lambda a: (a @ a.T @ a).T)
    assert "shape" in verdict(exercise, lambda a: a[:2])
    assert "numbers differ" in verdict(exercise, lambda a: a @ a.T @ a + np.eye(3))


def test_check_prints_one_line(capsys):
    check("01 smallest w", 4)
    assert capsys.readouterr().out == "Right.\n"
