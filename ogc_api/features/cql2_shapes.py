"""The spatial functions of CQL2: geometries of a filter, read strictly and taken to the CRS of storage."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import shapely

from ogc_api.features.regions import moved
from ogc_api.parameters import swap_if_y_first, y_first
from twin.crs import definition
from twin.errors import BadInput
from twin.model import Collection
from twin.store import Condition, Constant, Filter, Logic, Spatial
from twin.store.filters import GEOMETRY

#: Beyond it lies no coordinate of any CRS.
_LARGEST = 1e12
SHAPE_RELATIONS = {
    f"s_{name}": name
    for name in ("intersects", "within", "contains", "disjoint", "equals", "touches", "crosses", "overlaps")
}


def relation(name: str, left: object, right: object, collection: Collection, crs: str) -> Filter:
    """Return the filter that keeps the items whose place lies so.

    Parameters
    ----------
    name
        As :class:`twin.store.Spatial` names it.
    left, right
        CQL2 JSON: the property ``geometry``, a GeoJSON geometry, or ``{"bbox": [...]}``.
    crs
        CRS of their coordinates, which stand in the order of its authority.
    """
    given = [_shape(left, crs), _shape(right, crs)]
    if None not in given:
        return Constant(true=bool(getattr(shapely, name)(*given)))
    sides = [None if shape is None else moved(shape, collection, crs) for shape in given]
    if any(shape is not None and shape.is_empty for shape in sides):
        # Far from all that there is: nothing meets it, and every geometry is disjoint from it.
        null = Condition(field=GEOMETRY, operator="is null")
        apart = Logic(operator="not", filters=(null,))
        return apart if name == "disjoint" else Logic(operator="and", filters=(null, apart))
    one, other = (None if shape is None else shape.wkb for shape in sides)
    return Spatial(relation=name, left=one, right=other)


def _shape(node: object, crs: str) -> Any:  # noqa: ANN401
    """Return a geometry, x first; None for that of the items."""
    match node:
        case {"property": str(name), **rest} if not rest:
            if name != GEOMETRY:
                raise BadInput(f"The filter asks how {name!r} lies: the one geometry here is {GEOMETRY!r}.")
            return None
        case {"bbox": list(numbers), **rest} if not rest:
            shape = _box(numbers, crs)
        case {"type": str()}:
            try:
                shape = shapely.from_geojson(orjson.dumps(node))
            except shapely.errors.GEOSException as error:
                raise BadInput(f"A geometry of the filter cannot be read: {str(error).rstrip('.')}.") from None
        case _:
            raise BadInput("The filter asks how something lies that is no geometry: write one in WKT, or BBOX(...).")
    if shape is None or shape.is_empty:
        raise BadInput("The filter has a geometry that is empty.")
    if np.abs(shapely.get_coordinates(shape)).max() > _LARGEST:
        raise BadInput("The filter has a geometry whose coordinates lie nowhere.")
    if not shape.is_valid:
        raise BadInput(f"The filter has a geometry that is not valid: {shapely.is_valid_reason(shape)}.")
    shape = shapely.force_2d(swap_if_y_first(shape, crs))
    if definition(crs).is_geographic and (np.abs(shapely.get_coordinates(shape)) > (180, 90)).any():
        raise BadInput(
            "The filter has a geometry beyond longitude 180 or latitude 90: write degrees, or its filter-crs."
        )
    return shape


def _box(numbers: list[Any], crs: str) -> Any:  # noqa: ANN401
    if len(numbers) not in (4, 6) or any(type(number) not in (int, float) for number in numbers):
        raise BadInput("The filter has a BBOX that is not four or six numbers.")
    upper, longitude = len(numbers) // 2, int(y_first(crs))
    low, high = numbers[:2], numbers[upper : upper + 2]
    sides = [(low, high)]
    if definition(crs).is_geographic and -180 <= high[longitude] < low[longitude] <= 180:
        # Across the antimeridian: a box on each of its sides.
        latitude = 1 - longitude
        east, west = [180.0, 180.0], [-180.0, -180.0]
        east[latitude], west[latitude] = high[latitude], low[latitude]
        sides = [(low, east), (west, high)]
    ordered = all(one <= other for corners in sides for one, other in zip(*corners, strict=True))
    if not (ordered and all(abs(number) < _LARGEST for number in numbers)):
        raise BadInput("The filter has a BBOX that cannot be used: it must be finite, and lower left first.")
    # As flat as a line or a point, a box is one.
    return shapely.union_all([shapely.make_valid(shapely.box(*corner, *other)) for corner, other in sides])
