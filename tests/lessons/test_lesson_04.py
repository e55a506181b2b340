"""Every figure that lesson 04 states, recomputed by another way than the lesson's."""

import math

import numpy as np
import pytest
import torch

from course_utils.checks.exercise import verdict
from course_utils.checks.lesson_04 import EXERCISES

START = 1 / (1 + math.exp(-0.5))  # σ(½), where the cliff's unit starts


def autograd_surface(w, b):
    """L and its gradient in w and b by torch, elementwise."""
    w, b = (torch.tensor(v, dtype=torch.float64).expand(np.broadcast(w, b).shape) for v in (w, b))
    w, b = w.clone().requires_grad_(), b.clone().requires_grad_()
    h = torch.full_like(w, START)
    for _ in range(50):
        h = torch.sigmoid(w * h + b)
    L = (h - 0.7) ** 2
    L.sum().backward()
    return L.detach().numpy(), np.stack([w.grad.numpy(), b.grad.numpy()])


def test_cliff_on_the_grid():
    w, b = np.linspace(2, 7, 501), np.linspace(-5, 0, 501)
    size = np.linalg.norm(autograd_surface(w[None, :], b[:, None])[1], axis=0)
    row, column = np.unravel_index(size.argmax(), size.shape)
    assert (f"{size.max():.0f}", f"{w[column]:.2f}", f"{b[row]:.2f}") == ("440", "4.69", "-2.42")
    assert f"{np.median(size):.3f}" == "0.034"
    assert 12_500 < size.max() / np.median(size) < 13_500


def test_gradient_on_the_wall_by_autograd_and_by_a_geometric_sum(lesson):
    slope = START * (1 - START)
    for w in (4, 5, 6, 7):
        by_torch = math.hypot(*autograd_surface(float(w), 0.5 - w * START)[1])
        assert f"w = {w}: the gradient on the line is {by_torch:.2g}" in lesson.printed
        growth = slope * ((w * slope) ** 50 - 1) / (w * slope - 1)  # of ∂h_50/∂b; that in w is START times it
        assert 2 * (0.7 - START) * growth * math.hypot(1, START) == pytest.approx(by_torch, rel=1e-5)


def test_the_lessons_walk_back_is_autograds(lesson):
    w, b = np.random.default_rng(0).uniform((2, -5), (7, 0), (200, 2)).T
    for ours, theirs in zip(lesson.functions["surface"](w, b), autograd_surface(w, b), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-14)


def test_the_dark_line_is_where_the_state_rests_at_seven_tenths():
    for w in (2.0, 3.0, 3.5):
        L, gradient = autograd_surface(w, math.log(0.7 / 0.3) - 0.7 * w)
        assert L < 1e-6 and math.hypot(*gradient) < 0.01
    for w in (4.5, 5.0, 6.0):  # where the cliff is: small errors above the line, large ones below
        low, high = (autograd_surface(w, 0.5 - w * START + side)[0] for side in (-0.3, 0.3))
        assert low > 0.25 and high < 0.1


def test_on_the_line_the_start_rests_and_the_gradient_is_a_geometric_sum():
    slope = START * (1 - START)
    assert f"{1 / slope:.2f}" == "4.26"
    for w in (4.1, 4.5, 5.0):
        factor = w * slope
        growth = slope * (factor**50 - 1) / (factor - 1)  # ∂h_50/∂b
        L, (dw, db) = autograd_surface(w, 0.5 - w * START)
        assert L == pytest.approx((START - 0.7) ** 2, rel=1e-6)
        assert db == pytest.approx(2 * (START - 0.7) * growth, rel=1e-6)
        assert dw == pytest.approx(START * db, rel=1e-6)
        low, high = (autograd_surface(w, 0.5 - w * START + side)[0] for side in (-0.05, 0.05))
        assert low > 0.08 > high  # one side runs down, far from 0.7, the other up


def by_norm(g):
    return g * min(1.0, 0.1 / math.hypot(*g)) if np.any(g) else g


