"""Makes the index of a collection in one pass over the store; what is read is let go batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

from ogc_api.features.fields import item_fields
from ogc_api.features.geojson import feature_texts
from ogc_api.features.index.collection import ALWAYS, NEVER, CollectionIndex, Columns
from ogc_api.features.index.strings import StringsWriter
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
    properties = tuple(field.name for field in item_fields(collection))
    parts: list[tuple[NDArray[np.generic], ...]] = []
    with StringsWriter(folder) as texts, StringsWriter(folder) as shapes:
        for table in _tables(store, principal, collection):
            if not wanted():
                raise Abandoned
            named = versions.with_item_ids(table, collection, principal)
            encoded = feature_texts(named, properties, collection.crs, CRS84)
            texts.add(pc.binary_join_element_wise(encoded, *_large("", ",")))
            shapes.add(table["geometry"].combine_chunks())
            parts.append(_columns(named))
        rows, born, ended, names, bounds, connected = _joined(parts)
        columns = Columns(texts.strings(), shapes.strings(), rows, born, ended, names, bounds, connected)
    if np.any(np.diff(columns.rows) <= 0):
        raise RuntimeError(f"The store gave the rows of {collection.id} out of their order.")
    return CollectionIndex(columns)


def _tables(store: Store, principal: Principal, collection: Collection) -> Iterator[pa.Table]:
    asked = FeatureQuery(collection=collection.id, revision=collection.revision)
    for batch in store.features.read(asked, principal):
        for start in range(0, batch.num_rows, _BATCH_ROWS):
            yield pa.Table.from_batches([batch.slice(start, _BATCH_ROWS)])


def _columns(table: pa.Table) -> tuple[NDArray[np.generic], ...]:
    geometries = shapely.from_wkb(table["geometry"].to_numpy())
    return (
        table["row"].to_numpy(),
        _instants(table["valid_from"], ALWAYS),
        _instants(table["valid_to"], NEVER),
        np.array([hash(name) for name in table["id"].to_pylist()], np.int64),
        shapely.bounds(geometries),
        np.isin(shapely.get_type_id(geometries), _ONE_PIECE),
    )


def _instants(column: pa.ChunkedArray, unknown: int) -> NDArray[np.int64]:
    numbers = pc.fill_null(column.cast(pa.int64()), pa.scalar(unknown, pa.int64())).to_numpy()
    found: NDArray[np.int64] = np.asarray(numbers, np.int64)
    return found


def _joined(parts: list[tuple[NDArray[np.generic], ...]]) -> list[NDArray[np.generic]]:
    if not parts:
        empty = np.empty(0, np.int64)
        return [empty, empty, empty, empty, np.empty((0, 4)), np.empty(0, bool)]
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


def _large(*texts: str) -> list[pa.Scalar]:
    return [pa.scalar(text, pa.large_string()) for text in texts]
