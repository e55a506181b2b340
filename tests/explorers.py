"""Explorers for the tests and the benchmark, each as the source of a cell that runs on its own: those that stand in the
lessons, and three that no lesson has.
"""

import ast
import symtable

from tests.notebook import LESSONS, code_cells, read


def of_lesson(path):
    """Sources of a lesson's explorers: its own cell that shows one, below what it needs of the cells above it."""
    cells = code_cells(read(path))
    sources = [cell.source for cell in cells]
    found = [i for i, cell in enumerate(cells) if is_explorer(cell) and "explore_cell(" not in cell.source]
    return [with_what_it_needs("\n".join(sources[:i]), sources[i]) for i in found]


def is_explorer(cell):
    """Whether a cell shows an explorer, by itself or by a scene: its poster says how to move it."""
    said = [str(output.get("data", {}).get("text/plain", "")) for output in cell.outputs]
    return any(words.endswith("to move the figure.") for words in said)


def with_what_it_needs(before, source):
    """`source` below those statements of `before` that bind names which it uses, directly or through each other."""
    _, wants = names(source)
    kept = []
    for node in reversed(ast.parse(before).body):
        statement = ast.get_source_segment(before, node)
        binds, uses = names(statement)
        if binds & wants:
            wants = (wants - binds) | uses
            kept.append(statement)
    return "\n\n".join([*reversed(kept), source])


def names(source):
    """Global names that some source binds, and those that it uses, inside its functions too."""
    top = symtable.symtable(source, "cell", "exec")
    binds = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    uses = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_referenced()}
    inside = top.get_children()
    while inside:
        table = inside.pop()
        uses |= {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global()}
        inside += table.get_children()
    return binds, uses


KINDS = """\
import numpy as np

from course_utils import widgets

x = np.linspace(0, 1, 9)


def kinds(a=1.0):
    map = np.where(np.tri(9) > 0, np.outer(x, x) * a, np.nan)
    return (
        widgets.heatmap(map, title="Signed", kind="signed", extent=(0, 1, 1, 0), marks={"here": (0.5, 0.25)},
                        path=np.column_stack([x, x**2 * abs(a) / 3])),
        widgets.curves({"RNN": a * x, "LSTM, forget bias 1, a long name": -a * x}, title="Lines", x=x, points=True,
                       marks={"now": (0.5, a / 2)}),
        widgets.heatmap(np.abs(map.T) / 3, title="Gates", kind="gate", label="z"),
        f"a is {a:g}.",
    )


widgets.explore(kinds, a=np.linspace(-3, 3, 13))
"""

RUNS = """\
import numpy as np

from course_utils import widgets

steps = np.arange(13)


def runs(w=5.0, t=3):
    h = 1 / (1 + np.exp(-w * np.linspace(-1, 1, 13)))
    factors = w * h * (1 - h)
    left = {"gradient": np.cumprod(np.abs(factors) + 1e-9)}
    size = {"log": True, "ylim": (1e-3, 1e3), "reference": {"1: nothing is lost": 1}}
    return (
        widgets.curves({"state h_t": h}, title="The state", xlabel="step t", marks={"now": (t, h[int(t)])}),
        widgets.equation(f"λ = w·h(1−h) = {factors[int(t)]:.2f}"),
        widgets.heatmap(np.outer(h, h), title="Pairs", xlabel="step k", ylabel="step t"),
        widgets.curves(left, title="What is left", xlabel="step t", **size),
        widgets.stacked({"direct": h, "update": h / 2}, title="Paths", x=steps / 2, xlabel="lag"),
        f"The factor of step {t:g} is {factors[int(t)]:.2f}.",
    )


widgets.explore(runs, w=np.linspace(-10, 10, 9), t=steps, play="t")
"""

LESSON = {  # lesson, and place in it: source
    f"{path.stem[:2]}.{i}": source for path in LESSONS for i, source in enumerate(of_lesson(path), start=1)
}
BIAS = LESSON["07.1"]
LIVE = BIAS.replace("widgets.explore(open_by,", "widgets.explore(open_by, live=True,")
