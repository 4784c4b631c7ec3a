"""The layer: where zones come from, a raster of them or the morphology of the city."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import numpy as np
import xarray as xr
from pydantic import BaseModel, ConfigDict
from pydantic import Field as Constrained

from layers.local_climate_zones.classification import NEEDED, USES, Classes, Classified, classify
from layers.local_climate_zones.products import ZONES, Source, zones
from layers.local_climate_zones.zones import Table, table
from layers.reading import present
from twin.context import Twin
from twin.errors import BadInput, DoesNotApply
from twin.model import Collection, Identifier, Text
from twin.products import Product
from twin.store import OPERATOR


class Parameters(BaseModel):
    """What ``config.yml`` may say of this layer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    morphology: Identifier = Constrained("urban_morphology", description="Coverage of the morphology of the city.")
    raster: Identifier | None = Constrained(
        None, description="Coverage of WUDAPT codes, 1 to 17, from which zones are read instead; none: derived."
    )
    cell: Annotated[float, Constrained(gt=0)] = Constrained(
        100.0, description="Side of the squares that are classified, a multiple of the morphology's cell (m)."
    )


class LocalClimateZones:
    """The collection ``local_climate_zones``: areas of one local climate zone (Stewart and Oke 2012).

    Zones are read from a raster where one is named, else derived from the morphology: squares whose mean
    indicators are nearest to the published ranges, by the weights and the rules of GeoClimate; neighbours
    of one class are one area. Where a dataset gives ``local_climate_zones`` (GeoClimate files), nothing
    is derived over it.
    """

    name = "local_climate_zones"
    title = Text(fr="Zones climatiques locales (LCZ)", en="Local climate zones (LCZ)")
    version = "1"
    parameters = Parameters

    def inputs(self, parameters: Parameters) -> tuple[str, ...]:
        """Return the ids of the collections read."""
        return (parameters.morphology,) if parameters.raster is None else (parameters.raster,)

    def derive(self, twin: Twin, parameters: Parameters) -> Iterator[Product]:
        """Classify the cells, and gather them in areas."""
        given = present(twin, ZONES)
        if given is not None and (others := set(given.sources) - {self.name}):
            raise DoesNotApply(f"{ZONES} is given by {', '.join(sorted(others))}: nothing is derived over it.")
        name = parameters.raster or parameters.morphology
        coverage = present(twin, name)
        if coverage is None:
            raise DoesNotApply(f"There is no coverage {name} to make climate zones of: derive or ingest it first.")
        with twin.store.cubes.open(name, OPERATOR) as dataset:
            if parameters.raster is not None:
                yield zones(coverage, read_codes(coverage, dataset, table()), Source.RASTER)
            else:
                yield zones(coverage, derived(coverage, dataset, parameters.cell, table()), Source.MORPHOLOGY)


def derived(coverage: Collection, dataset: xr.Dataset, cell: float, known: Table) -> Classified:
    """Return the classes of squares of side `cell`.

    Raises
    ------
    DoesNotApply
        When the morphology lacks heights or land cover.
    BadInput
        When `cell` is no multiple of the morphology's.
    """
    if missing := [name for name in NEEDED if name not in dataset]:
        raise DoesNotApply(
            f"{coverage.id} has no {missing[0]}: climate zones need buildings with heights, and the land cover."
        )
    spacing = _spacing(coverage)
    factor = round(cell / spacing)
    if factor < 1 or not np.isclose(factor * spacing, cell):
        raise BadInput(f"cell={cell:g} is no multiple of the cell of {coverage.id}: choose {spacing:g}, or twice that.")
    names = [*NEEDED, *(name for name in USES if name in dataset)]
    coarse = dataset[names].coarsen(x=factor, y=factor, boundary="pad").mean()
    classes = classify({name: coarse[name].values.astype(float) for name in names}, known)
    # Padding leaves the middle of the last square unknown: all follow from the first.
    x, y = (
        dataset[axis].values[0] + (factor - 1) / 2 * spacing + np.arange(coarse.sizes[axis]) * cell
        for axis in ("x", "y")
    )
    return Classified(classes, x, y, cell)


def read_codes(coverage: Collection, dataset: xr.Dataset, known: Table) -> Classified:
    """Return the classes of the cells of a raster of WUDAPT codes.

    Raises
    ------
    BadInput
        When a value is no code; 0 and no value are no zone.
    """
    variable = dataset[coverage.observed_properties[0].name]
    last = variable.isel(time=-1) if "time" in variable.dims else variable
    values = np.nan_to_num(last.values.astype(float))
    places = {float(zone.wudapt): place for place, zone in enumerate(known.zones.values())} | {0.0: -1}
    if strange := set(np.unique(values).tolist()) - places.keys():
        raise BadInput(f"{coverage.id} holds {min(strange):g}, which is no WUDAPT code of a climate zone (1 to 17).")
    first = np.full(values.shape, -1)
    for code, place in places.items():
        first[values == code] = place
    nothing = np.full(values.shape, np.nan)
    classes = Classes(first, np.full(values.shape, -1), nothing, nothing)
    return Classified(classes, dataset["x"].values, dataset["y"].values, _spacing(coverage))


def _spacing(coverage: Collection) -> float:
    grid = coverage.grid
    if grid is None:
        raise DoesNotApply(f"{coverage.id} has no regular grid.")
    return (grid.bbox.xmax - grid.bbox.xmin) / grid.columns
