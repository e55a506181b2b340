"""What the nets read: arrays out, the same for the same seed."""

from pathlib import Path

import numpy as np

from course_utils import _validate

DATA = Path(__file__).resolve().parent.parent / "data"
WEATHER_COLUMNS = ("precipitation", "temp_max", "temp_min", "wind")


def noise(T, D, *, seed=0):
    """Inputs with nothing to learn in them: (T, D) draws from N(0, 1)."""
    T, D = _validate.integer("T", T, 1), _validate.integer("D", D, 1)
    return np.random.default_rng(_validate.integer("seed", seed, 0)).standard_normal((T, D))


def one_hot(sentence, vocabulary):
    """(T, D) one-hot rows for a list of T words, D the length of `vocabulary`. Raises ValueError on an unknown word."""
    unknown = [word for word in sentence if word not in vocabulary]
    if unknown:
        raise ValueError(f"sentence: got the unknown word {unknown[0]!r}, wants words of {list(vocabulary)}")
    return np.eye(len(vocabulary))[[list(vocabulary).index(word) for word in sentence]]


def weather(year=None):
    """Daily weather at Seattle, 2012-2015 (NOAA, public domain; see data/README.md).

    year  2012 to 2015, or None for all four.

    Returns (dates, values): (T,) datetime64 days and (T, 4) floats, columns as in WEATHER_COLUMNS:
    precipitation in mm, highest and lowest temperature in °C, wind in m/s.
    """
    if year is not None and year not in range(2012, 2016):
        raise ValueError(f"year: got {year!r}, wants 2012 to 2015, or None for all")
    with open(DATA / "seattle-weather.csv", encoding="utf-8") as file:
        rows = [line.split(",") for line in file][1:]
    dates = np.array([row[0].replace("/", "-") for row in rows], dtype="datetime64[D]")
    values = np.array([row[1:5] for row in rows], dtype=np.float64)
    chosen = np.ones(len(dates), bool) if year is None else dates.astype("datetime64[Y]").astype(int) + 1970 == year
    return dates[chosen], values[chosen]


def standardise(values):
    """Each column of (T, D) brought to mean 0 and standard deviation 1. Raises ValueError on a constant column."""
    values = _validate.array("values", values, ("T", "D"))
    spread = values.std(0)
    if np.any(spread == 0):
        raise ValueError(f"values: got a constant column {int(np.argmin(spread))}, wants columns that vary")
    return (values - values.mean(0)) / spread
