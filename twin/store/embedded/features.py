"""City objects and their versions: one table a collection, read by query."""

from __future__ import annotations

import threading
from collections import OrderedDict

import pyarrow as pa

from twin.errors import BadInput
from twin.model import Collection, FieldType
from twin.store.embedded.catalogue import Catalogue
from twin.store.embedded.engine import Database
from twin.store.embedded.filters import add_filter
from twin.store.embedded.sql import Where, add_after, column, naive, order_by, quote
from twin.store.filters import Condition, Spatial
from twin.store.queries import FeatureQuery, Principal
from twin.tables import DATASTREAMS, FEATURE_COLUMNS

_COUNTS_KEPT = 1024
_ROW = pa.field("row", pa.int64(), nullable=False)


def table(collection: str) -> str:
    """Return the quoted name of the table of a collection."""
    return quote("feature", collection)


class Features:
    """Reads features; see :class:`twin.store.queries.FeatureQuery` for what is asked and answered."""

    def __init__(self, database: Database, catalogue: Catalogue) -> None:
        self._database = database
        self._catalogue = catalogue
        self._counts: OrderedDict[tuple[int, FeatureQuery], int] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, query: FeatureQuery, principal: Principal) -> pa.RecordBatchReader:
        """Stream the features of a query."""
        collection = self._collection(query, principal)
        query = _seen(query, principal)
        schema = answer_schema(collection, query)
        columns = _columns(collection)
        where = _where(query, columns)
        if query.after is not None:
            add_after(where, query.sort, query.after, columns, '"row"', query.leading)
        names = ", ".join(quote(name) for name in schema.names)
        source = f"FROM {table(collection.id)} WHERE {where}"
        # A scan gives rows in the order of "row" by itself, so a whole stream needs no sort.
        if query.limit is None and not query.offset and not query.sort and not query.leading:
            sql = f"SELECT {names} {source}"
            return self._database.stream(lambda _: iter([(sql, where.parameters)]), schema)
        order = order_by(query.sort, columns, '"row"', query.leading)
        page = f'SELECT "row" {source} ORDER BY {order} LIMIT {_limit(query.limit)} OFFSET {int(query.offset)}'
        sql = f'SELECT {names} FROM {table(collection.id)} SEMI JOIN ({page}) USING ("row") ORDER BY {order}'
        return self._database.stream(lambda _: iter([(sql, where.parameters)]), schema)

    def count(self, query: FeatureQuery, principal: Principal) -> int:
        """Return how many features a query has, its paging left aside."""
        collection = self._collection(query, principal)
        plain = _seen(query, principal).model_copy(
            update={
                **{"limit": None, "offset": 0, "after": None, "sort": (), "leading": ()},
                **{"columns": None, "with_geometry": True},
            }
        )
        key = (collection.revision, plain)
        with self._lock:
            if key in self._counts:
                self._counts.move_to_end(key)
                return self._counts[key]
        where = _where(plain, _columns(collection))
        found = int(
            self._database.rows(f"SELECT count(*) FROM {table(collection.id)} WHERE {where}", where.parameters)[0][0]
        )
        with self._lock:
            self._counts[key] = found
            if len(self._counts) > _COUNTS_KEPT:
                self._counts.popitem(last=False)
        return found

    def deleted(self, collection: str, principal: Principal) -> tuple[str, ...]:
        """Return the ids of the objects whose life was ended by an edit, ascending."""
        self._catalogue.collection(collection, principal)
        rows = self._database.rows("SELECT id FROM edited WHERE collection = ? AND deleted ORDER BY id", [collection])
        return tuple(row[0] for row in rows)

    def _collection(self, query: FeatureQuery, principal: Principal) -> Collection:
        collection = self._catalogue.collection(query.collection, principal)
        if collection.kind != "features":
            raise BadInput(f"{collection.id} is a collection of kind {collection.kind}: it has no features.")
        return collection


def _seen(query: FeatureQuery, principal: Principal) -> FeatureQuery:
    """Leave out the datastreams of what `principal` cannot know of: a time series, or the objects observed."""
    if query.collection != DATASTREAMS or not principal.hidden:
        return query
    return query.model_copy(update={"where": (*query.where, *unhidden(principal, "timeseries", "object_collection"))})


def unhidden(principal: Principal, *fields: str) -> tuple[Condition, ...]:
    """Return the conditions that leave out what names, in one of `fields`, a collection hidden from `principal`."""
    return tuple(
        Condition(field=field, operator="<>", value=name) for field in fields for name in sorted(principal.hidden)
    )


def answer_schema(collection: Collection, query: FeatureQuery) -> pa.Schema:
    """Return the schema of the answer to `query`."""
    chosen = collection.fields
    if query.columns is not None:
        asked = [name for name in query.columns if collection.field(name) is None]
        if asked:
            raise BadInput(f"{collection.id} has no field {asked[0]!r}.")
        chosen = tuple(field for field in collection.fields if field.name in query.columns)
    standing = [field for field in FEATURE_COLUMNS if query.with_geometry or field.name != "geometry"]
    return pa.schema([*standing, *(pa.field(field.name, field.type.arrow) for field in chosen), _ROW])


def _columns(collection: Collection) -> dict[str, tuple[str, FieldType]]:
    fields = {field.name: (quote(field.name), field.type) for field in collection.all_fields}
    return {"id": (quote("id"), FieldType.STRING), **fields}


def _where(query: FeatureQuery, columns: dict[str, tuple[str, FieldType]]) -> Where:
    where = Where()
    if query.revision is None:
        where.add("revision_to IS NULL")
    else:
        where.add("revision_from <= ? AND (revision_to IS NULL OR revision_to > ?)", query.revision, query.revision)
    if query.ids is not None:
        where.add(f"id IN ({', '.join('?' * len(query.ids))})" if query.ids else "FALSE", *query.ids)
    if query.time is not None:
        if query.time.end is not None:
            where.add("valid_from IS NULL OR valid_from <= ?", naive(query.time.end))
        if query.time.start is not None:
            where.add("valid_to IS NULL OR valid_to > ?", naive(query.time.start))
    for node in query.where:
        add_filter(where, node, columns)
    if query.region is not None:
        add_filter(where, Spatial(relation="intersects", right=query.region), columns)
    for key in query.sort:
        column(columns, key.field)
    return where


def _limit(limit: int | None) -> str:
    return "ALL" if limit is None else str(int(limit))
