"""Wrong and right answers to assignment 1, as students write them. Each function needs np, sigmoid or torch only.

WRONG holds (question, function, a part of the hint that it must get), RIGHT holds (question, function).
"""

import numpy as np
import torch

from course_utils.cells import sigmoid

# Wrong ----------------------------------------------------------------------------------------------------------------

LEFT_OVER = np.linspace(-1, 1, 5)  # a variable that happens to lie about in somebody's notebook


def states_in_an_integer_array(w, u, b, x, h0):
    h = np.full(len(x) + 1, h0)
    for t in range(len(x)):
        h[t + 1] = np.tanh(w * h[t] + u * x[t] + b)
    return h


def states_without_the_start(w, u, b, x, h0):
    h, out = h0, []
    for x_t in x:
        h = np.tanh(w * h + u * x_t + b)
        out.append(h)
    return np.array(out)


def states_one_input_late(w, u, b, x, h0):
    h = [h0]
    for t in range(len(x)):
        h.append(np.tanh(w * h[t] + u * (x[t - 1] if t > 0 else 0) + b))
    return np.array(h)


def states_from_a_global(w, u, b, x, h0):
    h = [h0]
    for x_t in LEFT_OVER:
        h.append(np.tanh(w * h[-1] + u * x_t + b))
    return np.array(h)


def states_without_bias(w, u, b, x, h0):
    h = [h0]
    for x_t in x:
        h.append(np.tanh(w * h[-1] + u * x_t))
    return np.array(h)


def rate_at_one_half(w, b):
    return w * 0.5 * 0.5


def rate_without_weight(w, b):
    h = 0.5
    for _ in range(500):
        h = sigmoid(w * h + b)
    return h * (1 - h)


def rate_of_tanh(w, b):
    h = 0.5
    for _ in range(500):
        h = sigmoid(w * h + b)
    return (1 - h * h) * w


def gradients_forwards(w, h):
    g = [1.0]
    for h_t in h[1:]:
        g.append(g[-1] * w * (1 - h_t**2))
    return np.array(g)


def gradients_off_by_one(w, h):
    g = [1.0]
    for h_t in h[-2::-1]:
        g.append(g[-1] * w * (1 - h_t**2))
    return np.array(g[::-1])


def gradients_without_slope(w, h):
    return np.array([w ** (len(h) - 1 - k) for k in range(len(h))])


def slopes_with_the_start(h):
    return 1 - h**2


def slopes_of_a_sigmoid(h):
    return h[1:] * (1 - h[1:])


def jacobian_by_columns(Wh, slope):
    return Wh * slope


def jacobian_for_one_unit(Wh, slope):
    return np.array([[float(slope[0] * Wh[0, 0])]])


def jacobian_without_slope(Wh, slope):
    return Wh


def totals_without_transpose(J, dh):
    total = dh.copy()
    for t in reversed(range(len(dh) - 1)):
        total[t] = dh[t] + J[t + 1] @ total[t + 1]
    return total


def totals_direct_only(J, dh):
    return dh


def totals_into_one_array(J, dh):
    later, total = np.zeros(dh.shape[1]), []
    for t in reversed(range(len(dh))):
        later += dh[t]
        total.append(later)  # the same array each time, changed in place below
        later[:] = J[t].T @ later
    return np.array(total[::-1])


def share_turned(delta, slope, met):
    return np.outer(met, delta * slope)


def share_without_slope(delta, slope, met):
    return np.outer(delta, met)


def share_only_if_square(delta, slope, met):
    return np.diag(delta * slope) @ np.tile(met, (len(met), 1))


def gradient_replaced(Wx, Wh, b, x, y, h0):
    h = [h0]
    for x_t in x:
        h.append(np.tanh(Wx @ x_t + Wh @ h[-1] + b))
    later = np.zeros(len(Wh))
    for t in range(len(x), 0, -1):
        da = (h[t] - y[t - 1] + later) * (1 - h[t] ** 2)
        dWh = np.outer(da, h[t - 1])
        later = Wh.T @ da
    return dWh


def gradient_of_the_last_use(Wx, Wh, b, x, y, h0):
    h_prev, h = None, h0
    for x_t in x:
        h_prev, h = h, np.tanh(Wx @ x_t + Wh @ h + b)
    return np.outer((h - y[-1]) * (1 - h**2), h_prev)


def gradient_without_transpose(Wx, Wh, b, x, y, h0):
    h = [h0]
    for x_t in x:
        h.append(np.tanh(Wx @ x_t + Wh @ h[-1] + b))
    dWh, later = np.zeros_like(Wh), np.zeros(len(Wh))
    for t in range(len(x), 0, -1):
        da = (h[t] - y[t - 1] + later) * (1 - h[t] ** 2)
        dWh += np.outer(da, h[t - 1])
        later = Wh @ da
    return dWh


def gradient_without_slope(Wx, Wh, b, x, y, h0):
    h = [h0]
    for x_t in x:
        h.append(np.tanh(Wx @ x_t + Wh @ h[-1] + b))
    dWh, later = np.zeros_like(Wh), np.zeros(len(Wh))
    for t in range(len(x), 0, -1):
        da = h[t] - y[t - 1] + later
        dWh += np.outer(da, h[t - 1])
        later = Wh.T @ da
    return dWh


