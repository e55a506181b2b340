"""Memory, processes and computing of a whole sandbox capped by the kernel, where it lets this program do so.

A cap on each process doesn't see what belongs to none: memory that is shared, files in memory, descriptors on their
way through a socket. A control group (cgroup, version 2) counts all of it. Making one takes a branch of the tree that
was handed to this program, its delegation: `systemd-run --user --scope --property=Delegate=yes` starts a program with
one, and a container with a writable /sys/fs/cgroup has one, too. Where there is none, `delegated` is None, and the
watchdog of `sandbox` looks after memory instead.
"""

import contextlib
import functools
import os
import time
import uuid
from pathlib import Path, PurePosixPath

NEEDED, WANTED = {"memory", "pids"}, {"memory", "pids", "cpu"}
OURS = "grader-itself"  # a group that has groups below it may hold no process of its own, so the grader moves in here
ROOM_FOR_BWRAP = 8  # processes of the sandbox that are not the submission's
PATIENCE = 10.0  # seconds until killed processes have left their group


@functools.lru_cache
def delegated() -> Path | None:
    """The folder in which this process may make groups, or None. Moves this process into a group of its own there."""
    return find(Path("/proc/self"))


def find(proc: Path) -> Path | None:
    """The same for any tree. proc: a folder with the `mountinfo` and `cgroup` of this process."""
    try:
        here = _own_group(proc)
        if here is None:
            return None
        parent = here.parent if here.name == OURS else here
        if not set((parent / "cgroup.controllers").read_text().split()) >= NEEDED:
            return None
        if not set((parent / "cgroup.subtree_control").read_text().split()) >= NEEDED:
            _hand_down(parent)
        Group(parent, memory=2**20, processes=1).end()  # tried, not guessed
        return parent
    except OSError:
        return None


def _own_group(proc: Path) -> Path | None:
    """This process's folder in the tree of version 2, or None where that isn't mounted."""
    path = next((line[3:] for line in (proc / "cgroup").read_text().splitlines() if line.startswith("0::")), None)
    for line in (proc / "mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        if path is not None and after.startswith("cgroup2 "):
            shown, mounted = before.split()[3:5]  # the part of the tree that is seen, and where
            if PurePosixPath(path).is_relative_to(shown):
                return Path(mounted) / PurePosixPath(path).relative_to(shown)
    return None


def _hand_down(parent: Path) -> None:
    """Let groups below `parent` have caps. OSError where somebody else's processes are in it, too."""
    available = set((parent / "cgroup.controllers").read_text().split())
    (parent / OURS).mkdir(exist_ok=True)
    _write(parent / OURS / "cgroup.procs", str(os.getpid()))
    try:
        _write(parent / "cgroup.subtree_control", " ".join(f"+{name}" for name in sorted(WANTED & available)))
    except OSError:
        _write(parent / "cgroup.procs", str(os.getpid()))
        (parent / OURS).rmdir()
        raise


def _write(file: Path, text: str) -> None:
    with open(file, "r+", encoding="ascii") as opened:  # never makes a file
        opened.write(text)


class Group:
    """A control group with caps, for one sandbox."""

    def __init__(self, parent: Path, memory: int, processes: int):
        """OSError where the caps can't be set. memory: bytes of all in it together; processes: how many at a time."""
        self.folder = Path(parent) / f"grader-{uuid.uuid4().hex}"
        self.folder.mkdir()
        try:
            _write(self.folder / "memory.max", str(memory))
            _write(self.folder / "pids.max", str(processes + ROOM_FOR_BWRAP))
            for name, value in (("memory.swap.max", "0"), ("cpu.max", "100000 100000")):  # not on every kernel
                with contextlib.suppress(FileNotFoundError):
                    _write(self.folder / name, value)
        except OSError:
            self.end()
            raise

    def ran_out_of_memory(self) -> bool:
        """Whether the processes in here wanted more memory than the group's own cap."""
        return self._events("oom") > 0

    def was_killed_into(self) -> bool:
        """Whether the kernel ended a process in here for want of memory, be it the group's own or the machine's."""
        return self._events("oom_kill") > 0

    def _events(self, name: str) -> int:
        with contextlib.suppress(OSError):
            for line in (self.folder / "memory.events").read_text().splitlines():
                if line.startswith(name + " "):
                    return int(line.split()[1])
        return 0

    def end(self) -> None:
        """End all processes in here and remove the group."""
        with contextlib.suppress(OSError):
            _write(self.folder / "cgroup.kill", "1")  # at once and complete; since Linux 5.14
        end = time.monotonic() + PATIENCE
        while self.folder.exists():
            with contextlib.suppress(OSError, ValueError):
                for pid in map(int, (self.folder / "cgroup.procs").read_text().split()):
                    if pid:  # 0 is what can't be seen from here, and to `kill` it is this program itself
                        os.kill(pid, 9)
            with contextlib.suppress(OSError):
                self.folder.rmdir()
                return
            if time.monotonic() > end:
                return
            time.sleep(0.01)


def sweep(parent: Path) -> None:
    """Remove empty groups that a grader which was killed has left behind; one with a process in it can't be removed."""
    for folder in parent.glob("grader-*"):
        if folder.name != OURS:
            with contextlib.suppress(OSError):
                folder.rmdir()
