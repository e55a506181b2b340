"""How a change travels through a trace: its backward pass, its Jacobians, and how large their products are.

J[t-1] = ∂h_t/∂h_{t-1}, rows the new state, columns the old one. For the LSTM the state is (h, c), so J is 2H x 2H.
"""

from dataclasses import dataclass, replace

import numpy as np

from course_utils import _validate

PIECE = 2**16  # numbers of J made at a time: half a megabyte, which a core's own cache holds

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


def jacobians(trace):
    """J[t-1] = ∂h_t/∂h_{t-1} for every step of a trace.

    Returns (T, H, H); for the LSTM (T, 2H, 2H) over the stacked state (h, c).
    """
    size = _check_trace(trace).params.hidden_size * (1 if trace.c is None else 2)
    J = np.empty((len(trace.x), size, size), trace.h.dtype)
    for steps, piece in _cut(trace):
        JACOBIANS[trace.params.kind](piece, J[steps])
    return J


def jacobian_pieces(trace, backwards=False):
    """`jacobians(trace)` a few steps at a time, so that J need never be stored.

    backwards  True: begin with the piece that holds the last step, as `norms_to_past` takes them.

    Yields (n, H, H), or (n, 2H, 2H) for the LSTM, each in order of time.
    """
    for _, piece in _cut(_check_trace(trace), backwards):
        yield jacobians(piece)


