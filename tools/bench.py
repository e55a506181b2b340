"""How fast this course's package is, beside what a torch user would write: `make bench`, or
`python tools/bench.py [-n RUNS] [-k WORD] [--write docs/benchmark.md]`.

One process, one thread, CPU time. The ways of one case take turns, so that a busy machine slows all of them alike;
their medians are compared, and their results first. Every case is a function of CASES: to add one, add a function.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # before the libraries are loaded

import argparse
import copy
import datetime
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from course_utils import tasks, training
from course_utils._kernels import Nets
from course_utils.cells import forward, init_params
from course_utils.gradients import backward, jacobian_pieces, jacobians, state_gradients
from course_utils.norms import all_pairs_norms, lyapunov_exponents, norms_to_past
from course_utils.probe import probe
from course_utils.torch_bridge import to_module, to_params

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from tools import torch_ways

PAGE = ROOT / "tools" / "benchmark_page.md"  # the words around the table, with places for what is measured
TURN = (
    0.1  # seconds: what a way needs from the caches is there from its second call on, as where many nets are measured
)
PEAK_SIZE = 768  # of the square matrices whose product shows what dgemm can do


@dataclass
class Peer:
    """Another way to the same array. `goal`: how many times slower we want it to be; `runs` caps those of slow ones."""

    name: str
    run: Callable
    goal: float | None = None
    runs: int = 99


def entrywise(other: np.ndarray, ours: np.ndarray) -> float:
    """Largest relative difference of two entries. Norms below 1e-150 need only be small: torch's squares vanish."""
    lost = (other < 1e-150) & (ours < 2e-150)
    return np.nanmax(np.abs(np.where(lost, 1, other) / np.where(lost, 1, ours) - 1))


def overall(other: np.ndarray, ours: np.ndarray) -> float:
    """Largest difference, relative to the largest entry."""
    return np.max(np.abs(other - ours)) / np.max(np.abs(ours))


@dataclass
class Case:
    """One piece of work: our way, the others, and how far apart their results may lie.

    difference  how far apart two results are; relative, entry by entry, unless said.
    check       our result in, its error by another measure out; may not exceed the tolerance either.
    flops       of the direct way: its least time at the machine's own dgemm peak stands in the table as a peer.
    flops_goal  how many times below that we want to be.
    seconds     goal for our own time.
    """

    name: str
    run: Callable
    peers: list = field(default_factory=list)
    tolerance: float = 1e-10
    difference: Callable = entrywise
    check: Callable | None = None
    flops: float | None = None
    flops_goal: float | None = None
    seconds: float | None = None


def gradient_of_Wh(layer: torch.nn.Module) -> np.ndarray:
    """∂L/∂Wh that a backward pass has left in a torch layer, copied."""
    gradient = dict(layer.named_parameters())["weight_hh_l0"].grad
    assert gradient is not None
    return gradient.numpy().copy()


# --- the cases


def profile(H: int = 64, T: int = 200) -> Case:
    """‖∂L/∂h_t‖ for all t, L the sum of the last state."""
    p, x, cell, xt = torch_ways.gru(H, 8, T)
    dh = np.zeros((T, H))
    dh[-1] = 1

    def by_retain_grad():
        states = torch_ways.unroll(cell, xt, retain=True)
        states[-1].retain_grad()
        states[-1].sum().backward()
        return torch.cat([h.grad for h in states if h.grad is not None]).norm(dim=1).numpy()

    def by_grad():
        states = torch_ways.unroll(cell, xt)
        return torch.cat(torch.autograd.grad(states[-1].sum(), states)).norm(dim=1).numpy()

    return Case(
        f"profile ‖∂L/∂h_t‖, all t; H={H}, T={T}",
        lambda: np.linalg.norm(state_gradients(forward(p, x), dh), axis=1),
        [Peer("GRUCell loop + retain_grad", by_retain_grad, 5), Peer("GRUCell loop + autograd.grad", by_grad)],
    )


