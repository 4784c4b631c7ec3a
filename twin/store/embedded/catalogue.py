"""The catalogue: collections, revision and runs, read from a snapshot in memory."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from pathlib import Path

from twin.errors import NotFound
from twin.model import Collection, Model, Run
from twin.store.commits import Receipt
from twin.store.embedded.engine import FORMAT, Cursor, Database
from twin.store.queries import Principal

type Visible = Callable[[Cursor, tuple[Collection, ...], frozenset[str]], tuple[Collection, ...]]

#: What the store alone knows of a collection; the rest is the source's word.
_OWN = ("extent", "temporal", "count", "revision", "updated", "sources", "leading")


class Snapshot(Model):
    """The catalogue at one revision; replaced whole after each commit."""

    revision: int
    listed: tuple[Collection, ...]

    @cached_property
    def _by_id(self) -> dict[str, Collection]:
        return {collection.id: collection for collection in self.listed}

    def seen_by(self, principal: Principal) -> list[Collection]:
        """Return what `principal` sees, ordered by id."""
        return [collection for collection in self.listed if principal.sees(collection.id)]

    def find(self, collection: str, principal: Principal) -> Collection:
        """Return one collection.

        Raises
        ------
        NotFound
            When there is none that `principal` sees.
        """
        found = self._by_id.get(collection)
        if found is None or not principal.sees(collection):
            raise absent(collection)
        return found


class Catalogue:
    """Collections as the last commit left them; `visible` measures them without those that are hidden."""

    def __init__(self, database: Database, visible: Visible) -> None:
        self._database = database
        self._visible = visible
        self._parsed: dict[str, Collection] = {}
        self._seen: dict[frozenset[str], Snapshot] = {}
        self._lock = threading.Lock()
        self.refresh()

    def refresh(self) -> None:
        """Read the catalogue again, after a commit."""
        rows = self._database.rows("SELECT document FROM collection WHERE published ORDER BY id")
        # Most collections are as they were: only a document that is new is read.
        self._parsed = {text: self._parsed.get(text) or Collection.model_validate_json(text) for (text,) in rows}
        self.snapshot = Snapshot(revision=int(self._database.fact("revision")), listed=tuple(self._parsed.values()))

    def without(self, hidden: frozenset[str]) -> Snapshot:
        """Return the catalogue as those see it from whom some collections are hidden."""
        whole = self.snapshot
        if not hidden:
            return whole
        with self._lock:
            seen = self._seen.get(hidden)
        if seen is None or seen.revision != whole.revision:
            with self._database.snapshot() as cursor:
                seen = Snapshot(revision=whole.revision, listed=self._visible(cursor, whole.listed, hidden))
            with self._lock:
                self._seen[hidden] = seen
        return seen

    def revision(self) -> int:
        """Return the number that grows with every commit that changed something."""
        return self.snapshot.revision

    def collections(self, principal: Principal) -> list[Collection]:
        """Return what `principal` sees, ordered by id."""
        return self.without(principal.hidden).seen_by(principal)

    def collection(self, collection: str, principal: Principal) -> Collection:
        """Return one collection, or raise :class:`~twin.errors.NotFound`."""
        return self.without(principal.hidden).find(collection, principal)

    def runs(self, name: str | None = None, limit: int = 100, kind: str | None = None) -> list[Run]:
        """Return the last runs, newest first."""
        rows = self._database.rows(
            "SELECT document FROM run WHERE ($1 IS NULL OR name = $1) "
            "AND ($2 IS NULL OR json_extract_string(document, 'kind') = $2) ORDER BY number DESC LIMIT $3",
            [name, kind, limit],
        )
        return [Run.model_validate_json(row[0]) for row in rows]

    def describe(self) -> dict[str, str | int]:
        """Return what an operator asks of the store: its owner, format, revision and size on disk."""
        return {
            "owner": os.getpid(),
            "format": FORMAT,
            "crs": self._database.crs,
            "revision": self.revision(),
            "bytes": sum(map(_size, self._database.folder.rglob("*"))),
        }


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except FileNotFoundError:  # a staged file that was swept meanwhile
        return 0


def recorded(cursor: Cursor, run_id: str) -> Receipt | None:
    """Return the receipt of a run that was already committed."""
    row = cursor.execute("SELECT receipt FROM run WHERE id = ?", [run_id]).fetchone()
    return None if row is None else Receipt.model_validate_json(row[0])


def record(cursor: Cursor, run: Run, receipt: Receipt) -> None:
    """Write a run and what it changed."""
    cursor.execute(
        "INSERT INTO run VALUES (nextval('run_number'), ?, ?, ?, ?)",
        [run.id, run.name, run.model_dump_json(), receipt.model_dump_json()],
    )


def stored(cursor: Cursor, collection: str) -> tuple[Collection | None, bool]:
    """Return a collection as last written, removed or not, and whether it is published."""
    row = cursor.execute("SELECT document, published FROM collection WHERE id = ?", [collection]).fetchone()
    return (None, False) if row is None else (Collection.model_validate_json(row[0]), bool(row[1]))


def merged(known: Collection | None, given: Collection, source: str) -> Collection:
    """Return `given` with what the store knows already.

    The last source describes the collection; fields and observed properties of the other sources
    that feed it stay.
    """
    if known is None:
        return given.model_copy(update={"sources": (source,)})
    own = {name: getattr(known, name) for name in _OWN}
    own["sources"] = tuple(sorted({*known.sources, source}))
    if own["sources"] != (source,):
        names = {field.name for field in given.fields}
        own["fields"] = (*given.fields, *(field for field in known.fields if field.name not in names))
        names = {observed.name for observed in given.observed_properties}
        others = (observed for observed in known.observed_properties if observed.name not in names)
        own["observed_properties"] = (*given.observed_properties, *others)
    return given.model_copy(update=own)


def write(cursor: Cursor, collection: Collection, revision: int, now: datetime) -> None:
    """Publish a collection at `revision`."""
    document = collection.model_copy(update={"revision": revision, "updated": now}).model_dump_json()
    cursor.execute(
        "INSERT INTO collection VALUES ($1, $2, true) "
        "ON CONFLICT (id) DO UPDATE SET document = excluded.document, published = true",
        [collection.id, document],
    )


def absent(collection: str) -> NotFound:
    """Return the error of a collection that does not exist, or not for the one who asks."""
    return NotFound(f"There is no collection {collection!r}.")
