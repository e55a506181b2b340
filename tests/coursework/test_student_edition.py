"""The student edition: all that students need, and a gate that nothing else passes."""

import ast
import html
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap

import nbformat
import pytest

from course_utils import machine
from coursework.grader import leaks as gate
from coursework.grader.assignment import load, names
from coursework.grader.likeness import KEPT, shape
from coursework.grader.student import LeakError, build
from coursework.grader.submissions import find
from coursework.grader.wherever import trees
from tests.coursework.material import write_assignment
from tests.notebook import ROOT
from tests.test_bootstrap import publish
from tests.test_bootstrap import run as run_in

MODEL = "A product of many factors below one is next to nothing, as everybody can see."


@pytest.fixture
def course(tmp_path):
    """A small course with the assignment ps0, to plant things in."""
    root = tmp_path / "course"
    shutil.copytree(ROOT / "course_utils", root / "course_utils")
    shutil.copytree(ROOT / "data", root / "data")
    (root / "coursework").mkdir()
    for path in (ROOT / "coursework").glob("*.py"):
        shutil.copy(path, root / "coursework")
    for name in ("LICENSE", "pyproject.toml", "requirements.txt", "environment.yml"):
        shutil.copy(ROOT / name, root / name)
    (root / "notebooks").mkdir()
    shutil.copy(ROOT / "notebooks" / "01_sigmoid_rnn.ipynb", root / "notebooks")
    (root / ".git").mkdir()
    (root / ".git" / "HEAD").write_text("ref: refs/heads/main")
    (root / "tests").mkdir()
    write_assignment(root / "coursework")
    (root / "coursework" / "grader").mkdir()
    (root / "coursework" / "grader" / "sandbox.py").write_text("")
    return root


def change(path, edit):
    """Edit a notebook's cells in place."""
    notebook = nbformat.read(path, as_version=4)
    edit(notebook.cells)
    nbformat.write(notebook, path)


def test_what_is_in_it(course, tmp_path):
    files = {str(path) for path in build(tmp_path / "out", course)}
    assert {"README.md", "coursework/ps0/ps0.ipynb", "notebooks/01_sigmoid_rnn.ipynb", "requirements.txt"} <= files
    helpers = {f"coursework/{name}.py" for name in ("__init__", "derivation", "evidence", "hints", "plain")}
    ps0 = {"coursework/ps0/ps0.ipynb", "coursework/ps0/hints.json"}
    assert {path for path in files if path.startswith("coursework/")} == helpers | ps0
    assert not any(path.startswith((".git", "tests")) or "__pycache__" in path for path in files)
    cells = nbformat.read(tmp_path / "out" / "coursework" / "ps0" / "ps0.ipynb", as_version=4).cells
    words = "\n".join(cell.source for cell in cells)
    assert "def step(W, h):\n    ..." in words and "NotImplementedError" not in words
    assert "YOUR ANSWER HERE" in words
    assert {cell.metadata.nbgrader.grade_id for cell in cells} >= {"ps0_step", "ps0_step_answer", "ps0_essay"}
    for secret in ("SOLUTION", "HIDDEN", "hidden test", "next to nothing", "np.tanh(W @ h)"):
        assert secret not in words


def test_the_edition_runs(course, tmp_path):
    """Its checks need no key and no grader, also where nothing but the edition is there."""
    build(tmp_path / "out", course)
    code = (
        "import numpy as np, course_utils, sys; from coursework.hints import check\n"
        "check('ps0 step', lambda W, h: np.tanh(W @ h)); check('ps0 step', lambda W, h: np.tanh(W.T @ h))\n"
        "check('ps0 slope', 0.25); check('ps0 slope', 1); check('ps0 slope', 0.3)\n"
        "print(course_utils.__file__, [name for name in sys.modules if 'grader' in name or 'questions' in name])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path / "out" / "coursework" / "ps0",
        env={**os.environ, "PYTHONPATH": str(tmp_path / "out")},
        capture_output=True,
        text=True,
    )
    *lines, last = run.stdout.splitlines()
    assert lines == [
        "Right, on every random input tried.",
        "Not yet: W is transposed.",
        "Right.",
        "Not yet: that is tanh's.",
        "Not yet: the number differs.",
    ], run.stderr
    assert last.startswith(str(tmp_path / "out")) and last.endswith(" []")


