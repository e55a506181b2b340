"""What lesson 00 states."""

import functools

import numpy as np
import pytest
import torch

from course_utils import tasks
from course_utils.cells import forward, init_params
from course_utils.checks.exercise import verdict
from course_utils.checks.lesson_00 import EXERCISES, WORDS
from course_utils.gradients import jacobians
from course_utils.torch_bridge import to_module
from tests.notebook import folded_solutions, one_line, read


@pytest.mark.parametrize(
    ("kind", "gate_bias", "low", "high"),
    [("RNN", None, -80, -30), ("GRU", None, -60, -30), ("GRU", 5.0, -1, 0.5)],
)
def test_headline_on_seeds_that_the_lesson_does_not_show(kind, gate_bias, low, high):
    """log10 of the norm over 200 steps, by an explicit product that is rescaled at each step."""
    logs = []
    for seed in (20, 21, 22):
        p = init_params(kind, 8, 64, seed=seed, gate_bias=gate_bias)
        product, log = np.eye(64), 0.0
        for J in jacobians(forward(p, tasks.noise(200, 8, seed=seed))):
            product = J @ product
            log += np.log10(np.linalg.norm(product, 2))
            product /= np.linalg.norm(product, 2)
        logs.append(log)
    assert low < np.median(logs) < high, logs


def test_ninety_nine_percent_ninety_times():
    remaining = 1.0
    for _ in range(90):
        remaining -= 0.01 * remaining
    assert f"{remaining:.2f}" == "0.40"


def logs_of(kind, seeds, offset=100):
    """log10 of the norm over 200 steps for each seed, by an explicit product that is rescaled at each step."""
    logs = []
    for seed in seeds:
        product, log = np.eye(64), 0.0
        for J in jacobians(forward(init_params(kind, 8, 64, seed=seed), tasks.noise(200, 8, seed=offset + seed))):
            product = J @ product
            size = np.linalg.norm(product)
            product, log = product / size, log + np.log10(size)
        logs.append(log + np.log10(np.linalg.svd(product, compute_uv=False)[0]))
    return np.array(logs)


def test_both_fresh_nets_vanish_and_the_gru_a_little_more_slowly(lesson):
    """The stated half-lives on the lesson's seeds, and their order on twenty seeds that it does not show."""
    for kind, powers in (("RNN", 47), ("GRU", 38)):
        median = np.median(logs_of(kind, range(5)))
        halves = 200 * np.log10(2) / -median
        assert f"fresh {kind}: the gradient halves every {halves:.1f} steps" in lesson.printed
        assert abs(-median - powers) < 1 and f"by about {powers}" in lesson.titles
        assert f"every {halves:.1f}" in lesson.prose
    plain, gru = (logs_of(kind, range(40, 60)) for kind in ("RNN", "GRU"))
    assert np.sum(gru > plain) >= 17 and np.median(gru) - np.median(plain) > 5
    assert plain.max() < -30 and gru.max() < -30


def test_a_weight_is_a_rate_too_and_a_gate_differs_in_what_the_lesson_names():
    """∂h_T/∂w of h_T = w^T and ∂h_T/∂b of h_T = σ(b)^T at half a share per step, and where each can go."""
    w, b = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (0.5, 0.0))
    w.pow(100).backward()
    torch.sigmoid(b).pow(100).backward()
    assert float(b.grad) == pytest.approx(0.25 * float(w.grad), rel=1e-12)  # the same, but for dz/db
    grid = torch.linspace(-30, 30, 101, dtype=torch.float64)
    assert torch.all((torch.sigmoid(grid) > 0) & (torch.sigmoid(grid) < 1))  # and w is free: 1.02^200 is 52
    for T in (100, 1000, 10_000):  # a tenfold time needs log 10 more bias: the rate whose half-life grows with T
        z = 1 - 1 / T
        assert np.log(z / (1 - z)) == pytest.approx(np.log(T), rel=0.01)


