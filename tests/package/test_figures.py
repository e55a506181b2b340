"""Figures say what their functions promise: what is drawn is read back from matplotlib and held against the numbers.

No picture is compared by its pixels; fonts differ from machine to machine.
"""

import base64
import io
from itertools import pairwise
from types import SimpleNamespace
from xml.etree.ElementTree import fromstring

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb
from PIL import Image

from course_utils import figures

LABELS = {"title": "What is found", "xlabel": "step", "ylabel": "norm"}
SEEDS = np.array([[1.0, 2.0, 4.0], [3.0, 2.0, 5.0], [2.0, 8.0, 100.0]])  # a mean would follow the 100


@pytest.fixture(autouse=True)
def closed():
    """Every figure of a test is closed after it."""
    yield
    plt.close("all")


def lines_of(ax):
    """{name: line} of all lines with a name."""
    return {line.get_gid(): line for line in ax.lines if line.get_gid()}


def words_of(ax):
    """{words: text} of all words written into the axes."""
    return {text.get_text(): text for text in ax.texts}


def box(text):
    """Where words stand, in pixels."""
    return text.get_window_extent(text.figure.canvas.get_renderer())


def contrast(one, other):
    """How much brighter one colour is than the other, 1 to 21 (WCAG 2.2)."""

    def luminance(colour):
        rgb = np.array(to_rgb(colour))
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


# ---------------------------------------------------------------------------------------------------------------------
# Colours


def test_a_colour_means_one_thing():
    """A reader who has learnt in lesson 00 that blue is the GRU would otherwise read every later figure wrongly."""
    vermilion, blue, dark_grey, wine, green = "#D55E00", "#0072B2", "#333333", "#882255", "#009E73"
    wanted = {"RNN": vermilion, "GRU": blue, "LSTM": dark_grey, "gradient at 5": wine, "state of unit 1": green}
    drawn = lines_of(figures.curves({name: [1.0, 2.0] for name in wanted}, **LABELS))
    assert {name: to_hex(line.get_color()).upper() for name, line in drawn.items()} == wanted
    assert [drawn[name].is_dashed() for name in wanted] == [False, False, True, False, False]

    for name, colour in wanted.items():
        assert figures.dots({name: [1.0, 2.0]}, title="", xlabel="").lines[0].get_color() == colour
    bars = figures.bars({"RNN, fresh": 1.0, "GRU": 2.0, "LSTM": 3.0}, title="", ylabel="").patches
    assert [to_hex(bar.get_facecolor()).upper() for bar in bars] == [vermilion, blue, dark_grey]


def test_variants_of_a_model_keep_its_colour_and_take_other_dashes():
    names = ["GRU", "GRU, z bias 1", "RNN", "GRU, z bias 3", "LSTM", "LSTM, f bias 1", "something else"]
    styles = dict(zip(names, figures.line_styles(names), strict=True))
    for kind in ("GRU", "LSTM"):
        colours, dashes = zip(*(styles[name] for name in names if name.startswith(kind)), strict=True)
        assert len(set(colours)) == 1
        assert len(set(dashes)) == len(dashes)
    assert styles["something else"][0] == figures.OTHER


@pytest.mark.parametrize("colour", [*figures.COLOURS.values(), figures.OTHER, figures.INK])
def test_lines_stand_out_from_the_paper(colour):
    """3 is what WCAG 2.2 wants of graphics; below it, weak eyes and projectors lose a line."""
    assert contrast(colour, "white") >= 3


def test_paths_of_a_gru_have_fixed_colours_wherever_they_occur():
    assert len(set(figures.PATH_COLOURS.values())) == 4
    parts = {name: [1.0, 1.0] for name in ("reset", "something else", "direct", "update", "candidate")}
    bands = figures.stacked(parts, **LABELS).collections
    bars = figures.bars({name: 1.0 for name in parts}, title="", ylabel="", colour="#123456").patches
    for name, band, bar in zip(parts, bands, bars, strict=True):
        wanted = figures.PATH_COLOURS.get(name)
        assert to_hex(bar.get_facecolor()).upper() == (wanted or "#123456")
        if wanted:
            assert to_hex(band.get_facecolor()[0]).upper() == wanted


# ---------------------------------------------------------------------------------------------------------------------
# Curves


