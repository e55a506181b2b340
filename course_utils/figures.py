"""Arrays in, matplotlib axes out. Importing this module puts the course's style in force.

The same colour means the same thing in every figure: RNN vermilion, GRU blue, LSTM dark grey and
dashed; gradients of no particular model wine red, states green. A variant of a model (another
initialisation, another gate setting) keeps its colour, takes another dash, and is named on its line.
"""

import base64
import html
import io
import math
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display
from matplotlib import patheffects, ticker
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from PIL import Image  # comes with matplotlib

from course_utils import _validate

plt.style.use(Path(__file__).with_name("course.mplstyle"))

RNN, GRU, LSTM = "#D55E00", "#0072B2", "#333333"
GRADIENT, STATE, OTHER, INK = "#882255", "#009E73", "#666666", "#222222"
COLOURS = {"RNN": RNN, "GRU": GRU, "LSTM": LSTM, "gradient": GRADIENT, "state": STATE}
PATH_COLOURS = {  # the ways through a GRU step (Okabe & Ito's palette)
    "direct": "#0072B2",
    "update": "#E69F00",
    "candidate": "#009E73",
    "reset": "#CC79A7",
}
MAPS = {"norm": "cividis", "gate": "cividis", "signed": "RdBu_r"}  # colours of a heatmap
# A picture is a sheet of paper on any page: on a dark one it has a rim of its own colour, and round corners.
PAPER = "display:inline-block;box-sizing:border-box;max-width:100%;margin:0.3em 0;padding:0.5em;background:#fff;"
PAPER += "border:1px solid #d9d9d9;border-radius:8px"
MOST_DECADES = 7  # ticks on a logarithmic axis
References = float | Mapping[str, float] | None  # a y, or {name: y}
Dash = str | tuple[float, tuple[float, ...]]  # as matplotlib takes it: "-", or (offset, (stroke, gap, ...))
DASHES: list[Dash] = ["-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (5, 1.5, 1.2, 1.5)), (0, (9, 2))]


def show(figure: Figure | Axes, alt: str) -> None:
    """Display a figure (or axes) with `alt`, a sentence that says what it shows to those who cannot see it.

    The output holds the picture twice: as an HTML <img> with its alt text, which JupyterLab and web pages show,
    and as a bare PNG for viewers that drop HTML; of a lesson that is stored, only one of them is kept
    (tools/notebooks.py). The figure is closed. Raises ValueError if `alt` has fewer than eight words.
    """
    if not isinstance(alt, str) or len(alt.split()) < 8:
        raise ValueError(f"alt: got {alt!r}, wants a sentence that says what the figure shows")
    whole = figure if isinstance(figure, Figure) else figure.get_figure(root=True)
    assert whole is not None  # axes stand in a figure until they are removed from it
    buffer = io.BytesIO()
    whole.savefig(buffer, format="png", pil_kwargs={"compress_level": 1})
    plt.close(whole)
    display(bundle(buffer.getvalue(), alt), raw=True)


def bundle(png: bytes, alt: str) -> dict[str, str]:
    """{MIME type: content} of a picture as notebooks store it: an HTML <img> with its alt text, the bare PNG, words."""
    data, words = base64.b64encode(_light(png)).decode(), html.escape(alt)
    img = f'<img alt="{words}" style="display:block;max-width:100%" src="data:image/png;base64,{data}">'
    picture = f'<figure style="{PAPER}">{img}</figure>'
    return {"text/html": picture, "image/png": data, "text/plain": f"Figure: {alt}"}


def _light(png: bytes) -> bytes:
    """The same picture in fewer bytes. A figure holds few colours, and their mixtures along the edges of what is drawn:
    256 chosen from them mostly look the same and take a third of the bytes. A map that needs more keeps them all."""
    picture, buffer = Image.open(io.BytesIO(png)).convert("RGB"), io.BytesIO()
    chosen = picture.quantize(256, dither=Image.Dither.NONE)
    off = np.abs(np.asarray(picture, int) - np.asarray(chosen.convert("RGB"), int)).max(axis=-1)  # of 255
    (chosen if np.mean(off > 8) < 1e-3 else picture).save(buffer, "png", optimize=True)
    return buffer.getvalue()


def decades(low: float, high: float, most: int = MOST_DECADES) -> list[int]:
    """Whole powers of ten to stand at a logarithmic axis from 10^low to 10^high.

    All are multiples of one step, the smallest of 1, 2, 3, 5, 10, 20, 30, 50, ... that gives at most `most` of them;
    so 10^0 is among them wherever it is in range.

    >>> decades(-12.3, 4)
    [-12, -9, -6, -3, 0, 3]
    """
    for step in (n * 10**k for k in range(9) for n in (1, 2, 3, 5)):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < most:
            break
    return [i * step for i in range(first, last + 1)]


class _Decades(ticker.LogLocator):
    """Ticks of `decades`; on an axis of no more than a decade and a half, 1, 2 and 5 times powers of ten."""

    def __call__(self) -> list[float]:
        assert self.axis is not None  # it is given to one before it is asked
        return self.tick_values(*self.axis.get_view_interval())

    def tick_values(self, vmin: float, vmax: float) -> list[float]:
        if not 0 < vmin < vmax:
            return []
        low, high = math.log10(vmin), math.log10(vmax)
        if high - low > 1.5:
            return [10.0**k for k in decades(low, high)]
        return [n * 10.0**k for k in range(math.floor(low), math.ceil(high) + 1) for n in (1, 2, 5)]


def _decade_text(value: float, _: object = None) -> str:
    """10^k where that is shorter to read than the number."""
    power = math.log10(value)
    if abs(power - round(power)) < 1e-9:
        return f"$\\mathdefault{{10^{{{round(power)}}}}}$"
    return f"{value:g}"


def _logarithmic(ax: Axes) -> None:
    """A logarithmic y axis that ticks at whole decades only."""
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(_Decades())
    ax.yaxis.set_minor_locator(ticker.NullLocator())
    ax.yaxis.set_major_formatter(ticker.FuncFormatter(_decade_text))


def named_references(reference: References) -> dict[str, float]:
    """{name: y} of reference lines; a bare number has the empty name."""
    if reference is None:
        return {}
    return dict(reference) if isinstance(reference, Mapping) else {"": float(reference)}


def line_styles(names: Iterable[str]) -> list[tuple[str, Dash]]:
    """(colour, dash) of each line, by how its name begins: "GRU", "GRU, z bias 3", "gradient at 5".

    A second, third, ... line of the same colour gets another dash.

    >>> line_styles(["GRU", "GRU, z bias 3", "LSTM"])
    [('#0072B2', '-'), ('#0072B2', (0, (5, 1.5))), ('#333333', (0, (5, 1.5)))]
    """
    used: dict[str, int] = {}
    styles = []
    for name in names:
        kind = next((kind for kind in COLOURS if name.startswith(kind)), None)
        colour = OTHER if kind is None else COLOURS[kind]
        nth = used[colour] = used.get(colour, -1) + 1
        styles.append((colour, DASHES[(nth + (kind == "LSTM")) % len(DASHES)]))
    return styles


def part_colours(names: Iterable[str]) -> list[str]:
    """Colour of each stacked part: the fixed one of a GRU path, otherwise the next of the course's cycle."""
    spare = iter(plt.rcParams["axes.prop_cycle"].by_key()["color"])
    return [PATH_COLOURS.get(name) or next(spare) for name in names]


def bar_colours(names: Iterable[str], colour: str) -> list[str]:
    """Colour of each bar: that of the model or path it is named after, otherwise `colour`."""
    return [COLOURS.get(name.split()[0].rstrip(","), PATH_COLOURS.get(name, colour)) for name in names]


def panels(columns: int, rows: int = 1, height: float = 3.2, **options: Any) -> tuple[Figure, Any]:
    """A figure and its axes, side by side: one, an array of them, or (rows, columns) of them.

    `height` is that of a row in inches; `options` go to matplotlib's subplots (sharey=True, ...).
    """
    return plt.subplots(rows, columns, figsize=(8.4, height * rows), squeeze=True, **options)


def mark(
    ax: Axes,
    x: float,
    y: float,
    text: str,
    offset: tuple[float, float] = (6, 6),
    dot: bool = True,
    colour: str = INK,
) -> Axes:
    """A dot at (x, y) and a few words beside it, on a halo so that they read on any background.

    `offset` is in points (1/72 inch) from the dot; to its left, the words end there. Returns the axes.
    """
    if dot:
        ax.plot(x, y, "o", color=colour, markersize=5, zorder=5)
    note = ax.annotate(
        text,
        (x, y),
        xytext=offset,
        textcoords="offset points",
        fontsize="small",
        color=colour,
        ha="right" if offset[0] < 0 else "left",
        zorder=6,
    )
    note.set_path_effects([patheffects.withStroke(linewidth=2.5, foreground="white")])
    return ax


def curves(
    lines: Mapping[str, ArrayLike],
    *,
    title: str,
    xlabel: str,
    ylabel: str,
    x: ArrayLike | None = None,
    log: bool = False,
    reference: References = None,
    ax: Axes | None = None,
    names: bool = True,
) -> Axes:
    """One line per entry of `lines`, its name written at its right end instead of in a legend.

    lines      {name: y} with y (N,), or (S, N) for S seeds: then the median is drawn and the band
               from the least to the greatest seed shaded. A second, third, ... line of the same
               colour gets another dash.
    x          (N,), shared by all lines, 0..N-1 unless given.
    log        True: logarithmic y axis; zeros leave a gap.
    reference  draw a thin line at this y, e.g. 1 for norms; {"1: nothing is lost": 1} writes a name at its end.
    names      False: leave the names out, to write them elsewhere.

    Returns the axes.
    """
    ax = ax or plt.subplots()[1]
    for (name, values), (colour, dash) in zip(lines.items(), line_styles(lines), strict=True):
        y = np.atleast_2d(np.asarray(values, dtype=float))
        y = np.where(y > 0, y, np.nan) if log else y
        xs = np.arange(y.shape[1]) if x is None else np.asarray(x)
        (line,) = ax.plot(xs, _quietly(np.nanmedian, y), color=colour, linestyle=dash)
        line.set_gid(name)
        if len(y) > 1:
            ax.fill_between(
                xs,
                _quietly(np.nanmin, y),
                _quietly(np.nanmax, y),
                color=colour,
                alpha=0.15,
                linewidth=0,
            )
    if log:
        _logarithmic(ax)
    for name, height in named_references(reference).items():
        ax.axhline(height, color="#767676", linewidth=0.9, zorder=1).set_gid(name)
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel)
    ax.margins(x=0.01)
    if names:
        label_ends(ax)
    return ax


