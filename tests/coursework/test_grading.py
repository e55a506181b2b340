"""From a folder of submissions to marks, hints, feedback and gradebook."""

import dataclasses
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import zipfile

import pytest

from coursework import plain
from coursework.grader import __main__ as command
from coursework.grader import sandbox
from coursework.grader.assignment import GUESSED, HIDDEN, draw, handed_out, job_of, load, names, stretched
from coursework.grader.marking import Marker, read_report
from coursework.grader.needed import needed
from coursework.grader.probe import prove
from coursework.grader.student import released
from tests.coursework.material import (
    IMPORT,
    KEY,
    RIGHT,
    SLOPE,
    STEP,
    TOTAL,
    errors,
    feedback,
    graded_here,
    grader,
    guarded,
    marks,
    notebook_of,
    points,
    runs,
    submit,
    write_assignment,
)
from tests.notebook import ROOT

ANSWERS = {  # name: (step, total, slope; the points; words of a hint)
    "plain": (STEP, TOTAL, SLOPE, (10, 5, 2), ""),
    "loops": (
        "def step(W, h):\n    return [float(np.tanh(sum(w * x for w, x in zip(row, h)))) for row in W]",
        "def total(dh):\n    out = 0\n    for row in dh:\n        out = out + row\n    return out",
        "slope = 1 / 4",
        (10, 5, 2),
        "",
    ),
    "einsum": (
        "step = lambda W, h: np.tanh(np.einsum('ij,j->i', W, h))",
        "total = lambda dh: np.einsum('th->h', dh)",
        "slope = np.float32(0.25)",
        (10, 5, 2),
        "",
    ),
    "transposed": ("def step(W, h):\n    return np.tanh(h @ W)", TOTAL, SLOPE, (0, 5, 2), "W is transposed."),
    "last_only": (STEP, "def total(dh):\n    return dh[-1]", SLOPE, (10, 0, 2), "not accumulated over time"),
    "tanh_slope": (STEP, TOTAL, "slope = 1.0", (10, 5, 0), "that is tanh's."),
    "raises": (
        STEP,
        "def total(dh):\n    raise KeyError('dh')",
        SLOPE,
        (10, 0, 2),
        "KeyError: see line 2 of code cell 3",
    ),
    "not_started": ("def step(W, h):\n    raise NotImplementedError()", TOTAL, "slope = ...", (0, 5, 0), "Not started"),
    "untouched": ('def step(W, h):\n    """(H,)."""\n    ...', TOTAL, SLOPE, (0, 5, 2), "Not started"),
    "undefined": ("1 / 0", TOTAL, SLOPE, (0, 5, 2), "Code cell 2 of your notebook stopped first: ZeroDivisionError"),
    "not_a_function": ("step = 3", TOTAL, SLOPE, (0, 5, 2), "step is not a function"),
    "a_function": (STEP, TOTAL, "def slope():\n    return 0.25", (10, 5, 0), "the answer is a function"),
    "changes_its_input": ("def step(W, h):\n    h[:] = np.tanh(W @ h)\n    return h", TOTAL, SLOPE, (10, 5, 2), ""),
    "wrong_shape": ("def step(W, h):\n    return np.tanh(W @ h)[:, None]", TOTAL, SLOPE, (0, 5, 2), "the shape is"),
    "one_size": ("def step(W, h):\n    return np.tanh(W[:3, :3] @ h[:3])", TOTAL, SLOPE, (0, 5, 2), "the shape is"),
    "spoils_numpy": (
        "def step(W, h):\n    value = np.tanh(W @ h)\n    np.sum = np.tanh = None\n    return value",
        "def total(dh):\n    return np.sum(dh, axis=0)",
        SLOPE,
        (0, 5, 2),
        "TypeError",
    ),
    "draws": (STEP, TOTAL, "slope = 0.25 if np.random.rand() < 2 else np.random.rand()", (10, 5, 2), ""),
}


@pytest.fixture(scope="module")
def graded(tmp_path_factory, sandbox_kind):
    """(key, submitted, out) of a run over all ANSWERS."""
    folder = tmp_path_factory.mktemp("answers")
    key = write_assignment(folder / "key")
    for name, (step, total, slope, _, _) in ANSWERS.items():
        submit(folder / "submitted", name, [IMPORT, step, total, slope])
    graded_here(folder / "submitted", folder / "out", key)
    return key, folder / "submitted", folder / "out"


