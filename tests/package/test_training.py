"""The training engine against torch's autograd, Adam and clipping; its promises; the tasks and their baselines."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
import tqdm.notebook

from course_utils import tasks, training
from course_utils._kernels import Nets
from course_utils.adam import Adam
from course_utils.cells import forward, init_params
from course_utils.gradients import jacobians
from course_utils.norms import norms_to_past
from course_utils.torch_bridge import NAMES, to_module
from course_utils.training import clip_gradients, roughly, solved_at_end, solved_count, train, wilson
from tests.notebook import stored_with_bars

CELLS = {
    "RNN tanh": dict(kind="RNN"),
    "RNN relu": dict(kind="RNN", activation="relu", recurrent="identity"),
    "RNN sigmoid": dict(kind="RNN", activation="sigmoid"),
    "GRU before": dict(kind="GRU", gate_bias=1.0),
    "GRU after": dict(kind="GRU", reset="after"),
    "LSTM": dict(kind="LSTM", chrono=10),
}
ADDING = tasks.adding(8)
SHORT = dict(steps=12, every=6, batch=4, seeds=range(3))


def same(run, other):
    """Whether two runs agree in every bit."""
    return all(
        np.array_equal(getattr(run, name), getattr(other, name), equal_nan=True)
        for name in ("loss", "grad_norm", "score", "readout", "readout_bias")
    ) and all(np.array_equal(getattr(run.params, name), getattr(other.params, name)) for name in NAMES)


# --- gradients, Adam, clipping: torch is the oracle -------------------------------------------------------------------


def torch_loss(module, readout, x, target, loss, every_step):
    """The loss of one net over a batch, sequence by sequence, as a node of torch's graph."""
    h = torch.stack([module(sequence)[0] for sequence in torch.as_tensor(x)])
    out = (h if every_step else h[:, -1]) @ readout[:, 1:].T + readout[:, 0]
    if loss == "mse":
        return torch.nn.functional.mse_loss(out, torch.as_tensor(target))
    return torch.nn.functional.cross_entropy(out.flatten(0, -2), torch.as_tensor(target).flatten())


def draw(rng, S, B, T, D, O, loss, every_step):
    """Inputs and targets of a random problem."""
    steps = (T,) if every_step else ()
    x = rng.standard_normal((S, B, T, D))
    return x, rng.standard_normal((S, B, *steps, O)) if loss == "mse" else rng.integers(0, O, (S, B, *steps))


@pytest.mark.parametrize("every_step", [False, True], ids=["last step", "every step"])
@pytest.mark.parametrize("loss", ["mse", "cross-entropy"])
@pytest.mark.parametrize("cell", CELLS)
def test_gradients_equal_autograd(cell, loss, every_step):
    S, B, T, D, H, O = 2, 3, 7, 3, 5, 4
    rng = np.random.default_rng(0)
    params = [init_params(**CELLS[cell], input_size=D, hidden_size=H, seed=s) for s in range(S)]
    readouts = rng.standard_normal((S, O, H + 1))
    nets = Nets(params, readouts, loss, np.dtype(np.float64))
    for _ in range(2):  # the second pass meets what the first one left behind
        x, target = draw(rng, S, B, T, D, O, loss, every_step)
        got = nets.gradient(x, target)
    for s in range(S):
        module, readout = to_module(params[s]), torch.tensor(readouts[s], requires_grad=True)
        want = torch_loss(module, readout, x[s], target[s], loss, every_step)
        want.backward()
        grads = {ours: getattr(module, theirs).grad.numpy() for ours, theirs in NAMES.items()}
        dW = np.column_stack([grads["bh"], grads["Wh"], grads["Wx"], grads["bx"]])
        assert got[s] == pytest.approx(float(want.detach()), abs=1e-12)
        assert np.abs(dW).max() > 1e-3
        np.testing.assert_allclose(nets.dW[s], dW, rtol=0, atol=1e-10)
        np.testing.assert_allclose(nets.dV[s], readout.grad, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    "clip, clip_by, torch_clip",
    [
        (None, "norm", lambda weights: None),
        (0.1, "norm", lambda weights: torch.nn.utils.clip_grad_norm_(weights, 0.1)),
        (0.01, "value", lambda weights: torch.nn.utils.clip_grad_value_(weights, 0.01)),
    ],
    ids=["unclipped", "norm", "value"],
)
@pytest.mark.parametrize("frozen", [(), ("Wh",), ("Wx", "bh")], ids=lambda names: " ".join(names) or "free")
@pytest.mark.parametrize("cell", ["GRU after", "LSTM"])
def test_whole_run_equals_torch(cell, frozen, clip, clip_by, torch_clip):
    """Same start, same data: twenty steps of torch.optim.Adam arrive at the same weights.

    Frozen weights take no part in the gradient's norm: if they did, they would shorten the others' clipped steps, and
    the norms that lesson 10 draws would hold what moves nothing. And none but the named ones stand still.
    """
    options = dict(SHORT, steps=20, seeds=[3], clip=clip, clip_by=clip_by, dtype=np.float64, learning_rate=0.03)
    options |= dict(frozen=frozen)
    [run] = train(ADDING, **CELLS[cell], hidden_size=6, **options)
    H = 6
    start = np.random.default_rng([3, 1]).uniform(-(H**-0.5), H**-0.5, (1, 1 + H))
    module, readout = to_module(run.start), torch.tensor(start, requires_grad=True)
    for name in frozen:
        getattr(module, NAMES[name]).requires_grad_(False)
    weights = [weight for weight in (*module.parameters(), readout) if weight.requires_grad]
    optimiser, rng = torch.optim.Adam(weights, lr=0.03), np.random.default_rng([3, 2])
    for step in range(20):
        optimiser.zero_grad()
        loss = torch_loss(module, readout, *ADDING.sample(rng, 4), "mse", every_step=False)
        loss.backward()
        norm = torch.linalg.vector_norm(torch.cat([weight.grad.flatten() for weight in weights]))
        torch_clip(weights)
        optimiser.step()
        assert run.loss[step] == pytest.approx(float(loss.detach()), abs=1e-10)
        assert run.grad_norm[step] == pytest.approx(float(norm), abs=1e-10)
    for ours, theirs in NAMES.items():
        np.testing.assert_allclose(getattr(run.params, ours), getattr(module, theirs).detach(), rtol=0, atol=1e-10)
    np.testing.assert_allclose(run.readout, readout.detach()[:, 1:], rtol=0, atol=1e-10)
    np.testing.assert_allclose(run.readout_bias, readout.detach()[:, 0], rtol=0, atol=1e-10)


