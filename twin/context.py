"""The context that every plug-in receives: nothing is global."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from twin.access import Access
from twin.compute import Compute
from twin.settings import Settings
from twin.store import Principal, Store


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Twin:
    """One city's twin: its settings, its store, who may see what, and the clock.

    Two twins can live in one process; a plug-in keeps nothing outside the context it was given.
    """

    settings: Settings
    store: Store
    access: Access
    clock: Callable[[], datetime] = _now

    @classmethod
    def over(cls, settings: Settings, store: Store) -> Twin:
        """Return the twin of `settings` over an open `store`."""
        return cls(settings=settings, store=store, access=Access(settings.access))

    @cached_property
    def compute(self) -> Compute:
        """Where layers have their heavy work done: threads, or a Dask scheduler."""
        return Compute(self.settings.compute)

    def version(self, principal: Principal) -> str:
        """Return a word that changes with what `principal` sees of the catalogue, and with nothing else."""
        seen = self.store.catalogue.collections(principal)
        told = repr([(collection.id, collection.revision, collection.updated) for collection in seen])
        return hashlib.blake2b(told.encode(), digest_size=8).hexdigest()

    def revision(self, principal: Principal) -> int:
        """Return the greatest revision of the collections that `principal` sees, 0 where there is none."""
        return max((seen.revision for seen in self.store.catalogue.collections(principal)), default=0)
