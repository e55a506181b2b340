"""The warped task: `tasks.previous_symbol` against sequences written out symbol by symbol."""

import itertools

import numpy as np
import pytest

from course_utils import tasks

SHAPES = [(2, 1, False), (9, 3, False), (30, 7, False), (30, 7, True), (24, 8, True), (5, 4, True), (60, 1, True)]


def stretches(row):
    """A one-hot sequence (T, 4) as [(symbol, how many steps it stands)]."""
    return [(symbol, len(list(steps))) for symbol, steps in itertools.groupby(row.argmax(1).tolist())]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("T, longest, even", SHAPES)
def test_target_is_the_symbol_before(T, longest, even, seed):
    task = tasks.previous_symbol(T, longest, even=even, seed=seed)
    drawn = task.sample(np.random.default_rng(seed), 40)
    for x, target in (task.test, drawn):
        assert x.shape[1:] == (T, 4) and target.shape == x.shape[:2] and target.dtype.kind == "i"
        assert np.all(np.sort(x, axis=2) == [0, 0, 0, 1])
        for row, answers in zip(x, target, strict=True):
            symbols = stretches(row)
            before = [4] + [symbol for symbol, _ in symbols]
            expected = [before[i] for i, (_, steps) in enumerate(symbols) for _ in range(steps)]
            assert answers.tolist() == expected


@pytest.mark.parametrize("T, longest, even", SHAPES)
def test_how_long_a_symbol_lasts(T, longest, even):
    """The last symbol of a sequence may be cut off; all others last `longest` steps, or 1 to `longest`."""
    x, _ = tasks.previous_symbol(T, longest, even=even).sample(np.random.default_rng(1), 4000)
    lasts = [[steps for _, steps in stretches(row)] for row in x]
    assert all(sum(row) == T for row in lasts) and max(map(max, lasts)) <= longest
    whole = {steps for row in lasts for steps in row[:-1]}
    if even:
        assert whole == {longest}
    else:
        first = np.bincount([row[0] for row in lasts], minlength=longest + 1)[1:]
        assert np.all(np.abs(first / 4000 - 1 / longest) < 0.04)  # "all equally likely"


def test_symbols_are_drawn_evenly():
    x, _ = tasks.previous_symbol(40, 1).sample(np.random.default_rng(0), 4000)
    symbols = x.argmax(2)
    pairs = np.bincount(4 * symbols[:, :-1].ravel() + symbols[:, 1:].ravel(), minlength=16).reshape(4, 4)
    shares = pairs / pairs.sum()
    assert np.all(np.diagonal(shares) == 0)  # "no two neighbours the same"
    assert shares[~np.eye(4, dtype=bool)] == pytest.approx(np.full(12, 1 / 12), abs=0.003)


@pytest.mark.parametrize("T, longest, even", SHAPES)
def test_no_answer_to_the_present_symbol_alone_beats_the_baseline(T, longest, even):
    """All 5^4 ways to answer the present symbol, tried one by one."""
    task = tasks.previous_symbol(T, longest, even=even)
    x, target = task.test
    now = x.argmax(2)
    best = max(np.mean(np.array(way)[now] == target) for way in itertools.product(range(5), repeat=4))
    assert task.baselines["present symbol alone"] == pytest.approx(best, rel=1e-12)


def test_seeds_and_names():
    task, other = tasks.previous_symbol(20, 5), tasks.previous_symbol(20, 5, seed=1)
    assert all(map(np.array_equal, task.test, tasks.previous_symbol(20, 5).test))
    assert not np.array_equal(task.test[0], other.test[0])
    assert task.every_step and (task.input_size, task.output_size) == (4, 5)
    assert task.name != tasks.previous_symbol(20, 5, even=True).name


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        ((1, 1), "T: got 1, wants an integer of at least 2"),
        ((10, 0), "longest: got 0, wants an integer of at least 1"),
        ((10, 2.5), "longest: got 2.5, wants an integer of at least 1"),
        ((10, 10), "longest: got 10, wants less than T = 10, since a second symbol has to come"),
    ],
)
def test_bad_input(arguments, complaint):
    with pytest.raises(ValueError, match=complaint.replace(".", r"\.")):
        tasks.previous_symbol(*arguments)