def band_of(ax, x):
    """(lowest, highest) y of the shaded band at x."""
    corners = np.vstack([path.vertices for path in ax.collections[0].get_paths()])
    y = corners[corners[:, 0] == x, 1]
    return y.min(), y.max()


def test_seeds_are_drawn_as_their_median_and_a_band_from_least_to_greatest():
    """With a mean, one seed of many that explodes would lift the whole line."""
    ax = figures.curves({"GRU": SEEDS}, **LABELS)
    assert lines_of(ax)["GRU"].get_ydata().tolist() == [2, 2, 5]
    assert [band_of(ax, x) for x in range(3)] == [(1, 3), (2, 8), (4, 100)]
    assert to_hex(ax.collections[0].get_facecolor()[0]).upper() == figures.GRU
    assert not figures.curves({"GRU": SEEDS[0]}, **LABELS).collections  # one seed has no band


def test_a_seed_without_a_number_is_left_out_and_none_at_all_leaves_a_gap():
    some = np.where(SEEDS == 100, np.nan, SEEDS)
    some[:, 0] = np.nan
    ax = figures.curves({"RNN": some}, **LABELS)
    np.testing.assert_array_equal(lines_of(ax)["RNN"].get_ydata(), [np.nan, 2, 4.5])
    assert band_of(ax, 2) == (4, 5)


def test_a_logarithmic_axis_is_one_and_zeros_leave_a_gap():
    ax = figures.curves({"RNN": [1e-9, 0.0, -1.0, 1.0]}, **LABELS, log=True)
    assert (ax.get_yscale(), ax.get_xscale()) == ("log", "linear")
    np.testing.assert_array_equal(lines_of(ax)["RNN"].get_ydata(), [1e-9, np.nan, np.nan, 1])
    ax = figures.curves({"RNN": [1e-9, 0.0, -1.0]}, **LABELS)
    assert ax.get_yscale() == "linear"
    assert lines_of(ax)["RNN"].get_ydata().tolist() == [1e-9, 0, -1]


def test_curves_stand_where_they_belong():
    assert lines_of(figures.curves({"RNN": [5.0, 6.0]}, **LABELS))["RNN"].get_xdata().tolist() == [0, 1]
    ax = figures.curves({"RNN": SEEDS}, **LABELS, x=[10, 20, 40], reference=1)
    assert lines_of(ax)["RNN"].get_xdata().tolist() == [10, 20, 40]
    assert band_of(ax, 40) == (4, 100)
    assert (ax.get_title("left"), ax.get_xlabel(), ax.get_ylabel()) == ("What is found", "step", "norm")
    (reference,) = [line for line in ax.lines if not line.get_gid()]
    assert list(reference.get_ydata()) == [1, 1]
    assert list(reference.get_xdata()) == [0, 1] and reference.get_transform() == ax.get_yaxis_transform(which="grid")


def test_names_stand_at_their_lines_ends_in_their_colours():
    """Instead of a legend. A name beside another model's line would tell the opposite of what was measured."""
    ends = {"RNN": 0.1, "GRU": 0.5, "LSTM": 0.9}
    ax = figures.curves({name: [0.5, 0.5, end] for name, end in ends.items()}, **LABELS)
    words, lines = words_of(ax), lines_of(ax)
    assert ax.get_legend() is None and set(words) == set(ends)
    for name, end in ends.items():
        assert words[name].xy == (2, end)
        assert words[name].get_color() == lines[name].get_color()
        x, y = ax.transData.transform((2, end))
        assert box(words[name]).x0 > x
        assert abs((box(words[name]).y0 + box(words[name]).y1) / 2 - y) < 3
    assert not figures.curves({"RNN": [1.0, 2.0]}, **LABELS, names=False).texts


@pytest.mark.parametrize("log", [False, True])
def test_names_of_lines_that_end_together_keep_apart_and_in_order(log):
    ends = {f"GRU, seed {i}": 1 + i / 1000 for i in (3, 0, 4, 1, 2)}
    ax = figures.curves(
        {name: [1.0, end, end] for name, end in ends.items()} | {"RNN": [1.0, 2.0, 9.0]}, **LABELS, log=log
    )
    boxes = [box(words_of(ax)[name]) for name in sorted(ends)]
    assert all(lower.y1 <= upper.y0 + 1 for lower, upper in pairwise(boxes))


