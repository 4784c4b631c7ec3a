"""The layer: what it reads, and the order of its work."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from layers.grids import Floats, cell_size
from layers.heat_map import products
from layers.heat_map.cool import contrast, cool_islands
from layers.heat_map.daily import Days
from layers.heat_map.hourly import heat_atlas
from layers.heat_map.monthly import Months
from layers.heat_map.observed import read_observed
from layers.heat_map.parameters import Parameters
from layers.mapping import Atlas, Variable, fingerprints, read_surface
from twin.context import Twin
from twin.model import Text
from twin.products import Product


class HeatMap:
    """The coverages ``heat_island_map``, ``heat_island_map_daily`` and ``heat_island_nights``, and ``cool_islands``.

    The difference of air temperature with the reference, each brought to altitude 0, is interpolated each hour by
    universal kriging with a drift on covariates of the city, fitted by generalised least squares. The variogram is
    that of a regime (the nights or the days of a month), fitted on the training days before the month, or on the
    first days of the record: once these are in, a new hour changes no map of an earlier one. The standard error is
    that of a thermometer placed there, and leaves out that of the reference. Where stations stand too far or
    covariates are unlike any station's, maps are blank; an hour that cannot be mapped is blank, and
    ``heat_island_map_error`` says why, beside the leave-one-out errors of the others (Dubrule 1983).
    ``heat_island_map_daily`` has the minimum of each climatological day of Météo-France, of which
    ``heat_island_nights`` counts the tropical ones. Cool islands, of the last month, are a convention of this software.
    """

    name = "heat_map"
    title = Text(fr="Cartes de l'îlot de chaleur", en="Maps of the heat island")
    version = "2"
    parameters = Parameters

    def inputs(self, parameters: Parameters) -> tuple[str, ...]:
        """Return the ids of the collections read."""
        altitude = None if parameters.altitude is None else parameters.altitude.collection
        named = (*parameters.inputs, parameters.areas, altitude)
        return tuple(dict.fromkeys(name for name in named if name is not None))

    def derive(self, twin: Twin, parameters: Parameters) -> Iterator[Product]:
        """Fit and factor the regimes, then let what changed be drawn."""
        observed, ground = read_observed(twin, parameters)
        atlas = heat_atlas(observed, ground, parameters, twin.compute)
        of_hours = fingerprints(
            atlas,
            [self.version, parameters.correction, observed.level],
            surfaces=() if observed.altitude is None else (observed.altitude,),
            beside=observed.reference,
        )
        days = Days(atlas, observed, parameters)
        about = products.telling(atlas, observed, parameters)
        yield products.hourly_maps(about, atlas, of_hours)
        yield products.hourly_errors(about, atlas)
        daily = products.daily_maps(about, days, of_hours)
        yield daily
        months = Months(days, daily)
        yield products.monthly_maps(about, months, of_hours, twin)
        vegetation, water = (_evidence(twin, atlas, name) for name in ("vegetation_fraction", "water_distance"))
        if np.isfinite(vegetation).any() or np.isfinite(water).any():
            month = months.times[-1]
            found = cool_islands(
                ground.grid,
                _coolness(atlas, parameters, months.night(month)[0]),
                _coolness(atlas, parameters, months.afternoon(month)),
                vegetation,
                water,
                difference=parameters.cool_difference,
                least_vegetation=parameters.cool_vegetation,
                greatest_distance=parameters.cool_water,
                least_area=parameters.cool_area,
            )
            yield products.cool_features(about, atlas, parameters, month, found)


def _coolness(atlas: Atlas, parameters: Parameters, difference: Floats) -> Floats:
    """Return the difference that tells a cool island."""
    radius = parameters.cool_radius
    return difference if radius is None else contrast(difference, radius, cell_size(atlas.ground.grid)[0])


def _evidence(twin: Twin, atlas: Atlas, name: str) -> Floats:
    """Return a variable beside the covariates in the cells of the maps, not-a-number where there is none."""
    ground = atlas.ground
    for collection in dict.fromkeys(surface.asked.collection for surface in ground.surfaces):
        surface = read_surface(twin, Variable(collection=collection, variable=name), atlas.record.hours[-1])
        if surface is not None:
            return surface.at(ground.points).reshape(ground.grid.rows, ground.grid.columns)
    return np.full((ground.grid.rows, ground.grid.columns), np.nan)
