"""Does *your* torch model forget? `probe` measures it, per layer and direction; `open_gate` is the first thing to try.

    report = probe(model, batch)                   # or loss=lambda output: ...; lengths=... of a padded batch
    print(report)                                  # a verdict in words; report.verdict(lag=120): labels need 120 steps
    report.figure(lag=120)                         # a figure for each layer
    layer = report.layers[0]                       # .half_life .decades(lag) .reach .grad_h .grad_x .exponents .gates
    open_gate(model.rnn, lag=120)                  # chrono biases, in place; or bias=1.0; also orthogonal(model.rnn)

The model runs once. Where it calls torch's recurrent functions (torch.nn.RNN, GRU, LSTM and their cells all do), the
same steps are taken in float64, one by one, so that every state is a node of autograd's graph. What such a run leaves
behind is then replayed through the course's own cells: see `_replay`. What results mean stands in `_report`.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence
from torch.overrides import TorchFunctionMode
from tqdm.auto import tqdm

from course_utils import _replay, _validate
from course_utils._replay import Recording
from course_utils._report import SATURATED, Gate, LayerReport, Report
from course_utils.cells import GATES
from course_utils.training import silent

__all__ = ["Gate", "LayerReport", "Report", "open_gate", "orthogonal", "probe"]

LAYERS = {"gru": "GRU", "lstm": "LSTM", "rnn_tanh": "RNN", "rnn_relu": "RNN"}  # torch's functions over a sequence
CELLS = {f"{name}_cell": kind for name, kind in LAYERS.items()}  # and over a step
PATIENCE = 3.0  # seconds before a progress bar is shown
WORK = 3e10  # multiplications and additions that the exact rows of a report may take, unless one row takes more


# ---------------------------------------------------------------------------------------------------------------------
# The run, seen from inside


@dataclass
class _Run:
    """One layer and direction over some steps, as nodes of autograd's graph, in the order in which it reads.

    key says whose it is; xs (T, B, D); hs and cs T+1 states (B, H); outs (T, B, H), what the layer above reads.
    """

    key: tuple
    module: str
    kind: str
    activation: str
    layer: int
    direction: str
    weights: dict[str, torch.Tensor]
    xs: list[torch.Tensor]
    hs: list[torch.Tensor]
    cs: list[torch.Tensor]
    outs: list[torch.Tensor]
    lengths: torch.Tensor
    faults: list[str] = field(default_factory=list)


class _Watch(TorchFunctionMode):
    """Takes over torch's recurrent functions while a model runs, and records what they do."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.runs: list[_Run] = []
        self.names = {id(p): name for name, p in model.named_parameters(remove_duplicate=False)}
        self.known: dict[int, tuple[torch.Tensor, int, torch.Tensor]] = {}  # what a layer put out, and its float64 node
        self.weights: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """torch calls this in place of each of its functions."""
        name = getattr(func, "__name__", "")
        if name in LAYERS and not kwargs:
            return self._layers(name, *args)
        if name in CELLS and not kwargs:
            return self._cell(name, *args)
        return func(*args, **(kwargs or {}))

    def _exact(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor in float64 on the CPU, as a node of its own: what a layer put out comes without any rounding."""
        source, version, node = self.known.get(id(tensor), (None, 0, tensor))
        if source is tensor and tensor._version == version:
            return node.clone()
        copied = tensor.to("cpu", torch.float64, copy=True)
        return copied if copied.requires_grad else copied.requires_grad_()

    def _rounded(self, node: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        """A node as the model wants it, in its dtype and on its device."""
        out = node.to(like.device, like.dtype, copy=True)
        self.known[id(out)] = (out, out._version, node)
        return out

    def _weight(self, weight: torch.Tensor) -> torch.Tensor:
        """A weight in float64 on the CPU, without gradient; converted once."""
        if id(weight) not in self.weights:
            self.weights[id(weight)] = (weight, weight.detach().to("cpu", torch.float64))
        return self.weights[id(weight)][1]

    def _module(self, weight: torch.Tensor, kind: str) -> str:
        """The name of the module that has this weight: "encoder.rnn"."""
        name = self.names.get(id(weight), "").replace("_orig_mod.", "")
        return name.rpartition(".")[0] or kind.lower()

    def _layers(self, name: str, data: torch.Tensor, *rest: Any) -> tuple:
        """torch.gru, lstm, rnn_tanh, rnn_relu: layer by layer, direction by direction, step by step."""
        kind, activation = LAYERS[name], "relu" if name == "rnn_relu" else "tanh"
        batch_sizes = None
        if isinstance(rest[2], list | tuple):
            batch_sizes, hx, flat, biases, num_layers, dropout, training, both = rest
            x, lengths = pad_packed_sequence(PackedSequence(self._exact(data), batch_sizes))
            batch_first = False
        else:
            hx, flat, biases, num_layers, dropout, training, both, batch_first = rest
            x = self._exact(data)
            x = x.transpose(0, 1) if batch_first else x
            lengths = torch.full((x.shape[1],), x.shape[0])
        starts = [self._exact(start) for start in (hx if kind == "LSTM" else [hx])]
        each = len(flat) // (num_layers * (2 if both else 1))
        ends: list[list[torch.Tensor]] = [[] for _ in starts]
        for layer in range(num_layers):
            outs = []
            for direction in ("forward", "backward") if both else ("forward",):
                i = len(ends[0])
                run = self._unroll(
                    kind,
                    activation,
                    layer,
                    direction,
                    flat[i * each : (i + 1) * each],
                    biases,
                    x,
                    [start[i] for start in starts],
                    lengths,
                )
                outs.append(_turned(run.outs[0], lengths) if direction == "backward" else run.outs[0])
                for end, states in zip(ends, (run.hs, run.cs), strict=False):
                    end.append(states[-1])
            x = torch.cat(outs, dim=-1)
            if dropout and training and layer < num_layers - 1:
                x = torch.nn.functional.dropout(x, dropout, training=True)
        out = x.transpose(0, 1) if batch_first else x
        if batch_sizes is not None:
            out = x[torch.arange(x.shape[1]) < batch_sizes[:, None]]
        return (self._rounded(out, data), *(self._rounded(torch.stack(end), data) for end in ends))

    def _unroll(
        self,
        kind: str,
        activation: str,
        layer: int,
        direction: str,
        weights: Sequence[torch.Tensor],
        biases: bool,
        x: torch.Tensor,
        starts: Sequence[torch.Tensor],
        lengths: torch.Tensor,
    ) -> _Run:
        """One layer in one direction over x (T, B, D)."""
        names = ["Wx", "Wh", *(("bx", "bh") if biases else ()), *(("Whr",) if len(weights) % 2 else ())]
        named = {name: self._weight(weight) for name, weight in zip(names, weights, strict=True)}
        xs = _turned(x, lengths) if direction == "backward" else x.clone()
        states = [[start.clone()] for start in starts]
        for t, xt in enumerate(xs.unbind(0)):
            new = _step(kind, activation, named, xt, [those[-1] for those in states])
            for those, state in zip(states, new, strict=True):
                inside = (t < lengths)[:, None]
                those.append(state if inside.all() else torch.where(inside, state, those[-1]))
        key = (*(id(weight) for weight in weights), direction)
        outs = torch.stack(states[0][1:])
        cs = states[1] if kind == "LSTM" else []
        module = self._module(weights[1], kind)
        run = _Run(key, module, kind, activation, layer + 1, direction, named, [xs], states[0], cs, [outs], lengths)
        self.runs.append(run)
        return run

    def _cell(self, name: str, data: torch.Tensor, hx: Any, *weights: Any) -> Any:
        """torch.gru_cell and its sisters: one step of a loop that the model writes itself."""
        kind, activation = CELLS[name], "relu" if name == "rnn_relu_cell" else "tanh"
        weights = tuple(weight for weight in weights if weight is not None)
        starts = [self._exact(start) for start in (hx if kind == "LSTM" else [hx])]
        x, single = self._exact(data), data.dim() == 1
        x, starts = (x[None], [start[None] for start in starts]) if single else (x, starts)
        lengths = torch.ones(len(x), dtype=torch.int64)
        run = self._unroll(kind, activation, 0, "forward", weights, len(weights) == 4, x[None], starts, lengths)
        ends = [states[-1][0] if single else states[-1] for states in (run.hs, run.cs) if states]
        rounded = tuple(self._rounded(end, data) for end in ends)
        return rounded if kind == "LSTM" else rounded[0]


def _step(kind: str, activation: str, weights: Mapping[str, torch.Tensor], x: torch.Tensor, states: list) -> tuple:
    """One step of torch's own cells, in float64."""
    if "Whr" in weights:  # no cell of torch projects; its layer does
        flat = list(weights.values())
        _, h, c = torch.lstm(x[None], tuple(s[None] for s in states), flat, len(flat) == 5, 1, 0.0, False, False, False)
        return h[0], c[0]
    if kind == "LSTM":
        return torch.lstm_cell(x, states, *weights.values())
    if kind == "GRU":
        return (torch.gru_cell(x, *states, *weights.values()),)
    cell = torch.rnn_relu_cell if activation == "relu" else torch.rnn_tanh_cell
    return (cell(x, *states, *weights.values()),)


def _turned(x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """x (T, B, D) with each sequence's own steps the other way round; padding stays behind."""
    t = torch.arange(len(x))[:, None]
    index = torch.where(t < lengths, lengths - 1 - t, t)
    return x.gather(0, index[:, :, None].expand_as(x))


def _joined(runs: list[_Run]) -> list[_Run]:
    """Runs of the same weights, one after the other, each from the state that the last one ended in, as one run."""
    joined: list[_Run] = []
    latest: dict[tuple, _Run] = {}
    for run in runs:
        before = latest.get(run.key)
        if before is not None and _goes_on(before, run):
            before.xs += run.xs
            before.outs += run.outs
            before.hs += run.hs[1:]
            before.cs += run.cs[1:]
            before.lengths = before.lengths + run.lengths
        else:
            joined.append(run)
            latest[run.key] = run
    return joined


def _goes_on(before: _Run, run: _Run) -> bool:
    """Whether a run begins where another one ended, up to rounding to the model's dtype."""
    ended, begins = before.hs[-1], run.hs[0]
    full = bool((before.lengths == sum(len(x) for x in before.xs)).all())
    return full and ended.shape == begins.shape and torch.allclose(ended, begins, rtol=1e-2, atol=1e-6)


# ---------------------------------------------------------------------------------------------------------------------
# Leaving the model as it was


@contextmanager
def _untouched(model: torch.nn.Module) -> Iterator[None]:
    """Whatever a forward pass changes is put back, bit for bit: tensors, attributes, mode, hooks, random states."""
    saved = []
    for module in model.modules():
        attributes = dict(vars(module))
        inside = {name: value.copy() for name, value in attributes.items() if isinstance(value, dict | list | set)}
        saved.append((module, attributes, inside))
    tensors = []
    for _, attributes, inside in saved:
        for group in (attributes, *(values for values in inside.values() if isinstance(values, dict))):
            tensors += [(value, value._version, value.detach().clone()) for value in group.values() if _is_plain(value)]
    grads = [(p, p.grad, None if p.grad is None else p.grad.clone()) for p in model.parameters()]
    numpy_state, python_state, cpu = np.random.get_state(), random.getstate(), torch.get_rng_state()  # noqa: NPY002
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    try:
        yield
    finally:
        with torch.no_grad():
            for tensor, version, copied in tensors:
                if tensor._version != version:
                    tensor.copy_(copied)
            for p, grad, copied in grads:
                p.grad = grad
                if grad is not None and copied is not None:
                    grad.copy_(copied)
        for module, attributes, inside in saved:
            vars(module).clear()
            vars(module).update(attributes)
            for name, values in inside.items():
                _refill(attributes[name], values)
        np.random.set_state(numpy_state)  # noqa: NPY002
        random.setstate(python_state)
        torch.set_rng_state(cpu)
        for device, state in enumerate(cuda):
            torch.cuda.set_rng_state(state, device)


def _is_plain(value: object) -> bool:
    return isinstance(value, torch.Tensor) and not value.is_inference()


def _refill(container: Any, values: Any) -> None:
    """The very same dict, list or set, holding what it held."""
    container.clear()
    (container.extend if isinstance(container, list) else container.update)(values)


@contextmanager
def _eagerly() -> Iterator[None]:
    """Gradients on, and whatever torch.compile has made runs as it was written."""
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        if hasattr(torch.compiler, "set_stance"):  # from torch 2.6 on
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        yield


# ---------------------------------------------------------------------------------------------------------------------
# From the run to the report


def probe(
    model: torch.nn.Module,
    batch: Any,
    *,
    loss: Callable[[Any], torch.Tensor] | None = None,
    lengths: Sequence[int] | torch.Tensor | None = None,
) -> Report:
    """How far back each recurrent layer of a torch model can see, measured on a batch. The model stays as it was.

    model    any torch.nn.Module that calls torch.nn.RNN, GRU or LSTM, or loops over their cells; in the mode it is in.
    batch    as the model takes it: a tensor or PackedSequence, model(batch); a tuple, model(*batch); a dict,
             model(**batch).
    loss     of the model's output, a scalar tensor; unless given, the sum of the squares of all numbers in the output.
    lengths  (B,) how many steps of each padded sequence are its own. Packed sequences know theirs.

    Returns a Report. Raises ValueError naming the argument.
    """
    _check_model(model)
    if loss is not None and not callable(loss):
        raise ValueError(f"loss: got {type(loss).__name__}, wants a function of the model's output, or None")
    watch = _Watch(model)
    with _untouched(model), _eagerly(), watch:
        output = _call(model, batch)
        value = _squares(output) if loss is None else _own_loss(loss, output)
    if not watch.runs:
        raise ValueError(
            f"model: got {type(model).__name__}, which called no recurrent function of torch on this batch, wants a "
            "model with torch.nn.RNN, GRU or LSTM, or a loop over their cells"
        )
    if not value.requires_grad:
        raise ValueError("loss: got a value that no gradient can reach, wants one computed from the output by torch")
    recordings = _recordings(_joined(watch.runs), value)
    return _report(recordings, float(value.detach()), notes=())


def _check_model(model: object) -> None:
    if not isinstance(model, torch.nn.Module):
        raise ValueError(f"model: got {type(model).__name__}, wants a torch.nn.Module")
    if isinstance(model, torch.jit.ScriptModule):
        raise ValueError("model: got a TorchScript module, whose inside can't be seen; wants the module it was made of")
    for name, weight in [*model.named_parameters(), *model.named_buffers()]:
        if weight.is_meta:
            raise ValueError(f"model: got {name} on the meta device, where there are no numbers; wants weights")
        if not torch.isfinite(weight).all():
            raise ValueError(f"model: got NaN or inf in {name}, wants finite weights")


def _call(model: torch.nn.Module, batch: Any) -> Any:
    """The model's output."""
    for tensor in _tensors(batch):
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise ValueError("batch: got NaN or inf, wants finite numbers")
    try:
        if isinstance(batch, torch.Tensor | PackedSequence):
            return model(batch)
        if isinstance(batch, Mapping):
            return model(**batch)
        if isinstance(batch, tuple):
            return model(*batch)
    except Exception as error:
        how = "**batch" if isinstance(batch, Mapping) else "*batch" if isinstance(batch, tuple) else "batch"
        raise ValueError(
            f"batch: got one on which model({how}) raised {type(error).__name__}: {error}; wants what the model takes"
        ) from error
    raise ValueError(f"batch: got {type(batch).__name__}, wants a tensor, a PackedSequence, a tuple or a dict")


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    """All tensors in nested tuples, lists, dicts and dataclasses."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _tensors(inner)
    elif isinstance(value, tuple | list):
        for inner in value:
            yield from _tensors(inner)
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            yield from _tensors(getattr(value, name))


def _squares(output: Any) -> torch.Tensor:
    """The default loss."""
    parts = [t for t in _tensors(output) if t.is_floating_point()]
    if not parts:
        raise ValueError(
            f"loss: got None for a model that returns {type(output).__name__} without a tensor of real numbers, wants "
            "a function of that output"
        )
    return torch.stack([part.to("cpu", torch.float64).square().sum() for part in parts]).sum()


def _own_loss(loss: Callable, output: Any) -> torch.Tensor:
    """The loss that was asked for, checked."""
    value = loss(output)
    if not isinstance(value, torch.Tensor) or value.numel() != 1:
        got = f"shape {tuple(value.shape)}" if isinstance(value, torch.Tensor) else type(value).__name__
        raise ValueError(f"loss: got {got} from it, wants a scalar tensor")
    if not torch.isfinite(value):
        raise ValueError(f"loss: got {value.item()} from it, wants a finite number")
    return value.reshape(())


def _recordings(runs: list[_Run], loss: torch.Tensor) -> list[Recording]:
    """Everything recorded as arrays, with the gradients of the loss."""
    nodes: list[torch.Tensor] = []
    for run in runs:
        nodes += [*run.xs, *run.hs, *run.cs, *run.outs]
    grads = iter(torch.autograd.grad(loss, nodes, allow_unused=True) if nodes else ())

    def norms(those: list[torch.Tensor], joined: Callable) -> np.ndarray:
        found = [torch.zeros_like(node) if (g := next(grads)) is None else g for node in those]
        return joined([grad.norm(dim=-1) for grad in found]).numpy()

    recordings = []
    for run in runs:
        dx, dh = norms(run.xs, torch.cat), norms(run.hs, torch.stack)
        dc = norms(run.cs, torch.stack) if run.cs else None
        own = norms(run.outs, torch.cat)
        weights = {name: weight.numpy() for name, weight in run.weights.items()}
        zeros = np.zeros(len(weights["Wh"]))
        recordings.append(
            Recording(
                run.module,
                run.layer,
                run.direction,
                run.kind,
                run.activation,
                {"bx": zeros, "bh": zeros, **weights},
                torch.cat(run.xs).detach().numpy(),
                torch.stack(run.hs).detach().numpy(),
                torch.stack(run.cs).detach().numpy() if run.cs else None,
                run.lengths.numpy(),
                dx,
                dh,
                dc,
                own,
                tuple(run.faults),
            )
        )
    return recordings


def _report(recordings: list[Recording], loss: float, notes: tuple[str, ...]) -> Report:
    """Replay every recording, and put together what came out."""
    rows = _replay.rows_that_fit(recordings, WORK)
    total = sum(min(rows, len(recording.lengths)) + 1 for recording in recordings)
    with tqdm(total=total, desc="exact rows", leave=False, delay=PATIENCE, disable=silent()) as bar:
        named = zip(recordings, _names(recordings), strict=True)
        layers = tuple(_layer_report(recording, name, rows, bar) for recording, name in named)
    return Report(layers, loss, notes)


def _names(recordings: list[Recording]) -> list[str]:
    """ "rnn, layer 2, backward", without what needs no saying."""
    names: list[str] = []
    for recording in recordings:
        same = [other for other in recordings if other.module == recording.module]
        parts = [recording.module]
        parts += [f"layer {recording.layer}"] if len({other.layer for other in same}) > 1 else []
        parts += [recording.direction] if len({other.direction for other in same}) > 1 else []
        name = ", ".join(parts)
        count = sum(earlier.split(", run ")[0] == name for earlier in names)
        names.append(name if count == 0 else f"{name}, run {count + 1}")
    return names


def _layer_report(recording: Recording, name: str, rows: int, bar: tqdm) -> LayerReport:
    chosen = _replay.longest(recording.lengths, rows)
    states, gates = _replay.batch(recording)
    own = np.arange(len(recording.x))[:, None] < recording.lengths
    kept = {which: _gate(values[own], GATES[recording.kind][-1:] == (which,)) for which, values in gates.items()}
    if recording.kind == "RNN":
        kept = {"h": _gate(states[1:][own], candidate=True)}
    reach = _replay.reach(recording, chosen, bar.update)
    exponents = _replay.exponents(recording, chosen[0])
    bar.update()
    last = recording.lengths
    return LayerReport(
        name=name,
        module=recording.module,
        kind=recording.kind,
        layer=recording.layer,
        direction=recording.direction,
        hidden_size=states.shape[2],
        lengths=recording.lengths,
        grad_x=_replay.by_lag(recording.dx, last - 1),
        grad_h=_replay.by_lag(recording.dh, last),
        grad_c=None if recording.dc is None else _replay.by_lag(recording.dc, last),
        reach=reach,
        rows=chosen,
        exponents=exponents,
        gates=kept,
        reads=int((recording.own > 0).any(axis=1).sum()),
        params=recording.params,
        notes=recording.faults,
    )


def _gate(values: np.ndarray, candidate: bool = False) -> Gate:
    """Statistics of a gate's values (n, H)."""
    low = SATURATED - 1 if candidate else SATURATED
    return Gate(values.mean(0), float((values < low).mean()), float((values > 1 - SATURATED).mean()))


# ---------------------------------------------------------------------------------------------------------------------
# What to do about it


def open_gate(
    module: torch.nn.Module, lag: float | None = None, *, bias: float | None = None, seed: int | None = None
) -> torch.nn.Module:
    """Let the gate that keeps start open, in all layers and directions of a torch.nn.GRU or LSTM (or of their cells).

    lag   longest dependency in steps, at least 3: chrono initialisation (Tallec & Ollivier 2018, eq. 16), the keeping
          gate's total bias is log U(1, lag - 1), unit by unit; the LSTM's input gate gets its negative.
    bias  instead, one number for all units: 1.0 as in Jozefowicz et al. 2015.
    seed  of the draw; unless given, torch's own random state is used, as in any initialisation.

    torch keeps two biases for each gate, which add up: the whole stands in bias_ih, bias_hh is set to 0 there. Its z
    multiplies the old state, so a positive bias keeps. In place; returns the module. Raises ValueError naming the
    argument.
    """
    if (lag is None) == (bias is None):
        raise ValueError(f"lag: got {lag!r} with bias={bias!r}, wants exactly one of the two")
    blocks = _gated(module)
    draw = None if seed is None else torch.Generator().manual_seed(_validate.integer("seed", seed, 0))
    if lag is not None:
        lag = _validate.number("lag", lag, at_least=3)
    with torch.no_grad():
        for bias_ih, bias_hh in _biases(module):
            ih, hh = bias_ih.chunk(blocks), bias_hh.chunk(blocks)
            total = torch.full(ih[1].shape, 0.0 if bias is None else _validate.number("bias", bias))
            if lag is not None:
                total = torch.log(1 + (lag - 2) * torch.rand(ih[1].shape, generator=draw))
            ih[1].copy_(total)  # the keeping gate is the second block of either: r, z, n and i, f, g, o
            hh[1].zero_()
            if lag is not None and blocks == 4:
                ih[0].copy_(-total)
                hh[0].zero_()
    return module


def orthogonal(module: torch.nn.Module, gain: float = 1.0) -> torch.nn.Module:
    """Recurrent weights drawn orthogonal (Saxe et al. 2014), every gate's block (H, H) for itself, times `gain`.

    For torch.nn.RNN, GRU, LSTM and their cells, all layers and directions. nn.init.orthogonal_ on the whole of
    weight_hh (3H, H) would make its columns orthogonal, and none of its blocks. In place; returns the module.
    """
    gain = _validate.number("gain", gain)
    weights = [p for name, p in _own_parameters(module, RECURRENT) if name.startswith("weight_hh")]
    with torch.no_grad():
        for weight in weights:
            if weight.shape[0] % weight.shape[1]:
                raise ValueError("module: got an LSTM with proj_size, whose blocks aren't square; wants proj_size=0")
            for block in weight.split(weight.shape[1]):
                block.copy_(torch.nn.init.orthogonal_(torch.empty(block.shape), gain))
    return module


GATED = (torch.nn.GRU, torch.nn.LSTM, torch.nn.GRUCell, torch.nn.LSTMCell)
RECURRENT = (torch.nn.RNN, torch.nn.RNNCell, *GATED)


def _own_parameters(module: object, kinds: tuple) -> list[tuple[str, torch.Tensor]]:
    if not isinstance(module, kinds):
        wants = ", ".join(kind.__name__ for kind in kinds)
        raise ValueError(f"module: got {type(module).__name__}, wants one of torch.nn's {wants}")
    return list(module.named_parameters(recurse=False))


def _gated(module: torch.nn.Module) -> int:
    """How many blocks its rows have."""
    _own_parameters(module, GATED)
    return 3 if isinstance(module, torch.nn.GRU | torch.nn.GRUCell) else 4


def _biases(module: torch.nn.Module) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """(bias_ih, bias_hh) of each layer and direction."""
    named = dict(_own_parameters(module, GATED))
    pairs = [(p, named[name.replace("_ih", "_hh")]) for name, p in named.items() if name.startswith("bias_ih")]
    if not pairs:
        raise ValueError("module: got one with bias=False, wants biases, in which a gate can be opened")
    return pairs