@pytest.mark.parametrize("name", ANSWERS)
def test_points_and_hints(graded, name):
    *_, expected, hint = ANSWERS[name]
    assert points(marks(graded[2])[name]) == expected
    assert hint in feedback(graded[2], name) + errors(graded[2], name)
    assert "NotImplementedError" not in errors(graded[2], name), "what is not started is no error"


def test_again_repeats_nothing_and_says_the_same(graded):
    key, submitted, out = graded
    before = runs(out), (out / "marks" / "ps0.csv").read_bytes(), feedback(out, "transposed")
    graded_here(submitted, out, key)
    assert (runs(out), (out / "marks" / "ps0.csv").read_bytes(), feedback(out, "transposed")) == before


def test_elsewhere_gives_the_same_marks(graded, tmp_path):
    """In another folder, by two processes, nothing taken over."""
    key, submitted, out = graded
    graded_here(submitted, tmp_path, key, workers=2)
    assert (tmp_path / "marks" / "ps0.csv").read_bytes() == (out / "marks" / "ps0.csv").read_bytes()
    for path in sorted(out.glob("runs/ps0/*.json")):
        assert path.read_bytes() == (tmp_path / "runs" / "ps0" / path.name).read_bytes()


def test_another_seed_draws_other_inputs(key):
    assignment = load("ps0", key)
    assert draw(assignment, 7, 3) == draw(assignment, 7, 3)
    assert draw(assignment, 8, 3) != draw(assignment, 7, 3)
    assert len({len(text) for text in draw(assignment, 7, 9)["ps0_step"]}) > 2, "shapes vary"


def test_a_corrected_key_regrades_without_running_anything(graded, tmp_path):
    key, submitted, out = graded
    corrected = KEY.replace("np.tanh(W @ h),\n        draw", "np.tanh(W.T @ h),\n        draw")
    corrected = corrected.replace("points=5", "points=7")
    assert "np.tanh(W @ h),\n" not in corrected and "points=7" in corrected
    write_assignment(tmp_path, corrected)
    before = runs(out)
    graded_here(submitted, out, tmp_path)
    assert points(marks(out)["transposed"]) == (10, 7, 2)
    assert points(marks(out)["plain"]) == (0, 7, 2)
    assert runs(out) == before
    graded_here(submitted, out, key)
    assert points(marks(out)["plain"]) == (10, 5, 2)


def test_killed_and_started_again(tmp_path, key, sandbox_kind):
    """kill -9 in the middle of a run: what is done stays, what is not is taken up, the marks are those of one run."""
    for i in range(5):
        slow = f"import time\ntime.sleep(0.5)\nnumber = {i}"
        submit(tmp_path / "submitted", f"student{i}", [IMPORT, slow, STEP, TOTAL, SLOPE if i % 2 else "slope = 1.0"])
    out = tmp_path / "out"
    words = grader(tmp_path / "submitted", out, key, workers=1)
    process = subprocess.Popen(words, cwd=ROOT, stderr=subprocess.DEVNULL, start_new_session=True)
    end = time.monotonic() + 200  # on a busy machine
    while len(runs(out)) < 2 and time.monotonic() < end:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    done = runs(out)
    assert 2 <= len(done) < 5
    (out / "runs" / "ps0" / ".half.123").write_text('{"student": ')
    assert not (out / "marks").exists()
    run = guarded(words)
    assert run.returncode == 0, run.stderr
    assert len(runs(out)) == 5
    assert {name: when for name, when in runs(out).items() if name in done} == done, "a run was repeated"
    expected = {f"student{i}": (10, 5, 2 if i % 2 else 0) for i in range(5)}
    assert {student: points(row) for student, row in marks(out).items()} == expected


