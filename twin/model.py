"""The nouns of the twin: what a collection is, and what it holds.

Names follow CityGML (city objects, level of detail), SensorThings (observed property, datastream,
observation) and OGC API (collection). What is listed is a frozen pydantic model, since the
catalogue keeps it as JSON; what is counted in millions has its columns in :mod:`twin.tables`.
"""

from __future__ import annotations

import math
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Self

import pyarrow as pa
from pydantic import AwareDatetime, BaseModel, ConfigDict, model_validator
from pydantic import Field as Constrained

from twin.crs import BBox

Identifier = Annotated[str, Constrained(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Colour = Annotated[str, Constrained(pattern=r"^#[0-9a-fA-F]{6}$")]
Language = Literal["fr", "en"]


class Model(BaseModel):
    """Base of the frozen, strict models of the catalogue."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64")


class Text(Model):
    """A text for people, in French and in English."""

    fr: str
    en: str

    def in_language(self, language: str) -> str:
        """Return the text in `language` (``fr`` unless ``en`` is asked)."""
        return self.en if language.startswith("en") else self.fr


class FieldType(StrEnum):
    """Type of a property of a feature; all instants are UTC."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"

    @property
    def arrow(self) -> pa.DataType:
        """The Arrow type of the column."""
        return _ARROW_TYPES[self]


_ARROW_TYPES = {
    FieldType.STRING: pa.string(),
    FieldType.INTEGER: pa.int64(),
    FieldType.NUMBER: pa.float64(),
    FieldType.BOOLEAN: pa.bool_(),
    FieldType.DATE: pa.date32(),
    FieldType.DATETIME: pa.timestamp("us", tz="UTC"),
}


class Category(Model):
    """One class of a categorised field: its value as stored, its name, its colour."""

    value: str | int | float
    title: Text
    colour: Colour = "#888888"


class Field(Model):
    """A property of the features of a collection."""

    name: Identifier
    type: FieldType
    title: Text
    unit: str | None = None  # UCUM
    description: Text | None = None
    categories: tuple[Category, ...] = ()

    @model_validator(mode="after")
    def _free_name(self) -> Self:
        if self.name in RESERVED_FIELDS:
            raise ValueError(f"the field name {self.name!r} is kept for the store: choose another")
        return self


class Limits(Model):
    """Thresholds of the automatic quality tests of one observed property.

    ``step_per_hour`` is in units per hour; ``persistence_hours`` is the longest time that a value
    may stay unchanged; ``persistence_ignores`` are values that may last (no rain, lamp off).
    """

    minimum: float | None = None
    maximum: float | None = None
    step_per_hour: float | None = None
    persistence_hours: float | None = None
    persistence_ignores: tuple[float, ...] = ()


class Reference(Model):
    """A value to compare with: that of a reference, or a threshold."""

    value: float
    title: Text


class ObservedProperty(Model):
    """What a datastream observes (SensorThings), with its CF standard name where there is one.

    ``description`` says what a value means to a person, in a sentence; ``reference`` is drawn as a line in charts.
    """

    name: Identifier
    title: Text
    unit: str  # UCUM
    description: Text | None = None
    reference: Reference | None = None
    standard_name: str | None = None
    definition: str | None = None  # URI
    limits: Limits = Limits()


class Ramp(Model):
    """A continuous legend: colours spread evenly from `minimum` to `maximum`."""

    minimum: float
    maximum: float
    colours: tuple[Colour, ...]


class Style(Model):
    """How a collection is drawn; the viewer and the exports know nothing else of it.

    ``order`` is the drawing order (greater above); ``size`` is in pixels; ``height`` and ``base``
    name fields in metres above the ground and above the vertical datum; ``label`` names the field
    that names an object; ``colour_by`` names a field (or, for coverages and time series, an
    observed property) whose value takes its colour from its categories or from ``ramp``. What is
    ``visible`` is shown at first: when its theme is, or where it has none, with every theme.
    """

    symbol: Literal["fill", "line", "point", "extrusion", "raster", "none"] = "none"
    colour: Colour = "#888888"
    outline: Colour | None = None
    opacity: Annotated[float, Constrained(ge=0, le=1)] = 1.0
    size: float = 1.0
    order: int = 0
    visible: bool = True
    minimum_zoom: int = 0
    label: str | None = None
    height: str | None = None
    base: str | None = None
    colour_by: str | None = None
    ramp: Ramp | None = None


class Theme(Model):
    """A subject under which the page shows collections together; any collection may enter it by its name."""

    name: Identifier
    title: Text


class Licence(Model):
    """The terms under which a collection may be used, and whom to credit."""

    title: str
    url: str | None = None
    attribution: str


class Kind(StrEnum):
    """What a collection holds."""

    FEATURES = "features"
    TIMESERIES = "timeseries"
    COVERAGE = "coverage"
    TILESET = "tileset"


class Grid(Model):
    """The regular grid of a coverage: cell size and counts, x then y, cell centres inside `bbox`."""

    bbox: BBox
    columns: int
    rows: int

    @classmethod
    def over(cls, bounds: tuple[float, float, float, float], cell: float, crs: str) -> Self:
        """Return the grid of square cells that covers `bounds`, its edges at multiples of `cell`."""
        xmin, ymin = (math.floor(value / cell) for value in bounds[:2])
        xmax, ymax = (math.ceil(value / cell) for value in bounds[2:])
        columns, rows = max(xmax - xmin, 1), max(ymax - ymin, 1)
        box = BBox(xmin=xmin * cell, ymin=ymin * cell, xmax=(xmin + columns) * cell, ymax=(ymin + rows) * cell, crs=crs)
        return cls(bbox=box, columns=columns, rows=rows)


#: How many features a client looks at to know their fields: @arcgis/core five, QGIS ten, GDAL twenty.
LOOKED_AT = 5


class Collection(Model):
    """What the catalogue lists (OGC API).

    The store fills what it alone can know (``extent``, ``temporal``, ``count``, ``revision``,
    ``updated``, ``sources``, ``leading``): a source or a layer leaves these at their defaults.

    Attributes
    ----------
    fields
        Properties of the features; ``valid_from`` and ``valid_to`` are implied.
    geometry
        GeoJSON geometry type shared by all features (``Point``, ``Polygon``, ``MultiPolygon``...).
    observed_properties
        What a time series or a coverage holds.
    assessed_by
        Of a coverage, the collection whose features say how sure it is at each time of their lifespan: in the
        fields ``rmse`` and ``stations``, or why there is no map, in ``reason_fr`` and ``reason_en``.
    crs, vertical_crs
        CRS in which geometries are stored; vertical datum of Z values and ``style.base``.
    extent, temporal
        Box in CRS84, and first and last instant, of the data of the current revision.
    finest_period
        ISO 8601 duration below which nothing may be published (personal data), e.g. ``P1D``.
    leading
        Rows of the features to show first (see ``FeatureQuery.leading``), so that between them the first
        :data:`LOOKED_AT` know every field that any feature knows: clients infer the fields from these.
    """

    id: Identifier
    kind: Kind
    title: Text
    description: Text
    keywords: tuple[str, ...] = ()
    theme: Theme | None = None
    fields: tuple[Field, ...] = ()
    geometry: str | None = None
    observed_properties: tuple[ObservedProperty, ...] = ()
    grid: Grid | None = None
    assessed_by: Identifier | None = None
    crs: str = "EPSG:2154"
    vertical_crs: str | None = None
    style: Style = Style()
    licence: Licence
    producer: str
    lineage: Text | None = None
    finest_period: str | None = None

    extent: BBox | None = None
    temporal: tuple[AwareDatetime, AwareDatetime | None] | None = None
    count: int = 0
    revision: int = 0
    updated: AwareDatetime | None = None
    sources: tuple[str, ...] = ()
    leading: tuple[int, ...] = ()

    def __hash__(self) -> int:
        """Return a hash of what tells collections apart: what is known of one is looked up at every request."""
        return hash((self.id, self.revision))

    def field(self, name: str) -> Field | None:
        """Return the field called `name`, lifespan included, or None."""
        return next((field for field in self.all_fields if field.name == name), None)

    @property
    def all_fields(self) -> tuple[Field, ...]:
        """The fields of a feature as served: its own, then its lifespan."""
        return (*self.fields, *LIFESPAN_FIELDS)


# --- Lifespan ------------------------------------------------------------------------------------

#: Names that no field of a collection may have: columns and parameters of the store and of formats.
RESERVED_FIELDS = frozenset(
    {"id", "geometry", "valid_from", "valid_to", "xmin", "ymin", "xmax", "ymax"}
    | {"source", "digest", "revision_from", "revision_to", "row", "fid", "ogc_fid"}
)


def _lifespan(name: str, title: Text, description: Text) -> Field:
    # Not validated: the names are reserved, for these two.
    return Field.model_construct(name=name, type=FieldType.DATETIME, title=title, description=description)


LIFESPAN_FIELDS = (
    _lifespan(
        "valid_from",
        Text(fr="Existe depuis", en="Exists since"),
        Text(
            fr="Début de vie de cette version de l'objet (vide : inconnu).",
            en="Start of the life of this version of the object (empty: unknown).",
        ),
    ),
    _lifespan(
        "valid_to",
        Text(fr="Jusqu'à", en="Until"),
        Text(
            fr="Fin de vie de cette version de l'objet (vide : existe encore).",
            en="End of the life of this version of the object (empty: still exists).",
        ),
    ),
)


# --- Runs ----------------------------------------------------------------------------------------


class Run(Model):
    """The record of one ingest, derive or edit: enough to prove where a figure comes from.

    ``fingerprint`` hashes the inputs, the parameters and the version of the method: a run whose
    fingerprint equals that of the last run of the same name has nothing to do. ``settled`` has the
    revisions at which the run itself left inputs whose quality it judged: they are news to others only.
    """

    id: str
    kind: Literal["ingest", "derive", "edit", "remove"]
    name: str
    fingerprint: str
    inputs: dict[str, str] = {}
    parameters: dict[str, object] = {}
    version: str = ""
    started: datetime
    finished: datetime | None = None
    rows: int = 0
    quarantined: int = 0
    settled: dict[str, int] = {}
