"""The layer: what it reads, and the order of its work."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from layers.heat_island import products
from layers.heat_island.analysis import Analysis, analyse, baseline
from layers.heat_island.parameters import Parameters
from layers.heat_island.published import Published
from layers.hours import Matrix
from layers.stations import Stations, hourly, read_compared, span
from twin.context import Twin
from twin.model import Text
from twin.products import Product


class HeatIsland:
    """The collections ``heat_island`` (hourly), ``heat_island_daily`` and ``heat_island_stations``.

    The intensity is the station's air temperature minus the reference's, each brought to altitude 0.
    The hourly one is of the same instant; the daily one is of the minima (Brabant et al. 2024, Rennes,
    93 stations). The nocturnal index is the mean over nights of the greatest hourly difference of the
    night: a convention, which noise biases upward. Daily extremes are the published ones (TN, TX) at the
    stations and on the days that have them, which is told; differences are of hourly values on both sides.
    Thresholds are those of ``thresholds.yml``.
    """

    name = "heat_island"
    title = Text(fr="Îlot de chaleur urbain aux stations", en="Urban heat island at stations")
    version = "2"
    parameters = Parameters

    def inputs(self, parameters: Parameters) -> tuple[str, ...]:
        """Return the ids of the collections read."""
        of_days = parameters.published.timeseries
        read = (parameters.timeseries, parameters.object_collection, parameters.areas, of_days)
        return tuple(dict.fromkeys(name for name in read if name is not None))

    def derive(self, twin: Twin, parameters: Parameters) -> Iterator[Product]:
        """Read the reference, then the stations by blocks, once for each product."""
        timeseries, objects, stations = read_compared(twin, parameters)
        hours = span(timeseries)

        def read(block: Stations) -> Matrix:
            return hourly(twin, timeseries.id, block, hours, parameters.codes)

        reference = stations.take(np.flatnonzero(stations.reference))
        base = baseline(reference, read(reference), hours, parameters)

        published = Published.find(twin, parameters, objects.id)

        def analyses() -> Iterator[Analysis]:
            for block in stations.blocks(len(hours)):
                yield published.preferred(twin, analyse(block, read(block), hours, base, parameters))

        about = products.About(
            timeseries=timeseries,
            objects=objects,
            reference=tuple(reference.ids),
            made=twin.clock(),
            night=parameters.night,
            lapse_rate=parameters.correction,
            completeness=parameters.completeness,
            published=bool(published),
        )
        yield products.hourly_series(about, stations, analyses)
        yield products.daily_series(about, stations, analyses)
        yield products.summary(about, analyses)
