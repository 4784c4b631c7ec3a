"""Why there is no map for an instant, in a sentence."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.model import Text


def too_few(count: int, least: int) -> Text:
    """Return the reason of fewer stations than needed."""
    return Text(
        fr=f"Pas de carte : {count} stations ont une valeur sûre, il en faut {least}.",
        en=f"No map: {count} stations have a good value, and {least} are needed.",
    )


def one_place() -> Text:
    """Return the reason of stations that all stand at one place."""
    return Text(
        fr="Pas de carte : toutes les stations sont au même endroit.",
        en="No map: all the stations stand at one place.",
    )


def same_place(first: str, second: str) -> Text:
    """Return the reason of two stations at one place."""
    return Text(
        fr=f"Pas de carte : les stations {first} et {second} sont au même endroit.",
        en=f"No map: the stations {first} and {second} stand at one place.",
    )


def constant(covariate: str) -> Text:
    """Return the reason of a covariate that is the same at all stations."""
    return Text(
        fr=f"Pas de carte : la covariable {covariate} est la même à toutes les stations.",
        en=f"No map: the covariate {covariate} is the same at all stations.",
    )


def singular(condition: float) -> Text:
    """Return the reason of a system that cannot be solved to any precision."""
    told = f"{condition:.0e}" if np.isfinite(condition) else "∞"
    return Text(
        fr=f"Pas de carte : le système de krigeage est singulier (conditionnement {told}), "
        "des covariables ou des stations se répètent.",
        en=f"No map: the kriging system is singular (condition number {told}), "
        "covariates or stations repeat one another.",
    )


def no_reference() -> Text:
    """Return the reason of an instant at which the reference has no value."""
    return Text(
        fr="Pas de carte : la référence n'a pas de valeur sûre.",
        en="No map: the reference has no good value.",
    )


def reason_against(
    points: NDArray[np.float64],
    covariates: NDArray[np.float64],
    ids: tuple[str, ...],
    names: tuple[str, ...],
    least: int,
) -> Text | None:
    """Return why no drift can be fitted to the stations that have a value, or None.

    Parameters
    ----------
    points, covariates
        Shape (stations, 2) and (stations, covariates).
    ids, names
        Of the stations, and of the covariates.
    least
        The least number of stations.
    """
    if len(points) < least:
        return too_few(len(points), least)
    if not np.ptp(points, axis=0).any():
        return one_place()
    order = np.lexsort(points.T)
    twice = np.flatnonzero((np.diff(points[order], axis=0) == 0).all(axis=1))
    if twice.size:
        return same_place(*sorted(ids[order[k]] for k in (twice[0], twice[0] + 1)))
    flat = np.flatnonzero(np.ptp(covariates, axis=0) <= 1e-9 * np.abs(covariates).max(axis=0, initial=0))
    return constant(names[flat[0]]) if flat.size else None
