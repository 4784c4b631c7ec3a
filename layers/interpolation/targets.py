"""From stations to the places of a map: weights, values and the error to expect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy.spatial.distance import cdist

from layers.interpolation.grouping import Group
from layers.interpolation.system import Floats, System

type Maps = NDArray[np.floating[Any]]

#: Places taken together: their distances to a hundred stations fill the cache of a core.
_BLOCK = 2048


@dataclass(frozen=True)
class Weights:
    """What each station counts for at each place.

    Attributes
    ----------
    matrix
        Shape (stations, places); a column sums to 1.
    variance
        Of kriging with all the stations, shape (places,), in squared units of the values.
    """

    matrix: Maps
    variance: Maps

    def values(self, group: Group) -> Maps:
        """Return the maps of the instants of a group, shape (instants, places): one matrix product."""
        return np.asarray(group.values.T.astype(self.matrix.dtype) @ self.matrix)

    def errors(self, group: Group) -> Maps:
        """Return the standard error of kriging of each instant, shape (instants, places).

        Missing stations b add ``u_b' B_bb^-1 u_b``, of their weights u_b, to the variance: exact.
        """
        errors = np.empty((group.instants.size, self.variance.size), self.matrix.dtype)
        for number, gap in enumerate(group.gaps):
            lost = self.matrix[gap.missing]
            more = np.einsum("mp,mp->p", (group.system.variogram.sill * gap.block).astype(lost.dtype) @ lost, lost)
            errors[group.gap == number] = np.sqrt(self.variance + more)
        return errors


def weights(
    system: System, points: Floats, covariates: Floats, *, exact: bool = True, dtype: DTypeLike = np.float64
) -> Weights:
    """Return the weights of universal kriging at places.

    Parameters
    ----------
    points, covariates
        Of the places, shape (places, 2) in metres and (places, covariates).
    exact
        Whether a place where a station stands has its very value (as PyKrige's ``exact_values``); or else
        the nugget is noise there too, and filtered. Nowhere else does it matter.
    dtype
        Of what is returned; the systems are solved in float64.

    Returns
    -------
    Weights; not-a-number where a covariate is. The variance is that of a value observed there, the
    nugget included.
    """
    count = len(system.sites)
    matrix = np.empty((count, len(points)), dtype)
    variance = np.empty(len(points), dtype)
    drift = system.drift_at(covariates).T
    for start in range(0, len(points), _BLOCK):
        here = slice(start, start + _BLOCK)
        distance = cdist(system.sites.points, points[here])
        correlation = system.variogram.correlation(distance)
        if exact:
            correlation[distance == 0] = 1.0
        sides = np.concatenate([correlation, drift[:, here]])
        found = system.inverse @ sides
        matrix[:, here] = found[:count]
        share = 1.0 - np.einsum("ij,ij->j", sides, found)
        variance[here] = system.variogram.sill * np.maximum(share, 0.0)
    return Weights(matrix, variance)
