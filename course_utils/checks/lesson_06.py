"""06 · the four paths of a GRU's gradient, and one step back."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from course_utils.cells import Trace, gru_step, init_params, sigmoid
from course_utils.checks.exercise import Exercise
from course_utils.gradients import SLOPE, gru_paths, jacobian_paths


def _draw_step(rng):
    """A GRU of random size, D and H from 2 to 5, its input, old state, gates and candidate in one step.

    H isn't 3: only what is stacked shall divide into three blocks.
    """
    D, H = int(rng.integers(2, 6)), int(rng.choice([2, 4, 5]))
    p = init_params("GRU", D, H, seed=int(rng.integers(2**31)), gain=2.0)
    x, h_prev = rng.normal(size=D), rng.uniform(-1, 1, H)
    _, gates = gru_step(p, p.Wx @ x + p.bx, h_prev)
    return p, x, h_prev, *gates


def _draw_paths(rng):
    p, _, *state = _draw_step(rng)
    return p, *state


def _trace(p, h_prev, r, z, h_tilde):
    """One step as the package's paths read it: the old state, both gates and the candidate. The rest is left empty."""
    gates = {"r": r[None], "z": z[None], "h_tilde": h_tilde[None]}
    return Trace(p, np.zeros((1, p.input_size)), np.array([h_prev, 0 * h_prev]), gates)


def _four_paths(*state):
    return {name: J[0] for name, J in jacobian_paths(_trace(*state)).items()}


def _parts(p, h_prev, r, z, h_tilde):
    """What the paths are made of: r, z, n, h (the old state), the blocks, and the package's slopes, (H,) each.

    into_z, into_n  from the new state to what the update gate and the candidate squash.
    into_r          from r * h_prev to what the reset gate squashes.
    """
    paths = gru_paths(_trace(p, h_prev, r, z, h_tilde))
    (into_z,), (into_n, _, into_r) = paths["update"].into, paths["reset"].into
    Wr, Wz, Wn = p.Wh_blocks
    slopes = {"into_z": into_z[0], "into_n": into_n[0], "into_r": into_r[0]}
    return SimpleNamespace(h=h_prev, r=r, z=z, n=h_tilde, Wr=Wr, Wz=Wz, Wn=Wn, **slopes)


def _paths(**wrong):
    """All four paths, those named in `wrong` by functions of the parts that `_parts` gives."""

    def answer(*state):
        parts = _parts(*state)
        return _four_paths(*state) | {name: path(parts) for name, path in wrong.items()}

    return answer


def _slopes_of_n(into_n, *state):
    """The four paths with another slope into the candidate, (H,)."""
    right, factor = _four_paths(*state), (into_n / _parts(*state).into_n)[:, None]
    return right | {name: factor * right[name] for name in ("candidate", "reset")}


def _swapped_paths(p, h_prev, r, z, h_tilde):
    state = (p, h_prev, r, z, h_tilde)
    return _slopes_of_n(z * (1 - h_tilde**2), *state) | {"direct": np.diag(1 - z)}


EPS = 1e-30  # the complex step


def _each_path(p, h_prev, r, z, h_tilde):
    """The four paths by complex steps: what a nudge of h_prev brings into one gate, or into the candidate, alone.

    It comes in as an imaginary part of `from_x`, which the gates and the candidate read each for itself.
    """
    Wr, Wz, Wn = p.Wh_blocks
    squashed = np.concatenate([np.log(r / (1 - r)), np.log(z / (1 - z)), np.arctanh(h_tilde)])
    from_x = squashed - np.concatenate([Wr @ h_prev, Wz @ h_prev, Wn @ (r * h_prev)]) - p.bh

    def nudged(into_r=0 * Wr, into_z=0 * Wz, into_n=0 * Wn, state=0 * Wr):
        into = np.concatenate([into_r, into_z, into_n])
        pairs = zip(from_x + 1j * EPS * into.T, h_prev + 1j * EPS * state.T, strict=True)
        columns = [gru_step(p, *pair)[0] for pair in pairs]
        return np.stack(columns, axis=1).imag / EPS

    three = {"update": nudged(into_z=Wz), "candidate": nudged(into_n=Wn * r), "reset": nudged(into_r=Wr)}
    return {"direct": nudged(state=np.eye(len(z))) - sum(three.values()), **three}


