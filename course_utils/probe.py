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
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence
from torch.overrides import TorchFunctionMode
from tqdm.auto import tqdm

from course_utils import _replay, _validate
from course_utils._replay import DIRECTIONS, Recording
from course_utils._report import Gate, LayerReport, Report
from course_utils.training import silent

__all__ = ["Gate", "LayerReport", "Report", "open_gate", "orthogonal", "probe"]

LAYERS = {"gru": "GRU", "lstm": "LSTM", "rnn_tanh": "RNN", "rnn_relu": "RNN"}  # torch's functions over a sequence
CELLS = {f"{name}_cell": kind for name, kind in LAYERS.items()}  # and over a step
PATIENCE = 3.0  # seconds before a progress bar is shown
WORK = 3e10  # multiplications and additions that the exact rows of a report may take, unless one row takes more


# ---------------------------------------------------------------------------------------------------------------------
# The run, seen from inside


@dataclass
class _Part:
    """A tensor of the model's own graph, or one row of it: (B, H) of a state."""

    whole: torch.Tensor
    row: int | None = None

    def of(self, tensor: torch.Tensor) -> torch.Tensor:
        """This part of something shaped like the whole, as (B, H)."""
        part = tensor if self.row is None else tensor[self.row]
        return part.reshape(len(part), -1) if part.dim() > 1 else part.reshape(1, -1)


@dataclass
class _Given:
    """What one call of torch's recurrent functions was given.

    module runs it, by name; source is the input in the model's own graph. lengths (B,): how many steps each sequence
    has. Packed sequences have their own and are sorted by them; order (B,) says where in them the user's stand.
    """

    module: str
    kind: str
    activation: str
    source: torch.Tensor
    lengths: torch.Tensor
    packed: bool = False
    order: torch.Tensor | None = None


@dataclass
class _Run:
    """One layer and direction over some steps, as nodes of autograd's graph, in the order in which it reads.

    key says whose it is; xs (T, B, D); hs and cs T+1 states (B, H); outs (T, B, H), what the layer above reads.
    entries: (step, the state's parts as they came in) of every call.
    altered: between two calls the model did something to the state. fed_back: it made inputs of the outputs.
    """

    given: _Given
    key: tuple
    layer: int
    direction: str
    weights: dict[str, torch.Tensor]
    xs: list[torch.Tensor]
    hs: list[torch.Tensor]
    cs: list[torch.Tensor]
    outs: list[torch.Tensor]
    lengths: torch.Tensor
    entries: list[tuple[int, list[_Part]]]
    altered: bool = False
    fed_back: bool = False


@dataclass
class _Call:
    """One call of a module that has weights: what went in and came out, and how many runs had been seen by then."""

    inputs: list[torch.Tensor]
    outputs: list[torch.Tensor]
    runs: int


@dataclass
class _Loop:
    """A module that the model calls step by step on a state: T+1 states, each in one or more parts."""

    module: str
    kind: str
    states: list[list[_Part]]


