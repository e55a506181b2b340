"""A plugin that lets nbval compare what would be stored: `pytest --nbval -p tests.nbval_stored`.

A fresh output is brought into the form of a stored one first.
"""

import copy
from typing import Any

from nbval.plugin import IPyNbCell

from tools import views
from tools.notebooks import stored

_compare = IPyNbCell.compare_outputs


def compare_as_stored(cell: Any, fresh: list, kept: list, skip_compare: tuple[str, ...] | None = None) -> bool:
    """nbval's own comparison. What moves in the book is left out: some digits depend on the machine."""
    tags = cell.cell.metadata.get("tags", [])
    skipped = (*(skip_compare or cell.parent.skip_compare), views.VIEW)
    return _compare(cell, [stored(copy.deepcopy(output), tags) for output in fresh], kept, skipped)


IPyNbCell.compare_outputs = compare_as_stored
