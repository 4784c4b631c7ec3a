"""The blocks between the streets, and what each is for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.demo.plan import Floats, Plan, Waves
from twin.demo.shapes import Geometries, lots
from twin.demo.streets import Network


class Zone(IntEnum):
    """What a block is for."""

    OLD = 0
    PERIMETER = 1
    SLABS = 2
    HOUSES = 3
    VILLAGE = 4
    ACTIVITY = 5
    PUBLIC = 6
    PARK = 7
    SQUARE = 8
    CROPS = 9
    VINEYARD = 10
    MEADOW = 11
    WOOD = 12
    SCRUB = 13
    BANK = 14
    VERGE = 15


_RURAL = 0.16  # how urban a place must be to be built on
RURAL = (Zone.CROPS, Zone.VINEYARD, Zone.MEADOW, Zone.WOOD, Zone.SCRUB)


@dataclass(frozen=True)
class Blocks:
    """Blocks on the ground, in Lambert-93: shape, zone, index of the face, how urban, distance to the centre."""

    polygon: Geometries
    zone: NDArray[np.intp]
    face: NDArray[np.intp]
    urban: Floats
    centrality: Floats

    def of(self, *zones: Zone) -> NDArray[np.intp]:
        """Return the indices of the blocks of the given zones."""
        return np.flatnonzero(np.isin(self.zone, zones))


def blocks(plan: Plan, network: Network) -> Blocks:
    """Cut the blocks out of the faces and give each its zone."""
    land = shapely.difference(network.territory, network.surface)
    polygon = _parcelled(plan, np.asarray(shapely.get_parts(land)))
    inside = shapely.point_on_surface(polygon)
    pairs = shapely.STRtree(network.face).query(inside, predicate="intersects")
    face = np.zeros(len(polygon), dtype=np.intp)
    face[pairs[0]] = pairs[1]
    x, y = shapely.get_coordinates(inside).T
    urban, centrality = plan.intensity(x, y), plan.centrality(x, y)
    zone = _zones(plan, network.in_river[face], polygon, x, y)
    return Blocks(polygon, zone, face, urban, centrality)


def _parcelled(plan: Plan, polygon: Geometries) -> Geometries:
    """Divide the land between the lanes into fields."""
    rng = plan.rng(14)
    rural = plan.intensity(*shapely.get_coordinates(shapely.point_on_surface(polygon)).T) < _RURAL
    fields, _ = lots(polygon[rural], rng.uniform(9e3, 5e4, int(rural.sum())), rng)
    return np.concatenate([polygon[~rural], fields])


def _zones(plan: Plan, in_river: NDArray[np.bool_], polygon: Geometries, x: Floats, y: Floats) -> NDArray[np.intp]:
    rng = plan.rng(6)
    urban, centrality, area = plan.intensity(x, y), plan.centrality(x, y), shapely.area(polygon)
    broad, fine = Waves(rng, 0.34 * plan.radius)(x, y), Waves(rng, 0.12 * plan.radius)(x, y)
    dice = rng.random(len(x))
    village = np.hypot(*(np.stack([x, y], -1)[:, None] - plan.centres[None, 1:]).transpose(2, 0, 1)).min(axis=1)

    rural = np.select(
        [broad + 0.5 * fine > 0.95, broad - 0.4 * fine < -0.95, fine > 0.35, dice < 0.3],
        [Zone.WOOD, Zone.SCRUB, Zone.VINEYARD, Zone.MEADOW],
        Zone.CROPS,
    )
    thick = area / np.maximum(shapely.length(polygon), 1.0)  # a quarter of the side of a square
    zone = np.select(
        [
            in_river,
            thick < 2.5,
            plan.in_large_park(x, y),
            plan.in_activity_zone(x, y),
            urban < _RURAL,
            (area < 1400) & (urban > 0.5) & (dice < 0.6),
            (area > 2500) & (dice < 0.04),
            village < 0.04 * plan.radius,
            centrality < 0.115,
            (centrality < 0.2) | ((centrality < 0.28) & (broad < 0.4)),
            (urban > 0.26) & (broad > 0.6),
        ],
        [
            Zone.BANK,
            Zone.VERGE,
            Zone.PARK,
            Zone.ACTIVITY,
            rural,
            Zone.SQUARE,
            Zone.PARK,
            Zone.VILLAGE,
            Zone.OLD,
            Zone.PERIMETER,
            Zone.SLABS,
        ],
        Zone.HOUSES,
    ).astype(np.intp)
    zone[_spread(plan, zone, area, thick, x, y)] = Zone.PUBLIC
    return zone


def _spread(plan: Plan, zone: NDArray[np.intp], area: Floats, thick: Floats, x: Floats, y: Floats) -> NDArray[np.intp]:
    """Choose the blocks of public buildings, far from each other, the first near each commune's centre."""
    lived_in = np.isin(zone, (Zone.PERIMETER, Zone.SLABS, Zone.HOUSES, Zone.VILLAGE, Zone.OLD))
    fit = np.flatnonzero(lived_in & (area > 2200) & (area < 16000) & (thick > 10))
    places = np.column_stack([x, y])[fit]
    chosen: list[int] = []
    nearest = np.full(len(fit), np.inf)
    for turn in range(min(plan.count(100, 4), len(fit))):
        if turn < len(plan.centres):
            free = np.where(nearest > 0, np.hypot(*(places - plan.centres[turn]).T), np.inf)
            pick = int(free.argmin())
        else:
            pick = int((nearest * (1.6 - plan.centrality(*places.T))).argmax())
        chosen.append(pick)
        nearest = np.minimum(nearest, np.hypot(*(places - places[pick]).T))
    return fit[chosen]
