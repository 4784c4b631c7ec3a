"""The embedded engine: one DuckDB file for catalogue, features and observations, Zarr for cubes."""

from __future__ import annotations

from pathlib import Path

from twin.crs import normalise
from twin.errors import BadSettings
from twin.store.contract import Store
from twin.store.embedded.archive import restore
from twin.store.embedded.elected import ElectedStore
from twin.store.embedded.engine import faults

__all__ = ["open_store", "restore"]


def open_store(folder: Path, crs: str, *, serve: bool = False) -> Store:
    """Open, create or join the store in `folder`.

    Parameters
    ----------
    folder
        The data folder; made, readable by its user alone, where absent.
    crs
        Storage CRS, e.g. ``EPSG:2154``.
    serve
        Insist on owning the folder, as a server must.

    Raises
    ------
    BadSettings
        When the folder cannot hold a store, or holds one in another CRS.
    StoreBusy
        When another process owns the folder and does not answer, or `serve` cannot own it.
    StoreFault
        When the folder cannot be used, or its format is newer than this version.
    """
    folder = folder.resolve()
    if "?" in str(folder) or (folder.exists() and not folder.is_dir()):
        raise BadSettings(f"store.folder: {folder} cannot hold a store: name a folder, without '?' in its path.")
    with faults():
        folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        (folder / "staging").mkdir(mode=0o700, exist_ok=True)
    return ElectedStore(folder, normalise(crs), serve=serve)
