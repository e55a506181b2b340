"""The house itself: what imports what, and what every lesson must hold."""

import ast
import copy
import doctest
import functools
import html
import importlib
import itertools
import re
import subprocess
import sys
import tomllib
from collections import Counter

import nbformat
import pytest

from coursework.grader.likeness import written_out
from coursework.grader.magics import as_python
from coursework.grader.wherever import in_numpy, trees
from tests.notebook import LESSONS, ROOT, code_cells, compared_outputs, markdown, read, speaks
from tools import pace, views
from tools.heads import bootstrap, copies, needs_torch, pictures
from tools.new_lesson import TEMPLATE
from tools.notebooks import LIVE, normalise
from tools.views import VIEW

MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "course_utils").rglob("*.py"))
}
SOURCES = MODULES | {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for folder in ("coursework/grader", "tools")
    for path in sorted((ROOT / folder).rglob("*.py"))
}
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "CITATION.cff", "constraints.txt", "Makefile")
LOAD_TORCH = ("course_utils._record", "course_utils.probe", "course_utils.torch_bridge")
CALL_TORCH = ("course_utils.checks.lesson_05", "course_utils.checks.lesson_12")  # and load it where they call it
lessons = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)


def parsed(module):
    """The syntax tree of a module of SOURCES."""
    return ast.parse(SOURCES[module].read_text(encoding="utf-8"))


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
    assert GRAPH["course_utils.gradients"] <= helpers | {"course_utils.cells"}  # a Trace goes in
    assert GRAPH["course_utils.figures"] <= helpers
    assert {name for name, path in MODULES.items() if "torch" in imports(path)} == {*LOAD_TORCH, *CALL_TORCH}


@pytest.mark.parametrize(
    "library, modules",
    [
        ("torch", [name for name in MODULES if name not in LOAD_TORCH]),  # it is loaded only where it is the point
        ("matplotlib", [f"course_utils.{name}" for name in ("cells", "gradients", "norms", "checks", "tasks")]),
    ],
)
def test_imports_stay_light(library, modules):
    """All of them in one fresh process leave the library alone, so each does."""
    code = f"import {', '.join(modules)}, sys; print({library!r} in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert run.stdout == "False\n"


@pytest.mark.parametrize("module", MODULES)
def test_public_names_have_docstrings(module):
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), node.name


EXAMPLES = [  # `make test` runs those of course_utils with its tests; runner.py runs in the sandbox alone, and has none
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in sorted((ROOT / "coursework").rglob("*.py"))
    if re.search(r"^ *>>> ", path.read_text(encoding="utf-8"), re.M)
]


@pytest.mark.parametrize("module", EXAMPLES)
def test_examples_in_docstrings_hold(module):
    done = doctest.testmod(importlib.import_module(module))
    assert done.attempted and not done.failed, "what differs is printed above"


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
    speaking = [cell for cell in cells[1:] if speaks(cell)]  # the first one gets ready in silence
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
    notebook = read(path)
    assert code_cells(notebook)[0].source == bootstrap(needs_torch(notebook))


@lessons
def test_every_picture_has_words(path):
    for cell in code_cells(read(path)):
        for output in cell.outputs:
            data = output.get("data", {})
            if "image/png" in data:
                alt = output.metadata["image/png"]["alt"]
            elif "<img" in str(data.get("text/html", "")):
                (alt,) = map(html.unescape, re.findall(r'<img alt="([^"]+)"', data["text/html"]))
            else:
                continue
            assert len(alt.split()) >= 8, alt
            assert data["text/plain"] == f"Figure: {alt}"


@lessons
def test_a_picture_is_stored_once_and_what_moves_is_stored_with_it(path):
    """GitHub refuses a notebook whose metadata speak of widgets without their state; ours hold no widget at all."""
    notebook = read(path)
    assert "widgets" not in notebook.metadata
    for cell in code_cells(notebook):
        for output in cell.outputs:
            data = output.get("data", {})
            assert not ("image/png" in data and "<img" in data.get("text/html", ""))
            assert LIVE not in data
            moves = data.get("text/plain", "").endswith("to move the figure.") or "make a guess." in data.get(
                "text/html", ""
            )
            assert (VIEW in data) == moves, data.get("text/plain")
            if moves:
                assert views.unpack(data[VIEW])[0] in views.KINDS


LONG_INDEX = re.compile(r"[_^](?:\d|[-−+])\d")  # only the first letter of h_12 would be set low


def texts(found):
    """All strings in what JSON or a widget holds."""
    if isinstance(found, str):
        yield found
    elif isinstance(found, dict | list):
        for inner in [*found, *found.values()] if isinstance(found, dict) else found:
            yield from texts(inner)


