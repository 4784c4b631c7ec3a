"""OGC API EDR, class Collections, of versions 1.0 and 1.1."""

from __future__ import annotations

import httpx
import pyproj
import pytest
import shapely

from tests.conformance.abstract_tests import C2, EDR, abstract_test, edr
from tests.conformance.service import (
    COVERAGEJSON,
    CRS84,
    GEOJSON,
    Json,
    Service,
    assert_linked,
    box,
    link,
    media_type,
    shape,
)

TYPES = {"position", "radius", "area", "cube", "trajectory", "corridor", "items", "locations", "instances"}


def variables(collection: Json) -> dict[str, Json]:
    """Return the variables of each query, by its type."""
    return {kind: query["link"]["variables"] for kind, query in collection["data_queries"].items()}


@abstract_test(f"{EDR[0]}/core/crs84", f"{EDR[1]}/core/crs")
def test_places_are_in_the_crs_of_the_extent(service: Service) -> None:
    for collection in service.edr_collections:
        assert collection["extent"]["spatial"]["crs"] == CRS84
        around = shapely.box(*box(collection)).buffer(1e-6)
        if "cube" not in collection["data_queries"]:
            page = service.json(f"/collections/{collection['id']}/locations", accept=GEOJSON)
            assert all(around.intersects(shape(one)) for one in page["features"])
        else:
            point = f"POINT({around.centroid.x} {around.centroid.y})"
            path = f"/collections/{collection['id']}/position"
            axes = service.json(path, accept=COVERAGEJSON, coords=point)["domain"]["axes"]
            assert around.contains(shapely.Point(axes["x"]["values"][0], axes["y"]["values"][0]))


@edr("collections/rc-md-op")
def test_the_collections_are_where_they_must_be(service: Service) -> None:
    assert service.get("/collections").status_code == 200


@edr("rc-md-success")
def test_the_collections_are_listed_with_their_links(service: Service) -> None:
    assert_linked(service.json("/collections"), "self", "alternate")
    assert service.edr_collections


@edr("collections/src-md-op")
def test_every_collection_has_its_document(service: Service) -> None:
    for collection in service.collections:
        assert service.get(f"/collections/{collection['id']}").status_code == 200


@edr("collections/src-md-success")
def test_a_collection_is_told_as_in_the_list(service: Service) -> None:
    for listed in service.collections:
        alone = service.json(f"/collections/{listed['id']}")
        for name in ("id", "title", "description", "extent", "data_queries", "parameter_names"):
            assert alone[name] == listed[name]


@edr("core/rc-extent")
def test_the_extent_holds_every_place_and_every_time(service: Service) -> None:
    for collection in service.edr_collections:
        extent = collection["extent"]
        assert len(box(collection)) == 4
        start, end = extent["temporal"]["interval"][0]
        assert start < (end or "9999")
        assert extent["temporal"]["trs"].startswith("TIMECRS")
        if "cube" not in collection["data_queries"]:
            continue
        xmin, ymin, xmax, ymax = box(collection)
        path, point = f"/collections/{collection['id']}/position", f"POINT({(xmin + xmax) / 2} {(ymin + ymax) / 2})"
        times = service.json(path, accept=COVERAGEJSON, coords=point)["domain"]["axes"]["t"]["values"]
        assert start <= min(times) <= max(times) <= end


@edr("edr/rc-collection-info")
def test_every_collection_says_what_it_is(service: Service) -> None:
    for collection in service.collections:
        assert collection["id"]
        assert_linked(collection, "self", "alternate", "data")
        for name in ("extent", "data_queries", "parameter_names", "crs", "output_formats"):
            assert collection[name], name
        assert all(pyproj.CRS.from_user_input(crs) for crs in collection["crs"])


@edr("edr/rc-data-queries")
def test_every_collection_says_what_it_answers(service: Service) -> None:
    for collection in service.collections:
        assert set(collection["data_queries"]) <= TYPES
        assert set(collection["data_queries"]) - {"instances"}


@edr("edr/rc-common-query-type")
def test_every_query_has_its_link(service: Service) -> None:
    for collection in service.collections:
        for kind, query in collection["data_queries"].items():
            found = query["link"]
            assert found["href"] == f"{service.root}/collections/{collection['id']}/{kind}"
            assert found["rel"] == "data"
            assert found["variables"]["query_type"] == kind


@edr("edr/rc-common-variables")
def test_every_query_says_its_formats_and_crs(service: Service) -> None:
    for collection in service.collections:
        for kind, told in variables(collection).items():
            assert told["query_type"] == kind
            assert all(isinstance(name, str) for name in told["output_formats"])
            assert told["default_output_format"] in told["output_formats"]
            for details in told.get("crs_details", ()):
                assert details["crs"]
                assert pyproj.CRS.from_wkt(details["wkt"]) == pyproj.CRS.from_user_input(details["crs"])


@edr("edr/rc-radius-variables")
def test_a_radius_says_its_units(service: Service) -> None:
    _assert_units(service, "radius", "within_units")


@edr("edr/rc-cube-variables")
def test_a_cube_says_its_units(service: Service) -> None:
    _assert_units(service, "cube", "height_units")


@edr("edr/rc-corridor-variables")
def test_a_corridor_says_its_units(service: Service) -> None:
    _assert_units(service, "corridor", "height_units", "width_units")


@edr("edr/rc-items-variables")
def test_items_say_that_they_are_items(service: Service) -> None:
    found = [told for one in service.collections for kind, told in variables(one).items() if kind == "items"]
    assert found
    assert all(told["query_type"] == "items" for told in found)


