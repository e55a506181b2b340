"""Parameters and the forward pass of the three recurrent cells: RNN, GRU and LSTM.

Each cell is one step, written as the lessons write it, and one loop runs them all. Weights are stacked in row blocks in
torch's order (GRU: r, z, h_tilde; LSTM: i, f, g, o), so that a state dict of `torch.nn` can be read without shuffling.
In the GRU, z *keeps*: h = z * h_prev + (1 - z) * h_tilde.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from course_utils import _validate

# Gates and candidates in the order of their row blocks. The candidate h_tilde is "n" in names of weights: Wn, bn, hn.
GATES = {"RNN": (), "GRU": ("r", "z", "h_tilde"), "LSTM": ("i", "f", "g", "o")}
BLOCKS = {"RNN": 1, "GRU": 3, "LSTM": 4}  # k: how many blocks of H rows the weights stack
KEEPS = {"GRU": "z", "LSTM": "f"}  # the gate that keeps the old state
WEIGHTS = ("Wx", "Wh", "bx", "bh")
ACTIVATIONS = ("tanh", "sigmoid", "relu")
RESETS = ("before", "after")
RECURRENT = ("uniform", "orthogonal", "gaussian", "identity")
CACHE_LINE = 64  # bytes that a processor fetches from memory at once


def sigmoid(a: ArrayLike) -> np.ndarray:
    """σ(a) = 1 / (1 + e^-a), elementwise, real or complex.

    Below a = -709 (float32: -88) NumPy warns that e^-a overflows; what comes out, 1/inf = 0, is right. `forward` keeps
    that quiet. Of complex numbers, whose infinities have no such rule, only those above -709 can be taken.

    >>> print(sigmoid([0, 2, -2]))
    [0.5        0.88079708 0.11920292]
    """
    return np.reciprocal(1.0 + np.exp(-np.asarray(a)))


def relu(a: ArrayLike) -> np.ndarray:
    """max(a, 0), elementwise."""
    return np.maximum(a, 0)


ACTIVATE: dict[str, Callable] = {"tanh": np.tanh, "sigmoid": sigmoid, "relu": relu}


@dataclass(frozen=True, eq=False)
class Params:
    """Weights of one recurrent layer: copies that can't be written to, float32 if all four were, else float64.

    Wx (kH, D), Wh (kH, H), bx and bh (kH,), with k = 1, 3, 4 row blocks for RNN, GRU, LSTM.
    `activation` is read by the RNN only, `reset` by the GRU only: "before" multiplies r into h_prev before the
    product with Wh (Cho et al. 2014, arXiv v3), "after" multiplies r into the product (v1; torch and cuDNN).

    Raises ValueError on an unknown kind, activation or reset, and on a wrong shape, dtype, NaN or inf.
    """

    kind: str
    Wx: np.ndarray
    Wh: np.ndarray
    bx: np.ndarray
    bh: np.ndarray
    activation: str = "tanh"
    reset: str = "before"

    def __post_init__(self) -> None:
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
            copied = by_columns([values], dtype) if values.ndim == 2 else np.array(values, dtype=dtype)
            object.__setattr__(self, name, _frozen(copied))

    def __reduce__(self) -> tuple:
        """What pickle and copy.deepcopy build it from: anew, so that a copy is protected as well."""
        return Params, (self.kind, self.Wx, self.Wh, self.bx, self.bh, self.activation, self.reset)

    @property
    def hidden_size(self) -> int:
        """H, the length of the hidden state."""
        return self.Wh.shape[1]

    @property
    def input_size(self) -> int:
        """D, the length of one input."""
        return self.Wx.shape[1]

    @cached_property
    def Wh_blocks(self) -> tuple[np.ndarray, ...]:
        """Wh cut into its k blocks (H, H): of the GRU Wr, Wz, Wn, of the LSTM Wi, Wf, Wg, Wo."""
        return tuple(np.split(self.Wh, BLOCKS[self.kind]))

    @cached_property
    def bh_blocks(self) -> tuple[np.ndarray, ...]:
        """bh cut into its k blocks (H,)."""
        return tuple(np.split(self.bh, BLOCKS[self.kind]))

    def gate(self, name: str) -> dict[str, np.ndarray]:
        """The rows of one gate or candidate, named as in GATES: {"Wx": (H, D), "Wh": (H, H), "bx": (H,), "bh": ...}."""
        rows = self.rows(name)
        return {weights: getattr(self, weights)[rows] for weights in WEIGHTS}

    def changed(self, gate: str | None = None, **new: Any) -> "Params":
        """A copy with new values: of whole fields, or of the rows of one gate.

        gate  None, or a gate or candidate, named as in GATES; then `new` names weights and holds values for its rows,
              arrays of their shape or one number for all. They take the dtype that the weights have.

        Raises ValueError naming the argument.

        >>> p = init_params("GRU", 3, 2)
        >>> after = p.changed(reset="after")
        >>> held_open = p.changed("r", bx=100)
        >>> print(held_open.bx[:2], np.array_equal(held_open.bx[2:], p.bx[2:]))
        [100. 100.] True
        """
        if gate is None:
            return replace(self, **new)
        rows = self.rows(gate)
        for name, values in new.items():
            if name not in WEIGHTS:
                raise ValueError(f"{name}: got a value for gate {gate!r}, wants Wx, Wh, bx or bh for its rows")
            whole, given = getattr(self, name).copy(), _validate.array(name, values)
            if given.shape not in ((), whole[rows].shape):
                raise ValueError(f"{name}: got shape {given.shape}, wants {whole[rows].shape} or one number")
            whole[rows] = given
            new[name] = whole
        return replace(self, **new)

    def rows(self, gate: str) -> slice:
        """Where the block of a gate or candidate, named as in GATES, lies in the stacked rows."""
        if not GATES[self.kind]:
            raise ValueError(f"gate: got {gate!r} for an RNN, which has no gates; wants None")
        block = GATES[self.kind].index(_validate.choice("gate", gate, GATES[self.kind]))
        return slice(block * self.hidden_size, (block + 1) * self.hidden_size)


@dataclass(frozen=True, eq=False)
class Trace:
    """What a forward pass leaves behind: all that its gradients need. Nothing in it can be written to.

    x (T, D) inputs; h (T+1, H) states, h[0] the initial one; gates[name] (T, H), named as in GATES;
    c (T+1, H) cell states of the LSTM, None otherwise; params, the Params that made it.
    """

    params: Params
    x: np.ndarray
    h: np.ndarray
    gates: Mapping[str, np.ndarray]
    c: np.ndarray | None = None

    def __post_init__(self) -> None:
        for name in ("x", "h", "c"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _kept(getattr(self, name)))
        gates = {name: _kept(values) for name, values in self.gates.items()}
        object.__setattr__(self, "gates", MappingProxyType(gates))

    def __reduce__(self) -> tuple:
        """What pickle and copy.deepcopy build it from."""
        return Trace, (self.params, self.x, self.h, dict(self.gates), self.c)


def by_columns(blocks: Sequence[np.ndarray], dtype: DTypeLike) -> np.ndarray:
    """Blocks of rows one above the other, in a copy that stands in memory column by column, from a cache line on.

    The numbers are the same. Each step has a product with Wh, and it takes a fifth to a third less time so.
    """
    rows, columns = sum(len(block) for block in blocks), blocks[0].shape[1]
    size = rows * columns * np.dtype(dtype).itemsize
    memory = np.empty(size + CACHE_LINE, np.uint8)
    start = -memory.ctypes.data % CACHE_LINE
    stacked = memory[start : start + size].view(dtype).reshape(columns, rows).T
    np.concatenate(blocks, out=stacked)
    memory.flags.writeable = stacked.flags.writeable = False
    return stacked


def _frozen(array: np.ndarray) -> np.ndarray:
    """The array made read-only, seen through a view whose flag can't be set back."""
    array.flags.writeable = False
    return array.view()