def last_error(start, clip, c=0.1):
    w, b = torch.tensor(start[0]), torch.tensor(start[1])
    for _ in range(200):
        _, (dw, db) = autograd_surface(w.numpy(), b.numpy())
        scale = np.minimum(1, c / np.maximum(np.hypot(dw, db), 1e-300)) if clip else 1.0
        w, b = w - torch.from_numpy(scale * dw), b - torch.from_numpy(scale * db)
    return autograd_surface(w.numpy(), b.numpy())[0]


def shares_that_arrive(start, thresholds):
    """{threshold: which share of the descents arrives when they are clipped by norm there}."""
    errors = last_error(start, True, np.array(thresholds)[:, None])
    return dict(zip(thresholds, np.mean(errors < 0.01, axis=1), strict=True))


def test_clipped_descent_arrives_and_unclipped_often_does_not():
    rng = np.random.default_rng(0)
    w = rng.uniform(4.5, 6, 200)
    b = 0.5 - w * START + rng.uniform(0.1, 1, 200)
    assert f"{np.mean(last_error((w, b), clip=True) < 0.01):.1f}" == "1.0"
    assert f"{np.mean(last_error((w, b), clip=False) < 0.01):.1f}" == "0.5"
    one = np.array([4.7]), np.array([-2.1])
    assert last_error(one, clip=True) < 0.01 < 0.05 < last_error(one, clip=False)


@pytest.mark.parametrize("seed", range(3))
def test_a_threshold_may_be_too_low_and_too_high(seed):
    rng = np.random.default_rng(seed)
    w = rng.uniform(4.5, 6, 200)
    start = w, 0.5 - w * START + rng.uniform(0.1, 1, 200)
    arrive = shares_that_arrive(start, (0.001, 0.01, 0.1, 0.5, 1.0, 5.0, 100.0))
    assert arrive[0.1] == arrive[0.5] == arrive[1.0] == 1
    assert arrive[0.001] < 0.2 and arrive[0.01] < 0.7
    assert arrive[5.0] == arrive[100.0] == np.mean(last_error(start, False) < 0.01) < 0.7


def by_value_descent(w, b):
    """Which descents (..., N) have arrived after 200 steps, and which share of the others goes back and forth."""
    before = []
    for step in range(202):
        L, g = autograd_surface(w, b)
        if step == 200:
            arrived = L < 0.01
        before.append(w)
        w, b = w - np.clip(g[0], -0.1, 0.1), b - np.clip(g[1], -0.1, 0.1)
    back_and_forth = (np.abs(w - before[-2]) < 1e-3) & (np.abs(w - before[-1]) > 0.01) & ~arrived
    return arrived, back_and_forth.sum(-1) / (~arrived).sum(-1)


@pytest.mark.parametrize("seed", range(3))
def test_by_value_half_of_the_descents_go_back_and_forth(seed, lesson):
    rng = np.random.default_rng(seed)
    w = rng.uniform(4.5, 6, 200)
    arrived, back_and_forth = by_value_descent(w, 0.5 - w * START + rng.uniform(0.1, 1, 200))
    assert 0.4 < np.mean(arrived) < 0.6 and back_and_forth > 0.9
    assert "only about half arrive when they are clipped by value at 0.1" in lesson.prose


@pytest.mark.slow
def test_shares_on_fifteen_further_draws():
    """Two hundred starts each, as drawn from the seeds 100 to 114; all descents side by side."""
    rngs = [np.random.default_rng(seed) for seed in range(100, 115)]
    w = np.array([rng.uniform(4.5, 6, 200) for rng in rngs])
    start = w, 0.5 - w * START + np.array([rng.uniform(0.1, 1, 200) for rng in rngs])

    def arrive(clip, c=0.1):
        return np.mean(last_error(start, clip, c) < 0.01, axis=1)  # a share for every draw

    unclipped = arrive(False)
    assert np.all((unclipped > 0.35) & (unclipped < 0.65))  # "about half"
    for c in (0.1, 0.2, 0.5, 1.0):
        assert np.all(arrive(True, c) == 1)
    assert np.all(arrive(True, 0.001) < 0.2)
    assert np.all(np.abs(arrive(True, 0.01) - 0.5) < 0.15) and np.all(np.abs(arrive(True, 0.05) - 0.95) < 0.06)
    assert np.all(arrive(True, 5.0) == unclipped)
    by_value = by_value_descent(*start)
    assert np.all(np.abs(np.mean(by_value[0], axis=1) - 0.5) < 0.15) and np.all(by_value[1] > 0.9)


