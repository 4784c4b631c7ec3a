"""The areas of local climate zones, as features."""

from __future__ import annotations

from enum import Enum

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray
from rasterio import features
from rasterio.transform import Affine
from scipy import ndimage
from shapely.geometry import shape

from layers.local_climate_zones.classification import Classified, Floats
from layers.local_climate_zones.zones import table
from twin.model import Collection, Field, FieldType, Kind, Style, Text
from twin.products import Features
from twin.tables import feature_schema
from twin.themes import known_themes

ZONES = "local_climate_zones"
_DECIMALS = 3


class Source(Enum):
    """Where zones come from, and how that is told."""

    RASTER = Text(
        fr="Classes lues dans « {fr} » ; les mailles voisines d'une même classe sont réunies.",
        en="Classes read from “{en}”; neighbouring cells of one class are joined.",
    )
    MORPHOLOGY = Text(
        fr="Déduites de « {fr} » : classes 1 à 7 et 9 par distance normalisée aux intervalles de Stewart et Oke "
        "(2012), avec les poids de GeoClimate ; 8, 10 et A à G par règles. Les mailles voisines d'une même classe "
        "sont réunies.",
        en="Derived from “{en}”: classes 1 to 7 and 9 by normalised distance to the ranges of Stewart and Oke "
        "(2012), with the weights of GeoClimate; 8, 10 and A to G by rules. Neighbouring cells of one class are "
        "joined.",
    )


def _number(name: str, unit: str, fr: str, en: str, description: Text | None = None) -> Field:
    return Field(name=name, type=FieldType.NUMBER, unit=unit, title=Text(fr=fr, en=en), description=description)


FIELDS = (
    Field(
        name="lcz",
        type=FieldType.STRING,
        title=Text(fr="Zone climatique locale", en="Local climate zone"),
        categories=table().categories,
    ),
    _number("area", "m2", "Surface", "Area"),
    Field(
        name="lcz_second",
        type=FieldType.STRING,
        title=Text(fr="Deuxième zone la plus proche", en="Second nearest zone"),
        categories=table().categories,
    ),
    _number("distance", "1", "Distance à la classe", "Distance to the class"),
    _number(
        "uniqueness",
        "1",
        "Unicité",
        "Uniqueness",
        Text(
            fr="Écart des distances aux deux classes les plus proches, sur leur somme : 0, égalité ; 1, sûr.",
            en="Difference of the distances to the two nearest classes, over their sum: 0, a tie; 1, certain.",
        ),
    ),
)


def zones(coverage: Collection, classified: Classified, source: Source) -> Features:
    """Return the areas of neighbouring cells of one class, with the mean of their distances."""
    told = source.value
    collection = Collection(
        id=ZONES,
        kind=Kind.FEATURES,
        title=Text(fr="Zones climatiques locales (LCZ)", en="Local climate zones (LCZ)"),
        description=Text(
            fr="Zones de morphologie et de sol homogènes, selon la classification de Stewart et Oke (2012).",
            en="Areas of uniform morphology and land cover, by the classification of Stewart and Oke (2012).",
        ),
        theme=known_themes()["heat"],
        keywords=("LCZ", "zone climatique locale", "local climate zone", "îlot de chaleur urbain"),
        fields=FIELDS,
        geometry="Polygon",
        crs=coverage.crs,
        style=Style(symbol="fill", opacity=0.7, order=13, visible=False, colour_by="lcz"),
        licence=coverage.licence,
        producer=coverage.producer,
        lineage=Text(fr=told.fr.format(fr=coverage.title.fr), en=told.en.format(en=coverage.title.en)),
    )
    return Features(collection, [_batch(classified)])


def _batch(classified: Classified) -> pa.RecordBatch:
    classes, x, y, cell = classified.classes, classified.x, classified.y, classified.cell
    labels = _areas(classes.first)
    inside = labels > 0
    which = labels[inside].astype(np.intp) - 1
    _, firsts = np.unique(which, return_index=True)
    rows, columns = (axis[firsts] for axis in np.nonzero(inside))
    count = len(firsts)
    codes = np.array([*table().codes, None], object)  # -1, no class, is the last
    never = pa.nulls(count, pa.timestamp("us", tz="UTC"))
    values = {
        "id": [f"{east:.0f}_{north:.0f}" for east, north in zip(x[columns], y[rows], strict=True)],
        "valid_from": never,
        "valid_to": never,
        "geometry": shapely.to_wkb(
            _outlines(labels, count, Affine(cell, 0, x[0] - cell / 2, 0, cell, y[0] - cell / 2))
        ),
        "lcz": codes[classes.first[rows, columns]],
        "area": np.bincount(which, minlength=count) * cell**2,
        "lcz_second": codes[_most(which, classes.second[inside], count)],
        "distance": _mean(which, classes.distance[inside], count),
        "uniqueness": _mean(which, classes.uniqueness[inside], count),
    }
    schema = feature_schema(FIELDS)
    arrays = [pa.array(values[field.name], field.type, from_pandas=True) for field in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _outlines(labels: NDArray[np.int32], count: int, place: Affine) -> NDArray[np.object_]:
    """Return the polygon of each area, in the order of their numbers."""
    found = np.empty(count, object)
    for outline, label in features.shapes(labels, mask=labels > 0, connectivity=4, transform=place):
        found[int(label) - 1] = shape(outline)
    return found


def _areas(first: NDArray[np.intp]) -> NDArray[np.int32]:
    """Return the number of the area that each cell belongs to, from 1, by its first cell; 0 where it has no class."""
    labels = np.zeros(first.shape, np.int32)
    for code in np.unique(first[first >= 0]):
        found, _ = ndimage.label(first == code)
        labels[found > 0] = found[found > 0] + labels.max(initial=0)
    known = labels > 0
    _, firsts, numbers = np.unique(labels[known], return_index=True, return_inverse=True)
    labels[known] = np.argsort(np.argsort(firsts))[numbers] + 1
    return labels


def _mean(which: NDArray[np.intp], values: Floats, count: int) -> Floats:
    """Return the mean of each area, not-a-number where a rule told its class."""
    return np.round(np.bincount(which, values, minlength=count) / np.bincount(which, minlength=count), _DECIMALS)


def _most(which: NDArray[np.intp], second: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Return the second class that most cells of each area have, -1 for none."""
    kinds = len(table().codes) + 1
    tally = np.bincount(which * kinds + second + 1, minlength=count * kinds).reshape(count, kinds)
    return np.argmax(tally, axis=1) - 1
