"""The quality control across stations, run over a real store: flags made, kept, undone, and only where needed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tests.layers.layer_twin import Station, commit_stations, empty_twin
from twin import pipeline
from twin.context import Twin
from twin.errors import DoesNotApply
from twin.observed_properties import known_properties
from twin.settings import Settings, StoreSettings
from twin.store import OPERATOR, FeatureQuery, ObservationQuery
from twin.tables import DATASTREAM_FIELDS, OBSERVATION_SCHEMA, Quality, feature_schema
from twin.testing.samples import put_series

START = datetime(2026, 6, 29, tzinfo=UTC)
HOURS = 72  # two days of June and one of July
CYCLE = 20 + 5 * np.sin(2 * np.pi * (np.arange(HOURS) - 9) / 24)


def town(**wild: dict[int, float]) -> list[Station]:
    """Eight stations 1 km apart, 0.1 K from one to the next; `wild` adds kelvins at some hours of a station."""
    stations = []
    for k in range(8):
        values = CYCLE + 0.1 * k
        for hour, change in wild.get(f"S{k}", {}).items():
            values[hour] += change
        stations.append(Station(f"S{k}", "urban", 50.0, values))
    return stations


def derive(twin: Twin, **network: object) -> pipeline.DeriveReport:
    return pipeline.derive(twin, "quality_control", {"networks": [network]} if network else {})


def flagged(twin: Twin, observed: str = "air_temperature") -> dict[tuple[str, int], str]:
    query = ObservationQuery(collection="observations", observed_properties=(observed,))
    table = twin.store.observations.read(query, OPERATOR).read_all()
    table = table.filter(pc.equal(table["quality"], int(Quality.SPATIAL)))
    return {
        (row["datastream"].split(".")[0], round((row["phenomenon_time"] - START).total_seconds() / 3600)): row[
            "quality_reason"
        ]
        for row in table.to_pylist()
    }


def report(twin: Twin) -> dict[tuple[str, str], dict[str, object]]:
    table = twin.store.features.read(FeatureQuery(collection="quality_control"), OPERATOR).read_all()
    return {(row["object_id"], f"{row['valid_from']:%Y-%m}"): row for row in table.to_pylist()}


def correct(twin: Twin, station: str, hour: int, value: float) -> None:
    at = START + timedelta(hours=hour)
    row = [f"{station}.air_temperature", at, at + timedelta(days=5), value, None, 0, None]
    table = pa.table({name: [cell] for name, cell in zip(OBSERVATION_SCHEMA.names, row, strict=True)})
    known = twin.store.catalogue.collection("observations", OPERATOR)
    put_series(twin.store, table.cast(OBSERVATION_SCHEMA), collection=known)


@pytest.fixture
def twin(tmp_path: Path):
    with empty_twin(tmp_path) as twin:
        commit_stations(twin, town(S3={10: 9.0, 60: -8.0}, S5={70: 1.5}), "2026-06-29T00:00")
        yield twin


def test_what_is_at_odds_is_flagged_with_the_figures(twin: Twin) -> None:
    """Neighbours of S3: seven values from 0 to 0.7 K above the cycle, but 0.3: mean 0.357, spread below 1.5."""
    done = derive(twin)
    assert set(done.changed) == {"observations", "quality_control"}
    assert done.flagged == {"spatial": 2}
    found = flagged(twin)
    assert set(found) == {("S3", 10), ("S3", 60)}
    value, mean = CYCLE[10] + 9.3, CYCLE[10] + 2.5 / 7
    wanted = f"spatial: {value:.4g} against {mean:.4g} of 7 neighbours, {value - mean:.3g} > 4 x 1.5"
    assert found["S3", 10] == wanted
    told = report(twin)
    june, july = told["S3", "2026-06"], told["S3", "2026-07"]
    assert (june["tested"], june["flagged"], july["flagged"]) == (48, 1, 1)
    assert july["flagged_share"] == pytest.approx(100 / 24, abs=0.01)
    assert june["neighbours"] == pytest.approx(7)
    assert told["S0", "2026-06"]["neighbours"] == 5.0, "within 5 km"
    assert july["valid_to"] == datetime(2026, 8, 1, tzinfo=UTC)


def test_a_second_run_has_nothing_to_do_and_other_parameters_undo(twin: Twin) -> None:
    derive(twin)
    before = twin.store.catalogue.revision()
    assert derive(twin).run is None
    assert twin.store.catalogue.revision() == before
    derive(twin, buddy={"threshold": 5.8})
    assert set(flagged(twin)) == {("S3", 10)}, "-8.1 K is within 5.8 times 1.5"
    derive(twin, buddy=None)
    assert flagged(twin) == {}
    table = twin.store.observations.read(ObservationQuery(collection="observations"), OPERATOR).read_all()
    assert set(table["quality_reason"].to_pylist()) == {None}
    assert twin.store.observations.count(ObservationQuery(collection="observations", superseded=True), OPERATOR) == 0


def test_a_correction_is_judged_anew_in_its_month_alone(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    from layers.quality_control import layer  # noqa: PLC0415

    derive(twin)
    judged: list[str] = []
    judge = layer.judge
    monkeypatch.setattr(
        layer, "judge", lambda values, hours, *rest: judged.append(str(hours[0])) or judge(values, hours, *rest)
    )
    correct(twin, "S3", 60, CYCLE[60] + 0.3)
    derive(twin)
    assert judged == ["2026-07-01T00"]
    assert set(flagged(twin)) == {("S3", 10)}
    superseded = ObservationQuery(collection="observations", superseded=True)
    former = twin.store.observations.read(superseded, OPERATOR).read_all().to_pylist()
    assert [row["quality"] for row in former] == [Quality.SPATIAL], "history keeps the verdict of its time"
    assert derive(twin).run is None


def test_flags_that_were_lost_come_back(twin: Twin) -> None:
    derive(twin)
    twin.store.remove("observations", history=True)
    commit_stations(twin, town(S3={10: 9.0, 60: -8.0}), "2026-06-29T00:00")
    assert flagged(twin) == {}
    derive(twin)
    assert set(flagged(twin)) == {("S3", 10), ("S3", 60)}


def test_what_failed_another_test_is_left_and_is_no_neighbour(tmp_path: Path) -> None:
    stations = town(S3={10: 9.0})
    stations[3].flags = {10: int(Quality.STEP)}
    with empty_twin(tmp_path) as twin:
        commit_stations(twin, stations, "2026-06-29T00:00")
        derive(twin)
        assert flagged(twin) == {}
        told = report(twin)["S3", "2026-06"]
        assert (told["tested"], told["flagged"], told["flagged_before"]) == (47, 0, 1)


def test_levels_of_crowdqc_are_named_in_the_reason(twin: Twin) -> None:
    crowd = {"low": 0.001, "high": 0.999, "alpha": 0.001, "radius": 20_000}
    derive(twin, crowd=crowd)
    found = flagged(twin)
    assert found["S3", 10].endswith("; spatial: CrowdQC+ m2, in the tails of the hour's distribution")
    derive(twin, crowd=crowd, buddy=None)
    assert flagged(twin)["S3", 10].startswith("spatial: CrowdQC+ m2")


def test_stations_without_enough_neighbours_are_not_judged_and_it_is_said(tmp_path: Path) -> None:
    with empty_twin(tmp_path) as twin:
        commit_stations(twin, town(S1={10: 9.0})[:4], "2026-06-29T00:00")
        derive(twin)
        assert flagged(twin) == {}
        assert {row["neighbours"] for row in report(twin).values()} == {0.0}


def test_nothing_to_compare_is_said(twin: Twin) -> None:
    with pytest.raises(DoesNotApply, match="no field 'height'"):
        derive(twin, altitude_field="height")
    with pytest.raises(DoesNotApply, match="No object of stations observes no2"):
        derive(twin, observed_property="no2")


def test_on_real_stations_with_gaps_of_a_thousand_hours(tmp_path: Path, shared_data: Path) -> None:
    """Five stations of Toulouse, months apart: whole months without a value, and two neighbours at most at a time."""
    settings = Settings(store=StoreSettings(folder=tmp_path), data=shared_data)
    with empty_twin(tmp_path / "store") as opened:
        twin = replace(opened, settings=settings)
        pipeline.ingest(twin, Path(__file__).resolve().parents[2] / "datasets" / "toulouse_weather" / "manifest.yml")
        done = derive(twin, altitude_field=None, buddy={"radius": 30_000, "least": 2})
        assert done.flagged == {}
        told = report(twin)
        assert sum(row["tested"] for row in told.values()) == 478 + 288 + 259 + 53 + 9
        silent = {month for _, month in told} ^ {"2025-11", "2025-12", "2026-01", "2026-02"}
        assert not silent, "each month has a station at work"
        assert told["33-station-meteo-saint-jory-chapelle-beldou", "2025-12"]["neighbours"] > 2
        assert "2025-11" not in {month for name, month in told if name.startswith("33-")}
        assert derive(twin, altitude_field=None, buddy={"radius": 30_000, "least": 2}).run is None


def test_a_network_left_out_of_the_settings_loses_its_flags(twin: Twin) -> None:
    commit_dew_points(twin)
    dew_point = {"observed_property": "dew_point_temperature"}
    pipeline.derive(twin, "quality_control", {"networks": [{}, dew_point]})
    assert len(flagged(twin, "dew_point_temperature")) == len(flagged(twin)) == 2
    derive(twin)
    assert len(flagged(twin)) == 2
    assert flagged(twin, "dew_point_temperature") == {}
    assert {row["observed_property"] for row in report(twin).values()} == {"air_temperature"}


def commit_dew_points(twin: Twin) -> None:
    """Give each station a dew point equal to its temperature, faults included."""
    query = FeatureQuery(collection="datastreams", columns=tuple(field.name for field in DATASTREAM_FIELDS))
    streams = twin.store.features.read(query, OPERATOR).read_all().drop_columns("row")
    table = twin.store.observations.read(ObservationQuery(collection="observations"), OPERATOR).read_all()
    dew = known_properties()["dew_point_temperature"]

    def renamed(column: pa.ChunkedArray) -> pa.ChunkedArray:
        return pc.replace_substring(column, "air_temperature", dew.name)

    for name in ("id", "observed_property"):
        streams = streams.set_column(streams.column_names.index(name), name, renamed(streams[name]))
    known = twin.store.catalogue.collection("observations", OPERATOR)
    put_series(
        twin.store,
        table.set_column(0, OBSERVATION_SCHEMA.field(0), renamed(table["datastream"])).cast(OBSERVATION_SCHEMA),
        datastreams=streams.cast(feature_schema(DATASTREAM_FIELDS)),
        collection=known.model_copy(update={"observed_properties": (dew,)}),
        source="dew",
    )
