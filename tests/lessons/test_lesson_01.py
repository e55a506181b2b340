"""Every figure that lesson 01 states, recomputed by another way than the lesson's."""

from fractions import Fraction

import numpy as np
import pytest
import torch

from course_utils.cells import Params, forward
from course_utils.checks.exercise import verdict
from course_utils.checks.lesson_01 import EXERCISES
from course_utils.gradients import jacobians
from course_utils.scenes import lesson_01 as scenes


def autograd_chain(w, b, h0, T):
    """States and dh_T/dh_0 by torch, which knows nothing of our formulas."""
    start = torch.tensor(h0, dtype=torch.float64, requires_grad=True)
    h = [start]
    for _ in range(T):
        h.append(torch.sigmoid(w * h[-1] + b))
    h[-1].backward()
    return [float(state) for state in h], float(start.grad)


def test_the_step_in_vectors(lesson):
    """The numbers before and after tanh and the scores, by torch's own cell, and the one that is checked by hand."""
    numbers = lesson.names("Wx", "Wh", "b", "Wy")
    Wx, Wh, Wy = (torch.tensor(numbers[name], dtype=torch.float64) for name in ("Wx", "Wh", "Wy"))
    bias = torch.tensor([0, 0.5, 0, -0.5], dtype=torch.float64)
    cell = torch.nn.RNNCell(3, 4).double()
    cell.load_state_dict({"weight_ih": Wx, "weight_hh": Wh, "bias_ih": bias, "bias_hh": 0 * bias})
    x, h_prev = (torch.tensor(v, dtype=torch.float64) for v in ([0, 1, 0], [0.8, 0, -0.5, 0.2]))
    h = cell(x, h_prev).detach()
    texts = [" ".join(str(v) for v in values.numpy().round(2)) for values in (torch.arctanh(h), h, Wy @ h)]
    assert "before tanh: {}  after: {}  scores: {}".format(*texts) in lesson.printed
    assert -0.5 + (0.5 * 0.8 - 0.5 * 0.2) == pytest.approx(torch.arctanh(h)[0].item(), abs=1e-12)
    assert "The sum is $-0.2$" in lesson.prose and f"${h[0].item():.2f}$ of it" in lesson.prose
    assert (Wy @ h).argmax() == 1 and "this network would say *were*" in lesson.prose


def test_states_and_factors_of_the_explorer_stay_on_their_axes_and_its_numbers_are_right(lesson):
    """At every position. What is left may leave its axis below; page and sentence then say where it ends."""
    run = scenes.let_run(lesson.functions["states"])
    for w in np.linspace(-10, 10, 41):
        for b in np.linspace(-5, 5, 41):
            equation, states, left, factor, sentence = run(w, b)
            low, high = factor.look["limits"]
            assert low <= np.nanmin(factor.numbers) and np.nanmax(factor.numbers) <= high
            assert 0 <= states.numbers.min() and states.numbers.max() <= 1
            assert np.nanmax(left.numbers) <= left.look["limits"][1]
            last = w * states.numbers[12] * (1 - states.numbers[12])
            assert equation.text.endswith(f" = {last:.2g}".replace("-", "−"))
            assert f"After 12 steps {abs(autograd_chain(w, b, 0.5, 12)[1]):.2g} of".replace("-", "−") in sentence


@pytest.mark.parametrize(
    ("name", "solution"), [("01 step factor", "step_factor"), ("01 gradient to start", "gradient_to_start")]
)
def test_folded_solutions_are_right(lesson, name, solution):
    assert verdict(EXERCISES[name], lesson.solutions[solution]).startswith("Right")


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


def latched(start, T):
    """States and |∂h_t/∂h_0| of the unit with w = 6, b = -3, in tanh: σ(6h - 3) = (1 + tanh(3h - 3/2)) / 2."""
    h, size, states, sizes = start, 1.0, [start], [1.0]
    for _ in range(T):
        u = np.tanh(3 * h - 1.5)
        h, size = (1 + u) / 2, size * 1.5 * (1 - u * u)
        states.append(h)
        sizes.append(size)
    return np.array(states), np.array(sizes)


