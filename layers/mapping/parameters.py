"""What ``config.yml`` may say of any map between stations."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Constrained

from layers.interpolation import Model
from layers.parameters import Hour, Metres, StationParameters
from twin.model import Identifier


class Variable(BaseModel):
    """One variable of a coverage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    collection: Identifier = Constrained(description="Id of the coverage.")
    variable: Identifier = Constrained(description="One of its observed properties.")


def morphology(*names: str) -> tuple[Variable, ...]:
    """Return variables of the morphology of the city."""
    return tuple(Variable(collection="urban_morphology", variable=name) for name in names)


class MapParameters(StationParameters):
    """How values of stations become hourly maps."""

    covariates: Annotated[tuple[Variable, ...], Constrained(min_length=1)] = Constrained(
        morphology("built_fraction", "vegetation_fraction"),
        description="Variables of coverages on which the drift is fitted; those absent are left out, and said to be. "
        "One more is worth it where it lowers the errors published with the maps, which takes many stations.",
    )
    cell: Metres | None = Constrained(
        None, description="Side of a cell, in units of the city's CRS (m); none: the cells of the first covariate."
    )
    variogram: Model = Constrained("exponential", description="Model of the variogram, as GSTools defines it.")
    training_days: Annotated[int, Constrained(ge=1, le=31)] = Constrained(
        10, description="Days before a month on which its variograms are fitted."
    )
    night: tuple[Hour, Hour] = Constrained((18, 6), description="First and last hour UTC of the night.")
    stations: Annotated[int, Constrained(ge=3)] = Constrained(
        6, description="Least number of stations with a good value; at least three more than covariates."
    )
    distance: Metres = Constrained(
        2500.0, description="Greatest distance to the nearest station, in metres; blank beyond."
    )
    margin: Annotated[float, Constrained(ge=0)] = Constrained(
        0.1, description="How far a covariate may lie outside the stations' range, as a share of it; blank beyond."
    )

    @property
    def inputs(self) -> tuple[str, ...]:
        """The ids of the collections read."""
        covariates = (variable.collection for variable in self.covariates)
        return tuple(dict.fromkeys((self.timeseries, self.object_collection, *covariates)))

    @property
    def drawing(self) -> dict[str, object]:
        """What these parameters, and not those of a layer, say of each map."""
        return self.model_dump(mode="json", include=set(MapParameters.model_fields))
