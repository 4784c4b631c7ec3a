"""The sources of the project pass the suite that is shipped for those of third parties."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from twin.errors import BadManifest
from twin.ingest.manifest import Manifest
from twin.ingest.table import TableSource
from twin.ingest.units import convert
from twin.ingest.vector import VectorSource
from twin.testing.source import SourceContract

from .samples import ORIGIN, features_entry, series_entry, squares, write_manifest, write_vector


class TestVectorSource(SourceContract):
    def source(self):
        return VectorSource()

    def dataset(self, folder):
        fields = {"name": np.array([f"n{k}" for k in range(40)], dtype=object)}
        parts = []
        for name in ("a.gpkg", "b.geojson", "c.fgb"):
            write_vector(folder / name, squares(), fields)
            features = {"collection": name[0] + "s", "id": {"position": 0.1}, "fields": {"name": "name"}}
            parts.append({"source": "vector", "files": [name], "features": features})
        return Manifest.load(write_manifest(folder, {f"{k}s": features_entry("Polygon") for k in "abc"}, parts))


class TestTableSource(SourceContract):
    def source(self):
        return TableSource()

    def dataset(self, folder):
        (folder / "a.csv").write_text(f"id,x,y\na,{ORIGIN[0]},{ORIGIN[1]}\nb,{ORIGIN[0]},{ORIGIN[1]}\n", "utf-8")
        times = pa.array(np.arange("2026-07-01", "2026-07-03", dtype="datetime64[h]").astype("datetime64[us]"))
        table = pa.table({"id": ["a", "b"] * 24, "t": times, "v": np.arange(48.0)})
        pq.write_table(pa.concat_tables([table, table.slice(0, 3)]), folder / "b.parquet")
        rule = {"collection": "observations", "object": {"collection": "things", "column": "id"}}
        rule |= {"time": {"column": "t", "zone": "UTC"}, "results": {"air_temperature": "v"}}
        place = {"collection": "things", "id": {"column": "id"}, "geometry": {"x": "x", "y": "y"}}
        parts = [
            {"source": "table", "files": ["a.csv"], "read": {"crs": "EPSG:2154"}, "features": place},
            {"source": "table", "files": ["b.parquet"], "series": rule},
        ]
        collections = {"things": features_entry(), "observations": series_entry("air_temperature")}
        return Manifest.load(write_manifest(folder, collections, parts))


@pytest.mark.parametrize(
    ("value", "source", "target", "want"),
    [
        (292.35, "K", "Cel", 19.2),
        (19.2, "Cel", "K", 292.35),
        (212, "[degF]", "Cel", 100),
        (101325, "Pa", "hPa", 1013.25),
        (36, "km/h", "m/s", 10),
        (1, "[kn_i]", "km/h", 1.852),
        (0.04, "mg/m3", "ug/m3", 40),
        (3.6, "MJ", "kW.h", 1),
        (0.5, "1", "%", 50),
    ],
)
def test_units_are_converted(value, source, target, want):
    assert convert(np.array([value, np.nan]), source, target)[0] == pytest.approx(want, abs=1e-9)
    assert convert(np.array([want]), target, source)[0] == pytest.approx(value, abs=1e-9)


def test_units_that_cannot_be_are_refused():
    with pytest.raises(BadManifest, match="is a length and 'Cel' a temperature"):
        convert(np.array([1.0]), "m", "Cel")
