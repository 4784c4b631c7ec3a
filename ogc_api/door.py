"""The door of the OGC API: Features and EDR over one twin, under ``/ogc``."""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from ogc_api import document_routes, edr
from ogc_api.direct import Direct
from ogc_api.edr import direct as edr_direct
from ogc_api.features import edit_routes
from ogc_api.features import routes as items_routes
from ogc_api.features.direct import DirectItems
from ogc_api.published import Publisher
from twin.context import Twin
from twin.doors.problems import HANDLERS


class OgcApiDoor:
    """OGC API Features and EDR over one twin."""

    prefix = "/ogc"

    def __init__(self, twin: Twin) -> None:
        base = f"{twin.settings.server.url}{self.prefix}"
        bounds = twin.settings.bounds
        self._edr = edr.Edr(twin, base)
        self._publisher = Publisher(twin, self._edr, base)
        starlette = Starlette(
            routes=[
                *document_routes.routes(self._publisher),
                *items_routes.routes(self._publisher, bounds.items, twin.clock),
                *edit_routes.routes(twin, self._publisher),
                *edr.routes(self._edr),
            ],
            exception_handlers=HANDLERS,
        )
        starlette.router.redirect_slashes = False
        readers = {**edr_direct.readers(self._edr), "items": DirectItems(bounds.items, twin.clock)}
        self.app: ASGIApp = _without_last_slash(Direct(self._publisher, readers, starlette))

    def start(self) -> None:
        """Follow the commits; what is published is made when first asked for."""
        self._publisher.start()

    def stop(self) -> None:
        """Let go of the indexes, and of the coverages held open."""
        self._publisher.stop()
        self._edr.close()

    def openapi(self) -> dict[str, Any]:
        """Return the paths of the service, under its prefix, and the components that they name."""
        document = self._publisher.current().openapi("en")
        paths = {f"{self.prefix}{path}".rstrip("/"): item for path, item in document["paths"].items()}
        return {"paths": paths, "components": document["components"]}


def _without_last_slash(app: ASGIApp) -> ASGIApp:
    """Take ``/collections/`` for ``/collections``, without a redirection: it would reflect the host."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            root = scope.get("root_path", "")
            local = scope["path"].removeprefix(root)
            if not local or local.endswith("/"):
                scope = {**scope, "path": root + (local.rstrip("/") or "/")}
        await app(scope, receive, send)

    return wrapped