@pytest.fixture(scope="module")
def edition(tmp_path_factory):
    """The student edition of the course itself."""
    folder = tmp_path_factory.mktemp("edition") / "out"
    build(folder)
    return folder


def test_a_student_who_works_in_it_gets_the_next_version_and_keeps_the_work(edition, tmp_path):
    """What the README says, with a clone of the branch that CI publishes: no pull meets a file that was worked in."""
    work, clone = shutil.copytree(edition, tmp_path / "work"), tmp_path / "clone"

    def git(place, *arguments):
        command = ["git", "-C", str(place), "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def started():
        """Run the README's last line; the lab itself only says its version."""
        last = (clone / "README.md").read_text(encoding="utf-8").split("```")[1].splitlines()[-1]
        command = [sys.executable, *last.removeprefix("python ").split(), "--version"]
        return subprocess.run(command, cwd=clone, check=True, capture_output=True, text=True).stdout

    git(work, "init", "-q", "--initial-branch=student")
    git(work, "add", "--all", "--force", ".")
    git(work, "commit", "-qm", "one")
    git(tmp_path, "clone", "-q", str(work), str(clone))
    assert "my_lessons/" in started()
    for name in ("00_start_here", "ps1"):
        change(clone / "my_lessons" / f"{name}.ipynb", lambda cells: cells.append(nbformat.v4.new_code_cell("mine")))
    assert git(clone, "status", "--porcelain", "--untracked-files=no") == ""
    for name in ("notebooks/00_start_here", "coursework/ps1/ps1"):
        change(work / f"{name}.ipynb", lambda cells: cells.append(nbformat.v4.new_code_cell("theirs")))
    git(work, "commit", "-qam", "two")
    change(
        clone / "notebooks" / "00_start_here.ipynb", lambda cells: cells.append(nbformat.v4.new_code_cell("mine, too"))
    )
    assert "run `python -m tools.update`" in (clone / "README.md").read_text(encoding="utf-8")
    runtime = os.environ | {"JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime")}  # no server of this machine's
    update = [sys.executable, "-m", "tools.update"]
    said = subprocess.run(update, cwd=clone, env=runtime, check=True, capture_output=True, text=True).stdout
    assert "Your work is my_lessons/00_start_here-yours.ipynb now" in said
    assert "the new one is 00_start_here-2.ipynb" in said and "the new one is ps1-2.ipynb" in said
    lasts = {"00_start_here": "mine", "00_start_here-2": "theirs", "ps1": "mine", "ps1-2": "theirs", "ps2": None}
    lasts["00_start_here-yours"] = "mine, too"
    for name, last in lasts.items():
        cells = nbformat.read(clone / "my_lessons" / f"{name}.ipynb", as_version=4).cells
        assert last is None or cells[-1].source == last
    assert git(clone, "status", "--porcelain") == ""


def test_it_leads_to_the_errata_of_today_once_it_is_published(course, tmp_path):
    """A version that is out never changes; what is known of its mistakes does, on the default branch."""
    build(tmp_path / "unpublished", course)
    assert "rrata" not in (tmp_path / "unpublished" / "README.md").read_text(encoding="utf-8")
    place = course / "pyproject.toml"
    place.write_text(place.read_text(encoding="utf-8").replace("/OWNER/", "/someone/"), encoding="utf-8")
    build(tmp_path / "published", course)
    readme = (tmp_path / "published" / "README.md").read_text(encoding="utf-8")
    assert re.search(r"\[Errata\]\(https://github\.com/someone/[\w-]+/blob/HEAD/docs/errata\.md\)", readme)
    assert (ROOT / "docs" / "errata.md").is_file()


