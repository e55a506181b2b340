"""`probe` against torch's autograd, on random architectures and on whole models, and the model that it leaves behind.

The oracle takes the same layers once more, a sequence and a step at a time, with the torch step of tests/oracles.py.
"""

import functools
import random
import tracemalloc
import warnings
from collections import Counter, deque
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import prune
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pack_sequence, pad_packed_sequence

from course_utils import _replay
from course_utils.cells import GATES, Params, forward
from course_utils.gradients import jacobians
from course_utils.norms import lyapunov_exponents, norms_to_past
from course_utils.probe import open_gate, orthogonal, probe
from course_utils.torch_bridge import to_params
from tests import oracles
from tests.notebook import stored_with_bars

KINDS = ("RNN tanh", "RNN relu", "GRU", "LSTM", "LSTM proj")
TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-4, torch.bfloat16: 0.1, torch.float16: 0.02}


# ---------------------------------------------------------------------------------------------------------------------
# Random architectures


@dataclass
class Drawn:
    """An architecture, its batch, and what the oracle has to know of both."""

    model: nn.Module
    batch: object
    rnn: nn.Module  # holds the weights
    x: torch.Tensor  # (T, B, D) what the first layer reads, float64
    starts: list  # h0 (and c0), (layers * directions, B, .) float64
    lengths: list
    packed: bool
    options: dict  # for probe
    read: nn.Module  # from outputs to what the loss reads
    r: torch.Tensor  # the loss is a random linear function of that, at each own step
    dtype: torch.dtype


class Wrapped(nn.Module):
    """A larger model: something in front, the layers, a readout."""

    def __init__(self, rnn, D, width):
        super().__init__()
        self.front, self.rnn, self.read = nn.Linear(D, D), rnn, nn.Linear(width, 3)

    def forward(self, x):
        if isinstance(x, PackedSequence):
            out = self.rnn(x._replace(data=self.front(x.data)))[0]
            return out._replace(data=self.read(out.data))
        return self.read(self.rnn(self.front(x))[0])


class Loop(nn.Module):
    """A loop over a cell, as people write it; `between` is what is done to the state between two steps."""

    def __init__(self, cell, between=None):
        super().__init__()
        self.cell, self.between = cell, between

    def forward(self, x):
        state = x.new_zeros(x.shape[1], self.cell.hidden_size)
        pair = (state, state)
        outs = []
        for xt in x:
            if isinstance(self.cell, nn.LSTMCell):
                pair = self.cell(xt, pair)
                outs.append(pair[0])
            else:
                state = self.cell(xt, state)
                outs.append(state)
                state = state if self.between is None else self.between(state)
        return torch.stack(outs)


@st.composite
def architectures(draw):
    kind, dtype = draw(st.sampled_from(KINDS)), draw(st.sampled_from([*TOLERANCE, torch.float64]))
    T, B, D, H = draw(st.integers(1, 5)), draw(st.integers(1, 3)), draw(st.integers(1, 4)), draw(st.integers(2, 4))
    layers, both = draw(st.integers(1, 3)), draw(st.booleans())
    wrapper = draw(st.sampled_from(["bare", "bare with h0", "model", "subclass", "compiled", "loop"]))
    torch.manual_seed(draw(st.integers(0, 2**20)))
    lengths = [draw(st.integers(1, T)) for _ in range(B)]
    lengths[draw(st.integers(0, B - 1))] = T
    form = draw(st.sampled_from(["whole", "packed", "lengths"]))
    options = {"bias": draw(st.booleans())}
    if kind.startswith("RNN"):
        options["nonlinearity"] = kind[4:]
    if wrapper == "loop" and kind != "LSTM proj":
        layers, both, form = 1, False, "whole"
        cell = getattr(nn, kind[:4].strip() + "Cell")(D, H, **options).to(dtype)
        batch_first, model, rnn = False, Loop(cell), cell
    else:
        batch_first = draw(st.booleans())
        proj = {"proj_size": draw(st.integers(1, H - 1))} if kind == "LSTM proj" else {}
        made = getattr(nn, kind[:4].strip())
        if wrapper == "subclass":
            made = type("Mine", (made,), {"forward": lambda self, *args: super(type(self), self).forward(*args)})
        rnn = made(D, H, layers, batch_first=batch_first, bidirectional=both, **options, **proj).to(dtype)
        model = rnn
        if wrapper == "model":
            model = Wrapped(rnn, D, (2 if both else 1) * (rnn.proj_size or H)).to(dtype)
        elif wrapper == "compiled":
            model = torch.compile(rnn)
    x = torch.randn(T, B, D).to(dtype)
    if form == "whole":
        lengths = [T] * B
    given_x = x.transpose(0, 1).contiguous() if batch_first else x
    if form == "packed":
        given_x = pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False)
    P, directions = getattr(rnn, "proj_size", 0) or H, 2 if both else 1
    starts = [torch.zeros(layers * directions, B, width).to(dtype) for width in ((P, H) if "LSTM" in kind else (P,))]
    batch = given_x
    if wrapper == "bare with h0":
        starts = [torch.randn_like(start) for start in starts]
        batch = (given_x, tuple(starts) if "LSTM" in kind else starts[0])
    read = model.read if isinstance(model, Wrapped) else nn.Identity()
    inside = x if not isinstance(model, Wrapped) else model.front(x)
    return Drawn(
        model,
        batch,
        rnn,
        inside.detach().double(),
        [start.double() for start in starts],
        lengths,
        form == "packed",
        {"lengths": lengths} if form == "lengths" else {},
        read,
        torch.randn(T, B, 3 if isinstance(model, Wrapped) else directions * P).double(),
        dtype,
    )


def own_loss(drawn):
    """The random linear function, of the model's output."""

    def loss(output):
        output = output[0] if isinstance(output, tuple) and not isinstance(output, PackedSequence) else output
        if isinstance(output, PackedSequence):
            output = pad_packed_sequence(output)[0]
        elif getattr(drawn.rnn, "batch_first", False):
            output = output.transpose(0, 1)
        return sum((output[:n, b].double() * drawn.r[:n, b]).sum() for b, n in enumerate(drawn.lengths))

    return loss


def weights_of(rnn, layer, direction):
    """{name: float64} of one layer in one direction, as torch names them without their endings."""
    end = f"_l{layer}{'_reverse' if direction == 'backward' else ''}"
    named = {name: p.detach().double() for name, p in rnn.named_parameters()}
    if not any("_l" in name for name in named):  # a cell
        return named
    return {name.removesuffix(end): p for name, p in named.items() if name.endswith(end)}


def as_params(weights, rnn):
    """Params of them; with projections, of the LSTM over (s, c)."""
    kind = next(
        kind
        for kind in GATES
        if kind in next(c.__name__ for c in type(rnn).__mro__ if c.__module__.startswith("torch"))
    )
    Wh = weights["weight_hh"] @ weights["weight_hr"] if "weight_hr" in weights else weights["weight_hh"]
    zeros = torch.zeros(len(Wh), dtype=torch.float64)
    return Params(
        kind,
        weights["weight_ih"].numpy(),
        Wh.numpy(),
        weights.get("bias_ih", zeros).numpy(),
        weights.get("bias_hh", zeros).numpy(),
        activation=getattr(rnn, "nonlinearity", "tanh"),
        reset="after" if kind == "GRU" else "before",
    )


def by_the_oracle(drawn):
    """{(layer, direction): [per sequence (params, xs, steps)]}, nodes of one graph, and the loss."""
    rnn = drawn.rnn
    layers, both = getattr(rnn, "num_layers", 1), getattr(rnn, "bidirectional", False)
    below = [drawn.x[:n, b].clone().requires_grad_() for b, n in enumerate(drawn.lengths)]
    found, padded = {}, not drawn.packed
    if padded:  # the layers read the padding, too
        below = [drawn.x[:, b].clone().requires_grad_() for b in range(drawn.x.shape[1])]
    for layer in range(layers):
        outs = [[] for _ in below]
        for direction in ("forward", "backward") if both else ("forward",):
            weights = weights_of(rnn, layer, direction)
            params, place = as_params(weights, rnn), layer * (2 if both else 1) + (direction == "backward")
            project = weights.get("weight_hr")
            for b, x in enumerate(below):
                xs = (x.flip(0) if direction == "backward" else x).clone()
                h0, *c0 = (start[place, b].clone().requires_grad_() for start in drawn.starts)
                if project is not None:
                    h0 = torch.linalg.pinv(project) @ h0
                steps = oracles.unroll(params, xs, h0, *c0)
                # the oracle's h is s where there is a projection
                shown = torch.stack([step.h if project is None else project @ step.h for step in steps[1:]])
                found.setdefault((layer + 1, direction), []).append((params, xs, steps))
                outs[b].append(shown.flip(0) if direction == "backward" else shown)
        below = [torch.cat(parts, dim=-1) for parts in outs]
    read = drawn.read
    if isinstance(read, nn.Linear):
        below = [out @ read.weight.detach().double().T + read.bias.detach().double() for out in below]
    return found, sum(
        (out[:n] * drawn.r[:n, b]).sum() for b, (out, n) in enumerate(zip(below, drawn.lengths, strict=True))
    )


def check_close(got, wanted, tolerance, floor=0.0):
    got, wanted = np.asarray(got), np.asarray(wanted)
    assert got.shape == wanted.shape
    assert np.max(np.abs(got - wanted)) <= tolerance * max(np.max(np.abs(wanted)), floor), (got, wanted)


