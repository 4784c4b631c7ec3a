"""A commit of observations: what is new is added, what differs is a correction, the former value kept."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace as replace_fields
from datetime import datetime
from pathlib import Path

from twin.errors import BadInput
from twin.model import Collection, Kind, Licence, Text
from twin.store.commits import StagedSeries
from twin.store.embedded.catalogue import stored
from twin.store.embedded.engine import Cursor, one
from twin.store.embedded.extent import extent
from twin.store.embedded.feature_commit import aware, check_files, ensure_table, file_list, replace
from twin.store.embedded.features import table
from twin.store.embedded.selection import STREAMS, current
from twin.store.embedded.sql import quote, text, utc
from twin.tables import DATASTREAM_FIELDS, DATASTREAMS, OBSERVATION_SCHEMA, Quality, feature_schema

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


@dataclass(frozen=True)
class Change:
    """What a commit did to the observations of a series.

    ``added`` are new ones, between the instants ``first`` and ``last``; ``remade`` says that others
    were taken away, so that the series must be measured anew.
    """

    added: int = 0
    altered: bool = False
    remade: bool = False
    first: datetime | None = None
    last: datetime | None = None

    def __bool__(self) -> bool:
        """Whether anything changed."""
        return bool(self.added) or self.altered or self.remade


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


def add_observations(
    cursor: Cursor, name: str, files: list[Path], *, newest: datetime | None, owned: list[int] | None
) -> Change:
    """Merge staged observations in the series `name`.

    Parameters
    ----------
    newest
        The last instant that the series holds, or None when it is empty: what comes after needs
        no comparison with what is there.
    owned
        Keys of the streams whose observations are taken away first (``replace``); None adds.

    Raises
    ------
    BadInput
        When the files are not as :data:`~twin.tables.OBSERVATION_SCHEMA`, or name an unknown datastream.
    """
    arriving = _stage(cursor, name, files)
    if owned is not None:
        if _equals(cursor, name, owned):
            return Change()
        for schema in ("history", "hot", "superseded"):
            cursor.execute(f"DELETE FROM {quote(schema, name)} WHERE list_contains(?, stream)", [owned])
    if arriving.first is not None and newest is not None and arriving.first <= newest:
        change = _merge(cursor, name)
    else:
        change = Change(added=arriving.rows, altered=_supersede(cursor, name))
        _put(cursor, name, "arriving", arriving.rows)
    return replace_fields(change, first=arriving.first, last=arriving.last, remade=bool(owned))


@dataclass(frozen=True)
class _Arriving:
    rows: int
    first: datetime | None
    last: datetime | None


def _stage(cursor: Cursor, name: str, files: list[Path]) -> _Arriving:
    """Make the sorted table ``arriving``, one row an instant, and ``late`` with what gave way in it."""
    check_files(files, OBSERVATION_SCHEMA, name)
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE late ({_TABLE})")
    if not files:
        cursor.execute(f"CREATE OR REPLACE TEMP TABLE arriving ({_TABLE})")
        return _Arriving(0, None, None)
    rows = f"read_parquet({file_list(files)})"
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE arriving AS SELECT k.key AS stream, "
        f"{utc('f.phenomenon_time')} AS phenomenon_time, {utc('f.result_time')} AS result_time, "
        "CASE WHEN isnan(f.result) THEN NULL ELSE f.result END AS result, f.result_text, f.quality, "
        f"f.quality_reason FROM {rows} AS f LEFT JOIN (FROM stream WHERE collection = ?) AS k ON f.datastream = k.id "
        f"ORDER BY {_ORDER}",
        [name],
    )
    count, unknown, twice, first, last = one(
        cursor,
        "SELECT count(*), count(*) FILTER (stream IS NULL), count(*) FILTER (twice), min(phenomenon_time), "
        "max(phenomenon_time) FROM (SELECT *, stream = lag(stream) OVER () "
        "AND phenomenon_time = lag(phenomenon_time) OVER () AS twice FROM arriving)",
    )
    if unknown:
        (stranger,) = one(
            cursor,
            f"SELECT min(f.datastream) FROM {rows} AS f ANTI JOIN (FROM stream WHERE collection = ?) AS k "
            "ON f.datastream = k.id",
            [name],
        )
        raise BadInput(f"{name}: an observation names the datastream {stranger!r}, which was not declared.")
    if twice:
        count = _give_way(cursor)
    return _Arriving(count, aware(first) if first else None, aware(last) if last else None)


def _give_way(cursor: Cursor) -> int:
    """Keep, of several values for one instant, the one with the latest result time."""
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE ranked AS SELECT *, row_number() OVER (PARTITION BY {_ORDER} "
        "ORDER BY result_time DESC, result DESC, result_text, quality, quality_reason) AS place "
        "FROM (SELECT DISTINCT * FROM arriving)"
    )
    cursor.execute("DELETE FROM arriving")
    cursor.execute(f"INSERT INTO arriving SELECT {_NAMES} FROM ranked WHERE place = 1 ORDER BY {_ORDER}")
    cursor.execute(f"INSERT INTO late SELECT {_NAMES} FROM ranked WHERE place > 1")
    return int(one(cursor, "SELECT count(*) FROM arriving")[0])


def _equals(cursor: Cursor, name: str, owned: list[int]) -> bool:
    columns = f"{_ORDER}, {', '.join(_CONTENT)}"
    held = f"SELECT {columns} FROM {current(name)} WHERE list_contains($1, stream)"
    (equal,) = one(
        cursor,
        f"SELECT (SELECT count(*) FROM ({held})) = (SELECT count(*) FROM arriving) "
        f"AND NOT EXISTS (SELECT {columns} FROM arriving EXCEPT {held})",
        [owned],
    )
    return bool(equal)


def _merge(cursor: Cursor, name: str) -> Change:
    """Compare ``arriving`` with what the series holds: add, correct, or leave."""
    equal = {column: f"a.{column} IS NOT DISTINCT FROM c.{column}" for column in _CONTENT}
    # What a spatial test found since is not for a copy of the value to undo.
    unjudged = f"a.quality = {int(Quality.GOOD)} AND c.quality = {int(Quality.SPATIAL)}"
    judged = f"{equal['quality']} AND {equal['quality_reason']}"
    same = f"{equal['result']} AND {equal['result_text']} AND ({judged} OR {unjudged})"
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE verdict AS SELECT a.*, c.stream IS NOT NULL AS known, "
        f"c.stream IS NOT NULL AND {same} AS same, c.stream IS NOT NULL AND a.result_time < c.result_time AS older "
        f"FROM arriving AS a LEFT JOIN {current(name)} AS c USING ({_ORDER}) ORDER BY {_ORDER}"
    )
    cursor.execute(f"INSERT INTO late SELECT {_NAMES} FROM verdict WHERE older AND NOT same")
    cursor.execute("DELETE FROM verdict WHERE same OR older")
    rows, corrections = one(cursor, "SELECT count(*), count(*) FILTER (known) FROM verdict")
    if corrections:
        cursor.execute(
            f"INSERT INTO late SELECT {_NAMES} FROM {current(name)} AS c "
            f"SEMI JOIN (FROM verdict WHERE known) AS v USING ({_ORDER})"
        )
        for schema in ("history", "hot"):
            cursor.execute(
                f"DELETE FROM {quote(schema, name)} AS h USING verdict AS v "
                "WHERE v.known AND h.stream = v.stream AND h.phenomenon_time = v.phenomenon_time"
            )
    altered = _supersede(cursor, name) or bool(corrections)
    _put(cursor, name, "verdict", rows)
    return Change(added=rows - corrections, altered=altered)


def _supersede(cursor: Cursor, name: str) -> bool:
    """Keep what gave way, unless it is kept already; return whether any of it was news."""
    if one(cursor, "SELECT count(*) FROM late") == (0,):
        return False
    superseded = quote("superseded", name)
    (kept,) = one(cursor, f"SELECT count(*) FROM {superseded}")
    cursor.execute(f"INSERT INTO {superseded} (FROM late EXCEPT FROM {superseded})")
    return one(cursor, f"SELECT count(*) FROM {superseded}") != (kept,)


def _put(cursor: Cursor, name: str, rows: str, count: int) -> None:
    """Put the sorted rows of a relation, none of which the series holds, where they belong."""
    if count > _SMALL:
        _append(cursor, name, rows, count)
        return
    hot = quote("hot", name)
    cursor.execute(f"INSERT INTO {hot} SELECT {_NAMES} FROM {rows}")
    (held,) = one(cursor, f"SELECT count(*) FROM {hot}")
    if held > _FOLD:
        _append(cursor, name, f"(FROM {hot} ORDER BY {_ORDER})", held)
        # Dropped, not emptied: an index keeps deleted keys for as long as an older reader lives.
        cursor.execute(f"DROP TABLE {hot}")
        ensure_series(cursor, name)


def _append(cursor: Cursor, name: str, rows: str, count: int) -> None:
    """Append a sorted run to history, and sort history anew when runs have piled up."""
    history = quote("history", name)
    cursor.execute(f"INSERT INTO {history} SELECT {_NAMES} FROM {rows}")
    runs, added, whole = one(
        cursor,
        "UPDATE series SET sorted_rows = sorted_rows + if(sorted_rows = 0, $1, 0), "
        "added_rows = added_rows + if(sorted_rows = 0, 0, $1), added_runs = added_runs + if(sorted_rows = 0, 0, 1) "
        "WHERE collection = $2 RETURNING added_runs, added_rows, sorted_rows",
        [count, name],
    )
    if runs < _RUNS or added * 4 < whole:
        return
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE anew AS FROM {history} ORDER BY {_ORDER}")
    cursor.execute(f"DROP TABLE {history}")
    ensure_series(cursor, name)
    cursor.execute(f"INSERT INTO {history} FROM anew")
    cursor.execute(
        "UPDATE series SET sorted_rows = sorted_rows + added_rows, added_rows = 0, added_runs = 0 WHERE collection = ?",
        [name],
    )


def grown(collection: Collection, change: Change) -> Collection:
    """Return the collection with the observations that a change added to it."""
    if not change.added or change.first is None or change.last is None:
        return collection
    first, last = collection.temporal or (change.first, change.last)
    temporal = (min(first, change.first), max(last or change.last, change.last))
    return collection.model_copy(update={"count": collection.count + change.added, "temporal": temporal})


def measured(cursor: Cursor, collection: Collection, seen: str | None = None) -> Collection:
    """Return the collection with the extent, time and count of its observations, of those whose stream is `seen`."""
    chosen, parameters = "", []
    listed = f"{table(DATASTREAMS)} WHERE revision_to IS NULL AND timeseries = ?"
    if seen is not None:
        chosen, parameters = f"WHERE stream IN (SELECT s.key FROM {STREAMS} WHERE {seen})", [collection.id]
        listed = f"{listed} AND {seen}"
    count, first, last = one(
        cursor,
        f"SELECT count(*), min(phenomenon_time), max(phenomenon_time) FROM {current(collection.id)} {chosen}",
        parameters,
    )
    return collection.model_copy(
        update={
            "count": count,
            "extent": extent(cursor, listed, collection.crs, [collection.id]),
            "temporal": None if first is None else (aware(first), aware(last)),
        }
    )
