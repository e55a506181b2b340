"""11 · weather."""

import numpy as np

from course_utils.checks.exercise import Exercise


def _forecasts(rng):
    shape = (int(rng.integers(5, 12)), 1)
    return rng.normal(size=shape), rng.normal(size=shape), rng.uniform(3, 9)


def _share(e, d):
    return (e[:-d] @ e[d:]) / (e[:-d] @ e[:-d])


def _leaked(learn_first, test_first, window, days_ahead, read=None, reach=None, answered=True):
    """How many test targets are among the days that some learning window reads (`read` of them) or is asked for.

    reach     how far the target lies after a window's first day, window - 1 + days_ahead unless given.
    answered  whether a learning window's target counts as seen.
    """
    read = window if read is None else read
    reach = window - 1 + days_ahead if reach is None else reach
    seen = {first + day for first in learn_first for day in range(read)}
    seen |= {first + reach for first in learn_first} if answered else set()
    return sum(first + reach in seen for first in test_first)


def _splits(rng):
    """First days of learning and of test windows, thinly strewn, some shared."""
    window, days_ahead = int(rng.integers(2, 5)), int(rng.integers(3, 7))
    learn, test = (np.sort(rng.choice(60, size=14, replace=False)) for _ in range(2))
    return learn, test, window, days_ahead


EXERCISES = {
    "11 rmse in degrees": Exercise(
        right=lambda forecast, truth, scale: scale * np.sqrt(np.mean((forecast - truth) ** 2)),
        draw=_forecasts,
        mistakes={
            "the root is missing: this is in °C², or would be with scale squared.": (
                lambda forecast, truth, scale: scale * np.mean((forecast - truth) ** 2)
            ),
            "this is the mean squared error in °C². Take its root.": (
                lambda forecast, truth, scale: scale**2 * np.mean((forecast - truth) ** 2)
            ),
            "scale stands under the root. It has the unit °C, and the root would leave it √°C.": (
                lambda forecast, truth, scale: np.sqrt(scale * np.mean((forecast - truth) ** 2))
            ),
            "this is still in standard deviations. One of them is `scale` °C.": (
                lambda forecast, truth, scale: np.sqrt(np.mean((forecast - truth) ** 2))
            ),
            "this is the mean absolute error. Square before the mean, take the root after it.": (
                lambda forecast, truth, scale: scale * np.mean(np.abs(forecast - truth))
            ),
            "this divides by scale. It turned °C into standard deviations; now we go back.": (
                lambda forecast, truth, scale: np.sqrt(np.mean((forecast - truth) ** 2)) / scale
            ),
            "this is the root of the sum. The error would grow with the number of days.": (
                lambda forecast, truth, scale: scale * np.sqrt(np.sum((forecast - truth) ** 2))
            ),
        },
    ),
    "11 share that lasts": Exercise(
        right=_share,
        draw=lambda rng: (rng.normal(size=int(rng.integers(30, 50))).cumsum(), int(rng.integers(2, 7))),
        mistakes={
            "divided by the later days' squares: that forecasts the past from the future.": (
                lambda e, d: (e[:-d] @ e[d:]) / (e[d:] @ e[d:])
            ),
            "divided by the squares of all days. The last d days have no day d days later: leave them out.": (
                lambda e, d: (e[:-d] @ e[d:]) / (e @ e)
            ),
            "this is the coefficient for one day, whatever d is.": lambda e, d: _share(e, 1),
            "this is a_1 to the power d. The weather need not fade at the same rate every day: measure a_d itself.": (
                lambda e, d: _share(e, 1) ** d
            ),
            "off by one: this looks d + 1 days ahead.": lambda e, d: _share(e, d + 1),
            "off by one: this looks d - 1 days ahead.": lambda e, d: _share(e, d - 1),
            "this is the correlation coefficient. Departures are taken from climatology, not from their own mean.": (
                lambda e, d: np.corrcoef(e[:-d], e[d:])[0, 1]
            ),
        },
    ),
    "11 leaked targets": Exercise(
        right=_leaked,
        draw=_splits,
        mistakes={
            "only the learning windows' inputs are searched. Their targets have been seen, too.": (
                lambda learn, test, window, d: _leaked(learn, test, window, d, answered=False)
            ),
            "only the learning windows' targets are searched. Their inputs have been seen, too.": (
                lambda learn, test, window, d: _leaked(learn, test, window, d, read=0)
            ),
            "off by one: a window's last day is s + window - 1, and the target comes days_ahead after *that*.": (
                lambda learn, test, window, d: _leaked(learn, test, window, d, reach=window + d)
            ),
            "the days between a window's end and its target count as seen. No learning window reads them.": (
                lambda learn, test, window, d: _leaked(learn, test, window, d, read=window + d)
            ),
            "the roles are swapped: these are learning targets seen by test windows.": (
                lambda learn, test, window, d: _leaked(test, learn, window, d)
            ),
            "this counts the windows without a leak.": (
                lambda learn, test, window, d: len(test) - _leaked(learn, test, window, d)
            ),
        },
    ),
}
