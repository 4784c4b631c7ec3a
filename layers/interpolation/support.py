"""Where the stations say something: near them, and where the covariates are as around them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from layers.interpolation.system import Floats, Gap, Sites

_BLOCK = 8192


@dataclass(frozen=True)
class Support:
    """The places of a map and what bounds it.

    Attributes
    ----------
    sites
        The stations.
    points, covariates
        Of the places, shape (places, 2) in metres and (places, covariates).
    distance
        Greatest distance to the nearest station with a value, in metres.
    margin
        How far a covariate may lie outside the range of the stations with a value, as a share of that range.
    """

    sites: Sites
    points: Floats
    covariates: Floats
    distance: float
    margin: float

    @cached_property
    def near(self) -> NDArray[np.bool_]:
        """Whether each station is near enough to each place, shape (stations, places)."""
        near = np.empty((len(self.sites), len(self.points)), bool)
        for start in range(0, len(self.points), _BLOCK):
            here = slice(start, start + _BLOCK)
            near[:, here] = cdist(self.sites.points, self.points[here]) <= self.distance
        return near

    @cached_property
    def _columns(self) -> Floats:
        return np.ascontiguousarray(self.covariates.T)

    @cached_property
    def stations_near(self) -> NDArray[np.int64]:
        """How many stations are near enough to each place, shape (places,)."""
        return self.near.sum(axis=0)

    def at(self, gap: Gap) -> NDArray[np.bool_]:
        """Return the places that the stations but those missing support, shape (places,)."""
        known = np.delete(self.sites.covariates, gap.missing, axis=0)
        lowest, highest = known.min(axis=0), known.max(axis=0)
        slack = self.margin * (highest - lowest)
        within = self.stations_near > self.near[gap.missing].sum(axis=0)
        for covariate, least, most in zip(self._columns, lowest - slack, highest + slack, strict=True):
            within &= (covariate >= least) & (covariate <= most)
        return within
