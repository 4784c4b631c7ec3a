"""Runs: recorded, repeated only when something changed, and all or nothing."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xarray as xr
from pydantic import BaseModel, ConfigDict

from twin import pipeline, registry
from twin.app import open_twin
from twin.errors import BadData, BadInput, BadManifest, DoesNotApply, NotFound
from twin.model import Kind, Text
from twin.products import Cube, CubeSteps, Features, Series
from twin.settings import Settings, StoreSettings
from twin.store import OPERATOR, FeatureQuery
from twin.tables import DATASTREAM_FIELDS, OBSERVATION_SCHEMA, feature_schema
from twin.testing import samples as shipped

from .samples import features_entry, series_entry, squares, write_manifest, write_vector


def buildings(folder, count=10, then=None, **more):
    write_vector(folder / "a.shp", squares(count), {"name": np.array([f"n{k}" for k in range(count)], dtype=object)})
    features = {"collection": "buildings", "id": {"column": "name"}, "fields": {"name": "name"}}
    part = {"source": "vector", "files": ["*.shp"], "features": features} | more
    entries = {"buildings": features_entry("Polygon"), "points": features_entry()}
    return write_manifest(folder, entries, [part, then] if then else [part])


def test_a_run_is_recorded_with_what_it_was_made_of(bench):
    report = pipeline.ingest(bench.twin, buildings(bench.folder))
    [run] = bench.twin.store.catalogue.runs("sample")
    assert (run.id, run.kind, run.rows, run.quarantined) == (report.run, "ingest", 10, 0)
    assert set(run.inputs) == {"manifest.yml", "a.shp", "a.dbf", "a.shx", "a.prj", "a.cpg"}
    assert run.finished is not None
    assert run.finished >= run.started
    assert run.version


def test_nothing_changed_nothing_done(bench):
    path = buildings(bench.folder)
    pipeline.ingest(bench.twin, path)
    report = pipeline.ingest(bench.twin, path.parent)  # the folder will do as well
    assert report.run is None
    assert report.lines() == ["sample: nothing has changed since the last run, nothing to do."]
    assert len(bench.twin.store.catalogue.runs("sample")) == 1


def test_an_edit_stands_and_the_report_says_so(bench):
    path = buildings(bench.folder)
    pipeline.ingest(bench.twin, path)
    row = {found["id"]: found["row"] for found in bench.features("buildings").to_pylist()}["n3"]
    shipped.put_edit(bench.twin.store, "n3", row, None)
    write_vector(bench.folder / "a.shp", squares(11), {"name": np.array([f"n{k}" for k in range(11)], dtype=object)})
    report = pipeline.ingest(bench.twin, path)
    assert any("1 object of buildings" in note and "the edits stand" in note for note in report.notes), report.notes
    assert bench.twin.store.features.deleted("buildings", OPERATOR) == ("n3",)


def test_a_sidecar_of_a_shapefile_is_an_input(bench):
    path = buildings(bench.folder)
    pipeline.ingest(bench.twin, path)
    write_vector(bench.folder / "a.shp", squares(10), {"name": np.array(["n0"] + [f"m{k}" for k in range(9)], object)})
    assert pipeline.ingest(bench.twin, path).changed == ("buildings",)
    assert "m3" in bench.features("buildings")["id"].to_pylist()
    assert "n3" not in bench.features("buildings")["id"].to_pylist()


def test_files_of_one_name_in_two_folders_are_two_inputs(bench):
    for folder in ("a", "b"):
        (bench.folder / folder).mkdir()
        (bench.folder / folder / "x.csv").write_text(f"id,x,y\n{folder},770000,6279000\n", "utf-8")
    rule = {"collection": "points", "id": {"column": "id"}, "geometry": {"x": "x", "y": "y"}}
    part = {"source": "table", "files": ["*/x.csv"], "read": {"crs": "EPSG:2154"}, "features": rule}
    path = write_manifest(bench.folder, {"points": features_entry()}, [part])
    pipeline.ingest(bench.twin, path)
    assert set(bench.twin.store.catalogue.runs("sample")[0].inputs) == {"manifest.yml", "a/x.csv", "b/x.csv"}
    (bench.folder / "a" / "x.csv").write_text("id,x,y\nc,770000,6279000\n", "utf-8")
    pipeline.ingest(bench.twin, path)
    assert set(bench.features("points")["id"].to_pylist()) == {"b", "c"}


def test_what_was_removed_comes_back_when_asked_again(bench):
    path = buildings(bench.folder)
    pipeline.ingest(bench.twin, path)
    bench.twin.store.remove("buildings")
    assert pipeline.ingest(bench.twin, path).run is not None
    assert bench.collection("buildings").count == 10


def test_a_dry_run_reads_everything_and_changes_nothing(bench):
    report = pipeline.ingest(bench.twin, buildings(bench.folder), dry_run=True)
    assert (report.rows, report.revision) == ({"buildings": 10}, None)
    assert "nothing committed" in report.lines()[0]
    assert bench.names() == []
    assert bench.twin.store.catalogue.runs() == []
    assert list((bench.twin.settings.store.folder / "staging").iterdir()) == []


def test_a_fault_in_the_last_part_commits_none_of_the_first(bench):
    (bench.folder / "b.parquet").write_bytes(b"damaged")
    points = {"collection": "points", "id": {"column": "name"}, "geometry": {"x": "x", "y": "y"}}
    second = {"source": "table", "files": ["b.parquet"], "read": {"crs": "EPSG:2154"}, "features": points}
    path = buildings(bench.folder, then=second)
    with pytest.raises(BadData, match=r"b\.parquet cannot be read as Parquet"):
        pipeline.ingest(bench.twin, path)
    assert bench.names() == []
    assert list((bench.twin.settings.store.folder / "staging").iterdir()) == []


def test_files_come_from_the_data_folder_first_then_from_beside_the_manifest(tmp_path):
    beside, data = tmp_path / "beside", tmp_path / "data"
    for folder in (beside, data):
        folder.mkdir()
    path = buildings(beside)
    settings = Settings(store=StoreSettings(folder=tmp_path / "var"), data=data)
    with open_twin(settings) as twin:
        assert pipeline.ingest(twin, path).rows == {"buildings": 10}
        buildings(data, count=7)
        assert pipeline.ingest(twin, path).rows == {"buildings": 7}
        with pytest.raises(BadManifest, match=r"no file 'absent_\*\.gpkg' in"):
            pipeline.ingest(twin, buildings(beside, files=["absent_*.gpkg"]))


def test_a_link_out_of_the_data_folder_is_not_followed(bench):
    outside = bench.folder.parent / f"{bench.folder.name}-outside"
    outside.mkdir()
    buildings(outside)
    inside = bench.folder / "inside"
    inside.mkdir()
    path = buildings(inside)
    for file in inside.glob("a.*"):
        file.unlink()
    (inside / "a.shp").symlink_to(outside / "a.shp")
    with pytest.raises(BadManifest, match="leads out of"):
        pipeline.ingest(bench.twin, path)


def test_an_unknown_source_lists_those_there_are(bench):
    with pytest.raises(NotFound, match=r"no source called 'oracle'; there are: .*table, vector"):
        pipeline.ingest(bench.twin, buildings(bench.folder, source="oracle"))


def test_progress_is_told(bench):
    told = []
    pipeline.ingest(bench.twin, buildings(bench.folder), progress=lambda *step: told.append(step))
    assert ("sample: buildings", 10, 0) in told
    assert told[-1] == ("sample: commit", 10, 10)


def test_the_finest_period_reaches_the_catalogue(bench):
    (bench.folder / "m.csv").write_text("id,t,kwh\nn1,2026-07-01T00:00:00Z,12\n", "utf-8")
    meters = {"source": "table", "files": ["m.csv"]}
    meters["series"] = {
        "collection": "meters",
        "object": {"collection": "buildings", "column": "id"},
        "time": {"column": "t"},
        "results": {"electricity": "kwh"},
    }
    path = buildings(bench.folder)
    entries = {"buildings": features_entry("Polygon"), "meters": series_entry("electricity") | {"finest_period": "P1D"}}
    pipeline.ingest(bench.twin, path)
    pipeline.ingest(bench.twin, write_manifest(bench.folder, {"meters": entries["meters"]}, [meters], dataset="meters"))
    assert bench.collection("meters").finest_period == "P1D"
    [stream] = bench.features("datastreams").to_pylist()  # its object came with another dataset
    assert stream["name"] == "n1, Consommation d'électricité"

    other = write_manifest(bench.folder, {"meters": series_entry("electricity")}, [meters], dataset="other")
    with pytest.raises(BadInput, match="meters may not be published finer than P1D, say meters: other must say"):
        pipeline.ingest(bench.twin, other)
    assert bench.collection("meters").finest_period == "P1D"


class Parameters(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    threshold: float = 1.0


class Copies:
    """A layer that gives one product of each kind, and fails when told to."""

    name = "copies"
    title = Text(fr="Copies", en="Copies")
    version = "1"
    parameters = Parameters

    def inputs(self, parameters):
        return ("buildings",)

    def derive(self, twin, parameters):
        source = twin.store.catalogue.collection("buildings", OPERATOR)
        rows = twin.store.features.read(FeatureQuery(collection="buildings"), OPERATOR).read_all()
        schema = feature_schema(source.fields)
        kept = rows.select(schema.names).cast(schema).slice(0, int(parameters.threshold))
        copies = source.model_copy(update={"id": "copies", "sources": (), "revision": 0, "extent": None})
        yield Features(copies, kept.to_batches())
        series = shipped.series("copied")
        streams = pa.Table.from_pylist(
            [
                {"id": f"{row['id']}.air_temperature", "timeseries": "copied", "object_collection": "buildings",
                 "object_id": row["id"], "observed_property": "air_temperature", "unit": "Cel"}
                for row in kept.to_pylist()
            ],
            schema=feature_schema(DATASTREAM_FIELDS),
        )  # fmt: skip
        values = [
            {
                "datastream": name,
                "phenomenon_time": shipped.START,
                "result_time": shipped.START,
                "result": 99.0,
                "quality": 0,
            }
            for name in streams["id"].to_pylist()
        ]
        yield Series(series, streams, pa.Table.from_pylist(values, schema=OBSERVATION_SCHEMA).to_batches())
        if parameters.threshold > 5:
            raise DoesNotApply("too many")
        grid = xr.Dataset({"air_temperature": (("y", "x"), np.ones((2, 3)))}, {"x": [0.5, 1.5, 2.5], "y": [0.5, 1.5]})
        yield Cube(series.model_copy(update={"id": "grid", "kind": Kind.COVERAGE}), grid)


@pytest.fixture
def derive(bench, monkeypatch):
    """Plug the layer in for the test, and derive it."""
    load = registry.load
    monkeypatch.setattr(
        registry,
        "load",
        lambda group, name: Copies if (group, name) == (registry.LAYERS, "copies") else load(group, name),
    )
    return lambda **parameters: pipeline.derive(bench.twin, "copies", parameters)


def test_a_layer_is_derived_replaced_and_left_when_nothing_changed(bench, derive):
    pipeline.ingest(bench.twin, buildings(bench.folder))
    report = derive(threshold=3)
    assert report.rows == {"copies": 3, "copied": 3, "grid": 6}
    assert set(bench.observations("copied")["quality"].to_pylist()) == {0}  # what is derived is not tested as measured
    assert None not in bench.features("datastreams")["geometry"].to_pylist()
    assert derive(threshold=3).run is None
    assert derive(threshold=2).rows["copied"] == 2
    assert bench.observations("copied").num_rows == 2  # the former series is gone, not mixed in
    assert bench.collection("copies").count == 2
    pipeline.ingest(bench.twin, buildings(bench.folder, count=12))
    assert derive(threshold=2).run is not None  # its input has a new revision
    with bench.twin.store.cubes.open("grid", OPERATOR) as cube:
        assert cube["air_temperature"].shape == (2, 3)


class HourParameters(BaseModel):
    values: list[float] = []
    note: str = ""


class Hours:
    """Derives one map an hour, whose value is the hour's, and remembers which hours it was asked for."""

    name = "hours"
    title = Text(fr="Heures", en="Hours")
    version = "1"
    parameters = HourParameters
    asked: ClassVar[list[int]] = []

    def inputs(self, parameters):
        return ("buildings",)

    def derive(self, twin, parameters):
        given = np.array(parameters.values)
        times = np.datetime64("2026-07-01", "us") + np.arange(given.size) * np.timedelta64(1, "h")

        def compute(asked):
            for step in asked:
                self.asked.append(int(step))
                data = {"air_temperature": (("time", "y", "x"), np.full((1, 2, 3), given[step], "f4"))}
                yield xr.Dataset(data, {"time": times[[step]], "y": [0.5, 1.5], "x": [0.5, 1.5, 2.5]})

        series = shipped.series("hours")
        yield CubeSteps(series.model_copy(update={"kind": Kind.COVERAGE}), times, given.view(np.uint64), compute)


