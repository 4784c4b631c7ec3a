"""Items over HTTP: pages and single items, as GeoJSON, and as pages for people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ogc_api import links
from ogc_api.answers import GEOJSON, HTML, ITEMS_FORMATS, JSON, Asked
from ogc_api.features.query import ItemsQuery, parse, parse_one, write_cursor
from ogc_api.features.service import Page
from ogc_api.features.versions import SEPARATOR
from ogc_api.pages import render
from ogc_api.published import Published, Publisher
from twin.crs import uri
from twin.model import DATASTREAMS, Collection, Kind
from twin.time import iso

_MEDIA = {"json": GEOJSON, "html": HTML}


def routes(publisher: Publisher, maximum: int, clock: Callable[[], datetime]) -> list[Route]:
    """Return the routes, under the root of the door.

    Parameters
    ----------
    maximum
        The longest page.
    clock
        Gives the ``timeStamp`` of a page.
    """
    root = "/collections/{collection_id}/items"

    def items(request: Request) -> Response:
        view = publisher.current(request.headers)
        collection = view.collection(request.path_params["collection_id"])
        asked = Asked(request, ITEMS_FORMATS, view.principal)
        query = parse(asked.parameters, collection, maximum)
        asked.parameters.done()
        if unchanged := asked.unchanged(*_revisions(view, collection)):
            return unchanged
        page = view.items.page(query)
        head = {
            "type": "FeatureCollection",
            "timeStamp": iso(clock()),
            "numberMatched": page.matched,
            "numberReturned": page.returned,
            "links": _page_links(asked, view, query, page),
        }
        return _geojson(asked, view, "items", query, head, b'"features":[%s]' % page.features)

    def item(request: Request) -> Response:
        view = publisher.current(request.headers)
        collection = view.collection(request.path_params["collection_id"])
        asked = Asked(request, ITEMS_FORMATS, view.principal)
        query = parse_one(asked.parameters, collection)
        asked.parameters.done()
        item_id = asked.path["item_id"]
        row = view.items.row(query, item_id) if view.editable(collection) else None
        revisions = _revisions(view, collection)
        if unchanged := asked.unchanged(*revisions) if row is None else asked.unchanged_version(row):
            return unchanged
        feature = view.items.item(query, item_id)
        url = view.url(collection)
        own = links.address(url, "items", item_id)
        head = {
            "links": [
                *links.of_document(own, asked.language, asked.format, GEOJSON),
                links.link("collection", url, JSON, asked.language),
                *_history(url, collection, item_id, asked.language),
            ]
        }
        return _geojson(asked, view, "item", query, head, feature[1:-1])

    return [Route(root, items), Route(f"{root}/{{item_id:path}}", item)]


def _geojson(
    asked: Asked, view: Published, name: str, query: ItemsQuery, head: dict[str, Any], members: bytes
) -> Response:
    """Answer a GeoJSON object: the members of `head`, then those already written."""
    body = b"%s,%s}" % (orjson.dumps(head)[:-1], members)
    if asked.format == "html":
        page = render(name, orjson.loads(body), asked.language, view.base, [query.collection])
        return asked.answer(page, HTML)
    return asked.answer(body, GEOJSON, {"Content-Crs": f"<{uri(query.crs)}>"})


def _history(url: str, collection: Collection, item_id: str, language: str) -> list[links.Link]:
    """Return the link to every version of an object (RFC 5829)."""
    if collection.kind is not Kind.FEATURES:
        return []
    identity = item_id.rpartition(SEPARATOR)[0] or item_id
    return [links.link("version-history", links.address(url, "items", query={"id": identity}), GEOJSON, language)]


def _page_links(asked: Asked, view: Published, query: ItemsQuery, page: Page) -> list[links.Link]:
    given = dict(asked.request.query_params)
    url = view.url(query.collection)
    other = "html" if asked.format == "json" else "json"

    def to(rel: str, shown: str, parameters: dict[str, str]) -> links.Link:
        return links.link(rel, links.address(url, "items", query=parameters), _MEDIA[shown], asked.language)

    found = [
        to("self", asked.format, given),
        to("alternate", other, {**given, "f": other}),
        links.link("collection", url, JSON, asked.language),
    ]
    if page.next is not None:
        # ArcGIS learns from this link that pages can be asked for by offset.
        kept = {name: value for name, value in given.items() if name != "startindex"}
        cursor = {"offset": str(query.offset + page.returned), "cursor": write_cursor(page.next)}
        found.append(to("next", asked.format, {**kept, **cursor}))
    return found


def _revisions(view: Published, collection: Collection) -> tuple[int, ...]:
    """Return the revisions that items depend on: observations are told with their datastream."""
    if collection.kind is not Kind.TIMESERIES:
        return (collection.revision,)
    return (collection.revision, *(one.revision for one in view.collections if one.id == DATASTREAMS))
