"""Forecast of air temperature at stations for the next day, shown where it is better than persistence."""

from layers.forecast.layer import Forecast
from layers.forecast.parameters import Parameters

__all__ = ["Forecast", "Parameters"]
