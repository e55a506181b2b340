"""What crosses the sandbox's edge is data of bounded size, depth and type, or it is nothing.

A reply is a line from each room: from the usual one, and where a derivation is asked for, from the bare one. Each line
is a report, and these are all fields that it may hold. One more, one of another form, or a line more or fewer, and the
whole reply is nothing.

    answers       by question, of those that this room was asked
      values      a list of texts that `plain.encode` writes; the only thing that points come from. In place of an entry
                  that is neither a number nor text may stand one of two marks, {"unread": "complex"} or "other"
      complaint   a text, why there is no value; shown if it is one of the sentences that `told` knows
      raised      a name and a place, two texts, instead of a complaint; for who marks alone
      stepped     True or absent; in the bare room alone. A function was called with an array moved a little
      searched    True or absent; in the bare room alone. The notebook looked for the grader in its process
      overrun     True or absent; in the bare room alone. A line was passed too often to be followed
      unread      True or absent; in the bare room alone. Code ran that a library had made from a text
    cells         by number of a code cell, from 1 on, a text: what failed; for who marks alone

Nothing that a submission chooses comes back to its student as text: else the hidden inputs could be read from it.
"""

import contextlib
import copy
import json
import math
import re
import tracemalloc
from fractions import Fraction
from html.parser import HTMLParser
from time import process_time

import nbformat
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import markdown2html_mistune

from course_utils.checks.exercise import USE_FLOAT64, judge
from coursework import plain
from coursework.evidence import Evidence
from coursework.grader import __main__ as command
from coursework.grader import assignment as assignments
from coursework.grader import borrowed, report, sandbox, submissions, told
from coursework.grader.gradebook import harmless
from coursework.grader.marking import SIGNS, Marker
from coursework.grader.question import Question
from coursework.grader.submissions import Submission, told_apart
from coursework.grader.tex import type_alone
from coursework.grader.told import without_numbers
from tests.coursework.material import (
    RIGHT,
    STEP,
    edited,
    errors,
    feedback,
    graded_here,
    grader,
    guarded,
    marker_of,
    marks,
    notebook_of,
    submit,
    write_assignment,
)
from tests.notebook import ROOT

TRIALS = 2
MORE = """
QUESTIONS += [
    Question(
        name="bend",
        points=4,
        objective="Derive a Jacobian.",
        derive=True,
        right=lambda W, h: (1 - np.tanh(W @ h) ** 2)[:, None] * W,
        draw=_draw_step,
    ),
    Question(
        name="both",
        points=6,
        objective="Go forwards and back.",
        right=lambda W, h: {"up": W @ h, "down": W.T @ h},
        draw=_draw_step,
    ),
    Question(
        name="pair",
        points=8,
        objective="Run two steps.",
        right=lambda W, h: np.array([np.tanh(W @ h), np.tanh(W.T @ h)]),
        draw=_draw_step,
        rows=("first", "second"),
    ),
]
"""


@pytest.fixture(scope="module")
def marker(tmp_path_factory):
    """Of ps0 with a derivation, ps0_bend, a question of two parts, ps0_both, and one of two rows, ps0_pair."""
    return marker_of(tmp_path_factory.mktemp("key"), MORE, TRIALS)


@pytest.fixture(scope="module")
def right(marker):
    """The reply of a right submission, as data: a report from each room."""
    rooms = [{"answers": {}, "cells": {}} for _ in range(2)]
    for grade_id, question in marker.assignment.questions.items():
        values = [plain.encode(value) for value in wanted(marker, grade_id)]
        rooms[question.derive]["answers"][grade_id] = {"values": values}
    return rooms


def wanted(marker, grade_id):
    question, calls = marker.assignment.questions[grade_id], marker.inputs[grade_id]
    return [question.right] if calls is None else [question.right(*plain.decode(call)) for call in calls]


def as_reply(rooms):
    return "\n".join(map(json.dumps, rooms))


def points(marker, text):
    return {mark.grade_id: mark.points for mark in marker.marks(text) if mark.points is not None}


ALL_OF_IT = {"ps0_step": 10, "ps0_total": 5, "ps0_slope": 2, "ps0_bend": 4, "ps0_both": 6, "ps0_pair": 8}


def test_a_right_reply_has_all_points(marker, right):
    assert points(marker, as_reply(right)) == ALL_OF_IT


@pytest.mark.parametrize("sign", SIGNS)
def test_a_sign_is_for_who_marks_and_takes_nothing(marker, right, sign):
    rooms = copy.deepcopy(right)
    rooms[1]["answers"]["ps0_bend"][sign] = True
    assert points(marker, as_reply(rooms)) == ALL_OF_IT
    looks = {mark.grade_id: (mark.look, mark.hint) for mark in marker.marks(as_reply(rooms))}
    assert looks["ps0_bend"] == (SIGNS[sign], "") and not any(look for q, (look, _) in looks.items() if q != "ps0_bend")


UNKNOWN = [
    ("a field of the reply", lambda rooms: rooms[0].update(right=True)),
    ("a field of an answer", lambda rooms: rooms[0]["answers"]["ps0_step"].update(points=10)),
    ("a sign from the usual room", lambda rooms: rooms[0]["answers"]["ps0_step"].update(stepped=True)),
    ("a sign that is not true", lambda rooms: rooms[1]["answers"]["ps0_bend"].update(stepped=False)),
    ("a sign that is one", lambda rooms: rooms[1]["answers"]["ps0_bend"].update(searched=1)),
    ("a sign in words", lambda rooms: rooms[1]["answers"]["ps0_bend"].update(overrun="<b>")),
    ("a derivation from the usual room", lambda rooms: rooms[0]["answers"].update(rooms[1]["answers"])),
    ("another room's question", lambda rooms: rooms[1]["answers"].update(rooms[0]["answers"])),
    ("a question that nobody asked", lambda rooms: rooms[0]["answers"].update(ps9={"values": []})),
    ("a complaint that is none", lambda rooms: rooms[0]["answers"]["ps0_step"].update(complaint=3)),
    ("three things raised", lambda rooms: rooms[0]["answers"]["ps0_step"].update(raised=["a", "b", "c"])),
    ("raised and a complaint", lambda rooms: rooms[0]["answers"]["ps0_step"].update(raised=["a", ""], complaint="")),
    ("a value that is no text", lambda rooms: rooms[0]["answers"]["ps0_slope"].update(values=[0.25])),
    ("a cell 0", lambda rooms: rooms[0]["cells"].update({"0": "x"})),
    ("a cell without words", lambda rooms: rooms[1]["cells"].update({"1": None})),
    ("a third line", lambda rooms: rooms.append(rooms[0])),
    ("one line", lambda rooms: rooms.pop()),
]