def test_a_scheduler_and_two_worker_processes(tmp_path, key, graded):
    """The way of a cluster, on this machine: a scheduler and two workers, each a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    python, port = [sys.executable, "-m"], address.rsplit(":", 1)[1]
    local = ["--host", "127.0.0.1", "--port", port, "--no-dashboard"]
    worker = [*python, "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard"]
    commands = [
        [*python, "distributed.cli.dask_scheduler", *local],
        [*worker, "--name", "one", "--local-directory", str(tmp_path)],
        [*worker, "--name", "two", "--local-directory", str(tmp_path)],
    ]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": ROOT, "start_new_session": True}
    processes = [subprocess.Popen(words, **quiet) for words in commands]
    try:
        from distributed import Client

        with Client(address, timeout=60) as client:
            client.wait_for_workers(2, timeout=60)
        _, submitted, out = graded
        graded_here(submitted, tmp_path / "out", key, "--scheduler", address)
        with Client(address, timeout=60) as client:
            tasks = client.run_on_scheduler(
                lambda dask_scheduler: [state.metrics["task_counts"] for state in dask_scheduler.workers.values()]
            )
        assert len(tasks) == 2
    finally:
        for process in processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    assert marks(tmp_path / "out") == marks(out)


def test_without_a_sandbox_it_refuses(tmp_path, key, monkeypatch, capsys):
    """A machine on whose path there is neither bubblewrap nor a container program."""
    submit(tmp_path / "submitted", "ann", RIGHT)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert command.main(grader(tmp_path / "submitted", tmp_path / "out", key)[3:]) == 2
    complaint = capsys.readouterr().err
    assert "nothing was graded" in complaint and "--unsafe-no-sandbox" in complaint
    assert not (tmp_path / "out" / "marks").exists()


def test_a_sandbox_with_a_hole_is_not_used(monkeypatch, sandbox_kind, tmp_path):
    """The probe finds what should be hidden and isn't, and a network that should not be there."""
    with pytest.raises(sandbox.SandboxError, match="sees /usr"):
        prove(sandbox_kind, ["/usr"])
    if sandbox_kind == "bubblewrap":
        whole = sandbox.command

        def with_network(*arguments, **options):
            words = whole(*arguments, **options)
            place = words.index("--unshare-all") + 1
            return [*words[:place], "--share-net", *words[place:]]

        monkeypatch.setattr(sandbox, "command", with_network)
        if sandbox.syscalls.program() is not None:
            assert prove(sandbox_kind) == sandbox_kind, "the filter of calls is a second wall"
        monkeypatch.setattr(sandbox.syscalls, "program", lambda: None)
        with pytest.raises(sandbox.SandboxError, match="reaches the network"):
            prove(sandbox_kind)


def test_container_commands_cap_everything(monkeypatch, tmp_path):
    monkeypatch.setattr(sandbox, "room", lambda: tmp_path)
    monkeypatch.setattr(sandbox, "bare_room", lambda: tmp_path / "bare")
    bare = " ".join(sandbox.command("docker", sandbox.Limits(), bare=True))
    assert f"{tmp_path}/bare:/room:ro" in bare and "--tmpfs /usr/local/lib/python3.11/site-packages/torch:" in bare
    words = " ".join(sandbox.command("docker", sandbox.Limits(memory=2**30, processes=40)))
    for cap in (
        "--network none",
        "--memory 1073741824",
        "--pids-limit 40",
        "--read-only",
        "--cap-drop ALL",
        "--cpus 1",
    ):
        assert cap in words
    assert "--user 65534:65534" in words and f"{tmp_path}:/room:ro" in words


@pytest.mark.parametrize("name", names())
def test_every_cell_of_a_released_assignment_runs_in_the_sandbox(name, sandbox_kind):
    assignment = load(name)
    code = [cell.source for cell in released(assignment).cells if cell.cell_type == "code"]
    job = job_of(assignment, draw(assignment, 7, 1), code)
    text, problem = sandbox.execute(job, sandbox_kind, sandbox.Limits())
    assert problem is None and json.loads(text.split("\n")[0])["cells"] == {}


@pytest.mark.parametrize("name", ["ps1", "ps2", "ps3", "ps4"])
def test_the_instructors_own_notebook_earns_all_points(name, sandbox_kind):
    """The model solutions on the way that every submission goes, through the sandbox, to their marks."""
    assignment = load(name)
    code = [
        re.sub(r"[ \t]*### (BEGIN|END) SOLUTION\n?", "", HIDDEN.sub("", cell.source))
        for cell in assignment.notebook.cells
        if cell.cell_type == "code"
    ]
    inputs = draw(assignment, 7, 3)
    asked = [question.name for question in assignment.questions.values()]
    job = job_of(assignment, inputs, needed(code, handed_out(assignment), (), asked))
    text, problem = sandbox.execute(job, sandbox_kind, sandbox.Limits())
    found = {mark.grade_id: (mark.points, mark.most) for mark in Marker(assignment, inputs).marks(text, problem, code)}
    lost = {q: points for q, points in found.items() if q in assignment.questions and points[0] != points[1]}
    assert lost == {}, text


