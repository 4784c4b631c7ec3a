"""Analysers of one pollutant, read from the store, and their hourly means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from layers.air_quality.statistics import SHARE, Days, Matrix, local_dates
from layers.parameters import StationParameters
from layers.reading import covered, described, find, streams_of
from twin.context import Twin
from twin.errors import BadData, DoesNotApply
from twin.model import Collection
from twin.observed_properties import known_properties
from twin.store import OPERATOR, ObservationQuery

#: The most hourly values held at once: 160 MB an array.
_HELD = 20_000_000
_HOUR = 3_600_000_000  # microseconds


@dataclass(frozen=True)
class Analysers:
    """The stations that measure one pollutant, ordered by id.

    ``streams`` has the columns of their datastreams, ``rows`` the fields asked of the stations; ``names`` are
    for people.
    """

    pollutant: str
    streams: pa.Table
    rows: pa.Table
    names: NDArray[np.object_]

    def __len__(self) -> int:
        return self.streams.num_rows  # type: ignore[no-any-return]

    @property
    def ids(self) -> list[str]:
        """The identities of the stations."""
        return self.streams["object_id"].to_pylist()  # type: ignore[no-any-return]

    def take(self, rows: NDArray[np.intp]) -> Analysers:
        """Return some of them."""
        chosen = pa.array(rows)
        return replace(self, streams=self.streams.take(chosen), rows=self.rows.take(chosen), names=self.names[rows])

    def blocks(self, hours: int) -> Iterator[Analysers]:
        """Yield the analysers in blocks whose hourly values fit in memory."""
        size = max(1, _HELD // max(hours, 1))
        for start in range(0, len(self), size):
            yield self.take(np.arange(start, min(start + size, len(self))))


def read_analysers(
    twin: Twin, parameters: StationParameters, pollutant: str, fields: tuple[str, ...] = ()
) -> Analysers:
    """Return the stations that observe a pollutant; none, when none does.

    Raises
    ------
    BadData
        When a datastream is in another unit than the pollutant's: a limit means nothing beside it.
    DoesNotApply
        When the stations have no such field.
    """
    objects = find(twin, parameters.object_collection)
    if missing := [name for name in fields if objects.field(name) is None]:
        raise DoesNotApply(f"{objects.id} has no field {missing[0]!r}: name another in the layer's parameters.")
    streams = streams_of(twin, parameters.timeseries, objects.id, pollutant)
    unit = known_properties()[pollutant].unit
    if others := [row for row in streams.select(["object_id", "unit"]).to_pylist() if row["unit"] != unit]:
        told = ", ".join(sorted({f"{row['unit']} at {row['object_id']}" for row in others[:5]}))
        raise BadData(f"{pollutant} is wanted in {unit}, and is in {told}: ingest it again with its unit declared.")
    rows, names = described(twin, objects, streams, fields)
    return Analysers(pollutant, streams, rows, names)


def hourly_means(
    twin: Twin, timeseries: str, analysers: Analysers, hours: NDArray[np.datetime64], excluded: tuple[int, ...]
) -> Matrix:
    """Return the mean of each hour, shape (analysers, hours), not-a-number where less than 75 % of it is known.

    Parameters
    ----------
    hours
        Ends of consecutive hours, naive UTC. A value belongs to the hour that ends at its time or next; it lasts
        as long as the commonest step of its datastream, an hour at most.
    excluded
        Codes of quality whose values are not used.
    """
    streams = analysers.streams["id"].combine_chunks()
    shape = len(analysers), len(hours)
    total, count = np.zeros(shape), np.zeros(shape, np.int32)
    gaps: list[NDArray[np.int64]] = []
    query = ObservationQuery(collection=timeseries, datastreams=tuple(streams.to_pylist()))
    for batch in twin.store.observations.read(query, OPERATOR):
        row = pc.index_in(batch["datastream"], streams).to_numpy(zero_copy_only=False)
        times = batch["phenomenon_time"].cast(pa.int64()).to_numpy()
        gaps.append(_gaps(row, times))
        column = -(-times // _HOUR) - hours[0].astype("M8[h]").astype(np.int64)
        value = batch["result"].to_numpy(zero_copy_only=False)
        used = np.isfinite(value) & ~np.isin(batch["quality"].to_numpy(), excluded)
        used &= (column >= 0) & (column < len(hours))
        np.add.at(total, (row[used], column[used]), value[used])
        np.add.at(count, (row[used], column[used]), 1)
    enough = count * _steps(gaps, len(analysers))[:, np.newaxis] >= SHARE * _HOUR
    mean: Matrix = np.divide(total, count, out=np.full(shape, np.nan), where=enough & (count > 0))
    return mean


def _gaps(row: NDArray[np.intp], times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the times between values of one datastream: rows of datastream, microseconds, how often."""
    gaps = np.diff(times)
    inside = (np.diff(row) == 0) & (gaps > 0)
    pairs, count = np.unique(np.column_stack([row[1:][inside], gaps[inside]]), axis=0, return_counts=True)
    return np.column_stack([pairs, count])


def _steps(gaps: list[NDArray[np.int64]], count: int) -> NDArray[np.int64]:
    """Return the commonest gap of each datastream, in microseconds, an hour at most and where there is none."""
    steps = np.full(count, _HOUR)
    if gaps:
        of, gap, often = np.concatenate(gaps).T
        pairs, which = np.unique(np.column_stack([of, gap]), axis=0, return_inverse=True)
        rarest_first = np.argsort(np.bincount(which, often), kind="stable")
        steps[pairs[rarest_first, 0]] = np.minimum(pairs[rarest_first, 1], _HOUR)
    return steps


def having(analysers: Analysers, wanted: dict[str, str | tuple[str, ...]]) -> Analysers:
    """Return those whose stations have, in some fields, the value or one of the values wanted."""
    kept = np.ones(len(analysers), bool)
    for name, values in wanted.items():
        accepted = pa.array([values] if isinstance(values, str) else list(values), pa.string())
        kept &= pc.is_in(analysers.rows[name].cast(pa.string()), accepted).to_numpy()
    return analysers.take(np.flatnonzero(kept))


def ends_of_hours(timeseries: Collection) -> tuple[np.datetime64, np.datetime64]:
    """Return the ends of the first and the last hour that a collection of time series covers, naive UTC.

    Raises
    ------
    DoesNotApply
        When it holds no observation.
    """
    first, last = (covered(timeseries) + np.timedelta64(_HOUR - 1, "us")).astype("M8[h]")
    return first, last


def days_of(timeseries: Collection, zone: str) -> Days:
    """Return the whole days of `zone` that a collection of time series covers.

    A record that opens at midnight gives the day before one hour alone: that day is left out.

    Raises
    ------
    DoesNotApply
        When it holds no observation.
    """
    hour = np.timedelta64(1, "h")
    start, end = ends_of_hours(timeseries)
    first = local_dates(np.array([start, start + hour]), zone)
    return Days.over(start + hour if first[0] != first[1] and end > start else start, end, zone)
