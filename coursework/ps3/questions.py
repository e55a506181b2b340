"""Assignment 3, the gated cell: its questions, for instructors only."""

from functools import partial

import numpy as np

from course_utils.cells import Params, forward
from course_utils.checks.gru import (
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
from coursework.grader.question import Question

IMPORTED = (1, 0, 2)  # the library's blocks z, r, n in our order


def _steps(*net_and_state, step=right_step):
    """(2, H): a step with the reset before the product, and with the reset after it."""
    return np.array([step(*net_and_state, reset=reset) for reset in ("before", "after")])


def _wrong_steps(mistake):
    return lambda *net_and_state: _steps(*net_and_state, step=partial(wrong_step, mistake))


def _one_minus_z(W):
    z, r, n = np.split(np.asarray(W), 3)
    return np.concatenate([r, 1 - z, n])


def _run(Wx, Wh, bx, bh, x, h0):
    return forward(Params("GRU", Wx, Wh, bx, bh), x, h0=h0).h


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


def _draw_step(rng):
    H = int(rng.integers(2, 6))
    return draw_net(rng, H + int(rng.choice([-1, 1, 2])), H)


def _draw_run(rng):
    Wx, Wh, bx, bh, _, h0 = _draw_step(rng)
    return Wx, Wh, bx, bh, rng.normal(size=(int(rng.integers(3, 7)), Wx.shape[1])), h0


def _draw_loss(rng):
    B, H = int(rng.integers(3, 8)), int(rng.integers(2, 6))
    return rng.normal(size=(B, H)), rng.normal(size=H), rng.normal(size=B)


def _draw_gate(rng):
    H = int(rng.integers(2, 6))
    return rng.normal(size=(H, H)), rng.uniform(0.1, 0.9, H)


def _draw_by_gate(rng):
    H = int(rng.integers(2, 6))
    return rng.uniform(-1, 1, H), rng.uniform(-1, 1, H)


def _draw_reset_state(rng):
    Wr, r = _draw_gate(rng)
    return Wr, r, rng.uniform(-1, 1, len(r))


def _draw_tilde(rng):
    H = int(rng.integers(2, 6))
    return rng.normal(size=(H, H)), rng.uniform(-0.9, 0.9, H), rng.normal(size=(H, H))


QUESTIONS = [
    Question(
        name="gru_steps",
        points=17,
        objective="Write a step of the GRU, with the reset gate before and after the product.",
        right=_steps,
        draw=_draw_step,
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
        },
        rows=("the reset before", "the reset after"),
    ),
    Question(
        name="import_weights",
        points=10,
        objective="Translate weights between two conventions of the update gate and of the row order.",
        right=partial(rows, order=IMPORTED, negate=(1,)),
        draw=draw_stack,
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
        },
    ),
    Question(
        name="repaired_run",
        points=12,
        objective="Find and repair the mistake that turns a memory into none.",
        right=_run,
        draw=_draw_run,
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
        },
    ),
    Question(
        name="readout_loss",
        points=6,
        objective="Find a broadcasting bug that raises no error.",
        right=_loss,
        draw=_draw_loss,
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
        },
    ),
    Question(
        name="gru_jacobian",
        points=17,
        objective="Assemble the four paths of a GRU's gradient.",
        derive=True,
        right=_jacobian,
        draw=_draw_step,
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
        },
    ),
]
