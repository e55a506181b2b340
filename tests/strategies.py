"""Random networks for hypothesis: every kind, activation and reset mode, H = 1 and T = 1 included."""

import numpy as np
from hypothesis import strategies as st

from course_utils.cells import init_params

VARIANTS = [
    {"kind": "RNN", "activation": "tanh"},
    {"kind": "RNN", "activation": "sigmoid"},
    {"kind": "RNN", "activation": "relu"},
    {"kind": "GRU", "reset": "before"},
    {"kind": "GRU", "reset": "after"},
    {"kind": "LSTM"},
]
ANALYTIC = [variant for variant in VARIANTS if variant.get("activation") != "relu"]


@st.composite
def runs(draw, variants=VARIANTS, dtype=np.float64):
    """Arguments of a forward pass and what the loss asks of each state: params, x, h0, c0, dh."""
    T, D, H = draw(st.integers(1, 7)), draw(st.integers(1, 5)), draw(st.integers(1, 6))
    seed = draw(st.integers(0, 2**20))
    rng = np.random.default_rng(seed)
    recurrent = draw(st.sampled_from(["uniform", "orthogonal", "gaussian"]))
    params = init_params(
        input_size=D, hidden_size=H, seed=seed, recurrent=recurrent, dtype=dtype, **draw(st.sampled_from(variants))
    )
    x, h0, dh = rng.standard_normal((T, D)), rng.standard_normal(H), rng.standard_normal((T, H))
    c0 = rng.standard_normal(H).astype(dtype) if params.kind == "LSTM" else None
    return params, x.astype(dtype), h0.astype(dtype), c0, dh.astype(dtype)


def assert_close(got, wanted, rtol=1e-12):
    """Every entry within rtol of the largest wanted one."""
    got, wanted = np.asarray(got), np.asarray(wanted)
    assert got.shape == wanted.shape
    assert np.max(np.abs(got - wanted), initial=0) <= rtol * np.max(np.abs(wanted), initial=0), (got, wanted)
