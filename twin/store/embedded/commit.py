"""One commit: everything that a run staged becomes visible in one transaction, or nothing does."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from twin.errors import BadInput
from twin.model import Collection, Kind, Run
from twin.store.commits import Commit, Edit, Receipt, StagedCube, StagedFeatures, StagedSeries, StagedVerdicts
from twin.store.embedded import (
    catalogue,
    cubes,
    edit_commit,
    edits,
    feature_commit,
    observation_commit,
    verdict_commit,
)
from twin.store.embedded.engine import Cursor, Database
from twin.store.embedded.features import table
from twin.store.embedded.sql import quote
from twin.tables import DATASTREAMS


class Committer:
    """Applies commits and removals to the database, one at a time."""

    def __init__(self, database: Database, staging: Path) -> None:
        self._database = database
        self._staging = staging

    def commit(self, commit: Commit) -> Receipt:
        """Make staged files visible and durable; a run committed before changes nothing."""
        with self._database.transaction() as cursor:
            if receipt := catalogue.recorded(cursor, commit.run.id):
                return receipt
            work = _Work(cursor, self._database, self._staging / commit.run.id)
            for features in commit.features:
                work.add_features(features)
            for series in commit.series:
                work.add_series(series)
            for cube in commit.cubes:
                work.add_cube(cube)
            for verdicts in commit.verdicts:
                work.judge(verdicts)
            for edit in commit.edits:
                work.edit(edit)
            return work.finish(commit.run)

    def remove(self, collection: str, *, history: bool) -> Receipt:
        """Unpublish a collection, or erase it."""
        now = datetime.now(UTC)
        run = Run(
            id=f"remove-{collection}-{now.timestamp():.6f}",
            kind="remove",
            name=collection,
            fingerprint="",
            parameters={"history": history},
            started=now,
            finished=now,
        )
        with self._database.transaction() as cursor:
            work = _Work(cursor, self._database, self._staging)
            work.remove(collection, history=history)
            return work.finish(run)


class _Work:
    """The changes of one transaction, at the revision that they will have."""

    def __init__(self, cursor: Cursor, database: Database, staging: Path) -> None:
        self._cursor = cursor
        self._database = database
        self._staging = staging
        row = cursor.execute("SELECT value FROM meta WHERE key = 'revision'").fetchone()
        self._before = int(row[0]) if row else 0
        self._revision = self._before + 1
        self._now = datetime.now(UTC)
        self._changed: set[str] = set()
        self._edited: dict[str, int] = {}
        self._settled: dict[str, int] = {}

    def add_features(self, part: StagedFeatures) -> None:
        known, collection = self._collection(part.collection, Kind.FEATURES, part.source)
        feature_commit.ensure_table(self._cursor, known, collection)
        files = self._files(part.files)
        given = part.collection
        changed = feature_commit.replace(self._cursor, given, part.source, files, self._revision)
        if kept := edits.kept(self._cursor):
            self._edited[given.id] = self._edited.get(given.id, 0) + kept
        self._publish(known, collection, changed=changed)

    def edit(self, edit: Edit) -> None:
        """Give one object a new version, or end its life."""
        known, published = catalogue.stored(self._cursor, edit.collection)
        if known is None or not published:
            raise catalogue.absent(edit.collection)
        if known.kind is not Kind.FEATURES or known.id == DATASTREAMS:
            raise BadInput(f"{known.id} cannot be edited: it holds no city objects.")
        edit_commit.apply(self._cursor, known, edit, self._files((edit.file,) if edit.file else ()), self._revision)
        self._publish(known, known, changed=True)

    def add_series(self, part: StagedSeries) -> None:
        known, collection = self._collection(part.collection, Kind.TIMESERIES, part.source)
        if known is None:
            observation_commit.ensure_series(self._cursor, collection.id)
        owned = observation_commit.owned_streams(self._cursor, part) if part.replace else None
        listed = bool(part.datastreams or part.replace) and observation_commit.add_datastreams(
            self._cursor, part, self._files(part.datastreams), self._database.crs, self._revision
        )
        if part.datastreams:
            listing, _published = catalogue.stored(self._cursor, DATASTREAMS)
            fresh = listing or observation_commit.datastreams_collection(self._database.crs)
            self._publish(listing, fresh, changed=listed)
        change = observation_commit.add_observations(
            self._cursor,
            collection.id,
            self._files(part.files),
            newest=known.temporal[1] if known is not None and known.temporal else None,
            owned=owned,
        )
        remeasure = known is None or listed or change.remade
        collection = observation_commit.grown(collection, change)
        self._publish(known, collection, changed=bool(change) or listed, remeasure=remeasure)

    def judge(self, part: StagedVerdicts) -> None:
        """Give observations the quality that a test found."""
        known, published = catalogue.stored(self._cursor, part.collection)
        if known is None or not published or known.kind is not Kind.TIMESERIES:
            raise catalogue.absent(part.collection)
        changed = verdict_commit.apply(self._cursor, known.id, self._files(part.files), part.test)
        self._publish(known, known, changed=changed, remeasure=False)
        if changed and known.revision == part.revision:
            self._settled[known.id] = self._revision

    def add_cube(self, part: StagedCube) -> None:
        known, collection = self._collection(part.collection, Kind.COVERAGE, part.source)
        staged = self._path(part.folder)
        measured = cubes.measured(staged, collection)
        changed = cubes.place(self._cursor, self._database.folder, collection.id, staged, self._revision)
        self._publish(known, measured, changed=changed)

    def remove(self, name: str, *, history: bool) -> None:
        """Take a collection out of the catalogue, and with `history` out of the file."""
        if name == DATASTREAMS:
            raise BadInput(f"The collection {DATASTREAMS!r} is kept by the store: remove a time series instead.")
        known, published = catalogue.stored(self._cursor, name)
        if known is None or not (published or history):
            raise catalogue.absent(name)
        self._cursor.execute("UPDATE collection SET published = false WHERE id = ?", [name])
        if known.kind is Kind.TIMESERIES:
            self._cursor.execute(
                f"UPDATE {table(DATASTREAMS)} SET revision_to = ? WHERE revision_to IS NULL AND timeseries = ?",
                [self._revision, name],
            )
            listing, listed = catalogue.stored(self._cursor, DATASTREAMS)
            if listing is not None and listed:
                self._publish(listing, listing, changed=True)
        if history:
            self._erase(known)
        self._changed.add(name)

    def _erase(self, collection: Collection) -> None:
        name = collection.id
        match collection.kind:
            case Kind.FEATURES:
                self._cursor.execute(f"DROP TABLE {table(name)}")
                self._cursor.execute("DELETE FROM edited WHERE collection = ?", [name])
            case Kind.TIMESERIES:
                for schema in ("history", "hot", "superseded"):
                    self._cursor.execute(f"DROP TABLE {quote(schema, name)}")
                self._cursor.execute(f"DELETE FROM {table(DATASTREAMS)} WHERE timeseries = ?", [name])
                self._cursor.execute("DELETE FROM stream WHERE collection = ?", [name])
                self._cursor.execute("DELETE FROM series WHERE collection = ?", [name])
            case _:
                self._cursor.execute("DELETE FROM cube WHERE collection = ?", [name])
        self._cursor.execute("DELETE FROM collection WHERE id = ?", [name])

    def finish(self, run: Run) -> Receipt:
        """Record the run, and the new revision when something changed."""
        revision = self._revision if self._changed else self._before
        self._cursor.execute("UPDATE meta SET value = ? WHERE key = 'revision'", [str(revision)])
        receipt = Receipt(
            revision=revision, changed=dict.fromkeys(sorted(self._changed), revision), edited=self._edited
        )
        catalogue.record(self._cursor, run.model_copy(update={"settled": self._settled}), receipt)
        return receipt

    def _collection(self, given: Collection, kind: Kind, source: str) -> tuple[Collection | None, Collection]:
        if given.kind is not kind:
            raise BadInput(f"{given.id} is of kind {given.kind}, and what was staged is of kind {kind}.")
        if given.id == DATASTREAMS:
            raise BadInput(f"The collection {DATASTREAMS!r} is kept by the store: choose another id.")
        if given.crs != self._database.crs:
            raise BadInput(f"{given.id} is in {given.crs}, and the store in {self._database.crs}: transform it first.")
        known, _published = catalogue.stored(self._cursor, given.id)
        if known is not None and known.kind is not kind:
            raise BadInput(
                f"{given.id} exists with kind {known.kind}: choose another id, or erase it first "
                f"(twin remove {given.id} --history)."
            )
        return known, catalogue.merged(known, given, source)

    def _publish(
        self, known: Collection | None, collection: Collection, *, changed: bool, remeasure: bool = True
    ) -> None:
        published = known is not None and catalogue.stored(self._cursor, collection.id)[1]
        if not changed and published and collection == known:
            return
        match collection.kind:
            case Kind.FEATURES:
                sources = collection.sources
                collection = feature_commit.measured(self._cursor, collection)
                if collection.id != DATASTREAMS:
                    collection = collection.model_copy(update={"sources": sources})
            case Kind.TIMESERIES if remeasure:
                collection = observation_commit.measured(self._cursor, collection)
        catalogue.write(self._cursor, collection, self._revision, self._now)
        self._changed.add(collection.id)

    def _files(self, names: tuple[str, ...]) -> list[Path]:
        return [self._path(name) for name in names]

    def _path(self, name: str) -> Path:
        path = (self._staging / name).resolve()
        if not path.is_relative_to(self._staging.resolve()) or not path.exists():
            raise BadInput(f"The staged file {name!r} is not in the staging folder of its run.")
        return path
