"""Several seeds of one net learn a task at once, by the lessons' own backpropagation through time.

The nets, their loss and its gradient are `_kernels.Nets`: the same numbers as `cells` and `gradients`, for all seeds
and a batch at once. Here is what training adds: clipping, Adam, evaluations, and the record that each seed leaves.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from course_utils import _validate
from course_utils._kernels import Nets
from course_utils.adam import Adam
from course_utils.cells import WEIGHTS, Params, init_params
from course_utils.progress import tqdm
from course_utils.tasks import Task

Probes = dict[str, Callable[[Params], Any]]
Net = tuple[Params, np.ndarray, np.ndarray]  # params, readout, readout_bias


# ---------------------------------------------------------------------------------------------------------------------
# Clipping


def clip_gradients(grad: np.ndarray, limit: float | None, by: str) -> np.ndarray:
    """Clip grad (S, P) in place, seed by seed (Pascanu, Mikolov & Bengio 2013). Returns the norms before, (S,).

    limit  None clips nothing.
    by     "norm": a longer gradient is shortened to this length; "value": every entry is cut at ± this number.
    """
    norm = np.sqrt(np.einsum("sp,sp->s", grad, grad, dtype=np.float64))
    if limit is not None and by == "value":
        np.clip(grad, -limit, limit, out=grad)
    elif limit is not None:
        grad *= np.minimum(1, limit / (norm + 1e-6))[:, None].astype(grad.dtype)
    return norm


# ---------------------------------------------------------------------------------------------------------------------
# What a seed leaves


@dataclass(frozen=True)
class Run:
    """One seed's training, E evaluations long.

    seed         of its initial weights and its data.
    loss         (steps,) on the fresh batch of each step, before that step's update.
    grad_norm    (steps,) ‖∂loss/∂(all weights)‖₂ before clipping; frozen weights don't count.
    eval_steps   (E,) how many updates came before each evaluation, 0 first.
    score        (E,) on task.test: mean squared error, or accuracy where the loss is the cross-entropy.
    history      E nets: (params, readout, readout_bias). The last one's stand under these names as well, and the first
                 one's Params as `start`; readout (O, H) and bias (O,): outputs = readout @ h + readout_bias.
    probes       {name: (E, ...)} what each probe returned.
    solved_at    updates before the first evaluation that met the task's goal, None if none did.
    diverged_at  step whose loss or gradient was NaN or inf, None if none was. From there on all series are NaN.

    The arrays are new and yours. Only Params can't be written to, as ever, since what is computed from them is kept.
    """

    seed: int
    loss: np.ndarray
    grad_norm: np.ndarray
    eval_steps: np.ndarray
    score: np.ndarray
    history: list[Net]
    probes: dict[str, np.ndarray]
    solved_at: int | None
    diverged_at: int | None

    @property
    def start(self) -> Params:
        """Params before the first update."""
        return self.history[0][0]

    @property
    def params(self) -> Params:
        """Params after the last update."""
        return self.history[-1][0]

    @property
    def readout(self) -> np.ndarray:
        """(O, H), after the last update."""
        return self.history[-1][1]

    @property
    def readout_bias(self) -> np.ndarray:
        """(O,), after the last update."""
        return self.history[-1][2]

    @property
    def solved(self) -> bool:
        """Whether any evaluation met the task's goal."""
        return self.solved_at is not None

    def at(self, updates: int) -> "Run":
        """The Run as it was after so many updates; there must have been an evaluation then."""
        if updates not in self.eval_steps:
            raise ValueError(f"updates: got {updates!r}, wants one of the evaluations: {self.eval_steps.tolist()}")
        until, ends = slice(updates), slice(list(self.eval_steps).index(updates) + 1)
        return replace(
            self,
            loss=self.loss[until],
            grad_norm=self.grad_norm[until],
            eval_steps=self.eval_steps[ends],
            score=self.score[ends],
            history=self.history[ends],
            probes={name: values[ends] for name, values in self.probes.items()},
            solved_at=self.solved_at if self.solved_at is not None and self.solved_at <= updates else None,
            diverged_at=self.diverged_at if self.diverged_at is not None and self.diverged_at < updates else None,
        )

    def outputs(self, x: ArrayLike) -> np.ndarray:
        """(B, T, D) sequences -> (B, T, O): the trained net's outputs after every step, logits for classes."""
        sequences = _validate.array("x", x, ("B", "T", self.params.input_size))
        readout = np.column_stack([self.readout_bias, self.readout])
        nets = Nets([self.params], [readout], None, self.params.Wh.dtype)
        return nets.outputs(sequences[None], every_step=True)[:, 0].transpose(2, 0, 1)


