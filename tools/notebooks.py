"""Run lessons on fresh kernels and write their outputs: `python -m tools.notebooks [notebook ...]`, all by default.

What is written depends on the source alone: cell ids count 0, 1, 2, ..., metadata is reduced to the kernel's name, no
execution times are kept. Each lesson's first code cell is that of `tools.heads`.

What a cell with the tag "answer" displays is stored under a cover that the reader lifts; run, the cell shows it bare.
"""

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from tqdm import tqdm

from tools.heads import ROOT, bootstrap, needs_torch

METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
COVER = "<details><summary>Uncover what was measured</summary>{}</details>"  # nbval takes it off again


def normalise(notebook: NotebookNode) -> NotebookNode:
    """The notebook with stable ids and without volatile metadata. Changes and returns it."""
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for i, cell in enumerate(notebook.cells):
        cell.id = f"cell-{i}"
        tags = cell.metadata.get("tags", [])
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        for output in cell.get("outputs", []):  # a widget lives as long as its kernel; its poster stays
            data = output.get("data", {})
            data.pop("application/vnd.jupyter.widget-view+json", None)
            if "answer" in tags and "text/html" in data:
                data.pop("image/png", None)  # it would show without the cover
                if not data["text/html"].startswith(COVER.partition("{}")[0]):
                    data["text/html"] = COVER.format(data["text/html"])
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    first.source = bootstrap(needs_torch(notebook))
    return notebook


def execute(path: Path) -> None:
    """Run one notebook where it lies, on a fresh kernel, and write it back only if no cell failed."""
    notebook = normalise(nbformat.read(path, as_version=4))
    NotebookClient(
        notebook,
        timeout=300,
        record_timing=False,
        coalesce_streams=True,  # when a line is flushed is chance
        resources={"metadata": {"path": str(path.parent)}},
    ).execute()
    nbformat.write(normalise(notebook), path)


def execute_all(paths: list[Path]) -> dict[str, CellExecutionError]:
    """Run these notebooks, two at a time. Returns {name: why it was not written} of those that failed."""
    failures = {}

    def attempt(path: Path) -> None:
        try:
            execute(path)
        except CellExecutionError as error:
            failures[path.name] = error

    with ThreadPoolExecutor(2) as pool:
        list(tqdm(pool.map(attempt, paths), total=len(paths), unit="notebook"))
    return failures


def main() -> None:
    """Run all notebooks named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", type=Path, default=sorted((ROOT / "notebooks").glob("*.ipynb")))
    failures = execute_all([path.resolve() for path in parser.parse_args().notebooks])
    for name, error in failures.items():
        print(f"{name} was not written:\n{error}", file=sys.stderr)
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
