"""Which cells of a submission have to run: the student's own, and of those that were handed out what these need.

An assignment's notebook draws figures and trains networks for its reader. Nothing that is asked for depends on most of
that, and it takes most of the time. So a cell that is as it was handed out, and that sets no name which other cells
read, isn't run; and of an import that was handed out, only the names that are read. A cell that was handed out to be
changed, to try a number in it, is left out, too, unless it imports something or reads what the student's own cells set.
"""

import ast
import symtable
from collections.abc import Iterable, Iterator, Mapping, Sequence

FREE = {"globals", "locals", "vars", "eval", "exec", "compile", "getattr", "get_ipython", "__import__", "sys", "dir"}


def needed(
    cells: Sequence[str],
    handed_out: Mapping[str, str],
    ids: Sequence[str | None] = (),
    asked: Iterable[str] = (),
) -> list[str]:
    """The cells to run in place of `cells`, as many, with an empty one for each that needn't.

    cells       the submission's code cells
    handed_out  {grade_id: code} of the cells that hold no answer, as they were handed out
    ids         each cell's grade_id, as far as the submission still tells
    asked       names that the questions ask for

    All cells are returned as they are where names can't be followed: after `import *`, beside `eval` and its like, or
    in a cell that isn't Python as it stands.
    """
    ours = {bare(source) for source in handed_out.values()}
    changed = {cell for cell, name in zip(cells, ids, strict=False) if name in handed_out and bare(cell) not in ours}
    own = [cell for cell in cells if bare(cell) not in ours and cell not in changed]
    try:
        read = set(asked).union(*map(names_read, own))
        made = set(asked).union(*map(names_set, own))
        while matter := {cell for cell in changed if _imports(cell) or names_read(cell) & (made | FREE)}:
            changed -= matter
            read = read.union(*map(names_read, matter))
            made = made.union(*map(names_set, matter))
        others = {cell: (names_set(cell), names_read(cell)) for cell in cells if bare(cell) in ours or cell in changed}
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return list(cells)
    if read & FREE or "*" in read:
        return list(cells)
    kept: set[str] = set()
    while more := {cell for cell, (sets, _) in others.items() if cell not in kept and sets & read}:
        kept |= more
        for cell in more:
            read |= others[cell][1]
    return [cell if cell not in others else _without_idle_imports(cell, read) if cell in kept else "" for cell in cells]


def _imports(source: str) -> bool:
    return any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(ast.parse(source)))


def bare(source: str) -> str:
    """A cell without what nobody sees at its ends and at its lines' ends."""
    return "\n".join(line.rstrip() for line in source.strip().split("\n"))


def names_set(source: str) -> set[str]:
    """Names that the notebook has after a cell, also those that its functions set by `global`."""
    return set_in(all_tables(_top(source)))


def set_in(tables: Iterable[symtable.SymbolTable]) -> set[str]:
    """Names that the notebook has by the code of these tables."""
    return {
        symbol.get_name()
        for table in tables
        for symbol in table.get_symbols()
        if table.get_type() == "module" or symbol.is_declared_global()
        if symbol.is_assigned() or symbol.is_imported()
    }


def names_read(source: str) -> set[str]:
    """Names of the notebook that a cell reads, also within its functions; "*" where it imports whatever there is."""
    read = read_in(all_tables(_top(source)))
    stars = any(isinstance(node, ast.alias) and node.name == "*" for node in ast.walk(ast.parse(source)))
    return read | ({"*"} if stars else set())


def read_in(tables: Iterable[symtable.SymbolTable]) -> set[str]:
    """Names of the notebook that the code of these tables reads."""
    return {name for table in tables for name in _globals_of(table)}


def _top(source: str) -> symtable.SymbolTable:
    return symtable.symtable(source, "cell", "exec")


def all_tables(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    """A table of names, and those of all functions and classes within it."""
    todo = [table]
    while todo:
        yield (table := todo.pop())
        todo += table.get_children()


def _globals_of(table: symtable.SymbolTable) -> Iterator[str]:
    outside = table.get_type() in ("module", "class")  # `class A: step = step` reads the notebook's name first
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (outside or symbol.is_global()):
            yield symbol.get_name()


def _without_idle_imports(cell: str, read: set[str]) -> str:
    """The cell without imports of names that nobody reads; as it is where it isn't imports alone."""
    tree = ast.parse(cell)
    if not all(isinstance(node, ast.Import | ast.ImportFrom) for node in tree.body):
        return cell
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            node.names = [name for name in node.names if (name.asname or name.name).partition(".")[0] in read]
    tree.body = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom) and node.names]
    return ast.unparse(tree)
