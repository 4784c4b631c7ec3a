"""What the documents say of writing: conformance, operations, and the keys that they take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ogc_api.answers import GEOJSON, MERGE_PATCH
from ogc_api.features.editor import LONGEST_ID
from ogc_api.features.fields import json_schema, served_crs
from ogc_api.schemas import ref, refusal
from twin.crs import uri
from twin.doors.problems import MEDIA_TYPE as PROBLEM
from twin.model import Collection, Text
from twin.settings import Verb

type Json = dict[str, Any]

_PART_4 = "http://www.opengis.net/spec/ogcapi-features-4/1.0"
_TITLES = {
    "create": Text(fr="Ajouter un objet", en="Add an object"),
    "replace": Text(fr="Remplacer un objet : une nouvelle version", en="Replace an object: a new version"),
    "update": Text(fr="Modifier un objet : une nouvelle version", en="Change an object: a new version"),
    "delete": Text(fr="Mettre fin à la vie d'un objet", en="End the life of an object"),
}
_METHODS = {"create": "post", "replace": "put", "update": "patch", "delete": "delete"}
_REFUSALS = {
    "400": "What was sent cannot be stored",
    "401": "It takes a key, or the key is wrong",
    "403": "The key does not allow it",
    "404": "What was named does not exist",
    "405": "A former version cannot be changed",
    "409": "It contradicts what is there",
    "412": "The item has changed since it was read",
    "413": "The body is too long",
    "415": "The body is of another media type",
}


def conformance(verbs: Iterable[Verb]) -> set[str]:
    """Return the classes of Part 4 that hold where some collection can be changed by `verbs`."""
    found = set(verbs)
    classes = set()
    if found & {"create", "replace", "delete"}:
        classes |= {"conf/create-replace-delete", "conf/features"}
    if "update" in found:
        classes |= {"conf/update", "conf/features"}
    if found & {"replace", "update", "delete"}:
        # The draft names this class with /req/, its clients look for /conf/ as everywhere.
        classes |= {"conf/optimistic-locking-etags", "req/optimistic-locking-etags"}
    return {f"{_PART_4}/{name}" for name in classes}


def add(document: Json, editable: Mapping[str, tuple[Collection, tuple[Verb, ...]]], language: str) -> None:
    """Add the operations that change features to an OpenAPI document, and the ways to say who one is."""
    components = document["components"]
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "basic": {"type": "http", "scheme": "basic"},
    }
    # Reading takes no key; with one, it shows what the key opens.
    document["security"] = [{}, {"bearer": []}, {"basic": []}]
    for item in document["paths"].values():
        for operation in item.values():
            operation["responses"].setdefault("401", refusal("Unauthorised"))
    for name, (collection, verbs) in editable.items():
        root = f"/collections/{name}/items"
        for verb in verbs:
            path = root if verb == "create" else f"{root}/{{featureId}}"
            document["paths"][path][_METHODS[verb]] = _operation(collection, verb, language)


def _operation(collection: Collection, verb: Verb, language: str) -> Json:
    crs = {"type": "string", "enum": [f"<{uri(code)}>" for code in served_crs(collection)]}
    parameters: list[Json] = []
    if verb != "create":
        parameters.append({"$ref": "#/components/parameters/featureId"})
        parameters.append({"name": "If-Match", "in": "header", "required": False, "schema": {"type": "string"}})
    if verb != "delete":
        parameters.append({"name": "Content-Crs", "in": "header", "required": False, "schema": crs})
    done: Json = {"204": {"description": "Done"}}
    if verb == "create":
        location = {"description": "Address of the new item", "schema": {"type": "string", "format": "uri"}}
        done = {"201": {"description": "Added", "headers": {"Location": location}}}
    operation: Json = {
        "summary": _TITLES[verb].in_language(language),
        "operationId": f"{verb}_{collection.id}",
        "tags": [collection.id],
        "parameters": parameters,
        "responses": {**done, **{status: _refusal(text) for status, text in _REFUSALS.items()}},
        "security": [{"bearer": []}, {"basic": []}],
    }
    if verb != "delete":
        media_type = MERGE_PATCH if verb == "update" else GEOJSON
        body = {"schema": _sent(collection, language, whole=verb != "update")}
        operation["requestBody"] = {"required": True, "content": {media_type: body}}
    return operation


def _refusal(text: str) -> Json:
    return {"description": text, "content": {PROBLEM: {"schema": ref("problem")}}}


def _sent(collection: Collection, language: str, *, whole: bool) -> Json:
    """Return the OpenAPI 3.0 schema of a feature that is sent."""
    properties: Json = {}
    for field in collection.all_fields:
        schema = json_schema(field, language)
        kept = {name: schema[name] for name in ("title", "type", "format", "enum") if name in schema}
        if "oneOf" in schema:
            kept["enum"] = [*(category.value for category in field.categories), None]
        properties[field.name] = {**kept, "nullable": True}
    # GDAL makes a field of the id, and sends it back as one.
    properties.setdefault("id", {"type": "string", "nullable": True})
    members: Json = {
        "type": {"type": "string", "enum": ["Feature"]},
        "id": {"type": "string", "minLength": 1, "maxLength": LONGEST_ID, "pattern": "^[^@]*$", "nullable": True},
        "geometry": ref("geometry"),
        "properties": {"type": "object", "nullable": True, "properties": properties, "additionalProperties": False},
    }
    required = {"required": ["type", "geometry", "properties"]} if whole else {}
    return {"type": "object", "properties": members, **required}
