"""A run of somebody's torch model, seen from inside: what its recurrent layers read, held and put out.

    watch = Watch(model)
    with watch.watching():
        output = model(batch)                      # each recurrent step is taken here, in float64
    runs, loops = joined(watch.runs), looped(watch)
    found = recordings(runs, loops, loss(output))  # arrays, with the gradients of the loss
    reach_by_autograd(runs, loops, found)          # of those that no replay can measure, once their lengths are known

Where the model calls torch's recurrent functions (torch.nn.RNN, GRU, LSTM and their cells all do), a Watch takes the
same steps one by one, so that every state is a node of autograd's graph: a Run. A module that the model itself calls
step by step on a state is a Loop. A Recording holds the numbers of either, and no torch any more: `_replay` goes on
from there. Activation checkpointing is left out, since what it computes again later would be out of sight.
"""

import warnings
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import wraps
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch._C._functorch import is_functorch_wrapped_tensor
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence
from torch.overrides import TorchFunctionMode
from torch.utils import checkpoint

from course_utils._replay import DIRECTIONS, Recording

TURNS = 16  # so many states may a model take on in turn, all with the same weights
LAYERS = {"gru": "GRU", "lstm": "LSTM", "rnn_tanh": "RNN", "rnn_relu": "RNN"}  # torch's functions over a sequence
CELLS = {f"{name}_cell": kind for name, kind in LAYERS.items()}  # and over a step
IN_FUNCTORCH = (  # how a refusal goes on
    "inside torch.vmap, or a derivative of torch.func, where one tensor stands for many; wants one that hands whole "
    "batches to it"
)


@dataclass
class Part:
    """A tensor of the model's own graph, or one row of it: (B, H) of a state.

    inside: the copy of the whole that a layer of torch went on from. What passes beside the layer doesn't lead there.
    """

    whole: torch.Tensor
    row: int | None = None
    inside: torch.Tensor | None = None

    def of(self, tensor: torch.Tensor) -> torch.Tensor:
        """This part of something shaped like the whole, as (B, H)."""
        part = tensor if self.row is None else tensor[self.row]
        return part.reshape(len(part), -1) if part.dim() > 1 else part.reshape(1, -1)


@dataclass
class Given:
    """What one call of torch's recurrent functions was given.

    module runs it, by name; source is the input in the model's own graph. lengths (B,): how many steps each sequence
    has. Packed sequences have their own and are sorted by them; order (B,) says where in them the user's stand, and
    without one they are in that order already, unless it is not `ordered`: then it is unknown.
    """

    module: str
    kind: str
    activation: str
    source: torch.Tensor
    lengths: torch.Tensor
    packed: bool = False
    order: torch.Tensor | None = None
    ordered: bool = True


@dataclass
class Run:
    """One layer and direction over some steps, as nodes of autograd's graph, in the order in which it reads.

    key says whose it is; xs (T, B, D); hs and cs T+1 states (B, H); outs (T, B, H), what the layer above reads.
    entries: (step, the state's parts as they came in) of every call.
    altered: between two calls the model did something to the state. fed_back: it made inputs of the outputs.
    """

    given: Given
    key: tuple
    layer: int
    direction: str
    weights: dict[str, torch.Tensor]
    xs: list[torch.Tensor]
    hs: list[torch.Tensor]
    cs: list[torch.Tensor]
    outs: list[torch.Tensor]
    lengths: torch.Tensor
    entries: list[tuple[int, list[Part]]]
    altered: bool = False
    fed_back: bool = False


@dataclass
class Call:
    """One call of a module that has weights: what went in and came out, and how many runs had been seen by then."""

    inputs: list[torch.Tensor]
    outputs: list[torch.Tensor]
    runs: int


@dataclass
class Loop:
    """A module that the model calls step by step on a state: T+1 states, each in one or more parts."""

    module: str
    kind: str
    states: list[list[Part]]


class Refused(ValueError):
    """What a Watch can't follow, said to whoever handed in the model."""


