"""OGC API Features Part 5, which is Common Part 3 (draft): schema, queryables, sortables, and their profiles."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from urllib.parse import urlsplit

import jsonschema
import pytest

from tests.conformance.abstract_tests import C3, SPEC, abstract_test
from tests.conformance.service import GEOJSON, Json, Service, link, media_type

SCHEMA = "application/schema+json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
REL = "http://www.opengis.net/def/rel/ogc/1.0"
PROFILE = "http://www.opengis.net/def/profile/OGC/0/"
#: The class that each resource is of.
RESOURCES = {"schema": "returnables-and-receivables", "queryables": "queryables", "sortables": "sortables"}
PROFILED = ("profile-parameter", "profile-codelists")
#: Keywords that annotate: those that validate are the validator's.
ANNOTATIONS = {"$id", "$schema", "title", "description", "readOnly", "writeOnly"}
INSTANTS = {"date": date.fromisoformat, "date-time": datetime.fromisoformat}
INTERVAL = {"primary-interval-start", "primary-interval-end"}


def documents(service: Service, *names: str) -> Iterator[tuple[Json, Json]]:
    """Yield each collection with each of its schemas, or with those of some names."""
    for collection in service.collections:
        for name in names or RESOURCES:
            yield collection, service.json(link(collection, f"{REL}/{name}")["href"], accept=SCHEMA)


def keyed(service: Service, keyword: str) -> Iterator[Json]:
    """Yield each property that has a keyword, of any schema."""
    for _, document in documents(service):
        yield from (told for told in document["properties"].values() if keyword in told)


def roles(document: Json) -> list[tuple[str, Json]]:
    return [(told["x-ogc-role"], told) for told in document["properties"].values() if "x-ogc-role" in told]


def is_spatial(told: Json) -> bool:
    return str(told.get("format", "")).startswith("geometry-") and not told.keys() & {"type", "$ref"}


@abstract_test(f"{C3}/schemas/basic-schema-inspection")
def test_a_schema_is_a_json_schema_at_its_own_address(service: Service) -> None:
    known = ANNOTATIONS | {"format"} | jsonschema.Draft202012Validator.VALIDATORS.keys()
    for _, document in documents(service):
        assert document["$schema"] == DIALECT
        assert urlsplit(document["$id"]).scheme in ("http", "https")
        assert not urlsplit(document["$id"]).query
        answer = service.get(document["$id"], accept=SCHEMA)
        assert (answer.status_code, media_type(answer), answer.json()) == (200, SCHEMA, document)
        assert document["type"] == "object"
        jsonschema.Draft202012Validator.check_schema(document)
        for name, told in document["properties"].items():
            assert is_spatial(told) or "type" in told, name
            assert all(word in known or word.startswith("x-") for word in told), name


@abstract_test(f"{C3}/schemas/role")
def test_a_role_is_a_text(service: Service) -> None:
    assert all(isinstance(told["x-ogc-role"], str) for told in keyed(service, "x-ogc-role"))


@abstract_test(f"{C3}/schemas/role-id")
def test_one_property_is_the_identifier(service: Service) -> None:
    """What cannot be filtered or sorted by is in no queryables and sortables, and a coverage has no items."""
    for collection, document in documents(service):
        found = [told for role, told in roles(document) if role == "id"]
        items = collection.get("itemType") == "feature" and document["$id"].endswith("/schema")
        assert len(found) == 1 if items else len(found) <= 1
        assert all(told["type"] in ("string", "integer") for told in found)


@abstract_test(f"{C3}/schemas/property-seq")
def test_the_order_of_properties_is_told_by_integers(service: Service) -> None:
    for _, document in documents(service):
        order = [told["x-ogc-propertySeq"] for told in document["properties"].values()]
        assert all(type(place) is int for place in order)
        assert len(set(order)) == len(order)


@abstract_test(f"{C3}/schemas/unit")
def test_a_unit_is_a_ucum_code_of_a_number(service: Service) -> None:
    units = list(keyed(service, "x-ogc-unit"))
    assert units
    for told in units:
        assert told["type"] in ("number", "integer")
        assert told["x-ogc-unitLang"] == "UCUM"
        assert told["x-ogc-unit"]
        assert told["x-ogc-unit"].isascii()
        assert not set(told["x-ogc-unit"]) & set(" \t")


@abstract_test(f"{C3}/schemas/definition")
def test_a_definition_is_an_address(service: Service) -> None:
    assert all(urlsplit(told["x-ogc-definition"]).scheme for told in keyed(service, "x-ogc-definition"))


@abstract_test(f"{C3}/schemas/nullvalues")
def test_values_that_stand_for_null_are_of_the_type(service: Service) -> None:
    kinds = {"string": str, "number": (int, float), "integer": int}
    for told in keyed(service, "x-ogc-nullValues"):
        assert all(isinstance(value, kinds[told["type"]]) for value in told["x-ogc-nullValues"])


@abstract_test(f"{C3}/advanced-property-roles/role-primary-geometry")
def test_one_geometry_is_the_primary_one(service: Service) -> None:
    for _, document in documents(service):
        found = [told for role, told in roles(document) if role == "primary-geometry"]
        assert len(found) <= 1
        assert all(map(is_spatial, found))
        assert found or not [told for told in document["properties"].values() if is_spatial(told)]


@abstract_test(f"{C3}/advanced-property-roles/role-primary-temporal")
def test_one_instant_or_the_two_ends_of_an_interval_are_primary(service: Service) -> None:
    for _, document in documents(service):
        found = [(role, told) for role, told in roles(document) if role.startswith("primary-in")]
        assert len(found) <= 1 or (len(found) == 2 and {role for role, _ in found} == INTERVAL)
        for _, told in found:
            assert (told["type"], told["format"] in INSTANTS) == ("string", True)


@abstract_test(f"{C3}/advanced-property-roles/role-type")
def test_one_text_is_the_type(service: Service) -> None:
    for _, document in documents(service):
        found = [told for role, told in roles(document) if role == "type"]
        assert len(found) <= 1
        assert all(told["type"] == "string" for told in found)


@pytest.mark.parametrize("name", [*RESOURCES.values(), *PROFILED])
@abstract_test(*(f"{C3}/{name}/get-conformance" for name in (*RESOURCES.values(), *PROFILED)))
def test_the_class_is_declared(service: Service, name: str) -> None:
    assert {f"{SPEC}{C3}/schemas", f"{SPEC}{C3}/{name}"} <= service.conforms_to


@pytest.mark.parametrize("name", RESOURCES)
@abstract_test(*(f"{C3}/{name}/link" for name in RESOURCES.values()))
def test_each_collection_links_to_its_schemas(service: Service, name: str) -> None:
    for collection in service.collections:
        alone = service.json(f"/collections/{collection['id']}")
        assert link(alone, f"{REL}/{name}")["href"] == f"{service.root}/collections/{collection['id']}/{name}"


@pytest.mark.parametrize("name", RESOURCES)
@abstract_test(*(f"{C3}/{name}/op-and-response" for name in RESOURCES.values()))
def test_schemas_are_answered(service: Service, name: str) -> None:
    """That each is a schema, the tests of classes Schemas and Advanced property roles say of all three."""
    for collection, document in documents(service, name):
        answer = service.get(link(collection, f"{REL}/{name}")["href"], accept=SCHEMA)
        assert (answer.status_code, media_type(answer)) == (200, SCHEMA)
        if name == "sortables":
            assert all(told["type"] not in ("array", "object") for told in document["properties"].values())


@abstract_test(f"{C3}/returnables-and-receivables/response-1")
def test_features_are_as_their_schema_says(service: Service) -> None:
    """A schema is of the values: GeoJSON writes null where there is none."""
    for collection in service.feature_collections:
        ((_, document),) = ((one, found) for one, found in documents(service, "schema") if one is collection)
        assert document["additionalProperties"] is False
        (shape,) = (
            told["format"].removeprefix("geometry-") for told in filter(is_spatial, document["properties"].values())
        )
        features = service.items(collection, limit=50)["features"]
        one = f"/collections/{collection['id']}/items/{features[0]['id']}"
        for feature in (*features, service.json(one, accept=GEOJSON)):
            values = {name: value for name, value in feature["properties"].items() if value is not None}
            jsonschema.validate({"id": feature["id"], **values}, document)
            for name, value in values.items():
                INSTANTS.get(document["properties"][name].get("format"), str)(value)
            if feature["geometry"] is not None and shape != "any":
                assert feature["geometry"]["type"].lower() == shape


@pytest.mark.parametrize("name", RESOURCES)
@abstract_test(f"{C3}/profile-parameter/profile-param")
def test_a_profile_is_a_list_of_texts(service: Service, name: str) -> None:
    for collection in service.collections:
        parameter = service.parameter(f"/collections/{collection['id']}/{name}", "profile")
        assert not parameter.get("required", False)
        assert (parameter["style"], parameter["explode"]) == ("form", False)
        assert parameter["schema"]["type"] == "array"
        assert parameter["schema"]["items"]["type"] == "string"


@pytest.mark.parametrize("name", RESOURCES)
@abstract_test(f"{C3}/profile-parameter/profile-param-response")
def test_the_profile_of_an_answer_is_linked_in_its_header(service: Service, name: str) -> None:
    """What is not offered is no error (``/rec/profile-parameter/profile-negotiation``): the test wants a 400."""
    path = f"/collections/{service.feature_collections[0]['id']}/{name}"
    for asked in (None, "codelist-inline", f"{PROFILE}codelist-inline", "codelist-inline,codelist-ref", "none"):
        answer = service.get(path, accept=SCHEMA, **({"profile": asked} if asked else {}))
        assert answer.status_code == 200, asked
        assert answer.links["profile"]["url"] == f"{PROFILE}codelist-inline"


@pytest.mark.parametrize("asked", [None, "codelist-inline", "codelist-ref"])
@abstract_test(f"{C3}/profile-codelists/codelists")
def test_every_codelist_is_told_in_the_same_way(service: Service, asked: str | None) -> None:
    query = {"profile": asked} if asked else {}
    told_so = 0
    for collection in service.collections:
        for name in RESOURCES:
            answer = service.get(f"/collections/{collection['id']}/{name}", accept=SCHEMA, **query)
            assert (answer.status_code, media_type(answer)) == (200, SCHEMA)
            assert answer.links["profile"]["url"] == f"{PROFILE}codelist-inline"
            for told in answer.json()["properties"].values():
                assert "x-ogc-codelistUri" not in told
                assert all({"const", "title"} <= code.keys() for code in told.get("oneOf", ()))
                told_so += "oneOf" in told
    assert told_so
