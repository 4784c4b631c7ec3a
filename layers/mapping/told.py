"""How maps were made, in a few sentences, and the collections that hold them and their errors."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from layers.mapping import errors
from layers.mapping.atlas import Atlas
from layers.mapping.ground import Ground
from layers.mapping.parameters import MapParameters
from layers.telling import Telling
from twin.model import Field, Kind, ObservedProperty, Style, Text
from twin.products import CubeSteps, Features
from twin.tables import feature_schema


def method(subject: Text, ground: Ground, parameters: MapParameters, left_out: tuple[str, ...], rounding: str) -> Text:
    """Return how a subject was mapped."""
    names, (dusk, dawn) = ", ".join(ground.names), parameters.night
    fr = (
        f"Krigeage universel {subject.fr}, sur {names} ; variogramme {parameters.variogram} ajusté par mois sur "
        f"{parameters.training_days} jours, de nuit ({dusk} h à {dawn} h UTC) et de jour ; blanc à plus de "
        f"{parameters.distance:g} m d'une station ou hors des valeurs des covariables aux stations ; valeurs signalées "
        f"douteuses exclues ; arrondi à {rounding}."
    )
    en = (
        f"Universal kriging {subject.en}, on {names}; {parameters.variogram} variogram fitted each month on "
        f"{parameters.training_days} days, by night ({dusk} to {dawn} UTC) and by day; blank beyond "
        f"{parameters.distance:g} m from a station or outside the stations' range of the covariates; flagged values "
        f"left out; rounded to {rounding}."
    )
    if ground.absent:
        missing = ", ".join(ground.absent)
        fr, en = f"{fr} Covariables absentes : {missing}.", f"{en} Absent covariates: {missing}."
    if left_out:
        out = ", ".join(left_out)
        fr = f"{fr} Stations laissées de côté, hors des covariables ou sans altitude : {out}."
        en = f"{en} Stations left out, outside the covariates or without altitude: {out}."
    return Text(fr=fr, en=en)


def hourly_maps(
    atlas: Atlas,
    fingerprints: NDArray[np.uint64],
    telling: Telling,
    name: str,
    title: Text,
    description: Text,
    properties: tuple[ObservedProperty, ...],
    style: Style,
    assessed_by: str,
) -> CubeSteps:
    """Return the map of each hour, whose errors are in the collection `assessed_by`."""
    collection = telling.collection(
        name,
        Kind.COVERAGE,
        title,
        description,
        observed_properties=properties,
        grid=atlas.ground.grid,
        style=style,
        assessed_by=assessed_by,
    )
    return CubeSteps(collection, atlas.record.hours, fingerprints, atlas.draw)


def hourly_errors(
    telling: Telling, name: str, title: Text, fields: tuple[Field, ...], tables: Iterator[pa.Table]
) -> Features:
    """Return the error of each hour's map, or why there is none."""
    collection = telling.collection(
        name,
        Kind.FEATURES,
        title,
        errors.DESCRIPTION,
        fields=fields,
        geometry="Polygon",
        style=Style(symbol="none", order=1, visible=False),
    )
    schema = feature_schema(fields)
    return Features(
        collection, (table.select(schema.names).cast(schema).combine_chunks().to_batches()[0] for table in tables)
    )
