"""Caps from outside: the kernel's control groups where they may be used, the filter of calls, and what is left behind.

Few machines hand a branch of the tree of control groups to whoever runs these tests, so the choice is tried on a tree
of ordinary files that answers as the kernel does.
"""

import fcntl
import json
import os
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from coursework import plain
from coursework.grader import cgroup, sandbox, syscalls
from tests.notebook import ROOT

FILES = {
    "cgroup.procs": "",
    "cgroup.kill": "",
    "cgroup.subtree_control": "",
    "memory.max": "max",
    "memory.swap.max": "max",
    "memory.events": "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n",
    "pids.max": "max",
    "cpu.max": "max 100000",
}


class Tree:
    """A tree of control groups in ordinary files. `busy`: somebody else's processes are in the branch, too."""

    def __init__(self, folder, controllers="cpu memory pids", shown="/", busy=False):
        self.mounted, self.busy = folder / "tree", busy
        self.branch = self.mounted / "user.slice" / "run-1.scope"
        self.proc = folder / "proc"
        for place in (self.branch, self.proc):
            place.mkdir(parents=True)
        self.fill(self.branch, controllers)
        path = "/user.slice/run-1.scope"
        (self.proc / "cgroup").write_text(f"4:memory:/old\n0::{path}\n")
        (self.proc / "mountinfo").write_text(
            f"22 1 0:20 / /proc rw - proc proc rw\n33 1 0:30 {shown} {self.mounted} rw,nosuid - cgroup2 cgroup2 rw\n"
        )

    def fill(self, place, controllers="cpu memory pids"):
        for name, text in FILES.items():
            (place / name).write_text(text)
        (place / "cgroup.controllers").write_text(controllers + "\n")


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Makes a tree, and lets folders in it come and go as the kernel's do: full of files, removed with them."""
    trees, mkdir, rmdir, write = [], Path.mkdir, Path.rmdir, cgroup._write

    def ours(path):
        return any(path.is_relative_to(tree.mounted) for tree in trees)

    def make(path, *arguments, **options):
        mkdir(path, *arguments, **options)
        if ours(path) and not (path / "cgroup.procs").exists():
            trees[0].fill(path)

    def remove(path):
        if ours(path):
            for file in path.iterdir():
                file.unlink()
        rmdir(path)

    def write_as_kernel(file, text):
        if file.name == "cgroup.subtree_control" and trees[0].busy:
            raise OSError(16, "Device or resource busy")
        write(file, text.replace("+", ""))

    monkeypatch.setattr(Path, "mkdir", make)
    monkeypatch.setattr(Path, "rmdir", remove)
    monkeypatch.setattr(cgroup, "_write", write_as_kernel)

    def new(**options):
        trees[:] = [Tree(tmp_path, **options)]
        return trees[0]

    return new


def test_a_branch_of_ones_own_is_used(tree):
    made = tree()
    assert cgroup.find(made.proc) == made.branch
    assert (made.branch / cgroup.OURS / "cgroup.procs").read_text() == str(os.getpid())
    assert set((made.branch / "cgroup.subtree_control").read_text().split()) == {"cpu", "memory", "pids"}
    assert [place.name for place in made.branch.iterdir() if place.is_dir()] == [cgroup.OURS], "the trial is gone"


def test_a_worker_of_the_grader_finds_its_branch(tree):
    """A process that the grader started begins in the grader's own group."""
    made = tree()
    assert cgroup.find(made.proc) == made.branch
    (made.proc / "cgroup").write_text(f"0::/user.slice/run-1.scope/{cgroup.OURS}\n")
    assert cgroup.find(made.proc) == made.branch


def test_a_container_that_sees_a_part_of_the_tree(tree):
    made = tree(shown="/user.slice")
    (made.proc / "cgroup").write_text("0::/user.slice/user.slice/run-1.scope\n")
    assert cgroup.find(made.proc) == made.branch


@pytest.mark.parametrize(
    "options", [{"controllers": "cpu"}, {"controllers": ""}, {"controllers": "memory"}, {"busy": True}], ids=str
)
def test_without_a_branch_there_is_none(tree, options):
    made = tree(**options)
    assert cgroup.find(made.proc) is None
    assert [place for place in made.branch.iterdir() if place.is_dir()] == [], "nothing is left there"


def test_without_version_2_there_is_none(tree, tmp_path):
    made = tree()
    (made.proc / "mountinfo").write_text("22 1 0:20 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n")
    assert cgroup.find(made.proc) is None
    (made.proc / "cgroup").write_text("4:memory:/old\n")
    assert cgroup.find(made.proc) is None
    assert cgroup.find(tmp_path / "nowhere") is None


