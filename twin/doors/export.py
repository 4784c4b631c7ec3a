"""``/export``: a collection, or the part of it in a box and a span of time, as a file to keep."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from twin.access import cached, sight
from twin.context import Twin
from twin.crs import CRS84, BBox, normalise, uri
from twin.doors import negotiation
from twin.doors.openapi import BINARY, get
from twin.doors.parameters import Parameters
from twin.doors.problems import HANDLERS, problem
from twin.errors import BadInput, StoreFault
from twin.export import Selection, export, exporter_of, exporters, formats, target_crs
from twin.model import Collection, Kind, Language
from twin.store import Principal
from twin.tables import DATASTREAMS

_log = logging.getLogger(__name__)

_AT_ONCE = 2
_WAITING = 8
_CHUNK = 1 << 18

_VARY = "Accept-Language, Authorization"
_PARAMETERS = {
    "bbox": "xmin,ymin,xmax,ymax: what meets this box.",
    "bbox-crs": "CRS of the bbox, x first whatever its authority says; longitude, latitude by default.",
    "datetime": "An instant, a date, or start/end with .. for an open side.",
    "crs": "CRS of the file, such as EPSG:2154; that of the store by default.",
    "lang": "fr or en: language of the titles; fr also writes CSV as a French spreadsheet reads it.",
}
_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
_SCHEMAS: dict[str, dict[str, Any]] = {
    "bbox": {"type": "string", "pattern": "^[^,]+(,[^,]+){3}((,[^,]+){2})?$"},
    "lang": {"type": "string", "enum": list(negotiation.LANGUAGES)},
}


class ExportDoor:
    """Writes exports one after another, `_AT_ONCE` at a time, and keeps none of them."""

    prefix = "/export"

    def __init__(self, twin: Twin) -> None:
        self._twin = twin
        self._folder = twin.settings.store.folder / "export"
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0
        routes = [Route("/", self._list), Route("/{file}", self._download)]
        self._routes = Starlette(routes=routes, exception_handlers=HANDLERS)
        self._routes.router.redirect_slashes = False

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI); the prefix alone is its own page."""
        if scope["path"] == scope.get("root_path", ""):
            scope = {**scope, "path": scope["path"] + "/"}
        await self._routes(scope, receive, send)

    def start(self) -> None:
        """Make the folder of the files being written; what a killed service left there goes."""
        self.stop()
        self._folder.mkdir(parents=True, mode=0o700)

    def stop(self) -> None:
        """Remove the folder of the files being written."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def openapi(self) -> dict[str, Any]:
        """Return the two paths of this door."""
        query = {name: {"description": text, **_SCHEMAS.get(name, _TEXT)} for name, text in _PARAMETERS.items()}
        suffixes = ", ".join(sorted(exporter.suffix for exporter in exporters()))
        listing = get(
            "What can be exported, and in which formats",
            {"application/json": {"type": "object", "required": ["collections"]}},
            *(400, 401),
            query={"lang": query["lang"]},
            tagged=False,
        )
        download = get(
            f"Export a collection: its id, and one of {suffixes}",
            {exporter.media_type: BINARY for exporter in exporters()},
            *(400, 401, 404, 413, 503),
            path={"file": _TEXT},
            query=query,
        )
        return {"paths": {f"{self.prefix}/": listing, f"{self.prefix}/{{file}}": download}}

    async def _list(self, request: Request) -> Response:
        principal = self._twin.access.principal(request.headers)
        parameters = Parameters(request.scope["query_string"])
        language = negotiation.language(parameters, request.headers.get("accept-language"))
        parameters.done()
        collections = await run_in_threadpool(self._twin.store.catalogue.collections, principal)
        root = f"{self._twin.settings.server.url}{self.prefix}"
        return JSONResponse(
            {
                "parameters": _PARAMETERS,
                "maximum_rows": self._twin.settings.bounds.export_rows,
                "collections": [_described(each, root, language) for each in collections],
            },
            headers={
                "Content-Language": language,
                "Cache-Control": cached("no-cache", principal),
                "Vary": _VARY,
            },
        )

    async def _download(self, request: Request) -> Response:
        principal = self._twin.access.principal(request.headers)
        parameters = Parameters(request.scope["query_string"])
        selection = _selection(parameters, negotiation.language(parameters, request.headers.get("accept-language")))
        parameters.done()
        name = PurePosixPath(request.path_params["file"])
        collection = await run_in_threadpool(self._twin.store.catalogue.collection, name.stem, principal)
        exporter = exporter_of(collection, name.suffix)
        headers = {
            "Content-Disposition": f'attachment; filename="{collection.id}{exporter.suffix}"',
            "Content-Crs": f"<{uri(target_crs(collection, selection))}>",
            "Content-Language": selection.language,
            "ETag": await run_in_threadpool(self._etag, collection, selection, exporter.suffix, principal),
            "Cache-Control": cached("no-cache", principal),
            "Vary": _VARY,
        }
        if collection.licence.url:
            headers["Link"] = f'<{quote(collection.licence.url, safe=":/?#[]@!$&()*+,;=%~")}>; rel="license"'
        if headers["ETag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if request.method == "HEAD":
            return _heading(headers, exporter.media_type)
        if self._waiting >= _WAITING:
            return problem(503, "Too many exports are waiting: ask again in a minute.", {"Retry-After": "60"})
        self._waiting += 1
        try:
            async with self._turn:
                file, size = await run_in_threadpool(self._write, collection, selection, exporter.suffix, principal)
        finally:
            self._waiting -= 1
        headers["Content-Length"] = str(size)
        return StreamingResponse(_chunks(file), headers=headers, media_type=exporter.media_type)

    def _etag(self, collection: Collection, selection: Selection, suffix: str, principal: Principal) -> str:
        """Return a tag of all that the file depends on; a series is written with the places of its datastreams."""
        revisions = [collection.revision]
        if collection.kind is Kind.TIMESERIES:
            revisions.append(self._twin.store.catalogue.collection(DATASTREAMS, principal).revision)
        told = f"{collection.id} {revisions} {selection.model_dump_json()} {suffix} {sight(principal)}"
        return f'W/"{hashlib.sha256(told.encode()).hexdigest()[:32]}"'

    def _write(
        self, collection: Collection, selection: Selection, suffix: str, principal: Principal
    ) -> tuple[BinaryIO, int]:
        """Write the file, and return it open and already without a name: nothing is left behind, come what may."""
        maximum = self._twin.settings.bounds.export_rows
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            path = Path(folder) / f"{collection.id}{suffix}"
            try:
                export(self._twin.store, collection.id, selection, path, principal, maximum)
            except StoreFault as error:
                # The whole sentence names folders of this machine: it is for the log alone.
                _log.exception("The export of %s failed", collection.id)
                raise StoreFault("The file could not be written: the operator has to look into it.") from error
            return path.open("rb"), path.stat().st_size


def _described(collection: Collection, root: str, language: Language) -> dict[str, Any]:
    return {
        "id": collection.id,
        "title": collection.title.in_language(language),
        "description": collection.description.in_language(language),
        "kind": collection.kind,
        "count": collection.count,
        "license": {"title": collection.licence.title, "url": collection.licence.url},
        "attribution": collection.licence.attribution,
        "files": [
            {"href": f"{root}/{collection.id}{suffix}", "type": exporter.media_type}
            for suffix, exporter in sorted(formats(collection).items())
        ],
    }


def _heading(headers: dict[str, str], media_type: str) -> Response:
    """Return the headers of a file that was not written: how long it would be is not known."""
    response = Response(headers=headers, media_type=media_type)
    del response.headers["content-length"]
    return response


def _selection(parameters: Parameters, language: Language) -> Selection:
    crs = parameters.read("bbox-crs", normalise)
    bbox = parameters.read("bbox", lambda text: BBox.parse(text, crs or CRS84))
    if crs and bbox is None:
        raise BadInput("bbox-crs is given without a bbox: give both, or neither.")
    return Selection(bbox=bbox, time=parameters.time(), crs=parameters.take("crs"), language=language)


async def _chunks(file: BinaryIO) -> AsyncIterator[bytes]:
    with file:
        while chunk := await run_in_threadpool(file.read, _CHUNK):
            yield chunk