class _Watch(TorchFunctionMode):
    """Takes over torch's recurrent functions while a model runs, and records what they do."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.runs: list[_Run] = []
        self.names = {module: _plain_name(name) for name, module in model.named_modules()}
        self.within: list[torch.nn.Module] = []  # the modules that are running, the innermost one last
        self.order: torch.Tensor | None = None  # where the user's sequences stand in a packed batch
        self.calls: dict[torch.nn.Module, list[_Call]] = {}
        self.known: dict[int, tuple[torch.Tensor, int, torch.Tensor]] = {}  # what a layer put out, and its float64 node
        self.weights: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    @contextmanager
    def watching(self) -> Iterator[None]:
        """In force, for modules as well: by torch's global hooks, so that none stands on the model."""
        hooks = torch.nn.modules.module
        before = hooks.register_module_forward_pre_hook(self._calling)
        after = hooks.register_module_forward_hook(self._called, with_kwargs=True)
        try:
            with self:
                yield
        finally:
            before.remove()
            after.remove()

    def _calling(self, module: torch.nn.Module, args: Any) -> None:
        """Before each call of any module."""
        self.within.append(module)
        self.order = next((arg.unsorted_indices for arg in args if isinstance(arg, PackedSequence)), None)

    def _called(self, module: torch.nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        """After each call of any module."""
        self.within.pop()
        if next(module.parameters(), None) is not None:
            call = _Call([*_tensors(args), *_tensors(kwargs)], [*_tensors(output)], len(self.runs))
            self.calls.setdefault(module, []).append(call)

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

    def _module(self, kind: str) -> str:
        """The name of the module that runs: "encoder.rnn"."""
        return self.names.get(self.within[-1] if self.within else None, "") or kind.lower()

    def _layers(self, name: str, data: torch.Tensor, *rest: Any) -> tuple:
        """torch.gru, lstm, rnn_tanh, rnn_relu: layer by layer, direction by direction, step by step."""
        given = _Given(self._module(LAYERS[name]), *_kind(name), data, torch.empty(0))
        if isinstance(rest[2], list | tuple):
            given.packed, given.order, batch_first = True, self.order, False
            sizes, hx, flat, biases, num_layers, dropout, training, both = rest
            x, given.lengths = pad_packed_sequence(PackedSequence(self._exact(data), sizes))
        else:
            hx, flat, biases, num_layers, dropout, training, both, batch_first = rest
            x = self._exact(data).transpose(0, 1) if batch_first else self._exact(data)
            given.lengths = torch.full((x.shape[1],), x.shape[0])
        entered = list(hx) if given.kind == "LSTM" else [hx]
        starts, ends = [self._exact(start) for start in entered], [[] for _ in entered]  # type: ignore[var-annotated]
        each = len(flat) // (num_layers * (2 if both else 1))
        for layer in range(num_layers):
            outs = []
            for direction in ("forward", "backward") if both else ("forward",):
                i = len(ends[0])
                weights, parts = flat[i * each : (i + 1) * each], [_Part(start, i) for start in entered]
                run = self._unroll(given, layer + 1, direction, weights, biases, x, [s[i] for s in starts], parts)
                outs.append(_turned(run.outs[0], given.lengths) if direction == "backward" else run.outs[0])
                for end, states in zip(ends, (run.hs, run.cs), strict=False):
                    end.append(states[-1])
            x = torch.cat(outs, dim=-1)
            if dropout and training and layer < num_layers - 1:
                x = torch.nn.functional.dropout(x, dropout, training=True)
        out = x.transpose(0, 1) if batch_first else x
        if given.packed:
            out = x[torch.arange(x.shape[1]) < sizes[:, None]]
        return (self._rounded(out, data), *(self._rounded(torch.stack(end), data) for end in ends))

    def _cell(self, name: str, data: torch.Tensor, hx: Any, *weights: Any) -> Any:
        """torch.gru_cell and its sisters: one step of a loop that the model writes itself."""
        entered = list(hx) if CELLS[name] == "LSTM" else [hx]
        x, starts = self._exact(data), [self._exact(start) for start in entered]
        if single := data.dim() == 1:
            x, starts = x[None], [start[None] for start in starts]
        lengths = torch.ones(len(x), dtype=torch.int64)
        given = _Given(self._module(CELLS[name]), *_kind(name.removesuffix("_cell")), data, lengths)
        those, parts = [weight for weight in weights if weight is not None], [_Part(start) for start in entered]
        run = self._unroll(given, 1, "forward", those, len(those) == 4, x[None], starts, parts)
        ends = [states[-1][0] if single else states[-1] for states in (run.hs, run.cs) if states]
        rounded = tuple(self._rounded(end, data) for end in ends)
        return rounded if given.kind == "LSTM" else rounded[0]

    def _unroll(
        self,
        given: _Given,
        layer: int,
        direction: str,
        weights: Sequence[torch.Tensor],
        biases: bool,
        x: torch.Tensor,
        starts: Sequence[torch.Tensor],
        parts: list[_Part],
    ) -> _Run:
        """One layer in one direction over x (T, B, D), from the given states, whose parts are what the model knows."""
        names = ["Wx", "Wh", *(("bx", "bh") if biases else ()), *(("Whr",) if len(weights) % 2 else ())]
        named = {name: self._weight(weight) for name, weight in zip(names, weights, strict=True)}
        xs = _turned(x, given.lengths) if direction == "backward" else x.clone()
        states = [[start.clone()] for start in starts]
        for t, xt in enumerate(xs.unbind(0)):
            new, inside = _step(given, named, xt, [those[-1] for those in states]), (t < given.lengths)[:, None]
            for those, state in zip(states, new, strict=True):
                those.append(state if inside.all() else torch.where(inside, state, those[-1]))
        key, outs = (*(id(weight) for weight in weights), direction), torch.stack(states[0][1:])
        hs, cs = states if given.kind == "LSTM" else (*states, [])
        run = _Run(given, key, layer, direction, named, [xs], hs, cs, [outs], given.lengths, [(0, parts)])
        self.runs.append(run)
        return run


def _plain_name(name: str) -> str:
    """A module's name without what torch.compile adds."""
    return ".".join(part for part in name.split(".") if part != "_orig_mod")


def _kind(name: str) -> tuple[str, str]:
    """Kind and activation of a function of LAYERS."""
    return LAYERS[name], "relu" if name == "rnn_relu" else "tanh"


def _step(given: _Given, weights: Mapping[str, torch.Tensor], x: torch.Tensor, states: list) -> tuple:
    """One step of torch's own cells, in float64."""
    if "Whr" in weights:  # no cell of torch projects; its layer does
        flat = list(weights.values())
        _, h, c = torch.lstm(x[None], tuple(s[None] for s in states), flat, len(flat) == 5, 1, 0.0, False, False, False)
        return h[0], c[0]
    if given.kind == "LSTM":
        return torch.lstm_cell(x, states, *weights.values())
    if given.kind == "GRU":
        return (torch.gru_cell(x, *states, *weights.values()),)
    cell = torch.rnn_relu_cell if given.activation == "relu" else torch.rnn_tanh_cell
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
        how = None if before is None else _goes_on(before, run)
        if before is None or how is None:
            joined.append(run)
            latest[run.key] = run
            continue
        steps, ended = len(before.hs) - 1, [_Part(states[-1]) for states in (before.hs, before.cs) if states]
        before.entries.append((steps, run.entries[0][1] if how == "altered" else ended))
        before.altered |= how == "altered"
        before.fed_back |= len(before.entries) == 2 and _descends(run.given.source, [before.outs[-1]])
        before.xs += run.xs
        before.outs += run.outs
        if how == "altered":  # what the model did in between belongs to no cell: states are kept as they came in
            before.hs[-1:], before.cs[-1:] = run.hs, run.cs
        else:
            before.hs += run.hs[1:]
            before.cs += run.cs[1:]
        before.lengths = before.lengths + run.lengths
    return joined


def _goes_on(before: _Run, run: _Run) -> str | None:
    """How a run goes on where another one ended: "as it was", but for the model's rounding, "altered", or not."""
    ended, begins = before.hs[-1], run.hs[0]
    if ended.shape != begins.shape or bool((before.lengths < sum(len(x) for x in before.xs)).any()):
        return None
    if torch.equal(ended, begins) or torch.equal(ended.to(before.given.source.dtype).to(torch.float64), begins):
        return "as it was"
    return "altered" if any(_descends(part.whole, [ended]) for part in run.entries[0][1]) else None


def _descends(tensor: torch.Tensor, earlier: Sequence[torch.Tensor], most: int = 400) -> bool:
    """Whether a tensor was computed from one of the earlier ones, by at most that many operations."""
    wanted = {node.grad_fn for node in earlier if node.grad_fn is not None}
    ahead, seen = [tensor.grad_fn], set[Any]()
    while ahead and len(seen) < most:
        node = ahead.pop(0)
        if node in wanted:
            return True
        if node is not None and node not in seen:
            seen.add(node)
            ahead += [before for before, _ in node.next_functions]
    return False


def _loops(watch: _Watch) -> list[_Loop]:
    """Modules of the user's own that are called on a state at least three times, the outermost of those nested."""
    loops: dict[str, _Loop] = {}
    for module, name in watch.names.items():
        calls = watch.calls.get(module, [])
        inside = any(name.startswith(f"{outer}.") for outer in loops)
        beside = any(name.rpartition(".")[0] == other.rpartition(".")[0] for other in loops)
        if len(calls) < 3 or inside or beside or any(a.runs != b.runs for a, b in pairwise(calls)):
            continue
        if states := _states_of(calls):
            loops[name] = _Loop(name, type(module).__name__, states)
    return list(loops.values())


def _states_of(calls: list[_Call]) -> list[list[_Part]]:
    """The inputs that each call has from the outputs of the call before, and at the end what stands for them there."""
    places = [
        place
        for place, tensor in enumerate(calls[1].inputs)
        if tensor.is_floating_point()
        and (any(tensor is out for out in calls[0].outputs) or _descends(tensor, calls[0].outputs))
    ]
    if not places or any(len(call.inputs) <= max(places) for call in calls):
        return []
    if any(call.inputs[place].shape != calls[1].inputs[place].shape for call in calls for place in places):
        return []
    states = [[_Part(call.inputs[place]) for place in places] for call in calls]
    outputs = [out for out in calls[-1].outputs if out.is_floating_point()]
    last = [next((o for o in outputs if o.shape == calls[-1].inputs[p].shape), None) for p in places]
    if len(places) == 1 and last[0] is not None:
        states.append([_Part(last[0])])
    return states


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
                if tensor._version != version or not torch.equal(tensor, copied):  # .data leaves no new version
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
        # Dynamo takes seconds to load, so where nothing was compiled it stays out. Stances came with torch 2.6.
        if "torch._dynamo" in sys.modules and hasattr(torch.compiler, "set_stance"):
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
    model = getattr(model, "_orig_mod", model)  # of torch.compile
    if loss is not None and not callable(loss):
        raise ValueError(f"loss: got {type(loss).__name__}, wants a function of the model's output, or None")
    watch = _Watch(model)
    with _untouched(model), _eagerly():
        with watch.watching():
            output = _call(model, batch)
        value = _squares(output) if loss is None else _own_loss(loss, output)
        runs, loops = _joined(watch.runs), _loops(watch)
        if not runs and not loops:
            raise ValueError(
                f"model: got {type(model).__name__}, which called no recurrent function of torch on this batch and no "
                "module step by step, wants a model with torch.nn.RNN, GRU or LSTM, or with a loop over cells"
            )
        if not value.requires_grad:
            raise ValueError(
                "loss: got a value that no gradient can reach, wants one computed from the output by torch"
            )
        own = _lengths(lengths, batch, runs)
        recordings = _recordings(runs, loops, value)
    if own is not None:
        for recording in recordings:
            _replay.shorten(recording, own)
    return _report(recordings, float(value.detach()), tuple(_notes(model, recordings, own, loss is None)))


def _check_model(model: object) -> None:
    if not isinstance(model, torch.nn.Module):
        raise ValueError(f"model: got {type(model).__name__}, wants a torch.nn.Module")
    if isinstance(model, torch.jit.ScriptModule):
        raise ValueError("model: got a TorchScript module, whose inside can't be seen; wants the module it was made of")
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if tensor.is_meta:
            raise ValueError(f"model: got {name} on the meta device, where there are no numbers; wants weights")
    for name, weight in model.named_parameters():  # buffers may well hold infinities, a mask for instance
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


def _lengths(lengths: Any, batch: Any, runs: list[_Run]) -> np.ndarray | None:
    """The sequences' own lengths (B,): as handed in, or from the batch's entry "lengths" or "attention_mask"."""
    name, given = "lengths", lengths
    if given is None and isinstance(batch, Mapping) and any(not run.given.packed for run in runs):
        found = [key for key in ("lengths", "attention_mask") if isinstance(batch.get(key), torch.Tensor)]
        if not found:
            return None
        name, given = f"batch[{found[0]!r}]", batch[found[0]]
        given = given.sum(-1) if found[0] == "attention_mask" else given
    if given is None:
        return None
    values = _validate.array(name, torch.as_tensor(given).cpu().numpy(), ("B",))
    padded = [run for run in runs if not run.given.packed]
    most = max((sum(len(x) for x in run.xs) for run in padded), default=0)
    if not padded or any(len(run.lengths) != len(values) for run in padded):
        sizes = sorted({len(run.lengths) for run in padded})
        raise ValueError(
            f"{name}: got {len(values)} for layers that read padded batches of {sizes}, wants one a sequence"
        )
    if np.any(values != values.astype(int)) or values.min() < 1 or values.max() > most:
        raise ValueError(f"{name}: got {values.tolist()}, wants whole numbers from 1 to {most}, the steps of the batch")
    return values.astype(int)


def _recordings(runs: list[_Run], loops: list[_Loop], loss: torch.Tensor) -> list[Recording]:
    """Everything recorded as arrays, with the gradients of the loss."""
    parts = [part for run in runs for _, those in run.entries[1:] for part in those]
    parts += [part for loop in loops for those in loop.states for part in those]
    nodes = [node for run in runs for node in (*run.xs, *run.hs, *run.cs, *run.outs)]
    grads = _gradients(loss, [*nodes, *(part.whole for part in parts)])
    return [*(_of_run(run, grads) for run in runs), *(_of_loop(loop, grads) for loop in loops)]


Gradients = Callable[[torch.Tensor], torch.Tensor]


def _of_run(run: _Run, grads: Gradients) -> Recording:
    """The recording of a layer of torch."""
    if not all(torch.isfinite(states[-1]).all() for states in (run.hs, run.cs) if states):
        name = run.given.module
        raise ValueError(f"model: got one whose state overflows in {name}, wants one that keeps it finite here")
    order = slice(None) if run.given.order is None else run.given.order.cpu()

    def arrays(steps: list[torch.Tensor], join: Callable = torch.stack) -> np.ndarray:
        return join(steps).detach()[:, order].numpy()

    def norms(steps: list[torch.Tensor], join: Callable = torch.stack) -> np.ndarray:
        return arrays([_length(grads(step)) for step in steps], join)

    weights = {name: weight.numpy() for name, weight in run.weights.items()}
    zeros = np.zeros(len(weights["Wh"]))
    recording = Recording(
        module=run.given.module,
        layer=run.layer,
        direction=run.direction,
        kind=run.given.kind,
        activation=run.given.activation,
        weights={"bx": zeros, "bh": zeros, **weights},
        x=arrays(run.xs, torch.cat),
        h=arrays(run.hs),
        c=arrays(run.cs) if run.cs else None,
        lengths=run.lengths[order].numpy(),
        packed=run.given.packed,
        dx=norms(run.xs, torch.cat),
        dh=norms(run.hs),
        dc=norms(run.cs) if run.cs else None,
        own=norms(run.outs, torch.cat),
        fed_back=run.fed_back,
    )
    if run.altered:
        for step, parts in run.entries[1:]:  # the whole gradient there, also that which passes by the cell
            for found, part in zip((recording.dh, recording.dc), parts, strict=False):
                assert found is not None
                found[step] = _norm([part], grads)
        first, last = ([_Part(states[i]) for states in (run.hs, run.cs) if states] for i in (0, -1))
        steps = [*(step for step, _ in run.entries), len(run.hs) - 1]
        recording.by_autograd = _reach_by_autograd([first, *(parts for _, parts in run.entries[1:]), last], steps)
        recording.seen = "altered"
    return recording


def _of_loop(loop: _Loop, grads: Gradients) -> Recording:
    """The recording of a module that is called step by step: states and their gradients alone."""
    dh = np.array([_norm(parts, grads) for parts in loop.states])
    T, B, H = len(dh) - 1, dh.shape[1], sum(part.of(part.whole).shape[1] for part in loop.states[0])
    unknown = np.full((T, B), np.nan)
    return Recording(
        module=loop.module,
        layer=1,
        direction="forward",
        kind=loop.kind,
        activation="",
        weights={},
        x=np.empty((T, B, 0)),
        h=np.empty((T + 1, B, H)),
        c=None,
        lengths=np.full(B, T),
        packed=False,
        dx=unknown,
        dh=dh,
        dc=None,
        own=unknown,
        seen="exotic",
        by_autograd=_reach_by_autograd(loop.states, list(range(T + 1))),
    )


def _norm(parts: list[_Part], grads: Gradients) -> np.ndarray:
    """‖∂L/∂ a state in parts‖ of each sequence, (B,)."""
    return _length(torch.cat([part.of(grads(part.whole)) for part in parts], dim=1)).numpy()


def _length(vectors: torch.Tensor) -> torch.Tensor:
    """Norms along the last axis; also of numbers whose squares are smaller than any float."""
    largest = vectors.abs().amax(-1, keepdim=True)
    return (vectors / torch.where(largest > 0, largest, 1)).norm(dim=-1) * largest[..., 0]


def _gradients(loss: torch.Tensor, nodes: list[torch.Tensor]) -> Gradients:
    """A function that gives dL/d a node in float64: zeros where the loss doesn't depend on it, NaN at a constant."""
    reachable = list({id(node): node for node in nodes if node.requires_grad}.values())
    found = torch.autograd.grad(loss, reachable, allow_unused=True, retain_graph=True)
    grads = {id(node): grad for node, grad in zip(reachable, found, strict=True)}

    def of(node: torch.Tensor) -> torch.Tensor:
        if id(node) not in grads:
            return torch.full(node.shape, np.nan, dtype=torch.float64)
        grad = grads[id(node)]
        return torch.zeros(node.shape, dtype=torch.float64) if grad is None else grad.to("cpu", torch.float64)

    return of


def _reach_by_autograd(states: list[list[_Part]], steps: list[int]) -> tuple[np.ndarray, bool]:
    """ln ‖∂h_T/∂h_{T-lag}‖ in the Frobenius norm through all that the model does, (B, T+1), and whether it is exact.

    states stand after the given steps. One backward pass for each of H directions, or for 16 random ones that stand for
    all: the mean of their squares is right, so this is an estimate.
    """
    last = states[-1]
    widths = [part.of(part.whole).shape[1] for part in last]
    size = sum(widths)
    basis = np.linalg.qr(np.random.default_rng(0).standard_normal((size, min(size, DIRECTIONS))))[0]
    squares = torch.zeros(len(states), len(last[0].of(last[0].whole)), dtype=torch.float64)
    reachable = [i for i, parts in enumerate(states[:-1]) if all(part.whole.requires_grad for part in parts)]
    wholes = list({id(part.whole): part.whole for i in reachable for part in states[i]}.values())
    for direction in basis.T:
        shares = torch.split(torch.from_numpy(direction.copy()), widths)
        height = torch.stack(
            [(part.of(part.whole).to("cpu", torch.float64) * v).sum() for part, v in zip(last, shares, strict=True)]
        ).sum()
        grads = _gradients(height, wholes)
        for i in reachable:
            squares[i] += sum(part.of(grads(part.whole)).square().sum(1) for part in states[i])
    squares[reachable] *= size / basis.shape[1]
    squares[[i for i in range(len(states) - 1) if i not in reachable]] = np.nan
    squares[-1] = size
    logs = np.full((squares.shape[1], steps[-1] + 1), np.nan)
    with np.errstate(divide="ignore"):
        logs[:, [steps[-1] - step for step in steps]] = np.log(squares.numpy()).T / 2
    return logs, basis.shape[1] == size


def _report(recordings: list[Recording], loss: float, notes: tuple[str, ...]) -> Report:
    """Replay every recording, and put together what came out."""
    rows = _replay.rows_that_fit(recordings, WORK)
    total = sum(_replay.ticks(recording, rows) for recording in recordings)
    with tqdm(total=total, desc="exact rows", leave=False, delay=PATIENCE, disable=silent()) as bar:
        named = zip(recordings, _replay.names(recordings), strict=True)
        layers = tuple(_replay.layer_report(recording, name, rows, bar.update) for recording, name in named)
    return Report(layers, loss, notes)


def _notes(model: torch.nn.Module, recordings: list[Recording], own: np.ndarray | None, default: bool) -> Iterator[str]:
    """What has to be said of the whole run."""
    if default:
        yield "The loss is the sum of the squares of all numbers in the output."
    top = recordings[-1]
    reads = int((top.own > 0).any(axis=1).sum())
    if reads > 1 and not top.seen:
        yield (
            f"The loss reads {reads} steps directly, so a gradient at one lag is that of many losses; the reach is of "
            "the last step alone."
        )
    if any(_drops(module) for module in model.modules()):
        yield "The model is in training mode: dropout was drawn once for this report, and the random state put back."
    dtypes = {str(p.dtype).removeprefix("torch.") for p in model.parameters()} - {"float64", "float32"}
    if dtypes:
        yield (
            f"The model computes in {', '.join(sorted(dtypes))}; its recurrent layers were taken in float64 here, all "
            "else as it is."
        )
    equal = 0 if recordings[0].packed or own is not None else _replay.constant_end(recordings[0])
    if equal > 2:
        yield (
            f"Some sequences end in {equal} equal inputs. If that is padding, hand in lengths=..., or what is "
            "measured is how the layers read padding."
        )


def _drops(module: torch.nn.Module) -> bool:
    """Whether it draws dropout."""
    chance = {torch.nn.RNNBase: "dropout", torch.nn.modules.dropout._DropoutNd: "p"}
    return module.training and any(isinstance(module, kind) and getattr(module, p) > 0 for kind, p in chance.items())


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
    if getattr(module, "proj_size", 0):
        raise ValueError("module: got an LSTM with proj_size, whose blocks aren't square; wants proj_size=0")
    weights = [p for name, p in _own_parameters(module, RECURRENT) if name.startswith("weight_hh")]
    with torch.no_grad():
        for weight in weights:
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
