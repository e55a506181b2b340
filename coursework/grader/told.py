"""What of a submission's words its student is told: nothing that the hidden inputs could be written into.

A submission meets the inputs while it runs, and may send any words from there: those of an exception, a name, a reason.
Whoever reads them in the feedback knows the inputs, and hands in their right results the next time. So of an exception
only its kind and its place are told, if it has a known kind; of all else the sandbox says, only sentences from here.
`check` shows the whole of an exception on the inputs that students have.
"""

import builtins
import re
import types
from collections.abc import Sequence

import numpy as np

from coursework.grader.borrowed import IN_COMPLEX, IN_DIGITS, TOOLS, imported

RAISED = {name for name in dir(builtins) if isinstance(getattr(builtins, name), type)} | {"LinAlgError", "NotHereError"}
TYPES = {kind.__name__ for module in (builtins, np, types) for kind in vars(module).values() if isinstance(kind, type)}
PLACE = re.compile(r"line (\d{1,5}) of code cell (\d{1,4})")
NUMBER = r"\d{1,4}(?:\.\d)?"
ENDS = rf"""took longer than the {NUMBER} s allowed|took longer than {NUMBER} s in all|did nothing for {NUMBER} s
|took more than {NUMBER} GiB of memory|ended the Python process|ended the whole sandbox
|reported too much|handed out far too much|wrote where only the grader writes|left too many processes running
|started too many processes|could not be run""".replace("\n", "")
SENTENCES = re.compile(
    rf"(?:there was no time left: )?(?:your answer|the notebook|this cell) (?:{ENDS})"
    r"|nothing called (?P<missing>\w+) is defined when the notebook has run"
    r"|(?P<thing>\w+) is not a function. Hand in the function itself"
    r"|the answer is a (?P<kind>\w+)(?:, which holds complex numbers)?, not a number or an array of numbers"
    r"|the answer is far too large: it takes \d{1,4} MB, and at most \d MB are read"
    r"|the answer is far too long: a list of \d{1,4} thousand entries, and at most \d{3} thousand are read"
    r"|the answer is nested too deeply: at most \d levels are read"
    r"|the answer is a dict with keys that are neither words nor whole numbers"
)
IN_DERIVATION = {  # what is told of numbers that a derivation may not hold: the same as where they stand in the code
    "with complex numbers. A complex step is no derivation, and that is asked for here": IN_COMPLEX,
    "in more digits than float64. Only differences need these, and a derivation is asked for here": IN_DIGITS,
}
COMPUTES = re.compile(rf"(?P<function>\w+) computes (?P<how>{'|'.join(map(re.escape, IN_DERIVATION))})")
UNSEEN = "your answer ended what follows its numbers"
WATCHED = (
    "a thread, another process or another tracer was begun while this answer was computed, and nobody can follow "
    "what is computed there. A derivation needs none of them."
)
ABSENT = "not there when this answer is computed, since one can differentiate with it. Derive it in NumPy."
WITHOUT_SCIPY = " In place of scipy.special.expit(a), 1 / (1 + np.exp(-a)) will do."
ELSEWHERE = "Its own words are left out, since hidden inputs could stand in them. `check` shows them on your inputs."
UNREADABLE = "what came out of your notebook for this question could not be read."


def sentence(words: str, cells: Sequence[str]) -> str | None:
    """A sentence of the sandbox, or None if it is none. Its names are those of types, or stand in the cells."""
    words = words.rstrip(".")
    if words == UNSEEN:
        return WATCHED
    if computes := COMPUTES.fullmatch(words):
        place = f"in {computes['function']}, " if re.search(rf"\b{computes['function']}\b", "\n".join(cells)) else ""
        return place + IN_DERIVATION[computes["how"]]
    found = SENTENCES.fullmatch(words)
    if found is None:
        return None
    known = TYPES.union(*(re.findall(r"\w+", cell) for cell in cells))
    names = {name for name in found.groupdict().values() if name and name not in known}
    return re.sub(rf"\b({'|'.join(map(re.escape, names))})\b", "…", found[0]) + "." if names else f"{found[0]}."


def place(words: str, cells: Sequence[str]) -> str:
    """A place and what stands there in the submission, or nothing where it has no such line."""
    if found := PLACE.fullmatch(words):
        line, cell = int(found[1]), int(found[2])
        lines = cells[cell - 1].split("\n") if 1 <= cell <= len(cells) else []
        if 1 <= line <= len(lines):
            return f"{words}, `{lines[line - 1].strip()[:100]}`"
    return ""


def exception(name: str, where: str, cells: Sequence[str]) -> tuple[str, str]:
    """(kind of an exception, what is told of it). A kind of the student's own is an Exception like any other."""
    if name == "NotHereError":
        return name, f"{_absent(where, cells)} {_see(where, cells)}".strip()
    return name if name in RAISED else "Exception", f"{_see(where, cells)} {ELSEWHERE}".strip()


def _absent(where: str, cells: Sequence[str]) -> str:
    """Which tools aren't there: those that the line names, or all that the notebook imports."""
    tools = {
        name: tool for name, full in imported(cells).items() for tool in TOOLS if f"{full}.".startswith(f"{tool}.")
    }
    named = {tools[name] for name in re.findall(r"\w+", place(where, cells)) if name in tools} or set(tools.values())
    words = " and ".join(sorted(named)[:4]) or "torch or what else differentiates"
    return f"{words} {'are' if len(named) > 1 else 'is'} {ABSENT}{WITHOUT_SCIPY if named == {'scipy'} else ''}"


def _see(where: str, cells: Sequence[str]) -> str:
    found = place(where, cells)
    return f"see {found}." if found else ""


def failure(words: str, cells: Sequence[str]) -> str:
    """What is told of a cell that failed: a sentence of the sandbox, or an exception's kind and place."""
    name, _, where = words.partition(", ")
    found = place(where, cells)
    return sentence(words, cells) or ", ".join([name if name in RAISED else "Exception", *([found] if found else [])])