def test_a_copy_of_an_assignment_runs_and_is_checked_where_it_lies(edition, tmp_path):
    """In my_lessons/, a folder away from the table that its checks read; and the grader takes it from there."""
    place = shutil.copytree(edition, tmp_path / "edition")
    command = [sys.executable, "-m", "tools.working_copies"]
    subprocess.run(command, cwd=place, check=True, capture_output=True)
    copied = place / "my_lessons" / "ps1.ipynb"
    code = [cell.source for cell in nbformat.read(copied, as_version=4).cells if cell.cell_type == "code"]
    script = "import matplotlib; matplotlib.use('Agg')\n" + "\n".join(code)
    path = {"PYTHONPATH": str(place), "PYTHONWARNINGS": "ignore"}  # as the installed edition is found
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=copied.parent, env=os.environ | path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Not started") >= 8, done.stdout
    handed_in = tmp_path / "submitted" / "ann"
    handed_in.mkdir(parents=True)
    for name in ("ps1.ipynb", "ps1-2.ipynb"):  # the old version or the new one, whichever was worked in
        shutil.copy(copied, handed_in / name)
        (found,) = find(handed_in.parent, "ps1")
        assert found.problem is None and any(cell["grade_id"] == "ps1_states" for cell in found.cells)
        (handed_in / name).unlink()


def test_an_assignment_alone_fetches_all_that_it_needs(edition, tmp_path):
    """On Colab, from the published edition: its first cell brings the checks and their tables as well."""
    shutil.copytree(edition, tmp_path / "edition")
    publish(tmp_path, tmp_path / "edition")
    folder = tmp_path / "empty"
    folder.mkdir()
    cells = nbformat.read(edition / "coursework" / "ps1" / "ps1.ipynb", as_version=4).cells
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    done = run_in(
        folder,
        (tmp_path / "course.git").as_uri(),
        *code,
        "import coursework; print(coursework.__file__)",
        MPLBACKEND="agg",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Not started") >= 8
    assert done.stdout.splitlines()[-1].startswith(str(folder))


def test_nothing_leaks_from_the_course_itself(edition):
    """The whole house passes its gate, and everything on the list of what lessons teach is needed there."""
    assert all((edition / "coursework" / name / "hints.json").is_file() for name in names())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gate, "TAUGHT", {})
        found = gate.leaks(edition, [load(name) for name in names()])
    assert sorted(found) == sorted(f"{file}: the right answer to {answer}" for answer, file in gate.TAUGHT)


def test_every_page_that_it_names_is_in_it(edition):
    """What its lessons, assignments and pages link to, and the page that the missing torch names; no other page."""
    texts = {path: path.read_text(encoding="utf-8") for path in edition.rglob("*.md")}
    for path in edition.rglob("*.ipynb"):
        texts[path] = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
    links = [
        (path, path.parent / link)
        for path, text in texts.items()
        for link in re.findall(r"\]\((?!https?:|#|data:)([^)#\s]+)[^)]*\)", text)
    ]
    assert len(links) > 10
    assert [(path.name, str(to)) for path, to in links if not to.exists()] == []
    named = set(re.findall(r"docs/\w+\.md", machine.TORCH))
    assert named and all((edition / page).is_file() for page in named)
    assert {path.name for path in (edition / "docs").iterdir()} == {"platforms.md", "probed.md", "questions.md"}


def _in_lesson(words, kind="markdown"):
    def plant(course):
        make = nbformat.v4.new_markdown_cell if kind == "markdown" else nbformat.v4.new_code_cell
        change(course / "notebooks" / "01_sigmoid_rnn.ipynb", lambda cells: cells.append(make(words)))

    return plant


def _file(name, source=None):
    def plant(course):
        path = course / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source or (course / "coursework" / "ps0" / "questions.py").read_text())

    return plant


