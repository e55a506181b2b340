"""The quick cells of training against the plain ones of the lessons: the same states, the same gradients."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_utils._kernels import CELLS, Nets
from course_utils.cells import BLOCKS, WEIGHTS, forward, init_params
from course_utils.gradients import backward
from tests.strategies import VARIANTS, assert_close

variants = pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: " ".join(variant.values()))


@st.composite
def batches(draw):
    """Shapes, whether the loss depends on every state directly or only on the last one, and a seed for the numbers."""
    shape = {name: draw(st.integers(1, most)) for name, most in dict(S=3, B=4, T=7, D=4, H=6).items()}
    return shape, draw(st.booleans()), draw(st.integers(0, 2**20))


def both(variant, batch, dtype):
    """States (S, B, T+1, H) and weight gradients {name: (S, ...)}: those of the kernels, then those of the lessons."""
    shape, every_step, seed = batch
    S, B, T, D, H = shape.values()
    rng = np.random.default_rng(seed)
    nets = [init_params(**variant, input_size=D, hidden_size=H, seed=seed + s, gain=2.0, dtype=dtype) for s in range(S)]
    x = rng.standard_normal((S, B, T, D)).astype(dtype)
    dh = rng.standard_normal((S, B, T, H)).astype(dtype)  # the loss's own ∂L/∂h_t
    if not every_step:
        dh[:, :, :-1] = 0

    kernels = Nets(nets, np.zeros((S, 1, 1 + H)), None, dtype)
    # What an earlier, other batch left behind in the same room must not show.
    kernels.states(rng.standard_normal((S, B, T, D)))
    kernels.backward(rng.standard_normal((T, H, S, B)).astype(dtype))
    h = kernels.states(x).transpose(2, 3, 0, 1)
    kernels.backward(dh.transpose(2, 3, 0, 1) if every_step else dh[:, :, -1].transpose(2, 0, 1)[None])

    traces = [[forward(p, sequence) for sequence in sequences] for p, sequences in zip(nets, x, strict=True)]
    grads = [[backward(t, d) for t, d in zip(*row, strict=True)] for row in zip(traces, dh, strict=True)]
    plain = {name: np.array([sum(getattr(g, name) for g in row) for row in grads]) for name in WEIGHTS}
    return (h, kernels.by_name(kernels.dW)), (np.array([[t.h for t in row] for row in traces]), plain)


def assert_same(ours, plain, rtol):
    (h, grads), (plain_h, plain_grads) = ours, plain
    assert_close(h, plain_h, rtol)
    for name in WEIGHTS:
        assert_close(grads[name], plain_grads[name], rtol)


@variants
@given(batch=batches())
def test_kernels_are_the_plain_cells(variant, batch):
    assert_same(*both(variant, batch, np.float64), rtol=1e-11)


@variants
@given(batch=batches())
def test_kernels_are_the_plain_cells_in_float32(variant, batch):
    ours, plain = both(variant, batch, np.float32)
    assert {ours[0].dtype, *(grad.dtype for grad in ours[1].values())} == {np.dtype(np.float32)}
    assert_same(ours, plain, rtol=1e-3)


def test_every_kind_has_a_kernel():
    assert set(CELLS) == set(BLOCKS) == {variant["kind"] for variant in VARIANTS}


@variants
def test_many_nets_may_read_one_test_set(variant):
    """`Run.score` judges all seeds on the same sequences: x (1, B, T, D) is what S copies of it would be."""
    nets = [init_params(**variant, input_size=2, hidden_size=3, seed=s) for s in range(3)]
    kernels = Nets(nets, np.zeros((3, 1, 4)), None, np.float64)
    x = np.random.default_rng(0).standard_normal((1, 5, 6, 2))
    together = kernels.states(x).copy()
    np.testing.assert_array_equal(together, kernels.states(np.repeat(x, 3, axis=0)))


@variants
def test_a_saturated_gate_neither_overflows_nor_warns(variant):
    """Preactivations of ±1000: σ as ½ + ½ tanh has no exponential that could overflow. The lessons agree."""
    p = init_params(**variant, input_size=1, hidden_size=4, seed=0)
    weights = {name: getattr(p, name) for name in WEIGHTS} | {"bx": 1000 * np.resize([1.0, -1.0], len(p.bx))}
    if p.activation == "relu":
        weights["Wh"] = 0 * p.Wh  # so that its state stays in range
    saturated = type(p)(p.kind, **weights, activation=p.activation, reset=p.reset)
    x = np.random.default_rng(0).standard_normal((1, 2, 5, 1))
    kernels = Nets([saturated], np.zeros((1, 1, 5)), None, np.float64)
    with np.errstate(all="raise", under="ignore"):
        h = kernels.states(x)[:, :, 0].transpose(2, 0, 1)
        kernels.backward(np.ones((5, 4, 1, 2)))
    assert_close(h, [forward(saturated, sequence).h for sequence in x[0]], rtol=1e-12)
    assert np.isfinite(kernels.dW).all()


@variants
@given(batch=batches(), part=st.floats(0, 1))
def test_a_truncated_pass_back_is_that_of_the_last_steps_from_a_state_that_is_given(variant, batch, part):
    """Cutting after K steps is the same as to hand in h_{T-K} as a constant: what `detach` does in torch."""
    shape, _, seed = batch
    S, B, T, D, H = shape.values()
    K = 1 + int(part * (T - 1))
    rng = np.random.default_rng(seed)
    nets = [init_params(**variant, input_size=D, hidden_size=H, seed=seed + s, gain=2.0) for s in range(S)]
    x, y, V = rng.standard_normal((S, B, T, D)), rng.standard_normal((S, B, 1)), rng.standard_normal((S, 1, 1 + H))
    kernels = Nets(nets, V, "mse", np.float64)
    kernels.gradient(x, y)  # an earlier pass all the way back must not show
    kernels.gradient(x, y, truncate=K)
    for s, p in enumerate(nets):
        total = {name: 0 for name in WEIGHTS}
        for sequence, target in zip(x[s], y[s], strict=True):
            whole = forward(p, sequence)
            start = {"h0": whole.h[T - K]} | ({"c0": whole.c[T - K]} if p.kind == "LSTM" else {})
            last = forward(p, sequence[T - K :], **start)
            dh = np.zeros((K, H))
            dh[-1] = 2 * (V[s, 0, 0] + V[s, 0, 1:] @ whole.h[-1] - target) / B * V[s, 0, 1:]
            grads = backward(last, dh)
            total = {name: total[name] + getattr(grads, name) for name in WEIGHTS}
        for name in WEIGHTS:
            assert_close(kernels.by_name(kernels.dW)[name][s], total[name], rtol=1e-11)
    own, fresh = rng.standard_normal((1, H, S, B)), Nets(nets, V, "mse", np.float64)
    fresh.states(x)
    fresh.backward(own)
    kernels.backward(own)  # the next pass goes all the way again
    np.testing.assert_array_equal(kernels.dW, fresh.dW)
