"""Coverages on disk: one immutable folder a revision, kept while a reader holds it.

``cubes/<collection>/<revision>/{map.zarr,series.zarr,steps.parquet}``; a reader holds ``<revision>.lock`` shared, and
whoever sweeps takes it exclusively first, so that no reader ever loses its files.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import xarray as xr

from twin.crs import CRS84, BBox
from twin.errors import BadInput, StoreFault
from twin.model import Collection, Grid
from twin.store.cubes import LAYOUTS, STEPS_FILE, Layout, is_shard, open_layout
from twin.store.embedded.engine import Cursor, Database
from twin.store.embedded.feature_commit import aware
from twin.store.embedded.held import erase_unheld, lock_of
from twin.store.queries import Principal


class Cubes:
    """Opens coverages, from any process on this machine.

    Parameters
    ----------
    current
        Tells the revision of the folder of a collection now, or raises
        :class:`~twin.errors.NotFound`.
    """

    def __init__(self, folder: Path, current: Callable[[str, Principal], int]) -> None:
        self._folder = folder / "cubes"
        self._current = current

    @contextmanager
    def open(self, collection: str, principal: Principal, layout: Layout = "map") -> Iterator[xr.Dataset]:
        """Open the current revision of a coverage; its files stay until the context ends."""
        if layout not in LAYOUTS:
            raise BadInput(f"There is no layout {layout!r}; there are: {', '.join(LAYOUTS)}.")
        with self.folder(collection, principal) as home, open_layout(home, layout) as dataset:
            yield dataset

    @contextmanager
    def folder(self, collection: str, principal: Principal) -> Iterator[Path]:
        """Lend the folder of the current revision, to read only; its files stay until the context ends."""
        revision = self._current(collection, principal)
        while True:
            home = self._folder / collection / str(revision)
            with _held(lock_of(home)) as held:
                if held and home.is_dir():
                    yield home
                    return
            # Swept between the question and the lease: a newer revision is current.
            newer = self._current(collection, principal)
            if newer == revision:
                raise StoreFault(f"The files of {collection} are missing from {home}; restore a backup.")
            revision = newer


@contextmanager
def _held(lock: Path) -> Iterator[bool]:
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield False
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield os.fstat(descriptor).st_nlink > 0
    finally:
        os.close(descriptor)


def folder_revision(database: Database, collection: str) -> int:
    """Return the revision whose folder holds a coverage."""
    rows = database.rows("SELECT revision FROM cube WHERE collection = ?", [collection])
    if not rows:
        raise BadInput(f"{collection} is not a coverage: it has no cube.")
    return int(rows[0][0])


def place(cursor: Cursor, folder: Path, collection: str, staged: Path, revision: int) -> bool:
    """Move a staged cube to its place and point the catalogue at it; return whether it differs.

    Raises
    ------
    BadInput
        When a layout or the list of steps is missing.
    """
    for layout in LAYOUTS:
        if not (staged / f"{layout}.zarr").is_dir():
            raise BadInput(f"{collection}: the staged cube has no {layout}.zarr.")
    if not (staged / STEPS_FILE).is_file():
        raise BadInput(f"{collection}: the staged cube does not list its steps ({STEPS_FILE}).")
    digest = _digest(staged)
    if cursor.execute("SELECT digest FROM cube WHERE collection = ?", [collection]).fetchone() == (digest,):
        return False
    home = folder / "cubes" / collection / str(revision)
    home.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(home, ignore_errors=True)
    lock_of(home).touch()
    # Linked, not moved: should this process die before its transaction ends, another can do it again.
    shutil.copytree(staged, home, copy_function=os.link)
    cursor.execute(
        "INSERT INTO cube VALUES ($1, $2, $3) "
        "ON CONFLICT (collection) DO UPDATE SET revision = excluded.revision, digest = excluded.digest",
        [collection, revision, digest],
    )
    return True


def _digest(folder: Path) -> str:
    """Return the digest of a coverage: its metadata, its coordinates, and for its values the list of its steps."""
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file() and not is_shard(path)):
        digest.update(f"{file.relative_to(folder)}\0{file.stat().st_size}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def link(database: Database, folder: Path, target: Path) -> None:
    """Link the cubes that the catalogue points to into another folder of the same disk."""
    for name, revision in database.rows("SELECT collection, revision FROM cube"):
        part = Path("cubes", name, str(revision))
        shutil.copytree(folder / part, target / part, copy_function=os.link)
        lock_of(target / part).touch()


def sweep(database: Database, folder: Path) -> None:
    """Delete the folders that the catalogue does not point to and that no reader holds."""
    wanted = {(name, str(revision)) for name, revision in database.rows("SELECT collection, revision FROM cube")}
    root = folder / "cubes"
    for home in [path for path in root.glob("*/*") if path.is_dir()]:
        if (home.parent.name, home.name) in wanted:
            continue
        erase_unheld(home)


def measured(home: Path, collection: Collection) -> Collection:
    """Return the collection with the grid, extent, time and count of its cube.

    Raises
    ------
    BadInput
        When a variable and the observed properties do not agree.
    """
    with open_layout(home, "map") as dataset:
        names = {observed.name for observed in collection.observed_properties}
        if names != (found := {str(name) for name in dataset.data_vars}):
            raise BadInput(
                f"{collection.id}: the cube holds {', '.join(sorted(found))} and the collection declares "
                f"{', '.join(sorted(names)) or 'nothing'}: both must name the same observed properties."
            )
        x, y = dataset["x"].values, dataset["y"].values
        temporal = None
        if "time" in dataset.dims and dataset.sizes["time"]:
            first, last = dataset["time"].values[[0, -1]].astype("datetime64[us]").tolist()
            temporal = (aware(first), aware(last))
        box = BBox(**_sides("x", x), **_sides("y", y), crs=collection.crs)
        return collection.model_copy(
            update={
                "count": sum(variable.size for variable in dataset.data_vars.values()),
                "grid": Grid(bbox=box, columns=x.size, rows=y.size),
                "extent": box.to(CRS84),
                "temporal": temporal,
            }
        )


def _sides(axis: str, centres: np.ndarray[tuple[int], np.dtype[np.float64]]) -> dict[str, float]:
    half = float(centres[1] - centres[0]) / 2 if centres.size > 1 else 0.0
    return {f"{axis}min": float(centres[0]) - half, f"{axis}max": float(centres[-1]) + half}
