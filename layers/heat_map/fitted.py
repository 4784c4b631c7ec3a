"""The regimes of a record made ready to be drawn: variograms fitted, systems factored, hours fingerprinted."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from layers.heat_map.ground import Ground
from layers.heat_map.observed import Observed
from layers.heat_map.parameters import Parameters
from layers.interpolation import Group, Regime, Variogram, fit, groups, regimes
from layers.interpolation.refusals import no_reference
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


def fit_regimes(observed: Observed, parameters: Parameters) -> list[Fitted]:
    """Return every regime of the record."""
    known = np.isfinite(observed.difference).any(axis=0)
    found = []
    for regime in regimes(observed.hours, known, parameters.night, parameters.training_days):
        training = observed.difference[:, regime.training]
        variogram = fit(observed.sites.points, observed.sites.covariates, training, parameters.variogram)
        made, refused = groups(observed.sites, observed.difference[:, regime.hours], variogram, parameters.stations)
        of_record = tuple(replace(group, instants=regime.hours[group.instants]) for group in made)
        reasons = {int(regime.hours[instant]): reason for instant, reason in refused.items()}
        without = regime.hours[np.isnan(observed.reference[regime.hours])]
        found.append(Fitted(regime, variogram, of_record, reasons | dict.fromkeys(without.tolist(), no_reference())))
    return found


def fingerprints(
    observed: Observed, ground: Ground, fitted: list[Fitted], parameters: Parameters, version: str
) -> NDArray[np.uint64]:
    """Return a digest of all that each hour's map is made from, shape (hours,).

    A station counts in the hours at which it has a value: a new one changes no map of before it.
    """
    surfaces = [surface for surface in (*ground.surfaces, ground.altitude) if surface is not None]
    shared = hashlib.blake2b(digest_size=8)
    # What tells cool islands draws no map.
    chosen = {name: value for name, value in parameters.model_dump(mode="json").items() if not name.startswith("cool")}
    told = [
        version,
        chosen,
        ground.grid.model_dump(mode="json"),
        [(surface.asked.model_dump(), surface.revision) for surface in surfaces],
        observed.level,
    ]
    shared.update(json.dumps(told, sort_keys=True).encode())
    sites = observed.sites
    stations = [
        identity.encode() + point.tobytes() + around.tobytes()
        for identity, point, around in zip(sites.ids, sites.points, sites.covariates, strict=True)
    ]
    digests = np.zeros(len(observed.hours), np.uint64)
    for one in fitted:
        of_regime = shared.copy()
        of_regime.update(repr(one.variogram).encode())
        for hour in one.regime.hours:
            values = observed.difference[:, hour]
            seen = np.flatnonzero(np.isfinite(values))
            digest = of_regime.copy()
            digest.update(b"".join(stations[station] for station in seen))
            digest.update(values[seen].tobytes() + observed.reference[hour].tobytes())
            digests[hour] = int.from_bytes(digest.digest(), "little")
    return digests
