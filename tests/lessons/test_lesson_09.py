"""What lesson 09 states, looked at with torch: its nets are trained by the course's engine, but judged by torch's own.

The fast tests train the lesson's five seeds anew; the slow ones do the same on fifteen further seeds.
"""

import functools
import itertools
import random
from fractions import Fraction

import numpy as np
import pytest
import torch

from course_utils import tasks, widgets
from course_utils.cells import init_params
from course_utils.checks.exercise import verdict
from course_utils.checks.lesson_09 import EXERCISES
from course_utils.scenes import lesson_09
from course_utils.training import roughly, solved_count, train, wilson
from tests import oracles
from tests.lessons.judged import (
    SENTENCE,
    SINGULAR,
    VOCABULARY,
    other_number,
    read_words,
    score_difference,
    strongest_attractor,
)
from tests.notebook import code_cells, read

SHOWN, FURTHER = range(5), range(100, 115)
SETUPS = {
    "RNN": {"kind": "RNN", "learning_rate": 3e-3, "steps": 200},
    "GRU": {"kind": "GRU", "learning_rate": 1e-2, "steps": 200, "gate_bias": 2.0},
    "GRU, update 75": {"kind": "GRU", "learning_rate": 1e-2, "steps": 75, "gate_bias": 2.0},
    "GRU at 3e-2": {"kind": "GRU", "learning_rate": 3e-2, "steps": 200, "gate_bias": 2.0},
    "RNN, 1,000 updates": {"kind": "RNN", "learning_rate": 3e-3, "steps": 1000},
    "RNN, 1,000 updates at 1e-3": {"kind": "RNN", "learning_rate": 1e-3, "steps": 1000},
}


def sentences(clauses, opposite, n=60):
    """n random sentences and their mirror images as word indices, with the verb's number."""
    rng, rows, plural = random.Random(1000 * clauses + opposite), [], []
    for _ in range(n):
        number = rng.randrange(2)
        others = [1 - number] * opposite + [number] * (clauses - opposite)
        rng.shuffle(others)
        text = ["the", rng.choice(SINGULAR) + "s" * number]
        for other in others:
            text += ["which", rng.choice(["saw", "chased", "heard"]), "the", rng.choice(SINGULAR) + "s" * other]
        row = [VOCABULARY.index(word) for word in text]
        rows += [row, [other_number(word) for word in row]]
        plural += [number, 1 - number]
    return np.array(rows), np.array(plural)


def accuracy(run, clauses, opposite):
    words, plural = sentences(clauses, opposite)
    return np.mean((score_difference(run, words) > 0) == plural)


def score_in_training_format(run, words):
    """The same as score_difference with zeros in front, up to fifty words."""
    x = read_words(words)
    x = np.concatenate([np.zeros((50 - len(x), *x.shape[1:])), x])
    h = oracles.states(run.params, x)[-1]
    readout = torch.tensor(run.readout[1] - run.readout[0], dtype=torch.float64)
    return (h @ readout).numpy() + float(run.readout_bias[1] - run.readout_bias[0])


def accuracy_in_training_format(run, clauses):
    """With all nouns but the subject attractors, at up to 12 clauses."""
    words, plural = sentences(clauses, clauses)
    return np.mean((score_in_training_format(run, words) > 0) == plural)


def test_vocabulary():
    assert tuple(VOCABULARY) == tasks.WORDS and tasks.VERBS == ("was", "were")
    constant = np.mean(sentences(12, 12)[1])
    assert constant == 0.5  # a constant answer on a sentence and its mirror image


