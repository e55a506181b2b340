"""Drawings by code: unrolled steps, truncation, stacked layers, a scan, an ellipse, the growing GRU, its four paths.

Each function returns a Drawing, a matplotlib figure that carries its own words for those who can't see it:

    diagrams.show(diagrams.unrolled(3))
    diagrams.show(diagrams.gru_growing(2), alt="Words of the lesson's own, eight of them or more, instead.")

Colours mean what they mean in `course_utils.figures`: states green, gradients wine red, the ways through a GRU step in
their four colours. What flows forwards is dark, what is cut off is pale. In the GRU, z *keeps*.
"""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib import colors, patches
from matplotlib.figure import Figure
from matplotlib.path import Path
from numpy.typing import ArrayLike

from course_utils import _validate, figures
from course_utils.figures import GRADIENT, INK, OTHER, PATH_COLOURS, STATE

WIDTH = 7.0  # inches, of every drawing: 770 pixels as `figures.show` saves it
SMALL, LETTERS = 9.5, 12  # points: labels beside arrows, letters in boxes
MOST_NUMBERS = 8  # in one column of boxes
RADIUS = 0.125  # of an operation's circle
HEAD = "-|>,head_length=0.62,head_width=0.24"
DIRECT, UPDATE, CANDIDATE, RESET = (PATH_COLOURS[name] for name in ("direct", "update", "candidate", "reset"))
Point = tuple[float, float]

# The GRU's equations, in the letters of the lessons. Reset before the product, as in most texts.
GRU_LINES = {
    "z": r"$z_t = \sigma(W_{xz}\, x_t + W_{hz}\, h_{t-1} + b_z)$",
    "r": r"$r_t = \sigma(W_{xr}\, x_t + W_{hr}\, h_{t-1} + b_r)$",
    "without reset": r"$\tilde h_t = \tanh(W_{xn}\, x_t + W_{hn}\, h_{t-1} + b_n)$",
    "h_tilde": r"$\tilde h_t = \tanh(W_{xn}\, x_t + W_{hn} (r_t \odot h_{t-1}) + b_n)$",
    "h": r"$h_t = z_t \odot h_{t-1} + (1 - z_t) \odot \tilde h_t$",
}
PATH_LINES = {  # their sum is J_t
    "direct": r"$\mathrm{diag}(z_t)$",
    "update": r"$\mathrm{diag}((h_{t-1} - \tilde h_t)\, z_t (1 - z_t))\, W_{hz}$",
    "candidate": r"$\mathrm{diag}((1 - z_t)(1 - \tilde h_t^2))\, W_{hn}\, \mathrm{diag}(r_t)$",
    "reset": r"$\mathrm{diag}((1 - z_t)(1 - \tilde h_t^2))\, W_{hn}\, \mathrm{diag}(h_{t-1}\, r_t (1 - r_t))\, W_{hr}$",
}


class Drawing(Figure):
    """A figure that carries `alt`, a sentence or two that say what it shows."""

    alt = ""

    def set_layout_engine(self, layout: Any = None, **options: Any) -> None:
        """Nothing may move: all of a drawing stands where it was put, whatever layout the course's style wants."""
        super().set_layout_engine(layout="none")


def show(drawing: Drawing, alt: str | None = None) -> None:
    """Display a drawing as `figures.show` does, with `alt` or, unless given, the words that it carries.

    Raises ValueError if `drawing` isn't one, or `alt` has fewer than eight words.
    """
    if not isinstance(drawing, Drawing):
        raise ValueError(f"drawing: got {type(drawing).__name__}, wants what a function of diagrams returns")
    figures.show(drawing, alt=drawing.alt if alt is None else alt)


# ---------------------------------------------------------------------------------------------------------------------
# Pen and paper


def pale(colour: str, share: float = 0.25) -> str:
    """`colour` mixed with white: `share` of it is left."""
    r, g, b = colors.to_rgb(colour)
    return colors.to_hex((1 - share * (1 - r), 1 - share * (1 - g), 1 - share * (1 - b)))


