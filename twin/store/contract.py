"""What every store engine must do: four read contracts and one way to write.

Reads are queries (:mod:`twin.store.queries`), answers are Arrow. Writes are staged as files by
whoever computes them, then committed whole by the owner (:mod:`twin.store.commits`): a commit is
seen entirely or not at all. Every read takes the principal who asks; what a principal may not
see answers exactly as what does not exist (:class:`~twin.errors.NotFound`).

Stores are synchronous and safe to call from several threads.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import pyarrow as pa
import xarray as xr

from twin.model import Collection, Run
from twin.store.commits import Commit, Receipt
from twin.store.queries import AggregateQuery, FeatureQuery, ObservationQuery, Principal


class CatalogueStore(Protocol):
    """The collections, and the record of what made them."""

    def revision(self) -> int:
        """Return the number that grows with every commit, of whatever collection."""
        ...

    def collections(self, principal: Principal) -> list[Collection]:
        """Return what `principal` sees, ordered by id."""
        ...

    def collection(self, collection: str, principal: Principal) -> Collection:
        """Return one collection, or raise :class:`~twin.errors.NotFound`."""
        ...

    def runs(self, name: str | None = None, limit: int = 100, kind: str | None = None) -> list[Run]:
        """Return the last runs, newest first, all or those of a name and of a kind."""
        ...

    def describe(self) -> dict[str, str | int]:
        """Return facts for an operator: process number of the owner, format, CRS, revision, bytes on disk."""
        ...


class FeatureStore(Protocol):
    """City objects and their versions.

    Datastreams of time series, and of objects, that the principal cannot know of are left out.
    """

    def read(self, query: FeatureQuery, principal: Principal) -> pa.RecordBatchReader:
        """Stream the features of a query."""
        ...

    def count(self, query: FeatureQuery, principal: Principal) -> int:
        """Return how many features a query has, its ``limit``, ``offset`` and ``after`` left aside."""
        ...

    def deleted(self, collection: str, principal: Principal) -> tuple[str, ...]:
        """Return the ids of the objects whose life was ended by an edit, ascending."""
        ...


class ObservationStore(Protocol):
    """Time series."""

    def read(self, query: ObservationQuery, principal: Principal) -> pa.RecordBatchReader:
        """Stream the observations of a query."""
        ...

    def count(self, query: ObservationQuery, principal: Principal) -> int:
        """Return how many observations a query has, its paging left aside."""
        ...

    def aggregate(self, query: AggregateQuery, principal: Principal) -> pa.RecordBatchReader:
        """Stream statistics of observations, computed where they are kept."""
        ...


class CubeStore(Protocol):
    """Coverages, immutable per revision, each kept in two chunk layouts."""

    def open(
        self, collection: str, principal: Principal, layout: Literal["map", "series"] = "map"
    ) -> AbstractContextManager[xr.Dataset]:
        """Open the current revision; its files stay until the context ends."""
        ...

    def folder(self, collection: str, principal: Principal) -> AbstractContextManager[Path]:
        """Lend the folder of the current revision, to read only; its files stay until the context ends."""
        ...


@runtime_checkable
class Store(Protocol):
    """The store of one twin. Close it, or use it as a context manager."""

    @property
    def catalogue(self) -> CatalogueStore:
        """The collections and the runs."""
        ...

    @property
    def features(self) -> FeatureStore:
        """City objects and their versions."""
        ...

    @property
    def observations(self) -> ObservationStore:
        """Time series."""
        ...

    @property
    def cubes(self) -> CubeStore:
        """Coverages."""
        ...

    def staging(self, run_id: str) -> AbstractContextManager[Path]:
        """Return a private folder to stage a run's files in; it is emptied when the context ends."""
        ...

    def commit(self, commit: Commit) -> Receipt:
        """Make staged files visible and durable in one transaction."""
        ...

    def remove(self, collection: str, *, history: bool = False) -> None:
        """Unpublish a collection; with `history`, erase its data too, for ever."""
        ...

    def backup(self, target: Path) -> None:
        """Write a consistent copy of the data folder, as one file, while the store is in use."""
        ...

    def subscribe(self, listener: Callable[[Receipt], None]) -> None:
        """Call `listener` after each commit seen by this process."""
        ...

    def close(self) -> None:
        """Give up the store; staged files that were not committed are gone."""
        ...
