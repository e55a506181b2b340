"""What the nets read: arrays out, the same for the same seed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from course_utils import _validate

HERE = Path(__file__).resolve().parent
DATA = HERE / "data" if (HERE / "data").is_dir() else HERE.parent / "data"  # in a wheel, and in the course's folder
WEATHER_COLUMNS = ("precipitation", "temp_max", "temp_min", "wind")
Batch = tuple[np.ndarray, np.ndarray]  # inputs (B, T, D) and their target


def noise(T: int, D: int, *, seed: int = 0) -> np.ndarray:
    """Inputs with nothing to learn in them: (T, D) draws from N(0, 1)."""
    T, D = _validate.integer("T", T, 1), _validate.integer("D", D, 1)
    return np.random.default_rng(_validate.integer("seed", seed, 0)).standard_normal((T, D))


def one_hot(sentence: Sequence[str], vocabulary: Sequence[str]) -> np.ndarray:
    """(T, D) one-hot rows for a list of T words, D the length of `vocabulary`. Raises ValueError on an unknown word."""
    unknown = [word for word in sentence if word not in vocabulary]
    if unknown:
        raise ValueError(f"sentence: got the unknown word {unknown[0]!r}, wants words of {list(vocabulary)}")
    return np.eye(len(vocabulary))[[list(vocabulary).index(word) for word in sentence]]


def weather(year: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Daily weather at Seattle, 2012-2015 (NOAA, public domain; see data/README.md).

    year  2012 to 2015, or None for all four.

    Returns (dates, values): (T,) datetime64 days and (T, 4) floats, columns as in WEATHER_COLUMNS:
    precipitation in mm, highest and lowest temperature in °C, wind in m/s.
    """
    if year is not None and year not in range(2012, 2016):
        raise ValueError(f"year: got {year!r}, wants 2012 to 2015, or None for all")
    with open(DATA / "seattle-weather.csv", encoding="utf-8") as file:
        rows = [line.split(",") for line in file][1:]
    dates = np.array([row[0].replace("/", "-") for row in rows], dtype="datetime64[D]")
    values = np.array([row[1:5] for row in rows], dtype=np.float64)
    chosen = np.ones(len(dates), bool) if year is None else dates.astype("datetime64[Y]").astype(int) + 1970 == year
    return dates[chosen], values[chosen]


def prose() -> list[str]:
    """The sentences of data/lessons_prose.txt, plain English of this course's own lessons (see data/README.md).

    In lower case, each ends with a full stop or a question mark and has 20 to 100 characters, none of them a bracket.
    """
    return (DATA / "lessons_prose.txt").read_text(encoding="ascii").splitlines()


def ending(text: str, most: int = 40) -> str:
    """The last words of a text that have together at most `most` characters, spaces too.

    >>> ending("it has gates and a state", most=10)
    'a state'
    """
    words = text.split()
    while len(" ".join(words)) > most:
        words.pop(0)
    return " ".join(words)


def encode(texts: Sequence[str], alphabet: str) -> np.ndarray:
    """(B, T) places of the characters of B texts in an alphabet, T the longest text's length.

    Shorter texts are padded at their ends with 0. So the alphabet's first character stands for the padding, and no text
    may hold it. Raises ValueError on a character that isn't in the rest of the alphabet.

    >>> encode(["ab", "b"], "_ab")
    array([[1, 2],
           [2, 0]])
    """
    if not alphabet or len(set(alphabet)) < len(alphabet):
        raise ValueError(f"alphabet: got {alphabet!r}, wants different characters, the first of them for the padding")
    if isinstance(texts, str) or not len(texts):
        raise ValueError(f"texts: got {texts!r}, wants at least one text in a list")
    place = {character: i for i, character in enumerate(alphabet)}
    numbers = np.zeros((len(texts), max(map(len, texts))), dtype=np.int64)
    for row, text in zip(numbers, texts, strict=True):
        unknown = [character for character in text if not place.get(character)]
        if unknown:
            raise ValueError(f"texts: got the unknown character {unknown[0]!r}, wants characters of {alphabet[1:]!r}")
        row[: len(text)] = [place[character] for character in text]
    return numbers


