"""The documents about the service over HTTP: as JSON, and as pages for people."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ogc_api.answers import DOCUMENT_FORMATS, HTML, JSON, OPENAPI, SCHEMA, Asked
from ogc_api.documents import Document, Documents
from ogc_api.pages import render
from ogc_api.published import Published, Publisher
from twin.model import Collection

#: How schemas tell the values of a codelist: each with its title (Features Part 5, section 15).
_CODELISTS_INLINE = "http://www.opengis.net/def/profile/OGC/0/codelist-inline"


def routes(publisher: Publisher) -> list[Route]:
    """Return the routes, under the root of the door."""

    def service(
        path: str,
        name: str,
        make: Callable[[Documents, Sequence[Collection], str], Document],
        media_type: str = JSON,
    ) -> Route:
        def endpoint(request: Request) -> Response:
            view = publisher.current(request.headers)
            return _answer(request, view, name, media_type, view.collections, lambda m, f: make(m, view.collections, f))

        return Route(path, endpoint)

    def about(
        path: str, name: str, make: Callable[[Documents, Collection, str], Document], media_type: str = JSON
    ) -> Route:
        def endpoint(request: Request) -> Response:
            view = publisher.current(request.headers)
            one = view.collection(request.path_params["collection_id"])
            return _answer(request, view, name, media_type, [one], lambda m, f: make(m, one, f))

        return Route(f"/collections/{{collection_id}}{path}", endpoint)

    return [
        service("/", "landing_page", lambda made, _, shown: made.landing_page(shown)),
        service("/conformance", "conformance", lambda made, every, shown: made.conformance(every, shown)),
        service("/openapi", "openapi", lambda made, every, _: made.openapi(every), OPENAPI),
        service("/collections", "collections", lambda made, every, shown: made.collections(every, shown)),
        about("", "collection", lambda made, one, shown: made.collection(one, shown)),
        about("/schema", "schema", lambda made, one, _: made.schema(one), SCHEMA),
        about("/queryables", "queryables", lambda made, one, _: made.queryables(one), SCHEMA),
        about("/sortables", "sortables", lambda made, one, _: made.sortables(one), SCHEMA),
    ]


def _answer(
    request: Request,
    view: Published,
    name: str,
    media_type: str,
    collections: Sequence[Collection],
    make: Callable[[Documents, str], Document],
) -> Response:
    asked = Asked(request, DOCUMENT_FORMATS, view.principal)
    if media_type == SCHEMA:
        # One profile is offered; asking for another is no error (Features Part 5, section 13).
        asked.parameters.take("profile")
    asked.parameters.done()
    if unchanged := asked.unchanged(view.seen):
        return unchanged

    def write(made: Documents) -> bytes:
        document = make(made, asked.format)
        if asked.format == "html":
            return render(name, document, asked.language, view.base, collections).encode()
        return orjson.dumps(document)

    body = view.body(asked.language, (name, asked.format, *asked.path.values()), write)
    if asked.format == "html":
        return asked.answer(body, HTML)
    profile = {"Link": f'<{_CODELISTS_INLINE}>; rel="profile"'} if media_type == SCHEMA else {}
    return asked.answer(body, media_type, profile)
