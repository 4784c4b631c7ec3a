"""What several layers let ``config.yml`` say, in the same words."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from twin.model import Identifier
from twin.tables import Quality

type Hour = Annotated[int, Field(ge=0, le=23)]
type Share = Annotated[float, Field(ge=0, le=1)]
type Metres = Annotated[float, Field(gt=0)]
type Flag = Literal["range", "step", "persistence", "spatial", "producer"]


class StationParameters(BaseModel):
    """What every layer that reads stations takes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    timeseries: Identifier = Field("observations", description="Time series that hold what is measured.")
    object_collection: Identifier = Field("stations", description="Collection of the stations.")
    excluded: tuple[Flag, ...] = Field(
        ("range", "step", "persistence", "spatial", "producer"), description="Quality flags whose values are left out."
    )

    @property
    def codes(self) -> tuple[int, ...]:
        """The codes of quality that are left out."""
        return tuple(int(Quality[flag.upper()]) for flag in self.excluded)


class ReferenceParameters(StationParameters):
    """What every layer that compares the air at stations with that of a reference takes."""

    observed_property: Identifier = Field("air_temperature", description="Property observed, in °C.")
    reference: str | tuple[str, ...] | dict[str, str] = Field(
        {"environment": "rural"},
        description="Reference stations: an id, several, or fields with the value they have in them "
        "(their environment, their local climate zone).",
    )
    areas: Identifier | None = Field(
        None,
        description="Collection of areas (`local_climate_zones`) whose fields the reference may name too: a station "
        "has those of the area in which it stands.",
    )
    reference_share: Share = Field(0.5, description="Least share of the reference stations with a value.")
    altitude_field: Identifier | None = Field(
        "altitude", description="Field of the stations' altitude, in metres; null to leave altitude out."
    )
    lapse_rate: float = Field(-0.0065, description="Change of temperature with altitude, in K/m.")
    minimum_boundary: Hour = Field(18, description="Hour UTC, on the eve, after which the day of Tmin starts.")

    @property
    def correction(self) -> float | None:
        """The lapse rate used, in K/m; None where altitude is left out."""
        return None if self.altitude_field is None else self.lapse_rate
