"""The maps of months: mean differences of nights and afternoons, and tropical nights, from the hourly maps."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from layers.grids import centres
from layers.heat_island.method import Window, thresholds
from layers.heat_map.hourly import Atlas, Singles, Steps
from layers.interpolation import is_night


@dataclass(frozen=True)
class Months:
    """The months of a record, by climatological days.

    The day of the minimum is that of Météo-France, after 18 UTC of the eve up to 18 UTC; a minimum taken from
    hourly maps is slightly too high. The hours of a month are those of its days.
    """

    atlas: Atlas

    @cached_property
    def days(self) -> NDArray[np.datetime64]:
        """The climatological day of each hour of the record."""
        window = Window.after(self.atlas.parameters.minimum_boundary, eve=True)
        start = np.timedelta64(window.start, "h")
        return np.asarray((self.atlas.observed.hours - start).astype("M8[D]") + np.timedelta64(int(window.eve), "D"))

    @cached_property
    def times(self) -> NDArray[np.datetime64]:
        """The months, shape (months,)."""
        return np.unique(self.days.astype("M8[M]"))

    def hours_of(self, month: np.datetime64) -> Steps:
        """Return the hours of a month, as numbers of the record."""
        return np.flatnonzero(self.days.astype("M8[M]") == month)

    def fingerprints(self, of_hours: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Return the digest of the maps that each month is made from."""
        digests = (hashlib.blake2b(of_hours[self.hours_of(month)].tobytes(), digest_size=8) for month in self.times)
        return np.array([int.from_bytes(digest.digest(), "little") for digest in digests], np.uint64)

    @cached_property
    def last(self) -> xr.Dataset:
        """The maps of the last month."""
        return self._summed(self.times[-1])

    def maps(self, month: np.datetime64) -> xr.Dataset:
        """Return the maps of a month over (y, x).

        ``night_difference`` and ``afternoon_difference`` are means in K, ``tropical_nights`` counts the
        ``nights`` (of enough hours) whose minimum reaches the threshold; ``completeness`` is that of the mean of
        nights, in percent of the hours of all the nights of the month.
        """
        return self.last if month == self.times[-1] else self._summed(month)

    def _summed(self, month: np.datetime64) -> xr.Dataset:
        atlas, grid = self.atlas, self.atlas.ground.grid
        shape = grid.rows, grid.columns
        night, afternoon = _Mean.none(shape), _Mean.none(shape)
        nights = _Nights.none(shape, atlas.parameters.completeness)
        for block in atlas.draw(self.hours_of(month)):
            hours = block["time"].values.astype("M8[h]")
            difference = block["air_temperature_difference"].values
            night.add(difference[is_night(hours, atlas.parameters.night)])
            afternoon.add(difference[is_night(hours, atlas.parameters.afternoon)])
            nights.add(self.days[np.searchsorted(atlas.observed.hours, hours)], block["air_temperature"].values)
        nights.end()
        dusk, dawn = atlas.parameters.night
        length = _length(month)
        maps = {
            "night_difference": night.value,
            "afternoon_difference": afternoon.value,
            "tropical_nights": np.where(nights.counted > 0, nights.tropical, np.nan),
            "nights": nights.counted,
            "completeness": 100 * night.count / (length * ((dawn - dusk) % 24 + 1)),
        }
        x, y = centres(grid)
        return xr.Dataset(
            {name: (("y", "x"), values.astype(np.float32)) for name, values in maps.items()}, coords={"y": y, "x": x}
        )


def _length(month: np.datetime64) -> int:
    """Return how many days a month has."""
    return int(((month + np.timedelta64(1, "M")).astype("M8[D]") - month.astype("M8[D]")).astype(int))


@dataclass
class _Mean:
    """A mean of maps, taken as they come."""

    total: NDArray[np.float64]
    count: NDArray[np.int64]

    @classmethod
    def none(cls, shape: tuple[int, int]) -> _Mean:
        return cls(np.zeros(shape), np.zeros(shape, np.int64))

    def add(self, maps: Singles) -> None:
        known = np.isfinite(maps)
        self.total += np.where(known, maps, 0).sum(axis=0)
        self.count += known.sum(axis=0)

    @property
    def value(self) -> NDArray[np.float64]:
        return np.asarray(
            np.divide(self.total, self.count, out=np.full(self.total.shape, np.nan), where=self.count > 0)
        )


@dataclass
class _Nights:
    """The tropical nights among those counted, hours coming in order."""

    least: float
    tropical: NDArray[np.int64]
    counted: NDArray[np.int64]
    lowest: Singles
    hours: NDArray[np.int64]
    day: np.datetime64 | None = None

    @classmethod
    def none(cls, shape: tuple[int, int], completeness: float) -> _Nights:
        tropical, counted, hours = (np.zeros(shape, np.int64) for _ in range(3))
        return cls(24 * completeness, tropical, counted, np.full(shape, np.nan, np.float32), hours)

    def add(self, days: NDArray[np.datetime64], temperature: Singles) -> None:
        for day in np.unique(days):
            if day != self.day:
                self.end()
                self.day = day
            maps = temperature[days == day]
            self.lowest = np.fmin(self.lowest, np.fmin.reduce(maps))
            self.hours += np.isfinite(maps).sum(axis=0)

    def end(self) -> None:
        """Count the day under way, and begin another."""
        complete = (self.hours >= self.least) & (self.hours > 0)
        self.counted += complete
        self.tropical += complete & (self.lowest >= thresholds()["tropical_nights"].at_least)
        self.lowest = np.full(self.lowest.shape, np.nan, np.float32)
        self.hours = np.zeros_like(self.hours)
