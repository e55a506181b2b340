"""Every figure that lesson 03 states, recomputed by another way than the lesson's."""

import functools
import math
import re
from fractions import Fraction

import numpy as np
import pytest

from course_utils.cells import Params, forward, init_params
from course_utils.checks.exercise import verdict
from course_utils.checks.lesson_03 import EXERCISES
from course_utils.gradients import jacobians
from course_utils.norms import lyapunov_exponents, norms_to_past
from course_utils.tasks import noise
from course_utils.torch_bridge import autograd_jacobians

STEEPEST = {"tanh": 1.0, "relu": 1.0, "sigmoid": 0.25}


def log_norm(J):
    """log of the norm of J_T ... J_1, its scale taken out at every step: independent of norms_to_past."""
    product, log = np.eye(J.shape[1]), 0.0
    for step in J:
        product = step @ product
        size = np.linalg.norm(product)
        product, log = product / size, log + math.log(size)
    return log + math.log(np.linalg.svd(product, compute_uv=False)[0])


def gaussian_net(gain, seed, activation="tanh", sigma_1=None):
    p = init_params("RNN", 8, 32, seed=seed, activation=activation, recurrent="gaussian", gain=gain)
    if sigma_1 is None:
        return p
    scale = sigma_1 / math.sqrt(np.linalg.eigvalsh(p.Wh.T @ p.Wh)[-1])
    return Params("RNN", p.Wx, scale * p.Wh, p.bx, p.bh, activation=activation)


@pytest.mark.parametrize("activation", STEEPEST)
@pytest.mark.parametrize("seed", range(5))
def test_bound_holds_and_growing_bounds_prove_nothing(activation, seed):
    J = jacobians(forward(gaussian_net(1.0, seed, activation, sigma_1=2.0), noise(40, 8, seed=100 + seed)))
    for k in range(40):
        assert log_norm(J[k:]) <= (40 - k) * math.log(2.0 * STEEPEST[activation]) + 1e-9
    assert log_norm(J) < 0  # sigma_1 = 2 > 1: tanh and relu might have grown, and none did


def test_jacobian_is_slope_times_weights_by_autograd():
    p, x = gaussian_net(1.0, 0), noise(5, 8, seed=100)
    slopes = 1 - np.tanh(x @ p.Wx.T + p.bx + forward(p, x).h[:-1] @ p.Wh.T + p.bh) ** 2
    assert np.allclose(slopes[:, :, None] * p.Wh, autograd_jacobians(p, x), rtol=1e-10, atol=1e-14)


def test_small_weights_explode_and_large_ones_vanish():
    assert f"{64 * 0.1:.1f}" == "6.4"  # sigma_1 of A: the vector of ones grows 64-fold times 0.1
    assert f"{float(Fraction(64, 10) ** 10):.0e}" == "1e+08"  # relu, all units on: J = A at every step
    h, product = 0.0, 1.0  # B is 64 times the same single unit
    for _ in range(10):
        h = 1 / (1 + math.exp(-(1 + 3 * h)))
        product *= 3 * h * (1 - h)
    assert f"{product:.0e}" == "7e-12"
    assert product < 0.75**10


def test_nilpotent_weights_explode_at_a_held_state():
    W = [[Fraction(2), Fraction(-2)], [Fraction(2), Fraction(-2)]]
    assert all(sum(W[i][k] * W[k][j] for k in range(2)) == 0 for i in range(2) for j in range(2))
    assert np.isclose(np.linalg.norm(np.array(W, float), 2), math.sqrt(2**2 * 4))  # rank one: sigma_1 is Frobenius
    # D W = [[2, -2], [.6, -.6]] has rank one and trace 7/5, so (D W)^60 = (7/5)^59 D W
    trace, frobenius_squared = Fraction(2) - Fraction(6, 10), 2 * (Fraction(2) ** 2 + Fraction(6, 10) ** 2)
    assert float(trace) == 1.4
    closed_form = float(trace**59) * math.sqrt(frobenius_squared)
    assert f"{closed_form:.2e}" == "1.24e+09"
    Wh, h = np.array(W, float), np.array([0.0, math.sqrt(0.7)])
    held = Params("RNN", np.zeros((2, 1)), Wh, np.zeros(2), np.arctanh(h) - Wh @ h)
    J = autograd_jacobians(held, np.zeros((60, 1)), h)
    assert np.linalg.norm(functools.reduce(np.matmul, J[::-1]), 2) == pytest.approx(closed_form, rel=1e-4)


