"""Between torch.nn and Params, and torch's autograd as the oracle that our gradients are checked against.

Only this module and `probe` import torch.
"""

from itertools import pairwise

import numpy as np
import torch
from numpy.typing import ArrayLike

from course_utils import _validate
from course_utils.cells import GATES, Params
from course_utils.gradients import Grads

NAMES = {"Wx": "weight_ih_l0", "Wh": "weight_hh_l0", "bx": "bias_ih_l0", "bh": "bias_hh_l0"}
ACTIVATE = {"tanh": torch.tanh, "sigmoid": torch.sigmoid, "relu": torch.relu}


class CellLoop(torch.nn.Module):
    """A layer that torch.nn lacks, as a plain loop: the sigmoid RNN and the GRU with reset before the product.

    Called as torch's layers are: input (T, D), state (1, H) -> output (T, H), last state (1, H). Same parameter names.
    """

    weight_ih_l0: torch.nn.Parameter
    weight_hh_l0: torch.nn.Parameter
    bias_ih_l0: torch.nn.Parameter
    bias_hh_l0: torch.nn.Parameter

    kind: str
    activation: str
    reset: str

    def __init__(self, params: Params) -> None:
        super().__init__()
        self.kind, self.activation, self.reset = params.kind, params.activation, params.reset
        for ours, theirs in NAMES.items():
            setattr(self, theirs, torch.nn.Parameter(torch.from_numpy(getattr(params, ours).copy())))

    def forward(self, x: torch.Tensor, h0: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """Run over x (T, D) from state h0 (1, H), zeros unless given."""
        H = self.weight_hh_l0.shape[1]
        h = x.new_zeros(H) if h0 is None else h0[0]
        step = self._gru_step if self.kind == "GRU" else self._rnn_step
        states = []
        for xt in x:
            h = step(xt, h)
            states.append(h)
        return torch.stack(states), h[None]

    def _rnn_step(self, x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        return ACTIVATE[self.activation](
            self.weight_ih_l0 @ x + self.bias_ih_l0 + self.weight_hh_l0 @ h + self.bias_hh_l0
        )

    def _gru_step(self, x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        xr, xz, xn = (self.weight_ih_l0 @ x + self.bias_ih_l0).chunk(3)
        Wr, Wz, Wn = self.weight_hh_l0.chunk(3)
        br, bz, bn = self.bias_hh_l0.chunk(3)
        r, z = torch.sigmoid(xr + Wr @ h + br), torch.sigmoid(xz + Wz @ h + bz)
        return z * h + (1 - z) * torch.tanh(xn + Wn @ (r * h) + bn)


def to_params(module: torch.nn.Module) -> Params:
    """Params of a torch.nn.RNN, GRU or LSTM with one layer and one direction (or of a CellLoop). Weights are copied.

    Missing biases (bias=False) become zeros. Raises ValueError on any other module.

    >>> to_params(torch.nn.GRU(input_size=8, hidden_size=64)).Wh.shape
    (192, 64)
    """
    if isinstance(module, CellLoop):
        weights = {ours: getattr(module, theirs).detach().numpy() for ours, theirs in NAMES.items()}
        return Params(module.kind, **weights, activation=module.activation, reset=module.reset)
    kinds = {torch.nn.RNN: "RNN", torch.nn.GRU: "GRU", torch.nn.LSTM: "LSTM"}
    if type(module) not in kinds:
        raise ValueError(f"module: got {type(module).__name__}, wants torch.nn.RNN, GRU or LSTM")
    for option, wanted in {"num_layers": 1, "bidirectional": False, "proj_size": 0}.items():
        if getattr(module, option) != wanted:
            raise ValueError(f"module: got {option}={getattr(module, option)}, wants {option}={wanted}")
    there = {ours: theirs for ours, theirs in NAMES.items() if hasattr(module, theirs)}
    weights = {ours: getattr(module, theirs).detach().cpu().numpy() for ours, theirs in there.items()}
    zeros = np.zeros(len(weights["Wh"]), weights["Wh"].dtype)
    weights = {"bx": zeros, "bh": zeros, **weights}
    kind = kinds[type(module)]
    return Params(
        kind,
        **weights,
        activation=str(module.nonlinearity) if kind == "RNN" else "tanh",
        reset="after" if kind == "GRU" else "before",
    )


def to_module(params: Params) -> torch.nn.Module:
    """A torch module that computes what `forward(params, ...)` does: torch.nn's own layer, or a CellLoop."""
    if not isinstance(params, Params):
        raise ValueError(f"params: got {type(params).__name__}, wants Params")
    if (params.kind == "GRU" and params.reset == "before") or (params.kind == "RNN" and params.activation == "sigmoid"):
        return CellLoop(params)
    options = {"nonlinearity": params.activation} if params.kind == "RNN" else {}
    layer = getattr(torch.nn, params.kind)(params.input_size, params.hidden_size, **options)
    layer.load_state_dict(
        {theirs: torch.from_numpy(getattr(params, ours).copy()) for ours, theirs in NAMES.items()},
        assign=True,
    )
    return layer


States = list[tuple[torch.Tensor, torch.Tensor]]  # (h_t, c_t), t = 0 … T; c_t counts in an LSTM alone


def _unroll(
    params: Params, x: ArrayLike, h0: ArrayLike | None, c0: ArrayLike | None
) -> tuple[torch.nn.Module, torch.Tensor, States]:
    """Module, input and the states of every step as nodes of one graph: torch's layer called on one step at a time."""
    if not isinstance(params, Params):
        raise ValueError(f"params: got {type(params).__name__}, wants Params")
    H, module = params.hidden_size, to_module(params)
    dtype = next(module.parameters()).dtype

    def leaf(name: str, given: ArrayLike | None, shape: tuple[int | str, ...]) -> torch.Tensor:
        values = np.zeros(H) if given is None else _validate.array(name, given, shape)
        return torch.tensor(values, dtype=dtype, requires_grad=True)

    inputs = leaf("x", x, ("T", params.input_size))
    states = [(leaf("h0", h0, (H,)), leaf("c0", c0, (H,)))]
    for xt in inputs:
        h, c = states[-1]
        h.retain_grad()
        if params.kind == "LSTM":
            _, (h, c) = module(xt[None], (h[None], c[None]))
            h, c = h[0], c[0]
        else:
            h = module(xt[None], h[None])[1][0]
        states.append((h, c))
    states[-1][0].retain_grad()
    return module, inputs, states


def autograd_jacobians(
    params: Params, x: ArrayLike, h0: ArrayLike | None = None, c0: ArrayLike | None = None
) -> np.ndarray:
    """∂h_t/∂h_{t-1} of every step by torch's autograd, row by row: (T, H, H), LSTM (T, 2H, 2H) over (h, c)."""
    _, _, states = _unroll(params, x, h0, c0)
    parts = 2 if params.kind == "LSTM" else 1
    J = []
    for old, new in pairwise(states):
        rows = torch.cat(new[:parts])
        J.append([torch.cat(torch.autograd.grad(row, old[:parts], retain_graph=True)).numpy() for row in rows])
    return np.array(J)


def autograd_backward(
    params: Params, x: ArrayLike, dh: ArrayLike, h0: ArrayLike | None = None, c0: ArrayLike | None = None
) -> Grads:
    """The Grads that `backward(forward(params, x, h0, c0), dh)` computes, by torch's autograd instead."""
    module, inputs, states = _unroll(params, x, h0, c0)
    h = torch.stack([h for h, _ in states])
    own = torch.tensor(_validate.array("dh", dh, (len(inputs), params.hidden_size)))
    (h[1:] * own).sum().backward()
    weights = {ours: _gradient(getattr(module, theirs)) for ours, theirs in NAMES.items()}
    total = np.array([_gradient(h) for h, _ in states])
    c0_grad = _gradient(states[0][1]) if "f" in GATES[params.kind] else None
    return Grads(**weights, x=_gradient(inputs), h0=total[0], h=total, c0=c0_grad)


def _gradient(node: torch.Tensor) -> np.ndarray:
    """What autograd left at a node, zeros if nothing reached it."""
    return np.zeros(tuple(node.shape)) if node.grad is None else node.grad.numpy()
