"""Daily values committed to a small real store, at stations or for the country."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import shapely

from tests.layers.layer_twin import STAMP, collection, instants
from twin.context import Twin
from twin.model import Kind, ObservedProperty, Text
from twin.tables import DATASTREAM_FIELDS, OBSERVATION_SCHEMA, datastream_id, feature_schema
from twin.testing.samples import put_series


def commit_daily(
    twin: Twin,
    timeseries: str,
    stations: Sequence[str],
    values: dict[str, np.ndarray],
    times: np.ndarray,
    *,
    unit: str = "Cel",
    flags: dict[int, int] | None = None,
) -> None:
    """Commit values of properties, of shape (stations, times), not-a-number for a gap; flags by time of the first."""
    observed = tuple(ObservedProperty(name=name, unit=unit, title=Text(fr=name, en=name)) for name in values)
    listed, rows = [], []
    for name, given in values.items():
        for station, series in zip(stations, np.atleast_2d(given), strict=True):
            stream = datastream_id(station, name)
            listed.append(
                {
                    "id": stream,
                    "valid_from": None,
                    "valid_to": None,
                    "geometry": shapely.Point(770_000, 6_280_000).wkb,
                    "name": stream,
                    "timeseries": timeseries,
                    "object_collection": "stations",
                    "object_id": station,
                    "observed_property": name,
                    "unit": unit,
                }
            )
            known = np.flatnonzero(np.isfinite(series))
            quality = [(flags or {}).get(int(at), 0) if station == stations[0] else 0 for at in known]
            at = instants(times[known].astype("M8[us]"))
            columns = {
                "datastream": pa.array([stream] * len(known)),
                "phenomenon_time": at,
                "result_time": pa.array([np.datetime64("2026-08-01", "us")] * len(known)).cast(STAMP),
                "result": pa.array(series[known].astype(float)),
                "result_text": pa.nulls(len(known), pa.string()),
                "quality": pa.array(quality, pa.uint8()),
                "quality_reason": pa.nulls(len(known), pa.string()),
            }
            rows.append(pa.table(columns, schema=OBSERVATION_SCHEMA))
    put_series(
        twin.store,
        pa.concat_tables(rows),
        datastreams=pa.Table.from_pylist(listed, schema=feature_schema(DATASTREAM_FIELDS)),
        collection=collection(timeseries, Kind.TIMESERIES, observed_properties=observed),
        source=timeseries,
    )
