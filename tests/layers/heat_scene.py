"""A small city whose temperature is known everywhere: a constant, and so much for what is built."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from tests.layers.layer_twin import Station, collection
from twin.context import Twin
from twin.model import Kind, ObservedProperty, Text
from twin.testing.samples import put_cube

X, Y, CELL, COLUMNS, ROWS = 770_000.0, 6_280_000.0, 100.0, 30, 20
HOURS = 60
START = "2026-07-10T00:00"
BUILT, GREEN = np.random.default_rng(4).uniform(0, 1, (2, ROWS, COLUMNS)).astype(np.float32).astype(float)
PARAMETERS: dict[str, Any] = {
    "covariates": [{"collection": "city", "variable": "built"}],
    "reference": ["S00"],
    "stations": 5,
    "margin": 1.0,
}
RNG = np.random.default_rng(3)
CELLS = RNG.permutation(ROWS * COLUMNS)[:16]
#: Built fraction where each station stands, and the altitude.
AROUND = BUILT.ravel()[CELLS]
ALTITUDE = np.round(RNG.uniform(0, 200, CELLS.size))
AIR = 22 + 6 * np.sin(np.arange(HOURS) / 24 * 2 * np.pi)
ISLAND = 3 + np.cos(np.arange(HOURS) / 24 * 2 * np.pi)
TEMPERATURE = AIR + np.outer(AROUND, ISLAND) - 0.0065 * ALTITUDE[:, None]


def point(cell: int) -> tuple[float, float]:
    return X + (cell % COLUMNS + 0.5) * CELL, Y + (cell // COLUMNS + 0.5) * CELL


def make_stations(values: np.ndarray = TEMPERATURE) -> list[Station]:
    return [
        Station(f"S{k:02d}", "urban", float(ALTITUDE[k]), values[k], point=point(int(cell)))
        for k, cell in enumerate(CELLS)
    ]


def commit_city(twin: Twin, **variables: np.ndarray) -> None:
    """Commit the coverage ``city`` with what is built, and more variables."""
    names = {"built": BUILT, **variables}
    given = collection(
        "city",
        Kind.COVERAGE,
        observed_properties=tuple(
            ObservedProperty(name=name, title=Text(fr=name, en=name), unit="1") for name in names
        ),
    )
    axes = {"y": Y + (np.arange(ROWS) + 0.5) * CELL, "x": X + (np.arange(COLUMNS) + 0.5) * CELL}
    maps = {name: (("y", "x"), values.astype(np.float32)) for name, values in names.items()}
    put_cube(twin.store, xr.Dataset(maps, coords=axes), collection=given)
