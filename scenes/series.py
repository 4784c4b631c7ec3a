"""Time series as a matrix of steps by objects, which a browser puts in one texture."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scenes import frames
from scenes.objects import Objects
from twin.context import Twin
from twin.errors import NotFound, TooLarge
from twin.model import Collection, ObservedProperty
from twin.store import ObservationQuery, Principal
from twin.tables import Quality
from twin.time import TimeSpan, iso

NO_VALUE = 255  # quality where there is no observation


def matrix(
    twin: Twin,
    objects: Objects,
    collection: Collection,
    name: str,
    object_collection: str | None,
    span: TimeSpan | None,
    principal: Principal,
) -> bytes:
    """Return one property of many objects over time, framed.

    The header has ``ids``, ``start``, ``step_seconds``, ``steps``, ``unit`` and, for one
    `object_collection`, ``rows``: the place of each object in its order. Then float32 values
    ``[steps][ids]``, NaN where there is none or it is flagged, and uint8 quality codes of the same
    shape, :data:`NO_VALUE` where there is none. The step is the commonest one; an observation off
    the step goes to the nearest.

    Raises
    ------
    NotFound
        When the property is not observed there, or may be published only as an aggregate.
    TooLarge
        When the matrix has more values than ``bounds.values``.
    """
    if collection.finest_period is not None:
        raise NotFound(f"{collection.id} may not be published finer than {collection.finest_period}: it has no values.")
    prop = observed_property(collection, name)
    streams = objects.datastreams(collection.id, name, object_collection, principal)
    if not streams.num_rows:
        raise NotFound(f"{collection.id} has no {name} of {object_collection or 'any object'}.")
    header = {"ids": streams["object_id"].to_pylist(), "unit": prop.unit}
    if object_collection is not None:
        header["rows"] = objects.rows(object_collection, streams["object_id"], principal).to_pylist()
    query = ObservationQuery(collection=collection.id, datastreams=tuple(streams["id"].to_pylist()), time=span)
    bound = twin.settings.bounds.values
    count = twin.store.observations.count(query, principal)
    if count > bound:
        raise TooLarge(
            f"{collection.id} has {count} values of {name} there, more than {bound}: ask for a shorter time."
        )
    rows = twin.store.observations.read(query, principal).read_all()
    column = pc.index_in(rows["datastream"], value_set=streams["id"]).to_numpy()
    instants = rows["phenomenon_time"].cast(pa.int64()).to_numpy() // 1_000_000
    step = _step(instants, column)
    start = int(instants.min()) if len(instants) else 0
    steps = round((int(instants.max()) - start) / step) + 1 if len(instants) else 0
    if steps * streams.num_rows > bound:
        raise TooLarge(
            f"{name} takes {steps} steps of {streams.num_rows} objects, more than {bound}: ask for a shorter time."
        )
    values = np.full((steps, streams.num_rows), np.nan, dtype=np.float32)
    quality = np.full(values.shape, NO_VALUE, dtype=np.uint8)
    place = np.rint((instants - start) / step).astype(np.intp)
    codes = rows["quality"].to_numpy()
    values[place, column] = np.where(codes == Quality.GOOD, rows["result"].to_numpy(), np.nan)
    quality[place, column] = codes
    header |= {"start": iso(datetime.fromtimestamp(start, UTC)), "step_seconds": step, "steps": steps}
    return frames.pack(header, values, quality)


def observed_property(collection: Collection, name: str) -> ObservedProperty:
    """Return what a collection observes under `name`, or raise :class:`~twin.errors.NotFound`."""
    for prop in collection.observed_properties:
        if prop.name == name:
            return prop
    there = ", ".join(prop.name for prop in collection.observed_properties) or "none"
    raise NotFound(f"{collection.id} has no observed property {name!r}; there are: {there}.")


def _step(instants: NDArray[np.int64], column: NDArray[np.intp]) -> int:
    """Return the commonest time between two observations of one object, in seconds; an hour when there is none."""
    steps = np.diff(instants)[np.diff(column) == 0]
    steps = steps[steps > 0]
    if not len(steps):
        return int(timedelta(hours=1).total_seconds())
    lengths, counts = np.unique(steps, return_counts=True)
    return int(lengths[counts.argmax()])
