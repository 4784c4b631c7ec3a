"""GeoParquet 1.1: zstd, bounded row groups, a covering box a row, origin in the file's metadata."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray

from twin.crs import CRS84, definition
from twin.export.columns import GEOMETRY, about
from twin.export.geometries import Geometries, geometries
from twin.model import Collection, Kind, Language

_COVERING = "bbox"
_SIDES = ("xmin", "ymin", "xmax", "ymax")
# In the order of GEOS's type numbers; a linear ring is a line to everybody else.
_TYPES = (
    *("Point", "LineString", "LineString", "Polygon"),
    *("MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection"),
)


class GeoParquet:
    """Writes GeoParquet 1.1.0 (https://geoparquet.org/releases/v1.1.0).

    Titles, units and descriptions are metadata of the Arrow fields; producer, licence and lineage
    are under the file's key ``jumeau``. One batch is one row group.
    """

    suffix = ".parquet"
    media_type = "application/vnd.apache.parquet"

    def accepts(self, collection: Collection) -> bool:
        """Whether this format can carry `collection`."""
        return collection.kind is not Kind.TILESET

    def write(
        self, collection: Collection, batches: pa.RecordBatchReader, crs: str, language: Language, path: Path
    ) -> None:
        """Write the rows; the metadata that only they can tell goes to the footer."""
        covered = _COVERING not in batches.schema.names
        shape = batches.schema
        if covered:
            shape = shape.append(pa.field(_COVERING, pa.struct([pa.field(side, pa.float64()) for side in _SIDES])))
        types: set[str] = set()
        extent = [math.inf, math.inf, -math.inf, -math.inf]
        with pq.ParquetWriter(path, shape, compression="zstd") as writer:
            for batch in batches:
                geometry = geometries(batch)
                bounds = shapely.bounds(geometry)
                types |= _types(geometry)
                extent = _grown(extent, bounds)
                columns = [*batch.columns, _boxes(bounds)] if covered else batch.columns
                writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=shape))
            writer.add_key_value_metadata(
                {
                    "geo": orjson.dumps(_geo(crs, types, extent, covered=covered)).decode(),
                    "jumeau": orjson.dumps({"collection": collection.id, **about(collection, language)}).decode(),
                }
            )


def _geo(crs: str, types: set[str], extent: list[float], *, covered: bool) -> dict[str, Any]:
    column: dict[str, Any] = {
        "encoding": "WKB",
        "geometry_types": sorted(types),
        # The standard puts x first whatever the CRS says; its default is CRS84.
        "crs": orjson.loads(definition(crs).to_json()),
    }
    if crs == CRS84:
        del column["crs"]
    if math.isfinite(extent[0]):
        column["bbox"] = extent
    if covered:
        column["covering"] = {"bbox": {side: [_COVERING, side] for side in _SIDES}}
    return {"version": "1.1.0", "primary_column": GEOMETRY, "columns": {GEOMETRY: column}}


def _types(geometry: Geometries) -> set[str]:
    present = geometry[~shapely.is_missing(geometry)]
    kinds = np.unique(shapely.get_type_id(present) * 2 + shapely.has_z(present))
    return {_TYPES[kind // 2] + (" Z" if kind % 2 else "") for kind in kinds}


def _grown(extent: list[float], bounds: NDArray[np.float64]) -> list[float]:
    known = bounds[~np.isnan(bounds[:, 0])]
    if not known.size:
        return extent
    low, high = known[:, :2].min(axis=0), known[:, 2:].max(axis=0)
    return [*np.minimum(extent[:2], low).tolist(), *np.maximum(extent[2:], high).tolist()]


def _boxes(bounds: NDArray[np.float64]) -> pa.StructArray:
    missing = pa.array(np.isnan(bounds[:, 0]))
    sides = [pa.array(np.ascontiguousarray(bounds[:, side]), from_pandas=True) for side in range(4)]
    return pa.StructArray.from_arrays(sides, names=list(_SIDES), mask=missing)
