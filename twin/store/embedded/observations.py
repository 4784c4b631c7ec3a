"""Time series: sorted history and a small keyed hot table, read as one.

The two never hold the same ``(stream, phenomenon_time)``, so that reading is a plain UNION ALL.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

import pyarrow as pa

from twin.errors import BadInput
from twin.model import DATASTREAMS, OBSERVATION_SCHEMA, Collection, FieldType
from twin.store.contract import ObservationQuery, Principal
from twin.store.embedded.catalogue import Catalogue
from twin.store.embedded.engine import Database
from twin.store.embedded.features import add_region, table
from twin.store.embedded.sql import Where, add_condition, naive, quote, text

_COUNTS_KEPT = 1024
_JOINED = (
    pa.field("object_collection", pa.string()),
    pa.field("object_id", pa.string()),
    pa.field("observed_property", pa.string()),
    pa.field("unit", pa.string()),
    pa.field("geometry", pa.binary()),
)
_OBSERVATION = {
    "phenomenon_time": FieldType.DATETIME,
    "result_time": FieldType.DATETIME,
    "result": FieldType.NUMBER,
    "result_text": FieldType.STRING,
    "quality": FieldType.INTEGER,
    "quality_reason": FieldType.STRING,
}
_COLUMNS = {
    "datastream": ("s.id", FieldType.STRING),
    **{name: (f"o.{name}", kind) for name, kind in _OBSERVATION.items()},
    **{
        name: (f"s.{name}", FieldType.STRING)
        for name in ("object_collection", "object_id", "observed_property", "unit")
    },
}


def current(collection: str) -> str:
    """Return the SQL of the current observations of a collection, as a relation."""
    return f"(FROM {quote('history', collection)} UNION ALL FROM {quote('hot', collection)})"


class Observations:
    """Reads observations; see :class:`twin.store.contract.ObservationQuery`."""

    def __init__(self, database: Database, catalogue: Catalogue) -> None:
        self._database = database
        self._catalogue = catalogue
        self._counts: OrderedDict[tuple[int, ObservationQuery], int] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, query: ObservationQuery, principal: Principal) -> pa.RecordBatchReader:
        """Stream the observations of a query, ordered by datastream id, then phenomenon time."""
        self._collection(query, principal)
        extra = _JOINED if query.joined else ()
        schema = pa.schema([*OBSERVATION_SCHEMA, *extra])
        streams, where = _selection(query)
        if query.after is not None:
            datastream, instant = query.after
            before, beyond = ("<", "<") if query.descending else (">", ">")
            streams.add(f"s.id {before}= ?", datastream)
            where.add(f"s.id {before} ? OR o.phenomenon_time {beyond} ?", datastream, naive(instant))
        names = ", ".join(
            ["s.id AS datastream", *(f"o.{name}" for name in _OBSERVATION), *(f"s.{field.name}" for field in extra)]
        )
        direction = "DESC" if query.descending else "ASC"
        order = f"s.rank {direction}, o.phenomenon_time {direction}, o.result_time {direction}"
        page = f"LIMIT {'ALL' if query.limit is None else int(query.limit)} OFFSET {int(query.offset)}"
        sql = f"{_with(query, streams)} SELECT {names} {_from(query, where)} ORDER BY {order} {page}"
        return self._database.stream(sql, [*streams.parameters, *where.parameters], schema)

    def count(self, query: ObservationQuery, principal: Principal) -> int:
        """Return how many observations a query has, its paging left aside."""
        collection = self._collection(query, principal)
        plain = query.model_copy(
            update={"limit": None, "offset": 0, "after": None, "descending": False, "joined": False}
        )
        if plain == ObservationQuery(collection=query.collection):
            return collection.count
        key = (collection.revision, plain)
        with self._lock:
            if key in self._counts:
                self._counts.move_to_end(key)
                return self._counts[key]
        streams, where = _selection(plain)
        sql = f"{_with(plain, streams)} SELECT count(*) FROM (SELECT s.id {_from(plain, where)})"
        found = int(self._database.rows(sql, [*streams.parameters, *where.parameters])[0][0])
        with self._lock:
            self._counts[key] = found
            if len(self._counts) > _COUNTS_KEPT:
                self._counts.popitem(last=False)
        return found

    def _collection(self, query: ObservationQuery, principal: Principal) -> Collection:
        collection = self._catalogue.collection(query.collection, principal)
        if collection.kind != "timeseries":
            raise BadInput(f"{collection.id} is a collection of kind {collection.kind}: it has no observations.")
        return collection


def _selection(query: ObservationQuery) -> tuple[Where, Where]:
    streams, where = Where(), Where()
    for name, values in (
        ("id", query.datastreams),
        ("object_id", query.objects),
        ("observed_property", query.observed_properties),
    ):
        if values is not None:
            streams.add(f"s.{name} IN ({', '.join('?' * len(values))})" if values else "FALSE", *values)
    if query.region is not None:
        add_region(streams, query.region, "s.")
    if query.time is not None:
        if query.time.start is not None:
            where.add("o.phenomenon_time >= ?", naive(query.time.start))
        if query.time.end is not None:
            where.add("o.phenomenon_time <= ?", naive(query.time.end))
    if query.good_only:
        where.add("o.quality = 0")
    for condition in query.where:
        on_stream = condition.field in _COLUMNS and condition.field not in _OBSERVATION
        add_condition(streams if on_stream else where, condition, _COLUMNS)
    return streams, where


def _with(query: ObservationQuery, streams: Where) -> str:
    collection = query.collection
    source = quote("superseded", collection) if query.superseded else current(collection)
    # Ranked by id: sorting observations then compares an integer, not a text, and keys stay as first given.
    return (
        "WITH s AS MATERIALIZED (SELECT *, row_number() OVER (ORDER BY id) AS rank FROM ("
        "SELECT k.key, s.id, s.object_collection, s.object_id, s.observed_property, s.unit, s.geometry "
        f"FROM {table(DATASTREAMS)} AS s JOIN main.stream AS k ON k.id = s.id AND k.collection = s.timeseries "
        f"WHERE s.revision_to IS NULL AND s.timeseries = {text(collection)} AND {streams})), "
        f"o AS (FROM {source})"
    )


def _from(query: ObservationQuery, where: Where) -> str:
    latest = "QUALIFY row_number() OVER (PARTITION BY o.stream ORDER BY o.phenomenon_time DESC) = 1"
    return f"FROM o JOIN s ON o.stream = s.key WHERE {where} {latest if query.latest else ''}"
