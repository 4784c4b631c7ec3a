"""What is counted in millions, as Arrow columns and never a Python object a row."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

import pyarrow as pa

from twin.model import Field, FieldType, Text

#: Columns of a staged batch of features beside the collection's own fields: ``id`` is the stable
#: identity, ``geometry`` is WKB (x, y[, z]) in the collection's CRS, the lifespan is UTC.
FEATURE_COLUMNS = (
    pa.field("id", pa.string(), nullable=False),
    pa.field("valid_from", pa.timestamp("us", tz="UTC")),
    pa.field("valid_to", pa.timestamp("us", tz="UTC")),
    pa.field("geometry", pa.binary()),
)


def feature_schema(fields: Iterable[Field]) -> pa.Schema:
    """Return the Arrow schema of a batch of features that have `fields`."""
    return pa.schema([*FEATURE_COLUMNS, *(pa.field(field.name, field.type.arrow) for field in fields)])


class Quality(IntEnum):
    """Outcome of quality control: GOOD, or the first test that the value failed.

    ``PRODUCER`` is a doubt of the data's own producer. The reason beside it names every failed test.
    """

    GOOD = 0
    RANGE = 1
    STEP = 2
    PERSISTENCE = 3
    SPATIAL = 4
    PRODUCER = 5


QUALITY_TITLES = {
    Quality.GOOD: Text(fr="bonne", en="good"),
    Quality.RANGE: Text(fr="hors bornes", en="out of range"),
    Quality.STEP: Text(fr="saut brusque", en="sudden step"),
    Quality.PERSISTENCE: Text(fr="valeur bloquée", en="stuck value"),
    Quality.SPATIAL: Text(fr="en désaccord avec ses voisins", en="at odds with its neighbours"),
    Quality.PRODUCER: Text(fr="douteuse selon le producteur", en="doubtful according to its producer"),
}

#: A batch of observations. ``datastream`` is the id of a feature of ``datastreams``; a numeric or
#: boolean result is in ``result``, a category or a text in ``result_text``. Nothing is dropped:
#: a doubtful value keeps its result, its quality and the reason for it.
OBSERVATION_SCHEMA = pa.schema(
    [
        pa.field("datastream", pa.string(), nullable=False),
        pa.field("phenomenon_time", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("result_time", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("result", pa.float64()),
        pa.field("result_text", pa.string()),
        pa.field("quality", pa.uint8(), nullable=False),
        pa.field("quality_reason", pa.string()),
    ]
)

#: The collection that lists every datastream as a feature, at the place of the object observed.
DATASTREAMS = "datastreams"


def _field(name: str, kind: FieldType, fr: str, en: str) -> Field:
    return Field(name=name, type=kind, title=Text(fr=fr, en=en))


DATASTREAM_FIELDS = (
    _field("name", FieldType.STRING, "Nom", "Name"),
    _field("timeseries", FieldType.STRING, "Collection de mesures", "Time-series collection"),
    _field("object_collection", FieldType.STRING, "Collection de l'objet", "Collection of the object"),
    _field("object_id", FieldType.STRING, "Objet observé", "Observed object"),
    _field("observed_property", FieldType.STRING, "Propriété observée", "Observed property"),
    _field("unit", FieldType.STRING, "Unité (UCUM)", "Unit (UCUM)"),
)


def datastream_id(object_id: str, observed_property: str) -> str:
    """Return the stable id of the datastream of one property at one object."""
    return f"{object_id}.{observed_property}"