def test_an_hour_that_is_added_costs_an_hour(bench, monkeypatch):
    load = registry.load
    monkeypatch.setattr(
        registry,
        "load",
        lambda group, name: Hours if (group, name) == (registry.LAYERS, "hours") else load(group, name),
    )
    monkeypatch.setattr(Hours, "asked", [])

    def derive(note="", *values):
        Hours.asked.clear()
        return pipeline.derive(bench.twin, "hours", {"values": values, "note": note})

    assert derive("first", 20.0, 21.0, 22.0).rows == {"hours": 18}
    revision = bench.collection("hours").revision
    again = derive("the same inputs, told otherwise", 20.0, 21.0, 22.0)
    assert Hours.asked == []
    assert again.changed == ()
    assert again.rows == {"hours": 0}
    assert bench.collection("hours").revision == revision
    assert derive("one is corrected, one is added", 20.0, 21.5, 22.0, 23.0).changed == ("hours",)
    assert Hours.asked == [1, 3]
    for layout in ("map", "series"):
        with bench.twin.store.cubes.open("hours", OPERATOR, layout) as cube:
            assert cube["air_temperature"].values[:, 1, 2].tolist() == [20.0, 21.5, 22.0, 23.0]
    assert bench.collection("hours").count == 24


def test_a_layer_that_fails_half_way_leaves_nothing(bench, derive):
    pipeline.ingest(bench.twin, buildings(bench.folder))
    with pytest.raises(DoesNotApply, match="too many"):
        derive(threshold=6)
    assert bench.names() == ["buildings"]


