"""Assignment 3 · the gated cell."""

import numpy as np

from course_utils.cells import Params, forward, sigmoid
from course_utils.checks.exercise import Exercise
from course_utils.gradients import jacobian_paths


def _step(Wx, Wh, bx, bh, x, h_prev, reset):
    return forward(Params("GRU", Wx, Wh, bx, bh, reset=reset), x[None], h0=h_prev).h[1]


def _steps(Wx, Wh, bx, bh, x, h_prev):
    return np.array([_step(Wx, Wh, bx, bh, x, h_prev, reset) for reset in ("before", "after")])


def _by_hand(
    Wx, Wh, bx, bh, x, h_prev, *, squash=np.tanh, order=(0, 1, 2), swap=False, after="r (W h + b)", use_r=True
):
    """Both steps with one thing wrong at a time."""
    from_x, W, b = np.split(Wx @ x + bx, 3), np.split(Wh, 3), np.split(bh, 3)
    r, z = (sigmoid(from_x[i] + W[i] @ h_prev + b[i]) for i in order[:2])
    n, r, z = order[2], r if use_r else 1, 1 - z if swap else z
    past = [W[n] @ (r * h_prev) + b[n], r * (W[n] @ h_prev + b[n])]
    if after != "r (W h + b)":
        past[1] = r * (W[n] @ h_prev) + b[n]
    return np.array([z * h_prev + (1 - z) * squash(from_x[n] + part) for part in past])


def _imported(W, order=(1, 0, 2), negate=(1,)):
    """Blocks of W in `order`, those in `negate` with the other sign."""
    parts = np.split(np.asarray(W), 3)
    return np.concatenate([-parts[i] if k in negate else parts[i] for k, i in enumerate(order)])


def _one_minus_z(W):
    z, r, n = np.split(np.asarray(W), 3)
    return np.concatenate([r, 1 - z, n])


def _run(Wx, Wh, bx, bh, x, h0):
    return forward(Params("GRU", Wx, Wh, bx, bh), x, h0=h0).h


def _run_wrong(Wx, Wh, bx, bh, x, h0, last_line, hears=lambda h, tilde_prev: h):
    (Wr, Wz, Wn), (br, bz, bn) = np.split(Wh, 3), np.split(bh, 3)
    h, tilde_prev = [h0], np.zeros_like(h0)
    for x_t in x:
        (xr, xz, xn), past = np.split(Wx @ x_t + bx, 3), hears(h[-1], tilde_prev)
        r, z = sigmoid(xr + Wr @ past + br), sigmoid(xz + Wz @ past + bz)
        h_tilde = np.tanh(xn + Wn @ (r * past) + bn)
        h.append(last_line(z, h[-1], tilde_prev, h_tilde))
        tilde_prev = h_tilde
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


def _swapped(Wx, Wh, bx, bh, x, h_prev):
    H = len(h_prev)
    flip = np.repeat([1.0, -1.0, 1.0], H)
    return _jacobian(flip[:, None] * Wx, flip[:, None] * Wh, flip * bx, flip * bh, x, h_prev)


def _other_order(Wx, Wh, bx, bh, x, h_prev):
    return _jacobian(*(_imported(part, negate=()) for part in (Wx, Wh, bx, bh)), x, h_prev)


def _draw_step(rng):
    H = int(rng.integers(2, 6))
    D = H + int(rng.choice([-1, 1, 2]))
    return (
        rng.normal(size=(3 * H, D)),
        rng.normal(size=(3 * H, H)),
        rng.normal(size=3 * H),
        rng.normal(size=3 * H),
        rng.normal(size=D),
        rng.uniform(-1, 1, H),
    )


def _draw_run(rng):
    Wx, Wh, bx, bh, _, h0 = _draw_step(rng)
    return Wx, Wh, bx, bh, rng.normal(size=(int(rng.integers(3, 7)), Wx.shape[1])), h0


def _draw_stack(rng):
    H = int(rng.integers(2, 6))
    shape = (3 * H, int(rng.integers(2, 6))) if rng.uniform() < 0.5 else (3 * H,)
    return (rng.normal(size=shape),)


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


EXERCISES = {
    "ps3 GRU steps": Exercise(
        right=_steps,
        draw=_draw_step,
        mistakes={
            "z and 1-z are swapped. Here z keeps: it multiplies the old state.": lambda *net: _by_hand(*net, swap=True),
            "the reset gate is never used.": lambda *net: _by_hand(*net, use_r=False),
            "the two rows are swapped: before the product first, after it second.": lambda *net: _steps(*net)[::-1],
            "both rows have the reset before the product.": lambda *net: _steps(*net)[[0, 0]],
            "both rows have the reset after the product.": lambda *net: _steps(*net)[[1, 1]],
            "after the product, the reset gate multiplies the candidate's part of bh, too.": (
                lambda *net: _by_hand(*net, after="r (W h) + b")
            ),
            "the candidate went through a sigmoid. It may be negative.": lambda *net: _by_hand(*net, squash=sigmoid),
            "the row blocks of r and z are swapped. Their order is r, z, n.": (
                lambda *net: _by_hand(*net, order=(1, 0, 2))
            ),
            "the bias bh is missing.": lambda Wx, Wh, bx, bh, x, h: _steps(Wx, Wh, bx, 0 * bh, x, h),
            "the bias bx is missing.": lambda Wx, Wh, bx, bh, x, h: _steps(Wx, Wh, 0 * bx, bh, x, h),
        },
    ),
    "ps3 import weights": Exercise(
        right=_imported,
        draw=_draw_stack,
        mistakes={
            "z and 1-z are swapped: the blocks are in order, but this z still writes.": (
                lambda W: _imported(W, negate=())
            ),
            "the blocks are still in the library's order, z, r, n.": (
                lambda W: _imported(W, order=(0, 1, 2), negate=(0,))
            ),
            "the wrong block is negated: this is r's.": lambda W: _imported(W, negate=(0,)),
            "all blocks are negated. Only z changes its meaning.": lambda W: _imported(W, negate=(0, 1, 2)),
            "1 - z is taken of the weights. It holds for the gate; what does it mean for the sigmoid's argument?": (
                _one_minus_z
            ),
            "nothing is changed.": lambda W: W,
            "the candidate has left its place. It comes last in both.": (
                lambda W: _imported(W, order=(1, 2, 0), negate=(2,))
            ),
        },
    ),
    "ps3 repaired run": Exercise(
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
    "ps3 readout loss": Exercise(
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
    "ps3 gate by state": Exercise(
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
    "ps3 state by gate": Exercise(
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
    "ps3 reset by state": Exercise(
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
    "ps3 candidate by state": Exercise(
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
    "ps3 GRU jacobian": Exercise(
        right=_jacobian,
        draw=_draw_step,
        mistakes={
            "z and 1-z are swapped. In this course z keeps.": _swapped,
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
            "the row blocks of r and z are swapped. Their order is r, z, n.": _other_order,
            "the biases are missing.": (lambda Wx, Wh, bx, bh, x, h: _jacobian(Wx, Wh, 0 * bx, 0 * bh, x, h)),
        },
    ),
}
