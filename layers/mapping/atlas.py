"""The maps of hours: what is mapped, and the error to expect of it, drawn a month at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from layers.grids import Floats, centres
from layers.interpolation import Mapping, Places
from layers.mapping.fitted import Fitted
from layers.mapping.ground import Ground
from layers.mapping.parameters import MapParameters
from layers.mapping.record import Record
from twin.compute import Compute
from twin.model import Grid

type Steps = NDArray[np.intp]
type Singles = NDArray[np.float32]
#: Numbers of hours of the record, what is mapped, its standard error (both (hours, cells)) to variables by name.
type Finish = Callable[[Steps, Singles, Singles], dict[str, Singles]]

#: Values of one variable in a block, of which each thread has two under way: 100 MB with all that makes them.
BLOCK = 1_500_000
#: Months kept ready: the first night of a month begins in the one before.
_KEPT = 2


@dataclass(frozen=True, eq=False)
class Canvas:
    """What the hours of one month are drawn with; it travels to workers.

    Attributes
    ----------
    mappings
        The groups of the month, over the cells.
    hours
        Of the whole record.
    finish
        Makes the variables of the coverage.
    """

    mappings: tuple[Mapping, ...]
    grid: Grid
    hours: NDArray[np.datetime64]
    finish: Finish

    def draw(self, steps: Steps) -> xr.Dataset:
        """Return the maps of some hours of the record, blank at those without a map."""
        shape = steps.size, self.grid.rows * self.grid.columns
        values, errors = (np.full(shape, np.nan, np.float32) for _ in range(2))
        for mapping in self.mappings:
            instants = mapping.group.instants
            chosen = np.isin(instants, steps)
            if chosen.any():
                rows = np.searchsorted(steps, instants[chosen])
                values[rows], errors[rows] = mapping.draw(chosen)
        x, y = centres(self.grid)
        return xr.Dataset(
            {
                name: (("time", "y", "x"), maps.reshape(-1, y.size, x.size))
                for name, maps in self.finish(steps, values, errors).items()
            },
            coords={"time": self.hours[steps].astype("M8[ns]"), "y": y, "x": x},
        )


@dataclass(frozen=True, eq=False)
class Atlas:
    """A record, ready to be drawn a month at a time.

    Attributes
    ----------
    finish
        Pickles: a function of a module, or a partial of one.
    """

    record: Record
    ground: Ground
    fitted: list[Fitted]
    parameters: MapParameters
    finish: Finish
    compute: Compute
    _last: dict[np.datetime64, Canvas] = field(default_factory=dict, repr=False)

    @property
    def mapped(self) -> bool:
        """Whether any hour has a map."""
        return any(one.groups for one in self.fitted)

    def draw(self, steps: Steps) -> Iterator[xr.Dataset]:
        """Stream the maps of some hours of the record, ascending, in blocks of one month."""
        months = self.record.hours[steps].astype("M8[M]")
        for month in np.unique(months):
            yield from self.compute.map(partial(Canvas.draw, self._canvas(month)), self._blocks(steps[months == month]))

    def mean(self, steps: Steps) -> tuple[Floats, NDArray[np.int64]]:
        """Return the mean over some hours of what is mapped, unrounded, and how many each cell has: (rows, columns).

        Maps are linear in the values: the mean of maps is drawn from the mean of values, once for each set of
        stations missing.
        """
        shape = self.ground.grid.rows, self.ground.grid.columns
        total, count = np.zeros(shape[0] * shape[1]), np.zeros(shape[0] * shape[1], np.int64)
        months = self.record.hours[steps].astype("M8[M]")
        for month in np.unique(months):
            for mapping in self._canvas(month).mappings:
                chosen = np.isin(mapping.group.instants, steps)
                if chosen.any():
                    of_mapping, hours = mapping.total(chosen)
                    total += of_mapping
                    count += hours
        mean = np.divide(total, count, out=np.full(total.size, np.nan), where=count > 0)
        return mean.reshape(shape), count.reshape(shape)

    def _blocks(self, steps: Steps) -> Iterable[Steps]:
        size = max(1, BLOCK // (self.ground.grid.rows * self.ground.grid.columns))
        return [steps[start : start + size] for start in range(0, steps.size, size)]

    def _canvas(self, month: np.datetime64) -> Canvas:
        """Return what draws a month: the last two are kept, since weights take longer than the map of an hour."""
        if month not in self._last:
            if len(self._last) == _KEPT:
                del self._last[next(iter(self._last))]
            points = self.ground.points
            places = Places(points, self.ground.covariates_at(points), self.parameters.distance, self.parameters.margin)
            groups = [group for one in self.fitted if one.regime.month == month for group in one.groups]
            mappings = tuple(Mapping(group, places) for group in groups)
            self._last[month] = Canvas(mappings, self.ground.grid, self.record.hours, self.finish)
        return self._last[month]


def rounded(values: Singles, parts: int) -> Singles:
    """Return values rounded to so many parts of their unit, a power of two: what is round packs four times smaller."""
    return np.asarray(np.round(values * np.float32(parts)) / np.float32(parts))
