"""What lesson 08 states, looked at with torch: its nets are trained by the course's engine, but judged by torch's own.

The fast tests train the lesson's five seeds anew; the slow ones do the same on fifteen further seeds.
"""

import ast
import functools
import inspect
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch

from course_utils import tasks, widgets
from course_utils.cells import forward, init_params
from course_utils.checks.exercise import verdict
from course_utils.checks.lesson_08 import EXERCISES, PARTS, training_step, yours_or_ours
from course_utils.gradients import state_gradients
from course_utils.scenes import lesson_08
from course_utils.torch_bridge import to_params
from course_utils.training import roughly, solved_count, train, wilson
from tests import oracles
from tests.lessons.judged import dip, mean_z, reach, share_right
from tests.notebook import defines, folded_solutions, read

SHOWN, FURTHER = range(5), range(100, 115)
ADDING = {"steps": 200, "learning_rate": 3e-2, "every": 10}

# ---------------------------------------------------------------------------------------------------------------------
# Adding


@functools.cache
def adders(seeds):
    return train(tasks.adding(50), "GRU", 32, seeds=seeds, probes={"norm": reach}, **ADDING)


shown_and_further = pytest.mark.parametrize(
    "seeds", [pytest.param(SHOWN, id="shown"), pytest.param(FURTHER, id="further", marks=pytest.mark.slow)]
)


@shown_and_further
def test_the_gradient_arrives_first_then_the_error_falls_then_answers_are_right(seeds):
    runs = adders(seeds)
    norm = np.median([run.probes["norm"] for run in runs], axis=0)
    error = np.median([run.score for run in runs], axis=0)
    assert norm[3] > 0.01
    assert np.all(error[3:8] > 0.9 / 6) and np.all(error[12:] < 0.5 / 6)
    halved = 10 * np.argmax(error < 0.5 / 6)
    assert np.median([share_right(run.at(halved)) for run in runs]) < 0.5


def control(silent, seeds):
    """Nets whose answers are shuffled; with `silent`, all inputs are zero as well."""
    task = tasks.adding(50)

    def sample(rng, batch):
        x, y = task.sample(rng, batch)
        y = rng.permutation(y)
        return (np.zeros_like(x) if silent else x), y

    return train(replace(task, sample=sample), "GRU", 32, seeds=seeds, **{**ADDING, "every": 200})


def check_highway(seeds):
    runs, baseline = adders(seeds), tasks.adding(50).baselines["always 1"]
    assert baseline == pytest.approx(1 / 6, abs=0.02)
    for run in runs:
        norm, error = run.probes["norm"], run.score
        first = np.argmax(error < baseline / 2)
        assert norm[0] < 1e-8 and norm[-1] > 0.1  # eight powers of ten; "all lie above a tenth"
        assert error[first] < baseline / 2 and norm[first] > 0.05
        assert not np.any((error < 0.9 * baseline) & (norm < 1e-3))
        assert 10 * (first - np.argmax(norm > 0.01)) >= 50
        assert np.all(norm[3:] > 1e-3) or seeds is FURTHER
        assert dip(run) > 0.05
    return solved_count(runs)


@shown_and_further
def test_training_opens_the_gate(lesson, seeds):
    for run in adders(seeds):
        fresh = mean_z(run.start)
        assert fresh == pytest.approx(0.5, abs=0.03) and mean_z(run.params) > fresh + 0.1
    assert "training raises the mean of z by more than 0.1: at least 4 of 5\n" in lesson.printed


def test_highway_of_the_seeds_shown(lesson):
    assert check_highway(SHOWN) == "5/5"
    rnns = train(tasks.adding(50), "RNN", 32, steps=300, learning_rate=1e-2)
    assert solved_count(rnns) == "0/5"
    assert "adding, solved: GRU at least 4 of 5, RNN at most 1 of 5\n" in lesson.printed
    assert "norm above 0.05 when the error has halved: at least 4 of 5\n" in lesson.printed
    assert "error below 90 % of always 1's at norm below 1e-3: at most 1 of 5\n" in lesson.printed


def share_of_pairs(p):
    """Share of all pairs of steps that are above a hundredth."""
    products, norms = [], []
    for J in oracles.jacobians(p, tasks.adding(50).test[0][0]):
        products = [J @ product for product in products] + [J]
        norms += [torch.linalg.matrix_norm(product).item() for product in products]
    return np.mean(np.array(norms) > 1e-2)


