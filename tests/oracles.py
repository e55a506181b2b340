"""THE torch step of each cell, beside which the tests and the benchmark lay our own formulas.

Written once, from the equations of the lessons and in their letters (GRU: r, z, h_tilde; LSTM: i, f, g, o), with torch
operations alone: differentiable in everything, and fit for `torch.func`'s vmap, jacrev and jacfwd. Nothing here knows a
derivative. All of it computes in float64, unless `weights` of another dtype are handed in; arrays and tensors are
taken alike; x and states may have leading axes (a batch).

The step itself is held against torch.nn's own layers by tests/test_oracles.py.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch

from course_utils.cells import Params

# Ways from the old state into the new one, as `jacobian_paths` names them. The LSTM's "direct" starts at c_prev, all
# others at h_prev.
PATHS = {
    "RNN": ("recurrent",),
    "GRU": ("direct", "update", "candidate", "reset"),
    "LSTM": ("direct", "forget", "input", "candidate", "output"),
}
ACTIVATE = {"tanh": torch.tanh, "sigmoid": torch.sigmoid, "relu": torch.relu}

Weights = Sequence[torch.Tensor]  # Wx (kH, D), Wh (kH, H), bx (kH,), bh (kH,)
Array = np.ndarray | torch.Tensor


class Step(NamedTuple):
    """The state after a step: h (..., H), the LSTM's c, None otherwise, and the gates' values by name."""

    h: torch.Tensor
    c: torch.Tensor | None
    gates: dict[str, torch.Tensor]

    @property
    def state(self) -> torch.Tensor:
        """What a Jacobian is about: h, of the LSTM h and c end to end."""
        return self.h if self.c is None else torch.cat([self.h, self.c], dim=-1)


def tensors(params: Params, requires_grad: bool = False) -> Weights:
    """Copies of Wx, Wh, bx, bh as float64 tensors."""
    arrays = (params.Wx, params.Wh, params.bx, params.bh)
    return [torch.tensor(array, dtype=torch.float64, requires_grad=requires_grad) for array in arrays]


def step(
    params: Params,
    x: Array,
    h_prev: Array | Mapping[str, Array],
    c_prev: Array | None = None,
    *,
    weights: Weights | None = None,
    hold: Mapping[str, float] | None = None,
) -> Step:
    """One step of the cell that `params` describes, from h_prev (..., H), and c_prev of an LSTM, on x (..., D).

    h_prev   one state for all paths, or one for each by its name in PATHS (of an LSTM but "direct", which is c_prev).
             A path is what remains when h_prev is detached on all others:
             `{name: h if name == path else h.detach() for name in PATHS["GRU"]}`; jacrev asked for such a dict
             returns all paths at once, as `path_jacobians` does.
    weights  tensors to use in place of those in `params`: leaves to be differentiated, or a vmap's slices.
    hold     gates to keep at a value, by name, whatever their arguments are: {"r": 1.0}.

    Cells: RNN φ(a); GRU of Cho et al. 2014 with z keeping, reset "before" the product or, as torch has it, "after";
    LSTM of Hochreiter & Schmidhuber 1997 with the forget gate of Gers et al. 2000.
    """
    Wx, Wh, bx, bh = tensors(params) if weights is None else weights
    if not isinstance(h_prev, Mapping):
        h_prev = dict.fromkeys(PATHS[params.kind], h_prev)
    past = {path: _tensor(h, Wh) for path, h in h_prev.items()}
    a, hold = _tensor(x, Wx) @ Wx.T + bx, hold or {}

    def gate(name, argument, φ=torch.sigmoid):
        return torch.full_like(argument, hold[name]) if name in hold else φ(argument)

    if params.kind == "RNN":
        return Step(ACTIVATE[params.activation](a + bh + past["recurrent"] @ Wh.T), None, {})

    if params.kind == "GRU":
        (xr, xz, xn), (Wr, Wz, Wn), (br, bz, bn) = a.chunk(3, dim=-1), Wh.chunk(3), bh.chunk(3)
        r = gate("r", xr + past["reset"] @ Wr.T + br)
        z = gate("z", xz + past["update"] @ Wz.T + bz)
        if params.reset == "before":
            h_tilde = gate("h_tilde", xn + (r * past["candidate"]) @ Wn.T + bn, torch.tanh)
        else:
            h_tilde = gate("h_tilde", xn + r * (past["candidate"] @ Wn.T + bn), torch.tanh)
        return Step(z * past["direct"] + (1 - z) * h_tilde, None, {"r": r, "z": z, "h_tilde": h_tilde})

    (ai, af, ag, ao), (Wi, Wf, Wg, Wo) = (a + bh).chunk(4, dim=-1), Wh.chunk(4)
    i = gate("i", ai + past["input"] @ Wi.T)
    f = gate("f", af + past["forget"] @ Wf.T)
    g = gate("g", ag + past["candidate"] @ Wg.T, torch.tanh)
    o = gate("o", ao + past["output"] @ Wo.T)
    c = f * _tensor(c_prev, Wh) + i * g
    return Step(o * torch.tanh(c), c, {"i": i, "f": f, "g": g, "o": o})


def _tensor(values, like):
    """`values` as a tensor of the same dtype as `like`; arrays are copied, since some can't be written to."""
    return values if isinstance(values, torch.Tensor) else torch.tensor(np.asarray(values), dtype=like.dtype)


