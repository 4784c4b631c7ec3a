"""OGC API Features Part 1, class Core.

EDR's class Core, and Common's Landing Page and Collections, are the same landing page, definition, declaration and
descriptions of collections.
"""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlsplit

import openapi_spec_validator
import pytest
import shapely

from tests.conformance.abstract_tests import C1, C2, EDR, F1, SPEC, abstract_test
from tests.conformance.service import (
    CRS84,
    EVER,
    GEOJSON,
    WHOLE,
    Json,
    Service,
    assert_linked,
    box,
    identities,
    link,
    media_type,
    middle,
    shape,
    text,
)

CORE = f"{F1}/core"


def edr_core(name: str) -> list[str]:
    return [f"{root}/core/{name}" for root in EDR]


@abstract_test(f"{CORE}/http", f"{C1}/core/http", *edr_core("http"))
def test_http_1_1(service: Service) -> None:
    assert service.get().http_version == "HTTP/1.1"


@abstract_test(f"{CORE}/root-op", f"{C1}/landing-page/root-op", *edr_core("root-op"))
def test_the_landing_page_is_at_the_root(service: Service) -> None:
    for root in (service.root, f"{service.root}/"):
        assert service.get(root).status_code == 200


@abstract_test(f"{CORE}/root-success", f"{C1}/landing-page/root-success", *edr_core("root-success"))
def test_the_landing_page_leads_to_definition_conformance_and_data(service: Service) -> None:
    page = service.json()
    assert_linked(page, "service-desc", "service-doc", "conformance", "data", "self", "alternate")
    assert page["title"]


@abstract_test(f"{CORE}/api-definition-op", f"{C1}/landing-page/api-definition-op", *edr_core("api-definition"))
def test_every_link_to_the_definition_works(service: Service) -> None:
    for rel in ("service-desc", "service-doc"):
        found = link(service.json(), rel)
        answer = service.get(found["href"], accept=found["type"])
        assert answer.status_code == 200
        assert media_type(answer) == found["type"].partition(";")[0]


@abstract_test(
    f"{CORE}/api-definition-success", f"{C1}/landing-page/api-definition-success", *edr_core("api-definition-success")
)
def test_the_definition_is_a_valid_openapi_document(service: Service) -> None:
    openapi_spec_validator.validate(service.openapi)


@abstract_test(f"{CORE}/conformance-op", f"{C1}/landing-page/conformance-op", *edr_core("conformance"))
def test_the_declaration_is_where_it_must_be(service: Service) -> None:
    for path in ("/conformance", link(service.json(), "conformance")["href"]):
        assert service.get(path).status_code == 200


@abstract_test(
    f"{CORE}/conformance-success", f"{C1}/landing-page/conformance-success", *edr_core("conformance-success")
)
def test_the_declaration_lists_classes(service: Service) -> None:
    declared = service.json("/conformance")["conformsTo"]
    assert len(declared) == len(set(declared))
    for name in (CORE, *(f"{root}/core" for root in EDR)):
        assert f"{SPEC}{name}" in declared


@abstract_test(f"{CORE}/fc-md-op", f"{C2}/collections/collections-list-op")
def test_the_collections_are_where_they_must_be(service: Service) -> None:
    for path in ("/collections", link(service.json(), "data")["href"]):
        assert service.get(path).status_code == 200


@abstract_test(f"{CORE}/fc-md-success", f"{C2}/collections/collections-list-success")
def test_the_collections_have_the_members_required(service: Service) -> None:
    document = service.json("/collections")
    assert document["links"]
    assert document["collections"]


@abstract_test(f"{CORE}/fc-md-links", f"{C2}/collections/collections-list-links")
def test_the_collections_link_to_themselves_and_to_their_other_format(service: Service) -> None:
    assert_linked(service.json("/collections"), "self", "alternate")


