"""Items over HTTP: pages and single items, as GeoJSON, and as pages for people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ogc_api import links
from ogc_api.answers import GEOJSON, HTML, ITEMS_FORMATS, SCHEMA, Asked
from ogc_api.features.frames import ItemFrame, PageFrame
from ogc_api.features.query import ItemsQuery, parse, parse_one
from ogc_api.pages import render
from ogc_api.published import Published, Publisher
from twin.crs import uri
from twin.model import Collection, Kind
from twin.store import Principal
from twin.tables import DATASTREAMS


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
        asked, query = asked_page(request, collection, maximum, view.principal)
        if unchanged := asked.unchanged(*revisions(view, collection)):
            return unchanged
        frame = PageFrame(asked, query, view.url(collection))
        return _geojson(asked, view, "items", query, frame.body(view.items.page(query), clock()))

    def item(request: Request) -> Response:
        view = publisher.current(request.headers)
        collection = view.collection(request.path_params["collection_id"])
        asked, query = asked_item(request, collection, view.principal)
        item_id = asked.path["item_id"]
        if view.editable(collection):
            row, feature = view.items.versioned(query, item_id)
            unchanged = asked.unchanged_version(row)
        else:
            unchanged = asked.unchanged(*revisions(view, collection))
            feature = b"" if unchanged else view.items.item(query, item_id)
        if unchanged:
            return unchanged
        frame = ItemFrame(asked, query, item_id, view.url(collection))
        return _geojson(asked, view, "item", query, frame.body(feature))

    return [Route(root, items), Route(f"{root}/{{item_id:path}}", item)]


def asked_page(
    request: Request, collection: Collection, maximum: int, principal: Principal
) -> tuple[Asked, ItemsQuery]:
    """Read a request for a page, strictly."""
    asked = Asked(request, ITEMS_FORMATS, principal)
    query = parse(asked.parameters, collection, maximum)
    asked.parameters.done()
    return asked, query


def asked_item(request: Request, collection: Collection, principal: Principal) -> tuple[Asked, ItemsQuery]:
    """Read a request for one item, strictly."""
    asked = Asked(request, ITEMS_FORMATS, principal)
    query = parse_one(asked.parameters, collection)
    asked.parameters.done()
    return asked, query


def revisions(view: Published, collection: Collection) -> tuple[int, ...]:
    """Return the revisions that items depend on: observations are told with their datastream."""
    if collection.kind is not Kind.TIMESERIES:
        return (collection.revision,)
    return (collection.revision, *(one.revision for one in view.collections if one.id == DATASTREAMS))


def geojson(asked: Asked, query: ItemsQuery, body: bytes, url: str) -> Response:
    """Answer GeoJSON in the CRS of the query; `url` is the address of the collection."""
    queryables = f'<{url}/queryables>; rel="{links.QUERYABLES_REL}"; type="{SCHEMA}"'
    return asked.answer(body, GEOJSON, {"Content-Crs": f"<{uri(query.crs)}>", "Link": queryables})


def _geojson(asked: Asked, view: Published, name: str, query: ItemsQuery, body: bytes) -> Response:
    if asked.format == "html":
        page = render(name, orjson.loads(body), asked.language, view.base, [query.collection])
        return asked.answer(page, HTML)
    return geojson(asked, query, body, view.url(query.collection))