def test_only_a_stub_was_not_started(runner):
    def stub():
        """A number."""

    def dots(x): ...

    def nothing(x):
        """None."""
        return None

    def five():
        """A number."""
        return 5.0

    def given(x):
        return x

    def empty():
        return ()

    assert [runner.is_untouched(f) for f in (stub, dots, nothing)] == [True] * 3
    assert [runner.is_untouched(f) for f in (five, lambda: 5, given, empty, len, 3, None)] == [False] * 7


def test_essays_by_hand(graded):
    """Points and comments given in nbgrader come into feedback and table; grading again doesn't touch them."""
    from nbgrader.api import Gradebook

    key, submitted, out = graded
    assert marks(out)["plain"]["status"] == "1 to be read"
    with Gradebook(f"sqlite:///{out / 'gradebook.db'}") as book:
        grade = book.find_grade("ps0_essay", "ps0", "ps0", "plain")
        assert grade.needs_manual_grade and grade.max_score == 4
        grade.manual_score, grade.needs_manual_grade = 3, False
        book.find_comment("ps0_essay", "ps0", "ps0", "plain").manual_comment = "Which <factors>?"
        book.find_comment("ps0_step_answer", "ps0", "ps0", "plain").manual_comment = "Short and clear."
        book.db.commit()
    for _ in range(2):
        graded_here(submitted, out, key)
        row = marks(out)["plain"]
        assert (row["ps0_essay"], row["score"], row["status"]) == ("3", "20", "complete")
    assert "| ps0_essay | 3 of 4 | Why? | Which <factors>? |" in feedback(out, "plain")
    assert "| Short and clear. |" in feedback(out, "plain")
    assert "Which &lt;factors&gt;?" in (out / "feedback" / "plain" / "ps0" / "ps0.html").read_text()
    shown = (out / "autograded" / "plain" / "ps0" / "ps0.ipynb").read_text()
    assert "Because of *products*" in shown and "next to nothing" in shown and "hidden test" not in shown


def test_formgrader_lists_what_was_graded(graded):
    """As its pages ask for it, from the folder in which the guide says to start it."""
    from nbgrader.apps import NbGraderAPI
    from nbgrader.coursedir import CourseDirectory

    *_, out = graded
    api = NbGraderAPI(CourseDirectory(root=str(out)))
    assert [assignment["name"] for assignment in api.get_assignments()] == ["ps0"]
    assert "plain" in {notebook["student"] for notebook in api.get_notebook_submissions("ps0", "ps0")}


def test_what_cannot_be_run_can_still_be_read(tmp_path, key, monkeypatch):
    monkeypatch.setattr(sandbox, "execute", lambda *_: (None, "the notebook took too long"))
    submit(tmp_path / "submitted", "slow", RIGHT)
    graded_here(tmp_path / "submitted", tmp_path / "out", key, "--unsafe-no-sandbox")
    assert marks(tmp_path / "out")["slow"]["status"] == "the notebook took too long (1 to be read)"
    assert "Because of *products*" in (tmp_path / "out" / "autograded" / "slow" / "ps0" / "ps0.ipynb").read_text()


def test_late_work(tmp_path, key, sandbox_kind):
    for student, when in (("early", "2026-10-01 21:00:00 UTC"), ("late", "2026-10-02 23:00:00 UTC")):
        place = submit(tmp_path / "submitted", student, RIGHT)
        (place.parent / "timestamp.txt").write_text(when)
    due = ["--due", "2026-10-01T23:59+02:00", "--late-percent", "10"]
    graded_here(tmp_path / "submitted", tmp_path / "out", key, *due)
    table = marks(tmp_path / "out")
    assert (table["early"]["days_late"], table["early"]["score"]) == ("0", "17")
    assert (table["late"]["days_late"], table["late"]["score"]) == ("2", "13.6")
    assert "2 days late: 20% were taken off." in feedback(tmp_path / "out", "late")


