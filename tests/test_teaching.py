"""docs/teaching.md: the workshop's minutes are those of the cells that it names, and fill its three hours; and what the
two longer plans take of a student's time."""

import re

import nbformat
import pytest

from tests.notebook import LESSONS, ROOT, read
from tools import pace
from tools.heads import with_parts, with_times

TEXT = (ROOT / "docs" / "teaching.md").read_text(encoding="utf-8")
WORKSHOP = re.search(r"^## A workshop of three hours\n(.*?)^## ", TEXT, re.M | re.S)[1]
ROWS = [tuple(re.split(r" *\| *", line)[1:4]) for line in WORKSHOP.splitlines() if re.match(r"\| (?!part|-)", line)]
TIMES = {part: [int(row[2].removesuffix(" min")) for row in ROWS if row[0] == part] for part, *_ in ROWS}
PARTS = [row for row in ROWS if row[1]]
NOTEBOOKS = {path.name[:2]: read(path) for path in LESSONS}


def cut(notebook, first, last):
    """A lesson from one heading to the end of the section of another."""
    cells, inside, done = [nbformat.v4.new_code_cell()], False, False
    for cell in notebook.cells:
        pieces = re.split(r"(?m)^(?=## )", cell.source) if cell.cell_type == "markdown" else [cell.source]
        for piece in pieces:
            heading = re.match(r"## (.*)", piece) if cell.cell_type == "markdown" else None
            if heading:
                inside, done = (inside and not done) or heading[1] == first, done or heading[1] == last
            if inside:
                cells.append(nbformat.NotebookNode({**cell, "source": piece}))
    return nbformat.NotebookNode(cells=cells)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part[0])
def test_a_part_of_the_workshop_takes_what_its_cells_take_in_class(part):
    """By the formula of the pace, and a quarter more for questions, to five minutes."""
    _, work, time = part
    lesson, first, last = re.fullmatch(r'(\d\d), from "(.+)" to "(.+)"', work).groups()
    minutes = 1.25 * pace.estimate(cut(NOTEBOOKS[lesson], first, last))
    assert time == f"{5 * round(minutes / 5)} min"


def test_the_workshop_fills_three_hours_with_breaks():
    """Its exact times need no more than the table gives them; without part 2 and the second break it is two hours."""
    assert len(PARTS) >= 3 and len(TIMES["break"]) >= 2
    assert sum(sum(times) for times in TIMES.values()) == 180
    assert 180 - sum(TIMES["2"]) - TIMES["break"][1] == 120 and "Who has two hours leaves out part 2" in WORKSHOP
    needed = sum(
        pace.in_class(NOTEBOOKS[work[:2]], *re.search(r'"(.+)" to "(.+)"', work).groups()) for _, work, _ in PARTS
    )
    assert needed <= sum(sum(TIMES[part]) for part, *_ in PARTS)


@pytest.mark.parametrize("number", NOTEBOOKS)
def test_sections_add_up_to_the_lesson(number):
    found = pace.sections(NOTEBOOKS[number])
    assert sum(found.values()) == pytest.approx(pace.estimate(NOTEBOOKS[number]))
    assert next(iter(found)) == "" and all(time > 0 for time in found.values())


def test_a_parts_time_is_written_and_a_lost_heading_is_named():
    text = '| 1 | 00, from "{}" to "Open the gate yourself" | 1 min | all |\n| 2 | 00 | 35 min | x |\n'
    written = with_parts(text.format("The question"), NOTEBOOKS)
    assert re.search(r'yourself" \| (?!1 )\d+ min \| all \|', written) and "| 2 | 00 | 35 min |" in written
    with pytest.raises(ValueError, match="first: got 'Nothing', wants a heading of the lesson"):
        with_parts(text.format("Nothing"), NOTEBOOKS)
    with pytest.raises(ValueError, match="last: got 'Open the gate yourself', which stands before 'Notation'"):
        with_parts(text.format("Notation"), NOTEBOOKS)


@pytest.mark.parametrize(("plan", "weeks"), [("A module of four weeks", 4), ("Half a semester", 7)])
def test_a_plan_states_what_it_takes_in_all(plan, weeks):
    """Lessons and assignments once each, two meetings a week, and both together."""
    part = re.search(rf"^## {plan}\n(.*?)^## ", TEXT, re.M | re.S)[1]
    rows = [re.split(r" *\| *", line)[1:4] for line in part.splitlines() if re.match(r"\| (?!week)", line)]
    work = [name for week, names, _ in rows if week[0].isdigit() for name in names.split(", ")]
    assert {week[0] for week, *_ in rows if week[0].isdigit()} == {str(week + 1) for week in range(weeks)}
    assert len(set(work)) == len(work) and "two meetings of 90 minutes" in part
    home = 0
    for name in work:
        assignment = ROOT / "coursework" / name / f"{name}.ipynb"
        home += pace.minutes(NOTEBOOKS[name]) if name in NOTEBOOKS else 60 * pace.hours(read(assignment))
    meetings = weeks * 2 * 90
    stated = {week: [names, _minutes(time)] for week, names, time in rows if not week[0].isdigit()}
    assert stated == {
        "at home in all": ["together", home],
        "in class": [f"{2 * weeks} meetings of 90 min", meetings],
        "a student's time": ["together", home + meetings],
    }


def _minutes(time):
    """Of "17 h 45 min" or "12 h"."""
    hours, minutes = re.fullmatch(r"(\d+) h(?: (\d+) min)?", time).groups()
    return 60 * int(hours) + int(minutes or 0)


def test_sums_are_written_for_each_table_by_itself():
    first = ["03, 04", "ps2", "together", "3 meetings of 40 min", "together"]
    text = "\n".join(f"| row | {work} | ? | words |" for work in first)
    text += "\n\nWords.\n\n| row | 04, ps2 | ? | words |\n| row | together | ? | |\n"
    written = with_times(text, {"03": 60, "04": 45, "ps2": 90})
    times = [line.split(" | ")[2] for line in written.splitlines() if line.startswith("|")]
    assert times == ["105 min", "1½ h", "3 h 15 min", "2 h", "5 h 15 min", "135 min", "2 h 15 min"]
    assert [line.split(" | ")[:2] for line in written.split("\n")] == [
        line.split(" | ")[:2] for line in text.split("\n")
    ]
