"""Real concentrations, against values computed by hand: the arithmetic is beside each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from twin import pipeline
from twin.app import open_twin
from twin.context import Twin
from twin.errors import DoesNotApply
from twin.settings import Settings, StoreSettings
from twin.store import OPERATOR, FeatureQuery, ObservationQuery

DATASETS = Path(__file__).resolve().parents[3] / "datasets"


@pytest.fixture
def twin(tmp_path: Path, shared_data: Path) -> Iterator[Twin]:
    with open_twin(Settings(store=StoreSettings(folder=tmp_path / "var"), data=shared_data)) as opened:
        yield opened


def derived(twin: Twin, datasets: list[str], layer: str, **parameters: Any) -> None:
    for name in datasets:
        pipeline.ingest(twin, DATASETS / name)
    pipeline.derive(twin, layer, parameters)


def values(twin: Twin, collection: str, datastream: str) -> dict[str, float]:
    """Return the values of a datastream by their days."""
    query = ObservationQuery(collection=collection, datastreams=(datastream,))
    rows = twin.store.observations.read(query, OPERATOR).read_all()
    days = [time.date().isoformat() for time in rows["phenomenon_time"].to_pylist()]
    return dict(zip(days, rows["result"].to_pylist(), strict=True))


def features(twin: Twin, collection: str) -> list[dict[str, Any]]:
    query = FeatureQuery(collection=collection, with_geometry=False)
    return twin.store.features.read(query, OPERATOR).read_all().to_pylist()  # type: ignore[no-any-return]


def test_a_day_of_montpellier_hour_by_hour(twin):
    """FR50200, Montpellier Prés d'Arènes, 16 March 2020: the hours that end from 01:00 to 24:00 UTC."""
    derived(twin, ["atmo_occitanie_2020_03"], "air_quality_daily")
    day = "2020-03-16"
    no2 = [
        2.9, 2.7, 2.8, 4.2, 6.5, 8.9, 9.8, 15.5, 13.5, 13.3, 12.6, 11.9,
        13.1, 15.0, 17.6, 19.8, 18.4, 22.4, 29.6, 22.5, 23.7, 24.6, 25.8, 22.2,
    ]  # fmt: skip
    assert values(twin, "air_quality_daily", "FR50200.no2_daily_maximum")[day] == max(no2) == 29.6
    # They add up to 359.3; 359.3 / 24 = 14.97083
    assert values(twin, "air_quality_daily", "FR50200.no2_daily_mean")[day] == 14.971
    # PM10 adds up to 659.1; 659.1 / 24 = 27.4625. PM2.5: 216.3 / 24 = 9.0125
    assert values(twin, "air_quality_daily", "FR50200.pm10_daily_mean")[day] == pytest.approx(27.4625, abs=5.1e-4)
    assert values(twin, "air_quality_daily", "FR50200.pm2_5_daily_mean")[day] == pytest.approx(9.0125, abs=5.1e-4)
    assert values(twin, "air_quality_daily", "FR50200.no2_completeness")[day] == 100
    # 14 March has the 14 hours that end from 11:00 to 24:00, 17 March the 9 up to 09:00: 58.3 % and 37.5 %
    assert set(values(twin, "air_quality_daily", "FR50200.no2_daily_maximum")) == {"2020-03-15", day}


def test_the_index_of_2020_is_said_to_be_retrospective(twin):
    """Hérault, 16 March 2020: Fond stations alone, Pompignane and Saint Denis (Trafic) and Lunel-Viel left out."""
    datasets = ["atmo_occitanie_2020_03", "occitanie_departments"]
    with pytest.raises(
        DoesNotApply, match=r"applies from 2021-01-01 on, and observations ends on 2020-03-17: set retro"
    ):
        derived(twin, datasets, "air_quality_index", zones="departments")
    pipeline.derive(twin, "air_quality_index", {"zones": "departments", "retrospective": True})
    found = {(row["id"], row["valid_from"].date().isoformat()): row for row in features(twin, "air_quality_index_days")}
    row = found["34", "2020-03-16"]
    # NO2: the greatest hour is 43.8 (FR50201 Chaptal), in ]40, 90]: 2. With traffic it would be 74.7, also 2.
    # O3: 99.9 (FR50200), in ]50, 100]: 2. PM10: 659.1 / 24 = 27.46, in ]20, 40]: 2.
    # PM2.5: 216.3 / 24 = 9.01, up to 10: 1. The worst is 2.
    assert [row[f"{name}_index"] for name in ("no2", "pm10", "pm2_5")] == [2, 2, 1]
    assert (row["air_quality_index"], row["o3_index"]) == (2, 2)
    assert row["method"] == "atmo_2020_retrospective"
    assert "Trafic" not in row["stations"]
    collection = twin.store.catalogue.collection("air_quality_index", OPERATOR)
    assert "méthode 2021 appliquée rétrospectivement" in collection.title.fr
    assert "in retrospect" in collection.title.en
    # Aveyron has one background station, Rodez, that measures neither NO2 nor PM2.5: no index, and the reason.
    assert found["12", "2020-03-16"]["air_quality_index"] == 0
    assert found["12", "2020-03-16"]["missing"] == "no2, pm2_5"
    assert found["82", "2020-03-16"]["stations"] is None
    series = values(twin, "air_quality_index", "34.air_quality_index")
    assert series["2020-03-16"] == 2
    assert series["2020-03-14"] == 0  # 14 hours: unavailable


