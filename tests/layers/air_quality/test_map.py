"""Maps of a pollutant on a small city, against PyKrige with the variogram that is published."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pykrige.uk import UniversalKriging

from tests.layers.air_quality.air_twin import Analyser, commit_air
from tests.layers.heat_scene import AROUND, BUILT, CELLS, COLUMNS, ROWS, X, Y, commit_city, point
from tests.layers.layer_twin import empty_twin
from twin import pipeline
from twin.context import Twin
from twin.errors import DoesNotApply
from twin.store import OPERATOR, FeatureQuery

HOURS = 48
PARAMETERS = {"covariates": [{"collection": "city", "variable": "built"}], "margin": 1.0, "pollutants": ["no2", "o3"]}
PLACES = np.array([point(int(cell)) for cell in CELLS])
#: Half of what is written.
STEP = 0.6 / 16


def measured() -> np.ndarray:
    """Return NO2 at the stations: with what is built, with what is near, and negative where there is none."""
    rng = np.random.default_rng(8)
    near = np.exp(-np.hypot(*(PLACES[:, None] - PLACES).transpose(2, 0, 1)) / 700)
    spread = np.linalg.cholesky(near + 0.02 * np.eye(len(CELLS))) @ rng.normal(0, 4, (len(CELLS), HOURS))
    values = -2 + 30 * AROUND[:, None] + spread
    values[3, 10:20] = np.nan
    return values


def analysers(values: np.ndarray, count: int = len(CELLS)) -> list[Analyser]:
    places = PLACES - (X, Y)
    found: list[Analyser] = [(f"A{k:02d}", "background", tuple(places[k]), "no2", values[k]) for k in range(count)]
    kerb = (places[0][0] + 100, places[0][1])
    few: list[Analyser] = [(f"A{k:02d}", "background", tuple(places[k]), "o3", values[k] + 50) for k in range(5)]
    return [*found, *few, ("T01", "traffic", kerb, "no2", values[0] + 300)]


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    with empty_twin(tmp_path_factory.mktemp("air")) as twin:
        commit_city(twin)
        commit_air(twin, analysers(measured()))
        pipeline.derive(twin, "air_quality_map", PARAMETERS)
        yield twin


def errors(twin: Twin, pollutant: str = "no2") -> dict[str, dict[str, object]]:
    query = FeatureQuery(collection=f"air_quality_map_{pollutant}_error", with_geometry=False)
    return {row["id"]: row for row in twin.store.features.read(query, OPERATOR).read_all().to_pylist()}


def pykrige(known: np.ndarray, values: np.ndarray, points: np.ndarray, built: np.ndarray, row: dict) -> np.ndarray:
    """Return what PyKrige predicts at places, its nugget a noise there too."""
    kriging = UniversalKriging(
        *PLACES[known].T,
        values[known],
        variogram_model="exponential",
        variogram_parameters={
            "psill": row["sill"] - row["nugget"],
            "range": 3 * row["length"],
            "nugget": row["nugget"],
        },
        drift_terms=["specified"],
        specified_drift=[AROUND[known]],
        exact_values=False,
    )
    return np.asarray(kriging.execute("points", *points.T, specified_drift_arrays=[built])[0])


@pytest.mark.parametrize("hour", [5, 12])
def test_a_map_and_its_leave_one_out_are_those_of_pykrige(twin: Twin, hour: int) -> None:
    """The second hour lacks a station; the first value of the record ends its hour at 01:00."""
    values = measured()[:, hour]
    time = np.datetime64("2026-07-01T01", "h") + np.timedelta64(hour, "h")
    row = errors(twin)[f"{time}Z"]
    assert row["fitted"]
    seen = np.flatnonzero(np.isfinite(values))
    cells = np.array([point(cell) for cell in range(ROWS * COLUMNS)])
    expected = pykrige(seen, values, cells, BUILT.ravel(), row).reshape(ROWS, COLUMNS)
    with twin.store.cubes.open("air_quality_map_no2", OPERATOR) as cube:
        found = cube.sel(time=time)
        np.testing.assert_allclose(found["no2"].values, expected, atol=STEP)
        assert (found["no2"].values < 0).any()
        assert (found["standard_error"].values > 0).all()
    predicted = [pykrige(np.setdiff1d(seen, [k]), values, PLACES[[k]], AROUND[[k]], row)[0] for k in seen]
    error = np.array(predicted) - values[seen]
    assert row["stations"] == seen.size
    assert row["rmse"] == pytest.approx(np.sqrt((error**2).mean()), abs=2e-4)
    assert row["mae"] == pytest.approx(np.abs(error).mean(), abs=2e-4)
    assert row["bias"] == pytest.approx(error.mean(), abs=2e-4)


def test_a_pollutant_with_too_few_stations_has_reasons_and_no_coverage(twin: Twin) -> None:
    told = list(errors(twin, "o3").values())
    assert len(told) == HOURS
    assert "No map: 5 stations have a good value, and 6 are needed." in {row["reason_en"] for row in told}
    assert all(row["reason_fr"] and row["rmse"] is None for row in told)
    there = {collection.id for collection in twin.store.catalogue.collections(OPERATOR)}
    assert "air_quality_map_no2" in there
    assert "air_quality_map_o3" not in there


def test_stations_of_other_influences_are_mapped_where_asked(tmp_path: Path) -> None:
    with empty_twin(tmp_path) as twin:
        commit_city(twin)
        commit_air(twin, analysers(measured()))
        pipeline.derive(twin, "air_quality_map", {**PARAMETERS, "influence": {}})
        assert errors(twin)["2026-07-01T06Z"]["stations"] == len(CELLS) + 1
        with pytest.raises(DoesNotApply, match="environment = industrial measures no2, o3"):
            pipeline.derive(twin, "air_quality_map", {**PARAMETERS, "influence": {"environment": "industrial"}})
        with pytest.raises(DoesNotApply, match="no field 'kind'"):
            pipeline.derive(twin, "air_quality_map", {**PARAMETERS, "influence": {"kind": "background"}})


def test_flagged_values_are_left_out(tmp_path: Path) -> None:
    with empty_twin(tmp_path) as twin:
        commit_city(twin)
        commit_air(twin, analysers(measured()), flags={5: 3})
        pipeline.derive(twin, "air_quality_map", PARAMETERS)
        told = errors(twin)["2026-07-01T06Z"]
        assert told["reason_en"] == "No map: 0 stations have a good value, and 6 are needed."
