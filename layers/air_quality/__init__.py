"""Air quality at stations and by commune: daily statistics, the daily index, yearly exceedances."""

from layers.air_quality.daily import AirQualityDaily
from layers.air_quality.exceedances import AirQualityExceedances
from layers.air_quality.index import AirQualityIndex

__all__ = ["AirQualityDaily", "AirQualityExceedances", "AirQualityIndex"]
