"""The embedded engine: one DuckDB file for catalogue, features and observations, Zarr for cubes."""

from __future__ import annotations

from pathlib import Path

from twin.crs import normalise
from twin.store.contract import Store
from twin.store.embedded.local import LocalStore


def open_store(folder: Path, crs: str, *, serve: bool = False) -> Store:
    """Open, create or join the store in `folder`."""
    folder = folder.resolve()
    folder.mkdir(parents=True, mode=0o700, exist_ok=True)
    (folder / "staging").mkdir(mode=0o700, exist_ok=True)
    return LocalStore(folder, normalise(crs))
