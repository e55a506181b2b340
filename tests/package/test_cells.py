"""The forward pass against torch's own layers, the initial distributions against their definitions."""

import ast
import copy
import inspect
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_utils import cells, gradients
from course_utils.cells import BLOCKS, GATES, Params, Trace, forward, init_params, sigmoid
from course_utils.torch_bridge import CellLoop, to_module, to_params
from tests.notebook import LESSONS, defines, folded_solutions, read
from tests.strategies import VARIANTS, assert_close, runs


def run_torch(params, x, h0, c0):
    """States (T+1, H) of the torch module that `params` stands for."""
    module = to_module(params)
    state = torch.from_numpy(h0)[None]
    if params.kind == "LSTM":
        state = (state, torch.from_numpy(c0)[None])
    with torch.no_grad():
        out, _ = module(torch.from_numpy(x), state)
    return np.concatenate([h0[None], out.numpy()])


@given(runs())
def test_forward_equals_torch(run):
    params, x, h0, c0, _ = run
    trace = forward(params, x, h0, c0)
    assert_close(trace.h, run_torch(params, x, h0, c0))
    assert trace.h.dtype == np.float64
    assert {name: values.shape for name, values in trace.gates.items()} == {
        name: (len(x), params.hidden_size) for name in GATES[params.kind]
    }


@given(runs(dtype=np.float32))
def test_float32_stays_float32(run):
    params, x, h0, c0, _ = run
    trace = forward(params, x, h0, c0)
    assert {a.dtype for a in [trace.h, *trace.gates.values()]} == {np.dtype(np.float32)}
    assert_close(trace.h, run_torch(params, x, h0, c0), rtol=1e-5)
    assert forward(params, x).h.dtype == np.float32  # states that nobody hands in are float32, too
    assert forward(params, x.astype(np.float64), h0, c0).h.dtype == np.float64


def test_our_loops_are_the_textbook_cells():
    """CellLoop is our own code, so the cells that torch lacks are held against their equations, entry by entry."""
    rng = np.random.default_rng(0)
    p = init_params("GRU", 2, 3, seed=1)
    x, h = rng.standard_normal(2), rng.standard_normal(3)
    a = np.array([[w @ x for w in p.Wx], [w @ h for w in p.Wh]]) + np.array([p.bx, p.bh])
    r, z = 1 / (1 + np.exp(-a[0, :3] - a[1, :3])), 1 / (1 + np.exp(-a[0, 3:6] - a[1, 3:6]))
    n = [np.tanh(a[0, 6 + i] + p.bh[6 + i] + sum(p.Wh[6 + i, j] * r[j] * h[j] for j in range(3))) for i in range(3)]
    assert_close(forward(p, x[None], h).h[1], z * h + (1 - z) * np.array(n), rtol=1e-15)
    s = Params("RNN", [[1.0]], [[2.0]], [0.5], [-0.25], activation="sigmoid")
    assert forward(s, [[3.0]], [0.5]).h[1, 0] == pytest.approx(1 / (1 + np.exp(-4.25)), rel=1e-15)


def test_reset_before_and_after_differ_but_agree_where_the_product_is_diagonal():
    before, after = (init_params("GRU", 2, 3, seed=4, reset=reset) for reset in ("before", "after"))
    x = np.random.default_rng(1).standard_normal((5, 2))
    assert np.abs(forward(before, x).h - forward(after, x).h).max() > 1e-3
    Wh, bh = before.Wh.copy(), before.bh.copy()
    Wh[6:], bh[6:] = np.diag([0.5, -1.0, 2.0]), 0  # r * (W h) = W (r * h) for diagonal W
    traces = [forward(Params("GRU", before.Wx, Wh, before.bx, bh, reset=reset), x) for reset in ("before", "after")]
    assert_close(traces[0].h, traces[1].h, rtol=1e-15)


def test_sigmoid_is_right_where_its_exponential_overflows_and_loses_no_small_values():
    a = np.array([-1e4, -800.0, -40.0, -1.0, 0.0, 1.0, 40.0, 800.0, 1e4])
    with np.errstate(all="raise", under="ignore", over="ignore"):
        got = sigmoid(a)
    assert_close(got, torch.sigmoid(torch.from_numpy(a)).numpy(), rtol=1e-15)
    assert got[2] == pytest.approx(np.exp(-40.0), rel=1e-14)
    assert sigmoid(np.float32([-50, 1000])).dtype == np.float32
    assert sigmoid(np.array([0.3 + 1e-30j])).imag / 1e-30 == pytest.approx(sigmoid(0.3) * (1 - sigmoid(0.3)), rel=1e-14)


def body(source, name):
    """The statements of function `name` in a source text, without docstring and annotations, as text."""
    function = next(node for node in ast.walk(ast.parse(source)) if getattr(node, "name", None) == name)
    is_docstring = isinstance(function.body[0], ast.Expr) and isinstance(function.body[0].value, ast.Constant)
    return [ast.unparse(statement) for statement in function.body[is_docstring:]]


