"""Every figure that lesson NN states, by another way."""

from tests.notebook import ROOT, code_cells, read


def printed() -> str:
    """What the lesson prints, as one text."""
    cells = code_cells(read(ROOT / "notebooks" / "NAME.ipynb"))
    return "".join(output.text for cell in cells for output in cell.outputs if output.output_type == "stream")


def test_what_is_left_of_a_state() -> None:
    """By one product a step."""
    left = 1.0
    for _ in range(50):
        left *= 0.9
    assert f"left after 50 steps: {left:.4f}\n" in printed()
