"""Points and comments by hand: what they were given for, what becomes of them, and what the student reads."""

import csv
import itertools
import shutil

import pytest
from nbgrader.api import Gradebook

from coursework.grader import __main__ as command
from coursework.grader import gradebook
from coursework.grader.marking import Mark
from coursework.grader.report import Result, markdown, page
from tests.coursework.material import (
    ESSAY,
    IMPORT,
    KEY,
    RIGHT,
    SLOPE,
    TOTAL,
    WRONG_STEP,
    feedback,
    grader,
    marks,
    points,
    submit,
    write_assignment,
)

OTHER = "A wholly new and honest essay, which says other things than the first one."


@pytest.fixture
def bob(tmp_path, monkeypatch):
    """Bob's assignment: hand_in(cells, essay), run(...) which returns his row, give(...) as formgrader does."""
    return Bob(tmp_path)


class Bob:
    """One student, and the instructor's folder."""

    def __init__(self, folder):
        self.submitted, self.out, self.key = folder / "submitted", folder / "out", write_assignment(folder / "key")

    def hand_in(self, sources, essay=ESSAY):
        if isinstance(sources, list):
            submit(self.submitted, "bob", sources, essay=essay)
        else:
            submit(self.submitted, "bob", sources)

    def run(self, *more, status=0, **options):
        words = grader(self.submitted, self.out, self.key, "--unsafe-no-sandbox", *more, **options)
        assert command.main(words[3:]) == status
        return marks(self.out)["bob"]

    def give(self, cell, score=None, extra=None, comment=None):
        """What formgrader's page sends when a field is left."""
        with Gradebook(f"sqlite:///{self.out / 'gradebook.db'}") as book:
            grade = book.find_grade(cell, "ps0", "ps0", "bob")
            grade.manual_score, grade.extra_credit = score, extra
            grade.needs_manual_grade = score is None and grade.auto_score is None
            if comment:
                self.comment(book, cell).manual_comment = comment
            book.db.commit()

    def comment(self, book, cell):
        return book.find_comment(cell if cell == "ps0_essay" else f"{cell}_answer", "ps0", "ps0", "bob")

    def shown(self, cell):
        """What formgrader shows: the points, whether it wants some, the comment, and what its empty field says."""
        with Gradebook(f"sqlite:///{self.out / 'gradebook.db'}") as book:
            grade, comment = book.find_grade(cell, "ps0", "ps0", "bob"), self.comment(book, cell)
            return grade.manual_score, grade.needs_manual_grade, comment.manual_comment, comment.auto_comment


@pytest.mark.parametrize("score", [3.0, 0.0])
def test_another_essay_waits_for_points_again(bob, score):
    """Also where there was "No credit", and the work came late. What was given is not lost, and not counted."""
    bob.hand_in(RIGHT)
    bob.run()
    bob.give("ps0_essay", score, comment="Which factors?")
    row = bob.run()
    assert (row["ps0_essay"], row["status"], row["notes"]) == (f"{score:g}", "complete", "")
    bob.hand_in(RIGHT, OTHER)
    for _ in range(2):
        row = bob.run()
        assert (row["ps0_essay"], row["score"], row["status"]) == ("", "17", "1 to be read")
        given = f"Given for an earlier answer: {score:g} of 4 points, the comment 'Which factors?'."
        assert row["notes"] == f"ps0_essay, not counted: {given}"
        assert bob.shown("ps0_essay") == (None, True, None, given)
        assert "to be read of 4" in feedback(bob.out, "bob") and "factors" not in feedback(bob.out, "bob")
    bob.give("ps0_essay", score)
    row = bob.run()
    assert (row["ps0_essay"], row["status"], row["notes"]) == (f"{score:g}", "complete", "")
    assert "earlier" not in feedback(bob.out, "bob"), "that is for who marks"


def test_what_is_put_aside_twice_is_there_twice(bob):
    for essay, score in (("one", 1), ("two", 2), ("three", None)):
        bob.hand_in(RIGHT, essay)
        row = bob.run()
        bob.give("ps0_essay", score)
    assert "earlier answer: 2 of 4 points. Given for an earlier answer: 1 of 4 points." in row["notes"]