def test_clipping_by_value_turns_the_gradient():
    def cosine(u, v):
        return sum(u * v) / math.sqrt(sum(u * u) * sum(v * v))

    g = autograd_surface(4.69, -2.42)[1]
    ratio = START  # ∂L/∂w : ∂L/∂b close to the line, both cut to ±c
    assert f"{cosine(g, np.sign(g)):.2f}" == f"{(1 + ratio) / math.sqrt(2 * (1 + ratio**2)):.2f}" == "0.97"
    one_large = (1000 + 63) / (math.sqrt(1000**2 + 63) * math.sqrt(64))  # in units of c = 0.1
    assert f"{one_large:.2f}" == "0.13"
    rng = np.random.default_rng(0)
    for _ in range(200):
        n = int(rng.integers(2, 65))
        g = rng.standard_cauchy(n) * 10.0 ** rng.uniform(-3, 3)
        assert cosine(g, np.clip(g, -0.1, 0.1)) >= 1 / math.sqrt(n) - 1e-12
        assert np.all(np.abs(np.clip(g, -0.1, 0.1)) <= np.abs(g))
        assert cosine(g, by_norm(g)) == pytest.approx(1, rel=1e-12)
        assert math.hypot(*by_norm(g)) <= math.hypot(*g) * (1 + 1e-12)


@pytest.mark.parametrize("name", EXERCISES)
def test_exercises_know_three_mistakes(name):
    assert len(EXERCISES[name].mistakes) >= 3


def test_share_that_arrives_at_the_thresholds_the_lesson_names(lesson):
    rng = np.random.default_rng(0)
    w = rng.uniform(4.5, 6, 200)
    start = w, 0.5 - w * START + rng.uniform(0.1, 1, 200)
    arrive = shares_that_arrive(start, (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0))
    assert "half arrive at $c = 0.01$, 19 of 20 at 0.05" in lesson.prose
    assert arrive[0.01] == pytest.approx(0.5, abs=0.03) and arrive[0.05] == pytest.approx(0.95, abs=0.02)
    assert arrive[0.02] < arrive[0.05] and arrive[2.0] < 1
    assert [arrive[c] for c in (0.1, 0.2, 0.5, 1.0)] == [1, 1, 1, 1] and "from 0.1 to 1, all arrive" in lesson.prose


@pytest.mark.parametrize("seed", range(1, 6))
def test_a_tenth_of_the_threshold_is_too_little_and_ten_times_as_good(seed):
    rng = np.random.default_rng(seed)
    w = rng.uniform(4.5, 6, 200)
    start = w, 0.5 - w * START + rng.uniform(0.1, 1, 200)
    arrive, unclipped = shares_that_arrive(start, (0.01, 0.05, 1.0)), np.mean(last_error(start, False) < 0.01)
    assert arrive[0.01] == pytest.approx(unclipped, abs=0.1) and arrive[0.05] < 1 and arrive[1.0] == 1


