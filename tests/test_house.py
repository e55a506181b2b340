"""The house itself: what imports what, and what every lesson must hold."""

import ast
import copy
import re
import subprocess
import sys
import tomllib

import nbformat
import pytest

from tests.notebook import LESSONS, ROOT, code_cells, compared_outputs, read, speaks
from tools.notebooks import bootstrap, normalise

MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "course_utils").rglob("*.py"))
}
LOADS_TORCH = "course_utils.torch_bridge"
lessons = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)


def imports(path):
    """Names of the modules that a source file imports anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


GRAPH = {name: (imports(path) & set(MODULES)) - {"course_utils", name} for name, path in MODULES.items()}


def test_data_flows_one_way():
    """Modules can be put in an order in which each imports only earlier ones."""
    placed = set()
    while ready := {name for name, needs in GRAPH.items() if name not in placed and needs <= placed}:
        placed |= ready
    assert placed == set(GRAPH), f"circle among {set(GRAPH) - placed}"


def test_rooms_keep_to_themselves():
    helpers = {"course_utils._validate"}
    assert GRAPH["course_utils.cells"] <= helpers
    assert GRAPH["course_utils.norms"] <= helpers
    assert GRAPH["course_utils.gradients"] <= helpers
    assert GRAPH["course_utils.figures"] <= helpers
    assert [name for name, path in MODULES.items() if "torch" in imports(path)] == [LOADS_TORCH]


@pytest.mark.parametrize("module", MODULES)
def test_imports_stay_light(module):
    """In a fresh process: torch only where it is the point, matplotlib not for the mathematics."""
    code = f"import {module}, sys; print('torch' in sys.modules, 'matplotlib' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    torch_loaded, matplotlib_loaded = run.stdout.split()
    assert torch_loaded == str(module == LOADS_TORCH)
    if module in ("course_utils.cells", "course_utils.gradients", "course_utils.checks", "course_utils.tasks"):
        assert matplotlib_loaded == "False"


@pytest.mark.parametrize("module", MODULES)
def test_public_names_have_docstrings(module):
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), node.name


def test_pins_stand_once():
    assert "-r requirements.txt" in (ROOT / "environment.yml").read_text(encoding="utf-8")
    assert "==" not in (ROOT / "environment.yml").read_text(encoding="utf-8").replace("-r requirements.txt", "")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert all(">=" in dependency and "==" not in dependency for dependency in project["dependencies"])


@lessons
def test_outputs_are_committed(path):
    notebook = read(path)
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1)), "not run top to bottom"
    speaking = [cell for cell in cells if speaks(cell)]
    assert [cell.source for cell in speaking if not cell.outputs] == []
    assert compared_outputs(notebook) >= len(speaking) >= 5


def test_a_stripped_lesson_would_be_noticed():
    notebook = copy.deepcopy(read(LESSONS[-1]))
    for cell in code_cells(notebook):
        cell.outputs = []
    assert compared_outputs(notebook) == 0
    assert any(speaks(cell) for cell in code_cells(notebook))


@lessons
def test_no_errors_or_warnings_in_outputs(path):
    for cell in code_cells(read(path)):
        for output in cell.outputs:
            assert output.output_type != "error", cell.source
            assert output.get("name") != "stderr", output.text


@lessons
def test_metadata_is_normalised(path):
    notebook = read(path)
    nbformat.validate(notebook)
    assert notebook == normalise(copy.deepcopy(notebook))


@lessons
def test_first_code_cell_is_the_bootstrap(path):
    assert code_cells(read(path))[0].source == bootstrap()


@lessons
def test_every_picture_has_words(path):
    for cell in code_cells(read(path)):
        for output in cell.outputs:
            data = output.get("data", {})
            if "image/png" in data or "<img" in str(data.get("text/html", "")):
                (alt,) = re.findall(r'<img alt="([^"]+)"', data["text/html"])
                assert len(alt.split()) >= 8, alt
                assert data["text/plain"].startswith("Figure: ")


@lessons
def test_figures_use_the_courses_style(path):
    source = "\n".join(cell.source for cell in code_cells(read(path)))
    assert not re.search(r"import matplotlib|from matplotlib|\bplt\.|figsize", source), "draw with course_utils.figures"
    assert not re.search(r"#[0-9A-Fa-f]{6}\b", source), "take colours from course_utils.figures"


@pytest.mark.parametrize(
    "path",
    [*LESSONS, *MODULES.values(), ROOT / "README.md", *sorted((ROOT / "tools").glob("*.py"))],
    ids=lambda path: path.name,
)
def test_no_absolute_paths(path):
    text = re.sub(r"base64,[A-Za-z0-9+/=]+", "", path.read_text(encoding="utf-8"))
    if path.suffix == ".ipynb":
        text = re.sub(r'"image/png": "[^"]*"', "", text)
    assert re.findall(r"(?:/(?:home|root|work|Users|tmp)/|[A-Z]:\\\\)[\w./\\-]*", text) == []


@lessons
def test_lessons_are_linked_from_the_map(path):
    start = LESSONS[0]
    assert start.stem == "00_start_here"
    words = "".join(cell.source for cell in read(start).cells)
    assert path == start or path.name in words


@lessons
def test_the_maps_of_the_course_say_how_long_a_lesson_takes(path):
    """A lesson states its minutes once at its head; lesson 00 and the README repeat them."""
    minutes = re.search(r"\*(\d+) minutes\. Builds on: ", read(path).cells[0].source)[1]
    row = rf"{path.name}\).*\| {minutes} \|"
    assert re.search(row, (ROOT / "README.md").read_text(encoding="utf-8"))
    start = "".join(cell.source + "\n" for cell in read(LESSONS[0]).cells)
    assert path == LESSONS[0] or re.search(row, start)
