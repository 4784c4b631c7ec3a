"""What stands around the features of an answer: counts, time and links, as far as possible written beforehand."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

import orjson

from ogc_api import links
from ogc_api.answers import GEOJSON, HTML, JSON, Asked
from ogc_api.features.page import Page
from ogc_api.features.query import ItemsQuery, write_cursor
from ogc_api.features.versions import SEPARATOR
from twin.model import Kind
from twin.time import iso

_MEDIA = {"json": GEOJSON, "html": HTML}
# No encoded address holds a control character, so these can stand in one for what is not known yet.
_OFFSET, _CURSOR = "\x01", "\x02"
_OFFSET_WRITTEN, _CURSOR_WRITTEN = (orjson.dumps(mark)[1:-1] for mark in (_OFFSET, _CURSOR))


class PageFrame:
    """The GeoJSON of the pages of one query, all but the page.

    Parameters
    ----------
    url
        Public address of the collection.
    """

    def __init__(self, asked: Asked, query: ItemsQuery, url: str) -> None:
        parameters = asked.parameters.given
        given = dict(zip(parameters, urlencode(parameters).split("&"), strict=False))
        other = "html" if asked.format == "json" else "json"

        def to(rel: str, shown: str, query: dict[str, str]) -> bytes:
            address = "?".join(filter(None, (f"{url}/items", "&".join(query.values()))))
            return orjson.dumps(links.link(rel, address, _MEDIA[shown], asked.language))

        self._links = b",".join(
            [
                to("self", asked.format, given),
                to("alternate", other, {**given, "f": f"f={other}"}),
                orjson.dumps(links.link("collection", url, JSON, asked.language)),
            ]
        )
        # ArcGIS learns from this link that pages can be asked for by offset.
        kept = {name: text for name, text in given.items() if name != "startindex"}
        follows = {**kept, "offset": f"offset={_OFFSET}", "cursor": f"cursor={_CURSOR}"}
        self._next = b"," + to("next", asked.format, follows)
        self._offset = query.offset

    def body(self, page: Page, now: datetime) -> bytes:
        """Return the whole answer, which tells that it was made `now`."""
        return b"".join(
            (
                b'{"type":"FeatureCollection","timeStamp":"%s","numberMatched":%d,"numberReturned":%d,"links":['
                % (iso(now).encode(), page.matched, page.returned),
                self._links,
                self._following(page),
                b'],"features":[',
                page.features,
                b"]}",
            )
        )

    def _following(self, page: Page) -> bytes:
        if page.next is None:
            return b""
        offset = b"%d" % (self._offset + page.returned)
        return self._next.replace(_OFFSET_WRITTEN, offset).replace(_CURSOR_WRITTEN, write_cursor(page.next).encode())


class ItemFrame:
    """The GeoJSON of one item, all but the item.

    Parameters
    ----------
    url
        Public address of the collection.
    """

    def __init__(self, asked: Asked, query: ItemsQuery, item_id: str, url: str) -> None:
        own = links.address(url, "items", item_id)
        found = [
            *links.of_document(own, asked.language, asked.format, GEOJSON),
            links.link("collection", url, JSON, asked.language),
        ]
        if query.collection.kind is Kind.FEATURES:
            # Every version of the object (RFC 5829).
            identity = item_id.rpartition(SEPARATOR)[0] or item_id
            history = links.address(url, "items", query={"id": identity})
            found.append(links.link("version-history", history, GEOJSON, asked.language))
        self._head = b'{"links":%s,' % orjson.dumps(found)

    def body(self, feature: bytes) -> bytes:
        """Return the whole answer; `feature` is a GeoJSON object."""
        return self._head + feature[1:]
