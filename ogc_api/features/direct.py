"""Items that an index answers ahead of routing; the routes answer the rest, and the same bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from ogc_api.direct import Address, Answer, Headers, TooLong
from ogc_api.features.frames import ItemFrame, PageFrame
from ogc_api.features.index import CollectionIndex, is_answerable
from ogc_api.features.query import ItemsQuery
from ogc_api.features.routes import asked_item, asked_page, geojson, revisions
from ogc_api.published import Published
from twin.errors import TwinError
from twin.model import Kind

#: Bytes of a query in which a filter is read in less than a millisecond; one of a thousand parts takes long.
_SHORT = 500
#: Headers of an answer that its 304 has too.
_UNCHANGED = (b"content-language", b"cache-control", b"etag", b"vary")


@dataclass(frozen=True)
class _Prepared:
    """One address of items, read."""

    query: ItemsQuery
    item_id: str | None
    frame: PageFrame | ItemFrame
    now: Callable[[], datetime]
    tag: bytes
    headers: Headers

    @property
    def unchanged(self) -> Headers:
        """The headers of a 304."""
        return [header for header in self.headers if header[0] in _UNCHANGED]

    def answer(self, view: Published, known: bytes, *, patient: bool) -> Answer | None:
        """Return the answer, or None when it is not for an index."""
        if known and self.tag in known:
            return 304, self.unchanged, b""
        index = view.items.index_of(self.query.collection)
        try:
            body = None if index is None else self._body(index, patient=patient)
        except TwinError:
            body = None  # the routes tell why
        if body is None:
            return None
        return 200, [*self.headers, (b"content-length", b"%d" % len(body))], body

    def _body(self, index: CollectionIndex, *, patient: bool) -> bytes | None:
        if isinstance(self.frame, PageFrame):
            if not (patient or index.is_quick(self.query)):
                raise TooLong
            return self.frame.body(index.page(self.query), self.now())
        feature = index.item(self.item_id or "")
        return None if feature is None else self.frame.body(feature)


class DirectItems:
    """Reads the addresses of items.

    Parameters
    ----------
    maximum
        The longest page.
    clock
        Gives the ``timeStamp`` of a page.
    """

    def __init__(self, maximum: int, clock: Callable[[], datetime]) -> None:
        self._maximum = maximum
        self._clock = clock

    def __call__(self, view: Published, address: Address, *, patient: bool) -> _Prepared | None:
        """Read an address; None when it is not one that an index can answer, or wrong."""
        if b"filter" in address.query_string and len(address.query_string) > _SHORT and not patient:
            raise TooLong
        item_id = address.rest or None
        request = address.request()
        frame: PageFrame | ItemFrame
        try:
            collection = view.collection(address.collection)
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
        return _Prepared(query, item_id, frame, self._clock, dict(headers)[b"etag"], headers)
