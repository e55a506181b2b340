"""Submissions that try to get points, the key, the class's marks or the machine. Nobody else's marks change by a bit.

All of them are graded in one run, between two honest ones. The sandbox bounds the bombs; `guarded` bounds the sandbox.
"""

import contextlib
import io
import os
import socket
import stat
import threading
import zipfile
from pathlib import Path

import pytest

from tests.coursework.material import (
    IMPORT,
    RIGHT,
    SLOPE,
    STEP,
    TOTAL,
    WRONG_STEP,
    edited,
    errors,
    feedback,
    grader,
    guarded,
    marks,
    notebook_of,
    points,
    submit,
    write_assignment,
)

ALL, NO_STEP, NONE = (10, 5, 2), (0, 5, 2), (0, 0, 0)
TRANSPOSED = "W is transposed."

IN_AN_ANSWER = {  # name: (body of step, what its hint says). The other questions keep their points.
    "loop": ("while True:\n        pass", "took longer than the 2 s allowed"),
    "forks": ("import os\n    while True:\n        os.fork()", ""),
    "memory": ("return bytearray(20 * 2**30)", "MemoryError"),
    "prints": ("while True:\n        print('x' * 10**6)", "took longer than the 2 s allowed"),
    "prints_100_MB": ("print('x' * 17_000_000)\n    return W @ h", "the tanh is missing."),
    "returns_100_MB": ("return np.zeros(12_500_000)", "far too large"),
    "returns_100_MB_of_words": ("return 'x' * 10**8", "far too large"),
    "writes_100_MB": ("open('x', 'wb').write(bytes(10**8))\n    return W @ h", "OSError"),
    "exit": ("import os\n    os._exit(0)", "ended the Python process"),
    "sys_exit": ("import sys\n    sys.exit(0)", "SystemExit"),
    "kills_all": ("import os\n    os.kill(-1, 9)", "ended the Python process"),
    "kills_parent": ("import os\n    os.kill(os.getppid(), 9)\n    os.kill(1, 9)\n    return W @ h", ""),
    "segfault": ("import ctypes\n    ctypes.string_at(0)", "ended the Python process"),
    "recursion": ("return step(W, h)", "RecursionError"),
    "shows_inputs": ("raise ValueError(repr(h))", "ValueError"),
    "equal_to_all": ("return type('Right', (), {'__eq__': lambda *_: True})()", "not a number"),
    "array_of_lies": (
        "return type('Right', (np.ndarray,), {'__eq__': lambda *_: True})((len(h),), buffer=W.T @ h)",
        "numbers differ",
    ),
    "pickle": ("import pickle\n    return pickle.dumps(h)", "not a number"),
    "reports_itself": (
        "import os\n    for fd in range(3, 30):\n        try:\n            os.write(fd, b'[\"done\", null, null]\\n')\n"
        "        except OSError:\n            pass\n    return W.T @ h",
        "",
    ),
}
IN_A_CELL = {  # name: (a cell before the answers, step, points)
    "cell_loop": ("while True:\n    pass", STEP, ALL),
    "cell_forks": ("import os\nwhile True:\n    os.fork()", STEP, ALL),
    "cell_exit": ("import os\nos._exit(1)", STEP, ALL),
    "cell_syntax": ("def (:", STEP, ALL),
    "cell_magics": ("%matplotlib inline\n!rm -rf /\nget_ipython().run_line_magic('time', '')", STEP, ALL),
    "settrace": ("import sys\nsys.settrace(lambda *_: None)", WRONG_STEP, NO_STEP),
    "patched": ("np.allclose = np.array_equal = lambda *_, **__: True\nnp.testing = None", WRONG_STEP, NO_STEP),
    "patched_but_right": ("np.allclose = lambda *_, **__: 1 / 0", STEP, ALL),
    "patched_checks": ("import builtins\nbuiltins.abs = lambda *_: 0\nnp.any = lambda *_: False", WRONG_STEP, NO_STEP),
    "ast_hook": (
        "import ast\nclass Strip(ast.NodeTransformer):\n    def visit_Assert(self, node):\n        return ast.Pass()\n"
        "get_ipython().ast_transformers.append(Strip())",
        WRONG_STEP,
        NO_STEP,
    ),
    "takes_from_checks": (
        "from course_utils.checks.lesson_05 import EXERCISES",
        "step = EXERCISES['05 GRU step'].right",
        NO_STEP,
    ),
    "takes_from_questions": ("from coursework.ps0.questions import QUESTIONS", "step = QUESTIONS[0].right", NO_STEP),
    "takes_from_hints": ("from coursework.hints import hints_for", "step = hints_for('ps0 step')", NO_STEP),
}
READS_KEY = """
def search():
    import os, re
    places = ["{key}", "/room", "/proc/1/cwd", "/proc/1/root", os.getcwd()]
    for place in places:
        for folder, _, files in os.walk(place):
            for name in files:
                try:
                    text = open(os.path.join(folder, name)).read()
                except (OSError, UnicodeDecodeError):
                    continue
                if "right=" in text:
                    return re.search(r"right=(lambda W, h: .*),", text)[1]
step = eval(search())
"""
WRITES = """
import glob, os, sqlite3
for name in ["{out}/gradebook.db", "{out}/marks/ps0.csv", "{other}", "/etc/passwd"]:
    try:
        open(name, "a").write("x")
    except OSError:
        pass
try:
    sqlite3.connect("{out}/gradebook.db").execute("update grade set manual_score = 400").connection.commit()
except sqlite3.Error:
    pass
step = None if os.path.exists("{other}") or glob.glob("{submitted}/*") else step
"""
CALLS = """
import socket
try:
    socket.create_connection(("127.0.0.1", {port}), 1).send(b"hello")
    step = None
except OSError:
    pass
"""


