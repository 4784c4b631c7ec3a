"""Local climate zones: derived from the morphology of the city, or read from a raster."""

from layers.local_climate_zones.layer import LocalClimateZones, Parameters

__all__ = ["LocalClimateZones", "Parameters"]
