"""`probe` against torch's autograd on whole models, and the model that it leaves behind."""

import numpy as np
import pytest
import torch

from course_utils import _replay
from course_utils.cells import forward
from course_utils.gradients import jacobians
from course_utils.norms import norms_to_past
from course_utils.probe import open_gate, orthogonal, probe
from course_utils.torch_bridge import to_params


def test_a_single_layer_is_what_the_package_says_of_it():
    """Reach, gates, half-life and the loss's gradients, of torch.nn.GRU as `to_params` reads it."""
    torch.manual_seed(0)
    gru = torch.nn.GRU(3, 5).double()
    x = torch.randn(12, 2, 3, dtype=torch.float64)
    (layer,) = probe(gru, x, loss=lambda output: output[0][-1].sum()).layers
    for row, b in zip(layer.reach, layer.rows, strict=True):
        trace = forward(to_params(gru), x[:, b].numpy())
        wanted = norms_to_past(jacobians(trace), "fro", log=True)[::-1]
        assert np.allclose(row, wanted, rtol=1e-10)
    leaf = x.clone().requires_grad_()
    gru(leaf)[0][-1].sum().backward()
    assert np.allclose(layer.grad_x, leaf.grad.norm(dim=2).numpy()[::-1].T, rtol=1e-9)
    assert layer.half_life == pytest.approx(12 * np.log(2) / np.median(layer.reach[:, 0] - layer.reach[:, -1]))
    assert layer.reads == 1


def test_two_stacked_layers_and_a_readout_have_one_report_each():
    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.rnn = (
                torch.nn.Embedding(7, 4),
                torch.nn.LSTM(4, 3, 2, batch_first=True, bidirectional=True),
            )
            self.read = torch.nn.Linear(6, 7)

        def forward(self, x):
            return self.read(self.rnn(self.embed(x))[0])

    torch.manual_seed(0)
    report = probe(Model(), torch.randint(0, 7, (2, 9)))
    assert [layer.name for layer in report.layers] == [
        f"rnn, layer {layer}, {direction}" for layer in (1, 2) for direction in ("forward", "backward")
    ]
    assert "labels need 120" in report.verdict(lag=120)
    assert str(report) == report.verdict()
    assert report["rnn, layer 2, backward"].reach.shape == (2, 10)


def test_the_gate_that_keeps_is_opened_in_torchs_own_order():
    for kind, gate in (("GRU", "z"), ("LSTM", "f")):
        rnn = open_gate(getattr(torch.nn, kind)(3, 4, 2, bidirectional=True), bias=3.0)
        layer = probe(rnn, torch.zeros(6, 1, 3)).layers[-1]
        assert layer.gates[gate].mean.min() > 0.85


def test_every_block_becomes_orthogonal():
    rnn = orthogonal(torch.nn.GRU(3, 4, 2))
    for block in rnn.weight_hh_l1.detach().split(4):
        assert torch.allclose(block @ block.T, torch.eye(4), atol=1e-6)


def test_the_batch_replay_is_the_plain_cells():
    torch.manual_seed(0)
    for rnn in (torch.nn.RNN(3, 4, nonlinearity="relu"), torch.nn.GRU(3, 4), torch.nn.LSTM(3, 4, proj_size=2)):
        seen = []
        real = _replay.batch

        def batch(recording, seen=seen, real=real):
            seen.append((recording, *real(recording)))
            return seen[-1][1:]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_replay, "batch", batch)
            probe(rnn, torch.randn(6, 2, 3))
        ((recording, states, gates),) = seen
        for b in range(2):
            trace = recording.trace(b)
            assert np.allclose(states[:, b], trace.h, atol=1e-12)
            for name, values in gates.items():
                assert np.allclose(values[:, b], trace.gates[name], atol=1e-12)
        assert _replay.deviation(recording, states) < 1e-12
