"""Wrong and right answers to assignment 5, as students write them; see solutions_ps1. The right ones ask autograd."""

import numpy as np
import torch

from course_utils.cells import sigmoid

# Wrong ----------------------------------------------------------------------------------------------------------------


def rnn_forward_time_first(Wx, Wh, b, x, h0):
    h = [h0]
    for t in range(x.shape[1]):
        h.append(np.tanh(x[:, t] @ Wx.T + h[-1] @ Wh.T + b))
    return np.array(h)


def rnn_forward_by_columns(Wx, Wh, b, x, h0):
    h = [h0]
    for t in range(x.shape[1]):
        h.append(np.tanh(x[:, t] @ Wx.T + h[-1] @ Wh + b))
    return np.stack(h, 1)


def answer_loss_with_a_sum(V, c, h, target):
    p = np.exp(h @ V.T + c)
    p /= p.sum(1, keepdims=True)
    d = p - np.eye(len(V))[target]
    return -np.log(p[range(len(h)), target]).sum(), d.T @ h, d.sum(0), d @ V


def answer_loss_without_the_hit(V, c, h, target):
    p = np.exp(h @ V.T + c)
    p /= p.sum(1, keepdims=True)
    d = p / len(h)
    return -np.log(p[range(len(h)), target]).mean(), d.T @ h, d.sum(0), d @ V


def rnn_backward_of_each_loss_alone(Wx, Wh, x, h, dh):
    da = dh * (1 - h[:, 1:] ** 2)
    dWx, dWh = np.einsum("bth,btd->hd", da, x), np.einsum("bth,btk->hk", da, h[:, :-1])
    return dWx, dWh, da.sum((0, 1)), da @ Wx, da[:, 0] @ Wh


def rnn_backward_without_slope(Wx, Wh, x, h, dh):
    dWx, dWh, db, dx, back = 0, 0, 0, np.zeros(x.shape), 0
    for t in range(x.shape[1] - 1, -1, -1):
        da = dh[:, t] + back
        dWx, dWh, db = dWx + da.T @ x[:, t], dWh + da.T @ h[:, t], db + da.sum(0)
        dx[:, t], back = da @ Wx, da @ Wh
    return dWx, dWh, db, dx, back


def gru_step_that_writes(Wx, Wh, bx, bh, x, h_prev):
    (xr, xz, xn), (ur, uz, un) = np.split(x @ Wx.T + bx, 3, 1), np.split(h_prev @ Wh.T + bh, 3, 1)
    z = sigmoid(xz + uz)
    return (1 - z) * h_prev + z * np.tanh(xn + sigmoid(xr + ur) * un)


def gru_step_reset_before(Wx, Wh, bx, bh, x, h_prev):
    (xr, xz, xn), (ur, uz, _) = np.split(x @ Wx.T + bx, 3, 1), np.split(h_prev @ Wh.T + bh, 3, 1)
    H, z = h_prev.shape[1], sigmoid(xz + uz)
    n = np.tanh(xn + (sigmoid(xr + ur) * h_prev) @ Wh[2 * H :].T + bh[2 * H :])
    return z * h_prev + (1 - z) * n


def _step_back(Wx, Wh, bx, bh, x, h_prev, dh, direct=True, reset=True):
    (xr, xz, xn), (ur, uz, un) = np.split(x @ Wx.T + bx, 3, 1), np.split(h_prev @ Wh.T + bh, 3, 1)
    r, z = sigmoid(xr + ur), sigmoid(xz + uz)
    n = np.tanh(xn + r * un)
    dn, dz = dh * (1 - z) * (1 - n * n), dh * (h_prev - n) * z * (1 - z)
    dr = dn * un * r * (1 - r) * reset
    dx, du = np.hstack([dr, dz, dn]), np.hstack([dr, dz, dn * r])
    dh_prev = du @ Wh + (dh * z if direct else 0)
    return dx.T @ x, du.T @ h_prev, dx.sum(0), du.sum(0), dx @ Wx, dh_prev


def gru_step_backward_without_the_direct_path(Wx, Wh, bx, bh, x, h_prev, dh):
    return _step_back(Wx, Wh, bx, bh, x, h_prev, dh, direct=False)


def gru_step_backward_without_reset(Wx, Wh, bx, bh, x, h_prev, dh):
    return _step_back(Wx, Wh, bx, bh, x, h_prev, dh, reset=False)


def gru_backward_of_the_last_step(Wx, Wh, bx, bh, x, h0, dh_T):
    h = h0
    for t in range(x.shape[1]):
        before, h = h, gru_by_torch(Wx, Wh, bx, bh, x[:, t], h)
    return _step_back(Wx, Wh, bx, bh, x[:, -1], before, dh_T)[:4]


def trained_without_clipping(Wx, Wh, b, V, c, x, target, rate, limit):
    return trained_by_torch(Wx, Wh, b, V, c, x, target, rate, np.inf)


def trained_uphill(Wx, Wh, b, V, c, x, target, rate, limit):
    return trained_by_torch(Wx, Wh, b, V, c, x, target, -rate, limit)


