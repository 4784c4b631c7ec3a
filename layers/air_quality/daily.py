"""The layer ``air_quality_daily``: statistics of each day at each station."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from layers import series
from layers.air_quality.analysers import days_of, hourly_means, read_analysers
from layers.air_quality.parameters import Parameters
from layers.air_quality.statistics import completeness, daily
from layers.reading import find
from twin.context import Twin
from twin.errors import DoesNotApply
from twin.model import Collection, Kind, ObservedProperty, Style, Text
from twin.observed_properties import known_properties
from twin.products import Product, Series
from twin.tables import QUALITY_TITLES, Quality
from twin.themes import known_themes

#: The pollutants that have tables or statistics here, in the order in which people name them.
POLLUTANTS = ("no2", "o3", "pm10", "pm2_5", "so2", "co")
_STATISTICS = {
    "daily_mean": Text(fr="moyenne du jour", en="daily mean"),
    "daily_maximum": Text(fr="maximum horaire du jour", en="daily maximum of hourly means"),
    "daily_maximum_8h": Text(fr="maximum du jour des moyennes sur 8 h", en="daily maximum 8-hour mean"),
}
_COMPLETENESS = Text(fr="complétude du jour", en="completeness of the day")


class AirQualityDaily:
    """The time series ``air_quality_daily``: mean, greatest hourly mean and greatest 8-hour mean of each day.

    Each at each station, with the share of its hours. An hour is named by its end and belongs to the day on which
    it ends. Completeness is that of directive 2008/50, annex VII, for every statistic: 75 % of an hour, 18 hours
    of a day, 6 hours of 8, 18 running means of a day. Negative values are kept. Days are those of UTC, in which
    concentrations are reported, unless ``time_zone`` says otherwise.
    """

    name = "air_quality_daily"
    title = Text(fr="Qualité de l'air jour par jour aux stations", en="Air quality day by day at stations")
    version = "1"
    parameters = Parameters

    def inputs(self, parameters: Parameters) -> tuple[str, ...]:
        """Return the ids of the collections read."""
        return parameters.timeseries, parameters.object_collection

    def derive(self, twin: Twin, parameters: Parameters) -> Iterator[Product]:
        """Read each pollutant by blocks of stations."""
        source = find(twin, parameters.timeseries)
        days = days_of(source, parameters.time_zone)
        measured = [found for name in POLLUTANTS if len(found := read_analysers(twin, parameters, name))]
        if not measured:
            raise DoesNotApply(f"No station of {parameters.object_collection} measures a pollutant: {POLLUTANTS}.")
        collection = _collection(source, [found.pollutant for found in measured], parameters)
        properties = {observed.name: observed for observed in collection.observed_properties}

        def batches() -> Iterator[pa.RecordBatch]:
            made = twin.clock()
            for analysers in measured:
                for block in analysers.blocks(len(days.hours)):
                    hourly = hourly_means(twin, source.id, block, days.hours, parameters.codes)
                    share = completeness(hourly, days)
                    held = share.any(axis=0)
                    for name, values in (*daily(hourly, days).items(), ("completeness", 100 * share)):
                        observed = f"{block.pollutant}_{name}"
                        yield series.observations(block.ids, observed, days.starts[held], values[:, held], made)

        tables = [
            series.datastreams(collection, observed, analysers.streams, analysers.names)
            for analysers in measured
            for observed in (properties[f"{analysers.pollutant}_{name}"] for name in (*_STATISTICS, "completeness"))
        ]
        yield Series(collection, pa.concat_tables(tables), batches())


def _collection(source: Collection, pollutants: list[str], parameters: Parameters) -> Collection:
    known = known_properties()
    properties = []
    for name in pollutants:
        title = known[name].title
        for statistic, words in _STATISTICS.items():
            said = Text(fr=f"{title.fr} : {words.fr}", en=f"{title.en}: {words.en}")
            properties.append(ObservedProperty(name=f"{name}_{statistic}", title=said, unit=known[name].unit))
        said = Text(fr=f"{title.fr} : {_COMPLETENESS.fr}", en=f"{title.en}: {_COMPLETENESS.en}")
        properties.append(ObservedProperty(name=f"{name}_completeness", title=said, unit="%"))
    return Collection(
        id="air_quality_daily",
        kind=Kind.TIMESERIES,
        title=AirQualityDaily.title,
        description=Text(
            fr="Moyenne du jour, plus forte moyenne horaire et plus forte moyenne sur 8 h de chaque polluant.",
            en="Mean of the day, greatest hourly mean and greatest 8-hour mean of each pollutant.",
        ),
        theme=known_themes()["air"],
        keywords=("qualité de l'air", "air quality", "pollution"),
        observed_properties=tuple(properties),
        crs=source.crs,
        style=Style(symbol="none", colour_by=f"{pollutants[0]}_daily_mean"),
        licence=source.licence,
        producer=source.producer,
        lineage=lineage(parameters),
    )


def lineage(parameters: Parameters) -> Text:
    """Return how days are made of hours, and what is left out."""
    zone = parameters.time_zone
    flags = [QUALITY_TITLES[Quality[flag.upper()]] for flag in parameters.excluded]
    left_out = ", ".join(flag.fr for flag in flags) or "aucune"
    left_out_en = ", ".join(flag.en for flag in flags) or "none"
    return Text(
        fr=f"Jours de {zone} ; une heure appartient au jour où elle finit. Complétude de la directive 2008/50 "
        "(annexe VII), appliquée à tout : 75 % d'une heure, 18 heures d'un jour, 6 heures sur 8. Valeurs exclues : "
        f"{left_out}. Valeurs négatives gardées.",
        en=f"Days of {zone}; an hour belongs to the day on which it ends. Completeness of directive 2008/50 "
        "(annex VII), applied to all: 75 % of an hour, 18 hours of a day, 6 hours of 8. Values left out: "
        f"{left_out_en}. Negative values kept.",
    )
