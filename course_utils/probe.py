"""Does *your* torch model forget? `probe` measures it, per layer and direction; `open_gate` is the first thing to try.

    report = probe(model, batch)                   # or loss=lambda output: ...; lengths=... of a padded batch
    print(report)                                  # a verdict in words; report.verdict(lag=120): labels need 120 steps
    report.figure(lag=120)                         # a figure for each layer
    layer = report.layers[0]                       # .half_life .decades(lag) .reach .grad_h .grad_x .exponents .gates
    open_gate(model.rnn, lag=120)                  # chrono biases, in place; or bias=1.0; also orthogonal(model.rnn)

The model runs once, under `_record`'s eyes, and is left as it was. What the run leaves behind is then replayed through
the course's own cells: see `_replay`. What results mean stands in `_report`.
"""

import random
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.nn.utils.rnn import PackedSequence

from course_utils import _record, _replay, _validate
from course_utils._replay import Recording
from course_utils._report import Gate, LayerReport, Report
from course_utils.progress import tqdm
from course_utils.training import silent

__all__ = ["Gate", "LayerReport", "Report", "open_gate", "orthogonal", "probe"]

PATIENCE = 3.0  # seconds before a progress bar is shown
WORK = 3e10  # multiplications and additions that the exact rows of a report may take, unless one row takes more


def probe(
    model: torch.nn.Module,
    batch: Any,
    *,
    loss: Callable[[Any], torch.Tensor] | None = None,
    lengths: Sequence[int] | torch.Tensor | None = None,
) -> Report:
    """How far back each recurrent layer of a torch model can see, measured on a batch.

    The model stays as it was: its modules, and the tensors, arrays, containers and random generators that they hold.
    Only what it changes inside an object of another class stays changed. Where a model takes a state from one call to
    the next itself, all is measured that it does to the state, but not what it does after the last step.

    model    any torch.nn.Module that calls torch.nn.RNN, GRU or LSTM, or loops over their cells; in the mode it is in.
    batch    as the model takes it: a tensor or PackedSequence, model(batch); a tuple, model(*batch); a dict,
             model(**batch).
    loss     of the model's output, a scalar tensor; unless given, the sum of the squares of all numbers in the output.
    lengths  (B,) how many steps of each padded sequence are its own. Packed sequences know theirs. A loop over cells is
             measured from the state after those, as its next step finds it, held there by torch.where or not.

    Returns a Report. Raises ValueError naming the argument.
    """
    _check_model(model)
    model = getattr(model, "_orig_mod", model)  # of torch.compile
    if loss is not None and not callable(loss):
        raise ValueError(f"loss: got {type(loss).__name__}, wants a function of the model's output, or None")
    watch = _record.Watch(model)
    with _untouched(model), _eagerly():
        with watch.watching():
            output = _call(model, batch)
        value = _squares(output) if loss is None else _own_loss(loss, output)
        _check_loss(value, batch, loss is None)
        runs, loops = _record.joined(watch.runs), _record.looped(watch)
        if not runs and not loops:
            if watch.idle:
                raise ValueError(
                    f"batch: got one of which {', '.join(watch.idle)} reads 0 sequences, wants at least one"
                )
            if several := _record.in_turn(watch):
                raise ValueError(
                    f"model: got {type(model).__name__}, which calls {several} on several states in turn, and those of "
                    "a cell of one's own are not told apart; wants one state's steps after the other's, or a torch cell"
                )
            raise ValueError(
                f"model: got {type(model).__name__}, which called no recurrent function of torch on this batch and no "
                "module step by step, wants a model with torch.nn.RNN, GRU or LSTM, or with a loop over cells"
            )
        if not value.requires_grad:
            raise ValueError(
                "loss: got a value that no gradient can reach, wants one computed from the output by torch"
            )
        with _differentiable(loss is not None):
            recordings = _record.recordings(runs, loops, value)  # which names a layer whose state overflows
        if not torch.isfinite(value):
            raise ValueError(
                f"model: got one whose output on this batch has {value.item()} as the sum of its squares, wants finite "
                "numbers there, or a loss=... of those that are"
            )
        own = _lengths(lengths, batch, recordings)
        notes = [] if own is None else _shorten(recordings, *own)
        with _differentiable(loss is not None):
            _record.reach_by_autograd(runs, loops, recordings)
    notes = [*_notes(model, recordings, own is not None, loss is None), *notes, *_unordered(runs), *_unseen(watch)]
    return _report(recordings, float(value.detach()), tuple(notes))


