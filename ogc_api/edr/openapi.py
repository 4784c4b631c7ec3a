"""The EDR paths of the OpenAPI document, whole: no reference to another host."""

from __future__ import annotations

from typing import Any

from ogc_api.edr import coveragejson
from ogc_api.edr.metadata import COVERAGEJSON, GEOJSON, TITLES
from ogc_api.edr.query import crs_codes
from ogc_api.edr.service import query_types
from ogc_api.parameters import LANGUAGES
from twin import crs as crs_
from twin.model import Collection, Text

_TITLE_OF_ONE = Text(fr="Mesures d'un objet", en="Measurements of one object")


def openapi_paths(collection: Collection, language: str) -> dict[str, Any]:
    """Return the path items of the EDR queries of a collection, by path under the door's root."""
    root = f"/collections/{collection.id}"
    paths: dict[str, Any] = {}
    for kind in query_types(collection):
        own = {"position": [_COORDS], "cube": [_bbox(required=True)], "locations": [_bbox(required=False)]}[kind]
        formats = GEOJSON if kind == "locations" else COVERAGEJSON
        paths[f"{root}/{kind}"] = _item(collection, kind, TITLES[kind], own, formats, language)
        if kind == "locations":
            paths[f"{root}/locations/{{locationId}}"] = _item(
                collection, "location", _TITLE_OF_ONE, [_LOCATION], COVERAGEJSON, language
            )
    return paths


def _item(
    collection: Collection, kind: str, title: Text, own: list[dict[str, Any]], output: str, language: str
) -> dict[str, Any]:
    media_type = coveragejson.MEDIA_TYPE if output == COVERAGEJSON else "application/geo+json"
    problem = {"description": "application/problem+json", "content": {"application/problem+json": {"schema": _OBJECT}}}
    names = list(coveragejson.parameters(collection))
    shared = [
        _parameter("datetime", {"type": "string"}, example="2026-07-14T12:00:00Z/.."),
        _parameter(
            "parameter-name",
            {"type": "array", "items": {"type": "string", "enum": names}},
            style="form",
            explode=False,
        ),
        _parameter("crs", {"type": "string", "enum": [crs_.uri(code) for code in crs_codes(collection)]}),
        _parameter("f", {"type": "string", "enum": [output, "json"]}),
        _parameter("lang", {"type": "string", "enum": list(LANGUAGES)}),
    ]
    return {
        "get": {
            "summary": title.in_language(language),
            "description": collection.title.in_language(language),
            "operationId": f"{kind}_{collection.id}",
            "tags": [collection.id],
            "parameters": [*own, *shared],
            "responses": {
                "200": {"description": "OK", "content": {media_type: {"schema": _OBJECT}}},
                "400": problem,
                "404": problem,
                "413": problem,
            },
        }
    }


def _parameter(
    name: str, schema: dict[str, Any], *, where: str = "query", required: bool = False, **more: object
) -> dict[str, Any]:
    return {"name": name, "in": where, "required": required, "schema": schema, **more}


def _bbox(*, required: bool) -> dict[str, Any]:
    schema = {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 6}
    return _parameter("bbox", schema, required=required, style="form", explode=False)


_OBJECT = {"type": "object"}
_COORDS = _parameter("coords", {"type": "string"}, required=True, example="POINT(3.87 43.61)")
_LOCATION = _parameter("locationId", {"type": "string"}, where="path", required=True)