def test_renamed_files_and_zips(tmp_path, key, sandbox_kind):
    submitted = tmp_path / "submitted"
    submit(submitted, "renamed", RIGHT, name="ps0 (1).ipynb")
    submit(submitted, "own_name", RIGHT, name="My homework.ipynb")
    submit(submitted, "two", RIGHT)
    submit(submitted, "two", [IMPORT], name="old.ipynb")
    with zipfile.ZipFile(submitted / "moodle.zip", "w") as archive:
        archive.writestr("Jo Doe_4711_assignsubmission_file_/ps0 (1).ipynb", notebook_of(RIGHT))
        archive.writestr("doejane_LATE_123_456_ps0-2.ipynb", notebook_of(RIGHT))
        archive.writestr("doejane_124_457_ps0.ipynb", notebook_of(RIGHT))
        archive.writestr("kim/ps0/ps0.ipynb", notebook_of(RIGHT))
        archive.writestr("kim/ps1/ps1.ipynb", notebook_of([]))
        archive.writestr("__MACOSX/kim/ps0/._ps0.ipynb", "")
    graded_here(submitted, tmp_path / "out", key)
    table = marks(tmp_path / "out")
    assert set(table) == {"renamed", "own_name", "two", "Jo Doe_4711", "doejane_123", "doejane_124", "kim"}
    assert {points(row) for row in table.values()} == {(10, 5, 2)}
    assert "ps0.ipynb was graded, 1 more lay beside it" in feedback(tmp_path / "out", "two")


def test_no_cell_of_the_table_is_a_formula(tmp_path, key, sandbox_kind):
    submit(tmp_path / "submitted", "@SUM(1+1)", RIGHT)
    graded_here(tmp_path / "submitted", tmp_path / "out", key)
    assert set(marks(tmp_path / "out")) == {"'@SUM_1+1_"} or set(marks(tmp_path / "out")) == {"_SUM_1+1_"}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["nowhere", "ps0", "--seed", "1"], "submitted: nowhere"),
        ([".", "ps9", "--seed", "1"], "assignment: got 'ps9'"),
        ([".", "ps0", "--seed", "1", "--trials", "0"], "--trials: got 0"),
        ([".", "ps0", "--seed", "1", "--due", "2026-10-01"], "--due: wants a time zone"),
    ],
)
def test_bad_input_is_named(words, complaint, capsys, key, tmp_path):
    submit(tmp_path / "submitted", "ann", RIGHT)
    words = [str(tmp_path / "submitted") if word == "." else word for word in words]
    assert command.main([*words, "--key", str(key), "--out", str(tmp_path / "out")]) == 2
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize(
    "report",
    [
        "[]",
        "{}",
        "[" * 10**5,
        '{"answers": [], "cells": {}}',
        '{"answers": {"a": {"values": 3}}, "cells": {}}',
        '{"answers": {"a": {"values": [], "raised": [1, 2]}}, "cells": {}}',
        '{"answers": {}, "cells": {"x": ""}}',
        '{"answers": {}, "cells": {"04": ""}}',
        '{"answers": {}, "cells": {"\u0664": ""}}',
        '{"answers": {}, "cells": {"4": 1}}',
        '{"answers": {}, "cells": {}, "marks": {}}',
        '{"answers": {}, "answers": {}, "cells": {}}',
        '{"answers": {"b": {"values": []}}, "cells": {}}',
        '{"answers": {"a": {"complaint": ""}}, "cells": {}}',
        '{"answers": {"a": {"values": [3]}}, "cells": {}}',
        '{"answers": {"a": {"values": [], "points": 10}}, "cells": {}}',
        '{"answers": {"a": {"values": [], "stepped": 1}}, "cells": {}}',
        '{"answers": {"a": {"values": [], "searched": true}}, "cells": {}}',
        '{"answers": {"a": {"values": [], "raised": ["KeyError", ""], "complaint": ""}}, "cells": {}}',
        '{"answers": {"a": {"values": [], "raised": ["KeyError"]}}, "cells": {}}',
    ],
    ids=lambda text: text[:40],
)
def test_a_forged_report_is_refused(report):
    with pytest.raises(ValueError):
        read_report(report, {"a"}, {"stepped"})


