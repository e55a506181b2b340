"""The oracle itself, against torch.nn's own layers where torch has the cell, and in plain numbers where it has not."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given

from course_utils.cells import GATES, init_params
from course_utils.torch_bridge import autograd_jacobians, to_module
from tests import oracles
from tests.strategies import VARIANTS, assert_close, runs

LACKING = [{"kind": "RNN", "activation": "sigmoid"}, {"kind": "GRU", "reset": "before"}]
OF_TORCH = [variant for variant in VARIANTS if variant not in LACKING]


@given(runs(variants=OF_TORCH))
def test_states_are_those_of_torchs_layers(run):
    params, x, h0, c0, _ = run
    layer, start = to_module(params), [torch.from_numpy(state)[None] for state in (h0, c0) if state is not None]
    assert type(layer).__module__ == "torch.nn.modules.rnn"
    h, last = layer(torch.from_numpy(x), tuple(start) if len(start) == 2 else start[0])
    ours = oracles.unroll(params, x, h0, c0)
    assert_close([one.h.numpy() for one in ours[1:]], h.detach().numpy())
    if params.kind == "LSTM":
        assert_close(ours[-1].c.numpy(), last[1][0].detach().numpy())


def test_the_cells_that_torch_lacks_obey_their_equations():
    """Entry by entry with Python's own floats (Cho et al. 2014, eqs. 5 to 8; here z keeps)."""

    def sigmoid(a):
        return 1 / (1 + math.exp(-a))

    def dot(row, vector):
        return sum(float(w) * v for w, v in zip(row, vector, strict=True))

    rng, H = np.random.default_rng(0), 3
    x, h = rng.standard_normal(2).tolist(), rng.standard_normal(H).tolist()
    p = init_params("GRU", 2, H, seed=1)
    from_x = [dot(row, x) + b for row, b in zip(p.Wx, p.bx, strict=True)]
    r, z = ([sigmoid(from_x[i] + dot(p.Wh[i], h) + p.bh[i]) for i in range(at, at + H)] for at in (0, H))
    left = [r[j] * h[j] for j in range(H)]
    h_tilde = [math.tanh(from_x[i] + dot(p.Wh[i], left) + p.bh[i]) for i in range(2 * H, 3 * H)]
    new = oracles.step(p, x, h)
    assert_close(new.h.numpy(), [z[j] * h[j] + (1 - z[j]) * h_tilde[j] for j in range(H)], rtol=1e-15)
    for name, wanted in {"r": r, "z": z, "h_tilde": h_tilde}.items():
        assert_close(new.gates[name].numpy(), wanted, rtol=1e-15)
    p = init_params("RNN", 2, H, seed=1, activation="sigmoid")
    wanted = [sigmoid(dot(p.Wx[i], x) + p.bx[i] + dot(p.Wh[i], h) + p.bh[i]) for i in range(H)]
    assert_close(oracles.step(p, x, h).h.numpy(), wanted, rtol=1e-15)


@given(runs())
def test_jacobians_and_paths_are_those_of_plain_autograd(run):
    """vmap and jacrev over the step against one backward pass a row through torch's layers."""
    params, x, h0, c0, _ = run
    wanted = autograd_jacobians(params, x, h0, c0)
    paths = oracles.path_jacobians(params, x, h0, c0)
    assert tuple(paths) == oracles.PATHS[params.kind]
    assert_close(oracles.jacobians(params, x, h0, c0).numpy(), wanted)
    assert_close(sum(paths.values()).numpy(), wanted)


@pytest.mark.parametrize("kind", ["GRU", "LSTM"])
@given(run=runs())
def test_a_path_is_what_remains_when_the_others_are_detached(kind, run):
    params, x, h0, c0, _ = run
    if params.kind != kind:
        return
    paths, H = oracles.path_jacobians(params, x[:1], h0, c0), params.hidden_size
    for path in oracles.PATHS[kind]:
        h, c = (None if start is None else torch.tensor(start, requires_grad=True) for start in (h0, c0))
        past = {name: h if name == path else h.detach() for name in oracles.PATHS[kind]}
        new = oracles.step(params, x[0], past, c if c is None or path == "direct" else c.detach()).state
        start = c if kind == "LSTM" and path == "direct" else h
        J = [torch.autograd.grad(row, start, retain_graph=True, materialize_grads=True)[0].numpy() for row in new]
        columns = slice(H, 2 * H) if start is c else slice(0, H)
        assert_close(paths[path][0, :, columns].numpy(), J)


@pytest.mark.parametrize("kind", ["GRU", "LSTM"])
def test_held_gates_and_handed_in_weights(kind):
    p, x = init_params(kind, 2, 3, seed=0), np.ones((4, 2))
    for name in GATES[kind]:
        assert np.all(oracles.gates(p, x, hold={name: 0.25})[name].numpy() == 0.25)
    other = init_params(kind, 2, 3, seed=1)
    assert torch.equal(oracles.states(p, x, weights=oracles.tensors(other)), oracles.states(other, x))
