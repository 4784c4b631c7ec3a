"""How a door of the viewer answers: once per revision, compressed once, and not at all if unchanged."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable
from importlib import metadata
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from twin.access import cached, sight
from twin.store import Principal

_SOFTWARE = metadata.version("jumeau")
REVALIDATE = "no-cache"
FOR_EVER = "public, max-age=31536000, immutable"


class Packed(NamedTuple):
    """A body that is kept gzipped."""

    data: bytes

    @classmethod
    def of(cls, body: bytes) -> Packed:
        """Compress `body`."""
        return cls(gzip.compress(body, 5, mtime=0))


def answer(
    request: Request,
    version: tuple[object, ...],
    body: Callable[[], bytes | Packed],
    media_type: str,
    *,
    principal: Principal | None = None,
    cache: str = REVALIDATE,
) -> Response:
    """Answer 304 to a client that has this version of this address, else the body.

    Parameters
    ----------
    version
        What the body depends on beside the address: revisions of collections above all.
    body
        Makes the body; it is not called for a 304.
    principal
        Who asks, where the answer depends on what they see.
    """
    seen = sight(principal) if principal else ""
    key = repr((_SOFTWARE, request.url.path, sorted(request.query_params.multi_items()), version, seen))
    tag = f'W/"{hashlib.blake2b(key.encode(), digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": cache, "Vary": "Accept-Encoding"}
    if principal is not None:
        headers |= {"Cache-Control": cached(cache, principal), "Vary": "Accept-Encoding, Authorization"}
    known = [text.strip() for text in request.headers.get("if-none-match", "").split(",")]
    if tag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    made = body()
    if isinstance(made, Packed):
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(made.data, headers={**headers, "Content-Encoding": "gzip"}, media_type=media_type)
        made = gzip.decompress(made.data)
    return Response(made, headers=headers, media_type=media_type)
