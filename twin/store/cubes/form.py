"""The form of a coverage: what its steps must share for one to stand beside another, told by the CF conventions.

CF 1.11: coordinates and their axes (section 4), the grid mapping (5.6), units and standard names (3.1, 3.3).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from twin import crs
from twin.errors import BadInput
from twin.model import Collection

CONVENTIONS = "CF-1.11"

#: Name of the variable that describes the CRS, by which GDAL and rioxarray know it too.
GRID_MAPPING = "spatial_ref"

#: UCUM codes that UDUNITS, whose units CF takes, spells otherwise.
_UDUNITS = {"Cel": "degree_Celsius", "ug/m3": "ug m-3", "mg/m3": "mg m-3", "kW.h": "kWh", "deg": "degree"}

#: Changes when the chunks or their compression do, so that none written otherwise is kept.
_FORMAT = "2"


def udunits(unit: str) -> str:
    """Return a UCUM unit as UDUNITS spells it."""
    return _UDUNITS.get(unit, unit)


@dataclass(frozen=True, eq=False)
class Form:
    """The variables of a coverage with their types, its cell centres, and whether it has time."""

    collection: Collection
    types: dict[str, np.dtype[Any]]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    timed: bool

    @classmethod
    def of(cls, collection: Collection, dataset: xr.Dataset) -> Form:
        """Return the form of a dataset.

        Raises
        ------
        BadInput
            When a dimension is missing, unknown or not ascending.
        """
        timed = "time" in dataset.dims
        x, y = (np.asarray(dataset[axis].values, np.float64) for axis in ("x", "y"))
        form = cls(collection, {str(name): values.dtype for name, values in dataset.data_vars.items()}, x, y, timed)
        for name, variable in dataset.data_vars.items():
            if variable.dims != form.dimensions:
                raise BadInput(
                    f"{name}: the dimensions are {variable.dims}; (time, y, x) or (y, x) are expected, "
                    "the same for every variable."
                )
        for dimension in form.dimensions:
            require_ascending(dimension, dataset[dimension].values)
        return form

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Those of every variable."""
        return ("time", "y", "x") if self.timed else ("y", "x")

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.y.size, self.x.size

    @property
    def digest(self) -> str:
        """A word that two forms share when the steps of one can stand among those of the other."""
        wkt = crs.definition(self.collection.crs).to_wkt()
        told = repr((_FORMAT, sorted((name, dtype.str) for name, dtype in self.types.items()), wkt, self.timed))
        return hashlib.sha256(told.encode() + self.x.tobytes() + self.y.tobytes()).hexdigest()

    def attributes(self) -> dict[str, Any]:
        """Return the attributes of the whole."""
        return {
            "Conventions": CONVENTIONS,
            "title": self.collection.title.en,
            "institution": self.collection.producer,
            "license": self.collection.licence.title,
        }

    def of_variable(self, name: str) -> dict[str, Any]:
        """Return the attributes of a variable."""
        observed = next((one for one in self.collection.observed_properties if one.name == name), None)
        found: dict[str, Any] = {"grid_mapping": GRID_MAPPING}
        if observed is not None:
            found |= {"long_name": observed.title.en, "units": udunits(observed.unit)}
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
