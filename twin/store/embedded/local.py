"""The store as its owner has it, over one open database."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from twin.errors import BadInput
from twin.store.commits import Commit, Receipt
from twin.store.embedded import cubes
from twin.store.embedded.catalogue import Catalogue
from twin.store.embedded.commit import Committer
from twin.store.embedded.engine import Database, faults
from twin.store.embedded.features import Features
from twin.store.embedded.observations import Observations
from twin.store.embedded.seen import visible
from twin.store.embedded.staging import check_run_id, sweep
from twin.store.queries import Principal


class LocalStore:
    """A store in this process."""

    def __init__(self, folder: Path, crs: str) -> None:
        self._folder = folder
        self._database = Database(folder, crs)
        self.catalogue = Catalogue(self._database, visible)
        self.features = Features(self._database, self.catalogue)
        self.observations = Observations(self._database, self.catalogue)
        self._committer = Committer(self._database, folder / "staging")
        self._listeners: list[Callable[[Receipt], None]] = []
        self._lock = threading.Lock()
        cubes.sweep(self._database, folder)
        sweep(folder)

    def cube_revision(self, collection: str, principal: Principal) -> int:
        """Return the revision whose folder holds a coverage that `principal` sees."""
        self.catalogue.collection(collection, principal)
        return cubes.folder_revision(self._database, collection)

    def commit(self, commit: Commit) -> Receipt:
        """Make staged files visible and durable in one transaction."""
        with self._database.writing:
            receipt = self._committer.commit(commit)
            self.catalogue.refresh()
        if commit.cubes:
            cubes.sweep(self._database, self._folder)
        self._tell(receipt)
        return receipt

    def unpublish(self, collection: str, *, history: bool) -> Receipt:
        """Remove a collection; with `history`, erase its data too."""
        with self._database.writing:
            receipt = self._committer.remove(collection, history=history)
            self.catalogue.refresh()
        cubes.sweep(self._database, self._folder)
        self._tell(receipt)
        return receipt

    def snapshot(self, run_id: str) -> None:
        """Copy the database, and link the cubes that it points to, into the staging folder of a run."""
        target = self._folder / "staging" / check_run_id(run_id)
        if not target.is_dir():
            raise BadInput(f"The run {run_id!r} has no staging folder.")
        with self._database.writing, faults():
            self._database.copy(target)
            cubes.link(self._database, self._folder, target)

    def _tell(self, receipt: Receipt) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener(receipt)

    def subscribe(self, listener: Callable[[Receipt], None]) -> None:
        """Call `listener` after each commit."""
        with self._lock:
            self._listeners.append(listener)

    def close(self) -> None:
        """Close the database."""
        self._database.close()
