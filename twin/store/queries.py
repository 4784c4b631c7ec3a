"""What is asked of a store, and who asks: plain frozen models, which cross the owner socket as JSON."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field

from twin.model import LOOKED_AT, Model
from twin.store.filters import Filters, Scalar
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
