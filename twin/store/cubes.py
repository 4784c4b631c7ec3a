"""How a coverage is written: two Zarr copies, chunked for maps and for series.

A map at one instant and a series at one cell ask for opposite chunks: on one layout the other
question is some thirty times slower, and a second copy costs less than that.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import xarray as xr

from twin.errors import BadInput

type Layout = Literal["map", "series"]
LAYOUTS: tuple[Layout, ...] = ("map", "series")

_CELLS = 65_536  # values in a chunk: 256 kB of float32, which decompress in about a millisecond
_SHARD_CHUNKS = 256


def write_cube(dataset: xr.Dataset, folder: Path) -> None:
    """Write ``map.zarr`` and ``series.zarr`` of a coverage into `folder`, to be staged as a cube.

    Parameters
    ----------
    dataset
        Variables over ``(time, y, x)`` or ``(y, x)``; ``x`` and ``y`` are cell centres in the
        storage CRS, ascending; ``time`` is naive UTC, ascending.

    Raises
    ------
    BadInput
        When a dimension is missing, unknown or not ascending.
    """
    for name, variable in dataset.data_vars.items():
        if variable.dims not in (("time", "y", "x"), ("y", "x")):
            raise BadInput(f"{name}: the dimensions are {variable.dims}; (time, y, x) or (y, x) are expected.")
        for dimension in variable.dims:
            steps = np.diff(dataset[dimension].values)
            if steps.size and not (steps > np.zeros(1, steps.dtype)).all():
                raise BadInput(f"{name}: {dimension} must be strictly ascending.")
    folder.mkdir(parents=True, exist_ok=True)
    for layout in LAYOUTS:
        encoding = {name: _encoding(variable, layout) for name, variable in dataset.data_vars.items()}
        dataset.drop_encoding().to_zarr(
            folder / f"{layout}.zarr", mode="w-", encoding=encoding, zarr_format=3, consolidated=False
        )


def _encoding(variable: xr.DataArray, layout: Layout) -> dict[str, tuple[int, ...]]:
    chunks = _chunks(variable.shape, layout)
    # Chunks are gathered in few files; a shard must hold a whole number of chunks.
    counts = [-(-size // chunk) for size, chunk in zip(variable.shape, chunks, strict=True)]
    held, shards = _SHARD_CHUNKS, []
    for count, chunk in zip(reversed(counts), reversed(chunks), strict=True):
        taken = max(1, min(count, held))
        held //= taken
        shards.append(chunk * taken)
    return {"chunks": chunks, "shards": tuple(reversed(shards))}


def _chunks(shape: tuple[int, ...], layout: Layout) -> tuple[int, ...]:
    *times, rows, columns = (max(1, size) for size in shape)
    if layout == "map" or not times:
        side = int(_CELLS**0.5)
        return (*(1 for _ in times), min(rows, side), min(columns, side))
    steps = min(times[0], _CELLS // 16)
    side = max(1, int((_CELLS / steps) ** 0.5))
    return (steps, min(rows, side), min(columns, side))
