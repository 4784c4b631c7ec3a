"""The cells of a coverage as rows: one row a cell and a step of time, the cell's square as geometry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import shapely
import xarray as xr
from numpy.typing import NDArray

from twin.crs import BBox
from twin.errors import BadInput, StoreFault
from twin.export.columns import GEOMETRY, TIME
from twin.model import Collection
from twin.store import Principal, Store
from twin.time import TimeSpan

_BLOCK_CELLS = 16_384


@dataclass(frozen=True)
class _Part:
    """The selected cells, as flat numbers in the grid, and the steps of time."""

    cells: NDArray[np.intp]
    steps: NDArray[np.intp] | None

    @property
    def size(self) -> int:
        return self.cells.size * (1 if self.steps is None else self.steps.size)


@dataclass(frozen=True)
class _Squares:
    """The squares of a grid, around the centres of its cells."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    half_x: float
    half_y: float

    @classmethod
    def of(cls, cube: xr.Dataset, collection: Collection) -> _Squares:
        grid = collection.grid
        if grid is None:
            raise StoreFault(f"The coverage {collection.id} has no grid in the catalogue: derive it again.")
        box = grid.bbox
        return cls(
            cube["x"].to_numpy(),
            cube["y"].to_numpy(),
            (box.xmax - box.xmin) / grid.columns / 2,
            (box.ymax - box.ymin) / grid.rows / 2,
        )

    def polygons(self, cells: NDArray[np.intp]) -> NDArray[np.object_]:
        rows, columns = np.divmod(cells, self.x.size)
        x, y = self.x[columns], self.y[rows]
        return np.asarray(shapely.box(x - self.half_x, y - self.half_y, x + self.half_x, y + self.half_y))

    def meeting(self, region: shapely.Polygon | None) -> NDArray[np.intp]:
        if region is None:
            return np.arange(self.y.size * self.x.size)
        xmin, ymin, xmax, ymax = region.bounds
        columns = np.flatnonzero((self.x + self.half_x >= xmin) & (self.x - self.half_x <= xmax))
        rows = np.flatnonzero((self.y + self.half_y >= ymin) & (self.y - self.half_y <= ymax))
        shapely.prepare(region)
        # Row by row: a square is an object, and a grid may have millions of them.
        near = (columns + row * self.x.size for row in rows)
        meeting = [cells[shapely.intersects(region, self.polygons(cells))] for cells in near]
        return np.concatenate(meeting) if meeting else np.empty(0, np.intp)


def count(store: Store, collection: Collection, bbox: BBox | None, time: TimeSpan | None, principal: Principal) -> int:
    """Return how many rows the cells that meet a box, at the steps inside a span, make."""
    with store.cubes.open(collection.id, principal) as cube:
        return _part(cube, collection, _Squares.of(cube, collection), bbox, time).size


def read(
    store: Store, collection: Collection, bbox: BBox | None, time: TimeSpan | None, principal: Principal
) -> Iterator[pa.RecordBatch]:
    """Stream the cells, step after step, south to north then west to east.

    A cell is a square polygon, WKB in the CRS of the collection; a value that is not a number is null.
    """
    with store.cubes.open(collection.id, principal) as cube:
        squares = _Squares.of(cube, collection)
        part = _part(cube, collection, squares, bbox, time)
        for step in [None] if part.steps is None else part.steps:
            slab = cube if step is None else cube.isel(time=int(step))
            values = {each.name: slab[each.name].to_numpy().ravel() for each in collection.observed_properties}
            for start in range(0, part.cells.size, _BLOCK_CELLS):
                block = part.cells[start : start + _BLOCK_CELLS]
                arrays = {
                    name: pa.array(grid[block].astype(np.float64), from_pandas=True) for name, grid in values.items()
                }
                if step is not None:
                    instant = cube[TIME].to_numpy()[step].astype("datetime64[us]")
                    arrays[TIME] = pa.repeat(pa.scalar(instant, pa.timestamp("us")), block.size)
                arrays[GEOMETRY] = pa.array(shapely.to_wkb(squares.polygons(block)), pa.binary())
                yield pa.RecordBatch.from_pydict(arrays)


def _part(
    cube: xr.Dataset, collection: Collection, squares: _Squares, bbox: BBox | None, time: TimeSpan | None
) -> _Part:
    region = bbox.polygon(collection.crs) if bbox else None
    return _Part(squares.meeting(region), _steps(cube, collection, time))


def _steps(cube: xr.Dataset, collection: Collection, time: TimeSpan | None) -> NDArray[np.intp] | None:
    if TIME not in cube.dims:
        if time is not None:
            raise BadInput(f"{collection.id} does not vary with time: leave datetime out.")
        return None
    instants = cube[TIME].to_numpy().astype("datetime64[us]")
    chosen = np.ones(instants.size, dtype=bool)
    if time and time.start:
        chosen &= instants >= _naive(time.start)
    if time and time.end:
        chosen &= instants <= _naive(time.end)
    return np.flatnonzero(chosen)


def _naive(instant: datetime) -> np.datetime64:
    return np.datetime64(instant.astimezone(UTC).replace(tzinfo=None), "us")
