"""EDR over a cube: CPU of position and cube against the floor, in one process.

The floor reads the right Zarr layout and dumps the float32 values with orjson, and nothing else: no
query, no axes, no parameters.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import shapely
import xarray as xr

from ogc_api.edr import Edr
from ogc_api.edr.coveragejson import encode
from ogc_api.edr.query import EdrQuery
from twin.context import Twin
from twin.crs import CRS84, BBox
from twin.errors import TooLarge
from twin.settings import Settings, StoreSettings
from twin.store.embedded import open_store
from twin.testing import samples
from twin.time import TimeSpan

STEPS, SIDE = 720, 400
_NAME = "built_fraction"
_CELL = 10.0


def run(steps: int = STEPS, side: int = SIDE, repeats: int = 20) -> dict[str, Any]:
    """Return, for each query, its CPU in milliseconds and over that of the floor; and that of a refusal."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder), samples.CRS)
        try:
            samples.put_cube(store, samples.cube(steps, rows=side, columns=side))
            twin = Twin.over(Settings(store=StoreSettings(folder=Path(folder))), store)
            return {"steps": steps, "side": side, **_measure(twin, side, repeats)}
        finally:
            store.close()


def _measure(twin: Twin, side: int, repeats: int) -> dict[str, Any]:
    edr = Edr(twin, "")
    principal = edr.principal
    collection = edr.collection(_NAME, "cube", principal)
    x, y = samples.ORIGIN
    instant = TimeSpan.at(datetime(2026, 7, 5, 3, tzinfo=UTC))
    cell = side // 3
    point = EdrQuery(crs=samples.CRS, parameters=(_NAME,), coords=shapely.Point(x + cell * _CELL, y + cell * _CELL))
    results: dict[str, Any] = {}
    with (
        twin.store.cubes.open(_NAME, principal, "series") as series,
        twin.store.cubes.open(_NAME, principal, "map") as maps,
    ):

        def compare(name: str, ours: Callable[[], bytes], floor: Callable[[], bytes]) -> None:
            mine, least = _cpu(ours, repeats), _cpu(floor, repeats)
            results[name] = {"ms": round(mine * 1e3, 2), "over_floor": round(mine / least, 2)}

        compare(
            "position",
            lambda: encode(edr.values("position", collection, point, principal)),
            lambda: _dump(series, (slice(None), cell, cell)),
        )
        for width in (side // 2, side):
            end = (width - 1) * _CELL
            box = BBox(xmin=x, ymin=y, xmax=x + end, ymax=y + end, crs=samples.CRS)
            for crs in (samples.CRS, CRS84):
                asked = EdrQuery(crs=crs, parameters=(_NAME,), time=instant, bbox=box.to(crs))
                compare(
                    f"cube {width} x {width} in {crs}",
                    lambda asked=asked: encode(edr.values("cube", collection, asked, principal)),
                    lambda width=width: _dump(maps, (99, slice(width), slice(width))),
                )
    everything = EdrQuery(
        crs=samples.CRS, parameters=(_NAME,), bbox=BBox(xmin=0, ymin=0, xmax=1e7, ymax=1e7, crs=samples.CRS)
    )
    results["refusal_ms"] = round(_cpu(lambda: _refused(edr, everything), repeats) * 1e3, 3)
    edr.close()
    return results


def _dump(dataset: xr.Dataset, window: tuple[Any, ...]) -> bytes:
    values = np.ascontiguousarray(dataset[_NAME][window].values).ravel()
    return orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY)


def _refused(edr: Edr, query: EdrQuery) -> bytes:
    try:
        edr.values("cube", edr.collection(_NAME, "cube", edr.principal), query, edr.principal)
    except TooLarge as error:
        return str(error).encode()
    raise AssertionError("a cube past the bound was answered")


def _cpu(work: Callable[[], bytes], repeats: int) -> float:
    work()
    started = time.process_time()
    for _ in range(repeats):
        work()
    return (time.process_time() - started) / repeats


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
