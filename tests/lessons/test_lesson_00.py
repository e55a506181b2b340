"""What lesson 00 states."""

import numpy as np
import pytest

from course_utils import tasks
from course_utils.cells import forward, init_params
from course_utils.gradients import jacobians


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