class Paper:
    """An empty sheet, WIDTH by `height` inches, and the pens for it. All positions are inches from its lower left."""

    def __init__(self, height: float, title: str, alt: str) -> None:
        self.drawing = Drawing(figsize=(WIDTH, height))
        self.drawing.alt = alt
        self.ax = self.drawing.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(0, height))
        self.ax.set_axis_off()
        self.text(0.05, height - 0.05, title, size=11, ha="left", va="top")

    def text(self, x: float, y: float, words: str, size: float = SMALL, colour: str = INK, **options: Any) -> None:
        """Words, centred on (x, y) unless `ha` and `va` say otherwise."""
        for sign in ("=", "+"):  # mathtext sets them closer than the lessons' formulas do
            words = words.replace(f" {sign} ", rf"\;{sign}\;") if words.startswith("$") else words
        options = {"ha": "center", "va": "center", "zorder": 5, **options}
        self.ax.text(x, y, words, fontsize=size, color=colour, **options)

    def box(
        self,
        x: float,
        y: float,
        words: str = "",
        colour: str = OTHER,
        width: float = 0.56,
        height: float = 0.4,
        *,
        given: bool = False,
        size: float = LETTERS,
    ) -> None:
        """A rounded box around (x, y), outlined in its colour; dashed and white if it holds what is given."""
        inset = 0.07  # the corners' radius, which the patch adds around what it is told
        shape = patches.FancyBboxPatch(
            (x - width / 2 + inset, y - height / 2 + inset),
            width - 2 * inset,
            height - 2 * inset,
            boxstyle=f"round,pad={inset},rounding_size={inset}",
            facecolor="white" if given else pale(colour, 0.14),
            edgecolor=colour,
            linewidth=1.3,
            linestyle=(0, (2.5, 1.5)) if given else "-",
            zorder=3,
        )
        self.ax.add_patch(shape)
        if words:
            self.text(x, y, words, size)

    def dot(self, x: float, y: float, colour: str = INK) -> None:
        """Where a line forks."""
        self.ax.add_patch(patches.Circle((x, y), 0.035, facecolor=colour, edgecolor="none", zorder=4))

    def operation(self, x: float, y: float, sign: str, radius: float = RADIUS) -> None:
        """A small circle around (x, y) that does something entry by entry: "times", "plus" or "minus" (1 minus)."""
        self.ax.add_patch(patches.Circle((x, y), radius, facecolor="white", edgecolor=INK, linewidth=1.3, zorder=3))
        if sign == "times":  # ⊙
            self.dot(x, y)
        elif sign == "plus":
            for dx, dy in ((0.6 * radius, 0), (0, 0.6 * radius)):
                self.ax.plot([x - dx, x + dx], [y - dy, y + dy], color=INK, linewidth=1.4, zorder=4)
        else:
            self.text(x, y, "1−", 9)

    def line(
        self,
        *points: Point,
        colour: str = INK,
        width: float = 1.4,
        head: bool = True,
        dash: figures.Dash = "-",
        bend: float = 0.1,
        zorder: float = 2,
    ) -> None:
        """An arrow along `points`, its corners rounded with radius `bend`.

        head  False: a line without an arrowhead.
        """
        arrow = patches.FancyArrowPatch(
            path=_rounded(points, bend),
            arrowstyle=HEAD if head else "-",
            mutation_scale=11,
            shrinkA=0,
            shrinkB=0,
            facecolor=colour,
            edgecolor=colour,
            linewidth=width,
            linestyle=dash,
            capstyle="butt",
            joinstyle="miter",
            zorder=zorder,
        )
        self.ax.add_patch(arrow)

    def loop(self, x: float, y: float) -> None:
        """From the right side of what ends at (x, y) round into the same side again."""
        ends = [(x, y + 0.1), (x + 0.62, y + 0.5), (x + 0.62, y - 0.5), (x, y - 0.1)]
        path = Path(ends, [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4])
        arrow = patches.FancyArrowPatch(path=path, arrowstyle=HEAD, mutation_scale=11, shrinkA=0, shrinkB=0)
        arrow.set(color=INK, linewidth=1.4, zorder=2)
        self.ax.add_patch(arrow)


def _rounded(points: Sequence[Point], bend: float) -> Path:
    """The way through `points` with rounded corners."""
    corners = [np.array(point, float) for point in points]
    way, codes = [corners[0]], [Path.MOVETO]
    for before, corner, after in zip(corners, corners[1:], corners[2:], strict=False):
        for end, code in ((before, Path.LINETO), (after, Path.CURVE3)):
            length = np.linalg.norm(end - corner)
            near = corner + (end - corner) * min(bend, length / 2) / length
            way += [near] if code == Path.LINETO else [corner, near]
            codes += [code] if code == Path.LINETO else [code, code]
    return Path([*way, corners[-1]], [*codes, Path.LINETO])


# ---------------------------------------------------------------------------------------------------------------------
# Steps in a row


def unrolled(T: int = 3, *, losses: bool = True, gradients: bool = False) -> Drawing:
    """A recurrent cell with its loop, and the same cell unrolled over T steps.

    T          number of steps, 1 to 5; with gradients at most 4.
    losses     True: a loss L_t above every step.
    gradients  True: without the loop, and with the way back instead: the Jacobians J_t = ∂h_t/∂h_{t-1} between states,
               the total gradient dL/dh_k in each, and the immediate ∂⁺h_k/∂w down to the shared weights w.

    Raises ValueError naming the argument; gradients need losses.
    """
    T = _steps("T", T, most=4 if gradients else 5)
    if gradients:
        if not losses:
            raise ValueError("losses: got False with gradients=True, wants True: gradients begin at the losses")
        return _unrolled_back(T)
    title = "One cell with a loop is the same cell at every step"
    alt = (
        f"A box for the state h_t with a loop on itself and the input x_t from below equals a row of {T + 1} boxes, "
        f"h_0 to h_{T}: each state goes into the next one, and x_1 to x_{T} come in from below"
    )
    alt += f", with a loss L_1 to L_{T} above each step." if losses else "."
    low, high = 0.3, 1.2
    top = 2.1 if losses else high + 0.25
    paper = Paper(top + 0.58, title, alt)

    def step(x: float, t: object) -> None:
        paper.box(x, low, f"$x_{t}$", width=0.46, height=0.36)
        paper.box(x, high, f"$h_{t}$", STATE)
        paper.line((x, low + 0.18), (x, high - 0.2))
        if losses:
            paper.box(x, top, f"$L_{t}$", GRADIENT, width=0.46, height=0.36)
            paper.line((x, high + 0.2), (x, top - 0.18))

    step(0.45, "t")
    paper.loop(0.73, high)
    paper.text(1.55, high, "=", 18)
    first = 2.15
    xs = np.linspace(first, WIDTH - 0.4, T + 1) if T > 2 else first + 1.3 * np.arange(T + 1)
    paper.box(xs[0], high, "$h_0$", STATE, given=True)
    paper.text(xs[0], high - 0.34, "given", SMALL, OTHER)
    for t in range(1, T + 1):
        step(xs[t], t)
        paper.line((xs[t - 1] + 0.28, high), (xs[t] - 0.28, high))
    return paper.drawing


