"""Time series: sorted history and a small keyed hot table, read as one.

The two never hold the same ``(stream, phenomenon_time)``, so that reading is a plain UNION ALL.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from twin.errors import BadInput
from twin.model import Collection
from twin.store.embedded.aggregates import schema, statement
from twin.store.embedded.catalogue import Catalogue
from twin.store.embedded.engine import Cursor, Database, Statement
from twin.store.embedded.features import unhidden
from twin.store.embedded.selection import (
    OBSERVATION_FIELDS,
    STREAMS,
    Selection,
    Selections,
    clauses,
    observations,
    unpaged,
)
from twin.store.embedded.sql import Where, naive
from twin.store.queries import AggregateQuery, ObservationQuery, Principal
from twin.tables import OBSERVATION_SCHEMA

#: A whole series is sorted and handed over so many rows at a time, so that memory does not grow with it.
_GROUP_ROWS = 2_000_000
_FEW = 32
_JOINED = (
    pa.field("object_collection", pa.string()),
    pa.field("object_id", pa.string()),
    pa.field("observed_property", pa.string()),
    pa.field("unit", pa.string()),
    pa.field("geometry", pa.binary()),
)


class Observations:
    """Reads observations; see :class:`twin.store.queries.ObservationQuery`."""

    def __init__(self, database: Database, catalogue: Catalogue) -> None:
        self._database = database
        self._catalogue = catalogue
        self._selections = Selections()

    def read(self, query: ObservationQuery, principal: Principal) -> pa.RecordBatchReader:
        """Stream the observations of a query, ordered by datastream id, then phenomenon time."""
        collection = self._collection(query, principal)
        query = _seen(query, principal)
        extra = _JOINED if query.joined else ()
        names = [f"o.{name}" for name in OBSERVATION_FIELDS] + [f"s.{field.name}" for field in extra]
        where = Where()
        if query.after is not None:
            datastream, instant = query.after
            before, beyond = ("<", "<") if query.descending else (">", ">")
            where.add(
                f"s.id {before} ? OR (s.id = ? AND o.phenomenon_time {beyond} ?)",
                datastream,
                datastream,
                naive(instant),
            )
        direction = "DESC" if query.descending else "ASC"

        def statements(cursor: Cursor) -> Iterator[Statement]:
            for keys, offset in self._groups(cursor, query, collection):
                listed = ", ".join(map(str, keys)) or "NULL"
                # Few streams are looked up in the sorted history; a long list would be tried on each of its rows.
                few = f"o.stream IN ({listed})" if len(keys) <= _FEW else "o.stream IN (SELECT key FROM s)"
                chosen, parameters = _chosen(query, few)
                yield (
                    f"WITH s AS MATERIALIZED (SELECT *, row_number() OVER (ORDER BY id) AS rank FROM {STREAMS} "
                    f"WHERE s.key IN ({listed})) "
                    f"SELECT s.id AS datastream, {', '.join(names)} FROM {chosen} AS o "
                    f"JOIN s ON o.stream = s.key WHERE {where} "
                    f"ORDER BY s.rank {direction}, o.phenomenon_time {direction}, o.result_time {direction} "
                    f"LIMIT {'ALL' if query.limit is None else int(query.limit)} OFFSET {offset}",
                    [query.collection, *parameters, *where.parameters],
                )

        return self._database.stream(statements, pa.schema([*OBSERVATION_SCHEMA, *extra]))

    def count(self, query: ObservationQuery, principal: Principal) -> int:
        """Return how many observations a query has, its paging left aside."""
        collection = self._collection(query, principal)
        query = _seen(query, principal)
        if unpaged(query) == ObservationQuery(collection=query.collection):
            return collection.count
        with self._database.snapshot() as cursor:
            return self._selections.find(cursor, query, counted=True).total

    def aggregate(self, query: AggregateQuery, principal: Principal) -> pa.RecordBatchReader:
        """Stream statistics of observations; see :class:`twin.store.queries.AggregateQuery`."""
        self._collection(query.select, principal)
        query = query.model_copy(update={"select": _seen(query.select, principal)})

        def statements(cursor: Cursor) -> Iterator[Statement]:
            keys = self._selections.find(cursor, query.select, counted=False).keys
            yield statement(query, keys)

        return self._database.stream(statements, schema(query))

    def _groups(
        self, cursor: Cursor, query: ObservationQuery, collection: Collection
    ) -> Iterator[tuple[list[int], int]]:
        """Yield the keys of the streams to read together, and the rows to pass over in them."""
        paged = query.limit is not None or query.offset
        bounded = query.latest or (query.time is not None and query.time.is_instant)
        whole = not paged and not bounded and collection.count > _GROUP_ROWS
        selection = self._selections.find(cursor, query, counted=bool(paged or whole))
        if whole and selection.ends is not None:
            yield from _split(selection, query)
        else:
            yield selection.page(query)

    def _collection(self, query: ObservationQuery, principal: Principal) -> Collection:
        collection = self._catalogue.collection(query.collection, principal)
        if collection.kind != "timeseries":
            raise BadInput(f"{collection.id} is a collection of kind {collection.kind}: it has no observations.")
        return collection


def _seen(query: ObservationQuery, principal: Principal) -> ObservationQuery:
    """Leave out what was observed of objects that `principal` cannot know of."""
    return query.model_copy(update={"where": (*query.where, *unhidden(principal, "object_collection"))})


def _chosen(query: ObservationQuery, streams: str) -> tuple[str, list[Any]]:
    """Return the observations of some streams that a query is about, as a relation, its cursor left aside."""
    _, where = clauses(query)
    source = f"{observations(query)} AS o WHERE {streams} AND {where}"
    if not query.latest:
        return f"(SELECT o.* FROM {source})", where.parameters
    # The last instants first, then their rows: a window over every row takes several times as long.
    last = f"SELECT o.stream, max(o.phenomenon_time) FROM {source} GROUP BY o.stream"
    return (
        f"(SELECT o.* FROM {source} AND (o.stream, o.phenomenon_time) IN ({last}) "
        "QUALIFY row_number() OVER (PARTITION BY o.stream ORDER BY o.result_time DESC) = 1)",
        [*where.parameters, *where.parameters],
    )


def _split(selection: Selection, query: ObservationQuery) -> Iterator[tuple[list[int], int]]:
    keys, _ = selection.page(query)
    places = {key: place for place, key in enumerate(selection.keys)}
    assert selection.ends is not None  # noqa: S101 - asked for with its counts
    counts = np.diff(selection.ends, prepend=0)
    group: list[int] = []
    rows = 0
    for key in keys:
        group.append(key)
        rows += int(counts[places[key]])
        if rows >= _GROUP_ROWS:
            yield group, 0
            group, rows = [], 0
    if group:
        yield group, 0
