"""What crosses the sandbox's edge is data of bounded size, depth and type, or it is nothing.

A reply may hold these fields and no others count: `answers`, by question: `values`, a list of what `plain.encode`
writes; `complaint`, words; `raised`, a name and a place. `cells`, errors by number. Words are only ever shown, and none
but those that are known beforehand: else the hidden inputs could be read from them.
"""

import json
import math
import re
from html.parser import HTMLParser

import nbformat
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nbconvert import HTMLExporter

from coursework import plain
from coursework.grader import __main__ as command
from coursework.grader import assignment as assignments
from coursework.grader import report, sandbox, submissions, told
from coursework.grader.gradebook import harmless
from coursework.grader.marking import Marker, without_numbers
from coursework.grader.submissions import Submission, told_apart
from coursework.grader.tex import type_alone
from tests.coursework.material import (
    RIGHT,
    STEP,
    feedback,
    graded_here,
    grader,
    guarded,
    marks,
    notebook_of,
    submit,
    write_assignment,
)
from tests.notebook import ROOT

TRIALS = 2


@pytest.fixture(scope="module")
def marker(tmp_path_factory):
    key = write_assignment(tmp_path_factory.mktemp("key"))
    assignment = assignments.load("ps0", key)
    return Marker(assignment, assignments.draw(assignment, 7, TRIALS))


@pytest.fixture(scope="module")
def right(marker):
    """The reply of a right submission, as data."""
    answers = {}
    for grade_id, question in marker.assignment.questions.items():
        calls = marker.inputs[grade_id]
        values = [question.right] if calls is None else [question.right(*plain.decode(call)) for call in calls]
        answers[grade_id] = {"values": [plain.encode(value) for value in values]}
    return {"answers": answers, "cells": {}}


def points(marker, text):
    return {mark.grade_id: mark.points for mark in marker.marks(text) if mark.points is not None}


def test_a_right_reply_has_all_points(marker, right):
    assert points(marker, json.dumps(right)) == {"ps0_step": 10, "ps0_total": 5, "ps0_slope": 2}


odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([2**63, -(2**63), 10**400, 0.25, 1, True, "right", "", " ", "\ud800", "\x00", "Right.", math.inf]),
    st.floats(allow_nan=True),
    st.text(max_size=20),
)
anything = st.recursive(
    odd,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
names = st.sampled_from(["values", "complaint", "raised", "right", "points", "score", "words", "hint", "verdict"])
wrong_value = st.one_of(
    st.floats(0.3, 5).map(plain.encode),
    st.integers(-(2**62), 2**62).filter(bool).map(plain.encode),
    st.sampled_from([np.ones(3), np.ones((2, 2)), np.array(np.nan), [], {}, "0.25", None]).map(plain.encode),
    anything.map(lambda value: json.dumps(value)),
    anything,
)
an_answer = st.one_of(
    anything,
    st.fixed_dictionaries(
        {"values": st.lists(wrong_value, max_size=4)},
        optional={"complaint": anything, "raised": anything, "right": anything, "points": anything},
    ),
    st.dictionaries(names, anything, max_size=5),
)
questions = st.sampled_from(["ps0_step", "ps0_total", "ps0_slope", "ps0_essay", "", "ps0"])
a_reply = st.one_of(
    anything,
    st.fixed_dictionaries(
        {"answers": st.one_of(anything, st.dictionaries(questions, an_answer, max_size=4)), "cells": anything},
        optional={"marks": anything, "right": anything},
    ),
)


def is_right(marker, grade_id, answer):
    """Whether an answer's values really are right, worked out here without the marker's judgement."""
    question, calls = marker.assignment.questions[grade_id], marker.inputs[grade_id]
    try:
        values = [plain.decode(value) for value in answer["values"]]
        wanted = [question.right] if calls is None else [question.right(*plain.decode(call)) for call in calls]
        return len(values) == len(wanted) and all(
            np.shape(got) == np.shape(want) and np.allclose(np.asarray(got, float), want, rtol=1e-6)
            for got, want in zip(values, wanted, strict=True)
        )
    except Exception:
        return False


@settings(max_examples=10_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(reply=a_reply)
def test_no_reply_turns_a_wrong_value_into_a_point(marker, reply):
    for grade_id, got in points(marker, json.dumps(reply)).items():
        if got:
            assert is_right(marker, grade_id, reply["answers"][grade_id]), reply


@settings(max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=st.one_of(st.text(), st.binary().map(lambda raw: raw.decode("latin-1")), st.none()))
def test_no_text_whatever_earns_or_stops_anything(marker, text):
    assert not any(points(marker, text).values())


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 50_000,
        '{"answers": {}, "cells": {"1": "x"}}' * 2,
        '{"answers": {"ps0_slope": {"values": ["' + "9" * 5000 + '"]}}, "cells": {}}',
        '{"answers": {"ps0_slope": {"values": ["{\\"float\\": \\"0x1p99999\\"}"]}}, "cells": {}}',
        '{"answers": {"ps0_slope": {"values": ["1"], "complaint": ""}}, "cells": {}}',
        '{"answers": {"ps0_slope": {"values": [], "complaint": " "}}, "cells": {}}',
        '{"answers": {"ps0_slope": {"values": ["1"], "raised": ["\\ud800", "\\ud800"]}}, "cells": {"1": "\\ud800"}}',
        '{"answers": {"ps0_slope": {"values": ["1"], "raised": []}}, "cells": {"' + "9" * 5000 + '": "x"}}',
        '{"answers": {"ps0_slope": {"values": ["NaN"]}}, "cells": {}}',
        '{"answers": {"ps0_slope": {"values": ["1e999"]}}, "cells": {}}',
    ],
    ids=range(11),
)
def test_known_forms_of_forgery(marker, text):
    assert not any(points(marker, text).values())
    for mark in marker.marks(text):
        mark.hint.encode()  # it can be written


