"""OGC API Features Part 3: queryables, and filters of items in CQL2 text and JSON."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
import shapely

from tests.conformance.abstract_tests import F3, SPEC, abstract_test
from tests.conformance.service import EVER, GEOJSON, Json, Service, box, identities, link, media_type, text
from tests.conformance.test_crs import moved

QUERYABLES = "http://www.opengis.net/def/rel/ogc/1.0/queryables"
SCHEMA = "application/schema+json"
LANGUAGES = ("cql2-text", "cql2-json")
GEOMETRY = "geometry"


def queryables(service: Service, collection: Json) -> Json:
    found: Json = service.json(f"/collections/{collection['id']}/queryables", accept=SCHEMA)["properties"]
    return found


def samples(service: Service, collection: Json) -> dict[str, object]:
    """Return a value of each queryable that has one, of the first items."""
    features = service.items(collection)["features"]
    known = {**features[0]["properties"], "id": features[0]["id"]}
    return {name: known[name] for name in queryables(service, collection) if known.get(name) is not None}


def is_null(name: str, language: str) -> str:
    given = {"op": "isNull", "args": [{"property": name}]}
    return json.dumps(given) if language == "cql2-json" else f'"{name}" IS NULL'


def within(bbox: list[float], language: str) -> str:
    if language == "cql2-json":
        return json.dumps({"op": "s_intersects", "args": [{"property": GEOMETRY}, {"bbox": bbox}]})
    return f"S_INTERSECTS({GEOMETRY},BBOX({text(bbox)}))"


@pytest.mark.parametrize("name", ["queryables", "queryables-query-parameters", "filter", "features-filter"])
@abstract_test(
    *(
        f"{F3}/{name}/get-conformance"
        for name in ("queryables", "queryables-query-parameters", "filter", "features-filter")
    )
)
def test_the_class_is_declared(service: Service, name: str) -> None:
    assert f"{SPEC}{F3}/{name}" in service.conforms_to


@abstract_test(f"{F3}/queryables/get-queryables-uris")
def test_items_link_to_their_queryables_in_a_header(service: Service) -> None:
    for collection in service.feature_collections:
        header = service.get(f"/collections/{collection['id']}/items", accept=GEOJSON).links[QUERYABLES]
        assert header["url"] == link(collection, QUERYABLES)["href"]


@abstract_test(f"{F3}/queryables/get-queryables")
def test_queryables_are_a_schema(service: Service) -> None:
    for collection in service.feature_collections:
        url = link(collection, QUERYABLES)["href"]
        answer = service.get(url, accept=SCHEMA)
        assert (answer.status_code, media_type(answer)) == (200, SCHEMA)
        schema = answer.json()
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert schema["$id"] == url
        assert schema["type"] == "object"
        assert schema["additionalProperties"] is False
        assert all("type" in one or one["format"].startswith("geometry-") for one in schema["properties"].values())


@abstract_test(f"{F3}/queryables-query-parameters/query-param")
def test_queryables_are_query_parameters(service: Service) -> None:
    for collection in service.feature_collections:
        path = f"/collections/{collection['id']}/items"
        for name, value in samples(service, collection).items():
            found = service.json(f"{path}?{urlencode({name: value})}", accept=GEOJSON)
            assert found["features"], name
            assert all({**one["properties"], "id": one["id"]}[name] == value for one in found["features"]), name
        numbers = [
            name for name, one in queryables(service, collection).items() if one.get("type") in ("number", "integer")
        ]
        for name in numbers:
            assert service.get(f"{path}?{name}=much").status_code == 400


@abstract_test(f"{F3}/filter/filter-param")
@pytest.mark.parametrize("language", LANGUAGES)
def test_filters_are_applied_and_broken_ones_refused(service: Service, language: str) -> None:
    for collection in service.feature_collections:
        path = f"/collections/{collection['id']}/items"
        name = next(iter(samples(service, collection)))
        found = service.json(path, accept=GEOJSON, filter_lang=language, filter=is_null(name, language))
        assert all(feature["properties"].get(name) is None for feature in found["features"])
        assert found["numberMatched"] < service.items(collection)["numberMatched"]
        assert service.refuses(path, filter_lang=language, filter="THIS IS NOT A FILTER")


@abstract_test(f"{F3}/filter/filter-lang-default")
def test_text_is_the_default_language(service: Service) -> None:
    for collection in service.feature_collections:
        name = next(iter(samples(service, collection)))
        told = f'"{name}" IS NOT NULL'
        silent = service.items(collection, filter=told)
        assert identities(silent) == identities(service.items(collection, filter=told, filter_lang="cql2-text"))


@abstract_test(f"{F3}/filter/expression-construction")
@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_not_queryable_is_refused(service: Service, language: str) -> None:
    for collection in service.feature_collections:
        path = f"/collections/{collection['id']}/items"
        assert service.refuses(path, filter_lang=language, filter=is_null("this_is_not_a_queryable", language))


@abstract_test(f"{F3}/filter/filter-crs-wgs84")
@pytest.mark.parametrize("language", LANGUAGES)
def test_coordinates_of_a_filter_are_longitude_and_latitude(service: Service, language: str) -> None:
    for collection in service.feature_collections:
        around = list(shapely.box(*box(collection)).buffer(1e-6).bounds)
        found = service.items(collection, filter_lang=language, filter=within(around, language))
        assert found["numberMatched"] == service.items(collection)["numberMatched"]
        path = f"/collections/{collection['id']}/items"
        nowhere = within([1_000_000.0, 1_000_000.0, 2_000_000.0, 2_000_000.0], language)
        assert service.refuses(path, filter_lang=language, filter=nowhere)


@abstract_test(f"{F3}/filter/filter-crs-param")
def test_coordinates_of_a_filter_are_in_the_crs_that_it_says(service: Service) -> None:
    for collection in service.feature_collections:
        around = shapely.box(*box(collection))
        for crs in collection["crs"]:
            # An upright box of another CRS is a little turned in this one: its own bounds hold it.
            bounds = moved(shapely.segmentize(around, 0.001), crs)
            wide = list(bounds.buffer(0.01 * bounds.length).bounds)
            found = service.items(collection, filter=within(wide, "cql2-text"), filter_crs=crs)
            assert found["numberMatched"] == service.items(collection)["numberMatched"], crs
        path = f"/collections/{collection['id']}/items"
        unknown = "http://www.opengis.net/def/crs/OGC/0/does_not_exist"
        assert service.refuses(path, filter=within(list(around.bounds), "cql2-text"), filter_crs=unknown)


@abstract_test(f"{F3}/features-filter/get-collections")
def test_the_collections_are_listed(service: Service) -> None:
    assert service.feature_collections


@abstract_test(f"{F3}/features-filter/get-collection")
def test_every_collection_links_to_its_queryables(service: Service) -> None:
    for collection in service.feature_collections:
        document = service.json(f"/collections/{collection['id']}")
        assert link(document, QUERYABLES)["href"] == f"{service.root}/collections/{collection['id']}/queryables"


@abstract_test(f"{F3}/features-filter/filter-on-items")
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_filter_gives_exactly_the_items_that_it_means(service: Service, language: str) -> None:
    for collection in service.feature_collections:
        numbers = [
            name
            for name, value in samples(service, collection).items()
            if isinstance(value, float) and name != "result"
        ]
        whole = service.items(collection, **EVER)
        for name in numbers[:1]:
            bound = samples(service, collection)[name]
            given = {"op": ">", "args": [{"property": name}, bound]}
            told = json.dumps(given) if language == "cql2-json" else f'"{name}" > {bound}'
            found = service.items(collection, filter_lang=language, filter=told, **EVER)
            meant = [one for one in whole["features"] if (one["properties"][name] or bound) > bound]
            assert identities(found) == identities({"features": meant})


@abstract_test(f"{F3}/features-filter/mixing-expression")
def test_a_filter_and_a_box_hold_together(service: Service) -> None:
    for collection in service.feature_collections:
        xmin, ymin, xmax, ymax = shapely.box(*box(collection)).buffer(1e-6).bounds
        told = within([xmin, ymin, xmax, ymax], "cql2-text")
        together = service.items(collection, filter=told, bbox=text([xmin, ymin, xmax, ymax]))
        assert together["numberMatched"] == service.items(collection)["numberMatched"]
        elsewhere = text([xmin + 2, ymin + 2, xmax + 2, ymax + 2])
        assert service.items(collection, filter=told, bbox=elsewhere)["features"] == []
