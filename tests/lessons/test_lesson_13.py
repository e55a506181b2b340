"""What lesson 13 states, another way: torch's autograd, sums instead of formulas, fractions, other training loops.

The fast tests train the lesson's five seeds; the slow ones fifteen further seeds, at two learning rates.
"""

import functools
import re
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils import tasks
from course_utils.cells import forward, init_params, sigmoid
from course_utils.checks.exercise import verdict
from course_utils.checks.lesson_13 import EXERCISES
from course_utils.scenes import lesson_13 as scenes
from course_utils.training import train, wilson
from tests import oracles
from tests.notebook import Lesson

SHOWN, FURTHER = range(5), range(100, 115)
RATES = (1e-2, 3e-2)
LESSON = Lesson("13")


def recurrence(a, b):
    """h_t = a_t h_{t-1} + b_t from 0, in torch, one step after the other: (T, H)."""
    h, states = torch.zeros_like(b[0]), []
    for a_t, b_t in zip(a, b, strict=True):
        h = a_t * h + b_t
        states.append(h)
    return torch.stack(states)


# ---------------------------------------------------------------------------------------------------------------------
# The scan


@settings(deadline=None, max_examples=40)
@given(T=st.integers(1, 40), H=st.integers(1, 5), seed=st.integers(0, 1000))
def test_scan_and_loop_are_the_recurrence(T, H, seed):
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(-1, 1, (T, H)), rng.normal(size=(T, H))
    wants = recurrence(torch.tensor(a), torch.tensor(b)).numpy()
    for name in ("scan", "loop"):
        np.testing.assert_allclose(LESSON.functions[name](a, b), wants, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(LESSON.functions["torch_scan"](*map(torch.tensor, (a, b))).numpy(), wants, atol=1e-12)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000))
def test_joining_is_associative_and_does_both_steps(seed):
    rng, join = np.random.default_rng(seed), EXERCISES["13 two steps in one"].right
    one, two, three = ((rng.normal(size=3), rng.normal(size=3)) for _ in range(3))
    left = join(tuple(join(one, two).values()), three)
    right = join(one, tuple(join(two, three).values()))
    h = rng.normal(size=3)
    stepped = functools.reduce(lambda state, step: step[0] * state + step[1], (one, two, three), h)
    for way in (left, right):
        np.testing.assert_allclose(way["a"] * h + way["b"], stepped, rtol=1e-9, atol=1e-12)


def test_the_example_of_two_steps(lesson):
    assert 0.8 * (0.5 * 7 + 1) + 2 == pytest.approx(0.4 * 7 + 2.8)
    assert r"$.8\,(.5\,h + 1) + 2 = .4\,h + 2.8$" in lesson.prose


def test_the_scans_states_are_those_of_a_gru_that_ignores_h():
    """A GRU of the package with W_h = 0, and its Jacobians by autograd: diag(z)."""
    p, x = init_params("GRU", 3, 4, gain=0.0, gate_bias=1.0, seed=5), tasks.noise(30, 3, seed=6)
    trace = forward(p, x)
    z, h_tilde = trace.gates["z"], trace.gates["h_tilde"]
    np.testing.assert_allclose(LESSON.functions["scan"](z, (1 - z) * h_tilde), trace.h[1:], atol=1e-13)
    for J, kept in zip(oracles.jacobians(p, x).numpy(), z, strict=True):
        np.testing.assert_allclose(J, np.diag(kept), atol=1e-14)


def test_the_printed_costs_are_the_closed_forms(lesson):
    for T in (1, 2, 5, 8, 1000, 1024):
        rounds = int(np.ceil(np.log2(T)))
        products = sum(2 * (T - 2**r) for r in range(rounds))
        assert scenes.cost(lesson.functions["loop"], T) == (T - 1, T - 1)
        assert scenes.cost(lesson.functions["scan"], T) == (rounds, products)
    assert f"scan, 1,024 steps: longest chain 10, products {products}\n" in lesson.printed
    assert "loop, 1,024 steps: longest chain 1023, products 1023\n" in lesson.printed
    assert round(products / 1023) == 18 and "18 times the work" in lesson.prose and "18 times" in lesson.titles
    assert "the scan's states are the loop's: True\n" in lesson.printed


