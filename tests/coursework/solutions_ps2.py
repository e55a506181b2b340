"""Wrong and right answers to assignment 2, as students write them; see solutions_ps1."""

import numpy as np
import torch

# Wrong ----------------------------------------------------------------------------------------------------------------

THRESHOLD = 1.0


def steps_by_radius(Wh, share):
    q = max(abs(np.linalg.eigvals(Wh))) / 4
    return int(np.floor(np.log(share) / np.log(q))) + 1


def steps_without_slope(Wh, share):
    q = np.linalg.norm(Wh, 2)
    return int(np.floor(np.log(share) / np.log(q))) + 1


def steps_one_too_few(Wh, share):
    q = np.linalg.norm(Wh, 2) / 4
    return int(np.log(share) / np.log(q))


def must_vanish_by_radius(matrices):
    return [max(abs(np.linalg.eigvals(W))) < 1 for W in matrices]


def must_vanish_by_frobenius(matrices):
    return [np.linalg.norm(W) < 1 for W in matrices]


def must_vanish_by_entries(matrices):
    return [bool(np.all(np.abs(W) < 1)) for W in matrices]


def curve_of_bounds(J):
    norms = [1.0]
    for step in J:
        norms.append(norms[-1] * np.linalg.norm(step, 2))
    return norms


def curve_in_the_wrong_order(J):
    product, norms = np.eye(J.shape[1]), [1.0]
    for step in J:
        product = product @ step
        norms.append(np.linalg.norm(product, 2))
    return norms


def curve_without_the_start(J):
    product, norms = np.eye(J.shape[1]), []
    for step in J:
        product = step @ product
        norms.append(np.linalg.norm(product, 2))
    return norms


def curve_for_one_unit(J):
    return np.cumprod(np.append(1.0, np.abs(J[:, 0, 0])))


def bias_without_inverse(Wh, h):
    return h - Wh @ h


def bias_transposed(Wh, h):
    return np.arctanh(h) - h @ Wh


def bias_broadcast(Wh, h):
    return np.arctanh(h) - Wh * h


def rate_of_the_weights(Wh, h):
    return np.abs(np.linalg.eigvals(Wh)).max()


def rate_by_norm(Wh, h):
    return np.linalg.norm((1 - h**2)[:, None] * Wh, 2)


def rate_of_real_parts(Wh, h):
    return np.linalg.eigvals((1 - h**2)[:, None] * Wh).real.max()


def scaled_for_one_step(Wh, share, lag):
    return Wh * share / np.linalg.norm(Wh, 2)


def scaled_for_a_sigmoid(Wh, share, lag):
    return Wh * 4 * share ** (1 / lag) / np.linalg.norm(Wh, 2)


def clipped_by_columns(g, c):
    return g / np.maximum(1, np.linalg.norm(g, axis=0) / c)


def clipped_all_together(g, c):
    norm = np.linalg.norm(g)
    return g * min(1, c / norm)


def clipped_always(g, c):
    return c * g / np.linalg.norm(g, axis=1, keepdims=True)


def clipped_only_if_square(g, c):
    return g / np.maximum(1, np.linalg.norm(g, axis=1) / c)


def clipped_at_a_global(g, c):
    return g / np.maximum(1, np.linalg.norm(g, axis=1, keepdims=True) / THRESHOLD)


def turning_as_angle(g, c):
    clipped = np.clip(g, -c, c)
    cosine = (g * clipped).sum(1) / np.linalg.norm(g, axis=1) / np.linalg.norm(clipped, axis=1)
    return np.arccos(cosine)


def turning_above_only(g, c):
    clipped = np.where(g > c, c, g)
    return (g * clipped).sum(1) / np.linalg.norm(g, axis=1) / np.linalg.norm(clipped, axis=1)


def turning_in_place(g, c):
    clipped = g
    clipped[clipped > c] = c
    clipped[clipped < -c] = -c
    return (g * clipped).sum(1) / np.linalg.norm(g, axis=1) / np.linalg.norm(clipped, axis=1)


