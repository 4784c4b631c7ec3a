"""The background of the city as vector tiles: what is flat, cut and simplified for its zoom."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

from scenes import mvt
from twin import crs
from twin.context import Twin
from twin.crs import BBox
from twin.errors import BadInput
from twin.model import Collection
from twin.store import FeatureQuery, Principal
from twin.time import TimeSpan, iso

SYMBOLS = frozenset({"fill", "line"})
DEEPEST = 22
_MOST_CHANGES = 2000
_WEB_MERCATOR = "EPSG:3857"
_HALF_WORLD = 20_037_508.342789244  # metres, from the definition of WebMercatorQuad (OGC 17-083r4)
_MARGIN = 64  # steps of a tile drawn beyond its edge, so that outlines do not show it
_PIXEL = mvt.EXTENT / 512  # steps in the finest pixel that a tile is drawn with


def tile_box(z: int, x: int, y: int) -> BBox:
    """Return the box of a tile of WebMercatorQuad, margin excluded, in EPSG:3857.

    Raises
    ------
    BadInput
        When there is no such tile.
    """
    if not 0 <= z <= DEEPEST:
        raise BadInput(f"There is no zoom {z}: it goes from 0 to {DEEPEST}.")
    count = 2**z
    if not (0 <= x < count and 0 <= y < count):
        raise BadInput(f"There is no tile {z}/{x}/{y}: at zoom {z}, column and row go from 0 to {count - 1}.")
    side = 2 * _HALF_WORLD / count
    xmin, ymax = x * side - _HALF_WORLD, _HALF_WORLD - y * side
    return BBox(xmin=xmin, ymin=ymax - side, xmax=xmin + side, ymax=ymax, crs=_WEB_MERCATOR)


def tile(
    twin: Twin, collections: Iterable[Collection], z: int, x: int, y: int, instant: datetime, principal: Principal
) -> bytes:
    """Return one tile with a layer for each collection, as the city stood at `instant`."""
    box = tile_box(z, x, y)
    return b"".join(
        _layer(twin, collection, box, instant, principal)
        for collection in collections
        if z >= collection.style.minimum_zoom
    )


def changes(twin: Twin, collection: Collection, principal: Principal) -> list[str] | None:
    """Return the instants at which the background changes, ascending; None when they are too many to list."""
    query = FeatureQuery(collection=collection.id, columns=(), with_geometry=False)
    rows = twin.store.features.read(query, principal).read_all()
    sides = pa.chunked_array(
        [*rows["valid_from"].chunks, *rows["valid_to"].chunks], rows.schema.field("valid_from").type
    )
    instants = pc.unique(sides).drop_null()
    return [iso(instant) for instant in sorted(instants.to_pylist())] if len(instants) <= _MOST_CHANGES else None


def _layer(twin: Twin, collection: Collection, box: BBox, instant: datetime, principal: Principal) -> bytes:
    region = _region(collection, box)
    if region is None:
        return b""
    names = {collection.style.label, collection.style.colour_by} & {field.name for field in collection.fields}
    query = FeatureQuery(
        collection=collection.id, region=region, time=TimeSpan.at(instant), columns=tuple(sorted(map(str, names)))
    )
    rows = twin.store.features.read(query, principal).read_all()
    shapes, kept = _fit(shapely.from_wkb(rows["geometry"].to_numpy()), collection.crs, box)
    chosen = rows.take(pa.array(kept))
    attributes = {name: chosen[name].combine_chunks() for name in ("id", *sorted(map(str, names)))}
    return mvt.encode_layer(collection.id, shapes, attributes)


def _region(collection: Collection, box: BBox) -> bytes | None:
    """Return the part of a tile where the collection may have something, as WKB in its CRS."""
    if collection.extent is None:
        return None
    margin = (box.xmax - box.xmin) * _MARGIN / mvt.EXTENT
    extent = collection.extent.to(_WEB_MERCATOR)
    xmin, xmax = max(box.xmin - margin, extent.xmin), min(box.xmax + margin, extent.xmax)
    ymin, ymax = max(box.ymin - margin, extent.ymin), min(box.ymax + margin, extent.ymax)
    if xmin > xmax or ymin > ymax:
        return None
    near = BBox(xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax, crs=_WEB_MERCATOR).polygon(collection.crs)
    # A collection of one point has an extent without area, which no polygon query takes.
    return bytes(shapely.to_wkb(near.buffer(1.0)))


def _fit(geometries: NDArray[np.object_], source: str, box: BBox) -> tuple[NDArray[np.object_], NDArray[np.intp]]:
    """Return the shapes in steps of the tile, y down, without what is too small to see; and which they are."""
    scale = mvt.EXTENT / (box.xmax - box.xmin)

    def to_tile(points: NDArray[np.float64]) -> NDArray[np.float64]:
        x, y = crs.transform(points[:, 0], points[:, 1], source, _WEB_MERCATOR)
        return np.column_stack([(x - box.xmin) * scale, (box.ymax - y) * scale])

    shapes = shapely.transform(shapely.force_2d(geometries), to_tile)
    bounds = shapely.bounds(shapes)
    sizes = np.hypot(bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1])
    kept = np.flatnonzero((sizes >= _PIXEL) | (shapely.get_dimensions(shapes) == 0))
    shapes = shapely.simplify(shapes[kept], _PIXEL / 2, preserve_topology=False)
    low, high = -_MARGIN, mvt.EXTENT + _MARGIN
    inside = ~shapely.is_empty(shapes)
    kept, shapes = kept[inside], shapes[inside]
    shapes = shapely.clip_by_rect(shapes, low, low, high, high)
    inside = ~shapely.is_empty(shapes)
    return shapes[inside], kept[inside]
