"""`check` in a notebook and the grader judge one and the same value: what crosses the sandbox's edge.

Whoever is told "Right" earns the points, and whoever earns them is told so, in whatever form the numbers stand.
"""

import inspect
import json
import pkgutil
from decimal import Decimal
from fractions import Fraction
from functools import partial
from importlib import import_module
from types import ModuleType

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import course_utils.checks
from course_utils.checks.exercise import difference, parts_right
from coursework import plain
from coursework.grader import sandbox, told
from coursework.hints import Hints
from tests.coursework.material import (
    RIGHT,
    feedback,
    graded_here,
    marker_of,
    marks,
    points,
    reply_of,
    submit,
    write_assignment,
)
from tests.notebook import ROOT

MORE = """
QUESTIONS += [
    Question(
        name="both",
        points=6,
        objective="Go forwards and back.",
        right=lambda W, h: {"up": W @ h, "size": float(np.abs(h).max()), "down": W.T @ h},
        draw=_draw_step,
    ),
    Question(
        name="pair",
        points=8,
        objective="Run two steps.",
        right=lambda W, h: np.array([np.tanh(W @ h), np.tanh(W.T @ h)]),
        draw=_draw_step,
        rows=("the first", "the second"),
    ),
]
"""


@pytest.fixture(scope="module")
def marker(tmp_path_factory):
    """Of ps0 with a question of three parts and one of two rows, with one input each."""
    return marker_of(tmp_path_factory.mktemp("key"), MORE, 1)


def by_check(marker, grade_id, answer):
    """What `check` finds, on the grader's inputs."""
    question, calls = marker.assignment.questions[grade_id], marker.inputs[grade_id]
    cases = question.cases(1) if calls is None else [question.worked(partial(plain.decode, call)) for call in calls]
    return Hints(cases, calls is not None).verdict(answer)


def by_grader(marker, runner, grade_id, answer):
    """The grader's mark, by way of the program in the sandbox."""
    question = {"name": grade_id, "answer": "given", "calls": marker.inputs[grade_id], "derive": False}
    reply = reply_of(marker.assignment, {grade_id: runner.answer(question, {"given": answer})})
    (mark,) = [mark for mark in marker.marks(json.loads(json.dumps(reply))) if mark.grade_id == grade_id]
    return mark


def entries(make):
    """A form that is made of each number by itself, in an array of objects."""

    def form(value):
        array = np.asarray(value, dtype=float)
        made = np.empty(array.shape, dtype=object)
        for place in np.ndindex(array.shape):
            made[place] = make(float(array[place]))
        return made

    return form


def listed(make):
    return lambda value: entries(make)(value).tolist()


FORMS = {
    "as it is": lambda x: x,
    "list": lambda x: np.asarray(x).tolist(),
    "tuple": lambda x: tuple(x) if np.ndim(x) else x,
    "objects": entries(float),
    "np.frompyfunc": lambda x: np.frompyfunc(float, 1, 1)(x),
    "complex": lambda x: np.asarray(x) + 0j,
    "complex, not quite real": lambda x: np.asarray(x) + 1e-20j,
    "complex objects": entries(complex),
    "complex list": listed(complex),
    "complex list, not real": listed(lambda x: x + 1j),
    "tensor": torch.as_tensor,
    "tensor with a gradient": lambda x: torch.tensor(x, dtype=torch.float64, requires_grad=True),
    "parameter": lambda x: torch.nn.Parameter(torch.tensor(x, dtype=torch.float64)),
    "conjugate": lambda x: torch.as_tensor(np.asarray(x) + 0j).conj(),
    "list of tensors": listed(lambda x: torch.tensor(x, dtype=torch.float64, requires_grad=True)),
    "bfloat16": lambda x: torch.as_tensor(x).to(torch.bfloat16),
    "float32": np.float32,
    "float16": np.float16,
    "longdouble": np.longdouble,
    "fractions": listed(Fraction),
    "decimals": entries(Decimal),
    "mpmath": listed(mpmath.mpf),
    "mpmath, complex": entries(mpmath.mpc),
    "memoryview": lambda x: memoryview(np.array(x)),
    "masked": np.ma.array,
    "backwards and back": lambda x: np.asarray(x)[..., None][..., ::-1][..., 0],
    "read only": lambda x: np.broadcast_to(x, np.shape(x)),
    "words": str,
    "bytes": lambda x: str(x).encode(),
    "list of words": listed(str),
    "array of words": lambda x: np.asarray(x).astype(str),
    "objects that are words": entries(str),
    "nothing": lambda x: None,
    "dots": lambda x: ...,
    "objects that are nothing": entries(lambda x: None),
    "generator": lambda x: (each for each in np.ravel(x)),
    "set": lambda x: set(np.ravel(x)),
    "dict": lambda x: dict(enumerate(np.ravel(x))),
    "dict by numbers": lambda x: {0.5: x},
    "object": lambda x: object(),
    "class": lambda x: float,
    "module": lambda x: np,
    "another axis": lambda x: np.asarray(x)[None],
    "of one number": lambda x: np.ravel(x)[0],
    "not a number": lambda x: np.asarray(x) * np.nan,
    "infinite": lambda x: np.full(np.shape(x), np.inf),
    "near": lambda x: np.asarray(x) * (1 + 1e-9),
    "not so near": lambda x: np.asarray(x) * (1 + 1e-6),
    "nearly, in float32": lambda x: np.float32(np.asarray(x) * (1 + 1e-4)),
    "wrong sign": lambda x: -np.asarray(x),
    "zeros": lambda x: np.zeros(np.shape(x)),
    "truth": lambda x: np.asarray(x) > 0,
    "too large": lambda x: np.zeros(10**6),
    "too deep": lambda x: [[[[[[[[[[x]]]]]]]]]],
    "too long": lambda x: [0.0] * 600_000,
    "huge": listed(lambda x: 10**400),
}
USUAL = st.sampled_from(sorted(FORMS))


