"""Boxes and geometries of a request, taken to the CRS of storage."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from ogc_api.features.geojson import rounding
from twin.crs import BBox, enclosed, transform_geometry
from twin.errors import BadInput
from twin.model import Collection

#: Degrees that the extent is widened by before a box is cut to it: more than any rounding of either.
_MARGIN = 0.01
#: How finely a geometry's edges are cut before they are transformed, and how many vertices that may add.
_SEGMENTS, _VERTICES = 64, 2_000
#: Into how many chords a side of a box is cut at most, and how long each may be, in last decimals of a coordinate.
_SIDE_SEGMENTS, _CHORD = 32, 1e5

#: ``xmin, ymin, xmax, ymax``.
type Bounds = tuple[float, float, float, float]
#: By box, x and y, side.
type _BySide = list[list[list[float]]]


@dataclass(frozen=True)
class Region:
    """Boxes as one polygon in the CRS of storage; what is known of it is worked out once, when it is asked for.

    Attributes
    ----------
    boxes
        At least one, each in its own CRS.
    crs
        That of storage.
    """

    boxes: tuple[BBox, ...]
    crs: str

    def __post_init__(self) -> None:
        """Refuse now what the CRS of storage cannot hold."""
        self.outer  # noqa: B018 - worked out

    def __hash__(self) -> int:
        """Return a hash that costs little: a region is looked up more often than it is compared."""
        return hash(self.outer)

    @cached_property
    def _sides(self) -> list[NDArray[np.float64]]:
        return [box.sides(self.crs, _segments(box)) for box in self.boxes]

    @cached_property
    def _reach(self) -> tuple[_BySide, _BySide]:
        """The least and the greatest x and y of each side of each box."""
        return [each.min(axis=2).tolist() for each in self._sides], [each.max(axis=2).tolist() for each in self._sides]

    @cached_property
    def outer(self) -> Bounds:
        """Its bounds."""
        low, high = self._reach
        west, south = (min(min(box[axis]) for box in low) for axis in (0, 1))
        east, north = (max(max(box[axis]) for box in high) for axis in (0, 1))
        return west, south, east, north

    @cached_property
    def inner(self) -> Bounds | None:
        """A box that it covers; None when none is known.

        What lies east of all of the west side, west of all of the east side, and so on, meets no side, and the
        sides go round it.
        """
        if len(self.boxes) > 1:
            return None
        (low,), (high,) = self._reach
        west, south, east, north = high[0][3], high[1][0], low[0][1], low[1][2]
        return (west, south, east, north) if west < east and south < north else None

    @cached_property
    def shape(self) -> shapely.Geometry:
        """The polygon; a line or a point where the box is as flat."""
        parts = [enclosed(sides) for sides in self._sides]
        shape = shapely.union_all(parts) if len(parts) > 1 else parts[0]
        if not shape.is_valid and (flat := shapely.make_valid(shape)).area == 0:
            shape = flat
        return shape

    @cached_property
    def is_sound(self) -> bool:
        """Whether it is a geometry to select by: valid, and not empty; sides that go round a box are."""
        return self.inner is not None or (bool(self.shape.is_valid) and not self.shape.is_empty)

    @cached_property
    def wkb(self) -> bytes:
        """The polygon as WKB."""
        return bytes(self.shape.wkb)

    def meets(self, geometries: Sequence[bytes]) -> NDArray[np.bool_]:
        """Tell which WKB geometries the polygon intersects."""
        met: NDArray[np.bool_] = shapely.intersects(self.shape, shapely.from_wkb(np.array(geometries, dtype=object)))
        return met


def region(boxes: Sequence[BBox], collection: Collection) -> Region | None:
    """Return where boxes meet the data of a collection, or None when they miss it.

    A box is widened by the rounding of the coordinates served, so that a feature meets the box
    that a client makes of its coordinates, and a box that is a point has an area. It is then cut to
    the extent of the data: a client may ask for the whole world, which no projected CRS can hold.

    Raises
    ------
    BadInput
        When the CRS of storage cannot hold a box.
    """
    near = tuple(box for box in (_near(box, collection) for box in boxes) if box is not None)
    return Region(near, collection.crs) if near else None


def region_of(boxes: Sequence[BBox], collection: Collection) -> shapely.Polygon | shapely.MultiPolygon | None:
    """Return boxes as one geometry in the CRS of storage, or None when they miss the data; see :func:`region`."""
    found = region(boxes, collection)
    return found and found.shape


def _near(bbox: BBox, collection: Collection) -> BBox | None:
    """Return a box, widened, as far as it lies about the data; None when it misses them."""
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
    return BBox(xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax, crs=bbox.crs)


def _segments(box: BBox) -> int:
    """Return how finely the sides of a box are cut: a chord of 100 m leaves its arc by less than a box is widened."""
    pieces = max(box.xmax - box.xmin, box.ymax - box.ymin) / (_CHORD * rounding(box.crs))
    return max(1, min(math.ceil(pieces), _SIDE_SEGMENTS))


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