def test_agreement_has_the_subject_in_reach_in_three_of_thirteen():
    x = tasks.agreement(12).sample(np.random.default_rng(5), 20000)[0]
    start = x.any(2).argmax(1)  # of the sentence; the subject is its second word
    assert np.mean(start + 1 >= 50 - 10) == pytest.approx(3 / 13, abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("K, low, high", [(10, 4, 10), (2, 0, 0)])
def test_cut_agreement_of_further_seeds(K, low, high):
    runs = train(tasks.agreement(12), hidden_size=32, seeds=FURTHER, truncate=K, **SETUPS["GRU"])
    assert low <= sum(run.solved for run in runs) <= high
    assert [round(100 * end) for end in wilson(7, 15)] == [25, 70]


@functools.cache
def agreers(name, seeds):
    return train(tasks.agreement(12), hidden_size=32, seeds=seeds, **SETUPS[name])


def outcome(name, seeds):
    """How many are right at 12 and at 24 clauses, all with attractors, and how many are below .25 at 12."""
    at_12, at_24 = ([accuracy(run, m, m) for run in agreers(name, seeds)] for m in (12, 24))
    return [sum(np.array(at_12) >= 0.95), sum(np.array(at_24) >= 0.95), sum(np.array(at_12) < 0.25)]


@pytest.mark.parametrize("name, expected", [("RNN", [0, 0, 5]), ("GRU", [5, 5, 0]), ("GRU, update 75", [0, 0, 4])])
def test_agreement_of_the_seeds_shown(lesson, name, expected):
    assert outcome(name, SHOWN) == expected
    m12, m24, below = expected
    right = f"right at m = 12 {roughly(m12, 5)}, at m = 24 {roughly(m24, 5)}"
    line = f"{name:14} {right}; most below 0.25: {below > 2}\n"
    assert line in lesson.printed


@pytest.mark.slow
def test_attraction_of_further_seeds_grows_with_the_dose():
    """Medians of fifteen. In the format of training one of the GRUs may give a constant answer."""
    for name, most in ("RNN", 0.3), ("GRU, update 75", 0.1):
        doses = [dose_of(run, (0, 6, 12)) for run in agreers(name, FURTHER)]
        none, half, all_twelve = np.median(doses, axis=0)
        assert none > 0.9 and none > half > all_twelve and all_twelve < most
    whole = [min(accuracy(run, m, m) for m in (0, 1, 2, 4, 8, 16)) for run in agreers("GRU", FURTHER)]
    assert sum(score > 0.95 for score in whole) >= 14


def test_attraction_grows_with_the_dose():
    """The RNN's median, and the half-trained GRU's, fall from nearly 1 to nearly 0; the GRU stays right."""
    for name in ("RNN", "GRU, update 75"):
        median = [np.median([accuracy(run, 12, k) for run in agreers(name, SHOWN)]) for k in (0, 6, 12)]
        assert median[0] > 0.9 and median[0] > median[1] > median[2] and median[2] < 0.1
    assert all(accuracy(run, 12, k) == 1 for run in agreers("GRU", SHOWN) for k in (0, 6, 12))
    assert all(accuracy(run, m, m) == 1 for run in agreers("GRU", SHOWN) for m in (0, 1, 2, 4, 8, 16))
    assert all(accuracy_in_training_format(run, m) == 1 for run in agreers("GRU", SHOWN) for m in (0, 1, 2, 4, 8, 12))
    falls = [np.median([accuracy_in_training_format(run, m) for run in agreers("RNN", SHOWN)]) for m in (0, 1, 2, 3, 4)]
    assert falls[0] > 0.95 and np.all(np.diff(falls)[:2] < 0) and max(falls[3:]) < 0.1  # "to nearly 0 within 3"


def trust_after_each_noun(run, attractors):
    """Share for the right verb after each noun of sentences with 12 clauses whose last nouns are attractors, (13,)."""
    words, plural = sentences(12, 0)
    for noun in range(13 - attractors, 13):
        words[:, 1 + 4 * noun] = [other_number(word) for word in words[:, 1 + 4 * noun]]
    more_were = [score_difference(run, words[:, : 2 + 4 * noun]) for noun in range(13)]
    return (1 / (1 + np.exp(-np.where(plural, more_were, np.negative(more_were))))).mean(axis=1)


@pytest.mark.parametrize(
    "seeds", [pytest.param(SHOWN, id="shown"), pytest.param(FURTHER, id="further", marks=pytest.mark.slow)]
)
def test_votes_are_counted_until_attractors_no_longer_matter(seeds):
    at = {u: np.mean([trust_after_each_noun(run.at(u), 4) for run in agreers("GRU", seeds)], 0) for u in (100, 150)}
    rises, falls = np.diff(at[100])[:8], np.diff(at[100])[8:]
    assert np.all(rises > -0.005) and at[100][8] - at[100][0] > 0.05  # "every noun that agrees makes it a little surer"
    assert np.all(falls < 0) and np.all(falls > -0.1)  # "every attractor a little less"
    ends = np.array([trust_after_each_noun(run.at(100), 4)[-1] for run in agreers("GRU", seeds)])
    assert np.mean(ends > 0.5) > 0.5 and np.mean(ends) > 0.5  # "too few to turn most of these nets"
    assert np.all(np.diff(at[150])[8:] > -0.005) and at[150][-1] > 0.95
    rnn = np.mean([trust_after_each_noun(run, 4) for run in agreers("RNN", seeds)], 0)
    assert np.all(np.diff(rnn)[8:] < 0)


def test_the_explorer_says_what_the_nets_do():
    """Made-up scores of two nets at two stages and three doses, each sentence of thirteen nouns."""
    rng, doses = np.random.default_rng(0), (0, 4, 12)
    scored, trusted = ({name: rng.uniform(0, 1, shape) for name in ("RNN", "GRU")} for shape in [(2, 3), (2, 3, 13)])
    explorer = lesson_09.attraction([0, 25], doses, scored, trusted)
    for at, (i, k) in enumerate(itertools.product(range(2), range(3))):
        words = explorer.frames["words"][at]
        assert f"After {25 * i} updates, with {doses[k]} attractors of 12: " in words
        assert f"accuracy RNN {scored['RNN'][i, k]:.2f}, GRU {scored['GRU'][i, k]:.2f}." in words
        assert f"{trusted['RNN'][i, k, -1]:.2f} and {trusted['GRU'][i, k, -1]:.2f} for the right verb" in words
    assert explorer.values == {"update": 0, "count": 4} and len(explorer.frames["numbers"]) < widgets.MOST_BYTES


@pytest.mark.parametrize("m", [1, 3, 6])
def test_last_noun_guesser(m):
    for k in range(m + 1):
        orders = list(itertools.permutations([True] * k + [False] * (m - k)))  # True: an attractor
        assert Fraction(sum(not order[-1] for order in orders), len(orders)) == 1 - Fraction(k, m)


@pytest.mark.parametrize("M", [2, 3, 7])
def test_last_noun_in_training(M):
    """Every number of every noun, written out."""
    right = Fraction(0)
    for m in range(M + 1):
        numbers = list(itertools.product([0, 1], repeat=m + 1))
        right += Fraction(sum(number[0] == number[-1] for number in numbers), len(numbers))
    answer = EXERCISES["09 last noun in training"].right
    assert answer(M) == pytest.approx(float(right / (M + 1)), rel=1e-14) and f"{answer(12):.2f}" == "0.54"


def test_swapped_nouns(lesson):
    shares = {name: np.array([strongest_attractor(run) for run in agreers(name, SHOWN)]) for name in ("RNN", "GRU")}
    for name, expected in ("RNN", 0), ("GRU", 5):
        assert np.sum(shares[name] < 0.1) == expected
        assert f"{name}: every attractor below a tenth of the subject: {roughly(expected, 5)}\n" in lesson.printed


def noun_pushes(run, front=0):
    """Gradient of were minus was towards plural at the five nouns, by reverse mode; `front` zeros come first."""
    x = np.vstack([np.zeros((front, 13)), np.eye(13)[[VOCABULARY.index(word) for word in SENTENCE]]])
    x = torch.tensor(x, requires_grad=True)
    h = oracles.states(run.params, x)[-1]
    (h @ torch.tensor(run.readout[1] - run.readout[0], dtype=torch.float64)).backward()
    gradient = x.grad[front + 1 :: 4].numpy()
    return gradient[:, 9:].mean(1) - gradient[:, 5:9].mean(1)


def test_gradients_find_the_subject():
    """In every GRU the subject stands out among the nouns; two RNNs hear the last noun alone, three let all vote."""
    grus = np.array([noun_pushes(run) for run in agreers("GRU", SHOWN)])
    assert np.all(grus[:, 0] > 5 * np.abs(grus[:, 1:]).max(1))
    rnns = np.array([noun_pushes(run) for run in agreers("RNN", SHOWN)])
    last = rnns[:, -1] > 2 * np.abs(rnns[:, :-1]).max(1)
    assert last.sum() == 2
    padded = np.array([noun_pushes(run, 50 - len(SENTENCE)) for run in agreers("RNN", SHOWN)])
    assert (padded[:, -1] > 2 * np.abs(padded[:, :-1]).max(1)).sum() >= 3  # "still more of the RNNs"
    assert np.all(rnns[~last] > 0) and np.all(rnns[~last, 1:].sum(1) > rnns[~last, 0])  # outvoted


def test_the_lessons_pushes_and_swaps_are_autograds_and_torchs(lesson):
    """The lesson's own functions on its own sentence, held against reverse mode and against nets run by torch."""
    names, words = lesson.names(), np.array([VOCABULARY.index(word) for word in SENTENCE])
    names |= {"words": words, "nouns": np.arange(1, 18, 4), "x": np.eye(13)[words]}
    assert f'"{" ".join(SENTENCE)}"' in "".join(cell.source for cell in code_cells(read(lesson.path)))
    for run in agreers("RNN", SHOWN)[:2] + agreers("GRU", SHOWN)[:2]:
        assert names["pushes"](run)[names["nouns"]] == pytest.approx(noun_pushes(run), rel=1e-4, abs=1e-6)
        effects = []
        for noun in (1, 5, 9, 13, 17):
            rows = [words, [other_number(word) if i == noun else word for i, word in enumerate(words)]]
            singular, plural = sorted(rows, key=lambda row: row[noun])
            effects.append(np.diff(score_difference(run, np.array([singular, plural])))[0])
        assert names["swaps"](run) == pytest.approx(effects, rel=1e-4, abs=1e-4)


def dose_of(run, doses=(0, 2, 4, 6, 8, 10, 12)):
    """Accuracy with so many attractors among twelve clauses, in the format of training."""
    scores = []
    for k in doses:
        words, plural = sentences(12, k)
        scores.append(np.mean((score_in_training_format(run, words) > 0) == plural))
    return np.array(scores)


@pytest.mark.slow
def test_two_failures_of_further_seeds():
    """Of the eight below 0.25, five hear the last noun and follow its line; the others are safe from two attractors."""
    runs = [run for run in agreers("RNN", FURTHER) if accuracy_in_training_format(run, 12) < 0.25]
    pushes = np.array([noun_pushes(run) for run in runs])
    last, doses = pushes[:, -1] > 2 * np.abs(pushes[:, :-1]).max(1), np.array([dose_of(run) for run in runs])
    assert last.sum() == pytest.approx(5, abs=2) and (~last).sum() == pytest.approx(3, abs=2)
    line = 1 - np.arange(0, 13, 2) / 12
    assert np.abs(doses[last] - line).max() < 0.25 and np.all(doses[~last, 1] > 0.92)
    padded = np.array([noun_pushes(run, 50 - len(SENTENCE)) for run in agreers("RNN", FURTHER)])
    bare = np.array([noun_pushes(run) for run in agreers("RNN", FURTHER)])
    hear_last = [np.sum(each[:, -1] > 2 * np.abs(each[:, :-1]).max(1)) for each in (bare, padded)]
    assert hear_last[0] < hear_last[1]  # "with zeros, still more"


def test_the_two_failures_err_in_two_ways(lesson):
    """Nets that hear the last noun follow its line; voters are right at four attractors and wrong at twelve."""
    last, votes = [], []
    for run in agreers("RNN", SHOWN):
        pushes = noun_pushes(run)
        (last if pushes[-1] > 2 * np.abs(pushes[:-1]).max() else votes).append(dose_of(run))
    assert (len(last), len(votes)) == (2, 3)
    line = 1 - np.arange(0, 13, 2) / 12
    assert np.abs(np.array(last) - line).max() < 0.2
    assert np.all(np.array(votes)[:, :3] > 0.9) and np.all(np.array(votes)[:, -1] < 0.25)
    assert np.all(np.diff(votes, axis=1).min(axis=1) < -0.2)  # "fall steeply", the line by 1/6 for two attractors
    typical = np.median([*last, *votes], axis=0).round(1)
    assert "Measured: a curve from 1 to 0." in lesson.displayed and (typical[0], typical[-1]) == (1, 0)


@pytest.mark.parametrize("a, m", [(0.5, 4), (1.0, 4), (2.0, 4), (3.3, 12), (7.0, 12)])
def test_a_voters_subject_loses_from_there_on(a, m):
    """By counting votes of sentences with 0, 1, ..., m attractors. An even vote isn't lost yet."""
    votes = [a + sum(-1 if noun < k else 1 for noun in range(m)) for k in range(m + 1)]
    (first, *_) = [k for k in range(m + 1) if votes[k] < 0]
    assert EXERCISES["09 attractors to lose"].right(a, m) == first


def test_drawn_voters_can_lose():
    for seed in range(50):
        a, m = EXERCISES["09 attractors to lose"].draw(np.random.default_rng(seed))
        assert EXERCISES["09 attractors to lose"].right(a, m) <= m


@pytest.mark.parametrize("count, ends", [(3, "7 to 45"), (13, "62 to 96"), (10, "42 to 85"), (7, "25 to 70")])
def test_intervals(lesson, count, ends):
    assert "{:.0f} to {:.0f}".format(*(100 * end for end in wilson(count, 15))) == ends
    assert ends in lesson.prose


@pytest.mark.parametrize("name", EXERCISES)
def test_the_solutions_in_the_folds_are_right(lesson, name):
    assert verdict(EXERCISES[name], lesson.solutions[name[3:].replace(" ", "_")]).startswith("Right")


def gate_rise(run):
    """Mean r and z at the attractors minus mean at the subject, over sentences with twelve of them."""
    gates = oracles.gates(run.params, read_words(sentences(12, 12, 10)[0]))
    return [(gates[name][5::4].mean() - gates[name][1].mean()).item() for name in ("r", "z")]


def test_gates_at_nouns(lesson):
    assert all(min(gate_rise(run)) > 0 for run in agreers("GRU", SHOWN))
    for gate in "zr":
        assert f"mean {gate} higher at the attractors than at the subject: at least 4 of 5\n" in lesson.printed
    x = read_words([[VOCABULARY.index(word) for word in SENTENCE]])
    z = oracles.gates(agreers("GRU", SHOWN)[0].params, x)["z"]
    assert z[1].mean().item() == pytest.approx(2 / 3, abs=0.05)  # "about two thirds at the subject"
    assert (z[3:].mean((0, 1)) > 0.9).sum() > 16  # "close to 1 for most units afterwards"
    r = oracles.gates(agreers("GRU", SHOWN)[0].params, x)["r"][1::4].mean((1, 2)).numpy()
    assert "about 0.44 at the subject and 0.45 to 0.49 at the attractors" in lesson.prose
    assert [r[0], r[1:].min(), r[1:].max()] == pytest.approx([0.44, 0.45, 0.49], abs=0.01)
    rest = [z[offset::4].mean().item() for offset in (3, 4, 5, 6)]
    assert np.ptp(rest) < 0.06  # "it keeps at every word"


@pytest.mark.slow
def test_gates_at_nouns_of_further_seeds():
    """At 1e-2 z and r are higher at the attractors in all; at 3e-2 z is so in nearly all. It keeps at every word."""
    assert all(min(gate_rise(run)) > 0 for run in agreers("GRU", FURTHER))
    assert sum(gate_rise(run)[1] > 0 for run in agreers("GRU at 3e-2", FURTHER)) >= 13
    words = read_words(sentences(12, 12, 10)[0])
    for run in agreers("GRU", FURTHER):
        z = oracles.gates(run.params, words)["z"]
        rest = [z[offset::4].mean().item() for offset in (3, 4, 5, 6)]
        assert np.ptp(rest) < 0.1 and min(rest) > z[1].mean().item()


@functools.cache
def twofold(seeds, rate=1e-2):
    return train(tasks.agreement_pair(6), "GRU", 32, steps=200, learning_rate=rate, gate_bias=2.0, seeds=seeds)


def groups(run):
    """z of long- and short-term units, r of both: four arrays."""
    words = sentences(6, 3, 20)[0]
    swapped = [words.copy(), words.copy()]
    for noun, copy in zip((1, -1), swapped, strict=True):
        copy[:, noun] = [other_number(word) for word in words[:, noun]]
    h, *others = (oracles.states(run.params, read_words(each))[-1] for each in (words, *swapped))
    moved = [(other - h).abs().mean(0) for other in others]
    long = moved[0] > moved[1]
    gates = oracles.gates(run.params, read_words(words))
    z, r = (gates[name][5::4].mean((0, 1)) for name in ("z", "r"))
    return z[long], z[~long], r[long], r[~long]


def count_groups(seeds, rate=1e-2):
    """Of how many nets long-term units have over twice the z, some of them a low z, and short-term ones the higher r;
    and how many solve both questions."""
    of = [groups(run) for run in twofold(seeds, rate)]
    twice = sum((z_long.mean() > 2 * z_short.mean()).item() for z_long, z_short, _, _ in of)
    low = sum(torch.any(z_long < 0.2).item() for z_long, *_ in of)
    higher = sum((r_short.mean() > r_long.mean()).item() for *_, r_long, r_short in of)
    return twice, low, higher, solved_count(twofold(seeds, rate))


def test_long_and_short_term_units(lesson):
    twice, low, higher, solved = count_groups(SHOWN)
    assert (twice, low, solved) == (5, 5, "5/5") and higher <= 1
    assert "both questions, solved: GRU at least 4 of 5\n" in lesson.printed
    assert "long-term units over twice the others': at least 4 of 5\n" in lesson.printed
    assert "mean r higher in short-term units: at most 1 of 5\n" in lesson.printed


@pytest.mark.parametrize("seed", range(3))
def test_word_pushes_are_autograds(seed):
    p, x, V, direction = EXERCISES["09 word pushes"].draw(np.random.default_rng(seed))
    words = torch.tensor(x, requires_grad=True)
    scores = torch.tensor(V) @ oracles.states(p, words)[-1]
    (scores[1] - scores[0]).backward()
    expected = (words.grad @ torch.tensor(direction)).numpy()
    assert EXERCISES["09 word pushes"].right(p, x, V, direction) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("kind, units, count", [("RNN", 32, "1,570"), ("GRU", 32, "4,578"), ("RNN", 60, "4,622")])
def test_weights_counted(lesson, kind, units, count):
    layer = {"RNN": torch.nn.RNN, "GRU": torch.nn.GRU}[kind](13, units)
    weights = [*layer.parameters(), *torch.nn.Linear(units, 2).parameters()]
    assert f"{sum(each.numel() for each in weights):,}" == count and f"{count}" in lesson.prose


def test_fresh_nets_are_what_the_lesson_says():
    """Update bias 2: z starts near .88 and not near one half."""
    p = init_params("GRU", 13, 32, gate_bias=2.0)
    z = oracles.gates(p, read_words(sentences(2, 2, 5)[0]))["z"]
    assert z.mean().item() == pytest.approx(1 / (1 + np.exp(-2)), abs=0.02)


@pytest.mark.slow
def test_agreement_of_further_seeds():
    m12, m24, below = outcome("RNN", FURTHER)
    assert m12 <= 2 and m24 <= 1 and below == pytest.approx(8, abs=2)
    assert outcome("GRU", FURTHER) == [15, 15, 0]
    assert outcome("GRU, update 75", FURTHER)[2] >= 10
    assert all(125 <= run.solved_at <= 175 for run in agreers("GRU", FURTHER))
    short = [[accuracy_in_training_format(run, m) for m in (1, 4, 8)] for run in agreers("GRU", FURTHER)]
    assert sum(np.min(short, axis=1) > 0.95) >= 13  # "one of the GRUs gives the same answer to all"
    assert sum(strongest_attractor(run) < 0.1 for run in agreers("RNN", FURTHER)) <= 2
    assert all(strongest_attractor(run) < 0.1 for run in agreers("GRU", FURTHER))
    assert all(min(gate_rise(run)) > 0 for run in agreers("GRU", FURTHER))


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind, options, low, high",
    [
        ("RNN", {"learning_rate": 1e-2}, 0, 0),
        ("RNN", {"learning_rate": 3e-3, "hidden_size": 60}, 1, 6),
        ("GRU", {"learning_rate": 3e-3, "gate_bias": 2.0}, 0, 0),
        ("GRU", {"learning_rate": 1e-2}, 6, 10),
        ("RNN", {"learning_rate": 3e-3, "steps": 500}, 5, 10),
    ],
    ids=["RNN at 1e-2", "RNN with 60 units", "GRU at 3e-3", "GRU without bias", "RNN, 500 updates"],
)
def test_other_settings_of_further_seeds(kind, options, low, high):
    options = {"steps": 200, "hidden_size": 32, **options}
    runs = train(tasks.agreement(12), kind, seeds=FURTHER, **options)
    assert low <= sum(run.solved for run in runs) <= high


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind, options, median, unsolved",
    [
        ("RNN", {"learning_rate": 3e-3, "steps": 1000}, (400, 600), 4),
        ("GRU", {"learning_rate": 1e-2, "steps": 600}, (175, 225), 0),
        ("GRU", {"learning_rate": 1e-2, "steps": 200, "gate_bias": 2.0}, (125, 150), 0),
    ],
    ids=["RNN", "GRU without bias", "GRU"],
)
def test_updates_until_further_seeds_are_solved(kind, options, median, unsolved):
    runs = train(tasks.agreement(12), kind, hidden_size=32, seeds=FURTHER, **options)
    first = [np.inf if run.solved_at is None else run.solved_at for run in runs]
    assert median[0] <= np.median(first) <= median[1] and np.isinf(first).sum() <= unsolved


@pytest.mark.slow
@pytest.mark.parametrize("rate", [1e-2, 3e-2])
def test_units_of_further_seeds(rate):
    """ "in most nets it is lower in them: at 1e-2 in 15 of 20, at 3e-2 in 12 of 15" """
    twice, low, higher, solved = count_groups(FURTHER, rate)
    assert twice >= 14 and low >= 12 and 1 <= higher <= 6 and solved == "15/15"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["RNN, 1,000 updates", "RNN, 1,000 updates at 1e-3"])
def test_rnns_at_the_last_of_1000_updates(lesson, name):
    right = sum(accuracy_in_training_format(run, 12) >= 0.95 for run in agreers(name, FURTHER))
    assert right == pytest.approx(9, abs=3)
    assert "At the last update 9 of 15 are right at twelve clauses, at either rate." in lesson.prose
