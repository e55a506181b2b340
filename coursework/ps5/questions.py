"""Assignment 5, learn: its questions and essays, for instructors only.

A right answer and its known mistakes are one function each: `slip` names the mistake that it makes.
"""

from functools import partial

import numpy as np

from coursework.grader.collected import Collected
from coursework.grader.question import Essay, Question


def _sigmoid(a):
    return 1 / (1 + np.exp(-a))


def _rnn_forward(Wx, Wh, b, x, h0, slip=""):
    h = [h0]
    for t in range(x.shape[1]):
        met = h[0] if slip == "start" else h[-1]
        a = x[:, t] @ Wx.T + met @ (Wh if slip == "transposed" else Wh.T) + (0 if slip == "bias" else b)
        h.append(a if slip == "linear" else np.tanh(a))
    states = np.stack(h, axis=1)
    return {"first": states[:, 1:], "time": states.swapaxes(0, 1)}.get(slip, states)


def _answer_loss(V, c, h, target, slip=""):
    logits = h @ V.T + (0 if slip == "bias" else c)
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=0 if slip == "axis" else 1, keepdims=True)
    n, hit = len(h), np.eye(len(V))[target]
    losses = -np.log(p[np.arange(n), target])
    asked = (p if slip == "hit" else p - hit) / (1 if slip in ("gradient", "sum") else n)
    return {
        "loss": losses.sum() if slip == "sum" else losses.mean(),
        "dV": asked.T @ h,
        "dc": asked.mean(0) if slip == "dc" else asked.sum(0),
        "dh": -asked @ V if slip == "sign" else asked @ V,
    }


def _rnn_backward(Wx, Wh, x, h, dh, slip=""):
    d = {"dWx": np.zeros_like(Wx), "dWh": np.zeros_like(Wh), "db": np.zeros(len(Wh)), "dx": np.zeros(x.shape)}
    carried = np.zeros_like(h[:, 0])
    for t in range(x.shape[1], 0, -1):
        total = dh[:, t - 1] + (0 if slip == "alone" else carried)
        da = total if slip == "slope" else total * (1 - h[:, t - 1 if slip == "early" else t] ** 2)
        if slip != "last" or t == x.shape[1]:
            d["dWx"] += da.T @ x[:, t - 1]
            d["dWh"] += da.T @ h[:, t if slip == "met" else t - 1]
            d["db"] += da.mean(0) if slip == "mean" else da.sum(0)
        d["dx"][:, t - 1] = da @ Wx
        carried = da @ (Wh.T if slip == "transposed" else Wh)
    return {**d, "dh0": carried}


def _gates(Wx, Wh, bx, bh, x, h_prev):
    (xr, xz, xn), (hr, hz, hn) = np.split(x @ Wx.T + bx, 3, axis=1), np.split(h_prev @ Wh.T + bh, 3, axis=1)
    r, z = _sigmoid(xr + hr), _sigmoid(xz + hz)
    return r, z, np.tanh(xn + r * hn), hn


def _gru_step(Wx, Wh, bx, bh, x, h_prev, slip=""):
    if slip == "order":
        Wx, Wh, bx, bh = (np.concatenate([z, r, n]) for r, z, n in (np.split(W, 3) for W in (Wx, Wh, bx, bh)))
    if slip == "transposed":
        Wh = np.concatenate([W.T for W in np.split(Wh, 3)])
    r, z, n, hn = _gates(Wx, Wh, bx, bh, x, h_prev)
    xn, Wn, bn = np.split(x @ Wx.T + bx, 3, axis=1)[2], np.split(Wh, 3)[2], np.split(bh, 3)[2]
    other = {"before": (r * h_prev) @ Wn.T + bn, "none": hn, "bias": r * (h_prev @ Wn.T) + bn}
    if slip in other:
        n = np.tanh(xn + other[slip])
    return (1 - z) * h_prev + z * n if slip == "writes" else z * h_prev + (1 - z) * n


