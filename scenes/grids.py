"""One map of a coverage on a regular grid in degrees, which a browser drapes as one image."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from scenes import frames
from scenes.series import observed_property
from twin import crs
from twin.context import Twin
from twin.crs import CRS84, BBox
from twin.errors import NotFound, TooLarge
from twin.model import Collection
from twin.store import Principal
from twin.time import iso


def grid(twin: Twin, collection: Collection, name: str, instant: datetime | None, principal: Principal) -> bytes:
    """Return one map, framed.

    The header has ``bbox`` (CRS84, outer edges), ``columns``, ``rows``, ``unit``, ``time`` and
    ``times``; then float32 values ``[rows][columns]``, north row first. Each value is that of the
    coverage's cell which holds the middle of the grid's cell, NaN outside. The map is the last one at
    or before `instant`, by default the last of all; before the first, ``time`` is null and all is NaN.

    Raises
    ------
    NotFound
        When the coverage has no such property.
    TooLarge
        When the map has more values than ``bounds.values``.
    """
    prop = observed_property(collection, name)
    with twin.store.cubes.open(collection.id, principal) as dataset:
        variable = dataset[name]
        times = dataset["time"].values.astype("datetime64[us]") if "time" in variable.dims else None
        at = _step(times, instant)
        x, y = dataset["x"].values, dataset["y"].values
        columns, rows = len(x), len(y)
        if columns * rows > twin.settings.bounds.values:
            raise TooLarge(
                f"A map of {collection.id} has {columns * rows} values, more than {twin.settings.bounds.values}."
            )
        box = _outline(x, y, collection.crs)
        if at is None:
            values = np.full((rows, columns), np.nan, dtype=np.float32)
        else:
            cells = variable if times is None else variable.isel(time=at)
            values = _resample(cells, x, y, collection.crs, box)
    known = [] if times is None else [iso(instant.replace(tzinfo=UTC)) for instant in times.tolist()]
    header = {
        "bbox": box.as_list(),
        "columns": columns,
        "rows": rows,
        "unit": prop.unit,
        "time": known[at] if known and at is not None else None,
        "times": known,
    }
    return frames.pack(header, values)


def _step(times: NDArray[np.datetime64] | None, instant: datetime | None) -> int | None:
    if times is None:
        return 0
    if instant is None:
        return len(times) - 1
    at = int(np.searchsorted(times, np.datetime64(instant.replace(tzinfo=None), "us"), side="right")) - 1
    return at if at >= 0 else None


def _spacing(centres: NDArray[np.float64]) -> float:
    if len(centres) < 2:
        raise NotFound("A coverage of one row or column has no cell size, and no map.")
    return float(centres[-1] - centres[0]) / (len(centres) - 1)


def _outline(x: NDArray[np.float64], y: NDArray[np.float64], source: str) -> BBox:
    dx, dy = _spacing(x) / 2, _spacing(y) / 2
    outer = BBox(xmin=x[0] - dx, ymin=y[0] - dy, xmax=x[-1] + dx, ymax=y[-1] + dy, crs=source)
    return outer.to(CRS84)


def _resample(
    cells: xr.DataArray, x: NDArray[np.float64], y: NDArray[np.float64], source: str, box: BBox
) -> NDArray[np.float32]:
    """Return the cell under the middle of each cell of a grid of the same size over `box`."""
    columns, rows = len(x), len(y)
    longitude = box.xmin + (np.arange(columns) + 0.5) / columns * (box.xmax - box.xmin)
    latitude = box.ymax - (np.arange(rows) + 0.5) / rows * (box.ymax - box.ymin)
    lon, lat = (axis.ravel() for axis in np.meshgrid(longitude, latitude))
    east, north = crs.transform(lon, lat, CRS84, source)
    column = np.rint((east - x[0]) / _spacing(x)).astype(np.intp)
    row = np.rint((north - y[0]) / _spacing(y)).astype(np.intp)
    inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
    values = np.full(rows * columns, np.nan, dtype=np.float32)
    values[inside] = cells.transpose("y", "x").values[row[inside], column[inside]]
    return values.reshape(rows, columns)
