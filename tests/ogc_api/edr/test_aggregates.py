"""Statistics by period and over areas: the values computed by hand, their completeness beside them."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from covjson_pydantic.coverage import Coverage, CoverageCollection

from ogc_api.edr import Edr
from ogc_api.edr.periods import Aggregation, at_least, rules
from ogc_api.edr.statistics import statistics
from tests.ogc_api.edr.edr_twin import (
    BASE,
    XS,
    YS,
    Get,
    field,
    fill,
    no_data,
    opened,
    put_heat,
    requests_to,
    temperature,
)
from tests.ogc_api.edr.test_grids import LAMBERT
from twin.time import TimeSpan

ONE = "observations/locations/S001"
DAYS = {"period": "P1D"}
CELL = {"coords": f"POINT({XS[4]} {YS[6]})", "crs": LAMBERT}
EVERY = "mean,min,max,sum,count,p10,p50,p90"


def ranges(response) -> dict[str, np.ndarray]:
    assert response.status_code == 200, response.text
    return {name: np.array(each["values"], dtype=float) for name, each in response.json()["ranges"].items()}


def good(day: int) -> np.ndarray:
    """Return the good values of S001: the eighth of the first day is a sudden step."""
    values = temperature(0)[24 * day : 24 * day + 24]
    return np.delete(values, 7) if day == 0 else values


def test_days_of_a_series(get: Get) -> None:
    response = get(ONE, {**DAYS, "aggregation": EVERY, "parameter-name": "air_temperature"})
    Coverage.model_validate_json(response.content)
    found = ranges(response)
    for name, compute in {
        "mean": np.mean,
        "min": np.min,
        "max": np.max,
        "sum": np.sum,
        "count": len,
        "p10": lambda values: np.percentile(values, 10),
        "p50": np.median,
        "p90": lambda values: np.percentile(values, 90),
        "completeness": lambda values: len(values) / 24,
    }.items():
        assert found[f"air_temperature_{name}"] == pytest.approx([compute(good(day)) for day in (0, 1)]), name
    axis = response.json()["domain"]["axes"]["t"]
    assert axis["values"] == ["2026-07-01T00:00:00Z", "2026-07-02T00:00:00Z"]
    assert axis["bounds"][1::2] == ["2026-07-02T00:00:00Z", "2026-07-03T00:00:00Z"]
    told = response.json()["parameters"]["air_temperature_count"]
    assert told["unit"]["symbol"]["value"] == "1"
    assert "P1D" in told["description"]["en"]
    assert "UTC" in told["description"]["en"]


def test_days_of_paris_begin_at_22_utc_and_datetime_chooses_whole_ones(get: Get) -> None:
    asked = {**DAYS, "time-zone": "Europe/Paris", "aggregation": "count", "parameter-name": "air_temperature"}
    response = get("observations/locations/S002", asked)
    assert response.json()["domain"]["axes"]["t"]["values"] == [
        "2026-06-30T22:00:00Z",
        "2026-07-01T22:00:00Z",
        "2026-07-02T22:00:00Z",
    ]
    assert ranges(response)["air_temperature_count"].tolist() == [22, 24, 2]
    assert ranges(response)["air_temperature_completeness"] == pytest.approx([22 / 24, 1, 2 / 24])
    assert "Europe/Paris" in response.json()["parameters"]["air_temperature_count"]["description"]["fr"]
    instant = get("observations/locations/S002", {**asked, "datetime": "2026-07-01T23:30:00Z"})
    assert ranges(instant)["air_temperature_count"].tolist() == [24]


def test_what_is_too_incomplete_is_withheld_unless_asked(get: Get) -> None:
    """Two hours of a day are less than the 75 % of the directive; the count and the share are told."""
    asked = {**DAYS, "time-zone": "Europe/Paris", "aggregation": "mean,count", "parameter-name": "air_temperature"}
    found = ranges(get("observations/locations/S002", asked))
    assert np.isnan(found["air_temperature_mean"]).tolist() == [False, False, True]
    assert found["air_temperature_count"][2] == 2
    every = ranges(get("observations/locations/S002", {**asked, "minimum-completeness": "0"}))
    assert every["air_temperature_mean"][2] == pytest.approx(temperature(2)[46:].mean())
    strict = ranges(get("observations/locations/S002", {**asked, "minimum-completeness": "0.95"}))
    assert np.isnan(strict["air_temperature_mean"]).tolist() == [True, False, True]


def test_hours_and_months_of_a_series(get: Get) -> None:
    hours = get(ONE, {"period": "PT1H", "parameter-name": "air_temperature"}).json()
    assert len(hours["domain"]["axes"]["t"]["values"]) == 47
    assert hours["ranges"]["air_temperature_mean"]["values"] == np.delete(temperature(0), 7).tolist()
    month = ranges(get(ONE, {"period": "P1M", "minimum-completeness": "0", "parameter-name": "air_temperature"}))
    assert month["air_temperature_mean"] == pytest.approx([np.delete(temperature(0), 7).mean()])
    assert month["air_temperature_completeness"] == pytest.approx([47 / (31 * 24)])


def test_an_area_of_stations_together_at_each_instant(get: Get) -> None:
    area = "POLYGON((1169000 6279000,1174000 6279000,1174000 6283000,1169000 6283000,1169000 6279000))"
    asked = {
        "coords": area,
        "crs": LAMBERT,
        "aggregate": "area",
        "aggregation": "mean,max",
        "parameter-name": "air_temperature",
    }
    response = get("observations/area", asked)
    Coverage.model_validate_json(response.content)
    assert response.json()["domain"]["domainType"] == "PolygonSeries"
    found = ranges(response)
    rows = np.stack([temperature(n) for n in (0, 2, 3)])
    rows[0, 7] = np.nan
    assert found["air_temperature_mean"] == pytest.approx(np.nanmean(rows, axis=0))
    assert found["air_temperature_max"] == pytest.approx(np.nanmax(rows, axis=0))
    share = np.ones(48)
    share[7] = 2 / 3
    assert found["air_temperature_completeness"] == pytest.approx(share)
    day = ranges(get("observations/area", {**asked, **DAYS, "datetime": "2026-07-01"}))
    assert day["air_temperature_mean"] == pytest.approx([np.nanmean(rows[:, :24])])
    assert day["air_temperature_completeness"] == pytest.approx([71 / 72])


def test_days_of_a_cell_and_of_a_grid_agree(get: Get) -> None:
    cell = ranges(get("heat/position", {**CELL, **DAYS, "aggregation": EVERY}))
    steps = np.array([field(step)[6, 4] for step in range(24)])
    for name, value in {
        "mean": steps.mean(),
        "sum": steps.sum(),
        "min": steps[0],
        "max": steps[-1],
        "p10": np.percentile(steps, 10),
        "count": 24,
        "completeness": 1,
    }.items():
        assert cell[f"air_temperature_{name}"][0] == pytest.approx(value, rel=1e-6), name
    box = {"bbox": "1170000,6280000,1170500,6280500", "crs": LAMBERT}
    response = get("heat/cube", {**box, **DAYS, "aggregation": EVERY})
    Coverage.model_validate_json(response.content)
    grid = ranges(response)
    for name, values in cell.items():
        assert grid[name].reshape(2, 10, 10)[:, 6, 4] == pytest.approx(values), name
    assert b'"values":[11.' in get("heat/position", {**CELL, **DAYS}).content


def test_an_area_of_a_grid_together(get: Get) -> None:
    coords = "MULTIPOLYGON(((1170000 6280000,1170100 6280000,1170100 6280050,1170000 6280050,1170000 6280000)),"
    coords += "((1171000 6281000,1171050 6281000,1171050 6281050,1171000 6281050,1171000 6281000)))"
    asked = {"coords": coords, "crs": LAMBERT, "aggregate": "area", "aggregation": "mean,max,count"}
    response = get("heat/area", {**asked, "datetime": "2026-07-01T05:00:00Z"})
    CoverageCollection.model_validate_json(response.content)
    one, other = response.json()["coverages"]
    assert one["ranges"]["air_temperature_mean"]["values"] == pytest.approx([field(5)[0, :2].mean()], rel=1e-6)
    assert one["ranges"]["air_temperature_count"]["values"] == [2]
    assert other["ranges"]["air_temperature_max"]["values"] == pytest.approx([field(5)[20, 20]])
    static = get("built_fraction/area", asked).json()["coverages"][0]
    assert static["domain"]["domainType"] == "Polygon"
    assert static["ranges"]["built_fraction_mean"]["values"] == pytest.approx([field(0)[0, :2].mean()], rel=1e-6)
    days = get("heat/cube", {"bbox": "1170000,6280000,1170100,6280050", "crs": LAMBERT, "aggregate": "area", **DAYS})
    mean = np.mean([field(step)[0, :2] for step in range(24)])
    assert ranges(days)["air_temperature_mean"][0] == pytest.approx(mean, rel=1e-6)


def test_aggregates_in_every_format(get: Get) -> None:
    text = get(ONE, {**DAYS, "f": "CSV", "parameter-name": "air_temperature"}).text
    heading, *rows = csv.reader(io.StringIO(text))
    assert heading[3:] == [
        *("datetime (UTC)", "end (UTC)", "air_temperature_mean (Cel)", "air_temperature_completeness (1)")
    ]
    assert float(rows[1][5]) == pytest.approx(good(1).mean())
    box = {"bbox": "1170000,6280000,1170500,6280500", "crs": LAMBERT}
    response = get("heat/cube", {**box, **DAYS, "f": "NetCDF", "aggregation": "max"})
    with xr.open_dataset(io.BytesIO(response.content), engine="h5netcdf") as dataset:
        assert dataset["air_temperature_max"].attrs["cell_methods"] == "time: maximum"
        assert "time_bounds" in dataset.variables
        np.testing.assert_array_equal(dataset["air_temperature_max"][0], field(23)[:10, :10])
    area = {**box, "aggregate": "area"}
    assert get("heat/cube", {**area, "f": "GeoTIFF"}).status_code == 400
    for name in ("CSV", "GeoJSON", "NetCDF"):
        assert get("heat/cube", {**area, "f": name}).status_code == 200, name
    assert get("heat/cube", {**box, **DAYS, "f": "GeoTIFF"}).status_code == 200


@pytest.mark.parametrize(
    ("path", "asked", "word"),
    [
        (ONE, {"aggregation": "mean"}, "period"),
        (ONE, {"time-zone": "Europe/Paris"}, "period"),
        (ONE, {"minimum-completeness": "0.5"}, "period"),
        (ONE, {**DAYS, "aggregation": "median"}, "p99"),
        (ONE, {**DAYS, "aggregation": "p100"}, "p99"),
        (ONE, {**DAYS, "minimum-completeness": "75"}, "from 0 to 1"),
        (ONE, {**DAYS, "time-zone": "Mars/Olympus"}, "IANA"),
        (ONE, {"period": "P1W"}, "P1D"),
        (ONE, {**DAYS, "aggregate": "area"}, "aggregate"),
        (ONE, {**DAYS, "parameter-name": "air_temperature_quality"}, "good"),
        ("built_fraction/position", {**CELL, **DAYS}, "no time"),
        ("heat/position", {**CELL, "aggregate": "area"}, "aggregate"),
    ],
)
def test_bad_aggregates_are_400_with_a_sentence(get: Get, path: str, asked: dict[str, str], word: str) -> None:
    response = get(path, asked)
    assert response.status_code == 400, response.text
    assert word in response.json()["detail"]


def test_outside_of_the_period_there_is_no_data(get: Get) -> None:
    for path, asked in ((ONE, {}), ("heat/position", CELL)):
        assert "2030" in no_data(get(path, {**asked, **DAYS, "datetime": "2030-01-01"}))


def test_in_a_gap_of_a_coverage_there_is_no_data(tmp_path: Path) -> None:
    with opened(tmp_path) as twin:
        put_heat(twin.store, gap=slice(10, 20))
        edr = Edr(twin, BASE)
        hours = {**CELL, "period": "PT1H", "datetime": "2026-07-01T12:30:00Z/2026-07-01T15:00:00Z"}
        assert "heat holds nothing" in no_data(requests_to(edr)("heat/position", hours))
        edr.close()


def test_what_is_read_is_bounded_too(tmp_path: Path) -> None:
    with opened(tmp_path, aggregated_values=46) as twin:
        fill(twin)
        edr = Edr(twin, BASE)
        get = requests_to(edr)
        for path, asked in ((ONE, {"parameter-name": "air_temperature"}), ("heat/position", CELL)):
            response = get(path, {**asked, **DAYS})
            assert response.status_code == 413
            assert "46" in response.json()["detail"]
        edr.close()


def test_statistics_pass_over_what_is_missing() -> None:
    values = np.array([[1.0, np.nan], [np.nan, np.nan], [4.0, np.nan], [3.0, np.nan]])
    found, count = statistics(values, ("mean", "min", "max", "sum", "count", "p50", "p25"))
    assert count.tolist() == [3, 0]
    assert {name: float(each[0]) for name, each in found.items()} == pytest.approx(
        {"mean": 8 / 3, "min": 1, "max": 4, "sum": 8, "count": 3, "p50": 3, "p25": 2}
    )
    assert all(np.isnan(each[1]) for name, each in found.items() if name != "count")


def test_days_follow_the_clocks() -> None:
    """In Paris, 25 October 2026 lasts 25 hours and 29 March 23; October starts two hours before UTC's."""
    for day, hours in (("2026-10-25", 25), ("2026-03-29", 23)):
        first, last = Aggregation(("mean",), "P1D", "Europe/Paris").edges(TimeSpan.parse(f"{day}T12:00:00Z"))
        assert (last - first).total_seconds() == hours * 3600
    months = Aggregation(("mean",), "P1M", "Europe/Paris").edges(TimeSpan.parse("2026-10-03/2026-11-05"))
    assert [f"{edge:%m-%dT%H}" for edge in months] == ["09-30T22", "10-31T23", "11-30T23"]


@pytest.mark.parametrize(
    ("period", "finest", "enough"),
    [
        ("P1D", "P1D", True),
        ("PT1H", "P1D", False),
        ("P1M", "P30D", False),
        ("P1Y", "P1M", True),
        ("PT1H", "PT30M", True),
    ],
)
def test_a_period_is_at_least_the_finest(period: str, finest: str, enough: bool) -> None:
    assert at_least(period, finest) == enough


def test_rules_of_completeness_are_data() -> None:
    assert {rule.period: rule.share for rule in rules()} == {"PT1H": 0.75, "P1D": 0.75, "P1M": 0.75, "P1Y": 0.9}
    assert all(rule.source for rule in rules())
    old = np.array(["2001-01-01", "2026-01-01"], "M8[us]")
    assert Aggregation(("mean",), "P1D").least(old).tolist() == [0, 0.75]
