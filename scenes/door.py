"""The door of the viewer: what it draws, as it draws it.

All is read from the catalogue and the store; what depends on a revision carries it in its ETag, and
what has it in its address may be kept for ever.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scenes import catalogue, frames, grids, mvt, openapi, series, vector_tiles
from scenes.answers import FOR_EVER, REVALIDATE, Packed, answer
from scenes.objects import Objects
from scenes.tilesets import Tilesets
from twin.context import Twin
from twin.doors.parameters import Parameters
from twin.doors.problems import HANDLERS
from twin.errors import BadInput, NotFound
from twin.model import Collection, Kind
from twin.store import Principal
from twin.time import TimeSpan, iso, parse_instant


class ScenesDoor:
    """Serves ``/scenes``: the catalogue, vector tiles, tilesets, matrices of values and grids."""

    prefix = "/scenes"

    def __init__(self, twin: Twin) -> None:
        self._twin = twin
        self._objects = Objects(twin)
        self._tilesets = Tilesets(twin)
        # Kept by who asks and by the versions that they depend on, so that nothing is ever stale or seen by another.
        self._tile = lru_cache(maxsize=512)(self._make_tile)
        self._matrix = lru_cache(maxsize=16)(self._make_matrix)
        self._maps = lru_cache(maxsize=24)(self._make_maps)
        self._described = lru_cache(maxsize=8)(self._describe)
        self.app = Starlette(
            routes=[
                Route("/catalogue.json", self._catalogue),
                Route("/tiles/{z:int}/{x:int}/{y:int}.mvt", self._vector_tile),
                Route("/tilesets/{collection}/{revision:int}/tileset.json", self._tileset),
                Route("/tilesets/{collection}/{revision:int}/{tile:int}.glb", self._solid_tile),
                Route("/values/{collection}/{property}.bin", self._values),
                Route("/grids/{collection}/{property}.bin", self._grid),
            ],
            exception_handlers=HANDLERS,
        )
        # A redirection would reflect the host of the request.
        self.app.router.redirect_slashes = False

    def start(self) -> None:
        """Make the tilesets that are missing, in the background."""
        self._tilesets.start()

    def stop(self) -> None:
        """Stop making tilesets."""
        self._tilesets.stop()

    def openapi(self) -> dict[str, Any]:
        """Return the paths of this door."""
        return {"paths": {self.prefix + path: item for path, item in openapi.PATHS.items()}}

    def _catalogue(self, request: Request) -> Response:
        principal = self._twin.access.principal(request.headers)
        _parameters(request).done()
        changes = tuple(map(_version, self._twin.store.catalogue.collections(principal)))
        city = self._twin.settings.city.model_dump_json()
        return answer(
            request,
            (city, *changes),
            lambda: self._described(principal, changes),
            "application/json",
            principal=principal,
        )

    def _describe(self, principal: Principal, _changes: tuple[_Version, ...]) -> Packed:
        return Packed.of(orjson.dumps(catalogue.describe(self._twin, self._objects, principal)))

    def _vector_tile(self, request: Request) -> Response:
        principal = self._twin.access.principal(request.headers)
        parameters = _parameters(request)
        names = tuple(dict.fromkeys((parameters.take("collections") or "").split(",")))
        instant = parameters.read("datetime", parse_instant)
        parameters.done()
        z, x, y = (request.path_params[name] for name in "zxy")
        vector_tiles.tile_box(z, x, y)
        if names == ("",):
            raise BadInput("Name what to draw: collections=a,b.")
        versions = tuple(_version(self._drawn_flat(name, principal)) for name in names)
        when = iso(instant or self._twin.clock().replace(minute=0, second=0, microsecond=0))
        return answer(
            request,
            (versions, when),
            lambda: self._tile(principal, versions, z, x, y, when),
            mvt.MEDIA_TYPE,
            principal=principal,
        )

    def _make_tile(
        self, principal: Principal, versions: tuple[_Version, ...], z: int, x: int, y: int, when: str
    ) -> Packed:
        collections = [self._drawn_flat(name, principal) for name, *_ in versions]
        return Packed.of(vector_tiles.tile(self._twin, collections, z, x, y, parse_instant(when), principal))

    def _drawn_flat(self, name: str, principal: Principal) -> Collection:
        collection = self._collection(name, Kind.FEATURES, principal)
        if collection.style.symbol not in vector_tiles.SYMBOLS:
            raise NotFound(f"{name} is not drawn as a background.")
        return collection

    def _tileset(self, request: Request) -> Response:
        _parameters(request).done()
        return self._tileset_file(request, "tileset.json", "application/json", cache=REVALIDATE)

    def _solid_tile(self, request: Request) -> Response:
        parameters = _parameters(request)
        parameters.take("v")
        parameters.done()
        name = f"{request.path_params['tile']}.glb.gz"
        return self._tileset_file(request, name, "model/gltf-binary", cache=FOR_EVER)

    def _tileset_file(self, request: Request, name: str, media_type: str, *, cache: str) -> Response:
        principal = self._twin.access.principal(request.headers)
        collection = self._collection(request.path_params["collection"], Kind.FEATURES, principal)
        file = self._tilesets.file(collection, request.path_params["revision"], name)

        def body() -> bytes | Packed:
            return Packed(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()

        return answer(request, (file.stat().st_mtime_ns,), body, media_type, principal=principal, cache=cache)

    def _values(self, request: Request) -> Response:
        principal = self._twin.access.principal(request.headers)
        parameters = _parameters(request)
        objects, start, end = (parameters.take(name) for name in ("objects", "start", "end"))
        parameters.done()
        version = _version(self._collection(request.path_params["collection"], Kind.TIMESERIES, principal))
        of = _version(self._collection(objects, Kind.FEATURES, principal)) if objects else None
        span = TimeSpan.parse(f"{start or '..'}/{end or '..'}") if start or end else None
        name = request.path_params["property"]
        return answer(
            request,
            (version, of),
            lambda: self._matrix(principal, version, of, name, span),
            frames.MEDIA_TYPE,
            principal=principal,
        )

    def _make_matrix(
        self, principal: Principal, version: _Version, of: _Version | None, name: str, span: TimeSpan | None
    ) -> Packed:
        collection = self._collection(version[0], Kind.TIMESERIES, principal)
        objects = of[0] if of else None
        return Packed.of(series.matrix(self._twin, self._objects, collection, name, objects, span, principal))

    def _grid(self, request: Request) -> Response:
        principal = self._twin.access.principal(request.headers)
        parameters = _parameters(request)
        span = parameters.time()
        coarser = parameters.integer("coarser", 1, minimum=1, clamp=grids.COARSEST)
        parameters.done()
        version = _version(self._collection(request.path_params["collection"], Kind.COVERAGE, principal))
        name = request.path_params["property"]
        return answer(
            request,
            version,
            lambda: self._maps(principal, version, name, span, coarser),
            frames.MEDIA_TYPE,
            principal=principal,
        )

    def _make_maps(
        self, principal: Principal, version: _Version, name: str, span: TimeSpan | None, coarser: int
    ) -> Packed:
        collection = self._collection(version[0], Kind.COVERAGE, principal)
        return Packed.of(grids.grids(self._twin, collection, name, span, coarser, principal))

    def _collection(self, name: str, kind: Kind, principal: Principal) -> Collection:
        collection = self._twin.store.catalogue.collection(name, principal)
        if collection.kind is not kind:
            raise NotFound(f"{name} is a collection of kind {collection.kind}, not {kind}.")
        return collection


type _Version = tuple[str, int, datetime | None]


def _version(collection: Collection) -> _Version:
    """Return what changes with a collection, and between two stores that count revisions alike."""
    return collection.id, collection.revision, collection.updated


def _parameters(request: Request) -> Parameters:
    return Parameters(request.scope["query_string"])