WRONG = [
    ("ps5_rnn_forward", rnn_forward_time_first, "sequences come first|the shape"),
    ("ps5_rnn_forward", rnn_forward_by_columns, "Wh is transposed"),
    ("ps5_answer_loss", answer_loss_with_a_sum, "their mean"),
    ("ps5_answer_loss", answer_loss_without_the_hit, "less 1 for the right class"),
    ("ps5_rnn_backward", rnn_backward_of_each_loss_alone, "what comes back from the later steps is missing"),
    ("ps5_rnn_backward", rnn_backward_without_slope, "slope of tanh"),
    ("ps5_gru_step", gru_step_that_writes, "Here z keeps"),
    ("ps5_gru_step", gru_step_reset_before, "Here it comes after"),
    ("ps5_gru_step_backward", gru_step_backward_without_the_direct_path, "direct path"),
    ("ps5_gru_step_backward", gru_step_backward_without_reset, "reset gate gets no gradient"),
    ("ps5_gru_backward", gru_backward_of_the_last_step, "not accumulated over time"),
    ("ps5_trained", trained_without_clipping, "nothing is clipped"),
    ("ps5_trained", trained_uphill, "this climbs"),
]

# Right ----------------------------------------------------------------------------------------------------------------


def _leaves(*arrays):
    return [torch.tensor(array, dtype=torch.float64, requires_grad=True) for array in arrays]


def rnn_forward_by_einsum(Wx, Wh, b, x, h0):
    h = np.empty((len(x), x.shape[1] + 1, len(b)))
    h[:, 0] = h0
    for t, from_x in enumerate(np.einsum("btd,hd->tbh", x, Wx)):
        h[:, t + 1] = np.tanh(from_x + np.einsum("bk,hk->bh", h[:, t], Wh) + b)
    return h


def answer_loss_by_autograd(V, c, h, target):
    V, c, h = _leaves(V, c, h)
    loss = torch.nn.functional.cross_entropy(h @ V.T + c, torch.tensor(target))
    loss.backward()
    return {"dh": h.grad, "loss": loss.item(), "dc": c.grad.numpy(), "dV": V.grad}


def rnn_backward_by_autograd(Wx, Wh, x, h, dh):
    """The bias is not given: it is what makes the first step come out right."""
    Wx, Wh, x, start = _leaves(Wx, Wh, x, h[:, 0])
    first = np.arctanh(h[0, 1]) - (x[0, 0] @ Wx.T + start[0] @ Wh.T).detach().numpy()
    (b,) = _leaves(first)
    state, total = start, 0
    for t in range(x.shape[1]):
        state = torch.tanh(x[:, t] @ Wx.T + state @ Wh.T + b)
        total = total + (state * torch.tensor(dh[:, t])).sum()
    total.backward()
    return [leaf.grad.numpy() for leaf in (Wx, Wh, b, x, start)]


def gru_by_torch(Wx, Wh, bx, bh, x, h_prev):
    cell = torch.nn.GRUCell(x.shape[1], h_prev.shape[1], dtype=torch.float64)
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    cell.load_state_dict({name: torch.tensor(W) for name, W in zip(names, (Wx, Wh, bx, bh), strict=True)})
    return cell(torch.tensor(x), torch.tensor(h_prev)).detach().numpy()


def gru_step_backward_by_autograd(Wx, Wh, bx, bh, x, h_prev, dh):
    leaves = _leaves(Wx, Wh, bx, bh, x, h_prev)
    h = torch.gru_cell(leaves[4], leaves[5], *leaves[:4])
    return torch.autograd.grad(h, leaves, torch.tensor(dh))


def gru_backward_by_autograd(Wx, Wh, bx, bh, x, h0, dh_T):
    leaves = _leaves(Wx, Wh, bx, bh)
    h = torch.tensor(h0)
    for t in range(x.shape[1]):
        h = torch.gru_cell(torch.tensor(x[:, t]), h, *leaves)
    return torch.autograd.grad(h, leaves, torch.tensor(dh_T))


def trained_by_torch(Wx, Wh, b, V, c, x, target, rate, limit):
    """torch clips to limit / (norm + 1e-6), so the norm is taken by hand."""
    leaves, losses = _leaves(Wx, Wh, b, V, c), []
    optimiser = torch.optim.SGD(leaves, lr=abs(rate), maximize=bool(rate < 0))
    for batch, wanted in zip(x, target, strict=True):
        h = torch.zeros(len(batch), len(Wh), dtype=torch.float64)
        for t in range(batch.shape[1]):
            h = torch.tanh(torch.tensor(batch[:, t]) @ leaves[0].T + h @ leaves[1].T + leaves[2])
        loss = torch.nn.functional.cross_entropy(h @ leaves[3].T + leaves[4], torch.tensor(wanted))
        optimiser.zero_grad()
        loss.backward()
        norm = torch.sqrt(sum((leaf.grad**2).sum() for leaf in leaves))
        for leaf in leaves:
            leaf.grad *= min(1, limit / norm)
        optimiser.step()
        losses.append(loss.item())
    return [np.array(losses), *(leaf.detach().numpy() for leaf in leaves)]


RIGHT = [
    ("ps5_rnn_forward", rnn_forward_by_einsum),
    ("ps5_answer_loss", answer_loss_by_autograd),
    ("ps5_rnn_backward", rnn_backward_by_autograd),
    ("ps5_gru_step", gru_by_torch),
    ("ps5_gru_step_backward", gru_step_backward_by_autograd),
    ("ps5_gru_backward", gru_backward_by_autograd),
    ("ps5_trained", trained_by_torch),
]