@pytest.mark.parametrize(("what", "change"), UNKNOWN, ids=[what for what, _ in UNKNOWN])
def test_one_unknown_field_makes_the_whole_reply_nothing(marker, right, what, change):
    rooms = copy.deepcopy(right)
    change(rooms)
    assert not any(points(marker, as_reply(rooms)).values())
    assert {mark.hint for mark in marker.marks(as_reply(rooms)) if mark.points is not None} == {
        "what came out of the notebook could not be read"
    }


def test_a_field_that_stands_twice_makes_the_reply_nothing(marker, right):
    text = as_reply(right)
    assert not any(points(marker, text.replace('"cells": {}', '"cells": {}, "cells": {}', 1)).values())


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
    st.sampled_from(
        [[object()] * 2, {"up": object(), "down": 1j}, (1j, 0.25), [{"up": {0.5: 1}}], np.arange(2) + 0j]
    ).map(lambda value: plain.encode(value, entries=True)),
    st.sampled_from(["complex", "other", "print", 1, None, ["other"]]).map(lambda mark: json.dumps({"unread": mark})),
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
questions = st.sampled_from([*ALL_OF_IT, "ps0_essay", "", "ps0"])
a_report = st.one_of(
    anything,
    st.fixed_dictionaries(
        {"answers": st.one_of(anything, st.dictionaries(questions, an_answer, max_size=4)), "cells": anything},
        optional={"marks": anything, "right": anything},
    ),
)
a_number = st.sampled_from([0.0, -1.0, 1.5, 2.0, 1 + 1e-5, 1 + 1e-9, 1e6, 1234.0, np.inf, np.nan])
a_flag = st.sampled_from([True, True, True, False, 1, 0, "true", None, [], "x" * 99])
where = st.sampled_from(list(ALL_OF_IT))
trial = st.integers(0, TRIALS - 1)
some_words = st.one_of(
    st.sampled_from(
        [
            "your answer took longer than the 9876.5 s allowed.",
            "nothing called step is defined when the notebook has run.",
            "nothing called klmno is defined when the notebook has run.",
            "klmno computes with complex numbers. A complex step is no derivation, and that is asked for here.",
            "the answer is a klmno, not a number or an array of numbers.",
            "Right, on every random input tried.",
            "",
        ]
    ),
    st.text(max_size=30),
)
an_error = st.tuples(st.sampled_from(["KeyError", "NotHereError", "NotImplementedError", "Right", ""]), some_words)
a_change = st.one_of(  # of a right reply: (what, ...)
    st.tuples(st.just("scaled"), where, trial, a_number),
    st.tuples(st.just("one entry"), where, trial, st.integers(0, 30), a_number),
    st.tuples(st.just("turned"), where, trial),
    st.tuples(st.just("taken"), where, trial, where, trial),
    st.tuples(st.just("single"), where),
    st.tuples(st.just("shape"), where, trial, st.lists(st.integers(0, 9999), max_size=4)),
    st.tuples(st.just("other"), where, trial, wrong_value),
    st.tuples(st.just("spoilt"), where, trial, st.integers(0, 3), st.sampled_from(["complex", "other", None])),
    st.tuples(st.just("more"), where, trial, st.sampled_from([object(), 1j, 0.25, "words"])),
    st.tuples(st.just("count"), where, st.integers(0, 5)),
    st.tuples(st.just("gone"), where),
    st.tuples(st.just("flag"), where, st.sampled_from([*SIGNS, "right", "points"]), a_flag),
    st.tuples(st.just("complaint"), where, some_words),
    st.tuples(st.just("raised"), where, an_error.map(list)),
    st.tuples(st.just("cells"), st.integers(0, 1), st.integers(0, 5), some_words),
    st.tuples(st.just("moved"), where),
    st.tuples(st.just("lines"), st.sampled_from(["exchanged", "first", "second", "twice"])),
)
a_reply = st.one_of(
    st.lists(a_report, min_size=1, max_size=3),
    st.lists(a_change, max_size=4),
    st.lists(a_change, max_size=2),
)


def scaled(value, factor):
    if isinstance(value, dict):
        return {name: scaled(part, factor) for name, part in value.items()}
    with np.errstate(all="ignore"):
        return np.asarray(value) * factor


def one_entry(value, number, factor):
    if isinstance(value, dict):
        name = list(value)[number % len(value)]
        return {**value, name: one_entry(value[name], number, factor)}
    values = np.array(value, dtype=float)
    with np.errstate(all="ignore"):
        values.reshape(-1)[number % values.size] *= factor
    return values


def turned(value):
    return (
        tuple(value.values())[::-1] if isinstance(value, dict) else np.asarray(value).T[::-1] if np.ndim(value) else 0
    )


def spoilt(value, number, mark):
    """As text, with a mark in place of one of its parts, rows or numbers, or of all."""
    value = value if isinstance(value, dict) else list(np.atleast_1d(value))
    data = json.loads(plain.encode(value))
    (kind,) = data
    data[kind][number % len(data[kind])] = [list(value)[number % len(value)]] * (kind == "dict") + [{"unread": mark}]
    if kind == "list":
        data[kind][number % len(data[kind])] = {"unread": mark} if mark else None
    return json.dumps(data if number < 3 else {"unread": mark})


def more(value, thing):
    """As text, with one more entry."""
    value = {**value, "more": thing} if isinstance(value, dict) else [*np.atleast_1d(value), thing]
    return plain.encode(value, entries=True)


