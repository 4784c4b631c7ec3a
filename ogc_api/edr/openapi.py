"""The EDR paths of the OpenAPI document, whole: no reference to another host."""

from __future__ import annotations

from typing import Any

from ogc_api.answers import JSON
from ogc_api.edr import formats, shapes
from ogc_api.edr.answer import variables
from ogc_api.edr.metadata import TITLES
from ogc_api.edr.periods import PERIODS, STATISTICS
from ogc_api.edr.query import LEVELS, by_area, crs_codes
from ogc_api.edr.service import query_types
from ogc_api.schemas import ref, refusal
from twin import crs as crs_
from twin.doors.negotiation import LANGUAGES
from twin.doors.openapi import NO_DATA
from twin.model import Collection, Text

type Json = dict[str, Any]

_TITLE_OF_ONE = Text(fr="Valeurs en un lieu", en="Values at one place")
_TITLE_OF_INSTANCE = Text(fr="Une révision de la collection", en="One revision of the collection")
_AGGREGATION = Text(
    fr="Statistiques des valeurs bonnes : mean, min, max, sum, count, p1 à p99. Demande period ou aggregate.",
    en="Statistics of the good values: mean, min, max, sum, count, p1 to p99. Asks for period or aggregate.",
)
_PERIOD = Text(
    fr="Durée du calendrier par laquelle agréger ; datetime choisit des périodes entières.",
    en="Period of the calendar to aggregate by; datetime chooses whole periods.",
)
_ZONE = Text(
    fr="Fuseau IANA dont les jours, mois et années sont pris (UTC par défaut) ; les heures sont celles d'UTC.",
    en="IANA time zone whose days, months and years are taken (UTC by default); hours are those of UTC.",
)
_LEVEL = Text(
    fr="Niveaux ; sans effet, la collection n'ayant pas de dimension verticale.",
    en="Levels; without effect, for the collection has no vertical dimension.",
)
_MINIMUM = Text(
    fr="Complétude sous laquelle un agrégat est vide ; par défaut celle de la directive 2008/50/CE pour une période.",
    en="Completeness below which an aggregate is empty; by default that of directive 2008/50/EC for a period.",
)


def openapi_paths(collection: Collection, language: str) -> Json:
    """Return the path items of the EDR queries of a collection, by path under the door's root."""
    root = f"/collections/{collection.id}"
    paths: Json = {}
    for under, of in ((root, ""), (f"{root}/instances/{{instanceId}}", "instance_")):
        own = [_path("instanceId")] if of else []
        for kind in query_types(collection):
            if kind in ("items", "instances"):
                continue
            paths[f"{under}/{kind}"] = _values(collection, kind, of, TITLES[kind], own, language)
            if kind == "locations":
                one = _values(collection, "location", of, _TITLE_OF_ONE, [*own, _path("locationId")], language)
                paths[f"{under}/locations/{{locationId}}"] = one
    if paths:
        for path, name, title, own in (
            (f"{root}/instances", "instances", TITLES["instances"], []),
            (f"{root}/instances/{{instanceId}}", "instance", _TITLE_OF_INSTANCE, [_path("instanceId")]),
        ):
            content = {JSON: {"schema": ref(name)}}
            paths[path] = _item(collection, f"{name}_{collection.id}", title, own, ["json"], content, language)
    return paths