@shown_and_further
def test_before_and_after(seeds):
    """Before training, less than half of all pairs are above a hundredth; afterwards nearly every one is."""
    for run in adders(seeds)[: 1 if seeds is SHOWN else None]:  # the lesson shows the first
        assert share_of_pairs(run.start) < 0.5 and share_of_pairs(run.params) > 0.95


def check_controls(seeds):
    """How many reach back, with shuffled answers and without inputs."""
    shuffled, silent = control(False, seeds), control(True, seeds)
    assert not any(dip(run) > 0.05 for run in shuffled)
    return [sum(reach(run.params) > 0.05 for run in runs) for runs in (shuffled, silent)]


def test_the_gate_opens_with_nothing_to_remember(lesson):
    assert check_controls(SHOWN) == [5, pytest.approx(1, abs=1)]
    most, few = "most nets", "fewer than half"
    for name, many in ("adding", most), ("shuffled answers", most), ("no inputs either", few):
        assert f"{'GRU, ' + name:21} norm above 0.05: {many}\n" in lesson.printed
    assert "adding           z falls by more than 0.05 at a mark: at least 4 of 5\n" in lesson.printed
    assert "shuffled answers z falls by more than 0.05 at a mark: at most 1 of 5\n" in lesson.printed


def test_the_explorer_says_what_the_nets_do():
    """Five made-up nets, evaluated three times: medians in the sentence, the norm by lag and not by step."""
    rng = np.random.default_rng(0)
    norms, errors, share = rng.uniform(0.1, 1, (5, 3, 51)), rng.uniform(0, 0.2, (5, 3)), np.array([0.1, 0.5, 0.9])
    explorer = lesson_08.learning(np.array([0, 10, 20]), norms, errors, share, 0.17, 0.2)
    words = explorer.frames["words"]
    for i in range(3):
        assert f"After {10 * i} updates the norm over fifty steps is {np.median(norms[:, i, 0]):.2g}, " in words[i]
        assert f"error {np.median(errors[:, i]):.3f}; {share[i]:.0%} are right" in words[i]
    assert explorer.values == {"update": 0} and len(explorer.frames["numbers"]) < widgets.MOST_BYTES


# ---------------------------------------------------------------------------------------------------------------------
# The backward pass cut short, and a gate taken away


@functools.cache
def cut(empty, K, seeds, rate=3e-2):
    """Adding with the backward pass cut after K steps; no mark in the last `empty` steps."""
    steps = {3e-2: 400, 1e-2: 800}[rate]
    return train(tasks.adding(50, empty=empty), "GRU", 32, seeds=seeds, truncate=K, steps=steps, learning_rate=rate)


CUTS = [(0, 50, True), (0, 10, True), (0, 5, True), (20, 30, True), (20, 10, False)]


@pytest.mark.parametrize("empty, K, learns", CUTS)
def test_cut_nets_of_the_seeds_shown(lesson, empty, K, learns):
    runs = cut(empty, K, SHOWN)
    assert solved_count(runs) == ("5/5" if learns else "0/5")
    name = "last 20 empty" if empty else "marks anywhere"
    line = f"{name:14} K = {K:2}: solved {roughly(5 * learns, 5)}, most also at the end: {learns}\n"
    assert line in lesson.printed
    if K < 30:  # "It ends above 0.5 in all of these nets"
        assert min(reach(run.params) for run in runs) > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("rate", [3e-2, 1e-2])
@pytest.mark.parametrize("empty, K, learns", CUTS)
def test_cut_nets_of_further_seeds(empty, K, learns, rate):
    runs = cut(empty, K, FURTHER, rate)
    assert sum(run.solved for run in runs) >= 14 if learns else not any(run.solved for run in runs)
    below = sum(run.score[-1] < 0.01 for run in runs)
    if (K, rate) == (5, 3e-2):
        assert below == pytest.approx(11, abs=3)
    elif learns:
        assert below >= 13
    if K < 30 and rate == 3e-2:
        assert sum(reach(run.params) > 0.5 for run in runs) >= 14