def test_gains_on_both_sides_of_the_edge():
    rates = {
        gain: [
            log_norm(jacobians(forward(gaussian_net(gain, seed), noise(100, 8, seed=100 + seed)))) / 100
            for seed in range(5)
        ]
        for gain in (0.4, 0.58, 1.0, 1.5, 2.5)
    }
    medians = [np.median(rate) for rate in rates.values()]
    assert medians == sorted(medians)
    assert max(rates[1.0]) < -0.05 and min(rates[2.5]) > 0.05
    assert all(abs(rate) < 0.08 for rate in rates[1.5])
    assert np.median(rates[0.4]) * 100 / math.log(10) < -35
    for seed in range(5):
        sigma_1 = {gain: np.linalg.norm(gaussian_net(gain, seed).Wh, 2) for gain in (0.4, 0.58, 1.0)}
        assert sigma_1[0.4] < 1 < sigma_1[0.58]
        assert 1.8 < sigma_1[1.0] < 2.2
        assert 0.8 < np.abs(np.linalg.eigvals(gaussian_net(1.0, seed).Wh)).max() < 1.25
    assert f"{1 / math.sqrt(3):.2f}" == "0.58"


def test_slope_of_the_line_is_the_largest_exponent():
    J = jacobians(forward(gaussian_net(1.0, 0), noise(1000, 8, seed=100)))
    slope = (log_norm(J) - log_norm(J[900:])) / 900
    assert f"{slope:.2f}" == f"{lyapunov_exponents(J)[0]:.2f}" == "-0.23"
    assert f"{norms_to_past(J, log=True)[0]:.4f}" == f"{log_norm(J):.4f}"
    eigenvalues = np.abs(np.linalg.eigvals(J))  # log|det| without slogdet or QR
    assert lyapunov_exponents(J).sum() == pytest.approx(np.log(eigenvalues).sum(axis=1).mean(), rel=1e-8)
    assert 2.9 < math.log(2) / 0.23 < 3.1  # halves every three steps


@pytest.mark.parametrize("seed", range(5))
def test_exploding_nets_vanish_in_most_directions(seed):
    spectrum = {}
    for gain in (1.0, 1.2, 2.0, 3.2):
        J = jacobians(forward(gaussian_net(gain, seed), noise(200, 8, seed=100 + seed)))
        spectrum[gain] = lyapunov_exponents(J)
        largest = log_norm(J) / 200
        assert abs(largest - spectrum[gain][0]) < 0.05
    assert spectrum[1.0][0] < spectrum[1.2][0] < 0 < spectrum[2.0][0] < spectrum[3.2][0]
    assert (spectrum[3.2] > 0).sum() < 8
    assert spectrum[3.2].mean() < spectrum[1.2].mean()


def test_check_yourself_figures():
    assert f"{math.exp(0.1):.3f}" == "1.105"
    assert 6.5 < math.log(2) / 0.1 < 7.5
    assert 100 * 0.04 * 0.25 == 1.0  # all weights w: sigma_1 = 100 w, and the sigmoid's slope is at most 1/4
    assert np.linalg.norm(np.full((100, 100), 0.04), 2) == pytest.approx(4.0)


@pytest.mark.parametrize("name", EXERCISES)
def test_exercises_know_three_mistakes(name):
    assert len(EXERCISES[name].mistakes) >= 3