@lessons
def test_a_long_index_has_braces_in_guesses_and_explorers(path):
    """h_{12} and 10^{-3} in what the page shows of a stored widget: questions, titles, sentences, equations."""
    outputs = [output.get("data", {}) for cell in code_cells(read(path)) for output in cell.outputs]
    shown = [text for data in outputs if VIEW in data for text in texts(views.unpack(data[VIEW])[1])]
    assert [text for text in shown if LONG_INDEX.search(text)] == []


LOSS_AS_E = re.compile(  # dE, ∂E, ∂⁺E, also in TeX; E alone in mathematics; E_t
    r"(?<![A-Za-z])(?:d|∂⁺?|\\(?:partial(?:\^\+)?|nabla|mathrm\{d\}) *)E(?![A-Za-z])|\$E\b|\bE_[tT1]\b"
)


@pytest.mark.parametrize(
    "path",
    [
        *LESSONS,
        *MODULES.values(),
        *sorted(path for kind in ("*.py", "*.ipynb", "*.md") for path in (ROOT / "coursework").rglob(kind)),
        *sorted((ROOT / "docs").glob("*.md")),
        ROOT / "exam" / "bank.toml",
    ],
    ids=lambda path: path.name,
)
def test_the_loss_has_one_letter(path):
    """L, also in its derivatives, in what is written, computed and shown by stored widgets. Many papers write E."""
    if path.suffix == ".ipynb":
        cells = read(path).cells
        outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
        shown = [text for data in outputs if VIEW in data for text in texts(views.unpack(data[VIEW])[1])]
        shown += [str(data.get("text/plain")) for data in outputs]
        text = "\n".join([cell.source for cell in cells] + shown)
    else:
        text = path.read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if LOSS_AS_E.search(line)] == []


@pytest.mark.parametrize("module", [name for name in MODULES if name.startswith("course_utils.scenes.")])
def test_a_long_index_has_braces_in_scenes(module):
    """Nothing stores what a scene says of a wrong guess, so its source is read, without the docstrings."""
    tree = parsed(module)
    described = [node for node in ast.walk(tree) if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)]
    docstrings = {ast.get_docstring(node, clean=False) for node in described}
    words = {str(node.value) for node in ast.walk(tree) if isinstance(node, ast.Constant)} - docstrings
    assert [text for text in words if LONG_INDEX.search(text)] == []


@lessons
def test_a_lesson_fits_an_hour_and_draws_elsewhere(path):
    """Its minutes by the stated formula; and at most a quarter of its code lines draw."""
    notebook = read(path)
    assert pace.estimate(notebook) <= pace.LONGEST
    assert pace.drawing_share(notebook) <= pace.MOST_DRAWING


@lessons
def test_no_answer_shows_before_its_time(path):
    """What a guess is held against stands in the lesson's scenes, *Read it* and solutions in folds."""
    for cell in read(path).cells:
        if cell.cell_type == "code":
            assert ".compare(" not in cell.source, cell.source
        else:
            open_text = re.sub(r"<details>.*?</details>", "", cell.source, flags=re.S)
            assert "**Read it" not in open_text and "```python" not in open_text, open_text[:200]
            assert cell.source.count("<details>") == cell.source.count("</details>")


@lessons
def test_every_source_has_a_link(path):
    """Whoever doubts what we say of a paper can open it: between two italic titles stands a link."""
    sources = markdown(read(path)).partition("## Sources")[2].partition("<details>")[0]
    _, *chunks = sources.split("*")
    for title, after in zip(chunks[::2], chunks[1::2], strict=True):
        assert "](http" in after, title


@lessons
def test_figures_use_the_courses_style(path):
    source = "\n".join(cell.source for cell in code_cells(read(path)))
    assert not re.search(r"import matplotlib|from matplotlib|\bplt\.|figsize", source), "draw with course_utils.figures"
    assert not re.search(r"#[0-9A-Fa-f]{6}\b", source), "take colours from course_utils.figures"


@pytest.mark.parametrize(
    "path",
    [*LESSONS, *MODULES.values(), *sorted((ROOT / "tools").rglob("*.py")), *(ROOT / name for name in PAGES)],
    ids=lambda path: path.name,
)
def test_no_absolute_paths(path):
    text = re.sub(r"base64,[A-Za-z0-9+/=]+", "", path.read_text(encoding="utf-8"))
    if path.suffix == ".ipynb":
        text = re.sub(rf'"(image/png|{re.escape(VIEW)})": "[^"]*"', "", text)
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


