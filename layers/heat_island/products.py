"""The collections of the heat island at stations: how they are told, and their Arrow batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa

from layers import series
from layers.heat_island.analysis import Analysis
from layers.heat_island.method import mean_known, thresholds
from layers.stations import Stations
from layers.telling import Telling, integer, number, observed, text, truth
from twin.model import Collection, Kind, Ramp, Reference, Style, Text
from twin.observed_properties import known_properties
from twin.products import Features, Series
from twin.tables import feature_schema

type Analyses = Callable[[], Iterator[Analysis]]

#: Of what is written: far below what a thermometer tells, above the noise of binary fractions.
_DECIMALS = 3
_KEYWORDS = ("îlot de chaleur urbain", "urban heat island", "température de l'air", "air temperature")
# White where there is no difference.
_RAMP = Ramp(minimum=-2.0, maximum=6.0, colours=("#2166ac", "#f7f7f7", "#fddbc7", "#ef8a62", "#b2182b"))
_DIFFERENCE = known_properties()["air_temperature_difference"]
_BIAS = Text(
    fr="Tirées de valeurs horaires, les minimales sont un peu surestimées et les maximales sous-estimées.",
    en="Taken from hourly values, minima are slightly too high and maxima too low.",
)
_TROPICAL = Reference(value=thresholds()["tropical_nights"].at_least, title=thresholds()["tropical_nights"].title)


DAILY = (
    observed("tmin_difference", "K", "Écart de la minimale à la référence", "Difference of the minimum"),
    observed("night_maximum_difference", "K", "Plus grand écart de la nuit", "Greatest difference of the night"),
    observed("tmin", "Cel", "Température minimale du jour", "Daily minimum temperature").model_copy(
        update={"reference": _TROPICAL}
    ),
    observed("tmax", "Cel", "Température maximale du jour", "Daily maximum temperature"),
    observed("tmin_completeness", "%", "Complétude de la minimale", "Completeness of the minimum"),
    observed("tmax_completeness", "%", "Complétude de la maximale", "Completeness of the maximum"),
    observed("night_completeness", "%", "Complétude de la nuit", "Completeness of the night"),
)
ORIGIN = (
    observed(
        "tmin_published", "1", "Minimale publiée (1) ou tirée des heures (0)", "Minimum published (1) or hourly (0)"
    ),
    observed(
        "tmax_published", "1", "Maximale publiée (1) ou tirée des heures (0)", "Maximum published (1) or hourly (0)"
    ),
)


@dataclass(frozen=True)
class About:
    """What the collections say of how they were made.

    ``lapse_rate`` is None where altitude was left out; ``published`` tells whether a station has published extremes.
    """

    timeseries: Collection
    objects: Collection
    reference: tuple[str, ...]
    made: datetime
    night: tuple[int, int]
    lapse_rate: float | None
    completeness: float
    published: bool

    @property
    def method(self) -> Text:
        """The method, in a sentence or two."""
        stations, share = ", ".join(self.reference), f"{100 * self.completeness:g} %"
        if self.lapse_rate is None:
            french, english = "sans correction d'altitude", "without correction for altitude"
        else:
            french = f"corrigées de l'altitude ({self.lapse_rate:g} K/m)"
            english = f"corrected for altitude ({self.lapse_rate:g} K/m)"
        if self.published:
            french += " ; extrêmes du jour publiés (TN, TX) préférés à ceux des heures"
            english += "; published daily extremes (TN, TX) preferred to those of the hours"
        dusk, dawn = self.night
        return Text(
            fr=f"Température de l'air moins celle de la référence ({stations}), {french} ; nuit de {dusk} h à "
            f"{dawn} h UTC ; au moins {share} des heures ; valeurs signalées douteuses exclues.",
            en=f"Air temperature minus that of the reference ({stations}), {english}; night from {dusk} to "
            f"{dawn} UTC; at least {share} of the hours; flagged values left out.",
        )

    @property
    def telling(self) -> Telling:
        """What the collections share."""
        return Telling.of(self.timeseries, self.objects, "heat", _KEYWORDS, self.method)


# --- Time series -----------------------------------------------------------------------------------


def hourly_series(about: About, stations: Stations, analyses: Analyses) -> Series:
    """Return the hourly difference at each station."""
    collection = about.telling.collection(
        "heat_island",
        Kind.TIMESERIES,
        Text(fr="Îlot de chaleur, heure par heure", en="Heat island, hour by hour"),
        Text(
            fr="Écart de température de l'air entre chaque station et la référence, à chaque heure.",
            en="Difference of air temperature between each station and the reference, each hour.",
        ),
        observed_properties=(_DIFFERENCE,),
        style=Style(symbol="point", size=9, order=95, colour_by=_DIFFERENCE.name, ramp=_RAMP),
    )

    def batches() -> Iterator[pa.RecordBatch]:
        for found in analyses():
            ids = found.stations.ids
            yield series.observations(ids, _DIFFERENCE.name, found.hours, found.difference, about.made)

    return Series(collection, _datastreams(collection, stations), batches())


def daily_series(about: About, stations: Stations, analyses: Analyses) -> Series:
    """Return the daily minimum, maximum and differences at each station, each with its completeness."""
    description = Text(
        fr="Jour climatologique : minimale de 18 h UTC la veille à 18 h UTC, maximale de 6 h à 6 h UTC le lendemain. ",
        en="Climatological day: minimum from 18 UTC on the eve to 18 UTC, maximum from 06 to 06 UTC the next day. ",
    )
    properties = (*DAILY, *ORIGIN) if about.published else DAILY
    collection = about.telling.collection(
        "heat_island_daily",
        Kind.TIMESERIES,
        Text(fr="Îlot de chaleur, jour par jour", en="Heat island, day by day"),
        Text(fr=description.fr + _BIAS.fr, en=description.en + _BIAS.en),
        observed_properties=properties,
        style=Style(symbol="point", size=9, order=95, visible=False, colour_by="tmin_difference", ramp=_RAMP),
    )

    def batches() -> Iterator[pa.RecordBatch]:
        for found in analyses():
            for each in properties:
                values = found.daily[each.name]
                yield series.observations(found.stations.ids, each.name, found.days, values, about.made)

    return Series(collection, _datastreams(collection, stations), batches())


def _datastreams(collection: Collection, stations: Stations) -> pa.Table:
    """Return a datastream of each property at each station, where and when that of the temperature is."""
    properties = collection.observed_properties
    return pa.concat_tables(
        [series.datastreams(collection, each, stations.streams, stations.names) for each in properties]
    )


# --- Summary ---------------------------------------------------------------------------------------


SUMMARY = (
    text("name", "Station", "Station"),
    number("altitude", "m", "Altitude", "Altitude"),
    truth("is_reference", "Station de référence", "Reference station"),
    number("nocturnal_index", "K", "Indice nocturne", "Nocturnal index"),
    number("mean_tmin_difference", "K", "Écart moyen de la minimale", "Mean difference of the minimum"),
    integer("nights", None, "Nuits comptées", "Nights counted"),
    integer("days", None, "Jours comptés", "Days counted"),
    *(
        integer(name, None, *(f"{title} (≥ {index.at_least:g} °C)" for title in (index.title.fr, index.title.en)))
        for name, index in thresholds().items()
    ),
    number("completeness", "%", "Complétude des heures", "Completeness of the hours"),
    text("reference", "Référence", "Reference"),
    text("method", "Méthode", "Method"),
    text("remark", "Remarque", "Remark"),
)
_NO_ALTITUDE = "altitude inconnue : écart non calculé"
_NO_NIGHT = "aucune nuit assez complète"


def summary(about: About, analyses: Analyses) -> Features:
    """Return one feature for each station: its indices, what they count, and how they were made."""
    collection = about.telling.collection(
        "heat_island_stations",
        Kind.FEATURES,
        Text(fr="Îlot de chaleur : bilan par station", en="Heat island: summary by station"),
        Text(
            fr="Indice nocturne (moyenne du plus grand écart de chaque nuit), nuits tropicales et jours chauds. "
            + _BIAS.fr,
            en="Nocturnal index (mean of the greatest difference of each night), tropical nights and hot days. "
            + _BIAS.en,
        ),
        fields=SUMMARY,
        geometry="Point",
        style=Style(
            symbol="point", size=11, order=96, visible=False, label="name", colour_by="nocturnal_index", ramp=_RAMP
        ),
    )
    return Features(collection, (_summary(about, found) for found in analyses()))


def _summary(about: About, found: Analysis) -> pa.RecordBatch:
    stations, daily = found.stations, found.daily
    count = len(stations)
    nocturnal, nights = mean_known(daily["night_maximum_difference"])
    difference, _ = mean_known(daily["tmin_difference"])
    _, days = mean_known(daily["tmin"])
    remark = np.full(count, None, dtype=object)
    remark[nights == 0] = _NO_NIGHT
    if about.lapse_rate is not None:
        remark[np.isnan(stations.altitude)] = _NO_ALTITUDE
    columns = {
        "id": stations.ids,
        "valid_from": stations.streams["valid_from"],
        "valid_to": stations.streams["valid_to"],
        "geometry": stations.streams["geometry"],
        "name": stations.names,
        "altitude": stations.altitude,
        "is_reference": stations.reference,
        "nocturnal_index": np.round(nocturnal, _DECIMALS),
        "mean_tmin_difference": np.round(difference, _DECIMALS),
        "nights": nights,
        "days": days,
        **{name: (daily[index.of] >= index.at_least).sum(axis=1) for name, index in thresholds().items()},
        "completeness": np.round(100 * np.isfinite(found.temperature).mean(axis=1), _DECIMALS),
        "reference": [", ".join(about.reference)] * count,
        "method": [about.method.fr] * count,
        "remark": remark,
    }
    schema = feature_schema(SUMMARY)
    arrays = {
        name: pa.array(values, from_pandas=True) if isinstance(values, np.ndarray) else values
        for name, values in columns.items()
    }
    return pa.table(arrays).cast(schema).combine_chunks().to_batches()[0]