# ---------------------------------------------------------------------------------------------------------------------
# What is handed in


def _check_model(model: object) -> None:
    if not isinstance(model, torch.nn.Module):
        raise ValueError(f"model: got {type(model).__name__}, wants a torch.nn.Module")
    if isinstance(model, torch.jit.ScriptModule):
        raise ValueError("model: got a TorchScript module, whose inside can't be seen; wants the module it was made of")
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if torch.nn.parameter.is_lazy(tensor):
            raise ValueError(f"model: got {name} without a shape, as before the first call; wants it called once")
        if tensor.is_inference() and isinstance(tensor, torch.nn.Parameter):
            raise ValueError(
                f"model: got {name} made under torch.inference_mode, where torch takes no gradient; wants a model that "
                "is made, or loaded, outside of it"
            )
        if tensor.is_meta:
            raise ValueError(f"model: got {name} on the meta device, where there are no numbers; wants weights")
    for name, weight in model.named_parameters():  # buffers may well hold infinities, a mask for instance
        if not torch.isfinite(weight).all():
            raise ValueError(f"model: got NaN or inf in {name}, wants finite weights")


def _call(model: torch.nn.Module, batch: Any) -> Any:
    """The model's output."""
    for tensor in _record.tensors(batch):
        if tensor.is_floating_point() and not (tensor < torch.inf).all():  # false for NaN
            raise ValueError("batch: got NaN or inf, wants finite numbers, or a mask with -inf")
    try:
        if isinstance(batch, torch.Tensor | PackedSequence):
            return model(batch)
        if isinstance(batch, Mapping):
            return model(**batch)
        if isinstance(batch, tuple):
            return model(*batch)
    except _record.Refused:
        raise
    except Exception as error:
        how = "**batch" if isinstance(batch, Mapping) else "*batch" if isinstance(batch, tuple) else "batch"
        raise ValueError(
            f"batch: got one on which model({how}) raised {type(error).__name__}: {error}; wants what the model takes"
        ) from error
    raise ValueError(f"batch: got {type(batch).__name__}, wants a tensor, a PackedSequence, a tuple or a dict")


@contextmanager
def _differentiable(own: bool) -> Iterator[None]:
    """What torch says of a graph that it can't go back through is said of the model, or of a loss of one's own."""
    try:
        yield
    except RuntimeError as error:
        if own and "second time" in str(error):
            raise ValueError(
                "loss: got one after which the graph is freed, as by backward() in it; wants the value alone"
            ) from error
        raise ValueError(
            f"model: got one through which torch's gradient raised {type(error).__name__}: {error}; wants one that "
            "loss.backward() can be called on, and whose forward pass is as it was"
        ) from error


def _squares(output: Any) -> torch.Tensor:
    """The default loss."""
    parts = [t for t in _record.tensors(output) if t.is_floating_point()]
    if not parts:
        raise ValueError(
            f"loss: got None for a model that returns {type(output).__name__} without a tensor of real numbers, wants "
            "a function of that output"
        )
    return torch.stack([_record.exact(part).square().sum() for part in parts]).sum()


def _own_loss(loss: Callable, output: Any) -> torch.Tensor:
    """The loss that was asked for, checked."""
    value = loss(output)
    if not isinstance(value, torch.Tensor) or value.numel() != 1:
        got = f"shape {tuple(value.shape)}" if isinstance(value, torch.Tensor) else type(value).__name__
        raise ValueError(f"loss: got {got} from it, wants a scalar tensor")
    if not value.is_floating_point():
        raise ValueError(f"loss: got a tensor of {value.dtype} from it, wants a real number")
    return value.reshape(())


def _check_loss(value: torch.Tensor, batch: Any, default: bool) -> None:
    """Where a loss isn't finite, -inf in the batch is named first, then one's own loss; the model is left to later."""
    if torch.isfinite(value):
        return
    if any(tensor.is_floating_point() and torch.isneginf(tensor).any() for tensor in _record.tensors(batch)):
        raise ValueError(f"batch: got -inf, with which the loss is {value.item()}, wants one whose loss is finite")
    if not default:
        raise ValueError(f"loss: got {value.item()} from it, wants a finite number")


