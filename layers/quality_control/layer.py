"""The layer: months that changed are judged, what is at odds is flagged where it is, and the work is told."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import shapely

from layers.quality_control.judgement import Surroundings, digest, judge
from layers.quality_control.months import Month, months, news, pardons, read_month
from layers.quality_control.parameters import Network, Parameters
from layers.quality_control.report import SCHEMA, collection, rows
from layers.reading import find
from layers.stations import Stations, read_stations, span
from twin.context import Twin
from twin.errors import NotFound
from twin.model import Collection, Text
from twin.products import Features, Product, Verdicts
from twin.store import OPERATOR, FeatureQuery
from twin.tables import Quality


class QualityControl:
    """Flags (quality ``spatial``) on the observations of ``timeseries``, and the collection ``quality_control``.

    Each value that passed the tests of its own series is compared with those of its neighbours at the
    same hour: the buddy check of titanlib (MET Norway), and for amateur networks the levels of CrowdQC+
    (Fenner et al. 2021). Several values of one hour are judged by their mean. The value and its times
    stay; the reason says by how much it was off, and both are undone when it is no longer. Only the
    months whose values, stations or parameters have changed are judged anew. The collection tells for
    each instrument and month how many values were flagged, and by how many neighbours it was judged.
    """

    name = "quality_control"
    title = Text(fr="Contrôle de qualité entre stations", en="Quality control across stations")
    version = "1"
    parameters = Parameters

    def inputs(self, parameters: Parameters) -> tuple[str, ...]:
        """Return the ids of the collections read."""
        return parameters.timeseries, *dict.fromkeys(network.object_collection for network in parameters.networks)

    def derive(self, twin: Twin, parameters: Parameters) -> Iterator[Product]:
        """Judge the months that changed; the report is told once they all are."""
        timeseries = find(twin, parameters.timeseries)
        found = [(network, _stations(twin, timeseries, network)) for network in parameters.networks]
        about = collection(timeseries, twin.settings.city.crs)
        told: list[pa.RecordBatch] = []

        def judged() -> Iterator[pa.RecordBatch]:
            former = _former(twin, about.id)
            compared = {name for _, stations in found for name in stations.streams["id"].to_pylist()}
            once = set() if former is None else set(former["id"].to_pylist())
            yield from pardons(twin, timeseries.id, tuple(sorted(once - compared)))
            for network, stations in found:
                place = shapely.get_coordinates(shapely.from_wkb(stations.streams["geometry"].to_numpy()))
                around = Surroundings.of(network, place, stations.altitude)
                for hours in months(span(timeseries)):
                    month = read_month(twin, timeseries.id, stations, hours)
                    made_of = digest(month.values, hours, stations.ids, network, around, self.version)
                    report = _known(former, month, made_of)
                    if report is None:
                        judgement = judge(month.values, hours, network, around)
                        yield from news(twin, month, judgement)
                        report = rows(month, judgement, made_of)
                    told.append(report)

        yield Verdicts(timeseries, Quality.SPATIAL, judged())
        yield Features(about, told)


def _stations(twin: Twin, timeseries: Collection, network: Network) -> Stations:
    objects = find(twin, network.object_collection)
    return read_stations(twin, timeseries, objects, network.observed_property, network.altitude_field, {})


def _former(twin: Twin, name: str) -> pa.Table | None:
    try:
        return twin.store.features.read(FeatureQuery(collection=name), OPERATOR).read_all()
    except NotFound:
        return None


def _known(former: pa.Table | None, month: Month, made_of: str) -> pa.RecordBatch | None:
    """Return what is told of a month already, when its flags stand as they were left."""
    if former is None:
        return None
    same = former.filter(pc.equal(former["made_of"], made_of)).select(SCHEMA.names).combine_chunks()
    standing = int(month.counts[:, Quality.SPATIAL].sum())
    if not same.num_rows or pc.sum(same["flagged"]).as_py() != standing:
        return None
    return same.to_batches()[0]