def solution(number, name):
    """The source of function `name` as a lesson's folded solution writes it; one block of it does, and no other."""
    path = next(path for path in LESSONS if path.name.startswith(number))
    (block,) = (block for block in folded_solutions(read(path)) if defines(block, name))
    return block


def test_the_lesson_and_the_package_write_the_gru_in_the_same_lines():
    lesson, package = solution("05", "gru_step"), inspect.getsource(cells)
    assert body(lesson, "gru_step") == body(package, "gru_step")


def test_the_lesson_and_the_package_write_the_slopes_of_the_paths_in_the_same_lines():
    lesson, package = body(solution("06", "four_paths"), "four_paths"), body(inspect.getsource(gradients), "gru_paths")
    slopes = [line for line in package if line.startswith("into_")]
    assert len(slopes) == 2 and set(slopes) <= set(lesson)


@pytest.mark.parametrize("kind", BLOCKS)
def test_params_and_traces_cannot_be_written_to(kind):
    p = init_params(kind, 3, 4)
    trace = forward(p, np.ones((5, 3)))
    arrays = [p.Wx, p.Wh, p.bx, p.bh, *p.Wh_blocks, *p.bh_blocks, trace.x, trace.h, *trace.gates.values()]
    arrays += [] if trace.c is None else [trace.c]
    for array in arrays:
        for seen in (array, array.base):
            with pytest.raises(ValueError, match="read-only"):
                seen[0] = 7
        with pytest.raises(ValueError, match="WRITEABLE"):
            array.setflags(write=True)
    assert all(not array.flags.writeable for array in replace(p, reset="after").Wh_blocks)


@given(st.integers(1, 3), st.integers(1, 5), st.integers(1, 5), st.sampled_from([np.float32, np.float64, complex]))
def test_by_columns_holds_the_same_numbers_from_a_cache_line_on(n, H, D, dtype):
    blocks = [np.random.default_rng(i).standard_normal((H, D)) for i in range(n)]
    stacked = cells.by_columns(blocks, dtype)
    assert np.array_equal(stacked, np.concatenate(blocks).astype(dtype)) and stacked.dtype == dtype
    assert stacked.flags.f_contiguous and stacked.ctypes.data % cells.CACHE_LINE == 0
    with pytest.raises(ValueError, match="read-only"):
        stacked[0] = 7


def test_a_trace_keeps_no_view_of_what_others_can_write_to():
    """A read-only view doesn't protect: its owner can still be written to, be it an array or a buffer."""
    t = forward(init_params("GRU", 3, 4), np.ones((5, 3)))
    memory = bytearray(np.zeros((6, 4)).tobytes())
    for owner in (np.zeros((6, 4)), np.zeros((6, 8))[:, ::2], np.frombuffer(memory).reshape(6, 4)):
        view = owner.view()[:]
        view.flags.writeable = False
        kept = Trace(t.params, t.x, view, {**t.gates, "z": view[1:]})
        owner[:] = 3
        assert not kept.h.any() and not kept.gates["z"].any()
    again = Trace(t.params, t.x, t.h, t.gates)
    assert np.shares_memory(again.h, t.h) and np.shares_memory(again.gates["z"], t.gates["z"])  # nobody can


@pytest.mark.parametrize("dtype", [np.float16, int, None, "no", [1.0, 2.0]])
def test_other_dtypes_are_named(dtype):
    with pytest.raises(ValueError, match="dtype: got"):
        init_params("RNN", 1, 1, dtype=dtype)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
@pytest.mark.parametrize("kind", BLOCKS)
def test_copies_are_protected_too(kind, duplicate):
    """A copy whose weights could be written to would go on computing with the blocks it has cut before."""
    p = init_params(kind, 3, 4)
    trace = forward(p, np.ones((5, 3)))
    p, trace = duplicate(p), duplicate(trace)
    for array in (p.Wh, *p.Wh_blocks, trace.h, trace.params.Wh, *trace.gates.values()):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 7
    with pytest.raises(TypeError):
        trace.gates["z"] = 0


def test_a_trace_and_the_arrays_it_is_made_from_leave_each_other_alone():
    trace = forward(init_params("GRU", 3, 4), np.ones((5, 3)))
    mine = np.zeros((6, 4))
    own = replace(trace, h=mine)
    mine[0] = 1
    assert np.all(own.h == 0)


