"""The assignments: questions, hints, notebooks. No sandbox is needed here; the grader is tested beside."""

import copy
import importlib
import json
import re

import nbformat
import numpy as np
import pytest
import torch
from nbclient import NotebookClient

from course_utils import tasks
from course_utils.cells import forward, init_params, sigmoid
from course_utils.checks.exercise import NOT_STARTED, verdict
from course_utils.gradients import jacobian_paths
from course_utils.training import train
from coursework import hints, plain
from coursework.derivation import axis_of
from coursework.grader.assignment import load, names
from coursework.grader.collected import Collected
from coursework.grader.notebook import DERIVE, complete
from coursework.grader.student import released
from coursework.grader.table import close_to, table
from coursework.hints import check, debug, factor_verdict, hashed, in_words, read_table
from tests.notebook import ROOT, code_cells, read
from tools import pace
from tools.heads import bootstrap, needs_torch

NAMES = names()
SOLUTIONS = {name: importlib.import_module(f"tests.coursework.solutions_{name}") for name in NAMES}
ASSIGNMENTS = {name: load(name) for name in NAMES}
PATHS = {name: ROOT / "coursework" / name / f"{name}.ipynb" for name in NAMES}
EVERY_QUESTION = {q: question for assignment in ASSIGNMENTS.values() for q, question in assignment.questions.items()}
COLLECTED = {q for q, question in EVERY_QUESTION.items() if isinstance(question, Collected)}
QUESTIONS = {q: question for q, question in EVERY_QUESTION.items() if not isinstance(question, Collected)}
BAND = 2  # points a minute: the part that earns most of them, over the one that earns least
TABLES = {name: table(ASSIGNMENTS[name]) for name in NAMES}
WRONG = [case for module in SOLUTIONS.values() for case in module.WRONG]
RIGHT = [case for module in SOLUTIONS.values() for case in module.RIGHT]
FACTORS = [q for q, question in QUESTIONS.items() if question.axes]

every = pytest.mark.parametrize("name", NAMES)
exercises = pytest.mark.parametrize("name", QUESTIONS)


def asked(question):
    """What a student's cell says to `check`: "ps3 gate by state" of ps3_gate_by_state."""
    return in_words(question)


def parts(result):
    """The arrays of a result, which is one array or a dict of several."""
    values = result.values() if isinstance(result, dict) else [result]
    return [np.asarray(value, float) for value in values]


def quietly(exercise, answer):
    """The verdict, with NumPy as it is in a student's kernel: warnings are no errors."""
    with np.errstate(all="ignore"):
        return verdict(exercise, answer)


# ---------------------------------------------------------------------------------------------------------------------
# Answers, wrong and right


@pytest.mark.parametrize(("question", "answer", "hint"), WRONG, ids=lambda case: getattr(case, "__name__", None))
def test_wrong_answers_lose_their_question_and_get_their_hint(question, answer, hint):
    line = quietly(QUESTIONS[question], answer)
    assert line.startswith("Not yet: ")
    assert any(part in line for part in hint.split("|")), line


@pytest.mark.parametrize(("question", "answer"), RIGHT, ids=lambda case: getattr(case, "__name__", None))
def test_right_answers_written_differently_are_right(question, answer):
    """To `check`, that is. A derivation is run by the grader where torch isn't, see test_derivations."""
    assert quietly(QUESTIONS[question], answer) == "Right, on every random input tried."


def test_every_question_has_been_tried_both_ways():
    assert {case[0] for case in WRONG} == {case[0] for case in RIGHT} == set(QUESTIONS)
    assert len(WRONG) >= 60 and len(RIGHT) >= 20


def test_nine_in_ten_wrong_answers_are_told_their_cause():
    """Not merely that numbers differ, in a shape that is off or by what Python raised."""
    lines = [quietly(QUESTIONS[question], answer) for question, answer, _ in WRONG]
    vague = [line for line in lines if re.search(r"numbers? differs?\.|function raised|the shape is", line)]
    assert len(vague) <= len(lines) / 10, vague


@exercises
def test_hints_are_told_apart(name):
    exercise = QUESTIONS[name]
    assert verdict(exercise, exercise.right).startswith("Right")
    assert len(exercise.mistakes) >= 5
    for hint, wrong in exercise.mistakes.items():
        assert verdict(exercise, wrong) == f"Not yet: {hint}"


