"""Coverages step by step: only what changed is computed, both layouts hold it, and what was written stays as it was."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pyproj
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from twin.errors import BadInput
from twin.model import Collection
from twin.products import CubeSteps
from twin.store import OPERATOR, write_cube, write_steps
from twin.store.cubes import LAYOUTS, layouts
from twin.store.embedded import open_store
from twin.testing import samples

ROWS, COLUMNS = 5, 3
EPOCH = np.datetime64("2026-07-01T00", "us")


def coverage(*names: str) -> Collection:
    known = samples.coverage().observed_properties[0]
    observed = tuple(known.model_copy(update={"name": name}) for name in names)
    return samples.coverage().model_copy(update={"observed_properties": observed})


def values(hours: NDArray[np.int64], made_from: NDArray[np.uint64], x0: float = 0.0, **types: str) -> xr.Dataset:
    """Return steps whose every value tells its hour, its version and its cell, one in seven of them blank."""
    cells = np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS)
    field = hours[:, None, None] * 1000.0 + made_from.astype(float)[:, None, None] * 100 + cells
    data = {
        name: (
            ("time", "y", "x"),
            np.where(cells % 7 == 3, np.nan if kind[0] == "f" else 0, field + number).astype(kind),
        )
        for number, (name, kind) in enumerate((types or {"heat": "f4", "error": "f8"}).items())
    }
    axes = {"y": 50.0 * np.arange(ROWS), "x": x0 + 50.0 * np.arange(COLUMNS)}
    return xr.Dataset(data, coords={"time": EPOCH + hours * np.timedelta64(1, "h"), **axes})


class Steps:
    """Steps of given hours and versions, which remember what they were asked for."""

    def __init__(self, hours: dict[int, int], block: int = 3, **form: object) -> None:
        self.hours = np.array(sorted(hours), np.int64)
        self.versions = np.array([hours[hour] for hour in sorted(hours)], np.uint64)
        self.asked: list[int] = []
        self._block, self._form = block, form

    def compute(self, asked: NDArray[np.intp]) -> Iterator[xr.Dataset]:
        self.asked += self.hours[asked].tolist()
        for part in np.split(asked, range(self._block, asked.size, self._block)):
            yield values(self.hours[part], self.versions[part], **self._form)

    @property
    def whole(self) -> xr.Dataset:
        return values(self.hours, self.versions, **self._form)

    def product(self, collection: Collection | None = None) -> CubeSteps:
        described = collection or coverage(*self.whole.data_vars)
        return CubeSteps(described, self.whole["time"].values, self.versions, self.compute)


def check(folder: Path, expected: xr.Dataset) -> None:
    for layout in LAYOUTS:
        with layouts.open_layout(folder, layout) as found:
            xr.testing.assert_equal(found.load(), expected)
            assert {name: found[name].dtype for name in found} == {name: expected[name].dtype for name in expected}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture(autouse=True)
def short_bands(monkeypatch):
    """Let few steps make several bands."""
    monkeypatch.setattr(layouts, "BAND", 4)


commits = st.lists(
    st.dictionaries(st.integers(0, 17), st.integers(0, 2), min_size=1, max_size=18), min_size=2, max_size=5
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(commits=commits)
def test_any_steps_added_changed_and_removed(commits):
    with tempfile.TemporaryDirectory() as home:
        former, before = None, {}
        for number, hours in enumerate(commits):
            steps, folder = Steps(hours), Path(home, str(number))
            write_steps(steps.product(), folder, former)
            assert steps.asked == [hour for hour in sorted(hours) if before.get(hour) != hours[hour]]
            check(folder, steps.whole)
            former, before = folder, hours
        for number, hours in enumerate(commits):
            check(Path(home, str(number)), Steps(hours).whole)


def test_an_added_step_rewrites_its_own_files_alone(tmp_path):
    write_steps(Steps(dict.fromkeys(range(14), 0)).product(), tmp_path / "1")
    before = contents(tmp_path / "1")
    steps = Steps(dict.fromkeys(range(15), 0))
    write_steps(steps.product(), tmp_path / "2", tmp_path / "1")
    assert steps.asked == [14]
    assert contents(tmp_path / "1") == before
    shards = [file for file in (tmp_path / "2").rglob("c.*") if file.is_file()]
    written = sorted(str(file.relative_to(tmp_path / "2")) for file in shards if file.stat().st_nlink == 1)
    assert written == [
        f"{layout}.zarr/{name}/c.{number}.0.0"
        for layout, number in (("map", 14), ("series", 3))
        for name in ("error", "heat")
    ]


def test_a_window_that_slides_by_a_band_keeps_the_series_too(tmp_path):
    write_steps(Steps(dict.fromkeys(range(12), 0)).product(), tmp_path / "1")
    steps = Steps(dict.fromkeys(range(4, 13), 0))
    write_steps(steps.product(), tmp_path / "2", tmp_path / "1")
    assert steps.asked == [12]
    check(tmp_path / "2", steps.whole)
    kept = [file.name for file in (tmp_path / "2" / "series.zarr" / "heat").glob("c.*") if file.stat().st_nlink > 1]
    assert sorted(kept) == ["c.0.0.0", "c.1.0.0"]


@pytest.mark.parametrize(
    ("other", "crs"),
    [
        ({"x0": 50.0}, "EPSG:2154"),
        ({"heat": "f4", "error": "f4"}, "EPSG:2154"),
        ({"heat": "f4"}, "EPSG:2154"),
        ({"heat": "f4", "error": "f8", "more": "i4"}, "EPSG:2154"),
        ({}, "EPSG:3943"),
    ],
    ids=["grid", "type", "one variable less", "one more", "CRS"],
)
@pytest.mark.parametrize("last", [6, 7])
def test_another_form_is_computed_anew(tmp_path, other, crs, last):
    write_steps(Steps(dict.fromkeys(range(6), 0)).product(), tmp_path / "1")
    steps = Steps(dict.fromkeys(range(last), 0), **other)
    product = steps.product(coverage(*steps.whole.data_vars).model_copy(update={"crs": crs}))
    if last == 6 and crs == "EPSG:2154":
        # The grid and the variables are parameters of every step: so are the fingerprints.
        product = CubeSteps(product.collection, product.times, product.fingerprints + np.uint64(9), product.compute)
    write_steps(product, tmp_path / "2", tmp_path / "1")
    assert steps.asked[-last:] == list(range(last))
    check(tmp_path / "2", steps.whole)


def test_other_chunks_are_written_anew(tmp_path, monkeypatch):
    write_steps(Steps(dict.fromkeys(range(6), 0)).product(), tmp_path / "1")
    monkeypatch.setattr(layouts, "BAND", 5)
    steps = Steps(dict.fromkeys(range(6), 0))
    write_steps(steps.product(), tmp_path / "2", tmp_path / "1")
    assert steps.asked == list(range(6))
    check(tmp_path / "2", steps.whole)


def test_time_comes_and_goes(tmp_path):
    steps = Steps({0: 0, 1: 0})
    still = steps.whole.isel(time=0, drop=True)
    described = coverage("heat", "error")
    write_cube(described, still, tmp_path / "1")
    check(tmp_path / "1", still)
    write_cube(described, steps.whole, tmp_path / "2", tmp_path / "1")
    check(tmp_path / "2", steps.whole)
    write_cube(described, still, tmp_path / "3", tmp_path / "2")
    check(tmp_path / "3", still)


def test_a_whole_coverage_is_compared_by_its_values(tmp_path):
    described = coverage("heat", "error")
    write_cube(described, Steps(dict.fromkeys(range(6), 0)).whole, tmp_path / "1")
    told: list[int] = []
    changed = Steps({**dict.fromkeys(range(6), 0), 2: 1, 6: 0}).whole
    write_cube(described, changed, tmp_path / "2", tmp_path / "1", told.append)
    assert sum(told) == 2 * 2 * ROWS * COLUMNS
    check(tmp_path / "2", changed)


def _without_last(asked):
    yield Steps(dict.fromkeys(range(4), 0)).whole.isel(time=asked[:-1])


def _too_many(asked):
    yield Steps(dict.fromkeys(range(5), 0)).whole


def _others(asked):
    yield Steps(dict.fromkeys(range(1, 5), 0)).whole


def _still(asked):
    yield Steps({0: 0}).whole.isel(time=0, drop=True)


def _two_grids(asked):
    yield Steps(dict.fromkeys(range(2), 0)).whole
    yield Steps(dict.fromkeys(range(2, 4), 0), x0=50.0).whole


@pytest.mark.parametrize(
    ("compute", "match"),
    [
        (_without_last, "not those that were asked for"),
        (_too_many, "not those that were asked for"),
        (_others, "not those that were asked for"),
        (_still, "not those that were asked for"),
        (lambda asked: (), "not those that were asked for"),
        (_two_grids, "differ in their grid"),
    ],
)
def test_blocks_that_are_not_what_was_asked_are_refused(tmp_path, compute, match):
    given = Steps(dict.fromkeys(range(4), 0)).product()
    with pytest.raises(BadInput, match=match):
        write_steps(CubeSteps(given.collection, given.times, given.fingerprints, compute), tmp_path / "1")


@pytest.mark.parametrize("order", [[], [1, 0], [0, 0]])
def test_steps_must_be_there_and_ascend(tmp_path, order):
    given = Steps({0: 0, 1: 0}).product()
    with pytest.raises(BadInput, match=r"at least one step|ascending"):
        write_steps(
            CubeSteps(given.collection, given.times[order], given.fingerprints[order], given.compute), tmp_path / "1"
        )


def test_a_coverage_follows_the_cf_conventions(tmp_path):
    steps = Steps(dict.fromkeys(range(3), 0))
    write_steps(steps.product(samples.coverage()), tmp_path / "1")
    described = samples.coverage()
    observed = described.observed_properties[0].model_copy(
        update={"name": "heat", "unit": "Cel", "standard_name": "air_temperature"}
    )
    write_steps(steps.product(described.model_copy(update={"observed_properties": (observed,)})), tmp_path / "2")
    for layout in LAYOUTS:
        with xr.open_zarr(tmp_path / "2" / f"{layout}.zarr", consolidated=False, chunks=None, decode_cf=False) as found:
            assert found.attrs["Conventions"] == "CF-1.11"
            assert found["heat"].attrs == {
                "long_name": observed.title.en,
                "units": "degree_Celsius",
                "standard_name": "air_temperature",
                "grid_mapping": "spatial_ref",
            }
            assert np.isnan(found["heat"].values[0, 1, 0])
            for axis in ("x", "y"):
                assert found[axis].attrs["standard_name"] == f"projection_{axis}_coordinate"
                assert found[axis].attrs["axis"] == axis.upper()
                assert found[axis].attrs["units"] in ("m", "metre")
            assert found["time"].attrs["units"] == "seconds since 1970-01-01"
            assert found["time"].attrs["standard_name"] == "time"
            assert found["spatial_ref"].attrs["grid_mapping_name"] == "lambert_conformal_conic"
            assert pyproj.CRS.from_cf(found["spatial_ref"].attrs) == pyproj.CRS("EPSG:2154")


def test_instants_within_a_second_stay_exact(tmp_path):
    times = EPOCH + np.array([1, 2, 1_500_000], "m8[us]")
    data = Steps(dict.fromkeys(range(3), 0)).whole.assign_coords(time=times)
    write_cube(coverage("heat", "error"), data, tmp_path / "1")
    check(tmp_path / "1", data)


_KILLED = """
import runpy, time
from contextlib import closing
from pathlib import Path
from twin.store import OPERATOR, write_steps
from twin.store.cubes import layouts
from twin.store.embedded import open_store

