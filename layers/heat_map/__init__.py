"""Maps of air temperature and of the heat island, hour by hour and month by month, with their error."""

from layers.heat_map.layer import HeatMap
from layers.heat_map.parameters import Parameters

__all__ = ["HeatMap", "Parameters"]