def gradient_only_if_H_is_D(Wx, Wh, b, x, y, h0):
    h = np.zeros((len(x) + 1, Wx.shape[1]))
    h[0] = h0
    for t in range(len(x)):
        h[t + 1] = np.tanh(Wx @ x[t] + Wh @ h[t] + b)
    return (h[1:] - y).T @ h[:-1]


WRONG = [
    ("ps1_states", states_in_an_integer_array, "whole numbers"),
    ("ps1_states", states_without_the_start, "the start is missing"),
    ("ps1_states", states_one_input_late, "one step late"),
    ("ps1_states", states_from_a_global, "the shape is"),
    ("ps1_states", states_without_bias, "the bias b is missing"),
    ("ps1_rate", rate_at_one_half, "at h = 1/2"),
    ("ps1_rate", rate_without_weight, "w is left out"),
    ("ps1_rate", rate_of_tanh, "slope of tanh"),
    ("ps1_gradients_to_past", gradients_forwards, "back from the end"),
    ("ps1_gradients_to_past", gradients_off_by_one, "off by one"),
    ("ps1_gradients_to_past", gradients_without_slope, "σ' is left out"),
    ("ps1_slopes", slopes_with_the_start, "h_0 has no slope"),
    ("ps1_slopes", slopes_of_a_sigmoid, "slope of a sigmoid"),
    ("ps1_step_jacobian", jacobian_by_columns, "wrong broadcasting"),
    ("ps1_step_jacobian", jacobian_for_one_unit, "the shape is (1, 1)"),
    ("ps1_step_jacobian", jacobian_without_slope, "σ' is left out"),
    ("ps1_totals", totals_without_transpose, "missing transpose"),
    ("ps1_totals", totals_direct_only, "only the direct gradients"),
    ("ps1_totals", totals_into_one_array, "numbers differ"),
    ("ps1_share", share_turned, "wrong way round"),
    ("ps1_share", share_without_slope, "σ' is left out"),
    ("ps1_share", share_only_if_square, "raised ValueError"),
    ("ps1_gradient_of_Wh", gradient_replaced, "gradient not accumulated over time"),
    ("ps1_gradient_of_Wh", gradient_of_the_last_use, "missing sum over k"),
    ("ps1_gradient_of_Wh", gradient_without_transpose, "missing transpose"),
    ("ps1_gradient_of_Wh", gradient_without_slope, "σ' is left out"),
    ("ps1_gradient_of_Wh", gradient_only_if_H_is_D, "raised ValueError"),
]

# Right ----------------------------------------------------------------------------------------------------------------


def states_by_recursion(w, u, b, x, h0):
    if len(x) == 0:
        return [h0]
    before = states_by_recursion(w, u, b, x[:-1], h0)
    return [*before, float(np.tanh(w * before[-1] + u * x[-1] + b))]


def rate_by_torch(w, b):
    h = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    with torch.no_grad():
        for _ in range(500):
            h = torch.sigmoid(w * h + b)
    h.requires_grad_(True)
    return torch.autograd.grad(torch.sigmoid(w * h + b), h)[0]


def gradients_in_a_double_loop(w, h):
    answer = []
    for k in range(len(h)):
        product = 1
        for t in range(k + 1, len(h)):
            product = product * w * (1 - h[t] * h[t])
        answer.append(product)
    return answer


def slopes_as_lists(h):
    return [[1 - unit**2 for unit in row] for row in h.tolist()[1:]]


def jacobian_by_einsum(Wh, slope):
    return np.einsum("i,ij->ij", slope, Wh)


def totals_transposed(J, dh):
    columns = dh.T.copy()
    for t in range(columns.shape[1] - 2, -1, -1):
        columns[:, t] += (columns[:, t + 1][None, :] @ J[t + 1])[0]
    return columns.T


def share_by_broadcasting(delta, slope, met):
    return (delta * slope)[:, None] * met[None, :]


def gradient_by_torch(Wx, Wh, b, x, y, h0):
    Wx, b, x, y, h = (torch.from_numpy(np.array(part)) for part in (Wx, b, x, y, h0))
    weights = torch.tensor(Wh, requires_grad=True)
    L = 0
    for x_t, y_t in zip(x, y, strict=True):
        h = torch.tanh(Wx @ x_t + weights @ h + b)
        L = L + 0.5 * ((h - y_t) ** 2).sum()
    L.backward()
    return weights.grad.numpy()


def gradient_by_complex_steps(Wx, Wh, b, x, y, h0):
    def loss(W):
        h, L = h0, 0
        for x_t, y_t in zip(x, y, strict=True):
            h = np.tanh(Wx @ x_t + W @ h + b)
            L = L + 0.5 * np.sum((h - y_t) ** 2)
        return L

    answer = np.empty(Wh.shape)
    for i, j in np.ndindex(*Wh.shape):
        W = Wh.astype(complex)
        W[i, j] += 1e-30j
        answer[i, j] = loss(W).imag / 1e-30
    return answer


RIGHT = [
    ("ps1_states", states_by_recursion),
    ("ps1_rate", rate_by_torch),
    ("ps1_gradients_to_past", gradients_in_a_double_loop),
    ("ps1_slopes", slopes_as_lists),
    ("ps1_step_jacobian", jacobian_by_einsum),
    ("ps1_totals", totals_transposed),
    ("ps1_share", share_by_broadcasting),
    ("ps1_gradient_of_Wh", gradient_by_torch),
    ("ps1_gradient_of_Wh", gradient_by_complex_steps),
]