def other(what, value, *details):
    """Another value in place of a right one."""
    if what == "scaled":
        return scaled(value, *details)
    if what == "one entry":
        return one_entry(value, *details)
    if what == "shape":
        return np.zeros([0, *details[0]][: 1 + len(details[0])])
    if what in ("spoilt", "more"):
        return spoilt(value, *details) if what == "spoilt" else more(value, *details)
    return turned(value) if what == "turned" else details[0]


def as_single(value):
    return {name: np.float32(part) for name, part in value.items()} if isinstance(value, dict) else np.float32(value)


def changed(marker, right, changes):
    """A right reply after these changes."""
    rooms = copy.deepcopy(right)
    for what, *details in changes:
        first = details[0]
        room = next((room for room in rooms if first in room["answers"]), None) if type(first) is str else None
        answer = room["answers"][first] if room else None
        if what == "lines":
            orders = {"exchanged": rooms[::-1], "first": rooms[:1], "second": rooms[-1:], "twice": [*rooms, rooms[0]]}
            rooms = orders[first]
        elif what == "cells":
            rooms[details[0] % len(rooms)]["cells"][str(details[1])] = details[2]
        elif answer is None:
            continue
        elif what == "gone":
            del room["answers"][first]
        elif what == "moved" and len(rooms) > 1:
            rooms[rooms[0] is room]["answers"][first] = room["answers"].pop(first)
        elif what == "count":
            answer["values"] = (3 * answer["values"])[: details[1]]
        elif what in ("flag", "complaint", "raised"):
            name, value = details[1:] if what == "flag" else (what, details[1])
            answer[name] = value
        elif what == "single":
            answer["values"] = [plain.encode(as_single(value)) for value in wanted(marker, first)]
        elif what != "moved":
            values, n = wanted(marker, first), details[1] % len(wanted(marker, first))
            new = wanted(marker, details[2])[0] if what == "taken" else other(what, values[n], *details[2:])
            as_text = what in ("other", "spoilt", "more")
            answer["values"] = [*answer["values"][:n], new if as_text else plain.encode(new)]
            answer["values"] += [plain.encode(value) for value in values[n + 1 :]]
    return as_reply(rooms)


def most(marker, grade_id, text):
    """The points that a reply can earn for a question by its values, worked out here without the marker's judgement."""
    question = marker.assignment.questions[grade_id]
    try:
        answer = json.loads(text.split("\n")[question.derive])["answers"][grade_id]
        values = [plain.decode(value) for value in answer["values"]]
        rights = wanted(marker, grade_id)
        if len(values) != len(rights):
            return 0
        rtol = 1e-10 if question.derive else 1e-6
        if isinstance(rights[0], dict):
            values = [
                value if isinstance(value, dict) else dict(zip(rights[0], value, strict=True)) for value in values
            ]
            good = [
                all(equal(v[name], r[name], rtol) for v, r in zip(values, rights, strict=True)) for name in rights[0]
            ]
            return question.points * sum(good) / len(good)
        if question.rows:
            pairs = [(v, r) for v, r in zip(values, rights, strict=True)]
            good = [all(len(v) == len(r) and equal(v[n], r[n], rtol) for v, r in pairs) for n in range(2)]
            return question.points * sum(good) / 2
        return question.points * all(equal(value, want, rtol) for value, want in zip(values, rights, strict=True))
    except Exception:
        return 0


def equal(got, want, rtol):
    try:
        return np.shape(got) == np.shape(want) and bool(
            np.all(np.abs(np.asarray(got, float) - want) <= rtol * np.abs(want).max())
        )
    except Exception:
        return False


NAME = "(?:step|total|slope|bend|both|pair)"
NUMBERS = (
    "(?:the number differs|its numbers differ from the right ones)[.]"
    "(?: All of (?:yours are 0|them are off by the same factor)[.]| Only one (?:row|entry) is (?:wrong|right)[.]"
    "| They are the right ones in reverse order: the first comes last[.])?"
)
OF_A_ROOM = [
    re.escape(told.UNREADABLE),
    f"(?:there was no time left: )?(?:your answer|the notebook|this cell) (?:{'|'.join(told.ENDS.values())})[.]",
    f"nothing called {NAME} is defined when the notebook has run[.]",
    f"{NAME} is not a function[.] Hand in the function itself[.]",
    "the answer is not a number or an array of numbers[.]",
    "the answer holds complex numbers, and real numbers are asked for[.]",
    "the answer is (?:far too large|far too long|nested too deeply)(?: or far too long)?[.]",
    "the answer is a dict with keys that are neither words nor whole numbers[.]",
    *map(re.escape, (borrowed.IN_COMPLEX, borrowed.IN_DIGITS, borrowed.IN_NO_CELL, told.WATCHED)),
]
OF_A_RESULT = [
    "the answer is (?:text in quotes|an? (?:list|tuple|dict|NoneType|bool|int|float|ndarray|object)), not a number or "
    "an array of numbers[.]",
    "the answer holds complex numbers, and real numbers are asked for[.]",
    "this is not written yet[.]",
    "this is the transpose of what is asked for[.]",
    "the shape is not the one that is asked for[.]",
    "a single number is asked for[.]",
    "the answer holds NaN, which comes from 0/0, or from the logarithm or the root of a negative number[.]",
    "the answer holds inf: an overflow gives it, a division by 0, or the logarithm of 0[.] A product of many small "
    "factors underflows to 0[.]",
    "it agrees to some digits only[.] Is something estimated, rounded, left out, computed in float32, or added, such "
    "as a small 1e-12[?] In float64 more agree[.]",
    "the sign is wrong[.]",
    "the formula may be right, to more digits than you give it can't be told[.]" + re.escape(f" {USE_FLOAT64}"),
    NUMBERS,
]
OF_AN_ANSWER = [
    "W is transposed[.]",
    "the tanh is missing[.]",
    "the gradient is not accumulated over time[.]",
    "that is tanh's[.]",
    "Not started: replace the [.]{3} with your answer and run the cell again[.]",
    "nothing came out of your notebook for (?:this question|some inputs)[.]",
    "what your answer returned could not be read[.]",
    "what came out of the notebook could not be read",
    "your function gives nothing back[.] Does it end with a line that begins with return[?]",
    re.escape(f"{told.RAISES} {told.TRY}") + f"(?: {re.escape(told.STOPPED)})?",
    f"(?:torch or what else differentiates|[a-z. ]+) (?:is|are) {re.escape(told.ABSENT)}",
    "the answer should hold these results: up, down[.]",
    "another number of results came back than is wanted: up, down[.]",
    "the right results are there, but exchanged[.] Their order is up, down[.]",
    f"(?:(?:up|down) is right[.] )?(?:(?:up|down): )?(?:{'|'.join(OF_A_RESULT)})"
    "(?: The rows of (?:first|second) are right[.])?",
    "the rows of (?:first|second) are right, the rows of (?:first|second) are not[.]",
]
NO_PYTHON = r"Code cell \d+ of your notebook can't be read as Python(?:, line \d+)?[.]"  # as the cells alone tell
TOLD = re.compile(  # every hint that there may be: no sign in it is what a submission has computed
    f"(?:{'|'.join(OF_AN_ANSWER)})(?: It is right on some of the inputs[.])?"
    f"|(?:{'|'.join(OF_A_ROOM)})(?: (?:{re.escape(told.STOPPED)}|{NO_PYTHON}))?"
    f"|{re.escape(USE_FLOAT64)}|"
)