def _gru_step_backward(Wx, Wh, bx, bh, x, h_prev, dh, slip=""):
    r, z, n, hn = _gates(Wx, Wh, bx, bh, x, h_prev)
    dn = dh * (1 - z) * (1 if slip == "tanh" else 1 - n**2)
    dz = dh * (n - h_prev if slip == "sign" else h_prev - n) * (1 if slip == "sigmoid" else z * (1 - z))
    dr = 0 * dn if slip == "reset" else dn * hn * r * (1 - r)
    da_x = np.concatenate([dr, dz, dn], axis=1)
    da_h = da_x if slip == "same" else np.concatenate([dr, dz, dn * r], axis=1)
    by_weights = da_h @ Wh
    if slip == "gates":
        by_weights = (dn * r) @ np.split(Wh, 3)[2]
    return {
        "dWx": da_x.T @ x,
        "dWh": da_h.T @ h_prev,
        "dbx": da_x.sum(0),
        "dbh": da_h.sum(0),
        "dx": da_x @ Wx,
        "dh_prev": by_weights + (0 if slip == "direct" else z * dh),
    }


def _gru_backward(Wx, Wh, bx, bh, x, h0, dh_T, slip=""):
    h, steps = [h0], range(x.shape[1])
    for t in steps:
        h.append(_gru_step(Wx, Wh, bx, bh, x[:, t], h[-1]))
    dh, shares = dh_T, []
    for t in reversed(steps):
        share = _gru_step_backward(Wx, Wh, bx, bh, x[:, t], h[t + 1 if slip == "met" else t], dh)
        dh_prev = share.pop("dh_prev")
        if slip == "gate":
            dh_prev = _gates(Wx, Wh, bx, bh, x[:, t], h[t])[1] * dh
        dh = dh_T if slip == "end" else dh_prev + (dh_T if slip == "again" else 0)
        shares.append(share)
    kept = {"last": shares[:1], "first": shares[-1:]}.get(slip, shares)
    return {name: sum(share[name] for share in kept) for name in ("dWx", "dWh", "dbx", "dbh")}


def _trained(Wx, Wh, b, V, c, x, target, rate, limit, slip=""):
    theta, losses = {"Wx": Wx, "Wh": Wh, "b": b, "V": V, "c": c}, []
    for batch, wanted in zip(x, target, strict=True):
        if slip == "batch":
            batch, wanted = x[0], target[0]
        h = _rnn_forward(theta["Wx"], theta["Wh"], theta["b"], batch, np.zeros((len(batch), len(Wh))))
        out = _answer_loss(theta["V"], theta["c"], h[:, -1], wanted)
        dh = np.zeros_like(h[:, 1:])
        dh[:, -1] = out["dh"]
        back = _rnn_backward(theta["Wx"], theta["Wh"], batch, h, dh)
        grad = {name: {**out, **back}["d" + name] for name in theta}
        norms = {name: np.linalg.norm(g) for name, g in grad.items()}
        if slip != "each":
            norms = dict.fromkeys(grad, np.sqrt(sum(norm**2 for norm in norms.values())))
        for name, g in grad.items():
            scale = limit / norms[name] if slip == "always" else min(1, limit / norms[name])
            scale = 1 if slip == "unclipped" else scale
            clipped = np.clip(g, -limit, limit) if slip == "value" else g * scale
            theta[name] = theta[name] + (rate if slip == "up" else -rate) * clipped
        losses.append(out["loss"])
    return {"loss": np.array(losses), **theta}


def _sizes(rng):
    """Batch, steps, units and inputs, all of different lengths, so that no wrong axis fits by chance."""
    B, T, H, D = rng.permutation([2, 3, 4, 5])
    return int(B), int(T), int(H), int(D)


def _draw_forward(rng):
    B, T, H, D = _sizes(rng)
    shapes = (H, D), (H, H), (H,), (B, T, D), (B, H)
    return tuple(rng.normal(size=shape) for shape in shapes)


def _draw_loss(rng):
    B, C, H, _ = _sizes(rng)
    target = np.r_[rng.integers(0, C, B - 1), rng.integers(0, C)]
    return rng.normal(size=(C, H)), rng.normal(size=C), rng.normal(size=(B, H)), target


def _draw_backward(rng):
    Wx, Wh, b, x, h0 = _draw_forward(rng)
    h = _rnn_forward(Wx, Wh, b, x, h0)
    return Wx, Wh, x, h, rng.normal(size=h[:, 1:].shape)


def _draw_gru(rng):
    B, _, H, D = _sizes(rng)
    shapes = (3 * H, D), (3 * H, H), (3 * H,), (3 * H,), (B, D), (B, H)
    return tuple(rng.normal(size=shape) for shape in shapes)


