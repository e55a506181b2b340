"""What the nets read is what its documentation says."""

import hashlib
import re

import numpy as np
import pytest

from course_utils import tasks


@pytest.mark.parametrize("file", ["seattle-weather.csv", "lessons_prose.txt"])
def test_data_files_are_those_that_the_data_page_describes(file):
    page = (tasks.DATA / "README.md").read_text(encoding="utf-8")
    (part,) = (part for part in page.split("\n## ") if part.startswith(file))
    assert hashlib.sha256((tasks.DATA / file).read_bytes()).hexdigest() in part


def test_prose_is_as_its_page_says():
    sentences = tasks.prose()
    assert len(sentences) == len(set(sentences)) > 500
    assert all(re.fullmatch(r"[a-z ,;:'-]{19,99}[.?]", sentence) for sentence in sentences)


def test_encode_pads_with_zero_and_names_what_it_does_not_know():
    numbers = tasks.encode(["to be", "or"], "\n ortbe")
    assert numbers.dtype == np.int64 and numbers.tolist() == [[4, 2, 1, 5, 6], [2, 3, 0, 0, 0]]
    with pytest.raises(ValueError, match=r"^texts: got the unknown character '!', wants characters of 'ab'$"):
        tasks.encode(["ab!"], "\nab")
    with pytest.raises(ValueError, match=r"^texts: got the unknown character '_'"):
        tasks.encode(["a_"], "_a")  # it stands for the padding
    for texts in ("ab", []):
        with pytest.raises(ValueError, match=r"^texts: got .*, wants at least one text in a list$"):
            tasks.encode(texts, "_ab")
    for alphabet in ("", "aba"):
        with pytest.raises(ValueError, match=r"^alphabet: got .*, wants different characters"):
            tasks.encode(["a"], alphabet)


def test_weather_is_four_years_without_a_gap():
    dates, values = tasks.weather()
    assert np.all(np.diff(dates) == np.timedelta64(1, "D"))
    assert (str(dates[0]), str(dates[-1])) == ("2012-01-01", "2015-12-31")
    assert values.shape == (1461, len(tasks.WEATHER_COLUMNS))
    assert np.all(values[:, 1] >= values[:, 2])  # the day's highest temperature is no lower than its lowest
    assert np.all(values[:, [0, 3]] >= 0)
    assert [len(tasks.weather(year)[0]) for year in range(2012, 2016)] == [366, 365, 365, 365]


def test_standardise():
    z = tasks.standardise(np.random.default_rng(0).normal(5, 3, (50, 4)))
    assert np.allclose(z.mean(0), 0, atol=1e-14) and np.allclose(z.std(0), 1)


def test_one_hot_and_noise():
    assert tasks.one_hot(["b", "a"], ["a", "b", "c"]).tolist() == [[0, 1, 0], [1, 0, 0]]
    x = tasks.noise(2000, 3, seed=1)
    assert np.array_equal(x, tasks.noise(2000, 3, seed=1)) and not np.array_equal(x, tasks.noise(2000, 3, seed=2))
    assert x.mean() == pytest.approx(0, abs=0.06) and x.std() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(
    "task, unsolved, solved",
    [
        (tasks.adding(5), (0.01, np.nextafter(0.01, 1), 1.0, np.nan), (np.nextafter(0.01, 0), 0.0)),
        (tasks.latch(5), (0.945, np.nextafter(0.95, 0), 0.0, np.nan), (0.95, np.float64(190 / 200), 1.0)),
        (tasks.weather_forecast(), (0.0, 1.0, np.nan), ()),
    ],
    ids=["error", "accuracy", "no goal"],
)
def test_a_goal_is_met_below_an_error_or_from_an_accuracy_on(task, unsolved, solved):
    """As the docstring says. 190 right of 200 is what "95 %" promises a reader, so it counts."""
    assert [task.is_solved(score) for score in unsolved] == [False] * len(unsolved)
    assert [task.is_solved(score) for score in solved] == [True] * len(solved)


