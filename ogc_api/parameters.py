"""Query parameters as OGC API has them: boxes in the axis order of their authority."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.crs import CRS84, BBox, definition
from twin.doors import parameters
from twin.errors import BadInput


class Parameters(parameters.Parameters):
    """The query parameters of one request to the OGC API."""

    def boxes(self, supported: Sequence[str] = (CRS84,), crs_name: str = "bbox-crs") -> tuple[BBox, ...]:
        """Return ``bbox``, x first whatever the axes of its CRS; nothing when it is absent.

        A box whose first longitude is the greater crosses the antimeridian (Features Part 1, section
        7.15.3): it is the two boxes on its sides.

        Parameters
        ----------
        crs_name
            The parameter that tells the CRS of the box.
        """
        text = self.take("bbox")
        crs = self.crs(crs_name, supported)
        if text is None:
            if crs_name == "bbox-crs" and self.take(crs_name) is not None:
                raise BadInput("bbox-crs is given without bbox: give both, or neither.")
            return ()
        parts = text.split(",")
        if len(parts) not in (4, 6):
            return (BBox.parse(text, crs),)
        upper = len(parts) // 2
        if y_first(crs):
            parts[0], parts[1], parts[upper], parts[upper + 1] = parts[1], parts[0], parts[upper + 1], parts[upper]
        sides = [parts]
        if definition(crs).is_geographic and _greater(parts[0], parts[upper]):
            sides = [[*parts[:upper], "180", *parts[upper + 1 :]], ["-180", *parts[1:]]]
        return tuple(BBox.parse(",".join(side), crs) for side in sides)


def _greater(one: str, other: str) -> bool:
    try:
        return float(one) > float(other)
    except ValueError:
        return False


@lru_cache(maxsize=64)
def y_first(code: str) -> bool:
    """Whether the authority's axis order of a CRS is y (latitude, northing) before x.

    Only the OGC door swaps: inside, x is first everywhere. ``EPSG:4326`` is latitude first
    (OGC API Features Part 2, section 6.1), ``OGC:CRS84`` and ``EPSG:2154`` are not.
    """
    axes = definition(code).axis_info
    return bool(axes) and axes[0].direction in ("north", "south")


def swap_if_y_first[T](geometry: T, code: str) -> T:
    """Return a geometry, or an array of them, in the axis order of the authority of `code`."""
    if not y_first(code):
        return geometry

    def swap(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack([points[:, 1], points[:, 0], *points.T[2:]])

    has_z = bool(np.any(shapely.has_z(geometry)))
    return shapely.transform(geometry, swap, include_z=has_z)  # type: ignore[no-any-return]