def test_the_readme_counts_the_lessons():
    said = re.search(
        r"There are (\d+) lessons, each of an hour at most", (ROOT / "README.md").read_text(encoding="utf-8")
    )
    assert int(said[1]) == len(LESSONS)


def test_what_is_written_once_is_copied_everywhere():
    """Maps, first cells of lessons and assignments, and the citation are as `make heads` writes them."""
    assert [path.name for path, text in copies().items() if path.read_text(encoding="utf-8") != text] == []
    assert [path.name for path, picture in pictures().items() if path.read_bytes() != picture] == []


def test_versions_are_fixed_and_no_address_is():
    """Every line of constraints.txt is a version, of each pin too; GPU libraries and addresses stay out."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    fixed = [line for line in lines if not line.startswith("#")]
    assert [line for line in fixed if not re.match(r"[a-z0-9.-]+==[\w.]+( ; .+)?$", line)] == []
    names = {line.partition("==")[0] for line in fixed}
    assert not any(name.startswith(("nvidia", "cuda", "triton")) for name in names)
    wanted = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert "-c constraints.txt" in wanted
    pins = {line.partition(" ;")[0] for line in wanted if "==" in line}
    assert pins <= {line.partition(" ;")[0] for line in fixed}


def test_the_citation_says_what_it_must():
    """What CITATION.cff 1.2.0 requires, and the licence and the description that pyproject.toml has."""
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    said = dict(line.split(": ", 1) for line in text.splitlines() if re.match(r"[a-z-]+: ", line))
    about = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {"cff-version", "message", "title"} <= set(said) and "\nauthors:\n  - name: " in text
    assert (said["cff-version"], said["license"]) == ("1.2.0", about["license"])
    assert about["name"].replace("-", " ") in said["title"].lower()


# ---------------------------------------------------------------------------------------------------------------------
# Types


def without_types(function, method):
    """Names of a function's arguments that have no annotation, and "return" if that has none. __init__ returns None."""
    spec = function.args
    plain = [*spec.posonlyargs, *spec.args][int(method) :]
    arguments = [*plain, *spec.kwonlyargs, *filter(None, [spec.vararg, spec.kwarg])]
    missing = [argument.arg for argument in arguments if argument.annotation is None]
    return missing if function.returns or function.name == "__init__" else [*missing, "return"]


def public(name):
    return not name.startswith("_") or name.startswith("__")


@pytest.mark.parametrize("module", SOURCES)
def test_public_functions_have_types(module):
    """Every public function and method; in the grader, where a mistake costs points, every one."""
    tree, every = parsed(module), module.startswith("coursework.grader")
    untyped = {}
    for owner in [tree, *(node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))]:
        method = isinstance(owner, ast.ClassDef)
        if not every and method and not public(owner.name):
            continue
        for node in owner.body:
            if isinstance(node, ast.FunctionDef) and (every or public(node.name)):
                static = any(getattr(mark, "id", "") == "staticmethod" for mark in node.decorator_list)
                missing = without_types(node, method and not static)
                if missing:
                    untyped[f"{owner.name}.{node.name}" if method else node.name] = missing
    assert untyped == {}


# ---------------------------------------------------------------------------------------------------------------------
# Each equation once

PLACES = ("course_utils", "coursework", "exam", "hub", "tests", "tools")
PYTHON = {  # every module of the repository, and every script
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for place in PLACES
    for path in sorted((ROOT / place).rglob("*.py"))
    if not {"graded", "papers"} & set(path.parts) and not any(part.startswith("submitted") for part in path.parts)
}
ASSIGNMENTS = sorted((ROOT / "coursework").glob("ps*/*.ipynb"))
SCRIPTS = {path.relative_to(ROOT).as_posix(): path for path in sorted((ROOT / "course_utils").glob("*.js"))}

