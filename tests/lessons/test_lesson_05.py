"""Every figure that lesson 05 states, recomputed by another way than the lesson's."""

import math
import re
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch

from course_utils.cells import Params, forward, init_params
from course_utils.checks.exercise import verdict
from course_utils.checks.lesson_05 import EXERCISES
from course_utils.tasks import noise
from course_utils.torch_bridge import autograd_jacobians, to_module, to_params
from tests import oracles
from tests.notebook import code_cells, read

SEEDS = range(10)


def recursion(p, x, line, h0=None, hold=None):
    """States of the GRU with another last line. All of it is a function of z, h_prev, and h_tilde, before and now."""
    weights, h = oracles.tensors(p), torch.zeros(p.hidden_size, dtype=torch.float64) if h0 is None else h0
    states, tilde_prev = [h], torch.zeros_like(h)
    for xt in torch.from_numpy(x):
        gates = oracles.step(p, xt, h, weights=weights, hold=hold).gates
        h, tilde_prev = line(gates["z"], h, tilde_prev, gates["h_tilde"]), gates["h_tilde"]
        states.append(h)
    return torch.stack(states)


def keeps(z, h, tilde_prev, tilde):
    return z * h + (1 - z) * tilde


def writes(z, h, tilde_prev, tilde):
    return (1 - z) * h + z * tilde


def as_printed(z, h, tilde_prev, tilde):
    return z * tilde_prev + (1 - z) * tilde


def test_a_saturated_reset_gate_makes_the_simplified_cell():
    assert 1 / (1 + math.exp(-100)) == 1.0
    p, x = init_params("GRU", 6, 4), noise(20, 6, seed=1)
    saturated = replace(p, bx=np.r_[np.full(4, 100), p.bx[4:]])
    assert np.allclose(forward(saturated, x).h, oracles.states(p, x, hold={"r": 1}), rtol=1e-12, atol=0)


@pytest.mark.parametrize("seed", range(5))
def test_conventions_are_equal_under_negated_z_rows_and_only_then(seed):
    p, x = init_params("GRU", 6, 4, seed=seed), noise(20, 6, seed=seed)
    negated = Params("GRU", *(EXERCISES["05 other convention"].right(w) for w in (p.Wx, p.Wh, p.bx, p.bh)))
    ours = forward(p, x).h
    assert np.allclose(recursion(negated, x, writes), ours, rtol=1e-12, atol=0)
    assert np.abs(recursion(p, x, writes).numpy() - ours).max() > 0.01


def test_cat_in_exact_fractions(lesson):
    def walk(later):
        c = [Fraction(8, 10) * Fraction(9, 10)]
        for _ in range(4):
            c.append(Fraction(1, 10) * Fraction(later).limit_denominator(10) + Fraction(9, 10) * c[-1])
        return [float(state) for state in c]

    assert [f"{state:.4f}" for state in walk(0.9)] == ["0.7200", "0.7380", "0.7542", "0.7688", "0.7819"]
    words = ["cat", "which", "ate", "was", "full"]
    line = "  ".join(f"{word} {state:.4f}" for word, state in zip(words, walk(0.9), strict=True))
    assert line + "\n" in lesson.printed
    assert f"Measured: {walk(0)[-1]:.3f}." in lesson.displayed
    assert walk(0)[-1] == float(Fraction(72, 100) * Fraction(9, 10) ** 4)
    assert [f"{walk(later)[-1]:.2f}" for later in (0.9, 0, -0.9)] == ["0.78", "0.47", "0.16"]
    gates = torch.tensor([0.8, 0.1, 0.1, 0.1, 0.1], dtype=torch.float64)
    p = Params("GRU", [[0], [1], [0]], np.zeros((3, 1)), [0, 0, math.atanh(0.9)], np.zeros(3))
    by_forward = forward(p, -torch.logit(gates).numpy()[:, None]).h[1:, 0]
    assert np.allclose(by_forward, walk(0.9), rtol=1e-14, atol=0)