@settings(max_examples=40, deadline=None)
@given(architectures())
def test_random_architectures_agree_with_autograd_and_are_left_alone(drawn):
    before = fingerprint(drawn.model)
    report = probe(drawn.model, drawn.batch, loss=own_loss(drawn), **drawn.options)
    assert fingerprint(drawn.model) == before
    found, loss = by_the_oracle(drawn)
    assert len(report.layers) == len(found)
    tolerance = TOLERANCE[drawn.dtype]
    assert abs(report.loss - loss.item()) <= tolerance * drawn.r.abs().sum() * max(1, np.abs(report.loss))
    top = max(drawn.r.abs().max().item(), 1e-3)
    for layer in report.layers:
        sequences = found[layer.layer, layer.direction]
        assert layer.lengths.tolist() == drawn.lengths
        gates = {name: [] for name in GATES[layer.kind]}
        for b, (_, xs, steps) in enumerate(sequences):
            n = drawn.lengths[b]
            skip = len(xs) - n if layer.direction == "backward" else 0  # padding, which came first
            (dx,) = torch.autograd.grad(loss, [xs], retain_graph=True)
            check_close(layer.grad_x[b, :n][::-1], dx.norm(dim=1)[skip : skip + n], tolerance, top)
            if "proj" not in str(drawn.rnn):
                dh = [torch.autograd.grad(loss, [step.h], retain_graph=True, allow_unused=True)[0] for step in steps]
                dh = [0.0 if grad is None else grad.norm().item() for grad in dh]
                check_close(layer.grad_h[b, : n + 1][::-1], dh[skip : skip + n + 1], tolerance, top)
            assert np.isnan(layer.grad_h[b, n + 1 :]).all() and np.isnan(layer.grad_x[b, n:]).all()
            for name in gates:
                gates[name] += [step.gates[name].detach() for step in steps[skip + 1 : skip + n + 1]]
        for name, values in gates.items():
            check_close(layer.gates[name].mean, torch.stack(values).mean(0), 1e-9)
        for row, b in zip(layer.reach, layer.rows, strict=True):
            check_reach(row, *sequences[b], n=drawn.lengths[b], backward=layer.direction == "backward")


def check_reach(row, params, xs, steps, n, backward):
    """‖∂state_T/∂state_k‖ by torch's own Jacobian over all steps from k to T, of every k."""
    xs, steps = (xs.detach()[-n:], steps[-n - 1 :]) if backward else (xs.detach()[:n], steps[: n + 1])
    for lag in range(n + 1):
        state = steps[n - lag].state.detach()
        J = torch.func.jacrev(lambda s, lag=lag: oracles.last_state(params, xs[n - lag :], s))(state)
        norm = torch.linalg.matrix_norm(J).item()
        assert np.exp(row[lag]) == pytest.approx(norm, rel=1e-7, abs=1e-14)
    assert np.isnan(row[n + 1 :]).all()


# ---------------------------------------------------------------------------------------------------------------------
# The model is left as it was


def as_bytes(tensor):
    return tensor.detach().reshape(-1).view(torch.uint8).numpy().tobytes()


def fingerprint(model):
    """All that must not change: numbers bit for bit, attributes, hooks, modes, random states."""
    torch_state, (name, keys, *rest) = torch.get_rng_state().numpy().tobytes(), np.random.get_state()  # noqa: NPY002
    found = [torch_state, name, keys.tobytes(), rest, random.getstate()]
    for module in model.modules():
        for key, value in vars(module).items():
            found.append((key, type(value), id(value)))
            if isinstance(value, dict | list | set):
                found += [(repr(k), id(value[k])) for k in value] if isinstance(value, dict) else [list(map(id, value))]
            inside = value.values() if isinstance(value, dict) else [value]
            for tensor in (t for t in inside if isinstance(t, torch.Tensor)):
                found.append((as_bytes(tensor), tensor.requires_grad))
    for p in model.parameters():
        found.append(None if p.grad is None else (id(p.grad), as_bytes(p.grad)))
    return found


class Restless(nn.Module):
    """Everything that a forward pass can change."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(3)
        self.rnn = nn.LSTM(3, 4, 2, dropout=0.5)
        self.cell = nn.GRUCell(4, 4)
        self.read = nn.utils.parametrizations.spectral_norm(nn.Linear(4, 2))
        self.drop = nn.Dropout(0.3)
        self.count, self.carried, self.seen, self.table = 0, None, [], {}
        self.register_buffer("steps", torch.zeros(()), persistent=False)
        self.kept = torch.zeros(4)

    def forward(self, x):
        self.count += 1
        self.seen.append(x)
        self.table["last"] = x
        self.steps += 1
        x = self.norm(x.flatten(0, 1)).view(x.shape) + np.random.rand() + random.random()  # noqa: NPY002
        out, self.carried = self.rnn(x, self.carried)
        self.kept.add_(1)
        self.kept.data[0] = 5
        self.read.bias.data += 1
        h = self.cell(self.drop(out[-1]))
        self.extra = h.detach()
        return self.read(h)


@pytest.mark.parametrize("training", [True, False])
def test_whatever_a_forward_pass_changes_is_put_back(training):
    torch.manual_seed(0)
    model = Restless().train(training)
    called = []
    model.rnn.register_forward_hook(lambda *args: called.append(1))
    model.read.register_full_backward_hook(lambda *args: called.append(1))
    x = torch.randn(5, 2, 3)
    model(x).sum().backward()
    model.carried = tuple(state.detach() for state in model.carried)
    before, batch = fingerprint(model), x.clone()
    for _ in range(2):
        probe(model, x)
        assert fingerprint(model) == before
    assert torch.equal(x, batch) and x.grad is None
    with pytest.raises(ValueError, match="loss"):
        probe(model, x, loss=lambda output: output)
    assert fingerprint(model) == before
    hooks = torch.nn.modules.module
    assert not hooks._global_forward_hooks and not hooks._global_forward_pre_hooks


class Freezing(nn.Module):
    """Switches what is learned, as in a warm-up."""

    def __init__(self):
        super().__init__()
        self.rnn, self.read = nn.GRU(3, 4), nn.Linear(4, 2)

    def forward(self, x):
        self.read.bias.requires_grad_(False)
        self.read.weight.requires_grad_(True)
        return self.read(self.rnn(x)[0])


def test_what_is_learned_stays_so():
    model = Freezing()
    model.read.weight.requires_grad_(False)
    probe(model, torch.randn(5, 2, 3))
    assert [p.requires_grad for p in model.read.parameters()] == [False, True]


class Hoarding(nn.Module):
    """Holds what changes in containers, and draws from generators of its own."""

    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(3, 4)
        self.nested = {"a": [1, {"b": torch.zeros(2)}], "c": deque([torch.zeros(2)], maxlen=2)}
        self.pair, self.array, self.counts = ([torch.zeros(2)], torch.zeros(2)), np.zeros(3), Counter("ab")
        self.bench, self.kept = [nn.Linear(3, 3)], {1, 2}  # a module that torch doesn't know of
        self.register_buffer("graph", torch.eye(3).to_sparse())
        self.odd = [torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)]), torch.zeros(2, device="meta")]
        self.frozen = np.zeros(2)
        self.frozen.flags.writeable = False
        self.nested["itself"] = self.nested
        self.draws = [torch.Generator().manual_seed(1)]
        self.others = {
            "new": np.random.default_rng(1),
            "old": np.random.RandomState(1),
            "plain": random.Random(1),
            "system": random.SystemRandom(),
        }

    def forward(self, x):
        self.nested["a"][1]["b"] += 1
        self.nested["a"].append(2)
        self.nested["c"][0].data.add_(1)
        self.nested["c"] += [x, x]
        self.pair[0][0].sub_(1)
        self.pair[0].append(x)
        self.pair[1].mul_(0).add_(3)
        self.array += 1
        self.counts["a"] += 1
        self.graph.mul_(2)
        self.kept.add(3)
        self.bench[0].weight.data += 1
        self.bench[0].extra = x
        torch.rand(1, generator=self.draws[0])
        for draws in self.others.values():
            draws.random()
        return self.rnn(x)

    def seen(self):
        """All of it, as text, and who is who."""
        deep = [self.nested["a"][1]["b"], self.nested["c"][0], self.pair[0][0], self.pair[1], self.array]
        states = [self.draws[0].get_state().tolist(), self.others["new"].bit_generator.state]
        states += [str(self.others["old"].get_state()), self.others["plain"].getstate()]
        whole = [
            *deep,
            self.graph.to_dense(),
            len(self.nested["a"]),
            len(self.nested["c"]),
            len(self.pair[0]),
            self.counts,
            self.kept,
        ]
        return str([*whole, *vars(self.bench[0]), self.bench[0].weight.tolist(), list(map(id, deep)), states])


def test_what_stands_in_containers_and_generators_of_the_model_is_put_back():
    torch.manual_seed(0)
    model, x = Hoarding(), torch.randn(5, 2, 3)
    before = model.seen()
    first = probe(model, x)
    assert model.seen() == before
    assert probe(model, x).loss == first.loss
    model(x)
    assert model.seen() != before


def test_grad_mode_and_inference_mode_stay():
    rnn, x = nn.GRU(2, 3), torch.randn(4, 1, 2)
    with torch.no_grad():
        assert probe(rnn, x).layers[0].grad_h.max() > 0
        assert not torch.is_grad_enabled()
    rnn.requires_grad_(False)
    assert probe(rnn, x).layers[0].grad_h.max() > 0


DEVICES = [
    name for name, there in (("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available())) if there
]


@pytest.mark.parametrize("device", DEVICES)
def test_a_model_on_another_device_gives_the_same_report_and_stays_there(device):
    """Where there is such a device; on a machine without one, this test has no cases."""
    torch.manual_seed(0)
    model, x = nn.GRU(3, 4, 2, bidirectional=True, dropout=0.3), torch.randn(6, 2, 3)
    packed = pack_padded_sequence(x, torch.tensor([4, 6]), enforce_sorted=False)
    on_cpu = probe(model.eval(), packed)
    states = torch.get_device_module(device).get_rng_state()
    on_device = probe(model.to(device), packed.to(device))
    assert torch.equal(torch.get_device_module(device).get_rng_state(), states)
    assert {p.device.type for p in model.parameters()} == {device}
    for one, other in zip(on_cpu.layers, on_device.layers, strict=True):
        assert np.allclose(one.reach, other.reach, equal_nan=True)
        assert np.allclose(one.grad_x, other.grad_x, rtol=1e-5, equal_nan=True)
    open_gate(model, lag=10)
    assert min(layer.half_life for layer in probe(model.train(), packed.to(device)).layers) > 0
    loop = Loop(OwnCell()).to(device)
    assert np.isfinite(probe(loop, x.to(device)).layers[0].reach[:, :6]).all()


# ---------------------------------------------------------------------------------------------------------------------
# Whole models, by differences


class CharacterModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.rnn, self.read = nn.Embedding(7, 3), nn.GRU(3, 4, 2, batch_first=True), nn.Linear(4, 7)

    def forward(self, tokens):
        return self.read(self.rnn(self.embed(tokens))[0])


def test_gradients_and_reach_are_what_differences_of_the_untouched_model_say():
    """Nothing of ours runs in these differences: torch's fused layers, a change of one input or one state at a time."""
    torch.manual_seed(1)
    model, tokens = CharacterModel().double(), torch.randint(0, 7, (2, 6))
    targets, ε = torch.randint(0, 7, (2, 6)), 1e-5

    def loss(output):
        return nn.functional.cross_entropy(output.flatten(0, 1), targets.flatten())

    report = probe(model, tokens, loss=loss)
    with torch.no_grad():
        x, dx = model.embed(tokens), np.zeros((2, 6, 3))
        for place in np.ndindex(dx.shape):
            ends = []
            for sign in (1, -1):
                moved = x.clone()
                moved[place] += sign * ε
                ends.append(loss(model.read(model.rnn(moved)[0])).item())
            dx[place] = (ends[0] - ends[1]) / 2 / ε
        check_close(report.layers[0].grad_x[:, ::-1], np.linalg.norm(dx, axis=2), 1e-7)

        # The reach of the upper layer: its state after k steps is moved, and the rest is read by a layer of its own.
        first, second = nn.GRU(3, 4, batch_first=True).double(), nn.GRU(4, 4, batch_first=True).double()
        state = model.rnn.state_dict()
        first.load_state_dict({name: state[name] for name in first.state_dict()})
        second.load_state_dict({name: state[name.replace("l0", "l1")] for name in second.state_dict()})
        below = first(x)[0]
        for row, b in zip(report.layers[1].reach, report.layers[1].rows, strict=True):
            for k in range(6):
                h = torch.zeros(1, 1, 4).double() if k == 0 else second(below[b : b + 1, :k])[1]
                J = np.zeros((4, 4))
                for j in range(4):
                    step = torch.zeros(1, 1, 4).double()
                    step[..., j] = ε
                    ends = [second(below[b : b + 1, k:], h + sign * step)[1].flatten().numpy() for sign in (1, -1)]
                    J[:, j] = (ends[0] - ends[1]) / 2 / ε
                assert np.exp(row[6 - k]) == pytest.approx(np.linalg.norm(J), rel=1e-6)


