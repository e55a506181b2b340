"""The GRU's drawing, computing: sliders above one GRU cell of one unit, whose arrows are as thick as what they carry.

    cell_view.explore_cell(h_prev=0.5, x=-1.0, b_z=3.0)

Forwards every arrow shows a number of the step, red where it is positive and blue where it is negative. Backwards each
of the four paths from h_{t-1} to h_t shows its derivative in its own colour, and their sum stands above h_{t-1}. The
page computes both itself (`cell_view.js`), since four sliders leave too much for a table; a test holds its numbers
against `cells.forward` and `gradients.jacobian_paths`. Where things stand is written once, here.
"""

import io
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets
from matplotlib.backends.backend_agg import FigureCanvasAgg

from course_utils import _validate, diagrams, figures
from course_utils.cells import Params, forward

# One unit that reads one number. Fixed, so that four sliders are enough.
WEIGHTS = {"W_xr": 1.0, "W_xz": -1.0, "W_xn": 1.0, "W_hr": 1.0, "W_hz": 1.0, "W_hn": 1.5, "b_n": 0.0}
SLIDERS = {  # name: (words beside it, least, greatest)
    "h_prev": ("old state h_{t-1}", -1.0, 1.0),
    "x": ("input x_t", -2.0, 2.0),
    "b_r": ("reset bias b_r", -6.0, 6.0),
    "b_z": ("update bias b_z", -6.0, 6.0),
}
STEP = 0.05  # of all sliders
POSITIVE, NEGATIVE = "#B2182B", "#2166AC"  # as in the course's heatmaps of signed numbers
THINNEST, THICKEST = 1.0, 9.0  # width in pixels of an arrow that carries nothing, and of one that carries 1

# Columns from 0 (h_{t-1}) to 1 (h_t), rows in pixels from the top.
COLUMNS = {"old": 0.0, "bus": 0.125, "r": 0.27, "z": 0.49, "minus": 0.64, "n": 0.765, "new": 1.0}
ROWS = {"state": 62, "z": 152, "n": 242, "r": 332}
HEIGHT, MARGIN = 400, 32  # pixels of the drawing, and from its sides to the outer columns
BOX, TALL, RING = (50, 44), 44, 11  # a box's width and height; how tall h is; an operation's radius

# Where parts stand: name: (column, row, letter, whose colour); a circle's name: (column, row, sign).
BOXES = {
    "h_prev": ("old", "state", "h_{t-1}", "state"),
    "h": ("new", "state", "h_t", "state"),
    "z": ("z", "z", "z_t", "update"),
    "h_tilde": ("n", "n", "h\u0303_t", "candidate"),
    "r": ("r", "r", "r_t", "reset"),
}
CIRCLES = [
    ("z", "state", "times"),
    ("n", "state", "plus"),
    ("minus", "z", "minus"),
    ("n", "z", "times"),
    ("r", "n", "times"),
]
# Arrows forwards: the number that it carries, and its corners as (column, row, pixels right, pixels down).
HALF, WIDE = TALL / 2, BOX[0] / 2
WIRES: list[tuple[str, list[tuple[str, str, float, float]]]] = [
    ("h_prev", [("old", "state", WIDE, 0), ("z", "state", -RING, 0)]),
    ("h_prev", [("bus", "z", 0, 0), ("z", "z", -WIDE, 0)]),
    ("h_prev", [("bus", "n", 0, 0), ("r", "n", -RING, 0)]),
    ("h_prev", [("bus", "state", 0, 0), ("bus", "r", 0, 0), ("r", "r", -WIDE, 0)]),
    ("x", [("z", "z", 0, HALF + 20), ("z", "z", 0, HALF)]),
    ("x", [("n", "n", 0, HALF + 20), ("n", "n", 0, HALF)]),
    ("x", [("r", "r", 0, HALF + 20), ("r", "r", 0, HALF)]),
    ("r", [("r", "r", 0, -HALF), ("r", "n", 0, RING)]),
    ("read", [("r", "n", RING, 0), ("n", "n", -WIDE, 0)]),
    ("z", [("z", "z", 0, -HALF), ("z", "state", 0, RING)]),
    ("z", [("z", "z", WIDE, 0), ("minus", "z", -RING, 0)]),
    ("rest", [("minus", "z", RING, 0), ("n", "z", -RING, 0)]),
    ("h_tilde", [("n", "n", 0, -HALF), ("n", "z", 0, RING)]),
    ("added", [("n", "z", 0, -RING), ("n", "state", 0, RING)]),
    ("kept", [("z", "state", RING, 0), ("n", "state", -RING, 0)]),
    ("h", [("n", "state", RING, 0), ("new", "state", -WIDE, 0)]),
]
# Numbers beside arrows: where, and how the text is set: "start" or "middle".
LABELS = [
    ("kept", ("minus", "state", 4, -16), "middle"),
    ("rest", ("minus", "z", 0, -22), "middle"),
    ("added", ("n", "state", 14, 48), "start"),
    ("read", ("z", "n", 0, -14), "middle"),
    ("x", ("z", "z", 0, HALF + 31), "middle"),
    ("x", ("n", "n", 0, HALF + 31), "middle"),
    ("x", ("r", "r", 0, HALF + 31), "middle"),
]


