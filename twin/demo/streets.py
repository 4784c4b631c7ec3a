"""The street network, and the faces of land that it encloses.

Rings, avenues and quays first; each face between them is then halved again and again, by a street
each time, until it is as small as a block should be where it lies (recursive subdivision along the
oriented bounding box: Parish and Müller 2001, Vanegas et al. 2012).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.demo.names import street_names
from twin.demo.plan import Floats, Plan
from twin.demo.shapes import GRID, Geometries, halve, rounded

CLASSES = ("bypass", "boulevard", "avenue", "quay", "main_street", "street", "lane", "track", "limit")
BYPASS, BOULEVARD, AVENUE, QUAY, MAIN, STREET, LANE, TRACK, LIMIT = range(9)
_WIDTHS = np.array([24.0, 26.0, 20.0, 13.0, 14.0, 9.5, 6.0, 4.5, 0.0])


@dataclass(frozen=True)
class Network:
    """Streets and faces on the ground, in Lambert-93.

    Attributes
    ----------
    line, street_class, width, name
        One row a street: its middle, index of :data:`CLASSES`, width in metres, name.
    face, in_river
        The faces, which tile the territory, and which of them lie between the quays.
    commune
        Index of the commune of each face; of a street, ``street_commune``.
    territory, surface
        The union of the faces, and what the streets cover of it.
    river
        The water.
    """

    line: Geometries
    street_class: NDArray[np.intp]
    width: Floats
    name: NDArray[np.object_]
    street_commune: NDArray[np.intp]
    face: Geometries
    in_river: NDArray[np.bool_]
    commune: NDArray[np.intp]
    territory: shapely.Geometry
    surface: shapely.Geometry
    river: shapely.Geometry


def network(plan: Plan) -> Network:
    """Draw the streets of the plan."""
    lines, classes = _lines(plan)
    edges, edge_line = _noded(lines)
    ground = shapely.transform(shapely.segmentize(edges, 60.0), plan.warp)
    ground = rounded(ground)
    faces = np.asarray(shapely.get_parts(shapely.polygonize(ground)))
    river = shapely.transform(shapely.segmentize(plan.river, 40.0), plan.warp)
    inside = shapely.point_on_surface(faces)
    bank = shapely.transform(_corridor(plan), plan.warp)
    in_river = shapely.contains(bank, inside)
    commune = _whole(faces, _communes(plan, inside))

    line = shapely.line_merge(
        np.array([shapely.multilinestrings(ground[edge_line == k]) for k in range(len(lines))], dtype=object)
    )
    line, source = shapely.get_parts(line, return_index=True)
    street_class = classes[source]
    kept = (street_class != LIMIT) & (shapely.length(line) > 12.0)
    line, street_class = line[kept], street_class[kept]
    middle = shapely.line_interpolate_point(line, 0.5, normalized=True)
    width = _WIDTHS[street_class]
    surface = shapely.union_all(shapely.buffer(line, width / 2, quad_segs=2))
    territory = rounded(shapely.union_all(faces, grid_size=GRID))
    street_commune = _communes(plan, middle)
    return Network(
        line=line,
        street_class=street_class,
        width=width,
        name=street_names(plan.rng(4), [CLASSES[k] for k in street_class], street_commune),
        street_commune=street_commune,
        face=faces,
        in_river=in_river,
        commune=commune,
        territory=territory,
        surface=shapely.intersection(surface, territory),
        river=shapely.intersection(shapely.buffer(river, plan.river_width / 2), territory),
    )


def _corridor(plan: Plan) -> shapely.Polygon:
    return shapely.buffer(plan.river, plan.river_width / 2 + 16.0, cap_style="flat")


def _primary(plan: Plan) -> tuple[list[shapely.Geometry], list[int]]:
    outline = plan.outline
    core, ring, bypass = plan.ring(0.105, 0.10), plan.ring(0.29, 0.06), plan.ring(0.545, 0.05)
    lines: list[tuple[shapely.Geometry, int]] = [(core, BOULEVARD), (ring, BOULEVARD), (bypass, BYPASS)]
    lines += [(shapely.difference(avenue, shapely.Polygon(core)), AVENUE) for avenue in plan.avenues()]
    lines += [(side, QUAY) for side in shapely.get_parts(shapely.boundary(_corridor(plan)))]
    cut = [(shapely.intersection(line, outline), kind) for line, kind in lines]
    cut.append((outline.exterior, LIMIT))
    return [line for line, _ in cut], [kind for _, kind in cut]


def _block_area(plan: Plan, faces: Geometries) -> Floats:
    """Return how large a face may be, in square metres, by the most urban place in it."""
    points, owner = shapely.get_coordinates(shapely.segmentize(faces, 80.0), return_index=True)
    centroids = shapely.get_coordinates(shapely.centroid(faces))
    ground = plan.warp(np.concatenate([points, centroids]))
    urban = plan.intensity(*ground.T)
    most = np.zeros(len(faces))
    np.maximum.at(most, np.concatenate([owner, np.arange(len(faces))]), urban)
    here = np.maximum(0.55 * most, urban[len(points) :])
    area = np.interp(here, [0.0, 0.08, 0.25, 0.45, 0.7, 0.85, 1.0], [2.2e5, 1.2e5, 2.0e4, 1.5e4, 1.1e4, 6.0e3, 4.0e3])
    big = plan.in_activity_zone(*ground[len(points) :].T) | plan.in_large_park(*ground[len(points) :].T)
    return np.asarray(np.where(big, np.maximum(area, 4.5e4), area))


def _lines(plan: Plan) -> tuple[list[shapely.Geometry], NDArray[np.intp]]:
    """Return the lines of the network in plan coordinates, and their classes."""
    rng = plan.rng(3)
    lines, classes = _primary(plan)
    faces = np.asarray(shapely.get_parts(shapely.polygonize(list(_noded(lines)[0]))))
    faces = faces[~shapely.contains(_corridor(plan), shapely.point_on_surface(faces))]
    while len(faces):
        area, most = shapely.area(faces), _block_area(plan, faces)
        large = area > 1.5 * most
        faces, ratio = faces[large], (area / most)[large]
        if not len(faces):
            break
        old = plan.intensity(*plan.warp(shapely.get_coordinates(shapely.centroid(faces))).T) > 0.9
        faces, _, cuts = halve(faces, rng, np.where(old, 0.12, 0.07), np.where(old, 0.17, 0.06))
        middle = plan.warp(shapely.get_coordinates(shapely.centroid(cuts)))
        urban = plan.intensity(*middle.T)
        kind = np.where(ratio > 10, MAIN, STREET)
        kind = np.where((urban > 0.9) & (ratio < 6), LANE, kind)
        kind = np.where(urban < 0.12, TRACK, kind)
        parts, index = shapely.get_parts(cuts, return_index=True)
        lines += list(parts)
        classes += kind[index].tolist()
    return lines, np.array(classes, dtype=np.intp)


def _noded(lines: list[shapely.Geometry]) -> tuple[Geometries, NDArray[np.intp]]:
    """Cut lines where they meet; return the edges and the line that each belongs to."""
    edges = np.asarray(shapely.get_parts(shapely.line_merge(shapely.union_all(lines, grid_size=GRID))))
    source = np.asarray(lines, dtype=object)
    middle = shapely.line_interpolate_point(edges, 0.5, normalized=True)
    nearest = shapely.STRtree(source).query_nearest(middle, all_matches=False)[1]
    return edges, nearest


def _whole(faces: Geometries, commune: NDArray[np.intp]) -> NDArray[np.intp]:
    """Give the exclaves of communes to the commune that surrounds them most."""
    inside = shapely.point_on_surface(faces)
    for place in np.unique(commune):
        parts = shapely.get_parts(shapely.union_all(faces[commune == place], grid_size=GRID))
        for exclave in parts[np.argsort(shapely.area(parts))][:-1]:
            around = np.flatnonzero((commune != place) & shapely.intersects(faces, exclave))
            border = shapely.length(shapely.intersection(faces[around], exclave))
            commune[(commune == place) & shapely.contains(exclave, inside)] = commune[around[border.argmax()]]
    return commune


def _communes(plan: Plan, points: Geometries) -> NDArray[np.intp]:
    """Return the commune of points: the nearest centre, the city's reach being longer."""
    xy = shapely.get_coordinates(points)
    distance = np.hypot(*(xy[:, None] - plan.centres[None]).transpose(2, 0, 1))
    distance[:, 0] *= 0.62
    return np.asarray(distance.argmin(axis=1))
