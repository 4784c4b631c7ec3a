"""The order of a whole collection: that of the rows, but for a few that lead."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence


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
        return len(self._leading) + number - bisect_left(self._ascending, number)

    def runs(self, start: int, stop: int) -> list[tuple[int, int]]:
        """Return the numbers of the features at the places ``start .. stop - 1``, as runs ``first, end``."""
        led = len(self._leading)
        found = [(number, number + 1) for number in self._leading[start:stop]]
        if start < stop > led:
            first, last = (self._number(max(place, led) - led) for place in (start, stop - 1))
            for number in self._ascending[bisect_left(self._ascending, first) : bisect_left(self._ascending, last)]:
                found.append((first, number))
                first = number + 1
            found.append((first, last + 1))
        return found

    def _number(self, place: int) -> int:
        """Return the number of the feature that is at `place` among those that do not lead."""
        for number in self._ascending:
            place += number <= place
        return place
