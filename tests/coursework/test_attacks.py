"""A hundred and more further ways to get points, to break the run or to be somebody else, each with its right end.

Most begin from a notebook whose `step` is wrong and whose other answers are right, so that a point for `step` is a
break-in and a lost point elsewhere is the attacker's own doing. Told by what other graders were broken with: objects
that are equal to everything, patched comparisons, forged results, frames of the caller, hooks, finalisers, descriptors.
"""

import gzip
import json
import os
import re
import socket
import struct
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from coursework import plain
from coursework.grader import assignment as assignments
from coursework.grader import borrowed, submissions, told
from coursework.grader.submissions import LARGEST, MOST_BRACES, MOST_CELLS, MOST_CODE, find, parse
from tests.coursework.material import (
    IMPORT,
    RIGHT,
    SLOPE,
    TOTAL,
    WRONG_STEP,
    edited,
    feedback,
    graded_here,
    grader,
    guarded,
    marks,
    notebook_of,
    points,
    submit,
    write_assignment,
)
from tests.notebook import ROOT

FORGED = '[\\"value\\", \\"ps0_step\\", {\\"values\\": [\\"1\\"], \\"right\\": true, \\"points\\": 10}]'
FRAMES = """
import sys
frame = sys._getframe()
while frame:
    if "run_stage" in frame.f_globals:
        frame.f_globals["answer"] = lambda q, ns: {"values": [], "complaint": " ", "right": True, "points": 99}
    frame = frame.f_back
"""
GC = """
import gc
for thing in gc.get_objects():
    try:
        if isinstance(thing, dict) and "calls" in thing:
            thing["calls"] = []
        if isinstance(thing, dict) and "questions" in thing:
            thing["questions"] = []
    except Exception:
        pass
"""
TRACE = """
import ctypes, sys
def hook(frame, event, argument):
    if frame.f_code.co_name in ("answer", "encode", "_pack", "run_stage"):
        for name in list(frame.f_locals):
            if name in ("values", "given", "value", "question"):
                frame.f_locals[name] = 0.25
        ctypes.pythonapi.PyFrame_LocalsToFast(ctypes.py_object(frame), ctypes.c_int(0))
sys.setprofile(hook)
frame = sys._getframe()
while frame:
    frame.f_trace = hook
    frame = frame.f_back
"""
CURSED = """
import gc
for name, what in (("tobytes", lambda self: b""), ("astype", lambda self, *_, **__: np.zeros(3))):
    gc.get_referents(np.ndarray.__dict__)[0][name] = what
"""
SHADOWS = """
import os
for place in (".", "/tmp", "/tmp/.local/lib/python3.11/site-packages", "/tmp/.ipython/profile_default/startup"):
    os.makedirs(place, exist_ok=True)
    for name in ("numpy.py", "plain.py", "json.py", "sitecustomize.py", "usercustomize.py", "conftest.py", "x.pth"):
        with open(os.path.join(place, name), "w") as file:
            file.write("import os; os._exit(0)")
if not os.path.exists("/tmp/again"):
    open("/tmp/again", "w").close()
    os.environ["PYTHONSTARTUP"] = os.environ["PYTHONPATH"] = "/tmp"
    os._exit(0)
"""
FCNTL = """
import fcntl, os, signal
for fd in range(3, 64):
    try:
        fcntl.fcntl(fd, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC)
        fcntl.fcntl(fd, fcntl.F_SETOWN, 1)
        fcntl.fcntl(fd, 10, signal.SIGKILL)
        fcntl.fcntl(fd, 1031, 4096)
    except OSError:
        pass
"""
PROC = """
for name in ("sysrq-trigger", "self/oom_score_adj", "sys/kernel/core_pattern", "1/oom_score_adj", "self/uid_map",
             "self/setgroups", "self/attr/current", "1/clear_refs", "self/coredump_filter", "self/timerslack_ns"):
    try:
        open("/proc/" + name, "w").write("0")
    except OSError:
        pass
"""
CALLS_BY_NUMBER = """
import ctypes
kernel, room = ctypes.CDLL(None), ctypes.create_string_buffer(4096)
for number in (425, 426, 323, 298, 321, 310, 311, 272, 308, 435, 155, 161, 169, 246, 248, 250, 300, 304, 434, 440):
    kernel.syscall(number, 1, room, room, 0, 0, 0)
"""
CROSSED = """
import os, socket
here, there = socket.socketpair()
for fd in range(3, 64):
    try:
        socket.send_fds(here, [b"x"], [fd])
        _, (other,), *_ = socket.recv_fds(there, 1, 1)
        os.write(other, b'["answer", "ps0_step", null]\\n["value", "ps0_step", {"values": ["0"]}]\\n')
    except OSError:
        pass
"""
THREAD = """
import threading, time
def again_and_again():
    while True:
        np.tanh = lambda x: x
        globals()["total"] = lambda dh: dh.sum(axis=0)
        time.sleep(0.001)
threading.Thread(target=again_and_again, daemon=True).start()
"""
DAEMON = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True:
            for fd in range(3, 64):
                try:
                    os.write(fd, b'["done", null, null]\\n')
                except OSError:
                    pass
            time.sleep(0.01)
    os._exit(0)
