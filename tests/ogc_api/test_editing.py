"""Features created, replaced, updated and deleted over HTTP (OGC API Features Part 4), by those who may."""

from __future__ import annotations

import base64
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import openapi_spec_validator
import orjson
import pytest

from ogc_api.door import OgcApiDoor
from tests.ogc_api.conftest import BASE, Client
from tests.ogc_api.small_city import buildings, city, commit_features, made_buildings
from twin.access import token_hash
from twin.context import Twin
from twin.store import OPERATOR, FeatureQuery

EDITOR, READER, CLERK = "t-editor", "t-reader", "t-clerk"
KEYS = (
    {
        "name": "Urbanisme",
        "hash": token_hash(EDITOR),
        "scopes": {"buildings": ["create", "replace", "update", "delete"], "secrets": ["read", "update"]},
    },
    {"name": "lecteur", "hash": token_hash(READER), "scopes": {"*": ["read"]}},
    {"name": "clerk", "hash": token_hash(CLERK), "scopes": {"stations": ["update"]}},
)
ITEMS = "/collections/buildings/items"
NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)
SQUARE = {"type": "Polygon", "coordinates": [[[3.87, 43.61], [3.871, 43.61], [3.871, 43.611], [3.87, 43.61]]]}
L93 = "<http://www.opengis.net/def/crs/EPSG/0/2154>"


@pytest.fixture
def asked(tmp_path):
    """Return a client of a city of its own, and its clock."""
    with city(tmp_path, keys=KEYS, public_url="https://ville.example/jumeau") as made:
        clock = SimpleNamespace(now=NOW)
        twin = Twin(made.settings, made.store, made.access, clock=lambda: clock.now)
        door = OgcApiDoor(twin)
        door.start()
        yield Writer(door, twin, clock)
        door.stop()


class Writer(Client):
    def __init__(self, door, twin, clock) -> None:
        super().__init__(door)
        self.door, self.twin, self.clock = door, twin, clock

    def write(self, method, path, document=None, token=EDITOR, **headers):
        types = {"PATCH": "application/merge-patch+json"}
        sent = {"content-type": types.get(method, "application/geo+json")} if document is not None else {}
        sent |= {"authorization": f"Bearer {token}"} if token else {}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        content = document if isinstance(document, bytes) else orjson.dumps(document) if document is not None else None
        return self.get(path, method, headers=sent, content=content)

    def sentence(self, status, *args, **kwargs):
        answer = self.write(*args, **kwargs)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        return answer.json()["detail"]


def feature(properties=None, geometry=SQUARE, **more):
    return {"type": "Feature", "geometry": geometry, "properties": properties or {}, **more}


def test_an_object_is_created_read_and_listed(asked):
    before = asked.json(ITEMS, limit=1)["numberMatched"]
    answer = asked.write("POST", ITEMS, feature({"height": 12, "usage": "housing", "public": True}))
    assert answer.status_code == 201
    address = answer.headers["location"]
    assert address.startswith(f"{BASE}{ITEMS}/")
    made = asked.json(address)
    assert made["properties"]["height"] == 12.0
    assert made["properties"]["public"] == 1
    assert made["properties"]["valid_from"] == "2026-08-01T12:00:00Z"
    assert made["properties"]["storeys"] is None
    assert made["geometry"]["coordinates"][0][1] == pytest.approx([3.871, 43.61], abs=1e-8)
    assert asked.json(ITEMS, limit=1)["numberMatched"] == before + 1
    own = feature({"id": "mairie", "valid_from": "1987-01-01T00:00:00Z"}, id="mairie")
    assert asked.write("POST", ITEMS, own).headers["location"] == f"{BASE}{ITEMS}/mairie"
    assert asked.json(f"{ITEMS}/mairie")["properties"]["valid_from"] == "1987-01-01T00:00:00Z"
    assert "mairie" in asked.sentence(409, "POST", ITEMS, own)
    run = asked.twin.store.catalogue.runs(kind="edit")[0]
    assert (run.name, run.parameters["id"], run.parameters["verb"]) == ("Urbanisme", "mairie", "create")


