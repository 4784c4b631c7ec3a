"""Which objects are observed, and the order in which their collection counts them."""

from __future__ import annotations

from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from twin.context import Twin
from twin.errors import NotFound
from twin.store import Condition, FeatureQuery, Principal
from twin.tables import DATASTREAMS


class Objects:
    """The observed objects of a twin, remembered until a revision changes them."""

    def __init__(self, twin: Twin) -> None:
        self._twin = twin
        self._order = lru_cache(maxsize=32)(self._read_order)
        self._streams = lru_cache(maxsize=32)(self._read_streams)

    def datastreams(
        self, timeseries: str, observed_property: str | None, object_collection: str | None, principal: Principal
    ) -> pa.Table:
        """Return the datastreams of a time series, ordered by object.

        None takes every property, or every collection; objects of a collection that `principal`
        cannot know of are left out. Columns: id, object_collection, object_id, observed_property.
        """
        try:
            revision = self._twin.store.catalogue.collection(DATASTREAMS, principal).revision
        except NotFound:
            revision = 0
        table = self._streams(timeseries, revision, principal)
        if observed_property is not None:
            table = table.filter(pc.equal(table["observed_property"], observed_property))
        if object_collection is not None:
            table = table.filter(pc.equal(table["object_collection"], object_collection))
        return table

    def rows(self, collection: str, ids: pa.ChunkedArray, principal: Principal) -> pa.ChunkedArray:
        """Return the place of each object in the order of its collection, null for one that is not there."""
        revision = self._twin.store.catalogue.collection(collection, principal).revision
        return pc.index_in(ids, value_set=self._order(collection, revision, principal))

    def _read_order(self, collection: str, revision: int, principal: Principal) -> pa.Array:
        """Return the distinct ids of a collection, ascending: an object's index here is its row everywhere."""
        query = FeatureQuery(collection=collection, columns=(), with_geometry=False)
        ids = self._twin.store.features.read(query, principal).read_all()["id"]
        distinct = pc.unique(ids)
        return distinct.take(pc.array_sort_indices(distinct))

    def _read_streams(self, timeseries: str, revision: int, principal: Principal) -> pa.Table:
        columns = ("object_collection", "object_id", "observed_property")
        schema = pa.schema([(name, pa.string()) for name in ("id", *columns)])
        if not revision:
            return schema.empty_table()
        query = FeatureQuery(
            collection=DATASTREAMS,
            where=(Condition(field="timeseries", value=timeseries),),
            columns=columns,
            with_geometry=False,
        )
        table = self._twin.store.features.read(query, principal).read_all().select(schema.names)
        seen = {collection.id for collection in self._twin.store.catalogue.collections(principal)}
        table = table.filter(pc.is_in(table["object_collection"], value_set=pa.array(sorted(seen), pa.string())))
        return table.sort_by([("object_id", "ascending"), ("observed_property", "ascending")])