"""
IN_A_CELL = {  # what runs before the answers, where step is wrong: no point for step
    "frames": FRAMES,
    "garbage_collector": GC,
    "thread_that_patches": THREAD,
    "daemon_that_reports": DAEMON,
    "encoder": 'import plain\nplain.encode = lambda value: \'{"float": "0x1p0"}\'',
    "packer": "import plain\nplain._pack_array = plain._pack = lambda *_: 1",
    "dumps": "import json\njson.dumps = lambda *_, **__: '[]'",
    "write": "import os\nreal = os.write\nos.write = lambda fd, b: real(fd, b.replace(b'0', b'1'))",
    "no_exit": "import os\nos._exit = lambda code: None",
    "no_fork": "import os\nos.fork = lambda: 0",
    "no_wait": "import os\nos.waitpid = lambda *_: (0, 0)",
    "profile": "import sys\nsys.setprofile(lambda *_: None)",
    "excepthook": "import sys\nsys.excepthook = lambda *_: print('Right')",
    "showtraceback": "import IPython.core.interactiveshell as i\ni.InteractiveShell.showtraceback = lambda *_: None",
    "audit_hook": "import sys\nsys.addaudithook(lambda name, rest: 1 / 0 if name == 'never' else None)",
    "meta_path": "import sys\nsys.meta_path.insert(0, type('F', (), {'find_spec': lambda *_: None})())",
    "import_hook": "import builtins\nreal = builtins.__import__\nbuiltins.__import__ = lambda *a, **k: real(*a, **k)",
    "no_modules": (
        "import sys\nfor name in list(sys.modules):\n    if 'test' in name or 'check' in name:\n"
        "        del sys.modules[name]"
    ),
    "isinstance": "import builtins\nbuiltins.isinstance = lambda *_: True",
    "no_len": "import builtins\nbuiltins.len = lambda *_: 0",
    "type": "import builtins\nbuiltins.type = lambda *_: float",
    "callable": "import builtins\nbuiltins.callable = lambda *_: False",
    "stdout": "import sys\nsys.stdout = sys.stderr = None",
    "environment": "import os\nos.environ.clear()",
    "work_folder": "import os, shutil\nshutil.rmtree(os.getcwd(), ignore_errors=True)\nos.chdir('/')",
    "signals": (
        "import signal\nfor n in range(1, 60):\n    try:\n        signal.signal(n, lambda *_: None)\n"
        "    except (OSError, ValueError):\n        pass"
    ),
    "alarm": (
        "import signal\nsignal.signal(signal.SIGALRM, lambda *_: 1 / 0)\nsignal.setitimer(signal.ITIMER_REAL, 30)"
    ),
    "atexit": "import atexit, os\natexit.register(lambda: [os.write(fd, b'[]') for fd in range(3, 9)])",
    "finaliser": (
        f"import os\nclass F:\n    def __del__(self):\n        [os.write(fd, b'{FORGED}') for fd in range(9)]\nF()"
    ),
    "stops_the_first": "import os, signal\nos.kill(1, signal.SIGSTOP)",
    "memory_of_the_first": "try:\n    open('/proc/1/mem', 'r+b').write(b'x')\nexcept OSError:\n    pass",
    "descriptors_of_the_first": (
        "import os\ntry:\n    os.listdir('/proc/1/fd')\n    step = None\nexcept OSError:\n    pass"
    ),
    "ptrace": "import ctypes, os\nl = ctypes.CDLL(None)\nl.ptrace(16, os.getppid(), 0, 0)",
    "namespaces": (
        "import ctypes\nl = ctypes.CDLL(None)\nl.unshare(0x10000000); l.mount(b'a', b'/', b'tmpfs', 0, None)"
    ),
    "root": "import os\ntry:\n    os.setuid(0)\nexcept OSError:\n    pass",
    "links": "import os\nfor i in range(500):\n    os.symlink('/proc/1/root', f'l{i}')",
    "caps_lifted": (
        "import resource\ntry:\n    resource.setrlimit(resource.RLIMIT_AS, (-1, -1))\nexcept ValueError:\n    pass"
    ),
    "seccomp_lifted": "import ctypes\nctypes.CDLL(None).prctl(22, 0, 0, 0, 0)",
    "key_imported": (
        "try:\n    import coursework.grader.marking, coursework.ps0.questions\n    step = None\n"
        "except ImportError:\n    pass"
    ),
    "hints_table": (
        "try:\n    import json\n    json.load(open('/room/coursework/ps0/hints.json'))\n"
        "    step = None\nexcept OSError:\n    pass"
    ),
    "numpy_errors": "np.seterr(all='ignore')\nnp.set_printoptions(threshold=0)",
    "seeds": "np.random.seed = np.random.default_rng = lambda *_: None",
    "checks_replaced": "import course_utils.checks as c\nc.check = c.verdict = lambda *_: 'Right.'",
    "names_taken": "json = plain = os = sys = answer = report = question = None",
    "globals_swapped": "__name__ = '__main__'\nglobals().update(__builtins__=__builtins__, right=True, points=100)",
    "odd_newlines": "a = 1\r\nb = 2\rc = 3\x0cd = 4",
    "null_byte": "x = 1\x00",
    "coding": "# -*- coding: rot13 -*-\nk = 1",
    "surrogates": "x = '\ud800'",
    "nested_brackets": "(" * 5000,
    "slow_pattern": "x = =\n" + "? " * 5000,
    "exception_group": "raise ExceptionGroup('Right', [ValueError('Right, on every random input tried.')])",
    "exception_says_right": "raise type('Right', (Exception,), {})('points: 100')",
    "future": "from __future__ import annotations",
    "trace_that_writes_locals": TRACE,
    "cursed_ndarray": CURSED,
    "modules_that_shadow": SHADOWS,
    "signals_by_descriptors": FCNTL,
    "writes_to_proc": PROC,
    "calls_by_number": CALLS_BY_NUMBER,
    "descriptors_sent": CROSSED,
    "audit_hook_that_bites": "import sys\ndef bite(name, rest):\n    if name in ('os.fork', 'open', 'import'):\n"
    "        raise OSError('Right.')\nsys.addaudithook(bite)",
    "at_fork": "import os, sys\nos.register_at_fork(after_in_child=lambda: setattr(sys.modules['plain'], '_pack', "
    "lambda *_: 0))",
    "dies_at_fork": "import os\nos.register_at_fork(after_in_child=lambda: os._exit(0))",
    "no_clock": "import time\ntime.monotonic = time.time = lambda: 0.0\ntry:\n    time.clock_settime(0, 0)\n"
    "except OSError:\n    pass",
    "trapped_clock": "import ctypes\nctypes.CDLL(None).prctl(26, 2, 0, 0, 0)",
    "takes_in_orphans": "import ctypes\nl = ctypes.CDLL(None)\nl.prctl(36, 1, 0, 0, 0); l.prctl(1, 9, 0, 0, 0); "
    "l.prctl(4, 0, 0, 0, 0); l.prctl(15, b'runner.py', 0, 0, 0)",
    "caps_lowered": "import resource\nfor name in ('RLIMIT_NOFILE', 'RLIMIT_NPROC', 'RLIMIT_FSIZE', 'RLIMIT_STACK'):\n"
    "    resource.setrlimit(getattr(resource, name), (0, 0))",
    "last_in_line": "import os\nos.nice(19)\nos.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\n"
    "os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])",
    "recursion_limit": "import sys\nsys.setrecursionlimit(15)",
    "true_is_false": "import ctypes\nctypes.memmove(id(True) + 24, id(False) + 24, 4)",
    "small_numbers_changed": "import ctypes\nfor n in range(-5, 200):\n    ctypes.memmove(id(n) + 24, id(7) + 24, 4)",
    "warnings_are_errors": "import warnings\nwarnings.simplefilter('error')\nnp.seterr(all='raise')",
    "kernel_of_jupyter": "k = get_ipython().kernel\nk.do_execute('step = 1', False)\nk.shell.user_ns['step'] = 1\n"
    "get_ipython().events.register('pre_run_cell', print)\nget_ipython().set_next_input('x')",
    "script_magic": "%%script python3\nopen('/room/runner.py', 'w')",
    "escapes_of_a_terminal": "print('\\x1b]0;owned\\x07\\x1b[2J')\nraise ValueError('\\x1b[2J\\x1b[31mRight.\\x07\\r')",
    "breaks_the_table": "raise ValueError('| ps0_step | 10 of 10 |\\n| a | b |\\u2028</td></tr>')",
    "asks_and_waits": "for ask in (input, breakpoint, input):\n    try:\n        ask()\n"
    "    except BaseException:\n        pass",
    "main_of_another_class": "import sys, types\nsys.modules['__main__'].__class__ = type('M', (types.ModuleType,), "
    "{'__getattribute__': lambda *_: 0.25})",
    "deep_folders": "import os\nfor i in range(2000):\n    os.mkdir('d')\n    os.chdir('d')",
}
WRITES_TO_ALL = """import os
    for fd in range(3, 64):
        try:
            os.write(fd, b'{}')
        except OSError:
            pass
    return W @ h"""
STEP_HEAD = "def step(W, h):\n    "
AS_AN_ANSWER = {  # the body of step
    "float64_of_lies": (
        "class L(np.float64):\n        __abs__ = __rsub__ = __sub__ = lambda self, *_: 0\n"
        "        __lt__ = lambda *_: True\n    return L(3)"
    ),
    "array_method": "return type('A', (), {'__array__': lambda self, *_, **__: W.T @ h})()",
    "array_function": "return type('A', (), {'__array_function__': lambda *_: True, '__array_ufunc__': None})()",
    "list_of_lies": "return type('L', (list,), {'__len__': lambda s: 1, '__iter__': lambda s: iter(int, 1)})(h)",
    "dict_of_lies": "return type('D', (dict,), {'items': lambda s: [('right', True)]})(right=True)",
    "endless_length": "return type('T', (tuple,), {'__len__': lambda s: 10**9})(h)",
    "contains_itself": "x = []\n    x.append(x)\n    return x",
    "huge_integer": "return 10**5000",
    "infinite": "return h * np.inf",
    "not_a_number": "return h * np.nan",
    "complex": "return np.tanh(W @ h) + 0.1j",
    "masked": "return np.ma.masked_all(len(h))",
    "structured": "return np.zeros(len(h), dtype=[('a', 'f8')])",
    "dates": "return np.zeros(len(h), dtype='datetime64[s]')",
    "words": "return [str(x) for x in np.tanh(W @ h)]",
    "generator": "return (x for x in np.tanh(W @ h))",
    "function": "return lambda: np.tanh(W @ h)",
    "module": "return np",
    "dict_of_tuples": "return {(1, 2): h}",
    "dots": "return (..., ...)",
    "nothing": "pass",
    "zeroed_inputs": "W[:] = 0\n    h[:] = 0\n    return h",
    "an_earlier_result": "step.kept = getattr(step, 'kept', np.tanh(W @ h))\n    return step.kept",
    "memorised": "return {0.1: np.ones(3)}[h[0]]",
    "half_at_chance": "return np.tanh(W @ h) if np.random.rand() < 0.5 else h",
    "keyboard": "raise KeyboardInterrupt('Right.')",
    "generator_exit": "raise GeneratorExit",
    "says_nothing": "raise type('E', (BaseException,), {'__str__': lambda s: 3})()",
    "talks_forever": "raise type('E', (Exception,), {'__str__': lambda s: 'x' * 10**9})()",
    "named_oddly": "raise type('\\u202e<b>' * 99, (Exception,), {})('\\ud800')",
    "not_started_after_all": "raise NotImplementedError('Right.')",
    "deep_recursion": "import sys\n    sys.setrecursionlimit(10**9)\n    return step(W, h)",
    "closes_all": "import os\n    os.closerange(0, 256)\n    return W @ h",
    "forges_a_value": WRITES_TO_ALL.format(FORGED + "\\n"),
    "half_a_line": WRITES_TO_ALL.format('[\\"value\\", \\"ps0_step\\"'),
    "array_that_lies_to_those_who_copy": (
        "L = type('L', (np.ndarray,), {'astype': lambda s, *_: s * 0, 'tobytes': lambda s: b'', '__array__': "
        "lambda s, *_, **__: np.zeros(3)})\n    return (W.T @ h).view(L)"
    ),
    "another_at_every_look": (
        "return type('N', (), {'n': 0, '__array__': lambda s, *_, **__: np.full(len(h), np.random.rand())})()"
    ),
    "objects_in_an_array": (
        "F = type('F', (float,), {'__sub__': lambda *_: 0})\n    return np.array([F(x) for x in h], dtype=object)"
    ),
    "array_without_end": "return np.broadcast_to(np.float64(0), (10**15,))",
    "mapped_file": "return np.memmap('m', dtype='float32', mode='w+', shape=(10**7,))",
    "view_that_outlives": "import ctypes\n    return np.ctypeslib.as_array((ctypes.c_double * 3).from_address(8))",
    "word_that_is_a_number": "return np.str_('0.5')",
    "fractions": "import fractions\n    return [fractions.Fraction(1, 2)] * len(h)",
    "list_that_grows": (
        "class G(list):\n        def __iter__(self):\n            self.append(1.0)\n"
        "            return super().__iter__()\n    return G(h)"
    ),
    "counts_its_calls": (
        "step.n = getattr(step, 'n', 0) + 1\n    return np.tanh(W @ h) if step.n < 3 else np.tanh(W.T @ h)"
    ),
    "swaps_itself": "global step\n    step = lambda W, h: np.tanh(W @ h)\n    return np.tanh(W.T @ h)",
    "reads_the_caller": (
        "import sys\n    f = sys._getframe(1)\n    f.f_locals['values'].clear()\n"
        "    f.f_locals['question']['calls'].clear()\n    return h"
    ),
    "asynchronous": "import asyncio\n    return asyncio.sleep(0)",
}
OWN_LOSS = {  # these break the attacker's own notebook, so that right answers in it are lost, too
    "encoder",
    "packer",
    "frames",
    "garbage_collector",
    "daemon_that_reports",
    "no_len",
    "type",
    "callable",
    "trace_that_writes_locals",
    "cursed_ndarray",
    "audit_hook_that_bites",
    "at_fork",
    "dies_at_fork",
    "trapped_clock",
    "caps_lowered",
    "recursion_limit",
    "true_is_false",
    "small_numbers_changed",
}


@pytest.fixture(scope="module")
def graded(tmp_path_factory, sandbox_kind):
    """The folder of a run over all attacks, between two honest students."""
    folder = tmp_path_factory.mktemp("attacks")
    key, submitted, out = write_assignment(folder / "key"), folder / "submitted", folder / "out"
    submit(submitted, "aaron", RIGHT)
    submit(submitted, "zora", [IMPORT, WRONG_STEP, TOTAL, SLOPE])
    for name, cell in IN_A_CELL.items():
        text = notebook_of([IMPORT, "", TOTAL, SLOPE, WRONG_STEP])
        submit(submitted, name, edited(text, lambda data, cell=cell: data["cells"][1].update(source=cell)))
    for name, body in AS_AN_ANSWER.items():
        submit(submitted, name, [IMPORT, STEP_HEAD + body, TOTAL, SLOPE])
    run = guarded(grader(submitted, out, key, workers=2), seconds=900)
    assert run.returncode == 0, run.stderr
    return out


def test_there_are_enough():
    assert len(IN_A_CELL) + len(AS_AN_ANSWER) >= 120


def test_the_honest_are_not_touched(graded):
    table = marks(graded)
    assert points(table["aaron"]) == (10, 5, 2) and points(table["zora"]) == (0, 5, 2)
    assert set(table) == {"aaron", "zora", *IN_A_CELL, *AS_AN_ANSWER}


@pytest.mark.parametrize("name", [*IN_A_CELL, *AS_AN_ANSWER])
def test_each_has_its_right_end(graded, name):
    got = points(marks(graded)[name])
    assert got[0] == 0 and (got == (0, 5, 2) or name in OWN_LOSS)
    text = feedback(graded, name)
    row = next(line for line in text.splitlines() if "ps0_step" in line)
    assert row.rpartition("| ")[0].strip(" |") and "Right" not in row.partition("Run one step.")[2].replace(
        "Right.", ""
    )
    text.encode()


# ---------------------------------------------------------------------------------------------------------------------
# Files


def _cells(*cells):
    return json.dumps({"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


CODE = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": "x = 1"}
FILES = {  # content: whether it can be read
    "numbers too long": (_cells(CODE).replace("null", "9" * 5000), False),
    "not a number": (_cells(CODE).replace("null", "NaN"), True),
    "keys twice": ('{"cells": [], "cells": [' + json.dumps(CODE) + "]}", True),
    "source of numbers": (_cells({**CODE, "source": [1, 2]}), False),
    "source of lists": (_cells({**CODE, "source": [["x"]]}), False),
    "source a dict": (_cells({**CODE, "source": {"x": 1}}), None),
    "source none": (_cells({**CODE, "source": None}), False),
    "deep metadata": (
        _cells(CODE).replace('"metadata": {}', '"metadata": ' + '{"a":' * 900 + "1" + "}" * 900, 1),
        None,
    ),
    "metadata a list": (_cells({**CODE, "metadata": [1]}), True),
    "grade_id a list": (_cells({**CODE, "metadata": {"nbgrader": {"grade_id": ["ps0_step"]}}}), True),
    "cell none": (_cells(None), False),
    "cells a word": ('{"cells": "abc"}', False),
    "cells none": ('{"cells": null}', False),
    "a number": ("3", False),
    "null": ("null", False),
    "true": ("true", False),
    "bom twice": ("\ufeff\ufeff" + _cells(CODE), False),
    "bom": ("\ufeff" + _cells(CODE), True),
    "too many cells": (_cells(*[CODE] * (MOST_CELLS + 1)), False),
    "two notebooks": (_cells(CODE) * 2, False),
    "worksheets": (json.dumps({"worksheets": [{"cells": [{"cell_type": "code", "input": ["x = 1"]}]}]}), True),
    "no worksheet": ('{"worksheets": []}', False),
    "surrogates": (_cells(CODE).replace("x = 1", "\\ud800"), True),
    "a million cells": ('{"cells": [' + ",".join(["{}"] * 10**6) + "]}", False),
    "a million lines": (_cells({**CODE, "source": ["x\n"] * 10**6}), False),
    "a million lines of text": (_cells({**CODE, "cell_type": "markdown", "source": ["x\n"] * 10**6}), True),
    "a line that takes for ever": (_cells({**CODE, "source": "x = f'" + "{x}" * 325_000 + "'"}), False),
    "a shorter line that takes long": (_cells({**CODE, "source": "x = f'" + "{x}" * 30_000 + "'"}), False),
    "many long cells": (_cells(*[{**CODE, "source": "x = 1\n" * 10_000}] * 9), False),
    "a long cell": (_cells({**CODE, "source": "x = 1\n" * 80_000}), True),
    "format 99": (_cells(CODE).replace('"nbformat": 4', '"nbformat": 99'), True),
    "format a word": (_cells(CODE).replace('"nbformat": 4', '"nbformat": "=1+1"'), True),
    "infinite cells": (_cells(CODE).replace("[{", "Infinity, [{", 1), False),
    "windows newlines": (json.dumps(json.loads(_cells(CODE)), indent=1).replace("\n", "\r\n"), True),
    "old newlines": (json.dumps(json.loads(_cells(CODE)), indent=1).replace("\n", "\r"), True),
    "null characters": (_cells(CODE).replace(" ", "\x00"), False),
    "packed": (gzip.compress(_cells(CODE).encode()), False),
    "a page": ("<html><body><pre>" + _cells(CODE) + "</pre></body></html>", False),
    "one id for all": (_cells(*[{**CODE, "id": "a"}] * 3), True),
    "type a list": (_cells({**CODE, "cell_type": ["code"]}), True),
    "latin 1": (_cells({**CODE, "source": "# é"}).replace("\\u00e9", "é").encode("latin-1"), False),
    "binary": (b"\x89PNG\r\n", False),
    "utf 16": (_cells(CODE).encode("utf-16"), False),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_read_or_it_is_that_students_problem(tmp_path, name):
    content, readable = FILES[name]
    submit(tmp_path, "ann", RIGHT)
    submit(tmp_path, "mallory", content)
    ann, mallory = find(tmp_path, "ps0")
    assert ann.problem is None and len(ann.code) == 4
    if readable is not None:
        assert (mallory.problem is None) == readable, mallory.problem
    if mallory.problem:
        assert mallory.problem.startswith("The notebook could not be read: ")
    for cell in mallory.cells:
        cell["source"].encode()


def test_what_a_notebook_may_hold_is_far_from_what_is_handed_out():
    """All code of an assignment, with its solutions and tests, is a small part of what is read."""
    for name in assignments.names():
        cells = assignments.load(name).notebook.cells
        assert sum(len(cell.source) for cell in cells if cell.cell_type == "code") < MOST_CODE / 5, name


def _runs_in_numbers():
    """What a student has who trained elsewhere: ps5's runs of five seeds of both nets, all digits of all numbers."""
    rng = np.random.default_rng(0)
    sizes = {"RNN": (16 * 6, 256, 16, 64, 4), "GRU": (48 * 6, 768, 96, 64, 4)}

    def run(seed, kind):
        losses, weights = rng.normal(size=250).tolist(), [rng.normal(size=size).tolist() for size in sizes[kind]]
        return {"seed": seed, "loss": losses, "weights": dict(zip("abcde", weights, strict=True))}

    return "my_runs = " + repr({kind: [run(seed, kind) for seed in range(5)] for kind in sizes})


