"""Documents of a service of 200 collections: CPU of the server for a request, written once a revision."""

from __future__ import annotations

import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.served.load import served
from benchmarks.tiles3d import city
from twin.store.embedded import open_store
from twin.tables import feature_schema
from twin.testing import samples

COLLECTIONS = 200
_REQUESTS = 1_000
_PATHS = ("/collections?f=json", "/collections?f=html", "/openapi?f=json", "/?f=json", "/collections/c7?f=json")


def run(collections: int = COLLECTIONS) -> dict[str, Any]:
    """Return milliseconds of CPU for the first request of each document at a revision, and for those that follow."""
    plain = samples.buildings()
    plain = plain.model_copy(update={"fields": tuple(field for field in plain.fields if field.name == "height")})
    table = city(1).select(["id", "valid_from", "valid_to", "geometry", "height"]).cast(feature_schema(plain.fields))
    figures: dict[str, Any] = {"collections": collections}
    with tempfile.TemporaryDirectory() as name:
        with closing(open_store(Path(name) / "var", samples.CRS)) as store:
            for number in range(collections):
                samples.put_features(store, table, collection=plain.model_copy(update={"id": f"c{number}"}))
        with served(sys.executable, "-m", "benchmarks.items", name, "ours") as ours:
            listed = ours.client.get("/ogc/collections", params={"f": "json", "lang": "en"}).json()
            if len(listed["collections"]) != collections:
                raise RuntimeError(f"{len(listed['collections'])} collections are listed of {collections}.")
            for path in _PATHS:
                first = ours.cost([f"/ogc{path}"], 1, 1)
                later = ours.cost([f"/ogc{path}"], _REQUESTS, 1)
                figures[path] = {"first_ms": round(first), "ms": round(later, 2)}
    return figures
