"""OGC API Features Part 4 (draft): features created, replaced and deleted by the holder of a key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml

from tests.conformance.abstract_tests import C3, F4, SPEC, abstract_test
from tests.installation import Installation
from tests.ogc_api.small_city import city
from twin.access import token_hash

CRD, FEATURES = f"{F4}/create-replace-delete", f"{F4}/features"
GEOJSON = "application/geo+json"
L93 = "http://www.opengis.net/def/crs/EPSG/0/2154"
SQUARE = [[3.87, 43.61], [3.871, 43.61], [3.871, 43.611], [3.87, 43.61]]
PLACED = [[770_000.0, 6_279_000.0], [770_010.0, 6_279_000.0], [770_010.0, 6_279_010.0], [770_000.0, 6_279_000.0]]
ITEMS = "/collections/buildings/items"


def feature(ring: list[list[float]] = SQUARE, height: float = 9.0) -> dict[str, Any]:
    return {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": {"height": height}}


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Return a client with a key of a service of its own."""
    installation = Installation(tmp_path_factory.mktemp("edited"))
    with city(installation.data):
        pass
    key = {"name": "editor", "hash": token_hash("t-editor"), "scopes": {"*": ["create", "replace", "update", "delete"]}}
    settings = {"access": {"keys": [key]}, "server": {"port": 0}}
    (installation.folder / "config.yml").write_text(yaml.safe_dump(settings), "utf-8")
    process, url = installation.start("serve")
    with httpx.Client(base_url=f"{url}/ogc", headers={"authorization": "Bearer t-editor"}) as client:
        yield client
    process.terminate()
    process.wait(30)


def created(editor: httpx.Client, **more: Any) -> str:
    answer = editor.post(ITEMS, json=feature(**more), headers={"content-type": GEOJSON})
    assert answer.status_code == 201, answer.text
    location: str = answer.headers["location"]
    return location


def put(editor: httpx.Client, url: str, content_type: str = GEOJSON, **more: Any) -> httpx.Response:
    return editor.put(url, json=feature(**more), headers={"content-type": content_type})


@abstract_test(f"{CRD}/insert/post-op")
def test_features_are_posted_to_the_items(editor: httpx.Client) -> None:
    assert "POST" in editor.options(ITEMS).headers["allow"]
    before = editor.get(ITEMS).json()["numberMatched"]
    created(editor)
    assert editor.get(ITEMS).json()["numberMatched"] == before + 1


@abstract_test(f"{CRD}/insert/body")
def test_a_body_is_a_geojson_feature(editor: httpx.Client) -> None:
    assert f"{SPEC}ogcapi-features-1/1.0/conf/geojson" in editor.get("/conformance").json()["conformsTo"]
    for body in ({"type": "FeatureCollection", "features": []}, [], {"type": "Feature"}):
        assert editor.post(ITEMS, json=body, headers={"content-type": GEOJSON}).status_code == 400


@abstract_test(f"{CRD}/insert/content-type")
def test_the_media_type_of_a_new_feature_is_read(editor: httpx.Client) -> None:
    assert editor.post(ITEMS, content=b"<gml/>", headers={"content-type": "application/gml+xml"}).status_code == 415


@abstract_test(f"{CRD}/insert/response")
def test_the_answer_to_a_new_feature_is_201_and_its_address(editor: httpx.Client) -> None:
    assert editor.get(created(editor)).status_code == 200


@abstract_test(f"{CRD}/insert/response-rid")
def test_the_service_names_a_new_feature(editor: httpx.Client) -> None:
    found = editor.get(created(editor, height=12.5)).json()
    assert found["id"]
    assert found["properties"]["height"] == 12.5


@abstract_test(f"{CRD}/update/put/put-op")
def test_a_feature_is_replaced(editor: httpx.Client) -> None:
    url = created(editor)
    assert "PUT" in editor.options(url).headers["allow"]
    put(editor, url, height=20.0)
    assert editor.get(url).json()["properties"]["height"] == 20.0


@abstract_test(f"{CRD}/update/put/body")
def test_the_body_is_the_whole_feature(editor: httpx.Client) -> None:
    url = created(editor)
    named = {**feature(), "properties": {}}
    assert editor.put(url, json=named, headers={"content-type": GEOJSON}).status_code in (200, 204)
    assert editor.get(url).json()["properties"]["height"] is None, "what is left out is no more"


