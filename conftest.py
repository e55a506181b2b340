"""For every pytest run in this repository, that of the lessons' outputs (`--nbval`) too."""

import pytest
from nbval.plugin import IPyNbCell

from tools.notebooks import uncovered


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What an answer's cell prints and displays is stored under a cover; a fresh run shows it bare."""
    for item in items:
        if isinstance(item, IPyNbCell):
            item.cell.outputs = [uncovered(output) for output in item.cell.outputs]