@pytest.mark.parametrize("wrong", [[0], [1], [0, 1]])
def test_no_hint_tells_of_the_graders_own_numbers(marker, right, wrong):
    """An input's number in the run is no input, so neither its value nor where it changes the result is a hint."""
    reply = json.loads(json.dumps(right))
    values = reply["answers"]["ps0_step"]["values"]
    for trial in wrong:
        values[trial] = plain.encode(plain.decode(values[trial]) + 3.5)
    hint = next(mark.hint for mark in marker.marks(json.dumps(reply)) if mark.grade_id == "ps0_step")
    assert "differ" in hint and "trial" not in hint and "smallest input" not in hint
    assert ("right on 1 of 2 inputs" in hint) == (len(wrong) == 1)


def test_words_are_cleaned_before_they_are_shown():
    words = without_numbers("a\ud800b\x00c\u202ed 3.14159")
    assert words.encode() and "\x00" not in words and "\u202e" not in words and "3.14" not in words


def test_huge_integers_are_no_values():
    for text in (str(2**63), str(10**400), "-" + str(2**63)):
        with pytest.raises(ValueError):
            plain.decode(text)
    assert plain.decode(str(2**63 - 1)) == 2**63 - 1


# ---------------------------------------------------------------------------------------------------------------------
# Nothing of the hidden inputs comes back in the feedback

LETTERS = """
import numpy as np
def letters(h):
    return "".join("klmnopqrst"[int(s)] for s in ("%.60f" % abs(h[0]))[2:20])
"""
BODIES = {  # what step does with its inputs, to tell them
    "words": "raise ValueError(letters(h))",
    "words of a kind that is told": "raise NameError(f'name {letters(h)} is not defined')",
    "a name": "raise type(letters(h), (Exception,), {})()",
    "a name that pretends": "raise type(letters(h), (Exception,), {'__module__': 'builtins'})()",
    "words of a stub": "raise NotImplementedError(letters(h))",
    "a missing name": "return eval(letters(h))",
    "a missing key": "return {}[letters(h)]",
    "a module": "import importlib\n    return importlib.import_module(letters(h))",
    "a file": "return open(letters(h))",
    "a type": "return type(letters(h), (), {})()",
    "an array of a type": "return np.array([type(letters(h), (), {})()])",
    "keys": "return {letters(h): 1.0}",
    "results": "return [letters(h)] * 3",
    "a cause": "try:\n        1 / 0\n    except ArithmeticError as zero:\n        raise KeyError(letters(h)) from zero",
    "a note": "error = ValueError('x')\n    error.add_note(letters(h))\n    raise error",
    "a group": "raise ExceptionGroup(letters(h), [ValueError(letters(h))])",
    "a name of a file": "exec(compile('1 / 0', letters(h), 'exec'))",
    "a line of a cell": "exec(compile('1 / 0', 'cell ' + letters(h), 'exec'))",
    "a name of a function": "global step\n    step = 1\n    exec(f'def {letters(h)}():\\n    1 / 0\\n{letters(h)}()')",
    "a report": "import json, os\n    said = ['value', 'ps0_step', {'values': [], 'complaint': letters(h)}]\n"
    "    for fd in range(3, 64):\n        try:\n            os.write(fd, json.dumps(said).encode() + b'\\n')\n"
    "        except OSError:\n            pass",
    "a report of a cell": "import json, os\n    said = ['error', 1, letters(h)]\n"
    "    for fd in range(3, 64):\n        try:\n            os.write(fd, json.dumps(said).encode() + b'\\n')\n"
    "        except OSError:\n            pass\n    return letters",
    "a shape": "digits = [1 + int(s) for s in ('%.60f' % abs(h[0]))[2:20]]\n    return np.zeros((0, *digits))",
    "a long shape": "return np.zeros((0, *map(int, ('%.60f' % abs(h[0]))[2:32])))",
}
IN_MEMORY = """
import gc, plain
found = [thing["calls"] for thing in gc.get_objects() if isinstance(thing, dict) and thing.get("name") == "ps0_step"]
_, h = plain.decode(found[0][0])
"""