def test_softmax_rounds_to_the_zeros_of_the_text(lesson):
    shares = torch.softmax(torch.tensor([6.0, 4, 4, 0, 0, 0], dtype=torch.float64), 0)
    assert [f"{share:.1f}" for share in shares] == ["0.8", "0.1", "0.1", "0.0", "0.0", "0.0"]
    assert "the softmax of 6, 4, 4, 0, 0, 0 rounds to .8, .1, .1, 0, 0, 0" in lesson.prose
    assert shares.min() > 0


def steps_to_half(b):
    """By multiplying, with the last step's fraction on a log scale."""
    z, left, steps = 1 / (1 + math.exp(-b)), 1.0, 0
    while left * z > 0.5:
        left, steps = left * z, steps + 1
    return steps + math.log(0.5 / left) / math.log(z)


def test_how_long_a_memory_lasts(lesson):
    assert steps_to_half(0) == 1
    assert round(steps_to_half(4)) == 38
    assert all(2.6 < steps_to_half(b + 1) / steps_to_half(b) < math.e for b in (2, 3, 4, 5))
    assert steps_to_half(-1) / steps_to_half(-2) < 2  # the title excludes small biases for a reason
    left = [f"$z = {z}$ leaves {float(Fraction(z) ** 90):.1g}" for z in (".5", ".9", ".99")]
    assert f"after 90 steps, {left[0]}, {left[1]}, and {left[2]}." in lesson.prose
    assert f"Measured: a curve from {steps_to_half(-2):.2f} to {steps_to_half(6):.0f}." in lesson.displayed


@pytest.fixture(scope="module")
def nudges():
    """‖∂h_t/∂h_0 u‖ of both recursions, (seeds, steps), by torch's autograd; u has equal entries and length 1."""
    left = {}
    for line in (keeps, as_printed):
        left[line] = []
        for seed in SEEDS:
            p, x = init_params("GRU", 4, 8, seed=seed, gate_bias=4), noise(59, 4, seed=seed)
            h0 = torch.zeros(8, dtype=torch.float64)
            u = torch.full_like(h0, 8**-0.5)
            _, moved = torch.autograd.functional.jvp(
                lambda h, p=p, x=x, line=line: recursion(p, x, line, h, hold={"r": 1}), h0, u
            )
            left[line].append(moved.norm(dim=1).numpy())
    return {line: np.array(rows) for line, rows in left.items()}


def test_one_tilde(nudges, lesson):
    good, bad = nudges[keeps], nudges[as_printed]
    assert f"between {good[:, -1].min():.2f} and {good[:, -1].max():.2f} is left" in lesson.printed
    assert np.all(bad[:, -1] < 1e-6)
    direct = math.exp(-59 * math.log1p(math.exp(-4)))
    assert f"$\\sigma(4)^{{59}} = {direct:.2f}$".replace("0.", ".") in lesson.prose
    assert 0.3 < np.median(good[:, -1]) < 0.4
    assert 1e-11 < np.median(bad[:, -1]) < 1e-9
    assert np.all(bad[:, 2:20:2] > bad[:, 1:19:2])  # the zigzag


def test_with_z_near_1_the_printed_recursion_is_an_rnn_at_half_speed():
    p, x = init_params("GRU", 4, 8, gate_bias=100), noise(20, 4)
    h = recursion(p, x, as_printed, hold={"r": 1}).numpy()
    candidate = np.tanh(x @ p.Wx[16:].T + p.bx[16:] + h[:-1] @ p.Wh[16:].T + p.bh[16:])
    assert np.allclose(h[2:], candidate[:-1], rtol=1e-12, atol=0)


def held(z, r, seed):
    """A GRU, its gates held at 0 or 1 by their biases."""
    p = init_params("GRU", 3, 5, seed=seed)
    return replace(p, bx=np.r_[np.full(5, 200 * r - 100), np.full(5, 200 * z - 100), p.bx[10:]])


@pytest.mark.parametrize("seed", range(3))
def test_corners(seed):
    x, h0 = noise(10, 3, seed=seed), np.random.default_rng(seed).uniform(-1, 1, 5)
    for r in (0, 1):
        assert np.array_equal(forward(held(1, r, seed), x, h0).h, np.tile(h0, (11, 1)))
    p = held(0, 1, seed)
    rnn = to_module(Params("RNN", p.Wx[10:], p.Wh[10:], p.bx[10:], p.bh[10:]))
    states = rnn(torch.from_numpy(x), torch.from_numpy(h0)[None])[0].detach().numpy()
    assert np.allclose(forward(p, x, h0).h[1:], states, rtol=1e-12)
    fresh = np.tanh(x @ p.Wx[10:].T + p.bx[10:] + p.bh[10:])
    assert np.allclose(forward(held(0, 0, seed), x, h0).h[1:], fresh, rtol=1e-12)


