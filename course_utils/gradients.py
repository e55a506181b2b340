"""How a change travels through a trace: the paths of a step, its Jacobian, and the backward pass.

A step's derivative is a sum over *paths*, the ways in which the old state enters the new one, and a path is a chain of
factors: slopes and blocks of weights. One function for each cell lists its paths. `multiply` makes matrices of chains,
`pull` takes a gradient back through them, and all else here follows from these.

J[t-1] = ∂h_t/∂h_{t-1}, rows the new state, columns the old one. For the LSTM the state is (h, c), so J is 2H x 2H.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce

import numpy as np
from numpy.typing import ArrayLike

from course_utils import _validate
from course_utils.cells import Trace, by_columns

PIECE = 2**18  # numbers of J made at a time: two megabytes, which a core's own cache about holds
# The row blocks of Wh, in the order of `cells.GATES`; Wn is the candidate's.
BLOCK_NAMES = {"RNN": ("W",), "GRU": ("Wr", "Wz", "Wn"), "LSTM": ("Wi", "Wf", "Wg", "Wo")}

Chain = list  # of factors: slopes (T, H), the diagonals of a matrix at every step, and names of blocks of Wh

SLOPE = {  # φ' written in the output h = φ(a), which is all that a trace keeps
    "tanh": lambda h: 1 - h**2,
    "sigmoid": lambda h: h * (1 - h),
    "relu": lambda h: (h > 0).astype(h.dtype),
}


# ---------------------------------------------------------------------------------------------------------------------
# The paths of each cell


@dataclass(frozen=True)
class Path:
    """One way from the new state back to the old one: a chain of factors, written from left to right as in the formula.

    into  from the new state to what a gate or the candidate squashes, its argument: Wx x + bx enters there as well.
    past  from that argument to the old state: one block, and slopes left or right of it. Empty for a direct path,
          which passes by all arguments.
    new, old  which part of the state it leads from and to: "h", or the LSTM's "c".
    """

    into: Chain
    past: Chain = field(default_factory=list)
    new: str = "h"
    old: str = "h"

    @property
    def chain(self) -> Chain:
        """All factors."""
        return self.into + self.past


def rnn_paths(trace: Trace) -> dict[str, Path]:
    """h = φ(Wx x + bx + W h_prev + bh)."""
    slope = SLOPE[trace.params.activation](trace.h[1:])
    return {"recurrent": Path([slope], ["W"])}


def lstm_paths(trace: Trace) -> dict[str, Path]:
    """c = f c_prev + i g, h = o tanh(c): old h and c reach c, which `_shown` leads on to h; o leads to h itself."""
    assert trace.c is not None
    c_prev, tanh_c = trace.c[:-1], np.tanh(trace.c[1:])
    i, f, g, o = (trace.gates[name] for name in ("i", "f", "g", "o"))
    return {
        "direct": Path([f], new="c", old="c"),
        "forget": Path([c_prev * f * (1 - f)], ["Wf"], new="c"),
        "input": Path([g * i * (1 - i)], ["Wi"], new="c"),
        "candidate": Path([i * (1 - g**2)], ["Wg"], new="c"),
        "output": Path([tanh_c * o * (1 - o)], ["Wo"]),
    }


def _shown(trace: Trace) -> np.ndarray | None:
    """∂h/∂c = o (1 - tanh²c) of the LSTM, within one step, (T, H)."""
    return None if trace.c is None else trace.gates["o"] * (1 - np.tanh(trace.c[1:]) ** 2)


def gru_paths(trace: Trace) -> dict[str, Path]:
    """h = z h_prev + (1 - z) h_tilde: past all gates, through z, through h_tilde with r held, through r (lesson 06)."""
    p, h_prev = trace.params, trace.h[:-1]
    r, z, h_tilde = trace.gates["r"], trace.gates["z"], trace.gates["h_tilde"]

    into_z = (h_prev - h_tilde) * z * (1 - z)
    into_n = (1 - z) * (1 - h_tilde**2)
    if p.reset == "before":
        candidate = Path([into_n], ["Wn", r])
        reset = Path([into_n, "Wn", h_prev * r * (1 - r)], ["Wr"])
    else:  # r stands left of Wn, and what it multiplies is hn
        hn = h_prev @ p.Wh_blocks[2].T + p.bh_blocks[2]
        candidate = Path([into_n], [r, "Wn"])
        reset = Path([into_n, hn * r * (1 - r)], ["Wr"])
    return {"direct": Path([z]), "update": Path([into_z], ["Wz"]), "candidate": candidate, "reset": reset}


PATHS = {"RNN": rnn_paths, "GRU": gru_paths, "LSTM": lstm_paths}


# ---------------------------------------------------------------------------------------------------------------------
# What can be done with a chain


def multiply(chain: Chain, blocks: dict[str, np.ndarray]) -> np.ndarray:
    """The product of a chain's factors at every step, (T, H, H). The first factor is a slope, as in all paths above."""
    diagonal, product = chain[0], None  # kept as its diagonal alone, until a block makes a full matrix of it
    for factor in chain[1:]:
        if isinstance(factor, str):
            product = diagonal[:, :, None] * blocks[factor] if product is None else product @ blocks[factor]
        elif product is None:
            diagonal = diagonal * factor
        else:
            product = product * factor[:, None, :]
    if product is None:
        product = diagonal[:, :, None] * np.eye(diagonal.shape[1], dtype=diagonal.dtype)
    return product


