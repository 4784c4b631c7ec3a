"""A station that moves, or whose number another takes: what becomes of its place and of what it measured."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import shapely

from twin import pipeline

from .samples import ORIGIN, features_entry, series_entry, write_manifest

HERE, THERE = (ORIGIN[0], ORIGIN[1]), (ORIGIN[0] + 3000, ORIGIN[1])
HEADER = "number,name,x,y,since\n"
STREAM = "13.air_temperature"


@pytest.fixture
def read(bench):
    """Return a function that reads a list of stations, each line of its file, and hours of station 13."""

    def run(stations, hours, since=False):
        (bench.folder / "stations.csv").write_text(HEADER + "".join(f"{line}\n" for line in stations), "utf-8")
        lines = "".join(f"13,2026-07-{day:02}T00:00:00Z,{value}\n" for day, value in hours)
        (bench.folder / "hours.csv").write_text("number,time,temperature\n" + lines, "utf-8")
        features = {
            "collection": "stations",
            "id": {"column": "number"},
            "geometry": {"x": "x", "y": "y"},
            "fields": {"name": "name"},
        }
        if since:
            features["valid_from"] = {"column": "since"}
        series = {
            "collection": "observations",
            "object": {"collection": "stations", "column": "number"},
            "time": {"column": "time"},
            "results": {"air_temperature": "temperature"},
        }
        parts = [
            {"source": "table", "files": ["stations.csv"], "read": {"crs": "EPSG:2154"}, "features": features},
            {"source": "table", "files": ["hours.csv"], "series": series},
        ]
        entries = {"stations": features_entry(), "observations": series_entry("air_temperature")}
        return pipeline.ingest(bench.twin, write_manifest(bench.folder, entries, parts))

    return run


def place(row):
    point = shapely.from_wkb(row["geometry"])
    return point.x, point.y


def noted(report):
    return [note for note in report.notes if "stand elsewhere" in note]


def test_a_number_that_another_station_takes_is_noticed(bench, read):
    """Without dates nobody can tell a station that moved from another one: the series goes on, and that is said."""
    assert noted(read([f"13,Old,{HERE[0]},{HERE[1]},"], [(1, 20.0)])) == []
    report = read([f"13,New,{THERE[0]},{THERE[1]},"], [(9, 25.0)])
    (note,) = noted(report)
    assert note.startswith("observations: 1 of the objects stand elsewhere than they did (13: 3,000 m away)")
    assert f"  note: {note}" in report.lines()
    rows = bench.observations(joined=True).to_pylist()
    assert [(row["datastream"], row["result"], place(row)) for row in rows] == [
        (STREAM, 20.0, THERE), (STREAM, 25.0, THERE),
    ]  # fmt: skip


def test_a_new_survey_is_no_move(bench, read):
    read([f"13,Old,{HERE[0]},{HERE[1]},"], [(1, 20.0)])
    assert noted(read([f"13,Old,{HERE[0] + 80},{HERE[1]},"], [(2, 21.0)])) == []
    assert noted(read([f"13,Old,{HERE[0] + 80},{HERE[1]},"], [(3, 22.0)])) == []


@pytest.mark.parametrize("newest", [0, 1])
def test_of_a_station_with_dates_the_series_stands_where_the_last_version_does(bench, read, newest):
    """Whatever the order of the file; each version of the station itself keeps its place."""
    old, new = f"13,Old,{HERE[0]},{HERE[1]},2020-01-01T00:00:00Z", f"13,New,{THERE[0]},{THERE[1]},2026-07-05T00:00:00Z"
    read([old], [(1, 20.0)], since=True)
    report = read([new, old] if newest == 0 else [old, new], [(9, 25.0)], since=True)
    assert len(noted(report)) == 1
    versions = {row["name"]: place(row) for row in bench.features("stations").to_pylist()}
    assert versions == {"Old": HERE, "New": THERE}
    (stream,) = bench.features("datastreams").to_pylist()
    assert (place(stream), stream["name"]) == (THERE, "New, Température de l'air")
    assert stream["valid_from"] == datetime(2020, 1, 1, tzinfo=UTC)


def test_ids_that_tell_them_apart_keep_each_in_its_place(bench, read):
    read([f"13,Old,{HERE[0]},{HERE[1]},"], [(1, 20.0)])
    both = [f"13,Old,{HERE[0]},{HERE[1]},", f"13-bis,New,{THERE[0]},{THERE[1]},"]
    assert noted(read(both, [(2, 21.0)])) == []
    assert {place(row) for row in bench.observations(joined=True).to_pylist()} == {HERE}
