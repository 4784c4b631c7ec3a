"""Schema, queryables and sortables (OGC API Features Part 5, which is Common Part 3: OGC 23-058r2)."""

from __future__ import annotations

import jsonschema
import pytest

from tests.ogc_api.conftest import BASE

COLLECTIONS = ("buildings", "stations", "datastreams", "observations", "meters", "built_fraction")
RESOURCES = ("schema", "queryables", "sortables")
REL = "http://www.opengis.net/def/rel/ogc/1.0"
CODELIST = "http://www.opengis.net/def/profile/OGC/0/codelist-inline"
TEMPORAL = {"date", "date-time"}


@pytest.fixture(params=COLLECTIONS)
def collection(request):
    return request.param


@pytest.fixture(params=RESOURCES)
def resource(request):
    return request.param


def test_every_collection_leads_to_its_three_schemas(ogc, collection, resource):
    links = ogc.json(f"/collections/{collection}")["links"]
    (link,) = [one for one in links if one["rel"] == f"{REL}/{resource}"]
    assert link["type"] == "application/schema+json"
    assert ogc.json(link["href"])["$id"] == link["href"]


def test_a_schema_is_a_valid_json_schema_at_its_own_address(ogc, collection, resource):
    """Requirements schemas/json-schema and, of each resource, op and response."""
    answer = ogc.get(f"/collections/{collection}/{resource}", headers={"Accept": "application/schema+json"})
    assert answer.headers["content-type"] == "application/schema+json"
    document = answer.json()
    jsonschema.Draft202012Validator.check_schema(document)
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert document["$id"] == f"{BASE}/collections/{collection}/{resource}"
    assert document["type"] == "object"


def test_every_property_is_told_as_the_standard_says(ogc, collection, resource):
    """Requirements schemas/properties, additional-keywords, role-id, property-seq and unit."""
    properties = ogc.json(f"/collections/{collection}/{resource}")["properties"]
    for name, told in properties.items():
        assert told["title"], name
        if told.get("format", "").startswith("geometry-"):
            assert not {"type", "$ref"} & set(told)
        else:
            assert told["type"] in {"string", "number", "integer"}
        assert isinstance(told.get("x-ogc-unit", ""), str)
        assert ("x-ogc-unit" in told) == (told.get("x-ogc-unitLang") == "UCUM")
        known = {"title", "description", "type", "format", "enum", "oneOf"}
        assert all(word in known or word.startswith("x-ogc-") for word in told), name
    order = [told["x-ogc-propertySeq"] for told in properties.values()]
    assert order == sorted(set(order))


def test_roles_are_those_of_one_feature(ogc, collection):
    """Requirements of advanced-property-roles: each role at most once, an instant or an interval."""
    properties = ogc.json(f"/collections/{collection}/schema")["properties"].values()
    roles = {told["x-ogc-role"]: told for told in properties if "x-ogc-role" in told}
    assert len(roles) == sum("x-ogc-role" in told for told in properties)
    assert roles.get("primary-geometry", {"format": "geometry-"})["format"].startswith("geometry-")
    times = {role for role in roles if role.startswith("primary-in")}
    assert times in (set(), {"primary-instant"}, {"primary-interval-start", "primary-interval-end"})
    assert all(roles[role]["format"] in TEMPORAL for role in times)


def test_nothing_spatial_can_be_sorted_by(ogc, collection):
    properties = ogc.json(f"/collections/{collection}/sortables")["properties"]
    assert not [name for name, told in properties.items() if told.get("format", "").startswith("geometry-")]


@pytest.mark.parametrize(("resource", "query"), [("queryables", "filter=colour='red'"), ("sortables", "sortby=colour")])
def test_what_is_not_in_a_schema_is_refused(ogc, resource, query):
    """Requirement response, C and E: ``additionalProperties`` is false, so what is not listed is a 400."""
    assert ogc.json(f"/collections/buildings/{resource}")["additionalProperties"] is False
    assert "colour" in ogc.refused(f"/collections/buildings/items?{query}")


@pytest.mark.parametrize("name", ["buildings", "stations", "datastreams", "observations"])
def test_items_are_as_their_schema_says(ogc, name):
    """The schema is of the values; GeoJSON writes null where there is none."""
    schema = ogc.json(f"/collections/{name}/schema")
    for feature in ogc.json(f"/collections/{name}/items", limit=100)["features"]:
        values = {key: value for key, value in feature["properties"].items() if value is not None}
        jsonschema.validate({"id": feature["id"], **values}, schema)


def test_a_coverage_tells_what_its_values_are(ogc):
    properties = ogc.json("/collections/built_fraction/schema", lang="en")["properties"]
    assert {name: (told["type"], told["x-ogc-unit"]) for name, told in properties.items()} == {
        name: ("number", told["unit"]["symbol"]["value"])
        for name, told in ogc.json("/collections/built_fraction")["parameter_names"].items()
    }
    assert ogc.json("/collections/built_fraction/queryables")["properties"] == {}


@pytest.mark.parametrize(
    "profile", [None, "codelist-inline", CODELIST, "codelist-ref,codelist-inline", "https://a.b/c"]
)
def test_the_profile_of_codelists_is_told_whatever_was_asked(ogc, profile, resource):
    """Requirements profile-parameter and profile-codelists: asking another profile is no error."""
    query = {"profile": profile} if profile else {}
    answer = ogc.get(f"/collections/buildings/{resource}", **query)
    assert answer.status_code == 200
    assert answer.headers["link"] == f'<{CODELIST}>; rel="profile"'
    usage = answer.json()["properties"]["usage"]
    assert [set(code) for code in usage["oneOf"]] == [{"const", "title"}]


def test_titles_are_in_the_language_asked_for(ogc, resource):
    titles = {
        language: ogc.json(f"/collections/buildings/{resource}", lang=language)["properties"]["height"]["title"]
        for language in ("fr", "en")
    }
    assert titles == {"fr": "Champ height", "en": "Field height"}
