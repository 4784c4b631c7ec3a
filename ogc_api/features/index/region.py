"""A polygon to select by: its bounds, a box inside it, and the exact test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import shapely
from numpy.typing import NDArray

type Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Region:
    """A valid polygon in the CRS of storage.

    Attributes
    ----------
    outer
        Its bounds, ``xmin, ymin, xmax, ymax``.
    inner
        A box that it covers; None when none was found. A bbox of another CRS is nearly such a box.
    """

    shape: shapely.Geometry
    outer: Box
    inner: Box | None

    def meets(self, geometries: Sequence[bytes]) -> NDArray[np.bool_]:
        """Tell which WKB geometries the polygon intersects."""
        met: NDArray[np.bool_] = shapely.intersects(self.shape, shapely.from_wkb(np.array(geometries, dtype=object)))
        return met


@lru_cache(maxsize=256)
def prepared_region(wkb: bytes) -> Region | None:
    """Return the region of a polygon, or None when it is not one to select by."""
    shape = shapely.from_wkb(wkb)
    if not shape.is_valid and (flat := shapely.make_valid(shape)).area == 0:
        shape = flat  # a box as flat as a line or a point
    if shape.is_empty or not shape.is_valid:
        return None
    shapely.prepare(shape)
    return Region(shape, shape.bounds, _inner(shape))


def _inner(shape: shapely.Geometry) -> Box | None:
    west, south, east, north = shape.bounds
    margins = np.array([0.0, 0.001, 0.003, 0.01, 0.02, 0.05, 0.2])
    dx, dy = (east - west) * margins, (north - south) * margins
    boxes = shapely.box(west + dx, south + dy, east - dx, north - dy)
    covered = np.flatnonzero(shapely.covers(shape, boxes))
    if not covered.size:
        return None
    found: Box = boxes[covered[0]].bounds
    return found
