"""ps5 and ps6 from submission to table: own runs of honest, hostile and unlucky students, by the grader's own command.

What a student claims of runs counts for this one question, and what spoils it is that student's alone.
"""

import csv
import os
import signal
import subprocess
import sys
import time

import nbformat
import numpy as np
import pytest

from coursework.grader.assignment import load
from tests.coursework.generate_class import HIDDEN, REGION
from tests.coursework.material import guarded
from tests.coursework.test_evidence import RUNS5, RUNS6
from tests.notebook import ROOT

NUMBERS = {"ps5": ("my_runs", RUNS5), "ps6": ("evidence", RUNS6)}
LIE = """
class Lie(dict):
    def items(self):
        return [("RNN", "right"), ("points", 14)]
    def __getitem__(self, key):
        return self
my_runs = Lie(my_runs)
"""
FIND_TEST = """
import gc
for thing in gc.get_objects():
    if isinstance(thing, dict) and "questions" in thing:
        thing["questions"] = []
"""
HONEST, LOST = "honest", "lost"  # whether the runs' points are there; all others always are
PS5 = {  # a student: (what follows the honest runs in their cell, whether they earn their points, words of the hint)
    "aaron": ("", HONEST, ""),
    "as_arrays": ("import copy\nmy_runs = {k: tuple(copy.deepcopy(v)) for k, v in my_runs.items()}", HONEST, ""),
    "better_than_it_is": ("my_runs['GRU'][0]['score'][-1] = 1.0", LOST, "don't have the accuracy that is stated"),
    "diverged": ("my_runs['RNN'][1]['loss'][3] = float('nan')", LOST, "holds NaN or inf"),
    "one_run_thrice": ("my_runs['RNN'][2]['loss'] = my_runs['RNN'][1]['loss']", LOST, "the same losses, or almost"),
    "lies": (LIE, LOST, ""),
    "trains_for_ever": ("while True:\n    my_runs = None", LOST, ""),
    "ends_python": ("import os\nos._exit(0)", LOST, "my_runs is defined"),
    "runs_of_100_MB": ("my_runs['RNN'][0]['loss'] = np.zeros(12_500_000)", LOST, "far too large"),
    "weights_of_objects": (
        "my_runs['RNN'][0]['weights']['Wx'] = np.array([object()] * 24)",
        LOST,
        "not an array of numbers",
    ),
    "runs_within_runs": ("my_runs['RNN'].append(my_runs)", LOST, "nested too deeply"),
    "a_script": ("my_runs['<script>alert(1)</script>'] = my_runs['GRU']", LOST, "wants the nets RNN and GRU"),
    "no_questions": (FIND_TEST, HONEST, ""),
    "ran_out_of_time": ("my_runs = {'RNN': [], 'GRU': []}", LOST, "Not started"),
    "half_a_line": ("my_runs['GRU'", LOST, ""),
}
PS6 = {
    "aaron": ("", HONEST, ""),
    "a_function": ("evidence = lambda: evidence", LOST, "the answer is a function"),
    "a_script": ("evidence['nets']['<script>alert(1)</script>'] = []", LOST, "a net's name has 1 to 30 letters"),
    "infinite_goal": ("evidence['goal'] = float('inf')", LOST, "goal is to be a number"),
    "other_budgets": ("evidence['nets']['leaky'][0]['loss'].append(1.0)", LOST, ""),
    "no_control": ("evidence['control'] = 'none'", LOST, "control is to be the name"),
    "raises": ("raise SystemExit(evidence)", HONEST, ""),
    "forgot_to_run": ("del evidence", LOST, "nothing called evidence is defined"),
}


def as_lists(value):
    """The runs as a student's cell may hold them: numbers and lists alone."""
    if isinstance(value, dict):
        return {key: as_lists(part) for key, part in value.items()}
    if isinstance(value, list):
        return [as_lists(part) for part in value]
    return np.asarray(value).tolist() if isinstance(value, np.ndarray | np.generic) else value


def lay_out(submitted, name, students):
    """The instructor's notebook for each, with own runs in place of training."""
    variable, numbers = NUMBERS[name]
    for student, (last, _, _) in students.items():
        notebook = nbformat.read(ROOT / "coursework" / name / f"{name}.ipynb", as_version=4)
        for cell in notebook.cells:
            cell.source = REGION.sub(r"\1", HIDDEN.sub("", cell.source))
            if cell.metadata.get("nbgrader", {}).get("grade_id") == f"{name}_{variable}_answer":
                cell.source = f"{variable} = {as_lists(numbers)!r}\n{last}"
        place = submitted / student / name
        place.mkdir(parents=True)
        nbformat.write(notebook, place / f"{name}.ipynb")


@pytest.fixture(scope="module")
def walk(tmp_path_factory, sandbox_kind):
    """{assignment: ({student: row}, its folder)}. The first is killed on the way, and started again."""
    place, found = tmp_path_factory.mktemp("own runs"), {}
    for name, students in (("ps5", PS5), ("ps6", PS6)):
        lay_out(place / name, name, students)
        words = [sys.executable, "-m", "coursework.grader", place / name, name, "--out", place / "out", "--seed", 7]
        words += ["--workers", 2, "--cell-seconds", 6, "--answer-seconds", 6, "--seconds", 120]
        command = list(map(str, words))
        if name == "ps5":
            killed = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, start_new_session=True)
            while killed.poll() is None and not list(place.glob("out/runs/ps5/*.json")):
                time.sleep(0.1)
            os.killpg(killed.pid, signal.SIGKILL)
            killed.wait()
        run = guarded(command, seconds=400)
        assert run.returncode == 0, run.stderr
        with open(place / "out" / "marks" / f"{name}.csv", newline="", encoding="utf-8") as file:
            found[name] = {row["student_id"]: row for row in csv.DictReader(file)}, place / "out"
    return found


@pytest.mark.parametrize(
    ("name", "student"), [*(("ps5", student) for student in PS5), *(("ps6", student) for student in PS6)]
)
def test_own_runs_earn_their_points_or_lose_them_alone(walk, name, student):
    rows, out = walk[name]
    variable, (_, end, hint) = NUMBERS[name][0], {"ps5": PS5, "ps6": PS6}[name][student]
    for grade_id, question in load(name).questions.items():
        lost = grade_id == f"{name}_{variable}" and end == LOST
        assert float(rows[student][grade_id]) == (0 if lost else question.points), grade_id
    told = (out / "feedback" / student / name / f"{name}.html").read_text(encoding="utf-8")
    assert hint.replace("'", "&#39;") in told and "<script" not in told


def test_nobody_is_missing_and_no_script_is_shown(walk):
    for name, students in (("ps5", PS5), ("ps6", PS6)):
        rows, out = walk[name]
        assert set(rows) == set(students)
        assert (out / "marks" / f"{name}_class.html").exists()
        for path in out.glob(f"autograded/*/{name}/*.ipynb"):
            cells = nbformat.read(path, as_version=4).cells
            assert not any("<script" in cell.source for cell in cells if cell.cell_type == "markdown")
            assert sum("The student's own numbers" in cell.source for cell in cells) == len(load(name).essays)