def pull(v: np.ndarray, chain: Chain, blocks: dict[str, np.ndarray]) -> np.ndarray:
    """vᵀ times the factors, one by one: from the gradient (T, H) of a chain's left end to that of its right end."""
    for factor in chain:
        v = v @ blocks[factor] if isinstance(factor, str) else v * factor
    return v


class _Sum:
    """A sum of chains, sorted so that it is quick.

    slopes (T, n, H), W   the n chains diag(slope) W, the direct path diag(slope) I among them: one product serves all
    longer                the other chains, one by one
    """

    def __init__(self, chains: list[Chain], blocks: dict[str, np.ndarray]) -> None:
        chains, self.blocks = [_merged(chain) for chain in chains], blocks
        (T, H), dtype = chains[0][0].shape, chains[0][0].dtype
        short = [chain for chain in chains if len(chain) <= 2]
        self.slopes = np.empty((T, len(short), H), dtype)
        for n, chain in enumerate(short):
            self.slopes[:, n] = chain[0]
        self.W = [blocks[chain[1]] if len(chain) == 2 else np.eye(H, dtype=dtype) for chain in short]
        self.longer = [chain for chain in chains if len(chain) > 2]

    @cached_property
    def stacked(self) -> np.ndarray:
        """All W_n one above the other, (nH, H)."""
        return by_columns(self.W, self.slopes.dtype)

    def pull(self, v: np.ndarray, t: int) -> np.ndarray:
        """What the old state gets (H,) of a gradient v (H,) of the new one, at step t = 0 .. T-1."""
        pulled = (self.slopes[t] * v).ravel().dot(self.stacked)  # Σ_n W_nᵀ (slope_n * v), all n at once
        for chain in self.longer:
            pulled += pull(v, [factor if isinstance(factor, str) else factor[t] for factor in chain], self.blocks)
        return pulled

    def multiply(self, out: np.ndarray) -> None:
        """The sum as matrices, written to out (T, H, H)."""
        # Row i of Σ_n diag(slope_n) W_n at all steps is one product: slopes (T, n) times the W_n's rows i, (n, H).
        np.matmul(self.slopes.transpose(2, 0, 1), np.stack(self.W, axis=1), out=out.transpose(1, 0, 2))
        for chain in self.longer:
            out += multiply(chain, self.blocks)


def _merged(chain: Chain) -> Chain:
    """The chain with neighbouring slopes multiplied into one."""
    merged = chain[:1]
    for factor in chain[1:]:
        if isinstance(factor, str) or isinstance(merged[-1], str):
            merged.append(factor)
        else:
            merged[-1] = merged[-1] * factor
    return merged


# ---------------------------------------------------------------------------------------------------------------------
# Jacobians


def jacobian_paths(trace: Trace) -> dict[str, np.ndarray]:
    """The Jacobians taken apart by the way a change takes from h_{t-1} to h_t. The parts sum to `jacobians(trace)`.

    Each cell's paths are listed by one function, the GRU's by `gru_paths`: import it, and see `gru_paths??`.

    RNN:  recurrent.
    GRU:  direct     diag(z), past everything
          update     through z:             diag((h_prev - h_tilde) z(1-z)) Wz
          candidate  through h_tilde, r held: diag((1-z)(1-h_tilde²)) Wn diag(r)
          reset      through r:             diag((1-z)(1-h_tilde²)) Wn diag(h_prev r(1-r)) Wr
          With reset="after", the candidate's r stands left of Wn, and the last line is, without a Wn,
          reset      through r:             diag((1-z)(1-h_tilde²) (Wn h_prev + bn) r(1-r)) Wr
    LSTM: direct (c_prev through f into c, and on into h), forget, input, candidate, output: through f, i, g, o.

    Returns {name: (T, H, H)}, or (T, 2H, 2H) for the LSTM. Raises ValueError if `trace` isn't a Trace of finite states.
    """
    _check_trace(trace)
    blocks, (part, size) = _blocks(trace), _parts(trace)
    paths = {}
    for name, path in PATHS[trace.params.kind](trace).items():
        paths[name] = J = np.zeros((len(trace.x), size, size), trace.h.dtype)
        J[:, part[path.new], part[path.old]] = multiply(path.chain, blocks)
        _show(J, trace)
    return paths