def test_a_single_layer_is_what_the_package_says_of_it():
    torch.manual_seed(0)
    gru = nn.GRU(3, 5).double()
    x = torch.randn(12, 2, 3, dtype=torch.float64)
    (layer,) = probe(gru, x, loss=lambda output: output[0][-1].sum()).layers
    J = [jacobians(forward(to_params(gru), x[:, b].numpy())) for b in range(2)]
    for row, b in zip(layer.reach, layer.rows, strict=True):
        assert np.allclose(row, norms_to_past(J[b], "fro", log=True)[::-1], rtol=1e-10)
    assert np.allclose(layer.exponents, lyapunov_exponents(J[layer.rows[0]]))
    fallen = np.median(layer.reach[:, 0] - layer.reach[:, -1])
    assert layer.half_life == pytest.approx(12 * np.log(2) / fallen)
    assert layer.decades(12) == pytest.approx(-fallen / np.log(10))
    assert layer.decades(24) == pytest.approx(2 * layer.decades(12))
    assert layer.reads.tolist() == [1, 1]


def test_the_reach_of_a_long_sequence_does_not_underflow():
    torch.manual_seed(0)
    (layer,) = probe(nn.GRU(3, 6), torch.randn(3000, 1, 3)).layers
    assert -5000 < layer.reach[0, -1] < -1000
    assert "Float32 has no number so small" in layer.verdict(lag=2000)


def test_the_batch_replay_is_the_plain_cells(monkeypatch):
    torch.manual_seed(0)
    seen, real = [], _replay.batch
    monkeypatch.setattr(_replay, "batch", lambda recording: seen.append((recording, *real(recording))) or seen[-1][1:])
    for rnn in (
        nn.RNN(3, 4),
        nn.RNN(3, 4, nonlinearity="relu"),
        nn.GRU(3, 4),
        nn.LSTM(3, 4),
        nn.LSTM(3, 4, proj_size=2),
    ):
        h0, c0 = torch.randn(1, 2, getattr(rnn, "proj_size", 0) or 4), torch.randn(1, 2, 4)
        probe(rnn, (torch.randn(6, 2, 3), (h0, c0) if isinstance(rnn, nn.LSTM) else h0))
        recording, states, gates = seen.pop()
        for b in range(2):
            trace = recording.trace(b)
            assert np.allclose(states[:, b], trace.h, atol=1e-12)
            for name, values in gates.items():
                assert np.allclose(values[:, b], trace.gates[name], atol=1e-12)
        assert _replay.deviation(recording, states) < 1e-12


# ---------------------------------------------------------------------------------------------------------------------
# What models do with their layers


def test_layers_have_names_and_a_verdict_in_words():
    torch.manual_seed(0)
    model = CharacterModel()
    model.rnn = nn.LSTM(3, 4, 2, batch_first=True, bidirectional=True)
    model.read = nn.Linear(8, 7)
    report = probe(model, torch.randint(0, 7, (2, 9)))
    assert [layer.name for layer in report.layers] == [
        f"rnn, layer {layer}, {direction}" for layer in (1, 2) for direction in ("forward", "backward")
    ]
    assert str(report) == report.verdict() == repr(report)
    assert report.verdict(lag=120).count("Your labels need 120: there") == 4
    assert "The loss reads 9 steps of each sequence directly" in str(report)
    assert report["rnn, layer 2, backward"].reach.shape == (2, 10)
    assert report._repr_html_().count("<tr>") == 5
    assert "of 2 of the batch's 2 sequences" in report.method
    assert "<caption>Reach: Frobenius norms" in report._repr_html_()


def test_a_loop_that_changes_its_state_is_measured_by_autograd():
    """A plain cell's product of Jacobians would be wrong here, so all that is done to the state is differentiated."""
    torch.manual_seed(0)
    cell = nn.GRUCell(3, 4).double()
    norm = nn.LayerNorm(4).double()
    x = torch.randn(6, 2, 3, dtype=torch.float64)
    (layer,) = probe(Loop(cell, norm), x).layers
    assert layer.exact and layer.exponents is None and "changes its state" in str(layer.verdict())

    def last(state, k):
        for t in range(k, 6):
            state = cell(x[t, :1], state[None] if t == k else norm(state)[None])[0]
        return state

    with torch.no_grad():
        entering, state = [], torch.zeros(4, dtype=torch.float64)
        for t in range(6):
            entering.append(state if t == 0 else norm(state))
            state = cell(x[t, :1], entering[-1][None])[0]
    for k in range(6):
        J = torch.func.jacrev(lambda s, k=k: last(s, k))(entering[k])
        assert np.exp(layer.reach[0, 6 - k]) == pytest.approx(torch.linalg.matrix_norm(J).item())
    plain = probe(Loop(cell), x).layers[0]
    assert "changes its state" not in plain.verdict() and plain.exponents is not None


class OwnCell(nn.Module):
    def __init__(self, H=4):
        super().__init__()
        self.from_x, self.from_h, self.hidden_size = nn.Linear(3, H), nn.Linear(H, H), H

    def forward(self, x, h):
        return torch.sin(self.from_x(x) + self.from_h(h))