@abstract_test(f"{CORE}/fc-md-items", f"{C2}/collections/collections-list-collections")
def test_every_collection_is_described(service: Service) -> None:
    paths = {path.split("/")[2] for path in service.openapi["paths"] if path.endswith("/items")}
    assert {one["id"] for one in service.feature_collections} == paths
    assert all(one["title"] and one["links"] for one in service.collections)


@abstract_test(f"{CORE}/fc-md-items-links")
def test_every_collection_links_to_its_items_in_each_format(service: Service) -> None:
    for collection in service.feature_collections:
        for media in (GEOJSON, "text/html"):
            answer = service.get(link(collection, "items", media)["href"], accept=media)
            assert (answer.status_code, media_type(answer)) == (200, media)
        assert_linked(collection, "items")


def moments(feature: Json) -> tuple[str, str]:
    properties = feature["properties"]
    first = properties.get("phenomenon_time") or properties.get("valid_from") or ""
    return first, properties.get("phenomenon_time") or properties.get("valid_to") or "9999"


@abstract_test(f"{CORE}/fc-md-extent", f"{C2}/collections/description-extent")
def test_the_extent_holds_every_geometry_and_every_time(service: Service) -> None:
    for collection in service.feature_collections:
        around = shapely.box(*box(collection)).buffer(1e-6)
        start, end = collection["extent"]["temporal"]["interval"][0]
        for feature in service.items(collection, **EVER)["features"]:
            assert feature["geometry"] is None or around.contains(shape(feature)), feature["id"]
            assert (start or "") <= moments(feature)[0], feature["id"]
            assert end is None or moments(feature)[1] <= end, feature["id"]


@abstract_test(f"{CORE}/fc-md-extent-multi", f"{C2}/collections/description-extent-multi")
def test_the_first_of_the_extents_is_of_the_whole(service: Service) -> None:
    for collection in service.collections:
        boxes = collection["extent"]["spatial"]["bbox"]
        assert all(shapely.box(*boxes[0]).contains(shapely.box(*one)) for one in boxes[1:])
        assert len(collection["extent"].get("temporal", {}).get("interval", [0])) == 1


@abstract_test(f"{CORE}/sfc-md-op", f"{C2}/collections/description-op")
def test_every_collection_has_its_document(service: Service) -> None:
    for collection in service.collections:
        assert service.get(f"/collections/{collection['id']}").status_code == 200
    assert service.get("/collections/nothing").status_code == 404


@abstract_test(f"{CORE}/sfc-md-success", f"{C2}/collections/description-success")
def test_a_collection_is_told_as_in_the_list(service: Service) -> None:
    for listed in service.collections:
        alone = service.json(f"/collections/{listed['id']}")
        for name in ("id", "title", "description", "extent"):
            assert alone[name] == listed[name]


@abstract_test(f"{CORE}/fc-op")
def test_items_are_where_they_must_be_and_match_box_and_time_together(service: Service) -> None:
    for collection in service.feature_collections:
        assert service.items(collection)["numberMatched"] > 0
        chosen = {"bbox": text(middle(collection)), "limit": WHOLE}
        instant = _instants(collection)[0]
        both = service.items(collection, **chosen, datetime=instant)
        at = identities(service.items(collection, limit=WHOLE, datetime=instant))
        if both["numberMatched"] <= WHOLE and len(at) < WHOLE:
            inside = service.items(collection, **{**chosen, **EVER})
            assert inside["numberMatched"] > WHOLE or identities(both) == identities(inside) & at


@abstract_test(f"{CORE}/fc-bbox-definition")
def test_bbox_is_defined(service: Service) -> None:
    for path in _items_paths(service):
        _assert_defined(service.parameter(path, "bbox"))
        schema = service.parameter(path, "bbox")["schema"]
        assert (schema["type"], schema["items"]["type"]) == ("array", "number")
        assert (schema["minItems"], schema["maxItems"]) == (4, 6)


