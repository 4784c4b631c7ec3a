"""EDR over HTTP: one route for each type of query, before pygeoapi's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ogc_api import answers
from ogc_api.answers import Asked
from ogc_api.edr import coveragejson
from ogc_api.edr.coveragejson import Document
from ogc_api.edr.metadata import COVERAGEJSON, GEOJSON
from ogc_api.edr.query import EdrQuery, Form, parse
from ogc_api.edr.service import QUERY_TYPE, Edr
from twin import crs as crs_
from twin.errors import BadInput
from twin.model import Collection
from twin.store import Principal

#: The formats of each media type answered: its own name, or plainly ``json``.
_FORMATS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    coveragejson.MEDIA_TYPE: {COVERAGEJSON: (coveragejson.MEDIA_TYPE,), "json": (answers.JSON,)},
    answers.GEOJSON: {GEOJSON: (answers.GEOJSON,), "json": (answers.JSON,)},
}


def routes(edr: Edr) -> list[Route]:
    """Return the routes, under the root of the door."""
    root = "/collections/{collection_id}"

    def position(request: Request) -> Response:
        return _answer(edr, request, "position", edr.position)

    def cube(request: Request) -> Response:
        return _answer(edr, request, "cube", edr.cube)

    def locations(request: Request) -> Response:
        return _answer(edr, request, "locations", edr.locations)

    def location(request: Request) -> Response:
        identity = request.path_params["location_id"]
        return _answer(edr, request, "location", lambda *asked: edr.location(identity, *asked))

    return [
        Route(f"{root}/position", position),
        Route(f"{root}/cube", cube),
        Route(f"{root}/locations", locations),
        Route(f"{root}/locations/{{location_id:path}}", location),
    ]


def _answer(
    edr: Edr, request: Request, form: Form, ask: Callable[[Collection, EdrQuery, Principal], Document]
) -> Response:
    principal = edr.principal(request.headers)
    collection = edr.collection(request.path_params["collection_id"], QUERY_TYPE[form], principal)
    media_type = answers.GEOJSON if form == "locations" else coveragejson.MEDIA_TYPE
    asked = Asked(request, _FORMATS[media_type], principal)
    if asked.parameters.take("z") is not None:
        raise BadInput(f"{collection.id} has no vertical dimension: leave z out.")
    query = parse(form, asked.parameters, collection)
    asked.parameters.done()
    # The names of locations come from other collections: any change may be one of theirs.
    revision = edr.version(principal) if form == "locations" else collection.revision
    if unchanged := asked.unchanged(revision):
        return unchanged
    body = coveragejson.encode(ask(collection, query, principal))
    return asked.answer(body, media_type, {"Content-Crs": f"<{crs_.uri(query.crs)}>"})
