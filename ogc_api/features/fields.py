"""What the items of a collection are made of: their properties, typed and titled, and their CRSs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from twin.crs import CRS84, normalise
from twin.errors import BadInput, NotFound
from twin.model import Category, Collection, Field, FieldType, Kind, Text
from twin.store import Scalar
from twin.tables import QUALITY_TITLES, Quality
from twin.time import parse_instant

#: In which geometries are given on request, beside the CRS of storage (Features Part 2); the last nine
#: are the zones of Lambert-93, CC42 to CC50, of which French surveyors work in one.
COMMON_CRS = (CRS84, "EPSG:2154", "EPSG:3857", "EPSG:4326", *(f"EPSG:{zone}" for zone in range(3942, 3951)))


def _field(name: str, kind: FieldType, fr: str, en: str, *, categories: tuple[Category, ...] = ()) -> Field:
    return Field(name=name, type=kind, title=Text(fr=fr, en=en), categories=categories)


#: Properties of one observation, as an item of a time-series collection.
OBSERVATION_FIELDS = (
    _field("datastream", FieldType.STRING, "Flux de mesures", "Datastream"),
    _field("phenomenon_time", FieldType.DATETIME, "Instant observé", "Phenomenon time"),
    _field("result", FieldType.NUMBER, "Résultat", "Result"),
    _field("result_text", FieldType.STRING, "Résultat (texte)", "Result (text)"),
    _field("unit", FieldType.STRING, "Unité (UCUM)", "Unit (UCUM)"),
    _field(
        "quality",
        FieldType.STRING,
        "Qualité",
        "Quality",
        categories=tuple(Category(value=quality.name.lower(), title=QUALITY_TITLES[quality]) for quality in Quality),
    ),
    _field("quality_reason", FieldType.STRING, "Motif de la qualité", "Reason of the quality"),
    _field("result_time", FieldType.DATETIME, "Instant du résultat", "Result time"),
    _field("object_collection", FieldType.STRING, "Collection de l'objet", "Collection of the object"),
    _field("object_id", FieldType.STRING, "Objet observé", "Observed object"),
    _field("observed_property", FieldType.STRING, "Propriété observée", "Observed property"),
)


#: What every item has beside its properties.
ID = Field.model_construct(
    name="id",
    type=FieldType.STRING,
    title=Text(fr="Identifiant", en="Identifier"),
    unit=None,
    description=None,
    categories=(),
)
GEOMETRY_TITLE = Text(fr="Géométrie", en="Geometry")

#: What is known of a collection is asked of at every request, and told once for each revision of so many.
_known = lru_cache(maxsize=1_024)


def has_items(collection: Collection) -> bool:
    """Whether a collection gives single items: observations of personal data are only given as aggregates."""
    return collection.kind is Kind.FEATURES or (collection.kind is Kind.TIMESERIES and not collection.finest_period)


@_known
def item_fields(collection: Collection) -> tuple[Field, ...]:
    """Return the properties of the items of a collection.

    Raises
    ------
    NotFound
        When the collection has no items: a coverage, a tileset, or personal data.
    """
    if has_items(collection):
        return collection.all_fields if collection.kind is Kind.FEATURES else OBSERVATION_FIELDS
    reason = f"may be published by {collection.finest_period} at the finest" if collection.finest_period else "has none"
    raise NotFound(f"There are no items of {collection.id!r}: this {collection.kind} {reason}.")


@_known
def item_properties(collection: Collection) -> tuple[str, ...]:
    """Return the names of the properties of the items of a collection; see :func:`item_fields`."""
    return tuple(field.name for field in item_fields(collection))


def properties(collection: Collection) -> tuple[Field, ...]:
    """Return what the schema of a collection is of: its items, or what is observed where it gives no items."""
    if has_items(collection):
        return (ID, *item_fields(collection))
    return tuple(
        Field(name=observed.name, type=FieldType.NUMBER, title=observed.title, unit=observed.unit)
        for observed in collection.observed_properties
    )


@_known
def queryables(collection: Collection) -> Mapping[str, Field]:
    """Return the properties that items can be filtered by, beside their geometry."""
    own = {field.name: field for field in item_fields(collection)}
    return MappingProxyType({ID.name: ID, **own} if collection.kind is Kind.FEATURES else own)


@_known
def sortables(collection: Collection) -> tuple[str, ...]:
    """Return the names of the properties that items can be sorted by: observations only as they are kept."""
    return tuple(queryables(collection)) if collection.kind is Kind.FEATURES else ("datastream",)


def in_store(collection: Collection, name: str) -> str:
    """Return what the store calls a property: it keeps the quality of an observation as a number."""
    return "quality_name" if collection.kind is Kind.TIMESERIES and name == "quality" else name


def time_field(collection: Collection) -> str:
    """Return the name of the property that `datetime` first looks at."""
    return "valid_from" if collection.kind is Kind.FEATURES else "phenomenon_time"


@_known
def served_crs(collection: Collection) -> tuple[str, ...]:
    """Return the codes of the CRSs of a collection's answers: CRS84, that of storage, the common ones."""
    return tuple(dict.fromkeys((CRS84, normalise(collection.crs), *COMMON_CRS)))


def typed(field: Field, text: str) -> Scalar:
    """Read a value to compare `field` with, as its type says.

    A date-time may be a date, which is its first instant in UTC; a boolean may be 0 or 1, as served.

    Raises
    ------
    BadInput
        When the text is no value of the type.
    """
    try:
        if field.type in (FieldType.INTEGER, FieldType.NUMBER) and "_" in text:
            raise ValueError(text)
        match field.type:
            case FieldType.INTEGER:
                return int(text)
            case FieldType.NUMBER:
                return float(text)
            case FieldType.BOOLEAN:
                return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
            case FieldType.DATE:
                return date.fromisoformat(text).isoformat()
            case FieldType.DATETIME:
                return parse_instant(text if len(text) > 10 else f"{text}T00:00:00Z")
            case _:
                return text
    except (ValueError, KeyError, BadInput):
        raise BadInput(f"{field.name}={text!r} is not a {field.type} value.") from None


def json_schema(field: Field, language: str) -> dict[str, Any]:
    """Return the JSON Schema of a property, with its unit and its categories.

    Booleans are served as the numbers 0 and 1: ArcGIS drops a property that is true or false.
    """
    formats = {FieldType.DATE: "date", FieldType.DATETIME: "date-time"}
    schema: dict[str, Any] = {"title": field.title.in_language(language), "type": str(field.type)}
    if field.type in formats:
        schema |= {"type": "string", "format": formats[field.type]}
    elif field.type is FieldType.BOOLEAN:
        schema |= {"type": "integer", "enum": [0, 1]}
    elif field.categories:
        schema["oneOf"] = [{"const": c.value, "title": c.title.in_language(language)} for c in field.categories]
    if field.description:
        schema["description"] = field.description.in_language(language)
    if field.unit:
        schema["x-ogc-unit"] = field.unit
        schema["x-ogc-unitLang"] = "UCUM"
    return schema
