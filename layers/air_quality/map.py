"""The layer ``air_quality_map``: hourly maps of pollutants between background stations, with their error."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from layers.air_quality import map_products as products
from layers.air_quality.analysers import Analysers, ends_of_hours, having, hourly_means, read_analysers
from layers.mapping import (
    Atlas,
    MapParameters,
    Record,
    Singles,
    Steps,
    Variable,
    fingerprints,
    fit_regimes,
    read_ground,
    rounded,
)
from layers.mapping.parameters import morphology
from layers.reading import find
from twin.context import Twin
from twin.errors import DoesNotApply
from twin.model import Text
from twin.products import Product

#: Of a unit of concentration, of what is written: far below what an analyser tells.
_PARTS = 16


class AirMapParameters(MapParameters):
    """What ``config.yml`` may say of the maps of pollutants."""

    pollutants: Annotated[tuple[Literal["no2", "o3", "pm10", "pm2_5", "so2"], ...], Field(min_length=1)] = Field(
        ("no2", "o3", "pm10", "pm2_5"), description="Pollutants that are mapped, where they are measured."
    )
    influence: dict[str, str | tuple[str, ...]] = Field(
        {"environment": "background"},
        description="Fields of the stations with the value, or the values, that those mapped have; none: all stations. "
        "What is measured at a kerb or beside a factory is not that of the cells around.",
    )
    covariates: Annotated[tuple[Variable, ...], Field(min_length=1)] = Field(
        morphology("built_fraction"),
        description="Variables of coverages on which the drift is fitted; those absent are left out, and said to be. "
        "One more is worth it where it lowers the errors published with the maps, which takes many stations.",
    )


class AirQualityMap:
    """A coverage for each pollutant, such as ``air_quality_map_no2``, and its errors, ``air_quality_map_no2_error``.

    The hourly mean of background stations, as measured, is interpolated by universal kriging with a drift on
    covariates of the city, fitted by generalised least squares: by the same machinery as ``heat_map``. A step is named
    by the end of its hour. The standard error is that of an analyser placed there. Estimates below zero are kept, as
    measurements are, and the legend starts at zero. An hour with too few stations has no map, and a pollutant that has
    none at all no coverage: its errors say why, hour by hour, beside the leave-one-out errors of the others
    (Dubrule 1983).
    """

    name = "air_quality_map"
    title = Text(fr="Cartes de la qualité de l'air", en="Maps of air quality")
    version = "1"
    parameters = AirMapParameters

    def inputs(self, parameters: AirMapParameters) -> tuple[str, ...]:
        """Return the ids of the collections read."""
        return parameters.inputs

    def derive(self, twin: Twin, parameters: AirMapParameters) -> Iterator[Product]:
        """Map each pollutant by itself."""
        timeseries, objects = find(twin, parameters.timeseries), find(twin, parameters.object_collection)
        fields = tuple(parameters.influence)
        read = (read_analysers(twin, parameters, name, fields) for name in dict.fromkeys(parameters.pollutants))
        measured = [found for found in (having(each, parameters.influence) for each in read) if len(found)]
        atlases = {found.pollutant: atlas for found in measured if (atlas := _atlas(twin, found, parameters))}
        if not atlases:
            told = ", ".join(f"{name} = {value}" for name, value in parameters.influence.items()) or "a good value"
            raise DoesNotApply(
                f"No station of {objects.id} with {told} measures {', '.join(parameters.pollutants)}: name the "
                "influence of those to map."
            )
        for pollutant, atlas in atlases.items():
            if atlas.mapped:
                of_hours = fingerprints(atlas, [self.version, pollutant])
                yield products.maps(timeseries, objects, atlas, pollutant, of_hours)
            yield products.errors(timeseries, objects, atlas, pollutant)


def _atlas(twin: Twin, analysers: Analysers, parameters: AirMapParameters) -> Atlas | None:
    """Return the maps of a pollutant, ready to be drawn; None where no hour has a good value."""
    timeseries = find(twin, parameters.timeseries)
    start, end = ends_of_hours(timeseries)
    hours = np.arange(start, end + np.timedelta64(1, "h"))
    means = hourly_means(twin, timeseries.id, analysers, hours, parameters.codes)
    seen = np.flatnonzero(np.isfinite(means).any(axis=0))
    if not seen.size:
        return None
    hours, means = hours[seen[0] : seen[-1] + 1], means[:, seen[0] : seen[-1] + 1]
    ground = read_ground(twin, parameters, hours[-1])
    record = Record.over(ground, analysers.streams, hours, means)
    finish = partial(_variables, analysers.pollutant)
    return Atlas(record, ground, fit_regimes(record, parameters), parameters, finish, twin.compute)


def _variables(pollutant: str, _: Steps, values: Singles, errors: Singles) -> dict[str, Singles]:
    return {pollutant: rounded(values, _PARTS), "standard_error": rounded(errors, _PARTS)}
