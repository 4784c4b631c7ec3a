"""The maps of hours: temperature, difference with the reference, and the error to expect of both."""

from __future__ import annotations

from functools import partial

import numpy as np

from layers.heat_map.observed import Observed
from layers.heat_map.parameters import Parameters
from layers.mapping import Atlas, Ground, Singles, Steps, fit_regimes, rounded
from twin.compute import Compute

#: Of a kelvin, of what is written: far below what a thermometer tells.
_PARTS = 128


def heat_atlas(observed: Observed, ground: Ground, parameters: Parameters, compute: Compute) -> Atlas:
    """Return the atlas of the differences with the reference, with the temperatures."""
    effect = (parameters.correction or 0.0) * observed.altitude_at(ground.points)
    finish = partial(_temperature, observed.reference.astype(np.float32), effect.astype(np.float32))
    record = observed.record
    return Atlas(record, ground, fit_regimes(record, parameters), parameters, finish, compute)


def _temperature(
    reference: Singles, effect: Singles, steps: Steps, difference: Singles, error: Singles
) -> dict[str, Singles]:
    """Return the variables of some hours.

    Parameters
    ----------
    reference
        Of all the hours, °C at altitude 0, shape (hours,).
    effect
        What the altitude of each cell adds, in K, shape (cells,).
    """
    maps = {
        "air_temperature": difference + reference[steps, np.newaxis] + effect,
        "air_temperature_difference": difference,
        "standard_error": error,
    }
    return {name: rounded(values, _PARTS) for name, values in maps.items()}
