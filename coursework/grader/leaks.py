"""The gate of the student edition: what must not leave the house, and where it would.

It finds markers, instructors' files, hidden tests, sentences of model answers, and right answers as code: those of the
notebook's solutions and those of questions.py. An answer is found where all its telling expressions stand in one file,
in its code or in its words (`wherever` finds them there), whatever variables are called, in whatever order sums and
products are written, in one line or in several that give names to its parts. Telling is an expression of `TELLING`
names, numbers and operations: `np.diag(h - h_tilde)` has 6. An answer without one ("5.0") is found under its own name
alone. Another way to write the same is not found: this is a guard against our own mistakes.
"""

import ast
import contextlib
import functools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coursework.grader.assignment import Assignment, grade_id
from coursework.grader.likeness import results, shape, shapes, size, statements, written_out
from coursework.grader.notebook import BEGIN
from coursework.grader.wherever import in_numpy, trees

TELLING = 5
MARKERS = tuple(f"{edge} {part}" for edge in ("BEGIN", "END") for part in ("SOLUTION", "HIDDEN TESTS", "MARK SCHEME"))
REGION = re.compile(r"### BEGIN (?:SOLUTION|HIDDEN TESTS|MARK SCHEME)\n(.*?)### END ", re.S)
FORBIDDEN = ("questions.py", "gradebook.db", "nbgrader_config.py")
ALLOWED = ("hub/jupyter/nbgrader_config.py",)  # the exchange's, for a hub; the other one knows the gradebook
TAUGHT = {  # (answer, file) where the same line may stand, since a lesson teaches it, and why
    (
        "ps1_rate",
        "notebooks/01_sigmoid_rnn.ipynb",
    ): "the lesson derives the factor h (1 - h) w; new is where to take it",
    ("ps1_rate", "course_utils/checks/lesson_01.py"): "the check of that factor",
    ("ps1_step_jacobian", "notebooks/05_gru_gates.ipynb"): "diag(r) @ W, where the lesson shows what comes first",
    ("ps1_step_jacobian", "notebooks/06_gru_bptt.ipynb"): "diag(..) @ W, of which the GRU's paths are made, in a fold",
    ("ps1_slopes", "notebooks/02_bptt.ipynb"): "the lesson uses tanh's slope; new is which states have one",
    ("ps1_slopes", "course_utils/checks/lesson_02.py"): "the check of a product of these slopes",
    ("ps2_growth_curve", "notebooks/07_gradient_norms.ipynb"): "a later lesson's loop, which breaks in the same place",
    (
        "ps2_holding_bias",
        "notebooks/03_vanish_or_explode.ipynb",
    ): "a cell sets up its net this way, without a word on it",
    (
        "ps2_rest_rate",
        "notebooks/03_vanish_or_explode.ipynb",
    ): "the lesson shows that the radius of this product decides; new is to name it a rate, for any net at rest",
    ("ps3_import_weights", "notebooks/05_gru_gates.ipynb"): "an exercise turns z; new is the other order of the blocks",
    (
        "ps4_biases",
        "notebooks/06_gru_bptt.ipynb",
    ): "the lesson measures how wide a window of biases keeps some of a memory",
    ("ps4_biases", "course_utils/checks/lesson_05.py"): "the lesson's half-life is the case of the share 1/2",
}


@dataclass(frozen=True)
class Answer:
    """A right answer: whose, as code, and the text that it was read from."""

    name: str
    code: ast.Module
    source: str

    @functools.cached_property
    def telling(self) -> dict[str, str]:
        """The expressions that give it away when they stand together: as they are spelt, and their shapes."""
        found = [expression for expression in statements(self.code) if size(expression) >= TELLING]
        return {ast.get_source_segment(self.source, expression) or "": shape(expression) for expression in found}

    @functools.cached_property
    def written(self) -> set[str]:
        """The shapes of the same when the names that it gives on the way are written out, as in one line."""
        done = {id(expression) for expression in results(self.code)}
        last = [versions[-1] for versions in written_out(self.code) if id(versions[0]) in done]
        return {shape(expression) for expression in last if size(expression) >= TELLING}

    def stands_in(self, file: "Contents") -> bool:
        """Whether a file holds it."""
        if not self.telling:
            return bool(_named(self.code) & file.named)
        if all(_in_words(word, file) for word in self.telling):
            return True
        return any(telling and telling <= file.shapes for telling in (set(self.telling.values()), self.written))


@dataclass(frozen=True)
class Contents:
    """A file: its words, the same without white space, the shapes of its code, what is defined as what."""

    text: str
    squeezed: str
    shapes: set[str]
    named: set[tuple[str, str]]


def leaks(edition: Path, assignments: list[Assignment]) -> list[str]:
    """Sentences on everything in a folder that students must not get; none if all is well."""
    secrets = {assignment.name: _secrets(assignment) for assignment in assignments}
    answers = [answer for assignment in assignments for answer in right_answers(assignment)]
    found = []
    for path in sorted(path for path in edition.rglob("*") if path.is_file()):
        name = path.relative_to(edition).as_posix()
        forbidden = path.name in FORBIDDEN and name not in ALLOWED
        if forbidden or {"grader", ".git"} & set(path.relative_to(edition).parts):
            found.append(f"{name}: a file for instructors")
        file = read(path)
        found += [f"{name}: the marker {marker}" for marker in MARKERS if re.search(rf"#+ *{marker}", file.text)]
        if "coursework.grader" in file.text:
            found.append(f"{name}: a key, or code of the grader")
        for assignment, (regions, lines, sentences) in secrets.items():
            own = path.name == f"{assignment}.ipynb"
            found += [
                f"{name}: a solution or hidden test: {region[:60]}" for region in regions if region in file.squeezed
            ]
            found += [f"{name}: a model answer: {words[:60]}" for words in sentences if words in file.squeezed]
            if own:
                found += [f"{name}: a line of a solution: {line[:60]}" for line in lines if line in file.squeezed]
        found += sorted(
            {
                f"{name}: the right answer to {answer.name}"
                for answer in answers
                if (answer.name, name) not in TAUGHT and answer.stands_in(file)
            }
        )
    return found


