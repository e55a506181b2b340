"""Parameters and the forward pass of the three recurrent cells: RNN, GRU and LSTM.

Weights are stacked in row blocks in torch's order (GRU: r, z, h_tilde; LSTM: i, f, g, o), so that a state dict
of `torch.nn` can be read without shuffling. In the GRU, z *keeps*: h = z * h_prev + (1 - z) * h_tilde.
"""

from dataclasses import dataclass

import numpy as np

from course_utils import _validate

GATES = {"RNN": (), "GRU": ("r", "z", "h_tilde"), "LSTM": ("i", "f", "g", "o")}
BLOCKS = {"RNN": 1, "GRU": 3, "LSTM": 4}  # k: how many H-row blocks the weights stack
ACTIVATIONS = ("tanh", "sigmoid", "relu")
RESETS = ("before", "after")
RECURRENT = ("uniform", "orthogonal", "gaussian", "identity")


def sigmoid(a):
    """σ(a) = 1 / (1 + e^-a), elementwise, real or complex. Only non-positive numbers are exponentiated: no overflow."""
    a = np.asarray(a)
    negative = a.real < 0
    e = np.exp(np.where(negative, a, -a))
    return np.where(negative, e, 1) / (1 + e)


def relu(a):
    """max(a, 0), elementwise."""
    return np.maximum(a, 0)


ACTIVATE = {"tanh": np.tanh, "sigmoid": sigmoid, "relu": relu}


@dataclass(frozen=True)
class Params:
    """Weights of one recurrent layer. Arrays are copied: float32 if all four are, else float64.

    Wx (kH, D), Wh (kH, H), bx and bh (kH,), with k = 1, 3, 4 row blocks for RNN, GRU, LSTM.
    `activation` is read by the RNN only, `reset` by the GRU only: "before" multiplies r into h_prev before the
    product with Wh (Cho et al. 2014), "after" multiplies r into the product (torch and cuDNN).

    Raises ValueError on an unknown kind, activation or reset, and on a wrong shape, dtype, NaN or inf.
    """

    kind: str
    Wx: np.ndarray
    Wh: np.ndarray
    bx: np.ndarray
    bh: np.ndarray
    activation: str = "tanh"
    reset: str = "before"

    def __post_init__(self):
        _validate.choice("kind", self.kind, BLOCKS)
        _validate.choice("activation", self.activation, ACTIVATIONS)
        _validate.choice("reset", self.reset, RESETS)
        Wh = _validate.array("Wh", self.Wh, ("kH", "H"))
        rows, hidden = BLOCKS[self.kind] * Wh.shape[1], Wh.shape[1]
        arrays = {
            "Wh": _validate.array("Wh", Wh, (rows, hidden)),
            "Wx": _validate.array("Wx", self.Wx, (rows, "D")),
            "bx": _validate.array("bx", self.bx, (rows,)),
            "bh": _validate.array("bh", self.bh, (rows,)),
        }
        dtype = np.result_type(*arrays.values())
        for name, values in arrays.items():
            object.__setattr__(self, name, np.array(values, dtype=dtype))

    @property
    def hidden_size(self):
        """H, the length of the hidden state."""
        return self.Wh.shape[1]

    @property
    def input_size(self):
        """D, the length of one input."""
        return self.Wx.shape[1]


@dataclass(frozen=True)
class Trace:
    """What a forward pass leaves behind: all that its gradients need.

    x (T, D) inputs; h (T+1, H) states, h[0] the initial one; gates[name] (T, H), named as in GATES;
    c (T+1, H) cell states of the LSTM, None otherwise; params, the Params that made it.
    """

    params: Params
    x: np.ndarray
    h: np.ndarray
    gates: dict
    c: np.ndarray | None = None


