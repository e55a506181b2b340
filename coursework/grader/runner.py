"""Runs one submission inside the sandbox: a job as JSON on stdin, what came out of it as JSON on stdout.

This file, `magics` and `plain` are all that a submission meets of the grader: the job holds its cells and the inputs,
never the right answers. The first process runs no code of the submission. It forks a stage, which runs the cells one by
one and then forks once more for each question, so that no answer can spoil another. If a cell or an answer ends the
process or takes too long, everything but the first process is killed and a new stage starts without the offender.
"""

import ast
import contextlib
import ctypes
import gc
import importlib.abc
import importlib.machinery
import importlib.util
import inspect
import json
import math
import os
import resource
import select
import signal
import sys
import time
import types
from collections.abc import Callable
from typing import Any, NoReturn

import blame  # these lie beside this file in the sandbox
import magics
import plain

MESSAGE = 8_000_000  # bytes that one stage may report
CROWD = 12  # processes that a cell or an answer may leave running
PATIENCE = 4  # by the clock, a step may take this many times the seconds that it may compute
BEGINNING = 1_767_225_600  # when time begins for a submission, in seconds since 1970: the first of January 2026
TRIES = 3  # stages that may find no place for an answer's process, though there is one when they are gone
GONE = 0.5  # seconds in which a process that has closed its pipe is gone, if it ends
ASLEEP, AWAKE = 20, 0.2  # a step that computes less than 0.2 s in 20 s by the clock is asleep, however often it wakes
FOLLOWED, SELDOM = 100, 16  # passes of a line that are all looked at; then one in 16 is
MANY = 100_000  # passes of a line after which its function's lines are no longer followed
UNFOLLOWED = tuple(
    "sys.settrace sys.setprofile _thread. os.fork os.exec os.posix_spawn os.system subprocess. pty. ctypes.".split()
)  # what Python says of itself when its numbers may no longer be followed
SEARCHES = {"sys._getframe", "sys._current_frames", "gc.get_objects", "gc.get_referrers", "gc.get_referents"}
SEARCHES |= {"code.__new__", "object.__setattr__", "object.__getattr__"}  # and when something looks for the grader
SEARCHED = {"tb_frame", "gi_frame", "cr_frame", "ag_frame", "__code__"}  # the attributes of which this is said
STEPPED, CALLS = 200, 40  # entries of an array whose calls are compared, and how many calls for each of its entries
SPREAD = 2_654_435_761  # times this, whole numbers look like chance
STRAIGHT = 1e-9  # how far from 1 the cosine between two moves along one line may be
LITTLE = 0.3  # how far differences move an entry at most
NO_THREAD = "your answer began a thread, and none may begin here."
COMPLEX = "computes with complex numbers. A complex step is no derivation, and that is asked for here."
DIGITS = "computes in more digits than float64. Only differences need these, and a derivation is asked for here."
UNREAD = "your answer runs code that stands in no cell of the notebook."
LIBRARY, CELL, MADE, NOWHERE = "a library", "a cell", "made by a library", "nowhere"  # where code comes from
NAMED = ("LinAlgError", "NotHereError")  # exceptions that are told by name, beside Python's own
LOOP: list[Any] = []  # the event loop of the notebook, where one of its cells waits for something


def main() -> None:
    """Read the job, run it, write the report."""
    job = json.load(sys.stdin)
    report_to = os.dup(1)
    quiet = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(quiet, stream)
    restrict(job["limits"])
    processes = most_processes()
    be_readable(False)
    os.write(report_to, blame.BEGUN)
    try:
        found, killed = supervise(job)
    except NoProcessError:  # in a container a submission may take this process's own right to start others
        sys.exit(blame.NO_PROCESS if most_processes() == processes else 1)
    report = json.dumps(found).encode()
    while report:
        report = report[os.write(report_to, report) :]
    sys.exit(blame.KILLED if killed else 0)


class NoProcessError(OSError):
    """The machine has no process for a submission of which nothing runs at this moment."""


def most_processes() -> tuple[int, int] | None:
    """This process's cap on processes, None where there is no such thing."""
    return resource.getrlimit(resource.RLIMIT_NPROC) if hasattr(resource, "RLIMIT_NPROC") else None