def test_the_requests_of_qgis(asked):
    """What QGIS 3.40 sends to learn what it may edit, and to edit (tests/clients/qgis_edits.py has it do so)."""
    first, second, third = (
        item["id"] for item in asked.json(ITEMS, datetime=f"{NOW:%Y-%m-%dT%H:%M:%SZ}")["features"][:3]
    )
    qgis = {"authorization": "Basic " + base64.b64encode(f"Urbanisme:{EDITOR}".encode()).decode(), "token": None}
    assert "POST" in asked.write("OPTIONS", ITEMS, **qgis).headers["allow"].split(", ")
    allowed = asked.write("OPTIONS", f"{ITEMS}/{first}", **qgis).headers["allow"].split(", ")
    assert {"PUT", "PATCH", "DELETE"} <= set(allowed)
    crs = {"content_crs": L93.strip("<>")}
    ring = [[769375.06, 6280276.24], [769385.2, 6280273.29], [769380.93, 6280258.65], [769375.06, 6280276.24]]
    place = {"type": "Polygon", "coordinates": [ring]}
    assert asked.write("PATCH", f"{ITEMS}/{first}", {"properties": {"height": 12.5}}, **qgis).status_code == 204
    assert asked.write("PATCH", f"{ITEMS}/{second}", {"geometry": place}, **qgis, **crs).status_code == 204
    unset = dict.fromkeys(("storeys", "valid_from", "valid_to"))
    created = asked.write("POST", ITEMS, feature({"height": 7.5, **unset}, place), **qgis, **crs)
    assert created.status_code == 201
    # It takes what follows the last /items/ for the id.
    identity = created.headers["location"].rpartition("/items/")[2]
    assert asked.json(f"{ITEMS}/{identity}")["properties"]["height"] == 7.5
    assert asked.write("DELETE", f"{ITEMS}/{third}", **qgis).status_code == 204


def test_an_update_makes_a_version_and_history_is_readable(asked):
    path = f"{ITEMS}/b0003"
    former = asked.json(path)
    assert asked.write("PATCH", path, {"properties": {"height": 33.5, "commune": None}}).status_code == 204
    found = asked.json(path)
    assert found["geometry"] == former["geometry"]
    assert found["properties"] == {
        **former["properties"],
        "height": 33.5,
        "commune": None,
        "valid_from": "2026-08-01T12:00:00Z",
    }
    history = next(link["href"] for link in found["links"] if link["rel"] == "version-history")
    versions = asked.json(history)["features"]
    assert [version["id"] for version in versions] == ["b0003@2026-07-04T00:00:00Z", "b0003"]
    old = asked.json(f"{ITEMS}/b0003@2026-07-04T00:00:00Z")
    assert old["properties"] == {**former["properties"], "valid_to": "2026-08-01T12:00:00Z"}
    assert asked.json(ITEMS, id="b0003", datetime="2026-07-20T00:00:00Z")["features"][0]["properties"]["height"] == 3.0
    assert asked.json(ITEMS, id="b0003", datetime="2026-08-02T00:00:00Z")["numberMatched"] == 1
    refused = asked.write("PATCH", f"{ITEMS}/b0003@2026-07-04T00:00:00Z", {"properties": {}})
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


def test_a_replacement_in_lambert_keeps_what_is_sent_back_as_it_was(asked):
    path = f"{ITEMS}/b0005"
    row = asked.twin.store.features
    for crs in ("EPSG:2154", "OGC:CRS84", "EPSG:4326", "EPSG:3857"):
        asked.clock.now += timedelta(hours=1)
        answer = asked.get(path, crs=crs)
        given = answer.json()
        stored = _stored(row, "b0005")
        given["properties"]["height"] += 1
        sent = asked.write("PUT", path, given, content_crs=answer.headers["content-crs"])
        assert sent.status_code == 204, sent.text
        assert _stored(row, "b0005") == stored, f"{crs}: the geometry moved"
    assert asked.json(path)["properties"]["height"] == 9.0
    moved = {
        "type": "Polygon",
        "coordinates": [[[770000, 6279000, 5], [770010, 6279000, 5], [770010, 6279010, 7], [770000, 6279000, 5]]],
    }
    assert asked.write("PUT", path, feature(geometry=moved), content_crs=L93).status_code == 204
    assert asked.json(path, crs="EPSG:2154")["geometry"] == moved
    assert asked.json(path)["properties"]["height"] is None

    flat = {"type": "Polygon", "coordinates": [[point[:2] for point in moved["coordinates"][0]]]}
    stored = _stored(row, "b0005")
    assert asked.write("PUT", path, feature(geometry=flat), content_crs=L93).status_code == 204
    assert _stored(row, "b0005") == stored, "an outline sent back flat keeps its heights"


