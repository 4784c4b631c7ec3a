"""Tables: CSV, Parquet and JSON; values, units, zones and missing texts; what is wrong is told by its row."""

from __future__ import annotations

import csv
from datetime import UTC, datetime

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from twin import pipeline
from twin.errors import BadData, BadManifest
from twin.tables import Quality

from .samples import features_entry, series_entry, text, write_manifest

STATIONS = "id;x;y;nom\ns1;770000;6279000;Hôtel de Ville\ns2;770100,5;6279000;  Place  \n"
STATION_PART = {
    "source": "table",
    "files": ["stations.csv"],
    "read": {"delimiter": ";", "decimal": ",", "crs": "EPSG:2154"},
    "features": {
        "collection": "stations",
        "id": {"column": "id"},
        "geometry": {"x": "x", "y": "y"},
        "fields": {"name": "nom"},
    },
}


def series_part(name, **series):
    rule = {
        "collection": "observations",
        "object": {"collection": "stations", "column": "id"},
        "time": {"column": "t", "zone": "Europe/Paris"},
        "results": {"air_temperature": {"column": "temp", "unit": "K"}, "relative_humidity": "hum"},
    }
    read = series.pop("read", {})
    rule = {key: value for key, value in (rule | series).items() if value is not None}
    return {"source": "table", "files": [name], "read": read, "series": rule}


def ingest(bench, *parts, **collections):
    (bench.folder / "stations.csv").write_text(STATIONS, "utf-8")
    entries = {
        "stations": features_entry(),
        "observations": series_entry("air_temperature", "relative_humidity", "no2"),
    } | collections
    return pipeline.ingest(bench.twin, write_manifest(bench.folder, entries, [STATION_PART, *parts]))


def quarantined(report):
    with report.quarantine.open(encoding="utf-8", newline="") as file:
        return {(int(row["row"]), row["field"], row["value"]): row["reason"] for row in csv.DictReader(file)}


WIDE = [
    {"id": "s1", "t": "2026-07-01 12:00", "temp": 300.15, "hum": 40},
    {"id": "s1", "t": "2026-07-01 13:00", "temp": 301.15, "hum": None},
    {"id": "s2", "t": "2026-07-01 12:00", "temp": 299.15, "hum": 45},
]


def write_csv(path, records, encoding="utf-8", bom=b"", delimiter=","):
    lines = [delimiter.join(records[0])]
    lines += [delimiter.join("" if value is None else str(value) for value in row.values()) for row in records]
    path.write_bytes(bom + "\n".join(lines).encode(encoding))


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.json"])
def test_the_same_observations_from_every_format(bench, name):
    path = bench.folder / name
    if name == "a.csv":
        write_csv(path, WIDE, bom=b"\xef\xbb\xbf")
    elif name == "a.parquet":
        pq.write_table(pa.Table.from_pylist(WIDE), path)
    else:
        path.write_bytes(orjson.dumps(WIDE))
    report = ingest(bench, series_part(name))
    assert report.rows == {"stations": 2, "observations": 5}
    assert any("1 empty values" in note for note in report.notes)
    rows = {(row["datastream"], row["phenomenon_time"]): row["result"] for row in bench.observations().to_pylist()}
    noon = datetime(2026, 7, 1, 10, tzinfo=UTC)  # 12:00 in Paris
    assert rows["s1.air_temperature", noon] == 27.0
    assert rows["s1.air_temperature", noon.replace(hour=11)] == 28.0
    assert rows["s2.relative_humidity", noon] == 45.0
    stream = bench.features("datastreams", ids=("s2.air_temperature",)).to_pylist()[0]
    assert stream["name"] == "Place, Température de l'air"
    assert (stream["object_collection"], stream["object_id"], stream["unit"]) == ("stations", "s2", "Cel")
    assert stream["geometry"] == bench.features("stations", ids=("s2",))["geometry"][0].as_py()


