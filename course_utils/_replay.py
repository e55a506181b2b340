"""A recorded run of one recurrent layer, taken through the course's own cells once more, in float64.

A Recording is what `probe` saw one layer do in one direction, as arrays. `batch` runs the quick cells over all its
sequences, for gates; `trace` runs the plain cell over one of them, and `gradients` and `norms` do the rest. Without
torch.
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from course_utils._kernels import CELLS
from course_utils._report import SATURATED, Gate, LayerReport
from course_utils.cells import GATES, Params, Trace, forward
from course_utils.gradients import jacobian_pieces
from course_utils.norms import lyapunov_exponents, norms_to_past

CANDIDATES = ("h_tilde", "g", "h")  # between -1 and 1; all other gates between 0 and 1
DIRECTIONS = 16  # backward passes that estimate the reach of a cell which can't be replayed
TINY = np.finfo(np.float64).tiny


@dataclass
class Recording:
    """What one layer did in one direction, time running the way it reads. B sequences of at most T steps.

    module, layer, direction   "encoder.rnn", 1 .. L, "forward" or "backward".
    kind, activation           as in Params; another kind is a cell that the course has no equations of.
    weights                    Wx, Wh, bx, bh, and Whr (P, H) of an LSTM with projections; empty for another kind.
    x (T, B, D)                inputs; h (T+1, B, H) states, h[0] the initial one; c the same of an LSTM, else None.
    lengths (B,)               how many of the T steps are each sequence's own.
    dx (T, B), dh (T+1, B), dc ‖∂L/∂x_t‖, ‖∂L/∂h_t‖, ‖∂L/∂c_t‖.
    own (T, B)                 ‖∂⁺L/∂h_t‖: how the loss, or a layer above, reads a state, not through later ones.
    packed                     whether the model itself said how long they are.
    fed_back                   whether the model computes inputs from this layer's own outputs.
    seen                       "": a plain layer. "altered": between two steps the model did something to the state.
                               "exotic": a cell that the course has no equations of; then x and h hold no numbers.
    known                      unless plain: after how many steps the model's own graph holds a state.
    by_autograd                unless plain: ln of the reach by lag (B, T+1), and whether that is exact.
    beside                     unless plain: whether a part of the state passes beside what enters the cell.
    """

    module: str
    layer: int
    direction: str
    kind: str
    activation: str
    weights: dict[str, np.ndarray]
    x: np.ndarray
    h: np.ndarray
    c: np.ndarray | None
    lengths: np.ndarray
    packed: bool
    dx: np.ndarray
    dh: np.ndarray
    dc: np.ndarray | None
    own: np.ndarray
    fed_back: bool = False
    seen: str = ""
    known: list[int] | None = None
    by_autograd: tuple[np.ndarray, bool] | None = None
    beside: bool = False

    @property
    def params(self) -> Params | None:
        """Params of the layer; with projections those of the LSTM over s = o tanh(c), where h = Whr s."""
        if not self.weights:
            return None
        weights = {name: values for name, values in self.weights.items() if name != "Whr"}
        if "Whr" in self.weights:
            weights["Wh"] = weights["Wh"] @ self.weights["Whr"]
        reset = "after" if self.kind == "GRU" else "before"
        return Params(self.kind, **weights, activation=self.activation, reset=reset)

    @property
    def start(self) -> np.ndarray:
        """Initial states (B, H) of `params`: h_0, with projections the s of least norm that Whr maps to it."""
        if "Whr" in self.weights:
            return self.h[0] @ np.linalg.pinv(self.weights["Whr"]).T
        return self.h[0]

    def trace(self, b: int) -> Trace:
        """Sequence b through the plain cell, its own steps alone."""
        assert self.params is not None
        c0 = None if self.c is None else self.c[0, b]
        return forward(self.params, self.x[: self.lengths[b], b], self.start[b], c0)


def batch(recording: Recording) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """States (T+1, B, H) and gates {name: (T, B, H)} of all sequences at once, by the quick cells.

    Where the model altered states between steps, every step begins with the state that came in.
    """
    if recording.seen == "altered":
        T, B, D = recording.x.shape
        c = None if recording.c is None else recording.c[:-1].reshape(1, T * B, -1)
        h, x = recording.h[:-1].reshape(1, T * B, -1), recording.x.reshape(1, T * B, D)
        states, gates = batch(replace(recording, x=x, h=h, c=c, seen=""))
        states = np.concatenate([states[0, None, :B], states[1].reshape(T, B, -1)])
        return states, {name: values.reshape(T, B, -1) for name, values in gates.items()}
    p = recording.params
    assert p is not None
    T, B, _ = recording.x.shape
    cell = CELLS[p.kind](p, 1, T, B, np.float64)
    cell.x[:] = recording.x.transpose(0, 2, 1)[:, :, None]
    cell.h[0] = recording.start.T[:, None]
    if recording.c is not None:
        cell.c[0] = recording.c[0].T[:, None]  # type: ignore[attr-defined]
    cell.forward(np.column_stack([p.bh, p.Wh, p.Wx, p.bx])[None])
    blocks = list(cell.blocks)
    if p.kind == "GRU":
        blocks[2] = cell.n  # type: ignore[attr-defined]  # the third block holds Wn h_prev + bn instead
    gates = {name: block[:, :, 0].transpose(0, 2, 1) for name, block in zip(GATES[p.kind], blocks, strict=False)}
    return cell.h[:, :, 0].transpose(0, 2, 1), gates


def deviation(recording: Recording, states: np.ndarray) -> float:
    """How far replayed states (T+1, B, H) lie from the recorded ones at most, padding left out."""
    if "Whr" in recording.weights:
        states = states @ recording.weights["Whr"].T
    own = np.arange(len(states))[:, None] <= recording.lengths
    return float(np.max(np.abs(states - recording.h), axis=2, initial=0)[own].max())


def by_lag(values: np.ndarray, last: np.ndarray) -> np.ndarray:
    """(n, B) in order of time as (B, n) by lag: lag 0 is each sequence's own last entry, NaN before its beginning.

    last  (B,) index of the last own entry.
    """
    index = last[:, None] - np.arange(len(values))
    return np.where(index >= 0, values.T[np.arange(len(last))[:, None], np.maximum(index, 0)], np.nan)


def shorten(recording: Recording, lengths: np.ndarray, steps: int) -> str:
    """Leave out the padding behind each sequence's own steps; a layer that reads backwards has read it first.

    lengths (B,) are those of a padded batch of that many steps. Returns why a layer is left as it is; "" if it isn't,
    or if it was packed and so has no padding.
    """
    T, B = recording.dx.shape
    if recording.packed:
        return ""
    if B != len(lengths):
        return f"it reads {B} sequences, and there are {len(lengths)} lengths"
    if steps != T:
        return f"it takes {T} steps, and the padded batch that the lengths are of has {steps}"
    if recording.known is not None and not set(lengths) <= set(recording.known):
        return f"the model hands its state on after {recording.known[1:]} steps, and some sequences end in between"
    for name in ("h", "c", "dh", "dc", "x", "own", "dx"):  # dx last: it tells how many steps there are
        values = getattr(recording, name)
        if values is None:
            continue
        for b, skip in enumerate(recording.lengths - lengths if recording.direction == "backward" else ()):
            values[: len(values) - skip, b] = values[skip:, b].copy()
        states = len(values) > len(recording.dx)  # h and c have one more than there are steps
        setattr(recording, name, values[: lengths.max() + states])
    recording.lengths = lengths
    return ""


def steps_read(recording: Recording) -> np.ndarray:
    """(B,) at how many of its own steps, padding left out, each sequence's state is read directly."""
    own = np.arange(len(recording.own))[:, None] < recording.lengths
    return ((recording.own > 0) & own).sum(axis=0)


