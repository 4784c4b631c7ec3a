"""What goes wrong, told over HTTP: every door answers an error as RFC 9457 ``application/problem+json``.

An application takes them all by ``Starlette(..., exception_handlers=HANDLERS)``.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from twin.errors import (
    BadInput,
    Conflict,
    DoesNotApply,
    Forbidden,
    NoData,
    NotFound,
    Outdated,
    StoreBusy,
    StoreFault,
    TooLarge,
    TwinError,
    Unauthorised,
)

MEDIA_TYPE = "application/problem+json"

#: The problem document, as OpenAPI tells it.
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "minLength": 1},
    },
}

STATUS: dict[type[TwinError], HTTPStatus] = {
    NoData: HTTPStatus.NO_CONTENT,
    Unauthorised: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    Outdated: HTTPStatus.PRECONDITION_FAILED,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    BadInput: HTTPStatus.BAD_REQUEST,
    DoesNotApply: HTTPStatus.UNPROCESSABLE_ENTITY,
    StoreBusy: HTTPStatus.SERVICE_UNAVAILABLE,
    StoreFault: HTTPStatus.SERVICE_UNAVAILABLE,
    TwinError: HTTPStatus.INTERNAL_SERVER_ERROR,
}

#: The header in which an answer that has no body says why; named as the member of a problem that says so.
DETAIL = "Jumeau-Detail"

#: What a client that was not known is told of the ways to say who it is.
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="Jumeau", Basic realm="Jumeau", charset="UTF-8"'}

_log = logging.getLogger(__name__)


def responses(*statuses: int) -> dict[int | str, Any]:
    """Return what OpenAPI tells of the failures of an operation, by their statuses."""
    content = {MEDIA_TYPE: {"schema": SCHEMA}}
    return {str(status): {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def status_of(error: TwinError) -> HTTPStatus:
    """Return the status of an error: that of its class, or of its nearest ancestor."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    """Return the problem document of one failed request.

    Parameters
    ----------
    status
        HTTP status code; its standard phrase is the title.
    detail
        One sentence for the person who asked.
    headers
        Further headers, such as ``Allow``.
    """
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail,
    }
    return Response(orjson.dumps(body), status_code=status, headers=headers, media_type=MEDIA_TYPE)


def no_content(detail: str, headers: dict[str, str] | None = None) -> Response:
    """Return the 204 of a question that meets no data; :data:`DETAIL` says why, in ASCII without control characters."""
    told = detail.encode("unicode_escape").decode("ascii")
    return Response(status_code=HTTPStatus.NO_CONTENT, headers={**(headers or {}), DETAIL: told})


def refusal(error: TwinError) -> Response:
    """Return what is answered for an error."""
    status = status_of(error)
    if status == HTTPStatus.NO_CONTENT:
        return no_content(str(error))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("%s: %s", type(error).__name__, error)
    return problem(status, str(error), _CHALLENGE if status == HTTPStatus.UNAUTHORIZED else None)


async def _on_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, TwinError)  # noqa: S101 - registered for this class alone
    return refusal(error)


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class alone
    path = request.url.path
    told = {
        HTTPStatus.NOT_FOUND.phrase: f"There is nothing at {path}.",
        HTTPStatus.METHOD_NOT_ALLOWED.phrase: f"There is no {request.method} of {path}.",
    }
    detail = told.get(error.detail, error.detail)
    return problem(error.status_code, detail, dict(error.headers or {}))


async def _on_fault(request: Request, error: Exception) -> Response:
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "The service failed; its log says why.")


#: Exception handlers for a Starlette or FastAPI application.
HANDLERS: dict[int | type[Exception], Any] = {TwinError: _on_error, HTTPException: _on_http, Exception: _on_fault}