def restrict(limits: dict[str, Any]) -> None:
    """Cap what every process from here on may take. No process can lift a cap again."""
    caps = {
        "RLIMIT_AS": limits["memory"],
        "RLIMIT_NPROC": limits["processes"],
        "RLIMIT_FSIZE": limits["disk"],
        "RLIMIT_NOFILE": 128,
        "RLIMIT_CORE": 0,
        "RLIMIT_SIGPENDING": 256,  # timers count, too, and all of a user's are counted together
    }
    for name, cap in caps.items():
        if cap is not None and hasattr(resource, name):
            hard = resource.getrlimit(getattr(resource, name))[1]
            cap = cap if hard == resource.RLIM_INFINITY else min(cap, hard)
            resource.setrlimit(getattr(resource, name), (cap, cap))


def be_alone() -> None:
    """Have no thread and no process besides this one, from here on: what they compute nobody follows."""
    if hasattr(resource, "RLIMIT_NPROC"):
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))


def be_readable(yes: bool) -> None:
    """Whether other processes of the sandbox may look into this one's memory and stop it. Linux alone knows of it."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(4, int(yes), 0, 0, 0)  # PR_SET_DUMPABLE


def be_the_first_to_go() -> None:
    """Where memory runs out, the kernel ends a submission's processes before the one that reports on them."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")


