"""The maps of days: the minimum of each climatological day, and its difference with the reference's."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from layers.grids import Floats, centres
from layers.heat_island.method import Window, thresholds
from layers.heat_map.observed import Observed
from layers.heat_map.parameters import Parameters
from layers.mapping import Atlas, Singles, Steps, digest_of

type Bits = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Days:
    """The climatological days of a record.

    The day of the minimum is that of Météo-France, after 18 UTC of the eve up to 18 UTC; a minimum taken from
    hourly maps is slightly too high.
    """

    atlas: Atlas
    observed: Observed
    parameters: Parameters
    _held: dict[int, tuple[Bits, Bits]] = field(default_factory=dict, repr=False)

    @cached_property
    def of_hours(self) -> NDArray[np.datetime64]:
        """The day of each hour of the record."""
        window = Window.after(self.parameters.minimum_boundary, eve=True)
        start = np.timedelta64(window.start, "h")
        return np.asarray((self.atlas.record.hours - start).astype("M8[D]") + np.timedelta64(int(window.eve), "D"))

    @cached_property
    def dates(self) -> NDArray[np.datetime64]:
        """The days, shape (days,)."""
        return np.unique(self.of_hours)

    @property
    def least(self) -> float:
        """How many hours a minimum is of, at least."""
        return max(24 * self.parameters.completeness, 1)

    def fingerprints(self, of_hours: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Return the digest of the maps that each day is made from."""
        return np.array([digest_of(of_hours[self.of_hours == day], self.least) for day in self.dates], np.uint64)

    def maps(self, asked: Steps) -> Iterator[xr.Dataset]:
        """Stream the minima of some days, by their numbers."""
        grid = self.atlas.ground.grid
        x, y = centres(grid)
        for number, lowest in self._minima(asked):
            difference = lowest - np.float32(self._reference(number)) - self._effect
            values = {"tmin": lowest, "tmin_difference": difference}
            yield xr.Dataset(
                {name: (("time", "y", "x"), value[np.newaxis]) for name, value in values.items()},
                coords={"time": self.dates[[number]].astype("M8[ns]"), "y": y, "x": x},
            )

    def tropical(self, asked: Steps, kept: NDArray[np.intp], former: xr.Dataset | None) -> tuple[Floats, Floats]:
        """Return how many of some days have a minimum that is tropical, and how many have one: (rows, columns).

        Parameters
        ----------
        kept, former
            Maps of days, and the number there of each day of the record, -1 where it is not.
        """
        grid = self.atlas.ground.grid
        cells = grid.rows * grid.columns
        tropical, counted = np.zeros(cells), np.zeros(cells)
        absent = [number for number in asked.tolist() if number not in self._held and kept[number] < 0]
        if absent:
            deque(self._minima(np.array(absent)), maxlen=0)
        for number in asked.tolist():
            if number in self._held:
                bits = self._held[number]
            elif former is not None:
                bits = _bits(former["tmin"].isel(time=int(kept[number])).values)
            warm, known = (np.unpackbits(each, count=cells) for each in bits)
            tropical += warm
            counted += known
        return tropical.reshape(grid.rows, grid.columns), counted.reshape(grid.rows, grid.columns)

    def _minima(self, asked: Steps) -> Iterator[tuple[int, Singles]]:
        """Yield days, and their minima, °C, shape (rows, columns): not-a-number of too few hours."""
        grid = self.atlas.ground.grid
        numbers = np.searchsorted(self.dates, self.of_hours)
        current = -1
        lowest, count = _nothing(grid.rows, grid.columns)
        for block in self.atlas.draw(np.flatnonzero(np.isin(numbers, asked))):
            of_block = numbers[np.searchsorted(self.atlas.record.hours, block["time"].values.astype("M8[h]"))]
            for number in np.unique(of_block).tolist():
                if number != current:
                    if current >= 0:
                        yield current, self._ended(current, lowest, count)
                    current = number
                    lowest, count = _nothing(grid.rows, grid.columns)
                maps = block["air_temperature"].values[of_block == number]
                lowest = np.fmin(lowest, np.fmin.reduce(maps))
                count += np.isfinite(maps).sum(axis=0)
        if current >= 0:
            yield current, self._ended(current, lowest, count)

    def _ended(self, number: int, lowest: Singles, count: NDArray[np.int64]) -> Singles:
        found = np.where(count >= self.least, lowest, np.float32(np.nan))
        self._held[number] = _bits(found)
        return found

    def _reference(self, number: int) -> float:
        """Return the minimum of the reference on a day, °C at altitude 0, not-a-number of too few hours."""
        values = self.observed.reference[self.of_hours == self.dates[number]]
        known = np.isfinite(values)
        return float(values[known].min()) if known.sum() >= self.least else np.nan

    @cached_property
    def _effect(self) -> Singles:
        """What altitude adds in each cell, in K, shape (rows, columns)."""
        grid = self.atlas.ground.grid
        effect = (self.parameters.correction or 0.0) * self.observed.altitude_at(self.atlas.ground.points)
        return effect.reshape(grid.rows, grid.columns).astype(np.float32)


def _nothing(rows: int, columns: int) -> tuple[Singles, NDArray[np.int64]]:
    return np.full((rows, columns), np.nan, np.float32), np.zeros((rows, columns), np.int64)


def _bits(lowest: Singles) -> tuple[Bits, Bits]:
    """Return in which cells a minimum is tropical, and known: a day of a city in a few kilobytes."""
    return np.packbits(lowest >= thresholds()["tropical_nights"].at_least), np.packbits(np.isfinite(lowest))
