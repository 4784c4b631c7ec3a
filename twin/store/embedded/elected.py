"""One store whoever owns it: the first process to come owns the folder, the others ask it.

When the owner ends, one of the others takes its place and the rest follow it. What they were
doing is done again: reads go on where they were, commits are recognised by their run.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pyarrow as pa

from twin.errors import StoreBusy, StoreFault
from twin.model import Collection, Run
from twin.store.commits import Commit, Receipt
from twin.store.embedded import archive
from twin.store.embedded.client import RemoteStore
from twin.store.embedded.cubes import Cubes
from twin.store.embedded.local import LocalStore
from twin.store.embedded.owner import OwnerLock, OwnerServer, Place
from twin.store.embedded.staging import staging
from twin.store.embedded.wire import OwnerGone
from twin.store.queries import AggregateQuery, FeatureQuery, ObservationQuery, Principal

_PATIENCE = 10.0  # seconds that a short-lived command is given to end, or an owner to answer
_PAUSE = 0.05

type AnyStore = LocalStore | RemoteStore


class _Owner:
    """What an owner holds: the lock, the database and the socket, taken in this order."""

    def __init__(self, place: Place, crs: str, lock: OwnerLock) -> None:
        with ExitStack() as taken:
            taken.callback(lock.release)
            self.store = LocalStore(place.folder, crs)
            taken.callback(self.store.close)
            self._server = OwnerServer(place, self.store, crs)
            taken.callback(place.socket.unlink, missing_ok=True)
            taken.callback(self._server.stop)
            self._taken = taken.pop_all()

    def close(self) -> None:
        """Answer what was asked, then give everything up."""
        self._taken.close()


class ElectedStore:
    """The store of a data folder, owned by this process or by another; see the module."""

    def __init__(self, folder: Path, crs: str, *, serve: bool) -> None:
        self._folder = folder
        self._place = Place(folder)
        self._crs = crs
        self._serve = serve
        self._electing = threading.RLock()
        self._listeners: list[Callable[[Receipt], None]] = []
        self._held: _Owner | RemoteStore = self._elect()
        self.catalogue = _Catalogue(self)
        self.features = _Features(self)
        self.observations = _Observations(self)
        self.cubes = Cubes(folder, lambda name, who: self.call(lambda store: store.cube_revision(name, who)))

    @property
    def owner(self) -> bool:
        """Whether this process owns the folder."""
        return isinstance(self._held, _Owner)

    @property
    def _store(self) -> AnyStore:
        held = self._held
        return held.store if isinstance(held, _Owner) else held

    def _elect(self) -> _Owner | RemoteStore:
        deadline = time.monotonic() + _PATIENCE
        lock = OwnerLock(self._folder)
        while True:
            if lock.take():
                owner = _Owner(self._place, self._crs, lock)
                owner.store.subscribe(self._tell)
                return owner
            if not self._serve:
                try:
                    return RemoteStore(self._place, self._crs)
                except OwnerGone:
                    pass
            if time.monotonic() > deadline:
                mend = "stop it" if self._serve else "it does not answer; stop it"
                raise StoreBusy(
                    f"{self._folder} is owned by process {lock.holder()}: {mend}, or let it end, then try again."
                )
            time.sleep(_PAUSE)

    def _elect_again(self, gone: AnyStore) -> None:
        with self._electing:
            if self._store is gone:
                self._held = self._elect()

    def call[T](self, use: Callable[[AnyStore], T]) -> T:
        """Return what `use` makes of the store, whoever owns it by then."""
        while True:
            store = self._store
            try:
                return use(store)
            except OwnerGone:
                self._elect_again(store)

    def stream(self, read: Callable[[AnyStore], pa.RecordBatchReader]) -> pa.RecordBatchReader:
        """Return the rows of a read, which outlives its owner as long as nothing has changed."""
        store = self._store
        if isinstance(store, LocalStore):
            return read(store)
        revision = self.catalogue.revision()
        source, reader = self.call(lambda store: (store, read(store)))
        return pa.RecordBatchReader.from_batches(reader.schema, self._resumed(read, source, reader, revision))

    def _resumed(
        self,
        read: Callable[[AnyStore], pa.RecordBatchReader],
        source: AnyStore,
        reader: pa.RecordBatchReader,
        revision: int,
    ) -> Iterator[pa.RecordBatch]:
        delivered = 0
        while True:
            passed = 0
            try:
                for batch in reader:
                    fresh = batch.slice(max(0, min(batch.num_rows, delivered - passed)))
                    passed += batch.num_rows
                    delivered += fresh.num_rows
                    yield fresh
            except OwnerGone:
                self._elect_again(source)
                if delivered and self.catalogue.revision() != revision:
                    raise StoreFault(
                        "The owner of the store ended during a read and the data has changed since: read again."
                    ) from None
                source, reader = self.call(lambda store: (store, read(store)))
            else:
                return

    def staging(self, run_id: str) -> AbstractContextManager[Path]:
        """Return a private folder to stage a run's files in; it is emptied when the context ends."""
        return staging(self._folder, run_id)

    def commit(self, commit: Commit) -> Receipt:
        """Make staged files visible and durable in one transaction."""
        return self._told(lambda store: store.commit(commit))

    def remove(self, collection: str, *, history: bool = False) -> None:
        """Unpublish a collection; with `history`, erase its data too, for ever."""
        self._told(lambda store: store.unpublish(collection, history=history))

    def _told(self, write: Callable[[AnyStore], Receipt]) -> Receipt:
        receipt = self.call(write)
        if not self.owner:
            self._tell(receipt)
        return receipt

    def _tell(self, receipt: Receipt) -> None:
        for listener in list(self._listeners):
            listener(receipt)

    def backup(self, target: Path) -> None:
        """Write a consistent copy of the data folder, as one file, while the store is in use."""
        with self.staging(f"backup-{uuid.uuid4().hex}") as copy:
            self.call(lambda store: store.snapshot(copy.name))
            archive.pack(self._folder, copy, target)

    def subscribe(self, listener: Callable[[Receipt], None]) -> None:
        """Call `listener` after each commit seen by this process."""
        self._listeners.append(listener)

    def close(self) -> None:
        """Give up the store; staged files that were not committed are gone."""
        with self._electing:
            self._held.close()
            self._place.close()


