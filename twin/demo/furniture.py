"""What stands along the streets and in the parks: lamp posts and trees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.demo.blocks import Blocks, Zone
from twin.demo.buildings import Buildings, Days, days
from twin.demo.plan import Floats, Plan
from twin.demo.shapes import Geometries, far_apart
from twin.demo.streets import AVENUE, BOULEVARD, BYPASS, MAIN, QUAY, TRACK, Network
from twin.demo.water import Water

LAMPS, SENSORS = 8_000, 300
#: Usual metres between lamp posts, by class of street.
_SPACING = np.array([17.0, 15.0, 16.0, 22.0, 24.0, 30.0, 24.0, np.inf, np.inf])

#: Species: Latin name, adult height in metres, whether it is planted along avenues.
SPECIES = (
    ("Platanus × hispanica", 21.0, True),
    ("Celtis australis", 15.0, True),
    ("Tilia tomentosa", 17.0, True),
    ("Acer platanoides", 14.0, True),
    ("Pinus pinea", 16.0, False),
    ("Quercus ilex", 11.0, False),
    ("Cupressus sempervirens", 14.0, False),
    ("Olea europaea", 6.0, False),
    ("Cercis siliquastrum", 7.0, False),
    ("Populus nigra", 22.0, False),
)


@dataclass(frozen=True)
class LampPosts:
    """Lamp posts: point, street (row of the network), power in watts, type, day of installation, sensors' rows."""

    id: NDArray[np.object_]
    point: Geometries
    street: NDArray[np.intp]
    power: Floats
    lamp_type: NDArray[np.object_]
    valid_from: Days
    sensors: NDArray[np.intp]


@dataclass(frozen=True)
class Trees:
    """Trees: point, species (row of :data:`SPECIES`), height in metres, day of planting."""

    point: Geometries
    species: NDArray[np.intp]
    height: Floats
    valid_from: Days


