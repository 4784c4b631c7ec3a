"""Writing a coverage of a summer of hours: both layouts, then an hour more; beside one array written by zarr alone."""

from __future__ import annotations

import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr
from numpy.typing import NDArray

from twin.products import CubeSteps
from twin.store import write_steps
from twin.testing import samples

STEPS, SIDE, BLOCK = 2_208, 400, 24
_NAMES = ("air_temperature", "standard_error")


def run(steps: int = STEPS, side: int = SIDE) -> dict[str, Any]:
    """Return CPU seconds, memory in MB and number of files; each measured in a process of its own."""
    return {"steps": steps, "side": side, "variables": len(_NAMES), **_apart(_written, steps, side)} | {
        "zarr alone, one layout, cpu_s": _apart(_floor, steps, side)
    }


def _apart[R](measure: Callable[[int, int], R], steps: int, side: int) -> R:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(measure, steps, side).result()


def _written(steps: int, side: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        before = _peak()
        results: dict[str, Any] = {"whole cpu_s": _cpu(lambda: write_steps(_coverage(steps, side), home / "1"))}
        results["whole memory_mb"] = round(_peak() - before)
        results["files"] = sum(path.is_file() for path in (home / "1").rglob("*"))
        for label, count, former in (("an hour more", steps + 1, "1"), ("nothing more", steps + 1, "2")):
            target = home / str(int(former) + 1)
            results[f"{label} cpu_s"] = _cpu(
                lambda count=count, target=target, former=former: write_steps(
                    _coverage(count, side), target, home / former
                )
            )
        return results


def _floor(steps: int, side: int) -> float:
    with tempfile.TemporaryDirectory() as name:
        shape = {"shape": (steps, side, side), "chunks": (1, min(side, 256), min(side, 256))}
        arrays = {one: zarr.create_array(Path(name, one), dtype="f4", **shape) for one in _NAMES}

        def write() -> None:
            for block in _blocks(np.arange(steps), side):
                for one, array in arrays.items():
                    first, last = block["number"].values[[0, -1]]
                    array[first : last + 1] = block[one].values

        return _cpu(write)


def _coverage(steps: int, side: int) -> CubeSteps:
    times = np.datetime64("2026-06-01", "us") + np.arange(steps) * np.timedelta64(1, "h")
    prints = np.arange(steps, dtype=np.uint64)
    return CubeSteps(samples.coverage(), times, prints, lambda asked: (_only(block) for block in _blocks(asked, side)))


def _only(block: xr.Dataset) -> xr.Dataset:
    return block.drop_vars("number")


def _blocks(asked: NDArray[np.intp], side: int) -> Iterator[xr.Dataset]:
    """Yield fields that are smooth over the grid and differ from hour to hour."""
    axis = np.linspace(0, 3, side, dtype=np.float32)
    field = 20 + np.sin(axis)[:, None] * np.cos(2 * axis)
    for part in np.split(asked, range(BLOCK, asked.size, BLOCK)):
        values = field * (1 + 0.1 * np.sin(part / 24 * 2 * np.pi).astype(np.float32))[:, None, None]
        times = np.datetime64("2026-06-01", "us") + part * np.timedelta64(1, "h")
        coordinates = {
            "time": times,
            "number": ("time", part),
            "y": 50.0 * np.arange(side),
            "x": 50.0 * np.arange(side),
        }
        yield xr.Dataset(dict.fromkeys(_NAMES, (("time", "y", "x"), values)), coords=coordinates)


def _cpu(work: Callable[[], None]) -> float:
    started = time.process_time()
    work()
    return round(time.process_time() - started, 3)


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
