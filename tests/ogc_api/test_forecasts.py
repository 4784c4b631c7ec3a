"""Series that lie ahead of what is measured: their extents, and queries of instants to come."""

from __future__ import annotations

import numpy as np
import pytest

from ogc_api.door import OgcApiDoor
from tests.layers.layer_twin import Station, commit_stations, empty_twin
from tests.ogc_api.conftest import Client
from twin import pipeline

FORECAST, MEASURED = "/collections/air_temperature_forecast", "/collections/observations"


@pytest.fixture(scope="module")
def ahead(tmp_path_factory):
    """Return a door over one station that is forecast from 2026-07-31T00Z, and one that is not."""
    rng = np.random.default_rng(0)
    cycle = 20 + 6 * np.sin(2 * np.pi * np.arange(720) / 24) + rng.normal(0, 0.3, 720)
    with empty_twin(tmp_path_factory.mktemp("ahead")) as twin:
        stations = [Station("S1", "urban", 30.0, cycle), Station("S2", "urban", 30.0, cycle[:48])]
        commit_stations(twin, stations, "2026-07-01T00:00")
        pipeline.derive(twin, "forecast", {})
        door = OgcApiDoor(twin)
        door.start()
        yield Client(door)
        door.stop()


def interval(client: Client, path: str) -> list[str]:
    return client.json(path)["extent"]["temporal"]["interval"][0]


def test_the_forecast_starts_where_the_measurements_end(ahead: Client) -> None:
    assert interval(ahead, MEASURED) == ["2026-07-01T00:00:00Z", "2026-07-30T23:00:00Z"]
    assert interval(ahead, FORECAST) == ["2026-07-31T00:00:00Z", "2026-07-31T23:00:00Z"]


@pytest.mark.parametrize(
    ("instants", "hours"),
    [
        ("2026-07-30T23:00:00Z/..", 24),
        ("2026-07-31T05:00:00Z", 1),
        ("2026-07-31T20:00:00Z/2026-08-09T00:00:00Z", 4),
        ("../2026-07-30T23:00:00Z", 0),
    ],
)
def test_instants_to_come_are_asked_for_as_any_other(ahead: Client, instants: str, hours: int) -> None:
    assert ahead.json(f"{FORECAST}/items", datetime=instants)["numberMatched"] == hours
    answer = ahead.get(f"{FORECAST}/locations/S1", datetime=instants)
    if hours:
        assert len(answer.json()["domain"]["axes"]["t"]["values"]) == hours
    else:
        assert answer.status_code == 204


def test_a_forecast_says_when_it_was_issued_and_what_is_measured_does_not_know_of_it(ahead: Client) -> None:
    told = ahead.json(f"{FORECAST}/items", limit=1)["features"][0]["properties"]
    assert told["phenomenon_time"] > told["result_time"] == "2026-07-30T23:00:00Z"
    assert ahead.json(f"{MEASURED}/items", datetime="2026-07-31T00:00:00Z/..")["numberMatched"] == 0


def test_what_is_not_forecast_says_why(ahead: Client) -> None:
    rows = ahead.json("/collections/air_temperature_forecast_skill/items", object_id="S2")["features"]
    assert {row["properties"]["reason_en"] for row in rows} == {
        "silent station: no good value in the 2 h before the issue"
    }
    assert {row["properties"]["shown"] for row in rows} == {0}
    assert ahead.get(f"{FORECAST}/locations/S2").status_code == 204


def test_a_forecast_of_nothing_is_an_empty_series(tmp_path) -> None:
    with empty_twin(tmp_path) as twin:
        commit_stations(twin, [Station("S1", "urban", 30.0, np.full(48, 20.0))], "2026-07-01T00:00")
        pipeline.derive(twin, "forecast", {})
        door = OgcApiDoor(twin)
        door.start()
        client = Client(door)
        assert client.json(FORECAST)["id"] == "air_temperature_forecast"
        assert client.json(f"{FORECAST}/items")["numberMatched"] == 0
        assert client.get(f"{FORECAST}/locations/S1").status_code == 204
        door.stop()