def supervise(job: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Run stages until every question has an answer or a reason why not.

    Returns the report, and whether a process of the submission was killed by something else than this program.
    """
    limits = job["limits"]
    report: dict[str, dict] = {"cells": {}, "answers": {}}
    left_out: set[int] = set()
    clock = blame.Clock(blame.everyone)
    end, killed, full = clock.now() + limits["seconds"], False, 0
    while True:
        questions = [question for question in job["questions"] if question["name"] not in report["answers"]]
        source, sink = os.pipe()
        try:
            stage = os.fork()
        except OSError as error:
            raise NoProcessError from error
        if stage == 0:
            os.closerange(3, sink)  # the way out of the sandbox is the first process's alone
            os.closerange(sink + 1, 128)
            os.setsid()
            be_readable(True)  # it looks at its own files in /proc, as every program may
            be_the_first_to_go()
            run_stage(job, questions, left_out, sink)
        os.close(sink)
        step, reason, by_force = listen(source, stage, limits, clock, end, questions, report)
        killed |= by_force
        os.close(source)
        kill_all_others(stage)
        if step is None:
            return report, killed
        kind, name = step
        if kind == "full":  # of a stage's word alone nobody knows whose processes took the place
            if not has_place_for_two():
                raise NoProcessError
            full += 1
            if full < TRIES and clock.now() < end:
                continue
            kind = "answer"
        if kind == "cell" and name not in left_out:
            report["cells"][str(name)] = f"this cell {reason}"
            left_out.add(name)
        elif kind == "answer":
            report["answers"][name] = {"values": [], "complaint": f"your answer {reason}."}
        else:
            reason = "could not be run"
        if clock.now() > end or kind not in ("cell", "answer"):
            for question in questions:
                answer = {"values": [], "complaint": f"there was no time left: the notebook {reason}"}
                report["answers"].setdefault(question["name"], answer)
            return report, killed


def has_place_for_two() -> bool:
    """Whether a process can be started, and one by that, as a stage needs it. Nothing of the submission runs now."""
    try:
        child = os.fork()
    except OSError:
        return False
    if child == 0:
        try:
            os.waitpid(os.fork() or os._exit(0), 0)
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0


def listen(
    source: int,
    stage: int,
    limits: dict[str, Any],
    clock: blame.Clock,
    end: float,
    questions: list[dict[str, Any]],
    report: dict[str, Any],
) -> tuple[tuple[str, Any] | None, str | None, bool]:
    """Follow one stage's messages into the report.

    Returns the step at which it failed and why, or None and None; and whether SIGKILL has ended the stage or an answer,
    which the kernel does where memory runs out. Nothing here has sent it, but the submission may have.
    """
    step: tuple[str, Any] = ("cell", 0)
    buffer, received, killed = b"", 0, False
    start, computed = clock.now(), computing()
    awake, awake_at = computed, start
    os.set_blocking(source, False)  # the stage can take back what it wrote
    while True:
        ready, _, _ = select.select([source], [], [], 0.2)
        chunk = None
        with contextlib.suppress(BlockingIOError):
            chunk = os.read(source, 65536) if ready else None
        if not chunk:
            status = how_it_ended(stage, GONE if chunk == b"" else 0)
            if chunk == b"" or status is not None:
                by_force = status is not None and os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
                return step, "ended the Python process", killed or by_force
        received += len(chunk or b"")
        if received > MESSAGE:
            return step, "reported too much", killed
        *lines, buffer = (buffer + (chunk or b"")).split(b"\n")
        for line in lines:
            try:
                kind, name, content = json.loads(line)
                hash(name)
            except (ValueError, TypeError, RecursionError):
                return step, "wrote where only the grader writes", killed
            if kind == "done" and all(question["name"] in report["answers"] for question in questions):
                return None, None, killed
            if kind == "error":
                report["cells"][str(name)] = str(content)[:100]
            elif kind == "value" and step == ("answer", name):
                report["answers"][name] = content
            elif kind == "crowd":
                return step, "left too many processes running", killed
            elif kind == "full" and step == ("answer", name):
                return ("full", name), "left too many processes running", killed
            elif kind == "ended":
                report["answers"].setdefault(name, {"values": [], "complaint": "your answer ended the Python process."})
                killed |= content == signal.SIGKILL
            elif kind in ("cell", "answer"):
                step = (kind, name)
                start, computed = clock.now(), computing()
                awake, awake_at = computed, start
            else:
                return step, "wrote where only the grader writes", killed
        allowed, now = limits[step[0] + "_seconds"], clock.now()  # whether it is silent or talks without end
        if now > min(start + PATIENCE * allowed, end) or (total := computing()) - computed > allowed:
            return step, f"took longer than the {allowed:g} s allowed", killed
        if total > awake + AWAKE:
            awake, awake_at = total, now
        elif now > awake_at + ASLEEP and os.getpid() == 1:
            return step, f"did nothing for {ASLEEP} s", killed


def computing() -> float:
    """Seconds that all processes in the sandbox have computed so far: a busy machine costs nobody's points."""
    return blame.computing(blame.everyone())


def how_it_ended(pid: int, patience: float) -> int | None:
    """A child's wait status once it is gone, although somebody may still hold its end of the pipe; None before.

    patience  seconds to wait for that. A child that has closed the pipe need not end.
    """
    end = time.monotonic() + patience
    while True:
        try:
            ended, status = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            return 0
        if ended or time.monotonic() >= end:
            return status if ended else None
        time.sleep(0.01)


def kill_all_others(stage: int) -> None:
    """Leave nothing of a stage. As process 1 of the sandbox that is everything; elsewhere its group of processes."""
    alone = os.getpid() == 1
    try:
        os.kill(-1, signal.SIGKILL) if alone else os.killpg(stage, signal.SIGKILL)
    except ProcessLookupError:
        pass
    with contextlib.suppress(ChildProcessError):
        os.waitpid(stage, 0)
    with contextlib.suppress(ChildProcessError):  # of its own, since the stage may have been waited for already
        while alone:
            os.waitpid(-1, 0)


def run_stage(job: dict[str, Any], questions: list[dict[str, Any]], left_out: set[int], sink: int) -> NoReturn:
    """In a process of its own: the cells, then each question in a fork. Never returns."""
    fork, wait, leave, write, dumps, pid_now = os.fork, os.waitpid, os._exit, os.write, json.dumps, os.getpid
    speaker, alone = [pid_now()], os.getppid() == 1

    def say(*message: Any) -> None:
        if pid_now() != speaker[0]:  # a copy that the submission made by os.fork
            leave(0)
        line = dumps(message).encode() + b"\n"
        while line:
            line = line[write(sink, line) :]

    def look_around() -> None:
        if alone and crowd() > CROWD:
            say("crowd", None, None)
            leave(0)

    try:
        namespace, begin_step = prepare(job["seed"]), tell_the_same_time()
        if absent := job.get("absent"):
            sys.meta_path.insert(0, _Absences(absent))
        compute, comes = in_reals() if absent else (answer, lambda code, origin: None)
        cells: dict[int, list[Part]] = {}
        for number, cell in enumerate(job["cells"], 1):  # all, before one of them can put another cell's text in place
            if number not in left_out:
                say("cell", number, None)
                try:
                    cells[number] = compiled(cell, number, by_statement=bool(absent))
                except BaseException as error:
                    say("error", number, describe(error))
        for part in (part for parts in cells.values() for part in parts):
            if isinstance(part, types.CodeType):
                comes(part, CELL)
        for number, parts in cells.items():
            say("cell", number, None)
            begin_step()
            try:
                run_cell(parts, namespace)
            except BaseException as error:  # a cell may raise what it likes, SystemExit too
                say("error", number, describe(error))
            look_around()
        for question in questions:
            name = question["name"]
            say("answer", name, None)
            begin_step()
            try:
                child = fork()
            except OSError:
                say("full", name, None)
                leave(0)
            if child == 0:
                speaker[0] = pid_now()
                Absent.strict = True
                if absent:
                    be_alone()
                say("value", name, compute(question, namespace))
                leave(0)
            status = wait(child, 0)[1]
            say("ended", name, status & 127)  # the signal that ended it, if one did
            look_around()
        say("done", None, None)
    finally:
        leave(0)


def crowd() -> int:
    """How many processes there are in the sandbox."""
    return sum(name.isdigit() for name in os.listdir("/proc"))


def prepare(seed: int) -> dict[str, Any]:
    """The namespace of a fresh notebook, with the random generators at a fixed start."""
    import random

    import numpy as np

    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 (notebooks may use the old generator)
    entropy = random.Random(seed)
    bits: Any = np.random.bit_generator  # its randbits is what default_rng() without a seed begins with
    bits.randbits = entropy.getrandbits
    chance: Any = random
    os.urandom = chance._urandom = entropy.randbytes
    os.getrandom = lambda size, flags=0: entropy.randbytes(size)
    chance.Random.seed = _seeded(random.Random.seed, entropy)
    sys.meta_path.insert(0, _SeedsTorch(seed, entropy))
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    module.__dict__.update(get_ipython=Quiet, display=Quiet())
    return module.__dict__


def tell_the_same_time() -> Callable[[], None]:
    """From here on time begins at a fixed moment, so that seeds taken from it are the same in every run.

    It does pass: what trains for ten seconds ends. But it goes by whole seconds from the first look that a step takes,
    and by a microsecond for each look, so that a quick step meets the same times in every run. What libraries look at
    starts no clock of the notebook's: an import may take a second more or less. Nothing that bounds the submission is
    in this process. Returns what is to be called when a step begins.
    """
    import datetime

    monotonic, strftime, getframe, begun, looks = time.monotonic, time.strftime, sys._getframe, BEGINNING, 0
    first: dict[bool, float] = {}  # when the notebook's own cells looked first, and when others did

    def begin_step() -> None:
        nonlocal begun, looks
        begun, looks = begun + int(monotonic() - first.get(True, monotonic())) + 1, 0
        first.clear()

    def time_ns() -> int:
        nonlocal looks
        frame: Any = getframe(1)
        while frame.f_code.co_filename == __file__ and frame.f_back is not None:
            frame = frame.f_back
        own, looks = frame.f_code.co_filename.startswith("cell "), looks + 1
        return 1_000 * (1_000_000 * (begun + int(monotonic() - first.setdefault(own, monotonic()))) + looks)

    def or_now(real: Any) -> Any:
        return lambda seconds=None: real(time_ns() / 1e9 if seconds is None else seconds)

    clocks: Any = time
    clocks.time_ns, clocks.time = time_ns, lambda: time_ns() / 1e9
    clocks.localtime, clocks.gmtime, clocks.ctime = map(or_now, (time.localtime, time.gmtime, time.ctime))
    clocks.strftime = lambda form, moment=None: strftime(form, clocks.localtime() if moment is None else moment)
    kind: Any = datetime.datetime
    (methods,) = gc.get_referents(kind.__dict__)  # a type of C, which takes no new method
    methods["now"] = classmethod(lambda cls, tz=None: cls.fromtimestamp(time_ns() / 1e9, tz))
    methods["utcnow"] = classmethod(lambda cls: cls.utcfromtimestamp(time_ns() / 1e9))
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(kind))
    return begin_step


