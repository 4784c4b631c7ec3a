"""The layers of Jumeau pass the suite that third parties' layers must."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.layers.layer_twin import Station, commit_stations
from twin.context import Twin
from twin.testing.layer import LayerContract
from twin.testing.samples import building_table, put_features


class TestBuiltFraction(LayerContract):
    name = "built_fraction"

    def fill(self, twin: Twin) -> dict[str, Any]:
        put_features(twin.store, building_table(range(40)))
        return {"cell": 10.0, "years": 30}


class TestHeatIsland(LayerContract):
    name = "heat_island"

    def fill(self, twin: Twin) -> dict[str, Any]:
        hours = 20 + 5 * np.sin(np.arange(72) / 24 * 2 * np.pi)
        stations = [Station("S001", "urban", 30.0, hours + 2), Station("S002", "rural", 60.0, hours)]
        commit_stations(twin, stations, "2026-07-10T00:00")
        return {}


class TestQualityControl(LayerContract):
    name = "quality_control"

    def fill(self, twin: Twin) -> dict[str, Any]:
        stations = [
            Station(f"S{k}", "urban", 30.0, 20 + 0.1 * k + np.where(np.arange(48) == 7 * k, 9.0, 0.0)) for k in range(7)
        ]
        commit_stations(twin, stations, "2026-07-10T00:00")
        return {}
