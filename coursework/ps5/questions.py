"""Assignment 5, learn: its questions and essays, for instructors only.

A right answer and its known mistakes are one function each: `slip` names the mistake that it makes.
"""

from functools import partial

import numpy as np

from course_utils.checks.gru import FORGOTTEN
from coursework.grader.collected import Collected
from coursework.grader.question import Essay, Question, by_slip


def _sigmoid(a):
    return 1 / (1 + np.exp(-a))


def _rnn_forward(Wx, Wh, b, x, h0, slip=""):
    h = [h0]
    for t in range(x.shape[1]):
        met = h[0] if slip == "start" else h[-1]
        from_h = (0 if slip == "alone" else -1 if slip == "-h" else 1) * met @ (Wh if slip == "transposed" else Wh.T)
        bias = 0 if slip == "bias" else -b if slip == "-b" else b
        a = (0 if slip == "input" else x[:, t] @ Wx.T) + from_h + bias
        h.append(a if slip == "linear" else _sigmoid(a) if slip == "sigmoid" else np.tanh(a))
    states = np.stack(h, axis=1)
    return {"first": states[:, 1:], "time": states.swapaxes(0, 1), "last": states[:, -1]}.get(slip, states)


def _answer_loss(V, c, h, target, slip=""):
    logits = h @ V.T + (0 if slip == "bias" else c)
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=0 if slip == "axis" else 1, keepdims=True)
    n, hit = len(h), np.eye(len(V))[target]
    losses = -np.log(p[np.arange(n), target])
    missed = {"hit": p, "logits": logits - hit, "plus": p + hit, "set": p * (1 - hit) - hit}.get(slip, p - hit)
    asked = missed / (1 if slip in ("gradient", "sum") else n)
    return {
        "loss": {"sum": losses.sum(), "each": losses, "gain": -losses.mean(), "2": losses.mean() / np.log(2)}.get(
            slip, losses.mean()
        ),
        "dV": asked.T @ h,
        "dc": asked.mean(0) if slip == "dc" else asked.sum(0),
        "dh": -asked @ V if slip == "sign" else asked @ V,
    }


def _rnn_backward(Wx, Wh, x, h, dh, slip=""):
    d = {"dWx": np.zeros_like(Wx), "dWh": np.zeros_like(Wh), "db": np.zeros(len(Wh)), "dx": np.zeros(x.shape)}
    carried, T = np.zeros_like(h[:, 0]), x.shape[1]
    for t in range(1, T + 1) if slip == "forwards" else range(T, 0, -1):
        own = 0 if slip == "carried" and t < T else dh[:, t - 1]
        total = own + {"alone": 0, "minus": -carried}.get(slip, carried)
        at = h[:, t - 1 if slip == "early" else t]
        slope = {"slope": 1, "square": 1 - at, "plus": 1 + at**2, "sigmoid": at * (1 - at)}.get(slip, 1 - at**2)
        da = total * slope
        share = {"dWx": da.T @ x[:, t - 1], "dWh": da.T @ h[:, t if slip == "met" else t - 1], "db": da.sum(0)}
        if slip == "mean":
            share["db"] = da.mean(0)
        for name, each in share.items():
            if slip != "last" or t == T:
                d[name] = each if slip in ("over", f"over {name}") else d[name] + each
        d["dx"][:, t - 1] = (total if slip == "dx" else da) @ Wx
        carried = (total if slip == "carry" else da) @ (Wh.T if slip == "transposed" else Wh)
    return {**d, "dh0": carried}


def _gates(Wx, Wh, bx, bh, x, h_prev, slip=""):
    (xr, xz, xn), (hr, hz, hn) = np.split(x @ Wx.T + bx, 3, axis=1), np.split(h_prev @ Wh.T + bh, 3, axis=1)
    gate = {"raw gates": lambda a: a, "tanh gates": np.tanh}.get(slip, _sigmoid)
    r, z = gate(xr + hr), gate(xz + hz)
    a = {"1-r": xn + (1 - r) * hn, "reset all": r * (xn + hn), "minus": xn - r * hn}.get(slip, xn + r * hn)
    return r, z, {"no tanh": a, "sigmoid": _sigmoid(a)}.get(slip, np.tanh(a)), hn


