"""From queries to parameterised SQL: identifiers quoted in one place, values never in the text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from twin.errors import BadInput
from twin.model import FieldType
from twin.store.filters import Scalar
from twin.store.queries import SortKey

#: Beyond it no stored number lies, and DuckDB has no type for the whole numbers.
_LARGEST = 1e30

#: What a field is called in SQL, and the type that a value compared with it must have.
type Columns = Mapping[str, tuple[str, FieldType]]


def quote(*names: str) -> str:
    """Return a dotted identifier, each part quoted."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def text(value: str) -> str:
    """Return a string literal, for the statements that take no parameters (LOAD, SET, COPY)."""
    return "'" + value.replace("'", "''") + "'"


def utc(column: str) -> str:
    """Return an aware timestamp column as naive UTC; `timezone` does it thirty times slower."""
    return f"make_timestamp(epoch_us({column}))"


def naive(instant: datetime) -> datetime:
    """Return an aware instant as the naive UTC that the tables hold."""
    return instant.astimezone(UTC).replace(tzinfo=None)


class Where:
    """A conjunction that is built clause by clause, with the values of its parameters."""

    def __init__(self) -> None:
        self.clauses: list[str] = []
        self.parameters: list[Any] = []

    def add(self, clause: str, *parameters: object) -> None:
        """Add a clause; it is put between parentheses."""
        self.clauses.append(f"({clause})")
        self.parameters.extend(parameters)

    def __str__(self) -> str:
        """Return the conjunction; TRUE when nothing was asked."""
        return " AND ".join(self.clauses) or "TRUE"


def typed(field: str, kind: FieldType, value: Scalar) -> Any:  # noqa: ANN401
    """Return `value` as the column of `field` holds it.

    A query crosses the socket as JSON, so instants and dates may come back as text.

    Raises
    ------
    BadInput
        When the value is not of the field's type.
    """
    known: Any = None
    match kind, value:
        case _, None:
            return None
        case FieldType.STRING, str():
            known = value
        case FieldType.BOOLEAN, bool():
            known = value
        case ((FieldType.INTEGER | FieldType.NUMBER), int() | float()) if not isinstance(value, bool):
            known = value if abs(value) < _LARGEST else None
        case FieldType.DATETIME, datetime():
            known = naive(value)
        case ((FieldType.DATETIME | FieldType.DATE), str()):
            known = _from_text(kind, value)
    if known is None:
        raise BadInput(f"{field} is compared with {value!r}: a value of type {kind} is expected.")
    return known


def _from_text(kind: FieldType, value: str) -> datetime | date | None:
    try:
        if kind is FieldType.DATE:
            return date.fromisoformat(value)
        instant = datetime.fromisoformat(value)
    except ValueError:
        return None
    return naive(instant) if instant.tzinfo is not None else None


def column(columns: Columns, field: str) -> tuple[str, FieldType]:
    """Return the column of a field, or say which fields there are."""
    try:
        return columns[field]
    except KeyError:
        raise BadInput(f"There is no field {field!r}; there are: {', '.join(columns)}.") from None


def order_by(keys: Iterable[SortKey], columns: Columns, last: str, leading: tuple[int, ...] = ()) -> str:
    """Return the ORDER BY list of `keys`, nulls last, with the column `last` as tie-break.

    Parameters
    ----------
    leading
        Values of `last` that come first where there is no key.
    """
    parts = [f"{column(columns, key.field)[0]} {'DESC' if key.descending else 'ASC'} NULLS LAST" for key in keys]
    if leading and not parts:
        parts = [f"list_position({_numbers(leading)}, {last}) NULLS LAST"]
    return ", ".join([*parts, last])


def _numbers(values: tuple[int, ...]) -> str:
    return f"[{', '.join(str(int(value)) for value in values)}]::BIGINT[]"


def add_after(
    where: Where,
    keys: tuple[SortKey, ...],
    after: tuple[Scalar, ...],
    columns: Columns,
    last: str,
    leading: tuple[int, ...] = (),
) -> None:
    """Keep what comes strictly after the cursor `after` in the order of :func:`order_by`.

    Raises
    ------
    BadInput
        When the cursor has not one value a key and the row number.
    """
    if len(after) != len(keys) + 1 or not isinstance(after[-1], int) or isinstance(after[-1], bool):
        raise BadInput("The cursor does not fit the sort order: start again from the first page.")
    if leading and not keys:
        given = leading[: leading.index(after[-1]) + 1] if after[-1] in leading else leading
        where.add(f"NOT list_contains({_numbers(given)}, {last})")
        if after[-1] in leading:
            return
    branches: list[str] = []
    parameters: list[Any] = []
    equal: list[str] = []
    equal_values: list[Any] = []
    for key, value in zip(keys, after[:-1], strict=True):
        name, kind = column(columns, key.field)
        known = typed(key.field, kind, value)
        if known is None:
            equal.append(f"{name} IS NULL")
            continue
        beyond = f"({name} {'<' if key.descending else '>'} ? OR {name} IS NULL)"
        branches.append(" AND ".join([*equal, beyond]))
        parameters += [*equal_values, known]
        equal.append(f"{name} = ?")
        equal_values.append(known)
    branches.append(" AND ".join([*equal, f"{last} > ?"]))
    where.add(" OR ".join(branches), *parameters, *equal_values, after[-1])
