"""The paths of the viewer's door, for the OpenAPI document of the application."""

from __future__ import annotations

from typing import Any

from scenes import frames, mvt, vector_tiles
from twin.doors.problems import responses

type Json = dict[str, Any]

_TEXT: Json = {"type": "string", "minLength": 1}
_WHOLE: Json = {"type": "integer", "minimum": 0}
_INSTANT: Json = {"type": "string", "format": "date-time"}


def _get(summary: str, media_type: str, path: dict[str, Json], query: dict[str, Json], *failures: int) -> Json:
    parameters = [{"name": name, "in": "path", "required": True, "schema": each} for name, each in path.items()]
    parameters += [{"name": name, "in": "query", "required": False, "schema": each} for name, each in query.items()]
    schema = {"type": "object"} if media_type == "application/json" else {"type": "string", "format": "binary"}
    answer = {"description": "OK", "content": {media_type: {"schema": schema}}}
    return {
        "get": {"summary": summary, "parameters": parameters, "responses": {"200": answer, **responses(400, *failures)}}
    }


_TILE = {"z": {**_WHOLE, "maximum": vector_tiles.DEEPEST}, "x": _WHOLE, "y": _WHOLE}
_TILESET = {"collection": _TEXT, "revision": _WHOLE}
_OBSERVED = {"collection": _TEXT, "property": _TEXT}

PATHS: dict[str, Json] = {
    "/catalogue.json": _get(
        "What there is to draw: collections, styles, legends, time", "application/json", {}, {}, 401
    ),
    "/tiles/{z}/{x}/{y}.mvt": _get(
        "Background as Mapbox vector tiles (WebMercatorQuad), at an instant",
        mvt.MEDIA_TYPE,
        _TILE,
        {"collections": {**_TEXT, "description": "Names, separated by commas."}, "datetime": _INSTANT},
        *(401, 404),
    ),
    "/tilesets/{collection}/{revision}/tileset.json": _get(
        "Buildings and points as 3D Tiles 1.1", "application/json", _TILESET, {}, 401, 404
    ),
    "/tilesets/{collection}/{revision}/{tile}.glb": _get(
        "The content of one tile of a tileset",
        "model/gltf-binary",
        {**_TILESET, "tile": _WHOLE},
        {"v": {**_TEXT, "description": "When it was written, so that caches may keep it for ever."}},
        *(401, 404),
    ),
    "/values/{collection}/{property}.bin": _get(
        "One property of many objects over time, as a matrix",
        frames.MEDIA_TYPE,
        _OBSERVED,
        {"objects": _TEXT, "start": _INSTANT, "end": _INSTANT},
        *(401, 404, 413),
    ),
    "/grids/{collection}/{property}.bin": _get(
        "One map of a coverage, on a grid in degrees",
        frames.MEDIA_TYPE,
        _OBSERVED,
        {"datetime": _INSTANT},
        *(401, 404, 413),
    ),
}
