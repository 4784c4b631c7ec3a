"""Items by place, by time and by property: exactly those that the files hold."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyproj
import pytest
import shapely

from ogc_api.features.regions import Region, region_of
from tests.ogc_api.small_city import BUILDINGS, COMMUNES
from twin.crs import BBox, normalise
from twin.time import TimeSpan

ITEMS = "/collections/buildings/items"
OBSERVATIONS = "/collections/observations/items"
LAMBERT = "http://www.opengis.net/def/crs/EPSG/0/2154"


def boxes():
    x0, y0 = 770_000.0, 6_279_000.0
    return [(x0, y0, x0 + 2_400, y0 + 500), (x0 + 1_000, y0 + 990, x0 + 1_500, y0 + 1_530), (x0 - 9e3, y0, x0, y0)]


def meets(truth, region):
    """Count what meets a region; what has no place meets any."""
    return sum(shape is None or shapely.intersects(region, shape) for shape in truth["shape"])


@pytest.mark.parametrize("box", boxes())
def test_a_box_in_lambert_selects_exactly(ogc, truth, box):
    page = ogc.json(ITEMS, bbox=",".join(map(str, box)), limit=100, **{"bbox-crs": LAMBERT})
    assert page["numberMatched"] == page["numberReturned"] == meets(truth, shapely.box(*box))


@pytest.mark.parametrize("crs", ["CRS84", "EPSG:3857", "EPSG:4326"])
def test_a_box_in_another_crs_is_a_curved_region(ogc, truth, crs):
    """Two corners are not enough: the sides of the box are cut before they are transformed."""
    west, south, east, north = 3.8675, 43.6070, 3.9100, 43.6300
    code = "OGC:CRS84" if crs == "CRS84" else crs
    into = pyproj.Transformer.from_crs("OGC:CRS84", code, always_xy=True)
    (west, east), (south, north) = into.transform([west, east], [south, north])
    side = np.linspace(0, 1, 2_000)
    x = np.concatenate([west + (east - west) * side, np.full(2_000, east), east - (east - west) * side])
    y = np.concatenate([np.full(2_000, south), south + (north - south) * side, np.full(2_000, north)])
    ring = pyproj.Transformer.from_crs(code, "EPSG:2154", always_xy=True).transform(x, y)
    numbers = (south, west, north, east) if crs == "EPSG:4326" else (west, south, east, north)
    query = {} if crs == "CRS84" else {"bbox-crs": f"http://www.opengis.net/def/crs/EPSG/0/{crs[5:]}"}
    found = ogc.json(ITEMS, bbox=",".join(map(str, numbers)), **query)["numberMatched"]
    assert found == meets(truth, shapely.Polygon(np.column_stack(ring)))
    assert 10 < found < BUILDINGS


def test_the_whole_world_is_a_box(ogc):
    whole = ogc.json(ITEMS)["numberMatched"]
    assert ogc.json(ITEMS, bbox="-180,-90,180,90")["numberMatched"] == whole
    assert ogc.json(ITEMS, bbox="-180,-90,-100,180,90,100")["numberMatched"] == whole
    assert ogc.json(ITEMS, bbox="-90,-180,90,180", **{"bbox-crs": "EPSG:4326"})["numberMatched"] == whole
    assert ogc.json(ITEMS, bbox="170,-90,20,90")["numberMatched"] == whole, "across the antimeridian"
    assert ogc.json(ITEMS, bbox="-10,-90,-170,90")["numberMatched"] == whole
    world = "-20037508.34,-20037508.34,20037508.34,20037508.34"
    assert ogc.json(ITEMS, bbox=world, **{"bbox-crs": "EPSG:3857"})["numberMatched"] == whole


@pytest.mark.parametrize(
    "query",
    [
        {"bbox": "177,65,-177,70"},
        {"bbox": "100,-40,120,-20"},
        {"bbox": "-40,100,-20,120", "bbox-crs": "EPSG:4326"},
        {"bbox": "0,0,1,1", "bbox-crs": LAMBERT},
        {"bbox": "0,0,1,1", "bbox-crs": LAMBERT, "crs": LAMBERT},
        {"bbox": "100,-40,120,-20", "filter": "storeys = 7"},
        {"bbox": "100,-40,120,-20", "datetime": "2026-07-08T00:00:00Z"},
        {"bbox": "100,-40,120,-20", "datetime": "2026-07-07/..", "sortby": "-height", "limit": 1},
    ],
)
def test_a_box_far_from_all_selects_what_has_no_place(ogc, query):
    page = ogc.json(ITEMS, **query)
    assert [feature["id"] for feature in page["features"]] == ["b0007"]
    assert page["features"][0]["geometry"] is None
    assert page["numberMatched"] == page["numberReturned"] == 1
    assert {link["rel"] for link in page["links"]}.isdisjoint({"next"})


def test_what_has_no_place_is_still_filtered(ogc):
    far = {"bbox": "100,-40,120,-20"}
    assert ogc.json(ITEMS, **far, filter="storeys = 8")["features"] == []
    assert ogc.json(ITEMS, **far, datetime="2026-07-07T23:00:00Z")["features"] == []
    assert ogc.json(ITEMS, filter="S_INTERSECTS(geometry,BBOX(100,-40,120,-20))")["features"] == [], "null is not true"
    assert ogc.json(OBSERVATIONS, **far)["features"] == [], "every datastream has a place"


def test_a_box_that_is_a_point_selects_what_holds_it_and_what_has_no_place(ogc):
    found = ogc.json(ITEMS, bbox="770045,6279045,770045,6279045", **{"bbox-crs": LAMBERT})
    assert {feature["id"].split("@")[0] for feature in found["features"]} == {"b0001", "b0007"}


def test_a_box_in_the_crs_of_storage_is_widened_by_a_millimetre_and_no_more(ogc_twin):
    collection = ogc_twin.store.catalogue.collection("buildings", ogc_twin.access.public)
    box = BBox(xmin=1, ymin=2, xmax=3, ymax=4, crs="EPSG:2154")
    assert region_of([box], collection).equals(shapely.box(0.999, 1.999, 3.001, 4.001))


@pytest.mark.parametrize("crs", ["OGC:CRS84", LAMBERT, "EPSG:3857", "EPSG:3943"])
@pytest.mark.parametrize("side", [0.0, 3.0, 400.0, 20_000.0])
def test_what_is_read_off_the_sides_of_a_box_is_true_of_its_polygon(crs, side):
    lambert = BBox(xmin=770_000, ymin=6_279_000, xmax=770_000 + side, ymax=6_279_000 + side / 2, crs="EPSG:2154")
    region = Region((lambert.to(normalise(crs)),), "EPSG:2154")
    assert region.shape.bounds == region.outer
    assert (region.inner is None) == (side == 0)
    if region.inner:
        assert region.shape.is_valid
        assert region.shape.buffer(1e-6).covers(shapely.box(*region.inner))
        assert shapely.box(*region.inner).area > 0.8 * region.shape.area


@pytest.mark.parametrize("crs", ["CRS84", LAMBERT, "EPSG:3857", "EPSG:4326"])
def test_a_feature_meets_the_box_made_of_its_own_coordinates(ogc, crs):
    for feature in ogc.json(OBSERVATIONS, limit=100, crs=crs, datetime="2026-07-01T00:00:00Z")["features"]:
        x, y = feature["geometry"]["coordinates"]
        edge = ",".join(map(str, (x, y, x + 100, y + 100)))
        found = ogc.json(OBSERVATIONS, bbox=edge, datetime="2026-07-01T00:00:00Z", limit=100, **{"bbox-crs": crs})
        assert feature["id"] in {one["id"] for one in found["features"]}


@pytest.mark.parametrize("bbox", ["1,2,3", "a,b,c,d", "3,44,4,43", "nan,1,2,3", ""])
def test_a_box_that_is_none_is_refused(ogc, bbox):
    assert "bbox" in ogc.refused(ITEMS, bbox=bbox)


def test_bbox_crs_without_bbox_is_refused(ogc):
    assert "bbox-crs" in ogc.refused(ITEMS, **{"bbox-crs": LAMBERT})


def test_items_are_given_in_the_crs_asked_for(ogc, truth):
    expected = shapely.get_coordinates(truth["shape"][3])
    answer = ogc.get(f"{ITEMS}/b0003", crs=LAMBERT)
    assert answer.headers["content-crs"] == f"<{LAMBERT}>"
    assert np.allclose(answer.json()["geometry"]["coordinates"][0], expected, atol=1e-3)
    assert ogc.get(ITEMS).headers["content-crs"] == "<http://www.opengis.net/def/crs/OGC/1.3/CRS84>"
    lonlat = np.array(ogc.json(f"{ITEMS}/b0003")["geometry"]["coordinates"][0])
    latlon = ogc.json(f"{ITEMS}/b0003", crs="http://www.opengis.net/def/crs/EPSG/0/4326")["geometry"]["coordinates"]
    assert np.allclose(latlon[0], lonlat[:, ::-1], atol=1e-7), "EPSG:4326 is latitude first by the standard"
    assert "EPSG:9999" in ogc.refused(ITEMS, crs="EPSG:9999")


@pytest.mark.parametrize(
    "text",
    [
        "2026-07-01",
        "2026-07-05T12:00:00Z",
        "2026-07-15T00:00:00Z",
        "2026-07-20T02:00:00+02:00",
        "../2026-07-03",
        "2026-07-16/..",
        "1901-01-01/1902-01-01",
        "2150-01-01T00:00:00Z",
    ],
)
def test_datetime_selects_by_lifespan(ogc, truth, text):
    span = TimeSpan.parse(text)
    early, late = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
    expected = sum(
        (start or early) <= (span.end or late) and (end or late) > (span.start or early)
        for start, end in zip(truth["valid_from"], truth["valid_to"], strict=True)
    )
    answer = ogc.get(ITEMS, datetime=text)
    assert answer.status_code == 200, "outside the data is empty, not an error"
    assert answer.json()["numberMatched"] == expected


def test_at_an_instant_an_object_has_one_version(ogc):
    page = ogc.json(ITEMS, datetime="2026-07-10T00:00:00Z", limit=100)
    identities = [feature["id"].split("@")[0] for feature in page["features"]]
    assert len(set(identities)) == len(identities)


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "2026-07-05T12:00:00", "../..", "2026-08-01/2026-07-01"])
def test_a_datetime_that_is_none_is_refused(ogc, text):
    assert ogc.refused(ITEMS, datetime=text)


def test_equality_is_typed_by_the_schema(ogc, truth):
    for name, text, value in (
        ("storeys", "3", 3),
        ("height", "5", 5.0),
        ("public", "true", True),
        ("public", "0", False),
        ("commune", "Pérols", "Pérols"),
        ("commune", COMMUNES[2], COMMUNES[2]),
        ("permit", "2026-07-02", datetime(2026, 7, 2, tzinfo=UTC).date()),
        ("valid_from", "2026-07-02T00:00:00Z", datetime(2026, 7, 2, tzinfo=UTC)),
        ("valid_from", "2026-07-02T02:00:00%2B02:00", datetime(2026, 7, 2, tzinfo=UTC)),
    ):
        found = ogc.json(f"{ITEMS}?{name}={text.replace('&', '%26')}" if "%" in text else ITEMS, **(
            {} if "%" in text else {name: text}
        ))  # fmt: skip
        assert found["numberMatched"] == sum(one == value for one in truth[name]) > 0, (name, text)


@pytest.mark.parametrize(("name", "text"), [("storeys", "three"), ("public", "maybe"), ("valid_from", "soon")])
def test_a_value_of_another_type_is_refused(ogc, name, text):
    assert f"{name}={text!r}" in ogc.refused(ITEMS, **{name: text})


@pytest.mark.parametrize("name", ["filters", "filter_crs", "q", "heigth", "resulttype", "token"])
def test_what_is_not_understood_is_refused(ogc, name):
    assert repr(name) in ogc.refused(ITEMS, **{name: "height>3"})


def test_properties_and_geometry_can_be_left_out(ogc):
    feature = ogc.json(ITEMS, properties="storeys,commune", limit=1, skipGeometry="true")["features"][0]
    assert feature == {
        "type": "Feature",
        "id": "b0000",
        "geometry": None,
        "properties": {"storeys": 0, "commune": "Mauguio"},
    }
    assert "'colour'" in ogc.refused(ITEMS, properties="colour")
    assert "'colour'" in ogc.refused(ITEMS, sortby="-colour")


@pytest.mark.parametrize("cursor", ["x", "bm90IGpzb24", "WzFd.", "W251bGwsIDFd", "WyJhIl0"])
def test_a_cursor_of_something_else_is_refused(ogc, cursor):
    assert "cursor" in ogc.refused(ITEMS, cursor=cursor)