def _unrolled_back(T: int) -> Drawing:
    """`unrolled` with gradients."""
    alt = (
        f"{T} steps side by side, h_0 to h_{T}. Dark arrows run forwards: from each state to the next one and up to "
        f"its loss, and from one bar of shared weights w up into every state. Wine red arrows run back along each: "
        "from the losses into the states, from state to state through J_t, the derivative of h_t in h_(t-1), and from "
        "every state down into the weights through its immediate derivative in w, where all of them are added up."
    )
    paper = Paper(3.9, "Forwards the weights are used at every step; backwards every use adds its share", alt)
    top, high, low, bar, foot = 3.3, 2.3, 1.5, 0.98, 0.32
    wide, tall = 0.86, 0.6
    xs = np.linspace(0.5, WIDTH - 0.85, T + 1) if T > 2 else 0.5 + 1.7 * np.arange(T + 1)
    paper.box((xs[1] + xs[-1]) / 2 + 0.1, bar, "", OTHER, max(xs[-1] - xs[1] + 1.05, 1.3), 0.3)
    paper.text((xs[1] + xs[-1]) / 2 + 0.1, bar, "shared weights $w$", 10)
    for t, x in enumerate(xs):
        paper.box(x, high, "", STATE, wide, tall, given=t == 0)
        paper.text(x, high + 0.12, f"$h_{t}$", LETTERS)
        paper.text(x, high - 0.14, f"$dL/dh_{t}$", SMALL, GRADIENT)
        if t == 0:
            continue
        left, right = xs[t - 1] + wide / 2, x - wide / 2
        paper.line((left, high + 0.12), (right, high + 0.12))
        paper.line((right, high - 0.12), (left, high - 0.12), colour=GRADIENT)
        paper.text((left + right) / 2, high - 0.2, f"$J_{t}$", 10.5, GRADIENT, va="top")
        paper.box(x, top, f"$L_{t}$", GRADIENT, 0.46, 0.36)
        paper.line((x - 0.07, high + tall / 2), (x - 0.07, top - 0.18))
        paper.line((x + 0.07, top - 0.18), (x + 0.07, high + tall / 2), colour=GRADIENT)
        paper.text(
            x + 0.17, (top + high) / 2 + 0.06, rf"$\dfrac{{\partial L_{t}}}{{\partial h_{t}}}$", 10, GRADIENT, ha="left"
        )
        paper.box(x - 0.22, low, f"$x_{t}$", width=0.42, height=0.34)
        paper.line((x - 0.22, low + 0.17), (x - 0.22, high - tall / 2))
        paper.line((x + 0.13, bar + 0.15), (x + 0.13, high - tall / 2))
        paper.line((x + 0.27, high - tall / 2), (x + 0.27, bar + 0.15), colour=GRADIENT)
        words = rf"$\dfrac{{\partial^+ h_{t}}}{{\partial w}}$"
        paper.text(x + 0.36, (bar + high) / 2 - 0.08, words, 10, GRADIENT, ha="left")
    lines = (
        r"$J_t = \dfrac{\partial h_t}{\partial h_{t-1}}$",
        r"$\dfrac{dL}{dh_k} = \dfrac{\partial L_k}{\partial h_k} + \dfrac{dL}{dh_{k+1}}\, J_{k+1}$",
        r"$\dfrac{dL}{dw} = \sum_k\, \dfrac{dL}{dh_k}\, \dfrac{\partial^+ h_k}{\partial w}$",
    )
    for x, words in zip((0.75, 3.3, 5.9), lines, strict=True):
        paper.text(x, foot, words, 11, GRADIENT)
    return paper.drawing


