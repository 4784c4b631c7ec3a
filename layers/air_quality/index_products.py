"""The collections of the index: the time series of each zone, and its days as areas that a map can show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from layers import series
from layers.air_quality.daily import lineage
from layers.air_quality.parameters import IndexParameters
from layers.air_quality.statistics import Matrix
from layers.air_quality.tables import IndexTable
from layers.air_quality.zones import Zones
from twin.model import Category, Collection, Field, FieldType, Kind, ObservedProperty, Ramp, Style, Text
from twin.observed_properties import known_properties
from twin.products import Features, Series
from twin.tables import feature_schema
from twin.themes import known_themes

type Classes = NDArray[np.int64]

INDEX = "air_quality_index"
_TITLE = Text(fr="Indice de la qualité de l'air", en="Air quality index")
_MEANING = Text(
    fr="La classe du pire des polluants mesurés ce jour-là, de bon à extrêmement mauvais.",
    en="The class of the worst pollutant measured on that day, from good to extremely poor.",
)
_COMPLETENESS = Text(fr="Complétude des heures", en="Completeness of the hours")
_EVENT = 7  # declared, never computed


@dataclass(frozen=True)
class Indices:
    """What is computed of the zones.

    ``index`` and the sub-indices of ``classes``, by pollutant, have the shape (zones, days), 0 where unavailable;
    ``share`` is the completeness of the zone's hours, from 0 to 1; ``stations`` pairs a zone and the name of a
    station that stands for it.
    """

    zones: Zones
    index: Classes
    classes: dict[str, Classes]
    share: Matrix
    stations: set[tuple[int, str]]

    def measured(self, pollutant: str) -> NDArray[np.bool_]:
        """Which zones ever have a sub-index of a pollutant."""
        return (self.classes[pollutant] > 0).any(axis=1)


@dataclass(frozen=True)
class About:
    """What the collections say of how they were made; ``starts`` and ``dates`` are those of the days."""

    source: Collection
    table: IndexTable
    parameters: IndexParameters
    made: datetime
    starts: NDArray[np.datetime64]
    dates: NDArray[np.datetime64]

    @property
    def methods(self) -> tuple[Category, Category]:
        """The method where it is in force, and where it is applied in retrospect."""
        table = self.table
        in_force = Text(fr=f"calculé selon la {table.title.fr}", en=f"computed by the {table.title.en}")
        return (
            Category(value=table.name, title=in_force),
            Category(value=f"{table.name}_retrospective", title=table.retrospective),
        )

    @property
    def label(self) -> Text:
        """The name of the method, which says whether any day is in retrospect."""
        early = any(not self.table.applies(day) for day in self.dates.tolist())
        return self.methods[1 if early else 0].title

    @property
    def method(self) -> Text:
        """The method, in a few sentences."""
        needed = ", ".join(self.parameters.required)
        days = lineage(self.parameters)
        near, near_en = "", ""
        if self.parameters.reach:
            near = f" ou à {self.parameters.reach:g} m au plus"
            near_en = f" or {self.parameters.reach:g} m away at most"
        return Text(
            fr=f"{self.table.source}. {self.label.fr[:1].upper()}{self.label.fr[1:]}. Stations de fond de la "
            f"zone{near}. Pas d'indice sans {needed}. {days.fr}",
            en=f"{self.table.source}. {self.label.en[:1].upper()}{self.label.en[1:]}. Background stations of the "
            f"zone{near_en}. No index without {needed}. {days.en}",
        )

    def collection(self, name: str, kind: Kind, title: Text, **more: object) -> Collection:
        """Return one of the collections, with what they share."""
        return Collection.model_validate(
            {
                "id": name,
                "kind": kind,
                "title": Text(fr=f"{title.fr} ({self.label.fr})", en=f"{title.en} ({self.label.en})"),
                "description": Text(
                    fr="Le pire des sous-indices des polluants, de 1 (bon) à 6 (extrêmement mauvais), 0 quand il est "
                    f"indisponible ; {self.label.fr}. Seul l'indice d'une association agréée est l'indice ATMO.",
                    en="The worst of the sub-indices of pollutants, from 1 (good) to 6 (extremely poor), 0 where it is "
                    f"unavailable; {self.label.en}. Only the index of an approved association is the ATMO index.",
                ),
                "theme": known_themes()["air"],
                "keywords": ("qualité de l'air", "air quality", "indice", "pollution"),
                "licence": self.source.licence,
                "producer": self.source.producer,
                "lineage": self.method,
                **more,
            }
        )


def _sub_index(pollutant: str) -> tuple[str, Text]:
    """Return the name and the title of a sub-index."""
    title = known_properties()[pollutant].title
    return f"{pollutant}_index", Text(fr=f"Sous-indice : {title.fr}", en=f"Sub-index: {title.en}")


def time_series(about: About, done: Indices) -> Series:
    """Return the index and the sub-indices of each zone, day by day, with their completeness."""
    computed = [each for each in about.table.classes if each.value != _EVENT]
    zones, every = done.zones, np.arange(len(done.zones))
    parts = [(ObservedProperty(name=INDEX, title=_TITLE, unit="1"), every, done.index.astype(float))]
    for pollutant, found in done.classes.items():
        name, title = _sub_index(pollutant)
        observed = ObservedProperty(name=name, title=title, unit="1")
        parts.append((observed, np.flatnonzero(done.measured(pollutant)), found.astype(float)))
    share = ObservedProperty(name="completeness", title=_COMPLETENESS, unit="%")
    parts.append((share, np.flatnonzero(np.isfinite(done.share).any(axis=1)), 100 * done.share))
    collection = about.collection(
        INDEX,
        Kind.TIMESERIES,
        _TITLE,
        observed_properties=tuple(observed for observed, _, _ in parts),
        crs=zones.collection.crs,
        # The colours of the classes stand at their codes: what lies between is never computed.
        style=Style(
            symbol="none",
            visible=False,
            colour_by=INDEX,
            ramp=Ramp(minimum=0, maximum=len(computed) - 1, colours=tuple(each.colour for each in computed)),
        ),
    )

    def batches() -> Iterator[pa.RecordBatch]:
        for observed, rows, values in parts:
            ids = [zones.ids[row] for row in rows]
            yield series.observations(ids, observed.name, about.starts, values[rows], about.made)

    tables = [
        series.datastreams(collection, observed, zones.objects.take(pa.array(rows)), zones.names[rows])
        for observed, rows, _ in parts
    ]
    return Series(collection, pa.concat_tables(tables), batches())


def areas(about: About, done: Indices) -> Features:
    """Return a version of each zone for each of the last days: what a map colours, day after day."""
    integer, string = FieldType.INTEGER, FieldType.STRING
    pollutants, classes = list(done.classes), about.table.classes
    fields = (
        Field(name="name", type=string, title=Text(fr="Nom", en="Name")),
        Field(name=INDEX, type=integer, title=_TITLE, description=_MEANING, categories=classes),
        *(
            Field(name=name, type=integer, title=title, categories=classes)
            for name, title in map(_sub_index, pollutants)
        ),
        Field(name="worst", type=string, title=Text(fr="Polluants du pire sous-indice", en="Pollutants of the worst")),
        Field(
            name="missing",
            type=string,
            title=Text(
                fr="Polluants requis sans assez de mesures", en="Required pollutants without enough measurements"
            ),
        ),
        Field(name="completeness", type=FieldType.NUMBER, unit="%", title=_COMPLETENESS),
        Field(name="stations", type=string, title=Text(fr="Stations de fond", en="Background stations")),
        Field(name="method", type=string, title=Text(fr="Méthode", en="Method"), categories=about.methods),
    )
    collection = about.collection(
        "air_quality_index_days",
        Kind.FEATURES,
        Text(fr="Indice de la qualité de l'air, jour par jour", en="Air quality index, day by day"),
        fields=fields,
        geometry="MultiPolygon",
        crs=done.zones.collection.crs,
        style=Style(symbol="fill", opacity=0.8, outline="#ffffff", order=12, label="name", colour_by=INDEX),
    )
    zones = done.zones
    shapes = zones.shapes.copy()
    single = shapely.get_type_id(shapes) == shapely.GeometryType.POLYGON
    shapes[single] = [shapely.MultiPolygon([shape]) for shape in shapes[single]]
    geometry = shapely.to_wkb(shapes)
    listed = [", ".join(sorted(name for at, name in done.stations if at == zone)) for zone in range(len(zones))]
    measured = {name: done.measured(name) for name in pollutants}
    worst = _named(pollutants, [(done.classes[name] == done.index) & (done.index > 0) for name in pollutants])
    never = np.zeros_like(done.index)
    needed = about.parameters.required
    missing = _named(needed, [done.classes.get(name, never) == 0 for name in needed])
    stamp = pa.timestamp("us", tz="UTC")

    def batch(day: int) -> pa.RecordBatch:
        start = about.starts[day].astype("M8[us]")
        following = (
            about.starts[day + 1] if day + 1 < len(about.starts) else about.starts[day] + np.timedelta64(24, "h")
        )
        of = {name: found[:, day] for name, found in done.classes.items()}
        applies = about.table.applies(about.dates[day].item())
        method = about.methods[0 if applies else 1].value
        count = len(zones)
        columns = {
            "id": pa.array(zones.ids),
            "valid_from": pa.array(np.full(count, start)).cast(stamp),
            "valid_to": pa.array(np.full(count, following.astype("M8[us]"))).cast(stamp),
            "geometry": pa.array(geometry),
            "name": pa.array(zones.names),
            INDEX: pa.array(done.index[:, day]),
            **{_sub_index(name)[0]: pa.array(of[name], mask=~measured[name]) for name in pollutants},
            "worst": pa.array(worst[:, day], pa.string()),
            "missing": pa.array(missing[:, day], pa.string()),
            "completeness": pa.array(np.round(100 * done.share[:, day], 1), from_pandas=True),
            "stations": pa.array([names or None for names in listed], pa.string()),
            "method": pa.array([method] * count),
        }
        return pa.table(columns).cast(feature_schema(fields)).combine_chunks().to_batches()[0]

    first = max(0, len(about.starts) - about.parameters.mapped_days)
    return Features(collection, (batch(day) for day in range(first, len(about.starts))))


def _named(names: Sequence[str], masks: Sequence[NDArray[np.bool_]]) -> NDArray[np.object_]:
    """Return the names whose masks are set, joined; None where none is. Of the shape of the masks."""
    texts = np.full(2 ** len(names), None, dtype=object)
    for code in range(1, len(texts)):
        texts[code] = ", ".join(name for bit, name in enumerate(names) if code >> bit & 1)
    which = sum(mask.astype(np.int64) << bit for bit, mask in enumerate(masks))
    return texts[which]  # type: ignore[no-any-return]