@exercises
def test_a_single_draw_is_enough_to_catch_a_known_mistake(name):
    """The grader draws inputs of its own: no mistake may be right by luck on any of them, or on any draw of one of the
    boundary cases, which every marking has."""
    exercise = QUESTIONS[name]
    for hint, wrong in exercise.mistakes.items():
        assert any(
            all(differs(exercise, wrong, draw, seed) for seed in range(100, 120)) for draw in exercise.draws(1)
        ), hint


def differs(exercise, wrong, draw, seed):
    """Whether a wrong answer differs from the right one on an input."""
    with np.errstate(all="ignore"):
        got, wanted = (parts(answer(*draw(np.random.default_rng(seed)))) for answer in (wrong, exercise.right))
    return any(a.shape != b.shape or not np.allclose(a, b, rtol=1e-6, atol=0) for a, b in zip(got, wanted, strict=True))


@exercises
def test_untouched_and_nonsense_answers_get_a_sentence(name):
    exercise = QUESTIONS[name]

    def nbgraders_own_stub(*arguments):
        raise NotImplementedError

    assert verdict(exercise, lambda *_: ...) == verdict(exercise, nbgraders_own_stub) == NOT_STARTED
    tensor = torch.ones(77, requires_grad=True)
    for answer in (3.0, ..., lambda: 1 / 0, lambda *_: tensor, lambda *_: "text", lambda *_: np.nan):
        assert verdict(exercise, answer).startswith("Not yet: ")


@exercises
def test_inputs_are_plain_data_and_shapes_vary(name):
    def plain(value):
        if isinstance(value, np.ndarray):
            return value.dtype.kind in "fi"
        return isinstance(value, (int, float, str, bool))

    draws = [draw(np.random.default_rng(seed)) for seed in range(20) for draw in QUESTIONS[name].draws(1)]
    assert all(plain(value) for arguments in draws for value in arguments)
    shapes = {tuple(np.shape(value) for value in arguments) for arguments in draws}
    assert len(shapes) > 1 or all(np.ndim(value) == 0 for arguments in draws for value in arguments)


# ---------------------------------------------------------------------------------------------------------------------
# The derivation debugger


@pytest.fixture(params=["instructor", "edition"])
def house(request, monkeypatch, tmp_path):
    """`check` and `debug` in the instructor's repository, and in the student edition, which has tables alone."""
    if request.param == "edition":
        for name, text in TABLES.items():
            (tmp_path / name).mkdir()
            (tmp_path / name / "hints.json").write_text(text, encoding="utf-8")
        monkeypatch.setattr(hints, "HERE", tmp_path)
        monkeypatch.setattr(hints, "import_module", None)
    return request.param


def test_debugger_names_the_factor_and_the_axis(capsys, house):
    right = QUESTIONS["ps1_slopes"].right
    debug("ps1", right, lambda Wh, slope: slope * Wh, lambda J, dh: ..., lambda delta, slope, met: np.outer(delta, met))
    one, two, three, four = capsys.readouterr().out.splitlines()
    assert one == "factor 1 of 4, slopes: Right, on every random input tried."
    assert two.startswith("factor 2 of 4, step jacobian: Not yet: wrong broadcasting") and "axis 1 (old unit)" in two
    assert three == f"factor 3 of 4, totals: {NOT_STARTED}"
    assert "σ' is left out" in four and "axis 0 (unit that the weight leads to) is off" in four


@pytest.mark.parametrize("name", FACTORS)
def test_debugger_never_shows_a_number_of_the_answer(name, house):
    for wrong in QUESTIONS[name].mistakes.values():
        line = factor_verdict(asked(name), wrong)
        assert line.startswith("Not yet: ")
        assert not re.search(r"\d\.\d", line), line


