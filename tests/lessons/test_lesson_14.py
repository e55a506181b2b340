"""Every figure that lesson 14 states, by another way than the lesson's, and its training claims on further seeds."""

import functools
import inspect
import math
import re

import numpy as np
import pytest
import torch

from course_utils import tasks
from course_utils.cells import forward, init_params
from course_utils.checks import exercises
from course_utils.checks.exercise import verdict
from course_utils.scenes import lesson_14 as scenes
from course_utils.torch_bridge import autograd_jacobians, to_module
from course_utils.training import train, wilson
from tests import oracles
from tests.notebook import ROOT, code_cells, defines, folded_solutions, read

SHOWN, FURTHER = range(20), range(100, 115)


# ---------------------------------------------------------------------------------------------------------------------
# 1, states at rest


def test_three_units_at_rest_and_moving(lesson):
    """Each derivative as the product of its steps' slopes, in real numbers."""
    inputs = tasks.noise(50, 1)[:, 0]
    a = b = c = 0.5
    left = np.ones(3)
    for x in inputs:
        before = np.array([a, b, c])
        a, b, c = 1 / (1 + math.exp(-(0.5 * a + 1))), 0.9999 * b + 0.0001 * math.tanh(x), math.tanh(0.1 * c + x)
        left *= [0.5 * a * (1 - a), 0.9999, 0.1 * (1 - c**2)]
    moved = np.abs(np.array([a, b, c]) - before)
    for name, derivative, move in zip("ABC", left, moved, strict=True):
        assert f"{name}: moved by {move:.3f} at step 50\n" in lesson.printed
        assert f"{name}: dh_50/dh_0 = {derivative:.1e}\n" in lesson.printed
    assert max(moved[:2]) < 1e-3 < moved[2] and left[1] > 0.99 and max(left[0], left[2]) < 1e-50


# ---------------------------------------------------------------------------------------------------------------------
# 2, weights below 1


def five_times(seed):
    p = init_params("RNN", 8, 64, seed=seed)
    return p.changed(Wh=5 * p.Wh), tasks.noise(50, 8, seed=100 + seed)


@pytest.mark.parametrize("seed", range(5))
def test_small_weights_explode_by_autograd(seed, lesson):
    p, x = five_times(seed)
    assert 0.6 < np.abs(p.Wh).max() < 0.63 and "between −0.63 and 0.63" in lesson.prose
    assert 5 < math.sqrt(np.linalg.eigvalsh(p.Wh.T @ p.Wh)[-1]) < 6
    product = functools.reduce(np.matmul, autograd_jacobians(p, x)[::-1])
    assert np.linalg.norm(product, 2) > 1e5
    assert "above 1,000 in all five nets: True" in lesson.printed


def test_small_weights_explode_on_further_nets():
    for seed in FURTHER:
        p, x = five_times(seed)
        left = functools.reduce(np.matmul, oracles.jacobians(p, x).numpy()[::-1])
        assert np.linalg.norm(left, 2) > 1000


# ---------------------------------------------------------------------------------------------------------------------
# 3, eigenvalues below 1


def shear_norm(rho, beside, n):
    """Largest singular value of [[a, c], [0, a]] with a = ρ^n, c = n ρ^(n-1) beside, in closed form."""
    a, c = rho**n, n * rho ** (n - 1) * beside
    return (c + math.hypot(c, 2 * a)) / 2


def test_the_hump_in_closed_form(lesson):
    norms = lesson.functions["powers"](0.9, 5.0)
    exact = [shear_norm(0.9, 5.0, n) for n in range(61)]
    np.testing.assert_allclose(norms, exact, rtol=1e-10)
    assert max(range(61), key=exact.__getitem__) == 9 and f"{exact[9]:.0f}" == "19"
    assert "rises to 19 at step 9" in lesson.prose and "first grows to 19" in lesson.titles
    below = next(n for n in range(1, 61) if exact[n] < 1)
    assert below == 55 and "near step 55" in lesson.titles
    assert 0.5 < exact[60] < 0.7  # and then "nearly as steeply as the claimed line"
    assert 0.9 < exact[60] / exact[59] < 0.92