def test_a_line_that_leaves_the_axes_is_named_where_it_was_last_seen():
    ax = figures.curves(
        {"RNN": [1.0, 2.0, np.nan], "GRU": [1.0, 1.5, 50.0], "LSTM": [1.0, 1.2, 1.1]}, **LABELS, names=False
    )
    ax.set_ylim(0, 3)
    words = words_of(figures.label_ends(ax))
    assert {name: words[name].xy for name in words} == {"RNN": (1, 2), "GRU": (1, 1.5), "LSTM": (2, 1.1)}


# ---------------------------------------------------------------------------------------------------------------------
# The other figures


def test_dots_are_all_seeds_and_their_median():
    ax = figures.dots({"GRU": SEEDS[2], "RNN": [3.0, 1.0], "LSTM": 7.0}, title="Three", xlabel="steps")
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    assert [(line.get_xdata().tolist(), set(line.get_ydata())) for line in dots] == [
        ([2, 8, 100], {0}),
        ([3, 1], {1}),
        ([7], {2}),
    ]
    ticks = [(float(line.get_xdata()[0]), line.get_ydata()[0]) for line in ax.lines if line.get_marker() == "|"]
    assert ticks == [(8, 0), (2, 1)]  # the median of 2, 8, 100, where the mean is 37; one seed alone has no tick
    assert [label.get_text() for label in ax.get_yticklabels()] == ["GRU", "RNN", "LSTM"]
    assert ax.get_ylim()[0] > 2 and ax.get_ylim()[1] < 0  # the first row on top


def test_a_scoreboard_says_how_many_of_how_many_and_can_be_read():
    """Its ground is the brighter, the more there are, on one scale for all boards: 0 to all of them."""
    counts = {f"row {k}": {"here": k, "there": 15 - k} for k in range(16)}
    ax = figures.scoreboard(counts, 15, title="Solved")
    (image,) = ax.images
    words = {text.get_position(): text for text in ax.texts}
    brightness = [contrast(image.to_rgba(k / 15)[:3], "black") for k in range(16)]
    assert brightness == sorted(brightness)
    for row in range(16):
        for column, count in enumerate((row, 15 - row)):
            assert words[column, row].get_text() == f"{count}/15"
            assert image.get_array()[row, column] == pytest.approx(count / 15)
            assert contrast(words[column, row].get_color(), image.to_rgba(count / 15)[:3]) >= 3
    assert [label.get_text() for label in ax.get_xticklabels()] == ["here", "there"]
    assert [label.get_text() for label in ax.get_yticklabels()] == list(counts)
    alone = figures.scoreboard({"GRU": {"solved": 3}}, 5, title="")
    assert list(words_of(alone)) == ["3/5"] and alone.images[0].get_clim() == (0, 1)


def heatmap(values, **options):
    ax = figures.heatmap(values, **LABELS, **options)
    return SimpleNamespace(ax=ax, image=ax.images[0], clim=ax.images[0].get_clim())


def test_a_signed_heatmap_is_white_at_zero():
    """Otherwise a weight that is nearly 0 gets a colour, and the reader a sign that it hasn't."""
    signed = heatmap([[-1.0, 4.0], [np.nan, 0.0]], kind="signed")
    assert signed.clim == (-4, 4)
    assert heatmap([[-7.0, 4.0]], kind="signed").clim == (-7, 7)
    red, blue, white = (signed.image.to_rgba(value)[:3] for value in (4.0, -4.0, 0.0))
    assert red[0] > red[2] and blue[2] > blue[0] and min(white) > 0.95


def test_heatmaps_take_their_limits_from_the_data_or_the_caller():
    assert heatmap([[-300.0, np.nan], [-2.0, -np.inf]]).clim == (-300, -2)
    assert heatmap([[-300.0, -2.0]], limits=(-10, 0)).clim == (-10, 0)
    assert heatmap([[0.3, 0.4]], kind="gate").clim == (0, 1)
    with pytest.raises(ValueError, match=r"^kind: got 'rainbow'"):
        heatmap([[1.0]], kind="rainbow")


def test_a_heatmap_lies_as_its_matrix_is_written():
    """∂h_t/∂h_k with t downwards: upside down, the past would influence nothing and the future everything."""
    drawn = heatmap([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], label="log norm")
    left, right, bottom, top = drawn.image.get_extent()
    assert left < right and bottom > top
    assert drawn.image.get_array().tolist() == [[1, 2, 3], [4, 5, 6]]
    assert drawn.image.colorbar.ax.get_ylabel() == "log norm"
    assert (drawn.ax.get_title("left"), drawn.ax.get_xlabel(), drawn.ax.get_ylabel()) == tuple(LABELS.values())
    assert heatmap([[1.0]], extent=(0, 4, 9, 5)).image.get_extent() == [0, 4, 9, 5]


