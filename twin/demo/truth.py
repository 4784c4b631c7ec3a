"""The truth that the demo city was made from, kept beside its files and never ingested.

``truth.json`` has the parameters, the faults and the counts; ``temperature.npz`` the true fields;
``<collection>.geojson`` (CRS84) what a client of the API must find, with the properties served.
"""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyogrio
import shapely
from numpy.typing import NDArray

from twin.crs import CRS84, transform_geometry
from twin.demo import climate, series
from twin.demo.buildings import Days
from twin.demo.city import City
from twin.demo.files import feature_tables
from twin.demo.plan import CRS, SEED
from twin.tables import datastream_id
from twin.time import iso

_SERVED = ("buildings", "stations")


def write_truth(city: City, folder: Path) -> None:
    """Write the truth of a city in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = feature_tables(city)
    for name in _SERVED:
        (folder / f"{name}.geojson").write_bytes(feature_collection(tables[name]))
    (folder / "truth.json").write_bytes(orjson.dumps(_facts(city, tables), option=orjson.OPT_INDENT_2))
    points = shapely.get_coordinates(city.stations.point)
    np.savez_compressed(
        folder / "temperature.npz",
        station=city.stations.id.astype(str),
        built_fraction=city.island.built_fraction(points),
        anomaly=city.island.anomaly(points),
        time=climate.TIMES,
        open_country=city.weather.air,
        island=city.weather.island,
        sun=city.weather.sun,
        weather_station=city.stations.id[city.stations.station_type == "weather"].astype(str),
        air_temperature=city.measured["weather"].truth["air_temperature"],
        sensor_lamp_post=city.lamp_posts.id[city.lamp_posts.sensors].astype(str),
        lamp_post_air_temperature=city.measured["lamp_posts"].truth["air_temperature"],
    )


def feature_collection(table: pa.Table) -> bytes:
    """Return a table of features as GeoJSON in CRS84, as it is served.

    Dates are RFC 3339 instants in UTC, and booleans 0 or 1: ArcGIS drops true booleans.
    """
    geometry = transform_geometry(shapely.from_wkb(table["geometry"].to_numpy(zero_copy_only=False)), CRS, CRS84)
    ids = table["id"].to_pylist()
    columns = table.drop_columns(["id", "geometry"])
    for name in [name for name in ("valid_from", "valid_to") if name in columns.column_names]:
        text = pc.strftime(columns[name].cast(pa.timestamp("s")), format="%Y-%m-%dT00:00:00Z")
        columns = columns.set_column(columns.column_names.index(name), name, text)
    for place, field in enumerate(columns.schema):
        if pa.types.is_boolean(field.type):
            columns = columns.set_column(place, field.name, columns[field.name].cast(pa.int8()))
    features = [
        {"type": "Feature", "id": key, "geometry": orjson.Fragment(shape), "properties": properties}
        for key, shape, properties in zip(ids, shapely.to_geojson(geometry), columns.to_pylist(), strict=True)
    ]
    return orjson.dumps({"type": "FeatureCollection", "features": features})


def observation_rows(folder: Path) -> pa.Table:
    """Read all the series of a written city as one table, with the ``datastream`` of each row.

    Parameters
    ----------
    folder
        The folder that :func:`twin.demo.write` filled.
    """
    files = sorted((folder / "datasets" / "measurements").glob("*.parquet"))
    table = pa.concat_tables([pq.read_table(file) for file in files])
    separator = datastream_id("", "")
    stream = pc.binary_join_element_wise(table["object_id"], table["observed_property"], separator)
    return table.append_column("datastream", stream)


def write_observations(folder: Path, target: Path) -> None:
    """Write ``observations.geojson``: every value of a written city at the place of its object, in CRS84.

    The whole city gives some 200 MB, so that :func:`twin.demo.write` leaves it to those who check clients.
    Quality is left out: it is the verdict of the ingest, not of the files.
    """
    places: dict[str, orjson.Fragment] = {}
    for name in ("stations", "lamp_posts", "buildings"):
        _, _, shapes, columns = pyogrio.raw.read(next(folder.glob(f"datasets/*/{name}.gpkg")), columns=["id"])
        points = shapely.point_on_surface(shapely.from_wkb(shapes))
        geometry = transform_geometry(points, CRS, CRS84)
        places |= {
            key: orjson.Fragment(text) for key, text in zip(columns[0], shapely.to_geojson(geometry), strict=True)
        }
    with target.open("wb") as out:
        out.write(b'{"type":"FeatureCollection","features":[')
        first = True
        for batch in observation_rows(folder).to_batches(max_chunksize=20_000):
            features = [_observation(row, places) for row in batch.to_pylist()]
            out.write((b"" if first else b",") + orjson.dumps(features)[1:-1])
            first = False
        out.write(b"]}")


def _observation(row: dict[str, Any], places: dict[str, orjson.Fragment]) -> dict[str, object]:
    time = iso(row["time"])
    return {
        "type": "Feature",
        "id": f"{row['datastream']}@{time}",
        "geometry": places[row["object_id"]],
        "properties": {
            "datastream": row["datastream"],
            "phenomenon_time": time,
            "result": row["value"],
            "result_time": iso(row["result_time"]),
            "object_id": row["object_id"],
            "observed_property": row["observed_property"],
        },
    }


def _facts(city: City, tables: dict[str, pa.Table]) -> dict[str, object]:
    days = ("2012-01-01", "2018-01-01", "2024-01-01", "2026-07-01", "2026-07-15", "2026-07-31")
    first, last = (climate.TIMES[k].item().replace(tzinfo=UTC) for k in (0, -1))
    buildings = city.buildings
    month = np.datetime64("2026-07-01", "D"), np.datetime64("2026-07-31", "D")
    return {
        "seed": SEED,
        "scale": city.plan.scale,
        "period": [iso(first), iso(last)],
        "heat_wave": [str(day) for day in climate.HEAT_WAVE],
        "heat_island": {
            "strongest": climate.STRONGEST,
            "park_cooling": climate.PARK_COOLING,
            "lapse": climate.LAPSE,
            "reference_altitude": climate.REFERENCE_ALTITUDE,
            "noise": series.NOISE,
            "lamp_post_noise": series.LAMP_NOISE,
            "lamp_post_bias": series.LAMP_BIAS,
        },
        "features": {name: len(table) for name, table in tables.items()},
        "observations": {name: measured.table.num_rows for name, measured in city.measured.items()},
        "datastreams": {name: _streams(measured.table) for name, measured in city.measured.items()},
        "buildings_standing": {day: int(buildings.standing(np.datetime64(day, "D")).sum()) for day in days},
        "built_in_the_month": buildings.id[_within(buildings.valid_from, *month)].tolist(),
        "demolished_in_the_month": buildings.id[_within(buildings.valid_to, *month)].tolist(),
        "public_buildings": buildings.id[buildings.public].tolist(),
        "sensor_lamp_posts": city.lamp_posts.id[city.lamp_posts.sensors].tolist(),
        "faults": {name: measured.faults for name, measured in city.measured.items()},
    }


def _within(day: Days, first: np.datetime64, last: np.datetime64) -> NDArray[np.bool_]:
    return np.asarray((day >= first) & (day <= last))


def _streams(table: pa.Table) -> int:
    return len(table.group_by(["object_id", "observed_property"]).aggregate([]))
