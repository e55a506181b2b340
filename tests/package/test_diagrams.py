"""Drawings of networks: nothing runs into anything else, at any size, and the letters are the lessons' own."""

import functools
import itertools
import re

import numpy as np
import pytest
from matplotlib.patches import ArrowStyle, Circle, FancyArrowPatch, FancyBboxPatch, Polygon, Rectangle
from matplotlib.path import Path
from matplotlib.text import Text

from course_utils import diagrams, figures
from course_utils.cells import GATES

RNG = np.random.default_rng(7)


def vectors(D, H, k):
    """Arguments of `step_in_vectors`."""
    return [RNG.uniform(-99, 99, size) for size in (D, H, H, k)]


DRAWINGS = {
    **{f"unrolled {T}": lambda T=T: diagrams.unrolled(T) for T in range(1, 6)},
    "unrolled, no losses": lambda: diagrams.unrolled(2, losses=False),
    **{f"unrolled {T}, back": lambda T=T: diagrams.unrolled(T, gradients=True) for T in range(1, 5)},
    **{f"truncation {T} {K}": lambda T=T, K=K: diagrams.truncation(T, K) for T in (2, 5, 6, 8) for K in {1, T // 2}},
    **{f"stacked {T}": lambda T=T: diagrams.stacked(T) for T in range(2, 6)},
    **{f"scan {T}": lambda T=T: diagrams.scan(T) for T in range(2, 9)},
    **{f"wirings {T}": lambda T=T: diagrams.wirings(T) for T in (2, 3, 4)},
    **{
        f"vectors {sizes}": lambda sizes=sizes: diagrams.step_in_vectors(*vectors(*sizes))
        for sizes in [(3, 4, 2), (1, 1, 1), (8, 1, 8), (1, 8, 1), *map(tuple, RNG.integers(1, 9, (4, 3)).tolist())]
    },
    **{f"GRU {stage}": lambda stage=stage: diagrams.gru_growing(stage) for stage in (1, 2, 3)},
    "circle": diagrams.circle_to_ellipse,
    "paths": diagrams.gru_with_paths,
    "LSTM": diagrams.lstm_beside_gru,
}
every = pytest.mark.parametrize("draw", [functools.cache(draw) for draw in DRAWINGS.values()], ids=DRAWINGS)


def words(drawing):
    return [text for text in drawing.findobj(Text) if text.get_text()]


def said(drawing):
    """All its words as one string, the formulas' extra spaces taken out."""
    return " | ".join(text.get_text().replace(r"\;", " ") for text in words(drawing))


def covered(drawing, artists):
    """What each of these artists covers, in inches."""
    inches = drawing.dpi_scale_trans.inverted()
    return [artist.get_window_extent().transformed(inches) for artist in artists]


def frames(drawing):
    """What the boxes cover, in inches."""
    return covered(drawing, drawing.findobj(FancyBboxPatch))


def placed(drawing):
    """[(words, what they cover in inches)]."""
    texts = words(drawing)
    return [(text.get_text(), box) for text, box in zip(texts, covered(drawing, texts), strict=True)]


def overlap(a, b, slack):
    """Whether two rectangles share more than a strip of `slack` inches."""
    return min(a.x1, b.x1) - max(a.x0, b.x0) > slack and min(a.y1, b.y1) - max(a.y0, b.y0) > slack


@every
def test_all_words_lie_inside_and_apart(draw):
    drawing = draw()
    width, height = drawing.get_size_inches()
    found = placed(drawing)
    for text, box in found:
        assert 0 <= box.x0 < box.x1 <= width and 0 <= box.y0 < box.y1 <= height, text
    for (text, box), (other, its) in itertools.combinations(found, 2):
        assert not overlap(box, its, slack=0.01), f"{text} runs into {other}"


@every
def test_words_stand_wholly_in_a_box_or_outside_it(draw):
    drawing = draw()
    for (text, word), frame in itertools.product(placed(drawing), frames(drawing)):
        inside = frame.x0 <= word.x0 and word.x1 <= frame.x1 and frame.y0 <= word.y0 and word.y1 <= frame.y1
        assert inside or not overlap(word, frame, slack=0.01), text


@every
def test_boxes_stay_apart_and_on_the_sheet(draw):
    drawing = draw()
    width, height = drawing.get_size_inches()
    found = frames(drawing)
    for box in found:
        assert 0 <= box.x0 and box.x1 <= width and 0 <= box.y0 and box.y1 <= height
    assert not any(overlap(a, b, slack=0) for a, b in itertools.combinations(found, 2))


@every
def test_arrows_keep_clear_of_words(draw):
    """No arrow runs through a word, unless a box or a circle hides it there."""
    drawing = draw()
    hidden = frames(drawing)
    to_inches = drawing.axes[0].transData + drawing.dpi_scale_trans.inverted()
    free = [
        (text, box)
        for text, box in placed(drawing)
        if text != "1−" and not any(overlap(box, frame, slack=0) for frame in hidden)
    ]
    for arrow in drawing.findobj(FancyArrowPatch):
        corners = to_inches.transform(arrow._path_original.to_polygons(closed_only=False)[0])
        for (x0, y0), (x1, y1) in itertools.pairwise(corners):
            along = np.linspace(0, 1, 50)
            x, y = x0 + along * (x1 - x0), y0 + along * (y1 - y0)
            for text, box in free:
                assert not np.any((x > box.x0) & (x < box.x1) & (y > box.y0) & (y < box.y1)), text


@every
def test_arrows_are_level_or_upright_and_point_at_something(draw):
    drawing = draw()
    shapes = [
        patch for patch in drawing.axes[0].patches if isinstance(patch, FancyBboxPatch | Circle | Polygon | Rectangle)
    ]
    things = [box.padded(0.1) for box in covered(drawing, shapes)]
    for arrow in drawing.findobj(FancyArrowPatch):
        way = arrow._path_original
        if Path.CURVE4 in way.codes:
            continue  # the loop
        for a, b in itertools.pairwise(way.vertices):
            assert np.isclose(a, b).any(), f"from {a} to {b}"
        has_head = isinstance(arrow.get_arrowstyle(), ArrowStyle.get_styles()["-|>"])
        if has_head and not is_red(arrow):  # a gradient of `truncation` ends beside the arrow whose weight it reaches
            assert any(thing.contains(*way.vertices[-1]) for thing in things), way.vertices[-1]


@every
def test_letters_are_large_enough_and_alt_texts_say_something(draw):
    drawing = draw()
    assert min(text.get_fontsize() for text in words(drawing)) >= 9
    assert 600 <= drawing.get_size_inches()[0] * 110 <= 800  # pixels, as figures.show saves it
    assert len(drawing.alt.split()) >= 8 and drawing.alt.endswith(".")
    assert "$" not in drawing.alt and "\\" not in drawing.alt


@pytest.mark.parametrize("T", range(1, 5))
def test_unrolled_steps_and_their_gradients(T):
    forwards, back = said(diagrams.unrolled(T)), said(diagrams.unrolled(T, gradients=True))
    for t in range(1, T + 1):
        for letter in (f"$x_{t}$", f"$h_{t}$", f"$L_{t}$"):
            assert letter in forwards and letter in back
        assert f"$J_{t}$" in back and f"$dL/dh_{t}$" in back
        assert rf"$\dfrac{{\partial^+ h_{t}}}{{\partial w}}$" in back
    assert "$h_0$" in forwards and f"h_{T + 1}$" not in forwards + back
    assert r"$J_t = \dfrac{\partial h_t}{\partial h_{t-1}}$" in back
    arrows = diagrams.unrolled(T, gradients=True).findobj(FancyArrowPatch)
    assert sum(map(is_red, arrows)) == 3 * T  # from each loss, through each J_t, into the weights


def is_red(arrow):
    return np.allclose(arrow.get_facecolor()[:3], [int(figures.GRADIENT[i : i + 2], 16) / 255 for i in (1, 3, 5)])


@pytest.mark.parametrize("T, K", [(T, K) for T in (2, 5, 8) for K in range(1, T)])
def test_truncation_keeps_the_terms_that_it_should(T, K):
    """Solid arrows reach as many uses as the table of lesson 02 keeps: all, K diagonals, blocks along the diagonal."""
    drawing = diagrams.truncation(T, K)
    t, k = np.mgrid[1 : T + 1, 1 : T + 1]
    past = k <= t
    wants = [past, past & (t - k < K), past & ((t - 1) // K == (k - 1) // K)]
    solid = [arrow for arrow in drawing.findobj(FancyArrowPatch) if is_red(arrow)]
    assert len(solid) == 3 * T
    spacing = (diagrams.WIDTH - 0.4 - 2.35) / (T - 1)
    for row, want in enumerate(wants):
        lengths = []
        for arrow in solid[row * T : (row + 1) * T]:
            xs = arrow._path_original.vertices[:, 0]
            lengths.append(int(np.ceil((xs[0] - xs[-1]) / spacing)))
        assert lengths == want.sum(axis=1).tolist()


@pytest.mark.parametrize("T", range(2, 6))
def test_stacked_layers_are_looked_back_along_and_down_into(T):
    """Red arrows: T back along each layer, and the loss's one into the readout and two down into the last states."""
    drawing = diagrams.stacked(T)
    red = [arrow._path_original.vertices for arrow in drawing.findobj(FancyArrowPatch) if is_red(arrow)]
    assert all(way[-1][0] < way[0][0] for way in red if way[0][1] == way[-1][1])  # level ones lead back in time
    upright = [way for way in red if way[0][0] == way[-1][0]]
    assert len(red) == 2 * T + 3 and len(upright) == 2 and all(way[-1][1] < way[0][1] for way in upright)
    for letter, rows in {"x": 1, "e": 1, "h": 2, "a": 1}.items():
        found = [text.get_text() for text in words(drawing)]
        assert all(found.count(f"${letter}_{t}$") == rows for t in range(1, T + 1))
        assert found.count(f"${letter}_0$") == (2 if letter == "h" else 0)
    with pytest.raises(ValueError, match="T: got 6, wants at most 5"):
        diagrams.stacked(6)


@pytest.mark.parametrize("T", range(2, 9))
def test_a_scans_boxes_reach_as_far_as_joining_brings_them(T):
    """Every box names the steps that it has joined, by joining sets of steps along the arrows."""
    rows, gap = [[{t} for t in range(1, T + 1)]], 1
    while gap < T:
        rows.append([rows[-1][t] | (rows[-1][t - gap] if t >= gap else set()) for t in range(T)])
        gap *= 2
    drawing = diagrams.scan(T)
    names = [f"{min(box)}" if len(box) == 1 else f"{min(box)} – {max(box)}" for row in rows for box in row]
    assert [text for text in said(drawing).split(" | ") if text[0].isdigit() and "round" not in text] == names
    assert all(
        len(box) == box_to for box_to, box in enumerate(rows[-1], start=1)
    ) and f"in {len(rows) - 1} round" in said(drawing)


def test_each_outline_is_what_the_singular_values_say():
    """Longest and shortest way from the centre are σ_1 and σ_2 of the product so far, in units of the first circle."""
    drawing = diagrams.circle_to_ellipse()
    outlines = [patch.get_xy() for patch in drawing.axes[0].patches if isinstance(patch, Polygon)]
    sizes = [np.linalg.norm(outline - (outline.min(0) + outline.max(0)) / 2, axis=1) for outline in outlines]
    products = np.array([np.eye(2), diagrams.TWO_STEPS[0], diagrams.TWO_STEPS[1] @ diagrams.TWO_STEPS[0]])
    wanted = np.linalg.svd(products, compute_uv=False)
    np.testing.assert_allclose([[size.max(), size.min()] for size in sizes] / sizes[0].max(), wanted)
    assert wanted[:, 0].tolist() == [1, 2, 1] and np.allclose(np.linalg.norm(diagrams.TWO_STEPS, 2, axis=(1, 2)), 2)
    for number in (r"$\sigma_1 = 1$", r"$\sigma_1(J_1) = 2$", r"$\sigma_1(J_2 J_1) = 1$, not $2 \cdot 2$"):
        assert number in said(drawing)


def test_the_grus_letters_are_those_of_the_lessons():
    """z keeps, row blocks W_hr, W_hz, W_hn of W_h and W_xr, W_xz, W_xn of W_x, biases b_r, b_z, b_n."""
    whole = said(diagrams.gru_growing(3))
    assert r"$h_t = z_t \odot h_{t-1} + (1 - z_t) \odot \tilde h_t$" in whole
    for gate in "rz":
        assert rf"${gate}_t = \sigma(W_{{x{gate}}}\, x_t + W_{{h{gate}}}\, h_{{t-1}} + b_{gate})$" in whole
    assert r"$\tilde h_t = \tanh(W_{xn}\, x_t + W_{hn} (r_t \odot h_{t-1}) + b_n)$" in whole
    assert "r_t" not in said(diagrams.gru_growing(2)) and r"\tilde h_t" not in said(diagrams.gru_growing(1))
    both = said(diagrams.lstm_beside_gru())
    for letter in GATES["LSTM"]:
        assert f"${letter}_t$" in both


def test_the_grus_parts_stay_where_they_are():
    def places(stage):
        drawing = diagrams.gru_growing(stage)
        (top,) = [text.get_position()[1] for text in words(drawing) if text.get_text() == "$h_t$"]
        found = [text for text in words(drawing) if re.fullmatch(r"\$(\\tilde )?[hzr]_(t|\{t-1\})\$", text.get_text())]
        return {text.get_text(): (text.get_position()[0], round(text.get_position()[1] - top, 9)) for text in found}

    one, two, three = map(places, (1, 2, 3))
    assert one.items() <= two.items() <= three.items() and len(one) < len(two) < len(three)


def test_paths_have_their_fixed_colours_and_formulas():
    drawing = diagrams.gru_with_paths()
    whole = said(drawing)
    assert list(diagrams.PATH_LINES) == list(figures.PATH_COLOURS)
    for name, line in diagrams.PATH_LINES.items():
        assert name in whole and line in whole
    drawn = {tuple(np.round(arrow.get_edgecolor()[:3], 3)) for arrow in drawing.findobj(FancyArrowPatch)}
    assert len(drawn) == 4


def test_numbers_stand_in_their_boxes():
    x, h_prev, h, y = vectors(3, 4, 2)
    found = [text.get_text() for text in words(diagrams.step_in_vectors(x, h_prev, h, y))]
    for values in (x, h_prev, h, y):
        column = [f"{value:.2f}".replace("-", "−") for value in values]
        at = found.index(column[0])
        assert found[at : at + len(values)] == column


def test_show_takes_the_drawings_own_words_or_others(monkeypatch):
    shown = []
    monkeypatch.setattr(figures, "display", lambda data, raw: shown.append(data))
    drawing = diagrams.wirings()
    diagrams.show(drawing)
    diagrams.show(drawing, alt="One two three four five six seven eight.")
    assert shown[0]["text/plain"] == f"Figure: {drawing.alt}"
    assert 'alt="One two three four five six seven eight."' in shown[1]["text/html"]
    assert shown[0]["image/png"] == shown[1]["image/png"]


@pytest.mark.parametrize(
    "complaint, call",
    {
        "T: got 6, wants at most 5": lambda: diagrams.unrolled(6),
        "T: got 5, wants at most 4": lambda: diagrams.unrolled(5, gradients=True),
        "T: got 0, wants an integer": lambda: diagrams.unrolled(0),
        "losses: got False": lambda: diagrams.unrolled(3, losses=False, gradients=True),
        "K: got 6, wants at most 5": lambda: diagrams.truncation(6, 6),
        "T: got 1, wants an integer of at least 2": lambda: diagrams.truncation(1, 1),
        "T: got 9, wants at most 8": lambda: diagrams.scan(9),
        "T: got 2.5": lambda: diagrams.wirings(2.5),
        "stage: got 4, wants at most 3": lambda: diagrams.gru_growing(4),
        "h: got 9 numbers": lambda: diagrams.step_in_vectors([1], np.ones(9), np.ones(9), [1]),
        "h_prev: got shape (2,), wants (3,)": lambda: diagrams.step_in_vectors([1], [1, 2], [1, 2, 3], [1]),
        "y: got NaN or inf": lambda: diagrams.step_in_vectors([1], [1], [1], [np.nan]),
        "letter: got": lambda: diagrams.step_in_vectors([1], [1], [1], [1], letter="$y$"),
        "drawing: got list": lambda: diagrams.show([]),
        "alt: got 'short'": lambda: diagrams.show(diagrams.wirings(), alt="short"),
    }.items(),
)
def test_bad_input_is_refused_by_name(complaint, call):
    with pytest.raises(ValueError) as refused:
        call()
    assert complaint in str(refused.value)
