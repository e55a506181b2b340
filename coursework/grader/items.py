"""What a class's marks say of the class and of the questions: bands for chance, and which mistake how often.

A class is a sample of the students who might sit here, so its figures come with bands of 95 %: Wilson's for shares,
Student's t for means, and for medians two of the class's own scores. Of nine students little can be said, and the bands
show it. Where nothing can be said (one student, or all with the same points) there is none.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np

from course_utils.training import wilson
from coursework.grader.marking import Mark
from coursework.grader.report import Result

UNKNOWN = float("nan")
OWN_WORDS = re.compile(
    r"(?<=raised \w)(\w*):.*| The smallest input that fails:.*"
    r"| It is (?:right|wrong) (?:up to|on) .*| (?:A c|C)ode cell (?:\d+ )?of.*"
)


@dataclass(frozen=True)
class Band:
    """A figure with its 95 % band, low <= value <= high. low and high are nan where no band is known."""

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
    """A class: how many handed in something that runs, mean and median of their scores, and the questions.

    most    points to be had, of what everybody has points for: mean and median are of these alone.
    to_come points of what has not been marked for everybody, such as essays that nobody has read.
    """

    students: int
    unread: int
    most: float
    to_come: float
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
    open_ = {i for result in read for i, mark in enumerate(result.marks) if mark.points is None}
    counted = [i for i in range(len(results[0].marks)) if i not in open_]
    scores = np.array([result.score_of(counted) for result in read])
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
                mean(marked, mark.most),
                correlation(marked, rest),
                hints.most_common(),
            )
        )
    most = sum(results[0].marks[i].most for i in counted)
    return Summary(
        len(results), len(results) - len(read), most, results[0].most - most, mean(scores, most), median(scores), items
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


def mean(values: np.ndarray, most: float) -> Band:
    """A mean with Student's band, value ± t s/√n, cut off at 0 and at the `most` points that there are."""
    n = len(values)
    value = float(np.mean(values)) if n else UNKNOWN
    if n < 2 or np.ptp(values) == 0:
        return Band(value, UNKNOWN, UNKNOWN)
    half = student_t(n - 1) * float(np.std(values, ddof=1)) / np.sqrt(n)
    return Band(value, max(0.0, value - half), min(float(most), value + half))


def student_t(df: int) -> float:
    """The number that Student's t with df degrees of freedom exceeds in 2.5 % of all samples.

    With t = √df tan θ the density is that of cos(θ)^(df - 1), which is added up here.

    >>> round(student_t(4), 3)
    2.776
    """
    angle = np.linspace(0, np.pi / 2, 200_001)
    density = np.cos(angle) ** (df - 1)
    below = np.append(0, np.cumsum((density[1:] + density[:-1]) / 2))
    return float(np.sqrt(df) * np.tan(np.interp(0.95 * below[-1], below, angle)))


def median(values: np.ndarray) -> Band:
    """A median between two of the values, as many from either end: so many lie below it by chance in 2.5 % at most.

    Of fewer than six values not even the smallest and the largest will do.
    """
    n = len(values)
    value = float(np.median(values)) if n else UNKNOWN
    outside, k = 0.0, 0
    while n and outside + comb(n, k) / 2**n <= 0.025:
        outside, k = outside + comb(n, k) / 2**n, k + 1
    if k == 0:
        return Band(value, UNKNOWN, UNKNOWN)
    ordered = np.sort(values)
    return Band(value, float(ordered[k - 1]), float(ordered[n - k]))


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson's correlation, nan where one of the two never varies."""
    if len(one) < 3 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return float("nan")
    return float(np.corrcoef(one, other)[0, 1])
