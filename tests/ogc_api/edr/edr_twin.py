"""A small real store with two stations, a lamp post, a coverage in time and one without."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import numpy as np
import pyarrow as pa
import shapely
import xarray as xr
from starlette.applications import Starlette

from ogc_api.edr import Edr, routes
from twin.context import Twin
from twin.doors.problems import DETAIL, HANDLERS
from twin.model import Collection, Field, FieldType, Kind, Licence, ObservedProperty, Style, Text
from twin.settings import Bounds, Settings, StoreSettings
from twin.store import Store
from twin.store.embedded import open_store
from twin.tables import DATASTREAM_FIELDS, OBSERVATION_SCHEMA, Quality, datastream_id, feature_schema
from twin.testing.samples import put_cube, put_features, put_series

BASE = "http://localhost:8000/ogc"
START = datetime(2026, 7, 1, tzinfo=UTC)
HOURS = 48
#: x, y in EPSG:2154 of the objects observed.
PLACES = {"S001": (1_170_100.0, 6_280_100.0), "S002": (1_172_000.0, 6_281_500.0), "L00001": (1_172_000.4, 6_281_500.0)}
XS = 1_170_000 + 50 * np.arange(40) + 25.0
YS = 6_280_000 + 50 * np.arange(30) + 25.0
TEMPERATURE = ObservedProperty(
    name="air_temperature",
    title=Text(fr="Température de l'air", en="Air temperature"),
    unit="Cel",
    standard_name="air_temperature",
)
HUMIDITY = ObservedProperty(
    name="relative_humidity", title=Text(fr="Humidité relative", en="Relative humidity"), unit="%"
)


def collection(name: str, kind: Kind, **more: object) -> Collection:
    text = Text(fr=name, en=name)
    licence = Licence(title="Licence Ouverte 2.0", attribution="test")
    return Collection(id=name, kind=kind, title=text, description=text, licence=licence, producer="test", **more)


def field_of(name: str, kind: FieldType) -> Field:
    return Field(name=name, type=kind, title=Text(fr=name, en=name))


def temperature(station: int) -> np.ndarray:
    return np.round(17.3 + station + 5 * np.sin(np.arange(HOURS) / 24 * 2 * np.pi), 1)


def field(step: int) -> np.ndarray:
    """A field that differs in every cell, so that a flip or a shift cannot pass."""
    rows, columns = np.meshgrid(np.arange(YS.size), np.arange(XS.size), indexing="ij")
    return (0.1 + rows * 0.01 + columns * 0.0003 + step).astype(np.float32)


def _put_stations(store: Store) -> None:
    fields = (field_of("name", FieldType.STRING),)
    ids = ["S001", "S002"]
    table = pa.table(
        {
            "id": ids,
            "valid_from": [START, START],
            "valid_to": pa.nulls(2, pa.timestamp("us", tz="UTC")),
            "geometry": [shapely.Point(PLACES[i]).wkb for i in ids],
            "name": ["Préfecture", "Écusson"],
        },
        schema=feature_schema(fields),
    )
    stations = collection("stations", Kind.FEATURES, fields=fields, geometry="Point", style=Style(label="name"))
    put_features(store, table, collection=stations)


def _put_observations(store: Store) -> None:
    streams = [
        ("S001", "stations", TEMPERATURE),
        ("S001", "stations", HUMIDITY),
        ("S002", "stations", TEMPERATURE),
        ("L00001", "lamp_posts", TEMPERATURE),
    ]
    count = len(streams)
    features = pa.table(
        {
            "id": [datastream_id(i, p.name) for i, _, p in streams],
            "valid_from": [START] * count,
            "valid_to": pa.nulls(count, pa.timestamp("us", tz="UTC")),
            "geometry": [shapely.Point(PLACES[i]).wkb for i, _, _ in streams],
            "name": [f"{i} {p.name}" for i, _, p in streams],
            "timeseries": ["observations"] * count,
            "object_collection": [c for _, c, _ in streams],
            "object_id": [i for i, _, _ in streams],
            "observed_property": [p.name for _, _, p in streams],
            "unit": [p.unit for _, _, p in streams],
        },
        schema=feature_schema(DATASTREAM_FIELDS),
    )
    times = np.datetime64(START.replace(tzinfo=None), "us") + np.arange(HOURS).astype("m8[h]")
    parts = []
    for number, (identity, _, observed) in enumerate(streams):
        keep = np.ones(HOURS, bool)
        values, quality = temperature(number), np.zeros(HOURS, np.uint8)
        if observed is HUMIDITY:
            keep[5:10] = False
        if identity == "S001" and observed is TEMPERATURE:
            quality[7] = Quality.STEP
        stamps = pa.array(times[keep]).cast(pa.timestamp("us", tz="UTC"))
        parts.append(
            pa.table(
                {
                    "datastream": [datastream_id(identity, observed.name)] * int(keep.sum()),
                    "phenomenon_time": stamps,
                    "result_time": stamps,
                    "result": values[keep],
                    "result_text": pa.nulls(int(keep.sum()), pa.string()),
                    "quality": quality[keep],
                    "quality_reason": pa.nulls(int(keep.sum()), pa.string()),
                },
                schema=OBSERVATION_SCHEMA,
            )
        )
    observations = collection("observations", Kind.TIMESERIES, observed_properties=(TEMPERATURE, HUMIDITY))
    put_series(store, pa.concat_tables(parts), datastreams=features, collection=observations)


def put_heat(store: Store, offset: float = 0.0, gap: slice = slice(0), blank: slice = slice(0)) -> None:
    """Commit the coverage in time, its values raised by `offset`, without the steps of `gap` and columns of `blank`."""
    times = np.datetime64(START.replace(tzinfo=None), "ns") + np.arange(HOURS).astype("m8[h]")
    values = np.stack([field(step) for step in range(HOURS)]) + np.float32(offset)
    values[..., blank] = np.nan
    dataset = xr.Dataset({"air_temperature": (("time", "y", "x"), values)}, coords={"time": times, "y": YS, "x": XS})
    dataset = dataset.isel(time=np.delete(np.arange(HOURS), gap))
    put_cube(store, dataset, collection=collection("heat", Kind.COVERAGE, observed_properties=(TEMPERATURE,)))


def _put_static(store: Store) -> None:
    observed = ObservedProperty(name="built_fraction", title=Text(fr="Fraction bâtie", en="Built fraction"), unit="1")
    dataset = xr.Dataset({"built_fraction": (("y", "x"), field(0))}, coords={"y": YS, "x": XS})
    put_cube(store, dataset, collection=collection("built_fraction", Kind.COVERAGE, observed_properties=(observed,)))


@contextmanager
def opened(folder: Path, **bounds: int) -> Iterator[Twin]:
    settings = Settings(store=StoreSettings(folder=folder), bounds=Bounds(**bounds))
    store = open_store(folder, "EPSG:2154")
    try:
        yield Twin.over(settings, store)
    finally:
        store.close()


def fill(twin: Twin) -> None:
    """Commit everything to the store of a new twin."""
    _put_stations(twin.store)
    _put_observations(twin.store)
    put_heat(twin.store)
    _put_static(twin.store)


def no_data(response: httpx.Response) -> str:
    """Check the answer to a sound question that meets no data; return why it does not."""
    assert response.status_code == 204, response.text
    assert not response.content
    assert "content-type" not in response.headers
    assert response.headers["cache-control"]
    assert response.headers["etag"]
    return response.headers[DETAIL]


type Get = Callable[..., httpx.Response]


def requests_to(edr: Edr) -> Get:
    """Return a function that asks one path of the routes, its parameters given as they are written."""
    app = Starlette(routes=routes(edr), exception_handlers=HANDLERS)

    async def ask(path: str, parameters: dict[str, str], headers: dict[str, str]) -> httpx.Response:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            return await client.get(path, params=parameters, headers=headers)

    def get(path: str, parameters: dict[str, str] | None = None, **headers: str) -> httpx.Response:
        return asyncio.run(ask(f"/collections/{path}", parameters or {}, headers))

    return get