def _stored(features, identity):
    table = features.read(FeatureQuery(collection="buildings", ids=(identity,)), OPERATOR).read_all()
    return table["geometry"][table.num_rows - 1].as_py()


def test_a_deleted_object_is_gone_and_its_life_stays(asked):
    path = f"{ITEMS}/b0006"
    assert asked.write("DELETE", path).status_code == 204
    for method, body in (("GET", None), ("DELETE", None), ("PUT", feature()), ("PATCH", {}), ("OPTIONS", None)):
        assert asked.write(method, path, body).status_code == 404, method
    versions = asked.json(ITEMS, id="b0006")["features"]
    assert [version["id"] for version in versions] == ["b0006@2026-07-07T00:00:00Z"]
    assert versions[0]["properties"]["valid_to"] == "2026-08-01T12:00:00Z"
    assert asked.json(f"{ITEMS}/{versions[0]['id']}")["properties"] == versions[0]["properties"]
    assert asked.json(ITEMS, id="b0006", datetime="2026-08-01T12:00:00Z")["numberMatched"] == 0
    assert "b0006" in asked.sentence(409, "POST", ITEMS, feature(id="b0006"))
    assert "15" in asked.sentence(409, "DELETE", f"{ITEMS}/b0008"), "b0008 ended on 15 July"


def test_an_etag_keeps_two_editors_apart(asked):
    path = f"{ITEMS}/b0003"
    answer = asked.get(path)
    tag = answer.headers["etag"]
    assert not tag.startswith("W/")
    assert asked.get(path, headers={"if-none-match": tag}).status_code == 304
    assert asked.write("PATCH", f"{ITEMS}/b0005", {"properties": {"height": 1}}).status_code == 204
    assert asked.get(path).headers["etag"] == tag, "another object's edit is not its own"
    assert asked.write("PATCH", path, {"properties": {"height": 1}}, if_match=tag).status_code == 204
    assert asked.get(path).headers["etag"] != tag
    for method, body in (("PATCH", {"properties": {"height": 2}}), ("PUT", feature()), ("DELETE", None)):
        assert "b0003" in asked.sentence(412, method, path, body, if_match=tag)
    assert asked.json(path)["properties"]["height"] == 1.0
    assert asked.write("DELETE", path, if_match=f'"0-0", {asked.get(path).headers["etag"]}').status_code == 204


def test_what_an_index_answers_is_edited_as_well(asked):
    def indexed():
        view = asked.door._publisher.current()
        assert view.items.wait_for_index(view.collection("buildings"))

    path = f"{ITEMS}/b0003"
    plain = asked.get(path)
    indexed()
    answer = asked.get(path)
    assert (answer.content, answer.headers["etag"]) == (plain.content, plain.headers["etag"])
    assert asked.write("PATCH", path, {"properties": {"height": 7}}, if_match=plain.headers["etag"]).status_code == 204
    assert asked.write("DELETE", f"{ITEMS}/b0005").status_code == 204
    end = asked.json(ITEMS)["numberMatched"] - 5
    stored = asked.json(ITEMS, offset=end)
    assert asked.json(path)["properties"]["height"] == 7
    indexed()
    again = asked.json(ITEMS, offset=end)
    assert again["features"] == stored["features"]
    names = {one["id"] for one in again["features"]}
    assert {"b0003", "b0003@2026-07-04T00:00:00Z", "b0005@2026-07-06T00:00:00Z"} <= names
    assert asked.json(path)["properties"]["height"] == 7
    assert asked.get(f"{ITEMS}/b0005").status_code == 404


