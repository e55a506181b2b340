"""Figures that move: sliders above panels that are drawn in the page, from numbers computed here.

An explorer is a function from slider values to panels and one sentence that says what they show:

    def cell(w=0.5, b=1.0):
        h = states(w, b, h0=1.0, T=12)
        return (
            widgets.curves({"state h_t": h}, title="The state", xlabel="step t", ylabel="h_t"),
            widgets.bars({"slope": h[-1] * (1 - h[-1])}, title="The slope where it ends", ylim=(0, 0.25)),
            f"The state ends at {h[-1]:.3f}.",
        )

    widgets.explore(cell, w=np.linspace(-10, 10, 41), b=np.linspace(-5, 5, 21))

The function is called once for every combination of slider values, and the page only looks up and draws: it keeps up
with any drag, and goes on moving in the book (`make site`), which has neither a kernel nor the network. A page that
`jupyter nbconvert --to html` exports does not move without the network: it fetches the library of all widgets from
there, and only for a notebook that was saved with its widgets. From a stored lesson it shows the picture.

The function's defaults say where the sliders begin. Values that are words, `reset=["before", "after"]`, become a menu;
`play="w"` puts a button beside that slider which runs through it. What can't be tabled takes `live=True`: the function
is then called when a slider moves.

Before a cell has run, on GitHub and in print, a picture stands for the explorer: the same panels at the start, drawn by
matplotlib, with the sentence as its alt text.

The builders are `curves`, `heatmap`, `bars` and `stacked`, with the arguments of their namesakes in
`course_utils.figures` and the same colours and dashes. Titles, names and axes stay, numbers move. Text is plain: write
∂, λ and ‖ as they are, and h_t or h_{t-1} for an index, 10^k for a power. `marks={"here": (x, y)}` puts a dot with
words into a panel. Between panels, `widgets.equation(f"λ = w·h(1−h) = {w:g}·{s:.2f} = {w * s:.2f}")` is one line whose
numbers follow the sliders.

The pointer reads the numbers out of any panel, and so do the arrow keys once a panel has the focus. Panels whose xlabel
is the same, "step t", light up together at the same x; a heatmap with this as its ylabel lights that row.
"""

import inspect
import io
import itertools
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anywidget
import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from course_utils import _page, _validate, figures
from course_utils.predictions import predict as predict

MOST_BYTES = 2**20  # of one explorer's table
NOTHING = 255  # the shade of NaN in a heatmap

Marks = Mapping[str, tuple[float, float]] | None  # {words: (x, y)}
Limits = tuple[float, float] | None  # (lowest, highest)
Grid = dict[str, list]  # {slider: its values, numbers or words}


@dataclass(frozen=True)
class Panel:
    """What a builder returns.

    look     all that is the same at every slider position, as JSON holds it.
    numbers  (N,) what moves, one line after the other, then x and y of each mark; log10 of it on a log axis.
    shades   (rows, columns) of a heatmap, None otherwise.
    """

    look: dict
    numbers: np.ndarray
    shades: np.ndarray | None = None


@dataclass(frozen=True)
class Equation:
    """What `equation` returns."""

    text: str


def equation(text: str) -> Equation:
    """One line with the numbers of this slider position, in larger type above the panels.

    text  plain, as everywhere here; single letters become italic by themselves.

    Returns an Equation. Raises ValueError if it holds $ or a backslash, or nothing.

    >>> w, slope = 5.0, 0.2
    >>> equation(f"λ = w·h(1−h) = {w:g}·{slope:.2f} = {w * slope:.2f}").text
    'λ = w·h(1−h) = 5·0.20 = 1.00'
    """
    if not _plain("equation", text).strip():
        raise ValueError(f"equation: got {text!r}, wants one line such as 'λ = w·s = 5·0.2 = 1'")
    return Equation(text)