def lay_out(submitted, key, out, port):
    """Every hostile submission. Returns {student: (points, words of the hint for step)}."""
    wanted = {}
    for name, (body, hint) in IN_AN_ANSWER.items():
        submit(submitted, name, [IMPORT, f"def step(W, h):\n    {body}", TOTAL, SLOPE])
        wanted[name] = (NO_STEP, hint)
    for name, (cell, step, expected) in IN_A_CELL.items():
        submit(submitted, name, [IMPORT, cell, step, TOTAL, SLOPE])
        wanted[name] = (expected, TRANSPOSED if step == WRONG_STEP else "")
    other = submitted / "aaron" / "ps0" / "ps0.ipynb"
    submit(submitted, "reads_key", [IMPORT, WRONG_STEP, READS_KEY.format(key=key), TOTAL, SLOPE])
    wanted["reads_key"] = (NO_STEP, TRANSPOSED)
    submit(submitted, "writes", [*RIGHT, WRITES.format(out=out, other=other, submitted=submitted)])
    submit(submitted, "calls", [*RIGHT, CALLS.format(port=port)])
    submit(submitted, "deleted", [IMPORT, STEP])
    wanted |= {"writes": (ALL, ""), "calls": (ALL, ""), "deleted": ((10, 0, 0), "")}
    submit(submitted, "edited", [*RIGHT, "check = lambda *_: print('Right')", "assert step is None"])
    submit(submitted, "duplicated", [IMPORT, WRONG_STEP, STEP, STEP, TOTAL, TOTAL, SLOPE])
    submit(submitted, "reordered", [SLOPE, TOTAL, STEP, IMPORT])
    wanted |= {"edited": (ALL, ""), "duplicated": (ALL, ""), "reordered": (ALL, "")}
    bare = edited(notebook_of(RIGHT), lambda data: [cell.update(metadata=None, id=3) for cell in data["cells"]])
    submit(submitted, "lost_metadata", bare)
    julia = {"kernelspec": {"name": "julia-1.9", "language": "julia", "display_name": "Julia"}}
    submit(submitted, "foreign_kernel", notebook_of(RIGHT, metadata=julia))
    wanted |= {"lost_metadata": (ALL, ""), "foreign_kernel": (ALL, "")}

    unreadable = {
        "not_utf8": b"\xff\xfe\x00{}",
        "not_a_notebook": "I had no time.",
        "a_list": "[1, 2]",
        "no_cells": '{"cells": {"a": 1}}',
        "odd_cells": '{"cells": [3]}',
        "deep": "[" * 10**6,
        "empty": "",
        "many_cells": '{"cells": [' + ",".join(["{}"] * 5000) + "]}",
    }
    for name, content in unreadable.items():
        submit(submitted, name, content)
    with open(submit(submitted, "200_MB", "{"), "r+b") as file:
        file.truncate(200_000_000)
    (submitted / "folder" / "ps0" / "ps0.ipynb").mkdir(parents=True)
    (submitted / "pipe" / "ps0").mkdir(parents=True)
    os.mkfifo(submitted / "pipe" / "ps0" / "ps0.ipynb")
    (submitted / "link" / "ps0").mkdir(parents=True)
    (submitted / "link" / "ps0" / "ps0.ipynb").symlink_to(other)
    (submitted / "linked_student").symlink_to(submitted / "aaron")
    (submitted / "nothing" / "ps0").mkdir(parents=True)
    (submitted / "broken.zip").write_bytes(b"PK\x03\x04 not a zip")
    with zipfile.ZipFile(submitted / "lms.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../climber/ps0.ipynb", notebook_of(RIGHT))
        link = zipfile.ZipInfo("zip_link/ps0/ps0.ipynb")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, str(other))
        archive.writestr("zip_bomb/ps0/ps0.ipynb", bytes(200_000_000))
        archive.writestr("Zoe Z_4711_assignsubmission_file_/ps0 (1).ipynb", notebook_of(RIGHT))
    wanted["Zoe Z_4711"] = (ALL, "")
    strange = [
        "200_MB",
        "folder",
        "pipe",
        "link",
        "linked_student",
        "nothing",
        "broken",
        "climber",
        "zip_link",
        "zip_bomb",
    ]
    for name in [*unreadable, *strange]:
        wanted[name] = (NONE, "could not be read")
    return wanted


