"""Interpolation between stations: universal kriging on covariates, with its error. Arrays in, arrays out."""

from layers.interpolation.grouping import Group, groups
from layers.interpolation.support import Support
from layers.interpolation.system import Sites, System
from layers.interpolation.targets import Weights, weights
from layers.interpolation.variogram import MODELS, Model, Variogram, fit

__all__ = [
    "MODELS",
    "Group",
    "Model",
    "Sites",
    "Support",
    "System",
    "Variogram",
    "Weights",
    "fit",
    "groups",
    "weights",
]
