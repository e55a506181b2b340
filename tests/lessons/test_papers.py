"""What the lessons set beside papers: formulas by another way, training outcomes on fifteen seeds that no lesson shows.

Counts that hang on single nets may move by a few with threads and BLAS; the bands leave room for that, not for more.
"""

import functools
from dataclasses import replace

import numpy as np
import pytest
import torch

from course_utils import tasks
from course_utils.training import train, wilson
from tests import oracles
from tests.lessons.judged import dip, mean_z, reach, share_right, strongest_attractor

FURTHER = range(100, 115)


# ---------------------------------------------------------------------------------------------------------------------
# The price of a long memory with correlated inputs (Zucchet & Orvieto 2024)


def responses(decay, a, scale, T):
    """What surprises ξ of unit size, 0 to T - 1 steps ago, add to h = λ h + scale(λ) x, where x = a x + √(1 - a²) ξ."""
    x = h = 0.0
    out = []
    for t in range(T):
        x = a * x + np.sqrt(1 - a**2) * (t == 0)
        h = decay * h + scale(decay) * x
        out.append(h)
    return np.array(out)


def variances(decay, a, scale=lambda decay: 1.0, T=6000):
    """Of h, and of ∂h/∂λ by a complex step: surprises are independent, so their squared shares add up."""
    shares = responses(decay + 1e-30j, a, scale, T)
    return np.sum(shares.real**2), np.sum((shares.imag / 1e-30) ** 2)


def closed_form(decay, a):
    """Variance of ∂h/∂λ of h = λ h + x, inputs of variance 1 and correlation a between neighbours."""
    above = 1 + decay**2 + a * decay * (1 - 3 * decay**2) - (a * decay) ** 2 * (3 - decay**2)
    above += (a * decay) ** 3 * (1 + decay**2)
    return above / ((1 - a * decay) * (1 - decay**2)) ** 3


