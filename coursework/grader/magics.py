"""A notebook's cell as Python: what runs in the sandbox, and what is read outside of it, is one and the same text.

The sandbox has this file, too.
"""

import ast
import re

TOP_LEVEL = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT  # a notebook's cell may wait for something outside of any function
PYTHON_BELOW = ("%%time", "%%timeit", "%%capture", "%%prun")  # magics of a cell whose other lines are Python
MAGIC = re.compile(r"[%!?]|[\w.\[\]'\", ]+=\s*[%!]|[\w.*\[\]'\"]+\?\??$")  # how a line begins that isn't Python
MEASURED = re.compile(r"%time\s+(.+)")  # a line of which the rest is Python


def as_python(cell: str) -> str:
    """The text of a cell that Python is given. Only a cell that isn't Python as it stands is searched for magics.

    Example:
    >>> as_python("%matplotlib inline\\nfiles = !ls\\nprint?\\n%time y = 2")
    'pass\\npass\\npass\\ny = 2'
    """
    source = cell.replace("\r\n", "\n").replace("\r", "\n")
    try:
        ast.parse(source)
    except SyntaxError:
        return without_magics(source)
    except (ValueError, RecursionError, MemoryError):
        pass  # whoever compiles it is told
    return source


def without_magics(source: str) -> str:
    """The cell with `%magic`, `!command` and `help?` lines replaced by `pass`; other languages' cells are empty."""
    lines = source.split("\n")
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    if lines[first].strip().startswith("%%"):
        if lines[first].split()[0] not in PYTHON_BELOW:
            return ""
        lines[first] = ""
    return "\n".join(map(_line, lines))


def _line(line: str) -> str:
    words = line.strip()  # at either end, so that no pattern has to look for an end of them
    if not MAGIC.match(words):
        return line
    measured = MEASURED.match(words)
    return line[: len(line) - len(line.lstrip())] + (measured[1] if measured else "pass")