def test_pairs_of_steps_share_one_scale_of_colours():
    """Otherwise the same colour means another norm in the next panel."""
    maps = {"fresh": np.full((3, 3), -9.0), "open": np.zeros((3, 3))}
    axes = figures.pairs(maps, xlabel="from").axes
    drawn, scales = [ax for ax in axes if ax.images], [ax for ax in axes if not ax.images]
    assert [ax.get_title("left") for ax in drawn] == list(maps)
    assert [ax.images[0].get_array().tolist() for ax in drawn] == [values.tolist() for values in maps.values()]
    assert {ax.images[0].get_clim() for ax in drawn} == {(-8, 1)} and {ax.get_xlabel() for ax in drawn} == {"from"}
    assert [ax.get_ylabel() for ax in drawn] == ["step $t$", ""]
    assert [ax.get_ylabel() for ax in scales] == ["", r"$\log_{10}$ norm"]


def test_eigenvalues_stand_beside_the_true_unit_circle():
    values = np.array([0.5 + 0.5j, -2.0, 1j])
    ax = figures.plane(values, title="Spectrum")
    circle, dots = ax.lines
    assert np.allclose(np.hypot(circle.get_xdata(), circle.get_ydata()), 1)
    assert np.array_equal(dots.get_xdata() + 1j * dots.get_ydata(), values)
    assert ax.get_aspect() == 1  # an ellipse would show what shrinks as growing


def test_stacked_parts_stand_on_each_other_and_are_named():
    parts = {"direct": np.array([1.0, 2, 8, 2, 1]), "update": np.array([6.0, 5, 1, 5, 6]), "reset": np.full(5, 0.1)}
    ax = figures.stacked(parts, **LABELS, x=[0, 10, 20, 30, 40])
    tops = np.cumsum(list(parts.values()), axis=0)
    for band, below, above in zip(ax.collections, [np.zeros(5), *tops], tops, strict=False):
        corners = band.get_paths()[0].vertices
        for x, low, high in zip([0, 10, 20, 30, 40], below, above, strict=True):
            y = corners[corners[:, 0] == x, 1]
            assert (y.min(), y.max()) == pytest.approx((low, high))
    low, high = ax.get_ylim()
    assert low == 0 and high >= tops[-1].max()
    words = words_of(ax)
    assert set(words) == set(parts)
    assert words["direct"].get_position() == (20, 4)  # where it is thickest, in its middle
    assert words["update"].get_position() == pytest.approx((0, 4))
    assert contrast(words["reset"].get_color(), "white") >= 4.5  # outside its band, on paper
    assert words["reset"].xy[0] == 40 and tops[1][-1] < words["reset"].xy[1] < tops[2][-1]  # too thin: at its end


@pytest.mark.parametrize(
    "draw",
    [
        lambda ax: figures.curves({"GRU": [1.0, 2.0]}, **LABELS, ax=ax),
        lambda ax: figures.dots({"GRU": [1.0, 2.0]}, title="", xlabel="", ax=ax),
        lambda ax: figures.bars({"GRU": 1.0}, title="", ylabel="", ax=ax),
        lambda ax: figures.stacked({"direct": [1.0, 2.0]}, **LABELS, ax=ax),
        lambda ax: figures.heatmap([[1.0]], **LABELS, ax=ax),
        lambda ax: figures.scoreboard({"GRU": {"solved": 3}}, 5, title="", ax=ax),
        lambda ax: figures.plane([1j], title="", ax=ax),
    ],
    ids=["curves", "dots", "bars", "stacked", "heatmap", "scoreboard", "plane"],
)
def test_a_figure_is_drawn_where_it_is_told(draw):
    """Otherwise a panel stays empty and its figure is never shown."""
    _, (left, right) = figures.panels(2)
    assert draw(right) is right and right.has_data() and not left.has_data()
    assert plt.get_fignums() == [left.figure.number]


