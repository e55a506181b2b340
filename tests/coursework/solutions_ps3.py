"""Wrong and right answers to assignment 3, as students write them; see solutions_ps1."""

import numpy as np
import torch

from course_utils.cells import sigmoid

# Wrong ----------------------------------------------------------------------------------------------------------------


def steps_with_z_writing(Wx, Wh, bx, bh, x, h_prev):
    H = len(h_prev)
    a, u = Wx @ x + bx, Wh @ h_prev + bh
    r, z = sigmoid(a[:H] + u[:H]), sigmoid(a[H : 2 * H] + u[H : 2 * H])
    before = np.tanh(a[2 * H :] + Wh[2 * H :] @ (r * h_prev) + bh[2 * H :])
    after = np.tanh(a[2 * H :] + r * u[2 * H :])
    return np.array([(1 - z) * h_prev + z * before, (1 - z) * h_prev + z * after])


def steps_with_reset_always_before(Wx, Wh, bx, bh, x, h_prev):
    H = len(h_prev)
    a, u = Wx @ x + bx, Wh @ h_prev + bh
    r, z = sigmoid(a[:H] + u[:H]), sigmoid(a[H : 2 * H] + u[H : 2 * H])
    n = np.tanh(a[2 * H :] + Wh[2 * H :] @ (r * h_prev) + bh[2 * H :])
    return np.array([z * h_prev + (1 - z) * n] * 2)


def steps_with_bias_outside(Wx, Wh, bx, bh, x, h_prev):
    H = len(h_prev)
    a, u = Wx @ x + bx, Wh @ h_prev + bh
    r, z = sigmoid(a[:H] + u[:H]), sigmoid(a[H : 2 * H] + u[H : 2 * H])
    before = np.tanh(a[2 * H :] + Wh[2 * H :] @ (r * h_prev) + bh[2 * H :])
    after = np.tanh(a[2 * H :] + r * (Wh[2 * H :] @ h_prev) + bh[2 * H :])
    return np.array([z * h_prev + (1 - z) * before, z * h_prev + (1 - z) * after])


def steps_with_blocks_z_r_n(Wx, Wh, bx, bh, x, h_prev):
    H = len(h_prev)
    a, u = Wx @ x + bx, Wh @ h_prev + bh
    z, r = sigmoid(a[:H] + u[:H]), sigmoid(a[H : 2 * H] + u[H : 2 * H])
    before = np.tanh(a[2 * H :] + Wh[2 * H :] @ (r * h_prev) + bh[2 * H :])
    after = np.tanh(a[2 * H :] + r * u[2 * H :])
    return np.array([z * h_prev + (1 - z) * before, z * h_prev + (1 - z) * after])


def steps_only_if_H_is_D(Wx, Wh, bx, bh, x, h_prev):
    D = len(x)
    a, u = Wx @ x + bx, Wh @ h_prev + bh
    r, z = sigmoid(a[:D] + u[:D]), sigmoid(a[D : 2 * D] + u[D : 2 * D])
    before = np.tanh(a[2 * D :] + Wh[2 * D :] @ (r * h_prev) + bh[2 * D :])
    after = np.tanh(a[2 * D :] + r * u[2 * D :])
    return np.array([z * h_prev + (1 - z) * before, z * h_prev + (1 - z) * after])


def import_in_order_only(W):
    z, r, n = np.split(W, 3)
    return np.concatenate([r, z, n])


def import_with_r_negated(W):
    z, r, n = np.split(W, 3)
    return np.concatenate([-r, z, n])


def import_with_one_minus_z(W):
    z, r, n = np.split(W, 3)
    return np.concatenate([r, 1 - z, n])


def import_for_one_unit(W):
    return np.array([W[1], -W[0], W[2]])


def run_as_printed(Wx, Wh, bx, bh, x, h0):
    (Wr, Wz, Wn), (br, bz, bn) = np.split(Wh, 3), np.split(bh, 3)
    h, tilde_prev = [h0], np.zeros_like(h0)
    for x_t in x:
        xr, xz, xn = np.split(Wx @ x_t + bx, 3)
        r, z = sigmoid(xr + Wr @ h[-1] + br), sigmoid(xz + Wz @ h[-1] + bz)
        h_tilde = np.tanh(xn + Wn @ (r * h[-1]) + bn)
        h.append(z * tilde_prev + (1 - z) * h_tilde)
        tilde_prev = h_tilde
    return np.array(h)


def run_without_any_tilde(Wx, Wh, bx, bh, x, h0):
    return np.array([h0] * (len(x) + 1))


