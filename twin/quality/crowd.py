"""Quality control of amateur networks: the levels of CrowdQC+, over a matrix of (stations, hours).

Fenner, Bechtel, Demuzere, Kittner, Meier 2021, CrowdQC+ - A quality-control for crowdsourced
air-temperature observations enabling world-wide urban climate applications, Front. Environ. Sci. 9,
after Napoly et al. 2018 (CrowdQC). Each level looks only at what passed those before. A share is of
the values that there are: a gap is no doubt, and only the levels o2 and o3 count it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from pydantic import Field as Constrained
from scipy.sparse import csr_array
from scipy.special import ndtri, stdtrit

from twin.quality.spatial import Matrix

type Mask = NDArray[np.bool_]
type Level = Literal["m1", "m2", "m3", "m4", "m5", "o2", "o3"]

LEVELS: tuple[Level, ...] = ("m1", "m2", "m3", "m4", "m5", "o2", "o3")
#: Pairs of differences held at once.
_HELD = 8_000_000
#: Croux and Rousseeuw 1992, Time-efficient algorithms for two highly robust estimators of scale: n from 2 to 9.
_SMALL = np.array([np.nan, np.nan, 0.399, 0.994, 0.512, 0.844, 0.611, 0.857, 0.669, 0.872])
_NORMAL = 2.2219


class CrowdParameters(BaseModel):
    """Thresholds of the levels, at CrowdQC+'s own values."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    through: Level = Constrained(
        "m5", description="Last level tested: m5, or o2 (days) or o3 (months) for completeness."
    )
    duplicates: int = Constrained(1, ge=1, description="m1: stations at most at the very same place.")
    low: float = Constrained(0.01, gt=0, lt=0.5, description="m2: lower tail of the distribution.")
    high: float = Constrained(0.95, gt=0.5, lt=1, description="m2: where its upper tail starts.")
    normal_from: int = Constrained(100, ge=2, description="m2: stations from which the law is normal; Student below.")
    flagged_share: float = Constrained(0.2, ge=0, le=1, description="m3: share flagged that condemns a month.")
    correlation: float = Constrained(0.9, ge=-1, le=1, description="m4: least correlation with the median.")
    radius: float = Constrained(3000.0, gt=0, description="m5: reach of the neighbours, in metres.")
    max_altitude_difference: float = Constrained(100.0, ge=0, description="m5: difference of altitude, in metres.")
    buddies: int = Constrained(5, ge=3, description="m5: fewest neighbours.")
    alpha: float = Constrained(0.1, gt=0, lt=1, description="m5: significance level.")
    keep_isolated: bool = Constrained(False, description="m5: whether stations without neighbours pass.")
    validity: float = Constrained(0.8, ge=0, le=1, description="o2, o3: share of the hours that must be valid.")