def test_long_form_with_units_quality_and_corrections(bench):
    rows = [
        dict(zip(("id", "t", "what", "v", "u", "ok", "seen"), line.split(), strict=True))
        for line in (
            "s1 2026-07-01T10:00:00Z NO2 0,05 mg t 2026-07-01T10:05Z",
            "s1 2026-07-01T11:00:00Z NO2 -1,5 ug f 2026-07-01T11:05Z",
            "s1 2026-07-01T12:00:00Z NO2 9 ug t 2026-07-01T12:05Z",
            "s1 2026-07-01T12:00:00Z NO2 8 ug t 2026-07-02T12:05Z",
            "s1 2026-07-01T13:00:00Z NO2 7 ug t 2026-07-01T13:05Z",
            "s1 2026-07-01T13:00:00Z NO2 7 ug t 2026-07-01T13:05Z",
            "s1 2026-07-01T14:00:00Z NO2 6 ug t 2026-07-01T14:05Z",
            "s1 2026-07-01T14:00:00Z NO2 5 ug t 2026-07-01T14:05Z",
            "s1 2026-07-01T15:00:00Z XX 5 ug t 2026-07-01T15:05Z",
            "s1 2026-07-01T16:00:00Z NO2 5 - t 2026-07-01T15:05Z",
        )
    ]
    write_csv(bench.folder / "a.csv", rows, delimiter=";")
    part = series_part(
        "a.csv",
        results=None,
        time={"column": "t", "result_time": {"column": "seen"}},
        property={"column": "what", "map": {"NO2": "no2"}},
        result={"column": "v", "unit_column": "u", "unit_map": {"ug": "ug/m3", "mg": "mg/m3"}},
        quality={"column": "ok", "good": ["t"]},
        read={"delimiter": ";", "decimal": ",", "missing": ["", "-"]},
    )
    report = ingest(bench, part)
    got = {row["phenomenon_time"].hour: row for row in bench.observations().to_pylist()}
    assert {hour: row["result"] for hour, row in got.items()} == {10: 50.0, 11: -1.5, 12: 8.0, 13: 7.0, 14: 6.0}
    assert got[11]["quality"] == Quality.PRODUCER
    assert got[11]["quality_reason"] == "producer: ok = f"
    reasons = quarantined(report)
    assert "later result time" in reasons[3, "result", "9.0"]
    assert "row 7 gives another value" in reasons[8, "result", "5.0"]
    assert "map does not list" in reasons[9, "property", "XX"]
    assert "no unit" in reasons[10, "unit", ""]
    assert report.quarantined == len(reasons) == 4
    assert any("1 values repeat" in note for note in report.notes)


def test_a_bad_value_is_told_with_its_row_and_the_rest_is_kept(bench):
    rows = [*WIDE, {"id": "s1", "t": "2026-07-01 14:00", "temp": "hot", "hum": 40}]
    rows += [{"id": None, "t": "2026-07-01 14:00", "temp": 300, "hum": 40}, WIDE[0] | {"t": "2026-13-01 14:00"}]
    write_csv(bench.folder / "a.csv", rows)
    report = ingest(bench, series_part("a.csv"))
    assert report.rows["observations"] == 6
    reasons = quarantined(report)
    assert reasons[4, "air_temperature", "hot"] == "this is not a number"
    assert "the column id is empty" in reasons[5, "object", ""]
    assert "ISO 8601" in reasons[6, "phenomenon_time", "2026-13-01 14:00"]
    assert report.quarantined == 3
    assert "quarantined: 3 rows" in "\n".join(report.lines())


def test_a_ragged_row_is_told(bench):
    lines = ["written by a logger", "id,t,temp,hum", "s1,2026-07-01 12:00,300,40", "s1,2026-07-01 13:00,300"]
    lines += ["s1,2026-07-01 14:00,hot,42"]
    (bench.folder / "a.csv").write_text("\n".join(lines), "utf-8")
    report = ingest(bench, series_part("a.csv", read={"skip_rows": 1}))
    assert report.rows["observations"] == 3
    reasons = quarantined(report)
    assert reasons[2, "", "s1,2026-07-01 13:00,300"] == "this row has 3 columns, not 4"
    assert reasons[3, "air_temperature", "hot"] == "this is not a number"


def test_hours_that_clocks_skip_or_repeat(bench):
    rows = [
        {"id": "s1", "t": "2026-10-25 02:30", "temp": 290, "hum": 1},  # twice
        {"id": "s1", "t": "2026-03-29 02:30", "temp": 291, "hum": 2},  # never
        {"id": "s1", "t": "2026-10-25 03:30", "temp": 292, "hum": 3},
    ]
    write_csv(bench.folder / "a.csv", rows)
    report = ingest(bench, series_part("a.csv"))
    assert (report.rows["observations"], report.quarantined) == (2, 2)
    zone = {"column": "t", "zone": "Europe/Paris", "ambiguous": "latest"}
    report = ingest(bench, series_part("a.csv", time=zone))
    assert (report.rows["observations"], report.quarantined) == (4, 1)
    times = bench.observations(observed_properties=("relative_humidity",))["phenomenon_time"].to_pylist()
    assert times == [datetime(2026, 10, 25, 1, 30, tzinfo=UTC), datetime(2026, 10, 25, 2, 30, tzinfo=UTC)]


