"""The indexes of the collections that are read, kept up with the store in the background."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from ogc_api.features.index.build import Abandoned, build
from ogc_api.features.index.collection import CollectionIndex
from ogc_api.features.versions import Versions
from twin.context import Twin
from twin.errors import NotFound
from twin.model import DATASTREAMS, Collection, Kind
from twin.store import Principal

type _Version = tuple[int, datetime | None]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Wish:
    """Whose collection; what a principal may not see makes a difference to the datastreams alone."""

    collection: str
    principal: Principal

    @classmethod
    def of(cls, collection: str, principal: Principal) -> _Wish:
        shared = Principal(name="any")
        return cls(collection, Principal(name="any", hidden=principal.hidden) if collection == DATASTREAMS else shared)


@dataclass(frozen=True)
class _Held:
    version: _Version
    index: CollectionIndex | None  # None: it could not be made, and will not be tried again


class Indexes:
    """Gives the index of a collection, once there is one: until then the store answers.

    An index is made when a collection is first read, and made anew in the background after each
    commit that changed it; one at a time, and each rests for as long as its last making took.
    """

    def __init__(self, twin: Twin, versions: Versions) -> None:
        self._twin = twin
        self._versions = versions
        self._folder = twin.settings.store.folder / "cache" / "items"
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="indexes")
        self._held: dict[_Wish, _Held] = {}
        self._making: dict[_Wish, Future[None]] = {}
        self._seconds: dict[_Wish, float] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def start(self) -> None:
        """Follow the commits of the store."""
        self._twin.store.subscribe(lambda _: self.refresh())

    def stop(self) -> None:
        """Abandon what is being made, and let go of everything."""
        with self._lock:
            self._stopped.set()
        self._worker.shutdown(cancel_futures=True)
        self._held.clear()

    def find(self, collection: Collection, principal: Principal) -> CollectionIndex | None:
        """Return the index of a collection at its revision, or None; it is then on its way."""
        if collection.kind is not Kind.FEATURES:
            return None
        wish = _Wish.of(collection.id, principal)
        held = self._held.get(wish)
        if held is not None and held.version == _version(collection):
            return held.index
        self._make(wish)
        return None

    def ready(self, collection: Collection, principal: Principal) -> CollectionIndex | None:
        """Return the index of a collection, waiting for it to be made."""
        found = self.find(collection, principal)
        making = self._making.get(_Wish.of(collection.id, principal))
        if found is None and making is not None:
            making.result()
        return self.find(collection, principal)

    def refresh(self) -> None:
        """Let go of the indexes that the store has left behind, and make them anew."""
        for wish, held in list(self._held.items()):
            try:
                current = self._twin.store.catalogue.collection(wish.collection, wish.principal)
            except NotFound:
                self._held.pop(wish, None)
                continue
            if held.version != _version(current):
                self._held.pop(wish, None)
                self._make(wish)

    def _make(self, wish: _Wish) -> None:
        with self._lock:
            if wish in self._making or self._stopped.is_set():
                return
            self._making[wish] = self._worker.submit(self._made, wish)

    def _made(self, wish: _Wish) -> None:
        self._stopped.wait(self._seconds.get(wish, 0.0))
        began = time.monotonic()
        try:
            # Asked now, not when it was wished for: several commits may have passed.
            collection = self._twin.store.catalogue.collection(wish.collection, wish.principal)
            self._held[wish] = _Held(_version(collection), self._built(wish, collection))
        except NotFound:
            self._held.pop(wish, None)
        except Abandoned:
            pass
        finally:
            self._seconds[wish] = time.monotonic() - began
            with self._lock:
                del self._making[wish]

    def _built(self, wish: _Wish, collection: Collection) -> CollectionIndex | None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            return build(
                self._twin.store,
                wish.principal,
                self._versions,
                collection,
                self._folder,
                lambda: not self._stopped.is_set(),
            )
        except (NotFound, Abandoned):
            raise
        except Exception:
            # The store answers in its place: slower, the same.
            _log.exception("The index of %s could not be made", collection.id)
            return None


def _version(collection: Collection) -> _Version:
    return collection.revision, collection.updated
