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
        theme: land                        # optional: a name of twin/themes.yml, or {name, title}
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
      terrain:
        title: {fr: Relief, en: Terrain}
        description: {fr: Altitude du sol., en: Altitude of the ground.}
        vertical_crs: EPSG:5720
        style: {symbol: raster, colour_by: altitude}
        observed_properties: [altitude]
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
          distinct: true                   # many rows per object: one of each is kept
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
          time: {column: date_debut, lasts: PT1H}            # ISO 8601 with its offset; brought to the end of the hour
          property: {column: nom_poll, map: {NO2: no2, PM2.5: pm2_5}}
          result: {column: valeur, unit_column: unite, unit_map: {ug.m-3: ug/m3}}
      - source: table
        files: [PA13_horaire.csv]
        read: {delimiter: ";", missing: ["", n/d], units: {NO2: microg/m3}}   # the line below the header
        series:
          collection: observations
          object: {collection: stations, file: "(.+)_horaire"}
          time: {column: date, format: "%d/%m/%Y", hour: heure, zone: UTC}    # hours 1 to 24, each its end
          results:
            no2: {column: NO2, unit: ug/m3}
      - source: raster
        files: ["dalles/*.tif"]            # several files make one coverage
        coverage: {collection: terrain, property: altitude, band: 1, cell: 25, resampling: average}

A series takes its place from the object that it belongs to, read in the same run or known to the store.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from pydantic import Field as Constrained
from pydantic import ValidationError, field_validator, model_validator

from twin.errors import BadInput, BadManifest, foremost
from twin.ingest.parts import Part
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
    Reference,
    Style,
    Text,
    Theme,
)
from twin.observed_properties import known_properties
from twin.themes import known_themes


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
    description: Text | None = None
    reference: Reference | None = None
    standard_name: str | None = None
    definition: str | None = None
    limits: Limits | None = None


class CollectionEntry(Model):
    """What is published: features when it has ``fields``; with ``observed_properties`` a time series, or a coverage."""

    title: Text
    description: Text
    keywords: tuple[str, ...] = ()
    theme: Theme | None = None
    geometry: str | None = None
    vertical_crs: str | None = None
    finest_period: Annotated[str, Constrained(pattern=r"^P(\d+[YMWD]|T\d+[HMS])+$")] | None = None
    lineage: Text | None = None
    style: Style = Style()
    fields: dict[Identifier, FieldEntry] = {}
    observed_properties: dict[Identifier, PropertyEntry] = {}

    @field_validator("theme", mode="before")
    @classmethod
    def _known_theme(cls, value: Any) -> Any:  # noqa: ANN401
        if not isinstance(value, str):
            return value
        known = known_themes()
        if value not in known:
            raise ValueError(f"{value!r} is no known theme ({', '.join(known)}): give its name and its title")
        return known[value]

    @field_validator("observed_properties", mode="before")
    @classmethod
    def _names_alone(cls, value: Any) -> Any:  # noqa: ANN401
        return {name: {} for name in value} if isinstance(value, list) else value

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if self.fields and self.observed_properties:
            raise ValueError(
                "a collection has fields (features) or observed_properties (a time series, a coverage), not both"
            )
        return self


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
            entry = self.collections.get(part.target.collection)
            if entry is None:
                raise ValueError(f"parts.{number} feeds {part.target.collection!r}, which collections lacks")
            if part.features:
                _known(f"parts.{number}.features.fields", part.features.fields, entry.fields)
            elif part.series:
                series = part.series
                given = series.property.map.values() if series.property else series.results
                _known(f"parts.{number}.series", given, entry.observed_properties)
            elif part.coverage:
                _known(f"parts.{number}.coverage", (part.coverage.property,), entry.observed_properties)
                if len(entry.observed_properties) > 1:
                    raise ValueError(f"parts.{number} gives {part.coverage.property} alone: its collection has more")
        return self

    @classmethod
    def load(cls, path: Path) -> Manifest:
        """Read ``manifest.yml``, or the one in the folder `path`.

        Raises
        ------
        BadManifest
            When it is absent, is no YAML, or holds an unknown key or an unusable value; the key is named.
        """
        file = path / "manifest.yml" if path.is_dir() else path
        try:
            return cls.model_validate(yaml.safe_load(file.read_text("utf-8")))
        except FileNotFoundError:
            raise BadManifest(f"{file}: there is no such manifest.") from None
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise BadManifest(f"{file}: this is not YAML in UTF-8 ({' '.join(str(error).split())}).") from None
        except ValidationError as error:
            raise BadManifest(f"{file}: {_sentence(error)}") from None
        except BadInput as error:
            raise BadManifest(f"{file}: {error}") from None

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
            kind=self._kind(name),
            fields=tuple(Field(name=key, **dict(field)) for key, field in entry.fields.items()),
            observed_properties=tuple(_property(key, given) for key, given in entry.observed_properties.items()),
            crs=crs,
            licence=self.licence,
            producer=self.producer,
            **{
                key: getattr(entry, key)
                for key in ("title", "description", "keywords", "theme", "geometry", "vertical_crs", "style", "lineage")
            },
            finest_period=entry.finest_period,
        )

    def _kind(self, name: str) -> Kind:
        if any(part.coverage and part.coverage.collection == name for part in self.parts):
            return Kind.COVERAGE
        return Kind.TIMESERIES if self.collections[name].observed_properties else Kind.FEATURES


def _sentence(error: ValidationError) -> str:
    where, kind, message = foremost(error)
    if kind == "extra_forbidden":
        return f"{where} is not a key of a manifest."
    if kind == "missing":
        return f"{where} is missing."
    return f"{where or 'the manifest'}: {message}."


def _known(where: str, given: Any, declared: dict[str, Any]) -> None:  # noqa: ANN401
    unknown = [name for name in given if name not in declared]
    if unknown:
        raise ValueError(f"{where} gives {', '.join(unknown)}, which the collection does not declare")


def _property(name: str, given: PropertyEntry) -> ObservedProperty:
    known = known_properties().get(name)
    values: dict[str, Any] = dict(known) if known else {"name": name}
    values |= {key: value for key, value in given if value is not None}
    if known and given.limits:
        values["limits"] = known.limits.model_copy(update=given.limits.model_dump(exclude_unset=True))
    if "title" not in values or "unit" not in values:
        raise BadManifest(f"observed property {name!r} is not known: give its title and its UCUM unit.")
    return ObservedProperty.model_validate(values)
