"""What lesson 12 states, another way: counts by Counter, nets by torch's autograd, and fifteen further seeds."""

import functools
import math
import re
import statistics
from collections import Counter
from itertools import pairwise

import nbformat
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_utils import tasks
from course_utils.cells import sigmoid
from course_utils.checks.exercise import verdict
from course_utils.checks.lesson_12 import EXERCISES, in_pieces, yours_or_ours
from course_utils.gradients import jacobians
from course_utils.probe import open_gate
from course_utils.scenes import lesson_12
from course_utils.torch_bridge import to_params
from course_utils.training import wilson
from tests import oracles
from tests.notebook import Lesson, code_cells, read
from tools import prose

SHOWN, FURTHER = range(2), range(100, 115)
BRACKETS = ("()", "[]", "{}", "<>")


@functools.cache
def names():
    """All that the lesson defines, without what it trains, measures and shows."""
    found = {}
    for cell in code_cells(read(Lesson("12").path))[1:]:
        if any(
            line.startswith(("import", "class Patient", "sentences =", "def ", "test ="))
            for line in cell.source.split("\n")
        ):
            lines = cell.source.split("\n")
            kept = [line for line in lines if not line.startswith(("check(", "print(", "report =", "rng =", "texts ="))]
            end = next((i for i, line in enumerate(kept) if line.startswith(("all_open", "    name:"))), None)
            exec("\n".join(kept[:end]), found)
    return found


# ---------------------------------------------------------------------------------------------------------------------
# The text


def endings():
    """{"known": endings, "held out": endings}, at most 40 characters, cut from the left at a space."""
    cut = {"known": [], "held out": []}
    for i, text in enumerate(tasks.prose()):
        at = max(len(text) - 40, 0)
        at = 0 if at == 0 else at if text[at - 1] == " " else text.index(" ", at) + 1
        cut["known" if i % 6 else "held out"].append(text[at:])
    return cut


def test_the_prose_of_a_page():
    """Plain sentences stay, in lower case and once; formulas, digits, tables, lists, code and sources go."""
    text = """## A heading
We **read** one [plain sentence](https://example.org) here. It has 12 digits in it.
Another one
goes over two lines (and says so). Is $x$ a formula in it? A state isn't a gradient, is it?

| a table | is not read at all. |
- A list is not a sentence of prose.

```python
this = "is code and no sentence at all."
```
<details><summary>What is folded is read as well.</summary>

The derivative of it is
$$E = m c^2$$
</details>"""
    wanted = [
        "we read one plain sentence here.",
        "another one goes over two lines.",
        "a state isn't a gradient, is it?",
        "what is folded is read as well.",
    ]
    assert list(prose.sentences(text)) == wanted
    assert list(prose.sentences("## Sources\n\nNothing of this is a sentence of ours.")) == []


def test_sentences_of_several_notebooks_are_collected_once(tmp_path):
    cell = nbformat.v4.new_markdown_cell("This sentence stands in two lessons.\n")
    code = nbformat.v4.new_code_cell("# This comment is a sentence as well.")
    for name in "ab":
        nbformat.write(nbformat.v4.new_notebook(cells=[cell, code]), tmp_path / f"{name}.ipynb")
    found = prose.collect(sorted(tmp_path.glob("*.ipynb")))
    assert found == ["this sentence stands in two lessons."]


def test_most_of_the_text_still_stands_in_the_lessons():
    """The file is frozen and lessons change; if hardly any of it is left, its page should say so."""
    now = set(prose.collect(sorted(prose.ROOT.glob("notebooks/*.ipynb"))[:12]))
    assert len(now & set(tasks.prose())) > 0.5 * len(tasks.prose())


def test_the_examples_and_the_lag(lesson):
    known = endings()["known"]
    shown = [a + text + b for text, (a, b) in zip(known[3:7], BRACKETS, strict=True)]
    assert lesson.printed.startswith("\n".join(shown) + "\n")
    lags = [len(text) + 1 for text in endings()["held out"]]
    assert min(lags) == 21 and max(lags) == 41
    assert "he opening bracket is 21 to 41 characters back" in lesson.prose
    assert "up to 40 characters lie in between" in lesson.prose
    length = statistics.mean(map(len, endings()["held out"]))
    assert round(length) == 36
    assert "one closing bracket for 36 other characters" in lesson.prose and "one character in 37" in lesson.prose
    alphabet = set("".join(tasks.prose())) | set("".join(BRACKETS))
    assert len(alphabet) == 42 and "has a perplexity of 42, the number of characters" in lesson.prose


