"""Position and cube over a coverage: which cells, read from the chunk layout that costs least.

A projected grid has no separable axes in lon/lat. Asked in CRS84, it is therefore answered on a
regular lon/lat lattice over its extent, with as many nodes as the grid has cells; each node takes
the value of the cell that contains it. The lattice belongs to the grid, not to the request: two
cubes agree where they overlap, and a position at a node gives the node's value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ogc_api.edr import coveragejson
from ogc_api.edr.coveragejson import Document
from ogc_api.edr.query import EdrQuery, Point, steps
from twin import crs as crs_
from twin.crs import BBox
from twin.errors import NotFound, TooLarge
from twin.model import Collection, Grid

#: Decimals of a written coordinate: a tenth of a millimetre in degrees.
_DECIMALS = 9

type Window = tuple[slice, ...]


@dataclass(frozen=True)
class Coverage:
    """A coverage open for reading: the same cube in each of its chunk layouts."""

    collection: Collection
    grid: Grid
    layouts: tuple[xr.Dataset, ...]

    @property
    def times(self) -> NDArray[np.datetime64] | None:
        """The ascending naive-UTC steps, or None for a coverage without time."""
        dataset = self.layouts[0]
        return dataset["time"].values if "time" in dataset.dims else None


def position(coverage: Coverage, point: Point, query: EdrQuery, bound: int) -> Document:
    """Return the values of the cell that contains a point, at each time asked.

    Parameters
    ----------
    point
        x, y in the CRS of the query.
    bound
        The greatest number of values of one answer.

    Raises
    ------
    NotFound
        When the point lies outside the grid, or nothing is held at the time asked.
    TooLarge
        When the answer would exceed `bound`; nothing has been read.
    """
    x, y = (np.array([value]) for value in point)
    rows, columns = _locate(coverage.grid, *crs_.transform(x, y, query.crs, coverage.grid.bbox.crs))
    row, column = int(rows[0]), int(columns[0])
    if row < 0 or column < 0:
        raise NotFound(f"The point lies outside the grid of {coverage.collection.id}: see the collection's extent.")
    times, window = _times(coverage, query)
    shape = _shape(window)
    _check(prod(shape) * len(query.parameters), bound)
    window = (*window, slice(row, row + 1), slice(column, column + 1))
    values = {name: _read(coverage, name, window) for name in query.parameters}
    kind = "Point" if times is None else "PointSeries"
    return _document(coverage, coveragejson.domain(kind, x, y, times), values, shape, query)


def cube(coverage: Coverage, box: BBox, query: EdrQuery, bound: int) -> Document:
    """Return the cells whose centres lie in a box, x and y ascending, at each time asked.

    Raises
    ------
    NotFound
        When no centre lies in the box, or nothing is held at the time asked.
    TooLarge
        When the answer would exceed `bound`; nothing has been read.
    """
    x, y = _centres(coverage.grid, query.crs)
    columns, rows = _between(x, box.xmin, box.xmax), _between(y, box.ymin, box.ymax)
    if columns.start == columns.stop or rows.start == rows.stop:
        raise NotFound(
            f"No cell of {coverage.collection.id} has its centre in the box: ask a larger box, or a position."
        )
    times, window = _times(coverage, query)
    shape = _shape((*window, rows, columns))
    _check(prod(shape) * len(query.parameters), bound)
    if query.crs == coverage.grid.bbox.crs:
        values = {name: _read(coverage, name, (*window, rows, columns)) for name in query.parameters}
    else:
        cells = _cells(coverage.grid, query.crs, (rows.start, rows.stop), (columns.start, columns.stop))
        values = {name: _gather(coverage, name, window, *cells) for name in query.parameters}
    return _document(coverage, coveragejson.domain("Grid", x[columns], y[rows], times), values, shape, query)


def _times(coverage: Coverage, query: EdrQuery) -> tuple[NDArray[np.datetime64] | None, Window]:
    """Return the instants asked, and the part of a window that selects them."""
    times = coverage.times
    if times is None:
        return None, ()
    chosen = steps(times, query.time)
    if chosen.start >= chosen.stop:
        near = coveragejson.rfc3339(times[max(chosen.stop - 1, 0) : chosen.stop + 1])
        raise NotFound(f"{coverage.collection.id} has no step at datetime={query.time}; near it: {', '.join(near)}.")
    return times[chosen], (chosen,)


def _check(count: int, bound: int) -> None:
    if count > bound:
        raise TooLarge(
            f"The answer would hold {count} values and the bound is {bound}: "
            "ask a smaller box, a shorter time or fewer parameters."
        )


def _document(
    coverage: Coverage,
    domain: Document,
    values: Mapping[str, NDArray[Any]],
    shape: tuple[int, ...],
    query: EdrQuery,
) -> Document:
    axes = {0: (), 1: ("t",), 2: ("y", "x"), 3: ("t", "y", "x")}[len(shape)]
    ranges = {name: coveragejson.ndarray(array, axes, shape) for name, array in values.items()}
    parameters = coveragejson.parameters(coverage.collection)
    return coveragejson.document([coveragejson.coverage(domain, ranges)], parameters, query.crs)


# --- The grid and its lattice ----------------------------------------------------------------------


@lru_cache(maxsize=64)
def _centres(grid: Grid, crs: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the x and y, ascending, of the cells' centres or, in another CRS, of the lattice's nodes."""
    box = grid.bbox.to(crs)
    x = box.xmin + (np.arange(grid.columns) + 0.5) * ((box.xmax - box.xmin) / grid.columns)
    y = box.ymin + (np.arange(grid.rows) + 0.5) * ((box.ymax - box.ymin) / grid.rows)
    return np.round(x, _DECIMALS), np.round(y, _DECIMALS)