def same(marker, runner, grade_id, answer):
    """Assert that both find the same of an answer, and return the mark."""
    found, mark = by_check(marker, grade_id, answer), by_grader(marker, runner, grade_id, answer)
    assert found.right == (mark.points == mark.most), (found, mark)
    if not found.right:
        words = found.words.partition(" The smallest input")[0]
        assert mark.hint in (told.sentence(words, "given"), told.without_numbers(words)), (found, mark)
    return mark


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["ps0_step", "ps0_slope"])
def test_check_and_grader_agree_in_every_form(marker, runner, name, form):
    question, make = marker.assignment.questions[name], FORMS[form]
    answer = make(question.right) if name == "ps0_slope" else lambda W, h: make(question.right(W, h))
    same(marker, runner, name, answer)


RIGHT_IN = [name for name in list(FORMS)[: list(FORMS).index("words")] if name not in ("bfloat16", "float16")]


@pytest.mark.parametrize("form", [form for form in RIGHT_IN if "not" not in form])
def test_right_numbers_are_right_in_many_forms(marker, runner, form):
    question = marker.assignment.questions["ps0_step"]
    mark = same(marker, runner, "ps0_step", lambda W, h: FORMS[form](question.right(W, h)))
    assert mark.points == mark.most, mark


@settings(max_examples=400, deadline=None)
@given(
    forms=st.tuples(USUAL, USUAL, USUAL), extra=USUAL, by=st.sampled_from(["dict", "tuple", "list", "extra", "less"])
)
def test_they_agree_on_several_results(marker, runner, forms, extra, by):
    question = marker.assignment.questions["ps0_both"]

    def answer(W, h):
        right = question.right(W, h)
        made = {name: FORMS[form](value) for form, (name, value) in zip(forms, right.items(), strict=True)}
        if by == "extra":
            return {**made, "cache": FORMS[extra](h)}
        return {"dict": made, "tuple": tuple(made.values()), "list": [*made.values()], "less": {"up": made["up"]}}[by]

    mark = same(marker, runner, "ps0_both", answer)
    if by == "dict" and not any(form.startswith("too") for form in forms):
        alone = [by_part(marker, "ps0_both", n, form) for n, form in enumerate(forms)]
        assert mark.points == pytest.approx(6 * np.mean(alone))


def by_part(marker, grade_id, part, form):
    """Whether the right numbers of one part are right in this form, by the rule for arrays."""
    question = marker.assignment.questions[grade_id]
    right = [*question.right(*plain.decode(marker.inputs[grade_id][0])).values()][part]
    try:
        got = plain.crossed({"part": FORMS[form](right)})["part"]
    except plain.NotPlainError:
        return False
    return got is not None and difference(got, right, question.rtol, (), question.single) is None


@settings(max_examples=200, deadline=None)
@given(forms=st.tuples(USUAL, USUAL), whole=st.booleans())
def test_they_agree_on_rows(marker, runner, forms, whole):
    question = marker.assignment.questions["ps0_pair"]

    def answer(W, h):
        right = question.right(W, h)
        return FORMS[forms[0]](right) if whole else [FORMS[form](row) for form, row in zip(forms, right, strict=True)]

    same(marker, runner, "ps0_pair", answer)


# ---------------------------------------------------------------------------------------------------------------------
# Part by part

SPOILS = ["nothing", "dots", "not a number", "infinite", "zeros", "object", "words", "complex, not quite real"]


@pytest.mark.parametrize("form", [*SPOILS, "of one number", "another axis", "generator"])
def test_a_right_row_earns_its_share_beside_whatever_stands_in_the_other(marker, runner, form):
    question = marker.assignment.questions["ps0_pair"]
    for wrong in (0, 1):

        def answer(W, h, wrong=wrong):
            rows = list(question.right(W, h))
            rows[wrong] = FORMS[form](rows[wrong])
            return rows

        mark = same(marker, runner, "ps0_pair", answer)
        assert mark.points == 4 and f"rows of {question.rows[1 - wrong]} are right" in mark.hint, mark
    none = same(marker, runner, "ps0_pair", lambda W, h: [FORMS[form](row) for row in question.right(W, h)])
    assert none.points == 0


