"""What ``config.yml`` may say of the layer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict
from pydantic import Field as Constrained

from twin.model import Identifier

type Metres = Annotated[float, Constrained(gt=0)]
type Use = Literal["residential", "activity", "heavy_industry"]


class Parameters(BaseModel):
    """What ``config.yml`` may say of this layer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    buildings: Identifier | None = Constrained("buildings", description="Collection of footprints, with lifespans.")
    height_field: Identifier = Constrained("height", description="Field of a building's height, in metres.")
    usage_field: Identifier = Constrained("usage", description="Field of a building's use.")
    uses: dict[Use, tuple[str, ...]] = Constrained(
        {"residential": ("residential", "mixed"), "activity": ("industrial", "commercial")},
        description="Values of that field that are of housing, of activity (`activity`) or of `heavy_industry`.",
    )
    land_cover: Identifier | None = Constrained("land_cover", description="Collection of the cover of the land.")
    cover_field: Identifier = Constrained("cover", description="Field of its code of cover (OCS GE, CS).")
    trees: Identifier | None = Constrained("trees", description="Collection of single trees, points.")
    water: Identifier | None = Constrained(
        "water", description="Collection of waters, areas or lines; an absent one: the waters of the land cover."
    )
    terrain: Identifier | None = Constrained("terrain", description="Coverage that has the altitude of the ground.")
    area: Identifier | None = Constrained(
        "communes", description="Collection of the areas to cover; none, or an absent one: the extent of the inputs."
    )
    cell: Metres = Constrained(50.0, description="Side of a cell, in units of the city's CRS (m).")
    radius: Metres = Constrained(250.0, description="Radius of the disk around a cell that is averaged (m).")
    date: AwareDatetime | None = Constrained(
        None, description="Instant at which the city is taken; none: the last at which something appeared."
    )

    @property
    def sources(self) -> tuple[str, ...]:
        """The collections read, by the names that are given."""
        named = (self.buildings, self.land_cover, self.trees, self.water, self.terrain, self.area)
        return tuple(name for name in named if name is not None)
