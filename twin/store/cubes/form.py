"""The form of a coverage: what its steps must share for one to stand beside another, told by the CF conventions.

CF 1.11: coordinates and their axes (section 4), the grid mapping (5.6), units and standard names (3.1, 3.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from twin import cf, crs
from twin.errors import BadInput
from twin.model import Collection

#: Name of the variable that describes the CRS, by which GDAL and rioxarray know it too.
GRID_MAPPING = "spatial_ref"


@dataclass(frozen=True, eq=False)
class Form:
    """The variables of a coverage with their types, its cell centres and its dimensions."""

    collection: Collection
    types: dict[str, np.dtype[Any]]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    dimensions: tuple[str, ...]

    @classmethod
    def of(cls, collection: Collection, dataset: xr.Dataset) -> Form:
        """Return the form of a dataset.

        Raises
        ------
        BadInput
            When a dimension is missing, unknown or not ascending, or a variable does not hold numbers.
        """
        timed = "time" in dataset.dims
        dimensions = ("time", "y", "x") if timed else ("y", "x")
        for name, variable in dataset.data_vars.items():
            if variable.dims != dimensions:
                raise BadInput(
                    f"{name}: the dimensions are {variable.dims}; (time, y, x) or (y, x) are expected, "
                    "the same for every variable."
                )
            if variable.dtype.kind not in "fiub":
                raise BadInput(f"{name}: values of type {variable.dtype}; a coverage holds numbers.")
        if not dataset.data_vars:
            raise BadInput(f"{collection.id}: the coverage has no variable.")
        for dimension in dimensions:
            require_ascending(dimension, dataset[dimension].values)
        types = {str(name): variable.dtype for name, variable in dataset.data_vars.items()}
        x, y = (np.asarray(dataset[axis].values, np.float64) for axis in ("x", "y"))
        return cls(collection, types, x, y, dimensions)

    @property
    def timed(self) -> bool:
        """Whether it has time."""
        return "time" in self.dimensions

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.y.size, self.x.size

    def attributes(self) -> dict[str, Any]:
        """Return the attributes of the whole."""
        return {
            "Conventions": cf.CONVENTIONS,
            "title": self.collection.title.en,
            "institution": self.collection.producer,
            "license": self.collection.licence.title,
        }

    def of_variable(self, name: str) -> dict[str, Any]:
        """Return the attributes of a variable."""
        observed = next((one for one in self.collection.observed_properties if one.name == name), None)
        found: dict[str, Any] = {"grid_mapping": GRID_MAPPING}
        if observed is not None:
            found |= {"long_name": observed.title.en, "units": cf.udunits(observed.unit)}
            if observed.standard_name:
                found["standard_name"] = observed.standard_name
        return found

    def of_axis(self, axis: str) -> dict[str, Any]:
        """Return the attributes of ``x`` or ``y``."""
        known: list[dict[str, Any]] = crs.definition(self.collection.crs).cs_to_cf()
        return next((found for found in known if found["axis"] == axis.upper()), {"axis": axis.upper()})

    def of_time(self, *, whole: bool) -> dict[str, Any]:
        """Return the attributes of ``time``, in whole seconds or in microseconds."""
        units = f"{'seconds' if whole else 'microseconds'} since 1970-01-01"
        return {"standard_name": "time", "axis": "T", "units": units, "calendar": "standard"}

    def of_grid_mapping(self) -> dict[str, Any]:
        """Return the attributes of the grid mapping."""
        return dict(crs.definition(self.collection.crs).to_cf())


def require_ascending(dimension: str, values: NDArray[Any]) -> None:
    """Refuse a coordinate that does not grow.

    Raises
    ------
    BadInput
        When a value is not greater than the one before it.
    """
    steps = np.diff(values)
    if steps.size and not (steps > np.zeros(1, steps.dtype)).all():
        raise BadInput(f"{dimension} must be strictly ascending.")
