"""What ``config.yml`` may say of the layer."""

from __future__ import annotations

from pydantic import Field as Constrained

from layers.mapping import MapParameters, Variable
from layers.parameters import Hour, Metres, ReferenceParameters, Share


class Parameters(ReferenceParameters, MapParameters):
    """What ``config.yml`` may say of this layer."""

    altitude: Variable | None = Constrained(
        Variable(collection="urban_morphology", variable="altitude"),
        description="Variable with the altitude of the ground, in metres; absent or none: the temperature is that at "
        "the mean altitude of the reference.",
    )
    afternoon: tuple[Hour, Hour] = Constrained((12, 16), description="First and last hour UTC of the afternoon.")
    completeness: Share = Constrained(0.75, description="Least share of the hours of a day.")
    cool_radius: Metres | None = Constrained(
        500.0, description="Radius in metres around a cell, with which it is compared; null: with the reference."
    )
    cool_difference: float = Constrained(
        -0.5, description="Mean difference below which a cell is cool, by night or in the afternoon, in K."
    )
    cool_vegetation: Share = Constrained(0.5, description="Least vegetation fraction that makes a cool island.")
    cool_water: Metres = Constrained(100.0, description="Greatest distance to water that makes a cool island, in m.")
    cool_area: Metres = Constrained(1.0, description="Least area of a cool island, in hectares.")
