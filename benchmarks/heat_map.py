"""Hourly maps by universal kriging: CPU against vectorised PyKrige hour by hour, and against the bare matrix product.

60 stations, a month of hours, 400 by 400 cells, 3 covariates; one hour in five lacks a station. PyKrige runs a few
hours, and its month is these times their number. Ours is everything: systems, weights, values; then the standard
errors too, which PyKrige gives in the same time. Answers are compared first. One thread: those of BLAS that wait for
one another count as CPU.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike
from pykrige.uk import UniversalKriging
from threadpoolctl import threadpool_limits

from layers.interpolation import Group, Sites, Variogram, Weights, groups, weights

STATIONS, HOURS, SIDE, COVARIATES = 60, 720, 400, 3
VARIOGRAM = Variogram("exponential", nugget=0.04, partial_sill=0.3, length=900.0)
_CELL = 50.0
_BLOCK = 48  # hours of maps held at once


def run(stations: int = STATIONS, hours: int = HOURS, side: int = SIDE, peer_hours: int = 3) -> dict[str, Any]:
    """Return CPU seconds of a month and their ratios, in float64 and in float32."""
    rng = np.random.default_rng(1)
    extent = side * _CELL
    sites = Sites(
        tuple(f"S{k}" for k in range(stations)),
        tuple(f"c{k}" for k in range(COVARIATES)),
        rng.uniform(0, extent, (stations, 2)),
        rng.uniform(0, 1, (stations, COVARIATES)),
    )
    axis = (np.arange(side) + 0.5) * _CELL
    points = np.column_stack([np.tile(axis, side), np.repeat(axis, side)])
    covariates = rng.uniform(0, 1, (side * side, COVARIATES))
    values = 20 + sites.covariates @ rng.normal(size=(COVARIATES, hours)) + rng.normal(size=(stations, hours))
    late = np.arange(0, hours, 5)
    values[rng.integers(0, stations, late.size), late] = np.nan

    results: dict[str, Any] = {"stations": stations, "hours": hours, "cells": side * side, "covariates": COVARIATES}
    peer = [hour * hours // peer_hours for hour in range(peer_hours)]
    theirs, their_time = _timed(lambda: [_pykrige(sites, values[:, hour], points, covariates) for hour in peer])
    month = their_time / peer_hours * hours
    results["pykrige_s_an_hour"] = round(their_time / peer_hours, 3)
    for name, dtype, tolerance in (("float64", np.float64, 1e-6), ("float32", np.float32, 1e-3)):
        (group, found), set_up = _timed(lambda dtype=dtype: _ready(sites, values, points, covariates, dtype))
        for hour, (value, variance) in zip(peer, theirs, strict=True):
            one = group.take(group.instants == hour)
            np.testing.assert_allclose(found.values(one)[0], value, rtol=0, atol=tolerance)
            np.testing.assert_allclose(found.errors(one)[0] ** 2, variance, rtol=0, atol=tolerance)
        _, product = _timed(lambda group=group, found=found: _multiply(group, found))
        _, maps = _timed(lambda group=group, draw=found.values: _draw(group, draw))
        _, errors = _timed(lambda group=group, draw=found.errors: _draw(group, draw))
        results[name] = {
            "s": round(set_up + maps, 3),
            "with_errors_s": round(set_up + maps + errors, 3),
            "times_pykrige": round(month / (set_up + maps)),
            "times_pykrige_with_errors": round(month / (set_up + maps + errors)),
            "over_product": round((set_up + maps) / product, 2),
        }
    return results


def _ready(
    sites: Sites, values: np.ndarray, points: np.ndarray, covariates: np.ndarray, dtype: DTypeLike
) -> tuple[Group, Weights]:
    (group,), refused = groups(sites, values, VARIOGRAM)
    assert not refused
    return group, weights(group.system, points, covariates, dtype=dtype)


def _draw(group: Group, draw: Callable[[Group], Any]) -> None:
    """Draw a block of hours at a time, and keep none."""
    for start in range(0, group.instants.size, _BLOCK):
        draw(group.take(np.arange(group.instants.size) // _BLOCK == start // _BLOCK))


def _multiply(group: Group, found: Weights) -> None:
    rows = group.values.T.astype(found.matrix.dtype)
    for start in range(0, len(rows), _BLOCK):
        rows[start : start + _BLOCK] @ found.matrix


def _pykrige(
    sites: Sites, values: np.ndarray, points: np.ndarray, covariates: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    there = np.isfinite(values)
    kriging = UniversalKriging(
        *sites.points[there].T,
        values[there],
        variogram_model=VARIOGRAM.model,
        variogram_parameters={
            "psill": VARIOGRAM.partial_sill,
            "range": 3 * VARIOGRAM.length,
            "nugget": VARIOGRAM.nugget,
        },
        drift_terms=["specified"],
        specified_drift=list(sites.covariates[there].T),
    )
    value, variance = kriging.execute(
        "points", *points.T, specified_drift_arrays=list(covariates.T), backend="vectorized"
    )
    return np.asarray(value), np.asarray(variance)


def _timed[T](work: Callable[[], T]) -> tuple[T, float]:
    with threadpool_limits(1):
        started = time.process_time()
        done = work()
        return done, time.process_time() - started


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
