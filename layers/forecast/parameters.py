"""What ``config.yml`` may say of the layer."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from pydantic import Field as Constrained
from pydantic import field_validator

from layers.forecast.method import LEADS
from layers.parameters import Share, StationParameters
from twin.model import Identifier

type Days = Annotated[int, Constrained(ge=1, le=366)]
type Lead = Annotated[int, Constrained(ge=1, le=LEADS)]


class Parameters(StationParameters):
    """What ``config.yml`` may say of this layer."""

    observed_property: Identifier = Constrained("air_temperature", description="Property observed, in °C.")
    bands: tuple[Lead, ...] = Constrained(
        (6, 12, 18, 24),
        min_length=1,
        description="Last lead hour of each band of leads, ascending: a model is chosen and tested for each.",
    )
    latest: Annotated[int, Constrained(ge=0, le=23)] = Constrained(
        2, description="Hours before the issue within which a station must have a value."
    )
    climatology_days: Annotated[int, Constrained(ge=2, le=60)] = Constrained(
        7, description="Last days whose mean at the same hour UTC is the diurnal climatology."
    )
    training_days: Days = Constrained(60, description="Most days on which the regression is fitted.")
    least_training_days: Days = Constrained(5, description="Fewest days on which the regression is fitted.")
    test_days: Annotated[int, Constrained(ge=3, le=60)] = Constrained(
        7, description="Last days, held out, on which the skill is measured; the model is chosen on as many before."
    )
    confidence: Annotated[float, Constrained(ge=0.5, lt=1)] = Constrained(
        0.95, description="How sure it must be that the forecast is better than persistence; 0.5: on average."
    )
    completeness: Share = Constrained(
        0.75,
        description="Least share of the days of the climatology, of the hours of training and of the days of test.",
    )

    @field_validator("bands")
    @classmethod
    def _ascending(cls, bands: tuple[int, ...]) -> tuple[int, ...]:
        if any(later <= earlier for earlier, later in pairwise(bands)):
            raise ValueError("the bands must be ascending, as 6, 12, 18, 24")
        return bands

    @property
    def record_days(self) -> int:
        """Days of measurements that are read."""
        return self.climatology_days + self.training_days + 2 * self.test_days + 1

    @property
    def least_record_days(self) -> int:
        """Days of measurements without which nothing can be chosen and tested."""
        return self.climatology_days + self.least_training_days + 2 * self.test_days + 1
