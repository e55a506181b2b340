"""An assignment, read from its folder, and the inputs of one run, which are the same for every submission."""

import functools
import hashlib
import importlib.util
import json
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nbformat
import numpy as np

from course_utils.checks.exercise import Exercise, Trial, Worked
from coursework import plain
from coursework.grader.question import Essay, Question

HIDDEN = re.compile(r"[ \t]*### BEGIN (HIDDEN TESTS|MARK SCHEME)\n.*?### END \1[ \t]*\n?", re.S)
FOLDER = Path(__file__).resolve().parents[1]
Inputs = dict[str, list[str] | None]


@dataclass(frozen=True)
class Assignment:
    """Questions and essays by grade_id in the notebook's order, the instructor's notebook, questions.py as text."""

    name: str
    questions: dict[str, Question]
    essays: dict[str, Essay]
    notebook: nbformat.NotebookNode
    source: str

    @property
    def parts(self) -> dict[str, Question | Essay]:
        """Questions, then essays, by grade_id."""
        return {**self.questions, **self.essays}


def names(folder: Path = FOLDER) -> list[str]:
    """The assignments that there are: folders with a questions.py."""
    return sorted(path.parent.name for path in Path(folder).glob("*/questions.py"))


def load(name: str, folder: Path = FOLDER) -> Assignment:
    """Read `folder`/name/questions.py and name.ipynb. What can't be used raises ValueError with the reason."""
    source, notebook = Path(folder) / name / "questions.py", Path(folder) / name / f"{name}.ipynb"
    for path in (source, notebook):
        if not path.is_file():
            there = ", ".join(names(folder)) or "none"
            raise ValueError(f"assignment: got {name!r}, wants one that has a {path.name} in {folder}: {there}")
    spec = importlib.util.spec_from_file_location(f"questions_of_{name}", source)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    questions = _by_grade_id(name, module.QUESTIONS, Question)
    essays = _by_grade_id(name, getattr(module, "ESSAYS", []), Essay)
    return Assignment(
        name, questions, essays, nbformat.read(notebook, as_version=4), source.read_text(encoding="utf-8")
    )


def _by_grade_id(assignment: str, parts: list[Any], kind: type[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in parts:
        if not isinstance(part, kind):
            raise ValueError(f"{assignment}: got a {type(part).__name__} among its parts, wants a {kind.__name__}")
        name = grade_id(assignment, part.name)
        if part.points < 0 or name in found:
            raise ValueError(f"{name}: wants a name of its own and points of 0 or more")
        found[name] = part
    return found


def grade_id(assignment: str, name: str) -> str:
    """What a question or an essay is called in gradebook and table: gate_by_state of ps3 is ps3_gate_by_state."""
    return f"{assignment}_{name}"


def handed_out(assignment: Assignment) -> dict[str, str]:
    """{grade_id: code} of the cells that hold no answer: imports, figures, tests without what is hidden."""
    found = {}
    for cell in assignment.notebook.cells:
        details = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code" and details.get("locked"):
            found[details["grade_id"]] = HIDDEN.sub("", cell.source)
    return found


GUESSED = 10**11  # a seed below, of fewer than twelve digits, is found by trying


@functools.lru_cache
def stretched(seed: int, name: str) -> tuple[int, ...]:
    """256 bits, in words of 32, from a seed and an assignment's name.

    Slow on purpose, some 50 ms: who knows one input and tries all seeds of twelve digits needs a thousand years of one
    core. And one seed's draws for two assignments have nothing in common, so that nobody learns of one from the other.
    """
    if seed < 0:
        raise ValueError(f"seed: got {seed}, wants a whole number of twelve digits or more")
    digest = hashlib.scrypt(str(seed).encode(), salt=name.encode(), n=2**14, r=8, p=1, dklen=32)
    return tuple(int.from_bytes(digest[i : i + 4], "big") for i in range(0, 32, 4))


def draw(assignment: Assignment, seed: int, trials: int) -> Inputs:
    """{grade_id: inputs as text, one per trial and boundary case}, or None where a value is asked for. From the seed
    alone.
    """
    inputs: Inputs = {}
    words = stretched(seed, assignment.name)
    for grade_id, question in assignment.questions.items():
        if question.draw is None:
            inputs[grade_id] = None
            continue
        start = zlib.crc32(grade_id.encode())
        draws = [each(np.random.default_rng([*words, start, n])) for n, each in enumerate(question.draws(trials))]
        try:
            inputs[grade_id] = [plain.encode(tuple(arguments)) for arguments in draws]
        except ValueError as error:
            raise ValueError(f"{grade_id}: its draw doesn't return plain values ({error})") from None
    return inputs


def job_of(assignment: Assignment, inputs: Inputs, cells: list[str]) -> dict[str, Any]:
    """What goes into the sandbox: a submission's cells, the names that are asked for, the inputs.

    Chance has the same start in every run there, and one that tells nothing of the seed: whoever has found that draws
    all inputs at home.
    """
    questions = [
        {"name": grade_id, "answer": question.name, "calls": inputs[grade_id], "derive": question.derive}
        for grade_id, question in assignment.questions.items()
    ]
    return {"cells": cells, "questions": questions, "seed": zlib.crc32(assignment.name.encode())}


def fingerprint(*parts: Any) -> str:
    """A short name for plain data: the same data, the same name."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]


def cases(exercise: Exercise, calls: list[str] | None) -> list[Worked]:
    """What results are held against, one case per trial; right and wrong results are worked out once for all students.

    The arguments of a case are its number alone: an answer comes from the sandbox as its values, and those are kept by
    trial (see `marking.replay`).
    """
    if calls is None:
        return exercise.cases(1)
    found = []
    for trial, call in enumerate(calls):
        case = exercise.worked(functools.partial(plain.decode, call))
        mistakes = {hint: _once(_or_nothing(wrong)) for hint, wrong in case.mistakes.items()}
        arguments = functools.partial(_alone, trial)
        found.append(replace(case, inputs=arguments, right=_once(case.right), mistakes=mistakes))
    return found


def _alone(trial: int) -> tuple[Trial]:
    return (Trial(trial),)


def _once(function: Callable[[], Any]) -> Callable[[], Any]:
    return functools.cache(function)


def _or_nothing(wrong: Callable[[], Any]) -> Callable[[], Any]:
    """None where a mistake can't be made on some input, which is no answer's result."""

    def result() -> Any:
        try:
            return wrong()
        except Exception:
            return None

    return result
