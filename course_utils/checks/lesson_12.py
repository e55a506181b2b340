"""12 · your own model."""

from collections.abc import Callable
from typing import Any

import numpy as np

from course_utils.checks.exercise import Exercise, judge


def in_pieces(gru: Callable, x: Any, K: int) -> list:
    """Run over x (B, T, D) in pieces of K steps, as lesson 12 writes it: the state goes on, its gradient doesn't.

    gru  gru(piece, h) -> (all states, last state), as a torch.nn.GRU with batch_first; h=None begins with zeros.

    Returns the list of the pieces' states, each (B, K, H), the last one perhaps shorter.
    """
    h, outs = None, []
    for t in range(0, x.shape[1], K):
        out, h = gru(x[:, t : t + K], h)
        outs.append(out)
        h = h.detach()
    return outs


def yours_or_ours(answer: Callable) -> Callable:
    """The reader's `in_pieces` if it is right, and the one above if it isn't written yet. Prints which."""
    right = judge(answer, EXERCISES["12 in pieces"].cases(4)).right
    print(f"This cell runs on {'your' if right else 'our'} pieces.")
    return answer if right else in_pieces


def _perplexity(log_p, y, of=None, mean=None):
    """The exponential of the mean surprise at the characters that came, padding left out.

    of    which rows count, a function of y, unless those above 0.
    mean  of the logarithms of the probabilities, another way to the result.
    """
    own = y > 0 if of is None else of(y)
    logs = log_p[own, y[own]]
    return np.exp(-logs.mean()) if mean is None else mean(logs)


def _predictions(rng):
    """Logarithms of probabilities (N, V), and what came (N,), the last of it padding."""
    N, V = int(rng.integers(8, 15)), int(rng.integers(4, 8))
    p = rng.dirichlet(np.full(V, 0.7), size=N) * 0.99 + 0.01 / V
    y = rng.integers(1, V, size=N)
    y[-int(rng.integers(2, 5)) :] = 0
    return np.log(p), y


def _own_surprise(log_p, y):
    """What a model expects its surprise to be, whatever comes."""
    rows = log_p[y > 0]
    return np.exp(-np.sum(np.exp(rows) * rows, axis=1).mean())


def _open_bias(n):
    """The bias b at which half is left after n steps: σ(b)^n = 1/2."""
    z = 0.5 ** (1 / n)
    return np.log(z / (1 - z))


def _opened(bias_ih, bias_hh, n, block=1, bias=None, ih=None, hh=0.0):
    """Both biases with one block changed.

    block   which of r, z, n.
    bias    what goes into it, a function of n.
    ih, hh  functions of the old block and the bias, or a number, for what the two blocks become.
    """
    b = (bias or _open_bias)(n)
    H = len(bias_ih) // 3
    rows = slice(block * H, (block + 1) * H)
    new_ih, new_hh = bias_ih.copy(), bias_hh.copy()
    new_ih[rows] = b if ih is None else ih(bias_ih[rows], b)
    new_hh[rows] = hh(bias_hh[rows], b) if callable(hh) else hh
    return {"bias_ih": new_ih, "bias_hh": new_hh}


def _biases(rng):
    H = int(rng.integers(2, 6))
    return *rng.uniform(-0.4, 0.4, size=(2, 3 * H)), int(rng.integers(5, 80))


def _layer(x, h=None):
    """A layer, called as torch.nn.GRU with batch_first: x (B, T, D), state -> (states, last state). One tanh unit."""
    import torch

    state = torch.zeros(1, len(x), 1, dtype=x.dtype) if h is None else h
    weight, states = torch.tensor(0.5, dtype=x.dtype, requires_grad=True), []
    for step in x.unbind(1):
        state = torch.tanh(weight * state + step.sum(1)[None, :, None])
        states.append(state[0])
    return torch.stack(states, dim=1), state


