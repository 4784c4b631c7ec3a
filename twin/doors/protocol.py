"""What is no HTTP is refused before there is a request: with a problem document, as everything is."""

from __future__ import annotations

from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from twin.doors.problems import problem


class Protocol(HttpToolsProtocol):
    """HTTP/1.1 by httptools, whose parser takes addresses of up to 64 kB."""

    def send_400_response(self, msg: str) -> None:
        """Refuse what could not be parsed, and close."""
        refusal = problem(
            HTTPStatus.BAD_REQUEST,
            f"{msg.rstrip('.')}: percent-encode what is not ASCII in the address, and keep it under 64 kB.",
            {"Connection": "close"},
        )
        head = b"".join(b"%s: %s\r\n" % header for header in refusal.raw_headers)
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\n%s\r\n%s" % (head, refusal.body))
        self.transport.close()
