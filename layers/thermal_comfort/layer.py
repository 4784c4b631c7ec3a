"""The layer: which stations measure what, and the index of those that measure all of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from layers.reading import find
from layers.stations import Stations, hourly, read_stations, span
from layers.thermal_comfort import method, products
from layers.thermal_comfort.method import Floats
from layers.thermal_comfort.parameters import Parameters
from twin.context import Twin
from twin.errors import DoesNotApply
from twin.model import Collection, Text
from twin.products import Product

#: Hourly values of one property held at once: 40 MB an array.
_HELD = 5_000_000


@dataclass(frozen=True)
class Network:
    """Every station that measures something of what the index needs, and which measure each of it.

    ``names`` and ``places`` (columns of datastreams) are ordered by the id of the station; ``measured`` has,
    by property, the stations that measure it; ``missing`` what each station lacks, in words, empty where
    nothing.
    """

    names: NDArray[np.object_]
    places: pa.Table
    measured: dict[str, Stations]
    missing: list[Text]

    @property
    def complete(self) -> NDArray[np.bool_]:
        """Which stations measure all of it."""
        return np.array([not lack.fr for lack in self.missing], bool)


class ThermalComfort:
    """The collections ``thermal_comfort`` (hourly UTCI) and ``thermal_comfort_stations`` (what each station has).

    The universal thermal climate index (Bröde et al. 2012) takes air temperature, humidity, wind and the
    mean radiant temperature, or else that of a black globe (ISO 7726). It is computed at stations that
    measure all of them and nowhere else; the others say what they lack. Hours outside of what the index
    was made for, such as those of wind below 0.5 m/s, have no value and are counted.
    """

    name = "thermal_comfort"
    title = Text(fr="Confort thermique (UTCI)", en="Thermal comfort (UTCI)")
    version = "1"
    parameters = Parameters

    def inputs(self, parameters: Parameters) -> tuple[str, ...]:
        """Return the ids of the collections read."""
        return parameters.timeseries, parameters.object_collection

    def derive(self, twin: Twin, parameters: Parameters) -> Iterator[Product]:
        """Compute the index of the complete stations, by blocks of stations."""
        timeseries, objects = find(twin, parameters.timeseries), find(twin, parameters.object_collection)
        hours = span(timeseries)
        network = read_network(twin, timeseries, objects, parameters)
        if not network.complete.any():
            nearest = min((lack.en for lack in network.missing), key=len)
            raise DoesNotApply(
                f"No station of {objects.id} measures all that the UTCI needs: at best {nearest} is missing."
            )
        index = np.full((len(network.names), len(hours)), np.nan)
        counted = np.zeros(len(network.names), np.int64)
        rows = np.flatnonzero(network.complete)
        size = max(1, _HELD // len(hours))
        for start in range(0, len(rows), size):
            block = rows[start : start + size]
            index[block], counted[block] = _index(twin, timeseries.id, network, block, hours, parameters)
        about = products.About(timeseries, objects, twin.clock(), parameters)
        yield products.series(about, network.places.take(pa.array(rows)), network.names[rows], hours, index[rows])
        yield products.summary(about, network.places, network.names, network.missing, index, counted)


def read_network(twin: Twin, timeseries: Collection, objects: Collection, parameters: Parameters) -> Network:
    """Return the stations that measure at least one thing that the index needs.

    Raises
    ------
    DoesNotApply
        When none does.
    """
    named = {
        "air_temperature": parameters.air_temperature,
        "relative_humidity": parameters.relative_humidity,
        "wind_speed": parameters.wind_speed,
        "mean_radiant_temperature": parameters.mean_radiant_temperature,
        "globe_temperature": parameters.globe_temperature,
    }
    measured: dict[str, Stations] = {}
    for need, observed in named.items():
        try:
            measured[need] = read_stations(twin, timeseries, objects, observed, None, {})
        except DoesNotApply:
            continue
    if not measured:
        raise DoesNotApply(f"No object of {objects.id} measures anything that the UTCI needs in {timeseries.id}.")
    kept = ("object_id", "object_collection", "valid_from", "valid_to", "geometry")
    places = pa.concat_tables([stations.streams.select(kept) for stations in measured.values()])
    names = np.concatenate([stations.names for stations in measured.values()])
    ids, firsts = np.unique(np.array(places["object_id"].to_pylist(), object), return_index=True)
    has = {need: np.isin(ids, stations.ids) for need, stations in measured.items()}
    nobody = np.zeros(len(ids), bool)
    lacks = {need: ~has.get(need, nobody) for need in ("air_temperature", "relative_humidity", "wind_speed")}
    lacks["radiation"] = ~(has.get("mean_radiant_temperature", nobody) | has.get("globe_temperature", nobody))
    missing = [products.told([need for need, lack in lacks.items() if lack[row]]) for row in range(len(ids))]
    return Network(names[firsts], places.take(pa.array(firsts)), measured, missing)


def _index(
    twin: Twin,
    timeseries: str,
    network: Network,
    rows: NDArray[np.intp],
    hours: NDArray[np.datetime64],
    parameters: Parameters,
) -> tuple[Floats, NDArray[np.int64]]:
    """Return the UTCI of some stations, shape (stations, hours), and in how many hours all was measured."""
    ids = network.places["object_id"].take(pa.array(rows))

    def values(need: str) -> Floats:
        laid = np.full((len(rows), len(hours)), np.nan)
        if need in network.measured:
            stations = network.measured[need]
            at = pc.index_in(pa.array(stations.ids), ids.combine_chunks()).to_numpy(zero_copy_only=False)
            here = np.flatnonzero(np.isfinite(at.astype(float)))
            laid[at[here].astype(int)] = hourly(twin, timeseries, stations.take(here), hours, parameters.codes)
        return laid

    air, humidity, wind = values("air_temperature"), values("relative_humidity"), values("wind_speed")
    globe = method.radiant_from_globe(
        values("globe_temperature"), air, wind, parameters.globe_diameter, parameters.globe_emissivity
    )
    measured = values("mean_radiant_temperature")
    radiant = np.where(np.isfinite(measured), measured, globe)
    known = np.isfinite(air) & np.isfinite(humidity) & np.isfinite(wind) & np.isfinite(radiant)
    index = method.utci(air, radiant, method.wind_at_ten_metres(wind, parameters.wind_height), humidity)
    return index, known.sum(axis=1)
