"""What a collection's document says of its EDR queries, and the classes of conformance claimed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ogc_api import links
from ogc_api.answers import JSON
from ogc_api.edr import coveragejson, formats, shapes
from ogc_api.edr.answer import Variable, variables
from ogc_api.edr.query import crs_codes
from ogc_api.edr.rfc3339 import rfc3339
from ogc_api.edr.service import Edr, QueryType, query_types
from ogc_api.extents import spatial
from ogc_api.features.fields import has_items, item_fields
from twin import crs as crs_
from twin.model import Collection, Field, FieldType, Kind, Text
from twin.tables import QUALITY_TITLES
from twin.time import iso

_CLASSES = ("core", "collections", "json", "geojson", "covjson", "oas30")
#: Clients of 1.0 look for its own names; what is served satisfies both versions.
CONFORMANCE = [
    f"http://www.opengis.net/spec/ogcapi-edr-1/{version}/conf/{name}" for version in ("1.0", "1.1") for name in _CLASSES
]

_GREGORIAN = 'TIMECRS["DateTime",TDATUM["Gregorian Calendar"],CS[TemporalDateTime,1],AXIS["Time (T)",unspecified]]'
#: EDR has no other types than these and texts; booleans are served as 0 and 1.
_DATA_TYPES = {FieldType.INTEGER: "integer", FieldType.BOOLEAN: "integer", FieldType.NUMBER: "float"}
#: The longest list of instants that a collection's document spells out.
_LISTED = 400

TITLES: dict[QueryType, Text] = {
    "locations": Text(fr="Lieux et leurs valeurs", en="Places and their values"),
    "position": Text(fr="Valeurs en un point", en="Values at a point"),
    "radius": Text(fr="Valeurs autour d'un point", en="Values around a point"),
    "area": Text(fr="Valeurs dans un polygone", en="Values in a polygon"),
    "cube": Text(fr="Valeurs dans une emprise", en="Values in a box"),
    "trajectory": Text(fr="Valeurs le long d'une ligne", en="Values along a line"),
    "corridor": Text(fr="Valeurs autour d'une ligne", en="Values around a line"),
    "items": Text(fr="Éléments un à un", en="Items one by one"),
    "instances": Text(fr="Révisions de la collection", en="Revisions of the collection"),
}


def describe(edr: Edr, collection: Collection, language: str, *, instance: bool = False) -> dict[str, Any]:
    """Return the EDR members of a collection's document, or of its instance's; empty when it answers no EDR query.

    Features answer one, ``items``: every collection of a service of EDR tells its queries and its parameters
    (``/req/edr/rc-collection-info``, F and J).
    """
    kinds = query_types(collection)
    if not kinds:
        return {}
    if instance:
        kinds = tuple(kind for kind in kinds if kind not in ("items", "instances"))
    queries = {kind: {"link": _link(edr, collection, kind, language, instance=instance)} for kind in kinds}
    known = dict.fromkeys(name for each in queries.values() for name in each["link"]["variables"]["output_formats"])
    told = {
        "data_queries": queries,
        "parameter_names": parameters(collection, language),
        "output_formats": [name for name in known if name in formats.FORMATS] or list(known),
    }
    if collection.kind is Kind.FEATURES:
        return told
    # A time series is items too, whose list of CRS is longer: that of its EDR queries is in their links.
    own = instance or not has_items(collection)
    crs = {"crs": [crs_.uri(code) for code in crs_codes(collection)]} if own else {}
    return {"extent": _extent(edr, collection), **told, "distanceunits": list(shapes.UNITS), **crs}


def instances(edr: Edr, collection: Collection, language: str) -> dict[str, Any]:
    """Return the list of the instances of a collection: its current revision."""
    here = links.link("self", f"{edr.url(collection)}/instances", JSON, language)
    return {"instances": [instance(edr, collection, language)], "links": [here, _parent(edr, collection, language)]}


def instance(edr: Edr, collection: Collection, language: str) -> dict[str, Any]:
    """Return the document of the instance that is the current revision of a collection."""
    here = links.link("self", edr.url(collection, instance=True), JSON, language)
    return {
        "id": str(collection.revision),
        "title": f"{collection.title.in_language(language)} ({collection.revision})",
        "description": collection.description.in_language(language),
        "links": [here, _parent(edr, collection, language)],
        **describe(edr, collection, language, instance=True),
    }


def _parent(edr: Edr, collection: Collection, language: str) -> dict[str, Any]:
    return links.link("collection", edr.url(collection), JSON, language)


def _link(edr: Edr, collection: Collection, kind: QueryType, language: str, *, instance: bool) -> dict[str, Any]:
    title = TITLES[kind].in_language(language)
    if kind in ("items", "instances"):
        media_type, names = (formats.FORMATS[formats.GEOJSON].media_type if kind == "items" else JSON), ["json"]
    else:
        # What locations give is the list in GeoJSON, and of each one the values.
        names = list(formats.offered("location" if kind == "locations" else kind, collection.kind))
        media_type = formats.FORMATS[formats.offered(kind, collection.kind)[0]].media_type
    variables_: dict[str, Any] = {
        "title": title,
        "query_type": kind,
        # GeoJSON first: the suite of EDR 1.0 prefers CoverageJSON, and takes the last of the two.
        "output_formats": sorted(names, key=formats.GEOJSON.__ne__),
        "default_output_format": names[0],
    }
    if kind != "items":
        variables_["crs_details"] = [{"crs": crs_.uri(code), "wkt": _wkt(code)} for code in crs_codes(collection)]
    if kind in shapes.COORDS:
        variables_["coords"] = {"description": shapes.COORDS[kind][0]}
    if kind in ("cube", "corridor"):
        variables_["height_units"] = list(shapes.UNITS)
    if kind == "radius":
        variables_["within_units"] = list(shapes.UNITS)
    if kind == "corridor":
        variables_["within_units"] = variables_["width_units"] = list(shapes.UNITS)
    return {
        "href": f"{edr.url(collection, instance=instance)}/{kind}",
        "rel": "data",
        "type": media_type,
        "hreflang": language,
        "title": title,
        "variables": variables_,
    }


def parameters(collection: Collection, language: str) -> dict[str, Any]:
    """Return the parameters as CoverageJSON does, but in one language; of features they are the properties."""
    if collection.kind is Kind.FEATURES:
        return {field.name: _property(field, language) for field in item_fields(collection)}
    return {name: _variable(name, variable, language) for name, variable in variables(collection).items()}


def _variable(name: str, variable: Variable, language: str) -> dict[str, Any]:
    title = variable.title.in_language(language)
    if variable.quality:
        flags = {quality.name.lower(): text for quality, text in QUALITY_TITLES.items()}
        return _parameter(name, "integer", {"id": name, "label": title, "categories": _categories(flags, language)})
    return _parameter(
        name, "float", {"id": coveragejson.identifier(variable.observed), "label": title}, unit=variable.unit
    )


def _property(field: Field, language: str) -> dict[str, Any]:
    observed: dict[str, Any] = {"id": field.name, "label": field.title.in_language(language)}
    if field.categories:
        observed["categories"] = _categories({str(one.value): one.title for one in field.categories}, language)
    return _parameter(field.name, _DATA_TYPES.get(field.type, "string"), observed, unit=field.unit)


def _categories(titles: Mapping[str, Text], language: str) -> list[dict[str, str]]:
    return [{"id": identity, "label": title.in_language(language)} for identity, title in titles.items()]


def _parameter(name: str, data_type: str, observed: dict[str, Any], unit: str | None = None) -> dict[str, Any]:
    told = {
        "type": "Parameter",
        "id": name,
        "label": observed["label"],
        "data-type": data_type,
        "observedProperty": observed,
    }
    # Categories have no unit (``/req/edr/rc-parameters``, I).
    if unit is None or "categories" in observed:
        return told
    return {**told, "unit": {"label": unit, "symbol": {"value": unit, "type": coveragejson.UCUM}}}


def _extent(edr: Edr, collection: Collection) -> dict[str, Any]:
    extent: dict[str, Any] = {"spatial": spatial(collection)}
    if collection.temporal:
        start, end = collection.temporal
        times = edr.times(collection) if collection.kind is Kind.COVERAGE else None
        first, last = iso(start), iso(end) if end else None
        extent["temporal"] = {
            "interval": [[first, last]],
            "values": [f"{first}/{last or '..'}"] if times is None else repeated(times),
            "trs": _GREGORIAN,
        }
    return extent


def repeated(times: NDArray[np.datetime64]) -> list[str]:
    """Return ascending instants as EDR lists them: one repeating interval when they are regular and many.

    Instants too many and irregular are given as their first and last.
    """
    if len(times) <= _LISTED:
        return rfc3339(times)
    first, last = rfc3339(times[[0, -1]])
    gaps = np.diff(times.astype("M8[s]").astype(np.int64))
    return [f"R{len(gaps)}/{first}/PT{gaps[0]}S"] if (gaps == gaps[0]).all() else [f"{first}/{last}"]


@lru_cache(maxsize=16)
def _wkt(code: str) -> str:
    return crs_.definition(code).to_wkt()
