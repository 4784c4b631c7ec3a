"""The datastreams of a time series that a query is about."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

from ogc_api.edr.query import EdrQuery
from ogc_api.features.geojson import decimals
from twin import crs as crs_
from twin.model import Collection
from twin.settings import Bounds
from twin.store import Condition, FeatureQuery, Principal, Store
from twin.tables import DATASTREAMS


@dataclass(frozen=True)
class Series:
    """One time-series collection, as one principal sees it, and the bounds of an answer."""

    store: Store
    principal: Principal
    collection: Collection
    bounds: Bounds


def datastreams(
    series: Series,
    query: EdrQuery,
    *,
    region: shapely.Geometry | None = None,
    identity: str | None = None,
    alive: bool = False,
) -> pa.Table:
    """Return the datastreams of the collection that a query is about, each in its last version, ordered by object."""
    where = [
        Condition(field="timeseries", value=series.collection.id),
        Condition(field="observed_property", operator="in", value=query.observed_properties),
    ]
    if identity is not None:
        where.append(Condition(field="object_id", value=identity))
    asked = FeatureQuery(
        collection=DATASTREAMS,
        region=region.wkb if region else None,
        where=tuple(where),
        time=query.time if alive else None,
        columns=("object_collection", "object_id", "observed_property", "unit"),
    )
    table = series.store.features.read(asked, series.principal).read_all()
    # An unknown start is before any other.
    start = pc.fill_null(table["valid_from"].cast(pa.int64()), np.iinfo(np.int64).min)
    order = [(name, "ascending") for name in ("object_id", "observed_property", "id", "start")]
    table = table.append_column("start", start).sort_by(order)
    ids = table["id"].to_numpy(zero_copy_only=False)
    return table.filter(pa.array(np.append(ids[1:] != ids[:-1], np.ones(min(len(ids), 1), bool))))


def geometries(wkb: pa.ChunkedArray, source: str, target: str) -> NDArray[np.object_]:
    """Return geometries in `target`, their coordinates rounded as those of items are."""
    moved = crs_.transform_geometry(shapely.from_wkb(wkb.to_numpy(zero_copy_only=False)), source, target)
    return shapely.transform(moved, lambda points: np.round(points, decimals(target)))  # type: ignore[no-any-return]
