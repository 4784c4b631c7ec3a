"""What is answered ahead of all routing: an address is read once, and then only looked up.

What takes too long for the event loop is answered in a thread, and then known. Whatever no reader
takes goes on to the routes, which answer the same bytes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from functools import partial
from typing import NamedTuple, Protocol

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from ogc_api.published import Published, Publisher

_REMEMBERED = 2_048
#: Threads that answer at a time: more of them only take the interpreter from each other.
_THREADS = 4
#: Bytes of a query that is read anew each time, so that what is remembered has a bound.
_LONG = 4_096

type Headers = Iterable[tuple[bytes, bytes]]
type Answer = tuple[int, Headers, bytes]


class TooLong(Exception):
    """The answer is not one to make between two other requests."""


class Address(NamedTuple):
    """Where a request goes below a collection, and the headers that an answer depends on."""

    collection: str
    resource: str
    rest: str
    path: str
    query_string: bytes
    accept: bytes
    accept_language: bytes

    def request(self) -> Request:
        """Return a request that has nothing else."""
        headers = [(b"accept", self.accept), (b"accept-language", self.accept_language)]
        scope = {"type": "http", "path": self.path, "query_string": self.query_string, "headers": headers}
        return Request(scope)


class Prepared(Protocol):
    """One address, read: what it asks, and all of its answer that does not depend on the moment."""

    def answer(self, view: Published, known: bytes, *, patient: bool) -> Answer | None:
        """Return the answer to one who sends `known` as ``If-None-Match``, or None when the routes are to give it.

        Raises
        ------
        TooLong
            When it takes too long for one who is not `patient`.
        """


class Reader(Protocol):
    """Reads the addresses of some resources below a collection."""

    def __call__(self, view: Published, address: Address, *, patient: bool) -> Prepared | None:
        """Return what an address asks; None when it is wrong, or one for the routes.

        Raises
        ------
        TooLong
            When it takes too long for one who is not `patient`.
        """


class _Memory:
    """The addresses that were read at one state of the catalogue; the first of them is forgotten first."""

    def __init__(self, view: Published) -> None:
        self.view = view
        self._known: dict[Address, Prepared | None] = {}
        self._lock = threading.Lock()

    def prepared(self, address: Address, read: Reader, *, patient: bool) -> Prepared | None:
        """Return what an address asks, read when it is not known."""
        if address in self._known:
            return self._known.get(address)
        prepared = read(self.view, address, patient=patient)
        if len(address.query_string) <= _LONG:
            with self._lock:
                self._known[address] = prepared
                if len(self._known) > _REMEMBERED:
                    del self._known[next(iter(self._known))]
        return prepared


class Direct:
    """An ASGI application that answers the public what its readers can, and hands on everything else.

    Parameters
    ----------
    readers
        By the name of the resource below a collection.
    otherwise
        Answers the rest.
    """

    def __init__(self, publisher: Publisher, readers: Mapping[str, Reader], otherwise: ASGIApp) -> None:
        self._publisher = publisher
        self._readers = readers
        self._otherwise = otherwise
        self._memory: _Memory | None = None
        self._threads = CapacityLimiter(_THREADS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        answer = None
        if scope["type"] == "http" and scope["method"] == "GET":
            try:
                answer = self._answer(scope)
            except TooLong:
                answer = await to_thread.run_sync(partial(self._answer, scope, patient=True), limiter=self._threads)
        if answer is None:
            await self._otherwise(scope, receive, send)
            return
        status, headers, body = answer
        await send({"type": "http.response.start", "status": status, "headers": [*headers]})
        await send({"type": "http.response.body", "body": body})

    def _answer(self, scope: Scope, *, patient: bool = False) -> Answer | None:
        path: str = scope["path"]
        _, root, *below = path.removeprefix(scope.get("root_path", "")).split("/", 4)
        read = self._readers.get(below[1]) if root == "collections" and len(below) > 1 else None
        if read is None:
            return None
        accept, accept_language, known, credentials = _first(scope["headers"])
        if credentials is not None:
            return None
        rest = below[2] if len(below) > 2 else ""
        address = Address(below[0], below[1], rest, path, scope["query_string"], accept, accept_language)
        view = self._publisher.current()
        memory = self._memory
        if memory is None or memory.view is not view:
            memory = self._memory = _Memory(view)
        prepared = memory.prepared(address, read, patient=patient)
        return None if prepared is None else prepared.answer(view, known, patient=patient)


def _first(headers: Headers) -> tuple[bytes, bytes, bytes, bytes | None]:
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
