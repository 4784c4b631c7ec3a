"""Heat maps on a small city whose temperature is known everywhere (``heat_scene``)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from distributed import LocalCluster

from layers.heat_map.cool import contrast, cool_islands
from layers.interpolation import regimes
from layers.mapping import Atlas, atlas
from tests.layers.heat_scene import (
    AIR,
    ALTITUDE,
    AROUND,
    BUILT,
    CELL,
    COLUMNS,
    GREEN,
    HOURS,
    ISLAND,
    PARAMETERS,
    ROWS,
    START,
    TEMPERATURE,
    X,
    Y,
    commit_city,
    make_stations,
)
from tests.layers.layer_twin import commit_stations, empty_twin
from twin import pipeline
from twin.context import Twin
from twin.crs import BBox
from twin.errors import DoesNotApply
from twin.model import Grid, Text
from twin.settings import ComputeSettings
from twin.store import OPERATOR, FeatureQuery

#: Of what is written.
STEP = 1 / 128


def derive(twin: Twin, **more: object) -> pipeline.DeriveReport:
    return pipeline.derive(twin, "heat_map", {**PARAMETERS, **more})


def maps(twin: Twin, name: str = "heat_island_map") -> xr.Dataset:
    with twin.store.cubes.open(name, OPERATOR) as cube:
        return cube.load()


def features(twin: Twin, name: str) -> dict[str, dict[str, object]]:
    table = twin.store.features.read(FeatureQuery(collection=name, with_geometry=False), OPERATOR).read_all()
    return {row["id"]: row for row in table.to_pylist()}


def lineage(twin: Twin) -> Text:
    told = twin.store.catalogue.collection("heat_island_map", OPERATOR).lineage
    assert told is not None
    return told


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    """Derive the whole month; hour 7 lacks the reference, hour 30 all but four stations, station 5 is stuck."""
    values = TEMPERATURE.copy()
    values[0, 7] = values[4:, 30] = np.nan
    values[5] = 40.0
    given = make_stations(values)
    given[5].flags = dict.fromkeys(range(HOURS), 3)
    with empty_twin(tmp_path_factory.mktemp("map")) as twin:
        commit_city(twin, vegetation_fraction=GREEN)
        commit_stations(twin, given, START)
        derive(twin)
        yield twin


def test_a_field_linear_in_the_covariate_is_given_back_everywhere(twin: Twin) -> None:
    found = maps(twin)
    assert found.sizes == {"time": HOURS, "y": ROWS, "x": COLUMNS}
    mapped = np.delete(np.arange(HOURS), [7, 30])
    expected = ISLAND[mapped, None, None] * (BUILT - AROUND[0])
    np.testing.assert_allclose(found["air_temperature_difference"].values[mapped], expected, atol=0.6 * STEP)
    at_reference = (AIR + AROUND[0] * ISLAND)[mapped, None, None] - 0.0065 * ALTITUDE[0]
    np.testing.assert_allclose(found["air_temperature"].values[mapped], expected + at_reference, atol=0.6 * STEP)
    np.testing.assert_allclose(found["standard_error"].values[mapped], 0, atol=STEP)


def test_hours_without_a_map_are_blank_and_say_why(twin: Twin) -> None:
    found, told = maps(twin), features(twin, "heat_island_map_error")
    assert len(told) == HOURS
    for hour in (7, 30):
        assert all(np.isnan(values[hour]).all() for values in found.data_vars.values() if values.ndim == 3)
    reference, few = told["2026-07-10T07Z"], told["2026-07-11T06Z"]
    assert reference["reason_en"] == "No map: the reference has no good value."
    assert reference["reason_fr"] == "Pas de carte : la référence n'a pas de valeur sûre."
    assert few["reason_en"] == "No map: 4 stations have a good value, and 5 are needed."
    assert (few["rmse"], few["stations"]) == (None, 4)


def test_each_hour_has_its_error(twin: Twin) -> None:
    told = features(twin, "heat_island_map_error")
    noon, midnight = told["2026-07-10T12Z"], told["2026-07-11T00Z"]
    assert (noon["night"], midnight["night"]) == (False, True)
    assert noon["stations"] == 15
    assert noon["rmse"] == noon["bias"] == pytest.approx(0, abs=1e-4)
    assert noon["reason_fr"] is None
    assert noon["fitted"] is False
    assert str(noon["valid_from"]) == "2026-07-10 12:00:00+00:00"
    assert str(noon["valid_to"]) == "2026-07-10 13:00:00+00:00"


def test_collections_say_how_they_were_made(twin: Twin) -> None:
    told = lineage(twin)
    assert "S00" in told.fr
    assert f"({ALTITUDE[0]:.0f} m)" in told.en
    assert "Convention de ce logiciel" in twin.store.catalogue.collection("cool_islands", OPERATOR).description.fr


def test_nights_of_the_month(twin: Twin) -> None:
    """Nights end on the 10th to the 12th; the first lacks its evening, the second one hour."""
    found = maps(twin, "heat_island_nights").isel(time=0)
    hours = np.datetime64(START, "h") + np.arange(HOURS)
    clock = hours.astype(int) % 24
    mapped = ~np.isin(np.arange(HOURS), [7, 30])
    night = ((clock >= 18) | (clock <= 6)) & mapped
    expected = ISLAND[night].mean() * (BUILT - AROUND[0])
    np.testing.assert_allclose(found["night_difference"].values, expected, atol=STEP)
    np.testing.assert_allclose(found["completeness"].values, 100 * night.sum() / (31 * 13), rtol=1e-5)
    temperature = AIR[:, None, None] + ISLAND[:, None, None] * BUILT - 0.0065 * ALTITUDE[0]
    days = ((hours - np.timedelta64(19, "h")).astype("M8[D]") + np.timedelta64(1, "D")).astype(str)
    tropical = np.zeros((ROWS, COLUMNS))
    for day in ("2026-07-10", "2026-07-11"):
        tropical += temperature[(days == day) & mapped].min(axis=0) >= 20
    sure = np.abs(temperature - 20).min(axis=0) > STEP
    assert sure.mean() > 0.9
    np.testing.assert_array_equal(found["tropical_nights"].values[sure], tropical[sure])
    assert found["nights"].values.tolist() == np.full((ROWS, COLUMNS), 2).tolist()


def test_a_new_hour_costs_an_hour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    draw = Atlas.draw
    noisy = TEMPERATURE + np.random.default_rng(1).normal(0, 0.2, TEMPERATURE.shape)

    def spied(of: Atlas, steps: np.ndarray) -> Iterator[xr.Dataset]:
        drawn.append(len(steps))
        return draw(of, steps)

    with empty_twin(tmp_path / "one") as twin, empty_twin(tmp_path / "two") as whole:
        for each, hours in ((twin, HOURS - 1), (whole, HOURS)):
            commit_city(each)
            commit_stations(each, make_stations(noisy[:, :hours]), START)
            derive(each, training_days=2)
        before = maps(twin)
        monkeypatch.setattr(Atlas, "draw", spied)
        commit_stations(twin, make_stations(noisy), START)
        derive(twin, training_days=2)
        assert drawn == [1, 17]  # the hour, then its day, from 19 UTC on the eve to 11 UTC
        after = maps(twin)
        xr.testing.assert_identical(after.isel(time=slice(HOURS - 1)), before)
        xr.testing.assert_allclose(after, maps(whole), atol=STEP)
        for name in ("heat_island_map_daily", "heat_island_nights"):
            xr.testing.assert_allclose(maps(twin, name), maps(whole, name), atol=STEP)
        assert derive(twin, training_days=2).run is None


def test_two_dask_workers_draw_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atlas, "BLOCK", 7 * ROWS * COLUMNS)
    noisy = TEMPERATURE + np.random.default_rng(1).normal(0, 0.2, TEMPERATURE.shape)
    noisy[3, 10:20] = np.nan
    found = []
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address="127.0.0.1:0"
    ) as cluster:
        for name, scheduler in (("here", None), ("there", cluster.scheduler_address)):
            with empty_twin(tmp_path / name) as plain:
                settings = plain.settings.model_copy(update={"compute": ComputeSettings(scheduler=scheduler)})
                twin = Twin.over(settings, plain.store)
                commit_city(twin)
                commit_stations(twin, make_stations(noisy), START)
                derive(twin)
                found.append((maps(twin), maps(twin, "heat_island_nights")))
    for here, there in zip(*found, strict=True):
        xr.testing.assert_identical(here, there)


# --- What is missing, or wrong ---------------------------------------------------------------------


def test_a_constant_covariate_gives_no_map(tmp_path: Path) -> None:
    with empty_twin(tmp_path) as twin:
        commit_city(twin, flat=np.full((ROWS, COLUMNS), 0.3))
        commit_stations(twin, make_stations(), START)
        derive(twin, covariates=[{"collection": "city", "variable": "flat"}])
        assert np.isnan(maps(twin)["air_temperature"].values).all()
        reasons = {row["reason_en"] for row in features(twin, "heat_island_map_error").values()}
        assert reasons == {"No map: the covariate flat is the same at all stations."}


def test_stations_at_the_edge_count_and_outside_are_left_out(tmp_path: Path) -> None:
    given = make_stations()
    given[1].point = (X + COLUMNS * CELL, Y + ROWS * CELL)
    given[2].point = (X + COLUMNS * CELL + 1, Y)
    given[3].altitude = None
    with empty_twin(tmp_path) as twin:
        commit_city(twin)
        commit_stations(twin, given, START)
        derive(twin, covariates=[*PARAMETERS["covariates"], {"collection": "city", "variable": "absent"}])
        told = lineage(twin)
        assert told.en.endswith(
            "Absent covariates: city.absent. Stations left out, outside the covariates or without altitude: S02, S03."
        )
        assert {row["stations"] for row in features(twin, "heat_island_map_error").values()} == {14}


def test_the_temperature_is_that_of_the_ground_where_its_altitude_is_known(tmp_path: Path) -> None:
    ground = np.linspace(0, 300, ROWS * COLUMNS).reshape(ROWS, COLUMNS)
    with empty_twin(tmp_path) as twin:
        commit_city(twin, altitude=ground)
        commit_stations(twin, make_stations(), START)
        derive(twin, altitude={"collection": "city", "variable": "altitude"})
        expected = AIR[5] + ISLAND[5] * BUILT - 0.0065 * ground
        np.testing.assert_allclose(maps(twin)["air_temperature"].values[5], expected, atol=STEP)
        derive(twin, altitude_field=None, altitude=None)
        raw = maps(twin)["air_temperature"].values[5]
        assert np.abs(raw - expected).max() > 0.1


def test_another_cell_samples_the_covariates(tmp_path: Path) -> None:
    with empty_twin(tmp_path) as twin:
        commit_city(twin)
        commit_stations(twin, make_stations(), START)
        derive(twin, cell=50.0)
        found = maps(twin)["air_temperature_difference"].isel(time=5)
        assert found.shape == (2 * ROWS, 2 * COLUMNS)
        expected = ISLAND[5] * (np.kron(BUILT, np.ones((2, 2))) - AROUND[0])
        np.testing.assert_allclose(found.values, expected, atol=STEP)


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"covariates": [{"collection": "city", "variable": "absent"}]}, "derive urban_morphology first"),
        ({"reference": "S99"}, "S99"),
        ({"timeseries": "nothing"}, "no collection nothing"),
        ({"observed_property": "no2"}, "observes no2"),
    ],
)
def test_what_is_missing_is_said(twin: Twin, parameters: dict[str, object], reason: str) -> None:
    with pytest.raises(DoesNotApply, match=reason):
        derive(twin, **parameters)


def test_stations_far_from_the_covariates_are_said_to_be(tmp_path: Path) -> None:
    given = make_stations()
    for station in given:
        station.point = (X - 10_000, Y)
    with empty_twin(tmp_path) as twin:
        commit_city(twin)
        commit_stations(twin, given, START)
        with pytest.raises(DoesNotApply, match=r"No station of stations stands where the covariates \(built\)"):
            derive(twin)


def test_mixed_units_are_named(tmp_path: Path) -> None:
    given = make_stations()
    given[4].unit = "K"
    with empty_twin(tmp_path) as twin:
        commit_city(twin)
        commit_stations(twin, given, START)
        with pytest.raises(DoesNotApply, match="air_temperature is observed in Cel and in K"):
            derive(twin)


# --- Parts -----------------------------------------------------------------------------------------


def test_a_variogram_is_fitted_on_days_before_its_month() -> None:
    hours = np.arange(np.datetime64("2026-06-20T00", "h"), np.datetime64("2026-09-01T00", "h"))
    known = np.ones(hours.size, bool)
    found = {(str(one.month), one.night): one for one in regimes(hours, known, (18, 6), 10)}
    assert len(found) == 6
    assert sum(one.hours.size for one in found.values()) == hours.size

    def training(month: str, night: bool) -> tuple[str, str, int]:
        days = hours[found[month, night].training].astype("M8[D]")
        return str(days[0]), str(days[-1]), np.unique(days).size

    assert training("2026-06", True) == ("2026-06-20", "2026-06-29", 10)
    assert training("2026-07", False) == ("2026-06-21", "2026-06-30", 10)
    assert training("2026-08", True) == ("2026-07-22", "2026-07-31", 10)
    clock = hours[found["2026-07", True].training].astype(int) % 24
    assert set(clock) == {*range(18, 24), *range(7)}
    sparse = known & (hours.astype("M8[D]") != np.datetime64("2026-07-25"))
    later = {(str(one.month), one.night): one for one in regimes(hours, sparse, (18, 6), 10)}
    days = np.unique(hours[later["2026-08", True].training].astype("M8[D]"))
    assert (str(days[0]), days.size) == ("2026-07-21", 10)
    young = {str(one.month): one for one in regimes(hours, hours >= np.datetime64("2026-06-28"), (18, 6), 10)}
    days = np.unique(hours[young["2026-07"].training].astype("M8[D]"))
    assert (str(days[0]), str(days[-1])) == ("2026-06-28", "2026-07-07")


def test_cool_islands_are_cool_green_or_by_water_and_large_enough() -> None:
    grid = Grid(bbox=BBox(xmin=X, ymin=Y, xmax=X + 500, ymax=Y + 300, crs="EPSG:2154"), columns=5, rows=3)
    night = np.array([[-1, -1, 1, -1, -1], [-1, 1, 1, 1, -1], [1, 1, -1, 1, np.nan]], float)
    afternoon = np.full((3, 5), 2.0)
    green = np.array([[0.9, 0.5, 0.9, 0, 0], [0.7, 0, 0, 0, 0], [0, 0, 0.9, 0, 0]])
    water = np.array([[900, 900, 900, 50, 900], [900, 900, 900, 900, 900], [900] * 5], float)
    found = cool_islands(
        grid, night, afternoon, green, water, difference=0, least_vegetation=0.5, greatest_distance=100, least_area=1
    )
    assert found.cell.tolist() == [0, 3, 12]
    assert found.area.tolist() == [3, 1, 1]
    assert [shape.area for shape in found.geometry] == [30_000, 10_000, 10_000]
    assert found.geometry[1].bounds == (X + 300, Y, X + 400, Y + 100)
    assert found.night_difference.tolist() == [-1, -1, -1]
    assert found.vegetation_fraction.tolist() == pytest.approx([0.7, 0, 0.9])
    larger = cool_islands(
        grid, night, afternoon, green, water, difference=0, least_vegetation=0.5, greatest_distance=100, least_area=2
    )
    assert larger.cell.tolist() == [0]
    dry = np.full((3, 5), np.nan)
    warm = cool_islands(
        grid, night + 9, afternoon, dry, dry, difference=0, least_vegetation=0.5, greatest_distance=100, least_area=1
    )
    assert warm.geometry.size == 0


def test_coolness_is_told_from_what_is_around() -> None:
    """A disk that takes in the four cells beside, whole, and no part of a cell not known."""
    values = np.full((5, 5), 2.0)
    values[2, 2], values[0, 0] = 1.0, np.nan
    found = contrast(values, 25.0, 50.0)
    np.testing.assert_allclose(found[2, 2], 0, atol=1e-12)
    wide = contrast(values, 125.0, 50.0)
    assert -1 < wide[2, 2] < -0.9
    assert 0 < wide[2, 1] < 0.1
    assert np.isnan(wide[0, 0])
    flat = contrast(np.full((2, 2), 7.0), 500.0, 50.0)
    np.testing.assert_allclose(flat, 0, atol=1e-12)
