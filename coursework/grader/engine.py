"""Many submissions through the sandbox, in parallel, and never one of them twice.

What comes out of each is stored in a file of its own as soon as it is there. Whoever ends the grader loses only what
was running at that moment; started again it takes up the rest.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from coursework.grader import sandbox
from coursework.grader.assignment import Assignment, Inputs, fingerprint, handed_out, job_of
from coursework.grader.needed import needed
from coursework.grader.submissions import Submission

Jobs = dict[str, dict[str, Any]]  # by student
Outcomes = Iterator[tuple[str, tuple[str | None, str | None], BaseException | None]]  # student, (text, problem), error


def course_fingerprint() -> str:
    """A name for the code that submissions run on. Checks and marking are left out: they don't change values."""
    files = sorted(path for path in (sandbox.ROOT / "course_utils").rglob("*.py") if path.parent.name != "checks")
    files += sorted(path for path in (sandbox.ROOT / "data").iterdir() if path.is_file())
    files += sandbox.MET
    return fingerprint(
        [path.name + path.read_text(encoding="utf-8", errors="replace") for path in files],
        [sandbox.STUBS, sandbox.TOOLS],
    )


class Store:
    """A folder with one file per submission that was run."""

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def read(self, name: str) -> dict[str, str | None] | None:
        """{"text", "problem"} of a run, or None if it isn't there or wasn't written to its end."""
        try:
            run = json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8"))
            return run if set(run) == {"student", "text", "problem"} else None
        except (OSError, ValueError):
            return None

    def write(self, name: str, run: dict[str, str | None]) -> None:
        """Whole or not at all, whenever the machine stops."""
        partly = self.folder / f".{name}.{os.getpid()}"
        with open(partly, "w", encoding="utf-8") as file:
            json.dump(run, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partly, self.folder / f"{name}.json")


def run_all(
    submissions: list[Submission],
    assignment: Assignment,
    inputs: Inputs,
    *,
    seed: int,
    kind: str,
    limits: sandbox.Limits,
    store: Store,
    workers: int = 2,
    scheduler: str | None = None,
) -> tuple[dict[str, str], list[str]]:
    """Run what isn't in the store yet. Returns {student: name in the store} and the students whose run broke down.

    workers    local worker processes; 0 runs all in this process
    scheduler  address of a dask scheduler to use instead, "tcp://host:8786"
    """
    base = fingerprint(course_fingerprint(), inputs, seed, repr(limits), kind == "unsafe")
    jobs, names, ours = {}, {}, handed_out(assignment)
    for submission in submissions:
        if submission.problem is None:
            ids = [cell["grade_id"] for cell in submission.cells if cell["cell_type"] == "code"]
            asked = [question.name for question in assignment.questions.values()]
            job = job_of(assignment, inputs, needed(submission.code, ours, ids, asked))
            names[submission.student] = fingerprint(base, submission.student, job)
            if store.read(names[submission.student]) is None:
                jobs[submission.student] = job
    broken = []
    done = len(names) - len(jobs)
    with tqdm(total=len(names), initial=done, unit="submission", disable=None if scheduler else False) as bar:
        runner = _in_this_process if workers == 0 and scheduler is None else _by_dask
        for student, (text, problem), error in runner(jobs, kind, limits, workers, scheduler):
            if error is None:
                store.write(names[student], {"student": student, "text": text, "problem": problem})
            else:
                tqdm.write(f"{student}: {error}")
                broken.append(student)
            bar.update()
    return names, broken


def _in_this_process(jobs: Jobs, kind: str, limits: sandbox.Limits, workers: int, scheduler: str | None) -> Outcomes:
    for student, job in jobs.items():
        try:
            yield student, sandbox.execute(job, kind, limits), None
        except sandbox.MachineError as error:
            yield student, (None, None), error


def _by_dask(jobs: Jobs, kind: str, limits: sandbox.Limits, workers: int, scheduler: str | None) -> Outcomes:
    """As each is done: student, (text, problem), error. Only a few jobs per worker are on the way at a time."""
    if not jobs:
        return
    from distributed import Client, Future, LocalCluster, as_completed

    cluster = None
    if scheduler is None:
        cluster = LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0")
    try:
        with Client(cluster or scheduler) as client:
            waiting = list(jobs.items())[::-1]

            def submit() -> Future:
                student, job = waiting.pop()
                future = client.submit(sandbox.execute, job, kind, limits, pure=False, retries=1)
                students[future.key] = student
                return future

            students: dict[str, str] = {}
            ahead = 3 * max(1, sum(client.nthreads().values()))
            running = as_completed([submit() for _ in range(min(ahead, len(waiting)))])
            for future in running:
                student, error = students.pop(future.key), future.exception()
                if isinstance(error, sandbox.SandboxError):
                    raise error
                yield student, (None, None) if error else future.result(), error
                if waiting:
                    running.add(submit())
            client.run(sandbox.drop_room)
    finally:
        if cluster is not None:
            cluster.close()
