"""Makes the index of a collection in one pass over the store; what is read is let go batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

from ogc_api.features.fields import item_properties, queryables
from ogc_api.features.geojson import feature_texts
from ogc_api.features.index.collection import ALWAYS, NEVER, Arrays, CollectionIndex
from ogc_api.features.index.properties import PropertiesWriter
from ogc_api.features.index.strings import StringsWriter
from ogc_api.features.query import ItemsQuery
from ogc_api.features.versions import Versions
from twin.crs import CRS84
from twin.model import Collection
from twin.store import FeatureQuery, Principal, Store

_BATCH_ROWS = 8_192
_ONE_PIECE = (0, 1, 2, 3)  # shapely's type ids of points, lines, rings and polygons


class Abandoned(Exception):
    """The index is not wanted any more."""


def build(
    store: Store,
    principal: Principal,
    versions: Versions,
    collection: Collection,
    folder: Path,
    wanted: Callable[[], bool],
) -> CollectionIndex:
    """Return the index of `collection`, at its revision.

    Parameters
    ----------
    folder
        Where the encoded features are kept.
    wanted
        Asked now and then.

    Raises
    ------
    Abandoned
        When `wanted` says no.
    NotFound
        When the collection is no more.
    """
    properties = item_properties(collection)
    parts: list[Arrays] = []
    with (
        StringsWriter(folder) as texts,
        StringsWriter(folder) as shapes,
        PropertiesWriter(folder, {name: field.type for name, field in queryables(collection).items()}) as columns,
    ):
        for table in _tables(store, principal, collection):
            if not wanted():
                raise Abandoned
            named = versions.with_item_ids(table, collection, principal)
            encoded = feature_texts(named, properties, collection.crs, CRS84)
            texts.add(pc.binary_join_element_wise(encoded, *_large("", ",")))
            shapes.add(table["geometry"].combine_chunks())
            columns.add(table)
            parts.append(_part(named))
        kept = texts.strings(), shapes.strings(), columns.properties()
    arrays = Arrays.joined(parts)
    if np.any(np.diff(arrays.rows) <= 0):
        raise RuntimeError(f"The store gave the rows of {collection.id} out of their order.")

    def rows(query: ItemsQuery) -> NDArray[np.int64]:
        asked = FeatureQuery(
            collection=collection.id,
            revision=collection.revision,
            time=query.time,
            where=query.conditions,
            columns=(),
            with_geometry=False,
        )
        found: NDArray[np.int64] = store.features.read(asked, principal).read_all()["row"].to_numpy()
        return found

    return CollectionIndex(*kept, arrays, rows)


def _tables(store: Store, principal: Principal, collection: Collection) -> Iterator[pa.Table]:
    asked = FeatureQuery(collection=collection.id, revision=collection.revision)
    reader = store.features.read(asked, principal)
    yield reader.schema.empty_table()
    for batch in reader:
        for start in range(0, batch.num_rows, _BATCH_ROWS):
            yield pa.Table.from_batches([batch.slice(start, _BATCH_ROWS)])


def _part(table: pa.Table) -> Arrays:
    geometries = shapely.from_wkb(table["geometry"].to_numpy())
    return Arrays(
        rows=table["row"].to_numpy(),
        born=_instants(table["valid_from"], ALWAYS),
        ended=_instants(table["valid_to"], NEVER),
        names=np.array([hash(name) for name in table["id"].to_pylist()], np.int64),
        placeless=np.asarray(table["geometry"].is_null()),
        bounds=shapely.bounds(geometries).reshape(-1, 4),
        connected=np.isin(shapely.get_type_id(geometries), _ONE_PIECE),
    )


def _instants(column: pa.ChunkedArray, unknown: int) -> NDArray[np.int64]:
    numbers = pc.fill_null(column.cast(pa.int64()), pa.scalar(unknown, pa.int64())).to_numpy()
    found: NDArray[np.int64] = np.asarray(numbers, np.int64)
    return found


def _large(*texts: str) -> list[pa.Scalar]:
    return [pa.scalar(text, pa.large_string()) for text in texts]
