"""A commit of observations: what is new is added, what differs is a correction, the former value kept."""

from __future__ import annotations

from pathlib import Path

from twin.errors import BadInput
from twin.model import (
    DATASTREAM_FIELDS,
    DATASTREAMS,
    OBSERVATION_SCHEMA,
    Collection,
    Kind,
    Licence,
    Text,
    feature_schema,
)
from twin.store.contract import StagedSeries
from twin.store.embedded.catalogue import stored
from twin.store.embedded.engine import Cursor
from twin.store.embedded.feature_commit import aware, check_files, crs84_box, ensure_table, file_list, replace
from twin.store.embedded.features import table
from twin.store.embedded.selection import current
from twin.store.embedded.sql import quote, text

#: Batches of up to this many rows go through the keyed hot table, which is folded when it reaches the second.
_SMALL = 5_000
_FOLD = 200_000
#: History is sorted anew when this many sorted runs were appended and they weigh a quarter of it.
_RUNS = 16

_TABLE = (
    "stream INTEGER NOT NULL, phenomenon_time TIMESTAMP NOT NULL, result_time TIMESTAMP NOT NULL, "
    "result DOUBLE, result_text VARCHAR, quality UTINYINT NOT NULL, quality_reason VARCHAR"
)
_NAMES = "stream, phenomenon_time, result_time, result, result_text, quality, quality_reason"
_CONTENT = ("result", "result_text", "quality", "quality_reason")
_ORDER = "stream, phenomenon_time"


def datastreams_collection(crs: str) -> Collection:
    """Return the collection that lists the datastreams of every time series."""
    return Collection(
        id=DATASTREAMS,
        kind=Kind.FEATURES,
        title=Text(fr="Flux de mesures", en="Datastreams"),
        description=Text(
            fr="Chaque série de mesures : l'objet observé, la propriété observée et son unité.",
            en="Every series of measurements: the object observed, the property observed and its unit.",
        ),
        fields=DATASTREAM_FIELDS,
        crs=crs,
        licence=Licence(title="Licence of each time series", attribution="Jumeau"),
        producer="Jumeau",
    )


def ensure_series(cursor: Cursor, collection: str) -> None:
    """Create the tables of a time series."""
    for schema in ("history", "superseded"):
        cursor.execute(f"CREATE TABLE IF NOT EXISTS {quote(schema, collection)} ({_TABLE})")
    cursor.execute(f"CREATE TABLE IF NOT EXISTS {quote('hot', collection)} ({_TABLE}, PRIMARY KEY ({_ORDER}))")
    cursor.execute("INSERT INTO series VALUES (?, 0, 0, 0) ON CONFLICT DO NOTHING", [collection])


def add_datastreams(cursor: Cursor, part: StagedSeries, files: list[Path], crs: str, revision: int) -> bool:
    """Add or update the datastreams of a series; return whether any changed.

    Raises
    ------
    BadInput
        When a datastream belongs to another time series, or names one that is not its own.
    """
    name = part.collection.id
    known, _published = stored(cursor, DATASTREAMS)
    listing = datastreams_collection(crs)
    ensure_table(cursor, known, listing)
    if files:
        check_files(files, feature_schema(DATASTREAM_FIELDS), DATASTREAMS)
        row = cursor.execute(
            f"SELECT id FROM read_parquet({file_list(files)}) WHERE timeseries IS DISTINCT FROM ? LIMIT 1", [name]
        ).fetchone()
        if row:
            raise BadInput(f"{name}: the datastream {row[0]!r} does not say that it belongs to this time series.")
        row = cursor.execute(
            f"SELECT f.id, k.collection FROM read_parquet({file_list(files)}) AS f JOIN stream AS k USING (id) "
            "WHERE k.collection <> ? LIMIT 1",
            [name],
        ).fetchone()
        if row:
            raise BadInput(f"{name}: the datastream {row[0]!r} belongs to the time series {row[1]!r} already.")
    scope = f"kept.timeseries = {text(name)}" if part.replace else "FALSE"
    changed = replace(cursor, listing, part.source, files, revision, scope=scope)
    cursor.execute(
        "INSERT INTO stream SELECT nextval('stream_key'), ?, id FROM "
        f"(SELECT id FROM {table(DATASTREAMS)} WHERE revision_to IS NULL AND timeseries = ? "
        "AND id NOT IN (SELECT id FROM stream) ORDER BY id)",
        [name, name],
    )
    return changed


