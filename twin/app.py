"""The application: every registered door, mounted under its prefix, over one twin."""

from __future__ import annotations

import gc
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from copy import deepcopy
from dataclasses import replace
from html import escape
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import HTMLResponse, PlainTextResponse
from starlette.datastructures import Headers
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from twin import registry
from twin.context import Twin
from twin.doors.capitals import with_capital_location
from twin.doors.metrics import Metrics
from twin.doors.problems import DETAIL, HANDLERS, responses
from twin.doors.protocol import Protocol
from twin.errors import BadSettings
from twin.registry import Door
from twin.settings import Server, Settings


@contextmanager
def open_twin(settings: Settings, *, serve: bool = False) -> Iterator[Twin]:
    """Open the twin of `settings`; with `serve`, insist on owning its data folder.

    Raises
    ------
    StoreBusy
        When another process owns the data folder and does not answer, or `serve` finds a server.
    """
    engine: registry.StoreEngine = registry.load(registry.STORES, settings.store.engine)
    store = engine(settings.store.folder, settings.city.crs, serve=serve)
    try:
        yield Twin.over(settings, store)
    finally:
        store.close()


class Doors:
    """Hands a request to the door whose prefix is the longest that its path has.

    It stands ahead of FastAPI, so that a door's hot path pays for no middleware but its own.
    A path prefix in ``server.public_url`` is taken off when the proxy in front has not done so.
    """

    def __init__(self, doors: list[Door], otherwise: ASGIApp, public_prefix: str, own_paths: frozenset[str]) -> None:
        first = sorted(doors, key=lambda door: len(door.prefix), reverse=True)
        self._doors = [(prefix, f"{prefix}/", door.app) for door in first for prefix in [door.prefix.rstrip("/")]]
        self._otherwise = otherwise
        self._public_prefix = public_prefix
        self._own_paths = own_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        if scope["type"] != "http":
            await self._otherwise(scope, receive, send)
            return
        path: str = scope["path"]
        if self._public_prefix and path.startswith(self._public_prefix + "/"):
            path = path.removeprefix(self._public_prefix)
            scope = {**scope, "path": path, "root_path": ""}
        if path in self._own_paths:
            await self._otherwise(scope, receive, send)
            return
        for prefix, under, app in self._doors:
            if path == prefix or path.startswith(under):
                await app({**scope, "path": path, "root_path": prefix}, receive, send)
                return
        await self._otherwise(scope, receive, send)


def create_app(twin: Twin) -> ASGIApp:
    """Return the whole service as one ASGI application.

    ``/health`` says that the store answers, ``/metrics`` is for Prometheus, ``/docs`` and
    ``/openapi.json`` describe the application; every other path is a door's.
    """
    doors: list[Door] = [registry.load(registry.DOORS, name)(twin) for name in registry.names(registry.DOORS)]
    metrics = Metrics(twin, [door.prefix for door in doors])

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        started: list[Door] = []
        try:
            for door in doors:
                door.start()
                started.append(door)
            # What a start leaves behind stays: looking through it for garbage costs a request in some hundreds 100 ms.
            gc.collect()
            gc.freeze()
            yield
        finally:
            gc.unfreeze()
            for door in reversed(started):
                door.stop()

    api = FastAPI(
        title=twin.settings.city.name,
        description="Jumeau: an open 4D city twin.",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        exception_handlers=HANDLERS,
    )
    # That of the doors' own documents: OGC clients do not read 3.1.
    api.openapi_version = "3.0.3"

    @api.get("/health", summary="Whether the service can answer", responses=responses(503))
    def health() -> dict[str, object]:
        return {"status": "ok", "revision": twin.revision(twin.access.public)}

    told: dict[int | str, Any] = {
        200: {"description": "OK", "content": {"text/plain": {"schema": {"type": "string"}}}},
        **responses(401),
    }
    api.add_api_route(
        "/metrics", metrics.page, summary="For Prometheus", response_class=PlainTextResponse, responses=told
    )

    @api.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return HTMLResponse(_describe(api.openapi()))

    _merge_openapi(api, doors)
    prefix = urlsplit(twin.settings.server.public_url or "").path.rstrip("/")
    own_paths = frozenset({"/health", "/metrics", "/docs", "/openapi.json"})
    plain = metrics.measure(Doors(doors, api, prefix, own_paths))
    # Level 3 takes 2.5 times less CPU than 5, for a tenth more bytes; what is kept is packed better, once.
    packed = GZipMiddleware(plain, minimum_size=1024, compresslevel=3)
    return _if_asked(_cross_origin(packed, twin.settings.server), plain)


