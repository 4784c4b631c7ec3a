"""What a query may ask of the rows: a small tree of typed nodes, which crosses the owner socket as JSON.

It is the part of CQL2 (OGC 21-065r2) that a table can answer, with its three-valued logic: a comparison
with a null is neither true nor false, so that its negation keeps nothing either. Every way in ends in
this tree (``height=8`` in an address, CQL2, a layer's own code), and an engine translates it once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, Field

from twin.errors import BadInput
from twin.model import Model

type Scalar = str | int | float | bool | AwareDatetime | None

#: Bounds of one filter, so that whoever asks cannot exhaust the engine.
MAX_DEPTH = 32
MAX_NODES = 1_000

#: The one name of a filter that is no field: what the rows' place is called.
GEOMETRY = "geometry"


class Property(Model):
    """The value of a field."""

    kind: Literal["property"] = "property"
    name: str


class Arithmetic(Model):
    """A number made of two: null where either is, or where there is no such number (a division by 0)."""

    kind: Literal["arithmetic"] = "arithmetic"
    operator: Literal["+", "-", "*", "/", "%", "div", "^"]
    left: float | Expression
    right: float | Expression


class TextValue(Model):
    """A constant text where an expression is expected."""

    kind: Literal["text"] = "text"
    text: str


class Folded(Model):
    """A text without its case (full case folding of Unicode), or without its accents."""

    kind: Literal["folded"] = "folded"
    without: Literal["case", "accents"]
    of: Expression


type Expression = Annotated[Property | Arithmetic | TextValue | Folded, Field(discriminator="kind")]
EXPRESSIONS = (Property, Arithmetic, TextValue, Folded)


class Condition(Model):
    """One comparison of a field, or of an expression, with a constant or an expression; ``in`` takes a tuple.

    In a pattern of ``like``, ``%`` stands for any text, ``_`` for one character, and a backslash
    before either takes its meaning away.
    """

    kind: Literal["condition"] = "condition"
    field: str | Expression
    operator: Literal["=", "<>", "<", "<=", ">", ">=", "in", "like", "is null"] = "="
    value: Scalar | Expression | tuple[Scalar | Expression, ...] = None


class Spatial(Model):
    """How two geometries lie: WKB in the collection's CRS, or None for that of the row."""

    kind: Literal["spatial"] = "spatial"
    relation: Literal["intersects", "disjoint", "equals", "touches", "within", "contains", "overlaps", "crosses"]
    left: bytes | None = None
    right: bytes | None = None


class Logic(Model):
    """All of some filters (``and``), any of them (``or``), or not all of them (``not``)."""

    kind: Literal["logic"] = "logic"
    operator: Literal["and", "or", "not"]
    filters: Annotated[tuple[Filter, ...], Field(min_length=1)]


class Constant(Model):
    """What is true, or false, of every row."""

    kind: Literal["constant"] = "constant"
    true: bool


type Filter = Annotated[Condition | Spatial | Logic | Constant, Field(discriminator="kind")]
type Node = Filter | Expression


def parts(node: Node) -> Iterator[Node]:
    """Yield the nodes that a node is made of."""
    match node:
        case Condition(field=field, value=value):
            for part in (field, *(value if isinstance(value, tuple) else (value,))):
                if isinstance(part, EXPRESSIONS):
                    yield part
        case Logic(filters=filters):
            yield from filters
        case Arithmetic(left=left, right=right):
            yield from (part for part in (left, right) if not isinstance(part, float))
        case Folded(of=inner):
            yield inner


def properties(node: Node) -> set[str]:
    """Return the names of the fields that a node looks at; that of the row's geometry is :data:`GEOMETRY`."""
    own: set[str] = set()
    match node:
        case Property(name=name) | Condition(field=str(name)):
            own = {name}
        case Spatial(left=left, right=right) if left is None or right is None:
            own = {GEOMETRY}
    return own.union(*map(properties, parts(node)))


def bounded(filters: tuple[Filter, ...]) -> tuple[Filter, ...]:
    """Return filters, unless they are too deep or too many.

    Raises
    ------
    BadInput
        When they are.
    """
    level: list[Node] = list(filters)
    nodes = depth = 0
    while level:
        nodes, depth = nodes + len(level) + sum(map(_values, level)), depth + 1
        if depth > MAX_DEPTH:
            raise BadInput(f"The filter is nested deeper than {MAX_DEPTH} levels: write it with fewer.")
        if nodes > MAX_NODES:
            raise BadInput(f"The filter has more than {MAX_NODES} parts: write a shorter one.")
        level = [part for node in level for part in parts(node)]
    return filters


def _values(node: Node) -> int:
    return len(node.value) if isinstance(node, Condition) and isinstance(node.value, tuple) else 0


#: What all must hold of a row, bounded.
type Filters = Annotated[tuple[Filter, ...], AfterValidator(bounded)]
