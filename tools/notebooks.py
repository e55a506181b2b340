"""Run lessons on fresh kernels and write their outputs: `python -m tools.notebooks [notebook ...]`, all by default.

What is written depends on the source alone: metadata is reduced to the kernel's name, no execution times are kept. A
cell keeps its id wherever it moves, and a new one gets the next number, so that a new cell changes no other one. Each
lesson's first code cell is that of `tools.heads`.

What a cell with the tag "answer" prints and displays is stored under a cover that the reader lifts; run, the cell shows
it bare.
Each picture is stored once: as PNG, which every viewer shows, or as HTML under a cover. Its words stand beside it
and in its metadata, where the book and nbconvert's classic template find them. JupyterLab 4.6 and nbconvert's other
templates read only the size and the background of a PNG; there a picture has its words once its cell has run. A
widget's view is dead without its kernel, so what is stored is its poster, and beside it, packed, what the book needs to
move it (`tools.views`).
"""

import argparse
import html
import itertools
import re
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from tqdm import tqdm

from tools import views
from tools.heads import ROOT, bootstrap, needs_torch

METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
COVER = "<details><summary>Uncover what was measured</summary>{}</details>"
PRINTED = COVER.format("<pre>{}</pre>")  # lines that were printed
OWN_ID = re.compile(r"cell-(\d+)")  # others come from editors, by chance
LIVE = "application/vnd.jupyter.widget-view+json"


def stored(
    output: NotebookNode, tags: Sequence[str] = (), packed: Mapping[str, str | None] | None = None
) -> NotebookNode:
    """An output of a cell with these tags, as it is stored. May change it; what is stored already stays.

    packed  {id of a widget: what `views.pack` made of it}.
    """
    if "answer" in tags and output.output_type == "stream" and output.name == "stdout":
        return nbformat.v4.new_output("display_data", {"text/html": PRINTED.format(html.escape(output.text))})
    data = output.get("data", {})
    view = data.pop(LIVE, None)
    found = (packed or {}).get(view["model_id"]) if view else None
    if found:
        data[views.VIEW] = found
    if "text/html" not in data:
        return output
    if "answer" in tags:
        data.pop("image/png", None)  # it would show without the cover
        if not data["text/html"].startswith(COVER.partition("{}")[0]):
            data["text/html"] = COVER.format(data["text/html"])
    elif "image/png" in data:
        del data["text/html"]  # the same picture once more; its words move to where exported pages take them from
        words = data["text/plain"].removeprefix("Figure: ")
        output.metadata["image/png"] = {"alt": words, "needs_background": "light"}
    return output


def printed(output: NotebookNode) -> str:
    """What an output that is stored has printed, be it under a cover: "" where nothing was printed."""
    if output.output_type == "stream":
        return output.text
    before, after = PRINTED.split("{}")
    text = output.get("data", {}).get("text/html", "")
    if not (text.startswith(before) and text.endswith(after)):
        return ""
    return html.unescape(text.removeprefix(before).removesuffix(after))


def normalise(notebook: NotebookNode) -> NotebookNode:
    """The notebook with stable ids and without volatile metadata. Changes and returns it."""
    packed = _packed(notebook)
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    _name(notebook.cells)
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        if "outputs" in cell:
            cell.outputs = [stored(output, tags, packed) for output in cell.outputs]
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    first.source = bootstrap(needs_torch(notebook))
    return notebook


def _name(cells: Sequence[NotebookNode]) -> None:
    """Give an id, "cell-N", to each cell that lacks one or has that of a cell above, as a copy or a merge leaves it."""
    own = [found for cell in cells if (found := OWN_ID.fullmatch(cell.get("id") or ""))]
    fresh = itertools.count(max((int(found[1]) for found in own), default=-1) + 1)
    taken: set[str] = set()
    for cell in cells:
        if not OWN_ID.fullmatch(cell.get("id") or "") or cell.id in taken:
            cell.id = f"cell-{next(fresh)}"
        taken.add(cell.id)


def _packed(notebook: NotebookNode) -> dict[str, str | None]:
    """{id: what it needs to move} of all widgets that a run has left in the notebook's metadata."""
    left = notebook.metadata.get("widgets", {}).get("application/vnd.jupyter.widget-state+json", {}).get("state", {})
    return {name: views.pack(widget["state"], widget.get("buffers", [])) for name, widget in left.items()}


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
