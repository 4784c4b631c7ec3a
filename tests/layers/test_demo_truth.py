"""On the demo city, whose true temperatures are known, the layers find what it was made from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import shapely

from layers.quality_control.judgement import Surroundings, judge
from layers.quality_control.parameters import Network
from tests.layers.layer_twin import empty_twin
from twin import demo, pipeline
from twin.context import Twin
from twin.demo.city import build
from twin.demo.truth import observation_rows
from twin.store import OPERATOR, FeatureQuery, ObservationQuery

LAPSE = -0.0065


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Twin, Path]]:
    folder = tmp_path_factory.mktemp("demo")
    demo.write(folder, scale=0.02)
    with empty_twin(folder / "var", "34") as twin:
        for manifest in demo.manifests(folder):
            pipeline.ingest(twin, manifest)
        pipeline.derive(twin, "built_fraction", {})
        pipeline.derive(twin, "urban_morphology", {})
        pipeline.derive(twin, "heat_island", {})
        pipeline.derive(twin, "heat_waves", {})
        pipeline.derive(twin, "heat_map", {})
        pipeline.derive(twin, "air_quality_index", {"reach": 3000})
        pipeline.derive(twin, "air_quality_map", {})
        yield twin, folder / "truth"


def rows(twin: Twin, collection: str) -> dict[str, dict[str, object]]:
    table = twin.store.features.read(FeatureQuery(collection=collection, with_geometry=False), OPERATOR).read_all()
    return {row["id"]: row for row in table.to_pylist()}


def test_hourly_differences_are_the_true_ones_to_the_noise_of_thermometers(city: tuple[Twin, Path]) -> None:
    """Stuck and wild values are flagged at ingest and left out: they would show by kelvins."""
    twin, truth = city
    true = np.load(truth / "temperature.npz")
    ids, times = true["weather_station"].tolist(), true["time"].astype("M8[us]")
    summary = rows(twin, "heat_island_stations")
    altitude = np.array([summary[identity]["altitude"] for identity in ids], float)
    level = true["air_temperature"] - LAPSE * altitude[:, np.newaxis]
    reference = np.array([summary[identity]["is_reference"] for identity in ids], bool)
    expected = level - level[reference].mean(axis=0)
    table = twin.store.observations.read(ObservationQuery(collection="heat_island"), OPERATOR).read_all()
    station = [ids.index(stream.split(".")[0]) for stream in table["datastream"].to_pylist()]
    step = np.searchsorted(times, table["phenomenon_time"].cast(pa.int64()).to_numpy().view("M8[us]"))
    error = table["result"].to_numpy() - expected[station, step]
    assert len(error) > 0.9 * expected.size
    assert np.sqrt((error**2).mean()) < 0.35
    assert np.abs(error).max() < 3


def test_the_denser_the_town_the_stronger_the_island(city: tuple[Twin, Path]) -> None:
    twin, _ = city
    summary, stations = rows(twin, "heat_island_stations"), rows(twin, "stations")

    def mean(environment: str) -> float:
        found = [
            row["nocturnal_index"] for name, row in summary.items() if stations[name]["environment"] == environment
        ]
        return float(np.mean(np.array(found, float)))

    assert mean("urban") > mean("suburban") > mean("rural")


def test_all_the_ground_under_buildings_is_in_the_map(city: tuple[Twin, Path]) -> None:
    twin, _ = city
    with twin.store.cubes.open("built_fraction", OPERATOR) as cube:
        last = cube["built_fraction"].isel(time=-1)
        cell = float((cube["x"][1] - cube["x"][0]) * (cube["y"][1] - cube["y"][0]))
        mapped = float(last.sum()) * cell
        year = str(last["time"].values)[:10]
    query = FeatureQuery(collection="buildings", columns=())
    area = 0.0
    for batch in twin.store.features.read(query, OPERATOR):
        start, end = (
            batch[name].cast(pa.timestamp("us")).to_numpy(zero_copy_only=False) for name in ("valid_from", "valid_to")
        )
        at = np.datetime64(year, "us")
        standing = (np.isnat(start) | (start <= at)) & (np.isnat(end) | (end > at))
        area += shapely.area(shapely.from_wkb(batch["geometry"].to_numpy(zero_copy_only=False)))[standing].sum()
    assert mapped == pytest.approx(area, rel=1e-4)


def test_no_true_difference_is_taken_for_a_fault(city: tuple[Twin, Path]) -> None:
    """Town and country differ by kelvins at night, and none of that is flagged as at odds with the neighbours."""
    twin, _ = city
    before = twin.store.catalogue.collection("observations", OPERATOR).revision
    pipeline.derive(twin, "quality_control", {})
    assert twin.store.catalogue.collection("observations", OPERATOR).revision == before
    told = rows(twin, "quality_control").values()
    assert sum(row["flagged"] for row in told) == 0
    assert min(row["neighbours"] for row in told) >= 5, "not for want of neighbours"


def test_neighbours_tell_the_faults_without_the_tests_in_time(city: tuple[Twin, Path]) -> None:
    """Of what was measured, unflagged: every spike is found, the stuck hours that are wrong, and nothing else."""
    twin, truth = city
    true = np.load(truth / "temperature.npz")
    ids = true["weather_station"].tolist()
    raw = observation_rows(truth.parent)
    raw = raw.filter(
        pc.and_(pc.equal(raw["observed_property"], "air_temperature"), pc.is_in(raw["object_id"], pa.array(ids)))
    )
    values = np.full(true["air_temperature"].shape, np.nan)
    station = pc.index_in(raw["object_id"], pa.array(ids)).to_numpy()
    step = np.searchsorted(true["time"].astype("M8[us]"), raw["time"].cast(pa.int64()).to_numpy().view("M8[us]"))
    values[station, step] = raw["value"].to_numpy()
    stations = rows(twin, "stations")
    altitude = np.array([stations[name]["altitude"] for name in ids])
    table = twin.store.features.read(
        FeatureQuery(collection="stations", ids=tuple(ids), columns=()), OPERATOR
    ).read_all()
    assert table["id"].to_pylist() == ids
    place = shapely.get_coordinates(shapely.from_wkb(table["geometry"].to_numpy()))
    asked = Network()
    found = judge(values, true["time"], asked, Surroundings.of(asked, place, altitude))
    flagged = np.zeros(values.shape, bool)
    flagged.flat[found.cells] = True
    error = np.abs(values - true["air_temperature"])
    assert flagged[error > 8].all()
    assert (error > 8).sum() > 10
    assert error[flagged].min() > 4, "no sound value is flagged, whatever its neighbours do"


@pytest.mark.parametrize(("alignment", "first", "last"), [("first", 11, 16), ("middle", 12, 17), ("last", 13, 18)])
def test_the_heat_wave_is_found(city: tuple[Twin, Path], alignment: str, first: int, last: int) -> None:
    """It lasts from the 11th to the 18th; a mean over three days of it is given to one of them."""
    twin, truth = city
    assert json.loads((truth / "truth.json").read_text())["heat_wave"] == ["2026-07-11", "2026-07-18"]
    pipeline.derive(twin, "heat_waves", {"alignment": alignment})
    (wave,) = rows(twin, "heat_waves").values()
    assert (wave["first_day"], wave["last_day"]) == (date(2026, 7, first), date(2026, 7, last))
    assert (wave["thresholds"], wave["start_known"], wave["end_known"]) == ("22/35", True, True)


def map_error(twin: Twin, folder: Path) -> float:
    """Return the root mean square error of the maps of the difference with the reference, in K."""
    made = build(0.02)
    reference = [name for name, row in rows(twin, "heat_island_stations").items() if row["is_reference"]]
    places = shapely.get_coordinates(made.stations.point)[np.isin(made.stations.id, reference)]
    with twin.store.cubes.open("heat_island_map", OPERATOR) as cube:
        difference = cube["air_temperature_difference"].values
        x, y = np.meshgrid(cube["x"].values, cube["y"].values)
    cells = np.column_stack([x.ravel(), y.ravel()])
    anomaly = made.island.anomaly(cells) - made.island.anomaly(places).mean()
    error = difference.reshape(len(difference), -1) - np.outer(np.load(folder / "temperature.npz")["island"], anomaly)
    assert np.isfinite(error).mean() > 0.7
    return float(np.sqrt(np.nanmean(error**2)))


def test_the_heat_field_is_mapped_to_the_noise_of_thermometers(city: tuple[Twin, Path]) -> None:
    """From eleven stations, one of them stuck for three days and one silent for four."""
    twin, truth = city
    assert map_error(twin, truth) < 0.25
    hours = rows(twin, "heat_island_map_error").values()
    mapped = [row for row in hours if row["reason_fr"] is None]
    assert len(hours) == 720
    assert len(mapped) > 710
    left_out = np.sqrt(np.mean(np.square([float(str(row["rmse"])) for row in mapped])))
    assert 0.2 < left_out < 0.5
    assert abs(np.mean([float(str(row["bias"])) for row in mapped])) < 0.1


def test_the_minima_of_days_are_the_true_ones_to_the_noise_of_thermometers(city: tuple[Twin, Path]) -> None:
    """Both at altitude 0; the minimum of a cell is of its own hour, not of the reference's."""
    twin, truth = city
    made, true = build(0.02), np.load(truth / "temperature.npz")
    reference = [name for name, row in rows(twin, "heat_island_stations").items() if row["is_reference"]]
    places = shapely.get_coordinates(made.stations.point)[np.isin(made.stations.id, reference)]
    with twin.store.cubes.open("heat_island_map_daily", OPERATOR) as cube:
        found, dates = cube["tmin_difference"].values, cube["time"].values.astype("M8[D]")
        x, y = np.meshgrid(cube["x"].values, cube["y"].values)
    days = (true["time"].astype("M8[h]") - np.timedelta64(19, "h")).astype("M8[D]") + np.timedelta64(1, "D")
    anomaly = made.island.anomaly(np.column_stack([x.ravel(), y.ravel()]))
    level = true["open_country"] + np.outer(anomaly, true["island"])
    around = true["open_country"] + made.island.anomaly(places).mean() * true["island"]
    whole = [step for step, day in enumerate(dates) if (days == day).sum() == 24]
    assert len(whole) == 29
    expected = [level[:, days == day].min(axis=1) - around[days == day].min() for day in dates[whole]]
    error = found[whole].reshape(len(whole), -1) - np.array(expected)
    assert np.isfinite(error).mean() > 0.7
    assert np.sqrt(np.nanmean(error**2)) < 0.3