def _values(collection: Collection, kind: str, of: str, title: Text, own: list[Json], language: str) -> Json:
    names = list(formats.negotiable(kind, collection))
    content = {
        formats.FORMATS[name].media_type: {"schema": _SCHEMAS.get(name, _BINARY)}
        for name in formats.offered(kind, collection.kind)
    }
    asked = [*own]
    if kind in shapes.COORDS:
        asked.append(
            _parameter("coords", {"type": "string", "minLength": 1}, required=True, example=shapes.COORDS[kind][0])
        )
    if kind in ("cube", "locations"):
        asked.append(_bbox(required=kind == "cube"))
    if kind not in ("locations", "location"):
        level = {"type": "string", "pattern": f"^({LEVELS.pattern})$"}
        asked.append(_parameter("z", level, description=_LEVEL.in_language(language)))
    if kind == "radius":
        asked += [_distance("within"), _unit("within-units")]
    if kind == "corridor":
        asked += [_distance("corridor-width"), _unit("width-units")]
        # The official suite leaves them out; where nothing has a height they change nothing.
        asked += [_distance("corridor-height", required=False), _unit("height-units", required=False)]
    asked += [
        _parameter("datetime", {"type": "string"}, example="2026-07-14T12:00:00Z/.."),
        _list("parameter-name", {"type": "string", "enum": list(variables(collection))}),
        _parameter("crs", {"type": "string", "enum": [crs_.uri(code) for code in crs_codes(collection)]}),
    ]
    if kind != "locations":
        asked += _aggregates(language, areas=by_area(kind, collection.kind))
    item = _item(collection, f"{of}{kind}_{collection.id}", title, asked, names, content, language)
    if kind != "locations":
        item["get"]["responses"] |= NO_DATA
    return item


def _aggregates(language: str, *, areas: bool) -> list[Json]:
    def told(name: str, schema: Json, text: Text) -> Json:
        return _parameter(name, schema, description=text.in_language(language))

    statistic = {"type": "string", "pattern": "^(mean|min|max|sum|count|p[1-9][0-9]?)$"}
    found = [
        {**_list("aggregation", statistic), "description": _AGGREGATION.in_language(language), "example": STATISTICS},
        told("period", {"type": "string", "enum": list(PERIODS)}, _PERIOD),
        told("time-zone", {"type": "string"}, _ZONE),
        told("minimum-completeness", {"type": "number", "minimum": 0, "maximum": 1}, _MINIMUM),
    ]
    if areas:
        area = Text(fr="Toutes les valeurs de chaque zone ensemble.", en="All the values of each area together.")
        found.append(told("aggregate", {"type": "string", "enum": ["area"]}, area))
    return found


def _item(
    collection: Collection,
    operation: str,
    title: Text,
    own: list[Json],
    names: list[str],
    content: Json,
    language: str,
) -> Json:
    shared = [
        _parameter("f", {"type": "string", "enum": names}),
        _parameter("lang", {"type": "string", "enum": list(LANGUAGES)}),
    ]
    return {
        "get": {
            "summary": title.in_language(language),
            "description": collection.title.in_language(language),
            "operationId": operation,
            "tags": [collection.id],
            "parameters": [*own, *shared],
            "responses": {
                "200": {"description": "OK", "content": content},
                "400": refusal("BadRequest"),
                "404": refusal("NotFound"),
                "413": refusal("TooLarge"),
            },
        }
    }


def _parameter(name: str, schema: Json, *, where: str = "query", required: bool = False, **more: object) -> Json:
    # The defaults of a query parameter are written out: the OGC suite looks for them.
    style = {"style": "form", "explode": False} if where == "query" else {}
    return {"name": name, "in": where, "required": required, "schema": schema, **style, **more}


def _path(name: str) -> Json:
    return _parameter(name, {"type": "string"}, where="path", required=True)


def _list(name: str, items: Json) -> Json:
    return _parameter(name, {"type": "array", "items": items, "minItems": 1})


def _bbox(*, required: bool) -> Json:
    schema = {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 6}
    return _parameter("bbox", schema, required=required)


def _distance(name: str, *, required: bool = True) -> Json:
    above = {"type": "number", "minimum": 0, "exclusiveMinimum": True}
    return _parameter(name, above, required=required, example=500)


def _unit(name: str, *, required: bool = True) -> Json:
    return _parameter(name, {"type": "string", "enum": list(shapes.UNITS)}, required=required)


_SCHEMAS = {formats.COVERAGEJSON: ref("coverageJson"), formats.GEOJSON: ref("featureCollection")}
_BINARY = {"type": "string", "format": "binary"}