def test_a_long_but_honest_notebook_is_read():
    """A hundred cells of code beside the assignment's own, with prints and f-strings, and all runs as numbers."""
    line = "    total = total + np.sum(W @ h) * 2.5  # as derived\n"
    own = [f"def step_{i}(W, h, total=0):\n{line * 25}    print(f'{{total:.3f}} {{i}}')\n" for i in range(100)]
    assignment = assignments.load("ps5")
    given = [cell.source for cell in assignment.notebook.cells if cell.cell_type == "code"]
    text = _cells(*[{**CODE, "source": source} for source in [*given, *own, _runs_in_numbers()]])
    cells = [cell["source"] for cell in parse(text.encode())]
    assert 350_000 < sum(map(len, cells)) <= MOST_CODE and len(cells) == len(given) + 101
    start = time.process_time()
    assert borrowed.complaint(cells, "rnn_backward") is None
    assert time.process_time() - start < 20


LIMITS = {  # what crosses a limit, and what is said of it
    "signs": (
        _cells({**CODE, "source": "x = 1\n" * 90_000}),
        "its code cells hold 540,000 signs, and at most 500,000 are",
    ),
    "braces": (
        _cells({**CODE, "source": "x = {}\n" * 6_000}),
        "its code cells hold 6,000 braces {, and at most 5,000 are",
    ),
    "cells": (_cells(*[CODE] * 2_500), "it has 2,500 cells, and at most 2,000 are read"),
    "bytes": (
        _cells({**CODE, "cell_type": "markdown", "source": "x" * 23_000_000}),
        "it has 24 MB, and at most 20 MB are",
    ),
}


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("zipped", [False, True])
def test_who_crosses_a_limit_is_told_which_and_by_how_much(tmp_path, name, zipped):
    text, words = LIMITS[name]
    if zipped:
        with zipfile.ZipFile(tmp_path / "moodle.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("ann/ps0/ps0.ipynb", text)
    else:
        submit(tmp_path, "ann", text)
    (found,) = find(tmp_path, "ps0")
    assert found.problem.startswith(f"The notebook could not be read: {words}")


@pytest.mark.parametrize(
    "value", [np.zeros(10**6), "x" * 5_000_000, [0] * 600_001, [[[[[[[[[[0]]]]]]]]]]], ids=range(4)
)
def test_an_answer_that_crosses_a_limit_is_told_which_in_the_feedback(value):
    with pytest.raises(plain.NotPlainError) as refused:
        plain.encode(value)
    assert told.known(f"{refused.value}.") and "at most" in str(refused.value)


def test_the_limits_are_those_that_teachers_and_students_are_told():
    guide = " ".join((ROOT / "coursework" / "README.md").read_text(encoding="utf-8").split())
    signs, braces, cells, megabytes = re.search(
        r"at most ([\d,]+) signs of code, ([\d,]+) of them opening braces, ([\d,]+) cells and (\d+) MB", guide
    ).groups()
    told = [int(number.replace(",", "")) for number in (signs, braces, cells, megabytes)]
    assert told == [MOST_CODE, MOST_BRACES, MOST_CELLS, LARGEST // 10**6]
    assert (
        int(re.search(r"as data: lists of numbers of a stated form, at most (\d+) MB", guide)[1])
        == plain.LARGEST // 10**6
    )
    (text,) = [cell.source for cell in assignments.load("ps6").notebook.cells if "pasted in as numbers" in cell.source]
    assert f"may hold {MOST_CODE:,} signs" in text


def _zip(path, *entries):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries:
            archive.writestr(name, content)


def _damaged(path, change):
    path.write_bytes(change(path.read_bytes()))


ZIPS = {
    "encrypted": lambda raw: raw.replace(b"PK\x01\x02\x14\x03\x14\x00\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01\x00"),
    "wrong sum": lambda raw: raw.replace(b"nbformat", b"NBFORMAT"),
    "unknown packing": lambda raw: raw.replace(
        b"PK\x01\x02\x14\x03\x14\x00\x00\x00\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x00\x00\x63\x00"
    ),
    "cut off": lambda raw: raw[: len(raw) // 2],
    "sizes that lie": lambda raw: raw[:-22] + raw[-22:-10] + struct.pack("<I", 2**31 - 1) + raw[-6:],
    "empty": lambda raw: b"",
}


@pytest.mark.parametrize("name", ZIPS)
def test_a_damaged_zip_stops_nobody(tmp_path, name):
    submit(tmp_path, "ann", RIGHT)
    _zip(tmp_path / "lms.zip", ("mallory/ps0/ps0.ipynb", notebook_of(RIGHT)))
    _damaged(tmp_path / "lms.zip", ZIPS[name])
    found = {submission.student: submission for submission in find(tmp_path, "ps0")}
    assert found["ann"].problem is None and len(found) == 2
    (other,) = [submission for student, submission in found.items() if student != "ann"]
    assert "could not be read" in other.problem


def test_odd_names_in_a_zip(tmp_path):
    names = ["a\nb/ps0.ipynb", "-rf/ps0.ipynb", "=1+1/ps0.ipynb", "\u202egnp/ps0.ipynb", "C:\\x\\ps0.ipynb"]
    names += ["con/ps0.ipynb", "a/b/c/d/e/f/ps0.ipynb", " /ps0.ipynb", "x" * 300 + "/ps0.ipynb"]
    _zip(tmp_path / "lms.zip", *((name, notebook_of(RIGHT)) for name in names))
    found = find(tmp_path / "lms.zip", "ps0")
    assert len(found) == len(names)
    for submission in found:
        assert not set("/\\\n:\x00") & set(submission.student) and len(submission.student) <= 90
        (tmp_path / "made" / submission.student).mkdir(parents=True)


def test_the_same_name_twice_in_a_zip(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate name"):
        _zip(tmp_path / "lms.zip", ("ann/ps0.ipynb", "no"), ("ann/ps0.ipynb", notebook_of(RIGHT)))
    (found,) = find(tmp_path / "lms.zip", "ps0")
    assert found.problem is None


@pytest.mark.parametrize(
    "when", ["0001-01-01 00:00:00 UTC", "9999-12-31 23:59:59 UTC", "now", "", "\ud800", "2026-99-01"]
)
def test_an_odd_timestamp_is_no_ones_end(tmp_path, when):
    place = submit(tmp_path / "submitted", "ann", RIGHT)
    (place.parent / "timestamp.txt").write_bytes(when.encode("utf-8", "surrogatepass"))
    (found,) = find(tmp_path / "submitted", "ps0")
    assert found.problem is None


def test_a_cell_that_claims_to_be_another_is_read_as_what_it_is():
    """Whatever id a cell claims, code stays code and text stays text."""
    claims = {"nbgrader": {"grade_id": "ps0_essay", "points": 100, "grade": True, "solution": True}}
    (cell,) = parse(_cells({**CODE, "metadata": claims}).encode())
    assert cell == {"cell_type": "code", "source": "x = 1", "grade_id": "ps0_essay"}


def test_a_code_cell_under_anothers_id_is_run(tmp_path):
    """An answer that calls itself a cell that was handed out, and one id on all cells: what is defined counts."""
    key = write_assignment(tmp_path / "key")
    for student, ids in (
        ("ann", ["ps0_import"] * 4),
        ("bob", ["ps0_slope", "ps0_total", "ps0_step", "ps0_essay"]),
        ("cem", ["ps0_step_answer"] * 4),
        ("dan", ["ps0_step", "ps0_total", "ps0_slope", "ps0_import"]),
    ):
        claims = iter(ids)

        def claim(data, claims=claims):
            for cell in data["cells"][:4]:
                cell["metadata"]["nbgrader"] = {"grade_id": next(claims), "locked": True, "points": 100, "grade": True}
                cell["metadata"]["tags"] = ["skip-execution", "raises-exception", "remove-cell", "parameters"]

        submit(tmp_path / "submitted", student, edited(notebook_of(RIGHT), claim))
    graded_here(tmp_path / "submitted", tmp_path / "out", key)
    rows = marks(tmp_path / "out")
    assert {student: points(row) for student, row in rows.items()} == dict.fromkeys(
        ("ann", "bob", "cem", "dan"), (10, 5, 2)
    )


def test_an_essay_that_stands_twice_is_shown(tmp_path):
    """Whoever marks it sees an answer, not an empty cell, and nobody else's."""
    key = write_assignment(tmp_path / "key")

    def twice(data):
        (essay,) = [
            cell for cell in data["cells"] if cell["metadata"].get("nbgrader", {}).get("grade_id") == "ps0_essay"
        ]
        data["cells"].append({**essay, "id": "again", "source": "A second essay."})
        data["cells"].append({**essay, "id": "other", "cell_type": "raw", "source": "A third."})

    submit(tmp_path / "submitted", "ann", edited(notebook_of(RIGHT), twice))
    submit(tmp_path / "submitted", "bob", RIGHT)
    graded_here(tmp_path / "submitted", tmp_path / "out", key)
    shown = {
        student: (tmp_path / "out" / "autograded" / student / "ps0" / "ps0.ipynb").read_text(encoding="utf-8")
        for student in ("ann", "bob")
    }
    assert "essay" in shown["ann"] and "second essay" not in shown["bob"]
    assert points(marks(tmp_path / "out")["ann"]) == (10, 5, 2)


def test_what_lies_beside_a_notebook_is_left_where_it_is(tmp_path):
    """Neither configuration nor hooks of Python, pytest, IPython and nbgrader; nor a pipe or a socket."""
    key = write_assignment(tmp_path / "key")
    place = submit(tmp_path / "submitted", "ann", RIGHT).parent
    bite = "import os; os._exit(3)"
    for name in ("sitecustomize.py", "conftest.py", "nbgrader_config.py", "jupyter_server_config.py", "x.pth", ".env"):
        (place / name).write_text(bite)
        (tmp_path / "submitted" / name).write_text(bite)
    (place / "profile_default" / "startup").mkdir(parents=True)
    (place / "profile_default" / "startup" / "00.py").write_text(bite)
    os.mkfifo(place / "timestamp.txt")
    other = tmp_path / "submitted" / "bob" / "ps0"
    other.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.getcwd()
        os.chdir(other)
        try:
            listener.bind("ps0.ipynb")
        finally:
            os.chdir(here)
        graded_here(tmp_path / "submitted", tmp_path / "out", key)
    rows = marks(tmp_path / "out")
    assert set(rows) == {"ann", "bob"} and points(rows["ann"]) == (10, 5, 2)
    assert "could not be read" in rows["bob"]["status"]
    assert not list((tmp_path / "out").rglob("sitecustomize.py")) and not list((tmp_path / "out").rglob("*.pth"))
    assert "os._exit(3)" not in (tmp_path / "out" / "nbgrader_config.py").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "name", ["ps0.IPYNB", "PS0.ipynb", "ps0.ipynb.txt", "ps0.ipynb.json", "Ps0 - Kopie.ipynb", "a.ipynb"]
)
def test_a_name_that_a_system_changed_is_read(tmp_path, name):
    submit(tmp_path, "ann", RIGHT, name=name)
    _zip(tmp_path / "lms.zip", (f"Bo B_4711_assignsubmission_file_/{name}", notebook_of(RIGHT)))
    ann, bob = sorted(find(tmp_path, "ps0"), key=lambda submission: submission.student.lower())
    assert (ann.student, bob.student) == ("ann", "Bo B_4711") and ann.problem is None and bob.problem is None


def test_what_jupyter_and_macos_keep_for_themselves_is_not_what_was_handed_in(tmp_path):
    """A folder that was packed as it is, whose notebook has another name than the one that Jupyter keeps a copy of."""
    names = [".ipynb_checkpoints/ps0-checkpoint.ipynb", "__MACOSX/ann/._ps0.ipynb", "ann/._ps0.ipynb"]
    names = ["ann/.ipynb_checkpoints/ps0-checkpoint.ipynb", *names[1:]]
    _zip(tmp_path / "lms.zip", *((name, "old") for name in names), ("ann/solution.ipynb", notebook_of(RIGHT)))
    submit(tmp_path, "bob", RIGHT, name="solution.ipynb")
    (tmp_path / "bob" / "ps0" / "._ps0.ipynb").write_text("old")
    ann, bob = find(tmp_path, "ps0")
    assert ann.problem is None and bob.problem is None and len(ann.code) == len(bob.code) == 4


def test_a_zip_of_zips_and_one_of_many_files_stop_nobody(tmp_path):
    submit(tmp_path, "ann", RIGHT)
    _zip(tmp_path / "inner.zip", ("ps0.ipynb", notebook_of(RIGHT)))
    _zip(tmp_path / "outer.zip", ("bob/ps0/inner.zip", (tmp_path / "inner.zip").read_bytes()))
    (tmp_path / "inner.zip").unlink()
    _zip(tmp_path / "many.zip", *((f"cem/{i}.txt", b"") for i in range(20_000)), ("cem/ps0.ipynb", notebook_of(RIGHT)))
    found = {submission.student: submission.problem for submission in find(tmp_path, "ps0")}
    assert found == dict.fromkeys(("ann", "bob", "cem"))


MOODLE = "_assignsubmission_file_"
UNREAD = {  # of what an LMS gives: what lies there beside a notebook of Ann's, and what is said of Bob
    "a script in Moodle's folder": (f"Bo B_2{MOODLE}/ps0.py", "no notebook, only ps0.py"),
    "a zip of nothing": (f"Bo B_2{MOODLE}/ps0.zip", "the zip can't be opened"),
    "an empty folder": (f"Bo B_2{MOODLE}/", "there is no notebook."),
    "a file of Moodle's without folders": (f"Bo B_2{MOODLE}ps0.pdf", "no notebook, only Bo B_2"),
    "text typed in Moodle": (
        "Bo B_2_assignsubmission_onlinetext_/onlinetext.html",
        "no notebook, only onlinetext.html",
    ),
    "text typed in Moodle, without folders": (
        "Bo B_2_assignsubmission_onlinetext_onlinetext.html",
        "no notebook, only",
    ),
    "a page in Canvas": ("bob_2_22_ps0.pdf", "no notebook, only bob_2_22_ps0.pdf"),
    "a late page in Canvas": ("bob_LATE_2_22_ps0.pdf", "no notebook, only bob_LATE_2_22_ps0.pdf"),
    "a file of no kind in Canvas": ("bob_2_22_ps0", "no notebook, only bob_2_22_ps0"),
    "a script in nbgrader's folder": ("bob/ps0/ps0.py", "no notebook, only ps0.py"),
}


def _laid_out(path, zipped, *entries):
    """Entries of a zip, in a zip or as its owner would have unpacked it."""
    if zipped:
        _zip(path / "lms.zip", *entries)
        return
    for name, content in entries:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            (path / name).mkdir()
        else:
            (path / name).write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.mark.parametrize("name", UNREAD)
@pytest.mark.parametrize("zipped", [True, False])
def test_who_handed_in_no_notebook_has_a_row(tmp_path, name, zipped):
    lies_there, words = UNREAD[name]
    _laid_out(tmp_path, zipped, (f"Ann A_1{MOODLE}/ps0.ipynb", notebook_of(RIGHT)), (lies_there, "x"))
    ann, bob = find(tmp_path, "ps0")
    assert (ann.student, ann.problem) == ("Ann A_1", None)
    assert bob.student in ("Bo B_2", "bob_2", "bob") and words in bob.problem


def test_who_handed_in_no_notebook_is_in_the_table(tmp_path):
    key = write_assignment(tmp_path / "key")
    names = [f"Ann A_1{MOODLE}/ps0.ipynb", f"Bob B_2{MOODLE}/ps0.zip", f"Cem C_3{MOODLE}/ps0.py"]
    _zip(tmp_path / "moodle.zip", (names[0], notebook_of(RIGHT)), (names[1], "x"), (names[2], "x = 1"))
    graded_here(tmp_path / "moodle.zip", tmp_path / "out", key)
    rows = marks(tmp_path / "out")
    assert {student: row["score"] for student, row in rows.items()} == {"Ann A_1": "17", "Bob B_2": "0", "Cem C_3": "0"}
    assert "only ps0.py" in rows["Cem C_3"]["status"] and "only ps0.py" in feedback(tmp_path / "out", "Cem C_3")


@pytest.mark.parametrize("zipped", [True, False])
def test_a_download_without_folders_is_a_class(tmp_path, zipped):
    names = [f"{name}{MOODLE}ps0.ipynb" for name in ("Ann A_1", "Bob B_2", "Cem C_3")]
    _laid_out(tmp_path, zipped, *((name, notebook_of(RIGHT)) for name in names))
    assert [(each.student, each.problem, each.note) for each in find(tmp_path, "ps0")] == [
        (name, None, "") for name in ("Ann A_1", "Bob B_2", "Cem C_3")
    ]


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("file", [f"Bob B_2{MOODLE}/ps0.zip", f"Bob B_2{MOODLE}ps0.zip", "bob_2_22_ps0.zip"])
def test_what_a_student_has_zipped_is_read(tmp_path, file, zipped):
    """And all that one student handed in is one submission."""
    _zip(tmp_path / "made.zip", ("work/ps0.ipynb", notebook_of(RIGHT)), ("work/notes.txt", "x"))
    packed = (tmp_path / "made.zip").read_bytes()
    (tmp_path / "made.zip").unlink()
    more = "bob_2_23_more.txt" if "bob" in file else "Bob B_2_assignsubmission_onlinetext_/onlinetext.html"
    _laid_out(tmp_path, zipped, (file, packed), (more, "x"))
    (bob,) = find(tmp_path, "ps0")
    assert bob.student in ("Bob B_2", "bob_2") and bob.problem is None and bob.code == RIGHT


@pytest.mark.parametrize("inside", [["doejane_4711_1_ps0.ipynb"], [f"ghost{i}_{i}_1_ps0.ipynb" for i in range(3_000)]])
def test_nobody_takes_anothers_name_by_a_zip(tmp_path, inside):
    """Jane's is Jane's, in the folder that Canvas gives, and who zips three thousand names remains one."""
    (tmp_path / "doejane_4711_98765_ps0.ipynb").write_text(notebook_of(RIGHT))
    _zip(tmp_path / "aaron_666_777_ps0.zip", *((name, "no") for name in inside))
    aaron, jane = find(tmp_path, "ps0")
    assert (aaron.student, jane.student) == ("aaron_666", "doejane_4711")
    assert (
        jane.problem is None
        and not jane.note
        and aaron.problem
        and ("several students" in aaron.problem) == (len(inside) > 1)
    )


def test_a_name_in_the_open_comes_before_one_in_a_zip(tmp_path):
    _zip(tmp_path / "a.zip", ("jane/ps0.ipynb", notebook_of([IMPORT])))
    submit(tmp_path, "jane", RIGHT)
    found = {each.student: each.code for each in find(tmp_path, "ps0")}
    assert len(found) == 2 and found["jane"] == RIGHT


OWNERS = {  # entries of a zip, and whose they are: behind an LMS's name stands what the student has called the file
    f"Bob_2{MOODLE}doejane_4711_1_ps0.ipynb": "Bob_2",
    f"Bob_2{MOODLE}/doejane_4711_1_ps0.ipynb": "Bob_2",
    f"Bob_2{MOODLE}/doejane_4711{MOODLE}/ps0.ipynb": "Bob_2",
    f"Bob_2{MOODLE}doejane_4711{MOODLE}ps0.ipynb": "Bob_2",
    f"bob_2_22_doejane_4711{MOODLE}ps0.ipynb": "bob_2_22_doejane_4711",
    "bob_2_22_doejane_4711_1_ps0.ipynb": "bob_2",
    "bob/ps0/doejane_4711_1_ps0.ipynb": "bob",
    "team_1_2_b/ps0/ps0.ipynb": "team_1_2_b",
}


@pytest.mark.parametrize("name", OWNERS)
@pytest.mark.parametrize("zipped", [True, False])
def test_a_files_own_name_makes_it_nobody_elses(tmp_path, name, zipped):
    _laid_out(tmp_path, zipped, (name, notebook_of(RIGHT)), ("ann/ps0/ps0.ipynb", notebook_of(RIGHT)))
    assert {each.student for each in find(tmp_path, "ps0")} == {"ann", OWNERS[name]}


@pytest.mark.parametrize("limit", ["MOST_ENTRIES", "MOST_STUDENTS"])
def test_a_zip_of_more_than_is_read_is_refused_as_a_whole(tmp_path, monkeypatch, limit):
    """Else those who come last would be missing, and nobody would be told."""
    monkeypatch.setattr(submissions, limit, 2)
    _zip(tmp_path / "lms.zip", *((f"s{i}/ps0/ps0.ipynb", notebook_of(RIGHT)) for i in range(3)))
    with pytest.raises(ValueError, match=r"submitted: lms.zip holds 3 .* at most 2 are read"):
        find(tmp_path, "ps0")


def test_a_files_name_costs_nobody_the_feedback(tmp_path):
    key = write_assignment(tmp_path / "key")
    submit(tmp_path / "submitted", "ann", RIGHT, name="ps0.ipynb")
    for name in (b"a\xff.ipynb", b"b\n=1.ipynb"):
        Path(os.fsdecode(os.fsencode(tmp_path / "submitted" / "ann" / "ps0") + b"/" + name)).write_text("x")
    submit(tmp_path / "submitted", "bob", RIGHT, name=os.fsdecode(b"ps0 \xff\n.ipynb"))
    submit(tmp_path / "submitted", "bob", RIGHT, name="other.ipynb")
    graded_here(tmp_path / "submitted", tmp_path / "out", key)
    for student, note in (("ann", "ps0.ipynb was graded, 2 more"), ("bob", "ps0 __.ipynb was graded, 1 more")):
        assert note in marks(tmp_path / "out")[student]["notes"] and note in feedback(tmp_path / "out", student)
