"""Which submissions are alike, for the instructor to judge: the structure of their code is compared, not its text.

Each statement is taken without the names of its variables and with sums and products in one order. One that many
students wrote says little about any two of them, so it weighs log(class / students who wrote it): nothing if everybody
did. Two submissions are as alike as the weight of what they share, as a part of the lighter one's. Nobody loses a point
by this: equal code may come from one lecture, one study group that was allowed, or one mistake that many make.
"""

import ast
import contextlib
import math
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from coursework.grader import fence
from coursework.grader.likeness import shape, size
from coursework.grader.magics import as_python

TELLING = 4  # names, numbers and operations that a statement must have to count
ALIKE = 0.6  # the part of the lighter submission's weight that is shared
WEIGHT = 8.0  # of what is shared: three statements that nobody else of 30 has weigh so much
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
    """The pairs of a class to look at, the most alike first. At most 200. Whose code takes too long to read has none.

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
    by_shape: defaultdict[str, list[str]] = defaultdict(list)
    for student, found in written.items():
        for key in found:
            by_shape[key].append(student)
    weight = {key: math.log(len(code) / len(students)) for key, students in by_shape.items()}
    total = {student: sum(weight[key] for key in found) for student, found in written.items()}
    shared: defaultdict[tuple[str, str], float] = defaultdict(float)
    for key, students in by_shape.items():
        if 1 < len(students) <= max(2, len(code) // 4):  # what more have weighs little, and makes many pairs
            for i, one in enumerate(students):
                for other in students[i + 1 :]:
                    shared[(one, other)] += weight[key]
    found_pairs = []
    for (one, other), together in shared.items():
        alike = together / min(total[one], total[other]) if together >= WEIGHT else 0.0
        if alike >= ALIKE:
            both = set(written[one]) & set(written[other])
            rarest = max(sorted(both), key=lambda key: (weight[key], len(key)))
            found_pairs.append(Pair((one, other), round(min(1.0, alike), 3), len(both), written[one][rarest]))
    return sorted(found_pairs, key=lambda pair: (-pair.alike, -pair.shared, pair.students))[:MOST]


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
