"""The two layouts: their chunks, and which files of a former folder they can take as they are.

A shard of the map layout holds one step, so that a kept step is a link, wherever it stands now. A shard of the series
layout holds :data:`BAND` steps of a tile of the grid: a step that is added costs the band in which it falls.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from itertools import product
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tensorstore as ts
import xarray as xr
from numpy.typing import NDArray

from twin import crs
from twin.store.cubes import zarr3
from twin.store.cubes.form import GRID_MAPPING, Form

type Layout = Literal["map", "series"]
type Arrays = dict[str, ts.TensorStore]
LAYOUTS: tuple[Layout, ...] = ("map", "series")

#: Steps in a chunk of the series layout.
BAND = 256

_SIDE = 256  # cells across a chunk of the map layout: 256 kB of float32, which decompress in under a millisecond
_SERIES_SIDE = 8  # 64 kB: three of them answer a month of hours at a place
_SHARD_CHUNKS = 256
_COMPRESSOR = {"name": "zstd", "configuration": {"level": 1, "checksum": False}}
_SHARD = "c."  # begins the name of its file: c.<time>.<y>.<x>, in one folder a variable


def open_layout(folder: Path, layout: Layout) -> xr.Dataset:
    """Open one layout of the coverage in `folder`, lazily: its variables and its axes."""
    return zarr3.open_group(folder / f"{layout}.zarr").drop_vars(GRID_MAPPING, errors="ignore")


def digest(form: Form) -> str:
    """Return a word that two coverages share when files of one can stand among those of the other."""
    types = sorted((name, dtype.str) for name, dtype in form.types.items())
    shape = (BAND, *form.shape)[-len(form.dimensions) :]
    chunks = [(_chunks(shape, layout), _shards(shape, _chunks(shape, layout), layout)) for layout in LAYOUTS]
    wkt = crs.definition(form.collection.crs).to_wkt()
    told = repr((types, chunks, _COMPRESSOR, wkt))
    return hashlib.sha256(told.encode() + form.x.tobytes() + form.y.tobytes()).hexdigest()


def create(path: Path, form: Form, times: NDArray[np.datetime64] | None, layout: Layout) -> Arrays:
    """Create one layout of a coverage, its coordinates written; return its variables, empty."""
    zarr3.create_group(path, form.attributes())

    def write(name: str, values: NDArray[Any], attributes: dict[str, Any], *dimensions: str) -> None:
        array = zarr3.create_array(
            path / name,
            values.shape,
            values.dtype,
            dimensions,
            attributes,
            compressor=_COMPRESSOR,
            chunks=values.shape,  # a coordinate is read whole
        )
        array.write(values).result()

    write("x", form.x, form.of_axis("x"), "x")
    write("y", form.y, form.of_axis("y"), "y")
    write(GRID_MAPPING, np.zeros((), np.int64), form.of_grid_mapping())
    if times is not None:
        whole = bool((times == times.astype("M8[s]")).all())
        write("time", times.astype("M8[s]" if whole else "M8[us]").view(np.int64), form.of_time(whole=whole), "time")
    shape = (*(() if times is None else (times.size,)), *form.shape)
    chunks = _chunks(shape, layout)
    return {
        name: zarr3.create_array(
            path / name,
            shape,
            dtype,
            form.dimensions,
            form.of_variable(name),
            compressor=_COMPRESSOR,
            chunks=chunks,
            shards=_shards(shape, chunks, layout),
        )
        for name, dtype in form.types.items()
    }


def _chunks(shape: tuple[int, ...], layout: Layout) -> tuple[int, ...]:
    *times, rows, columns = shape
    if layout == "map" or not times:
        return (*(1 for _ in times), min(rows, _SIDE), min(columns, _SIDE))
    return (BAND, _SERIES_SIDE, _SERIES_SIDE)


def _shards(shape: tuple[int, ...], chunks: tuple[int, ...], layout: Layout) -> tuple[int, ...]:
    """Return the shape of a shard, a whole number of chunks: one step of the map, or a tile of the series."""
    rows, columns = (-(-size // chunk) for size, chunk in zip(shape[-2:], chunks[-2:], strict=True))
    if layout == "series" and len(shape) == 3:
        rows, columns = min(rows, _SIDE // _SERIES_SIDE), min(columns, _SIDE // _SERIES_SIDE)
    else:
        columns = min(columns, _SHARD_CHUNKS)
        rows = min(rows, _SHARD_CHUNKS // columns)
    return (*chunks[:-2], rows * chunks[-2], columns * chunks[-1])


def is_shard(file: Path) -> bool:
    """Whether a file of a layout holds values of a variable."""
    return file.name.startswith(_SHARD)


def link_shards(former: Path, new: Path, names: Iterable[str], number: NDArray[np.intp]) -> None:
    """Link shards of a layout to where they stand in a new one.

    Parameters
    ----------
    former, new
        Zarr folders.
    number
        New number along time of each former shard; -1 for one that is not kept.
    """
    for name in names:
        with os.scandir(former / name) as files:
            for file in files:
                if not file.name.startswith(_SHARD):
                    continue
                time, _, place = file.name.removeprefix(_SHARD).partition(".")
                if (now := number[int(time)]) >= 0:
                    os.link(file.path, new / name / f"{_SHARD}{now}.{place}")


def fill_series(maps: Arrays, series: Arrays, bands: Iterable[int]) -> None:
    """Write bands of the series layout from the map layout, a tile at a time."""
    for name, target in series.items():
        steps, rows, columns = target.shape
        _band, high, wide = _shards(target.shape, _chunks(target.shape, "series"), "series")
        for band, top, left in product(bands, range(0, rows, high), range(0, columns, wide)):
            first, last = band * BAND, min((band + 1) * BAND, steps)
            tile = np.s_[first:last, top : min(top + high, rows), left : min(left + wide, columns)]
            values = maps[name][tile].read().result()
            target[tile].write(values, can_reference_source_data_indefinitely=True).result()  # nobody else has them
