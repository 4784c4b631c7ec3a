"""What ``config.yml`` may say of the layer."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Constrained

from layers.heat_waves.spells import Alignment
from layers.parameters import Share, StationParameters
from twin.model import Identifier


class Indicator(BaseModel):
    """A series of daily means that stands for the whole country."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    timeseries: Identifier = Constrained(description="Time series that hold it.")
    datastream: str = Constrained(description="Its datastream, in °C.")


class Parameters(StationParameters):
    """What ``config.yml`` may say of this layer."""

    timeseries: Identifier = Constrained(
        "heat_island_daily", description="Time series that hold the daily extremes, in °C."
    )
    minimum: Identifier = Constrained("tmin", description="Property observed, daily minimum.")
    maximum: Identifier = Constrained("tmax", description="Property observed, daily maximum.")
    reference: str | tuple[str, ...] | dict[str, str] = Constrained(
        {"environment": "rural"},
        description="Stations whose mean stands for the city: an id, several, or fields with the value they have in "
        "them.",
    )
    reference_share: Share = Constrained(0.5, description="Least share of these stations with a value on a day.")
    alignment: Alignment = Constrained(
        "first", description="IBM: day to which the mean over three days is given; operational use takes the first."
    )
    indicator: Indicator | None = Constrained(
        None, description="National definition: the indicator, `{timeseries, datastream}`; none: it is not applied."
    )
    local_years: Annotated[float, Constrained(ge=10)] = Constrained(
        30.0, description="Local percentiles: least length of the record, in years."
    )
    area: Identifier | None = Constrained(
        "communes", description="Collection whose union is drawn; none, or an absent one: the hull of the stations."
    )