def test_baselines_by_counting(lesson):
    """Unigram and bigram with one added to every count, in plain Python."""
    cut, size = endings(), 43  # with the padding
    marked = [a + text + b for i, text in enumerate(cut["known"]) for a, b in [BRACKETS[i % 4]]]
    pairs = Counter(pair for text in marked for pair in pairwise(text))
    first, second = Counter(), Counter()
    for (one, other), count in pairs.items():
        first[one] += count
        second[other] += count
    total = sum(pairs.values()) + size**2
    unigram, bigram, at_bracket = [], [], []
    for text in cut["held out"]:
        for a, b in BRACKETS:
            whole = a + text + b
            for one, other in pairwise(whole):
                p = (pairs[one, other] + 1) / (first[one] + size)
                if other == whole[-1] and other == b:
                    at_bracket.append(-math.log(p))
                else:
                    bigram.append(-math.log(p))
                    unigram.append(-math.log((second[other] + size) / total))
    for name, surprise in {"unigram": unigram, "bigram": bigram}.items():
        assert f"{name}: perplexity on words {math.exp(statistics.mean(surprise)):.1f}\n" in lesson.printed
    assert "from 19.7 down to 11.1" in lesson.prose
    assert math.exp(statistics.mean(at_bracket)) == pytest.approx(4.6, abs=0.05)
    assert "At the closing brackets the bigram's is 4.6" in lesson.prose


# ---------------------------------------------------------------------------------------------------------------------
# The patient, by autograd


def reaches(model, lag=40):
    """log10 ‖∂h_T/∂h_{T-lag}‖ / ‖I‖ of lower and upper layer on a text, and the mean of z; by the oracles' own step."""
    given = names()
    x = model.embed(given["x_test"][:1]).detach()
    found = {}
    for name in ("lower", "upper"):
        gru = getattr(model, name)
        p = to_params(gru)
        J = np.eye(48)
        for step in np.asarray(oracles.jacobians(p, x[0].numpy().astype(float)))[-lag:]:
            J = step @ J
        z = oracles.gates(p, x[0].numpy().astype(float))["z"].mean().item()
        found[name] = math.log10(np.linalg.norm(J) / np.linalg.norm(np.eye(48))), z
        x = gru(x)[0].detach()
    return found


def test_the_patients_layers_forget(lesson):
    found = reaches(names()["fresh"](0))
    for decades, z in found.values():
        assert decades < -19 and z == pytest.approx(0.05, abs=0.005)
    assert sigmoid(-3) == pytest.approx(0.05, abs=0.003)
    assert "of what stood 40 steps back there is $10^{-20}$ and less" in lesson.prose
    for name in found:
        assert f"{name} (GRU, 48 units): It forgets half in 0.5" in lesson.printed
    assert "the gate $z$ keeps .05 of a state at a step" in lesson.prose
    assert "largest gradient norm above 10: False\n" in lesson.printed


def test_opened_gates_reach_back(lesson):
    for decades, _ in reaches(names()["treated"](0)).values():
        assert decades > -2
    for name in ("lower", "upper"):
        assert f"{name}: above a hundredth is left at lag 40: True\n" in lesson.printed


def share_left(bias, name, lag):
    """What is left in a layer of the fresh patient after `lag` steps, the gates' bias given: the median over the four
    texts that are long enough, by torch's own Jacobian from state to state."""
    given = names()
    model = given["fresh"](0)
    with torch.no_grad():
        for gru in (model.lower, model.upper):
            gru.bias_ih_l0[48:96], gru.bias_hh_l0[48:96] = bias, 0
    shares = []
    for text, after in zip(given["x_test"][::100], given["y_test"][::100], strict=True):
        x = model.embed(text[: int((after >= len(given["alphabet"]) - 4).nonzero()) + 1]).detach()
        x = x if name == "lower" else model.lower(x)[0].detach()
        if len(x) < lag:
            continue
        gru = getattr(model, name)
        state = gru(x[: len(x) - lag])[1] if len(x) > lag else torch.zeros(1, 48)
        J = torch.func.jacrev(lambda h, gru=gru, x=x: gru(x[len(x) - lag :], h)[1])(state.detach())
        shares.append(J.norm().item() / 48**0.5)
    return statistics.median_low(shares), statistics.median_high(shares)