def test_axes_of_a_wrong_array():
    wanted, names = np.random.default_rng(0).normal(size=(4, 4)), ("row", "column")
    rows = np.array([1.0, 2, 3, 4])

    def where(got, wanted=wanted):
        return axis_of(np.asarray(got), wanted, names)

    assert where(wanted) is None
    assert where(wanted.T) == "axis 0 (row) and axis 1 (column) are swapped"
    assert where(wanted[:, :3]) == "axis 1 (column) has length 3 and should have 4"
    assert where(wanted[0]) == "it has 1 axes and should have 2: axis 0 (row), axis 1 (column)"
    assert where(wanted[::-1]) == "axis 0 (row) runs backwards"
    assert where(np.roll(wanted, 1, axis=1)) == "axis 1 (column) is off by one"
    assert where(np.tile(wanted[0], (4, 1))) == "all entries along axis 0 (row) are the same"
    assert where(3 * wanted) == "every entry is off by the same factor"
    assert where(wanted * rows) == "axis 1 (column) is off: each of its entries is scaled by a factor of its own"
    assert where(wanted * rows[:, None]).startswith("axis 0 (row) is off: each")
    assert where(wanted * rows / rows[:, None]).startswith("both axis 0 (row) and axis 1 (column) are scaled")
    assert where(wanted + np.eye(4)) == "only the diagonal is wrong"
    assert where(wanted + (rows < 4)[:, None] * wanted**2) == "right along axis 0 (row): the last 1 of 4"
    assert where(wanted + (rows > 2) * wanted**2) == "right along axis 1 (column): the first 2 of 4"
    assert where(wanted**3) is None


def test_debugger_refuses_what_it_does_not_know(house):
    for name in ("ps2", "ps9"):
        with pytest.raises(ValueError, match=f"got '{name}', wants"):
            debug(name)
    with pytest.raises(ValueError, match="factors: got 1, wants 4: slopes, step jacobian, totals, share"):
        debug("ps1", len)


# ---------------------------------------------------------------------------------------------------------------------
# The students' hints, from a table of values


@exercises
def test_the_table_says_what_the_questions_say(name):
    """For every known mistake, and for every answer that stands among the tests' right and wrong ones."""
    exercise, known = QUESTIONS[name], read_table(TABLES[name[:3]])[asked(name)[4:]]
    tried = [exercise.right, *exercise.mistakes.values(), lambda *_: ..., lambda *_: "text", lambda *_: 1 / 0, 3.0]
    tried += [case[1] for case in [*WRONG, *RIGHT] if case[0] == name]
    for answer in tried:
        with np.errstate(all="ignore"):
            assert known.verdict(answer).line == verdict(exercise, answer)


@exercises
def test_the_table_holds_values_and_no_code(name):
    def numbers(value):
        if isinstance(value, list | tuple):
            return all(map(numbers, value))
        if isinstance(value, dict):
            return all(map(numbers, value.values()))
        return isinstance(value, np.ndarray | int | float)

    entry = json.loads(TABLES[name[:3]])[asked(name)[4:]]
    assert set(entry) == {"called", "axes", "rtol", "single", "hints", "cases"}
    assert entry["hints"] == list(QUESTIONS[name].mistakes)
    for case in entry["cases"]:
        if isinstance(case, dict):
            assert set(case) == {"salt", "digits", "shape", "right", "mistakes"}
            assert all(re.fullmatch("[0-9a-f]{16}", word) for word in case["right"])
        else:
            arguments, right, mistakes = plain.decode(case)
            assert arguments and numbers([arguments, right, mistakes]) and len(mistakes) == len(entry["hints"])


def test_a_number_asked_for_is_not_readable():
    """Of a question without inputs there are hashes alone, as many for one number as for any other."""
    (case,) = json.loads(TABLES["ps4"])["gate bias"]["cases"]
    assert {len(known) for known in [case["right"], *case["mistakes"].values()]} == {1024}
    assert case["right"] == sorted(case["right"])
    assert not {"rtol", "draw"} & set(case) and "5.0" not in json.dumps(case)
    again = json.loads(table(ASSIGNMENTS["ps4"]))["gate bias"]["cases"][0]
    assert not set(case["right"]) & set(again["right"]), "salted"


def test_sealed_numbers_are_told_as_exactly_as_open_ones():
    known, exercise = read_table(TABLES["ps4"])["gate bias"], QUESTIONS["ps4_gate_bias"]
    for bias in np.round(np.linspace(-2, 12, 71), 2):
        line = known.verdict(lambda bias=bias: bias).line
        assert line.startswith("Right") == verdict(exercise, lambda bias=bias: bias).startswith("Right"), bias


