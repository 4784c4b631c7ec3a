"""Interpolation between stations: universal kriging on covariates, with its error. Arrays in, arrays out."""

from layers.interpolation.grouping import Group, groups
from layers.interpolation.maps import Mapping, Places
from layers.interpolation.regimes import Regime, is_night, regimes
from layers.interpolation.support import Support
from layers.interpolation.system import Sites, System
from layers.interpolation.targets import Weights, weights
from layers.interpolation.variogram import MODELS, Model, Variogram, fit

__all__ = [
    "MODELS",
    "Group",
    "Mapping",
    "Model",
    "Places",
    "Regime",
    "Sites",
    "Support",
    "System",
    "Variogram",
    "Weights",
    "fit",
    "groups",
    "is_night",
    "regimes",
    "weights",
]