def unroll(
    params: Params,
    x: Array,
    h0: Array | None = None,
    c0: Array | None = None,
    *,
    weights: Weights | None = None,
    hold: Mapping[str, float] | None = None,
) -> list[Step]:
    """T + 1 Steps over x (T, ..., D), each a node of one graph; the first holds h0 and c0 (zeros unless given)."""
    weights = tensors(params) if weights is None else weights
    x = _tensor(x, weights[0])
    zeros = x.new_zeros(*x.shape[1:-1], params.hidden_size)
    h0, c0 = (zeros if start is None else _tensor(start, weights[1]) for start in (h0, c0))
    steps = [Step(h0, c0 if params.kind == "LSTM" else None, {})]
    for xt in x:
        steps.append(step(params, xt, steps[-1].h, steps[-1].c, weights=weights, hold=hold))
    return steps


def states(params: Params, x: Array, h0: Array | None = None, c0: Array | None = None, **options) -> torch.Tensor:
    """All states of `unroll`, one after the other: (T+1, ..., H), of the LSTM (T+1, ..., 2H) over (h, c)."""
    return torch.stack([one.state for one in unroll(params, x, h0, c0, **options)])


def gates(params: Params, x: Array, **options) -> dict[str, torch.Tensor]:
    """All gates of `unroll` by name, (T, ..., H) each."""
    _, *steps = unroll(params, x, **options)
    return {name: torch.stack([one.gates[name] for one in steps]) for name in steps[0].gates}


def next_state(params: Params, x: Array, state: torch.Tensor, weights: Weights | None = None) -> torch.Tensor:
    """`step` as a function of one vector: h, of the LSTM h and c end to end."""
    h, *c = state.split(params.hidden_size, dim=-1)
    return step(params, x, h, *c, weights=weights).state


def last_state(params: Params, x: Array, state: torch.Tensor, weights: Weights | None = None) -> torch.Tensor:
    """`next_state` over all of x (T, ..., D): the state at the end as a function of the one at the start."""
    weights = tensors(params) if weights is None else weights
    for xt in _tensor(x, weights[0]):
        state = next_state(params, xt, state, weights)
    return state


def jacobians(params: Params, x: Array, h0: Array | None = None, c0: Array | None = None) -> torch.Tensor:
    """∂state_t/∂state_{t-1} of every step by autograd, all steps at once: (T, H, H), of the LSTM (T, 2H, 2H)."""
    weights, x = tensors(params), torch.as_tensor(x)
    with torch.no_grad():
        before = states(params, x, h0, c0, weights=weights)[:-1]
    J = torch.func.jacrev(lambda xt, state: next_state(params, xt, state, weights), argnums=1)
    return torch.func.vmap(J)(x, before)


def path_jacobians(
    params: Params, x: Array, h0: Array | None = None, c0: Array | None = None
) -> dict[str, torch.Tensor]:
    """What each path alone does to the state at every step, by autograd: {path: (T, H, H)}, of the LSTM (T, 2H, 2H).

    h_prev is handed to the step once for each of its places, and the derivative is taken in every place.
    """
    weights, x, H = tensors(params), torch.as_tensor(x), params.hidden_size
    with torch.no_grad():
        before = states(params, x, h0, c0, weights=weights)[:-1]

    def new_state(past, xt):
        h_prev = {path: value for path, value in past.items() if (params.kind, path) != ("LSTM", "direct")}
        return step(params, xt, h_prev, past.get("direct"), weights=weights).state

    h, *c = before.split(H, dim=-1)
    past = dict.fromkeys(PATHS[params.kind], h)
    if c:
        past["direct"] = c[0]
    J = torch.func.vmap(torch.func.jacrev(new_state))(past, x)
    if params.kind != "LSTM":
        return J
    zeros = torch.zeros_like(J["direct"])  # a path from c leaves the columns of h empty, and the other way round
    return {path: torch.cat([zeros, j] if path == "direct" else [j, zeros], dim=-1) for path, j in J.items()}
