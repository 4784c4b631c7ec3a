"""Heat waves: spells of hot days by the national definition, the IBM of the département, and local percentiles."""

from layers.heat_waves.layer import HeatWaves
from layers.heat_waves.parameters import Parameters

__all__ = ["HeatWaves", "Parameters"]
