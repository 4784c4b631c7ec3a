"""Columns as the source wrote them, to columns of the field's type; what does not fit is told, not guessed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_TRUE = ("true", "t", "1", "yes", "y", "oui", "o", "vrai")
_FALSE = ("false", "f", "0", "no", "n", "non", "faux")
_EXACT_INTEGERS = 2.0**53


@dataclass(frozen=True)
class Converted:
    """Values of the wanted type, null where missing or bad; which are bad; what they came from; why."""

    values: pa.Array
    bad: NDArray[np.bool_]
    source: pa.Array
    reason: str


def cast(array: pa.Array, kind: pa.DataType) -> Converted:
    """Cast every value that can be; the others are found by halving, so that the good path stays one call."""
    bad = np.zeros(len(array), dtype=bool)

    def attempt(part: pa.Array, start: int) -> pa.Array:
        try:
            return pc.cast(part, kind)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            if len(part) == 1:
                bad[start] = True
                return pa.nulls(1, kind)
        half = len(part) // 2
        return pa.concat_arrays([attempt(part[:half], start), attempt(part[half:], start + half)])

    return Converted(attempt(array, 0), bad, array, f"this is not a {kind}")


def texts(array: pa.Array) -> pa.Array:
    """Return values as text; whole numbers carry no decimals."""
    if pa.types.is_string(array.type):
        return array
    if pa.types.is_floating(array.type):
        whole = cast(array, pa.int64())
        return pc.coalesce(whole.values.cast(pa.string()), array.cast(pa.string()))
    return cast(array, pa.string()).values


def is_missing(array: pa.Array, missing: Iterable[object]) -> pa.Array:
    """Return where `array` is null, not a number, or one of `missing`, compared as numbers and as text."""
    absent = array.is_null(nan_is_null=True)
    wanted = list(missing)
    if not wanted:
        return absent
    absent = pc.or_(absent, pc.is_in(texts(array), pa.array([_text(value) for value in wanted])))
    numbers = [float(value) for value in wanted if isinstance(value, int | float) and not isinstance(value, bool)]
    if numbers and not pa.types.is_temporal(array.type) and not pa.types.is_boolean(array.type):
        absent = pc.or_(absent, pc.is_in(cast(array, pa.float64()).values, pa.array(numbers)).fill_null(False))
    return absent


def numbers(array: pa.Array, decimal: str = ".") -> Converted:
    """Return finite numbers; text with the decimal sign `decimal`."""
    plain = array
    if pa.types.is_string(array.type) and decimal != ".":
        plain = pc.replace_substring(array, decimal, ".")
    found = cast(plain.cast(pa.int8()) if pa.types.is_boolean(plain.type) else plain, pa.float64())
    infinite = np.asarray(pc.is_inf(found.values).fill_null(False).to_numpy(zero_copy_only=False), dtype=bool)
    return Converted(found.values, found.bad | infinite, array, "this is not a number")


def integers(array: pa.Array, decimal: str = ".") -> Converted:
    """Return whole numbers; 12.0 is 12, and 12.5 is a fault."""
    if pa.types.is_integer(array.type):
        return Converted(array.cast(pa.int64()), np.zeros(len(array), bool), array, "")
    found = numbers(array, decimal)
    values = found.values.to_numpy(zero_copy_only=False)
    with np.errstate(invalid="ignore"):
        whole = (values == np.floor(values)) & (np.abs(values) < _EXACT_INTEGERS)
    bad = found.bad | (~whole & ~np.isnan(values))
    return Converted(
        pa.array(np.where(whole, values, 0).astype(np.int64), mask=~whole), bad, array, "this is not a whole number"
    )


def booleans(array: pa.Array) -> Converted:
    """Return truths written as true, t, 1, yes, oui... or their contraries, in any case."""
    if pa.types.is_boolean(array.type):
        return Converted(array, np.zeros(len(array), bool), array, "")
    lower = pc.utf8_lower(texts(array))
    true, false = pc.is_in(lower, pa.array(_TRUE)), pc.is_in(lower, pa.array(_FALSE))
    known = pc.or_(true, false)
    values = pc.if_else(known, true, pa.scalar(None, pa.bool_()))
    bad = pc.and_(pc.invert(known), array.is_valid())
    return Converted(values, np.asarray(bad.to_numpy(zero_copy_only=False), bool), array, "this is not a yes or no")


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