@settings(max_examples=12_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(reply=a_reply)
def test_no_reply_turns_a_wrong_value_into_a_point_or_a_word(marker, right, reply):
    """Neither an invented reply nor a right one that was changed; and no hint but those that are known beforehand."""
    built = bool(reply) and isinstance(reply[0], tuple)
    text = changed(marker, right, reply) if built or not reply else as_reply(reply)
    for mark in marker.marks(text, None, ["def step(W, h): pass", "klmno = 1"]):
        if mark.points:
            assert mark.points <= round(most(marker, mark.grade_id, text), 1), (mark, text)
        assert TOLD.fullmatch(mark.hint), mark.hint
        assert mark.look in {"", *looks()}


def looks():
    """What may be said of an answer to who marks: any of the known sentences, in their order."""
    words = list(SIGNS.values())
    return {" ".join(word for i, word in enumerate(words) if chosen >> i & 1) for chosen in range(1, 2 ** len(words))}


@settings(max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=st.one_of(st.text(), st.binary().map(lambda raw: raw.decode("latin-1")), st.none()))
def test_no_text_whatever_earns_or_stops_anything(marker, text):
    for said in (text, f"{text}\n{text}", f'{text}\n{{"answers": {{}}, "cells": {{}}}}'):
        assert not any(points(marker, said).values())


a_part = st.one_of(  # of a list: (what, how many times)
    st.tuples(st.sampled_from(["", "x", 0, 0.5, None, [], ["x"], [0, ""], {"a": "x"}]), st.integers(0, 40_000)),
    st.tuples(st.integers(0, 200_000).map(lambda n: "x" * n), st.integers(0, 3)),
    st.tuples(st.integers(0, 60_000).map(lambda n: np.zeros(n, bool)), st.integers(0, 3)),
)
LOOKS_AT = (  # all that reads a value: np.asarray makes each word in an array as large as the longest
    lambda value: judge(value, Question(name="q", points=1, objective="", right=np.zeros(3)).cases(1), called=False),
    lambda value: judge(value, Question(name="q", points=1, objective="", right={"a": 1.0}).cases(1), called=False),
    lambda value: Evidence("ps5 runs").complaint({"RNN": value, "GRU": [value]}),
    lambda value: Evidence("ps6 project").complaint({"goal": 1, "higher": True, "control": "a", "nets": {"a": value}}),
    lambda value: np.size(value),
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(parts=st.lists(a_part, min_size=1, max_size=4), nested=st.booleans())
def test_a_value_takes_little_more_memory_than_its_text(parts, nested):
    """Whoever marks reads it into arrays, and a text of a megabyte must not take gigabytes there."""
    lists = [[what] * count for what, count in parts]
    value = lists if nested else [entry for part in lists for entry in part]
    try:
        text = plain.encode(value)
    except plain.NotPlainError:
        return
    tracemalloc.start()
    try:
        with contextlib.suppress(ValueError):
            value = plain.decode(text)
            for look in LOOKS_AT:
                with contextlib.suppress(ValueError):  # of np.size
                    look(value)
        assert tracemalloc.get_traced_memory()[1] < 100 * plain.LARGEST
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "value",
    [
        ["x" * 5000, *[""] * 100_000],
        ("x" * 5000, *[0.5] * 50_000),
        [np.zeros(100_000, bool), ["x" * 5000, *[""] * 99_999]],
        {"a": {"b": [[["x" * 100_000]], *[[[""]]] * 100_000]}},
    ],
    ids=["words", "numbers", "an array", "deep"],
)
def test_words_that_would_take_gigabytes_are_refused(value):
    with pytest.raises(ValueError, match="entries, with a word of"):
        plain.decode(plain.encode(value))


def test_words_beside_many_numbers_are_read():
    value = {"control": "x" * 10_000, "nets": {"a" * 99: [np.zeros(10_000), ["plain", "words"]] * 3}}
    assert plain.decode(plain.encode(value))["control"] == value["control"]


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
@pytest.mark.parametrize("rest", ["", '\n{"answers": {}, "cells": {}}'])
def test_known_forms_of_forgery(marker, text, rest):
    assert not any(points(marker, text + rest).values())
    for mark in marker.marks(text + rest):
        (mark.hint + mark.error).encode()  # it can be written


@pytest.mark.parametrize("wrong", [[0], [1], [0, 1]])
def test_no_hint_tells_of_the_graders_own_numbers(marker, right, wrong):
    """An input's number in the run is no input, so neither its value nor where it changes the result is a hint."""
    rooms = copy.deepcopy(right)
    values = rooms[0]["answers"]["ps0_step"]["values"]
    for trial in wrong:
        values[trial] = plain.encode(plain.decode(values[trial]) + 3.5)
    hint = next(mark.hint for mark in marker.marks(as_reply(rooms)) if mark.grade_id == "ps0_step")
    assert "differ" in hint and "trial" not in hint and "smallest input" not in hint and not re.search(r"\d", hint)
    assert ("right on some of the inputs" in hint) == (len(wrong) == 1)


def test_words_are_cleaned_before_they_are_shown():
    words = without_numbers("a\ud800b\x00c\u202ed 3.14159")
    assert words.encode() and "\x00" not in words and "\u202e" not in words and "3.14" not in words


NUMBERED = [
    "the shape is (9876, 0), it should be (3, 2).",
    "9 results came back, wanted are 2: up, down.",
    "3 of 3 numbers differ. Each of them is 1234 times the right one.",
    "3 of 3 numbers differ. Each of them is 1.234e+07 times the right one.",
    "3 of 3 numbers differ. Each of them is -inf times the right one.",
    "3 of 7 numbers differ. Only row 0, counted from 0, is wrong.",
    "it agrees to about 7 digits only.",
    "some words of a day to come, 12 of them, or (3, 4), or ٤٢, or -5e-3.",
]


@pytest.mark.parametrize("words", NUMBERED)
def test_no_number_stays_in_what_is_told(words):
    assert not re.search(r"\d|inf", without_numbers(words)), without_numbers(words)


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
    "an empty shape": "return np.zeros((int(abs(h[0]) * 9999), 0))",
    "a factor": "return np.tanh(W @ h) * int(2 + abs(h[0]) * 9999)",
    "digits that agree": "return np.tanh(W @ h) * (1 + 10.0 ** -int(4 + abs(h[0]) * 5))",
    "how many results": "return [0.0] * int(abs(h[0]) * 9999)",
    "how many inputs": "global asked\n    asked = globals().get('asked', int(abs(h[0]) * 6)) - 1\n"
    "    return np.tanh(W @ h) + (asked < 0)",
    "a line": "n = int(abs(h[0]) * 60)\n" + "".join(f"    if n == {n}:\n        raise ValueError\n" for n in range(60)),
    "a kind": "raise [KeyError, IndexError, TypeError, OSError, EOFError, NameError][int(abs(h[0]) * 6)]",
    "another kind of thing": "return [set(), object(), iter([]), print, np.sum, Ellipsis][int(abs(h[0]) * 6)]",
    "how often": "print(1)\n    return [letters(h)] * int(abs(h[0]) * 9)",
    **{
        f"a sentence {n}": "import json, os\n    n = int(abs(h[0]) * 9)\n    word = 'klmnopqrst'[n : n + 5]\n"
        f"    said = ['value', 'ps0_step', {{'values': [], 'complaint': f'{sentence}'}}]\n"
        "    for fd in range(3, 64):\n        try:\n            os.write(fd, json.dumps(said).encode() + b'\\n')\n"
        "        except OSError:\n            pass\n    # klmno lmnop mnopq nopqr opqrs pqrst qrst rst st"
        for n, sentence in enumerate(
            [
                "your answer took longer than the {1000 + n} s allowed.",
                "nothing called {word} is defined when the notebook has run.",
                "{word} computes with complex numbers. A complex step is no derivation, and that is asked for here.",
                "the answer is a {word}, not a number or an array of numbers.",
                "{word} is not a function. Hand in the function itself.",
                "your answer reported too much{n * chr(46)}",
            ]
        )
    },
}
IN_MEMORY = """
import gc, plain
found = [thing["calls"] for thing in gc.get_objects() if isinstance(thing, dict) and thing.get("name") == "ps0_step"]
_, h = plain.decode(found[0][0])
"""


