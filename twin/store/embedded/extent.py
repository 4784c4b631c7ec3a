"""The extent in CRS84 of what a table holds."""

from __future__ import annotations

from typing import Any

import numpy as np

from twin.crs import CRS84, BBox, area_of_use, transform
from twin.store.embedded.engine import Cursor, one


def extent(cursor: Cursor, relation: str, crs: str, parameters: list[Any] | None = None) -> BBox | None:
    """Return the box in CRS84 of the envelopes of a relation, or None where it has none.

    Parameters
    ----------
    relation
        SQL of a relation, with its WHERE, that has ``xmin, ymin, xmax, ymax`` in `crs`.
    """
    sides = one(cursor, f"SELECT min(xmin), min(ymin), max(xmax), max(ymax) FROM {relation}", parameters)
    if any(side is None for side in sides):
        return None
    xmin, ymin, xmax, ymax = map(float, sides)
    box = BBox(xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax, crs=crs)
    used = area_of_use(crs)
    if used is None or box.within(used.to(crs).grown(0.5)):
        return box.to(CRS84)
    # Far from where a projection is meant for, a box has no meaningful edges: the objects' own corners have.
    found = cursor.execute(
        f"SELECT xmin, ymin, xmax, ymax FROM {relation} AND xmin IS NOT NULL", parameters or []
    ).fetchnumpy()
    x = np.concatenate([found[name] for name in ("xmin", "xmin", "xmax", "xmax")])
    y = np.concatenate([found[name] for name in ("ymin", "ymax", "ymin", "ymax")])
    longitude, latitude = transform(x, y, crs, CRS84)
    known = np.isfinite(longitude) & np.isfinite(latitude)
    if not known.any():
        return None
    longitude, latitude = longitude[known], latitude[known]
    return BBox(
        xmin=float(longitude.min()), ymin=float(latitude.min()), xmax=float(longitude.max()), ymax=float(latitude.max())
    )
