"""What an instructor is told of a class: a page and four tables, marks/ps3_class.html, ps3_items.csv, ps3_alike.csv,
ps3_look.csv and ps3_errors.csv.
"""

from collections.abc import Sequence
from pathlib import Path

from coursework.grader.alike import Pair
from coursework.grader.files import write
from coursework.grader.items import Band, Summary
from coursework.grader.report import PAGES, Result, write_table

COLUMNS = [
    "question",
    "most",
    "marked",
    "full_marks",
    "low",
    "high",
    "mean_points",
    "low_mean",
    "high_mean",
    "tells_apart",
]


def write_class(
    summary: Summary, alike: Sequence[Pair], assignment: str, folder: Path, results: Sequence[Result] = ()
) -> None:
    """Write the page and the tables into a folder. results: whose notebooks are to be opened, and why, stands there.

    The table of questions has one row for each mistake, with the question's figures on each; the class as a whole is
    the row `all`. The table of errors says what a function raised and where, which students are not told.
    """
    looks = [[result.student, mark.grade_id, mark.look] for result in results for mark in result.marks if mark.look]
    write_table([["student", "question", "why"], *looks], Path(folder) / f"{assignment}_look.csv")
    errors = [[result.student, mark.grade_id, mark.error] for result in results for mark in result.marks if mark.error]
    write_table([["student", "question", "error"], *errors], Path(folder) / f"{assignment}_errors.csv")
    words = {"class": summary, "alike": alike, "looks": looks, "assignment": assignment, "number": _number}
    write(Path(folder) / f"{assignment}_class.html", PAGES.get_template("class.html").render(words))
    rows = [[*COLUMNS, "mistake", "students"]]
    whole = ["all", _number(summary.most), str(summary.students - summary.unread), "", "", ""]
    rows.append([*whole, *_band(summary.mean), "", "", ""])
    for item in summary.items:
        figures = [item.grade_id, _number(item.most), str(item.marked), *_band(item.right), *_band(item.points)]
        figures.append(_number(item.tells))
        for hint, count in item.mistakes or [("", 0)]:
            rows.append([*figures, hint, str(count)])
    write_table(rows, Path(folder) / f"{assignment}_items.csv")
    pairs = [[*pair.students, f"{pair.alike:.3f}", str(pair.shared), pair.example] for pair in alike]
    write_table([["one", "other", "alike", "shared", "rarest"], *pairs], Path(folder) / f"{assignment}_alike.csv")


def _band(band: Band) -> list[str]:
    return [_number(value) for value in (band.value, band.low, band.high)]


def _number(value: float) -> str:
    """Three digits; nothing for what isn't known."""
    return f"{value:.3g}" if value == value else ""