def _steps_back(out):
    """How many steps a backward pass from `out` takes: each step of `_layer` has left one tanh in torch's graph."""
    seen, todo = set(), [out.grad_fn]
    while todo:
        node = todo.pop()
        if node is not None and node not in seen:
            seen.add(node)
            todo += [before for before, _ in node.next_functions]
    return sum(node.name().startswith("Tanh") for node in seen)


def _with_history(outs):
    """Of each piece its numbers, to each of which the steps are added that a backward pass takes: what is compared."""
    if not isinstance(outs, list | tuple) or not all(hasattr(out, "grad_fn") for out in outs):
        return outs
    return {f"piece {n}": out.detach().numpy() + _steps_back(out) for n, out in enumerate(outs, start=1)}


def _in_pieces(gru, x, K, last=0, overlap=0, carry=None, show=None):
    """The outputs of one piece after another, as they are compared.

    last     how many steps before the end no piece begins any more.
    overlap  by how many steps a piece reaches into the next one.
    carry    what the next piece begins with, a function of the state, unless its detached numbers.
    show     what is kept of an output.
    """
    outs: list[Any] = []
    h = None
    for t in range(0, x.shape[1] - last, K):
        out, h = gru(x[:, t : t + K + overlap], h)
        h = h.detach() if carry is None else carry(h)
        outs.append(out if show is None else show(out))
    return _with_history(outs)


def _long_input(rng):
    import torch

    K = int(rng.integers(2, 5))
    return _layer, torch.tensor(rng.normal(size=(2, K * int(rng.integers(2, 4)) + 1, 3))), K


def _at_temperature(logits, tau, scale=None):
    """Softmax of logits / tau. scale: another function of both instead of the quotient."""
    a = logits / tau if scale is None else scale(logits, tau)
    powers = np.exp(a - a.max())
    return powers / powers.sum()