def _gru_step(Wx, Wh, bx, bh, x, h_prev, slip=""):
    if slip == "order":
        Wx, Wh, bx, bh = (np.concatenate([z, r, n]) for r, z, n in (np.split(W, 3) for W in (Wx, Wh, bx, bh)))
    if slip == "transposed":
        Wh = np.concatenate([W.T for W in np.split(Wh, 3)])
    r, z, n, hn = _gates(Wx, Wh, bx, bh, x, h_prev, slip)
    xn, Wn, bn = np.split(x @ Wx.T + bx, 3, axis=1)[2], np.split(Wh, 3)[2], np.split(bh, 3)[2]
    other = {"before": (r * h_prev) @ Wn.T + bn, "none": hn, "bias": r * (h_prev @ Wn.T) + bn}
    if slip in other:
        n = np.tanh(xn + other[slip])
    kept, new = (1 if slip == "no z" else z) * h_prev, (1 if slip == "no 1-z" else 1 - z) * n
    mixed = {"alone": n, "kept": kept, "new": new, "less": kept - new, "writes": (1 - z) * h_prev + z * n}
    return mixed.get(slip, kept + new)


def _gru_step_of(net):
    """Right for a net in which something is missing."""
    return lambda *net_and_state: _gru_step(*net(*net_and_state[:4]), *net_and_state[4:])


def _gru_step_backward(Wx, Wh, bx, bh, x, h_prev, dh, slip=""):
    r, z, n, hn = _gates(Wx, Wh, bx, bh, x, h_prev)
    share = {"share": 1, "z share": z, "1+z": 1 + z}.get(slip, 1 - z)
    of_n = {"tanh": 1, "square": 1 - n, "plus": 1 + n**2, "n(1-n)": n * (1 - n)}.get(slip, 1 - n**2)
    of_z = {"sigmoid": 1, "z": z, "1-z": 1 - z, "gate tanh": 1 - z**2}.get(slip, z * (1 - z))
    of_r = {"r slope": 1, "r": r, "1-r": 1 - r, "gate tanh": 1 - r**2}.get(slip, r * (1 - r))
    by_z = {"sign": n - h_prev, "h alone": h_prev, "n alone": -n, "added": h_prev + n, "by z": 1}.get(slip, h_prev - n)
    dn, dz = dh * share * of_n, dh * by_z * of_z
    dr = 0 * dn if slip == "reset" else dn * {"hn": 1, "h for hn": h_prev}.get(slip, hn) * of_r
    da_x = np.concatenate([dr, dz, dn], axis=1)
    da_h = da_x if slip == "same" else np.concatenate([dr, dz, dn * r], axis=1)
    if slip == "same x":
        da_x = da_h
    if slip == "order":
        da_x, da_h = (
            np.concatenate([part[1], part[0], part[2]], axis=1) for part in (np.split(da_x, 3, 1), np.split(da_h, 3, 1))
        )
    by_weights = da_h @ Wh
    if slip == "gates":
        by_weights = (dn * r) @ np.split(Wh, 3)[2]
    direct = {"direct": 0, "whole": dh, "1-z direct": (1 - z) * dh, "no dh": z}.get(slip, z * dh)
    return {
        "dWx": da_x.T @ x,
        "dWh": da_h.T @ h_prev,
        "dbx": da_x.mean(0) if slip == "mean" else da_x.sum(0),
        "dbh": da_h.mean(0) if slip == "mean" else da_h.sum(0),
        "dx": da_x @ Wx,
        "dh_prev": {"only direct": 0, "minus": -by_weights}.get(slip, by_weights) + direct,
    }


def _gru_backward(Wx, Wh, bx, bh, x, h0, dh_T, slip=""):
    h, steps = [h0], range(x.shape[1])
    for t in steps:
        h.append(_gru_step(Wx, Wh, bx, bh, x[:, t], h[-1]))
    dh, shares = dh_T, []
    for t in steps if slip == "forwards" else reversed(steps):
        met = {"met": t + 1, "zero": 0}.get(slip, t)
        share = _gru_step_backward(Wx, Wh, bx, bh, x[:, t], h[met], dh)
        dh_prev = share.pop("dh_prev")
        if slip == "gate":
            dh_prev = _gates(Wx, Wh, bx, bh, x[:, t], h[t])[1] * dh
        dh = dh_T if slip == "end" else dh_prev + (dh_T if slip == "again" else 0)
        shares.append(share)
    kept = {"last": shares[:1], "first": shares[-1:]}.get(slip, shares)
    n = len(shares) if slip == "mean" else 1
    return {name: sum(share[name] for share in kept) / n for name in ("dWx", "dWh", "dbx", "dbh")}


