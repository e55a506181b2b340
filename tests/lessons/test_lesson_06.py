"""Every figure that lesson 06 states, recomputed another way: by torch's autograd or a closed form."""

import inspect
import itertools
import math
import re
from dataclasses import replace
from fractions import Fraction
from functools import cache, reduce

import numpy as np
import pytest
import torch

from course_utils.cells import Params, forward, init_params, sigmoid
from course_utils.checks.exercise import verdict
from course_utils.checks.lesson_06 import EXERCISES
from course_utils.checks.lesson_06 import _parts as parts_of_mistakes
from course_utils.gradients import jacobians
from course_utils.tasks import noise
from course_utils.torch_bridge import autograd_backward, autograd_jacobians
from tests import oracles
from tests.notebook import code_cells, read

PATHS = oracles.PATHS["GRU"]


def paths_by_torch(p, x):
    """The four paths (T, H, H) each."""
    return {name: J.numpy() for name, J in oracles.path_jacobians(p, x).items()}


@pytest.mark.parametrize("seed", range(3))
def test_the_folded_four_paths_are_autograds(lesson, seed):
    p, x = init_params("GRU", 3, 5, seed=seed), noise(6, 3, seed=seed)
    trace, oracle = forward(p, x), paths_by_torch(p, x)
    for t in range(6):
        ours = lesson.solutions["four_paths"](p, trace.h[t], *(trace.gates[name][t] for name in ("r", "z", "h_tilde")))
        for name in PATHS:
            np.testing.assert_allclose(ours[name], oracle[name][t], rtol=0, atol=1e-14)
    np.testing.assert_allclose(sum(oracle.values()), autograd_jacobians(p, x), rtol=0, atol=1e-14)


def error_of_a_moved_diagonal(seed):
    p, x = init_params("GRU", 3, 5, seed=seed), noise(6, 3, seed=seed)
    trace, right = forward(p, x), paths_by_torch(p, x)["reset"][3]
    Wr, _, Wn = np.split(p.Wh, 3)
    between = np.linalg.inv(Wn) @ right @ np.linalg.inv(Wr)  # what stands around the two matrices' product, if diagonal
    r, z, h_tilde = (trace.gates[name][3] for name in ("r", "z", "h_tilde"))
    assert np.abs(between - np.diag(np.diag(between))).max() > 1e-3 * np.abs(between).max()
    moved = ((1 - z) * (1 - h_tilde**2))[:, None] * (Wn @ Wr) * (trace.h[3] * r * (1 - r))
    return np.linalg.norm(moved - right) / np.linalg.norm(right)


def test_a_diagonal_moved_by_one_place_ruins_the_reset_path(lesson):
    errors = [error_of_a_moved_diagonal(seed) for seed in range(20)]
    middle, least, most = (f"{100 * share:.0f} %" for share in (np.median(errors), min(errors), max(errors)))
    assert f"wrong by {middle} (median of 20 nets of 5 units, from {least} to {most})" in lesson.prose
    assert min(error_of_a_moved_diagonal(seed) for seed in range(100, 120)) > 0.3


def test_for_one_unit_the_formula_without_products_is_exact():
    """Its four terms as the question prints them, all of them numbers, against torch."""
    p = init_params("GRU", 3, 1, seed=5, gain=3)
    x, (Wr, Wz, Wn) = noise(6, 3, seed=5), p.Wh_blocks
    trace, oracle = forward(p, x), autograd_jacobians(p, x)
    for t in range(6):
        h, (r, z, n) = trace.h[t], (trace.gates[name][t] for name in ("r", "z", "h_tilde"))
        step = (1 - z) * (Wr * Wn * (1 - n**2) * h * r * (1 - r) + Wn * (1 - n**2) * r) + Wz * (h - n) * z * (1 - z) + z
        np.testing.assert_allclose(step, oracle[t], rtol=1e-12)


