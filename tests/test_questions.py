"""docs/questions.md: its links lead to headings that exist, and what it states of torch is so."""

import re

import numpy as np
import pytest
import torch

from course_utils.cells import init_params
from tests.notebook import ROOT, markdown, read

PAGE = (ROOT / "docs" / "questions.md").read_text(encoding="utf-8")
LINKS = re.findall(r"\]\(\.\./notebooks/([^)#]+)#(\S+)\)[,\s]", PAGE)


def anchors(path):
    """The anchors that Jupyter gives to a notebook's headings."""
    return {heading.strip().replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", markdown(read(path)), re.M)}


def test_twenty_questions():
    assert re.findall(r"^(\d+)\. \*\*", PAGE, re.M) == [str(n) for n in range(1, 21)]
    assert len(LINKS) >= 20 and len(LINKS) == PAGE.count("../notebooks/")


@pytest.mark.parametrize(("notebook", "anchor"), LINKS)
def test_links_lead_to_headings(notebook, anchor):
    assert anchor in anchors(ROOT / "notebooks" / notebook)


def test_padding_and_packing():
    torch.manual_seed(0)
    gru, x = torch.nn.GRU(3, 8, batch_first=True), torch.randn(2, 10, 3, requires_grad=True)
    packed = torch.nn.utils.rnn.pack_padded_sequence(x, [10, 6], batch_first=True)
    (packed_gradient,) = torch.autograd.grad(gru(packed)[1][0, 1].sum(), x)
    (padded_gradient,) = torch.autograd.grad(gru(x)[1][0, 1].sum(), x)
    assert torch.all(packed_gradient[1, 6:] == 0) and torch.all(packed_gradient[1, :6].norm(dim=1) > 0)
    assert torch.all(padded_gradient[1, :6].norm(dim=1) < packed_gradient[1, :6].norm(dim=1))


def test_a_stack_of_orthonormal_columns_has_smaller_blocks():
    torch.manual_seed(0)
    stack = torch.nn.init.orthogonal_(torch.empty(192, 64))
    torch.testing.assert_close(torch.linalg.svdvals(stack), torch.ones(64))
    for block in stack.split(64):
        assert torch.linalg.svdvals(block)[0] < 1 and torch.linalg.svdvals(block)[-1] < 0.1
    for block in init_params("GRU", 3, 64, recurrent="orthogonal").Wh_blocks:
        np.testing.assert_allclose(block @ block.T, np.eye(64), atol=1e-12)


def test_two_biases_add():
    gru = torch.nn.GRU(3, 8)
    lstm = torch.nn.LSTM(3, 8)
    for module, kind, rows in ((gru, "z", slice(8, 16)), (lstm, "f", slice(8, 16))):
        x, state = torch.randn(5, 3), []
        for ih, hh in ((1.0, 1.0), (2.0, 0.0)):
            with torch.no_grad():
                module.bias_ih_l0[rows], module.bias_hh_l0[rows] = ih, hh
                state.append(module(x)[0])
        torch.testing.assert_close(*state, msg=kind)
