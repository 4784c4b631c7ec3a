"""A commit of features: staged files become versions, by difference with what the source gave before."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from twin.errors import BadInput
from twin.model import LOOKED_AT, Collection, FieldType
from twin.store.embedded import edits
from twin.store.embedded.engine import Cursor, one
from twin.store.embedded.extent import extent
from twin.store.embedded.features import table
from twin.store.embedded.sql import quote, text, utc
from twin.tables import feature_schema

_SQL_TYPES = {
    FieldType.STRING: "VARCHAR",
    FieldType.INTEGER: "BIGINT",
    FieldType.NUMBER: "DOUBLE",
    FieldType.BOOLEAN: "BOOLEAN",
    FieldType.DATE: "DATE",
    FieldType.DATETIME: "TIMESTAMP",
}
_STANDING = ("id", "valid_from", "valid_to", "geometry")


def check_files(files: list[Path], expected: pa.Schema, what: str) -> None:
    """Refuse a staged file whose columns are not exactly those of `expected`, in whatever order.

    Raises
    ------
    BadInput
        Naming the file and the column.
    """
    for file in files:
        try:
            found = pq.read_schema(file)
        except (OSError, pa.ArrowException) as error:
            raise BadInput(f"{what}: the staged file {file.name} cannot be read as Parquet.") from error
        for field in expected:
            if field.name not in found.names:
                raise BadInput(f"{what}: the staged file {file.name} has no column {field.name!r}.")
            if (kind := found.field(field.name).type) != field.type:
                raise BadInput(f"{what}: {file.name}: column {field.name!r} is {kind}; {field.type} is expected.")
        if unknown := set(found.names) - set(expected.names):
            raise BadInput(f"{what}: {file.name}: column {min(unknown)!r} is not in the collection's fields.")


def file_list(files: list[Path]) -> str:
    """Return the list of files as SQL; a table function takes no parameters."""
    return "[" + ", ".join(text(str(file)) for file in files) + "]"


def ensure_table(cursor: Cursor, known: Collection | None, collection: Collection) -> None:
    """Create the table of a collection, or add the columns of its new fields.

    Raises
    ------
    BadInput
        When a field would change its type.
    """
    if known is None:
        cursor.execute(
            f"CREATE TABLE IF NOT EXISTS {table(collection.id)} ("
            'id VARCHAR NOT NULL, valid_from TIMESTAMP, valid_to TIMESTAMP, geometry GEOMETRY, "row" BIGINT NOT NULL, '
            "xmin DOUBLE, ymin DOUBLE, xmax DOUBLE, ymax DOUBLE, source VARCHAR NOT NULL, "
            "revision_from BIGINT NOT NULL, revision_to BIGINT)"
        )
    rows = cursor.execute(f"DESCRIBE {table(collection.id)}").fetchall()
    types = {row[0]: row[1] for row in rows}
    for field in collection.fields:
        wanted = _SQL_TYPES[field.type]
        if field.name not in types:
            cursor.execute(f"ALTER TABLE {table(collection.id)} ADD COLUMN {quote(field.name)} {wanted}")
        elif types[field.name] != wanted:
            raise BadInput(
                f"{collection.id}: the field {field.name!r} was stored as {types[field.name]} and is now {field.type}: "
                f"give it another name, or erase the collection first (twin remove {collection.id} --history)."
            )


def replace(
    cursor: Cursor, collection: Collection, source: str, files: list[Path], revision: int, *, scope: str | None = None
) -> bool:
    """Make the staged features all that `source` gives to the collection; return whether anything changed.

    Versions that are found again as they were stay untouched, so that a row number and a revision
    always mean the same. `scope` is a further SQL condition on what is taken away; ``FALSE`` adds
    and updates only, the identity being then the id alone.

    Raises
    ------
    BadInput
        When an identity comes twice, belongs to another source, or a row cannot be stored.
    """
    name = collection.id
    stage(cursor, collection, files)
    if scope is None:
        edits.set_aside(cursor, name)
        _check_owner(cursor, name, source)
    fields = [quote(field) for field in (*_STANDING, *(field.name for field in collection.fields))]
    same = " AND ".join(f"kept.{field} IS NOT DISTINCT FROM staged.{field}" for field in fields)
    current = f"kept.revision_to IS NULL AND kept.source = {text(source)} AND {edits.untouched(name, 'kept')}"
    if scope is not None:
        updated = "kept.revision_to IS NULL AND kept.id IN (SELECT id FROM staged)"
        current = f"({current} AND {scope}) OR ({updated})"
    cursor.execute(
        f'CREATE OR REPLACE TEMP TABLE gone AS SELECT "row" FROM {table(name)} AS kept '
        f"WHERE ({current}) AND NOT EXISTS (FROM staged WHERE kept.id = staged.id AND {same})"
    )
    cursor.execute(
        f"DELETE FROM staged WHERE EXISTS (FROM {table(name)} AS kept "
        f"WHERE ({current}) AND kept.id = staged.id AND {same})"
    )
    counts = one(cursor, "SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM staged)")
    if counts != (0, 0):
        cursor.execute(f'UPDATE {table(name)} SET revision_to = ? WHERE "row" IN (SELECT "row" FROM gone)', [revision])
        cursor.execute(
            f"INSERT INTO {table(name)} BY NAME SELECT *, nextval('feature_row') AS \"row\", "
            f"{text(source)} AS source, {int(revision)} AS revision_from FROM staged"
        )
    return counts != (0, 0)


def stage(cursor: Cursor, collection: Collection, files: list[Path]) -> None:
    """Read staged files into the temporary table ``staged``, as the table of the collection holds them.

    Raises
    ------
    BadInput
        When a row cannot be stored.
    """
    check_files(files, feature_schema(collection.fields), collection.id)
    columns = ["id", f"{utc('valid_from')} AS valid_from", f"{utc('valid_to')} AS valid_to"]
    for field in collection.fields:
        name = quote(field.name)
        if field.type is FieldType.DATETIME:
            columns.append(f"{utc(name)} AS {name}")
        elif field.type is FieldType.NUMBER:
            # A number that is not one is an absent value: JSON and GIS files have no other way to say it.
            columns.append(f"CASE WHEN isnan({name}) THEN NULL ELSE {name} END AS {name}")
        else:
            columns.append(name)
    box = ", ".join(f"ST_{side}(geometry) AS {side.lower()}" for side in ("XMin", "YMin", "XMax", "YMax"))
    source = f"read_parquet({file_list(files)})" if files else _no_rows(collection)
    try:
        cursor.execute(
            f"CREATE OR REPLACE TEMP TABLE staged AS SELECT *, {box} FROM ("
            f"SELECT {', '.join(columns)}, ST_GeomFromWKB(geometry) AS geometry FROM {source})"
        )
    except (duckdb.InvalidInputException, duckdb.ConversionException) as error:
        reason = str(error).splitlines()[0]
        raise BadInput(f"{collection.id}: a geometry cannot be stored ({reason}).") from error
    _check_rows(cursor, collection.id)


def _no_rows(collection: Collection) -> str:
    columns = ["NULL::VARCHAR AS id", "NULL::TIMESTAMPTZ AS valid_from", "NULL::TIMESTAMPTZ AS valid_to"]
    for field in collection.fields:
        kind = "TIMESTAMPTZ" if field.type is FieldType.DATETIME else _SQL_TYPES[field.type]
        columns.append(f"NULL::{kind} AS {quote(field.name)}")
    return f"(SELECT {', '.join(columns)}, NULL::BLOB AS geometry WHERE FALSE)"


def _check_rows(cursor: Cursor, name: str) -> None:
    if cursor.execute("SELECT 1 FROM staged WHERE id IS NULL OR id = '' LIMIT 1").fetchone():
        raise BadInput(f"{name}: a feature has no id.")
    row = cursor.execute(
        "SELECT id FROM staged GROUP BY id, valid_from HAVING count(*) > 1 ORDER BY id LIMIT 1"
    ).fetchone()
    if row:
        raise BadInput(f"{name}: the id {row[0]!r} comes twice with the same valid_from; an identity is unique.")
    row = cursor.execute("SELECT id FROM staged WHERE valid_to < valid_from ORDER BY id LIMIT 1").fetchone()
    if row:
        raise BadInput(f"{name}: the feature {row[0]!r} ends before it starts (valid_to is before valid_from).")
    row = cursor.execute(
        "SELECT id FROM staged WHERE geometry IS NOT NULL AND NOT (isfinite(xmin) AND isfinite(xmax) "
        "AND isfinite(ymin) AND isfinite(ymax)) ORDER BY id LIMIT 1"
    ).fetchone()
    if row:
        raise BadInput(f"{name}: the geometry of {row[0]!r} has a coordinate that is not finite.")


def _check_owner(cursor: Cursor, name: str, source: str) -> None:
    row = cursor.execute(
        f"SELECT kept.id, kept.source FROM {table(name)} AS kept JOIN staged ON kept.id = staged.id "
        "AND kept.valid_from IS NOT DISTINCT FROM staged.valid_from "
        "WHERE kept.revision_to IS NULL AND kept.source <> ? ORDER BY kept.id LIMIT 1",
        [source],
    ).fetchone()
    if row:
        raise BadInput(
            f"{name}: the id {row[0]!r} is already given by the source {row[1]!r}: one object has one source. "
            "Make the ids differ, for instance with a prefix."
        )


def measured(cursor: Cursor, collection: Collection, seen: str = "TRUE") -> Collection:
    """Return the collection with the extent, time and count of its current features, of those that are `seen`."""
    current = f"{table(collection.id)} WHERE revision_to IS NULL AND {seen}"
    count, first, last, ended, sources = one(
        cursor,
        "SELECT count(*), min(valid_from), max(valid_to), count(*) = count(valid_to), "
        f"list(DISTINCT source ORDER BY source) FROM {current}",
    )
    return collection.model_copy(
        update={
            "count": count,
            "extent": extent(cursor, current, collection.crs),
            "temporal": None if first is None else (aware(first), aware(last) if ended else None),
            "sources": tuple(sources or ()),
            "leading": _leading(cursor, collection, current),
        }
    )


def _leading(cursor: Cursor, collection: Collection, current: str) -> tuple[int, ...]:
    """Return the rows that know, as few of them as a greedy choice takes, what no first row alone tells."""
    known = ["geometry IS NOT NULL", "valid_from IS NOT NULL", "valid_to IS NOT NULL"]
    for field in collection.fields:
        name = quote(field.name)
        # What is not finite is served as null.
        known.append(f"coalesce(isfinite({name}), FALSE)" if field.type is FieldType.NUMBER else f"{name} IS NOT NULL")
    anywhere = ", ".join(f"coalesce(bool_or({test}), FALSE)" for test in known)
    wanted = _true(one(cursor, f"SELECT {anywhere} FROM {current}"))
    first = _true(one(cursor, f'SELECT {anywhere} FROM (FROM {current} ORDER BY "row" LIMIT {LOOKED_AT})'))
    if wanted <= first:
        return ()
    rows: list[int] = []
    while wanted and len(rows) < LOOKED_AT:
        told = " + ".join(f"({known[place]})::INT" for place in sorted(wanted))
        row, *tests = one(
            cursor, f'SELECT "row", {", ".join(known)} FROM {current} ORDER BY {told} DESC, "row" LIMIT 1'
        )
        rows.append(row)
        wanted -= _true(tests)
    return tuple(rows)


def _true(tests: Iterable[bool]) -> set[int]:
    return {place for place, test in enumerate(tests) if test}


def aware(instant: datetime) -> datetime:
    """Return an instant of a table, naive UTC, as an aware one."""
    return instant.replace(tzinfo=UTC)
