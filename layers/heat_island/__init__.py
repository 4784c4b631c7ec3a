"""Urban heat island at stations: hourly and daily differences with a reference, and a summary."""

from layers.heat_island.layer import HeatIsland
from layers.heat_island.parameters import Parameters

__all__ = ["HeatIsland", "Parameters"]
