"""The maps of hours: temperature, difference with the reference, and the error to expect of both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from layers.grids import Floats, centres
from layers.heat_map.fitted import Fitted
from layers.heat_map.ground import Ground
from layers.heat_map.observed import Observed
from layers.heat_map.parameters import Parameters
from layers.interpolation import Mapping, Places
from twin.compute import Compute
from twin.model import Grid

type Steps = NDArray[np.intp]
type Singles = NDArray[np.float32]

#: Values of one variable in a block, of which each thread has two under way: 100 MB with all that makes them.
BLOCK = 1_500_000
#: Of what is written: 1/128 K, far below what a thermometer tells; what is round packs four times smaller.
_PARTS = 128.0


@dataclass(frozen=True, eq=False)
class Canvas:
    """What the hours of one month are drawn with; it travels to workers.

    Attributes
    ----------
    mappings
        The groups of the month, over the cells.
    hours, reference
        Of the whole record.
    effect
        What the altitude of each cell adds, in K, shape (cells,).
    """

    mappings: tuple[Mapping, ...]
    grid: Grid
    hours: NDArray[np.datetime64]
    reference: Floats
    effect: Singles

    def draw(self, steps: Steps) -> xr.Dataset:
        """Return the maps of some hours of the record, blank at those without a map."""
        shape = steps.size, self.effect.size
        difference, error = (np.full(shape, np.nan, np.float32) for _ in range(2))
        for mapping in self.mappings:
            instants = mapping.group.instants
            chosen = np.isin(instants, steps)
            if chosen.any():
                rows = np.searchsorted(steps, instants[chosen])
                difference[rows], error[rows] = mapping.draw(chosen)
        temperature = difference + self.reference[steps, np.newaxis].astype(np.float32) + self.effect
        x, y = centres(self.grid)
        maps = {
            "air_temperature": temperature,
            "air_temperature_difference": difference,
            "standard_error": error,
        }
        return xr.Dataset(
            {name: (("time", "y", "x"), _rounded(values).reshape(-1, y.size, x.size)) for name, values in maps.items()},
            coords={"time": self.hours[steps].astype("M8[ns]"), "y": y, "x": x},
        )


@dataclass(frozen=True)
class Atlas:
    """The record, ready to be drawn a month at a time."""

    observed: Observed
    ground: Ground
    fitted: list[Fitted]
    parameters: Parameters
    compute: Compute

    def draw(self, steps: Steps) -> Iterator[xr.Dataset]:
        """Stream the maps of some hours of the record, ascending, in blocks of one month."""
        months = self.observed.hours[steps].astype("M8[M]")
        for month in np.unique(months):
            yield from self.compute.map(partial(Canvas.draw, self._canvas(month)), self._blocks(steps[months == month]))

    def _blocks(self, steps: Steps) -> Iterable[Steps]:
        size = max(1, BLOCK // (self.ground.grid.rows * self.ground.grid.columns))
        return [steps[start : start + size] for start in range(0, steps.size, size)]

    def _canvas(self, month: np.datetime64) -> Canvas:
        parameters, ground = self.parameters, self.ground
        points = ground.points
        places = Places(points, ground.covariates_at(points), parameters.distance, parameters.margin)
        lapse = parameters.correction or 0.0
        return Canvas(
            mappings=tuple(
                Mapping(group, places) for one in self.fitted if one.regime.month == month for group in one.groups
            ),
            grid=ground.grid,
            hours=self.observed.hours,
            reference=self.observed.reference,
            effect=(lapse * ground.altitude_at(points, self.observed.level)).astype(np.float32),
        )


def _rounded(values: Singles) -> Singles:
    return np.asarray(np.round(values * np.float32(_PARTS)) / np.float32(_PARTS))
