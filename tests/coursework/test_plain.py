"""Values get through exactly, and nothing else gets through."""

import json
from decimal import Decimal
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import torch

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
    [object(), {1.5: 2}, 1j, np.array([object()]), 10**400, set(), [object()], {"a": (1, 1j)}, {"a": {1.5: 2}}],
    ids=lambda value: type(value).__name__,
)
def test_what_is_not_plain_is_refused(value):
    with pytest.raises(plain.NoNumberError, match=r"the answer (is a|holds complex numbers)"):
        plain.encode(value)


def test_an_entry_that_is_not_plain_leaves_the_others():
    got = plain.crossed({"h": np.ones(2), "cache": object(), "z": 1j, "more": [2.0, {1.5: 2}], "dW": None, "db": ...})
    assert np.array_equal(got["h"], np.ones(2)) and got["more"][0] == 2.0 and got["dW"] is None is got["db"]
    assert type(got["cache"]) is type(got["more"][1]) is object and got["z"] == 1j
    too_large = {"h": 1.0, "cache": np.zeros(10**6)}
    with pytest.raises(plain.NotPlainError, match="far too large"):
        plain.crossed(too_large)


NUMBERS = {
    "np.frompyfunc": (np.frompyfunc(lambda x: x / 2, 1, 1)(np.arange(3)), [0.0, 0.5, 1.0]),
    "NumPy's numbers as objects": (np.array([np.float32(0.5), np.int64(2), np.bool_(True)], dtype=object), [0.5, 2, 1]),
    "mpmath": ([mpmath.mpf(1) / 2], [0.5]),
    "mpmath as an array": (np.array([mpmath.mpf(1) / 2, mpmath.mpc(2, 0)]), [0.5, 2.0]),
    "a huge whole number": (2**80, 2.0**80),
    "a complex one without an imaginary part": (complex(0.5, -0.0), 0.5),
    "a complex array": (np.array([0.5 + 0j, 2]), [0.5, 2.0]),
    "complex objects": (np.array([0.5 + 0j, 2.0], dtype=object), [0.5, 2.0]),
    "a tensor with a gradient": (torch.nn.Parameter(torch.tensor([0.5])), [0.5]),
    "a conjugate": (torch.tensor([0.5 + 0j]).conj(), [0.5]),
    "tensors in a list": ([torch.tensor(0.5, requires_grad=True)], [0.5]),
    "a memoryview": (memoryview(np.array([0.5])), [0.5]),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_many_kinds_of_numbers_are_numbers(name):
    value, wanted = NUMBERS[name]
    got = plain.crossed(value)
    assert np.shape(got) == np.shape(wanted) and np.array_equal(np.asarray(got, dtype=float), wanted)


@pytest.mark.parametrize(
    "value",
    [1 + 1e-300j, complex(0, float("nan")), np.array([1, 1j]), np.array([1j, 2.0], dtype=object), torch.tensor(1j)],
    ids=repr,
)
def test_an_imaginary_part_is_refused_with_the_reason(value):
    """However small: the numbers of a complex step have such."""
    with pytest.raises(plain.NoNumberError, match="holds complex numbers, and real numbers are asked for"):
        plain.crossed(value)


@pytest.mark.parametrize("value", ["0.25", np.str_("0.25")], ids=repr)
def test_words_stay_words(value):
    assert plain.crossed(value) == "0.25"
    for within in (np.array([value], dtype=object), np.array([value])):
        with pytest.raises(plain.NoNumberError, match="ndarray, not a number"):
            plain.crossed(within)


class Loud:
    """Does what it likes when it is looked at."""

    def __array__(self, *given, **named):
        raise LookupError("hidden")


def test_what_a_value_does_itself_is_no_exception_of_the_answer():
    held = np.empty(1, dtype=object)
    held[0] = Loud()
    for value in (Loud(), held, torch.ones(1, dtype=torch.bfloat16)):
        with pytest.raises(plain.NoNumberError, match="not a number"):
            plain.crossed(value)


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
        '{"unread": "print"}',
        '{"unread": ["other"]}',
        '{"unread": "other", "float": "0x1p0"}',
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
