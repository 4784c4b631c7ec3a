"""What the layer computes of a block of stations, against the reference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from layers.heat_island import method
from layers.heat_island.method import Window
from layers.heat_island.parameters import Parameters
from layers.hours import Matrix
from layers.stations import Stations
from twin.errors import DoesNotApply


@dataclass(frozen=True)
class Analysis:
    """What is computed of a block of stations; arrays of (stations, hours) or (stations, days).

    ``temperature`` is in °C, ``difference`` in K at altitude 0. ``daily`` holds over ``days``, by
    name, ``tmin`` and ``tmax`` (°C), ``tmin_difference`` and ``night_maximum_difference`` (K), the
    completeness of each (percent), and where extremes are published, whether these are used (0 or 1).
    """

    stations: Stations
    hours: NDArray[np.datetime64]
    temperature: Matrix
    difference: Matrix
    days: NDArray[np.datetime64]
    daily: dict[str, Matrix]


@dataclass(frozen=True)
class Baseline:
    """The reference at altitude 0: its temperature each hour, and its minimum each day (°C)."""

    hourly: NDArray[np.float64]
    tmin: NDArray[np.float64]


def baseline(
    reference: Stations, temperature: Matrix, hours: NDArray[np.datetime64], parameters: Parameters
) -> Baseline:
    """Return the mean of the reference stations.

    Raises
    ------
    DoesNotApply
        When they have no value at all, or none of them has an altitude.
    """
    level = temperature - method.altitude_effect(reference.altitude, parameters.correction)
    at_hours = method.mean_of_reference(level, parameters.reference_share)
    if not np.isfinite(at_hours).any():
        told = ", ".join(reference.ids)
        raise DoesNotApply(f"The reference ({told}) has no good value with a known altitude: choose other stations.")
    _, blocks = Window.after(parameters.minimum_boundary, eve=True).split(level, hours[0])
    tmin, _ = method.extreme(blocks, "minimum", parameters.completeness)
    return Baseline(at_hours, method.mean_of_reference(tmin, parameters.reference_share))


def analyse(
    stations: Stations,
    temperature: Matrix,
    hours: NDArray[np.datetime64],
    base: Baseline,
    parameters: Parameters,
) -> Analysis:
    """Return the differences and the daily values of a block of stations.

    Parameters
    ----------
    temperature
        °C, shape (stations, hours), not-a-number where there is no good value.
    """
    effect = method.altitude_effect(stations.altitude, parameters.correction)
    difference = temperature - effect - base.hourly
    least = parameters.completeness
    minima = Window.after(parameters.minimum_boundary, eve=True).split(temperature, hours[0])
    maxima = Window.after(parameters.maximum_boundary, eve=False).split(temperature, hours[0])
    nights = Window.night(*parameters.night).split(difference, hours[0])
    tmin, tmin_completeness = method.extreme(minima[1], "minimum", least)
    tmax, tmax_completeness = method.extreme(maxima[1], "maximum", least)
    peak, night_completeness = method.extreme(nights[1], "maximum", least)
    days = np.unique(np.concatenate([minima[0], maxima[0], nights[0]]))

    def on(dates: NDArray[np.datetime64], values: Matrix, missing: float = np.nan) -> Matrix:
        laid = np.full((len(stations), len(days)), missing)
        laid[:, np.searchsorted(days, dates)] = values
        return laid

    daily = {
        "tmin": on(minima[0], tmin),
        "tmax": on(maxima[0], tmax),
        "tmin_difference": on(minima[0], tmin - effect - base.tmin),
        "night_maximum_difference": on(nights[0], peak),
        "tmin_completeness": on(minima[0], tmin_completeness, 0),
        "tmax_completeness": on(maxima[0], tmax_completeness, 0),
        "night_completeness": on(nights[0], night_completeness, 0),
    }
    return Analysis(stations, hours, temperature, difference, days, daily)