def test_a_cell_of_ones_own_is_seen_and_measured_by_autograd():
    torch.manual_seed(0)
    cell, x = OwnCell().double(), torch.randn(6, 2, 3, dtype=torch.float64)
    (layer,) = probe(Loop(cell), x, loss=lambda out: out[-1].sum()).layers
    assert (layer.name, layer.kind, layer.gates, layer.params) == ("cell", "OwnCell", {}, None)
    assert layer.exact and "none of torch's cells" in layer.verdict()

    h = [torch.zeros(2, 4, dtype=torch.float64, requires_grad=True)]
    for xt in x:
        h.append(cell(xt, h[-1]))
    wanted = torch.stack(torch.autograd.grad(h[-1].sum(), h, retain_graph=True)).norm(dim=2).T.numpy()
    assert np.allclose(layer.grad_h[:, :-1], wanted[:, :0:-1])
    for k in range(1, 7):  # the state 0 is a constant of the model, not a state that a loss could reach
        rows = [torch.autograd.grad(h[-1][0, i], h[k], retain_graph=True)[0][0] for i in range(4)]
        assert np.exp(layer.reach[0, 6 - k]) == pytest.approx(torch.stack(rows).norm().item())
    assert np.isnan(layer.reach[0, 6])


class OwnLSTM(nn.Module):
    def __init__(self, H=4):
        super().__init__()
        self.gates, self.hidden_size = nn.Linear(3 + H, 4 * H), H

    def forward(self, x, state):
        h, c = state
        i, f, g, o = self.gates(torch.cat([x, h], -1)).chunk(4, -1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c


class LSTMLoop(nn.Module):
    def __init__(self, cell, alter):
        super().__init__()
        self.cell, self.alter = cell, alter

    def forward(self, x):
        state = (x.new_zeros(x.shape[1], self.cell.hidden_size),) * 2
        for t, xt in enumerate(x):
            state = self.cell(xt, state if t == 0 else self.alter(*state))
        return state[0]


ALTER = {
    "nothing": lambda h, c: (h, c),
    "h": lambda h, c: (0.9 * h, c),
    "c": lambda h, c: (h, 0.9 * c),
    "both": lambda h, c: (0.9 * h, torch.tanh(c)),
    "mixed": lambda h, c: (h + c, c),
}


@pytest.mark.parametrize("altered", ALTER)
@pytest.mark.parametrize("make", [OwnLSTM, lambda: nn.LSTMCell(3, 4)], ids=["own cell", "LSTMCell"])
def test_a_state_of_two_parts_is_measured_in_both(make, altered):
    """h and c are each a coordinate of the state, though an LSTM computes h from c."""
    torch.manual_seed(0)
    cell, alter, x = make().double(), ALTER[altered], torch.randn(6, 1, 3, dtype=torch.float64)
    (layer,) = probe(LSTMLoop(cell, alter), x).layers
    own = isinstance(cell, OwnLSTM)

    def step(state, t):
        h, c = cell(x[t], (state[None, :4], state[None, 4:]))
        return torch.cat([h, c] if t == 5 else alter(h, c), 1)[0]

    # Which output of an own cell a mixed state is, nobody knows: its last state is the one that enters the end.
    ends = 5 if own and altered == "mixed" else 6
    assert layer.lengths.tolist() == [ends] and layer.exact
    states = [torch.zeros(8, dtype=torch.float64)]
    for t in range(ends):
        states.append(step(states[-1], t).detach())
    for k in range(int(own), ends):  # of an own cell, state 0 is a constant of the model
        J = torch.func.jacrev(lambda s, k=k: functools.reduce(step, range(k, ends), s))(states[k])
        assert np.exp(layer.reach[0, ends - k]) == pytest.approx(torch.linalg.matrix_norm(J).item(), rel=1e-9)


def test_a_state_that_passes_beside_the_cell_is_no_exact_reach():
    """Where only a part of the state enters the cell, the report says so; where all of it does, it says nothing."""
    torch.manual_seed(0)
    x, norm, cell = torch.randn(6, 2, 3, dtype=torch.float64), nn.LayerNorm(4).double(), nn.GRUCell(3, 4).double()
    own = OwnCell().double()
    steps = {
        "pre-norm": (cell, lambda x, h: h + 0.1 * cell(x, norm(h)), True),
        "leaky": (cell, lambda x, h: 0.9 * h + 0.1 * cell(x, 1.5 * h), True),
        "leaky, own": (own, lambda x, h: 0.9 * h + 0.1 * own(x, torch.sin(h)), True),
        "post-norm": (cell, lambda x, h: cell(x, norm(h)), False),
        "whole": (own, lambda x, h: own(x, h) + h, False),
    }
    for name, (module, step, beside) in steps.items():
        (layer,) = probe(Steps(module, norm, step), x).layers
        assert ("passes beside" in layer.verdict()) == beside and layer.exact != beside, name


class Steps(nn.Module):
    """A state of four numbers, taken on by `step`."""

    def __init__(self, cell, norm, step):
        super().__init__()
        self.cell, self.norm, self.step = cell, norm, step

    def forward(self, x):
        h = x.new_zeros(x.shape[1], 4)
        for xt in x:
            h = self.step(xt, h)
        return h


BESIDE = {
    "leaky": lambda x, new, old: 0.1 * new + 0.9 * old,
    "residual": lambda x, new, old: 0.3 * new + old,
    "held at first": lambda x, new, old: torch.where(x[:, :1] > 0, new, old),
}


class BesideLoop(nn.Module):
    """A loop over a cell that mixes what it puts out with the state before; from parts (1, 4) to all of them in one."""

    def __init__(self, cell, mix):
        super().__init__()
        self.cell, self.mix = cell, mix

    def step(self, xt, state, last=False):
        new = self.cell(xt, tuple(state)) if len(state) == 2 else [self.cell(xt, *state)]
        return list(new) if last else [self.mix(xt, a, b) for a, b in zip(new, state, strict=True)]

    def forward(self, x, *state):
        for xt in x:
            state = self.step(xt, state)
        return torch.cat(list(state), 1)


@pytest.mark.parametrize("make", [nn.GRUCell, nn.LSTMCell])
@pytest.mark.parametrize("learned", [False, True])
@pytest.mark.parametrize("T", [2, 6])
@pytest.mark.parametrize("beside", BESIDE)
def test_what_passes_beside_the_cell_counts_from_h_0_on(beside, T, learned, make):
    """The oracle is torch's Jacobian of the steps as they are written. A constant h_0 has no graph: NaN, and no number.

    The last state is what the cell puts out, so there the step is the cell's alone.
    """
    torch.manual_seed(0)
    model = BesideLoop(make(3, 4).double(), BESIDE[beside])
    x = torch.randn(T, 1, 3, dtype=torch.float64)
    x[:, 0, 0] = torch.tensor([-1.0, *[1.0] * (T - 1)])
    start = [torch.randn(1, 4, dtype=torch.float64) for _ in range(1 + (make is nn.LSTMCell))]
    (layer,) = probe(model, (x, *[part.clone().requires_grad_(learned) for part in start])).layers
    assert "passes beside" not in layer.verdict() and layer.exact

    def step(h, t):
        return torch.cat(model.step(x[t], h.split(4, 1), last=t == T - 1), 1)

    states = [torch.cat(start, 1)]
    for t in range(T):
        states.append(step(states[-1], t).detach())
    wanted = [np.log(states[0].shape[1]) / 2]
    for k in range(T - 1, -1, -1):
        J = torch.func.jacrev(lambda s, k=k: functools.reduce(step, range(k, T), s))(states[k])
        wanted.append(np.log(torch.linalg.matrix_norm(J[0, :, 0]).item()))
    end = T if learned else T - 1  # the largest lag that is measured
    np.testing.assert_allclose(layer.reach[0, : end + 1], wanted[: end + 1], rtol=1e-9)
    assert np.isfinite(layer.reach[0, : end + 1]).all() and np.isnan(layer.reach[0, end + 1 :]).all()
    assert layer.rate == pytest.approx((wanted[end] - wanted[0]) / end)
    assert f"over {end}" in layer.verdict() and layer.verdict().count("h_0 is a constant") == (not learned)
    if learned:
        start = [part.requires_grad_() for part in start]
        grads = torch.autograd.grad(model(x, *start).square().sum(), start)
        for got, grad in zip((layer.grad_h, layer.grad_c), grads, strict=False):
            assert got[0, T] == pytest.approx(grad.norm().item())
    else:
        assert np.isnan(layer.grad_h[0, T])


class Resetting(nn.Module):
    """Two layers, step by step, whose states are set to zero where an episode is done; or held, by torch.where."""

    def __init__(self, rnn, hold):
        super().__init__()
        self.rnn, self.hold = rnn, hold

    def forward(self, x, keep, h):
        for xt, on in zip(x, keep[..., None], strict=True):
            old = h if self.hold else h * on
            _, h = self.rnn(xt[None], old)
            h = torch.where(on > 0, h, old) if self.hold else h
        return h


@pytest.mark.parametrize("hold", [False, True])
def test_a_mask_of_finished_episodes_lets_nothing_pass_beside(hold):
    """The oracle is torch's Jacobian of each layer's own steps, on the inputs that it read."""
    torch.manual_seed(0)
    model, x = Resetting(nn.GRU(3, 4, 2).double(), hold), torch.randn(6, 3, 3, dtype=torch.float64)
    keep = torch.ones(6, 3, dtype=torch.float64)
    keep[3, 0] = 0
    h0 = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)
    report = probe(model, (x, keep, h0))
    inputs = x
    for i, layer in enumerate(report.layers):
        assert layer.exact and "passes beside" not in layer.verdict()
        weights = [getattr(model.rnn, f"{name}_l{i}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]

        def step(h, t, b, inputs=inputs, weights=weights):  # from the state that enters at t to the next one
            new = torch.gru_cell(inputs[t, b][None], h[None], *weights)[0]
            if hold:
                return new if keep[t, b] or t == 5 else h
            return new * keep[t + 1, b] if t < 5 else new

        outs = torch.zeros(6, 3, 4, dtype=torch.float64)
        for b in range(3):
            states = [h0[i, b].detach()]
            for t in range(6):
                outs[t, b] = torch.gru_cell(inputs[t, b][None], states[-1][None], *weights)[0].detach()
                states.append(step(states[-1], t, b).detach())
            for k in range(6):
                J = torch.func.jacrev(
                    lambda h, k=k, b=b: functools.reduce(functools.partial(step, b=b), range(k, 6), h)
                )
                norm = torch.linalg.matrix_norm(J(states[k])).item()
                assert np.exp(layer.reach[b, 6 - k]) == pytest.approx(norm)
        inputs = outs
    assert (report.layers[0].reach[0] == -np.inf).any() != hold


def test_the_reach_of_a_wide_cell_of_ones_own_is_estimated():
    """16 of 64 directions, times 4: right on average. Over 40 nets the mean of log(estimate / exact) is near 0."""
    errors = []
    for seed in range(40):
        torch.manual_seed(seed)
        cell, x = OwnCell(64).double(), torch.randn(3, 1, 3, dtype=torch.float64)
        (layer,) = probe(Loop(cell), x).layers
        assert not layer.exact and "estimated from 16 random directions" in layer.verdict()
        h = torch.zeros(1, 64, dtype=torch.float64)
        h1 = cell(x[0], h).detach()
        J = torch.func.jacrev(lambda s, cell=cell, x=x: cell(x[2], cell(x[1], s)))(h1)
        errors.append(layer.reach[0, 2] - np.log(torch.linalg.vector_norm(J).item()))
    assert abs(np.mean(errors)) < 0.05 and 0.01 < np.std(errors) < 0.3


class Decoder(nn.Module):
    """Reads its own output, and hands on its state from call to call, as in torch's tutorial on translation."""

    def __init__(self, detach=False):
        super().__init__()
        self.encoder, self.decoder, self.read, self.detach = nn.GRU(3, 4), nn.GRU(3, 4), nn.Linear(4, 3), detach

    def forward(self, x):
        _, h = self.encoder(x)
        y, outs = x.new_zeros(1, x.shape[1], 3), []
        for _ in range(7):
            h = h.detach() if self.detach else h
            out, h = self.decoder(y, h)
            y = self.read(out)
            y = y.detach() if self.detach else y
            outs.append(out)
        return outs[-1]


def test_calls_that_hand_on_a_state_are_one_sequence():
    torch.manual_seed(0)
    report = probe(Decoder(), torch.randn(5, 2, 3))
    assert [(layer.name, layer.steps) for layer in report.layers] == [("encoder", 5), ("decoder", 7)]
    assert "inputs from its own outputs" in report["decoder"].verdict()
    assert "inputs from its own outputs" not in report["encoder"].verdict()


class InTurn(nn.Module):
    """A cell that takes on two states, step by step: two texts beside each other, or one layer above the other."""

    def __init__(self, cell, tied, between=None):
        super().__init__()
        self.cell, self.tied, self.between = cell, tied, between or (lambda h: h)

    def forward(self, x, y):
        h = k = x.new_zeros(x.shape[1], 4)
        for t, (xt, yt) in enumerate(zip(x, y, strict=True)):
            h, k = (self.between(h), self.between(k)) if t else (h, k)
            h = self.cell(xt, h)
            k = self.cell(h if self.tied else yt, k)
        return torch.stack([h, k])


@pytest.mark.parametrize("between", [None, torch.sin], ids=["as it was", "altered"])
@pytest.mark.parametrize("second", ["other", "equal", "tied"])
def test_states_that_a_cell_takes_on_in_turn_are_told_apart(second, between):
    """As if each had a cell of its own, with the same weights. Two equal texts are two states as well."""
    torch.manual_seed(0)
    cell, tied = nn.GRUCell(4, 4).double(), second == "tied"
    x, other = torch.randn(2, 6, 3, 4, dtype=torch.float64)
    y = x.clone() if second == "equal" else other
    first, above = probe(InTurn(cell, tied, between), (x, y), loss=lambda out: (out[0] + 2 * out[1]).sum()).layers
    assert (first.name, above.name, first.steps, above.steps) == ("cell", "cell, run 2", 6, 6)
    (alone,) = probe(Loop(cell, between), x, loss=lambda out: out[-1].sum()).layers
    np.testing.assert_allclose(first.reach, alone.reach, rtol=1e-9)
    if not tied:
        np.testing.assert_allclose(first.grad_h, alone.grad_h, rtol=1e-9)
    inputs, h = [], torch.zeros(3, 4, dtype=torch.float64)
    for t, xt in enumerate(x):
        h = cell(xt, between(h) if between and t else h).detach()
        inputs.append(h if tied else y[t])
    (alone,) = probe(Loop(cell, between), torch.stack(inputs), loss=lambda out: 2 * out[-1].sum()).layers
    np.testing.assert_allclose(above.reach, alone.reach, rtol=1e-9)
    np.testing.assert_allclose(above.grad_h, alone.grad_h, rtol=1e-9)
    np.testing.assert_allclose(above.grad_x, alone.grad_x, rtol=1e-9)


def test_a_detached_state_is_named():
    torch.manual_seed(0)
    encoder, decoder = probe(Decoder(detach=True), torch.randn(5, 2, 3)).layers
    assert "No gradient of the loss reaches it." in encoder.verdict()
    assert decoder.steps == 7 and "The loss's gradient ends at lag" in decoder.verdict()


def test_stacked_modules_of_half_precision_keep_gradients_that_it_can_not_hold():
    """What a layer puts out goes into the next one in float64: gradients below 1e-10 don't become float16's 0."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.RNN(2, 3), Taken(), nn.RNN(3, 3)).half()
    model[0].weight_hh_l0.data.zero_()  # so that all of the lower layer's gradient comes through the upper one
    report = probe(model, torch.randn(150, 1, 2).half(), loss=lambda output: output[0][-1].float().sum())
    assert 0 < report.layers[0].grad_h[0, 140] < 1e-10
    assert "float16" in str(report)


class Taken(nn.Module):
    def forward(self, output):
        return output[0]


def test_what_was_compiled_is_seen():
    torch.manual_seed(0)
    model, x = CharacterModel(), torch.randint(0, 7, (2, 9))
    plain = probe(model, x)
    for compiled in (torch.compile(model), compiled_inside(model)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            report = probe(compiled, x)
        assert not [warning for warning in caught if "global hooks" in str(warning.message)]
        assert [layer.name for layer in report.layers] == ["rnn, layer 1", "rnn, layer 2"]
        for one, other in zip(report.layers, plain.layers, strict=True):
            assert np.array_equal(one.reach, other.reach) and np.array_equal(one.grad_x, other.grad_x)


def compiled_inside(model):
    model.rnn = torch.compile(model.rnn)
    return model


def test_gradients_of_a_thousand_steps_are_numbers_yet():
    """Their squares are not: a norm that took them would be zero from lag 400 on."""
    torch.manual_seed(0)
    (layer,) = probe(nn.GRU(2, 3).double(), torch.randn(600, 1, 2).double(), loss=lambda out: out[0][-1].sum()).layers
    assert 0 < layer.grad_h[0, -1] < 1e-170
    wanted = layer.reach[0] / np.log(10)
    assert np.abs(np.log10(layer.grad_h[0]) - wanted).max() < 3


def test_dropout_is_drawn_in_training_mode_alone_and_named():
    """In evaluation mode two reports are the same; in training mode the random state decides, which is put back."""
    torch.manual_seed(0)
    rnn, x = nn.GRU(2, 8, 2, dropout=0.5), torch.randn(9, 2, 2)
    first, again = probe(rnn, x), probe(rnn, x)
    assert "dropout was drawn once" in str(first)
    assert np.array_equal(first.layers[1].grad_x, again.layers[1].grad_x)
    torch.manual_seed(1)
    assert not np.array_equal(probe(rnn, x).layers[1].grad_x, first.layers[1].grad_x)
    assert "dropout" not in str(probe(rnn.eval(), x))


def test_a_chaotic_net_is_named():
    torch.manual_seed(0)
    rnn = orthogonal(nn.RNN(2, 64), gain=4.0)
    report = str(probe(rnn, torch.zeros(300, 1, 2)))
    assert "doubles in" in report and "as two runs of a chaotic net do" in report


def test_memory_grows_with_the_steps_and_not_with_their_square():
    """What autograd's graph keeps, and NumPy's peak: four times as many steps take four times as much."""
    torch.manual_seed(0)
    rnn, kept, peaks = nn.GRU(3, 16, 2), {}, {}
    for T in (150, 600):
        x, sizes = torch.randn(T, 2, 3), []
        tracemalloc.start()
        with torch.autograd.graph.saved_tensors_hooks(
            lambda t, sizes=sizes: sizes.append(t.element_size() * t.numel()) or t, lambda t: t
        ):
            probe(rnn, x)
        kept[T], peaks[T] = sum(sizes), tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert 3.5 < kept[600] / kept[150] < 4.5 and peaks[600] / peaks[150] < 5


@pytest.mark.parametrize("disable", ["", "1"])
def test_a_bar_is_shown_to_those_who_wait_unless_it_is_silenced(disable, monkeypatch, capsys):
    monkeypatch.setenv("TQDM_DISABLE", disable)
    monkeypatch.setattr("course_utils.probe.PATIENCE", 0)
    probe(nn.GRU(2, 3), torch.randn(5, 2, 2))
    assert ("exact rows" in capsys.readouterr().err) == (not disable)


def test_a_bar_that_waits_leaves_nothing_in_a_saved_notebook():
    """Nothing at all where the work is done before the delay is over; else an empty output, where the bar has been."""
    cells = [
        "import time\nfrom course_utils.progress import tqdm\nwith tqdm(total=2, delay=0.5, leave=False) as bar:\n"
        "    bar.update()\n    print('early')\n    time.sleep(0.6)\n    bar.update()\n    print('late')",
        "with tqdm(total=1, delay=100, leave=False) as bar:\n    bar.update()\nprint(type(bar).__name__)",
        "import functools, torch, course_utils.probe as module\nmodule.PATIENCE = 1e-9\n"
        "module.tqdm = functools.partial(module.tqdm, mininterval=0)\n"
        "_ = module.probe(torch.nn.GRU(2, 3), torch.randn(5, 4, 2))",
    ]
    outputs = stored_with_bars(cells)
    assert "widget" not in str(outputs)
    assert [output.get("text", output.get("data")) for output in outputs] == [
        "early\n",
        {"text/plain": ""},
        "late\n",
        "Bar\n",
        {"text/plain": ""},
    ]


def test_few_rows_of_wide_layers_and_all_of_narrow_ones():
    torch.manual_seed(0)
    assert len(probe(nn.GRU(2, 3), torch.randn(5, 7, 2)).layers[0].rows) == 7
    packed = pack_padded_sequence(torch.randn(40, 3, 2), torch.tensor([9, 40, 30]), enforce_sorted=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("course_utils.probe.WORK", 1)
        (layer,) = probe(nn.GRU(2, 3), packed).layers
    assert layer.rows == (1,) and layer.lengths.tolist() == [9, 40, 30]  # the longest one


def test_padding_is_asked_for():
    x = torch.randn(9, 2, 3)
    x[5:, 1] = 0
    rnn = nn.GRU(3, 4, bidirectional=True)
    assert "4 equal inputs" in str(probe(rnn, x))
    assert "equal inputs" not in str(probe(rnn, x, lengths=[9, 5]))
    assert "equal inputs" not in str(probe(rnn, torch.randn(9, 2, 3)))


@pytest.mark.parametrize("both", [False, True])
def test_the_steps_that_a_loss_reads_are_counted_in_each_sequence_without_its_padding(both):
    """A batch that is read at three different steps, and each of its sequences at one."""
    torch.manual_seed(0)
    rnn, x, ends = nn.GRU(3, 4, bidirectional=both), torch.randn(9, 3, 3), [9, 4, 6]

    def at_the_end(output):
        return sum(output[0][n - 1, b].sum() for b, n in enumerate(ends))

    report = probe(rnn, x, loss=at_the_end, lengths=ends)
    assert all(layer.reads.tolist() == [1, 1, 1] for layer in report.layers) and "The loss reads" not in str(report)
    report = probe(rnn, x, loss=lambda output: output[0].sum(), lengths=ends)  # the padding as well
    assert all(layer.reads.tolist() == ends for layer in report.layers)
    assert "The loss reads 4 to 9 steps of a sequence directly" in str(report)


class Packing(nn.Module):
    """Hands over packed sequences as a keyword, or lets torch's function have their tensors."""

    def __init__(self, how):
        super().__init__()
        self.rnn, self.how = nn.GRU(3, 4, batch_first=True), how
        if how == "forward of its own":
            own = self.rnn.forward
            self.rnn.forward = lambda packed: own(packed)

    def forward(self, x, lengths):
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        if self.how == "keyword":
            return self.rnn(input=packed)[1][0]
        if self.how != "tensors":
            return self.rnn(packed)[1][0]
        h0, weights = torch.zeros(1, len(x), 4), list(self.rnn.parameters())
        return torch.gru(packed.data, packed.batch_sizes, h0, weights, True, 1, 0.0, False, False)[1][0]


class PacksItself(nn.GRU):
    def forward(self, x, lengths):
        return super().forward(pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))[1][0]


@pytest.mark.parametrize("how", ["subclass", "keyword", "forward of its own", "tensors"])
def test_packed_sequences_stand_in_the_order_of_the_batch_or_it_is_said(how):
    """The loss reads the batch's sequence 1, the longest one."""
    torch.manual_seed(0)
    model = PacksItself(3, 4, batch_first=True) if how == "subclass" else Packing(how)
    forwards = [kind.forward for kind in (nn.RNN, nn.GRU, nn.LSTM)]
    batch, known = (torch.randn(4, 9, 3), torch.tensor([3, 9, 5, 7])), how != "tensors"
    report = probe(model, batch, loss=lambda h: h[1 if known else 0].sum())
    (layer,) = report.layers
    assert layer.lengths.tolist() == ([3, 9, 5, 7] if known else [9, 7, 5, 3])
    assert np.flatnonzero(layer.grad_h[:, 0]).tolist() == [1 if known else 0]
    assert ("packed out of sight" in str(report)) == (not known)
    assert [kind.forward for kind in (nn.RNN, nn.GRU, nn.LSTM)] == forwards


@pytest.mark.parametrize("keyword", [False, True])
def test_a_packed_batch_comes_back_in_its_own_order(keyword):
    packed = pack_padded_sequence(torch.randn(9, 4, 3), torch.tensor([3, 9, 5, 7]), enforce_sorted=False)
    report = probe(nn.GRU(3, 4), {"input": packed} if keyword else packed)
    assert report.layers[0].lengths.tolist() == [3, 9, 5, 7] and "out of sight" not in str(report)


class Named(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(3, 4, batch_first=True)

    def forward(self, x, lengths=None, attention_mask=None):
        return {"states": self.rnn(x)[0]}


@pytest.mark.parametrize(
    "entry", [{"lengths": torch.tensor([6, 2])}, {"attention_mask": torch.tensor([[1] * 6, [1, 1, 0, 0, 0, 0]])}]
)
def test_a_dicts_own_lengths_are_taken(entry):
    (layer,) = probe(Named(), {"x": torch.randn(2, 6, 3), **entry}).layers
    assert layer.lengths.tolist() == [6, 2]


@pytest.mark.parametrize("row", [[0, 0, 1, 1], [1, 0, 1, 0], [1.0, 0.5, 0.5, 0.0]])
@pytest.mark.parametrize("dtype", [torch.bool, torch.int64, torch.bfloat16])
def test_a_mask_of_anything_but_padding_at_the_end_is_refused(row, dtype):
    """Its sum says nothing about where the padding stands; lengths that are handed in do."""
    if dtype != torch.bfloat16 and 0.5 in row:
        return
    batch = {"x": torch.randn(2, 4, 3), "attention_mask": torch.tensor([[1, 1, 1, 0], row]).to(dtype)}
    with pytest.raises(ValueError, match=r"batch\['attention_mask'\]: got .* in row 1, wants ones before zeros"):
        probe(Named(), batch)
    assert probe(Named(), batch, lengths=[3, 4]).layers[0].lengths.tolist() == [3, 4]


class Translator(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = nn.GRU(3, 4, batch_first=True), nn.GRU(3, 4, batch_first=True)

    def forward(self, x, y, lengths=None, attention_mask=None):
        return self.decoder(y, self.encoder(x)[1])[0]


@pytest.mark.parametrize("decoded", [5, 15])
@pytest.mark.parametrize("by", ["lengths=", "lengths", "attention_mask"])
def test_lengths_of_the_source_leave_a_decoder_of_other_steps_as_it_is(decoded, by):
    """A shorter one has no such steps, and of a longer one they would cut some off."""
    torch.manual_seed(0)
    model, ends, T = Translator(), [3, 10, 7], 10 if by == "lengths=" else 12
    batch = {"x": torch.randn(3, T, 3), "y": torch.randn(3, decoded, 3)}
    given = {"lengths": torch.tensor(ends), "attention_mask": (torch.arange(T) < torch.tensor(ends)[:, None]).long()}
    report = probe(model, batch, lengths=ends) if by == "lengths=" else probe(model, {**batch, by: given[by]})
    encoder, decoder = report.layers
    assert encoder.lengths.tolist() == ends and decoder.lengths.tolist() == [decoded] * 3
    assert np.array_equal(decoder.grad_h, probe(model, batch).layers[1].grad_h)
    assert f"The lengths were not used for decoder: it takes {decoded} steps" in str(report)
    assert "not used for encoder" not in str(report)
    assert "not used" not in str(probe(model, batch, lengths=[T] * 3))  # no padding anywhere


class Masked(nn.Module):
    """A loop over cells in which torch.where keeps the state of a text that has ended."""

    def __init__(self, cell):
        super().__init__()
        self.cell = cell

    def forward(self, x, lengths):
        two = isinstance(self.cell, nn.LSTMCell | OwnLSTM)
        state = [0 * x[0, :, :1].expand(-1, 4) for _ in range(1 + two)]
        for t, xt in enumerate(x):
            new = self.cell(xt, tuple(state) if two else state[0])
            own = (t < lengths)[:, None]
            state = [torch.where(own, a, b) for a, b in zip(new if two else [new], state, strict=True)]
        return state[0]


MASKED = {
    "GRUCell": lambda: nn.GRUCell(3, 4),
    "LSTMCell": lambda: nn.LSTMCell(3, 4),
    "own cell": lambda: OwnCell(),
    "own LSTM": lambda: OwnLSTM(),
}


@pytest.mark.parametrize("learned", [False, True])
@pytest.mark.parametrize("make", MASKED.values(), ids=MASKED)
def test_masked_loops_are_measured_from_each_sequences_own_end(make, learned):
    """As if each sequence were alone, without any padding; which for torch's cells is another way, the exact replay.

    Of a constant h_0 no graph says which part of it torch.where lets pass beside the cell, so nothing is said of it.
    """
    torch.manual_seed(0)
    model, x, lengths = Masked(make()).double(), torch.randn(6, 3, 3).double(), torch.tensor([6, 3, 4])
    x.requires_grad_(learned)  # h_0 is computed from it
    report = probe(model, (x, lengths), lengths=lengths)
    (layer,) = report.layers
    assert "not used" not in str(report) and layer.lengths.tolist() == [6, 3, 4]
    for b, n in enumerate(lengths.tolist()):
        (alone,) = probe(model, (x[:n, [b]], torch.tensor([n])), loss=lambda out: out.square().sum()).layers
        reach, end = layer.reach[layer.rows.index(b)], n + learned
        np.testing.assert_allclose(reach[:end], alone.reach[0, :end], rtol=1e-9)
        np.testing.assert_allclose(layer.grad_h[b, :end], alone.grad_h[0, :end], rtol=1e-9)
        assert learned or np.isnan([reach[n], layer.grad_h[b, n]]).all()
        assert np.isnan(layer.reach[layer.rows.index(b), n + 1 :]).all()


class Whiles(nn.Module):
    """A GRU that hands on what it made of four steps, changed."""

    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(3, 4)

    def forward(self, x):
        h = None
        for piece in x.split(4):
            out, h = self.rnn(piece, None if h is None else 0.9 * h)
        return out


def test_lengths_that_a_loop_can_not_use_are_named():
    """Between two calls nobody knows the state that the model would have had there."""
    torch.manual_seed(0)
    report = probe(Whiles(), torch.randn(12, 2, 3), lengths=[12, 6])
    assert report.layers[0].lengths.tolist() == [12, 12]
    assert "The lengths were not used for rnn: the model hands its state on after [4, 8, 12] steps" in str(report)
    assert probe(Whiles(), torch.randn(12, 2, 3), lengths=[12, 8]).layers[0].lengths.tolist() == [12, 8]


class Documents(nn.Module):
    """A layer over words, and one over sentences."""

    def __init__(self):
        super().__init__()
        self.words, self.sentences = nn.GRU(3, 4), nn.GRU(4, 4)

    def forward(self, x):
        return self.sentences(self.words(x)[1].view(5, 2, 4))[0]


def test_lengths_of_other_sequences_are_named():
    torch.manual_seed(0)
    report = probe(Documents(), torch.randn(6, 10, 3), lengths=[5, 2])
    assert [layer.lengths.tolist() for layer in report.layers] == [[6] * 10, [5, 2]]
    assert "The lengths were not used for words: it reads 10 sequences, and there are 2 lengths." in str(report)


def test_a_report_draws_a_figure_for_each_layer(monkeypatch):
    from course_utils import figures

    shown = []
    monkeypatch.setattr(figures, "show", lambda figure, alt: shown.append(alt))
    for model in (nn.GRU(3, 4, 2), nn.RNN(3, 4), nn.RNN(3, 4, nonlinearity="relu"), nn.LSTM(3, 4), Loop(OwnCell())):
        report = probe(model, torch.randn(9, 2, 3))
        report.figure(lag=5)
        report.figure()
        assert len(shown) == 2 * len(report.layers) and all(len(alt.split()) > 8 for alt in shown)
        shown.clear()


# ---------------------------------------------------------------------------------------------------------------------
# Words


def a_layer(reach, kind="GRU"):
    layer = probe(getattr(nn, kind)(2, 3), torch.randn(len(reach) - 1, 1, 2)).layers[0]
    return replace(layer, reach=np.array([reach], float))


def test_half_life_and_decades_of_known_reaches():
    halves = a_layer(np.log(2) * -np.arange(9) / 3)
    assert halves.half_life == pytest.approx(3)
    assert "forgets half in 3 steps, on average over 8" in halves.verdict()
    assert halves.decades(6) == pytest.approx(np.log10(1 / 4))
    assert "Your labels need 6: there 0.25 of it is left." in halves.verdict(lag=6)
    assert "Your labels need 24: there 0.0039 of it would be left at that rate." in halves.verdict(lag=24)
    grows = a_layer(np.log(2) * np.arange(9) / 4)
    assert grows.half_life == np.inf and "doubles in 4 steps" in grows.verdict()
    dies = a_layer([1, 0, -np.inf])
    assert dies.half_life == 0 and "Nothing of a state is left after 2 steps" in dies.verdict(lag=2)
    assert "there nothing of it is left" in dies.verdict(lag=2)
    assert a_layer([0, 0, 0]).half_life == np.inf
    one_reset = replace(dies, reach=np.array([[1, 0, -np.inf], [1, 0, -1]]))
    assert "Nothing of a state is left after 2 steps in 1 of 2 sequences." in one_reset.verdict(lag=2)
    assert "there nothing of it is left in 1 of 2 sequences." in one_reset.verdict(lag=2)


def test_saturation_is_counted():
    gru = nn.GRU(2, 4)
    with torch.no_grad():
        gru.bias_ih_l0[4:5], gru.bias_ih_l0[5:6] = 9, -9
    gate = probe(gru, torch.randn(8, 2, 2)).layers[0].gates["z"]
    assert (gate.open, gate.closed) == (0.25, 0.25) and gate.mean[0] > 0.95 and gate.mean[1] < 0.05


# ---------------------------------------------------------------------------------------------------------------------
# Bad input


def on_meta():
    return nn.GRU(2, 3, device="meta")


def with_nan():
    gru = nn.GRU(2, 3)
    gru.weight_hh_l0.data[0, 0] = np.nan
    return gru


def exploding():
    rnn = nn.RNN(2, 3, nonlinearity="relu")
    rnn.weight_ih_l0.data.fill_(1)  # with random ones all units may stay at zero
    rnn.weight_hh_l0.data.fill_(1e38)
    return rnn


def freeing(output):
    loss = output[0].sum()
    loss.backward()
    return loss


X, X3 = torch.ones(12, 2, 2), torch.ones(12, 2, 3)


@pytest.mark.parametrize(
    ("make", "batch", "options", "message"),
    [
        (lambda: "gru", X, {}, "model: got str, wants a torch.nn.Module"),
        (lambda: nn.Linear(2, 3), X, {}, "model: got Linear, which called no recurrent function"),
        (on_meta, X, {}, "model: got weight_ih_l0 on the meta device"),
        (with_nan, X, {}, "model: got NaN or inf in weight_hh_l0"),
        (exploding, X, {}, "model: got one whose state overflows in rnn"),
        (lambda: torch.jit.trace(nn.GRU(2, 3), X), X, {}, "model: got a TorchScript module"),
        (None, [X], {}, "batch: got list, wants a tensor, a PackedSequence, a tuple or a dict"),
        (None, X[..., :1], {}, r"batch: got one on which model\(batch\) raised RuntimeError: .*Expected 2, got 1"),
        (None, (X, None, 3), {}, r"batch: got one on which model\(\*batch\) raised TypeError"),
        (None, {"y": X}, {}, r"batch: got one on which model\(\*\*batch\) raised TypeError"),
        (None, X * np.inf, {}, "batch: got NaN or inf"),
        (None, X, {"loss": 3}, "loss: got int, wants a function"),
        (None, X, {"loss": lambda out: out[0]}, r"loss: got shape \(12, 2, 3\) from it, wants a scalar"),
        (None, X, {"loss": lambda out: 1.0}, "loss: got float from it, wants a scalar tensor"),
        (None, X, {"loss": lambda out: out[0].sum() / 0}, "loss: got (-)?inf from it, wants a finite number"),
        (None, X, {"loss": lambda out: torch.tensor(1.0)}, "loss: got a value that no gradient can reach"),
        (None, X, {"lengths": [3]}, "lengths: got 1 for layers that read padded batches of \\[2\\]"),
        (None, X, {"lengths": [13, 1]}, r"lengths: got \[13.*\], wants whole numbers from 1 to 12"),
        (None, X, {"lengths": "ab"}, "lengths: got 'ab', wants a whole number for each sequence"),
        (None, X, {"lengths": [None, 3]}, r"lengths: got \[None, 3\], wants a whole number for each sequence"),
        (None, X, {"lengths": [True, True]}, r"lengths: got \[True, True\], wants a whole number for each sequence"),
        (None, pack_sequence([X[:, 0]]), {"lengths": [9]}, "lengths: got 1 for layers that read packed sequences"),
        (None, X, {"loss": lambda out: out[0].sum() * 1j}, "loss: got a tensor of torch.complex64 from it, wants a re"),
        (None, X, {"loss": freeing}, r"loss: got one after which the graph is freed, as by backward\(\) in it"),
        (lambda: InTurn(OwnCell(), False), (X3, X3), {}, "model: got InTurn, which calls cell on several states in tu"),
        (None, X, {"lengths": [[3, 4]]}, r"lengths: got shape \(1, 2\), wants \(B,\)"),
    ],
)
def test_bad_input_names_the_argument(make, batch, options, message):
    model = nn.GRU(2, 3) if make is None else make()
    with pytest.raises(ValueError, match=message):
        probe(model, batch, **options)


class Attention(nn.Module):
    """Weighs its states; a mask with -inf keeps some of them out. Its output may be masked as well."""

    def __init__(self, ends=0.0):
        super().__init__()
        self.rnn, self.ends = nn.GRU(3, 4, batch_first=True), ends

    def forward(self, x, mask):
        states = self.rnn(x)[0]
        weights = torch.softmax(states.sum(-1) + mask, dim=1)
        return (weights[..., None] * states).sum(1) + torch.tensor([0, 0, 0, self.ends])


def test_a_mask_may_hold_minus_infinity_where_the_loss_is_finite():
    torch.manual_seed(0)
    mask = torch.tensor([[0, 0, -np.inf, -np.inf], [0, 0, 0, 0]])
    batch = {"x": torch.randn(2, 4, 3), "mask": mask}
    (layer,) = probe(Attention(), batch).layers
    assert layer.grad_h[0, :2].tolist() == [0, 0] and (layer.grad_h[1, :4] > 0).all()
    with pytest.raises(ValueError, match="batch: got -inf, with which the loss is nan"):
        probe(Attention(), {**batch, "mask": torch.full((2, 4), -np.inf)})
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match="batch: got NaN or inf"):
            probe(Attention(), {**batch, "mask": torch.full((2, 4), bad)})


@pytest.mark.parametrize("ends", [np.nan, -np.inf])
def test_an_output_that_is_not_finite_wants_a_loss(ends):
    batch = {"x": torch.randn(2, 4, 3), "mask": torch.zeros(2, 4)}
    with pytest.raises(ValueError, match=r"model: got one whose output on this batch has (nan|inf) as the sum"):
        probe(Attention(ends), batch)
    assert np.isfinite(probe(Attention(ends), batch, loss=lambda output: output[:, :3].sum()).loss)


def test_a_model_without_numbers_in_its_output_wants_a_loss():
    class Says(nn.GRU):
        def forward(self, x):
            return super().forward(x)[0].argmax(-1)

    with pytest.raises(ValueError, match="loss: got None for a model that returns Tensor without"):
        probe(Says(2, 3), X)


@pytest.mark.parametrize("lag", [0, -3, 2.5, "all", True])
def test_a_bad_lag_is_named(lag):
    report = probe(nn.GRU(2, 3), X)
    with pytest.raises(ValueError, match="lag: got"):
        report.verdict(lag=lag)
    with pytest.raises(ValueError, match="lag: got"):
        report.figure(lag=lag)
    with pytest.raises(ValueError, match="name: got 'lstm', wants one of 'gru'"):
        report["lstm"]


# ---------------------------------------------------------------------------------------------------------------------
# Opening gates


@pytest.mark.parametrize(("kind", "gate"), [("GRU", "z"), ("LSTM", "f")])
def test_the_gate_that_keeps_is_opened_and_no_other(kind, gate):
    """In torch's own order: a layer that reads nothing and starts at 0 shows σ(bias) at its first step."""
    torch.manual_seed(0)
    rnn = getattr(nn, kind)(3, 50, 2, bidirectional=True)
    before = {name: p.clone() for name, p in rnn.named_parameters()}
    assert open_gate(rnn, bias=3.0) is rnn
    for name, p in rnn.named_parameters():
        rows = range(50, 100) if name.startswith("bias") else range(0)
        same = (p == before[name]).reshape(len(p), -1).all(1)
        assert [i for i in range(len(p)) if not same[i]] == list(rows), name
    for layer in probe(rnn, torch.zeros(1, 1, 3)).layers[:2]:
        assert layer.gates[gate].mean == pytest.approx(1 / (1 + np.exp(-3)), abs=1e-6)


@pytest.mark.parametrize("make", [nn.GRU, nn.LSTM, nn.GRUCell, nn.LSTMCell])
def test_chrono_biases_are_logs_of_lifetimes_up_to_the_lag(make):
    rnn = open_gate(make(3, 4000), lag=100, seed=1)
    end = "_l0" if isinstance(rnn, nn.RNNBase) else ""
    ih, hh = getattr(rnn, f"bias_ih{end}").detach(), getattr(rnn, f"bias_hh{end}").detach()
    lifetimes = torch.exp(ih[4000:8000] + hh[4000:8000])
    assert 1 <= lifetimes.min() < 1.3 and 98.7 < lifetimes.max() <= 99
    assert abs(lifetimes.mean() - 50) < 2  # uniform between 1 and 99
    if len(ih) == 16000:
        assert torch.equal(ih[:4000] + hh[:4000], -(ih[4000:8000] + hh[4000:8000]))
    again = open_gate(make(3, 4000), lag=100, seed=1)
    assert torch.equal(getattr(again, f"bias_ih{end}")[4000:8000], ih[4000:8000])


@pytest.mark.parametrize("make", [nn.GRU, nn.LSTM])
def test_new_numbers_have_the_precision_of_the_module(make):
    """A bias of 0.1 in a float64 module isn't float32's 0.1, which is 0.10000000149."""
    rnn = make(3, 4).double()
    assert torch.all(open_gate(rnn, bias=0.1).bias_ih_l0[4:8] == 0.1)
    drawn = open_gate(rnn, lag=100, seed=1).bias_ih_l0[4:8]
    assert not torch.any(drawn == drawn.float().double())
    for block in orthogonal(rnn).weight_hh_l0.detach().split(4):
        torch.testing.assert_close(block @ block.T, torch.eye(4, dtype=torch.float64), rtol=0, atol=1e-14)


def test_an_opened_gru_reaches_further():
    torch.manual_seed(0)
    rnn, x = nn.GRU(8, 32, 2), torch.randn(100, 2, 8)
    before = [layer.half_life for layer in probe(rnn, x).layers]
    after = [layer.half_life for layer in probe(open_gate(rnn, lag=100), x).layers]
    assert min(after) > 5 * max(before)


@pytest.mark.parametrize("make", [nn.RNN, nn.GRU, nn.LSTM, nn.GRUCell])
def test_every_block_becomes_orthogonal(make):
    rnn = orthogonal(make(3, 4, 2) if issubclass(make, nn.RNNBase) else make(3, 4), gain=2.0)
    for name, p in rnn.named_parameters():
        for block in p.detach().split(4) if name.startswith("weight_hh") else ():
            assert torch.allclose(block @ block.T, 4 * torch.eye(4), atol=1e-5)


def normed(module, name):
    return nn.utils.parametrizations.weight_norm(module, name, dim=None)


def pruned(module):
    return prune.l1_unstructured(module, "weight_hh_l0", amount=0.5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: open_gate(nn.GRU(2, 3)), "lag: got None with bias=None, wants exactly one"),
        (lambda: open_gate(nn.GRU(2, 3), 5, bias=1), "lag: got 5 with bias=1, wants exactly one"),
        (lambda: open_gate(nn.GRU(2, 3), 2), "lag: got 2, wants a finite number of at least 3"),
        (lambda: open_gate(nn.GRU(2, 3), bias="1"), "bias: got '1', wants a number"),
        (lambda: open_gate(nn.RNN(2, 3), 5), "module: got RNN, wants one of torch.nn's GRU, LSTM"),
        (lambda: open_gate(nn.GRU(2, 3, bias=False), 5), "module: got one with bias=False"),
        (lambda: open_gate(nn.GRU(2, 3), 5, seed=-1), "seed: got -1"),
        (lambda: orthogonal(nn.Linear(2, 3)), "module: got Linear, wants one of torch.nn's RNN"),
        (lambda: orthogonal(nn.LSTM(2, 3, proj_size=2)), "module: got an LSTM with proj_size"),
        (lambda: open_gate(normed(nn.GRU(2, 3), "bias_hh_l0"), 5), "module: got one whose bias_hh_l0 is computed from"),
        (lambda: open_gate(normed(nn.GRUCell(2, 3), "bias_ih"), 5), "module: got one whose bias_ih is computed from"),
        (lambda: orthogonal(normed(nn.GRU(2, 3), "weight_hh_l0")), "module: got one whose weight_hh_l0 is computed"),
        (lambda: orthogonal(pruned(nn.GRU(2, 3))), "module: got one whose weight_hh_l0 is computed from other tensors"),
        (lambda: orthogonal(nn.GRU(2, 3), gain=np.nan), "gain: got nan"),
    ],
)
def test_bad_input_of_the_remedies(call, message):
    with pytest.raises(ValueError, match=message):
        call()