def test_the_explorer_of_powers(lesson):
    """Its sentence, where it starts and without anything beside the eigenvalues."""
    shown = scenes.growth(lesson.functions["powers"])
    assert shown()[-1] == "Both eigenvalues are 0.90, and the gradient first grows to 19.4, at lag 9."
    assert shown(rho=0.9, beside=0.0)[-1].endswith("shrinks from the first step on.")
    for rho in (0.5, 0.98):
        for beside in (0.0, 0.5, 10.0):
            grows = max(shear_norm(rho, beside, n) for n in range(1, 61)) > 1
            assert ("first grows" in shown(rho, beside)[-1]) == grows


def test_two_matrices_in_turn(lesson):
    """det and trace of (transpose of M) M for M with rows (.5, 3) and (0, .5): no eigenvalue solver."""
    trace, det = 0.5**2 + 3**2 + 0.5**2, 0.5**4
    radius = (trace + math.sqrt(trace**2 - 4 * det)) / 2
    assert f"{radius:.1f}" == "9.5" and "each pair of steps has the radius 9.5" in lesson.prose


# ---------------------------------------------------------------------------------------------------------------------
# 4, clipped to length 1


def parts_by_autograd(seed=0):
    """What each step adds to the gradient of W_h: every step has a copy of the weight of its own. (50, 32, 32)."""
    p, x = init_params("RNN", 8, 32, seed=seed), torch.from_numpy(tasks.noise(50, 8, seed=seed))
    Wx, _, bx, bh = oracles.tensors(p)
    copies = [torch.tensor(p.Wh, requires_grad=True) for _ in range(50)]
    h = torch.zeros(32, dtype=torch.float64)
    for x_t, W in zip(x, copies, strict=True):
        h = oracles.step(p, x_t, h, weights=[Wx, W, bx, bh]).h
    return torch.stack(torch.autograd.grad(0.02 * h.sum(), copies)).numpy()


def test_one_factor_leaves_the_early_share_as_it_was(lesson):
    parts = parts_by_autograd()
    whole = math.sqrt((parts.sum(axis=0) ** 2).sum())
    assert f"norm: {whole:.2f}, “clipped”: 1.00" in lesson.printed
    assert "share of steps 1 to 25 below a millionth: True" in lesson.printed
    sizes = np.sqrt((parts**2).sum(axis=(1, 2)))
    assert sizes[0] == 0 and 1e-16 < sizes[1] < 1e-14 and sizes.argmax() == 49  # h_0 = 0, so step 1 adds nothing
    for seed in (0, *FURTHER):
        parts = parts_by_autograd(seed)
        early = np.linalg.norm(parts[:25].sum(axis=0)) / np.linalg.norm(parts.sum(axis=0))
        assert early < (1e-6 if seed == 0 else 1e-3)  # the lesson states it of its own net
        for limit in (1e-3, 1e3):
            clipped = lesson.solutions["clipped_parts"](parts.reshape(50, -1), limit)
            size = np.linalg.norm(clipped.sum(axis=0))
            assert np.linalg.norm(clipped[:25].sum(axis=0)) / size == pytest.approx(early)


# ---------------------------------------------------------------------------------------------------------------------
# 5, three gates


def test_the_third_block_has_either_sign(lesson):
    gates = oracles.gates(init_params("GRU", 8, 32), tasks.noise(200, 8))
    r, z, third = (gates[name].numpy() for name in ("r", "z", "h_tilde"))
    assert min(r.min(), z.min()) > 0 and max(r.max(), z.max()) < 1
    assert f"r: 0.0 below 0, z: 0.0 below 0, h_tilde: {np.mean(third < 0):.1f} below 0" in lesson.printed
    assert 0.45 < np.mean(third < 0) < 0.55


