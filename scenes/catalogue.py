"""What there is to draw, told to the viewer once: it knows no collection but through this."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from scenes import vector_tiles
from scenes.objects import Objects
from scenes.tilesets import is_solid
from twin.context import Twin
from twin.model import Collection, Kind
from twin.store import Principal
from twin.time import iso


def describe(twin: Twin, objects: Objects, principal: Principal) -> dict[str, Any]:
    """Return the catalogue that `principal` sees, as JSON; links are relative to the root of the site."""
    city = twin.settings.city
    collections = twin.store.catalogue.collections(principal)
    drawn = [collection.extent for collection in collections if collection.style.symbol != "none" and collection.extent]
    extent = None
    if drawn:
        west, south, east, north = zip(*(box.as_list() for box in drawn), strict=True)
        extent = [min(west), min(south), max(east), max(north)]
    return {
        "city": {
            "name": city.name,
            "time_zone": city.time_zone,
            "crs": city.crs,
            "geoid_height": city.geoid_height,
        },
        "revision": twin.revision(principal),
        "extent": extent,
        "temporal": _span(collections),
        "collections": [_collection(twin, collection, objects, principal) for collection in collections],
    }


def _span(collections: Iterable[Collection]) -> list[str] | None:
    """Return the time there is data to play through: of series, and of coverages that change."""
    spans = [
        (collection.temporal[0], collection.temporal[1] or collection.temporal[0])
        for collection in collections
        if collection.kind in (Kind.TIMESERIES, Kind.COVERAGE) and collection.temporal
    ]
    playing = [span for span in spans if span[0] < span[1]]
    if not playing:
        return None
    return [iso(min(start for start, _ in playing)), iso(max(end for _, end in playing))]


def _collection(twin: Twin, collection: Collection, objects: Objects, principal: Principal) -> dict[str, Any]:
    kept = {
        "id",
        "kind",
        "title",
        "description",
        "geometry",
        "style",
        "fields",
        "count",
        "theme",
        "assessed_by",
        "revision",
        "licence",
        "producer",
    }
    described: dict[str, Any] = {
        **collection.model_dump(mode="json", include=kept),
        "observed_properties": [
            prop.model_dump(mode="json", include={"name", "title", "unit", "description", "reference"})
            for prop in collection.observed_properties
        ],
        "extent": collection.extent.as_list() if collection.extent else None,
        "grid": collection.grid.model_dump(include={"columns", "rows"}) if collection.grid else None,
        "temporal": [_instant(side) for side in collection.temporal] if collection.temporal else None,
        "links": links(collection),
    }
    if "tiles" in described["links"] and (changes := vector_tiles.changes(twin, collection, principal)) is not None:
        described["changes"] = changes
    if collection.kind is Kind.TIMESERIES:
        observed: dict[str, list[str]] = {}
        pairs = objects.datastreams(collection.id, None, None, principal).select(
            ["object_collection", "observed_property"]
        )
        for pair in sorted(
            {tuple(row.values()) for row in pairs.group_by(pairs.column_names).aggregate([]).to_pylist()}
        ):
            observed.setdefault(pair[0], []).append(pair[1])
        described["objects"] = observed
    return described


def _instant(side: datetime | None) -> str | None:
    return iso(side) if side else None


def links(collection: Collection) -> dict[str, str]:
    """Return where a collection's parts are, those alone that it has."""
    name, symbol = collection.id, collection.style.symbol
    found = {}
    if collection.kind is Kind.FEATURES:
        found["items"] = f"ogc/collections/{name}/items"
        if is_solid(collection):
            found["tileset"] = f"scenes/tilesets/{name}/{collection.revision}/tileset.json"
        if symbol in vector_tiles.SYMBOLS:
            found["tiles"] = f"scenes/tiles/{{z}}/{{x}}/{{y}}.mvt?collections={name}"
    elif collection.kind is Kind.COVERAGE:
        found["grid"] = f"scenes/grids/{name}/{{property}}.bin"
        found["position"] = f"ogc/collections/{name}/position"
    elif collection.kind is Kind.TIMESERIES and not collection.finest_period:
        found["values"] = f"scenes/values/{name}/{{property}}.bin"
        found["locations"] = f"ogc/collections/{name}/locations"
    return found
