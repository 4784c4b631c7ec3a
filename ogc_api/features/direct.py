"""Items that an index answers, ahead of all routing: what is asked is read once, then only looked up.

Whatever this does not answer at once goes on to the routes, which answer the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from ogc_api.features.frames import ItemFrame, PageFrame
from ogc_api.features.index import CollectionIndex, is_answerable
from ogc_api.features.query import ItemsQuery
from ogc_api.features.routes import asked_item, asked_page, geojson, revisions
from ogc_api.published import Published, Publisher
from twin.errors import TwinError
from twin.model import Kind

_REMEMBERED = 2_048

type _Headers = tuple[tuple[bytes, bytes], ...]
#: Path under the door, path, query string, and the headers that an answer depends on.
type _Address = tuple[str, str, bytes, bytes, bytes]


@dataclass(frozen=True)
class _Prepared:
    """One address, read: what it asks, and all of its answer that does not depend on the moment."""

    query: ItemsQuery
    item_id: str | None
    frame: PageFrame | ItemFrame
    tag: bytes
    headers: _Headers
    unchanged: _Headers

    def body(self, index: CollectionIndex, now: Callable[[], datetime]) -> bytes | None:
        """Return the answer, or None when it is not for an index, or takes too long for the event loop."""
        if isinstance(self.frame, PageFrame):
            return self.frame.body(index.page(self.query), now()) if index.is_quick(self.query) else None
        feature = index.item(self.item_id or "")
        return None if feature is None else self.frame.body(feature)


class DirectItems:
    """An ASGI application that answers the public's items by the indexes, and hands on everything else.

    Parameters
    ----------
    maximum
        The longest page.
    clock
        Gives the ``timeStamp`` of a page.
    otherwise
        Answers the rest.
    """

    def __init__(self, publisher: Publisher, maximum: int, clock: Callable[[], datetime], otherwise: ASGIApp) -> None:
        self._publisher = publisher
        self._maximum = maximum
        self._clock = clock
        self._otherwise = otherwise
        self._view: Published | None = None
        self._prepared: Callable[[_Address], _Prepared | None] = lambda _: None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        answer = self._answer(scope) if scope["type"] == "http" and scope["method"] == "GET" else None
        if answer is None:
            await self._otherwise(scope, receive, send)
            return
        status, headers, body = answer
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _answer(self, scope: Scope) -> tuple[int, list[tuple[bytes, bytes]], bytes] | None:
        path: str = scope["path"]
        local = path.removeprefix(scope.get("root_path", ""))
        # A filter is no index's, and reading it may take too long for the event loop.
        if not local.startswith("/collections/") or "/items" not in local or b"filter" in scope["query_string"]:
            return None
        accept, accept_language, known, credentials = _first(scope["headers"])
        if credentials is not None:
            return None
        view = self._publisher.current()
        if view is not self._view:
            self._view, self._prepared = view, lru_cache(_REMEMBERED)(partial(self._prepare, view))
        prepared = self._prepared((local, path, scope["query_string"], accept, accept_language))
        if prepared is None:
            return None
        if known and prepared.tag in known:
            return 304, [*prepared.unchanged], b""
        index = view.items.index_of(prepared.query.collection)
        body = None if index is None else prepared.body(index, self._clock)
        if body is None:
            return None
        return 200, [*prepared.headers, (b"content-length", b"%d" % len(body))], body

    def _prepare(self, view: Published, address: _Address) -> _Prepared | None:
        """Read an address; None when it is not one that an index can answer, or wrong."""
        local, path, query_string, accept, accept_language = address
        _, _, name, *rest = local.split("/", 4)
        if rest[:1] != ["items"]:
            return None
        item_id = rest[1] if len(rest) > 1 else None
        request = _request(path, query_string, accept, accept_language)
        frame: PageFrame | ItemFrame
        try:
            collection = view.collection(name)
            # The tag of an item that can be edited is that of its version, which the store knows.
            if collection.kind is not Kind.FEATURES or (item_id is not None and view.editable(collection)):
                return None
            if item_id is None:
                asked, query = asked_page(request, collection, self._maximum, view.principal)
                frame = PageFrame(asked, query, view.url(collection))
            else:
                asked, query = asked_item(request, collection, view.principal)
                frame = ItemFrame(asked, query, item_id, view.url(collection))
        except TwinError:
            return None
        if asked.format != "json" or not is_answerable(query):
            return None
        asked.unchanged(*revisions(view, collection))
        unchanged = tuple(asked.not_modified().raw_headers)
        whole = geojson(asked, query, b"", view.url(collection)).raw_headers
        headers = tuple(item for item in whole if item[0] != b"content-length")
        return _Prepared(query, item_id, frame, dict(headers)[b"etag"], headers, unchanged)


def _first(headers: Iterable[tuple[bytes, bytes]]) -> tuple[bytes, bytes, bytes, bytes | None]:
    """Return ``Accept``, ``Accept-Language`` and ``If-None-Match``, empty where absent, and ``Authorization``."""
    accept = accept_language = known = b""
    credentials = None
    for name, value in headers:
        if name == b"accept":
            accept = accept or value
        elif name == b"accept-language":
            accept_language = accept_language or value
        elif name == b"if-none-match":
            known = known or value
        elif name == b"authorization":
            credentials = value
    return accept, accept_language, known, credentials


def _request(path: str, query_string: bytes, accept: bytes, accept_language: bytes) -> Request:
    headers = [(b"accept", accept), (b"accept-language", accept_language)]
    return Request({"type": "http", "path": path, "query_string": query_string, "headers": headers})