@pytest.mark.parametrize("K, share", [(10, Fraction(2, 5)), (5, Fraction(1, 5))])
def test_how_often_a_mark_is_in_reach(K, share):
    """The second mark stands in one of the steps 26 to 50; the first never among the last 25."""
    x = tasks.adding(50).sample(np.random.default_rng(5), 20000)[0][:, :, 1]
    assert x[:, -K:].any(1).mean() == pytest.approx(float(share), abs=0.02)
    assert x.argmax(1).max() < 25 and not tasks.adding(50, empty=20).test[0][:, -20:, 1].any()


def without(gate, seeds, rate=1e-2, steps=400):
    held = {"reset": {"r": 1000}, "update": {"z": -1000}}[gate]
    return train(tasks.adding(50), "GRU", 32, seeds=seeds, steps=steps, learning_rate=rate, held=held)


@pytest.mark.parametrize("gate, count", [("reset", 5), ("update", 0)])
def test_a_gate_taken_away(lesson, gate, count):
    assert sum(run.solved for run in without(gate, SHOWN)) == count
    assert f"without {gate:6} gate: solved {roughly(count, 5)}\n" in lesson.printed


@pytest.mark.slow
@pytest.mark.parametrize(
    "gate, rate, steps, least, most",
    [
        ("reset", 1e-2, 800, 14, 15),
        ("reset", 3e-2, 400, 9, 15),
        ("update", 1e-2, 800, 0, 0),
        ("update", 3e-2, 400, 0, 0),
    ],
)
def test_a_gate_taken_away_on_further_seeds(gate, rate, steps, least, most):
    assert least <= sum(run.solved for run in without(gate, FURTHER, rate, steps)) <= most
    assert [round(100 * end) for end in wilson(12, 15)] == [55, 93]


def torch_adder(seed):
    """The lesson's torch cell. Returns the error on the test, the layer and the readout."""
    task, rng = tasks.adding(50), np.random.default_rng(seed)
    torch.manual_seed(seed)
    gru, readout = torch.nn.GRU(2, 32, batch_first=True), torch.nn.Linear(32, 1)
    weights = [*gru.parameters(), *readout.parameters()]
    adam = torch.optim.Adam(weights, lr=3e-2)
    for _ in range(250):
        x, y = map(torch.Tensor, task.sample(rng, 32))
        loss = torch.nn.functional.mse_loss(readout(gru(x)[0][:, -1]), y)
        adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        adam.step()
    x, y = map(torch.Tensor, task.test)
    return torch.nn.functional.mse_loss(readout(gru(x)[0][:, -1]), y).item(), gru, readout


def gradient_by_step(lesson, readout, few=None):
    """The lesson's own function, on the first few sequences of the test."""
    x, y = (torch.Tensor(each[:few]) for each in tasks.adding(50).test)
    by_step = lesson.names()["gradient_by_step"]
    by_step.__globals__.update(x=x, y=y, readout=readout, mse=torch.nn.functional.mse_loss)
    return by_step


def test_how_far_torchs_gradient_reaches(lesson):
    """The lesson's own function, held against our backward pass from the same loss; and what its detach cuts off."""
    task = tasks.adding(50)
    torch.manual_seed(3)
    gru, readout = torch.nn.GRU(2, 32, batch_first=True), torch.nn.Linear(32, 1)
    x, y = (torch.Tensor(each[:4]) for each in task.test)
    by_step = gradient_by_step(lesson, readout, few=4)
    sizes, cut = by_step(gru), by_step(gru, cut=40)

    p, v = to_params(gru), readout.weight.detach().numpy()[0].astype(float)
    totals = []
    for sequence, answer in zip(x.numpy(), y.numpy(), strict=True):
        trace = forward(p, sequence)
        dh = np.zeros((50, 32))
        dh[-1] = 2 / 4 * (v @ trace.h[-1] + readout.bias.item() - answer) * v  # of the mean over four squares
        totals.append(state_gradients(trace, dh)[1:])
    assert sizes == pytest.approx(np.linalg.norm(totals, axis=(0, 2)), rel=1e-3, abs=1e-12)
    assert cut[:40] == [0.0] * 40 and cut[40:] == pytest.approx(sizes[40:], rel=1e-4)
    assert sizes[0] < 0.01 * sizes[-1]  # fresh
    for name, far in {"fresh": False, "trained": True, "trained, detach before step 41": False}.items():
        assert f"GRU, {name}: at step 1 above a hundredth of step 50: {far}\n" in lesson.printed


