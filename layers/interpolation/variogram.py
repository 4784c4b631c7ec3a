"""Variograms: the models, and their fit by GSTools (Müller et al. 2022) to residuals pooled over many instants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import gstools
import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from scipy.spatial.distance import pdist, squareform

from layers.interpolation.patterns import patterns

type Floats = NDArray[np.float64]
Model = Literal["exponential", "spherical", "gaussian"]
MODELS: tuple[Model, ...] = get_args(Model)

_KINDS = {"exponential": gstools.Exponential, "spherical": gstools.Spherical, "gaussian": gstools.Gaussian}
_LAGS = 12
#: Lags whose semivariance says something: a model has three parameters.
_LEAST_LAGS = 4


@dataclass(frozen=True)
class Variogram:
    """A nugget and one isotropic structure.

    Attributes
    ----------
    model
        ``exponential``, ``spherical`` or ``gaussian``, as GSTools defines them.
    nugget, partial_sill
        Variance of what is not correlated in space (noise of instruments, what differs over metres), and of
        what is, in squared units of the values.
    length
        Length scale of GSTools, in metres: the range of the spherical model, a third of the practical
        range of the exponential one.
    fitted
        False where no model could be fitted and the pooled variance of the residuals stands as the nugget:
        kriging is then regression on the covariates, and claims no structure in space.
    """

    model: Model
    nugget: float
    partial_sill: float
    length: float
    fitted: bool = True

    @property
    def sill(self) -> float:
        """Variance at distances where nothing is correlated any more."""
        return self.nugget + self.partial_sill

    def correlation(self, distance: Floats) -> Floats:
        """Return the correlation between places so far apart in metres, the nugget being left out of distance 0."""
        share = self.partial_sill / self.sill if self.sill > 0 else 0.0
        structure: Floats = _KINDS[self.model](dim=2, len_scale=self.length).correlation(distance)
        return share * structure


def fit(points: Floats, covariates: Floats, values: Floats, model: Model = "exponential") -> Variogram:
    """Return the variogram of the residuals of a drift on covariates, pooled over instants.

    The drift is fitted at each instant by itself, by ordinary, then by generalised least squares with the
    variogram first found. Semivariances (Matheron) up to half the greatest distance (Journel and Huijbregts 1978,
    III.42) weigh as the root of their number of pairs. The nugget and the partial sill lie within 0 and
    twice the residuals' variance, the length between a quarter of the least and the greatest distance.

    Parameters
    ----------
    points
        Places in metres, shape (stations, 2).
    covariates
        Shape (stations, covariates).
    values
        Shape (stations, instants), not-a-number where there is none.
    """
    drift = np.column_stack([np.ones(len(points)), _standardised(covariates)])
    distance = squareform(pdist(points))
    first = _fitted(points, distance, _residuals(drift, np.eye(len(points)), values), model)
    if not first.fitted:
        return first
    correlation = first.correlation(distance)
    np.fill_diagonal(correlation, 1.0)
    return _fitted(points, distance, _residuals(drift, correlation, values), model)


def _standardised(covariates: Floats) -> Floats:
    spread = covariates.std(axis=0)
    return np.asarray((covariates - covariates.mean(axis=0)) / np.where(spread > 0, spread, 1.0))


def _residuals(drift: Floats, correlation: Floats, values: Floats) -> Floats:
    """Return what the drift fitted at each instant leaves, not-a-number where there are too few values for it."""
    residuals = np.full(values.shape, np.nan)
    for valid, instants in patterns(np.isfinite(values)):
        if valid.size <= drift.shape[1]:
            continue
        factor = scipy.linalg.cholesky(correlation[np.ix_(valid, valid)] + 1e-9 * np.eye(valid.size), lower=True)
        level = scipy.linalg.solve_triangular(factor, drift[valid], lower=True)
        seen = values[np.ix_(valid, instants)]
        told, *_ = np.linalg.lstsq(level, scipy.linalg.solve_triangular(factor, seen, lower=True))
        residuals[np.ix_(valid, instants)] = seen - drift[valid] @ told
    return residuals


def _fitted(points: Floats, distance: Floats, residuals: Floats, model: Model) -> Variogram:
    known = residuals[np.isfinite(residuals)]
    variance = float(known @ known / known.size) if known.size else 0.0
    nothing = Variogram(model, nugget=variance, partial_sill=0.0, length=1.0, fitted=False)
    apart = distance[distance > 0]
    if variance <= 1e-12 or not apart.size:
        return nothing
    edges = np.linspace(0.0, distance.max() / 2, _LAGS + 1)
    centres, semivariances, pairs = gstools.vario_estimate(points.T, list(residuals.T), edges, return_counts=True)
    told = pairs > 0
    if told.sum() < _LEAST_LAGS:
        return nothing
    structure = _KINDS[model](dim=2)
    most = 2 * variance
    structure.set_arg_bounds(
        var=[0.0, most, "cc"], nugget=[0.0, most, "cc"], len_scale=[apart.min() / 4, apart.max(), "cc"]
    )
    try:
        structure.fit_variogram(centres[told], semivariances[told], weights=np.sqrt(pairs[told]))
    except (RuntimeError, ValueError):
        return nothing
    return Variogram(model, float(structure.nugget), float(structure.var), float(structure.len_scale))
