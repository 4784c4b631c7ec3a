"""Writing items over HTTP (OGC API Features Part 4): what the routes of reading leave.

Whoever does not see a collection finds nothing, whatever the method: only then is a key asked for.
"""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ogc_api import links
from ogc_api.answers import GEOJSON, JSON, MERGE_PATCH
from ogc_api.features.editor import Editor
from ogc_api.features.feature_input import read_json
from ogc_api.features.fields import item_fields, served_crs
from ogc_api.features.query import ItemsQuery
from ogc_api.parameters import Parameters
from ogc_api.published import Published, Publisher
from twin.context import Twin
from twin.crs import CRS84, normalise
from twin.errors import BadInput, NotFound, Outdated, TooLarge
from twin.model import Collection, Kind
from twin.settings import Verb

#: Media types of what is sent, by method.
_SENT = {
    "POST": (GEOJSON, JSON),
    "PUT": (GEOJSON, JSON),
    "PATCH": (MERGE_PATCH,),
}
#: The verb that each method is, of the collection's items and of one item.
_ON_ITEMS: dict[str, Verb] = {"POST": "create"}
_ON_ITEM: dict[str, Verb] = {"PUT": "replace", "PATCH": "update", "DELETE": "delete"}
_ATTEMPTS = 5
_READING = ("GET", "HEAD", "OPTIONS")


def routes(twin: Twin, publisher: Publisher) -> list[Route]:
    """Return the routes, under the root of the door, after those of reading."""
    root = "/collections/{collection_id}/items"
    return [
        Route(root, _Writing(twin, publisher, _ON_ITEMS)),
        Route(f"{root}/{{item_id:path}}", _Writing(twin, publisher, _ON_ITEM)),
    ]


class _Writing:
    """One resource that is written; an ASGI application, so that it is asked whatever the method."""

    def __init__(self, twin: Twin, publisher: Publisher, verbs: dict[str, Verb]) -> None:
        self._twin = twin
        self._publisher = publisher
        self._verbs = verbs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        await (await self._answer(request))(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        view = await run_in_threadpool(self._publisher.current, request.headers)
        collection = await run_in_threadpool(view.collection, request.path_params["collection_id"])
        item_fields(collection)
        verb = self._verbs.get(request.method)
        if verb in view.editable(collection):
            self._twin.access.require(view.principal, verb, collection.id)
        allowed = await run_in_threadpool(self._allowed, view, collection, request.path_params.get("item_id"))
        if request.method == "OPTIONS":
            patch = {"Accept-Patch": MERGE_PATCH} if "PATCH" in allowed else {}
            return Response(status_code=204, headers={"Allow": ", ".join(allowed), "Vary": "Authorization", **patch})
        if verb is None or request.method not in allowed:
            raise HTTPException(
                405, f"There is no {request.method} of {request.url.path}.", {"Allow": ", ".join(allowed)}
            )
        Parameters(request.scope["query_string"]).done()
        body = b"" if verb == "delete" else await self._body(request)
        crs = _content_crs(request, collection)
        editor = Editor(self._twin, view.principal, view.items, collection, crs)
        return await run_in_threadpool(_done, editor, verb, request, body, view)

    def _allowed(self, view: Published, collection: Collection, item_id: str | None) -> tuple[str, ...]:
        """Return the methods that the collection's items, or one of them, have, or raise NotFound."""
        editable = view.editable(collection)
        if item_id is not None and collection.kind is Kind.FEATURES:
            version = view.items.version(ItemsQuery(collection=collection), item_id)
            if not version.num_rows:
                raise NotFound(f"The collection {collection.id!r} has no item {item_id!r}.")
            if version["id"][0].as_py() != item_id:
                editable = ()  # a former version
        return (*_READING, *(method for method, verb in self._verbs.items() if verb in editable))

    async def _body(self, request: Request) -> bytes:
        """Return what was sent, of a known type and no longer than the bound."""
        wanted = _SENT[request.method]
        sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if sent not in wanted:
            accepted = {"Accept-Patch" if request.method == "PATCH" else "Accept": ", ".join(wanted)}
            raise HTTPException(415, f"Content-Type {sent!r} is not read here: send {' or '.join(wanted)}.", accepted)
        bound = self._twin.settings.bounds.body
        parts, size = [], 0
        async for part in request.stream():
            size += len(part)
            if size > bound:
                raise TooLarge(f"The body is longer than {bound} bytes, which is the bound of this service.")
            parts.append(part)
        return b"".join(parts)


def _done(editor: Editor, verb: Verb, request: Request, body: bytes, view: Published) -> Response:
    """Do it, and answer."""
    condition = request.headers.get("if-match")
    if verb == "create":
        identity = editor.create(read_json(body))
        address = links.address(view.url(editor.collection), "items", identity)
        return Response(status_code=201, headers={"Location": address})
    item_id: str = request.path_params["item_id"]
    document = {} if verb == "delete" else read_json(body)
    for left in reversed(range(_ATTEMPTS)):
        try:
            match verb:
                case "replace":
                    editor.replace(item_id, document, condition)
                case "update":
                    editor.update(item_id, document, condition)
                case _:
                    editor.delete(item_id, condition)
            break
        except Outdated:
            # Without a condition, an edit that another came before is made of the version that it left.
            if condition is not None or not left:
                raise
    return Response(status_code=204)


def _content_crs(request: Request, collection: Collection) -> str:
    """Return the code of the CRS that the header ``Content-Crs`` names: longitude and latitude without one."""
    given = request.headers.get("content-crs")
    if given is None:
        return CRS84
    offered = served_crs(collection)
    try:
        code = normalise(given.strip().removeprefix("<").removesuffix(">"))
    except BadInput:
        code = ""
    if code not in offered:
        raise BadInput(f"Content-Crs {given!r} is not read here: use one of {', '.join(offered)}.")
    return code
