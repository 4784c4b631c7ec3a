"""A small real store with air-quality stations and two communes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import shapely

from tests.layers.layer_twin import STAMP, STATION_FIELDS, collection, commit_features, instants
from twin.context import Twin
from twin.model import Field, FieldType, Kind, Text
from twin.observed_properties import known_properties
from twin.tables import DATASTREAM_FIELDS, OBSERVATION_SCHEMA, feature_schema
from twin.testing.samples import put_series

X, Y = 770_000.0, 6_280_000.0
NAME = (Field(name="name", type=FieldType.STRING, title=Text(fr="Nom", en="Name")),)
#: Station, environment, place, pollutant, hourly values that end from 01:00 on.
type Analyser = tuple[str, str, tuple[float, float], str, Sequence[float]]


def two_days() -> list[Analyser]:
    """Return a background and a traffic station in the first commune, none in the second."""
    day = np.concatenate([np.full(24, 35.0), np.full(24, 95.0)])
    ozone = np.concatenate([np.full(24, 60.0), np.full(24, 131.0)])
    return [
        ("A01", "background", (500, 500), "no2", day),
        ("A01", "background", (500, 500), "o3", ozone),
        ("A02", "traffic", (600, 600), "no2", day + 300),
    ]


def commit_air(
    twin: Twin,
    analysers: list[Analyser] | None = None,
    start: str = "2026-07-01T01:00",
    minutes: int = 60,
    unit: str = "ug/m3",
    flags: dict[int, int] | None = None,
) -> None:
    """Commit stations, their hourly values from `start` and two communes of 1 km side by side."""
    chosen = analysers or two_days()
    places = {station: (environment, place) for station, environment, place, _, _ in chosen}
    ids = sorted(places)
    forever = {"valid_from": pa.nulls(len(ids), STAMP), "valid_to": pa.nulls(len(ids), STAMP)}
    points = {name: shapely.Point(X + places[name][1][0], Y + places[name][1][1]).wkb for name in ids}
    columns = {
        "id": ids,
        **forever,
        "geometry": [points[name] for name in ids],
        "name": [f"Station {name}" for name in ids],
        "altitude": [10.0] * len(ids),
        "environment": [places[name][0] for name in ids],
    }
    commit_features(twin, "stations", STATION_FIELDS, columns, "Point")
    communes = [shapely.box(X + 1000 * i, Y, X + 1000 * (i + 1), Y + 1000).wkb for i in range(2)]
    nothing = pa.nulls(2, STAMP)
    columns = {
        "id": ["c1", "c2"],
        "valid_from": nothing,
        "valid_to": nothing,
        "geometry": communes,
        "name": ["Un", "Deux"],
    }
    commit_features(twin, "communes", NAME, columns, "Polygon")
    count = len(chosen)
    streams = [f"{station}.{pollutant}" for station, _, _, pollutant, _ in chosen]
    datastreams = {
        "id": streams,
        "valid_from": pa.nulls(count, STAMP),
        "valid_to": pa.nulls(count, STAMP),
        "geometry": [points[station] for station, *_ in chosen],
        "name": streams,
        "timeseries": ["observations"] * count,
        "object_collection": ["stations"] * count,
        "object_id": [station for station, *_ in chosen],
        "observed_property": [pollutant for *_, pollutant, _ in chosen],
        "unit": [unit] * count,
    }
    rows: dict[str, list[object]] = {name: [] for name in OBSERVATION_SCHEMA.names}
    for stream, (*_, values) in zip(streams, chosen, strict=True):
        for step, value in enumerate(values):
            if np.isnan(value):
                continue
            time = np.datetime64(start, "us") + np.timedelta64(step * minutes, "m")
            for name, cell in zip(
                rows, (stream, time, time, float(value), None, (flags or {}).get(step, 0), None), strict=True
            ):
                rows[name].append(cell)
    for name in ("phenomenon_time", "result_time"):
        rows[name] = instants(np.array(rows[name], "M8[us]"))
    observed = tuple(known_properties()[name] for name in dict.fromkeys(pollutant for *_, pollutant, _ in chosen))
    put_series(
        twin.store,
        pa.table(rows, schema=OBSERVATION_SCHEMA),
        datastreams=pa.table(datastreams, schema=feature_schema(DATASTREAM_FIELDS)),
        collection=collection("observations", Kind.TIMESERIES, observed_properties=observed),
    )