def _seeded(seed: Any, entropy: Any) -> Any:
    """random.Random.seed, which takes what it isn't given from `entropy`."""

    def set_seed(self: Any, a: Any = None, version: int = 2) -> None:
        seed(self, entropy.getrandbits(64) if a is None else a, version)

    return set_seed


class _SeedsTorch(importlib.abc.MetaPathFinder):
    """Gives torch's random generator its start as soon as torch is imported, which takes too long to do for all.

    What torch would take from the machine, in `torch.seed()` and `torch.Generator().seed()`, comes from `entropy`.
    """

    def __init__(self, seed: int, entropy: Any):
        self.seed, self.entropy = seed, entropy

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != "torch":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def exec_module(module: Any) -> None:
                load(module)
                module.manual_seed(self.seed)
                (methods,) = gc.get_referents(module.Generator.__dict__)  # a type of C, which takes no new method
                methods["seed"] = seed
                ctypes.pythonapi.PyType_Modified(ctypes.py_object(module.Generator))

            def seed(generator: Any) -> int:
                number: int = self.entropy.getrandbits(64)
                generator.manual_seed(number)
                return number

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


class Quiet:
    """Stands for IPython's shell: every attribute and every call of it does nothing."""

    def __init__(self, *args: Any, **kwargs: Any):
        pass

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self


