"""Boxes and geometries of a request, taken to the CRS of storage."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import shapely

from ogc_api.features.geojson import rounding
from twin.crs import BBox, transform_geometry
from twin.errors import BadInput
from twin.model import Collection

#: Degrees that the extent is widened by before a box is cut to it: more than any rounding of either.
_MARGIN = 0.01
#: How finely a geometry's edges are cut before they are transformed, and how many vertices that may add.
_SEGMENTS, _VERTICES = 64, 2_000


def region_of(boxes: Sequence[BBox], collection: Collection) -> shapely.Polygon | shapely.MultiPolygon | None:
    """Return boxes as one geometry in the CRS of storage, or None when they miss the data."""
    found = [region for region in (_region(box, collection) for box in boxes) if region is not None]
    return found[0] if len(found) == 1 else shapely.union_all(found) if found else None


def _region(bbox: BBox, collection: Collection) -> shapely.Polygon | None:
    """Return a box as a polygon in the CRS of storage, or None when it misses the data.

    The box is widened by the rounding of the coordinates served, so that a feature meets the box
    that a client makes of its coordinates, and a box that is a point has an area. It is then cut to
    the extent of the data: a client may ask for the whole world, which no projected CRS can hold.
    """
    slack = rounding(bbox.crs)
    xmin, ymin, xmax, ymax = bbox.xmin - slack, bbox.ymin - slack, bbox.xmax + slack, bbox.ymax + slack
    if bbox.crs != collection.crs:
        if collection.extent is None:
            return None
        wide = _around(collection.extent, bbox.crs)
        xmin, ymin, xmax, ymax = (
            max(xmin, wide.xmin),
            max(ymin, wide.ymin),
            min(xmax, wide.xmax),
            min(ymax, wide.ymax),
        )
        if xmin > xmax or ymin > ymax:
            return None
    return BBox(xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax, crs=bbox.crs).polygon(collection.crs)


@lru_cache(maxsize=256)
def _around(extent: BBox, crs: str) -> BBox:
    """Return the extent in `crs`, widened by the margin."""
    wide = BBox(
        xmin=max(extent.xmin - _MARGIN, -180),
        ymin=max(extent.ymin - _MARGIN, -90),
        xmax=min(extent.xmax + _MARGIN, 180),
        ymax=min(extent.ymax + _MARGIN, 90),
    )
    return wide.to(crs)


def moved(shape: Any, collection: Collection, crs: str) -> Any:  # noqa: ANN401
    """Return a geometry in the CRS of storage, its edges cut first: a straight edge is a curve in another CRS.

    What lies far from the data is cut off before, so that nothing of it may be left: no projected CRS
    can hold the whole world.

    Parameters
    ----------
    shape
        Geometry in `crs`, x first.

    Raises
    ------
    BadInput
        When the CRS of storage cannot hold it.
    """
    if crs == collection.crs:
        return shape
    if collection.extent is not None:
        around = _around(collection.extent, crs).grown(1.0)
        near = shapely.box(around.xmin, around.ymin, around.xmax, around.ymax)
        if not near.covers(shape):
            shape = near.intersection(shape)
    if shape.is_empty:
        return shape
    west, south, east, north = shape.bounds
    step = max((east - west) / _SEGMENTS, (north - south) / _SEGMENTS, shape.length / _VERTICES)
    found = transform_geometry(shapely.segmentize(shape, step) if step > 0 else shape, crs, collection.crs)
    if not np.isfinite(shapely.get_coordinates(found)).all():
        raise BadInput(f"A geometry of the filter lies outside the area of {collection.crs}.")
    return found
