"""What ``config.yml`` may say of the layers of air quality."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from layers.parameters import StationParameters


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