# Where a GRU is computed outside of the tests: its two homes, and all else that looks like one, with the reason.
FORWARD = {
    "course_utils.cells:gru_step": "to be read",
    "course_utils._kernels:GRU.forward": "to be quick",
    "course_utils.torch_bridge:CellLoop._gru_step": "what ours is held against: autograd sees torch's operations alone",
    "course_utils/cell_view.js:step": "runs in pages without Python; tests/browser/test_cell_view.py compares them",
    "course_utils.checks.gru:mixed": "the last line alone, for known mistakes that no weights give",
    "course_utils.checks.lesson_13:EXERCISES": "a known mistake: the gate of a whole gap, by which a step is mixed",
    "coursework.ps3.questions:QUESTIONS": "known mistakes: the last line alone, with one thing wrong in each",
    "course_utils.adam:Adam.step": "no GRU: a running mean, which mixes old and new in the same way",
    "course_utils.checks.lesson_08:_adam": "no GRU either: the same, as an exercise's right answer",
    "coursework.ps5.questions:_gates": "gates and candidate of these, with the known mistakes that they make",
    "coursework.ps5.questions:_gru_step": "a batch of steps in NumPy, which is what its question asks for",
}
DERIVATIVE = {
    "course_utils.gradients:gru_paths": "to be read",
    "course_utils._kernels:GRU.backward": "to be quick",
    "course_utils/cell_view.js:paths": FORWARD["course_utils/cell_view.js:step"],
    "course_utils._kernels:_sigmoid_slope": "no GRU: a slope alone, s - s², which is a difference as well",
    "course_utils.checks.lesson_06:_inside": "known mistakes of a step back: they need it between the package's slopes",
    "course_utils.checks.lesson_06:_slopes_of_n": "known mistakes of the paths: one of the package's slopes is another",
    "course_utils.checks.lesson_06:EXERCISES": "known mistakes of the paths: its slopes, put together wrongly",
    "coursework.ps1.questions:_walk": "no GRU: the slope of tanh, and a squared error's difference",
    "coursework.ps3.questions:_by_hand": "known mistakes of an assignment: the four paths, one slip at a time",
    "coursework.ps5.questions:_gru_step_backward": FORWARD["coursework.ps5.questions:_gru_step"],
}
IN_TORCH = {  # the same in torch, among the tests
    "tests.oracles:step": "THE torch step",
    "tests.coursework.solutions_ps3:jacobian_by_torch": "an answer as a student might write it, to be graded",
}


def called(node):
    """The last part of the name that a call calls: "tanh" of np.tanh(a)."""
    function = node.func if isinstance(node, ast.Call) else None
    return getattr(function, "attr", getattr(function, "id", ""))


def factors(node):
    """The factors of a product, as texts: z * (1 - z) has two, n**2 has n twice, and a lone 1 is none."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return factors(node.left) + factors(node.right)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and ast.unparse(node.right) == "2":
        return factors(node.left) * 2
    text = ast.unparse(node)
    return [text] if text not in ("1", "1.0") else []


def less(whole, part):
    """What a list of factors has more than another one, None if it lacks one of those."""
    more = Counter(whole)
    more.subtract(part)
    return list(more.elements()) if min(more.values(), default=0) >= 0 else None


OPERATORS = {"add": ast.Add, "subtract": ast.Sub, "multiply": ast.Mult, "divide": ast.Div, "power": ast.Pow}


class Operators(ast.NodeTransformer):
    """NumPy's arithmetic as operators: np.add(a, b) is a + b, and np.add(a, b, out=c) on its own line c = a + b."""

    def visit_Call(self, node):
        self.generic_visit(node)
        name = called(node)
        if name in OPERATORS and len(node.args) > 1:
            return ast.BinOp(node.args[0], OPERATORS[name](), node.args[1])
        return ast.BinOp(node.args[0], ast.Pow(), ast.Constant(2)) if name == "square" and node.args else node

    def visit_Expr(self, node):
        outs = [word.value for word in getattr(node.value, "keywords", []) if word.arg == "out"]
        outs += getattr(node.value, "args", [])[2:]
        self.generic_visit(node)
        if isinstance(node.value, ast.BinOp) and outs and isinstance(outs[0], ast.Name):
            return ast.Assign([ast.Name(outs[0].id, ast.Store())], node.value)
        return node


def is_difference(node):
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub)


def rests(part):
    """How 1 - part may be written."""
    return {f"1 - {part}", f"1 - ({part})"}


def moved(start, share):
    """Whether start + share moves from one thing to another, as n + z * (h - n) does."""
    whole = ast.unparse(start)
    parts = [node for node in ast.walk(share) if is_difference(node) and not isinstance(node.left, ast.Constant)]
    return any(ast.unparse(node.right) == whole and ast.unparse(node) in factors(share) for node in parts)


def blended(node):
    """Whether it is z * a + (1 - z) * b, the same as z * a - (z - 1) * b, or a mean with weights [z, 1 - z]."""
    if called(node) == "average":
        weights = [word.value for word in node.keywords if word.arg == "weights"]
        parts = [ast.unparse(part) for weight in weights for part in getattr(weight, "elts", [])]
        return any(rests(part) & set(parts) for part in parts)
    if not isinstance(node, ast.BinOp | ast.AugAssign) or not isinstance(node.op, ast.Add | ast.Sub):
        return False
    left, right = (node.left, node.right) if isinstance(node, ast.BinOp) else (node.target, node.value)
    one, other = set(factors(left)), set(factors(right))
    if isinstance(node.op, ast.Sub):
        return any({f"{part} - 1", f"({part}) - 1"} & other for part in one)
    return any(rests(part) & y for x, y in ((one, other), (other, one)) for part in x)


