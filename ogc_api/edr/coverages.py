"""Coverages held open: opening a Zarr folder costs more than most queries of it."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Literal

from ogc_api.edr.grids import Coverage
from twin.errors import DoesNotApply
from twin.model import Collection
from twin.store import Principal, Store

_LAYOUTS: tuple[Literal["map", "series"], ...] = ("map", "series")


class _Held:
    """One revision of one coverage, open for its readers and for those to come."""

    def __init__(self, collection: Collection, store: Store, principal: Principal) -> None:
        if collection.grid is None:
            raise DoesNotApply(f"{collection.id} declares no grid: derive or ingest it again.")
        self.readers = 0
        self.stale = False
        with ExitStack() as opening:
            layouts = tuple(
                opening.enter_context(store.cubes.open(collection.id, principal, layout)) for layout in _LAYOUTS
            )
            self.coverage = Coverage(collection, collection.grid, layouts)
            self.lease = opening.pop_all()


class OpenCoverages:
    """The coverages of one store, each open once per revision. Safe to use from several threads.

    A former revision is let go when its last reader leaves it.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._held: dict[str, _Held] = {}
        # A removed coverage is asked no more: its files must not wait for the next request to be let go.
        store.subscribe(lambda receipt: self._let_go(receipt.changed))

    @contextmanager
    def coverage(self, collection: Collection, principal: Principal) -> Iterator[Coverage]:
        """Lend a coverage that `principal` was seen to see, at the revision of `collection`."""
        held = self._take(collection, principal)
        try:
            yield held.coverage
        finally:
            self._give_back(held)

    def close(self) -> None:
        """Let go of every coverage that is not being read; the others follow their readers."""
        self._let_go(list(self._held))

    def _let_go(self, collections: Iterable[str]) -> None:
        with self._lock:
            for name in collections:
                if name in self._held:
                    self._retire(self._held.pop(name))

    def _take(self, collection: Collection, principal: Principal) -> _Held:
        with self._lock:
            held = self._held.get(collection.id)
            if held is not None and held.coverage.collection.revision != collection.revision:
                self._retire(self._held.pop(collection.id))
                held = None
            if held is None:
                held = self._held[collection.id] = _Held(collection, self._store, principal)
            held.readers += 1
            return held

    def _give_back(self, held: _Held) -> None:
        with self._lock:
            held.readers -= 1
            if held.stale and not held.readers:
                held.lease.close()

    @staticmethod
    def _retire(held: _Held) -> None:
        held.stale = True
        if not held.readers:
            held.lease.close()