def run_in_place(Wx, Wh, bx, bh, x, h0):
    (Wr, Wz, Wn), (br, bz, bn) = np.split(Wh, 3), np.split(bh, 3)
    h, states = h0, [h0]
    for x_t in x:
        xr, xz, xn = np.split(Wx @ x_t + bx, 3)
        r, z = sigmoid(xr + Wr @ h + br), sigmoid(xz + Wz @ h + bz)
        h_tilde = np.tanh(xn + Wn @ (r * h) + bn)
        h *= z
        h += (1 - z) * h_tilde
        states.append(h)
    return np.array(states)


def run_from_zero(Wx, Wh, bx, bh, x, h0):
    (Wr, Wz, Wn), (br, bz, bn) = np.split(Wh, 3), np.split(bh, 3)
    h = [np.zeros(len(bn))]
    for x_t in x:
        xr, xz, xn = np.split(Wx @ x_t + bx, 3)
        r, z = sigmoid(xr + Wr @ h[-1] + br), sigmoid(xz + Wz @ h[-1] + bz)
        h.append(z * h[-1] + (1 - z) * np.tanh(xn + Wn @ (r * h[-1]) + bn))
    return np.array(h)


def loss_as_printed(h, v, y):
    answers = h @ v[:, None]
    return np.mean((answers - y) ** 2)


def loss_summed(h, v, y):
    return np.sum((h @ v - y) ** 2)


def loss_from_the_diagonal(h, v, y):
    squares = (h @ v[:, None] - y) ** 2
    return np.mean(np.diag(np.diag(squares)))


def gate_by_columns(W, g):
    return W * (g * (1 - g))


def gate_of_tanh(W, g):
    return np.diag(1 - g**2) @ W


def gate_without_slope(W, g):
    return W


def state_with_the_sign_turned(h_prev, h_tilde):
    return np.diag(h_tilde - h_prev)


def state_as_a_vector(h_prev, h_tilde):
    return h_prev - h_tilde


def reset_with_r_held(Wr, r, h_prev):
    return np.diag(r)


def reset_broadcast(Wr, r, h_prev):
    return r + (h_prev * r * (1 - r))[:, None] * Wr


def reset_by_columns(Wr, r, h_prev):
    return np.diag(r) + (r * (1 - r))[:, None] * Wr * h_prev


def candidate_in_the_wrong_order(Wn, h_tilde, inner):
    return (1 - h_tilde**2)[:, None] * (inner @ Wn)


def candidate_without_slope(Wn, h_tilde, inner):
    return Wn @ inner


def candidate_transposed(Wn, h_tilde, inner):
    return (1 - h_tilde**2)[:, None] * (Wn.T @ inner)


def jacobian_without_reset_path(Wx, Wh, bx, bh, x, h_prev):
    (Wr, Wz, Wn), (br, bz, bn) = np.split(Wh, 3), np.split(bh, 3)
    xr, xz, xn = np.split(Wx @ x + bx, 3)
    r, z = sigmoid(xr + Wr @ h_prev + br), sigmoid(xz + Wz @ h_prev + bz)
    n = np.tanh(xn + Wn @ (r * h_prev) + bn)
    update = ((h_prev - n) * z * (1 - z))[:, None] * Wz
    return np.diag(z) + update + ((1 - z) * (1 - n**2))[:, None] * Wn * r


def jacobian_with_update_turned(Wx, Wh, bx, bh, x, h_prev):
    (Wr, Wz, Wn), (br, bz, bn) = np.split(Wh, 3), np.split(bh, 3)
    xr, xz, xn = np.split(Wx @ x + bx, 3)
    r, z = sigmoid(xr + Wr @ h_prev + br), sigmoid(xz + Wz @ h_prev + bz)
    n = np.tanh(xn + Wn @ (r * h_prev) + bn)
    update = ((n - h_prev) * z * (1 - z))[:, None] * Wz
    inner = np.diag(r) + (h_prev * r * (1 - r))[:, None] * Wr
    return np.diag(z) + update + ((1 - z) * (1 - n**2))[:, None] * (Wn @ inner)


def jacobian_transposed(Wx, Wh, bx, bh, x, h_prev):
    (Wr, Wz, Wn), (br, bz, bn) = np.split(Wh, 3), np.split(bh, 3)
    xr, xz, xn = np.split(Wx @ x + bx, 3)
    r, z = sigmoid(xr + Wr @ h_prev + br), sigmoid(xz + Wz @ h_prev + bz)
    n = np.tanh(xn + Wn @ (r * h_prev) + bn)
    update = ((h_prev - n) * z * (1 - z))[:, None] * Wz
    inner = np.diag(r) + (h_prev * r * (1 - r))[:, None] * Wr
    return (np.diag(z) + update + ((1 - z) * (1 - n**2))[:, None] * (Wn @ inner)).T


