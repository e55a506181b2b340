"""Assignment 3, the gated cell: its questions, for instructors only."""

from functools import partial

import numpy as np

from course_utils.cells import Params, forward, sigmoid
from course_utils.checks.gru import (
    FORGOTTEN,
    WRONG_NETS,
    draw_net,
    draw_stack,
    one_step,
    right_step,
    rows,
    sigmoid_candidate,
    wrong_step,
)
from course_utils.gradients import jacobian_paths
from coursework.grader.question import Question, by_slip

IMPORTED = (1, 0, 2)  # the library's blocks z, r, n in our order


def _steps(*net_and_state, step=right_step):
    """(2, H): a step with the reset before the product, and with the reset after it."""
    return np.array([step(*net_and_state, reset=reset) for reset in ("before", "after")])


def _slipped(*net_and_state, reset="after", slip=""):
    """A step (H,) by hand, with a mistake that no weights give."""
    Wx, Wh, bx, bh, x, h = net_and_state
    (xr, xz, xn), (ur, uz, un) = np.split(Wx @ x + bx, 3), np.split(Wh @ h + bh, 3)
    gate = {"raw gates": lambda a: a, "tanh gates": np.tanh}.get(slip, sigmoid)
    r, z, Wn, bn = gate(xr + ur), gate(xz + uz), np.split(Wh, 3)[2], np.split(bh, 3)[2]
    r = 1 - r if slip == "1-r" else r
    a = xn + (Wn @ (r * h) + bn if reset == "before" else r * un)
    a = r * (xn + un) if slip == "reset all" else xn - (a - xn) if slip == "minus" else a
    n = a if slip == "no tanh" else np.tanh(a)
    if slip == "alone":
        return n
    kept, new = (1 if slip == "no z" else z) * h, (1 if slip == "no 1-z" else 1 - z) * n
    return {"kept": kept, "new": new, "less": kept - new}.get(slip, kept + new)


SLIPS = {  # of `_slipped`, with their hints
    "no tanh": "the tanh of the candidate is missing.",
    "raw gates": "the sigmoid of the gates is missing.",
    "tanh gates": "the gates went through tanh. They lie between 0 and 1, as a sigmoid does.",
    "1-r": "r and 1-r are swapped: where r is 0, the candidate doesn't see the state before.",
    "reset all": "the reset gate multiplies the input, too. It resets what comes from the state before alone.",
    "minus": "in the candidate, what comes from the state before has the wrong sign.",
    "alone": "this is the candidate. The new state mixes it with the old one.",
    "no z": "z is missing: the old state is kept with the share z.",
    "no 1-z": "1-z is missing: the candidate comes in with the share 1-z.",
    "kept": "only what is kept is here. The candidate's share is missing.",
    "new": "only what is new is here. The old state's share is missing.",
    "less": "the candidate's share is subtracted. It is added.",
}


def _wrong_steps(mistake):
    return lambda *net_and_state: _steps(*net_and_state, step=partial(wrong_step, mistake))


def _steps_of(net):
    """Right for a net in which something is missing."""
    return lambda *net_and_state: _steps(*net(*net_and_state[:4]), *net_and_state[4:])


def _transposed(*blocks):
    """A net in which some row blocks of Wh are transposed."""

    def net(Wx, Wh, bx, bh):
        return Wx, np.concatenate([W.T if n in blocks else W for n, W in enumerate(np.split(Wh, 3))]), bx, bh

    return net


def _one_minus_z(W):
    z, r, n = np.split(np.asarray(W), 3)
    return np.concatenate([r, 1 - z, n])


def _run(Wx, Wh, bx, bh, x, h0, reset="before"):
    return forward(Params("GRU", Wx, Wh, bx, bh, reset=reset), x, h0=h0).h


