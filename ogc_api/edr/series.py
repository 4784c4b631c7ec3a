"""Locations and position over time series: the objects observed, and the values of their datastreams."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from urllib.parse import quote

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

from ogc_api.edr import coveragejson
from ogc_api.edr.coveragejson import QUALITY_SUFFIX, Document
from ogc_api.edr.query import EdrQuery, Point
from ogc_api.features.geojson import decimals
from ogc_api.features.regions import region_of
from twin import crs as crs_
from twin.errors import DoesNotApply, NotFound, TooLarge
from twin.model import DATASTREAMS, Collection
from twin.store import Condition, FeatureQuery, ObservationQuery, Principal, Store
from twin.time import iso

#: How far from the point asked a datastream may be and still be at it, in metres: about the
#: rounding of a lon/lat written with five decimals, and well under the distance of two lamp posts.
TOLERANCE = 1.0


@dataclass(frozen=True)
class Series:
    """One time-series collection, as one principal sees it; an answer holds at most `bound` values."""

    store: Store
    principal: Principal
    collection: Collection
    bound: int


def locations(series: Series, query: EdrQuery, href: str) -> Document:
    """Return the objects observed as GeoJSON, each with its datastreams.

    ``bbox`` and ``parameter-name`` select datastreams; ``datetime`` those whose lifespan meets it.

    Parameters
    ----------
    href
        Address of the locations, to which ``/`` and the id of one is added.
    """
    region = query.bbox and region_of(query.bbox, series.collection)
    if query.bbox and region is None:
        return _listed([])
    streams = _streams(series, query, region=region, alive=True)
    visible = {each.id: each for each in series.store.catalogue.collections(series.principal)}
    geometries = shapely.to_geojson(_geometries(streams["geometry"], series.collection.crs, query.crs))
    names = _names(series, streams, visible)
    features: dict[str, Document] = {}
    for stream, geometry in zip(streams.drop_columns("geometry").to_pylist(), geometries, strict=True):
        identity = stream["object_id"]
        feature = features.get(identity)
        if feature is None:
            feature = features[identity] = {
                "type": "Feature",
                "id": identity,
                "geometry": None if geometry is None else orjson.Fragment(geometry),
                "properties": {
                    "label": names.get(identity, identity),
                    "object_collection": collection if (collection := stream["object_collection"]) in visible else None,
                    "datetime": _interval(series.collection),
                    "parameter-name": [],
                    "datastreams": [],
                    "edrqueryendpoint": f"{href}/{quote(identity, safe='')}",
                },
            }
        feature["properties"]["parameter-name"].append(stream["observed_property"])
        feature["properties"]["datastreams"].append(
            {"id": stream["id"], "name": stream["name"], "unit": stream["unit"]}
        )
    return _listed(list(features.values()))


def _listed(features: list[Document]) -> Document:
    return {"type": "FeatureCollection", "numberReturned": len(features), "features": features}


def location(series: Series, identity: str, query: EdrQuery) -> Document:
    """Return the values observed at one object.

    Raises
    ------
    NotFound
        When no such object is observed here, or it has no value at the time asked.
    TooLarge
        When the answer would exceed the bound; nothing has been read.
    """
    streams = _streams(series, query, identity=identity)
    if not streams.num_rows:
        raise NotFound(f"{series.collection.id} observes {', '.join(query.parameters)} at no object {identity!r}.")
    return _values(series, streams, query)


def position(series: Series, point: Point, query: EdrQuery) -> Document:
    """Return the values of the datastreams at a point, one coverage for each object.

    A datastream is at the point when it lies within :data:`TOLERANCE`; never a neighbour's values.

    Raises
    ------
    NotFound
        When there is none, or it has no value at the time asked.
    TooLarge
        When the answer would exceed the bound; nothing has been read.
    """
    x, y = crs_.transform(np.array(point[:1]), np.array(point[1:]), query.crs, series.collection.crs)
    if not (np.isfinite(x[0]) and np.isfinite(y[0])):
        raise NotFound(f"The point lies outside the area of {series.collection.crs}.")
    streams = _streams(series, query, region=shapely.Point(x[0], y[0]).buffer(TOLERANCE))
    if not streams.num_rows:
        raise NotFound(
            f"Nothing is observed within {TOLERANCE:g} m of the point: "
            f"see the locations of {series.collection.id} for where it is."
        )
    return _values(series, streams, query)


# --- Datastreams -----------------------------------------------------------------------------------


def _streams(
    series: Series,
    query: EdrQuery,
    *,
    region: shapely.Polygon | None = None,
    identity: str | None = None,
    alive: bool = False,
) -> pa.Table:
    """Return the datastreams of the collection that a query is about, each in its last version, ordered by object."""
    where = [
        Condition(field="timeseries", value=series.collection.id),
        Condition(field="observed_property", operator="in", value=query.observed_properties),
    ]
    if identity is not None:
        where.append(Condition(field="object_id", value=identity))
    asked = FeatureQuery(
        collection=DATASTREAMS,
        region=region.wkb if region else None,
        where=tuple(where),
        time=query.time if alive else None,
        columns=("name", "object_collection", "object_id", "observed_property", "unit"),
    )
    table = series.store.features.read(asked, series.principal).read_all()
    # An unknown start is before any other.
    start = pc.fill_null(table["valid_from"].cast(pa.int64()), np.iinfo(np.int64).min)
    order = [(name, "ascending") for name in ("object_id", "observed_property", "id", "start")]
    table = table.append_column("start", start).sort_by(order)
    ids = table["id"].to_numpy(zero_copy_only=False)
    return table.filter(pa.array(np.append(ids[1:] != ids[:-1], np.ones(min(len(ids), 1), bool))))


def _geometries(wkb: pa.ChunkedArray, source: str, target: str) -> NDArray[np.object_]:
    """Return geometries in `target`, their coordinates rounded as those of items are."""
    moved = crs_.transform_geometry(shapely.from_wkb(wkb.to_numpy(zero_copy_only=False)), source, target)
    return shapely.transform(moved, lambda points: np.round(points, decimals(target)))  # type: ignore[no-any-return]


def _names(series: Series, streams: pa.Table, visible: dict[str, Collection]) -> dict[str, str]:
    """Return the names that the objects observed have in their own collections, by the label of their style."""
    names: dict[str, str] = {}
    for collection_id in pc.unique(streams["object_collection"]).to_pylist():
        label = visible[collection_id].style.label if collection_id in visible else None
        if label is None:
            continue
        mine = streams.filter(pc.equal(streams["object_collection"], collection_id))
        asked = FeatureQuery(
            collection=collection_id,
            ids=tuple(pc.unique(mine["object_id"]).to_pylist()),
            columns=(label,),
            with_geometry=False,
        )
        table = series.store.features.read(asked, series.principal).read_all()
        named = zip(table["id"].to_pylist(), table[label].to_pylist(), strict=True)
        names.update({identity: str(name) for identity, name in named if name is not None})
    return names


def _interval(collection: Collection) -> str | None:
    if collection.temporal is None:
        return None
    start, end = collection.temporal
    return f"{iso(start)}/{iso(end) if end else '..'}"


# --- Values ----------------------------------------------------------------------------------------


def _values(series: Series, streams: pa.Table, query: EdrQuery) -> Document:
    asked = ObservationQuery(
        collection=series.collection.id, datastreams=tuple(streams["id"].to_pylist()), time=query.time
    )
    each = -(-len(query.parameters) // len(query.observed_properties))
    count = series.store.observations.count(asked, series.principal) * each
    if count > series.bound:
        raise TooLarge(
            f"The answer would hold {count} values and the bound is {series.bound}: "
            "ask a shorter time or fewer parameters."
        )
    table = series.store.observations.read(asked, series.principal).read_all()
    if not table.num_rows:
        raise NotFound(f"{series.collection.id} holds nothing there at datetime={query.time}.")
    coverages = list(_coverages(series, streams, table.combine_chunks(), query))
    return coveragejson.document(coverages, coveragejson.parameters(series.collection), query.crs)


def _coverages(series: Series, streams: pa.Table, table: pa.Table, query: EdrQuery) -> Iterator[Document]:
    """Yield one coverage for each object that has values.

    `table` is ordered by datastream, then time, as the store answers.
    """
    encoded = table["datastream"].combine_chunks().dictionary_encode()
    edges = np.flatnonzero(np.diff(encoded.indices.to_numpy(), prepend=-1, append=-1)).tolist()
    lengths = [end - start for start, end in pairwise(edges)]
    parts = dict(zip(encoded.dictionary.to_pylist(), map(table.slice, edges, lengths), strict=False))
    places = shapely.point_on_surface(_geometries(streams["geometry"], series.collection.crs, query.crs))
    objects: dict[str, tuple[shapely.Point, dict[str, pa.Table]]] = {}
    columns = (streams[name].to_pylist() for name in ("id", "object_id", "observed_property"))
    for stream, identity, observed, place in zip(*columns, places, strict=True):
        if stream in parts:
            objects.setdefault(identity, (place, {}))[1][observed] = parts[stream]
    for identity, (place, values) in objects.items():
        if place is None:
            raise DoesNotApply(f"{identity} has no place: ask its observations as items of {series.collection.id}.")
        yield _coverage(identity, place, values, query)


def _coverage(identity: str, place: shapely.Point, values: dict[str, pa.Table], query: EdrQuery) -> Document:
    """Lay the values of one object, by observed property, on the union of their times."""
    times = {
        name: table["phenomenon_time"].cast(pa.int64()).to_numpy().view("M8[us]") for name, table in values.items()
    }
    axis = np.unique(np.concatenate(list(times.values())))
    ranges = {}
    for name in query.parameters:
        observed = name.removesuffix(QUALITY_SUFFIX)
        if observed in values:
            at = np.searchsorted(axis, times[observed])
            column = _column(values[observed], quality=name != observed)
            ranges[name] = coveragejson.ndarray(_laid(column, at, len(axis)), ("t",), (len(axis),))
    domain = coveragejson.domain("PointSeries", np.array([place.x]), np.array([place.y]), axis)
    return coveragejson.coverage(domain, ranges, identity)


def _column(table: pa.Table, *, quality: bool) -> NDArray[Any]:
    """Return quality flags, or results: texts as objects where there are any."""
    if quality:
        return table["quality"].to_numpy()  # type: ignore[no-any-return]
    texts = table["result_text"]
    numeric = texts.null_count == len(texts)
    return table["result"].to_numpy() if numeric else texts.to_numpy()  # type: ignore[no-any-return]


def _laid(column: NDArray[Any], at: NDArray[np.intp], length: int) -> NDArray[Any] | list[Any]:
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