def test_sizes_of_the_paths(lesson):
    said = []
    for gate_bias, direct, candidate in ((None, 0.5, 0.14), (3.0, 0.95, 0.014)):
        p = init_params("GRU", 8, 64, gate_bias=gate_bias)
        oracle = paths_by_torch(p, noise(40, 8))
        size = {name: np.sqrt((J**2).sum((1, 2)) / 64) for name, J in oracle.items()}
        assert np.allclose(size["direct"], direct, atol=0.03)
        assert np.allclose(size["candidate"], candidate, rtol=0.15)
        assert np.all(size["candidate"] > size["update"])
        assert np.all(size["update"][1:] > size["reset"][1:])
        said.append([f"{np.median(size[name]):.2g}" for name in ("direct", "candidate")])
    assert f"it has size {said[0][0]}, and the candidate path has {said[0][1]}" in lesson.prose
    assert f"With update bias 3 they have {said[1][0]} and {said[1][1]}." in lesson.prose


@cache
def reach_with(kept, gate_bias, seeds=range(5), T=50):
    """Spectral norms of the plain product of the kept paths, one for each draw."""
    norms = []
    for seed in seeds:
        p = init_params("GRU", 8, 32, seed=seed, gate_bias=gate_bias)
        paths = paths_by_torch(p, noise(T, 8, seed=seed))
        product = reduce(lambda product, J: J @ product, sum(paths[name] for name in kept))
        norms.append(np.linalg.svd(product, compute_uv=False)[0])
    return np.array(norms)


KEPT = {
    "all four": PATHS,
    "direct alone": PATHS[:1],
    **{f"without {gone}": tuple(path for path in PATHS if path != gone) for gone in PATHS},
}


def test_keeping_and_removing_paths(lesson):
    for name, kept in KEPT.items():
        fresh, opened = (np.median(np.log10(reach_with(kept, gate_bias))) for gate_bias in (None, 3.0))
        assert f"{name:17}: fresh {fresh:6.1f}, open {opened:6.1f}\n" in lesson.printed
    for name in ("without candidate", "direct alone"):
        open_half = reach_with(KEPT[name], 3.0) / reach_with(PATHS, 3.0)
        fresh_two_orders = np.log10(reach_with(KEPT[name], None) / reach_with(PATHS, None))
        assert np.all((0.4 < open_half) & (open_half < 0.65))
        assert -2.7 < np.median(fresh_two_orders) < -1.5
    fresh, direct = (np.median(reach_with(KEPT[name], None)) for name in ("all four", "without direct"))
    opened, alone = (np.median(reach_with(KEPT[name], 3.0)) for name in ("all four", "direct alone"))
    drawn = inspect.getsource(lesson.functions["scenes"].reach)
    assert f"Fresh, lag 50: {fresh:.0e}, without direct {direct:.0e}" in drawn
    assert f"Open, lag 50: {opened:.1f}, direct alone {alone:.1f}" in drawn
    lost = [reach_with(KEPT["without direct"], gate_bias) for gate_bias in (None, 3.0)]
    assert lost[0].max() < 1e-39 and lost[1].max() < 1e-87 and np.all(lost[1] < lost[0])
    assert "Measured: open GRU." in lesson.displayed


def test_direct_alone_is_enough_only_where_the_gate_is_open():
    """On further draws."""
    seeds = range(100, 115)
    fresh, opened = (reach_with(PATHS[:1], bias, seeds) / reach_with(PATHS, bias, seeds) for bias in (None, 3.0))
    assert np.median(fresh) < 0.01
    assert np.all((0.4 < opened) & (opened < 0.8)) and 0.5 < np.median(opened) < 0.6


@pytest.mark.parametrize("reset", ["before", "after"])
def test_three_cases_are_exact(lesson, reset):
    p, x, h0 = init_params("GRU", 3, 5, seed=0, reset=reset), noise(6, 3), np.full(5, 0.5)
    hold, dh = lesson.functions["hold_gates"], np.ones((6, 5))
    rnn = Params("RNN", p.Wx[10:], p.Wh[10:], p.bx[10:], p.bh[10:])
    cases = {(1000.0, 0.0): np.eye(5), (-1000.0, -1000.0): 0, (-1000.0, 1000.0): autograd_jacobians(rnn, x, h0)}
    for (z_bias, r_bias), wanted in cases.items():
        held = hold(p, z_bias, r_bias)
        np.testing.assert_allclose(autograd_jacobians(held, x, h0), np.broadcast_to(wanted, (6, 5, 5)), atol=1e-15)
        W_xr, W_xz, W_xn = np.split(autograd_backward(held, x, dh, h0).Wx, 3)
        assert not W_xr.any() and not W_xz.any()
        assert W_xn.any() == (z_bias < 0)
    for name, last in {"z = 1": "zero", "z = r = 0": "not zero", "z = 0, r = 1": "not zero"}.items():
        assert f"{name:13} gradient of W_xr: zero, W_xz: zero, W_xn: {last}\n" in lesson.printed
    assert lesson.printed.count("exactly: True") == 2 and "J = the plain RNN's: True" in lesson.printed