def curves(
    lines: Mapping[str, ArrayLike],
    *,
    title: str,
    xlabel: str = "",
    ylabel: str = "",
    x: ArrayLike | None = None,
    log: bool = False,
    reference: figures.References = None,
    ylim: Limits = None,
    marks: Marks = None,
    points: bool = False,
    ticks: Sequence[str] | None = None,
) -> Panel:
    """One line per entry of `lines`, its name written at its right end.

    lines      {name: (N,)}, all of one length; NaN leaves a gap.
    x          (N,), shared by all lines, 0..N-1 unless given.
    log        True: logarithmic y axis; zeros leave a gap.
    reference  draw a thin line at this y, e.g. 1 for norms; {"1: nothing is lost": 1} writes a name at its end.
    ylim       (lowest, highest) y, from the whole table unless given.
    marks      {words: (x, y)}, a dot and its words.
    points     True: a dot at every number, for lines of few steps.
    ticks      (N,) words to stand below the x axis, one at each x, instead of numbers.

    Returns a Panel. Raises ValueError naming the argument: also for inf, a line of nothing but NaN, or a negative
    number on a log axis.
    """
    ys = _rows("lines", lines)
    xs = np.arange(ys.shape[1]) if x is None else _validate.array("x", x, (ys.shape[1],))
    look = _look("curves", lines, title, xlabel, ylabel, ylim, log, x=xs.tolist(), points=bool(points))
    named = figures.named_references(reference)
    look["reference"] = [float(_scaled("reference", height, log)) for height in named.values()]
    look["called"] = [_plain("reference", name) for name in named]
    look["styles"] = [_for_canvas(*style) for style in figures.line_styles(lines)]
    look["ticks"] = None if ticks is None else [_plain("ticks", word) for word in ticks]
    if ticks is not None and len(look["ticks"]) != len(xs):
        raise ValueError(f"ticks: got {len(look['ticks'])} words, wants {len(xs)}, one for each x")
    return _with_marks(look, _scaled("lines", ys, log), marks)


def stacked(
    parts: Mapping[str, ArrayLike],
    *,
    title: str,
    xlabel: str = "",
    ylabel: str = "",
    x: ArrayLike | None = None,
    ylim: Limits = None,
    marks: Marks = None,
) -> Panel:
    """Shares stacked on top of each other, first at the bottom, each named at its right end.

    parts  {name: (N,) non-negative}; names of GRU paths get their fixed colours. Others as in `curves`.

    Returns a Panel. Raises ValueError naming the argument.
    """
    ys = _rows("parts", parts)
    if not np.all(ys >= 0):
        raise ValueError("parts: got a negative share or NaN, wants numbers of at least 0")
    xs = np.arange(ys.shape[1]) if x is None else _validate.array("x", x, (ys.shape[1],))
    look = _look("stacked", parts, title, xlabel, ylabel, ylim, x=xs.tolist())
    look["styles"] = [_for_canvas(colour, "-") for colour in figures.part_colours(parts)]
    return _with_marks(look, ys, marks)


def bars(
    values: Mapping[str, float],
    *,
    title: str,
    ylabel: str = "",
    ylim: Limits = (0, 1),
    log: bool = False,
    colour: str = figures.GRU,
) -> Panel:
    """One bar per entry of {name: height}, its height written on top. `ylim` suits gates; None: from the whole table.

    Returns a Panel. Raises ValueError naming the argument.
    """
    heights = _rows("values", {name: [height] for name, height in values.items()})
    look = _look("bars", values, title, "", ylabel, ylim, log)
    look["styles"] = [_for_canvas(each, "-") for each in figures.bar_colours(values, colour)]
    return Panel(look, _scaled("values", heights, log).ravel())


