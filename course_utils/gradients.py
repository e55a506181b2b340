"""How a change travels through a trace: its backward pass, its Jacobians, and how large their products are.

J[t-1] = ∂h_t/∂h_{t-1}, rows the new state, columns the old one. For the LSTM the state is (h, c), so J is 2H x 2H.
"""

from dataclasses import dataclass

import numpy as np

from course_utils import _validate

SLOPE = {  # φ' written in the output h = φ(a), which is all that a trace keeps
    "tanh": lambda h: 1 - h**2,
    "sigmoid": lambda h: h * (1 - h),
    "relu": lambda h: (h > 0).astype(h.dtype),
}


@dataclass(frozen=True)
class Grads:
    """Gradients of a scalar loss L, each in the shape of what it belongs to.

    Wx, Wh, bx, bh; x (T, D); h0 (H,); h (T+1, H), the total ∂L/∂h_t through all later steps, h[0] being h0;
    c0 (H,), LSTM only, None otherwise.
    """

    Wx: np.ndarray
    Wh: np.ndarray
    bx: np.ndarray
    bh: np.ndarray
    x: np.ndarray
    h0: np.ndarray
    h: np.ndarray
    c0: np.ndarray | None = None


def _check_trace(trace):
    if not all(hasattr(trace, name) for name in ("params", "x", "h", "gates")):
        raise ValueError(f"trace: got {type(trace).__name__}, wants the Trace that forward() returns")
    if not np.all(np.isfinite(trace.h)):
        raise ValueError("trace: got NaN or inf in trace.h, wants finite states")
    return trace


def _check_jacobians(J):
    J = _validate.array("J", J, ("T", "H", "H"))
    if J.shape[1] != J.shape[2]:
        raise ValueError(f"J: got shape {J.shape}, wants (T, H, H) with square steps")
    return J


def jacobians(trace):
    """J[t-1] = ∂h_t/∂h_{t-1} for every step of a trace.

    Returns (T, H, H); for the LSTM (T, 2H, 2H) over the stacked state (h, c).
    """
    paths = jacobian_paths(trace)
    return sum(paths.values())


def jacobian_paths(trace):
    """The Jacobians taken apart by the way a change takes from h_{t-1} to h_t. The parts sum to `jacobians(trace)`.

    RNN:  recurrent.
    GRU:  direct     diag(z), past everything
          update     through z:             diag((h_prev - h_tilde) z(1-z)) Wh_z
          candidate  through h_tilde, r held: diag((1-z)(1-h_tilde²)) Wh_n diag(r)
          reset      through r:             diag((1-z)(1-h_tilde²)) Wh_n diag(h_prev r(1-r)) Wh_r
          (reset="after": r stands left of Wh_n, and Wh_n h_prev + bh_n takes the place of h_prev in the last line.)
    LSTM: direct (c_prev through f into c, and on into h), forget, input, candidate, output: through f, i, g, o.

    Returns {name: (T, H, H)}, or (T, 2H, 2H) for the LSTM.
    """
    _check_trace(trace)
    return PATHS[trace.params.kind](trace)


def _left(d, W):
    """diag(d[t]) W for every t: (T, H), (H, H) -> (T, H, H)."""
    return d[:, :, None] * W


def _rnn_paths(trace):
    p = trace.params
    return {"recurrent": _left(SLOPE[p.activation](trace.h[1:]), p.Wh)}


def _gru_paths(trace):
    p, h_prev = trace.params, trace.h[:-1]
    r, z, h_tilde = (trace.gates[name] for name in ("r", "z", "h_tilde"))
    Wr, Wz, Wn = np.split(p.Wh, 3)
    into_n = (1 - z) * (1 - h_tilde**2)  # ∂h/∂(argument of tanh)
    if p.reset == "before":
        candidate = _left(into_n, Wn) * r[:, None, :]
        reset = (_left(into_n, Wn) * (h_prev * r * (1 - r))[:, None, :]) @ Wr
    else:
        bn = np.split(p.bh, 3)[2]
        candidate = _left(into_n * r, Wn)
        reset = _left(into_n * (h_prev @ Wn.T + bn) * r * (1 - r), Wr)
    return {
        "direct": _left(z, np.eye(p.hidden_size, dtype=z.dtype)),
        "update": _left((h_prev - h_tilde) * z * (1 - z), Wz),
        "candidate": candidate,
        "reset": reset,
    }


