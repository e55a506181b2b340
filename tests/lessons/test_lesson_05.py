"""Every figure that lesson 05 states, recomputed another way: by torch's autograd or a closed form."""

import ast
import itertools
import json
import math
from dataclasses import replace
from fractions import Fraction
from functools import cache, reduce
from pathlib import Path

import numpy as np
import pytest
import torch

from course_utils.cells import Params, forward, init_params, sigmoid
from course_utils.checks.exercise import NOT_STARTED, verdict
from course_utils.checks.lesson_05 import EXERCISES
from course_utils.gradients import jacobians
from course_utils.tasks import noise
from course_utils.torch_bridge import autograd_backward, autograd_jacobians

PATHS = ("direct", "update", "candidate", "reset")


@cache
def lesson():
    """The imports and functions that the lesson's own cells define, and nothing that it runs."""
    path = Path(__file__).parents[2] / "notebooks" / "05_gru_bptt.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    wanted = (ast.Import, ast.ImportFrom, ast.FunctionDef)
    tree = ast.Module([node for node in ast.parse(code).body if isinstance(node, wanted)], [])
    names = {}
    exec(compile(tree, path.name, "exec"), names)
    return names


def paths_by_torch(p, x):
    """The four paths (T, H, H) each, by autograd alone: h_prev is handed in four times, once for each of its places."""
    Wx, Wh, bx, bh = (torch.from_numpy(a) for a in (p.Wx, p.Wh, p.bx, p.bh))
    Wr, Wz, Wn = Wh.chunk(3)
    br, bz, bn = bh.chunk(3)

    def step(direct, update, candidate, reset, x):
        xr, xz, xn = (Wx @ x + bx).chunk(3)
        r, z = torch.sigmoid(xr + Wr @ reset + br), torch.sigmoid(xz + Wz @ update + bz)
        return z * direct + (1 - z) * torch.tanh(xn + Wn @ (r * candidate) + bn)

    x = torch.from_numpy(x)
    h = [torch.zeros(p.hidden_size, dtype=torch.float64)]
    for xt in x:
        h.append(step(*[h[-1]] * 4, xt))
    each = torch.func.vmap(torch.func.jacrev(step, argnums=(0, 1, 2, 3)))(*[torch.stack(h[:-1])] * 4, x)
    return {name: J.numpy() for name, J in zip(PATHS, each, strict=True)}


@pytest.mark.parametrize("seed", range(3))
def test_the_lessons_four_paths_are_autograds(seed):
    p, x = init_params("GRU", 3, 5, seed=seed), noise(6, 3, seed=seed)
    trace, oracle = forward(p, x), paths_by_torch(p, x)
    for t in range(1, 7):
        ours = lesson()["four_paths"](p, trace.h[t - 1], *lesson()["gates_at"](trace, t))
        for name in PATHS:
            np.testing.assert_allclose(ours[name], oracle[name][t - 1], rtol=0, atol=1e-14)
    np.testing.assert_allclose(sum(oracle.values()), autograd_jacobians(p, x), rtol=0, atol=1e-14)


def test_a_diagonal_moved_by_one_place_ruins_the_reset_path():
    p, x = init_params("GRU", 3, 5, seed=0), noise(6, 3)
    trace, right = forward(p, x), paths_by_torch(p, x)["reset"][3]
    Wr, _, Wn = np.split(p.Wh, 3)
    between = np.linalg.inv(Wn) @ right @ np.linalg.inv(Wr)  # what stands around the two matrices' product, if diagonal
    r, z, h_tilde = (trace.gates[name][3] for name in ("r", "z", "h_tilde"))
    assert np.abs(between - np.diag(np.diag(between))).max() > 1e-3 * np.abs(between).max()
    moved = ((1 - z) * (1 - h_tilde**2))[:, None] * (Wn @ Wr) * (trace.h[3] * r * (1 - r))
    assert f"{np.linalg.norm(moved - right) / np.linalg.norm(right):.0%}" == "96%"


def test_sizes_of_the_paths():
    for gate_bias, direct, candidate in ((None, 0.5, 0.14), (3.0, 0.95, 0.014)):
        p = init_params("GRU", 8, 64, gate_bias=gate_bias)
        oracle = paths_by_torch(p, noise(40, 8))
        size = {name: np.sqrt((J**2).sum((1, 2)) / 64) for name, J in oracle.items()}
        assert np.allclose(size["direct"], direct, atol=0.03)
        assert np.allclose(size["candidate"], candidate, rtol=0.15)
        assert np.all(size["candidate"] > size["update"])
        assert np.all(size["update"][1:] > size["reset"][1:])
        ours = lesson()["sizes"](gate_bias)
        for name in PATHS:
            np.testing.assert_allclose(ours[name], size[name], rtol=1e-10, atol=1e-15)


