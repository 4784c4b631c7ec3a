"""The classes of encodings, JSON, GeoJSON, HTML, CoverageJSON and OpenAPI 3.0, of Features Part 1 and of EDR."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import httpx
import openapi_spec_validator
import pytest
import shapely
from covjson_pydantic.coverage import Coverage, CoverageCollection

from tests.conformance.abstract_tests import C1, EDR, F1, abstract_test, edr
from tests.conformance.service import (
    COVERAGEJSON,
    GEOJSON,
    OPENAPI,
    PROBLEM,
    Json,
    Service,
    box,
    link,
    media_type,
    shape,
)


def both(name: str) -> pytest.MarkDecorator:
    """Mark a function as an abstract test that Features Part 1 and both versions of EDR have under one name."""
    return abstract_test(*(f"{root}/{name}" for root in (F1, *EDR)))


def everywhere(name: str) -> pytest.MarkDecorator:
    """Mark a function as an abstract test that Common and Features Part 1, and EDR, have under one name."""
    return abstract_test(*(f"{root}/{name}" for root in (C1, F1, *EDR)))


def answers(service: Service, accept: str) -> list[httpx.Response]:
    """Ask every operation of the OpenAPI document for one media type."""
    return [service.get(path, accept=accept, **asked) for path, _, asked in service.operations()]


def documents(service: Service) -> list[str]:
    return [path for path in service.openapi["paths"] if "{" not in path and _is_document(path)]


def _is_document(path: str) -> bool:
    return path.count("/") < 3 or path.rsplit("/", 1)[-1] in ("items", "schema", "queryables", "sortables")


@abstract_test(*(f"{root}/json/definition" for root in (C1, *EDR)))
def test_every_document_is_offered_as_json(service: Service) -> None:
    for path in documents(service):
        if not path.endswith("/items"):
            answer = service.get(path)
            assert answer.status_code == 200
            assert "json" in media_type(answer), path


@abstract_test(*(f"{root}/json/content" for root in (C1, *EDR)))
def test_documents_are_what_the_definition_says(service: Service) -> None:
    for collection in service.collections:
        for name in ("id", "links", "extent", "data_queries", "parameter_names", "output_formats"):
            assert collection[name], (collection["id"], name)


@both("geojson/definition")
def test_features_are_offered_as_geojson_and_the_rest_as_json(service: Service) -> None:
    for collection in service.feature_collections:
        root = f"/collections/{collection['id']}"
        assert media_type(service.get(f"{root}/items", accept=GEOJSON)) == GEOJSON
        assert media_type(service.get(root, accept="application/json")) == "application/json"
    for collection in _with(service, "locations"):
        assert media_type(service.get(f"/collections/{collection['id']}/locations", accept=GEOJSON)) == GEOJSON


@both("geojson/content")
def test_features_are_valid_geojson(service: Service) -> None:
    pages = [service.items(collection) for collection in service.feature_collections]
    pages += [
        service.json(f"/collections/{one['id']}/locations", accept=GEOJSON) for one in _with(service, "locations")
    ]
    for page in pages:
        assert page["type"] == "FeatureCollection"
        for feature in page["features"]:
            assert set(feature) >= {"type", "id", "geometry", "properties"}
            assert shapely.is_valid(shape(feature)), feature["id"]
    for collection, page in zip(service.feature_collections, pages, strict=False):
        identity = page["features"][0]["id"]
        assert service.json(f"/collections/{collection['id']}/items/{identity}", accept=GEOJSON)["id"] == identity


@abstract_test(f"{C1}/html/definition", f"{F1}/html/definition")
def test_every_document_is_offered_as_html(service: Service) -> None:
    for path in documents(service):
        answer = service.get(path, accept="text/html")
        assert (answer.status_code, media_type(answer)) == (200, "text/html"), path


@abstract_test(f"{C1}/html/content", f"{F1}/html/content")
def test_pages_are_html_5_and_link_to_what_the_document_does(service: Service) -> None:
    for path in ("", "/collections", *(f"/collections/{one['id']}" for one in service.collections)):
        page = _Page()
        page.feed(service.get(path, accept="text/html").text)
        assert page.doctype.lower() == "doctype html"
        assert page.language
        assert page.open == [], path
        assert service.json(path or "/")["title" if path != "/collections" else "links"]
    page = _Page()
    page.feed(service.get("/collections", accept="text/html").text)
    for collection in service.collections:
        assert any(href.partition("?")[0].endswith(f"/collections/{collection['id']}") for href in page.hrefs)


class _Page(HTMLParser):
    _VOID = frozenset(("area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source"))

    def __init__(self) -> None:
        super().__init__()
        self.doctype, self.language = "", ""
        self.open: list[str] = []
        self.hrefs: list[str] = []

    def handle_decl(self, decl: str) -> None:
        self.doctype = decl

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        if tag == "html":
            self.language = known.get("lang") or ""
        if tag == "a":
            self.hrefs.append(known.get("href") or "")
        if tag not in self._VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@edr("covjson/definition")
def test_values_are_offered_as_coveragejson(service: Service) -> None:
    for collection in service.edr_collections:
        assert media_type(_values(service, collection)) == COVERAGEJSON


@edr("covjson/content")
def test_values_are_valid_coveragejson(service: Service) -> None:
    for collection in service.edr_collections:
        document = _values(service, collection).json()
        kind = CoverageCollection if document["type"] == "CoverageCollection" else Coverage
        kind.model_validate(document)


def _values(service: Service, collection: Json) -> httpx.Response:
    if "locations" in collection["data_queries"]:
        places = service.json(f"/collections/{collection['id']}/locations", accept=GEOJSON)["features"]
        return service.get(f"/collections/{collection['id']}/locations/{places[0]['id']}", accept=COVERAGEJSON)
    xmin, ymin, xmax, ymax = box(collection)
    point = f"POINT({(xmin + xmax) / 2} {(ymin + ymax) / 2})"
    return service.get(f"/collections/{collection['id']}/position", accept=COVERAGEJSON, coords=point)


def _with(service: Service, query: str) -> list[Json]:
    return [one for one in service.edr_collections if query in one["data_queries"]]


@everywhere("oas30/completeness")
def test_every_answer_is_described(service: Service) -> None:
    for path, operation, asked in service.operations():
        answer = service.get(path, accept="*/*", **asked)
        described = service.resolved(operation["responses"][str(answer.status_code)])
        if answer.status_code == 204:
            assert all(name in answer.headers for name in described["headers"])
            continue
        assert media_type(answer) in {name.partition(";")[0] for name in described["content"]}, path


@abstract_test(f"{C1}/core/query-param-name-unknown")
@everywhere("oas30/exceptions-codes")
def test_every_refusal_is_described(service: Service) -> None:
    for path, operation, asked in service.operations():
        refused = service.get(path, accept="*/*", **asked, nobody_knows="1")
        assert refused.status_code == 400, path
        assert PROBLEM in service.resolved(operation["responses"]["400"])["content"]
        if path.startswith("/collections/"):
            assert "404" in operation["responses"], path


@everywhere("oas30/oas-definition-1")
def test_the_definition_is_offered_as_json_and_as_html(service: Service) -> None:
    page = service.json()
    for rel, media in (("service-desc", OPENAPI), ("service-doc", "text/html")):
        answer = service.get(link(page, rel, media)["href"], accept=media)
        assert media_type(answer) == media.partition(";")[0]


@everywhere("oas30/oas-definition-2")
def test_the_definition_is_valid_whole_and_of_version_3_0(service: Service) -> None:
    assert service.openapi["openapi"].startswith("3.0.")
    openapi_spec_validator.validate(service.openapi)
    outside = re.findall(r"'\$ref': '(?!#/)[^']*", str(service.openapi))
    assert outside == [], "self-contained"


@everywhere("oas30/oas-impl")
def test_every_path_is_there(service: Service) -> None:
    server = service.openapi["servers"][0]["url"]
    assert server == service.root
    missing = [
        (path, answer.status_code)
        for (path, _, _), answer in zip(service.operations(), answers(service, "*/*"), strict=True)
        # A point of the example may lie where nothing is observed, and a day may hold nothing.
        if answer.status_code != 200 and not (answer.status_code == 204 and "coords" in str(answer.url))
    ]
    assert missing == []


@everywhere("oas30/security")
def test_every_way_to_say_who_one_is_is_described(service: Service) -> None:
    schemes = {one["scheme"] for one in service.openapi["components"]["securitySchemes"].values()}
    refused = httpx.get(service.root, headers={"authorization": "Bearer nobody"})
    assert refused.status_code == 401
    assert {word.lower() for word in refused.headers["www-authenticate"].replace(",", " ").split()} >= schemes
    assert {name for use in service.openapi["security"] for name in use} == set(
        service.openapi["components"]["securitySchemes"]
    )
