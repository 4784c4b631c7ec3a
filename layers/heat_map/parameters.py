"""What ``config.yml`` may say of the layer."""

from __future__ import annotations

from pydantic import Field as Constrained

from layers.mapping import MapParameters, Variable
from layers.parameters import Hour, Metres, Share
from twin.model import Identifier


class Parameters(MapParameters):
    """What ``config.yml`` may say of this layer."""

    observed_property: Identifier = Constrained("air_temperature", description="Property observed, in °C.")
    reference: str | tuple[str, ...] | dict[str, str] = Constrained(
        {"environment": "rural"},
        description="Reference stations: an id, several, or fields with the value they have in them.",
    )
    areas: Identifier | None = Constrained(
        None, description="Collection of areas (`local_climate_zones`) whose fields the reference may name too."
    )
    reference_share: Share = Constrained(0.5, description="Least share of the reference stations with a value.")
    altitude_field: Identifier | None = Constrained(
        "altitude", description="Field of the stations' altitude, in metres; null to leave altitude out."
    )
    lapse_rate: float = Constrained(-0.0065, description="Change of temperature with altitude, in K/m.")
    altitude: Variable | None = Constrained(
        Variable(collection="urban_morphology", variable="altitude"),
        description="Variable with the altitude of the ground, in metres; absent or none: the temperature is that at "
        "the mean altitude of the reference.",
    )
    afternoon: tuple[Hour, Hour] = Constrained((12, 16), description="First and last hour UTC of the afternoon.")
    minimum_boundary: Hour = Constrained(18, description="Hour UTC, on the eve, after which the day of Tmin starts.")
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

    @property
    def correction(self) -> float | None:
        """The lapse rate used, in K/m; None where altitude is left out."""
        return None if self.altitude_field is None else self.lapse_rate