@cache
def reach_without(path, gate_bias, T=50):
    """Spectral norms of the plain product, one for each of five draws."""
    norms = []
    for seed in range(5):
        p = init_params("GRU", 8, 32, seed=seed, gate_bias=gate_bias)
        paths = paths_by_torch(p, noise(T, 8, seed=seed))
        product = reduce(lambda product, J: J @ product, sum(J for name, J in paths.items() if name != path))
        norms.append(np.linalg.svd(product, compute_uv=False)[0])
    return np.array(norms)


def test_removing_paths():
    stated = {
        "nothing": ("-9.2", "-0.7"),
        "update": ("-9.2", "-0.7"),
        "reset": ("-9.2", "-0.7"),
        "candidate": ("-11.3", "-1.0"),
        "direct": ("-41.4", "-89.2"),
    }
    for path, printed in stated.items():
        for gate_bias, text in zip((None, 3.0), printed, strict=True):
            assert f"{np.median(np.log10(reach_without(path, gate_bias))):.1f}" == text
    open_half = reach_without("candidate", 3.0) / reach_without("nothing", 3.0)
    fresh_two_orders = np.log10(reach_without("candidate", None) / reach_without("nothing", None))
    assert np.all((0.4 < open_half) & (open_half < 0.65))
    assert -2.7 < np.median(fresh_two_orders) < -1.5
    assert max(reach_without("direct", None)) < 1e-39 and max(reach_without("direct", 3.0)) < 1e-87


@pytest.mark.parametrize("reset", ["before", "after"])
def test_three_cases_are_exact(reset):
    p, x, h0 = init_params("GRU", 3, 5, seed=0, reset=reset), noise(6, 3), np.full(5, 0.5)
    hold, dh = lesson()["hold_gates"], np.ones((6, 5))
    rnn = Params("RNN", p.Wx[10:], p.Wh[10:], p.bx[10:], p.bh[10:])
    cases = {(1000.0, 0.0): np.eye(5), (-1000.0, -1000.0): 0, (-1000.0, 1000.0): autograd_jacobians(rnn, x, h0)}
    for (z_bias, r_bias), wanted in cases.items():
        held = hold(p, z_bias, r_bias)
        np.testing.assert_allclose(autograd_jacobians(held, x, h0), np.broadcast_to(wanted, (6, 5, 5)), atol=1e-15)
        U_r, U_z, U_n = np.split(autograd_backward(held, x, dh, h0).Wx, 3)
        assert not U_r.any() and not U_z.any()
        assert U_n.any() == (z_bias < 0)


def held_factor(p, x, z, r):
    """The mean factor per step by the closed form, states included."""
    Wx, Wn, b = np.split(p.Wx, 3)[2], np.split(p.Wh, 3)[2], np.split(p.bx + p.bh, 3)[2]
    h, product = np.zeros(p.hidden_size), np.eye(p.hidden_size)
    for xt in x:
        h_tilde = np.tanh(Wx @ xt + b + Wn @ (r * h))
        product = (z * np.eye(len(h)) + (1 - z) * r * (1 - h_tilde**2)[:, None] * Wn) @ product
        h = z * h + (1 - z) * h_tilde
    return np.linalg.norm(product, 2) ** (1 / len(x))


@pytest.mark.parametrize("seed", range(5))
def test_what_lies_between(seed):
    p, x = init_params("GRU", 8, 32, seed=seed), noise(40, 8, seed=seed)
    held = lesson()["hold_gates"](p, math.log(0.3 / 0.7), math.log(0.6 / 0.4))
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
    """∂E/∂(Wx, Wh) of E = Σ_t cross-entropy(V h_t, label_t), all of it by torch."""
    Wx, Wh = (torch.tensor(a, requires_grad=True) for a in (p.Wx, p.Wh))
    bias, V, h = torch.from_numpy(p.bx + p.bh), torch.from_numpy(V), torch.zeros(p.hidden_size, dtype=torch.float64)
    E = 0
    for xt, label in zip(torch.from_numpy(x), labels, strict=True):
        ar, az, an = (Wx @ xt + bias).chunk(3)
        Wr, Wz, Wn = Wh.chunk(3)
        r, z = torch.sigmoid(ar + Wr @ h), torch.sigmoid(az + Wz @ h)
        h = z * h + (1 - z) * torch.tanh(an + Wn @ (r * h))
        E = E + torch.nn.functional.cross_entropy((V @ h)[None], torch.tensor([label]))
    E.backward()
    return Wx.grad.numpy(), Wh.grad.numpy()


