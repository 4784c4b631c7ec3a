"""What every layer asks of the catalogue and of the store: collections, datastreams, what their objects are."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from twin.context import Twin
from twin.errors import DoesNotApply, NotFound
from twin.model import Collection
from twin.store import OPERATOR, Condition, FeatureQuery
from twin.tables import DATASTREAMS


def find(twin: Twin, collection: str) -> Collection:
    """Return a collection that a layer needs, or say that the layer does not apply."""
    try:
        return twin.store.catalogue.collection(collection, OPERATOR)
    except NotFound:
        raise DoesNotApply(f"There is no collection {collection}: ingest it first, or name another.") from None


def present(twin: Twin, collection: str | None) -> Collection | None:
    """Return a collection that a layer can do without, or None where there is none of that name."""
    if collection is None:
        return None
    try:
        return twin.store.catalogue.collection(collection, OPERATOR)
    except NotFound:
        return None


def covered(timeseries: Collection) -> NDArray[np.datetime64]:
    """Return the first and the last instant of a collection of time series, naive UTC.

    Raises
    ------
    DoesNotApply
        When it holds no observation.
    """
    instants = [instant.replace(tzinfo=None) for instant in timeseries.temporal or () if instant]
    if len(instants) < 2:
        raise DoesNotApply(f"{timeseries.id} holds no observation.")
    return np.array(instants, "M8[us]")


def streams_of(twin: Twin, timeseries: str, objects: str, observed_property: str) -> pa.Table:
    """Return the last version of the datastreams of one property at the objects of a collection, ordered by object."""
    where = {"timeseries": timeseries, "object_collection": objects, "observed_property": observed_property}
    conditions = tuple(Condition(field=name, value=value) for name, value in where.items())
    return last_versions(twin, FeatureQuery(collection=DATASTREAMS, where=conditions)).sort_by("object_id")


def described(
    twin: Twin, objects: Collection, streams: pa.Table, fields: Iterable[str]
) -> tuple[pa.Table, NDArray[np.object_]]:
    """Return the fields asked of the object of each datastream, and its name for people."""
    label = objects.style.label if objects.field(objects.style.label or "") else None
    columns = tuple(sorted({*fields, *([label] if label else [])}))
    table = last_versions(twin, FeatureQuery(collection=objects.id, columns=columns, with_geometry=False))
    rows = table.take(pc.index_in(streams["object_id"], table["id"]))
    names = pc.coalesce(rows[label].cast(pa.string()), streams["object_id"]) if label else streams["object_id"]
    return rows, names.to_numpy(zero_copy_only=False)


def last_versions(twin: Twin, query: FeatureQuery) -> pa.Table:
    """Return the last version of every feature of a query."""
    table = twin.store.features.read(query, OPERATOR).read_all()
    # An unknown start is before any other.
    start = pc.fill_null(table["valid_from"].cast(pa.int64()), np.iinfo(np.int64).min)
    table = table.append_column("start", start).sort_by([("id", "ascending"), ("start", "ascending")])
    ids = table["id"].to_numpy(zero_copy_only=False)
    return table.filter(pa.array(np.append(ids[1:] != ids[:-1], np.ones(min(len(ids), 1), bool))))