def _lstm_paths(trace):
    p, c_prev, tanh_c = trace.params, trace.c[:-1], np.tanh(trace.c[1:])
    i, f, g, o = (trace.gates[name] for name in ("i", "f", "g", "o"))
    Wi, Wf, Wg, Wo = np.split(p.Wh, 4)
    into_h = o * (1 - tanh_c**2)  # ∂h/∂c
    H, nothing = p.hidden_size, np.zeros((len(f), p.hidden_size, p.hidden_size), f.dtype)

    def through_c(from_h, from_c=nothing):
        """A change of c (T, H, H) by the old h and the old c, and what it does to h = o tanh(c)."""
        dc = np.concatenate([from_h, from_c], axis=2)
        return np.concatenate([into_h[:, :, None] * dc, dc], axis=1)

    output = np.zeros((len(f), 2 * H, 2 * H), f.dtype)
    output[:, :H, :H] = _left(tanh_c * o * (1 - o), Wo)
    return {
        "direct": through_c(nothing, _left(f, np.eye(H, dtype=f.dtype))),
        "forget": through_c(_left(c_prev * f * (1 - f), Wf)),
        "input": through_c(_left(g * i * (1 - i), Wi)),
        "candidate": through_c(_left(i * (1 - g**2), Wg)),
        "output": output,
    }


PATHS = {"RNN": _rnn_paths, "GRU": _gru_paths, "LSTM": _lstm_paths}


def backward(trace, dh):
    """Backpropagation through time (Werbos 1990): one pass from the last step to the first, O(T H (H + D)).

    dh  (T, H), each step's own ∂L/∂h_t: dh[t-1] is what the loss asks of h_t directly, not through later steps.

    Returns Grads. Every weight's gradient is a sum over all steps at which it was used.
    """
    p = _check_trace(trace).params
    T, H = len(trace.x), p.hidden_size
    dh = _validate.array("dh", dh, (T, H))
    dtype = np.result_type(trace.h, dh)
    d_a, d_ah = [None] * T, [None] * T  # ∂L/∂ what x and bx enter, ∂L/∂ what Wh h_prev + bh enters
    total = np.empty((T + 1, H), dtype)
    later, dc = np.zeros(H, dtype), np.zeros(H, dtype)
    for t in range(T, 0, -1):
        total[t] = dh[t - 1] + later
        d_a[t - 1], d_ah[t - 1], later, dc = BACK[p.kind](trace, t, total[t], dc)
    total[0] = later
    d_a, d_ah = np.array(d_a), np.array(d_ah)
    return Grads(
        Wx=d_a.T @ trace.x,
        Wh=_recurrent_weight_gradient(trace, d_ah),
        bx=d_a.sum(0),
        bh=d_ah.sum(0),
        x=d_a @ p.Wx,
        h0=later,
        h=total,
        c0=dc if p.kind == "LSTM" else None,
    )


def _recurrent_weight_gradient(trace, d_ah):
    """Σ_t d_ah[t] h_prev[t]ᵀ; where r multiplies before the product, the candidate's rows met r * h_prev instead."""
    p, h_prev = trace.params, trace.h[:-1]
    dWh = d_ah.T @ h_prev
    if p.kind == "GRU" and p.reset == "before":
        dWh[2 * p.hidden_size :] = d_ah[:, 2 * p.hidden_size :].T @ (trace.gates["r"] * h_prev)
    return dWh


def _rnn_back(trace, t, dh, dc):
    p = trace.params
    da = dh * SLOPE[p.activation](trace.h[t])
    return da, da, p.Wh.T @ da, dc


def _gru_back(trace, t, dh, dc):
    p, h_prev = trace.params, trace.h[t - 1]
    r, z, h_tilde = (trace.gates[name][t - 1] for name in ("r", "z", "h_tilde"))
    Wr, Wz, Wn = np.split(p.Wh, 3)
    dz = dh * (h_prev - h_tilde) * z * (1 - z)
    dn = dh * (1 - z) * (1 - h_tilde**2)
    if p.reset == "before":
        dn_h, back_n = dn, r * (Wn.T @ dn)
        dr = (Wn.T @ dn) * h_prev * r * (1 - r)
    else:
        dn_h, back_n = dn * r, Wn.T @ (dn * r)
        dr = dn * (Wn @ h_prev + np.split(p.bh, 3)[2]) * r * (1 - r)
    dh_prev = z * dh + Wz.T @ dz + back_n + Wr.T @ dr  # direct, update, candidate, reset
    return np.concatenate([dr, dz, dn]), np.concatenate([dr, dz, dn_h]), dh_prev, dc