def in_pairs(a, b):
    """Blelloch's way: neighbours are joined, half as many steps are scanned, and every other state is filled in."""
    if len(a) == 1:
        return b
    states = np.empty_like(b)
    states[1::2] = in_pairs(a[1::2] * a[::2], a[1::2] * b[::2] + b[1::2])
    states[0] = b[0]
    states[2::2] = a[2::2] * states[1:-1:2] + b[2::2]
    return states


def test_the_scan_with_fewer_products(lesson):
    rng = np.random.default_rng(4)
    a, b = rng.uniform(size=(64, 2)), rng.normal(size=(64, 2))
    np.testing.assert_allclose(in_pairs(a, b), LESSON.functions["loop"](a, b), rtol=1e-12)
    for T in (64, 1024):
        chain, products = scenes.cost(in_pairs, T)
        assert products < 3 * T and 1.6 * np.log2(T) < chain < 2 * np.log2(T)
    assert "makes about twice as many rounds and stays below $3T$ products" in lesson.prose


@pytest.mark.parametrize("seed", range(4))
def test_the_way_back_is_autograds_and_a_scan_as_well(seed):
    a, h, g = EXERCISES["13 backward"].draw(np.random.default_rng(seed))
    shares = torch.tensor(a, requires_grad=True)
    added = torch.tensor(h[1:] - a * h[:-1], requires_grad=True)
    (recurrence(shares, added) * torch.tensor(g)).sum().backward()
    right = EXERCISES["13 backward"].right(a, h, g)
    np.testing.assert_allclose(right["da"], shares.grad.numpy(), atol=1e-12)
    np.testing.assert_allclose(right["db"], added.grad.numpy(), atol=1e-12)
    line = re.search(r"`dh = (scan\(.+?\)\[::-1\])`", LESSON.prose)[1]
    np.testing.assert_allclose(eval(line, dict(LESSON.functions), {"a": a, "g": g}), right["db"], atol=1e-12)


# ---------------------------------------------------------------------------------------------------------------------
# λ


def test_what_size_and_angle_do(lesson):
    """The printed sizes, by summing over lags what autograd says of one lag."""
    lags = np.arange(0, 60_000)
    for r in (0.5, 0.9, 0.99, 0.999):
        ν, b, θ = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in start(r))
        by_nu = torch.autograd.grad(torch.exp(-torch.exp(ν)), ν)[0].item()
        by_b = torch.autograd.grad(torch.sigmoid(b), b)[0].item()
        by_theta = abs(complex(*(torch.autograd.grad(r * f(θ), θ)[0].item() for f in (torch.cos, torch.sin))))
        assert by_nu == pytest.approx(r * np.log(r)) and by_theta == pytest.approx(r)
        by_size = np.sqrt(np.sum((lags * r ** np.maximum(lags - 1.0, 0)) ** 2))
        sizes = {"gate b": by_b * by_size, "nu": -by_nu * by_size, "theta": by_theta * by_size}
        said = ", ".join(f"by {name} {size:.2g}" for name, size in sizes.items())
        assert f"r = {r}: of h {np.sqrt(np.sum(r ** (2.0 * lags))):.2g}, {said}\n" in lesson.printed
        assert np.sum((1 - r**2) * r ** (2.0 * lags)) == pytest.approx(1)
    assert sizes["theta"] / sizes["nu"] == pytest.approx(1000, rel=0.01)
    assert r"At $r = .999$ the state moves 1,000 times as much with $\theta$ as with $\nu$" in lesson.prose


def start(r):
    """ν, b and θ of a unit of size r."""
    return np.log(-np.log(r)), np.log(r / (1 - r)), 0.7


def test_the_explorer_of_the_plane(lesson):
    """Its sentence at several places; and the .98 that the words state."""
    for radius, angle in ((0.9, 30.0), (0.5, 180.0), (1.0, 0.0)):
        words = scenes.in_the_plane(radius, angle)[-1]
        assert ("one turn takes 12 steps" in words) == (angle == 30) and ("doesn't turn" in words) == (angle == 0)
        if radius < 1:
            steps = float(re.search(r"after ([\d.]+) steps", words)[1])
            assert radius**steps == pytest.approx(0.5, abs=0.01)
    assert 0.98**30 > 0.5 > 0.97**30 and "$.98$ or more for half of it after 30 steps" in lesson.prose
    assert "six complex units do what the matrix does: True\n" in lesson.printed