@pytest.mark.parametrize("seed", range(3))
def test_the_lessons_sum_over_steps_is_the_gradient_of_every_weight(seed):
    rng = np.random.default_rng(seed)
    p, x, V, labels = init_params("GRU", 3, 5, seed=seed), noise(6, 3), rng.normal(size=(4, 5)), rng.integers(4, size=6)
    trace = forward(p, x)
    scores = np.exp(trace.h[1:] @ V.T)
    dh = (scores / scores.sum(1, keepdims=True) - np.eye(4)[labels]) @ V
    dWx, dWh = cross_entropy_gradients(p, x, V, labels)
    np.testing.assert_allclose(lesson()["terms"](trace, dh).sum(0).reshape(15, 5), dWh, rtol=0, atol=1e-13)
    np.testing.assert_allclose(autograd_backward(p, x, dh).Wx, dWx, rtol=0, atol=1e-13)


def test_which_steps_the_update_gate_learns_from():
    """Each step's share by torch: the gradient of a W_z of that step's own."""

    def shares(gate_bias, seed, T=80, H=32):
        p, x = init_params("GRU", 8, H, seed=seed, gate_bias=gate_bias), torch.from_numpy(noise(T, 8, seed=seed))
        Wx, Wh, bias = torch.from_numpy(p.Wx), torch.from_numpy(p.Wh), torch.from_numpy(p.bx + p.bh)
        Wr, Wz, Wn = Wh.chunk(3)
        own, h = [Wz.clone().requires_grad_() for _ in range(T)], torch.zeros(H, dtype=torch.float64)
        for xt, Wz in zip(x, own, strict=True):
            ar, az, an = (Wx @ xt + bias).chunk(3)
            r, z = torch.sigmoid(ar + Wr @ h), torch.sigmoid(az + Wz @ h)
            h = z * h + (1 - z) * torch.tanh(an + Wn @ (r * h))
        direction = np.random.default_rng(seed).standard_normal(H) / np.sqrt(H)
        (h @ torch.from_numpy(direction)).backward()
        return np.array([float(Wz.grad.norm()) for Wz in own])[::-1]

    fresh, opened = (np.array([shares(bias, seed) for seed in range(5)]) for bias in (None, 3.0))
    np.testing.assert_allclose(lesson()["share_by_lag"](3.0, 4), opened[4], rtol=1e-9)
    fresh, opened = np.median(fresh, 0), np.median(opened, 0)
    assert fresh[0] > 5 * opened[0]
    assert fresh[3] > opened[3] and fresh[6] < opened[6]  # "from about lag 5 on"
    assert fresh[70] < 1e-12
    assert 1e-5 < opened[78] < 1e-4  # h_0 = 0: lag 79 has no share at all
    assert f"{sigmoid(3.0) * sigmoid(-3.0):.3f}" == "0.045"


def one_unit(bias):
    """J and the gradients of U_r, U_z, U_n of one step of one unit, by torch."""
    U, h_prev = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in ([0.7] * 3, 0.3))
    r, z = (torch.sigmoid(U[i] * 0.7 + 0.5 * h_prev + bias) for i in (0, 1))
    h = z * h_prev + (1 - z) * torch.tanh(U[2] * 0.7 + 0.5 * r * h_prev)
    J, dU = torch.autograd.grad(h, (h_prev, U))
    return np.array([float(J), *dU.tolist()])


def test_near_saturation_all_but_one_shrink_together():
    J, U_r, U_z, U_n = one_unit(-10.0)
    assert (f"{J:.1e}", f"{U_z:.0e}", f"{U_r:.0e}", f"{U_n:.2f}") == ("1.2e-04", "-9e-06", "7e-06", "0.56")
    J_ours, dU_ours = lesson()["one_step"](-10.0)
    np.testing.assert_allclose([J_ours, *dU_ours], [J, U_r, U_z, U_n], rtol=1e-12)
    np.testing.assert_allclose(one_unit(-19.0)[:3] / one_unit(-20.0)[:3], math.e, rtol=1e-4)
    assert one_unit(-19.0)[3] == pytest.approx(one_unit(-20.0)[3], rel=1e-6)
    assert np.all(np.abs(one_unit(0.0)[:3] / one_unit(-20.0)[:3]) > 1e7)
    assert not one_unit(-1000.0)[:3].any()


def test_gates_below_one_shrink():
    assert f"{float(Fraction(99, 100) ** 90):.2f}" == "0.40"
    assert f"{float(Fraction(1, 2) ** 90):.0e}" == "8e-28"
    assert f"{float(100 * Fraction(1, 2) ** 101):.1e}" == "3.9e-29"
    assert f"{math.log(99):.1f}" == "4.6" and sigmoid(math.log(99)) == pytest.approx(0.99)


