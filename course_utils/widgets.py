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
with any drag, and goes on moving in an exported page with no kernel. Its defaults say where the sliders begin. Values
that are words, `reset=["before", "after"]`, become a menu. What can't be tabled takes `live=True`: the function is then
called when a slider moves.

The builders are `curves`, `heatmap`, `bars` and `stacked`, with the arguments of their namesakes in
`course_utils.figures` and the same colours and dashes. Titles, names and axes stay, numbers move. Text is plain: write
∂, λ and ‖ as they are, and h_t or h_{t-1} for an index, 10^k for a power. `marks={"here": (x, y)}` puts a dot with
words into a panel.
"""

import inspect
import itertools
from dataclasses import dataclass
from pathlib import Path

import anywidget
import matplotlib.pyplot as plt
import numpy as np
import traitlets

from course_utils import _validate, figures

MOST_BYTES = 2**20  # of one explorer's table
NOTHING = 255  # the shade of NaN in a heatmap


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


def curves(
    lines,
    *,
    title,
    xlabel="",
    ylabel="",
    x=None,
    log=False,
    reference=None,
    ylim=None,
    marks=None,
    points=False,
    ticks=None,
):
    """One line per entry of `lines`, its name written at its right end.

    lines      {name: (N,)}, all of one length; NaN leaves a gap.
    x          (N,), shared by all lines, 0..N-1 unless given.
    log        True: logarithmic y axis; zeros leave a gap.
    reference  draw a thin line at this y, e.g. 1 for norms.
    ylim       (lowest, highest) y, from the whole table unless given.
    marks      {words: (x, y)}, a dot and its words.
    points     True: a dot at every number, for lines of few steps.
    ticks      (N,) words to stand below the x axis, one at each x, instead of numbers.

    Returns a Panel. Raises ValueError naming the argument: also for inf, a line of nothing but NaN, or a negative
    number on a log axis.
    """
    ys = _rows("lines", lines)
    x = np.arange(ys.shape[1]) if x is None else _validate.array("x", x, (ys.shape[1],))
    look = _look("curves", lines, title, xlabel, ylabel, ylim, log, x=x.tolist(), points=bool(points))
    look["reference"] = None if reference is None else float(_scaled("reference", reference, log))
    look["styles"] = [_for_canvas(*style) for style in figures.line_styles(lines)]
    look["ticks"] = None if ticks is None else [_plain("ticks", word) for word in ticks]
    if ticks is not None and len(look["ticks"]) != len(x):
        raise ValueError(f"ticks: got {len(look['ticks'])} words, wants {len(x)}, one for each x")
    return _with_marks(look, _scaled("lines", ys, log), marks)


def stacked(parts, *, title, xlabel="", ylabel="", x=None, ylim=None, marks=None):
    """Shares stacked on top of each other, first at the bottom, each named at its right end.

    parts  {name: (N,) non-negative}; names of GRU paths get their fixed colours. Others as in `curves`.

    Returns a Panel. Raises ValueError naming the argument.
    """
    ys = _rows("parts", parts)
    if not np.all(ys >= 0):
        raise ValueError("parts: got a negative share or NaN, wants numbers of at least 0")
    x = np.arange(ys.shape[1]) if x is None else _validate.array("x", x, (ys.shape[1],))
    look = _look("stacked", parts, title, xlabel, ylabel, ylim, x=x.tolist())
    look["styles"] = [_for_canvas(colour, "-") for colour in figures.part_colours(parts)]
    return _with_marks(look, ys, marks)


def bars(values, *, title, ylabel="", ylim=(0, 1), log=False, colour=figures.GRU):
    """One bar per entry of {name: height}, its height written on top. `ylim` suits gates; None: from the whole table.

    Returns a Panel. Raises ValueError naming the argument.
    """
    heights = _rows("values", {name: [height] for name, height in values.items()})
    look = _look("bars", values, title, "", ylabel, ylim, log)
    look["styles"] = [_for_canvas(each, "-") for each in figures.bar_colours(values, colour)]
    return Panel(look, _scaled("values", heights, log).ravel())


def heatmap(
    values, *, title, xlabel="", ylabel="", kind="norm", label="", limits=None, extent=None, path=None, marks=None
):
    """A matrix as colours, row 0 at the top, NaN left empty.

    values  (rows, columns).
    kind, label, limits, extent  as in `figures.heatmap`; limits come from the whole table unless given.
    path    (N, 2), x and y of dots that a line joins across the map; NaN leaves a gap.

    Returns a Panel. Raises ValueError naming the argument: also for inf or nothing but NaN.
    """
    _validate.choice("kind", kind, figures.MAPS)
    values = np.asarray(values, dtype=float)
    if values.ndim != 2 or values.size == 0:
        raise ValueError(f"values: got shape {values.shape}, wants (rows, columns)")
    _numbers("values", values)
    rows, columns = values.shape
    extent = (-0.5, columns - 0.5, rows - 0.5, -0.5) if extent is None else extent
    path = np.empty((0, 2)) if path is None else np.asarray(path, dtype=float)
    if path.ndim != 2 or path.shape[1] != 2:
        raise ValueError(f"path: got shape {path.shape}, wants (N, 2), x and y of each dot")
    if path.size:
        _numbers("path", path)
    names = [xlabel or "x", ylabel or "y"] if path.size else []  # a path is one line of each
    look = _look("heatmap", names, title, xlabel, ylabel, (0, 1) if kind == "gate" else limits, length=len(path))
    look["extent"] = _validate.array("extent", extent, (4,)).tolist()
    palette = plt.get_cmap(figures.MAPS[kind])(np.linspace(0, 1, NOTHING))[:, :3]
    look |= {"map": kind, "label": _plain("label", label), "shape": [rows, columns]}
    look["palette"] = (255 * palette).round().astype(int).ravel().tolist()
    panel = _with_marks(look, path.T, marks)
    return Panel(panel.look, panel.numbers, values)


def explore(function, *, live=False, labels=None, **sliders):
    """Sliders above the panels that `function` returns. See the head of this module for an example.

    function  called with one value per slider by name; returns one or more Panels and then a sentence. A default
              value of an argument says where its slider begins; the middle otherwise.
    live      True: nothing is tabled, the function is called whenever a slider moves. Needs a running kernel, and
              `ylim` or `limits` in every builder, since nobody knows what the next frame will hold.
    labels    {slider: words beside it}, its name unless given.
    sliders   its values: (N,) increasing numbers, or a list of words; N at least 2.

    Returns an Explorer; as the last line of a cell it is shown. Raises ValueError naming the argument, also where
    the panels of two positions don't match or the table is over MOST_BYTES.
    """
    if not sliders:
        raise ValueError("sliders: got none, wants at least one, such as w=np.linspace(0, 10, 41)")
    labels = labels or {}
    if set(labels) - set(sliders):
        raise ValueError(f"labels: got {sorted(set(labels) - set(sliders))}, wants names of sliders: {list(sliders)}")
    try:
        parameters = inspect.signature(function).bind(**sliders).signature.parameters
    except TypeError as error:
        raise ValueError(f"function: can't be called with the sliders {list(sliders)}: {error}") from None
    grid = {name: _grid(name, values) for name, values in sliders.items()}
    start = [_start(values, parameters.get(name)) for name, values in grid.items()]
    controls = [_control(labels.get(name, name), values) for name, values in grid.items()]
    positions = [start] if live else itertools.product(*(range(len(values)) for values in grid.values()))
    look, frames = _table(function, grid, positions, live)
    return Explorer(function, grid, {"live": live, "controls": controls, "panels": look}, frames, start)


class Explorer(anywidget.AnyWidget):
    """An interactive figure; made by `explore`.

    spec    what never moves: controls and the look of every panel.
    frames  what moves: {"numbers": float32 bytes, "shades": uint8 bytes, "words": [sentence]}, one after the other
            for every slider position, last slider fastest; of the present position only if live. "at" tells which.
    at      [index of each slider's value].
    """

    _esm = Path(__file__).with_name("explorer.js")
    _css = Path(__file__).with_name("explorer.css")
    spec = traitlets.Dict().tag(sync=True)
    frames = traitlets.Dict().tag(sync=True)
    at = traitlets.List(traitlets.Int()).tag(sync=True)

    def __init__(self, function, grid, spec, frames, at):
        super().__init__(spec=spec, frames=frames, at=at)
        self._function, self._grid = function, grid
        if spec["live"]:
            self.observe(self._answer, "at")

    def __repr__(self):
        return f"Explorer of {', '.join(self._grid)}: run this cell to move its figure"

    @property
    def values(self):
        """{slider: its present value}."""
        return _values(self._grid, self.at)

    def _answer(self, change):
        look, frames = _table(self._function, self._grid, [self.at], live=True)
        _same_look(self.spec["panels"], look, self.values)
        self.frames = frames


def _grid(name, values):
    """A slider's values: a list of words, or (N,) increasing float64."""
    values = list(values)
    if len(values) < 2:
        raise ValueError(f"{name}: got a grid of {len(values)} values, wants at least 2")
    if all(isinstance(value, str) for value in values):
        return values
    values = _validate.array(name, values, ("N",))
    if not np.all(np.diff(values) > 0):
        raise ValueError(f"{name}: got values that don't increase, wants each above the one before, or words")
    return np.where(np.abs(values) < 1e-12 * np.ptp(values), 0, values).tolist()  # linspace may miss 0 by a hair


def _start(values, parameter):
    """Index of the value nearest to the parameter's default, or of the middle."""
    default = inspect.Parameter.empty if parameter is None else parameter.default
    if default is inspect.Parameter.empty:
        return len(values) // 2
    if isinstance(values[0], str):
        return values.index(_validate.choice(f"default of {parameter.name}", default, values))
    return int(np.argmin(np.abs(np.array(values) - default)))


def _control(label, values):
    words = isinstance(values[0], str)
    texts = values if words else [f"{value:.4g}".replace("-", "−") for value in values]
    return {"label": _plain("labels", label), "menu": words, "texts": texts}


def _values(grid, at):
    return {name: values[i] for (name, values), i in zip(grid.items(), at, strict=True)}


def _table(function, grid, positions, live):
    """The panels' looks, limits found, and the frames of all positions."""
    look, tables, words, size = None, None, [], 0
    for at in positions:
        values = _values(grid, at)
        try:
            *panels, sentence = _called(function, values)
            looks = [panel.look | {"size": len(panel.numbers)} for panel in panels]
            if live and any(panel["limits"] is None for panel in looks):
                raise ValueError("ylim or limits: got None, wants two numbers in every panel of a live explorer")
            look = look or looks
            _same_look(look, looks, values)
        except ValueError as error:
            error.add_note(f"at {values}")
            raise
        tables = tables or [([], []) for _ in panels]
        for (numbers, shades), panel in zip(tables, panels, strict=True):
            numbers.append(panel.numbers)
            shades.append(panel.shades)
            size += 4 * panel.numbers.size + (0 if panel.shades is None else panel.shades.size)
        words.append(sentence)
        size += len(sentence.encode())
        if size > MOST_BYTES:
            total = np.prod([len(values) for values in grid.values()]) * size / len(words) / 2**20
            raise ValueError(
                f"{', '.join(grid)}: got a table of {total:.1f} MB, wants at most {MOST_BYTES / 2**20:g} MB: "
                "fewer slider values, fewer points, or live=True"
            )
    blocks, shade_blocks = [], []
    for panel, (numbers, shades) in zip(look, tables, strict=True):
        numbers = np.array(numbers)
        blocks.append(numbers.astype("<f4"))
        if panel["kind"] == "heatmap":
            shades = np.array(shades)
            low, high = panel["limits"] = panel["limits"] or _colour_limits(shades, panel["map"])
            steps = np.clip((shades - low) / (high - low), 0, 1) * (NOTHING - 1)
            shade_blocks.append(np.where(np.isnan(shades), NOTHING, steps.round()).astype("u1").reshape(len(words), -1))
        else:
            panel["limits"] = panel["limits"] or _axis_limits(numbers, panel)
    frames = {"numbers": np.hstack(blocks).tobytes(), "words": words, "at": list(at)}
    frames["shades"] = np.hstack(shade_blocks).tobytes() if shade_blocks else b""
    return look, frames


def _called(function, values):
    result = function(**values)
    if (
        not isinstance(result, tuple)
        or len(result) < 2
        or not all(isinstance(panel, Panel) for panel in result[:-1])
        or not isinstance(result[-1], str)
        or not result[-1].strip()
    ):
        raise ValueError(f"function: returned {type(result).__name__}, wants a tuple: panels, then a sentence")
    return result


def _same_look(wants, got, values):
    """Complain unless all panels of this frame look as those of the first did."""
    if len(got) != len(wants):
        raise ValueError(f"function: returned {len(got)} panels, wants {len(wants)} as at the first position")
    for i, (want, have) in enumerate(zip(wants, got, strict=True)):
        for key in have:
            if key != "limits" and have[key] != want.get(key):
                raise ValueError(
                    f"function: {key} of panel {i} is {have[key]!r}, wants {want.get(key)!r} as at the first position"
                )


def _colour_limits(shades, kind):
    finite = shades[np.isfinite(shades)]
    low, high = (finite.min(), finite.max()) if kind == "norm" else (-np.abs(finite).max(), np.abs(finite).max())
    return [float(low), float(high) if high > low else float(low) + 1]


def _axis_limits(numbers, panel):
    """Lowest and highest y of all frames, with a margin."""
    if panel["kind"] == "stacked":
        shape = (len(numbers), len(panel["names"]), len(panel["x"]))
        return [0.0, float(numbers[:, : np.prod(shape[1:])].reshape(shape).sum(axis=1).max()) * 1.02 or 1.0]
    moving = numbers[:, : panel["size"] - 2 * len(panel["marks"])]
    low, high = np.nanmin(moving), np.nanmax(moving)
    if panel["kind"] == "bars":
        low = low if panel["log"] else min(low, 0)
    elif panel["reference"] is not None:
        low, high = min(low, panel["reference"]), max(high, panel["reference"])
    margin = 0.05 * (high - low) or 0.5
    return [float(low - margin), float(high + margin)]


def _look(kind, names, title, xlabel, ylabel, limits, log=False, **more):
    texts = {"title": title, "xlabel": xlabel, "ylabel": ylabel}
    look = {key: _plain(key, text) for key, text in texts.items()}
    if not title:
        raise ValueError(f"title: got {title!r}, wants words that say what the panel shows")
    if limits is not None:
        limits = _scaled("limits" if kind == "heatmap" else "ylim", limits, log)
        if limits.shape != (2,) or not limits[0] < limits[1]:
            raise ValueError("ylim or limits: wants two numbers, (lowest, highest)")
        limits = limits.tolist()
    return (
        look | {"kind": kind, "names": [_plain("names", name) for name in names], "limits": limits, "log": log} | more
    )


def _plain(name, text):
    if not isinstance(text, str) or "$" in text or "\\" in text:
        raise ValueError(f"{name}: got {text!r}, wants plain text: ∂, λ, ‖ as they are, h_t for an index")
    return text


def _rows(name, lines):
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


def _numbers(name, values):
    """NaN is a gap, but there must be something to draw."""
    if np.any(np.isinf(values)):
        raise ValueError(f"{name}: got inf, wants finite numbers")
    if np.all(np.isnan(values)):
        raise ValueError(f"{name}: got nothing but NaN, wants numbers")


def _scaled(name, values, log):
    """log10 on a log axis, zero as a gap."""
    values = np.asarray(values, dtype=float)
    if not log:
        return values
    if np.any(values < 0):
        raise ValueError(f"{name}: got a negative number, wants none on a log axis")
    with np.errstate(divide="ignore"):
        logs = np.log10(values)
    return np.where(np.isneginf(logs), np.nan, logs)


def _with_marks(look, rows, marks):
    """The Panel of these rows, with its marks' coordinates behind them."""
    marks = marks or {}
    spots = [_validate.array(f"marks[{words!r}]", spot, (2,)) for words, spot in marks.items()]
    if look["log"]:
        spots = [np.array([x, _scaled("marks", y, True)]) for x, y in spots]
    look["marks"] = [_plain("marks", words) for words in marks]
    return Panel(look, np.concatenate([rows.ravel(), *spots]))


def _for_canvas(colour, dash):
    """A matplotlib line style as the canvas takes it: pixels of stroke and gap."""
    pattern = [] if dash == "-" else [1.9 * length for length in dash[1]]
    return {"colour": colour, "dash": pattern}
