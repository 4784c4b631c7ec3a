"""The layer: its parameters, what it computes of the stations, and the order of its work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from pydantic import Field as Constrained

from layers.heat_island import method, products
from layers.heat_island.method import Matrix, Window
from layers.heat_island.stations import Stations, find, hourly, read_stations, span
from twin.context import Twin
from twin.errors import DoesNotApply
from twin.model import Identifier, Product, Quality, Text

type Hour = Annotated[int, Constrained(ge=0, le=23)]
type Share = Annotated[float, Constrained(ge=0, le=1)]
type Flag = Literal["range", "step", "persistence", "spatial", "producer"]


class Parameters(BaseModel):
    """What ``config.yml`` may say of this layer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    timeseries: Identifier = Constrained("observations", description="Time series that hold the air temperature.")
    object_collection: Identifier = Constrained("stations", description="Collection of the stations.")
    observed_property: Identifier = Constrained("air_temperature", description="Property observed, in °C.")
    reference: str | tuple[str, ...] | dict[str, str] = Constrained(
        {"environment": "rural"},
        description="Reference stations: an id, several, or fields with the value they have in them "
        "(their environment, their local climate zone).",
    )
    reference_share: Share = Constrained(0.5, description="Least share of the reference stations with a value.")
    altitude_field: Identifier | None = Constrained(
        "altitude", description="Field of the stations' altitude, in metres; null to leave altitude out."
    )
    lapse_rate: float = Constrained(-0.0065, description="Change of temperature with altitude, in K/m.")
    minimum_boundary: Hour = Constrained(18, description="Hour UTC, on the eve, after which the day of Tmin starts.")
    maximum_boundary: Hour = Constrained(6, description="Hour UTC after which the day of Tmax starts.")
    night: tuple[Hour, Hour] = Constrained((18, 6), description="First and last hour UTC of the night.")
    completeness: Share = Constrained(0.75, description="Least share of the hours of a day or a night.")
    excluded: tuple[Flag, ...] = Constrained(
        ("range", "step", "persistence", "spatial", "producer"), description="Quality flags whose values are left out."
    )

    @property
    def correction(self) -> float | None:
        """The lapse rate used, in K/m; None where altitude is left out."""
        return None if self.altitude_field is None else self.lapse_rate


@dataclass(frozen=True)
class Analysis:
    """What is computed of a block of stations; arrays of (stations, hours) or (stations, days).

    ``temperature`` is in °C, ``difference`` in K at altitude 0. ``daily`` holds over ``days``, by
    name, ``tmin`` and ``tmax`` (°C), ``tmin_difference`` and ``night_maximum_difference`` (K), and the
    completeness of each (percent).
    """

    stations: Stations
    hours: NDArray[np.datetime64]
    temperature: Matrix
    difference: Matrix
    days: NDArray[np.datetime64]
    daily: dict[str, Matrix]


class HeatIsland:
    """The collections ``heat_island`` (hourly), ``heat_island_daily`` and ``heat_island_stations``.

    The intensity is the station's air temperature minus the reference's, each brought to altitude 0.
    The hourly one is of the same instant; the daily one is of the minima (Brabant et al. 2024, Rennes,
    93 stations). The nocturnal index is the mean over nights of the greatest hourly difference of the
    night: a convention, which noise biases upward. Thresholds are those of ``thresholds.yml``.
    """

    name = "heat_island"
    title = Text(fr="Îlot de chaleur urbain aux stations", en="Urban heat island at stations")
    version = "1"
    parameters = Parameters

    def inputs(self, parameters: Parameters) -> tuple[str, ...]:
        """Return the ids of the collections read."""
        return parameters.timeseries, parameters.object_collection

    def derive(self, twin: Twin, parameters: Parameters) -> Iterator[Product]:
        """Read the reference, then the stations by blocks, once for each product."""
        timeseries, objects = find(twin, parameters.timeseries), find(twin, parameters.object_collection)
        hours = span(timeseries)
        stations = read_stations(
            twin,
            timeseries,
            objects,
            parameters.observed_property,
            parameters.altitude_field,
            parameters.reference,
        )
        excluded = tuple(int(Quality[flag.upper()]) for flag in parameters.excluded)

        def read(block: Stations) -> Matrix:
            return hourly(twin, timeseries.id, block, hours, excluded)

        reference = stations.take(np.flatnonzero(stations.reference))
        base = baseline(reference, read(reference), hours, parameters)

        def analyses() -> Iterator[Analysis]:
            for block in stations.blocks(len(hours)):
                yield analyse(block, read(block), hours, base, parameters)

        about = products.About(
            timeseries=timeseries,
            objects=objects,
            reference=tuple(reference.ids),
            made=twin.clock(),
            night=parameters.night,
            lapse_rate=parameters.correction,
            completeness=parameters.completeness,
        )
        yield products.hourly_series(about, stations, analyses)
        yield products.daily_series(about, stations, analyses)
        yield products.summary(about, analyses)


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