PLANTED = {
    "solution marker": (_in_lesson("### BEGIN SOLUTION\nx\n### END SOLUTION"), "the marker BEGIN SOLUTION"),
    "hidden test marker": (_in_lesson("x\n### BEGIN HIDDEN TESTS", "code"), "the marker BEGIN HIDDEN TESTS"),
    "mark scheme": (_file("course_utils/notes.py", "### BEGIN MARK SCHEME\n"), "the marker BEGIN MARK SCHEME"),
    "model answer": (_in_lesson(f"Note to self: {MODEL}"), "a model answer"),
    "model answer in pieces": (_in_lesson(MODEL.replace(" ", "\n  ")), "a model answer"),
    "model answer in data": (_file("data/notes.txt", MODEL), "a model answer"),
    "questions": (_file("course_utils/questions.py"), "a file for instructors"),
    "questions under another name": (_file("course_utils/helper.py"), "a key"),
    "grader": (_file("course_utils/grader/sandbox.py", "x = 1\n"), "a file for instructors"),
    "code of the grader": (_file("course_utils/x.py", "from coursework.grader import plain\n"), "code of the grader"),
    "answer in a module": (
        _file("course_utils/notes.py", "def f(A, b):\n    return np.tanh(A @ b)\n"),
        "course_utils/notes.py: the right answer to ps0_step",
    ),
    "answer in a cell": (_in_lesson("y = np.tanh(A @ b)", "code"), "the right answer to ps0_step"),
    "answer in words": (_in_lesson("The step is `np.tanh( W @ h )`."), "the right answer to ps0_step"),
    "answer in a fold": (
        _in_lesson(
            "<details><summary>One</summary>\n\n```python\ndef f(A, b):\n    return np.tanh(A @ b)\n```\n</details>"
        ),
        "notebooks/01_sigmoid_rnn.ipynb: the right answer to ps0_step",
    ),
    "answer beside a magic": (_in_lesson("%time\ny = numpy.tanh(A @ b)", "code"), "the right answer to ps0_step"),
    "answer in notes": (_file("data/notes.txt", "It's tanh(A @ b), isn't it?\n"), "the right answer to ps0_step"),
    "little answer under its name": (
        _file("data/x.py", "def total(dL):\n    return dL.sum(axis = 0)\n"),
        "the right answer to ps0_total",
    ),
    "number under its name": (_file("course_utils/x.py", "slope = .25\n"), "the right answer to ps0_slope"),
    "gradebook": (_file("data/gradebook.db", "x"), "a file for instructors"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_the_gate_refuses(name, course, tmp_path):
    plant, words = PLANTED[name]
    plant(course)
    with pytest.raises(LeakError, match=words):
        build(tmp_path / "out", course)
    assert not (tmp_path / "out").exists()


class Rename(ast.NodeTransformer):
    """Other names for all variables and functions."""

    def visit_Name(self, node):
        return node if node.id in KEPT else ast.Name(f"other_{node.id}", node.ctx)

    def visit_arg(self, node):
        return ast.arg(f"other_{node.arg}")

    def visit_FunctionDef(self, node):
        self.generic_visit(node)
        node.name = f"other_{node.name}"
        return node


def renamed(code):
    """Code with other names for all variables and its own functions, and other spaces and brackets."""
    return ast.unparse(Rename().visit(without_docstrings(code)))


def without_docstrings(code):
    """Its syntax tree."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return tree


ANSWERS = {
    cell.metadata["nbgrader"]["grade_id"].removesuffix("_answer"): cell.source
    for name in names()
    for cell in load(name).notebook.cells
    if cell.cell_type == "code" and gate.BEGIN in cell.source
}
WITHOUT_MARKERS = {name: re.sub(r" *### \w+ SOLUTION\n?", "", source) for name, source in ANSWERS.items()}
NUMBERS = {"ps4_gate_bias"}  # answers that are a number alone: found under their own name only


class Bare(ast.NodeTransformer):
    """NumPy's functions under their own names, as after `from numpy import ...`; `names` are those to import."""

    def __init__(self):
        self.names = set()

    def visit_Attribute(self, node):
        self.generic_visit(node)
        if isinstance(node.value, ast.Name) and node.value.id == "np" and node.attr not in KEPT:
            self.names.add(node.attr)
            return ast.Name(node.attr, node.ctx)
        return node


def imported(code):
    """Code that imports what it uses of NumPy by name."""
    bare = Bare()
    tree = bare.visit(ast.parse(code))
    return "".join(f"from numpy import {name}\n" for name in sorted(bare.names)) + ast.unparse(tree)


def notebook(*cells):
    """The text of a notebook of (kind, source)."""
    make = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell}
    return nbformat.writes(nbformat.v4.new_notebook(cells=[make[kind](source) for kind, source in cells]))


def indented(code, by="    "):
    """Code with a margin."""
    return textwrap.indent(code, by)


class InOneLine(ast.NodeTransformer):
    """Puts what `a = ...` and `a, b = ..., ...` have set into each line below."""

    def visit_FunctionDef(self, node):
        if any(isinstance(part, ast.For | ast.While | ast.AugAssign) for part in ast.walk(node)):
            return node  # what a name stands for changes there
        meanings, body = {}, []

        class Put(ast.NodeTransformer):
            def visit_Name(self, name):
                return meanings.get(name.id, name) if isinstance(name.ctx, ast.Load) else name

        for line in node.body:
            line = Put().visit(line)
            target = line.targets[0] if isinstance(line, ast.Assign) else None
            parts = target.elts if isinstance(target, ast.Tuple) else [target]
            value = getattr(line, "value", None)
            values = value.elts if isinstance(value, ast.Tuple) else [value]
            if len(parts) == len(values) and all(isinstance(part, ast.Name) for part in parts):
                meanings |= {part.id: value for part, value in zip(parts, values, strict=True)}
            else:
                body.append(line)
        node.body = body
        return node


class InManyLines(ast.NodeTransformer):
    """Gives a name to every step on the way: `n0 = 1 - z`, then `n1 = n0 * h`, then `return n1`."""

    def __init__(self):
        self.lines, self.count = [], 0

    def hoisted(self, node):
        self.generic_visit(node)
        name = f"n{self.count}"
        self.count += 1
        self.lines.append(ast.Assign([ast.Name(name, ast.Store())], node))
        return ast.Name(name, ast.Load())

    visit_BinOp = visit_Call = visit_UnaryOp = hoisted

    def visit_Lambda(self, node):
        return node  # a step of it is none of the function's

    visit_ListComp = visit_GeneratorExp = visit_DictComp = visit_Lambda

    def visit_FunctionDef(self, node):
        body = []
        for line in node.body:
            if isinstance(line, ast.Return | ast.Assign | ast.AugAssign | ast.Expr):
                line.value = self.visit(line.value)
                line, self.lines = [*self.lines, line], []
            elif isinstance(line, ast.For | ast.FunctionDef):
                line = [self.visit_FunctionDef(line)]
            else:
                line = [line]
            body += line
        node.body = body
        return node


def rewritten(code, way):
    """Code in one line or in many."""
    return ast.unparse(ast.fix_missing_locations(way.visit(ast.parse(code))))


def without_def(code):
    """The lines of a function alone, as a cell or a block on a page has them."""
    tree = ast.parse(code)
    lines = [line for node in tree.body for line in getattr(node, "body", [node])]
    return "\n".join(ast.unparse(line).removeprefix("return ") for line in lines)


PLACES = {  # how a right answer could get into an edition, in a file of what kind
    "module": ("py", lambda code: code),
    "numpy": ("py", lambda code: f"import numpy\n{code.replace('np.', 'numpy.')}"),
    "another name for numpy": ("py", lambda code: f"import numpy as its\n{code.replace('np.', 'its.')}"),
    "imported by name": ("py", imported),
    "broken module": ("py", lambda code: f"x = = 1\n{code}\n)\n"),
    "docstring": ("py", lambda code: f'def f():\n    """Do it. This isn\'t so:\n\n{indented(code)}\n    """\n'),
    "comment": ("py", lambda code: f"x = 1  # one\n{indented(code, '# ')}\ny = 2\n"),
    "cell": ("ipynb", lambda code: notebook(("code", code))),
    "cell with a magic": ("ipynb", lambda code: notebook(("code", f"%time\n{code}\n!ls"))),
    "timed cell": ("ipynb", lambda code: notebook(("code", f"%%time\n{code}"))),
    "fold": (
        "ipynb",
        lambda code: notebook(
            ("markdown", f"<details><summary>A, it's</summary>\n\n```python\n{code}\n```\n</details>")
        ),
    ),
    "fold with numpy": (
        "ipynb",
        lambda code: notebook(
            ("code", "import numpy"), ("markdown", f"It's this:\n\n```\n{code.replace('np.', 'numpy.')}\n```")
        ),
    ),
    "list": ("md", lambda code: f"- It isn't this (see below:\n\n{indented(code, '      ')}\n"),
    "HTML": ("md", lambda code: f"<pre><code class='x'>{html.escape(code)}</code></pre>\n"),
    "notes": ("txt", lambda code: f"The student's answer is:\n{code}\n"),
    "table": ("json", lambda code: json.dumps({"hint": code})),
    "script": ("js", lambda code: indented(code, "// ")),
    "in one line": ("py", lambda code: rewritten(code, InOneLine())),
    "in one line of a page": ("md", lambda code: f"It's this:\n\n```\n{rewritten(code, InOneLine())}\n```"),
    "in many lines": ("py", lambda code: rewritten(code, InManyLines())),
}
BODIES = {  # and without its `def`
    "in many lines of a cell": ("ipynb", lambda code: notebook(("code", code))),
    "in many lines beside a magic": (
        "ipynb",
        lambda code: notebook(("code", f"%time\n{code}")),
    ),
    "in many lines of a fold": (
        "ipynb",
        lambda code: notebook(("markdown", f"It's:\n\n```python\n{code}\n```")),
    ),
}
LINES = {  # and its lines one by one, which is no function any longer
    "inline": ("md", lambda line: f"Here's `{line}`, as we know."),
    "wrapped": (
        "md",
        lambda line: f"It's `{line.strip().removeprefix('return ').replace(' ', chr(10), 1)}`, see there.",
    ),
    "sentence": ("txt", lambda line: f"We don't say that it is {line.strip().removeprefix('return ')}, do we?"),
    "timed lines": ("txt", lambda line: f"%time {line.strip().removeprefix('return ')}"),
    "words of a script": ("js", lambda line: f"const words = {json.dumps(line)};"),
}


def planted(name):
    """{path: text} of a right answer with other names in all these places."""
    if name in NUMBERS:
        code, bodies, lines = ast.unparse(without_docstrings(WITHOUT_MARKERS[name])), {}, {}
    else:
        code, bodies, lines = renamed(WITHOUT_MARKERS[name]), BODIES, LINES
    files = {f"{name}/{place}.{kind}": write(code) for place, (kind, write) in PLACES.items()}
    body = without_def(rewritten(code, InManyLines()))
    files |= {f"{name}/{place}.{kind}": write(body) for place, (kind, write) in bodies.items()}
    for place, (kind, write) in lines.items():
        files[f"{name}/{place}.{kind}"] = "\n".join(map(write, code.split("\n")))
    return files


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What the gate says of an edition in which every answer was planted."""
    folder = tmp_path_factory.mktemp("planted")
    for name in ANSWERS:
        (folder / name).mkdir()
        for path, text in planted(name).items():
            (folder / path).write_text(text, encoding="utf-8")
    return gate.leaks(folder, [load(name) for name in names()])


@pytest.mark.parametrize("name", ANSWERS)
def test_the_gate_finds_every_right_answer(name, found):
    wanted = {f"{path}: the right answer to {name}" for path in planted(name)}
    assert len(wanted) == len(PLACES) + (0 if name in NUMBERS else len(BODIES) + len(LINES))
    assert wanted <= set(found), wanted - set(found)


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("The slope isn't `1 - h ** 2`. It's another one.", "1 - h**2"),
        ("The slope, 1 - h ** 2 (see below), is what tanh's rule says.", "1 - h**2"),
        ("**So.** f(a\n  - b) and nothing else", "f(a - b)"),
        ("It is x[1:] < 1 for all", "x[1:] < 1"),
        ("\"She said '1 - h ** 2', and left\" )", "1 - h**2"),
        ("| a | 1 - h**2 | b |\n|---|---|---|", "1 - h**2"),
        ("%timeit -n 10 (g * h)[:, None] * W", "(g * h)[:, None] * W"),
        ("y = %time f(a - b)\nhelp?", "f(a - b)"),
        (">>> f(a,\n...   b - 1)\n3", "f(a, b - 1)"),
        ("const y = 1; // f(a - b) :-)", "f(a - b)"),
        ("<b>so</b> f(a &lt; b)", "f(a < b)"),
        ("import numpy.linalg as la, os\nla.norm(x, 2)", "np.linalg.norm(x, 2)"),
        ("from numpy import (log as ln,\n  linalg)\n= ln(linalg.norm(x))", "np.log(np.linalg.norm(x))"),
        ("as log(x) - 1, as", "np.log(x) - 1"),
        ("x = 'f(a -\\n b)'", "f(a - b)"),
    ],
)
def test_code_is_found_in_words(text, expression):
    there = [node for tree in trees([text]) for node in ast.walk(tree) if isinstance(node, ast.expr)]
    assert ast.unparse(ast.parse(expression)) in [ast.unparse(node) for node in there]


@pytest.mark.parametrize("text", ["We know it, don't we? (Yes. No.) 3 of 4 do: a-", "", "((((", "\0 ' \" `"])
def test_words_without_code_have_none(text):
    assert not any(isinstance(node, ast.Call | ast.BinOp) for tree in trees([text]) for node in ast.walk(tree))


def test_all_answers_are_tried():
    assert len(ANSWERS) == sum(len(load(name).questions) for name in names())


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("h * (1 - h) * w", "v*(1.0-(k))*k", True),
        ("np.outer(a * b, c)", "np.outer(b2 * a2, c2)", True),
        ("h[1:]", "h[:1]", False),
        ("a - b", "b - a", True),  # both are one variable less another
        ("a - b + a", "a - b + b", False),
        ("np.log(x)", "np.exp(x)", False),
        ("f(x, rtol=1)", "g(y, atol=1)", False),
        ("x.T @ y", "x @ y.T", False),
    ],
)
def test_shapes(one, other, same):
    a, b = (shape(ast.parse(code, mode="eval").body) for code in (one, other))
    assert (a == b) == same


@pytest.mark.parametrize("secret", ["assert step is not None, 'hidden test of step'", "    return dh.sum(axis=0)"])
def test_the_gate_knows_single_lines_in_the_assignment(secret, course, tmp_path):
    """A hidden test or a solution that was pasted where no marker is, after the cleaning."""
    from coursework.grader import student

    def careless(assignment, clean=student.released):
        notebook = clean(assignment)
        notebook.cells[0].source += "\n" + secret
        return notebook

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(student, "released", careless)
        with pytest.raises(LeakError, match="a line of a solution"):
            build(tmp_path / "out", course)


@pytest.mark.parametrize("cleaner", ["ClearSolutions", "ClearHiddenTests"])
def test_the_gate_notices_a_missing_cleaner(cleaner, course, tmp_path, monkeypatch):
    from coursework.grader import student

    rest = tuple(one for one in student.CLEANERS if type(one).__name__ != cleaner)
    assert len(rest) == len(student.CLEANERS) - 1
    monkeypatch.setattr(student, "CLEANERS", rest)
    with pytest.raises(LeakError, match="the marker BEGIN"):
        build(tmp_path / "out", course)


def test_it_overwrites_nothing(course, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("x")
    with pytest.raises(ValueError, match=r"out: .* not an empty folder"):
        build(tmp_path / "out", course)


def test_lessons_show_no_answer_before_their_time(course, tmp_path):
    build(tmp_path / "out", course)
    (path,) = (tmp_path / "out" / "notebooks").glob("*.ipynb")
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert len(cells) > 5 and all(cell.outputs == [] for cell in cells)
