"""Shapes on arrays of polygons: halving along the short axis, and templates of footprints."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

type Floats = NDArray[np.float64]
type Geometries = NDArray[np.object_]

GRID = 0.01  # metres: what is drawn has its corners on it


def axes(polygons: Geometries) -> tuple[Floats, Floats, Floats, Floats]:
    """Return centre ``(n, 2)``, direction of the long side ``(n, 2)``, length and width of envelopes.

    The envelopes are the smallest rotated rectangles; sizes are in the unit of the coordinates.
    """
    corners = shapely.get_coordinates(shapely.oriented_envelope(polygons)).reshape(-1, 5, 2)
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 1]
    a, b = np.hypot(*first.T), np.hypot(*second.T)
    along = np.where((a >= b)[:, None], first, second)
    length, width = np.maximum(a, b), np.minimum(a, b)
    return corners[:, :4].mean(axis=1), along / np.maximum(length, 1e-9)[:, None], length, width


def halve(
    polygons: Geometries, rng: np.random.Generator, jitter: float | Floats, turn: float | Floats
) -> tuple[Geometries, NDArray[np.intp], Geometries]:
    """Cut polygons across their long axis.

    Parameters
    ----------
    jitter
        Standard deviation of the place of the cut, as a share of the length.
    turn
        Standard deviation of its angle, in radians.

    Returns
    -------
    pieces, parents, cuts
        The pieces, the index of the polygon that each comes from, and one cutting line a polygon.
    """
    centre, along, length, _ = axes(polygons)
    shift = np.clip(rng.normal(0, jitter, len(polygons)), -0.2, 0.2) * length
    angle = np.clip(rng.normal(0, turn, len(polygons)), -0.25, 0.25)
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    along = along * cos + np.column_stack([-along[:, 1], along[:, 0]]) * sin
    across = np.column_stack([-along[:, 1], along[:, 0]])
    point, far = centre + along * shift[:, None], (2 * length)[:, None]
    a, b = point - across * far, point + across * far
    cuts = shapely.linestrings(np.stack([a, b], axis=1))
    halves = [
        shapely.polygons(np.stack([a, b, b + side * along * far, a + side * along * far], axis=1)) for side in (1, -1)
    ]
    both = np.concatenate([shapely.intersection(polygons, half) for half in halves])
    pieces, parents = shapely.get_parts(both, return_index=True)
    areal = shapely.get_type_id(pieces) == shapely.GeometryType.POLYGON
    return pieces[areal], parents[areal] % len(polygons), shapely.intersection(polygons, cuts)


def lots(blocks: Geometries, area: Floats, rng: np.random.Generator) -> tuple[Geometries, NDArray[np.intp]]:
    """Halve blocks until no lot is larger than its block's `area` (square metres).

    Returns
    -------
    lots, block
        The lots, and the index of the block of each.
    """
    done: list[Geometries] = []
    owners: list[NDArray[np.intp]] = []
    pieces, owner = blocks, np.arange(len(blocks))
    while len(pieces):
        small = shapely.area(pieces) <= 1.4 * area[owner]
        done.append(pieces[small])
        owners.append(owner[small])
        pieces, owner = pieces[~small], owner[~small]
        if len(pieces):
            pieces, parents, _ = halve(pieces, rng, 0.04, 0.03)
            owner = owner[parents]
    return np.concatenate(done), np.concatenate(owners)


#: Footprints in a unit square around (0, 0), anticlockwise, all of eight corners (some in line), so
#: that a whole set of them is one array.
_TEMPLATES = {
    "bar": [(-1, -1), (0, -1), (1, -1), (1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0)],
    "l": [(-1, -1), (0, -1), (1, -1), (1, 0.1), (0.15, 0.1), (0.15, 1), (-1, 1), (-1, 0)],
    "t": [(-1, -0.1), (-0.45, -0.1), (-0.45, -1), (0.35, -1), (0.35, -0.1), (1, -0.1), (1, 1), (-1, 1)],
    "u": [(-1, -1), (1, -1), (1, 1), (0.42, 1), (0.42, -0.3), (-0.42, -0.3), (-0.42, 1), (-1, 1)],
}
FORMS = tuple(_TEMPLATES)
_CORNERS = np.array(list(_TEMPLATES.values())) / 2


def footprints(form: NDArray[np.intp], centre: Floats, along: Floats, length: Floats, width: Floats) -> Geometries:
    """Return footprints of the given forms (indices of :data:`FORMS`), sizes in metres."""
    local = _CORNERS[form] * np.stack([length, width], axis=1)[:, None, :]
    across = np.column_stack([-along[:, 1], along[:, 0]])
    corners = centre[:, None] + local[..., :1] * along[:, None] + local[..., 1:] * across[:, None]
    return tidy(shapely.polygons(np.round(corners, 2)))


def tidy(polygons: Geometries) -> Geometries:
    """Round coordinates to the centimetre and leave out corners in line."""
    return rounded(shapely.simplify(shapely.set_precision(polygons, GRID), 2 * GRID))


def rounded[T](geometry: T) -> T:
    """Round to the grid, then forget the grid: GEOS would round all that is made of it, and leave gaps."""
    return shapely.set_precision(shapely.set_precision(geometry, GRID), 0.0)  # type: ignore[no-any-return]


def areas_only(geometry: Geometries) -> Geometries:
    """Leave out the points and lines that an overlay left beside polygons."""
    mixed = np.flatnonzero(shapely.get_type_id(geometry) == shapely.GeometryType.GEOMETRYCOLLECTION)
    for row in mixed:
        parts = shapely.get_parts(geometry[row])
        geometry[row] = shapely.union_all(parts[shapely.get_dimensions(parts) == 2])
    return geometry


def far_apart(points: Floats, many: int) -> NDArray[np.intp]:
    """Choose `many` of the points ``(n, 2)``, each as far as can be from those before (from the first on)."""
    chosen = [0]
    nearest = np.hypot(*(points - points[0]).T)
    while len(chosen) < min(many, len(points)):
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, np.hypot(*(points - points[chosen[-1]]).T))
    return np.array(chosen)