def _kept(array: np.ndarray) -> np.ndarray:
    """The array if nobody can write to its memory, be it through an array that it is a view of; else a frozen copy."""
    owner: np.ndarray | None = array
    while isinstance(owner, np.ndarray) and not owner.flags.writeable:
        owner = owner.base
    return array if owner is None else _frozen(array.copy())


# ---------------------------------------------------------------------------------------------------------------------
# One step of each cell. `from_x` (kH,) is Wx x + bx, `h_prev` (H,) the old state. What is returned: the new state (H,),
# of the LSTM h and c, and the gates that made it, (H,) each, in the order of GATES.


def rnn_step(p: Params, from_x: np.ndarray, h_prev: np.ndarray) -> tuple:
    """h = φ(Wx x + bx + Wh h_prev + bh) (Elman 1990)."""
    phi = ACTIVATE[p.activation]
    h = phi(from_x + p.Wh @ h_prev + p.bh)
    return h, ()


def lstm_step(p: Params, from_x: np.ndarray, h_prev: np.ndarray, c_prev: np.ndarray) -> tuple:
    """Gates i, f, o, candidate g, cell c, and what it shows, h (Hochreiter & Schmidhuber 1997; f: Gers et al. 2000)."""
    a_i, a_f, a_g, a_o = (from_x + p.Wh @ h_prev + p.bh).reshape(4, -1)

    i, f, o = sigmoid([a_i, a_f, a_o])
    g = np.tanh(a_g)
    c = f * c_prev + i * g
    h = o * np.tanh(c)
    return h, c, (i, f, g, o)