def _cross_origin(app: ASGIApp, server: Server) -> ASGIApp:
    """Return `app` for pages of other origins: those named may write, the others read."""

    def allowing(origins: Sequence[str], *methods: str) -> CORSMiddleware:
        return CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=["GET", "HEAD", "OPTIONS", *methods],
            allow_headers=["*"],
            expose_headers=[
                *("Content-Crs", "ETag", DETAIL, "Link", "Location", "OGC-NumberMatched", "OGC-NumberReturned")
            ],
        )

    reading = allowing(server.cors_origins)
    writing = allowing(server.cors_write_origins, "POST", "PUT", "PATCH", "DELETE")

    async def chosen(scope: Scope, receive: Receive, send: Send) -> None:
        origin = Headers(scope=scope).get("origin") if scope["type"] == "http" else None
        await (writing if origin in server.cors_write_origins else reading)(scope, receive, send)

    return chosen


def _if_asked(shared: ASGIApp, plain: ASGIApp) -> ASGIApp:
    """Take `shared` for a request that comes from another page or accepts gzip, `plain` for the rest.

    Together the two middlewares cost a request more than a page of items does.
    """

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        chosen = plain if scope["type"] == "http" else shared
        for name, value in scope.get("headers", ()):
            if name == b"origin" or (name == b"accept-encoding" and b"gzip" in value):
                chosen = shared
        await chosen(scope, receive, send)

    return app


def _merge_openapi(api: FastAPI, doors: list[Door]) -> None:
    own = api.openapi

    def merged() -> dict[str, object]:
        document = own()
        paths, components = {**document["paths"]}, deepcopy(document.get("components", {}))
        for door in doors:
            described = door.openapi()
            paths |= described.get("paths", {})
            for kind, members in described.get("components", {}).items():
                components.setdefault(kind, {}).update(members)
        return {**document, "paths": paths, "components": components}

    api.openapi = merged  # type: ignore[method-assign]


def _describe(document: dict[str, object]) -> str:
    """Render the OpenAPI document as one page that loads nothing from anywhere."""
    rows = []
    paths = document["paths"]
    assert isinstance(paths, dict)  # noqa: S101 - FastAPI made it
    for path, operations in sorted(paths.items()):
        for method, operation in operations.items():
            if isinstance(operation, dict):
                text = escape(str(operation.get("summary") or operation.get("description") or ""))
                rows.append(f"<tr><td>{method.upper()}</td><td><code>{escape(path)}</code></td><td>{text}</td></tr>")
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Jumeau: interface</title>'
        "<style>body{font:16px/1.5 system-ui;margin:2rem auto;max-width:60rem;padding:0 1rem}"
        "td{padding:.25rem 1rem .25rem 0;vertical-align:top}</style>"
        '<h1>The interface of the service</h1><p>As a document: <a href="openapi.json">openapi.json</a>; '
        'the OGC API describes itself at <a href="ogc/openapi">ogc/openapi</a>.</p>'
        f"<table>{''.join(rows)}</table></html>"
    )


def serve(twin: Twin, announce: Callable[[str], None]) -> None:
    """Serve until told to stop, on the address of the settings.

    Parameters
    ----------
    twin
        What to serve; its store must be owned by this process.
    announce
        Called with the address once connections are accepted; port 0 takes a free one.

    Raises
    ------
    BadSettings
        When the address cannot be listened on.
    """
    server = twin.settings.server
    try:
        listener = socket.create_server((server.host, server.port), backlog=512)
    except OSError as error:
        raise BadSettings(
            f"Cannot listen on {server.host}:{server.port} ({error.strerror}): choose another with --port."
        ) from None
    server = server.model_copy(update={"port": listener.getsockname()[1]})
    twin = replace(twin, settings=twin.settings.model_copy(update={"server": server}))
    config = uvicorn.Config(
        with_capital_location(create_app(twin)),
        loop="uvloop",
        http=Protocol,
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=bool(server.trusted_proxies),
        forwarded_allow_ips=list(server.trusted_proxies) or None,
        timeout_graceful_shutdown=5,
    )
    announce(server.url)
    uvicorn.Server(config).run(sockets=[listener])
