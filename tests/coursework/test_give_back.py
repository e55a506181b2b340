"""Feedback on its way back: who is in the zip for Moodle, under which name, and what is not in it."""

import shutil
import zipfile

import pytest

from coursework.grader import __main__ as command
from coursework.grader import give_back
from coursework.grader.report import Result, write_feedback, write_marks
from tests.coursework.material import IMPORT, RIGHT, feedback, grader, marks, notebook_of, submit, write_assignment

ULI = "Uli Unlucky_4999_assignsubmission_file_"


def written(out, *students, assignment="ps0"):
    """A table of marks and feedback, as the grader writes them."""
    results = [Result(student, []) for student in students]
    write_marks(results, out / "marks" / f"{assignment}.csv")
    for result in results:
        write_feedback(result, assignment, out / "feedback")


def names(out, assignment="ps0"):
    with zipfile.ZipFile(out / f"return-{assignment}.zip") as archive:
        assert archive.testzip() is None
        return sorted(archive.namelist())


def as_moodle_reads(name):
    """(participant's number, the file), by both of Moodle's ways: it split the whole path, and now splits each part."""
    before = name.split("_", 4)
    since = name.split("/")[0].split("_", 4)
    assert before[:4] == since[:4] and before[2:4] == ["assignfeedback", "file"] and since[4] == ""
    return int(before[1]), before[4].removeprefix("/")


@pytest.mark.parametrize("gone", ["folder", "zip"])
def test_one_student_twice(tmp_path, gone, capsys):
    """In a folder and in a zip. When one is taken out, nothing of it comes back, and no note says what isn't true."""
    key, place, out = write_assignment(tmp_path / "key"), tmp_path / "submitted", tmp_path / "out"
    words = grader(place, out, key, "--unsafe-no-sandbox")[3:]
    submit(place, ULI, [IMPORT])
    with zipfile.ZipFile(place / "moodle.zip", "w") as archive:
        archive.writestr(f"{ULI}/ps0.ipynb", notebook_of(RIGHT))
        archive.writestr("Ann Doe_4711_assignsubmission_file_/ps0.ipynb", notebook_of(RIGHT))
    assert command.main(words) == 0
    two = marks(out)
    assert sum("stands there more than once" in row["notes"] for row in two.values()) == 1 and len(two) == 3
    assert give_back.main(["ps0", "--out", str(out)]) == 1
    assert capsys.readouterr().err.count("this participant has more than one row") == 2
    assert {as_moodle_reads(name)[0] for name in names(out)} == {4711}
    if gone == "folder":
        shutil.rmtree(place / ULI)
    else:
        with zipfile.ZipFile(place / "moodle.zip", "w") as archive:
            archive.writestr("Ann Doe_4711_assignsubmission_file_/ps0.ipynb", notebook_of(RIGHT))
    for _ in range(2):
        assert command.main(words) == 0
        (uli,) = set(marks(out)) - {"Ann Doe_4711"}
        row = marks(out)[uli]
        assert uli in two and row["score"] == ("17" if gone == "folder" else "0")
        assert "stands there" not in row["notes"] + feedback(out, uli)
        assert ("stood there, in an earlier run, more than once" in row["notes"]) == ("(" in uli)
        assert give_back.main(["ps0", "--out", str(out)]) == 0
    found = {as_moodle_reads(name) for name in names(out)}
    assert found == {(number, f"ps0.{kind}") for number in (4711, 4999) for kind in ("md", "html")}
    with zipfile.ZipFile(out / "return-ps0.zip") as archive:
        page = archive.read("Uli Unlucky_4999_assignfeedback_file_/ps0.md").decode().replace("\\", "")
    assert page == feedback(out, uli)


def test_only_the_rows_of_the_table_go_back(tmp_path, capsys):
    """Not who was graded before, not who has another assignment's feedback alone, and not who has no LMS's number."""
    written(tmp_path, "Gone Away_1", "Ann Doe_2")
    written(tmp_path, "Cem Kaya_3", assignment="ps1")
    written(tmp_path, "Ann Doe_2", "h3_fork", "ben", "-Jo O_Brien_4", "No Page_5")
    shutil.rmtree(tmp_path / "feedback" / "No Page_5")
    for _ in range(2):
        assert give_back.main(["ps0", "--out", str(tmp_path)]) == 1
        assert {as_moodle_reads(name)[0] for name in names(tmp_path)} == {2, 4} and len(names(tmp_path)) == 4
    said = capsys.readouterr().err
    assert said.count("h3_fork: there is no participant's number") == said.count("No Page_5: there is no feedback") == 2
    written(tmp_path, "Dan Roe_6")
    assert give_back.main(["ps0", "--out", str(tmp_path)]) == 0
    assert {as_moodle_reads(name)[0] for name in names(tmp_path)} == {6}, "a second run replaces the first"


def test_what_is_not_there_is_named(tmp_path, capsys):
    assert give_back.main(["ps0", "--out", str(tmp_path)]) == 2
    written(tmp_path, "ann", "h3_fork")
    assert give_back.main(["ps0", "--out", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "grade ps0 first" in said and "no student_id in it ends in a participant's number" in said
    assert not (tmp_path / "return-ps0.zip").exists()
