"""Several seeds of one net learn a task at once, by the lessons' own backpropagation through time.

Arrays are (T, features, seeds, B): a gate of all seeds at one step lies in one piece of memory, so that one call of
NumPy serves them all. Blocks of features are those of `cells.GATES`.
"""

import os
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from tqdm.auto import tqdm

from course_utils import _validate
from course_utils.cells import BLOCKS, Params, init_params
from course_utils.gradients import SLOPE

LOSSES = ("mse", "cross-entropy")
BETAS, EPS = (0.9, 0.999), 1e-8  # Adam's constants, torch's defaults


# ---------------------------------------------------------------------------------------------------------------------
# The cells, forwards and backwards


class _Cell:
    """Room for S nets of one shape to read B sequences of T inputs each.

    stack (T+1, 1+H+D+1, S, B) holds at t the rows [1; h_t; x_{t+1}; 1], so that one product with
    W = [bh | Wh | Wx | bx] (S, kH, 1+H+D+1) is a whole preactivation. Two ones, because torch keeps two biases.
    """

    def __init__(self, like, S, T, B, dtype):
        H, D, k = like.hidden_size, like.input_size, BLOCKS[like.kind]
        self.like, self.T, self.H = like, T, H
        self.stack = np.ones((T + 1, H + D + 2, S, B), dtype)
        self.h, self.x = self.stack[:, 1 : H + 1], self.stack[:-1, H + 1 : -1]
        self.h[0] = 0
        self.gates = np.empty((T, k * H, S, B), dtype)
        self.blocks = [self.gates[:, j * H : (j + 1) * H] for j in range(k)]
        self.room = np.empty((H, S, B), dtype)
        self.halve = np.ones((k * H, 1), dtype)  # σ(a) = ½ + ½ tanh(a/2): a sigmoid's rows of W are halved beforehand

    @cached_property
    def back(self):
        """What only the backward pass needs: ∂L/∂preactivations, the slopes there, ∂L/∂W of one step and of all."""
        da, slope = np.empty((2, *self.gates.shape[1:]), self.gates.dtype)
        dW_step, dW = np.empty((2, da.shape[1], len(da), self.stack.shape[1]), da.dtype)
        return da, slope, dW_step, dW

    def forward(self, W):
        """Fill h[1:] from x and the weights W."""
        raise NotImplementedError

    def backward(self, W, asked):
        """∂L/∂W, summed over all steps. `asked` (T or 1, H, S, B): each step's own ∂L/∂h_t, or only the last one's."""
        raise NotImplementedError

    def recurrent(self, W):
        """Whᵀ (S, H, kH): the way back from preactivations to h_prev. In one piece, which multiplies quicker."""
        return np.ascontiguousarray(W[:, :, 1 : self.H + 1].transpose(0, 2, 1))


def _product(W, rows, out):
    """W @ rows, seed by seed: (S, m, n), (n, S, B) -> out (m, S, B)."""
    np.matmul(W, rows.transpose(1, 0, 2), out=out.transpose(1, 0, 2))
    return out


def _outer(da, rows, out):
    """∂L/∂W of one step, summed over the batch: (m, S, B), (n, S, B) -> out (S, m, n)."""
    return np.matmul(da.transpose(1, 0, 2), rows.transpose(1, 2, 0), out=out)


def _sigmoid_of_half(a):
    """½ + ½ tanh(a), in place."""
    np.tanh(a, out=a)
    a *= 0.5
    a += 0.5


def _sigmoid_slope(s, out):
    """s - s² = σ'(a) where s = σ(a)."""
    np.multiply(s, s, out=out)
    np.subtract(s, out, out=out)


def _tanh_slope(s, out):
    """1 - s² = tanh'(a) where s = tanh(a)."""
    np.multiply(s, s, out=out)
    np.subtract(1, out, out=out)


class _RNN(_Cell):
    """h = φ(W [1; h_prev; x; 1])."""

    def forward(self, W):
        activation = self.like.activation
        W = W * 0.5 if activation == "sigmoid" else W
        for inputs, h in zip(self.stack[:-1], self.h[1:], strict=True):
            _product(W, inputs, out=h)
            if activation == "tanh":
                np.tanh(h, out=h)
            elif activation == "relu":
                np.maximum(h, 0, out=h)
            else:
                _sigmoid_of_half(h)

    def backward(self, W, asked):
        WhT, slope = self.recurrent(W), SLOPE[self.like.activation]
        da, _, dW_step, dW = self.back
        dW[:] = 0
        dh = np.zeros_like(self.room)
        for t in reversed(range(self.T)):
            if t >= self.T - len(asked):
                dh += asked[t - self.T]
            np.multiply(dh, slope(self.h[t + 1]), out=da)
            dW += _outer(da, self.stack[t], out=dW_step)
            _product(WhT, da, out=dh)
        return dW


