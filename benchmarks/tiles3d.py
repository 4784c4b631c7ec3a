"""3D Tiles of a generated city: buildings a second from the store's columns to closed files, bytes a building.

The floor only reads, triangulates nothing and compresses nothing: it parses the footprints and
transforms their corners, which no writer can leave out.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from scenes.tiles3d import Recipe, write_tileset
from twin import crs

BUILDINGS = 20_000
ROUNDS = 3


def run(buildings: int = BUILDINGS) -> dict[str, Any]:
    """Return rates in CPU seconds, which a busy machine does not change."""
    columns = city(buildings)
    written, seconds, floor = None, [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            began = time.process_time()
            written = write_tileset(columns.to_reader(10_000), Recipe("extrusion", "EPSG:2154"), Path(folder))
            seconds.append(time.process_time() - began)
        began = time.process_time()
        corners = shapely.get_coordinates(shapely.from_wkb(columns["geometry"].to_numpy()))
        crs.transform(corners[:, 0], corners[:, 1], "EPSG:2154", crs.CRS84)
        floor.append(time.process_time() - began)
    assert written is not None
    return {
        "buildings": written.features,
        "corners_per_building": round(len(corners) / buildings, 1),
        "tiles": written.tiles,
        "buildings_per_cpu_second": round(buildings / median(seconds)),
        "bytes_per_building_gzipped": round(written.size / buildings, 1),
        "times_floor": round(median(seconds) / median(floor), 1),
    }


def city(count: int) -> pa.Table:
    """Return turned houses, L-shaped blocks and blocks around a courtyard, one third each."""
    generator = np.random.default_rng(1)
    side = int(np.sqrt(count)) + 1
    at = np.arange(count)
    shapes = np.empty(count, dtype=object)
    depth = generator.uniform(8, 14, count)
    width = generator.uniform(9, 24, count)
    for kind in range(3):
        mine = np.flatnonzero(at % 3 == kind)
        block = shapely.box(0, 0, width[mine], depth[mine])
        if kind == 1:
            block = shapely.difference(block, shapely.box(0, 0, width[mine] / 2, depth[mine] / 2))
        if kind == 2:
            inner = shapely.box(width[mine] * 0.3, depth[mine] * 0.3, width[mine] * 0.7, depth[mine] * 0.7)
            block = shapely.difference(block, inner)
        shapes[mine] = block
    angle, corners = generator.uniform(0, np.pi, count), shapely.get_coordinates(shapes, return_index=True)
    (points, owner), turn = corners, angle[corners[1]]
    x = 770_000 + 35.0 * (at % side)[owner] + points[:, 0] * np.cos(turn) - points[:, 1] * np.sin(turn)
    y = 6_280_000 + 35.0 * (at // side)[owner] + points[:, 0] * np.sin(turn) + points[:, 1] * np.cos(turn)
    shapes = shapely.set_coordinates(shapes, np.round(np.column_stack([x, y]), 2))
    instant = pa.timestamp("us", tz="UTC")
    return pa.table(
        {
            "id": [f"BATIMENT{number:016}" for number in generator.permutation(count)],
            "row": pa.array(at, pa.uint32()),
            "valid_from": pa.array(generator.integers(-2_000_000, 1_700_000, count) * 10**9).cast(instant),
            "valid_to": pa.nulls(count, instant),
            "geometry": pa.array(shapely.to_wkb(shapes), pa.binary()),
            "height": pa.array(np.round(generator.gamma(4, 2.5, count) + 2.5, 1), pa.float32()),
        }
    )
