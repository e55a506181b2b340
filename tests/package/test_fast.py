"""The fast ways against the plain ones, which stand here: one product a pair, one QR a step, autograd."""

import gc
import tracemalloc

import numpy as np
import pytest

from course_utils import norms
from course_utils.cells import forward, init_params
from course_utils.gradients import backward, jacobian_paths, jacobian_pieces, jacobians
from course_utils.norms import all_pairs_norms, lyapunov_exponents, norms_to_past
from course_utils.torch_bridge import autograd_backward, autograd_jacobians

CELLS = [
    ("RNN", {"activation": "tanh"}),
    ("RNN", {"activation": "sigmoid"}),
    ("RNN", {"activation": "relu"}),
    ("GRU", {"reset": "before"}),
    ("GRU", {"reset": "after"}),
    ("LSTM", {}),
]


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


# --- streams


@pytest.mark.parametrize("kind, options", CELLS)
@pytest.mark.parametrize("backwards", [False, True])
def test_pieces_make_up_the_jacobians(monkeypatch, kind, options, backwards):
    monkeypatch.setattr("course_utils.gradients.PIECE", 7 * 36)  # 7 steps a piece
    trace = forward(init_params(kind, 4, 6, **options), np.random.default_rng(0).standard_normal((40, 4)))
    pieces = list(jacobian_pieces(trace, backwards))
    assert len(pieces) == 6
    assert np.array_equal(np.concatenate(pieces[::-1] if backwards else pieces), jacobians(trace))


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


# --- Jacobians and profile


@pytest.mark.parametrize("kind, options", CELLS)
def test_jacobians_are_autograds_and_the_sum_of_their_paths(kind, options):
    rng = np.random.default_rng(4)
    p, x, h0 = init_params(kind, 3, 7, **options), rng.standard_normal((20, 3)), rng.standard_normal(7)
    trace = forward(p, x, h0)
    J = jacobians(trace)
    assert np.max(np.abs(J - autograd_jacobians(p, x, h0))) < 1e-14
    assert np.max(np.abs(J - sum(jacobian_paths(trace).values()))) < 1e-14


@pytest.mark.parametrize("kind, options", CELLS)
def test_backward_is_autograds(kind, options):
    rng = np.random.default_rng(4)
    p, x, h0 = init_params(kind, 3, 7, **options), rng.standard_normal((20, 3)), rng.standard_normal(7)
    c0 = rng.standard_normal(7) if kind == "LSTM" else None
    dh = rng.standard_normal((20, 7))
    ours, theirs = backward(forward(p, x, h0, c0), dh), autograd_backward(p, x, dh, h0, c0)
    for name in ("Wx", "Wh", "bx", "bh", "x", "h0", "h", *(["c0"] if kind == "LSTM" else [])):
        want = getattr(theirs, name)
        assert np.max(np.abs(getattr(ours, name) - want)) < 1e-13 * max(1, np.max(np.abs(want))), name


def test_the_trace_keeps_its_own_inputs():
    x = np.ones((5, 2))
    trace = forward(init_params("GRU", 2, 3), x)
    x[:] = 7
    assert np.array_equal(trace.x, np.ones((5, 2)))


def test_saturated_gates_keep_their_leading_digits():
    """σ(-40) is 4e-18, not 0: a gate's smallness is what a gradient through it is made of."""
    p = init_params("GRU", 1, 2, gate_bias=-40.0)
    z = forward(p, np.zeros((1, 1))).gates["z"]
    assert np.allclose(z, np.exp(-40.0), rtol=1e-14)
    flat = init_params("GRU", 1, 2, gate_bias=-1e4)
    assert np.array_equal(forward(flat, np.zeros((3, 1))).gates["z"], np.zeros((3, 2)))
