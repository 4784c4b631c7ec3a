"""The layers of Jumeau pass the suite that third parties' layers must."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.layers import heat_scene
from tests.layers.layer_twin import Station, commit_stations
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


class TestHeatIsland(LayerContract):
    name = "heat_island"

    def fill(self, twin: Twin) -> dict[str, Any]:
        hours = 20 + 5 * np.sin(np.arange(72) / 24 * 2 * np.pi)
        stations = [Station("S001", "urban", 30.0, hours + 2), Station("S002", "rural", 60.0, hours)]
        commit_stations(twin, stations, "2026-07-10T00:00")
        return {}


class TestHeatMap(LayerContract):
    name = "heat_map"

    def fill(self, twin: Twin) -> dict[str, Any]:
        heat_scene.commit_city(twin, vegetation_fraction=heat_scene.GREEN)
        commit_stations(twin, heat_scene.make_stations(), heat_scene.START)
        return heat_scene.PARAMETERS
