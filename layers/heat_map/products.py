"""The collections of heat maps: how they are told, and what fills them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import shapely
import xarray as xr
from numpy.typing import NDArray

from layers.heat_island.method import thresholds
from layers.heat_map import errors
from layers.heat_map.cool import CoolIslands
from layers.heat_map.hourly import Atlas, Steps
from layers.heat_map.monthly import Months
from twin.model import Collection, Field, FieldType, Kind, ObservedProperty, Ramp, Style, Text, feature_schema
from twin.observed_properties import known_properties
from twin.products import CubeSteps, Features
from twin.themes import known_themes

_KEYWORDS = ("îlot de chaleur urbain", "urban heat island", "krigeage universel", "universal kriging")
# White where there is no difference.
_RAMP = Ramp(minimum=-2.0, maximum=6.0, colours=("#2166ac", "#f7f7f7", "#fddbc7", "#ef8a62", "#b2182b"))


def _property(name: str, unit: str, fr: str, en: str) -> ObservedProperty:
    return ObservedProperty(name=name, title=Text(fr=fr, en=en), unit=unit)


HOURLY = (
    known_properties()["air_temperature"],
    known_properties()["air_temperature_difference"],
    _property("standard_error", "K", "Erreur type", "Standard error"),
)
MONTHLY = (
    _property("night_difference", "K", "Écart moyen des nuits à la référence", "Mean difference of nights"),
    _property(
        "tropical_nights",
        "1",
        *(
            f"{t} (≥ {thresholds()['tropical_nights'].at_least:g} °C)"
            for t in (thresholds()["tropical_nights"].title.fr, thresholds()["tropical_nights"].title.en)
        ),
    ),
    _property("nights", "1", "Nuits comptées", "Nights counted"),
    _property("completeness", "%", "Complétude des nuits", "Completeness of the nights"),
)


def _told(atlas: Atlas) -> Text:
    """Return how the maps were made."""
    observed, ground, parameters = atlas.observed, atlas.ground, atlas.parameters
    stations, names = ", ".join(observed.reference_ids), ", ".join(ground.names)
    if parameters.correction is None:
        height = Text(fr="sans correction d'altitude", en="without correction for altitude")
    else:
        place = (
            Text(
                fr=f"à l'altitude moyenne de la référence ({observed.level:.0f} m)",
                en=f"at the mean altitude of the reference ({observed.level:.0f} m)",
            )
            if ground.altitude is None
            else Text(fr="à l'altitude du sol", en="at the altitude of the ground")
        )
        height = Text(
            fr=f"corrigée de l'altitude ({parameters.correction:g} K/m), {place.fr}",
            en=f"corrected for altitude ({parameters.correction:g} K/m), {place.en}",
        )
    dusk, dawn = parameters.night
    fr = (
        f"Krigeage universel de l'écart à la référence ({stations}) sur {names}, {height.fr} ; variogramme "
        f"{parameters.variogram} ajusté par mois sur {parameters.training_days} jours, de nuit ({dusk} h à {dawn} h "
        f"UTC) et de jour ; blanc à plus de {parameters.distance:g} m d'une station ou hors des valeurs des "
        "covariables aux stations ; valeurs signalées douteuses exclues ; arrondi à 1/128 K."
    )
    en = (
        f"Universal kriging of the difference with the reference ({stations}) on {names}, {height.en}; "
        f"{parameters.variogram} variogram fitted each month on {parameters.training_days} days, by night ({dusk} to "
        f"{dawn} UTC) and by day; blank beyond {parameters.distance:g} m from a station or outside the "
        "stations' range of the covariates; flagged values left out; rounded to 1/128 K."
    )
    if ground.absent:
        missing = ", ".join(ground.absent)
        fr, en = f"{fr} Covariables absentes : {missing}.", f"{en} Absent covariates: {missing}."
    if observed.left_out:
        out = ", ".join(observed.left_out)
        fr = f"{fr} Stations laissées de côté, hors des covariables ou sans altitude : {out}."
        en = f"{en} Stations left out, outside the covariates or without altitude: {out}."
    return Text(fr=fr, en=en)


def _collection(atlas: Atlas, name: str, kind: Kind, title: Text, description: Text, **more: object) -> Collection:
    observed = atlas.observed
    return Collection.model_validate(
        {
            "id": name,
            "kind": kind,
            "title": title,
            "description": description,
            "keywords": _KEYWORDS,
            "theme": known_themes()["heat"],
            "crs": observed.objects.crs,
            "licence": observed.timeseries.licence,
            "producer": observed.timeseries.producer,
            "lineage": _told(atlas),
            **more,
        }
    )


# --- Coverages -------------------------------------------------------------------------------------


def hourly_maps(atlas: Atlas, fingerprints: NDArray[np.uint64]) -> CubeSteps:
    """Return the map of each hour: temperature, difference and standard error."""
    collection = _collection(
        atlas,
        "heat_island_map",
        Kind.COVERAGE,
        Text(fr="Carte de l'îlot de chaleur, heure par heure", en="Map of the heat island, hour by hour"),
        Text(
            fr="Température de l'air et écart à la référence, interpolés entre les stations, avec l'erreur type à "
            "attendre d'un thermomètre ; l'erreur de chaque heure, et pourquoi une heure n'a pas de carte, sont dans "
            "heat_island_map_error.",
            en="Air temperature and its difference with the reference, interpolated between stations, with the "
            "standard error to expect of a thermometer; the error of each hour, and why one has no map, are in "
            "heat_island_map_error.",
        ),
        observed_properties=HOURLY,
        grid=atlas.ground.grid,
        style=Style(symbol="raster", opacity=0.85, order=20, colour_by="air_temperature_difference", ramp=_RAMP),
        assessed_by="heat_island_map_error",
    )
    return CubeSteps(collection, atlas.observed.hours, fingerprints, atlas.draw)


def monthly_maps(atlas: Atlas, months: Months, fingerprints: NDArray[np.uint64]) -> CubeSteps:
    """Return the map of each month: mean difference of nights, and tropical nights."""
    collection = _collection(
        atlas,
        "heat_island_nights",
        Kind.COVERAGE,
        Text(fr="Îlot de chaleur nocturne, mois par mois", en="Heat island by night, month by month"),
        Text(
            fr="Écart moyen des nuits à la référence et nombre de nuits tropicales, d'après les cartes horaires : les "
            "minimales horaires sont un peu surestimées, donc ces nuits un peu trop nombreuses.",
            en="Mean difference of nights with the reference and number of tropical nights, from the hourly maps: "
            "hourly minima are slightly too high, and these nights slightly too many.",
        ),
        observed_properties=MONTHLY,
        grid=atlas.ground.grid,
        style=Style(symbol="raster", opacity=0.85, order=19, visible=False, colour_by="night_difference", ramp=_RAMP),
    )
    names = [observed.name for observed in MONTHLY]

    def compute(steps: Steps) -> Iterator[xr.Dataset]:
        for month in months.times[steps]:
            yield months.maps(month)[names].expand_dims(time=[month.astype("M8[ns]")])

    return CubeSteps(collection, months.times.astype("M8[us]"), months.fingerprints(fingerprints), compute)


# --- Features --------------------------------------------------------------------------------------


def hourly_errors(atlas: Atlas) -> Features:
    """Return the error of each hour's map, or why there is none."""
    collection = _collection(
        atlas,
        "heat_island_map_error",
        Kind.FEATURES,
        Text(fr="Erreur des cartes de l'îlot de chaleur", en="Error of the maps of the heat island"),
        Text(
            fr="Pour chaque heure, l'erreur aux stations prédites par les autres (validation croisée, Dubrule 1983), "
            "la variance de krigeage attendue, et pourquoi il n'y a pas de carte.",
            en="For each hour, the error at stations predicted from the others (leave-one-out, Dubrule 1983), the "
            "kriging variance expected, and why there is no map.",
        ),
        fields=errors.FIELDS,
        geometry="Polygon",
        style=Style(symbol="none", order=1, visible=False),
    )
    return Features(collection, errors.rows(atlas))


