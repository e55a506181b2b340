"""`probe` on models that torch runs in odd ways: checkpointed, under functorch, lazy, without a sequence.

Each ends in the numbers of autograd, or in a ValueError that names the argument.
"""

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils import checkpoint as checkpointing
from torch.utils.checkpoint import checkpoint, checkpoint_sequential

from course_utils.probe import probe

T, B, D, H = 7, 3, 6, 5

# ---------------------------------------------------------------------------------------------------------------------
# Activation checkpointing


def plainly(function, *args):
    """In the place of checkpoint: the call alone."""
    return function(*args)


class Outputs(nn.Module):
    """A layer of which only the outputs go on."""

    def __init__(self, rnn):
        super().__init__()
        self.rnn = rnn

    def forward(self, x):
        return self.rnn(x)[0]


class Whole(nn.Module):
    """Words, two layers under a checkpoint, a readout."""

    def __init__(self):
        super().__init__()
        self.words, self.rnn, self.read = nn.Embedding(11, D), nn.GRU(D, H, 2), nn.Linear(H, 2)
        self.under = plainly

    def forward(self, words):
        return self.read(self.under(lambda x: self.rnn(x)[0], self.words(words)))


class Stepwise(nn.Module):
    """A cell whose every step stands under a checkpoint of its own."""

    def __init__(self, cell):
        super().__init__()
        self.words, self.cell, self.under = nn.Embedding(11, D), cell, plainly

    def forward(self, words):
        x = self.words(words)
        h = 0 * x[0, :, :H]
        for xt in x:
            h = self.under(self.cell, xt, h)
        return h


class OwnCell(nn.Module):
    """None of torch's."""

    def __init__(self):
        super().__init__()
        self.mix = nn.Linear(D + H, H)

    def forward(self, x, h):
        return torch.tanh(self.mix(torch.cat([x, h], dim=1)))


class Sequential(nn.Module):
    """By checkpoint_sequential, in two segments."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(11, D)
        self.net = nn.Sequential(nn.Linear(D, D), Outputs(nn.LSTM(D, H)), nn.Linear(H, H), Outputs(nn.GRU(H, H)))
        self.under = plainly

    def forward(self, words):
        if self.under is plainly:
            return self.net(self.words(words))
        return checkpoint_sequential(self.net, 2, self.words(words), **self.under.keywords)


MODELS = {
    "whole": Whole,
    "cell": lambda: Stepwise(nn.GRUCell(D, H)),
    "own cell": lambda: Stepwise(OwnCell()),
    "sequential": Sequential,
}


def numbers(report):
    """All that a report measures."""
    for layer in report.layers:
        yield from (layer.name, layer.grad_h, layer.grad_x, layer.reach, layer.exponents)
    yield report.loss


@pytest.mark.parametrize("reentrant", [True, False])
@pytest.mark.parametrize("name", MODELS)
def test_a_checkpoint_changes_no_number(name, reentrant):
    torch.manual_seed(0)
    model, words = MODELS[name](), torch.randint(11, (T, B))
    plain = probe(model, words)
    model.under = partial(checkpoint, use_reentrant=reentrant)
    before = checkpointing._checkpoint_hook, vars(torch.autograd.Function)["apply"]
    report = probe(model, words)
    for got, wanted in zip(numbers(report), numbers(plain), strict=True):
        np.testing.assert_array_equal(got, wanted)
    assert report.notes == (*plain.notes, *report.notes[-1:])
    assert "checkpointing was left out" in report.notes[-1]
    assert before == (checkpointing._checkpoint_hook, vars(torch.autograd.Function)["apply"])


@pytest.mark.parametrize("reentrant", [True, False])
def test_gradients_under_a_checkpoint_are_those_of_its_own_backward(reentrant):
    """The oracle is torch's backward through the checkpoint itself, and its Jacobian of the untouched layer."""
    torch.manual_seed(0)
    model, words = Whole().double(), torch.randint(11, (T, B))
    model.rnn = nn.GRU(D, H).double()
    model.under = partial(checkpoint, use_reentrant=reentrant)
    (layer,) = probe(model, words).layers
    x = model.words(words)
    x.retain_grad()
    model.words.forward = lambda words: x
    calls = []
    model.rnn.register_forward_pre_hook(lambda *_: calls.append(1))
    model(words).square().sum().backward()
    assert len(calls) == 2  # it is checkpointed as before
    np.testing.assert_allclose(layer.grad_x[:, ::-1], x.grad.norm(dim=2).T, rtol=1e-9)

    def last(h, start):
        return model.rnn(x.detach()[start:, :1], h[None, None])[0][-1, 0]

    states = [torch.zeros(H, dtype=torch.float64), *model.rnn(x)[0][:-1, 0].detach()]
    assert 0 in layer.rows
    reach = layer.reach[layer.rows.index(0)]
    for k, state in enumerate(states):
        J = torch.autograd.functional.jacobian(partial(last, start=k), state)
        assert np.exp(reach[T - k]) == pytest.approx(torch.linalg.matrix_norm(J).item(), rel=1e-9)


