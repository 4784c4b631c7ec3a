"""Queries over a coverage: which cells, read from the chunk layout that costs least.

A value is always that of the cell that contains the point told (see :mod:`ogc_api.edr.lattice`);
outside of the grid there is none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import shapely
import xarray as xr
from numpy.typing import NDArray

from ogc_api.edr import lattice, shapes
from ogc_api.edr.answer import Grid as GridBody
from ogc_api.edr.answer import Times
from ogc_api.edr.query import EdrQuery, steps
from ogc_api.edr.rfc3339 import rfc3339
from twin import crs as crs_
from twin.crs import BBox
from twin.errors import BadInput, NoData, TooLarge
from twin.model import Collection, Grid
from twin.settings import Bounds

#: Values, and cells on a side, that are read at most through one window to get a few of them.
_BLOCK, _SIDE = 4_000_000, 64

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


@dataclass(frozen=True)
class Cells:
    """Some cells of a coverage: how many values one step of them has, and how to read them.

    ``read`` takes the name of a variable and the window of its times: ``(steps,)``, or nothing for
    a coverage without time; it returns ``([steps,] *shape)``.
    """

    shape: tuple[int, ...]
    read: Callable[[str, Window], NDArray[Any]]
    count: int


def position(coverage: Coverage, query: EdrQuery) -> tuple[NDArray[np.float64], Cells]:
    """Return the points asked that lie on the grid, and the cell that contains each.

    Raises
    ------
    NoData
        When every point lies outside of the grid.
    """
    points = shapely.get_coordinates(query.coords)
    rows, columns = lattice.locate(
        coverage.grid, *crs_.transform(points[:, 0], points[:, 1], query.crs, coverage.grid.bbox.crs)
    )
    held = rows >= 0
    if not held.any():
        raise NoData(f"The point lies outside the grid of {coverage.collection.id}: see the collection's extent.")
    return points[held], _scattered(coverage, rows[held], columns[held])


def _scattered(
    coverage: Coverage,
    rows: NDArray[np.int32],
    columns: NDArray[np.int32],
    when: NDArray[np.int64] | None = None,
) -> Cells:
    """Return cells here and there, near ones read together; with `when`, each at a step of its own."""
    steps_ = 1 if coverage.times is None or when is not None else len(coverage.times)
    if len(rows) == 1 and when is None:
        return Cells((1,), lambda name, times: _gather(coverage, name, times, rows, columns), 1)
    side = int(np.clip((_BLOCK / max(steps_, 1)) ** 0.5, 1, _SIDE))
    step = np.zeros(len(rows), np.int64) if when is None else when
    _, group = np.unique(np.stack([step, rows // side, columns // side]), axis=1, return_inverse=True)
    order = np.argsort(group, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(group[order])) + 1)

    def values(name: str, times: Window) -> NDArray[Any]:
        found: NDArray[Any] | None = None
        for members in groups:
            at = times if when is None else (slice(int(step[members[0]]), int(step[members[0]]) + 1),)
            block = _gather(coverage, name, at, rows[members], columns[members])
            block = block if when is None else block[0]
            if found is None:
                found = np.empty((*block.shape[:-1], len(rows)), block.dtype)
            found[..., members] = block
        assert found is not None  # noqa: S101 - there is a cell
        return found

    return Cells((len(rows),), values, len(rows))


def box(coverage: Coverage, query: EdrQuery) -> tuple[GridBody, Cells]:
    """Return the cells whose centres lie in the box asked, x and y ascending.

    Raises
    ------
    NoData
        When no centre lies in the box.
    BadInput
        When some lie on each side of the antimeridian: no ascending axis has both.
    """
    windows = [_window(coverage, query, side) for side in query.boxes]
    held = [(rows, columns) for rows, columns in windows if rows.start < rows.stop and columns.start < columns.stop]
    if not held:
        raise NoData(_no_centre(coverage))
    if len(held) > 1:
        raise BadInput(
            f"The bbox crosses the antimeridian, and {coverage.collection.id} lies on both of its sides: ask one side, "
            "then the other."
        )
    return _part(coverage, query, *held[0], None)


def _window(coverage: Coverage, query: EdrQuery, box: BBox) -> tuple[slice, slice]:
    """Return which rows and columns of the answer have their centre in a box."""
    if box.crs != query.crs:
        west, south, east, north = box.xmin, box.ymin, box.xmax, box.ymax
        if (extent := coverage.collection.extent) is not None:
            # No projected CRS holds the whole world.
            west, east = max(west, extent.xmin - 1), min(east, extent.xmax + 1)
            south, north = max(south, extent.ymin - 1), min(north, extent.ymax + 1)
        if west > east or south > north:
            return slice(0, 0), slice(0, 0)
        box = BBox(xmin=west, ymin=south, xmax=east, ymax=north, crs=box.crs).to(query.crs)
    return lattice.window(coverage.grid, query.crs, box)


def area(coverage: Coverage, query: EdrQuery, region: shapely.Geometry, bounds: Bounds) -> tuple[GridBody, Cells]:
    """Return the cells whose centres lie in a region given in the CRS of storage; the others of its box are missing.

    Raises
    ------
    NoData
        When no centre lies in it.
    TooLarge
        When its box has more cells than an answer may have values; nothing has been read.
    """
    if region.is_empty:
        raise NoData(_no_centre(coverage))
    crs = coverage.grid.bbox.crs
    west, south, east, north = region.bounds
    around = BBox(xmin=west, ymin=south, xmax=east, ymax=north, crs=crs).to(query.crs)
    rows, columns = lattice.window(coverage.grid, query.crs, around)
    check((rows.stop - rows.start) * (columns.stop - columns.start), bounds.values)
    return _part(coverage, query, rows, columns, region)


def _part(
    coverage: Coverage, query: EdrQuery, rows: slice, columns: slice, region: shapely.Geometry | None
) -> tuple[GridBody, Cells]:
    if columns.start >= columns.stop or rows.start >= rows.stop:
        raise NoData(_no_centre(coverage))
    x, y = lattice.centres(coverage.grid, query.crs)
    body = GridBody(x[columns], y[rows], None, {})
    shape = (rows.stop - rows.start, columns.stop - columns.start)
    inside = None if region is None else lattice.covered(coverage.grid, query.crs, rows, columns, region)
    if inside is not None and not inside.any():
        raise NoData(_no_centre(coverage))

    def values(name: str, times: Window) -> NDArray[Any]:
        if query.crs == coverage.grid.bbox.crs:
            block = read(coverage, name, (*times, rows, columns))
        else:
            places = lattice.cells(coverage.grid, query.crs, (rows.start, rows.stop), (columns.start, columns.stop))
            block = _gather(coverage, name, times, *places)
        if inside is not None and not inside.all():
            block = _floating(block)
            block[..., ~inside] = np.nan
        return block

    return body, Cells(shape, values, prod(shape) if inside is None else int(inside.sum()))


def _no_centre(coverage: Coverage) -> str:
    return f"No cell of {coverage.collection.id} has its centre there: ask a larger box or area, or a position."


def along(coverage: Coverage, query: EdrQuery, bounds: Bounds) -> tuple[NDArray[np.float64], Cells, Times]:
    """Return a point in each cell that lines cross, in order, the cells, and the step of each when the lines have M.

    With M (seconds since 1970), the value is that of the last step not after the moment of passage;
    what is passed before the first step, or after the last one has ended, has none.

    Raises
    ------
    NoData
        When the lines cross no cell, or cross none while the coverage lasts.
    """
    moments = bool(shapely.has_m(query.coords))
    parts = []
    for part in shapely.get_parts(query.coords):
        line = _dense(shapely.get_coordinates(part, include_m=moments))
        x, y = crs_.transform(line[:, 0], line[:, 1], query.crs, coverage.grid.bbox.crs)
        if not np.isfinite([x, y]).all():
            continue
        line = np.column_stack([x, y, *line.T[2:]])
        check(lattice.crossings(coverage.grid, line[:, :2]), bounds.values)
        parts.append(lattice.crossed(coverage.grid, line))
    points = np.concatenate(parts) if parts else np.empty((0, 2))
    when: NDArray[np.int64] | None = None
    if moments and len(points):
        when = _passages(coverage, query, points[:, 2])
        points, when = points[when >= 0], when[when >= 0]
    if not len(points):
        raise NoData(f"The line meets no cell of {coverage.collection.id}: see the collection's extent.")
    rows, columns = lattice.locate(coverage.grid, points[:, 0], points[:, 1])
    out = np.column_stack(crs_.transform(points[:, 0], points[:, 1], coverage.grid.bbox.crs, query.crs))
    out = np.round(out, lattice.DECIMALS)

    times = coverage.times
    moving = times[when] if when is not None and times is not None else None
    return out, _scattered(coverage, rows, columns, when), moving


def _dense(line: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cut a line into pieces, M with it, before it is transformed."""
    way = np.concatenate([[0.0], np.hypot(*np.diff(line[:, :2], axis=0).T).cumsum()])
    at = np.union1d(way, np.linspace(0, way[-1], shapes.PIECES + 1))
    return np.column_stack([np.interp(at, way, column) for column in line.T])


