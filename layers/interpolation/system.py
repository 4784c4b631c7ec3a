"""The universal kriging system of a set of stations, factored once, and what is exact when some are missing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist, squareform

from layers.interpolation.variogram import Variogram
from twin.errors import BadInput

type Floats = NDArray[np.float64]
type Rows = NDArray[np.intp]

#: Of the scaled system: beyond it fewer than six of sixteen digits are left.
LARGEST_CONDITION = 1e10


@dataclass(frozen=True)
class Sites:
    """Where the stations stand, and what stands around them.

    Attributes
    ----------
    ids, names
        Of the stations, and of the covariates.
    points
        Projected coordinates in metres, x then y, shape (stations, 2).
    covariates
        Shape (stations, covariates), in any units: they are standardised inside.
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    points: Floats
    covariates: Floats

    def __post_init__(self) -> None:
        if not (np.isfinite(self.points).all() and np.isfinite(self.covariates).all()):
            raise BadInput("Stations without a place or without a covariate cannot be kriged: leave them out.")

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: Rows) -> Sites:
        """Return some of the stations."""
        return Sites(tuple(self.ids[k] for k in rows), self.names, self.points[rows], self.covariates[rows])


@dataclass(frozen=True)
class Gap:
    """Stations that lack a value together, by block downdate of the whole system.

    Attributes
    ----------
    missing
        Rows of the stations without a value, shape (missing,).
    block
        Inverse of the block of ``System.inverse`` of these stations, shape (missing, missing).
    diagonal
        Diagonal of the inverse of the system of the others, in the rows of the whole, shape (stations,).
    """

    missing: Rows
    block: Floats
    diagonal: Floats


@dataclass(frozen=True)
class System:
    """K = [[R, F], [F', 0]]: correlations R of the stations, and the drift F, a constant and the covariates.

    Values are over the sill, which leaves weights as they are; the drift is fitted by generalised least
    squares, its error part of the variance (Chilès and Delfiner 2012, Geostatistics, 3.4).
    """

    sites: Sites
    variogram: Variogram

    @cached_property
    def drift(self) -> Floats:
        """The drift at the stations, shape (stations, 1 + covariates)."""
        return self.drift_at(self.sites.covariates)

    def drift_at(self, covariates: Floats) -> Floats:
        """Return the drift where the covariates, shape (places, covariates), are these."""
        known = self.sites.covariates
        spread = known.std(axis=0)
        level = (covariates - known.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
        return np.column_stack([np.ones(len(covariates)), level])

    @cached_property
    def matrix(self) -> Floats:
        """K, shape (stations + drift, stations + drift)."""
        count = len(self.sites)
        matrix = np.zeros((count + self.drift.shape[1],) * 2)
        matrix[:count, :count] = self.variogram.correlation(squareform(pdist(self.sites.points)))
        matrix[range(count), range(count)] = 1.0
        matrix[:count, count:] = self.drift
        matrix[count:, :count] = self.drift.T
        return matrix

    @cached_property
    def inverse(self) -> Floats:
        """The inverse of K; infinite where there is none."""
        try:
            inverse = np.linalg.inv(self.matrix)
        except np.linalg.LinAlgError:
            return np.full(self.matrix.shape, np.inf)
        return np.asarray((inverse + inverse.T) / 2)

    @cached_property
    def condition(self) -> float:
        """The condition number of K in the norm of the greatest column."""
        return _condition(self.matrix, self.inverse)

    def gap(self, missing: Rows) -> tuple[Gap, float]:
        """Return what the system is without some stations, and its condition number.

        With B the inverse, and b the stations left out, that of the others is exactly
        ``B_aa - B_ab B_bb^-1 B_ba`` (the Schur complement): no new factorisation.
        """
        count = len(self.sites)
        if not missing.size:
            return Gap(missing, np.zeros((0, 0)), np.diagonal(self.inverse)[:count]), self.condition
        kept = np.setdiff1d(np.arange(len(self.matrix)), missing)
        try:
            block = np.linalg.inv(self.inverse[np.ix_(missing, missing)])
        except np.linalg.LinAlgError:
            return Gap(missing, np.full((missing.size,) * 2, np.nan), np.full(count, np.nan)), np.inf
        across = self.inverse[:, missing]
        others = self.inverse - across @ block @ across.T
        condition = _condition(self.matrix[np.ix_(kept, kept)], others[np.ix_(kept, kept)])
        return Gap(missing, block, np.diagonal(others)[:count]), condition

    def complete(self, values: Floats, gap: Gap) -> Floats:
        """Return values with those missing set to what the others predict of them.

        Kriging of the whole from these is kriging from the others alone, exactly: one matrix of weights
        serves all instants, whatever stations are missing.

        Parameters
        ----------
        values
            Shape (stations, instants), the rows of ``gap.missing`` being of no account.
        """
        complete = values.copy()
        complete[gap.missing] = 0.0
        of_others = self.inverse[gap.missing][:, : len(self.sites)] @ complete
        complete[gap.missing] = -gap.block @ of_others
        return complete

    def leave_one_out(self, complete: Floats, gap: Gap) -> tuple[Floats, Floats]:
        """Return the error at each station predicted from the others, and its variance.

        In closed form (Dubrule 1983): ``e = (B z)_i / B_ii`` (value minus prediction) and
        ``s2 = sill / B_ii``, the nugget included; exact for a given variogram and a drift fitted by
        generalised least squares each time.

        Parameters
        ----------
        complete
            What :meth:`complete` returns, shape (stations, instants).

        Returns
        -------
        Errors, shape (stations, instants), and variances, shape (stations,); not-a-number at the stations
        missing, and at one without which the drift could not be fitted.
        """
        count = len(self.sites)
        diagonal = np.where(gap.diagonal > 1 / LARGEST_CONDITION, gap.diagonal, np.nan)
        diagonal[gap.missing] = np.nan
        errors = self.inverse[:count, :count] @ complete / diagonal[:, np.newaxis]
        return errors, self.variogram.sill / diagonal


def _condition(matrix: Floats, inverse: Floats) -> float:
    condition = float(np.linalg.norm(matrix, 1) * np.linalg.norm(inverse, 1))
    return condition if np.isfinite(condition) else np.inf
