"""The layer: what it reads, tile by tile, and what it makes of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

from layers.disk import disk_shares
from layers.grids import Bounds, Floats, centres, regular_grid, tiles
from layers.reading import present
from layers.shapes import Shapes, extent_of, read, survey
from layers.urban_morphology import sums
from layers.urban_morphology.indicators import indicators
from layers.urban_morphology.parameters import Parameters
from layers.urban_morphology.products import coverage
from layers.urban_morphology.sums import Sums
from twin.context import Twin
from twin.crs import BBox
from twin.errors import BadInput, DoesNotApply
from twin.model import Collection, Grid, Text
from twin.products import Product
from twin.store import OPERATOR, FeatureQuery, SortKey
from twin.time import TimeSpan

#: Cells on the side of a tile: 2 km of 50 m, some thousands of buildings in the densest town.
_TILE = 40
#: Maps held at once, sums and indicators.
_MAPS = 32


@dataclass(frozen=True)
class Sources:
    """The collections that there are to read, and the instant at which they are taken (None: whatever their dates)."""

    buildings: Collection | None
    land_cover: Collection | None
    trees: Collection | None
    water: Collection | None
    terrain: Collection | None
    area: Collection | None
    time: TimeSpan | None

    @property
    def ground(self) -> Collection:
        """The one by which the coverage is told: whose licence and CRS it has."""
        found = self.buildings or self.land_cover
        if found is None:
            raise DoesNotApply("There are neither buildings nor land cover to compute a morphology of: ingest one.")
        return found


class UrbanMorphology:
    """The coverage ``urban_morphology``: buildings, vegetation, sealed ground and water around each cell.

    Each value is that of the disk of the stated radius around the middle of a cell, less what lies
    outside the area: sums over cells, exact, each cell weighing by its share in the disk. The city is
    taken at one instant. A variable whose inputs are absent is absent; trees are counted and not added
    to the vegetation, since the width of their crowns is not known. ``water_distance`` and ``altitude``
    are those of the middle of the cell.
    """

    name = "urban_morphology"
    title = Text(fr="Morphologie urbaine", en="Urban morphology")
    version = "1"
    parameters = Parameters

    def inputs(self, parameters: Parameters) -> tuple[str, ...]:
        """Return the ids of the collections read."""
        return parameters.sources

    def derive(self, twin: Twin, parameters: Parameters) -> Iterator[Product]:
        """Add up tile by tile, then average over disks."""
        sources = find_sources(twin, parameters)
        bounds = _bounds(twin, sources)
        grid = regular_grid(bounds, parameters.cell, sources.ground.crs, maps=_MAPS)
        laid: dict[str, Floats] = {}
        water = _water(twin, sources, parameters)
        for (rows, columns), tile in tiles(grid, _TILE):
            found = tile_sums(twin, sources, parameters, tile)
            if water is not None:
                found["water_distance"] = _distance(water, tile)
            for name, values in found.items():
                laid.setdefault(name, np.zeros((grid.rows, grid.columns)))[rows, columns] = values
        distance = laid.pop("water_distance", None)
        found = indicators(laid, disk_shares(parameters.radius, parameters.cell))
        inside = laid["area"] > 0
        if distance is not None:
            found["water_distance"] = np.where(inside, distance, np.nan)
        if sources.terrain is not None:
            found["altitude"] = np.where(inside, _altitude(twin, sources.terrain, grid), np.nan)
        yield coverage(sources.ground, grid, found, parameters, sources.time)


def find_sources(twin: Twin, parameters: Parameters) -> Sources:
    """Return what there is to read, and when."""
    named = {
        name: present(twin, getattr(parameters, name))
        for name in ("buildings", "land_cover", "trees", "water", "terrain", "area")
    }
    date = parameters.date or _last_start(twin, [found for found in (named["buildings"], named["land_cover"]) if found])
    sources = Sources(**named, time=None if date is None else TimeSpan.at(date))
    if sources.land_cover is not None and sources.land_cover.field(parameters.cover_field) is None:
        raise BadInput(f"{sources.land_cover.id} has no field {parameters.cover_field!r}: name its code of cover.")
    return sources


def tile_sums(twin: Twin, sources: Sources, parameters: Parameters, tile: Grid) -> Sums:
    """Return the sums in the cells of one tile, by name, arrays of shape ``(rows, columns)``."""
    box, time = tile.bbox, sources.time
    found = {"area": np.full((tile.rows, tile.columns), parameters.cell**2)}
    if sources.area is not None:
        found["area"] = sums.of_area(_geometries(read(twin, sources.area.id, region=box)), tile)
    if sources.buildings is not None:
        found |= _buildings(twin, sources.buildings, parameters, tile, time)
    if sources.land_cover is not None:
        batches = list(read(twin, sources.land_cover.id, (parameters.cover_field,), region=box, time=time))
        codes = _column(batches, parameters.cover_field).to_numpy(zero_copy_only=False).astype(object)
        found |= sums.of_land_cover(_geometries(batches), codes, tile)
    if sources.trees is not None:
        points = _geometries(read(twin, sources.trees.id, region=box, time=time))
        found["trees_counted"] = sums.of_points(shapely.centroid(points), tile)
    return found


def _buildings(twin: Twin, buildings: Collection, parameters: Parameters, tile: Grid, time: TimeSpan | None) -> Sums:
    fields = [name for name in (parameters.height_field, parameters.usage_field) if buildings.field(name)]
    batches = list(read(twin, buildings.id, tuple(fields), region=tile.bbox, time=time))
    # Walls are shared with neighbours that may stand outside the tile.
    if (reach := survey(batches)[0]) and not (around := _box(reach, tile)).within(tile.bbox):
        batches = list(read(twin, buildings.id, tuple(fields), region=around, time=time))
    footprints = _geometries(batches)
    heights = np.full(len(footprints), np.nan)
    if parameters.height_field in fields:
        heights = _column(batches, parameters.height_field).cast(pa.float64()).to_numpy(zero_copy_only=False)
    uses: dict[str, NDArray[np.bool_]] = {}
    if parameters.usage_field in fields:
        usage = _column(batches, parameters.usage_field).cast(pa.string())
        uses = {
            kind: pc.is_in(usage, pa.array(values, pa.string())).to_numpy(zero_copy_only=False)
            for kind, values in parameters.uses.items()
        }
    return sums.of_buildings(footprints, heights, uses, tile)


def _box(bounds: Bounds, tile: Grid) -> BBox:
    xmin, ymin, xmax, ymax = bounds
    return BBox(xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax, crs=tile.bbox.crs)


def _geometries(batches: Iterator[Shapes] | Sequence[Shapes]) -> shapely.GeometryType:
    return np.concatenate([np.empty(0, object), *(batch.geometry for batch in batches)])


def _column(batches: Sequence[Shapes], name: str) -> pa.Array:
    chunks = [batch.rows[name] for batch in batches]
    return pa.concat_arrays(chunks) if chunks else pa.array([], pa.string())


def _water(twin: Twin, sources: Sources, parameters: Parameters) -> shapely.STRtree | None:
    if sources.water is not None:
        return shapely.STRtree(_geometries(read(twin, sources.water.id, time=sources.time)))
    if sources.land_cover is None:
        return None
    found = [np.empty(0, object)]
    for batch in read(twin, sources.land_cover.id, (parameters.cover_field,), time=sources.time):
        codes = batch.rows[parameters.cover_field].to_pylist()
        found.append(batch.geometry[[sums.nomenclature().surfaces.get(code) == "water" for code in codes]])
    return shapely.STRtree(np.concatenate(found))


def _distance(water: shapely.STRtree, tile: Grid) -> Floats:
    """Return the distance of the middle of each cell to the nearest water, m; not-a-number where there is none."""
    x, y = (axis.ravel() for axis in np.meshgrid(*centres(tile)))
    distances = np.full(len(x), np.nan)
    if len(water.geometries):
        pairs, found = water.query_nearest(shapely.points(x, y), return_distance=True, all_matches=False)
        distances[pairs[0]] = found
    return distances.reshape(tile.rows, tile.columns)


def _altitude(twin: Twin, terrain: Collection, grid: Grid) -> Floats:
    """Return the altitude of the middle of each cell, between the four nearest values of the terrain."""
    if "altitude" not in {observed.name for observed in terrain.observed_properties}:
        raise BadInput(f"{terrain.id} has no altitude: name another coverage as the terrain, or none.")
    x, y = centres(grid)
    with twin.store.cubes.open(terrain.id, OPERATOR) as dataset:
        altitude = dataset["altitude"]
        last = altitude.isel(time=-1) if "time" in altitude.dims else altitude
        return np.asarray(last.interp(x=x, y=y), float)


def _bounds(twin: Twin, sources: Sources) -> Bounds:
    if sources.area is not None and (area := extent_of(twin, sources.area.id)):
        return area
    found = [survey(read(twin, source.id))[0] for source in (sources.buildings, sources.land_cover) if source]
    known = [bounds for bounds in found if bounds]
    if not known:
        raise DoesNotApply(f"{sources.ground.id} holds no area.")
    west, south, east, north = zip(*known, strict=True)
    return min(west), min(south), max(east), max(north)


def _last_start(twin: Twin, collections: Sequence[Collection]) -> datetime | None:
    """Return the last instant at which an object appeared, None where none is known."""
    starts: list[datetime] = []
    for collection in collections:
        query = FeatureQuery(
            collection=collection.id,
            columns=(),
            sort=(SortKey(field="valid_from", descending=True),),
            limit=1,
            with_geometry=False,
        )
        found = twin.store.features.read(query, OPERATOR).read_all()["valid_from"].to_pylist()
        starts += [start for start in found if start is not None]
    return max(starts, default=None)