def test_the_nudged_state_falls_into_a_latch_and_its_gradient_with_it(lesson):
    states, sizes = latched(0.5 + 1e-6, 60)
    assert float(sizes[60]) == pytest.approx(autograd_chain(6.0, -3.0, 0.5 + 1e-6, 60)[1], rel=1e-6)
    assert f"largest gradient: {sizes.max():.2g}, at step {sizes.argmax()}" in lesson.printed
    assert f"after 60 steps: {sizes[60]:.2g}" in " ".join(lesson.printed.split())
    rest = states[60]
    assert f"rests at {rest:.3f}, with factor {6 * rest * (1 - rest):.2f} a step" in lesson.printed
    assert "1.7e5 at step 31, then straight down to 2e-6" in lesson.titles
    assert f"finds a *stable* fixed point, {rest:.3f}, and by symmetry there is another, {1 - rest:.3f}" in lesson.prose
    assert abs((states[10] - 0.5) / 1e-6 / 1.5**10 - 1) < 1e-8  # "to eight digits"


@pytest.mark.parametrize("nudge", [1e-8, -1e-6, 1e-5, -1e-3])
def test_every_nudge_ends_in_a_latch(nudge):
    """The peak comes when the difference has grown to the latch's size, and then every gradient is lost."""
    states, sizes = latched(0.5 + nudge, 200)
    assert abs(states[-1] - 0.5) == pytest.approx(0.42928, abs=1e-4)
    assert sizes.max() == pytest.approx(0.17 / abs(nudge), rel=0.05)
    assert sizes[-1] < 1e-30


@pytest.mark.parametrize("seed", range(1, 16))
def test_the_dilemma_on_seeds_that_the_lesson_does_not_show(seed):
    """Noise .05: of four hundred latches none is lost, of four hundred plain memories a tenth to two fifths."""
    noise = np.random.default_rng(seed).normal(0, 0.05, (200, 400))
    latch, logs = np.full(400, 0.92928), np.zeros(400)
    for disturbance in noise:
        u = np.tanh(3 * latch - 1.5)
        latch, logs = (1 + u) / 2 + disturbance, logs + np.log10(1.5 * (1 - u * u))
    assert np.all(latch > 0.5) and logs.max() < -60
    assert 0.15 < np.mean(0.92928 + noise.sum(axis=0) < 0.5) < 0.35


def test_the_dilemma_as_the_lesson_prints_it(lesson):
    noise = np.random.default_rng(0).normal(0, 0.05, (200, 400))
    lost = np.mean(latched(0.5 + 1e-6, 60)[0][60] + noise.sum(axis=0) < 0.5)
    assert f"plain: {lost:.0%} lost, gradient exactly 1" in lesson.printed
    assert "latch: 0% lost" in lesson.printed and "below 1e-60: True" in lesson.printed


def test_louder_noise_throws_a_quarter_of_the_latches():
    """The sentence on noise of size 0.1, over ten draws of four hundred."""
    lost = []
    for seed in range(10):
        latch = np.full(400, 0.92928)
        for disturbance in np.random.default_rng(seed).normal(0, 0.1, (200, 400)):
            latch = (1 + np.tanh(3 * latch - 1.5)) / 2 + disturbance
        lost.append(np.mean(latch < 0.5))
    assert np.median(lost) == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize(("w", "low", "high"), [(6, "0.21", "0.79"), (10, "0.11", "0.89")])
def test_the_wedge_where_a_factor_exceeds_one(lesson, w, low, high):
    """The roots of w h (1 - h) = 1."""
    roots = sorted(np.roots([-w, w, -1]))
    assert [f"{root:.2f}" for root in roots] == [low, high]
    assert f"at $w = {w}$" in lesson.prose and f"{low[1:]} to {high[1:]}" in lesson.prose
    inside, outside = np.mean(roots), roots[0] / 2
    assert w * inside * (1 - inside) > 1 > w * outside * (1 - outside)


def test_keys_of_the_exercises_agree_with_autograd():
    rng = np.random.default_rng(2)
    for _ in range(5):
        w, b, h_prev = EXERCISES["01 step factor"].draw(rng)
        assert EXERCISES["01 step factor"].right(w, b, h_prev) == pytest.approx(
            autograd_chain(w, b, h_prev, 1)[1], rel=1e-9
        )
        w, b, h0, T = EXERCISES["01 gradient to start"].draw(rng)
        assert EXERCISES["01 gradient to start"].right(w, b, h0, T) == pytest.approx(
            autograd_chain(w, b, h0, T)[1], rel=1e-9
        )
    key = EXERCISES["01 smallest w"].right
    gradients = [autograd_chain(w, -w / 2, 0.5, 200)[1] for w in (0.99 * key, key, 1.01 * key)]
    assert gradients[0] < 0.2 and gradients[1] == pytest.approx(1, rel=1e-9) and gradients[2] > 5
