"""Every figure that lesson 01 states, recomputed by another way than the lesson's."""

from fractions import Fraction

import numpy as np
import pytest
import torch

from course_utils.cells import Params, forward
from course_utils.gradients import jacobians


def autograd_chain(w, b, h0, T):
    """States and dh_T/dh_0 by torch, which knows nothing of our formulas."""
    start = torch.tensor(h0, dtype=torch.float64, requires_grad=True)
    h = [start]
    for _ in range(T):
        h.append(torch.sigmoid(w * h[-1] + b))
    h[-1].backward()
    return [float(state) for state in h], float(start.grad)


def test_three_states_and_their_gradient():
    h, gradient = autograd_chain(0.5, 1.0, 1.0, 3)
    assert [f"{state:.4f}" for state in h[1:]] == ["0.8176", "0.8036", "0.8025"]
    assert f"{gradient:.3e}" == "4.665e-04"
    steps = [autograd_chain(0.5, 1.0, state, 1)[1] for state in h[:-1]]
    assert [f"{step:.5f}" for step in steps] == ["0.07457", "0.07892", "0.07926"]


def test_fixed_point_and_its_slope():
    h_star = autograd_chain(0.5, 1.0, 1.0, 100)[0][-1]
    assert f"{h_star:.6f}" == "0.802372"
    assert f"{autograd_chain(0.5, 1.0, h_star, 1)[1]:.5f}" == "0.07929"


def test_resting_state_explodes_by_exactly_half_a_step():
    h, gradient = autograd_chain(6.0, -3.0, 0.5, 10)
    assert set(h) == {0.5}
    assert gradient == pytest.approx(float(Fraction(3, 2) ** 10), rel=1e-14)
    assert f"{gradient:.1f}" == "57.7"


@pytest.mark.parametrize("seed", range(5))
def test_quarter_of_w_bounds_every_gradient(seed):
    rng = np.random.default_rng(seed)
    w, T = rng.uniform(-10, 10), 12
    unit = Params("RNN", [[1.0]], [[w]], [0.0], [0.0], activation="sigmoid")
    J = jacobians(forward(unit, rng.normal(0, 3, (T, 1)), rng.uniform(size=1)))
    assert abs(np.prod(J)) <= (abs(w) / 4) ** T


def test_driven_states_move_while_the_gradient_is_gone():
    unit = Params("RNN", [[1.0]], [[0.5]], [0.0], [0.0], activation="sigmoid")
    trace = forward(unit, np.random.default_rng(0).normal(0.0, 2.0, size=(30, 1)), [1.0])
    assert np.ptp(trace.h[20:]) > 0.5
    assert abs(np.prod(jacobians(trace)[20:])) < 1e-8
    assert abs(np.prod(jacobians(trace))) < 1e-25


def test_at_weight_8_only_the_resting_bias_keeps_the_gradient():
    left = {b: autograd_chain(8.0, b, 0.5, 12)[1] for b in np.linspace(-5, 5, 41)}
    assert [b for b, gradient in left.items() if gradient > 1] == [-4.0]
    assert autograd_chain(8.0, -3.75, 0.5, 2)[1] > 1 > 1e-6 > left[-3.75]


def test_a_negative_weight_swings():
    h = autograd_chain(-8.0, 3.75, 0.5, 12)[0]
    assert h[-1] == pytest.approx(h[-3], abs=1e-3) and abs(h[-1] - h[-2]) > 0.9
