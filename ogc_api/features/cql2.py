"""CQL2 (OGC 21-065r2) read into the filter tree of the store, as the fields of a collection give it a meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import orjson

from ogc_api.features import cql2_text
from ogc_api.features.cql2_shapes import SHAPE_RELATIONS, relation
from ogc_api.features.cql2_times import TIME_RELATIONS, Moment, Span, related
from ogc_api.features.fields import in_store, queryables, typed
from twin.errors import BadInput
from twin.model import Collection, Field, FieldType
from twin.store import Arithmetic, Condition, Constant, Expression, Filter, Folded, Logic, Property, TextValue
from twin.store.filters import GEOMETRY, MAX_DEPTH
from twin.time import parse_instant

TEXT, JSON = "cql2-text", "cql2-json"
#: The name that GDAL (3.3 to 3.12) looks for in the OpenAPI document, and asks with.
FILTER_LANGUAGES = (TEXT, JSON, "cql-text")

type Node = Any
type Value = Property | Arithmetic | Folded | str | int | float | bool | date | datetime

_COMPARISONS = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_ARITHMETIC = ("+", "-", "*", "/", "%", "div", "^")
_TIMES = (FieldType.DATE, FieldType.DATETIME)
_FOLDS = {"casei": "case", "accenti": "accents"}


def read_filter(text: str, language: str, collection: Collection, crs: str) -> Filter:
    """Return what a filter asks of the items of a collection.

    Parameters
    ----------
    language
        One of :data:`FILTER_LANGUAGES`.
    crs
        CRS of the geometries in it, in the axis order of its authority.

    Raises
    ------
    BadInput
        When the filter cannot be read, is too long or too deep, or asks what has no meaning here.
    """
    return _Reader(collection, crs).condition(_from_json(text) if language == JSON else cql2_text.parse(text))


def _from_json(text: str) -> Node:
    if len(text) > cql2_text.MAX_LENGTH:
        raise BadInput(f"The filter is {len(text)} characters long: at most {cql2_text.MAX_LENGTH} are read.")
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadInput(f"The filter is not JSON: at character {error.pos + 1}, {error.msg}.") from None


class _Reader:
    def __init__(self, collection: Collection, crs: str) -> None:
        self._collection = collection
        self._crs = crs
        self._fields: Mapping[str, Field] = queryables(collection)

    def condition(self, node: Node, depth: int = 1) -> Filter:
        """Return a node that must be true or false."""
        if isinstance(node, bool):
            return Constant(true=node)
        found: Filter | None = None
        operation, args = self._operation(node, depth)
        match operation, args:
            case (("and" | "or"), [_, _, *_]):
                found = Logic(operator=operation, filters=tuple(self.condition(arg, depth + 1) for arg in args))
            case "not", [arg]:
                found = Logic(operator="not", filters=(self.condition(arg, depth + 1),))
            case "isnull", [arg]:
                found = self._is_null(arg, depth + 1)
            case "in", [value, [_, *_] as listed]:
                found = self._among(self.value(value, depth + 1), [self.value(one, depth + 1) for one in listed])
            case _, [left, right] if operation in SHAPE_RELATIONS:
                found = relation(SHAPE_RELATIONS[operation], left, right, self._collection, self._crs)
            case _, [left, right] if operation in TIME_RELATIONS:
                found = related(operation, self._span(left), self._span(right))
            case _, [_, _] | [_, _, _] if operation in _COMPARISONS or operation in ("between", "like"):
                found = self._compared(operation, [self.value(arg, depth + 1) for arg in args])
        if found is not None:
            return found
        known = {
            "and",
            "or",
            "not",
            *_COMPARISONS,
            "between",
            "in",
            "like",
            "isnull",
            *SHAPE_RELATIONS,
            *TIME_RELATIONS,
        }
        if operation in known:
            raise BadInput(f"The filter gives {operation!r} {len(args)} arguments, or not those that it takes.")
        raise BadInput(
            f"The filter has {operation!r} where a condition is expected: use one of {', '.join(sorted(known))}."
        )

    def _compared(self, operation: str, values: Sequence[Value]) -> Filter | None:
        match operation, values:
            case "like", [value, pattern]:
                return self._like(value, pattern)
            case "between", [value, lower, upper]:
                return Logic(
                    operator="and", filters=(self._compare(value, ">=", lower), self._compare(value, "<=", upper))
                )
            case _, [left, right] if operation in _COMPARISONS:
                return self._compare(left, operation, right)
        return None

    def value(self, node: Node, depth: int) -> Value:
        """Return a node that must be a value."""
        match node:
            case str() | bool() | int() | float():
                if isinstance(node, str) and "\x00" in node:
                    raise BadInput("The filter has a text with the character NUL, which no text here has.")
                return node
            case {"property": str(name), **rest} if not rest:
                return Property(name=in_store(self._collection, self._field(name).name))
            case {"date": str(text), **rest} if not rest:
                return _date(text)
            case {"timestamp": str(text), **rest} if not rest:
                return parse_instant(text)
            case {"op": _}:
                return self._calculated(node, depth)
        raise BadInput(f"The filter has {_shown(node)} where a property or a value is expected.")

    def _calculated(self, node: Node, depth: int) -> Value:
        operation, args = self._operation(node, depth)
        match operation, args:
            case _, [left, right] if operation in _ARITHMETIC:
                one, other = self._number(left, depth + 1), self._number(right, depth + 1)
                return Arithmetic(operator=operation, left=one, right=other)
            case _, [text] if operation in _FOLDS:
                inner = self.value(text, depth + 1)
                if not isinstance(inner, str | Property | Folded):
                    raise BadInput(f"The filter folds {_shown(text)}, which is no text.")
                text_of = TextValue(text=inner) if isinstance(inner, str) else inner
                return Folded(without=_FOLDS[operation], of=text_of)
        raise BadInput(
            f"The filter has {operation!r} with {len(args)} arguments where a value is expected; "
            f"use {', '.join((*_FOLDS, *_ARITHMETIC))}, with the arguments that they take."
        )

    def _number(self, node: Node, depth: int) -> float | Expression:
        value = self.value(node, depth)
        if isinstance(value, bool) or not isinstance(value, int | float | Property | Arithmetic):
            raise BadInput(f"The filter calculates with {_shown(node)}, which is no number.")
        return float(value) if isinstance(value, int | float) else value

    def _operation(self, node: Node, depth: int) -> tuple[str, list[Node]]:
        if depth > MAX_DEPTH:
            raise BadInput(f"The filter is nested deeper than {MAX_DEPTH} levels: write it with fewer.")
        match node:
            case {"op": str(operation), "args": list(args), **rest} if not rest:
                return operation.lower(), args
        raise BadInput(f"The filter has {_shown(node)} where a condition is expected, such as a comparison.")

    def _field(self, name: str) -> Field:
        try:
            return self._fields[name]
        except KeyError:
            known = ", ".join((*self._fields, GEOMETRY))
            raise BadInput(f"There is no property {name!r} to filter by; there are: {known}.") from None

    def _compare(self, left: Value, operator: str, right: Value) -> Filter:
        if not isinstance(left, Property | Arithmetic | Folded):
            if not isinstance(right, Property | Arithmetic | Folded):
                return Constant(true=_holds(left, operator, right))
            left, operator, right = right, _COMPARISONS[operator], left
        return Condition(field=_plain(left), operator=operator, value=self._fitted(left, right))

    def _among(self, value: Value, listed: Sequence[Value]) -> Filter:
        if isinstance(value, Property | Arithmetic | Folded):
            fitted = tuple(self._fitted(value, one) for one in listed)
            return Condition(field=_plain(value), operator="in", value=fitted)
        return Logic(operator="or", filters=tuple(self._compare(value, "=", one) for one in listed))

    def _like(self, value: Value, pattern: Value) -> Filter:
        if not isinstance(value, Property | Folded | str):
            raise BadInput("The filter matches with LIKE what is no text.")
        if not isinstance(pattern, str | Folded):
            raise BadInput("The filter has after LIKE what is no text: write a pattern such as 'Rue%'.")
        matched = TextValue(text=value) if isinstance(value, str) else _plain(value)
        return Condition(field=matched, operator="like", value=pattern)

    def _is_null(self, node: Node, depth: int) -> Filter:
        if node == {"property": GEOMETRY}:
            return Condition(field=GEOMETRY, operator="is null")
        if isinstance(node, dict) and not node.keys().isdisjoint(("type", "bbox", "interval")):
            return Constant(true=False)
        value = self.value(node, depth)
        if not isinstance(value, Property | Arithmetic | Folded):
            return Constant(true=False)
        return Condition(field=_plain(value), operator="is null")

    def _fitted(self, left: Property | Arithmetic | Folded, value: Value) -> Any:  # noqa: ANN401
        """Return a constant as the field that it is compared with is stored."""
        field = self._fields.get(left.name) if isinstance(left, Property) else None
        kind = field.type if field else None
        if isinstance(value, date) and kind not in _TIMES:
            raise BadInput(f"{field.name if field else 'A calculation'} is compared with a date, which it is not.")
        if field and kind in _TIMES and isinstance(value, date | str) and not isinstance(value, datetime):
            return typed(field, value if isinstance(value, str) else value.isoformat())
        if kind is FieldType.BOOLEAN and not isinstance(value, bool) and value in (0, 1):
            return bool(value)  # booleans are served as these numbers
        return value

    def _span(self, node: Node) -> Span:
        match node:
            case {"interval": [start, end], **rest} if not rest:
                return Span(self._moment(start, -1), self._moment(end, 1))
            case {"property": str(name), **rest} if not rest:
                moment = self._time(name)
                return Span(moment, moment)
            case {"date": str(text), **rest} if not rest:
                return Span(Moment(_date(text), -1), Moment(_date(text), 1))
            case {"timestamp": str(text), **rest} if not rest:
                return Span(Moment(parse_instant(text)), Moment(parse_instant(text)))
        raise BadInput(
            f"The filter has {_shown(node)} where a DATE, TIMESTAMP, INTERVAL or such a property is expected."
        )

    def _moment(self, node: Node, side: int) -> Moment:
        match node:
            case "..":
                return Moment(None, side)
            case {"property": str(name), **rest} if not rest:
                return self._time(name, side)
            case {"date": str(text), **rest} | {"timestamp": str(text), **rest} if not rest:
                return self._moment(text, side)
            case str():
                return (
                    Moment(_date(node), side) if len(node) == len("2026-07-01") else Moment(parse_instant(node), side)
                )
        raise BadInput(f"The filter has {_shown(node)} as a side of an INTERVAL: write a date, a date-time or '..'.")

    def _time(self, name: str, side: int = 0) -> Moment:
        field = self._field(name)
        if field.type not in _TIMES:
            raise BadInput(f"{name} is a value of type {field.type}: it has no place in time.")
        return Moment(field, side)


def _plain(expression: Property | Arithmetic | Folded) -> str | Expression:
    return expression.name if isinstance(expression, Property) else expression


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{text!r} is not a date: write for instance 2026-07-15.") from None


def _holds(left: Any, operator: str, right: Any) -> bool:  # noqa: ANN401
    """Return whether a comparison of two constants holds."""
    kinds = [
        bool if isinstance(one, bool) else float if isinstance(one, int | float) else type(one) for one in (left, right)
    ]
    if kinds[0] is not kinds[1]:
        raise BadInput(f"The filter compares {_shown(left)} with {_shown(right)}, which is of another type.")
    tests = {
        "=": left == right,
        "<>": left != right,
        "<": left < right,
        "<=": left <= right,
        ">": left > right,
        ">=": left >= right,
    }
    return bool(tests[operator])


def _shown(node: object) -> str:
    """Return a node as a message names it."""
    if isinstance(node, dict):
        return next((f"{key} {node[key]!r:.40}" for key in ("op", "property", "type") if key in node), "an object")
    return f"{node!s:.40}" if isinstance(node, date) else f"{node!r:.40}"