def _field(name: str, kind: FieldType, unit: str | None, fr: str, en: str) -> Field:
    return Field(name=name, type=kind, unit=unit, title=Text(fr=fr, en=en))


_NUMBER = FieldType.NUMBER
COOL = (
    _field("name", FieldType.STRING, None, "Îlot de fraîcheur", "Cool island"),
    _field("area", _NUMBER, "har", "Surface", "Area"),
    _field("night_difference", _NUMBER, "K", "Écart moyen des nuits", "Mean difference of nights"),
    _field("afternoon_difference", _NUMBER, "K", "Écart moyen des après-midi", "Mean difference of afternoons"),
    _field("vegetation_fraction", _NUMBER, "1", "Fraction de végétation", "Vegetation fraction"),
    _field("water_distance", _NUMBER, "m", "Distance moyenne à l'eau", "Mean distance to water"),
)


def cool_features(atlas: Atlas, month: np.datetime64, found: CoolIslands) -> Features:
    """Return the cool islands of a month as features that live that month."""
    parameters = atlas.parameters
    first, last = parameters.afternoon
    radius = parameters.cool_radius
    against = (
        Text(fr="que la référence", en="than the reference")
        if radius is None
        else Text(fr=f"qu'à {radius:g} m à la ronde", en=f"than {radius:g} m around")
    )
    collection = _collection(
        atlas,
        "cool_islands",
        Kind.FEATURES,
        Text(fr="Îlots de fraîcheur", en="Cool islands"),
        Text(
            fr="Convention de ce logiciel, qu'aucun texte ne définit : mailles contiguës dont l'air est en moyenne "
            f"plus frais {against.fr} de plus de {-parameters.cool_difference:g} K, de nuit ou de {first} h à "
            f"{last} h UTC, "
            f"avec au moins {100 * parameters.cool_vegetation:g} % de végétation ou à moins de "
            f"{parameters.cool_water:g} m de l'eau, sur au moins {parameters.cool_area:g} ha. "
            "L'ombre n'est pas connue.",
            en="A convention of this software, which no text defines: adjoining cells whose air is on average cooler "
            f"{against.en} by more than {-parameters.cool_difference:g} K, by night or from {first} to {last} UTC, "
            f"with at least {100 * parameters.cool_vegetation:g} % of vegetation or within {parameters.cool_water:g} m "
            f"of water, over at least {parameters.cool_area:g} ha. Shade is not known.",
        ),
        fields=COOL,
        geometry="Polygon",
        style=Style(
            symbol="fill", colour="#4575b4", outline="#313695", opacity=0.4, order=30, visible=False, label="name"
        ),
    )
    columns = atlas.ground.grid.columns
    ends = [(month + np.timedelta64(k, "M")).astype("M8[us]") for k in range(2)]
    stamp = pa.timestamp("us", tz="UTC")
    count = len(found.cell)
    table = {
        "id": [f"{month}-{cell // columns}-{cell % columns}" for cell in found.cell],
        "valid_from": pa.array(np.repeat(ends[0], count)).cast(stamp),
        "valid_to": pa.array(np.repeat(ends[1], count)).cast(stamp),
        "geometry": pa.array(shapely.to_wkb(found.geometry), pa.binary()),
        "name": [f"{month}, {area:.1f} ha" for area in found.area],
        **{
            field.name: pa.array(np.round(getattr(found, field.name), 3), from_pandas=True)
            for field in COOL
            if field.type is _NUMBER
        },
    }
    batches: Iterable[pa.RecordBatch] = pa.table(table).cast(feature_schema(COOL)).to_batches()
    return Features(collection, batches)
