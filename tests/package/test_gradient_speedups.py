"""Jacobians, their pieces and the backward pass at the size of lessons, against autograd and the sum of the paths."""

import numpy as np
import pytest

from course_utils.cells import forward, init_params
from course_utils.gradients import backward, jacobian_paths, jacobian_pieces, jacobians
from course_utils.torch_bridge import autograd_backward, autograd_jacobians

CELLS = [
    ("RNN", {"activation": "tanh"}),
    ("RNN", {"activation": "sigmoid"}),
    ("RNN", {"activation": "relu"}),
    ("GRU", {"reset": "before"}),
    ("GRU", {"reset": "after"}),
    ("LSTM", {}),
]


@pytest.mark.parametrize("kind, options", CELLS)
@pytest.mark.parametrize("backwards", [False, True])
def test_pieces_make_up_the_jacobians(monkeypatch, kind, options, backwards):
    monkeypatch.setattr("course_utils.gradients.PIECE", 7 * (12 if kind == "LSTM" else 6) ** 2)  # 7 steps a piece
    trace = forward(init_params(kind, 4, 6, **options), np.random.default_rng(0).standard_normal((40, 4)))
    pieces = list(jacobian_pieces(trace, backwards))
    assert len(pieces) == 6
    assert np.array_equal(np.concatenate(pieces[::-1] if backwards else pieces), jacobians(trace))


@pytest.mark.parametrize("kind, options", CELLS)
def test_jacobians_are_autograds_and_the_sum_of_their_paths(kind, options):
    rng = np.random.default_rng(4)
    p, x, h0 = init_params(kind, 3, 7, **options), rng.standard_normal((20, 3)), rng.standard_normal(7)
    trace = forward(p, x, h0)
    J = jacobians(trace)
    assert np.max(np.abs(J - autograd_jacobians(p, x, h0))) < 1e-14
    assert np.max(np.abs(J - sum(jacobian_paths(trace).values()))) < 1e-14


@pytest.mark.parametrize("kind, options", CELLS)
def test_backward_is_autograds(kind, options):
    rng = np.random.default_rng(4)
    p, x, h0 = init_params(kind, 3, 7, **options), rng.standard_normal((20, 3)), rng.standard_normal(7)
    c0 = rng.standard_normal(7) if kind == "LSTM" else None
    dh = rng.standard_normal((20, 7))
    ours, theirs = backward(forward(p, x, h0, c0), dh), autograd_backward(p, x, dh, h0, c0)
    for name in ("Wx", "Wh", "bx", "bh", "x", "h0", "h", *(["c0"] if kind == "LSTM" else [])):
        want = getattr(theirs, name)
        assert np.max(np.abs(getattr(ours, name) - want)) < 1e-13 * max(1, np.max(np.abs(want))), name


def test_the_trace_keeps_its_own_inputs():
    x = np.ones((5, 2))
    trace = forward(init_params("GRU", 2, 3), x)
    x[:] = 7
    assert np.array_equal(trace.x, np.ones((5, 2)))


def test_saturated_gates_keep_their_leading_digits():
    """σ(-40) is 4e-18, not 0: a gate's smallness is what a gradient through it is made of."""
    p = init_params("GRU", 1, 2, gate_bias=-40.0)
    z = forward(p, np.zeros((1, 1))).gates["z"]
    assert np.allclose(z, np.exp(-40.0), rtol=1e-14)
    flat = init_params("GRU", 1, 2, gate_bias=-1e4)
    assert np.array_equal(forward(flat, np.zeros((3, 1))).gates["z"], np.zeros((3, 2)))
