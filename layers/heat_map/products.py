"""The collections of heat maps: how they are told, and what fills them."""

from __future__ import annotations

from functools import partial

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from layers.heat_island.method import thresholds
from layers.heat_map.cool import CoolIslands
from layers.heat_map.daily import Days
from layers.heat_map.monthly import Months
from layers.heat_map.observed import Observed
from layers.heat_map.parameters import Parameters
from layers.mapping import Atlas, errors, told
from layers.telling import Telling, number, observed, text
from twin.context import Twin
from twin.model import FieldType, Kind, Ramp, Style, Text
from twin.observed_properties import known_properties
from twin.products import CubeSteps, Features
from twin.tables import feature_schema

# White where there is no difference.
_RAMP = Ramp(minimum=-2.0, maximum=6.0, colours=("#2166ac", "#f7f7f7", "#fddbc7", "#ef8a62", "#b2182b"))
_TROPICAL = thresholds()["tropical_nights"]
HOURLY = (
    known_properties()["air_temperature"],
    known_properties()["air_temperature_difference"],
    observed("standard_error", "K", "Erreur type", "Standard error"),
)
DAILY = (
    observed("tmin", "Cel", "Température minimale du jour", "Daily minimum temperature"),
    observed("tmin_difference", "K", "Écart de la minimale à la référence", "Difference of the minimum"),
)
MONTHLY = (
    observed("night_difference", "K", "Écart moyen des nuits à la référence", "Mean difference of nights"),
    observed(
        "tropical_nights",
        "1",
        *(f"{title} (≥ {_TROPICAL.at_least:g} °C)" for title in (_TROPICAL.title.fr, _TROPICAL.title.en)),
    ),
    observed("nights", "1", "Nuits comptées", "Nights counted"),
    observed("completeness", "%", "Complétude des nuits", "Completeness of the nights"),
)


def telling(atlas: Atlas, made_of: Observed, parameters: Parameters) -> Telling:
    """Return what the collections share."""
    stations = ", ".join(made_of.reference_ids)
    if parameters.correction is None:
        height = Text(fr="sans correction d'altitude", en="without correction for altitude")
    else:
        place = (
            Text(
                fr=f"à l'altitude moyenne de la référence ({made_of.level:.0f} m)",
                en=f"at the mean altitude of the reference ({made_of.level:.0f} m)",
            )
            if made_of.altitude is None
            else Text(fr="à l'altitude du sol", en="at the altitude of the ground")
        )
        height = Text(
            fr=f"corrigé de l'altitude ({parameters.correction:g} K/m), {place.fr}",
            en=f"corrected for altitude ({parameters.correction:g} K/m), {place.en}",
        )
    subject = Text(
        fr=f"de l'écart à la référence ({stations}), {height.fr}",
        en=f"of the difference with the reference ({stations}), {height.en}",
    )
    lineage = told.method(subject, atlas.ground, parameters, atlas.record.left_out, "1/128 K")
    keywords = ("îlot de chaleur urbain", "urban heat island", "krigeage universel", "universal kriging")
    return Telling.of(made_of.timeseries, made_of.objects, "heat", keywords, lineage)


# --- Coverages -------------------------------------------------------------------------------------


def hourly_maps(about: Telling, atlas: Atlas, fingerprints: NDArray[np.uint64]) -> CubeSteps:
    """Return the map of each hour: temperature, difference and standard error."""
    return told.hourly_maps(
        atlas,
        fingerprints,
        about,
        "heat_island_map",
        Text(fr="Carte de l'îlot de chaleur, heure par heure", en="Map of the heat island, hour by hour"),
        Text(
            fr="Température de l'air et écart à la référence, interpolés entre les stations, avec l'erreur type à "
            "attendre d'un thermomètre ; l'erreur de chaque heure, et pourquoi une heure n'a pas de carte, sont dans "
            "heat_island_map_error.",
            en="Air temperature and its difference with the reference, interpolated between stations, with the "
            "standard error to expect of a thermometer; the error of each hour, and why one has no map, are in "
            "heat_island_map_error.",
        ),
        HOURLY,
        Style(symbol="raster", opacity=0.85, order=20, colour_by="air_temperature_difference", ramp=_RAMP),
        "heat_island_map_error",
    )


def hourly_errors(about: Telling, atlas: Atlas) -> Features:
    """Return the error of each hour's map, or why there is none."""
    title = Text(fr="Erreur des cartes de l'îlot de chaleur", en="Error of the maps of the heat island")
    return told.hourly_errors(about, "heat_island_map_error", title, errors.fields("K", "K2"), errors.tables(atlas))


def daily_maps(about: Telling, days: Days, of_hours: NDArray[np.uint64]) -> CubeSteps:
    """Return the map of each climatological day: its minimum, and the difference with the reference's."""
    collection = about.collection(
        "heat_island_map_daily",
        Kind.COVERAGE,
        Text(fr="Carte de l'îlot de chaleur, jour par jour", en="Map of the heat island, day by day"),
        Text(
            fr="Minimale du jour climatologique (de 18 h UTC la veille à 18 h UTC) et écart à celle de la référence, "
            "d'après les cartes horaires : les minimales horaires sont un peu surestimées.",
            en="Minimum of the climatological day (from 18 UTC on the eve to 18 UTC) and its difference with that of "
            "the reference, from the hourly maps: hourly minima are slightly too high.",
        ),
        observed_properties=DAILY,
        grid=days.atlas.ground.grid,
        style=Style(symbol="raster", opacity=0.85, order=19, visible=False, colour_by="tmin_difference", ramp=_RAMP),
    )
    return CubeSteps(collection, days.dates.astype("M8[us]"), days.fingerprints(of_hours), days.maps)


def monthly_maps(about: Telling, months: Months, of_hours: NDArray[np.uint64], twin: Twin) -> CubeSteps:
    """Return the map of each month: mean difference of nights, and tropical nights."""
    collection = about.collection(
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
        grid=months.days.atlas.ground.grid,
        style=Style(symbol="raster", opacity=0.85, order=19, visible=False, colour_by="night_difference", ramp=_RAMP),
    )
    return CubeSteps(
        collection, months.times.astype("M8[us]"), months.fingerprints(of_hours), partial(months.maps, twin)
    )


# --- Features --------------------------------------------------------------------------------------

COOL = (
    text("name", "Îlot de fraîcheur", "Cool island"),
    number("area", "har", "Surface", "Area"),
    number("night_difference", "K", "Écart moyen des nuits", "Mean difference of nights"),
    number("afternoon_difference", "K", "Écart moyen des après-midi", "Mean difference of afternoons"),
    number("vegetation_fraction", "1", "Fraction de végétation", "Vegetation fraction"),
    number("water_distance", "m", "Distance moyenne à l'eau", "Mean distance to water"),
)


def cool_features(
    about: Telling, atlas: Atlas, parameters: Parameters, month: np.datetime64, found: CoolIslands
) -> Features:
    """Return the cool islands of a month as features that live that month."""
    first, last = parameters.afternoon
    radius = parameters.cool_radius
    against = (
        Text(fr="que la référence", en="than the reference")
        if radius is None
        else Text(fr=f"qu'à {radius:g} m à la ronde", en=f"than {radius:g} m around")
    )
    collection = about.collection(
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
            if field.type is FieldType.NUMBER
        },
    }
    return Features(collection, pa.table(table).cast(feature_schema(COOL)).to_batches())