def test_doubtful_values_would_spoil_the_map(city: tuple[Twin, Path]) -> None:
    twin, truth = city
    good = map_error(twin, truth)
    pipeline.derive(twin, "heat_map", {"excluded": []})
    assert map_error(twin, truth) > 1.5 * good


BOUNDS = {"no2": (40, 90, 120, 230, 340), "o3": (50, 100, 130, 240, 380), "pm10": (20, 40, 50, 100, 150)}


def test_the_index_is_what_a_slow_count_of_the_hours_gives(city: tuple[Twin, Path]) -> None:
    twin, _ = city
    background = {name for name, row in rows(twin, "stations").items() if row["environment"] == "background"}
    query = ObservationQuery(collection="observations", observed_properties=tuple(BOUNDS), good_only=True, joined=True)
    hours: dict[tuple[str, str, date], list[float]] = {}
    for row in twin.store.observations.read(query, OPERATOR).read_all().to_pylist():
        if row["object_id"] in background:
            day = (row["phenomenon_time"] - timedelta(seconds=1)).date()
            hours.setdefault((row["observed_property"], row["object_id"], day), []).append(row["result"])
    expected: dict[tuple[str, date], int] = {}
    for (pollutant, _, day), values in hours.items():
        if len(values) >= 18:
            value = sum(values) / len(values) if pollutant == "pm10" else max(values)
            found = 1 + sum(value > bound for bound in BOUNDS[pollutant])
            expected[pollutant, day] = max(found, expected.get((pollutant, day), 0))
    table = twin.store.features.read(FeatureQuery(collection="air_quality_index_days"), OPERATOR).read_all()
    days = [row for row in table.to_pylist() if row["stations"]]
    assert len(expected) == 3 * 30
    assert days
    for row in days:
        for pollutant in BOUNDS:
            assert row[f"{pollutant}_index"] == expected.get((pollutant, row["valid_from"].date()), 0)
    ozone = {day.day: found for (pollutant, day), found in expected.items() if pollutant == "o3"}
    wave = [ozone[day] for day in range(11, 19)]
    assert min(wave) > np.mean([ozone[day] for day in range(1, 10)])  # heat makes ozone


def test_no_pollutant_is_mapped_from_too_few_stations(city: tuple[Twin, Path]) -> None:
    twin, _ = city
    told = [
        row for name in ("no2", "o3", "pm10", "pm2_5") for row in rows(twin, f"air_quality_map_{name}_error").values()
    ]
    assert told
    assert all(str(row["reason_en"]).endswith("stations have a good value, and 6 are needed.") for row in told)
    there = {collection.id for collection in twin.store.catalogue.collections(OPERATOR)}
    assert "air_quality_map_no2" not in there
