"""Regimes: the hours that share a variogram, and those on which it is fitted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from layers.interpolation.system import Rows

#: How far before a month its training days are looked for.
_MEMORY = np.timedelta64(31, "D")


@dataclass(frozen=True)
class Regime:
    """The nights, or the days, of a calendar month (UTC).

    Attributes
    ----------
    hours
        Its hours, among those given, ascending.
    training
        The hours on which its variogram is fitted, of as many days as asked: the last before the month, and,
        where the record holds fewer, the first of the month. What comes after them changes nothing.
    """

    month: np.datetime64
    night: bool
    hours: Rows
    training: Rows


def regimes(
    hours: NDArray[np.datetime64], known: NDArray[np.bool_], night: tuple[int, int], training_days: int
) -> list[Regime]:
    """Return the regimes of a record, in the order of time, nights first.

    Parameters
    ----------
    hours
        Ascending hours, naive UTC, shape (hours,).
    known
        Whether any station has a value at each, shape (hours,).
    night
        First and last hour of the night, UTC, both included.
    training_days
        How many UTC days with a value of the regime its variogram is fitted on.
    """
    months, days = hours.astype("M8[M]"), hours.astype("M8[D]")
    dark = is_night(hours, night)
    found = []
    for month in np.unique(months):
        start = month.astype("M8[D]")
        for at_night in (True, False):
            here = dark == at_night
            seen = np.unique(days[here & known])
            before = seen[(seen < start) & (seen >= start - _MEMORY)][-training_days:]
            chosen = np.concatenate([before, seen[seen >= start][: training_days - before.size]])
            found.append(
                Regime(
                    month,
                    at_night,
                    np.flatnonzero(here & (months == month)),
                    np.flatnonzero(here & np.isin(days, chosen)),
                )
            )
    return [regime for regime in found if regime.hours.size]


def is_night(hours: NDArray[np.datetime64], night: tuple[int, int]) -> NDArray[np.bool_]:
    """Return which hours lie between the first and the last hour of the night, both included."""
    dusk, dawn = night
    hour = hours.astype("M8[h]").astype(np.int64) % 24
    return np.asarray((hour - dusk) % 24 <= (dawn - dusk) % 24)
