"""Stock pygeoapi, as its own documentation sets it up, under the server that ours runs under: two of the peers."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from benchmarks.served.load import Address, Served, listen, served
from benchmarks.served.postgis import NAME, Database


@contextmanager
def items(folder: Path, database: Database) -> Iterator[Served]:
    """Run it over PostgreSQL, whose CPU counts with its own."""
    data = {"host": "127.0.0.1", "port": database.port, "dbname": "postgres", "user": "postgres", "password": "none"}
    provider = {"type": "feature", "name": "PostgreSQL", "data": data}
    provider |= {"id_field": "id", "table": NAME, "geom_field": "geom"}
    with _served(folder, {NAME: provider}, lambda path: path, database.process) as running:
        yield running


@contextmanager
def coverages(folder: Path, stores: Mapping[str, Path], variable: str) -> Iterator[Served]:
    """Run it over Zarr stores of one cube, by layout: each question goes to the layout that suits it."""
    providers = {
        layout: {
            "type": "edr",
            "name": "xarray-edr",
            "data": str(path),
            "x_field": "x",
            "y_field": "y",
            "time_field": "time",
            "format": {"name": "zarr", "mimetype": "application/zip"},
            "options": {"zarr": {"consolidated": False}},
        }
        for layout, path in stores.items()
    }

    def address(path: str) -> str | None:
        if "/area" in path:
            return None
        layout = "series" if "/position" in path else "map"
        return path.replace(f"/{variable}/", f"/{layout}/") + "&f=json"

    with _served(folder, providers, address) as running:
        yield running


@contextmanager
def _served(folder: Path, providers: Mapping[str, Any], address: Address, *also: int) -> Iterator[Served]:
    home = folder / "stock"
    home.mkdir()
    (home / "pygeoapi.yml").write_text(yaml.safe_dump(_configuration(providers)), "utf-8")
    with served(
        sys.executable, "-W", "ignore", "-m", "benchmarks.served.stock", str(home), address=address, also=also
    ) as running:
        yield running


def _configuration(providers: Mapping[str, Any]) -> dict[str, Any]:
    title = {"title": "City", "description": "City", "keywords": ["city"]}
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
            name: {
                "type": "collection",
                **title,
                "extents": {"spatial": {"bbox": [-180, -90, 180, 90]}},
                "providers": [provider],
            }
            for name, provider in providers.items()
        },
    }


def _serve(home: Path) -> None:
    os.environ["PYGEOAPI_CONFIG"] = str(home / "pygeoapi.yml")
    os.environ["PYGEOAPI_OPENAPI"] = str(home / "openapi.yml")
    from pygeoapi.openapi import generate_openapi_document  # noqa: PLC0415 - reads these variables

    with (home / "pygeoapi.yml").open(encoding="utf-8") as file:
        (home / "openapi.yml").write_text(generate_openapi_document(file, "yaml"), "utf-8")
    from pygeoapi.starlette_app import APP  # noqa: PLC0415

    listen(APP)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
