"""Items over HTTP: pages and single items, as GeoJSON, and as pages for people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ogc_api.answers import GEOJSON, HTML, ITEMS_FORMATS, Asked
from ogc_api.features.frames import ItemFrame, PageFrame
from ogc_api.features.query import ItemsQuery, parse, parse_one
from ogc_api.pages import render
from ogc_api.published import Published, Publisher
from twin.crs import uri
from twin.model import DATASTREAMS, Collection, Kind


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
        view = publisher.current()
        collection = view.collection(request.path_params["collection_id"])
        asked, query = asked_page(request, collection, maximum)
        if unchanged := asked.unchanged(*revisions(view, collection)):
            return unchanged
        frame = PageFrame(asked, query, view.url(collection))
        return _geojson(asked, view, "items", query, frame.body(view.items.page(query), clock()))

    def item(request: Request) -> Response:
        view = publisher.current()
        collection = view.collection(request.path_params["collection_id"])
        asked, query = asked_item(request, collection)
        if unchanged := asked.unchanged(*revisions(view, collection)):
            return unchanged
        item_id = request.path_params["item_id"]
        feature = view.items.item(query, item_id)
        return _geojson(asked, view, "item", query, ItemFrame(asked, item_id, view.url(collection)).body(feature))

    return [Route(root, items), Route(f"{root}/{{item_id:path}}", item)]


def asked_page(request: Request, collection: Collection, maximum: int) -> tuple[Asked, ItemsQuery]:
    """Read a request for a page, strictly."""
    asked = Asked(request, ITEMS_FORMATS)
    query = parse(asked.parameters, collection, maximum)
    asked.parameters.done()
    return asked, query


def asked_item(request: Request, collection: Collection) -> tuple[Asked, ItemsQuery]:
    """Read a request for one item, strictly."""
    asked = Asked(request, ITEMS_FORMATS)
    query = parse_one(asked.parameters, collection)
    asked.parameters.done()
    return asked, query


def revisions(view: Published, collection: Collection) -> tuple[int, ...]:
    """Return the revisions that items depend on: observations are told with their datastream."""
    if collection.kind is not Kind.TIMESERIES:
        return (collection.revision,)
    return (collection.revision, *(one.revision for one in view.collections if one.id == DATASTREAMS))


def geojson(asked: Asked, query: ItemsQuery, body: bytes) -> Response:
    """Answer GeoJSON in the CRS of the query."""
    return asked.answer(body, GEOJSON, {"Content-Crs": f"<{uri(query.crs)}>"})


def _geojson(asked: Asked, view: Published, name: str, query: ItemsQuery, body: bytes) -> Response:
    if asked.format == "html":
        page = render(name, orjson.loads(body), asked.language, view.base, [query.collection])
        return asked.answer(page, HTML)
    return geojson(asked, query, body)
