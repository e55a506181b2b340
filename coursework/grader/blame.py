"""Whose doing was it, the machine's or the submission's? Lies beside the runner in the sandbox, too.

A machine that is busy, stands still or runs out of memory ends a submission that did nothing wrong. Here stands what
tells such an end from one that the submission has brought about.
"""

import contextlib
import os
import time
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

BEGUN = b"\n"  # what the runner says before the submission's first line runs: until then, no end is the submission's
KILLED = 9  # the runner's exit status when it reports on a process of the submission that something else killed
NO_PROCESS = 71  # and when this machine had no process for it
LOOK = 0.1  # seconds between two looks at what computes and what waits
STOOD_STILL = 1.0  # seconds without a look, though the next one was due after 0.2 s at most: the machine stood still
LATE = 5.0  # a wait is counted when it ends, so it may belong to as many seconds before


class Clock:
    """Seconds by the clock, without those that the machine took away.

    It takes a second away only where its own books show all of this:

    - a thread wanted to compute and waited for a processor (Linux counts that for each thread as `run_delay`),
    - the submission computed less than one processor's worth in the meantime,
    - and other programs computed so much that they didn't leave it one processor. What they computed is what the
      processors did, less what the submission's processes did. So nobody stops the clock by waiting for oneself.

    A process that ends may take the count of what it computed with it. So a stretch of time in which one of the
    submission's has ended is the submission's, and chains of short processes stop no clock.

    Time in which this program itself wasn't woken and the processors did less than one's worth is the machine's, too.

    pids  lists the processes that are meant, as numbers
    """

    def __init__(self, pids: Callable[[], Iterable[int]]):
        self.pids, self.lost = pids, 0.0
        self.processors = frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else frozenset({0})
        self.open: list[tuple[float, float]] = []  # (when, seconds) of the latest looks, that others may have taken
        self.seen = time.monotonic()
        self.known, self.computed, self.waited, self.worked = self._look()

    def now(self) -> float:
        """The time. Wants to be asked every 0.2 seconds."""
        now = time.monotonic()
        if (passed := now - self.seen) >= LOOK:
            known, computed, waited, worked = self._look()
            taken = max((seconds - self.waited.get(task, 0.0) for task, seconds in waited.items()), default=0.0)
            ours, all_did = max(0.0, computed - self.computed), worked - self.worked
            left = len(self.processors) * passed - max(0.0, all_did - ours)  # by others, for the submission
            missed = passed - max(ours, min(passed, left)) if known >= self.known else 0.0
            if passed > STOOD_STILL:
                stood = passed - max(ours, all_did)
                missed, taken = max(missed, stood), max(taken, stood)
            self.open = [(when, seconds) for when, seconds in self.open if when > now - LATE]
            self.open.append((now, missed))
            for i, (when, seconds) in reversed(list(enumerate(self.open))):
                part = max(0.0, min(taken, seconds))
                self.open[i] = when, seconds - part
                self.lost, taken = self.lost + part, taken - part
            self.seen, self.known, self.computed, self.waited, self.worked = now, known, computed, waited, worked
        return now - self.lost

    def _look(self) -> tuple[set[int], float, dict[str, float], float]:
        pids = set(self.pids())
        return pids, computing(pids), waiting(pids), working(self.processors)


def everyone() -> list[int]:
    """All processes of a sandbox, as its first process sees them; none elsewhere."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()] if os.getpid() == 1 else []


def computing(pids: Iterable[int]) -> float:
    """Seconds that processes, and children of theirs that have ended, have computed so far."""
    ticks = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat") as file:
                ticks += sum(map(int, file.read().rpartition(")")[2].split()[11:15]))
        except (OSError, ValueError):
            continue
    return ticks / os.sysconf("SC_CLK_TCK")


def working(processors: Collection[int], stat: Path = Path("/proc/stat")) -> float:
    """Seconds that processors have computed so far, for whomever, also for another machine. 0 if nobody says."""
    ticks = 0
    with contextlib.suppress(OSError, ValueError):
        for line in stat.read_text().splitlines():
            name, *times = line.split()
            if name[:3] == "cpu" and name[3:].isdigit() and int(name[3:]) in processors:
                user, nice, system, _, _, interrupts, soft, stolen = map(int, times[:8])  # idle and waiting in between
                ticks += user + nice + system + interrupts + soft + stolen
    return ticks / os.sysconf("SC_CLK_TCK")


def waiting(pids: Iterable[int]) -> dict[str, float]:
    """{thread: seconds that it would have computed, had a processor been free}. Empty where the system doesn't say."""
    found = {}
    for pid in pids:
        try:
            for thread in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{thread}/schedstat") as file:
                    found[thread] = int(file.read().split()[1]) / 1e9
        except (OSError, ValueError, IndexError):
            continue
    return found


def kills_for_memory(vmstat: Path = Path("/proc/vmstat")) -> int | None:
    """How many processes this machine's kernel has ended for want of memory since it started; None if it won't say."""
    try:
        lines = dict(line.split() for line in vmstat.read_text().splitlines())
        return int(lines["oom_kill"])
    except (OSError, ValueError, KeyError):
        return None
