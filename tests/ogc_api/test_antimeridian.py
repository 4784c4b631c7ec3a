"""Boxes across the antimeridian, over a collection that has features on both of its sides."""

import pyarrow as pa
import pytest
import shapely

from ogc_api.door import OgcApiDoor
from tests.ogc_api.conftest import Client
from tests.ogc_api.small_city import START, collection, commit_features, field
from twin.context import Twin
from twin.crs import CRS84, transform_geometry
from twin.model import FieldType
from twin.settings import Settings
from twin.store.embedded import open_store
from twin.tables import feature_schema

#: Longitude of each place, all of them on latitude 10, and a place that is none: it meets every box.
PLACES = {"fiji": 178.0, "samoa": -172.0, "edge": 180.0, "paris": 2.0, "hawaii": -155.0, "atlantis": None}
ITEMS = "/collections/places/items"


@pytest.fixture(scope="module", params=["index", "store"])
def pacific(request, tmp_path_factory):
    """Return a door over the places: by its index, and by the exact test of the store."""
    folder = tmp_path_factory.mktemp("pacific")
    settings = Settings.model_validate({"store": {"folder": folder}, "city": {"name": "Pacific", "crs": "EPSG:3857"}})
    store = open_store(folder, "EPSG:3857")
    points = [
        None if longitude is None else transform_geometry(shapely.Point(longitude, 10.0), CRS84, "EPSG:3857")
        for longitude in PLACES.values()
    ]
    columns = {
        "id": list(PLACES),
        "valid_from": [START] * len(PLACES),
        "valid_to": [None] * len(PLACES),
        "geometry": pa.array(shapely.to_wkb(points), pa.binary()),
        "name": list(PLACES),
    }
    name = [field("name", FieldType.STRING)]
    made = collection("places", fields=tuple(name), geometry="Point", crs="EPSG:3857")
    commit_features(store, made, pa.RecordBatch.from_pydict(columns, schema=feature_schema(name)))
    door = OgcApiDoor(Twin.over(settings, store))
    if request.param == "index":
        door.start()
        view = door._publisher.current()
        assert view.items.wait_for_index(view.collections[0])
    yield Client(door)
    door.stop()
    store.close()


@pytest.mark.parametrize(
    ("west", "east", "expected"),
    [
        (170, -170, {"fiji", "samoa", "edge"}),
        (170, -150, {"fiji", "samoa", "edge", "hawaii"}),
        (179, -179, {"edge"}),
        (0, -160, {"fiji", "samoa", "edge", "paris"}),
        (5, -178, {"fiji", "edge"}),
        (-170, 170, {"paris", "hawaii"}),
    ],
)
def test_both_sides_are_found(pacific, west, east, expected):
    def names(**query):
        page = pacific.json(ITEMS, **query)
        assert page["numberMatched"] == len(page["features"])
        return {feature["id"] for feature in page["features"]}

    assert names(bbox=f"{west},0,{east},20") == expected | {"atlantis"}
    assert names(bbox=f"0,{west},20,{east}", **{"bbox-crs": "EPSG:4326"}) == expected | {"atlantis"}
    assert names(filter=f"S_INTERSECTS(geometry,BBOX({west},0,{east},20))") == expected
    lat_first = {"filter": f"S_INTERSECTS(geometry,BBOX(0,{west},20,{east}))", "filter-crs": "EPSG:4326"}
    assert names(**lat_first) == expected
    assert names(bbox=f"{west},11,{east},20") == {"atlantis"}
