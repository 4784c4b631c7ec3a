"""The layers of air quality through the pipeline, over a small real store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.layers.air_quality.air_twin import commit_air
from tests.layers.layer_twin import empty_twin
from twin import pipeline
from twin.context import Twin
from twin.errors import BadData, BadInput, DoesNotApply
from twin.store import OPERATOR, FeatureQuery, ObservationQuery
from twin.tables import Quality

NEEDED = {"required": ["no2", "o3"]}


@pytest.fixture
def twin(tmp_path: Path) -> Iterator[Twin]:
    with empty_twin(tmp_path) as opened:
        yield opened


def days(twin: Twin) -> list[dict[str, Any]]:
    query = FeatureQuery(collection="air_quality_index_days", with_geometry=False)
    rows = twin.store.features.read(query, OPERATOR).read_all().to_pylist()
    return sorted(rows, key=lambda row: (row["id"], row["valid_from"]))


def series(twin: Twin, collection: str, datastream: str) -> list[float]:
    query = ObservationQuery(collection=collection, datastreams=(datastream,))
    return twin.store.observations.read(query, OPERATOR).read_all()["result"].to_pylist()  # type: ignore[no-any-return]


def test_the_index_is_that_of_background_stations(twin):
    commit_air(twin)
    pipeline.derive(twin, "air_quality_index", NEEDED)
    # 1 July: NO2 35 is 1, O3 60 is 2; 2 July: NO2 95 is 3, O3 131 is 4. At the kerb NO2 is 335 and 395: 5 and 6.
    assert series(twin, "air_quality_index", "c1.air_quality_index") == [2, 4]
    assert series(twin, "air_quality_index", "c1.no2_index") == [1, 3]
    assert series(twin, "air_quality_index", "c2.air_quality_index") == [0, 0]
    assert series(twin, "air_quality_index", "c2.no2_index") == []
    first, second, *others = days(twin)
    assert (first["air_quality_index"], first["worst"], first["stations"]) == (2, "o3", "Station A01")
    assert (second["air_quality_index"], second["completeness"]) == (4, 100)
    assert second["valid_from"] == datetime(2026, 7, 2, tzinfo=UTC)
    assert second["valid_to"] == datetime(2026, 7, 3, tzinfo=UTC)
    assert {(row["stations"], row["missing"]) for row in others} == {(None, "no2, o3")}


def test_a_zone_may_take_the_stations_that_lie_near(twin):
    commit_air(twin)
    pipeline.derive(twin, "air_quality_index", {**NEEDED, "reach": 499.0})  # A01 lies 500 m from the second commune
    assert series(twin, "air_quality_index", "c2.air_quality_index") == [0, 0]
    pipeline.derive(twin, "air_quality_index", {**NEEDED, "reach": 500.0})
    assert series(twin, "air_quality_index", "c2.air_quality_index") == [2, 4]


def test_the_last_days_alone_are_mapped(twin):
    commit_air(twin)
    pipeline.derive(twin, "air_quality_index", {**NEEDED, "mapped_days": 1})
    assert [row["valid_from"].day for row in days(twin)] == [2, 2]


def test_the_year_that_starts_the_index(twin):
    commit_air(twin, start="2020-12-31T01:00")
    pipeline.derive(twin, "air_quality_index", NEEDED)
    assert series(twin, "air_quality_index", "c1.air_quality_index") == [4]  # 1 January 2021 alone
    pipeline.derive(twin, "air_quality_index", {**NEEDED, "retrospective": True})
    assert series(twin, "air_quality_index", "c1.air_quality_index") == [2, 4]
    said = [row["method"] for row in days(twin) if row["id"] == "c1"]
    assert said == ["atmo_2020_retrospective", "atmo_2020"]


def test_a_record_that_opens_at_midnight_opens_no_day_before(twin):
    commit_air(twin, start="2026-07-01T00:00")
    pipeline.derive(twin, "air_quality_daily", {})
    # 1 July has the hours from the second on: 35 x 23 and 95; then 95 x 23 of 2 July, which has 23.
    assert series(twin, "air_quality_daily", "A01.no2_daily_maximum") == [95, 95]
    assert series(twin, "air_quality_daily", "A01.no2_completeness") == [100, pytest.approx(100 * 23 / 24, abs=5e-4)]


def test_days_of_another_zone(twin):
    commit_air(twin)
    pipeline.derive(twin, "air_quality_daily", {"time_zone": "Etc/GMT-12"})
    # Midnight there is noon UTC: 12 hours of 1 July, 24 of 2 July half at 35 and half at 95, 12 of 3 July.
    assert series(twin, "air_quality_daily", "A01.no2_daily_mean") == [65]
    assert series(twin, "air_quality_daily", "A01.no2_completeness") == [50, 100, 50]


def test_an_hour_of_quarters_needs_three(twin):
    quarters = np.tile([10.0, 20.0, 30.0, 40.0], 24)
    quarters[3] = np.nan  # the first hour has 10, 20 and 30
    quarters[4:6] = np.nan  # the second has 30 and 40 alone
    commit_air(twin, [("A01", "background", (500, 500), "no2", quarters)], "2026-07-01T00:15", 15)
    pipeline.derive(twin, "air_quality_daily", {})
    assert series(twin, "air_quality_daily", "A01.no2_completeness") == [pytest.approx(100 * 23 / 24, abs=5e-4)]
    # (20 + 22 x 25) / 23 = 570 / 23
    assert series(twin, "air_quality_daily", "A01.no2_daily_mean") == [pytest.approx(570 / 23, abs=5e-4)]


def test_a_unit_that_is_not_the_pollutants_is_refused_by_name(twin):
    commit_air(twin, unit="[ppb]")
    for layer in ("air_quality_daily", "air_quality_index", "air_quality_exceedances"):
        with pytest.raises(BadData, match=r"no2 is wanted in ug/m3, and is in \[ppb\] at A01"):
            pipeline.derive(twin, layer, {})


def test_what_it_cannot_work_on_is_said(twin):
    commit_air(twin)
    with pytest.raises(DoesNotApply, match="stations has no field 'influence'"):
        pipeline.derive(twin, "air_quality_index", {"background": {"influence": "Fond"}})
    with pytest.raises(DoesNotApply, match="No station of stations with environment = rural measures no2"):
        pipeline.derive(twin, "air_quality_index", {"background": {"environment": "rural"}})
    with pytest.raises(DoesNotApply, match="There is no collection districts"):
        pipeline.derive(twin, "air_quality_index", {"zones": "districts"})
    with pytest.raises(DoesNotApply, match="stations holds no polygon"):
        pipeline.derive(twin, "air_quality_index", {"zones": "stations"})
    with pytest.raises(BadInput, match="'Paris' is not an IANA time zone"):
        pipeline.derive(twin, "air_quality_daily", {"time_zone": "Paris"})
    with pytest.raises(BadInput, match="required"):
        pipeline.derive(twin, "air_quality_index", {"required": ["NO2"]})


def test_flagged_values_are_left_out(twin):
    values = np.full(24, 10.0)
    values[3] = 900.0
    commit_air(twin, [("A01", "background", (500, 500), "no2", values)], flags={3: Quality.STEP})
    pipeline.derive(twin, "air_quality_daily", {})
    assert series(twin, "air_quality_daily", "A01.no2_daily_maximum") == [10]
    pipeline.derive(twin, "air_quality_daily", {"excluded": ["range"]})
    assert series(twin, "air_quality_daily", "A01.no2_daily_maximum") == [900]