def heatmap(
    values: ArrayLike,
    *,
    title: str,
    xlabel: str = "",
    ylabel: str = "",
    kind: str = "norm",
    label: str = "",
    limits: Limits = None,
    extent: tuple[float, float, float, float] | None = None,
    path: ArrayLike | None = None,
    marks: Marks = None,
) -> Panel:
    """A matrix as colours, row 0 at the top, NaN left empty.

    values  (rows, columns).
    kind, label, limits, extent  as in `figures.heatmap`; limits come from the whole table unless given.
    path    (N, 2), x and y of dots that a line joins across the map; NaN leaves a gap.

    Returns a Panel. Raises ValueError naming the argument: also for inf or nothing but NaN.
    """
    _validate.choice("kind", kind, figures.MAPS)
    shades = np.asarray(values, dtype=float)
    if shades.ndim != 2 or shades.size == 0:
        raise ValueError(f"values: got shape {shades.shape}, wants (rows, columns)")
    _numbers("values", shades)
    rows, columns = shades.shape
    extent = (-0.5, columns - 0.5, rows - 0.5, -0.5) if extent is None else extent
    dots = np.empty((0, 2)) if path is None else np.asarray(path, dtype=float)
    if dots.ndim != 2 or dots.shape[1] != 2:
        raise ValueError(f"path: got shape {dots.shape}, wants (N, 2), x and y of each dot")
    if dots.size:
        _numbers("path", dots)
    names = [xlabel or "x", ylabel or "y"] if dots.size else []  # a path is one line of each
    look = _look("heatmap", names, title, xlabel, ylabel, (0, 1) if kind == "gate" else limits, length=len(dots))
    look["extent"] = _validate.array("extent", extent, (4,)).tolist()
    palette = plt.get_cmap(figures.MAPS[kind])(np.linspace(0, 1, NOTHING))[:, :3]
    look |= {"map": kind, "label": _plain("label", label), "shape": [rows, columns]}
    look["palette"] = (255 * palette).round().astype(int).ravel().tolist()
    panel = _with_marks(look, dots.T, marks)
    return Panel(panel.look, panel.numbers, shades)


def explore(
    function: Callable[..., tuple],
    *,
    live: bool = False,
    labels: Mapping[str, str] | None = None,
    play: str | None = None,
    **sliders: ArrayLike,
) -> "Explorer":
    """Sliders above the panels that `function` returns. See the head of this module for an example.

    function  called with one value per slider by name; returns one or more Panels, Equations among them if wanted,
              and then a sentence. A default value of an argument says where its slider begins; the middle otherwise.
    live      True: nothing is tabled, the function is called whenever a slider moves. Needs a running kernel, and
              `ylim` or `limits` in every builder, since nobody knows what the next frame will hold.
    labels    {slider: words beside it}, its name unless given.
    play      name of the slider that gets a button to run through its values.
    sliders   its values: (N,) increasing numbers, or a list of words; N at least 2.

    Returns an Explorer; as the last line of a cell it is shown. Raises ValueError naming the argument, also where
    the panels of two positions don't match or the table is over MOST_BYTES.

    >>> def share(z=0.9):
    ...     left = z ** np.arange(51)
    ...     return curves({"GRU": left}, title="What is left"), f"After 50 steps {left[-1]:.3f} is left."
    >>> explorer = explore(share, z=[0.5, 0.9, 0.99])
    >>> explorer.values, explorer.frames["words"][-1]
    ({'z': 0.9}, 'After 50 steps 0.605 is left.')
    """
    if not sliders:
        raise ValueError("sliders: got none, wants at least one, such as w=np.linspace(0, 10, 41)")
    labels = labels or {}
    if set(labels) - set(sliders):
        raise ValueError(f"labels: got {sorted(set(labels) - set(sliders))}, wants names of sliders: {list(sliders)}")
    if play is not None:
        _validate.choice("play", play, sliders)
    try:
        parameters = inspect.signature(function).bind(**sliders).signature.parameters
    except TypeError as error:
        raise ValueError(f"function: can't be called with the sliders {list(sliders)}: {error}") from None
    grid = {name: _grid(name, values) for name, values in sliders.items()}
    start = [_start(values, parameters.get(name)) for name, values in grid.items()]
    controls = [_control(labels.get(name, name), values) for name, values in grid.items()]
    positions = [start] if live else itertools.product(*(range(len(values)) for values in grid.values()))
    look, frames = _table(function, grid, positions, live)
    spec = {"live": live, "controls": controls, "panels": look, "start": start, "play": None}
    if play is not None:
        spec["play"] = list(grid).index(play)
    return Explorer(function, grid, spec, frames, start)


