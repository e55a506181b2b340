"""The house itself: what imports what, and what every lesson must hold."""

import ast
import copy
import html
import re
import subprocess
import sys
import tomllib

import nbformat
import pytest

from coursework.grader.magics import as_python
from tests.notebook import LESSONS, ROOT, code_cells, compared_outputs, markdown, read, speaks
from tools import pace, views
from tools.heads import bootstrap, copies, needs_torch, pictures
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
    "course_utils.checks.lesson_08:_adam": "no GRU: a running mean, which mixes old and new in the same way",
    "coursework.ps5.questions:_gates": "gates and candidate of these, with the known mistakes that they make",
    "coursework.ps5.questions:_gru_step": "a batch of steps in NumPy, which is what its question asks for",
}
DERIVATIVE = {
    "course_utils.gradients:gru_paths": "to be read",
    "course_utils._kernels:GRU.backward": "to be quick",
    "course_utils/cell_view.js:paths": FORWARD["course_utils/cell_view.js:step"],
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
    """The factors of a product, as texts."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return factors(node.left) | factors(node.right)
    return {ast.unparse(node)}


class Written(ast.NodeTransformer):
    """Puts what some names stand for in their places."""

    def __init__(self, meanings):
        self.meanings = meanings

    def visit_Name(self, node):
        return copy.deepcopy(self.meanings.get(node.id, node)) if isinstance(node.ctx, ast.Load) else node


def written_out(function):
    """A copy without names for differences: of `rest = 1 - z`, of which z * rest is made, remains z * (1 - z)."""
    assigned = [
        node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]
    meanings = {
        node.targets[0].id: node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and is_difference(node.value)
    }
    return Written({name: meaning for name, meaning in meanings.items() if assigned.count(name) == 1}).visit(
        copy.deepcopy(function)
    )


def is_difference(node):
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub)


def moved(start, share):
    """Whether start + share moves from one thing to another, as n + z * (h - n) does."""
    whole = ast.unparse(start)
    parts = [node for node in ast.walk(share) if is_difference(node)]
    return any(ast.unparse(node.right) == whole and ast.unparse(node) in factors(share) for node in parts)


def squared(node):
    """Whether a term is n**2 or n * n."""
    if not isinstance(node, ast.BinOp):
        return False
    left, right = ast.unparse(node.left), ast.unparse(node.right)
    return (isinstance(node.op, ast.Pow) and right == "2") or (isinstance(node.op, ast.Mult) and left == right)


def traits(function):
    """What a function does to arrays, whether by operators, in place, or by NumPy's functions.

    "tanh", "sigmoid"  it calls one.
    "difference"       of two things that aren't numbers: h_prev - h_tilde.
    "rest"             1 - z.
    "slope"            z * (1 - z), 1 - n**2 or 1 - n * n, or a function with "slope" in its name.
    "blend"            z * a + (1 - z) * b, in any order, or torch.lerp(b, a, z).
    "move"             b + z * (a - b), which is the same.
    """
    found, skipped, function = set(), set(), written_out(function)
    for node in ast.walk(function):
        if isinstance(node, ast.Compare | ast.Subscript):  # steps are counted there, not states
            skipped |= {id(inner) for inner in ast.walk(node)}
    for node in ast.walk(function):
        name = called(node)
        if "slope" in name:
            found.add("slope")
        elif name == "lerp":
            found.add("blend")
        elif name == "tanh":
            found.add("tanh")
        elif "sigmoid" in name or name in ("exp", "expit"):
            found.add("sigmoid")
        terms = None
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Sub):
            terms = (node.left, node.right) if isinstance(node, ast.BinOp) else (node.target, node.value)
        elif name == "subtract" and len(node.args) > 1:
            terms = node.args[:2]
        if terms and id(node) not in skipped:
            left, right = terms
            if isinstance(left, ast.Constant):
                found |= {"rest", "slope"} if squared(right) else {"rest"}
            elif not isinstance(right, ast.Constant):
                found.add("difference")
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            parts = factors(node)
            found |= {"slope"} if any(f"1 - {part}" in parts or f"(1 - {part})" in parts for part in parts) else set()
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            one, other = factors(node.left), factors(node.right)
            if any(f"1 - {a}" in y for x, y in ((one, other), (other, one)) for a in x):
                found.add("blend")
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
    """Only the derivative by the update gate multiplies a slope by a difference of states, h_prev - h_tilde."""
    return {"slope", "difference"} <= found


def functions_of(tree):
    """(name, node) of a module's functions and methods, and of lambdas with a name; inner ones count with them.

    Lambdas without a name are left out: such are the wrong answers in the lists of known mistakes.
    """
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from ((f"{node.name}.{name}", inner) for name, inner in functions_of(node))
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
            yield ast.unparse(node.targets[0]), node.value


def functions_of_script(text):
    """The same of a script: the lines of its outermost functions that are Python as well, as `z * (1 - z),` is."""
    for name, body in re.findall(r"^(?:export )?(?:async )?function (\w+)\(.*?\{\n(.*?)^\}", text, re.M | re.S):
        lines = [re.sub(r"^(?:const|let|return) |[;,]$", "", line.strip()) for line in body.splitlines()]
        yield name, ast.Module([node for line in lines for node in python(line)], [])


def python(line):
    """The statements of a line, none if it isn't Python."""
    try:
        return ast.parse(line).body
    except SyntaxError:
        return []


def places(what, modules=PYTHON, scripts=SCRIPTS):
    """All "module:function" of these that have the traits asked for."""
    found = [(name, functions_of(ast.parse(path.read_text(encoding="utf-8")))) for name, path in modules.items()]
    found += [(name, functions_of_script(path.read_text(encoding="utf-8"))) for name, path in scripts.items()]
    return {f"{place}:{name}" for place, functions in found for name, node in functions if what(traits(node))}


@pytest.mark.parametrize(("what", "named"), [(is_gru_forward, FORWARD), (is_gru_derivative, DERIVATIVE)])
def test_the_gru_stands_twice(what, named):
    """Once to be read and once to be quick. What is found elsewhere has its reason beside its name, above."""
    outside = {name: path for name, path in PYTHON.items() if not name.startswith("tests")}
    assert places(what, outside) == set(named)


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
        ("np.tanh(n, out=n)\nnp.exp(e, e)\nnp.subtract(n, h, room)\nroom /= e\nnp.add(h, room, out)", True, False),
        ("return (h - n) * z * (1 - z), (1 - z) * (1 - n**2)", False, True),
        ("rest = 1 - z\nreturn (h - n) * z * rest", False, True),
        ("np.subtract(h, n, out=dz)\ndz *= dh\ntanh_slope(n, out=dn)", False, True),
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
    """(shape, first line) of every shortest run of statements in one block that is at least `lines` lines long."""
    for block in ast.walk(tree):
        for body in (getattr(block, name, None) for name in ("body", "orelse", "finalbody")):
            if not isinstance(body, list):
                continue
            body = [node for node in body if not is_words(node)]
            shapes, lengths = [shape(node) for node in body], [code_lines(node) for node in body]
            for i in range(len(body)):
                for j in range(i, len(body)):
                    if sum(lengths[i : j + 1]) >= lines:
                        yield tuple(shapes[i : j + 1]), body[i].lineno
                        break


def cells_as_module(path):
    """The code cells of a notebook one below the other, without the first one, which `make heads` writes."""
    return "\n".join(as_python(cell.source) for cell in code_cells(read(path)) if "COURSE_SOURCE" not in cell.source)


def test_no_logic_stands_twice():
    """No two runs of more than six lines are the same up to names and constants, in modules, tests and notebooks.

    Answers as students hand them in are left out: each is complete by itself, and wrong ones differ in a name. So is
    the template of lessons, which a lesson that has just begun still looks like.
    """
    free = ("tests.coursework.solutions_ps", "tools.lesson_template")
    modules = {name: path for name, path in PYTHON.items() if not name.startswith(free)}
    sources = {name: path.read_text(encoding="utf-8") for name, path in modules.items()}
    sources |= {path.name: cells_as_module(path) for path in [*LESSONS, *ASSIGNMENTS]}
    places = {}
    for name, source in sources.items():
        for code, line in runs(ast.parse(source)):
            places.setdefault(code, []).append(f"{name}:{line}")
    assert [where for where in places.values() if len(where) > 1] == []