@pytest.fixture(scope="module")
def graded(tmp_path_factory, sandbox_kind):
    """(what should come out, the folder with what came out, connections that the listener saw, the honest alone)."""
    folder = tmp_path_factory.mktemp("hostile")
    key, submitted, out = write_assignment(folder / "key"), folder / "submitted", folder / "out"
    honest = folder / "honest"
    for place in (submitted, honest):
        submit(place, "aaron", RIGHT)
        submit(place, "zora", [IMPORT, WRONG_STEP, TOTAL, SLOPE])
    alone = guarded(grader(honest, folder / "alone", key))
    assert alone.returncode == 0, alone.stderr
    calls = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def listen():
            with contextlib.suppress(OSError):
                while True:
                    calls.append(listener.accept())

        threading.Thread(target=listen, daemon=True).start()
        port = listener.getsockname()[1]
        wanted = lay_out(submitted, key, out, port)
        run = guarded(grader(submitted, out, key, workers=2), seconds=400)
        assert run.returncode == 0, run.stderr
        heard = len(calls)
        socket.create_connection(("127.0.0.1", port)).close()
        while len(calls) == heard:
            pass  # the listener does hear
    return wanted, out, heard, folder / "alone"


def test_each_gets_its_right_mark(graded):
    wanted, out, _, _ = graded
    table = marks(out)
    assert {name: points(table[name]) for name in wanted} == {name: expected for name, (expected, _) in wanted.items()}


def test_each_gets_its_hint(graded):
    wanted, out, _, _ = graded
    said = {name: feedback(out, name) + errors(out, name) for name in wanted}
    missing = {name: said[name] for name, (_, hint) in wanted.items() if hint not in said[name]}
    assert missing == {}


def test_nobody_elses_marks_change(graded):
    wanted, out, _, alone = graded
    table = marks(out)
    assert set(table) == set(wanted) | {"aaron", "zora"}
    assert {name: table[name] for name in ("aaron", "zora")} == marks(alone)
    for name in ("aaron", "zora"):
        assert feedback(out, name) == feedback(alone, name)


def test_no_call_got_out(graded):
    assert graded[2] == 0