def a_number(text):
    """3·10^{−9} as a float."""
    digit, _, power = text.partition("·10^{−")
    return float(digit) * 10.0 ** -float(power.rstrip("}") or 0)


def test_the_explorer_of_biases(lesson):
    """Its numbers, another way; its sentence; where its verdict turns, as the text says."""
    given = names()
    biases = np.arange(-3, 5.5, 0.5)
    shown = lesson_12.choose_bias(biases, given["left"])
    for bias, lag in ((-3.0, 5), (0.0, 10), (1.5, 40), (4.0, 40)):
        equation, curves, far, words = shown(bias, lag)
        z = 1 / (1 + math.exp(-bias))
        assert equation.text.startswith(f"z = σ({bias:g}) = {z:.2f},  z^{{{lag}}} = ")
        assert a_number(equation.text.rpartition(" = ")[2]) == pytest.approx(z**lag, rel=0.5)
        lower, upper, powers = curves.numbers[: 3 * 41].reshape(3, 41)
        np.testing.assert_allclose(10 ** powers[lag], max(z**lag, 1e-12), rtol=1e-6)
        enough = []
        for name, line in {"lower": lower, "upper": upper}.items():
            low, high = share_left(bias, name, lag)
            assert low * 0.99 <= 10 ** line[lag] <= high * 1.01, (bias, lag, name)
            enough += [name] if 10 ** line[lag] >= 1e-4 else []
            farthest = far.numbers.reshape(-1)[: 2 * len(biases)].reshape(2, -1)[int(name == "upper")]
            assert (farthest[list(biases).index(bias)] >= lag) == (name in enough)
        where = {0: "neither", 1: f"the {''.join(enough)} one", 2: "both"}[len(enough)]
        said = re.fullmatch(
            rf"Bias {bias:g}, lag {lag}: (.*) is left in the lower layer and (.*) in the upper one, "
            rf"enough in {where}\. Chrono for this lag: 0\.2 and 0\.2\.",
            words,
        )
        assert [a_number(number) for number in said.groups()] == pytest.approx(
            [10 ** lower[lag], 10 ** upper[lag]], rel=0.5
        )
    turns = {
        lag: next(b for b in biases if min(share_left(b, name, lag)[0] for name in ("lower", "upper")) >= 1e-4)
        for lag in (10, 40)
    }
    assert turns == {10: -1, 40: 1.5} and "$-1$ at lag 10, and 1.5 at lag 40" in lesson.prose
    told = [share for lag in range(5, 41, 5) for share in (line[lag] for line in given["left"](lag=lag).values())]
    assert 0.15 < min(told) < max(told) < 0.25 and "leaves about a fifth at each of these lags" in lesson.prose


def test_half_of_the_units_are_opened():
    model = names()["treated"](0, opened=24)
    for gru in (model.lower, model.upper):
        z = gru.bias_ih_l0[48:96]
        assert torch.all(z[:24] >= 0) and z[:24].max() > 2 and torch.all(z[24:] == 0)
        assert torch.all(gru.bias_hh_l0[48:96] == 0)
    assert 1 - sigmoid(np.log(20)) == pytest.approx(1 / 21)  # "less than a twentieth of each new letter gets in"


def test_numbers_of_the_questions(lesson):
    assert (
        "from perplexity 4 to 1, the mean surprise falls by ln 4 / 37 = 0.037, and the perplexity by 4 %"
        in lesson.prose
    )
    falls = math.log(4) / 37
    assert falls == pytest.approx(0.037, abs=0.0005) and 1 - math.exp(-falls) == pytest.approx(0.04, abs=0.005)
    assert 5.8 * math.exp(-falls) == pytest.approx(5.6, abs=0.05)


# ---------------------------------------------------------------------------------------------------------------------
# What training brings, on further seeds

ARMS = {  # {row of the lesson's table: (units opened, None in the patient as it came; shortest text while training)}
    "patient": (None, 40),
    "patient, mixed lags": (None, 10),
    "all units opened": (48, 40),
    "half opened": (24, 40),
    "half opened, mixed lags": (24, 10),
    "faulty line removed": ("as torch makes it", 40),
    "faulty line removed, mixed lags": ("as torch makes it", 10),
}