def test_the_same_essay_keeps_its_points(bob):
    """Spaces, other answers, another seed and another key make no other essay."""
    bob.hand_in(RIGHT)
    bob.run()
    bob.give("ps0_essay", 3, comment="Which factors?")
    bob.hand_in([IMPORT, WRONG_STEP, TOTAL, SLOPE], f"\n{ESSAY} \n")
    write_assignment(bob.key, KEY.replace("points=5", "points=7"))
    for row in (bob.run(), bob.run(seed=8)):
        assert (row["ps0_essay"], row["score"], row["status"], row["notes"]) == ("3", "12", "complete", "")
    assert "Which factors?" in feedback(bob.out, "bob")


def test_another_function_has_the_programs_points(bob):
    """And keeps those by hand where it is the same, or gives the same: what is handed in anew is seldom all new."""
    bob.hand_in([IMPORT, WRONG_STEP, TOTAL, SLOPE])
    assert bob.run()["ps0_step"] == "0"
    bob.give("ps0_step", 7, extra=1, comment="Nearly.")
    bob.hand_in([IMPORT, WRONG_STEP, "def total(dh):\n    return dh[0]", SLOPE])
    row = bob.run()
    assert (points(row), row["notes"]) == ((8, 0, 2), ""), "it gives the same"
    assert points(bob.run(seed=8)) == (8, 0, 2), "it is the same"
    bob.hand_in([IMPORT, "def step(W, h):\n    return h", TOTAL, SLOPE])
    for _ in range(2):
        row = bob.run(seed=8)
        given = "Given for an earlier answer: 7 of 10 points, extra credit of 1, the comment 'Nearly.'."
        assert (points(row), row["notes"]) == ((0, 5, 2), f"ps0_step, not counted: {given}")
        assert bob.shown("ps0_step") == (None, False, None, given) and "Nearly" not in feedback(bob.out, "bob")


def test_what_points_stand_for():
    """The text is the same; and the code, or what came out of it, an essay's numbers as well."""
    for text, code, out in itertools.product([True, False], repeat=3):
        now = [str(text), str(code), str(out)]
        assert gradebook._same(["True"] * 3, now) == (text and (code or out))
    assert gradebook._same(None, ["x"] * 3), "nothing was laid out before"


def test_a_notebook_that_cannot_be_read_has_no_points_by_hand(bob):
    """Nobody can read its essay: it is worth 0, and says why. When it can be read again, the points are back."""
    bob.hand_in(RIGHT)
    bob.run()
    bob.give("ps0_essay", 3, comment="Which factors?")
    bob.give("ps0_total", 4)
    bob.hand_in("no notebook")
    row = bob.run()
    assert (row["score"], row["ps0_essay"]) == ("0", "0") and "to be read" not in row["status"]
    assert "ps0_essay, not counted: Given for an earlier answer: 3 of 4 points" in row["notes"]
    assert "ps0_total, not counted: Given for an earlier answer: 4 of 5 points" in row["notes"]
    said = feedback(bob.out, "bob")
    assert "| ps0_essay | 0 of 4 | Why? | The notebook could not be read: it is not a notebook. |" in said
    bob.hand_in(RIGHT)
    row = bob.run()
    assert (row["ps0_essay"], points(row), row["notes"]) == ("3", (10, 4, 2), "")


def test_an_essay_nobody_can_read_does_not_wait(bob):
    bob.hand_in("no notebook")
    row = bob.run()
    assert row["status"] == "The notebook could not be read: it is not a notebook."
    assert bob.shown("ps0_essay")[:2] == (None, False)
    bob.hand_in(RIGHT)
    assert bob.run()["status"] == "1 to be read" and bob.shown("ps0_essay")[:2] == (None, True)


def test_extra_credit_counts_beside_the_programs_points(bob):
    bob.hand_in(RIGHT)
    bob.run()
    bob.give("ps0_step", extra=2)
    bob.give("ps0_essay", extra=1)
    row = bob.run()
    assert (row["ps0_step"], row["ps0_essay"], row["score"]) == ("12", "", "19"), "no essay is worth its extra credit"
    assert "12 of 10" in feedback(bob.out, "bob") and row["status"] == "1 to be read"
    bob.give("ps0_essay", 3, extra=1)
    assert bob.run()["ps0_essay"] == "4"
    bob.give("ps0_step", extra=9e999)
    row = bob.run(status=1)
    assert (row["status"], points(row)) == ("points by hand could not be read", (10, 5, 2))