class Explorer(anywidget.AnyWidget):
    """An interactive figure; made by `explore`.

    spec    what never moves: controls, where they start, which one plays, and the look of every panel.
    frames  what moves: {"numbers": float32 bytes, "shades": uint8 bytes, "words": [sentence], "equations": [[line]]},
            one after the other for every slider position, last slider fastest; of the present position only if live.
            "at" tells which.
    at      [index of each slider's value].
    """

    _esm = _page.script("explorer")
    _css = Path(__file__).with_name("explorer.css")
    spec = traitlets.Dict().tag(sync=True)
    frames = traitlets.Dict().tag(sync=True)
    at = traitlets.List(traitlets.Int()).tag(sync=True)

    def __init__(self, function: Callable[..., tuple], grid: Grid, spec: dict, frames: dict, at: list[int]) -> None:
        super().__init__(spec=spec, frames=frames, at=at)
        self._function, self._grid = function, grid
        self._poster: dict[str, str] = {}
        if spec["live"]:
            self.observe(self._answer, "at")

    def __repr__(self) -> str:
        return f"Explorer of {', '.join(self._grid)}: run this cell to move its figure"

    def _repr_mimebundle_(self, **kwargs: dict) -> tuple[dict, dict] | None:
        """The view, and beside it the poster: Jupyter shows the view where there is a kernel."""
        view = super()._repr_mimebundle_(**kwargs)
        if view is None:
            return None
        self._poster = self._poster or _poster(self._grid, self.spec, *_called(self._function, self.start))
        return view[0] | self._poster, view[1]

    @property
    def start(self) -> dict:
        """{slider: the value where it begins}."""
        return _values(self._grid, self.spec["start"])

    @property
    def values(self) -> dict:
        """{slider: its present value}."""
        return _values(self._grid, self.at)

    def _answer(self, change: object) -> None:
        look, frames = _table(self._function, self._grid, [self.at], live=True)
        _same_look(self.spec["panels"], look, self.values)
        self.frames = frames


def _grid(name: str, values: ArrayLike) -> list:
    """A slider's values: a list of words, or (N,) increasing float64."""
    given: list = list(values)  # type: ignore[arg-type]
    if len(given) < 2:
        raise ValueError(f"{name}: got a grid of {len(given)} values, wants at least 2")
    if all(isinstance(value, str) for value in given):
        return given
    numbers = _validate.array(name, given, ("N",))
    if not np.all(np.diff(numbers) > 0):
        raise ValueError(f"{name}: got values that don't increase, wants each above the one before, or words")
    return np.where(np.abs(numbers) < 1e-12 * np.ptp(numbers), 0, numbers).tolist()  # linspace may miss 0 by a hair


def _start(values: list, parameter: inspect.Parameter | None) -> int:
    """Index of the value nearest to the parameter's default, or of the middle."""
    if parameter is None or parameter.default is inspect.Parameter.empty:
        return len(values) // 2
    if isinstance(values[0], str):
        return values.index(_validate.choice(f"default of {parameter.name}", parameter.default, values))
    return int(np.argmin(np.abs(np.array(values) - parameter.default)))


def _control(label: str, values: list) -> dict:
    words = isinstance(values[0], str)
    texts = values if words else [f"{value:.4g}".replace("-", "−") for value in values]
    return {"label": _plain("labels", label), "menu": words, "texts": texts}


def _values(grid: Grid, at: Iterable[int]) -> dict:
    return {name: values[i] for (name, values), i in zip(grid.items(), at, strict=True)}


def _table(
    function: Callable[..., tuple], grid: Grid, positions: Iterable[Sequence[int]], live: bool
) -> tuple[list[dict], dict]:
    """The panels' looks, limits found, and the frames of all positions."""
    look: list[dict] = []
    tables: list[tuple[list, list]] = []  # of each panel: its numbers and its shades, one array a position
    words: list[str] = []
    equations: list[list[str]] = []
    size = 0
    for at in positions:
        values = _values(grid, at)
        try:
            panels, lines, sentence = _called(function, values)
            looks = [panel.look | {"size": len(panel.numbers)} for panel in panels]
            if live and any(panel["limits"] is None for panel in looks):
                raise ValueError("ylim or limits: got None, wants two numbers in every panel of a live explorer")
            look = look or looks
            _same_look(look, looks, values)
            if equations and len(lines) != len(equations[0]):
                raise ValueError(
                    f"function: returned {len(lines)} equations, wants {len(equations[0])} as at the first position"
                )
        except ValueError as error:
            error.add_note(f"at {values}")
            raise
        tables = tables or [([], []) for _ in panels]
        for (of_numbers, of_shades), panel in zip(tables, panels, strict=True):
            of_numbers.append(panel.numbers)
            of_shades.append(panel.shades)
            size += 4 * panel.numbers.size + (0 if panel.shades is None else panel.shades.size)
        words.append(sentence)
        equations.append(lines)
        size += sum(len(text.encode()) for text in [sentence, *lines])
        if size > MOST_BYTES:
            total = np.prod([len(values) for values in grid.values()]) * size / len(words) / 2**20
            raise ValueError(
                f"{', '.join(grid)}: got a table of {total:.1f} MB, wants at most {MOST_BYTES / 2**20:g} MB: "
                "fewer slider values, fewer points, or live=True"
            )
    blocks, shade_blocks = [], []
    for each, (of_numbers, of_shades) in zip(look, tables, strict=True):
        numbers = np.array(of_numbers)
        blocks.append(numbers.astype("<f4"))
        if each["kind"] == "heatmap":
            shades = np.array(of_shades)
            low, high = each["limits"] = each["limits"] or _colour_limits(shades, each["map"])
            each["beyond"] = [bool(np.nanmin(shades) < low), bool(np.nanmax(shades) > high)]
            steps = np.clip((shades - low) / (high - low), 0, 1) * (NOTHING - 1)
            shade_blocks.append(np.where(np.isnan(shades), NOTHING, steps.round()).astype("u1").reshape(len(words), -1))
        else:
            each["limits"] = each["limits"] or _axis_limits(numbers, each)
    frames = {"numbers": np.hstack(blocks).tobytes(), "words": words, "equations": equations, "at": list(at)}
    frames["shades"] = np.hstack(shade_blocks).tobytes() if shade_blocks else b""
    return look, frames