def solved_count(runs: Sequence[Run]) -> str:
    """How many runs solved their task, as "3/5": at one evaluation at least, be it not the last."""
    return f"{sum(run.solved for run in runs)}/{len(runs)}"


def solved_at_end(runs: Sequence[Run], task: Task) -> str:
    """How many runs meet the task's goal at their last evaluation too, as "3/5"."""
    return f"{sum(task.is_solved(run.score[-1]) for run in runs)}/{len(runs)}"


def roughly(count: int, of: int) -> str:
    """A count of nets in words that hold on any computer, where rounding may make a net change sides.

    >>> roughly(5, 5), roughly(4, 5), roughly(1, 5), roughly(3, 5)
    ('at least 4 of 5', 'at least 4 of 5', 'at most 1 of 5', '2 to 3 of 5')
    """
    count, of = _validate.integer("count", count, 0), _validate.integer("of", of, 1)
    if count > of:
        raise ValueError(f"count: got {count}, wants at most of = {of}")
    if count >= of - 1:
        return f"at least {of - 1} of {of}"
    return f"at most 1 of {of}" if count <= 1 else f"2 to {of - 2} of {of}"


def wilson(count: int, of: int) -> tuple[float, float]:
    """95 % interval for the share of all nets that solve a task, when `count` of `of` independent ones did.

    Wilson 1927: the shares p that lie within 1.96 standard deviations √(p(1 - p)/of) of the share seen. Unlike
    count/of ± 1.96 deviations it stays within 0 and 1, and it is not of width zero at "0 of 15".

    >>> [round(15 * end, 1) for end in wilson(9, 15)]
    [5.4, 12.0]
    """
    count, of = _validate.integer("count", count, 0), _validate.integer("of", of, 1)
    if count > of:
        raise ValueError(f"count: got {count}, wants at most of = {of}")
    share, z2 = count / of, 1.959963984540054**2
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = np.sqrt(z2 * (count * (of - count) / of**3 + z2 / (4 * of**2))) / (1 + z2 / of)
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


@dataclass
class _Record:
    """A Run while it is being written. loss and grad_norm (steps,) are NaN where no step has been taken yet."""

    seed: int
    loss: np.ndarray
    grad_norm: np.ndarray
    eval_steps: list[int] = field(default_factory=list)
    score: list[float] = field(default_factory=list)
    history: list[Net] = field(default_factory=list)
    probed: list[dict[str, Any]] = field(default_factory=list)
    solved_at: int | None = None
    diverged_at: int | None = None

    @property
    def learning(self) -> bool:
        """Whether all its losses and gradients have been finite so far."""
        return self.diverged_at is None

    @property
    def settled(self) -> bool:
        """Whether nobody need wait for it: it has solved the task, or diverged."""
        return self.solved_at is not None or self.diverged_at is not None

    def evaluated(self, step: int, net: Net, score: float, probes: Probes, task: Task) -> None:
        """Write down an evaluation after `step` updates. A diverged net's score and probes are NaN."""
        self.eval_steps.append(step)
        self.history.append(net)
        self.score.append(score if self.learning else np.nan)
        if self.learning:
            self.probed.append({name: probe(net[0]) for name, probe in probes.items()})
        else:
            self.probed.append({name: np.full_like(value, np.nan) for name, value in self.probed[-1].items()})
        if self.solved_at is None and task.is_solved(self.score[-1]):
            self.solved_at = step

    def stepped(self, step: int, loss: float, norm: float) -> None:
        """Write down a step's loss and gradient norm, or that it diverged there. Later steps then write nothing."""
        if self.learning and not np.isfinite(loss + norm):
            self.diverged_at = step
        if self.learning:
            self.loss[step], self.grad_norm[step] = loss, norm

    def run(self) -> Run:
        """The Run, as long as its last evaluation."""
        done, names = self.eval_steps[-1], self.probed[0]
        return Run(
            seed=self.seed,
            loss=self.loss[:done],
            grad_norm=self.grad_norm[:done],
            eval_steps=np.array(self.eval_steps),
            score=np.array(self.score),
            history=self.history,
            probes={name: np.array([values[name] for values in self.probed]) for name in names},
            solved_at=self.solved_at,
            diverged_at=self.diverged_at,
        )


# ---------------------------------------------------------------------------------------------------------------------
# Training