def held_factor(p, x, z, r):
    """The mean factor per step by the closed form, along torch's candidates with both gates held."""
    Wn, product = p.Wh_blocks[2], np.eye(p.hidden_size)
    for h_tilde in oracles.gates(p, x, hold={"z": z, "r": r})["h_tilde"].numpy():
        product = (z * np.eye(len(Wn)) + (1 - z) * r * (1 - h_tilde**2)[:, None] * Wn) @ product
    return np.linalg.norm(product, 2) ** (1 / len(x))


@pytest.mark.parametrize("seed", range(5))
def test_what_lies_between(lesson, seed):
    p, x = init_params("GRU", 8, 32, seed=seed), noise(40, 8, seed=seed)
    held = lesson.functions["hold_gates"](p, math.log(0.3 / 0.7), math.log(0.6 / 0.4))
    product = reduce(lambda product, J: J @ product, jacobians(forward(held, x)))
    assert np.linalg.norm(product, 2) ** (1 / 40) == pytest.approx(held_factor(p, x, 0.3, 0.6), rel=1e-10)
    assert 0.5 < held_factor(p, x, 0.0, 1.0) < held_factor(p, x, 0.5, 0.5) < 0.67
    by_r = [held_factor(p, x, z, 1.0) - held_factor(p, x, z, 0.0) for z in (0.02, 0.5, 0.9)]
    assert by_r[0] > 0.45 and 0.15 < by_r[1] < 0.35 and by_r[2] < 0.08  # the nearer z is to 1, the less r matters
    if seed == 0:
        assert f"{held_factor(p, x, 0.0, 1.0):.1f}" == "0.5"
        assert f"{held_factor(p, x, 0.5, 0.5):.1f}" == "0.6"


def test_factor_for_a_hundred_steps():
    assert f"{math.exp(math.log(0.1) / 100):.3f}" == "0.977"


def cross_entropy_gradients(p, x, V, labels):
    """∂L/∂(Wx, Wh) of L = Σ_t cross-entropy(V h_t, label_t), all of it by torch."""
    weights = oracles.tensors(p, requires_grad=True)
    scores = oracles.states(p, x, weights=weights)[1:] @ torch.from_numpy(V).T
    torch.nn.functional.cross_entropy(scores, torch.from_numpy(labels), reduction="sum").backward()
    return [weight.grad.numpy() for weight in weights[:2]]


@pytest.mark.parametrize("seed", range(3))
def test_the_folded_step_back_summed_over_steps_is_the_gradient_of_every_weight(lesson, seed):
    rng = np.random.default_rng(seed)
    p, x, V, labels = init_params("GRU", 3, 5, seed=seed), noise(6, 3), rng.normal(size=(4, 5)), rng.integers(4, size=6)
    trace = forward(p, x)
    scores = np.exp(trace.h[1:] @ V.T)
    dh = (scores / scores.sum(1, keepdims=True) - np.eye(4)[labels]) @ V
    dWx, dWh = cross_entropy_gradients(p, x, V, labels)
    found, dh_prev = {"dWx": 0.0, "dWh": 0.0}, np.zeros(5)
    for k in range(5, -1, -1):
        state = trace.h[k], *(trace.gates[name][k] for name in ("r", "z", "h_tilde"))
        step = lesson.solutions["gru_step_back"](p, x[k], *state, dh[k] + dh_prev)
        found, dh_prev = {name: found[name] + step[name] for name in found}, step["dh_prev"]
    np.testing.assert_allclose(found["dWh"], dWh, rtol=0, atol=1e-13)
    np.testing.assert_allclose(found["dWx"], dWx, rtol=0, atol=1e-13)