@abstract_test(f"{CORE}/fc-bbox-response")
def test_bbox_gives_exactly_what_it_meets(service: Service) -> None:
    for collection in service.feature_collections:
        asked = middle(collection)
        found = service.items(collection, bbox=text(asked), **EVER)
        around = shapely.box(*asked)
        assert all(shape(feature).distance(around) < 1e-7 for feature in found["features"])
        whole = service.items(collection, **EVER)
        if whole["numberMatched"] <= WHOLE:
            # A box is bent when it is taken to the CRS of storage: what only grazes it may be on either side.
            deep = [feature for feature in whole["features"] if shape(feature).intersects(around.buffer(-1e-6))]
            assert identities({"features": deep}) <= identities(found)
        assert service.get(f"/collections/{collection['id']}/items").headers["content-crs"] == f"<{CRS84}>"


@abstract_test(f"{CORE}/fc-limit-definition")
def test_limit_is_defined(service: Service) -> None:
    for path in _items_paths(service):
        _assert_defined(service.parameter(path, "limit"))
        schema = service.parameter(path, "limit")["schema"]
        assert schema["type"] == "integer"
        assert 1 == schema["minimum"] <= schema["default"] <= schema["maximum"]


@abstract_test(f"{CORE}/fc-limit-response")
def test_limit_is_kept(service: Service) -> None:
    for path, collection in zip(_items_paths(service), service.feature_collections, strict=True):
        maximum = service.parameter(path, "limit")["schema"]["maximum"]
        for limit in (1, 7, maximum + 1):
            assert len(service.items(collection, limit=limit)["features"]) <= min(limit, maximum)


@abstract_test(f"{CORE}/fc-time-definition")
def test_datetime_is_defined(service: Service) -> None:
    for path in _items_paths(service):
        _assert_defined(service.parameter(path, "datetime"))
        assert service.parameter(path, "datetime")["schema"]["type"] == "string"


@abstract_test(f"{CORE}/fc-time-response")
def test_datetime_gives_exactly_what_it_meets(service: Service) -> None:
    for collection in service.feature_collections:
        whole = service.items(collection, **EVER)
        early, late = _instants(collection)
        for asked, (first, last) in {
            early: (early, early),
            f"{early}/{late}": (early, late),
            f"../{early}": ("", early),
            f"/{early}": ("", early),
            f"{late}/..": (late, "9999"),
            f"{late}/": (late, "9999"),
        }.items():
            found = service.items(collection, datetime=asked, limit=WHOLE)
            assert all(_meets(feature, first, last) for feature in found["features"]), asked
            if whole["numberMatched"] <= WHOLE:
                met = [feature for feature in whole["features"] if _meets(feature, first, last)]
                assert identities(found) == identities({"features": met}), asked


@abstract_test(f"{CORE}/query-param-invalid")
@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "x"}, {"bbox": "1,2,3"}, {"bbox": "0,0,nan,1"}, {"datetime": "yesterday"}]
)
def test_what_cannot_be_read_is_refused(service: Service, query: dict[str, str]) -> None:
    for collection in service.feature_collections:
        assert service.refuses(f"/collections/{collection['id']}/items", **query)


@abstract_test(f"{CORE}/query-param-unknown")
def test_what_is_not_known_is_refused(service: Service) -> None:
    for path in ("", "/collections", *(f"/collections/{one['id']}/items" for one in service.feature_collections)):
        assert service.refuses(path, nobody_knows="1")


@abstract_test(f"{CORE}/fc-response")
def test_items_are_a_feature_collection(service: Service) -> None:
    for collection in service.feature_collections:
        page = service.items(collection)
        assert page["type"] == "FeatureCollection"
        assert all(feature["type"] == "Feature" for feature in page["features"])


@abstract_test(f"{CORE}/fc-links")
def test_pages_link_to_themselves_to_their_other_format_and_to_the_next(service: Service) -> None:
    for collection in service.feature_collections:
        page = service.items(collection, limit=1)
        assert_linked(page, "self", "alternate", *(["next"] if page["numberMatched"] > 1 else []))
        assert link(page, "self")["type"] == GEOJSON
        if page["numberMatched"] > 1:
            following = service.json(link(page, "next")["href"], accept=GEOJSON)
            assert not identities(page) & identities(following)