def last_row(H: int = 64, T: int = 200) -> Case:
    """‖∂h_T/∂h_k‖_F for all k."""
    p, x, cell, xt = torch_ways.gru(H, 8, T)

    def batched():
        states = torch_ways.unroll(cell, xt)
        return torch_ways.row(states[-1], states)

    return Case(
        f"last row ‖∂h_T/∂h_k‖_F, all k; H={H}, T={T}",
        lambda: norms_to_past(jacobian_pieces(forward(p, x), backwards=True), "fro"),
        [
            Peer("one batched backward (is_grads_batched)", batched, 8),
            Peer("functional.jacobian", lambda: torch_ways.row_by_functional_jacobian(cell, xt), 90, runs=3),
        ],
    )


def all_pairs(
    H: int,
    T: int,
    by_vmap: float | None = None,
    by_backwards: float | None = None,
    below_direct: float | None = None,
) -> Case:
    """‖∂h_t/∂h_k‖_F for all pairs; the numbers are goals."""
    p, x, cell, xt = torch_ways.gru(H, 8, T)
    peers = [Peer("vmap of cell Jacobians + matmul", lambda: torch_ways.all_pairs(p, cell, xt), by_vmap, runs=5)]
    if T <= 200:
        backwards = Peer(
            "T batched backwards", lambda: torch_ways.all_pairs_by_backwards(cell, xt), by_backwards, runs=3
        )
        peers.append(backwards)
    return Case(
        f"all pairs ‖∂h_t/∂h_k‖_F; H={H}, T={T}",
        lambda: all_pairs_norms(jacobians(forward(p, x))),
        peers,
        flops=float(H) ** 3 * T**2,
        flops_goal=below_direct,
    )