class _GRU(_Cell):
    """h = z h_prev + (1 - z) n. The candidate n meets r h_prev ("before"), or r times Wn h_prev + bn ("after")."""

    def __init__(self, like, S, T, B, dtype):
        super().__init__(like, S, T, B, dtype)
        H = self.H
        self.r, self.z, self.n = self.blocks
        self.rz = self.gates[:, : 2 * H]
        self.halve[: 2 * H] = 0.5
        if like.reset == "before":
            self.reset_inputs = np.ones_like(self.stack[0])  # [1; r h_prev; x; 1] of one step
        else:
            self.n_h, self.n = self.n, np.empty_like(self.n)  # the gates' product makes Wn h_prev + bn as third block

    def reset(self, t):
        """[1; r h_prev; x; 1] (1+H+D+1, S, B) of one step: made twice, which costs less than keeping it."""
        np.multiply(self.r[t], self.h[t], out=self.reset_inputs[1 : self.H + 1])
        self.reset_inputs[self.H + 1 : -1] = self.x[t]
        return self.reset_inputs

    def forward(self, W):
        H, room, before = self.H, self.room, self.like.reset == "before"
        W = W * self.halve
        W_rz, W_n, W_nx = W[:, : 2 * H], W[:, 2 * H :], W[:, 2 * H :, H + 1 :].copy()
        if not before:
            W[:, 2 * H :, H + 1 :] = 0  # so that one product makes r, z and n_h: zeros cost less than a second one
        for t in range(self.T):
            inputs, h, rz, r, z, n = self.stack[t], self.h[t], self.rz[t], self.r[t], self.z[t], self.n[t]
            if before:
                _sigmoid_of_half(_product(W_rz, inputs, out=rz))
                _product(W_n, self.reset(t), out=n)
            else:
                _product(W, inputs, out=self.gates[t])
                _sigmoid_of_half(rz)
                _product(W_nx, inputs[H + 1 :], out=n)
                n += np.multiply(r, self.n_h[t], out=room)
            np.tanh(n, out=n)
            np.subtract(h, n, out=room)
            room *= z
            np.add(n, room, out=self.h[t + 1])

    def backward(self, W, asked):
        H, room, before = self.H, self.room, self.like.reset == "before"
        WhT = self.recurrent(W)
        da, slope, dW_step, dW = self.back
        drz_rz, slope_n = slope[: 2 * H], slope[2 * H :]
        dr, dz, drz, dn_h = da[:H], da[H : 2 * H], da[: 2 * H], da[2 * H :]
        dn = dn_h if before else np.empty_like(room)
        dh, direct = np.zeros_like(room), np.empty_like(room)
        dW[:] = 0
        for t in reversed(range(self.T)):
            inputs, h, rz, r, z, n = self.stack[t], self.h[t], self.rz[t], self.r[t], self.z[t], self.n[t]
            if t >= self.T - len(asked):
                dh += asked[t - self.T]
            _tanh_slope(n, out=slope_n)
            np.multiply(dh, z, out=direct)
            np.subtract(h, n, out=dz)
            dz *= direct  # lacks (1 - z) yet, and dr below (1 - r)
            dh -= direct  # dh (1 - z)
            np.multiply(dh, slope_n, out=dn)
            if before:
                _product(WhT[:, :, 2 * H :], dn, out=room)  # ∂L/∂(r h_prev)
                room *= r
                direct += room
                np.multiply(room, h, out=dr)
                drz -= np.multiply(drz, rz, out=drz_rz)
                _product(WhT[:, :, : 2 * H], drz, out=dh)
                _outer(drz, inputs, out=dW_step[:, : 2 * H])
                _outer(dn, self.reset(t), out=dW_step[:, 2 * H :])
            else:
                np.multiply(dn, r, out=dn_h)
                np.multiply(dn_h, self.n_h[t], out=dr)
                drz -= np.multiply(drz, rz, out=drz_rz)
                _product(WhT, da, out=dh)
                _outer(da, inputs, out=dW_step)
                _outer(dn, inputs[H + 1 :], out=dW_step[:, 2 * H :, H + 1 :])
            dh += direct
            dW += dW_step
        return dW


