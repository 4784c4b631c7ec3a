"""The index of one collection at one revision."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta

import numpy as np
import orjson
from numpy.typing import NDArray

from ogc_api.features.fields import item_properties
from ogc_api.features.index.envelopes import Envelopes, Numbers
from ogc_api.features.index.order import Order
from ogc_api.features.index.properties import Properties
from ogc_api.features.index.strings import Strings
from ogc_api.features.page import Page
from ogc_api.features.query import ItemsQuery, Selection
from ogc_api.features.regions import Region
from twin.crs import CRS84
from twin.time import TimeSpan

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ALWAYS, NEVER = np.iinfo(np.int64).min, np.iinfo(np.int64).max
#: Selections kept for the pages that follow, in bytes.
_KEPT_BYTES = 16_000_000
#: Features that are looked through in much less than a millisecond.
_QUICK = 50_000

#: Asks the store for the rows of a query, in any order: int64, shape (count,).
type Rows = Callable[[ItemsQuery], NDArray[np.int64]]


@dataclass(frozen=True)
class Arrays:
    """What an index keeps in memory, one value a feature, in the order of the store's rows.

    Attributes
    ----------
    rows
        The store's numbers of the rows, ascending.
    born, ended
        Lifespans in microseconds of UTC; ``ALWAYS`` and ``NEVER`` where unknown.
    names
        Hashes of the ids of the items.
    placeless
        Which have no geometry.
    bounds, connected
        See :class:`~ogc_api.features.index.envelopes.Envelopes`.
    """

    rows: NDArray[np.int64]
    born: NDArray[np.int64]
    ended: NDArray[np.int64]
    names: NDArray[np.int64]
    placeless: NDArray[np.bool_]
    bounds: NDArray[np.float64]
    connected: NDArray[np.bool_]

    @classmethod
    def joined(cls, parts: Sequence[Arrays]) -> Arrays:
        """Return the arrays of all the parts, at least one, end to end."""
        return cls(
            **{field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)}
        )


class CollectionIndex:
    """Answers pages and items of one collection, in the bytes that the store's own answer is encoded to.

    Parameters
    ----------
    texts
        The GeoJSON features, each with a comma after it.
    shapes
        Their geometries as WKB in the CRS of storage.
    properties
        What simple filters compare.
    rows
        Which rows any other filter keeps is the store's to say, once; the index has their texts.
    """

    def __init__(self, texts: Strings, shapes: Strings, properties: Properties, arrays: Arrays, rows: Rows) -> None:
        self._rows_of = rows
        self._texts, self._shapes, self._properties = texts, shapes, properties
        self._rows, self._born, self._ended = arrays.rows, arrays.born, arrays.ended
        order = np.argsort(arrays.names, kind="stable").astype(np.int32)
        self._names, self._named = arrays.names[order], order
        self._envelopes = Envelopes(arrays.bounds, arrays.connected)
        self._placeless = np.flatnonzero(arrays.placeless).astype(np.int32)
        self._selected: OrderedDict[Selection, Numbers | None] = OrderedDict()
        self._selected_bytes = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return int(self._rows.size)

    @property
    def nbytes(self) -> int:
        """Bytes that stay in memory; the texts and the shapes are a file's."""
        arrays = (self._rows, self._born, self._ended, self._names, self._named, self._placeless)
        offsets = self._texts.offsets.nbytes + self._shapes.offsets.nbytes
        return sum(array.nbytes for array in arrays) + offsets + self._envelopes.nbytes

    def is_quick(self, query: ItemsQuery) -> bool:
        """Whether a page takes so little that it may be made between two other requests."""
        if query.selection is None or query.selection in self._selected:
            return True
        if query.where and self._properties.cost(query.where) * len(self) > 5 * _QUICK:
            return False
        if query.nowhere or len(self) <= _QUICK:
            return True
        if query.region is None:
            return len(self) <= 10 * _QUICK
        return self._envelopes.count_near(query.region.outer) <= _QUICK

    def page(self, query: ItemsQuery) -> Page:
        """Return the page of a query that :func:`is_answerable`."""
        found = self._select(query)
        matched = len(self) if found is None else int(found.size)
        order = Order(self._numbers(query.leading))
        start = min(query.offset, matched) if query.last is None else self._after(query, found, order)
        stop = min(start + query.limit, matched)
        if start == stop:
            return Page(b"", matched, 0, None)
        if found is None:
            runs = order.runs(start, stop)
            last = runs[-1][1] - 1
            spans = [self._texts.span(*run) for run in runs]
            features = spans[0] if len(spans) == 1 else memoryview(b"".join(spans))
        else:
            last = int(found[stop - 1])
            features = self._texts.gather(found[start:stop])
        after = (*query.leading, int(self._rows[last])) if stop < matched else None
        return Page(features[:-1], matched, stop - start, after)

    def item(self, item_id: str) -> bytes | None:
        """Return the feature of an id; None when there is none, or when the id can be read in two ways."""
        name = hash(item_id)
        opening = b'{"type":"Feature","id":%s,"geometry":' % orjson.dumps(item_id)
        found = []
        at = int(self._names.searchsorted(name))
        while at < len(self) and self._names[at] == name:
            text = self._texts[int(self._named[at])]
            if text.startswith(opening):
                found.append(text)
            at += 1
        return found[0][:-1] if len(found) == 1 else None

    def _numbers(self, rows: tuple[int, ...]) -> list[int]:
        """Return the numbers of those of the rows that are there."""
        places = np.searchsorted(self._rows, rows).tolist() if rows else []
        return [at for at, row in zip(places, rows, strict=True) if at < len(self) and self._rows[at] == row]

    def _after(self, query: ItemsQuery, found: Numbers | None, order: Order) -> int:
        (row,) = query.last or ()
        assert isinstance(row, int)  # noqa: S101 - see is_answerable
        if row in query.leading:
            return len(self._numbers(query.leading[: query.leading.index(row) + 1]))
        at = int(np.searchsorted(self._rows, max(ALWAYS, min(row, NEVER)), "right"))
        return order.after(at) if found is None else int(np.searchsorted(found, at))

    def _select(self, query: ItemsQuery) -> Numbers | None:
        """Return the numbers of the features selected, ascending; None for all of them."""
        key = query.selection
        if key is None:
            return None
        with self._lock:
            if key in self._selected:
                self._selected.move_to_end(key)
                return self._selected[key]
        found = self._found(query)
        found = None if found is not None and found.size == len(self) else found
        with self._lock:
            self._selected[key] = found
            self._selected_bytes += _size(found)
            while self._selected_bytes > _KEPT_BYTES and len(self._selected) > 1:
                self._selected_bytes -= _size(self._selected.popitem(last=False)[1])
        return found

    def _found(self, query: ItemsQuery) -> Numbers | None:
        if self._properties.cost(query.where) == math.inf:
            return self._told(query)
        near = self._searched(query)
        return self._properties.kept(query.where, near) if query.where else near

    def _told(self, query: ItemsQuery) -> Numbers:
        rows = np.sort(self._rows_of(query))
        found = np.searchsorted(self._rows, rows)
        if not np.array_equal(self._rows[np.minimum(found, len(self) - 1)], rows):
            raise RuntimeError(f"The store gave rows of {query.collection.id} that it had not given before.")
        return found.astype(np.int32)

    def _searched(self, query: ItemsQuery) -> Numbers | None:
        found: Numbers | None = None
        if query.nowhere:
            found = self._placeless
        elif query.region is not None:
            found = np.concatenate([self._meeting(query.region), self._placeless])
            found.sort()
        if query.time is not None:
            lives = self._living(found, query.time)
            found = np.flatnonzero(lives).astype(np.int32) if found is None else found[lives]
        return found

    def _meeting(self, region: Region) -> Numbers:
        sure, doubtful = self._envelopes.search(region)
        if doubtful.size:
            met = region.meets([self._shapes[number] for number in doubtful.tolist()])
            sure = np.concatenate([sure, doubtful[met]])
        return sure

    def _living(self, found: Numbers | None, time: TimeSpan) -> NDArray[np.bool_]:
        chosen = slice(None) if found is None else found
        lives = np.ones(len(self) if found is None else found.size, bool)
        if time.end is not None:
            lives &= self._born[chosen] <= microseconds(time.end)
        if time.start is not None:
            lives &= self._ended[chosen] > microseconds(time.start)
        return lives


def is_answerable(query: ItemsQuery) -> bool:
    """Whether a query asks for nothing but what an index has: CRS84, every property, the store's own order."""
    if query.last is not None and not (len(query.last) == 1 and type(query.last[0]) is int):
        return False
    plain = query.crs == CRS84 and query.with_geometry and not query.sort
    if not plain or query.properties != item_properties(query.collection):
        return False
    return query.region is None or query.region.is_sound


def microseconds(instant: datetime) -> int:
    """Return an instant as microseconds since 1970 in UTC."""
    return (instant - EPOCH) // timedelta(microseconds=1)


def _size(found: Numbers | None) -> int:
    return 512 + (0 if found is None else found.nbytes)