def _lstm_back(trace, t, dh, dc):
    p, c_prev, tanh_c = trace.params, trace.c[t - 1], np.tanh(trace.c[t])
    i, f, g, o = (trace.gates[name][t - 1] for name in ("i", "f", "g", "o"))
    dc = dc + dh * o * (1 - tanh_c**2)
    da = np.concatenate(
        [
            dc * g * i * (1 - i),
            dc * c_prev * f * (1 - f),
            dc * i * (1 - g**2),
            dh * tanh_c * o * (1 - o),
        ]
    )
    return da, da, p.Wh.T @ da, dc * f


BACK = {"RNN": _rnn_back, "GRU": _gru_back, "LSTM": _lstm_back}


def norms_to_past(J, ord=2, log=False):
    """‖∂h_T/∂h_k‖ for k = 0..T: how much the last state still feels each earlier one.

    J    (T, H, H), from `jacobians`.
    ord  any matrix norm of numpy.linalg.norm: 2 (largest singular value), "fro", 1, inf, ...
    log  True: natural logarithms, which neither under- nor overflow at any T.

    Returns (T+1,); the last entry is the norm of the identity. A product that is exactly zero has norm 0, log -inf.
    The running product is kept near 1 and its scale carried as a power of two, so nothing is rounded by that.
    """
    J = _check_jacobians(J)
    try:
        norm_of_identity = np.linalg.norm(np.eye(J.shape[1]), ord)
    except (ValueError, TypeError):
        raise ValueError(f"ord: got {ord!r}, wants a matrix norm of numpy.linalg.norm: 2, 'fro', 1, inf, ...") from None
    T = len(J)
    mantissa, exponent = np.full(T + 1, norm_of_identity), np.zeros(T + 1, np.int32)
    product = np.eye(J.shape[1])
    for k in range(T - 1, -1, -1):
        product, shift = _rescale(product @ J[k].astype(np.float64))
        mantissa[k], exponent[k] = np.linalg.norm(product, ord), exponent[k + 1] + shift
    return _from_scale(mantissa, exponent, log, J.dtype)


def all_pairs_norms(J, log=False):
    """‖∂h_t/∂h_k‖ in the Frobenius norm for every pair k ≤ t, by one product a pair: O(T² H³) time, O(T H²) memory.

    J    (T, H, H), from `jacobians`.
    log  True: natural logarithms, which neither under- nor overflow at any T.

    Returns (T+1, T+1), entry [t, k]; the diagonal is the norm of the identity, √H; NaN above it, where k > t.
    """
    J = _check_jacobians(J)
    T, H = len(J), J.shape[1]
    mantissa, exponent = np.full((T + 1, T + 1), np.nan), np.zeros((T + 1, T + 1), np.int32)
    np.fill_diagonal(mantissa, np.sqrt(H))
    products = np.empty((T, H, H))  # products[k] = ∂h_t/∂h_k, up to its power of two
    for t in range(1, T + 1):
        products[t - 1] = np.eye(H)
        products[:t], shift = _rescale(J[t - 1].astype(np.float64) @ products[:t])
        mantissa[t, :t] = np.linalg.norm(products[:t], axis=(1, 2))
        exponent[t, :t] = exponent[t - 1, :t] + shift
    return _from_scale(mantissa, exponent, log, J.dtype)


def _rescale(M):
    """M (..., H, H) with its largest entry brought to [1/2, 1) by a power of two, and that power's exponent (...)."""
    shift = np.frexp(np.abs(M).max(axis=(-2, -1)))[1]
    return np.ldexp(M, -shift[..., None, None]), shift


def _from_scale(mantissa, exponent, log, dtype):
    """mantissa * 2^exponent, or its natural logarithm."""
    with np.errstate(divide="ignore", over="ignore", under="ignore"):
        if log:
            return (np.log(mantissa) + exponent * np.log(2)).astype(dtype)
        return np.ldexp(mantissa, exponent).astype(dtype)


def lyapunov_exponents(J, interval=1):
    """Mean growth rates of the H directions of state space, by QR (Benettin et al. 1980).

    J         (T, H, H), from `jacobians`.
    interval  steps between two QR factorisations; larger is faster and loses the strongly shrinking directions.

    Returns (H,) exponents in nats per step, largest first; they sum to the mean of log|det J|. -inf where a
    direction dies.
    """
    J = _check_jacobians(J)
    interval = _validate.integer("interval", interval, 1)
    T, H = len(J), J.shape[1]
    Q, logs = np.eye(H), np.zeros(H)
    for t, step in enumerate(J.astype(np.float64), start=1):
        Q = step @ Q
        if t % interval == 0 or t == T:
            Q, R = np.linalg.qr(Q)
            with np.errstate(divide="ignore"):
                logs += np.log(np.abs(np.diag(R)))
    return np.sort(logs / T)[::-1].astype(J.dtype)