@abstract_test(f"{CORE}/fc-timeStamp")
def test_pages_tell_when_they_were_made(service: Service) -> None:
    for collection in service.feature_collections:
        made = datetime.fromisoformat(service.items(collection)["timeStamp"])
        assert abs((datetime.now(UTC) - made).total_seconds()) < 3600


@abstract_test(f"{CORE}/fc-numberMatched")
def test_pages_tell_how_many_items_match(service: Service) -> None:
    for collection in service.feature_collections:
        page = service.items(collection, limit=WHOLE)
        assert page["numberMatched"] == service.items(collection, limit=1)["numberMatched"]
        assert page["numberMatched"] == len(page["features"]) or len(page["features"]) == WHOLE


@abstract_test(f"{CORE}/fc-numberReturned")
def test_pages_tell_how_many_items_they_hold(service: Service) -> None:
    for collection in service.feature_collections:
        for page in (service.items(collection), service.items(collection, limit=1)):
            assert page["numberReturned"] == len(page["features"])


@abstract_test(f"{CORE}/f-op")
def test_every_item_has_its_address(service: Service) -> None:
    for collection in service.feature_collections:
        assert _first(service, collection)["id"]
        assert service.get(f"/collections/{collection['id']}/items/nothing").status_code == 404


@abstract_test(f"{CORE}/f-success")
def test_an_item_is_what_the_page_says(service: Service) -> None:
    for collection in service.feature_collections:
        listed = service.items(collection)["features"][0]
        alone = _first(service, collection)
        for name in ("type", "id", "geometry", "properties"):
            assert alone[name] == listed[name]


@abstract_test(f"{CORE}/f-links")
def test_an_item_links_to_itself_to_its_other_format_and_to_its_collection(service: Service) -> None:
    for collection in service.feature_collections:
        item = _first(service, collection)
        assert_linked(item, "self", "alternate", "collection")
        assert urlsplit(link(item, "collection")["href"]).path.endswith(f"/collections/{collection['id']}")


@abstract_test(f"{CORE}/crs84")
def test_geometries_are_longitude_and_latitude_unless_asked_otherwise(service: Service) -> None:
    for collection in service.feature_collections:
        around = shapely.box(*box(collection)).buffer(1e-6)
        for answer in (
            service.get(f"/collections/{collection['id']}/items", accept=GEOJSON),
            service.get(link(_first(service, collection), "self")["href"], accept=GEOJSON),
        ):
            assert answer.headers["content-crs"] == f"<{CRS84}>"
            assert all(around.contains(shape(one)) for one in answer.json().get("features", []))


def _items_paths(service: Service) -> list[str]:
    return [f"/collections/{one['id']}/items" for one in service.feature_collections]


def _assert_defined(parameter: Json) -> None:
    assert (parameter["in"], parameter["required"], parameter["style"], parameter["explode"]) == (
        "query",
        False,
        "form",
        False,
    )


def _first(service: Service, collection: Json) -> Json:
    listed = service.items(collection)["features"][0]
    return service.json(f"/collections/{collection['id']}/items/{listed['id']}", accept=GEOJSON)


def _instants(collection: Json) -> tuple[str, str]:
    """Return two instants inside of the temporal extent, apart from any bound of a lifespan or an observation."""
    start, end = collection["extent"]["temporal"]["interval"][0]
    first = datetime.fromisoformat(start)
    last = datetime.fromisoformat(end) if end else datetime(2026, 7, 1, tzinfo=UTC)
    early, late = (first + (last - first) * share for share in (0.4, 0.7))
    return tuple(one.strftime("%Y-%m-%dT%H:07:13Z") for one in (early, late))  # type: ignore[return-value]


def _meets(feature: Json, first: str, last: str) -> bool:
    start, end = moments(feature)
    return start <= last and end > first