def test_a_hundred_thousand_steps_settle_what_ten_leave_open():
    """The lesson's exponents, from explicit QR steps of our own writing instead of streamed pieces."""
    p = init_params("RNN", 8, 8, seed=0, recurrent="gaussian")
    J = jacobians(forward(p, noise(100_000, 8, seed=100)))
    Q, logs = np.eye(8), np.zeros(8)
    found = {}
    for t, step in enumerate(J[:20_000], start=1):
        Q, R = np.linalg.qr(step @ Q)
        logs += np.log(np.abs(np.diag(R)))
        if t in (10, 10_000, 20_000):
            found[t] = np.sort(logs / t)[::-1]
    exact = lyapunov_exponents(J)
    assert exact.sum() == pytest.approx(np.linalg.slogdet(J)[1].mean(), rel=1e-10)
    assert np.abs(found[10] - exact).max() > 0.1
    assert max(np.abs(found[10_000] - exact).max(), np.abs(found[20_000] - exact).max()) < 0.03


def test_radius_and_bound_are_too_high_as_rates_at_every_gain():
    ratio, rates = {}, {}
    for gain in np.linspace(0.4, 3.2, 29):
        p = init_params("RNN", 8, 32, recurrent="gaussian", gain=gain)
        J = jacobians(forward(p, noise(100, 8, seed=100)))
        rates[gain], rho = np.exp(lyapunov_exponents(J)), np.abs(np.linalg.eigvals(p.Wh)).max()
        ratio[gain] = rates[gain][0] / rho
        assert rates[gain][0] < rho < np.linalg.norm(p.Wh, 2)
        assert np.sum(rates[gain] > 1) < 8
    gains = list(ratio)
    assert ratio[gains[0]] == max(ratio.values()) and ratio[gains[0]] > 0.85
    assert np.median(rates[gains[-1]]) < 0.5
    J = jacobians(forward(init_params("RNN", 8, 32, recurrent="gaussian"), noise(100, 8, seed=100)))
    assert np.linalg.norm(J[-1], 2) > 1.0 > ratio[gains[6]]  # gain 1: above ρ's line after one step


@pytest.mark.parametrize("activation", STEEPEST)
def test_the_scale_with_sigma_two_on_sixty_nets(activation, lesson):
    """The lesson's counts at lag 40, from explicit products; and the first rise of its five nets."""

    def log_of(seed):
        net = gaussian_net(1.0, seed, activation, sigma_1=2.0)
        return log_norm(jacobians(forward(net, noise(40, 8, seed=100 + seed))))

    logs = np.array([log_of(seed) for seed in range(100, 160)])
    assert f"{activation}: median {np.exp(np.median(logs)):.0e}, above 1: {np.sum(logs > 0)} of 60" in lesson.printed
    peaks = []
    for seed in range(5):
        J = jacobians(forward(gaussian_net(1.0, seed, activation, sigma_1=2.0), noise(40, 8, seed=100 + seed)))
        logs = np.array([0.0, *(log_norm(J[40 - lag :]) for lag in range(1, 41))])
        assert logs.argmax() <= 3 and logs[-1] < 0
        peaks.append(np.exp(logs.max()))
    if activation == "sigmoid":
        assert max(peaks) == 1
    else:
        assert 1.55 < min(peaks) and max(peaks) < 2.45


def exponent(size, gain, seed):
    """λ₁ after 100 steps, from one vector carried along: a direction drawn at random meets the fastest."""
    J = jacobians(forward(gaussian_net(gain, seed), size * noise(300, 8, seed=100 + seed)))
    v, log = np.random.default_rng(seed).standard_normal(32), 0.0
    for t, step in enumerate(J):
        v = step @ v
        length = np.linalg.norm(v)
        v, log = v / length, log + (math.log(length) if t >= 100 else 0.0)
    return log / (len(J) - 100)


def crossing(size, seeds):
    """The gain at which the median λ₁ of some seeds changes sign."""
    gains = np.linspace(0.6, 2.6, 11)
    medians = np.array([np.median([exponent(size, gain, seed) for seed in seeds]) for gain in gains])
    first = int(np.argmax(medians > 0))
    return float(np.interp(0.0, medians[first - 1 : first + 1], gains[first - 1 : first + 1]))


def test_inputs_move_the_edge(lesson):
    """Where it prints, and in the same order near the same gains on fifteen nets that it doesn't show."""
    told = {
        size: tuple(
            map(float, re.search(rf"inputs × {size}: .* between gain (\S+) and (\S+)", lesson.printed).groups())
        )
        for size in (1, 2, 4)
    }
    assert told[1] < told[2] < told[4]
    for size, (low, high) in told.items():
        assert low < crossing(size, range(5)) < high
        assert low - 0.1 < crossing(size, range(20, 35)) < high + 0.1