def test_a_group_has_every_cap(tree):
    made = tree()
    group = cgroup.Group(made.branch, memory=10**9, processes=40)
    caps = {name: (group.folder / name).read_text() for name in FILES if name.endswith(".max")}
    assert caps["memory.max"] == "1000000000" and caps["memory.swap.max"][0] == "0"
    assert caps["pids.max"].startswith(str(40 + cgroup.ROOM_FOR_BWRAP)) and caps["cpu.max"].startswith("100000 100000")
    assert not group.ran_out_of_memory()
    (group.folder / "memory.events").write_text("oom 2\noom_kill 1\n")
    assert group.ran_out_of_memory() and group.was_killed_into()
    (group.folder / "memory.events").write_text("oom 0\noom_kill 1\n")
    assert not group.ran_out_of_memory() and group.was_killed_into(), "another group, or the machine, ran out"
    group.end()
    assert not group.folder.exists()


def test_a_sandbox_enters_its_group(tree, monkeypatch):
    """The first thing that a sandbox's process does is to put itself under the caps."""
    made = tree()
    monkeypatch.setattr(cgroup, "delegated", lambda: made.branch)
    entered = []

    class Seen(cgroup.Group):
        def end(self):
            entered.append((self.folder / "cgroup.procs").read_text())
            super().end()

    monkeypatch.setattr(cgroup, "Group", Seen)
    monkeypatch.setattr(sandbox, "command", lambda *_, **__: ["/bin/echo", "{}"])
    text, reason = sandbox.execute({"cells": [], "questions": [], "seed": 0}, "bubblewrap", sandbox.Limits())
    assert (text, reason) == ("{}", None) and entered == ["0\n"]


def test_a_group_that_ran_out_says_so(tree, monkeypatch):
    made = tree()
    monkeypatch.setattr(cgroup, "delegated", lambda: made.branch)
    monkeypatch.setattr(cgroup.Group, "ran_out_of_memory", lambda self: True)
    monkeypatch.setattr(sandbox, "command", lambda *_, **__: ["/bin/false"])
    limits = sandbox.Limits(memory=2**30)
    _, reason = sandbox.execute({"cells": [], "questions": [], "seed": 0}, "bubblewrap", limits)
    assert reason == "the notebook took more than 1.0 GiB of memory"


def test_it_says_which(tree, monkeypatch):
    made = tree()
    monkeypatch.setattr(cgroup, "delegated", lambda: made.branch)
    assert "cgroup v2" in sandbox.capped_by("bubblewrap") and "container" in sandbox.capped_by("podman")
    assert "watchdog" in sandbox.capped_by("unsafe")
    monkeypatch.setattr(cgroup, "delegated", lambda: None)
    assert "watchdog" in sandbox.capped_by("bubblewrap")


def test_no_group_no_sandbox(tree, monkeypatch):
    """Where the caps can't be set any more, nothing runs without them."""
    made = tree()
    monkeypatch.setattr(cgroup, "delegated", lambda: made.branch)
    monkeypatch.setattr(sandbox, "ENTER", sandbox.ENTER.replace('"$1/cgroup.procs"', "/dev/full"))
    with pytest.raises(sandbox.SandboxError):
        sandbox.execute({"cells": [], "questions": [], "seed": 0}, "bubblewrap", sandbox.Limits(), waits=(0,))


# ---------------------------------------------------------------------------------------------------------------------
# Calls that hold memory where no cap on a process counts it