class Watch(TorchFunctionMode):
    """Takes over torch's recurrent functions while a model runs, and records what they do."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.runs: list[Run] = []
        self.names = {module: _plain_name(name) for name, module in model.named_modules()}
        self.within: list[torch.nn.Module] = []  # the modules that are running, the innermost one last
        self.packed: PackedSequence | None = None  # the latest one that was handed to a module
        self.calls: dict[torch.nn.Module, list[Call]] = {}
        self.known: dict[int, tuple[torch.Tensor, int, torch.Tensor]] = {}  # what a layer put out, and its float64 node
        self.weights: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        self.functions: list[str] = []  # the autograd.Functions that are running, the innermost one last
        self.unchecked: set[bool] = set()  # of calls whose checkpointing was left out: whether a gradient enters them
        self.idle: dict[str, None] = {}  # modules that read no sequence at all, in order

    @contextmanager
    def watching(self) -> Iterator[None]:
        """In force, for modules as well: by torch's global hooks, so that none stands on the model."""
        hooks = torch.nn.modules.module
        before = hooks.register_module_forward_pre_hook(self._calling)
        after = hooks.register_module_forward_hook(self._called, with_kwargs=True)
        try:
            with self, _standing_in(self._stand_ins()), warnings.catch_warnings():
                warnings.filterwarnings("ignore", ".*when there are global hooks on modules")  # these here
                yield
        finally:
            before.remove()
            after.remove()

    def _stand_ins(self) -> list[tuple[Any, str, Any]]:
        """What stands in for (owner, name) meanwhile.

        torch's layers tell what they are given: a hook sees neither keywords nor what a subclass packs itself. And
        torch's `checkpoint` looks up by name what it works with, so one that the model has imported, or holds in a
        partial, comes to what stands here as well.
        """
        layers = [
            (kind, "forward", self._telling(kind.forward)) for kind in (torch.nn.RNN, torch.nn.GRU, torch.nn.LSTM)
        ]
        return [
            *layers,
            (torch.autograd.Function, "apply", self._applying(vars(torch.autograd.Function)["apply"])),
            (checkpoint, "_checkpoint_hook", self._keeping),  # use_reentrant=False
        ]

    def _keeping(self, _: object) -> nullcontext:
        """What is computed under a checkpoint is kept, as it is anywhere else."""
        self.unchecked.add(True)
        return nullcontext()

    def _applying(self, apply: classmethod) -> classmethod:
        """torch's own apply of functions that have a backward of their own: what runs in them is out of sight."""

        @wraps(apply.__func__)
        def applying(function: type, *args: Any, **kwargs: Any) -> Any:
            if function is checkpoint.CheckpointFunction:  # use_reentrant=True: without its function, in sight
                run, _, *given = args
                self.unchecked.add(any(tensor.requires_grad for tensor in given if isinstance(tensor, torch.Tensor)))
                return run(*given)
            self.functions.append(function.__name__)
            try:
                return apply.__func__(function, *args, **kwargs)
            finally:
                self.functions.pop()

        return classmethod(applying)

    def _telling(self, forward: Callable) -> Callable:
        """torch's own forward of a layer, which notes the packed sequences that go in."""

        @wraps(forward)
        def telling(layer: torch.nn.Module, *args: Any, **kwargs: Any) -> Any:
            self._note((*args, *kwargs.values()))
            return forward(layer, *args, **kwargs)

        return telling

    def _note(self, args: Sequence[Any]) -> None:
        self.packed = next((arg for arg in args if isinstance(arg, PackedSequence)), self.packed)

    def _calling(self, module: torch.nn.Module, args: Any) -> None:
        """Before each call of any module."""
        self.within.append(module)
        self._note(args)  # also of one whose forward is nobody's but its own

    def _called(self, module: torch.nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        """After each call of any module."""
        self.within.pop()
        if next(module.parameters(), None) is not None:
            call = Call([*tensors(args), *tensors(kwargs)], [*tensors(output)], len(self.runs))
            self.calls.setdefault(module, []).append(call)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """torch calls this in place of each of its functions."""
        name = getattr(func, "__name__", "")
        if name in LAYERS and not kwargs:
            self._check_place(LAYERS[name], args)
            return self._layers(name, *args)
        if name in CELLS and not kwargs:
            self._check_place(CELLS[name], args)
            return self._cell(name, *args)
        return func(*args, **(kwargs or {}))

    def _check_place(self, kind: str, args: Any) -> None:
        """Where a layer runs: nothing there may hide its steps from autograd."""
        if any(is_functorch_wrapped_tensor(tensor) for tensor in tensors(args)):
            raise Refused(f"model: got one that calls {self._module(kind)} {IN_FUNCTORCH}")
        if self.functions and not torch.is_grad_enabled():
            raise Refused(
                f"model: got one that calls {self._module(kind)} inside {self.functions[-1]}, an autograd.Function "
                "that computes its gradient out of sight, as activation checkpointing does; wants that switched off, "
                "or torch.utils.checkpoint in its place"
            )

    def _origin(self, tensor: torch.Tensor) -> torch.Tensor:
        """The float64 node that a layer put out as this tensor; any other tensor itself."""
        source, version, node = self.known.get(id(tensor), (None, 0, tensor))
        return node if source is tensor and tensor._version == version else tensor

    def _exact(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor in float64 on the CPU, as a node of its own: what a layer put out comes without any rounding."""
        copied = exact(self._origin(tensor)).clone()
        return copied if copied.requires_grad else copied.requires_grad_()

    def _rounded(self, node: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        """A node as the model wants it, in its dtype and on its device."""
        node = node.clone()  # of its own: an LSTM's h is computed from its c, and what the model is given from neither
        out = node.to(like.dtype, copy=True).to(like.device)
        self.known[id(out)] = (out, out._version, node)
        return out

    def _weight(self, weight: torch.Tensor) -> torch.Tensor:
        """A weight in float64 on the CPU, without gradient; converted once."""
        if id(weight) not in self.weights:
            self.weights[id(weight)] = (weight, exact(weight.detach()))
        return self.weights[id(weight)][1]

    def _module(self, kind: str) -> str:
        """The name of the module that runs: "encoder.rnn"."""
        return self.names.get(self.within[-1] if self.within else None, "") or kind.lower()

    def _layers(self, name: str, data: torch.Tensor, *rest: Any) -> tuple:
        """torch.gru, lstm, rnn_tanh, rnn_relu: layer by layer, direction by direction, step by step."""
        given = Given(self._module(LAYERS[name]), *_kind(name), data, torch.empty(0))
        if isinstance(rest[2], list | tuple):
            given.packed, batch_first = True, False
            if self.packed is not None and self.packed.data is data:
                given.order = self.packed.unsorted_indices
            else:
                given.ordered = len(data) == len(rest[0])  # of a single sequence there is one order only
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
                weights = flat[i * each : (i + 1) * each]
                parts = [Part(self._origin(a), i, b) for a, b in zip(entered, starts, strict=True)]
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
        parts = [Part(self._origin(a), None, b) for a, b in zip(entered, starts, strict=True)]
        if single := data.dim() == 1:
            x, starts = x[None], [start[None] for start in starts]
        lengths = torch.ones(len(x), dtype=torch.int64)
        given = Given(self._module(CELLS[name]), *_kind(name.removesuffix("_cell")), data, lengths)
        those = [weight for weight in weights if weight is not None]
        run = self._unroll(given, 1, "forward", those, len(those) == 4, x[None], starts, parts)
        ends = [states[-1][0] if single else states[-1] for states in (run.hs, run.cs) if states]
        rounded = tuple(self._rounded(end, data) for end in ends)
        return rounded if given.kind == "LSTM" else rounded[0]

    def _unroll(
        self,
        given: Given,
        layer: int,
        direction: str,
        weights: Sequence[torch.Tensor],
        biases: bool,
        x: torch.Tensor,
        starts: Sequence[torch.Tensor],
        parts: list[Part],
    ) -> Run:
        """One layer in one direction over x (T, B, D), from the given states, whose parts are what the model knows."""
        if not len(x):
            raise Refused(f"batch: got one of which {given.module} reads 0 steps, wants at least one")
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
        run = Run(given, key, layer, direction, named, [xs], hs, cs, [outs], given.lengths, [(0, parts)])
        if len(given.lengths):
            self.runs.append(run)
        else:
            self.idle[given.module] = None
        return run


@contextmanager
def _standing_in(places: Sequence[tuple[Any, str, Any]]) -> Iterator[None]:
    """In each place (owner, name) something else, and in the end what stood there."""
    plain = [(owner, name, vars(owner)[name]) for owner, name, _ in places]
    try:
        for owner, name, other in places:
            setattr(owner, name, other)
        yield
    finally:
        for owner, name, own in plain:
            setattr(owner, name, own)


def _plain_name(name: str) -> str:
    """A module's name without what torch.compile adds."""
    return ".".join(part for part in name.split(".") if part != "_orig_mod")


def _kind(name: str) -> tuple[str, str]:
    """Kind and activation of a function of LAYERS."""
    return LAYERS[name], "relu" if name == "rnn_relu" else "tanh"


def _step(given: Given, weights: Mapping[str, torch.Tensor], x: torch.Tensor, states: list) -> tuple:
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


def joined(runs: list[Run]) -> list[Run]:
    """Runs of the same weights, one after the other, each from the state that an earlier one ended in, as one run.

    A model may take several states on in turn with the same weights, as siamese nets and tied layers do.
    """
    joined: list[Run] = []
    opened: dict[tuple, deque[Run]] = defaultdict(lambda: deque(maxlen=TURNS))
    for run in runs:
        ends = opened[run.key]
        found = [(before, how) for before in ends if (how := _goes_on(before, run)) is not None]
        if not found:
            joined.append(run)
            ends.append(run)
            continue
        starts = [part.whole for part in run.entries[0][1]]
        # Of several, numbers that are equal by chance come after those that autograd leads back from.
        before, how = min(
            reversed(found),
            key=lambda one: (one[1] == "altered", not any(_descends(start, [one[0].hs[-1]]) for start in starts)),
        )
        before.entries.append((len(before.hs) - 1, run.entries[0][1]))
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


def _goes_on(before: Run, run: Run) -> str | None:
    """How a run goes on where another one ended: "as it was", but for the model's rounding, "altered", or not."""
    pairs = [(old[-1], new[0]) for old, new in ((before.hs, run.hs), (before.cs, run.cs)) if old]
    if pairs[0][0].shape != pairs[0][1].shape or bool((before.lengths < sum(len(x) for x in before.xs)).any()):
        return None
    dtype = before.given.source.dtype
    if all(torch.equal(a, b) or torch.equal(a.to(dtype).to(torch.float64), b) for a, b in pairs):
        return "as it was"
    ended = [old for old, _ in pairs]
    return "altered" if any(_descends(part.whole, ended) for part in run.entries[0][1]) else None


def _descends(
    tensor: torch.Tensor, earlier: Sequence[torch.Tensor], most: int = 400, but_not_through: Sequence[torch.Tensor] = ()
) -> bool:
    """Whether a tensor was computed from one of the earlier ones, by at most that many operations."""
    wanted = {node.grad_fn for node in earlier if node.grad_fn is not None}
    ahead, seen = [tensor.grad_fn], {node.grad_fn for node in but_not_through}
    while ahead and len(seen) < most:
        node = ahead.pop(0)
        if node in wanted:
            return True
        if node is not None and node not in seen:
            seen.add(node)
            ahead += [before for before, _ in node.next_functions]
    return False


def looped(watch: Watch) -> list[Loop]:
    """Modules of the user's own that are called on a state at least three times, the outermost of those nested."""
    loops: dict[str, Loop] = {}
    for module, name in watch.names.items():
        calls = watch.calls.get(module, [])
        inside = any(name.startswith(f"{outer}.") for outer in (*loops, *watch.idle))
        beside = any(name.rpartition(".")[0] == other.rpartition(".")[0] for other in loops)
        if len(calls) < 3 or inside or beside or any(a.runs != b.runs for a, b in pairwise(calls)):
            continue
        states = _states_of(name, calls)
        if states and not states[0][0].whole.numel():
            watch.idle[name] = None
        elif states:
            loops[name] = Loop(name, type(module).__name__, states)
    return list(loops.values())


def in_turn(watch: Watch) -> str | None:
    """The first module that reads its own outputs, but not those of the call before: it takes several states on."""
    for module, name in watch.names.items():
        first, *others = watch.calls.get(module) or [Call([], [], 0)]
        shapes = {out.shape for out in first.outputs if out.is_floating_point()}
        later = [tensor for call in others[1:TURNS] for tensor in call.inputs if tensor.shape in shapes]
        if any(tensor is out or _descends(tensor, [out]) for tensor in later for out in first.outputs):
            return name
    return None


def _passes_beside(states: list[list[Part]]) -> bool:
    """Whether a state is made of more than the one before it: then an older one leads to it on another way, too."""
    wholes = [[part.whole for part in parts] for parts in states]
    return any(
        _descends(tensor, old, but_not_through=between)
        for old, between, new in zip(wholes, wholes[1:], wholes[2:], strict=False)
        for tensor in new
    )


def _states_of(name: str, calls: list[Call]) -> list[list[Part]]:
    """The inputs that each call has from the outputs of the call before, and at the end what stands for them there."""
    places = [
        place
        for place, tensor in enumerate(calls[1].inputs)
        if tensor.is_floating_point()
        and (any(tensor is out for out in calls[0].outputs) or _descends(tensor, calls[0].outputs))
    ]
    if any(is_functorch_wrapped_tensor(calls[1].inputs[place]) for place in places):
        raise Refused(f"model: got one that calls {name} {IN_FUNCTORCH}")
    if not places or any(len(call.inputs) <= max(places) for call in calls):
        return []
    if any(call.inputs[place].shape != calls[1].inputs[place].shape for call in calls for place in places):
        return []
    states = [[Part(call.inputs[place]) for place in places] for call in calls]
    outputs = [out for out in calls[-1].outputs if out.is_floating_point()]
    whose = [_whose(calls[1].inputs[place], calls[0].outputs) for place in places]
    if None not in whose and len(calls[-1].outputs) == len(calls[0].outputs):
        states.append([Part(calls[-1].outputs[i]) for i in whose if i is not None])
    elif len(places) == 1:  # the model does something to the state between two calls
        states += [[Part(out)] for out in outputs if out.shape == calls[-1].inputs[places[0]].shape][:1]
    return states


def _whose(tensor: torch.Tensor, outputs: list[torch.Tensor]) -> int | None:
    """Which output it is, or was computed from, as by torch.where; none if that can't be said of one alone."""
    found = [i for i, output in enumerate(outputs) if output is tensor]
    for i, output in enumerate(outputs if not found else []):
        others = [other for other in outputs if other is not output]  # an LSTM's h leads to its c
        found += [i] if _descends(tensor, [output], but_not_through=others) else []
    return found[0] if len(found) == 1 else None


def exact(tensor: torch.Tensor) -> torch.Tensor:
    """In float64 on the CPU. The device comes first, since not every one knows float64."""
    return tensor.cpu().double()


def tensors(value: Any) -> Iterator[torch.Tensor]:
    """All tensors in nested tuples, lists, dicts and dataclasses."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from tensors(inner)
    elif isinstance(value, tuple | list):
        for inner in value:
            yield from tensors(inner)
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            yield from tensors(getattr(value, name))


# ---------------------------------------------------------------------------------------------------------------------
# From nodes to numbers


def recordings(runs: list[Run], loops: list[Loop], loss: torch.Tensor) -> list[Recording]:
    """Everything recorded as arrays, with the gradients of the loss."""
    parts = [part for run in runs if run.altered for those in _known(run)[0] for part in those]
    parts += [part for loop in loops for those in loop.states for part in those]
    nodes = [node for run in runs for node in (*run.xs, *run.hs, *run.cs, *run.outs)]
    grads = _gradients(loss, [*nodes, *(part.whole for part in parts)])
    return [*(_of_run(run, grads) for run in runs), *(_of_loop(loop, grads) for loop in loops)]


Gradients = Callable[[torch.Tensor], torch.Tensor]


def _of_run(run: Run, grads: Gradients) -> Recording:
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
        states, recording.known = _known(run)
        for step, parts in zip(recording.known[:-1], states, strict=False):  # whole, also what passes by the cell
            for found, part in zip((recording.dh, recording.dc), parts, strict=False):
                assert found is not None
                found[step] = _norm([part], grads)
        recording.beside, recording.seen = _passes_beside(states), "altered"
    return recording


def _of_loop(loop: Loop, grads: Gradients) -> Recording:
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
        known=_known(loop)[1],
        beside=_passes_beside(loop.states),
    )


def _known(source: Run | Loop) -> tuple[list[list[Part]], list[int]]:
    """States that stand in the model's own graph, each as the next step finds it, and after how many steps.

    What becomes of the last one nobody sees, so there it is as the cell puts it out.
    """
    if isinstance(source, Loop):
        return source.states, list(range(len(source.states)))
    starts = [Part(states[0]) for states in (source.hs, source.cs) if states]  # the cell's own copy of h_0
    if not _all_in_the_cell([parts for _, parts in source.entries]):
        starts = source.entries[0][1]
    first = [
        part if part.whole.requires_grad else start for part, start in zip(source.entries[0][1], starts, strict=True)
    ]
    last = [Part(states[-1]) for states in (source.hs, source.cs) if states]
    steps = [*(step for step, _ in source.entries), len(source.hs) - 1]
    return [first, *(parts for _, parts in source.entries[1:]), last], steps


def _all_in_the_cell(entries: list[list[Part]]) -> bool:
    """Whether each state leads to the next one through the cell alone, as far as can be seen.

    Of an h_0 that is a constant no graph shows what the model makes of it, so the steps after it have to show it.
    """
    if len(entries) < 3:
        return False
    return not any(
        _descends(
            after.whole,
            [part.whole for part in before],
            but_not_through=[part.inside for part in before if part.inside is not None],
        )
        for before, next_ones in pairwise(entries[1:])
        for after in next_ones
    )


def reach_by_autograd(runs: list[Run], loops: list[Loop], recordings: list[Recording]) -> None:
    """Measure the reach of those recordings which can't be replayed, from each sequence's own last state."""
    sources: list[Run | Loop] = [*runs, *loops]
    for source, recording in zip(sources, recordings, strict=True):
        if recording.seen:
            recording.by_autograd = _reach_by_autograd(*_known(source), recording.lengths)


def _norm(parts: list[Part], grads: Gradients) -> np.ndarray:
    """‖∂L/∂ a state in parts‖ of each sequence, (B,)."""
    return _length(torch.cat(_apart(parts, grads, _ways(parts)), dim=1)).numpy()


def _ways(parts: list[Part]) -> list[tuple[int, int]]:
    """(i, j) wherever a state's part j was computed from its part i, as an LSTM's h is from its c; the last j first."""
    pairs = [
        (i, j)
        for i, one in enumerate(parts)
        for j, other in enumerate(parts)
        if one.whole is not other.whole and _descends(other.whole, [one.whole])
    ]
    return sorted(pairs, key=lambda pair: -sum(j == pair[1] for _, j in pairs))


def _apart(parts: list[Part], grads: Gradients, ways: list[tuple[int, int]]) -> list[torch.Tensor]:
    """The gradient (B, H) of each part of a state with its other parts held fixed."""
    found = [grads(part.whole) for part in parts]
    for i, j in ways:
        one, other = parts[i].whole, parts[j].whole
        (passed,) = torch.autograd.grad(other, one, found[j].to(other), retain_graph=True)
        found[i] = found[i] - exact(passed)
    return [part.of(gradient) for part, gradient in zip(parts, found, strict=True)]


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
        return torch.zeros(node.shape, dtype=torch.float64) if grad is None else exact(grad)

    return of


def _reach_by_autograd(states: list[list[Part]], steps: list[int], lengths: np.ndarray) -> tuple[np.ndarray, bool]:
    """ln ‖∂h_n/∂h_{n-lag}‖ in the Frobenius norm through all that the model does, and whether it is exact.

    states stand after the given steps, and n (B,) are the lengths, which are among them; (B, n+1) by lag, NaN beyond.
    One backward pass for each of H directions, or for 16 random ones that stand for all: the mean of their squares is
    right, so this is an estimate.
    """
    ends = np.searchsorted(steps, lengths)
    widths = [part.of(part.whole).shape[1] for part in states[-1]]
    size, rows = sum(widths), torch.arange(len(ends))
    # (B, H) of each part: every sequence's own last state
    tops = [
        torch.stack([exact(parts[i].of(parts[i].whole)) for parts in states])[ends, rows] for i in range(len(widths))
    ]
    basis = np.linalg.qr(np.random.default_rng(0).standard_normal((size, min(size, DIRECTIONS))))[0]
    squares = torch.zeros(len(states), len(ends), dtype=torch.float64)
    reachable = [i for i, parts in enumerate(states) if all(part.whole.requires_grad for part in parts)]
    wholes = list({id(part.whole): part.whole for i in reachable for part in states[i]}.values())
    ways = {i: _ways(states[i]) for i in reachable}
    for direction in basis.T:
        shares = torch.split(torch.from_numpy(direction.copy()), widths)
        height = torch.stack([(top * v).sum() for top, v in zip(tops, shares, strict=True)]).sum()
        grads = _gradients(height, wholes)
        for i in reachable:
            squares[i] += sum(gradient.square().sum(1) for gradient in _apart(states[i], grads, ways[i]))
    squares[reachable] *= size / basis.shape[1]
    squares[[i for i in range(len(states)) if i not in reachable]] = np.nan
    squares[ends, rows] = size
    logs = np.full((len(ends), int(lengths.max()) + 1), np.nan)
    with np.errstate(divide="ignore"):
        found = np.log(squares.numpy()) / 2
    for b, n in enumerate(lengths):
        own = [i for i, step in enumerate(steps) if step <= n]
        logs[b, [n - steps[i] for i in own]] = found[own, b]
        logs[b, 0] = found[ends[b], b]
    return logs, basis.shape[1] == size
