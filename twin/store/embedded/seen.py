"""What a principal sees of the collections in which hidden ones would show: their counts, extents and times.

``datastreams`` lists those of every time series, and a time series is observed at objects of other
collections. Both are measured anew for each set of hidden collections, once per revision.
"""

from __future__ import annotations

from twin.model import DATASTREAMS, Collection, Kind
from twin.store.embedded import feature_commit, observation_commit
from twin.store.embedded.engine import Cursor
from twin.store.embedded.features import table
from twin.store.embedded.sql import text


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
    measured = (_measured(cursor, collection, names, concerned) for collection in seen)
    # Were nothing hidden there, no time series would have made the list.
    return tuple(collection for collection in measured if collection.id != DATASTREAMS or collection.count)


def _measured(cursor: Cursor, collection: Collection, names: str, concerned: set[str]) -> Collection:
    of_seen_objects = f"object_collection NOT IN ({names})"
    if collection.id == DATASTREAMS:
        return feature_commit.measured(cursor, collection, f"timeseries NOT IN ({names}) AND {of_seen_objects}")
    if collection.kind is Kind.TIMESERIES and collection.id in concerned:
        return observation_commit.measured(cursor, collection, of_seen_objects)
    return collection
