"""A grid, and the regular lon/lat lattice over it.

A projected grid has no separable axes in lon/lat. Asked in CRS84, it is therefore answered on a
regular lon/lat lattice over its extent, with as many nodes as the grid has cells; each node takes
the value of the cell that contains it. The lattice belongs to the grid, not to the request: two
cubes agree where they overlap, and a position at a node gives the node's value.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray

from twin import crs as crs_
from twin.crs import BBox
from twin.model import Grid

#: Decimals of a written coordinate: a tenth of a millimetre in degrees.
DECIMALS = 9
#: Two crossings nearer than this share of a segment are one.
_TOGETHER = 1e-9


@lru_cache(maxsize=64)
def centres(grid: Grid, crs: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the x and y, ascending, of the cells' centres or, in another CRS, of the lattice's nodes."""
    box = grid.bbox.to(crs)
    x = box.xmin + (np.arange(grid.columns) + 0.5) * ((box.xmax - box.xmin) / grid.columns)
    y = box.ymin + (np.arange(grid.rows) + 0.5) * ((box.ymax - box.ymin) / grid.rows)
    return np.round(x, DECIMALS), np.round(y, DECIMALS)


def window(grid: Grid, crs: str, box: BBox) -> tuple[slice, slice]:
    """Return which rows and columns have their centre, or their node, in a box in `crs`."""
    x, y = centres(grid, crs)
    return _between(y, box.ymin, box.ymax), _between(x, box.xmin, box.xmax)


def _between(along: NDArray[np.float64], low: float, high: float) -> slice:
    first, last = np.searchsorted(along, low, "left"), np.searchsorted(along, high, "right")
    return slice(int(first), int(last))


def locate(grid: Grid, x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return row and column of the cell that contains each point, given in the grid's CRS; -1 outside.

    A cell holds its lower and left edges; the outermost cells hold their outer edges too.
    """
    box = grid.bbox

    def index(value: NDArray[np.float64], low: float, high: float, count: int) -> NDArray[np.int32]:
        inside = (value >= low) & (value <= high)
        cell = np.floor((np.where(inside, value, low) - low) * (count / (high - low)))
        return np.where(inside, np.minimum(cell, count - 1), -1).astype(np.int32)

    rows, columns = index(y, box.ymin, box.ymax, grid.rows), index(x, box.xmin, box.xmax, grid.columns)
    outside = (rows < 0) | (columns < 0)
    return np.where(outside, -1, rows), np.where(outside, -1, columns)


@lru_cache(maxsize=8)
def cells(
    grid: Grid, crs: str, rows: tuple[int, int], columns: tuple[int, int]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return row and column of the cell under each node of a part of the lattice; -1 outside.

    Kept for the last few windows: a client that steps through time asks the same one again.
    """
    return locate(grid, *_nodes(grid, crs, rows, columns))


@lru_cache(maxsize=32)
def covered(grid: Grid, crs: str, rows: slice, columns: slice, region: shapely.Geometry) -> NDArray[np.bool_]:
    """Return which centres, or nodes, of a part lie in a region given in the grid's CRS, its edges included.

    Kept for the last few regions, as :func:`cells` are: read only.
    """
    shapely.prepare(region)
    x, y = _nodes(grid, crs, (rows.start, rows.stop), (columns.start, columns.stop))
    found = np.asarray(shapely.intersects_xy(region, x, y))
    found.flags.writeable = False
    return found


def _nodes(
    grid: Grid, crs: str, rows: tuple[int, int], columns: tuple[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the nodes of a part in the grid's CRS, in shapes that broadcast to that of the part."""
    x, y = centres(grid, crs)
    mesh_x, mesh_y = np.meshgrid(x[slice(*columns)], y[slice(*rows)], sparse=crs == grid.bbox.crs)
    return crs_.transform(mesh_x, mesh_y, crs, grid.bbox.crs)


def crossings(grid: Grid, line: NDArray[np.float64]) -> int:
    """Return the most cells that a line of vertices ``(n, 2)`` may cross."""
    box = grid.bbox
    columns = np.clip((line[:, 0] - box.xmin) * (grid.columns / (box.xmax - box.xmin)), 0, grid.columns)
    rows = np.clip((line[:, 1] - box.ymin) * (grid.rows / (box.ymax - box.ymin)), 0, grid.rows)
    return int(np.abs(np.diff(columns)).sum() + np.abs(np.diff(rows)).sum()) + len(line)


def crossed(grid: Grid, line: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a point in each cell that a line crosses, in order: the middle of its way through the cell.

    Parameters
    ----------
    line
        Vertices ``(n, 2)``, or ``(n, 3)`` with a measure, which is interpolated; x, y in the grid's CRS.
    """
    box = grid.bbox
    sizes = (box.xmax - box.xmin) / grid.columns, (box.ymax - box.ymin) / grid.rows
    found = []
    for start, end in pairwise(line):
        shares = [np.array([0.0, 1.0])]
        for axis, (low, size, count) in enumerate(
            ((box.xmin, sizes[0], grid.columns), (box.ymin, sizes[1], grid.rows))
        ):
            one, other = sorted((start[axis], end[axis]))
            first = max(0, int(np.ceil((max(one, low) - low) / size)))
            last = min(count, int(np.floor((min(other, low + count * size) - low) / size)))
            if other > one and first <= last:
                crossings = low + size * np.arange(first, last + 1)
                shares.append((crossings - start[axis]) / (end[axis] - start[axis]))
        at = np.unique(np.clip(np.concatenate(shares), 0, 1))
        # A line through a corner crosses both edges at once, but for rounding.
        at = at[np.append(True, np.diff(at) > _TOGETHER)]
        middle = (at[1:] + at[:-1]) / 2
        found.append(start + middle[:, None] * (end - start))
    points = np.concatenate(found)
    rows, columns = locate(grid, points[:, 0], points[:, 1])
    # Two pieces of the line meet in a cell, or a crossing is told twice by rounding: the cell is told once.
    again = (rows[1:] == rows[:-1]) & (columns[1:] == columns[:-1])
    first = (rows >= 0) & np.append(True, ~again)
    return np.asarray(points[first])