class _Catalogue:
    def __init__(self, store: ElectedStore) -> None:
        self._store = store

    def revision(self) -> int:
        return self._store.call(lambda store: store.catalogue.revision())

    def collections(self, principal: Principal) -> list[Collection]:
        return self._store.call(lambda store: store.catalogue.collections(principal))

    def collection(self, collection: str, principal: Principal) -> Collection:
        return self._store.call(lambda store: store.catalogue.collection(collection, principal))

    def runs(self, name: str | None = None, limit: int = 100, kind: str | None = None) -> list[Run]:
        return self._store.call(lambda store: store.catalogue.runs(name, limit, kind))

    def describe(self) -> dict[str, str | int]:
        return self._store.call(lambda store: store.catalogue.describe())


class _Features:
    def __init__(self, store: ElectedStore) -> None:
        self._store = store

    def read(self, query: FeatureQuery, principal: Principal) -> pa.RecordBatchReader:
        return self._store.stream(lambda store: store.features.read(query, principal))

    def count(self, query: FeatureQuery, principal: Principal) -> int:
        return self._store.call(lambda store: store.features.count(query, principal))

    def deleted(self, collection: str, principal: Principal) -> tuple[str, ...]:
        return self._store.call(lambda store: store.features.deleted(collection, principal))


class _Observations:
    def __init__(self, store: ElectedStore) -> None:
        self._store = store

    def read(self, query: ObservationQuery, principal: Principal) -> pa.RecordBatchReader:
        return self._store.stream(lambda store: store.observations.read(query, principal))

    def count(self, query: ObservationQuery, principal: Principal) -> int:
        return self._store.call(lambda store: store.observations.count(query, principal))

    def aggregate(self, query: AggregateQuery, principal: Principal) -> pa.RecordBatchReader:
        return self._store.stream(lambda store: store.observations.aggregate(query, principal))
