"""Urban morphology: what the ground and the buildings are around each cell of a grid."""

from layers.urban_morphology.layer import UrbanMorphology
from layers.urban_morphology.parameters import Parameters

__all__ = ["Parameters", "UrbanMorphology"]
