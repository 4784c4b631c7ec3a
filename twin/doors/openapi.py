"""How a door tells its operations in the application's OpenAPI 3.0 document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twin.doors.problems import DETAIL, responses

type Json = dict[str, Any]

#: What a client that sends ``If-None-Match`` may be answered.
UNCHANGED: dict[int | str, Any] = {
    "304": {"description": "The answer that the client knows by its ETag has not changed"}
}
#: What a sound question that meets no data is answered.
NO_DATA: dict[int | str, Any] = {
    "204": {
        "description": "A sound question that meets no data",
        "headers": {DETAIL: {"description": "Why, in one sentence of ASCII", "schema": {"type": "string"}}},
    }
}
BINARY: Json = {"type": "string", "format": "binary"}


def get(
    summary: str,
    content: Mapping[str, Json],
    *failures: int,
    path: Mapping[str, Json] | None = None,
    query: Mapping[str, Json] | None = None,
    tagged: bool = True,
) -> Json:
    """Return the path item of one GET operation.

    Parameters
    ----------
    content
        Schemas of its answer, by media type.
    failures
        Statuses that it may answer beside 200, and 304 where its answers are `tagged`.
    path, query
        Schemas of its parameters, by name; those of the query may be left out.
    """
    parameters = [
        {"name": name, "in": where, "required": where == "path", "schema": schema}
        for where, named in (("path", path or {}), ("query", query or {}))
        for name, schema in named.items()
    ]
    answer = {"description": "OK", "content": {media_type: {"schema": each} for media_type, each in content.items()}}
    answers: dict[int | str, Any] = {"200": answer, **(UNCHANGED if tagged else {}), **responses(*failures)}
    return {"get": {"summary": summary, "parameters": parameters, "responses": answers}}
