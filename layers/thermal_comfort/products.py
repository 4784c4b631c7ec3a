"""The collections of thermal comfort: how they are told, and their Arrow batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from layers.series import datastreams, observations
from layers.telling import Telling, integer, number, text, truth
from layers.thermal_comfort.method import Floats, hours_of_stress, stress
from layers.thermal_comfort.parameters import Parameters
from twin.model import Collection, Kind, Ramp, Style, Text
from twin.observed_properties import known_properties
from twin.products import Features, Series
from twin.tables import feature_schema

_UTCI = known_properties()["utci"]
_RAMP = Ramp(minimum=0.0, maximum=46.0, colours=("#3a6cb0", "#7fb7a6", "#f3efc3", "#f2a65a", "#c0392b", "#5e1224"))
_DECIMALS = 1
_NEEDS = {
    "air_temperature": Text(fr="la température de l'air", en="air temperature"),
    "relative_humidity": Text(fr="l'humidité relative", en="relative humidity"),
    "wind_speed": Text(fr="la vitesse du vent", en="wind speed"),
    "radiation": Text(
        fr="la température moyenne radiante ou de globe noir", en="mean radiant or black globe temperature"
    ),
}


@dataclass(frozen=True)
class About:
    """What the collections say of how they were made."""

    timeseries: Collection
    objects: Collection
    made: datetime
    parameters: Parameters

    @property
    def telling(self) -> Telling:
        """What the collections share."""
        height = f"{self.parameters.wind_height:g}"
        lineage = Text(
            fr=f"UTCI de Bröde et al. (2012) ; vent mesuré à {height} m, ramené à 10 m par le profil logarithmique ; "
            "température radiante mesurée, sinon tirée du globe noir (ISO 7726). Aucune valeur hors du domaine de "
            "l'indice, ni de grandeur non mesurée ; valeurs signalées douteuses exclues.",
            en=f"UTCI of Bröde et al. (2012); wind measured at {height} m, brought to 10 m by the logarithmic profile; "
            "radiant temperature measured, else from the black globe (ISO 7726). No value outside of the domain of "
            "the index, nor of what is not measured; flagged values left out.",
        )
        keywords = ("confort thermique", "thermal comfort", "UTCI", "stress thermique")
        return Telling.of(self.timeseries, self.objects, "heat", keywords, lineage)


def told(missing: Sequence[str]) -> Text:
    """Return what is missing, in words; empty for nothing."""
    return Text(fr=", ".join(_NEEDS[need].fr for need in missing), en=", ".join(_NEEDS[need].en for need in missing))


def series(
    about: About, places: pa.Table, names: NDArray[np.object_], hours: NDArray[np.datetime64], index: Floats
) -> Series:
    """Return the hourly index of the complete stations.

    Parameters
    ----------
    index
        UTCI in °C, shape (stations, hours).
    """
    collection = about.telling.collection(
        "thermal_comfort",
        Kind.TIMESERIES,
        Text(fr="Confort thermique, heure par heure", en="Thermal comfort, hour by hour"),
        Text(
            fr="Indice universel de confort thermique (UTCI) aux stations qui mesurent tout ce qu'il demande.",
            en="Universal thermal climate index (UTCI) at the stations that measure all that it needs.",
        ),
        observed_properties=(_UTCI,),
        style=Style(symbol="point", size=9, order=94, visible=False, colour_by=_UTCI.name, ramp=_RAMP),
    )
    batch = observations(places["object_id"].to_pylist(), _UTCI.name, hours, index, about.made)
    return Series(collection, datastreams(collection, _UTCI, places, names), [batch])


_HOURS = {f"hours_{name}": category.title for name, category in stress().categories.items()}
SUMMARY = (
    text("name", "Station", "Station"),
    truth("available", "Indice disponible", "Index available"),
    text("missing_fr", "Ce qui manque", "What is missing (French)"),
    text("missing_en", "Ce qui manque (anglais)", "What is missing"),
    integer("hours", "h", "Heures avec l'indice", "Hours with the index"),
    integer("hours_outside", "h", "Heures hors du domaine de l'indice", "Hours outside its domain"),
    number("maximum", "Cel", "UTCI le plus élevé", "Greatest UTCI"),
    *(integer(name, "h", f"{title.fr} : heures", f"{title.en}: hours") for name, title in _HOURS.items()),
)


def summary(
    about: About,
    places: pa.Table,
    names: NDArray[np.object_],
    missing: Sequence[Text],
    index: Floats,
    counted: NDArray[np.int64],
) -> Features:
    """Return what each station has: hours by category of stress, or what it lacks.

    Parameters
    ----------
    index
        UTCI in °C, shape (stations, hours).
    counted
        Hours in which all was measured, shape (stations,).
    """
    collection = about.telling.collection(
        "thermal_comfort_stations",
        Kind.FEATURES,
        Text(fr="Confort thermique : bilan par station", en="Thermal comfort: summary by station"),
        Text(
            fr="Heures de chaque catégorie de stress thermique, ou ce qui manque à la station pour les connaître.",
            en="Hours in each category of thermal stress, or what the station lacks to know them.",
        ),
        fields=SUMMARY,
        geometry="Point",
        style=Style(symbol="point", size=11, order=93, visible=False, label="name", colour_by="maximum", ramp=_RAMP),
    )
    available = np.array([not lack.fr for lack in missing], bool)
    hours = np.isfinite(index).sum(axis=1)
    greatest = np.fmax.reduce(index, axis=1)
    by_category = hours_of_stress(index)

    def where_available(values: NDArray[np.int64]) -> pa.Array:
        return pa.array(values, pa.int64(), mask=~available)

    columns = {
        "id": places["object_id"],
        "valid_from": places["valid_from"],
        "valid_to": places["valid_to"],
        "geometry": places["geometry"],
        "name": pa.array(names, pa.string()),
        "available": pa.array(available),
        "missing_fr": pa.array([lack.fr or None for lack in missing], pa.string()),
        "missing_en": pa.array([lack.en or None for lack in missing], pa.string()),
        "hours": where_available(hours),
        "hours_outside": where_available(counted - hours),
        "maximum": pa.array(np.round(greatest, _DECIMALS), from_pandas=True),
        **{f"hours_{name}": where_available(values) for name, values in by_category.items()},
    }
    table = pa.table(columns).cast(feature_schema(SUMMARY))
    return Features(collection, table.combine_chunks().to_batches())
