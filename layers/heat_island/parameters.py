"""What ``config.yml`` may say of the layer."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Constrained

from layers.parameters import Hour, ReferenceParameters, Share
from twin.model import Identifier


class Extremes(BaseModel):
    """Daily extremes as their producer publishes them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    timeseries: Identifier = Constrained("observations", description="Time series that hold them.")
    minimum: Identifier = Constrained("tn", description="Property of the daily minimum, in °C.")
    maximum: Identifier = Constrained("tx", description="Property of the daily maximum, in °C.")


class Parameters(ReferenceParameters):
    """What ``config.yml`` may say of this layer."""

    maximum_boundary: Hour = Constrained(6, description="Hour UTC after which the day of Tmax starts.")
    published: Extremes = Constrained(
        Extremes(),
        description="Published extremes, preferred to those of the hours at the stations and days that have them.",
    )
    night: tuple[Hour, Hour] = Constrained((18, 6), description="First and last hour UTC of the night.")
    completeness: Share = Constrained(0.75, description="Least share of the hours of a day or a night.")