@pytest.mark.parametrize("value", [0.25, -3.7e-9, 4.0, 123456.789])
@pytest.mark.parametrize("rtol", [1e-8, 1e-6, 2e-3, 0.3])
def test_rounded_numbers_cover_the_tolerance(value, rtol):
    digits = int(np.ceil(-np.log10(rtol))) + 2
    close = close_to(value, rtol, digits)
    assert 10 < len(close) <= 1024
    known = {hashed(number, digits, "00") for number in close}
    for off in (-0.9, 0, 0.9, -1.2, 1.2):
        assert (hashed(value * (1 + off * rtol), digits, "00") in known) == (abs(off) < 1)


def test_numbers_that_cannot_be_sealed_are_refused():
    assert close_to(0, 1e-8, 10) == [0.0]
    assert close_to([2, 1, 3], 1e-8, 10)[0].tolist() == [2, 1, 3]
    with pytest.raises(ValueError, match="right: got an array of fractions"):
        close_to([0.5, 1.0], 1e-8, 10)


def test_an_unknown_question_is_answered_with_its_assignments_names(house):
    with pytest.raises(ValueError, match=r"^name: got 'ps1 state', wants one of 'ps1 states', 'ps1 rate'"):
        check("ps1 state", None)
    for name in ("ps9 x", "01 smallest w", "../ps1 states", ""):
        with pytest.raises(ValueError, match=f"^name: got .*wants an assignment first, one of {', '.join(NAMES)}$"):
            check(name, None)


def test_check_prints_one_line(capsys, house):
    check("ps4 gate bias", lambda: 5)
    check("ps4 gate bias", lambda: 0)
    right, wrong = capsys.readouterr().out.splitlines()
    assert right == "Right, on every random input tried."
    assert wrong == "Not yet: that is a fresh gate: half of the memory is gone in a step."


# ---------------------------------------------------------------------------------------------------------------------
# Questions and notebooks


def graded(cell):
    """A cell's nbgrader metadata."""
    return cell.metadata["nbgrader"]


def solution_of(cell):
    """What stands between a cell's solution markers, or an empty string."""
    found = re.search(r"### BEGIN SOLUTION\n(.*?)\s*### END SOLUTION", cell.source, flags=re.DOTALL)
    return found[1] if found else ""


def run(notebook, name):
    """{grade_id: what its cell printed}, from a fresh kernel in the assignment's folder. An error raises."""
    notebook = copy.deepcopy(notebook)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(PATHS[name].parent)}}).execute()
    return {
        graded(cell)["grade_id"]: "".join(
            output.text for output in cell.outputs if output.output_type == "stream" and output.name == "stdout"
        )
        for cell in code_cells(notebook)
    }


@every
def test_points_sum_to_a_round_total(name):
    assignment = ASSIGNMENTS[name]
    assert 6 <= len(assignment.parts) <= 16 and len(assignment.questions) <= 9
    assert sum(part.points for part in assignment.parts.values()) in (50, 100)


@every
def test_points_follow_effort(name):
    """No function, essay or own run earns more than twice as many points a minute as another, up to rounding.

    Whoever takes longer tends to earn more, and a short part never has more than the middle one.
    """
    minutes = pace.parts(read(PATHS[name]))
    points = {part: ASSIGNMENTS[name].parts[part].points for part in minutes}
    assert set(minutes) == set(ASSIGNMENTS[name].parts), "all of them take time"
    least = {part: (points[part] - 0.5) / minutes[part] for part in minutes}
    most = {part: (points[part] + 0.5) / minutes[part] for part in minutes}
    dear, cheap = max(least, key=least.get), min(most, key=most.get)
    assert least[dear] <= BAND * most[cheap], f"{dear} earns more than {BAND} times as much a minute as {cheap}"
    for short in [part for part in minutes if minutes[part] < np.median(list(minutes.values())) / 2]:
        assert points[short] <= np.median(list(points.values())), short
    if len(set(points.values())) > 1:
        ranks = [np.unique(list(values.values()), return_inverse=True)[1] for values in (minutes, points)]
        assert np.corrcoef(*ranks)[0, 1] > 0.3


