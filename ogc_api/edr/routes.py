"""EDR over HTTP: one route for each type of query, of a collection and of its instance.

An instance is a revision of a collection, named by its number. The current one is kept: an address
that names a revision answers from it or not at all, so that several answers can be known to agree.
"""

from __future__ import annotations

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ogc_api import answers
from ogc_api.answers import DOCUMENT_FORMATS, Asked
from ogc_api.edr import formats, metadata
from ogc_api.edr.query import Form, parse
from ogc_api.edr.service import Edr, QueryType, query_type
from twin import crs as crs_
from twin.errors import BadInput, NoData, NotFound
from twin.model import Collection
from twin.store import Principal

_FORMS: tuple[Form, ...] = ("position", "radius", "area", "cube", "trajectory", "corridor", "locations")


def routes(edr: Edr) -> list[Route]:
    """Return the routes, under the root of the door."""
    root = "/collections/{collection_id}"

    def instances(request: Request) -> Response:
        principal = edr.principal(request.headers)
        collection = edr.collection(request.path_params["collection_id"], "instances", principal)
        return _document(edr, request, collection, principal, every=True)

    def instance(request: Request) -> Response:
        principal = edr.principal(request.headers)
        return _document(edr, request, _collection(edr, request, "instances", principal), principal, every=False)

    found = [Route(f"{root}/instances", instances), Route(f"{root}/instances/{{instance_id}}", instance)]
    for under in (root, f"{root}/instances/{{instance_id}}"):
        found += [_route(edr, f"{under}/{form}", form) for form in _FORMS]
        found.append(_route(edr, f"{under}/locations/{{location_id:path}}", "location"))
    return found


def _route(edr: Edr, path: str, form: Form) -> Route:
    return Route(path, lambda request: _answer(edr, request, form))


def _collection(edr: Edr, request: Request, kind: QueryType, principal: Principal) -> Collection:
    """Return the collection of a request, at the revision that its instance names."""
    collection = edr.collection(request.path_params["collection_id"], kind, principal)
    instance = request.path_params.get("instance_id")
    if instance is not None and instance != str(collection.revision):
        raise NotFound(f"{collection.id} has no instance {instance!r}: its current revision is {collection.revision}.")
    return collection


def _answer(edr: Edr, request: Request, form: Form) -> Response:
    principal = edr.principal(request.headers)
    collection = _collection(edr, request, query_type(form), principal)
    asked = Asked(request, formats.negotiable(form, collection), principal)
    native = asked.format == formats.GEOTIFF
    query = parse(form, asked.parameters, collection, edr.bounds, native=native)
    asked.parameters.done()
    if native and query.aggregation and query.aggregation.area:
        raise BadInput("A GeoTIFF holds a grid, and an aggregate over an area is none: ask CoverageJSON or CSV.")
    # Locations come from other collections: any change may be one of theirs.
    revision = edr.version(principal) if query_type(form) == "locations" else collection.revision
    if unchanged := asked.unchanged(revision):
        return unchanged
    headers = {"Content-Crs": f"<{crs_.uri(query.crs)}>"}
    if form == "locations":
        url = edr.url(collection, instance="instance_id" in asked.path)
        found = edr.locations(collection, query, principal, url, asked.language)
        return asked.answer(orjson.dumps(found), answers.GEOJSON, headers)
    try:
        if form == "location":
            answer = edr.location(asked.path["location_id"], collection, query, principal)
        else:
            answer = edr.values(form, collection, query, principal)
    except NoData as error:
        return asked.no_content(str(error))
    name = asked.format if asked.format in formats.FORMATS else formats.COVERAGEJSON
    chosen = formats.FORMATS[name]
    if chosen.ending:
        headers["Content-Disposition"] = f'attachment; filename="{collection.id}_{form}.{chosen.ending}"'
    return asked.answer(formats.encode(answer, name, edr.bounds), chosen.media_type, headers)


def _document(edr: Edr, request: Request, collection: Collection, principal: Principal, *, every: bool) -> Response:
    asked = Asked(request, {"json": DOCUMENT_FORMATS["json"]}, principal)
    asked.parameters.done()
    if unchanged := asked.unchanged(collection.revision):
        return unchanged
    make = metadata.instances if every else metadata.instance
    return asked.answer(orjson.dumps(make(edr, collection, asked.language)), answers.JSON)
