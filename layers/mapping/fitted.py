"""The regimes of a record made ready to be drawn: variograms fitted, systems factored, hours fingerprinted."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from layers.interpolation import Group, Regime, Variogram, fit, groups, regimes
from layers.mapping.parameters import MapParameters
from layers.mapping.record import Record
from twin.model import Text


@dataclass(frozen=True)
class Fitted:
    """A regime with its variogram.

    Attributes
    ----------
    groups
        Their instants are hours of the record.
    refused
        Why an hour of the record has no map.
    """

    regime: Regime
    variogram: Variogram
    groups: tuple[Group, ...]
    refused: dict[int, Text]


def fit_regimes(record: Record, parameters: MapParameters) -> list[Fitted]:
    """Return every regime of the record."""
    sites, known = record.sites, np.isfinite(record.values).any(axis=0)
    found = []
    for regime in regimes(record.hours, known, parameters.night, parameters.training_days):
        variogram = fit(sites.points, sites.covariates, record.values[:, regime.training], parameters.variogram)
        made, refused = groups(sites, record.values[:, regime.hours], variogram, parameters.stations)
        of_record = tuple(replace(group, instants=regime.hours[group.instants]) for group in made)
        reasons = {int(regime.hours[instant]): reason for instant, reason in refused.items()}
        reasons |= {hour: record.refused[hour] for hour in regime.hours.tolist() if hour in record.refused}
        found.append(Fitted(regime, variogram, of_record, reasons))
    return found