def jacobians(trace: Trace) -> np.ndarray:
    """J[t-1] = ∂h_t/∂h_{t-1} for every step of a trace: the sum of its paths.

    Returns (T, H, H); for the LSTM (T, 2H, 2H) over the stacked state (h, c).
    Raises ValueError if `trace` isn't a Trace of finite states.

    >>> from course_utils.cells import forward, init_params
    >>> print(jacobians(forward(init_params("GRU", 3, 4), np.ones((10, 3)))).shape)
    (10, 4, 4)
    """
    J = _room(_check_trace(trace))
    for steps, piece in _cut(trace):
        _multiply(piece, out=J[steps])
    return J


def jacobian_pieces(trace: Trace, backwards: bool = False) -> Iterator[np.ndarray]:
    """`jacobians(trace)` a few steps at a time, so that J need never be stored.

    backwards  True: begin with the piece that holds the last step, as `norms_to_past` takes them.

    Yields (n, H, H), or (n, 2H, 2H) for the LSTM, each in order of time. Raises ValueError as `jacobians` does.
    """
    pieces = _cut(_check_trace(trace), backwards)
    return (_multiply(piece, out=_room(piece)) for _, piece in pieces)


def _room(trace: Trace) -> np.ndarray:
    """An array for the Jacobians of a trace, not filled yet."""
    size = _parts(trace)[1]
    return np.empty((len(trace.x), size, size), trace.h.dtype)


def _multiply(trace: Trace, out: np.ndarray) -> np.ndarray:
    """The Jacobians of a trace, or of a piece of one, written to `out`."""
    part, _ = _parts(trace)
    for new, old, chains in _sums(trace):
        chains.multiply(out[:, part[new], part[old]])
    _show(out, trace)
    return out


def _sums(trace: Trace) -> list[tuple[str, str, _Sum]]:
    """All chains from the new state to the old one, summed: (new, old, their sum)."""
    chains: dict[tuple[str, str], list[Chain]] = {}
    for path in PATHS[trace.params.kind](trace).values():
        chains.setdefault((path.new, path.old), []).append(path.chain)
    return [(new, old, _Sum(those, _blocks(trace))) for (new, old), those in chains.items()]


def _show(J: np.ndarray, trace: Trace) -> None:
    """What reaches the LSTM's c reaches h = o tanh(c) as well, in the same step; nothing else leads from c to h."""
    if (shown := _shown(trace)) is not None:
        H = shown.shape[1]
        J[:, :H, :H] += shown[:, :, None] * J[:, H:, :H]
        np.multiply(shown[:, :, None], J[:, H:, H:], out=J[:, :H, H:])


def _parts(trace: Trace) -> tuple[dict[str, slice], int]:
    """Where h, and the LSTM's c, lie in the stacked state, and its length."""
    H = trace.params.hidden_size
    return ({"h": slice(H)}, H) if trace.c is None else ({"h": slice(H), "c": slice(H, 2 * H)}, 2 * H)


def _blocks(trace: Trace) -> dict[str, np.ndarray]:
    """The row blocks of Wh by name, (H, H) each."""
    return dict(zip(BLOCK_NAMES[trace.params.kind], trace.params.Wh_blocks, strict=True))