def init_params(
    kind,
    input_size,
    hidden_size,
    *,
    seed=0,
    activation="tanh",
    reset="before",
    recurrent="uniform",
    gain=1.0,
    gate_bias=None,
    chrono=None,
    dtype=np.float64,
):
    """Freshly drawn Params. With nothing but sizes given: torch's default, every entry from U(-1/√H, 1/√H).

    recurrent   distribution of each H x H block of Wh: "uniform" as above, "orthogonal" (Saxe et al. 2014),
                "gaussian" with entries N(0, 1/H), "identity" (Le, Jaitly & Hinton 2015); each times `gain`.
    gate_bias   total bias of the gate that keeps (GRU: z, LSTM: f), e.g. 1.0 (Jozefowicz et al. 2015).
    chrono      longest dependency expected, in steps, at least 3: the keeping gate's bias is log U(1, chrono - 1), and
                the LSTM's input gate gets its negative (Tallec & Ollivier 2018, eq. 16).
    dtype       float64 or float32.

    Raises ValueError naming the argument, also where `gate_bias` or `chrono` meet a kind without such a gate.
    """
    _validate.choice("kind", kind, BLOCKS)
    D, H = (
        _validate.integer("input_size", input_size, 1),
        _validate.integer("hidden_size", hidden_size, 1),
    )
    _validate.choice("recurrent", recurrent, RECURRENT)
    gain = _validate.number("gain", gain)
    if dtype not in (np.float64, np.float32, np.dtype(np.float64), np.dtype(np.float32), "float64", "float32"):
        raise ValueError(f"dtype: got {dtype!r}, wants float64 or float32")
    if kind == "RNN" and (gate_bias is not None or chrono is not None):
        raise ValueError(
            f"{'gate_bias' if chrono is None else 'chrono'}: got a value for an RNN, which has no gate; wants None"
        )
    if gate_bias is not None and chrono is not None:
        raise ValueError("chrono: got a value together with gate_bias, wants only one of the two")

    rng = np.random.default_rng(_validate.integer("seed", seed, 0))
    k, bound = BLOCKS[kind], H**-0.5
    Wx, Wh = rng.uniform(-bound, bound, (k * H, D)), rng.uniform(-bound, bound, (k * H, H))
    bx, bh = rng.uniform(-bound, bound, k * H), rng.uniform(-bound, bound, k * H)

    if recurrent == "orthogonal":
        Q, R = np.linalg.qr(rng.standard_normal((k, H, H)))
        Wh = (
            Q * np.sign(np.diagonal(R, axis1=1, axis2=2))[:, None, :]
        )  # this sign makes the draw uniform (Mezzadri 2007)
    elif recurrent == "gaussian":
        Wh = rng.standard_normal((k * H, H)) * bound
    elif recurrent == "identity":
        Wh = np.tile(np.eye(H), (k, 1))
    Wh = gain * Wh.reshape(k * H, H)

    keep = slice(H, 2 * H)  # z of the GRU and f of the LSTM are both the second block
    if gate_bias is not None:
        bx[keep], bh[keep] = _validate.number("gate_bias", gate_bias), 0
    if chrono is not None:
        bx[keep], bh[keep] = (
            np.log(rng.uniform(1, _validate.number("chrono", chrono, at_least=3) - 1, H)),
            0,
        )
        if kind == "LSTM":
            bx[:H], bh[:H] = -bx[keep], 0
    return Params(kind, *(a.astype(dtype) for a in (Wx, Wh, bx, bh)), activation, reset)


def forward(p, x, h0=None, c0=None):
    """Run the layer over a sequence and keep what the gradients will need.

    p   Params.
    x   (T, D) inputs, T at least 1.
    h0  (H,) initial state, zeros unless given.
    c0  (H,) initial cell state, LSTM only, zeros unless given.

    Returns a Trace, float32 if params and inputs all are, else float64.
    Raises ValueError naming the argument; also if the state overflows, which only an unbounded (relu) cell can do.
    """
    if not isinstance(p, Params):
        raise ValueError(f"p: got {type(p).__name__}, wants Params")
    H = p.hidden_size
    x = np.array(_validate.array("x", x, ("T", p.input_size)))  # the trace keeps its own
    h0 = np.zeros(H, p.Wh.dtype) if h0 is None else _validate.array("h0", h0, (H,))
    if c0 is not None and p.kind != "LSTM":
        raise ValueError(f"c0: got an array for a {p.kind}, which has no cell state; wants None")
    c0 = np.zeros(H, p.Wh.dtype) if c0 is None else _validate.array("c0", c0, (H,))
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        trace = _run(p, x, h0, c0)
    if not np.all(np.isfinite(trace.h)):
        step = int(np.argmin(np.all(np.isfinite(trace.h), axis=1)))
        raise ValueError(
            f"Wh: the state overflowed at step {step}, wants recurrent weights small enough to keep it finite"
        )
    return trace