def test_not_every_exploding_net_vanishes_too(lesson):
    """The counterexample by its closed form, and forty further nets at gain 3.2."""
    net = Params("RNN", np.ones((32, 1)), 1.1 * np.eye(32), np.zeros(32), np.zeros(32), activation="relu")
    product = np.linalg.multi_dot(jacobians(forward(net, np.ones((20, 1)))))
    np.testing.assert_allclose(np.linalg.svd(product, compute_uv=False), 1.1**20, rtol=1e-12)
    rates = [
        log_norm(jacobians(forward(gaussian_net(3.2, seed), noise(400, 8, seed=100 + seed)))) / 400
        for seed in range(400, 440)
    ]
    assert np.sum(np.array(rates) < 0) == 1 and "of 40 further seeds, one does not" in lesson.prose


def test_keys_of_the_exercises_a_second_way():
    rng = np.random.default_rng(4)
    for _ in range(5):
        Wh, gamma, lag = EXERCISES["03 bound"].draw(rng)
        v = rng.standard_normal(len(Wh))
        for _ in range(20_000):  # power iteration on WᵀW: the largest stretch, without an SVD
            v = Wh.T @ (Wh @ v)
            v /= np.linalg.norm(v)
        key = (gamma * np.linalg.norm(Wh @ v)) ** lag
        assert EXERCISES["03 bound"].right(Wh, gamma, lag) == pytest.approx(key, rel=1e-6)

    largest = EXERCISES["03 largest w"].right
    for w, below in ((0.999 * largest, True), (1.001 * largest, False)):
        stretched = np.linalg.norm(np.full((100, 100), w) @ np.ones(100)) / np.linalg.norm(np.ones(100))
        assert (0.25 * stretched < 1) == below


def test_radius_and_bound_are_too_high_at_every_size_of_the_inputs():
    """The explorer with sizes: its sentence on the dots, and where ρ comes nearest."""
    gains = np.linspace(0.4, 3.2, 29)[::4]
    rates, ratio = {}, {}
    for gain in gains:
        p = init_params("RNN", 8, 32, recurrent="gaussian", gain=gain)
        rho = np.abs(np.linalg.eigvals(p.Wh)).max()
        for size in (0.0, 0.5, 1.0, 2.0, 4.0):
            J = jacobians(forward(p, size * noise(100, 8, seed=100)))
            rates[size, gain] = np.exp(lyapunov_exponents(J))
            ratio[size, gain] = rates[size, gain][0] / rho
    assert max(ratio.values()) < 1 and max(np.sum(rate > 1) for rate in rates.values()) < 8
    assert max(ratio, key=ratio.get) == (0.0, gains[0])
    for low, high in ((1.0, 2.0), (2.0, 4.0)):
        assert np.mean([np.mean(rates[high, gain] < rates[low, gain]) for gain in gains]) > 0.85


def test_without_inputs_the_exponent_stays_near_zero(lesson):
    """On the lesson's nets between the gains that it prints, and in the median of fifteen others."""
    low, high = map(float, re.search(r"within 0.1 of zero from gain (\d\.\d) to (\d\.\d)", lesson.printed).groups())
    assert (low, high) == (1.0, 2.0)
    for gain in (1.2, 1.6):
        assert abs(np.median([exponent(0, gain, seed) for seed in range(5)])) < 0.1
        assert abs(np.median([exponent(0, gain, seed) for seed in range(20, 35)])) < 0.1


def test_folded_solutions_are_right(lesson):
    answers = lesson.solutions
    for name, answer in (("bound", "bound"), ("rates by QR", "rates_by_qr"), ("largest w", "largest_w")):
        assert verdict(EXERCISES[f"03 {name}"], answers[answer]).startswith("Right")