# ---------------------------------------------------------------------------------------------------------------------
# Exercises


def torchs_step(p, v, c, x, y, rate, limit):
    """One training step by torch: autograd, its own clipping, its own SGD."""
    net, readout, bias = oracles.tensors(p, requires_grad=True), *(torch.tensor(w, requires_grad=True) for w in (v, c))
    weights = [*net, readout, bias]
    h_T = oracles.states(p, x, weights=net)[-1]
    loss = (readout @ h_T + bias - y) ** 2 / 2
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(weights, limit)
    torch.optim.SGD(weights, lr=rate).step()
    return [loss.item(), norm.item(), *(w.detach().numpy() for w in weights)]


@pytest.mark.parametrize("seed", range(4))
def test_training_step_is_torchs(seed):
    """The check's right answer, by complex steps, and the step that the loop runs on."""
    arguments = EXERCISES["08 training step"].draw(np.random.default_rng(seed))
    expected = torchs_step(*arguments)
    for parts in (EXERCISES["08 training step"].right(*arguments).values(), training_step(*arguments)):
        for part, torchs in zip(parts, expected, strict=True):
            assert part == pytest.approx(torchs, rel=1e-5, abs=1e-9)


def test_training_steps_of_both_kinds_are_drawn():
    """Some are clipped and some are not, so that clipping always and never are both found."""
    drawn = [EXERCISES["08 training step"].draw(np.random.default_rng(seed)) for seed in range(4)]
    clipped = {training_step(*arguments)[1] > arguments[-1] for arguments in drawn}
    assert clipped == {False, True}


def test_adam_step_is_torchs():
    rng, right = np.random.default_rng(1), EXERCISES["08 adam step"].right
    w, m, s = rng.normal(size=4), np.zeros(4), np.zeros(4)
    torchs = torch.tensor(w, requires_grad=True)
    adam = torch.optim.Adam([torchs], lr=0.03)
    for t in range(1, 6):
        torchs.grad = torch.tensor(rng.normal(size=4))
        w, m, s = right(w, torchs.grad.numpy(), m, s, t, 0.03).values()
        adam.step()
        assert w == pytest.approx(torchs.detach().numpy(), rel=1e-12)


def test_adam_moves_by_the_rate_whatever_the_size():
    """The lesson's example: gradients that are always 10 and always 0.001."""
    right, w, m, s = EXERCISES["08 adam step"].right, np.zeros(2), np.zeros(2), np.zeros(2)
    for t in range(1, 20):
        before = w
        w, m, s = right(w, np.array([10, 0.001]), m, s, t, 0.03).values()
        assert before - w == pytest.approx([0.03, 0.03], rel=1e-4)


@pytest.mark.parametrize("count, ends", [(15, "80 to 100"), (0, "0 to 20"), (11, "48 to 89"), (4, "11 to 52")])
def test_intervals(lesson, count, ends):
    assert "{:.0f} to {:.0f}".format(*(100 * end for end in wilson(count, 15))) == ends
    assert ends in lesson.prose


def torch_loops(seeds, rate, updates, H=10):
    """The lesson's loop for all seeds at once, by torch's autograd: squared errors (updates, S)."""
    task, rngs = tasks.adding(5), [np.random.default_rng(seed) for seed in seeds]
    starts = [init_params("GRU", 2, H, seed=seed) for seed in seeds]
    readouts = np.array([rng.uniform(-0.3, 0.3, H) for rng in rngs])
    arrays = [np.array([getattr(p, name) for p in starts]) for name in ("Wx", "Wh", "bx", "bh")]
    weights = [torch.tensor(each, requires_grad=True) for each in (*arrays, readouts, np.zeros(len(seeds)))]
    last_state = torch.func.vmap(lambda x, *net: oracles.states(starts[0], x, weights=net)[-1])  # seed by seed
    errors = []
    for _ in range(updates):
        *net, v, c = weights
        x, y = (torch.tensor(np.concatenate(each)) for each in zip(*(task.sample(r, 1) for r in rngs), strict=True))
        error = (v * last_state(x, *net)).sum(1) + c - y[:, 0]
        grads = torch.autograd.grad((error**2 / 2).sum(), weights)
        norm = torch.sqrt(sum((grad.reshape(len(seeds), -1) ** 2).sum(1) for grad in grads))
        shorter = torch.clamp(1 / norm, max=1)
        weights = [
            (w - rate * shorter.reshape(-1, *[1] * (w.ndim - 1)) * grad).detach().requires_grad_()
            for w, grad in zip(weights, grads, strict=True)
        ]
        errors.append((error**2).detach().numpy())
    return np.array(errors)