def test_few_hours_of_toulouse_in_2023_make_no_index(twin):
    datasets = ["atmo_occitanie_2023_11", "occitanie_departments"]
    derived(twin, datasets, "air_quality_index", zones="departments")
    (row,) = [
        row
        for row in features(twin, "air_quality_index_days")
        if row["id"] == "31" and row["valid_from"] == datetime(2023, 11, 24, tzinfo=UTC)
    ]
    assert (row["air_quality_index"], row["worst"]) == (0, None)
    assert row["missing"] == "no2, o3, pm10, pm2_5"
    assert row["method"] == "atmo_2020"
    # Of that day the 13 analysers of background stations (3 of NO2, 5 of O3, 3 of PM10, 2 of PM2.5) have the ten hours
    # of PM2.5 at FR50030 alone: 10 / (13 x 24) = 3.2 %
    assert row["completeness"] == 3.2


def test_an_ozone_day_of_paris(twin):
    """PA13, 20 June 2017: the eight hours that end from 11:00 to 18:00 have the highest mean."""
    derived(twin, ["airparif_pa13_2017_2018"], "air_quality_daily")
    hours = [146, 168, 181, 174, 195, 194, 182, 156]  # those that end from 11:00 to 18:00
    after = [168, 181, 174, 195, 194, 182, 156, 159]  # and from 12:00 to 19:00
    assert (sum(hours) / 8, sum(after) / 8) == (174.5, 176.125)
    day = "2017-06-20"
    assert values(twin, "air_quality_daily", "PA13.o3_daily_maximum_8h")[day] == 176.125
    assert values(twin, "air_quality_daily", "PA13.o3_daily_maximum")[day] == 195
    # 26 March 2017, when clocks change, has its 24 hours like any other day.
    assert values(twin, "air_quality_daily", "PA13.no2_completeness")["2017-03-26"] == 100
    last = max(values(twin, "air_quality_daily", "PA13.no2_daily_mean"))
    assert last == "2018-12-31"  # whose hour 24 ends in 2019


def test_years_of_paris_against_the_standards(twin):
    derived(twin, ["airparif_pa13_2017_2018"], "air_quality_exceedances", outside_validity=True)
    found = {
        (row["year"], row["standard"], row["pollutant"], row["statistic"]): row
        for row in features(twin, "air_quality_exceedances")
    }
    no2 = found[2017, "eu_2008_50", "no2", "annual_mean"]
    # 8,577 hours of 8,760 add up to 280,328: 280,328 / 8,577 = 32.68369; 8,577 / 8,760 = 97.911 %
    assert (no2["value"], no2["limit"], no2["capture"]) == (pytest.approx(280_328 / 8_577, abs=5e-4), 40, 97.9)
    assert (no2["status"], no2["in_force"]) == ("respected", True)
    assert found[2017, "eu_2024_2881", "no2", "annual_mean"]["status"] == "exceeded"  # 32.7 > 20, the limit of 2030
    assert found[2017, "eu_2024_2881", "no2", "annual_mean"]["in_force"] is False
    # No hour above 200; the 19th greatest is 106.
    hourly = found[2017, "eu_2008_50", "no2", "hourly"]
    assert (hourly["count"], hourly["allowed"], hourly["value"]) == (0, 18, 106)
    # Ozone days above 120: 2017-06-01 122; 06-19 145; 06-20 176.125; 06-21 154.5; 06-22 130.75; 07-07 121.375;
    # 08-28 120.75; 08-29 127.875. That is 8; 2018 has 23, and the mean of the years known is (8 + 23) / 2.
    ozone = found[2017, "eu_2008_50", "o3", "daily_maximum_8h"]
    assert (ozone["count"], ozone["years"], ozone["status"]) == (8, 1, "respected")
    ozone = found[2018, "eu_2008_50", "o3", "daily_maximum_8h"]
    assert (ozone["count"], ozone["years"], ozone["status"]) == (15.5, 2, "respected")
    # Peak season, from half-year means 63.5, 72.0, 76.3 (March to August), 75.3, 68.6, 60.1, 52.0: above 60.
    season = found[2017, "who_2021", "o3", "peak_season"]
    assert (season["value"], season["status"]) == (pytest.approx(76.3401, abs=5e-4), "exceeded")
    # 230 of 357 valid days have a mean above 25; 357 - ceil(353.43) = 3 may, and the fourth greatest is 70.708.
    daily = found[2017, "who_2021", "no2", "daily_mean"]
    assert (daily["count"], daily["allowed"], daily["value"]) == (230, 3, 70.708)
    assert {year for year, *_ in found} == {2017, 2018}


def test_a_few_days_are_insufficient_whatever_they_say(twin):
    derived(twin, ["atmo_occitanie_2023_11"], "air_quality_exceedances")
    rows = features(twin, "air_quality_exceedances")
    assert {row["status"] for row in rows} == {"insufficient"}
    assert {row["standard"] for row in rows} == {"who_2021", "eu_2008_50"}