WRONG = [
    ("ps2_steps_until_gone", steps_by_radius, "spectral radius"),
    ("ps2_steps_until_gone", steps_without_slope, "σ' is left out"),
    ("ps2_steps_until_gone", steps_one_too_few, "one step too few"),
    ("ps2_must_vanish", must_vanish_by_radius, "spectral radius"),
    ("ps2_must_vanish", must_vanish_by_frobenius, "Frobenius"),
    ("ps2_must_vanish", must_vanish_by_entries, "single weights"),
    ("ps2_growth_curve", curve_of_bounds, "only a bound"),
    ("ps2_growth_curve", curve_in_the_wrong_order, "wrong order"),
    ("ps2_growth_curve", curve_without_the_start, "first entry is missing"),
    ("ps2_growth_curve", curve_for_one_unit, "numbers differ"),
    ("ps2_holding_bias", bias_without_inverse, "missing inverse"),
    ("ps2_holding_bias", bias_transposed, "transposed"),
    ("ps2_holding_bias", bias_broadcast, "wrong broadcasting"),
    ("ps2_rest_rate", rate_of_the_weights, "radius of Wh"),
    ("ps2_rest_rate", rate_by_norm, "norm of J"),
    ("ps2_rest_rate", rate_of_real_parts, "complex or negative"),
    ("ps2_scaled", scaled_for_one_step, "after one step"),
    ("ps2_scaled", scaled_for_a_sigmoid, "sigmoid's slope"),
    ("ps2_clip_by_norm", clipped_by_columns, "wrong axis"),
    ("ps2_clip_by_norm", clipped_all_together, "one norm for all rows"),
    ("ps2_clip_by_norm", clipped_always, "clips always"),
    ("ps2_clip_by_norm", clipped_only_if_square, "raised ValueError"),
    ("ps2_clip_by_norm", clipped_at_a_global, "clips at 1"),
    ("ps2_turning", turning_as_angle, "this is the angle"),
    ("ps2_turning", turning_above_only, "Large negative"),
    ("ps2_turning", turning_in_place, "changed in place is compared"),
]

# Right ----------------------------------------------------------------------------------------------------------------


def steps_by_counting(Wh, share):
    singular_values = np.linalg.svd(Wh, compute_uv=False)
    n = 1
    while (singular_values[0] * 0.25) ** n >= share:
        n += 1
    return n


def must_vanish_by_eigenvalues(matrices):
    return [bool(np.linalg.eigvalsh(W.T @ W)[-1] < 1) for W in matrices]


def curve_by_recursion(J):
    if len(J) == 0:
        return [1.0]
    product = J[0]
    for step in J[1:]:
        product = step @ product
    return [*curve_by_recursion(J[:-1]), np.linalg.svd(product)[1][0]]


def bias_with_logarithms(Wh, h):
    return [0.5 * np.log((1 + h[i]) / (1 - h[i])) - sum(Wh[i, j] * h[j] for j in range(len(h))) for i in range(len(h))]


def rate_from_the_other_side(Wh, h):
    return max(abs(np.linalg.eigvals(Wh @ np.diag(1 - h**2))))  # AB and BA have the same eigenvalues


def scaled_by_torch(Wh, share, lag):
    W = torch.from_numpy(Wh)
    return W / torch.linalg.matrix_norm(W, 2) * share ** (1 / lag)


def clipped_in_a_loop(g, c):
    rows = []
    for row in g.tolist():
        norm = sum(entry * entry for entry in row) ** 0.5
        rows.append([entry * c / norm for entry in row] if norm > c else row)
    return rows


def clipped_as_torch(g, c):
    return g * np.minimum(1, c / (np.linalg.norm(g, axis=1, keepdims=True) + 1e-6))


def turning_by_einsum(g, c):
    clipped = np.minimum(np.maximum(g, -c), c)
    dots = np.einsum("sp,sp->s", g, clipped)
    return dots / np.sqrt(np.einsum("sp,sp->s", g, g) * np.einsum("sp,sp->s", clipped, clipped))


RIGHT = [
    ("ps2_steps_until_gone", steps_by_counting),
    ("ps2_must_vanish", must_vanish_by_eigenvalues),
    ("ps2_growth_curve", curve_by_recursion),
    ("ps2_holding_bias", bias_with_logarithms),
    ("ps2_rest_rate", rate_from_the_other_side),
    ("ps2_scaled", scaled_by_torch),
    ("ps2_clip_by_norm", clipped_in_a_loop),
    ("ps2_clip_by_norm", clipped_as_torch),
    ("ps2_turning", turning_by_einsum),
]