def _called(function: Callable[..., tuple], values: dict) -> tuple[list[Panel], list[str], str]:
    """Panels, equations and the sentence of one position."""
    result = function(**values)
    if (
        not isinstance(result, tuple)
        or not all(isinstance(part, Panel | Equation) for part in result[:-1])
        or not any(isinstance(part, Panel) for part in result)
        or not isinstance(result[-1], str)
        or not result[-1].strip()
    ):
        raise ValueError(f"function: returned {type(result).__name__}, wants a tuple: panels, then a sentence")
    panels = [part for part in result if isinstance(part, Panel)]
    return panels, [part.text for part in result if isinstance(part, Equation)], result[-1]


def _same_look(wants: list[dict], got: list[dict], values: dict) -> None:
    """Complain unless all panels of this frame look as those of the first did."""
    if len(got) != len(wants):
        raise ValueError(f"function: returned {len(got)} panels, wants {len(wants)} as at the first position")
    for i, (want, have) in enumerate(zip(wants, got, strict=True)):
        for key in have:
            if key not in ("limits", "beyond") and have[key] != want.get(key):
                raise ValueError(
                    f"function: {key} of panel {i} is {have[key]!r}, wants {want.get(key)!r} as at the first position"
                )


def _colour_limits(shades: np.ndarray, kind: str) -> list[float]:
    finite = shades[np.isfinite(shades)]
    low, high = (finite.min(), finite.max()) if kind == "norm" else (-np.abs(finite).max(), np.abs(finite).max())
    return [float(low), float(high) if high > low else float(low) + 1]


def _axis_limits(numbers: np.ndarray, panel: dict) -> list[float]:
    """Lowest and highest y of all frames, with a margin."""
    if panel["kind"] == "stacked":
        shape = (len(numbers), len(panel["names"]), len(panel["x"]))
        return [0.0, float(numbers[:, : np.prod(shape[1:])].reshape(shape).sum(axis=1).max()) * 1.02 or 1.0]
    moving = numbers[:, : panel["size"] - 2 * len(panel["marks"])]
    low, high = np.nanmin(moving), np.nanmax(moving)
    if panel["kind"] == "bars":
        low = low if panel["log"] else min(low, 0)
    elif panel["reference"]:
        low, high = min(low, *panel["reference"]), max(high, *panel["reference"])
    margin = 0.05 * (high - low) or 0.5
    return [float(low - margin), float(high + margin)]