@pytest.mark.parametrize("T", [10, 100, 200, 1000])
def test_best_bias_is_log_T(T):
    b = torch.linspace(-2, 12, 14001, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad((torch.sigmoid(b) ** T).sum(), b)
    b = b.detach()
    assert float(b[slope.argmax()]) == pytest.approx(math.log(T), abs=1e-3)
    assert float(slope.max()) == pytest.approx(1 / math.e, abs=0.02)
    assert float(slope.max()) == pytest.approx(float(Fraction(T, T + 1) ** (T + 1)), rel=1e-6)
    np.testing.assert_allclose(lesson()["slope"](b.numpy(), T), slope.numpy(), rtol=1e-9, atol=1e-300)
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


def test_gates_do_not_bound_the_gradient():
    p = init_params("GRU", 4, 16, seed=0, recurrent="gaussian", gain=2.5)
    held = lesson()["hold_gates"](p, 0.0, 1000.0)
    assert np.linalg.norm(reduce(lambda product, J: J @ product, jacobians(forward(held, noise(40, 4)))), 2) > 10


def test_reset_after_is_torchs_gru():
    p, x = replace(init_params("GRU", 3, 5, seed=0), reset="after"), noise(6, 3)
    np.testing.assert_allclose(jacobians(forward(p, x)), autograd_jacobians(p, x), rtol=0, atol=1e-14)


OURS = {name: exercise for name, exercise in EXERCISES.items() if name.startswith("05 ")}


def test_every_mistake_gets_its_own_hint():
    assert len(OURS) == 3
    for exercise in OURS.values():
        assert verdict(exercise, exercise.right).startswith("Right")
        for hint, wrong in exercise.mistakes.items():
            assert verdict(exercise, wrong) == f"Not yet: {hint}"
        untouched = ... if exercise.draw is None else lambda *arguments: ...
        assert verdict(exercise, untouched) == NOT_STARTED


def test_right_answers_are_autograds():
    rng = np.random.default_rng(0)
    Wz, h_prev, z, h_tilde = OURS["05 direct and update"].draw(rng)
    bias = torch.from_numpy(np.log(z / (1 - z)) - Wz @ h_prev)  # the bias that brings the gate to z

    def step(h):
        gate = torch.sigmoid(torch.from_numpy(Wz) @ h + bias)
        return gate * h + (1 - gate) * torch.from_numpy(h_tilde)

    J = torch.func.jacrev(step)(torch.from_numpy(h_prev)).numpy()
    np.testing.assert_allclose(OURS["05 direct and update"].right(Wz, h_prev, z, h_tilde), J, rtol=0, atol=1e-14)
    b, h0, T = OURS["05 bias gradient"].draw(rng)
    slope = torch.func.grad(lambda b: torch.sigmoid(b) ** T * h0)(torch.tensor(b, dtype=torch.float64))
    assert OURS["05 bias gradient"].right(b, h0, T) == pytest.approx(float(slope), rel=1e-12)


def test_what_the_turned_gates_show():
    turn, values = lesson()["turn"], np.linspace(0.05, 0.95, 7)
    leads = {
        (r, z, weights, reset): turn(r, z, weights, reset)[-1].split()[1]
        for r, z, weights, reset in itertools.product(values, values, (1, 2, 4), ("before", "after"))
    }
    assert set(leads.values()) == {"direct", "candidate"}
    assert leads[0.95, 0.05, 1, "before"] == "candidate" and leads[0.05, 0.95, 4, "before"] == "direct"
    same = [leads[*key, "before"] == leads[*key, "after"] for key in {key[:3] for key in leads}]
    assert np.mean(same) > 0.9


@pytest.mark.parametrize("reset", ["before", "after"])
@pytest.mark.parametrize("z", [0.05, 0.5, 0.95])
def test_four_times_the_weights_explode_through_an_open_reset_gate(z, reset):
    p = init_params("GRU", 8, 16, gain=4, gate_bias=math.log(z / (1 - z)), reset=reset)
    p.bx[:16], p.bh[:16] = math.log(19), 0  # r near 0.95
    product = reduce(lambda P, J: J @ P, autograd_jacobians(p, noise(30, 8)))
    assert np.linalg.norm(product, 2) > 1
    shown = lesson()["turn"](0.95, z, 4, reset)[1].numbers[30]
    assert 10**shown == pytest.approx(np.linalg.norm(product, 2), rel=1e-9)