def _trained(Wx, Wh, b, V, c, x, target, rate, limit, slip=""):
    theta, losses = {"Wx": Wx, "Wh": Wh, "b": b, "V": V, "c": c}, []
    start = theta
    state = np.zeros((x.shape[1], len(Wh)))

    def passes(theta, batch, wanted, h0):
        """Last states, loss, and gradients by all weights."""
        h = _rnn_forward(theta["Wx"], theta["Wh"], theta["b"], batch, h0)
        out = _answer_loss(theta["V"], theta["c"], h[:, -1], wanted)
        dh = np.zeros_like(h[:, 1:])
        dh[:, -1] = out["dh"]
        back = _rnn_backward(theta["Wx"], theta["Wh"], batch, h, dh)
        return h[:, -1], out["loss"], {name: {**out, **back}["d" + name] for name in theta}

    for batch, wanted in zip(x, target, strict=True):
        if slip == "batch":
            batch, wanted = x[0], target[0]
        last, loss, grad = passes(start if slip == "stale" else theta, batch, wanted, state)
        squares = {name: np.sum(g**2) for name, g in grad.items()}
        norms = {name: np.sqrt(square) for name, square in squares.items()}
        if slip != "each":
            whole = {"root": sum(squares.values()), "sum": sum(norms.values()), "V alone": norms["V"]}
            norms = dict.fromkeys(grad, whole.get(slip, np.sqrt(sum(squares.values()))))
        new = {}
        for name, g in grad.items():
            scale = limit / norms[name] if slip == "always" else min(1, limit / max(norms[name], 1e-300))
            scale = {"unclipped": 1, "to 1": min(1, 1 / max(norms[name], 1e-300))}.get(slip, scale)
            clipped = np.clip(g, -limit, limit) if slip == "value" else g * scale
            step = clipped if slip == "rate" else rate * clipped
            new[name] = {"up": theta[name] + step, "replaced": -step}.get(slip, theta[name] - step)
        theta = new
        losses.append(passes(theta, batch, wanted, state)[1] if slip == "after" else loss)
        state = last if slip == "state" else state
    return {"loss": np.array(losses), **theta}


def _sizes(rng):
    """Batch, steps, units and inputs, all of different lengths, so that no wrong axis fits by chance."""
    B, T, H, D = rng.permutation([2, 3, 4, 5])
    return int(B), int(T), int(H), int(D)


def _ones(rng):
    """A single sequence of a single step, for a net of a single unit that reads one number."""
    return 1, 1, 1, 1


def _single(rng):
    """A single sequence, for a net that reads one number."""
    return 1, 1, 4, 1


def _one_step(rng):
    B, _, H, D = _sizes(rng)
    return B, 1, H, D


def _equal(rng):
    return 3, 3, 3, 3


def _draw_forward(rng, sizes=_sizes):
    B, T, H, D = sizes(rng)
    shapes = (H, D), (H, H), (H,), (B, T, D), (B, H)
    return tuple(rng.normal(size=shape) for shape in shapes)


def _draw_loss(rng, sizes=_sizes):
    B, C, H, _ = sizes(rng)
    return rng.normal(size=(C, H)), rng.normal(size=C), rng.normal(size=(B, H)), rng.integers(0, C, B)


def _one_of_two(rng):
    """A single sequence, two classes, one unit."""
    return 1, 2, 1, 1


def _draw_one_class(rng):
    """All sequences of a batch have the same answer."""
    V, c, h, target = _draw_loss(rng)
    return V, c, h, np.full_like(target, target[0])