def owned_streams(cursor: Cursor, part: StagedSeries) -> list[int]:
    """Return the keys of the streams that the source of `part` gives to its time series."""
    known, _published = stored(cursor, DATASTREAMS)
    if known is None:
        return []
    rows = cursor.execute(
        f"SELECT DISTINCT k.key FROM {table(DATASTREAMS)} AS d JOIN stream AS k USING (id) "
        "WHERE d.revision_to IS NULL AND d.source = ? AND d.timeseries = ? AND k.collection = d.timeseries",
        [part.source, part.collection.id],
    ).fetchall()
    return [row[0] for row in rows]


def add_observations(cursor: Cursor, part: StagedSeries, files: list[Path], owned: list[int]) -> bool:
    """Merge staged observations in the series; return whether anything changed.

    Parameters
    ----------
    owned
        Keys of the streams whose observations are taken away first (``replace``).

    Raises
    ------
    BadInput
        When the files are not as :data:`~twin.model.OBSERVATION_SCHEMA`, or name an unknown datastream.
    """
    name = part.collection.id
    _stage(cursor, name, files)
    if part.replace:
        if _equals(cursor, name, owned):
            cursor.execute("DROP TABLE arriving; DROP TABLE late")
            return False
        for schema in ("history", "hot", "superseded"):
            cursor.execute(f"DELETE FROM {quote(schema, name)} WHERE list_contains(?, stream)", [owned])
    changed = _merge(cursor, name) or (part.replace and bool(owned))
    cursor.execute("DROP TABLE arriving; DROP TABLE late")
    return changed


def _stage(cursor: Cursor, name: str, files: list[Path]) -> None:
    check_files(files, OBSERVATION_SCHEMA, name)
    rows = f"read_parquet({file_list(files)})" if files else "(SELECT NULL AS datastream WHERE FALSE)"
    if not files:
        cursor.execute(f"CREATE OR REPLACE TEMP TABLE arriving ({_TABLE})")
    else:
        row = cursor.execute(
            f"SELECT f.datastream FROM {rows} AS f ANTI JOIN (FROM stream WHERE collection = ?) AS k "
            "ON f.datastream = k.id LIMIT 1",
            [name],
        ).fetchone()
        if row:
            raise BadInput(f"{name}: an observation names the datastream {row[0]!r}, which was not declared.")
        cursor.execute(
            "CREATE OR REPLACE TEMP TABLE arriving AS SELECT DISTINCT k.key AS stream, "
            "timezone('UTC', f.phenomenon_time) AS phenomenon_time, timezone('UTC', f.result_time) AS result_time, "
            "CASE WHEN isnan(f.result) THEN NULL ELSE f.result END AS result, f.result_text, f.quality, "
            f"f.quality_reason FROM {rows} AS f JOIN (FROM stream WHERE collection = ?) AS k ON f.datastream = k.id",
            [name],
        )
    # Of several values for one instant the one with the latest result_time is current.
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE late AS FROM arriving "
        f"WHERE ({_ORDER}) IN (SELECT ({_ORDER}) FROM arriving GROUP BY ALL HAVING count(*) > 1) "
        f"QUALIFY row_number() OVER (PARTITION BY {_ORDER} ORDER BY result_time DESC, result DESC, result_text) > 1"
    )
    cursor.execute(
        "DELETE FROM arriving USING late WHERE "
        + " AND ".join(f"arriving.{column} IS NOT DISTINCT FROM late.{column}" for column in _NAMES.split(", "))
    )


def _equals(cursor: Cursor, name: str, owned: list[int]) -> bool:
    columns = f"{_ORDER}, {', '.join(_CONTENT)}"
    held = f"SELECT {columns} FROM {current(name)} WHERE list_contains($1, stream)"
    row = cursor.execute(
        f"SELECT (SELECT count(*) FROM ({held})) = (SELECT count(*) FROM arriving) "
        f"AND NOT EXISTS (SELECT {columns} FROM arriving EXCEPT {held})",
        [owned],
    ).fetchone()
    return row == (True,)


