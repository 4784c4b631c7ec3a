"""MapServer and QGIS Server over PostGIS, as FastCGI programs behind lighttpd: peers of the benchmark of items."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.served import environments
from benchmarks.served.environments import Absent
from benchmarks.served.load import Address, Served, free_port, served
from benchmarks.served.postgis import NAME, Database

_WORLD = "-180 -90 180 90"
_WORKERS = 2


@contextmanager
def mapserver(folder: Path, database: Database) -> Iterator[Served]:
    """Run MapServer over PostgreSQL, whose CPU counts with its own."""
    program = environments.program("/usr/lib/cgi-bin/mapserv")
    home = folder / "mapserver"
    home.mkdir()
    (home / "city.map").write_text(_MAP.format(port=database.port, name=NAME, world=_WORLD), "utf-8")
    (home / "mapserver.conf").write_text(f'CONFIG MAPS city "{home}/city.map" END END\n', "utf-8")

    def address(path: str) -> str | None:
        return None if "bbox-crs" in path or "filter=" in path else _with_format(f"/city/ogcapi{path}")

    variables = {"MAPSERVER_CONFIG_FILE": str(home / "mapserver.conf")}
    with _behind_lighttpd(home, program, variables, address, database) as running:
        yield running


@contextmanager
def qgis_server(folder: Path, database: Database) -> Iterator[Served]:
    """Run QGIS Server over PostgreSQL, whose CPU counts with its own."""
    program = environments.program("/usr/lib/cgi-bin/qgis_mapserv.fcgi")
    home = folder / "qgis"
    home.mkdir()
    making = ["/usr/bin/python3", "-c", _PROJECT, str(database.port), NAME, home / "city.qgs"]
    if subprocess.run(making, check=False, env={**os.environ, "QT_QPA_PLATFORM": "offscreen"}).returncode:
        raise Absent("QGIS cannot write a project (Debian: python3-qgis)")
    variables = {
        "QGIS_PROJECT_FILE": str(home / "city.qgs"),
        "QGIS_SERVER_API_WFS3_MAX_LIMIT": "10000",
        "QGIS_SERVER_LOG_LEVEL": "2",
        "QT_QPA_PLATFORM": "offscreen",
        "HOME": str(home),
    }

    def address(path: str) -> str | None:
        return None if "filter=" in path else f"/wfs3{path}"

    with _behind_lighttpd(home, program, variables, address, database) as running:
        yield running


def _with_format(path: str) -> str:
    return f"{path}{'&' if '?' in path else '?'}f=json"


@contextmanager
def _behind_lighttpd(
    home: Path, program: Path, variables: Mapping[str, str], address: Address, database: Database
) -> Iterator[Served]:
    lighttpd, port = environments.program("/usr/sbin/lighttpd"), free_port()
    (home / "lighttpd.conf").write_text(_LIGHTTPD.format(home=home, port=port), "utf-8")
    command = (lighttpd, "-D", "-f", home / "lighttpd.conf")
    with ExitStack() as running:
        # A FastCGI program finds what to listen on as its standard input (FastCGI 1.0, section 2.2).
        listening = running.enter_context(socket.socket(socket.AF_UNIX))
        listening.bind(str(home / "socket"))
        listening.listen(64)
        workers = [running.enter_context(_worker(home, program, variables, listening)) for _ in range(_WORKERS)]
        yield running.enter_context(
            served(*command, port=port, address=lambda path: _under(address(path)), also=(*workers, database.process))
        )


@contextmanager
def _worker(home: Path, program: Path, variables: Mapping[str, str], listening: socket.socket) -> Iterator[int]:
    with (home / "worker.log").open("ab") as log:
        environment = {**os.environ, **variables}
        process = subprocess.Popen([program], stdin=listening, stdout=log, stderr=log, env=environment)
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait(timeout=30)


def _under(path: str | None) -> str | None:
    return None if path is None else f"/api{path}"


_LIGHTTPD = """
server.document-root = "{home}"
server.bind = "127.0.0.1"
server.port = {port}
server.modules = ("mod_fastcgi")
server.errorlog = "{home}/lighttpd.log"
server.max-keep-alive-requests = 1000000
fastcgi.server = ("/api" => ((
  "socket" => "{home}/socket", "check-local" => "disable"
)))
"""

_MAP = """
MAP
  NAME "city"
  EXTENT {world}
  SIZE 400 400
  PROJECTION "init=epsg:4326" END
  WEB METADATA
    "oga_title" "City" "oga_enable_request" "*" "oga_onlineresource" "http://127.0.0.1/api/city/ogcapi"
    "ows_title" "City" "ows_onlineresource" "http://127.0.0.1/api/city" "ows_enable_request" "*" "ows_srs" "EPSG:4326"
  END END
  LAYER
    NAME "{name}"
    TYPE POLYGON
    STATUS ON
    EXTENT {world}
    CONNECTIONTYPE POSTGIS
    CONNECTION "host=127.0.0.1 port={port} dbname=postgres user=postgres"
    DATA "geom FROM {name} USING UNIQUE id USING SRID=4326"
    PROCESSING "CLOSE_CONNECTION=DEFER"
    PROJECTION "init=epsg:4326" END
    TEMPLATE "none"
    METADATA
      "ows_title" "{name}" "oga_featureid" "id" "ows_featureid" "id" "gml_featureid" "id"
      "oga_geomtype" "Polygon" "ows_include_items" "all" "gml_include_items" "all" "gml_types" "auto"
      "oga_max_limit" "10000" "oga_geometry_precision" "12" "oga_use_default_extent_for_getfeature" "false"
    END
  END
END
"""

_PROJECT = """
import sys
from qgis.core import QgsApplication, QgsProject, QgsVectorLayer
port, name, path = sys.argv[1:]
application = QgsApplication([], False)
application.initQgis()
uri = f"dbname='postgres' host=127.0.0.1 port={port} user='postgres' key='id' srid=4326 type=Polygon"
layer = QgsVectorLayer(f'{uri} table="public"."{name}" (geom)', name, "postgres")
project = QgsProject.instance()
project.setCrs(layer.crs())
project.addMapLayer(layer)
project.writeEntry("WFSLayers", "/", [layer.id()])
project.writeEntry("WFSLayersPrecision", f"/{layer.id()}", 12)
sys.exit(not (layer.isValid() and project.write(path)))
"""
