"""The layer: what it reads, and the order of its work."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from layers.grids import Floats, cell_size
from layers.heat_map import products
from layers.heat_map.cool import contrast, cool_islands
from layers.heat_map.fitted import fingerprints, fit_regimes
from layers.heat_map.ground import read_surface
from layers.heat_map.hourly import Atlas
from layers.heat_map.monthly import Months
from layers.heat_map.observed import read_observed
from layers.heat_map.parameters import Parameters, Variable
from twin.context import Twin
from twin.model import Text
from twin.products import Product


class HeatMap:
    """The collections ``heat_island_map``, ``heat_island_map_error``, ``heat_island_nights`` and ``cool_islands``.

    The difference of air temperature with the reference, each brought to altitude 0, is interpolated each hour by
    universal kriging with a drift on covariates of the city, fitted by generalised least squares. The variogram is
    that of a regime (the nights or the days of a month), fitted on the training days before the month, or on the
    first days of the record: once these are in, a new hour changes no map of an earlier one. The standard error is
    that of a thermometer placed there, and leaves out that of the reference. Where stations stand too far or
    covariates are unlike any station's, maps are blank; an hour that cannot be mapped is blank, and
    ``heat_island_map_error`` says why, beside the leave-one-out errors of the others (Dubrule 1983).
    ``heat_island_nights`` counts tropical nights on the climatological day of Météo-France. Cool islands, of the
    last month, are a convention of this software.
    """

    name = "heat_map"
    title = Text(fr="Cartes de l'îlot de chaleur", en="Maps of the heat island")
    version = "1"
    parameters = Parameters

    def inputs(self, parameters: Parameters) -> tuple[str, ...]:
        """Return the ids of the collections read."""
        variables = (*parameters.covariates, parameters.altitude)
        coverages = [variable.collection for variable in variables if variable is not None]
        named = (parameters.timeseries, parameters.object_collection, parameters.areas, *coverages)
        return tuple(dict.fromkeys(name for name in named if name is not None))

    def derive(self, twin: Twin, parameters: Parameters) -> Iterator[Product]:
        """Fit and factor the regimes, then let what changed be drawn."""
        observed, ground = read_observed(twin, parameters)
        fitted = fit_regimes(observed, parameters)
        atlas = Atlas(observed, ground, fitted, parameters, twin.compute)
        of_hours = fingerprints(observed, ground, fitted, parameters, self.version)
        months = Months(atlas)
        yield products.hourly_maps(atlas, of_hours)
        yield products.hourly_errors(atlas)
        yield products.monthly_maps(atlas, months, of_hours)
        vegetation, water = (_evidence(twin, atlas, name) for name in ("vegetation_fraction", "water_distance"))
        if np.isfinite(vegetation).any() or np.isfinite(water).any():
            night, afternoon = (
                _coolness(atlas, months.last[f"{part}_difference"].values) for part in ("night", "afternoon")
            )
            found = cool_islands(
                ground.grid,
                night,
                afternoon,
                vegetation,
                water,
                difference=parameters.cool_difference,
                least_vegetation=parameters.cool_vegetation,
                greatest_distance=parameters.cool_water,
                least_area=parameters.cool_area,
            )
            yield products.cool_features(atlas, months.times[-1], found)


def _coolness(atlas: Atlas, difference: Floats) -> Floats:
    """Return the difference that tells a cool island."""
    radius = atlas.parameters.cool_radius
    return difference if radius is None else contrast(difference, radius, cell_size(atlas.ground.grid)[0])


def _evidence(twin: Twin, atlas: Atlas, name: str) -> Floats:
    """Return a variable beside the covariates in the cells of the maps, not-a-number where there is none."""
    ground = atlas.ground
    for collection in dict.fromkeys(surface.asked.collection for surface in ground.surfaces):
        surface = read_surface(twin, Variable(collection=collection, variable=name), atlas.observed.hours[-1])
        if surface is not None:
            return surface.at(ground.points).reshape(ground.grid.rows, ground.grid.columns)
    return np.full((ground.grid.rows, ground.grid.columns), np.nan)