@functools.cache
def trained(arm, seed, rate=3e-2, updates=160):
    """(perplexity on words, share of right brackets) of one net, judged by torch's cross entropy."""
    given, (units, shortest) = names(), ARMS[arm]
    if isinstance(units, int):
        model = given["treated"](seed, opened=units)
    else:
        model = given["fresh"](seed)
        with torch.no_grad():
            for gru in (model.lower, model.upper) if units else ():
                gru.bias_ih_l0[48:96] += 3  # takes back what the faulty line has done
    norms = given["train"](model, seed, updates=updates, rate=rate, shortest=shortest)
    assert max(norms) < 10
    x, y = given["x_test"], given["y_test"]
    with torch.no_grad():
        logits = model(x)
    first = len(given["alphabet"]) - 4  # of the closing brackets
    last = y >= first
    loss = torch.nn.functional.cross_entropy(logits.transpose(1, 2), torch.where(last, 0, y), ignore_index=0)
    right = logits[last].softmax(1)[:, first:].argmax(1) + first == y[last]
    return loss.exp().item(), right.double().mean().item()


def row(lesson, arm):
    """What the lesson's table says of an arm: count of 15, ends of the interval in per cent, median perplexity."""
    found = re.search(rf"\| {arm} \| (\d+) of 15 \| (\d+)–(\d+) \| ([\d.]+) \|", lesson.prose)
    assert found, arm
    return int(found[1]), [int(found[2]), int(found[3])], float(found[4])


@pytest.mark.parametrize("arm", ARMS)
def test_intervals_of_the_table(lesson, arm):
    count, ends, _ = row(lesson, arm)
    assert ends == [round(100 * end) for end in wilson(count, 15)]


@pytest.mark.slow
@pytest.mark.parametrize("arm", ARMS)
def test_further_seeds(lesson, arm):
    nets = [trained(arm, seed) for seed in FURTHER]
    count, _, median = row(lesson, arm)
    assert sum(right > 0.8 for _, right in nets) == pytest.approx(count, abs=2)
    assert statistics.median(words for words, _ in nets) == pytest.approx(median, abs=0.25)


@pytest.mark.slow
def test_the_price_of_every_further_seed(lesson):
    """The patient reads letters best, then the half opened with mixed lags, then the fully opened."""
    for seed in FURTHER:
        patient, half, whole = (
            trained(arm, seed)[0] for arm in ("patient", "half opened, mixed lags", "all units opened")
        )
        assert patient < 6 < half < whole
    assert "In each of the 15, words" in lesson.prose


