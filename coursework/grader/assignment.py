"""An assignment's key and the inputs of one run, which are the same for every submission."""

import functools
import hashlib
import importlib.util
import json
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat
import numpy as np

from coursework.grader import plain
from coursework.grader.question import Essay, Question

FOLDER = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Assignment:
    """A key, read: questions and essays by grade_id, in the notebook's order, and the instructor's notebook."""

    name: str
    questions: dict[str, Question]
    essays: dict[str, Essay]
    notebook: nbformat.NotebookNode

    @property
    def points(self):
        """Points to be had in all."""
        return sum(part.points for part in [*self.questions.values(), *self.essays.values()])


def load(name, folder=FOLDER):
    """Read `folder`/name/key.py and name.ipynb. A key that can't be used raises ValueError with the reason."""
    key, source = Path(folder) / name / "key.py", Path(folder) / name / f"{name}.ipynb"
    for path in (key, source):
        if not path.is_file():
            raise ValueError(f"assignment: got {name!r}, but there is no {path.relative_to(folder)} in {folder}")
    spec = importlib.util.spec_from_file_location(f"key_of_{name}", key)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    essays = getattr(module, "ESSAYS", {})
    for grade_id, part in [*module.QUESTIONS.items(), *essays.items()]:
        wanted = Essay if grade_id in essays else Question
        if not isinstance(part, wanted) or part.points < 0:
            raise ValueError(f"{grade_id}: wants a {wanted.__name__} with points of 0 or more")
    return Assignment(name, dict(module.QUESTIONS), dict(essays), nbformat.read(source, as_version=4))


def draw(assignment, seed, trials):
    """{grade_id: inputs as text, one per trial}, or None for a question that asks for a value. From the seed alone."""
    inputs = {}
    for grade_id, question in assignment.questions.items():
        if question.exercise.draw is None:
            inputs[grade_id] = None
            continue
        start = zlib.crc32(grade_id.encode())
        draws = [question.exercise.draw(np.random.default_rng([seed, start, trial])) for trial in range(trials)]
        try:
            inputs[grade_id] = [plain.encode(tuple(arguments)) for arguments in draws]
        except ValueError as error:
            raise ValueError(f"{grade_id}: its draw doesn't return plain values ({error})") from None
    return inputs


def job_of(assignment, inputs, seed, cells):
    """What goes into the sandbox: a submission's cells, the names that are asked for, the inputs."""
    questions = [
        {"name": grade_id, "answer": question.answer, "calls": inputs[grade_id]}
        for grade_id, question in assignment.questions.items()
    ]
    return {"cells": cells, "questions": questions, "seed": seed % 2**32}


def fingerprint(*parts):
    """A short name for plain data: the same data, the same name."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]


def oracle(exercise, calls):
    """The exercise with its right and wrong answers worked out once for these inputs, and inputs replaced by numbers.

    `verdict` draws from default_rng(trial); the trial is all that is read from that generator.
    """
    if calls is None:
        return exercise

    def worked_out(function):
        @functools.cache
        def result(trial):
            return function(*plain.decode(calls[trial]))

        return result

    def or_unlike_anything(function):
        @functools.cache
        def result(trial):
            try:
                return function(*plain.decode(calls[trial]))
            except Exception:  # this mistake can't be made on such an input
                return np.empty((0, 0, 0, 0))

        return result

    return replace(
        exercise,
        draw=lambda rng: (rng.bit_generator.seed_seq.entropy,),
        right=worked_out(exercise.right),
        mistakes={hint: or_unlike_anything(wrong) for hint, wrong in exercise.mistakes.items()},
    )