@pytest.mark.parametrize("complaint", ["", " ", "\n", "Right.", "Right, on every random input tried."])
@pytest.mark.parametrize("raised", [None, ["", ""], ["Right", " "]])
def test_no_words_of_a_submission_are_a_verdict(complaint, raised, key):
    """Points come from values alone, whatever a reply says of itself."""
    answer = {"values": [], "complaint": complaint} if raised is None else {"values": [], "raised": raised}
    assignment = load("ps0", key)
    text = json.dumps({"answers": dict.fromkeys(assignment.questions, answer), "cells": {}})
    marks = Marker(assignment, draw(assignment, 7, 3)).marks(text)
    assert [mark.points for mark in marks] == [0, 0, 0, None]


def test_a_report_of_the_right_form_is_read():
    answers = {"a": {"values": ["3"]}, "b": {"values": [], "raised": ["NameError", ""]}, "c": {"values": ["3"]}}
    answers["c"]["stepped"] = True
    text = json.dumps({"answers": answers, "cells": {"4": "NameError: x"}})
    assert read_report(text, {"a", "b", "c"}, {"stepped"}) == (answers, {4: "NameError: x"})


# ---------------------------------------------------------------------------------------------------------------------
# The seed

SHOWN = ["README.md", "Makefile", "coursework/README.md", "exam/README.md", "docs/teaching.md", "docs/hub.md"]
SEEDS = re.compile(r"(?:--seed[ =]|\bSEED=)(\S+)")


@pytest.mark.parametrize("name", SHOWN)
def test_no_command_of_the_docs_shows_a_seed_that_can_be_guessed(name):
    """A seed of their own, of twelve digits: what stands in a public file, others try first."""
    given = SEEDS.findall((ROOT / name).read_text(encoding="utf-8"))
    assert all(re.match(r"\$\(|\$?SEED\b|`|\.\.\.", seed) for seed in given), given
    assert given or name not in ("Makefile", "coursework/README.md", "exam/README.md")


def test_the_guides_own_command_draws_a_seed_that_nobody_guesses(tmp_path):
    text = (ROOT / "coursework" / "README.md").read_text(encoding="utf-8")
    (drawn,) = re.findall(r"^SEED=\$\((.*)\)$", text, re.M)
    seeds = {subprocess.run(shlex.split(drawn), capture_output=True, text=True).stdout.strip() for _ in range(3)}
    assert len(seeds) == 3 and all(re.fullmatch(r"[1-9]\d{11}", seed) for seed in seeds)
    assert not any(int(seed) < GUESSED for seed in seeds)


@pytest.mark.parametrize(("seed", "warned"), [(7, True), (10**11 - 1, True), (10**11, False), (10**30, False)])
def test_a_short_seed_is_warned_of_and_used(seed, warned, key, tmp_path, capsys, sandbox_kind):
    submit(tmp_path / "submitted", "ann", "no notebook")
    graded_here(tmp_path / "submitted", tmp_path / "out", key, seed=seed)
    assert ("can be guessed" in capsys.readouterr().err) == warned


def test_a_seed_below_zero_is_refused(key, tmp_path, capsys):
    submit(tmp_path / "submitted", "ann", RIGHT)
    assert command.main(grader(tmp_path / "submitted", tmp_path / "out", key, seed=-7)[3:]) == 2
    assert "seed: got -7" in capsys.readouterr().err


def test_one_seed_draws_what_has_nothing_in_common_for_two_assignments(key):
    """Not even for a question that is the same in both; and the same again for the same one."""
    one = load("ps0", key)
    other = dataclasses.replace(one, name="ps9")
    drawn = [draw(assignment, 123_456_789_012, 6) for assignment in (one, other, one)]
    assert drawn[0] == drawn[2]
    numbers = [
        {float(x) for call in inputs["ps0_step"] for part in plain.decode(call) for x in part.ravel()}
        for inputs in drawn
    ]
    assert len(numbers[0]) > 30 and not numbers[0] & numbers[1]
    assert stretched(7, "ps1") != stretched(7, "ps2") and stretched(7, "ps1") != stretched(8, "ps1")
    assert all(0 <= word < 2**32 for word in stretched(7, "ps1"))