def test_ten_lines_of_qr_are_the_packages_exponents(lesson):
    rates_by_qr = lesson.solutions["rates_by_qr"]
    for seed, gain in ((0, 1.0), (1, 3.2), (2, 0.4)):
        J = jacobians(forward(gaussian_net(gain, seed), noise(300, 8, seed=100 + seed)))
        np.testing.assert_allclose(rates_by_qr(J), np.sort(lyapunov_exponents(J))[::-1], atol=1e-8)
    p = EXERCISES["03 rates by QR"]
    for seed in range(5):
        (J,) = p.draw(np.random.default_rng(seed))
        assert p.right(J).sum() == pytest.approx(np.linalg.slogdet(J)[1].mean(), rel=1e-10)


def test_two_arrows_turn_into_one_direction(lesson):
    """The printed cosines, from the product itself instead of step by step; and further seeds at the end."""
    J = jacobians(forward(gaussian_net(1.0, 0), noise(1000, 8, seed=100)))
    arrows = np.random.default_rng(0).standard_normal((32, 2))
    for t in (1, 10, 100):
        a, b = (np.linalg.multi_dot([*J[:t][::-1], arrows])).T
        assert f"cosine after {t:4} steps: {abs(a @ b) / math.hypot(*a) / math.hypot(*b):.3f}" in lesson.printed
    assert "cosine after 1000 steps: 1.000" in lesson.printed
    for seed in range(1, 5):
        v = np.random.default_rng(seed).standard_normal((32, 2))
        for step in jacobians(forward(gaussian_net(1.0, seed), noise(1000, 8, seed=100 + seed))):
            v = step @ v
            v = v / np.sqrt((v**2).sum(axis=0))
        assert abs(v[:, 0] @ v[:, 1]) > 0.999


def test_radius_and_norm_of_two_hundred_draws(lesson):
    weights = [gaussian_net(1.0, seed).Wh for seed in range(200)]
    sigma_1 = np.median([math.sqrt(np.linalg.eigvalsh(W.T @ W)[-1]) for W in weights])
    rho = np.median([np.abs(np.linalg.eigvals(W)).max() for W in weights])
    assert rf"$\sigma_1 = {sigma_1:.1f}$ and $\rho = {rho:.2f}$" in lesson.prose
    three_times = gaussian_net(3.0, 7).Wh
    np.testing.assert_allclose(three_times, 3 * gaussian_net(1.0, 7).Wh, rtol=1e-12)


def test_how_many_directions_grow_at_the_largest_gain(lesson):
    """By the exponents' own definition: sums of the first i are growth rates of volumes, here by QR of our own."""
    counts = []
    for seed in range(5):
        Q, logs = np.eye(32), np.zeros(32)
        for step in jacobians(forward(gaussian_net(3.2, seed), noise(200, 8, seed=100 + seed))):
            Q, R = np.linalg.qr(step @ Q)
            logs += np.log(np.abs(np.diag(R)))
        counts.append(int(np.sum(logs > 0)))
    assert f"gain 3.2: {min(counts)} to {max(counts)} of 32 directions grow" in lesson.printed


def test_the_smallest_gain_that_does_not_vanish():
    def left(gain):
        return np.median(
            [log_norm(jacobians(forward(gaussian_net(gain, s), noise(100, 8, seed=100 + s)))) for s in range(5)]
        )

    assert left(1.0) < math.log(1e-3) < 0 < left(1.5) < left(2.5)


def test_how_near_radius_and_bound_come_at_best(lesson):
    """The two printed ratios, from the growth of one arrow instead of QR at the places where they are smallest."""
    told = {name: float(re.search(rf"{name}: (\S+) times the measured", lesson.printed)[1]) for name in ("γσ_1", "ρ")}
    net, found = gaussian_net(0.4, 0), {"γσ_1": [], "ρ": []}
    for size in (0.0, 0.5, 1.0, 2.0, 4.0):
        rate = math.exp(log_norm(jacobians(forward(net, size * noise(100, 8, seed=100)))) / 100)
        found["γσ_1"].append(math.sqrt(np.linalg.eigvalsh(net.Wh.T @ net.Wh)[-1]) / rate)
        found["ρ"].append(np.abs(np.linalg.eigvals(net.Wh)).max() / rate)
    for name, ratios in found.items():
        assert min(ratios) == ratios[0] == pytest.approx(told[name], abs=0.03)