@pytest.fixture(scope="module")
def leaking(tmp_path_factory, sandbox_kind):
    """(the first input's digits, {name: feedback}, {name: errors}) of students who try to be told of it."""
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
    told_of_it = [{name: said(place / "out", name) for name in marks(place / "out")} for said in (feedback, errors)]
    return f"{abs(h[0]):.60f}"[2:20], *told_of_it


@pytest.mark.parametrize("name", [*BODIES, "cell", "cell of a name", "name"])
def test_no_input_is_told_back(leaking, name):
    """Whatever a submission raises, returns, is called or forges: six digits in a row would be too many."""
    digits, told_to_students, _ = leaking
    text = told_to_students[name]
    for form in (digits, "".join("klmnopqrst"[int(s)] for s in digits)):
        for spelled in (text, re.sub(r"[^\w]", "", text)):
            assert not [form[i : i + 6] for i in range(12) if form[i : i + 6] in spelled], text
    (hint,) = re.findall(r"^\| ps0_step \|[^|]*\|[^|]*\| (.*) \|$", text, re.M)
    assert TOLD.fullmatch(hint), hint
    assert "klmno" not in hint
    assert not re.search(r"[1-9]\d", re.sub("float(?:32|64)|1e-12", "", hint)), "chosen by the student"


def test_the_sandbox_does_not_know_the_seed(marker):
    """It would fit into a few letters of feedback, and all inputs can be drawn from it."""
    drawn = [assignments.draw(marker.assignment, seed, 1) for seed in (7, 123_456_789_012)]
    jobs = [assignments.job_of(marker.assignment, inputs, []) for inputs in drawn]
    assert jobs[0] != jobs[1] and {job["seed"] for job in jobs} == {jobs[0]["seed"]}
    assert all(set(job) == {"cells", "questions", "seed"} for job in jobs)
    assert all(set(question) == {"name", "answer", "calls", "derive"} for job in jobs for question in job["questions"])


def test_the_place_of_an_error_is_told_to_who_marks_alone(leaking):
    _, told_to_students, errors = leaking
    for name in ("words", "a missing key", "a cause", "a name"):
        assert "line" in errors[name] and "of code cell 2" in errors[name] and "klmnopqrst" not in errors[name]
        assert "line" not in told_to_students[name] and "Error" not in told_to_students[name]
    assert "KeyError: see line 2 of code cell 2, `return {}[letters(h)]`." in errors["a missing key"]
    assert "Code cell 2 of your notebook stopped first: ValueError, line 5 of code cell 2" in errors["cell"]
    assert told.STOPPED in told_to_students["cell"] and "cell 2" not in told_to_students["cell"]


