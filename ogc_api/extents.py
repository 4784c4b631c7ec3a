"""The box of a collection, as every document tells it."""

from __future__ import annotations

import math
from typing import Any

from twin.crs import CRS84, uri
from twin.model import Collection

#: Steps of a degree in a box told, about a centimetre each.
_STEPS = 1e7


def box(collection: Collection) -> list[float]:
    """Return ``[west, south, east, north]`` in degrees; the world when the collection is empty.

    Rounded outward: a client that rounds it again still holds what lies on its edge.
    """
    extent = collection.extent
    if extent is None:
        return [-180.0, -90.0, 180.0, 90.0]
    lower = (math.floor(value * _STEPS) / _STEPS for value in (extent.xmin, extent.ymin))
    upper = (math.ceil(value * _STEPS) / _STEPS for value in (extent.xmax, extent.ymax))
    return [*lower, *upper]


def spatial(collection: Collection) -> dict[str, Any]:
    """Return the spatial extent, as Features and EDR write it."""
    return {"bbox": [box(collection)], "crs": uri(CRS84)}
