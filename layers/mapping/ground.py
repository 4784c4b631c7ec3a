"""The ground that is mapped: its cells, and the covariates in them and at stations, sampled from coverages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from layers.grids import Floats, cell_size, centres, regular_grid
from layers.mapping.parameters import MapParameters, Variable
from layers.reading import present
from twin.context import Twin
from twin.errors import DoesNotApply
from twin.model import Grid
from twin.store import OPERATOR


@dataclass(frozen=True)
class Surface:
    """One variable of a coverage at one time: values of shape (rows, columns), from the south-west."""

    asked: Variable
    revision: int
    grid: Grid
    values: Floats

    def at(self, points: Floats) -> Floats:
        """Return the value of the cell in which each point lies, not-a-number outside; the outer edges are inside."""
        width, height = cell_size(self.grid)
        box, (x, y) = self.grid.bbox, np.asarray(points).T
        inside = (x >= box.xmin) & (x <= box.xmax) & (y >= box.ymin) & (y <= box.ymax)
        column = np.clip((x - box.xmin) // width, 0, self.grid.columns - 1).astype(int)
        row = np.clip((y - box.ymin) // height, 0, self.grid.rows - 1).astype(int)
        return np.where(inside, self.values[row, column], np.nan)


@dataclass(frozen=True)
class Ground:
    """The cells of the maps, row by row from the south-west.

    Attributes
    ----------
    surfaces
        Of the covariates that there are.
    absent
        The variables asked for that are not there, as ``collection.variable``.
    """

    grid: Grid
    surfaces: tuple[Surface, ...]
    absent: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The covariates' names."""
        return tuple(surface.asked.variable for surface in self.surfaces)

    @property
    def points(self) -> Floats:
        """The middles of the cells, shape (cells, 2)."""
        x, y = centres(self.grid)
        return np.column_stack([np.tile(x, y.size), np.repeat(y, x.size)])

    def covariates_at(self, points: Floats) -> Floats:
        """Return the covariates at points, shape (points, covariates)."""
        return np.column_stack([surface.at(points) for surface in self.surfaces])


def read_ground(twin: Twin, parameters: MapParameters, until: np.datetime64) -> Ground:
    """Read the covariates as they stood last at an instant.

    Raises
    ------
    DoesNotApply
        When none of the covariates is there.
    """
    surfaces = [read_surface(twin, asked, until) for asked in parameters.covariates]
    found = tuple(surface for surface in surfaces if surface is not None)
    asked = [f"{one.collection}.{one.variable}" for one in parameters.covariates]
    if not found:
        raise DoesNotApply(
            f"None of the covariates is there ({', '.join(asked)}): derive urban_morphology first, or name others."
        )
    grid = found[0].grid
    if parameters.cell is not None:
        box = grid.bbox
        grid = regular_grid((box.xmin, box.ymin, box.xmax, box.ymax), parameters.cell, box.crs)
    return Ground(
        grid=grid,
        surfaces=found,
        absent=tuple(name for name, surface in zip(asked, surfaces, strict=True) if surface is None),
    )


def read_surface(twin: Twin, asked: Variable, until: np.datetime64) -> Surface | None:
    """Return a variable as it stood last at an instant, the first where it has none so early; None where absent."""
    collection = present(twin, asked.collection)
    if (
        collection is None
        or collection.grid is None
        or asked.variable not in {known.name for known in collection.observed_properties}
    ):
        return None
    with twin.store.cubes.open(asked.collection, OPERATOR) as dataset:
        values = dataset[asked.variable]
        if "time" in values.dims:
            values = values.isel(time=max(int(np.searchsorted(values["time"].values, until, "right")) - 1, 0))
        return Surface(asked, collection.revision, collection.grid, values.values.astype(np.float64))
