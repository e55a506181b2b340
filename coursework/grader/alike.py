"""Which submissions are alike, for the instructor to judge: the structure of their code is compared, not its text.

Each statement is taken without the names of its variables and with sums and products in one order. One that many
students wrote says little about any two of them, so it weighs log(class / students who wrote it): nothing if everybody
did. Two submissions are as alike as the weight of all that they share, as a part of the lighter one's. So a copy in
which something was added is wholly alike. Short right answers resemble each other by nature: a pair is listed if what
it shares weighs enough, or if two write the very same statements, however common each of them is. Nobody loses a point
by this: equal code may come from one lecture, one study group that was allowed, or one mistake that many make.
"""

import ast
import contextlib
import itertools
import math
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from coursework.grader import fence
from coursework.grader.likeness import shape, size
from coursework.grader.magics import as_python

TELLING = 4  # names, numbers and operations that a statement must have to count
ALIKE = 0.85  # the part of the lighter submission's weight that is shared
WEIGHT = 12.0  # of what is shared: four or five statements that nobody else of 30 has weigh so much
WHOLE = 8  # statements of two submissions that have no others: three or four answers
MOST = 200  # pairs
LONGEST, LARGEST = 3000, 400  # statements of a submission, and the size of an expression, that are looked at


@dataclass(frozen=True)
class Pair:
    """Two students, how alike their code is (0 to 1), how many telling statements they share, and the rarest one."""

    students: tuple[str, str]
    alike: float
    shared: int
    example: str


def pairs(code: Mapping[str, Sequence[str]], given: Sequence[str] = ()) -> list[Pair]:
    """The pairs of a class to look at, the most alike first: at most 200. Whose code takes too long to read has none.

    Two who wrote the same statements, eight or more, are as alike as can be, 1, also where the whole class wrote them.

    code   {student: the code cells}
    given  code that everybody was given, which doesn't count
    """
    common = set(structures(given))
    written: dict[str, dict[str, str]] = {}
    for student, cells in code.items():
        try:
            with fence.within():
                written[student] = structures(cells)
        except fence.TooLongError as error:
            written[student] = {}
            print(f"{student}: the code could not be compared with others': {error}", file=sys.stderr)
    written = {
        student: {key: line for key, line in found.items() if key not in common} for student, found in written.items()
    }
    students = Counter(key for found in written.values() for key in found)
    weight = {key: math.log(len(code) / number) for key, number in students.items()}
    total = {student: sum(weight[key] for key in found) for student, found in written.items()}
    listed = []
    for one, other in itertools.combinations(sorted(written), 2):
        both = written[one].keys() & written[other].keys()
        together, lighter = sum(weight[key] for key in both), min(total[one], total[other])
        same = len(both) == len(written[one]) == len(written[other])
        alike = 1.0 if same else min(1.0, together / lighter) if lighter else 0.0
        if (together >= WEIGHT and alike >= ALIKE) or (same and len(both) >= WHOLE):
            listed.append((-round(alike, 3), -len(both), one, other))
    found_pairs = []
    for alike, shared, one, other in sorted(listed)[:MOST]:
        rarest = max(sorted(written[one].keys() & written[other]), key=lambda key: (weight[key], len(key)))
        found_pairs.append(Pair((one, other), -alike, -shared, written[one][rarest]))
    return found_pairs


def structures(cells: Sequence[str]) -> dict[str, str]:
    """{structure of a statement: the statement as it stands there} of code cells. What isn't Python has none."""
    found: dict[str, str] = {}
    for cell in cells:
        try:
            statements = [node for node in ast.walk(ast.parse(as_python(cell))) if isinstance(node, ast.stmt)]
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        for statement in statements[:LONGEST]:
            for expression in _expressions(statement):
                if TELLING <= size(expression) <= LARGEST and len(found) < LONGEST:
                    with contextlib.suppress(RecursionError, ValueError, MemoryError):  # nested or huge on purpose
                        key = f"{type(statement).__name__}:{shape(expression)}"
                        found.setdefault(key, " ".join(ast.unparse(expression).split())[:120])
    return found


def _expressions(statement: ast.stmt) -> Iterable[ast.expr]:
    """What a statement computes itself: not what stands in its body."""
    return (node for node in ast.iter_child_nodes(statement) if isinstance(node, ast.expr))
