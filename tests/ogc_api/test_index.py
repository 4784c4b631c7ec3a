"""What the indexes answer is, to the byte, what the store answers; and it is never old."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from urllib.parse import urlencode

import numpy as np
import pyarrow as pa
import pytest
import shapely

from ogc_api.direct import Direct
from ogc_api.door import OgcApiDoor
from ogc_api.features.direct import DirectItems
from ogc_api.features.index import CollectionIndex, Indexes
from ogc_api.features.versions import Versions
from tests.ogc_api.conftest import Client
from tests.ogc_api.small_city import START, STATIONS, city, collection, commit_features, field, stations
from twin.access import token_hash
from twin.context import Twin
from twin.model import FieldType
from twin.tables import feature_schema

MIXED = 600
FIELDS = (
    field("name", FieldType.STRING),
    field("height", FieldType.NUMBER, "m"),
    field("storeys", FieldType.INTEGER),
    field("public", FieldType.BOOLEAN),
    field("permit", FieldType.DATE),
    field("surveyed", FieldType.DATETIME),
)
NAMES = ("Pérols", 'say "no"', "a\\b", "tab\there", None, "日本", "<b>&amp;</b>")
FILTERS = (
    {"filter": "storeys>3"},
    {"filter": "height BETWEEN 10 AND 60 AND public=true"},
    {"filter": "name IS NULL OR name LIKE 'P%'"},
    {"filter": "S_INTERSECTS(geometry,POLYGON((3.86 43.6,3.88 43.6,3.87 43.62,3.86 43.6)))"},
    {"filter": "storeys>99"},
    {"filter": "storeys<99 OR storeys IS NULL"},
    {"filter": '{"op":"=","args":[{"property":"storeys"},4]}', "filter-lang": "cql2-json"},
    {"filter": "storeys>"},
    {"storeys": "4"},
)
CENTRE = np.array([770_000.0, 6_279_000.0])


def mixed(generator: np.random.Generator, count: int = MIXED) -> pa.RecordBatch:
    """Return features of every type of geometry, flat and not, some of several parts, versions and odd texts."""
    at = CENTRE + generator.uniform(-2_000, 2_000, (count, 2))
    size = generator.gamma(1.0, 60.0, count) + 1
    shapes = [_shape(number % 9, x, y, side) for number, ((x, y), side) in enumerate(zip(at, size, strict=True))]
    # A third of the objects are versions of one of the few before.
    ids = [f"m{number - number % 3 if number % 9 < 3 else number}" for number in range(count)]
    fraction = generator.integers(0, 3, count)
    starts = [
        None if number % 11 == 0 else START + timedelta(days=number, microseconds=int(fraction[number]))
        for number in range(count)
    ]
    ends = [
        start + timedelta(days=number % 40 + 1) if start and number % 2 else None for number, start in enumerate(starts)
    ]
    columns = {
        "id": ids,
        "valid_from": starts,
        "valid_to": ends,
        "geometry": pa.array([shape and shapely.to_wkb(shape) for shape in shapes], pa.binary()),
        "name": [NAMES[number % len(NAMES)] for number in range(count)],
        "height": [None if number % 7 == 0 else float(value) for number, value in enumerate(size)],
        "storeys": [number % 13 if number % 5 else None for number in range(count)],
        "public": [(True, False, None)[number % 3] for number in range(count)],
        "permit": [START.date() + timedelta(days=number) if number % 4 else None for number in range(count)],
        "surveyed": [START + timedelta(milliseconds=number) if number % 6 else None for number in range(count)],
    }
    return pa.RecordBatch.from_pydict(columns, schema=feature_schema(FIELDS))


def _shape(kind: int, x: float, y: float, side: float) -> shapely.Geometry | None:
    square = shapely.box(x, y, x + side, y + side)
    match kind:
        case 0:
            return None
        case 1:
            return shapely.Point(x, y)
        case 2:
            return shapely.Point(x, y, side)
        case 3:
            return shapely.LineString([(x, y), (x + 3 * side, y + side / 7), (x + side, y + 2 * side)])
        case 4:
            return shapely.MultiPoint([(x, y), (x + 900, y + 10), (x - 300, y + 700)])
        case 5:
            return square.difference(shapely.box(x + side / 4, y + side / 4, x + side / 2, y + side / 2))
        case 6:
            return shapely.MultiPolygon([square, shapely.box(x + 1_000, y, x + 1_000 + side, y + side)])
        case 7:
            return shapely.Polygon([(x, y, 1), (x + side, y + 2, 2), (x + side / 2, y + side, 3)])
        case _:
            return square


@pytest.fixture(scope="module")
def twin(tmp_path_factory):
    with city(tmp_path_factory.mktemp("index"), public_url="https://ville.example/jumeau") as plain:
        made = collection("mixed", fields=FIELDS)
        commit_features(plain.store, made, mixed(np.random.default_rng(7)))
        yield replace(plain, clock=lambda: datetime(2026, 8, 1, tzinfo=UTC))


@pytest.fixture(scope="module")
def indexed(twin):
    door = OgcApiDoor(twin)
    door.start()
    view = door._publisher.current()
    for one in view.collections:
        if one.kind == "features":
            assert view.items.wait_for_index(one)
    yield Client(door)
    door.stop()


@pytest.fixture(scope="module")
def stored(twin):
    """The same door, never given an index."""
    door = OgcApiDoor(twin)
    door.stop()
    return Client(door)


def answer(client, path):
    got = client.get(path)
    return got.status_code, dict(got.headers), got.content


def queries(generator: np.random.Generator, count: int):
    """Yield query strings, as clients write them and as they should not."""
    for _ in range(count):
        query: dict[str, object] = {}
        if generator.random() < 0.8:
            query["limit"] = generator.choice([1, 3, 10, 50, 100, 1_000])
        if generator.random() < 0.6:
            query |= _bbox(generator)
        if generator.random() < 0.4:
            query["datetime"] = _datetime(generator)
        if generator.random() < 0.3:
            query[generator.choice(["offset", "startindex"])] = generator.choice([0, 1, 99, 590, 10**17])
        if generator.random() < 0.2:
            query |= (
                {"properties": "valid_from"},
                {"sortby": "-valid_from"},
                {"skipGeometry": "true"},
                {"crs": "http://www.opengis.net/def/crs/EPSG/0/2154"},
                {"lang": "en"},
                {"f": "json"},
                {"cursor": "WzQwXQ"},
                {"cursor": "W251bGxd"},
                {"cursor": "Wzk5OTk5OTk5OTk5OTk5OTk5OTk5OTld"},
                {"nonsense": "1"},
            )[generator.integers(10)]
        if generator.random() < 0.3:
            query |= FILTERS[generator.integers(len(FILTERS))]
        yield urlencode(query)


def _bbox(generator: np.random.Generator) -> dict[str, object]:
    middle, half = CENTRE + generator.uniform(-2_500, 2_500, 2), generator.choice([0, 5, 80, 400, 1_500, 9_000])
    west, south, east, north = (*(middle - half), *(middle + half))
    if generator.random() < 0.5:
        crs = "http://www.opengis.net/def/crs/EPSG/0/2154"
        return {"bbox": f"{west:.3f},{south:.3f},{east:.3f},{north:.3f}", "bbox-crs": crs}
    lon, lat = 3.8678 + (middle[0] - 770_000) / 80_300, 43.6063 + (middle[1] - 6_279_000) / 111_100
    dx, dy = half / 80_300, half / 111_100
    return {"bbox": f"{lon - dx:.6f},{lat - dy:.6f},{lon + dx:.6f},{lat + dy:.6f}"}


def _datetime(generator: np.random.Generator) -> str:
    first, second = sorted(START + timedelta(days=int(day)) for day in generator.integers(-20, 700, 2))
    a, b = first.isoformat().replace("+00:00", "Z"), second.isoformat().replace("+00:00", "Z")
    return str(generator.choice([a, a[:10], f"{a}/{b}", f"../{b}", f"{a}/.."]))


@pytest.mark.parametrize(("name", "count"), [("mixed", 150), ("buildings", 40), ("datastreams", 20), ("stations", 10)])
def test_both_ways_answer_the_same_bytes(indexed, stored, name, count):
    generator = np.random.default_rng(count)
    matched = set()
    for query in queries(generator, count):
        path = f"/collections/{name}/items?{query}"
        status, headers, body = answer(indexed, path)
        assert (status, headers, body) == answer(stored, path), path
        assert (status, headers, body) == answer(indexed, path), "asked again, by what is remembered"
        if status == 200:
            matched.add(json.loads(body)["numberMatched"])
    assert len(matched) > 1, "the queries must tell features apart"


@pytest.mark.parametrize("query", ["", "bbox=3.85,43.59,3.88,43.62", "datetime=2026-07-20T00:00:00Z/.."])
@pytest.mark.parametrize("limit", [1, 37, 100])
def test_following_next_is_the_same_to_the_end(indexed, stored, query, limit):
    path, pages = f"/collections/mixed/items?{query}&limit={limit}", 0
    while path and pages < 8:
        status, headers, body = answer(indexed, path)
        assert (status, headers, body) == answer(stored, path)
        path = next((link["href"] for link in json.loads(body)["links"] if link["rel"] == "next"), None)
        pages += 1
    assert pages > 1


def test_every_item_is_the_same_by_its_id(indexed, stored):
    ids = [feature["id"] for feature in indexed.json("/collections/mixed/items?limit=100")["features"]]
    assert any("@" in one for one in ids), "former versions are among them"
    # The last version by its start too, another spelling of a start, and what is not there.
    others = ["m8", "m8@2026-07-09T00:00:00Z", "m0@..", "m1@2026-07-02T02:00:00+02:00", "none", "m0@", "@", "é/è"]
    for one in [*ids[:30], *others]:
        for query in ("", "?f=json&lang=en", "?limit=3"):
            path = f"/collections/mixed/items/{one.replace('+', '%2B')}{query}"
            assert answer(indexed, path) == answer(stored, path), path


def test_what_has_not_changed_is_told_by_a_304(indexed, stored):
    for path in ("/collections/mixed/items?limit=5", "/collections/mixed/items/m4"):
        tag = indexed.get(path).headers["etag"]
        for client in (indexed, stored):
            again = client.get(path, headers={"If-None-Match": tag})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)


def test_private_collections_and_their_datastreams_stay_unknown(indexed):
    assert indexed.get("/collections/secrets/items").status_code == 404
    listed = indexed.json("/collections/datastreams/items?limit=100")
    assert {one["properties"]["timeseries"] for one in listed["features"]} == {"observations", "meters"}
    assert listed["numberMatched"] == 2 * len(STATIONS)
    assert indexed.get("/collections/datastreams/items/ps0.air_temperature").status_code == 404


def test_an_index_holds_nothing_that_the_public_may_not_see(tmp_path):
    key = {"name": "all", "hash": token_hash("t-all"), "scopes": {"*": ["read"]}}
    with city(tmp_path, keys=(key,)) as twin:
        door = OgcApiDoor(twin)
        door.start()
        client, credentials = Client(door), {"authorization": "Bearer t-all"}
        public, keyed = door._publisher.current(), door._publisher.current(credentials)
        for view, names in ((public, {"stations", "datastreams"}), (keyed, {"stations"})):
            for name in ("stations", "secrets", "datastreams"):
                if name in {one.id for one in view.collections}:
                    found = view.items.wait_for_index(view.collection(name))
                    assert (found is not None) == (name in names), name
        counts = {
            name: [client.get(f"/collections/{name}/items", headers=given) for given in (None, credentials)]
            for name in ("stations", "secrets", "datastreams")
        }
        assert [answer.status_code for answer in counts["secrets"]] == [404, 200]
        few, all_ = (answer.json()["numberMatched"] for answer in counts["datastreams"])
        assert few < all_
        assert counts["stations"][0].json()["features"] == counts["stations"][1].json()["features"]
        for wrong in ("", "Bearer t-wrong"):
            assert client.get("/collections/stations/items", headers={"authorization": wrong}).status_code == 401
        door.stop()


def test_a_commit_is_seen_at_once_and_indexed_anew(tmp_path):
    with city(tmp_path) as twin:
        door = OgcApiDoor(twin)
        door.start()
        client, path = Client(door), "/collections/stations/items"
        view = door._publisher.current()
        former = view.items.wait_for_index(view.collection("stations"))
        assert client.json(path)["numberMatched"] == len(STATIONS)
        commit_features(twin.store, view.collection("stations"), stations().slice(0, 1))
        assert [one["id"] for one in client.json(path)["features"]] == ["s0"]
        view = door._publisher.current()
        latter = view.items.wait_for_index(view.collection("stations"))
        assert (len(former), len(latter)) == (len(STATIONS), 1)
        assert [one["id"] for one in client.json(path)["features"]] == ["s0"]
        twin.store.remove("stations")
        assert client.get(path).status_code == 404
        door.stop()


def test_an_index_that_cannot_be_written_leaves_the_store_to_answer(tmp_path):
    with city(tmp_path) as twin:
        (tmp_path / "cache").write_text("not a folder")
        door = OgcApiDoor(twin)
        view = door._publisher.current()
        assert view.items.wait_for_index(view.collection("stations")) is None
        assert Client(door).json("/collections/stations/items")["numberMatched"] == len(STATIONS)
        door.stop()


@pytest.fixture
def index(twin: Twin) -> CollectionIndex:
    indexes = Indexes(twin, Versions(twin.store))
    made = indexes.ready(twin.store.catalogue.collection("mixed", twin.access.public), twin.access.public)
    indexes.stop()
    assert made is not None
    return made


def test_an_index_keeps_its_texts_in_a_file_without_a_name_and_little_in_memory(twin, index):
    assert len(index) == MIXED
    assert index.nbytes / MIXED < 128
    assert list((twin.settings.store.folder / "cache" / "items").iterdir()) == []


def test_the_routes_are_asked_only_for_what_an_index_cannot_answer(twin, indexed):
    reached: list[str] = []

    async def routes(scope, receive, send):
        reached.append(scope["path"])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    indexed.get("/collections/mixed/items")
    direct = Direct(indexed._door._publisher, {"items": DirectItems(100, twin.clock)}, routes)
    client = Client(SimpleNamespace(app=direct))
    for path in ("mixed/items?limit=7&bbox=3.85,43.59,3.88,43.62", "mixed/items?datetime=2026-07-20", "mixed/items/m4"):
        assert client.get(f"/collections/{path}").status_code == 200
    assert reached == []
    for path in ("mixed/items?sortby=height", "mixed/items/none", "observations/items", "none/items", "items", "mixed"):
        assert client.get(f"/collections/{path}").status_code == 204
    client.get("/collections/mixed/items", headers={"Authorization": "Bearer key"})
    client.get("/collections/mixed/items", method="HEAD")
    assert len(reached) == 8
