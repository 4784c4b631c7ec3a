"""The columns of an exported file: their order, types and names for people, by kind of collection."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from twin.model import Collection, Field, FieldType, Kind, Language, Text
from twin.tables import OBSERVATION_SCHEMA

GEOMETRY = "geometry"
TIME = "time"


@dataclass(frozen=True)
class Column:
    """One column: its name and type in the file, and what it is called in French and English."""

    name: str
    type: pa.DataType
    title: Text
    unit: str | None = None
    description: Text | None = None

    @classmethod
    def of(cls, field: Field) -> Column:
        """Return the column of a field; its classes are spelt out in the description."""
        return cls(field.name, field.type.arrow, field.title, field.unit, _described(field))

    def arrow(self, language: Language) -> pa.Field:
        """Return the Arrow field, its ``title``, ``unit`` and ``description`` as metadata."""
        told = {
            "title": self.title.in_language(language),
            "unit": self.unit,
            "description": self.description.in_language(language) if self.description else None,
        }
        return pa.field(self.name, self.type, metadata={key: text for key, text in told.items() if text})


def columns(collection: Collection) -> tuple[Column, ...]:
    """Return the columns of an export of `collection`, its geometry left out."""
    if collection.kind is Kind.FEATURES:
        return (_ID, *map(Column.of, collection.all_fields))
    if collection.kind is Kind.TIMESERIES:
        return OBSERVATION_COLUMNS
    timed = (_TIME,) if collection.temporal else ()
    return (
        *timed,
        *(Column(each.name, pa.float64(), each.title, each.unit) for each in collection.observed_properties),
    )


def schema(collection: Collection, language: Language) -> pa.Schema:
    """Return the schema of the rows that an exporter receives; the geometry, WKB, comes last."""
    return pa.schema(
        [*(column.arrow(language) for column in columns(collection)), pa.field(GEOMETRY, pa.binary())],
    )


def about(collection: Collection, language: Language) -> dict[str, str]:
    """Return what must travel with the file: title, description, producer, licence, whom to credit, lineage."""
    told = {
        "title": collection.title.in_language(language),
        "description": collection.description.in_language(language),
        "producer": collection.producer,
        "license": collection.licence.title,
        "license_url": collection.licence.url,
        "attribution": collection.licence.attribution,
        "lineage": collection.lineage.in_language(language) if collection.lineage else None,
        "vertical_crs": collection.vertical_crs,
        "revision": str(collection.revision),
    }
    return {key: text for key, text in told.items() if text}


def _described(field: Field) -> Text | None:
    if not field.categories:
        return field.description
    said = field.description
    classes = [
        "; ".join(f"{each.value} = {each.title.in_language(language)}" for each in field.categories)
        for language in ("fr", "en")
    ]
    return Text(
        fr=f"{said.fr} {classes[0]}" if said else classes[0],
        en=f"{said.en} {classes[1]}" if said else classes[1],
    )


def _text(name: str, fr: str, en: str) -> Column:
    return Column(name, pa.string(), Text(fr=fr, en=en))


def _observed(name: str, fr: str, en: str) -> Column:
    return Column(name, OBSERVATION_SCHEMA.field(name).type, Text(fr=fr, en=en))


_ID = _text("id", "Identifiant", "Identifier")
_TIME = Column(TIME, FieldType.DATETIME.arrow, Text(fr="Instant (UTC)", en="Time (UTC)"))

#: One row an observation: what was observed, where, when, the value as received and its quality.
OBSERVATION_COLUMNS = (
    _observed("datastream", "Série", "Datastream"),
    _text("object_collection", "Collection de l'objet", "Collection of the object"),
    _text("object_id", "Objet observé", "Observed object"),
    _text("observed_property", "Propriété observée", "Observed property"),
    _observed("phenomenon_time", "Instant de la mesure (UTC)", "Phenomenon time (UTC)"),
    _observed("result", "Valeur", "Result"),
    _observed("result_text", "Valeur (texte)", "Result (text)"),
    _text("unit", "Unité (UCUM)", "Unit (UCUM)"),
    _text("quality", "Qualité", "Quality"),
    _observed("quality_reason", "Raison de la qualité", "Reason of the quality"),
    _observed("result_time", "Instant du résultat (UTC)", "Result time (UTC)"),
)