def test_a_checkpoint_that_lets_no_gradient_in_is_named():
    torch.manual_seed(0)
    model, x = Outputs(nn.GRU(D, H)), torch.randn(T, B, D)
    model.forward = lambda x: checkpoint(lambda x: model.rnn(x)[0], x, use_reentrant=True)
    assert "in training no gradient reaches the weights of what runs there" in str(probe(model, x))
    with pytest.warns(UserWarning, match="None of the inputs"):
        assert not model(x).requires_grad  # so it is


class OutOfSight(torch.autograd.Function):
    """A checkpoint of somebody's own: the forward pass once more, while the gradient is computed."""

    @staticmethod
    def forward(ctx, x, rnn):
        ctx.save_for_backward(x)
        ctx.rnn = rnn
        return rnn(x)[0]

    @staticmethod
    def backward(ctx, grad):
        with torch.enable_grad():
            x = ctx.saved_tensors[0].detach().requires_grad_()
            ctx.rnn(x)[0].backward(grad)
        return x.grad, None


class Reversed(torch.autograd.Function):
    """A function with a backward of its own that runs no layer."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, grad):
        return -grad


def test_a_function_of_ones_own_is_no_hindrance_unless_a_layer_runs_in_it():
    torch.manual_seed(0)
    model, x = Outputs(nn.GRU(D, H)), torch.randn(T, B, D, requires_grad=True)
    plain = probe(model, x)
    model.forward = lambda x: model.rnn(Reversed.apply(x))[0]
    np.testing.assert_array_equal(probe(model, x).layers[0].grad_x, plain.layers[0].grad_x)
    model.forward = lambda x: OutOfSight.apply(x, model.rnn)
    with pytest.raises(ValueError, match=r"^model: got one that calls rnn inside OutOfSight, an autograd\.Function"):
        probe(model, x)


def test_a_graph_that_no_gradient_passes_is_named():
    """An output that is written to after it was saved for the gradient."""
    torch.manual_seed(0)
    model, x = Outputs(nn.GRU(D, H)), torch.randn(T, B, D)
    model.forward = lambda x: torch.sigmoid(model.rnn(x)[0]).add_(1)
    with pytest.raises(ValueError, match=r"^model: got one through which torch's gradient .* inplace operation"):
        probe(model, x)


# ---------------------------------------------------------------------------------------------------------------------
# Functorch


def under(how):
    """A model that runs its layer in one of functorch's ways."""
    model = Stepwise(OwnCell()) if how == "vmap of a loop" else Outputs(nn.GRU(D, H))
    plain = model.forward
    if how == "vmap of a loop":
        model.words = nn.Identity()
        model.forward = torch.vmap(lambda x: plain(x[:, None])[0], in_dims=1)
    elif how == "vmap":
        model.forward = torch.vmap(plain, in_dims=1)
    elif how == "vmap over weights":
        stacked = {name: torch.stack([p, 2 * p]) for name, p in model.named_parameters()}
        run = partial(torch.func.functional_call, Outputs(model.rnn))
        model.forward = lambda x: torch.vmap(run, in_dims=(0, None))(stacked, x)
    elif how == "grad":
        model.forward = torch.func.grad(lambda x: plain(x).square().sum())
    else:
        model.forward = lambda x: torch.func.jvp(plain, (x,), (x,))[1]
    return model