def test_which_steps_the_update_gate_learns_from(lesson):
    """Each step's share by torch: the gradient of a W_z of that step's own."""

    def shares(gate_bias, seed, T=80, H=32):
        p, x = init_params("GRU", 8, H, seed=seed, gate_bias=gate_bias), noise(T, 8, seed=seed)
        Wx, Wh, bx, bh = oracles.tensors(p)
        Wr, Wz, Wn = Wh.chunk(3)
        own, h = [Wz.clone().requires_grad_() for _ in range(T)], torch.zeros(H, dtype=torch.float64)
        for xt, Wz in zip(x, own, strict=True):
            h = oracles.step(p, xt, h, weights=(Wx, torch.cat([Wr, Wz, Wn]), bx, bh)).h
        direction = np.random.default_rng(seed).standard_normal(H) / np.sqrt(H)
        (h @ torch.from_numpy(direction)).backward()
        return np.array([float(Wz.grad.norm()) for Wz in own])[::-1]

    fresh, opened = (np.array([shares(bias, seed) for seed in range(5)]) for bias in (None, 3.0))
    np.testing.assert_allclose(lesson.functions["share_by_lag"](3.0, 4), opened[4], rtol=1e-9)
    fresh, opened = np.median(fresh, 0), np.median(opened, 0)
    assert fresh[0] > 5 * opened[0]
    ninety = [1 + int(np.argmax(np.cumsum(sizes) >= 0.9 * sizes.sum())) for sizes in (fresh, opened)]
    title = f"Fresh: 90 % of the shares lie in {ninety[0]} steps; update bias 3: in {ninety[1]}"
    assert title in inspect.getsource(lesson.functions["scenes"].shares)
    assert fresh[3] > opened[3] and fresh[6] < opened[6]  # "from about lag 5 on"
    assert fresh[70] < 1e-12
    assert 1e-5 < opened[78] < 1e-4  # h_0 = 0: lag 79 has no share at all
    assert f"{sigmoid(3.0) * sigmoid(-3.0):.3f}" == "0.045"


def one_unit(bias):
    """J and the gradients of W_xr, W_xz, W_xn of one step of one unit, by torch."""
    p = Params("GRU", np.full((3, 1), 0.7), np.full((3, 1), 0.5), [bias, bias, 0], np.zeros(3))
    h_prev, weights = torch.tensor([0.3], dtype=torch.float64, requires_grad=True), oracles.tensors(p, True)
    J, dWx = torch.autograd.grad(oracles.step(p, [0.7], h_prev, weights=weights).h, (h_prev, weights[0]))
    return np.r_[J, dWx[:, 0]]


def test_near_saturation_all_but_one_shrink_together(lesson):
    J, W_xr, W_xz, W_xn = one_unit(-10.0)
    said = f"$J$ = {J:.1e}, $W_{{xz}}$ {W_xz:.0e}, $W_{{xr}}$ {W_xr:.0e}, but $W_{{xn}}$ {W_xn:.2f}.".replace(
        " -", " −"
    )
    assert said in lesson.prose
    np.testing.assert_allclose(lesson.functions["one_step"](-10.0), [J, W_xr, W_xz, W_xn], rtol=1e-12)
    np.testing.assert_allclose(one_unit(-19.0)[:3] / one_unit(-20.0)[:3], math.e, rtol=1e-4)
    assert one_unit(-19.0)[3] == pytest.approx(one_unit(-20.0)[3], rel=1e-6)
    assert np.all(np.abs(one_unit(0.0)[:3] / one_unit(-20.0)[:3]) > 1e7)
    assert not one_unit(-1000.0)[:3].any()


def test_gates_below_one_shrink(lesson):
    assert f"$0.99^{{90}} = {float(Fraction(99, 100) ** 90):.2f}$" in lesson.prose
    assert f"$0.5^{{90}}$ = {float(Fraction(1, 2) ** 90):.0e}." in lesson.prose
    assert f"it is {float(100 * Fraction(1, 2) ** 101):.1e} for $T = 100$" in lesson.prose