def test_what_the_two_panels_show():
    past = torch.linspace(-1, 1, 101, dtype=torch.float64, requires_grad=True)
    slopes = {r: torch.autograd.grad(torch.tanh(0.5 + 2 * r * past).sum(), past)[0] for r in (0, 0.3, 1)}
    assert torch.all(slopes[0] == 0) and slopes[0.3].max() < slopes[1].max()
    for z in (0, 0.5, 1):  # with r = 0, the new state's slope is z
        p = Params("GRU", [[0], [0], [0]], np.zeros((3, 1)), [-100, (z - 0.5) * 400, 0.5], np.zeros(3))
        h = [forward(p, [[0.0]], [start]).h[1, 0] for start in (-1.0, 1.0)]
        assert (h[1] - h[0]) / 2 == pytest.approx(z, abs=1e-14)


@pytest.mark.parametrize("reset", ["before", "after"])
def test_reset_gate_silences_a_column_or_a_row(reset):
    p = init_params("GRU", 4, 6, reset=reset)
    Wx, Wh, bx = (np.r_[np.zeros_like(w[:12]), w[12:]] for w in (p.Wx, p.Wh, p.bx))
    bx[:6], bx[6:12] = 100, -100  # r = 1 whatever happens, z = 0: h is the candidate
    bx[2] = -100  # r = 0 for the third unit
    (J,) = autograd_jacobians(replace(p, Wx=Wx, Wh=Wh, bx=bx), noise(1, 4), np.full(6, 0.1))
    zero = np.abs(J) < 1e-40
    assert zero.sum() == 6
    assert np.all(zero[:, 2] if reset == "before" else zero[2])


def differences_of_resets(seeds, move_bias):
    """Relative differences of states and Jacobians (seeds, 2), "before" against "after", by torch."""
    found = []
    for seed in seeds:
        one, x = init_params("GRU", 4, 8, seed=seed), noise(20, 4, seed=seed)
        moved = np.r_[np.zeros(16), one.bh[16:]] * move_bias
        two = replace(one, reset="after", bx=one.bx + moved, bh=one.bh - moved)
        pairs = [(of(one, x), of(two, x)) for of in (oracles.states, oracles.jacobians)]
        found.append([float((ours - theirs).norm() / theirs.norm()) for ours, theirs in pairs])
    return np.array(found)


def test_before_and_after_over_seeds(lesson):
    for name, move_bias in ("as torch does it", False), ("b_n kept from the gate", True):
        states, J = 100 * np.median(differences_of_resets(range(20), move_bias), axis=0)
        line = f"{name:22}: states differ by {states:.0f} %, J by {J:.0f} % (medians of 20)\n"
        assert line in lesson.printed
    assert (f"{states:.0f}", f"{J:.0f}") == ("5", "8")  # as the text says of the last


def test_most_of_the_difference_in_states_is_the_gated_bias():
    """On seeds that no lesson shows."""
    both, order = (differences_of_resets(range(100, 115), move_bias) for move_bias in (False, True))
    assert np.all(order[:, 0] < 0.5 * both[:, 0])
    assert np.all(order < 0.15) and np.median(both[:, 0]) > 0.2
    assert 0.5 < np.median(order[:, 1] / both[:, 1]) < 1.2  # the Jacobians differ by the order in the main


def test_moving_b_n_leaves_before_as_it_is():
    p, x = init_params("GRU", 4, 8, seed=3), noise(20, 4)
    moved = np.r_[np.zeros(16), p.bh[16:]]
    q = replace(p, bx=p.bx + moved, bh=p.bh - moved)
    np.testing.assert_allclose(oracles.states(q, x), oracles.states(p, x), rtol=1e-12, atol=1e-15)


