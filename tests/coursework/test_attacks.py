"""Seventy and more further ways to get points, to break the run or to be somebody else, each with its right end.

Most begin from a notebook whose `step` is wrong and whose other answers are right, so that a point for `step` is a
break-in and a lost point elsewhere is the attacker's own doing. Told by what other graders were broken with: objects
that are equal to everything, patched comparisons, forged results, frames of the caller, hooks, finalisers, descriptors.
"""

import json
import struct
import zipfile

import pytest

from coursework.grader.submissions import MOST_CELLS, find, parse
from tests.coursework.material import (
    IMPORT,
    RIGHT,
    SLOPE,
    TOTAL,
    WRONG_STEP,
    edited,
    feedback,
    grader,
    guarded,
    marks,
    notebook_of,
    points,
    submit,
    write_assignment,
)

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
    run = guarded(grader(submitted, out, key, workers=2), seconds=500)
    assert run.returncode == 0, run.stderr
    return out


def test_there_are_enough():
    assert len(IN_A_CELL) + len(AS_AN_ANSWER) >= 80


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
