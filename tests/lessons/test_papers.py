"""What the lessons set beside papers: formulas by another way, training outcomes on fifteen seeds that no lesson shows.

Counts that hang on single nets may move by a few with threads and BLAS; the bands leave room for that, not for more.
"""

import numpy as np
import pytest

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
    """"up to (1 + a)/(1 - a) times as much", reached as the memory gets long."""
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
