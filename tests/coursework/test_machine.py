"""What the machine does is nobody's mark: it is tried again, and else the student's row says so, with a reason.

The machine's failures are fakes, except for one: a processor that others keep busy.
"""

import contextlib
import csv
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import zipfile

import pytest

from coursework import plain
from coursework.grader import __main__ as command
from coursework.grader import (
    alike,
    blame,
    borrowed,
    cgroup,
    engine,
    fence,
    gradebook,
    report,
    sandbox,
    submissions,
    syscalls,
)
from coursework.grader.submissions import Names, find
from tests.coursework.material import (
    IMPORT,
    KEY,
    RIGHT,
    STEP,
    feedback,
    grader,
    guarded,
    marks,
    notebook_of,
    points,
    submit,
    write_assignment,
)
from tests.notebook import ROOT

THREE = ("ann", "bob", "cem")
NOT_GRADED = "not graded: machine"
JOB = {"cells": [], "questions": [], "seed": 0}


@pytest.fixture(autouse=True)
def no_waits(monkeypatch):
    """As many tries as ever, none of them after a while."""
    monkeypatch.setattr(sandbox, "WAITS", (0, 0, 0))


@pytest.fixture
def class_of_three(tmp_path):
    """Grades ann, bob and cem; bob has a cell of his own, by which fakes know him. Returns (exit status, rows)."""
    key = write_assignment(tmp_path / "key")
    for student in THREE:
        submit(tmp_path / "submitted", student, [*RIGHT, f"name = '{student}'"])

    def grade(*options, out="out"):
        words = grader(tmp_path / "submitted", tmp_path / out, key, "--unsafe-no-sandbox", *options)
        return command.main(words[3:]), marks(tmp_path / out)

    return grade


def bob_meets(monkeypatch, *trouble):
    """Each of bob's runs meets the next trouble, an exception or what came out, and none when all are used up."""
    real, left = sandbox._execute_once, list(trouble)

    def once(job, kind, limits):
        if "name = 'bob'" in job["cells"] and left:
            if isinstance(left[0], BaseException):
                raise left.pop(0)
            return left.pop(0)
        return real(job, kind, limits)

    monkeypatch.setattr(sandbox, "_execute_once", once)
    return left


TROUBLE = {
    "bwrap": sandbox.SandboxError("bwrap: Creating new namespace failed: Resource temporarily unavailable"),
    "full disk": OSError(28, "No space left on device"),
    "no process": BlockingIOError(11, "Resource temporarily unavailable"),
    "no thread": RuntimeError("can't start new thread"),
    "no memory": MemoryError(),
    "docker hangs": subprocess.TimeoutExpired("docker kill", 60),
    "short": (None, sandbox.SHORT),
    "killed": sandbox.MachineError(sandbox.LOST),
}


@pytest.mark.parametrize("name", TROUBLE)
def test_whatever_the_machine_does_is_tried_again(name, monkeypatch):
    bob = {**JOB, "cells": ["name = 'bob'"]}
    monkeypatch.setattr(sandbox, "_execute_once", lambda *_: ("{}", None))
    left = bob_meets(monkeypatch, *[TROUBLE[name]] * 2)
    assert sandbox.execute(bob, "unsafe", sandbox.Limits()) == ("{}", None) and left == []
    bob_meets(monkeypatch, *[TROUBLE[name]] * 3)
    with pytest.raises(sandbox.MachineError):
        sandbox.execute(bob, "unsafe", sandbox.Limits())


