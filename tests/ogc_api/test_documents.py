"""The documents about the service: true, in both languages, self-contained, and live."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import openapi_spec_validator
import pytest
from edr_pydantic.collections import Collection

from ogc_api.door import OgcApiDoor
from ogc_api.extents import spatial
from tests.ogc_api.conftest import BASE, Client
from tests.ogc_api.small_city import (
    STATIONS,
    buildings,
    city,
    collection,
    commit_features,
    field,
    made_buildings,
    stations,
)
from twin.context import Twin
from twin.crs import BBox
from twin.model import FieldType
from twin.settings import Settings
from twin.store.embedded import open_store

WITH_ITEMS = ["buildings", "datastreams", "observations", "stations"]
PUBLIC = sorted([*WITH_ITEMS, "built_fraction", "meters"])
DOCUMENTS = [
    "",
    "/conformance",
    "/openapi",
    "/collections",
    "/collections/buildings",
    "/collections/observations",
    "/collections/built_fraction",
    "/collections/buildings/schema",
    "/collections/observations/queryables",
    "/collections/buildings/items",
    "/collections/buildings/items/b0001",
    "/collections/observations/items",
]


def links(document):
    return {(link["rel"], link["type"]): link["href"] for link in document["links"]}


def test_the_landing_page_leads_everywhere(ogc):
    page = ogc.json("/")
    known = links(page)
    assert page["title"]
    assert known["conformance", "application/json"] == f"{BASE}/conformance"
    assert known["data", "application/json"] == f"{BASE}/collections"
    assert known["service-desc", "application/vnd.oai.openapi+json;version=3.0"] == f"{BASE}/openapi"
    for (rel, _), href in known.items():
        if rel != "about":
            assert ogc.get(href).status_code == 200, href


@pytest.mark.parametrize("path", DOCUMENTS)
def test_every_link_to_the_service_works(ogc, path):
    document = ogc.json(path)
    for link in [one for part in (document, *document.get("collections", [])) for one in part.get("links", [])]:
        if link["href"].startswith(BASE):
            answer = ogc.get(link["href"])
            if link["rel"] == "data" and answer.status_code == 400:
                continue  # a query that asks where
            assert answer.status_code == 200, link
            assert answer.headers["content-type"].split(";")[0] == link["type"].split(";")[0], link


def test_what_is_private_or_personal_is_not_there(ogc):
    assert [one["id"] for one in ogc.json("/collections")["collections"]] == PUBLIC
    missing = ogc.refused("/collections/nothing", 404)
    for hidden in ("secrets", "private_series"):
        for path in ("", "/items", "/items/s0", "/schema", "/position"):
            sentence = ogc.refused(f"/collections/{hidden}{path}", 404)
            if path != "/position":
                assert sentence == missing.replace("nothing", hidden), "as what does not exist"
    assert "secrets" not in ogc.get("/openapi").text
    streams = ogc.json("/collections/datastreams/items", limit=100)
    assert {one["properties"]["timeseries"] for one in streams["features"]} == {"observations", "meters"}
    assert streams["numberMatched"] == 2 * len(STATIONS)
    assert ogc.json("/collections/datastreams/items", timeseries="private_series")["numberMatched"] == 0
    assert ogc.refused("/collections/datastreams/items/ps0.air_temperature", 404)
    assert "/meters/items" not in ogc.get("/openapi").text


def test_what_is_personal_gives_aggregates_and_no_single_value(ogc):
    for path in ("/items", "/items/s0"):
        assert "P1D" in ogc.refused(f"/collections/meters{path}", 404)
    place = next(iter(ogc.json("/collections/meters/locations")["features"]))["id"]
    one = f"/collections/meters/locations/{place}"
    for asked in ({}, {"period": "PT1H"}, {"period": "P1D", "aggregation": "mean,max"}):
        assert "finer than P1D" in ogc.refused(one, **asked)
    found = ogc.json(one, period="P1D", aggregation="sum,count")
    assert len(found["domain"]["axes"]["t"]["values"]) == 3
    assert ogc.json(one, period="P1D", datetime="2026-07-01T05:00:00Z")["ranges"].keys() == {
        *("air_temperature_mean", "air_temperature_completeness")
    }


def test_only_what_works_is_claimed(ogc):
    claimed = ogc.json("/conformance")["conformsTo"]
    assert len(claimed) == len(set(claimed))
    for part in ("features-1/1.0/conf/core", "features-1/1.0/conf/geojson", "features-2/1.0/conf/crs", "edr-1"):
        assert any(part in name for name in claimed), part
    filters = ("cql2-text", "cql2-json", "basic-cql2", "basic-spatial-functions-plus", "temporal-functions")
    for name in ("conf/filter", "conf/features-filter", *(f"cql2/1.0/conf/{name}" for name in filters)):
        assert any(known.endswith(name) for known in claimed), name
    for part in ("create-replace-delete", "conf/functions", "array", "records", "tiles", "references"):
        assert not any(part in name for name in claimed), part
    assert "cube" in ogc.refused("/collections/observations/cube", 404)


def test_a_collection_is_described_in_both_languages(ogc):
    french = ogc.json("/collections/buildings")
    english = ogc.json("/collections/buildings", lang="en")
    assert (french["title"], english["title"]) == ("Titre <buildings>", "Title <buildings>")
    assert french["description"] == "Ce que sont buildings & co."
    assert french["keywords"] == ["été", "summer"]
    assert ogc.get("/collections", headers={"Accept-Language": "en-GB"}).headers["content-language"] == "en"
    assert {link["title"] for link in english["links"] if link["rel"] == "items"} == {"Items"}
    assert french["itemType"] == "feature"
    assert links(french)["license", "text/html"] == "https://www.etalab.gouv.fr/licence"
    assert "'de'" in ogc.refused("/collections", lang="de")


def test_a_collection_tells_its_crs_and_extent(ogc):
    document = ogc.json("/collections/buildings")
    assert document["storageCrs"] == "http://www.opengis.net/def/crs/EPSG/0/2154"
    assert document["crs"][0] == "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
    assert len(set(document["crs"])) == len(document["crs"]) == 13
    west, south, east, north = document["extent"]["spatial"]["bbox"][0]
    assert 3.86 < west < east < 3.95
    assert 43.60 < south < north < 43.66
    assert document["extent"]["temporal"]["interval"] == [["2026-07-01T00:00:00Z", None]]
    items = [link["href"] for link in document["links"] if link["rel"] == "items"]
    assert items[0] == f"{BASE}/collections/buildings/items", "without a query: GDAL adds ids to it"


def test_a_box_is_told_to_the_centimetre_and_holds_its_edge():
    edge = BBox(xmin=-3.85561229, ymin=43.60585892, xmax=3.87746612, ymax=43.62544345)
    told = spatial(collection("edged", extent=edge))["bbox"]
    assert told == [[-3.8556123, 43.6058589, 3.8774662, 43.6254435]]


def test_a_time_series_has_items_and_edr_queries(ogc):
    document = ogc.json("/collections/observations")
    assert set(document["data_queries"]) == {
        *("locations", "position", "radius", "area", "corridor", "items", "instances")
    }
    assert "air_temperature" in document["parameter_names"]
    assert document["extent"]["temporal"]["interval"] == [["2026-07-01T00:00:00Z", "2026-07-03T23:00:00Z"]]
    assert len(document["crs"]) == 13
    assert ("items", "application/geo+json") in links(document)


@pytest.mark.parametrize("name", WITH_ITEMS)
def test_a_collection_leads_to_what_can_be_filtered_and_sorted_by(ogc, name):
    document = ogc.json(f"/collections/{name}", lang="en")
    for kind, title in (("queryables", "Properties to filter by"), ("sortables", "Properties to sort by")):
        (link,) = [one for one in document["links"] if one["rel"] == f"http://www.opengis.net/def/rel/ogc/1.0/{kind}"]
        assert (link["type"], link["title"]) == ("application/schema+json", title)
        found = ogc.json(link["href"], lang="en")
        assert found["additionalProperties"] is False
        assert all(one["title"] for one in found["properties"].values())
        for sortable in found["properties"] if kind == "sortables" else ():
            assert ogc.get(f"/collections/{name}/items", sortby=f"-{sortable}").status_code == 200
        for queryable in found["properties"] if kind == "queryables" else ():
            query = {"filter": f'NOT "{queryable}" IS NULL OR "{queryable}" IS NULL'}
            every = ogc.json(f"/collections/{name}/items")["numberMatched"]
            assert ogc.json(f"/collections/{name}/items", **query)["numberMatched"] == every


def test_a_coverage_has_edr_queries_and_no_items(ogc):
    document = ogc.json("/collections/built_fraction")
    assert set(document["data_queries"]) == {
        *("position", "radius", "area", "cube", "trajectory", "corridor", "locations", "instances")
    }
    Collection.model_validate_json(ogc.get("/collections/built_fraction").content)
    for path in ("/items", "/items/1"):
        assert "coverage has none" in ogc.refused(f"/collections/built_fraction{path}", 404)
    assert not [path for path in ogc.json("/openapi")["paths"] if "built_fraction/items" in path]


@pytest.mark.parametrize("name", WITH_ITEMS)
def test_schema_and_queryables_name_every_property(ogc, name):
    feature = ogc.json(f"/collections/{name}/items", limit=1)["features"][0]
    for kind in ("schema", "queryables"):
        document = ogc.json(f"/collections/{name}/{kind}")
        assert set(feature["properties"]) <= set(document["properties"])
        assert document["$id"] == f"{BASE}/collections/{name}/{kind}"
        assert ogc.get(f"/collections/{name}/{kind}").headers["content-type"] == "application/schema+json"


def test_a_property_has_a_title_a_type_and_a_unit(ogc):
    properties = ogc.json("/collections/buildings/schema", lang="en")["properties"]
    height = properties["height"]
    assert (height["title"], height["type"], height["x-ogc-unit"]) == ("Field height", "number", "m")
    assert (properties["valid_from"]["type"], properties["valid_from"]["format"]) == ("string", "date-time")
    assert properties["permit"]["format"] == "date"
    assert properties["usage"]["oneOf"] == [{"const": "housing", "title": "housing"}]
    assert properties["public"]["enum"] == [0, 1]
    assert properties["geometry"]["format"] == "geometry-polygon"


def test_openapi_stands_alone_and_tells_the_page_limit(ogc):
    document = ogc.json("/openapi")
    text = json.dumps(document)
    references = {part.split('"')[0] for part in text.split('"$ref": "')[1:]}
    for reference in references:
        found = document
        assert reference.startswith("#/"), "the official test suite cannot follow remote references"
        for step in reference[2:].split("/"):
            found = found[step]
    limit = document["components"]["parameters"]["limit"]["schema"]
    assert (limit["maximum"], limit["minimum"]) == (100, 1)
    operations = [item["get"]["operationId"] for item in document["paths"].values()]
    assert len(set(operations)) == len(operations)
    assert all(set(item) == {"get"} for item in document["paths"].values()), "read only"
    assert document["servers"][0]["url"] == BASE


@pytest.mark.parametrize("name", ["buildings", "observations"])
def test_openapi_declares_exactly_the_parameters_that_are_read(ogc, name):
    document = ogc.json("/openapi")
    declared = {
        parameter["$ref"].rsplit("/", 1)[1] if "$ref" in parameter else parameter["name"]
        for parameter in document["paths"][f"/collections/{name}/items"]["get"]["parameters"]
    }
    sentence = ogc.refused(f"/collections/{name}/items", unknown="1")
    assert declared == set(sentence.split("known are: ")[1].rstrip(".").split(", "))


def test_openapi_is_valid(ogc):
    for language in ("fr", "en"):
        openapi_spec_validator.validate(ogc.json("/openapi", lang=language))


class Page(HTMLParser):
    """Collects what a page loads and how its elements nest."""

    VOID = {"meta", "br", "link", "img", "input"}

    def __init__(self):
        super().__init__()
        self.loaded, self.open, self.language = [], [], None

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "html":
            self.language = given["lang"]
        if tag in ("script", "link", "img", "iframe", "b"):
            self.loaded.append((tag, given))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("path", [*DOCUMENTS, "/collections/stations/items", "/collections/stations/items/s1"])
def test_a_page_is_whole_escaped_and_loads_nothing(ogc, path, language):
    answer = ogc.get(path, headers={"Accept": "text/html", "Accept-Language": language})
    assert answer.headers["content-type"].startswith("text/html")
    page = Page()
    page.feed(answer.text)
    assert page.open == []
    assert page.loaded == [], "nothing is loaded, and no text of the data becomes an element"
    assert page.language == language == answer.headers["content-language"]


def test_the_list_of_collections_reads_in_french(ogc):
    text = ogc.get("/collections", headers={"Accept": "text/html"}).text
    assert "Titre &lt;buildings&gt;" in text
    assert "Licence Ouverte 2.0" in text
    assert "2026-07-01" in text
    assert BASE in text


def test_a_table_of_items_reads_as_a_person_would(ogc):
    text = ogc.get("/collections/buildings/items?f=html&lang=fr&limit=3").text
    for word in ("Champ height (m)", "logement", "<td>2026-07-02</td>", "3 sur 120", "Page suivante"):
        assert word in text, word


def test_a_document_refuses_what_it_does_not_understand(ogc):
    for path in DOCUMENTS:
        assert "'colour'" in ogc.refused(path, colour="red")
        assert "jsonld" in ogc.refused(path, f="jsonld")


def test_a_last_slash_changes_nothing(ogc):
    assert ogc.json("/collections/") == ogc.json("/collections")


def test_a_running_service_follows_the_catalogue(tmp_path):
    with city(tmp_path / "var") as twin:
        client = Client(OgcApiDoor(twin))
        assert client.get("/collections/benches/items").status_code == 404
        tags = [client.get(path).headers["etag"] for path in ("/collections", "/collections/stations/items")]
        name = (field("name", FieldType.STRING),)
        commit_features(twin.store, collection("benches", fields=name, geometry="Point"), stations())
        assert client.json("/collections/benches/items")["numberMatched"] == len(STATIONS)
        assert "benches" in [one["id"] for one in client.json("/collections")["collections"]]
        assert "/collections/benches/items" in client.json("/openapi")["paths"]
        again = [
            client.get(path, headers={"If-None-Match": tag}).status_code
            for path, tag in zip(("/collections", "/collections/stations/items"), tags, strict=True)
        ]
        assert again == [200, 304], "the list changed, the stations did not"
        commit_features(twin.store, made_buildings(), buildings().slice(0, 10))
        assert client.json("/collections/buildings/items")["numberMatched"] == 10
        twin.store.remove("benches")
        assert client.get("/collections/benches").status_code == 404


def test_a_service_without_data_answers(tmp_path):
    store = open_store(tmp_path / "var", "EPSG:2154")
    try:
        client = Client(OgcApiDoor(Twin.over(Settings(), store)))
        assert client.json("/collections")["collections"] == []
        assert client.json("/openapi")["paths"]
        assert client.get("", headers={"Accept": "text/html"}).status_code == 200
    finally:
        store.close()
