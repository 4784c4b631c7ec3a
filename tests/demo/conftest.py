"""A small demo city, written once for all the tests of its files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely

from twin import demo

SCALE = 0.02


@dataclass(frozen=True)
class Layer:
    """One GeoPackage as read back: geometries and columns."""

    geometry: np.ndarray
    fields: dict[str, np.ndarray]

    def __getitem__(self, name: str) -> np.ndarray:
        return self.fields[name]

    def __len__(self) -> int:
        return len(self.geometry)


@dataclass(frozen=True)
class Written:
    """The folder of a written city, and short ways into it."""

    folder: Path

    def layer(self, name: str) -> Layer:
        return _layer(next(self.folder.glob(f"datasets/*/{name}.gpkg")))

    def series(self, name: str) -> pa.Table:
        return pq.read_table(self.folder / "datasets" / "measurements" / f"{name}.parquet")

    def values(self, name: str, observed_property: str) -> tuple[list[str], np.ndarray]:
        """Return the objects and their values ``(objects, hours)``, not-a-number where there is none."""
        table = self.series(name)
        kept = table.filter(pa.compute.equal(table["observed_property"], observed_property))
        objects, row = np.unique(kept["object_id"].to_numpy(), return_inverse=True)
        hour = (kept["time"].to_numpy() - np.datetime64("2026-07-01T00:00")) // np.timedelta64(1, "h")
        values = np.full((len(objects), 720), np.nan)
        values[row, hour.astype(int)] = kept["value"].to_numpy()
        return objects.tolist(), values

    @property
    def truth(self) -> dict[str, Any]:
        return json.loads((self.folder / "truth" / "truth.json").read_text("utf-8"))

    @property
    def fields(self) -> Any:
        return np.load(self.folder / "truth" / "temperature.npz")


@cache
def _layer(file: Path) -> Layer:
    meta, _, geometry, columns = pyogrio.raw.read(file)
    return Layer(shapely.from_wkb(geometry), dict(zip(meta["fields"].tolist(), columns, strict=True)))


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tmp_path_factory.mktemp("city")
    demo.write(folder, SCALE)
    return Written(folder)