def _lengths(lengths: Any, batch: Any, recordings: list[Recording]) -> tuple[np.ndarray, int] | None:
    """The sequences' own lengths (B,), as handed in, or from the batch's entry "lengths" or "attention_mask".

    And of how many steps the padded batch is that they are lengths of: an attention mask has as many columns; else it
    is what the first layer reads that has enough steps.
    """
    padded = [recording for recording in recordings if not recording.packed]
    name, given, steps = "lengths", lengths, 0
    if given is None and isinstance(batch, Mapping) and padded:
        found = [key for key in ("lengths", "attention_mask") if isinstance(batch.get(key), torch.Tensor)]
        if not found:
            return None
        name, given = f"batch[{found[0]!r}]", batch[found[0]]
        if found[0] == "attention_mask":
            given, steps = _ones(name, given), given.shape[-1]
    if given is None:
        return None
    values = _validate.array(name, _numbers(name, given), ("B",))
    if not padded:
        raise ValueError(
            f"{name}: got {len(values)} for layers that read packed sequences, which know theirs; wants None"
        )
    fitting = [recording for recording in padded if len(recording.lengths) == len(values)]
    if not fitting:
        sizes = sorted({len(recording.lengths) for recording in padded})
        raise ValueError(
            f"{name}: got {len(values)} for layers that read padded batches of {sizes}, wants one a sequence"
        )
    taken = [len(recording.dx) for recording in fitting if recording.seen != "exotic"]  # one's state may lack a step
    most = steps or max(taken, default=int(values.max()))
    if np.any(values != values.astype(int)) or values.min() < 1 or values.max() > most:
        raise ValueError(f"{name}: got {values.tolist()}, wants whole numbers from 1 to {most}, the steps of the batch")
    return values.astype(int), steps or next((n for n in taken if n >= values.max()), most)


def _numbers(name: str, given: Any) -> np.ndarray:
    """Lengths as an array; what are none is named."""
    try:
        values = torch.as_tensor(given).cpu()
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name}: got {given!r}, wants a whole number for each sequence") from error
    if values.dtype == torch.bool:
        raise ValueError(f"{name}: got {values.tolist()}, wants a whole number for each sequence")
    return values.detach().numpy()


def _ones(name: str, mask: torch.Tensor) -> np.ndarray:
    """How many ones (B,) each row of a mask (B, T) begins with, if zeros are all that follows."""
    rows = _validate.array(name, _record.exact(mask.detach()).numpy(), ("B", "T"))
    ones = rows.sum(axis=1)
    other = np.flatnonzero((rows != (np.arange(rows.shape[1]) < ones[:, None])).any(axis=1))
    if len(other):
        raise ValueError(
            f"{name}: got {rows[other[0]].tolist()} in row {other[0]}, wants ones before zeros in each row, for "
            "padding that stands behind a sequence; hand in lengths=... otherwise"
        )
    return ones


def _shorten(recordings: list[Recording], lengths: np.ndarray, steps: int) -> list[str]:
    """Leave out all padding, and say of which layers that could not be done."""
    left = dict.fromkeys((recording.module, _replay.shorten(recording, lengths, steps)) for recording in recordings)
    if lengths.min() == steps:  # there is none
        return []
    return [
        f"The lengths were not used for {module}: {why}. If it reads padding, that counts as steps of its own."
        for module, why in left
        if why
    ]


# ---------------------------------------------------------------------------------------------------------------------
# Leaving the model as it was


@contextmanager
def _untouched(model: torch.nn.Module) -> Iterator[None]:
    """Whatever a forward pass changes is put back, bit for bit: numbers, attributes, mode, hooks, random states.

    That is said of all modules and of tensors, arrays, containers and random generators that they hold, however deep.
    What an object of another class holds is left to it.
    """
    undo = [_undo(value) for value in _held(model)]
    grads = [(p, p.grad, None if p.grad is None else p.grad.clone()) for p in model.parameters()]
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        with _same_draws(model):
            yield
    finally:
        with torch.no_grad():
            for put_back in undo:
                put_back()
            for p, grad, copied in grads:
                p.grad = grad
                if grad is not None and copied is not None:
                    grad.copy_(copied)
        np.random.set_state(numpy_state)  # noqa: NPY002
        random.setstate(python_state)