@pytest.mark.slow
@pytest.mark.parametrize("rate, updates", [(0.2, 4000), (0.1, 8000)])
def test_the_loop_of_training_steps_learns_from_further_seeds(lesson, rate, updates):
    errors = torch_loops(FURTHER, rate, updates)
    assert np.sum(errors[-500:].mean(0) < 0.01) >= 14
    assert np.all(errors[:300].mean(0) > 0.1)  # "for some hundred updates little happens"


def test_the_loops_of_torch_are_the_lessons_loop():
    """The first updates of one seed, by the package's training step."""
    task, rng, losses = tasks.adding(5), np.random.default_rng(7), []
    p, v, c = init_params("GRU", 2, 10, seed=7), rng.uniform(-0.3, 0.3, 10), 0.0
    for _ in range(30):
        x, y = task.sample(rng, 1)
        loss, _, Wx, Wh, bx, bh, v, c = training_step(p, v, c, x[0], y[0, 0], 0.2, 1.0)
        p = p.changed(Wx=Wx, Wh=Wh, bx=bx, bh=bh)
        losses.append(2 * loss)
    assert torch_loops([7, 8], 0.2, 30)[:, 0] == pytest.approx(losses, rel=1e-9)


def test_the_loops_outcome(lesson):
    assert "This loop runs on our training step.\n" in lesson.printed
    assert "mean squared error of the last 500 updates below 0.01: True\n" in lesson.printed


@pytest.mark.parametrize("name", EXERCISES)
def test_the_solutions_in_the_folds_are_right(lesson, name):
    assert verdict(EXERCISES[name], lesson.solutions[name[3:].replace(" ", "_")]).startswith("Right")


def test_the_solution_is_the_packages_step(lesson):
    """Lesson and package have the same lines."""
    (block,) = (block for block in folded_solutions(read(lesson.path)) if defines(block, "training_step"))
    shown, ours = (ast.parse(source).body[-1].body for source in (block, inspect.getsource(training_step)))
    assert [ast.unparse(line) for line in shown] == [ast.unparse(line) for line in ours[1:]]  # without its docstring


def test_the_loop_runs_on_the_readers_step_if_it_is_right(capsys):
    def mine(*arguments):
        return training_step(*arguments)

    def wrong(*arguments):
        return {name: 2 * part for name, part in zip(PARTS, training_step(*arguments), strict=True)}

    assert yours_or_ours(mine) is mine
    assert yours_or_ours(wrong) is yours_or_ours(lambda *_: ...) is training_step
    assert capsys.readouterr().out.count("on our training step") == 2


def test_lost_per_step_on_a_chain_of_equal_factors():
    assert EXERCISES["08 lost per step"].right(0.8 ** np.arange(20, -1, -1)) == pytest.approx(-np.log(0.8), rel=1e-12)


# ---------------------------------------------------------------------------------------------------------------------
# Fifteen further seeds. Counts that hang on single nets may move by one or two with threads and BLAS.


@pytest.mark.slow
def test_highway_of_further_seeds():
    assert check_highway(FURTHER) == "15/15"
    rnns = train(tasks.adding(50), "RNN", 32, steps=300, learning_rate=1e-2, seeds=FURTHER)
    assert solved_count(rnns) == "0/15"


@pytest.mark.slow
def test_controls_of_further_seeds():
    shuffled, silent = check_controls(FURTHER)
    assert shuffled == 15 and silent == pytest.approx(4, abs=2)


@pytest.mark.slow
def test_torchs_own_gru_solves_adding(lesson):
    """And its gradient then reaches the first step, unless the state is detached."""
    assert "torch's GRU solves adding: True\n" in lesson.printed
    for seed in (0, *FURTHER):
        error, gru, readout = torch_adder(seed)
        by_step = gradient_by_step(lesson, readout)
        sizes, cut = by_step(gru), by_step(gru, cut=40)
        assert error < 0.01 and sizes[0] > 0.01 * sizes[-1] and not any(cut[:40])
