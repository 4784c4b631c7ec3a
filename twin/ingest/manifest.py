"""Dataset manifests: what a dataset is, and how its files become collections of the twin.

A manifest is ``manifest.yml`` in a folder of its own. ``collections`` says what will be published;
``parts`` say how files are read into them; several parts may read one file or feed one collection::

    dataset: toulouse_weather
    title: {fr: Stations météo de Toulouse, en: Weather stations of Toulouse}
    description: {fr: Réseau de stations de la métropole., en: The city's own network of stations.}
    producer: Toulouse Métropole
    url: https://data.toulouse-metropole.fr
    licence: {title: Licence Ouverte 2.0, url: "https://...", attribution: Toulouse Métropole}

    collections:
      buildings:
        title: {fr: Bâtiments, en: Buildings}
        description: {fr: Emprises bâties., en: Footprints.}
        geometry: MultiPolygon
        vertical_crs: EPSG:5720            # datum of Z values
        keywords: [bâti]
        style: {symbol: extrusion, height: height, colour_by: usage, label: name}
        fields:
          name: {type: string, title: {fr: Nom, en: Name}}
          height: {type: number, unit: m, title: {fr: Hauteur, en: Height}}
          height_source: {type: string, title: {fr: Origine de la hauteur, en: Origin of the height}}
          usage:
            type: string
            title: {fr: Usage, en: Use}
            categories:
              - {value: residential, title: {fr: Résidentiel, en: Residential}, colour: "#d9a066"}
      stations: {...}
      observations:
        title: {fr: Mesures, en: Observations}
        description: {fr: Mesures horaires., en: Hourly observations.}
        finest_period: P1D                 # optional: nothing finer may be published
        observed_properties:               # names of twin/observed_properties.yml; or a list of them
          air_temperature: {limits: {minimum: -25, maximum: 50}}   # any key may be overridden
          relative_humidity: {}

    parts:
      - source: vector                     # entry point of group jumeau.sources
        files: [batiments.gpkg]            # names or globs, inside the data folder
        read: {layer: batiment, encoding: latin-1, crs: "EPSG:2154"}   # crs: only if the file says none
        features:
          collection: buildings
          id: {column: ID}                 # or {position: 0.01, columns: [TYPE]}: metres, then other parts
          valid_from: {column: DATE_CREAT, zone: Europe/Paris}   # format: iso, year or a strptime pattern
          valid_to: 2026-07-15T00:00:00Z   # or a constant; a date or a year starts at 00:00 UTC
          fields:
            name: NOM                      # short for {column: NOM}
            usage: {column: USAGE1, map: {Résidentiel: residential}}
            height:                        # readings tried in turn, the first that has a value wins
              - {column: HAUTEUR, missing: [0], unit: cm, origin: measured}
              - {column: NB_ETAGES, missing: [0], times: 3, origin: storeys}
              - {value: 5, origin: default}
            height_source: {origin_of: height}
      - source: table
        files: [stations.csv]
        read: {delimiter: ";", decimal: ",", skip_rows: 0, missing: ["", n/d], crs: "OGC:CRS84"}
        features:
          collection: stations
          id: {column: id_nom}
          distinct: true                   # many rows per object: the first of each is read
          geometry: {x: longitude, y: latitude, z: altitude}
          fields: {name: nom, station_type: {value: weather}}
      - source: table
        files: ["mesures_*.parquet"]
        series:                            # wide: one column per property
          collection: observations
          object: {collection: stations, column: id_nom}    # or {file: "mesures_(.+)"}: from the file's name
          time: {column: date, zone: Europe/Paris, result_time: {column: insere}}
          results:
            air_temperature: {column: t, unit: K}            # converted to the property's unit
          quality: {column: statut, good: [t]}               # other values are the producer's doubt
      - source: table
        files: [air.csv]
        series:                            # long: one row per value
          collection: observations
          object: {collection: stations, column: code_station}
          time: {column: date_debut}                         # ISO 8601 with its offset: no zone needed
          property: {column: nom_poll, map: {NO2: no2, PM2.5: pm2_5}}
          result: {column: valeur, unit_column: unite, unit_map: {ug.m-3: ug/m3}}

A series takes its place from the object that it belongs to, read in the same run or known to the store.
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

import yaml
from pydantic import Field as Constrained
from pydantic import ValidationError, field_validator, model_validator

from twin import crs as reference_systems
from twin.errors import BadInput, BadManifest
from twin.model import (
    Category,
    Collection,
    Field,
    FieldType,
    Identifier,
    Kind,
    Licence,
    Limits,
    Model,
    ObservedProperty,
    Style,
    Text,
)
from twin.observed_properties import known_properties

type Constant = bool | int | float | str


class FieldEntry(Model):
    """What a field is; its name is its key. See :class:`twin.model.Field`."""

    type: FieldType
    title: Text
    unit: str | None = None
    description: Text | None = None
    categories: tuple[Category, ...] = ()


class PropertyEntry(Model):
    """What differs from the known observed property of that name, or the whole of a new one."""

    title: Text | None = None
    unit: str | None = None
    standard_name: str | None = None
    definition: str | None = None
    limits: Limits | None = None


class CollectionEntry(Model):
    """What is published: features when it has ``fields``, a time series with ``observed_properties``."""

    title: Text
    description: Text
    keywords: tuple[str, ...] = ()
    geometry: str | None = None
    vertical_crs: str | None = None
    finest_period: Annotated[str, Constrained(pattern=r"^P(?=.)(\d+[YMWD])*(T(?=.)(\d+H)?(\d+M)?(\d+S)?)?$")] | None = (
        None
    )
    lineage: Text | None = None
    style: Style = Style()
    fields: dict[Identifier, FieldEntry] = {}
    observed_properties: dict[Identifier, PropertyEntry] = {}

    @field_validator("observed_properties", mode="before")
    @classmethod
    def _names_alone(cls, value: Any) -> Any:  # noqa: ANN401
        return {name: {} for name in value} if isinstance(value, list) else value

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if self.fields and self.observed_properties:
            raise ValueError("a collection has fields (features) or observed_properties (a time series), not both")
        return self


class Read(Model):
    """How the bytes of a file are to be read. CRS, encoding: what is declared must not contradict the file."""

    layer: str | None = None
    encoding: str | None = None
    crs: str | None = None
    delimiter: Annotated[str, Constrained(min_length=1, max_length=1)] = ","
    decimal: Annotated[str, Constrained(min_length=1, max_length=1)] = "."
    skip_rows: Annotated[int, Constrained(ge=0)] = 0
    missing: tuple[str, ...] = ("",)
    records: str | None = None  # key of the list of records in a JSON object

    @field_validator("crs")
    @classmethod
    def _known_crs(cls, value: str | None) -> str | None:
        return value if value is None else reference_systems.normalise(value)

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str | None) -> str | None:
        try:
            "".encode(value or "utf-8")
        except LookupError:
            raise ValueError(f"Python knows no encoding called {value!r}") from None
        return value


class Moment(Model):
    """An instant: from a column, or a constant.

    ``format`` is ``iso``, ``year`` or a ``strptime`` pattern. ``zone`` is the IANA zone of date-times
    that carry no offset; dates and years start at 00:00 UTC without it. A local time that occurs
    twice when clocks go back is quarantined unless ``ambiguous`` says which one it is.
    """

    column: str | None = None
    value: str | None = None
    format: str = "iso"
    zone: str | None = None
    ambiguous: Annotated[str, Constrained(pattern="^(earliest|latest)$")] | None = None
    missing: tuple[Constant, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _constant(cls, value: Any) -> Any:  # noqa: ANN401
        if isinstance(value, date):
            return {"value": value.isoformat()}
        if isinstance(value, int):
            return {"value": str(value), "format": "year"}
        return {"value": value} if isinstance(value, str) else value

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        try:
            return value and ZoneInfo(value).key
        except (KeyError, ValueError):
            raise ValueError(f"{value!r} is not an IANA time zone, such as Europe/Paris or UTC") from None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.column is None) == (self.value is None):
            raise ValueError("give either a column or a constant")
        return self


class Reading(Model):
    """One way to find the value of a field: a column, a constant, or which reading of a field won.

    ``missing`` lists values that mean none; ``map`` gives the value to keep for each source value
    (one that it does not list is quarantined); ``unit`` is the source's UCUM unit, converted to the
    field's; ``times`` multiplies; ``format`` and ``zone`` read dates as :class:`Moment` does.
    """

    column: str | None = None
    value: Constant | None = None
    origin_of: Identifier | None = None
    missing: tuple[Constant, ...] = ()
    map: dict[str, Constant] | None = None
    unit: str | None = None
    times: float = 1.0
    format: str = "iso"
    zone: str | None = None
    origin: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _column_alone(cls, value: Any) -> Any:  # noqa: ANN401
        return {"column": value} if isinstance(value, str) else value

    @field_validator("map", mode="before")
    @classmethod
    def _text_keys(cls, value: Any) -> Any:  # noqa: ANN401
        return {_text(key): kept for key, kept in value.items()} if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(way is not None for way in (self.column, self.value, self.origin_of)) != 1:
            raise ValueError("give one of column, value, origin_of")
        return self


class Identity(Model):
    """Where the stable id of an object comes from.

    ``column`` alone is the id as it stands; ``columns`` are joined. ``position`` is a precision in
    metres: the id is then the rounded position (of a point on the surface, for areas) in the storage
    CRS and the ``columns``; objects that still tie are told apart by all their attributes, then counted.
    """

    column: str | None = None
    columns: tuple[str, ...] = ()
    position: Annotated[float, Constrained(gt=0)] | None = None
    prefix: str = ""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if not (self.column or self.columns or self.position):
            raise ValueError("give a column, columns, or a position precision in metres")
        if self.column and (self.columns or self.position):
            raise ValueError("column stands alone: put further parts in columns")
        return self


class Place(Model):
    """Columns of a table that hold coordinates, in ``read.crs``."""

    x: str
    y: str
    z: str | None = None


class FeaturesPart(Model):
    """How rows become features."""

    collection: Identifier
    id: Identity
    geometry: Place | None = None
    valid_from: Moment | None = None
    valid_to: Moment | None = None
    distinct: bool = False
    fields: dict[Identifier, tuple[Reading, ...]] = {}

    @field_validator("fields", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:  # noqa: ANN401
        if not isinstance(value, dict):
            return value
        return {name: reading if isinstance(reading, list) else [reading] for name, reading in value.items()}


class ObjectOf(Model):
    """The object that a series belongs to: an id column, or the group of a pattern over the file's stem."""

    collection: Identifier
    column: str | None = None
    file: str | None = None
    prefix: str = ""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.column is None) == (self.file is None):
            raise ValueError("give either a column or a file pattern")
        if self.file is not None and re.compile(self.file).groups != 1:
            raise ValueError("the file pattern needs exactly one group: the id")
        return self