def jacobian_with_gates_held(Wx, Wh, bx, bh, x, h_prev):
    (Wr, Wz, Wn), (br, bz, bn) = np.split(Wh, 3), np.split(bh, 3)
    xr, xz, xn = np.split(Wx @ x + bx, 3)
    r, z = sigmoid(xr + Wr @ h_prev + br), sigmoid(xz + Wz @ h_prev + bz)
    n = np.tanh(xn + Wn @ (r * h_prev) + bn)
    return np.diag(z) + ((1 - z) * (1 - n**2))[:, None] * Wn * r


WRONG = [
    ("ps3_gru_steps", steps_with_z_writing, "z and 1-z are swapped"),
    ("ps3_gru_steps", steps_with_reset_always_before, "both rows have the reset before"),
    ("ps3_gru_steps", steps_with_bias_outside, "candidate's part of bh"),
    ("ps3_gru_steps", steps_with_blocks_z_r_n, "row blocks"),
    ("ps3_gru_steps", steps_only_if_H_is_D, "raised ValueError"),
    ("ps3_import_weights", import_in_order_only, "z and 1-z are swapped"),
    ("ps3_import_weights", import_with_r_negated, "wrong block"),
    ("ps3_import_weights", import_with_one_minus_z, "1 - z is taken of the weights"),
    ("ps3_import_weights", import_for_one_unit, "the shape is"),
    ("ps3_repaired_run", run_as_printed, "the tilde is still there"),
    ("ps3_repaired_run", run_without_any_tilde, "the other candidate has lost its tilde"),
    ("ps3_repaired_run", run_in_place, "changed in place"),
    ("ps3_repaired_run", run_from_zero, "the start is taken as zero"),
    ("ps3_readout_loss", loss_as_printed, "wrong broadcasting"),
    ("ps3_readout_loss", loss_summed, "sums over the batch"),
    ("ps3_readout_loss", loss_from_the_diagonal, "the diagonal was picked"),
    ("ps3_gate_by_state", gate_by_columns, "wrong broadcasting"),
    ("ps3_gate_by_state", gate_of_tanh, "slope of tanh"),
    ("ps3_gate_by_state", gate_without_slope, "σ' is left out"),
    ("ps3_state_by_gate", state_with_the_sign_turned, "the sign is turned"),
    ("ps3_state_by_gate", state_as_a_vector, "this is a vector"),
    ("ps3_reset_by_state", reset_with_r_held, "r depends on h_prev"),
    ("ps3_reset_by_state", reset_broadcast, "wrong broadcasting"),
    ("ps3_reset_by_state", reset_by_columns, "wrong axis"),
    ("ps3_candidate_by_state", candidate_in_the_wrong_order, "wrong order"),
    ("ps3_candidate_by_state", candidate_without_slope, "σ' is left out"),
    ("ps3_candidate_by_state", candidate_transposed, "Wn is transposed"),
    ("ps3_gru_jacobian", jacobian_without_reset_path, "the reset path is missing"),
    ("ps3_gru_jacobian", jacobian_with_update_turned, "the update path has the wrong sign"),
    ("ps3_gru_jacobian", jacobian_transposed, "this is the transpose"),
    ("ps3_gru_jacobian", jacobian_with_gates_held, "both gates are held"),
]

# Right ----------------------------------------------------------------------------------------------------------------


def steps_unit_by_unit(Wx, Wh, bx, bh, x, h_prev):
    H = len(h_prev)
    D = len(x)
    from_x = [sum(Wx[i, j] * x[j] for j in range(D)) + bx[i] for i in range(3 * H)]
    from_h = [sum(Wh[i, j] * h_prev[j] for j in range(H)) + bh[i] for i in range(3 * H)]
    r = [1 / (1 + np.exp(-from_x[i] - from_h[i])) for i in range(H)]
    z = [1 / (1 + np.exp(-from_x[H + i] - from_h[H + i])) for i in range(H)]
    rows = [[], []]
    for i in range(H):
        k = 2 * H + i
        before = np.tanh(from_x[k] + sum(Wh[k, j] * r[j] * h_prev[j] for j in range(H)) + bh[k])
        after = np.tanh(from_x[k] + r[i] * from_h[k])
        rows[0].append(z[i] * h_prev[i] + (1 - z[i]) * before)
        rows[1].append(z[i] * h_prev[i] + (1 - z[i]) * after)
    return rows


