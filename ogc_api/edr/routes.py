"""EDR over HTTP: one route for each type of query, before pygeoapi's own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ogc_api.edr import coveragejson
from ogc_api.edr.coveragejson import Document
from ogc_api.edr.metadata import COVERAGEJSON, GEOJSON
from ogc_api.edr.query import EdrQuery, parse
from ogc_api.edr.service import Edr, QueryType
from ogc_api.parameters import LANGUAGES, Parameters
from twin import crs as crs_
from twin.errors import BadInput
from twin.model import Collection
from twin.store import Principal

_GEOJSON_TYPE = "application/geo+json"
#: What ``f`` may be for each media type answered: its own name, or plainly ``json``.
_FORMATS = {coveragejson.MEDIA_TYPE: (COVERAGEJSON, "json"), _GEOJSON_TYPE: (GEOJSON, "json")}


def routes(edr: Edr) -> list[Route]:
    """Return the routes, under the root of the door."""
    root = "/collections/{collection_id}"

    async def position(request: Request) -> Response:
        return await run_in_threadpool(_answer, edr, request, "position", "position", edr.position)

    async def cube(request: Request) -> Response:
        return await run_in_threadpool(_answer, edr, request, "cube", "cube", edr.cube)

    async def locations(request: Request) -> Response:
        return await run_in_threadpool(_answer, edr, request, "locations", "locations", edr.locations)

    async def location(request: Request) -> Response:
        def one(collection: Collection, query: EdrQuery, principal: Principal) -> Document:
            return edr.location(collection, request.path_params["location_id"], query, principal)

        return await run_in_threadpool(_answer, edr, request, "locations", "location", one)

    return [
        Route(f"{root}/position", position),
        Route(f"{root}/cube", cube),
        Route(f"{root}/locations", locations),
        Route(f"{root}/locations/{{location_id:path}}", location),
    ]


def _answer(
    edr: Edr,
    request: Request,
    query_type: QueryType,
    form: str,
    ask: Callable[[Collection, EdrQuery, Principal], Document],
) -> Response:
    principal = edr.principal
    collection = edr.collection(request.path_params["collection_id"], query_type, principal)
    parameters = Parameters(request.scope["query_string"])
    media_type = _GEOJSON_TYPE if form == "locations" else coveragejson.MEDIA_TYPE
    parameters.choice("f", _FORMATS[media_type])
    parameters.choice("lang", LANGUAGES)
    if parameters.take("z") is not None:
        raise BadInput(f"{collection.id} has no vertical dimension: leave z out.")
    query = parse(form, parameters, collection)
    parameters.done()
    tag = _tag(collection, request)
    headers = {"ETag": tag, "Cache-Control": "no-cache", "Content-Crs": f"<{crs_.uri(query.crs)}>"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(coveragejson.encode(ask(collection, query, principal)), headers=headers, media_type=media_type)


def _tag(collection: Collection, request: Request) -> str:
    """Return the entity tag of an answer: the same bytes as long as the revision and the address are the same."""
    address = f"{request.url.path}?{request.url.query}".encode()
    return f'"{collection.revision}-{hashlib.blake2b(address, digest_size=8).hexdigest()}"'
