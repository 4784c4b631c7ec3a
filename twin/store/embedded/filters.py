"""From the filter tree to parameterised SQL, in one place: no name or value ever enters the text unquoted."""

from __future__ import annotations

import re
from itertools import chain
from typing import Any, NamedTuple

import shapely

from twin.errors import BadInput
from twin.model import FieldType
from twin.store.embedded.folding import folded
from twin.store.embedded.sql import Columns, Where, column, typed
from twin.store.filters import (
    EXPRESSIONS,
    GEOMETRY,
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
    properties,
)

type Sql = tuple[str, list[Any]]

_NUMBERS = (FieldType.INTEGER, FieldType.NUMBER)
_INSTANTS = (FieldType.DATE, FieldType.DATETIME)
# Doubles never overflow into an error, and what is no number is null.
_ARITHMETIC = {
    "+": "{} + {}",
    "-": "{} - {}",
    "*": "{} * {}",
    "/": "{} / nullif({}, 0)",
    "%": "{} % nullif({}, 0)",
    "div": "trunc({} / nullif({}, 0))",
    "^": "pow({}, {})",
}
#: Of relations that need a common point, the boxes must meet; ``disjoint`` is asked as its contrary.
_RELATIONS = {
    "intersects": "ST_Intersects",
    "equals": "ST_Equals",
    "touches": "ST_Touches",
    "within": "ST_Within",
    "contains": "ST_Contains",
    "overlaps": "ST_Overlaps",
    "crosses": "ST_Crosses",
}


class _Term(NamedTuple):
    """An expression as SQL, its type, and its name in a message."""

    sql: str
    kind: FieldType
    parameters: list[Any]
    name: str


def add_filter(where: Where, node: Filter, columns: Columns, prefix: str = "") -> None:
    """Add a filter to `where`.

    Parameters
    ----------
    prefix
        What stands before the names of the geometry and of the sides of its box, e.g. ``s.``.

    Raises
    ------
    BadInput
        When the filter names a field that is not there, or compares what cannot be compared.
    """
    sql, parameters = _filter(node, columns, prefix)
    where.add(sql, *parameters)


def _filter(node: Filter, columns: Columns, prefix: str) -> Sql:
    match node:
        case Condition():
            return _condition(node, columns, prefix)
        case Spatial():
            return _spatial(node, prefix)
        case Constant(true=true):
            return ("TRUE" if true else "FALSE"), []
        case Logic(operator=operator, filters=filters):
            texts, parameters = zip(*(_filter(part, columns, prefix) for part in filters), strict=True)
            joined = (" OR " if operator == "or" else " AND ").join(f"({text})" for text in texts)
            return (f"NOT ({joined})" if operator == "not" else joined), list(chain(*parameters))


def _condition(node: Condition, columns: Columns, prefix: str) -> Sql:
    field = Property(name=node.field) if isinstance(node.field, str) else node.field
    value = node.value
    if GEOMETRY in properties(node):
        if field == Property(name=GEOMETRY) and node.operator == "is null":
            return f"{prefix}geometry IS NULL", []
        raise BadInput("The geometry cannot be compared like a value: ask how it lies, or whether it is null.")
    left = _expression(field, columns)
    if node.operator == "is null":
        return f"{left.sql} IS NULL", left.parameters
    if node.operator == "in":
        values = value if isinstance(value, tuple) else (value,)
        rights = [_compared(left, item, columns) for item in values if item is not None]
        listed = ", ".join(text for text, _ in rights)
        found = chain(left.parameters, *(parameters for _, parameters in rights))
        return (f"{left.sql} IN ({listed})", list(found)) if rights else ("FALSE", [])
    if isinstance(value, tuple) or value is None:
        raise BadInput(f"{left.name} {node.operator} takes one value; use 'in' or 'is null'.")
    if node.operator == "like":
        right, parameters = _pattern(left, value)
        # RE2 takes linear time; LIKE takes exponential time of a pattern with many wildcards.
        return f"regexp_full_match({left.sql}, {right})", [*left.parameters, *parameters]
    right, parameters = _compared(left, value, columns)
    return f"{left.sql} {node.operator} {right}", [*left.parameters, *parameters]


def _expression(node: Expression, columns: Columns) -> _Term:
    match node:
        case Property(name=name):
            sql, kind = column(columns, name)
            return _Term(sql, kind, [], name)
        case Arithmetic(operator=operator, left=left, right=right):
            one, other = _number(left, columns), _number(right, columns)
            sql = _ARITHMETIC[operator].format(one[0], other[0])
            return _Term(f"nullif({sql}, 'nan'::DOUBLE)", FieldType.NUMBER, [*one[1], *other[1]], "a calculation")
        case TextValue(text=constant):
            return _Term("?", FieldType.STRING, [constant], repr(constant))
        case Folded():
            inner, folds = _unfolded(node)
            term = _expression(inner, columns)
            if term.kind is not FieldType.STRING:
                raise BadInput(f"{term.name} is a value of type {term.kind}: only a text has case and accents.")
            return _fold(term, folds)