def _along(
    network: Network, street: NDArray[np.intp], spacing: Floats, inset: float
) -> tuple[Geometries, NDArray[np.intp]]:
    """Return points on both sides of streets in turn, `inset` metres from their edge, off the crossings."""
    length = shapely.length(network.line[street])
    many = np.maximum((length - 16.0) // spacing, 0).astype(int)
    which = np.repeat(np.arange(len(street)), many)
    rank = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
    at = 8.0 + (rank + 0.5) * ((length - 16.0) / np.maximum(many, 1))[which]
    line = network.line[street][which]
    here = shapely.get_coordinates(shapely.line_interpolate_point(line, at))
    ahead = shapely.get_coordinates(shapely.line_interpolate_point(line, at + 0.5)) - here
    ahead /= np.hypot(*ahead.T)[:, None]
    side = np.where(rank % 2, 1.0, -1.0) * (network.width[street][which] / 2 - inset)
    points = shapely.points(np.round(here + side[:, None] * np.column_stack([-ahead[:, 1], ahead[:, 0]]), 2))
    ways = shapely.STRtree(shapely.buffer(network.line, network.width / 2 - 0.5 * min(inset, 1.0)))
    crossed = np.bincount(ways.query(points, predicate="intersects")[0], minlength=len(points)) > 1
    return points[~crossed], street[which][~crossed]


def lamp_posts(plan: Plan, network: Network) -> LampPosts:
    """Light the built streets: exactly ``plan.count(8000)`` posts, ``plan.count(300)`` with sensors."""
    rng, wanted = plan.rng(10), plan.count(LAMPS, 40)
    middle = shapely.get_coordinates(shapely.line_interpolate_point(network.line, 0.5, normalized=True))
    lit = np.flatnonzero((plan.intensity(*middle.T) > 0.14) & (network.street_class != TRACK))
    spacing = _SPACING[network.street_class[lit]]
    ease = shapely.length(network.line[lit]) @ (1 / spacing) / wanted
    points, street = _along(network, lit, spacing * ease, 0.8)
    while len(points) < wanted:
        ease *= 0.97
        points, street = _along(network, lit, spacing * ease, 0.8)
    kept = np.sort(rng.choice(len(points), wanted, replace=False))
    points, street = points[kept], street[kept]
    kind = network.street_class[street]
    modern = rng.random(len(network.line))[street] < 0.78
    large = np.isin(kind, (BYPASS, BOULEVARD, AVENUE))
    power = np.where(modern, np.where(large, 78.0, 36.0), np.where(large, 150.0, 100.0))
    year = np.where(
        modern, 2014.0 + 11.5 * rng.random(len(network.line))[street], 1988.0 + 20 * rng.random(len(points))
    )
    able = np.flatnonzero(modern)
    return LampPosts(
        id=np.array([f"L{number:05d}" for number in range(1, wanted + 1)], dtype=object),
        point=points,
        street=street,
        power=power,
        lamp_type=np.where(modern, "led", "sodium").astype(object),
        valid_from=days(year),
        sensors=np.sort(able[far_apart(shapely.get_coordinates(points[able]), plan.count(SENSORS, 10))]),
    )


def trees(plan: Plan, network: Network, blocks: Blocks, buildings: Buildings, water: Water) -> Trees:
    """Plant rows along the wide streets, and groves in parks, squares, lawns and on the banks."""
    rng = plan.rng(11)
    rows_of = np.flatnonzero(np.isin(network.street_class, (BOULEVARD, AVENUE, QUAY, MAIN)))
    middle = shapely.get_coordinates(shapely.line_interpolate_point(network.line[rows_of], 0.5, normalized=True))
    rows_of = rows_of[plan.intensity(*middle.T) > 0.2]
    row, street = _along(network, rows_of, np.full(len(rows_of), 7.5), 2.6)
    of_street = rng.choice(
        [k for k, entry in enumerate(SPECIES) if entry[2]], len(network.line), p=[0.45, 0.25, 0.18, 0.12]
    )

    which = blocks.of(Zone.PARK, Zone.SQUARE, Zone.SLABS, Zone.BANK, Zone.PUBLIC)
    room = np.select(
        [blocks.zone[which] == Zone.PARK, blocks.zone[which] == Zone.BANK, blocks.zone[which] == Zone.SLABS],
        [330.0, 700.0, 1000.0],
        800.0,
    )
    box = shapely.bounds(blocks.polygon[which])
    many = rng.poisson((box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1]) / room)
    owner = np.repeat(np.arange(len(which)), many)
    spot = box[owner, :2] + rng.random((len(owner), 2)) * (box[owner, 2:] - box[owner, :2])
    grove = shapely.points(np.round(spot, 2))
    inside = shapely.contains(shapely.buffer(blocks.polygon[which], -1.5)[owner], grove)
    obstacles = shapely.STRtree(np.concatenate([shapely.buffer(buildings.polygon, 2.0), water.polygon]))
    grove = np.delete(grove[inside], obstacles.query(grove[inside], predicate="intersects")[0])
    on_way = obstacles.query(row, predicate="intersects")[0]  # bridges have no trees
    row, street = np.delete(row, on_way), np.delete(street, on_way)
    species = np.concatenate([of_street[street], rng.integers(0, len(SPECIES), len(grove))])
    year = np.concatenate(
        [rng.uniform(1905.0, 2022.0, len(network.line))[street], rng.uniform(1930.0, 2026.0, len(grove))]
    )
    year = np.minimum(year + np.abs(rng.normal(0, 6.0, len(year))) * (rng.random(len(year)) < 0.25), 2026.2)
    adult = np.array([entry[1] for entry in SPECIES])[species]
    height = adult * (1 - np.exp(-(2027 - year) / 24.0)) * rng.uniform(0.8, 1.15, len(year))
    return Trees(
        point=np.concatenate([row, grove]),
        species=species,
        height=np.round(np.maximum(height, 2.0), 1),
        valid_from=days(year),
    )