class _LSTM(_Cell):
    """c = f c_prev + i g, h = o tanh(c)."""

    def __init__(self, like, S, T, B, dtype):
        super().__init__(like, S, T, B, dtype)
        self.i, self.f, self.g, self.o = self.blocks
        self.halve[: 2 * self.H] = self.halve[3 * self.H :] = 0.5
        self.c = np.zeros_like(self.h)
        self.tanh_c = np.empty_like(self.o)

    def forward(self, W):
        H, room = self.H, self.room
        W = W * self.halve
        for t in range(self.T):
            gates, i, f, g, o, c = self.gates[t], self.i[t], self.f[t], self.g[t], self.o[t], self.c[t + 1]
            np.tanh(_product(W, self.stack[t], out=gates), out=gates)
            for sigmoids in (gates[: 2 * H], o):
                sigmoids *= 0.5
                sigmoids += 0.5
            np.multiply(f, self.c[t], out=c)
            c += np.multiply(i, g, out=room)
            np.multiply(o, np.tanh(c, out=self.tanh_c[t]), out=self.h[t + 1])

    def backward(self, W, asked):
        H, room, WhT = self.H, self.room, self.recurrent(W)
        da, slope, dW_step, dW = self.back
        di, df, dg, do = (da[j * H : (j + 1) * H] for j in range(4))
        dh, dc = np.zeros_like(room), np.zeros_like(room)
        dW[:] = 0
        for t in reversed(range(self.T)):
            i, f, g, o, tanh_c = self.i[t], self.f[t], self.g[t], self.o[t], self.tanh_c[t]
            if t >= self.T - len(asked):
                dh += asked[t - self.T]
            _sigmoid_slope(self.gates[t], out=slope)
            _tanh_slope(g, out=slope[2 * H : 3 * H])
            np.multiply(dh, tanh_c, out=do)
            _tanh_slope(tanh_c, out=room)
            room *= o
            room *= dh
            dc += room
            np.multiply(dc, g, out=di)
            np.multiply(dc, self.c[t], out=df)
            np.multiply(dc, i, out=dg)
            da *= slope
            dc *= f
            dW += _outer(da, self.stack[t], out=dW_step)
            _product(WhT, da, out=dh)
        return dW


CELLS = {"RNN": _RNN, "GRU": _GRU, "LSTM": _LSTM}


# ---------------------------------------------------------------------------------------------------------------------
# Net, loss, Adam


class _Nets:
    """S nets with a linear readout V = [b | V] (S, O, 1+H), all weights in one array theta (S, P)."""

    def __init__(self, params, readouts, loss, dtype):
        self.like, self.loss, self.dtype = params[0], loss, dtype
        W = np.array([np.column_stack([p.bh, p.Wh, p.Wx, p.bx]) for p in params], dtype)
        V = np.array(readouts, dtype)
        self.shapes = W.shape, V.shape
        self.theta = np.concatenate([W.reshape(len(W), -1), V.reshape(len(V), -1)], axis=1)
        self.grad = np.empty_like(self.theta)
        self.W, self.V = self.views(self.theta)
        self.dW, self.dV = self.views(self.grad)
        self.cells = {}

    def views(self, flat):
        """The two weight matrices as views of (S, P)."""
        W, V = self.shapes
        return flat[:, : W[1] * W[2]].reshape(W), flat[:, W[1] * W[2] :].reshape(V)

    def params(self, s):
        """Params of net s, copied."""
        H, W = self.like.hidden_size, self.W[s]
        return Params(
            self.like.kind,
            Wx=W[:, H + 1 : -1],
            Wh=W[:, 1 : H + 1],
            bx=W[:, -1],
            bh=W[:, 0],
            activation=self.like.activation,
            reset=self.like.reset,
        )

    def run(self, x, every_step):
        """Outputs (1 or T, S, O, B) for x (S or 1, B, T, D)."""
        _, B, T, _ = x.shape
        if (T, B) not in self.cells:
            self.cells[T, B] = CELLS[self.like.kind](self.like, len(self.W), T, B, self.dtype)
        cell = self.cell = self.cells[T, B]
        cell.x[:] = x.transpose(2, 3, 0, 1)
        cell.forward(self.W)
        return np.matmul(self.V, self._read(every_step))

    def _read(self, every_step):
        """[1; h] (T or 1, S, 1+H, B) at all steps, or at the last alone."""
        return self.cell.stack[1 if every_step else -1 :, : self.like.hidden_size + 1].swapaxes(1, 2)

    def score(self, x, target):
        """What people read (S,), for x (B, T, D): the mean squared error, or the share of right answers."""
        target = _steps_first(target[None], self.loss, self.dtype)
        out = self.run(x[None], every_step=len(target) > 1)
        if self.loss == "mse":
            return ((out - target) ** 2).mean((0, 2, 3))
        return (out.argmax(2, keepdims=True) == target).mean((0, 2, 3))

    def freeze(self, names):
        """Set the gradient of the named weights to zero."""
        H = self.like.hidden_size
        columns = {"bh": slice(0, 1), "Wh": slice(1, H + 1), "Wx": slice(H + 1, -1), "bx": slice(-1, None)}
        for name in names:
            self.dW[:, :, columns[name]] = 0

    def gradient(self, x, target):
        """Loss (S,) for x (S, B, T, D), target (S, B, ...); leaves ∂L/∂theta in self.grad."""
        target = _steps_first(target, self.loss, self.dtype)
        every_step = len(target) > 1
        loss, d_out = _loss(self.loss, self.run(x, every_step), target)
        read = self._read(every_step)
        self.dV[:] = np.matmul(d_out, read.transpose(0, 1, 3, 2)).sum(0)
        asked = np.matmul(self.V[:, :, 1:].transpose(0, 2, 1), d_out)
        self.dW[:] = self.cell.backward(self.W, asked.swapaxes(1, 2))
        return loss


