"""Coverages through TensorStore: the values, types and axes that zarr-python reads there, by any index; never stale."""

from __future__ import annotations

import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr
from numpy.typing import NDArray
from zarr.codecs import ZstdCodec

from twin.errors import BadInput
from twin.model import Collection
from twin.store import write_cube
from twin.store.cubes import LAYOUTS, Layout, open_layout, zarr3
from twin.testing import samples

STEPS, ROWS, COLUMNS = 300, 21, 17
SHAPE = STEPS, ROWS, COLUMNS
TYPES = ("f4", "f8", "i2", "u1", "bool", ">f4")


def coverage(names: tuple[str, ...]) -> Collection:
    known = samples.coverage().observed_properties[0]
    observed = tuple(known.model_copy(update={"name": name}) for name in names)
    return samples.coverage().model_copy(update={"observed_properties": observed})


def dataset(seed: int = 0, types: tuple[str, ...] = TYPES) -> xr.Dataset:
    """Return one variable a type, named by it, a part of its values blank."""
    generator = np.random.default_rng(seed)
    axes = {
        "time": np.datetime64("2026-07-01", "ns") + np.arange(STEPS) * np.timedelta64(1, "h"),
        "y": 50.0 * np.arange(ROWS),
        "x": 50.0 * np.arange(COLUMNS),
    }

    def field(kind: str) -> NDArray[np.generic]:
        values = generator.integers(0, 200, SHAPE).astype(kind)
        values[generator.random(SHAPE) < 0.2] = np.nan if values.dtype.kind == "f" else 0
        return values

    return xr.Dataset(
        {f"as_{kind.strip('>')}": (("time", "y", "x"), field(kind)) for kind in dict.fromkeys(types)}, axes
    )


def write(data: xr.Dataset, folder: Path) -> xr.Dataset:
    write_cube(coverage(tuple(map(str, data.data_vars))), data, folder)
    return data


def by_zarr(folder: Path, layout: Layout) -> xr.Dataset:
    return xr.open_zarr(folder / f"{layout}.zarr", chunks=None, consolidated=False, decode_coords="all").drop_vars(
        "spatial_ref"
    )


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cube") / "1"
    return write(dataset(), folder), folder


def _index(generator: np.random.Generator, size: int) -> int | slice | NDArray[np.intp] | NDArray[np.bool_]:
    first, last = np.sort(generator.integers(-size, size, 2)).tolist()
    return [
        first,
        np.int64(last),
        slice(first, last),
        slice(None, None, 3),
        slice(None, None, -1),
        slice(last, first, -2),
        slice(size, size + 5),
        generator.integers(-size, size, 4),
        np.empty(0, np.intp),
        generator.random(size) < 0.1,
    ][generator.integers(10)]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_index_gives_the_values_that_were_written(written, layout):
    data, folder = written
    generator = np.random.default_rng(1)
    with open_layout(folder, layout) as found:
        for _ in range(80):
            index = dict(zip(data.dims, (_index(generator, size) for size in SHAPE), strict=True))
            xr.testing.assert_identical(found.isel(index).drop_attrs().load(), data.isel(index).drop_attrs())
        points = {axis: ("point", generator.integers(-size, size, 30)) for axis, size in data.sizes.items()}
        xr.testing.assert_equal(found.isel(points), data.isel(points))
        several = found["as_f4"].isel(time=slice(None, None, 2)).isel(time=[7, 3, 3], y=slice(5, 1, -1)).values
        np.testing.assert_array_equal(several, data["as_f4"].values[::2][[7, 3, 3], 5:1:-1])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_zarr_python_reads_the_same(written, layout):
    _data, folder = written
    with open_layout(folder, layout) as found:
        expected = by_zarr(folder, layout)
        xr.testing.assert_identical(found, expected)
        for name, variable in expected.variables.items():
            assert found[name].dtype == variable.dtype
            assert found[name].encoding["chunks"] == variable.encoding["chunks"]