def test_a_cell_that_is_no_python_is_told_by_its_number(marker):
    """That stands in the submission itself: no input has to be met to know it."""
    said = {"answers": {"ps0_step": {"values": [], "complaint": KNOWN[0]}}, "cells": {"3": "SyntaxError, "}}
    for cells, words in (
        (["x = 1", "y = = 2", "z"], "Code cell 2 of your notebook can't be read as Python, line 1."),
        (["%matplotlib inline", "await x", "z"], told.STOPPED),
        (["x = 1", "z = 2"], ""),  # the cell that is said to have failed is not there
    ):
        marks = {
            mark.grade_id: mark for mark in marker.marks(as_reply([said, {"answers": {}, "cells": {}}]), None, cells)
        }
        assert marks["ps0_step"].hint == f"{KNOWN[0]} {words}".strip()


def test_where_nothing_is_hidden_everything_is_told(tmp_path):
    """An assignment without drawn inputs, as ps6 is."""
    key = write_assignment(tmp_path / "key")
    questions = key / "ps0" / "questions.py"
    questions.write_text(questions.read_text() + "\nQUESTIONS = QUESTIONS[2:]\n")
    assignment = assignments.load("ps0", key)
    open_marker = Marker(assignment, assignments.draw(assignment, 7, TRIALS))
    said = {"answers": {"ps0_slope": {"values": [], "raised": ["KeyError", "line 1 of code cell 1"]}}, "cells": {}}
    (mark, _) = open_marker.marks(json.dumps(said), None, ["slope = {}['a']"])
    assert "KeyError: see line 1 of code cell 1, `slope = {}['a']`" in mark.hint


KNOWN = [
    "nothing called step is defined when the notebook has run.",
    "your answer took longer than the 2 s allowed.",
    "there was no time left: the notebook took longer than the 180 s allowed",
    "the notebook took more than 3.0 GiB of memory",
    "the answer is a float, not a number or an array of numbers.",
]
OF_THEM = [
    "nothing called step is defined when the notebook has run.",
    "your answer took longer than is allowed.",
    "there was no time left: the notebook took longer than is allowed.",
    "the notebook took more memory than is allowed.",
    "the answer is not a number or an array of numbers.",
]


NAMES = ["step", "<lambda>", "<genexpr>", "<listcomp>", "<dictcomp>", "<module>", "größe", "x" * 60]  # of functions
TYPES = ["float", "list", "mpf", "int | None", "Größe", "x" * 40]


def test_every_sentence_of_a_room_is_known():
    """Those that stand in the code of the rooms; one that is missing would be told as unreadable."""
    source = (ROOT / "coursework" / "grader" / "runner.py").read_text(encoding="utf-8")
    steps = re.findall(r'return step, f?"(.*?)"', source)
    whole = re.findall(r'"complaint": f?"([^"]*?)"', source)
    whole += re.findall(r'^[A-Z_]+ = "(your answer .*)"$', source, re.M)
    of_functions = re.findall(r'^(?:COMPLEX|DIGITS) = "(.*)"$', source, re.M)
    whole += [f"{name} {words}" for words in of_functions for name in NAMES]
    plain_source = (ROOT / "coursework" / "plain.py").read_text(encoding="utf-8")
    whole += re.findall(r'"(the answer .*?)"', plain_source)
    outside = (ROOT / "coursework" / "grader" / "sandbox.py").read_text(encoding="utf-8")
    whole += re.findall(r'f?"((?:there was no time left: )?the notebook .*?)"', outside)
    whole.append(sandbox.too_much(sandbox.Limits()))
    sentences = [f"{who} {words}" for words in steps for who in ("your answer", "this cell", "the notebook")] + whole
    assert len(steps) >= 6 and len(whole) >= 20 and len(of_functions) == 2, sentences
    for sentence in sentences:
        for name in TYPES if "is a {name}" in sentence else ["step"]:
            words = sentence.removeprefix("{error}.")  # what `plain` says, which stands here, too
            words = words.replace("{reason}", "ended the Python process").replace("{name}", name)
            words = re.sub(r"\{.*?\}", "20", words)
            assert not words or told.known(words), words
            assert not words or TOLD.fullmatch(told.sentence(words, "step")), words


THINGS = [None, 3.0, object(), [1.0], len, np.sum, {0.5: 1}, 1j, "x" * 10**7, [[[[[[[[[[1]]]]]]]]]], Fraction, range(3)]


@pytest.mark.parametrize("form", ["value", "function", "result", "generator", "thread"])
@pytest.mark.parametrize("thing", THINGS, ids=range(len(THINGS)))
def test_what_the_program_in_the_sandbox_says_is_known(thing, form, runner):
    """The sentences that it makes of things of many kinds."""

    def thread():
        raise RuntimeError("can't start new thread")

    calls = None if form == "value" else [plain.encode(())]
    answers = {"result": lambda: thing, "generator": lambda: (each for each in [thing]), "thread": thread}
    reply = runner.answer({"answer": "step", "calls": calls, "derive": True}, {"step": answers.get(form, thing)})
    assert ("complaint" in reply) >= (form in ("generator", "thread"))
    if words := reply.get("complaint"):
        assert told.known(words) and TOLD.fullmatch(told.sentence(words, "step")), words


