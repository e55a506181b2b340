"""The hints of the exercises: right answers pass, each known mistake is named, nothing raises."""

import re
import subprocess
import sys

import numpy as np
import pytest

from course_utils.checks import check, exercises
from course_utils.checks.exercise import NOT_STARTED, Exercise, Verdict, judge, verdict
from tests.notebook import LESSONS, code_cells, defines, folded_solutions, read

EXERCISES = {name: exercise for path in LESSONS for name, exercise in exercises(path.stem[:2]).items()}

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


def test_exercises_carry_their_lessons_number():
    assert all(name[:3] == f"{path.stem[:2]} " for path in LESSONS for name in exercises(path.stem[:2]))


def test_a_check_imports_its_own_lesson_alone():
    code = (
        "import sys, course_utils.checks as checks\n"
        "loaded = lambda: sorted(name for name in sys.modules if '.lesson_' in name)\n"
        "before = loaded(); checks.check('01 smallest w', 4); print(before, loaded())"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "Right.\n[] ['course_utils.checks.lesson_01']\n"


def test_an_unknown_name_is_answered_with_its_lessons_names():
    with pytest.raises(ValueError, match=r"^name: got '08 mean norm', wants one of '08 [^']*'(, '08 [^']*')*$"):
        check("08 mean norm", 1)
    for name in ("99 nothing", "ps1 states", "", "../", 7):
        with pytest.raises(ValueError, match=r"^name: got .*wants a name that starts with its lesson's number"):
            check(name, 1)


def test_answers_that_change_their_arguments_cannot_fool_the_check():
    def in_place(a):
        a *= 2
        return a

    assert verdict(Exercise(lambda a: 2 * a, lambda rng: (rng.normal(size=3),)), in_place).startswith("Right")
    assert verdict(Exercise(lambda a: a, lambda rng: (rng.normal(size=3),)), in_place).startswith("Not yet")


def test_a_verdict_says_right_or_wrong_beside_its_words():
    exercise = Exercise(right=2.0, mistakes={"that is its half.": 1.0})
    assert judge(2, exercise.cases(1), called=False) == Verdict(True, "Right.")
    assert judge(1, exercise.cases(1), called=False) == Verdict(False, "that is its half.")
    assert Verdict(False, "Right.").line == "Not yet: Right."


def test_general_hints():
    exercise = Exercise(lambda a: a @ a.T @ a, lambda rng: (rng.normal(size=(3, 3)),))
    assert "sign" in verdict(exercise, lambda a: -a @ a.T @ a)
    assert "transpose" in verdict(exercise, lambda a: (a @ a.T @ a).T)
    assert "shape" in verdict(exercise, lambda a: a[:2])
    assert "numbers differ" in verdict(exercise, lambda a: a @ a.T @ a + np.eye(3))


def test_answers_near_zero_are_held_to_the_same_relative_tolerance():
    exercise = Exercise(lambda a: 1e-12 * a, lambda rng: (rng.normal(size=3),))
    assert verdict(exercise, lambda a: 1e-12 * a).startswith("Right")
    for wrong in (lambda a: 2e-12 * a, lambda a: 0 * a, lambda a: -1e-12 * a):
        assert verdict(exercise, wrong).startswith("Not yet")


def test_check_prints_one_line(capsys):
    check("01 smallest w", 4)
    assert capsys.readouterr().out == "Right.\n"


def test_where_no_mistake_is_known_the_smallest_failing_input_is_told():
    exercise = Exercise(lambda values, lag: values * lag, draw=values_and_lag, size="lag", sizes=(1, 2, 4, 6))
    lengths = {lag: len(values_and_lag(np.random.default_rng(seed), lag)[0]) for seed, lag in enumerate((1, 2, 4, 6))}
    length, lag = min((lengths[lag], lag) for lag in (4, 6))

    def answer(values, lag):
        return values * (lag if lag <= 3 else lag + values)

    assert verdict(exercise, answer) == (
        f"Not yet: {length} of {length} numbers differ. It is right for lag = 1 to 3 and wrong for lag = 4 to 6. "
        f"The smallest input that fails: values of shape ({length},), lag = {lag}."
    )
    assert "It is wrong for lag = 1 and right for lag = 2 to 6." in verdict(
        exercise, lambda values, lag: values * max(lag, 2)
    )


def values_and_lag(rng, lag=None):
    return rng.uniform(1, 2, int(rng.integers(2, 9))), int(rng.integers(1, 9)) if lag is None else lag


def test_a_size_that_does_not_decide_is_never_blamed():
    exercise = Exercise(lambda values, lag: values * lag, draw=values_and_lag, size="lag")
    odd = verdict(exercise, lambda values, lag: values * (lag + lag % 2))
    assert "lag = 1 to" not in odd and "for lag" not in odd
    by_length = verdict(exercise, lambda values, lag: values * lag if len(values) < 5 else values)
    assert "for lag" not in by_length and re.search(r"It is right on \d of 4 inputs\.", by_length)


def test_a_condition_is_named_only_if_it_decides_on_further_inputs():
    conditions = {
        "the sum is positive": lambda a: a.sum() > 0,
        "the first is above 0.2": lambda a: a[0] > 0.2,
    }
    exercise = Exercise(lambda a: a, lambda rng: (rng.normal(size=3),), cases_of=conditions)
    assert "It is right where the sum is positive, and wrong elsewhere." in verdict(
        exercise, lambda a: a if a.sum() > 0 else np.roll(a, 1)
    )
    assert "It is wrong where the first is above 0.2, and right elsewhere." in verdict(
        exercise, lambda a: a + (a[0] > 0.2) * a**2
    )
    assert "where" not in verdict(exercise, lambda a: a if a[1] > 0 else np.roll(a, 1))


def test_a_mistake_is_named_beside_others_and_beside_what_is_missing():
    mistakes = {"db has the wrong sign.": lambda a: {"db": -a}, "dh is doubled.": lambda a: three(a) | {"dh": 4 * a}}
    exercise = Exercise(three, lambda rng: (rng.normal(size=3),), mistakes)
    assert verdict(exercise, lambda a: (..., -a, ...)) == "Not yet: db has the wrong sign."
    assert verdict(exercise, lambda a: (0 * np.outer(a, a), a, 4 * a)) == "Not yet: dh is doubled."
    assert "doubled" not in verdict(exercise, lambda a: (0 * np.outer(a, a), a, 3 * a))


def test_results_in_another_order_and_near_misses_beside_plain_faults():
    exercise = Exercise(three, draw=lambda rng: (rng.normal(size=3),))
    assert "right results are there, but exchanged. Their order is dW, db, dh." in verdict(
        exercise, lambda a: (np.outer(a, a), 2 * a, a)
    )
    words = verdict(exercise, lambda a: (np.outer(a, a) * (1 + 1e-6), a, 3 * a))
    assert words.startswith("Not yet: db is right. dh: 3 of 3 numbers differ. Each of them is 1.5 times the right one.")
    assert "dW: it agrees to about" in verdict(exercise, lambda a: (np.outer(a, a) * (1 + 1e-6), a, 2 * a))


def test_a_number_that_is_off_by_the_same_on_every_input():
    exercise = Exercise(lambda a: a, lambda rng: (rng.uniform(1, 2),))
    assert "On every input tried it is 2 times the right number." in verdict(exercise, lambda a: 2 * a)
    assert "On every input tried it is too small by 1." in verdict(exercise, lambda a: a - 1)
    for wrong in (lambda a: a**2, lambda a: a + (a > 1.5), lambda a: np.array([a])):
        assert "On every input" not in verdict(exercise, wrong)
    assert "a single number is asked for" in verdict(exercise, lambda a: np.array([a]))
    assert "text in quotes" in verdict(exercise, str)
    constant = Exercise(lambda a: 3.0, lambda rng: (rng.uniform(1, 2),))
    assert "On every input" not in verdict(constant, lambda a: 4.0)


def test_where_an_array_differs_is_told():
    exercise = Exercise(lambda a: a, lambda rng: (rng.uniform(1, 2, (5, 3)),))
    assert "Only row 0, counted from 0, is wrong." in verdict(exercise, lambda a: np.vstack([0 * a[:1], a[1:]]))
    assert "Only row 4 is right, counted from 0." in verdict(exercise, lambda a: np.vstack([0 * a[:4], a[4:]]))
    assert "in reverse order" in verdict(exercise, lambda a: a[::-1])
    assert "All of yours are 0." in verdict(exercise, np.zeros_like)
    assert "transpose" in verdict(exercise, lambda a: a.T)
    assert "complex" in verdict(exercise, lambda a: a * 1j)
    assert verdict(exercise, lambda a: a + 0j).startswith("Right")


def test_not_a_number_and_infinity_are_told_apart():
    exercise = Exercise(lambda a: a, lambda rng: (rng.uniform(1, 2, 3),))
    with np.errstate(all="ignore"):
        assert "root of a negative number" in verdict(exercise, lambda a: np.log(-a))
        assert "logarithm of 0" in verdict(exercise, lambda a: np.log(0 * a))
        assert "underflow" not in verdict(exercise, lambda a: np.sqrt(-a))


def test_without_an_edge_the_share_of_right_inputs_is_told():
    exercise = Exercise(lambda a: a, draw=lambda rng: (rng.normal(),))
    drawn = sorted(exercise.draw(np.random.default_rng(seed))[0] for seed in range(4))
    assert "It is right on 3 of 4 inputs." in verdict(exercise, lambda a: 0.0 if a == drawn[1] else a)


def three(a):
    return {"dW": np.outer(a, a), "db": a, "dh": 2 * a}


def test_several_results_are_told_apart():
    exercise = Exercise(three, draw=lambda rng: (rng.normal(size=int(rng.integers(2, 5))),), against="complex steps")
    assert verdict(exercise, lambda a: tuple(three(a).values())).endswith("it agrees with complex steps.")
    assert verdict(exercise, three).startswith("Right, on every random input tried: it agrees")
    words = verdict(exercise, lambda a: (np.outer(a, a), -a, 2 * a))
    assert words.startswith("Not yet: dW and dh are right. db: the sign is wrong.")
    with_a_mistake = Exercise(three, exercise.draw, mistakes={"that is the input.": lambda a: a})
    assert "dh: the sign is wrong." in verdict(with_a_mistake, lambda a: (np.outer(a, a), a, -2 * a))
    assert "wanted are 3: dW, db, dh" in verdict(exercise, lambda a: (a, a))
    assert "should hold 3 results" in verdict(exercise, lambda a: a)
    assert verdict(exercise, lambda a: (..., ..., ...)) == NOT_STARTED


def test_row_blocks_are_told_apart():
    exercise = Exercise(lambda a: a**2, draw=lambda rng: (rng.normal(size=(6, 2)),), rows=("r", "z", "n"))

    def one_block_off(a):
        return np.vstack([a[:2] ** 2, a[2:4], a[4:] ** 2])

    assert "the rows of r and n are right, the rows of z are not." in verdict(exercise, one_block_off)


def test_near_misses_underflow_and_a_forgotten_return():
    exercise = Exercise(lambda a: np.exp(a), draw=lambda rng: (rng.normal(size=5),))
    assert "agrees to about 7 digits" in verdict(exercise, lambda a: np.exp(a) * (1 + 5e-8))
    assert "Compute in float64" in verdict(exercise, lambda a: np.exp(a).astype(np.float32))
    with np.errstate(divide="ignore"):
        assert "underflows to 0" in verdict(exercise, lambda a: np.log(0 * a))

    def forgotten(a):
        np.exp(a)

    def stub(a): ...

    def stub_with_words(a):
        """What it should do."""

    assert "gives nothing back" in verdict(exercise, forgotten)
    assert verdict(exercise, stub) == verdict(exercise, stub_with_words) == NOT_STARTED


@every
def test_every_exercise_has_a_folded_solution_that_defines_its_name(name):
    (path,) = [path for path in LESSONS if path.stem.startswith(name[:2])]
    notebook = read(path)
    (asked,) = [cell.source for cell in code_cells(notebook) if f'check("{name}"' in cell.source]
    answer = re.search(rf'check\("{re.escape(name)}", (\w+)\)', asked)[1]
    assert any(defines(block, answer) for block in folded_solutions(notebook))
