"""Values as plain JSON data and back, exactly. Used on both sides of the sandbox and for the students' hints; needs
numpy alone.

A float travels as its hexadecimal digits and an array as dtype, shape and the digits of its bytes, so nothing is
rounded and nothing is executed. `decode` takes data from a hostile side: what `encode` doesn't write raises ValueError.

What counts as a number is decided here and nowhere else: `check` judges what `crossed` gives, and the grader what came
out of the sandbox by the same two functions.
"""

import numbers
import sys
from json import dumps, loads
from typing import Any, NoReturn

import numpy as np

LARGEST = 4_000_000  # bytes of text that one value may take
DEEPEST = 8  # levels of lists within lists
LONGEST = LARGEST // 8  # entries of a list
DTYPES = ("bool", "int64", "float32", "float64")


COMPLEX = "the answer holds complex numbers, and real numbers are asked for"
UNREAD = {"complex": lambda: 1j, "other": object}  # what stands for an entry that can't be handed over, on the far side


class NotPlainError(ValueError):
    """The value is of a kind that can't be handed over."""


class NoNumberError(NotPlainError):
    """The same, and nothing but its kind is wrong: as one of several entries it leaves the others readable."""


def crossed(value: Any) -> Any:
    """A value as the grader sees it: what is left of it on the other side. Raises NotPlainError.

    Example:
    >>> crossed(np.array([1 / 2], dtype=object)), crossed([(1 + 0j) / 2, None])
    (array([0.5]), [array(0.5), None])
    """
    return decode(encode(value, entries=True))


def encode(value: Any, entries: bool = False) -> str:
    """JSON text for a number, string, array, or lists, tuples and dicts of these. Raises NotPlainError on others.

    entries  whether an entry of a list, tuple or dict that is none of these becomes a mark without any content, so that
             the others can be read
    """
    text = dumps(_pack(value, DEEPEST, entries))
    _fits(len(text))
    return text


def _fits(size: int) -> None:
    """Refuse what takes more bytes than are read. Raises NotPlainError."""
    if size > LARGEST:
        took, most = (f"{-(-number // 1_000_000)} MB" for number in (size, LARGEST))
        raise NotPlainError(f"the answer is far too large: it takes {took}, and at most {most} are read")


def _pack(value: Any, levels: int, entries: bool) -> Any:
    if value is None or value is ...:
        return None
    if isinstance(value, np.str_):
        value = value.item()
    if type(value) in (bool, str):
        return value
    if type(value) is int and abs(value) < 2**63:
        return value
    if type(value) is float:
        return {"float": value.hex()}
    if isinstance(value, (list, tuple, dict)):
        return _pack_container(value, levels, entries)
    return _pack_array(_as_array(value))


def _pack_container(value: list | tuple | dict, levels: int, entries: bool) -> dict[str, Any]:
    if levels == 0:
        raise NotPlainError(f"the answer is nested too deeply: at most {DEEPEST} levels are read")
    if len(value) > LONGEST:
        took, most = (f"{-(-number // 1000)} thousand" for number in (len(value), LONGEST))
        raise NotPlainError(f"the answer is far too long: a list of {took} entries, and at most {most} are read")
    if isinstance(value, dict):
        pairs = [(key.item() if isinstance(key, np.str_ | np.integer) else key, item) for key, item in value.items()]
        if not all(type(key) in (str, int) for key, _ in pairs):
            raise NoNumberError("the answer is a dict with keys that are neither words nor whole numbers")
        return {"dict": [[key, _pack_entry(item, levels - 1, entries)] for key, item in pairs]}
    kind = "tuple" if isinstance(value, tuple) else "list"
    return {kind: [_pack_entry(item, levels - 1, entries) for item in value]}


def _pack_entry(value: Any, levels: int, entries: bool) -> Any:
    try:
        return _pack(value, levels, entries)
    except NoNumberError as error:
        if not entries:
            raise
        return {"unread": "complex" if str(error) == COMPLEX else "other"}


