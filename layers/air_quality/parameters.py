"""What ``config.yml`` may say of the layers of air quality."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from layers.heat_island.parameters import Flag
from twin.model import Identifier


def _known_zone(value: str) -> str:
    try:
        return ZoneInfo(value).key
    except (KeyError, ValueError):
        raise ValueError(f"{value!r} is not an IANA time zone, such as UTC or Europe/Paris") from None


class Parameters(BaseModel):
    """What every layer of air quality reads, and how it makes days."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    timeseries: Identifier = Field("observations", description="Time series that hold the concentrations.")
    object_collection: Identifier = Field("stations", description="Collection of the stations.")
    time_zone: Annotated[str, AfterValidator(_known_zone)] = Field(
        "UTC", description="Zone whose midnight parts the days and the years."
    )
    excluded: tuple[Flag, ...] = Field(
        ("range", "step", "persistence", "spatial", "producer"), description="Quality flags whose values are left out."
    )