# ---------------------------------------------------------------------------------------------------------------------
# Mamba, xLSTM, attention


@pytest.mark.parametrize("seed", range(6))
def test_a_selective_step_solves_its_equation(seed):
    """dh/dt = -m h + x with x held for softplus(s), by the exponential of a matrix."""
    h, x, s, m = EXERCISES["13 selective step"].draw(np.random.default_rng(seed))
    system = torch.tensor([[-m, 1.0], [0.0, 0.0]], dtype=torch.float64)
    length = torch.nn.functional.softplus(torch.tensor(s, dtype=torch.float64))
    wants = (torch.linalg.matrix_exp(length * system) @ torch.tensor([h, x], dtype=torch.float64))[0].item()
    assert EXERCISES["13 selective step"].right(h, x, s, m) == pytest.approx(wants, rel=1e-10)


def test_mambas_gate_is_ours(lesson):
    a = torch.linspace(-8, 8, 33, dtype=torch.float64, requires_grad=True)
    kept = torch.exp(-torch.nn.functional.softplus(a))
    torch.testing.assert_close(kept, 1 - torch.sigmoid(a))
    (slope,) = torch.autograd.grad(kept.sum(), a)
    torch.testing.assert_close(slope, -kept * (1 - kept))  # a sigmoid's
    assert "exp(-softplus(s)) = sigmoid(s): False\n" in lesson.printed
    assert "exp(-softplus(s)) = 1 - sigmoid(s): True\n" in lesson.printed
    lives = [np.log(0.5) / np.log(0.98**n) for n in (1, 16)]
    assert [round(life) for life in lives] == [34, 2]
    assert "the slowest loses half in 34 steps, the fastest in 2" in lesson.prose


@pytest.mark.parametrize("seed", range(3))
def test_an_exponential_gate_is_its_two_sums(seed, lesson):
    rng = np.random.default_rng(seed)
    a, v, f = rng.normal(size=12), rng.normal(size=12), rng.uniform(0.3, 1, 12)
    c = n = 0.0
    for a_t, v_t, f_t in zip(a, v, f, strict=True):
        c, n = f_t * c + np.exp(a_t) * v_t, f_t * n + np.exp(a_t)
    assert lesson.functions["exponential_gate"](a, v, f) == pytest.approx(c / n, rel=1e-12)
    assert (1 * 1 + 1 * 1 + 8 * 9) / 10 == 7.4 and "1, 1, 9 let in with 1, 1, 8: 7.4\n" in lesson.printed
    assert "with f = 1 it is a softmax: True\n" in lesson.printed


def test_attentions_path_has_length_one(lesson):
    """The derivative by each value is its weight, by autograd; what the figure's words state."""
    v = torch.randn(9, dtype=torch.float64, requires_grad=True)
    w = torch.softmax(torch.randn(9, dtype=torch.float64), 0)
    torch.testing.assert_close(torch.autograd.grad(w @ v, v)[0], w)
    assert w.sum().item() == pytest.approx(1)
    assert sum(T for T in range(1, 101)) == 100 * 101 / 2
    assert 0.5**27 < 1e-8 < 0.5**26 and 0.05 * 0.95**199 == pytest.approx(2e-6, rel=0.1)
    assert "z = 0.95 ends near 2e-6. Even attention bends and ends at 1/200" in lesson.titles


# ---------------------------------------------------------------------------------------------------------------------
# Parity: what no weights can do


@settings(deadline=None, max_examples=60)
@given(H=st.integers(1, 12), seed=st.integers(0, 10_000))
def test_a_readout_changes_its_sign_at_most_once_a_unit(H, seed):
    rng = np.random.default_rng(seed)
    z, c = rng.uniform(0, 1, H), rng.normal(size=H) * 10 ** rng.uniform(0, 4, H)
    answers = rng.normal() + (1 - z ** np.arange(1, 200)[:, None]) @ c
    assert np.sum(np.diff(np.sign(answers)) != 0) <= H