def test_the_posts_own_last_line_would_jump_to_the_candidate(lesson):
    first, offer, kept = Fraction(72, 100), Fraction(9, 10), Fraction(9, 10)
    assert (1 - kept) * offer + kept * offer == Fraction(9, 10) > first  # both tildes are .9
    assert "(With it, our cat would jump from .72 to .9 at once.)" in lesson.prose


def test_torch_weights_are_after():
    torch.manual_seed(0)
    layer, x = torch.nn.GRU(6, 4).double(), noise(20, 6, seed=1)
    assert to_params(layer).reset == "after"
    states = layer(torch.from_numpy(x))[0].detach().numpy()
    assert np.allclose(forward(to_params(layer), x).h[1:], states, rtol=1e-12)
    assert not np.allclose(forward(replace(to_params(layer), reset="before"), x).h[1:], states, rtol=1e-3)


def test_elementwise_where_a_matrix_product_belongs():
    W, x, ones = torch.ones(4, 6), torch.ones(6), torch.ones(6)
    assert (W @ x).shape == (4,) and (W * x).shape == (4, 6)
    with pytest.raises(RuntimeError):
        ones - torch.ones(4)
    assert (torch.ones(4) - torch.ones(4)).shape == (4,)


def test_lstm_with_coupled_gates_obeys_the_gru_line():
    p, x = init_params("LSTM", 6, 4), noise(20, 6, seed=1)
    p = Params("LSTM", *(np.concatenate([-w[4:8], w[4:]]) for w in (p.Wx, p.Wh, p.bx, p.bh)))
    cell = torch.nn.LSTMCell(6, 4).double()
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    cell.load_state_dict(dict(zip(names, oracles.tensors(p), strict=True)))
    h = c = torch.zeros(1, 4, dtype=torch.float64)
    for xt, ours in zip(torch.from_numpy(x)[:, None], forward(p, x).c[1:], strict=True):
        gates = oracles.step(p, xt, h, c).gates
        expected = gates["f"] * c + (1 - gates["f"]) * gates["g"]
        h, c = cell(xt, (h, c))
        assert torch.allclose(c, expected, rtol=1e-12, atol=1e-15)
        assert np.allclose(ours, expected[0].detach(), rtol=1e-12, atol=1e-15)


def test_an_output_gate_hides_and_an_update_gate_loses():
    signal = torch.zeros(20, 1, dtype=torch.float64)
    signal[4:14] = -200
    lstm = Params("LSTM", [[0], [0], [0], [1]], np.zeros((4, 1)), [-100, 100, 0, 100], np.zeros(4))
    gru = Params("GRU", [[0], [1], [0]], np.zeros((3, 1)), [0, 100, 0], np.zeros(3))
    start = torch.full((1, 1), 0.8, dtype=torch.float64)
    shown = to_module(lstm)(signal, (start, torch.atanh(start)))[0].detach().numpy()[:, 0]
    kept = to_module(replace(gru, reset="after"))(signal, start)[0].detach().numpy()[:, 0]
    assert np.allclose(shown, np.r_[[0.8] * 4, [0] * 10, [0.8] * 6], atol=1e-12)
    assert np.allclose(kept, np.r_[[0.8] * 4, [0] * 16], atol=1e-12)
    assert np.allclose(forward(lstm, signal.numpy(), [0.8], [math.atanh(0.8)]).h[1:, 0], shown, atol=1e-12)
    assert np.allclose(forward(gru, signal.numpy(), [0.8]).h[1:, 0], kept, atol=1e-12)


@pytest.mark.parametrize("D, H", [(1, 1), (8, 32), (100, 256), (7, 3)])
def test_three_quarters_of_the_parameters(D, H, lesson):
    sizes = [sum(w.numel() for w in layer(D, H).parameters()) for layer in (torch.nn.GRU, torch.nn.LSTM)]
    assert sizes == [3 * H * (D + H + 2), 4 * H * (D + H + 2)]
    assert Fraction(*sizes) == Fraction(3, 4)
    for blocks in "34":
        assert f"${blocks}H(D + H + 2)$" in lesson.prose


