"""The header ``Location`` with its capital, as QGIS wants it.

Names of headers have no case (RFC 9110, 5.1), and uvicorn writes them in lower case; QGIS up to 3.40 finds the id of a
feature that it has created in ``Location`` only, and takes what was done for a failure.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class _AsWritten(bytes):
    """A name that is in lower case already, for whoever asks: uvicorn asks before it writes."""

    def lower(self) -> bytes:
        """Return the name itself."""
        return self


_LOCATION = _AsWritten(b"Location")


def with_capital_location(app: ASGIApp) -> ASGIApp:
    """Return an application whose answers to ``POST`` name ``Location`` so; it must be the outermost."""

    async def capital(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await app(scope, receive, send)
            return

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.get("headers", ())
                written = [(_LOCATION if name == b"location" else name, value) for name, value in headers]
                message = {**message, "headers": written}
            await send(message)

        await app(scope, receive, named)

    return capital
