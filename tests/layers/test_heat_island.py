"""The heat island derived through the pipeline from a real store, against values worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.layers.daily_series import commit_daily
from tests.layers.layer_twin import Station, commit_stations, empty_twin
from twin import pipeline
from twin.context import Twin
from twin.errors import BadInput, DoesNotApply
from twin.store import OPERATOR, FeatureQuery, ObservationQuery
from twin.tables import feature_schema
from twin.testing.samples import put_features

#: Four days from 2026-07-10T19Z: the first hour of the day of the minimum of the 11th.
START, HOURS = "2026-07-10T19:00", 96
DAYLIGHT = np.array([(hour + 19) % 24 for hour in range(HOURS)])
RURAL = np.where((DAYLIGHT >= 7) & (DAYLIGHT <= 18), 28.0, 18.0)
#: The town: 3 K warmer at night, except 5 K warmer at 03 UTC; 1 K by day.
TOWN = RURAL + np.where(DAYLIGHT == 3, 5.0, np.where((DAYLIGHT >= 7) & (DAYLIGHT <= 18), 1.0, 3.0))


def stations(**flags: dict[int, int]) -> list[Station]:
    return [
        Station("S001", "urban", 0.0, TOWN, flags.get("town")),
        Station("S002", "rural", 0.0, RURAL, flags.get("rural")),
        Station("S003", "suburban", 200.0, RURAL - 1.3),
    ]


def derive(twin: Twin, **parameters: object) -> pipeline.DeriveReport:
    return pipeline.derive(twin, "heat_island", parameters)


def observations(twin: Twin, collection: str, observed: str, station: str) -> dict[str, float]:
    query = ObservationQuery(collection=collection, datastreams=(f"{station}.{observed}",))
    table = twin.store.observations.read(query, OPERATOR).read_all()
    times = table["phenomenon_time"].cast(pa.int64()).to_numpy().view("M8[us]").astype("M8[h]").astype(str)
    return dict(zip(times.tolist(), table["result"].to_pylist(), strict=True))


def summary(twin: Twin) -> dict[str, dict[str, object]]:
    table = twin.store.features.read(FeatureQuery(collection="heat_island_stations"), OPERATOR).read_all()
    return {row["id"]: row for row in table.to_pylist()}


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory):
    with empty_twin(tmp_path_factory.mktemp("heat")) as twin:
        commit_stations(twin, stations(), START)
        derive(twin)
        yield twin


def test_hourly_difference_with_the_reference(twin: Twin) -> None:
    town = observations(twin, "heat_island", "air_temperature_difference", "S001")
    assert len(town) == HOURS
    assert town["2026-07-10T19"] == 3.0
    assert town["2026-07-11T03"] == 5.0
    assert town["2026-07-11T12"] == 1.0
    assert set(observations(twin, "heat_island", "air_temperature_difference", "S002").values()) == {0.0}


def test_altitude_is_corrected(twin: Twin) -> None:
    """200 m higher and 1.3 K colder is no difference at all."""
    hill = observations(twin, "heat_island", "air_temperature_difference", "S003")
    assert list(hill.values()) == pytest.approx([0.0] * HOURS, abs=1e-9)


def test_daily_values(twin: Twin) -> None:
    days = ["2026-07-11T00", "2026-07-12T00", "2026-07-13T00", "2026-07-14T00"]
    assert observations(twin, "heat_island_daily", "tmin", "S001") == dict.fromkeys(days, 21.0)
    assert observations(twin, "heat_island_daily", "tmin_difference", "S001") == dict.fromkeys(days, 3.0)
    # Each day of the maximum starts after 06 UTC: the last one, of the 14th, has 12 of its 24 hours.
    assert observations(twin, "heat_island_daily", "tmax", "S001") == dict.fromkeys(days[:3], 29.0)
    completeness = observations(twin, "heat_island_daily", "tmax_completeness", "S001")
    assert (completeness[days[0]], completeness[days[3]]) == (100.0, 50.0)
    # The first night lacks its first hour, 18 UTC: 12 of 13 is enough.
    assert observations(twin, "heat_island_daily", "night_maximum_difference", "S001") == dict.fromkeys(days, 5.0)


def test_summary_by_station(twin: Twin) -> None:
    found = summary(twin)
    town = found["S001"]
    assert town["nocturnal_index"] == 5.0
    assert town["mean_tmin_difference"] == 3.0
    assert (town["nights"], town["days"]) == (4, 4)
    assert (town["tropical_nights"], town["warm_days"], town["hot_days"]) == (4, 3, 0)
    assert town["completeness"] == 100.0
    assert town["reference"] == "S002"
    assert town["name"] == "Station S001"
    assert (town["is_reference"], found["S002"]["is_reference"]) == (False, True)
    assert found["S002"]["tropical_nights"] == 0
    assert town["remark"] is None


def test_collections_say_how_they_were_made(twin: Twin) -> None:
    told = twin.store.catalogue.collection("heat_island", OPERATOR)
    assert "S002" in told.lineage.fr
    assert "-0.0065 K/m" in told.lineage.en
    assert "surestimées" in twin.store.catalogue.collection("heat_island_daily", OPERATOR).description.fr


def test_deriving_again_does_nothing(twin: Twin) -> None:
    assert derive(twin).run is None


def test_flagged_values_are_left_out(tmp_path: Path) -> None:
    at_3 = int(np.flatnonzero(DAYLIGHT == 3)[0])
    with empty_twin(tmp_path) as twin:
        commit_stations(twin, stations(town={at_3: 2}), START)
        derive(twin)
        assert "2026-07-11T03" not in observations(twin, "heat_island", "air_temperature_difference", "S001")
        peaks = observations(twin, "heat_island_daily", "night_maximum_difference", "S001")
        assert peaks["2026-07-11T00"] == 3.0
        assert peaks["2026-07-12T00"] == 5.0
        assert summary(twin)["S001"]["nocturnal_index"] == 4.5
        derive(twin, excluded=["range"])
        assert summary(twin)["S001"]["nocturnal_index"] == 5.0
        again = observations(twin, "heat_island", "air_temperature_difference", "S001")
        assert again["2026-07-11T03"] == 5.0


def test_a_gap_at_the_reference_is_a_gap(tmp_path: Path) -> None:
    with empty_twin(tmp_path) as twin:
        given = stations()
        given[1].values = np.where(np.arange(HOURS) == 10, np.nan, RURAL)
        commit_stations(twin, given, START)
        derive(twin)
        assert len(observations(twin, "heat_island", "air_temperature_difference", "S001")) == HOURS - 1


def test_several_reference_stations_are_averaged(tmp_path: Path) -> None:
    with empty_twin(tmp_path) as twin:
        commit_stations(twin, stations(), START)
        derive(twin, reference=["S002", "S003"], altitude_field=None)
        town = observations(twin, "heat_island", "air_temperature_difference", "S001")
        assert town["2026-07-11T12"] == pytest.approx(1.0 + 1.3 / 2)
        assert summary(twin)["S001"]["mean_tmin_difference"] == pytest.approx(3.0 + 1.3 / 2)
        assert {row["altitude"] for row in summary(twin).values()} == {None}
        assert {row["remark"] for row in summary(twin).values()} == {None}


def test_a_station_without_altitude_has_no_difference_and_says_so(tmp_path: Path) -> None:
    with empty_twin(tmp_path) as twin:
        given = stations()
        given[0].altitude = None
        commit_stations(twin, given, START)
        derive(twin)
        town = summary(twin)["S001"]
        assert town["nocturnal_index"] is None
        assert town["altitude"] is None
        assert town["tropical_nights"] == 4
        assert "altitude" in str(town["remark"])
        assert observations(twin, "heat_island", "air_temperature_difference", "S001") == {}


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"reference": "S999"}, "S999"),
        ({"reference": []}, "no station"),
        ({"reference": {"environment": "lunar"}}, "environment = lunar"),
        ({"reference": {"lcz": "D"}}, "no field 'lcz'"),
        ({"altitude_field": "height"}, "no field 'height'"),
        ({"timeseries": "nothing"}, "no collection nothing"),
        ({"object_collection": "nothing"}, "no collection nothing"),
        ({"observed_property": "no2"}, "observes no2"),
    ],
)
def test_what_is_missing_is_said(twin: Twin, parameters: dict[str, object], reason: str) -> None:
    with pytest.raises(DoesNotApply, match=reason):
        derive(twin, **parameters)


def test_a_reference_without_a_good_value_is_said(tmp_path: Path) -> None:
    with empty_twin(tmp_path) as twin:
        commit_stations(twin, stations(rural=dict.fromkeys(range(HOURS), 3)), START)
        with pytest.raises(DoesNotApply, match="S002"):
            derive(twin)


def test_a_bad_parameter_is_named(twin: Twin) -> None:
    with pytest.raises(BadInput, match="completeness"):
        derive(twin, completeness=2)


def test_a_station_is_counted_once_in_its_last_version(tmp_path: Path) -> None:
    with empty_twin(tmp_path) as twin:
        commit_stations(twin, stations(), START)
        table = twin.store.features.read(FeatureQuery(collection="stations"), OPERATOR).read_all().drop_columns("row")
        moved = table.slice(0, 1).to_pylist()[0]
        later = [*table.to_pylist(), {**moved, "valid_from": datetime(2026, 1, 1, tzinfo=UTC), "altitude": 100.0}]
        given = twin.store.catalogue.collection("stations", OPERATOR)
        put_features(twin.store, pa.Table.from_pylist(later, schema=feature_schema(given.fields)), collection=given)
        derive(twin)
        assert summary(twin)["S001"]["altitude"] == 100.0
        assert summary(twin)["S001"]["nocturnal_index"] == pytest.approx(5.0 + 0.65)


PUBLISHED = {"published": {"timeseries": "climate"}}
DAYS = np.datetime64("2026-07-11", "D") + np.arange(4)
STAMPS = [f"{day}T00" for day in DAYS]


def commit_published(twin: Twin, **more: Any) -> None:
    """Commit TN at the town on three of the four days, and TX on all, below and above what the hours tell."""
    values = {"tn": np.array([19.5, 20.5, np.nan, 20.0]), "tx": np.array([30.0, 29.5, 31.0, 30.5])}
    commit_daily(twin, "climate", ["S001"], values, DAYS, **more)


def test_published_extremes_are_preferred_and_told(tmp_path: Path) -> None:
    with empty_twin(tmp_path) as twin:
        commit_stations(twin, stations(), START)
        derive(twin, **PUBLISHED)
        before = observations(twin, "heat_island_daily", "tmin_difference", "S001")
        told = twin.store.catalogue.collection("heat_island_daily", OPERATOR)
        assert "tmin_published" not in {observed.name for observed in told.observed_properties}
        commit_published(twin)
        assert derive(twin, **PUBLISHED).run, "the published series are an input"

        def daily(observed: str, station: str = "S001") -> list[float | None]:
            found = observations(twin, "heat_island_daily", observed, station)
            return [found.get(stamp) for stamp in STAMPS]

        # The third day is that of the hours; the last day of the maximum has too few of them, and is published.
        assert daily("tmin") == [19.5, 20.5, 21.0, 20.0]
        assert daily("tmin_published") == [1.0, 1.0, 0.0, 1.0]
        assert daily("tmax") == [30.0, 29.5, 31.0, 30.5]
        assert daily("tmax_published") == [1.0, 1.0, 1.0, 1.0]
        assert daily("tmax_completeness")[3] == 50.0
        assert daily("tmin_published", "S002") == [0.0] * 4
        assert daily("tmax_published", "S002") == [0.0, 0.0, 0.0, None]
        town = summary(twin)["S001"]
        assert (town["tropical_nights"], town["warm_days"], town["hot_days"]) == (3, 4, 3)
        assert observations(twin, "heat_island_daily", "tmin_difference", "S001") == before
        told = twin.store.catalogue.collection("heat_island_daily", OPERATOR)
        assert "TN, TX" in str(told.lineage and told.lineage.fr)


def test_a_flagged_published_value_is_left_to_the_hours(tmp_path: Path) -> None:
    with empty_twin(tmp_path) as twin:
        commit_stations(twin, stations(), START)
        commit_published(twin, flags={0: 5})
        derive(twin, **PUBLISHED)
        assert observations(twin, "heat_island_daily", "tmin", "S001")[STAMPS[0]] == 21.0
        assert observations(twin, "heat_island_daily", "tmin_published", "S001")[STAMPS[0]] == 0.0
        derive(twin, **PUBLISHED, excluded=[])
        assert observations(twin, "heat_island_daily", "tmin", "S001")[STAMPS[0]] == 19.5


def test_published_extremes_of_another_unit_are_refused(tmp_path: Path) -> None:
    with empty_twin(tmp_path) as twin:
        commit_stations(twin, stations(), START)
        commit_published(twin, unit="K")
        with pytest.raises(DoesNotApply, match="tn is in K"):
            derive(twin, **PUBLISHED)
