"""The first features of a collection know every property between them, and no paging loses or repeats one."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ogc_api.door import OgcApiDoor
from ogc_api.features.index.order import Order
from tests.ogc_api.conftest import Client
from tests.ogc_api.small_city import ORIGIN, START, city, collection, commit_features, field
from twin.model import LOOKED_AT, FieldType
from twin.tables import feature_schema

FIELDS = (field("name", FieldType.STRING), field("height", FieldType.NUMBER, "m"), field("public", FieldType.BOOLEAN))
ITEMS = "/collections/sparse/items"
#: What a feature may know: its fields, its end, its place.
KNOWN = (*(one.name for one in FIELDS), "valid_to", "geometry")

features = st.lists(st.sets(st.sampled_from(KNOWN), max_size=2), min_size=1, max_size=14)


def batch(known: list[set[str]]) -> pa.RecordBatch:
    def column(name: str, value: object) -> list[object]:
        return [value if name in one else None for one in known]

    columns = {
        "id": [f"f{number:02}" for number in range(len(known))],
        "valid_from": [START] * len(known),
        "valid_to": column("valid_to", START.replace(year=2030)),
        "geometry": pa.array(column("geometry", shapely.to_wkb(shapely.Point(ORIGIN))), pa.binary()),
        "name": column("name", "Zoé"),
        "height": column("height", 3.5),
        "public": column("public", True),
    }
    return pa.RecordBatch.from_pydict(columns, schema=feature_schema(FIELDS))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """Return a city whose features are committed anew, and its clients: by the index, and by the store."""
    with city(tmp_path_factory.mktemp("leading"), public_url="https://ville.example/jumeau") as twin:
        indexed, stored = OgcApiDoor(twin), OgcApiDoor(twin)
        indexed.start()
        stored.stop()

        def commit(known: list[set[str]]) -> None:
            commit_features(twin.store, collection("sparse", fields=FIELDS), batch(known))
            view = indexed._publisher.current()
            (made,) = (one for one in view.collections if one.id == "sparse")
            assert view.items.wait_for_index(made)

        yield SimpleNamespace(commit=commit, clients={"index": Client(indexed), "store": Client(stored)})
        indexed.stop()


def knows(feature: dict) -> set[str]:
    told = {**feature["properties"], "geometry": feature["geometry"]}
    return {name for name in KNOWN if told[name] is not None}


@pytest.mark.parametrize("way", ["index", "store"])
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=features, after=features, limit=st.integers(1, 6))
def test_paging_is_exact_whatever_leads_and_whatever_is_committed(service, way, before, after, limit):
    client = service.clients[way]
    service.commit(before)
    begun = client.get(f"{ITEMS}?limit={limit}").json()
    service.commit(after)

    whole = client.json(ITEMS, limit=100)["features"]
    assert sorted(one["id"] for one in whole) == [f"f{number:02}" for number in range(len(after))]
    assert set().union(*map(knows, whole[:LOOKED_AT])) == set().union(*after)
    assert client.every(ITEMS, limit=limit)[0] == whole
    by_offset = [client.json(ITEMS, limit=limit, offset=at)["features"] for at in range(0, len(whole), limit)]
    assert [one for page in by_offset for one in page] == whole

    # Whoever was in the midst of it loses nothing that stayed, and sees it once.
    seen = [one["id"] for one in begun["features"]]
    following = next((link["href"] for link in begun["links"] if link["rel"] == "next"), None)
    seen += [one["id"] for one in client.every(following)[0]]
    stayed = {f"f{at:02}" for at, (one, other) in enumerate(zip(before, after, strict=False)) if one == other}
    assert all(seen.count(name) == 1 for name in stayed)


@given(st.integers(0, 40), st.lists(st.integers(0, 39), max_size=5, unique=True), st.data())
def test_places_are_those_of_the_list_itself(count, leading, data):
    leading = [number for number in leading if number < count]
    whole = leading + [number for number in range(count) if number not in leading]
    start = data.draw(st.integers(0, count))
    stop = data.draw(st.integers(start, count))
    order = Order(leading)
    assert [number for run in order.runs(start, stop) for number in range(*run)] == whole[start:stop]
    number = data.draw(st.integers(0, count))
    assert order.after(number) == len(leading) + np.count_nonzero([one < number for one in whole[len(leading) :]])


def test_what_is_filtered_or_sorted_keeps_the_order_of_its_rows(service):
    service.commit([{"name"}] * 3)
    service.commit([{"name"}] * 3 + [set()] * 6 + [{*KNOWN}, {"name"}])
    for client in service.clients.values():
        in_lambert = {"crs": "http://www.opengis.net/def/crs/EPSG/0/2154", "properties": "name", "limit": 1}
        for query in ({}, in_lambert, {"skipGeometry": "true"}):
            assert client.json(ITEMS, **query)["features"][0]["id"] == "f09"
        for query in ({"filter": "id <> 'none'"}, {"datetime": "2026-07-02"}, {"sortby": "id"}):
            found = [one["id"] for one in client.json(ITEMS, limit=100, **query)["features"]]
            assert found.index("f09") > found.index("f08")


@pytest.mark.parametrize(
    "cursor", ["WzEsMiwzLDQsNSw2LDdd", "Wy0xLDJd", "W251bGwsMl0", "WzkyMjMzNzIwMzY4NTQ3NzU4MDgsMl0"]
)
def test_a_cursor_that_leads_too_far_is_refused(service, cursor):
    """Seven rows; a negative one; null; and one that no row number reaches."""
    service.commit([{"name"}, {"height"}])
    for client in service.clients.values():
        assert "cursor" in client.refused(ITEMS, cursor=cursor)
        assert "cursor" in client.refused(ITEMS, cursor="WzEsMl0", filter="height > 1")
