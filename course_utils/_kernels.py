"""The cells of training, written for speed: the same numbers as `cells` and `gradients`, tested.

To read the mathematics, open those two: one plain step per cell, and its derivative by paths. S nets of one shape (the
seeds of an experiment) read B sequences each here, and states and gates are laid out as (T, features, S, B): a gate of
all nets at one step lies in one piece of memory, so that one call of NumPy serves them all. Features come in the blocks
of `cells.GATES`. tests/package/test_kernels.py holds states and weight gradients against `forward` and `backward`.

`Nets` is what training uses: the cells, a linear readout, a loss, and the gradient of all weights in one flat array.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import DTypeLike

from course_utils.cells import BLOCKS, GATES, Params
from course_utils.gradients import SLOPE

# ---------------------------------------------------------------------------------------------------------------------
# Products and slopes, into arrays made beforehand


def _product(W: np.ndarray, rows: np.ndarray, out: np.ndarray) -> np.ndarray:
    """W @ rows, net by net: (S, m, n), (n, S, B) -> out (m, S, B)."""
    np.matmul(W, rows.transpose(1, 0, 2), out=out.transpose(1, 0, 2))
    return out


def _outer(da: np.ndarray, rows: np.ndarray, out: np.ndarray) -> np.ndarray:
    """∂L/∂W of one step, summed over the batch: (m, S, B), (n, S, B) -> out (S, m, n)."""
    return np.matmul(da.transpose(1, 0, 2), rows.transpose(1, 2, 0), out=out)


def _sigmoid_of_half(a: np.ndarray) -> None:
    """½ + ½ tanh(a), in place: σ(2a)."""
    np.tanh(a, out=a)
    a *= 0.5
    a += 0.5


def _sigmoid_slope(s: np.ndarray, out: np.ndarray) -> None:
    """s - s² = σ'(a) where s = σ(a)."""
    np.multiply(s, s, out=out)
    np.subtract(s, out, out=out)


def _tanh_slope(s: np.ndarray, out: np.ndarray) -> None:
    """1 - s² = tanh'(a) where s = tanh(a)."""
    np.multiply(s, s, out=out)
    np.subtract(1, out, out=out)


# ---------------------------------------------------------------------------------------------------------------------
# The cells, forwards and backwards


