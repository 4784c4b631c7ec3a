"""Where a query asks: WKT read strictly, held to the bounds, brought to the CRS of storage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.errors import ShapelyError

from twin import crs as crs_
from twin.crs import CRS84, BBox
from twin.errors import BadInput, TooLarge
from twin.model import Collection
from twin.settings import Bounds

#: Lengths of one unit of distance, in metres.
UNITS = {"m": 1.0, "km": 1000.0, "mi": 1609.344, "ft": 0.3048}
#: Example and kinds of geometry of the ``coords`` of each query.
COORDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "position": ("POINT(3.87 43.61)", ("Point", "MultiPoint")),
    "radius": ("POINT(3.87 43.61)", ("Point",)),
    "area": ("POLYGON((3.86 43.60,3.88 43.60,3.88 43.62,3.86 43.60))", ("Polygon", "MultiPolygon")),
    "trajectory": ("LINESTRING(3.86 43.60,3.88 43.62)", ("LineString", "MultiLineString")),
    "corridor": ("LINESTRING(3.86 43.60,3.88 43.62)", ("LineString", "MultiLineString")),
}
#: Sides of the polygon that stands for a quarter of a circle: it lacks less than 0.05 % of its area.
_QUARTER = 32
#: Vertices of what is buffered: the time grows with their square where a line crosses itself.
_BUFFERED = 300
#: Pieces that the longest side of a geometry is cut into before it is transformed: a straight line
#: in one CRS is a curve in another.
PIECES = 64
#: Degrees around the data beyond which a geometry is cut off: no projected CRS holds the whole world.
_MARGIN = 1.0


@dataclass(frozen=True)
class Area:
    """One polygon asked: as the answer shows it, and in the CRS of storage."""

    shape: shapely.Polygon
    region: shapely.Polygon | shapely.MultiPolygon


def read(text: str, form: str, crs: str, bounds: Bounds) -> shapely.Geometry:
    """Read the ``coords`` of a query: WKT without heights, of a kind that the query takes.

    Raises
    ------
    BadInput
        When it cannot be used; the message says why.
    TooLarge
        When it has more vertices than the bound.
    """
    example, kinds = COORDS[form]
    try:
        geometry = shapely.from_wkt(text)
    # Curves are none of ours, and shapely has no error of its own for them.
    except (ShapelyError, NotImplementedError):
        raise BadInput(f"coords={text[:80]!r} is not WKT: write for instance {example}.") from None
    names = " or ".join(kind.upper() for kind in kinds)
    if geometry.geom_type not in kinds or geometry.is_empty:
        raise BadInput(f"coords of {form} is one {names}, such as {example}, not {text[:80]!r}.")
    if geometry.has_z:
        raise BadInput(f"coords of {form} has a height, and there is no vertical dimension here: leave z out.")
    moments = shapely.has_m(geometry)
    if moments and form != "trajectory":
        raise BadInput(f"coords of {form} has a measure M: leave it out, and write the time in datetime.")
    count = shapely.get_num_coordinates(geometry)
    if count > bounds.vertices:
        raise TooLarge(f"coords has {count} vertices and the bound is {bounds.vertices}: simplify the geometry.")
    points = shapely.get_coordinates(geometry, include_m=moments)
    if not np.isfinite(points).all():
        raise BadInput(f"coords of {form} takes finite numbers: write for instance {example}.")
    beyond = (np.abs(points[:, 0]) > 180).any() or (np.abs(points[:, 1]) > 90).any()
    if form != "position" and crs_.definition(crs).is_geographic and beyond:
        raise BadInput("coords lies beyond longitude 180 or latitude 90: write longitude before latitude, in degrees.")
    if not geometry.is_valid:
        raise BadInput(f"coords is not a valid geometry: {shapely.is_valid_reason(geometry)}.")
    if geometry.geom_type.endswith("LineString") and not geometry.length:
        raise BadInput("coords is a line without length: ask a position.")
    return geometry


def boxed(boxes: Sequence[BBox], collection: Collection, crs: str, bounds: Bounds) -> tuple[Area, ...]:
    """Return a box, or the two sides of one, as areas to aggregate over."""
    sides = shapely.MultiPolygon([shapely.box(*box.as_list()) for box in boxes])
    return areas(sides, boxes[0].crs, crs, collection, bounds)


def areas(
    polygons: shapely.Polygon | shapely.MultiPolygon, crs: str, target: str, collection: Collection, bounds: Bounds
) -> tuple[Area, ...]:
    """Return each polygon of an area, its shape in `target`; those far from the data are left out.

    Raises
    ------
    BadInput, TooLarge
        When the area is no area, or larger than the bound.
    """
    _hold(_size(polygons, crs), bounds)
    found = [_area(part, crs, target, collection) for part in shapely.get_parts(polygons)]
    return _sized([area for area in found if area is not None])


def buffers(
    geometry: shapely.Geometry, metres: float, crs: str, target: str, collection: Collection, bounds: Bounds
) -> tuple[Area, ...]:
    """Return what lies within a distance of points or of lines, measured in the CRS of storage; none outside of it."""
    moved = stored(geometry, crs, collection)
    if moved is None:
        return ()
    # What a hundredth of the distance smooths away is not seen in its buffer.
    smooth = shapely.simplify(moved, metres / 100)
    count = shapely.get_num_coordinates(smooth)
    if count > _BUFFERED:
        raise TooLarge(
            f"The line has {count} vertices at this width and the bound is {_BUFFERED}: ask a shorter or a simpler one."
        )
    around = shapely.buffer(smooth, metres, quad_segs=_QUARTER)
    _hold(around.area, bounds)
    found = [
        Area(crs_.transform_geometry(part, collection.crs, target), part) for part in shapely.get_parts(around).tolist()
    ]
    return _sized(found)


def together(found: Sequence[Area]) -> shapely.Geometry:
    """Return the regions of some areas as one geometry."""
    return shapely.union_all([area.region for area in found])


def stored(geometry: shapely.Geometry, crs: str, collection: Collection) -> shapely.Geometry | None:
    """Return a geometry in the CRS of storage, its sides cut first; None outside of where that is defined."""
    if crs == collection.crs:
        return geometry
    west, south, east, north = geometry.bounds
    longest = max(east - west, north - south)
    dense = shapely.segmentize(geometry, longest / PIECES) if longest > 0 else geometry
    moved = crs_.transform_geometry(dense, crs, collection.crs)
    return moved if np.isfinite(shapely.get_coordinates(moved)).all() else None


def _area(part: shapely.Polygon, crs: str, target: str, collection: Collection) -> Area | None:
    shape = part
    if crs == CRS84 != collection.crs and collection.extent is not None:
        near = collection.extent
        window = (near.xmin - _MARGIN, near.ymin - _MARGIN, near.xmax + _MARGIN, near.ymax + _MARGIN)
        if not (shapely.box(*window).contains(part)):
            # Only polygons: an edge along the window may leave lines.
            pieces = shapely.get_parts(shapely.intersection(part, shapely.box(*window)))
            part = shapely.union_all([piece for piece in pieces if piece.geom_type == "Polygon"])
    region = None if part.is_empty else stored(part, crs, collection)
    if region is None:
        return None
    return Area(shape if target == crs else crs_.transform_geometry(part, crs, target), region)


def _size(polygons: shapely.Polygon | shapely.MultiPolygon, crs: str) -> float:
    """Return the area of what is asked, in square metres: on the ellipsoid where `crs` is geographic."""
    definition = crs_.definition(crs)
    geod = definition.get_geod() if definition.is_geographic else None
    if geod is None:
        return float(polygons.area)
    area, _ = geod.geometry_area_perimeter(shapely.orient_polygons(polygons))
    return abs(float(area))


def _hold(size: float, bounds: Bounds) -> None:
    if size / 1e6 > bounds.area:
        raise TooLarge(
            f"The area asked is {size / 1e6:.6g} km2 and the bound is {bounds.area:g} km2: ask a smaller one."
        )


def _sized(found: list[Area]) -> tuple[Area, ...]:
    if found and not sum(area.region.area for area in found) > 0:
        raise BadInput("The area asked has no size: ask a larger one, or a position.")
    return tuple(found)