@pytest.mark.parametrize("a", [-0.6, 0.0, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("decay", [0.3, 0.5, 0.9, 0.99])
def test_price_with_correlated_inputs(decay, a):
    state, gradient = variances(decay, a)
    assert state == pytest.approx((1 + a * decay) / ((1 - decay**2) * (1 - a * decay)), rel=1e-9)
    assert gradient == pytest.approx(closed_form(decay, a), rel=1e-9)
    lags = np.arange(1, 3000)
    slopes = lags * decay ** (lags - 1.0)
    reach = min(len(lags), 2500)  # correlations a^|n - m| beyond are below 1e-10
    pairs = sum(a**k * (slopes[: len(slopes) - k] @ slopes[k:]) * (2 if k else 1) for k in range(reach))
    assert pairs == pytest.approx(closed_form(decay, a), rel=1e-6)


@pytest.mark.parametrize("decay", [0.5, 0.9, 0.99])
def test_price_at_both_ends(decay):
    """White noise is the lesson's formula; a constant input has h = x/(1 - λ), so a variance of (1 - λ)^-4."""
    assert closed_form(decay, 0.0) == pytest.approx((1 + decay**2) / (1 - decay**2) ** 3, rel=1e-12)
    assert closed_form(decay, 1.0) == pytest.approx((1 - decay) ** -4, rel=1e-6)


@pytest.mark.parametrize("a, factor", [(0.5, 3), (0.9, 19)])
def test_correlations_cost_a_factor(a, factor):
    """ "up to (1 + a)/(1 - a) times as much", reached as the memory gets long."""
    ratios = [closed_form(decay, a) / closed_form(decay, 0.0) for decay in (0.5, 0.9, 0.99, 0.9999)]
    assert np.all(np.diff(ratios) > 0) and max(ratios) < factor == pytest.approx(ratios[-1], rel=0.01)
    assert factor == pytest.approx((1 + a) / (1 - a))


def test_price_by_monte_carlo():
    rng, decay, a, nets = np.random.default_rng(0), 0.9, 0.9, 20000
    x, h, slope = rng.standard_normal(nets), np.zeros(nets), np.zeros(nets)
    for _ in range(300):
        slope = decay * slope + h
        h = decay * h + x
        x = a * x + np.sqrt(1 - a**2) * rng.standard_normal(nets)
    assert np.var(slope) == pytest.approx(closed_form(decay, a), rel=0.05)
    assert np.var(h) == pytest.approx(variances(decay, a)[0], rel=0.05)


def by_bias(decay, a, scale):
    """Variance of the state, and of its derivative by b where λ = σ(b)."""
    state, gradient = variances(decay, a, scale)
    return state, gradient * (decay * (1 - decay)) ** 2


def unit_variance(decay):
    return np.sqrt(1 - decay**2)


def unit_sum(decay):
    return 1 - decay


@pytest.mark.parametrize("decay", [0.5, 0.9, 0.99])
def test_normalised_inputs(decay):
    """√(1 - λ²): variance 1 and a gradient below 1/4 for noise. 1 - λ: both bounded whatever the correlation."""
    state, gradient = by_bias(decay, 0.0, unit_variance)
    assert state == pytest.approx(1, rel=1e-9)
    assert gradient == pytest.approx(decay**2 / (1 + decay) ** 2, rel=1e-9) and gradient < 0.25
    for a in (0.5, 0.9):
        state, gradient = by_bias(decay, a, unit_variance)
        assert 1 < state < (1 + a) / (1 - a) and gradient < 0.25 * (1 + a) / (1 - a)
    for a in (0.0, 0.5, 0.9, 0.99):
        state, gradient = by_bias(decay, a, unit_sum)
        assert state < 1 and gradient < 0.25


def test_figures_of_normalised_inputs():
    """The table: state and gradient by b, for noise and for correlation .9, at λ = .99."""
    stated = {1: ("50.3", "872", "24.6", "464"), 2: ("1", "17.3", "0.247", "4.29")}
    stated[3] = ("0.00503", "0.0872", "0.00249", "0.0394")
    for row, scale in (1, lambda decay: 1.0), (2, unit_variance), (3, unit_sum):
        (white, white_slope), (state, slope) = (by_bias(0.99, a, scale) for a in (0.0, 0.9))
        assert tuple(f"{value:.3g}" for value in (white, state, white_slope, slope)) == stated[row]


# ---------------------------------------------------------------------------------------------------------------------
# A warped task (Tallec & Ollivier 2018)


def leaky(keeps):
    """A GRU's candidate, no reset gate, and an update gate that keeps this share at every step."""
    return {"kind": "GRU", "hidden_size": 24, "held": {"r": 1000, "z": np.log(keeps / (1 - keeps))}}


UNITS = {
    "RNN": {"kind": "RNN", "hidden_size": 24},
    "RNN, 48 units": {"kind": "RNN", "hidden_size": 48},
    "leaky .5": leaky(0.5),
    "leaky .8": leaky(0.8),
    "leaky .9": leaky(0.9),
    "GRU without reset gate": {"kind": "GRU", "hidden_size": 24, "held": {"r": 1000}},
    "GRU": {"kind": "GRU", "hidden_size": 24},
    "GRU, chrono": {"kind": "GRU", "hidden_size": 24, "chrono": 40},
}


def solved(runs):
    return sum(run.solved for run in runs)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, rate, even, uneven",
    [
        ("RNN", 1e-2, (0, 1), (0, 1)),
        ("RNN, 48 units", 1e-2, (0, 1), (0, 3)),
        ("leaky .5", 1e-2, (6, 14), (0, 1)),
        ("leaky .8", 1e-2, (14, 15), (0, 1)),
        ("leaky .9", 1e-2, (14, 15), (0, 1)),
        ("GRU without reset gate", 1e-2, (14, 15), (14, 15)),
        ("GRU", 1e-2, (14, 15), (14, 15)),
        ("GRU, chrono", 1e-2, (14, 15), (13, 15)),
        ("RNN", 3e-2, (0, 1), (0, 3)),
        ("leaky .9", 3e-2, (14, 15), (0, 1)),
        ("GRU", 3e-2, (14, 15), (13, 15)),
        ("GRU without reset gate", 3e-2, (14, 15), (13, 15)),
    ],
)
def test_warped_time_on_further_seeds(name, rate, even, uneven):
    """Even slowness needs a rate, uneven slowness a gate: 200 updates, 95 % of all steps."""
    options = UNITS[name] | {"batch": 24, "steps": 200, "learning_rate": rate, "seeds": FURTHER}
    for is_even, (least, most) in (True, even), (False, uneven):
        runs = train(tasks.previous_symbol(100, 20, even=is_even), stop_when_solved=True, **options)
        assert least <= solved(runs) <= most, "even" if is_even else "uneven"


@pytest.mark.slow
@pytest.mark.parametrize("name, least, most", [("RNN", 13, 15), ("leaky .8", 2, 10)])
def test_uneven_time_given_800_updates(name, least, most):
    """What 200 updates don't teach, 800 may: the claim is about speed, not about what a net can represent."""
    options = UNITS[name] | {"batch": 24, "steps": 800, "learning_rate": 1e-2, "seeds": FURTHER}
    runs = train(tasks.previous_symbol(100, 20), stop_when_solved=True, **options)
    assert least <= solved(runs) <= most
    if name == "RNN":
        assert sum(run.solved_at > 200 for run in runs if run.solved) >= 12


@pytest.mark.slow
@pytest.mark.parametrize("name, steps, median", [("RNN", 800, (500, 800)), ("GRU without reset gate", 200, (100, 150))])
def test_twice_as_slow(name, steps, median):
    """Symbols of 1 to 40 steps: the RNN takes longer than the 375 of 1 to 20, the gated unit takes its 125 again."""
    options = UNITS[name] | {"batch": 24, "steps": steps, "learning_rate": 1e-2, "seeds": FURTHER}
    runs = train(tasks.previous_symbol(200, 40), stop_when_solved=True, **options)
    assert solved(runs) >= 12
    assert median[0] <= np.median([run.solved_at or np.inf for run in runs]) <= median[1]


@pytest.mark.parametrize("name, count", [("RNN", 845), ("RNN, 48 units", 2837), ("leaky .9", 845), ("GRU", 2285)])
def test_weights_that_learn(name, count):
    """Those that one update moves; what `held` keeps still does not count."""
    (run,) = train(tasks.previous_symbol(20, 4), seeds=0, steps=1, batch=8, **UNITS[name])
    fresh, first, fresh_bias = run.history[0]
    moved = [np.sum(getattr(fresh, name) != getattr(run.params, name)) for name in ("Wx", "Wh", "bx", "bh")]
    moved += [np.sum(first != run.readout), np.sum(fresh_bias != run.readout_bias)]
    assert sum(moved) == count


@pytest.mark.slow
def test_the_warped_gate_has_to_vary():
    """Its mean is the same at a change as elsewhere; held at each unit's mean, hardly half of the answers are right."""
    task = tasks.previous_symbol(100, 20)
    x, before = task.test
    changes = np.pad(np.any(x[:, 1:] != x[:, :-1], axis=2), ((0, 0), (1, 0)))
    options = {"batch": 24, "steps": 200, "learning_rate": 1e-2, "seeds": FURTHER}
    for run in train(task, **UNITS["GRU without reset gate"], **options):
        z = oracles.gates(run.params, x.swapaxes(0, 1))["z"].numpy().swapaxes(0, 1)
        mean = z.mean((0, 1))
        held = run.params.changed("z", Wx=0, Wh=0, bx=np.log(mean / (1 - mean)), bh=0)
        shares = []
        for p in (run.params, held):
            h = oracles.states(p, x.swapaxes(0, 1)).numpy()[1:]
            said = (h @ run.readout.T + run.readout_bias).argmax(2).T
            shares.append(np.mean(said == before))
        assert shares[0] >= 0.95 and shares[1] < 0.75
        assert abs(z[changes].mean() - z[~changes].mean()) < 0.03


# ---------------------------------------------------------------------------------------------------------------------
# IRNN at its own length (Le, Jaitly & Hinton 2015)

IRNN = {"kind": "RNN", "activation": "relu", "recurrent": "identity"}


@pytest.mark.slow
def test_irnn_adds_at_150_steps_given_3000_updates():
    options = {"steps": 3000, "every": 100, "learning_rate": 1e-3, "stop_when_solved": True, "seeds": FURTHER}
    runs = train(tasks.adding(150), hidden_size=32, on_divergence="mark", **IRNN, **options)
    solved_at = [run.solved_at or np.inf for run in runs]
    assert sum(at <= 1200 for at in solved_at) <= 2  # "none after 1,200 updates"
    assert 5 <= sum(at <= 2000 for at in solved_at) <= 13
    assert sum(at <= 3000 for at in solved_at) >= 13


@pytest.mark.slow
@pytest.mark.parametrize("rate, steps, least, most", [(1e-3, 800, 0, 0), (1e-3, 2000, 13, 15), (1e-2, 800, 0, 3)])
def test_irnn_at_50_steps_at_other_rates(rate, steps, least, most):
    """Clipped by norm, 3e-3 is the rate at which 800 updates do: a lower one needs more, a higher one fails."""
    options = {"steps": steps, "every": 50, "learning_rate": rate, "seeds": FURTHER, "on_divergence": "mark"}
    runs = train(tasks.adding(50), hidden_size=32, stop_when_solved=True, **IRNN, **options)
    assert least <= solved(runs) <= most


@pytest.mark.slow
def test_gru_adds_at_150_steps():
    options = {"steps": 400, "learning_rate": 3e-2, "stop_when_solved": True, "seeds": FURTHER}
    solved_at = [run.solved_at or np.inf for run in train(tasks.adding(150), "GRU", 32, **options)]
    assert sum(150 <= at <= 250 for at in solved_at) >= 14  # "175 to 225 updates (15 of 15)"


# ---------------------------------------------------------------------------------------------------------------------
# Forget bias (Jozefowicz, Zaremba & Sutskever 2015)


@pytest.mark.parametrize("bias, half_life", [(0, "1.0"), (1, "2.2"), (3, "14.3"), (5, "103.2")])
def test_half_lives(bias, half_life):
    keeps = torch.sigmoid(torch.tensor(float(bias), dtype=torch.float64)).item()
    assert f"{np.log(0.5) / np.log(keeps):.1f}" == half_life


RECALLED = {  # (kind, bias, rate): nets of 15 that recall at lag 10, 30, 100
    ("LSTM", 0, 1e-2): (4, 0, 0),
    ("LSTM", 1, 1e-2): (15, 1, 0),
    ("LSTM", 3, 1e-2): (15, 13, 0),
    ("LSTM", 5, 1e-2): (15, 13, 0),
    ("GRU", 0, 1e-2): (15, 1, 0),
    ("GRU", 1, 1e-2): (15, 15, 0),
    ("GRU", 3, 1e-2): (15, 15, 15),
    ("GRU", 5, 1e-2): (15, 15, 15),
    ("LSTM", 0, 3e-2): (4, 0, 0),
    ("LSTM", 1, 3e-2): (15, 1, 0),
    ("LSTM", 3, 3e-2): (15, 3, 0),
    ("LSTM", 5, 3e-2): (15, 13, 0),
    ("GRU", 0, 3e-2): (15, 15, 7),
    ("GRU", 1, 3e-2): (15, 15, 14),
    ("GRU", 3, 3e-2): (15, 15, 15),
    ("GRU", 5, 3e-2): (15, 15, 15),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind, bias, rate", RECALLED)
def test_recall_by_gate_bias_on_further_seeds(kind, bias, rate):
    options = {"batch": 24, "steps": 400, "learning_rate": rate, "gate_bias": float(bias), "stop_when_solved": True}
    for lag, stated in zip((10, 30, 100), RECALLED[kind, bias, rate], strict=True):
        runs = train(tasks.latch(lag, noise=0.5), kind, 24, seeds=FURTHER, on_divergence="mark", **options)
        assert abs(solved(runs) - stated) <= (1 if stated in (0, 1, 14, 15) else 4), lag


@pytest.mark.slow
def test_a_half_open_input_gate_is_what_fails_at_lag_100():
    """The LSTM that recalls in none of 15 with forget bias +5 recalls in all once its input gate is held at σ(-3)."""
    options = {"batch": 24, "steps": 400, "learning_rate": 1e-2, "gate_bias": 5.0, "stop_when_solved": True}
    runs = train(tasks.latch(100, noise=0.5), "LSTM", 24, seeds=FURTHER, held={"i": -3.0}, **options)
    assert solved(runs) >= 14


# ---------------------------------------------------------------------------------------------------------------------
# Agreement at other rates and budgets

AGREEMENT = {
    "GRU at 3e-2": {"kind": "GRU", "learning_rate": 3e-2, "steps": 200},
    "GRU, 600 updates at 1e-2": {"kind": "GRU", "learning_rate": 1e-2, "steps": 600},
    "GRU, bias 2 at 3e-2": {"kind": "GRU", "learning_rate": 3e-2, "steps": 200, "gate_bias": 2.0},
    "GRU, bias 2, 600 updates at 3e-3": {"kind": "GRU", "learning_rate": 3e-3, "steps": 600, "gate_bias": 2.0},
    "GRU, bias 2, cut after 10 at 3e-2": {
        "kind": "GRU",
        "learning_rate": 3e-2,
        "steps": 200,
        "gate_bias": 2.0,
        "truncate": 10,
    },
    "GRU, bias 2, cut after 2 at 3e-2": {
        "kind": "GRU",
        "learning_rate": 3e-2,
        "steps": 200,
        "gate_bias": 2.0,
        "truncate": 2,
    },
    "RNN, 1,000 updates at 1e-3": {"kind": "RNN", "learning_rate": 1e-3, "steps": 1000},
    "RNN, 1,000 updates at 3e-3": {"kind": "RNN", "learning_rate": 3e-3, "steps": 1000},
}


@functools.cache
def agreers(name):
    return train(tasks.agreement(12), hidden_size=32, seeds=FURTHER, on_divergence="mark", **AGREEMENT[name])


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, solve, ignore",
    [
        ("GRU at 3e-2", (11, 15), (10, 15)),
        ("GRU, 600 updates at 1e-2", (13, 15), (11, 15)),
        ("GRU, bias 2 at 3e-2", (14, 15), (13, 15)),
        ("GRU, bias 2, 600 updates at 3e-3", (14, 15), (4, 12)),
        ("GRU, bias 2, cut after 10 at 3e-2", (11, 15), (8, 15)),
        ("GRU, bias 2, cut after 2 at 3e-2", (0, 0), (0, 1)),
        ("RNN, 1,000 updates at 1e-3", (6, 14), (3, 11)),
        ("RNN, 1,000 updates at 3e-3", (9, 15), (1, 8)),
    ],
)
def test_agreement_at_other_rates(name, solve, ignore):
    """How many solve twelve clauses, and in how many every attractor weighs less than a tenth of the subject."""
    runs = agreers(name)
    assert solve[0] <= solved(runs) <= solve[1]
    assert ignore[0] <= sum(strongest_attractor(run) < 0.1 for run in runs) <= ignore[1]


@pytest.mark.parametrize("count, interval", [(14, [70, 99]), (10, [42, 85]), (13, [62, 96]), (8, [30, 75])])
def test_intervals(count, interval):
    assert [round(100 * end) for end in wilson(count, 15)] == interval


# ---------------------------------------------------------------------------------------------------------------------
# Claims about adding, its gradient and its controls at a second learning rate: 1e-2 instead of 3e-2

SLOWER = {"kind": "GRU", "hidden_size": 32, "steps": 500, "learning_rate": 1e-2, "seeds": FURTHER}


@pytest.mark.slow
def test_the_norm_rises_first_at_a_lower_rate_too():
    task = tasks.adding(50)
    runs = train(task, every=10, probes={"norm": reach}, **SLOWER)
    assert solved(runs) >= 14
    ends_well = []
    for run in runs:
        norm, error = run.probes["norm"], run.score / task.baselines["always 1"]
        first = np.argmax(error < 0.5)
        ends_well.append(norm[first] > 0.05 and not np.any((error < 0.9) & (norm < 1e-3)) and dip(run) > 0.05)
        assert 10 * (first - np.argmax(norm > 0.01)) >= 40  # "fifty updates or more", read off every ten
        assert mean_z(run.params) > mean_z(run.start) + 0.1
    assert sum(ends_well) >= 14
    halved = [run.at(10 * np.argmax(run.score < 0.5 * task.baselines["always 1"])) for run in runs]
    assert np.median([share_right(run) for run in halved]) < 0.5


@pytest.mark.slow
@pytest.mark.parametrize("silent, least, most", [(False, 14, 15), (True, 0, 1)])
def test_controls_at_a_lower_rate(silent, least, most):
    """Shuffled answers open the gate at 1e-2 as well. Without inputs it stays shut; at 3e-2, 4 of 15 opened."""
    task = tasks.adding(50)

    def sample(rng, batch):
        x, y = task.sample(rng, batch)
        y = rng.permutation(y)
        return (np.zeros_like(x) if silent else x), y

    runs = train(replace(task, sample=sample), every=500, **SLOWER)
    assert least <= sum(reach(run.params) > 0.05 for run in runs) <= most
    assert not any(dip(run) > 0.05 for run in runs)


@pytest.mark.slow
def test_how_far_cut_nets_reach_at_a_lower_rate():
    """With K = 5 above .5 in all; where the last 20 steps are empty and K = 10, it depends on the rate."""
    options = SLOWER | {"steps": 800}
    learned, not_learned = (
        [reach(run.params) for run in train(tasks.adding(50, empty=empty), truncate=K, **options)]
        for empty, K in ((0, 5), (20, 10))
    )
    assert min(learned) > 0.5
    assert sum(norm > 0.5 for norm in not_learned) == pytest.approx(11, abs=3) and min(not_learned) > 0.2


# ---------------------------------------------------------------------------------------------------------------------
# Long- and short-term units at other rates


@functools.cache
def twofold(rate, steps):
    """Nets that are asked for the number of the subject and for that of the last noun."""
    six = tasks.agreement(6)

    def sample(rng, batch):
        x, subject = six.sample(rng, batch)
        return x, 2 * subject + (x[:, -1].argmax(1) >= 9)

    pair = replace(six, sample=sample, test=sample(np.random.default_rng(0), 200), output_size=4)
    return train(pair, "GRU", 32, steps=steps, learning_rate=rate, gate_bias=2.0, seeds=FURTHER)


@pytest.mark.slow
@pytest.mark.parametrize("rate, steps", [(3e-2, 200), (3e-3, 600)])
def test_z_tells_long_from_short_at_other_rates(rate, steps):
    words, _ = tasks.agreement_sentences(np.random.default_rng(7), 30, clauses=6)
    runs, by_z, by_r = twofold(rate, steps), [], []
    for run in runs:
        moved = []
        states = oracles.states(run.params, np.eye(13)[words.T])[-1]
        for noun in (1, -1):
            swapped = words.copy()
            swapped[:, noun] = tasks.OTHER_NUMBER[words[:, noun]]
            moved.append((oracles.states(run.params, np.eye(13)[swapped.T])[-1] - states).abs().mean(0))
        long = moved[0] > moved[1]
        gates = oracles.gates(run.params, np.eye(13)[words.T])
        z, r = (gates[name][5::4].mean((0, 1)) for name in ("z", "r"))
        by_z.append(bool(z[long].mean() > 2 * z[~long].mean()))
        by_r.append(bool(r[~long].mean() > 2 * r[long].mean()))
    assert solved(runs) >= 14 and sum(by_z) >= 14 and sum(by_r) <= 1


# ---------------------------------------------------------------------------------------------------------------------
# The remedies at a second learning rate

REMEDIES = {  # at 1e-2 where the lesson's table has 3e-2, and the other way round
    "RNN at 3e-2": ({"kind": "RNN", "learning_rate": 3e-2}, (0, 6), (0, 0)),
    "RNN, orthogonal at 1e-2": ({"kind": "RNN", "recurrent": "orthogonal", "learning_rate": 1e-2}, (1, 9), (0, 0)),
    "RNN, identity and relu at 1e-3": ({**IRNN, "learning_rate": 1e-3}, (13, 15), (0, 1)),
    "GRU at 1e-2": ({"kind": "GRU", "learning_rate": 1e-2}, (0, 1), (14, 15)),
    "GRU, update bias +3 at 1e-2": ({"kind": "GRU", "gate_bias": 3.0, "learning_rate": 1e-2}, (14, 15), (14, 15)),
    "GRU, chrono at 1e-2": ({"kind": "GRU", "chrono": 100, "learning_rate": 1e-2}, (14, 15), (14, 15)),
    "LSTM, forget bias +1 at 1e-2": ({"kind": "LSTM", "gate_bias": 1.0, "learning_rate": 1e-2}, (0, 1), (0, 1)),
    "LSTM, chrono at 1e-2": ({"kind": "LSTM", "chrono": 100, "learning_rate": 1e-2}, (14, 15), (0, 6)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", REMEDIES)
def test_remedies_at_a_second_rate(name):
    options, recall, adding = REMEDIES[name]
    size = 32 if options["kind"] == "RNN" else 24
    options = options | {"batch": size, "steps": 400, "stop_when_solved": True, "on_divergence": "mark"}
    for task, (least, most) in (tasks.latch(100, noise=0.5), recall), (tasks.adding(50), adding):
        assert least <= solved(train(task, hidden_size=size, seeds=FURTHER, **options)) <= most, task.name


@pytest.mark.slow
@pytest.mark.parametrize("rate", [3e-3, 3e-2])
@pytest.mark.parametrize("clip", [None, 1.0])
def test_clipping_does_nothing_for_vanishing_at_other_rates(clip, rate):
    options = {"steps": 300, "learning_rate": rate, "seeds": FURTHER, "on_divergence": "mark"}
    assert solved(train(tasks.adding(50), "RNN", 32, clip=clip, **options)) == 0