# ---------------------------------------------------------------------------------------------------------------------
# One step back


def _by_complex_steps(p, x, h_prev, r, z, h_tilde, total):
    """All gradients of total · h: every number that enters the step is nudged by an imaginary amount."""
    values = {"dh_prev": h_prev, "dWx": p.Wx, "dWh": p.Wh, "dbx": p.bx, "dbh": p.bh}
    found = {name: np.zeros(value.shape) for name, value in values.items()}
    for name, value in values.items():
        for at in np.ndindex(value.shape):
            nudged = {**values, name: value.astype(complex)}
            nudged[name][at] += 1j * EPS
            found[name][at] = total @ _new_state(x, *nudged.values()).imag / EPS
    return found


def _new_state(x, h_prev, Wx, Wh, bx, bh):
    """One step, of complex numbers as well."""
    p: Any = SimpleNamespace(Wh=Wh, bh=bh, Wh_blocks=np.split(Wh, 3), bh_blocks=np.split(bh, 3), reset="before")
    h, _ = gru_step(p, Wx @ x + bx, h_prev)
    return h


def _inside(parts, total, a_n=None):
    """dL/da for what stands inside both sigmoids and the tanh, and dL/d(r * h_prev). a_n: a wrong one for the tanh."""
    a_n = total * parts.into_n if a_n is None else a_n
    read = parts.Wn.T @ a_n
    return read * parts.into_r, total * parts.into_z, a_n, read


def _collected(p, x, h_prev, r, z, total, inside, order=(0, 1, 2), seen=None):
    """All gradients from those inside. `seen` is what W_n multiplies; order is that of the row blocks."""
    (Wr, Wz, _), (a_r, a_z, a_n, read) = p.Wh_blocks, inside
    blocks = [(a_r, h_prev), (a_z, h_prev), (a_n, r * h_prev if seen is None else seen)]
    a = np.concatenate([blocks[i][0] for i in order])
    dWh = np.vstack([np.outer(*blocks[i]) for i in order])
    dh_prev = total * z + Wz.T @ a_z + read * r + Wr.T @ a_r
    return {"dh_prev": dh_prev, "dWx": np.outer(a, x), "dWh": dWh, "dbx": a, "dbh": a}


def _back(change=None, **options):
    """A step back with a mistake: change(inside, parts, total) takes the place of `inside`."""

    def answer(p, x, h_prev, r, z, h_tilde, total):
        parts = _parts(p, h_prev, r, z, h_tilde)
        inside = _inside(parts, total)
        if change is not None:
            inside = change(inside, parts, total)
        return _collected(p, x, h_prev, r, z, total, inside, **options)

    return answer


def _back_to_state(dh_prev):
    """A step back whose dh_prev(p, h_prev, r, z, h_tilde, total, a_r, a_z, a_n, read) is wrong, and nothing else."""

    def answer(p, x, h_prev, r, z, h_tilde, total):
        inside = _inside(_parts(p, h_prev, r, z, h_tilde), total)
        right = _collected(p, x, h_prev, r, z, total, inside)
        return right | {"dh_prev": dh_prev(right["dh_prev"], p, r, z, total, *inside)}

    return answer


def _swapped_back(p, x, h_prev, r, z, h_tilde, total):
    inside = _inside(_parts(p, h_prev, r, z, h_tilde), total, a_n=total * z * (1 - h_tilde**2))
    wrong = _collected(p, x, h_prev, r, z, total, inside)
    return wrong | {"dh_prev": wrong["dh_prev"] + total * (1 - 2 * z)}


def _kept_r_in_weights(p, x, h_prev, r, z, h_tilde, total):
    inside = _inside(_parts(p, h_prev, r, z, h_tilde), total)
    return _collected(p, x, h_prev, r, z, total, inside, seen=h_prev)


def _bias_gradient(b, h0, T):
    z = sigmoid(b)
    return T * z**T * (1 - z) * h0


def _draw_bias(rng, T=None):
    return rng.uniform(-1, 3), rng.normal(), int(rng.integers(2, 9)) if T is None else T