def _draw_gru_backward(rng):
    *weights, x, h_prev = _draw_gru(rng)
    return *weights, x, h_prev, rng.normal(size=h_prev.shape)


def _draw_gru_run(rng):
    *weights, x, h0, dh = _draw_gru_backward(rng)
    return *weights, rng.normal(size=(len(x), int(rng.integers(2, 5)), x.shape[1])), h0, dh


def _draw_training(rng):
    """Three or four updates, of which the clipping shortens some and leaves others."""
    B, T, H, D = _sizes(rng)
    N, C = int(rng.integers(3, 5)), 3
    while True:
        shapes = (H, D), (H, H), (H,), (C, H), (C,), (N, B, T, D)
        Wx, Wh, b, V, c, x = (rng.normal(size=shape) for shape in shapes)
        target, rate, limit = rng.integers(0, C, (N, B)), float(rng.uniform(0.05, 0.2)), float(rng.uniform(0.5, 1.5))
        free = _trained(Wx, Wh, b, V, c, x, target, rate, np.inf)
        one = _trained(Wx, Wh, b, V, c, x[:1], target[:1], 1.0, np.inf)
        first = np.sqrt(sum(np.sum((one[name] - W) ** 2) for name, W in zip(_NAMES, (Wx, Wh, b, V, c), strict=True)))
        clipped = _trained(Wx, Wh, b, V, c, x, target, rate, limit)
        always = _trained(Wx, Wh, b, V, c, x, target, rate, limit, "always")
        differ = [np.abs(clipped["V"] - other["V"]).max() for other in (free, always)]
        if first > 1.2 * limit and min(differ) > 1e-3:
            return Wx, Wh, b, V, c, x, target, rate, limit


_NAMES = ("Wx", "Wh", "b", "V", "c")


def _mistakes(function, hints):
    return {hint: partial(function, slip=slip) for slip, hint in hints.items()}