def test_adam_equals_torch_over_many_scales():
    rng = np.random.default_rng(0)
    theta = rng.standard_normal((2, 7))
    ours, adam, theirs = {"w": theta}, Adam(0.01), torch.tensor(theta, requires_grad=True)
    optimiser = torch.optim.Adam([theirs], lr=0.01)
    for _ in range(30):
        grad = rng.standard_normal((2, 7)) * 10.0 ** rng.integers(-9, 4, (2, 7))
        theirs.grad = torch.tensor(grad)
        optimiser.step()
        ours = adam.step(ours, {"w": grad})
    np.testing.assert_allclose(ours["w"], theirs.detach(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("limit", [1e-3, 1.0, 1e3])
def test_clipping_equals_torch_seed_by_seed(limit):
    grad = np.random.default_rng(0).standard_normal((3, 11)) * np.array([[0.01], [1], [100]])
    for by, clip in (("norm", torch.nn.utils.clip_grad_norm_), ("value", torch.nn.utils.clip_grad_value_)):
        ours = grad.copy()
        norm = clip_gradients(ours, limit, by)
        for s in range(3):
            weight = torch.nn.Parameter(torch.zeros(11, dtype=torch.float64))
            weight.grad = torch.tensor(grad[s])
            clip([weight], limit)
            np.testing.assert_allclose(ours[s], weight.grad, rtol=1e-14)
            assert norm[s] == pytest.approx(np.linalg.norm(grad[s]), rel=1e-14)


def test_clipping_survives_squares_that_float32_cannot_hold():
    grad = np.full((1, 4), 1e25, np.float32)
    assert clip_gradients(grad, 1.0, "norm") == pytest.approx(2e25, rel=1e-6)
    np.testing.assert_allclose(grad, 0.5, rtol=1e-6)


# --- promises ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", CELLS)
def test_a_run_repeats_bit_for_bit(cell):
    runs, again = (train(ADDING, **CELLS[cell], hidden_size=8, **SHORT) for _ in range(2))
    assert all(map(same, runs, again))
    assert not same(runs[0], runs[1])


@pytest.mark.parametrize("cell", CELLS)
def test_a_seed_learns_the_same_alone(cell):
    options = dict(CELLS[cell], hidden_size=8, dtype=np.float64)
    for run in train(ADDING, **options, **SHORT):
        [alone] = train(ADDING, **options, **{**SHORT, "seeds": run.seed})
        for name in ("loss", "grad_norm", "score", "readout", "readout_bias"):
            np.testing.assert_allclose(getattr(run, name), getattr(alone, name), rtol=0, atol=1e-10)
        np.testing.assert_allclose(run.params.Wh, alone.params.Wh, rtol=0, atol=1e-10)


def test_float32_unless_told():
    assert train(ADDING, "GRU", 4, **SHORT)[0].params.Wh.dtype == np.float32
    assert train(ADDING, "GRU", 4, dtype=np.float64, **SHORT)[0].params.Wh.dtype == np.float64


def test_record_and_probes():
    x = np.random.default_rng(0).standard_normal((8, 2))
    probe = {"norm": lambda params: norms_to_past(jacobians(forward(params, x)))[0], "bias": lambda params: params.bx}
    runs = train(ADDING, "GRU", 4, probes=probe, **{**SHORT, "steps": 13})
    for run in runs:
        assert run.eval_steps.tolist() == [0, 6, 12, 13]
        assert run.loss.shape == run.grad_norm.shape == (13,)
        assert run.score.shape == run.probes["norm"].shape == (4,)
        for at, params in ((0, run.start), (-1, run.params)):
            np.testing.assert_array_equal(run.probes["bias"][at], params.bx)
            assert run.probes["norm"][at] == norms_to_past(jacobians(forward(params, x)))[0]
        test_x, target = ADDING.test
        assert run.score[-1] == pytest.approx(np.mean((run.outputs(test_x)[:, -1] - target) ** 2), rel=1e-5)


def test_a_run_at_an_earlier_evaluation_is_the_shorter_run():
    for cell in ("GRU before", "LSTM"):
        long = train(ADDING, hidden_size=4, **CELLS[cell], **{**SHORT, "steps": 18})
        short = train(ADDING, hidden_size=4, **CELLS[cell], **{**SHORT, "steps": 6})
        for run, wants in zip(long, short, strict=True):
            earlier = run.at(6)
            assert same(earlier, wants) and same(run.at(18), run)
            assert earlier.eval_steps.tolist() == [0, 6] and earlier.solved_at == wants.solved_at
            assert not np.array_equal(earlier.params.Wh, run.params.Wh)
        with pytest.raises(ValueError, match=r"^updates: got 7, wants one of the evaluations: \[0, 6, 12, 18\]"):
            long[0].at(7)


@pytest.mark.parametrize("cell", CELLS)
def test_outputs_are_those_of_the_lessons_forward_pass(cell):
    [run] = train(ADDING, **CELLS[cell], hidden_size=5, **{**SHORT, "seeds": [1], "dtype": np.float64})
    x = np.random.default_rng(0).standard_normal((3, 6, 2))
    states = np.array([forward(run.params, sequence).h[1:] for sequence in x])
    np.testing.assert_allclose(run.outputs(x), states @ run.readout.T + run.readout_bias, rtol=0, atol=1e-13)


def test_accuracy_is_the_share_of_all_test_sequences():
    """What a lesson prints as accuracy: of 200 sentences, not of the first one."""
    [run] = train(tasks.latch(3), "GRU", 4, seeds=0, steps=10, every=10, dtype=np.float64)
    x, target = tasks.latch(3).test
    share = np.mean(run.outputs(x)[:, -1].argmax(1) == target)
    assert run.score[-1] == share
    assert 0 < share < 1  # the first sequence alone would give one of these


def test_five_seeds_unless_told():
    """Lessons print "4/5" after a call that names no seeds."""
    assert [run.seed for run in train(ADDING, "RNN", 2, steps=1)] == [0, 1, 2, 3, 4]


def solved_at_six():
    """A run that first meets its goal after 6 updates, and again at both later evaluations."""
    options = dict(kind="GRU", hidden_size=4, seeds=0, steps=18, every=6, learning_rate=0.02)
    [run] = train(ADDING, **options)
    goal = (run.score[0] + run.score[1]) / 2
    assert run.score[0] > goal > run.score[1:].max()
    [run] = train(replace(ADDING, goal=goal), **options)
    return run


def test_solved_at_is_the_first_evaluation_that_met_the_goal():
    """It says how soon a net learned the task, not how long it was trained afterwards."""
    run = solved_at_six()
    assert run.eval_steps.tolist() == [0, 6, 12, 18]
    assert run.solved_at == 6 and run.solved


def test_an_earlier_run_knows_what_was_known_by_then():
    """`at` of the very evaluation that met the goal has solved the task; of the one before, it has not."""
    run = solved_at_six()
    assert [run.at(updates).solved_at for updates in run.eval_steps] == [None, 6, 6, 6]
    assert [run.at(updates).solved for updates in run.eval_steps] == [False, True, True, True]


def test_an_earlier_run_has_not_diverged_yet():
    """Step 6 is the seventh: a run of six updates never met its infinite loss. One of twelve did."""
    for step, known in ((6, [None, None, 6]), (5, [None, 5, 5])):
        run = train(bursting(ADDING, step), "GRU", 4, on_divergence="mark", **SHORT)[0]
        assert run.diverged_at == step
        assert [run.at(updates).diverged_at for updates in (0, 6, 12)] == known
        assert all(np.isfinite(run.at(n).loss).all() == (at is None) for n, at in zip((0, 6, 12), known, strict=True))


@pytest.mark.parametrize("make", [tasks.adding, lambda T, seed: tasks.latch(T, noise=0.5, seed=seed)])
@pytest.mark.parametrize("task_seed", [0, 1])
def test_no_net_trains_on_what_it_is_tested_on(make, task_seed):
    """No number drawn for the test is drawn again for training, of whatever seed. Else a score would be memory."""
    task, drawn = make(10, seed=task_seed), []

    def sample(rng, batch):
        drawn.append(task.sample(rng, batch))
        return drawn[-1]

    train(replace(task, sample=sample), "RNN", 2, seeds=range(3), steps=8)
    numbers, trained = (
        {number for number in values.ravel() if number not in (0, 1)}
        for values in (task.test[0], np.array([x for x, _ in drawn]))
    )
    assert len(numbers) >= 1999 and len(trained) > 7000
    assert not numbers & trained


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_no_weight_begins_as_a_number_of_the_test(seed):
    """Not even with the test's own seed: both come from U(0, 1), the weights moved to ±1/√H."""
    test, p = np.sort(tasks.adding(50, seed=seed).test[0][:, :, 0], axis=None), init_params("GRU", 2, 32, seed=seed)
    drawn = np.concatenate([getattr(p, name).ravel() for name in ("Wx", "Wh", "bx", "bh")]) * 32**0.5 / 2 + 0.5
    after = np.searchsorted(test, drawn).clip(1, len(test) - 1)
    assert drawn.min() > -1e-12 and drawn.max() < 1 + 1e-12
    assert np.minimum(np.abs(drawn - test[after]), np.abs(drawn - test[after - 1])).min() > 1e-12


def test_frozen_weights_stay_and_no_gate_looks_back():
    runs = train(ADDING, "GRU", 6, gain=0.0, frozen=("Wh",), **SHORT)
    for run in runs:
        assert not run.params.Wh.any()
        assert (run.params.Wx != run.start.Wx).any()
        trace = forward(run.params, np.random.default_rng(0).standard_normal((9, 2)))
        product = np.prod(trace.gates["z"].astype(float), axis=0).max()  # minGRU: ∂h_T/∂h_0 = diag(∏ z_t)
        assert norms_to_past(jacobians(trace))[0] == pytest.approx(product, rel=1e-5)


@pytest.mark.parametrize(("gate", "bias", "value"), [("r", 1000.0, 1.0), ("z", -1000.0, 0.0), ("z", 3.0, 0.9525741268)])
def test_a_held_gate_never_moves_and_the_others_learn(gate, bias, value):
    run = train(tasks.adding(6), "GRU", 5, seeds=1, steps=20, held={gate: bias}, dtype=np.float64)[0]
    trace = forward(run.params, tasks.adding(6).test[0][0])
    assert np.allclose(trace.gates[gate], value, rtol=1e-9, atol=0)
    before, after = run.start.gate(gate), run.params.gate(gate)
    assert all(np.array_equal(before[name], after[name]) for name in before)
    free = "z" if gate == "r" else "r"
    assert not np.array_equal(run.start.gate(free)["Wh"], run.params.gate(free)["Wh"])
    assert not np.array_equal(run.start.gate("h_tilde")["Wh"], run.params.gate("h_tilde")["Wh"])


def test_truncation_is_handed_on():
    """One step back gives another gradient than the whole way; as many steps as there are give the same."""
    whole, cut = (train(tasks.adding(6), "GRU", 5, seeds=1, steps=2, truncate=K)[0] for K in (None, 1))
    assert whole.loss[0] == cut.loss[0] and whole.grad_norm[0] != cut.grad_norm[0] and whole.loss[1] != cut.loss[1]
    all_steps = train(tasks.adding(6), "GRU", 5, seeds=1, steps=2, truncate=6)[0]
    assert np.array_equal(all_steps.loss, whole.loss)


def test_stops_once_all_seeds_have_solved_it():
    easy = replace(ADDING, goal=1e9)
    runs = train(easy, "GRU", 4, stop_when_solved=True, **SHORT)
    assert [run.solved_at for run in runs] == [0, 0, 0] and solved_count(runs) == "3/3"
    assert runs[0].loss.shape == (0,) and runs[0].eval_steps.tolist() == [0]
    hard = train(replace(ADDING, goal=0.0), "GRU", 4, stop_when_solved=True, **SHORT)
    assert solved_count(hard) == "0/3" and hard[0].loss.shape == (12,)


def bursting(task, at):
    """The task with infinite targets for its first seed from step `at` on."""
    steps = {}

    def sample(rng, batch):
        steps[id(rng)] = steps.get(id(rng), -1) + 1
        x, target = task.sample(rng, batch)
        first = next(iter(steps)) == id(rng)
        return x, target * np.inf if first and steps[id(rng)] >= at else target

    return replace(task, sample=sample)


@pytest.mark.parametrize(
    "clip, remedy", [(None, "clip=1.0 or a smaller learning_rate"), (1.0, "smaller learning_rate")]
)
def test_divergence_names_the_step_and_a_remedy(clip, remedy):
    with pytest.raises(FloatingPointError, match=rf"seed 0 .* at step 5.*{remedy}"):
        train(bursting(ADDING, 5), "GRU", 4, clip=clip, **SHORT)


def test_a_diverged_seed_is_marked_and_the_others_go_on():
    runs = train(bursting(ADDING, 5), "GRU", 4, on_divergence="mark", probes={"b": lambda p: p.bx}, **SHORT)
    whole = train(ADDING, "GRU", 4, **SHORT)
    five = train(ADDING, "GRU", 4, **{**SHORT, "steps": 5})
    assert [run.diverged_at for run in runs] == [5, None, None]
    assert np.isfinite(runs[0].loss[:5]).all() and np.isnan(runs[0].loss[5:]).all()
    assert np.isnan(runs[0].score[1:]).all() and np.isnan(runs[0].probes["b"][1:]).all()
    np.testing.assert_array_equal(runs[0].params.Wh, five[0].params.Wh)  # the last finite weights
    assert same(runs[1], whole[1]) and same(runs[2], whole[2])


@pytest.mark.parametrize(
    "name, options",
    [
        ("task", dict(task="adding")),
        ("kind", dict(kind="GRUU")),
        ("hidden_size", dict(hidden_size=0)),
        ("seeds", dict(seeds=[])),
        ("seeds", dict(seeds=[-1])),
        ("steps", dict(steps=0)),
        ("batch", dict(batch=1.5)),
        ("every", dict(every=0)),
        ("learning_rate", dict(learning_rate=0)),
        ("learning_rate", dict(learning_rate=None)),
        ("clip", dict(clip=-1.0)),
        ("clip", dict(clip=float("nan"))),
        ("clip_by", dict(clip_by="size")),
        ("frozen", dict(frozen=("W",))),
        ("frozen", dict(frozen="Wh")),
        ("held", dict(held=["r"])),
        (r"held\['r'\]", dict(held={"r": np.inf})),
        ("gate", dict(held={"f": 0})),
        ("truncate", dict(truncate=0)),
        (
            "truncate",
            dict(truncate=3, task=replace(ADDING, test=(ADDING.test[0], np.zeros((*ADDING.test[0].shape[:2], 1))))),
        ),
        ("on_divergence", dict(on_divergence="ignore")),
        ("probes", dict(probes=[len])),
        ("dtype", dict(dtype=np.float16)),
        ("gate_bias", dict(kind="RNN", gate_bias=1.0)),
    ],
)
def test_bad_arguments_are_named(name, options):
    with pytest.raises(ValueError, match=rf"^{name}: got"):
        train(**{"task": ADDING, "kind": "GRU", "hidden_size": 4, "steps": 2} | options)


def test_bad_inputs_of_outputs_are_named():
    [run] = train(ADDING, "GRU", 4, **{**SHORT, "seeds": 2})
    assert run.seed == 2
    with pytest.raises(ValueError, match=r"^x: got shape \(3, 6, 5\)"):
        run.outputs(np.zeros((3, 6, 5)))


@pytest.mark.parametrize("disable, silent", [("1", True), ("", False)])
def test_progress_bar_obeys_tqdm_disable(disable, silent):
    code = "from course_utils import tasks, training; training.train(tasks.adding(4), 'RNN', 2, steps=3, seeds=[0])"
    environment = {**os.environ, "TQDM_DISABLE": disable}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "" and (done.stderr == "") == silent


# --- tasks ------------------------------------------------------------------------------------------------------------

ALL = {
    "adding": lambda seed: tasks.adding(11, seed=seed),
    "latch": lambda seed: tasks.latch(9, seed=seed),
    "recall": lambda seed: tasks.latch(9, noise=0.5, seed=seed),
    "agreement": lambda seed: tasks.agreement(3, seed=seed),
    "weather": lambda seed: tasks.weather_forecast(),
}


@pytest.mark.parametrize("name", ALL)
def test_tasks_keep_their_interface_and_repeat(name):
    task, again = ALL[name](4), ALL[name](4)
    x, target = task.sample(np.random.default_rng(0), 6)
    assert x.shape == (6, x.shape[1], task.input_size)
    assert target.shape == ((6, task.output_size) if task.loss == "mse" else (6,))
    assert task.loss == "mse" or set(task.test[1]) == set(range(task.output_size))
    for ours, theirs in ((task.test, again.test), ((x, target), again.sample(np.random.default_rng(0), 6))):
        np.testing.assert_array_equal(ours[0], theirs[0])
        np.testing.assert_array_equal(ours[1], theirs[1])
    other = ALL[name](5).test
    assert name == "weather" or not np.array_equal(task.test[0], other[0])
    assert task.baselines


def test_adding_by_its_definition():
    x, y = tasks.adding(11).sample(np.random.default_rng(0), 500)
    assert np.all(x[:, :5, 1].sum(1) == 1) and np.all(x[:, 5:, 1].sum(1) == 1)
    assert set(x[:, :, 1].argmax(1)) == set(range(5)) and set(10 - x[:, ::-1, 1].argmax(1)) == set(range(5, 11))
    np.testing.assert_allclose(
        y[:, 0], [row[marks == 1].sum() for row, marks in zip(x[..., 0], x[..., 1], strict=True)]
    )


def test_adding_baseline_by_simulation():
    _, y = tasks.adding(10).sample(np.random.default_rng(0), 200_000)
    assert np.mean((y - 1) ** 2) == pytest.approx(1 / 6, abs=0.002)
    assert min(np.mean((y - guess) ** 2) for guess in np.linspace(0, 2, 41)) == np.mean((y - 1) ** 2)
    held = tasks.adding(10).baselines["always 1"]
    assert held == pytest.approx(1 / 6, abs=4 * 0.014)  # 200 sequences: standard error .197/√200


def test_latch_keeps_its_secret_in_the_first_step():
    x, y = tasks.latch(7, noise=0.5).sample(np.random.default_rng(0), 20_000)
    np.testing.assert_array_equal(x[:, 0].argmax(1), y)
    later = x[:, 1:, 4]
    assert np.abs(np.corrcoef(later.T, y)[-1, :-1]).max() < 0.04  # the later inputs tell nothing
    assert later.std(0) == pytest.approx(np.full(7, 0.5), abs=0.02)
    assert not x[:, 1:, :4].any() and not x[:, 0, 4:].any()
    x, y = tasks.latch(7).sample(np.random.default_rng(0), 20_000)
    assert not x[:, 1:, :4].any() and np.all(x[:, 1:, 4:].sum(2) == 1) and not x[:, 0, 4:].any()
    assert x[:, 1:, 4].mean(0) == pytest.approx(0.5, abs=0.02)
    shares = np.bincount(y) / len(y)
    assert shares == pytest.approx(np.full(4, tasks.latch(7).baselines["chance"]), abs=0.015)
    np.testing.assert_array_equal(np.bincount(tasks.latch(7).test[1]), [50] * 4)


def spelt(words):
    """Word indices as a sentence; -1 is no word."""
    return " ".join(tasks.WORDS[word] for word in words if word >= 0)


def test_grammar():
    assert len(set(tasks.WORDS)) == 13
    words, verbs = tasks.agreement_sentences(np.random.default_rng(0), 400, 4, opposite=1)
    for sentence, verb in zip(words, verbs, strict=True):
        heard = spelt(sentence).split()
        assert heard[0::4] == ["the"] * 5 and heard[2::4] == ["which"] * 4
        assert set(heard[3::4]) <= {"saw", "chased", "heard"}
        plurals = [noun.endswith("s") for noun in heard[1::4]]
        assert plurals[0] == (tasks.VERBS[verb] == "were")
        assert sum(plural != plurals[0] for plural in plurals[1:]) == 1
    assert set(verbs) == {0, 1}
    where = [(plural[1:] != plural[:1]).argmax() for plural in (words[:, 1::4] >= tasks.WORDS.index("cats"))]
    assert set(where) == {0, 1, 2, 3}  # the one opposite attractor stands anywhere
    assert set(words.ravel()) == set(range(13))


@pytest.mark.parametrize("opposite", [0, 3, 6])
def test_dosage(opposite):
    words, _ = tasks.agreement_sentences(np.random.default_rng(0), 50, 6, opposite=opposite)
    plural = words[:, 1::4] >= tasks.WORDS.index("cats")
    assert np.all((plural[:, 1:] != plural[:, :1]).sum(1) == opposite)
    with pytest.raises(ValueError, match=r"^opposite: got 7"):
        tasks.agreement_sentences(np.random.default_rng(0), 5, 6, opposite=7)


@pytest.mark.parametrize(
    "opposite, wants", [(7, "at most the number of clauses, 6"), (-1, "an integer"), (1.5, "an integer")]
)
def test_an_impossible_dosage_is_named(opposite, wants):
    """-1 or 1.5 opposite attractors would quietly be none, or two."""
    with pytest.raises(ValueError, match=rf"^opposite: got {opposite}, wants {wants}"):
        tasks.agreement_sentences(np.random.default_rng(0), 5, 6, opposite=opposite)


def test_agreement_lengths_labels_and_baselines():
    task = tasks.agreement(4)
    x, y = task.sample(np.random.default_rng(0), 20_000)
    words = np.where(x.any(2), x.argmax(2), -1)
    length = (words >= 0).sum(1)
    clauses = (length - 2) // 4
    assert np.bincount(clauses) / len(x) == pytest.approx(np.full(5, 0.2), abs=0.02)
    assert y.mean() == pytest.approx(0.5, abs=0.02)
    plurals = tasks.WORDS.index("cats")
    for sentence, verb, n in zip(words[:300], y, length, strict=False):
        assert (sentence[-n:] >= 0).all() and (sentence[:-n] == -1).all()  # shorter ones begin later
        assert (sentence[-n + 1] >= plurals) == verb
    last = words[:, 1::4][:, -1] >= plurals
    assert np.mean(last == y) == pytest.approx((1 + 4 / 2) / (1 + 4), abs=0.02)
    test_x, test_y = task.test
    assert np.mean((test_x[:, -1].argmax(1) >= plurals) == test_y) == task.baselines["last noun"] == 0
    assert np.mean(test_y) == task.baselines["coin"]  # so that a constant answer is worth no more than a coin
    np.testing.assert_array_equal(test_x[:, 1].argmax(1) >= plurals, test_y)  # the subject decides, mirrored or not


def test_weather_split_does_not_leak(monkeypatch):
    train_set, test_set, scale = tasks.weather_windows(3, 30, test_year=2014)
    assert train_set.target_day.max() < np.datetime64("2014-01-01") <= test_set.first_day.min()
    assert test_set.target_day.max() == np.datetime64("2014-12-31")
    baselines = tasks.weather_forecast(3, 30, test_year=2014).baselines
    real, rng = tasks.weather, np.random.default_rng(0)

    def scrambled():
        dates, values = real()
        values[dates >= np.datetime64("2014-01-01")] += rng.normal(50, 30)
        return dates, values

    monkeypatch.setattr(tasks, "weather", scrambled)
    other_train, other_test, other_scale = tasks.weather_windows(3, 30, test_year=2014)
    np.testing.assert_array_equal(train_set.x, other_train.x)
    np.testing.assert_array_equal(train_set.y, other_train.y)
    assert scale == other_scale
    assert not np.array_equal(test_set.x, other_test.x)
    assert tasks.weather_forecast(3, 30, test_year=2014).baselines["climatology"] > 2 * baselines["climatology"]


def test_weather_windows_by_hand():
    dates, values = tasks.weather()
    train_set, test_set, scale = tasks.weather_windows(3, 5, test_year=2015)
    past = values[dates < np.datetime64("2015-01-01")]
    assert scale == pytest.approx(past[:, 1].std())
    for windows in (train_set, test_set):
        assert len(windows.x) == len(windows.y) == len(windows.first_day) == len(windows.target_day)
        for n in (0, 17, len(windows.x) - 1):
            first = int(np.flatnonzero(dates == windows.first_day[n])[0])
            standard = (values[first : first + 8] - past.mean(0)) / past.std(0)
            np.testing.assert_allclose(windows.x[n, :, :4], standard[:5], atol=1e-12)
            assert windows.y[n, 0] == pytest.approx(standard[7, 1], abs=1e-12)
            assert windows.target_day[n] == dates[first + 7]
    assert len(test_set.x) == 365 - 7


def test_weather_baselines_by_hand():
    """In °C, from the raw file, without windows."""
    dates, values = tasks.weather()
    high, test = values[:, 1], np.flatnonzero(dates >= np.datetime64("2015-01-01"))[4 + 3 :]
    task = tasks.weather_forecast(3, 5)
    in_degrees = {name: error * task.scale**2 for name, error in task.baselines.items()}
    assert in_degrees["persistence"] == pytest.approx(np.mean((high[test] - high[test - 3]) ** 2))
    past = np.flatnonzero(dates < np.datetime64("2015-01-01"))[4 + 3 :]
    angle = 2 * np.pi * np.arange(len(dates)) / 365.25
    waves = np.stack([np.cos(k * angle) for k in range(3)] + [np.sin(k * angle) for k in (1, 2)], axis=1)
    fit = np.linalg.solve(waves[past].T @ waves[past], waves[past].T @ high[past])
    departure = high - waves @ fit
    assert in_degrees["climatology"] == pytest.approx(np.mean(departure[test] ** 2))
    lasting = (departure[past] @ departure[past - 3]) / (departure[past - 3] @ departure[past - 3])
    damped = np.mean((departure[test] - lasting * departure[test - 3]) ** 2)
    assert in_degrees["damped persistence"] == pytest.approx(damped)
    assert 0 < lasting < 1 and damped < in_degrees["climatology"] < in_degrees["persistence"]


@pytest.mark.parametrize(
    "name, make",
    [
        ("T", lambda: tasks.adding(1)),
        ("seed", lambda: tasks.adding(5, seed=-1)),
        ("lag", lambda: tasks.latch(0)),
        ("noise", lambda: tasks.latch(5, noise=-1)),
        ("clauses", lambda: tasks.agreement(0)),
        ("days_ahead", lambda: tasks.weather_forecast(0)),
        ("window", lambda: tasks.weather_forecast(3, 0)),
        ("window", lambda: tasks.weather_forecast(3, 363)),
        ("column", lambda: tasks.weather_forecast(column="fog")),
        ("test_year", lambda: tasks.weather_forecast(test_year=2012)),
    ],
)
def test_bad_task_arguments_are_named(name, make):
    with pytest.raises(ValueError, match=rf"^{name}: got"):
        make()


# --- outcomes, small enough for every test run ------------------------------------------------------------------------


def test_gating_learns_to_add_and_the_plain_net_does_not():
    task = tasks.adding(20)
    gru = train(task, "GRU", 16, seeds=range(3), steps=250, learning_rate=3e-2, stop_when_solved=True)
    rnn = train(task, "RNN", 16, seeds=range(3), steps=250, learning_rate=1e-2)
    assert solved_count(gru) == "3/3" and solved_count(rnn) == "0/3"


def test_no_progress_bar_reaches_a_notebook_where_it_is_disabled(monkeypatch):
    """tqdm's bar for notebooks ignores TQDM_DISABLE, so `train` asks itself."""
    seen = []
    monkeypatch.setattr(training, "tqdm", lambda **options: seen.append(options["disable"]) or tqdm.tqdm(**options))
    for value in ("1", "", "0"):
        monkeypatch.setenv("TQDM_DISABLE", value)
        train(tasks.adding(3), "RNN", 2, seeds=0, steps=1)
    assert seen == [True, False, False]


@pytest.mark.parametrize("task, options", [(ADDING, {}), (replace(ADDING, goal=1e9), {"stop_when_solved": True})])
def test_a_notebooks_progress_bar_goes_away(monkeypatch, task, options):
    """tqdm's bar for notebooks stays and turns red where a loop ends early; ours mustn't where all have solved."""
    styles = []

    class Bar(tqdm.notebook.tqdm):
        def display(self, *arguments, close=False, bar_style=None, **more):
            styles.append("closed" if close else bar_style)
            super().display(*arguments, close=close, bar_style=bar_style, **more)

    monkeypatch.setenv("TQDM_DISABLE", "")
    monkeypatch.setattr(training, "tqdm", Bar)
    train(task, "RNN", 2, **options, **SHORT)
    assert styles[-1] == "closed" and "danger" not in styles


def test_a_progress_bar_leaves_nothing_in_a_saved_notebook(tmp_path):
    """Not even the name of a widget that is gone, whether the training ends well or is interrupted."""
    cells = [
        "from course_utils import tasks, training\nprint('before')\n"
        "_ = training.train(tasks.adding(4), 'RNN', 2, steps=30, seeds=[0])\nprint('after')",
        "with training.tqdm(total=3) as bar:\n    bar.update()\n    print(type(bar).__name__)",
    ]
    outputs = stored_with_bars(cells)
    assert "widget" not in str(outputs)
    assert [output.get("text", output.get("data")) for output in outputs] == [
        "before\n",
        {"text/plain": ""},
        "after\n",
        {"text/plain": ""},
        "Bar\n",
    ]


# ---------------------------------------------------------------------------------------------------------------------
# Counts of nets


@pytest.mark.parametrize("count, of", [(0, 15), (1, 15), (9, 15), (15, 15), (3, 5), (0, 1), (70, 100)])
def test_wilson_solves_its_equation(count, of):
    """Its ends are the roots in p of (count/of - p)² = z² p(1 - p)/of, with z the normal 97.5 % quantile."""
    z = float(torch.distributions.Normal(0.0, 1.0).icdf(torch.tensor(0.975, dtype=torch.float64)))
    share = count / of
    roots = np.sort(np.roots([1 + z**2 / of, -(2 * share + z**2 / of), share**2]).real)
    assert wilson(count, of) == pytest.approx(tuple(roots), abs=1e-9)


def test_wilson_at_the_ends():
    """0 of n: from 0 to z²/(n + z²); n of n is its mirror image."""
    assert wilson(0, 15) == pytest.approx((0, 3.8414588 / 18.8414588), abs=1e-7)
    assert wilson(15, 15) == pytest.approx((15 / 18.8414588, 1), abs=1e-7)


@pytest.mark.parametrize("counted", [wilson, roughly])
def test_counts_that_cannot_be(counted):
    with pytest.raises(ValueError, match="count: got 6, wants at most of = 5"):
        counted(6, 5)
    with pytest.raises(ValueError, match="of: got 0"):
        counted(0, 0)


def test_roughly_is_true_and_forgives_one_net_at_either_end():
    for of in (5, 10, 15):
        words = [roughly(count, of) for count in range(of + 1)]
        assert words[0] == words[1] and words[-1] == words[-2] and len(set(words)) == 3


def test_solved_at_end_forgets_a_goal_that_was_lost():
    (run,) = train(ADDING, "RNN", 4, seeds=1, steps=10, every=5, batch=4)
    lost = replace(run, score=np.array([1.0, 0.001, 1.0]), solved_at=5)
    kept = replace(run, score=np.array([1.0, 0.1, 0.001]), solved_at=10)
    assert solved_count([lost, kept]) == "2/2" and solved_at_end([lost, kept], ADDING) == "1/2"


def test_adding_with_an_empty_end():
    task = tasks.adding(20, empty=7)
    for x, y in (task.test, task.sample(np.random.default_rng(3), 300)):
        at = [np.flatnonzero(marks) for marks in x[:, :, 1]]
        assert {len(marks) for marks in at} == {2}
        assert {marks[0] for marks in at} == set(range(6)) and {marks[1] for marks in at} == set(range(6, 13))
        assert np.allclose([row[marks, 0].sum() for row, marks in zip(x, at, strict=True)], y[:, 0])
    with pytest.raises(ValueError, match="empty: got 19, wants at most T - 2 = 18"):
        tasks.adding(20, empty=19)


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_latch_with_mixed_lags(noise):
    """Each lag as often, one symbol a sequence and fillers everywhere else; the test is that of the fixed lag."""
    task = tasks.latch(6, noise=noise, shortest=2)
    assert all(map(np.array_equal, task.test, tasks.latch(6, noise=noise).test))
    x, symbol = task.sample(np.random.default_rng(4), 5000)
    at = x[:, :, :4].any(2)
    assert np.all(at.sum(1) == 1) and np.array_equal(x[at][:, :4].argmax(1), symbol)
    assert np.array_equal(x[:, :, 4:].any(2), ~at)
    assert np.bincount(6 - at.argmax(1), minlength=7) / 5000 == pytest.approx([0, 0, 0.2, 0.2, 0.2, 0.2, 0.2], abs=0.03)
    same_draw = [tasks.latch(6, noise=noise, **o).sample(np.random.default_rng(4), 9)[0] for o in ({}, {"shortest": 6})]
    assert np.array_equal(*same_draw)
    with pytest.raises(ValueError, match="shortest: got 7, wants at most lag = 6"):
        tasks.latch(6, shortest=7)
