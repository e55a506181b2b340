"""Between torch.nn and Params, and torch's autograd as the oracle that our gradients are checked against.

The only module of the package that imports torch.
"""

from itertools import pairwise

import numpy as np
import torch

from course_utils import _validate
from course_utils.cells import GATES, Params
from course_utils.gradients import Grads

NAMES = {"Wx": "weight_ih_l0", "Wh": "weight_hh_l0", "bx": "bias_ih_l0", "bh": "bias_hh_l0"}
ACTIVATE = {"tanh": torch.tanh, "sigmoid": torch.sigmoid, "relu": torch.relu}


class CellLoop(torch.nn.Module):
    """A layer that torch.nn lacks, as a plain loop: the sigmoid RNN and the GRU with reset before the product.

    Called as torch's layers are: input (T, D), state (1, H) -> output (T, H), last state (1, H). Same parameter names.
    """

    def __init__(self, params):
        super().__init__()
        self.kind, self.activation, self.reset = params.kind, params.activation, params.reset
        for ours, theirs in NAMES.items():
            setattr(self, theirs, torch.nn.Parameter(torch.from_numpy(getattr(params, ours).copy())))

    def forward(self, x, h0=None):
        """Run over x (T, D) from state h0 (1, H), zeros unless given."""
        H = self.weight_hh_l0.shape[1]
        h = x.new_zeros(H) if h0 is None else h0[0]
        step = self._gru_step if self.kind == "GRU" else self._rnn_step
        states = []
        for xt in x:
            h = step(xt, h)
            states.append(h)
        return torch.stack(states), h[None]

    def _rnn_step(self, x, h):
        return ACTIVATE[self.activation](
            self.weight_ih_l0 @ x + self.bias_ih_l0 + self.weight_hh_l0 @ h + self.bias_hh_l0
        )

    def _gru_step(self, x, h):
        xr, xz, xn = (self.weight_ih_l0 @ x + self.bias_ih_l0).chunk(3)
        Wr, Wz, Wn = self.weight_hh_l0.chunk(3)
        br, bz, bn = self.bias_hh_l0.chunk(3)
        r, z = torch.sigmoid(xr + Wr @ h + br), torch.sigmoid(xz + Wz @ h + bz)
        return z * h + (1 - z) * torch.tanh(xn + Wn @ (r * h) + bn)


def to_params(module):
    """Params of a torch.nn.RNN, GRU or LSTM with one layer and one direction (or of a CellLoop). Weights are copied.

    Missing biases (bias=False) become zeros. Raises ValueError on any other module.
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
    weights = {
        "Wx": module.weight_ih_l0.detach().cpu().numpy(),
        "Wh": module.weight_hh_l0.detach().cpu().numpy(),
    }
    for ours in ("bx", "bh"):
        zeros = np.zeros(len(weights["Wh"]), weights["Wh"].dtype)
        weights[ours] = getattr(module, NAMES[ours]).detach().cpu().numpy() if module.bias else zeros
    kind = kinds[type(module)]
    return Params(
        kind,
        **weights,
        activation=module.nonlinearity if kind == "RNN" else "tanh",
        reset="after" if kind == "GRU" else "before",
    )


def to_module(params):
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


def _unroll(params, x, h0, c0):
    """Module, input and the states of every step as nodes of one graph: torch's layer called on one step at a time."""
    if not isinstance(params, Params):
        raise ValueError(f"params: got {type(params).__name__}, wants Params")
    H, module = params.hidden_size, to_module(params)

    def leaf(name, values, shape):
        values = np.zeros(H) if values is None else _validate.array(name, values, shape)
        return torch.tensor(values, dtype=module.weight_hh_l0.dtype, requires_grad=True)

    x = leaf("x", x, ("T", params.input_size))
    states = [(leaf("h0", h0, (H,)), leaf("c0", c0, (H,)))]
    for xt in x:
        h, c = states[-1]
        h.retain_grad()
        if params.kind == "LSTM":
            _, (h, c) = module(xt[None], (h[None], c[None]))
            h, c = h[0], c[0]
        else:
            h = module(xt[None], h[None])[1][0]
        states.append((h, c))
    states[-1][0].retain_grad()
    return module, x, states


def autograd_jacobians(params, x, h0=None, c0=None):
    """∂h_t/∂h_{t-1} of every step by torch's autograd, row by row: (T, H, H), LSTM (T, 2H, 2H) over (h, c)."""
    _, _, states = _unroll(params, x, h0, c0)
    parts = 2 if params.kind == "LSTM" else 1
    J = []
    for old, new in pairwise(states):
        rows = torch.cat(new[:parts])
        J.append([torch.cat(torch.autograd.grad(row, old[:parts], retain_graph=True)).numpy() for row in rows])
    return np.array(J)


def autograd_backward(params, x, dh, h0=None, c0=None):
    """The Grads that `backward(forward(params, x, h0, c0), dh)` computes, by torch's autograd instead."""
    module, x, states = _unroll(params, x, h0, c0)
    h = torch.stack([h for h, _ in states])
    dh = torch.from_numpy(_validate.array("dh", dh, (len(x), params.hidden_size)))
    (h[1:] * dh).sum().backward()
    weights = {ours: getattr(module, theirs).grad.numpy() for ours, theirs in NAMES.items()}
    total = np.array([np.zeros(params.hidden_size) if h.grad is None else h.grad.numpy() for h, _ in states])
    c0_grad = states[0][1].grad.numpy() if "f" in GATES[params.kind] else None
    return Grads(**weights, x=x.grad.numpy(), h0=total[0], h=total, c0=c0_grad)