def _quietly(reduce: Callable, y: np.ndarray) -> np.ndarray:
    """`reduce` over seeds; a column of NaN only is NaN, without a warning."""
    keep = ~np.all(np.isnan(y), axis=0)
    result = np.full(y.shape[1], np.nan)
    result[keep] = reduce(y[:, keep], axis=0)
    return result


def label_ends(ax: Axes, gap: float = 1.25) -> Axes:
    """Write each line's gid at its right end, names at least `gap` text heights apart. Returns the axes.

    A name that would take more than 30 % of the panel's width is wrapped.
    """
    figure = ax.get_figure(root=True)
    assert figure is not None  # axes stand in a figure until they are removed from it
    if figure.get_layout_engine() is not None:  # where axes lie is known only once they have been laid out
        figure.draw_without_rendering()
    ends = []
    lower, upper = sorted(ax.get_ylim())
    for line in ax.lines:
        x, y = np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)
        if line.get_transform() == ax.get_yaxis_transform(which="grid"):  # a reference line's x is a share of the width
            x = np.full(len(y), ax.get_xlim()[1])
        seen = np.flatnonzero(np.isfinite(y) & (y >= lower) & (y <= upper))
        if line.get_gid() and len(seen):
            ends.append((line, x[seen[-1]], y[seen[-1]]))
    if not ends:
        return ax
    low, high = ax.get_window_extent().y0, ax.get_window_extent().y1
    ends.sort(key=lambda end: ax.transData.transform((end[1], end[2]))[1])
    panel = ax.get_subplotspec()
    share = 0.8 if panel is None else panel.get_position(figure).width  # of the figure, without room for labels
    most = 0.3 * share / 0.8 * figure.get_figwidth() * 72
    names = [_wrapped(str(line.get_gid()), most) for line, _, _ in ends]
    heights = [gap * plt.rcParams["font.size"] * 0.9 * figure.dpi / 72 * (1 + name.count("\n")) for name in names]
    spots = [float(np.clip(ax.transData.transform((x, y))[1], low, high)) for _, x, y in ends]
    for _ in range(200):  # neighbours that overlap move apart by half the overlap each, until none does
        for i in range(len(spots) - 1):
            overlap = (heights[i] + heights[i + 1]) / 2 - (spots[i + 1] - spots[i])
            if overlap > 1e-6:
                spots[i], spots[i + 1] = spots[i] - overlap / 2, spots[i + 1] + overlap / 2
    for name, (line, x, y), spot in zip(names, ends, spots, strict=True):
        at = ax.transData.transform((x, y))
        ax.annotate(
            name,
            (x, y),
            xytext=(6, (spot - at[1]) * 72 / figure.dpi),
            textcoords="offset points",
            color=line.get_color(),
            fontsize="small",
            va="center",
            linespacing=1.1,
            annotation_clip=False,
        )
    return ax


