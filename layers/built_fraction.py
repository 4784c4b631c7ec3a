"""Built fraction: the share of each cell of a grid that building footprints cover, year after year."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from layers.grids import bound, cell_areas, cell_size, centres, regular_grid
from layers.shapes import extent_of, read, survey
from twin.context import Twin
from twin.errors import DoesNotApply, NotFound
from twin.model import Collection, Grid, Identifier, Kind, ObservedProperty, Ramp, Style, Text
from twin.products import Cube, Product
from twin.store import OPERATOR
from twin.themes import known_themes


class Parameters(BaseModel):
    """What ``config.yml`` may say of this layer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    buildings: Identifier = Field("buildings", description="Collection of footprints, polygons with lifespans.")
    area: Identifier | None = Field(
        "communes", description="Collection whose extent the grid covers; none, or an absent one: the buildings'."
    )
    cell: Annotated[float, Field(gt=0)] = Field(50.0, description="Side of a cell, in units of the city's CRS (m).")
    years: Annotated[int, Field(ge=1, le=300)] = Field(
        20, description="How many 1 January, up to that of the year of the last building or demolition known."
    )


class BuiltFraction:
    """The coverage ``built_fraction``: footprint area over cell area, from 0 to 1.

    This is the plan-area density of buildings (the "building surface fraction" of Stewart and Oke
    2012, Local Climate Zones, table 3), computed by exact intersection and not by rasterising. A
    building stands at t when ``valid_from <= t < valid_to``; an unknown side is open. Footprints that
    overlap one another count twice, up to the whole cell. Where no building has a date, the coverage
    has no time.
    """

    name = "built_fraction"
    title = Text(fr="Fraction bâtie", en="Built fraction")
    version = "1"
    parameters = Parameters

    def inputs(self, parameters: Parameters) -> tuple[str, ...]:
        """Return the ids of the collections read."""
        return (parameters.buildings,) if parameters.area is None else (parameters.buildings, parameters.area)

    def derive(self, twin: Twin, parameters: Parameters) -> Iterator[Product]:
        """Compute the coverage in two passes over the buildings: their extent and dates, then their areas."""
        try:
            buildings = twin.store.catalogue.collection(parameters.buildings, OPERATOR)
        except NotFound:
            raise DoesNotApply(
                f"There is no collection {parameters.buildings} to compute a built fraction of."
            ) from None
        extent, events = survey(read(twin, parameters.buildings))
        if extent is None:
            raise DoesNotApply(f"{parameters.buildings} holds no footprint.")
        grid = regular_grid(extent_of(twin, parameters.area) or extent, parameters.cell, buildings.crs)
        times = yearly(events, parameters.years)
        footprints = ((batch.geometry, batch.valid_from, batch.valid_to) for batch in read(twin, parameters.buildings))
        areas = built_area(footprints, grid, times)
        yield Cube(_collection(buildings, grid, parameters), dataset(areas, grid, times))


# --- Pure functions --------------------------------------------------------------------------------

type Footprints = tuple[NDArray[np.object_], NDArray[np.datetime64], NDArray[np.datetime64]]


def yearly(events: tuple[np.datetime64, np.datetime64] | None, years: int) -> NDArray[np.datetime64] | None:
    """Return the 1 January (UTC) of the last `years` years up to the last event, none before the first.

    Parameters
    ----------
    events
        First and last instant at which a building appeared or disappeared; None when none is known.
    """
    if events is None:
        return None
    first, last = (event.astype("M8[Y]") for event in events)
    first = max(first, last - np.timedelta64(years - 1, "Y"))
    return np.arange(first, last + np.timedelta64(1, "Y")).astype("M8[us]")


def built_area(
    footprints: Iterable[Footprints], grid: Grid, times: NDArray[np.datetime64] | None
) -> NDArray[np.float64]:
    """Return the built area of each cell at each time.

    Parameters
    ----------
    footprints
        Batches of polygons in the grid's CRS, with the naive-UTC instants at which each appeared and
        disappeared (not-a-time where unknown).
    times
        Ascending naive-UTC instants, or None for all buildings whatever their dates.

    Returns
    -------
    Areas, shape ``(times, rows, columns)`` or ``(rows, columns)``, in square units of the CRS, rows
    from south to north.
    """
    count = 1 if times is None else len(times)
    bound(grid, count)
    # A building adds its area at its first step and takes it away at its end: one sum over time, at last.
    change = np.zeros((count + 1, grid.rows, grid.columns))
    for polygons, valid_from, valid_to in footprints:
        which, cells, areas = cell_areas(polygons, grid)
        if times is None:
            start, end = np.zeros(len(polygons), int), np.full(len(polygons), 1)
        else:
            start = np.where(np.isnat(valid_from), 0, np.searchsorted(times, valid_from, "left"))
            end = np.where(np.isnat(valid_to), count, np.searchsorted(times, valid_to, "left"))
            end = np.maximum(start, end)
        size = grid.rows * grid.columns
        flat = change.reshape(-1)
        np.add.at(flat, start[which] * size + cells, areas)
        np.subtract.at(flat, end[which] * size + cells, areas)
    total = np.cumsum(change[:-1], axis=0)
    return total[0] if times is None else total


def dataset(areas: NDArray[np.float64], grid: Grid, times: NDArray[np.datetime64] | None) -> xr.Dataset:
    """Return the fractions of :func:`built_area` as a labelled array of float32, from 0 to 1."""
    width, height = cell_size(grid)
    fraction = np.clip(areas / (width * height), 0, 1).astype(np.float32)
    x, y = centres(grid)
    coordinates: dict[str, NDArray[Any]] = {"y": y, "x": x}
    dimensions = ("y", "x") if times is None else ("time", "y", "x")
    if times is not None:
        coordinates["time"] = times.astype("M8[ns]")
    return xr.Dataset({"built_fraction": (dimensions, fraction)}, coords=coordinates)


# --- The collection --------------------------------------------------------------------------------


def _collection(buildings: Collection, grid: Grid, parameters: Parameters) -> Collection:
    title = BuiltFraction.title
    return Collection(
        id="built_fraction",
        kind=Kind.COVERAGE,
        title=title,
        description=Text(
            fr=f"Part de chaque maille de {parameters.cell:g} m couverte par l'emprise des bâtiments, au 1er janvier.",
            en=f"Share of each cell of {parameters.cell:g} m covered by building footprints, on 1 January.",
        ),
        theme=known_themes()["land"],
        keywords=("built fraction", "fraction bâtie", "densité", "bâtiment"),
        observed_properties=(ObservedProperty(name="built_fraction", title=title, unit="1"),),
        grid=grid,
        crs=buildings.crs,
        style=Style(symbol="raster", opacity=0.7, order=15, colour_by="built_fraction", ramp=_RAMP),
        licence=buildings.licence,
        producer=buildings.producer,
        lineage=Text(
            fr=f"Intersection exacte des emprises de « {buildings.title.fr} » et de la grille ; "
            "les emprises qui se recouvrent comptent chacune.",
            en=f"Exact intersection of the footprints of “{buildings.title.en}” and the grid; "
            "footprints that overlap count each.",
        ),
    )


_RAMP = Ramp(minimum=0.0, maximum=0.6, colours=("#fff7ec", "#fdd49e", "#fc8d59", "#d7301f", "#7f0000"))