def test_an_lstm_with_coupled_gates_holds_the_grus_state(lesson):
    trace = forward(init_params("GRU", 8, 32), tasks.noise(200, 8))
    f, i = lesson.solutions["as_lstm"](trace.gates["z"])
    c = np.zeros(32)
    for t, g in enumerate(trace.gates["h_tilde"]):
        c = f[t] * c + i[t] * g
        np.testing.assert_allclose(c, trace.h[t + 1], atol=1e-14)


def test_as_many_blocks_as_the_lesson_says():
    """Two gates and a candidate make three blocks in torch, three gates and a candidate make four."""
    assert len(torch.nn.GRU(8, 32).weight_hh_l0) == 3 * 32 and len(torch.nn.LSTM(8, 32).weight_hh_l0) == 4 * 32


# ---------------------------------------------------------------------------------------------------------------------
# 6, a profile from torch


def layers():
    """The lesson's two layers."""
    torch.manual_seed(0)
    fresh, keeping = (torch.nn.GRU(8, 32).double() for _ in range(2))
    keeping.bias_hh_l0.data[32:64] = 9.0
    return fresh, keeping


def total_by_steps(gru, x):
    h, states = torch.zeros(1, 32).double(), []
    for x_t in torch.from_numpy(x):
        _, h = gru(x_t[None], h)
        h.retain_grad()
        states.append(h)
    h.sum().backward()
    return np.array([h.grad.norm().item() for h in states])


def test_retain_grad_shows_one_entry_of_any_net(lesson):
    x = tasks.noise(30, 8)
    claimed = lesson.functions["claimed_profile"]
    for gru in layers():
        direct = claimed(gru, x)
        assert np.flatnonzero(direct).tolist() == [29] and direct[29] == pytest.approx(math.sqrt(32))
    assert "not zero, fresh: 1 of 30" in lesson.printed and "Measured: 1." in lesson.displayed


def test_total_gradients_by_stepping_through_torch(lesson):
    x = tasks.noise(30, 8)
    names = lesson.names()
    names["x"], total = x, names["total"]
    for gru, decades in zip(layers(), (6, 0), strict=True):
        by_torch = total_by_steps(gru, x)
        np.testing.assert_allclose(total(gru), by_torch, rtol=1e-8)
        assert round(math.log10(by_torch[-1] / by_torch[0])) == decades
    assert "about six powers of ten" in lesson.titles
    with torch.no_grad():
        z = forward(lesson.functions["to_params"](layers()[1]), x).gates["z"]
    assert 0.9997 < z.mean() < 0.99995


def test_the_missing_line_gives_the_total_gradient(lesson):
    """Applied from the last step back, with autograd's Jacobians."""
    total_gradient, x = lesson.solutions["total_gradient"], tasks.noise(30, 8)
    p = init_params("GRU", 8, 32).changed(reset="after")
    J, total = autograd_jacobians(p, x), np.ones(32)
    norms = [np.linalg.norm(total)]
    for J_next in J[:0:-1]:
        total = total_gradient(np.zeros(32), J_next, total)
        norms.append(np.linalg.norm(total))
    np.testing.assert_allclose(norms[::-1], total_by_steps(to_module(p), x), rtol=1e-8)


# ---------------------------------------------------------------------------------------------------------------------
# 7, zero at lag 235


@functools.cache
def lost(seed=0, T=1900):
    """Powers of ten lost by lag, (T + 1,): a vector of arrows carried back, its size taken out at every step."""
    J = lesson_jacobians(seed, T)
    product, logs = np.eye(32), [0.0]
    for step in J[::-1]:
        product = product @ step
        size = math.sqrt(np.linalg.eigvalsh(product @ product.T)[-1])
        product = product / size
        logs.append(logs[-1] - math.log10(size))
    return np.array(logs)


def lesson_jacobians(seed, T):
    from course_utils.gradients import jacobians

    return jacobians(forward(init_params("GRU", 8, 32, seed=seed), tasks.noise(T, 8, seed=100 + seed)))