@pytest.mark.slow
def test_the_nets_shown(lesson):
    for seed in SHOWN:
        patient, half, whole = (
            trained(arm, seed) for arm in ("patient", "half opened, mixed lags", "all units opened")
        )
        assert patient[0] < 6 < half[0] < 8 and 7 < whole[0] < 11
        assert patient[1] < 0.4 and half[1] > 0.8 and whole[1] > 0.8
    assert "Measured: between the two." in lesson.displayed
    assert trained("patient", 0, updates=600)[0] < 6.5 < trained("all units opened", 0, updates=600)[0] < 8.5
    assert (
        "With 600 updates the first net's perplexity on words falls below 8.5, still above the patients'."
        in lesson.prose
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", FURTHER)
def test_at_the_lower_rate(lesson, seed):
    patient, whole = (trained(arm, seed, rate=2e-2) for arm in ("patient", "all units opened"))
    assert patient[1] < 0.4 and whole[1] > 0.8 and patient[0] < 6 < 7 < whole[0]
    assert "At 2e-2, too, none of the 15 patients gets the brackets, and all 15 fully opened nets do" in lesson.prose


# ---------------------------------------------------------------------------------------------------------------------
# Recipes and traps


@given(st.integers(1, 30), st.integers(1, 40), st.integers(0, 10**6))
def test_pieces_are_the_whole_run_with_a_shorter_gradient(T, K, seed):
    torch.manual_seed(seed)
    gru, x = torch.nn.GRU(2, 3, batch_first=True), torch.randn(2, T, 2, requires_grad=True)
    outs = in_pieces(gru, x, K)
    torch.testing.assert_close(torch.cat(outs, 1), gru(x)[0], rtol=1e-5, atol=1e-6)
    (gradient,) = torch.autograd.grad(outs[-1][:, -1].sum(), x)
    own = (T - 1) % K + 1
    assert (gradient.norm(dim=(0, 2)) > 0).tolist() == [t >= T - own for t in range(T)]


def test_the_recipes_that_are_run(lesson):
    said = lesson.printed
    assert "This cell runs on our pieces.\nsame states: True\n" in said
    assert "whole: the last state's gradient reaches 45 inputs\n" in said
    assert "in pieces of 10: the last state's gradient reaches 5 inputs\n" in said
    assert "orthogonal: True\n" in said
    assert "patient: brackets fit in most of 8 texts: False\n" in said
    assert "net with half opened: brackets fit in most of 8 texts: True\n" in said


def test_the_loop_keeps_the_norm_before_clipping():
    """The first of them, by autograd on the loop's own first batch."""
    given, seed = names(), 3
    first = given["train"](given["fresh"](seed), seed, updates=1)[0]
    model, rng = given["fresh"](seed), np.random.default_rng(seed)
    drawn = [tasks.ending(text, rng.integers(40, 41)) for text in rng.choice(given["known"], 32)]
    x = given["numbers"](drawn, rng.integers(4, size=32))
    log_p = model(x[:, :-1]).log_softmax(2)
    own = x[:, 1:] > 0
    loss = -log_p[own].gather(1, x[:, 1:][own][:, None]).mean()
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    assert first == pytest.approx(torch.cat([g.ravel() for g in gradients]).norm().item(), rel=1e-4)


def test_mixed_lags_cut_texts_to_random_lengths():
    rng, text = np.random.default_rng(0), "a sentence that has more than forty characters in it."
    lengths = [len(tasks.ending(text, rng.integers(10, 41))) for _ in range(200)]
    assert min(lengths) <= 10 and max(lengths) > 35 and len(set(lengths)) > 5


def test_what_the_model_writes():
    """A model that is certain of its next character writes it, and stops at the first closing bracket."""
    given = names()
    chain = {"(": "a", "a": "b", "b": ")"}

    def certain(x):
        logits = torch.full((*x.shape, len(given["alphabet"])), -1e4)
        follower = given["alphabet"].index(chain[given["alphabet"][x[0, -1]]])
        logits[0, -1, follower] = 0
        return logits

    assert given["write"](certain, "(", np.random.default_rng(0)) == "(ab)"
    assert given["write"](certain, "(", np.random.default_rng(0), most=2) == "(a"
    fits = [lesson_12.fits(text) for text in ("(ab)", "[ab)", "(ab", "<>", "(")]
    assert fits == [True, False, False, True, False]
    assert [lesson_12.in_most(of) for of in ([True, True, False], [True, False], [])] == [True, False, False]


def test_retain_grad_on_the_output_sees_no_later_step(lesson):
    gru, x = torch.nn.GRU(3, 32, batch_first=True), torch.randn(1, 10, 3)
    h, states = torch.zeros(1, 1, 32), []
    for t in range(10):
        h = gru(x[:, t : t + 1], h)[1]
        h.retain_grad()
        states.append(h)
    h.sum().backward()
    assert all(state.grad.norm() > 0 for state in states)
    assert "retain_grad: not zero at 1 of 10 steps\n" in lesson.printed


def test_the_traps_that_are_run(lesson):
    said = lesson.printed
    assert "padding, every text has a gradient at lag 0: without lengths False, with True\n" in said
    assert "training mode: the profile is that of eval(): False\n" in said
    assert "detached, at lag 60: gradient zero True, reach zero False\n" in said
    assert "half precision: [0.0, 0.0]\n" in said
    assert float(np.float16(1e-8)) == 0.0


def test_forgetting_alone_is_no_zero():
    """What the detached trap shows is the cut: the same layer without it has a gradient at lag 60."""
    gru, x = torch.nn.GRU(3, 32, batch_first=True).double(), torch.randn(1, 100, 3, dtype=torch.float64)
    h0 = torch.zeros(1, 1, 32, dtype=torch.float64, requires_grad=True)
    h40 = gru(x[:, :40], h0)[1]
    h40.retain_grad()
    gru(x[:, 40:], h40)[0][:, -1].sum().backward()
    assert h40.grad.norm() > 0
    assert np.linalg.norm(np.linalg.multi_dot(jacobians_of(gru, x))) > 0


def jacobians_of(gru, x):
    """∂h_t/∂h_{t-1} of the last 60 steps, last one first."""
    from course_utils.cells import forward

    return jacobians(forward(to_params(gru), x[0].numpy()))[:-61:-1]


# ---------------------------------------------------------------------------------------------------------------------
# Exercises


@pytest.mark.parametrize("name", EXERCISES)
def test_the_solutions_in_the_folds_are_right(lesson, name):
    assert verdict(EXERCISES[name], lesson.solutions[name[3:].replace(" ", "_")]).startswith("Right")


@pytest.mark.parametrize("seed", range(5))
def test_perplexity_is_the_exponential_of_torchs_loss(seed):
    log_p, y = EXERCISES["12 perplexity"].draw(np.random.default_rng(seed))
    assert np.any(y == 0) and np.allclose(np.exp(log_p).sum(1), 1)
    loss = torch.nn.functional.cross_entropy(torch.from_numpy(log_p), torch.from_numpy(y), ignore_index=0)
    assert EXERCISES["12 perplexity"].right(log_p, y) == pytest.approx(math.exp(loss.item()), rel=1e-12)


def test_a_die_with_four_faces_has_perplexity_four():
    assert EXERCISES["12 perplexity"].right(np.log(np.full((5, 4), 0.25)), np.array([1, 2, 3, 1, 0])) == pytest.approx(
        4
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_opened_gate_keeps_half_in_torch(seed):
    """In torch's own GRU, from a state of ones with all weights and other biases zero: after n steps half is left."""
    bias_ih, bias_hh, n = EXERCISES["12 opened"].draw(np.random.default_rng(seed))
    new = EXERCISES["12 opened"].right(bias_ih, bias_hh, n)
    H = len(bias_ih) // 3
    gru = torch.nn.GRU(1, H).double()
    with torch.no_grad():
        for weight in gru.parameters():
            weight.zero_()
        for name, old in {"bias_ih": bias_ih, "bias_hh": bias_hh}.items():
            rows = slice(H, 2 * H)
            getattr(gru, f"{name}_l0")[rows] = torch.from_numpy(new[name][rows])
            others = np.delete(np.arange(3 * H), rows)
            assert np.array_equal(new[name][others], old[others])
        out, _ = gru(torch.zeros(n, 1, 1).double(), torch.ones(1, 1, H).double())
    np.testing.assert_allclose(out[-1], 0.5, rtol=1e-12)
    bias = math.log(0.5 ** (1 / n) / (1 - 0.5 ** (1 / n)))
    open_gate(gru, bias=bias)
    np.testing.assert_allclose(gru.bias_ih_l0.detach()[H : 2 * H], new["bias_ih"][H : 2 * H], rtol=1e-6)


@pytest.mark.parametrize("tau", [0.1, 1.0, 3.0])
def test_temperature_is_torchs_softmax(tau):
    logits = np.array([1000.0, 999.0, -3.0, 998.5])
    right = torch.softmax(torch.from_numpy(logits) / tau, 0).numpy()
    np.testing.assert_allclose(EXERCISES["12 at temperature"].right(logits, tau), right, rtol=1e-12)


def test_the_cell_runs_on_the_readers_pieces_if_they_are_right(capsys):
    def mine(gru, x, K):
        return in_pieces(gru, x, K)

    def never_cut(gru, x, K):
        h, outs = None, []
        for t in range(0, x.shape[1], K):
            out, h = gru(x[:, t : t + K], h)
            outs.append(out)
        return outs

    assert yours_or_ours(mine) is mine
    assert yours_or_ours(never_cut) is yours_or_ours(lambda *_: ...) is in_pieces
    assert capsys.readouterr().out.count("on our pieces") == 2


def test_no_repair_of_a_near_miss_is_called_right():
    """A state whose history goes on while the next piece begins anew, and one that is detached twice as often."""
    exercise = EXERCISES["12 in pieces"]

    def twice_as_short(gru, x, K):
        return in_pieces(gru, x, max(K // 2, 1))

    def restarts(gru, x, K):
        return [gru(x[:, t : t + K])[0] for t in range(0, x.shape[1], K)]

    assert verdict(exercise, restarts).startswith("Not yet: each piece begins with an empty state.")
    assert verdict(exercise, twice_as_short).startswith("Not yet: ")