def _merge(cursor: Cursor, name: str) -> bool:
    same = " AND ".join(f"a.{column} IS NOT DISTINCT FROM c.{column}" for column in _CONTENT)
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE verdict AS SELECT a.*, c.stream IS NOT NULL AS known, "
        f"c.stream IS NOT NULL AND {same} AS same, c.stream IS NOT NULL AND a.result_time < c.result_time AS older "
        f"FROM arriving AS a LEFT JOIN {current(name)} AS c USING ({_ORDER})"
    )
    cursor.execute(f"INSERT INTO late SELECT {_NAMES} FROM verdict WHERE older AND NOT same")
    cursor.execute("DELETE FROM verdict WHERE same OR older")
    row = cursor.execute("SELECT count(*), count(*) FILTER (known) FROM verdict").fetchone()
    assert row is not None  # noqa: S101 - an aggregate always has a row
    rows, corrections = row
    superseded = quote("superseded", name)
    kept = cursor.execute(f"SELECT count(*) FROM {superseded}").fetchone()
    if corrections:
        cursor.execute(
            f"INSERT INTO late SELECT {_NAMES} FROM {current(name)} AS c "
            f"SEMI JOIN (FROM verdict WHERE known) AS v USING ({_ORDER})"
        )
    cursor.execute(f"INSERT INTO {superseded} (FROM late EXCEPT FROM {superseded})")
    if rows <= _SMALL:
        _upsert_hot(cursor, name, corrections)
    else:
        _append(cursor, name, corrections)
    cursor.execute("DROP TABLE verdict")
    return rows > 0 or kept != cursor.execute(f"SELECT count(*) FROM {superseded}").fetchone()


def _upsert_hot(cursor: Cursor, name: str, corrections: int) -> None:
    hot = quote("hot", name)
    if corrections:
        _delete(cursor, quote("history", name))
    cursor.execute(
        f"INSERT INTO {hot} SELECT {_NAMES} FROM verdict ON CONFLICT ({_ORDER}) DO UPDATE SET "
        "result_time = excluded.result_time, " + ", ".join(f"{column} = excluded.{column}" for column in _CONTENT)
    )
    held = cursor.execute(f"SELECT count(*) FROM {hot}").fetchone()
    if held is not None and held[0] > _FOLD:
        _append_run(cursor, name, f"SELECT {_NAMES} FROM {hot}", held[0])
        # Dropped, not emptied: an index keeps deleted keys for as long as an older reader lives.
        cursor.execute(f"DROP TABLE {hot}")
        ensure_series(cursor, name)


def _append(cursor: Cursor, name: str, corrections: int) -> None:
    if corrections:
        _delete(cursor, quote("history", name))
        _delete(cursor, quote("hot", name))
    row = cursor.execute("SELECT count(*) FROM verdict").fetchone()
    _append_run(cursor, name, f"SELECT {_NAMES} FROM verdict", row[0] if row else 0)


def _delete(cursor: Cursor, relation: str) -> None:
    cursor.execute(
        f"DELETE FROM {relation} AS h USING verdict AS v "
        "WHERE v.known AND h.stream = v.stream AND h.phenomenon_time = v.phenomenon_time"
    )


def _append_run(cursor: Cursor, name: str, rows: str, count: int) -> None:
    history = quote("history", name)
    cursor.execute(f"INSERT INTO {history} {rows} ORDER BY {_ORDER}")
    cursor.execute(
        "UPDATE series SET sorted_rows = sorted_rows + if(sorted_rows = 0, $1, 0), "
        "added_rows = added_rows + if(sorted_rows = 0, 0, $1), added_runs = added_runs + if(sorted_rows = 0, 0, 1) "
        "WHERE collection = $2",
        [count, name],
    )
    state = cursor.execute(
        "SELECT added_runs >= ? AND added_rows * 4 >= sorted_rows FROM series WHERE collection = ?", [_RUNS, name]
    ).fetchone()
    if state == (True,):
        cursor.execute(f"CREATE TEMP TABLE anew AS FROM {history} ORDER BY {_ORDER}")
        cursor.execute(f"DROP TABLE {history}")
        ensure_series(cursor, name)
        cursor.execute(f"INSERT INTO {history} FROM anew; DROP TABLE anew")
        cursor.execute(
            "UPDATE series SET sorted_rows = sorted_rows + added_rows, added_rows = 0, added_runs = 0 "
            "WHERE collection = ?",
            [name],
        )


def measured(cursor: Cursor, collection: Collection) -> Collection:
    """Return the collection with the extent, time and count of its observations."""
    count_row = cursor.execute(
        f"SELECT count(*), min(phenomenon_time), max(phenomenon_time) FROM {current(collection.id)}"
    ).fetchone()
    box = cursor.execute(
        f"SELECT min(xmin), min(ymin), max(xmax), max(ymax) FROM {table(DATASTREAMS)} "
        "WHERE revision_to IS NULL AND timeseries = ?",
        [collection.id],
    ).fetchone()
    assert count_row is not None and box is not None  # noqa: S101, PT018 - aggregates always have a row
    count, first, last = count_row
    return collection.model_copy(
        update={
            "count": count,
            "extent": crs84_box(list(box), collection.crs),
            "temporal": None if first is None else (aware(first), aware(last)),
        }
    )
