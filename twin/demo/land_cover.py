"""Land cover and use in two vintages, with OCS GE codes: a tessellation of the territory.

The codes are those of the OCS GE nomenclature (IGN; cover CS, use US). Between the vintages estates
replace fields, worksites open at the edge of the city, and an industrial wasteland becomes a park.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.demo.blocks import Blocks, Zone
from twin.demo.buildings import Buildings
from twin.demo.plan import Plan
from twin.demo.shapes import GRID, Geometries, areas_only, lots
from twin.demo.streets import Network
from twin.demo.water import Water

VINTAGES = (2018, 2024)
BUILT, SEALED, MINERAL = "CS1.1.1.1", "CS1.1.1.2", "CS1.1.2.1"
WATER, GRASS, BROADLEAVED = "CS1.2.2", "CS2.2.1", "CS2.1.1.1"
_WOODS = (BROADLEAVED, "CS2.1.1.2", "CS2.1.1.3")

#: Cover of what is not built in a block of each zone, and its use.
_OF_ZONE = {
    Zone.OLD: (SEALED, "US235"),
    Zone.PERIMETER: (SEALED, "US235"),
    Zone.SLABS: (GRASS, "US5"),
    Zone.HOUSES: (GRASS, "US5"),
    Zone.VILLAGE: (SEALED, "US5"),
    Zone.ACTIVITY: (SEALED, "US2"),
    Zone.PUBLIC: (SEALED, "US3"),
    Zone.PARK: (GRASS, "US3"),
    Zone.SQUARE: (SEALED, "US3"),
    Zone.CROPS: (GRASS, "US1.1"),
    Zone.VINEYARD: ("CS2.1.3", "US1.1"),
    Zone.MEADOW: (GRASS, "US1.1"),
    Zone.WOOD: (BROADLEAVED, "US1.2"),
    Zone.SCRUB: ("CS2.1.2", "US6.3"),
    Zone.BANK: (BROADLEAVED, "US6.3"),
    Zone.VERGE: (GRASS, "US4.1.1"),
}


@dataclass(frozen=True)
class LandCover:
    """Polygons of both vintages: code of cover, code of use, year."""

    polygon: Geometries
    cover: NDArray[np.object_]
    land_use: NDArray[np.object_]
    vintage: NDArray[np.intp]


def land_cover(plan: Plan, network: Network, blocks: Blocks, buildings: Buildings, water: Water) -> LandCover:
    """Map the territory in 2018 and in 2024."""
    rng = plan.rng(9)
    parts = shapely.get_parts(network.surface)
    roads, _ = lots(parts, np.full(len(parts), 5e4), rng)
    edge = blocks.of(Zone.CROPS, Zone.MEADOW, Zone.VINEYARD)
    worksite = edge[np.argsort(-blocks.urban[edge], kind="stable")[: plan.count(16, 1)]]
    parks = blocks.of(Zone.PARK)
    wasteland = rng.choice(parks, min(len(parks), plan.count(5, 1)), replace=False)
    tables = []
    for vintage in VINTAGES:
        cover, use = _codes(blocks, buildings, np.datetime64(f"{vintage}-01-01"))
        if vintage == VINTAGES[0]:
            cover[wasteland], use[wasteland] = MINERAL, "US6.2"
        else:
            cover[worksite], use[worksite] = MINERAL, "US6.1"
            cover[wasteland] = BROADLEAVED
        tables.append(_vintage(blocks, buildings, water, cover, use, vintage, roads))
    polygon, cover, use, year = (np.concatenate(column) for column in zip(*tables, strict=True))
    return LandCover(polygon, cover, use, year.astype(np.intp))


def _codes(blocks: Blocks, buildings: Buildings, day: np.datetime64) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Return the cover and the use of what is not built in each block on a day."""
    number = np.arange(len(blocks.zone))
    cover, use = (np.array([_OF_ZONE[Zone(zone)][k] for zone in blocks.zone], dtype=object) for k in (0, 1))
    wood = blocks.zone == Zone.WOOD
    cover[wood] = np.array(_WOODS, dtype=object)[number[wood] % 3]
    cover[(blocks.zone == Zone.PARK) & (number % 3 == 0)] = BROADLEAVED
    use[(blocks.zone == Zone.ACTIVITY) & (number % 2 == 0)] = "US3"
    ever = np.bincount(buildings.block, minlength=len(number)) > 0
    begun = np.bincount(buildings.block[buildings.valid_from <= day], minlength=len(number)) > 0
    use[ever & ~begun & np.isin(blocks.zone, (Zone.HOUSES, Zone.SLABS))] = "US1.1"
    return cover, use


def _vintage(
    blocks: Blocks,
    buildings: Buildings,
    water: Water,
    cover: NDArray[np.object_],
    use: NDArray[np.object_],
    vintage: int,
    roads: Geometries,
) -> tuple[Geometries, NDArray[np.object_], NDArray[np.object_], NDArray[np.intp]]:
    standing = buildings.standing(np.datetime64(f"{vintage}-01-01"))
    built_block, built = _united(buildings.block[standing], buildings.polygon[standing])
    river = shapely.intersection(
        blocks.polygon, np.where(blocks.zone == Zone.BANK, water.polygon[0], shapely.Polygon())
    )
    wet_block = np.concatenate([np.flatnonzero(~shapely.is_empty(river)), water.block[1:]])
    wet = np.concatenate([river[~shapely.is_empty(river)], water.polygon[1:]])
    ground = blocks.polygon.copy()
    built = shapely.intersection(built, ground[built_block])
    ground[built_block] = shapely.difference(ground[built_block], built)
    wet = shapely.intersection(wet, ground[wet_block])
    ground[wet_block] = shapely.difference(ground[wet_block], wet)
    polygon = areas_only(np.concatenate([roads, built, wet, ground]))
    codes = np.concatenate([_same(SEALED, roads), _same(BUILT, built), _same(WATER, wet), cover])
    uses = np.concatenate([_same("US4.1.1", roads), use[built_block], _same("US6.3", wet), use])
    kept = shapely.area(polygon) > 0
    return polygon[kept], codes[kept], uses[kept], np.full(int(kept.sum()), vintage)


def _united(block: NDArray[np.intp], polygon: Geometries) -> tuple[NDArray[np.intp], Geometries]:
    """Return the blocks that have buildings, and the union of the buildings of each."""
    order = np.argsort(block, kind="stable")
    which, first = np.unique(block[order], return_index=True)
    groups = np.split(polygon[order], first[1:])
    united = np.array([shapely.union_all(group, grid_size=GRID) for group in groups], dtype=object)
    return which, shapely.set_precision(united, 0.0)


def _same(code: str, like: Geometries) -> NDArray[np.object_]:
    return np.full(len(like), code, dtype=object)
