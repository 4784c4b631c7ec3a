"""Stock pygeoapi over PostGIS, as its own documentation sets it up: the peer of the benchmark of items.

PostgreSQL runs in a temporary folder, as an unprivileged user where we are root, with the table in
CRS84, a primary key, a GiST index and fresh statistics: nothing is left to transform or to guess.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import shapely
import yaml

from benchmarks.served.load import Served, listen, served

_PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
NAME = "buildings"


def missing() -> str | None:
    """Return what has to be installed first, or None."""
    try:
        import geoalchemy2  # noqa: F401, PLC0415
        import psycopg2  # noqa: F401, PLC0415
        import pygeofilter  # noqa: F401, PLC0415
    except ImportError as error:
        return f"the Python package {error.name}"
    extensions = [folder / "../../../../share/postgresql" / folder.parent.name for folder in _PROGRAMS]
    found = any((folder / "extension/postgis.control").exists() for folder in extensions)
    return None if found else "PostgreSQL with PostGIS (Debian: postgresql-15-postgis-3)"


@contextmanager
def serve(folder: Path, table: pa.Table, shapes: list[shapely.Geometry]) -> Iterator[Served]:
    """Run pygeoapi over a new database that holds `table`, with the geometries `shapes` in CRS84.

    Yields
    ------
    A server whose CPU is that of pygeoapi and of PostgreSQL.
    """
    with _database(folder) as (port, process):
        _fill(port, table, shapes)
        (folder / "pygeoapi.yml").write_text(yaml.safe_dump(_configuration(port)), "utf-8")
        with served("benchmarks.served.pygeoapi_postgis", str(folder), also=(process,)) as stock:
            yield stock


@contextmanager
def _database(folder: Path) -> Iterator[tuple[int, int]]:
    programs, data = _PROGRAMS[-1], folder / "postgres"
    data.mkdir()
    user: int | None = None
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres").pw_uid
        os.chown(data, user, -1)
        folder.chmod(0o755)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    make = [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--locale=C.UTF-8", "-E", "UTF8"]
    subprocess.run(make, check=True, user=user, cwd=data, stdout=subprocess.DEVNULL)
    run = [programs / "postgres", "-D", data, "-p", str(port), "-k", data, "-c", "shared_buffers=512MB"]
    with (folder / "postgres.log").open("wb") as log:
        process = subprocess.Popen(run, user=user, cwd=data, stderr=log)
    try:
        ready = [programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
        while subprocess.run(ready, check=False).returncode:
            if process.poll() is not None:
                raise RuntimeError((folder / "postgres.log").read_text("utf-8"))
        yield port, process.pid
    finally:
        process.send_signal(signal.SIGINT)  # ends the sessions that are open
        process.wait(timeout=60)
        shutil.rmtree(data, ignore_errors=True)


def _fill(port: int, table: pa.Table, shapes: list[shapely.Geometry]) -> None:
    import psycopg2  # noqa: PLC0415
    from psycopg2.extras import execute_values  # noqa: PLC0415

    columns = [table[name].to_pylist() for name in ("id", "valid_from", "valid_to", "height")]
    geometries = shapely.to_wkb(shapely.set_srid(shapes, 4326), hex=True, include_srid=True)
    connection = psycopg2.connect(host="127.0.0.1", port=port, user="postgres")
    connection.autocommit = True
    with closing(connection), connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION postgis")
        cursor.execute(
            f"CREATE TABLE {NAME} (id text PRIMARY KEY, valid_from timestamptz, valid_to timestamptz, "
            "height double precision, geom geometry(Polygon, 4326))"
        )
        rows = list(zip(*columns, geometries.tolist(), strict=True))
        execute_values(cursor, f"INSERT INTO {NAME} VALUES %s", rows, page_size=5_000)
        cursor.execute(f"CREATE INDEX ON {NAME} USING gist (geom)")
        cursor.execute(f"VACUUM ANALYZE {NAME}")


def _configuration(port: int) -> dict[str, Any]:
    title = {"title": "City", "description": "City", "keywords": ["city"]}
    provider = {
        "type": "feature",
        "name": "PostgreSQL",
        "data": {"host": "127.0.0.1", "port": port, "dbname": "postgres", "user": "postgres", "password": "none"},
        "id_field": "id",
        "table": NAME,
        "geom_field": "geom",
    }
    return {
        "server": {
            "bind": {"host": "127.0.0.1", "port": 5000},
            "url": "http://127.0.0.1:5000",
            "mimetype": "application/json; charset=UTF-8",
            "encoding": "utf-8",
            "languages": ["en"],
            "limits": {"default_items": 10, "max_items": 10_000},
            "map": {"url": "https://example.org/{z}/{x}/{y}.png", "attribution": "none"},
        },
        "logging": {"level": "ERROR"},
        "metadata": {
            "identification": {**title, "terms_of_service": "none", "url": "https://example.org"},
            "license": {"name": "none", "url": "https://example.org"},
            "provider": {"name": "none", "url": "https://example.org"},
            "contact": {"name": "none", "url": "https://example.org"},
        },
        "resources": {
            NAME: {
                "type": "collection",
                **title,
                "extents": {"spatial": {"bbox": [-180, -90, 180, 90]}},
                "providers": [provider],
            }
        },
    }


def _serve(folder: Path) -> None:
    os.environ["PYGEOAPI_CONFIG"] = str(folder / "pygeoapi.yml")
    os.environ["PYGEOAPI_OPENAPI"] = str(folder / "openapi.yml")
    from pygeoapi.openapi import generate_openapi_document  # noqa: PLC0415 - reads these variables

    with (folder / "pygeoapi.yml").open(encoding="utf-8") as file:
        (folder / "openapi.yml").write_text(generate_openapi_document(file, "yaml"), "utf-8")
    from pygeoapi.starlette_app import APP  # noqa: PLC0415

    listen(APP)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
