"""Forecasts of hourly values from their own past: pure functions over arrays of (stations, hours).

Three models, for leads of 1 to 24 hours:

- **persistence**: the last value known;
- **climatology**: the mean of the last N days at the hour of the target, in UTC, so that a change of
  legal time moves nothing;
- **regression**: the climatology, corrected by least squares on the departures from it known at the
  origin (last value, mean of the last day, value one day before the target) and on the hour of the day.

What a forecast is made from lies at its origin or before: a target lies at most 24 hours ahead, hence
the same hour of the days before it is known. Verification by rolling origin: Hyndman and Athanasopoulos
2021, Forecasting: principles and practice, 3rd edition, section 5.10.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

type Matrix = NDArray[np.float64]
type Columns = NDArray[np.intp]
type Model = Literal["persistence", "climatology", "regression"]

LEADS = 24
MODELS: tuple[Model, ...] = get_args(Model.__value__)
_DAY = 24
# Relative to the greatest eigenvalue: a predictor that never varies is left out, not divided by.
_SINGULAR = 1e-9


@dataclass(frozen=True)
class Past:
    """What is known hour after hour, and what models make of it; arrays of (stations, hours).

    ``values`` ends with 24 hours not known yet. ``level`` is the last value known, ``climatology`` the
    mean of the days before at the same hour, ``recent`` the mean departure of the last 24 hours from
    it; ``phase`` the hour of the day, in radians, shape (hours,).
    """

    values: Matrix
    level: Matrix
    climatology: Matrix
    recent: Matrix
    phase: NDArray[np.float64]

    @classmethod
    def of(cls, values: Matrix, first_hour: int, *, latest: int, days: int, completeness: float) -> Past:
        """Return the past of stations.

        Parameters
        ----------
        values
            Up to the hour of issue, shape (stations, hours), not-a-number where there is none.
        first_hour
            Hour of the day, UTC, of the first column.
        latest
            How many hours a value stands for those after it that have none.
        days
            How many days the climatology is of.
        completeness
            Least share of those days, and of the last 24 hours, that have a value.
        """
        values = np.pad(values, ((0, 0), (0, LEADS)), constant_values=np.nan)
        level = values[:, : values.shape[1] - LEADS]
        for age in range(1, latest + 1):
            level = np.where(np.isfinite(level), level, _later(values, age)[:, :-LEADS])
        level = np.pad(level, ((0, 0), (0, LEADS)), constant_values=np.nan)
        climatology = _mean((_later(values, _DAY * day) for day in range(1, days + 1)), days, completeness)
        departure = values - climatology
        recent = _mean((_later(departure, age) for age in range(_DAY)), _DAY, completeness)
        phase = 2 * np.pi * ((first_hour + np.arange(values.shape[1])) % _DAY) / _DAY
        return cls(values, level, climatology, recent, phase)

    @property
    def issue(self) -> int:
        """The column of the hour of issue."""
        return int(self.values.shape[1]) - LEADS - 1

    def predictors(self, targets: Columns, lead: int) -> NDArray[np.float64]:
        """Return what the regression departs from the climatology by, shape (stations, predictors, targets)."""
        origins, phase = targets - lead, self.phase[targets]
        drawn = np.empty((len(self.values), 6, len(targets)))
        drawn[:, 0] = self.level[:, origins] - self.climatology[:, origins]
        drawn[:, 1] = self.recent[:, origins]
        drawn[:, 2] = self.values[:, targets - _DAY] - self.climatology[:, targets]
        drawn[:, 3:] = np.sin(phase), np.cos(phase), np.ones(len(targets))
        return drawn


@dataclass(frozen=True)
class Forecasts:
    """Forecasts of each model, shape (stations, origins, leads); hours trained on, shape (stations, leads)."""

    values: dict[Model, NDArray[np.float64]]
    trained: NDArray[np.int64]


def forecasts(past: Past, rounds: Sequence[Columns], *, training_hours: int, least_hours: int) -> list[Forecasts]:
    """Return forecasts, round after round: the regression is fitted for each on targets up to its first origin.

    Parameters
    ----------
    rounds
        Columns of the hours at which forecasts are made, ascending within a round.
    training_hours, least_hours
        Most and fewest hours on which the regression of a station is fitted.
    """
    stations = len(past.values)
    out = [
        Forecasts(
            {name: np.empty((stations, len(origins), LEADS)) for name in MODELS}, np.zeros((stations, LEADS), np.int64)
        )
        for origins in rounds
    ]
    ends = [int(origins[0]) + 1 for origins in rounds]
    start = max(_DAY, min(ends) - training_hours)
    for lead in range(1, LEADS + 1):
        training = _Training.of(past, np.arange(start, max(ends)), lead)
        for made, origins, end in zip(out, rounds, ends, strict=True):
            window = slice(max(end - training_hours - start, 0), end - start)
            coefficients, made.trained[:, lead - 1] = training.fit(window, least_hours)
            targets = origins + lead
            climatology = past.climatology[:, targets]
            made.values["persistence"][:, :, lead - 1] = past.level[:, origins]
            made.values["climatology"][:, :, lead - 1] = climatology
            departure = (coefficients[:, np.newaxis] @ past.predictors(targets, lead))[:, 0]
            made.values["regression"][:, :, lead - 1] = climatology + departure
    return out


@dataclass(frozen=True)
class _Training:
    """Predictors, shape (stations, predictors, hours), and departures, 0 in the hours that are not ``known``."""

    predictors: NDArray[np.float64]
    departure: Matrix
    known: NDArray[np.bool_]

    @classmethod
    def of(cls, past: Past, targets: Columns, lead: int) -> _Training:
        predictors = past.predictors(targets, lead)
        departure = past.values[:, targets] - past.climatology[:, targets]
        known = np.isfinite(predictors.sum(axis=1) + departure)
        np.copyto(predictors, 0.0, where=~known[:, np.newaxis])
        np.copyto(departure, 0.0, where=~known)
        return cls(predictors, departure, known)

    def fit(self, window: slice, least: int) -> tuple[Matrix, NDArray[np.int64]]:
        """Return the coefficients of least squares, shape (stations, predictors), and of how many hours they are."""
        drawn = self.predictors[:, :, window]
        moment = drawn @ self.departure[:, window, np.newaxis]
        inverse = np.linalg.pinv(drawn @ drawn.transpose(0, 2, 1), rcond=_SINGULAR, hermitian=True)
        count = self.known[:, window].sum(axis=1)
        return np.where((count >= least)[:, np.newaxis], (inverse @ moment)[:, :, 0], np.nan), count


def _later(values: Matrix, hours: int) -> Matrix:
    """Return at each hour what was so many hours before."""
    moved = np.full(values.shape, np.nan)
    moved[:, hours:] = values[:, : max(values.shape[1] - hours, 0)]
    return moved


def _mean(terms: Iterator[Matrix], number: int, completeness: float) -> Matrix:
    """Return the mean of what is known of some arrays, where enough of them are."""
    total: Matrix | float = 0.0
    count: NDArray[np.int64] | int = 0
    for term in terms:
        known = np.isfinite(term)
        total, count = total + np.where(known, term, 0.0), count + known
    enough = np.asarray(count) >= max(1, np.ceil(completeness * number))
    return np.divide(total, count, out=np.full(enough.shape, np.nan), where=enough)