def is_slope(node):
    """Whether it is z * (1 - z), or a difference that is the same up to a factor: z - z**2, 1 - n**2, d - d * n * n."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        parts = set(factors(node))
        return any({*rests(part), f"({min(rests(part))})"} & parts for part in parts)
    if not is_difference(node):
        return False
    whole = factors(node.left)
    more = less(factors(node.right), whole) or []
    return (len(more) == 1 and more[0] in whole) or (len(more) == 2 and more[0] == more[1])


def traits(function):
    """What a function does to arrays, whether by operators, in place, or by NumPy's functions, in one line or in many.

    "tanh", "sigmoid"  it calls one.
    "difference"       of two things that aren't numbers: h_prev - h_tilde.
    "rest"             1 - z.
    "slope"            z * (1 - z), z - z * z, 1 - n**2 or 1 - n * n, or a function with "slope" in its name.
    "package's"        into_z or into_n of something: the slopes under the names that `gru_paths` gives them.
    "blend"            z * a + (1 - z) * b, in any order, torch.lerp(b, a, z), or an average with weights [z, 1 - z].
    "move"             b + z * (a - b), which is the same.
    """
    found, skipped = set(), set()
    function = Operators().visit(copy.deepcopy(function))
    nodes = [*ast.walk(function)]
    for *_, last in (versions for versions in written_out(function) if len(versions) > 1):
        nodes += ast.walk(last)
    for node in nodes:
        if isinstance(node, ast.Compare | ast.Subscript):  # steps are counted there, not states
            skipped |= {id(inner) for inner in ast.walk(node)}
    for node in nodes:
        name = called(node)
        if "slope" in name or is_slope(node):
            found.add("slope")
        elif name == "lerp" or blended(node):
            found.add("blend")
        elif name == "tanh":
            found.add("tanh")
        elif "sigmoid" in name or name in ("exp", "expit"):
            found.add("sigmoid")
        elif getattr(node, "attr", "") in ("into_z", "into_n"):
            found.add("package's")
        terms = None
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Sub):
            terms = (node.left, node.right) if isinstance(node, ast.BinOp) else (node.target, node.value)
        if terms and id(node) not in skipped:
            left, right = terms
            if isinstance(left, ast.Constant):
                found.add("rest")
            elif not isinstance(right, ast.Constant) and not is_slope(node):
                found.add("difference")
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            if moved(node.left, node.right) or moved(node.right, node.left):
                found.add("move")
    return found


def is_gru_forward(found):
    """A GRU step is a blend, or a move by 1 - z or by a squashed share.

    Written in place it is the one cell with both squashings and a difference (or 1 - z).
    """
    squashed, away = {"tanh", "sigmoid"} & found, {"difference", "rest"} & found
    move = "move" in found and ("rest" in found or squashed)
    return "blend" in found or bool(move) or (len(squashed) == 2 and bool(away))


def is_gru_derivative(found):
    """Only the derivative by the update gate multiplies a slope by a difference of states, h_prev - h_tilde.

    What takes the package's own slopes one by one puts the derivative together as well.
    """
    return {"slope", "difference"} <= found or "package's" in found


class Functions(ast.NodeTransformer):
    """Takes a module's outermost functions, methods and lambdas out of it, wherever they stand: `found`, with names.

    A lambda has the name of what it is assigned to, which may be a list or a dict.
    """

    def __init__(self):
        self.found, self.names = [], []

    def visit_FunctionDef(self, node):
        self.found.append((".".join([*self.names, node.name]), node))

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node):
        self.found.append((".".join(self.names) or "lambda", node))
        return ast.Constant(None)

    def under(self, name, node):
        self.names.append(name)
        self.generic_visit(node)
        self.names.pop()
        return node

    def visit_ClassDef(self, node):
        return self.under(node.name, node)

    def visit_Assign(self, node):
        return self.under(ast.unparse(node.targets[0]), node)

    def visit_AnnAssign(self, node):
        return self.under(ast.unparse(node.target), node)


def functions_of(tree):
    """(name, node) of a module's functions, methods and lambdas, inner ones with the outermost, and of all the rest."""
    functions = Functions()
    rest = functions.visit(copy.deepcopy(tree))
    return [*functions.found, ("the module itself", rest)]


