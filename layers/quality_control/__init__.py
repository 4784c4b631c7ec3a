"""Quality control across stations: observations at odds with their neighbours are flagged in the store."""

from layers.quality_control.layer import QualityControl
from layers.quality_control.parameters import Parameters

__all__ = ["Parameters", "QualityControl"]