def _draw_backward(rng, sizes=_sizes):
    Wx, Wh, b, x, h0 = _draw_forward(rng, sizes)
    h = _rnn_forward(Wx, Wh, b, x, h0)
    return Wx, Wh, x, h, rng.normal(size=h[:, 1:].shape)


def _draw_gru(rng, sizes=_sizes):
    B, _, H, D = sizes(rng)
    shapes = (3 * H, D), (3 * H, H), (3 * H,), (3 * H,), (B, D), (B, H)
    return tuple(rng.normal(size=shape) for shape in shapes)


def _draw_gru_from_zero(rng):
    """A step from the state 0, which is where runs begin."""
    *weights, x, h_prev = _draw_gru(rng)
    return *weights, x, 0 * h_prev


def _draw_gru_backward(rng, sizes=_sizes, start=1):
    *weights, x, h_prev = _draw_gru(rng, sizes)
    return *weights, x, start * h_prev, rng.normal(size=h_prev.shape)


def _draw_gru_run(rng, sizes=_sizes, T=None):
    *weights, x, h0, dh = _draw_gru_backward(rng, sizes)
    T = int(rng.integers(2, 5)) if T is None else T
    return *weights, rng.normal(size=(len(x), T, x.shape[1])), h0, dh


def _draw_untouched(rng):
    """Sequences of a single step, and updates whose gradients are all shorter than the limit."""
    B, T, H, D = _one_step(rng)
    shapes = (H, D), (H, H), (H,), (3, H), (3,), (3, B, T, D)
    return *(rng.normal(size=shape) for shape in shapes), rng.integers(0, 3, (3, B)), 0.1, 100.0


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