def _passages(coverage: Coverage, query: EdrQuery, seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the step of each moment; -1 where the coverage, or the datetime asked, has none."""
    times = coverage.times
    if times is None:
        raise BadInput(f"{coverage.collection.id} has no time: write LINESTRING without M.")
    known = times.astype("M8[us]").astype(np.int64)
    moments = np.clip(seconds, -1e11, 1e11) * 1e6
    found = np.searchsorted(known, moments, "right") - 1
    lasts = usual_step(times)
    found[(found >= 0) & (moments >= known[found] + lasts)] = -1
    chosen = steps(times, query.time)
    found[(found < chosen.start) | (found >= chosen.stop)] = -1
    return found


def usual_step(times: NDArray[np.datetime64]) -> int:
    """Return the most frequent step of ascending instants, the shorter of two, in microseconds; 1 of a single one."""
    gaps, counts = np.unique(np.diff(times.astype("M8[us]").astype(np.int64)), return_counts=True)
    return int(gaps[counts.argmax()]) if len(gaps) else 1


def chosen_times(coverage: Coverage, query: EdrQuery) -> tuple[Times, Window]:
    """Return the instants asked, and the part of a window that selects them.

    Raises
    ------
    NoData
        When nothing is held at the time asked.
    """
    times = coverage.times
    if times is None:
        return None, ()
    chosen = steps(times, query.time)
    if chosen.start >= chosen.stop:
        near = rfc3339(times[max(chosen.stop - 1, 0) : chosen.stop + 1])
        raise NoData(f"{coverage.collection.id} has no step at datetime={query.time}; near it: {', '.join(near)}.")
    return times[chosen], (chosen,)


def values(
    coverage: Coverage, query: EdrQuery, cells: Cells, bound: int, *, many: int = 1
) -> tuple[Times, dict[str, NDArray[Any]]]:
    """Return the times asked and the values of some cells.

    Parameters
    ----------
    many
        How many such selections the answer has in all.

    Raises
    ------
    NoData
        When nothing is held at the time asked.
    TooLarge
        When the answer would exceed `bound`; nothing has been read.
    """
    times, window = chosen_times(coverage, query)
    check(prod((*shape(window), *cells.shape)) * len(query.parameters) * many, bound)
    return times, {name: cells.read(name, window) for name in query.parameters}


def check(count: int, bound: int) -> None:
    """Refuse an answer of too many values."""
    if count > bound:
        raise TooLarge(
            f"The answer would hold {count} values and the bound is {bound}: "
            "ask a smaller box, a shorter time or fewer parameters."
        )


# --- Reading ---------------------------------------------------------------------------------------


def _floating(block: NDArray[Any]) -> NDArray[Any]:
    return block.astype(np.result_type(block, np.float32), copy=not block.flags.writeable)


def _gather(
    coverage: Coverage, name: str, window: Window, rows: NDArray[np.int32], columns: NDArray[np.int32]
) -> NDArray[Any]:
    """Return the values at given cells through their covering window, not-a-number where there is no cell."""
    outside = (rows < 0) | (columns < 0)
    if outside.all():
        return np.full((*shape(window), *rows.shape), np.nan, np.float32)
    top, left = rows[~outside].min(), columns[~outside].min()
    covering = slice(int(top), int(rows.max()) + 1), slice(int(left), int(columns.max()) + 1)
    block = read(coverage, name, (*window, *covering))
    found = block[..., np.where(outside, 0, rows - top), np.where(outside, 0, columns - left)]
    if outside.any():
        found = found.astype(np.result_type(found, np.float32), copy=False)
        found[..., outside] = np.nan
    return found


def read(coverage: Coverage, name: str, window: Window) -> NDArray[Any]:
    """Return one window of a variable, from the layout that decompresses the fewest values for it."""
    arrays = [dataset.variables[name] for dataset in coverage.layouts]  # without the coordinates of each window
    return np.asarray(min(arrays, key=lambda array: _touched(array, window))[window].values)


def _touched(array: xr.Variable, window: Window) -> int:
    chunks = array.encoding.get("chunks") or array.shape
    # A chunk may be larger than the array: what lies beyond costs next to nothing.
    spans = zip(window, map(min, chunks, array.shape), strict=True)
    return prod(((part.stop - 1) // size - part.start // size + 1) * size for part, size in spans)


def shape(window: Window) -> tuple[int, ...]:
    """Return the number of elements of a window along each axis."""
    return tuple(part.stop - part.start for part in window)
