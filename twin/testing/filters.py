"""What a filter means, row by row: the reference that an engine's answers are compared with."""

from __future__ import annotations

import math
import operator
import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any

import shapely

from twin.store import (
    Arithmetic,
    Condition,
    Constant,
    Expression,
    Filter,
    Folded,
    Logic,
    Property,
    Scalar,
    Spatial,
    TextValue,
)
from twin.store.filters import GEOMETRY

type Row = Mapping[str, Any]

_COMPARISONS = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def holds(node: Filter, row: Row) -> bool | None:
    """Return whether a filter holds of a row, None where that is unknown.

    Parameters
    ----------
    row
        Values by field, and ``geometry`` as WKB.
    """
    match node:
        case Constant(true=true):
            return true
        case Logic(operator="or", filters=filters):
            return _all([_negated(holds(part, row)) for part in filters], negated=True)
        case Logic(operator=kind, filters=filters):
            return _all([holds(part, row) for part in filters], negated=kind == "not")
        case Spatial(relation=relation, left=left, right=right):
            sides = [row[GEOMETRY] if wkb is None else wkb for wkb in (left, right)]
            shapes = shapely.from_wkb(sides)
            return None if None in sides else bool(getattr(shapely, relation)(*shapes))
        case Condition():
            return _condition(node, row)


def _negated(known: bool | None) -> bool | None:
    return None if known is None else not known


def _all(known: list[bool | None], *, negated: bool) -> bool | None:
    found = False if False in known else None if None in known else True
    return _negated(found) if negated else found


def _condition(node: Condition, row: Row) -> bool | None:
    left = row[node.field] if isinstance(node.field, str) else _value(node.field, row)
    if node.operator == "is null":
        return left is None
    if node.operator == "in":
        listed = node.value if isinstance(node.value, tuple) else (node.value,)
        each = [_compared(left, "=", _value(one, row)) for one in listed]
        return True if True in each else None if None in each else False
    assert not isinstance(node.value, tuple)
    right = _value(node.value, row)
    if node.operator == "like":
        return None if left is None else _matches(left, right)
    return _compared(left, node.operator, right)


def _compared(left: Any, sign: str, right: Any) -> bool | None:  # noqa: ANN401
    if left is None or right is None:
        return None
    if isinstance(left, date):
        left, right = _instant(left), _instant(right)
    return bool(_COMPARISONS[sign](left, right))


def _instant(value: str | date) -> datetime:
    """Return a date, an instant, or either as text, as an instant: a date is its midnight in UTC."""
    known = datetime.fromisoformat(value) if isinstance(value, str) else value
    instant = known if isinstance(known, datetime) else datetime.combine(known, time.min)
    return instant.replace(tzinfo=instant.tzinfo or UTC)


def _value(node: Expression | Scalar, row: Row) -> Any:  # noqa: ANN401
    match node:
        case Property(name=name):
            return row[name]
        case Arithmetic(operator=sign, left=left, right=right):
            return _number(sign, _value(left, row), _value(right, row))
        case TextValue(text=text):
            return text
        case Folded(without=without, of=inner):
            text = _value(inner, row)
            return None if text is None else text.casefold() if without == "case" else _bare(text)
    return node


def _bare(text: str) -> str:
    return "".join(sign for sign in unicodedata.normalize("NFD", text) if not unicodedata.combining(sign))


def _number(sign: str, left: float | None, right: float | None) -> float | None:
    if left is None or right is None or (sign in ("/", "%", "div") and right == 0):
        return None
    try:
        found = {
            "+": lambda a, b: a + b,
            "-": lambda a, b: a - b,
            "*": lambda a, b: a * b,
            "/": lambda a, b: a / b,
            "%": math.fmod,
            "div": lambda a, b: float(math.trunc(a / b)),
            "^": math.pow,
        }[sign](float(left), float(right))
    except ValueError:
        return None
    return None if math.isnan(found) else found


def _matches(text: str, pattern: str) -> bool:
    signs = re.findall(r"\\.|.", pattern, re.DOTALL)
    expression = "".join({"%": ".*", "_": "."}.get(sign) or re.escape(sign[-1]) for sign in signs)
    return re.fullmatch(expression, text, re.DOTALL) is not None