def functions_of_script(text):
    """The same of a script: the lines between two at the margin, as far as they are Python as well: `z * (1 - z),` is.

    What begins there has a name, be it a function or a constant that is one.
    """
    text = re.sub(r"(?<!:)//.*|/\*[\s\S]*?\*/", "", text)
    found = []
    for chunk in re.split(r"^(?=\w)", text, flags=re.M):
        name = re.match(r"(?:export )?(?:default )?(?:async )?(?:function|const|let|var|class)\*? (\w+)", chunk)
        lines = [
            re.sub(r"^(?:(?:export )?(?:const|let|var)|return) |[;,]$", "", line.strip()) for line in chunk.splitlines()
        ]
        nodes = [node for line in lines for node in python(line) or trees([line])]
        found.append((name[1] if name else "the script itself", ast.Module(nodes, [])))
    return found


def python(line):
    """The statements of a line, none if it isn't Python."""
    try:
        return ast.parse(line).body
    except SyntaxError:
        return []


@functools.cache
def traits_in(path):
    """[(function, its traits)] of a module or a script."""
    text = path.read_text(encoding="utf-8")
    functions = functions_of(ast.parse(text)) if path.suffix == ".py" else functions_of_script(text)
    return [(name, traits(node)) for name, node in functions]


def places(what, files):
    """All "module:function" of these files that have the traits asked for."""
    return {f"{place}:{name}" for place, path in files.items() for name, found in traits_in(path) if what(found)}


@pytest.mark.parametrize(("what", "named"), [(is_gru_forward, FORWARD), (is_gru_derivative, DERIVATIVE)])
def test_the_gru_stands_twice(what, named):
    """Once to be read and once to be quick. What is found elsewhere has its reason beside its name, above."""
    outside = {name: path for name, path in PYTHON.items() if not name.startswith("tests")}
    assert places(what, outside | SCRIPTS) == set(named)


def test_the_tests_have_one_torch_step():
    """Both squashings by torch, and a blend. Steps in NumPy are the oracle's own tests, or answers to be graded."""

    def squashes(node):
        used = {x.attr for x in ast.walk(node) if isinstance(x, ast.Attribute) and ast.unparse(x.value) == "torch"}
        return {"tanh", "sigmoid"} <= used

    tests = {name: path for name, path in PYTHON.items() if name.startswith("tests")}
    found = {
        f"{module}:{name}"
        for module, path in tests.items()
        for name, node in functions_of(ast.parse(path.read_text(encoding="utf-8")))
        if squashes(node) and "blend" in traits(node)
    }
    assert found == set(IN_TORCH)


@pytest.mark.parametrize(
    ("source", "forward", "derivative"),
    [
        ("return z * h + (1 - z) * n", True, False),
        ("return (1 - keep) * new + old * keep", True, False),
        ("r, z = sigmoid(a)\nn = np.tanh(x + r * b)\nreturn n + z * (h - n)", True, False),
        ("return h + (1 - z) * (n - h)", True, False),
        ("keep = 1 - z\nreturn z * h + keep * n", True, False),
        ("return torch.lerp(n, h, z)", True, False),
        ("return z * h - (z - 1) * n", True, False),
        ("keep, write = z, 1 - z\nreturn keep * h + write * n", True, False),
        ("new = z * h\nnew += (1 - z) * n\nreturn new", True, False),
        ("return np.add(np.multiply(z, h), np.multiply(np.subtract(1, z), n))", True, False),
        ("np.multiply(z, h, out=a)\nnp.subtract(1, z, out=b)\nb *= n\nreturn a + b", True, False),
        ("return np.average([h, n], weights=[z, 1 - z], axis=0)", True, False),
        ("np.tanh(n, out=n)\nnp.exp(e, e)\nnp.subtract(n, h, room)\nroom /= e\nnp.add(h, room, out)", True, False),
        ("return (h - n) * z * (1 - z), (1 - z) * (1 - n**2)", False, True),
        ("rest = 1 - z\nreturn (h - n) * z * rest", False, True),
        ("np.subtract(h, n, out=dz)\ndz *= dh\ntanh_slope(n, out=dn)", False, True),
        ("return (h - n) * (z - z**2), (1 - z) * (1 - np.square(n))", False, True),
        ("w, d = 1 - z, h - n\nreturn d * z * w", False, True),
        ("return np.diag(h - n) @ np.diag(z * (1 - z)) @ W", False, True),
        ("d = g * h - g * n\nd *= z\nd -= d * z\nreturn d", False, True),
        ("return total * parts.into_z, total * parts.into_n", False, True),
        ("return z - z**2, n - n * n", False, False),
        ("c = f * c + i * np.tanh(g)\nreturn sigmoid(o) * np.tanh(c)", False, False),  # LSTM
        ("return g * i * (1 - i), o * (1 - tanh_c**2)", False, False),  # its derivative
        ("return sigmoid(W @ h)", False, False),
        ("self.mean += (1 - b) * (grad - self.mean)", False, False),  # Adam
        ("return h[t - k] * h[-1] * (1 - h[-1])", False, False),
        ("return m / (1 - b**t), m - s", False, False),
        ("return low + share * (high - low)", False, False),
    ],
)
def test_copies_are_recognised(source, forward, derivative):
    found = traits(ast.parse(source))
    assert (is_gru_forward(found), is_gru_derivative(found)) == (forward, derivative), found


