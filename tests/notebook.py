"""The lessons as the tests read them."""

import ast
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
NOT_COMPARED = {"image/png", "application/vnd.jupyter.widget-view+json"}  # what nbval skips


def read(path):
    """The notebook at `path`."""
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    """Its code cells."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def compared_outputs(notebook):
    """How many outputs nbval holds against a fresh run."""
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    return sum(output.output_type == "stream" or bool(set(output.get("data", {})) - NOT_COMPARED) for output in outputs)


def speaks(cell):
    """Whether a cell's last statement prints, shows or evaluates something, so that it must have an output."""
    body = ast.parse(cell.source).body
    if not body:
        return False
    last = body[-1]
    while isinstance(last, ast.For | ast.With):
        last = last.body[-1]
    return isinstance(last, ast.Expr) and not isinstance(last.value, ast.Constant)
