"""What moves in the book, packed and unpacked again."""

import base64

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.notebook import LESSONS, code_cells, read
from tools import views

EXPLORER = "course_utils.widgets.Explorer"
words = st.lists(st.text(max_size=5), max_size=3)


def packed(state, **blocks):
    buffers = [
        {"path": ["frames", name], "data": base64.b64encode(block).decode(), "encoding": "base64"}
        for name, block in blocks.items()
    ]
    return views.pack({"_anywidget_id": EXPLORER, "_esm": "code", "layout": "IPY_1"} | state, buffers)


@given(
    arrays.arrays("<f4", st.integers(0, 40), elements=st.floats(width=32)),
    arrays.arrays("u1", st.integers(0, 40)),
    words,
)
def test_what_was_packed_comes_out_again(numbers, shades, sentences):
    state = {"spec": {"live": False}, "frames": {"words": sentences}, "at": [0]}
    kind, found = views.unpack(packed(state, numbers=numbers.tobytes(), shades=shades.tobytes()))
    assert kind == EXPLORER and set(found) == {"spec", "frames", "at"}
    assert found["frames"]["words"] == sentences and found["frames"]["shades"] == shades.tobytes()
    seen = np.frombuffer(found["frames"]["numbers"], "<f4")
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(seen, numbers, rtol=2.0**-15, atol=1e-40)  # twice as near but for the largest


def test_another_widget_is_left_out():
    assert views.pack({"_anywidget_id": "someone.elses.Widget", "_esm": "code"}, []) is None
    assert views.pack({"value": 3}, []) is None


@pytest.mark.parametrize("wrong", ["", "abc", "AAAA", base64.b64encode(b"{}\n").decode()])
def test_something_else_is_refused(wrong):
    with pytest.raises(ValueError, match=r"^packed: got .*wants what `pack` returned"):
        views.unpack(wrong)


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_the_table_of_a_stored_explorer_is_whole(path):
    """As many frames as the sliders have positions, each with its numbers, shades, sentence and lines."""
    outputs = [output for cell in code_cells(read(path)) for output in cell.outputs]
    stored = [views.unpack(output.data[views.VIEW]) for output in outputs if views.VIEW in output.get("data", {})]
    explorers = [state for kind, state in stored if kind == EXPLORER]
    for state in explorers:
        count = np.prod([len(control["texts"]) for control in state["spec"]["controls"]])
        panels, frames = state["spec"]["panels"], state["frames"]
        assert len(frames["words"]) == len(frames["equations"]) == count
        assert len(frames["numbers"]) == 4 * count * sum(panel["size"] for panel in panels)
        assert len(frames["shades"]) == count * sum(np.prod(panel["shape"]) for panel in panels if "shape" in panel)
    assert len(stored) > len(explorers)  # guesses, too
