"""Derived time series as the Arrow tables that the store takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from twin.model import Collection, ObservedProperty
from twin.tables import DATASTREAM_FIELDS, OBSERVATION_SCHEMA, Quality, datastream_id, feature_schema

#: Of what is written: far below what an instrument tells, above the noise of binary fractions.
_DECIMALS = 3


def datastreams(
    collection: Collection, observed: ObservedProperty, objects: pa.Table, names: Iterable[str]
) -> pa.Table:
    """Return a datastream of one property at each object.

    Parameters
    ----------
    objects
        Columns ``object_collection``, ``object_id``, ``geometry`` (WKB), ``valid_from`` and ``valid_to``, as
        datastreams have them.
    names
        Names of the objects for people.
    """
    count = objects.num_rows
    kept = ("valid_from", "valid_to", "geometry", "object_collection", "object_id")
    columns = {
        **{name: objects[name] for name in kept},
        "id": [datastream_id(identity, observed.name) for identity in objects["object_id"].to_pylist()],
        "name": [f"{name} : {observed.title.fr[:1].lower()}{observed.title.fr[1:]}" for name in names],
        "timeseries": [collection.id] * count,
        "observed_property": [observed.name] * count,
        "unit": [observed.unit] * count,
    }
    schema = feature_schema(DATASTREAM_FIELDS)
    return pa.table({name: columns[name] for name in schema.names}).cast(schema)


def observations(
    objects: Sequence[str], observed: str, times: NDArray[np.datetime64], values: NDArray[np.float64], made: datetime
) -> pa.RecordBatch:
    """Return the values that are known of one property, ordered by object, then time.

    Parameters
    ----------
    times
        Naive UTC, shape (times,).
    values
        Shape (objects, times), not-a-number where unknown.
    made
        When they were computed.
    """
    row, step = np.nonzero(np.isfinite(values))
    streams = pa.array([datastream_id(identity, observed) for identity in objects], pa.string())
    count = len(row)
    stamp = pa.timestamp("us", tz="UTC")
    return pa.RecordBatch.from_arrays(
        [
            streams.take(pa.array(row)),
            pa.array(times[step].astype("M8[us]")).cast(stamp),
            pa.array(np.full(count, np.datetime64(made.replace(tzinfo=None), "us"))).cast(stamp),
            pa.array(np.round(values[row, step], _DECIMALS)),
            pa.nulls(count, pa.string()),
            pa.array(np.full(count, int(Quality.GOOD), np.uint8)),
            pa.nulls(count, pa.string()),
        ],
        schema=OBSERVATION_SCHEMA,
    )