def qn(values: Matrix) -> NDArray[np.float64]:
    """Return the robust scale Qn of each column, not-a-number for fewer than two values.

    The k-th smallest of the differences between pairs, k = h(h-1)/2 with h = n // 2 + 1, times 2.2219
    and a correction for few values (Rousseeuw and Croux 1993, Alternatives to the median absolute
    deviation, JASA 88, eq. 3.7; Croux and Rousseeuw 1992 for the corrections).

    Parameters
    ----------
    values
        Shape (n, columns), not-a-number left out.
    """
    rows, columns = values.shape
    scale = np.full(columns, np.nan)
    first, second = np.triu_indices(rows, 1)
    if not len(first):
        return scale
    n = np.isfinite(values).sum(axis=0)
    for part in _parts(columns, len(first)):
        differences = np.abs(values[first, part] - values[second, part])
        half = n[part] // 2 + 1
        rank = np.maximum(half * (half - 1) // 2 - 1, 0)
        differences.partition(np.unique(rank), axis=0)
        scale[part] = np.take_along_axis(differences, rank[np.newaxis], axis=0)[0]
    large = np.where(n % 2 == 1, n / (n + 1.4), n / (n + 3.8))
    return np.where(n >= 2, scale * _NORMAL * np.where(n < len(_SMALL), _SMALL[np.minimum(n, 9)], large), np.nan)


def _parts(columns: int, weight: int) -> Iterator[slice]:
    size = max(1, _HELD // weight)
    for start in range(0, columns, size):
        yield slice(start, start + size)


def crowd_levels(
    values: Matrix,
    place: Matrix,
    near: csr_array,
    days: NDArray[np.int64],
    parameters: CrowdParameters,
    effect: Matrix | float = 0.0,
) -> NDArray[np.uint8]:
    """Return the level that each value failed: its number in :data:`LEVELS` from 1, 0 for none.

    Parameters
    ----------
    values
        °C of one month, shape (stations, hours), not-a-number where there is none.
    place
        x, y in metres, shape (stations, 2).
    near
        Neighbours within the radius and the difference of altitude of `parameters`, of
        :func:`~twin.quality.spatial.neighbours`.
    days
        The day of each hour, numbered from 0.
    effect
        What altitude adds to each station, shape (stations, 1).
    """
    known = np.isfinite(values)
    failed = np.zeros(values.shape, np.uint8)
    passed = known
    tests = {
        "m1": lambda good: good & _alone(place, known.any(axis=1), parameters),
        "m2": lambda good: good & _in_distribution(np.where(good, values - effect, np.nan), parameters),
        "m3": lambda good: good & (_share(good, known) >= 1 - parameters.flagged_share),
        "m4": lambda good: good & _correlated(np.where(good, values, np.nan), parameters),
        "m5": lambda good: good & _among_buddies(np.where(good, values - effect, np.nan), near, parameters),
        "o2": lambda good: good & _complete_days(good, days, parameters.validity),
        "o3": lambda good: good & (good.mean(axis=1, keepdims=True) > parameters.validity),
    }
    for number, level in enumerate(LEVELS[: LEVELS.index(parameters.through) + 1], start=1):
        still = tests[level](passed)
        failed[passed & ~still] = number
        passed = still
    return failed


def _alone(place: Matrix, active: Mask, parameters: CrowdParameters) -> Mask:
    """m1: a service that does not know where a station is gives it the place of others."""
    _, group = np.unique(place, axis=0, return_inverse=True)
    many: Mask = np.bincount(group, weights=active)[group] <= parameters.duplicates
    return many[:, np.newaxis]


def _in_distribution(level: Matrix, parameters: CrowdParameters) -> Mask:
    """m2: not in the tails of the hour's distribution, the upper one longer since sun warms a bad shelter."""
    n = np.isfinite(level).sum(axis=0)
    score = (level - _median(level)) / _positive(qn(level))
    ends = [
        np.where(n < parameters.normal_from, stdtrit(np.maximum(n - 1, 1), tail), ndtri(tail))
        for tail in (parameters.low, parameters.high)
    ]
    inside: Mask = (score >= ends[0]) & (score <= ends[1])
    return inside


def _share(good: Mask, known: Mask) -> NDArray[np.float64]:
    """m3: the share of a station's values that is not flagged."""
    share: NDArray[np.float64] = good.sum(axis=1, keepdims=True) / np.maximum(known.sum(axis=1, keepdims=True), 1)
    return share


def _correlated(values: Matrix, parameters: CrowdParameters) -> Mask:
    """m4: it follows the network's median; a station indoors does not."""
    median = np.where(np.isfinite(values), _median(values), np.nan)
    one, other = (_anomaly(series) for series in (values, median))
    product = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
    correlation = np.divide((one * other).sum(axis=1), product, out=np.full(len(values), -1.0), where=product > 0)
    follows: Mask = correlation >= parameters.correlation
    return follows[:, np.newaxis]


def _among_buddies(level: Matrix, near: csr_array, parameters: CrowdParameters) -> Mask:
    """m5: at its hour it is like its neighbours, by Student's law of their median and Qn."""
    passed = np.zeros(level.shape, bool)
    for station in range(len(level)):
        buddies = near.indices[near.indptr[station] : near.indptr[station + 1]]
        if len(buddies) < parameters.buddies:
            passed[station] = parameters.keep_isolated
            continue
        around = level[buddies]
        n = np.isfinite(around).sum(axis=0)
        score = np.abs(level[station] - _median(around)) / _positive(qn(around))
        most = stdtrit(np.maximum(n - 2, 1), 1 - parameters.alpha / 2)
        passed[station] = (n >= parameters.buddies) & (score < most)
    return passed


def _complete_days(good: Mask, days: NDArray[np.int64], validity: float) -> Mask:
    """o2: the day has enough valid hours."""
    first = np.flatnonzero(np.diff(days, prepend=-1))
    hours = np.diff(np.append(first, len(days)))
    complete: Mask = np.add.reduceat(good, first, axis=1, dtype=np.int64) > validity * hours
    return np.repeat(complete, hours, axis=1)


def _median(values: Matrix) -> NDArray[np.float64]:
    """Return the median of each column, not-a-number where it has no value."""
    n = np.isfinite(values).sum(axis=0)
    ordered = np.sort(values, axis=0)
    middle = [np.take_along_axis(ordered, rank[np.newaxis], axis=0)[0] for rank in (np.maximum(n - 1, 0) // 2, n // 2)]
    return np.where(n > 0, (middle[0] + middle[1]) / 2, np.nan) if len(values) else np.full(values.shape[1], np.nan)


def _anomaly(series: Matrix) -> Matrix:
    known = np.isfinite(series)
    count = np.maximum(known.sum(axis=1, keepdims=True), 1)
    mean = np.where(known, series, 0.0).sum(axis=1, keepdims=True) / count
    return np.where(known, series - mean, 0.0)


def _positive(scale: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a scale, not-a-number where it is 0: nothing can be told of values that are all the same."""
    return np.where(scale > 0, scale, np.nan)
