"""Items: nothing missing, nothing twice, nothing answered that was not asked."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import shapely

from tests.ogc_api.small_city import BUILDINGS, STATIONS

ITEMS = "/collections/buildings/items"
OBSERVATIONS = "/collections/observations/items"
TO_LAMBERT = pyproj.Transformer.from_crs("OGC:CRS84", "EPSG:2154", always_xy=True)


@pytest.mark.parametrize("limit", [1, 7, 40, 100])
def test_following_next_gives_every_feature_once(ogc, limit):
    features, pages = ogc.every(ITEMS, limit=limit)
    assert len(features) == BUILDINGS
    assert len({feature["id"] for feature in features}) == BUILDINGS
    assert pages == -(-BUILDINGS // limit), "no empty page at the end, even when the last one is full"


@pytest.mark.parametrize("sortby", ["-height,commune", "%2Bcommune,-id", "permit", "public,height"])
def test_following_next_keeps_the_order_asked_for(ogc, sortby, truth):
    features, _ = ogc.every(f"{ITEMS}?sortby={sortby}&limit=11")
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
    whole = [feature["id"] for feature in ogc.every(ITEMS, limit=100)[0]]
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