class NotHereError(Exception):
    """A derivation needs a tool that the room for derivations doesn't have."""


class Absent:
    """Stands for a tool that isn't in this room, and for all that is in it: cells run on, answers that use it fail.

    What a cell does with it in passing (prints it, adds to it, asserts on it) gives this stand-in again, so that what
    the same cell defines further down is there.
    """

    strict = False
    asked = 0  # how often one was held for true since the last loop's end

    def __init__(self, name: str = "torch"):
        self.called = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """This stand-in again. A function or class that it decorates stays what it is; `with no_grad():` runs on."""
        if not args and not kwargs:
            return self
        if len(args) == 1 and isinstance(args[0], types.FunctionType | type):
            return args[0]
        return self._used()

    def _used(self, *args: Any, **kwargs: Any) -> Any:
        if Absent.strict:
            raise NotHereError(
                f"{self.called} isn't there when this answer is computed. Its derivation is to be your own, in NumPy, "
                "with all functions that it calls."
            )
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _used
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = __matmul__ = __rmatmul__ = _used
    __and__ = __rand__ = __neg__ = __pos__ = __abs__ = __invert__ = __round__ = __getitem__ = __setitem__ = _used
    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = _used
    __array_ufunc__ = __array_function__ = _used  # what NumPy calls where it meets one
    __hash__ = object.__hash__

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Absent(f"{self.__dict__.get('called', 'torch')}.{name}")

    def __or__(self, other: Any) -> Any:
        """Of `np.ndarray | torch.Tensor` as a type, the part that is here is left."""
        return type(None) if other is None else other

    __ror__ = __or__

    def __bool__(self) -> bool:
        """True, so that assertions hold; but a loop that goes on while it is true has an end."""
        Absent.asked = (Absent.asked + 1) % 1000
        return Absent.asked != 0

    def __float__(self) -> float:
        self._used()
        return math.nan

    def __index__(self) -> int:
        self._used()
        return 0

    def __iter__(self) -> Any:
        return iter(())

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *error: Any) -> None:
        pass

    def __format__(self, form: str) -> str:
        return str(self)

    def __instancecheck__(self, thing: Any) -> bool:
        return False

    __subclasscheck__ = __instancecheck__

    def __mro_entries__(self, bases: Any) -> tuple:
        first = next(base for base in bases if type(base) is Absent)
        return (Absent,) if self is first else ()