def test_the_rate_is_the_same_at_every_lag(lesson):
    rates = [lost()[lag] / lag for lag in (50, 200, 800, 1600)]
    assert "powers of ten lost per step: " + " ".join(f"{rate:.2f}" for rate in rates) in lesson.printed
    assert max(abs(rate - 0.2) for rate in rates) < 0.01 and "at lags 50, 200, 800 and 1600" in lesson.prose
    assert 9.5 < lost()[50] < 10.5 and "down to $10^{-10}$" in lesson.prose


def test_where_a_format_comes_to_zero_follows_from_the_rate(lesson):
    zero_from = lesson.solutions["zero_from"]
    rate = lost()[1600] / 1600
    assert 200 < zero_from(rate, "float32") < 270 and 1500 < zero_from(rate, "float64") < 1700
    assert "float32, zero between lag 200 and 270: True" in lesson.printed and "Measured: 1600." in lesson.displayed
    J, lag, product = lesson_jacobians(0, 1900), 0, np.eye(32)
    while product.any():
        lag, product = lag + 1, product @ J[-1 - lag]
    assert 1560 < lag < 1640
    assert f"{2.0**-149:.1e}" == "1.4e-45" and "1.4\\cdot10^{-45}" in lesson.prose
    assert f"{2.0**-1074:.1e}" == "4.9e-324" and "4.9\\cdot10^{-324}" in lesson.prose


# ---------------------------------------------------------------------------------------------------------------------
# 8, one seed, and 9, two reports: the nets are trained again, in float64


@functools.cache
def errors(days_ahead, seeds):
    """{kind: (S, 13)} RMSE in °C after 0, 50, ..., 600 updates."""
    task = tasks.weather_forecast(days_ahead)
    options = {"steps": 600, "every": 50, "learning_rate": 0.003, "seeds": seeds, "dtype": np.float64}
    runs = {kind: train(task, kind, 8, **options) for kind in ("RNN", "GRU")}
    return {kind: task.scale * np.sqrt([run.score for run in of]) for kind, of in runs.items()}


