"""The order of a whole collection: that of the rows, but for a few that lead."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class Order:
    """Places in the order, of features that are numbered as the rows are.

    Parameters
    ----------
    leading
        Numbers of the features that come first, in their order.
    """

    def __init__(self, leading: Sequence[int]) -> None:
        self._leading = leading
        self._ascending = sorted(leading)

    def after(self, number: int) -> int:
        """Return the place of the first feature, from `number` on, that does not lead."""
        return len(self._leading) + number - int(np.searchsorted(self._ascending, number))

    def numbers(self, start: int, stop: int) -> NDArray[np.int64]:
        """Return the numbers of the features at the places ``start .. stop - 1``."""
        led = len(self._leading)
        if start >= stop or not led:
            return np.arange(start, stop)
        first, last = (self._number(max(place, led) - led) for place in (start, stop - 1))
        following = np.arange(first, last + 1 if stop > led else first)
        return np.concatenate([self._leading[start:stop], following[~np.isin(following, self._leading)]]).astype(int)

    def _number(self, place: int) -> int:
        """Return the number of the feature that is at `place` among those that do not lead."""
        for number in self._ascending:
            place += number <= place
        return place
