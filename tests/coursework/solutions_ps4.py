"""Wrong and right answers to assignment 4, as students write them; see solutions_ps1."""

import numpy as np
import torch

# Wrong ----------------------------------------------------------------------------------------------------------------


def biases_that_are_gates(lags, share):
    return share ** (1 / lags)


def biases_that_write(lags, share):
    z = share ** (1 / lags)
    return np.log((1 - z) / z)


def biases_by_rule_of_thumb(lags, share):
    return np.log(lags)


def biases_for_integers_only(lags, share):
    return np.array([0 if lag == 0 else int(np.log(lag)) for lag in lags])


def chrono_without_logarithm(u, longest):
    return 1 + u * (longest - 2)


def chrono_with_the_sign_turned(u, longest):
    return -np.log(1 + u * (longest - 2))


def chrono_up_to_longest(u, longest):
    return np.log(1 + u * (longest - 1))


def bias_of_a_fresh_gate():
    return 0.0


def bias_equal_to_the_lag():
    return 100


def bias_of_a_shut_gate():
    return -4.6


def solved_at_evaluation(eval_steps, scores, goal):
    return [next((i for i, score in enumerate(row) if score >= goal), -1) for row in scores]


def solved_at_zero_if_never(eval_steps, scores, goal):
    return eval_steps[np.argmax(scores >= goal, axis=1)]


def solved_at_above_only(eval_steps, scores, goal):
    return [next((t for t, score in zip(eval_steps, row, strict=True) if score > goal), -1) for row in scores]


def solved_at_the_best(eval_steps, scores, goal):
    return [eval_steps[row.argmax()] if row.max() >= goal else -1 for row in scores]


def keeps_forwards(z):
    return np.vstack([np.ones(z.shape[1]), np.cumprod(z, axis=0)])


def keeps_off_by_one(z):
    share, rows = np.ones(z.shape[1]), [np.ones(z.shape[1])]
    for z_t in z:
        share = share * z_t
        rows.append(share)
    return np.array(rows[::-1])


def keeps_in_one_array(z):
    share, rows = np.ones(z.shape[1]), []
    rows.append(share)
    for z_t in z[::-1]:
        share *= z_t
        rows.append(share)
    return np.array(rows[::-1])


def keeps_over_units(z):
    backwards = np.cumprod(z[:, ::-1], axis=1)[:, ::-1]
    return np.vstack([backwards, np.ones(z.shape[1])])


def contributions_unweighted(z, h_tilde, h0):
    left = np.vstack([np.cumprod(z[::-1], axis=0)[::-1], np.ones(len(h0))])
    return left * np.vstack([h0, h_tilde])


def contributions_as_written(z, h_tilde, h0):
    return np.vstack([h0, (1 - z) * h_tilde])


def contributions_summed(z, h_tilde, h0):
    h = h0
    for z_t, n_t in zip(z, h_tilde, strict=True):
        h = z_t * h + (1 - z_t) * n_t
    return h


def contributions_with_own_gate(z, h_tilde, h0):
    left = np.cumprod(z[::-1], axis=0)[::-1]
    return np.vstack([left[0] * h0, left * (1 - z) * h_tilde])


def half_lives_of_mean_gates(z):
    return np.log(0.5) / np.log(z.mean(axis=0))


def half_lives_of_the_layer(z):
    return np.log(0.5) / np.mean(np.log(z))


def half_lives_by_step(z):
    return np.log(0.5) / np.log(z).mean(axis=1)


def half_lives_to_one_over_e(z):
    return -1 / np.log(z).mean(axis=0)


WRONG = [
    ("ps4_biases", biases_that_are_gates, "this is the gate z"),
    ("ps4_biases", biases_that_write, "z and 1-z are swapped"),
    ("ps4_biases", biases_by_rule_of_thumb, "rule of thumb"),
    ("ps4_biases", biases_for_integers_only, "differ"),
    ("ps4_chrono", chrono_without_logarithm, "the logarithm is missing"),
    ("ps4_chrono", chrono_with_the_sign_turned, "z and 1-z are swapped"),
    ("ps4_chrono", chrono_up_to_longest, "upper end"),
    ("ps4_gate_bias", bias_of_a_fresh_gate, "a fresh gate"),
    ("ps4_gate_bias", bias_equal_to_the_lag, "that is the lag"),
    ("ps4_gate_bias", bias_of_a_shut_gate, "the gate is shut"),
    ("ps4_solved_at", solved_at_evaluation, "number of the evaluation"),
    ("ps4_solved_at", solved_at_zero_if_never, "never gets there"),
    ("ps4_solved_at", solved_at_above_only, "exactly"),
    ("ps4_solved_at", solved_at_the_best, "the best evaluation"),
    ("ps4_keeps", keeps_forwards, "looks forward"),
    ("ps4_keeps", keeps_off_by_one, "off by one in t"),
    ("ps4_keeps", keeps_in_one_array, "changed in place"),
    ("ps4_keeps", keeps_over_units, "the shape is|wrong axis"),
    ("ps4_contributions", contributions_unweighted, "1 - z is missing"),
    ("ps4_contributions", contributions_as_written, "what each step writes"),
    ("ps4_contributions", contributions_summed, "their sum"),
    ("ps4_contributions", contributions_with_own_gate, "off by one in t"),
    ("ps4_half_lives", half_lives_of_mean_gates, "mean of the gates"),
    ("ps4_half_lives", half_lives_of_the_layer, "one number for all units"),
    ("ps4_half_lives", half_lives_by_step, "wrong axis"),
    ("ps4_half_lives", half_lives_to_one_over_e, "time to 1/e"),
]

# Right ----------------------------------------------------------------------------------------------------------------


def biases_by_bisection(lags, share):
    answer = []
    for lag in lags.tolist():
        low, high = -50.0, 50.0
        while high - low > 1e-13:
            middle = (low + high) / 2
            low, high = (middle, high) if (1 + np.exp(-middle)) ** -lag < share else (low, middle)
        answer.append(low)
    return answer


def chrono_in_a_list(u, longest):
    return [float(np.log((1 - share) * 1 + share * (longest - 1))) for share in u]


def bias_of_four_and_a_half():
    return 4.5


def solved_at_by_recursion(eval_steps, scores, goal):
    if len(scores) == 0:
        return []
    reached = np.flatnonzero(scores[0] >= goal)
    first = int(eval_steps[reached[0]]) if len(reached) else -1
    return [first, *solved_at_by_recursion(eval_steps, scores[1:], goal)]


def keeps_by_torch(z):
    shares = torch.cumprod(torch.from_numpy(np.array(z)).flip(0), dim=0).flip(0)
    return torch.cat([shares, torch.ones_like(shares[:1])])


def contributions_by_unrolling(z, h_tilde, h0):
    terms = [h0]
    for z_t, n_t in zip(z, h_tilde, strict=True):
        terms = [z_t * term for term in terms]
        terms.append((1 - z_t) * n_t)
    return terms


def half_lives_from_the_product(z):
    return [-len(z) * np.log(2) / np.log(np.prod(column)) for column in z.T]


RIGHT = [
    ("ps4_biases", biases_by_bisection),
    ("ps4_chrono", chrono_in_a_list),
    ("ps4_gate_bias", bias_of_four_and_a_half),
    ("ps4_solved_at", solved_at_by_recursion),
    ("ps4_keeps", keeps_by_torch),
    ("ps4_contributions", contributions_by_unrolling),
    ("ps4_half_lives", half_lives_from_the_product),
]
