"""Static figures: their logarithmic axes, their names, and the sheet that they stand on."""

import html
import io
import math
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from course_utils import figures


@pytest.fixture(autouse=True)
def closed():
    """No figure stays open behind a test."""
    yield
    plt.close("all")


def is_a_step(step):
    """Whether it is 1, 2, 3 or 5 times a power of ten."""
    return step >= 1 and str(step).rstrip("0") in {"1", "2", "3", "5"}


@given(st.integers(-32000, 30000), st.integers(160, 60000), st.integers(2, 12))
def test_decades_are_multiples_of_a_step_that_one_can_count(low, span, most):
    low, span = low / 100, span / 100
    found = figures.decades(low, low + span, most)
    assert len(found) <= most and all(low - 1e-6 <= k <= low + span + 1e-6 for k in found)
    steps = set(np.diff(found).tolist())
    assert len(steps) <= 1 and all(is_a_step(step) and found[0] % step == 0 for step in steps)
    assert (0 in found) == (low <= 0 <= low + span)
    finer = {3: 2, 2: 1, 5: 3, 1: 0.5}
    if steps:  # the next finer step would have been too many
        (step,) = steps
        smaller = step * finer[int(str(step)[0])] / int(str(step)[0])
        assert smaller < 1 or math.floor((low + span) / smaller) - math.ceil(low / smaller) + 1 > most


@pytest.mark.parametrize("exponents", [(-13, 1), (-20, 35), (-3, 4), (-200, 0)])
def test_a_logarithmic_axis_ticks_at_whole_decades_only(exponents):
    ax = figures.curves({"GRU": 10.0 ** np.linspace(*exponents, 30)}, title="t", xlabel="x", ylabel="y", log=True)
    ax.figure.draw_without_rendering()
    low, high = ax.get_ylim()
    powers = [math.log10(tick) for tick in ax.get_yticks() if low <= tick <= high]
    assert len(powers) >= 3 and len(ax.yaxis.get_minorticklocs()) == 0
    assert all(power == pytest.approx(round(power)) for power in powers)
    if low <= 1 <= high:
        assert min(map(abs, powers)) == 0
    texts = [tick.get_text() for tick in ax.get_yticklabels()]
    assert f"$\\mathdefault{{10^{{{round(powers[0])}}}}}$" in texts


def test_a_short_logarithmic_axis_has_ticks_too():
    ax = figures.curves({"GRU": [0.3, 1.9]}, title="t", xlabel="x", ylabel="y", log=True)
    ax.figure.draw_without_rendering()
    low, high = ax.get_ylim()
    shown = [tick for tick in ax.get_yticks() if low <= tick <= high]
    assert shown == pytest.approx([tick for tick in (0.2, 0.5, 1, 2, 5) if low <= tick <= high])


def test_a_reference_line_carries_its_name_at_its_height():
    lines = {"GRU": [1.0, 0.8, 0.5], "RNN": [1.0, 0.3, 0.1]}
    ax = figures.curves(lines, title="t", xlabel="x", ylabel="y", reference={"0.9: enough": 0.9}, ax=None)
    (note,) = [text for text in ax.texts if text.get_text() == "0.9: enough"]
    ax.figure.draw_without_rendering()
    height = ax.transData.inverted().transform((0, note.get_window_extent().get_points().mean(axis=0)[1]))[1]
    assert height == pytest.approx(0.9, abs=0.03)
    assert note.get_window_extent().x0 >= ax.get_window_extent().x1
    bare = figures.curves(lines, title="t", xlabel="x", ylabel="y", reference=0.9)
    assert sorted(text.get_text() for text in bare.texts) == ["GRU", "RNN"]


@pytest.mark.parametrize("columns", [1, 2, 3])
def test_long_names_are_wrapped_and_take_a_third_of_a_panel_at_most(columns):
    figure, axes = figures.panels(columns)
    for ax in np.atleast_1d(axes):
        lines = {"GRU, update bias +3 and chrono initialisation": [1, 2], "LSTM, forget bias 1": [1, 2]}
        figures.curves(lines, title="t", xlabel="x", ylabel="y", ax=ax)
    figure.draw_without_rendering()
    for ax in np.atleast_1d(axes):
        boxes = sorted((text.get_window_extent() for text in ax.texts), key=lambda box: box.y0)
        assert all(box.width <= 0.34 * figure.bbox.width / columns for box in boxes)
        assert boxes[0].y1 <= boxes[1].y0 + 1  # and don't overlap


def test_a_long_name_is_wrapped_around_its_formula():
    figure, axes = figures.panels(3)
    name = r"GRU with $\|\,\partial h_t / \partial h_{t-1} \,\|$ and a bias"
    ax = figures.curves({name: [1, 2]}, title="t", xlabel="x", ylabel="y", ax=axes[0])
    figure.draw_without_rendering()
    (note,) = ax.texts
    assert note.get_text().replace("\n", " ") == name and "\n" in note.get_text()
    assert all(line.count("$") in (0, 2) for line in note.get_text().splitlines())


def test_a_picture_lies_on_paper_and_keeps_its_words():
    png = io.BytesIO()
    Image.new("RGB", (2, 2)).save(png, "png")
    data = figures.bundle(png.getvalue(), 'a "quoted" <sentence> & more')
    (style,) = re.findall('<figure style="([^"]+)"', data["text/html"])
    assert "background:#fff" in style and "padding" in style and "border-radius" in style
    (alt,) = re.findall('<img alt="([^"]+)"', data["text/html"])
    assert html.unescape(alt) == 'a "quoted" <sentence> & more'