def _run_wrong(Wx, Wh, bx, bh, x, h0, last_line, hears=lambda h, tilde_prev: h):
    """A run whose last line or whose hearing is wrong: each step's gate and candidate are right for what they hear."""
    h, tilde_prev = [h0], np.zeros_like(h0)
    for x_t in x:
        step = one_step(Wx, Wh, bx, bh, x_t, hears(h[-1], tilde_prev), reset="before")
        h.append(last_line(step["z"], h[-1], tilde_prev, step["h_tilde"]))
        tilde_prev = step["h_tilde"]
    return np.array(h)


def _loss(h, v, y):
    return np.mean((h @ v - y) ** 2)


def _gate(W, g):
    return np.diag(g * (1 - g)) @ W


def _reset(Wr, r, h_prev):
    return np.diag(r) + np.diag(h_prev) @ _gate(Wr, r)


def _tilde(Wn, h_tilde, inner):
    return np.diag(1 - h_tilde**2) @ Wn @ inner


def _paths(Wx, Wh, bx, bh, x, h_prev, reset="before"):
    trace = forward(Params("GRU", Wx, Wh, bx, bh, reset=reset), x[None], h0=h_prev)
    return {name: J[0] for name, J in jacobian_paths(trace).items()}


def _jacobian(*net, without=(), turned=(), reset="before"):
    """The sum of the four paths, without some, or with the sign of some turned."""
    paths = _paths(*net, reset=reset)
    return sum(-J if name in turned else J for name, J in paths.items() if name not in without)


def _jacobian_of(mistake):
    """Right for a net in which something is swapped or missing."""
    return lambda *net_and_state: _jacobian(*WRONG_NETS[mistake](*net_and_state[:4]), *net_and_state[4:])


def _by_hand(Wx, Wh, bx, bh, x, h, slip="", seen=None):
    """The four paths from gates and candidate, with one thing wrong at a time. seen: the net that gives these."""
    net = seen(Wx, Wh, bx, bh) if seen else (Wx, Wh, bx, bh)
    trace = forward(Params("GRU", *net, reset="before"), x[None], h0=h)
    r, z, n = (trace.gates[name][0] for name in ("r", "z", "h_tilde"))
    of_r, of_z = (1 - g**2 if slip == "tanh gates" else g * (1 - g) for g in (r, z))
    of_n = {"sigmoid candidate": n * (1 - n), "square": 1 - n, "plus": 1 + n**2}.get(slip, 1 - n**2)
    of_r, of_z, of_n = (1 + 0 * g if slip == name else g for name, g in (("σ r", of_r), ("σ z", of_z), ("σ n", of_n)))
    Wr, Wz, Wn = (W.T if slip == name else W for name, W in zip(("Wr.T", "Wz.T", "Wn.T"), np.split(Wh, 3), strict=True))
    r_by_h, z_by_h = np.diag(of_r) @ Wr, np.diag(of_z) @ Wz
    reset = np.diag(1 + 0 * r if slip == "r" else r) + (r_by_h if slip == "h" else np.diag(h) @ r_by_h)
    n_by_h = np.diag(of_n) @ (reset @ Wn if slip == "order" else Wn @ reset)
    by_z = {"h alone": h, "n alone": -n, "n plus": h + n, "no difference": 1 + 0 * h}.get(slip, h - n)
    share = {"1-z": 1 + 0 * z, "z for 1-z": z, "1+z": 1 + z, "-": z - 1}.get(slip, 1 - z)
    keeps = {"1-z keeps": 1 - z, "identity": 1 + 0 * z}.get(slip, z)
    if slip == "update order":
        return np.diag(keeps) + z_by_h @ np.diag(by_z) + np.diag(share) @ n_by_h
    columns = n_by_h @ np.diag(share) if slip == "columns" else np.diag(share) @ n_by_h
    return (keeps if slip == "vector" else np.diag(keeps)) + np.diag(by_z) @ z_by_h + columns


def _draw_step(rng, H=None, D=None):
    H = int(rng.integers(2, 6)) if H is None else H
    return draw_net(rng, H + int(rng.choice([-1, 1, 2])) if D is None else D, H)


def _draw_from_zero(rng):
    """A step from the state 0, which is where most runs begin."""
    *net, h = _draw_step(rng)
    return *net, 0 * h


