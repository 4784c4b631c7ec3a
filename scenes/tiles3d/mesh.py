"""Triangles of extruded footprints, and points, in the frame of a tile."""

from __future__ import annotations

from dataclasses import dataclass

import mapbox_earcut
import numpy as np
import shapely
from numpy.typing import NDArray

from scenes.tiles3d.frame import Floats, Frame
from twin import crs

type Counts = NDArray[np.uint32]
type Region = tuple[float, float, float, float, float]
type Geometries = NDArray[np.object_]

#: A footprint below this is no building: its roof would be thinner than a step of the coordinates.
SMALLEST_AREA = 0.01  # square metres


@dataclass(frozen=True)
class Mesh:
    """Vertices in the frame of a tile, and what joins them.

    Attributes
    ----------
    positions
        East, north, up in metres, shape (n, 3).
    features
        Feature that each vertex belongs to, counted from 0 among those drawn, shape (n,).
    kept
        Index of each feature drawn among those given, ascending.
    region
        West, south, east, north of the vertices in degrees (CRS84), and the greatest height above
        the ellipsoid in metres; the least is 0.
    normals
        Unit vectors, shape (n, 3); None for points.
    triangles
        Vertex indices, counter-clockwise seen from outside, shape (m, 3); None for points.
    """

    positions: Floats
    features: Counts
    kept: NDArray[np.intp]
    region: Region
    normals: Floats | None = None
    triangles: Counts | None = None


def _place(coordinates: Floats, top: float, frame: Frame, source: str) -> tuple[Floats, Region]:
    longitude, latitude = crs.transform(coordinates[:, 0], coordinates[:, 1], source, crs.CRS84)
    region = (float(longitude.min()), float(latitude.min()), float(longitude.max()), float(latitude.max()), top)
    return frame.local(longitude, latitude), region


def points(geometries: Geometries, lift: float, frame: Frame, source: str) -> Mesh | None:
    """Return one point for each geometry (the centroid of what is no point), `lift` metres up.

    None when no geometry has a place. `source` is the CRS of the geometries.
    """
    centres = shapely.get_coordinates(shapely.centroid(geometries))
    kept = np.flatnonzero(~(shapely.is_missing(geometries) | shapely.is_empty(geometries)))
    if not len(kept):
        return None
    positions, region = _place(centres, lift, frame, source)
    positions[:, 2] += lift
    return Mesh(positions, np.arange(len(kept), dtype=np.uint32), kept, region)


def extrusions(geometries: Geometries, heights: Floats, frame: Frame, source: str) -> Mesh | None:
    """Return walls and roofs of polygons raised from the ellipsoid to `heights`.

    Courtyards (holes) have walls and no roof; every face has its own vertices, so that edges are
    sharp. Parts that are no polygon or have no area are left out; a feature left without a part is
    not drawn. None when nothing is.

    Parameters
    ----------
    geometries
        Polygons or multipolygons in the CRS `source`, shape (n,).
    heights
        Metres above the ground, shape (n,).
    """
    parts, owner = shapely.get_parts(geometries, return_index=True)
    solid = (shapely.get_type_id(parts) == shapely.GeometryType.POLYGON) & (shapely.area(parts) >= SMALLEST_AREA)
    parts, owner = parts[solid], owner[solid]
    if not len(parts):
        return None
    kept, feature = np.unique(owner, return_inverse=True)
    parts = shapely.orient_polygons(shapely.force_2d(parts))
    _, closed, (ring_ends, part_rings) = shapely.to_ragged_array(parts)
    rings = np.diff(ring_ends)
    # A ring repeats its first position at its end: drop it, and let the last edge come back.
    corners = np.delete(closed, ring_ends[1:] - 1, axis=0)
    ground, region = _place(corners, float(heights[kept].max()), frame, source)
    starts = ring_ends - np.arange(len(ring_ends))
    following = np.arange(1, len(ground) + 1)
    following[starts[1:] - 1] = starts[:-1]
    corner_part = np.repeat(np.repeat(np.arange(len(parts)), np.diff(part_rings)), rings - 1)
    corner_feature = feature[corner_part]
    roof = ground + np.array([0.0, 0.0, 1.0]) * heights[kept][corner_feature][:, None]

    edges = ground[following] - ground
    lengths = np.hypot(edges[:, 0], edges[:, 1])
    walls = np.flatnonzero(lengths > 0)
    outwards = np.column_stack([edges[walls, 1], -edges[walls, 0], np.zeros(len(walls))]) / lengths[walls, None]
    after = following[walls]
    quads = np.stack([roof[walls], ground[walls], roof[after], ground[after]], axis=1)
    first = np.arange(len(walls))[:, None, None] * 4
    wall_triangles = first + np.array([[0, 1, 3], [0, 3, 2]])
    roof_triangles = _triangulate(ground, starts, part_rings)
    positions = np.concatenate([quads.reshape(-1, 3), roof])
    normals = np.concatenate([np.repeat(outwards, 4, axis=0), np.broadcast_to([0.0, 0.0, 1.0], roof.shape)])
    features = np.concatenate([np.repeat(corner_feature[walls], 4), corner_feature])
    triangles = np.concatenate([wall_triangles.reshape(-1, 3), roof_triangles + 4 * len(walls)])
    return Mesh(positions, features.astype(np.uint32), kept, region, normals, triangles.astype(np.uint32))


def _triangulate(ground: Floats, starts: NDArray[np.int64], part_rings: NDArray[np.int64]) -> Counts:
    """Cut each polygon, its rings beginning at `starts`, into triangles that turn counter-clockwise."""
    plane = np.ascontiguousarray(ground[:, :2])
    ends = starts.astype(np.uint32)
    pieces = []
    for first, last in zip(part_rings[:-1].tolist(), part_rings[1:].tolist(), strict=True):
        begin = int(ends[first])
        cut = mapbox_earcut.triangulate_float64(plane[begin : int(ends[last])], ends[first + 1 : last + 1] - begin)
        pieces.append(cut + np.uint32(begin))
    triangles = np.concatenate(pieces).reshape(-1, 3)
    a, b, c = (plane[triangles[:, corner]] for corner in range(3))
    turn = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1])
    triangles[turn < 0] = triangles[turn < 0][:, ::-1]
    return np.asarray(triangles[turn != 0], dtype=np.uint32)
