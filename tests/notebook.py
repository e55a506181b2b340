"""The lessons as the tests read them."""

import ast
import os
import re
from functools import cached_property
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from tools.notebooks import LIVE, printed
from tools.views import VIEW

ROOT = Path(__file__).resolve().parent.parent
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
NOT_COMPARED = {"image/png", LIVE, VIEW}  # what nbval skips


def read(path):
    """The notebook at `path`."""
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    """Its code cells."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def markdown(notebook):
    """All its Markdown as it is stored, line by line."""
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def folded_solutions(notebook):
    """The Python blocks of its folded solutions, as text."""
    folds = re.findall(r"<details>\s*<summary>[^<]*[Ss]olution.*?</details>", markdown(notebook), re.S)
    return re.findall(r"```python\n(.*?)```", "\n".join(folds), re.S)


def defines(source, name):
    """Whether a source text defines a function or a variable of this name, at its outermost level."""
    return bool(re.search(rf"^(def {name}\(|{name} = )", source, re.M))


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


class Lesson:
    """The lesson of a number ("05") as its tests read it: what it defines, prints and says."""

    def __init__(self, number: str):
        (self.path,) = (path for path in LESSONS if path.stem.startswith(f"{number}_"))
        self._notebook = read(self.path)

    @cached_property
    def functions(self) -> dict[str, Any]:
        """Its imports and functions by name, as students get them; nothing that it runs."""
        return self.names()

    def names(self, *constants: str) -> dict[str, Any]:
        """The same with some of its constants: the lesson's own assignments to these names, and no other statement."""

        def wanted(node: ast.stmt) -> bool:
            if isinstance(node, ast.Assign):
                return any(isinstance(target, ast.Name) and target.id in constants for target in node.targets)
            return isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef)

        code = ast.parse("\n".join(cell.source for cell in code_cells(self._notebook)))
        found: dict[str, Any] = {}
        exec(compile(ast.Module([node for node in code.body if wanted(node)], []), self.path.name, "exec"), found)
        return found

    @cached_property
    def printed(self) -> str:
        """All that its cells print, as it is stored."""
        outputs = [output for cell in code_cells(self._notebook) for output in cell.outputs]
        return "".join(map(printed, outputs))

    @cached_property
    def prose(self) -> str:
        """All its Markdown, every run of white space a single one."""
        return one_line(markdown(self._notebook))

    @cached_property
    def displayed(self) -> str:
        """The words of all that its cells display, pictures apart: what was measured, beside a guess."""
        outputs = [output for cell in code_cells(self._notebook) for output in cell.outputs]
        return "\n".join(output["data"].get("text/plain", "") for output in outputs if "data" in output)

    @cached_property
    def solutions(self) -> dict[str, Any]:
        """What its folded solutions define: each stands alone with what the lesson imports and defines."""
        found: dict[str, Any] = {}
        for block in folded_solutions(self._notebook):
            names = dict(self.functions)
            exec(block, names)
            found |= {name: value for name, value in names.items() if self.functions.get(name) is not value}
        return found

    @cached_property
    def titles(self) -> str:
        """All strings of its code and its scenes, where titles and the words beside figures stand; as in `prose`."""
        trees = [ast.parse(cell.source) for cell in code_cells(self._notebook)]
        scenes = ROOT / "course_utils" / "scenes" / f"lesson_{self.path.name[:2]}.py"
        trees += [ast.parse(scenes.read_text(encoding="utf-8"))] if scenes.exists() else []
        constants = [node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)]
        return one_line(*(value for value in constants if isinstance(value, str)))

    @cached_property
    def said(self) -> str:
        """All of these in one line: what it prints, writes beside figures and says."""
        return one_line(self.printed, self.titles, self.prose)


def one_line(*texts: str) -> str:
    """Texts joined, every run of white space a single one."""
    return re.sub(r"\s+", " ", " ".join(texts))


def stored_with_bars(sources):
    """All outputs that a notebook of these cells has stored when they have run, with progress bars on."""
    saved = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    client = NotebookClient(saved, timeout=120, resources={"metadata": {"path": str(ROOT)}})
    client.execute(env={**os.environ, "TQDM_DISABLE": ""})
    return [output for cell in saved.cells for output in cell.outputs]
