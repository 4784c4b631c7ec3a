"""The door of the OGC API: its routes, under ``/ogc``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ogc_api import edr, links
from ogc_api.answers import DOCUMENT_FORMATS, GEOJSON, HTML, ITEMS_FORMATS, JSON, OPENAPI, SCHEMA, Asked
from ogc_api.documents import Documents
from ogc_api.features.query import ItemsQuery, parse, parse_one, write_cursor
from ogc_api.features.service import Page
from ogc_api.pages import render
from ogc_api.published import Published, Publisher
from twin.context import Twin
from twin.crs import uri
from twin.doors.problems import HANDLERS
from twin.model import DATASTREAMS, Collection, Kind
from twin.time import iso


class OgcApiDoor:
    """OGC API Features and EDR over one twin."""

    prefix = "/ogc"

    def __init__(self, twin: Twin) -> None:
        self._twin = twin
        self._base = f"{twin.settings.server.url}{self.prefix}"
        self._edr = edr.Edr(twin, self._base)
        self._publisher = Publisher(twin, self._edr, self._base)
        collection = "/collections/{collection_id}"
        routes = [
            Route("/", self._landing_page),
            Route("/conformance", self._conformance),
            Route("/openapi", self._openapi),
            Route("/collections", self._collections),
            Route(collection, self._collection),
            Route(f"{collection}/schema", self._schema),
            Route(f"{collection}/queryables", self._queryables),
            Route(f"{collection}/items", self._items),
            Route(f"{collection}/items/{{item_id:path}}", self._item),
            *edr.routes(self._edr),
        ]
        starlette = Starlette(routes=routes, exception_handlers=HANDLERS)
        starlette.router.redirect_slashes = False
        self.app: ASGIApp = _without_last_slash(starlette)

    def start(self) -> None:
        """Do nothing: what is published is made when first asked for."""

    def stop(self) -> None:
        """Let go of the coverages held open."""
        self._edr.close()

    def openapi(self) -> dict[str, Any]:
        """Return the paths of the service, under its prefix."""
        paths: dict[str, Any] = self._publisher.current().openapi("en")["paths"]
        return {"paths": {f"{self.prefix}{path}".rstrip("/"): item for path, item in paths.items()}}

    def _landing_page(self, request: Request) -> Response:
        return self._document(request, "landing_page", lambda made, asked: made.landing_page(asked.format))

    def _conformance(self, request: Request) -> Response:
        return self._document(request, "conformance", lambda made, asked: made.conformance(asked.format))

    def _collections(self, request: Request) -> Response:
        view = self._publisher.current()
        return self._document(
            request, "collections", lambda made, asked: made.collections(view.collections, asked.format), view
        )

    def _collection(self, request: Request) -> Response:
        view = self._publisher.current()
        collection = view.collection(request.path_params["collection_id"])
        return self._document(
            request, "collection", lambda made, asked: made.collection(collection, asked.format), view
        )

    def _schema(self, request: Request) -> Response:
        view = self._publisher.current()
        collection = view.collection(request.path_params["collection_id"])
        return self._document(request, "schema", lambda made, _: made.schema(collection), view, SCHEMA)

    def _queryables(self, request: Request) -> Response:
        view = self._publisher.current()
        collection = view.collection(request.path_params["collection_id"])
        return self._document(request, "queryables", lambda made, _: made.queryables(collection), view, SCHEMA)

    def _openapi(self, request: Request) -> Response:
        view = self._publisher.current()
        asked = Asked(request, DOCUMENT_FORMATS)
        asked.parameters.done()
        if unchanged := asked.unchanged(view.revision):
            return unchanged
        document = view.openapi(asked.language)
        if asked.format == "html":
            return asked.answer(render("openapi", document, asked.language, self._base), HTML)
        return asked.json(document, OPENAPI)

    def _document(
        self,
        request: Request,
        name: str,
        make: Callable[[Documents, Asked], dict[str, Any]],
        view: Published | None = None,
        media_type: str = JSON,
    ) -> Response:
        """Answer a document as JSON or as a page, made once per revision, language and format."""
        view = view or self._publisher.current()
        asked = Asked(request, DOCUMENT_FORMATS)
        asked.parameters.done()
        if unchanged := asked.unchanged(view.revision):
            return unchanged
        key = (name, asked.format, *asked.path.values())
        document = view.document(asked.language, *key, make=lambda made: make(made, asked))
        if asked.format == "html":
            return asked.answer(render(name, document, asked.language, self._base), HTML)
        return asked.json(document, media_type)

    def _items(self, request: Request) -> Response:
        view = self._publisher.current()
        collection = view.collection(request.path_params["collection_id"])
        asked = Asked(request, ITEMS_FORMATS)
        query = parse(asked.parameters, collection, self._twin.settings.bounds.items)
        asked.parameters.done()
        if unchanged := asked.unchanged(*self._revisions(view, collection)):
            return unchanged
        page = view.items.page(query)
        head = {
            "type": "FeatureCollection",
            "timeStamp": iso(self._twin.clock()),
            "numberMatched": page.matched,
            "numberReturned": page.returned,
            "links": self._items_links(asked, query, page),
        }
        return self._geojson(asked, "items", head, query, b'"features":[%s]' % page.features)

    def _item(self, request: Request) -> Response:
        view = self._publisher.current()
        collection = view.collection(request.path_params["collection_id"])
        asked = Asked(request, ITEMS_FORMATS)
        query = parse_one(asked.parameters, collection)
        asked.parameters.done()
        if unchanged := asked.unchanged(*self._revisions(view, collection)):
            return unchanged
        item_id = asked.path["item_id"]
        feature = view.items.item(query, item_id)
        own = links.address(self._base, "collections", collection.id, "items", item_id)
        head = {
            "links": [
                *links.of_document(own, asked.language, asked.format, GEOJSON),
                links.link("collection", self._url(collection), JSON, asked.language),
            ]
        }
        return self._geojson(asked, "item", head, query, feature[1:-1])

    def _geojson(self, asked: Asked, name: str, head: dict[str, Any], query: ItemsQuery, members: bytes) -> Response:
        body = b"%s,%s}" % (orjson.dumps(head)[:-1], members)
        if asked.format == "html":
            document = {**orjson.loads(body), "collection": query.collection}
            return asked.answer(render(name, document, asked.language, self._base), HTML)
        return asked.answer(body, GEOJSON, {"Content-Crs": f"<{uri(query.crs)}>"})

    def _items_links(self, asked: Asked, query: ItemsQuery, page: Page) -> list[links.Link]:
        given = dict(asked.request.query_params)
        base = f"{self._url(query.collection)}/items"
        other = "html" if asked.format == "json" else "json"
        media = {"json": GEOJSON, "html": HTML}
        found = [
            links.link("self", links.address(base, query=given), media[asked.format], asked.language),
            links.link("alternate", links.address(base, query={**given, "f": other}), media[other], asked.language),
            links.link("collection", self._url(query.collection), JSON, asked.language),
        ]
        if page.next is not None:
            # ArcGIS learns from this link that pages can be asked for by offset.
            given.pop("startindex", None)
            given |= {"offset": str(query.offset + page.returned), "cursor": write_cursor(page.next)}
            found.append(links.link("next", links.address(base, query=given), media[asked.format], asked.language))
        return found

    def _url(self, collection: Collection) -> str:
        return f"{self._base}/collections/{collection.id}"

    @staticmethod
    def _revisions(view: Published, collection: Collection) -> tuple[int, ...]:
        """Return the revisions that items depend on: observations are told with their datastream."""
        if collection.kind is not Kind.TIMESERIES:
            return (collection.revision,)
        return (collection.revision, *(c.revision for c in view.collections if c.id == DATASTREAMS))


def _without_last_slash(app: ASGIApp) -> ASGIApp:
    """Take ``/collections/`` for ``/collections``; no redirection, which would reflect the host."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            root = scope.get("root_path", "")
            path = scope["path"].removeprefix(root).rstrip("/")
            scope = {**scope, "path": root + (path or "/")}
        await app(scope, receive, send)

    return wrapped