STEP = "z * h + (1 - z) * n"
SENT = "(h - n) * z * (1 - z)"


@pytest.mark.parametrize(
    ("source", "where"),
    [
        ("def f(z, h, n):\n    return {}", "f"),
        ("async def f(z, h, n):\n    return {}", "f"),
        ("if True:\n    def f(z, h, n):\n        return {}", "f"),
        ("def g():\n    def f(z, h, n):\n        return {}\n    return f", "g"),
        ("class A:\n    def f(self, z, h, n):\n        return {}", "A.f"),
        ("f = lambda z, h, n: {}", "f"),
        ("f: Callable = lambda z, h, n: {}", "f"),
        ("WAYS = {{'gru': lambda z, h, n: {}}}", "WAYS"),
        ("use(lambda z, h, n: {})", "lambda"),
        ("for x in xs:\n    h = {}", "the module itself"),
        ("def f(z, h, n):\n    w, d, k = 1 - z, h - n, z * h\n    return {}", "f"),
    ],
)
def test_a_copy_is_seen_wherever_it_stands(source, where):
    """Also where its parts have names of their own, given several at a time."""
    named = " w, d, k = " in source
    for what, code in (
        (is_gru_forward, "k + w * n" if named else STEP),
        (is_gru_derivative, "d * z * w" if named else SENT),
    ):
        tree = ast.parse(source.format(code))
        assert [name for name, node in functions_of(tree) if what(traits(node))] == [where]


@pytest.mark.parametrize(
    "script",
    [
        "function again(z, h, n) {\n  return CODE;\n}",
        "export const again = (z, h, n) => {\n  const w = 1;\n  return CODE;\n};",
        "const again = (z, h, n) => CODE;",
        "const again = {\n  gru: (z, h, n) => CODE,\n};",
        "let again = zs.map((z, i) => CODE);",
    ],
)
def test_a_copy_is_seen_in_a_script(script):
    script = (
        f"// {STEP}, {SENT}\nimport x from 'y.js';\nconst two = 2;\n{script}\nfunction other() {{\n  return 3;\n}}\n"
    )
    for what, code in ((is_gru_forward, STEP), (is_gru_derivative, SENT)):
        found = functions_of_script(script.replace("CODE", code))
        assert [name for name, node in found if what(traits(node))] == ["again"]


def shape(node):
    """A statement up to its variables' names and its constants. What it calls and which attributes it reads stay."""
    names = {id(inner.func) for inner in ast.walk(node) if isinstance(inner, ast.Call)}

    def parts(inner):
        if isinstance(inner, ast.Name) and id(inner) not in names:
            return "name"
        if isinstance(inner, ast.Constant):
            return "constant"
        if isinstance(inner, ast.arg):
            return "argument"
        words = [] if isinstance(inner, ast.FunctionDef) else [x for x in vars(inner).values() if isinstance(x, str)]
        return type(inner).__name__, *words, *map(parts, ast.iter_child_nodes(inner))

    return parts(node)


# Where something is done. A line with nothing but names and constants, of a table or of a call's arguments, isn't such.
DOES = ast.stmt | ast.ExceptHandler | ast.Call | ast.BinOp | ast.UnaryOp | ast.BoolOp | ast.Compare | ast.IfExp
DOES |= ast.Subscript | ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


