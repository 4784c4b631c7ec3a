"""Which streams an observation query meets, and how many observations of each: what paging stands on.

Observations are ordered by the id of their datastream. With the count of each stream known, a page
far into millions of rows is a look at the few streams that it falls in, and the total is exact.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.model import FieldType
from twin.store.embedded.engine import Cursor
from twin.store.embedded.features import table
from twin.store.embedded.filters import add_filter
from twin.store.embedded.sql import Where, naive, quote, text
from twin.store.filters import Filter, Logic, Spatial, properties
from twin.store.queries import ObservationQuery
from twin.tables import DATASTREAMS, Quality

_KEPT = 256
#: Paging is no part of what is selected; nor is what only the observations show, when they are not counted.
_UNPAGED = {"limit": None, "offset": 0, "after": None, "descending": False, "joined": False}
_UNCOUNTED = {"time": None, "good_only": False, "superseded": False, "latest": False}

OBSERVATION_FIELDS = {
    "phenomenon_time": FieldType.DATETIME,
    "result_time": FieldType.DATETIME,
    "result": FieldType.NUMBER,
    "result_text": FieldType.STRING,
    "quality": FieldType.INTEGER,
    "quality_reason": FieldType.STRING,
}
_STREAM_FIELDS = ("object_collection", "object_id", "observed_property", "unit")
_COLUMNS = {
    "datastream": ("s.id", FieldType.STRING),
    **{name: (f"o.{name}", kind) for name, kind in OBSERVATION_FIELDS.items()},
    "quality_name": (f"[{', '.join(text(q.name.lower()) for q in Quality)}][o.quality + 1]", FieldType.STRING),
    **{name: (f"s.{name}", FieldType.STRING) for name in _STREAM_FIELDS},
}
#: The fields of a filter that an observation has of its own.
OBSERVED = frozenset({*OBSERVATION_FIELDS, "quality_name"})
#: Every stream of a time series, as the parameters of the query; ``s`` in the clauses of :func:`clauses`.
STREAMS = (
    f"(SELECT k.key, d.* FROM {table(DATASTREAMS)} AS d JOIN main.stream AS k "
    "ON k.id = d.id AND k.collection = d.timeseries WHERE d.revision_to IS NULL AND d.timeseries = ?) AS s"
)


def current(collection: str) -> str:
    """Return the SQL of the current observations of a collection, as a relation."""
    return f"(FROM {quote('history', collection)} UNION ALL FROM {quote('hot', collection)})"


def observations(query: ObservationQuery) -> str:
    """Return the SQL of the observations that a query is about, as a relation."""
    return quote("superseded", query.collection) if query.superseded else current(query.collection)


def clauses(query: ObservationQuery) -> tuple[Where, Where]:
    """Return what a query asks of the streams, ``s``, and of their observations, ``o``."""
    streams, where = Where(), Where()
    for name, values in (
        ("id", query.datastreams),
        ("object_id", query.objects),
        ("observed_property", query.observed_properties),
    ):
        if values is not None:
            streams.add(f"s.{name} IN ({', '.join('?' * len(values))})" if values else "FALSE", *values)
    if query.region is not None:
        add_filter(streams, Spatial(relation="intersects", right=query.region), _COLUMNS, "s.")
    if query.time is not None:
        if query.time.start is not None:
            where.add("o.phenomenon_time >= ?", naive(query.time.start))
        if query.time.end is not None:
            where.add("o.phenomenon_time <= ?", naive(query.time.end))
    if query.good_only:
        where.add("o.quality = 0")
    for node in _conjuncts(query.where):
        names = properties(node)
        if names <= OBSERVED:
            add_filter(where, node, _COLUMNS)
        elif names.isdisjoint(OBSERVED):
            add_filter(streams, node, _COLUMNS, "s.")
        else:
            both = Where()
            add_filter(both, node, _COLUMNS, "s.")
            where.add(f"EXISTS (FROM {STREAMS} WHERE s.key = o.stream AND {both})", query.collection, *both.parameters)
    return streams, where


def _conjuncts(filters: tuple[Filter, ...]) -> Iterator[Filter]:
    """Yield what must all hold, one by one: each is asked of the streams or of the observations alone if it can be."""
    for node in filters:
        if isinstance(node, Logic) and node.operator == "and":
            yield from _conjuncts(node.filters)
        else:
            yield node


def unpaged(query: ObservationQuery) -> ObservationQuery:
    """Return a query without its paging and presentation."""
    return query.model_copy(update=_UNPAGED)


@dataclass(frozen=True)
class Selection:
    """The streams of a query, ordered by id; ``ends[i]`` observations come before stream ``i`` ends."""

    ids: list[str]
    keys: list[int]
    ends: NDArray[np.int64] | None

    @property
    def total(self) -> int:
        """How many observations there are."""
        return int(self.ends[-1]) if self.ends is not None and self.ends.size else 0

    def page(self, query: ObservationQuery) -> tuple[list[int], int]:
        """Return the keys of the streams that the page of `query` falls in, and its offset in them."""
        ends = self.ends
        if ends is None:
            return self.keys, query.offset
        ids, keys = self.ids, self.keys
        if query.descending:
            ids, keys, ends = ids[::-1], keys[::-1], np.cumsum(np.diff(ends, prepend=0)[::-1])
        first, skipped = 0, 0
        if query.after is not None:
            # The stream of the cursor counts for nothing: how much of it is left is not known.
            side = bisect_left if not query.descending else bisect_right
            place = side(self.ids, query.after[0])
            first = place if not query.descending else len(ids) - place
            skipped = int(ends[first]) if first < len(ids) and ids[first] == query.after[0] else _before(ends, first)
        last = len(keys)
        if query.limit is not None:
            last = int(np.searchsorted(ends, skipped + query.offset + query.limit)) + 1
        offset = query.offset
        if query.after is None and offset:
            first = int(np.searchsorted(ends, offset, side="right"))
            offset -= _before(ends, first)
        return keys[first:last], offset


def _before(ends: NDArray[np.int64], place: int) -> int:
    return int(ends[place - 1]) if place else 0


class Selections:
    """Selections kept per revision of the store, the least recently used forgotten."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, bool, ObservationQuery], Selection] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, cursor: Cursor, query: ObservationQuery, *, counted: bool) -> Selection:
        """Return the selection of a query as the transaction of `cursor` sees it."""
        row = cursor.execute("SELECT value FROM meta WHERE key = 'revision'").fetchone()
        plain = unpaged(query) if counted else unpaged(query).model_copy(update=_UNCOUNTED)
        key = (int(row[0]) if row else 0, counted, plain)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        found = _selected(cursor, plain, counted=counted)
        with self._lock:
            self._kept[key] = found
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return found


def _selected(cursor: Cursor, query: ObservationQuery, *, counted: bool) -> Selection:
    streams, where = clauses(query)
    parameters = [query.collection, *streams.parameters]
    if not counted:
        rows = cursor.execute(f"SELECT s.id, s.key FROM {STREAMS} WHERE {streams} ORDER BY s.id", parameters)
        ids, keys = _columns(rows.fetchall(), 2)
        return Selection(ids, keys, None)
    number = "1" if query.latest else "count(*)"
    rows = cursor.execute(
        f"WITH s AS MATERIALIZED (SELECT s.id, s.key FROM {STREAMS} WHERE {streams}), "
        f"n AS (SELECT o.stream, {number} AS n FROM {observations(query)} AS o WHERE {where} "
        "AND o.stream IN (SELECT key FROM s) GROUP BY o.stream) "
        "SELECT s.id, s.key, n.n FROM s JOIN n ON n.stream = s.key ORDER BY s.id",
        [*parameters, *where.parameters],
    )
    ids, keys, counts = _columns(rows.fetchall(), 3)
    return Selection(ids, keys, np.cumsum(np.asarray(counts, dtype=np.int64)))


def _columns(rows: list[tuple[object, ...]], count: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(count)]
