"""What ``config.yml`` may say of the layers of air quality."""

from __future__ import annotations

from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from layers.parameters import StationParameters
from twin.model import Identifier


def _known_zone(value: str) -> str:
    try:
        return ZoneInfo(value).key
    except (KeyError, ValueError):
        raise ValueError(f"{value!r} is not an IANA time zone, such as UTC or Europe/Paris") from None


class Parameters(StationParameters):
    """What every layer of air quality reads, and how it makes days."""

    time_zone: Annotated[str, AfterValidator(_known_zone)] = Field(
        "UTC", description="Zone whose midnight parts the days and the years."
    )


class IndexParameters(Parameters):
    """What the index reads besides, and which days it has."""

    zones: Identifier = Field("communes", description="Collection of the areas that have an index, polygons.")
    reach: Annotated[float, Field(ge=0)] = Field(
        0.0, description="Distance from a zone, in metres, at which a background station still stands for it."
    )
    background: dict[str, str | tuple[str, ...]] = Field(
        {"environment": "background"},
        description="Fields of the stations with the value, or the values, that those of the background have.",
    )
    required: tuple[Literal["no2", "o3", "so2", "pm10", "pm2_5"], ...] = Field(
        ("no2", "o3", "pm10", "pm2_5"), description="Pollutants without which a day has no index."
    )
    retrospective: bool = Field(
        False, description="Whether days before the index came into force have one too, which says so."
    )
    mapped_days: Annotated[int, Field(ge=1, le=2000)] = Field(
        366, description="How many days, up to the last, are given as areas of `air_quality_index_days`."
    )