def test_twelve_units_are_too_few(lesson):
    right = np.arange(1, 17) % 2
    assert np.sum(np.diff(right) != 0) == 15
    assert "parity needs 15 changes, and 12 units have 12 at most" in lesson.prose


def solved_exactly(rows, wants):
    """The solution of a linear system of Fractions, by elimination."""
    system = [[*row, want] for row, want in zip(rows, wants, strict=True)]
    for i in range(len(system)):
        pivot = next(k for k in range(i, len(system)) if system[k][i] != 0)
        system[i], system[pivot] = system[pivot], system[i]
        system[i] = [value / system[i][i] for value in system[i]]
        for k in range(len(system)):
            if k != i:
                system[k] = [x - system[k][i] * y for x, y in zip(system[k], system[i], strict=True)]
    return [row[-1] for row in system]


def test_how_large_the_weights_are(lesson):
    for H in (2, 4, 8):
        states = [[1 - Fraction(i, H + 1) ** n for i in range(1, H + 1)] + [Fraction(1)] for n in range(1, H + 3)]
        signs = [Fraction((-1) ** n) for n in range(1, H + 3)]
        readout = solved_exactly(states[:-1], signs[:-1])
        after = sum(state * weight for state, weight in zip(states[-1], readout, strict=True))
        power = round(np.log10(float(max(map(abs, readout)))))
        said = f"{H} units: largest weight about 10^{power}; right for {H + 2} ones: {after * signs[-1] > 0}\n"
        assert said in lesson.printed and after * signs[-1] < 0


def test_one_unit_that_flips_counts_parity():
    """h̃ - h after a 1, h after a 0: over a thousand steps, exactly."""
    x, y = tasks.parity(1000).test
    ones, h_tilde = x[:20, :, 1], 0.7
    z = 1 - ones
    a, b = torch.tensor((2 * z - 1).T), torch.tensor(((1 - z) * h_tilde).T)
    np.testing.assert_array_equal(recurrence(a, b).numpy().T, h_tilde * y[:20])


# ---------------------------------------------------------------------------------------------------------------------
# Parity: what is learned


@functools.cache
def plain(kind, rate, seeds):
    """RNNs or GRUs: how many solve 16 steps at some evaluation, and how many are right at step 160."""
    runs = train(tasks.parity(16), kind, 12, seeds=seeds, steps=600, learning_rate=rate, clip=None, every=50)
    x, y = tasks.parity(160).test
    late = []
    for run in runs:
        h = oracles.states(run.params, x.swapaxes(0, 1))[-1].numpy()
        late.append(np.mean((h @ run.readout.T + run.readout_bias).argmax(1) == y[:, -1]))
    return sum(run.solved for run in runs), sum(share > 0.9 for share in late)


@functools.cache
def without_h(sign, rate, seeds, H=12):
    """minGRUs that take one step after the other, one net at a time, with the lesson's weights and data.

    sign  whether the factor is 2z - 1 instead of z.

    Returns how many solve 16 steps at the end, how many are right at step 160, their shares of right answers by step
    (nets, 160) and their factors after a 1 (nets, H).
    """
    names = LESSON.names("parity")

    def logits(weights, x):
        W, bias, readout, c = weights
        pre = x @ W + bias
        z, h_tilde = torch.sigmoid(pre[..., :H]), pre[..., H:]
        factor = 2 * z - 1 if sign else z
        return recurrence(factor, (1 - z) * h_tilde) @ readout + c

    weights = [torch.Tensor(each).requires_grad_() for each in scenes.first_weights(seeds, H)]
    streams, adam = [np.random.default_rng([seed, 2]) for seed in seeds], torch.optim.Adam(weights, rate)
    for _ in range(600):
        x, y = map(torch.from_numpy, scenes.batch(names["parity"], streams))
        guesses = torch.log_softmax(logits(weights, x), -1)
        right = guesses.gather(-1, y[..., None])
        adam.zero_grad()
        (-right.mean((0, 2)).sum()).backward()
        adam.step()
    x, y = tasks.parity(160).test
    with torch.no_grad():
        answers = logits(weights, torch.Tensor(x).permute(1, 0, 2)[:, None]).argmax(-1).permute(1, 2, 0).numpy()
    share = np.mean(answers == y, axis=1)
    W, bias = (each.detach().numpy() for each in weights[:2])
    z = sigmoid((W[:, 1] + bias[:, 0])[:, :H])
    solved, late = np.sum(share[:, :16].mean(1) >= 0.99), np.sum(share[:, -1] > 0.9)
    return int(solved), int(late), share, 2 * z - 1 if sign else z


