"""Assignment 4 · remember."""

import numpy as np

from course_utils.checks.exercise import Exercise


def _logit(z):
    return np.log(z / (1 - z))


def _biases(lags, share):
    return _logit(share ** (1 / lags))


def _chrono(u, longest):
    return np.log(1 + u * (longest - 2))


def _keeps(z):
    """Share of h_k in h_T, k = 0..T."""
    return np.vstack([np.cumprod(z[::-1], axis=0)[::-1], np.ones_like(z[:1])])


def _contributions(z, h_tilde, h0):
    return _keeps(z) * np.vstack([h0, (1 - z) * h_tilde])


def _half_lives(z):
    return np.log(0.5) / np.log(z).mean(0)


def _solved_at(eval_steps, scores, goal, never=-1):
    solved = scores >= goal
    return np.where(solved.any(1), np.asarray(eval_steps)[solved.argmax(1)], never)


def _draw_biases(rng):
    return rng.integers(2, 200, int(rng.integers(2, 6))), rng.uniform(0.1, 0.9)


def _draw_gates(rng):
    return (rng.uniform(0.2, 0.98, (int(rng.integers(3, 8)), int(rng.integers(2, 6)))),)


def _draw_states(rng):
    (z,) = _draw_gates(rng)
    return z, rng.uniform(-1, 1, z.shape), rng.uniform(-1, 1, z.shape[1])


def _draw_scores(rng):
    """Accuracies of four nets: solved in the end, solved and lost again, exactly at the goal, never solved."""
    E, goal = int(rng.integers(6, 9)), float(rng.choice([0.9, 0.95]))
    scores = rng.uniform(0.2, goal - 0.05, (4, E))
    scores[0, -2:] = goal + 0.02, goal + 0.03
    scores[1, 2] = goal + 0.01
    scores[2, 3:5] = goal, goal + 0.04
    return 25 * np.arange(E), scores[rng.permutation(4)], goal


LEAST_BIAS = float(_logit(0.01 ** (1 / 100)))  # leaves 1 % after 100 steps
MOST_BIAS = float(_logit(0.999))  # lets in one part in a thousand


def _pick(eval_steps, chosen):
    return np.asarray(eval_steps)[chosen]


