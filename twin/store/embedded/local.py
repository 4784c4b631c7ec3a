"""The store as its owner has it: the whole contract over one open database."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from twin.store.contract import Commit, Principal, Receipt
from twin.store.embedded import cubes
from twin.store.embedded.catalogue import Catalogue
from twin.store.embedded.commit import Committer
from twin.store.embedded.engine import FORMAT, Database
from twin.store.embedded.features import Features
from twin.store.embedded.observations import Observations
from twin.store.embedded.staging import staging


class LocalStore:
    """A store in this process; see :class:`twin.store.contract.Store`."""

    def __init__(self, folder: Path, crs: str) -> None:
        self._folder = folder
        self._database = Database(folder, crs)
        self.catalogue = Catalogue(self._database)
        self.features = Features(self._database, self.catalogue)
        self.observations = Observations(self._database, self.catalogue)
        self.cubes = cubes.Cubes(folder, self.cube_revision)
        self._committer = Committer(self._database, folder / "staging")
        self._listeners: list[Callable[[Receipt], None]] = []
        self._lock = threading.Lock()
        cubes.sweep(self._database, folder)

    def cube_revision(self, collection: str, principal: Principal) -> int:
        """Return the revision whose folder holds a coverage that `principal` sees."""
        self.catalogue.collection(collection, principal)
        return cubes.folder_revision(self._database, collection)

    def staging(self, run_id: str) -> AbstractContextManager[Path]:
        """Return a private folder to stage a run's files in; it is emptied when the context ends."""
        return staging(self._folder, run_id)

    def commit(self, commit: Commit) -> Receipt:
        """Make staged files visible and durable in one transaction."""
        with self._database.writing:
            receipt = self._committer.commit(commit)
            self._seen(receipt)
        if commit.cubes:
            cubes.sweep(self._database, self._folder)
        return receipt

    def remove(self, collection: str, *, history: bool = False) -> None:
        """Unpublish a collection; with `history`, erase its data too, for ever."""
        with self._database.writing:
            self._seen(self._committer.remove(collection, history=history))
        cubes.sweep(self._database, self._folder)

    def _seen(self, receipt: Receipt) -> None:
        self.catalogue.refresh()
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener(receipt)

    def subscribe(self, listener: Callable[[Receipt], None]) -> None:
        """Call `listener` after each commit."""
        with self._lock:
            self._listeners.append(listener)

    def describe(self) -> dict[str, Any]:
        """Return what ``twin status`` tells of the store."""
        return {"format": FORMAT, "crs": self._database.crs, "revision": self.catalogue.revision()}

    def backup(self, target: Path) -> None:
        """Write a consistent copy of the data folder, as one file, while the store is in use."""
        raise AssertionError(target)

    def close(self) -> None:
        """Close the database."""
        self._database.close()
