"""The locations of a coverage: the areas that the settings name, and the cells in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import shapely

from ogc_api.edr import Edr
from tests.ogc_api.edr.edr_twin import (
    BASE,
    START,
    XS,
    YS,
    Get,
    collection,
    field,
    field_of,
    fill,
    no_data,
    opened,
    requests_to,
)
from twin.context import Twin
from twin.crs import CRS84, transform_geometry
from twin.model import FieldType, Kind, Style
from twin.settings import AccessSettings, City
from twin.store import Store
from twin.tables import feature_schema
from twin.testing.samples import put_features

LAMBERT = "http://www.opengis.net/def/crs/EPSG/0/2154"
MERGED = datetime(2026, 1, 1, tzinfo=UTC)
BEFORE = shapely.box(1_170_110.0, 6_280_210.0, 1_170_460.0, 6_280_410.0)
NOW = shapely.box(1_170_110.0, 6_280_210.0, 1_170_860.0, 6_280_410.0)
AWAY = shapely.box(1_180_000.0, 6_280_000.0, 1_181_000.0, 6_281_000.0)
HOUR = {"datetime": "2026-07-01T03:00:00Z", "crs": LAMBERT}


def put_communes(store: Store, now: shapely.Polygon = NOW) -> None:
    fields = (field_of("name", FieldType.STRING),)
    rows = [
        ("34172", datetime(1950, 1, 1, tzinfo=UTC), MERGED, BEFORE, "Orène"),
        ("34172", MERGED, None, now, "Saint-Élien-d'Orène"),
        ("34999", None, None, AWAY, "Loin"),
        ("P1", None, None, shapely.Point(1_170_200.0, 6_280_300.0), "Un point"),
    ]
    ids, starts, ends, shapes, names = zip(*rows, strict=True)
    table = pa.table(
        {
            "id": ids,
            "valid_from": pa.array(starts, pa.timestamp("us", tz="UTC")),
            "valid_to": pa.array(ends, pa.timestamp("us", tz="UTC")),
            "geometry": [shape.wkb for shape in shapes],
            "name": names,
        },
        schema=feature_schema(fields),
    )
    communes = collection("communes", Kind.FEATURES, fields=fields, geometry="Polygon", style=Style(label="name"))
    put_features(store, table, collection=communes)


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    with opened(tmp_path_factory.mktemp("twin")) as twin:
        fill(twin)
        put_communes(twin.store)
        yield replace(twin, clock=lambda: START)


@pytest.fixture(scope="module")
def get(twin: Twin) -> Iterator[Get]:
    edr = Edr(twin, BASE)
    yield requests_to(edr)
    edr.close()


def asking(twin: Twin, **settings: object) -> Get:
    changed = Twin.over(twin.settings.model_copy(update=settings), twin.store)
    return requests_to(Edr(replace(changed, clock=twin.clock), BASE))


def listed(get: Get, **parameters: str) -> list[str]:
    response = get("heat/locations", parameters)
    assert response.status_code == 200, response.text
    return [feature["id"] for feature in response.json()["features"]]


def test_areas_that_meet_the_grid_are_listed_as_they_stand(get: Get) -> None:
    response = get("heat/locations")
    assert response.headers["content-type"] == "application/geo+json"
    (one,) = response.json()["features"]
    assert one["id"] == "34172"
    assert one["properties"]["label"] == "Saint-Élien-d'Orène"
    assert one["properties"]["parameter-name"] == ["air_temperature"]
    assert one["properties"]["edrqueryendpoint"] == f"{BASE}/collections/heat/locations/34172"
    assert one["properties"]["datetime"] == "2026-07-01T00:00:00Z/2026-07-02T23:00:00Z"
    shown = shapely.geometry.shape(one["geometry"])
    assert shapely.equals_exact(shown, transform_geometry(NOW, "EPSG:2154", CRS84), 1e-6)


def test_boxes_and_times_select_areas(get: Get) -> None:
    assert listed(get, bbox="1170100,6280200,1170200,6280300", crs=LAMBERT) == ["34172"]
    assert listed(get, bbox="1171500,6280200,1171600,6280300", crs=LAMBERT) == []
    assert listed(get, bbox="-3,48,-2,49") == []
    assert listed(get, datetime="1949-01-01") == []


def test_values_are_those_of_the_area(get: Get) -> None:
    response = get("heat/locations/34172", HOUR)
    area = get("heat/area", {"coords": NOW.wkt, **HOUR})
    assert response.status_code == 200, response.text
    assert response.content == area.content
    assert response.json()["domain"]["axes"]["x"]["values"] == XS[(XS > 1_170_110) & (XS < 1_170_860)].tolist()


def test_an_area_is_taken_as_it_stood_at_the_time_asked(twin: Twin) -> None:
    """Where no time is asked, as it stands now."""
    get = requests_to(Edr(replace(twin, clock=lambda: datetime(2000, 1, 1, tzinfo=UTC)), BASE))
    now = get("built_fraction/locations/34172", {"crs": LAMBERT})
    assert now.json()["domain"]["axes"]["x"]["values"] == XS[(XS > 1_170_110) & (XS < 1_170_460)].tolist()
    later = get("heat/locations/34172", HOUR)
    assert later.json()["domain"]["axes"]["x"]["values"] == XS[(XS > 1_170_110) & (XS < 1_170_860)].tolist()


def test_the_mean_of_an_area_by_its_name(get: Get) -> None:
    response = get("heat/locations/34172", {"aggregate": "area", **HOUR})
    assert response.status_code == 200, response.text
    found = response.json()
    found = found["coverages"][0] if "coverages" in found else found
    columns = (XS > 1_170_110) & (XS < 1_170_860)
    rows = (YS > 6_280_210) & (YS < 6_280_410)
    expected = field(3)[np.ix_(rows, columns)].mean(dtype=float)
    assert found["ranges"]["air_temperature_mean"]["values"] == pytest.approx([expected], rel=1e-6)


def test_every_format_of_a_grid_is_given(get: Get) -> None:
    for name in ("CoverageJSON", "GeoJSON", "CSV", "NetCDF", "GeoTIFF"):
        assert get("heat/locations/34172", {"f": name, **HOUR}).status_code == 200, name


@pytest.mark.parametrize("identity", ["nowhere", "P1", "S001"])
def test_what_is_no_area_is_no_location(get: Get, identity: str) -> None:
    response = get(f"heat/locations/{identity}")
    assert response.status_code == 404
    assert "see its locations" in response.json()["detail"]


def test_an_area_outside_the_grid_holds_nothing(get: Get) -> None:
    assert no_data(get("heat/locations/34999", HOUR))


def test_an_area_that_was_not_there_holds_nothing(get: Get) -> None:
    assert "34172" in no_data(get("heat/locations/34172", {"datetime": "1949-01-01"}))


def test_areas_that_one_may_not_know_of_are_none(twin: Twin) -> None:
    hidden = asking(twin, access=AccessSettings(private=("communes",)))
    assert listed(hidden) == []
    assert hidden("heat/locations/34172").status_code == 404


@pytest.mark.parametrize("name", [None, "absent", "heat"])
def test_without_such_a_collection_there_are_none(twin: Twin, name: str | None) -> None:
    get = asking(twin, city=City(areas=name))
    assert listed(get) == []
    assert get("heat/locations/34172").status_code == 404


def test_an_edit_of_the_areas_is_a_new_answer(tmp_path: Path) -> None:
    with opened(tmp_path) as twin:
        fill(twin)
        get = requests_to(Edr(replace(twin, clock=lambda: START), BASE))
        assert get("heat/locations/34172").status_code == 404
        put_communes(twin.store)
        first = get("heat/locations/34172", HOUR)
        put_communes(twin.store, BEFORE)
        again = get("heat/locations/34172", HOUR, **{"if-none-match": first.headers["etag"]})
        assert first.status_code == again.status_code == 200
        assert len(again.content) < len(first.content)