def _steps_first(target, loss, dtype):
    """Targets (S, B[, T], O), or classes (S, B[, T]), as (1 or T, S, O, B), with O = 1 for classes."""
    target = target[..., None] if loss == "cross-entropy" else target.astype(dtype)
    target = target[:, :, None] if target.ndim == 3 else target
    return target.transpose(2, 0, 3, 1)


def _loss(loss, out, target):
    """Loss per seed (S,) and ∂loss/∂out for out (1 or T, S, O, B): the mean over sequences, steps and outputs."""
    if loss == "mse":
        d = out - target
        return (d**2).mean((0, 2, 3)), d * (2 / (d.size / d.shape[1]))
    log_p = out - out.max(2, keepdims=True)
    log_p -= np.log(np.exp(log_p).sum(2, keepdims=True))
    d, n = np.exp(log_p), target.size / target.shape[1]
    np.put_along_axis(d, target, np.take_along_axis(d, target, 2) - 1, 2)
    return -np.take_along_axis(log_p, target, 2).sum((0, 2, 3)) / n, d / n


def _clip(grad, limit, by):
    """Clip grad (S, P) in place, seed by seed (Pascanu, Mikolov & Bengio 2013). Returns the norms before, (S,)."""
    norm = np.sqrt(np.einsum("sp,sp->s", grad, grad, dtype=np.float64))
    if limit is not None and by == "value":
        np.clip(grad, -limit, limit, out=grad)
    elif limit is not None:
        grad *= np.minimum(1, limit / (norm + 1e-6))[:, None].astype(grad.dtype)
    return norm


class _Adam:
    """Adam (Kingma & Ba 2015) with torch's defaults, on weights theta (S, P), in place."""

    def __init__(self, theta, learning_rate):
        self.theta, self.learning_rate, self.t = theta, learning_rate, 0
        self.mean, self.square = np.zeros_like(theta), np.zeros_like(theta)

    def step(self, grad, moving):
        """theta -= learning_rate · m̂ / (√v̂ + ε), where moving (S,) is True."""
        self.t += 1
        (b1, b2), t = BETAS, self.t
        self.mean += (1 - b1) * (grad - self.mean)
        self.square *= b2
        self.square += (1 - b2) * grad**2
        scale = np.sqrt(self.square) / np.sqrt(1 - b2**t) + EPS
        self.theta -= self.learning_rate / (1 - b1**t) * self.mean / scale * moving[:, None]


# ---------------------------------------------------------------------------------------------------------------------
# Training


