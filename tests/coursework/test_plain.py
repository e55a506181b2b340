"""Values get through exactly, and nothing else gets through."""

import json
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from coursework import plain


@pytest.mark.parametrize(
    "value",
    [
        0.1,
        -0.0,
        float("inf"),
        3,
        True,
        None,
        "word",
        np.float64(0.1),
        np.arange(6.0).reshape(2, 3).T,
        np.arange(3, dtype=np.float32),
        np.arange(3),
        np.array([True, False]),
        np.zeros((0, 3)),
        [1, (2.5, {"dW": np.eye(2), 3: []})],
    ],
    ids=str,
)
def test_round_trip_is_exact(value):
    def same(a, b):
        if isinstance(a, (list, tuple)):
            return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
        if isinstance(a, dict):
            return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
        return np.asarray(a).dtype == np.asarray(b).dtype and np.array_equal(a, b, equal_nan=False)

    got = plain.decode(plain.encode(value))
    assert same(value, got)


def test_words_and_names_of_numpy_are_words_and_names():
    """Whoever loops over np.array(["RNN", "GRU"]) and np.arange(3) has such keys."""
    names, seeds = np.array(["RNN", "GRU"]), np.arange(2)
    got = plain.decode(plain.encode({names[0]: names[1], seeds[1]: 2.0}))
    assert got == {"RNN": "GRU", 1: 2.0} and {type(key) for key in got} == {str, int} and type(got["RNN"]) is str


def test_a_fraction_is_a_number():
    for value in (Fraction(1, 4), Decimal("0.25"), [Fraction(1, 4)], np.array([Fraction(1, 4), 0.25, 1])):
        assert np.ravel(plain.decode(plain.encode(value)))[0] == 0.25
    for value in (np.array([Fraction(1, 4), "a"]), np.array([Fraction(1, 4), None]), Decimal("sNaN")):
        with pytest.raises(plain.NotPlainError, match="not a number"):
            plain.encode(value)


def test_not_a_number_stays_one():
    assert np.isnan(plain.decode(plain.encode(float("nan"))))


class Fake(np.ndarray):
    """Says yes to every comparison."""

    def __eq__(self, other):
        return True


def test_a_subclass_arrives_as_an_array():
    got = plain.decode(plain.encode(np.zeros(2).view(Fake)))
    assert type(got) is np.ndarray


@pytest.mark.parametrize(
    "value",
    [object(), {1.5: 2}, 1j, np.array([object()]), 10**400, set(), [object()], {"a": (1, 1j)}],
    ids=lambda value: type(value).__name__,
)
def test_what_is_not_plain_is_refused(value):
    with pytest.raises(plain.NotPlainError, match="the answer is a|holds complex numbers"):
        plain.encode(value)


def test_what_is_too_large_is_refused():
    """With the limit that it crosses, and by how much."""
    with pytest.raises(plain.NotPlainError, match="far too large: it takes 16 MB, and at most 4 MB are read"):
        plain.encode(np.zeros(10**6))
    with pytest.raises(plain.NotPlainError, match="far too large: it takes 11 MB, and at most 4 MB are read"):
        plain.encode("x" * 10**7)
    with pytest.raises(plain.NotPlainError, match="far too large: it takes 5 MB"):
        plain.encode("x" * 4_000_000)
    with pytest.raises(plain.NotPlainError, match="a list of 601 thousand entries, and at most 500 thousand are read"):
        plain.encode([0] * 600_001)
    nested = []
    for _ in range(20):
        nested = [nested]
    with pytest.raises(plain.NotPlainError, match="nested too deeply: at most 8 levels"):
        plain.encode(nested)


@pytest.mark.parametrize(
    "data",
    [
        '{"bytes": "00", "dtype": "float64", "shape": [1]}',
        '{"bytes": "", "dtype": "object", "shape": [0]}',
        '{"bytes": "", "dtype": "datetime64[s]", "shape": [0]}',
        '{"bytes": "00", "dtype": "bool", "shape": [0]}',
        '{"list": [1.5]}',
        '{"bytes": "", "dtype": "float64", "shape": [-1, 0]}',
        '{"bytes": "", "dtype": "float64", "shape": [99999999999]}',
        '{"bytes": "", "dtype": "float64", "shape": "0"}',
        '{"bytes": "zz", "dtype": "bool", "shape": [1]}',
        '{"bytes": 3, "dtype": "bool", "shape": [1]}',
        '{"float": 3}',
        '{"float": "0x1p99999"}',
        '{"pickle": "gASV"}',
        '{"list": 3}',
        '{"list": [], "tuple": []}',
        '{"dict": [[1]]}',
        '{"dict": [[[], 1]]}',
        "[1, 2]",
        "1.5",
        "NaN",
        "{",
        "[" * 100_000,
        '{"list": [' * 5000 + "]}" * 5000,
        "9" * 5000,
        json.dumps("x" * 5_000_000),
        None,
    ],
    ids=lambda data: repr(data)[:40],
)
def test_hostile_text_is_refused(data):
    with pytest.raises(ValueError):
        plain.decode(data)
