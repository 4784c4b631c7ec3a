"""The universal thermal climate index (UTCI) and its categories: pure functions over arrays of any one shape."""

from __future__ import annotations

import warnings
from datetime import date
from functools import cache
from importlib.resources import files

import numpy as np
import yaml
from numpy.typing import NDArray
from pythermalcomfort import environment, models

from twin.model import Model, Text

type Floats = NDArray[np.float64]

#: Height of the wind that the index takes, and roughness length of the ground below it (Bröde et al. 2012), m.
_WIND_HEIGHT, _ROUGHNESS = 10.0, 0.01


def utci(air: Floats, radiant: Floats, wind: Floats, humidity: Floats) -> Floats:
    """Return the UTCI, in °C, not-a-number where an input is, or lies outside of what the index was made for.

    Source: Bröde et al. (2012), Int. J. Biometeorol. 56, 481-494, by the polynomial of pythermalcomfort. It
    holds for air from -50 to 50 °C, radiant temperature from 30 K below it to 70 K above, wind from 0.5 to
    17 m/s and vapour pressure up to 5 kPa: in calmer or stronger wind there is no value, and none is made up.

    Parameters
    ----------
    air, radiant
        Air and mean radiant temperature, °C.
    wind
        Wind speed 10 m above the ground, m/s.
    humidity
        Relative humidity, %.
    """
    with warnings.catch_warnings():
        # Values outside of the domain are counted in the summary, not printed one array at a time.
        warnings.simplefilter("ignore", UserWarning)
        found = models.utci(air, radiant, wind, humidity, limit_inputs=True, round_output=False)
    return np.asarray(found.utci, float)


def wind_at_ten_metres(wind: Floats, height: float) -> Floats:
    """Return the wind speed 10 m above the ground from that at `height` m, by the logarithmic profile (Oke 1987)."""
    return np.asarray(wind * np.log(_WIND_HEIGHT / _ROUGHNESS) / np.log(height / _ROUGHNESS))


def radiant_from_globe(globe: Floats, air: Floats, wind: Floats, diameter: float, emissivity: float) -> Floats:
    """Return the mean radiant temperature that a black globe shows, °C (ISO 7726:1998, annex B).

    Parameters
    ----------
    globe, air
        Temperatures, °C.
    wind
        Wind speed at the globe, m/s.
    diameter, emissivity
        Of the globe, m and 1.
    """
    found = environment.mean_radiant_tmp(globe, air, wind, d=diameter, emissivity=emissivity, standard="ISO")
    return np.asarray(found, float)


class Category(Model):
    """A category of stress: UTCI above so many °C, excluded; the last has no bound."""

    above: float | None
    title: Text


class Stress(Model):
    """The table ``stress.yml``, from the hottest to the coldest."""

    valid_from: date
    valid_to: date | None
    source: str
    categories: dict[str, Category]


@cache
def stress() -> Stress:
    """Return the categories of thermal stress."""
    return Stress.model_validate(
        yaml.safe_load(files("layers.thermal_comfort").joinpath("stress.yml").read_text("utf-8"))
    )


def hours_of_stress(index: Floats) -> dict[str, NDArray[np.int64]]:
    """Return how many hours each station spends in each category.

    Parameters
    ----------
    index
        UTCI in °C, shape ``(stations, hours)``, not-a-number where unknown.
    """
    counts: dict[str, NDArray[np.int64]] = {}
    hotter = np.zeros(len(index), np.int64)
    for name, category in stress().categories.items():
        reached = (index > (-np.inf if category.above is None else category.above)).sum(axis=1)
        counts[name] = reached - hotter
        hotter = reached
    return counts
