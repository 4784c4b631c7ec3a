"""What is interpolated: the difference of each station with the reference, hour by hour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from layers.grids import Floats
from layers.heat_island.method import altitude_effect, mean_of_reference
from layers.heat_map.parameters import Parameters
from layers.interpolation.refusals import no_reference
from layers.mapping import Ground, Record, Surface, read_ground, read_surface
from layers.stations import Stations, hourly, read_compared, span
from twin.context import Twin
from twin.errors import DoesNotApply
from twin.model import Collection


@dataclass(frozen=True)
class Observed:
    """The record of differences, and what makes temperatures of them.

    Attributes
    ----------
    record
        Its values are temperature minus the reference's, each brought to altitude 0, in K.
    altitude
        Of the ground, where it is known.
    reference
        Temperature of the reference at altitude 0, °C, shape (hours,), not-a-number without a good value.
    level
        Mean altitude of the reference, in metres; 0 where altitude is left out.
    reference_ids
        The stations of the reference.
    """

    timeseries: Collection
    objects: Collection
    record: Record
    altitude: Surface | None
    reference: Floats
    level: float
    reference_ids: tuple[str, ...]

    def altitude_at(self, points: Floats) -> Floats:
        """Return the altitude of the ground at points, in metres; that of the reference where it is not known."""
        return np.full(len(points), self.level) if self.altitude is None else self.altitude.at(points)


def read_observed(twin: Twin, parameters: Parameters) -> tuple[Observed, Ground]:
    """Read the stations' hours, and the ground as it was known at the last of them.

    Raises
    ------
    DoesNotApply
        When stations, reference or covariates are missing, or units are mixed.
    """
    timeseries, objects, stations = read_compared(twin, parameters)
    _same_unit(stations, parameters.observed_property)
    hours = span(timeseries)
    temperature = hourly(twin, timeseries.id, stations, hours, parameters.codes)
    seen = np.flatnonzero(np.isfinite(temperature).any(axis=0))
    if not seen.size:
        raise DoesNotApply(f"No station of {objects.id} has a good value of {parameters.observed_property}.")
    hours, temperature = hours[seen[0] : seen[-1] + 1], temperature[:, seen[0] : seen[-1] + 1]
    ground = read_ground(twin, parameters, hours[-1])
    at_sea_level = temperature - altitude_effect(stations.altitude, parameters.correction)
    reference = mean_of_reference(at_sea_level[stations.reference], parameters.reference_share)
    ids = tuple(stations.take(np.flatnonzero(stations.reference)).ids)
    if not np.isfinite(reference).any():
        raise DoesNotApply(
            f"The reference ({', '.join(ids)}) has no good value with a known altitude: choose other stations."
        )
    record = Record.over(
        ground,
        stations.streams,
        hours,
        at_sea_level - reference,
        known=None if parameters.correction is None else np.isfinite(stations.altitude),
        refused=dict.fromkeys(np.flatnonzero(np.isnan(reference)).tolist(), no_reference()),
    )
    altitude = stations.altitude[stations.reference]
    observed = Observed(
        timeseries=timeseries,
        objects=objects,
        record=record,
        altitude=None if parameters.altitude is None else read_surface(twin, parameters.altitude, hours[-1]),
        reference=reference,
        level=0.0 if parameters.correction is None else float(np.nanmean(altitude)),
        reference_ids=ids,
    )
    return observed, ground


def _same_unit(stations: Stations, observed_property: str) -> None:
    units = sorted(set(stations.streams["unit"].to_pylist()))
    if len(units) > 1:
        raise DoesNotApply(
            f"{observed_property} is observed in {' and in '.join(units)}: convert it at ingest (unit of the manifest)."
        )