def right_answers(assignment: Assignment) -> list[Answer]:
    """Every question's right answer as code: the notebook's solution and what questions.py runs, where that is code."""
    found = []
    for cell in assignment.notebook.cells:
        question = cell.metadata.get("nbgrader", {}).get("grade_id", "").removesuffix("_answer")
        if question in assignment.questions and cell.cell_type == "code" and BEGIN in cell.source:
            found.append(Answer(question, in_numpy(ast.parse(cell.source)), cell.source))
    module = in_numpy(ast.parse(assignment.source))
    functions = {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}
    for call in ast.walk(module):
        words = {word.arg: word.value for word in call.keywords} if isinstance(call, ast.Call) else {}
        name, right = words.get("name"), words.get("right")
        if isinstance(name, ast.Constant) and right is not None:
            code: list[ast.stmt] = [ast.Expr(right.body if isinstance(right, ast.Lambda) else right)]
            code += _used(right, functions).values()
            answer = Answer(grade_id(assignment.name, str(name.value)), ast.Module(code, []), assignment.source)
            if answer.telling:
                found.append(answer)
    return found


def _used(code: ast.AST, functions: dict[str, ast.FunctionDef]) -> dict[str, ast.FunctionDef]:
    """The functions that code names, and those that they name."""
    found: dict[str, ast.FunctionDef] = {}
    todo = [code]
    while todo:
        for node in ast.walk(todo.pop()):
            if isinstance(node, ast.Name) and node.id in functions and node.id not in found:
                found[node.id] = functions[node.id]
                todo.append(functions[node.id])
    return found


def read(path: Path) -> Contents:
    """A file's contents. Of a notebook, the code and words of cells and of outputs that are words, without pictures."""
    return _contents(path.suffix, path.read_bytes())


@functools.lru_cache(maxsize=512)  # one who looks for a leak builds an edition again and again
def _contents(suffix: str, data: bytes) -> Contents:
    text = data.decode("utf-8", "replace")
    parts = [text]
    if suffix in (".json", ".ipynb"):  # in the file quotes and line ends are escaped
        with contextlib.suppress(ValueError, RecursionError):
            parts = list(_strings(json.loads(text)))
            text = "\n".join(parts if suffix == ".ipynb" else [text, *parts])
    code = trees(parts) if "\0" not in text else []  # a binary file has words at most
    written = (version for tree in code for _, *versions in written_out(tree) for version in versions)
    expressions = set().union(*(shapes(tree, TELLING) for tree in [*code, *written]))
    return Contents(text, _squeeze(text), expressions, set().union(*(_named(tree) for tree in code)))


def _named(code: ast.AST) -> set[tuple[str, str]]:
    """(name, shape) of what functions return and names are set to."""
    found = set()
    for node in ast.walk(code):
        if isinstance(node, ast.FunctionDef):
            found |= {
                (node.name, shape(part.value)) for part in ast.walk(node) if isinstance(part, ast.Return) and part.value
            }
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            value = node.value.body if isinstance(node.value, ast.Lambda) else node.value
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {(target.id, shape(value)) for target in targets if isinstance(target, ast.Name)}
    return found


def _in_words(expression: str, file: Contents) -> bool:
    """Whether a file's text holds an expression as it is spelt, spaces aside, and not as a part of longer names."""
    if _squeeze(expression) not in file.squeezed:
        return False
    pieces = r"\s*".join(re.escape(piece) for piece in re.findall(r"\w+|[^\w\s]", expression))
    return re.search(rf"(?<![\w.]){pieces}(?!\w)", file.text) is not None


def _secrets(assignment: Assignment) -> tuple[list[str], list[str], list[str]]:
    """(regions, single lines, sentences of model answers) of an assignment, squeezed.

    A region counts anywhere if it is long enough to be no coincidence; a single line counts in the assignment's own
    notebook, unless the notebook shows it elsewhere.
    """
    sources = [cell.source for cell in assignment.notebook.cells]
    hidden = [region for source in sources for region in REGION.findall(source)]
    shown = _squeeze("\n".join(REGION.sub("", source) for source in sources))
    regions = [_squeeze(region) for region in hidden if len([*filter(str.strip, region.split("\n"))]) >= 3]
    lines = {_squeeze(line) for region in hidden for line in region.split("\n")}
    models = [sentence for essay in assignment.essays.values() for sentence in re.split(r"(?<=[.!?:;])\s", essay.model)]
    sentences = {_squeeze(sentence) for sentence in models}
    lines = {line for line in lines if len(line) >= 8 and line not in shown}
    return regions, sorted(lines), sorted(words for words in sentences if len(words) >= 25 and words not in shown)


def _strings(data: Any) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, list) and all(isinstance(item, str) for item in data):
        yield "".join(data)
    elif isinstance(data, list):
        for item in data:
            yield from _strings(item)
    elif isinstance(data, dict):
        for key, item in data.items():
            if key != "image/png":
                yield from _strings(item)


def _squeeze(text: str) -> str:
    """Text without white space, so that neither indents nor line breaks hide anything."""
    return re.sub(r"\s+", "", text)
