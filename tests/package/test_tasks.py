"""What the nets read is what its documentation says."""

import hashlib

import numpy as np
import pytest

from course_utils import tasks


def test_weather_file_is_the_one_that_the_data_page_describes():
    page = (tasks.DATA / "README.md").read_text(encoding="utf-8")
    digest = hashlib.sha256((tasks.DATA / "seattle-weather.csv").read_bytes()).hexdigest()
    assert digest in page


def test_weather_is_four_years_without_a_gap():
    dates, values = tasks.weather()
    assert np.all(np.diff(dates) == np.timedelta64(1, "D"))
    assert (str(dates[0]), str(dates[-1])) == ("2012-01-01", "2015-12-31")
    assert values.shape == (1461, len(tasks.WEATHER_COLUMNS))
    assert np.all(values[:, 1] >= values[:, 2])  # the day's highest temperature is no lower than its lowest
    assert np.all(values[:, [0, 3]] >= 0)
    assert [len(tasks.weather(year)[0]) for year in range(2012, 2016)] == [366, 365, 365, 365]


def test_standardise():
    z = tasks.standardise(np.random.default_rng(0).normal(5, 3, (50, 4)))
    assert np.allclose(z.mean(0), 0, atol=1e-14) and np.allclose(z.std(0), 1)


def test_one_hot_and_noise():
    assert tasks.one_hot(["b", "a"], ["a", "b", "c"]).tolist() == [[0, 1, 0], [1, 0, 0]]
    x = tasks.noise(2000, 3, seed=1)
    assert np.array_equal(x, tasks.noise(2000, 3, seed=1)) and not np.array_equal(x, tasks.noise(2000, 3, seed=2))
    assert x.mean() == pytest.approx(0, abs=0.06) and x.std() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(
    "task, unsolved, solved",
    [
        (tasks.adding(5), (0.01, np.nextafter(0.01, 1), 1.0, np.nan), (np.nextafter(0.01, 0), 0.0)),
        (tasks.latch(5), (0.945, np.nextafter(0.95, 0), 0.0, np.nan), (0.95, np.float64(190 / 200), 1.0)),
        (tasks.weather_forecast(), (0.0, 1.0, np.nan), ()),
    ],
    ids=["error", "accuracy", "no goal"],
)
def test_a_goal_is_met_below_an_error_or_from_an_accuracy_on(task, unsolved, solved):
    """As the docstring says. 190 right of 200 is what "95 %" promises a reader, so it counts."""
    assert [task.is_solved(score) for score in unsolved] == [False] * len(unsolved)
    assert [task.is_solved(score) for score in solved] == [True] * len(solved)


def test_the_longest_window_leaves_one_test_day():
    """A window and its lead of 365 days together still fit the test year: they end on its last day."""
    _, test, _ = tasks.weather_windows(3, 362, test_year=2015)
    assert test.x.shape == (1, 362, 6)
    assert test.target_day.tolist() == [np.datetime64("2015-12-31").item()]
