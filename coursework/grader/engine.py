"""Many submissions through the sandbox, in parallel, and never one of them twice.

What comes out of each is stored in a file of its own as soon as it is there. Whoever ends the grader loses only what
was running at that moment; started again it takes up the rest.
"""

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from coursework.grader import fence, sandbox
from coursework.grader.assignment import Assignment, Inputs, fingerprint, handed_out, job_of
from coursework.grader.needed import needed
from coursework.grader.submissions import Submission

Jobs = dict[str, dict[str, Any]]  # by student
Outcome = tuple[tuple[str | None, str | None], BaseException | None]  # (text, problem), error
Outcomes = Iterator[tuple[str, *Outcome]]  # by student
ENOUGH = 3  # students in a row for whom the machine failed; whoever follows is tried once, until one succeeds
AT_ONCE = (0.0,)


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
            return run if isinstance(run, dict) and set(run) == {"student", "text", "problem"} else None
        except (OSError, ValueError):
            return None

    def write(self, name: str, run: dict[str, str | None]) -> None:
        """Whole or not at all, whenever the machine stops."""
        partly = self.folder / f".{name}.{os.getpid()}"
        try:
            with open(partly, "w", encoding="utf-8") as file:
                json.dump(run, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partly, self.folder / f"{name}.json")
        except OSError:
            with contextlib.suppress(OSError):
                partly.unlink(missing_ok=True)  # on a full disk it would be in the way
            raise


@dataclass
class Patience:
    """How long to wait for a machine that fails. `failed` counts the students in a row for whom it did.

    What happens while a submission runs doesn't count: the submission may have had a hand in it, and nobody takes the
    tries of those who follow.
    """

    failed: int = 0

    @property
    def waits(self) -> Sequence[float]:
        """Seconds after each try for the next student."""
        return sandbox.WAITS if self.failed < ENOUGH else AT_ONCE

    def saw(self, error: BaseException | None) -> None:
        """Count how a student's run ended."""
        if error is None:
            self.failed = 0
        elif isinstance(error, sandbox.SandboxError | OSError):  # no sandbox, no connection to it, no place on the disk
            self.failed += 1


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
) -> tuple[dict[str, str], dict[str, str]]:
    """Run what isn't in the store yet. Returns {student: name in the store}, and why for whom this machine failed.

    A submission of which not even a job can be made gets its `problem` here.

    workers    local worker processes; 0 runs all in this process
    scheduler  address of a dask scheduler to use instead, "tcp://host:8786"
    """
    base = fingerprint(course_fingerprint(), inputs, seed, repr(limits), kind == "unsafe")
    jobs, names, ours, broken = {}, {}, handed_out(assignment), {}
    asked = [question.name for question in assignment.questions.values()]
    for submission in submissions:
        if submission.machine:
            broken[submission.student] = submission.machine
        if submission.problem is not None or submission.machine:
            continue
        try:
            ids = [cell["grade_id"] for cell in submission.cells if cell["cell_type"] == "code"]
            with fence.within():
                job = job_of(assignment, inputs, needed(submission.code, ours, ids, asked))
            names[submission.student] = fingerprint(base, submission.student, job)
            if store.read(names[submission.student]) is None:
                jobs[submission.student] = job
        except fence.TooLongError as error:
            words = f"The notebook could not be read: {error} to take it apart."
            if error.machine:
                broken[submission.student] = words
            else:
                submission.problem = words
        except MemoryError as error:
            broken[submission.student] = _words(error)
        except Exception as error:
            submission.problem = f"The notebook could not be read: it can't be taken apart ({type(error).__name__})."
    done, patience = len(names) - len(jobs), Patience()
    with tqdm(total=len(names), initial=done, unit="submission", disable=None if scheduler else False) as bar:
        runner = _in_this_process if workers == 0 and scheduler is None else _by_dask
        for student, (text, problem), trouble in runner(jobs, kind, limits, patience, workers, scheduler):
            if trouble is None:
                run = {"student": student, "text": text, "problem": problem}
                trouble = _store_patiently(store, names[student], run, patience.waits)
            patience.saw(trouble)
            if trouble is not None:
                broken[student] = _words(trouble)
                tqdm.write(f"{student}: {broken[student]}", file=sys.stderr)
            bar.update()
    return names, broken


def _words(error: BaseException) -> str:
    return str(error) if isinstance(error, sandbox.MachineError) else f"{type(error).__name__}: {error}"


def _store_patiently(store: Store, name: str, run: dict[str, str | None], waits: Sequence[float]) -> OSError | None:
    """None once a run is stored, or why that can't be done."""
    trouble = None
    for wait in waits:
        try:
            store.write(name, run)
            return None
        except OSError as error:
            trouble = error
            time.sleep(wait)
    return trouble


def _in_this_process(
    jobs: Jobs, kind: str, limits: sandbox.Limits, patience: Patience, workers: int, scheduler: str | None
) -> Outcomes:
    for student, job in jobs.items():
        yield student, *attempt(job, kind, limits, patience.waits)


def attempt(job: dict[str, Any], kind: str, limits: sandbox.Limits, waits: Sequence[float]) -> Outcome:
    """What came out of a sandbox, or what went wrong with it: one student, one fence. Workers call it, too."""
    try:
        return sandbox.execute(job, kind, limits, waits), None
    except Exception as error:
        return (None, None), error


def _by_dask(
    jobs: Jobs, kind: str, limits: sandbox.Limits, patience: Patience, workers: int, scheduler: str | None
) -> Outcomes:
    """As each is done: student, (text, problem), error. Only a few jobs per worker are on the way at a time.

    Where the scheduler is lost on the way, all that were not done have that for their error.
    """
    if not jobs:
        return
    from distributed import Client, Future, LocalCluster, as_completed

    cluster, left, begun = None, dict(jobs), False
    try:
        if scheduler is None:
            here = "127.0.0.1:0"
            cluster = LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=here)
        with Client(cluster or scheduler) as client:
            waiting = list(jobs.items())[::-1]

            def submit() -> Future:
                student, job = waiting.pop()
                future = client.submit(attempt, job, kind, limits, patience.waits, pure=False)
                students[future.key] = student
                return future

            students: dict[str, str] = {}
            ahead = 3 * max(1, sum(client.nthreads().values()))
            running = as_completed([submit() for _ in range(min(ahead, len(waiting)))])
            begun = True
            for future in running:
                student = students.pop(future.key)
                del left[student]
                try:
                    outcome: Outcome = future.result()
                except (Exception, asyncio.CancelledError) as error:  # what is cancelled was lost on the way
                    outcome = (None, None), error
                yield student, *outcome
                if waiting:
                    running.add(submit())
            client.run(sandbox.drop_room)
    except (Exception, asyncio.CancelledError) as error:
        if not begun:
            raise sandbox.MachineError(f"the workers could not be started: {_words(error)}") from error
        for student in left:
            yield student, (None, None), error
    finally:
        if cluster is not None:
            with contextlib.suppress(Exception):  # what it should have done is done
                cluster.close()
