"""What every guess of every lesson is told: each wrong answer has a meaning, and whoever gives it reads it.

The lessons' own cells run, without a kernel, and every comparison that they make is made again with other guesses.
"""

import itertools
import math

import matplotlib.pyplot as plt
import numpy as np
import pytest

from course_utils import predictions
from tests.notebook import LESSONS, code_cells, read

pytestmark = pytest.mark.slow
TOLD = predictions.Guess.compare


@pytest.fixture(scope="module", params=LESSONS, ids=lambda path: path.stem[:2])
def held(request):
    """[(guess, what it is held against, options)] of all comparisons of a lesson, in order."""
    calls = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(predictions, "_committed", {})
        patch.setattr(
            predictions.Guess, "compare", lambda guess, measured, **options: calls.append((guess, measured, options))
        )
        names: dict = {}
        for cell in code_cells(read(request.param))[1:]:  # the first one fetches the course
            exec(compile(cell.source, request.param.name, "exec"), names)
            plt.close("all")
        names.clear()
    return calls


@pytest.fixture
def told(monkeypatch):
    """A function: what someone with this guess is told, line by line."""
    lines = []
    monkeypatch.setattr(predictions, "_say", lambda said, why="": lines.extend(said))

    def told(guess, value, measured, options):
        lines.clear()
        guess.state, guess._value, guess._revealed = {}, None, False
        guess.send = lambda message: lines.append(message.get("says", ""))
        guess._handle_custom_msg({"kind": "commit", "value": value, "why": ""}, [])
        assert lines == [""], "the guess is refused"
        lines.clear()
        TOLD(guess, measured, **options)
        return list(lines)

    return told


def of_kind(held, kind):
    return [(guess, measured, options) for guess, measured, options in held if guess.spec["kind"] == kind]


def test_every_guess_is_held_against_something(held):
    assert held and all(options.get("meanings") for _, _, options in held)


def test_every_wrong_choice_is_told_its_own_meaning(held, told):
    for guess, measured, options in of_kind(held, "choices"):
        choices, meanings = guess.spec["choices"], options["meanings"]
        assert measured in choices and set(meanings) == {*choices} - {measured}, guess
        for value in choices:
            first, verdict, *meaning = told(guess, value, measured, options)
            assert first == f"Your guess: {value}. Measured: {measured}."
            assert (verdict == "That is right.") == (value == measured)
            assert meaning == ([] if value == measured else [meanings[value]])


def test_every_wrong_number_is_told_its_own_meaning(held, told):
    for guess, measured, options in of_kind(held, "number"):
        low, high = guess.spec["limits"]
        meanings = options["meanings"]
        assert low <= measured <= high, guess
        assert told(guess, measured, measured, options)[2:] == [], guess
        for value, meaning in meanings.items():
            assert low <= value <= high, (guess, value)
            assert told(guess, value, measured, options)[2:] == [meaning], (guess, value)
        places = sorted([measured, *meanings], key=float)
        for left, right in itertools.pairwise(places):  # a hair from the middle, to either side
            middle = math.sqrt(left * right) if guess.spec["log"] else (left + right) / 2
            beside = (middle - 0.01 * (middle - left), middle + 0.01 * (right - middle))
            if guess.spec.get("whole"):  # the counts beside it
                beside = (math.ceil(middle) - 1, math.floor(middle) + 1)
            for value, nearest in zip(beside, (left, right), strict=True):
                _, verdict, *meaning = told(guess, value, measured, options)
                wanted = [] if verdict.startswith("That is right") or nearest == measured else [meanings[nearest]]
                assert meaning == wanted, (guess, value)


def test_every_wrong_curve_is_told_its_own_meaning(held, told):
    for guess, measured, options in of_kind(held, "curve"):
        ends, (low, high) = [guess.spec["x"][0], guess.spec["x"][-1]], guess.spec["limits"]
        x = options.get("x", np.linspace(*ends, len(measured)))
        rivals = {name: each if isinstance(each, tuple) else (each, None) for name, each in options["meanings"].items()}

        def drawn(values, x=x, guess=guess, low=low, high=high):
            kept = np.isfinite(values)
            return np.interp(guess.spec["x"], x[kept], np.clip(values[kept], low, high)).tolist()

        assert told(guess, drawn(np.asarray(measured)), measured, options)[2:] == [], guess
        for name, (values, meaning) in rivals.items():
            _, verdict, *said = told(guess, drawn(np.asarray(values, float)), measured, options)
            assert not verdict.startswith("That is right"), (guess, name)
            assert said == [meaning] or (meaning is None and name in said[0]), (guess, name)