EXERCISES = {
    "ps4 biases": Exercise(
        right=_biases,
        draw=_draw_biases,
        mistakes={
            "this is the gate z. Which bias brings the sigmoid to it?": lambda lags, share: share ** (1 / lags),
            "z and 1-z are swapped: this bias is right for a gate that writes.": (
                lambda lags, share: -_biases(lags, share)
            ),
            "this leaves 1/e, whatever the share.": lambda lags, share: _biases(lags, np.exp(-1)),
            "log of the lag is a rule of thumb. Solve for the share, exactly.": lambda lags, share: np.log(lags),
            "this is what is lost. The share is what is left.": lambda lags, share: _biases(lags, 1 - share),
            "this is the logarithm of the gate. Which bias brings the sigmoid to it?": (
                lambda lags, share: np.log(share) / lags
            ),
            "this leaves the share after one step, at every lag.": lambda lags, share: _logit(share) + 0 * lags,
            "base and exponent: the gate is the lag-th root of the share, not its power.": (
                lambda lags, share: _logit(share**lags)
            ),
        },
    ),
    "ps4 chrono": Exercise(
        right=_chrono,
        draw=lambda rng: (rng.uniform(size=int(rng.integers(3, 7))), int(rng.integers(5, 400))),
        mistakes={
            "the logarithm is missing: these are time scales, not biases.": lambda u, longest: 1 + u * (longest - 2),
            "z and 1-z are swapped: with the sign turned, the gates are shut.": lambda u, longest: -_chrono(u, longest),
            "the decimal logarithm does not belong to a sigmoid, which is made of powers of e.": (
                lambda u, longest: _chrono(u, longest) / np.log(10)
            ),
            "the range is off at its upper end: u = 1 has to give longest - 1.": (
                lambda u, longest: np.log(1 + u * (longest - 1))
            ),
            "the range is off at its lower end: u = 0 has to give 1.": lambda u, longest: np.log(u * (longest - 1)),
            "here the biases are spread evenly. The time scales are to be.": (
                lambda u, longest: u * np.log(longest - 1)
            ),
        },
    ),
    "ps4 keeps": Exercise(
        right=_keeps,
        draw=_draw_gates,
        mistakes={
            "off by one in t: the first gate acts on h_0, the last entry (T) has met none.": (
                lambda z: np.vstack([np.ones_like(z[:1]), np.cumprod(z, axis=0)])[::-1]
            ),
            "this looks forward from h_0: share of h_0 in each h_t. Asked is the share of each h_k in h_T.": (
                lambda z: np.vstack([np.ones_like(z[:1]), np.cumprod(z, axis=0)])
            ),
            "the last row is missing: h_T holds all of itself.": lambda z: _keeps(z)[:-1],
            "one gate too many: h_k has not met its own gate z_k, only the later ones.": (
                lambda z: np.vstack([_keeps(z)[:1], _keeps(z)[:-1]])
            ),
            "wrong axis: this multiplies over the units. Steps are axis 0.": (
                lambda z: np.vstack([np.cumprod(z[:, ::-1], axis=1)[:, ::-1], np.ones_like(z[:1])])
            ),
            "every row is the same: one array is changed in place and kept many times. Keep a new one a step.": (
                lambda z: np.repeat(_keeps(z)[:1], len(z) + 1, axis=0)
            ),
            "z and 1-z are swapped. Here z keeps.": lambda z: _keeps(1 - z),
            "shares are added. Along a chain they multiply.": (
                lambda z: np.vstack([np.cumsum(z[::-1], axis=0)[::-1], np.ones_like(z[:1])])
            ),
        },
    ),
    "ps4 contributions": Exercise(
        right=_contributions,
        draw=_draw_states,
        mistakes={
            "1 - z is missing: step k writes the share 1 - z_k of its candidate.": (
                lambda z, h_tilde, h0: _keeps(z) * np.vstack([h0, h_tilde])
            ),
            "z and 1-z are swapped. Here z keeps, and 1 - z writes.": (
                lambda z, h_tilde, h0: _keeps(1 - z) * np.vstack([h0, z * h_tilde])
            ),
            "this is what each step writes. What is left of it at step T is asked for.": (
                lambda z, h_tilde, h0: np.vstack([h0, (1 - z) * h_tilde])
            ),
            "off by one in t: what step k writes has not met z_k, only the later gates.": (
                lambda z, h_tilde, h0: np.vstack([_keeps(z)[:1], _keeps(z)[:-1]]) * np.vstack([h0, (1 - z) * h_tilde])
            ),
            "the start is missing: the first row is what is left of h0.": (
                lambda z, h_tilde, h0: _contributions(z, h_tilde, h0)[1:]
            ),
            "the start is taken as zero.": lambda z, h_tilde, h0: _contributions(z, h_tilde, 0 * h0),
            "this is their sum, h_T. Each step's own contribution is asked for.": (
                lambda z, h_tilde, h0: _contributions(z, h_tilde, h0).sum(0)
            ),
        },
    ),
    "ps4 half-lives": Exercise(
        right=_half_lives,
        draw=_draw_gates,
        mistakes={
            "the mean of the gates was taken. Gates multiply over time: take the mean of their logarithms.": (
                lambda z: np.log(0.5) / np.log(z.mean(0))
            ),
            "wrong axis: one number a unit is asked for, and steps are axis 0.": (
                lambda z: np.log(0.5) / np.log(z).mean(1)
            ),
            "one number for all units. Each unit has its own.": lambda z: np.log(0.5) / np.log(z).mean(),
            "1/(1-z) is the time to 1/e, roughly. Half-life is asked for.": lambda z: (1 / (1 - z)).mean(0),
            "this is the time to 1/e. Half-life is asked for.": lambda z: -1 / np.log(z).mean(0),
            "missing sum over k: the total of the logarithms is taken as one step's. Divide it by T.": (
                lambda z: np.log(0.5) / np.log(z).sum(0)
            ),
            "the mean was taken of half-lives. Where gates change, their logarithms are to be averaged first.": (
                lambda z: (np.log(0.5) / np.log(z)).mean(0)
            ),
        },
    ),
    "ps4 solved at": Exercise(
        right=_solved_at,
        draw=_draw_scores,
        mistakes={
            "this is the number of the evaluation. Asked is how many updates came before it.": (
                lambda eval_steps, scores, goal: _solved_at(np.arange(len(eval_steps)), scores, goal)
            ),
            "a net that never gets there counts as solved at step 0. It is to be -1.": (
                lambda eval_steps, scores, goal: _solved_at(eval_steps, scores, goal, never=0)
            ),
            "meeting the goal exactly counts as solved, too.": (
                lambda eval_steps, scores, goal: _solved_at(eval_steps, scores, np.nextafter(goal, 1))
            ),
            "a net that falls back later has solved the task all the same: the first time counts.": (
                lambda eval_steps, scores, goal: np.where(
                    scores[:, -1] >= goal, _solved_at(eval_steps, scores, goal), -1
                )
            ),
            "this is the best evaluation. The first one at the goal is asked for.": (
                lambda eval_steps, scores, goal: np.where(
                    scores.max(1) >= goal, _pick(eval_steps, scores.argmax(1)), -1
                )
            ),
            "wrong axis: one answer a net, and nets are axis 0.": (
                lambda eval_steps, scores, goal: _solved_at(np.arange(4), scores.T, goal)
            ),
            "small is good for an error. These are accuracies.": (
                lambda eval_steps, scores, goal: _solved_at(eval_steps, -scores, -goal)
            ),
        },
    ),
    "ps4 gate bias": Exercise(
        right=lambda: (MOST_BIAS + LEAST_BIAS) / 2,
        draw=lambda rng: (),
        rtol=(MOST_BIAS - LEAST_BIAS) / (MOST_BIAS + LEAST_BIAS),
        mistakes={
            "that is a fresh gate: half of the memory is gone in a step.": lambda: 0.0,
            "that is the lag. A gate with this bias keeps everything, and never learns to write.": lambda: 100.0,
            "with the sign turned, the gate is shut: z keeps.": lambda: -4.6,
            "that is the gate z itself. Which bias brings the sigmoid to it?": lambda: 0.95,
            "too little: less than 1 % is left after 100 steps.": lambda: 2.2,
            "too much: the gate lets in less than one part in a thousand.": lambda: 10.0,
        },
    ),
}