def _held(model: torch.nn.Module) -> Iterator[Any]:
    """Its modules, and all that stands in their attributes and in containers there; each once."""
    ahead, seen = list[Any](model.modules()), dict[int, Any]()
    while ahead:
        value = ahead.pop()
        if id(value) in seen:
            continue
        seen[id(value)] = value
        yield value
        if isinstance(value, torch.nn.Module):
            ahead += vars(value).values()
        elif isinstance(value, dict):
            ahead += value.values()
        elif isinstance(value, list | tuple | set | frozenset | deque):
            ahead += value


def _undo(value: Any) -> Callable[[], object]:
    """What puts a value back to how it is now."""
    if isinstance(value, torch.nn.Module):
        return partial(_refill, vars(value), dict(vars(value)))
    if isinstance(value, dict):
        return partial(_refill, value, dict(value.items()))
    if isinstance(value, list | set | deque):
        return partial(_refill, value, list(value))
    if isinstance(value, torch.Tensor) and not value.is_inference() and not value.is_meta:
        return partial(_rewrite, value, value._version, value.detach().clone(), value.requires_grad)
    if isinstance(value, np.ndarray) and value.flags.writeable:
        return partial(np.copyto, value, value.copy())
    if isinstance(value, torch.Generator):
        return partial(value.set_state, value.get_state())
    if isinstance(value, np.random.Generator):
        return partial(setattr, value.bit_generator, "state", value.bit_generator.state)
    if isinstance(value, np.random.RandomState):
        return partial(value.set_state, value.get_state())
    if isinstance(value, random.Random) and not isinstance(value, random.SystemRandom):  # which has no state
        return partial(value.setstate, value.getstate())
    return lambda: None


@contextmanager
def _same_draws(model: torch.nn.Module) -> Iterator[None]:
    """torch's random states are put back, on the CPU and on every device that holds a part of the model."""
    devices = {tensor.device for tensor in (*model.parameters(), *model.buffers())}
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(devices=[]))
        for device in devices - {torch.device("cpu")}:
            stack.enter_context(torch.random.fork_rng([device.index], device_type=device.type))
        yield


def _rewrite(tensor: torch.Tensor, version: int, numbers: torch.Tensor, learned: bool) -> None:
    """The very same tensor, with the numbers that it had at that version, and learned or not as it was."""
    if tensor.is_leaf and tensor.requires_grad != learned:
        tensor.requires_grad_(learned)
    comparable = tensor.layout == torch.strided and not tensor.is_nested
    if tensor._version != version or (comparable and not torch.equal(tensor, numbers)):  # .data leaves no new version
        tensor.copy_(numbers)


def _refill(container: Any, values: Any) -> None:
    """The very same dict, list, set or deque, holding what it held."""
    if _identities(container) != _identities(values):  # some dicts of libraries refuse to be written
        container.clear()
        (container.extend if isinstance(container, list | deque) else container.update)(values)


def _identities(container: Any) -> list[int]:
    return [id(value) for value in (*container, *(container.values() if isinstance(container, dict) else ()))]


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
# The report


def _report(recordings: list[Recording], loss: float, notes: tuple[str, ...]) -> Report:
    """Replay every recording, and put together what came out."""
    rows = _replay.rows_that_fit(recordings, WORK)
    total = sum(_replay.ticks(recording, rows) for recording in recordings)
    with tqdm(total=total, desc="exact rows", leave=False, delay=PATIENCE, disable=silent()) as bar:
        named = zip(recordings, _replay.names(recordings), strict=True)
        layers = tuple(_replay.layer_report(recording, name, rows, bar.update) for recording, name in named)
    return Report(layers, loss, notes)


