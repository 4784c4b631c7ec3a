"""A service under test, asked over HTTP; what it answered is kept, since nothing changes it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any
from urllib.parse import quote

import httpx
import shapely

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
GEOJSON, COVERAGEJSON, PROBLEM = "application/geo+json", "application/prs.coverage+json", "application/problem+json"
#: The longest page, and the most items whose whole is compared with what a query gives.
WHOLE = 10_000
#: Every version of every object, since before there were any.
EVER = {"datetime": "1000-01-01T00:00:00Z/..", "limit": WHOLE}

type Json = dict[str, Any]


class Service:
    """What a client learns of a service, from its landing page on."""

    def __init__(self, client: httpx.Client, root: str) -> None:
        self.root = root
        self._client = client
        self._answers: dict[tuple[object, ...], httpx.Response] = {}

    def get(self, path: str = "/", *, accept: str = "application/json", **query: object) -> httpx.Response:
        """Ask an address, or a path under the root; underscores of a parameter's name stand for hyphens."""
        url = path if path.startswith("http") else f"{self.root}{path}"
        params = {name.replace("_", "-"): str(value) for name, value in query.items()}
        key = (url, accept, *sorted(params.items()))
        if key not in self._answers:
            joined = httpx.URL(url).copy_merge_params(params) if params else url
            self._answers[key] = self._client.get(joined, headers={"accept": accept})
        return self._answers[key]

    def json(self, path: str = "/", *, accept: str = "application/json", **query: object) -> Json:
        """Ask for a document, which must be there."""
        answer = self.get(path, accept=accept, **query)
        assert answer.status_code == 200, f"{answer.url}: {answer.text}"
        document: Json = answer.json()
        return document

    def items(self, collection: Json, **query: object) -> Json:
        """Ask for items of a collection."""
        return self.json(f"/collections/{collection['id']}/items", accept=GEOJSON, **query)

    def refuses(self, path: str, **query: object) -> bool:
        """Tell whether a request is refused as a client's fault, with a reason."""
        answer = self.get(path, **query)
        return answer.status_code == 400 and media_type(answer) == PROBLEM and bool(answer.json()["detail"])

    @cached_property
    def openapi(self) -> Json:
        """The OpenAPI document."""
        return self.json(link(self.json(), "service-desc")["href"], accept=OPENAPI)

    @cached_property
    def conforms_to(self) -> set[str]:
        """The classes declared."""
        return set(self.json("/conformance")["conformsTo"])

    @cached_property
    def collections(self) -> list[Json]:
        """The collections, as they are listed."""
        found: list[Json] = self.json("/collections")["collections"]
        return found

    @cached_property
    def feature_collections(self) -> list[Json]:
        """The collections of features."""
        return [one for one in self.collections if one.get("itemType") == "feature"]

    @cached_property
    def edr_collections(self) -> list[Json]:
        """The collections that answer other EDR queries than items."""
        return [one for one in self.collections if one["data_queries"].keys() - {"items"}]

    def parameter(self, path: str, name: str) -> Json:
        """Return the definition of a query parameter of an operation."""
        for parameter in self.openapi["paths"][path]["get"]["parameters"]:
            found: Json = self.resolved(parameter)
            if found["name"] == name:
                return found
        raise AssertionError(f"{path} has no parameter {name}")

    def resolved(self, node: Json) -> Json:
        """Return what a reference inside of the OpenAPI document is to."""
        found = node
        for part in node.get("$ref", "#").split("/")[1:]:
            found = (self.openapi if found is node else found)[part]
        return found

    def operations(self) -> Iterator[tuple[str, Json, dict[str, str]]]:
        """Yield each path of the OpenAPI document with its operation, and a request that uses it: path and query."""
        for template, item in self.openapi["paths"].items():
            operation = item["get"]
            asked = {
                parameter["name"]: example(parameter)
                for parameter in map(self.resolved, operation["parameters"])
                if parameter.get("required") and parameter["in"] == "query"
            }
            yield self._filled(template), operation, asked

    def _filled(self, template: str) -> str:
        collection = template.split("/")[2] if template.count("/") > 1 else ""
        known = {
            "featureId": lambda: self.json(f"/collections/{collection}/items", accept=GEOJSON, limit=1)["features"][0][
                "id"
            ],
            "locationId": lambda: self.json(f"/collections/{collection}/locations", accept=GEOJSON)["features"][0][
                "id"
            ],
            "instanceId": lambda: self.json(f"/collections/{collection}/instances")["instances"][0]["id"],
        }
        return re.sub(r"\{(\w+)\}", lambda found: quote(str(known[found[1]]()), safe=""), template)


def example(parameter: Json) -> str:
    """Return a value to use a parameter with."""
    schema = parameter["schema"]
    if parameter["name"] == "bbox":
        return "3.86,43.60,3.88,43.62"
    given = parameter.get("example") or schema.get("enum", [""])[0]
    return ",".join(given) if isinstance(given, list) else str(given)


def link(document: Json, rel: str, type_: str | None = None) -> Json:
    """Return the first link of a relation, and of a media type where one is named."""
    for one in document["links"]:
        if one["rel"] == rel and type_ in (None, one["type"]):
            found: Json = one
            return found
    raise AssertionError(
        f"no link {rel} ({type_}) among {[(one['rel'], one.get('type')) for one in document['links']]}"
    )


def assert_linked(document: Json, *rels: str) -> None:
    """Check that links of `rels` are there, and that every link says its relation and its media type."""
    for rel in rels:
        link(document, rel)
    assert all(one["rel"] and one["type"] for one in document["links"])


def media_type(answer: httpx.Response) -> str:
    """Return the media type of an answer without its parameters."""
    return answer.headers["content-type"].partition(";")[0]


def box(collection: Json) -> list[float]:
    """Return the extent of a collection in CRS84."""
    found: list[float] = collection["extent"]["spatial"]["bbox"][0]
    return found


def middle(collection: Json) -> list[float]:
    """Return a box of half the width and the height of the extent, in its middle."""
    xmin, ymin, xmax, ymax = box(collection)
    dx, dy = (xmax - xmin) / 4, (ymax - ymin) / 4
    return [xmin + dx, ymin + dy, xmax - dx, ymax - dy]


def text(numbers: list[float]) -> str:
    """Return numbers as a parameter takes them."""
    return ",".join(f"{number:.9f}" for number in numbers)


def shape(feature: Json) -> shapely.Geometry:
    """Return the geometry of a feature."""
    return shapely.geometry.shape(feature["geometry"])


def identities(page: Json) -> set[tuple[str, str | None]]:
    """Return what tells the features of a page apart: versions of one object share their id."""
    return {(feature["id"], feature["properties"].get("valid_from")) for feature in page["features"]}