@pytest.mark.parametrize(
    ("layout", "steps", "chunks", "shards"),
    [("map", 20, (1, 8, 8), (1, 24, 24)), ("series", STEPS, (256, 8, 8), (256, 24, 24))],
)
def test_what_zarr_python_wrote_opens(written, tmp_path, layout, steps, chunks, shards):
    data = written[0].isel(time=slice(steps))
    group = zarr.create_group(tmp_path / f"{layout}.zarr", attributes={"title": "Former"})
    for axis, values in (("x", data["x"].values), ("y", data["y"].values), ("time", np.arange(steps))):
        attributes = {"units": "hours since 2026-07-01"} if axis == "time" else {}
        array = group.create_array(
            axis,
            shape=values.shape,
            chunks=values.shape,
            dtype=values.dtype,
            dimension_names=(axis,),
            attributes=attributes,
        )
        array[...] = values
    array = group.create_array(
        "as_f4",
        shape=data["as_f4"].shape,
        chunks=chunks,
        shards=shards,
        dtype="f4",
        fill_value=np.nan,
        compressors=ZstdCodec(level=1),
        chunk_key_encoding={"name": "default", "separator": "."},
        dimension_names=("time", "y", "x"),
    )
    array[...] = data["as_f4"].values
    with open_layout(tmp_path, layout) as found:
        xr.testing.assert_identical(found, data[["as_f4"]].assign_attrs(title="Former"))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_has_no_file_is_blank(tmp_path, layout):
    data = write(dataset(types=("f4", "i2")), tmp_path / "1")
    for name in data.data_vars:
        (tmp_path / "1" / f"{layout}.zarr" / str(name) / "c.1.0.0").unlink()
    lost = slice(1, 2) if layout == "map" else slice(256, None)
    with open_layout(tmp_path / "1", layout) as found:
        assert np.isnan(found["as_f4"][lost]).all()
        assert (found["as_i2"][lost] == 0).all()
        xr.testing.assert_equal(found.isel(time=0), data.isel(time=0))


def test_a_coverage_made_anew_under_the_same_path_is_read_anew(tmp_path):
    folder = tmp_path / "1"
    for seed in range(4):
        data = write(dataset(seed, types=("f4",)), tmp_path / f"staged {seed}")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(tmp_path / f"staged {seed}", folder, copy_function=os.link)
        for layout in LAYOUTS:
            with open_layout(folder, layout) as found:
                xr.testing.assert_equal(found.load(), data)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="lists open files as Linux does")
def test_a_coverage_that_is_read_holds_no_file_open(written):
    _data, folder = written

    def held() -> list[Path]:
        opened = {each.resolve() for each in Path("/proc/self/fd").iterdir()}
        return [path for path in opened if path.is_relative_to(folder.resolve())]

    with (folder / "map.zarr" / "zarr.json").open():
        assert held()

    with open_layout(folder, "map") as found:
        found["as_f4"][:20].load()
        # The thread that read a file closes it just after the values have come.
        last = time.monotonic() + 10
        while (files := held()) and time.monotonic() < last:
            os.sched_yield()
    assert not files


def test_threads_read_the_same_coverage_at_once(written):
    data, folder = written
    with open_layout(folder, "map") as maps, open_layout(folder, "series") as series:

        def read(seed: int) -> bool:
            generator = np.random.default_rng(seed)
            for _ in range(40):
                row, column, step = (int(generator.integers(size)) for size in (ROWS, COLUMNS, STEPS))
                if not np.array_equal(series["as_f8"][:, row, column], data["as_f8"][:, row, column], equal_nan=True):
                    return False
                if not np.array_equal(maps["as_i2"][step], data["as_i2"][step]):
                    return False
            return True

        with ThreadPoolExecutor(4) as threads:
            assert all(threads.map(read, range(8)))


def test_a_coverage_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        open_layout(tmp_path, "map")


def test_a_group_is_created_once(tmp_path):
    zarr3.create_group(tmp_path / "group", {})
    with pytest.raises(FileExistsError):
        zarr3.create_group(tmp_path / "group", {})


def test_only_numbers(tmp_path):
    data = dataset(types=("f4",))
    with pytest.raises(BadInput, match=r"as_f4: values of type datetime64\[s\]; a coverage holds numbers"):
        write(data.astype("M8[s]"), tmp_path / "1")
