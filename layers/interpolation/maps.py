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
