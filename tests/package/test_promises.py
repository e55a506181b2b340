"""What docstrings promise of dtypes, defaults, copies and random streams, where no figure would show it broken."""

from dataclasses import replace

import numpy as np
import pytest

from course_utils import tasks
from course_utils.cells import Params, forward, init_params
from course_utils.checks.exercise import Exercise, verdict
from course_utils.gradients import backward, state_gradients
from course_utils.norms import lyapunov_exponents
from course_utils.training import train
from tests import oracles
from tests.strategies import assert_close


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_a_float64_loss_on_a_float32_net_is_not_rounded(kind):
    """A gradient of 1/3 would come back as .33333334, and one of 1e-60 as 0."""
    p = init_params(kind, 3, 4, dtype=np.float32)
    trace = forward(p, np.ones((5, 3), np.float32))
    assert trace.h.dtype == np.float32
    dh = np.zeros((5, 4))
    dh[-1] = [1 / 3, 1e-60, -np.pi, 0]
    assert np.array_equal(state_gradients(trace, dh)[-1], dh[-1])
    grads = backward(trace, dh)
    assert {a.dtype for a in (grads.Wx, grads.Wh, grads.bx, grads.bh, grads.x, grads.h0, grads.h)} == {np.dtype(float)}
    assert backward(trace, dh.astype(np.float32)).h.dtype == np.float32


def test_a_gru_resets_before_the_product_unless_told():
    """As lessons 04 and 05 write it (Cho et al. 2014, v3), whether its weights are drawn or handed in."""
    drawn = init_params("GRU", 2, 3, seed=1)
    given = Params("GRU", drawn.Wx, drawn.Wh, drawn.bx, drawn.bh)
    x, h_prev = np.array([0.3, -2.0]), np.array([0.5, -0.9, 0.1])
    h = oracles.step(drawn.changed(reset="before"), x, h_prev).h.numpy()
    for p in (drawn, given):
        assert_close(forward(p, x[None], h_prev).h[1], h)
        assert np.max(np.abs(forward(p.changed(reset="after"), x[None], h_prev).h[1] - h)) > 1e-3


@pytest.mark.parametrize("sizes", [[1, 1e-20], [1e-20, 1], [1e30, 1, 1e-7]])
def test_exponents_of_float32_steps_that_shrink_strongly_are_those_of_float64(sizes):
    """Such steps are taken with more care, by scaling them far beyond what float32 holds."""
    J = np.tile(np.diag(np.float32(sizes)), (6, 1, 1))
    assert J.dtype == np.float32
    wanted = np.sort(np.log(np.float32(sizes).astype(float)))[::-1]
    assert np.allclose(lyapunov_exponents(J), wanted, rtol=1e-6)


def test_gradients_can_be_written_to_one_at_a_time():
    """As in a step of gradient descent on h_0: the totals of all steps must not move along."""
    grads = backward(forward(init_params("GRU", 3, 4), np.ones((5, 3))), np.ones((5, 4)))
    h = grads.h.copy()
    grads.h0[:] = 7
    assert np.array_equal(grads.h, h)


@pytest.mark.parametrize("size", [1.0, 1e-6, 1e-200])
def test_an_answer_is_judged_by_its_own_size(size):
    """Otherwise any small number would pass for a gradient that has vanished."""
    number = Exercise(right=3 * size, rtol=1e-2)
    arrays = Exercise(right=lambda a: 3 * a, draw=lambda rng: (size * rng.uniform(1, 2, 3),))
    assert verdict(number, 3.01 * size) == "Right."
    assert verdict(arrays, lambda a: 3 * a).startswith("Right")
    assert verdict(number, 3.1 * size) == "Not yet: the number differs."
    assert verdict(number, 0.0).startswith("Not yet")
    assert verdict(arrays, lambda a: 3.1 * a).startswith("Not yet: 3 of 3 numbers differ.")


@pytest.mark.parametrize("seed", [0, 3])
def test_a_nets_weights_its_readout_and_its_data_are_drawn_apart(seed):
    """Numbers that a net meets twice, once as weights and once as data, are no longer independent."""
    task, read = tasks.adding(20, seed=seed + 1), []

    def sample(rng, batch):
        read.append(task.sample(rng, batch))
        return read[-1]

    (run,) = train(replace(task, sample=sample), "GRU", 9, seeds=[seed], steps=1, dtype=np.float64)
    start, readout, readout_bias = run.history[0]
    weights, bound = [start.Wx, start.Wh, start.bx, start.bh, readout, readout_bias], 9**-0.5
    data = [x[:, :, 0] for x, _ in (task.test, *read)]
    drawn = np.concatenate([*((a.ravel() / bound + 1) / 2 for a in weights), *(x.ravel() for x in data)])
    assert len(data) == 2 and 0 <= drawn.min() and drawn.max() <= 1  # all of them are from U(0, 1)
    assert len(np.unique(drawn.round(12))) == len(drawn)