def test_parity_of_the_seeds_shown(lesson):
    (rnn, rnn_late), (gru, gru_late) = (plain(kind, 1e-2, SHOWN) for kind in ("RNN", "GRU"))
    assert min(rnn, rnn_late, gru, gru_late) >= 4
    for name in ("RNN", "GRU"):
        assert f"{name}: solved at least 4 of 5\n" in lesson.printed
        assert f"{name:18}  16 steps: at least 4 of 5, step 160: at least 4 of 5\n" in lesson.printed
    assert without_h(False, 1e-2, SHOWN)[:2] == (0, 0) and without_h(True, 1e-2, SHOWN)[:2] == (5, 0)
    assert "minGRU: solved at most 1 of 5\n" in lesson.printed
    assert f"{'minGRU':18}  16 steps: at most 1 of 5, step 160: at most 1 of 5\n" in lesson.printed
    assert "minGRU with 2z - 1  16 steps: at least 4 of 5, step 160: at most 1 of 5\n" in lesson.printed


def test_the_packages_own_minGRU_fails_as_well():
    """The course's kernels with W_h = 0, whose candidate goes through tanh."""
    options = {"gain": 0.0, "frozen": ("Wh",), "steps": 600, "learning_rate": 1e-2, "clip": None}
    assert not any(run.solved for run in train(tasks.parity(16), "GRU", 12, **options))


@pytest.mark.parametrize("count, ends", [(15, "80 to 100"), (0, "0 to 20"), (11, "48 to 89")])
def test_intervals(lesson, count, ends):
    assert "{:.0f} to {:.0f}".format(*(100 * end for end in wilson(count, 15))) == ends and ends in lesson.prose


@pytest.mark.parametrize("seeds", [SHOWN, pytest.param(FURTHER, marks=pytest.mark.slow)], ids=["shown", "further"])
def test_how_the_sign_fades(seeds, lesson):
    """The words below the last figure: the strongest factor after a 1, and the answers at steps 40 and 100."""
    _, _, share, factors = without_h(True, 1e-2, seeds)
    assert (
        np.all(np.abs(factors.min(axis=1) + 0.95) < 0.025)
        and "the strongest unit's factor after a 1 to about $-.95$, not to $-1$" in lesson.prose
    )
    assert np.all(share[:, 39] > 0.9) and np.all(np.abs(share[:, 95:105].mean(axis=1) - 0.5) < 0.1)
    assert "at step 40 nearly all answers are right, at step 100 they are guesses" in lesson.prose


@pytest.mark.slow
def test_parity_of_further_seeds():
    """Counts that hang on single nets may move by one or two with threads and BLAS."""
    assert plain("RNN", 1e-2, FURTHER)[0] >= 14 and plain("RNN", 1e-2, FURTHER)[1] >= 14
    assert plain("RNN", 3e-2, FURTHER)[0] == pytest.approx(11, abs=2)
    for rate in RATES:
        assert plain("GRU", rate, FURTHER) == (15, 15)
        assert without_h(False, rate, FURTHER)[:2] == (0, 0)
        assert without_h(True, rate, FURTHER)[:2] == (15, 0)


@pytest.mark.slow
@pytest.mark.parametrize("rate", RATES)
def test_more_units_do_not_help_a_minGRU(rate):
    assert without_h(False, rate, FURTHER, H=48)[0] == 0


# ---------------------------------------------------------------------------------------------------------------------


def test_folded_solutions_are_right(lesson):
    for asked, name in {
        "13 two steps in one": "two_in_one",
        "13 selective step": "selective_step",
        "13 backward": "backward",
    }.items():
        assert verdict(EXERCISES[asked], lesson.solutions[name]).startswith("Right")


def test_every_source_has_a_link(lesson):
    sources = lesson.prose.partition("## Sources")[2]
    assert len(re.findall(r"\]\(https://", sources)) == 13
