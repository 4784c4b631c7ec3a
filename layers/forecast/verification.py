"""Verification of forecasts against persistence, on days held out: pure functions over arrays."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from layers.forecast.method import LEADS, MODELS, Columns, Forecasts, Matrix, Past, forecasts
from layers.forecast.parameters import Parameters

_DAY = 24


class Refusal(IntEnum):
    """Why nothing is shown of a station and a band of leads."""

    NONE = 0
    SILENT = 1
    SHORT = 2
    GAPS = 3
    SKILL = 4
    INPUTS = 5


@dataclass(frozen=True)
class Verified:
    """What is forecast for stations and how good it is.

    Attributes
    ----------
    values
        °C, shape (stations, leads), not-a-number where nothing is shown.
    model
        Number in :data:`~layers.forecast.method.MODELS` of the one chosen, shape (stations, bands); -1 for none.
    rmse
        Of each model on the days of test, K, shape (stations, bands, models).
    skill
        Mean squared error skill score against persistence, 1 - MSE / MSE of persistence, of the same shape.
    test_days, training_days
        Days on which it was measured, and days that the regression was fitted on, shape (stations, bands).
    refusal
        :class:`Refusal`, shape (stations, bands).
    """

    values: Matrix
    model: NDArray[np.int64]
    rmse: NDArray[np.float64]
    skill: NDArray[np.float64]
    test_days: NDArray[np.int64]
    training_days: NDArray[np.float64]
    refusal: NDArray[np.int64]


def forecast(values: Matrix, first_hour: int, parameters: Parameters) -> Verified:
    """Return the forecasts of the next hours, where they are shown to be better than persistence.

    Forecasts are made again at the hour of issue of each of the last days, the regression fitted on
    what was known on the first of them, and compared with what came. The model of a band of leads is
    the one that erred least on the days before those: what chooses it does not test it. It is shown
    where the mean over the days of test of its gain on persistence (the difference of their squared
    errors) is above 0 by a one-sided Student test (Diebold and Mariano 1995, Comparing predictive
    accuracy, J. Bus. Econ. Stat. 13, with the day as the unit). The skill score is that of Murphy 1988,
    Skill scores based on the mean square error, Mon. Weather Rev. 116.

    Parameters
    ----------
    values
        °C, shape (stations, hours), the last :attr:`Parameters.record_days` days up to the hour of issue.
    first_hour
        Hour of the day, UTC, of the first column.
    """
    past = Past.of(
        values,
        first_hour,
        latest=parameters.latest,
        days=parameters.climatology_days,
        completeness=parameters.completeness,
    )
    days, bands = parameters.test_days, _bands(parameters)
    before = past.issue - _DAY * np.arange(2 * days, 0, -1)
    chooser, tester, issued = forecasts(
        past,
        (before[:days], before[days:], np.array([past.issue])),
        training_hours=_DAY * parameters.training_days,
        least_hours=int(np.ceil(_DAY * parameters.least_training_days * parameters.completeness)),
    )
    least = int(np.ceil(parameters.completeness * days))
    errors = _daily_errors(past, before[:days], chooser, parameters)
    rivals = np.where(_known_days(errors) >= least, _mean(errors), np.nan)[:, :, 1:]
    chosen = np.where(np.isfinite(rivals).all(axis=2), 1 + np.argmin(rivals, axis=2), -1)

    errors = _daily_errors(past, before[days:], tester, parameters)
    error, test_days = _mean(errors), _known_days(errors)[:, :, 0]
    skill = 1 - np.divide(error, error[:, :, :1], out=np.full(error.shape, np.nan), where=error[:, :, :1] > 0)
    of_chosen = np.take_along_axis(errors, chosen[:, :, np.newaxis, np.newaxis], axis=3)
    better = _above_nothing((errors[..., :1] - of_chosen)[..., 0], parameters.confidence)

    shown, stations = np.full((len(values), LEADS), np.nan), np.arange(len(values))
    for band, leads in enumerate(bands):
        of_model = np.stack([issued.values[name][:, 0, leads] for name in MODELS])
        shown[:, leads] = of_model[chosen[:, band], stations]
    conditions = {
        Refusal.SILENT: np.isnan(past.level[:, [past.issue]]),
        Refusal.SHORT: _lasted(values) < _DAY * parameters.least_record_days,
        Refusal.GAPS: (chosen < 0) | (test_days < least),
        Refusal.SKILL: ~better,
        Refusal.INPUTS: np.stack([np.isnan(shown[:, leads]).all(axis=1) for leads in bands], axis=1),
    }
    refusal = np.select(list(conditions.values()), [int(code) for code in conditions], int(Refusal.NONE))
    for band, leads in enumerate(bands):
        shown[refusal[:, band] != Refusal.NONE, leads] = np.nan
    trained = np.stack([tester.trained[:, leads].min(axis=1) for leads in bands], axis=1)
    return Verified(shown, chosen, np.sqrt(error), skill, test_days, trained / _DAY, refusal)


def _bands(parameters: Parameters) -> list[slice]:
    return [slice(*edges) for edges in zip((0, *parameters.bands[:-1]), parameters.bands, strict=True)]


def _daily_errors(past: Past, origins: Columns, made: Forecasts, parameters: Parameters) -> NDArray[np.float64]:
    """Return the mean squared error of each day by band and model, shape (stations, bands, days, models).

    Models are compared on the hours that they all have; a day that has too few of them is not-a-number.
    """
    came = past.values[:, origins[:, np.newaxis] + np.arange(1, LEADS + 1)]
    squares = np.stack([(made.values[name] - came) ** 2 for name in MODELS], axis=-1)
    squares[~np.isfinite(squares).all(axis=-1)] = np.nan
    daily = []
    for leads in _bands(parameters):
        share = np.isfinite(squares[:, :, leads, :1]).mean(axis=2)
        daily.append(np.where(share >= parameters.completeness, _mean(squares[:, :, leads]), np.nan))
    return np.stack(daily, axis=1)


def _known_days(errors: NDArray[np.float64]) -> NDArray[np.int64]:
    days: NDArray[np.int64] = np.isfinite(errors).sum(axis=2)
    return days


def _mean(errors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean over the last axis but one of what is known, not-a-number for nothing."""
    known = np.isfinite(errors)
    count = known.sum(axis=-2)
    total = np.where(known, errors, 0.0).sum(axis=-2)
    mean: NDArray[np.float64] = np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)
    return mean


def _above_nothing(gain: NDArray[np.float64], confidence: float) -> NDArray[np.bool_]:
    """Return whether the mean over days, the last axis, is above 0 with that confidence."""
    known = np.isfinite(gain)
    count = known.sum(axis=-1)
    mean = _mean(gain[..., np.newaxis])[..., 0]
    spread = np.where(known, gain - mean[..., np.newaxis], 0.0)
    error = np.sqrt((spread**2).sum(axis=-1) / np.maximum(count * (count - 1), 1))
    above: NDArray[np.bool_] = (count > 1) & (mean > stdtrit(np.maximum(count - 1, 1), confidence) * error)
    return above


def _lasted(values: Matrix) -> NDArray[np.int64]:
    """Return the hours from the first value known to the last column, shape (stations, 1)."""
    known = np.isfinite(values)
    hours = np.where(known.any(axis=1), values.shape[1] - known.argmax(axis=1), 0)
    return hours[:, np.newaxis]