@every
def test_parts_take_what_the_whole_takes(name):
    """The minutes of all parts add up to what the formula counts for the writing of the assignment."""
    found = pace.assignment_counts(read(PATHS[name]))
    total = sum(each * found[what] for what, each in pace.WRITING.items())
    assert sum(pace.parts(read(PATHS[name])).values()) == pytest.approx(total)


@every
def test_hours_are_those_of_the_formula(name):
    words = f"points, {pace.in_words(pace.hours(read(PATHS[name])))}"
    assert words in read(PATHS[name]).cells[0].source
    assert (
        f"| {pace.hours(read(PATHS[name])):g} h |".replace(".5", "½")
        in re.search(rf"^\| {name} .*$", (ROOT / "coursework" / "README.md").read_text(encoding="utf-8"), re.M)[0]
    )


def test_every_kind_of_work_takes_time():
    """Whatever an assignment asks for more of makes it longer; an empty one takes the least there is."""
    empty = nbformat.v4.new_notebook()
    assert pace.hours(empty) == 0.5 and pace.in_words(0.5) == "about ½ hour" and pace.in_words(2.5) == "about 2½ hours"
    answer = nbformat.v4.new_code_cell(
        "def f():\n    ### BEGIN SOLUTION\n" + 40 * "    x = 1\n" + "    ### END SOLUTION"
    )
    essay = nbformat.v4.new_markdown_cell("### BEGIN SOLUTION\n" + 800 * "word " + "\n### END SOLUTION")
    runs = nbformat.v4.new_code_cell('show_numbers("ps5 runs", runs)')
    for cell, time in ((answer, 1.5), (essay, 1.5), (runs, 1.5)):
        assert abs(pace.hours(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(""), cell])) - time) <= 0.5


@every
def test_every_question_has_an_objective(name):
    for question in ASSIGNMENTS[name].questions.values():
        assert len(question.objective.split()) >= 6 and question.objective.endswith(".")
    objectives = [question.objective for question in EVERY_QUESTION.values()]
    assert len(set(objectives)) == len(objectives)


@every
def test_notebook_is_what_its_questions_make(name):
    """`python -m coursework.grader.notebook` has nothing to write."""
    assert nbformat.writes(complete(ASSIGNMENTS[name])) + "\n" == PATHS[name].read_text(encoding="utf-8")


def test_a_question_reaches_the_notebook(name="ps2"):
    """Points and order changed, the last answer's cell without metadata: one command puts all of it right."""
    assignment = copy.deepcopy(ASSIGNMENTS[name])
    whole = complete(assignment)
    for cell in assignment.notebook.cells:
        cell.metadata.pop("nbgrader")
        if cell.source.startswith("### "):
            cell.source = re.sub(r"\(\d+ points\)", "(1 points)", cell.source, count=1)
        cell.source = re.sub(r"^\*\d+ points, ", "*1 points, ", cell.source, flags=re.MULTILINE)
    assignment.notebook.cells = [cell for cell in assignment.notebook.cells if not cell.source.startswith("check(")]
    assert complete(assignment) == whole
    name, last = assignment.questions.popitem()
    with pytest.raises(ValueError, match="one answer more in the notebook than in"):
        complete(assignment)
    assignment.questions.update({name: last, "ps2_more": last})
    with pytest.raises(ValueError, match="wants answer cells for ps2_more"):
        complete(assignment)


@every
def test_notebook_has_the_cells_of_each_question(name):
    cells, assignment = read(PATHS[name]).cells, ASSIGNMENTS[name]
    nbformat.validate(read(PATHS[name]))
    ids = [graded(cell)["grade_id"] for cell in cells]
    assert len(set(ids)) == len(ids)
    assert [i for i in ids if i in assignment.parts] == list(assignment.parts)
    for q, question in assignment.questions.items():
        assert q == f"{name}_{question.name}"
        test, answer = cells[ids.index(q)], cells[ids.index(q) - 1]
        flags = {"locked": True, "grade": True, "solution": False, "task": False, "schema_version": 3}
        assert graded(test) == {**flags, "grade_id": q, "points": question.points}
        flags = {"locked": False, "grade": False, "solution": True, "task": False, "schema_version": 3}
        assert graded(answer) == {**flags, "grade_id": f"{q}_answer"}
        starts = rf"^{question.name} = " if isinstance(question, Collected) else rf"\Adef {question.name}\("
        assert re.search(starts, answer.source, re.M) and solution_of(answer)
        visible, hidden = test.source.split("### BEGIN HIDDEN TESTS\n")
        assert visible == f'{DERIVE if question.derive else ""}check("{asked(q)}", {question.name})\n'
        assert f'assert hints_for("{asked(q)}").verdict({question.name}).right' in hidden
        assert hidden.endswith("### END HIDDEN TESTS")


