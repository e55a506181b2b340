"""Run lessons on fresh kernels and write their outputs: `python tools/notebooks.py [notebook ...]`, all by default.

What is written depends on the source alone: cell ids count 0, 1, 2, ..., metadata is reduced to the kernel's name, no
execution times are kept. Each lesson's first code cell is written from BOOTSTRAP, with the address in pyproject.toml.
"""

import argparse
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from tqdm import tqdm

ROOT = Path(__file__).resolve().parent.parent
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
BOOTSTRAP = """\
# On Colab this fetches the course; anywhere else it does nothing.
import os
import sys

if "google.colab" in sys.modules and not os.path.isdir("../course_utils"):
    import subprocess

    source = os.environ.get("COURSE_SOURCE", "{address}")
    if not os.path.isdir("course"):
        subprocess.run(["git", "clone", "--quiet", "--depth=1", source, "course"], check=True)
    os.chdir("course/notebooks")
    sys.path.insert(0, os.path.dirname(os.getcwd()))"""


def bootstrap():
    """The first code cell of every lesson."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return BOOTSTRAP.format(address=project["urls"]["Repository"])


def normalise(notebook):
    """The notebook with stable ids and without volatile metadata. Changes and returns it."""
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for i, cell in enumerate(notebook.cells):
        cell.id = f"cell-{i}"
        tags = cell.metadata.get("tags", [])
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        for output in cell.get("outputs", []):  # a widget lives as long as its kernel; its words stay
            output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    first.source = bootstrap()
    return notebook


def execute(path):
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


def main():
    """Run all notebooks named on the command line, two at a time."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", type=Path, default=sorted((ROOT / "notebooks").glob("*.ipynb")))
    paths = [path.resolve() for path in parser.parse_args().notebooks]
    failures = {}

    def attempt(path):
        try:
            execute(path)
        except CellExecutionError as error:
            failures[path.name] = error

    with ThreadPoolExecutor(2) as pool:
        list(tqdm(pool.map(attempt, paths), total=len(paths), unit="notebook"))
    for name, error in failures.items():
        print(f"{name} was not written:\n{error}", file=sys.stderr)
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
