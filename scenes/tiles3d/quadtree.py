"""Which features a tile holds: a quadtree that shows the most important first.

Every node draws its own features and its children add theirs (``refine: ADD``), so nothing is
loaded twice and the first view is few tiles of what is seen from afar.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenes.tiles3d.frame import Floats

type Indices = NDArray[np.intp]
type _Box = tuple[float, float, float, float]

_DEEPEST = 20  # halving a city's extent 20 times leaves decimetres: what still coincides is no longer parted


@dataclass(frozen=True)
class Node:
    """Features drawn by one tile, and the tiles that add to it on coming nearer."""

    features: Indices
    children: tuple[Node, ...] = ()


def build(x: Floats, y: Floats, order: Indices, capacity: int) -> Node:
    """Return the tree over features placed at `x`, `y` in a projected CRS, shape (n,).

    Parameters
    ----------
    order
        Indices of the features to place, the most important first.
    capacity
        Features in a tile; one that would leave less than half as many to others takes them too.
    """
    if not len(order):
        return Node(order)
    box = (float(x[order].min()), float(y[order].min()), float(x[order].max()), float(y[order].max()))
    return _node(order, x, y, capacity, box, _DEEPEST)


def _node(order: Indices, x: Floats, y: Floats, capacity: int, box: _Box, levels: int) -> Node:
    if len(order) <= 1.5 * capacity:
        return Node(order)
    own, rest = order[:capacity], order[capacity:]
    xmin, ymin, xmax, ymax = box
    xmid, ymid = (xmin + xmax) / 2, (ymin + ymax) / 2
    parted = levels > 0
    east, north = (x[rest] >= xmid) & parted, (y[rest] >= ymid) & parted
    quarters: tuple[tuple[NDArray[np.bool_], _Box], ...] = (
        (~east & ~north, (xmin, ymin, xmid, ymid)),
        (east & ~north, (xmid, ymin, xmax, ymid)),
        (~east & north, (xmin, ymid, xmid, ymax)),
        (east & north, (xmid, ymid, xmax, ymax)),
    )
    children = (
        _node(rest[inside], x, y, capacity, quarter, levels - 1) for inside, quarter in quarters if inside.any()
    )
    return Node(own, tuple(children))