def import_by_rolling(W):
    blocks = W.reshape(3, len(W) // 3, -1)[[1, 0, 2]] * np.array([1, -1, 1])[:, None, None]
    return blocks.reshape(W.shape)


def run_transposed(Wx, Wh, bx, bh, x, h0):
    H = len(h0)
    columns = np.empty((H, len(x) + 1))
    columns[:, 0] = h0
    for t in range(len(x)):
        h, a = columns[:, t], x[t] @ Wx.T + bx
        gates = sigmoid(a[: 2 * H] + h @ Wh[: 2 * H].T + bh[: 2 * H])
        n = np.tanh(a[2 * H :] + (gates[:H] * h) @ Wh[2 * H :].T + bh[2 * H :])
        columns[:, t + 1] = n + gates[H:] * (h - n)
    return columns.T


def run_by_recursion(Wx, Wh, bx, bh, x, h0):
    if len(x) == 0:
        return h0[None]
    (Wr, Wz, Wn), (br, bz, bn) = np.split(Wh, 3), np.split(bh, 3)
    xr, xz, xn = np.split(Wx @ x[0] + bx, 3)
    r, z = sigmoid(xr + Wr @ h0 + br), sigmoid(xz + Wz @ h0 + bz)
    h1 = z * h0 + (1 - z) * np.tanh(xn + Wn @ (r * h0) + bn)
    return np.vstack([h0, run_by_recursion(Wx, Wh, bx, bh, x[1:], h1)])


def loss_in_a_loop(h, v, y):
    total = 0
    for h_i, y_i in zip(h, y, strict=True):
        total += (sum(a * b for a, b in zip(h_i, v, strict=True)) - y_i) ** 2
    return total / len(y)


def gate_by_einsum(W, g):
    return np.einsum("i,i,ij->ij", g, 1 - g, W)


def state_in_a_loop(h_prev, h_tilde):
    answer = [[0.0] * len(h_prev) for _ in h_prev]
    for i in range(len(h_prev)):
        answer[i][i] = h_prev[i] - h_tilde[i]
    return answer


def reset_by_torch(Wr, r, h_prev):
    W, h = torch.from_numpy(Wr), torch.from_numpy(h_prev)
    held = torch.from_numpy(np.log(r / (1 - r))) - W @ h
    return torch.autograd.functional.jacobian(lambda state: torch.sigmoid(held + W @ state) * state, h)


def candidate_by_multi_dot(Wn, h_tilde, inner):
    return np.linalg.multi_dot([np.diag(1 - h_tilde**2), Wn, inner])


def jacobian_by_torch(Wx, Wh, bx, bh, x, h_prev):
    Wx, Wh, bx, bh, x, h_prev = (torch.from_numpy(np.array(part)) for part in (Wx, Wh, bx, bh, x, h_prev))

    def step(h):
        xr, xz, xn = (Wx @ x + bx).chunk(3)
        Wr, Wz, Wn = Wh.chunk(3)
        br, bz, bn = bh.chunk(3)
        r, z = torch.sigmoid(xr + Wr @ h + br), torch.sigmoid(xz + Wz @ h + bz)
        return z * h + (1 - z) * torch.tanh(xn + Wn @ (r * h) + bn)

    return torch.autograd.functional.jacobian(step, h_prev).numpy()


def jacobian_by_complex_steps(Wx, Wh, bx, bh, x, h_prev):
    (Wr, Wz, Wn), (br, bz, bn) = np.split(Wh, 3), np.split(bh, 3)
    xr, xz, xn = np.split(Wx @ x + bx, 3)
    columns = []
    for unit in np.eye(len(h_prev)):
        h = h_prev + 1e-30j * unit
        r, z = 1 / (1 + np.exp(-xr - Wr @ h - br)), 1 / (1 + np.exp(-xz - Wz @ h - bz))
        columns.append((z * h + (1 - z) * np.tanh(xn + Wn @ (r * h) + bn)).imag / 1e-30)
    return np.array(columns).T


RIGHT = [
    ("ps3_gru_steps", steps_unit_by_unit),
    ("ps3_import_weights", import_by_rolling),
    ("ps3_repaired_run", run_transposed),
    ("ps3_repaired_run", run_by_recursion),
    ("ps3_readout_loss", loss_in_a_loop),
    ("ps3_gate_by_state", gate_by_einsum),
    ("ps3_state_by_gate", state_in_a_loop),
    ("ps3_reset_by_state", reset_by_torch),
    ("ps3_candidate_by_state", candidate_by_multi_dot),
    ("ps3_gru_jacobian", jacobian_by_torch),
    ("ps3_gru_jacobian", jacobian_by_complex_steps),
]
