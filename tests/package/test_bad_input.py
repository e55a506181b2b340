"""Every public function answers bad input with a ValueError that names the argument."""

import dataclasses

import numpy as np
import pytest
import torch

from course_utils import figures, tasks
from course_utils.cells import Params, forward, init_params
from course_utils.checks import check
from course_utils.gradients import backward, jacobian_paths, jacobians, state_gradients
from course_utils.norms import all_pairs_norms, lyapunov_exponents, norms_to_past
from course_utils.torch_bridge import autograd_backward, autograd_jacobians, to_module, to_params

D, H, T = 2, 3, 4
GRU, LSTM, RNN = (init_params(kind, D, H) for kind in ("GRU", "LSTM", "RNN"))
X = np.ones((T, D))
TRACE = forward(GRU, X)
J = jacobians(TRACE)
NAN, INF = np.full((T, D), np.nan), np.where(np.eye(T, D), np.inf, 0)


def params(**changes):
    return dataclasses.replace(GRU, **changes)


def make(**changes):
    return init_params(**{"kind": "GRU", "input_size": D, "hidden_size": H, **changes})


BAD = {
    "kind": [
        lambda: GRU.changed("z", kind="LSTM"),
        lambda: params(kind="gru"),
        lambda: params(kind=None),
        lambda: make(kind="CNN"),
        lambda: make(kind=3),
    ],
    "activation": [lambda: params(activation="softmax"), lambda: make(activation=np.tanh)],
    "reset": [lambda: params(reset="both"), lambda: make(reset=True)],
    "Wx": [
        lambda: params(Wx=np.ones((H, D))),
        lambda: params(Wx=np.ones(3 * H)),
        lambda: params(Wx=np.full((3 * H, D), np.nan)),
        lambda: params(Wx=np.full((3 * H, D), "a")),
        lambda: params(Wx=np.ones((3 * H, 0))),
    ],
    "Wh": [
        lambda: GRU.changed("r", Wh=np.ones((H, 1))),
        lambda: params(Wh=np.ones((3 * H, H + 1))),
        lambda: params(Wh=np.ones((3 * H, H), dtype=complex)),
        lambda: params(Wh=np.full((3 * H, H), np.inf)),
        lambda: params(Wh=None),
        lambda: params(Wh=np.ones((0, 0))),
        lambda: forward(Params("RNN", [[1.0]], [[1e200]], [0.0], [0.0], activation="relu"), np.ones((5, 1))),
    ],
    "bx": [lambda: params(bx=np.zeros((3 * H, 1))), lambda: params(bx=np.full(3 * H, np.nan))],
    "bh": [
        lambda: GRU.changed("r", bh=np.zeros(H + 1)),
        lambda: GRU.changed("r", bh="3"),
        lambda: GRU.changed("r", bh=1j * np.ones(H)),
        lambda: GRU.changed("r", bh=[1, [2, 3]]),
        lambda: GRU.changed("r", bh=None),
        lambda: GRU.changed("r", bh=np.nan),
        lambda: params(bh=np.zeros(H)),
        lambda: params(bh=[object()] * 3 * H),
    ],
    "gate": [
        lambda: GRU.gate("n"),
        lambda: RNN.gate("z"),
        lambda: GRU.changed("f", bx=0),
        lambda: RNN.changed("z", bx=0),
    ],
    "input_size": [lambda: make(input_size=0), lambda: make(input_size=2.0), lambda: make(input_size=True)],
    "hidden_size": [lambda: make(hidden_size=-1), lambda: make(hidden_size="3")],
    "seed": [lambda: make(seed=-1), lambda: make(seed=None), lambda: tasks.noise(3, 2, seed=1.5)],
    "recurrent": [lambda: make(recurrent="glorot")],
    "gain": [lambda: make(gain=np.nan), lambda: make(gain="2"), lambda: make(gain=np.inf)],
    "gate_bias": [lambda: make(gate_bias=np.inf), lambda: make(kind="RNN", gate_bias=1.0)],
    "chrono": [lambda: make(chrono=2), lambda: make(kind="RNN", chrono=9), lambda: make(chrono=9, gate_bias=1.0)],
    "dtype": [
        lambda: make(dtype=np.int64),
        lambda: make(dtype=None),
        lambda: make(dtype=complex),
        lambda: make(dtype="no"),
    ],
    "p": [lambda: forward(None, X), lambda: forward("GRU", X)],
    "x": [
        lambda: forward(GRU, np.ones((T, D + 1))),
        lambda: forward(GRU, np.ones(D)),
        lambda: forward(GRU, np.ones((0, D))),
        lambda: forward(GRU, np.ones((1, T, D))),
        lambda: forward(GRU, NAN),
        lambda: forward(GRU, INF),
        lambda: forward(GRU, X.astype(complex)),
        lambda: forward(GRU, X.astype(str)),
        lambda: forward(GRU, None),
        lambda: forward(GRU, [[1.0, 2.0], [3.0]]),
        lambda: autograd_jacobians(GRU, NAN),
    ],
    "h0": [
        lambda: forward(GRU, X, np.ones(H + 1)),
        lambda: forward(GRU, X, np.full(H, np.nan)),
        lambda: forward(GRU, X, np.ones((1, H))),
        lambda: autograd_backward(GRU, X, np.ones((T, H)), h0=np.ones(2)),
    ],
    "c0": [lambda: forward(GRU, X, c0=np.ones(H)), lambda: forward(LSTM, X, c0=np.ones(H + 1))],
    "trace": [
        lambda: jacobians(GRU),
        lambda: jacobian_paths(None),
        lambda: backward(J, np.ones((T, H))),
        lambda: jacobians(dataclasses.replace(TRACE, h=TRACE.h * np.nan)),
    ],
    "dh": [
        lambda: backward(TRACE, np.ones((T + 1, H))),
        lambda: backward(TRACE, np.ones(H)),
        lambda: state_gradients(TRACE, np.ones(H)),
        lambda: backward(TRACE, np.full((T, H), np.inf)),
        lambda: autograd_backward(GRU, X, np.ones((T, H + 1))),
    ],
    "J": [
        lambda: norms_to_past(J[0]),
        lambda: norms_to_past(J[:, :2]),
        lambda: norms_to_past(J * np.nan),
        lambda: norms_to_past(J[:0]),
        lambda: all_pairs_norms(np.ones((2, 3, 4))),
        lambda: all_pairs_norms(J * np.inf),
        lambda: all_pairs_norms("J"),
        lambda: lyapunov_exponents(J[0]),
        lambda: lyapunov_exponents(J + 1j),
    ],
    "ord": [lambda: norms_to_past(J, ord="spectral"), lambda: norms_to_past(J, ord=7)],
    "interval": [lambda: lyapunov_exponents(J, interval=0), lambda: lyapunov_exponents(J, interval=1.5)],
    "module": [
        lambda: to_params(torch.nn.Linear(2, 3)),
        lambda: to_params(torch.nn.GRU(2, 3, num_layers=2)),
        lambda: to_params(torch.nn.LSTM(2, 3, bidirectional=True)),
        lambda: to_params(torch.nn.LSTM(2, 3, proj_size=2)),
        lambda: to_params(torch.nn.GRUCell(2, 3)),
        lambda: to_params(None),
    ],
    "params": [lambda: to_module(torch.nn.GRU(2, 3)), lambda: autograd_jacobians(None, X)],
    "T": [lambda: tasks.noise(0, 2)],
    "D": [lambda: tasks.noise(2, -2)],
    "sentence": [lambda: tasks.one_hot(["dog"], ["cat"])],
    "year": [lambda: tasks.weather(2011), lambda: tasks.weather("2012")],
    "values": [lambda: tasks.standardise(np.ones((5, 2))), lambda: tasks.standardise(NAN)],
    "alt": [lambda: figures.show(None, alt=""), lambda: figures.show(None, alt="a figure")],
    "name": [lambda: check("99 nothing", 1.0)],
}


@pytest.mark.parametrize(("argument", "call"), [(name, call) for name, calls in BAD.items() for call in calls])
def test_bad_input_is_named(argument, call):
    with pytest.raises(ValueError, match=rf"^{argument}: got .*wants|^Wh: the state overflowed"):
        call()
