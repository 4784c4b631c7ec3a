"""Envelopes packed by neighbourhood: a tree of two levels, all of it arrays.

Sort-tile-recursive packing: Leutenegger, Lopez and Edgington, "STR: a simple and efficient
algorithm for R-tree packing", ICDE 1997. Two levels are enough for millions, since the upper one is
compared whole by numpy. A tree of geometry objects (shapely's) takes 400 bytes a feature, this 37.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from ogc_api.features.regions import Bounds, Region

_BLOCK = 64

type Numbers = NDArray[np.int32]


class Envelopes:
    """Finds features by their bounds.

    Parameters
    ----------
    bounds
        ``xmin, ymin, xmax, ymax`` of each feature, shape (count, 4); NaN for one without geometry.
    connected
        Whether each is of one piece: then it meets a box that its envelope crosses side to side.
    """

    def __init__(self, bounds: NDArray[np.float64], connected: NDArray[np.bool_]) -> None:
        placed = np.flatnonzero(~np.isnan(bounds).any(axis=1)).astype(np.int32)
        self._order = placed[_packed(bounds[placed])]
        self._sides = np.ascontiguousarray(bounds[self._order].T)
        self._connected = connected[self._order]
        starts = np.arange(0, self._order.size, _BLOCK)
        self._blocks = np.array(
            [
                (np.minimum if side < 2 else np.maximum).reduceat(self._sides[side], starts) if starts.size else starts
                for side in range(4)
            ]
        )

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(array.nbytes for array in (self._order, self._sides, self._connected, self._blocks))

    def count_near(self, box: Bounds) -> int:
        """Return how many features are looked at to find those that meet a box, at most."""
        return _BLOCK * int(np.count_nonzero(_meets(self._blocks, box)))

    def search(self, region: Region) -> tuple[Numbers, Numbers]:
        """Return the features that surely meet a region, and those that must be tested."""
        near = np.flatnonzero(_meets(self._blocks, region.outer))
        sure = []
        if region.inner is not None:
            within = _within(self._blocks[:, near], region.inner)
            sure.append(self._order[self._members(near[within])])
            near = near[~within]
        members = self._members(near)
        sides = self._sides[:, members]
        doubtful = _meets(sides, region.outer)
        if region.inner is not None:
            certain = _crosses(sides, region.inner, self._connected[members])
            sure.append(self._order[members[certain]])
            doubtful &= ~certain
        return np.concatenate(sure) if sure else np.empty(0, np.int32), self._order[members[doubtful]]

    def _members(self, blocks: NDArray[np.intp]) -> NDArray[np.intp]:
        members = (blocks[:, None] * _BLOCK + np.arange(_BLOCK)).ravel()
        return members[members < self._order.size]


def _packed(bounds: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the order in which neighbours stand together: upright slices by x, in each of them by y."""
    x, y = bounds[:, 0] + bounds[:, 2], bounds[:, 1] + bounds[:, 3]
    blocks = -(-len(x) // _BLOCK)
    width = _BLOCK * max(1, round(blocks**0.5))
    slices = np.empty(len(x), np.int32)
    slices[np.argsort(x, kind="stable")] = np.arange(len(x)) // width
    return np.lexsort((y, slices))


def _meets(sides: NDArray[np.float64], box: Bounds) -> NDArray[np.bool_]:
    west, south, east, north = box
    return cast(
        "NDArray[np.bool_]", (sides[0] <= east) & (sides[2] >= west) & (sides[1] <= north) & (sides[3] >= south)
    )


def _within(sides: NDArray[np.float64], box: Bounds) -> NDArray[np.bool_]:
    west, south, east, north = box
    return cast(
        "NDArray[np.bool_]", (sides[0] >= west) & (sides[2] <= east) & (sides[1] >= south) & (sides[3] <= north)
    )


def _crosses(sides: NDArray[np.float64], box: Bounds, connected: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell what surely meets a box: what lies in it, and what is of one piece and crosses one of its sides only."""
    west, south, east, north = box
    x_in, y_in = (sides[0] >= west) & (sides[2] <= east), (sides[1] >= south) & (sides[3] <= north)
    x_meets, y_meets = (sides[0] <= east) & (sides[2] >= west), (sides[1] <= north) & (sides[3] >= south)
    return cast("NDArray[np.bool_]", (x_in & y_in) | (connected & ((x_in & y_meets) | (y_in & x_meets))))