@abstract_test(f"{CRD}/update/put/content-type")
def test_the_media_type_of_a_replacement_is_read(editor: httpx.Client) -> None:
    assert put(editor, created(editor), "text/plain").status_code == 415


@abstract_test(f"{CRD}/update/put/response")
def test_the_answer_to_a_replacement_is_200_or_204(editor: httpx.Client) -> None:
    assert put(editor, created(editor)).status_code in (200, 204)


@abstract_test(f"{CRD}/update/put/rid-exception")
def test_what_is_not_there_is_not_replaced(editor: httpx.Client) -> None:
    assert put(editor, f"{ITEMS}/nothing").status_code == 404


@abstract_test(f"{CRD}/delete/delete-op")
def test_a_feature_is_deleted(editor: httpx.Client) -> None:
    url = created(editor)
    assert "DELETE" in editor.options(url).headers["allow"]
    editor.delete(url)
    listed = editor.get(ITEMS, params={"limit": 10_000}).json()["features"]
    assert url.rsplit("/", 1)[1] not in {one["id"] for one in listed}


@abstract_test(f"{CRD}/delete/response")
def test_the_answer_to_a_deletion_is_200_or_204_then_404(editor: httpx.Client) -> None:
    url = created(editor)
    assert editor.delete(url).status_code in (200, 204)
    assert editor.delete(url).status_code == 404


@abstract_test(f"{CRD}/crs/crs84")
def test_coordinates_sent_are_longitude_and_latitude(editor: httpx.Client) -> None:
    ring = editor.get(created(editor)).json()["geometry"]["coordinates"][0]
    assert ring[0] == pytest.approx(SQUARE[0], abs=1e-7)


@abstract_test(f"{CRD}/crs/geojson")
def test_geojson_in_another_crs_says_which(editor: httpx.Client) -> None:
    assert editor.post(ITEMS, json=feature(PLACED), headers={"content-type": GEOJSON}).status_code == 400


@abstract_test(f"{CRD}/crs/storage-crs")
def test_coordinates_are_sent_in_the_crs_of_storage(editor: httpx.Client) -> None:
    crs = editor.get("/collections/buildings").json()["storageCrs"]
    assert crs == L93
    headers = {"content-type": GEOJSON, "content-crs": f"<{crs}>"}
    answer = editor.post(ITEMS, json=feature(PLACED), headers=headers)
    assert answer.status_code == 201, answer.text
    given = editor.get(answer.headers["location"], params={"crs": crs}).json()["geometry"]["coordinates"][0]
    assert given[0] == pytest.approx(PLACED[0], abs=1e-3)


@abstract_test(f"{FEATURES}/collection-items-end-point")
def test_new_features_go_to_the_items_of_their_collection(editor: httpx.Client) -> None:
    assert editor.post("/collections/nothing/items", json=feature()).status_code == 404
    assert f"{SPEC}{FEATURES}" in editor.get("/conformance").json()["conformsTo"]
    assert "post" in editor.get("/openapi").json()["paths"][ITEMS]


@abstract_test(f"{FEATURES}/feature-end-point")
def test_features_are_changed_at_their_address(editor: httpx.Client) -> None:
    paths = editor.get("/openapi").json()["paths"]
    assert {"put", "patch", "delete"} <= set(paths[f"{ITEMS}/{{featureId}}"])
    assert created(editor).startswith(f"{editor.base_url}collections/buildings/items/")


@abstract_test(f"{C3}/returnables-and-receivables/response-2")
def test_only_what_the_schema_allows_is_written(editor: httpx.Client) -> None:
    assert editor.get("/collections/buildings/schema").json()["additionalProperties"] is False
    url = created(editor)
    assert put(editor, url).status_code in (200, 204)
    for wrong in ({"colour": "red"}, {"height": "tall"}, {"valid_to": "2031-01-01T00:00:00Z"}):
        body = {**feature(), "properties": wrong}
        for method, target in (("POST", ITEMS), ("PUT", url)):
            assert editor.request(method, target, json=body, headers={"content-type": GEOJSON}).status_code == 400, (
                wrong
            )