@pytest.mark.parametrize("kind", ["GRU", "LSTM"])
def test_a_changed_copy_differs_in_one_gates_rows_alone(kind):
    p, H = init_params(kind, 3, 4), 4
    for block, gate in enumerate(GATES[kind]):
        new = p.changed(gate, Wh=2 * p.gate(gate)["Wh"], bx=0.5)
        rows = np.zeros(len(p.bx), bool)
        rows[block * H : (block + 1) * H] = True
        assert np.array_equal(new.Wh, np.where(rows[:, None], 2 * p.Wh, p.Wh))
        assert np.array_equal(new.bx, np.where(rows, 0.5, p.bx))
        assert np.array_equal(new.Wx, p.Wx) and np.array_equal(new.bh, p.bh)
        assert np.array_equal(new.gate(gate)["Wh"], new.Wh_blocks[block])
    assert p.changed(reset="after").reset == "after" and p.changed().Wh is not p.Wh


@pytest.mark.parametrize("kind", BLOCKS)
def test_default_init_is_torchs(kind):
    torch.manual_seed(0)
    p, module = init_params(kind, 7, 400, seed=3), getattr(torch.nn, kind)(7, 400)
    for ours, theirs in zip((p.Wx, p.Wh, p.bx, p.bh), module.parameters(), strict=True):
        assert ours.shape == tuple(theirs.shape)
        for values in (ours, theirs.detach().numpy()):
            assert np.abs(values).max() <= 400**-0.5
            assert values.std() == pytest.approx(400**-0.5 / 3**0.5, rel=0.1)
    again, other = init_params(kind, 7, 400, seed=3), init_params(kind, 7, 400, seed=4)
    assert np.array_equal(p.Wh, again.Wh) and not np.array_equal(p.Wh, other.Wh)


@pytest.mark.parametrize("kind", BLOCKS)
def test_recurrent_inits(kind):
    blocks = init_params(kind, 2, 40, recurrent="orthogonal", gain=1.5).Wh.reshape(-1, 40, 40)
    assert_close(np.swapaxes(blocks, 1, 2) @ blocks, np.tile(2.25 * np.eye(40), (len(blocks), 1, 1)))
    assert init_params(kind, 2, 40, recurrent="gaussian").Wh.std() == pytest.approx(40**-0.5, rel=0.1)
    identity = init_params(kind, 2, 40, recurrent="identity").Wh
    assert np.array_equal(identity.reshape(-1, 40, 40), np.tile(np.eye(40), (BLOCKS[kind], 1, 1)))


@pytest.mark.parametrize("kind", ["GRU", "LSTM"])
def test_biases_of_the_keeping_gate(kind):
    keep, H = "z" if kind == "GRU" else "f", 200
    still = np.zeros((1, 3))
    opened = forward(init_params(kind, 3, H, gate_bias=3.0), still).gates[keep]
    assert_close(opened, np.full((1, H), 1 / (1 + np.exp(-3.0))))
    p = init_params(kind, 3, H, chrono=100)
    b = (p.bx + p.bh)[H : 2 * H]
    lifetimes = np.exp(b)  # U(1, 99), so its mean is 50 and its standard deviation 98/√12
    assert 1 <= lifetimes.min() and lifetimes.max() <= 99
    assert lifetimes.mean() == pytest.approx(50, abs=4 * 98 / 12**0.5 / H**0.5)
    if kind == "LSTM":
        assert_close((p.bx + p.bh)[:H], -b)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
@given(seed=st.integers(0, 1000))
def test_torch_round_trip(variant, seed):
    params = init_params(input_size=3, hidden_size=4, seed=seed, **variant)
    back = to_params(to_module(params))
    assert (back.kind, back.Wh.dtype) == (params.kind, params.Wh.dtype)
    assert all(np.array_equal(getattr(back, name), getattr(params, name)) for name in ("Wx", "Wh", "bx", "bh"))
    assert back.activation == params.activation if params.kind == "RNN" else True
    assert back.reset == params.reset if params.kind == "GRU" else True


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_training_a_module_leaves_the_params_it_came_from_alone(variant):
    params = init_params(input_size=3, hidden_size=4, **variant)
    before, module = params.Wh.copy(), to_module(params)
    with torch.no_grad():
        for weights in module.parameters():
            weights.add_(1)
    assert np.array_equal(params.Wh, before)


def test_modules_are_torchs_own_where_torch_has_them():
    assert type(to_module(init_params("GRU", 2, 3, reset="after"))) is torch.nn.GRU
    assert type(to_module(init_params("GRU", 2, 3, reset="before"))) is CellLoop
    assert to_params(torch.nn.GRU(2, 3, bias=False)).bh.tolist() == [0.0] * 9
    assert to_params(torch.nn.RNN(2, 3, nonlinearity="relu").double()).activation == "relu"


def test_params_do_not_share_memory_with_their_source():
    Wh = np.eye(3)
    p = Params("RNN", np.ones((3, 2)), Wh, np.zeros(3), np.zeros(3))
    Wh[:] = 7
    assert np.array_equal(p.Wh, np.eye(3))
    layer = torch.nn.GRU(2, 3)
    copied = to_params(layer)
    before = copied.Wh.copy()
    with torch.no_grad():
        layer.weight_hh_l0.zero_()
    assert np.array_equal(copied.Wh, before)