def test_only_known_sentences_are_told():
    for words, told_of_it in zip(KNOWN, OF_THEM, strict=True):
        assert told.sentence(words, "step") == told_of_it and TOLD.fullmatch(told_of_it)
        assert told.sentence(words + " abcdef", "step") is None
        assert told.known(words) and not told.known(words + " abcdef")
    assert told.sentence(KNOWN[0], "total") is None, "the name is that of the question, or it could be chosen"
    assert told.sentence(KNOWN[1].replace("2", "23456"), "step") is None
    assert told.place("line 9 of code cell 1", ["x = 1"]) == "" and told.place("line 1 of code cell 2", ["x"]) == ""
    assert told.exception("Deadbeef", "line 1 of code cell 1", ["x = 1"]).startswith("Exception: see line 1")


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
        "import datetime, random, secrets, os, time\nimport torch\n"
        "draws = [np.random.default_rng().random(), np.random.rand(), random.random(), random.Random().random(),\n"
        "         np.random.RandomState().rand(), secrets.randbelow(10**9) / 1e9, os.urandom(4)[0] / 256,\n"
        "         os.getrandom(4)[0] / 256, torch.rand(1).item(), torch.seed() / 2**64, torch.rand(1).item()]\n"
        "generator = torch.Generator()\n"
        "draws += [generator.seed() / 2**64, torch.rand(1, generator=generator).item(),\n"
        "          torch.default_generator.seed() / 2**64, torch.rand(1).item()]\n"
        "draws += [time.time() % 1e6, time.time_ns() % 10**9, datetime.datetime.now().microsecond,\n"
        "          time.localtime()[5], open('/dev/urandom', 'rb').read(1)[0], open('/dev/random', 'rb').read(1)[0]]\n"
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


def test_time_passes_and_does_not_go_back(tmp_path, sandbox_kind):
    """What trains for a while ends, in whatever way it asks for the time."""
    cells = [
        "import datetime, time\nbegun = time.time()\nwhile time.time() < begun + 2:\n    pass",
        "then = datetime.datetime.now()\nwhile (datetime.datetime.now() - then).seconds < 1:\n    time.sleep(0.1)",
        "day = datetime.date.today().year\ntook = time.time() - begun\nlooks = [time.time() for _ in range(9)]",
        "said = [took, time.time() - looks[-1], *[b - a for a, b in zip(looks, looks[1:])], day, time.strftime('%Y')]",
    ]
    job = {"cells": cells, "questions": [{"name": "x", "answer": "said", "calls": None}], "seed": 0}
    report = json.loads(sandbox.execute(job, sandbox_kind, sandbox.Limits())[0])
    took, step, *looks, day, year = plain.decode(report["answers"]["x"]["values"][0])
    assert report["cells"] == {} and 3 < took < 30 and step > 0 and all(look > 0 for look in looks)
    assert (day, year) == (2026, "2026")


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


NAMES = ("ps4_essay_chat", "ps4_essay_chat-comment", "notebook-container", "score", "submission_id")
HEADINGS = [  # {} stands for a name
    "# {}",
    "###### {}",
    "#{}",
    "   ## {} ##",
    "#\t{}",
    "# ps4_essay_*chat*",
    "# ps4\\_essay\\_chat",
    "# **{}**",
    "# `{}`",
    "# # {}",
    "{}\n===",
    "{}\n---",
    "{}\n = \n=",
    "{}\n-\t",
    "text\n{}\n=-=",
    "- # {}",
    "1. # {}",
    "1) - # {}",
    "- {}\n  ===",
    "- [ ] # {}",
    "- [x] {}\n  ---",
    "> # {}",
    "> {}\n> ===",
    "> > - {}\n> >   ---",
    "> {}\n===",
    "term\n: # {}",
    "term\n: {}\n  ===",
    "| a |\n|---|\n# {}",
    "| # {} |\n|---|\n| # {} |\n===",
    "$$x$$\n# {}",
    "$$x$$ {}\n===",
    "\\begin{align}\n\n{}\n===\n\\end{align}",
    "\\begin{align}\n\n# {}\n",
    "```\nx\n```\n# {}",
    "``` # {}",
    "```\n```\n{}\n===",
    "```{}\nx\n```",
    "```python {.{} #{} name={}}\nx\n```",
    "```mermaid\n{}\n```",
    "# {} {#{} .score data-x=1 name={}}",
    "<a id={} name={} class=score>x</a>",
    "<div id='{}'>\n\n# {}\n\n</div>",
    "<h1 id={}>x</h1>",
    "[^{}]\n\n[^{}]: # {}",
    "[{}]: # '{}'",
    "*[{}]: x\n\n# {}",
    "{#{}}\n# {}",
    "\x0b# {}",
    "\x0c{}\n\x0c===",
    "x\r# {}\r\n{}\r===",
    "\u2028# {}",
    "\ufeff# {}",
    "\u00a0# {}",
    "# \u2424 {}",
]
FRAGMENTS = [
    *"#=->*+:|$`~[]()\\ \t\n_^!",
    "\n\n",
    "1. ",
    "- ",
    "    ",
    "===\n",
    "---\n",
    "\n# ",
    "```",
    "$$",
    "\\\\[",
    "\\\\]",
]
FRAGMENTS += ["|-|\n", "[^1]: ", "\\begin{align}", "\\end{align}", "<div>", "&#35;", "{#score}", "text", *NAMES]


class _Named(HTMLParser):
    """What a script of the page could find by its name, in what an essay has become."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("id", "name", "for") or name.startswith("data-"):
                self.found.append((tag, name, value))
            elif name == "class" and set((value or "").split()) & {*NAMES, "tabbable", "comment", "nbgrader_cell"}:
                self.found.append((tag, name, value))


@pytest.mark.parametrize("heading", HEADINGS, ids=range(len(HEADINGS)))
def test_nothing_of_an_essay_has_a_name(heading):
    """Formgrade finds the field for an essay's points, and its buttons, by names. A heading had its words for one."""
    for name in NAMES:
        text = heading.replace("{}", name)
        for each in (text, f"Words before.\n{text}\nwords after", text.replace("\n", "\r\n")):
            assert _Named(markdown2html_mistune(harmless(each))).found == [], each


@settings(max_examples=1500, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=25).map("".join))
def test_whatever_an_essay_is_made_of_nothing_of_it_has_a_name(text):
    assert _Named(markdown2html_mistune(harmless(text))).found == []


def test_a_heading_would_have_a_name():
    assert _Named(markdown2html_mistune("# score")).found == [("h1", "id", "score")], "the tests above can fail"


