"""The layer ``air_quality_exceedances``: each year of each station against guidelines and directives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field as Constrained

from layers.air_quality.analysers import Analysers, codes, days_of, hourly_means, read_analysers
from layers.air_quality.daily import lineage
from layers.air_quality.parameters import Parameters
from layers.air_quality.statistics import Days, Matrix, daily, local_dates
from layers.air_quality.tables import Limit, Standard, standards
from layers.air_quality.years import Verdict, judge
from layers.heat_island.stations import find
from twin.context import Twin
from twin.errors import DoesNotApply
from twin.model import Category, Collection, Field, FieldType, Kind, Style, Text, feature_schema
from twin.observed_properties import known_properties
from twin.products import Features, Product

_DECIMALS = 3


class ExceedanceParameters(Parameters):
    """What ``config.yml`` may say of the exceedances."""

    outside_validity: bool = Constrained(
        False,
        description="Whether years are also compared with standards that were not, or are not yet, in force in them: "
        "`in_force` tells them apart.",
    )


class AirQualityExceedances:
    """The collection ``air_quality_exceedances``: one feature for each station, year, standard and limit.

    Guidelines and directives are those of ``standards.yml``. A value is above a limit when it is strictly greater,
    unrounded. Data capture is the share of the year's hours, or days, that have a value: below 90 %, or for ozone
    below 75 % of summer or of winter, the year has no verdict, "insufficient", whatever its count. Years and days are
    those of UTC, in which concentrations are reported, unless ``time_zone`` says otherwise.
    """

    name = "air_quality_exceedances"
    title = Text(fr="Dépassements de la qualité de l'air par an", en="Air quality exceedances by year")
    version = "1"
    parameters = ExceedanceParameters

    def inputs(self, parameters: ExceedanceParameters) -> tuple[str, ...]:
        """Return the ids of the collections read."""
        return parameters.timeseries, parameters.object_collection

    def derive(self, twin: Twin, parameters: ExceedanceParameters) -> Iterator[Product]:
        """Read each pollutant by blocks of stations, and judge its years."""
        source = find(twin, parameters.timeseries)
        days = days_of(source, parameters.time_zone)
        years = sorted({day.year for day in days.dates.tolist()})
        asked = applying(years, outside=parameters.outside_validity)
        limited = dict.fromkeys(limit.pollutant for _, _, limit in asked)
        measured = [found for name in limited if len(found := read_analysers(twin, parameters, name))]
        if not measured:
            told = ", ".join(limited) or "no pollutant in those years"
            raise DoesNotApply(f"No station of {parameters.object_collection} measures what has a limit: {told}.")

        def batches() -> Iterator[pa.RecordBatch]:
            of_hours = local_dates(days.hours, parameters.time_zone)
            for analysers in measured:
                chosen = [each for each in asked if each[2].pollutant == analysers.pollutant]
                for block in analysers.blocks(len(days.hours)):
                    hourly = hourly_means(twin, source.id, block, days.hours, codes(parameters))
                    rows = [
                        row
                        for at in range(len(block))
                        for row in _rows(at, chosen, hourly[at : at + 1], days, of_hours)
                    ]
                    if rows:
                        yield _batch(block, rows)

        yield Features(_collection(source, twin, parameters), batches())


def applying(years: list[int], *, outside: bool) -> list[tuple[int, Standard, Limit]]:
    """Return the limits to compare each year with: those of the standards in force on its first day, or all."""
    return [
        (year, standard, limit)
        for standard in standards()
        for year in years
        if outside or standard.applies(date(year, 1, 1))
        for limit in standard.limits
    ]


@dataclass(frozen=True)
class Row:
    """One feature: a station, by its place in its block, and a year against a limit."""

    at: int
    year: int
    standard: Standard
    limit: Limit
    verdict: Verdict


def _rows(
    at: int, chosen: list[tuple[int, Standard, Limit]], hourly: Matrix, days: Days, of_hours: NDArray[np.datetime64]
) -> Iterator[Row]:
    """Yield what one station has of each year and limit, leaving out years without a value."""
    of_days = daily(hourly, days)
    for year, standard, limit in chosen:
        match limit.statistic:
            case "annual_mean" | "hourly":
                dates, values = of_hours, hourly[0]
            case "peak_season":
                dates, values = days.dates, of_days["daily_maximum_8h"][0]
            case statistic:
                dates, values = days.dates, of_days[statistic][0]
        if np.isfinite(values[dates.astype("M8[Y]") == np.datetime64(str(year), "Y")]).any():
            yield Row(at, year, standard, limit, judge(limit, year, dates, values))


# --- Product ---------------------------------------------------------------------------------------

STATUSES = (
    Category(value="respected", title=Text(fr="Respecté", en="Respected"), colour="#4f9d69"),
    Category(value="exceeded", title=Text(fr="Dépassé", en="Exceeded"), colour="#c8443c"),
    Category(value="insufficient", title=Text(fr="Données insuffisantes", en="Insufficient data"), colour="#a9a49a"),
)
_STATISTICS = {
    "annual_mean": Text(fr="Moyenne de l'année", en="Annual mean"),
    "hourly": Text(fr="Heures", en="Hours"),
    "daily_mean": Text(fr="Moyennes du jour", en="Daily means"),
    "daily_maximum_8h": Text(fr="Maxima du jour sur 8 h", en="Daily maximum 8-hour means"),
    "peak_season": Text(fr="Saison de pointe (six mois)", en="Peak season (six months)"),
}
_GREY = "#888888"


def _categories(titles: dict[str, Text]) -> tuple[Category, ...]:
    return tuple(Category(value=name, title=title, colour=_GREY) for name, title in titles.items())


def _field(name: str, kind: FieldType, fr: str, en: str, **more: object) -> Field:
    return Field.model_validate({"name": name, "type": kind, "title": Text(fr=fr, en=en), **more})


_STRING, _INTEGER, _NUMBER = FieldType.STRING, FieldType.INTEGER, FieldType.NUMBER
_POLLUTANTS = {limit.pollutant for standard in standards() for limit in standard.limits}
FIELDS = (
    _field("name", _STRING, "Station", "Station"),
    _field("station", _STRING, "Identifiant de la station", "Id of the station"),
    _field(
        "pollutant",
        _STRING,
        "Polluant",
        "Pollutant",
        categories=_categories({name: known_properties()[name].title for name in sorted(_POLLUTANTS)}),
    ),
    _field("year", _INTEGER, "Année", "Year"),
    _field(
        "standard",
        _STRING,
        "Texte",
        "Standard",
        categories=_categories({standard.name: standard.title for standard in standards()}),
    ),
    _field("in_force", FieldType.BOOLEAN, "En vigueur cette année-là", "In force in that year"),
    _field("statistic", _STRING, "Statistique", "Statistic", categories=_categories(_STATISTICS)),
    _field("limit", _NUMBER, "Limite", "Limit"),
    _field("unit", _STRING, "Unité (UCUM)", "Unit (UCUM)"),
    _field(
        "value",
        _NUMBER,
        "Valeur",
        "Value",
        description=Text(
            fr="La moyenne ; pour un décompte, la plus forte valeur une fois ôtées celles qui sont permises.",
            en="The mean; for a count, the greatest value once those allowed are set aside.",
        ),
    ),
    _field("count", _NUMBER, "Valeurs au-dessus de la limite", "Values above the limit"),
    _field("allowed", _INTEGER, "Valeurs permises", "Values allowed"),
    _field("years", _INTEGER, "Années du décompte", "Years of the count"),
    _field("capture", _NUMBER, "Couverture de l'année", "Data capture", unit="%"),
    _field("status", _STRING, "Résultat", "Result", categories=STATUSES),
    _field("reference", _STRING, "Référence du texte", "Reference of the standard"),
)


def _batch(block: Analysers, rows: list[Row]) -> pa.RecordBatch:
    """Return the features of a block; each lives for its year, so that a map shows one year at a time."""
    streams, stamp = block.streams.select(["object_id", "geometry"]).to_pylist(), pa.timestamp("us", tz="UTC")
    unit = known_properties()[block.pollutant].unit
    known = [(row, streams[row.at], row.limit, row.verdict) for row in rows]
    columns = {
        "id": [
            f"{on['object_id']}.{row.year}.{row.standard.name}.{limit.pollutant}.{limit.statistic}"
            for row, on, limit, _ in known
        ],
        "valid_from": pa.array([datetime(row.year, 1, 1, tzinfo=UTC) for row in rows], stamp),
        "valid_to": pa.array([datetime(row.year + 1, 1, 1, tzinfo=UTC) for row in rows], stamp),
        "geometry": pa.array([on["geometry"] for _, on, _, _ in known], pa.binary()),
        "name": [block.names[row.at] for row in rows],
        "station": [on["object_id"] for _, on, _, _ in known],
        "pollutant": [limit.pollutant for _, _, limit, _ in known],
        "year": [row.year for row in rows],
        "standard": [row.standard.name for row in rows],
        "in_force": [row.standard.applies(date(row.year, 1, 1)) for row in rows],
        "statistic": [limit.statistic for _, _, limit, _ in known],
        "limit": [limit.value for _, _, limit, _ in known],
        "unit": [unit] * len(rows),
        "value": pa.array(np.round([found.value for *_, found in known], _DECIMALS), pa.float64(), from_pandas=True),
        "count": [found.count for *_, found in known],
        "allowed": [found.allowed for *_, found in known],
        "years": [found.years for *_, found in known],
        "capture": np.round([100 * found.capture for *_, found in known], 1),
        "status": [found.status for *_, found in known],
        "reference": [row.standard.source for row in rows],
    }
    return pa.table(columns).cast(feature_schema(FIELDS)).combine_chunks().to_batches()[0]


def _collection(source: Collection, twin: Twin, parameters: ExceedanceParameters) -> Collection:
    days = lineage(parameters)
    return Collection(
        id="air_quality_exceedances",
        kind=Kind.FEATURES,
        title=AirQualityExceedances.title,
        description=Text(
            fr="Moyennes de l'année et décomptes de dépassements, comparés aux lignes directrices de l'OMS et aux "
            "directives européennes. Une année où trop de mesures manquent n'a pas de résultat, quel que soit son "
            "compte.",
            en="Annual means and counts of exceedances, compared with the guidelines of the WHO and the European "
            "directives. A year that lacks too many measurements has no result, whatever its count.",
        ),
        keywords=("qualité de l'air", "air quality", "dépassements", "exceedances", "OMS", "WHO"),
        fields=FIELDS,
        geometry="Point",
        crs=find(twin, parameters.object_collection).crs,
        style=Style(symbol="point", size=10, order=94, visible=False, label="name", colour_by="status"),
        licence=source.licence,
        producer=source.producer,
        lineage=Text(
            fr=f"{'; '.join(standard.source for standard in standards())}. {days.fr}",
            en=f"{'; '.join(standard.source for standard in standards())}. {days.en}",
        ),
    )
