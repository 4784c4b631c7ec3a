"""What every store engine must do: four read contracts and one way to write.

Reads are queries, plain frozen models that cross the owner socket as JSON; answers are Arrow.
Writes are staged as files by whoever computes them, then committed whole by the owner: a commit
is seen entirely or not at all. Every read takes the principal who asks; what a principal may not
see answers exactly as what does not exist (:class:`~twin.errors.NotFound`).

Stores are synchronous and safe to call from several threads.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Literal, Protocol, runtime_checkable

import pyarrow as pa
import xarray as xr
from pydantic import AwareDatetime, Field

from twin.model import LOOKED_AT, Collection, Identifier, Model, Run
from twin.store.filters import Filters, Scalar
from twin.tables import Quality
from twin.time import TimeSpan

#: A statistic of an aggregate.
STATISTIC = r"^(mean|min|max|sum|count|p[1-9][0-9]?)$"


class Principal(Model):
    """Who asks. ``hidden`` lists the collections that do not exist for them.

    ``scopes`` are the pairs (collection or ``*``, verb) by which they may write; the store shows
    what it is asked to show, and the doors let write.
    """

    name: str
    hidden: frozenset[str] = frozenset()
    scopes: frozenset[tuple[str, str]] = frozenset()

    def __hash__(self) -> int:
        """Return a hash that costs little: each request looks up what its principal sees."""
        return hash(self.name)

    def sees(self, collection: str) -> bool:
        """Whether `collection` exists for this principal."""
        return collection not in self.hidden

    def may(self, verb: str, collection: str) -> bool:
        """Whether they may `verb` the features of a collection."""
        return self.sees(collection) and not self.scopes.isdisjoint({(collection, verb), ("*", verb)})


OPERATOR = Principal(name="operator")


class SortKey(Model):
    """One field to sort by; nulls come last."""

    field: str
    descending: bool = False


class FeatureQuery(Model):
    """Which versions of which features.

    Attributes
    ----------
    region
        WKB of a polygon in the collection's CRS: geometries that intersect it, exactly.
    where
        What must hold of a version beside; ``geometry`` names its place.
    time
        Lifespans that meet the span: ``valid_from <= end and valid_to > start``, open where null.
    after
        Keyset cursor: the values of ``sort`` then the row number (see ``row``) of the last feature seen.
    leading
        Rows that come before all others, in this order, where there is no ``sort``; a cursor is of the
        order that it was given in, so that whoever pages goes on with the same ones.
    columns
        Fields to return beside the standing columns; None for all.
    revision
        The collection as it stood at that revision; None for now.

    Answers have the columns ``id, valid_from, valid_to, geometry`` (WKB, left out unless
    ``with_geometry``), the fields, and ``row`` (int64): a number that orders the versions of a
    collection for ever, the tie-break of every sort.
    """

    collection: str
    region: bytes | None = None
    time: TimeSpan | None = None
    where: Filters = ()
    ids: tuple[str, ...] | None = None
    sort: tuple[SortKey, ...] = ()
    after: tuple[Scalar, ...] | None = None
    leading: Annotated[tuple[int, ...], Field(max_length=LOOKED_AT)] = ()
    offset: Annotated[int, Field(ge=0)] = 0
    limit: Annotated[int, Field(ge=0)] | None = None
    columns: tuple[str, ...] | None = None
    with_geometry: bool = True
    revision: int | None = None


class ObservationQuery(Model):
    """Which observations of a time-series collection, ordered by (datastream, phenomenon time).

    ``region`` is a WKB polygon in the collection's CRS that the place of the datastream meets;
    ``after`` is the ``(datastream, phenomenon_time)`` of the last observation seen;
    ``good_only`` leaves out what quality control flagged; ``superseded`` returns the former values
    of corrected observations instead of the current ones; ``latest`` only the last of each datastream.
    The fields of ``where`` are those of an observation, ``quality_name`` (the quality by its name, in
    lower case), and ``object_collection, object_id, observed_property, unit, geometry`` of the datastream.

    Answers follow ``twin.tables.OBSERVATION_SCHEMA``; with ``joined``, then ``object_collection,
    object_id, observed_property, unit, geometry`` (WKB) of the datastream.
    """

    collection: str
    datastreams: tuple[str, ...] | None = None
    objects: tuple[str, ...] | None = None
    observed_properties: tuple[str, ...] | None = None
    region: bytes | None = None
    time: TimeSpan | None = None
    where: Filters = ()
    good_only: bool = False
    superseded: bool = False
    latest: bool = False
    joined: bool = False
    descending: bool = False
    after: tuple[str, AwareDatetime] | None = None
    offset: Annotated[int, Field(ge=0)] = 0
    limit: Annotated[int, Field(ge=0)] | None = None


class AggregateQuery(Model):
    """Statistics of the numeric results of the observations that `select` has, its paging left aside.

    Attributes
    ----------
    edges
        Ascending bounds of the periods: each goes from one, included, to the next, excluded. None
        for every instant by itself.
    statistics
        Of ``mean, min, max, sum, count`` and percentiles ``p1`` to ``p99`` (linear between ranks).
    pooled
        All the datastreams of an observed property together, instead of each.

    Answers are ordered and have the columns ``datastream`` (``observed_property`` when pooled),
    ``period`` (its start, UTC), ``values`` (int64, how many there are, never 0), ``expected``
    (float64, how many there would be without gaps) and one float64 column for each statistic. The
    step of a datastream is its most frequent one in the periods asked (of two, the shorter); of a
    datastream seen once ``expected`` is null. Pooled, what is expected is the sum over the
    datastreams seen at least once in the periods asked.
    """

    select: ObservationQuery
    edges: tuple[AwareDatetime, ...] | None = None
    statistics: tuple[Annotated[str, Field(pattern=STATISTIC)], ...] = ("mean",)
    pooled: bool = False


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


class StagedFeatures(Model):
    """Parquet files of features that replace all that `source` had given to the collection."""

    collection: Collection
    source: str
    files: tuple[str, ...]


class StagedSeries(Model):
    """Parquet files of datastreams and observations, added to what the store has.

    An observation already held with another result is a correction: the former value stays readable.
    Equal ones change nothing. ``replace`` first takes away all that `source` had given (a derived
    series made anew).
    """

    collection: Collection
    source: str
    datastreams: tuple[str, ...]
    files: tuple[str, ...]
    replace: bool = False


class StagedVerdicts(Model):
    """Parquet files of observations held, each with the quality and the reason that it shall have now.

    Nothing else of them changes, and no former value is made. It is done to what is still current
    with that result, and is GOOD or of the quality ``test``; what failed another test keeps it.
    A later copy of a GOOD observation that a spatial test has flagged here is no correction.

    Attributes
    ----------
    revision
        That of the collection when it was read. When nothing has come since, the run is recorded as
        having settled it (see :class:`~twin.model.Run`).
    """

    collection: Identifier
    test: Quality
    files: tuple[str, ...]
    revision: int


class StagedCube(Model):
    """A folder with ``map.zarr`` and ``series.zarr`` that becomes the collection's new revision.

    :func:`twin.store.write_cube` and :func:`twin.store.write_steps` write one.
    """

    collection: Collection
    source: str
    folder: str


class Edit(Model):
    """One change of one feature by hand: a new version, or the end of its life.

    The version of before stays, ended at ``at``; one that would not have begun by then stays
    readable by its revision alone. An edit wins over the source of its object, for ever: what a
    later commit of features gives of that object is set aside (see :class:`Receipt`).

    Attributes
    ----------
    file
        Parquet file of :func:`twin.tables.feature_schema` that holds the one version to come;
        None ends the life of the object.
    id
        The object.
    row
        The version that the editor saw, which must be the last one still; None for a new object.
    at
        When the edit is made.
    """

    collection: Identifier
    id: str
    row: int | None
    at: AwareDatetime
    file: str | None


class Commit(Model):
    """What one run asks the owner to make visible, all of it or nothing.

    File names are relative to the staging folder of `run`. Committing the same run twice is harmless.
    An edit raises :class:`~twin.errors.Outdated` when the object has another last version than the
    editor saw, and :class:`~twin.errors.Conflict` when a new object is known already.
    """

    run: Run
    features: tuple[StagedFeatures, ...] = ()
    series: tuple[StagedSeries, ...] = ()
    cubes: tuple[StagedCube, ...] = ()
    verdicts: tuple[StagedVerdicts, ...] = ()
    edits: tuple[Edit, ...] = ()


class Receipt(Model):
    """What a commit changed: revision after it, and the collections whose revision grew.

    ``edited`` counts by collection the objects that a source gave and that were set aside, since an
    edit had changed or ended them.
    """

    revision: int
    changed: dict[str, int] = {}
    edited: dict[str, int] = {}


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