def test_a_heading_of_an_essay_is_bold(shown):
    page = shown("## Why *not*? ##\nBecause.\n\n```python\n# a comment\n```\n\n- one\n\n---\n\n| a |\n|---|\n| b |")
    assert "<strong>Why <em>not</em>?</strong>" in page and "<p>Because.</p>" in page
    assert "a comment" in page and "**" not in page and "<hr" in page and "<td>b</td>" in page


LONG = {
    "environments": "\\begin{align}",
    "environments of two kinds": "\\begin{align}\\begin{gather}",
    "brackets": "\\\\[",
    "parentheses": "\\\\(",
    "lines": "\\\\[4pt]\n",
    "in a list": "- \\begin{align}\n",
    "headings": "# a\n",
    "marks of headings": "# ",
    "underlined": "a\n=\n",
    "dollars": "$",
    "dollars and more": "$$a$b",
    "stars": "*a **b",
    "brackets of links": "[a][",
    "code": "` ``",
    "nested": "> - ",
    "a table": "|a|b|\n|-|-|\n",
    "a picture": "data:image/png;base64,AAAA",
}


@pytest.mark.parametrize("name", LONG)
def test_a_long_essay_takes_a_browsers_server_no_longer_than_its_length(name):
    """Four times as long takes about four times as long, not sixteen times. What is quick may vary."""

    def seconds(signs):
        text = harmless(LONG[name] * (signs // len(LONG[name])))
        start = process_time()
        with contextlib.suppress(RecursionError):
            markdown2html_mistune(text)
        return process_time() - start

    short, long = min(seconds(10_000) for _ in range(2)), min(seconds(40_000) for _ in range(2))
    assert long < 8 * short + 0.25, (short, long)


def test_of_a_long_essay_the_beginning_is_shown_and_the_rest_is_counted(tmp_path):
    """In whatever number of cells it stands. The notebook that was handed in has it all."""
    guide = " ".join((ROOT / "coursework" / "README.md").read_text(encoding="utf-8").split())
    assert f"If an essay has more than {submissions.MOST_ESSAY:,} signs, its beginning is shown" in guide
    key = write_assignment(tmp_path / "key")
    long = "It begins. " + "word " * 40_000

    def thrice(data):
        data["cells"] += [{**data["cells"][-1], "id": name, "source": long} for name in ("two", "three")]

    submit(tmp_path / "submitted", "ann", notebook_of(RIGHT, essay=long))
    submit(tmp_path / "submitted", "bob", edited(notebook_of(RIGHT, essay=long), thrice))
    submit(tmp_path / "submitted", "cem", notebook_of(RIGHT, essay="word " * 3_000))
    graded_here(tmp_path / "submitted", tmp_path / "out", key)
    for student in ("ann", "bob", "cem"):
        path = tmp_path / "out" / "autograded" / student / "ps0" / "ps0.ipynb"
        cells = nbformat.read(path, as_version=4).cells
        (essay,) = [cell.source for cell in cells if cell.metadata.get("nbgrader", {}).get("grade_id") == "ps0_essay"]
        assert len(essay) <= submissions.MOST_ESSAY
        assert ("more signs are left out here" in essay) == (student != "cem")
        shown = essay.partition("\n\n(")[0].removeprefix("It begins. ")
        if student == "ann":
            (left_out,) = re.findall(r"\(([\d,]+) more signs", essay)
            assert len("It begins. " + shown) + int(left_out.replace(",", "")) == len(long)


def test_what_is_kept_of_a_notebook_is_bounded():
    text = {"cell_type": "markdown", "metadata": {}, "source": "\N{SLIGHTLY SMILING FACE}" + "x" * 100_000}
    cells = submissions.parse(json.dumps({"cells": [text] * 150}).encode())
    assert sum(len(cell["source"]) for cell in cells) < 1.1 * submissions.MOST_TEXT


def test_a_picture_in_the_text_takes_no_words_away():
    """Colab writes a picture that is pasted into a text cell as letters between the words."""
    source = f"Before.\n\n![plot](data:image/png;base64,{'iVBO+/' * 50_000}==)\n\nAfter."
    (cell,) = submissions.parse(json.dumps({"cells": [{"cell_type": "markdown", "source": source}]}).encode())
    assert cell["source"] == "Before.\n\n![plot]((a picture))\n\nAfter."


def test_no_prompt_is_longer_than_what_is_kept():
    for name in assignments.names():
        texts = [cell.source for cell in assignments.load(name).notebook.cells if cell.cell_type == "markdown"]
        assert max(map(len, texts)) < submissions.MOST_ESSAY / 2 and sum(map(len, texts)) < submissions.MOST_TEXT / 4


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
    "# a comment",
    "#!/bin/sh",
    "===",
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


def test_code_in_an_answer_looks_as_it_was_written(tmp_path):
    """Sign by sign, in what nbgrader's page shows of a code cell: nothing is put between, nothing is left out."""
    key = write_assignment(tmp_path / "key")
    code = "\n".join(
        [STEP, *(f"# {line}" for line in [*CODE, *LINKS[:8], "\ttabs\tand  spaces  ", "\\frac{a}{b} $x$"])]
    )
    notebook = nbformat.reads(notebook_of(RIGHT), as_version=4)
    details = {"grade_id": "ps0_step_answer", "solution": True, "grade": False, "locked": False, "schema_version": 3}
    notebook.cells[1].source, notebook.cells[1].metadata["nbgrader"] = code, {**details, "task": False}
    submit(tmp_path / "submitted", "ann", nbformat.writes(notebook))
    graded_here(tmp_path / "submitted", tmp_path / "out", key)
    graded = nbformat.read(tmp_path / "out" / "autograded" / "ann" / "ps0" / "ps0.ipynb", as_version=4)
    (cell,) = [cell for cell in graded.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == "ps0_step_answer"]
    assert cell.source == code

    class Input(HTMLParser):
        inside, text = 0, ""

        def handle_starttag(self, tag, attributes):
            self.inside += tag == "pre"

        def handle_endtag(self, tag):
            self.inside -= tag == "pre"

        def handle_data(self, data):
            self.text += data if self.inside else ""

    page = Input()
    page.feed(HTMLExporter(template_name="classic").from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))[0])
    assert page.text.rstrip("\n") == code.rstrip("\n")


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
