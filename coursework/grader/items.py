"""What a class's marks say of the class and of the questions: bands for chance, and which mistake how often.

A class is a sample of the students who might sit here, so its figures come with bands of 95 %: Wilson's for shares,
the bootstrap's for means. Of nine students little can be said, and the bands show it.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from course_utils.training import wilson
from coursework.grader.marking import Mark
from coursework.grader.report import Result

RESAMPLES = 2000
OWN_WORDS = re.compile(
    r"(?<=raised \w)(\w*):.*| The smallest input that fails:.*"
    r"| It is (?:right|wrong) (?:up to|on) .*| (?:A c|C)ode cell (?:\d+ )?of.*"
)


@dataclass(frozen=True)
class Band:
    """A figure with its 95 % band, low <= value <= high."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Item:
    """One question: who was right of how many, the points, how well it tells students apart, mistakes by frequency.

    tells  the correlation of its points with those of all other questions, nan where one of them never varies.
    """

    grade_id: str
    most: float
    marked: int
    right: Band
    points: Band
    tells: float
    mistakes: list[tuple[str, int]]


@dataclass(frozen=True)
class Summary:
    """A class: how many handed in something that runs, mean and median of their scores, and the questions."""

    students: int
    unread: int
    most: float
    mean: Band
    median: Band
    items: list[Item]


def summary(results: Sequence[Result]) -> Summary:
    """The figures of a class, from everybody's marks. Submissions that could not be read count among the students only.

    Raises ValueError where there is no result.
    """
    if not results:
        raise ValueError("results: got none, wants one student's or more")
    read = [result for result in results if result.problem is None]
    scores = np.array([result.score for result in read])
    points = np.array(
        [[mark.points if mark.points is not None else np.nan for mark in result.marks] for result in read]
    )
    items = []
    for i, mark in enumerate(results[0].marks):
        own = points[:, i] if read else np.array([])
        marked = own[~np.isnan(own)]
        rest = np.nansum(np.delete(points, i, axis=1), axis=1)[~np.isnan(own)] if read else np.array([])
        full = [is_full(result.marks[i]) for result in read]
        hints = Counter(
            result.marks[i].calls or kind(result.marks[i].error or result.marks[i].hint)
            for result, right in zip(read, full, strict=True)
            if not right and result.marks[i].hint
        )
        items.append(
            Item(
                mark.grade_id,
                mark.most,
                len(marked),
                share(sum(full), len(marked)),
                bootstrap(marked, np.mean),
                correlation(marked, rest),
                hints.most_common(),
            )
        )
    most = results[0].most
    return Summary(
        len(results), len(results) - len(read), most, bootstrap(scores, np.mean), bootstrap(scores, np.median), items
    )


def is_full(mark: Mark) -> bool:
    """Whether a question has full marks. One that is worth 0 points, as it was unfair, has them where it is right."""
    if not mark.most and mark.share is not None:
        return mark.share == 1
    return mark.points is not None and mark.points >= mark.most


def kind(hint: str) -> str:
    """A hint without what is one student's alone, so that equal mistakes are counted together."""
    return OWN_WORDS.sub(lambda match: match.group(1) or "", hint).strip()


def share(right: int, of: int) -> Band:
    """A share with Wilson's interval; of none, anything from 0 to 1."""
    return Band(right / of, *wilson(right, of)) if of else Band(float("nan"), 0.0, 1.0)


def bootstrap(values: np.ndarray, of: Callable[..., Any]) -> Band:
    """A figure of a sample with the middle 95 % of what samples drawn from it give; the same draws every time."""
    if len(values) == 0:
        return Band(float("nan"), float("nan"), float("nan"))
    rng = np.random.default_rng(0)
    drawn = of(values[rng.integers(0, len(values), (RESAMPLES, len(values)))], axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    value = float(of(values))
    return Band(value, min(value, float(low)), max(value, float(high)))


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson's correlation, nan where one of the two never varies."""
    if len(one) < 3 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return float("nan")
    return float(np.corrcoef(one, other)[0, 1])
