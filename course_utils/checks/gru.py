"""GRU steps with one thing wrong, for the exercises on gates.

No GRU is written here a second time: the package's own is run with changed weights. Where no weights give a mistake, as
with a gate that went through tanh, what comes out is mixed anew by `mixed`.
Arguments are as in the exercises: Wx (3H, D), Wh (3H, H), bx and bh (3H,), blocks in the order r, z, n; x (D,), h (H,).
"""

from collections.abc import Callable

import numpy as np

from course_utils.cells import Params, forward, sigmoid

OPEN = 1000  # a bias with which a gate is 1, whatever it reads: σ(1000) is 1 in float64

Net = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def draw_step(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Weights, an input and a state of random sizes, D and H from 2 to 5: (Wx, Wh, bx, bh, x, h_prev)."""
    D, H = (int(n) for n in rng.integers(2, 6, 2))
    return draw_net(rng, D, H)


def draw_net(rng: np.random.Generator, D: int, H: int) -> tuple[np.ndarray, ...]:
    """The same for given sizes."""
    return (
        rng.normal(size=(3 * H, D)),
        rng.normal(size=(3 * H, H)),
        rng.normal(size=3 * H),
        rng.normal(size=3 * H),
        rng.normal(size=D),
        rng.uniform(-1, 1, H),
    )


def draw_stack(rng: np.random.Generator) -> tuple[np.ndarray]:
    """Three row blocks of random size: a matrix (3H, n), or a vector (3H,)."""
    H = int(rng.integers(2, 6))
    shape = (3 * H, int(rng.integers(2, 6))) if rng.uniform() < 0.5 else (3 * H,)
    return (rng.normal(size=shape),)


def rows(W: np.ndarray, order: tuple[int, ...] = (0, 1, 2), negate: tuple[int, ...] = ()) -> np.ndarray:
    """The row blocks of W (3H, ...) in another order; those at the places `negate` with the other sign."""
    parts = np.split(np.asarray(W), 3)
    return np.concatenate([-parts[i] if place in negate else parts[i] for place, i in enumerate(order)])


def one_step(
    Wx: np.ndarray,
    Wh: np.ndarray,
    bx: np.ndarray,
    bh: np.ndarray,
    x: np.ndarray,
    h: np.ndarray,
    *,
    reset: str = "after",
) -> dict[str, np.ndarray]:
    """The package's step from h, by name: the new state "h", "z" and the candidate "h_tilde", each (H,)."""
    trace = forward(Params("GRU", Wx, Wh, bx, bh, reset=reset), np.asarray(x)[None], h0=h)
    return {"h": trace.h[1], "z": trace.gates["z"][0], "h_tilde": trace.gates["h_tilde"][0]}


def right_step(*net_and_state: np.ndarray, reset: str = "after") -> np.ndarray:
    """The package's new state (H,). net_and_state as `draw_step` gives them."""
    return one_step(*net_and_state, reset=reset)["h"]


def _changed(change: Callable[[np.ndarray], np.ndarray]) -> Callable[..., Net]:
    """The same change of rows in weights and biases."""
    return lambda Wx, Wh, bx, bh: (change(Wx), change(Wh), change(bx), change(bh))


def _reset_open(Wx: np.ndarray, Wh: np.ndarray, bx: np.ndarray, bh: np.ndarray) -> Net:
    """r = 1 in every unit, whatever the state."""
    H = len(bx) // 3
    never = np.arange(3 * H) < H
    return Wx, Wh, bx + OPEN * never, bh


def _bias_past_reset(Wx: np.ndarray, Wh: np.ndarray, bx: np.ndarray, bh: np.ndarray) -> Net:
    """The candidate's part of bh moves to bx, where no reset gate multiplies it."""
    candidate = np.arange(len(bh)) >= len(bh) * 2 // 3
    return Wx, Wh, bx + bh * candidate, bh * ~candidate


WRONG_NETS: dict[str, Callable[..., Net]] = {  # weights with which the right step makes a known mistake
    "z and 1-z swapped": _changed(lambda W: rows(W, negate=(1,))),
    "r and z swapped": _changed(lambda W: rows(W, order=(1, 0, 2))),
    "reset never used": _reset_open,
    "bias past the reset": _bias_past_reset,
    "no bh": lambda Wx, Wh, bx, bh: (Wx, Wh, bx, 0 * bh),
    "no bx": lambda Wx, Wh, bx, bh: (Wx, Wh, 0 * bx, bh),
}


def _lacking(block: int, part: str) -> Callable[..., Net]:
    """One gate, or the candidate, doesn't see a part of what it reads: "input", "state" or "bias" of Wh's side."""

    def zero(W: np.ndarray) -> np.ndarray:
        return np.concatenate([0 * rows if n == block else rows for n, rows in enumerate(np.split(W, 3))])

    def net(Wx: np.ndarray, Wh: np.ndarray, bx: np.ndarray, bh: np.ndarray) -> Net:
        if part == "input":
            return zero(Wx), Wh, zero(bx), bh
        return (Wx, zero(Wh), bx, bh) if part == "state" else (Wx, Wh, bx, zero(bh))

    return net


FORGOTTEN: dict[str, Callable[..., Net]] = {  # the same for each part of a step that may be forgotten, by its hint
    f"{what} is missing from the {unit}.": _lacking(block, part)
    for block, unit in enumerate(("reset gate", "update gate", "candidate"))
    for part, what in {"input": "the input", "state": "the state before", "bias": "the bias of bh"}.items()
}


def wrong_step(mistake: str, *net_and_state: np.ndarray, reset: str = "after") -> np.ndarray:
    """A step (H,) with a mistake of WRONG_NETS."""
    *net, x, h = net_and_state
    return right_step(*WRONG_NETS[mistake](*net), x, h, reset=reset)


def sigmoid_candidate(*net_and_state: np.ndarray, reset: str = "after") -> np.ndarray:
    """A step (H,) whose candidate went through a sigmoid instead of tanh."""
    *_, h = net_and_state
    right = one_step(*net_and_state, reset=reset)
    return mixed(right["z"], h, sigmoid(np.arctanh(right["h_tilde"])))


def mixed(z: np.ndarray, h_prev: np.ndarray, h_tilde: np.ndarray) -> np.ndarray:
    """The last line of a step, for a gate, an old state or a candidate that is wrong, (H,) each."""
    return z * h_prev + (1 - z) * h_tilde