def test_keys_of_the_exercises_a_second_way():
    rng = np.random.default_rng(4)
    for _ in range(10):
        dWh, dbh, c = EXERCISES["04 clip factor"].draw(rng)
        arrays = [torch.nn.Parameter(torch.zeros(g.shape, dtype=torch.float64)) for g in (dWh, dbh)]
        for array, g in zip(arrays, (dWh, dbh), strict=True):
            array.grad = torch.from_numpy(g.copy())
        torch.nn.utils.clip_grad_norm_(arrays, c)
        key = EXERCISES["04 clip factor"].right(dWh, dbh, c)
        np.testing.assert_allclose(arrays[0].grad.numpy(), key * dWh, rtol=1e-4)
        np.testing.assert_allclose(arrays[1].grad.numpy(), key * dbh, rtol=1e-4)


def test_folded_solutions_are_right(lesson):
    for name, answer in (
        ("forward walk", "walk_forward"),
        ("clipped step", "clipped_step"),
        ("clip factor", "clip_factor"),
    ):
        assert verdict(EXERCISES[f"04 {name}"], lesson.solutions[answer]).startswith("Right")


def test_torchs_own_formula_passes():
    """torch divides by the norm plus 1e-6."""

    def factor(*arrays, c):
        return min(1.0, c / (math.sqrt(sum((g**2).sum() for g in arrays)) + 1e-6))

    assert verdict(EXERCISES["04 clip factor"], lambda dWh, dbh, c: factor(dWh, dbh, c=c)).startswith("Right")
    step = EXERCISES["04 clipped step"]
    assert verdict(step, lambda theta, g, c, rate: theta - rate * g * factor(g, c=c)).startswith("Right")


def test_clipping_each_array_by_itself_gets_a_hint_that_is_true():
    def of_each(dWh, dbh, c):
        return tuple(min(1.0, c / np.linalg.norm(g)) for g in (dWh, dbh))

    exercise = EXERCISES["04 clip factor"]
    assert "each array has a factor of its own" in verdict(exercise, of_each)
    assert "the smaller factor taken" in verdict(exercise, lambda *given: min(of_each(*given)))
    pairs = [of_each(*exercise.draw(np.random.default_rng(seed))) for seed in range(4)]
    clips = [pair for pair in pairs if min(pair) < 1]
    assert {a < b for a, b in clips} == {True, False}  # now the weights' gradient is the longer one, now the biases'


def test_clipped_steps_a_second_way():
    rng = np.random.default_rng(5)
    for _ in range(10):
        theta, g, c, rate = EXERCISES["04 clipped step"].draw(rng)
        parameter = torch.nn.Parameter(torch.from_numpy(theta.copy()))
        parameter.grad = torch.from_numpy(g.copy())
        torch.nn.utils.clip_grad_norm_([parameter], c)
        torch.optim.SGD([parameter], lr=rate).step()
        key = EXERCISES["04 clipped step"].right(theta, g, c, rate)
        np.testing.assert_allclose(parameter.detach().numpy(), key, rtol=1e-4, atol=1e-5)


def test_forward_walk_a_second_way():
    rng = np.random.default_rng(6)
    for _ in range(10):
        w, b, T = EXERCISES["04 forward walk"].draw(rng)
        key = EXERCISES["04 forward walk"].right(w, b, T)
        theta = torch.tensor([w, b], dtype=torch.float64, requires_grad=True)
        h = torch.tensor(START, dtype=torch.float64)
        for _ in range(T):
            h = torch.sigmoid(theta[0] * h + theta[1])
        L = (h - 0.7) ** 2
        L.backward()
        assert key["L"] == pytest.approx(L.item(), rel=1e-10)
        np.testing.assert_allclose(key["gradient"], theta.grad.numpy(), rtol=1e-10)


def test_the_step_that_throws_the_unclipped_descent(lesson):
    at, steps = np.array([4.7, -2.1]), []
    for _ in range(80):
        gradient = autograd_surface(*at)[1]
        steps.append(math.hypot(*gradient))
        at = at - gradient
    assert steps.index(max(steps)) == 11 and f"{max(steps):.1f}" == "2.8"
    assert max(steps[12:]) < 0.004 and len(steps[12:]) == 68
    for words in ("At its twelfth step", "is 2.8 long", "68 steps that follow is longer than 0.004"):
        assert words in lesson.prose
