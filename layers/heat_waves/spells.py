"""Spells of hot days: pure functions over the values of consecutive days, not-a-number where one is missing.

No clock is read here: leap days and days on which the hour changes are days like others. What a missing day
would have been is not guessed: it ends a spell, and the side on which it does is not known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

type Values = NDArray[np.float64]
type Alignment = Literal["first", "middle", "last"]

#: Of a degree: thresholds have one, sums of binary fractions miss them by 1e-15.
_DECIMALS = 6


@dataclass(frozen=True)
class Spell:
    """Days `first` to `last`, by number, both included; a side is known when the days beside it show that it ends."""

    first: int
    last: int
    start_known: bool
    end_known: bool


def waves(values: Values, *, peak: float, stay: float, end: float, days: int) -> list[Spell]:
    """Return the heat waves of a series of daily mean temperatures (Météo-France; Ouzeau et al. 2016).

    A wave goes from the first day that reaches `stay` to the last before a day below `end`, or before two days running
    below `stay`: a lone day between the two is part of it. It is one when it reaches `peak` on a day at least, and
    `stay` on `days` days running at least.
    """
    found: list[Spell] = []
    values = np.round(values, _DECIMALS)
    first, last = -1, -1
    for day, value in enumerate(np.append(values, np.nan)):
        over = not value >= end or (value < stay and last < day - 1)
        if first >= 0 and over:
            found.append(Spell(first, last, _starts(values, first, end), bool(np.isfinite(value))))
            first = -1
        if value >= stay:
            first, last = day if first < 0 else first, day
    return [
        spell
        for spell in found
        for within in [values[spell.first : spell.last + 1]]
        if within.max() >= peak and _longest(within >= stay) >= days
    ]


def three_day_mean(values: Values, alignment: Alignment) -> Values:
    """Return the mean over three days, given to the first, the middle or the last of them; all three must be known."""
    padded = np.concatenate([np.full(2, np.nan), values, np.full(2, np.nan)])
    mean: Values = np.round((padded[:-2] + padded[1:-1] + padded[2:]) / 3, _DECIMALS)
    start = {"last": 0, "middle": 1, "first": 2}[alignment]
    return mean[start : start + len(values)]


def exceedances(minimum: Values, maximum: Values, low: float, high: float) -> list[Spell]:
    """Return the runs of days on which both indices reach their thresholds.

    Parameters
    ----------
    minimum, maximum
        Means over three days of the daily minimum and of the daily maximum, °C.
    """
    both = (minimum >= low) & (maximum >= high)
    below = np.concatenate([[False], (minimum < low) | (maximum < high), [False]])
    change = np.flatnonzero(np.diff(both, prepend=False, append=False)).reshape(-1, 2).tolist()
    return [Spell(first, after - 1, bool(below[first]), bool(below[after + 1])) for first, after in change]


def _starts(values: Values, first: int, end: float) -> bool:
    """Whether the two days before a wave show that it had not begun."""
    eve, before = np.concatenate([np.full(2, np.nan), values])[first : first + 2][::-1]
    return bool(eve < end or np.isfinite(eve + before))


def _longest(hot: NDArray[np.bool_]) -> int:
    change = np.flatnonzero(np.diff(hot, prepend=False, append=False))
    return int((change[1::2] - change[::2]).max(initial=0))