@pytest.mark.parametrize("log", [False, True])
def test_bars_say_how_high_they_are(log):
    ax = figures.bars({"fresh": 0.123456, "open": 12345.0}, title="", ylabel="norm", log=log)
    assert [bar.get_height() for bar in ax.patches] == [0.123456, 12345]
    assert list(words_of(ax)) == ["0.123", "1.23e+04"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["fresh", "open"]
    assert ax.get_yscale() == ("log" if log else "linear")


def test_a_mark_stands_at_its_point_and_its_words_beside_it():
    figure, ax = figures.panels(1)
    ax.set(xlim=(0, 9), ylim=(0, 9))
    figures.mark(ax, 2.0, 3.0, "here")
    figures.mark(ax, 4.0, 5.0, "there", offset=(-6, 6), dot=False)
    (dot,) = ax.lines
    assert (dot.get_xdata()[0], dot.get_ydata()[0]) == (2, 3)
    figure.canvas.draw()
    words = words_of(ax)
    assert words["here"].xy == (2, 3) and words["there"].xy == (4, 5)
    assert box(words["here"]).x0 > ax.transData.transform((2, 3))[0]
    assert box(words["there"]).x1 < ax.transData.transform((4, 5))[0]


def test_words_for_those_who_cannot_see_are_a_sentence_of_eight_at_least(monkeypatch):
    monkeypatch.setattr(figures, "display", lambda data, raw: None)
    with pytest.raises(ValueError, match=r"^alt: got 'One two"):
        figures.show(figures.panels(1)[0], alt="One two three four five six seven.")
    figures.show(figures.panels(1)[0], alt="One two three four five six seven eight.")


def test_panels_grow_with_their_rows():
    figure, axes = figures.panels(3, rows=2, height=2.5, sharey=True)
    assert axes.shape == (2, 3) and figure.get_size_inches().tolist() == [8.4, 5.0]
    assert axes[0, 0].get_shared_y_axes().joined(axes[0, 0], axes[1, 2])
    assert figures.panels(1)[0].get_size_inches().tolist() == [8.4, 3.2]


def test_what_is_shown_has_all_its_words_and_is_closed(monkeypatch):
    """The words are all that a screen reader gets, and quotes or < in them must not end the tag."""
    shown = []
    monkeypatch.setattr(figures, "display", lambda data, raw: shown.append(data))
    alt = 'For k < 5 the "long" memory of the GRU, ‖∂h_T/∂h_0‖, keeps 58 % of itself & the RNN keeps a tenth. ' * 4
    ax = figures.curves({"GRU": [1.0, 2.0]}, **LABELS)
    figures.show(ax, alt=alt)
    assert not plt.fignum_exists(ax.figure.number)
    (data,) = shown
    assert data["text/plain"] == f"Figure: {alt}"
    image = fromstring(data["text/html"].replace("></figure>", "/></figure>")).find("img")
    assert image.attrib["alt"] == alt
    assert image.attrib["src"] == f"data:image/png;base64,{data['image/png']}"
    assert data["image/png"].startswith("iVBORw0KGgo")  # how every PNG begins, in base64


def drawn_and_stored(figure):
    """A figure as matplotlib writes it and as notebooks store it: two PNGs, and the pixels of each."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    files = buffer.getvalue(), base64.b64decode(figures.bundle(buffer.getvalue(), "words")["image/png"])
    return files, [np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), int) for png in files]


def test_lines_are_stored_in_half_the_bytes_and_look_the_same():
    """The colours that cover most are the same to the last bit."""
    ax = figures.curves({"RNN": np.linspace(1, 2, 50), "GRU": np.linspace(2, 1, 50)}, **LABELS)
    files, (drawn, stored) = drawn_and_stored(ax.figure)
    assert len(files[1]) < len(files[0]) / 2
    colours, counts = np.unique(drawn.reshape(-1, 3), axis=0, return_counts=True)
    most = {tuple(colour) for colour in colours[np.argsort(counts)[-3:]]}
    assert most <= {tuple(colour) for colour in np.unique(stored.reshape(-1, 3), axis=0)}
    assert np.quantile(np.abs(drawn - stored).max(-1), 0.999) <= 8


def test_a_map_keeps_all_its_colours():
    """Half of them are nowhere but in the bar beside it: 256 would spend too few on that one."""
    values = np.linspace(-1, 0.2, 10**4).reshape(100, 100)
    _, (drawn, stored) = drawn_and_stored(figures.heatmap(values, kind="signed", **LABELS).figure)
    assert np.array_equal(drawn, stored)
