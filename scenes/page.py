"""The door of the page: the viewer as it was built, from this site alone."""

from __future__ import annotations

import gzip
import mimetypes
from functools import lru_cache
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from scenes.answers import FOR_EVER, REVALIDATE, Packed, answer
from twin.context import Twin
from twin.doors.problems import HANDLERS
from twin.errors import NotFound

DIST = Path(__file__).parent / "viewer" / "dist"

#: Nothing may come from, or go to, another host. Cesium compiles WebAssembly, starts workers from
#: blobs, makes images of data, and sets styles on elements.
SECURITY = {
    "Content-Security-Policy": "; ".join(
        [
            "default-src 'none'",
            "script-src 'self' 'wasm-unsafe-eval'",
            "worker-src 'self' blob:",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "connect-src 'self' data: blob:",
            "font-src 'self'",
            "manifest-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_ABSENT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Jumeau</title>
<p>The viewer is not built yet: <code>make demo</code> builds it.
<p lang="fr">La visionneuse n'est pas encore construite : <code>make demo</code> la construit."""
_ALREADY_PACKED = frozenset({".png", ".jpg", ".jpeg", ".webp", ".ktx2", ".woff2", ".gz"})
_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm", ".map": "application/json"}


class ViewerDoor:
    """Serves ``/``: the page and its parts."""

    prefix = "/"

    def __init__(self, twin: Twin, dist: Path = DIST) -> None:
        self._dist = dist
        self._files: dict[str, Path] = {}
        self._listed = 0
        self._packed = lru_cache(maxsize=256)(self._pack)
        self.app = Starlette(routes=[Route("/{path:path}", self._file)], exception_handlers=HANDLERS)

    def start(self) -> None:
        """Take nothing: no part lives as long as the service."""

    def stop(self) -> None:
        """Give nothing back."""

    def openapi(self) -> dict[str, Any]:
        """Return nothing: the page is no interface for programs."""
        return {}

    def _file(self, request: Request) -> Response:
        name = request.path_params["path"].lstrip("/") or "index.html"
        file = self._list().get(name)
        if file is None:
            if name == "index.html":
                return HTMLResponse(_ABSENT, headers={**SECURITY, "Cache-Control": "no-store"})
            raise NotFound(f"There is nothing at {request.url.path}.")
        written = file.stat().st_mtime_ns
        kind = _TYPES.get(file.suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
        # Vite puts what it names by its content in assets/.
        cache = FOR_EVER if name.startswith("assets/") else REVALIDATE
        packed = file.suffix not in _ALREADY_PACKED
        response = answer(
            request,
            (written,),
            lambda: self._packed(file, written) if packed else file.read_bytes(),
            kind,
            cache=cache,
        )
        response.headers.update(SECURITY)
        return response

    def _list(self) -> dict[str, Path]:
        """Return every file that may be asked for, by its name; no name from outside reaches the disk."""
        index = self._dist / "index.html"
        built = index.stat().st_mtime_ns if index.is_file() else 0
        if built != self._listed:
            files = (file for file in self._dist.rglob("*") if file.is_file())
            self._files = {file.relative_to(self._dist).as_posix(): file for file in files} if built else {}
            self._listed = built
        return self._files

    @staticmethod
    def _pack(file: Path, _written: int) -> Packed:
        return Packed(gzip.compress(file.read_bytes(), 9, mtime=0))