def is_words(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def code_lines(statement):
    """In how many of its lines something is done. Imports do nothing, nor does giving a name to names and constants."""
    doing = [node for node in ast.walk(statement) if isinstance(node, DOES) and not is_words(node)]
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return 0
    if isinstance(statement, ast.Assign | ast.AnnAssign) and len(doing) == 1:
        return 0
    return len({node.lineno for node in doing})


def runs(tree, lines=7):
    """(shape, first line, last line, whether a statement is left out) of the runs of statements in all blocks.

    A run is at least `lines` lines long and the shortest such one, from each statement on: as it stands, and without
    one of the statements in its middle that isn't a function.
    """
    for block in ast.walk(tree):
        for body in (getattr(block, name, None) for name in ("body", "orelse", "finalbody")):
            if not isinstance(body, list):
                continue
            body = [node for node in body if not is_words(node)]
            shapes, lengths = [shape(node) for node in body], [code_lines(node) for node in body]
            for i in range(len(body)):
                whole = shortest(lengths, i, lines)
                for out in range(i, len(body) if whole is None else whole + 1):  # i leaves nothing out
                    j = whole if out == i else shortest([*lengths[:out], 0, *lengths[out + 1 :]], i, lines)
                    defines = out != i and isinstance(body[out], ast.FunctionDef | ast.ClassDef)
                    if j is not None and out < max(j, i + 1) and not defines:
                        kept = [k for k in range(i, j + 1) if k != out or out == i]
                        yield tuple(shapes[k] for k in kept), body[i].lineno, body[j].end_lineno, out != i


def shortest(lengths, start, wanted):
    """Where a run from `start` on has as many lines as wanted, None if it ends before."""
    sums = itertools.accumulate(lengths[start:])
    return next((start + more for more, lines in enumerate(sums) if lines >= wanted), None)


def copies_among(sources, free=()):
    """The places of every run that stands twice in {name: source}, perhaps with one more statement in it.

    free: sources of which no run counts.
    """
    no_copy = {code for source in free for code, *_ in runs(in_numpy(ast.parse(source)))}
    whole, lacking = {}, {}
    for name, source in sources.items():
        for code, first, last, left_out in runs(in_numpy(ast.parse(source))):
            if code not in no_copy:
                (lacking if left_out else whole).setdefault(code, []).append((name, first, last))
    found = []
    for code, places in whole.items():
        places = [*places, *lacking.get(code, [])]
        one, *others = places
        apart = [place for place in others if place[0] != one[0] or place[1] > one[2] or place[2] < one[1]]
        if apart:
            found.append([f"{name}:{line}" for name, line, _ in [one, *apart]])
    return found


def cells_as_module(path):
    """The code cells of a notebook one below the other, without the first one, which `make heads` writes."""
    return "\n".join(as_python(cell.source) for cell in code_cells(read(path)) if "COURSE_SOURCE" not in cell.source)


TEMPLATES = {path.name: path.read_text(encoding="utf-8") for path in sorted(TEMPLATE.glob("*.py"))}
TEMPLATES["lesson.ipynb"] = cells_as_module(TEMPLATE / "lesson.ipynb")


def test_no_logic_stands_twice():
    """No two runs of more than six lines are the same up to names and constants, in modules, tests and notebooks.

    Answers as students hand them in are left out: each is complete by itself, and wrong ones differ in a name. So is
    the template of lessons, which a lesson that has just begun still looks like.
    """
    free = ("tests.coursework.solutions_ps", "tools.lesson_template")
    modules = {name: path for name, path in PYTHON.items() if not name.startswith(free)}
    sources = {name: path.read_text(encoding="utf-8") for name, path in modules.items()}
    sources |= {path.name: cells_as_module(path) for path in [*LESSONS, *ASSIGNMENTS]}
    assert copies_among(sources, TEMPLATES.values()) == []


SEVEN = """def f(x, rate):
    total = np.zeros(3)
    for row in x:
        total += np.tanh(row)
    mean = total / len(x)
    spread = np.sqrt(np.mean((x - mean) ** 2))
    if spread > rate:
        mean = mean / spread
    return mean * np.exp(-spread)
"""


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("", "", True),
        ("rate", "pace", True),
        ("np.", "numpy.", True),
        ("np.", "", True),
        ("    mean = total", "    counted = 0\n    mean = total", True),
        ("    mean = total", "    counted = []\n    mean = total", True),
        ("    mean = total", "    print(x[1:])\n    mean = total", True),
        ("    mean = total", "    a, b = 1, 2\n    a = g(b + 1)\n    mean = total", False),
        ("np.tanh", "np.sin", False),
        ("        mean = mean / spread\n", "        pass\n", False),
    ],
)
def test_copies_of_lines_are_recognised(one, other, same):
    """Also with another statement among them, or with another name for a module."""
    sources = {"one": SEVEN, "other": SEVEN.replace(one, other)}
    assert bool(copies_among(sources)) == bool(copies_among(dict(reversed(sources.items())))) == same
    assert bool(copies_among({"both": "\n".join(sources.values())})) == same


def test_lessons_that_begin_are_no_copies_of_each_other():
    sources = {f"{name} {n}": source for name, source in TEMPLATES.items() for n in range(2)}
    assert copies_among(sources, TEMPLATES.values()) == []
    assert copies_among(sources) != [], "the template is short enough to be no copy"
