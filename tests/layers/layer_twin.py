"""A small real store to derive layers in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import shapely

from twin.context import Twin
from twin.model import Collection, Field, FieldType, Kind, Licence, Style, Text
from twin.observed_properties import known_properties
from twin.settings import City, Settings, StoreSettings
from twin.store.embedded import open_store
from twin.tables import DATASTREAM_FIELDS, OBSERVATION_SCHEMA, datastream_id, feature_schema
from twin.testing.samples import put_features, put_series

STAMP = pa.timestamp("us", tz="UTC")
STATION_FIELDS = tuple(
    Field(name=name, type=kind, title=Text(fr=name, en=name))
    for name, kind in (("name", FieldType.STRING), ("altitude", FieldType.NUMBER), ("environment", FieldType.STRING))
)


@dataclass
class Station:
    """A station and its hourly values from `start`; not-a-number for a gap, flags by hour; in a row by default."""

    id: str
    environment: str
    altitude: float | None
    values: Sequence[float]
    flags: dict[int, int] | None = None
    point: tuple[float, float] | None = None
    unit: str = "Cel"


def collection(name: str, kind: Kind, **more: object) -> Collection:
    text = Text(fr=name, en=name)
    return Collection(
        id=name,
        kind=kind,
        title=text,
        description=text,
        licence=Licence(title="Licence Ouverte 2.0", attribution="test"),
        producer="test",
        **more,
    )


def instants(values: Sequence[object]) -> pa.Array:
    return pa.array(values, pa.timestamp("us")).cast(STAMP)


@contextmanager
def empty_twin(folder: Path, department: str | None = None) -> Iterator[Twin]:
    settings = Settings(city=City(department=department), store=StoreSettings(folder=folder))
    store = open_store(folder, "EPSG:2154")
    try:
        yield Twin.over(settings, store)
    finally:
        store.close()


def commit_features(
    twin: Twin, name: str, fields: tuple[Field, ...], columns: dict[str, object], geometry: str
) -> None:
    style = Style(label="name") if fields else Style()
    given = collection(name, Kind.FEATURES, fields=fields, geometry=geometry, style=style)
    put_features(twin.store, pa.table(columns, schema=feature_schema(fields)), collection=given)


def commit_stations(twin: Twin, stations: list[Station], start: str) -> None:
    count = len(stations)
    points = [shapely.Point(one.point or (770_000 + 1000 * i, 6_280_000)).wkb for i, one in enumerate(stations)]
    ids = [station.id for station in stations]
    forever = {"valid_from": pa.nulls(count, STAMP), "valid_to": pa.nulls(count, STAMP), "geometry": points}
    columns = {
        "id": ids,
        **forever,
        "name": [f"Station {identity}" for identity in ids],
        "altitude": [station.altitude for station in stations],
        "environment": [station.environment for station in stations],
    }
    commit_features(twin, "stations", STATION_FIELDS, columns, "Point")
    observed = known_properties()["air_temperature"]
    streams = [datastream_id(identity, observed.name) for identity in ids]
    datastreams = {
        "id": streams,
        **forever,
        "name": ids,
        "timeseries": ["observations"] * count,
        "object_collection": ["stations"] * count,
        "object_id": ids,
        "observed_property": [observed.name] * count,
        "unit": [station.unit for station in stations],
    }
    rows: dict[str, list[object]] = {name: [] for name in OBSERVATION_SCHEMA.names}
    for stream, station in zip(streams, stations, strict=True):
        for hour, value in enumerate(station.values):
            if np.isnan(value):
                continue
            time = np.datetime64(start, "us") + np.timedelta64(hour, "h")
            flag = (station.flags or {}).get(hour, 0)
            for name, cell in zip(rows, (stream, time, time, float(value), None, flag, None), strict=True):
                rows[name].append(cell)
    for name in ("phenomenon_time", "result_time"):
        rows[name] = instants(np.array(rows[name], "M8[us]"))
    put_series(
        twin.store,
        pa.table(rows, schema=OBSERVATION_SCHEMA),
        datastreams=pa.table(datastreams, schema=feature_schema(DATASTREAM_FIELDS)),
        collection=collection("observations", Kind.TIMESERIES, observed_properties=(observed,)),
    )
