"""The collection of the exceedances: its fields, and its features from the verdicts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa

from layers.air_quality.analysers import Analysers
from layers.air_quality.daily import lineage
from layers.air_quality.parameters import Parameters
from layers.air_quality.tables import Limit, Standard, standards
from layers.air_quality.years import Verdict
from twin.model import Category, Collection, Field, FieldType, Kind, Style, Text
from twin.observed_properties import known_properties
from twin.tables import feature_schema
from twin.themes import known_themes

TITLE = Text(fr="Dépassements de la qualité de l'air par an", en="Air quality exceedances by year")
_DECIMALS = 3


@dataclass(frozen=True)
class Row:
    """One feature: a station, by its place in its block, and a year against a limit."""

    at: int
    year: int
    standard: Standard
    limit: Limit
    verdict: Verdict


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


def batch(block: Analysers, rows: list[Row]) -> pa.RecordBatch:
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


def collection(source: Collection, objects: Collection, parameters: Parameters) -> Collection:
    """Return what the catalogue says of the exceedances."""
    days = lineage(parameters)
    return Collection(
        id="air_quality_exceedances",
        kind=Kind.FEATURES,
        title=TITLE,
        description=Text(
            fr="Moyennes de l'année et décomptes de dépassements, comparés aux lignes directrices de l'OMS et aux "
            "directives européennes. Une année où trop de mesures manquent n'a pas de résultat, quel que soit son "
            "compte.",
            en="Annual means and counts of exceedances, compared with the guidelines of the WHO and the European "
            "directives. A year that lacks too many measurements has no result, whatever its count.",
        ),
        theme=known_themes()["air"],
        keywords=("qualité de l'air", "air quality", "dépassements", "exceedances", "OMS", "WHO"),
        fields=FIELDS,
        geometry="Point",
        crs=objects.crs,
        style=Style(symbol="point", size=10, order=94, visible=False, label="name", colour_by="status"),
        licence=source.licence,
        producer=source.producer,
        lineage=Text(
            fr=f"{'; '.join(standard.source for standard in standards())}. {days.fr}",
            en=f"{'; '.join(standard.source for standard in standards())}. {days.en}",
        ),
    )