def _unfolded(node: Expression) -> tuple[Expression, list[str]]:
    """Return what a chain of foldings is made of, and each folding once, the innermost first."""
    folds = []
    while isinstance(node, Folded):
        folds.append(node.without)
        node = node.of
    return node, list(dict.fromkeys(reversed(folds)))


def _fold(term: _Term, folds: list[str]) -> _Term:
    for without in folds:
        sql, parameters = folded(term.sql, term.parameters, without)
        term = term._replace(sql=sql, parameters=parameters)
    return term


def _number(node: float | Expression, columns: Columns) -> Sql:
    if isinstance(node, float | int):
        return "?::DOUBLE", [typed("a calculation", FieldType.NUMBER, node)]
    term = _expression(node, columns)
    if term.kind not in _NUMBERS:
        raise BadInput(f"{term.name} is a value of type {term.kind}: only numbers can be calculated with.")
    return f"({term.sql})::DOUBLE", term.parameters


def _compared(left: _Term, value: Scalar | Expression, columns: Columns) -> Sql:
    """Return what a term is compared with, which must be of its type."""
    if not isinstance(value, EXPRESSIONS):
        return "?", [typed(left.name, left.kind, value)]
    right = _expression(value, columns)
    if left.kind is not right.kind and not any({left.kind, right.kind} <= set(kin) for kin in (_NUMBERS, _INSTANTS)):
        raise BadInput(
            f"{left.name} is compared with {right.name}: a value of type {left.kind} is expected, not {right.kind}."
        )
    return right.sql, right.parameters


def _pattern(left: _Term, value: Scalar | Expression) -> Sql:
    """Return the pattern of ``like`` as a regular expression; folding leaves its signs as they are."""
    if left.kind is not FieldType.STRING:
        raise BadInput(f"{left.name} is a value of type {left.kind}: only texts can be matched with a pattern.")
    inner, folds = _unfolded(TextValue(text=value) if isinstance(value, str) else value)  # type: ignore[arg-type]
    if not isinstance(inner, TextValue):
        raise BadInput(f"{left.name} like {value!r}: a pattern is a text.")
    term = _fold(_Term("?", FieldType.STRING, [_regular(inner.text)], ""), folds)
    return term.sql, term.parameters


def _regular(pattern: str) -> str:
    found = re.findall(r"\\.|.", pattern, re.DOTALL)
    return "(?s)" + "".join(
        {"%": ".*", "_": "."}.get(sign) or re.escape(sign.removeprefix("\\") or sign) for sign in found
    )


def _spatial(node: Spatial, prefix: str) -> Sql:
    """Return how geometries lie: envelopes first, then exactly.

    Raises
    ------
    BadInput
        When one is no valid geometry.
    """
    left, right = (None if wkb is None else _shape(wkb) for wkb in (node.left, node.right))
    own = f"{prefix}geometry"
    sides: list[Sql] = [(own, []) if one is None else ("ST_GeomFromWKB(?::BLOB)", [one.wkb]) for one in (left, right)]
    parameters = [*sides[0][1], *sides[1][1]]
    relation = "intersects" if node.relation == "disjoint" else node.relation
    sql = f"{_RELATIONS[relation]}({sides[0][0]}, {sides[1][0]})"
    shape = right if left is None else left if right is None else None
    if shape is not None:
        sql, parameters = _by_box(sql, parameters, shape, relation, prefix)
    return (f"NOT ({sql})" if node.relation == "disjoint" else sql), parameters


def _by_box(sql: str, parameters: list[Any], shape: Any, relation: str, prefix: str) -> Sql:  # noqa: ANN401
    """Return an exact test that is made only where the boxes leave it open."""
    xmin, ymin, xmax, ymax = (f"{prefix}{name}" for name in ("xmin", "ymin", "xmax", "ymax"))
    west, south, east, north = shape.bounds
    if relation == "intersects" and (inner := _inner_box(shape)):
        # What lies in a box inside the region needs no exact test, and that is nearly everything of a bbox.
        sql = f"(({xmin} >= ? AND {ymin} >= ? AND {xmax} <= ? AND {ymax} <= ?) OR {sql})"
        parameters = [*inner, *parameters]
    near = f"{xmin} <= ? AND {xmax} >= ? AND {ymin} <= ? AND {ymax} >= ?"
    return f"{near} AND {sql}", [east, west, north, south, *parameters]


def _shape(wkb: bytes) -> Any:  # noqa: ANN401
    try:
        shape = shapely.from_wkb(wkb)
    except shapely.errors.GEOSException as error:
        raise BadInput("The region is not a geometry in WKB.") from error
    if shape is not None and not shape.is_valid and (flat := shapely.make_valid(shape)).area == 0:
        shape = flat  # a box as flat as a line or a point
    if shape is None or shape.is_empty or not shape.is_valid:
        raise BadInput("The region must be a valid geometry that is not empty.")
    return shape


def _inner_box(shape: Any) -> tuple[float, ...] | None:  # noqa: ANN401
    west, south, east, north = shape.bounds
    for margin in (0.0, 0.001, 0.01, 0.05, 0.2):
        dx, dy = (east - west) * margin, (north - south) * margin
        box = (west + dx, south + dy, east - dx, north - dy)
        if shape.covers(shapely.box(*box)):
            return box
    return None