def explore_cell(h_prev: float = -0.8, x: float = 0.8, b_r: float = 0.0, b_z: float = 2.0) -> "CellView":
    """The GRU cell with one unit, whose drawing computes. r is multiplied in before the product, as in most texts.

    h_prev, x  where the sliders of old state (-1 to 1) and input (-2 to 2) begin.
    b_r, b_z   where those of the gates' biases (-6 to 6) begin. The weights are fixed, see WEIGHTS.

    Returns a CellView; as the last line of a cell it is shown. Raises ValueError naming the argument.

    >>> view = explore_cell(h_prev=0.5, b_z=3.0)
    >>> view.values
    {'h_prev': 0.5, 'x': 0.8, 'b_r': 0.0, 'b_z': 3.0, 'backwards': False}
    """
    at = {}
    for name, value in {"h_prev": h_prev, "x": x, "b_r": b_r, "b_z": b_z}.items():
        _, least, most = SLIDERS[name]
        at[name] = _validate.number(name, value, at_least=least)
        if at[name] > most:
            raise ValueError(f"{name}: got {value!r}, wants a number of at most {most:g}")
    return CellView(at)


class CellView(anywidget.AnyWidget):
    """An interactive drawing; made by `explore_cell`.

    spec       what never moves: weights, sliders, colours, and where all parts stand.
    at         {slider: its value}.
    backwards  whether it shows the derivatives instead of the step.
    """

    _esm = Path(__file__).with_name("cell_view.js")
    _css = Path(__file__).with_name("explorer.css")
    spec = traitlets.Dict().tag(sync=True)
    at = traitlets.Dict().tag(sync=True)
    backwards = traitlets.Bool(False).tag(sync=True)

    def __init__(self, at: dict[str, float]) -> None:
        super().__init__(spec=_spec(), at=at)
        self._start = dict(at)

    def __repr__(self) -> str:
        return "CellView of h_prev, x, b_r, b_z: run this cell to move its drawing"

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict, dict] | None:
        """The view, and beside it a picture of its first frame: Jupyter shows the view where there is a kernel."""
        view = super()._repr_mimebundle_(**kwargs)
        if view is None:
            return None
        return view[0] | figures.bundle(*poster(**self._start)), view[1]

    @property
    def values(self) -> dict:
        """{slider: its present value}, and whether it looks backwards."""
        return {**self.at, "backwards": self.backwards}


def params(b_r: float, b_z: float) -> Params:
    """The cell as the rest of the course has it: Params of a GRU with D = H = 1."""
    w = WEIGHTS
    Wx = np.array([[w["W_xr"]], [w["W_xz"]], [w["W_xn"]]])
    Wh = np.array([[w["W_hr"]], [w["W_hz"]], [w["W_hn"]]])
    return Params("GRU", Wx, Wh, np.array([b_r, b_z, w["b_n"]]), np.zeros(3))


