"""Where the city measures: weather stations from the centre to the fields, and air-quality stations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.demo.blocks import RURAL, Blocks, Zone
from twin.demo.buildings import Buildings, Days, days
from twin.demo.plan import Floats, Plan
from twin.demo.shapes import Geometries, far_apart, rounded
from twin.demo.streets import AVENUE, BOULEVARD, BYPASS, Network
from twin.demo.terrain import Terrain

#: Stations of the whole city, by type and environment, in the order of their numbers.
_WHOLE = {
    ("weather", "urban"): 15,
    ("weather", "suburban"): 15,
    ("weather", "park"): 7,
    ("weather", "rural"): 13,
    ("air_quality", "traffic"): 3,
    ("air_quality", "background"): 5,
}
#: Of the smallest city: enough to span the covariates that its maps rest on.
_SMALL = dict(zip(_WHOLE, (3, 3, 1, 4, 1, 1), strict=True))


@dataclass(frozen=True)
class Stations:
    """Stations, one row each: weather stations first, from urban to rural; altitude in metres."""

    id: NDArray[np.object_]
    point: Geometries
    name: NDArray[np.object_]
    station_type: NDArray[np.object_]
    environment: NDArray[np.object_]
    altitude: Floats
    commune: NDArray[np.intp]
    valid_from: Days


def stations(plan: Plan, network: Network, blocks: Blocks, buildings: Buildings, terrain: Terrain) -> Stations:
    """Place the stations, far from each other within their environment, clear of buildings."""
    rng = plan.rng(12)
    sites = _sites(plan, rng, network, blocks, buildings)
    rows = []
    for (kind, environment), whole in _WHOLE.items():
        site = sites[environment if kind == "weather" else f"air {environment}"]
        site = site[np.sort(rng.choice(len(site), min(len(site), 40 * whole), replace=False))]
        many = plan.count(whole, _SMALL[kind, environment])
        place = shapely.get_coordinates(site)
        middle = np.hypot(*(place - plan.centres[0]).T)
        order = np.argsort(middle if environment != "rural" else -middle, kind="stable")
        rows += [(kind, environment, point) for point in site[order][far_apart(place[order], many)]]
    point = np.array([row[2] for row in rows], dtype=object)
    x, y = shapely.get_coordinates(point).T
    face = shapely.STRtree(network.face).nearest(point)
    commune = network.commune[face]
    kinds = np.array([row[0] for row in rows], dtype=object)
    number = np.where(kinds == "weather", np.cumsum(kinds == "weather"), np.cumsum(kinds != "weather"))
    return Stations(
        id=np.array(
            [f"S{n:03d}" if kind == "weather" else f"A{n:02d}" for n, kind in zip(number, kinds, strict=True)],
            dtype=object,
        ),
        point=point,
        name=_names(plan, network, point, commune),
        station_type=kinds,
        environment=np.array([row[1] for row in rows], dtype=object),
        altitude=np.round(terrain.altitude(x, y), 1),
        commune=commune,
        valid_from=days(
            np.where(kinds == "weather", rng.uniform(2015.0, 2022.0, len(rows)), rng.uniform(1998.0, 2016.0, len(rows)))
        ),
    )


def _sites(
    plan: Plan, rng: np.random.Generator, network: Network, blocks: Blocks, buildings: Buildings
) -> dict[str, Geometries]:
    """Return the places where a station of each environment may stand."""
    room = shapely.buffer(blocks.polygon, -3.0)
    spot = shapely.point_on_surface(room)
    clear = ~shapely.is_empty(spot) & ~_near(spot, buildings)
    zone, urban = blocks.zone, blocks.urban
    built = np.isin(zone, (Zone.OLD, Zone.PERIMETER, Zone.SLABS, Zone.SQUARE, Zone.VILLAGE, Zone.PUBLIC))
    roadside = network.line[np.isin(network.street_class, (BOULEVARD, AVENUE, BYPASS))]
    width = network.width[np.isin(network.street_class, (BOULEVARD, AVENUE, BYPASS))]
    at = rng.uniform(0.3, 0.7, len(roadside))
    kerb = shapely.line_interpolate_point(shapely.offset_curve(roadside, width / 2 + 1.0), at, normalized=True)
    kerb = kerb[~shapely.is_empty(kerb)]
    kerb = kerb[~_near(kerb, buildings)]
    kerb = kerb[plan.intensity(*shapely.get_coordinates(kerb).T) > 0.4]
    lived_in = np.isin(zone, (Zone.PUBLIC, Zone.HOUSES, Zone.SLABS, Zone.PARK)) & (urban > 0.3)
    sites = {
        "urban": spot[clear & built & (urban > 0.6) & (blocks.centrality < 0.3)],
        "suburban": spot[clear & np.isin(zone, (Zone.HOUSES, Zone.ACTIVITY)) & (urban < 0.6)],
        "park": spot[clear & (zone == Zone.PARK)],
        "rural": spot[clear & np.isin(zone, RURAL) & (blocks.centrality > 0.6)],
        "air traffic": kerb,
        "air background": spot[clear & lived_in & (blocks.centrality < 0.5)],
    }
    return {key: rounded(points) for key, points in sites.items()}


def _near(points: Geometries, buildings: Buildings) -> NDArray[np.bool_]:
    """Whether points lie within 2 m of a building."""
    near = np.zeros(len(points), dtype=bool)
    near[shapely.STRtree(shapely.buffer(buildings.polygon, 2.0)).query(points, predicate="intersects")[0]] = True
    return near


def _names(plan: Plan, network: Network, point: Geometries, commune: NDArray[np.intp]) -> NDArray[np.object_]:
    """Name each station after its commune and the nearest street."""
    street = shapely.STRtree(network.line).nearest(point)
    return np.array(
        [f"{plan.communes[place][0]} – {network.name[row]}" for place, row in zip(commune, street, strict=True)],
        dtype=object,
    )
