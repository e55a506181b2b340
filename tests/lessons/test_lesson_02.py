"""Every figure that lesson 02 states, recomputed by torch or closed forms, and held against what the lesson says."""

import numpy as np
import pytest
import torch

from course_utils import tasks
from course_utils.cells import forward, init_params
from course_utils.checks.exercise import verdict
from course_utils.checks.lesson_02 import EXERCISES
from course_utils.gradients import backward
from course_utils.torch_bridge import to_module
from tests import oracles


@pytest.fixture(scope="module")
def functions(lesson):
    """The lesson's own, and the lengths at which it truncates."""
    return lesson.names("lengths")


def untied_unit(T, h0, step):
    """States of a unit with one weight per step, and those weights."""
    weights, h = torch.full((T,), 0.0, dtype=torch.float64, requires_grad=True), torch.tensor(h0, dtype=torch.float64)
    states = [h]
    for k in range(T):
        states.append(step(k, weights[k], states[-1]))
    return weights, states


def three_uses(h0=1.0):
    """∂h_3/∂w_k for k = 1, 2, 3 of lesson 01's unit."""
    weights, states = untied_unit(3, h0, lambda k, w, h: torch.sigmoid((0.5 + w) * h + 1))
    return torch.autograd.grad(states[-1], weights)[0].numpy()


def test_three_uses_of_one_weight(lesson):
    terms = three_uses()
    whole, first = terms.sum(), terms[0] / terms.sum()
    assert f"dh_3/dw = {whole:.5f}" in lesson.said
    assert f"one chain, repaired: {terms[0]:.5f}, which is {first:.1%} of dh_3/dw" in lesson.said
    assert f"brings {100 * terms[2] / whole:.0f} % of the gradient, the first {100 * first:.1f} %" in lesson.said
    assert f"step 1 contributes {terms[0]:.5f} to the gradient, in step 2 {terms[1]:.4f}" in lesson.said
    assert f"in step 3 {terms[2]:.3f}." in lesson.said
    assert "about 150 times too small" in lesson.said
    assert terms.sum() / terms[0] == pytest.approx(150, rel=0.02)


def test_first_use_is_worth_nothing_from_a_zero_start():
    assert three_uses(h0=0.0)[0] == 0
    assert np.all(three_uses(h0=0.0)[1:] > 0)


def test_immediate_derivative_is_the_whole_one_at_the_first_step_only():
    w = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    h_1 = torch.sigmoid(w * 1.0 + 1)
    h_2 = torch.sigmoid(w * h_1 + 1)
    immediate = [(h_1 * (1 - h_1) * 1.0).item(), (h_2 * (1 - h_2) * h_1).item()]
    whole = [float(torch.autograd.grad(h, w, retain_graph=True)[0]) for h in (h_1, h_2)]
    assert whole[0] == pytest.approx(immediate[0], rel=1e-14)
    assert whole[1] > 1.05 * immediate[1]


def test_the_recursion_of_total_and_immediate_derivatives(lesson):
    """dh_t/dw by torch, and by the lesson's first line from the derivative before; immediate ones as it states them."""
    w = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    h, total, immediate = torch.tensor(1.0, dtype=torch.float64), 0.0, []
    for _ in range(3):
        h_prev, h = h, torch.sigmoid(w * h + 1)
        slope = (h * (1 - h)).item()
        immediate.append(slope * h_prev.item())
        total = immediate[-1] + slope * 0.5 * total
        assert total == pytest.approx(float(torch.autograd.grad(h, w, retain_graph=True)[0]), rel=1e-12)
    assert f"between {min(immediate):.2f} and {max(immediate):.2f}".replace("0.", ".") in lesson.prose


def test_table_of_losses_and_uses(lesson):
    T, rng = 12, np.random.default_rng(3)
    x, y = rng.uniform(-0.05, 0.1, T), rng.normal(0.5, 0.4, T)
    weights, h = untied_unit(T, 0.5, lambda k, w, h: torch.tanh((1.05 + w) * h + x[k]))
    losses = [0.5 * (h[t] - y[t - 1]) ** 2 for t in range(1, T + 1)]
    table = np.array([torch.autograd.grad(L_t, weights, retain_graph=True)[0].numpy() for L_t in losses])
    assert np.count_nonzero(table) == np.count_nonzero(np.tril(table)) == 78
    assert "sum of all 78 squares" in lesson.said
    for t, row in enumerate(table, start=1):
        assert len(np.unique(np.sign(row[:t]))) == 1, "a row has one colour"
        assert np.all(np.diff(np.abs(row[:t])) > 0), "it pales to the left"


