"""The maps of months: mean differences of nights and afternoons, and tropical nights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from layers.grids import Floats, centres
from layers.heat_map.daily import Days
from layers.interpolation import is_night
from layers.mapping import Steps, digest_of
from layers.reading import present
from twin.context import Twin
from twin.products import CubeSteps
from twin.store import OPERATOR, open_kept

type Counts = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Months:
    """The months of a record: those of its climatological days, whose hours are theirs.

    No hour is drawn for them: the mean of maps is the map of the mean, and the days' maps are there.

    Attributes
    ----------
    daily
        The maps of the days.
    """

    days: Days
    daily: CubeSteps
    _nights: dict[np.datetime64, tuple[Floats, Counts]] = field(default_factory=dict, repr=False)

    @cached_property
    def times(self) -> NDArray[np.datetime64]:
        """The months, shape (months,)."""
        return np.unique(self.days.dates.astype("M8[M]"))

    def fingerprints(self, of_hours: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Return the digest of the maps that each month is made from."""
        told = [self.days.least]
        return np.array([digest_of(of_hours[self._hours(month)], told) for month in self.times], np.uint64)

    def maps(self, twin: Twin, asked: Steps) -> Iterator[xr.Dataset]:
        """Stream the maps of some months, by their numbers.

        ``night_difference`` is a mean in K, ``tropical_nights`` counts the ``nights`` (of enough hours) whose
        minimum reaches the threshold; ``completeness`` is that of the mean of nights, in percent of the hours of
        all the nights of the month.
        """
        kept: NDArray[np.intp] = np.full(self.days.dates.size, -1)
        former: xr.Dataset | None = None
        x, y = centres(self.days.atlas.ground.grid)
        with ExitStack() as held:
            if present(twin, self.daily.collection.id) is not None:
                folder = held.enter_context(twin.store.cubes.folder(self.daily.collection.id, OPERATOR))
                kept, former = held.enter_context(open_kept(folder, self.daily))
            for month in self.times[asked]:
                of_month = np.flatnonzero(self.days.dates.astype("M8[M]") == month)
                tropical, nights = self.days.tropical(of_month, kept, former)
                difference, hours = self.night(month)
                maps = {
                    "night_difference": difference,
                    "tropical_nights": np.where(nights > 0, tropical, np.nan),
                    "nights": nights,
                    "completeness": 100 * hours / self._hours_of_nights(month),
                }
                yield xr.Dataset(
                    {name: (("time", "y", "x"), value[np.newaxis].astype(np.float32)) for name, value in maps.items()},
                    coords={"time": [month.astype("M8[ns]")], "y": y, "x": x},
                )

    def night(self, month: np.datetime64) -> tuple[Floats, Counts]:
        """Return the mean difference of the nights of a month, in K, and of how many hours: (rows, columns)."""
        if month not in self._nights:
            self._nights.clear()
            self._nights[month] = self._mean(month, self.days.parameters.night)
        return self._nights[month]

    def afternoon(self, month: np.datetime64) -> Floats:
        """Return the mean difference of the afternoons of a month, in K, shape (rows, columns)."""
        return self._mean(month, self.days.parameters.afternoon)[0]

    def _mean(self, month: np.datetime64, part: tuple[int, int]) -> tuple[Floats, Counts]:
        hours = self._hours(month)
        return self.days.atlas.mean(hours[is_night(self.days.atlas.record.hours[hours], part)])

    def _hours(self, month: np.datetime64) -> Steps:
        return np.flatnonzero(self.days.of_hours.astype("M8[M]") == month)

    def _hours_of_nights(self, month: np.datetime64) -> int:
        dusk, dawn = self.days.parameters.night
        length = (month + np.timedelta64(1, "M")).astype("M8[D]") - month.astype("M8[D]")
        return int(length.astype(int)) * ((dawn - dusk) % 24 + 1)