def test_a_parameter_that_cannot_be_used_is_named(bench, derive):
    with pytest.raises(BadInput, match=r"layer copies, parameter threshold: .* \(got 'high'\)"):
        derive(threshold="high")
    with pytest.raises(BadInput, match="layer copies, parameter limit"):
        derive(limit=1)


def test_many_rows_pass_in_bounded_batches(bench):
    hours = np.arange("2026-01-01", "2026-07-01", dtype="datetime64[h]").astype("datetime64[us]")
    table = pa.table({"id": ["n1"] * len(hours), "t": hours, "kwh": np.arange(len(hours)) % 97})
    with pq.ParquetWriter(bench.folder / "m.parquet", table.schema) as writer:
        for k in range(40):
            writer.write_table(table.set_column(0, "id", pa.array([f"n{k}"] * len(hours))))
    part = {"source": "table", "files": ["m.parquet"]}
    part["series"] = {
        "collection": "meters",
        "object": {"collection": "buildings", "column": "id"},
        "time": {"column": "t", "zone": "UTC"},
        "results": {"electricity": "kwh"},
    }
    pipeline.ingest(bench.twin, buildings(bench.folder, 40))
    manifest = write_manifest(bench.folder, {"meters": series_entry("electricity")}, [part], dataset="meters")
    assert pipeline.ingest(bench.twin, manifest).rows == {"meters": 40 * len(hours)}
    assert bench.collection("meters").count == 40 * len(hours)