@every
def test_points_stand_in_the_headings(name):
    text = "\n".join(cell.source for cell in read(PATHS[name]).cells if cell.cell_type == "markdown")
    stated = [int(points) for points in re.findall(r"^### \d+ · .* \*\((\d+) points\)\*$", text, flags=re.MULTILINE)]
    assert stated == [part.points for part in ASSIGNMENTS[name].parts.values()]
    assert f"*{sum(stated)} points," in text
    elsewhere = re.sub(r"^(### .*|\*\d+ points,.*)$", "", text, flags=re.MULTILINE)
    number = r"(\d+|half a|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|twenty)"
    copied = re.search(rf"\b{number}( more)? points?\b", elsewhere, flags=re.IGNORECASE)
    assert copied is None, f"nobody keeps a second copy of points: {copied[0]!r}"


@every
def test_essays_agree_with_the_key(name):
    cells = {graded(cell)["grade_id"]: cell for cell in read(PATHS[name]).cells}
    for q, essay in ASSIGNMENTS[name].essays.items():
        assert cells[f"{q}_prompt"].source.endswith(f"\n\n{essay.text}")
        assert solution_of(cells[q]) == essay.model
        assert graded(cells[q])["points"] == essay.points and graded(cells[q])["solution"]
        levels = [int(level.split(":")[0]) for level in essay.rubric]
        assert levels == list(range(essay.points + 1)), "a level for each number of points"
        assert 50 <= len(essay.model.split()) <= 200


def test_all_terminal_questions_are_there():
    assert {name: len(ASSIGNMENTS[name].essays) for name in NAMES if ASSIGNMENTS[name].essays} == {
        "ps2": 1,
        "ps4": 9,
        "ps5": 4,
        "ps6": 8,
    }


