"""Regular grids over a city, and the exact area that polygons have in their cells: pure functions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.crs import BBox
from twin.errors import BadInput
from twin.model import Grid

type Bounds = tuple[float, float, float, float]
type Floats = NDArray[np.float64]
type Numbers = NDArray[np.intp]

#: The most values that the maps of one layer may hold: 400 MB while they are computed.
_LARGEST = 50_000_000


def regular_grid(bounds: Bounds, cell: float, crs: str, maps: int = 1) -> Grid:
    """Return the grid of square cells that covers `bounds`, its edges at multiples of `cell`.

    Parameters
    ----------
    maps
        How many maps of it are to be held at once.

    Raises
    ------
    BadInput
        When they would have more than 50 million cells.
    """
    grid = Grid.over(bounds, cell, crs)
    bound(grid, maps)
    return grid


def bound(grid: Grid, maps: int) -> None:
    """Refuse more maps of `grid` than memory is meant to hold."""
    if maps * grid.columns * grid.rows > _LARGEST:
        raise BadInput(f"{maps} maps of {grid.columns} by {grid.rows} cells are too many: choose a larger cell.")


def cell_size(grid: Grid) -> tuple[float, float]:
    """Return the width and the height of a cell."""
    box = grid.bbox
    return (box.xmax - box.xmin) / grid.columns, (box.ymax - box.ymin) / grid.rows


def centres(grid: Grid) -> tuple[Floats, Floats]:
    """Return the x of the columns and the y of the rows, at the middle of cells, ascending."""
    width, height = cell_size(grid)
    return (
        grid.bbox.xmin + (np.arange(grid.columns, dtype=np.float64) + 0.5) * width,
        grid.bbox.ymin + (np.arange(grid.rows, dtype=np.float64) + 0.5) * height,
    )


def tiles(grid: Grid, side: int) -> Iterator[tuple[tuple[slice, slice], Grid]]:
    """Cut a grid into tiles of at most `side` by `side` cells: their rows and columns, and their own grid."""
    width, height = cell_size(grid)
    x, y = grid.bbox.xmin, grid.bbox.ymin
    for row in range(0, grid.rows, side):
        for column in range(0, grid.columns, side):
            top, right = min(row + side, grid.rows), min(column + side, grid.columns)
            box = BBox(
                xmin=x + column * width,
                ymin=y + row * height,
                xmax=x + right * width,
                ymax=y + top * height,
                crs=grid.bbox.crs,
            )
            yield (slice(row, top), slice(column, right)), Grid(bbox=box, columns=right - column, rows=top - row)


def cell_areas(polygons: NDArray[np.object_], grid: Grid) -> tuple[Numbers, Numbers, Floats]:
    """Return the area that each polygon has in each cell that it meets, by exact intersection.

    Returns
    -------
    Three arrays of equal length: number of the polygon, number of the cell (row by row from the
    south-west), area. Parts outside the grid are left out.
    """
    width, height = cell_size(grid)
    # By rows first: a polygon of many vertices is not cut anew, whole, for each of its cells.
    of_strip, row, strips = _cut(polygons, 1, grid.bbox.ymin, height, grid.rows)
    of_piece, column, pieces = _cut(strips, 0, grid.bbox.xmin, width, grid.columns)
    return of_strip[of_piece], row[of_piece] * grid.columns + column, shapely.area(pieces)


def _cut(
    polygons: NDArray[np.object_], axis: int, start: float, size: float, count: int
) -> tuple[Numbers, Numbers, NDArray[np.object_]]:
    """Cut polygons along one axis into `count` bands of `size`: number of the polygon, of the band, the piece."""
    bounds = shapely.bounds(polygons)
    # An empty geometry has no bounds: no band is its own.
    bounds = np.where(np.isnan(bounds), [1, 1, 0, 0], bounds - [start if i % 2 == axis else 0 for i in range(4)])
    low, high = (np.floor(bounds[:, side] / size).astype(int) for side in (axis, axis + 2))
    empty = bounds[:, 0] > bounds[:, 2]
    whole = low == high
    low, high = np.maximum(low, 0), np.minimum(high, count - 1)
    pairs = np.where(empty, 0, np.maximum(high - low + 1, 0))
    which = np.repeat(np.arange(len(polygons)), pairs)
    band = low[which] + np.arange(len(which)) - np.repeat(np.cumsum(pairs) - pairs, pairs)
    pieces = np.asarray(polygons, object)[which]
    cut = ~whole[which]
    across = bounds[which[cut]]
    edges = [across[:, 0] - 1, across[:, 1] - 1, across[:, 2] + 1, across[:, 3] + 1]
    edges[axis], edges[axis + 2] = start + band[cut] * size, start + (band[cut] + 1) * size
    pieces[cut] = shapely.intersection(pieces[cut], shapely.box(*edges))
    return which, band, pieces