def _run(p, x, h0, c0):
    """`forward` without its checks. Any dtype, complex included, which is how the tests take complex steps."""
    T, H, dtype = len(x), len(h0), np.result_type(x, p.Wx, p.Wh, p.bx, p.bh, h0, c0)
    sign = np.repeat(np.array(SIGNS[p.kind], dtype), H)
    a = x @ (p.Wx.T * sign) + p.bx * sign  # no step waits for it: one product for all t
    h = np.empty((T + 1, H), dtype)
    c = np.empty((T + 1, H), dtype) if p.kind == "LSTM" else None
    h[0] = h0
    if c is not None:
        c[0] = c0
    gates = STEPS[p.kind](p, p.Wh * sign[:, None], p.bh * sign, a, h, c)
    return Trace(p, x, h, gates, c)


# What x and bx send into every step stands in a (T, kH). The steps add what h_prev sends, turn each row in place into
# what the gates are made of, and return the gates. Of a gate σ(a) = 1 / (1 + e^-a) they need 1 + e^-a alone: to divide
# by it takes a call less than to compute the gate first. That is why such rows come negated; z of the GRU does not,
# because what multiplies there is 1 - z = 1 / (1 + e^a). The exponential may overflow, to the right result: `forward`
# silences that. A call takes 0.25 µs before it computes anything, hence few of them, into arrays made beforehand: the
# last argument is where a result goes.

SIGNS = {"RNN": (1,), "GRU": (-1, 1, 1), "LSTM": (-1, -1, 1, -1)}


def _rnn_steps(p, Wh, bh, a, h, c):
    """h = φ(Wx x + bx + Wh h_prev + bh) (Elman 1990)."""
    a += bh
    for h_prev, at, h_next in zip(h[:-1], a, h[1:], strict=True):
        h_next[:] = ACTIVATE[p.activation](at + Wh @ h_prev)
    return {}


def _gru_steps(p, Wh, bh, a, h, c):
    """r, z gates, h_tilde the candidate, h = h_prev + (1 - z) * (h_tilde - h_prev) (Cho et al. 2014, eqs. 5-8)."""
    H, after = p.hidden_size, p.reset == "after"
    W_first, W_last = np.split(Wh, [3 * H if after else 2 * H])  # rows that meet h_prev itself, and those that don't
    sums, e, n, x_n = a[:, : len(W_first)], a[:, : 2 * H], a[:, 2 * H :], a[:, 2 * H :].copy()
    e += bh[: 2 * H]
    n[:] = bh[2 * H :]
    one, product, room = np.ones((), h.dtype), np.empty(len(W_first), h.dtype), np.empty(H, h.dtype)
    over = np.empty(2 * H, h.dtype)
    over_r, over_1_z = np.split(over, 2)  # 1 / r and 1 / (1 - z)
    for h_prev, h_next, xt, st, et, nt in zip(h[:-1], h[1:], x_n, sums, e, n, strict=True):
        st += W_first.dot(h_prev, product)
        np.exp(et, et)
        np.add(et, one, over)
        if after:
            nt /= over_r
        else:
            nt += W_last.dot(np.divide(h_prev, over_r, room))
        nt += xt
        np.tanh(nt, nt)
        np.subtract(nt, h_prev, room)
        room /= over_1_z
        np.add(h_prev, room, h_next)
    return {"r": 1 / (1 + e[:, :H]), "z": 1 / (1 + 1 / e[:, H:]), "h_tilde": n.copy()}


def _lstm_steps(p, Wh, bh, a, h, c):
    """c = f * c_prev + i * g, h = o * tanh(c) (Hochreiter & Schmidhuber 1997; f from Gers et al. 2000)."""
    H, one = p.hidden_size, np.ones((), h.dtype)
    product, room = np.empty(4 * H, h.dtype), np.empty(H, h.dtype)
    a += bh
    blocks = np.split(a, 4, axis=1)
    for h_prev, h_next, c_prev, c_next, at, i, f, g, o in zip(h[:-1], h[1:], c[:-1], c[1:], a, *blocks, strict=True):
        at += Wh.dot(h_prev, product)
        np.tanh(g, room)
        np.exp(at, at)
        at += one  # from here on 1 / i, 1 / f and 1 / o
        g[:] = room
        np.divide(c_prev, f, c_next)
        c_next += np.divide(g, i, room)
        np.divide(np.tanh(c_next, room), o, h_next)
    i, f, g, o = blocks
    return {"i": 1 / i, "f": 1 / f, "g": g.copy(), "o": 1 / o}


STEPS = {"RNN": _rnn_steps, "GRU": _gru_steps, "LSTM": _lstm_steps}