def _draw_run(rng, T=None, **sizes):
    Wx, Wh, bx, bh, _, h0 = _draw_step(rng, **sizes)
    return Wx, Wh, bx, bh, rng.normal(size=(int(rng.integers(3, 7)) if T is None else T, Wx.shape[1])), h0


def _draw_loss(rng, B=None, H=None):
    B, H = int(rng.integers(3, 8)) if B is None else B, int(rng.integers(2, 6)) if H is None else H
    return rng.normal(size=(B, H)), rng.normal(size=H), rng.normal(size=B)


def _draw_block(rng, *shape):
    """A stack of a given shape for each of three blocks: `draw_stack` has either a matrix or a bias."""
    H = int(rng.integers(2, 6))
    return (rng.normal(size=(3 * (shape[0] or H), *shape[1:])),)


def _draw_gate(rng, H=None):
    H = int(rng.integers(2, 6)) if H is None else H
    return rng.normal(size=(H, H)), rng.uniform(0.1, 0.9, H)


def _draw_shut(rng):
    """A gate of which one unit is shut and another open, to all digits: their slope is 0."""
    W, g = _draw_gate(rng)
    g[:2] = 0.0, 1.0
    return W, g


def _draw_by_gate(rng, H=None):
    H = int(rng.integers(2, 6)) if H is None else H
    return rng.uniform(-1, 1, H), rng.uniform(-1, 1, H)


def _draw_equal(rng):
    """One unit whose candidate is its old state, and one whose old state is 0."""
    h_prev, h_tilde = _draw_by_gate(rng)
    h_prev[0], h_prev[1] = h_tilde[0], 0.0
    return h_prev, h_tilde


def _draw_reset_state(rng, H=None):
    Wr, r = _draw_gate(rng, H)
    return Wr, r, rng.uniform(-1, 1, len(r))


def _draw_reset_edge(rng):
    """A unit that is reset altogether, one that isn't, and a state that is 0 in one of them."""
    Wr, r = _draw_shut(rng)
    h_prev = rng.uniform(-1, 1, len(r))
    h_prev[1] = 0.0
    return Wr, r, h_prev


def _draw_tilde(rng, H=None):
    H = int(rng.integers(2, 6)) if H is None else H
    return rng.normal(size=(H, H)), rng.uniform(-0.9, 0.9, H), rng.normal(size=(H, H))


def _draw_flat(rng):
    """A candidate that is 1 in one unit, where tanh is flat to all digits, and 0 in another."""
    Wn, h_tilde, inner = _draw_tilde(rng)
    h_tilde[:2] = 1.0, 0.0
    return Wn, h_tilde, inner


