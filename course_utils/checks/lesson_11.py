"""11 · weather."""

import numpy as np

from course_utils.checks.exercise import Exercise


def _days(rng):
    """The first days of windows in a row, and a border that many of them come near to, or lie astride."""
    window, days_ahead = int(rng.integers(2, 6)), int(rng.integers(2, 5))
    start = int(rng.integers(0, 20))
    return np.arange(start, start + 40), window, days_ahead, start + int(rng.integers(15, 25))


def _split(first, window, days_ahead, border, last=None, to=1, judge=None):
    """Learn where the last day that a window needs comes before the border, judge where its first does not.

    last   how far that last day lies after a window's first, window - 1 + days_ahead unless given.
    to     1, or 0 where the border itself may still be learned from.
    judge  which windows judge, a function of (first, last day needed), unless by their first day.
    """
    last = window - 1 + days_ahead if last is None else last
    judged = first >= border if judge is None else judge(first, first + window - 1 + days_ahead)
    return {"learn": first + last <= border - to, "judge": judged}


def _highs(rng):
    """Departures that fade from day to day around a season, and how many of the days are for learning."""
    T, e = int(rng.integers(30, 50)), [4.0]
    for noise in rng.normal(size=T - 1):
        e.append(0.7 * e[-1] + noise)
    season = 16 + 8 * np.sin(np.arange(T) / rng.uniform(8, 12))
    return season + np.array(e), season, int(rng.integers(20, 26)), int(rng.integers(2, 6))


def _share(e, d):
    return (e[:-d] @ e[d:]) / (e[:-d] @ e[:-d])


def _damped(high, season, known, d, share=None, of=None):
    """The season at the target, and of today's departure the share that the first `known` days give.

    share  another way to it, a function of the learning years' departures and d.
    of     what is damped, (T,), instead of the departures.
    """
    e = high - season
    a = (share or _share)(e[:known], d)
    return season[d:] + a * (e if of is None else of)[:-d]


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
    "11 split by time": Exercise(
        right=_split,
        draw=_days,
        mistakes={
            "the last day that a window *reads* comes before the border here. Its target may lie in the judged year.": (
                lambda first, window, d, border: _split(first, window, d, border, last=window - 1)
            ),
            "here a window may be learned from if it *begins* before the border. Where do its last day and its "
            "target lie?": lambda first, window, d, border: _split(first, window, d, border, last=0),
            "off by one: a target on the border itself belongs to the judged year.": (
                lambda first, window, d, border: _split(first, window, d, border, to=0)
            ),
            "off by one: a window's last day is first + window - 1, and its target comes days_ahead after *that*.": (
                lambda first, window, d, border: _split(first, window, d, border, last=window + d)
            ),
            "all windows that aren't for learning judge here. Those astride the border belong to neither side.": (
                lambda first, window, d, border: _split(
                    first, window, d, border, judge=lambda begins, target: target >= border
                )
            ),
            "a window judges if its first day lies in the judged year, and the border is such a day.": (
                lambda first, window, d, border: _split(
                    first, window, d, border, judge=lambda begins, target: begins > border
                )
            ),
        },
    ),
    "11 damped persistence": Exercise(
        right=_damped,
        draw=_highs,
        mistakes={
            "the share comes from all days, those to be judged among them. That is a leak: use the first `known`.": (
                lambda high, season, known, d: _damped(
                    high, season, known, d, share=lambda e, d: _share(high - season, d)
                )
            ),
            "divided by the later days' squares: that forecasts the past from the future.": (
                lambda high, season, known, d: _damped(
                    high, season, known, d, share=lambda e, d: (e[:-d] @ e[d:]) / (e[d:] @ e[d:])
                )
            ),
            "divided by the squares of all learning days. The last d of them have no partner d days later.": (
                lambda high, season, known, d: _damped(
                    high, season, known, d, share=lambda e, d: (e[:-d] @ e[d:]) / (e @ e)
                )
            ),
            "this keeps the share that lasts for one day, whatever d is.": (
                lambda high, season, known, d: _damped(high, season, known, d, share=lambda e, d: _share(e, 1))
            ),
            "this is a_1 to the power d. The weather need not fade at the same rate every day: measure a_d itself.": (
                lambda high, season, known, d: _damped(high, season, known, d, share=lambda e, d: _share(e, 1) ** d)
            ),
            "this share is the correlation coefficient. Departures count from the season, not from their own mean.": (
                lambda high, season, known, d: _damped(
                    high, season, known, d, share=lambda e, d: np.corrcoef(e[:-d], e[d:])[0, 1]
                )
            ),
            "nothing is damped: this keeps the whole departure of today.": (
                lambda high, season, known, d: _damped(high, season, known, d, share=lambda e, d: 1.0)
            ),
            "today's temperature is damped here. Damp its departure from the season.": (
                lambda high, season, known, d: _damped(high, season, known, d, of=high)
            ),
            "today's season stands in for that of the target day: begin with season[d:].": (
                lambda high, season, known, d: season[:-d] + _share((high - season)[:known], d) * (high - season)[:-d]
            ),
            "these are the departures alone. Add the season of the target day.": (
                lambda high, season, known, d: _share((high - season)[:known], d) * (high - season)[:-d]
            ),
            "the target day's own departure is used. On the day of the forecast nobody knows it.": (
                lambda high, season, known, d: season[d:] + _share((high - season)[:known], d) * (high - season)[d:]
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