def standardise(values: ArrayLike) -> np.ndarray:
    """Each column of (T, D) brought to mean 0 and standard deviation 1. Raises ValueError on a constant column."""
    columns = _validate.array("values", values, ("T", "D"))
    spread = columns.std(0)
    if np.any(spread == 0):
        raise ValueError(f"values: got a constant column {int(np.argmin(spread))}, wants columns that vary")
    return (columns - columns.mean(0)) / spread


@dataclass(frozen=True)
class Task:
    """A problem for `training.train`: fresh sequences without end, and fixed ones to be judged by.

    name         what a figure's title says.
    sample       sample(rng, batch) -> x (batch, T, D), target; the same rng state, the same draw.
    test         x (B, T, D), target: fixed.
    loss         "mse": targets (B, O) for the last step, or (B, T, O) for every step.
                 "cross-entropy": classes 0..O-1, integers (B,) or (B, T).
    input_size, output_size   D and O.
    baselines    {guesser: score on the test}, of those who need no memory: what has to be beaten.
    goal         mean squared error below which, or accuracy from which on, the task counts as solved; None: never.
    scale        standard deviation of a standardised target in its own unit: √mse · scale is an error in that unit.
    """

    name: str
    sample: Callable[[np.random.Generator, int], Batch]
    test: Batch
    input_size: int
    output_size: int
    loss: str
    baselines: dict[str, float]
    goal: float | None = None
    scale: float = 1.0

    @property
    def every_step(self) -> bool:
        """Whether there is a target at every step; if not, at the last one alone."""
        return self.test[1].ndim == (3 if self.loss == "mse" else 2)

    def is_solved(self, score: float) -> bool:
        """Whether a mean squared error or an accuracy meets the goal. NaN never does."""
        if self.goal is None:
            return False
        return bool(score < self.goal if self.loss == "mse" else score >= self.goal)


def _test_rng(seed: int) -> np.random.Generator:
    """The test's own stream. `train` draws weights from the stream of its seed itself, which is [seed, 0] since NumPy
    pads a seed with zeros, the readout from [seed, 1] and data from [seed, 2]. So none begins with another's numbers,
    whatever their seeds."""
    return np.random.default_rng([_validate.integer("seed", seed, 0), 3])


