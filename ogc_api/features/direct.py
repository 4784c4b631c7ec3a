"""Items that an index answers, ahead of all routing: what is asked is read once, then only looked up.

What takes too long for the event loop is answered in a thread, and then known. Whatever is not an
index's goes on to the routes, which answer the same bytes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from anyio import CapacityLimiter, to_thread
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
#: Headers of an answer that its 304 has too.
_UNCHANGED = (b"content-language", b"cache-control", b"etag", b"vary")
#: Bytes of a query in which a filter is read in less than a millisecond; one of a thousand parts takes long.
_SHORT = 500
#: How many answers that take long are made at once: more would only take the processors from each other.
_THREADS = 4

type _Headers = tuple[tuple[bytes, bytes], ...]
#: Path under the door, path, query string, and the headers that an answer depends on.
type _Address = tuple[str, str, bytes, bytes, bytes]
type _Answer = tuple[int, list[tuple[bytes, bytes]], bytes]


class _TooLong(Exception):
    """The answer is not one to make between two other requests."""


@dataclass(frozen=True)
class _Prepared:
    """One address, read: what it asks, and all of its answer that does not depend on the moment."""

    query: ItemsQuery
    item_id: str | None
    frame: PageFrame | ItemFrame
    tag: bytes
    headers: _Headers

    @property
    def unchanged(self) -> list[tuple[bytes, bytes]]:
        """The headers of a 304."""
        return [header for header in self.headers if header[0] in _UNCHANGED]

    def body(self, index: CollectionIndex, now: Callable[[], datetime], *, patient: bool) -> bytes | None:
        """Return the answer, or None when it is not for an index.

        Raises
        ------
        _TooLong
            When it takes too long for one who is not `patient`.
        """
        if isinstance(self.frame, PageFrame):
            if not (patient or index.is_quick(self.query)):
                raise _TooLong
            return self.frame.body(index.page(self.query), now())
        feature = index.item(self.item_id or "")
        return None if feature is None else self.frame.body(feature)


class _Read:
    """The addresses that were read at one state of the catalogue; the first of them is forgotten first."""

    def __init__(self, view: Published) -> None:
        self.view = view
        self._known: dict[_Address, _Prepared | None] = {}
        self._lock = threading.Lock()

    def prepared(self, address: _Address, read: Callable[[], _Prepared | None]) -> _Prepared | None:
        """Return what an address asks, read when it is not known; None when it is not for an index."""
        if address in self._known:
            return self._known.get(address)
        prepared = read()
        with self._lock:
            self._known[address] = prepared
            if len(self._known) > _REMEMBERED:
                del self._known[next(iter(self._known))]
        return prepared


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
        self._read: _Read | None = None
        self._threads = CapacityLimiter(_THREADS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        answer = None
        if scope["type"] == "http" and scope["method"] == "GET":
            try:
                answer = self._answer(scope)
            except _TooLong:
                patiently = partial(self._answer, scope, patient=True)
                answer = await to_thread.run_sync(patiently, limiter=self._threads)
        if answer is None:
            await self._otherwise(scope, receive, send)
            return
        status, headers, body = answer
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _answer(self, scope: Scope, *, patient: bool = False) -> _Answer | None:
        address, known = _asked(scope)
        view = self._publisher.current()
        prepared = None if address is None else self._prepared(view, address, patient=patient)
        if prepared is None:
            return None
        if known and prepared.tag in known:
            return 304, prepared.unchanged, b""
        index = view.items.index_of(prepared.query.collection)
        try:
            body = None if index is None else prepared.body(index, self._clock, patient=patient)
        except TwinError:
            body = None  # the routes tell why
        if body is None:
            return None
        return 200, [*prepared.headers, (b"content-length", b"%d" % len(body))], body

    def _prepared(self, view: Published, address: _Address, *, patient: bool) -> _Prepared | None:
        def read() -> _Prepared | None:
            if b"filter" in address[2] and len(address[2]) > _SHORT and not patient:
                raise _TooLong
            return self._prepare(view, address)

        known = self._read
        if known is None or known.view is not view:
            known = self._read = _Read(view)
        return known.prepared(address, read)

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
        whole = geojson(asked, query, b"", view.url(collection)).raw_headers
        headers = tuple(item for item in whole if item[0] != b"content-length")
        return _Prepared(query, item_id, frame, dict(headers)[b"etag"], headers)


def _asked(scope: Scope) -> tuple[_Address | None, bytes]:
    """Return the address of a question that an index may answer, and ``If-None-Match``."""
    path: str = scope["path"]
    local = path.removeprefix(scope.get("root_path", ""))
    if not local.startswith("/collections/") or "/items" not in local:
        return None, b""
    accept, accept_language, known, credentials = _first(scope["headers"])
    if credentials is not None:
        return None, b""
    return (local, path, scope["query_string"], accept, accept_language), known


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