@pytest.fixture(scope="module")
def leaking(tmp_path_factory, sandbox_kind):
    """(the first input's digits, {name: feedback}) of students who try to be told of it."""
    place = tmp_path_factory.mktemp("leaks")
    key = write_assignment(place / "key")
    for name, body in BODIES.items():
        submit(place / "submitted", name, [LETTERS, f"def step(W, h):\n    {body}"])
    in_a_cell = {"cell": "raise ValueError(letters(h))", "cell of a name": "raise type(letters(h), (ValueError,), {})"}
    for name, last in in_a_cell.items():
        submit(place / "submitted", name, [LETTERS, IN_MEMORY + last])
    submit(place / "submitted", "name", [LETTERS, IN_MEMORY + "step = type(letters(h), (), {})()"])
    run = guarded(grader(place / "submitted", place / "out", key, workers=2))
    assert run.returncode == 0, run.stderr
    assignment = assignments.load("ps0", key)
    _, h = plain.decode(assignments.draw(assignment, 7, 6)["ps0_step"][0])
    return f"{abs(h[0]):.60f}"[2:20], {name: feedback(place / "out", name) for name in marks(place / "out")}


@pytest.mark.parametrize("name", [*BODIES, "cell", "cell of a name", "name"])
def test_no_input_is_told_back(leaking, name):
    """Whatever a submission raises, returns, is called or forges: six digits in a row would be too many."""
    digits, told = leaking
    text = told[name]
    for form in (digits, "".join("klmnopqrst"[int(s)] for s in digits)):
        for spelled in (text, re.sub(r"[^\w]", "", text)):
            assert not [form[i : i + 6] for i in range(12) if form[i : i + 6] in spelled], text
    assert all(len(shape) <= 10 for shape in re.findall(r"\(([\d, ]+)\)", text)), text


def test_the_sandbox_does_not_know_the_seed(marker):
    """It would fit into a few letters of feedback, and all inputs can be drawn from it."""
    drawn = [assignments.draw(marker.assignment, seed, 1) for seed in (7, 123_456_789_012)]
    jobs = [assignments.job_of(marker.assignment, inputs, []) for inputs in drawn]
    assert jobs[0] != jobs[1] and {job["seed"] for job in jobs} == {jobs[0]["seed"]}
    assert all(set(job) == {"cells", "questions", "seed"} for job in jobs)
    assert all(set(question) == {"name", "answer", "calls", "derive"} for job in jobs for question in job["questions"])


def test_the_place_of_an_error_is_told(leaking):
    _, told = leaking
    for name in ("words", "a missing key", "a cause", "a name"):
        assert "line" in told[name] and "of code cell 2" in told[name] and "klmnopqrst" not in told[name]
    assert "KeyError: see line 2 of code cell 2, return {}[letters(h)]." in told["a missing key"].replace("`", "")
    assert "Code cell 2 of your notebook stopped first: ValueError, line 5 of code cell 2" in told["cell"]


KNOWN = [
    "nothing called step is defined when the notebook has run.",
    "your answer took longer than the 2 s allowed.",
    "there was no time left: the notebook took longer than the 180 s allowed",
    "the notebook took more than 3.0 GiB of memory",
    "the answer is a float, not a number or an array of numbers.",
]


