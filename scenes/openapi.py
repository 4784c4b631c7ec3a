"""The paths of the viewer's door, for the OpenAPI document of the application."""

from __future__ import annotations

from typing import Any

from scenes import frames, mvt, vector_tiles
from twin.doors.openapi import BINARY, get

type Json = dict[str, Any]

_TEXT: Json = {"type": "string", "minLength": 1}
_NAMES: Json = {**_TEXT, "description": "Names, separated by commas."}
_VERSION: Json = {**_TEXT, "description": "When it was written, so that caches may keep it for ever."}
_WHOLE: Json = {"type": "integer", "minimum": 0}
_INSTANT: Json = {"type": "string", "format": "date-time"}
_SPAN: Json = {**_TEXT, "description": "An instant, or start/end; an open side is `..`."}
_JSON: Json = {"application/json": {"type": "object"}}
_FRAME: Json = {frames.MEDIA_TYPE: BINARY}

_TILE = {"z": {**_WHOLE, "maximum": vector_tiles.DEEPEST}, "x": _WHOLE, "y": _WHOLE}
_TILESET = {"collection": _TEXT, "revision": _WHOLE}
_OBSERVED = {"collection": _TEXT, "property": _TEXT}
_FAILURES = (400, 401, 404)

PATHS: dict[str, Json] = {
    "/catalogue.json": get("What there is to draw: collections, styles, legends, time", _JSON, 400, 401),
    "/tiles/{z}/{x}/{y}.mvt": get(
        "Background as Mapbox vector tiles (WebMercatorQuad), at an instant",
        {mvt.MEDIA_TYPE: BINARY},
        *_FAILURES,
        path=_TILE,
        query={"collections": _NAMES, "datetime": _INSTANT},
    ),
    "/tilesets/{collection}/{revision}/tileset.json": get(
        "Buildings and points as 3D Tiles 1.1", _JSON, *_FAILURES, path=_TILESET
    ),
    "/tilesets/{collection}/{revision}/{tile}.glb": get(
        "The content of one tile of a tileset",
        {"model/gltf-binary": BINARY},
        *_FAILURES,
        path={**_TILESET, "tile": _WHOLE},
        query={"v": _VERSION},
    ),
    "/values/{collection}/{property}.bin": get(
        "One property of many objects over time, as a matrix",
        _FRAME,
        *(*_FAILURES, 413),
        path=_OBSERVED,
        query={"objects": _TEXT, "start": _INSTANT, "end": _INSTANT},
    ),
    "/grids/{collection}/{property}.bin": get(
        "The maps of a coverage over a span of time, on a grid in degrees",
        _FRAME,
        *(*_FAILURES, 413),
        path=_OBSERVED,
        query={"datetime": _SPAN, "coarser": {"type": "integer", "minimum": 1, "default": 1}},
    ),
}