class ObservationTime(Moment):
    """The phenomenon time (the end of the period for sums and means), and when the result was known."""

    result_time: Moment | None = None


class Result(Model):
    """The column of results and its UCUM unit, stated or per row."""

    column: str
    unit: str | None = None
    unit_column: str | None = None
    unit_map: dict[str, str] = {}
    missing: tuple[Constant, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _column_alone(cls, value: Any) -> Any:  # noqa: ANN401
        return {"column": value} if isinstance(value, str) else value


class PropertyColumn(Model):
    """The column that names the observed property, and the property of each of its values."""

    column: str
    map: dict[str, Identifier]


class ProducerQuality(Model):
    """The producer's own verdict: any value but those of ``good`` is a doubt."""

    column: str
    good: tuple[Constant, ...]


class SeriesPart(Model):
    """How rows become observations: ``results`` (wide) or ``property`` and ``result`` (long)."""

    collection: Identifier
    object: ObjectOf
    time: ObservationTime
    geometry: Place | None = None
    results: dict[Identifier, Result] = {}
    property: PropertyColumn | None = None
    result: Result | None = None
    quality: ProducerQuality | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if bool(self.results) == bool(self.property and self.result):
            raise ValueError("give results (one column per property), or property and result (one row per value)")
        return self


class Part(Model):
    """Files, the source that reads them, and what their rows become."""

    source: str
    files: Annotated[tuple[str, ...], Constrained(min_length=1)]
    read: Read = Read()
    features: FeaturesPart | None = None
    series: SeriesPart | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.features is None) == (self.series is None):
            raise ValueError("a part has either features or series")
        return self

    @field_validator("files")
    @classmethod
    def _inside(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if Path(name).is_absolute() or ".." in Path(name).parts:
                raise ValueError(f"{name!r} must stay inside the data folder: no absolute path, no '..'")
        return value


class Manifest(Model):
    """A dataset: who made it, on what terms, what it gives, and how its files are read."""

    dataset: Identifier
    title: Text
    description: Text
    producer: str
    url: str | None = None
    licence: Licence
    collections: dict[Identifier, CollectionEntry]
    parts: Annotated[tuple[Part, ...], Constrained(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for number, part in enumerate(self.parts):
            target = part.features or part.series
            entry = self.collections.get(target.collection) if target else None
            if target is None or entry is None:
                raise ValueError(f"parts.{number} feeds {target and target.collection!r}, which collections lacks")
            if part.features:
                _known(f"parts.{number}.features.fields", part.features.fields, entry.fields)
            elif part.series:
                series = part.series
                given = series.property.map.values() if series.property else series.results
                _known(f"parts.{number}.series", given, entry.observed_properties)
        return self

    def collection(self, name: str, crs: str) -> Collection:
        """Return the catalogue's collection `name`, stored in `crs`, as this manifest describes it.

        Raises
        ------
        BadManifest
            When an observed property is neither known nor wholly described.
        """
        entry = self.collections[name]
        return Collection(
            id=name,
            kind=Kind.TIMESERIES if entry.observed_properties else Kind.FEATURES,
            fields=tuple(Field(name=key, **dict(field)) for key, field in entry.fields.items()),
            observed_properties=tuple(_property(key, given) for key, given in entry.observed_properties.items()),
            crs=crs,
            licence=self.licence,
            producer=self.producer,
            **{
                key: getattr(entry, key)
                for key in ("title", "description", "keywords", "geometry", "vertical_crs", "style", "lineage")
            },
            finest_period=entry.finest_period,
        )


def load(path: Path) -> Manifest:
    """Read ``manifest.yml``, or the one in the folder `path`.

    Raises
    ------
    BadManifest
        When it is absent, is no YAML, or holds an unknown key or an unusable value; the key is named.
    """
    file = path / "manifest.yml" if path.is_dir() else path
    try:
        values = yaml.safe_load(file.read_text("utf-8"))
        return Manifest.model_validate(values)
    except FileNotFoundError:
        raise BadManifest(f"{file}: there is no such manifest.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadManifest(f"{file}: this is not YAML in UTF-8 ({' '.join(str(error).split())}).") from None
    except ValidationError as error:
        raise BadManifest(f"{file}: {_sentence(error)}") from None
    except BadInput as error:
        raise BadManifest(f"{file}: {error}") from None


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "the manifest"
    if first["type"] == "extra_forbidden":
        return f"{where} is not a key of a manifest."
    if first["type"] == "missing":
        return f"{where} is missing."
    return f"{where}: {first['msg'].removeprefix('Value error, ')}."


def _known(where: str, given: Any, declared: dict[str, Any]) -> None:  # noqa: ANN401
    unknown = [name for name in given if name not in declared]
    if unknown:
        raise ValueError(f"{where} gives {', '.join(unknown)}, which the collection does not declare")


def _property(name: str, given: PropertyEntry) -> ObservedProperty:
    known = known_properties().get(name)
    values = dict(known) if known else {"name": name}
    values |= {key: value for key, value in given if value is not None}
    if "title" not in values or "unit" not in values:
        raise BadManifest(f"observed property {name!r} is not known: give its title and its UCUM unit.")
    return ObservedProperty.model_validate(values)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
