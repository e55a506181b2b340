"""What of a submission's words its student is told: sentences that are known beforehand, and nothing in them to choose.

A submission meets the hidden inputs while it runs, and may send any words from there: those of an exception, a name, a
number, the line that it stopped at. Whoever reads them in the feedback knows the inputs, and hands in their right
results the next time. So the student is told sentences from here, without numbers, names, kinds of exceptions, lines
and cells that the submission could have chosen by what it computed. Whoever marks is told these, in a table that no
student gets. `check` shows the whole of an exception on the inputs that students have.
"""

import ast
import builtins
import re
from collections.abc import Sequence

from coursework.grader import magics
from coursework.grader.borrowed import IN_COMPLEX, IN_DIGITS, IN_NO_CELL, TOOLS, imported

RAISED = {name for name in dir(builtins) if isinstance(getattr(builtins, name), type)} | {"LinAlgError", "NotHereError"}
PLACE = re.compile(r"line (\d{1,5}) of code cell (\d{1,4})", re.A)
NUMBER = r"\d{1,4}(?:\.\d)?"
ENDS = {  # how a step of the sandbox may end: its words, what the student is told of them
    rf"took longer than (?:the {NUMBER} s allowed|{NUMBER} s in all)": "took longer than is allowed",
    rf"did nothing for {NUMBER} s": "did nothing for too long. Threads and processes that a cell has begun "
    "are gone when an answer is computed, and nobody types anything",
    rf"took more than {NUMBER} GiB of memory": "took more memory than is allowed",
    **{
        words: words
        for words in (
            "ended the Python process",
            "ended the whole sandbox",
            "reported too much",
            "handed out far too much",
            "wrote where only the grader writes",
            "left too many processes running",
            "started too many processes",
            "could not be run",
        )
    },
}
WATCHED = (
    "a thread, another process or another tracer was begun while this answer was computed, and nobody can follow "
    "what is computed there. A derivation needs none of them."
)
OTHERS = {  # all else that a room says of an answer; {answer} stands for the name that is asked for
    r"nothing called (?P<answer>\w+) is defined when the notebook has run": "nothing called {answer} is defined when "
    "the notebook has run",
    r"(?P<answer>\w+) is not a function. Hand in the function itself": "{answer} is not a function. Hand in the "
    "function itself",
    r"the answer is a .{1,40}, not a number or an array of numbers": "the answer is not a number or an array of "
    "numbers",
    "(?P<why>the answer holds complex numbers, and real numbers are asked for)": "{why}",
    r".{1,60} computes with complex numbers. A complex step is no derivation, and that is asked for here": IN_COMPLEX,
    r".{1,60} computes in more digits than float64. Only differences need these, and a derivation is asked for here": (
        IN_DIGITS
    ),
    "your answer ended what follows its numbers": WATCHED,
    "your answer began a thread, and none may begin here": WATCHED,
    "your answer runs code that stands in no cell of the notebook": IN_NO_CELL,
    r"(?P<why>the answer is (?:far too large|far too long|nested too deeply)(?: or far too long)?)(?:: [\w, ]+)?": (
        "{why}"
    ),
    "(?P<why>the answer is a dict with keys that are neither words nor whole numbers)": "{why}",
}
WHO = "(?P<late>there was no time left: )?(?P<who>your answer|the notebook|this cell)"
ABSENT = "not there when this answer is computed, since one can differentiate with it. Derive it in NumPy."
WITHOUT_SCIPY = " In place of scipy.special.expit(a), 1 / (1 + np.exp(-a)) will do."
RAISES = (
    "your answer raised an exception. Which one, and where, only your instructor sees, since hidden inputs could be "
    "read from it."
)
TRY = "`check` shows it on the inputs that you have; try other shapes and values, too."
STOPPED = (
    "A code cell of your notebook stopped with an error. Restart the kernel and run all cells to see it. If they run "
    "through, a cell needs a file or a package that isn't there when your answers are computed."
)
UNREADABLE = "what came out of your notebook for this question could not be read."
BRINGS = re.compile(r"\A%%(?:writefile|file|cython)\b|^[ \t]*%(?:run|load)\b", re.A | re.M)  # magics that bring code
FIXED = re.compile(
    r"\b1e-12\b|\b0/0\b|\b(?:are|by|from|of|to) 0\b(?!/)"
)  # numbers that stand in the sentences of `judge` themselves
SAID = {  # what `judge` says of a wrong result: its words, and the same without what a result could be made to choose
    r"the shape is \([\d, ]*\), it should be \([\d, ]*\)\.": "the shape is not the one that is asked for.",
    r"the shape is \([\d, ]*\), a single number is asked for\.": "a single number is asked for.",
    r"it agrees to about \d+ digits only\.": "it agrees to some digits only.",
    r"\d+ of \d+ numbers differ\.": "its numbers differ from the right ones.",
    r"Each of them is \S+ times the right one\.": "All of them are off by the same factor.",
    r"Only (entry|row) \d+, counted from 0, is wrong\.": r"Only one \1 is wrong.",
    r"Only (entry|row) \d+ is right, counted from 0\.": r"Only one \1 is right.",
    r"\d+ results came back, wanted are \d+: ": "another number of results came back than is wanted: ",
    r"the answer should hold \d+ results: ": "the answer should hold these results: ",
    r"It is right on \d+ of \d+ inputs\.": "It is right on some of the inputs.",
}


