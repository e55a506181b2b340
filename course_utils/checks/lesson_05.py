"""05 · gates."""

from importlib.util import find_spec

import numpy as np

from course_utils.cells import gru_step, init_params, sigmoid
from course_utils.checks.exercise import Exercise
from course_utils.checks.gru import OPEN, draw_stack, mixed, rows


def _draw_step(rng):
    """A GRU of random size, D and H from 2 to 5, and what enters one step: (p, from_x, h_prev)."""
    D, H = (int(n) for n in rng.integers(2, 6, 2))
    p = init_params("GRU", D, H, seed=int(rng.integers(2**31)), gain=2.0)
    return p.changed(bh=rng.normal(size=3 * H)), rng.normal(size=3 * H), rng.uniform(-1, 1, H)


def _step(p, from_x, h_prev, reset="before"):
    h, (r, z, h_tilde) = gru_step(p.changed(reset=reset), from_x, h_prev)
    return {"r": r, "z": z, "h_tilde": h_tilde, "h": h}


def _writes(p, from_x, h_prev, reset):
    step = _step(p, from_x, h_prev, reset)
    return {**step, "h": mixed(1 - step["z"], h_prev, step["h_tilde"])}


def _swapped(p, from_x, h_prev, reset):
    order = (1, 0, 2)
    return _step(p.changed(Wh=rows(p.Wh, order), bh=rows(p.bh, order)), rows(from_x, order), h_prev, reset)


def _reset_unused(p, from_x, h_prev, reset):
    step = _step(p.changed("r", bh=OPEN), from_x, h_prev, reset)
    return {**step, "r": _step(p, from_x, h_prev, reset)["r"]}


def _reset_on_input(p, from_x, h_prev, reset):
    xr, xz, xn = np.split(from_x, 3)
    r = _step(p, from_x, h_prev, reset)["r"]
    return _step(p, np.concatenate([xr, xz, r * xn]), h_prev, reset)


def _bias_past_reset(p, from_x, h_prev):
    xr, xz, xn = np.split(from_x, 3)
    return _step(p.changed("h_tilde", bh=0), np.concatenate([xr, xz, xn + p.bh_blocks[2]]), h_prev, "after")


def _tanh_gates(p, from_x, h_prev, reset):
    r, z, _ = np.tanh(from_x + p.Wh @ h_prev + p.bh).reshape(3, -1)
    Wn, bn = p.Wh_blocks[2], p.bh_blocks[2]  # with a reset gate that is open, they take its part
    by_r = {"Wh": Wn * r} if reset == "before" else {"Wh": (r * Wn.T).T, "bh": r * bn}
    h_tilde = _step(p.changed("h_tilde", **by_r).changed("r", bh=OPEN), from_x, h_prev, reset)["h_tilde"]
    return {"r": r, "z": z, "h_tilde": h_tilde, "h": mixed(z, h_prev, h_tilde)}


def _resets_state(p, from_x, h_prev, reset):
    step = _step(p, from_x, h_prev, reset)
    return {**step, "h": mixed(step["z"], step["r"] * h_prev, step["h_tilde"])}


def _sigmoid_candidate(p, from_x, h_prev, reset):
    step = _step(p, from_x, h_prev, reset)
    h_tilde = sigmoid(np.arctanh(step["h_tilde"]))
    return {**step, "h_tilde": h_tilde, "h": mixed(step["z"], h_prev, h_tilde)}


MISTAKES = {  # of a step, wherever the reset gate stands: wrong(p, from_x, h_prev, reset)
    "z and 1 - z are swapped in the last line. Here z keeps: it multiplies the old state.": _writes,
    "the row blocks of r and z are swapped. Their order is r, z, n.": _swapped,
    "the reset gate is never used. It decides how much of h_prev the candidate reads.": _reset_unused,
    "the reset gate multiplies the input's part x_n, too. It belongs to the part that comes from h_prev.": (
        _reset_on_input
    ),
    "the candidate's part of bh, b_n, is missing.": (
        lambda p, from_x, h_prev, reset: _step(p.changed("h_tilde", bh=0), from_x, h_prev, reset)
    ),
    "the bias bh is missing.": lambda p, from_x, h_prev, reset: _step(p.changed(bh=0 * p.bh), from_x, h_prev, reset),
    "the gates went through tanh. A gate is a share between 0 and 1, so it wants a sigmoid.": _tanh_gates,
    "the candidate went through a sigmoid. A gate is a share; a candidate may be negative.": _sigmoid_candidate,
    "the reset gate has changed the state that z keeps. It belongs in the candidate alone.": _resets_state,
}


