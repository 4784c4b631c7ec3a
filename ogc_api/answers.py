"""What every answer of the door carries: its language, its entity tag, and a 304 when nothing changed."""

from __future__ import annotations

import gzip
import hashlib
import secrets
from collections.abc import Mapping
from functools import cached_property

from starlette.requests import Request
from starlette.responses import Response

from ogc_api.parameters import Parameters
from twin.access import cached, sight
from twin.doors.negotiation import language, output_format
from twin.doors.problems import no_content
from twin.model import Language
from twin.store import Principal

GEOJSON = "application/geo+json"
HTML = "text/html"
JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
SCHEMA = "application/schema+json"

#: Formats of a document: the name that ``f`` takes, and the media types that ask for it.
DOCUMENT_FORMATS = {"json": (JSON, SCHEMA, "application/vnd.oai.openapi+json"), "html": (HTML, "application/xhtml+xml")}
ITEMS_FORMATS = {"json": (GEOJSON, JSON), "html": (HTML, "application/xhtml+xml")}

# A new process may run other code, or under other settings: what was told before is told anew.
_PROCESS = secrets.token_bytes(8)


class Body:
    """The bytes of a document that is sent many times: compressed once."""

    def __init__(self, plain: bytes) -> None:
        self.plain = plain

    @cached_property
    def packed(self) -> bytes:
        """The bytes, gzipped."""
        return gzip.compress(self.plain, 6, mtime=0)


class Asked:
    """One request: who asks, its parameters, the language and the format to answer in."""

    def __init__(self, request: Request, formats: Mapping[str, tuple[str, ...]], principal: Principal) -> None:
        self.request = request
        self._principal = principal
        self.parameters = Parameters(request.scope["query_string"])
        self.language: Language = language(self.parameters, request.headers.get("accept-language"))
        self.format = output_format(self.parameters, request.headers.get("accept"), formats)
        self._tag = ""

    @property
    def path(self) -> dict[str, str]:
        """The parameters of the path."""
        return self.request.path_params

    def unchanged(self, *revisions: int | str) -> Response | None:
        """Return a 304 when the client has this answer already; remember the tag when not.

        The tag is weak: an items answer tells its own time, the rest of it is the same.
        """
        self._tag = f'W/"{"-".join(map(str, revisions))}-{self._address()}"'
        return self._known()

    def unchanged_version(self, row: int) -> Response | None:
        """Return a 304 when the client has this version of an item; its tag is strong, and good for ``If-Match``."""
        self._tag = f'"{row}-{self._address()}"'
        return self._known()

    def _address(self) -> str:
        """Return what tells answers of one revision from each other, what the one who asks sees among it."""
        scope = self.request.scope
        address = b"\n".join(
            [_PROCESS, scope["path"].encode(), scope["query_string"]]
            + [part.encode() for part in (self.language, self.format, sight(self._principal))]
        )
        return hashlib.blake2b(address, digest_size=8).hexdigest()

    def _known(self) -> Response | None:
        known = self.request.headers.get("if-none-match")
        if known and self._tag in known:
            return self.not_modified()
        return None

    def not_modified(self) -> Response:
        """Return the 304 of this address, whose tag :meth:`unchanged` has made."""
        return Response(status_code=304, headers=self._headers())

    def answer(self, body: bytes | str | Body, media_type: str, headers: dict[str, str] | None = None) -> Response:
        """Return a successful answer."""
        told = {**self._headers(), **(headers or {})}
        if isinstance(body, Body):
            if "gzip" in self.request.headers.get("accept-encoding", ""):
                told |= {"Content-Encoding": "gzip", "Vary": f"{told['Vary']}, Accept-Encoding"}
                return Response(body.packed, media_type=media_type, headers=told)
            body = body.plain
        return Response(body, media_type=media_type, headers=told)

    def no_content(self, detail: str) -> Response:
        """Return the answer to a sound question that meets no data, for the reason `detail`."""
        return no_content(detail, self._headers())

    def _headers(self) -> dict[str, str]:
        return {
            "Content-Language": self.language,
            "Cache-Control": cached("no-cache", self._principal),
            "ETag": self._tag,
            "Vary": "Accept, Accept-Language, Authorization",
        }