@pytest.mark.parametrize("how", ["vmap", "vmap of a loop", "vmap over weights", "grad", "jvp"])
def test_a_layer_under_functorch_is_named(how):
    torch.manual_seed(0)
    with pytest.raises(ValueError, match=r"^model: got one that calls (rnn|gru|cell) inside torch\.vmap, or a deriv"):
        probe(under(how), torch.randn(T, B, D))


def test_functorch_beside_a_layer_is_no_hindrance():
    torch.manual_seed(0)
    model, x = Outputs(nn.GRU(D, H)), torch.randn(T, B, D)
    plain = probe(model, x)
    scale = nn.Parameter(torch.ones(H))
    model.forward = lambda x: torch.vmap(lambda h: h * scale)(model.rnn(x)[0].reshape(-1, H))
    for got, wanted in zip(numbers(probe(model, x)), numbers(plain), strict=True):
        np.testing.assert_array_equal(got, wanted)
    weights = {name: p.detach().clone() for name, p in model.rnn.named_parameters()}
    model.forward = lambda x: torch.func.functional_call(model.rnn, weights, (x,))[0]
    np.testing.assert_array_equal(probe(model, x).layers[0].reach, plain.layers[0].reach)


# ---------------------------------------------------------------------------------------------------------------------
# No numbers, or none that a gradient could use


def lazy():
    return nn.Sequential(Outputs(nn.GRU(D, H)), nn.LazyLinear(2))


def lazy_buffer():
    return nn.Sequential(Outputs(nn.GRU(D, H)), nn.LazyBatchNorm1d(affine=False))


def inferring():
    with torch.inference_mode():
        return Outputs(nn.GRU(D, H))


def inferring_and_frozen():
    return inferring().requires_grad_(False)


@pytest.mark.parametrize(
    ("make", "shape", "message"),
    [
        (lambda: nn.GRU(D, H), (T, 0, D), r"^batch: got one of which gru reads 0 sequences, wants at least one"),
        (lambda: Outputs(nn.GRU(D, H, 2)), (T, 0, D), r"^batch: got one of which rnn reads 0 sequences"),
        (lambda: Outputs(nn.LSTM(D, H)), (0, B, D), r"^batch: got one of which rnn reads 0 steps, wants at least one"),
        (lazy, (T, B, D), "^model: got 1.weight without a shape, as before the first call"),
        (lazy_buffer, (T, H, D), "^model: got 1.running_mean without a shape, as before the first call"),
        (inferring, (T, B, D), "^model: got rnn.weight_ih_l0 made under torch.inference_mode"),
        (inferring_and_frozen, (T, B, D), "^model: got rnn.weight_ih_l0 made under torch.inference_mode"),
    ],
)
def test_what_has_no_numbers_is_named(make, shape, message):
    with pytest.raises(ValueError, match=message):
        probe(make(), torch.randn(shape))


def test_a_loop_without_sequences_is_named():
    model = Stepwise(OwnCell())
    with pytest.raises(ValueError, match=r"^batch: got one of which cell reads 0 sequences"):
        probe(model, torch.randint(11, (T, 0)))


class Experts(nn.Module):
    """Each sequence goes to one of two layers."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.GRU(D, H), nn.GRU(D, H)

    def forward(self, x, second):
        return torch.cat([self.first(x[:, ~second])[0], self.second(x[:, second])[0]], dim=1)


def test_a_layer_that_reads_nothing_is_left_out_and_named():
    torch.manual_seed(0)
    model, x = Experts(), torch.randn(T, B, D)
    report = probe(model, (x, torch.zeros(B, dtype=torch.bool)))
    assert [layer.module for layer in report.layers] == ["first"]
    assert "Of second a call read no sequence of this batch" in str(report)
    np.testing.assert_array_equal(report.layers[0].reach, probe(model.first, x).layers[0].reach)


def test_a_batch_of_inference_is_read():
    torch.manual_seed(0)
    model, x = nn.GRU(D, H), torch.randn(T, B, D)
    with torch.inference_mode():
        copied = x.clone()
    np.testing.assert_array_equal(probe(model, copied).layers[0].grad_x, probe(model, x).layers[0].grad_x)


def test_what_a_lazy_model_lacked_is_there_after_its_first_call():
    torch.manual_seed(0)
    model, x = lazy(), torch.randn(T, B, D)
    model(x)
    assert len(probe(model, x).layers) == 1