def ahead(days_ahead, updates, seeds=SHOWN):
    """In how many seeds the GRU is ahead."""
    of = errors(days_ahead, seeds)
    return int(np.sum(of["GRU"][:, updates // 50] < of["RNN"][:, updates // 50]))


def test_one_seed_is_a_coin(lesson):
    rnn, gru = (errors(7, SHOWN)[kind][:, 8] for kind in ("RNN", "GRU"))
    assert f"seed 0: RNN {rnn[0]:.1f} °C, GRU {gru[0]:.1f} °C" in lesson.printed and rnn[0] > gru[0] + 0.1
    assert 7 <= ahead(7, 400) <= 13 and "Measured: in 6 to 14." in lesson.displayed
    assert abs(np.median(rnn) - np.median(gru)) < 0.05
    for kind in (rnn, gru):
        assert 0.4 < np.ptp(kind) < 0.6
    assert "about half a degree" in lesson.prose and "less than a twentieth of one" in lesson.prose
    assert 3.55 < min(rnn.min(), gru.min()) and max(rnn.max(), gru.max()) < 4.15


def test_a_coin_by_counting_its_sides(lesson):
    """All 2^20 outcomes of twenty coins, by adding one coin at a time."""
    ways = [1]
    for _ in range(20):
        ways = [a + b for a, b in zip([0, *ways], [*ways, 0], strict=True)]
    share = sum(count for heads, count in enumerate(ways) if max(heads, 20 - heads) >= 15) / sum(ways)
    assert round(100 * share) == 4 and "15 times of 20 or more in 4 of 100 trials" in lesson.prose
    assert lesson.solutions["p_value"](15, 20) == pytest.approx(share)
    assert lesson.solutions["p_value"](5, 20) == pytest.approx(share) and lesson.solutions["p_value"](10, 20) == 1
    one_side = sum(ways[15:]) / sum(ways)
    assert round(100 * one_side) == 2 and "15 of 20 or more in 2 of 100 trials" in lesson.titles
    assert lesson.solutions["p_value"](ahead(7, 400), 20) > 0.1


def test_the_winner_changes_with_the_budget(lesson):
    assert ahead(7, 100) >= 18 and ahead(7, 600) <= 6
    assert ahead(1, 100) <= 7 and ahead(1, 600) >= 17
    assert "after 100 updates True, after 600 False" in lesson.printed
    assert "Measured: the RNN at 100, the GRU at 600." in lesson.displayed
    assert init_params("GRU", 6, 8).Wh.size == 3 * init_params("RNN", 6, 8).Wh.size


def stated_counts(lesson):
    """The table below the case: (count of 15, interval) for 7 days after 100 and 600 updates, then for 1 day."""
    rows = re.findall(r"\| (7 days|1 day) ahead \|" + 2 * r" (\d+) \((\d+ to \d+) %\) \|", lesson.prose)
    assert [row[0] for row in rows] == ["7 days", "1 day"]
    return [(int(count), interval) for _, *cells in rows for count, interval in (cells[:2], cells[2:])]


def test_intervals_of_the_table(lesson):
    for count, interval in stated_counts(lesson):
        assert " to ".join(f"{100 * end:.0f}" for end in wilson(count, 15)) == interval


@pytest.mark.slow
def test_budgets_and_coins_on_further_seeds(lesson):
    """Fifteen nets of each kind that the lesson doesn't show, at its rate: its counts, within one net."""
    counted = [ahead(days, updates, FURTHER) for days in (7, 1) for updates in (100, 600)]
    assert np.abs(np.array(counted) - [count for count, _ in stated_counts(lesson)]).max() <= 1
    assert 4 <= ahead(7, 400, FURTHER) <= 11
    rnn, gru = (errors(7, FURTHER)[kind][:, 8] for kind in ("RNN", "GRU"))
    assert abs(np.median(rnn) - np.median(gru)) < 0.1 and min(np.ptp(rnn), np.ptp(gru)) > 0.3


# ---------------------------------------------------------------------------------------------------------------------
# 10, a smoother input


def off_by(d, feature=None):
    """RMSE of the last two years, from the normal equations instead of least squares by SVD."""
    high = tasks.weather()[1][:, tasks.WEATHER_COLUMNS.index("temp_max")]
    wt = 2 * np.pi * np.arange(len(high)) / 365.25
    x = np.column_stack([np.ones_like(wt), np.sin(wt), np.cos(wt)])[d:]
    x = np.column_stack([x, high[:-d]] + ([] if feature is None else [feature[:-d]]))
    learn, judge = slice(700), slice(731, None)
    fit = np.linalg.solve(x[learn].T @ x[learn], x[learn].T @ high[d:][learn])
    return math.sqrt(np.mean((x[judge] @ fit - high[d:][judge]) ** 2))


def means():
    high = tasks.weather()[1][:, 1]
    padded = np.r_[np.zeros(3), high, np.zeros(3)]
    centred = np.array([padded[t : t + 7].sum() / 7 for t in range(len(high))])
    trailing = np.array([high[max(0, t - 6) : t + 1].mean() for t in range(len(high))])
    return centred, trailing


def test_a_centred_mean_reads_the_answer(lesson):
    centred, trailing = means()
    assert f"3 days ahead: plain {off_by(3):.1f} °C, smoothed as well {off_by(3, centred):.1f} °C" in lesson.printed
    assert f"falls from {off_by(3):.1f} to {off_by(3, centred):.1f} °C" in lesson.prose
    gain = {d: off_by(d, trailing) - off_by(d, centred) for d in range(1, 11)}
    assert max(gain, key=gain.get) == 3 and gain[3] > 0.8 and gain[2] > 0.8 > gain[1] and gain[7] < 0.1
    assert "Measured: 3 days ahead." in lesson.displayed
    honest = [off_by(d) - off_by(d, trailing) for d in range(1, 11)]
    assert max(honest) < 0.11 and "about a tenth of a degree at most" in lesson.prose


def test_no_day_of_the_learning_years_is_judged():
    """The last target that is learned from lies before the first day that is judged, at every horizon."""
    dates = tasks.weather()[0]
    for d in range(1, 11):
        assert dates[d:][699] < dates[d:][731] and dates[d:][699 + 0] < np.datetime64("2014-01-01") <= dates[d:][731]


def test_one_day_moves_seven_features(lesson):
    """The mean's derivative by day 100, from its definition: 1/7 for all days whose window holds it."""
    holds = [t for t in range(97 - 5, 103 + 6) if t - 3 <= 100 <= t + 3]
    assert f"day 100 moves the features of days {holds[0]} to {holds[-1]}" in lesson.printed
    bump = np.zeros(30)
    bump[10] = 1
    assert np.flatnonzero(lesson.solutions["trailing_mean"](bump, 7))[0] == 10  # the repaired one moves no earlier day


# ---------------------------------------------------------------------------------------------------------------------
# The cases, their repairs, and the rest of the text


def test_ten_cases_in_one_order(lesson):
    """Claim, code, guess, measurement, fold, repair, solution: ten times."""
    notebook = read(lesson.path)
    cells = "\n".join(cell.source for cell in notebook.cells)
    assert re.findall(r"^## Case (\d+): ", cells, re.M) == [str(n) for n in range(1, 11)]
    for case in re.split(r"^## (?=Case )", cells.split("## When this fails")[0], flags=re.M)[1:]:
        order = ["“", "**Predict.**", "widgets.predict(", "scenes.", "<b>Read it</b>", "**Repair it.**", "return ..."]
        order += ['check("14 repair ', "A solution, and what to say instead", "**Say instead:**"]
        places = [case.index(mark) for mark in order]
        assert places == sorted(places), case[:60]
    assert len(exercises("14")) == sum("check(" in cell.source for cell in code_cells(notebook)) == 10


@pytest.mark.parametrize("name", exercises("14"))
def test_folded_solutions_are_right_and_told_why(name, lesson):
    answers = {
        "settled": "share_left",
        "weights": "largest_scale",
        "radius": "long_run_factor",
        "clipping": "clipped_parts",
        "gates": "as_lstm",
        "profile": "total_gradient",
        "zero": "zero_from",
        "seeds": "p_value",
        "budgets": "share_ahead",
        "leak": "trailing_mean",
    }
    answer = answers[name.removeprefix("14 repair ")]
    exercise = exercises("14")[name]
    said = verdict(exercise, lesson.solutions[answer])
    assert said.startswith("Right") and said.endswith(exercise.because) and len(exercise.because.split()) > 6
    assert any(defines(block, answer) for block in folded_solutions(read(lesson.path)))
    assert list(inspect.signature(lesson.solutions[answer]).parameters) == list(
        inspect.signature(lesson.functions[answer]).parameters
    )


def test_torchs_own_formula_passes():
    """torch divides by the norm plus 1e-6."""

    def clipped(parts, c):
        return parts * min(1, c / (np.linalg.norm(parts.sum(axis=0)) + 1e-6))

    assert verdict(exercises("14")["14 repair clipping"], clipped).startswith("Right")


def test_keys_of_the_exercises_a_second_way():
    rng = np.random.default_rng(5)
    every = exercises("14")
    for _ in range(20):
        run, h0 = every["14 repair settled"].draw(rng)
        slope = (run(h0 + 1e-6) - run(h0 - 1e-6)) / 2e-6
        assert every["14 repair settled"].right(run, h0) == pytest.approx(slope, rel=1e-6)

        Wh, gamma = every["14 repair weights"].draw(rng)
        scale = every["14 repair weights"].right(Wh, gamma)
        assert math.sqrt(np.linalg.eigvalsh(Wh.T @ Wh)[-1]) * gamma * scale == pytest.approx(1)

        (J,) = every["14 repair radius"].draw(rng)
        v, log = rng.standard_normal((J.shape[1], 2)) @ [1, 1j], []
        for _ in range(400):  # a complex arrow, carried through four hundred periods
            for step in J:
                v = step @ v
            size = np.linalg.norm(v)
            v, log = v / size, [*log, math.log(size)]
        # a pair of eigenvalues makes the length swing; its mean over many periods is the rate
        assert every["14 repair radius"].right(J) == pytest.approx(math.exp(np.mean(log[100:]) / len(J)), rel=0.02)

        parts, c = every["14 repair clipping"].draw(rng)
        g = torch.nn.Parameter(torch.zeros(parts.shape[1], dtype=torch.float64))
        g.grad = torch.from_numpy(parts.sum(axis=0))
        torch.nn.utils.clip_grad_norm_([g], c)
        np.testing.assert_allclose(every["14 repair clipping"].right(parts, c).sum(axis=0), g.grad.numpy(), rtol=2e-5)

        wins, n = every["14 repair seeds"].draw(rng)
        sides = np.array([math.comb(n, k) for k in range(n + 1)]) / 2**n
        far = np.abs(np.arange(n + 1) - n / 2) >= abs(wins - n / 2)
        assert every["14 repair seeds"].right(wins, n) == pytest.approx(sides[far].sum())

        rnn, gru = every["14 repair budgets"].draw(rng)
        pairs = [(a[: min(len(a), len(b))][-1], b[: min(len(a), len(b))][-1]) for a, b in zip(rnn, gru, strict=True)]
        assert every["14 repair budgets"].right(rnn, gru) == np.mean([b < a for a, b in pairs])

        x, n = every["14 repair leak"].draw(rng)
        sums = np.cumsum(x)
        mean = [(sums[t] - (sums[t - n] if t >= n else 0)) / min(n, t + 1) for t in range(len(x))]
        np.testing.assert_allclose(every["14 repair leak"].right(x, n), mean, rtol=1e-10)

        decades, dtype = every["14 repair zero"].draw(rng)
        lag = every["14 repair zero"].right(decades, dtype)
        smallest = np.nextafter(np.zeros((), dtype), np.ones((), dtype))
        assert np.log10(float(smallest)) == pytest.approx(-lag * decades)


def test_a_repair_may_compute_in_the_format_itself():
    """Without float(...), NumPy rounds the logarithm and the quotient to float16. The mistakes lie farther off."""
    exercise = exercises("14")["14 repair zero"]

    def repaired(decades, dtype, power="smallest_subnormal"):
        return -np.log10(getattr(np.finfo(dtype), power)) / decades

    assert {type(repaired(*exercise.draw(np.random.default_rng(seed)))) for seed in range(20)} >= {np.float16}
    assert verdict(exercise, repaired, trials=40).startswith("Right")
    assert "There are smaller ones" in verdict(exercise, functools.partial(repaired, power="tiny"), trials=40)
    assert not verdict(exercise, lambda *args: 1.01 * repaired(*args)).startswith("Right")


def test_the_cell_that_the_profile_leads_to_is_there():
    assert "## The same in torch, measured" in (ROOT / "notebooks/08_learning_to_remember.ipynb").read_text("utf-8")


def test_every_case_says_where_it_is_met(lesson):
    """In its last fold, after the measurement: a page that has been read, or that none was found."""
    cases = lesson.prose.split("## Case ")[1:]
    assert len(cases) == 10
    for number, case in enumerate(cases, 1):
        met = re.search(r"\*\*Where it is met:\*\* (.+?) \*\*Say instead:\*\*", " ".join(case.split()))
        assert met, number
        assert ("](https://" in met[1]) != (number == 1), (number, met[1])
        assert (number in (1, 7)) == ("we know of no example" in met[1])
