"""What a torch user would write for the work that tools/bench.py times: a GRU with reset after the product."""

import numpy as np
import torch

from course_utils.cells import Params, init_params
from course_utils.torch_bridge import to_module
from tests import oracles


def gru(H: int, D: int, T: int, seed: int = 0) -> tuple[Params, np.ndarray, torch.nn.GRUCell, torch.Tensor]:
    """Our GRU and its inputs (T, D), and the same in torch (weights frozen: only states are asked for)."""
    p = init_params("GRU", D, H, seed=seed, reset="after")
    x = np.random.default_rng(seed).standard_normal((T, D))
    cell = torch.nn.GRUCell(D, H, dtype=torch.float64).requires_grad_(False)
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in to_module(p).state_dict().items()})
    return p, x, cell, torch.from_numpy(x)


def unroll(cell: torch.nn.GRUCell, x: torch.Tensor, retain: bool = False) -> list[torch.Tensor]:
    """States h_0 .. h_T, (1, H) each, of the GRUCell loop, as nodes of one graph."""
    states = [torch.zeros(1, cell.hidden_size, dtype=x.dtype, requires_grad=True)]
    for xt in x:
        states.append(cell(xt[None], states[-1]))
        if retain:
            states[-2].retain_grad()
    return states


def jacobians(p: Params, cell: torch.nn.GRUCell, x: torch.Tensor) -> torch.Tensor:
    """All one-step Jacobians (T, H, H): vmap over time of the cell's jacrev, at states from torch's fused layer."""
    layer = torch.nn.GRU(cell.input_size, cell.hidden_size, dtype=x.dtype)
    layer.load_state_dict({name + "_l0": value for name, value in cell.state_dict().items()})
    with torch.no_grad():
        h = torch.cat([torch.zeros(1, cell.hidden_size, dtype=x.dtype), layer(x)[0][:-1]])
    weights = [cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh]
    # vmap has no rule for the fused GRUCell: the step is the tests' own.
    J = torch.func.jacrev(lambda xt, state: oracles.next_state(p, xt, state, weights), argnums=1)
    return torch.func.vmap(J)(x, h)


def all_pairs(p: Params, cell: torch.nn.GRUCell, x: torch.Tensor) -> np.ndarray:
    """‖∂h_t/∂h_k‖_F (T+1, T+1), row by row: all products at once for each t."""
    with torch.no_grad():
        J = jacobians(p, cell, x)
        T, H = len(J), J.shape[1]
        norms, products = torch.full((T + 1, T + 1), torch.nan, dtype=J.dtype), torch.empty_like(J)
        norms.fill_diagonal_(H**0.5)
        for t in range(T):
            products[:t] = J[t] @ products[:t]
            products[t] = J[t]
            norms[t + 1, : t + 1] = torch.linalg.matrix_norm(products[: t + 1])
        return norms.numpy()


def all_pairs_by_backwards(cell: torch.nn.GRUCell, x: torch.Tensor) -> np.ndarray:
    """The same by one batched backward pass for every t."""
    states = unroll(cell, x)
    T, H = len(x), cell.hidden_size
    norms = np.full((T + 1, T + 1), np.nan)
    np.fill_diagonal(norms, H**0.5)
    for t in range(1, T + 1):
        norms[t, :t] = row(states[t], states[:t])
    return norms


def row(last: torch.Tensor, states: list[torch.Tensor]) -> np.ndarray:
    """‖∂h_t/∂h_k‖_F of all earlier states by one batched backward pass."""
    unit = torch.eye(last.shape[-1], dtype=last.dtype)[:, None]
    rows = torch.autograd.grad(last, states, unit, is_grads_batched=True, retain_graph=True)
    return torch.stack(rows).square().sum(dim=(1, 2, 3)).sqrt().numpy()


def row_by_functional_jacobian(cell: torch.nn.GRUCell, x: torch.Tensor) -> np.ndarray:
    """The same by torch.autograd.functional.jacobian, asked for h_T as a function of a shift of every state."""
    H = cell.hidden_size

    def last(shifts):
        h = torch.zeros(1, H, dtype=x.dtype) + shifts[:1]
        for xt, shift in zip(x, shifts[1:], strict=True):
            h = cell(xt[None], h) + shift
        return h[0]

    J = torch.autograd.functional.jacobian(last, torch.zeros(len(x) + 1, H, dtype=x.dtype))
    return J.square().sum(dim=(0, 2)).sqrt().numpy()
