"""Items out of the store: one page, one item. Every way in (the door, pygeoapi's provider) ends here."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from ogc_api.features.geojson import encode_features, instants
from ogc_api.features.index import CollectionIndex, Indexes, is_answerable
from ogc_api.features.page import Page
from ogc_api.features.query import ItemsQuery
from ogc_api.features.read_ahead import BLOCK_ROWS, Block, ReadAhead
from ogc_api.features.versions import SEPARATOR, UNKNOWN, Versions, former_rows
from twin.context import Twin
from twin.errors import BadInput, NotFound
from twin.model import Collection, Kind
from twin.store import FeatureQuery, ObservationQuery, Principal, Scalar
from twin.tables import Quality
from twin.time import TimeSpan, parse_instant


class ItemsService:
    """Reads items for one principal, at one revision of the catalogue: by an index, else out of the store."""

    def __init__(self, twin: Twin, principal: Principal, versions: Versions, indexes: Indexes | None = None) -> None:
        self._twin = twin
        self._indexes = indexes
        self._versions_of = versions
        self._principal = principal
        self._ahead = ReadAhead()

    def page(self, query: ItemsQuery) -> Page:
        """Return one page, with the exact number of items that the query has."""
        if (index := self._index(query)) is not None:
            return index.page(query)
        block = self._ahead.find(query) or self._read(query)
        rows = block.table.slice(block.start, query.limit + 1)
        more = rows.num_rows > query.limit
        rows = rows.slice(0, query.limit)
        after = _cursor(rows, query) if more else None
        if after is not None:
            self._ahead.keep(query, block, after)
        return Page(self.encode(rows, query), block.matched, rows.num_rows, after)

    def item(self, query: ItemsQuery, item_id: str) -> bytes:
        """Return one GeoJSON feature; `query` says how it is to be given.

        Raises
        ------
        NotFound
            When the collection has no such item.
        """
        index = self._index(query)
        if index is not None and (text := index.item(item_id)) is not None:
            return text
        read = self.version if query.collection.kind is Kind.FEATURES else self._observation
        table = read(query, item_id)
        if not table.num_rows:
            raise NotFound(f"The collection {query.collection.id!r} has no item {item_id!r}.")
        return self.encode(table, query, item_id)

    def index_of(self, collection: Collection) -> CollectionIndex | None:
        """Return the index of a collection, when there is one already."""
        return None if self._indexes is None else self._indexes.find(collection, self._principal)

    def wait_for_index(self, collection: Collection) -> CollectionIndex | None:
        """Return the index of a collection once it is made; None when it cannot be."""
        return None if self._indexes is None else self._indexes.ready(collection, self._principal)

    def _index(self, query: ItemsQuery) -> CollectionIndex | None:
        index = self.index_of(query.collection)
        return index if index is not None and is_answerable(query) else None

    def _read(self, query: ItemsQuery) -> Block:
        """Read a page, or a whole block when a client follows `next`; one row more tells what comes after."""
        wanted = query.limit if query.after is None else max(query.limit, BLOCK_ROWS)
        if query.collection.kind is Kind.FEATURES:
            features = feature_query(query, wanted + 1)
            reader = self._twin.store.features.read(features, self._principal)
            matched = self._twin.store.features.count(features, self._principal)
        else:
            observations = observation_query(query, wanted + 1)
            reader = self._twin.store.observations.read(observations, self._principal)
            matched = self._twin.store.observations.count(observations, self._principal)
        table = reader.read_all()
        return Block(table, matched, last=table.num_rows <= wanted)

    def version(self, query: ItemsQuery, item_id: str) -> pa.Table:
        """Return the last version of an object, or the one that the id names by its start of life; or no row."""
        table = self._versions(query, item_id)
        if item_id in self._versions_of.deleted(query.collection, self._principal):
            return table.slice(0, 0)
        if not table.num_rows and SEPARATOR in item_id:
            identity, _, start = item_id.rpartition(SEPARATOR)
            return self._started(self._versions(query, identity), start)
        if table.num_rows > 1:
            table = table.filter(pc.invert(pc.is_in(table["row"], value_set=former_rows(table))))
        return table

    def versioned(self, query: ItemsQuery, item_id: str) -> tuple[int, bytes]:
        """Return the number of a version of an object, and the very version that it is of as GeoJSON.

        An index may be older by a commit than what the store answers: the two must not be mixed.

        Raises
        ------
        NotFound
            When the collection has no such item.
        """
        version = self.version(query, item_id)
        if not version.num_rows:
            raise NotFound(f"The collection {query.collection.id!r} has no item {item_id!r}.")
        return int(version["row"][0].as_py()), self.encode(version, query, item_id)

    @staticmethod
    def _started(table: pa.Table, start: str) -> pa.Table:
        starts = table["valid_from"]
        if start == UNKNOWN:
            return table.filter(pc.is_null(starts))
        try:
            return table.filter(pc.equal(starts, pa.scalar(parse_instant(start), starts.type)))
        except BadInput:
            return table.slice(0, 0)

    def _versions(self, query: ItemsQuery, identity: str) -> pa.Table:
        asked = FeatureQuery(collection=query.collection.id, ids=(identity,))
        return self._twin.store.features.read(asked, self._principal).read_all()

    def _observation(self, query: ItemsQuery, item_id: str) -> pa.Table:
        datastream, _, instant = item_id.rpartition(SEPARATOR)
        try:
            span = TimeSpan.at(parse_instant(instant))
        except BadInput:
            raise NotFound(
                f"{item_id!r} is no observation: its id is <datastream>{SEPARATOR}<phenomenon time>."
            ) from None
        asked = ObservationQuery(collection=query.collection.id, datastreams=(datastream,), time=span, joined=True)
        return self._twin.store.observations.read(asked, self._principal).read_all()

    def encode(self, table: pa.Table, query: ItemsQuery, item_id: str | None = None) -> bytes:
        """Return the features of a table as GeoJSON; `item_id` is the id of the one that was asked for."""
        collection = query.collection
        if collection.kind is Kind.TIMESERIES:
            table = _observations_as_items(table)
        elif item_id is None:
            table = self._versions_of.with_item_ids(table, collection, self._principal)
        else:
            table = table.set_column(table.column_names.index("id"), "id", pa.array([item_id], pa.string()))
        if not query.with_geometry and "geometry" in table.column_names:
            table = table.drop_columns(["geometry"])
        return encode_features(table, query.properties, collection.crs, query.crs)


def feature_query(query: ItemsQuery, limit: int) -> FeatureQuery:
    """Return what to ask of the features, at most `limit` of them."""
    keys = {key.field for key in query.sort}
    own = [field.name for field in query.collection.fields]
    return FeatureQuery(
        collection=query.collection.id,
        time=query.time,
        where=query.conditions,
        sort=query.sort,
        after=query.last,
        leading=query.leading,
        offset=0 if query.after else query.offset,
        limit=limit,
        columns=tuple(name for name in own if name in query.properties or name in keys),
        with_geometry=query.with_geometry,
    )


def observation_query(query: ItemsQuery, limit: int) -> ObservationQuery:
    """Return what to ask of the observations, at most `limit` of them."""
    return ObservationQuery.model_validate(
        {
            "collection": query.collection.id,
            "time": query.time,
            "where": query.conditions,
            "joined": True,
            "descending": any(key.descending for key in query.sort),
            "after": query.after,
            "offset": 0 if query.after else query.offset,
            "limit": limit,
        }
    )


def _cursor(table: pa.Table, query: ItemsQuery) -> tuple[Scalar, ...]:
    last = table.slice(table.num_rows - 1, 1)
    if query.collection.kind is Kind.TIMESERIES:
        return (last["datastream"][0].as_py(), last["phenomenon_time"][0].as_py())
    values = (last[key.field][0].as_py() for key in query.sort)
    return (*query.leading, *values, last["row"][0].as_py())


def _observations_as_items(table: pa.Table) -> pa.Table:
    """Give each observation its id, and its quality by name."""
    table = table.combine_chunks()
    names = pa.array([quality.name.lower() for quality in Quality], pa.string())
    times = table["phenomenon_time"]
    stamps = pa.chunked_array([instants(chunk) for chunk in times.chunks], pa.string())
    ids = pc.binary_join_element_wise(table["datastream"].cast(pa.string()), stamps, SEPARATOR)
    quality = names.take(table["quality"].cast(pa.int64()).combine_chunks())
    return table.append_column("id", ids).set_column(table.column_names.index("quality"), "quality", quality)