def _cut(trace: Trace, backwards: bool = False) -> Iterator[tuple[slice, Trace]]:
    """The trace in pieces whose Jacobians fit the cache: (which steps, their trace)."""
    size = max(1, PIECE // _parts(trace)[1] ** 2)
    starts = range(0, len(trace.x), size)
    for i in reversed(starts) if backwards else starts:
        steps, states = slice(i, i + size), slice(i, i + size + 1)
        gates = {name: values[steps] for name, values in trace.gates.items()}
        c = None if trace.c is None else trace.c[states]
        yield steps, replace(trace, x=trace.x[steps], h=trace.h[states], gates=gates, c=c)


def _check_trace(trace: Trace) -> Trace:
    if not isinstance(trace, Trace):
        raise ValueError(f"trace: got {type(trace).__name__}, wants the Trace that forward() returns")
    for name, values in {"h": trace.h, **trace.gates}.items():
        if not np.all(np.isfinite(values)):
            raise ValueError(f"trace: got NaN or inf in its {name}, wants finite states and gates")
    return trace


# ---------------------------------------------------------------------------------------------------------------------
# The backward pass


@dataclass(frozen=True)
class Grads:
    """Gradients of a scalar loss L, each in the shape of what it belongs to.

    Wx, Wh, bx, bh; x (T, D); h0 (H,); h (T+1, H), the total dL/dh_t, direct and through all later steps, h[0] being h0;
    c0 (H,), LSTM only, None otherwise. The arrays are new and yours, to be clipped or summed in place, say.
    """

    Wx: np.ndarray
    Wh: np.ndarray
    bx: np.ndarray
    bh: np.ndarray
    x: np.ndarray
    h0: np.ndarray
    h: np.ndarray
    c0: np.ndarray | None = None


def backward(trace: Trace, dh: ArrayLike) -> Grads:
    """Backpropagation through time (Werbos 1990): one pass from the last step to the first, O(T H (H + D)).

    dh  (T, H), each step's own ∂⁺L/∂h_t: dh[t-1] is how L depends on h_t directly, not through later steps.

    Returns Grads, float64 if either trace or dh is. Every weight's gradient is a sum over all steps at which it was
    used. Raises ValueError if `trace` isn't a Trace of finite states, or dh of another shape or not finite.

    >>> from course_utils.cells import forward, init_params
    >>> trace = forward(init_params("GRU", 3, 4), np.ones((10, 3)))
    >>> print(backward(trace, np.ones((10, 4))).Wh.shape)
    (12, 4)
    """
    total = _pass_back(trace, dh)
    p, h_prev, blocks = trace.params, trace.h[:-1], _blocks(trace)
    # For each block W of Wh, all steps at once: the gradients of the argument that it feeds and of its product W v, and
    # the vector v itself, which is h_prev, times the slopes right of W (the candidate's Wn meets r * h_prev).
    d_argument, d_product, vector = {}, {}, {}
    for path in PATHS[p.kind](trace).values():
        if path.past:
            at, name = next((i, factor) for i, factor in enumerate(path.past) if isinstance(factor, str))
            d_argument[name] = pull(total[path.new][1:], path.into, blocks)
            d_product[name] = pull(d_argument[name], path.past[:at], blocks)
            vector[name] = reduce(np.multiply, path.past[at + 1 :], h_prev)
    names = BLOCK_NAMES[p.kind]
    d_arguments = np.concatenate([d_argument[name] for name in names], axis=1)  # (T, kH), as rows are stacked in Wx
    return Grads(
        Wx=d_arguments.T @ trace.x,
        Wh=np.concatenate([d_product[name].T @ vector[name] for name in names]),
        bx=d_arguments.sum(0),
        bh=np.concatenate([d_product[name].sum(0) for name in names]),
        x=d_arguments @ p.Wx,
        h0=total["h"][0].copy(),
        h=total["h"],
        c0=total["c"][0].copy() if "c" in total else None,
    )


def state_gradients(trace: Trace, dh: ArrayLike) -> np.ndarray:
    """`backward(trace, dh).h` alone, (T+1, H): how L depends on each state, without the weights' gradients."""
    return _pass_back(trace, dh)["h"]


def _pass_back(trace: Trace, dh: ArrayLike) -> dict[str, np.ndarray]:
    """The total gradient (T+1, H) of every state, "h" and of the LSTM "c": from the last step to the first."""
    dh = _validate.array("dh", dh, _check_trace(trace).h[1:].shape)
    part, _ = _parts(trace)
    total = {name: np.zeros(trace.h.shape, np.result_type(trace.h, dh)) for name in part}
    total["h"][1:] = dh
    shown, sums = _shown(trace), [(total[new], total[old], chains) for new, old, chains in _sums(trace)]
    for t in reversed(range(len(trace.x))):
        if shown is not None:
            total["c"][t + 1] += total["h"][t + 1] * shown[t]
        for new, old, chains in sums:
            before = old[t]  # a view
            before += chains.pull(new[t + 1], t)
    return total
