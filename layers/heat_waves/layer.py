"""The layer: what it reads, and the order of its work."""

from __future__ import annotations

from collections.abc import Iterator

from layers.heat_waves import findings, products
from layers.heat_waves.city import Record, read_area, read_city, read_indicator
from layers.heat_waves.definitions import definitions
from layers.heat_waves.findings import Finding, Refusal
from layers.heat_waves.parameters import Parameters
from layers.reading import find
from twin.context import Twin
from twin.errors import DoesNotApply
from twin.model import Text
from twin.products import Product

_NO_INDICATOR = Text(
    fr="Le paramètre indicator ne nomme aucune série de l'indicateur thermique national.",
    en="The parameter indicator names no series of the national thermal indicator.",
)


class HeatWaves:
    """The collections ``heat_waves`` (spells), ``heat_wave_definitions`` and ``heat_wave_indicators`` (daily series).

    Three definitions, each with the thresholds, the source and what is to be confirmed of ``definitions.yml``. The
    biometeorological indices (IBM): the means over three days of the daily minimum and of the daily maximum both reach
    the thresholds of the département of the settings; a spell has the days to which such means are given. The national
    one of Météo-France, on an indicator that is given: 25.3 °C on a day at least, 23.4 on three days running, until a
    day below 22.4 or two below 23.4. The same at the percentiles 99.5, 97.5 and 95 (Ouzeau et al. 2016) of the city's
    own daily means, where the record is long enough. The city is the mean of the reference stations. A day
    without a value ends a spell, which says so. A definition that cannot be applied says why.
    """

    name = "heat_waves"
    title = products.TITLE
    version = "1"
    parameters = Parameters

    def inputs(self, parameters: Parameters) -> tuple[str, ...]:
        """Return the ids of the collections read."""
        indicator = None if parameters.indicator is None else parameters.indicator.timeseries
        read = (parameters.timeseries, parameters.object_collection, parameters.area, indicator)
        return tuple(dict.fromkeys(name for name in read if name is not None))

    def derive(self, twin: Twin, parameters: Parameters) -> Iterator[Product]:
        """Apply each definition to the record of the city, or to that of the country."""
        record, stations = read_city(twin, parameters)
        judged = (
            findings.ibm(record, twin.settings.city.department, parameters.alignment),
            self._national(twin, parameters),
            findings.local(record, parameters.local_years),
        )
        found = [one for one in judged if isinstance(one, Finding)]
        if not found:
            raise DoesNotApply(" ".join(one.reason.en for one in judged if isinstance(one, Refusal)))
        about = products.About(
            timeseries=find(twin, parameters.timeseries),
            objects=find(twin, parameters.object_collection),
            made=twin.clock(),
            reference=tuple(stations.ids),
            alignment=parameters.alignment,
            area=read_area(twin, parameters.area, stations),
        )
        yield products.waves(about, found)
        yield products.definitions(about, judged)
        yield products.indicators(about, found)

    def _national(self, twin: Twin, parameters: Parameters) -> Finding | Refusal:
        if parameters.indicator is None:
            return Refusal("national", definitions().national, _NO_INDICATOR)
        country: Record = read_indicator(twin, parameters.indicator, parameters)
        return findings.national(country)