def to_mend(answers: Sequence[str], state: str) -> list[str]:
    """A sentence on wrong answers that an answer calls, or none where there is none. state: what they are.

    It tells nothing but what their points tell.

    Example:
    >>> to_mend(["step"], "not right yet")
    ['It calls step, which is not right yet: mend that first.']
    """
    if not answers:
        return []
    *most, last = answers
    names, are, these = (f"{', '.join(most)} and {last}", "are", "these") if most else (last, "is", "that")
    return [f"It calls {names}, which {are} {state}{f': mend {these} first' if state != 'not started' else ''}."]


def shown(words: str) -> str:
    """Words on one line, of at most 300 signs, all of which can be printed: no surrogate, no change of direction."""
    words = " ".join("".join(sign if sign.isprintable() else " " for sign in words).split())
    return words if len(words) <= 300 else words[:299] + "…"


def without_numbers(words: str) -> str:
    """What `judge` says of a result, without any number that the result could be made to choose.

    Example:
    >>> without_numbers("the shape is (9876, 0), it should be (3, 2). Compute in float64.")
    'the shape is not the one that is asked for. Compute in float64.'
    """
    words = shown(words)
    for pattern, instead in SAID.items():
        words = re.sub(pattern, instead, words, flags=re.A)
    words = re.sub(r"\([\d, ]*\d[\d, ]*\)", "(…)", words)
    kept = [found.span() for found in FIXED.finditer(words)]
    number = re.compile(r"(?<!\w)[-+]?\d+(?:\.\d+)*(?:e[-+]?\d+)?\b")
    return number.sub(
        lambda found: found[0] if any(a <= found.start() and found.end() <= b for a, b in kept) else "…", words
    )


def known(words: str) -> bool:
    """Whether the sandbox says such a sentence. Its names may be any, so that it is for who marks alone."""
    return _sentence(words) is not None


def sentence(words: str, answer: str) -> str | None:
    """What a student is told of a sentence of the sandbox, or None if it is none. answer: the name asked for.

    Example:
    >>> sentence("your answer took longer than the 10 s allowed.", "step")
    'your answer took longer than is allowed.'
    """
    found = _sentence(words)
    if found is None or found[0].groupdict().get("answer", answer) != answer:
        return None
    return found[1].format(answer=answer).removesuffix(".") + "."


def _sentence(words: str) -> tuple[re.Match[str], str] | None:
    """(the sentence, what is told of it) or None."""
    words = words.removesuffix(".")
    for pattern, instead in ENDS.items():
        if found := re.fullmatch(f"{WHO} {pattern}", words, re.A):
            return found, f"{found['late'] or ''}{found['who']} {instead}"
    for pattern, instead in OTHERS.items():
        if found := re.fullmatch(pattern, words):
            return found, instead.replace("{why}", found.groupdict().get("why", ""))
    return None


def not_python(cells: Sequence[str]) -> str:
    """A sentence on the first cell that can't be read as Python, which the cells alone tell; nothing where all can."""
    for number, cell in enumerate(cells, 1):
        try:
            ast.parse(magics.as_python(cell))
        except SyntaxError as error:
            line = f", line {error.lineno}" if error.lineno else ""
            return f"Code cell {number} of your notebook can't be read as Python{line}."
        except (ValueError, RecursionError, MemoryError):
            return f"Code cell {number} of your notebook can't be read as Python."
    return ""


def not_run(cells: Sequence[str]) -> str:
    """A sentence on the first cell that brings code in a notebook and none here; nothing where there is no such cell.

    Example:
    >>> not_run(["%%writefile tools.py\\nx = 1"])[:57]
    'Code cell 1 of your notebook uses %%writefile, which does'
    """
    for number, cell in enumerate(cells, 1):
        if (found := BRINGS.search(cell.strip())) and magics.as_python(cell) != cell:
            return (
                f"Code cell {number} of your notebook uses {found[0].strip()}, which does nothing here: what your "
                "answers need of it has to stand in a code cell, as Python."
            )
    return ""


def place(words: str, cells: Sequence[str]) -> str:
    """A place and what stands there in the submission, or nothing where it has no such line."""
    if found := PLACE.fullmatch(words):
        line, cell = int(found[1]), int(found[2])
        lines = cells[cell - 1].split("\n") if 1 <= cell <= len(cells) else []
        if 1 <= line <= len(lines):
            return f"{words}, `{lines[line - 1].strip()[:100]}`"
    return ""


def absent(cells: Sequence[str], where: str = "") -> str:
    """Which tools aren't there: those that the line names, or all that the notebook imports. Of the hidden inputs, that
    tells nothing only where no line is given."""
    tools = {
        name: tool for name, full in imported(cells).items() for tool in TOOLS if f"{full}.".startswith(f"{tool}.")
    }
    named = {tools[name] for name in re.findall(r"\w+", place(where, cells)) if name in tools} or set(tools.values())
    words = " and ".join(sorted(named)[:4]) or "torch or what else differentiates"
    return f"{words} {'are' if len(named) > 1 else 'is'} {ABSENT}{WITHOUT_SCIPY if named == {'scipy'} else ''}"


def exception(name: str, where: str, cells: Sequence[str]) -> str:
    """Kind and place of an exception, for who marks. A kind of the student's own is an Exception like any other."""
    found = place(where, cells)
    words = [absent(cells, where)] if name == "NotHereError" else []
    words += [f"see {found}."] if found else []
    return f"{name if name in RAISED else 'Exception'}{': ' if words else '.'}{' '.join(words)}"


def failure(words: str, cells: Sequence[str]) -> str:
    """Why a cell failed, for who marks: a sentence of the sandbox, or an exception's kind and place."""
    name, _, where = words.partition(", ")
    found = place(where, cells)
    if known(words):
        return f"{words.removesuffix('.')}."
    return ", ".join([name if name in RAISED else "Exception", *([found] if found else [])])