def _as_array(value: Any) -> np.ndarray:
    """A number or an array of numbers, real ones. It runs the value's own code: on the near side alone."""
    try:
        tensor = getattr(sys.modules.get("torch"), "Tensor", None)
        if isinstance(tensor, type) and issubclass(type(value), tensor):
            array = value.detach().cpu().resolve_conj().resolve_neg().numpy()
        else:
            array = np.asarray(value)
        if array.dtype.kind == "O":  # as np.frompyfunc gives, or numbers of a kind that NumPy doesn't know
            array = np.array([_real(entry) for entry in array.flat], dtype=float).reshape(array.shape)
        if array.dtype.kind == "c":
            _wants_real(array.imag)
            array = array.real
        kind = {"b": "bool", "i": "int64", "u": "int64", "f": "float64"}[array.dtype.kind]
    except NoNumberError:
        raise
    except Exception:
        name = type(value).__name__[:40]
        raise NoNumberError(f"the answer is a {name}, not a number or an array of numbers") from None
    return array if array.dtype == np.float32 else array.astype(kind)


def _real(entry: Any) -> float:
    if isinstance(entry, numbers.Complex):
        _wants_real(entry.imag)
        entry = entry.real
    if isinstance(entry, str | bytes):
        raise TypeError("words, even if they spell a number")
    return float(entry)


def _wants_real(imaginary: Any) -> None:
    if np.any(imaginary != 0):
        raise NoNumberError(COMPLEX)


def _pack_array(array: np.ndarray) -> dict[str, Any]:
    _fits(2 * array.nbytes)
    little_endian = array.astype(array.dtype.newbyteorder("<"))
    return {"bytes": little_endian.tobytes().hex(), "dtype": array.dtype.name, "shape": list(array.shape)}


def decode(text: Any) -> Any:
    """The value that `encode` wrote. Raises ValueError on anything else.

    So it does on lists of words that NumPy would make far larger than they are: in an array of words each takes as much
    as the longest, and so does each number beside them.
    """
    if not isinstance(text, str) or len(text) > LARGEST:
        raise ValueError("text: not a string, or too long")
    try:
        value = _unpack(loads(text))
        _as_words(value)
        return value
    except (RecursionError, TypeError, KeyError, OverflowError) as error:
        raise ValueError(f"text: not a plain value ({type(error).__name__})") from None


def _as_words(value: Any) -> tuple[int, int]:
    """(entries, signs of the longest word) of the array that a value would make, or ValueError if that is too large."""
    if isinstance(value, dict):
        for item in value.values():
            _as_words(item)
        return 1, 0
    if not isinstance(value, list | tuple):
        return np.size(value) if isinstance(value, np.ndarray) else 1, len(value) if isinstance(value, str) else 0
    parts = [_as_words(item) for item in value]
    entries, longest = sum(count for count, _ in parts), max((length for _, length in parts), default=0)
    if entries * longest > LARGEST:
        _refuse(f"a list of {entries} entries, with a word of {longest} signs,")
    return entries, longest


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"text: {text[:80]!r} is not what encode writes")


def _unpack(data: Any) -> Any:
    if data is None or type(data) in (bool, str):
        return data
    if type(data) is int and abs(data) < 2**63:
        return data
    if type(data) is not dict:
        _refuse(repr(type(data)))
    if set(data) == {"float"}:
        return float.fromhex(data["float"])
    if set(data) == {"unread"}:
        return UNREAD[data["unread"]]()
    if set(data) == {"bytes", "dtype", "shape"}:
        return _unpack_array(data["bytes"], data["dtype"], data["shape"])
    ((kind, items),) = data.items() if len(data) == 1 else [("", None)]
    if kind not in ("list", "tuple", "dict") or type(items) is not list:
        _refuse(kind)
    if kind == "dict":
        if not all(type(item) is list and len(item) == 2 and type(item[0]) in (str, int) for item in items):
            _refuse(kind)
        return {key: _unpack(item) for key, item in items}
    return (tuple if kind == "tuple" else list)(_unpack(item) for item in items)


def _unpack_array(digits: Any, dtype: Any, shape: Any) -> np.ndarray:
    if dtype not in DTYPES or type(shape) is not list or len(shape) > 32:
        _refuse(str(dtype))
    if not all(type(n) is int and 0 <= n <= LARGEST for n in shape):
        _refuse("shape")
    return np.frombuffer(bytes.fromhex(digits), np.dtype(dtype).newbyteorder("<")).astype(dtype).reshape(shape)