def test_only_known_sentences_are_told():
    for words in KNOWN:
        assert told.sentence(words, ["def step(): pass"]) == words.rstrip(".") + "."
        assert told.sentence(words + " abcdef", ["def step(): pass"]) is None
    assert told.sentence(KNOWN[0], ["x = 1"]) == "nothing called … is defined when the notebook has run."
    assert told.sentence(KNOWN[1].replace("2", "23456"), []) is None
    assert told.place("line 9 of code cell 1", ["x = 1"]) == "" and told.place("line 1 of code cell 2", ["x"]) == ""
    assert told.exception("Deadbeef", "line 1 of code cell 1", ["x = 1"])[0] == "Exception"


# ---------------------------------------------------------------------------------------------------------------------
# One student, one fence


COLLIDING = [
    ["doejane_4711", "doejane_4711"],
    ["Jane", "jane"],
    ["a:b", "a?b"],
    ["José", "Jose\u0301"],
    ["STRASSE", "straße"],
    ["ﬁn", "fin"],
    ["Ｊａｎｅ", "Jane"],
    ["jane ", "jane"],
    ["jane.", "jane"],
    ["🙂", "🙃"],
    ["a/b", "a\\b"],
    ["", "."],
    ["x" * 90, "x" * 95],
    ["ж" * 120, "ж" * 125],
    ["\udcff", "\udcfe"],
    ["jane (2)", "jane", "jane"],
]


@pytest.mark.parametrize("names", COLLIDING, ids=range(len(COLLIDING)))
def test_colliding_names_are_told_apart(names, tmp_path):
    found = told_apart([Submission(submissions._clean(name)) for name in names])
    assert len({submissions._folded(submission.student) for submission in found}) == len(names)
    for submission in found:
        (tmp_path / submission.student).mkdir()  # each can name a folder
    assert sum("more than once" in submission.note for submission in found) >= len(names) - 1 or names == COLLIDING[-1]


def test_a_student_who_breaks_the_marking_stops_nobody(tmp_path, monkeypatch, capsys):
    key = write_assignment(tmp_path / "key")
    for student in ("ann", "bob", "cem"):
        submit(tmp_path / "submitted", student, RIGHT)

    def breaks(real):
        def broken(result, *rest):
            if result.student == "bob":
                raise OSError("the disk says no")
            return real(result, *rest)

        return broken

    real_mark = command.Class.mark

    def mark(self, submission):
        if submission.student == "cem":
            raise OverflowError("int too large to convert to float")
        return real_mark(self, submission)

    monkeypatch.setattr(command.Class, "mark", mark)
    monkeypatch.setattr(report, "write_feedback", breaks(report.write_feedback))
    graded_here(tmp_path / "submitted", tmp_path / "out", key)
    rows = marks(tmp_path / "out")
    assert [rows[student]["score"] for student in ("ann", "bob", "cem")] == ["17", "17", "0"]
    assert "could not be marked (OverflowError)" in rows["cem"]["status"]
    said = capsys.readouterr().err
    assert "bob: the feedback could not be written" in said and "cem: " in said


def test_one_student_twice_is_graded_twice(tmp_path):
    key = write_assignment(tmp_path / "key")
    for name in ("Jane", "jane"):
        submit(tmp_path / "submitted", name, RIGHT)
    graded_here(tmp_path / "submitted", tmp_path / "out", key)
    rows = marks(tmp_path / "out")
    assert len(rows) == 2 and "Jane" in rows and {row["score"] for row in rows.values()} == {"17"}


def test_chance_is_the_same_every_time(tmp_path):
    """Without seeds of its own, a submission draws the same numbers in every run."""
    key = write_assignment(tmp_path / "key")
    lucky = (
        "import random, secrets, os\nimport torch\n"
        "draws = [np.random.default_rng().random(), np.random.rand(), random.random(), random.Random().random(),\n"
        "         np.random.RandomState().rand(), secrets.randbelow(10**9) / 1e9, os.urandom(4)[0] / 256,\n"
        "         os.getrandom(4)[0] / 256, torch.rand(1).item(), torch.seed() / 2**64, torch.rand(1).item()]\n"
        "generator = torch.Generator()\n"
        "draws += [generator.seed() / 2**64, torch.rand(1, generator=generator).item(),\n"
        "          torch.default_generator.seed() / 2**64, torch.rand(1).item()]\n"
        "slope = draws"
    )
    said = []
    for turn in range(2):
        submit(tmp_path / f"submitted{turn}", "ann", [*RIGHT[:3], lucky])
        graded_here(tmp_path / f"submitted{turn}", tmp_path / f"out{turn}", key)
        (run,) = (tmp_path / f"out{turn}" / "runs" / "ps0").glob("*.json")
        said.append(json.loads(run.read_text())["text"])
    assert said[0] == said[1]
    (draws,) = json.loads(said[0].split("\n")[0])["answers"]["ps0_slope"]["values"]
    assert len(set(plain.decode(draws))) > 10


