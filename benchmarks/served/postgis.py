"""PostgreSQL with PostGIS and one table, for the peers that serve from it.

It runs in a temporary folder, as an unprivileged user where we are root, with the table in CRS84, a primary key, a GiST
index and fresh statistics: nothing is left to transform or to guess.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import shapely

from benchmarks.served.environments import Absent
from benchmarks.served.load import free_port

NAME = "buildings"
_PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))


@dataclass(frozen=True)
class Database:
    """A server of PostgreSQL that holds the table :data:`NAME`: where it listens, and its process."""

    port: int
    process: int


@contextmanager
def database(folder: Path, table: pa.Table, shapes: list[shapely.Geometry]) -> Iterator[Database]:
    """Run PostgreSQL over a new database that holds `table`, with the geometries `shapes` in CRS84.

    Raises
    ------
    Absent
        When PostgreSQL or PostGIS is missing.
    """
    extensions = [home / "../../../../share/postgresql" / home.parent.name for home in _PROGRAMS]
    if not any((home / "extension/postgis.control").exists() for home in extensions):
        raise Absent("PostgreSQL with PostGIS is missing (Debian: postgresql-15-postgis-3)")
    programs, data = _PROGRAMS[-1], folder / "postgres"
    data.mkdir()
    user: int | None = None
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres").pw_uid
        os.chown(data, user, -1)
        folder.chmod(0o755)
    port = free_port()
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
        _fill(port, table, shapes)
        yield Database(port, process.pid)
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
