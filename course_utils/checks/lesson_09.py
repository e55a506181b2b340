"""09 · agreement."""

import numpy as np

from course_utils.cells import forward, init_params
from course_utils.checks.exercise import Exercise
from course_utils.gradients import backward


def _gradient_at_word(p, x, V, t, asked=(-1,), sign=1, index=None):
    dh = np.zeros((len(x), p.hidden_size))
    dh[list(asked)] = sign * (V[1] - V[0])
    return backward(forward(p, x), dh).x[t - 1 if index is None else index]


def _last_state_gradient(p, x, V, t):
    dh = np.zeros((len(x), p.hidden_size))
    dh[-1] = V[1] - V[0]
    return backward(forward(p, x), dh).h[t]


def _one_score(p, x, V, t):
    return _gradient_at_word(p, x, np.vstack([np.zeros(p.hidden_size), V[1]]), t)


def _sentence(rng):
    T, D, H = (int(n) for n in (rng.integers(4, 8), rng.integers(2, 5), rng.integers(5, 8)))
    p = init_params("GRU", D, H, seed=int(rng.integers(1000)))
    return p, rng.normal(size=(T, D)), rng.normal(size=(2, H)), int(rng.integers(2, T - 1))


EXERCISES = {
    "09 gradient at word": Exercise(
        right=_gradient_at_word,
        draw=_sentence,
        mistakes={
            "the sign: score 1 minus score 0 means V[1] - V[0].": (
                lambda p, x, V, t: _gradient_at_word(p, x, V, t, sign=-1)
            ),
            "off by one: x_1 is the first row, so word t stands in row t - 1.": (
                lambda p, x, V, t: _gradient_at_word(p, x, V, t, index=t)
            ),
            "the scores are read at the last step only. Your dh asks something of every step.": (
                lambda p, x, V, t: _gradient_at_word(p, x, V, t, asked=range(len(x)))
            ),
            "dh asks something of h_t at the word itself. The scores are read from h_T.": (
                lambda p, x, V, t: _gradient_at_word(p, x, V, t, asked=(t - 1,))
            ),
            "this is the gradient of score 1 alone. The difference has V[1] - V[0].": _one_score,
            "this is the gradient in the state h_t. The exercise asks for the word x_t.": _last_state_gradient,
        },
    ),
    "09 last noun in training": Exercise(
        right=lambda M: (1 + M / 2) / (1 + M),
        draw=lambda rng: (int(rng.integers(2, 40)),),
        mistakes={
            "without clauses the last noun is the subject. (Or is this how often the guesser is wrong?)": (
                lambda M: (M / 2) / (1 + M)
            ),
            "this counts the sentences without clauses only. In the others a coin decides.": lambda M: 1 / (1 + M),
            "0 to M clauses are M + 1 lengths.": lambda M: (1 + (M - 1) / 2) / M,
            "one half is right for sentences with clauses. Some have none.": lambda M: 0.5,
        },
    ),
}
