"""Ids of items where an object has several versions: GeoJSON wants each item its own.

The last version of an object bears the object's id, unless the object was deleted; a former one
bears ``<id>@<valid_from>`` (``<id>@..`` where its start is unknown). QGIS and ArcGIS drop features whose id they have
already.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from ogc_api.features.geojson import instants
from twin.model import Collection
from twin.store import FeatureQuery, Principal, Store

#: Between the parts of the id of a former version, or of an observation.
SEPARATOR = "@"
UNKNOWN = ".."


type _Key = tuple[str, frozenset[str]]


class Versions:
    """Knows which rows of each collection, as a principal sees it, are former versions; found once per revision."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._former: dict[_Key, tuple[int, pa.Array]] = {}
        self._deleted: dict[_Key, tuple[int, frozenset[str]]] = {}
        self._lock = threading.Lock()

    def with_item_ids(self, table: pa.Table, collection: Collection, principal: Principal) -> pa.Table:
        """Return a table of features, its ids made those of items."""
        former = self._rows(collection, principal)
        if not len(former) or not table.num_rows:
            return table
        table = table.combine_chunks()
        starts = pc.fill_null(pa.concat_arrays([instants(chunk) for chunk in table["valid_from"].chunks]), UNKNOWN)
        named = pc.binary_join_element_wise(table["id"].combine_chunks(), starts, SEPARATOR)
        ids = pc.if_else(pc.is_in(table["row"], value_set=former), named, table["id"])
        return table.set_column(table.column_names.index("id"), "id", ids)

    def deleted(self, collection: Collection, principal: Principal) -> frozenset[str]:
        """Return the ids of the objects that were deleted: their last version too is a former one."""
        key = (collection.id, principal.hidden)
        with self._lock:
            revision, ids = self._deleted.get(key, (None, frozenset[str]()))
        if revision != collection.revision:
            ids = frozenset(self._store.features.deleted(collection.id, principal))
            with self._lock:
                self._deleted[key] = (collection.revision, ids)
        return ids

    def _rows(self, collection: Collection, principal: Principal) -> pa.Array:
        key = (collection.id, principal.hidden)
        with self._lock:
            revision, rows = self._former.get(key, (None, None))
        if revision != collection.revision:
            asked = FeatureQuery(collection=collection.id, columns=(), with_geometry=False)
            table = self._store.features.read(asked, principal).read_all()
            rows = former_rows(table)
            if ids := self.deleted(collection, principal):
                gone = table.filter(pc.is_in(table["id"], value_set=pa.array(sorted(ids), pa.string())))
                rows = pa.concat_arrays([rows, gone["row"].combine_chunks()])
            with self._lock:
                self._former[key] = (collection.revision, rows)
        return rows


def former_rows(table: pa.Table) -> pa.Array:
    """Return the ``row`` of each version that is not the last of its object, by start then by row."""
    if pc.count_distinct(table["id"]).as_py() == table.num_rows:
        return pa.array([], pa.int64())
    starts = table["valid_from"]
    # An unknown start is before any other.
    known = pc.fill_null(starts, pa.scalar(datetime(1, 1, 1, tzinfo=UTC), starts.type))
    ordered = pa.table({"id": table["id"], "start": known, "row": table["row"]}).sort_by(
        [(name, "ascending") for name in ("id", "start", "row")]
    )
    same = pc.equal(ordered["id"].slice(0, table.num_rows - 1), ordered["id"].slice(1))
    return ordered["row"].slice(0, table.num_rows - 1).filter(same).combine_chunks()
