"""Locations and position of time series: the right datastreams, times and flags; never a neighbour's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from covjson_pydantic.coverage import Coverage, CoverageCollection

from ogc_api.edr import Edr
from tests.ogc_api.edr.edr_twin import BASE, HOURS, PLACES, Get, fill, no_data, opened, requests_to, temperature
from twin import crs as crs_
from twin.crs import CRS84

LAMBERT = "http://www.opengis.net/def/crs/EPSG/0/2154"
S001 = {"coords": f"POINT({PLACES['S001'][0]} {PLACES['S001'][1]})", "crs": LAMBERT}


def lonlat(identity: str) -> tuple[float, float]:
    lon, lat = crs_.transform(*(np.array([value]) for value in PLACES[identity]), "EPSG:2154", CRS84)
    return round(float(lon[0]), 8), round(float(lat[0]), 8)


def test_locations_lists_the_objects_with_their_datastreams(get: Get) -> None:
    response = get("observations/locations")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/geo+json"
    features = {feature["id"]: feature for feature in response.json()["features"]}
    assert set(features) == set(PLACES)
    first = features["S001"]
    assert first["geometry"] == {"type": "Point", "coordinates": list(lonlat("S001"))}
    properties = first["properties"]
    assert properties["label"] == "Préfecture"
    assert properties["parameter-name"] == ["air_temperature", "relative_humidity"]
    assert [stream["id"] for stream in properties["datastreams"]] == ["S001.air_temperature", "S001.relative_humidity"]
    assert properties["datastreams"][0]["name"] == "Préfecture, Température de l'air"
    english = get("observations/locations", {"lang": "en"}).json()["features"]
    told = {stream["name"] for feature in english for stream in feature["properties"]["datastreams"]}
    assert {"Préfecture, Air temperature", "L00001, Air temperature"} <= told
    assert properties["edrqueryendpoint"] == f"{BASE}/collections/observations/locations/S001"
    # Its collection is not published here: the object keeps its id for a name, and tells no collection.
    assert features["L00001"]["properties"]["label"] == "L00001"
    assert features["L00001"]["properties"]["object_collection"] is None


def test_locations_are_selected_by_box_parameter_and_life(get: Get) -> None:
    def ids(**asked: str) -> list[str]:
        return [feature["id"] for feature in get("observations/locations", asked).json()["features"]]

    x, y = lonlat("S001")
    assert ids(bbox=f"{x - 1e-4},{y - 1e-4},{x + 1e-4},{y + 1e-4}") == ["S001"]
    assert ids(bbox="1171999,6281000,1173000,6282000", crs=LAMBERT) == ["L00001", "S002"]
    assert ids(**{"parameter-name": "relative_humidity"}) == ["S001"]
    assert ids(bbox="-180,-90,180,90") == ["L00001", "S001", "S002"]
    assert ids(bbox="100,-50,101,-49") == []
    assert ids(datetime="2025-01-01") == []
    assert ids(datetime="2026-07-01") == ["L00001", "S001", "S002"]


def test_location_is_every_parameter_of_the_object_on_one_time_axis(get: Get) -> None:
    response = get("observations/locations/S001")
    assert response.headers["content-type"] == "application/prs.coverage+json"
    Coverage.model_validate_json(response.content)
    found = response.json()
    assert found["id"] == "S001"
    axes = found["domain"]["axes"]
    assert (axes["x"]["values"][0], axes["y"]["values"][0]) == lonlat("S001")
    assert len(axes["t"]["values"]) == HOURS
    assert axes["t"]["values"][:2] == ["2026-07-01T00:00:00Z", "2026-07-01T01:00:00Z"]
    ranges = found["ranges"]
    assert ranges["air_temperature"]["values"] == temperature(0).tolist()
    humidity = temperature(1).tolist()
    humidity[5:10] = [None] * 5
    assert ranges["relative_humidity"]["values"] == humidity
    unit = found["parameters"]["air_temperature"]["unit"]["symbol"]
    assert unit == {"value": "Cel", "type": "http://www.opengis.net/def/uom/UCUM/"}


def test_flags_come_as_categories_when_asked(get: Get) -> None:
    asked = {"parameter-name": "air_temperature,air_temperature_quality,relative_humidity_quality"}
    response = get("observations/locations/S001", asked)
    Coverage.model_validate_json(response.content)
    found = response.json()
    assert list(found["ranges"]) == asked["parameter-name"].split(",")
    flags = found["ranges"]["air_temperature_quality"]
    assert flags["dataType"] == "integer"
    assert flags["values"] == [0] * 7 + [2] + [0] * (HOURS - 8)
    assert found["ranges"]["relative_humidity_quality"]["values"][4:11] == [0, None, None, None, None, None, 0]
    parameter = found["parameters"]["air_temperature_quality"]
    assert parameter["categoryEncoding"]["step"] == 2
    assert "unit" not in parameter
    assert parameter["observedProperty"]["categories"][2]["label"] == {"fr": "saut brusque", "en": "sudden step"}


@pytest.mark.parametrize("decimals", [7, 6])
def test_position_takes_a_point_as_people_write_it(get: Get, decimals: int) -> None:
    x, y = lonlat("S001")
    response = get("observations/position", {"coords": f"POINT({x:.{decimals}f} {y:.{decimals}f})"})
    assert response.json()["id"] == "S001"


def test_position_gives_every_object_at_the_point(get: Get) -> None:
    x, y = PLACES["S002"]
    response = get("observations/position", {"coords": f"POINT({x} {y})", "crs": LAMBERT})
    CoverageCollection.model_validate_json(response.content)
    found = response.json()
    assert [item["id"] for item in found["coverages"]] == ["L00001", "S002"]
    assert found["coverages"][1]["ranges"]["air_temperature"]["values"] == temperature(2).tolist()
    assert list(found["parameters"]) == ["air_temperature"]


@pytest.mark.parametrize("metres", [5, 100, 1e6])
def test_position_is_never_a_neighbours(get: Get, metres: float) -> None:
    x, y = PLACES["S001"]
    response = get("observations/position", {"coords": f"POINT({x + metres} {y})", "crs": LAMBERT})
    assert "within 1 m" in no_data(response)


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("2026-07-01T03:00:00Z", [3]),
        ("2026-07-01T05:00:00+02:00", [3]),
        ("2026-07-02", range(24, 48)),
        ("2026-07-02T22:00:00Z/..", [46, 47]),
    ],
)
def test_datetime(get: Get, text: str, hours: object) -> None:
    asked = {**S001, "datetime": text, "parameter-name": "air_temperature"}
    found = get("observations/position", asked).json()
    assert found["ranges"]["air_temperature"]["values"] == [temperature(0)[hour] for hour in hours]


def test_no_value_at_that_time_is_no_data(get: Get) -> None:
    assert "2030" in no_data(get("observations/locations/S001", {"datetime": "2030-01-01"}))


@pytest.mark.parametrize("query", [{}, {"datetime": "2030-01-01"}, {"parameter-name": "relative_humidity"}])
def test_an_unknown_object_is_404(get: Get, query: dict[str, str]) -> None:
    response = get("observations/locations/S999", query)
    assert response.status_code == 404
    assert "'S999'" in response.json()["detail"]


def test_an_object_without_the_parameter_is_no_data(get: Get) -> None:
    response = get("observations/locations/S002", {"parameter-name": "relative_humidity"})
    assert "relative_humidity" in no_data(response)


@pytest.mark.parametrize(
    "asked",
    [
        {"parameter-name": "air_temperature,nothing"},
        {"bbox": "1,2,3,4"},
        {"crs": "EPSG:3857"},
        {"datetime": "noon"},
        {"limit": "x"},
    ],
)
def test_bad_requests_are_400(get: Get, asked: dict[str, str]) -> None:
    response = get("observations/locations/S001", asked)
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"


def test_too_much_is_413(tmp_path: Path) -> None:
    with opened(tmp_path / "small", values=60) as twin:
        fill(twin)
        edr = Edr(twin, BASE)
        get = requests_to(edr)
        assert get("observations/locations/S001").status_code == 413
        assert get("observations/locations/S002").status_code == 200
        edr.close()
