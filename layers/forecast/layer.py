"""The layer: the last days of the stations, what follows from them, and how far it can be trusted."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import pyarrow as pa

from layers.forecast import products
from layers.forecast.method import LEADS
from layers.forecast.parameters import Parameters
from layers.forecast.verification import forecast
from layers.hours import nearest_hour
from layers.reading import find
from layers.stations import Stations, hourly, read_stations
from twin.context import Twin
from twin.errors import DoesNotApply
from twin.model import Collection, Text
from twin.products import Product
from twin.store import OPERATOR, ObservationQuery


class Forecast:
    """The collections ``air_temperature_forecast`` (next 24 hours) and ``air_temperature_forecast_skill``.

    Each station is forecast from its own past: by persistence, by the diurnal climatology (mean of the
    last days at the same hour UTC) and by a regression on the departures from it. They are made again
    at the same hour of the last days, from what was known then alone; the one that erred least on the
    first of these days is tested on the others, and shown only where it is better than persistence,
    band of leads by band. ``air_temperature_forecast_skill`` has the model, its skill and, where nothing
    is shown, the reason. The hour of issue, that of the last measurement of the network, is the
    ``result_time``.
    """

    name = "forecast"
    title = Text(fr="Prévision de température aux stations", en="Forecast of temperature at stations")
    version = "1"
    parameters = Parameters

    def inputs(self, parameters: Parameters) -> tuple[str, ...]:
        """Return the ids of the collections read."""
        return parameters.timeseries, parameters.object_collection

    def derive(self, twin: Twin, parameters: Parameters) -> Iterator[Product]:
        """Forecast the stations, by blocks of them."""
        timeseries, objects = find(twin, parameters.timeseries), find(twin, parameters.object_collection)
        stations = read_stations(twin, timeseries, objects, parameters.observed_property, None, {})
        issue = _last_hour(twin, timeseries, stations)
        hours = issue - np.arange(24 * parameters.record_days)[::-1].astype("m8[h]")
        # A value is held once for each hour of the day: predictors, and forecasts by lead.
        blocks = list(stations.blocks(len(hours) * LEADS))
        values = (hourly(twin, timeseries.id, block, hours, parameters.codes) for block in blocks)
        first_hour = int(hours[0].astype(np.int64) % 24)
        verified = twin.compute.map(partial(forecast, first_hour=first_hour, parameters=parameters), values)
        outlooks = list(zip(blocks, verified, strict=True))
        about = products.About(timeseries, objects, issue, parameters)
        yield products.series(about, stations, outlooks)
        yield products.skill(about, outlooks)


def _last_hour(twin: Twin, timeseries: Collection, stations: Stations) -> np.datetime64:
    """Return the last hour, naive UTC, at which one of the stations observed."""
    query = ObservationQuery(
        collection=timeseries.id, datastreams=tuple(stations.streams["id"].to_pylist()), latest=True
    )
    times = twin.store.observations.read(query, OPERATOR).read_all()["phenomenon_time"]
    if not len(times):
        raise DoesNotApply(f"The stations have observed nothing yet in {timeseries.id}.")
    return nearest_hour(times.cast(pa.int64()).to_numpy().view("M8[us]")).max()