def test_gradebook_holds_what_the_table_says(graded):
    from nbgrader.api import Gradebook

    _, out, _, _ = graded
    with Gradebook(f"sqlite:///{out / 'gradebook.db'}") as book:
        for name, row in marks(out).items():
            grades = [book.find_grade(part, "ps0", "ps0", name) for part in ("ps0_step", "ps0_total", "ps0_slope")]
            assert tuple(grade.auto_score for grade in grades) == points(row)
            assert all(grade.manual_score is None for grade in grades)


def test_no_input_is_shown(graded):
    _, out, _, _ = graded
    assert "only your instructor sees" in feedback(out, "shows_inputs")
    assert "ValueError: see line" in errors(out, "shows_inputs")
    assert "0." not in feedback(out, "shows_inputs") + errors(out, "shows_inputs")


def test_no_script_of_a_student_reaches_a_browser(graded):
    _, out, _, _ = graded
    for path in [*out.rglob("*.html"), *out.glob("autograded/*/*/*.ipynb")]:
        assert "<script" not in path.read_text(encoding="utf-8")


def runners():
    """{process: parent} of all that sandboxes run, and of the sandboxes, those of other tests among them."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if b"/room/runner.py" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found[int(pid)] = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return found


def test_nothing_was_left_running(graded):
    """What outlives its grader is handed to process 1, or still belongs to this one, which has finished grading."""
    assert [pid for pid, parent in runners().items() if parent in (1, os.getpid())] == []


def test_without_a_sandbox_the_key_would_be_read(tmp_path, key):
    """The probe above is a live one: with no walls it finds the key."""
    submit(tmp_path / "submitted", "reads_key", [IMPORT, WRONG_STEP, READS_KEY.format(key=key), TOTAL, SLOPE])
    run = guarded(grader(tmp_path / "submitted", tmp_path / "out", key, "--unsafe-no-sandbox"))
    assert run.returncode == 0, run.stderr
    assert points(marks(tmp_path / "out")["reads_key"]) == ALL


def test_a_zip_climbs_nowhere(tmp_path, key):
    """Reading a zip writes nothing at all."""
    from coursework.grader.submissions import find

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("../../climber/ps0.ipynb", notebook_of(RIGHT))
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "all.zip").write_bytes(packed.getvalue())
    before = sorted(tmp_path.rglob("*"))
    (found,) = find(tmp_path / "a" / "b" / "all.zip", "ps0")
    assert "leads out of the folder" in found.problem
    assert sorted(tmp_path.rglob("*")) == before


PACKED = {"deflate": zipfile.ZIP_DEFLATED, "bzip2": zipfile.ZIP_BZIP2, "lzma": zipfile.ZIP_LZMA}


@pytest.mark.parametrize("packed", PACKED)
def test_a_damaged_file_in_a_zip_is_its_students_alone(packed, tmp_path):
    """The first student's bytes are turned over within the zip, the second's are sound."""
    from coursework.grader.submissions import find

    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", PACKED[packed]) as archive:
        archive.writestr("ann/ps0/ps0.ipynb", notebook_of(RIGHT))
        archive.writestr("bob/ps0/ps0.ipynb", notebook_of(RIGHT))
    damaged = bytearray(content.getvalue())
    damaged[70:300] = bytes(255 - byte for byte in damaged[70:300])
    (tmp_path / "all.zip").write_bytes(damaged)
    ann, bob = find(tmp_path, "ps0")
    assert "can't be unpacked" in ann.problem and ann.cells == []
    assert bob.problem is None and bob.code == RIGHT


@contextlib.contextmanager
def as_an_ordinary_user():
    """Root may open everything, so for a while this process is not root."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


@pytest.mark.parametrize("closed", ["bob", "bob/ps0", "bob/ps0/ps0.ipynb"])
def test_a_closed_folder_is_its_students_alone(closed, tmp_path, monkeypatch):
    from coursework.grader.submissions import find

    submit(tmp_path, "ann", RIGHT)
    submit(tmp_path, "bob", RIGHT)
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)  # the folders above are closed, too
    (tmp_path / closed).chmod(0)
    try:
        with as_an_ordinary_user():
            ann, bob = find(Path(), "ps0")
    finally:
        (tmp_path / closed).chmod(0o700)
    assert ann.problem is None and ann.code == RIGHT
    assert "can't be opened" in bob.problem and bob.cells == []
