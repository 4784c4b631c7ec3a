"""Links between documents, titled in the language of the answer; made from configuration alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from ogc_api.answers import GEOJSON, HTML, JSON, OPENAPI, SCHEMA
from twin.model import Text

_OGC = "http://www.opengis.net/def/rel/ogc/1.0"
SCHEMA_REL, QUERYABLES_REL, SORTABLES_REL = (f"{_OGC}/{name}" for name in ("schema", "queryables", "sortables"))

_TITLES = {
    "self": Text(fr="Ce document", en="This document"),
    "alternate": Text(fr="Ce document en {0}", en="This document as {0}"),
    "root": Text(fr="Accueil du service", en="Landing page of the service"),
    "service-desc": Text(fr="Définition OpenAPI", en="OpenAPI definition"),
    "service-doc": Text(fr="Documentation de l'interface", en="Documentation of the interface"),
    "conformance": Text(fr="Classes de conformité", en="Conformance classes"),
    "data": Text(fr="Collections", en="Collections"),
    "about": Text(fr="La carte de la ville", en="The map of the city"),
    "items": Text(fr="Objets", en="Items"),
    SCHEMA_REL: Text(fr="Propriétés des objets", en="Properties of the items"),
    QUERYABLES_REL: Text(fr="Propriétés filtrables", en="Properties to filter by"),
    SORTABLES_REL: Text(fr="Propriétés de tri", en="Properties to sort by"),
    "collection": Text(fr="La collection", en="The collection"),
    "version-history": Text(fr="Toutes les versions de l'objet", en="Every version of the object"),
    "next": Text(fr="Page suivante", en="Next page"),
}
_NAMES = {JSON: "JSON", GEOJSON: "GeoJSON", HTML: "HTML", OPENAPI: "OpenAPI", SCHEMA: "JSON Schema"}

type Link = dict[str, Any]


def link(rel: str, href: str, media_type: str, language: str) -> Link:
    """Return one link, titled by its relation."""
    text = _TITLES[rel].in_language(language).format(_NAMES.get(media_type, media_type))
    return {"rel": rel, "type": media_type, "title": text, "href": href, "hreflang": language}


def of_licence(title: str, href: str) -> Link:
    """Return the link to the terms of a licence."""
    return {"rel": "license", "type": HTML, "title": title, "href": href}


def address(base: str, *path: str, query: Mapping[str, object] | None = None) -> str:
    """Return an address under `base`, its parts and its query encoded."""
    text = "/".join([base, *(quote(part, safe="") for part in path)])
    return f"{text}?{urlencode(query)}" if query else text


def of_document(base: str, language: str, shown: str, media_type: str = JSON) -> list[Link]:
    """Return the links of a document to itself and to its other format.

    Parameters
    ----------
    base
        Address of the document, without its query.
    shown
        Format of this answer: ``json`` or ``html``.
    media_type
        Media type of the document when it is not HTML.
    """
    formats = {"json": media_type, "html": HTML}
    other = "html" if shown == "json" else "json"
    return [
        link("self", address(base, query={"f": shown}), formats[shown], language),
        link("alternate", address(base, query={"f": other}), formats[other], language),
    ]


def of_landing_page(base: str, root: str, language: str, shown: str) -> list[Link]:
    """Return the links of the landing page."""
    return [
        *of_document(base, language, shown),
        link("service-desc", f"{base}/openapi", OPENAPI, language),
        link("service-doc", address(base, "openapi", query={"f": "html"}), HTML, language),
        link("conformance", f"{base}/conformance", JSON, language),
        link("data", f"{base}/collections", JSON, language),
        link("about", f"{root}/", HTML, language),
    ]


def of_collection(
    base: str, language: str, shown: str, *, items: bool, queries: Sequence[Link], licence: Link
) -> list[Link]:
    """Return the links of a collection; `base` is its address, `queries` are the links to its EDR queries.

    The link to GeoJSON items has no query: GDAL adds an id to its path. Clients of Features know the items
    by ``items``, those of EDR look for ``data`` (``/req/core/rc-md-query-links``).
    """
    links = [*of_document(base, language, shown), link("root", base.rsplit("/", 2)[0], JSON, language)]
    if items:
        links += [
            link("items", f"{base}/items", GEOJSON, language),
            link("items", address(base, "items", query={"f": "html"}), HTML, language),
            {**link("items", f"{base}/items", GEOJSON, language), "rel": "data"},
        ]
    links += [
        link(SCHEMA_REL, f"{base}/schema", SCHEMA, language),
        link(QUERYABLES_REL, f"{base}/queryables", SCHEMA, language),
        link(SORTABLES_REL, f"{base}/sortables", SCHEMA, language),
    ]
    return [*links, *queries, licence]
