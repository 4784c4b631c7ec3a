"""Air quality at stations and by commune: daily statistics, the daily index, yearly exceedances, maps."""

from layers.air_quality.daily import AirQualityDaily
from layers.air_quality.exceedances import AirQualityExceedances
from layers.air_quality.index import AirQualityIndex
from layers.air_quality.map import AirQualityMap

__all__ = ["AirQualityDaily", "AirQualityExceedances", "AirQualityIndex", "AirQualityMap"]
