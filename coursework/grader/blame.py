"""Whose doing was it, the machine's or the submission's? Lies beside the runner in the sandbox, too.

A machine that is busy, stands still or runs out of memory ends a submission that did nothing wrong. Here stands what
tells such an end from one that the submission has brought about.
"""

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

BEGUN = b"\n"  # what the runner says before the submission's first line runs: until then, no end is the submission's
KILLED = 9  # the runner's exit status when it reports on a process of the submission that something else killed
NO_PROCESS = 71  # and when this machine had no process for it
LOOK = 0.1  # seconds between two looks at what computes and what waits
STOOD_STILL = 1.0  # seconds without a look, though the next one was due after 0.2 s at most: the machine stood still
LATE = 5.0  # a wait is counted when it ends, so it may belong to as many seconds before


class Clock:
    """Seconds by the clock, without those that the machine took away.

    It takes them away when a thread would like to compute and other programs do so in its place (Linux counts that for
    each thread as `run_delay`), or when this program itself isn't woken. Where a processor's worth was computed in the
    meantime nothing was taken away, so nobody stops the clock by starting many threads.

    pids  lists the processes that are meant, as numbers
    """

    def __init__(self, pids: Callable[[], Iterable[int]]):
        self.pids, self.lost = pids, 0.0
        self.open: list[tuple[float, float]] = []  # (when, seconds) of the latest looks, in which nothing computed
        self.seen = time.monotonic()
        self.computed, self.waited = self._look()

    def now(self) -> float:
        """The time. Wants to be asked every 0.2 seconds."""
        now = time.monotonic()
        if (passed := now - self.seen) >= LOOK:
            computed, waited = self._look()
            longest = max((seconds - self.waited.get(task, 0.0) for task, seconds in waited.items()), default=0.0)
            taken = max(0.0, longest, passed if passed > STOOD_STILL else 0.0)
            self.open = [(when, seconds) for when, seconds in self.open if when > now - LATE]
            self.open.append((now, passed - max(0.0, computed - self.computed)))
            for i, (when, seconds) in reversed(list(enumerate(self.open))):
                part = max(0.0, min(taken, seconds))
                self.open[i] = when, seconds - part
                self.lost, taken = self.lost + part, taken - part
            self.seen, self.computed, self.waited = now, computed, waited
        return now - self.lost

    def _look(self) -> tuple[float, dict[str, float]]:
        pids = list(self.pids())
        return computing(pids), waiting(pids)


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