def _look(
    kind: str,
    names: Iterable[str],
    title: str,
    xlabel: str,
    ylabel: str,
    limits: Limits,
    log: bool = False,
    **more: Any,
) -> dict[str, Any]:
    """What a panel looks like, checked: its builder's arguments and `more` under their names."""
    texts = {"title": title, "xlabel": xlabel, "ylabel": ylabel}
    look: dict[str, Any] = {key: _plain(key, text) for key, text in texts.items()}
    if not title:
        raise ValueError(f"title: got {title!r}, wants words that say what the panel shows")
    if limits is not None:
        ends = _scaled("limits" if kind == "heatmap" else "ylim", limits, log)
        if ends.shape != (2,) or not ends[0] < ends[1]:
            raise ValueError("ylim or limits: wants two numbers, (lowest, highest)")
    found = None if limits is None else ends.tolist()
    words = [_plain("names", name) for name in names]
    return look | {"kind": kind, "names": words, "limits": found, "log": log} | more


def _plain(name: str, text: str) -> str:
    if not isinstance(text, str) or "$" in text or "\\" in text:
        raise ValueError(f"{name}: got {text!r}, wants plain text: ∂, λ, ‖ as they are, h_t for an index")
    return text


def _rows(name: str, lines: Mapping[str, ArrayLike]) -> np.ndarray:
    """{name: (N,)} as (lines, N)."""
    if not lines:
        raise ValueError(f"{name}: got nothing, wants at least one entry")
    rows = {f"{name}[{key!r}]": np.asarray(values, dtype=float) for key, values in lines.items()}
    length = next(iter(rows.values())).shape
    for key, row in rows.items():
        if row.ndim != 1 or row.shape != length or row.size == 0:
            raise ValueError(f"{key}: got shape {row.shape}, wants ({length[0] if length else 'N'},) as all entries")
        _numbers(key, row)
    return np.array(list(rows.values()))


def _numbers(name: str, values: np.ndarray) -> None:
    """NaN is a gap, but there must be something to draw."""
    if np.any(np.isinf(values)):
        raise ValueError(f"{name}: got inf, wants finite numbers")
    if np.all(np.isnan(values)):
        raise ValueError(f"{name}: got nothing but NaN, wants numbers")


def _scaled(name: str, values: ArrayLike, log: bool) -> np.ndarray:
    """log10 on a log axis, zero as a gap."""
    numbers = np.asarray(values, dtype=float)
    if not log:
        return numbers
    if np.any(numbers < 0):
        raise ValueError(f"{name}: got a negative number, wants none on a log axis")
    with np.errstate(divide="ignore"):
        logs = np.log10(numbers)
    return np.where(np.isneginf(logs), np.nan, logs)


def _with_marks(look: dict[str, Any], rows: np.ndarray, marks: Marks) -> Panel:
    """The Panel of these rows, with its marks' coordinates behind them."""
    marks = marks or {}
    spots = [_validate.array(f"marks[{words!r}]", spot, (2,)) for words, spot in marks.items()]
    if look["log"]:
        spots = [np.array([x, _scaled("marks", y, True)]) for x, y in spots]
    look["marks"] = [_plain("marks", words) for words in marks]
    return Panel(look, np.concatenate([rows.ravel(), *spots]))


def _for_canvas(colour: str, dash: figures.Dash) -> dict:
    """A matplotlib line style as the canvas takes it: pixels of stroke and gap."""
    pattern = [] if isinstance(dash, str) else [1.9 * length for length in dash[1]]
    return {"colour": colour, "dash": pattern}


# ---------------------------------------------------------------------------------------------------------------------
# The poster: the start of an explorer as a picture, for all places where nothing moves


