"""The CF conventions 1.11 (https://cfconventions.org), which every NetCDF and Zarr file that we write follows."""

CONVENTIONS = "CF-1.11"

#: UCUM codes that UDUNITS, whose units CF takes (section 3.1), spells otherwise.
_UDUNITS = {"Cel": "degree_Celsius", "ug/m3": "ug m-3", "mg/m3": "mg m-3", "kW.h": "kWh", "deg": "degree"}


def udunits(unit: str) -> str:
    """Return a UCUM unit as UDUNITS spells it."""
    return _UDUNITS.get(unit, unit)