def adding(T: int, *, empty: int = 0, seed: int = 0) -> Task:
    """The adding problem (Hochreiter & Schmidhuber 1997): numbers from U(0, 1), of which two are marked. Their sum?

    T      length, at least 2: one mark stands in the first half, one in the second.
    empty  no mark stands in the last so many steps, at most T - 2: the halves are those of the steps before.

    Inputs (B, T, 2): number, mark 0 or 1. Target (B, 1). Baseline: always answering 1 has the expected error
    Var(a + b) = 1/6 = .167; the task holds its error on the 200 test sequences, which are drawn from `seed`. Solved
    below .01.
    """
    T = _validate.integer("T", T, 2)
    until = T - _validate.integer("empty", empty, 0)
    if until < 2:
        raise ValueError(f"empty: got {empty}, wants at most T - 2 = {T - 2}, since two steps are marked")

    def sample(rng: np.random.Generator, batch: int) -> Batch:
        x = np.zeros((batch, T, 2))
        x[:, :, 0] = rng.uniform(size=(batch, T))
        row = np.arange(batch)
        for first, last in ((0, until // 2), (until // 2, until)):
            x[row, rng.integers(first, last, batch), 1] = 1
        return x, (x[:, :, 0] * x[:, :, 1]).sum(1, keepdims=True)

    x, y = sample(_test_rng(seed), 200)
    name = f"adding T={T}, last {empty} empty" if empty else f"adding T={T}"
    return Task(name, sample, (x, y), 2, 1, "mse", {"always 1": float(np.mean((y - 1) ** 2))}, goal=0.01)


def latch(lag: int, *, noise: float = 0.0, shortest: int | None = None, seed: int = 0) -> Task:
    """Which of four symbols came first? (Bengio, Simard & Frasconi 1994.) Then come `lag` fillers, then the answer.

    noise     0: two filler symbols, between which a fair coin chooses. Above 0: recall among distractors; the fillers
              are one number each, from N(0, noise²).
    shortest  mixed lags while training: each sequence draws its own, `shortest` to `lag` and all equally likely, and
              has fillers in front of its symbol too. The test keeps the longest. None: always `lag`.

    Inputs (B, lag + 1, 6), one-hot, or (B, lag + 1, 5) with noise: four symbols, then the fillers. Target (B,), the
    class 0 to 3. Baseline: chance, .25. Solved from .95 on. 200 test sequences drawn from `seed`, 50 of each symbol.
    """
    lag, noise = _validate.integer("lag", lag, 1), _validate.number("noise", noise, at_least=0)
    shortest = lag if shortest is None else _validate.integer("shortest", shortest, 1)
    if shortest > lag:
        raise ValueError(f"shortest: got {shortest}, wants at most lag = {lag}")

    def sequences(rng: np.random.Generator, symbol: np.ndarray, at: np.ndarray | int = 0) -> Batch:
        """Each symbol at its own step `at`, fillers at all others."""
        shape, row = (len(symbol), lag), np.arange(len(symbol))
        fillers = noise * rng.standard_normal((*shape, 1)) if noise else np.eye(2)[rng.integers(0, 2, shape)]
        x = np.zeros((len(symbol), lag + 1, 4 + fillers.shape[2]))
        filler = np.ones((len(symbol), lag + 1), bool)
        filler[row, at] = False
        x[filler, 4:] = fillers.reshape(-1, fillers.shape[2])
        x[row, at, symbol] = 1
        return x, symbol

    def sample(rng: np.random.Generator, batch: int) -> Batch:
        symbol = rng.integers(0, 4, batch)
        return sequences(rng, symbol, lag - rng.integers(shortest, lag + 1, batch) if shortest < lag else 0)

    name = f"recall lag={lag}, noise {noise:g}" if noise else f"latch lag={lag}"
    name = f"{name}, from lag {shortest}" if shortest < lag else name
    test = sequences(_test_rng(seed), np.arange(200) % 4)
    return Task(name, sample, test, test[0].shape[2], 4, "cross-entropy", {"chance": 0.25}, goal=0.95)


def previous_symbol(T: int, longest: int, *, even: bool = False, seed: int = 0) -> Task:
    """Which symbol stood before the present one? A symbol lasts many steps: time is warped (Tallec & Ollivier 2018).

    T        length of a sequence of four symbols, no two neighbours the same.
    longest  for how many steps a symbol may last, below T.
    even     True: every symbol lasts `longest` steps, which slows time down at one rate. False: each one lasts 1 to
             `longest` steps, all equally likely.

    Inputs (B, T, 4), one-hot: the symbol that stands at each step. Target (B, T), at every step: the class 0 to 3 of
    the symbol before the present one, 4 while the first one lasts. Baseline: the best answer to the present symbol
    alone, which no memory needs. Solved from .95 on, of all steps. 100 test sequences drawn from `seed`.
    """
    T, longest = _validate.integer("T", T, 2), _validate.integer("longest", longest, 1)
    if longest >= T:
        raise ValueError(f"longest: got {longest}, wants less than T = {T}, since a second symbol has to come")

    def sample(rng: np.random.Generator, batch: int) -> Batch:
        symbols = (rng.integers(0, 4, (batch, 1)) + rng.integers(1, 4, (batch, T)).cumsum(1)) % 4
        lasts = np.full((batch, T), longest) if even else rng.integers(1, longest + 1, (batch, T))
        begins = np.zeros((batch, T + 1), int)
        np.put_along_axis(begins, np.minimum(lasts.cumsum(1), T), 1, axis=1)
        which = begins[:, :T].cumsum(1)  # of the symbols stands at each step
        now, before = (np.take_along_axis(symbols, np.maximum(which - back, 0), axis=1) for back in (0, 1))
        return np.eye(4)[now], np.where(which == 0, 4, before)

    x, before = sample(_test_rng(seed), 100)
    pairs = np.bincount(5 * x.argmax(2).ravel() + before.ravel(), minlength=20).reshape(4, 5)
    baselines = {"present symbol alone": float(pairs.max(1).sum() / before.size)}
    name = f"previous symbol, each {longest} steps" if even else f"previous symbol, each 1 to {longest} steps"
    return Task(name, sample, (x, before), 4, 5, "cross-entropy", baselines, goal=0.95)


def parity(T: int, *, seed: int = 0) -> Task:
    """Is the number of ones so far even or odd? A light switch: every 1 flips it, a 0 leaves it as it is.

    T  length, at least 1. Every bit is 1 with probability one half.

    Inputs (B, T, 2), one-hot: bit 0 or 1. Target (B, T), at every step: 1 after an odd number of ones, else 0.
    Baseline: a guess, .5. Solved from .99 on, of all steps. 200 test sequences drawn from `seed`.
    """
    T = _validate.integer("T", T, 1)

    def sample(rng: np.random.Generator, batch: int) -> Batch:
        bits = rng.integers(0, 2, (batch, T))
        return np.eye(2)[bits], bits.cumsum(1) % 2

    return Task("parity", sample, sample(_test_rng(seed), 200), 2, 2, "cross-entropy", {"a guess": 0.5}, goal=0.99)


NOUNS = ("cat", "dog", "bird", "horse")
WORDS = ("the", "which", "saw", "chased", "heard", *NOUNS, *(noun + "s" for noun in NOUNS))
VERBS = ("was", "were")
OTHER_NUMBER = np.r_[0:5, 9:13, 5:9]  # of each word of WORDS, the word with its number swapped: cat to cats
MORE_PLURAL = (OTHER_NUMBER < np.arange(13)) / 4 - (
    OTHER_NUMBER > np.arange(13)
) / 4  # (13,), all plurals less singulars
NO_WORD = -1  # index of a step before the sentence begins


def agreement_sentences(
    rng: np.random.Generator, batch: int, clauses: int, opposite: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Sentences "the N (which V the N)^clauses", to be ended by the verb that agrees with the first noun.

    clauses   how many relative clauses part the subject from its verb: 4 words and one attractor (a noun that is not
              the subject) each. The verbs inside are in the past tense, so only nouns carry number.
    opposite  how many of the attractors have the other number than the subject; None: each by a fair coin.

    Returns words (batch, 2 + 4 clauses), indices into WORDS, and verbs (batch,), 0 for was and 1 for were.
    """
    batch, clauses = _validate.integer("batch", batch, 1), _validate.integer("clauses", clauses, 0)
    plural = rng.integers(0, 2, (batch, clauses + 1))
    if opposite is not None:
        if _validate.integer("opposite", opposite, 0) > clauses:
            raise ValueError(f"opposite: got {opposite}, wants at most the number of clauses, {clauses}")
        other = rng.permuted(np.tile(np.arange(clauses) < opposite, (batch, 1)), axis=1)
        plural[:, 1:] = plural[:, :1] ^ other
    words = np.zeros((batch, 2 + 4 * clauses), int)  # 0 is "the"
    words[:, 1::4] = WORDS.index(NOUNS[0]) + rng.integers(0, len(NOUNS), plural.shape) + len(NOUNS) * plural
    words[:, 2::4] = WORDS.index("which")
    words[:, 3::4] = WORDS.index("saw") + rng.integers(0, 3, (batch, clauses))
    return words, plural[:, 0]


def word_indices(sentence: str) -> np.ndarray:
    """Indices into WORDS (T,) of a sentence's words. Raises ValueError on an unknown word.

    >>> print(word_indices("the cats which saw the dog"))
    [0 9 1 2 0 6]
    """
    return one_hot(sentence.split(), WORDS).argmax(axis=1)


def noun_steps(words: ArrayLike) -> np.ndarray:
    """Where the nouns of a sentence (T,) stand, 0 for its first word. Raises ValueError on another shape.

    >>> print(noun_steps(word_indices("the cats which saw the dog")))
    [1 5]
    """
    sentence = _validate.array("words", words, ("T",)).astype(int)
    return np.flatnonzero((sentence != NO_WORD) & (OTHER_NUMBER[sentence] != sentence))


def is_plural(words: ArrayLike) -> np.ndarray:
    """Which of these word indices, of any shape, are nouns in the plural."""
    return np.asarray(words) >= WORDS.index(NOUNS[0] + "s")


def other_number(words: ArrayLike, steps: ArrayLike) -> np.ndarray:
    """Sentences (..., T) in which the nouns at these steps have the other number. The argument itself stays as it is.

    >>> swapped = other_number(word_indices("the cats which saw the dog"), 1)
    >>> print(" ".join(WORDS[word] for word in swapped))
    the cat which saw the dog
    """
    swapped, at = np.array(words), np.asarray(steps, dtype=int)
    swapped[..., at] = OTHER_NUMBER[swapped[..., at]]
    return swapped


def with_room_in_front(words: np.ndarray, length: int) -> np.ndarray:
    """Sentences (B, T), with steps in front that hold no word: (B, length), as in training. Longer ones stay."""
    front = max(0, _validate.integer("length", length, 1) - words.shape[1])
    return np.pad(words, ((0, 0), (front, 0)), constant_values=NO_WORD)


def with_mirror_images(words: np.ndarray, verbs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The sentences, and each again with all numbers swapped: a constant answer is right in exactly half of these."""
    return np.vstack([words, OTHER_NUMBER[words]]), np.r_[verbs, 1 - verbs]


def agreement_inputs(words: np.ndarray) -> np.ndarray:
    """Word indices (B, T), or (T,), as one-hot inputs (B, T, 13) or (T, 13); -1, no word yet, as zeros."""
    return np.vstack([np.eye(len(WORDS)), np.zeros(len(WORDS))])[words]


def agreement(clauses: int = 12, *, seed: int = 0) -> Task:
    """Subject-verb agreement past attractors (Linzen, Dupoux & Goldberg 2016): "the cats which saw the dog … were".

    clauses  each sentence has 0 to `clauses` relative clauses, all equally likely; see `agreement_sentences`.

    Inputs (B, 2 + 4 clauses, 13), one-hot over WORDS, with zeros before a shorter sentence begins. Target (B,), 0 for
    was, 1 for were. The 200 test sentences all have `clauses` clauses and only attractors of the opposite number: 100
    drawn from `seed`, and their mirror images. Baselines on them: a coin, .5; agreeing with the noun heard last, 0.
    While training, the latter is right in (1 + clauses/2) / (1 + clauses) of the sentences, which is what tempts a net
    to do so. Solved from .95 on.
    """
    clauses = _validate.integer("clauses", clauses, 1)

    def sample(rng: np.random.Generator, batch: int) -> Batch:
        words, _ = agreement_sentences(rng, batch, clauses)
        skip = rng.integers(0, clauses + 1, batch)  # a sentence without its first clauses is a shorter sentence
        subject = words[np.arange(batch), 1 + 4 * skip]
        words[np.arange(words.shape[1]) < 4 * skip[:, None]] = NO_WORD
        return agreement_inputs(words), is_plural(subject).astype(int)

    words, verbs = with_mirror_images(*agreement_sentences(_test_rng(seed), 100, clauses, opposite=clauses))
    baselines = {"coin": 0.5, "last noun": 0.0}
    name = f"agreement, {clauses} attractors"
    return Task(name, sample, (agreement_inputs(words), verbs), len(WORDS), 2, "cross-entropy", baselines, goal=0.95)


def agreement_pair(clauses: int = 6, *, seed: int = 0) -> Task:
    """Two questions about every sentence of `agreement`: which number has its subject, and which its last noun?

    clauses  each sentence has 0 to `clauses` relative clauses, all equally likely.

    Inputs as in `agreement`. Target (B,), the class 2 · subject + last noun, each 0 for singular and 1 for plural. The
    test are 200 sentences of the same kind, drawn from `seed`. Baseline: chance, .25. Solved from .95 on.
    """
    one = agreement(clauses)

    def sample(rng: np.random.Generator, batch: int) -> Batch:
        x, subject = one.sample(rng, batch)
        return x, 2 * subject + is_plural(x[:, -1].argmax(axis=1))

    test = sample(_test_rng(seed), 200)
    name = f"subject and last noun, up to {clauses} clauses"
    return Task(name, sample, test, len(WORDS), 4, "cross-entropy", {"chance": 0.25}, goal=0.95)


@dataclass(frozen=True)
class Windows:
    """Stretches of days and what came after each: x (N, window, 6), y (N, 1), first_day and target_day (N,)."""

    x: np.ndarray
    y: np.ndarray
    first_day: np.ndarray
    target_day: np.ndarray


def weather_windows(
    days_ahead: int = 3, window: int = 30, *, column: str = "temp_max", test_year: int = 2015
) -> tuple[Windows, Windows, float]:
    """Every stretch of `window` days with the value of `column` `days_ahead` days after its end, split by time.

    The training windows end, targets included, before `test_year` (2013 to 2015) begins; the test windows lie in that
    year. Later years are left out. All is standardised by the training years' mean and standard deviation. Inputs per
    day: the four WEATHER_COLUMNS, sine and cosine of the season.

    Returns (train, test, scale): two Windows, and the standard deviation of `column` in its own unit.
    """
    days_ahead, window = _validate.integer("days_ahead", days_ahead, 1), _validate.integer("window", window, 1)
    _validate.choice("column", column, WEATHER_COLUMNS)
    if test_year not in (2013, 2014, 2015):
        raise ValueError(f"test_year: got {test_year!r}, wants 2013, 2014 or 2015")
    if window + days_ahead > 365:
        raise ValueError(f"window: got {window} with days_ahead={days_ahead}, wants a year at most for both together")
    dates, values = weather()
    split, end = np.datetime64(f"{test_year}-01-01"), np.datetime64(f"{test_year + 1}-01-01")
    mean, spread = values[dates < split].mean(0), values[dates < split].std(0)
    inputs = np.column_stack([(values - mean) / spread, _season(dates)[:, 1:3]])
    which = WEATHER_COLUMNS.index(column)

    def cut(chosen: np.ndarray) -> Windows:
        days, rows = dates[chosen], inputs[chosen]
        x = np.lib.stride_tricks.sliding_window_view(rows[:-days_ahead], window, axis=0).transpose(0, 2, 1)
        last = window + days_ahead - 1
        return Windows(x, rows[last:, which, None], days[: len(x)], days[last:])

    return cut(dates < split), cut((dates >= split) & (dates < end)), float(spread[which])


def _season(dates: np.ndarray) -> np.ndarray:
    """(T, 5) for dates (T,): 1, sine and cosine of the year's turn, and of twice that."""
    turn = 2 * np.pi * (dates - np.datetime64("2012-01-01")).astype(float)[:, None] / 365.25
    return np.hstack([np.ones_like(turn), np.sin(turn), np.cos(turn), np.sin(2 * turn), np.cos(2 * turn)])


def weather_forecast(days_ahead: int = 3, window: int = 30, *, column: str = "temp_max", test_year: int = 2015) -> Task:
    """Forecast `column` several days ahead from the last `window` days; arguments, inputs and split: `weather_windows`.

    Target (B, 1), standardised. No goal. Baselines, mean squared errors on the test year, fitted to the training years:
    persistence (today's value), climatology (the season's, two harmonics), damped persistence (climatology, and of
    today's departure from it the share that lasts).
    """
    train, test, scale = weather_windows(days_ahead, window, column=column, test_year=test_year)
    which = WEATHER_COLUMNS.index(column)

    def sample(rng: np.random.Generator, batch: int) -> Batch:
        chosen = rng.integers(0, len(train.x), batch)
        return train.x[chosen], train.y[chosen]

    fit = np.linalg.lstsq(_season(train.target_day), train.y, rcond=None)[0]

    def departures(windows: Windows) -> tuple[np.ndarray, np.ndarray]:
        """Of the last input day and of the target day from the season, (N, 1) each."""
        today = windows.target_day - days_ahead
        return windows.x[:, -1, which, None] - _season(today) @ fit, windows.y - _season(windows.target_day) @ fit

    now, later = departures(train)
    lasting = (now * later).sum() / (now**2).sum()
    now, later = departures(test)
    baselines = {
        "persistence": np.mean((test.y - test.x[:, -1, which, None]) ** 2),
        "climatology": np.mean(later**2),
        "damped persistence": np.mean((later - lasting * now) ** 2),
    }
    baselines = {name: float(error) for name, error in baselines.items()}
    name = f"{column} in {days_ahead} days"
    return Task(name, sample, (test.x, test.y), 6, 1, "mse", baselines, scale=scale)
