"""The indexes of the collections that are read, kept up with the store in the background."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from ogc_api.features.index.build import Abandoned, build
from ogc_api.features.index.collection import CollectionIndex
from ogc_api.features.versions import Versions
from twin.context import Twin
from twin.errors import NotFound
from twin.model import Collection, Kind
from twin.store import Principal
from twin.tables import DATASTREAMS

type _Version = tuple[int, datetime | None]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Held:
    version: _Version
    index: CollectionIndex | None  # None: it could not be made, and will not be tried again


class Indexes:
    """Gives the index of a collection, once there is one: until then the store answers.

    An index is made when a collection is first read, and made anew in the background after each
    commit that changed it; one at a time, and each rests for as long as its last making took.
    It holds what the public sees and nothing more: whoever sees more is answered by the store.
    """

    def __init__(self, twin: Twin, versions: Versions) -> None:
        self._twin = twin
        self._public = twin.access.public
        self._versions = versions
        self._folder = twin.settings.store.folder / "cache" / "items"
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="indexes")
        self._held: dict[str, _Held] = {}
        self._making: dict[str, Future[None]] = {}
        self._seconds: dict[str, float] = {}
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
        if collection.kind is not Kind.FEATURES or not self._is_public(collection.id, principal):
            return None
        held = self._held.get(collection.id)
        if held is not None and held.version == _version(collection):
            return held.index
        self._make(collection.id)
        return None

    def ready(self, collection: Collection, principal: Principal) -> CollectionIndex | None:
        """Return the index of a collection, waiting for it to be made."""
        found = self.find(collection, principal)
        making = self._making.get(collection.id)
        if found is None and making is not None:
            making.result()
        return self.find(collection, principal)

    def refresh(self) -> None:
        """Let go of the indexes that the store has left behind, and make them anew."""
        for name, held in list(self._held.items()):
            try:
                current = self._twin.store.catalogue.collection(name, self._public)
            except NotFound:
                self._held.pop(name, None)
                continue
            if held.version != _version(current):
                self._held.pop(name, None)
                self._make(name)

    def _is_public(self, name: str, principal: Principal) -> bool:
        """Whether a principal sees of a collection what the public does; datastreams tell of other collections."""
        return self._public.sees(name) and (name != DATASTREAMS or principal.hidden == self._public.hidden)

    def _make(self, name: str) -> None:
        with self._lock:
            if name in self._making or self._stopped.is_set():
                return
            self._making[name] = self._worker.submit(self._made, name)

    def _made(self, name: str) -> None:
        self._stopped.wait(self._seconds.get(name, 0.0))
        began = time.monotonic()
        try:
            # Asked now, not when it was wished for: several commits may have passed.
            collection = self._twin.store.catalogue.collection(name, self._public)
            self._held[name] = _Held(_version(collection), self._built(collection))
        except NotFound:
            self._held.pop(name, None)
        except Abandoned:
            pass
        finally:
            pa.default_memory_pool().release_unused()  # the batches that went through
            self._seconds[name] = time.monotonic() - began
            with self._lock:
                del self._making[name]

    def _built(self, collection: Collection) -> CollectionIndex | None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            return build(
                self._twin.store,
                self._public,
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
