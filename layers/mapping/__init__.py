"""Hourly maps of what stations measure, by kriging on covariates of the city: all that is not of one property."""

from layers.mapping.atlas import Atlas, Singles, Steps, rounded
from layers.mapping.digests import digest_of, fingerprints
from layers.mapping.fitted import Fitted, fit_regimes
from layers.mapping.ground import Ground, Surface, read_ground, read_surface
from layers.mapping.parameters import MapParameters, Variable
from layers.mapping.record import Record, points_of

__all__ = [
    "Atlas",
    "Fitted",
    "Ground",
    "MapParameters",
    "Record",
    "Singles",
    "Steps",
    "Surface",
    "Variable",
    "digest_of",
    "fingerprints",
    "fit_regimes",
    "points_of",
    "read_ground",
    "read_surface",
    "rounded",
]