def test_of_editors_at_once_one_wins_or_each_in_turn(asked):
    path = f"{ITEMS}/b0003"
    tag = asked.get(path).headers["etag"]

    def write(height, **headers):
        return asked.write("PATCH", path, {"properties": {"height": height}}, **headers).status_code

    with ThreadPoolExecutor(6) as pool:
        conditional = list(pool.map(lambda height: write(height, if_match=tag), range(6)))
        assert sorted(conditional) == [204, *[412] * 5]
        assert asked.json(path)["properties"]["height"] == conditional.index(204)
        assert list(pool.map(write, range(4))) == [204] * 4
    assert len(asked.twin.store.catalogue.runs(kind="edit")) == 5


def test_who_may_write_what(asked):
    path, station = f"{ITEMS}/b0003", "/collections/stations/items/s0"
    patch = {"properties": {}}
    for token, at, status in (
        (None, path, 401),
        ("wrong", path, 401),
        (READER, path, 403),
        (CLERK, path, 403),
        (EDITOR, station, 403),
        (CLERK, station, 204),
    ):
        answer = asked.write("PATCH", at, patch, token=token)
        assert answer.status_code == status, (token, at, answer.text)
        assert ("www-authenticate" in answer.headers) == (status == 401)
    basic = base64.b64encode(f"clerk:{CLERK}".encode()).decode()
    assert asked.write("PATCH", station, patch, token=None, authorization=f"Basic {basic}").status_code == 204
    other = base64.b64encode(f"someone:{CLERK}".encode()).decode()
    assert asked.write("PATCH", station, patch, token=None, authorization=f"Basic {other}").status_code == 401
    for at, allow in (
        (ITEMS, "GET, HEAD, OPTIONS, POST"),
        (path, "GET, HEAD, OPTIONS, PUT, PATCH, DELETE"),
        (station, "GET, HEAD, OPTIONS, PATCH"),
        ("/collections/stations/items", "GET, HEAD, OPTIONS"),
        ("/collections/datastreams/items", "GET, HEAD, OPTIONS"),
        ("/collections/observations/items", "GET, HEAD, OPTIONS"),
    ):
        answer = asked.get(at, "OPTIONS")
        assert (answer.status_code, answer.headers["allow"]) == (204, allow), at
    refused = asked.write("PUT", station, feature(), token=CLERK)
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS, PATCH")


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (b"{", "JSON"),
        (b"[]", "feature"),
        ({"type": "FeatureCollection", "features": []}, "FeatureCollection"),
        ({"type": "Feature", "properties": {}}, "geometry"),
        ({"type": "Feature", "geometry": None, "properties": []}, "properties"),
        (feature(coordRefSys="EPSG:2154"), "coordRefSys"),
        (feature({"hieght": 3}), "'hieght'.*'height'"),
        (feature({"height": "tall"}), "height='tall'.*number"),
        (feature({"height": True}), "height=True.*number"),
        (feature({"storeys": 2.5}), "storeys=2.5.*whole"),
        (feature({"storeys": 2**63}), "storeys=.*whole"),
        (feature({"public": "yes"}), "public='yes'.*true or false"),
        (feature({"permit": "15/07/2026"}), "permit=.*2026-07-15"),
        (feature({"commune": ["Mauguio"]}), "commune=.*text"),
        (feature({"usage": "castle"}), "usage='castle'.*housing"),
        (feature({"valid_from": "2031-01-01T00:00:00Z"}), "valid_from=2031"),
        (feature({"valid_to": "2031-01-01T00:00:00Z"}), "valid_to=2031.*DELETE"),
        (feature(geometry={"type": "Point", "coordinates": [3.87, 43.61]}), "Point.*Polygon"),
        (feature(geometry={"type": "Polygon", "coordinates": []}), "empty"),
        (feature(geometry={"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}), "cannot be read"),
        (feature(geometry="POINT(1 2)"), "GeoJSON geometry"),
        (
            feature(geometry={"type": "Polygon", "coordinates": [[[3, 43], [4, 44], [4, 43], [3, 44], [3, 43]]]}),
            "not valid.*Self-intersection",
        ),
        (
            feature(geometry={"type": "Polygon", "coordinates": [[[43, 3], [44, 3], [44, 4], [43, 3]]]}),
            "outside.*EPSG:2154.*order",
        ),
        (
            feature(geometry={"type": "Polygon", "coordinates": [[[7e5, 6e6], [7e5, 7e6], [8e5, 6e6], [7e5, 6e6]]]}),
            "outside|no place",
        ),
        (feature({"id": "other"}, id="own"), "'id' is 'other'.*'own'"),
        (feature(id=["a"]), "id"),
        (feature(id="a@b"), "id"),
    ],
)
def test_a_fault_is_told_in_one_sentence(asked_once, document, words):
    sentence = asked_once.sentence(400, "POST", ITEMS, document)
    assert re.search(words, sentence), sentence
    assert sentence.count(". ") <= 1
    assert asked_once.twin.store.catalogue.runs(kind="edit") == []


@pytest.fixture(scope="module")
def asked_once(tmp_path_factory):
    """Return a client of one city for requests that change nothing."""
    with city(tmp_path_factory.mktemp("edits"), keys=KEYS, public_url="https://ville.example/jumeau") as made:
        settings = made.settings.model_copy(update={"bounds": made.settings.bounds.model_copy(update={"body": 20_000})})
        twin = Twin(settings, made.store, made.access, clock=lambda: NOW)
        yield Writer(OgcApiDoor(twin), twin, None)


def test_what_surrounds_a_body_is_checked(asked_once):
    assert "20000" in asked_once.sentence(413, "POST", ITEMS, feature({"commune": "x" * 30_000}))
    answer = asked_once.write("POST", ITEMS, feature(), content_type="text/plain")
    assert (answer.status_code, answer.headers["accept"]) == (415, "application/geo+json, application/json")
    answer = asked_once.write("PATCH", f"{ITEMS}/b0003", {}, content_type="application/json")
    assert (answer.status_code, answer.headers["accept-patch"]) == (415, "application/merge-patch+json")
    assert "EPSG:9999" in asked_once.sentence(400, "POST", ITEMS, feature(), content_crs="EPSG:9999")
    assert "b0005" in asked_once.sentence(400, "PUT", f"{ITEMS}/b0003", feature(id="b0005"))
    assert "Did you mean" not in asked_once.sentence(400, "POST", f"{ITEMS}?dry=1", feature())
    assert "cannot be changed" in asked_once.sentence(
        400, "PATCH", f"{ITEMS}/b0003", {"properties": {"valid_from": "2020-01-01T00:00:00Z"}}
    )
    deep = b'{"type":"Feature","properties":{"name":' + b"[" * 5000 + b"]" * 5000 + b'},"geometry":null}'
    assert "JSON" in asked_once.sentence(400, "POST", ITEMS, deep)


def test_the_documents_tell_what_can_be_written_and_how(asked_once, ogc):
    classes = asked_once.json("/conformance")["conformsTo"]
    for name in ("create-replace-delete", "update", "features", "optimistic-locking-etags"):
        assert f"http://www.opengis.net/spec/ogcapi-features-4/1.0/conf/{name}" in classes
    document = asked_once.json("/openapi")
    openapi_spec_validator.validate(document)
    methods = {path: set(item) for path, item in document["paths"].items()}
    assert methods[ITEMS] == {"get", "post"}
    assert methods[f"{ITEMS}/{{featureId}}"] == {"get", "put", "patch", "delete"}
    assert methods["/collections/stations/items/{featureId}"] == {"get", "patch"}
    assert methods["/collections/observations/items"] == {"get"}
    assert set(document["components"]["securitySchemes"]) == {"basic", "bearer"}
    assert not any("features-4" in name for name in ogc.json("/conformance")["conformsTo"]), "nobody may edit there"
    assert all(set(item) == {"get"} for item in ogc.json("/openapi")["paths"].values())


def test_a_new_ingest_leaves_edits_as_they_are(asked):
    assert asked.write("PATCH", f"{ITEMS}/b0003", {"properties": {"height": 33.5}}).status_code == 204
    assert asked.write("DELETE", f"{ITEMS}/b0005").status_code == 204
    commit_features(asked.twin.store, made_buildings(), buildings().slice(0, 10))
    assert asked.json(f"{ITEMS}/b0003")["properties"]["height"] == 33.5
    assert asked.get(f"{ITEMS}/b0005").status_code == 404
    assert asked.get(f"{ITEMS}/b0011").status_code == 404, "what the source gives no more, and nobody edited"