QUESTIONS = [
    Question(
        name="rnn_forward",
        points=4,
        objective="Run a recurrent network over a batch of sequences at once.",
        right=_rnn_forward,
        draw=_draw_forward,
        edges=(partial(_draw_forward, sizes=_ones), partial(_draw_forward, sizes=_equal)),
        mistakes=by_slip(
            _rnn_forward,
            {
                "start": "every step starts from h0 again. It reads the state before it.",
                "transposed": "Wh is transposed. In a batch the states are rows: h @ Wh.T.",
                "bias": "the bias is missing.",
                "linear": "the tanh is missing.",
                "first": "the start is missing: the first state of each sequence is h0.",
                "time": "axes 0 and 1 are swapped: sequences come first, steps second.",
                "alone": "the state before is missing: h_t reads h_{t-1}.",
                "input": "the inputs are missing.",
                "-h": "what comes from the state before has the wrong sign. All terms are added.",
                "-b": "the bias has the wrong sign. All terms are added.",
                "sigmoid": "these states went through a sigmoid. This net has tanh.",
                "last": "these are the last states alone. All of them are asked for, from h0 on.",
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
        edges=(_draw_one_class, partial(_draw_loss, sizes=_one_of_two), partial(_draw_loss, sizes=_equal)),
        mistakes=by_slip(
            _answer_loss,
            {
                "sum": "this sums over the sequences. The loss is their mean.",
                "gradient": "the loss is a mean, so its gradients carry a factor 1/B, too.",
                "hit": "the derivative by a logit is its probability, less 1 for the right class.",
                "bias": "the bias c is missing from the logits.",
                "axis": "wrong axis: the probabilities of one sequence sum to 1, and sequences are axis 0.",
                "sign": "the sign of dh is wrong: it is the derivative, not the step downhill.",
                "dc": "dc is divided by the number of sequences twice.",
                "logits": "the softmax is missing from the gradients: they hold probabilities, not logits.",
                "plus": "1 is added to the right class's probability. It is subtracted.",
                "set": "in the gradients, the right class's probability has become -1. From it, 1 is subtracted.",
                "each": "these are the losses of all sequences. Their mean is asked for.",
                "gain": "the sign of the loss is wrong: it is minus the logarithm.",
                "2": "the loss has the natural logarithm.",
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
        edges=(
            partial(_draw_backward, sizes=_one_step),
            partial(_draw_backward, sizes=_ones),
            partial(_draw_backward, sizes=_equal),
        ),
        mistakes=by_slip(
            _rnn_backward,
            {
                "alone": "each step's own loss is counted, and what comes back from the later steps is missing.",
                "slope": "the slope of tanh is left out.",
                "early": "off by one in t: the slope of step t is 1 - h_t², and h_t is h[:, t].",
                "last": "the gradient is not accumulated over time: only the last step's share is there.",
                "met": "off by one in t: Wh met the state before the step.",
                "mean": "db is averaged over the sequences. The mean is in dh already; shares are summed.",
                "transposed": "on the way back the rows go through Wh, not through its transpose.",
                "forwards": "this walks forwards in time. Gradients start at the last step.",
                "over": "the gradient is not accumulated over time: each step replaces what the others brought.",
                "over dWx": "dWx is not accumulated over time: each step replaces what the others brought.",
                "over dWh": "dWh is not accumulated over time: each step replaces what the others brought.",
                "over db": "db is not accumulated over time: each step replaces what the others brought.",
                "carried": "only the last loss is taken back. Each step's own dh is added on the way.",
                "minus": "what comes back from later has the wrong sign. It is added.",
                "square": "the square is missing: the slope of tanh is 1 - h_t².",
                "plus": "the sign in the slope is wrong: it is 1 - h_t², which is at most 1.",
                "sigmoid": "h (1 - h) is the slope of a sigmoid. This net has tanh.",
                "dx": "between dL/dh_t and dx stands the slope of tanh.",
                "carry": "on the way back the slope of tanh is left out: to h_{t-1} leads Wh after the slope.",
            },
        ),
    ),
    Question(
        name="gru_step",
        points=4,
        objective="Write a batched GRU step as a library computes it.",
        right=_gru_step,
        draw=_draw_gru,
        edges=(_draw_gru_from_zero, partial(_draw_gru, sizes=_single), partial(_draw_gru, sizes=_equal)),
        mistakes=by_slip(
            _gru_step,
            {
                "writes": "z and 1-z are swapped. Here z keeps.",
                "before": "the reset gate stands before the product. Here it comes after it.",
                "none": "the reset gate is missing from the candidate.",
                "bias": "the candidate's b_hn stands outside the bracket. The reset gate multiplies it, too.",
                "order": "the row blocks are r, z, n, in this order.",
                "transposed": "the blocks of Wh are transposed. In a batch the states are rows: h @ W.T.",
                "raw gates": "the sigmoid of the gates is missing.",
                "tanh gates": "the gates went through tanh. They lie between 0 and 1, as a sigmoid does.",
                "no tanh": "the tanh of the candidate is missing.",
                "sigmoid": "the candidate went through a sigmoid. It may be negative.",
                "1-r": "r and 1-r are swapped: where r is 0, the candidate doesn't see the state before.",
                "reset all": "the reset gate multiplies the input, too. It resets what comes from the state alone.",
                "minus": "in the candidate, what comes from the state before has the wrong sign.",
                "alone": "this is the candidate. The new state mixes it with the old one.",
                "no z": "z is missing: the old state is kept with the share z.",
                "no 1-z": "1-z is missing: the candidate comes in with the share 1-z.",
                "kept": "only what is kept is here. The candidate's share is missing.",
                "new": "only what is new is here. The old state's share is missing.",
                "less": "the candidate's share is subtracted. It is added.",
            },
        )
        | {hint: _gru_step_of(net) for hint, net in FORGOTTEN.items()},
    ),
    Question(
        name="gru_step_backward",
        points=12,
        objective="Write the backward pass of a gated step, with all four paths.",
        derive=True,
        right=_gru_step_backward,
        draw=_draw_gru_backward,
        edges=(
            partial(_draw_gru_backward, start=0),
            partial(_draw_gru_backward, sizes=_ones),
            partial(_draw_gru_backward, sizes=_equal),
        ),
        mistakes=by_slip(
            _gru_step_backward,
            {
                "direct": "the direct path z * dh is missing from dh_prev.",
                "gates": "dh_prev lacks the way through the gates, which read h_prev as well.",
                "reset": "the reset gate gets no gradient. It multiplies W_hn h_prev + b_hn.",
                "sign": "the sign of the update gate's gradient is wrong: more z means more h_prev and less candidate.",
                "sigmoid": "the slope z (1-z) of the update gate is left out.",
                "tanh": "the candidate's slope 1 - h_tilde² is left out.",
                "same": "what goes to Wh and bh in the candidate's rows has met r; what goes to Wx and bx has not.",
                "same x": "r has met what goes to Wx and bx, too. It multiplies what comes from the state alone.",
                "order": "the row blocks are r, z, n, in this order.",
                "share": "1-z is missing: the candidate came in with this share.",
                "z share": "the candidate came in with the share 1-z, not z.",
                "1+z": "the candidate came in with the share 1-z, not 1+z.",
                "square": "the square is missing: the candidate's slope is 1 - h_tilde².",
                "plus": "the sign in the candidate's slope is wrong: it is 1 - h_tilde².",
                "n(1-n)": "h (1 - h) is the slope of a sigmoid. The candidate is tanh.",
                "gate tanh": "1 - g² is the slope of tanh. The gates are sigmoids.",
                "r slope": "the slope r (1-r) of the reset gate is left out.",
                "r": "half of the reset gate's slope is missing: 1-r.",
                "1-r": "half of the reset gate's slope is missing: r.",
                "z": "half of the update gate's slope is missing: 1-z.",
                "1-z": "half of the update gate's slope is missing: z.",
                "h alone": "h_tilde is missing from the update gate's gradient: more z means less candidate.",
                "n alone": "h_prev is missing from the update gate's gradient: more z means more of it.",
                "added": "in the update gate's gradient, h_tilde is added to h_prev. More z means less candidate.",
                "by z": "the update gate's gradient lacks the derivative of h_t by z.",
                "hn": "the reset gate's gradient lacks what it multiplies, W_hn h_prev + b_hn.",
                "h for hn": "the reset gate multiplies W_hn h_prev + b_hn here, not h_prev.",
                "whole": "the direct path keeps the share z of dh, not all of it.",
                "1-z direct": "the direct path has the share 1-z. z keeps.",
                "only direct": "only the direct path is in dh_prev. Gates and candidate read h_prev, too.",
                "minus": "in dh_prev, what comes through the weights has the wrong sign. It is added.",
                "mean": "the biases' gradients are averaged over the sequences. Shares are summed.",
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
        edges=(partial(_draw_gru_run, T=1), partial(_draw_gru_run, sizes=_ones), partial(_draw_gru_run, sizes=_equal)),
        mistakes=by_slip(
            _gru_backward,
            {
                "last": "the gradient is not accumulated over time: only the last step's share is there.",
                "first": "shares overwrite each other: only the first step's is left. Add them.",
                "end": "every step starts from dh_T. Hand on the dh_prev of the step after it.",
                "again": "dh_T is added at every step. The loss reads the last state alone.",
                "gate": "only the direct path is carried back. dh_prev has all four.",
                "met": "off by one in t: step t has met the state before it.",
                "forwards": "this walks forwards in time. Gradients start at the last step.",
                "zero": "every step is taken back at the start h0. Step t has met the state before it.",
                "mean": "this is averaged over the steps. Their shares are summed.",
            },
        ),
    ),
    Question(
        name="trained",
        points=12,
        objective="Write a training loop: fresh batches, clipped gradients, updates.",
        right=_trained,
        draw=_draw_training,
        edges=(_draw_untouched,),
        mistakes=by_slip(
            _trained,
            {
                "unclipped": "nothing is clipped.",
                "each": "each array is clipped by its own norm. Take one norm over all weights together.",
                "value": "this clips by value. Clip by the norm of all weights together.",
                "always": "this shortens or lengthens every gradient to the limit. Short ones pass untouched.",
                "up": "the sign is wrong: this climbs.",
                "batch": "every update sees the first batch. Update n learns from batch n.",
                "root": "the root is missing from the norm.",
                "sum": "these are five norms added. Take one norm: the root of all squares together.",
                "V alone": "that is the norm of dV alone. Take one norm over all five arrays.",
                "to 1": "this clips at 1. The threshold is limit.",
                "rate": "the rate is missing.",
                "replaced": "the arrays are replaced by the step. They move by it.",
                "after": "the losses are those after the updates. They belong to the weights before.",
                "stale": "every gradient belongs to the weights of the start. Take it where the net is by now.",
                "state": "the state is carried on from batch to batch. Each begins at 0.",
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