QUESTIONS = [
    Question(
        name="rnn_forward",
        points=4,
        objective="Run a recurrent network over a batch of sequences at once.",
        right=_rnn_forward,
        draw=_draw_forward,
        mistakes=_mistakes(
            _rnn_forward,
            {
                "start": "every step starts from h0 again. It reads the state before it.",
                "transposed": "Wh is transposed. In a batch the states are rows: h @ Wh.T.",
                "bias": "the bias is missing.",
                "linear": "the tanh is missing.",
                "first": "the start is missing: the first state of each sequence is h0.",
                "time": "axes 0 and 1 are swapped: sequences come first, steps second.",
            },
        ),
    ),
    Question(
        name="answer_loss",
        points=6,
        objective="Differentiate a softmax with cross-entropy, averaged over a batch.",
        derive=True,
        right=_answer_loss,
        draw=_draw_loss,
        mistakes=_mistakes(
            _answer_loss,
            {
                "sum": "this sums over the sequences. The loss is their mean.",
                "gradient": "the loss is a mean, so its gradients carry a factor 1/B, too.",
                "hit": "the derivative by a logit is its probability, less 1 for the right class.",
                "bias": "the bias c is missing from the logits.",
                "axis": "wrong axis: the probabilities of one sequence sum to 1, and sequences are axis 0.",
                "sign": "the sign of dh is wrong: it is the derivative, not the step downhill.",
                "dc": "dc is divided by the number of sequences twice.",
            },
        ),
    ),
    Question(
        name="rnn_backward",
        points=9,
        objective="Write backpropagation through time for a whole batch.",
        derive=True,
        right=_rnn_backward,
        draw=_draw_backward,
        mistakes=_mistakes(
            _rnn_backward,
            {
                "alone": "each step's own loss is counted, and what comes back from the later steps is missing.",
                "slope": "the slope of tanh is left out.",
                "early": "off by one in t: the slope of step t is 1 - h_t², and h_t is h[:, t].",
                "last": "the gradient is not accumulated over time: only the last step's share is there.",
                "met": "off by one in t: Wh met the state before the step.",
                "mean": "db is averaged over the sequences. The mean is in dh already; shares are summed.",
                "transposed": "on the way back the rows go through Wh, not through its transpose.",
            },
        ),
    ),
    Question(
        name="gru_step",
        points=4,
        objective="Write a batched GRU step as a library computes it.",
        right=_gru_step,
        draw=_draw_gru,
        mistakes=_mistakes(
            _gru_step,
            {
                "writes": "z and 1-z are swapped. Here z keeps.",
                "before": "the reset gate stands before the product. Here it comes after it.",
                "none": "the reset gate is missing from the candidate.",
                "bias": "the candidate's b_hn stands outside the bracket. The reset gate multiplies it, too.",
                "order": "the row blocks are r, z, n, in this order.",
                "transposed": "the blocks of Wh are transposed. In a batch the states are rows: h @ W.T.",
            },
        ),
    ),
    Question(
        name="gru_step_backward",
        points=12,
        objective="Write the backward pass of a gated step, with all four paths.",
        derive=True,
        right=_gru_step_backward,
        draw=_draw_gru_backward,
        mistakes=_mistakes(
            _gru_step_backward,
            {
                "direct": "the direct path z * dh is missing from dh_prev.",
                "gates": "dh_prev lacks the way through the gates, which read h_prev as well.",
                "reset": "the reset gate gets no gradient. It multiplies W_hn h_prev + b_hn.",
                "sign": "the sign of the update gate's gradient is wrong: more z means more h_prev and less candidate.",
                "sigmoid": "the slope z (1-z) of the update gate is left out.",
                "tanh": "the candidate's slope 1 - h_tilde² is left out.",
                "same": "what goes to Wh and bh in the candidate's rows has met r; what goes to Wx and bx has not.",
            },
        ),
    ),
    Question(
        name="gru_backward",
        points=8,
        objective="Carry a gradient through all steps of a gated network.",
        derive=True,
        right=_gru_backward,
        draw=_draw_gru_run,
        mistakes=_mistakes(
            _gru_backward,
            {
                "last": "the gradient is not accumulated over time: only the last step's share is there.",
                "first": "shares overwrite each other: only the first step's is left. Add them.",
                "end": "every step starts from dh_T. Hand on the dh_prev of the step after it.",
                "again": "dh_T is added at every step. The loss reads the last state alone.",
                "gate": "only the direct path is carried back. dh_prev has all four.",
                "met": "off by one in t: step t has met the state before it.",
            },
        ),
    ),
    Question(
        name="trained",
        points=12,
        objective="Write a training loop: fresh batches, clipped gradients, updates.",
        right=_trained,
        draw=_draw_training,
        mistakes=_mistakes(
            _trained,
            {
                "unclipped": "nothing is clipped.",
                "each": "each array is clipped by its own norm. Take one norm over all weights together.",
                "value": "this clips by value. Clip by the norm of all weights together.",
                "always": "this shortens or lengthens every gradient to the limit. Short ones pass untouched.",
                "up": "the sign is wrong: this climbs.",
                "batch": "every update sees the first batch. Update n learns from batch n.",
            },
        ),
    ),
    Collected(
        name="my_runs",
        points=21,
        objective="Train two kinds of net over several seeds, and hand in what came of it.",
        evidence="ps5 runs",
    ),
]
ESSAYS = [
    Essay(
        name="essay_outcome",
        points=6,
        prompt=(
            "Report your runs. How many seeds of each net solved the task, after how many updates, and with which "
            "interval for the share of all seeds? Say in one sentence what these numbers allow you to claim."
        ),
        rubric={
            "0: no numbers": "Names a winner without a count, or its counts are not those of the runs.",
            "1: counts": "States how many seeds of each net solved the task, as the runs have it.",
            "2: counts and times": "States in addition after how many updates they did.",
            "3: and the budget": "States in addition the budget that both had (updates, batch, size of the state).",
            "4: with uncertainty": "Adds an interval for each share, or says what so few seeds leave open.",
            "5: a claim": "Adds a claim that the intervals allow.",
            "6: a claim of its size": "Names what the claim holds for: this task, lag, budget and start.",
        },
        model=(
            "Lag 20, 16 units, 250 updates of 32 sequences, Adam with .02, norm clipped to 1, seeds 0 to 4. The RNN "
            "solved the latch with 3 of 5 seeds, after 75 updates in the median; the GRU with 5 of 5, after 150. "
            "Wilson's 95 % intervals reach from .23 to .88 and from .57 to 1, so they overlap widely. What I claim: at "
            "this lag, budget and start each of my five GRUs was in time, and where the RNN learned, it was quicker in "
            "the median. I don't claim that a GRU solves it more often than an RNN: five seeds can't show that."
        ),
    ),
    Essay(
        name="essay_cause",
        points=6,
        prompt=(
            "Somebody explains the difference between your two nets by their numbers of weights alone. Which of your "
            "numbers speak for or against that, and which run that you have not done would decide it?"
        ),
        rubric={
            "0: repeats": "Repeats that gradients vanish, without a number of its own.",
            "1: names a rival": "Takes the other explanation seriously: says how many weights each net has.",
            "2: uses a number": "Uses a measured number of its own runs, such as the size of dh_T/dh_0.",
            "3: for or against": "Says in addition whether this number speaks for or against the weights as the cause.",
            "4: says what it shows": "Says in addition what this number can't show: it goes along with success.",
            "5: a run": "Names a run that has not been done and bears on the difference between the two.",
            "6: a run that decides": (
                "The run is a control that separates the two: an RNN with as many weights, or a GRU whose gate is held."
            ),
        },
        model=(
            "A GRU of 16 units has three times the weights of my RNN, so the objection is fair. Against it speaks that "
            "three of my RNNs solved the task with so few, seed 1 after 25 updates. The two that failed end with "
            "dh_T/dh_0 below 1e-9, while every GRU ends between .1 and 2. That goes along with failure and doesn't "
            "prove the cause: RNN seed 2 ends near 3e-5 and answers every sequence right. Two runs would decide more: "
            "an RNN with 30 units, which has about as many weights as the GRU, and a GRU with z held at 0, which has "
            "all the weights and no direct path."
        ),
    ),
    Essay(
        name="essay_backward",
        points=6,
        prompt=(
            "How did you convince yourself that your backward pass is right, before the check said so? Describe a test "
            "of your own, why its tolerance is what it is, and a mistake that it would not find."
        ),
        rubric={
            "0: trusts": "Says that the check passed or that the loss falls.",
            "1: names a test": "Names a test against another way to the same number: differences, autograd.",
            "2: describes it": "Says what is compared with what, by which step or library call.",
            "3: on which inputs": "Says in addition on which inputs, such as sizes or a start.",
            "4: explains the tolerance": "Explains the tolerance: truncation and rounding for differences, or float64.",
            "5: knows its blind spot": "Names a mistake that passes the test.",
            "6: says why it passes": "Says why, such as sizes that are equal by chance or a start that is zero.",
        },
        model=(
            "I moved one weight by ±1e-5, took the difference of the two losses over 2e-5, and compared it with the "
            "entry of my gradient. Central differences err by about the square of the step, 1e-10, and by rounding, "
            "about 1e-16 over 1e-5, so seven digits are all that I may ask for. I drew all four sizes different, since "
            "with H = D a transposed matrix passes unnoticed. With h0 = 0 and one step, a wrong dWh would pass, too: "
            "its share is zero."
        ),
    ),
    Essay(
        name="essay_surprise",
        points=6,
        prompt=(
            "Show one run of yours that surprised you or went wrong: a seed that failed, a loss that jumped, a score "
            "that fell back. What did you expect, what do its numbers say, and what would you try next?"
        ),
        rubric={
            "0: none": "Shows no run, or says that all went well.",
            "1: names a run": "Names a run by net and seed, and what was odd about it.",
            "2: with its numbers": "Gives the numbers that show it, as they stand in the runs.",
            "3: with an expectation": "Says in addition what was expected.",
            "4: with a reason": "Says in addition why it was expected, or what may have caused what came instead.",
            "5: a next step": "Proposes a try that has to do with it.",
            "6: a next step that could fail": (
                "Says which outcome of the try would speak for or against an explanation."
            ),
        },
        model=(
            "RNN, seed 2, answers all test sequences right, and ends with dh_T/dh_0 near 3e-5. I had expected that a "
            "net which remembers over 20 steps has a gradient near 1, as my GRUs do. A reason could be that its "
            "units are saturated: they hold one of several resting states, and a small push dies out before it "
            "reaches the end, while the symbol was a large push. If that is right, a start moved by .01 ends in the "
            "same state and a start moved by 2 in another. I would run the trained net from both. If the small push "
            "is still there after 20 steps, the explanation is wrong."
        ),
    ),
]
