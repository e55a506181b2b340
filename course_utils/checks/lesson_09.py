"""09 · agreement."""

from typing import Any

import numpy as np

from course_utils.cells import forward, init_params, run
from course_utils.checks.exercise import Exercise
from course_utils.gradients import backward

TINY = 1e-30  # the complex step


def _right_pushes(p, x, V, direction):
    """One complex step for every word: nudge it along the direction, and read the difference of the scores."""
    pushes = np.zeros(len(x))
    for t in range(len(x)):
        nudged = x.astype(complex)
        nudged[t] += 1j * TINY * direction
        h: Any = run(p, nudged, np.zeros(p.hidden_size), np.zeros(0)).h
        pushes[t] = ((V[1] - V[0]) @ h[-1]).imag / TINY
    return pushes


def _pushes(p, x, V, direction, asked=(-1,), readout=None):
    dh = np.zeros((len(x), p.hidden_size))
    dh[list(asked)] = V[1] - V[0] if readout is None else readout
    return backward(forward(p, x), dh).x @ direction


def _whole_gradient(p, x, V, direction):
    dh = np.zeros((len(x), p.hidden_size))
    dh[-1] = V[1] - V[0]
    return backward(forward(p, x), dh).x


def _sentence(rng, T=None):
    T, D, H = (int(n) for n in (rng.integers(4, 8) if T is None else T, rng.integers(2, 5), rng.integers(5, 8)))
    p = init_params("GRU", D, H, seed=int(rng.integers(1000)))
    return p, rng.normal(size=(T, D)), rng.normal(size=(2, H)), rng.normal(size=D)


def _draw_voter(rng):
    """The subject's weight and the number of other nouns; in half of all draws so that they may come to a tie."""
    m = int(rng.integers(3, 40))
    a = float(rng.uniform(0.2, m - 1))
    return (a, m) if rng.uniform() < 0.5 else (float(1 + (m + int(a)) % 2 + int(a) // 2 % (m - 2)), m)


def _draw_clauses(rng, M=None):
    return (int(rng.integers(2, 40)) if M is None else M,)


EXERCISES = {
    "09 word pushes": Exercise(
        right=_right_pushes,
        draw=_sentence,
        size="T",
        against="complex steps",
        mistakes={
            "these are sizes. A push has a sign: towards score 1, or towards score 0.": (
                lambda p, x, V, direction: np.abs(_pushes(p, x, V, direction))
            ),
            "the sign: score 1 minus score 0 means V[1] - V[0].": (
                lambda p, x, V, direction: -_pushes(p, x, V, direction)
            ),
            "the scores are read at the last step only. Your dh has numbers in every row.": (
                lambda p, x, V, direction: _pushes(p, x, V, direction, asked=range(len(x)))
            ),
            "the scores are read from the last state, h_T. Your dh has its numbers in the first row.": (
                lambda p, x, V, direction: _pushes(p, x, V, direction, asked=(0,))
            ),
            "this is the push on score 1 alone. The difference has V[1] - V[0].": (
                lambda p, x, V, direction: _pushes(p, x, V, direction, readout=V[1])
            ),
            "this is the gradient in every entry of every word, (T, D). Multiply it with the direction.": (
                _whole_gradient
            ),
            "this is the gradient times the word itself. The step goes along the direction, at every word the same.": (
                lambda p, x, V, direction: (_whole_gradient(p, x, V, direction) * x).sum(axis=1)
            ),
        },
    ),
    "09 attractors to lose": Exercise(
        right=lambda a, m: np.floor((a + m) / 2) + 1,
        draw=_draw_voter,
        mistakes={
            "the nouns that agree vote as well, for the subject's verb.": lambda a, m: np.floor(a) + 1,
            "where a + m is an even number, so many attractors bring about a tie. The subject has to lose.": (
                lambda a, m: np.ceil((a + m) / 2)
            ),
            "this is where the votes are even. A number of attractors is whole, and the subject has to lose.": (
                lambda a, m: (a + m) / 2
            ),
            "with so many attractors the subject still wins. One more is needed.": lambda a, m: np.floor((a + m) / 2),
            "the subject's own vote counts as well, with the weight a.": lambda a, m: np.floor(m / 2) + 1,
            "an attractor more is an agreeing noun less, so it counts twice.": lambda a, m: np.floor(a + m) + 1,
        },
    ),
    "09 last noun in training": Exercise(
        right=lambda M: (1 + M / 2) / (1 + M),
        draw=_draw_clauses,
        size="M",
        sizes=(1, 2, 5, 12),
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