def constant_end(recording: Recording) -> int:
    """With how many equal inputs the sequence ends that has most of them; 0 if none has two, or all are one."""
    T, B, _ = recording.x.shape
    equal = (recording.x == recording.x[-1]).all(axis=2)
    runs = np.where(equal.all(axis=0), 0, np.argmin(equal[::-1], axis=0))
    return int(runs.max(initial=0)) if T > 1 and B and runs.max(initial=0) > 1 else 0


def rows_that_fit(recordings: list[Recording], flops: float) -> int:
    """How many sequences' exact rows about `flops` operations pay for, all layers counted: at least 1, at most B."""
    one = sum(2.0 * len(r.x) * _size(r) ** 3 for r in recordings if not r.seen)
    most = max((len(r.lengths) for r in recordings), default=1)
    return int(np.clip(flops // max(one, 1), 1, most))


def _size(recording: Recording) -> int:
    """Length of the state whose Jacobians are multiplied."""
    H = len(recording.weights["Wh"]) // (1 if recording.kind == "RNN" else 3 if recording.kind == "GRU" else 4)
    return 2 * H if recording.kind == "LSTM" else H


def longest(lengths: np.ndarray, n: int) -> tuple[int, ...]:
    """The n longest sequences, in the batch's order among equals."""
    return tuple(int(b) for b in np.argsort(-lengths, kind="stable")[:n])


def reach(recording: Recording, chosen: tuple[int, ...], tick: Callable[[], object]) -> np.ndarray:
    """ln ‖∂h_T/∂h_{T-lag}‖ in the Frobenius norm, (n, T+1), of the chosen sequences; `tick` is called after each."""
    logs = np.full((len(chosen), len(recording.h)), np.nan)
    for row, b in zip(logs, chosen, strict=True):
        pieces = jacobian_pieces(recording.trace(b), backwards=True)
        row[: recording.lengths[b] + 1] = norms_to_past(pieces, "fro", log=True)[::-1]
        tick()
    return logs


# ---------------------------------------------------------------------------------------------------------------------
# What is reported of it


def names(recordings: list[Recording]) -> list[str]:
    """The recordings' names, such as "rnn, layer 2, backward", without what needs no saying."""
    found: list[str] = []
    for recording in recordings:
        same = [other for other in recordings if other.module == recording.module]
        parts = [recording.module]
        parts += [f"layer {recording.layer}"] if len({other.layer for other in same}) > 1 else []
        parts += [recording.direction] if len({other.direction for other in same}) > 1 else []
        name = ", ".join(parts)
        count = sum(earlier.split(", run ")[0] == name for earlier in found)
        found.append(name if count == 0 else f"{name}, run {count + 1}")
    return found


def ticks(recording: Recording, rows: int) -> int:
    """How often `layer_report` ticks."""
    return 1 if recording.seen else min(rows, len(recording.lengths)) + 1


def layer_report(recording: Recording, name: str, rows: int, tick: Callable[[], object]) -> LayerReport:
    """Everything about one layer in one direction, its reach over `rows` sequences; `tick` is called after each."""
    params, exponents = recording.params, None
    gates, notes = gate_statistics(recording)
    notes += said_of(recording)
    if recording.by_autograd is not None:
        logs, exact = recording.by_autograd
        exact, chosen = exact and not recording.beside, tuple(range(len(logs)))
    else:
        chosen, exact = longest(recording.lengths, rows), True
        logs = reach(recording, chosen, tick)
        with warnings.catch_warnings(record=True) as doubts:
            warnings.simplefilter("always")
            exponents = lyapunov_exponents(jacobian_pieces(recording.trace(chosen[0])))
        notes += [f"Of its exponents: {doubt.message}." for doubt in doubts]
    tick()
    return LayerReport(
        name=name,
        module=recording.module,
        kind=recording.kind,
        layer=recording.layer,
        direction=recording.direction,
        hidden_size=recording.h.shape[2] if params is None else params.hidden_size,
        lengths=recording.lengths,
        grad_x=by_lag(recording.dx, recording.lengths - 1),
        grad_h=by_lag(recording.dh, recording.lengths),
        grad_c=None if recording.dc is None else by_lag(recording.dc, recording.lengths),
        reach=logs,
        exact=exact,
        rows=chosen,
        exponents=exponents,
        gates=gates,
        reads=steps_read(recording),
        params=params,
        notes=tuple(notes),
    )


def gate_statistics(recording: Recording) -> tuple[dict[str, Gate], list[str]]:
    """{name: Gate} over all own steps, and what has to be said of the replay."""
    if recording.seen == "exotic":
        return {}, []
    states, values = batch(recording)
    own = np.arange(len(recording.x))[:, None] < recording.lengths
    if recording.kind == "RNN":
        values = {"h": states[1:]}
    gates = {}
    for name, those in values.items():
        low, high = SATURATED, 1 - SATURATED
        if name in CANDIDATES:
            low = -high
        if recording.activation == "relu":  # knows one end only
            low, high = TINY, np.inf
        gates[name] = Gate(those[own].mean(0), float((those[own] < low).mean()), float((those[own] > high).mean()))
    apart = 0.0 if recording.seen else deviation(recording, states)
    chaotic = "Its replay and its run part company, as two runs of a chaotic net do that differ by rounding."
    return gates, [chaotic] if apart > 1e-6 * max(1, np.abs(recording.h).max()) else []


def said_of(recording: Recording) -> Iterator[str]:
    """What has to be said of how a layer was measured."""
    if recording.by_autograd is not None:
        how = "exactly" if recording.by_autograd[1] else f"estimated from {DIRECTIONS} random directions"
        how = f"its reach was measured by autograd through all that the model does, but not after the last step, {how}"
        if recording.seen == "altered":
            yield f"The model changes its state between two steps, which no cell of ours does: {how}."
        else:
            yield f"It is none of torch's cells, but a module that is called step by step on a state: {how}."
    if recording.seen == "altered" and np.isnan(recording.dh[0]).any():
        yield (
            "Its h_0 is a constant of the model, of which a part may pass beside the cell: at that lag nothing is "
            "measured, NaN stands there."
        )
    if recording.beside:
        yield (
            "What enters the cell is not the whole state, a part passes beside it. The reach here is that of what "
            "enters alone, with the other part held fixed; that of the whole state is another."
        )
    if recording.fed_back:
        yield "The model computes its inputs from its own outputs; the reach holds them fixed, it leaves out that way."
    if "Whr" in recording.weights:
        yield "Its reach and its exponents are those of (s, c), with s = o tanh(c) before the projection to h."
    nonzero = np.flatnonzero((by_lag(recording.dh, recording.lengths) > 0).any(axis=0))
    if not len(nonzero):
        yield "No gradient of the loss reaches it."
    elif nonzero[-1] < recording.lengths.max() - 1 and not recording.seen:
        yield (
            f"The loss's gradient ends at lag {nonzero[-1]}: there the model detaches the state, or the gradient is "
            "smaller than any number."
        )