def _mistakes(reset):
    """All of them for one order, each a function of (p, from_x, h_prev)."""
    return {
        hint: lambda p, from_x, h_prev, wrong=wrong: wrong(p, from_x, h_prev, reset) for hint, wrong in MISTAKES.items()
    }


def _one_minus(W):
    r, z, n = np.split(np.asarray(W), 3)
    return np.concatenate([r, 1 - z, n])


def _draw_length(rng, n=None):
    return (int(rng.integers(2, 100)) if n is None else n,)


def _bias(n, left=0.5):
    z = left ** (1 / n)
    return np.log(z / (1 - z))


HAS_TORCH = find_spec("torch") is not None


def _as_in_torch(p, from_x, h_prev):
    """The step with the reset gate after the product. The new state is that of torch's own cell, where torch is."""
    step = _step(p, from_x, h_prev, "after")
    return {**step, "h": _by_gru_cell(p, from_x, h_prev)} if HAS_TORCH else step


def _by_gru_cell(p, from_x, h_prev):
    """torch.nn.GRUCell with W_x = I, so that its input is `from_x`."""
    import torch

    W, zeros = np.eye(len(from_x)), np.zeros(len(from_x))
    cell = torch.nn.utils.skip_init(torch.nn.GRUCell, len(from_x), len(h_prev), dtype=torch.float64)
    with torch.no_grad():
        for weight, value in zip(cell.parameters(), (W, p.Wh, zeros, p.bh), strict=True):
            weight.copy_(torch.tensor(value))
        return cell(torch.tensor(from_x), torch.tensor(h_prev)).numpy()


EXERCISES = {
    "05 reset before": Exercise(
        right=_step,
        draw=_draw_step,
        against="the course's own step, gru_step",
        mistakes=_mistakes("before")
        | {
            "the reset gate comes after the product with W_n. Here it multiplies h_prev, before the product.": (
                lambda p, from_x, h_prev: _step(p, from_x, h_prev, "after")
            ),
        },
    ),
    "05 reset after": Exercise(
        right=_as_in_torch,
        draw=_draw_step,
        against=("torch.nn.GRUCell in h, and with " if HAS_TORCH else "") + "the course's own step, gru_step",
        mistakes=_mistakes("after")
        | {
            "the reset gate is applied before the product, as in the exercise above. Here it comes after.": _step,
            "the candidate's part of bh, b_n, is added after the reset. The gate multiplies it, too.": _bias_past_reset,
        },
    ),
    "05 other convention": Exercise(
        right=lambda W: rows(W, negate=(1,)),
        draw=draw_stack,
        mistakes={
            "all rows are negated, the candidate's and the reset gate's too. Only z changes its meaning.": (
                lambda W: rows(W, negate=(0, 1, 2))
            ),
            "the wrong block: these are r's rows. The order is r, z, n.": lambda W: rows(W, negate=(0,)),
            "the wrong block: these are the candidate's rows. The order is r, z, n.": lambda W: rows(W, negate=(2,)),
            "1 - z is taken of the weights. It holds for the gate; what does it mean for the sigmoid's argument?": (
                _one_minus
            ),
            "nothing is changed. With the same weights, the two conventions are different networks.": lambda W: W,
        },
    ),
    "05 bias for a half-life": Exercise(
        right=_bias,
        draw=_draw_length,
        size="n",
        sizes=(1, 2, 9, 40),
        mistakes={
            "this is the gate z. Which bias brings the sigmoid to it?": lambda n: 0.5 ** (1 / n),
            "this bias is right for a gate that writes. Here z keeps.": lambda n: -_bias(n),
            "with this bias, 1/e of the memory is left after n steps. The question is about one half.": (
                lambda n: _bias(n, left=np.exp(-1))
            ),
            "log n is an estimate of the bias that leaves 1/e. Solve for one half, exactly.": np.log,
            "the sign: with the bias -log n, a gate that keeps is nearly shut.": lambda n: -np.log(n),
            "this is the estimate for large n. Solve for b exactly.": lambda n: np.log(n / np.log(2)),
            "this leaves half after one step, at every n. Half is left when z^n, not z, is 1/2.": lambda n: 0.0,
        },
    ),
}