@pytest.mark.parametrize(("bias", "left"), [(3, 0.002), (4, 0.1), (5, 0.43)])
def test_what_a_bias_leaves_on_seeds_that_the_lesson_does_not_show(lesson, bias, left):
    """By an explicit product, and the share that is lost per step by torch's sigmoid."""
    norms = []
    for seed in range(60, 65):
        p = init_params("GRU", 8, 64, seed=seed, gate_bias=float(bias))
        J = jacobians(forward(p, tasks.noise(200, 8, seed=100 + seed)))
        norms.append(np.linalg.svd(functools.reduce(np.matmul, J[::-1]), compute_uv=False)[0])
    assert np.median(norms) == pytest.approx(left, rel=0.3)
    assert max(norms) < 0.2 or bias == 5
    lost = torch.sigmoid(torch.tensor(-float(bias))).item()
    assert f"{left:g}" in lesson.prose and f"{lost:.1g}" in lesson.prose


@pytest.mark.parametrize(("bias", "stated"), [(3, "0.00006"), (4, "0.03"), (5, "0.26")])
def test_the_average_share_alone_would_leave_less(lesson, bias, stated):
    """By adding up logarithms; and the two reasons that are given, on a seed that the lesson doesn't show."""
    alone = np.exp(-200 * np.log1p(np.exp(-float(bias))))
    assert float(stated) == pytest.approx(alone, rel=0.15) and stated in lesson.prose
    p = init_params("GRU", 8, 64, seed=70, gate_bias=float(bias))
    trace = forward(p, tasks.noise(200, 8, seed=170))
    best = np.exp(np.log(trace.gates["z"]).sum(axis=0)).max()  # the unit that keeps most, by its own gate alone
    norm = np.linalg.svd(functools.reduce(np.matmul, jacobians(trace)[::-1]), compute_uv=False)[0]
    assert alone < best < norm


def test_the_bias_that_loses_a_two_hundredth():
    assert 1 - torch.sigmoid(torch.tensor(5.3)).item() == pytest.approx(1 / 200, rel=0.01)


def test_the_nudge_that_the_lesson_makes(lesson):
    """The last state's five numbers, moved by a millionth of the first one's, by torch's forward derivative."""
    p, x = init_params("RNN", 3, 5), tasks.noise(T=3, D=3)
    cell = to_module(p)

    def last(h0):
        return cell(torch.from_numpy(x), h0[None])[1][0]

    start = torch.zeros(5, dtype=torch.float64)
    _, moved = torch.autograd.functional.jvp(last, start, torch.eye(5, dtype=torch.float64)[0])
    assert "in the end: " + " ".join(f"{d:.3f}" for d in moved.tolist()) in one_line(lesson.printed)
    assert "derivative agrees with nudging: True" in lesson.printed


def test_the_sentence_has_thirteen_words_between():
    sentence = "The cat which already ate a whole bowl of fish and half of the cheese was full".split()
    assert sentence.index("was") - sentence.index("cat") - 1 == 13


def test_the_folded_solutions(lesson):
    found = {name: number for number, name in enumerate(WORDS)}
    exec("\n".join(folded_solutions(read(lesson.path))), found)
    assert verdict(EXERCISES["00 what is left"], found["left_after_90_steps"]) == "Right."
    assert verdict(EXERCISES["00 decay"], found["what_is_left"]).startswith("Right")
    assert verdict(EXERCISES["00 six words"], found["six_words"]) == "Right."
    assert f"{', '.join(WORDS)} = range(8)" in "".join(cell.source for cell in read(lesson.path).cells)


def test_keys_of_the_exercises_by_adding_up_losses():
    """Each key by stepping: take the lost share away again and again."""

    def left(z, lag):
        remaining = 1.0
        for _ in range(lag):
            remaining -= (1 - z) * remaining
        return remaining

    assert EXERCISES["00 what is left"].right == pytest.approx(left(0.99, 90), rel=1e-12)
    rng = np.random.default_rng(5)
    for _ in range(5):
        z, lag = EXERCISES["00 decay"].draw(rng)
        assert EXERCISES["00 decay"].right(z, lag) == pytest.approx(left(z, lag), rel=1e-9)
