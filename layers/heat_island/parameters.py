"""What ``config.yml`` may say of the layer."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Constrained

from layers.parameters import Hour, Share, StationParameters
from twin.model import Identifier


class Extremes(BaseModel):
    """Daily extremes as their producer publishes them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    timeseries: Identifier = Constrained("observations", description="Time series that hold them.")
    minimum: Identifier = Constrained("tn", description="Property of the daily minimum, in °C.")
    maximum: Identifier = Constrained("tx", description="Property of the daily maximum, in °C.")


class Parameters(StationParameters):
    """What ``config.yml`` may say of this layer."""

    observed_property: Identifier = Constrained("air_temperature", description="Property observed, in °C.")
    reference: str | tuple[str, ...] | dict[str, str] = Constrained(
        {"environment": "rural"},
        description="Reference stations: an id, several, or fields with the value they have in them "
        "(their environment, their local climate zone).",
    )
    areas: Identifier | None = Constrained(
        None,
        description="Collection of areas (`local_climate_zones`) whose fields the reference may name too: a station "
        "has those of the area in which it stands.",
    )
    reference_share: Share = Constrained(0.5, description="Least share of the reference stations with a value.")
    altitude_field: Identifier | None = Constrained(
        "altitude", description="Field of the stations' altitude, in metres; null to leave altitude out."
    )
    lapse_rate: float = Constrained(-0.0065, description="Change of temperature with altitude, in K/m.")
    minimum_boundary: Hour = Constrained(18, description="Hour UTC, on the eve, after which the day of Tmin starts.")
    maximum_boundary: Hour = Constrained(6, description="Hour UTC after which the day of Tmax starts.")
    published: Extremes = Constrained(
        Extremes(),
        description="Published extremes, preferred to those of the hours at the stations and days that have them.",
    )
    night: tuple[Hour, Hour] = Constrained((18, 6), description="First and last hour UTC of the night.")
    completeness: Share = Constrained(0.75, description="Least share of the hours of a day or a night.")

    @property
    def correction(self) -> float | None:
        """The lapse rate used, in K/m; None where altitude is left out."""
        return None if self.altitude_field is None else self.lapse_rate
