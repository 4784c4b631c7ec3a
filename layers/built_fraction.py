"""Built fraction: the share of each cell of a grid that building footprints cover, year after year."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import shapely
import xarray as xr
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from twin.context import Twin
from twin.crs import BBox
from twin.errors import BadInput, DoesNotApply, NotFound
from twin.model import Collection, Grid, Identifier, Kind, ObservedProperty, Ramp, Style, Text
from twin.products import Cube, Product
from twin.store import OPERATOR, FeatureQuery

#: The most values that one map series may hold: 400 MB while it is computed.
_LARGEST = 50_000_000


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
        extent, events = _survey(_batches(twin, parameters.buildings))
        if extent is None:
            raise DoesNotApply(f"{parameters.buildings} holds no footprint.")
        grid = regular_grid(_area(twin, parameters.area) or extent, parameters.cell, buildings.crs)
        times = yearly(events, parameters.years)
        areas = built_area(_footprints(_batches(twin, parameters.buildings)), grid, times)
        yield Cube(_collection(buildings, grid, parameters), dataset(areas, grid, times))


# --- Pure functions --------------------------------------------------------------------------------

type Bounds = tuple[float, float, float, float]
type Footprints = tuple[NDArray[np.object_], NDArray[np.datetime64], NDArray[np.datetime64]]


def regular_grid(bounds: Bounds, cell: float, crs: str) -> Grid:
    """Return the grid of square cells that covers `bounds`, its edges at multiples of `cell`.

    Raises
    ------
    BadInput
        When it would have more than 50 million cells.
    """
    xmin, ymin = (np.floor(value / cell) for value in bounds[:2])
    xmax, ymax = (np.ceil(value / cell) for value in bounds[2:])
    columns, rows = max(int(xmax - xmin), 1), max(int(ymax - ymin), 1)
    if columns * rows > _LARGEST:
        raise BadInput(f"cell={cell:g} gives {columns} by {rows} cells over this city: choose a larger cell.")
    box = BBox(xmin=xmin * cell, ymin=ymin * cell, xmax=(xmin + columns) * cell, ymax=(ymin + rows) * cell, crs=crs)
    return Grid(bbox=box, columns=columns, rows=rows)


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
    if count * grid.rows * grid.columns > _LARGEST:
        raise BadInput(f"{count} maps of {grid.columns} by {grid.rows} cells are too many: choose a larger cell.")
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


def cell_areas(
    polygons: NDArray[np.object_], grid: Grid
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Return the area that each polygon has in each cell that it meets, by exact intersection.

    Returns
    -------
    Three arrays of equal length: number of the polygon, number of the cell (row by row from the
    south-west), area. Parts outside the grid are left out.
    """
    box = grid.bbox
    width, height = (box.xmax - box.xmin) / grid.columns, (box.ymax - box.ymin) / grid.rows
    bounds = shapely.bounds(polygons)
    # Not-a-number bounds (empty geometries) become an empty range of cells.
    bounds = np.where(np.isnan(bounds), [1, 1, 0, 0], bounds - [box.xmin, box.ymin, box.xmin, box.ymin])
    low = np.floor(bounds[:, :2] / [width, height]).astype(int)
    high = np.floor(bounds[:, 2:] / [width, height]).astype(int)
    whole = (low == high).all(axis=1)
    low, high = np.maximum(low, 0), np.minimum(high, [grid.columns - 1, grid.rows - 1])
    across, up = np.maximum(high - low + 1, 0).T
    pairs = across * up
    which = np.repeat(np.arange(len(polygons)), pairs)
    rank = np.arange(len(which)) - np.repeat(np.cumsum(pairs) - pairs, pairs)
    column, row = low[which, 0] + rank % across[which], low[which, 1] + rank // across[which]
    areas = shapely.area(polygons)[which]
    cut = ~whole[which]
    cells = shapely.box(
        box.xmin + column[cut] * width,
        box.ymin + row[cut] * height,
        box.xmin + (column[cut] + 1) * width,
        box.ymin + (row[cut] + 1) * height,
    )
    areas[cut] = shapely.area(shapely.intersection(polygons[which[cut]], cells))
    return which, row * grid.columns + column, areas


def dataset(areas: NDArray[np.float64], grid: Grid, times: NDArray[np.datetime64] | None) -> xr.Dataset:
    """Return the fractions of :func:`built_area` as a labelled array of float32, from 0 to 1."""
    box = grid.bbox
    width, height = (box.xmax - box.xmin) / grid.columns, (box.ymax - box.ymin) / grid.rows
    fraction = np.clip(areas / (width * height), 0, 1).astype(np.float32)
    coordinates: dict[str, NDArray[Any]] = {
        "y": box.ymin + (np.arange(grid.rows) + 0.5) * height,
        "x": box.xmin + (np.arange(grid.columns) + 0.5) * width,
    }
    dimensions = ("y", "x") if times is None else ("time", "y", "x")
    if times is not None:
        coordinates["time"] = times.astype("M8[ns]")
    return xr.Dataset({"built_fraction": (dimensions, fraction)}, coords=coordinates)


# --- Reading the store -----------------------------------------------------------------------------


def _batches(twin: Twin, collection: str) -> pa.RecordBatchReader:
    return twin.store.features.read(FeatureQuery(collection=collection, columns=()), OPERATOR)


def _footprints(batches: Iterable[pa.RecordBatch]) -> Iterator[Footprints]:
    """Yield the polygons of batches of features, made valid, with their lifespans."""
    for batch in batches:
        polygons = shapely.force_2d(shapely.from_wkb(batch["geometry"].to_numpy(zero_copy_only=False)))
        invalid = ~shapely.is_valid(polygons) & ~shapely.is_missing(polygons)
        polygons[invalid] = shapely.make_valid(polygons[invalid])
        yield polygons, _instants(batch["valid_from"]), _instants(batch["valid_to"])


def _instants(column: pa.Array) -> NDArray[np.datetime64]:
    """Return UTC instants as naive microseconds, not-a-time where null."""
    return column.cast(pa.timestamp("us")).to_numpy(zero_copy_only=False).astype("M8[us]")  # type: ignore[no-any-return]


def _survey(
    batches: Iterable[pa.RecordBatch],
) -> tuple[Bounds | None, tuple[np.datetime64, np.datetime64] | None]:
    """Return the extent of features, and the first and last instant at which one appeared or disappeared."""
    corners: list[NDArray[np.float64]] = []
    events: list[np.datetime64] = []
    for polygons, valid_from, valid_to in _footprints(batches):
        if not np.isnan(bounds := shapely.total_bounds(polygons)).any():
            corners.append(bounds)
        known = np.concatenate([valid_from, valid_to])
        known = known[~np.isnat(known)]
        events += [known.min(), known.max()] if known.size else []
    if not corners:
        return None, None
    every = np.array(corners)
    extent = (*every[:, :2].min(axis=0).tolist(), *every[:, 2:].max(axis=0).tolist())
    return extent, (min(events), max(events)) if events else None


def _area(twin: Twin, collection: str | None) -> Bounds | None:
    """Return the extent of the area to cover, or None when there is none."""
    if collection is None:
        return None
    try:
        return _survey(_batches(twin, collection))[0]
    except NotFound:
        return None


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
        keywords=("built fraction", "fraction bâtie", "densité", "bâtiment"),
        observed_properties=(ObservedProperty(name="built_fraction", title=title, unit="1"),),
        grid=grid,
        crs=buildings.crs,
        style=Style(symbol="raster", opacity=0.7, order=15, visible=False, colour_by="built_fraction", ramp=_RAMP),
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