@dataclass(frozen=True)
class Run:
    """One seed's training, E evaluations long.

    seed         of its initial weights and its data.
    loss         (steps,) on the fresh batch of each step, before that step's update.
    grad_norm    (steps,) ‖∂loss/∂(all weights)‖₂ before clipping.
    eval_steps   (E,) how many updates came before each evaluation, 0 first.
    score        (E,) on task.test: mean squared error, or accuracy where the loss is the cross-entropy.
    history      E nets: (params, readout, readout_bias). The last one's stand under these names as well, and the first
                 one's Params as `start`; readout (O, H) and bias (O,): outputs = readout @ h + readout_bias.
    probes       {name: (E, ...)} what each probe returned.
    solved_at    updates before the first evaluation that met the task's goal, None if none did.
    diverged_at  step whose loss or gradient was NaN or inf, None if none was. From there on all series are NaN.
    """

    seed: int
    loss: np.ndarray
    grad_norm: np.ndarray
    eval_steps: np.ndarray
    score: np.ndarray
    history: list
    probes: dict
    solved_at: int | None
    diverged_at: int | None

    start = property(lambda self: self.history[0][0])
    params = property(lambda self: self.history[-1][0])
    readout = property(lambda self: self.history[-1][1])
    readout_bias = property(lambda self: self.history[-1][2])

    @property
    def solved(self):
        """Whether any evaluation met the task's goal."""
        return self.solved_at is not None

    def at(self, updates):
        """The Run as it was after so many updates; there must have been an evaluation then."""
        if updates not in self.eval_steps:
            raise ValueError(f"updates: got {updates!r}, wants one of the evaluations: {self.eval_steps.tolist()}")
        until, ends = slice(updates), slice(list(self.eval_steps).index(updates) + 1)
        return replace(
            self,
            loss=self.loss[until],
            grad_norm=self.grad_norm[until],
            eval_steps=self.eval_steps[ends],
            score=self.score[ends],
            history=self.history[ends],
            probes={name: values[ends] for name, values in self.probes.items()},
            solved_at=self.solved_at if self.solved and self.solved_at <= updates else None,
            diverged_at=self.diverged_at if self.diverged_at is not None and self.diverged_at < updates else None,
        )

    def outputs(self, x):
        """(B, T, D) sequences -> (B, T, O): the trained net's outputs after every step, logits for classes."""
        x = _validate.array("x", x, ("B", "T", self.params.input_size))
        readout = np.column_stack([self.readout_bias, self.readout])
        out = _Nets([self.params], [readout], None, self.params.Wh.dtype).run(x[None], every_step=True)
        return out[:, 0].transpose(2, 0, 1)


def solved_count(runs):
    """How many runs solved their task, as "3/5"."""
    return f"{sum(run.solved for run in runs)}/{len(runs)}"


