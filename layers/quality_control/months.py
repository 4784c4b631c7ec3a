"""A network's observations by the month: read in two passes, so that memory holds one matrix of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from layers.hours import nearest_hour
from layers.quality_control.judgement import Judgement
from layers.stations import Stations
from twin.context import Twin
from twin.quality.spatial import Matrix
from twin.store import OPERATOR, Condition, ObservationQuery
from twin.tables import OBSERVATION_SCHEMA, Quality
from twin.time import TimeSpan

_HALF = np.timedelta64(30, "m")
_TESTED = (int(Quality.GOOD), int(Quality.SPATIAL))


@dataclass(frozen=True)
class Month:
    """One month (UTC) of a network: hour by hour the mean of what no other test has flagged.

    ``values`` is of (stations, hours), the mean of ``observations`` of them; ``counts`` has how many
    observations of each station have each :class:`~twin.tables.Quality`, shape (stations, qualities).
    """

    timeseries: str
    stations: Stations
    hours: NDArray[np.datetime64]
    values: Matrix
    observations: NDArray[np.int64]
    counts: NDArray[np.int64]


def months(hours: NDArray[np.datetime64]) -> Iterator[NDArray[np.datetime64]]:
    """Yield the whole months that consecutive hours lie in, each as all of its hours."""
    for month in np.unique(hours.astype("M8[M]")):
        yield np.arange(month.astype("M8[h]"), (month + np.timedelta64(1, "M")).astype("M8[h]"))


def read_month(twin: Twin, timeseries: str, stations: Stations, hours: NDArray[np.datetime64]) -> Month:
    """Read the matrix of one month."""
    shape = len(stations), len(hours)
    total, count = np.zeros(shape), np.zeros(shape, np.int64)
    qualities = np.zeros((len(stations), len(Quality)), np.int64)
    for batch, station, hour in _batches(twin, timeseries, stations, hours):
        quality, value = batch["quality"].to_numpy(), batch["result"].to_numpy(zero_copy_only=False)
        np.add.at(qualities, (station, quality), 1)
        used = np.isfinite(value) & np.isin(quality, _TESTED)
        np.add.at(total, (station[used], hour[used]), value[used])
        np.add.at(count, (station[used], hour[used]), 1)
    values = np.divide(total, count, out=np.full(shape, np.nan), where=count > 0)
    return Month(timeseries, stations, hours, values, count, qualities)


def news(twin: Twin, month: Month, judgement: Judgement) -> Iterator[pa.RecordBatch]:
    """Yield the observations of a month whose quality or reason is another than the store has."""
    reasons = pa.array([*judgement.reasons, None], pa.string())
    for batch, station, hour in _batches(twin, month.timeseries, month.stations, month.hours):
        cell = station * len(month.hours) + hour
        place = np.searchsorted(judgement.cells, cell)
        flagged = np.isin(cell, judgement.cells)
        reason = reasons.take(pa.array(np.where(flagged, place, len(judgement.cells))))
        quality = np.where(flagged, int(Quality.SPATIAL), int(Quality.GOOD)).astype(np.uint8)
        held = batch["quality"].to_numpy()
        same_reason = pc.equal(pc.fill_null(reason, ""), pc.fill_null(batch["quality_reason"], ""))
        other = (held != quality) | (flagged & ~np.asarray(same_reason))
        # A value is judged when it went into the matrix.
        valued = np.isfinite(batch["result"].to_numpy(zero_copy_only=False))
        changed = pa.array(np.isin(held, _TESTED) & valued & other)
        columns = [batch[name] for name in OBSERVATION_SCHEMA.names[:-2]]
        yield pa.RecordBatch.from_arrays([*columns, pa.array(quality), reason], schema=OBSERVATION_SCHEMA).filter(
            changed
        )


def pardons(twin: Twin, timeseries: str, streams: tuple[str, ...]) -> Iterator[pa.RecordBatch]:
    """Yield, as GOOD, the observations that a spatial test had flagged in datastreams that are compared no more."""
    flagged = Condition(field="quality", value=int(Quality.SPATIAL))
    query = ObservationQuery(collection=timeseries, datastreams=streams, where=(flagged,))
    for batch in twin.store.observations.read(query, OPERATOR) if streams else ():
        columns = [batch[name] for name in OBSERVATION_SCHEMA.names[:-2]]
        good = pa.array(np.full(batch.num_rows, int(Quality.GOOD), np.uint8))
        yield pa.RecordBatch.from_arrays(
            [*columns, good, pa.nulls(batch.num_rows, pa.string())], schema=OBSERVATION_SCHEMA
        )


def _batches(
    twin: Twin, timeseries: str, stations: Stations, hours: NDArray[np.datetime64]
) -> Iterator[tuple[pa.RecordBatch, NDArray[np.int64], NDArray[np.int64]]]:
    """Yield the observations nearest to some hours, with the number of their station and of their hour."""
    streams = stations.streams["id"].combine_chunks()
    first, last = (edge.astype("M8[us]") for edge in (hours[0] - _HALF, hours[-1] + _HALF))
    start, end = (edge.item().replace(tzinfo=UTC) for edge in (first, last - np.timedelta64(1, "us")))
    query = ObservationQuery(
        collection=timeseries, datastreams=tuple(streams.to_pylist()), time=TimeSpan(start=start, end=end)
    )
    for batch in twin.store.observations.read(query, OPERATOR):
        times = batch["phenomenon_time"].cast(pa.int64()).to_numpy().view("M8[us]")
        hour = (nearest_hour(times) - hours[0]).astype(np.int64)
        yield batch, pc.index_in(batch["datastream"], streams).to_numpy().astype(np.int64), hour
