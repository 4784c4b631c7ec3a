"""Maps of the instants of a group: values and their error, blank where the stations say nothing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import DTypeLike, NDArray

from layers.interpolation.grouping import Group
from layers.interpolation.support import Support
from layers.interpolation.system import Floats
from layers.interpolation.targets import Maps, Weights, weights

#: Sums of maps held at once.
_GAPS = 32


@dataclass(frozen=True)
class Places:
    """Where maps are drawn, and how.

    Attributes
    ----------
    points, covariates
        Shape (places, 2) in metres, and (places, covariates); a place without a covariate is blank.
    distance, margin
        Of :class:`~layers.interpolation.support.Support`.
    exact, dtype
        Of :func:`~layers.interpolation.targets.weights`.
    """

    points: Floats
    covariates: Floats
    distance: float
    margin: float
    exact: bool = False
    dtype: DTypeLike = np.float32


@dataclass(frozen=True)
class Mapping:
    """A group over places: its weights are computed when first asked, and kept."""

    group: Group
    places: Places

    @cached_property
    def weights(self) -> Weights:
        """The weights of the group's stations at the places."""
        places = self.places
        return weights(self.group.system, places.points, places.covariates, exact=places.exact, dtype=places.dtype)

    @cached_property
    def support(self) -> Support:
        """What the group's stations support."""
        places = self.places
        return Support(self.group.system.sites, places.points, places.covariates, places.distance, places.margin)

    def draw(self, chosen: NDArray[np.bool_]) -> tuple[Maps, Maps]:
        """Return the values and the standard errors of some instants of the group, shape (instants, places)."""
        group = self.group.take(chosen)
        values, errors = self.weights.values(group), self.weights.errors(group)
        for number, gap in enumerate(group.gaps):
            blank = np.ix_(group.gap == number, ~self.support.at(gap))
            values[blank] = errors[blank] = np.nan
        return values, errors

    def total(self, chosen: NDArray[np.bool_]) -> tuple[Floats, NDArray[np.int64]]:
        """Return the sum of the maps of some instants, and how many each place has, shape (places,).

        The sum of maps is the map of the sum of values, for the instants that lack the same stations.
        """
        group = self.group.take(chosen)
        matrix = self.weights.matrix
        total, count = np.zeros(matrix.shape[1]), np.zeros(matrix.shape[1], np.int64)
        often = np.bincount(group.gap)
        of_gap = np.arange(often.size)[:, np.newaxis] == group.gap
        sums = (of_gap.astype(float) @ group.values.T).astype(matrix.dtype)
        for start in range(0, often.size, _GAPS):
            here = slice(start, start + _GAPS)
            for gap, instants, added in zip(group.gaps[here], often[here], sums[here] @ matrix, strict=True):
                told = self.support.at(gap)
                np.add(total, added, out=total, where=told)
                np.add(count, instants, out=count, where=told)
        return total, count