DAYS = [
    "id;day;hour;NO2",
    ";;;microg/m3",
    "s1;28/02/2024;24;10",  # 29 February 00:00: a leap day
    "s1;29/02/2024;24;11",
    "s1;31/12/2024;24;12",
    "s1;31/12/2024;0;13",
    "s1;31/12/2024;25;14",
    "s1;31/12/2024;;15",
    "s1;31/13/2024;3;16",
    "s1;31/12/2024;3",
    "s1;31/12/2024;2.5;17",
    "s1;31/12/2024;4;n/d",
]
DAY = {"column": "day", "format": "%d/%m/%Y", "hour": "hour", "zone": "UTC"}
NO2 = {"no2": {"column": "NO2", "unit": "ug/m3"}}


def day_part(read=None, **more):
    read = {"delimiter": ";", "missing": ["n/d"], "units": {"NO2": "microg/m3"}} | (read or {})
    return series_part("a.csv", read=read, **{"time": DAY, "results": NO2} | more)


def test_a_date_and_an_hour_of_1_to_24_below_a_line_of_units(bench):
    (bench.folder / "a.csv").write_text("\n".join(DAYS), "utf-8")
    report = ingest(bench, day_part())
    rows = bench.observations()
    got = dict(zip(rows["phenomenon_time"].to_pylist(), rows["result"].to_pylist(), strict=True))
    assert got == {
        datetime(2024, 2, 29, tzinfo=UTC): 10,
        datetime(2024, 3, 1, tzinfo=UTC): 11,
        datetime(2024, 12, 31, tzinfo=UTC): 13,
        datetime(2025, 1, 1, tzinfo=UTC): 12,
    }
    reasons = quarantined(report)
    why = "this is not a date and an hour from 0 to 24"
    assert reasons[5, "phenomenon_time", "31/12/2024 25"] == why
    assert reasons[6, "phenomenon_time", "31/12/2024"] == why
    assert reasons[7, "phenomenon_time", "31/13/2024 3"] == why
    assert reasons[8, "", "s1;31/12/2024;3"] == "this row has 3 columns, not 4"
    assert reasons[9, "phenomenon_time", "31/12/2024 2.5"] == why
    assert report.quarantined == len(reasons) == 5


def test_an_hour_of_a_zone_follows_its_clocks(bench):
    lines = ["id;day;hour;NO2", "s1;31/03/2024;2;1", "s1;31/03/2024;3;2", "s1;27/10/2024;2;3", "s1;27/10/2024;24;4"]
    (bench.folder / "a.csv").write_text("\n".join(lines), "utf-8")
    paris = DAY | {"zone": "Europe/Paris"}
    report = ingest(bench, day_part(read={"units": {}}, time=paris))
    assert report.quarantined == 2  # 31 March 02:00 is skipped, 27 October 02:00 comes twice
    times = bench.observations()["phenomenon_time"].to_pylist()
    assert times == [datetime(2024, 3, 31, 1, tzinfo=UTC), datetime(2024, 10, 27, 23, tzinfo=UTC)]
    with pytest.raises(BadManifest, match="an hour needs the column of its date, and their zone"):
        ingest(bench, day_part(time={key: value for key, value in DAY.items() if key != "zone"}))


def test_the_line_of_units_must_say_what_the_manifest_says(bench):
    (bench.folder / "a.csv").write_text("\n".join(DAYS), "utf-8")
    with pytest.raises(BadData, match=r"gives 'microg/m3' as the unit of 'NO2', where read\.units of the manifest has"):
        ingest(bench, day_part(read={"units": {"NO2": "ppb"}}))
    with pytest.raises(BadData, match="gives '' as the unit of 'O3'"):
        ingest(bench, day_part(read={"units": {"NO2": "microg/m3", "O3": "microg/m3"}}))


def test_a_time_that_starts_a_period_is_brought_to_its_end(bench):
    write_csv(bench.folder / "a.csv", WIDE[:1])
    ingest(bench, series_part("a.csv", time={"column": "t", "zone": "UTC", "lasts": "PT1H"}))
    assert set(bench.observations()["phenomenon_time"].to_pylist()) == {datetime(2026, 7, 1, 13, tzinfo=UTC)}
    with pytest.raises(BadManifest, match=r"lasts: .* greater than 0"):
        ingest(bench, series_part("a.csv", time={"column": "t", "zone": "UTC", "lasts": "-PT1H"}))


def test_columns_may_lie_within_each_record(bench):
    (bench.folder / "a.json").write_bytes(orjson.dumps([{"id": 1, "fields": row} for row in WIDE]))
    assert ingest(bench, series_part("a.json", read={"record": "fields"})).rows["observations"] == 5
    with pytest.raises(BadData, match=r"a record has no columns under 'row', which read\.record names"):
        ingest(bench, series_part("a.json", read={"record": "row"}))


