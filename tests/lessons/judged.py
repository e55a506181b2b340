"""How tests judge trained nets: by torch's steps and autograd, beside the lessons' own ways."""

import numpy as np
import torch

from course_utils import tasks
from tests import oracles

# ---------------------------------------------------------------------------------------------------------------------
# Adding


def reach(p):
    """‖∂h_50/∂h_0‖₂ on the lesson's sequence: H copies of the start, copy i asked for the gradient of unit i."""
    start = torch.zeros(p.hidden_size, p.hidden_size, dtype=torch.float64, requires_grad=True)
    h = oracles.last_state(p, tasks.adding(50).test[0][0], start)
    (J,) = torch.autograd.grad(h.diagonal().sum(), start)
    return torch.linalg.matrix_norm(J, 2).item()


def mean_z(p):
    """The mean of z over units, steps and 20 sequences."""
    return oracles.gates(p, tasks.adding(50).test[0][:20].swapaxes(0, 1))["z"].mean().item()


def share_right(run):
    """Share of the test's answers that are right to within 0.1."""
    x, y = tasks.adding(50).test
    last = oracles.states(run.params, x.swapaxes(0, 1))[-1].numpy()
    return np.mean(np.abs(last @ run.readout.T + run.readout_bias - y) < 0.1)


def dip(run):
    """How much lower z is at marked numbers than elsewhere."""
    x = tasks.adding(50).test[0][:20].swapaxes(0, 1)
    z = oracles.gates(run.params, x)["z"].mean(2).numpy()
    marked = x[:, :, 1] == 1
    return z[~marked].mean() - z[marked].mean()


# ---------------------------------------------------------------------------------------------------------------------
# Agreement

SENTENCE = "the cats which saw the dog which heard the bird which chased the horse which saw the dog".split()
SINGULAR = ["cat", "dog", "bird", "horse"]
VOCABULARY = ["the", "which", "saw", "chased", "heard", *SINGULAR, *(noun + "s" for noun in SINGULAR)]


def read_words(words):
    """Sentences as a net's input, one word after the other: (B, T) -> (T, B, 13)."""
    return np.eye(13)[np.transpose(words)]


def score_difference(run, words):
    """Score of were minus score of was after every sentence, (B,)."""
    h = oracles.states(run.params, read_words(words))[-1]
    readout = torch.tensor(run.readout[1] - run.readout[0], dtype=torch.float64)
    return (h @ readout).numpy() + float(run.readout_bias[1] - run.readout_bias[0])


def other_number(word):
    """The index of the same noun in its other number; any other word is its own."""
    return word if word < 5 else word + 4 if word < 9 else word - 4


def strongest_attractor(run):
    """Share of the subject's effect on the score that the strongest attractor of SENTENCE has when its number is
    swapped."""
    words = [VOCABULARY.index(word) for word in SENTENCE]
    rows = [words] + [[other_number(w) if i == noun else w for i, w in enumerate(words)] for noun in range(1, 18, 4)]
    score = score_difference(run, np.array(rows))
    effects = np.abs(score[1:] - score[0])
    return effects[1:].max() / effects[0]