def gru_step(p: Params, from_x: np.ndarray, h_prev: np.ndarray) -> tuple:
    """Reset gate r, update gate z, candidate h_tilde, and the mixture h (Cho et al. 2014, eqs. 5-8; lesson 05)."""
    H, from_h = len(h_prev), p.Wh @ h_prev + p.bh
    x_rz, xn = from_x[: 2 * H], from_x[2 * H :]
    h_rz, hn = from_h[: 2 * H], from_h[2 * H :]

    rz = sigmoid(x_rz + h_rz)
    r, z = rz[:H], rz[H:]
    if p.reset == "before":
        Wn, bn = p.Wh_blocks[2], p.bh_blocks[2]
        h_tilde = np.tanh(xn + Wn @ (r * h_prev) + bn)
    else:
        h_tilde = np.tanh(xn + r * hn)
    h = z * h_prev + (1.0 - z) * h_tilde
    return h, (r, z, h_tilde)


STEPS: dict[str, Callable] = {"RNN": rnn_step, "GRU": gru_step, "LSTM": lstm_step}


def forward(p: Params, x: ArrayLike, h0: ArrayLike | None = None, c0: ArrayLike | None = None) -> Trace:
    """Run the layer over a sequence and keep what the gradients will need.

    One step is `rnn_step`, `lstm_step` or `gru_step`, which has lesson 05's lines: import it, and see `gru_step??`.

    p   Params.
    x   (T, D) inputs, T at least 1.
    h0  (H,) initial state, zeros unless given.
    c0  (H,) initial cell state, LSTM only, zeros unless given.

    Returns a Trace, whose states and gates are float32 if params, x, h0 and c0 all are, else float64.
    Raises ValueError naming the argument; also if the state overflows, as that of an unbounded (relu) cell may.

    >>> trace = forward(init_params("GRU", 3, 4), np.ones((10, 3)))
    >>> print(trace.h.shape, trace.gates["z"].shape)
    (11, 4) (10, 4)
    """
    if not isinstance(p, Params):
        raise ValueError(f"p: got {type(p).__name__}, wants Params")
    x = _frozen(np.array(_validate.array("x", x, ("T", p.input_size))))  # the trace keeps its own
    if c0 is not None and p.kind != "LSTM":
        raise ValueError(f"c0: got an array for a {p.kind}, which has no cell state; wants None")
    h0, c0 = _initial(p, "h0", h0), _initial(p, "c0", c0)
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is reported below, by its step
        trace = run(p, x, h0, c0)
    if not np.all(np.isfinite(trace.h)):
        step = int(np.argmin(np.all(np.isfinite(trace.h), axis=1)))
        raise ValueError(
            f"Wh: the state overflowed at step {step}, wants weights, inputs and states small enough to keep it finite"
        )
    return trace


