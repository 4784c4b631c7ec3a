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
_SIGNS = np.array([1.0, 1.0, -1.0, -1.0])

type Numbers = NDArray[np.int32]


class Envelopes:
    """Finds features by their bounds.

    Parameters
    ----------
    bounds
        ``xmin, ymin, xmax, ymax`` of each feature, shape (count, 4); NaN for one without geometry. They are kept
        as ``xmin, ymin, -xmax, -ymax``, so that one comparison of all four tells how two boxes lie.
    connected
        Whether each is of one piece: then it meets a box that its envelope crosses side to side.
    """

    def __init__(self, bounds: NDArray[np.float64], connected: NDArray[np.bool_]) -> None:
        placed = np.flatnonzero(~np.isnan(bounds).any(axis=1)).astype(np.int32)
        order = placed[_packed(bounds[placed])]
        # The last block is filled up with what meets nothing and lies nowhere.
        self._order = _blocks(order, -1)
        self._sides = np.array([_blocks(side, np.nan) for side in (bounds[order] * _SIGNS).T])
        self._connected = _blocks(connected[order], fill=False)
        self._tops = np.fmin.reduce(self._sides, axis=2)
        self._full = order.size // _BLOCK
        self._last: tuple[Bounds, NDArray[np.intp]] | None = None

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(array.nbytes for array in (self._order, self._sides, self._connected, self._tops))

    def count_near(self, box: Bounds) -> int:
        """Return how many features are looked at to find those that meet a box, at most."""
        return _BLOCK * int(self._near(box).size)

    def search(self, region: Region) -> tuple[Numbers, Numbers]:
        """Return the features that surely meet a region, and those that must be tested."""
        near = self._near(region.outer)
        sure = np.empty(0, np.int32)
        if region.inner is not None:
            whole = _lies_in(self._tops[:, near], region.inner) & (near < self._full)
            sure = self._order[near[whole]].ravel()
            near = near[~whole]
        order, sides = self._order[near].ravel(), self._sides[:, near].reshape(4, -1)
        doubtful = _meets(sides, region.outer)
        if region.inner is not None:
            certain = _crosses(sides, region.inner, self._connected[near].ravel())
            sure = np.concatenate([sure, order[certain]])
            doubtful &= ~certain
        return sure, order[doubtful]

    def _near(self, box: Bounds) -> NDArray[np.intp]:
        """Return the blocks that meet a box: it is first asked how many there are, then which."""
        last = self._last
        if last is None or last[0] != box:
            last = self._last = (box, np.flatnonzero(_meets(self._tops, box)))
        return last[1]


def _blocks[T: np.generic](values: NDArray[T], fill: float) -> NDArray[T]:
    """Return values in blocks, the last filled up: shape (blocks, values of a block)."""
    blocks = np.full((-(-len(values) // _BLOCK), _BLOCK), fill, values.dtype)
    blocks.ravel()[: len(values)] = values
    return blocks


def _packed(bounds: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the order in which neighbours stand together: upright slices by x, in each of them by y."""
    x, y = bounds[:, 0] + bounds[:, 2], bounds[:, 1] + bounds[:, 3]
    blocks = -(-len(x) // _BLOCK)
    width = _BLOCK * max(1, round(blocks**0.5))
    slices = np.empty(len(x), np.int32)
    slices[np.argsort(x, kind="stable")] = np.arange(len(x)) // width
    return np.lexsort((y, slices))


def _meets(sides: NDArray[np.float64], box: Bounds) -> NDArray[np.bool_]:
    before = _before(sides, box)
    return cast("NDArray[np.bool_]", (before[0] & before[1]) & (before[2] & before[3]))


def _lies_in(sides: NDArray[np.float64], box: Bounds) -> NDArray[np.bool_]:
    after = _after(sides, box)
    return cast("NDArray[np.bool_]", (after[0] & after[1]) & (after[2] & after[3]))


def _crosses(sides: NDArray[np.float64], box: Bounds, connected: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell what surely meets a box: what lies in it, and what is of one piece and crosses one of its sides only."""
    after, before = _after(sides, box), _before(sides, box)
    x_in, y_in = after[:2] & after[2:]
    x_meets, y_meets = before[:2] & before[2:]
    return cast("NDArray[np.bool_]", (x_in & y_in) | (connected & ((x_in & y_meets) | (y_in & x_meets))))


def _before(sides: NDArray[np.float64], box: Bounds) -> NDArray[np.bool_]:
    """Tell which sides are not beyond the far side of a box."""
    west, south, east, north = box
    return sides <= np.array([[east], [north], [-west], [-south]])


def _after(sides: NDArray[np.float64], box: Bounds) -> NDArray[np.bool_]:
    """Tell which sides are not short of the near side of a box."""
    west, south, east, north = box
    return sides >= np.array([[west], [south], [-east], [-north]])
