"""What ``config.yml`` may say of the layer."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Constrained

from twin.model import Identifier
from twin.quality.crowd import CrowdParameters


class BuddyParameters(BaseModel):
    """The buddy check: a value against the mean of its neighbours at the same hour (titanlib)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    radius: float = Constrained(5000.0, gt=0, description="Reach of the neighbours, in metres.")
    max_altitude_difference: float = Constrained(
        200.0, ge=0, description="The most that neighbours differ by in altitude, in metres."
    )
    least: int = Constrained(5, ge=2, description="Fewest neighbours; with fewer a value is not judged.")
    threshold: float = Constrained(4.0, gt=0, description="Greatest difference, in spreads of the neighbours.")
    min_std: float = Constrained(1.5, gt=0, description="Least spread, in the unit of the property.")
    iterations: int = Constrained(5, ge=1, description="Rounds, each without what the former ones flagged.")


class Network(BaseModel):
    """Instruments of one kind, compared with each other."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    object_collection: Identifier = Constrained("stations", description="Collection of what carries the instruments.")
    observed_property: Identifier = Constrained("air_temperature", description="Property compared.")
    altitude_field: Identifier | None = Constrained(
        "altitude", description="Field of their altitude, in metres; null to leave altitude out."
    )
    lapse_rate: float = Constrained(
        -0.0065, description="Change of the property with altitude, per metre; 0 for what does not follow it."
    )
    buddy: BuddyParameters | None = Constrained(BuddyParameters(), description="The buddy check; null for none.")
    crowd: CrowdParameters | None = Constrained(
        None, description="The levels of CrowdQC+, for amateur air temperature: {} for its own thresholds."
    )


class Parameters(BaseModel):
    """What ``config.yml`` may say of this layer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    timeseries: Identifier = Constrained("observations", description="Time series tested.")
    networks: tuple[Network, ...] = Constrained((Network(),), min_length=1, description="What is compared with what.")