def decided(program, architecture, number, *arguments):
    """What a filter answers to a call, worked out as linux/filter.h describes it."""
    at, value = 0, 0
    while True:
        code, yes, no, k = struct.unpack_from("=HBBI", program, 8 * at)
        at += 1
        if code == syscalls.LOAD:
            value = number if k == 0 else architecture if k == 4 else dict(enumerate(arguments)).get((k - 16) // 8, 0)
        elif code == syscalls.EQUAL:
            at += yes if value == k else no
        elif code == syscalls.AT_LEAST:
            at += yes if value >= k else no
        else:
            assert code == syscalls.RETURN
            return k


@pytest.mark.parametrize("machine", syscalls.PROCESSORS)
def test_the_filter_denies_what_it_names_and_nothing_else(machine):
    program = syscalls.program(machine)
    column, architecture = syscalls.PROCESSORS[machine]
    denied = {call[column] for call in syscalls.DENIED.values()}
    rules = {numbers[column]: (at, values) for numbers, at, values in syscalls.BUT_FOR.values()}
    only = {numbers[column]: (at, value) for numbers, at, value in syscalls.ONLY_FOR.values()}
    for number in range(600):
        for values in ((0, 0, 0), (1, 1, 1), (0, 1024, 0), (0, 7, 0), (2, 2, 7), (1, 1, 21), (10, 1030, 4)):
            no = number in denied
            no |= number in rules and values[rules[number][0]] in rules[number][1]
            no |= number in only and values[only[number][0]] != only[number][1]
            assert decided(program, architecture, number, *values) == (syscalls.DENY if no else syscalls.ALLOW)
    assert decided(program, architecture, syscalls.OTHER_WAY + 1) == syscalls.DENY
    assert decided(program, 0x40000003, 1) == syscalls.DENY, "a 32-bit program's numbers mean other calls"
    assert syscalls.program("riscv64") is None


HIDING = """
import ctypes, errno, os, socket
libc = ctypes.CDLL(None, use_errno=True)

def in_memory():
    try:
        kept = [os.memfd_create("x") for _ in range(10)]
        return "a file in memory"
    except OSError as error:
        return errno.errorcode[error.errno]

def of_system_v():
    got = [libc.shmget(0, 2**28, 0o1600), libc.msgget(0, 0o1600)]
    return "a segment" if max(got) >= 0 else errno.errorcode[ctypes.get_errno()]

def in_flight():
    ours, theirs = socket.socketpair()
    sent = 0
    try:
        for i in range(3000):
            name = f"/dev/shm/{i}"
            fd = os.open(name, os.O_RDWR | os.O_CREAT)
            os.unlink(name)
            os.write(fd, bytes(2**20))
            socket.send_fds(ours, [b"x"], [fd])
            os.close(fd)
            sent += 1
    except OSError as error:
        pass
    return sent

def looks_into():
    return [libc.ptrace(16, os.getppid(), 0, 0), libc.ptrace(16, 1, 0, 0)]
"""


def test_memory_that_belongs_to_no_process_is_not_to_be_had(sandbox_kind):
    if sandbox_kind != "bubblewrap" or syscalls.program() is None:
        pytest.skip("the filter is bubblewrap's, on processors whose calls are known")
    names = ("in_memory", "of_system_v", "in_flight", "looks_into")
    questions = [{"name": name, "answer": name, "calls": [plain.encode(())]} for name in names]
    text, reason = sandbox.execute(
        {"cells": [HIDING], "questions": questions, "seed": 0}, sandbox_kind, sandbox.Limits()
    )
    assert reason is None
    answers = json.loads(text)["answers"]
    got = {name: plain.decode(answers[name]["values"][0]) for name in names}
    assert got["in_memory"] == got["of_system_v"] == "ENOSYS"
    assert got["in_flight"] <= 64, "what lies in /dev/shm is capped, named or not"
    assert got["looks_into"] == [-1, -1]


REFUSED = """
import asyncio, ctypes, errno, fcntl, multiprocessing, os, resource, signal, socket
libc = ctypes.CDLL(None, use_errno=True)

def went_through(numbers):
    through = []
    for name, number in numbers.items():
        ctypes.set_errno(0)
        if libc.syscall(number, 0, 0, 0, 0, 0) != -1 or ctypes.get_errno() != errno.ENOSYS:
            through.append(name)
    return ", ".join(through)

def rules_that_do_not_hold():
    open("own", "w").close()
    own = open("own", "r+")
    library = os.open(os.__file__, os.O_RDONLY)
    ours, theirs = socket.socketpair()
    rules = {
        "a lease": lambda: fcntl.fcntl(own, fcntl.F_SETLEASE, fcntl.F_WRLCK),
        "a watch": lambda: fcntl.fcntl(os.open(".", os.O_RDONLY), fcntl.F_NOTIFY, fcntl.DN_CREATE),
        "a lock": lambda: fcntl.lockf(own, fcntl.LOCK_EX | fcntl.LOCK_NB),
        "a lock on a library": lambda: fcntl.flock(library, fcntl.LOCK_EX | fcntl.LOCK_NB),
        "the network": lambda: socket.socket(),
        "the machine below": lambda: socket.socket(40, socket.SOCK_STREAM),
        "the kernel's ciphers": lambda: socket.socket(38, socket.SOCK_SEQPACKET),
        "large buffers": lambda: ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**30),
        "a cap on process 1": lambda: resource.prlimit(1, resource.RLIMIT_NOFILE, (64, 64)),
        "a terminal": lambda: os.openpty(),
    }
    through = []
    for name, rule in rules.items():
        try:
            rule()
            through.append(name)
        except OSError:
            pass
    return ", ".join(through)

def work(n):
    return n + 1

def honest():
    fcntl.fcntl(open("own", "w"), fcntl.F_GETFL)
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, 128))
    resource.prlimit(0, resource.RLIMIT_NOFILE)
    ours, theirs = socket.socketpair()
    ours.send(b"x")
    with multiprocessing.Pool(2) as pool:
        return asyncio.new_event_loop().run_until_complete(asyncio.sleep(0, result=sum(pool.map(work, [1, 2]))))
"""


def test_no_call_holds_others_up_or_blames_the_machine(sandbox_kind):
    """Each denied call fails as if there were none, whoever makes it; what honest programs do goes on."""
    if sandbox_kind != "bubblewrap" or syscalls.program() is None:
        pytest.skip("the filter is bubblewrap's, on processors whose calls are known")
    column = syscalls.PROCESSORS[os.uname().machine][0]
    numbers = {name: call[column] for name, call in syscalls.DENIED.items()}
    calls = {"went_through": (numbers,), "rules_that_do_not_hold": (), "honest": ()}
    questions = [{"name": name, "answer": name, "calls": [plain.encode(given)]} for name, given in calls.items()]
    job = {"cells": [REFUSED], "questions": questions, "seed": 0}
    text, reason = sandbox.execute(job, sandbox_kind, sandbox.Limits())
    answers = json.loads(text)["answers"]
    assert reason is None and all("raised" not in answer for answer in answers.values()), answers
    got = {name: plain.decode(answer["values"][0]) for name, answer in answers.items()}
    assert got == {"went_through": "", "rules_that_do_not_hold": "", "honest": 5}


EMPTY_FILES = "import os\nfor n in range(20_000):\n    os.close(os.open(str(n), os.O_CREAT))\n"
SOCKETS = "import socket\nkept = [socket.socketpair() for n in range(40)]\n"


@pytest.mark.parametrize(("name", "cell"), [("FILE", EMPTY_FILES), ("SOCKET", SOCKETS)])
def test_the_watchdog_counts_what_the_kernel_keeps(name, cell, sandbox_kind, monkeypatch):
    """What no process holds: names of files, sockets. Their sizes are made larger here, so that few of them do."""
    if sandbox_kind != "bubblewrap":
        pytest.skip("containers are counted by the kernel")
    monkeypatch.setattr(cgroup, "delegated", lambda: None)
    limits = sandbox.Limits(memory=2**30)
    job = {"cells": [cell + "import time\ntime.sleep(1)"], "questions": [], "seed": 0}
    assert sandbox.execute(job, sandbox_kind, limits)[1] is None
    monkeypatch.setattr(sandbox, name, 2**17 if name == "FILE" else 2**25)
    assert sandbox.execute(job, sandbox_kind, limits)[1] == "the notebook took more than 1.0 GiB of memory"


FAR_APART = """
import ctypes, sys, time
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, *[ctypes.c_size_t] * 5]
for n in range(8000):  # a page in every two megabytes, which is read and takes no memory itself
    page = libc.mmap(2**40 + n * 2**21, 4096, 1, 0x100022, 2**32 - 1, 0)
    ctypes.string_at(page, 1)
print(flush=True)
sys.stdin.read()
"""


def test_the_kernels_tables_are_counted():
    """A page of the table for each page that is read: 8000 pages of 4 KiB."""
    if not os.path.exists("/proc/self/smaps_rollup"):
        pytest.skip("not on this machine: Linux's tables")
    run = [sys.executable, "-c", FAR_APART]
    with subprocess.Popen(run, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        held = sandbox.held([process.pid], 2**40), sandbox.held([process.pid], 0)
    assert min(held) > 8000 * 4096


# ---------------------------------------------------------------------------------------------------------------------
# What a killed grader leaves behind


def test_rooms_are_swept_at_the_next_start(tmp_path):
    """A grader that was killed leaves its folder; the next one removes it, and none that is in use."""
    code = f"import tempfile; tempfile.tempdir = {str(tmp_path)!r}\n"
    code += "from coursework.grader import sandbox\nprint(sandbox.room(), flush=True)\nimport time; time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        room = Path(process.stdout.readline().strip())
        folder = room.parent
        old = time.time() - 2 * sandbox.NEWBORN
        os.utime(folder / sandbox.LOCK, (old, old))
        assert sandbox.sweep(tmp_path) == [] and (room / "runner.py").exists(), "it is in use"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert room.exists()
    assert sandbox.sweep(tmp_path) == [folder] and not folder.exists()


def test_what_is_not_a_graders_is_not_swept(tmp_path):
    for name in ("grader-of-somebody-else", "other"):
        (tmp_path / name).mkdir()
    new = tmp_path / "grader-new"
    new.mkdir()
    (new / sandbox.LOCK).touch()
    assert sandbox.sweep(tmp_path) == [], "one has no lock, one is being made at this moment"
    old = time.time() - 2 * sandbox.NEWBORN
    os.utime(new / sandbox.LOCK, (old, old))
    with open(new / sandbox.LOCK, "rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert sandbox.sweep(tmp_path) == []
    assert sandbox.sweep(tmp_path) == [new]
    assert (tmp_path / "grader-of-somebody-else").exists()
