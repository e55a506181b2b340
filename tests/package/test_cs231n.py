"""RNN and LSTM against numbers that others published: those of assignment 3 of Stanford's CS231n, spring 2017.

Its notebooks RNN_Captioning.ipynb and LSTM_Captioning.ipynb (https://cs231n.github.io/assignments2017/assignment3/)
state what comes out of inputs made with np.linspace. Many students' own layers have met these numbers, and none of them
knows our code. We want every digit that is printed: states to half a unit of the eighth decimal, losses to half a unit
of the eleventh. For the states that is as much as the notebooks' relative errors of 1e-8 to 1e-7 say, for the losses
it is more. A GRU doesn't occur there.
"""

import numpy as np
import pytest

from course_utils.cells import Params, forward

# CS231n stacks columns, and the LSTM's blocks in another order: i, f, o, g. We stack rows: i, f, g, o.
ORDER = {"RNN": [0], "LSTM": [0, 1, 3, 2]}


def spaced(start, stop, *shape):
    """Their inputs: evenly spaced numbers, filled into this shape row by row."""
    return np.linspace(start, stop, num=np.prod(shape)).reshape(shape)


def params_of(kind, Wx, Wh, b):
    """Our Params from their Wx (D, kH), Wh (H, kH) and their only bias b (kH,)."""

    def rows(columns):
        blocks = np.split(columns, len(ORDER[kind]), axis=-1)
        return np.concatenate([blocks[block] for block in ORDER[kind]], axis=-1).T

    return Params(kind, rows(Wx), rows(Wh), rows(b), np.zeros(len(b)))


def traces_of(p, x, h0, c0=None):
    """One trace for each sequence of the batch x (N, T, D)."""
    return [forward(p, x[n], h0[n], None if c0 is None else c0[n]) for n in range(len(x))]


def assert_digits(ours, theirs, decimals):
    """No entry is further off than half a unit of the last decimal printed (and 1e-14 for the rounding of both)."""
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=0.5 * 10.0**-decimals + 1e-14, strict=True)


def test_rnn_step():
    N, D, H = 3, 10, 4
    p = params_of("RNN", spaced(-0.1, 0.9, D, H), spaced(-0.3, 0.7, H, H), spaced(-0.2, 0.4, H))
    traces = traces_of(p, spaced(-0.4, 0.7, N, 1, D), spaced(-0.2, 0.5, N, H))
    theirs = [
        [-0.58172089, -0.50182032, -0.41232771, -0.31410098],
        [0.66854692, 0.79562378, 0.87755553, 0.92795967],
        [0.97934501, 0.99144213, 0.99646691, 0.99854353],
    ]
    assert_digits(np.array([trace.h[1] for trace in traces]), np.array(theirs), decimals=8)


def test_rnn_sequence():
    N, T, D, H = 2, 3, 4, 5
    p = params_of("RNN", spaced(-0.2, 0.4, D, H), spaced(-0.4, 0.1, H, H), spaced(-0.7, 0.1, H))
    traces = traces_of(p, spaced(-0.1, 0.3, N, T, D), spaced(-0.3, 0.1, N, H))
    theirs = [
        [
            [-0.42070749, -0.27279261, -0.11074945, 0.05740409, 0.22236251],
            [-0.39525808, -0.22554661, -0.0409454, 0.14649412, 0.32397316],
            [-0.42305111, -0.24223728, -0.04287027, 0.15997045, 0.35014525],
        ],
        [
            [-0.55857474, -0.39065825, -0.19198182, 0.02378408, 0.23735671],
            [-0.27150199, -0.07088804, 0.13562939, 0.33099728, 0.50158768],
            [-0.51014825, -0.30524429, -0.06755202, 0.17806392, 0.40333043],
        ],
    ]
    assert_digits(np.array([trace.h[1:] for trace in traces]), np.array(theirs), decimals=8)


def test_lstm_step():
    N, D, H = 3, 4, 5
    p = params_of("LSTM", spaced(-2.1, 1.3, D, 4 * H), spaced(-0.7, 2.2, H, 4 * H), spaced(0.3, 0.7, 4 * H))
    traces = traces_of(p, spaced(-0.4, 1.2, N, 1, D), spaced(-0.3, 0.7, N, H), spaced(-0.4, 0.9, N, H))
    their_h = [
        [0.24635157, 0.28610883, 0.32240467, 0.35525807, 0.38474904],
        [0.49223563, 0.55611431, 0.61507696, 0.66844003, 0.7159181],
        [0.56735664, 0.66310127, 0.74419266, 0.80889665, 0.858299],
    ]
    their_c = [
        [0.32986176, 0.39145139, 0.451556, 0.51014116, 0.56717407],
        [0.66382255, 0.76674007, 0.87195994, 0.97902709, 1.08751345],
        [0.74192008, 0.90592151, 1.07717006, 1.25120233, 1.42395676],
    ]
    assert_digits(np.array([trace.h[1] for trace in traces]), np.array(their_h), decimals=8)
    assert_digits(np.array([trace.c[1] for trace in traces]), np.array(their_c), decimals=8)


def test_lstm_sequence():
    N, D, H, T = 2, 5, 4, 3
    p = params_of("LSTM", spaced(-0.2, 0.9, D, 4 * H), spaced(-0.3, 0.6, H, 4 * H), spaced(0.2, 0.7, 4 * H))
    traces = traces_of(p, spaced(-0.4, 0.6, N, T, D), spaced(-0.4, 0.8, N, H))
    theirs = [
        [
            [0.01764008, 0.01823233, 0.01882671, 0.0194232],
            [0.11287491, 0.12146228, 0.13018446, 0.13902939],
            [0.31358768, 0.33338627, 0.35304453, 0.37250975],
        ],
        [
            [0.45767879, 0.4761092, 0.4936887, 0.51041945],
            [0.6704845, 0.69350089, 0.71486014, 0.7346449],
            [0.81733511, 0.83677871, 0.85403753, 0.86935314],
        ],
    ]
    assert_digits(np.array([trace.h[1:] for trace in traces]), np.array(theirs), decimals=8)


@pytest.mark.parametrize(
    "kind, features, theirs", [("RNN", (-1.5, 0.3), 9.83235591003), ("LSTM", (-0.5, 1.7), 9.82445935443)]
)
def test_captioning_loss(kind, features, theirs):
    """A picture's features start the state, each word is read and the next one guessed; 0 is no word and not scored."""
    N, D, W, H, V, T = 10, 20, 30, 40, 3, 13
    k = len(ORDER[kind])

    def weights(*shape):
        return spaced(-1.4, 1.3, *shape)

    captions = (np.arange(N * T) % V).reshape(N, T)
    h0 = spaced(*features, N, D) @ weights(D, H) + weights(H)
    words = weights(V, W)[captions[:, :-1]]
    traces = traces_of(params_of(kind, weights(W, k * H), weights(H, k * H), weights(k * H)), words, h0)

    scores = np.array([trace.h[1:] for trace in traces]) @ weights(H, V) + weights(V)
    log_share = scores - np.log(np.exp(scores).sum(-1, keepdims=True))
    wanted = captions[:, 1:]
    of_wanted = np.take_along_axis(log_share, wanted[:, :, None], axis=-1)[:, :, 0]
    assert_digits(-of_wanted[wanted != 0].sum() / N, np.float64(theirs), decimals=11)
