"""Which features a tile holds: a balanced tree that shows the most important first.

Every node draws its own features and its children add theirs (``refine: ADD``), so nothing is
loaded twice and the first view is few tiles of what is seen from afar. Parts are cut at equal
counts, not at equal widths: a city is dense in its middle, and half-empty tiles cost a request each.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenes.tiles3d.frame import Floats

type Indices = NDArray[np.intp]


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
    if len(order) <= 1.5 * capacity:
        return Node(order)
    own, rest = order[:capacity], order[capacity:]
    count = min(4, math.ceil(len(rest) / capacity))
    return Node(own, tuple(build(x, y, part, capacity) for part in _parts(rest, x, y, count)))


def _parts(order: Indices, x: Floats, y: Floats, count: int) -> Iterator[Indices]:
    """Cut features into `count` parts of equal numbers, each time across the longer side, keeping their order."""
    if count == 1:
        yield order
        return
    along = x[order] if np.ptp(x[order]) >= np.ptp(y[order]) else y[order]
    first = np.zeros(len(order), dtype=bool)
    first[np.argsort(along, kind="stable")[: len(order) * (count // 2) // count]] = True
    yield from _parts(order[first], x, y, count // 2)
    yield from _parts(order[~first], x, y, count - count // 2)
