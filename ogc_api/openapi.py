"""The OpenAPI document: pygeoapi's frame, with exactly the parameters that are read here.

It refers to nothing outside itself (the OGC test suites and offline clients cannot follow remote
references), and the page limit stands where ArcGIS and QGIS read it:
``components.parameters.limit.schema.maximum``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ogc_api import edr
from ogc_api.answers import GEOJSON, HTML, JSON, OPENAPI, SCHEMA
from ogc_api.features.cql2 import FILTER_LANGUAGES
from ogc_api.features.cql2_text import MAX_LENGTH
from ogc_api.features.fields import has_items, item_fields, json_schema, queryables, served_crs, sortables
from ogc_api.features.query import DEFAULT_LIMIT
from ogc_api.schemas import SCHEMAS, ref, refusal
from twin.crs import uri
from twin.doors.negotiation import LANGUAGES
from twin.doors.openapi import UNCHANGED
from twin.doors.problems import MEDIA_TYPE as PROBLEM
from twin.model import Collection, Field, FieldType, Text

type Json = dict[str, Any]

_TEXTS = {
    "items": Text(fr="Objets, par pages", en="Items, by pages"),
    "item": Text(fr="Un objet", en="One item"),
    "schema": Text(fr="Propriétés des objets", en="Properties of the items"),
    "queryables": Text(fr="Propriétés filtrables", en="Properties to filter by"),
    "sortables": Text(fr="Propriétés de tri", en="Properties to sort by"),
    "collection": Text(fr="Description de la collection", en="Description of the collection"),
    "/": Text(fr="Accueil", en="Landing page"),
    "/openapi": Text(fr="Ce document", en="This document"),
    "/conformance": Text(fr="Classes de conformité", en="Conformance classes"),
    "/collections": Text(fr="Collections", en="Collections"),
}


def openapi(frame: Json, collections: Sequence[Collection], maximum: int, language: str) -> Json:
    """Return the whole document.

    Parameters
    ----------
    frame
        pygeoapi's document, of which the description of the service is kept.
    maximum
        The longest page of items.
    """
    paths: Json = {
        path: _get(path.strip("/") or "landingPage", _TEXTS[path], "server", [], _documents(media, schema), language)
        for path, media, schema in (
            ("/", JSON, "landingPage"),
            ("/openapi", OPENAPI, "openapi"),
            ("/conformance", JSON, "confClasses"),
            ("/collections", JSON, "collections"),
        )
    }
    for collection in collections:
        paths |= _collection_paths(collection, language)
        paths |= edr.openapi_paths(collection, language)
    for item in paths.values():
        item["get"]["responses"] |= UNCHANGED
    return {
        "openapi": frame["openapi"],
        "info": frame["info"],
        "servers": frame["servers"],
        "tags": [
            {"name": "server"},
            *({"name": c.id, "description": c.title.in_language(language)} for c in collections),
        ],
        "paths": paths,
        "components": {"parameters": _parameters(maximum), "schemas": SCHEMAS, "responses": _RESPONSES},
    }


_RESPONSES: Json = {
    name: {"description": text, "content": {PROBLEM: {"schema": ref("problem")}}}
    for name, text in (
        ("BadRequest", "A parameter cannot be used"),
        ("NotFound", "What was named does not exist"),
        ("TooLarge", "The answer would exceed a bound of this service"),
        ("Unauthorised", "The key is wrong"),
    )
}


def _documents(media_type: str, schema: str) -> Json:
    return {media_type: {"schema": ref(schema)}, HTML: {"schema": {"type": "string"}}}


def _query(name: str, schema: Json, **more: object) -> Json:
    return {"name": name, "in": "query", "required": False, "schema": schema, "style": "form", "explode": False, **more}


def _parameters(maximum: int) -> Json:
    numbers = {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 6}
    whole = {"type": "integer", "minimum": 0, "default": 0}
    return {
        "f": _query("f", {"type": "string", "enum": ["json", "html"], "default": "json"}),
        "lang": _query("lang", {"type": "string", "enum": list(LANGUAGES), "default": LANGUAGES[0]}),
        "limit": _query(
            "limit",
            {"type": "integer", "minimum": 1, "maximum": maximum, "default": min(DEFAULT_LIMIT, maximum)},
        ),
        "offset": _query("offset", whole),
        "startindex": _query("startindex", whole),
        "cursor": _query("cursor", {"type": "string", "minLength": 1}),
        "bbox": _query("bbox", numbers),
        "datetime": _query("datetime", {"type": "string"}, example="2026-07-14T12:00:00Z/.."),
        "filter": _query(
            "filter",
            {"type": "string", "minLength": 1, "maxLength": MAX_LENGTH},
            example="S_INTERSECTS(geometry,BBOX(3.8,43.5,4,43.7))",
        ),
        # GDAL sends filters to a service whose document names its own dialect, a part of CQL2 text.
        "filter-lang": _query(
            "filter-lang", {"type": "string", "enum": list(FILTER_LANGUAGES), "default": FILTER_LANGUAGES[0]}
        ),
        "skipGeometry": _query("skipGeometry", {"type": "boolean", "default": False}),
        # RFC 6906; what a profile asks is no error where it is not offered (Features Part 5, section 13).
        "profile": _query("profile", {"type": "array", "items": {"type": "string"}, "minItems": 1}),
        "featureId": {"name": "featureId", "in": "path", "required": True, "schema": {"type": "string"}},
    }


def _get(
    operation: str, title: Text, tag: str, parameters: list[Json], content: Json, language: str, **more: object
) -> Json:
    shared = [_shared("f"), _shared("lang")]
    answers = {"200": {"description": "OK", "content": content}, "400": refusal("BadRequest")}
    if tag != "server":
        answers["404"] = refusal("NotFound")
    return {
        "get": {
            "summary": title.in_language(language),
            "operationId": operation,
            "tags": [tag],
            "parameters": [*parameters, *shared],
            "responses": answers,
            **more,
        }
    }


def _shared(name: str) -> Json:
    return {"$ref": f"#/components/parameters/{name}"}


def _collection_paths(collection: Collection, language: str) -> Json:
    root, tag = f"/collections/{collection.id}", collection.id
    about = {"description": collection.title.in_language(language)}
    paths = {
        root: _get(f"describe_{tag}", _TEXTS["collection"], tag, [], _documents(JSON, "collection"), language, **about)
    }
    for name in ("schema", "queryables", "sortables"):
        content, own = _documents(SCHEMA, "schema"), [_shared("profile")]
        paths[f"{root}/{name}"] = _get(f"{name}_{tag}", _TEXTS[name], tag, own, content, language, **about)
    if not has_items(collection):
        return paths
    fields = item_fields(collection)
    names = {"type": "array", "items": {"type": "string", "enum": [field.name for field in fields]}, "minItems": 1}
    keys = {"type": "array", "items": {"type": "string", "pattern": _pattern(sortables(collection))}, "minItems": 1}
    crs = {"type": "string", "format": "uri", "enum": [uri(code) for code in served_crs(collection)]}
    standing = (
        *("limit", "offset", "startindex", "cursor"),
        *("bbox", "datetime", "filter", "filter-lang", "skipGeometry"),
    )
    own = [
        *(_shared(name) for name in standing),
        _query("bbox-crs", crs),
        _query("filter-crs", crs),
        _query("crs", crs),
        _query("properties", names),
        _query("sortby", keys, example=f"-{sortables(collection)[0]}"),
    ]
    reserved = {*standing, "f", "lang", "bbox-crs", "filter-crs", "crs", "properties", "sortby"}
    own += [
        _query(name, _comparable(field, language))
        for name, field in queryables(collection).items()
        if name not in reserved
    ]
    many, one = _documents(GEOJSON, "featureCollection"), _documents(GEOJSON, "feature")
    paths[f"{root}/items"] = _get(f"items_{tag}", _TEXTS["items"], tag, own, many, language, **about)
    paths[f"{root}/items/{{featureId}}"] = _get(
        f"item_{tag}", _TEXTS["item"], tag, [_shared("featureId"), _query("crs", crs)], one, language, **about
    )
    return paths


def _pattern(names: Sequence[str]) -> str:
    """Return what the keys of ``sortby`` match."""
    return f"^[+-]?({'|'.join(map(re.escape, names))})$"


def _comparable(field: Field, language: str) -> Json:
    """Return the OpenAPI 3.0 schema of a value to compare a field with."""
    schema = json_schema(field, language)
    kept: Json = {name: schema[name] for name in ("title", "type", "format", "enum") if name in schema}
    if field.type is FieldType.BOOLEAN:
        return {"title": kept["title"], "anyOf": [{"type": "integer", "enum": [0, 1]}, {"type": "boolean"}]}
    return kept
