"""What all functions take and refuse, by the few checks they share."""

import numpy as np
import pytest

from course_utils import _validate


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_integers_of_numpy_are_integers(value):
    """A length read off an array, or a seed out of np.arange, must not be refused; what comes back is a plain int."""
    got = _validate.integer("T", value, 3)
    assert got == 3 and type(got) is int
    with pytest.raises(ValueError, match=r"^T: got .*3.*, wants an integer of at least 4$"):
        _validate.integer("T", value, 4)


@pytest.mark.parametrize("value", [2, 2.0, np.float32(2), np.int64(2)])
def test_numbers_of_numpy_are_numbers(value):
    got = _validate.number("gain", value, at_least=2)
    assert got == 2 and type(got) is float
    with pytest.raises(ValueError, match=r"^gain: got .*2.*, wants a finite number of at least 2.5$"):
        _validate.number("gain", value, at_least=2.5)


@pytest.mark.parametrize("dtype", [bool, np.int64, np.uint8, np.float16, np.longdouble, float])
def test_whatever_is_real_becomes_float64_and_float32_stays(dtype):
    """Half a precision more or less, taken over from data, would decide how exact every gradient is."""
    given = np.array([[0, 1], [1, 1]], dtype)
    assert _validate.array("x", given).dtype == np.float64
    assert np.array_equal(_validate.array("x", given), given)
    same = given.astype(np.float32)
    assert _validate.array("x", same) is same


def test_finite_numbers_with_an_infinite_sum_are_finite():
    large = np.array([1.7e308, 1.7e308])
    assert np.array_equal(_validate.array("x", large), large)


def test_the_first_number_that_is_not_finite_is_named():
    with pytest.raises(ValueError, match=r"^x: got NaN or inf at index \(0, 2\), wants finite numbers$"):
        _validate.array("x", [[1, 2, np.inf], [np.nan, 5, 6]])


def test_a_shape_is_written_as_numpy_writes_it():
    with pytest.raises(ValueError, match=r"^h0: got shape \(2, 1\), wants \(3,\)$"):
        _validate.array("h0", np.ones((2, 1)), (3,))
    with pytest.raises(ValueError, match=r"^x: got shape \(4,\), wants \(T, 3\)$"):
        _validate.array("x", np.ones(4), ("T", 3))


@pytest.mark.parametrize("value", [["tanh"], {"tanh": 1}, None, 1, "Tanh"])
def test_what_is_no_choice_is_refused_whatever_it_is(value):
    """A list can't be looked up in a dict: without a check of its own it would end in a TypeError without a name."""
    with pytest.raises(ValueError, match=r"^activation: got .*, wants one of 'tanh', 'relu'$"):
        _validate.choice("activation", value, {"tanh": 1, "relu": 2})