def test_what_could_not_be_written_is_not_counted(bob, monkeypatch):
    """Then it isn't known, either, whether the points were given for what is handed in now."""
    bob.hand_in(RIGHT)
    bob.run()
    bob.give("ps0_essay", 3)
    bob.hand_in(RIGHT, OTHER)

    def full(*_):
        raise OSError(28, "No space left on device")

    for name in ("_write_one", "_write_assignment"):
        with monkeypatch.context() as patch:
            patch.setattr(gradebook, name, full)
            row = bob.run(status=1)
        assert (row["ps0_essay"], row["status"]) == ("", "points by hand could not be read"), name
        assert "OSError" in row["notes"]
    assert bob.run()["status"] == "1 to be read" and bob.shown("ps0_essay")[0] is None


def test_a_killed_run_keeps_what_was_put_aside(bob, monkeypatch):
    """Between the gradebook and the notebook for formgrader."""
    bob.hand_in(RIGHT)
    bob.run()
    bob.give("ps0_essay", 3)
    bob.hand_in(RIGHT, OTHER)

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(gradebook, "_write_autograded", killed)
        bob.run()
    row = bob.run()
    assert row["status"] == "1 to be read" and "earlier answer: 3 of 4 points" in row["notes"]


def test_a_question_that_came_in_later_has_a_place_for_its_comment(bob):
    bob.hand_in([IMPORT, WRONG_STEP, TOTAL, SLOPE])
    bob.run()
    bob.give("ps0_step", 7)
    with Gradebook(f"sqlite:///{bob.out / 'gradebook.db'}") as book:
        for cell in ("ps0_step", "ps0_essay"):
            book.db.delete(bob.comment(book, cell))
        book.db.commit()
    bob.hand_in([IMPORT, "step = 3", TOTAL, SLOPE])
    assert "earlier answer: 7 of 10 points" in bob.run()["notes"]
    assert bob.shown("ps0_essay") == (None, True, None, None)


def test_marks_without_the_notebooks_of_formgrader_stay(bob):
    """Nothing says that they were given for something else."""
    bob.hand_in(RIGHT)
    bob.run()
    bob.give("ps0_essay", 3)
    shutil.rmtree(bob.out / "autograded")
    assert bob.run()["ps0_essay"] == "3"


def test_a_comment_stands_beside_the_programs_hint():
    row = [
        Mark("q_a", 2, 5, "Derive.", "W is transposed."),
        Mark("q_b", 5, 5, "Run."),
        Mark("q_c", 0, 5, "Say.", "No."),
    ]
    result = Result("bob", row, comments={"q_a": "See the board.", "q_b": "Short."})
    for text in (markdown(result, "q").replace("\\", ""), page(result, "q")):
        assert "See the board. The program says: W is transposed." in text
        assert "Short." in text and text.count("The program says") == 1 and "No." in text


def test_a_question_that_was_unfair(bob):
    """Worth 0 points, it still tells who made which mistake, and nobody waits for an essay that is worth nothing."""
    key = KEY.replace("points=10", "points=0").replace("points=4", "points=0")
    write_assignment(bob.key, key)
    bob.hand_in([IMPORT, WRONG_STEP, TOTAL, SLOPE])
    submit(bob.submitted, "ann", RIGHT)
    row = bob.run()
    assert (row["score"], row["max_score"], row["status"]) == ("7", "7", "complete")
    assert "| ps0_step | not counted | Run one step. | W is transposed." in feedback(bob.out, "bob")
    with open(bob.out / "marks" / "ps0_items.csv", newline="", encoding="utf-8") as file:
        (step,) = [item for item in csv.DictReader(file) if item["question"] == "ps0_step"]
    assert (step["marked"], step["full_marks"], step["students"]) == ("2", "0.5", "1")
    assert step["mistake"] == "W is transposed."
    bob.give("ps0_step", extra=1)
    assert "1 of 0" in (bob.run() and feedback(bob.out, "bob")), "what is given all the same counts"