@pytest.mark.parametrize("T", [10, 100, 200, 1000])
def test_best_bias_is_log_T(lesson, T):
    b = torch.linspace(-2, 12, 14001, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad((torch.sigmoid(b) ** T).sum(), b)
    b = b.detach()
    assert float(b[slope.argmax()]) == pytest.approx(math.log(T), abs=1e-3)
    assert float(slope.max()) == pytest.approx(1 / math.e, abs=0.02)
    assert float(slope.max()) == pytest.approx(float(Fraction(T, T + 1) ** (T + 1)), rel=1e-6)
    np.testing.assert_allclose(lesson.functions["slope"](b.numpy(), T), slope.numpy(), rtol=1e-9, atol=1e-300)
    if T == 100:
        assert f"{float(slope.max()):.3f}" == "0.366"


def test_a_half_open_gate_never_learns_and_an_open_one_opens_further():
    b, kept = torch.arange(5, dtype=torch.float64, requires_grad=True), []
    for _ in range(3000):
        h = torch.sigmoid(b) ** 100
        kept.append(h.detach().numpy())
        (gradient,) = torch.autograd.grad(((h - 1) ** 2 / 2).sum(), b)
        b = (b - gradient).detach().requires_grad_()
    kept = np.array(kept)
    rises = [int(np.argmax(line > 0.5)) for line in kept.T]  # the first update that keeps more than half
    assert rises[4] < rises[3] < 30
    assert 2000 < rises[2] < 3000
    assert np.all(kept[:, :2] < 1e-6)
    assert np.all(kept[-1, 2:] > 0.9)


def loss(rate, T):
    return (rate**T - 1) ** 2 / 2


@pytest.mark.parametrize("T", [100, 200])
def test_the_loss_pushes_most_left_of_where_the_state_answers_most(lesson, T):
    b = torch.linspace(2, 8, 60001, dtype=torch.float64, requires_grad=True)
    (of_loss,) = torch.autograd.grad(loss(torch.sigmoid(b), T).sum(), b)
    best = float(b.detach()[of_loss.abs().argmax()])
    assert best == pytest.approx(math.log(T) - 0.37, abs=0.01)
    if T == 100:
        assert f"is largest at $b = {best:.1f}$, not at $\\log 100 = {math.log(100):.1f}$" in lesson.prose
    else:
        line = verdict(EXERCISES["06 best bias"], round(best, 2))
        assert "½(h_T - 1)²" in line and line.startswith("Not yet")


def test_descent_on_a_plain_units_weight(lesson):
    arrived, first = {}, {}
    for start in (0.9, 0.95, 0.99, 1.02, 1.05):
        w = torch.tensor(start, dtype=torch.float64, requires_grad=True)
        for _ in range(3000):
            (gradient,) = torch.autograd.grad(loss(w, 100), w)
            w = (w - 1e-4 * gradient).detach().requires_grad_()
            first.setdefault(start, w.item())
        arrived[start] = bool(abs(float(w) ** 100 - 1) < 0.01) if w.isfinite() else False
        line = f"w from {start:.2f}: after one update {first[start]:8.3g}, arrived after 3000: {arrived[start]}\n"
        assert line in lesson.printed
    assert [start for start in arrived if arrived[start]] == [0.95, 0.99]
    assert "Measured: 0.95 and 0.99." in lesson.displayed
    assert f"{first[1.02]:.2f}" == "0.58" and abs(first[1.05]) > 100
    w = 0.5
    assert f"{100 * w**99:.1e}" == "1.6e-28"


@pytest.mark.parametrize("limit", [1.0, 17.0, 300.0])
@pytest.mark.parametrize("start", [1.02, 1.05])
def test_clipping_would_have_saved_the_plain_unit(lesson, start, limit):
    w = start
    for _ in range(3000):
        w -= 1e-4 * max(-limit, min(limit, (w**100 - 1) * 100 * w**99))
    assert abs(w**100 - 1) < 0.01
    assert "with a limit between 1 and 300" in lesson.prose


def test_curvature_of_the_loss_at_w_1():
    w = torch.tensor(1.0, dtype=torch.float64)
    assert float(torch.func.hessian(lambda w: loss(w, 100))(w)) == pytest.approx(1e4)


def test_sizes_in_the_picture_of_both_gradients(lesson):
    slope = torch.func.grad(lambda w: loss(w, 100))
    sizes = [abs(float(slope(torch.tensor(w, dtype=torch.float64)))) for w in (0.9, 0.99, 1.1)]
    assert (f"{sizes[0]:.0e}", f"{sizes[1]:.0f}") == ("3e-03", "23") and 1e10 < sizes[2] < 2e10
    b = torch.linspace(-5, 15, 20001, dtype=torch.float64)
    assert float(torch.vmap(torch.func.grad(lambda b: loss(torch.sigmoid(b), 100)))(b).abs().max()) < 0.26


@pytest.mark.parametrize("T", [10, 100, 1000, 10000])
def test_how_finely_w_and_b_must_be_set(lesson, T):
    """The ends of both windows by bisection."""

    def solve(share, rate, low, high):
        for _ in range(200):
            middle = (low + high) / 2
            low, high = (middle, high) if rate(middle) ** T < share else (low, middle)
        return low

    w = [solve(share, lambda w: w, 0.0, 1.0) for share in (0.25, 0.75)]
    b = [solve(share, lambda b: 1 / (1 + math.exp(-b)), -5.0, 25.0) for share in (0.25, 0.75)]
    assert f"T = {T:5}: w in a window of {w[1] - w[0]:.6f}, b in one of {b[1] - b[0]:.2f}\n" in lesson.printed


def test_gates_do_not_bound_the_gradient(lesson):
    p = init_params("GRU", 4, 16, seed=0, recurrent="gaussian", gain=2.5)
    held = lesson.functions["hold_gates"](p, 0.0, 1000.0)
    assert np.linalg.norm(reduce(lambda product, J: J @ product, jacobians(forward(held, noise(40, 4)))), 2) > 10


def test_reset_after_is_torchs_gru():
    p, x = replace(init_params("GRU", 3, 5, seed=0), reset="after"), noise(6, 3)
    np.testing.assert_allclose(jacobians(forward(p, x)), autograd_jacobians(p, x), rtol=0, atol=1e-14)


def test_folded_solutions_are_right(lesson):
    asked = 0
    for cell in code_cells(read(lesson.path)):
        for name, answer in re.findall(r'^check\("(.+)", (\w+)\)', cell.source, re.M):
            assert verdict(EXERCISES[name], lesson.solutions[answer]).startswith("Right"), name
            asked += 1
    assert asked == len(EXERCISES) == 4


def test_right_paths_and_bias_gradient_are_autograds():
    rng = np.random.default_rng(0)
    p, h_prev, *gates = EXERCISES["06 four paths"].draw(rng)
    right = EXERCISES["06 four paths"].right(p, h_prev, *gates)
    parts = {path: torch.from_numpy(h_prev) for path in PATHS}
    # The input is drawn with the gates and not handed on, so it is found again from what the gates are.
    a = np.concatenate([np.log(g / (1 - g)) for g in gates[:2]] + [np.arctanh(gates[2])])
    Wr, Wz, Wn = p.Wh_blocks
    from_h = np.concatenate([Wr @ h_prev, Wz @ h_prev, Wn @ (gates[0] * h_prev)]) + p.bh
    q = replace(p, Wx=np.zeros_like(p.Wx), bx=a - from_h)
    found = torch.func.jacrev(lambda past: oracles.step(q, np.zeros(p.input_size), past).h)(parts)
    for name in PATHS:
        np.testing.assert_allclose(right[name], found[name].numpy(), rtol=0, atol=1e-13)
    of = parts_of_mistakes(p, h_prev, *gates)  # from which the known mistakes are put together
    into_n = np.diag(of.into_n) @ of.Wn
    again = {"update": np.diag(of.into_z) @ of.Wz, "candidate": into_n * of.r, "reset": into_n * of.into_r @ of.Wr}
    for name, path in again.items():
        np.testing.assert_allclose(path, found[name].numpy(), rtol=0, atol=1e-13)
    b, h0, T = EXERCISES["06 bias gradient"].draw(rng)
    slope = torch.func.grad(lambda b: torch.sigmoid(b) ** T * h0)(torch.tensor(b, dtype=torch.float64))
    assert EXERCISES["06 bias gradient"].right(b, h0, T) == pytest.approx(float(slope), rel=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_the_right_step_back_is_autograds(seed):
    exercise = EXERCISES["06 step back"]
    p, x, h_prev, r, z, h_tilde, total = exercise.draw(np.random.default_rng(seed))
    trace = forward(p, x[None], h_prev)
    for name, gate in {"r": r, "z": z, "h_tilde": h_tilde}.items():
        np.testing.assert_allclose(trace.gates[name][0], gate, rtol=1e-12)
    wanted, right = (
        autograd_backward(p, x[None], total[None], h_prev),
        exercise.right(*exercise.draw(np.random.default_rng(seed))),
    )
    pairs = {"dh_prev": wanted.h0, "dWx": wanted.Wx, "dWh": wanted.Wh, "dbx": wanted.bx, "dbh": wanted.bh}
    assert list(right) == list(pairs)
    for name, gradient in pairs.items():
        np.testing.assert_allclose(right[name], gradient, rtol=1e-10, atol=1e-14)


def test_hints_name_the_paths_and_the_rows(lesson):
    def only_direct(p, h_prev, r, z, h_tilde):
        return {"direct": np.diag(z), "update": ..., "candidate": ..., "reset": ...}

    assert "direct is right. update:" in verdict(EXERCISES["06 four paths"], only_direct)

    def r_wrong(*step):
        right, H = lesson.solutions["gru_step_back"](*step), len(step[2])
        for name in ("dWx", "dWh", "dbx", "dbh"):
            right[name] = np.concatenate([3 * right[name][:H], right[name][H:]])
        return right

    words = verdict(EXERCISES["06 step back"], r_wrong)
    assert "dh_prev is right. dWx: the rows of z and n are right, the rows of r are not." in words


def test_what_the_turned_gates_show(lesson):
    turn, values = lesson.functions["scenes"].turned_gates, np.linspace(0.05, 0.95, 7)
    leads = {key: turn(*key)[-1].split()[1] for key in itertools.product(values, values, (1, 2, 4))}
    assert set(leads.values()) == {"direct", "candidate"}
    assert leads[0.95, 0.05, 1] == "candidate" and leads[0.05, 0.95, 4] == "direct"


def growing(lesson, weights, r):
    """How many of the slider's nine z let the gradient grow over 30 steps."""
    turn = lesson.functions["scenes"].turned_gates
    numbers = (turn(r, z, weights)[1].numbers[30] for z in np.linspace(0.05, 0.95, 9))
    return sum(shown > 0 for shown in numbers)


def test_where_the_explorers_gradient_grows(lesson):
    grid = np.linspace(0.05, 0.95, 5)
    assert growing(lesson, 2, grid[-1]) == 8
    assert growing(lesson, 4, grid[2]) >= 1 and growing(lesson, 4, grid[1]) == 0
    assert not any(growing(lesson, 1, r) for r in grid)
    by_torch = []
    for z in np.linspace(0.05, 0.95, 9):
        p = init_params("GRU", 8, 16, gain=2, gate_bias=math.log(z / (1 - z)))
        p = replace(p, bx=np.r_[np.full(16, math.log(19)), p.bx[16:]], bh=np.r_[np.zeros(16), p.bh[16:]])
        product = reduce(lambda P, J: J @ P, autograd_jacobians(p, noise(30, 8)))
        by_torch.append(np.linalg.norm(product, 2) > 1)
    assert sum(by_torch) == 8


def test_the_key_of_the_best_bias_is_where_torchs_slope_is_largest(lesson):
    (T,) = {int(steps) for steps in re.findall(r"A memory of (\d+) steps", lesson.prose)}
    b = torch.linspace(0, 12, 120001, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad((torch.sigmoid(b) ** T).sum(), b)
    assert float(EXERCISES["06 best bias"].right) == pytest.approx(float(b.detach()[slope.argmax()]), abs=2e-4)


@pytest.mark.parametrize("reset", ["before", "after"])
@pytest.mark.parametrize("z", [0.05, 0.5, 0.95])
def test_four_times_the_weights_explode_through_an_open_reset_gate(lesson, z, reset):
    p = init_params("GRU", 8, 16, gain=4, gate_bias=math.log(z / (1 - z)), reset=reset)
    bx, bh = np.r_[np.full(16, math.log(19)), p.bx[16:]], np.r_[np.zeros(16), p.bh[16:]]  # r near 0.95
    p = replace(p, bx=bx, bh=bh)
    product = reduce(lambda P, J: J @ P, autograd_jacobians(p, noise(30, 8)))
    assert np.linalg.norm(product, 2) > 1
    if reset == "before":
        shown = lesson.functions["scenes"].turned_gates(0.95, z, 4)[1].numbers[30]
        assert 10**shown == pytest.approx(np.linalg.norm(product, 2), rel=1e-9)
