"""tipg over PostGIS, in an environment of its own: a peer of the benchmark of items."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.served import environments
from benchmarks.served.load import Served, free_port, served
from benchmarks.served.postgis import NAME, Database


@contextmanager
def items(database: Database) -> Iterator[Served]:
    """Run it over PostgreSQL, whose CPU counts with its own."""
    port = free_port()
    command = [environments.python("tipg"), "-m", "uvicorn", "tipg.main:app", "--port", str(port)]
    command += ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "error"]
    settings = {
        "DATABASE_URL": f"postgresql://postgres@127.0.0.1:{database.port}/postgres",
        "TIPG_TABLE_CONFIG__public_buildings__pk": "id",
        "TIPG_CATALOG_TTL": "0",
    }
    with served(*command, port=port, address=_address, also=(database.process,), environment=settings) as running:
        yield running


def _address(path: str) -> str | None:
    if "bbox-crs" in path:
        return None
    path = path.replace(f"/{NAME}/", f"/public.{NAME}/")
    return f"{path}{'&' if '?' in path else '?'}f=geojson"