EXERCISES = {
    "12 perplexity": Exercise(
        right=_perplexity,
        draw=_predictions,
        mistakes={
            "the padding is counted. Rows whose next character is 0 belong to no text.": (
                lambda log_p, y: _perplexity(log_p, y, of=lambda y: y >= 0)
            ),
            "the sum leaves the padding out, and the count doesn't: divide by the number of rows that are summed.": (
                lambda log_p, y: _perplexity(log_p, y, mean=lambda logs: np.exp(-logs.sum() / len(y)))
            ),
            "this is the mean surprise in nats, the loss. Perplexity is its exponential.": (
                lambda log_p, y: _perplexity(log_p, y, mean=lambda logs: -logs.mean())
            ),
            "the sign: logarithms of probabilities are negative, and a perplexity is at least 1.": (
                lambda log_p, y: _perplexity(log_p, y, mean=lambda logs: np.exp(logs.mean()))
            ),
            "these are natural logarithms. The exponential takes them back, a power of 2 doesn't.": (
                lambda log_p, y: _perplexity(log_p, y, mean=lambda logs: 2 ** -logs.mean())
            ),
            "the mean is taken of the probabilities. Take it of their logarithms: one character at which the model is "
            "certain doesn't make up for one at which it is lost.": (
                lambda log_p, y: _perplexity(log_p, y, mean=lambda logs: 1 / np.exp(logs).mean())
            ),
            "this is the mean of 1/p. Take the mean of the logarithms first, and the exponential last.": (
                lambda log_p, y: _perplexity(log_p, y, mean=lambda logs: np.exp(-logs).mean())
            ),
            "the logarithms are summed up. Divide by their number.": (
                lambda log_p, y: _perplexity(log_p, y, mean=lambda logs: np.exp(-logs.sum()))
            ),
            "y isn't used to look up: a row's entry at y is the logarithm of the probability that counts.": (
                lambda log_p, y: np.exp(-log_p[y > 0].mean())
            ),
            "this is how unsure the model is, whatever comes. Look up the probability of the character that came.": (
                _own_surprise
            ),
        },
    ),
    "12 opened": Exercise(
        right=_opened,
        draw=_biases,
        rows=("r", "z", "n"),
        mistakes={
            "this opens the first block, which is r. torch stores r, z, n.": (
                lambda ih, hh, n: _opened(ih, hh, n, block=0)
            ),
            "this changes the last block, the candidate's. torch stores r, z, n.": (
                lambda ih, hh, n: _opened(ih, hh, n, block=2)
            ),
            "bias_hh still holds its old numbers for z. The two biases add up, so they shift the gate.": (
                lambda ih, hh, n: _opened(ih, hh, n, hh=lambda old, b: old)
            ),
            "the sum of the two biases is right. Put all of it into bias_ih, and 0 into bias_hh.": (
                lambda ih, hh, n: _opened(ih, hh, n, ih=lambda old, b: 0 * old, hh=lambda old, b: b)
            ),
            "both biases hold b for z. They add up, so the gate gets 2 b.": (
                lambda ih, hh, n: _opened(ih, hh, n, hh=lambda old, b: b)
            ),
            "the old numbers are still in it: z's rows become b, and not b more.": (
                lambda ih, hh, n: _opened(ih, hh, n, ih=lambda old, b: old + b)
            ),
            "the sign: this z forgets half in a small part of a step. In torch z keeps, so its bias is positive.": (
                lambda ih, hh, n: _opened(ih, hh, n, bias=lambda n: -_open_bias(n))
            ),
            "log n makes z = n/(n+1), and after n steps about 0.37 is left. Solve z to the power n = 1/2.": (
                lambda ih, hh, n: _opened(ih, hh, n, bias=np.log)
            ),
            "this is the gate itself, z to the power n = 1/2. Its bias is what the sigmoid turns into it.": (
                lambda ih, hh, n: _opened(ih, hh, n, bias=lambda n: 0.5 ** (1 / n))
            ),
        },
    ),
    "12 in pieces": Exercise(
        right=_in_pieces,
        draw=_long_input,
        read=_with_history,
        mistakes={
            "the numbers are right, and the history is never cut. Each piece begins with the state's detach().": (
                lambda gru, x, K: _in_pieces(gru, x, K, carry=lambda h: h)
            ),
            "each piece begins with an empty state. Detach the state, and hand it on.": (
                lambda gru, x, K: _in_pieces(gru, x, K, carry=lambda h: None)
            ),
            "the outputs are detached. Nothing could be learned from them: detach the state between two pieces.": (
                lambda gru, x, K: _in_pieces(gru, x, K, show=lambda out: out.detach())
            ),
            "the last, shorter piece is missing. A slice may reach past the end.": (
                lambda gru, x, K: _in_pieces(gru, x, K, last=1)
            ),
            "off by one: pieces overlap, and a step is read twice. A slice ends before its second number.": (
                lambda gru, x, K: _in_pieces(gru, x, K, overlap=1)
            ),
        },
    ),
    "12 at temperature": Exercise(
        right=_at_temperature,
        draw=lambda rng: (rng.normal(scale=3, size=int(rng.integers(3, 9))), float(rng.choice([0.4, 0.7, 1.5, 2.5]))),
        mistakes={
            "the logits are multiplied by tau. Divide: a low temperature makes the likely ones likelier.": (
                lambda logits, tau: _at_temperature(logits, tau, scale=lambda a, tau: a * tau)
            ),
            "the temperature is never used.": lambda logits, tau: _at_temperature(logits, 1.0),
            "these don't add up to 1: divide by their sum.": lambda logits, tau: np.exp(logits / tau),
            "the probabilities are divided by tau. Divide the logits, before the softmax.": (
                lambda logits, tau: _at_temperature(logits, 1.0) / tau
            ),
            "the softmax is taken twice. Logits go into it, and not probabilities.": (
                lambda logits, tau: _at_temperature(_at_temperature(logits, 1.0), tau)
            ),
        },
    ),
}