def _between(centres: NDArray[np.float64], low: float, high: float) -> slice:
    first, last = np.searchsorted(centres, low, "left"), np.searchsorted(centres, high, "right")
    return slice(int(first), int(last))


def _locate(grid: Grid, x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return row and column of the cell that contains each point, given in the grid's CRS; -1 outside.

    A cell holds its lower and left edges; the outermost cells hold their outer edges too.
    """
    box = grid.bbox

    def index(value: NDArray[np.float64], low: float, high: float, count: int) -> NDArray[np.int32]:
        inside = (value >= low) & (value <= high)
        cell = np.floor((np.where(inside, value, low) - low) * (count / (high - low)))
        return np.where(inside, np.minimum(cell, count - 1), -1).astype(np.int32)

    return index(y, box.ymin, box.ymax, grid.rows), index(x, box.xmin, box.xmax, grid.columns)


@lru_cache(maxsize=8)
def _cells(
    grid: Grid, crs: str, rows: tuple[int, int], columns: tuple[int, int]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return row and column of the cell under each node of a part of the lattice; -1 outside.

    Kept for the last few windows: a client that steps through time asks the same one again.
    """
    x, y = _centres(grid, crs)
    mesh_x, mesh_y = np.meshgrid(x[slice(*columns)], y[slice(*rows)])
    return _locate(grid, *crs_.transform(mesh_x, mesh_y, crs, grid.bbox.crs))


# --- Reading ---------------------------------------------------------------------------------------


def _gather(
    coverage: Coverage, name: str, window: Window, rows: NDArray[np.int32], columns: NDArray[np.int32]
) -> NDArray[Any]:
    """Return the values at given cells through their covering window, not-a-number where there is no cell."""
    outside = (rows < 0) | (columns < 0)
    if outside.all():
        return np.full((*_shape(window), *rows.shape), np.nan, np.float32)
    top, left = rows[~outside].min(), columns[~outside].min()
    covering = slice(int(top), int(rows.max()) + 1), slice(int(left), int(columns.max()) + 1)
    block = _read(coverage, name, (*window, *covering))
    values = block[..., np.where(outside, 0, rows - top), np.where(outside, 0, columns - left)]
    if outside.any():
        values = values.astype(np.result_type(values, np.float32), copy=False)
        values[..., outside] = np.nan
    return values


def _read(coverage: Coverage, name: str, window: Window) -> NDArray[Any]:
    """Return one window of a variable, from the layout that decompresses the fewest values for it."""
    arrays = [dataset[name] for dataset in coverage.layouts]
    return np.asarray(min(arrays, key=lambda array: _touched(array, window))[window].values)


def _touched(array: xr.DataArray, window: Window) -> int:
    chunks = array.encoding.get("chunks") or array.shape
    spans = zip(window, chunks, strict=True)
    return prod(((part.stop - 1) // size - part.start // size + 1) * size for part, size in spans)


def _shape(window: Window) -> tuple[int, ...]:
    return tuple(part.stop - part.start for part in window)
