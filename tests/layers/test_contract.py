"""The layers of Jumeau pass the suite that third parties' layers must."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.layers import heat_scene
from tests.layers.air_quality import test_map
from tests.layers.air_quality.air_twin import commit_air
from tests.layers.daily_series import commit_daily
from tests.layers.layer_twin import Station, commit_stations
from tests.layers.test_thermal_comfort import commit, complete
from tests.layers.test_urban_morphology import fill
from twin import pipeline
from twin.context import Twin
from twin.testing.layer import LayerContract
from twin.testing.samples import building_table, put_features


class TestBuiltFraction(LayerContract):
    name = "built_fraction"

    def fill(self, twin: Twin) -> dict[str, Any]:
        put_features(twin.store, building_table(range(40)))
        return {"cell": 10.0, "years": 30}


class TestUrbanMorphology(LayerContract):
    name = "urban_morphology"

    def fill(self, twin: Twin) -> dict[str, Any]:
        put_features(twin.store, building_table(range(40)))
        return {"cell": 10.0, "radius": 30.0}


class TestLocalClimateZones(LayerContract):
    name = "local_climate_zones"

    def fill(self, twin: Twin) -> dict[str, Any]:
        fill(twin)
        pipeline.derive(twin, "urban_morphology", {"cell": 25.0, "radius": 60.0})
        return {"cell": 50.0}


class TestThermalComfort(LayerContract):
    name = "thermal_comfort"

    def fill(self, twin: Twin) -> dict[str, Any]:
        commit(twin, {"S1": complete(), "S2": {"air_temperature": [20.0] * 3}})
        return {}


class TestHeatIsland(LayerContract):
    name = "heat_island"

    def fill(self, twin: Twin) -> dict[str, Any]:
        hours = 20 + 5 * np.sin(np.arange(72) / 24 * 2 * np.pi)
        stations = [Station("S001", "urban", 30.0, hours + 2), Station("S002", "rural", 60.0, hours)]
        commit_stations(twin, stations, "2026-07-10T00:00")
        return {}


class TestHeatWaves(LayerContract):
    name = "heat_waves"

    def fill(self, twin: Twin) -> dict[str, Any]:
        stations = [Station("S001", "rural", 30.0, [20.0])]
        commit_stations(twin, stations, "2026-07-10T00:00")
        days = np.datetime64("2026-07-08", "D") + np.arange(9)
        values = np.where((days > days[2]) & (days < days[7]), 1.0, 0.0)
        commit_daily(twin, "climate", ["S001"], {"tn": 15 + 9 * values, "tx": 28 + 9 * values}, days)
        commit_daily(twin, "country", ["S001"], {"indicator": 20 + 6 * values}, days)
        indicator = {"timeseries": "country", "datastream": "S001.indicator"}
        return {"timeseries": "climate", "minimum": "tn", "maximum": "tx", "indicator": indicator}


class TestQualityControl(LayerContract):
    name = "quality_control"

    def fill(self, twin: Twin) -> dict[str, Any]:
        stations = [
            Station(f"S{k}", "urban", 30.0, 20 + 0.1 * k + np.where(np.arange(48) == 7 * k, 9.0, 0.0)) for k in range(7)
        ]
        commit_stations(twin, stations, "2026-07-10T00:00")
        return {}


class TestHeatMap(LayerContract):
    name = "heat_map"

    def fill(self, twin: Twin) -> dict[str, Any]:
        heat_scene.commit_city(twin, vegetation_fraction=heat_scene.GREEN)
        commit_stations(twin, heat_scene.make_stations(), heat_scene.START)
        return heat_scene.PARAMETERS


class TestForecast(LayerContract):
    name = "forecast"

    def fill(self, twin: Twin) -> dict[str, Any]:
        rng = np.random.default_rng(0)
        values = 20 + 6 * np.sin(np.arange(24 * 14) / 24 * 2 * np.pi) + rng.normal(0, 0.5, (2, 24 * 14))
        commit_stations(
            twin, [Station(f"S{k}", "urban", 30.0, row) for k, row in enumerate(values)], "2026-07-01T00:00"
        )
        return {"climatology_days": 3, "least_training_days": 2, "test_days": 3}


class TestAirQualityMap(LayerContract):
    name = "air_quality_map"

    def fill(self, twin: Twin) -> dict[str, Any]:
        heat_scene.commit_city(twin)
        commit_air(twin, test_map.analysers(test_map.measured()))
        return test_map.PARAMETERS


class TestAirQualityDaily(LayerContract):
    name = "air_quality_daily"

    def fill(self, twin: Twin) -> dict[str, Any]:
        commit_air(twin)
        return {}


class TestAirQualityIndex(LayerContract):
    name = "air_quality_index"

    def fill(self, twin: Twin) -> dict[str, Any]:
        commit_air(twin)
        return {"required": ["no2", "o3"]}


class TestAirQualityExceedances(LayerContract):
    name = "air_quality_exceedances"

    def fill(self, twin: Twin) -> dict[str, Any]:
        commit_air(twin)
        return {"outside_validity": True}