@pytest.mark.parametrize(("reason", "lasts"), [(sandbox.BUSY, 0), (sandbox.SHORT, 200)], ids=["busy", "short"])
def test_what_has_used_up_its_time_is_not_tried_again(reason, lasts, monkeypatch):
    """So the time for which one submission holds a worker is bounded."""
    now, tries = [0.0], []

    def once(job, kind, limits):
        tries.append(job)
        now[0] += lasts
        return None, reason

    monkeypatch.setattr(sandbox.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(sandbox, "_execute_once", once)
    with pytest.raises(sandbox.MachineError):
        sandbox.execute(JOB, "unsafe", sandbox.Limits(seconds=180))
    assert len(tries) == 1


def test_nobody_takes_the_tries_of_those_who_follow():
    """Three students in a row whose submissions ran and didn't end; three for whom no sandbox came up."""
    patience = engine.Patience()
    for reason in (sandbox.BUSY, sandbox.SHORT, sandbox.LOST, sandbox.ENDED, sandbox.NO_PROCESS):
        patience.saw(sandbox.MachineError(reason))
    assert patience.waits == sandbox.WAITS
    for _ in range(engine.ENOUGH):
        patience.saw(sandbox.SandboxError("the sandbox could not be started"))
    assert patience.waits == engine.AT_ONCE
    patience.saw(None)
    assert patience.waits == sandbox.WAITS


def test_the_machine_fails_once_and_nobody_notices(class_of_three, monkeypatch):
    left = bob_meets(monkeypatch, TROUBLE["bwrap"])
    status, rows = class_of_three()
    assert status == 0 and left == []
    assert {student: points(row) for student, row in rows.items()} == dict.fromkeys(THREE, (10, 5, 2))


@pytest.mark.parametrize("name", ["bwrap", "full disk", "short"])
def test_the_machine_fails_again_and_again_for_one_student(name, class_of_three, monkeypatch, tmp_path, capsys):
    left = bob_meets(monkeypatch, *[TROUBLE[name]] * 3)
    status, rows = class_of_three()
    assert status == 1 and left == []
    assert list(rows) == list(THREE) and points(rows["ann"]) == points(rows["cem"]) == (10, 5, 2)
    bob = rows["bob"]
    assert (bob["status"], bob["score"], bob["ps0_step"]) == (NOT_GRADED, "", ""), "not even 0"
    assert bob["notes"] and "bob" in capsys.readouterr().err
    said = feedback(tmp_path / "out", "bob")
    assert "not graded yet" in said and "costs you nothing" in said and "of 21 points" not in said
    status, rows = class_of_three()
    assert status == 0 and points(rows["bob"]) == (10, 5, 2), "the same command takes it up again"


def test_what_cannot_be_stored_is_tried_again(class_of_three, monkeypatch, tmp_path):
    real, left = engine.os.fsync, [1, 1, 1, 1]

    def fsync(descriptor):
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        if "/runs/" in path and left:
            left.pop()
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(engine.os, "fsync", fsync)
    status, rows = class_of_three()
    assert status == 1 and left == []
    assert rows["ann"]["status"] == NOT_GRADED and "No space left" in rows["ann"]["notes"], "three tries"
    assert points(rows["bob"]) == points(rows["cem"]) == (10, 5, 2), "bob's second try"
    assert not [path for path in (tmp_path / "out" / "runs" / "ps0").iterdir() if path.name.startswith(".")]


def test_a_machine_that_fails_for_all_is_not_waited_for_each_time(class_of_three, monkeypatch):
    tries = []

    def once(job, kind, limits):
        tries.append(job)
        raise sandbox.SandboxError("the sandbox could not be started")

    monkeypatch.setattr(sandbox, "_execute_once", once)
    monkeypatch.setattr(engine, "ENOUGH", 2)
    status, rows = class_of_three()
    assert status == 1 and {row["status"] for row in rows.values()} == {NOT_GRADED}
    assert len(tries) == 3 + 3 + 1


def test_where_no_sandbox_starts_it_is_said_before_the_class(tmp_path, monkeypatch, capsys):
    key = write_assignment(tmp_path / "key")
    submit(tmp_path / "submitted", "ann", RIGHT)
    monkeypatch.setattr(sandbox, "kinds", lambda: ["bubblewrap"])
    monkeypatch.setattr(sandbox, "command", lambda *_, **__: ["/bin/sh", "-c", "echo bwrap: no permission >&2; exit 1"])
    monkeypatch.setattr(time, "sleep", lambda _: None)
    assert command.main(grader(tmp_path / "submitted", tmp_path / "out", key)[3:]) == 2
    said = capsys.readouterr().err
    assert "nothing was graded" in said and "bwrap: no permission" in said
    assert not (tmp_path / "out" / "marks").exists()


def test_a_lost_scheduler_costs_no_mark(monkeypatch):
    """Three jobs are on the way when the connection is gone: one has ended, the others have that for their reason."""
    import distributed

    real, sent = distributed.Client.submit, []

    def submit_three(self, *arguments, **options):
        if len(sent) == 3:
            raise OSError("the scheduler is gone")
        sent.append(arguments)
        return real(self, *arguments, **options)

    monkeypatch.setattr(distributed.Client, "submit", submit_three)
    jobs = {student: JOB for student in ("ann", "bob", "cem", "dan", "eva")}
    ended = list(engine._by_dask(jobs, "unsafe", sandbox.Limits(), engine.Patience(), 1, None))
    assert sorted(student for student, _, _ in ended) == sorted(jobs)
    assert [error is None for _, _, error in ended] == [True, False, False, False, False]
    assert all("is gone" in str(error) for _, _, error in ended[1:])


def test_workers_that_do_not_start_are_said_before_the_class(monkeypatch):
    import distributed

    def refuse(*_, **__):
        raise OSError("Address already in use")

    monkeypatch.setattr(distributed, "Client", refuse)
    with pytest.raises(sandbox.MachineError, match="workers could not be started: OSError: Address already in use"):
        list(engine._by_dask({"ann": JOB}, "unsafe", sandbox.Limits(), engine.Patience(), 1, "tcp://127.0.0.1:1"))


# ---------------------------------------------------------------------------------------------------------------------
# Whose doing it was


class Sandbox:
    """Stands for a sandbox that says something and ends in a certain way."""

    def __init__(self, monkeypatch, script, kills=(0, 0), group=None):
        answers = iter(kills)
        monkeypatch.setattr(sandbox, "command", lambda *_, **__: ["/bin/sh", "-c", script])
        monkeypatch.setattr(blame, "kills_for_memory", lambda: next(answers))
        monkeypatch.setattr(cgroup, "delegated", lambda: group)

    def run(self, kind="bubblewrap"):
        return sandbox.execute(JOB, kind, sandbox.Limits(memory=2**30), waits=(0,))


REPORT = """printf '\\n{"cells": {}, "answers": {}}'; """


@pytest.mark.parametrize(
    ("script", "kills", "kind"),
    [
        ("exit 1", (0, 0), "bubblewrap"),
        ("echo sh: cannot fork >&2; exit 2", (0, 0), "bubblewrap"),
        ("echo Fatal Python error: no memory >&2; exit 1", (0, 0), "bubblewrap"),
        ("exit 125", (0, 0), "docker"),
        (f"printf '\\n'; exit {blame.NO_PROCESS}", (0, 0), "bubblewrap"),
        ("printf '\\n'; exit 137", (0, 0), "bubblewrap"),
        ("printf '\\n'; kill -9 $$", (0, 0), "docker"),
        (f"{REPORT} exit {blame.KILLED}", (3, 4), "bubblewrap"),
        ("printf '\\n'; exit 137", (3, 4), "bubblewrap"),
    ],
    ids=str,
)
def test_an_end_that_is_the_machines(script, kills, kind, monkeypatch):
    with pytest.raises(sandbox.MachineError):
        Sandbox(monkeypatch, script, kills).run(kind)


@pytest.mark.parametrize(
    ("script", "kills", "kind"),
    [
        ("printf '\\n'; exit 1", (0, 0), "bubblewrap"),
        ("printf '\\n'; exit 139", (0, 0), "bubblewrap"),
        ("printf '\\nno report'", (0, 0), "bubblewrap"),
        ("printf '\\n'; exit 137", (0, 0), "docker"),  # its own cap, as far as can be told
        (f"{REPORT} exit {blame.KILLED}", (3, 3), "bubblewrap"),  # it has killed itself
        (f"{REPORT} exit {blame.KILLED}", (None, None), "bubblewrap"),
        (f"{REPORT} exit 0", (3, 4), "bubblewrap"),  # somebody else was killed
        (f"{REPORT} exit {blame.KILLED}", (3, 4), "docker"),
    ],
    ids=str,
)
def test_an_end_that_is_the_submissions(script, kills, kind, monkeypatch):
    reason = Sandbox(monkeypatch, script, kills).run(kind)[1]
    assert reason in (None, "the notebook ended the whole sandbox") and (reason is None) == (REPORT in script)


def test_who_held_more_than_the_cap_was_killed_for_that(monkeypatch):
    monkeypatch.setattr(sandbox, "held", lambda *_: int(1.1 * 2**30))
    text, reason = Sandbox(monkeypatch, f"sleep 0.3; {REPORT} exit {blame.KILLED}", (3, 4)).run()
    assert text is not None and reason is None


def test_a_groups_kill_is_the_machines_unless_it_was_over_its_own_cap(monkeypatch, tmp_path):
    class Group:
        def __init__(self, *_):
            self.folder = ""

        def ran_out_of_memory(self):
            return own

        def was_killed_into(self):
            return True

        def end(self):
            pass

    monkeypatch.setattr(cgroup, "Group", Group)
    made = Sandbox(monkeypatch, REPORT, (0, 0, 0, 0), group=tmp_path)
    own = True
    assert made.run()[1] is None
    own = False
    with pytest.raises(sandbox.MachineError, match="want of memory"):
        made.run()


def test_the_kernels_counter_is_read(tmp_path):
    vmstat = tmp_path / "vmstat"
    vmstat.write_text("nr_free_pages 12\noom_kill 4\n")
    assert blame.kills_for_memory(vmstat) == 4
    vmstat.write_text("nr_free_pages 12\n")
    assert blame.kills_for_memory(vmstat) is None and blame.kills_for_memory(tmp_path / "none") is None


class Machine:
    """A clock, what was computed, by whom, and how long threads have waited, as blame.Clock looks at them."""

    def __init__(self, monkeypatch, processors=1):
        self.time, self.computed, self.others, self.waited, self.pids = 100.0, 0.0, 0.0, 0.0, [1]
        monkeypatch.setattr(blame.time, "monotonic", lambda: self.time)
        monkeypatch.setattr(blame.os, "sched_getaffinity", lambda pid: set(range(processors)))
        monkeypatch.setattr(blame, "computing", lambda pids: self.computed)
        monkeypatch.setattr(blame, "working", lambda _: self.computed + self.others)
        monkeypatch.setattr(blame, "waiting", lambda pids: {"1": self.waited, "2": self.waited / 2})
        self.clock = blame.Clock(lambda: self.pids)

    def goes_on(self, seconds, computes=0.0, waits=0.0, others=0.0, ends=0, looks=0.2):
        """So many seconds pass on the clock of `blame`; returns how many are counted. ends: a process, at each look."""
        before = self.clock.now()
        for _ in range(round(seconds / looks)):
            self.time += looks
            self.computed += computes * looks
            self.others += others * looks
            self.waited += waits * looks
            self.pids = [1, max(self.pids) + ends]
            self.clock.now()
        return self.clock.now() - before


def test_a_clock_counts_what_was_a_submissions_to_use(monkeypatch):
    machine = Machine(monkeypatch)
    machine.goes_on(1)
    assert machine.goes_on(10) == pytest.approx(10), "it sleeps"
    assert machine.goes_on(10, computes=1) == pytest.approx(10)
    assert machine.goes_on(10, computes=1, waits=20) == pytest.approx(10), "many threads stop no clock"
    assert machine.goes_on(10, computes=0.1, waits=0.9, others=0.9) == pytest.approx(1, abs=0.1), "others compute"
    assert machine.goes_on(60, looks=30) == pytest.approx(0, abs=0.1), "the machine stood still"


def test_a_clock_is_not_stopped_from_inside(monkeypatch):
    machine = Machine(monkeypatch)
    machine.goes_on(10)
    assert machine.goes_on(10, computes=0.1, waits=0.9) == pytest.approx(10), "it waits, and nobody computes"
    assert machine.goes_on(10, waits=0.9, others=1, ends=1) == pytest.approx(10, abs=0.2), (
        "what ended may have computed that"
    )
    assert machine.goes_on(60, others=1, looks=30) == pytest.approx(60), "it kept this program from looking"


def test_nobody_is_kept_waiting_where_a_processor_is_free(monkeypatch):
    machine = Machine(monkeypatch, processors=4)
    machine.goes_on(10)
    assert machine.goes_on(10, computes=0.1, waits=0.9, others=2.9) == pytest.approx(10)
    assert machine.goes_on(10, computes=0.1, waits=0.9, others=3.5) == pytest.approx(5, abs=0.2)
    assert machine.goes_on(10, computes=0.1, waits=0.9, others=3.9) == pytest.approx(1, abs=0.2)


def test_a_wait_that_shows_when_it_ends_is_counted(monkeypatch):
    machine = Machine(monkeypatch)
    machine.goes_on(1)
    assert machine.goes_on(4, others=1) == pytest.approx(4)
    machine.waited += 4
    assert machine.goes_on(0.2, others=1) == pytest.approx(0.2 - 4), "it had waited since it began"
    machine.goes_on(60, others=1)
    machine.waited += 60
    assert machine.goes_on(0.2, others=1) > 0.2 - blame.LATE - 0.3, "sleep is not forgiven for a wait"


def test_the_processors_books_are_read(tmp_path):
    stat, tick = tmp_path / "stat", os.sysconf("SC_CLK_TCK")
    stat.write_text("cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 1 2 3 500 600 4 5 6 0 0\ncpu1 10 0 0 70 0 0 0 0 0 0\nintr 5 0\n")
    assert blame.working({0}, stat) == pytest.approx(21 / tick), "idle and waiting for a disk is no work"
    assert blame.working({0, 1}, stat) == pytest.approx(31 / tick)
    assert blame.working({0}, tmp_path / "none") == 0


CLOCK_STOPPER = """
import ctypes, os, signal, time
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # orphans come to this process, and what they computed is counted nowhere
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
def wherever(step, *given):
    try:
        step(*given)
    except OSError:
        pass
wherever(os.sched_setaffinity, 0, {min(os.sched_getaffinity(0))})
if os.fork() == 0:
    wherever(os.nice, 19)
    while True:
        pass
for _ in range(2):
    if os.fork() == 0:
        while True:
            end = time.thread_time() + 0.02
            while time.thread_time() < end:
                pass
            if os.fork():
                os._exit(0)
while True:
    time.sleep(10)
"""


def test_who_waits_for_oneself_is_charged(sandbox_kind):
    """One child waits at the lowest priority for others whose computing is counted nowhere."""
    limits, question = sandbox.Limits(seconds=5), {"name": "q", "answer": "f", "calls": [plain.encode(())]}
    begun = time.monotonic()
    job = {"cells": [CLOCK_STOPPER], "questions": [question], "seed": 0}
    text, reason = sandbox.execute(job, sandbox_kind, limits, waits=(0,))
    assert "took longer" in (reason or json.loads(text)["answers"]["q"]["complaint"])
    assert time.monotonic() - begun < 2 * limits.seconds + 5


STEPS_BACK = """
import os
def f():
    denied = []
    for step in (lambda: os.nice(19), lambda: os.sched_setaffinity(0, {0}), lambda: os.setpriority(0, 0, 5),
                 lambda: os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0)),
                 lambda: os.sched_setparam(0, os.sched_param(0))):
        try:
            step()
        except OSError:
            denied.append(True)
    return len(denied)
"""


LIBRARIES = """
import concurrent.futures, matplotlib.pyplot, numpy as np, torch
a = np.ones((300, 300)) @ np.ones((300, 300))
b = torch.ones(300, 300) @ torch.ones(300, 300)
assert list(concurrent.futures.ThreadPoolExecutor(2).map(abs, [-1])) == [1]
"""


def test_nobody_steps_back_behind_others_and_libraries_do_not_mind(sandbox_kind):
    if sandbox_kind != "bubblewrap" or syscalls.program() is None:
        pytest.skip("the filter is bubblewrap's, on processors whose calls are known")
    job = {"cells": [LIBRARIES, STEPS_BACK], "questions": [{"name": "q", "answer": "f", "calls": [plain.encode(())]}]}
    text, reason = sandbox.execute({**job, "seed": 0}, sandbox_kind, sandbox.Limits(), waits=(0,))
    assert reason is None and json.loads(text)["cells"] == {}, text
    assert [plain.decode(value) for value in json.loads(text)["answers"]["q"]["values"]] == [5]


STARVED = """
import os, subprocess, sys
from coursework import plain
from coursework.grader import sandbox
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
os.nice(10)
loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"], start_new_session=True) for _ in range(8)]
try:
    code = "def f(x):\\n    import time\\n    while time.process_time() < 0.7: pass\\n    return x"
    question = {"name": "q", "answer": "f", "calls": [plain.encode((1.0,))]}
    limits = sandbox.Limits(answer_seconds=1, cell_seconds=3, seconds=6)
    print(sandbox.execute({"cells": [code], "questions": [question], "seed": 0}, "bubblewrap", limits, waits=(0,))[0])
finally:
    for loop in loops:
        loop.kill()
"""


def test_a_busy_processor_costs_nobody_an_answer(sandbox_kind):
    """Eight loops beside it, an answer that computes for 0.7 s of the 1 s it may: it takes some 6 s by the clock."""
    if sandbox_kind != "bubblewrap" or not blame.waiting([os.getpid()]):
        pytest.skip("not on this machine: no bubblewrap, or a kernel that counts no waits")
    run = guarded([sys.executable, "-c", STARVED])
    assert run.returncode == 0, run.stderr
    answer = json.loads(run.stdout)["answers"]["q"]
    assert [plain.decode(value) for value in answer["values"]] == [1.0], answer


def test_a_machine_that_is_too_busy_is_named(monkeypatch):
    """Time passes, nothing of it is the submission's."""
    monkeypatch.setattr(blame.Clock, "now", lambda self: 0.0)
    Sandbox(monkeypatch, "printf '\\n'; sleep 30")
    with pytest.raises(sandbox.MachineError, match="busy"):
        sandbox.execute(JOB, "bubblewrap", sandbox.Limits(seconds=-1.5), waits=(0,))


def test_half_a_room_is_made_anew(monkeypatch):
    """The disk is full while the room is written, and has place again at the next try."""
    sandbox.drop_room()
    real = shutil.copytree

    def full(source, *arguments, **options):
        if source == sandbox.ROOT / "data":
            raise OSError(28, "No space left on device")
        return real(source, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copytree", full)
        with pytest.raises(OSError):
            sandbox.room()
    assert (sandbox.bare_room() / "runner.py").exists()


def test_a_room_that_was_cleaned_away_is_made_anew(monkeypatch, sandbox_kind):
    if sandbox_kind != "bubblewrap":
        pytest.skip("bubblewrap's alone")
    shutil.rmtree(sandbox.room())
    text, reason = sandbox.execute(JOB, sandbox_kind, sandbox.Limits())
    assert reason is None and json.loads(text) == {"cells": {}, "answers": {}}


KILLS_ITSELF = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"


@pytest.mark.parametrize("kills", [0, 1])
def test_the_runner_tells_of_a_kill_that_it_did_not_send(kills, monkeypatch, sandbox_kind):
    """A real sandbox and a real SIGKILL; whether the kernel says that it has sent it is the fake."""
    counted = iter([5, 5 + kills])
    monkeypatch.setattr(blame, "kills_for_memory", lambda: next(counted))
    code = f"def f():\n    {KILLS_ITSELF.replace(chr(10), chr(10) + '    ')}"
    questions = [{"name": "q", "answer": "f", "calls": [plain.encode(())]}]
    if kills:
        with pytest.raises(sandbox.MachineError, match="want of memory"):
            sandbox.execute({"cells": [code], "questions": questions, "seed": 0}, sandbox_kind, sandbox.Limits(), (0,))
        return
    text, reason = sandbox.execute({"cells": [code], "questions": questions, "seed": 0}, sandbox_kind, sandbox.Limits())
    assert reason is None and "ended the Python process" in json.loads(text)["answers"]["q"]["complaint"]


def test_the_runner_says_when_the_submission_begins():
    """Before that, no end is the submission's; from then on an end without a report is."""
    limits = {"memory": 2**32, "processes": None, "disk": 2**20, "seconds": 5, "cell_seconds": 5, "answer_seconds": 5}
    run = [sys.executable, "-s", "-B", str(sandbox.room() / "runner.py")]
    half = json.dumps({"cells": [], "seed": 0, "limits": limits}).encode()  # it asks for nothing, so the report fails
    for job, said in ((b"no job", b""), (half, blame.BEGUN)):
        ended = subprocess.run(run, input=job, capture_output=True)
        assert (ended.returncode, ended.stdout) == (1, said), ended.stderr


LIMITED = "import os, resource\nresource.prlimit({pid}, resource.RLIMIT_{what}, ({most}, {most}))\nos._exit(0)"


@pytest.mark.parametrize(("what", "most"), [("NPROC", 0), ("CPU", 1), ("AS", 0), ("NOFILE", 0)])
def test_no_submission_caps_the_process_that_reports_on_it(what, most, sandbox_kind):
    if sandbox_kind != "bubblewrap" or syscalls.program() is None:
        pytest.skip("the filter is bubblewrap's, on processors whose calls are known")
    cell = LIMITED.format(pid=1, what=what, most=most)
    text, reason = sandbox.execute({**JOB, "cells": [cell]}, sandbox_kind, sandbox.Limits())
    assert reason is None and json.loads(text)["cells"] == {"1": "OSError, line 2 of code cell 1"}


@pytest.mark.parametrize("cell", [LIMITED.format(pid=1, what="NPROC", most=0), "import os\nos.kill(1, 2)"])
def test_who_stops_the_process_that_reports_has_done_so(cell, sandbox_kind, monkeypatch):
    """Where there is no filter of calls, as in a container; and a signal which that process takes.

    What is started in a shell's background has SIGINT ignored from the start: there, the signal does nothing.
    """
    monkeypatch.setattr(syscalls, "program", lambda: None)
    job = {**JOB, "cells": [cell + "\nimport time\ntime.sleep(1)"]}
    text, reason = sandbox.execute(job, sandbox_kind, sandbox.Limits())
    if "kill" in cell and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        assert reason is None and json.loads(text)["cells"] == {}
    else:
        assert (text, reason) == (None, "the notebook ended the whole sandbox")


FEW = """
import resource, sys
from coursework.grader import sandbox
sandbox.room()
resource.setrlimit(resource.RLIMIT_NPROC, ({most}, {most}))
job = {{"cells": ["x = 1.0"], "questions": [{{"name": "x", "answer": "x", "calls": None}}], "seed": 0}}
try:
    print(sandbox.execute(job, "bubblewrap", sandbox.Limits(), waits=(0,))[0])
except sandbox.MachineError:
    print("machine")
"""


@pytest.mark.parametrize("most", [2, 3, 4])
def test_where_processes_are_few_no_answer_is_lost(most, sandbox_kind):
    """The stage has a process, the answer has none: that is the machine's, and no answer that ended Python."""
    if sandbox_kind != "bubblewrap":
        pytest.skip("bubblewrap's alone")
    run = subprocess.run([sys.executable, "-c", FEW.format(most=most)], cwd=ROOT, capture_output=True, text=True)
    said = run.stdout.strip()
    assert said == "machine" or json.loads(said)["answers"]["x"]["values"] == [plain.encode(1.0)], run.stderr


def test_who_leaves_itself_no_process_has_done_so(sandbox_kind):
    cell = "import resource\nresource.setrlimit(resource.RLIMIT_NPROC, (1, 1))\nx = 1.0"
    job = {**JOB, "cells": [cell], "questions": [{"name": "x", "answer": "x", "calls": None}]}
    text, reason = sandbox.execute(job, sandbox_kind, sandbox.Limits())
    complaint = "your answer left too many processes running."
    assert reason is None and json.loads(text)["answers"] == {"x": {"values": [], "complaint": complaint}}


TALKS = """
import os, stat, time
for fd in range(3, 64):
    try:
        if stat.S_ISFIFO(os.fstat(fd).st_mode):
            sink = fd
    except OSError:
        pass
end = time.monotonic() + 12
while time.monotonic() < end:
    os.write(sink, b'["error", 1, "x"]\\n')
    time.sleep(0.01)
"""


def test_no_talk_stops_the_clock_of_a_step(sandbox_kind):
    limits = sandbox.Limits(cell_seconds=1)
    text, reason = sandbox.execute({**JOB, "cells": [TALKS]}, sandbox_kind, limits)
    assert reason is None and json.loads(text)["cells"] == {"1": "this cell took longer than the 1 s allowed"}


TAKEN_BACK = """
import os, select, sys, time
sys.path.insert(0, sys.argv[1])
import blame, runner
source, sink = os.pipe()
select.select = lambda *_: time.sleep(0.1) or ([source], [], [])  # as if something came each time, and was taken back
stage = os.fork()
if stage == 0:
    time.sleep(20)
    os._exit(0)
limits = {"cell_seconds": 0.1}
clock = blame.Clock(blame.everyone)
print(runner.listen(source, stage, limits, clock, clock.now() + 9, [], {"cells": {}, "answers": {}})[1], flush=True)
os.kill(stage, 9)
"""


def test_what_a_stage_takes_back_keeps_nobody_waiting():
    """It may open its end of the pipe for reading, too. Whoever listens must not wait for what is gone."""
    run = [sys.executable, "-c", TAKEN_BACK, str(sandbox.room())]
    ended = subprocess.run(run, capture_output=True, text=True, timeout=15)
    assert ended.stdout == "took longer than the 0.1 s allowed\n", ended.stderr


# ---------------------------------------------------------------------------------------------------------------------
# The gradebook, the table


def change(out, statement):
    with sqlite3.connect(out / "gradebook.db") as book:
        assert book.execute(statement).rowcount > 0
    book.close()


BOB = "SELECT s.id FROM submitted_assignment AS s WHERE s.student_id = 'bob'"  # of one assignment
GRADES = f"notebook_id IN (SELECT id FROM submitted_notebook WHERE assignment_id IN ({BOB}))"


@pytest.mark.parametrize("score", ["'three'", "9e999"])
def test_a_bad_entry_in_the_gradebook_is_that_students_row(class_of_three, tmp_path, score):
    class_of_three()
    change(tmp_path / "out", "UPDATE grade SET manual_score = 3 WHERE manual_score IS NULL AND auto_score IS NULL")
    assert class_of_three()[1]["bob"]["status"] == "complete"
    change(tmp_path / "out", f"UPDATE grade SET manual_score = {score} WHERE manual_score = 3 AND {GRADES}")
    status, rows = class_of_three()
    assert status == 1 and rows["bob"]["status"] == "points by hand could not be read"
    assert "ValueError" in rows["bob"]["notes"] and points(rows["bob"]) == (10, 5, 2)
    assert [rows[student]["score"] for student in ("ann", "cem")] == ["20", "20"], "the others' points by hand stay"


def test_a_gradebook_that_is_none_costs_the_class_no_table(class_of_three, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "gradebook.db").write_bytes(b"not a gradebook" * 300)
    status, rows = class_of_three()
    assert status == 1 and {points(row) for row in rows.values()} == {(10, 5, 2)}
    assert {row["status"] for row in rows.values()} == {"points by hand could not be read"}
    assert "gradebook could not be written" in capsys.readouterr().err


def test_one_student_whom_the_gradebook_refuses(class_of_three, monkeypatch, tmp_path):
    real = gradebook._write_one

    def write_one(book, folder, assignment, result, submission):
        if result.student == "bob":
            raise OSError(28, "No space left on device")
        real(book, folder, assignment, result, submission)

    monkeypatch.setattr(gradebook, "_write_one", write_one)
    rows = class_of_three()[1]
    assert {points(row) for row in rows.values()} == {(10, 5, 2)}
    assert "not in the gradebook (OSError)" in rows["bob"]["notes"] and rows["ann"]["notes"] == ""
    assert "gradebook" not in feedback(tmp_path / "out", "bob"), "that is for who marks"


def test_what_cannot_be_marked_for_want_of_memory_is_not_0(class_of_three, monkeypatch):
    real = command.Class.mark

    def mark(self, submission):
        if submission.student == "bob":
            raise MemoryError
        return real(self, submission)

    monkeypatch.setattr(command.Class, "mark", mark)
    status, rows = class_of_three()
    assert status == 1 and rows["bob"]["status"] == NOT_GRADED and points(rows["cem"]) == (10, 5, 2)


SLOW = {  # what the grader does with one student's code, and how it never ends
    "job": (engine, "needed"),
    "marks": (borrowed, "complaint"),
}


def never_ends(monkeypatch, module, name, endless):
    """A reader of code that doesn't come to an end where it meets bob's."""
    real = getattr(module, name)

    def read(cells, *more, **by_name):
        if "name = 'bob'" in cells:
            endless()
        return real(cells, *more, **by_name)

    monkeypatch.setattr(module, name, read)


def loops():
    while True:
        try:
            while True:
                pass
        except Exception:  # it goes on after whatever goes wrong
            continue


@pytest.mark.parametrize("where", SLOW)
@pytest.mark.parametrize("endless", [loops, lambda: time.sleep(1000)], ids=["loops", "sleeps"])
def test_code_that_is_read_for_ever_is_its_students_row(where, endless, tmp_path, monkeypatch, capsys):
    """A loop is what the code has brought about; that nothing is computed at all is the machine's doing."""
    key = write_assignment(tmp_path / "key", KEY.replace("points=10,", "points=10, derive=True,"))
    for student in THREE:
        submit(tmp_path / "submitted", student, [*RIGHT, f"name = '{student}'"])
    monkeypatch.setattr(fence, "SECONDS", 3)
    monkeypatch.setattr(fence, "BUSY", 0.05)  # this machine may be busy
    never_ends(monkeypatch, *SLOW[where], endless)
    status = command.main(grader(tmp_path / "submitted", tmp_path / "out", key, "--unsafe-no-sandbox")[3:])
    rows = marks(tmp_path / "out")
    assert list(rows) == list(THREE) and points(rows["ann"]) == points(rows["cem"]) == (10, 5, 2)
    bob, charged = rows["bob"], endless is loops
    assert (status, bob["score"]) == ((0, "0") if charged else (1, ""))
    assert "takes longer than 3 s" in (bob["status"] if charged else bob["notes"])
    assert (bob["status"] == NOT_GRADED) != charged and "bob" in feedback(tmp_path / "out", "bob")
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_code_that_is_compared_for_ever_costs_the_class_no_page(class_of_three, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(fence, "SECONDS", 3)
    never_ends(monkeypatch, alike, "structures", loops)
    status, rows = class_of_three()
    assert status == 0 and {points(row) for row in rows.values()} == {(10, 5, 2)}
    assert "bob: the code could not be compared" in capsys.readouterr().err
    assert (tmp_path / "out" / "marks" / "ps0_class.html").exists()


def test_an_alarm_that_was_swallowed_comes_again():
    with pytest.raises(fence.TooLongError), fence.within(0.1):
        with contextlib.suppress(BaseException):
            loops()
        loops()
    with fence.within(0.1):
        pass
    time.sleep(0.2)


def test_where_there_is_no_alarm_there_is_no_limit():
    said = []

    def elsewhere():
        with fence.within(0.01):
            time.sleep(0.1)
            said.append("done")

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert said == ["done"]


def test_a_job_that_cannot_be_made_is_its_students_problem(class_of_three, monkeypatch):
    real = engine.needed

    def needed(cells, *more):
        if "name = 'bob'" in cells:
            raise RecursionError
        return real(cells, *more)

    monkeypatch.setattr(engine, "needed", needed)
    status, rows = class_of_three()
    assert status == 0 and "could not be read" in rows["bob"]["status"] and points(rows["cem"]) == (10, 5, 2)


def test_a_file_that_the_machine_cannot_read_is_not_0(class_of_three, monkeypatch, tmp_path):
    real = os.open

    def fails(path, *more, **options):
        if "bob" in os.fspath(path) and str(path).endswith(".ipynb") and "submitted" in str(path):
            raise OSError(5, "Input/output error")
        return real(path, *more, **options)

    monkeypatch.setattr(submissions.os, "open", fails)
    status, rows = class_of_three()
    assert status == 1 and rows["bob"]["status"] == NOT_GRADED and "Input/output error" in rows["bob"]["notes"]
    assert points(rows["cem"]) == (10, 5, 2)


def test_notes_stand_in_the_table(tmp_path):
    key = write_assignment(tmp_path / "key")
    submit(tmp_path / "submitted", "ann", RIGHT)
    submit(tmp_path / "submitted", "ann", [IMPORT], name="old.ipynb")
    assert command.main(grader(tmp_path / "submitted", tmp_path / "out", key, "--unsafe-no-sandbox")[3:]) == 0
    assert "1 more lay beside it" in marks(tmp_path / "out")["ann"]["notes"]


def test_no_sign_costs_the_class_its_table(tmp_path):
    rows = [["student_id", "notes"], ["ann", "\udcff is no sign\x00,\nand \ud800"], ["bob", "\t=1+1"], ["cem", "-1.5"]]
    report.write_table(rows, tmp_path / "table.csv")
    text = (tmp_path / "table.csv").read_text(encoding="utf-8")
    assert len(text.splitlines()) == 4 and "' =1+1" in text and "cem,-1.5" in text


FORMULAS = [
    "=1+1",
    ";=1+1",
    "ValueError(';=HYPERLINK(A1);')",
    "ps0;=1+1;.ipynb",
    'a; "=1+1',
    'x;"";+1',
    ";;\t@SUM(A1)",
    "a|-1",
]
FORMULAS += ["\uff1d1+1", "'=1+1;=2", ";-1;+1", '";=1', "-1;=2", "a,=1+1"]


@pytest.mark.parametrize("separator", ",;\t")
def test_no_cell_begins_a_formula_whatever_parts_the_columns(tmp_path, separator):
    """In half of Europe a spreadsheet parts a table's columns at semicolons."""
    report.write_table([["student", text, "end"] for text in FORMULAS], tmp_path / "table.csv")
    with open(tmp_path / "table.csv", newline="", encoding="utf-8") as file:
        cells = [cell for row in csv.reader(file, delimiter=separator) for cell in row]
    assert [cell for cell in cells if cell.strip(' \t"').startswith(("=", "+", "-", "@", "\uff1d"))] == []
    if separator == ",":
        assert [cell.replace("'", "") for cell in cells[1::3]] == [
            text.replace("'", "").replace("\t", " ") for text in FORMULAS
        ]


# ---------------------------------------------------------------------------------------------------------------------
# Names that stay


def packed(path, *students):
    with zipfile.ZipFile(path, "w") as archive:
        for student, cell in students:
            name = f"{student}_assignsubmission_file_/ps0.ipynb"
            archive.writestr(name, notebook_of([*RIGHT, f"source = '{cell}'"]))


def found_in(folder, file):
    """{the cell that says which it is: the student's name}, as the grader's command finds them."""
    names = Names(file)
    found = find(folder, "ps0", names.of("ps0"))
    names.keep("ps0", found)
    assert len({submissions._folded(each.student) for each in found}) == len(found)
    return {each.code[-1]: each.student for each in found}


@pytest.mark.parametrize("later", ["a.zip", "mm.zip", "z.zip"])
def test_a_further_zip_renames_nobody(tmp_path, later):
    place, file = tmp_path / "submitted", tmp_path / "out" / "names.json"
    place.mkdir()
    packed(place / "m.zip", ("doe_1", "first"))
    before = found_in(place, file)
    assert list(before.values()) == ["doe_1"]
    packed(place / "n.zip", ("doe_1", "second"))
    two = found_in(place, file)
    packed(place / later, ("doe_1", "third"), ("roe_2", "other"))
    submit(place, "Doe_1", [*RIGHT, "source = 'folder'"])
    three = found_in(place, file)
    assert len(three) == 5 and before.items() <= two.items() <= three.items()
    (place / "m.zip").unlink()
    four = found_in(place, file)
    assert four.items() <= three.items(), "nobody takes the name that is free now"


@pytest.mark.parametrize("later", ["a.zip", "z.zip"])
def test_who_was_told_apart_stays_so_without_the_file(tmp_path, later):
    """The tag comes from where a submission was found, so no count of others is in it."""
    packed(tmp_path / "m.zip", ("doe_1", "first"))
    packed(tmp_path / "n.zip", ("doe_1", "second"))
    before = {each.code[-1]: each.student for each in find(tmp_path, "ps0")}
    packed(tmp_path / later, ("doe_1", "third"))
    after = {each.code[-1]: each.student for each in find(tmp_path, "ps0")}
    assert after["source = 'second'"] == before["source = 'second'"] != "doe_1"


def test_a_mark_by_hand_stays_with_its_notebook(tmp_path):
    """By the command: Jane's essay is marked, then a zip with another Jane arrives that is read first."""
    key, place, out = write_assignment(tmp_path / "key"), tmp_path / "submitted", tmp_path / "out"
    words = grader(place, out, key, "--unsafe-no-sandbox")[3:]
    submit(place, "jane", RIGHT)
    assert command.main(words) == 0
    change(out, "UPDATE grade SET manual_score = 3 WHERE auto_score IS NULL")
    with zipfile.ZipFile(place / "a.zip", "w") as archive:
        archive.writestr("Jane/ps0.ipynb", notebook_of([IMPORT, STEP]))
    assert command.main(words) == 0
    rows = marks(out)
    (other,) = set(rows) - {"jane"}
    assert (rows["jane"]["score"], rows["jane"]["status"]) == ("20", "complete")
    assert (rows[other]["score"], rows[other]["status"]) == ("10", "1 to be read")
    assert "more than once" in rows[other]["notes"] and "a.zip" in rows[other]["notes"]


def test_another_source_under_a_name_of_before_is_flagged(tmp_path):
    key, place, out = write_assignment(tmp_path / "key"), tmp_path / "submitted", tmp_path / "out"
    words = grader(place, out, key, "--unsafe-no-sandbox")[3:]
    submit(place, "jane", RIGHT)
    packed(place / "m.zip", ("doe_1", "old"))
    assert command.main(words) == 0
    shutil.rmtree(place / "jane")
    (place / "m.zip").rename(place / "m (1).zip")
    with zipfile.ZipFile(place / "a.zip", "w") as archive:
        archive.writestr("jane/ps0.ipynb", notebook_of(RIGHT))
    assert command.main(words) == 0
    rows = marks(out)
    assert "graded before" in rows["jane"]["notes"] and "graded before" not in feedback(out, "jane")
    assert rows["doe_1"]["notes"] == "", "an LMS's number is one student's, whatever its zip is called"


@pytest.mark.parametrize("text", ["", "[]", '{"ps0": []}', '{"ps0": {"a": 3}}', "{", "\ud800"])
def test_a_spoilt_file_of_names_is_said_before_the_class(tmp_path, text, capsys):
    key = write_assignment(tmp_path / "key")
    submit(tmp_path / "submitted", "ann", RIGHT)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "names.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    assert command.main(grader(tmp_path / "submitted", tmp_path / "out", key, "--unsafe-no-sandbox")[3:]) == 2
    assert "names.json can't be read" in capsys.readouterr().err


def test_signals_are_numbers_that_the_runner_uses():
    assert blame.KILLED == signal.SIGKILL
