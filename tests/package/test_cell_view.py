"""The GRU's drawing without a browser: its numbers, its first picture, and what is refused."""

import base64
import re

import numpy as np
import pytest
from matplotlib.text import Text

from course_utils import cell_view, diagrams
from course_utils.cells import Params

RNG = np.random.default_rng(3)
PLACES = [
    {name: round(float(RNG.uniform(low, high)), 2) for name, (_, low, high) in cell_view.SLIDERS.items()}
    for _ in range(8)
]


@pytest.mark.parametrize("at", PLACES, ids=str)
def test_what_flows_in_adds_up_to_what_flows_out(at):
    now = cell_view.step(**at)
    assert abs(now["kept"] + now["added"] - now["h"]) < 1e-12
    assert abs(now["z"] + now["rest"] - 1) < 1e-15
    w = cell_view.WEIGHTS
    read = np.arctanh(now["h_tilde"]) - w["W_xn"] * at["x"] - w["b_n"]
    assert abs(read - w["W_hn"] * now["read"]) < 1e-9


def test_params_have_the_rows_where_torch_has_them():
    p = cell_view.params(0.25, -0.75)
    assert isinstance(p, Params) and p.reset == "before"
    for gate, index in (("r", "r"), ("z", "z"), ("h_tilde", "n")):
        rows = p.gate(gate)
        assert rows["Wh"] == cell_view.WEIGHTS[f"W_h{index}"] and rows["Wx"] == cell_view.WEIGHTS[f"W_x{index}"]
    np.testing.assert_array_equal(p.bx, [0.25, -0.75, cell_view.WEIGHTS["b_n"]])


def picture(view):
    data, _ = view._repr_mimebundle_()
    return data


def test_the_output_holds_a_picture_beside_the_view():
    data = picture(cell_view.explore_cell())
    assert set(data) == {"application/vnd.jupyter.widget-view+json", "text/html", "image/png", "text/plain"}
    (alt,) = re.findall(r'<img alt="([^"]+)"', data["text/html"])
    assert len(alt.split()) >= 8 and data["text/plain"] == f"Figure: {alt}"
    assert f"base64,{data['image/png']}" in data["text/html"]
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")


def test_the_picture_is_that_of_the_start_and_the_same_on_every_run():
    first, moved = cell_view.explore_cell(), cell_view.explore_cell()
    moved.at = {**moved.at, "x": -1.5}
    other = cell_view.explore_cell(x=-1.5)
    assert picture(first)["image/png"] == picture(moved)["image/png"] != picture(other)["image/png"]
    assert repr(first) == repr(other) == "CellView of h_prev, x, b_r, b_z: run this cell to move its drawing"


@pytest.mark.parametrize("at", PLACES, ids=str)
def test_the_picture_says_all_numbers(at, monkeypatch):
    kept, paper = [], diagrams.Paper
    monkeypatch.setattr(diagrams, "Paper", lambda *given: kept.append(paper(*given)) or kept[-1])
    _, alt = cell_view.poster(**at)
    words = {text.get_text() for text in kept[0].drawing.findobj(Text)}
    now = cell_view.step(**at)
    for name in now:
        assert {cell_view.number(now[name]), rf"$x_t\;=\;{cell_view.number(now[name])}$"} & words, name
    assert cell_view.number(now["h"]) in alt


def test_values_follow_the_sliders():
    view = cell_view.explore_cell(h_prev=0.5)
    assert view.values == {"h_prev": 0.5, "x": 0.8, "b_r": 0.0, "b_z": 2.0, "backwards": False}
    view.at, view.backwards = {**view.at, "b_z": -1.0}, True
    assert view.values["b_z"] == -1.0 and view.values["backwards"]


def test_numbers_and_thickness():
    assert [cell_view.number(v) for v in (-0.004, -1.5, 0.126)] == ["0.00", "−1.50", "0.13"]
    assert cell_view.thickness(0) == cell_view.THINNEST
    assert cell_view.thickness(-1) == cell_view.thickness(1) == cell_view.THICKEST
    assert cell_view.thickness(40) == cell_view.thickness(1.5)


@pytest.mark.parametrize(
    "complaint, given",
    {
        "h_prev: got 1.5, wants a number of at most 1": {"h_prev": 1.5},
        "x: got -2.5, wants a finite number of at least -2": {"x": -2.5},
        "b_r: got 'open', wants a number": {"b_r": "open"},
        "b_z: got nan": {"b_z": float("nan")},
    }.items(),
)
def test_bad_input_is_refused_by_name(complaint, given):
    with pytest.raises(ValueError) as refused:
        cell_view.explore_cell(**given)
    assert complaint in str(refused.value)
