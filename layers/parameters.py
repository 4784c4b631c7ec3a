"""What several layers let ``config.yml`` say, in the same words."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from twin.model import Identifier, Quality

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
