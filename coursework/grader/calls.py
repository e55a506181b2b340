"""Which answers of a submission build on which others, read from its code: nothing is run.

An answer may call an earlier one, directly or by functions and variables of the student's own. If that one is wrong, so
are the numbers of both, and only one of them has a mistake.
"""

import ast
from collections.abc import Collection, Iterator, Sequence

from coursework.grader import magics
from coursework.grader.needed import names_read, names_set

MOST = 2000  # statements that are read, a millisecond each; a student's notebook has some hundred
Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def calls(cells: Sequence[str], answers: Collection[str]) -> dict[str, set[str]]:
    """{answer: the other answers that it calls}, also by way of others, or of names that are no answers.

    cells    the submission's code cells. One that isn't Python, which hasn't run either, is left out. Where there are
             more than MOST statements, nothing is known.
    answers  names that the questions ask for

    Example:
    >>> calls(["def f(x):\\n    return x", "twice = lambda x: 2 * f(x)", "h = twice(2)"], ["f", "h"])["h"]
    {'f'}
    """
    reads: dict[str, set[str]] = {}
    left = MOST
    for cell in cells:
        try:
            for statement in _statements(cell):
                left -= 1
                if left < 0:
                    return {answer: set() for answer in answers}
                source = ast.unparse(statement)
                read, anew = names_read(source), isinstance(statement, Function | ast.Assign | ast.AnnAssign)
                for name in names_set(source):
                    reads[name] = read | (set() if anew else reads.get(name, set()))
                for name in _changed(statement) & set(reads):
                    reads[name] = read | reads[name]
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return {answer: (_reached(answer, reads) & set(answers)) - {answer} for answer in answers}


def first_wrong(answer: str, called: dict[str, set[str]], wrong: Collection[str]) -> list[str]:
    """Of the wrong answers that `answer` calls, those to be mended first: they call no other wrong one, if any does so.

    Example:
    >>> first_wrong("h", {"h": {"f", "g"}, "g": {"f"}, "f": set()}, ["f", "g", "h"])
    ['f']
    """
    found = [name for name in called if name in called[answer] and name in wrong]
    return [name for name in found if not called[name] & set(found)] or found


def _statements(cell: str) -> Iterator[ast.stmt]:
    """The cell's statements but imports: what comes from elsewhere calls no answer."""
    body = ast.parse(magics.as_python(cell)).body
    return (statement for statement in body if not isinstance(statement, ast.Import | ast.ImportFrom))


def _changed(statement: ast.stmt) -> set[str]:
    """Names whose things a statement may change in place: `runs[kind] = ...`, `runs.append(...)`."""
    if isinstance(statement, Function):
        return set()
    places = [
        node.func if isinstance(node, ast.Call) else node
        for node in ast.walk(statement)
        if isinstance(node, ast.Call) or isinstance(getattr(node, "ctx", None), ast.Store)
    ]
    return {name for place in places if (name := _root(place))}


def _root(place: ast.AST) -> str:
    """`runs` of `runs["RNN"].append`, or nothing where no name is at its root, or the place is the name itself."""
    inner = place
    while isinstance(inner, ast.Attribute | ast.Subscript):
        inner = inner.value
    return inner.id if isinstance(inner, ast.Name) and inner is not place else ""


def _reached(name: str, reads: dict[str, set[str]]) -> set[str]:
    """All that a name reads, and what these read."""
    found: set[str] = set()
    left = [name]
    while left:
        more = reads.get(left.pop(), set()) - found
        found |= more
        left += more
    return found
