"""What stands for the city: its daily extremes, the indicator of the country, its area."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from layers.days import Days, read_days
from layers.heat_island.method import mean_of_reference
from layers.heat_waves.parameters import Indicator, Parameters
from layers.heat_waves.spells import Values
from layers.reading import find, last_versions, present
from layers.stations import Stations, read_stations
from twin.context import Twin
from twin.errors import DoesNotApply
from twin.store import FeatureQuery
from twin.tables import DATASTREAMS

_DEGREES = "Cel"
_HULL_MARGIN = 500.0  # metres: stations in a line have no area


@dataclass(frozen=True)
class Record:
    """Daily temperatures over consecutive days, °C; not-a-number on a day without.

    ``mean`` is half the sum of the extremes, as Météo-France has it, where there are any. ``completeness`` is the
    share of the stations with a value.
    """

    days: Days
    tmin: Values
    tmax: Values
    mean: Values
    completeness: Values


def read_city(twin: Twin, parameters: Parameters) -> tuple[Record, Stations]:
    """Return the mean of the daily extremes of the reference stations, and these.

    Raises
    ------
    DoesNotApply
        When no reference station observes both extremes, in °C, or there is no good value.
    """
    timeseries, objects = find(twin, parameters.timeseries), find(twin, parameters.object_collection)

    def observing(observed: str) -> Stations:
        found = read_stations(twin, timeseries, objects, observed, None, parameters.reference)
        found = found.take(np.flatnonzero(found.reference))
        if other := set(found.streams["unit"].to_pylist()) - {_DEGREES}:
            raise DoesNotApply(f"{observed} is in {min(other)} in {timeseries.id}: convert it to {_DEGREES} at ingest.")
        return found

    cold, hot = observing(parameters.minimum), observing(parameters.maximum)
    both = sorted(set(cold.ids) & set(hot.ids))
    if not both:
        raise DoesNotApply(f"No reference station observes both {parameters.minimum} and {parameters.maximum}.")
    cold, hot = (found.take(np.flatnonzero(np.isin(found.ids, both))) for found in (cold, hot))
    streams = [*cold.streams["id"].to_pylist(), *hot.streams["id"].to_pylist()]
    days, values = read_days(twin, timeseries.id, streams, parameters.codes)
    if not len(days):
        raise DoesNotApply(f"The reference ({', '.join(both)}) has no good daily extreme in {timeseries.id}.")
    lows, highs = values[: len(both)], values[len(both) :]
    tmin, tmax = (mean_of_reference(extreme, parameters.reference_share) for extreme in (lows, highs))
    share = (np.isfinite(lows) & np.isfinite(highs)).mean(axis=0)
    return Record(days, tmin, tmax, (tmin + tmax) / 2, share), cold


def read_indicator(twin: Twin, indicator: Indicator, parameters: Parameters) -> Record:
    """Return the record of a series of daily means.

    Raises
    ------
    DoesNotApply
        When there is no such datastream, it is not in °C, or it has no good value.
    """
    query = FeatureQuery(collection=DATASTREAMS, ids=(indicator.datastream,), with_geometry=False)
    listed = [row for row in last_versions(twin, query).to_pylist() if row["timeseries"] == indicator.timeseries]
    if not listed:
        raise DoesNotApply(f"The indicator {indicator.datastream!r} is not a datastream of {indicator.timeseries}.")
    if listed[0]["unit"] != _DEGREES:
        raise DoesNotApply(
            f"The indicator {indicator.datastream!r} is in {listed[0]['unit']}: convert it to {_DEGREES} at ingest."
        )
    days, values = read_days(twin, indicator.timeseries, [indicator.datastream], parameters.codes)
    if not len(days):
        raise DoesNotApply(f"The indicator {indicator.datastream!r} has no good value.")
    none = np.full(len(days), np.nan)
    return Record(days, none, none, values[0], np.isfinite(values[0]).astype(float))


def read_area(twin: Twin, collection: str | None, stations: Stations) -> shapely.MultiPolygon:
    """Return the area of the city: the union of the areas of a collection, or else the hull of the stations."""
    if collection is not None and present(twin, collection) is not None:
        table = last_versions(twin, FeatureQuery(collection=collection, columns=()))
        shapes = _flat(table["geometry"])
        areas = shapely.make_valid(shapes[shapely.get_dimensions(shapes) == 2])
        if areas.size:
            return _multipolygon(shapely.union_all(areas))
    hull = shapely.convex_hull(shapely.union_all(_flat(stations.streams["geometry"])))
    return _multipolygon(shapely.buffer(hull, _HULL_MARGIN))


def _flat(column: pa.ChunkedArray) -> NDArray[np.object_]:
    return np.asarray(shapely.force_2d(shapely.from_wkb(column.to_numpy(zero_copy_only=False))))


def _multipolygon(shape: shapely.Geometry) -> shapely.MultiPolygon:
    parts = shapely.get_parts(shape)
    return shapely.multipolygons(parts[shapely.get_dimensions(parts) == 2])
