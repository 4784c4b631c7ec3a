"""The collections of the maps of pollutants: a coverage of each, and the errors of all."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from layers.air_quality.tables import index_table
from layers.mapping import Atlas, told
from layers.mapping import errors as of_maps
from layers.telling import Telling, observed, text
from twin.model import Category, Collection, Field, FieldType, Ramp, Style, Text
from twin.observed_properties import known_properties
from twin.products import CubeSteps, Features

#: The legend ends where "poor" of the daily index does.
_POOR = 3
#: Not the colours of the index, which are those of a day's statistic.
_COLOURS = ("#ffffcc", "#fed976", "#fd8d3c", "#e31a1c", "#800026")


def _telling(timeseries: Collection, objects: Collection, atlas: Atlas) -> Telling:
    subject = Text(
        fr="des moyennes horaires, nommées par la fin de l'heure, aux stations choisies",
        en="of hourly means, named by the end of the hour, at the stations chosen",
    )
    lineage = told.method(subject, atlas.ground, atlas.parameters, atlas.record.left_out, "1/16")
    kept = Text(fr="Estimations négatives gardées.", en="Negative estimates kept.")
    keywords = ("qualité de l'air", "air quality", "pollution", "krigeage universel", "universal kriging")
    return Telling.of(
        timeseries, objects, "air", keywords, Text(fr=f"{lineage.fr} {kept.fr}", en=f"{lineage.en} {kept.en}")
    )


def maps(
    timeseries: Collection, objects: Collection, atlas: Atlas, pollutant: str, fingerprints: NDArray[np.uint64]
) -> CubeSteps:
    """Return the map of each hour of one pollutant, and its standard error."""
    known = known_properties()[pollutant]
    return told.hourly_maps(
        atlas,
        fingerprints,
        _telling(timeseries, objects, atlas),
        f"air_quality_map_{pollutant}",
        Text(fr=f"Carte, heure par heure : {known.title.fr}", en=f"Map, hour by hour: {known.title.en}"),
        Text(
            fr="Concentration de fond interpolée entre les stations, avec l'erreur type à attendre d'un analyseur ; "
            "l'erreur de chaque heure, et pourquoi une heure n'a pas de carte, sont dans air_quality_map_error.",
            en="Background concentration interpolated between stations, with the standard error to expect of an "
            "analyser; the error of each hour, and why one has no map, are in air_quality_map_error.",
        ),
        (known, observed("standard_error", known.unit, "Erreur type", "Standard error")),
        Style(
            symbol="raster",
            opacity=0.85,
            order=18,
            visible=False,
            colour_by=pollutant,
            ramp=Ramp(minimum=0.0, maximum=index_table().pollutants[pollutant].bounds[_POOR], colours=_COLOURS),
        ),
        "air_quality_map_error",
    )


def errors(timeseries: Collection, objects: Collection, atlases: dict[str, Atlas]) -> Features:
    """Return the error of each hour and pollutant, or why there is no map."""
    categories = tuple(Category(value=name, title=known_properties()[name].title, colour="#888888") for name in atlases)
    title = Text(fr="Polluant", en="Pollutant")
    fields = (
        Field(name="pollutant", type=FieldType.STRING, title=title, categories=categories),
        text("unit", "Unité (UCUM)", "Unit (UCUM)"),
        *of_maps.fields(),
    )
    first = next(iter(atlases.values()))
    return told.hourly_errors(
        _telling(timeseries, objects, first),
        "air_quality_map_error",
        Text(fr="Erreur des cartes de la qualité de l'air", en="Error of the maps of air quality"),
        fields,
        chain.from_iterable(_rows(pollutant, atlas) for pollutant, atlas in atlases.items()),
    )


def _rows(pollutant: str, atlas: Atlas) -> Iterator[pa.Table]:
    unit = known_properties()[pollutant].unit
    for table in of_maps.tables(atlas):
        ids = pa.array([f"{pollutant}-{identity}" for identity in table["id"].to_pylist()])
        named = table.set_column(table.schema.get_field_index("id"), "id", ids)
        for name, value in (("pollutant", pollutant), ("unit", unit)):
            named = named.append_column(name, pa.array([value] * table.num_rows))
        yield named
