"""Jacobians, paths, backward pass and norms against torch's autograd, complex steps and closed forms."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_utils.cells import Params, forward, init_params
from course_utils.cells import run as run_unchecked
from course_utils.gradients import backward, jacobian_paths, jacobians, state_gradients
from course_utils.norms import all_pairs_norms, lyapunov_exponents, norms_to_past
from course_utils.torch_bridge import _unroll, autograd_backward, autograd_jacobians
from tests import oracles
from tests.strategies import ANALYTIC, VARIANTS, assert_close, runs


@given(runs())
def test_jacobians_equal_autograd(run):
    params, x, h0, c0, _ = run
    assert_close(jacobians(forward(params, x, h0, c0)), autograd_jacobians(params, x, h0, c0))


@given(runs())
def test_paths_sum_to_the_jacobians(run):
    params, x, h0, c0, _ = run
    paths = jacobian_paths(forward(params, x, h0, c0))
    wanted = {
        "RNN": ["recurrent"],
        "GRU": ["direct", "update", "candidate", "reset"],
        "LSTM": ["direct", "forget", "input", "candidate", "output"],
    }
    assert list(paths) == wanted[params.kind]
    assert_close(sum(paths.values()), autograd_jacobians(params, x, h0, c0))


@given(runs())
def test_each_path_is_what_remains_when_the_others_are_cut(run):
    """With the old state a constant everywhere but on one path, autograd sees that path alone."""
    params, x, h0, c0, _ = run
    paths, alone = jacobian_paths(forward(params, x, h0, c0)), oracles.path_jacobians(params, x, h0, c0)
    assert set(paths) == set(alone)
    for path, J in paths.items():
        assert_close(J, alone[path].numpy())


@given(runs())
def test_backward_equals_autograd(run):
    params, x, h0, c0, dh = run
    got = backward(forward(params, x, h0, c0), dh)
    wanted = autograd_backward(params, x, dh, h0, c0)
    for name in ("Wx", "Wh", "bx", "bh", "x", "h0", "h") + (("c0",) if params.kind == "LSTM" else ()):
        assert_close(getattr(got, name), getattr(wanted, name))
    assert np.array_equal(state_gradients(forward(params, x, h0, c0), dh), got.h)


@given(runs(dtype=np.float32))
def test_backward_and_jacobians_keep_float32(run):
    params, x, h0, c0, dh = run
    trace = forward(params, x, h0, c0)
    grads = backward(trace, dh)
    J = jacobians(trace)
    results = [J, grads.Wx, grads.Wh, grads.bx, grads.bh, grads.x, grads.h0, grads.h, norms_to_past(J)]
    results += [all_pairs_norms(J), lyapunov_exponents(J), *jacobian_paths(trace).values()]
    assert {a.dtype for a in results} == {np.dtype(np.float32)}
    wide = autograd_backward(params, x, dh, h0, c0)
    assert_close(grads.Wh, wide.Wh, rtol=2e-5)


class Unchecked(Params):
    """Params that may be complex."""

    def __post_init__(self):
        pass


@given(runs(variants=ANALYTIC), st.sampled_from(["Wx", "Wh", "bx", "bh", "x", "h0"]), st.integers(0, 10**6))
def test_backward_equals_complex_steps(run, name, pick):
    """∂L/∂θ = Im L(θ + iε) / ε for L = Σ dh · h (Squire & Trapp 1998)."""
    params, x, h0, c0, dh = run
    grads = backward(forward(params, x, h0, c0), dh)
    values = {key: getattr(params, key).astype(complex) for key in ("Wx", "Wh", "bx", "bh")}
    values |= {"x": x.astype(complex), "h0": h0.astype(complex)}
    index = np.unravel_index(pick % values[name].size, values[name].shape)
    values[name][index] += 1e-30j
    x, h0 = values.pop("x"), values.pop("h0")
    p = Unchecked(params.kind, **values, activation=params.activation, reset=params.reset)
    trace = run_unchecked(p, x, h0, np.zeros(len(h0)) if c0 is None else c0)
    step = np.sum(dh * trace.h[1:]).imag / 1e-30
    gradient = getattr(grads, name)
    assert abs(gradient[index] - step) <= 1e-12 * np.abs(gradient).max() + 1e-300


@given(runs())
def test_norms_equal_those_of_autograd_products(run):
    params, x, h0, c0, _ = run
    _, _, states = _unroll(params, x, h0, c0)
    parts = 2 if params.kind == "LSTM" else 1
    last = torch.cat(states[-1][:parts])
    J = jacobians(forward(params, x, h0, c0))
    for ord in (2, "fro", 1):
        wanted = []
        for state in states[:-1]:
            rows = [torch.autograd.grad(entry, state[:parts], retain_graph=True) for entry in last]
            wanted.append(np.linalg.norm(torch.stack([torch.cat(row) for row in rows]).numpy(), ord))
        wanted.append(np.linalg.norm(np.eye(len(last)), ord))
        assert_close(norms_to_past(J, ord=ord), wanted)
        positive = np.array(wanted) > 1e-100
        assert_close(np.exp(norms_to_past(J, ord=ord, log=True))[positive], np.array(wanted)[positive])


@given(runs())
def test_all_pairs_equal_explicit_products(run):
    params, x, h0, c0, _ = run
    J = autograd_jacobians(params, x, h0, c0)
    got, logs = all_pairs_norms(J), all_pairs_norms(J, log=True)
    T, H = J.shape[:2]
    assert got.shape == (T + 1, T + 1)
    for t in range(T + 1):
        product = np.eye(H)
        assert np.all(np.isnan(got[t, t + 1 :]))
        for k in range(t, -1, -1):
            wanted = np.linalg.norm(product)
            assert got[t, k] == pytest.approx(wanted, rel=1e-12, abs=1e-300)
            if wanted > 1e-100:
                assert np.exp(logs[t, k]) == pytest.approx(wanted, rel=1e-12)
            product = product @ J[k - 1] if k else product


@pytest.mark.parametrize("rate", [1e-3, 0.5, 2.0, 1e3])
def test_log_norms_outlast_underflow_and_overflow(rate):
    T, H = 3000, 3
    Q, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((T, H, H)))
    lags = np.arange(T, -1, -1)
    assert_close(norms_to_past(rate * Q, log=True), lags * np.log(rate))
    logs = all_pairs_norms(rate * Q[:400], log=True)
    assert_close(logs[-1], lags[-401:] * np.log(rate) + np.log(H) / 2)
    plain = norms_to_past(rate * Q)
    assert plain[0] == (0.0 if rate < 1 else np.inf)


def test_a_step_that_kills_everything_gives_zero_and_minus_infinity():
    J = np.stack([np.eye(2), np.zeros((2, 2)), np.eye(2)])
    assert norms_to_past(J).tolist() == [0, 0, 1, 1]
    assert norms_to_past(J, log=True).tolist() == [-np.inf, -np.inf, 0, 0]
    assert all_pairs_norms(J)[3].tolist() == pytest.approx([0, 0, 2**0.5, 2**0.5])
    assert np.all(lyapunov_exponents(J) == -np.inf)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_exponents_sum_to_the_mean_log_determinant(variant):
    params = init_params(input_size=3, hidden_size=8, seed=5, recurrent="gaussian", gain=1.7, **variant)
    if params.activation == "relu":  # a dead unit has determinant zero
        params = init_params("RNN", 3, 8, activation="relu", recurrent="identity", gain=0.9)
        params = params.changed(Wx=np.abs(params.Wx), bx=np.full(8, 0.1), bh=np.full(8, 0.1))
    x = np.abs(np.random.default_rng(2).standard_normal((60, 3)))
    J = jacobians(forward(params, x))
    exponents = lyapunov_exponents(J)
    assert np.all(np.diff(exponents) <= 0)
    assert exponents.sum() == pytest.approx(np.linalg.slogdet(J)[1].mean(), rel=1e-12)


def test_exponents_of_known_systems():
    rates = np.array([3.0, 1.0, 0.25])
    rotate = np.linalg.qr(np.random.default_rng(1).standard_normal((3, 3)))[0]
    J = np.tile(rotate @ np.diag(rates) @ rotate.T, (400, 1, 1))
    assert np.allclose(lyapunov_exponents(J), np.log(rates), atol=0.01)
    assert np.allclose(lyapunov_exponents(J, interval=7), lyapunov_exponents(J), atol=1e-12)
    assert_close(lyapunov_exponents(np.tile(np.diag(rates), (50, 1, 1))), np.log(rates))
