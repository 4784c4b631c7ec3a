"""What a principal sees of the collections in which hidden ones would show: counts, extents, times, revision.

``datastreams`` lists those of every time series, and a time series is observed at objects of other
collections. Both are measured anew for each set of hidden collections, once per revision.
"""

from __future__ import annotations

from twin.model import Collection, Kind
from twin.store.embedded import feature_commit, observation_commit
from twin.store.embedded.engine import Cursor, one
from twin.store.embedded.features import table
from twin.store.embedded.sql import text
from twin.tables import DATASTREAMS


def visible(cursor: Cursor, listed: tuple[Collection, ...], hidden: frozenset[str]) -> tuple[Collection, ...]:
    """Return those of the collections `listed` that are not `hidden`, measured without what these are in."""
    seen = [collection for collection in listed if collection.id not in hidden]
    if not hidden or all(collection.id != DATASTREAMS for collection in listed):
        return tuple(seen)
    names = ", ".join(map(text, sorted(hidden)))
    concerned = {
        name
        for row in cursor.execute(
            f"SELECT DISTINCT timeseries, object_collection FROM {table(DATASTREAMS)} WHERE revision_to IS NULL "
            f"AND (timeseries IN ({names}) OR object_collection IN ({names}))"
        ).fetchall()
        for name in row
    }
    if not concerned:
        return tuple(seen)
    if all(collection.kind is not Kind.TIMESERIES for collection in seen):
        # A list of datastreams without a time series would tell that there is a hidden one.
        seen = [collection for collection in seen if collection.id != DATASTREAMS]
    measured = [_measured(cursor, collection, names, concerned) for collection in seen]
    changed = [found.updated for found in measured if found.kind is Kind.TIMESERIES and found.updated]
    return tuple(
        found.model_copy(update={"updated": max(changed, default=None)}) if found.id == DATASTREAMS else found
        for found in measured
    )


def _measured(cursor: Cursor, collection: Collection, names: str, concerned: set[str]) -> Collection:
    of_seen_objects = f"object_collection NOT IN ({names})"
    if collection.id == DATASTREAMS:
        seen = f"timeseries NOT IN ({names}) AND {of_seen_objects}"
        (revision,) = one(
            cursor,
            "SELECT coalesce(max(greatest(revision_from, coalesce(revision_to, 0))), 0) "
            f"FROM {table(DATASTREAMS)} WHERE {seen}",
        )
        return feature_commit.measured(cursor, collection, seen).model_copy(update={"revision": revision})
    if collection.kind is Kind.TIMESERIES and collection.id in concerned:
        return observation_commit.measured(cursor, collection, of_seen_objects)
    return collection