@pytest.mark.parametrize(
    ("name", "solution"),
    [
        ("02 sum over k", "weight_gradient"),
        ("02 scalar walk", "walk_back"),
        ("02 backward walk", "walk_back_all"),
        ("02 softmax cross-entropy", "score_gradient"),
    ],
)
def test_folded_solutions_are_right(lesson, name, solution):
    assert verdict(EXERCISES[name], lesson.solutions[solution]).startswith("Right")


@pytest.mark.parametrize("seed", range(3))
def test_the_whole_walk_of_the_solution(lesson, seed):
    rng = np.random.default_rng(seed)
    T, D, H = rng.integers(2, 20), rng.integers(1, 5), rng.integers(1, 7)
    p, x, y = init_params("RNN", D, H, seed=seed, gain=1.5), rng.normal(size=(T, D)), rng.normal(size=(T, H))
    layer = to_module(p)
    out, _ = layer(torch.from_numpy(x))
    (0.5 * (out - torch.from_numpy(y)) ** 2).sum().backward()
    h = forward(p, x).h
    dWx, dWh, db, total = lesson.solutions["walk_back_all"](p.Wh, x, h, h[1:] - y)
    for ours, theirs in zip((dWx, dWh, db, db), layer.parameters(), strict=True):
        np.testing.assert_allclose(ours, theirs.grad.numpy(), rtol=0, atol=1e-12)
    np.testing.assert_allclose(total, backward(forward(p, x), h[1:] - y).h, rtol=0, atol=1e-12)


def test_all_steps_feel_a_loss_at_the_last():
    """Each state is a node of torch's graph, so that its gradient is the total one."""
    x, y = tasks.noise(30, 3, seed=1), tasks.noise(30, 5, seed=2)
    norms = []
    for seed in range(7):
        p = init_params("RNN", 3, 5, seed=seed, recurrent="orthogonal")
        h = [one.h for one in oracles.unroll(p, x, torch.zeros(5, dtype=torch.float64, requires_grad=True))]
        loss = 0.5 * ((h[-1] - torch.from_numpy(y[-1])) ** 2).sum()
        norms.append([float(gradient.norm()) for gradient in torch.autograd.grad(loss, h[1:])])
    norms = np.array(norms)
    assert np.all(norms > 0)
    assert np.median(norms[:, -1]) == pytest.approx(3, rel=0.2)
    assert 5e-6 < norms[:, 0].min() and norms[:, 0].max() < 1e-2


@pytest.mark.parametrize("layer", [torch.nn.RNN, torch.nn.GRU])
def test_retain_grad_sees_the_direct_term_only(layer):
    out, _ = layer(3, 5).double()(torch.randn(30, 3, dtype=torch.float64))
    out.retain_grad()
    out[-1].sum().backward()
    assert int(out.grad.any(1).sum()) == 1


def truncated_by_torch(p, x, y, h, starts):
    """∂L/∂Wh where the loss of step t goes back to the state starts(t), detached. h from the whole forward pass."""
    weights, loss = oracles.tensors(p, requires_grad=True), 0.0
    for t in range(1, len(x) + 1):
        state = oracles.states(p, x[starts(t) : t], h[starts(t)], weights=weights)[-1]
        loss = loss + 0.5 * ((state - torch.from_numpy(y[t - 1])) ** 2).sum()
    loss.backward()
    return weights[1].grad.numpy()


