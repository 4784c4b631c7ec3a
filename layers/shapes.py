"""Features of the store, as arrays of valid geometries with their lifespans, batch by batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from layers.grids import Bounds
from layers.reading import present
from twin.context import Twin
from twin.crs import BBox
from twin.store import OPERATOR, FeatureQuery
from twin.time import TimeSpan


@dataclass(frozen=True)
class Shapes:
    """Geometries, flat and valid, in the CRS of the store; ``rows`` has their ids and the columns asked for.

    ``valid_from`` and ``valid_to`` are naive UTC, not-a-time where unknown.
    """

    geometry: NDArray[np.object_]
    valid_from: NDArray[np.datetime64]
    valid_to: NDArray[np.datetime64]
    rows: pa.RecordBatch


def read(
    twin: Twin,
    collection: str,
    columns: tuple[str, ...] = (),
    *,
    region: BBox | None = None,
    time: TimeSpan | None = None,
) -> Iterator[Shapes]:
    """Stream the features of a collection, those that meet a box and a time."""
    area = None if region is None else shapely.box(*region.as_list()).wkb
    query = FeatureQuery(collection=collection, columns=columns, region=area, time=time)
    for batch in twin.store.features.read(query, OPERATOR):
        geometry = shapely.force_2d(shapely.from_wkb(batch["geometry"].to_numpy(zero_copy_only=False)))
        invalid = ~shapely.is_valid(geometry) & ~shapely.is_missing(geometry)
        geometry[invalid] = shapely.make_valid(geometry[invalid])
        yield Shapes(geometry, _instants(batch["valid_from"]), _instants(batch["valid_to"]), batch)


def survey(shapes: Iterable[Shapes]) -> tuple[Bounds | None, tuple[np.datetime64, np.datetime64] | None]:
    """Return the extent of features, and the first and last instant at which one appeared or disappeared."""
    corners: list[NDArray[np.float64]] = []
    events: list[np.datetime64] = []
    for batch in shapes:
        if len(batch.geometry) and not np.isnan(bounds := shapely.total_bounds(batch.geometry)).any():
            corners.append(bounds)
        known = np.concatenate([batch.valid_from, batch.valid_to])
        known = known[~np.isnat(known)]
        events += [known.min(), known.max()] if known.size else []
    if not corners:
        return None, None
    every = np.array(corners)
    extent = (*every[:, :2].min(axis=0).tolist(), *every[:, 2:].max(axis=0).tolist())
    return extent, (min(events), max(events)) if events else None


def extent_of(twin: Twin, collection: str | None) -> Bounds | None:
    """Return the extent of the area that a collection covers, or None when there is none."""
    return None if present(twin, collection) is None else survey(read(twin, str(collection)))[0]


def values_at(twin: Twin, areas: str, columns: tuple[str, ...], points: NDArray[np.object_]) -> pa.Table:
    """Return what the areas of a collection that hold each point have in `columns`, null outside of all.

    Where areas overlap, the last one read counts; a point on the edge of two is in both.
    """
    found: dict[str, list[object]] = {name: [None] * len(points) for name in columns}
    types: dict[str, pa.DataType] = {}
    for batch in read(twin, areas, columns):
        which, area = shapely.STRtree(batch.geometry).query(points, predicate="intersects")
        for name in columns:
            types[name] = batch.rows[name].type
            values = batch.rows[name].take(pa.array(area)).to_pylist()
            for point, value in zip(which.tolist(), values, strict=True):
                found[name][point] = value
    return pa.table({name: pa.array(values, types.get(name, pa.string())) for name, values in found.items()})


def _instants(column: pa.Array) -> NDArray[np.datetime64]:
    """Return UTC instants as naive microseconds, not-a-time where null."""
    return column.cast(pa.timestamp("us")).to_numpy(zero_copy_only=False).astype("M8[us]")  # type: ignore[no-any-return]