QUESTIONS = [
    Question(
        name="gru_steps",
        points=17,
        objective="Write a step of the GRU, with the reset gate before and after the product.",
        right=_steps,
        draw=_draw_step,
        edges=(_draw_from_zero, partial(_draw_step, H=4, D=1), partial(_draw_step, H=3, D=3)),
        mistakes={
            "z and 1-z are swapped. Here z keeps: it multiplies the old state.": _wrong_steps("z and 1-z swapped"),
            "the reset gate is never used.": _wrong_steps("reset never used"),
            "the two rows are swapped: before the product first, after it second.": lambda *net: _steps(*net)[::-1],
            "both rows have the reset before the product.": lambda *net: _steps(*net)[[0, 0]],
            "both rows have the reset after the product.": lambda *net: _steps(*net)[[1, 1]],
            "after the product, the reset gate multiplies the candidate's part of bh, too.": (
                lambda *net: np.array([_steps(*net)[0], wrong_step("bias past the reset", *net)])
            ),
            "the candidate went through a sigmoid. It may be negative.": partial(_steps, step=sigmoid_candidate),
            "the row blocks of r and z are swapped. Their order is r, z, n.": _wrong_steps("r and z swapped"),
            "the bias bh is missing.": _wrong_steps("no bh"),
            "the bias bx is missing.": _wrong_steps("no bx"),
            "the blocks of Wh are transposed.": _steps_of(_transposed(0, 1, 2)),
            "the candidate's block of Wh is transposed.": _steps_of(_transposed(2)),
            "the gates' blocks of Wh are transposed.": _steps_of(_transposed(0, 1)),
            **{hint: _steps_of(net) for hint, net in FORGOTTEN.items()},
            **{hint: partial(_steps, step=partial(_slipped, slip=slip)) for slip, hint in SLIPS.items()},
        },
        rows=("the reset before", "the reset after"),
    ),
    Question(
        name="import_weights",
        points=10,
        objective="Translate weights between two conventions of the update gate and of the row order.",
        right=partial(rows, order=IMPORTED, negate=(1,)),
        draw=draw_stack,
        edges=(
            lambda rng: _draw_block(rng, None),
            lambda rng: _draw_block(rng, None, 2),
            lambda rng: _draw_block(rng, 1),
        ),
        mistakes={
            "z and 1-z are swapped: the blocks are in order, but this z still writes.": (
                lambda W: rows(W, IMPORTED, negate=())
            ),
            "the blocks are still in the library's order, z, r, n.": (lambda W: rows(W, negate=(0,))),
            "the wrong block is negated: this is r's.": lambda W: rows(W, IMPORTED, negate=(0,)),
            "all blocks are negated. Only z changes its meaning.": lambda W: rows(W, IMPORTED, negate=(0, 1, 2)),
            "1 - z is taken of the weights. It holds for the gate; what does it mean for the sigmoid's argument?": (
                _one_minus_z
            ),
            "nothing is changed.": lambda W: W,
            "the candidate has left its place. It comes last in both.": (
                lambda W: rows(W, order=(1, 2, 0), negate=(2,))
            ),
            "the candidate's block is negated instead of z's.": lambda W: rows(W, IMPORTED, negate=(2,)),
            "z's place holds 1/z. The sigmoid's argument changes its sign, and nothing is divided.": (
                lambda W: np.concatenate([np.split(W, 3)[1], 1 / np.split(W, 3)[0], np.split(W, 3)[2]])
            ),
        },
    ),
    Question(
        name="repaired_run",
        points=12,
        objective="Find and repair the mistake that turns a memory into none.",
        right=_run,
        draw=_draw_run,
        edges=(partial(_draw_run, T=1), partial(_draw_run, H=1, D=1), partial(_draw_run, H=3, D=3)),
        mistakes={
            "the tilde is still there: z keeps the last candidate instead of the last state.": (
                lambda *net: _run_wrong(*net, lambda z, h, tilde_prev, h_tilde: z * tilde_prev + (1 - z) * h_tilde)
            ),
            "now the other candidate has lost its tilde: the new content is h_tilde.": (
                lambda *net: _run_wrong(*net, lambda z, h, tilde_prev, h_tilde: z * h + (1 - z) * h)
            ),
            "z and 1-z are swapped. Here z keeps.": (
                lambda *net: _run_wrong(*net, lambda z, h, tilde_prev, h_tilde: (1 - z) * h + z * h_tilde)
            ),
            "both candidates stand in the last line: the old one is nowhere in a GRU.": (
                lambda *net: _run_wrong(*net, lambda z, h, tilde_prev, h_tilde: z * h + (1 - z) * tilde_prev)
            ),
            "the last line is repaired, but gates and candidate now listen to the last candidate.": (
                lambda *net: _run_wrong(
                    *net,
                    lambda z, h, tilde_prev, h_tilde: z * h + (1 - z) * h_tilde,
                    hears=lambda h, tilde_prev: tilde_prev,
                )
            ),
            "every row is the last state: one array is changed in place and kept many times. Keep a new one a step.": (
                lambda *net: np.repeat(_run(*net)[-1:], len(net[4]) + 1, axis=0)
            ),
            "the start h_0 is missing from the answer.": lambda *net: _run(*net)[1:],
            "the start is taken as zero. Use the h0 that is handed in.": (
                lambda Wx, Wh, bx, bh, x, h0: _run(Wx, Wh, bx, bh, x, 0 * h0)
            ),
            "the reset gate comes after the product. The printed lines have it before.": partial(_run, reset="after"),
            "the reset gate is never used.": lambda *net: _run(*WRONG_NETS["reset never used"](*net[:4]), *net[4:]),
            "this is the last state alone. All of them are asked for, from h_0 on.": lambda *net: _run(*net)[-1],
            "every step starts from h_0 again. It reads the state before it.": (
                lambda Wx, Wh, bx, bh, x, h0: np.array([h0, *(_run(Wx, Wh, bx, bh, x_t[None], h0)[1] for x_t in x)])
            ),
        },
    ),
    Question(
        name="readout_loss",
        points=6,
        objective="Find a broadcasting bug that raises no error.",
        right=_loss,
        draw=_draw_loss,
        edges=(partial(_draw_loss, B=2), partial(_draw_loss, B=4, H=4), partial(_draw_loss, H=1)),
        mistakes={
            "the bug is still there: wrong broadcasting makes B x B differences. Print the shape of the difference.": (
                lambda h, v, y: np.mean(((h @ v)[:, None] - y) ** 2)
            ),
            "this sums over the batch. The mean is asked for.": lambda h, v, y: _loss(h, v, y) * len(y),
            "each answer is compared with the mean of all targets.": lambda h, v, y: np.mean((h @ v - y.mean()) ** 2),
            "this is the root of the mean squared error.": lambda h, v, y: np.sqrt(_loss(h, v, y)),
            "the square is taken of the mean difference. Square first.": lambda h, v, y: np.mean(h @ v - y) ** 2,
            "the differences are not squared.": lambda h, v, y: np.mean(np.abs(h @ v - y)),
            "the diagonal was picked out of B x B squares, and the mean was taken over all of them.": (
                lambda h, v, y: _loss(h, v, y) / len(y)
            ),
            "there is no factor 1/2 in this loss.": lambda h, v, y: _loss(h, v, y) / 2,
            "the targets are added. Answers are compared with them by a difference.": (
                lambda h, v, y: np.mean((h @ v + y) ** 2)
            ),
            "the targets are missing.": lambda h, v, y: np.mean((h @ v) ** 2),
            "the square is missing: differences of both signs cancel.": lambda h, v, y: np.mean(h @ v - y),
            "this divides by the number of units as well. The mean is over the batch.": (
                lambda h, v, y: _loss(h, v, y) / h.shape[1]
            ),
            "these are the squares of all sequences. Their mean is asked for.": lambda h, v, y: (h @ v - y) ** 2,
        },
    ),
    Question(
        name="gate_by_state",
        points=10,
        objective="Differentiate a gate by the state it reads.",
        axes=("unit of the gate", "old unit"),
        derive=True,
        right=_gate,
        draw=_draw_gate,
        edges=(_draw_shut, partial(_draw_gate, H=1)),
        mistakes={
            "wrong broadcasting: the slopes scale the columns. The slope belongs to the gate's unit, the row.": (
                lambda W, g: W * g * (1 - g)
            ),
            "σ' is left out: this is W alone.": lambda W, g: W,
            "1 - g² is the slope of tanh. A gate is a sigmoid.": lambda W, g: np.diag(1 - g**2) @ W,
            "half of the slope is missing: it falls to 0 at both ends, for g near 0 and near 1.": (
                lambda W, g: np.diag(g) @ W
            ),
            "this is the transpose. Rows belong to the gate, columns to the old state.": lambda W, g: _gate(W, g).T,
            "W is transposed. Going forward, the gate meets W as it is.": lambda W, g: _gate(W.T, g),
            "this is a product with a vector. The slopes form a diagonal matrix.": lambda W, g: W @ (g * (1 - g)),
            "half of the slope is missing: it falls to 0 at both ends, and 1 - g alone does not.": (
                lambda W, g: np.diag(1 - g) @ W
            ),
            "the sign in the slope is wrong: it falls to 0 at both ends, for g near 0 and near 1.": (
                lambda W, g: np.diag(g * (1 + g)) @ W
            ),
            "W is left out: these are the slopes alone.": lambda W, g: np.diag(g * (1 - g)),
            "the sigmoid is applied once more. What is handed in are the gate's values already.": (
                lambda W, g: _gate(W, sigmoid(g))
            ),
            "the weights between different units are missing: multiply by @, not by *.": (
                lambda W, g: np.diag(g * (1 - g)) * W
            ),
        },
    ),
    Question(
        name="state_by_gate",
        points=6,
        objective="Differentiate the new state by the gate that mixes it.",
        axes=("new unit", "unit of the gate"),
        derive=True,
        right=lambda h_prev, h_tilde: np.diag(h_prev - h_tilde),
        draw=_draw_by_gate,
        edges=(_draw_equal, partial(_draw_by_gate, H=1)),
        mistakes={
            "the sign is turned: in this course z keeps, so raising it brings h_prev.": (
                lambda h_prev, h_tilde: np.diag(h_tilde - h_prev)
            ),
            "this is a vector. Unit i's gate moves unit i alone: a diagonal matrix.": (
                lambda h_prev, h_tilde: h_prev - h_tilde
            ),
            "h_tilde is missing: raising z also takes something away.": lambda h_prev, h_tilde: np.diag(h_prev),
            "wrong broadcasting: the same row again and again. Unit i's gate moves unit i alone.": (
                lambda h_prev, h_tilde: np.tile(h_prev - h_tilde, (len(h_prev), 1))
            ),
            "wrong broadcasting: every old state meets every candidate.": (
                lambda h_prev, h_tilde: h_prev[:, None] - h_tilde
            ),
            "h_prev is missing: raising z also brings something.": lambda h_prev, h_tilde: np.diag(-h_tilde),
            "the candidate is added. What z keeps is taken from it.": lambda h_prev, h_tilde: np.diag(h_prev + h_tilde),
            "the diagonal matrices are multiplied. Differentiate a sum: one term brings, the other one takes.": (
                lambda h_prev, h_tilde: np.diag(h_prev * h_tilde)
            ),
        },
    ),
    Question(
        name="reset_by_state",
        points=11,
        objective="Use the product rule where a state is multiplied by a gate that reads it.",
        axes=("unit that is reset", "old unit"),
        derive=True,
        right=_reset,
        draw=_draw_reset_state,
        edges=(_draw_reset_edge, partial(_draw_reset_state, H=1)),
        mistakes={
            "one term is missing: h_prev also stands in the product itself, with r held.": (
                lambda Wr, r, h_prev: np.diag(h_prev) @ _gate(Wr, r)
            ),
            "one term is missing: r depends on h_prev, too.": lambda Wr, r, h_prev: np.diag(r),
            "wrong broadcasting: r was added to every row. Its place is the diagonal.": (
                lambda Wr, r, h_prev: r + np.diag(h_prev) @ _gate(Wr, r)
            ),
            "wrong axis: h_prev scales the columns of the gate's derivative. It belongs to the rows.": (
                lambda Wr, r, h_prev: np.diag(r) + _gate(Wr, r) @ np.diag(h_prev)
            ),
            "σ' is left out of the gate's derivative.": lambda Wr, r, h_prev: np.diag(r) + np.diag(h_prev) @ Wr,
            "Wr is transposed.": lambda Wr, r, h_prev: _reset(Wr.T, r, h_prev),
            "h_prev is missing from the second term: the product rule keeps the other factor.": (
                lambda Wr, r, h_prev: np.diag(r) + _gate(Wr, r)
            ),
            "r and h_prev are swapped: each term keeps the factor that is not differentiated.": (
                lambda Wr, r, h_prev: np.diag(h_prev) + np.diag(r) @ _gate(Wr, r)
            ),
            "the sign of the second term is wrong. The product rule adds.": (
                lambda Wr, r, h_prev: np.diag(r) - np.diag(h_prev) @ _gate(Wr, r)
            ),
            "the gate's derivative is missing from the second term.": lambda Wr, r, h_prev: (
                np.diag(r) + np.diag(h_prev)
            ),
            "this is the gate's derivative alone. Here r is multiplied by h_prev.": lambda Wr, r, h_prev: _gate(Wr, r),
            "1 - r² is the slope of tanh. A gate is a sigmoid.": (
                lambda Wr, r, h_prev: np.diag(r) + np.diag(h_prev * (1 - r**2)) @ Wr
            ),
            "the terms are multiplied. The product rule adds.": (
                lambda Wr, r, h_prev: np.diag(r) @ np.diag(h_prev) @ _gate(Wr, r)
            ),
        },
    ),
    Question(
        name="candidate_by_state",
        points=11,
        objective="Put matrices and diagonals of a chain in the right order.",
        axes=("unit of the candidate", "old unit"),
        derive=True,
        right=_tilde,
        draw=_draw_tilde,
        edges=(_draw_flat, partial(_draw_tilde, H=1)),
        mistakes={
            "the matrices stand in the wrong order: what happens first stands on the right.": (
                lambda Wn, h_tilde, inner: np.diag(1 - h_tilde**2) @ inner @ Wn
            ),
            "h (1 - h) is the slope of a sigmoid. The candidate is tanh.": (
                lambda Wn, h_tilde, inner: np.diag(h_tilde * (1 - h_tilde)) @ Wn @ inner
            ),
            "σ' is left out: the slope of tanh.": lambda Wn, h_tilde, inner: Wn @ inner,
            "wrong broadcasting: the slopes scale the columns. They belong to the candidate's units, the rows.": (
                lambda Wn, h_tilde, inner: Wn @ inner * (1 - h_tilde**2)
            ),
            "the slopes stand between Wn and the inner matrix. They come after Wn.": (
                lambda Wn, h_tilde, inner: Wn @ np.diag(1 - h_tilde**2) @ inner
            ),
            "Wn is transposed.": lambda Wn, h_tilde, inner: _tilde(Wn.T, h_tilde, inner),
            "the inner derivative is missing.": lambda Wn, h_tilde, inner: np.diag(1 - h_tilde**2) @ Wn,
            "the inner derivative is multiplied entry by entry. It is a matrix product.": (
                lambda Wn, h_tilde, inner: np.diag(1 - h_tilde**2) @ (Wn * inner)
            ),
            "the square is missing: the slope of tanh is 1 - h_tilde².": (
                lambda Wn, h_tilde, inner: np.diag(1 - h_tilde) @ Wn @ inner
            ),
            "the sign in the slope is wrong: the slope of tanh is at most 1.": (
                lambda Wn, h_tilde, inner: np.diag(1 + h_tilde**2) @ Wn @ inner
            ),
            "tanh is applied once more. What is handed in are its values already.": (
                lambda Wn, h_tilde, inner: _tilde(Wn, np.tanh(h_tilde), inner)
            ),
            "Wn is missing: the candidate reads the reset state through it.": (
                lambda Wn, h_tilde, inner: np.diag(1 - h_tilde**2) @ inner
            ),
            "this is the inner derivative, which the chain goes on from.": lambda Wn, h_tilde, inner: inner,
            "the inner derivative is transposed.": lambda Wn, h_tilde, inner: _tilde(Wn, h_tilde, inner.T),
            "the inner derivative is added. Along a chain matrices multiply.": (
                lambda Wn, h_tilde, inner: np.diag(1 - h_tilde**2) @ (Wn + inner)
            ),
        },
    ),
    Question(
        name="gru_jacobian",
        points=17,
        objective="Assemble the four paths of a GRU's gradient.",
        derive=True,
        right=_jacobian,
        draw=_draw_step,
        edges=(_draw_from_zero, partial(_draw_step, H=1, D=1), partial(_draw_step, H=3, D=3)),
        mistakes={
            "z and 1-z are swapped. In this course z keeps.": _jacobian_of("z and 1-z swapped"),
            "the update path has the wrong sign.": lambda *net: _jacobian(*net, turned=("update",)),
            "the direct path is missing.": lambda *net: _jacobian(*net, without=("direct",)),
            "the update path is missing: z depends on h_prev, too.": lambda *net: _jacobian(*net, without=("update",)),
            "the candidate path is missing.": lambda *net: _jacobian(*net, without=("candidate",)),
            "the reset path is missing: r depends on h_prev, too.": lambda *net: _jacobian(*net, without=("reset",)),
            "both gates are held: only direct and candidate path are here.": (
                lambda *net: _jacobian(*net, without=("update", "reset"))
            ),
            "this is the transpose. Rows belong to the new state, columns to the old one.": (
                lambda *net: _jacobian(*net).T
            ),
            "this is right for a reset after the product. Here it comes before.": (
                lambda *net: _jacobian(*net, reset="after")
            ),
            "the row blocks of r and z are swapped. Their order is r, z, n.": _jacobian_of("r and z swapped"),
            "the biases are missing.": (lambda Wx, Wh, bx, bh, x, h: _jacobian(Wx, Wh, 0 * bx, 0 * bh, x, h)),
            "the bias bx is missing.": _jacobian_of("no bx"),
            "the bias bh is missing.": _jacobian_of("no bh"),
            "the sign of the candidate path and of the reset path is wrong.": partial(_by_hand, slip="-"),
            "only the direct path is here.": lambda *net: _jacobian(*net, without=("update", "candidate", "reset")),
            "only candidate path and reset path are here.": lambda *net: _jacobian(*net, without=("direct", "update")),
            **by_slip(
                _by_hand,
                {
                    "σ z": "z (1 - z), the slope of the update gate, is left out.",
                    "σ r": "r (1 - r), the slope of the reset gate, is left out.",
                    "σ n": "1 - h_tilde², the slope of the candidate, is left out.",
                    "tanh gates": "1 - g² is the slope of tanh. A gate is a sigmoid.",
                    "sigmoid candidate": "h (1 - h) is the slope of a sigmoid. The candidate is tanh.",
                    "square": "the square is missing from the candidate's slope, 1 - h_tilde².",
                    "plus": "the sign in the candidate's slope is wrong: it is 1 - h_tilde².",
                    "1-z": "1 - z is missing: the candidate comes in with this share.",
                    "z for 1-z": "the candidate's paths have the share z. They come in with 1 - z.",
                    "1+z": "the candidate's paths have the share 1 + z. They come in with 1 - z.",
                    "1-z keeps": "the direct path has the share 1 - z. It keeps the share z.",
                    "identity": "the direct path is the identity here. It keeps the share z.",
                    "vector": "wrong broadcasting: z was added to every row. Its place is the diagonal.",
                    "columns": "wrong broadcasting: 1 - z scales the columns. It belongs to the new state, the row.",
                    "h alone": "h_tilde is missing from the update path: raising z also takes something away.",
                    "n alone": "h_prev is missing from the update path: raising z also brings something.",
                    "n plus": "in the update path, h_tilde is added to h_prev. More z means less candidate.",
                    "no difference": "the update path lacks the derivative of the new state by z.",
                    "update order": "the factors of the update path stand in the wrong order.",
                    "r": "r is missing from the candidate path: the candidate reads r times h_prev.",
                    "h": "h_prev is missing from the reset path: the product rule keeps the other factor.",
                    "order": "Wn stands on the wrong side of the reset's derivative: what comes first is on the right.",
                    "Wr.T": "W_r is transposed.",
                    "Wz.T": "W_z is transposed.",
                    "Wn.T": "W_n is transposed.",
                },
            ),
            **{
                f"gates and candidate are not right yet: {hint}": partial(_by_hand, seen=net)
                for hint, net in FORGOTTEN.items()
            },
        },
    ),
]