@edr("edr/rc-md-query-links")
def test_every_collection_links_to_its_queries(service: Service) -> None:
    for collection in service.collections:
        assert_linked(collection, "data")
        linked = {one["href"] for one in collection["links"] if one["rel"] == "data"}
        assert linked == {query["link"]["href"] for query in collection["data_queries"].values()}
        for one in collection["links"]:
            if one["rel"] == "data":
                assert service.get(one["href"], accept="*/*").status_code in (200, 400), "400 asks where"


@abstract_test(f"{C2}/collections/description-links", *(f"{root}/core/rc-collection-info-links" for root in EDR))
def test_documents_link_to_themselves_and_to_their_other_format(service: Service) -> None:
    for document in (service.json("/collections"), *service.collections):
        assert_linked(document, "self", "alternate")
        assert media_type(service.get(link(document, "alternate")["href"], accept="*/*")) == "text/html"


@edr("edr/rc-parameters")
def test_every_parameter_is_told(service: Service) -> None:
    for collection in service.collections:
        for name, parameter in collection["parameter_names"].items():
            assert parameter["type"] == "Parameter", name
            assert parameter["observedProperty"]["id"], name
            assert parameter["observedProperty"]["label"], name


@edr("edr/query_type/no-data")
def test_what_meets_no_data_is_204(service: Service) -> None:
    here = {"coords": "POINT({x} {y})", "bbox": "{x},{y},{x},{y}", "within": "10", "within_units": "m"}
    line = {"coords": "LINESTRING({x} {y},{x} 60)", "corridor_width": "10", "width_units": "m"}
    ring = {"coords": "POLYGON(({x} {y},{x} 60,-39 60,{x} {y}))"}
    needs = {
        "position": ("coords",),
        "radius": ("coords", "within", "within_units"),
        "area": ("coords",),
        "cube": ("bbox",),
        "trajectory": ("coords",),
        "corridor": ("coords", "corridor_width", "width_units"),
    }
    for collection in service.edr_collections:
        for kind in needs.keys() & collection["data_queries"].keys():
            asked = {**here, **{"area": ring, "trajectory": line, "corridor": line}.get(kind, {})}
            far = {name: asked[name].format(x=-40, y=59.999) for name in needs[kind]}
            _assert_no_data(service.get(f"/collections/{collection['id']}/{kind}", accept="*/*", **far))
    for collection in _answering(service, "locations"):
        path = f"/collections/{collection['id']}/locations"
        known = service.json(path, accept=GEOJSON)["features"][0]["id"]
        _assert_no_data(service.get(f"{path}/{known}", accept="*/*", datetime="1900-01-01"))
    for collection in _answering(service, "cube"):
        x, y = shapely.box(*box(collection)).centroid.coords[0]
        when = {"coords": f"POINT({x} {y})", "datetime": "1900-01-01"}
        if collection["extent"]["temporal"]["interval"][0][0] > "1900-01-01":
            _assert_no_data(service.get(f"/collections/{collection['id']}/position", accept="*/*", **when))


# What the queries answer: the suite of the OGC runs these of the class Queries, which is not declared as a whole.


@pytest.mark.parametrize("kind", sorted(TYPES - {"items", "locations", "instances"}))
def test_a_query_that_does_not_say_where_is_refused(service: Service, kind: str) -> None:
    for collection in _answering(service, kind):
        path = f"/collections/{collection['id']}/{kind}"
        assert service.refuses(path)
        assert service.refuses(path, **({"bbox": "1,2"} if kind == "cube" else {"coords": "POINT()"}))


@pytest.mark.parametrize("coords", ["", "LINESTRING()", "LINESTRINGM()", "LINESTRINGZ()", "LINESTRINGZM()"])
def test_a_line_that_is_none_is_refused(service: Service, coords: str) -> None:
    for collection in _answering(service, "trajectory"):
        assert service.refuses(f"/collections/{collection['id']}/trajectory", coords=coords)


def test_a_corridor_needs_its_width_and_known_units(service: Service) -> None:
    whole = {"coords": "LINESTRING(3.86 43.60,3.88 43.62)", "corridor_width": "100", "width_units": "m"}
    for collection in _answering(service, "corridor"):
        path = f"/collections/{collection['id']}/corridor"
        for name in ("corridor_width", "width_units", "coords"):
            assert service.refuses(path, **{key: value for key, value in whole.items() if key != name})
        assert service.refuses(path, **{**whole, "width_units": "leagues"})
        assert service.refuses(path, **whole, corridor_height="10", height_units="leagues")
        # The OGC's suite sends no height, and expects values.
        assert service.get(path, accept="*/*", **whole).status_code in (200, 204)


def test_a_place_that_is_not_known_is_404(service: Service) -> None:
    for collection in _answering(service, "locations"):
        assert service.get(f"/collections/{collection['id']}/locations/nowhere").status_code == 404
        assert service.json(f"/collections/{collection['id']}/locations", accept=GEOJSON)["features"]


def test_instances_are_listed_and_described(service: Service) -> None:
    for collection in service.edr_collections:
        for instance in service.json(f"/collections/{collection['id']}/instances")["instances"]:
            alone = service.json(f"/collections/{collection['id']}/instances/{instance['id']}")
            for name in ("id", "title", "description", "extent"):
                assert alone[name] == instance[name]


def _answering(service: Service, kind: str) -> list[Json]:
    found = [one for one in service.edr_collections if kind in one["data_queries"]]
    assert found
    return found


def _assert_no_data(answer: httpx.Response) -> None:
    assert answer.status_code == 204, f"{answer.url}: {answer.text}"
    assert not answer.content
    assert answer.headers["jumeau-detail"].endswith(".")


def _assert_units(service: Service, kind: str, *names: str) -> None:
    for collection in _answering(service, kind):
        told = variables(collection)[kind]
        assert all(told[name] and all(isinstance(unit, str) for unit in told[name]) for name in names)