def test_the_longest_window_leaves_one_test_day():
    """A window and its lead of 365 days together still fit the test year: they end on its last day."""
    _, test, _ = tasks.weather_windows(3, 362, test_year=2015)
    assert test.x.shape == (1, 362, 6)
    assert test.target_day.tolist() == [np.datetime64("2015-12-31").item()]


# ---------------------------------------------------------------------------------------------------------------------
# Sentences


def some_words(seed=0):
    return tasks.agreement_sentences(np.random.default_rng(seed), 20, clauses=3)[0]


def test_words_go_to_indices_and_back():
    text = "the cats which heard the bird which chased the horses"
    words = tasks.word_indices(text)
    assert [tasks.WORDS[word] for word in words] == text.split()
    with pytest.raises(ValueError, match=r"^sentence: got the unknown word 'mouse'"):
        tasks.word_indices("the mouse")


def test_nouns_are_found_by_their_letters():
    for words in some_words():
        found = [step for step, word in enumerate(words) if tasks.WORDS[word].rstrip("s") in tasks.NOUNS]
        assert tasks.noun_steps(words).tolist() == found
    assert tasks.noun_steps([-1, -1, 0, 5]).tolist() == [3]  # a step without a word is no noun
    with pytest.raises(ValueError, match=r"^words: "):
        tasks.noun_steps(some_words())


def test_plural_is_an_s():
    assert tasks.is_plural(range(13)).tolist() == [word.endswith("s") for word in tasks.WORDS]  # no other word does
    assert tasks.is_plural(some_words()).shape == (20, 14) and not tasks.is_plural(-1)


def test_swapping_changes_the_asked_nouns_only_and_twice_nothing():
    words = some_words()
    kept = words.copy()
    swapped = tasks.other_number(words, [1, 9])
    assert np.array_equal(words, kept)
    assert np.flatnonzero(np.any(swapped != words, axis=0)).tolist() == [1, 9]
    assert np.array_equal(tasks.is_plural(swapped[:, 1]), ~tasks.is_plural(words[:, 1]))
    assert np.array_equal(tasks.other_number(swapped, [1, 9]), words)
    assert np.array_equal(tasks.other_number(words[0], 5), tasks.other_number(words, 5)[0])


def test_room_in_front_holds_nothing():
    words = some_words()
    x = tasks.agreement_inputs(tasks.with_room_in_front(words, 30))
    assert x.shape == (20, 30, 13) and not x[:, :16].any() and np.array_equal(x[:, 16:], tasks.agreement_inputs(words))
    assert np.array_equal(tasks.with_room_in_front(words, 5), words)


def test_more_plural_is_the_difference_of_the_groups_means():
    plural = np.array([word.endswith("s") for word in tasks.WORDS])
    singular = np.isin(tasks.WORDS, tasks.NOUNS)
    assert np.array_equal(tasks.MORE_PLURAL, plural / plural.sum() - singular / singular.sum())


def test_a_pair_of_questions():
    x, target = tasks.agreement_pair(6).sample(np.random.default_rng(3), 500)
    for sequence, answer in zip(x, target, strict=True):
        words = [tasks.WORDS[step.argmax()] for step in sequence if step.any()]
        assert answer == 2 * words[1].endswith("s") + words[-1].endswith("s")
    assert set(target) == {0, 1, 2, 3}
    task = tasks.agreement_pair(6)
    assert task.test[0].shape == (200, 26, 13) and task.output_size == 4
    assert np.array_equal(tasks.agreement_pair(6).test[0], task.test[0])


def test_parity_counts_ones():
    task = tasks.parity(9)
    for x, y in (task.test, task.sample(np.random.default_rng(3), 5)):
        assert x.shape[1:] == (9, 2) and np.array_equal(x.sum(2), np.ones(x.shape[:2]))
        for bits, answers in zip(x[:, :, 1].astype(int).tolist(), y.tolist(), strict=True):
            assert answers == [bits[: t + 1].count(1) % 2 for t in range(9)]
    assert 0.45 < task.test[0][:, :, 1].mean() < 0.55 and task.every_step
    assert not task.is_solved(0.989) and task.is_solved(0.99)
    with pytest.raises(ValueError, match=r"^T: got 0"):
        tasks.parity(0)
