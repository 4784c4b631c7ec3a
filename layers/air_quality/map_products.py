"""The collections of the maps of pollutants: a coverage of each, and its errors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from layers.air_quality.tables import index_table
from layers.mapping import Atlas, told
from layers.mapping import errors as of_maps
from layers.telling import Telling, observed
from twin.model import Collection, Ramp, Style, Text
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
        _name(pollutant),
        Text(fr=f"Carte, heure par heure : {known.title.fr}", en=f"Map, hour by hour: {known.title.en}"),
        Text(
            fr="Concentration de fond interpolée entre les stations, avec l'erreur type à attendre d'un analyseur ; "
            "l'erreur de chaque heure, et pourquoi une heure n'a pas de carte, sont dans la collection de ces erreurs.",
            en="Background concentration interpolated between stations, with the standard error to expect of an "
            "analyser; the error of each hour, and why one has no map, are in the collection of these errors.",
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
        f"{_name(pollutant)}_error",
    )


def errors(timeseries: Collection, objects: Collection, atlas: Atlas, pollutant: str) -> Features:
    """Return the error of each hour's map of one pollutant, or why there is none."""
    known = known_properties()[pollutant]
    return told.hourly_errors(
        _telling(timeseries, objects, atlas),
        f"{_name(pollutant)}_error",
        Text(fr=f"Erreur des cartes : {known.title.fr}", en=f"Error of the maps: {known.title.en}"),
        of_maps.fields(known.unit, f"({known.unit})2"),
        of_maps.tables(atlas),
    )


def _name(pollutant: str) -> str:
    return f"air_quality_map_{pollutant}"
