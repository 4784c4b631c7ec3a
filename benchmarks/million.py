"""A million buildings served on 4 GB: what loading takes, what stays resident, how long an answer takes.

The server's data segment is bounded by ``RLIMIT_DATA`` (private writable memory, setrlimit(2)), so that
more than 4 GB would be a fault of it, not a figure. Answers are checked against the table that was put in.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from benchmarks.served.buildings import collection
from benchmarks.served.load import Served, listen, served
from benchmarks.tiles3d import city
from twin.app import create_app
from twin.context import Twin
from twin.crs import CRS84, transform_geometry
from twin.settings import Server, Settings, StoreSettings
from twin.store.embedded import open_store
from twin.tables import feature_schema
from twin.testing import samples

BUILDINGS = 1_000_000
MEMORY = 4 << 30
_ASKED = 50
_ITEMS = f"/ogc/collections/{collection().id}/items"


def run(buildings: int = BUILDINGS) -> dict[str, Any]:
    """Return seconds to load, bytes resident and at the most, and milliseconds by the clock an answer."""
    table = city(buildings).select([field.name for field in feature_schema(collection().fields)])
    table = table.cast(feature_schema(collection().fields))
    with tempfile.TemporaryDirectory() as name:
        began = time.perf_counter()
        with closing(open_store(Path(name) / "var", samples.CRS)) as store:
            samples.put_features(store, table, collection=collection())
        figures: dict[str, Any] = {"buildings": buildings, "commit_seconds": round(time.perf_counter() - began, 1)}
        began = time.perf_counter()
        with served(sys.executable, "-m", "benchmarks.million", name) as server:
            figures["start_seconds"] = round(time.perf_counter() - began, 1)
            figures["first_page_seconds"] = round(_clock(server, [f"{_ITEMS}?limit=100"]) / 1000, 2)
            server.rest()
            figures["resident_bytes"] = server.resident()
            questions = _questions(table)
            for kind, asked in questions.items():
                figures[f"{kind}_ms"] = round(_clock(server, list(asked)), 2)
                for path, matched in list(asked.items())[:5]:
                    _check(server, path, matched)
            figures |= {"resident_bytes_after": server.resident(), "most_resident_bytes": server.most_resident()}
    return figures


def _questions(table: pa.Table) -> dict[str, dict[str, int | None]]:
    """Return addresses by kind, each with how many features match, or None for one feature."""
    random, count = np.random.default_rng(3), table.num_rows
    shapes = transform_geometry(shapely.from_wkb(table["geometry"].to_numpy()), samples.CRS, CRS84)
    west, south, east, north = shapely.total_bounds(shapes)
    corners = random.uniform((west, south), (east - 0.0043, north - 0.0031), (_ASKED, 2))
    boxes = [tuple(round(float(side), 5) for side in (x, y, x + 0.0043, y + 0.0031)) for x, y in corners]
    tree = shapely.STRtree(shapes)
    heights = [float(height) for height in np.linspace(20, 29, _ASKED).round(3)]
    taller = [pc.sum(pc.greater(table["height"], height)).as_py() or 0 for height in heights]
    filters = {quote(f"height > {height}"): matched for height, matched in zip(heights, taller, strict=True)}
    starts = random.integers(0, count - 1000, _ASKED)
    return {
        "limit_100": {f"{_ITEMS}?limit=100&offset={start}": count for start in starts},
        "limit_1000": {f"{_ITEMS}?limit=1000&offset={start}": count for start in starts},
        "bbox": {
            f"{_ITEMS}?limit=1000&bbox={','.join(map(str, box))}": len(
                tree.query(shapely.box(*box), predicate="intersects")
            )
            for box in boxes
        },
        "by_id": {f"{_ITEMS}/{one}": None for one in table["id"].take(pa.array(starts)).to_pylist()},
        "cql2": {f"{_ITEMS}?limit=100&filter={text}": matched for text, matched in filters.items()},
    }


def _clock(server: Served, paths: list[str]) -> float:
    """Return the median milliseconds of an answer, one after another."""
    taken = []
    for path in paths:
        began = time.perf_counter()
        server.client.get(path).raise_for_status()
        taken.append(1000 * (time.perf_counter() - began))
    return median(taken)


def _check(server: Served, path: str, matched: int | None) -> None:
    answer = server.client.get(path).json()
    if matched is not None and answer["numberMatched"] != matched:
        raise RuntimeError(f"{path} matches {answer['numberMatched']} features, and {matched} were put in.")
    if matched is None and answer["id"] != path.rpartition("/")[2]:
        raise RuntimeError(f"{path} gives {answer['id']}.")


def _serve(folder: Path) -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    settings = Settings(store=StoreSettings(folder=folder / "var"), server=Server(port=0))
    with closing(open_store(folder / "var", settings.city.crs)) as store:
        listen(create_app(Twin.over(settings, store)))


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
