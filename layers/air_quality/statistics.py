"""Statistics of hourly concentrations: pure functions over arrays of (stations, hours).

An hour is named by its end, UTC, and belongs to the day on which it ends, midnight included: the day of
00:00 to 24:00 has the hours that end from 01:00 to 24:00. A day whose clocks change has 23 or 25.
Completeness (directive 2008/50, annex VII, here of every statistic): 75 % of the hours of a day (18), 6 hours
of 8, 75 % of the running means of a day, each of which belongs to the day on which it ends. Negative values are
valid: analysers give them near zero, and a mean without them is too high.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from layers.air_quality.tables import Statistic

type Matrix = NDArray[np.float64]

SHARE = 0.75
_WINDOW = 8
#: The mean of 24 values that add up to 1,200 is 50: what binary fractions add to it is no exceedance.
_DECIMALS = 9


@dataclass(frozen=True)
class Days:
    """Whole days of one time zone, and the hours that they are made of.

    Attributes
    ----------
    hours
        Ends of consecutive hours, naive UTC, shape (hours,).
    first
        Index of the first hour of each day, shape (days,).
    dates
        Dates in the zone, shape (days,).
    """

    hours: NDArray[np.datetime64]
    first: NDArray[np.intp]
    dates: NDArray[np.datetime64]

    @classmethod
    def over(cls, start: np.datetime64, end: np.datetime64, zone: str) -> Days:
        """Return the days of `zone` that hold the hours that end from `start` to `end`."""
        around = np.timedelta64(26, "h")  # no day is longer, nor does a zone lie further from UTC
        hours = np.arange(start.astype("M8[h]") - around, end.astype("M8[h]") + around)
        dates = local_dates(hours, zone)
        wanted = local_dates(np.array([start, end], "M8[h]"), zone)
        hours, dates = (array[(dates >= wanted[0]) & (dates <= wanted[1])] for array in (hours, dates))
        first = np.flatnonzero(np.append(True, dates[1:] != dates[:-1]))
        return cls(hours, first, dates[first])

    @property
    def length(self) -> NDArray[np.intp]:
        """How many hours each day has."""
        return np.diff(np.append(self.first, len(self.hours)))

    @property
    def starts(self) -> NDArray[np.datetime64]:
        """The instant at which each day starts, naive UTC."""
        return self.hours[self.first] - np.timedelta64(1, "h")


def local_dates(hours: NDArray[np.datetime64], zone: str) -> NDArray[np.datetime64]:
    """Return the date, in `zone`, of the day to which each hour belongs: that of the moment before it ends."""
    before = hours.astype("M8[us]") - np.timedelta64(1, "us")
    aware = pa.array(before).cast(pa.timestamp("us", tz="UTC")).cast(pa.timestamp("us", tz=zone))
    return pc.local_timestamp(aware).to_numpy(zero_copy_only=False).astype("M8[D]")  # type: ignore[no-any-return]


def completeness(values: Matrix, days: Days) -> Matrix:
    """Return the share of the hours of each day that have a value, shape (stations, days)."""
    share: Matrix = np.add.reduceat(np.isfinite(values), days.first, axis=1, dtype=float) / days.length
    return share


def running_mean(values: Matrix) -> Matrix:
    """Return the mean of the eight hours up to each, where six have a value."""
    padded = np.pad(values, ((0, 0), (_WINDOW - 1, 0)), constant_values=np.nan)
    known = np.isfinite(padded)
    total = sliding_window_view(np.where(known, padded, 0), _WINDOW, axis=1).sum(axis=-1)
    count = sliding_window_view(known, _WINDOW, axis=1).sum(axis=-1)
    return _mean(total, count, count >= SHARE * _WINDOW)


def daily(values: Matrix, days: Days) -> dict[Statistic, Matrix]:
    """Return the statistics of each day, shape (stations, days), not-a-number where it is not complete enough."""
    known = np.isfinite(values)
    total = np.add.reduceat(np.where(known, values, 0), days.first, axis=1)
    count = np.add.reduceat(known, days.first, axis=1, dtype=int)
    enough = count >= SHARE * days.length
    eight = running_mean(values)
    eight_enough = completeness(eight, days) >= SHARE
    return {
        "daily_mean": _mean(total, count, enough),
        "daily_maximum": np.where(enough, np.fmax.reduceat(values, days.first, axis=1), np.nan),
        "daily_maximum_8h": np.where(eight_enough, np.fmax.reduceat(eight, days.first, axis=1), np.nan),
    }


def _mean(total: Matrix, count: NDArray[np.intp], enough: NDArray[np.bool_]) -> Matrix:
    mean: Matrix = np.divide(total, count, out=np.full(total.shape, np.nan), where=enough & (count > 0))
    rounded: Matrix = np.round(mean, _DECIMALS)
    return rounded
