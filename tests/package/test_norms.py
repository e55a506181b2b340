"""Norms and exponents against the plain ways, which stand here: one product a pair, one QR a step, many digits."""

import doctest
import gc
import tracemalloc
import warnings

import mpmath
import numpy as np
import pytest
from mpmath import mp

from course_utils import norms
from course_utils.cells import forward, init_params
from course_utils.gradients import jacobians
from course_utils.norms import all_pairs_norms, lyapunov_exponents, norms_to_past


def plain_all_pairs(J):
    """log‖J[t-1] ... J[k]‖_F by one product a pair, each divided by its norm, whose logarithm is added up."""
    logs = np.full((len(J) + 1, len(J) + 1), np.nan)
    for k in range(len(J) + 1):
        product, scale = np.eye(J.shape[1]), 0.0
        logs[k, k] = np.log(np.linalg.norm(product))
        for t in range(k + 1, len(J) + 1):
            product = J[t - 1].astype(float) @ product
            norm = np.linalg.norm(product)
            with np.errstate(divide="ignore"):
                scale += np.log(norm)
            product = product / (norm or 1.0)
            logs[t, k] = scale
    return logs


def plain_exponents(J):
    """One QR a step."""
    Q, logs = np.eye(J.shape[1]), 0.0
    for step in J:
        Q, R = np.linalg.qr(step @ Q)
        logs = logs + np.log(np.abs(np.diag(R)))
    return np.sort(logs / len(J))[::-1]


def exact_product(steps):
    """The product of the steps in time, an mpmath matrix: call it within mp.workdps."""
    product = mp.eye(steps[0].shape[0])
    for step in steps:
        product = mp.matrix(step.tolist()) * product
    return product


def exact_log_norm(steps, digits=700):
    """log of the Frobenius norm of the steps' product, with many digits."""
    with mp.workdps(digits):
        norm = mp.mnorm(exact_product(steps), "f")
        return float(mp.log(norm)) if norm else -np.inf


