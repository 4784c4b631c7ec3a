"""What is interpolated: the difference of each station with the reference, hour by hour, and where it stands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from layers.grids import Floats
from layers.heat_island.method import Matrix, altitude_effect, mean_of_reference
from layers.heat_island.stations import Stations, find, hourly, read_stations, span
from layers.heat_map.ground import Ground, read_ground
from layers.heat_map.parameters import Parameters
from layers.interpolation import Sites
from twin.context import Twin
from twin.errors import DoesNotApply
from twin.model import Collection, Quality


@dataclass(frozen=True)
class Observed:
    """The stations that can be interpolated, and their hours.

    Attributes
    ----------
    sites
        Where they stand, and the covariates there.
    hours
        Consecutive hours, naive UTC: from the first to the last with a value.
    difference
        Temperature minus the reference's, each brought to altitude 0, in K, shape (stations, hours);
        not-a-number without a good value, and at all stations without one of the reference.
    reference
        Temperature of the reference at altitude 0, °C, shape (hours,), not-a-number without a good value.
    level
        Mean altitude of the reference, in metres; 0 where altitude is left out.
    reference_ids, left_out
        The stations of the reference, and those that stand where a covariate or their altitude is not known.
    """

    timeseries: Collection
    objects: Collection
    sites: Sites
    hours: NDArray[np.datetime64]
    difference: Matrix
    reference: Floats
    level: float
    reference_ids: tuple[str, ...]
    left_out: tuple[str, ...]


def read_observed(twin: Twin, parameters: Parameters) -> tuple[Observed, Ground]:
    """Read the stations' hours, and the ground as it was known at the last of them.

    Raises
    ------
    DoesNotApply
        When stations, reference or covariates are missing, or units are mixed.
    """
    timeseries, objects = find(twin, parameters.timeseries), find(twin, parameters.object_collection)
    stations = read_stations(
        twin,
        timeseries,
        objects,
        parameters.observed_property,
        parameters.altitude_field,
        parameters.reference,
        None if parameters.areas is None else find(twin, parameters.areas),
    )
    _same_unit(stations, parameters.observed_property)
    hours = span(timeseries)
    excluded = tuple(int(Quality[flag.upper()]) for flag in parameters.excluded)
    temperature = hourly(twin, timeseries.id, stations, hours, excluded)
    seen = np.flatnonzero(np.isfinite(temperature).any(axis=0))
    if not seen.size:
        raise DoesNotApply(f"No station of {objects.id} has a good value of {parameters.observed_property}.")
    hours, temperature = hours[seen[0] : seen[-1] + 1], temperature[:, seen[0] : seen[-1] + 1]
    ground = read_ground(twin, parameters, hours[-1])
    at_sea_level = temperature - altitude_effect(stations.altitude, parameters.correction)
    reference = mean_of_reference(at_sea_level[stations.reference], parameters.reference_share)
    if not np.isfinite(reference).any():
        told = ", ".join(stations.take(np.flatnonzero(stations.reference)).ids)
        raise DoesNotApply(f"The reference ({told}) has no good value with a known altitude: choose other stations.")
    points = shapely.get_coordinates(shapely.from_wkb(stations.streams["geometry"].to_numpy(zero_copy_only=False)))
    covariates = ground.covariates_at(points)
    usable = np.isfinite(covariates).all(axis=1)
    if parameters.correction is not None:
        usable &= np.isfinite(stations.altitude)
    if not usable.any():
        told = ", ".join(ground.names)
        raise DoesNotApply(
            f"No station of {objects.id} stands where the covariates ({told}) and its altitude are known."
        )
    ids = np.array(stations.ids, object)
    altitude = stations.altitude[stations.reference]
    observed = Observed(
        timeseries=timeseries,
        objects=objects,
        sites=Sites(tuple(ids[usable]), ground.names, points[usable], covariates[usable]),
        hours=hours,
        difference=(at_sea_level - reference)[usable],
        reference=reference,
        level=0.0 if parameters.correction is None else float(np.nanmean(altitude)),
        reference_ids=tuple(ids[stations.reference]),
        left_out=tuple(ids[~usable]),
    )
    return observed, ground


def _same_unit(stations: Stations, observed_property: str) -> None:
    units = sorted(set(stations.streams["unit"].to_pylist()))
    if len(units) > 1:
        raise DoesNotApply(
            f"{observed_property} is observed in {' and in '.join(units)}: convert it at ingest (unit of the manifest)."
        )
