"""Feedback as Moodle takes it, many files in a zip: `python -m coursework.grader.give_back ps3`."""

import argparse
import csv
import os
import re
import sys
import zipfile
from collections import Counter
from pathlib import Path

PARTICIPANT = re.compile(r"(.+)_(\d+)(?: \([0-9a-f]{5}\))?")  # a name, the LMS's number, and a tag if there are two


def pack(folder: Path, assignment: str) -> tuple[Path, list[str]]:
    """Write folder/return-ps3.zip anew, with the feedback of who has a row in the table of marks, and of nobody else.

    Returns its path, and a sentence on each row that is not in it. What an earlier run has left in folder/feedback/ has
    no row. Moodle splits a folder's name at each underscore, and finds the participant by the number alone.

    Raises ValueError where there is no table, or no row of it is for Moodle.
    """
    table = Path(folder) / "marks" / f"{assignment}.csv"
    if not table.exists():
        raise ValueError(f"{table} isn't there: grade {assignment} first")
    with open(table, newline="", encoding="utf-8") as file:
        students = [row["student_id"].removeprefix("'") for row in csv.DictReader(file)]
    found = {student: match for student in students if (match := PARTICIPANT.fullmatch(student))}
    if not found:
        raise ValueError(f"{table}: no student_id in it ends in a participant's number, as in Jane Doe_4711")
    rows = Counter(int(match[2]) for match in found.values())
    target, left_out = Path(folder) / f"return-{assignment}.zip", []
    partly = target.with_suffix(".partly")
    with zipfile.ZipFile(partly, "w", zipfile.ZIP_DEFLATED) as archive:
        for student in students:
            pages = sorted((Path(folder) / "feedback" / student / assignment).glob(f"{assignment}.*"))
            if student not in found:
                left_out.append(f"{student}: there is no participant's number at the end of the name.")
            elif rows[int(found[student][2])] > 1:
                left_out.append(f"{student}: this participant has more than one row.")
            elif not pages:
                left_out.append(f"{student}: there is no feedback.")
            else:
                name = f"{found[student][1].replace('_', ' ')}_{found[student][2]}_assignfeedback_file_"
                for page in pages:
                    archive.write(page, f"{name}/{page.name}")
    os.replace(partly, target)
    return target, left_out


def main(arguments: list[str] | None = None) -> int:
    """Pack, and say who is not in the zip. Returns the exit status, 1 if there is somebody."""
    words = argparse.ArgumentParser(prog="python -m coursework.grader.give_back", description=__doc__)
    words.add_argument("assignment", help="ps3")
    words.add_argument("--out", type=Path, default=Path("graded"), help="the grader's folder (graded)")
    options = words.parse_args(arguments)
    try:
        target, left_out = pack(options.out, options.assignment)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"For Moodle: {target}")
    for sentence in left_out:
        print(f"Not in it: {sentence}", file=sys.stderr)
    return 1 if left_out else 0


if __name__ == "__main__":
    sys.exit(main())