def exact_exponents(J, digits=700):
    """Gram-Schmidt on the product of all steps, with many digits: -inf for a column that the earlier ones span."""
    with mp.workdps(digits):
        product, basis, logs = exact_product(J), [], np.full(J.shape[1], -np.inf)
        for i in range(J.shape[1]):
            column = rest = product[:, i]
            for direction in basis * 2:
                rest = rest - direction * (direction.T * rest)[0]
            length = mp.norm(rest)
            if length > mp.norm(column) * mpmath.mpf(10) ** (-digits // 2):
                basis.append(rest / length)
                logs[i] = mp.log(length) / len(J)
        return np.sort(logs)[::-1]


def orthogonal(rng, *shape):
    return np.linalg.qr(rng.standard_normal(shape))[0]


def cell_jacobians(kind, H, T, **options):
    rng = np.random.default_rng(5)
    return jacobians(forward(init_params(kind, 4, H, seed=3, **options), rng.standard_normal((T, 4))))


def random_products(scale, T=90, H=16):
    return np.random.default_rng(0).standard_normal((T, H, H)) * scale


def lopsided(T=60, H=12):
    """Random steps between random bases with singular values from 1 to 1e-3."""
    rng = np.random.default_rng(7)
    return orthogonal(rng, T, H, H) * np.logspace(0, -3, H) @ orthogonal(rng, T, H, H)


def complementary(T=64, H=12, ratio=1e-10):
    """The first half shrinks half of the directions by `ratio`, the second half the others; seen in a turned basis."""
    rng = np.random.default_rng(2)
    keep = np.arange(H) < H // 2
    rate = ratio ** (2 / T)
    steps = [np.where(keep, 1, rate)] * (T // 2) + [np.where(keep, rate, 1)] * (T // 2)
    Q = orthogonal(rng, H, H)
    return np.array([Q * step @ Q.T for step in steps])


def exact_complementary(t, k, T, H, rate):
    """log‖∂h_t/∂h_k‖_F of the above: half of the singular values are rate^(steps in the first half)."""
    first, second = np.clip(np.minimum(t, T // 2) - k, 0, None), np.clip(t - np.maximum(k, T // 2), 0, None)
    return np.logaddexp(2 * first * np.log(rate), 2 * second * np.log(rate)) / 2 + np.log(H / 2) / 2


SEQUENCES = {
    "random": random_products(0.25),
    "exploding": random_products(1e120),
    "underflowing": random_products(1e-120),
    "hardly growing": random_products(1.0, T=33, H=11),
    "orthogonal": orthogonal(np.random.default_rng(1), 100, 16, 16),
    "lopsided": lopsided(),
    "fresh GRU": cell_jacobians("GRU", 20, 100),
    "open GRU": cell_jacobians("GRU", 20, 100, chrono=100, reset="after"),
    "chaotic RNN": cell_jacobians("RNN", 20, 100, recurrent="gaussian", gain=2.5),
    "LSTM, 2H": cell_jacobians("LSTM", 9, 77),
    "relu": cell_jacobians("RNN", 20, 60, activation="relu"),
}


# --- all pairs


@pytest.mark.parametrize("name", SEQUENCES)
def test_all_pairs_are_the_direct_products(name):
    """A difference of logarithms is a relative error. The bound clears all pairs: no column is multiplied out."""
    J = SEQUENCES[name]
    ours, plain = all_pairs_norms(J, log=True), plain_all_pairs(J)
    assert np.array_equal(np.isnan(ours), np.triu(np.ones_like(ours), 1) == 1)
    with np.errstate(invalid="ignore"):  # -inf - -inf, where a product is zero
        wrong = (np.abs(ours - plain) > 1e-11) & (ours != plain)
    rounding = 4e-16 * np.abs(plain)  # of a logarithm of thousands
    assert not np.any(wrong & (np.abs(ours - plain) > rounding + 1e-11))


@pytest.mark.parametrize("T", [*range(1, 36), 63, 64, 65, 71, 129])
def test_all_pairs_at_every_length(T):
    """Where halves and leaves are uneven."""
    J = random_products(0.3, T, H=9)
    assert np.nanmax(np.abs(all_pairs_norms(J, log=True) - plain_all_pairs(J))) < 1e-12


@pytest.mark.parametrize("H", [1, 2, 8, 9, 15, 16, 17, 31, 32, 33, 50])
def test_all_pairs_at_every_width(H):
    """Where the last block of a Gram matrix is narrower than the others."""
    J = random_products(H**-0.5, 40, H)
    assert np.nanmax(np.abs(all_pairs_norms(J, log=True) - plain_all_pairs(J))) < 1e-12


def columns_multiplied_out(monkeypatch, J):
    """all_pairs_norms(J, log=True), and the columns that it did not trust."""
    asked, multiply_out = [], norms._multiply_out
    monkeypatch.setattr(norms, "_multiply_out", lambda J, k, *rest: asked.extend(k) or multiply_out(J, k, *rest))
    return all_pairs_norms(J, log=True), asked


@pytest.mark.parametrize("name", ["random", "orthogonal", "fresh GRU", "open GRU", "LSTM, 2H"])
def test_usual_sequences_never_fall_back(monkeypatch, name):
    assert columns_multiplied_out(monkeypatch, SEQUENCES[name])[1] == []


def test_complementary_directions_fall_back(monkeypatch):
    """The exact norms are known: half the directions shrunk here, the others there, and the turned basis drops out."""
    J, H, T = complementary(), 12, 64
    ours, asked = columns_multiplied_out(monkeypatch, J)
    assert 0 in asked
    t, k = np.tril_indices(T + 1)
    exact = exact_complementary(t, k, T, H, 1e-10 ** (2 / T))
    # The direct products lose eps / 1e-10 themselves: the fast way may not lose more.
    plain = plain_all_pairs(J)[t, k]
    assert np.max(np.abs(ours[t, k] - exact)) <= 2 * np.max(np.abs(plain - exact)) + 1e-12
    assert np.max(np.abs(ours[t, k] - plain)) < 1e-5


def test_without_the_fall_back_complementary_directions_are_silently_wrong(monkeypatch):
    """So the test above can fail."""
    monkeypatch.setattr(norms, "BOUND", np.inf)
    J = complementary()
    assert np.nanmax(np.abs(all_pairs_norms(J, log=True) - plain_all_pairs(J))) > 1e-3


@pytest.mark.parametrize("ratio", 10.0 ** -np.arange(1, 11))
def test_what_the_bound_lets_through_is_good_to_1e_11(monkeypatch, ratio):
    """At every degree of conditioning, pairs in untouched columns agree with the direct products."""
    J = complementary(ratio=ratio)
    ours, asked = columns_multiplied_out(monkeypatch, J)
    trusted = np.setdiff1d(np.arange(len(J)), asked)
    assert np.nanmax(np.abs(ours - plain_all_pairs(J))[:, trusted], initial=0) < 1e-11


def test_axis_aligned_complementary_directions_are_exact():
    J = np.tile(np.diag(np.where(np.arange(12) < 6, 1, 2.0**-20)), (40, 1, 1))
    J[20:] = J[20:, ::-1, ::-1]
    t, k = np.tril_indices(41)
    assert np.max(np.abs(all_pairs_norms(J, log=True)[t, k] - exact_complementary(t, k, 40, 12, 2.0**-20))) < 1e-12


def test_products_of_exactly_zero_are_zero_and_need_no_fall_back(monkeypatch):
    J = random_products(0.3, 60, 12)
    J[25] = 0
    ours, asked = columns_multiplied_out(monkeypatch, J)
    t, k = np.tril_indices(61)
    assert np.array_equal(np.isneginf(ours[t, k]), (k <= 25) & (t > 25))
    assert asked == []


def test_float32_is_computed_in_float64():
    J = random_products(0.25).astype(np.float32)
    ours = all_pairs_norms(J, log=True)
    assert ours.dtype == np.float32
    assert np.array_equal(ours, all_pairs_norms(J.astype(float), log=True).astype(np.float32), equal_nan=True)


def test_all_pairs_64_x_1000_within_four_times_the_memory_of_J():
    J = orthogonal(np.random.default_rng(0), 50, 64, 64)[np.arange(1000) % 50]
    tracemalloc.start()
    gc.disable()
    norms = all_pairs_norms(J, log=True)
    left, peak = tracemalloc.get_traced_memory()
    gc.enable()
    tracemalloc.stop()
    assert peak < 4 * J.nbytes
    assert left < 1.5 * norms.nbytes  # nothing waits for the garbage collector


def test_last_row_and_all_pairs_agree():
    J = SEQUENCES["fresh GRU"]
    assert np.allclose(all_pairs_norms(J)[-1], norms_to_past(J, "fro"), rtol=1e-12, atol=0)


@pytest.mark.parametrize("T, ratio", [(64, 1e-7), (128, 1e-7)])
def test_a_column_once_in_doubt_stays_in_doubt(T, ratio):
    """A learner's map would show a step that isn't there: the first join finds a pair of complementary halves that it
    can't read, a later join over harmless rotations reads its own pairs well, and must not clear the first."""
    rotations = orthogonal(np.random.default_rng(3), T - 32, 12, 12)
    J = np.concatenate([complementary(32, ratio=ratio), rotations])
    assert np.nanmax(np.abs(all_pairs_norms(J, log=True) - plain_all_pairs(J))) < 1e-9


# --- numbers far apart

DRIFT = np.diag([1e4, 1e-4])
FAR_APART = {
    "the large unit wiped out first": [np.diag([0.0, 1]), *[np.diag([1.5, 0.5])] * 1000],
    "the large unit wiped out last": [*[DRIFT] * 60, np.diag([0.0, 1])],
    "mixed, wiped out last": [np.ones((2, 2)), *[DRIFT] * 60, np.diag([0.0, 1])],
    "wiped out first, mixed": [np.diag([0.0, 1]), *[DRIFT] * 60, np.ones((2, 2))],
    "wiped out, mixed, then as usual": [
        np.diag([0.0, 1]),
        *[DRIFT] * 60,
        *[np.array([[0.6, 0.8], [-0.8, 0.6]])] * 40,
    ],
    "within one leaf": [*[np.diag([1, 1e-60])] * 6, *[np.diag([0.0, 1])] * 2],
}


def huge_and_tiny(seed, T):
    """Steps with entries from 1e-300 to 1e300 and zeros."""
    rng = np.random.default_rng(seed)
    return 10.0 ** rng.uniform(-300, 300, (T, 3, 3)) * (rng.random((T, 3, 3)) < 0.6)


@pytest.mark.parametrize("steps", FAR_APART.values(), ids=FAR_APART)
def test_what_is_left_of_a_product_is_known_however_small_it_is(steps):
    """The first: diag(1.5, .5) a thousand times, the large unit wiped out: log .5^1000 = -693 is left, not -inf."""
    J = np.array(steps)
    wanted = exact_log_norm(J)
    assert wanted == pytest.approx(norms_to_past(J, "fro", log=True)[0], rel=1e-12)
    assert wanted == pytest.approx(all_pairs_norms(J, log=True)[-1, 0], rel=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_entries_from_1e_minus_300_to_1e300_in_one_step(seed):
    J = huge_and_tiny(seed, 2 + 3 * seed)
    wanted = [exact_log_norm(J[k:], 40) for k in range(len(J))]
    assert np.allclose(norms_to_past(J, "fro", log=True)[:-1], wanted, rtol=1e-12, atol=0)
    assert np.allclose(all_pairs_norms(J, log=True)[-1, :-1], wanted, rtol=1e-12, atol=0)
    assert np.allclose(norms_to_past(iter([*J[::-1, None]]), "fro", log=True)[:-1], wanted, rtol=1e-12, atol=0)


SPLIT = (1e-38, 1e38)


@pytest.mark.parametrize(
    "steps", [[SPLIT] * 2, [SPLIT, (1.0, 0.0)], [SPLIT] * 3 + [(1.0, 0.0)], [(1.0, 0.0)] + [SPLIT] * 6]
)
def test_a_float32_J_is_multiplied_in_float64(steps):
    """1e-38 beside 1e38 are ordinary float32 numbers. Brought to one size in float32, the small one would vanish, and a
    float32 net would be told that nothing reaches back."""
    J = np.array([np.diag(step) for step in steps], np.float32)
    J = np.concatenate([np.tile(np.eye(2, dtype=np.float32), (20, 1, 1)), J])
    wanted = [exact_log_norm(J[k:].astype(float), 200) for k in range(len(J))]
    for ours in (norms_to_past(J, "fro", log=True)[:-1], all_pairs_norms(J, log=True)[-1, :-1]):
        assert ours.dtype == np.float32
        assert np.allclose(ours, wanted, rtol=1e-6)


def test_float32_norms_are_those_of_float64_to_the_last_digit():
    J = np.concatenate([random_products(0.25, 60), complementary(64, 16), random_products(1e-30, 20)]).astype(
        np.float32
    )
    for norms_of in (lambda J: norms_to_past(J, log=True), lambda J: norms_to_past(J, "fro", log=True)):
        assert np.array_equal(norms_of(J), norms_of(J.astype(float)).astype(np.float32))
    wide = all_pairs_norms(J.astype(float), log=True).astype(np.float32)
    assert np.array_equal(all_pairs_norms(J, log=True), wide, equal_nan=True)
    assert np.array_equal(lyapunov_exponents(J[:60]), lyapunov_exponents(J[:60].astype(float)).astype(np.float32))


# --- one row


@pytest.mark.parametrize("ord", [2, -2, "fro", "nuc", 1, np.inf])
@pytest.mark.parametrize("name", ["random", "LSTM, 2H", "lopsided"])
def test_norms_to_past_in_every_norm(name, ord):
    J = SEQUENCES[name][:12]
    plain = [np.linalg.norm(np.linalg.multi_dot([*J[k:][::-1], np.eye(J.shape[1])]), ord) for k in range(12)]
    rtol = 1e-4 if ord == -2 and name != "random" else 1e-10  # the smallest of singular values 1e-11 apart
    assert np.allclose(norms_to_past(J, ord), [*plain, np.linalg.norm(np.eye(J.shape[1]), ord)], rtol=rtol)


@pytest.mark.parametrize("scale", [1e300, 1e120, 1.0, 1e-120, 1e-300])
def test_norms_to_past_at_both_ends_of_floats(scale):
    J = random_products(1, 40)
    moved = np.arange(40, -1, -1) * np.log(scale)
    assert np.allclose(norms_to_past(J * scale, log=True) - moved, norms_to_past(J, log=True), rtol=0, atol=1e-10)


# --- exponents


@pytest.mark.parametrize("name", [n for n in SEQUENCES if n not in ("relu", "exploding", "underflowing")])
def test_exponents_are_those_of_one_qr_a_step(name):
    J = SEQUENCES[name]
    ours = lyapunov_exponents(J)
    assert np.max(np.abs(ours - plain_exponents(J))) < 1e-9
    assert ours.sum() == pytest.approx(np.linalg.slogdet(J)[1].mean(), rel=1e-12)


def test_a_fixed_interval_too_long_loses_what_the_chosen_one_keeps():
    J = SEQUENCES["chaotic RNN"]
    with pytest.warns(UserWarning, match="shorten the interval"):
        assert np.max(np.abs(lyapunov_exponents(J, interval=10) - plain_exponents(J))) > 0.1
    assert np.max(np.abs(lyapunov_exponents(J) - plain_exponents(J))) < 1e-9


def test_a_fixed_interval_is_right_where_it_may_be():
    J = SEQUENCES["orthogonal"] * 0.9
    assert np.allclose(lyapunov_exponents(J, interval=25), np.log(0.9), rtol=0, atol=1e-13)


def test_overflowing_products_shorten_the_interval_or_say_so():
    J = SEQUENCES["orthogonal"] * 1e100
    assert np.allclose(lyapunov_exponents(J), 100 * np.log(10), rtol=1e-13)
    with pytest.raises(ValueError, match=r"interval: got 50"):
        lyapunov_exponents(J, interval=50)


def test_a_direction_that_dies_has_exponent_minus_infinity():
    J = SEQUENCES["orthogonal"] * np.r_[0.0, np.ones(15)]
    assert np.isneginf(lyapunov_exponents(J)[-1])


def relu_steps(seed):
    p = init_params("RNN", 3, 8, activation="relu", seed=seed)
    return jacobians(forward(p, np.random.default_rng(seed).standard_normal((40, 3))))


def silenced(H, axis, every=20, T=60):
    """Random steps; in one of `every` a unit hears nothing (its row is zero) or is not heard (its column)."""
    J = np.random.default_rng(H).standard_normal((T, H, H))
    np.moveaxis(J, axis, 0)[1, ::every] = 0
    return J


def dense(T=5, H=4):
    return np.random.default_rng(9).standard_normal((T, H, H))


RANK_LOST = {
    **{f"relu net {seed}": relu_steps(seed) for seed in range(3)},
    **{
        f"{name} zero, 1 step of 20, H={H}": silenced(H, axis)
        for H in (3, 8)
        for name, axis in [("row", 1), ("column", 2)]
    },
    "row zero in every step": silenced(8, 1, every=1),
    "the first column zero": np.concatenate([np.diag([0.0, 1, 1, 1])[None], dense()]),
    "nilpotent": np.concatenate([np.diag(np.ones(3), 1)[None], dense()]),
    "two equal rows": np.concatenate([dense(), dense()[:1, [0, 1, 2, 1]], dense()]),
    "everything": np.concatenate([dense(), np.zeros((1, 4, 4)), dense()]),
}


@pytest.mark.parametrize("interval", [None, 1])
@pytest.mark.parametrize("J", RANK_LOST.values(), ids=RANK_LOST)
def test_as_many_exponents_are_minus_infinity_as_the_product_loses_of_its_rank(J, interval):
    """A dead direction must not get a plausible number, and the living ones not be measured against its noise."""
    ours, exact = lyapunov_exponents(J, interval), exact_exponents(J, 400)
    assert np.any(np.isneginf(exact))
    assert np.array_equal(np.isneginf(ours), np.isneginf(exact))
    assert np.allclose(ours, exact, rtol=0, atol=1e-10)


@pytest.mark.parametrize("interval", [None, 1, 3])
def test_where_a_step_is_zero_all_are_dead_at_any_interval(interval):
    assert np.all(np.isneginf(lyapunov_exponents(RANK_LOST["everything"], interval)))


def test_what_is_singular_to_rounding_counts_as_dead():
    """Products of (6, 5) and (5, 6): rank 5, but for the rounding of their entries."""
    rng = np.random.default_rng(0)
    J = rng.standard_normal((20, 6, 5)) @ rng.standard_normal((20, 5, 6))
    ours, exact = lyapunov_exponents(J), exact_exponents(J)
    assert np.isneginf(ours).tolist() == [False] * 5 + [True]
    assert np.allclose(ours[:5], exact[:5], rtol=0, atol=1e-10)


SIZES = np.array([1, 1e-5, 1e-10, 1e-20])
GRADED = {
    "diagonal": np.tile(np.diag(SIZES), (6, 1, 1)),
    "units that hear faintly": SIZES[:, None] * dense(6),
    "the same, the faint first": SIZES[::-1, None] * dense(6),
    "units that are heard faintly": dense(6) * SIZES,
    "both": SIZES[:, None] * dense(6) * SIZES[::-1],
    "saturated tanh": jacobians(
        forward(
            init_params("RNN", 2, 6, recurrent="gaussian", gain=5.0),
            2 * np.random.default_rng(1).standard_normal((9, 2)),
        )
    ),
    "1e304": np.full((3, 1, 1), 1e304),
    "the largest floats": np.full((3, 2, 2), 1.7e308) * [[1, 1], [1, -1]],
    "the smallest floats": np.full((3, 1, 1), 1e-310),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("J", GRADED.values(), ids=GRADED)
def test_strong_shrinking_of_units_is_alive_and_exact(J):
    """What a closed gate or a saturated unit does: 1e-20 of one unit is a number like any other."""
    exact = exact_exponents(J, 400)
    assert np.all(np.isfinite(exact))
    assert np.allclose(lyapunov_exponents(J), exact, rtol=1e-12, atol=1e-10)


def test_entries_of_one_step_too_far_apart_for_exponents_are_warned_of():
    with pytest.warns(UserWarning, match="exponents 0, 1.* off by inf"):
        lyapunov_exponents(10.0 ** np.random.default_rng(0).uniform(-300, 300, (4, 3, 3)))


@pytest.mark.parametrize("interval", [None, 1])
@pytest.mark.parametrize("power", np.arange(4, 21))
def test_exponents_are_good_to_1e_8_or_come_with_a_warning_or_are_dead(power, interval):
    """Steps of condition 10^power in turned bases."""
    rng = np.random.default_rng(power)
    J = orthogonal(rng, 6, 4, 4) * np.logspace(0, -float(power), 4) @ orthogonal(rng, 6, 4, 4)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ours = lyapunov_exponents(J, interval)
    exact, alive = exact_exponents(J), np.isfinite(ours)
    assert all(alive) or power > 14
    unsure = np.zeros(4, bool)
    for warning in caught:
        assert " in step " in str(warning.message)
        unsure[[int(i) for i in str(warning.message).removeprefix("exponents ").split(" (")[0].split(", ")]] = True
    assert np.max(np.abs(ours - exact)[alive & ~unsure]) < 1e-8
    assert unsure.any() or power < 10 or not all(alive)
    assert not unsure.any() or power > 6


def test_the_warning_names_the_step():
    J = orthogonal(np.random.default_rng(0), 300, 4, 4)
    J[270] = J[270] * [1, 1, 1, 1e-13] @ J[0]
    with pytest.warns(UserWarning, match=r"exponents 3 .* in step 270$"):
        lyapunov_exponents(J)
    with pytest.warns(UserWarning, match=r"exponents 3 .* in step 270$"):
        lyapunov_exponents(J[i : i + 100] for i in (0, 100, 200))


# --- streams


def test_streams_equal_arrays():
    J = SEQUENCES["fresh GRU"]
    pieces = [J[i : i + 13] for i in range(0, len(J), 13)]
    for stream in (iter(pieces), pieces, (piece for piece in pieces)):
        assert np.allclose(lyapunov_exponents(stream), lyapunov_exponents(J), rtol=1e-11)
    assert np.array_equal(norms_to_past(iter(pieces[::-1])), norms_to_past(J))
    assert np.array_equal(lyapunov_exponents(J.tolist()), lyapunov_exponents(J))


def test_exponents_of_a_stream_take_no_memory_that_grows_with_T():
    def stream(n):
        rng = np.random.default_rng(0)
        return (rng.standard_normal((50, 10, 10)) for _ in range(n))

    peaks = []
    for n in (4, 40):
        tracemalloc.start()
        lyapunov_exponents(stream(n))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


@pytest.mark.parametrize(
    "J, complaint",
    [
        (np.zeros((3, 2, 4)), r"J: got shape \(3, 2, 4\)"),
        (np.full((3, 2, 2), np.nan), "J: got NaN"),
        (iter([]), "J: got shape"),
        (iter([np.eye(2)[None], np.eye(3)[None]]), "J: got pieces of 2 and 3 rows"),
        (iter([np.eye(2)[None], np.full((1, 2, 2), np.inf)]), "J: got NaN or inf"),
        (None, "J: got dtype"),
    ],
)
def test_bad_jacobians_are_named(J, complaint):
    with pytest.raises(ValueError, match=complaint):
        lyapunov_exponents(J)


@pytest.mark.parametrize("ord", ["frobenius", 3, "x"])
def test_bad_norms_are_named(ord):
    with pytest.raises(ValueError, match="ord: got"):
        norms_to_past(np.ones((3, 2, 2)), ord)


@pytest.mark.parametrize("interval", [0, -1, 1.5, True, "2"])
def test_bad_intervals_are_named(interval):
    with pytest.raises(ValueError, match="interval: got"):
        lyapunov_exponents(np.ones((3, 2, 2)), interval)


def test_the_examples_in_the_docstrings():
    tried = doctest.testmod(norms)
    assert tried.attempted >= 3
    assert tried.failed == 0
