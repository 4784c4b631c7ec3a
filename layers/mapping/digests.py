"""Digests of what maps are made from: a map whose digest is the same is not drawn again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from layers.grids import Floats
from layers.mapping.atlas import Atlas
from layers.mapping.ground import Surface


def fingerprints(
    atlas: Atlas,
    told: object,
    *,
    surfaces: Sequence[Surface] = (),
    beside: Floats | None = None,
) -> NDArray[np.uint64]:
    """Return a digest of all that each hour's map is made from, shape (hours,).

    A station counts in the hours at which it has a value: a new one changes no map of before it.

    Parameters
    ----------
    told
        What all the maps are made with beside the parameters of any map, for JSON.
    surfaces
        Those that they are made from beside the covariates.
    beside
        What each hour is made from beside the stations, shape (hours,).
    """
    record, ground = atlas.record, atlas.ground
    told = [told, atlas.parameters.drawing, ground.grid.model_dump(mode="json")]
    shared = hashlib.blake2b(digest_size=8)
    used = [(surface.asked.model_dump(), surface.revision) for surface in (*ground.surfaces, *surfaces)]
    shared.update(json.dumps([told, used], sort_keys=True).encode())
    sites = record.sites
    stations = [
        identity.encode() + point.tobytes() + around.tobytes()
        for identity, point, around in zip(sites.ids, sites.points, sites.covariates, strict=True)
    ]
    more = np.zeros(len(record.hours)) if beside is None else beside
    digests = np.zeros(len(record.hours), np.uint64)
    for one in atlas.fitted:
        of_regime = shared.copy()
        of_regime.update(repr(one.variogram).encode())
        for hour in one.regime.hours:
            values = record.values[:, hour]
            seen = np.flatnonzero(np.isfinite(values))
            digest = of_regime.copy()
            digest.update(b"".join(stations[station] for station in seen))
            digest.update(values[seen].tobytes() + more[hour].tobytes())
            digests[hour] = int.from_bytes(digest.digest(), "little")
    return digests


def digest_of(fingerprints: NDArray[np.uint64], told: object = None) -> int:
    """Return the digest of what is made from several maps."""
    digest = hashlib.blake2b(fingerprints.tobytes() + json.dumps(told).encode(), digest_size=8)
    return int.from_bytes(digest.digest(), "little")