@every
def test_notebook_is_kept_clean(name):
    notebook = read(PATHS[name])
    assert code_cells(notebook)[0].source == bootstrap(needs_torch(notebook))
    for cell in code_cells(notebook):
        assert cell.outputs == [] and cell.execution_count is None
        assert max(map(len, cell.source.splitlines())) <= 96
        assert "matplotlib" not in cell.source and "figsize" not in cell.source
    words = PATHS[name].read_text(encoding="utf-8") + ASSIGNMENTS[name].source
    assert not re.search(r"(?:/(?:home|root|work|Users|tmp)/)", words)
    assert not re.search(r"\w!(?!=)", "".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown"))


@every
def test_instructors_solutions_pass(name):
    printed = run(read(PATHS[name]), name)
    for q in ASSIGNMENTS[name].questions:
        assert printed[q] == ("Right, on every random input tried.\n" if q in QUESTIONS else "Right.\n")


@every
def test_students_version_holds_no_solution_and_runs(name):
    notebook = read(PATHS[name])
    edition = released(ASSIGNMENTS[name])
    text = "\n".join(cell.source for cell in edition.cells)
    assert "SOLUTION" not in text and "HIDDEN" not in text and "hints_for" not in text
    for cell, full in zip(edition.cells, notebook.cells, strict=True):
        if graded(cell)["solution"] and graded(cell)["grade_id"].removesuffix("_answer") in COLLECTED:
            assert "    ..." in cell.source
        elif graded(cell)["solution"] and cell.cell_type == "code":  # the head, its docstring, the stub
            assert re.fullmatch(r'def \w+\([\w, ]*\):\n    """.*"""\n    \.\.\.', cell.source), cell.source
        elif graded(cell)["solution"]:
            assert cell.source == "YOUR ANSWER HERE" and solution_of(full) not in text
    printed = run(edition, name)
    for q in ASSIGNMENTS[name].questions:
        assert printed[q] == NOT_STARTED + "\n"


# ---------------------------------------------------------------------------------------------------------------------
# What the notebooks state


def test_ps1_figure():
    """w = 2, b = -1: the resting state is 1/2, the factor there 1/2, and from any start of the figure soon so."""
    h = np.array([0.05, 0.2, 0.4, 0.7])
    assert sigmoid(2 * 0.5 - 1) == 0.5
    distances = [np.abs(h - 0.5)]
    for _ in range(12):
        h = sigmoid(2 * h - 1)
        distances.append(np.abs(h - 0.5))
    ratios = np.array(distances[1:]) / distances[:-1]
    assert np.all(np.abs(ratios[1:] - 0.5) < 0.02)


def test_ps2_figure():
    """All eigenvalues of Wh are 0; at rest in two states J has the trace and only eigenvalue 1.4, or 0.5."""
    Wh = np.array([[2.0, -2.0], [2.0, -2.0]])
    assert np.all(Wh @ Wh == 0)
    for h, rate, least, most in ((np.sqrt(0.7), 1.4, 5e8, 5e9), (0.5, 0.5, 1e-18, 1e-16)):
        J = np.diag([1, 1 - h**2]) @ Wh
        assert np.isclose(np.trace(J), rate) and np.isclose(np.linalg.det(J), 0)
        norm = np.linalg.norm(J, 2) * rate**59  # J J = rate J, since J has rank 1
        assert least < norm < most


def test_ps3_statements():
    p = init_params("GRU", 8, 64)
    J = {name: paths[-1] for name, paths in jacobian_paths(forward(p, tasks.noise(20, 8))).items()}
    sizes = {name: np.sqrt(np.mean(np.linalg.svd(path, compute_uv=False) ** 2)) for name, path in J.items()}
    assert 0.45 < sizes["direct"] < 0.55 and 0.12 < sizes["candidate"] < 0.16
    assert 0.03 < sizes["update"] < 0.05 and sizes["reset"] < 0.01
    rng = np.random.default_rng(0)
    h, v = rng.normal(size=(1000, 4)), np.ones(4)
    y = h @ v
    squares = sum(np.mean((a - y) ** 2) for a in y) / len(y)  # every answer against every target
    assert np.isclose(squares, 2 * y.var()) and f"{squares:.1f}" == "8.0"


def test_ps4_range_of_biases():
    """The range that is stated is the range that is accepted, and its ends do solve the task."""
    exercise = QUESTIONS["ps4_gate_bias"]
    for b in np.linspace(-2, 12, 281):
        keeps, lets_in = 1 / (1 + np.exp(-b)) ** 100 >= 0.01, 1 / (1 + np.exp(b)) >= 0.001
        assert verdict(exercise, lambda b=b: b).startswith("Right") == (keeps and lets_in), b


@pytest.mark.parametrize(("bias", "solved"), [(0.0, 0), (3.1, 3), (6.9, 3)])
def test_ps4_trial(bias, solved):
    runs = train(
        tasks.latch(100), "GRU", 24, gate_bias=bias, batch=24, seeds=range(3), steps=250, stop_when_solved=True
    )
    assert sum(run.solved for run in runs) == solved


def test_ps4_symbol_stands_out():
    """In the trained net's last state, the symbol's term is several times the terms of the steps after it."""
    task = tasks.latch(60)
    for run in train(task, "GRU", 24, batch=24, seeds=range(3), steps=400, chrono=60, stop_when_solved=True):
        trace = forward(run.params, task.test[0][0])
        z, h_tilde = trace.gates["z"].astype(float), trace.gates["h_tilde"]
        sizes = [np.linalg.norm(np.prod(z[k:], axis=0) * (1 - z[k - 1]) * h_tilde[k - 1]) for k in range(1, 62)]
        assert run.solved and sizes[0] > 2 * max(sizes[1:6]) and np.argmax(sizes) == 60
        mean = np.sort(z.mean(axis=0))
        assert mean[-1] > 0.98 and mean[0] < 0.8 and np.median(mean) > 0.8
