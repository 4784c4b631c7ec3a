"""Thermal comfort at stations: the universal thermal climate index, where all that it needs is measured."""

from layers.thermal_comfort.layer import ThermalComfort
from layers.thermal_comfort.parameters import Parameters

__all__ = ["Parameters", "ThermalComfort"]