def spectrum(H: int = 64, T: int = 100_000) -> Case:
    """All Lyapunov exponents, the Jacobians of 1,000 steps at hand and taken T / 1,000 times."""
    p, x, *_ = torch_ways.gru(H, 8, 1000)
    ready = jacobians(forward(p, x))
    mean_log_det = np.linalg.slogdet(ready)[1].mean()
    return Case(
        f"full Lyapunov spectrum from Jacobians; H={H}, T={T:,}",
        lambda: lyapunov_exponents(ready for _ in range(T // 1000)),
        tolerance=1e-12,
        check=lambda exponents: abs(exponents.sum() / mean_log_det - 1),
        seconds=2.5,
    )


def spectrum_from_inputs(H: int = 64, T: int = 100_000) -> Case:
    """The same with states and Jacobians of T different steps computed in passing: memory for 1,000 steps."""
    p = init_params("GRU", 8, H, reset="after")
    log_dets = []

    def pieces(note_determinants=False):
        rng, h = np.random.default_rng(0), None
        for _ in range(T // 1000):
            trace = forward(p, rng.standard_normal((1000, 8)), h)
            h = trace.h[-1]
            for piece in jacobian_pieces(trace):
                if note_determinants:
                    log_dets.append(np.linalg.slogdet(piece)[1].sum())
                yield piece

    def error(exponents):
        log_dets.clear()
        for _ in pieces(note_determinants=True):
            pass
        return abs(exponents.sum() / (sum(log_dets) / T) - 1)

    return Case(
        f"the same from inputs: states, Jacobians, exponents; H={H}, T={T:,}",
        lambda: lyapunov_exponents(pieces()),
        tolerance=1e-12,
        check=error,
    )


def fused_layer(kind: str, dtype: type, H: int = 64, T: int = 200) -> Case:
    """All gradients of one sequence against torch's fused layer: its home ground."""
    p = init_params(kind, 8, H, reset="after", dtype=dtype)
    rng = np.random.default_rng(0)
    x: np.ndarray = rng.standard_normal((T, 8)).astype(dtype)
    dh: np.ndarray = rng.standard_normal((T, H)).astype(dtype)
    layer, xt, dht = to_module(p), torch.from_numpy(x), torch.from_numpy(dh)

    def fused():
        layer.zero_grad()
        (layer(xt)[0] * dht).sum().backward()
        return gradient_of_Wh(layer)

    return Case(
        f"all gradients of one sequence, {kind} {np.dtype(dtype).name}; H={H}, T={T}",
        lambda: backward(forward(p, x), dh).Wh,
        [Peer(f"torch.nn.{kind}, fused", fused)],
        tolerance=1e-10 if dtype == np.float64 else 1e-4,
        difference=overall,
    )


# --- training


def training_step(H: int, goal: float, B: int = 64, T: int = 100, D: int = 8) -> Case:
    """Forward and backward of a GRU with a linear readout and a mean squared error, float32, against torch.nn.GRU."""
    p = init_params("GRU", D, H, reset="after", dtype=np.float32)
    rng = np.random.default_rng(0)
    V = rng.standard_normal((1, 1 + H)).astype(np.float32)  # bias and weights of the readout
    x, y = rng.standard_normal((B, T, D)).astype(np.float32), rng.standard_normal((B, 1)).astype(np.float32)
    nets = Nets([p], [V], "mse", np.dtype(np.float32))
    layer, readout = to_module(p), torch.nn.Linear(H, 1)
    readout.load_state_dict({"weight": torch.from_numpy(V[:, 1:]), "bias": torch.from_numpy(V[:, 0])})
    xt, yt = torch.from_numpy(x).transpose(0, 1), torch.from_numpy(y)

    def ours():
        nets.gradient(x[None], y[None])
        return nets.dW[0, :, 1 : H + 1].copy()

    def theirs():
        layer.zero_grad()
        torch.nn.functional.mse_loss(readout(layer(xt)[0][-1]), yt).backward()
        return gradient_of_Wh(layer)

    name = f"training step, GRU float32, {B} sequences; H={H}, T={T}"
    return Case(name, ours, [Peer("torch.nn.GRU", theirs, goal)], tolerance=1e-4, difference=overall)


def five_seeds(goal: float = 5, steps: int = 20, H: int = 32, B: int = 32) -> Case:
    """Adding T=50 learned by five GRUs at once, against five torch runs on the same weights and data."""
    task, seeds = tasks.adding(50), range(5)

    def ours():
        runs = training.train(
            task, "GRU", H, seeds=seeds, steps=steps, learning_rate=1e-2, batch=B, every=steps, reset="after"
        )
        return np.array([run.loss for run in runs])

    def one(seed):
        p = init_params("GRU", task.input_size, H, seed=seed, reset="after", dtype=np.float32)
        layer, readout = to_module(p), torch.nn.Linear(H, 1)
        V = np.random.default_rng([seed, 1]).uniform(-(H**-0.5), H**-0.5, (1, 1 + H)).astype(np.float32)
        readout.load_state_dict({"weight": torch.from_numpy(V[:, 1:]), "bias": torch.from_numpy(V[:, 0])})
        weights, rng, losses = [*layer.parameters(), *readout.parameters()], np.random.default_rng([seed, 2]), []
        adam = torch.optim.Adam(weights, lr=1e-2)
        judge = torch.from_numpy(task.test[0].astype(np.float32)).transpose(0, 1)
        for step in range(steps + 1):
            if step % steps == 0:  # the engine evaluates before the first update and after the last
                with torch.no_grad():
                    readout(layer(judge)[0][-1])
            if step == steps:
                break
            x, y = (torch.from_numpy(part.astype(np.float32)) for part in task.sample(rng, B))
            adam.zero_grad()
            loss = torch.nn.functional.mse_loss(readout(layer(x.transpose(0, 1))[0][-1]), y)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            adam.step()
            losses.append(loss.item())
        return losses

    peers = [Peer("five torch.nn.GRU runs", lambda: np.array([one(seed) for seed in seeds]), goal, runs=5)]
    return Case(f"{steps} updates of five seeds, adding T=50; H={H}", ours, peers, tolerance=1e-2, difference=overall)


# --- a model of the reader's own


class CharacterModel(torch.nn.Module):
    """An embedding, two GRU layers and a readout."""

    def __init__(self, H: int, symbols: int = 100) -> None:
        super().__init__()
        self.embed, self.rnn = torch.nn.Embedding(symbols, H), torch.nn.GRU(H, H, 2)
        self.read = torch.nn.Linear(H, symbols)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """(T, B) symbols to (T, B, symbols) scores of the next ones."""
        return self.read(self.rnn(self.embed(tokens))[0])


def whole_report(H: int = 256, T: int = 200, B: int = 8) -> Case:
    """The probe's default report on a character model, against 15 training steps of it; compared are the losses."""
    torch.manual_seed(0)
    model, tokens = CharacterModel(H), torch.randint(0, 100, (T, B))

    def loss(scores):
        return torch.nn.functional.cross_entropy(scores[:-1].flatten(0, 1), tokens[1:].flatten())

    def training_steps():
        adam = torch.optim.Adam(model.parameters(), lr=0.0)  # the same work at any rate, and the model stays
        for _ in range(15):
            adam.zero_grad()
            value = loss(model(tokens))
            value.backward()
            adam.step()
        return np.array([value.item()])

    return Case(
        f"probe, whole report of two GRU layers, {B} sequences; H={H}, T={T}",
        lambda: np.array([probe(model, tokens, loss=loss).loss]),
        [Peer("15 training steps", training_steps, 1, runs=5)],
        tolerance=1e-5,
    )


def exact_row(H: int = 256, T: int = 200) -> Case:
    """What the probe's report has of one sequence and layer, all lags, against torch's Jacobian of a single lag.

    The reader's layer is float32, as torch makes it: so far back its gradients are nearly denormal, and slow. The same
    in float64 stands beside it.
    """
    torch.manual_seed(0)
    layer, x = torch.nn.GRU(H, H).double(), torch.randn(T, H, dtype=torch.float64)
    p = to_params(layer)

    def single(dtype):
        own, inputs = copy.deepcopy(layer).to(dtype), x.to(dtype)
        J = torch.autograd.functional.jacobian(lambda h: own(inputs, h)[1], torch.zeros(1, H, dtype=dtype))
        return np.array([J.double().norm().item()])

    return Case(
        f"exact row ‖∂h_T/∂h_k‖_F, all k; H={H}, T={T}",
        lambda: norms_to_past(jacobian_pieces(forward(p, x.numpy()), backwards=True), "fro"),
        [
            Peer("functional.jacobian, k=0 alone, float32", lambda: single(torch.float32), 40, runs=1),
            Peer("functional.jacobian, k=0 alone, float64", lambda: single(torch.float64), runs=1),
        ],
        tolerance=0.1,  # float32 has few digits left so close to its smallest number
        difference=lambda other, ours: abs(other[0] / ours[0] - 1),
    )


CASES = {
    "profile": profile,
    "row": last_row,
    "pairs 64 x 200": lambda: all_pairs(64, 200, by_vmap=8, by_backwards=120),
    "pairs 64 x 1000": lambda: all_pairs(64, 1000, by_vmap=40, below_direct=18),
    "pairs 8 x 200": lambda: all_pairs(8, 200),
    "spectrum": spectrum,
    "spectrum from inputs": spectrum_from_inputs,
    "GRU gradients": lambda: fused_layer("GRU", np.float64),
    "LSTM gradients": lambda: fused_layer("LSTM", np.float32),
    "training 64": lambda: training_step(64, goal=2.2),
    "training 128": lambda: training_step(128, goal=1.8),
    "five seeds": five_seeds,
    "probe report": whole_report,
    "probe row": exact_row,
}


# --- measuring


def spent(run: Callable) -> tuple[float, Any]:
    """CPU seconds of one call, the mean of a turn's, and its result. A turn lasts at least TURN seconds."""
    start, calls = time.process_time(), 0
    while calls == 0 or time.process_time() - start < TURN:
        result, calls = run(), calls + 1
    return (time.process_time() - start) / calls, result


def measure(case: Case, runs: int) -> tuple[list[float], list[int], list[float]]:
    """Medians of our way, the machine's dgemm and every peer, taking turns; how many runs; the largest errors."""
    square = np.random.default_rng(0).standard_normal((PEAK_SIZE, PEAK_SIZE))
    ways = [Peer("ours", case.run), Peer("dgemm", lambda: square @ square), *case.peers]
    times: list[list[float]] = [[] for _ in ways]
    errors, ours = [0.0 for _ in ways], None
    for i in range(runs + 1):  # the first only warms up
        for way, taken, j in zip(ways, times, range(len(ways)), strict=True):
            if i <= way.runs:
                seconds, result = spent(way.run)
                taken.append(seconds)
            if j == 0 and i == 0:
                ours, errors[0] = result, case.check(result) if case.check else 0.0
            elif j > 1 and i == 0:
                errors[j] = case.difference(result, ours)
    medians = [statistics.median(taken[1:]) for taken in times]
    return medians, [len(taken) - 1 for taken in times], errors


def rows(case: Case, runs: int) -> Iterator[tuple[str, ...]]:
    """The table's rows for one case; raises SystemExit if results disagree."""
    (ours, dgemm, *theirs), (_, _, *counts), (error, _, *errors) = measure(case, runs)
    if not max([error, *errors]) <= case.tolerance:
        raise SystemExit(f"{case.name}: errors {[error, *errors]}, wants at most {case.tolerance}")
    peers: list[tuple[str, float | None, float | None, str]] = [
        (peer.name + (f" ({n} runs)" if n < runs else ""), seconds, peer.goal, f"{e:.0e}")
        for peer, seconds, n, e in zip(case.peers, theirs, counts, errors, strict=True)
    ]
    if case.flops:
        peak = 2 * PEAK_SIZE**3 / dgemm
        peers.append((f"direct way at dgemm peak, {peak / 1e9:.0f} Gflop/s", case.flops / peak, case.flops_goal, "-"))
    if not peers:
        reached = "" if case.seconds is None else f"≤ {case.seconds} s" + ("" if ours <= case.seconds else ", missed")
        peers = [("-", None, None, f"{error:.0e}")]
    for name, seconds, goal, difference in peers:
        ratio = None if seconds is None else seconds / ours
        verdict = [reached] if ratio is None else [f"≥ {goal}×"] if goal else []
        verdict += ["missed"] if ratio and goal and ratio < goal else []
        verdict += ["a loss"] if ratio and ratio < 1 else []
        shown = ("-", "-") if ratio is None or seconds is None else (show(seconds), f"{ratio:.3g}×")
        yield case.name, show(ours), name, *shown, ", ".join(verdict), difference


def show(seconds: float) -> str:
    """Three digits with a unit."""
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1e3 * seconds:.3g} ms"


def processor() -> str:
    """The processor's own name where Linux tells it."""
    info = Path("/proc/cpuinfo")
    names = (
        [line.partition(": ")[2] for line in info.read_text().splitlines() if line.startswith("model name")]
        if info.exists()
        else []
    )
    return names[0] if names else platform.processor() or platform.machine()


def report(table: list[tuple[str, ...]], runs: int) -> str:
    """The Markdown page."""
    heads = ("work", "ours", "other way", "its time", "ratio", "goal", "difference")
    measured = (
        f"Measured on {datetime.date.today():%d %B %Y}: {processor()}, one thread, Python {platform.python_version()}, "
        f"NumPy {np.__version__}, torch {torch.__version__}; medians of {runs} runs unless said."
    )
    cells = [heads, ("---",) * len(heads), *([cell.replace("|", "\\|") for cell in row] for row in table)]
    lines = "\n".join("| " + " | ".join(row) + " |" for row in cells)
    return PAGE.read_text(encoding="utf-8").replace("{measured}", measured).replace("{table}", lines)


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", "--runs", type=int, default=7, help="runs of each way, at least 5 for figures to publish")
    parser.add_argument("-k", "--keyword", default="", help="only cases whose name contains this")
    parser.add_argument("--write", type=Path, help="Markdown file to write")
    options = parser.parse_args()
    torch.set_num_threads(1)
    table = []
    os.environ["TQDM_DISABLE"] = "1"
    for name, make in CASES.items():
        if options.keyword in name:
            for row in rows(make(), options.runs):
                table.append(row)
                print(" | ".join(row), flush=True)
    if options.write:
        options.write.write_text(report(table, options.runs), encoding="utf-8")


if __name__ == "__main__":
    main()