def step(h_prev: float, x: float, b_r: float, b_z: float) -> dict[str, float]:
    """All numbers that the drawing shows forwards, by the names in WIRES."""
    trace = forward(params(b_r, b_z), [[x]], [h_prev])
    r, z, h_tilde = (float(trace.gates[name][0, 0]) for name in ("r", "z", "h_tilde"))
    numbers = {"h_prev": h_prev, "x": x, "r": r, "z": z, "h_tilde": h_tilde, "h": float(trace.h[1, 0])}
    return numbers | {"rest": 1 - z, "kept": z * h_prev, "added": (1 - z) * h_tilde, "read": r * h_prev}


def thickness(value: float) -> float:
    """Pixels of an arrow that carries `value`: proportional to its size up to 1.5, and never nothing."""
    return THINNEST + (THICKEST - THINNEST) * min(abs(value), 1.5)


def number(value: float) -> str:
    """Two digits behind the point, a true minus, no minus before 0."""
    return f"{value:.2f}".replace("-0.00", "0.00").replace("-", "−")


def sentence(now: dict[str, float]) -> str:
    """What the drawing says forwards."""
    kept, added = number(now["kept"]), number(now["added"])
    z, h = number(now["z"]), number(now["h"])
    return f"The gate keeps {z} of the old state: {kept} is kept, {added} is added, h_t = {h}."


def _spec() -> dict:
    return {
        "weights": WEIGHTS,
        "sliders": [[name, *slider] for name, slider in SLIDERS.items()],
        "step": STEP,
        "columns": COLUMNS,
        "rows": ROWS,
        "height": HEIGHT,
        "margin": MARGIN,
        "box": BOX,
        "ring": RING,
        "boxes": [[name, *box] for name, box in BOXES.items()],
        "circles": CIRCLES,
        "wires": WIRES,
        "labels": LABELS,
        "widths": [THINNEST, THICKEST],
        "signs": [NEGATIVE, POSITIVE],
        "colours": {**figures.PATH_COLOURS, "state": figures.STATE},
    }


def poster(h_prev: float, x: float, b_r: float, b_z: float) -> tuple[bytes, str]:
    """(PNG, alt text) of the first frame, as it stands where no kernel runs."""
    now = step(h_prev, x, b_r, b_z)
    alt = f"A GRU cell of one unit, every arrow as thick as the number that it carries. {sentence(now)} "
    alt += "Run this cell to move the figure."
    paper = diagrams.Paper(HEIGHT / 100 + 0.4, "One step of a GRU: arrows are as thick as what they carry", alt)

    def place(column: str, row: str, right: float = 0, down: float = 0) -> tuple[float, float]:
        left = MARGIN / 100
        across = left + COLUMNS[column] * (diagrams.WIDTH - 2 * left) + right / 100
        return across, (HEIGHT - ROWS[row] - down) / 100

    for name, corners in WIRES:
        colour = NEGATIVE if now[name] < 0 else POSITIVE
        points = [place(*corner) for corner in corners]
        paper.line(*points, colour=colour, width=thickness(now[name]) * 0.72)
    for name, (column, row, letter, colour) in BOXES.items():
        across, up = place(column, row)
        paper.box(across, up, "", {**figures.PATH_COLOURS, "state": figures.STATE}[colour], BOX[0] / 100, BOX[1] / 100)
        paper.text(across, up + 0.1, f"${letter}$".replace("h\u0303", r"\tilde h"), 11)
        paper.text(across, up - 0.11, number(now[name]), 9)
    for column, row, sign in CIRCLES:
        paper.operation(*place(column, row), sign)
    for name, where, anchor in LABELS:
        words = f"$x_t = {number(now[name])}$" if name == "x" else number(now[name])
        paper.text(*place(*where), words, 9.5, ha="left" if anchor == "start" else "center")
    buffer = io.BytesIO()
    FigureCanvasAgg(paper.drawing)
    paper.drawing.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue(), alt
