"""The coverage of the morphology: its variables, and how they are told."""

from __future__ import annotations

import numpy as np
import xarray as xr

from layers.grids import Floats, centres
from layers.urban_morphology.parameters import Parameters
from twin.model import Collection, Grid, Kind, ObservedProperty, Ramp, Style, Text
from twin.products import Cube
from twin.themes import known_themes
from twin.time import TimeSpan, iso


def _variable(name: str, unit: str, fr: str, en: str, standard_name: str | None = None) -> ObservedProperty:
    return ObservedProperty(name=name, title=Text(fr=fr, en=en), unit=unit, standard_name=standard_name)


VARIABLES = (
    _variable("built_fraction", "1", "Fraction bâtie", "Built fraction"),
    _variable("mean_height", "m", "Hauteur moyenne des bâtiments", "Mean height of buildings"),
    _variable("aspect_ratio", "1", "Rapport d'aspect des rues (H/L)", "Aspect ratio of streets (H/W)"),
    _variable("sky_view_factor", "1", "Facteur de vue du ciel", "Sky view factor"),
    _variable("roughness_length", "m", "Longueur de rugosité", "Roughness length", "surface_roughness_length"),
    _variable("impervious_fraction", "1", "Fraction imperméable, bâti compris", "Impervious fraction, built included"),
    _variable("sealed_fraction", "1", "Fraction imperméable non bâtie", "Impervious fraction without buildings"),
    _variable("bare_fraction", "1", "Fraction de sol nu ou minéral", "Fraction of bare or mineral ground"),
    _variable("vegetation_fraction", "1", "Fraction végétale", "Vegetation fraction"),
    _variable("tree_fraction", "1", "Fraction arborée", "Tree fraction"),
    _variable("shrub_fraction", "1", "Fraction arbustive", "Shrub fraction"),
    _variable("water_fraction", "1", "Fraction en eau", "Water fraction"),
    _variable("tree_density", "har-1", "Arbres isolés", "Single trees"),
    _variable("residential_share", "1", "Part résidentielle du bâti", "Residential share of the footprints"),
    _variable("activity_share", "1", "Part d'activité du bâti", "Share of activity in the footprints"),
    _variable("heavy_industry_share", "1", "Part d'industrie lourde du bâti", "Share of heavy industry in footprints"),
    _variable("water_distance", "m", "Distance à l'eau", "Distance to water"),
    _variable("altitude", "m", "Altitude du sol", "Altitude of the ground", "surface_altitude"),
)
_RAMP = Ramp(minimum=0.0, maximum=1.0, colours=("#2f7d4f", "#a6cf96", "#f3efd9", "#d9a58c", "#8c3b3b"))


def coverage(
    ground: Collection, grid: Grid, found: dict[str, Floats], parameters: Parameters, time: TimeSpan | None
) -> Cube:
    """Return the coverage of the variables that were found, as float32."""
    x, y = centres(grid)
    variables = {
        variable.name: (("y", "x"), found[variable.name].astype(np.float32))
        for variable in VARIABLES
        if variable.name in found
    }
    dataset = xr.Dataset(variables, coords={"y": y, "x": x})
    return Cube(_collection(ground, grid, tuple(variables), parameters, time), dataset)


def _collection(
    ground: Collection, grid: Grid, names: tuple[str, ...], parameters: Parameters, time: TimeSpan | None
) -> Collection:
    shown = "impervious_fraction" if "impervious_fraction" in names else "built_fraction"
    cell, radius = f"{parameters.cell:g} m", f"{parameters.radius:g} m"
    when = Text(fr="quelle que soit leur date", en="whatever their date")
    if time is not None and time.start is not None:
        when = Text(fr=f"au {iso(time.start)}", en=f"at {iso(time.start)}")
    return Collection(
        id="urban_morphology",
        kind=Kind.COVERAGE,
        title=Text(fr="Morphologie urbaine", en="Urban morphology"),
        description=Text(
            fr=f"Bâti, végétation, sols imperméables et eau dans un rayon de {radius} autour du centre de chaque "
            f"maille de {cell} ; distance à l'eau et altitude au centre même.",
            en=f"Buildings, vegetation, impervious ground and water within {radius} of the middle of each cell of "
            f"{cell}; distance to water and altitude at the middle itself.",
        ),
        theme=known_themes()["land"],
        keywords=("morphologie urbaine", "urban morphology", "imperméabilisation", "végétation", "densité"),
        observed_properties=tuple(variable for variable in VARIABLES if variable.name in names),
        grid=grid,
        crs=ground.crs,
        style=Style(symbol="raster", opacity=0.7, order=14, visible=False, colour_by=shown, ramp=_RAMP),
        licence=ground.licence,
        producer=ground.producer,
        lineage=Text(
            fr=f"Objets pris {when.fr}. Intersections exactes avec la grille, moyennes sur un disque de {radius} borné "
            "à la zone couverte. Façades libres et rapport d'aspect selon GeoClimate (Bocher et al. 2021) ; facteur de "
            "vue du ciel d'un canyon infini (Masson 2000) ; rugosité selon Hanna et Britter (2002). Les arbres isolés "
            "sont comptés et n'entrent pas dans la fraction végétale.",
            en=f"Objects taken {when.en}. Exact intersections with the grid, averaged over a disk of {radius} within "
            "the area covered. Free façades and aspect ratio as in GeoClimate (Bocher et al. 2021); sky view factor of "
            "an infinite canyon (Masson 2000); roughness by Hanna and Britter (2002). Single trees are counted and "
            "are no part of the vegetation fraction.",
        ),
    )