def train(
    task: Task,
    kind: str,
    hidden_size: int,
    *,
    seeds: int | Iterable[int] = range(5),
    steps: int = 300,
    learning_rate: float = 1e-2,
    batch: int = 32,
    clip: float | None = 1.0,
    clip_by: str = "norm",
    every: int = 25,
    probes: Probes | None = None,
    frozen: Sequence[str] = (),
    held: dict[str, float] | None = None,
    truncate: int | None = None,
    stop_when_solved: bool = False,
    on_divergence: str = "raise",
    dtype: DTypeLike = np.float32,
    **init: Any,
) -> list[Run]:
    """Train one net per seed on a task, all seeds at once, with Adam and fresh data at each step.

    task              a `tasks.Task`.
    kind, hidden_size, **init   as in `init_params`: activation, reset, recurrent, gain, gate_bias, chrono.
    seeds             one net each. A seed alone fixes its net's first weights and its data; which seeds are trained
                      beside it changes nothing but how sums are rounded, in the last digits.
    steps             updates of each net.
    learning_rate     Adam's; batch, the sequences of one step.
    clip, clip_by     largest gradient norm of all weights together ("norm"), or largest entry ("value"); None: no
                      clipping.
    every             updates between two evaluations on task.test; there is one before the first and after the last.
    probes            {name: function of Params}, called at every evaluation, e.g. for ‖∂h_T/∂h_0‖.
    frozen            weights that keep their initial value, of "Wx", "Wh", "bx", "bh". A GRU with gain=0 and
                      frozen=("Wh",) has gates and a candidate that see only the input: the minGRU of Feng et al.
                      (2024), except that its candidate goes through tanh and has a reset gate on its bias.
    held              {gate: bias}: this gate is σ(bias) at every step and never learns; its weights are 0. A GRU with
                      held={"r": 1000} has no reset gate (r = 1), one with held={"z": -1000} no update gate (z = 0).
    truncate          the backward pass stops after so many steps, counted from the last one; the forward pass is as
                      ever. None: it goes all the way. Only for tasks with one target, at the last step.
    stop_when_solved  end at the first evaluation by which every seed has met the task's goal (or diverged).
    on_divergence     "raise", or "mark": the seed keeps its last finite weights and the others go on.
    dtype             float32 or float64.

    Returns a list of Run, one per seed. On one thread of one machine, the same call gives the same bits again. Other
    numbers of threads, other processors and other BLAS libraries round differently, and training makes such differences
    grow. A progress bar shows unless TQDM_DISABLE is set.

    Raises ValueError naming the argument, and FloatingPointError naming the step where the loss or its gradient
    becomes NaN or inf.

    >>> from course_utils import tasks
    >>> runs = train(tasks.adding(4), "GRU", 8, seeds=range(2), steps=50)
    >>> [run.score.shape for run in runs], runs[0].eval_steps.tolist()
    ([(3,), (3,)], [0, 25, 50])
    """
    probes, held = probes or {}, held or {}
    _check(task, steps, learning_rate, batch, clip, clip_by, every, probes, frozen, held, truncate, on_divergence)
    seeds = _seed_list(seeds)

    params = [init_params(kind, task.input_size, hidden_size, seed=seed, dtype=dtype, **init) for seed in seeds]
    for gate, bias in held.items():
        params = [p.changed(gate, Wx=0, Wh=0, bx=bias, bh=0) for p in params]
    readouts = [_first_readout(task, p, seed) for p, seed in zip(params, seeds, strict=True)]
    nets = Nets(params, readouts, task.loss, dtype)
    streams = [np.random.default_rng([seed, 2]) for seed in seeds]
    adam = Adam(learning_rate)
    records = [_Record(seed, *np.full((2, steps), np.nan)) for seed in seeds]

    bar = tqdm(total=steps, desc=f"{kind}, {task.name}", leave=False, disable=silent())
    with bar, np.errstate(over="ignore", invalid="ignore"):
        for step in range(steps):
            if step % every == 0:
                _evaluate(nets, records, step, probes, task)
                if stop_when_solved and all(record.settled for record in records):
                    bar.total = bar.n  # a bar that ends short of its total would stay, in red
                    break
            loss = nets.gradient(*_fresh_batches(task, streams, batch), truncate)
            nets.freeze([*frozen, *held])
            norm = clip_gradients(nets.grad, clip, clip_by)
            _write_down(records, step, loss, norm, clip, on_divergence)
            learning = np.array([record.learning for record in records])
            nets.grad[~learning] = 0  # a mean of NaN would stay one
            new = adam.step({"all": nets.theta}, {"all": nets.grad})["all"]
            np.copyto(nets.theta, new, where=learning[:, None])
            bar.update()
        else:
            _evaluate(nets, records, steps, probes, task)
    return [record.run() for record in records]


