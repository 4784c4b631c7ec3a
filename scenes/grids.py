"""Maps of a coverage on a regular grid in degrees, which a browser drapes as images."""

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
from twin.time import TimeSpan, iso

#: Cells of a coverage that one of the answer may stand for, a side: what is read is never much more than what is told.
COARSEST = 8
_BLOCK = 32  # maps in memory at once


def grids(
    twin: Twin, collection: Collection, name: str, span: TimeSpan | None, coarser: int, principal: Principal
) -> bytes:
    """Return the maps of a span of time, framed.

    The header has ``bbox`` (CRS84, outer edges), ``columns``, ``rows``, ``unit`` and ``times``; then
    float32 values ``[times][rows][columns]``, north row first. Each value is that of the coverage's cell
    which holds the middle of the grid's cell, NaN outside. The maps are the last one at or before the
    start of `span` and those up to its end; the last of all where there is no span. There is none before
    the first. A coverage without time has one map, and no ``times``. One cell of the answer stands for
    `coarser` a side of the coverage's, at most :data:`COARSEST`.

    Raises
    ------
    NotFound
        When the coverage has no such property.
    TooLarge
        When the maps have more values than ``bounds.values``.
    """
    prop = observed_property(collection, name)
    with twin.store.cubes.open(collection.id, principal) as dataset:
        variable = dataset[name]
        times = dataset["time"].values.astype("datetime64[us]") if "time" in variable.dims else None
        steps = slice(0, 1) if times is None else _steps(times, span)
        x, y = dataset["x"].values, dataset["y"].values
        columns, rows = -(-x.size // coarser), -(-y.size // coarser)
        count = (steps.stop - steps.start) * columns * rows
        if count > twin.settings.bounds.values:
            raise TooLarge(
                f"These maps of {collection.id} have {count} values, more than {twin.settings.bounds.values}: "
                "ask for a shorter time."
            )
        box = _outline(x, y, collection.crs)
        cells = variable.expand_dims("time") if times is None else variable.isel(time=steps)
        values = _resample(cells, x, y, collection.crs, box, (rows, columns))
    header = {
        "bbox": box.as_list(),
        "columns": columns,
        "rows": rows,
        "unit": prop.unit,
        "times": [] if times is None else [iso(time.replace(tzinfo=UTC)) for time in times[steps].tolist()],
    }
    return frames.pack(header, values)


def _steps(times: NDArray[np.datetime64], span: TimeSpan | None) -> slice:
    if span is None:
        return slice(len(times) - 1, len(times))
    start = 0 if span.start is None else max(_after(times, span.start) - 1, 0)
    return slice(start, len(times) if span.end is None else max(_after(times, span.end), start))


def _after(times: NDArray[np.datetime64], instant: datetime) -> int:
    return int(np.searchsorted(times, np.datetime64(instant.replace(tzinfo=None), "us"), side="right"))


def _spacing(centres: NDArray[np.float64]) -> float:
    if len(centres) < 2:
        raise NotFound("A coverage of one row or column has no cell size, and no map.")
    return float(centres[-1] - centres[0]) / (len(centres) - 1)


def _outline(x: NDArray[np.float64], y: NDArray[np.float64], source: str) -> BBox:
    dx, dy = _spacing(x) / 2, _spacing(y) / 2
    outer = BBox(xmin=x[0] - dx, ymin=y[0] - dy, xmax=x[-1] + dx, ymax=y[-1] + dy, crs=source)
    return outer.to(CRS84)


def _resample(
    cells: xr.DataArray,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    source: str,
    box: BBox,
    shape: tuple[int, int],
) -> NDArray[np.float32]:
    """Return the cells under the middles of the cells of a grid of `shape` (rows, columns) over `box`, step by step."""
    rows, columns = shape
    longitude = box.xmin + (np.arange(columns) + 0.5) / columns * (box.xmax - box.xmin)
    latitude = box.ymax - (np.arange(rows) + 0.5) / rows * (box.ymax - box.ymin)
    lon, lat = (axis.ravel() for axis in np.meshgrid(longitude, latitude))
    east, north = crs.transform(lon, lat, CRS84, source)
    column = np.rint((east - x[0]) / _spacing(x)).astype(np.intp)
    row = np.rint((north - y[0]) / _spacing(y)).astype(np.intp)
    inside = (column >= 0) & (column < len(x)) & (row >= 0) & (row < len(y))
    values = np.full((cells.sizes["time"], rows * columns), np.nan, dtype=np.float32)
    cells = cells.transpose("time", "y", "x")
    for start in range(0, len(values), _BLOCK):
        block = slice(start, start + _BLOCK)
        values[block, inside] = cells[block].values[:, row[inside], column[inside]]
    return values.reshape(-1, rows, columns)