def _best_bias_of_the_loss(T):
    """Where the gradient of ½(σ(b)^T - 1)² is largest: the slope of the state times what is still missing."""
    b = np.linspace(0, 10, 100_001)
    return float(b[np.argmax((1 - sigmoid(b) ** T) * _bias_gradient(b, 1.0, T))])


EXERCISES = {
    "06 four paths": Exercise(
        right=_each_path,
        draw=_draw_paths,
        against="complex steps, path by path",
        mistakes={
            "z and 1-z are swapped. In this course z keeps: the direct path is the factor of h_prev.": _swapped_paths,
            "the update path has the wrong sign. Differentiate z h_prev + (1-z) h_tilde by z once more.": _paths(
                update=lambda s: -np.diag(s.into_z) @ s.Wz
            ),
            "Wz is transposed in the update path. Going forward, z meets Wz as it is.": _paths(
                update=lambda s: np.diag(s.into_z) @ s.Wz.T
            ),
            "the diagonal stands on the wrong side of Wz. The gate comes after the product with Wz.": _paths(
                update=lambda s: s.Wz @ np.diag(s.into_z)
            ),
            "the slope of the sigmoid is missing from the update path.": _paths(
                update=lambda s: (s.h - s.n)[:, None] * s.Wz
            ),
            "1 - z² is the slope of tanh. The update gate is a sigmoid.": _paths(
                update=lambda s: np.diag((s.h - s.n) * SLOPE["tanh"](s.z)) @ s.Wz
            ),
            "h_tilde is missing from the update path: raising z also takes something away.": _paths(
                update=lambda s: np.diag(s.h * s.z * (1 - s.z)) @ s.Wz
            ),
            "the reset gate of the candidate path stands left of Wn. It multiplies h_prev, before the product.": _paths(
                candidate=lambda s: np.diag(s.into_n * s.r) @ s.Wn
            ),
            "the reset gate is missing from the candidate path. Wn multiplies r * h_prev.": _paths(
                candidate=lambda s: np.diag(s.into_n) @ s.Wn
            ),
            "the reset path's inner diagonal stands right of Wr. It is the slope of r, which comes after Wr.": _paths(
                reset=lambda s: np.diag(s.into_n) @ s.Wn @ s.Wr @ np.diag(s.into_r)
            ),
            "h_prev is missing from the reset path: it is what r multiplies.": _paths(
                reset=lambda s: np.diag(s.into_n) @ s.Wn @ np.diag(s.r * (1 - s.r)) @ s.Wr
            ),
            "the slope of the sigmoid is missing from the reset path.": _paths(
                reset=lambda s: np.diag(s.into_n) @ s.Wn @ np.diag(s.h) @ s.Wr
            ),
            "the slope of the tanh is missing from candidate and reset path.": (
                lambda p, h_prev, r, z, h_tilde: _slopes_of_n(1 - z, p, h_prev, r, z, h_tilde)
            ),
            "the factor 1 - z is missing from candidate and reset path.": (
                lambda p, h_prev, r, z, h_tilde: _slopes_of_n(1 - h_tilde**2, p, h_prev, r, z, h_tilde)
            ),
            "these are the transposes. Rows belong to the new state, columns to the old one.": (
                lambda *state: {name: path.T for name, path in _four_paths(*state).items()}
            ),
        },
    ),
    "06 step back": Exercise(
        right=_by_complex_steps,
        draw=lambda rng: (lambda step: (*step, rng.normal(size=len(step[2]))))(_draw_step(rng)),
        rows=("r", "z", "n"),
        against="complex steps",
        mistakes={
            "W_n multiplies r * h_prev, so that is the last factor of its gradient. You took h_prev.": (
                _kept_r_in_weights
            ),
            "the row blocks come in the order z, r, n. Here it is r, z, n.": _back(order=(1, 0, 2)),
            "z and 1-z are swapped. Here z keeps: total * z goes straight on to h_prev.": _swapped_back,
            "the direct path is missing from dh_prev.": _back_to_state(
                lambda right, p, r, z, total, a_r, a_z, a_n, read: right - total * z
            ),
            "the reset path is missing from dh_prev.": _back_to_state(
                lambda right, p, r, z, total, a_r, a_z, a_n, read: right - p.Wh_blocks[0].T @ a_r
            ),
            "the update path is missing from dh_prev.": _back_to_state(
                lambda right, p, r, z, total, a_r, a_z, a_n, read: right - p.Wh_blocks[1].T @ a_z
            ),
            "the reset gate is missing from dh_prev's candidate path.": _back_to_state(
                lambda right, p, r, z, total, a_r, a_z, a_n, read: right + read * (1 - r)
            ),
            "dh_prev takes the weights as they are. On the way back they are transposed.": (
                _back_to_state(
                    lambda right, p, r, z, total, a_r, a_z, a_n, read: (
                        total * z + p.Wh_blocks[1] @ a_z + (p.Wh_blocks[2] @ a_n) * r + p.Wh_blocks[0] @ a_r
                    )
                )
            ),
            "the update gate's share has the wrong sign. Differentiate z h_prev + (1-z) h_tilde by z once more.": _back(
                lambda inside, *_: (inside[0], -inside[1], *inside[2:])
            ),
            "the slope of the update gate's sigmoid is missing.": _back(
                lambda inside, s, total: (inside[0], total * (s.h - s.n), *inside[2:])
            ),
            "h_prev is missing from the reset gate's share: it is what r multiplies.": _back(
                lambda inside, s, total: (inside[3] * s.r * (1 - s.r), *inside[1:])
            ),
            "the slope of the reset gate's sigmoid is missing.": _back(
                lambda inside, s, total: (inside[3] * s.h, *inside[1:])
            ),
            "the slope of the candidate's tanh is missing.": _back(
                lambda inside, s, total: _inside(s, total, a_n=total * (1 - s.z))
            ),
            "the candidate's share lacks the factor 1 - z.": _back(
                lambda inside, s, total: _inside(s, total, a_n=total * (1 - s.n**2))
            ),
        },
    ),
    "06 bias gradient": Exercise(
        right=_bias_gradient,
        draw=_draw_bias,
        size="T",
        mistakes={
            "T is missing: b acts at every one of the T steps, and the shares add up.": (
                lambda b, h0, T: _bias_gradient(b, h0, T) / T
            ),
            "this is the derivative by z. The chain rule goes on, from z to b.": (
                lambda b, h0, T: T * sigmoid(b) ** (T - 1) * h0
            ),
            "half of the sigmoid's slope is missing: it falls to 0 where the gate is open, too.": (
                lambda b, h0, T: T * sigmoid(b) ** T * h0
            ),
            "one factor z too few: the power rule takes one away, the sigmoid's slope brings one back.": (
                lambda b, h0, T: _bias_gradient(b, h0, T) / sigmoid(b)
            ),
            "one factor z too many: the power rule takes one away.": (
                lambda b, h0, T: _bias_gradient(b, h0, T) * sigmoid(b)
            ),
            "h_0 is missing.": lambda b, h0, T: _bias_gradient(b, 1.0, T),
            "T - 1 stands in front. The power rule brings the T down.": (
                lambda b, h0, T: _bias_gradient(b, h0, T) * (T - 1) / T
            ),
            "this is h_T itself, not its derivative.": lambda b, h0, T: sigmoid(b) ** T * h0,
            "z and 1-z are swapped. Here z keeps.": lambda b, h0, T: -_bias_gradient(-b, h0, T),
        },
    ),
    "06 best bias": Exercise(
        right=float(np.log(200)),
        rtol=2e-3,
        mistakes={
            "that is where the loss ½(h_T - 1)² has its largest gradient: it has a factor 1 - h_T, which falls as b "
            "rises. Asked for is the slope of h_T alone.": _best_bias_of_the_loss(200),
            "that is the best bias for 100 steps.": float(np.log(100)),
            "that is the best z, not its bias. Which b has σ(b) equal to it?": 200 / 201,
            "that is the decimal logarithm. The sigmoid is made of powers of e.": float(np.log10(200)),
            "that is a fresh gate's bias. See how small the gradient is there.": 0.0,
            "that is the lag. A gate with this bias is saturated, and its slope is 0.": 200.0,
            "the sign is wrong: that gate is shut.": float(-np.log(200)),
        },
    ),
}