def test_times_without_a_zone_must_have_one_declared(bench):
    write_csv(bench.folder / "a.csv", WIDE)
    with pytest.raises(BadManifest, match=r"a\.csv, column 't': times without an offset; declare their zone"):
        ingest(bench, series_part("a.csv", time={"column": "t"}))


def test_units_that_measure_different_things_are_refused(bench):
    write_csv(bench.folder / "a.csv", WIDE)
    with pytest.raises(BadManifest, match="'hPa' is a pressure and 'Cel' a temperature"):
        ingest(bench, series_part("a.csv", results={"air_temperature": {"column": "temp", "unit": "hPa"}}))
    with pytest.raises(BadManifest, match="unit 'Kelvins' cannot be converted; known UCUM units"):
        ingest(bench, series_part("a.csv", results={"air_temperature": {"column": "temp", "unit": "Kelvins"}}))


def test_a_series_of_an_unknown_object_is_told(bench):
    write_csv(bench.folder / "a.csv", [*WIDE, WIDE[0] | {"id": "s9"}])
    report = ingest(bench, series_part("a.csv"))
    assert report.rows["observations"] == 5
    assert report.quarantined == 2
    assert any("stations has no such object: 1 observations" in reason for reason in quarantined(report).values())
    write_csv(bench.folder / "a.csv", [row | {"id": "s9"} for row in WIDE])
    with pytest.raises(BadData, match="s9 is not in stations, nor is any other object"):
        ingest(bench, series_part("a.csv"))


def test_the_object_may_be_named_by_the_file(bench):
    pq.write_table(pa.Table.from_pylist(WIDE[:2]).drop_columns(["id"]), bench.folder / "mesures_s1.parquet")
    ingest(bench, series_part("mesures_*.parquet", object={"collection": "stations", "file": "mesures_(.+)"}))
    assert set(bench.observations()["datastream"].to_pylist()) == {"s1.air_temperature", "s1.relative_humidity"}


def test_missing_texts_and_encodings(bench):
    rows = [{"id": "s1", "t": "2026-07-01 12:00", "temp": "n/d", "hum": "40"}]
    path = bench.folder / "a.csv"
    path.write_bytes("préambule\nid;t;temp;hum\ns1;2026-07-01 12:00;n/d;40\n".encode("latin-1"))
    read = {"delimiter": ";", "skip_rows": 1, "missing": ["n/d"], "encoding": "latin-1"}
    report = ingest(bench, series_part("a.csv", read=read))
    assert (report.rows["observations"], report.quarantined) == (1, 0)
    write_csv(path, rows)
    path.write_bytes(path.read_bytes() + "s1,2026-07-01 13:00,é,41\n".encode("latin-1"))
    with pytest.raises(BadData, match=r"a\.csv cannot be read as CSV in utf-8"):
        ingest(bench, series_part("a.csv"))


