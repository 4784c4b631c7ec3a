"""Conversion between UCUM units of one dimension, by a table: base = scale * value + offset.

Source: The Unified Code for Units of Measure (https://ucum.org/ucum), tables 1 to 10.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.errors import BadManifest

_UNITS: dict[str, tuple[str, float, float]] = {
    "K": ("temperature", 1.0, 0.0),
    "Cel": ("temperature", 1.0, 273.15),
    "[degF]": ("temperature", 5 / 9, 459.67 * 5 / 9),
    "Pa": ("pressure", 1.0, 0.0),
    "hPa": ("pressure", 100.0, 0.0),
    "kPa": ("pressure", 1000.0, 0.0),
    "bar": ("pressure", 1e5, 0.0),
    "mbar": ("pressure", 100.0, 0.0),
    "m": ("length", 1.0, 0.0),
    "mm": ("length", 1e-3, 0.0),
    "cm": ("length", 1e-2, 0.0),
    "dm": ("length", 1e-1, 0.0),
    "km": ("length", 1e3, 0.0),
    "m/s": ("speed", 1.0, 0.0),
    "km/h": ("speed", 1 / 3.6, 0.0),
    "[kn_i]": ("speed", 1852 / 3600, 0.0),
    "ug/m3": ("mass concentration", 1.0, 0.0),
    "mg/m3": ("mass concentration", 1e3, 0.0),
    "ng/m3": ("mass concentration", 1e-3, 0.0),
    "W": ("power", 1.0, 0.0),
    "kW": ("power", 1e3, 0.0),
    "MW": ("power", 1e6, 0.0),
    "W.h": ("energy", 1.0, 0.0),
    "kW.h": ("energy", 1e3, 0.0),
    "MW.h": ("energy", 1e6, 0.0),
    "J": ("energy", 1 / 3600, 0.0),
    "MJ": ("energy", 1e6 / 3600, 0.0),
    "1": ("ratio", 1.0, 0.0),
    "%": ("ratio", 1e-2, 0.0),
    "s": ("time", 1.0, 0.0),
    "min": ("time", 60.0, 0.0),
    "h": ("time", 3600.0, 0.0),
    "m2": ("area", 1.0, 0.0),
    "har": ("area", 1e4, 0.0),
    "km2": ("area", 1e6, 0.0),
}
# The arithmetic of a conversion leaves noise in the last bits: 292.35 K is 19.2 Cel, not 19.200000000000045.
_DECIMALS = 9


def convert(values: NDArray[np.float64], source: str, target: str) -> NDArray[np.float64]:
    """Convert values of any shape from one UCUM unit to another.

    Raises
    ------
    BadManifest
        When a unit is not in the table, or the two measure different things.
    """
    if source == target:
        return values
    for unit in (source, target):
        if unit not in _UNITS:
            raise BadManifest(f"The unit {unit!r} cannot be converted; known UCUM units: {', '.join(sorted(_UNITS))}.")
    dimension, scale, offset = _UNITS[source]
    to_dimension, to_scale, to_offset = _UNITS[target]
    if dimension != to_dimension:
        raise BadManifest(f"{source!r} is a {dimension} and {target!r} a {to_dimension}: one cannot become the other.")
    return np.round((values * scale + (offset - to_offset)) / to_scale, _DECIMALS)