def _first_readout(task: Task, p: Params, seed: int) -> np.ndarray:
    """[bias | weights] (O, 1+H) from U(-1/√H, 1/√H), torch's default, of a stream that is not that of p."""
    bound = p.hidden_size**-0.5
    return np.random.default_rng([seed, 1]).uniform(-bound, bound, (task.output_size, 1 + p.hidden_size))


def _fresh_batches(task: Task, streams: list[np.random.Generator], batch: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs (S, batch, T, D) and targets (S, batch, ...): each seed's own draw."""
    x, target = zip(*(task.sample(rng, batch) for rng in streams), strict=True)
    return np.stack(x), np.stack(target)


def _evaluate(nets: Nets, records: list[_Record], step: int, probes: Probes, task: Task) -> None:
    """Judge all nets on task.test."""
    for s, (record, score) in enumerate(zip(records, nets.score(*task.test), strict=True)):
        record.evaluated(step, (nets.params(s), *nets.readout(s)), score, probes, task)


def _write_down(
    records: list[_Record], step: int, loss: np.ndarray, norm: np.ndarray, clip: float | None, on_divergence: str
) -> None:
    """A step's losses and gradient norms (S,) into the records. Raises FloatingPointError if one may not diverge."""
    for record, its_loss, its_norm in zip(records, loss, norm, strict=True):
        record.stepped(step, its_loss, its_norm)
        if record.diverged_at == step and on_divergence == "raise":
            remedy = "clip=1.0 or a smaller learning_rate" if clip is None else "a smaller learning_rate"
            raise FloatingPointError(
                f"loss: seed {record.seed} has loss {its_loss:g} and gradient norm {its_norm:g} at step {step}, wants "
                f'finite numbers; try {remedy}, or on_divergence="mark" to go on with the other seeds'
            )


def silent() -> bool:
    """Whether TQDM_DISABLE is set, which tqdm's own bar for notebooks doesn't ask."""
    return os.environ.get("TQDM_DISABLE", "") not in ("", "0")


# ---------------------------------------------------------------------------------------------------------------------
# What users hand in


def _seed_list(seeds: int | Iterable[int]) -> list[int]:
    """The seeds as a list, which one number may stand for. Raises ValueError naming them."""
    checked = [_validate.integer("seeds", s, 0) for s in (seeds if isinstance(seeds, Iterable) else [seeds])]
    if not checked:
        raise ValueError("seeds: got none, wants at least one")
    return checked


def _check(
    task: Any,
    steps: Any,
    learning_rate: Any,
    batch: Any,
    clip: Any,
    clip_by: Any,
    every: Any,
    probes: Any,
    frozen: Any,
    held: Any,
    truncate: Any,
    on_divergence: Any,
) -> None:
    """Raise ValueError naming the first of these arguments that `train` can't use; `init_params` checks its own."""
    if not hasattr(task, "sample"):
        raise ValueError(f"task: got {type(task).__name__}, wants a Task, e.g. tasks.adding(50)")
    for name, value in (("steps", steps), ("batch", batch), ("every", every)):
        _validate.integer(name, value, 1)
    for name, value in (("learning_rate", learning_rate), ("clip", 1.0 if clip is None else clip)):
        if _validate.number(name, value) <= 0:
            raise ValueError(f"{name}: got {value!r}, wants a number above 0")
    _validate.choice("clip_by", clip_by, ("norm", "value"))
    _validate.choice("on_divergence", on_divergence, ("raise", "mark"))
    for name in frozen:
        _validate.choice("frozen", name, WEIGHTS)
    if not isinstance(held, dict):
        raise ValueError(f"held: got {held!r}, wants {{gate: bias}}")
    for gate, bias in held.items():
        _validate.number(f"held[{gate!r}]", bias)
    if truncate is not None:
        _validate.integer("truncate", truncate, 1)
        if task.every_step:
            raise ValueError(f"truncate: got {truncate} for a task with targets at every step, wants None")
    if not isinstance(probes, dict) or not all(map(callable, probes.values())):
        raise ValueError(f"probes: got {probes!r}, wants {{name: function of Params}}")
