"""Grade submissions: `python -m coursework.grader submitted/ ps3 --seed $SEED`. The guide: coursework/README.md."""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from math import ceil
from pathlib import Path

from coursework.grader import alike, classes, engine, fence, gradebook, items, report, sandbox, submissions
from coursework.grader import assignment as assignments
from coursework.grader.marking import Marker
from coursework.grader.probe import choose_sandbox
from coursework.grader.student import released


def parser() -> argparse.ArgumentParser:
    """The command line."""
    words = argparse.ArgumentParser(prog="python -m coursework.grader", description=__doc__)
    words.add_argument(
        "submitted", type=Path, help="folder in nbgrader's layout, with LMS zips if you like, or one zip"
    )
    words.add_argument("assignment", help=f"one of {', '.join(assignments.names())}")
    words.add_argument(
        "--seed", type=int, required=True, help="a number of twelve digits, for you alone: it draws the inputs"
    )
    words.add_argument("--out", type=Path, default=Path("graded"), help="where all that is written goes (graded)")
    words.add_argument(
        "--key", type=Path, default=assignments.FOLDER, help="folder that holds ps3/questions.py (coursework)"
    )
    words.add_argument("--trials", type=int, default=6, help="inputs per question (6)")
    words.add_argument("--workers", type=int, default=2, help="local worker processes (2); 0: none but this one")
    words.add_argument("--scheduler", help="address of a dask scheduler whose workers to use instead")
    words.add_argument("--sandbox", choices=["bubblewrap", "podman", "docker"], help="by default the first there is")
    words.add_argument("--unsafe-no-sandbox", action="store_true", help="run submissions with all YOUR rights. Don't.")
    words.add_argument("--seconds", type=float, default=180, help="by the clock for a whole submission (180)")
    words.add_argument("--cell-seconds", type=float, default=60, help="of computing for a cell (60)")
    words.add_argument("--answer-seconds", type=float, default=10, help="of computing for all calls of one answer (10)")
    words.add_argument("--memory", type=float, default=3, help="GiB (3)")
    words.add_argument("--due", type=datetime.fromisoformat, help="2026-10-01T23:59+02:00")
    words.add_argument("--late-percent", type=float, default=0, help="taken off for each day begun after --due (0)")
    return words


def main(arguments: list[str] | None = None) -> int:
    """Grade, and say what came of it. Returns the exit status."""
    options = parser().parse_args(arguments)
    try:
        return grade(options)
    except (ValueError, OSError, sandbox.MachineError) as error:
        print(error, file=sys.stderr)
        return 2


def grade(options: argparse.Namespace) -> int:
    """From a folder of submissions to marks, feedback and gradebook."""
    if options.seed < assignments.GUESSED:
        print(f"--seed {options.seed} can be guessed: for marks take one of twelve digits or more.", file=sys.stderr)
    if options.trials < 1:
        raise ValueError(f"--trials: got {options.trials}, wants 1 or more")
    if options.due and options.due.tzinfo is None:
        raise ValueError("--due: wants a time zone, as in 2026-10-01T23:59+02:00")
    assignment = assignments.load(options.assignment, options.key)
    called = submissions.Names(options.out / "names.json")
    found = submissions.find(options.submitted, assignment.name, called.of(assignment.name))
    inputs = assignments.draw(assignment, options.seed, options.trials)
    limits = sandbox.Limits(
        memory=int(options.memory * 2**30),
        seconds=options.seconds,
        cell_seconds=options.cell_seconds,
        answer_seconds=options.answer_seconds,
    )
    kind = "unsafe" if options.unsafe_no_sandbox else choose_sandbox(options.sandbox, [options.key, options.submitted])
    print(f"Sandbox: {kind}. Memory is capped by {sandbox.capped_by(kind)}.")
    called.keep(assignment.name, found)
    store = engine.Store(options.out / "runs" / assignment.name)
    names, broken = engine.run_all(
        found,
        assignment,
        inputs,
        seed=options.seed,
        kind=kind,
        limits=limits,
        store=store,
        workers=options.workers,
        scheduler=options.scheduler,
    )
    class_ = Class(Marker(assignment, inputs), store, names, options.due, options.late_percent)
    results = [class_.result(submission, broken.get(submission.student, "")) for submission in found]
    graded = [result for result in results if not result.machine]
    trouble = keep_and_read(options.out, assignment, graded, found)
    for result in results:
        try:
            report.write_feedback(result, assignment.name, options.out / "feedback")
        except Exception as error:  # one student, one fence
            result.flags.append(f"The feedback could not be written ({type(error).__name__}).")
            print(f"{result.student}: the feedback could not be written ({error})", file=sys.stderr)
    table = options.out / "marks" / f"{assignment.name}.csv"
    report.write_marks(results, table)
    try:
        code = {submission.student: submission.code for submission in found if submission.problem is None}
        given = [cell.source for cell in released(assignment).cells if cell.cell_type == "code"]
        pairs = alike.pairs(code, given)
        if graded:
            classes.write_class(items.summary(graded), pairs, assignment.name, table.parent, graded)
    except Exception as error:  # the marks are complete without it
        print(f"The page on the class could not be written: {error!r}", file=sys.stderr)
    unread = sum(result.problem is not None for result in results)
    print(f"{len(results)} submissions, {unread} of them could not be read or run. Marks: {table}")
    failed = [result.student for result in results if result.machine]
    if failed:
        print(
            f"Not graded, since this machine broke down: {', '.join(failed)}. Run the same command again.",
            file=sys.stderr,
        )
    return 1 if failed or trouble or any(result.unread for result in results) else 0


