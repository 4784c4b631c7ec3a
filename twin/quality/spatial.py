"""Spatial quality control: a value against those of its neighbours at the same instant (buddy check)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.spatial import KDTree

type Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Buddies:
    """Outcome of a buddy check; arrays of (stations, hours), as they were at the last round of each value.

    ``flagged`` tells what is at odds with its neighbours; ``mean`` is theirs at the station's own
    altitude, ``spread`` what the difference is measured by, ``count`` how many they are.
    """

    flagged: NDArray[np.bool_]
    mean: Matrix
    spread: Matrix
    count: NDArray[np.int64]


def neighbours(
    place: Matrix, altitude: NDArray[np.float64] | None, radius: float, max_altitude_difference: float | None
) -> csr_array:
    """Return who is a neighbour of whom, shape (stations, stations): 1 where it is.

    Parameters
    ----------
    place
        Coordinates x, y in metres of a projected CRS, shape (stations, 2).
    altitude
        Metres, not-a-number where unknown; None compares stations whatever their altitude.
    max_altitude_difference
        The most that two neighbours differ by, in metres. A station whose altitude is not known has none.
    """
    pairs = KDTree(place).query_pairs(radius, output_type="ndarray")
    if altitude is not None and max_altitude_difference is not None:
        pairs = pairs[np.abs(altitude[pairs[:, 0]] - altitude[pairs[:, 1]]) <= max_altitude_difference]
    both = np.concatenate([pairs, pairs[:, ::-1]])
    return csr_array((np.ones(len(both)), (both[:, 0], both[:, 1])), shape=(len(place), len(place)))


def buddy_check(
    values: Matrix,
    near: csr_array,
    *,
    threshold: float,
    min_std: float,
    least: int,
    iterations: int,
    effect: Matrix | float = 0.0,
) -> Buddies:
    """Flag the values too far from the mean of their neighbours, then try again without those flagged.

    A value x is flagged when |x - mean| / max(min_std, sqrt(variance + variance / n)) > threshold, over
    its n neighbours not flagged so far; the variance is that of the population. All the values of a
    round are judged on the one before.

    Parameters
    ----------
    values
        Shape (stations, hours), not-a-number where there is none.
    near
        Of :func:`neighbours`.
    min_std
        Least spread, in the unit of the values: still air is no reason to flag a tenth of a degree.
    least
        Fewest neighbours with a value; below it a value is not judged.
    effect
        What altitude adds to the values of each station, shape (stations, 1): neighbours are compared
        at the station's own altitude (-0.0065 K/m times it, for air temperature).

    Notes
    -----
    The formula and the rounds are those of titanlib's ``buddy_check`` (MET Norway; Båserud et al. 2020,
    TITAN automatic spatial quality control of meteorological in-situ observations, Adv. Sci. Res. 17).
    """
    level = values - effect
    known = np.isfinite(level)
    # Around the mean of the hour, so that sums of squares lose nothing.
    centre = np.where(known, level, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    level = np.where(known, level - centre, 0.0)
    flagged = np.zeros(values.shape, bool)
    mean, spread = np.full(values.shape, np.nan), np.full(values.shape, np.nan)
    count = np.zeros(values.shape, np.int64)
    for _ in range(iterations):
        used = known & ~flagged
        held = np.where(used, level, 0.0)
        n = np.rint(near @ used.astype(float)).astype(np.int64)
        safe = np.maximum(n, 1)
        around = (near @ held) / safe
        variance = np.maximum((near @ held**2) / safe - around**2, 0.0)
        against = np.maximum(min_std, np.sqrt(variance + variance / safe))
        judged = used & (n >= least)
        mean[judged] = (around + effect + centre)[judged]
        spread[judged], count[judged] = against[judged], n[judged]
        found = judged & (np.abs(level - around) > threshold * against)
        if not found.any():
            break
        flagged |= found
    return Buddies(flagged, mean, spread, count)