def _cut(trace, backwards=False):
    """The trace in pieces whose Jacobians fit the cache: (which steps, their trace)."""
    size = max(1, PIECE // trace.params.hidden_size**2)
    starts = range(0, len(trace.x), size)
    for i in reversed(starts) if backwards else starts:
        steps, states = slice(i, i + size), slice(i, i + size + 1)
        gates = {name: values[steps] for name, values in trace.gates.items()}
        c = None if trace.c is None else trace.c[states]
        yield steps, replace(trace, x=trace.x[steps], h=trace.h[states], gates=gates, c=c)


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


def _left_sum(d, W, out):
    """Σ_g diag(d[t, g]) W_g for every t: (T, k, H), (kH, H) -> out (T, H, H).

    Row i of all results is one product, (T, k) of the d[:, :, i] times (k, H) of the W_g[i]: no k terms to store.
    """
    k, H = d.shape[1:]
    per_row = np.ascontiguousarray(d.transpose(2, 0, 1))
    np.matmul(per_row, W.reshape(k, H, H).transpose(1, 0, 2), out=out.transpose(1, 0, 2))


def _diagonal(J):
    """The diagonals (T, H) of J (T, H, H), as a view to write to."""
    return np.einsum("tii->ti", J)


def _rnn_slopes(trace):
    """∂h/∂(argument of φ), (T, H)."""
    return SLOPE[trace.params.activation](trace.h[1:])


def _gru_slopes(trace):
    """What a change of each gate's argument does, (T, H) each.

    update     of h, through z
    candidate  of h, through h_tilde
    reset      of what r multiplies: r * h_prev, or r * (Wh_n h_prev + bh_n)
    """
    p, h_prev = trace.params, trace.h[:-1]
    r, z, h_tilde = (trace.gates[name] for name in ("r", "z", "h_tilde"))
    multiplied = h_prev
    if p.reset == "after":
        H = p.hidden_size
        multiplied = h_prev @ p.Wh[2 * H :].T + p.bh[2 * H :]
    return (h_prev - h_tilde) * z * (1 - z), _candidate_slope(trace), multiplied * r * (1 - r)


def _candidate_slope(trace):
    return (1 - trace.gates["z"]) * (1 - trace.gates["h_tilde"] ** 2)


def _lstm_slopes(trace):
    """What a change of each gate's argument does: of c through i, f and g, of h through o. And ∂h/∂c. (T, H) each."""
    tanh_c = np.tanh(trace.c[1:])
    i, f, g, o = (trace.gates[name] for name in ("i", "f", "g", "o"))
    return g * i * (1 - i), trace.c[:-1] * f * (1 - f), i * (1 - g**2), tanh_c * o * (1 - o), o * (1 - tanh_c**2)


def _rnn_paths(trace):
    return {"recurrent": _left(_rnn_slopes(trace), trace.params.Wh)}


def _gru_paths(trace):
    p, r, z = trace.params, trace.gates["r"], trace.gates["z"]
    Wr, Wz, Wn = np.split(p.Wh, 3)
    update, candidate, reset = _gru_slopes(trace)
    if p.reset == "before":
        through_n, through_r = _left(candidate, Wn) * r[:, None, :], (_left(candidate, Wn) * reset[:, None, :]) @ Wr
    else:
        through_n, through_r = _left(candidate * r, Wn), _left(candidate * reset, Wr)
    return {
        "direct": _left(z, np.eye(p.hidden_size, dtype=z.dtype)),
        "update": _left(update, Wz),
        "candidate": through_n,
        "reset": through_r,
    }


def _lstm_paths(trace):
    f, H = trace.gates["f"], trace.params.hidden_size
    Wi, Wf, Wg, Wo = np.split(trace.params.Wh, 4)
    into_i, into_f, into_g, into_o, into_h = _lstm_slopes(trace)
    nothing = np.zeros((len(f), H, H), f.dtype)

    def through_c(from_h, from_c=nothing):
        """A change of c (T, H, H) by the old h and the old c, and what it does to h = o tanh(c)."""
        dc = np.concatenate([from_h, from_c], axis=2)
        return np.concatenate([into_h[:, :, None] * dc, dc], axis=1)

    output = np.zeros((len(f), 2 * H, 2 * H), f.dtype)
    output[:, :H, :H] = _left(into_o, Wo)
    return {
        "direct": through_c(nothing, _left(f, np.eye(H, dtype=f.dtype))),
        "forget": through_c(_left(into_f, Wf)),
        "input": through_c(_left(into_i, Wi)),
        "candidate": through_c(_left(into_g, Wg)),
        "output": output,
    }


PATHS = {"RNN": _rnn_paths, "GRU": _gru_paths, "LSTM": _lstm_paths}


def _rnn_jacobians(trace, J):
    _left_sum(_rnn_slopes(trace)[:, None], trace.params.Wh, out=J)


def _gru_jacobians(trace, J):
    """The four paths summed as they arise; reset="before" costs a product, Wh_n (diag(r) + diag(reset) Wh_r)."""
    p, r, H = trace.params, trace.gates["r"], trace.params.hidden_size
    update, candidate, reset = _gru_slopes(trace)
    if p.reset == "before":
        past, last = np.empty((2, *J.shape), J.dtype)
        _left_sum(reset[:, None], p.Wh[:H], out=past)
        _diagonal(past)[...] += r
        np.matmul(p.Wh[2 * H :], past, out=J)
        J *= candidate[:, :, None]
        _left_sum(update[:, None], p.Wh[H : 2 * H], out=last)
        J += last
    else:
        _left_sum(np.stack([candidate * reset, update, candidate * r], axis=1), p.Wh, out=J)
    _diagonal(J)[...] += trace.gates["z"]


def _lstm_jacobians(trace, J):
    """Old h and c into c, from there into h by ∂h/∂c, and past c through o."""
    H = trace.params.hidden_size
    *into_c, into_o, into_h = _lstm_slopes(trace)
    J[:, H:, H:] = 0
    _diagonal(J[:, H:, H:])[...] = trace.gates["f"]
    _left_sum(np.stack(into_c, axis=1), trace.params.Wh[: 3 * H], out=J[:, H:, :H])
    np.multiply(into_h[:, :, None], J[:, H:], out=J[:, :H])
    J[:, :H, :H] += _left(into_o, trace.params.Wh[3 * H :])


JACOBIANS = {"RNN": _rnn_jacobians, "GRU": _gru_jacobians, "LSTM": _lstm_jacobians}


def backward(trace, dh):
    """Backpropagation through time (Werbos 1990): one pass from the last step to the first, O(T H (H + D)).

    dh  (T, H), each step's own ∂L/∂h_t: dh[t-1] is what the loss asks of h_t directly, not through later steps.

    Returns Grads. Every weight's gradient is a sum over all steps at which it was used.
    """
    total, d_ah, dc = _pass_back(trace, dh)
    p, d_a = trace.params, _before_reset(trace, total, d_ah)
    return Grads(
        Wx=d_a.T @ trace.x,
        Wh=_recurrent_weight_gradient(trace, d_ah),
        bx=d_a.sum(0),
        bh=d_ah.sum(0),
        x=d_a @ p.Wx,
        h0=total[0],
        h=total,
        c0=dc,
    )


def state_gradients(trace, dh):
    """`backward(trace, dh).h` alone, (T+1, H): what the loss asks of each state, without the weights' gradients."""
    return _pass_back(trace, dh)[0]


def _pass_back(trace, dh):
    """Total ∂L/∂h_t (T+1, H); ∂L/∂ of what Wh h_prev + bh enters (T, kH); ∂L/∂c_0 of the LSTM, None otherwise."""
    p = _check_trace(trace).params
    dh = _validate.array("dh", dh, trace.h[1:].shape)
    total = np.zeros(trace.h.shape, np.result_type(trace.h, dh))
    total[1:] = dh
    return total, *BACK[p.kind](trace, total, p.Wh.astype(total.dtype, copy=False))


def _before_reset(trace, total, d_ah):
    """∂L/∂ of what x and bx enter. That is d_ah, unless r multiplies what Wh_n h_prev + bh_n sends the candidate."""
    p = trace.params
    if p.kind == "GRU" and p.reset == "after":
        return np.hstack([d_ah[:, : 2 * p.hidden_size], total[1:] * _candidate_slope(trace)])
    return d_ah


def _recurrent_weight_gradient(trace, d_ah):
    """Σ_t d_ah[t] h_prev[t]ᵀ; where r multiplies before the product, the candidate's rows met r * h_prev instead."""
    p, h_prev = trace.params, trace.h[:-1]
    dWh = d_ah.T @ h_prev
    if p.kind == "GRU" and p.reset == "before":
        dWh[2 * p.hidden_size :] = d_ah[:, 2 * p.hidden_size :].T @ (trace.gates["r"] * h_prev)
    return dWh


# Each takes `total` with every step's own ∂L/∂h_t and adds, last step first, what comes through the next: `earlier` is
# ∂L/∂h_{t-1} where v is ∂L/∂h_t. All that is known beforehand is computed for every t at once: a step is a few products
# of vectors and one with Wh, into ready arrays.


def _rnn_back(trace, total, Wh):
    slopes = _rnn_slopes(trace)
    da, product = np.empty_like(slopes, total.dtype), np.empty_like(total[0])
    for v, earlier, slope, d in zip(*_backwards(total[1:], total[:-1], slopes, da), strict=True):
        np.multiply(v, slope, d)
        earlier += d.dot(Wh, product)
    return da, None


def _gru_back(trace, total, Wh):
    """Of the paths, candidate and reset go within d Wh or beside it, update within, direct beside."""
    p, r, z = trace.params, trace.gates["r"], trace.gates["z"]
    (T, H), after = r.shape, p.reset == "after"
    Wrz, Wn = np.split(Wh, [2 * H])
    update, candidate, reset = _gru_slopes(trace)
    slopes = [candidate * reset, update, candidate * r] if after else [reset, update, candidate]
    slopes, d_ah = np.stack(slopes, axis=1), np.empty((T, 3, H), total.dtype)  # r, z, h_tilde
    room, into_product = np.empty((2, H), total.dtype)
    flat = d_ah.reshape(T, 3 * H)
    rows = _backwards(total[1:], total[:-1], slopes, d_ah, flat, r, z)
    for v, earlier, slope, d, together, rt, zt in zip(*rows, strict=True):
        d[:] = v
        d *= slope
        if after:
            earlier += together.dot(Wh, room)
        else:
            d[2].dot(Wn, into_product)
            np.multiply(into_product, slope[0], d[0])
            earlier += together[: 2 * H].dot(Wrz, room)
            earlier += np.multiply(rt, into_product, room)
        earlier += np.multiply(zt, v, room)
    return flat, None


def _lstm_back(trace, total, Wh):
    T, H = trace.c[1:].shape
    *into_c, into_o, into_h = _lstm_slopes(trace)
    into_c, da = np.stack(into_c, axis=1), np.empty((T, 4, H), total.dtype)  # i, f, g, o
    dc, room = np.zeros((2, H), total.dtype)
    flat = da.reshape(T, 4 * H)
    rows = _backwards(total[1:], total[:-1], into_c, into_o, into_h, da[:, :3], da[:, 3], flat, trace.gates["f"])
    for v, earlier, into_ifg, into_o, into_h, d_ifg, d_o, together, f in zip(*rows, strict=True):
        dc += np.multiply(v, into_h, room)
        d_ifg[:] = dc
        d_ifg *= into_ifg
        np.multiply(v, into_o, d_o)
        earlier += together.dot(Wh, room)
        dc *= f
    return flat, dc


def _backwards(*arrays):
    """The same arrays, last step first."""
    return [array[::-1] for array in arrays]


BACK = {"RNN": _rnn_back, "GRU": _gru_back, "LSTM": _lstm_back}