def _poster(grid: Grid, spec: dict, panels: list[Panel], equations: list[str], sentence: str) -> dict[str, str]:
    """{MIME type: content} of the picture at the start: panels under slider values, equations and the sentence."""
    controls = zip(spec["controls"], spec["start"], strict=True)
    stands = ", ".join(f"{control['label']} = {control['texts'][i]}" for control, i in controls)
    columns = len(panels) if len(panels) <= 3 else 2
    width = {1: 5.6, 2: 8.4, 3: 11.0}[columns]
    rows = -(-len(panels) // columns)
    head = [line for text in (stands, *equations, sentence) for line in textwrap.wrap(text, int(12 * width))]
    above = 0.1 + 0.21 * len(head)
    high, wide = above + 2.9 * rows, width / columns
    figure = Figure(figsize=(width, high), dpi=110)
    figure.set_layout_engine("none")  # laid out by hand: by matplotlib it takes several times as long as all the rest
    canvas = FigureCanvasAgg(figure)
    figure.text(0.008, 1 - 0.1 / high, "\n".join(map(_mathtext, head)), va="top", linespacing=1.45)
    for i, (panel, look) in enumerate(zip(panels, spec["panels"], strict=True)):
        left, top = wide * (i % columns) + 0.72, high - above - 2.9 * (i // columns) - 0.35
        letters = max(map(len, [*look["names"], *look.get("called", ())]), default=0)
        right = {"bars": 0.15, "heatmap": 0.5}.get(look["kind"], min(0.25 + 0.075 * letters, 0.3 * wide))
        place = {"left": left / width, "right": (wide * (i % columns + 1) - right) / width}
        place |= {"top": top / high, "bottom": (top - 2.0) / high}
        _draw(figure.add_subplot(figure.add_gridspec(1, 1, **place)[0]), look, panel)
    buffer = io.BytesIO()
    canvas.print_png(buffer, pil_kwargs={"compress_level": 1})
    titles = "; ".join(look["title"] for look in spec["panels"])
    alt = " ".join([f"{titles}. At {stands}:", *(f"{text}." for text in equations), sentence])
    return figures.bundle(buffer.getvalue(), f"{alt} Run this cell to move the figure.")


def _draw(ax: Axes, look: dict, panel: Panel) -> None:
    """One panel into these axes, by the namesake of its builder in `figures`."""
    texts: dict[str, Any] = {key: _mathtext(look[key]) for key in ("title", "xlabel", "ylabel")}
    names = [_mathtext(name) for name in look["names"]]
    spots = panel.numbers[panel.numbers.size - 2 * len(look.get("marks", ())) :].reshape(-1, 2)
    low, high = look["limits"]
    real = (lambda y: 10.0 ** np.asarray(y)) if look["log"] else np.asarray
    if look["kind"] == "heatmap":
        options: dict[str, Any] = {"kind": look["map"], "label": _mathtext(look["label"]), "extent": look["extent"]}
        assert panel.shades is not None
        figures.heatmap(panel.shades, limits=(low, high), ax=ax, **texts, **options)
        path = panel.numbers[: 2 * look["length"]].reshape(2, -1)
        for colour, thick in (("#222222", 2.6), ("#ffffff", 1.0)):
            ax.plot(*path, ".-", color=colour, linewidth=thick, markersize=3 * thick, zorder=4)
        ax.set(xlim=look["extent"][:2], ylim=look["extent"][2:])
    elif look["kind"] == "bars":
        heights = dict(zip(names, real(panel.numbers), strict=True))
        texts.pop("xlabel")
        figures.bars(heights, log=look["log"], ax=ax, **texts)
        for patch, style in zip(ax.patches, look["styles"], strict=True):
            patch.set_facecolor(style["colour"])
        ax.set_ylim(*real([low, high]))
    else:
        length = len(look["x"])
        rows = real(panel.numbers[: len(names) * length]).reshape(len(names), length)
        lines = dict(zip(names, rows, strict=True))
        if look["kind"] == "stacked":
            figures.stacked(lines, x=look["x"], ax=ax, **texts)
            ax.set_ylim(low, high)
        else:
            named = zip(look["called"], look["reference"], strict=True)
            references = {_mathtext(name): float(real(y)) for name, y in named}
            figures.curves(lines, x=look["x"], log=look["log"], reference=references, ax=ax, names=False, **texts)
            ax.set_ylim(*real([low, high]))
            if look["points"]:
                for line in ax.lines[: len(lines)]:
                    line.set(marker="o", markersize=4)
            if look["ticks"]:
                ax.set_xticks(look["x"], [_mathtext(word) for word in look["ticks"]])
            figures.label_ends(ax)
        if not look.get("ticks"):
            whole = all(float(x).is_integer() for x in look["x"])
            ax.xaxis.set_major_locator(ticker.MaxNLocator(5, integer=whole, steps=[1, 2, 5, 10]))
    for words, (x, y) in zip(look.get("marks", ()), spots, strict=True):
        if np.isfinite([x, y]).all():
            figures.mark(ax, x, float(real(y)), _mathtext(words))


def _mathtext(text: str) -> str:
    """Plain text as matplotlib writes its indices and powers."""
    pieces = re.sub(r"([_^])(?:\{([^}]*)\}|(\S))", r"$\1{\\mathregular{\2\3}}$", text)
    return pieces.replace("$$", "")
