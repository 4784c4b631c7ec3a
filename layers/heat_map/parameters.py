"""What ``config.yml`` may say of the layer."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Constrained

from layers.heat_island.parameters import Flag, Hour, Share
from layers.interpolation import Model
from twin.model import Identifier

type Metres = Annotated[float, Constrained(gt=0)]


class Variable(BaseModel):
    """One variable of a coverage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    collection: Identifier = Constrained(description="Id of the coverage.")
    variable: Identifier = Constrained(description="One of its observed properties.")


def _morphology(*names: str) -> tuple[Variable, ...]:
    return tuple(Variable(collection="urban_morphology", variable=name) for name in names)


class Parameters(BaseModel):
    """What ``config.yml`` may say of this layer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    timeseries: Identifier = Constrained("observations", description="Time series that hold the air temperature.")
    object_collection: Identifier = Constrained("stations", description="Collection of the stations.")
    observed_property: Identifier = Constrained("air_temperature", description="Property observed, in °C.")
    reference: str | tuple[str, ...] | dict[str, str] = Constrained(
        {"environment": "rural"},
        description="Reference stations: an id, several, or fields with the value they have in them.",
    )
    areas: Identifier | None = Constrained(
        None, description="Collection of areas (`local_climate_zones`) whose fields the reference may name too."
    )
    reference_share: Share = Constrained(0.5, description="Least share of the reference stations with a value.")
    altitude_field: Identifier | None = Constrained(
        "altitude", description="Field of the stations' altitude, in metres; null to leave altitude out."
    )
    lapse_rate: float = Constrained(-0.0065, description="Change of temperature with altitude, in K/m.")
    excluded: tuple[Flag, ...] = Constrained(
        ("range", "step", "persistence", "spatial", "producer"), description="Quality flags whose values are left out."
    )
    covariates: Annotated[tuple[Variable, ...], Constrained(min_length=1)] = Constrained(
        _morphology("built_fraction", "vegetation_fraction"),
        description="Variables of coverages on which the drift is fitted; those absent are left out, and said to be. "
        "One more is worth it where it lowers the errors of heat_island_map_error, which takes many stations.",
    )
    altitude: Variable | None = Constrained(
        Variable(collection="urban_morphology", variable="altitude"),
        description="Variable with the altitude of the ground, in metres; absent or none: the temperature is that at "
        "the mean altitude of the reference.",
    )
    cell: Metres | None = Constrained(
        None, description="Side of a cell, in units of the city's CRS (m); none: the cells of the first covariate."
    )
    variogram: Model = Constrained("exponential", description="Model of the variogram, as GSTools defines it.")
    training_days: Annotated[int, Constrained(ge=1, le=31)] = Constrained(
        10, description="Days before a month on which its variograms are fitted."
    )
    night: tuple[Hour, Hour] = Constrained((18, 6), description="First and last hour UTC of the night.")
    afternoon: tuple[Hour, Hour] = Constrained((12, 16), description="First and last hour UTC of the afternoon.")
    minimum_boundary: Hour = Constrained(18, description="Hour UTC, on the eve, after which the day of Tmin starts.")
    completeness: Share = Constrained(0.75, description="Least share of the hours of a day.")
    stations: Annotated[int, Constrained(ge=3)] = Constrained(
        6, description="Least number of stations with a good value; at least three more than covariates."
    )
    distance: Metres = Constrained(
        2500.0, description="Greatest distance to the nearest station, in metres; blank beyond."
    )
    margin: Annotated[float, Constrained(ge=0)] = Constrained(
        0.1, description="How far a covariate may lie outside the stations' range, as a share of it; blank beyond."
    )
    cool_radius: Metres | None = Constrained(
        500.0, description="Radius in metres around a cell, with which it is compared; null: with the reference."
    )
    cool_difference: float = Constrained(
        -0.5, description="Mean difference below which a cell is cool, by night or in the afternoon, in K."
    )
    cool_vegetation: Share = Constrained(0.5, description="Least vegetation fraction that makes a cool island.")
    cool_water: Metres = Constrained(100.0, description="Greatest distance to water that makes a cool island, in m.")
    cool_area: Metres = Constrained(1.0, description="Least area of a cool island, in hectares.")

    @property
    def correction(self) -> float | None:
        """The lapse rate used, in K/m; None where altitude is left out."""
        return None if self.altitude_field is None else self.lapse_rate