def by_torch(p, from_x, h, reset):
    """One step's gates and state by torch: its own cell for "after", the oracles' for "before"."""
    x = np.zeros(p.input_size)
    at = replace(p, bx=from_x, reset=reset)  # from_x is all that the input sends
    step = oracles.step(at, x, torch.from_numpy(h))
    if reset == "after":
        cell = torch.nn.GRUCell(p.input_size, p.hidden_size).double()
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        cell.load_state_dict(dict(zip(names, oracles.tensors(at), strict=True)))
        new = cell(torch.from_numpy(x)[None], torch.from_numpy(h)[None])[0]
        assert torch.allclose(new, step.h, rtol=1e-12)
    return {**{name: values.numpy() for name, values in step.gates.items()}, "h": step.h.numpy()}


@pytest.mark.parametrize("reset", ["before", "after"])
@pytest.mark.parametrize("seed", range(3))
def test_right_steps_are_torchs(reset, seed):
    exercise = EXERCISES[f"05 reset {reset}"]
    p, from_x, h = exercise.draw(np.random.default_rng(seed))
    right, torchs = exercise.right(p, from_x, h), by_torch(p, from_x, h, reset)
    assert list(right) == ["r", "z", "h_tilde", "h"]  # the order in which a student returns them
    for name, values in right.items():
        np.testing.assert_allclose(values, torchs[name], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("seed", range(3))
def test_bias_for_a_half_life_by_definition(seed):
    n = 2 + 17 * seed
    z = torch.sigmoid(torch.tensor(EXERCISES["05 bias for a half-life"].right(n), dtype=torch.float64))
    assert float(z**n) == pytest.approx(0.5, rel=1e-12)


def test_folded_solutions_are_right(lesson):
    functions, asked = lesson.solutions, 0
    for cell in code_cells(read(lesson.path)):
        for name, answer in re.findall(r'^check\("(.+)", (\w+)\)', cell.source, re.M):
            assert verdict(EXERCISES[name], functions[answer]).startswith("Right"), name
            asked += 1
    assert asked == len(EXERCISES) == 4


def test_the_packages_lines_answer_both_exercises(lesson):
    step = lesson.solutions["gru_step"]
    for reset in ("before", "after"):

        def answer(p, from_x, h_prev, reset=reset):
            h, gates = step(p.changed(reset=reset), from_x, h_prev)
            return *gates, h

        assert verdict(EXERCISES[f"05 reset {reset}"], answer).startswith("Right")


def test_hints_name_the_gates(lesson):
    def no_tanh(p, from_x, h_prev):
        r, z, _, _ = lesson.solutions["reset_before"](p, from_x, h_prev)
        return r, z, 0 * r, 0 * r

    assert "r and z are right. h_tilde:" in verdict(EXERCISES["05 reset before"], no_tanh)


def test_an_imaginary_nudge_is_torchs_derivative(lesson, nudges):
    survival = lesson.functions["survival"]
    for line, name in (keeps, "correct"), (as_printed, "as printed"):
        np.testing.assert_allclose(survival(name, 3), nudges[line][3], rtol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_the_lesson_lets_z_write(lesson, seed):
    p, x = init_params("GRU", 6, 4, seed=seed), noise(20, 6, seed=seed)
    states = lesson.functions["states_if_z_writes"](p, x)
    np.testing.assert_allclose(states, recursion(p, x, writes).numpy(), rtol=1e-12, atol=1e-15)


def test_the_explorers_shares_add_up_to_the_state(lesson):
    sentence = ["cat", "which", "ate", "was", "full"]
    names = lesson.names("words", "sentence")
    for at_cat, later, offer in (0.8, 0.1, 0.9), (0.95, 0.05, -0.9), (0.3, 0.5, 0.0):
        state, shares, says = names["cat"](at_cat, later, offer)
        assert names["sentence"] == sentence
        assert shares.numbers.sum() == pytest.approx(state.numbers[-1], abs=1e-12)
        assert says.startswith(f"The state at “full” is {state.numbers[-1]:.2f}")


def test_only_the_smallest_gate_keeps_the_cat_against_its_opposite():
    def at_full(at_cat, later):
        h = 0.9 * at_cat
        for _ in range(4):
            h = (1 - later) * h - later * 0.9
        return h

    gates = [round(0.05 * i, 2) for i in range(1, 20)]
    assert [(u, v) for u in gates for v in gates if at_full(u, v) > 0.5] == [(0.95, 0.05)]
