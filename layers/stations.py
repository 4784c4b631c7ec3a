"""Stations and their hourly values, read from the store by blocks of stations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

from layers.hours import Matrix, nearest_hour
from layers.parameters import ReferenceParameters
from layers.reading import covered, described, find, streams_of
from layers.shapes import values_at
from twin.context import Twin
from twin.errors import DoesNotApply
from twin.model import Collection
from twin.store import OPERATOR, ObservationQuery
from twin.time import TimeSpan

type Reference = str | tuple[str, ...] | Mapping[str, str]

#: The most hourly values held at once: 160 MB an array.
_HELD = 20_000_000
_HALF = np.timedelta64(30, "m")


@dataclass(frozen=True)
class Stations:
    """Stations that observe one property, one row each, ordered by id.

    ``streams`` has the columns of the datastreams observed; ``names`` are for people; ``altitude`` is
    in metres, not-a-number where unknown or left out; ``reference`` tells which stations are the reference.
    """

    streams: pa.Table
    names: NDArray[np.object_]
    altitude: NDArray[np.float64]
    reference: NDArray[np.bool_]

    @property
    def ids(self) -> list[str]:
        """The identities of the stations."""
        return self.streams["object_id"].to_pylist()  # type: ignore[no-any-return]

    def __len__(self) -> int:
        return len(self.names)

    def take(self, rows: NDArray[np.intp]) -> Stations:
        """Return some of the stations."""
        chosen = self.streams.take(pa.array(rows))
        return replace(
            self,
            streams=chosen,
            names=self.names[rows],
            altitude=self.altitude[rows],
            reference=self.reference[rows],
        )

    def blocks(self, hours: int) -> Iterator[Stations]:
        """Yield the stations in blocks whose hourly values fit in memory."""
        size = max(1, _HELD // max(hours, 1))
        for start in range(0, len(self), size):
            yield self.take(np.arange(start, min(start + size, len(self))))


def read_stations(
    twin: Twin,
    timeseries: Collection,
    objects: Collection,
    observed_property: str,
    altitude_field: str | None,
    reference: Reference,
    areas: Collection | None = None,
) -> Stations:
    """Return the objects of a collection that observe a property, and which of them are the reference.

    Parameters
    ----------
    altitude_field
        Field of `objects` with the altitude in metres; None to leave altitude out.
    reference
        One id, several, or fields with the value that the reference stations have in them.
    areas
        Areas that may have those fields where the stations have not: a station takes those of its place.

    Raises
    ------
    DoesNotApply
        When no station observes the property, a field is missing, or no station is the reference.
    """
    streams = streams_of(twin, timeseries.id, objects.id, observed_property)
    if not streams.num_rows:
        raise DoesNotApply(f"No object of {objects.id} observes {observed_property} in {timeseries.id}.")
    wanted = set(reference) if isinstance(reference, Mapping) else set()
    fields = {field.name for field in objects.fields}
    of_areas = wanted & {field.name for field in areas.fields} - fields if areas is not None else set()
    wanted -= of_areas
    if altitude_field is not None:
        wanted.add(altitude_field)
    if missing := sorted(wanted - fields):
        raise DoesNotApply(
            f"{objects.id} has no field {missing[0]!r}: name another, or give station ids as the reference "
            "and null as the altitude_field to leave altitude out."
        )
    rows, names = described(twin, objects, streams, wanted)
    if areas is not None and of_areas:
        places = shapely.from_wkb(streams["geometry"].to_numpy())
        found = values_at(twin, areas.id, tuple(sorted(of_areas)), places)
        for name in found.column_names:
            rows = rows.append_column(name, found[name])
    altitude = np.full(streams.num_rows, np.nan)
    if altitude_field is not None:
        altitude = rows[altitude_field].cast(pa.float64()).to_numpy(zero_copy_only=False)
    return Stations(
        streams=streams,
        names=names,
        altitude=altitude.astype(float),
        reference=_reference(reference, objects.id, streams["object_id"], rows),
    )


def read_compared(twin: Twin, parameters: ReferenceParameters) -> tuple[Collection, Collection, Stations]:
    """Return the time series and the objects that parameters name, and the stations, told which are the reference.

    Raises
    ------
    DoesNotApply
        When a collection is missing, and as :func:`read_stations` does.
    """
    timeseries, objects = find(twin, parameters.timeseries), find(twin, parameters.object_collection)
    stations = read_stations(
        twin,
        timeseries,
        objects,
        parameters.observed_property,
        parameters.altitude_field,
        parameters.reference,
        None if parameters.areas is None else find(twin, parameters.areas),
    )
    return timeseries, objects, stations


def hourly(
    twin: Twin, timeseries: str, stations: Stations, hours: NDArray[np.datetime64], excluded: tuple[int, ...]
) -> Matrix:
    """Return the mean of the values nearest each hour, shape (stations, hours); flagged ones left out.

    Parameters
    ----------
    hours
        Consecutive hours, naive UTC.
    excluded
        Codes of quality whose values are not used.
    """
    streams = stations.streams["id"].combine_chunks()
    total = np.zeros((len(stations), len(hours)))
    count = np.zeros((len(stations), len(hours)), np.int64)
    start, end = (
        instant.astype("M8[us]").item().replace(tzinfo=UTC) for instant in (hours[0] - _HALF, hours[-1] + _HALF)
    )
    asked = TimeSpan(start=start, end=end)
    query = ObservationQuery(collection=timeseries, datastreams=tuple(streams.to_pylist()), time=asked)
    for batch in twin.store.observations.read(query, OPERATOR):
        station = pc.index_in(batch["datastream"], streams).to_numpy(zero_copy_only=False)
        times = batch["phenomenon_time"].cast(pa.int64()).to_numpy().view("M8[us]")
        column = (nearest_hour(times) - hours[0]).astype(np.int64)
        value = batch["result"].to_numpy(zero_copy_only=False)
        used = np.isfinite(value) & ~np.isin(batch["quality"].to_numpy(), excluded)
        used &= (column >= 0) & (column < len(hours))
        np.add.at(total, (station[used], column[used]), value[used])
        np.add.at(count, (station[used], column[used]), 1)
    mean: Matrix = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return mean


def span(timeseries: Collection) -> NDArray[np.datetime64]:
    """Return the consecutive hours, naive UTC, that a collection of time series covers.

    Raises
    ------
    DoesNotApply
        When it holds no observation.
    """
    first, last = nearest_hour(covered(timeseries))
    return np.arange(first, last + np.timedelta64(1, "h"))


def _reference(reference: Reference, objects: str, ids: pa.ChunkedArray, rows: pa.Table) -> NDArray[np.bool_]:
    if isinstance(reference, Mapping):
        chosen = np.ones(len(ids), bool)
        for name, value in reference.items():
            chosen &= pc.fill_null(pc.equal(rows[name].cast(pa.string()), value), False).to_numpy()
        if not chosen.any():
            told = ", ".join(f"{name} = {value}" for name, value in reference.items())
            raise DoesNotApply(f"No station of {objects} with {told}: give the ids of the reference stations.")
        return chosen
    asked = (reference,) if isinstance(reference, str) else reference
    known = set(ids.to_pylist())
    if missing := [name for name in asked if name not in known]:
        raise DoesNotApply(f"The reference station {missing[0]!r} observes nothing here: choose among {objects}.")
    if not asked:
        raise DoesNotApply("The reference names no station: give at least one id.")
    return np.isin(ids.to_numpy(zero_copy_only=False), asked)