def test_a_machine_short_of_memory_is_nobodys_mark(tmp_path, monkeypatch, capsys):
    key, real = write_assignment(tmp_path / "key"), sandbox._execute_once
    submit(tmp_path / "submitted", "ann", RIGHT)

    def short(job, kind, limits):
        return (None, sandbox.SHORT) if STEP in job["cells"] else real(job, kind, limits)

    with monkeypatch.context() as patch:
        patch.setattr(sandbox, "WAITS", (0, 0))
        patch.setattr(sandbox, "_execute_once", short)
        assert command.main(grader(tmp_path / "submitted", tmp_path / "out", key)[3:]) == 1
    row = marks(tmp_path / "out")["ann"]
    assert (row["score"], row["status"]) == ("", "not graded: machine") and "ann" in capsys.readouterr().err
    graded_here(tmp_path / "submitted", tmp_path / "out", key)
    assert marks(tmp_path / "out")["ann"]["score"] == "17"


# ---------------------------------------------------------------------------------------------------------------------
# What an instructor's browser is shown


LINKS = [
    "[my plot](javascript:alert(1))",
    "![plot](http://evil.example/x.png)",
    "[a][b]\n\n[b]: javascript:alert(1)",
    "[b]\n\n[b]: javascript:alert(1)",
    "[b] \n\n [b]: <javascript:alert(1)>",
    "![a][b]\n\n[b]: http://evil.example/x.png",
    "<javascript:alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "<img src=http://evil.example/x.png>",
    "<svg onload=alert(1)>",
    "&#60;script>alert(1)&#60;/script>",
    "&lt;script&gt;alert(1)",
    "[x](&#106;avascript:alert(1))",
    "[x]\\\n(javascript:alert(1))",
    "| a |\n|---|\n| [x](javascript:alert(1)) |",
    "![x](attachment:evil.svg)",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "$\\href{javascript:alert(1)}{x}$",
    "$$\\require{html}\\class{a}{\\style{background:url(http://evil.example)}{x}}$$",
    "$\\def\\x{\\href}\\x{javascript:alert(1)}{y}$",
    "\\\\(\\href{javascript:alert(1)}{x}\\\\)",
    "[^1]\n\n[^1]: [x](javascript:alert(1))",
    "\u202e[x](javascript:alert(1))",
    "[x]( javascript:alert(1) 'title')",
    "[![x](http://evil.example/x.png)](javascript:alert(1))",
    "`<b>`<script>alert(1)</script>",
    "<<script>script>alert(1)<</script>/script>",
    "<!--><script>alert(1)</script>-->",
    "- [ ] [x](javascript:alert(1))",
    "> [x](vbscript:alert(1))",
]
ACTING = [
    "$\\mmlToken{mi}[href='https:/evil.example']{x}$",
    "$\\bbox[background:url(http://evil.example)]{x}$",
    "$\\newenvironment{q}{\\href{javascript:alert(1)}}{}\\begin{q}{x}\\end{q}$",
    "$\\DeclareMathOperator{\\x}{a}$",
    "$$\\class{a}{\\cssId{b}{\\style{c}{\\unicode{d}}}}$$",
    "\\\\(\\gdef\\x{y}\\\\\\newcommand{z}{y}\\\\)",
    "$\\madeUpTomorrow{x}$",
]


@pytest.fixture(scope="module")
def shown():
    """What nbconvert makes of a Markdown cell, by which nbgrader's page for reading essays shows it."""
    exporter = HTMLExporter(template_name="classic")

    def page(text):
        cell = nbformat.v4.new_markdown_cell(harmless(text))
        body, _ = exporter.from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
        return body[body.index("<body") :]

    return page