class _Absences(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Lets cells import tools that this room doesn't have, so that what else stands in these cells still runs."""

    def __init__(self, names: list[str]):
        self.names = tuple(names)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if any(name == absent or name.startswith(absent + ".") for absent in self.names):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        module.__dict__["__getattr__"] = Absent(module.__name__).__getattr__
        module.__dict__["__version__"] = "0"


Part = types.CodeType | Exception


def compiled(source: str, number: int, by_statement: bool = False) -> list[Part]:
    """A code cell's code in one piece, or by_statement, each by itself; in place of what can't be compiled, why."""
    file, source = f"cell {number}", magics.as_python(source)
    found: list[Part] = []
    for part in statements(source, file) if by_statement else [source]:
        try:
            found.append(compile(part, file, "exec", magics.TOP_LEVEL, dont_inherit=True))
        except Exception as error:
            found.append(error)
    return found


def run_cell(parts: list[Part], namespace: dict[str, Any]) -> None:
    """Run a code cell.

    What fails costs its own part alone: where tools are missing, a line that needs one must not take the functions
    below it along. The first failure is raised when all parts have run.
    """
    failures: list[BaseException] = []
    for part in parts:
        try:
            if isinstance(part, Exception):
                raise part
            execute(part, namespace)
        except BaseException as error:
            failures.append(error)
    if failures:
        raise failures[0]


def statements(source: str, file: str) -> list[ast.Module]:
    """A cell's statements, each by itself under the cell's `from __future__`."""
    body = ast.parse(source, file).body
    future = [each for each in body if isinstance(each, ast.ImportFrom) and each.module == "__future__"]
    return [ast.Module([*future, each], []) for each in body if each not in future]


def execute(code: types.CodeType, namespace: dict[str, Any]) -> None:
    """Run compiled code; what waits for something outside of any function runs in the notebook's one event loop."""
    begun = eval(code, namespace)
    if not code.co_flags & inspect.CO_COROUTINE:
        return
    import asyncio  # few notebooks need it

    if not LOOP:
        LOOP.append(asyncio.new_event_loop())
    asyncio.set_event_loop(LOOP[0])
    LOOP[0].run_until_complete(begun)


def answer(
    question: dict[str, Any], namespace: dict[str, Any], begins: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """What the student's function returns for each input, or the variable's value, as plain data.

    begins  is called before each input.
    """
    name, values = question["answer"], []
    if name not in namespace:
        return {"values": [], "complaint": f"nothing called {name} is defined when the notebook has run."}
    given = namespace[name]
    try:
        if question["calls"] is None:
            return {"values": [plain.encode(given, entries=True)]}
        if not callable(given):
            return {"values": [], "complaint": f"{name} is not a function. Hand in the function itself."}
        if is_untouched(given):
            return {"values": [], "raised": ["NotImplementedError", ""]}
        for call in question["calls"]:
            begins()
            values.append(plain.encode(given(*plain.decode(call)), entries=True))
    except plain.NotPlainError as error:
        return {"values": values, "complaint": f"{error}."}
    except BaseException as error:
        if question.get("derive") and isinstance(error, RuntimeError) and error.args == ("can't start new thread",):
            return {"values": values, "complaint": NO_THREAD}
        return {"values": values, "raised": [kind(error), place(error)]}
    return {"values": values}


Answer = Callable[..., dict[str, Any]]
Origin = Callable[[types.CodeType], str]
Comes = Callable[[types.CodeType, str], None]


def shelves() -> tuple[str, ...]:
    """Folders where libraries lie."""
    return tuple(os.path.join(top, "") for top in {sys.prefix, sys.base_prefix, "/usr"})


def origins() -> tuple[Origin, Comes]:
    """(what tells where code comes from, what is told that it comes from there).

    A file's name proves nothing, since `compile` takes any. All that is there before the first cell runs is a
    library's. Of what comes later, that is a library's which stands in a library's file, word for word: cells can't
    write there.
    """
    read, translate, kind, key, code_type = open, compile, type, id, types.CodeType
    unreadable = OSError, SyntaxError, ValueError
    room, work = os.path.dirname(os.path.abspath(__file__)) + os.sep, os.getcwd() + os.sep
    libraries = (*shelves(), room)
    known: dict[int, tuple[types.CodeType, str]] = {}
    files: dict[str, set[types.CodeType]] = {}

    def within(code: types.CodeType) -> list[types.CodeType]:
        found = [code]
        for each in found:
            found += [constant for constant in each.co_consts if kind(constant) is code_type]
        return found

    def comes(code: types.CodeType, origin: str) -> None:
        for each in within(code):
            known[key(each)] = each, origin

    def written(file: str) -> set[types.CodeType]:
        ways = {"", ".", ".."} & {*file.split("/")[1:]}  # by which one gets out of a folder again
        if ways or not file.startswith(libraries) or file.startswith(work):
            return set()
        try:
            with read(file, "rb") as text:
                return {*within(translate(text.read(), file, "exec", dont_inherit=True))}
        except unreadable:
            return set()

    def origin(code: types.CodeType) -> str:
        if key(code) not in known:
            file = code.co_filename
            if file not in files:
                files[file] = written(file)
            as_written = code.replace(co_flags=code.co_flags & ~inspect.CO_ITERABLE_COROUTINE)  # of @types.coroutine
            if as_written not in files[file]:
                return NOWHERE
            known[key(code)] = code, LIBRARY
        return known[key(code)][1]

    for each in gc.get_objects():
        if kind(each) is types.FunctionType:
            comes(each.__code__, LIBRARY)
    return origin, comes


def in_reals() -> tuple[Answer, Comes]:
    """`answer`, or a complaint where the notebook's functions held other numbers than float64 needs on the way.

    Beside it, what is to be told where the cells' code comes from.

    A complex step differentiates by numbers, and needs no word that says so: (-1) ** 0.5 is complex. So are differences
    of numbers with more digits, whatever these are called. So all code that is no library's is followed line by line,
    and what would not be followed (a thread, another process, another hook) isn't accepted. Not seen is a step that no
    variable ever holds. Made before the first cell runs, with all that it calls: cells may patch what there is.
    Nor is code accepted that stands in no cell, where nobody reads it: in a text, in a file that the notebook has
    written, in bytes. dataclass and namedtuple make such code out of names alone, which is all right. What other
    libraries make is `unread` in the reply, and so is a compiled library from elsewhere.

    `stepped` in the reply says that a function was called with an array moved a little in one entry after the other,
    as for differences. `searched` says that the notebook looked for what the grader has in this process, `overrun` that
    a line was passed too often to be followed to the end. They take no points: who marks is told.
    """
    import collections
    import dataclasses

    import numpy as np

    compute, subclass, kind = answer, issubclass, type
    settrace, gettrace, getframe = sys.settrace, sys.gettrace, sys._getframe
    kind_of: Any = np.ndarray.dtype
    array, complexes, wides = np.ndarray, complex | np.complexfloating, np.longdouble
    wide = np.dtype(np.longdouble) if np.finfo(np.longdouble).eps < np.finfo(float).eps else None
    found: list[str] = []
    passes: dict[tuple[int, int], int] = {}
    steps = Steps()
    state = dict.fromkeys(("answering", "hidden", "searched", "overrun", "unread", "looking"), False)
    tuples, classes, importing = collections.namedtuple.__code__, dataclasses.__file__, "<frozen importlib"
    tops = shelves()

    def is_librarys(frame: types.FrameType | None) -> bool:
        return frame is not None and origin(frame.f_code) == LIBRARY

    def imports(frame: types.FrameType) -> bool:
        return is_librarys(frame) and frame.f_code.co_filename.startswith(importing)

    def made(code: Any, frame: types.FrameType) -> None:
        if is_librarys(frame) and not imports(frame) and kind(code) is types.CodeType and origin(code) == NOWHERE:
            by_class = frame.f_code.co_filename == classes and is_librarys(frame.f_back)
            comes(code, LIBRARY if frame.f_code is tuples or by_class else MADE)

    def look(frame: types.FrameType, event: str, result: Any) -> Any:
        code = frame.f_code
        if found or (source := origin(code)) == LIBRARY:
            return None
        if source == NOWHERE:
            found.append(UNREAD)
            return None
        state["unread"] |= source == MADE
        if event == "call":
            steps.called(frame)
        line = id(code), frame.f_lineno
        passes[line] = count = passes.get(line, 0) + 1
        if count > FOLLOWED and count % SELDOM and event == "line":
            if count > MANY:  # a frame without line events costs next to nothing
                frame.f_trace_lines, state["overrun"] = False, True
            return look
        for value in (*frame.f_locals.values(), result):
            of = kind_of.__get__(value) if subclass(kind(value), array) else None
            if subclass(kind(value), complexes) or (of and of.kind == "c"):
                found.append(f"{code.co_name[:60]} {COMPLEX}")
            elif wide and (of == wide or subclass(kind(value), wides)):
                found.append(f"{code.co_name[:60]} {DIGITS}")
        return look

    def watch(event: str, arguments: tuple) -> None:
        hides = state["answering"] and event.startswith(UNFOLLOWED)
        searches = event in SEARCHES and (event[:7] != "object." or arguments[1] in SEARCHED)
        file = {"import": arguments[1:2], "ctypes.dlopen": arguments[:1]}.get(event, ())  # one that is compiled
        if state["looking"] or not (hides or searches or event == "exec" or any(file)):
            return
        state["looking"] = True  # since what follows is an event, too
        frame: types.FrameType | None = getframe(1)
        if event == "exec" and frame is not None:
            made(arguments[0], frame)
        state["unread"] |= any(file) and "/" in str(file[0]) and not str(file[0]).startswith(tops)
        state["searched"] |= searches and frame is not None and not is_librarys(frame)
        while hides and frame is not None and not state["hidden"]:
            if imports(frame):
                break  # a library does so when it is imported: numpy.testing asks what processor it is on
            state["hidden"], frame = not is_librarys(frame), frame.f_back
        state["looking"] = False

    def followed(question: dict[str, Any], namespace: dict[str, Any]) -> dict[str, Any]:
        settrace(look)
        state["answering"] = True
        given = compute(question, namespace, steps.judge)
        state["answering"] = False
        hidden = state["hidden"] or gettrace() is not look
        settrace(None)
        steps.judge()
        if found:
            return {"values": [], "complaint": found[0]}
        if hidden:
            return {"values": [], "complaint": "your answer ended what follows its numbers."}
        signs = {"stepped": steps.seen, **{name: state[name] for name in ("searched", "overrun", "unread")}}
        return {**given, **{name: True for name, seen in signs.items() if seen}}

    origin, comes = origins()
    sys.addaudithook(watch)
    return followed, comes


class Steps:
    """Whether a function of the notebook is called with an array that is moved a little in one entry after the other.

    Whoever takes differences does so, of whatever order: all calls but a few differ from the usual array in one entry,
    by little, and each entry has its turn. A derivation passes on states, weights and unit vectors, which differ in
    many entries, in none, or from 0 and by 1. Of three distinct arrays or more, at most as many entries are the usual
    ones as one of them has, so from three entries on chance doesn't look like this.

    Or an array is moved along one straight line after the other, as in a system of axes that was turned: three calls
    or more on each line, and as many lines as the array has entries. Of more calls than are kept, chance keeps some.
    """

    def __init__(self) -> None:
        self.seen = False
        self.arrays: dict[tuple, list[Any]] = {}
        self.calls: dict[tuple, int] = {}

    def called(self, frame: types.FrameType) -> None:
        """Keep what a function is called with, and what it has from the functions around it. A batch is looked at."""
        import numpy as np

        for name, value in frame.f_locals.items():
            if type(value) is np.ndarray and value.dtype.kind == "f" and 3 <= value.size <= STEPPED:
                key = id(frame.f_code), name, value.shape
                kept = self.arrays.setdefault(key, [])
                self.calls[key] = calls = self.calls.get(key, 0) + 1
                if len(kept) < CALLS * value.size:
                    kept.append(value.ravel().copy())
                elif (place := calls * SPREAD % 2**32 * calls >> 32) < len(kept):  # each call is as likely to be kept
                    if not self.seen and place >= CALLS:  # the first lines stay whole
                        kept[place] = value.ravel().copy()
                for batch in (value, value.T) if value.ndim > 1 else ():
                    self.look_at(batch.reshape(len(batch), -1))

    def judge(self) -> None:
        """Look at the calls so far and forget them."""
        import numpy as np

        for kept in self.arrays.values():
            self.look_at(np.array(kept))
            self.look_along(np.array(kept))
        self.arrays, self.calls = {}, {}

    def look_at(self, arrays: Any) -> None:
        """Whether each entry of arrays (n, entries) has its turn in being moved alone and a little."""
        import numpy as np

        if len(arrays) >= arrays.shape[1] >= 3:
            usual = np.median(arrays, axis=0)
            moved = np.abs(arrays - usual)
            alone = ((moved > 0).sum(axis=1) == 1) & (moved.max(axis=1) < LITTLE)
            self.seen |= bool(moved[alone].any(axis=0).all() and usual.any())

    def look_along(self, arrays: Any) -> None:
        """Whether arrays (n, entries) move on as many straight lines as they have entries, little by little."""
        import numpy as np

        if self.seen or len(arrays) < 3 * arrays.shape[1] or arrays.shape[1] < 3:
            return
        moves = np.diff(arrays, axis=0)
        lengths = np.sqrt((moves**2).sum(axis=1))
        moves, lengths = moves[lengths > 0], lengths[lengths > 0]  # a call that is made again is none
        if len(moves) < 2 or not np.isfinite(moves).all():
            return
        along = moves / lengths[:, None]
        straight = np.abs((along[1:] * along[:-1]).sum(axis=1)) > 1 - STRAIGHT
        little = (lengths[1:] < 2 * LITTLE) & (lengths[:-1] < 2 * LITTLE)
        lines = along[1:][straight & little]
        self.seen |= len(lines) >= arrays.shape[1] and bool(np.linalg.matrix_rank(lines, tol=0.01) == arrays.shape[1])


def is_untouched(given: Any) -> bool:
    """Whether a function has no statement of its own, as the stub that students get. `return 5.0` is one."""

    def stub() -> None: ...

    code = getattr(given, "__code__", None)
    if not isinstance(code, types.CodeType) or code.co_code[::2] != stub.__code__.co_code[::2]:  # the operations
        return False
    return all(constant is None or constant is ... for constant in code.co_consts[1:])  # the first is its docstring


def kind(error: BaseException) -> str:
    """The name of an exception's class, or of Python's own class that it was made from.

    Its words stay here: inputs could stand in them.
    """
    known = (each for each in type.mro(type(error)) if each.__module__ == "builtins" or each.__name__ in NAMED)
    return next(known).__name__[:60]


def place(error: BaseException) -> str:
    """The last line of the notebook that an exception came by: "line 3 of code cell 7", or nothing."""
    where = ("", 0)
    if isinstance(error, SyntaxError):
        where = (str(error.filename), error.lineno or 0)
    step = error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename.startswith("cell "):
            where = (step.tb_frame.f_code.co_filename, step.tb_lineno)
        step = step.tb_next
    file, line = where
    return f"line {line} of code {file}" if file.startswith("cell ") else ""


def describe(error: BaseException) -> str:
    """The kind and the place of an exception, in a few words."""
    return f"{kind(error)}, {place(error)}"


if __name__ == "__main__":
    main()
