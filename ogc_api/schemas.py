"""The schemas of what is answered, for the OpenAPI document (OpenAPI 3.0, whose null is ``nullable``).

They are those of OGC API Features Part 1, of EDR 1.1 and of CoverageJSON 1.0 (OGC 21-069r2), as far as
OpenAPI 3.0 can tell them.
"""

from __future__ import annotations

from typing import Any

from twin.doors import problems

type Json = dict[str, Any]


def ref(name: str) -> Json:
    """Return the reference to one of :data:`SCHEMAS`."""
    return {"$ref": f"#/components/schemas/{name}"}


def refusal(name: str) -> Json:
    """Return the reference to one of the responses that are a problem document."""
    return {"$ref": f"#/components/responses/{name}"}


def _object(required: tuple[str, ...], /, **properties: Json) -> Json:
    return {"type": "object", "required": list(required), "properties": properties}


def _list(items: Json, **more: int) -> Json:
    return {"type": "array", "items": items, **more}


def _one_of(*values: str) -> Json:
    return {"type": "string", "enum": list(values)}


_TEXT: Json = {"type": "string"}
_ANY: Json = {"type": "object"}
_COUNT: Json = {"type": "integer", "minimum": 0}
_NUMBERS = _list({"type": "number"}, minItems=4, maxItems=6)
_LINKS = _list(ref("link"), minItems=1)
_INTERVAL = _list({"type": "string", "format": "date-time", "nullable": True}, minItems=2, maxItems=2)

_COLLECTION = {
    "title": _TEXT,
    "description": _TEXT,
    "keywords": _list(_TEXT),
    "links": _LINKS,
    "extent": ref("extent"),
    "crs": _list({"type": "string", "format": "uri"}, minItems=1),
    "data_queries": {"type": "object", "additionalProperties": _object(("link",), link=ref("link"))},
    "parameter_names": {"type": "object", "additionalProperties": ref("parameter")},
    "output_formats": _list(_TEXT),
    "distanceunits": _list(_TEXT),
}

_COVERAGE = {
    "domain": _object(
        ("type", "domainType", "axes", "referencing"),
        type=_one_of("Domain"),
        domainType=_TEXT,
        axes={"type": "object", "additionalProperties": _ANY},
        referencing=_list(_object(("coordinates", "system"), coordinates=_list(_TEXT), system=_ANY)),
    ),
    "ranges": {"type": "object", "additionalProperties": ref("ndArray")},
    "parameters": {"type": "object", "additionalProperties": ref("parameter")},
}

SCHEMAS: Json = {
    "problem": problems.SCHEMA,
    "link": _object(("href", "rel"), **dict.fromkeys(("href", "rel", "type", "title", "hreflang"), _TEXT)),
    "landingPage": _object(("title", "links"), title=_TEXT, description=_TEXT, links=_LINKS),
    "confClasses": _object(("conformsTo",), conformsTo=_list({"type": "string", "format": "uri"}), links=_LINKS),
    "openapi": _object(("openapi", "info", "paths"), openapi=_TEXT, info=_ANY, servers=_list(_ANY), paths=_ANY),
    "extent": _object(
        ("spatial",),
        spatial=_object(("bbox", "crs"), bbox=_list(_NUMBERS, minItems=1), crs=_TEXT),
        temporal=_object(("interval", "trs"), interval=_list(_INTERVAL, minItems=1), values=_list(_TEXT), trs=_TEXT),
    ),
    "collection": _object(
        ("id", "title", "links", "extent", "crs"),
        id=_TEXT,
        itemType=_one_of("feature"),
        storageCrs={"type": "string", "format": "uri"},
        **_COLLECTION,
    ),
    "collections": _object(("links", "collections"), links=_LINKS, collections=_list(ref("collection"))),
    "instance": _object(("id", "links", "extent", "crs", "data_queries", "parameter_names"), id=_TEXT, **_COLLECTION),
    "instances": _object(("links", "instances"), links=_LINKS, instances=_list(ref("instance"))),
    "schema": _object(
        ("$schema", "$id", "type", "title", "properties", "additionalProperties"),
        **{"$schema": _TEXT, "$id": {"type": "string", "format": "uri"}},
        type=_one_of("object"),
        title=_TEXT,
        description=_TEXT,
        properties={"type": "object", "additionalProperties": ref("property")},
        additionalProperties={"type": "boolean"},
    ),
    "property": _object(
        ("title",),
        title=_TEXT,
        description=_TEXT,
        type=_one_of("string", "number", "integer"),
        format=_TEXT,
        enum=_list({}),
        oneOf=_list(_object(("const", "title"), title=_TEXT)),
        **dict.fromkeys(("x-ogc-role", "x-ogc-unit", "x-ogc-unitLang"), _TEXT),
        **{"x-ogc-propertySeq": {"type": "integer"}},
    ),
    "geometry": {
        **_object(
            ("type",),
            type=_one_of(
                *(f"{many}{one}" for one in ("Point", "LineString", "Polygon") for many in ("", "Multi")),
                "GeometryCollection",
            ),
            coordinates=_list({}),
            geometries=_list(_ANY),
        ),
        "nullable": True,
    },
    "feature": _object(
        ("type", "id", "geometry", "properties"),
        type=_one_of("Feature"),
        id=_TEXT,
        geometry=ref("geometry"),
        properties={"type": "object", "nullable": True},
        links=_list(ref("link")),
    ),
    "featureCollection": _object(
        ("type", "features"),
        type=_one_of("FeatureCollection"),
        features=_list(ref("feature")),
        links=_list(ref("link")),
        timeStamp={"type": "string", "format": "date-time"},
        numberMatched=_COUNT,
        numberReturned=_COUNT,
    ),
    "parameter": _object(
        ("type", "observedProperty"), type=_one_of("Parameter"), id=_TEXT, observedProperty=_ANY, unit=_ANY
    ),
    "ndArray": _object(
        ("type", "dataType", "values"),
        type=_one_of("NdArray"),
        dataType=_one_of("float", "integer", "string"),
        axisNames=_list(_TEXT),
        shape=_list(_COUNT),
        values=_list({"nullable": True}),
    ),
    "coverageJson": {"oneOf": [ref("coverage"), ref("coverageCollection")]},
    "coverage": _object(("type", "domain", "ranges"), type=_one_of("Coverage"), id=_TEXT, **_COVERAGE),
    "coverageCollection": _object(
        ("type", "coverages"),
        type=_one_of("CoverageCollection"),
        domainType=_TEXT,
        parameters=_COVERAGE["parameters"],
        referencing=_list(_ANY),
        coverages=_list(
            _object(
                ("type", "domain", "ranges"),
                type=_one_of("Coverage"),
                id=_TEXT,
                domain=_object(("type", "axes"), type=_one_of("Domain"), axes=_ANY),
                ranges=_COVERAGE["ranges"],
            )
        ),
    ),
}