def truncation(T: int = 6, K: int = 3) -> Drawing:
    """Three ways back through T steps: the full one, at most K uses for every loss, and pieces of K steps.

    T  number of steps, 2 to 8.
    K  number of uses that a loss may reach, its own step's included, 1 to T - 1.

    Raises ValueError naming the argument.
    """
    T = _steps("T", T, 2, most=8)
    K = _steps("K", K, most=T - 1)
    alt = (
        f"Three rows of {T} states. Above each state a wine red arrow begins at its loss and runs back to the uses of "
        f"the weight that the loss reaches. Full: all arrows reach step 1. Truncated: no arrow reaches further than "
        f"{_times(K)}, and the rest of its way is pale. In pieces of {K}: arrows end at the cut before their piece, so "
        "that a loss just behind a cut reaches its own step only, while dark arrows carry the state over the cuts."
    )
    level = 0.13
    part = T * level + 0.85
    paper = Paper(3 * part + 0.3, "Both cuts shorten the way back, and pieces shorten it unevenly", alt)
    xs = np.linspace(2.35, WIDTH - 0.4, T)
    half = 0.23 if T < 7 else 0.19  # of a box's width
    use = min(0.34, (xs[1] - xs[0]) / 2 - 0.05)  # step t uses the weight on the arrow into h_t, this far before it
    rows = (
        ("full", "every loss reaches\nevery earlier use", [1] * T),
        (f"truncated, $K = {K}$", f"every loss reaches\n{_uses(K)}", [max(1, t - K + 1) for t in range(1, T + 1)]),
        (f"in pieces of {K}", "no gradient crosses\na cut (detach)", [(t - 1) // K * K + 1 for t in range(1, T + 1)]),
    )
    for row, (name, reach, firsts) in enumerate(rows):
        y = 0.27 + (2 - row) * part
        paper.text(0.05, y + 0.5, name, 11, ha="left", fontweight="bold")
        paper.text(0.05, y + 0.13, reach, SMALL, ha="left", linespacing=1.35)
        for t, (x, first) in enumerate(zip(xs, firsts, strict=True), start=1):
            paper.box(x, y, f"$h_{t}$", STATE, 2 * half, 0.34, size=11)
            paper.line((xs[t - 2] + half if t > 1 else x - 0.55, y), (x - half, y))
            if row == 2 and first == t > 1:
                cut = (xs[t - 2] + x) / 2
                ends = (cut, y - 0.22), (cut, y + 0.36 + T * level)
                paper.line(*ends, colour=OTHER, head=False, dash=(0, (3, 2)), zorder=1)
            up, end = y + 0.34 + (t - 1) * level, xs[first - 1] - use
            if first > 1:
                paper.line((end, up), (xs[0] - use, up), colour=pale(GRADIENT, 0.3), head=False, width=1.2, zorder=1)
            paper.line((x, up), (end, up), colour=GRADIENT)
            paper.ax.plot(x, up, "o", color=GRADIENT, markersize=4.5, zorder=4)
            paper.text(x + 0.07, up, f"$L_{t}$", 9, GRADIENT, ha="left")
    return paper.drawing


def _times(K: int) -> str:
    return "one use" if K == 1 else f"{K} uses"


def _uses(K: int) -> str:
    return "its own use only" if K == 1 else f"the last {K} uses"


def wirings(T: int = 3) -> Drawing:
    """Many-to-one beside many-to-many: a loss at the last step only, or at every step.

    T  number of steps, 2 to 4. Raises ValueError naming the argument.
    """
    T = _steps("T", T, 2, most=4)
    alt = (
        f"Two rows of {T} steps with inputs from below. Left, many to one: only the last state h_{T} gives an output "
        "and a loss L. Right, many to many: every state gives an output and a loss of its own."
    )
    paper = Paper(3.55, "The task decides which states a loss reads: the last one, or every one", alt)
    low, high, out, top = 0.3, 1.15, 2.0, 2.75
    spacing = 2.7 / T
    for x0, name, outs in ((0.05, "many to one", {T}), (3.75, "many to many", set(range(1, T + 1)))):
        paper.text(x0, top + 0.35, name, 10.5, ha="left", fontweight="bold")
        xs = x0 + 0.55 + spacing * (np.arange(T) + 0.35)
        paper.line((xs[0] - 0.62, high), (xs[0] - 0.25, high))
        for t, x in enumerate(xs, start=1):
            paper.box(x, low, f"$x_{t}$", width=0.42, height=0.34)
            paper.line((x, low + 0.17), (x, high - 0.19))
            paper.box(x, high, f"$h_{t}$", STATE, 0.5, 0.38)
            if t > 1:
                paper.line((xs[t - 2] + 0.25, high), (x - 0.25, high))
            if t in outs:
                paper.box(x, out, rf"$\hat y_{t}$", width=0.42, height=0.36)
                paper.line((x, high + 0.19), (x, out - 0.18))
                words = "$L$" if len(outs) == 1 else f"$L_{t}$"
                paper.box(x, top, words, GRADIENT, 0.42, 0.34)
                paper.line((x, out + 0.18), (x, top - 0.17))
    return paper.drawing


def stacked(T: int = 4) -> Drawing:
    """Two layers over T steps between an embedding and a readout, and where `probe` looks: back along each layer.

    T  number of steps, 2 to 5. Raises ValueError naming the argument.
    """
    T = _steps("T", T, 2, most=5)
    alt = (
        f"{T} columns, one for each step, of five rows: a character x_t, its embedding e_t, the states of the lower "
        "and of the upper GRU, and the logits a_t. Dark arrows lead up each column and along both rows of states. Wine "
        f"red arrows lead back along both rows, from h_{T} to h_0: the probe measures each layer's reach. Two more "
        f"come down from the loss at step {T} into the two last states: the gradient of the loss."
    )
    rows = {"characters": "x", "embedding": "e", "lower GRU": "h", "upper GRU": "h", "readout": "a"}
    paper = Paper(4.1, "The probe looks back along each layer, and down from the loss", alt)
    ys = np.array([0.3, 0.95, 1.75, 2.65, 3.4])
    xs = np.linspace(1.65, WIDTH - 1.75, T + 1)
    for (name, letter), y, below in zip(rows.items(), ys, (None, *ys), strict=False):
        states = letter == "h"
        paper.text(0.05, y, name, ha="left")
        for t, x in enumerate(xs):
            if t == 0 and not states:
                continue
            paper.box(x, y, f"${letter}_{t}$", STATE if states else OTHER, 0.5, 0.36, given=t == 0)
            if t and below is not None:
                paper.line((x - 0.07, below + 0.18), (x - 0.07, y - 0.18))
            if t and states:
                left, right = xs[t - 1] + 0.25, x - 0.25
                paper.line((left, y + 0.07), (right, y + 0.07))
                paper.line((right, y - 0.07), (left, y - 0.07), colour=GRADIENT)
        if states:
            words = rf"reach $\Vert\partial h_{T}/\partial h_k\Vert$"
            paper.text(xs[-1] + 0.4, y, words, SMALL, GRADIENT, ha="left")
    last = xs[-1]
    paper.box(last + 1.0, ys[-1], "$L$", GRADIENT, 0.46, 0.36)
    paper.line((last + 0.25, ys[-1] + 0.07), (last + 0.77, ys[-1] + 0.07))
    for top, bottom in itertools.pairwise(ys[:1:-1]):
        paper.line((last + 0.07, top - 0.18), (last + 0.07, bottom + 0.18), colour=GRADIENT)
    paper.line((last + 0.77, ys[-1] - 0.07), (last + 0.25, ys[-1] - 0.07), colour=GRADIENT)
    paper.text(last + 0.4, (ys[-1] + ys[-2]) / 2, "gradient $dL/dh_k$", SMALL, GRADIENT, ha="left")
    return paper.drawing


def scan(T: int = 8) -> Drawing:
    """A parallel scan over T steps: in every round, each box takes in the box that is `gap` columns to its left.

    T  number of steps, 2 to 8. Raises ValueError naming the argument.
    """
    T = _steps("T", T, 2, most=8)
    gaps = [2**r for r in range((T - 1).bit_length())]
    alt = (
        f"{len(gaps) + 1} rows of {T} boxes, one for each step. In each round every box takes in another one to its "
        f"left: {', then '.join(f'{gap}' for gap in gaps)} columns away. A box says which steps it has joined, and it "
        f"is green once it reaches back to step 1. After {len(gaps)} rounds all are green."
    )
    level, half = 0.12, 0.31  # between two ways across, and of a box's width
    falls = [0.42 + level * min(gap, T - gap) for gap in gaps]  # from one row to the next
    title = f"{T} steps in {len(gaps)} round{'s' * (len(gaps) > 1)}: each round doubles how far back a box reaches"
    paper = Paper(0.8 + sum(falls) + 0.25, title, alt)
    xs = np.linspace(1.5, WIDTH - 0.4, T)
    y = 0.25 + sum(falls)
    _joined(paper, xs, y, half, 1, "the steps")
    for number, (gap, fall) in enumerate(zip(gaps, falls, strict=True), start=1):
        y -= fall
        for t, x in enumerate(xs):
            paper.line(
                (x + 0.07, y + fall - 0.16), (x + 0.07, y + 0.16), head=t >= gap, colour=INK if t >= gap else OTHER
            )
            if t >= gap:
                across = y + 0.3 + level * (t % gap)
                start, end = xs[t - gap] + 0.2, x - 0.12
                paper.line((start, y + fall - 0.16), (start, across), (end, across), (end, y + 0.16), bend=0.05)
        _joined(paper, xs, y, half, 2 * gap, f"round {number}")
    return paper.drawing


def _joined(paper: Paper, xs: np.ndarray, y: float, half: float, reach: int, name: str) -> None:
    """A row of `scan`: the box of step t has joined the last `reach` steps up to t."""
    paper.text(0.05, y, name, ha="left")
    for t, x in enumerate(xs, start=1):
        first = max(1, t - reach + 1)
        words = f"{t}" if first == t else f"{first} – {t}"
        paper.box(x, y, words, STATE if first == 1 else OTHER, 2 * half, 0.32, size=SMALL)


def step_in_vectors(x: ArrayLike, h_prev: ArrayLike, h: ArrayLike, y: ArrayLike, letter: str = "s_t") -> Drawing:
    """One step of a plain RNN in vectors, every number in a box of its own.

    x (D,), h_prev (H,), h (H,), y (k,) what the output weights make of h; none longer than 8.
    letter  what y is called, in mathtext: scores s_t = W_y h_t unless given.

    Raises ValueError naming the argument.
    """
    h = _numbers("h", h, "H")
    h_prev = _numbers("h_prev", h_prev, len(h))
    x, y = _numbers("x", x, "D"), _numbers("y", y, "k")
    if not isinstance(letter, str) or not letter or "$" in letter:
        raise ValueError(f"letter: got {letter!r}, wants mathtext without its dollar signs")
    D, H, k = len(x), len(h), len(y)
    alt = (
        f"Columns of boxes with numbers: {H} numbers of the old state at the left go through W_h ({H} by {H}), and {D} "
        f"numbers of the input from below through W_x ({H} by {D}), into the {H} numbers of the new state; these go "
        f"through W_y ({k} by {H}) into {k} numbers at the right."
    )
    cell, wide = 0.27, 0.62
    tall = max(H, k)
    height = (tall + D) * cell + 1.85
    paper = Paper(height, "One step: input and old state go in, the new state comes out", alt)
    middle = height - 0.75 - tall * cell / 2
    bottom = 0.2 + D * cell / 2

    def column(x0: float, y0: float, values: np.ndarray, colour: str, name: str, shape: str) -> None:
        top = y0 + len(values) * cell / 2
        for i, value in enumerate(values):
            corner = (x0 - wide / 2, top - (i + 1) * cell)
            square = patches.Rectangle(corner, wide, cell, facecolor=pale(colour, 0.14), edgecolor=colour, linewidth=1)
            paper.ax.add_patch(square)
            paper.text(x0, corner[1] + cell / 2, f"{value:.2f}".replace("-", "−"), 9)
        paper.text(x0, top + 0.17, f"${name}$", LETTERS)
        paper.text(x0 + 0.28, top + 0.17, shape, 9, OTHER, ha="left")

    left, centre, right = 0.6, 3.4, 6.2
    column(left, middle, h_prev, STATE, "h_{t-1}", f"$H = {H}$")
    column(centre, middle, h, STATE, "h_t", f"$H = {H}$")
    column(right, middle, y, OTHER, letter, f"$k = {k}$")
    column(left, bottom, x, OTHER, "x_t", f"$D = {D}$")
    a, b = left + wide / 2 + 0.08, centre - wide / 2 - 0.08
    paper.line((a, middle), (b, middle))
    paper.text((a + b) / 2, middle + 0.15, rf"$W_h$   ${H} \times {H}$", 10.5)
    paper.line((a, bottom), (centre, bottom), (centre, middle - H * cell / 2 - 0.06))
    paper.text((a + b) / 2, bottom + 0.15, rf"$W_x$   ${H} \times {D}$", 10.5)
    paper.line((centre + wide / 2 + 0.08, middle), (right - wide / 2 - 0.08, middle))
    paper.text((centre + right) / 2, middle + 0.15, rf"$W_y$   ${k} \times {H}$", 10.5)
    paper.text(centre + 0.25, bottom + 0.16, r"$h_t = \phi(W_x\, x_t + b_x + W_h\, h_{t-1} + b_h)$", 11, ha="left")
    if letter == "s_t":
        paper.text(centre + 0.25, bottom - 0.16, r"$s_t = W_y\, h_t$", 11, ha="left")
    return paper.drawing


# ---------------------------------------------------------------------------------------------------------------------
# What a matrix does

TWO_STEPS = np.array([[[2.0, 0.0], [0.0, 0.5]], [[0.0, -2.0], [0.5, 0.0]]])  # J_1 of lesson 03, and J_1 after a turn


def circle_to_ellipse() -> Drawing:
    """All small changes of length 1, after one step's Jacobian and after a second one, which turns them as well.

    The longest half-axis of each outline is the largest singular value of what has been done so far: 1, 2 and 1 again,
    where the product of both norms is 4.
    """
    alt = (
        "A circle, then an ellipse, then a circle again. J_1 makes the circle twice as wide and half as high: the "
        "longest half-axis, sigma_1 of J_1, is 2. J_2 turns everything by a quarter and then does the same, so that "
        "the long axis is halved and the short one doubled: sigma_1 of J_2 J_1 is 1, though the bound says 2 times 2."
    )
    unit, middle, xs = 0.58, 1.42, (0.88, 3.35, 5.95)
    paper = Paper(2.85, r"A matrix makes an ellipse of the circle, and its longest half-axis is $\sigma_1$", alt)
    J_1, J_2 = TWO_STEPS
    angles = np.linspace(0, 2 * np.pi, 181)
    circle = np.array([np.cos(angles), np.sin(angles)])
    captions = (
        ("all changes of length 1", r"$\sigma_1 = 1$"),
        ("one direction longer, one shorter", r"$\sigma_1(J_1) = 2$"),
        ("turned: long meets short", r"$\sigma_1(J_2 J_1) = 1$, not $2 \cdot 2$"),
    )
    for x, J, (words, number) in zip(xs, (np.eye(2), J_1, J_2 @ J_1), captions, strict=True):
        centre = np.array([x, middle])
        outline = centre + unit * (J @ circle).T
        paper.ax.add_patch(patches.Polygon(outline, facecolor=pale(STATE, 0.14), edgecolor=STATE, linewidth=1.3))
        for axis, colour in ((np.array([1.0, 0.0]), GRADIENT), (np.array([0.0, 1.0]), INK)):
            paper.line((x, middle), tuple(centre + unit * J @ axis), colour=colour, width=2)
        paper.text(x, 0.48, words)
        paper.text(x, 0.2, number, 10.5)
    for i, (begin, end) in enumerate(((1.52, 2.13), (4.57, 5.31)), start=1):
        paper.line((begin, middle), (end, middle), colour=OTHER)
        paper.text((begin + end) / 2, middle + 0.2, f"$J_{i}$", LETTERS)
    return paper.drawing


# ---------------------------------------------------------------------------------------------------------------------
# The gated cells

# Where the GRU's parts stand. From the left: old state, the bus that leads it down, r, z, h_tilde, new state.
LEFT, BUS, AT_R, AT_Z, AT_N, RIGHT = 0.4, 1.05, 1.95, 3.45, 5.05, 6.6
ROW = 0.82  # from one row to the next: state line, z, candidate, reset gate


def gru_growing(stage: int = 3) -> Drawing:
    """The GRU in three drawings: 1 a state that a gate keeps, 2 with candidate and update gate, 3 with the reset gate.

    All parts that two drawings share stand at the same place. Raises ValueError unless stage is 1, 2 or 3.
    """
    stage = _steps("stage", stage, most=3)
    titles = (
        "1. A gate keeps the state: where $z_t$ is 1, it is copied",
        "2. What is not kept is filled from a candidate",
        "3. A reset gate says how much of the old state the candidate may read",
    )
    alts = (
        "The old state h_(t-1) runs straight to the new state h_t through one elementwise product with the gate z_t: "
        "where z_t is 1 the state is copied, where it is 0 it is dropped.",
        "The old state, times the update gate z_t, and a candidate h~_t, times 1 minus z_t, are added into the new "
        "state h_t. Gate and candidate both read the old state h_(t-1) and the input x_t.",
        "The GRU: as before, the new state h_t is z_t times the old state plus 1 minus z_t times the candidate. What "
        "the candidate reads of the old state is now first multiplied by a reset gate r_t.",
    )
    wanted = (
        [(r"$h_t = z_t \odot h_{t-1}$", INK)],
        [(GRU_LINES["z"], UPDATE), (GRU_LINES["without reset"], CANDIDATE), (GRU_LINES["h"], INK)],
        [(GRU_LINES["r"], RESET), (GRU_LINES["z"], UPDATE), (GRU_LINES["h_tilde"], CANDIDATE), (GRU_LINES["h"], INK)],
    )
    foot = 0.32 * len(wanted[stage - 1]) + 0.15
    top = foot + stage * ROW + (0.25 if stage == 1 else 0.6)
    paper = Paper(top + 0.65, titles[stage - 1], alts[stage - 1])
    _gru(paper, top, stage)
    for i, (words, colour) in enumerate(reversed(wanted[stage - 1])):
        y = 0.15 + 0.32 * i
        paper.box(0.17, y, "", colour, 0.16, 0.16)
        paper.text(0.4, y, words, 11, ha="left")
    return paper.drawing


def _gru(paper: Paper, top: float, stage: int) -> None:
    """The cell at `stage`, its state line at height `top`."""
    z_row, n_row, r_row = top - ROW, top - 2 * ROW, top - 3 * ROW
    paper.box(LEFT, top, "$h_{t-1}$", STATE, 0.66)
    paper.box(RIGHT, top, "$h_t$", STATE)
    paper.line((LEFT + 0.33, top), (AT_Z - RADIUS, top), colour=DIRECT, width=2)
    paper.operation(AT_Z, top, "times")
    paper.box(AT_Z, z_row, "$z_t$", UPDATE)
    paper.line((AT_Z, z_row + 0.2), (AT_Z, top - RADIUS))
    if stage == 1:
        paper.line((AT_Z + RADIUS, top), (RIGHT - 0.28, top), colour=DIRECT, width=2)
        return
    paper.line((AT_Z + RADIUS, top), (AT_N - RADIUS, top), colour=DIRECT, width=2)
    paper.operation(AT_N, top, "plus")
    paper.line((AT_N + RADIUS, top), (RIGHT - 0.28, top), colour=DIRECT, width=2)
    minus = (AT_Z + AT_N) / 2
    paper.line((AT_Z + 0.28, z_row), (minus - RADIUS, z_row))
    paper.operation(minus, z_row, "minus")
    paper.line((minus + RADIUS, z_row), (AT_N - RADIUS, z_row))
    paper.operation(AT_N, z_row, "times")
    paper.line((AT_N, z_row + RADIUS), (AT_N, top - RADIUS))
    paper.box(AT_N, n_row, r"$\tilde h_t$", CANDIDATE)
    paper.line((AT_N, n_row + 0.2), (AT_N, z_row - RADIUS))
    paper.dot(BUS, top)
    paper.dot(BUS, z_row)
    paper.line((BUS, z_row), (AT_Z - 0.28, z_row))
    _input(paper, AT_Z, z_row)
    _input(paper, AT_N, n_row)
    if stage == 2:
        paper.line((BUS, top), (BUS, n_row), (AT_N - 0.28, n_row))
        return
    paper.dot(BUS, n_row)
    paper.line((BUS, n_row), (AT_R - RADIUS, n_row))
    paper.operation(AT_R, n_row, "times")
    paper.line((AT_R + RADIUS, n_row), (AT_N - 0.28, n_row))
    paper.line((BUS, top), (BUS, r_row), (AT_R - 0.28, r_row))
    paper.box(AT_R, r_row, "$r_t$", RESET)
    paper.line((AT_R, r_row + 0.2), (AT_R, n_row - RADIUS))
    _input(paper, AT_R, r_row)


def _input(paper: Paper, x: float, y: float) -> None:
    """x_t, into the box around (x, y) from below."""
    paper.text(x, y - 0.5, "$x_t$", 11)
    paper.line((x, y - 0.4), (x, y - 0.2))


def gru_with_paths() -> Drawing:
    """The four ways that a change takes from h_{t-1} to h_t, each a line in its colour, with its formula.

    What they carry adds up to J_t = ∂h_t/∂h_{t-1}, as `gradients.jacobian_paths` has it.
    """
    alt = (
        "The GRU once more, with four coloured lines from the old state h_(t-1) to the new one. Direct runs straight "
        "along the top and carries diag(z). Update goes down into the gate z and from there into both products. "
        "Candidate goes through the product with r into the candidate. Reset goes through the gate r first and then "
        "along the candidate's way. The four formulas stand below; their sum is J_t."
    )
    foot = 1.95
    paper = Paper(foot + 3 * ROW + 0.95, "Four ways lead from $h_{t-1}$ to $h_t$, and $J_t$ is their sum", alt)
    top = foot + 0.3 + 3 * ROW
    _paths(paper, top)
    for i, (name, words) in enumerate(reversed(PATH_LINES.items())):
        y = 0.15 + 0.33 * i
        paper.line((0.1, y), (0.5, y), colour=PATH_COLOURS[name], width=3, head=False)
        paper.text(0.62, y, name, 10.5, ha="left", fontweight="bold")
        paper.text(1.6, y, words, 10.5, ha="left")
    words = r"$J_t = \dfrac{\partial h_t}{\partial h_{t-1}}$ is the sum of"
    paper.text(0.1, 0.15 + 0.33 * 4 + 0.14, words, 10.5, ha="left")
    return paper.drawing


def _paths(paper: Paper, top: float) -> None:
    """The four paths as coloured lines through the cell, whose state line is at height `top`."""
    z_row, n_row, r_row = top - ROW, top - 2 * ROW, top - 3 * ROW
    begin, end, apart = LEFT + 0.33, RIGHT - 0.28, 0.08
    # Side by side where they run together, in the order of PATH_COLOURS: heights along the top, and x of what goes down
    # to the rows and up again from them.
    lane = {name: top + apart * (1.5 - i) for i, name in enumerate(PATH_COLOURS)}
    down = {name: BUS + apart * (2 - i) for i, name in enumerate(PATH_COLOURS)}
    up = {name: AT_N + apart * (i - 2) for i, name in enumerate(PATH_COLOURS)}
    n_lane = {"candidate": n_row + apart / 2, "reset": n_row - apart / 2}
    lines: list[tuple[str, list[Point]]] = [("direct", [(begin, lane["direct"]), (end, lane["direct"])])]
    for name, first in (
        ("update", (AT_Z, z_row)),
        ("candidate", (AT_R, n_lane["candidate"])),
        ("reset", (AT_R, r_row)),
    ):
        lines.append((name, [(begin, lane[name]), (down[name], lane[name]), (down[name], first[1]), first]))
    lines += [
        ("update", [(AT_Z, z_row), (AT_Z, lane["update"]), (end, lane["update"])]),
        ("update", [(AT_Z, z_row), (up["update"], z_row), (up["update"], lane["update"])]),
        ("reset", [(AT_R, r_row), (AT_R, n_lane["reset"])]),
    ]
    for name, row in n_lane.items():
        lines.append((name, [(AT_R, row), (up[name], row), (up[name], lane[name]), (end, lane[name])]))
    for name, points in lines:
        paper.line(*points, colour=PATH_COLOURS[name], width=2.6, head=points[-1][0] == end)
    minus = (AT_Z + AT_N) / 2
    paper.box(LEFT, top, "$h_{t-1}$", STATE, 0.66, 0.5)
    paper.box(RIGHT, top, "$h_t$", STATE, 0.56, 0.5)
    for x, y, words, colour in (
        (AT_Z, z_row, "$z_t$", UPDATE),
        (AT_N, n_row, r"$\tilde h_t$", CANDIDATE),
        (AT_R, r_row, "$r_t$", RESET),
    ):
        paper.box(x, y, words, colour)
    paper.operation(AT_Z, top, "times", 0.19)
    paper.operation(AT_N, top, "plus", 0.19)
    paper.operation(minus, z_row, "minus")
    paper.operation(AT_N, z_row, "times", 0.15)
    paper.operation(AT_R, n_row, "times", 0.15)


def lstm_beside_gru() -> Drawing:
    """The LSTM and the GRU with the parts that answer each other at the same place."""
    alt = (
        "Two cells side by side. Left the LSTM: its cell state c runs along the top through a product with f and a sum "
        "with i times g, and is shown as h through a product of o and tanh. Right the GRU: its state h runs along the "
        "top through a product with z and a sum with 1 minus z times the candidate, and what the candidate reads of "
        "the old state is multiplied by r. The GRU has one gate where the LSTM has f and i, and no gate to hide h."
    )
    paper = Paper(4.35, "One idea in two cells: a state line that one gate keeps and a sum writes to", alt)
    _lstm(paper, 0.0)
    _small_gru(paper, 3.6)
    paper.text(0.05, 0.08, "Every gate and candidate reads the input $x_t$ as well.", SMALL, OTHER, ha="left")
    return paper.drawing


# Both small cells: rows from the state line down, columns from the left.
TOP, MID, LOW, FOOT = 3.45, 2.65, 1.9, 1.25
KEEP, END = 0.98, 3.15


def _state_line(paper: Paper, x0: float, write: float, kind: str, letter: str, words: Iterable[str]) -> None:
    """What both have: the old state, a product that keeps, a sum that writes, the new state; and their equations."""
    paper.text(x0 + 0.05, TOP + 0.42, kind, 11, ha="left", fontweight="bold")
    paper.box(x0 + 0.3, TOP, f"${letter}_{{t-1}}$", STATE, 0.54, 0.36, size=11)
    paper.box(x0 + END, TOP, f"${letter}_t$", STATE, 0.44, 0.36, size=11)
    for begin, end in ((0.57, KEEP - RADIUS), (KEEP + RADIUS, write - RADIUS), (write + RADIUS, END - 0.22)):
        paper.line((x0 + begin, TOP), (x0 + end, TOP), colour=DIRECT, width=2)
    paper.operation(x0 + KEEP, TOP, "times")
    paper.operation(x0 + write, TOP, "plus")
    paper.operation(x0 + write, MID, "times")
    paper.line((x0 + write, MID + RADIUS), (x0 + write, TOP - RADIUS))
    paper.line((x0 + write, LOW + 0.18), (x0 + write, MID - RADIUS))
    paper.line((x0 + KEEP, LOW + 0.18), (x0 + KEEP, TOP - RADIUS))
    paper.line((x0 + KEEP, FOOT), (x0 + KEEP, LOW - 0.18))
    paper.dot(x0 + KEEP, FOOT)
    for i, line in enumerate(words):
        paper.text(x0 + 0.05, 0.72 - 0.3 * i, line, 10.5, ha="left")


def _gate(paper: Paper, x: float, letter: str, colour: str) -> None:
    paper.box(x, LOW, f"${letter}_t$", colour, 0.44, 0.36, size=11)


def _lstm(paper: Paper, x0: float) -> None:
    """The LSTM, x0 inches from the left."""
    second, write, shown = 1.53, 2.08, 2.63
    words = r"$c_t = f_t \odot c_{t-1} + i_t \odot g_t$", r"$h_t = o_t \odot \tanh(c_t)$"
    _state_line(paper, x0, write, "LSTM", "c", words)
    for x, letter, colour in ((KEEP, "f", UPDATE), (second, "i", UPDATE), (write, "g", CANDIDATE), (shown, "o", OTHER)):
        _gate(paper, x0 + x, letter, colour)
    paper.box(x0 + 0.3, FOOT, "$h_{t-1}$", STATE, 0.54, 0.36, size=11)
    paper.line((x0 + 0.57, FOOT), (x0 + shown, FOOT), (x0 + shown, LOW - 0.18))
    for x in (second, write):
        paper.dot(x0 + x, FOOT)
        paper.line((x0 + x, FOOT), (x0 + x, LOW - 0.18))
    paper.line((x0 + second, LOW + 0.18), (x0 + second, MID), (x0 + write - RADIUS, MID))
    paper.dot(x0 + shown, TOP)
    paper.line((x0 + shown, TOP), (x0 + shown, MID + RADIUS))
    paper.box(x0 + shown, (TOP + MID) / 2 + 0.03, "tanh", INK, 0.46, 0.24, size=9)
    paper.operation(x0 + shown, MID, "times")
    paper.line((x0 + shown, LOW + 0.18), (x0 + shown, MID - RADIUS))
    paper.line((x0 + shown + RADIUS, MID), (x0 + END - 0.22, MID))
    paper.box(x0 + END, MID, "$h_t$", STATE, 0.44, 0.36, size=11)


def _small_gru(paper: Paper, x0: float) -> None:
    """The GRU, x0 inches from the left, its parts where the LSTM has theirs."""
    second, write = 1.72, 2.4
    _state_line(paper, x0, write, "GRU", "h", [GRU_LINES["h"]])
    for x, letter, colour in ((KEEP, "z", UPDATE), (second, "r", RESET), (write, r"\tilde h", CANDIDATE)):
        _gate(paper, x0 + x, letter, colour)
    paper.dot(x0 + KEEP, MID)
    paper.line((x0 + KEEP, MID), (x0 + second - RADIUS, MID))
    paper.operation(x0 + second, MID, "minus")
    paper.line((x0 + second + RADIUS, MID), (x0 + write - RADIUS, MID))
    paper.box(x0 + 0.3, FOOT, "$h_{t-1}$", STATE, 0.54, 0.36, size=11)
    paper.line((x0 + 0.57, FOOT), (x0 + second - RADIUS, FOOT))
    fork = x0 + second - 0.37
    paper.dot(fork, FOOT)
    paper.line((fork, FOOT), (fork, LOW), (x0 + second - 0.22, LOW), bend=0.06)
    paper.line((x0 + second, LOW - 0.18), (x0 + second, FOOT + RADIUS))
    paper.operation(x0 + second, FOOT, "times")
    paper.line((x0 + second + RADIUS, FOOT), (x0 + write, FOOT), (x0 + write, LOW - 0.18))


# ---------------------------------------------------------------------------------------------------------------------
# What may go in


def _steps(name: str, value: int, least: int = 1, *, most: int) -> int:
    """An integer from `least` to `most`: more than that has no room."""
    if _validate.integer(name, value, least) > most:
        raise ValueError(f"{name}: got {value!r}, wants at most {most}")
    return int(value)


def _numbers(name: str, values: ArrayLike, length: int | str) -> np.ndarray:
    """(length,) numbers, few enough to have a box each."""
    array = _validate.array(name, values, (length,))
    if len(array) > MOST_NUMBERS:
        raise ValueError(f"{name}: got {len(array)} numbers, wants at most {MOST_NUMBERS}")
    return array