@pytest.mark.parametrize("text", LINKS, ids=range(len(LINKS)))
def test_nothing_of_an_essay_leads_anywhere(shown, text):
    found = []

    class Look(HTMLParser):
        def handle_starttag(self, tag, attributes):
            found.extend(
                (tag, name, value) for name, value in attributes if name in ("href", "src") or name[:2] == "on"
            )
            found.extend(
                [(tag, "", "")] if tag in ("script", "svg", "img", "iframe", "object", "form", "style") else []
            )

    Look().feed(shown(text))
    assert [entry for entry in found if entry[1] != "href" or not (entry[2] or "").startswith("#")] == []
    assert "\\href" not in shown(text) and "\\require" not in shown(text)


def test_an_honest_essay_reads_as_it_was_written(shown):
    page = shown("Because of *products*: $a_1 < 1$, $x[0]$ and `h[0] & z`.\n\n- one\n- two\n\n**Bold** [sic], a & b.")
    for part in ("<em>products</em>", "<li>one</li>", "<strong>Bold</strong>", "[sic]", "a_1", "x[0]"):
        assert part in page, part


CODE = [
    r"print('a\n\tb')",
    r"open('C:\Users\ann\new')",
    "if a<b and c <d: x = W[0][1] (f)[2](y)",
    "a&b, x & y, &lt; &#60; d[a]: 1",
    "http://course.example, www.course.example",
    r"re.sub(r'\(\w+\)', r'\1', text)",
    "<b>bold</b> <!-- comment --> <?php",
]


@pytest.mark.parametrize("code", CODE, ids=range(len(CODE)))
@pytest.mark.parametrize("form", ["`{}`", "```\n{}\n```", "```python\n{}\n```", "    {}", "- item\n\n      {}"])
def test_code_in_an_essay_looks_as_it_was_written(shown, code, form):
    """Sign by sign; what stands between them has no width."""

    class Code(HTMLParser):
        inside, text = 0, ""

        def handle_starttag(self, tag, attributes):
            self.inside += tag in ("code", "pre")

        def handle_endtag(self, tag):
            self.inside -= tag in ("code", "pre")

        def handle_data(self, data):
            self.text += data if self.inside else ""

    page = Code()
    page.feed(shown("Words before.\n\n" + form.format(code)))
    assert page.text.replace("\u200b", "").strip() == code


@pytest.mark.parametrize("text", ACTING, ids=range(len(ACTING)))
def test_a_command_that_is_not_known_to_set_type_is_text(text):
    left = re.findall(r"\\([A-Za-z]+)", harmless(text))
    assert left == [], left
    assert [word for word in re.findall("[A-Za-z]+", text) if word not in harmless(text)] == []


def test_the_courses_own_formulas_stay_as_they_are():
    """What lessons, assignments, rubrics and model answers write, students may write, too."""
    texts = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]
    notebooks = [nbformat.reads(text, as_version=4) for text in texts]
    for name in assignments.names():
        assignment = assignments.load(name)
        notebooks.append(assignment.notebook)
        for essay in assignment.essays.values():
            assert type_alone(essay.levels + essay.model) == essay.levels + essay.model
    formulas = 0
    for notebook in notebooks:
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                assert type_alone(cell.source) == cell.source
                formulas += cell.source.count("\\frac")
    assert formulas > 20


def test_a_formula_of_a_student_stays_as_it_is():
    honest = r"""$$\begin{aligned} \frac{\partial h_t}{\partial h_k} &= \prod_{j=k+1}^{t} \operatorname{diag}(z_j) \\
    \left\lVert W_{hh}^\top \right\rVert &\le \varepsilon,\quad \tilde{h} \in \mathbb{R}^H \end{aligned}$$
    $\begin{pmatrix} 1 & 0 \\ 0 & \cdots \end{pmatrix}$ and $\sum_i \mathrm{e}^{x_i} \Rightarrow \text{as is}$"""
    assert harmless(honest) == honest


def test_the_guard_of_an_essay_is_kept_in_what_is_graded(tmp_path):
    key = write_assignment(tmp_path / "key")
    essay = "[x](javascript:alert(1)) and $\\href{javascript:alert(2)}{y}$"
    submit(tmp_path / "submitted", "ann", notebook_of(RIGHT, essay=essay))
    graded_here(tmp_path / "submitted", tmp_path / "out", key)
    text = (tmp_path / "out" / "autograded" / "ann" / "ps0" / "ps0.ipynb").read_text(encoding="utf-8")
    assert "](javascript" not in text and "\\\\href" not in text