def test_truncation_at_ten_steps(functions, lesson):
    """Printed medians and "five of seven", at K = 10, by torch's detach."""
    for gain in (0.5, 1.4):
        errors = []
        for seed in range(7):
            p = init_params("RNN", 4, 16, seed=seed, recurrent="orthogonal", gain=gain)
            x, y = tasks.noise(40, 4, seed=seed), tasks.noise(40, 16, seed=seed + 100)
            h = forward(p, x).h
            whole, back, pieces = (
                truncated_by_torch(p, x, y, h, starts)
                for starts in (lambda t: 0, lambda t: max(t - 10, 0), lambda t: (t - 1) // 10 * 10)
            )
            errors.append([np.linalg.norm(cut - whole) / np.linalg.norm(whole) for cut in (back, pieces)])
        np.testing.assert_allclose(
            errors, [functions["truncation_errors"](gain, seed)[5] for seed in range(7)], rtol=1e-6
        )
        back, pieces = 100 * np.median(errors, axis=0)
        assert f"gain {gain}: {back:.2g} % off with 10 steps back, {pieces:.2g} % in pieces of 10" in lesson.said
    assert sum(back > 0.5 for back, _ in errors) == 5


def test_truncation_at_other_lengths(functions):
    """The lesson's function, which the test above holds against torch, at all its lengths."""
    low, high = ([functions["truncation_errors"](gain, seed) for seed in range(7)] for gain in (0.5, 1.4))
    back, pieces = np.median(low, axis=0).T
    steps = np.diff(functions["lengths"])
    assert np.all(back[1:] < back[:-1] * 0.5**steps)
    assert back[-1] < 1e-7 and f"{pieces[-1]:.0%}" == "8%"
    assert np.median(high, axis=0).min() > 0.3
    for p_seed in range(3):
        p = init_params("RNN", 2, 4, seed=p_seed, gain=1.5)
        trace, dh = forward(p, tasks.noise(9, 2, seed=p_seed)), tasks.noise(9, 4, seed=p_seed + 50)
        whole = functions["gradient_of_Wh"](trace, dh, lambda t: 0)
        np.testing.assert_allclose(whole, backward(trace, dh).Wh, rtol=1e-9)


def test_a_small_gain_shrinks_fast_and_a_larger_one_slowly(lesson):
    """Mean growth of a small change over 5000 steps. At gain 0.5 the bound is exact: slope at most 1, σ₁(Wh) = 0.5."""
    growth = []
    for seed in range(7):
        half = init_params("RNN", 4, 16, seed=seed, recurrent="orthogonal", gain=0.5)
        assert np.linalg.norm(half.Wh, 2) == pytest.approx(0.5, rel=1e-12)
        p = init_params("RNN", 4, 16, seed=seed, recurrent="orthogonal", gain=1.4)
        h, change, logs = np.zeros(16), np.ones(16) / 4, 0.0
        for x_t in tasks.noise(5000, 4, seed=seed):
            h = np.tanh(p.Wx @ x_t + p.bx + p.Wh @ h + p.bh)
            change = (1 - h**2) * (p.Wh @ change)
            logs, change = logs + np.log(np.linalg.norm(change)), change / np.linalg.norm(change)
        growth.append(np.exp(logs / 5000))
    assert np.median(growth) == pytest.approx(0.97, abs=0.007)
    lost = [100 * (1 - factor) for factor in (max(growth), min(growth))]
    assert f"loses {lost[0]:.0f} % to {lost[1]:.0f} % a step in our seven nets, and 3 % in the median" in lesson.prose


def sentence_scores():
    words = ["cat", "which", "ate", "was", "were", "full"]
    x = tasks.one_hot(["cat", "which", "ate", "was"], words)
    layer = to_module(init_params("RNN", 6, 8, seed=0))
    Wy = torch.from_numpy(np.random.default_rng(0).normal(0, 0.5, (6, 8)))
    return layer(torch.from_numpy(x))[0] @ Wy.T, torch.tensor([words.index(w) for w in ("which", "ate", "was", "full")])


def test_cross_entropy_of_the_sentence(lesson):
    scores, targets = sentence_scores()
    scores.retain_grad()
    L_t = torch.nn.functional.cross_entropy(scores, targets, reduction="none")
    assert "L_t = " + " ".join(f"{e:.2f}" for e in L_t.tolist()) in lesson.said
    assert f"L = {L_t.sum().item():.2f}; guessing each word with 1/6 costs 4 log 6 = {np.log(6**4):.2f}" in lesson.said
    torch.testing.assert_close(torch.nn.functional.cross_entropy(scores, targets), L_t.mean())
    L_t.sum().backward()
    ds = scores.grad.numpy()
    np.testing.assert_allclose(ds.sum(1), 0, atol=1e-14)
    right = np.eye(6, dtype=bool)[targets]
    assert np.all(ds[right] < -0.8) and np.all((ds[~right] > 0) & (ds[~right] < 0.3))


def test_the_lessons_softmax(functions):
    s = np.random.default_rng(0).normal(0, 300, (4, 6))
    expected = torch.softmax(torch.from_numpy(s), dim=-1).numpy()
    np.testing.assert_allclose(functions["softmax"](s), expected, rtol=1e-12, atol=1e-300)


def test_biases_differ_in_torchs_gru_only_where_the_reset_gate_stands_between():
    torch.manual_seed(0)
    gru = torch.nn.GRU(3, 4).double()
    gru(torch.randn(6, 3, dtype=torch.float64))[0].sum().backward()
    bx, bh = gru.bias_ih_l0.grad, gru.bias_hh_l0.grad
    torch.testing.assert_close(bx[:8], bh[:8])
    assert not torch.any(torch.isclose(bx[8:], bh[8:], rtol=1e-3))


def test_exercise_keys_agree_with_autograd():
    rng = np.random.default_rng(1)
    for _ in range(3):
        w, h = EXERCISES["02 sum over k"].draw(rng)
        x = np.arctanh(h[1:]) - w * h[:-1]
        weight = torch.tensor(w, dtype=torch.float64, requires_grad=True)
        state = torch.tensor(h[0])
        for x_t in x:
            state = torch.tanh(weight * state + x_t)
        state.backward()
        assert EXERCISES["02 sum over k"].right(w, h) == pytest.approx(float(weight.grad), rel=1e-9)

        w, h, error = EXERCISES["02 scalar walk"].draw(rng)
        weight, state, loss = torch.tensor(w, dtype=torch.float64, requires_grad=True), torch.tensor(h[0]), 0.0
        for x_t, direct in zip(np.arctanh(h[1:]) - w * h[:-1], error, strict=True):
            state = torch.tanh(weight * state + x_t)
            loss = loss + direct * state
        loss.backward()
        assert EXERCISES["02 scalar walk"].right(w, h, error) == pytest.approx(float(weight.grad), rel=1e-9)

        Wh, x, h, dh = EXERCISES["02 backward walk"].draw(rng)
        given = torch.from_numpy(np.arctanh(h[1:]) - h[:-1] @ Wh.T)
        wanted = {"dWx": np.zeros((len(Wh), x.shape[1])), "dWh": Wh, "db": np.zeros(len(Wh))}
        weights = {name: torch.tensor(values, requires_grad=True) for name, values in wanted.items()}
        states, loss = [torch.tensor(h[0], requires_grad=True)], 0.0
        for a, x_t, direct in zip(given, torch.from_numpy(x), torch.from_numpy(dh), strict=True):
            here = [weights["dWx"], weights["dWh"], a + weights["db"], torch.zeros_like(a)]
            states.append(oracles.step(init_params("RNN", 1, 1), x_t, states[-1], weights=here).h)
            loss = loss + direct @ states[-1]
        gradients = torch.autograd.grad(loss, [*weights.values(), *states])
        right = EXERCISES["02 backward walk"].right(Wh, x, h, dh)
        for name, gradient in zip(weights, gradients, strict=False):
            np.testing.assert_allclose(right[name], gradient.numpy(), rtol=1e-9, atol=1e-13)
        np.testing.assert_allclose(right["total"], torch.stack(gradients[3:]).numpy(), rtol=1e-9, atol=1e-13)

        s, y = EXERCISES["02 softmax cross-entropy"].draw(rng)
        scores = torch.tensor(s, requires_grad=True)
        torch.nn.functional.cross_entropy(scores, torch.from_numpy(y), reduction="sum").backward()
        np.testing.assert_allclose(
            EXERCISES["02 softmax cross-entropy"].right(s, y), scores.grad.numpy(), rtol=1e-9, atol=1e-15
        )


@pytest.mark.parametrize("w", [0.3, 0.45, 0.6])
def test_six_uses_are_not_enough_at_any_small_weight(lesson, w):
    rng = np.random.default_rng(3)
    x, y = rng.uniform(-0.05, 0.1, 12), rng.normal(0.5, 0.4, 12)
    weights, states = untied_unit(12, 0.5, lambda k, nudge, h: torch.tanh((w + nudge) * h + x[k]))
    L = sum(0.5 * (h - target) ** 2 for h, target in zip(states[1:], y, strict=True))
    (uses,) = torch.autograd.grad(L, weights)
    share = (uses[6:].sum() / uses.sum()).item()
    assert 0 < share < 0.5
    assert w != 0.3 or f"the last six uses bring {share:.0%} of the gradient at w = 0.3" in lesson.printed
    first = (uses[0] / uses.sum()).item()
    assert w != 0.3 or f"the first use alone brings {100 * first:.0f} %" in lesson.prose


def test_the_start_is_what_makes_the_first_use_large(lesson):
    """The control: the same unit from 0 instead of 0.5."""
    rng = np.random.default_rng(3)
    x, y = rng.uniform(-0.05, 0.1, 12), rng.normal(0.5, 0.4, 12)
    weights, states = untied_unit(12, 0.0, lambda k, nudge, h: torch.tanh((0.3 + nudge) * h + x[k]))
    L = sum(0.5 * (h - target) ** 2 for h, target in zip(states[1:], y, strict=True))
    (uses,) = torch.autograd.grad(L, weights)
    share = (uses[6:].sum() / uses.sum()).item()
    assert f"From $h_0 = 0$ the last six uses bring {100 * share:.0f} %" in lesson.prose


def test_factors_below_one_and_a_gradient_above(lesson):
    w, start = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (0.99, 1.0))
    h = start
    for _ in range(100):
        h = w * h
    of_w, of_start = torch.autograd.grad(h, (w, start))
    assert f"with $w = 0.99$ and $T = 100$ it is {of_w.item():.0f}" in lesson.prose
    assert f"$dh_T/dh_0 = {of_start.item():.2f}$" in lesson.prose
