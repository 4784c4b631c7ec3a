"""What ``config.yml`` may say of the layer."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field as Constrained

from layers.parameters import StationParameters
from twin.model import Identifier

type Metres = Annotated[float, Constrained(gt=0.1, le=200)]


class Parameters(StationParameters):
    """What ``config.yml`` may say of this layer."""

    air_temperature: Identifier = Constrained("air_temperature", description="Property of the air's temperature, °C.")
    relative_humidity: Identifier = Constrained("relative_humidity", description="Property of its humidity, %.")
    wind_speed: Identifier = Constrained("wind_speed", description="Property of the wind's speed, m/s.")
    mean_radiant_temperature: Identifier = Constrained(
        "mean_radiant_temperature", description="Property of the mean radiant temperature, °C."
    )
    globe_temperature: Identifier = Constrained(
        "globe_temperature", description="Property of a black globe's temperature, °C, where there is none of these."
    )
    wind_height: Metres = Constrained(10.0, description="Height of the anemometers above the ground, m.")
    globe_diameter: Annotated[float, Constrained(gt=0)] = Constrained(0.15, description="Diameter of the globes, m.")
    globe_emissivity: Annotated[float, Constrained(gt=0, le=1)] = Constrained(
        0.95, description="Emissivity of the globes."
    )