layouts.BAND = {band}
Steps = runpy.run_path({here!r})["Steps"]

class Slow(Steps):
    def compute(self, asked):
        for number, block in enumerate(super().compute(asked)):
            if number == 2:
                print("half", flush=True)
                time.sleep(600)
            yield block

with closing(open_store(Path({folder!r}), "EPSG:2154")) as store, store.staging("killed") as staged:
    with store.cubes.folder("built_fraction", OPERATOR) as former:
        write_steps(Slow(dict.fromkeys(range(30), 0)).product(), staged / "cube", former)
"""


def test_a_run_that_is_killed_half_way_leaves_the_former_revision(tmp_path):
    described = coverage("heat", "error")
    steps = Steps(dict.fromkeys(range(10), 0))
    with closing(open_store(tmp_path, "EPSG:2154")) as store:
        samples.put_cube(store, steps.whole, collection=described)
    script = _KILLED.format(here=__file__, band=layouts.BAND, folder=str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half\n"
        process.send_signal(signal.SIGKILL)
    with closing(open_store(tmp_path, "EPSG:2154")) as store:
        assert list((tmp_path / "staging").iterdir()) == []
        with store.cubes.folder(described.id, OPERATOR) as folder:
            check(folder, steps.whole)


_MEASURED = """
import resource, sys
from pathlib import Path
import numpy as np, xarray as xr
from twin.products import CubeSteps
from twin.store import write_steps
from twin.testing import samples

STEPS, SIDE = 1024, 240

def compute(asked):
    for part in np.split(asked, range(24, asked.size, 24)):
        field = np.broadcast_to(part[:, None, None].astype("f4"), (part.size, SIDE, SIDE))
        axis = 50.0 * np.arange(SIDE)
        yield xr.Dataset({"built_fraction": (("time", "y", "x"), field)}, {"time": times[part], "y": axis, "x": axis})

times = np.datetime64("2026-06-01", "us") + np.arange(STEPS) * np.timedelta64(1, "h")
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
write = lambda n, to: write_steps(
    CubeSteps(samples.coverage(), times[:n], np.arange(n, dtype=np.uint64), compute), Path(sys.argv[1], to)
)
write(300, "1")
before = peak()
write(STEPS, "2")
print(peak() - before)
"""


def test_memory_does_not_grow_with_the_steps(tmp_path):
    """Of the 235 MB of a cube, once a band was written, the rest adds little."""
    done = subprocess.run([sys.executable, "-c", _MEASURED, str(tmp_path)], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 60
