"""The documents of the service: pygeoapi's, with our links, extents, units and languages.

pygeoapi's own links point to what is not served here (JSON-LD, processes, tiles) and speak English;
its extents are those of a configuration file, ours grow with the data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ogc_api import edr, links
from ogc_api.core import Core
from ogc_api.extents import spatial
from ogc_api.features import edit_openapi
from ogc_api.features.edit_openapi import conformance as editing_conformance
from ogc_api.features.fields import (
    GEOMETRY_TITLE,
    has_items,
    json_schema,
    properties,
    queryables,
    served_crs,
    sortables,
)
from ogc_api.openapi import openapi
from twin.crs import uri
from twin.model import Collection, Field, Kind
from twin.settings import Settings, Verb
from twin.store.filters import GEOMETRY
from twin.time import iso

_FEATURES = "http://www.opengis.net/spec/ogcapi-features"
_COMMON = "http://www.opengis.net/spec/ogcapi-common"
#: Features Part 5, which is Common Part 3 (OGC 23-058r2).
_SCHEMAS = f"{_COMMON}-3/1.0/conf"
_CQL2 = "http://www.opengis.net/spec/cql2/1.0/conf"
#: Exactly what works.
CONFORMANCE = (
    f"{_COMMON}-1/1.0/conf/core",
    f"{_COMMON}-1/1.0/conf/landing-page",
    f"{_COMMON}-1/1.0/conf/json",
    f"{_COMMON}-1/1.0/conf/html",
    f"{_COMMON}-1/1.0/conf/oas30",
    f"{_COMMON}-2/1.0/conf/collections",
    f"{_FEATURES}-1/1.0/conf/core",
    f"{_FEATURES}-1/1.0/conf/oas30",
    f"{_FEATURES}-1/1.0/conf/html",
    f"{_FEATURES}-1/1.0/conf/geojson",
    f"{_FEATURES}-2/1.0/conf/crs",
    f"{_FEATURES}-3/1.0/conf/queryables",
    f"{_FEATURES}-3/1.0/conf/queryables-query-parameters",
    f"{_FEATURES}-3/1.0/conf/filter",
    f"{_FEATURES}-3/1.0/conf/features-filter",
    *(f"{_SCHEMAS}/{name}" for name in ("schemas", "advanced-property-roles", "returnables-and-receivables")),
    *(f"{_SCHEMAS}/{name}" for name in ("queryables", "sortables", "profile-parameter", "profile-codelists")),
    f"{_CQL2}/cql2-text",
    f"{_CQL2}/cql2-json",
    f"{_CQL2}/basic-cql2",
    f"{_CQL2}/advanced-comparison-operators",
    f"{_CQL2}/case-insensitive-comparison",
    f"{_CQL2}/accent-insensitive-comparison",
    f"{_CQL2}/basic-spatial-functions",
    f"{_CQL2}/basic-spatial-functions-plus",
    f"{_CQL2}/spatial-functions",
    f"{_CQL2}/temporal-functions",
    f"{_CQL2}/property-property",
    f"{_CQL2}/arithmetic",
    *edr.CONFORMANCE,
)
_GREGORIAN = "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian"
_GEOMETRIES = {
    f"{many}{one}": f"{many}{one}".lower() for one in ("Point", "LineString", "Polygon") for many in ("", "Multi")
}
_ROLES = {
    Kind.FEATURES: {"id": "id", "valid_from": "primary-interval-start", "valid_to": "primary-interval-end"},
    Kind.TIMESERIES: {"id": "id", "phenomenon_time": "primary-instant"},
}


type Document = dict[str, Any]


class Documents:
    """Documents about `collections`, in one language, of one revision of the catalogue."""

    def __init__(
        self,
        core: Core,
        edr_: edr.Edr,
        settings: Settings,
        base: str,
        language: str,
        editable: Callable[[Collection], tuple[Verb, ...]],
    ) -> None:
        self._core = core
        self._edr = edr_
        self._base = base
        self._settings = settings
        self._language = language
        self._editable = editable

    def landing_page(self, shown: str) -> Document:
        """Return the landing page."""
        return {
            **self._core.landing_page(),
            "links": links.of_landing_page(self._base, self._settings.server.url, self._language, shown),
        }

    def conformance(self, collections: Sequence[Collection], shown: str) -> Document:
        """Return what the service conforms to: writing too, where some key may change one of `collections`."""
        verbs = {verb for collection in collections for verb in self._editable(collection)}
        return {
            "conformsTo": sorted({*CONFORMANCE, *editing_conformance(verbs)}),
            "links": links.of_document(f"{self._base}/conformance", self._language, shown),
        }

    def openapi(self, collections: Sequence[Collection]) -> Document:
        """Return the OpenAPI document."""
        whole = openapi(self._core.openapi(), collections, self._settings.bounds.items, self._language)
        edit_openapi.add(whole, {one.id: (one, self._editable(one)) for one in collections}, self._language)
        return whole

    def collections(self, collections: Sequence[Collection], shown: str) -> Document:
        """Return the list of the collections, whole: clients read one page of it."""
        return {
            "links": links.of_document(f"{self._base}/collections", self._language, shown),
            "collections": [self.collection(collection, shown) for collection in collections],
        }

    def collection(self, collection: Collection, shown: str) -> Document:
        """Return the document of one collection."""
        document = self._core.collection(collection.id)
        url = self._collection_url(collection)
        described = edr.describe(self._edr, collection, self._language)
        items = has_items(collection)
        crs = [uri(code) for code in served_crs(collection)] if items else described["crs"]
        document.update(described)
        if not items:
            # Members of Features have no place in the document of a coverage: its schema is closed.
            document.pop("storageCrs")
        document.update(
            {
                "links": links.of_collection(
                    url,
                    self._language,
                    shown,
                    items=items,
                    queries=_queries(described),
                    licence=_licence(collection, url),
                ),
                "extent": described.get("extent") or _extent(collection),
                "crs": crs,
            }
        )
        return document

    def schema(self, collection: Collection) -> Document:
        """Return the JSON Schema of the items of a collection, or of the values where it gives no items."""
        return self._schema(collection, "schema", properties(collection), placed=has_items(collection))

    def queryables(self, collection: Collection) -> Document:
        """Return what the items of a collection can be filtered by: nothing where it gives none."""
        items = has_items(collection)
        return self._schema(collection, "queryables", queryables(collection).values() if items else (), placed=items)

    def sortables(self, collection: Collection) -> Document:
        """Return what the items of a collection can be sorted by."""
        names = sortables(collection) if has_items(collection) else ()
        return self._schema(collection, "sortables", [queryables(collection)[name] for name in names], placed=False)

    def _schema(self, collection: Collection, name: str, fields: Iterable[Field], *, placed: bool) -> Document:
        """Return a schema with the unit, the role and the categories of each property (Features Part 5)."""
        roles = _ROLES.get(collection.kind, {})
        described: Document = {}
        if placed:
            shape = _GEOMETRIES.get(collection.geometry or "", "any")
            place = {"format": f"geometry-{shape}", "title": GEOMETRY_TITLE.in_language(self._language)}
            described[GEOMETRY] = {**place, "x-ogc-propertySeq": 0, "x-ogc-role": "primary-geometry"}
        for order, field in enumerate(fields, start=1):
            role = {"x-ogc-role": roles[field.name]} if field.name in roles else {}
            described[field.name] = {**json_schema(field, self._language), "x-ogc-propertySeq": order, **role}
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": f"{self._collection_url(collection)}/{name}",
            "type": "object",
            "title": collection.title.in_language(self._language),
            "description": collection.description.in_language(self._language),
            "properties": described,
            "additionalProperties": False,
        }

    def _collection_url(self, collection: Collection) -> str:
        return f"{self._base}/collections/{collection.id}"


def _queries(described: Document) -> list[links.Link]:
    """Return the links to the EDR queries, without what describes their parameters; items have theirs."""
    return [
        {name: value for name, value in query["link"].items() if name != "variables"}
        for kind, query in described.get("data_queries", {}).items()
        if kind != "items"
    ]


def _licence(collection: Collection, url: str) -> links.Link:
    """Return the link to the terms and whom to credit; terms without an address are told on our page."""
    licence = collection.licence
    return links.of_licence(f"{licence.title} ({licence.attribution})", licence.url or f"{url}?f=html")


def _extent(collection: Collection) -> Document:
    extent: dict[str, Any] = {"spatial": spatial(collection)}
    if collection.temporal:
        start, end = collection.temporal
        extent["temporal"] = {"interval": [[iso(start), iso(end) if end else None]], "trs": _GREGORIAN}
    return extent