def keep_and_read(
    folder: Path, assignment: assignments.Assignment, results: list[report.Result], found: list[submissions.Submission]
) -> bool:
    """Write the results into the gradebook and read what was given by hand. Returns whether that failed as a whole.

    The marks by program are written all the same, and each row says what is missing.
    """
    handed_in = {submission.student: submission for submission in found}
    write = partial(gradebook.write, folder, assignment, results, handed_in)
    read = partial(gradebook.read_by_hand, folder, assignment, results, handed_in)
    kept = done(write, "The gradebook could not be written", results)
    known = kept and done(read, "Points by hand could not be read", results)
    for result in results:
        result.unread |= not known
    return not (kept and known)


def done(step: Callable[[], None], otherwise: str, results: list[report.Result]) -> bool:
    """Take a step for the whole class. Returns whether it worked; if not, `otherwise` stands in each row."""
    try:
        step()
    except Exception as error:
        print(f"{otherwise}: {error}", file=sys.stderr)
        for result in results:
            result.flags.append(f"{otherwise} ({type(error).__name__}).")
        return False
    return True


@dataclass(frozen=True)
class Class:
    """What is known when a class is marked: the key, what came out of each submission, and the late policy."""

    marker: Marker
    store: engine.Store
    names: dict[str, str]
    due: datetime | None = None
    late_percent: float = 0

    def result(self, submission: submissions.Submission, machine: str = "") -> report.Result:
        """One student's result, whatever the submission holds: what goes wrong here is its own problem.

        machine  why this machine could not run it, if it could not
        """
        try:
            with fence.within():
                result = self.not_graded(submission, machine) if machine else self.mark(submission)
        except fence.TooLongError as error:
            problem = f"The submission could not be marked: {error} to read its code."
            print(f"{submission.student}: {problem}", file=sys.stderr)
            result = self.not_graded(submission, problem) if error.machine else self.no_points(submission, problem)
        except (OSError, MemoryError, sandbox.MachineError) as error:
            print(f"{submission.student}: the submission could not be marked: {error!r}", file=sys.stderr)
            result = self.not_graded(submission, str(error) or type(error).__name__)
        except Exception as error:
            problem = f"The submission could not be marked ({type(error).__name__})."
            print(f"{submission.student}: {problem} {error!r}", file=sys.stderr)
            result = self.no_points(submission, problem)
        result.flags += filter(None, [submission.flag])
        return result

    def not_graded(self, submission: submissions.Submission, machine: str) -> report.Result:
        """A result without points, not even 0: what the machine does is nobody's mark."""
        marks = [replace(mark, points=None, hint="") for mark in self.marker.marks(None, "not graded")]
        return report.Result(submission.student, marks, note=submission.note, machine=machine)

    def no_points(self, submission: submissions.Submission, problem: str) -> report.Result:
        """A result of 0 points, and why. Essays wait for who reads them, where the notebook can be read."""
        marks = self.marker.marks(None, problem)
        if submission.problem is not None:
            marks = [replace(mark, points=0.0, hint=problem) for mark in marks]
        return report.Result(submission.student, marks, problem, submission.note)

    def mark(self, submission: submissions.Submission) -> report.Result:
        """The same, without the fence."""
        if submission.problem is not None:
            result = self.no_points(submission, submission.problem)
        else:
            run = self.store.read(self.names[submission.student])
            if run is None:
                raise sandbox.MachineError("what came out of it could not be read from the store")
            marks = self.marker.marks(run["text"], run["problem"], submission.code)
            result = report.Result(submission.student, marks, run["problem"], submission.note)
        if self.due and submission.handed_in:
            late = submission.handed_in.astimezone(UTC) - self.due
            result.days_late = max(0, ceil(late.total_seconds() / 86_400))
            result.penalty = min(1.0, result.days_late * self.late_percent / 100)
        return result


if __name__ == "__main__":
    sys.exit(main())
