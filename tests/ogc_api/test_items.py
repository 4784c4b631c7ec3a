"""Items: nothing missing, nothing twice, nothing answered that was not asked."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyproj
import pytest
import shapely

from ogc_api.features.regions import region_of
from tests.ogc_api.small_city import BUILDINGS, COMMUNES, HOURS, STATIONS, buildings, observations
from twin.crs import BBox
from twin.time import TimeSpan, iso

ITEMS = "/collections/buildings/items"
OBSERVATIONS = "/collections/observations/items"
LAMBERT = "http://www.opengis.net/def/crs/EPSG/0/2154"
TO_LAMBERT = pyproj.Transformer.from_crs("OGC:CRS84", "EPSG:2154", always_xy=True)


@pytest.fixture(scope="module")
def truth():
    table = buildings().to_pydict()
    table["shape"] = [shapely.from_wkb(wkb) if wkb else None for wkb in table["geometry"]]
    return table


def every(ogc, path, **query):
    """Follow `next` to the end; return all features and the number of pages."""
    features, pages = [], 0
    while path:
        page = ogc.json(path, **query)
        query = {}
        assert page["numberReturned"] == len(page["features"])
        features += page["features"]
        pages += 1
        path = next((link["href"] for link in page["links"] if link["rel"] == "next"), None)
    return features, pages


@pytest.mark.parametrize("limit", [1, 7, 40, 100])
def test_following_next_gives_every_feature_once(ogc, limit):
    features, pages = every(ogc, ITEMS, limit=limit)
    assert len(features) == BUILDINGS
    assert len({feature["id"] for feature in features}) == BUILDINGS
    assert pages == -(-BUILDINGS // limit), "no empty page at the end, even when the last one is full"


@pytest.mark.parametrize("sortby", ["-height,commune", "%2Bcommune,-id", "permit", "public,height"])
def test_following_next_keeps_the_order_asked_for(ogc, sortby, truth):
    features, _ = every(ogc, f"{ITEMS}?sortby={sortby}&limit=11")
    assert len({feature["id"] for feature in features}) == BUILDINGS
    if sortby.startswith("-height"):
        heights = [feature["properties"]["height"] for feature in features]
        known = [height for height in heights if height is not None]
        assert known == sorted(known, reverse=True)
        assert heights[len(known) :] == [None] * (BUILDINGS - len(known)), "unknown heights come last"


def test_a_plus_sign_may_arrive_as_a_space(ogc):
    values = [f["properties"]["storeys"] for f in ogc.json(f"{ITEMS}?sortby=+storeys&limit=100")["features"]]
    assert values == sorted(values)


def test_paging_by_offset_gives_the_same_pages(ogc):
    whole = [feature["id"] for feature in every(ogc, ITEMS, limit=100)[0]]
    for name in ("offset", "startindex"):
        assert [f["id"] for f in ogc.json(ITEMS, limit=10, **{name: 25})["features"]] == whole[25:35]
    page = ogc.json(ITEMS, limit=10, offset=25)
    follows = next(link for link in page["links"] if link["rel"] == "next")
    assert follows["type"] == "application/geo+json"
    assert "offset=35" in follows["href"], "ArcGIS learns paging from it"
    assert [f["id"] for f in ogc.json(follows["href"])["features"]] == whole[35:45]


def test_links_come_from_configuration_not_from_the_host(ogc):
    page = ogc.get(ITEMS, limit=3, headers={"Host": "evil.example"}).json()
    assert {link["href"].split("/ogc")[0] for link in page["links"]} == {"https://ville.example/jumeau"}


def test_a_limit_above_the_maximum_is_clamped_and_junk_refused(ogc):
    assert ogc.json(ITEMS, limit=100_000)["numberReturned"] == 100
    for junk in ("0", "-3", "many"):
        assert "limit" in ogc.refused(ITEMS, limit=junk)


def test_a_feature_is_what_the_store_holds(ogc, truth):
    feature = ogc.json(ITEMS, limit=1)["features"][0]
    assert feature["id"] == "b0000"
    assert feature["properties"] == {
        "height": None,
        "storeys": 0,
        "usage": "housing",
        "commune": "Mauguio",
        "public": None,
        "permit": "2026-07-01",
        "valid_from": "2026-07-01T00:00:00Z",
        "valid_to": "2026-07-15T00:00:00Z",
    }
    x, y = TO_LAMBERT.transform(*np.array(feature["geometry"]["coordinates"][0]).T)
    assert np.allclose(np.column_stack([x, y]), shapely.get_coordinates(truth["shape"][0]), atol=0.002)


def test_texts_are_not_escaped_for_html(ogc):
    names = {feature["properties"]["name"] for feature in ogc.json("/collections/stations/items")["features"]}
    assert names == set(STATIONS)


def test_numbers_keep_their_type_and_booleans_are_numbers_for_arcgis(ogc):
    answer = ogc.get(ITEMS, limit=5)
    assert '"height":1.0,"storeys":1' in answer.text
    assert {feature["properties"]["public"] for feature in answer.json()["features"]} == {0, 1, None}
    assert "true" not in answer.text
    assert "false" not in answer.text


def test_items_are_geojson_by_their_media_type(ogc):
    for accept in ("application/geo+json", "application/json", "*/*"):
        assert ogc.get(ITEMS, headers={"Accept": accept}).headers["content-type"] == "application/geo+json"
    assert ogc.get(f"{ITEMS}/b0003").headers["content-type"] == "application/geo+json"


def test_an_item_without_geometry_is_given(ogc):
    assert ogc.json(f"{ITEMS}/b0007")["geometry"] is None


def test_the_versions_of_an_object_are_items_of_their_own(ogc):
    ids = [feature["id"] for feature in ogc.json(ITEMS, limit=4)["features"]]
    assert ids == ["b0000", "b0001@2026-07-02T00:00:00Z", "b0001", "b0003"]
    last, former = ogc.json(f"{ITEMS}/b0001"), ogc.json(f"{ITEMS}/{ids[1]}")
    assert (last["id"], last["properties"]["storeys"]) == ("b0001", 2)
    assert (former["id"], former["properties"]["storeys"]) == (ids[1], 1)
    for missing in ("b9999", "b0001@2026-07-03T00:00:00Z", "b0001@yesterday", "a/b"):
        assert repr(missing) in ogc.refused(f"{ITEMS}/{missing}", 404)


# --- Space ---------------------------------------------------------------------------------------


def boxes():
    x0, y0 = 770_000.0, 6_279_000.0
    return [(x0, y0, x0 + 2_400, y0 + 500), (x0 + 1_000, y0 + 990, x0 + 1_500, y0 + 1_530), (x0 - 9e3, y0, x0, y0)]


def meets(truth, region):
    return sum(shape is not None and shapely.intersects(region, shape) for shape in truth["shape"])


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


def test_the_whole_world_is_a_box(ogc, truth):
    placed = meets(truth, shapely.box(0, 0, 1e7, 1e7))
    assert ogc.json(ITEMS, bbox="-180,-90,180,90")["numberMatched"] == placed
    assert ogc.json(ITEMS, bbox="-180,-90,-100,180,90,100")["numberMatched"] == placed
    assert ogc.json(ITEMS, bbox="-90,-180,90,180", **{"bbox-crs": "EPSG:4326"})["numberMatched"] == placed
    assert ogc.json(ITEMS, bbox="170,-90,20,90")["numberMatched"] == placed, "across the antimeridian"
    assert ogc.json(ITEMS, bbox="-10,-90,-170,90")["numberMatched"] == placed
    assert ogc.json(ITEMS, bbox="177,65,-177,70")["numberMatched"] == 0
    world = "-20037508.34,-20037508.34,20037508.34,20037508.34"
    assert ogc.json(ITEMS, bbox=world, **{"bbox-crs": "EPSG:3857"})["numberMatched"] == placed
    assert ogc.json(ITEMS, bbox="100,-40,120,-20") | {"timeStamp": "", "links": []} == {
        "type": "FeatureCollection",
        "timeStamp": "",
        "numberMatched": 0,
        "numberReturned": 0,
        "links": [],
        "features": [],
    }


def test_a_box_that_is_a_point_selects_what_holds_it(ogc):
    found = ogc.json(ITEMS, bbox="770045,6279045,770045,6279045", **{"bbox-crs": LAMBERT})
    assert {feature["id"].split("@")[0] for feature in found["features"]} == {"b0001"}


def test_a_box_in_the_crs_of_storage_is_widened_by_a_millimetre_and_no_more(ogc_twin):
    collection = ogc_twin.store.catalogue.collection("buildings", ogc_twin.access.public)
    box = BBox(xmin=1, ymin=2, xmax=3, ymax=4, crs="EPSG:2154")
    assert region_of(box, collection).equals(shapely.box(0.999, 1.999, 3.001, 4.001))


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


# --- Time ----------------------------------------------------------------------------------------


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


# --- Properties ----------------------------------------------------------------------------------


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


# --- Observations --------------------------------------------------------------------------------


def test_every_observation_is_an_item(ogc):
    features, pages = every(ogc, OBSERVATIONS, limit=36)
    assert len(features) == len(STATIONS) * HOURS == len({feature["id"] for feature in features})
    assert pages == 6
    assert features[5] == {
        "type": "Feature",
        "id": "os0.air_temperature@2026-07-01T05:00:00Z",
        "geometry": features[0]["geometry"],
        "properties": {
            "datastream": "os0.air_temperature",
            "phenomenon_time": "2026-07-01T05:00:00Z",
            "result": 0.5,
            "result_text": None,
            "unit": "Cel",
            "quality": "range",
            "quality_reason": "range: above 45",
            "result_time": "2026-07-01T05:00:00Z",
            "object_collection": "stations",
            "object_id": "s0",
            "observed_property": "air_temperature",
        },
    }
    assert features[0]["geometry"]["type"] == "Point"
    assert ogc.json(f"{OBSERVATIONS}/{features[5]['id']}")["properties"] == features[5]["properties"]
    assert ogc.refused(f"{OBSERVATIONS}/os0.air_temperature", 404)
    assert ogc.refused(f"{OBSERVATIONS}/os0.air_temperature@2031-01-01T00:00:00Z", 404)


def test_observations_are_selected(ogc):
    for query, expected in (
        ({"object_id": "s1"}, HOURS),
        ({"datastream": "os2.air_temperature", "quality": "good"}, HOURS - 1),
        ({"quality": "range"}, len(STATIONS)),
        ({"observed_property": "no2"}, 0),
        ({"unit": "Cel"}, HOURS * len(STATIONS)),
        ({"result": "10.5"}, 1),
        ({"phenomenon_time": "2026-07-02T00:00:00Z"}, len(STATIONS)),
        ({"datetime": "2026-07-02"}, 24 * len(STATIONS)),
        ({"datetime": "2026-07-03T12:00:00Z/.."}, 12 * len(STATIONS)),
        ({"bbox": "3.86,43.60,3.87,43.62"}, HOURS),
    ):
        assert ogc.json(OBSERVATIONS, **query)["numberMatched"] == expected, query
    assert "good, range" in ogc.refused(OBSERVATIONS, quality="bad")
    assert "'result'" in ogc.refused(OBSERVATIONS, sortby="result")


def test_observations_page_by_offset_too(ogc):
    ids = [feature["id"] for feature in every(ogc, OBSERVATIONS, limit=100)[0]]
    assert [feature["id"] for feature in ogc.json(OBSERVATIONS, offset=70, limit=5)["features"]] == ids[70:75]
    times = observations("observations").column("phenomenon_time").to_pylist()
    assert [one.split("@")[1] for one in ids] == [iso(time) for time in times]


# --- Caching -------------------------------------------------------------------------------------


def test_an_answer_known_to_the_client_is_not_sent_again(ogc):
    for path in (ITEMS, f"{ITEMS}/b0003", OBSERVATIONS, "/collections", "/collections/buildings/schema", "/openapi"):
        tag = ogc.get(path).headers["etag"]
        again = ogc.get(path, headers={"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")
        assert ogc.get(path, headers={"If-None-Match": tag, "Accept": "text/html"}).status_code == 200
        assert ogc.get(path, headers={"If-None-Match": tag, "Accept-Language": "en"}).status_code == 200


def test_only_reading_is_offered(ogc):
    for method in ("POST", "PUT", "DELETE"):
        assert ogc.get(ITEMS, method=method).status_code == 405
    assert ogc.get(ITEMS, method="HEAD").status_code == 200


def test_small_pages_are_cut_from_blocks_whatever_is_asked_meanwhile(ogc):
    """Two clients follow `next` at once, with other filters, sizes and columns; each reads all of its own."""
    asked = [
        {"limit": 3},
        {"limit": 3, "quality": "range"},
        {"limit": 3, "properties": "result"},
        {"limit": 7, "datetime": "2026-07-02/.."},
        {"limit": 3, "skipGeometry": "true"},
    ]
    pages = [ogc.json(OBSERVATIONS, **query) for query in asked]
    found = [[*page["features"]] for page in pages]
    matched = [page["numberMatched"] for page in pages]
    while any(pages):
        for number, page in enumerate(pages):
            href = page and next((link["href"] for link in page["links"] if link["rel"] == "next"), None)
            if number == 0 and href:
                href = href.replace("limit=3", "limit=5")
            pages[number] = ogc.json(href) if href else None
            if href:
                found[number] += pages[number]["features"]
    for features, count, query in zip(found, matched, asked, strict=True):
        assert len({feature["id"] for feature in features}) == len(features) == count, query
    assert {feature["properties"]["quality"] for feature in found[1]} == {"range"}
    assert all(set(feature["properties"]) == {"result"} for feature in found[2])
    assert all(feature["geometry"] is None for feature in found[4])
