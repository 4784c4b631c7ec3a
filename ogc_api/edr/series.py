"""The answers of a time series: the values of datastreams, or their statistics, at objects, points and in areas."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from ogc_api.edr.answer import QUALITY_SUFFIX, Answer, Place, Values
from ogc_api.edr.coverage_answers import answer
from ogc_api.edr.periods import Aggregation
from ogc_api.edr.query import EdrQuery, naive, observed_names
from ogc_api.edr.shapes import Area, together
from ogc_api.edr.statistics import withheld
from ogc_api.edr.streams import Series, datastreams, geometries
from twin import crs as crs_
from twin.errors import DoesNotApply, NoData, NotFound, TooLarge
from twin.store import AggregateQuery, ObservationQuery
from twin.time import TimeSpan

#: How far from the point asked a datastream may be and still be at it, in metres: about the
#: rounding of a lon/lat written with five decimals, and well under the distance of two lamp posts.
TOLERANCE = 1.0


def location(series: Series, identity: str, query: EdrQuery) -> Answer:
    """Return the values observed at one object.

    Raises
    ------
    NotFound
        When no such object is observed here.
    NoData
        When nothing of what is asked is observed there, or it has no value at the time asked.
    TooLarge
        When the answer would exceed the bound; nothing has been read.
    """
    streams = datastreams(series, query, identity=identity)
    if not streams.num_rows:
        everything = replace(query, parameters=observed_names(series.collection))
        if not datastreams(series, everything, identity=identity).num_rows:
            raise NotFound(f"{series.collection.id} has no location {identity!r}: see its locations.")
        raise NoData(f"{series.collection.id} does not observe {', '.join(query.parameters)} at {identity!r}.")
    return _values(series, streams, query)


def position(series: Series, query: EdrQuery) -> Answer:
    """Return the values of the datastreams at points, one coverage for each object.

    A datastream is at a point when it lies within :data:`TOLERANCE`; never a neighbour's values.

    Raises
    ------
    NoData
        When there is none, or it has no value at the time asked.
    TooLarge
        When the answer would exceed the bound; nothing has been read.
    """
    points = shapely.get_coordinates(query.coords)
    x, y = crs_.transform(points[:, 0], points[:, 1], query.crs, series.collection.crs)
    known = np.isfinite(x) & np.isfinite(y)
    if not known.any():
        raise NoData(f"The point lies outside the area of {series.collection.crs}.")
    region = shapely.union_all(shapely.buffer(shapely.points(x[known], y[known]), TOLERANCE))
    streams = datastreams(series, query, region=region)
    if not streams.num_rows:
        raise NoData(
            f"Nothing is observed within {TOLERANCE:g} m of the point: "
            f"see the locations of {series.collection.id} for where it is."
        )
    return _values(series, streams, query)


def area(series: Series, query: EdrQuery) -> Answer:
    """Return the values of the datastreams in areas, one coverage for each object; or the statistics of each area.

    Raises
    ------
    NoData
        When there is none, or it has no value at the time asked.
    TooLarge
        When the answer would exceed the bound; nothing has been read.
    """
    if query.aggregation and query.aggregation.area:
        places = tuple(place for each in query.areas for place in _pooled(series, each, query, query.aggregation))
        if not places:
            raise NoData(_nothing(series, query))
        return answer(series.collection, query, places)
    region = together(query.areas)
    if region.is_empty or not (streams := datastreams(series, query, region=region)).num_rows:
        raise NoData(f"Nothing is observed there: see the locations of {series.collection.id} for where it is.")
    return _values(series, streams, query)


def _values(series: Series, streams: pa.Table, query: EdrQuery) -> Answer:
    asked = ObservationQuery(
        collection=series.collection.id, datastreams=tuple(streams["id"].to_pylist()), time=query.time
    )
    if query.aggregation:
        table = _aggregated(series, asked, query.aggregation, pooled=False)
    else:
        each = -(-len(query.parameters) // len(query.observed_properties))
        _check(series.store.observations.count(asked, series.principal) * each, series.bounds.values)
        table = series.store.observations.read(asked, series.principal).read_all()
    if not table.num_rows:
        raise NoData(_nothing(series, query))
    return answer(series.collection, query, tuple(_places(series, streams, table.combine_chunks(), query)))


def _nothing(series: Series, query: EdrQuery) -> str:
    when = f" at datetime={query.time}" if query.time else ""
    return f"{series.collection.id} holds nothing there{when}."


def _check(count: int, bound: int) -> None:
    if count > bound:
        raise TooLarge(
            f"The answer would hold {count} values and the bound is {bound}: ask a shorter time or fewer parameters."
        )


# --- Places ----------------------------------------------------------------------------------------


def _places(series: Series, streams: pa.Table, table: pa.Table, query: EdrQuery) -> Iterator[Place]:
    """Yield one place for each object that has values.

    `table` is ordered by datastream, then time, as the store answers.
    """
    parts = _parts(table, "datastream")
    points = shapely.point_on_surface(geometries(streams["geometry"], series.collection.crs, query.crs))
    objects: dict[str, tuple[shapely.Point, dict[str, pa.Table]]] = {}
    columns = (streams[name].to_pylist() for name in ("id", "object_id", "observed_property"))
    for stream, identity, observed, point in zip(*columns, points, strict=True):
        if stream in parts:
            objects.setdefault(identity, (point, {}))[1][observed] = parts[stream]
    for identity, (point, values) in objects.items():
        if point is None:
            raise DoesNotApply(f"{identity} has no place: ask its observations as items of {series.collection.id}.")
        if query.aggregation:
            yield _statistics(series, point, identity, values, query, query.aggregation)
        else:
            yield _place(identity, point, values, query)


def _parts(table: pa.Table, by: str) -> dict[str, pa.Table]:
    """Cut a table that is ordered by a column at its values."""
    encoded = table[by].combine_chunks().dictionary_encode()
    edges = np.flatnonzero(np.diff(encoded.indices.to_numpy(), prepend=-1, append=-1)).tolist()
    lengths = [end - start for start, end in pairwise(edges)]
    return dict(zip(encoded.dictionary.to_pylist(), map(table.slice, edges, lengths), strict=False))


def _times(table: pa.Table, name: str) -> NDArray[np.datetime64]:
    return table[name].cast(pa.int64()).to_numpy().view("M8[us]")  # type: ignore[no-any-return]


def _place(identity: str, point: shapely.Point, values: dict[str, pa.Table], query: EdrQuery) -> Place:
    """Lay the values of one object, by observed property, on the union of their times."""
    times = {name: _times(table, "phenomenon_time") for name, table in values.items()}
    axis = np.unique(np.concatenate(list(times.values())))
    laid: dict[str, Values] = {}
    for name in query.parameters:
        observed = name.removesuffix(QUALITY_SUFFIX)
        if observed in values:
            at = np.searchsorted(axis, times[observed])
            laid[name] = _laid(_column(values[observed], quality=name != observed), at, len(axis))
    return Place(point, axis, laid, id=identity)


def _column(table: pa.Table, *, quality: bool) -> NDArray[Any]:
    """Return quality flags, or results: texts as objects where there are any."""
    if quality:
        return table["quality"].to_numpy()  # type: ignore[no-any-return]
    texts = table["result_text"]
    numeric = texts.null_count == len(texts)
    return table["result"].to_numpy() if numeric else texts.to_numpy()  # type: ignore[no-any-return]


def _laid(column: NDArray[Any], at: NDArray[np.intp], length: int) -> Values:
    """Return `column` at the positions `at` of an array whose other elements are missing."""
    if len(column) == length:
        return column if column.dtype.kind != "O" else column.tolist()
    if column.dtype.kind == "f":
        laid = np.full(length, np.nan)
        laid[at] = column
        return laid
    sparse = np.full(length, None, dtype=object)
    sparse[at] = column
    return sparse.tolist()


# --- Statistics ------------------------------------------------------------------------------------


def _aggregated(series: Series, asked: ObservationQuery, aggregation: Aggregation, *, pooled: bool) -> pa.Table:
    """Ask the store for the statistics of good values; nothing when the periods asked hold none."""
    edges: tuple[datetime, ...] | None = None
    if aggregation.period:
        span = _within(series, asked.time)
        if span is None:
            return pa.table({"period": []})
        edges = tuple(aggregation.edges(span))
        # Periods are whole: datetime chooses them, and cuts none.
        asked = asked.model_copy(update={"time": TimeSpan(start=edges[0], end=edges[-1])})
    asked = asked.model_copy(update={"good_only": True})
    count, bound = series.store.observations.count(asked, series.principal), series.bounds.aggregated_values
    if count > bound:
        raise TooLarge(
            f"The answer would be an aggregate of {count} values and the bound is {bound}: "
            "ask a smaller area, a shorter time or fewer parameters."
        )
    wanted = AggregateQuery(select=asked, edges=edges, statistics=aggregation.statistics, pooled=pooled)
    table = series.store.observations.aggregate(wanted, series.principal).read_all()
    _check(table.num_rows * (len(aggregation.statistics) + 1), series.bounds.values)
    return table


def _within(series: Series, span: TimeSpan | None) -> TimeSpan | None:
    """Return the part of a span in which the collection has data; None when there is none."""
    if series.collection.temporal is None:
        return None
    first, last = series.collection.temporal
    last = last or datetime.now(UTC)
    start = max(span.start, first) if span and span.start else first
    end = min(span.end, last) if span and span.end else last
    return TimeSpan(start=start, end=end) if start <= end else None


def _pooled(series: Series, area: Area, query: EdrQuery, aggregation: Aggregation) -> Iterator[Place]:
    asked = ObservationQuery(
        collection=series.collection.id,
        observed_properties=query.observed_properties,
        region=area.region.wkb,
        time=query.time,
    )
    table = _aggregated(series, asked, aggregation, pooled=True)
    if table.num_rows:
        parts = _parts(table.combine_chunks(), "observed_property")
        yield _statistics(series, area.shape, None, parts, query, aggregation)


def _statistics(
    series: Series,
    shape: shapely.Point | shapely.Polygon,
    identity: str | None,
    values: dict[str, pa.Table],
    query: EdrQuery,
    aggregation: Aggregation,
) -> Place:
    """Lay the statistics of one place, by observed property, on the union of their periods."""
    times = {name: _times(table, "period") for name, table in values.items()}
    axis = np.unique(np.concatenate(list(times.values())))
    laid: dict[str, Values] = {}
    for name in query.parameters:
        if name not in values:
            continue
        table, at = values[name], np.searchsorted(axis, times[name])
        found = {key: table[key].to_numpy() for key in aggregation.statistics}
        share = np.minimum(table["values"].to_numpy() / table["expected"].to_numpy(), 1.0)
        for key, column in withheld(found, share, aggregation.least(times[name])).items():
            laid[f"{name}_{key}"] = _laid(column, at, len(axis))
    return Place(shape, axis, laid, _ends(axis, aggregation), identity)


def _ends(starts: NDArray[np.datetime64], aggregation: Aggregation) -> NDArray[np.datetime64] | None:
    if not aggregation.period:
        return None
    first, last = (starts[at].item().replace(tzinfo=UTC) for at in (0, -1))
    edges = np.array([naive(edge) for edge in aggregation.edges(TimeSpan(start=first, end=last))])
    return edges[np.searchsorted(edges, starts) + 1]