def test_fields_of_every_type_with_fallbacks_and_maps(bench):
    rows = [
        {"id": "a", "x": 770000, "y": 6279000, "h": "12,5", "n": "4", "kind": "M", "on": "Oui", "since": "1984"},
        {"id": "b", "x": 770010, "y": 6279000, "h": "0", "n": "4.0", "kind": "I", "on": "non", "since": "0"},
        {"id": "c", "x": 770020, "y": 6279000, "h": None, "n": None, "kind": None, "on": None, "since": None},
        {"id": "d", "x": 770020, "y": 6279000, "h": "tall", "n": "1", "kind": "M", "on": "oui", "since": "1984"},
        {"id": "e", "x": 770020, "y": 6279000, "h": "1", "n": "1.5", "kind": "M", "on": "oui", "since": "1984"},
        {"id": "f", "x": 770020, "y": 6279000, "h": "1", "n": "1", "kind": "Z", "on": "oui", "since": "1984"},
        {"id": "g", "x": 770020, "y": 6279000, "h": "1", "n": "1", "kind": "M", "on": "maybe", "since": "1984"},
        {"id": "h", "x": "east", "y": 6279000, "h": "1", "n": "1", "kind": "M", "on": "oui", "since": "1984"},
    ]
    write_csv(bench.folder / "b.csv", rows, delimiter=";")
    entry = features_entry(height="number", height_source="string", storeys="integer", usage="string", lit="boolean")
    entry["fields"]["height"]["unit"] = "m"
    part = {
        "source": "table",
        "files": ["b.csv"],
        "read": {"delimiter": ";", "decimal": ",", "crs": "EPSG:2154"},
        "features": {
            "collection": "buildings",
            "id": {"column": "id"},
            "geometry": {"x": "x", "y": "y"},
            "valid_from": {"column": "since", "format": "year", "missing": [0]},
            "fields": {
                "height": [
                    {"column": "h", "missing": [0], "unit": "dm", "origin": "measured"},
                    {"column": "n", "times": 3, "unit": "m", "origin": "storeys"},
                    {"value": 3, "origin": "default"},
                ],
                "height_source": {"origin_of": "height"},
                "storeys": "n",
                "usage": {"column": "kind", "map": {"M": "house", "I": "industry"}},
                "lit": "on",
            },
        },
    }
    report = ingest(bench, part, buildings=entry)
    kept = {row.pop("id"): row for row in bench.features("buildings", with_geometry=False).to_pylist()}
    assert set(kept) == {"a", "b", "c"}
    assert [kept[k]["height"] for k in "abc"] == [1.25, 12.0, 3.0]
    assert [kept[k]["height_source"] for k in "abc"] == ["measured", "storeys", "default"]
    assert [kept[k]["storeys"] for k in "abc"] == [4, 4, None]
    assert [kept[k]["usage"] for k in "abc"] == ["house", "industry", None]
    assert [kept[k]["lit"] for k in "abc"] == [True, False, None]
    assert [kept[k]["valid_from"] for k in "abc"] == [datetime(1984, 1, 1, tzinfo=UTC), None, None]
    reasons = quarantined(report)
    told = {(4, "height"), (5, "storeys"), (6, "usage"), (7, "lit"), (8, "x"), (8, "geometry")}
    assert {key[:2] for key in reasons} == told
    assert report.quarantined == 5


def test_a_json_table_under_a_key(bench):
    (bench.folder / "a.json").write_bytes(orjson.dumps({"records": WIDE}))
    with pytest.raises(BadData, match=r"read\.records names the key"):
        ingest(bench, series_part("a.json"))
    assert ingest(bench, series_part("a.json", read={"records": "records"})).rows["observations"] == 5


def test_a_list_where_a_text_is_wanted_is_told(bench):
    rows = [{"id": "a", "x": 770000, "y": 6279000, "tags": ["one", "two"]}]
    (bench.folder / "b.json").write_bytes(orjson.dumps([*rows, rows[0] | {"id": "b", "tags": None}]))
    features = STATION_PART["features"] | {"collection": "pits", "fields": {"tags": "tags"}}
    part = {"source": "table", "files": ["b.json"], "read": {"crs": "EPSG:2154"}, "features": features}
    report = ingest(bench, part, pits=features_entry(tags="string"))
    assert (report.rows["pits"], report.quarantined) == (1, 1)
    assert "this is not a text" in quarantined(report).values()


def test_text_results_are_kept_as_text(bench):
    write_csv(bench.folder / "a.csv", [row | {"sky": "couvert"} for row in WIDE])
    sky = {"title": text("Sky"), "unit": "1"}
    entry = series_entry(sky=sky)
    ingest(bench, series_part("a.csv", results={"sky": {"column": "sky", "text": True}}), observations=entry)
    assert set(bench.observations()["result_text"].to_pylist()) == {"couvert"}


def test_when_no_row_can_be_read_what_was_there_stays(bench):
    write_csv(bench.folder / "a.csv", WIDE)
    ingest(bench, series_part("a.csv"))
    part = STATION_PART | {"read": {"delimiter": ";", "crs": "OGC:CRS84"}}
    (bench.folder / "stations.csv").write_text(STATIONS.replace("770100,5", "770100"), "utf-8")
    manifest = write_manifest(bench.folder, {"stations": features_entry()}, [part])
    with pytest.raises(BadData, match=r"no row of stations could be read, so nothing was committed; .*\.csv"):
        pipeline.ingest(bench.twin, manifest)
    assert bench.collection("stations").count == 2


def test_a_column_given_twice_and_a_field_without_a_unit_are_told(bench):
    (bench.folder / "a.csv").write_text("id,t,temp,temp,hum\ns1,2026-07-01 12:00,300,301,40\n", "utf-8")
    with pytest.raises(BadManifest, match="several columns called 'temp'"):
        ingest(bench, series_part("a.csv"))
    features = STATION_PART["features"] | {"fields": {"depth": {"column": "y", "unit": "cm"}}}
    entry = features_entry(depth="number")
    with pytest.raises(BadManifest, match=r"depth: a unit is read \(cm\)"):
        ingest(bench, STATION_PART | {"features": features | {"collection": "pits"}}, pits=entry)