def _wrapped(name: str, most: float) -> str:
    """A name in lines of at most `most` points, broken at spaces; a longer word or formula has a line of its own."""
    letters = max(8, int(most / (0.58 * 0.83 * plt.rcParams["font.size"])))  # DejaVu Sans is .58 em wide on average
    whole = re.sub(r"\$[^$]*\$", lambda formula: formula[0].replace(" ", "\0"), name)
    lines = textwrap.wrap(whole, letters, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines).replace("\0", " ") or name


def heatmap(
    values: ArrayLike,
    *,
    title: str,
    xlabel: str,
    ylabel: str,
    kind: str = "norm",
    label: str = "",
    limits: tuple[float, float] | None = None,
    extent: tuple[float, float, float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """A matrix as colours, row 0 at the top.

    kind    "norm": any quantity without a sign to show, logarithms of norms above all, NaN left white;
            "gate": values on [0, 1]; "signed": diverging around 0, blue negative, red positive.
    label   what the colours mean, written beside their scale.
    limits  (lowest, highest) colour values, from the data unless given.
    extent  (left, right, bottom, top) as in matplotlib's imshow.

    Returns the axes.
    """
    _validate.choice("kind", kind, MAPS)
    ax = ax or plt.subplots()[1]
    values = np.asarray(values, dtype=float)
    if kind == "gate":
        limits = (0, 1)
    elif limits is None:
        finite = values[np.isfinite(values)]
        limits = (finite.min(), finite.max()) if kind == "norm" else (-np.abs(finite).max(), np.abs(finite).max())
    image = ax.imshow(
        values,
        aspect="auto",
        vmin=limits[0],
        vmax=limits[1],
        cmap=MAPS[kind],
        extent=extent,
    )
    ax.grid(False)
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel)
    ax.figure.colorbar(image, ax=ax, label=label, pad=0.02)
    return ax


def pairs(maps: Mapping[str, ArrayLike], *, xlabel: str = "step $k$") -> Figure:
    """log10 norms (T+1, T+1) of all pairs of steps (t, k), one panel each: {title: norms}, all from 1e-8 to 10.

    Returns the figure.
    """
    fig, axes = panels(len(maps), height=3.0, sharey=True)
    for ax, (title, decades) in zip(axes, maps.items(), strict=True):
        label = r"$\log_{10}$ norm" if ax is axes[-1] else ""
        heatmap(decades, limits=(-8, 1), title=title, xlabel=xlabel, ylabel="", label=label, ax=ax)
    axes[0].set_ylabel("step $t$")
    return fig


def plane(values: ArrayLike, *, title: str, colour: str = OTHER, ax: Axes | None = None) -> Axes:
    """Complex numbers as dots beside the unit circle: eigenvalues inside it shrink, outside it grow.

    Returns the axes.
    """
    ax = ax or plt.subplots()[1]
    circle = np.exp(2j * np.pi * np.linspace(0, 1, 201))
    ax.plot(circle.real, circle.imag, color="#888888", linewidth=0.9, zorder=1)
    ax.plot(np.real(values), np.imag(values), "o", color=colour, markersize=3.5, alpha=0.6, markeredgewidth=0)
    ax.set(title=title, xlabel="real part", ylabel="imaginary part", aspect="equal")
    ax.set(xticks=[-1, 0, 1], yticks=[-1, 0, 1])
    return ax


def stacked(
    parts: Mapping[str, ArrayLike],
    *,
    title: str,
    xlabel: str,
    ylabel: str,
    x: ArrayLike | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Shares stacked on top of each other, each named inside its band where it is thickest, or right of a thin one.

    parts  {name: (N,) non-negative}; names of GRU paths get their fixed colours.

    Returns the axes.
    """
    ax = ax or plt.subplots()[1]
    heights = np.array([np.asarray(y, float) for y in parts.values()])
    xs = np.arange(heights.shape[1]) if x is None else np.asarray(x)
    ax.stackplot(xs, heights, colors=part_colours(parts), alpha=0.85, linewidth=0)
    tops = np.cumsum(heights, axis=0)
    inside = slice(len(xs) // 12, len(xs) - len(xs) // 12)
    for name, band, top, colour in zip(parts, heights, tops, part_colours(parts), strict=True):
        i = inside.start + int(np.argmax(band[inside]))
        if band[i] < 0.1 * tops[-1].max():  # thinner than its name
            ax.plot(xs[-1], top[-1] - band[-1] / 2, color=INK, linewidth=0, gid=name)
        else:
            ax.text(
                xs[i],
                top[i] - band[i] / 2,
                name,
                ha="center",
                va="center",
                color="white" if np.dot(to_rgb(colour), [0.3, 0.59, 0.11]) < 0.38 else INK,  # by the band's brightness
                fontweight="bold",
                fontsize="small",
            )
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel, xlim=(xs[0], xs[-1]))
    ax.set_ylim(0, tops[-1].max() * 1.02)
    return label_ends(ax)


def dots(rows: Mapping[str, ArrayLike], *, title: str, xlabel: str, ax: Axes | None = None) -> Axes:
    """One row per entry of {name: values}, the first on top: a dot a seed, and a tick at the median of several.

    values  a number, or (S,) for S seeds. Colours by how a name begins, as in `curves`.

    Returns the axes.
    """
    ax = ax or plt.subplots()[1]
    for row, (values, (colour, _)) in enumerate(zip(rows.values(), line_styles(rows), strict=True)):
        values = np.atleast_1d(np.asarray(values, float))
        ax.plot(values, np.full(len(values), row), "o", color=colour, alpha=0.6, markersize=6, markeredgewidth=0)
        if len(values) > 1:
            ax.plot(np.median(values), row, "|", color=colour, markersize=16, markeredgewidth=2)
    ax.set(title=title, xlabel=xlabel, yticks=range(len(rows)), yticklabels=list(rows), ylim=(len(rows) - 0.4, -0.6))
    return ax


def scoreboard(counts: Mapping[str, Mapping[str, int]], of: int, *, title: str, ax: Axes | None = None) -> Axes:
    """A table of "k/of" on a ground that is the brighter, the more there are.

    counts  {row: {column: k}}, every row with the same columns.

    Returns the axes.
    """
    ax = ax or plt.subplots()[1]
    columns = list(next(iter(counts.values())))
    shares = np.array([[row[name] / of for name in columns] for row in counts.values()])
    ax.imshow(shares, aspect="auto", vmin=0, vmax=1, cmap="cividis")
    for (i, j), share in np.ndenumerate(shares):
        colour = "white" if share < 0.5 else INK
        ax.text(j, i, f"{share * of:.0f}/{of}", ha="center", va="center", color=colour, fontsize="small")
    ax.set(title=title, yticks=range(len(counts)), yticklabels=list(counts))
    ax.set_xticks(range(len(columns)), columns)
    ax.tick_params(length=0)
    ax.grid(False)
    return ax


def bars(
    values: Mapping[str, float],
    *,
    title: str,
    ylabel: str,
    ax: Axes | None = None,
    log: bool = False,
    colour: str = GRU,
) -> Axes:
    """One bar per entry of {name: height}, its height written on top.

    Returns the axes.
    """
    ax = ax or plt.subplots()[1]
    names, heights = list(values), list(values.values())
    drawn = ax.bar(names, heights, color=bar_colours(names, colour), width=0.6)
    ax.bar_label(drawn, [f"{height:.3g}" for height in heights], padding=2, fontsize="small")
    if log:
        _logarithmic(ax)
    ax.set(title=title, ylabel=ylabel)
    ax.grid(False, axis="x")
    ax.margins(y=0.12)
    return ax
