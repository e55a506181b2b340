"""A recorded run of one recurrent layer, taken through the course's own cells once more, in float64.

A Recording is what `probe` saw one layer do in one direction, as arrays. `batch` runs the quick cells over all its
sequences, for gates; `trace` runs the plain cell over one of them, and `gradients` and `norms` do the rest. Without
torch.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from course_utils._kernels import CELLS
from course_utils.cells import GATES, Params, Trace, forward
from course_utils.gradients import jacobian_pieces
from course_utils.norms import lyapunov_exponents, norms_to_past


@dataclass
class Recording:
    """What one layer did in one direction, time running the way it reads. B sequences of at most T steps.

    module, layer, direction   "encoder.rnn", 1 .. L, "forward" or "backward".
    kind, activation           as in Params; another kind is a cell that the course has no equations of.
    weights                    Wx, Wh, bx, bh, and Whr (P, H) of an LSTM with projections; empty for another kind.
    x (T, B, D)                inputs; h (T+1, B, H) states, h[0] the initial one; c the same of an LSTM, else None.
    lengths (B,)               how many of the T steps are each sequence's own.
    dx (T, B), dh (T+1, B), dc ‖∂L/∂x_t‖, ‖∂L/∂h_t‖, ‖∂L/∂c_t‖.
    own (T, B)                 ‖∂⁺L/∂h_t‖: how the loss reads a state directly, not through later ones.
    packed                     whether the model itself said how long they are.
    seen                       "": a plain layer. "altered": between two steps the model did something to the state.
                               "exotic": a cell that the course has no equations of; then x and h hold no numbers.
    by_autograd                unless plain: ln of the reach by lag (B, T+1), and whether that is exact.
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
    seen: str = ""
    by_autograd: tuple[np.ndarray, bool] | None = None

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


def shorten(recording: Recording, lengths: np.ndarray) -> None:
    """Leave out the padding behind each sequence's own steps; a layer that reads backwards has read it first."""
    if recording.packed or recording.seen or len(lengths) != len(recording.lengths):
        return
    for b, (all_steps, own) in enumerate(zip(recording.lengths, lengths, strict=True)):
        skip = all_steps - own if recording.direction == "backward" else 0
        for name in ("x", "h", "c", "dx", "dh", "dc", "own"):
            if skip and (values := getattr(recording, name)) is not None:
                values[: len(values) - skip, b] = values[skip:, b].copy()
    recording.lengths = lengths


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


def exponents(recording: Recording, b: int) -> np.ndarray:
    """Lyapunov exponents of sequence b, nats per step, largest first."""
    return lyapunov_exponents(jacobian_pieces(recording.trace(b)))