def _initial(p: Params, name: str, value: ArrayLike | None) -> np.ndarray:
    """An initial state (H,): zeros unless given."""
    return np.zeros(p.hidden_size, p.Wh.dtype) if value is None else _validate.array(name, value, (p.hidden_size,))


def run(p: Params, x: np.ndarray, h0: np.ndarray, c0: np.ndarray) -> Trace:
    """`forward` without its checks. Any dtype, complex included."""
    h, c, gates, step = [h0], [c0], [], STEPS[p.kind]
    for from_x in x @ p.Wx.T + p.bx:  # what x sends into a step waits for no state: one product for all steps
        if p.kind == "LSTM":
            h_next, c_next, now = step(p, from_x, h[-1], c[-1])
            c.append(c_next)
        else:
            h_next, now = step(p, from_x, h[-1])
        h.append(h_next)
        gates.append(now)
    by_name = zip(GATES[p.kind], zip(*gates, strict=True), strict=True)
    together = {name: _frozen(np.array(values)) for name, values in by_name}
    return Trace(p, x, _frozen(np.array(h)), together, _frozen(np.array(c)) if p.kind == "LSTM" else None)


# ---------------------------------------------------------------------------------------------------------------------
# Fresh weights


def init_params(
    kind: str,
    input_size: int,
    hidden_size: int,
    *,
    seed: int = 0,
    activation: str = "tanh",
    reset: str = "before",
    recurrent: str = "uniform",
    gain: float = 1.0,
    gate_bias: float | None = None,
    chrono: float | None = None,
    dtype: DTypeLike = np.float64,
) -> Params:
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
    D, H = _validate.integer("input_size", input_size, 1), _validate.integer("hidden_size", hidden_size, 1)
    _validate.choice("recurrent", recurrent, RECURRENT)
    gain = _validate.number("gain", gain)
    dtype = _validate.floating("dtype", dtype)
    if gate_bias is not None and chrono is not None:
        raise ValueError("chrono: got a value together with gate_bias, wants only one of the two")

    rng = np.random.default_rng(_validate.integer("seed", seed, 0))
    k, bound = BLOCKS[kind], H**-0.5
    Wx, Wh = rng.uniform(-bound, bound, (k * H, D)), rng.uniform(-bound, bound, (k * H, H))
    bx, bh = rng.uniform(-bound, bound, k * H), rng.uniform(-bound, bound, k * H)
    if recurrent != "uniform":
        Wh = _recurrent_blocks(recurrent, rng, k, H).reshape(k * H, H)
    p = Params(kind, Wx, gain * Wh, bx, bh, activation, reset)
    if gate_bias is not None:
        p = _set_bias(p, "gate_bias", _validate.number("gate_bias", gate_bias))
    if chrono is not None:
        lifetimes = rng.uniform(1, _validate.number("chrono", chrono, at_least=3) - 1, H)
        p = _set_bias(p, "chrono", np.log(lifetimes))
        if kind == "LSTM":
            p = p.changed("i", bx=-np.log(lifetimes), bh=0)
    return p.changed(**{name: getattr(p, name).astype(dtype) for name in WEIGHTS})


def _recurrent_blocks(recurrent: str, rng: np.random.Generator, k: int, H: int) -> np.ndarray:
    """The k blocks of Wh (k, H, H), each drawn for itself."""
    if recurrent == "identity":
        return np.tile(np.eye(H), (k, 1, 1))
    draws = rng.standard_normal((k, H, H))
    if recurrent == "gaussian":
        return draws * H**-0.5
    Q, R = np.linalg.qr(draws)
    return Q * np.sign(np.diagonal(R, axis1=1, axis2=2))[:, None, :]  # so the draw is uniform (Mezzadri 2007)


def _set_bias(p: Params, argument: str, bias: float | np.ndarray) -> Params:
    """A copy whose keeping gate has `bias` in all: bx holds it, bh is 0."""
    if p.kind not in KEEPS:
        raise ValueError(f"{argument}: got a value for an {p.kind}, which has no gate; wants None")
    return p.changed(KEEPS[p.kind], bx=bias, bh=0)