class Cell:
    """Room for S nets of one shape to read B sequences of T inputs each, from the initial state 0.

    The weights of all nets stand in one array W = [bh | Wh | Wx | bx] (S, kH, 1+H+D+1). `stack` (T+1, 1+H+D+1, S, B)
    holds at t the rows [1; h_t; x_{t+1}; 1], so that one product W @ stack[t] is a whole preactivation
    Wh h_prev + bh + Wx x + bx. Its first row of ones meets bh and its last one bx: torch keeps two biases, and so do
    we. The order keeps [1; h] in one piece and [x; 1] in one piece: with reset "after" they go separate ways.

    like   Params of one of the nets, read for kind, sizes, activation and reset alone.

    To fill: x (T, D, S, B), a view of `stack`. To read after `forward`: h (T+1, H, S, B), another view of it.
    """

    def __init__(self, like: Params, S: int, T: int, B: int, dtype: DTypeLike) -> None:
        H, D, k = like.hidden_size, like.input_size, BLOCKS[like.kind]
        self.like, self.T, self.H = like, T, H
        self.stack = np.ones((T + 1, H + D + 2, S, B), dtype)
        self.h, self.x = self.stack[:, 1 : H + 1], self.stack[:-1, H + 1 : -1]
        self.h[0] = 0
        self.gates = np.empty((T, k * H, S, B), dtype)
        self.blocks = [self.gates[:, j * H : (j + 1) * H] for j in range(k)]
        self.room = np.empty((H, S, B), dtype)
        # σ(a) = ½ + ½ tanh(a/2): no exponential that could overflow, and NumPy's tanh is quicker than an exp and a
        # division. The ½ inside costs nothing: `halve` takes it to a sigmoid's rows of W, before the first step.
        self.halve = np.ones((k * H, 1), dtype)
        self.reach = T  # how many steps a backward pass takes: fewer than T where training truncates it

    @cached_property
    def back(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """What only a backward pass needs: ∂L/∂preactivations, the slopes there, ∂L/∂W of one step and of all."""
        da, slope = np.empty((2, *self.gates.shape[1:]), self.gates.dtype)
        dW_step, dW = np.empty((2, da.shape[1], len(da), self.stack.shape[1]), da.dtype)
        return da, slope, dW_step, dW

    def forward(self, W: np.ndarray) -> None:
        """Fill h[1:] from x and the weights W."""
        raise NotImplementedError

    def backward(self, W: np.ndarray, own: np.ndarray) -> np.ndarray:
        """∂L/∂W (S, kH, 1+H+D+1), summed over steps and sequences, after a `forward` with the same W.

        own  (T or 1, H, S, B): how the loss depends on each state h_1 … h_T directly, or on the last one alone.

        The array returned is used again by the next call.
        """
        raise NotImplementedError

    def _last_step_first(self, dh: np.ndarray, own: np.ndarray) -> Iterator[int]:
        """t = T-1 … T-reach. Before each, `dh`, come back from later steps, gets the loss's own ∂L/∂h_{t+1}."""
        for t in reversed(range(max(0, self.T - self.reach), self.T)):
            if t >= self.T - len(own):
                dh += own[t - self.T]
            yield t

    def _recurrent(self, W: np.ndarray) -> np.ndarray:
        """Whᵀ (S, H, kH): the way back from preactivations to h_prev. In one piece, which multiplies quicker."""
        return np.ascontiguousarray(W[:, :, 1 : self.H + 1].transpose(0, 2, 1))


class RNN(Cell):
    """h = φ(Wh h_prev + bh + Wx x + bx)."""

    def forward(self, W: np.ndarray) -> None:
        """Fill h[1:]."""
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

    def backward(self, W: np.ndarray, own: np.ndarray) -> np.ndarray:
        """∂L/∂W: through the slope of φ, then to the weights of this step and through Wh to the state before."""
        WhT, slope = self._recurrent(W), SLOPE[self.like.activation]
        da, _, dW_step, dW = self.back
        dh = np.zeros_like(self.room)
        dW[:] = 0
        for t in self._last_step_first(dh, own):
            np.multiply(dh, slope(self.h[t + 1]), out=da)
            dW += _outer(da, self.stack[t], out=dW_step)
            _product(WhT, da, out=dh)
        return dW


class GRU(Cell):
    """h = z h_prev + (1 - z) n. The candidate n meets r h_prev ("before"), or r times Wn h_prev + bn ("after")."""

    def __init__(self, like: Params, S: int, T: int, B: int, dtype: DTypeLike) -> None:
        super().__init__(like, S, T, B, dtype)
        H = self.H
        self.r, self.z, self.n = self.blocks
        self.rz = self.gates[:, : 2 * H]
        self.halve[: 2 * H] = 0.5
        if like.reset == "before":
            self.reset_inputs = np.ones_like(self.stack[0])  # [1; r h_prev; x; 1] of one step
        else:
            self.n_h, self.n = self.n, np.empty_like(self.n)  # the gates' product makes Wn h_prev + bn as third block

    def _reset(self, t: int) -> np.ndarray:
        """[1; r h_prev; x; 1] (1+H+D+1, S, B) of one step: made twice, which costs less than keeping it."""
        np.multiply(self.r[t], self.h[t], out=self.reset_inputs[1 : self.H + 1])
        self.reset_inputs[self.H + 1 : -1] = self.x[t]
        return self.reset_inputs

    def forward(self, W: np.ndarray) -> None:
        """Fill h[1:], and the gates for the way back."""
        H, room, before = self.H, self.room, self.like.reset == "before"
        # W_rz makes both gates' preactivations, W_n the candidate's, W_nx what [x; 1] alone sends the candidate. With
        # "after", W_n's share of [x; 1] is set to zero in W, so that one product with all of W makes the gates and
        # n_h = Wn h_prev + bn together: multiplying zeros costs less than a second call.
        W = W * self.halve
        W_rz, W_n, W_nx = W[:, : 2 * H], W[:, 2 * H :], W[:, 2 * H :, H + 1 :].copy()
        if not before:
            W[:, 2 * H :, H + 1 :] = 0
        for t in range(self.T):
            inputs, h, rz, r, z, n = self.stack[t], self.h[t], self.rz[t], self.r[t], self.z[t], self.n[t]
            # Gates r and z in one go, then the argument of the candidate.
            if before:
                _sigmoid_of_half(_product(W_rz, inputs, out=rz))
                _product(W_n, self._reset(t), out=n)
            else:
                _product(W, inputs, out=self.gates[t])
                _sigmoid_of_half(rz)
                _product(W_nx, inputs[H + 1 :], out=n)
                n += np.multiply(r, self.n_h[t], out=room)
            np.tanh(n, out=n)
            # z h_prev + (1 - z) n = n + z (h_prev - n): one product fewer.
            np.subtract(h, n, out=room)
            room *= z
            np.add(n, room, out=self.h[t + 1])

    def backward(self, W: np.ndarray, own: np.ndarray) -> np.ndarray:
        """∂L/∂W. Per step: ∂L/∂ the arguments of n, z and r, from these to the weights, and four paths to h_prev.

        The paths are those of `gradients.jacobian_paths`. Direct: z ∂L/∂h, kept in `direct` until the step ends.
        Update, reset and candidate: through Wz, Wr and Wn in one product. Only with "before" the candidate's product
        comes first and alone, because ∂L/∂r, which Wr waits for, is made of its result.
        """
        H, room, before = self.H, self.room, self.like.reset == "before"
        WhT = self._recurrent(W)
        # Blocks of da: ∂L/∂ of what Wh and bh send to r, z and n. For a gate that is ∂L/∂ of its argument, and with
        # "before" to n as well. With "after" it is r dn, and dn, ∂L/∂ of the argument of n, has room of its own.
        da, slope, dW_step, dW = self.back
        drz_rz, slope_n = slope[: 2 * H], slope[2 * H :]
        dr, dz, drz, dn_h = da[:H], da[H : 2 * H], da[: 2 * H], da[2 * H :]
        dn = dn_h if before else np.empty_like(room)
        dh, direct = np.zeros_like(room), np.empty_like(room)
        dW[:] = 0
        for t in self._last_step_first(dh, own):
            inputs, h, rz, r, z, n = self.stack[t], self.h[t], self.rz[t], self.r[t], self.z[t], self.n[t]
            # h = n + z (h_prev - n): direct = z dh goes to h_prev, dz = (h_prev - n) z dh lacks the (1 - z) of σ' yet,
            # and dh - direct = (1 - z) dh goes on through tanh' into dn.
            _tanh_slope(n, out=slope_n)
            np.multiply(dh, z, out=direct)
            np.subtract(h, n, out=dz)
            dz *= direct
            dh -= direct
            np.multiply(dh, slope_n, out=dn)
            # From dn to r, first as r ∂L/∂r, which lacks (1 - r). Then both gates get what they lack in one go, as
            # d - d s = d (1 - s); and one product takes all there is of da to h_prev, one outer product to the weights.
            if before:
                _product(WhT[:, :, 2 * H :], dn, out=room)  # ∂L/∂(r h_prev)
                room *= r
                direct += room
                np.multiply(room, h, out=dr)
                drz -= np.multiply(drz, rz, out=drz_rz)
                _product(WhT[:, :, : 2 * H], drz, out=dh)
                _outer(drz, inputs, out=dW_step[:, : 2 * H])
                _outer(dn, self._reset(t), out=dW_step[:, 2 * H :])
            else:
                np.multiply(dn, r, out=dn_h)
                np.multiply(dn_h, self.n_h[t], out=dr)
                drz -= np.multiply(drz, rz, out=drz_rz)
                _product(WhT, da, out=dh)
                _outer(da, inputs, out=dW_step)
                _outer(dn, inputs[H + 1 :], out=dW_step[:, 2 * H :, H + 1 :])  # Wx and bx of n meet dn, not r dn
            dh += direct
            dW += dW_step
        return dW


class LSTM(Cell):
    """c = f c_prev + i g, h = o tanh(c)."""

    def __init__(self, like: Params, S: int, T: int, B: int, dtype: DTypeLike) -> None:
        super().__init__(like, S, T, B, dtype)
        self.i, self.f, self.g, self.o = self.blocks
        self.halve[: 2 * self.H] = self.halve[3 * self.H :] = 0.5
        self.c = np.zeros_like(self.h)
        self.tanh_c = np.empty_like(self.o)

    def forward(self, W: np.ndarray) -> None:
        """Fill h[1:] and c[1:], the gates and tanh(c) for the way back."""
        H, room = self.H, self.room
        W = W * self.halve
        for t in range(self.T):
            gates, i, f, g, o, c = self.gates[t], self.i[t], self.f[t], self.g[t], self.o[t], self.c[t + 1]
            # All four blocks through one tanh; i, f and o, whose rows were halved, become sigmoids by ½ + ½ tanh.
            np.tanh(_product(W, self.stack[t], out=gates), out=gates)
            for sigmoids in (gates[: 2 * H], o):
                sigmoids *= 0.5
                sigmoids += 0.5
            np.multiply(f, self.c[t], out=c)
            c += np.multiply(i, g, out=room)
            np.multiply(o, np.tanh(c, out=self.tanh_c[t]), out=self.h[t + 1])

    def backward(self, W: np.ndarray, own: np.ndarray) -> np.ndarray:
        """∂L/∂W. Two gradients travel back: dh through the gates and Wh, dc along the cell, through f alone."""
        H, room, WhT = self.H, self.room, self._recurrent(W)
        da, slope, dW_step, dW = self.back
        di, df, dg, do = (da[j * H : (j + 1) * H] for j in range(4))
        dh, dc = np.zeros_like(room), np.zeros_like(room)
        dW[:] = 0
        for t in self._last_step_first(dh, own):
            i, f, g, o, tanh_c = self.i[t], self.f[t], self.g[t], self.o[t], self.tanh_c[t]
            # σ' for all four blocks at once, then tanh' over the candidate's.
            _sigmoid_slope(self.gates[t], out=slope)
            _tanh_slope(g, out=slope[2 * H : 3 * H])
            # h = o tanh(c): to o, and through tanh' to c, where it joins what the next cell state sent back.
            np.multiply(dh, tanh_c, out=do)
            _tanh_slope(tanh_c, out=room)
            room *= o
            room *= dh
            dc += room
            # c = f c_prev + i g: to i, f and g; times the slopes, to all arguments; and along the cell to c_prev.
            np.multiply(dc, g, out=di)
            np.multiply(dc, self.c[t], out=df)
            np.multiply(dc, i, out=dg)
            da *= slope
            dc *= f
            dW += _outer(da, self.stack[t], out=dW_step)
            _product(WhT, da, out=dh)
        return dW


CELLS: dict[str, type[Cell]] = {"RNN": RNN, "GRU": GRU, "LSTM": LSTM}


# ---------------------------------------------------------------------------------------------------------------------
# Nets: cells, readout, loss


class Nets:
    """S nets of one shape, each a recurrent layer and a linear readout, with their loss and its gradient.

    params    S Params of one kind and shape.
    readouts  S arrays (O, 1+H): the readout's bias, then its weights. outputs = readout @ [1; h].
    loss      "mse" or "cross-entropy"; None where nothing but outputs is own for.

    All weights of a net stand in one row of theta (S, P), and ∂L/∂theta in `grad` (S, P), which is what an optimiser
    wants. W, V and dW, dV are views of them: the cells' weights [bh | Wh | Wx | bx] (S, kH, 1+H+D+1), and the readouts'
    (S, O, 1+H). Whoever writes to one writes to the other.
    """

    def __init__(
        self, params: Sequence[Params], readouts: Sequence[np.ndarray], loss: str | None, dtype: DTypeLike
    ) -> None:
        self.like, self.loss, self.dtype = params[0], loss, np.dtype(dtype)
        W = np.array([np.column_stack([p.bh, p.Wh, p.Wx, p.bx]) for p in params], dtype)
        V = np.array(readouts, dtype)
        self.shapes = W.shape, V.shape
        self.theta = np.concatenate([W.reshape(len(W), -1), V.reshape(len(V), -1)], axis=1)
        self.grad = np.empty_like(self.theta)
        self.W, self.V = self._views(self.theta)
        self.dW, self.dV = self._views(self.grad)
        self.cells: dict[tuple[int, int], Cell] = {}  # by (T, B): training and test batches have rooms of their own

    def _views(self, flat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The two weight matrices as views of (S, P)."""
        W, V = self.shapes
        return flat[:, : W[1] * W[2]].reshape(W), flat[:, W[1] * W[2] :].reshape(V)

    def by_name(self, W: np.ndarray) -> dict[str, np.ndarray]:
        """Views of W or dW by their names in Params: Wx (S, kH, D), Wh (S, kH, H), bx and bh (S, kH)."""
        H = self.like.hidden_size
        return {"Wx": W[:, :, H + 1 : -1], "Wh": W[:, :, 1 : H + 1], "bx": W[:, :, -1], "bh": W[:, :, 0]}

    def params(self, s: int) -> Params:
        """Params of net s, copied."""
        weights = {name: values[s] for name, values in self.by_name(self.W).items()}
        return Params(self.like.kind, **weights, activation=self.like.activation, reset=self.like.reset)

    def readout(self, s: int) -> tuple[np.ndarray, np.ndarray]:
        """Readout (O, H) and its bias (O,) of net s, copied."""
        return self.V[s, :, 1:].copy(), self.V[s, :, 0].copy()

    def freeze(self, names: Iterable[str]) -> None:
        """Set the gradient of the named weights to zero, or of all weights of the named gates."""
        for name in names:
            if name in GATES[self.like.kind]:
                self.dW[:, self.like.rows(name)] = 0
            else:
                self.by_name(self.dW)[name][:] = 0

    def states(self, x: np.ndarray) -> np.ndarray:
        """States (T+1, H, S, B) from 0 on, for x (S or 1, B, T, D); 1: all nets read the same. A view, used again."""
        _, B, T, _ = x.shape
        if (T, B) not in self.cells:
            self.cells[T, B] = CELLS[self.like.kind](self.like, len(self.W), T, B, self.dtype)
        self.cell = self.cells[T, B]
        self.cell.x[:] = x.transpose(2, 3, 0, 1)
        self.cell.forward(self.W)
        return self.cell.h

    def backward(self, own: np.ndarray, truncate: int | None = None) -> None:
        """Leave ∂L/∂W in self.dW, after `states`.

        own       (T or 1, H, S, B): the loss's own ∂L/∂h_t, as for `Cell`.
        truncate  how many steps the pass goes back; None: all.
        """
        self.cell.reach = self.cell.T if truncate is None else truncate
        self.dW[:] = self.cell.backward(self.W, own)

    def outputs(self, x: np.ndarray, every_step: bool) -> np.ndarray:
        """Outputs (T, S, O, B) after every step, or (1, S, O, B) after the last, for x (S or 1, B, T, D)."""
        self.states(x)
        return np.matmul(self.V, self._read(every_step))

    def _read(self, every_step: bool) -> np.ndarray:
        """What the readout meets, [1; h] (T or 1, S, 1+H, B), at all steps or at the last alone."""
        return self.cell.stack[1 if every_step else -1 :, : self.like.hidden_size + 1].swapaxes(1, 2)

    def score(self, x: np.ndarray, target: np.ndarray) -> np.ndarray:
        """What people read (S,), for x (B, T, D): the mean squared error, or the share of right answers."""
        target = _steps_first(target[None], self.loss, self.dtype)
        out = self.outputs(x[None], every_step=len(target) > 1)
        if self.loss == "mse":
            return ((out - target) ** 2).mean((0, 2, 3))
        return (out.argmax(2, keepdims=True) == target).mean((0, 2, 3))

    def gradient(self, x: np.ndarray, target: np.ndarray, truncate: int | None = None) -> np.ndarray:
        """Loss (S,) for x (S, B, T, D), target (S, B, ...); leaves ∂L/∂theta in self.grad.

        truncate  the backward pass takes this many steps and no more; None: all. For a loss at the last step only.
        """
        target = _steps_first(target, self.loss, self.dtype)
        every_step = len(target) > 1
        loss, d_out = _loss(self.loss, self.outputs(x, every_step), target)
        read = self._read(every_step)
        self.dV[:] = np.matmul(d_out, read.transpose(0, 1, 3, 2)).sum(0)
        own = np.matmul(self.V[:, :, 1:].transpose(0, 2, 1), d_out)
        self.backward(own.swapaxes(1, 2), truncate)
        return loss


def _steps_first(target: np.ndarray, loss: str | None, dtype: np.dtype) -> np.ndarray:
    """Targets (S, B[, T], O), or classes (S, B[, T]), as (1 or T, S, O, B), with O = 1 for classes."""
    target = target[..., None] if loss == "cross-entropy" else target.astype(dtype)
    target = target[:, :, None] if target.ndim == 3 else target
    return target.transpose(2, 0, 3, 1)


def _loss(loss: str | None, out: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Loss per net (S,) and ∂loss/∂out for out (1 or T, S, O, B): the mean over sequences, steps and outputs."""
    if loss == "mse":
        d = out - target
        return (d**2).mean((0, 2, 3)), d * (2 / (d.size / d.shape[1]))
    # Cross-entropy: -log softmax at the right class, averaged; its slope is softmax minus one-hot.
    log_p = out - out.max(2, keepdims=True)
    log_p -= np.log(np.exp(log_p).sum(2, keepdims=True))
    d, n = np.exp(log_p), target.size / target.shape[1]
    np.put_along_axis(d, target, np.take_along_axis(d, target, 2) - 1, 2)
    return -np.take_along_axis(log_p, target, 2).sum((0, 2, 3)) / n, d / n