def train(
    task,
    kind,
    hidden_size,
    *,
    seeds=range(5),
    steps=300,
    learning_rate=1e-2,
    batch=32,
    clip=1.0,
    clip_by="norm",
    every=25,
    probes=None,
    frozen=(),
    stop_when_solved=False,
    on_divergence="raise",
    dtype=np.float32,
    **init,
):
    """Train one net per seed on a task, all seeds at once, with Adam and fresh data at each step.

    task              a `tasks.Task`.
    kind, hidden_size, **init   as in `init_params`: activation, reset, recurrent, gain, gate_bias, chrono.
    seeds             each draws its weights and its data from its own number. Whoever trains beside it changes no more
                      than the rounding of its sums.
    learning_rate     Adam's; batch, the sequences of one step.
    clip, clip_by     largest gradient norm of all weights together ("norm"), or largest entry ("value"); None: no
                      clipping.
    every             updates between two evaluations on task.test; there is one before the first and after the last.
    probes            {name: function of Params}, called at every evaluation, e.g. for ‖∂h_T/∂h_0‖.
    frozen            weights that keep their initial value, of "Wx", "Wh", "bx", "bh". A GRU with gain=0 and
                      frozen=("Wh",) has gates and a candidate that see only the input: the minGRU of Feng et al.
                      (2024), except that its candidate goes through tanh and has a reset gate on its bias.
    stop_when_solved  end at the first evaluation by which every seed has met the task's goal (or diverged).
    on_divergence     "raise", or "mark": the seed keeps its last finite weights and the others go on.
    dtype             float32 or float64.

    Returns a list of Run, one per seed. A run repeats bit for bit on one thread; on two, or with another BLAS, digits
    differ. A progress bar shows unless TQDM_DISABLE is set.

    Raises ValueError naming the argument, and FloatingPointError naming the step where the loss or its gradient
    becomes NaN or inf.
    """
    if not hasattr(task, "sample"):
        raise ValueError(f"task: got {type(task).__name__}, wants a Task, e.g. tasks.adding(50)")
    seeds = [_validate.integer("seeds", seed, 0) for seed in ([seeds] if np.isscalar(seeds) else seeds)]
    if not seeds:
        raise ValueError("seeds: got none, wants at least one")
    steps, batch, every = (
        _validate.integer(name, value, 1) for name, value in (("steps", steps), ("batch", batch), ("every", every))
    )
    for name, value in (("learning_rate", learning_rate), ("clip", 1.0 if clip is None else clip)):
        if _validate.number(name, value) <= 0:
            raise ValueError(f"{name}: got {value!r}, wants a number above 0")
    _validate.choice("clip_by", clip_by, ("norm", "value"))
    _validate.choice("on_divergence", on_divergence, ("raise", "mark"))
    for name in frozen:
        _validate.choice("frozen", name, ("Wx", "Wh", "bx", "bh"))
    probes = probes or {}
    if not isinstance(probes, dict) or not all(map(callable, probes.values())):
        raise ValueError(f"probes: got {probes!r}, wants {{name: function of Params}}")

    start = [init_params(kind, task.input_size, hidden_size, seed=seed, dtype=dtype, **init) for seed in seeds]
    bound, shape = start[0].hidden_size ** -0.5, (task.output_size, 1 + start[0].hidden_size)
    readouts = [np.random.default_rng([seed, 1]).uniform(-bound, bound, shape) for seed in seeds]
    streams = [np.random.default_rng([seed, 2]) for seed in seeds]
    nets = _Nets(start, readouts, task.loss, np.dtype(dtype))
    adam = _Adam(nets.theta, learning_rate)
    losses, norms = np.full((2, len(seeds), steps), np.nan)
    eval_steps, scores = [], [[] for _ in seeds]
    probed, histories = [{name: [] for name in probes} for _ in seeds], [[] for _ in seeds]
    solved_at, diverged_at = [None] * len(seeds), [None] * len(seeds)

    def evaluate(step):
        eval_steps.append(step)
        for s, score in enumerate(nets.score(*task.test)):
            alive = diverged_at[s] is None
            scores[s].append(score if alive else np.nan)
            histories[s].append((nets.params(s), nets.V[s, :, 1:].copy(), nets.V[s, :, 0].copy()))
            for name, values in probed[s].items():
                values.append(probes[name](histories[s][-1][0]) if alive else np.full_like(values[-1], np.nan))
            if solved_at[s] is None and task.is_solved(scores[s][-1]):
                solved_at[s] = step

    bar = tqdm(total=steps, desc=f"{kind}, {task.name}", leave=False, disable=_silent())
    with bar, np.errstate(over="ignore", invalid="ignore"):
        for step in range(steps):
            if step % every == 0:
                evaluate(step)
                if stop_when_solved and all(
                    s is not None or d is not None for s, d in zip(solved_at, diverged_at, strict=True)
                ):
                    bar.total = bar.n  # a bar that ends short of its total would stay, in red
                    break
            batches = [task.sample(rng, batch) for rng in streams]
            loss = nets.gradient(*(np.stack(parts) for parts in zip(*batches, strict=True)))
            nets.freeze(frozen)
            norm = _clip(nets.grad, clip, clip_by)
            for s in range(len(seeds)):
                if diverged_at[s] is None and not np.isfinite(loss[s] + norm[s]):
                    diverged_at[s] = step
                    if on_divergence == "raise":
                        raise FloatingPointError(_advice(step, seeds[s], loss[s], norm[s], clip))
                if diverged_at[s] is None:
                    losses[s, step], norms[s, step] = loss[s], norm[s]
                else:
                    nets.grad[s] = 0
            adam.step(nets.grad, moving=np.array([at is None for at in diverged_at]))
            bar.update()
        else:
            evaluate(steps)

    done = eval_steps[-1]
    return [
        Run(
            seed=seed,
            loss=losses[s, :done],
            grad_norm=norms[s, :done],
            eval_steps=np.array(eval_steps),
            score=np.array(scores[s]),
            history=histories[s],
            probes={name: np.array(values) for name, values in probed[s].items()},
            solved_at=solved_at[s],
            diverged_at=diverged_at[s],
        )
        for s, seed in enumerate(seeds)
    ]


def _silent():
    """Whether TQDM_DISABLE is set, which tqdm's own bar for notebooks doesn't ask."""
    return os.environ.get("TQDM_DISABLE", "") not in ("", "0")


def _advice(step, seed, loss, norm, clip):
    """What a diverged run says."""
    remedy = "clip=1.0 or a smaller learning_rate" if clip is None else "a smaller learning_rate"
    return (
        f"loss: seed {seed} has loss {loss:g} and gradient norm {norm:g} at step {step}, wants finite numbers; "
        f'try {remedy}, or on_divergence="mark" to go on with the other seeds'
    )
