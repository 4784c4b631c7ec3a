"""What a principal sees of the collections in which hidden ones would show: counts, extents, times, revision.

``datastreams`` lists those of every time series, and a time series is observed at objects of other
collections. Both are measured anew for each set of hidden collections, once per revision. What has
nothing left to show is not shown: an empty series would tell that there is something to hide.
"""

from __future__ import annotations

from twin.model import Collection, Kind
from twin.store.embedded import feature_commit, observation_commit
from twin.store.embedded.engine import Cursor, one
from twin.store.embedded.features import table
from twin.store.embedded.sql import text
from twin.tables import DATASTREAMS


def visible(cursor: Cursor, listed: tuple[Collection, ...], hidden: frozenset[str]) -> tuple[Collection, ...]:
    """Return those of the collections `listed` that are not `hidden`, measured without what these are in.

    A time series of which every datastream is hidden is hidden too, as are ``datastreams`` without a time series.
    """
    seen = [_unassessed(collection, hidden) for collection in listed if collection.id not in hidden]
    if not hidden or all(collection.id != DATASTREAMS for collection in listed):
        return tuple(seen)
    names = ", ".join(map(text, sorted(hidden)))
    unhidden = (
        "FALSE" if DATASTREAMS in hidden else f"timeseries NOT IN ({names}) AND object_collection NOT IN ({names})"
    )
    rows = cursor.execute(
        f"SELECT timeseries, observed_property, bool_or({unhidden}), bool_and({unhidden}) "
        f"FROM {table(DATASTREAMS)} WHERE revision_to IS NULL GROUP BY ALL"
    ).fetchall()
    concerned = {series for series, _, _, whole in rows if not whole}
    if not concerned:
        return tuple(seen)
    shown = {series for series, _, some, _ in rows if some}
    seen = [collection for collection in seen if collection.id not in concerned - shown]
    if all(collection.kind is not Kind.TIMESERIES for collection in seen):
        seen = [collection for collection in seen if collection.id != DATASTREAMS]
    gone = {(series, observed) for series, observed, some, _ in rows if not some}
    measured = [
        _measured(cursor, collection, unhidden, gone) if collection.id in {*concerned, DATASTREAMS} else collection
        for collection in seen
    ]
    changed = [found.updated for found in measured if found.kind is Kind.TIMESERIES and found.updated]
    return tuple(
        found.model_copy(update={"updated": max(changed, default=None)}) if found.id == DATASTREAMS else found
        for found in measured
    )


def _unassessed(collection: Collection, hidden: frozenset[str]) -> Collection:
    return collection.model_copy(update={"assessed_by": None}) if collection.assessed_by in hidden else collection


def _measured(cursor: Cursor, collection: Collection, unhidden: str, gone: set[tuple[str, str]]) -> Collection:
    """Return ``datastreams`` or a time series as its `unhidden` datastreams make it; `gone` are properties of none."""
    if collection.id == DATASTREAMS:
        (revision,) = one(
            cursor,
            "SELECT coalesce(max(greatest(revision_from, coalesce(revision_to, 0))), 0) "
            f"FROM {table(DATASTREAMS)} WHERE {unhidden}",
        )
        return feature_commit.measured(cursor, collection, unhidden).model_copy(update={"revision": revision})
    observed = tuple(each for each in collection.observed_properties if (collection.id, each.name) not in gone)
    seen = collection.model_copy(update={"observed_properties": observed})
    return observation_commit.measured(cursor, seen, unhidden)