def _notes(model: torch.nn.Module, recordings: list[Recording], known: bool, default: bool) -> Iterator[str]:
    """What has to be said of the whole run; `known`: whether lengths are."""
    if default:
        yield "The loss is the sum of the squares of all numbers in the output."
    top = recordings[-1]
    reads = _replay.steps_read(top)
    if reads.max() > 1 and not top.seen:
        fewest, most = reads.min(), reads.max()
        steps = f"{most} steps of each sequence" if fewest == most else f"{fewest} to {most} steps of a sequence"
        yield (
            f"The loss reads {steps} directly, so a gradient at one lag is that of many losses; the reach is of the "
            "last step alone."
        )
    if any(_drops(module) for module in model.modules()):
        yield "The model is in training mode: dropout was drawn once for this report, and the random state put back."
    dtypes = {str(p.dtype).removeprefix("torch.") for p in model.parameters()} - {"float64", "float32"}
    if dtypes:
        yield (
            f"The model computes in {', '.join(sorted(dtypes))}; its recurrent layers were taken in float64 here, all "
            "else as it is."
        )
    equal = 0 if recordings[0].packed or known else _replay.constant_end(recordings[0])
    if equal > 2:
        yield (
            f"Some sequences end in {equal} equal inputs. If that is padding, hand in lengths=..., or what is "
            "measured is how the layers read padding."
        )


def _unordered(runs: list[_record.Run]) -> list[str]:
    """Of which layers the sequences may stand in another order than in the batch."""
    modules = dict.fromkeys(run.given.module for run in runs if not run.given.ordered)
    return [
        f"The sequences of {module} were packed out of sight: they stand as they were packed, the longest one first, "
        "which may not be the batch's order."
        for module in modules
    ]


def _unseen(watch: _record.Watch) -> Iterator[str]:
    """What the model asked for and this run left out, and what it left idle."""
    if watch.unchecked:
        yield "Activation checkpointing was left out of this run, which changes what it stores and none of its numbers."
    if False in watch.unchecked:
        yield (
            "Under checkpoint(..., use_reentrant=True) it handed over no tensor that takes a gradient: in training no "
            "gradient reaches the weights of what runs there, whatever is said here. use_reentrant=False mends that."
        )
    if watch.idle:
        yield f"Of {', '.join(watch.idle)} a call read no sequence of this batch, so nothing is said of that call."


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
            if lag is None:
                total = torch.full_like(ih[1], _validate.number("bias", bias))
            else:
                total = torch.log(1 + (lag - 2) * torch.rand(ih[1].shape, generator=draw, dtype=_drawn(bias_ih)))
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
    weights = [p for name, p in _own_parameters(module, RECURRENT, "weight_hh")]
    with torch.no_grad():
        for weight in weights:
            for block in weight.split(weight.shape[1]):
                block.copy_(torch.nn.init.orthogonal_(torch.empty(block.shape, dtype=_drawn(block)), gain))
    return module


GATED = (torch.nn.GRU, torch.nn.LSTM, torch.nn.GRUCell, torch.nn.LSTMCell)
RECURRENT = (torch.nn.RNN, torch.nn.RNNCell, *GATED)


def _drawn(parameter: torch.Tensor) -> torch.dtype:
    """The precision in which its new numbers are drawn, on the CPU: its own, and float32 at least."""
    return torch.promote_types(parameter.dtype, torch.float32)


def _own_parameters(module: object, kinds: tuple, start: str) -> list[tuple[str, torch.Tensor]]:
    """Those whose names start so, if none of them is computed from others, as weight_norm and pruning do."""
    if not isinstance(module, kinds):
        wants = ", ".join(kind.__name__ for kind in kinds)
        raise ValueError(f"module: got {type(module).__name__}, wants one of torch.nn's {wants}")
    parameters = {name: p for name, p in module._parameters.items() if name.startswith(start) and p is not None}
    cells = ("weight_ih", "weight_hh", *(("bias_ih", "bias_hh") if module.bias else ()))
    for name in getattr(module, "_flat_weights_names", cells):
        if name.startswith(start) and name not in parameters:
            raise ValueError(f"module: got one whose {name} is computed from other tensors, wants a plain parameter")
    return list(parameters.items())


def _gated(module: torch.nn.Module) -> int:
    """How many blocks its rows have."""
    _own_parameters(module, GATED, "bias")
    return 3 if isinstance(module, torch.nn.GRU | torch.nn.GRUCell) else 4


def _biases(module: torch.nn.Module) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """(bias_ih, bias_hh) of each layer and direction."""
    named = dict(_own_parameters(module, GATED, "bias"))
    pairs = [(p, named[name.replace("_ih", "_hh")]) for name, p in named.items() if name.startswith("bias_ih")]
    if not pairs:
        raise ValueError("module: got one with bias=False, wants biases, in which a gate can be opened")
    return pairs