@pytest.mark.parametrize("form", [*SPOILS, "another axis", "generator", "module"])
def test_a_right_part_earns_its_share_beside_whatever_stands_in_another(marker, runner, form):
    question = marker.assignment.questions["ps0_both"]

    def answer(W, h):
        found = question.right(W, h)
        return {**found, "up": FORMS[form](found["up"])}

    mark = same(marker, runner, "ps0_both", answer)
    assert mark.points == 4 and "size and down are right. up: " in mark.hint, mark


@pytest.mark.parametrize("form", ["as it is", *SPOILS, "module", "dict by numbers"])
def test_what_an_answer_holds_beside_its_results_is_nobodys_concern(marker, runner, form):
    question = marker.assignment.questions["ps0_both"]
    mark = same(marker, runner, "ps0_both", lambda W, h: {**question.right(W, h), "cache": FORMS[form](h)})
    assert (mark.points, mark.hint) == (mark.most, "")


def test_rows_that_are_no_rows_have_no_right_ones():
    wanted = np.arange(6.0).reshape(3, 2)
    for got in (None, 3.0, "abc", {0: 1.0, 1: 2.0, 2: 3.0}, wanted[:2], np.array(1.0), object(), {1.0, 2.0, 3.0}):
        assert parts_right(got, wanted, 1e-8, ("r", "z", "n")) == {"r": False, "z": False, "n": False}, got


# ---------------------------------------------------------------------------------------------------------------------
# What notebooks may import of the checks


def checkers():
    """The modules that answers are checked by: in the sandbox, something else stands in their place."""
    names = [f"course_utils.checks.{module.name}" for module in pkgutil.iter_modules(course_utils.checks.__path__)]
    names += [f"coursework.{path.stem}" for path in (ROOT / "coursework").glob("[!_]*.py")]
    return ["course_utils.checks", *names]


@pytest.mark.parametrize("name", checkers())
def test_what_a_notebook_imports_of_the_checks_is_there_in_the_sandbox(name):
    path = f"{name.replace('.', '/')}.py"
    source = sandbox.STUBS.get(path) or sandbox.STUBS[path.replace(".py", "/__init__.py")]
    stub, real = ModuleType(name), import_module(name)
    exec(source, stub.__dict__)
    for public in (public for public in dir(real) if not public.startswith("_")):
        exec(f"from given import {public}", {"__import__": None, "__builtins__": {"__import__": lambda *_: stub}})
        thing, there = getattr(real, public), getattr(stub, public)
        if inspect.isfunction(there):
            assert list(inspect.signature(there).parameters) == list(inspect.signature(thing).parameters)
            assert there(*[None] * (len(inspect.signature(there).parameters))) is None
        else:
            assert there("a name", right=3).verdict(there).line[0] is there, "it knows nothing"


def test_a_notebook_may_look_at_the_verdict_itself(tmp_path, sandbox_kind):
    """It learns nothing there, and what stands beside it in the cell counts."""
    key = write_assignment(tmp_path / "key")
    ask = (
        "from coursework.hints import Hints, check, hints_for\n"
        "from course_utils.checks.exercise import difference\nimport course_utils.checks.lesson_03 as lesson\n"
        "{}\nfound = hints_for('ps0 step').verdict(step)\nprint(found.line)\ncheck('ps0 step', step)\n"
        "assert found.right and 'Right' in found.line"
    )
    wrong = "def step(W, h):\n    return h"
    for student, step in (("ann", RIGHT[1]), ("bob", wrong)):
        submit(tmp_path / "submitted", student, [RIGHT[0], ask.format(step), *RIGHT[2:]])
    graded_here(tmp_path / "submitted", tmp_path / "out", key)
    assert points(marks(tmp_path / "out")["ann"]) == (10, 5, 2) and points(marks(tmp_path / "out")["bob"]) == (0, 5, 2)


# ---------------------------------------------------------------------------------------------------------------------
# What is told of a cell that brings code


def test_a_file_that_a_cell_would_write_is_told(tmp_path, sandbox_kind):
    key = write_assignment(tmp_path / "key")
    writes = ["%%writefile tools.py\nimport numpy as np\nsquash = np.tanh", "from tools import squash"]
    step = "def step(W, h):\n    return squash(W @ h)"
    submit(tmp_path / "submitted", "ann", [RIGHT[0], *writes, step, *RIGHT[2:]])
    submit(tmp_path / "submitted", "bob", [RIGHT[0], writes[0], f"{writes[1]}\n{step}", *RIGHT[2:]])
    graded_here(tmp_path / "submitted", tmp_path / "out", key)
    for student in ("ann", "bob"):
        assert "Code cell 2 of your notebook uses %%writefile, which does nothing here" in feedback(
            tmp_path / "out", student
        )
        assert "`check` shows it" not in feedback(tmp_path / "out", student)
    for cells in (["%%html\n<b>", "%%time\nx = 1"], ["x = 1"], [], ["'''\n%run x\n'''"], ["text = '%%writefile'"]):
        assert told.not_run(cells) == ""
    assert "uses %run" in told.not_run(["x = 1\n%run tools.py"])
